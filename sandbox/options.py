"""What can be chosen about a sandbox. A point that nobody could verify on a real portal is a switch here, with its likeliest value as default."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sandbox.salesforce.options import OrgOptions

LEAST_SCOPES = (
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.companies.read",
    "crm.objects.companies.write",
    "crm.objects.owners.read",
    "crm.schemas.contacts.read",
    "crm.schemas.contacts.write",
    "crm.schemas.companies.read",
    "crm.schemas.companies.write",
    "sales-email-read",
    "tickets",
    "oauth",
)
"""What the sandbox's app has: the least that Still There needs (docs/hubspot.md), and reading definitions; ``oauth`` is granted to every app."""


@dataclass(frozen=True)
class Tier:
    """What a subscription allows: calls in ten seconds for each app, calls a day for the account, and the same of association calls."""

    burst: int
    daily: int
    association_burst: int
    association_daily: int = 500_000


TIERS = {
    "free": Tier(100, 250_000, 100),
    "professional": Tier(190, 625_000, 150),
    "enterprise": Tier(190, 1_000_000, 150),
    "add_on": Tier(250, 1_625_000, 200, 1_000_000),
}
"""The published limits of private apps, by subscription."""


@dataclass(frozen=True)
class SandboxOptions:
    """How a sandbox behaves.

    Durations are in seconds unless the name says otherwise; a pair is a range from which each value is drawn with ``seed``.

    General: ``seed`` decides everything that is random. ``now`` is where the clock starts (none: the full hour after the data's last
    moment, or 2026-01-15 09:00 UTC without data); ``frozen`` keeps it there. ``host`` is the loopback address.
    ``latency_ms`` is added to every answer after its call was counted. ``faults`` is a fault file. ``keep_bodies`` is how many request and
    answer bodies the call log keeps.

    Portal: ``token``, ``scopes``, ``portal_id``, ``time_zone``, ``ui_domain``, ``tier`` with ``burst``, ``daily``, ``search_per_second`` to
    override it, ``daily_used`` calls that others made today. ``client_id``, ``client_secret``, ``refresh_token`` for OAuth;
    ``token_life`` is how long an OAuth token lives.

    Switches for what is not verified on a real portal: ``index_lag`` until a change is found by search; ``property_delay`` until a new
    property definition is seen; ``history_cap`` versions kept for each property; ``retry_after`` sends that header with a 429;
    ``task_unique_property`` allows unique custom properties on tasks; ``merged_in_batch_read`` resolve or missing; ``merged_in_batch_update``
    drop (silently left out), missing (reported) or resolve; ``lean_207`` leaves ``errors`` and ``links`` out of the items of a 207, as
    recorded answers do, though the published schema demands them; ``shuffle`` parts the order of batch results from that of the inputs.

    ``org`` says how the Salesforce side behaves.
    """

    seed: int = 20261122
    now: datetime | None = None
    frozen: bool = False
    host: str = "127.0.0.1"
    latency_ms: tuple[float, float] = (0.0, 0.0)
    faults: Path | None = None
    keep_bodies: int = 0

    token: str = "pat-na1-5ad0b0c5-0000-4000-8000-57111e4ee5e0"  # noqa: S105 - opens nothing but the sandbox
    scopes: tuple[str, ...] = LEAST_SCOPES
    portal_id: int = 24_117_000
    app_id: int = 3_141_592
    user_id: int = 51_400_100
    time_zone: str = "America/New_York"
    ui_domain: str = "app.hubspot.com"
    tier: str = "professional"
    burst: int | None = None
    daily: int | None = None
    association_burst: int | None = None
    search_per_second: int = 5
    daily_used: int = 0
    client_id: str = "57111e4e-0000-4000-8000-000000000001"
    client_secret: str = field(default="57111e4e-0000-4000-8000-000000000002", repr=False)
    refresh_token: str = field(default="na1-57111e4e-0000-4000-8000-000000000003", repr=False)
    token_life: int = 1800

    index_lag: tuple[float, float] = (0.5, 2.0)
    property_delay: tuple[float, float] = (0.0, 0.0)
    history_cap: int = 20
    retry_after: bool = False
    task_unique_property: bool = True
    merged_in_batch_read: str = "resolve"
    merged_in_batch_update: str = "drop"
    lean_207: bool = False
    shuffle: bool = True
    custom_property_limit: int = 1000

    org: OrgOptions = field(default_factory=OrgOptions)

    @property
    def limits(self) -> Tier:
        """The limits that hold: those of the tier, where none is given by itself."""
        tier = TIERS[self.tier]
        return Tier(
            self.burst or tier.burst, self.daily or tier.daily, self.association_burst or tier.association_burst, tier.association_daily
        )
