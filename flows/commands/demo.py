"""``stillthere demo``: the main job from end to end, on a sandbox CRM with made customers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
from rich.console import RenderableType

from flows.answer import SOME_ROWS_FAILED, Answer
from flows.commands.sandbox import DEFAULT_PORT
from flows.commands.setup import run_setup
from flows.commands.sync import full_sync
from flows.outcome import Outcome
from flows.render import Shown, render_highlights, render_sync
from flows.settings import load_settings
from flows.work import Work
from transforms.highlights import Section, highlights
from transforms.plays import TaskPlan
from transforms.vocabulary.errors import PersonMustAct

BURST = 250
"""The demo's portal has HubSpot's API add-on, which allows so many calls in ten seconds."""


def run_demo(*, contacts: int, companies: int, months: int, seed: int, keep: int, quiet: bool) -> Answer:
    """Start a sandbox, set it up, sync it, and show what a customer success manager would now see."""
    home = load_settings().home / "demo"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    tell = _quiet if quiet else _tell
    tell(f"Making {contacts:,} customers at {companies:,} companies, {months} months of them …")
    wishes = {"contacts": contacts, "companies": companies, "months": months, "seed": seed}
    process, at = _start_sandbox(home, wishes, keep)
    with_page = False
    try:
        os.environ |= {"STILLTHERE_HOME": str(home), "HUBSPOT_BASE_URL": at["base_url"], "HUBSPOT_ACCESS_TOKEN": at["token"]}
        tell(f"A HubSpot answers at {at['base_url']}. Setting it up and syncing; the first sync reads everything …")
        made = run_setup(dry_run=False)
        work, done = full_sync(load_settings(), quiet=quiet)
        sections = find_highlights(work, done)
        shown = render_highlights(sections, lambda _crm, contact_id: f"{at['base_url']}/contacts/{contact_id}")
        with_page = keep > 0
    finally:
        if not with_page:
            process.terminate()
            process.wait()
    text = [*render_sync(done, months=months, with_alerts=False), "", *shown.text, *_ending(at, home, process.pid, keep, _page(shown))]
    data: dict[str, Any] = {
        "sandbox": {**at, "pid": process.pid if with_page else None},
        "home": str(home),
        "set_up": len(made.data["changes"]),
        "sync": done.run.summary,
        "highlights": shown.data,
    }
    return Answer(data, text, SOME_ROWS_FAILED if done.applied.failed else 0)


def _start_sandbox(home: Path, wishes: Mapping[str, int], keep: int) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A sandbox in a process of its own, which ends by itself; and where it answers."""
    options = [part for name, value in wishes.items() for part in (f"--{name}", str(value))]
    port = DEFAULT_PORT if _is_free(DEFAULT_PORT) else 0
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "sandbox",
        "--json",
        "--crm",
        "hubspot",
        "--port",
        str(port),
        "--rate",
        str(BURST),
        "--minutes",
        str(keep + 15),
        *options,
    ]
    log = home / "sandbox.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True)  # noqa: S603 - ourselves
    line = process.stdout.readline() if process.stdout else b""
    with suppress(orjson.JSONDecodeError):
        found: dict[str, Any] = orjson.loads(line)
        if "base_url" in found:
            return process, found
    process.terminate()
    process.wait()
    raise PersonMustAct(f"The sandbox for the demo did not start; the last lines of {log} say why.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def find_highlights(work: Work, done: Outcome) -> tuple[Section, ...]:
    """What somebody should know after this run, from its own values and tasks."""
    if done.computation is None or done.plan is None:
        return ()
    owners, picks = work.lake.read("owners"), [part.picks for part in done.computation.parts]
    plan = TaskPlan(done.plan.create, done.plan.update, done.plan.held_back)
    return highlights(picks, plan, work.journal.tasks(), owners, done.computation.org)


def _page(shown: Shown) -> str:
    """The page of the first person shown who has a task."""
    items = [item for section in shown.data for item in section["items"] if item["link"]]
    return str(next((item["link"] for item in items if item["task"]), items[0]["link"] if items else ""))


def _ending(at: Mapping[str, Any], home: Path, pid: int, keep: int, page: str) -> list[RenderableType]:
    if keep == 0:
        return []
    command = "stillthere" if shutil.which("stillthere") else os.path.relpath(Path(sys.executable).with_name("stillthere"))
    return [
        f"See what a CSM sees:  {page or at['pages_url']}",
        "",
        f"The sandbox stays open for {keep} minutes (end it now: kill {pid}). To go on with it in this terminal:",
        f"  export STILLTHERE_HOME={home.resolve()}",
        f"  export HUBSPOT_BASE_URL={at['base_url']}",
        f"  export HUBSPOT_ACCESS_TOKEN={at['token']}",
        f"  {command} sync            # finds nothing to write",
        f"  {command} explain {page.rsplit('/', 1)[-1] or 'ADDRESS'}    # why that contact's fields say what they say",
    ]


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _quiet(_text: str) -> None:
    """Say nothing."""
