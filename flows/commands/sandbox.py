"""``stillthere sandbox``: a HubSpot and a Salesforce on this machine, kept open."""

from __future__ import annotations

import re
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from connectors.files import read_folder
from flows.answer import Answer, to_json
from flows.commands.score import read_moment
from sandbox.loader import Tables
from sandbox.loading.tables import by_crm
from sandbox.options import SandboxOptions
from sandbox.salesforce.options import OrgOptions
from sandbox.serve import Addresses, serve
from sandbox.world import PartOptions, World, WorldOptions, make_world, part_world
from transforms.vocabulary.errors import BadInput

DEFAULT_PORT = 8700
PARTS = {
    "hubspot": PartOptions(in_hubspot=1, in_salesforce=0),
    "salesforce": PartOptions(in_hubspot=0, in_salesforce=1),
    "both": PartOptions(),
}
"""How made customers are parted, by what was asked for."""
DEFAULT_NOW = "2026-11-22T09:00:00Z"
"""Where the clock of made customers starts, unless told otherwise."""


@dataclass(frozen=True)
class SandboxWishes:
    """What the command line asked for.

    ``crm`` is hubspot, salesforce or both; without it made customers are parted between both, and loaded rows go where they say.
    ``org_daily`` is how many API calls the Salesforce org allows in 24 hours; with ``org_mail_elsewhere`` it holds no mail, only counts.
    """

    port: int
    load: Path | None
    faults: Path | None
    latency: str
    rate: int
    index_lag: float
    now: str | None
    minutes: int | None
    world: WorldOptions
    crm: str | None = None
    org_daily: int = OrgOptions.daily
    org_mail_elsewhere: bool = False


def run_sandbox_open(wishes: SandboxWishes, *, as_json: bool) -> Answer:
    """Serve until stopped. What is printed first says where, and with which token."""
    start = None if wishes.now is None else read_moment(wishes.now).to_pydatetime()
    options = SandboxOptions(
        seed=wishes.world.seed,
        now=start,
        latency_ms=_range(wishes.latency),
        burst=wishes.rate,
        index_lag=(0.0, wishes.index_lag),
        faults=wishes.faults,
        org=OrgOptions(daily=wishes.org_daily, mail_is_captured_elsewhere=wishes.org_mail_elsewhere),
    )
    signal.signal(signal.SIGTERM, _end)
    if wishes.minutes is not None:
        signal.signal(signal.SIGALRM, _end)
        signal.alarm(wishes.minutes * 60)
    with suppress(KeyboardInterrupt):  # Ctrl-C and the end of its minutes are how a sandbox is closed
        world, salesforce = customers(wishes)
        serve(options, wishes.port, world=world, salesforce=salesforce, ready=lambda at: _announce(at, options.org, as_json=as_json))
    return Answer({"stopped": True}, ["The sandbox is closed; what was in it is gone."])


def customers(wishes: SandboxWishes) -> tuple[Tables | World | None, Tables | World | None]:
    """What goes into HubSpot, and what into Salesforce. Raises BadInput where there is no such CRM, or a file is wrong."""
    if wishes.crm is not None and wishes.crm not in PARTS:
        raise BadInput(f"The CRM was given as {wishes.crm}; it must be one of {', '.join(PARTS)}.")
    if wishes.load is not None:
        tables = Tables(**read_folder(wishes.load))
        if wishes.crm in {"hubspot", "salesforce"}:
            return (tables, None) if wishes.crm == "hubspot" else (None, tables)
        return by_crm(tables)
    sys.stderr.write(f"Making {wishes.world.contacts:,} customers at {wishes.world.companies:,} companies …\n")
    world = make_world(wishes.world)
    if wishes.crm == "hubspot":
        return world, None
    parted = part_world(world, PARTS[wishes.crm or "both"])
    return (None if wishes.crm == "salesforce" else parted.hubspot), parted.salesforce


def _announce(at: Addresses, org: OrgOptions, *, as_json: bool) -> None:
    """Say where it is, at once: whoever started us may be waiting for the line."""
    loaded, org_loaded = ([] if report is None else report.lines() for report in (at.report, at.org_report))
    settings = {
        "HUBSPOT_BASE_URL": at.base_url,
        "HUBSPOT_ACCESS_TOKEN": at.token,
        "SALESFORCE_BASE_URL": at.base_url,
        "SALESFORCE_DOMAIN": org.domain,
        "SALESFORCE_CONSUMER_KEY": org.consumer_key,
        "SALESFORCE_CONSUMER_SECRET": org.consumer_secret,
    }
    org_pages = f"{at.base_url}/lightning/o/Contact/list"
    if as_json:
        data = {
            "base_url": at.base_url,
            "pages_url": at.pages_url,
            "admin_url": at.admin_url,
            "token": at.token,
            "loaded": loaded,
            "salesforce": {
                **{name.removeprefix("SALESFORCE_").lower(): value for name, value in settings.items() if name.startswith("SALESFORCE_")},
                "pages_url": org_pages,
                "loaded": org_loaded,
            },
        }
        sys.stdout.write(to_json(data) + "\n")
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"[bold]A HubSpot and a Salesforce on this machine[/bold]: {at.base_url} (stop them with Ctrl-C)\n")
        for name, lines in (("HubSpot", loaded), ("Salesforce", org_loaded)):
            if lines:
                console.print(f"{name}\n" + "\n".join(f"  {escape(line)}" for line in lines) + "\n")
        console.print(f"Look at the contacts:  {at.pages_url}\n                       {org_pages}")
        console.print(f"Read the call log:     {at.base_url}/_sandbox/calls\n\nTo use them from another terminal:")
        console.print("\n".join(f"  export {name}={value}" for name, value in settings.items()))
        console.print("  stillthere setup && stillthere sync")
    sys.stdout.flush()


def _range(text: str) -> tuple[float, float]:
    """Milliseconds from ``80-150`` or ``80``. Raises BadInput."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?", text.strip())
    if found is None:
        raise BadInput(f"{text!r} was given as a delay, but it is none; write milliseconds such as 80 or 80-150.")
    low, high = float(found[1]), float(found[2] or found[1])
    if low > high:
        raise BadInput(f"{text!r} was given as a delay, but its first number is the larger; write it as {found[2]}-{found[1]}.")
    return low, high


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
