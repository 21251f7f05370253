"""``stillthere demo``: the main job from end to end, on a HubSpot and a Salesforce with made customers."""

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
import pandas as pd
from rich.console import RenderableType

from connectors.salesforce.names import object_of
from flows.answer import SOME_ROWS_FAILED, Answer
from flows.commands.sandbox import DEFAULT_PORT
from flows.commands.setup import run_setup
from flows.commands.sync import full_sync
from flows.outcome import Outcome
from flows.render import Shown, render_highlights, render_people, render_sync
from flows.settings import load_settings
from flows.work import Work
from transforms.highlights import ELSEWHERE, Section, highlights
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
        os.environ |= {"STILLTHERE_HOME": str(home), **_environment(at)}
        tell(f"A HubSpot and a Salesforce answer at {at['base_url']}. Setting both up and syncing; the first sync reads everything …")
        made = run_setup(dry_run=False)
        work, done = full_sync(load_settings(), quiet=quiet)
        sections = find_highlights(work, done)
        shown = render_highlights(sections, lambda crm, contact_id: _page_of(at, crm, contact_id))
        with_page = keep > 0
    finally:
        if not with_page:
            process.terminate()
            process.wait()
    ending = _ending(at, home, process.pid, keep, _pages(shown), done.run.run_id)
    text = [*render_sync(done, months=months, with_alerts=False), *render_people(_people(done)), "", *shown.text, *ending]
    data: dict[str, Any] = {
        "sandbox": {**at, "pid": process.pid if with_page else None},
        "home": str(home),
        "set_up": len(made.data["changes"]),
        "sync": done.run.summary,
        "people": _people(done),
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


def _environment(at: Mapping[str, Any]) -> dict[str, str]:
    """The settings that point to both CRMs."""
    org = at["salesforce"]
    return {
        "HUBSPOT_BASE_URL": at["base_url"],
        "HUBSPOT_ACCESS_TOKEN": at["token"],
        **{f"SALESFORCE_{name.upper()}": org[name] for name in ("base_url", "domain", "consumer_key", "consumer_secret")},
    }


def _page_of(at: Mapping[str, Any], crm: str, contact_id: str) -> str:
    """The page on which a person sees the contact."""
    if crm == "hubspot":
        return f"{at['base_url']}/contacts/{contact_id}"
    return f"{at['base_url']}/lightning/r/{object_of(contact_id) or 'Contact'}/{contact_id}/view"


def _people(done: Outcome) -> dict[str, int]:
    """How many people stand in which CRMs."""
    parts = done.computation.parts if done.computation is not None else ()
    members = pd.concat([part.members for part in parts]) if parts else pd.DataFrame({"crm": [], "person_id": []})
    where = members.sort_values("crm").groupby("person_id")["crm"].agg(lambda crms: "+".join(dict.fromkeys(crms)))
    return {str(crms): int(count) for crms, count in where.value_counts().sort_index().items()}


def _pages(shown: Shown) -> list[str]:
    """The pages worth opening: both of somebody who is silent in one CRM and talks in the other, and one with a task."""
    items = [(section["title"], item) for section in shown.data for item in section["items"] if item["links"]]
    both = [item["links"] for title, item in items if title == ELSEWHERE][:1]
    task = [item["links"][:1] for _, item in items if item["task"]][:1]
    return list(dict.fromkeys(link for links in (task + both or [item["links"] for _, item in items[:1]]) for link in links))


def _ending(at: Mapping[str, Any], home: Path, pid: int, keep: int, pages: list[str], run_id: str) -> list[RenderableType]:
    if keep == 0:
        return []
    command = "stillthere" if shutil.which("stillthere") else os.path.relpath(Path(sys.executable).with_name("stillthere"))
    return [
        *(f"{'See what a CSM sees:' if place == 0 else '':<21} {page}" for place, page in enumerate(pages or [at["pages_url"]])),
        "",
        f"The sandbox stays open for {keep} minutes (end it now: kill {pid}). To go on with it in this terminal:",
        f"  export STILLTHERE_HOME={home.resolve()}",
        *(f"  export {name}={value}" for name, value in _environment(at).items()),
        f"  {command} sync            # finds nothing to write",
        f"  {command} explain {_contact_in(pages)}    # why that contact's fields say what they say, and both sides of a person",
        "",
        f"Take it all back (with the settings above):  {command} revert {run_id}",
    ]


def _contact_in(pages: list[str]) -> str:
    """The id of the contact whose page came last: somebody whom both CRMs hold, where there is one."""
    return pages[-1].removesuffix("/view").rsplit("/", 1)[-1] if pages else "ADDRESS"


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _quiet(_text: str) -> None:
    """Say nothing."""
