"""``stillthere sandbox``: a HubSpot on this machine, kept open."""

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
from sandbox.options import SandboxOptions
from sandbox.serve import Addresses, serve
from sandbox.world import World, WorldOptions, make_world
from transforms.vocabulary.errors import BadInput

DEFAULT_PORT = 8700
DEFAULT_NOW = "2026-11-22T09:00:00Z"
"""Where the clock of made customers starts, unless told otherwise."""


@dataclass(frozen=True)
class SandboxWishes:
    """What the command line asked for."""

    port: int
    load: Path | None
    faults: Path | None
    latency: str
    rate: int
    index_lag: float
    now: str | None
    minutes: int | None
    world: WorldOptions


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
    )
    signal.signal(signal.SIGTERM, _end)
    if wishes.minutes is not None:
        signal.signal(signal.SIGALRM, _end)
        signal.alarm(wishes.minutes * 60)
    with suppress(KeyboardInterrupt):  # Ctrl-C and the end of its minutes are how a sandbox is closed
        serve(options, wishes.port, world=_customers(wishes), ready=lambda at: _announce(at, as_json=as_json))
    return Answer({"stopped": True}, ["The sandbox is closed; what was in it is gone."])


def _customers(wishes: SandboxWishes) -> Tables | World:
    if wishes.load is not None:
        return Tables(**read_folder(wishes.load))
    sys.stderr.write(f"Making {wishes.world.contacts:,} customers at {wishes.world.companies:,} companies …\n")
    return make_world(wishes.world)


def _announce(at: Addresses, *, as_json: bool) -> None:
    """Say where it is, at once: whoever started us may be waiting for the line."""
    loaded = at.report.lines() if at.report is not None else []
    if as_json:
        data = {"base_url": at.base_url, "pages_url": at.pages_url, "admin_url": at.admin_url, "token": at.token, "loaded": loaded}
        sys.stdout.write(to_json(data) + "\n")
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"[bold]A HubSpot on this machine[/bold]: {at.base_url} (stop it with Ctrl-C)\n")
        if loaded:
            console.print("\n".join(f"  {escape(line)}" for line in loaded) + "\n")
        console.print(f"Look at its contacts:  {at.pages_url}\nRead its call log:     {at.base_url}/_sandbox/calls\n")
        console.print("To use it from another terminal:")
        console.print(
            f"  export HUBSPOT_BASE_URL={at.base_url}\n  export HUBSPOT_ACCESS_TOKEN={at.token}\n  stillthere setup && stillthere sync"
        )
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
