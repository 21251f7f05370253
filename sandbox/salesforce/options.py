"""What can be chosen about a Salesforce org. A point that nobody could verify on a real org is a switch here, with its likeliest value as default."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class OrgOptions:
    """How an org behaves. Durations are in seconds; a pair is a range from which each value is drawn with the sandbox's seed.

    ``domain`` is the org's My Domain without ``.salesforce.com``. ``consumer_key`` and ``consumer_secret`` belong to its connected app,
    ``username`` to the integration user; ``public_key_file`` is the PEM file against which JWT assertions are checked (empty: JWT is refused).
    ``session_life`` is how long a session lives, ``session_calls`` after how many calls it ends (None: never).
    ``daily`` is the limit of API calls in 24 hours, ``daily_used`` what others used of it. ``usage_jitter`` lets the usage header waver.
    ``batch_size`` is how many rows a query answer holds at most. ``cursor_life`` is how long a query cursor lives.
    ``commit_delay`` is how late a change becomes visible after its stamp. ``archive_days`` after which closed tasks and past events are archived.
    ``bulk_job_s`` is how long a bulk job takes. ``recycle_days`` until deleted records are purged.
    ``mail_is_captured_elsewhere`` makes an org whose mail is not in the standard objects but only counted in ActivityMetric.
    ``integration_may_define``: the integration user may change metadata, as set-up needs it.
    ``integration_rights`` are further permissions of that user, such as ``ModifyAllData``.
    ``shared_activities`` has TaskRelation-like counts. ``api_version`` is the newest version served.
    """

    domain: str = "stillthere.my"
    org_id: str = "00D5e000000StLlEAK"
    consumer_key: str = "3MVG9stillthere.sandbox.consumer.key"
    consumer_secret: str = field(default="57111E4E0000400080005711E4E57111", repr=False)
    username: str = "integration@stillthere.example"
    password: str = field(default="sandbox-password", repr=False)
    public_key_file: str = ""
    session_life: float = 7200.0
    session_calls: int | None = None
    daily: int = 100_000
    daily_used: int = 0
    usage_jitter: int = 3
    batch_size: int = 2000
    cursor_life: float = 172_800.0
    commit_delay: tuple[float, float] = (0.0, 0.0)
    archive_days: int = 365
    bulk_job_s: tuple[float, float] = (0.2, 0.6)
    recycle_days: int = 15
    mail_is_captured_elsewhere: bool = False
    integration_may_define: bool = True
    integration_rights: tuple[str, ...] = ()
    shared_activities: bool = False
    api_version: str = "64.0"
