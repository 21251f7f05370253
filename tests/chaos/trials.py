"""Trials: a whole set-up and sync of both CRMs, behind a hostile proxy and killed again and again, compared with an undisturbed one.

``python tests/chaos/trials.py --first 1 --trials 200`` runs many and says of each what differs; ``make chaos`` does that.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from hostile import PASS, Hostile
from starting import forking, run

from connectors.salesforce.names import PREFIX, TASK_KEY
from sandbox.hubspot.object_types import object_type
from sandbox.running import Sandbox, SandboxOptions, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import WorldOptions, make_world
from sandbox.world.parting import Parted, part_world

WRITES = r"/batch/(update|upsert|create|archive)|composite/sobjects|jobs/ingest|/properties|/Soap/m/"
MAY_END = {0: "done", 3: "some rows failed", 20: "unreachable", -9: "killed"}
"""How a run may end under faults. Anything else is a finding."""
PATIENT = 8
"""So many starts are disturbed; then the world is calm, and one more must do."""
OURS = ("Subject", "Description", "Status", "Priority", "TaskSubtype", "ActivityDate", "OwnerId", "WhoId", "WhatId")
TASK = ("stillthere_task_key", "hs_task_subject", "hs_task_body", "hs_task_status", "hs_task_priority", "hs_timestamp", "hubspot_owner_id")

End = dict[str, Any]


@dataclass
class Trial:
    """What became of one seed: how each start ended, which faults struck, and what is wrong in the end (nothing, where all is well)."""

    seed: int
    starts: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0


@cache
def customers() -> Parted:
    """Made customers of modest size, in HubSpot, in Salesforce or in both."""
    return part_world(make_world(WorldOptions(seed=5, contacts=60, companies=9, months=6, activities_per_contact=12)))


@contextmanager
def opened() -> Iterator[Sandbox]:
    """A sandbox with these customers in it, before set-up."""
    both = customers()
    options = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0.0, 0.3), org=OrgOptions(bulk_job_s=(0.0, 0.1)))
    with run_sandbox(world=both.hubspot, salesforce=both.salesforce, options=options) as sandbox:
        yield sandbox


def environment(sandbox: Sandbox, base_url: str, home: Path) -> dict[str, str]:
    """The settings that name both CRMs at that address."""
    org = sandbox.org.org
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUBSPOT_", "SALESFORCE_", "STILLTHERE_"))}
    return kept | {
        "STILLTHERE_HOME": str(home),
        "HUBSPOT_BASE_URL": base_url,
        "HUBSPOT_ACCESS_TOKEN": sandbox.token,
        "SALESFORCE_BASE_URL": base_url,
        "SALESFORCE_DOMAIN": org.domain,
        "SALESFORCE_CONSUMER_KEY": org.consumer_key,
        "SALESFORCE_CONSUMER_SECRET": org.consumer_secret,
    }


def end_of(sandbox: Sandbox) -> End:
    """What stands in both CRMs: each value of our fields, each task with all that is ours in it, and our definitions."""
    state, org = sandbox.portal.snapshot(), sandbox.org
    values = {
        ("hubspot", table, record_id, name): value
        for table in ("contacts", "companies")
        for record_id, held in state[table].items()
        for name, value in held.items()
        if name.startswith("stillthere_") and value != ""
    }
    objects = ("Contact", "Lead", "Account")
    values |= {
        ("salesforce", table, row.id, name): value
        for table in objects
        for row in org.rows(table)
        for name, value in row.values.items()
        if name.startswith(PREFIX) and value is not None
    }
    tasks = [
        ("hubspot", *(task.get(name) for name in TASK), *(tuple(task["associations"][to]) for to in ("contacts", "companies")))
        for task in state["tasks"].values()
    ]
    tasks += [
        ("salesforce", row.values[TASK_KEY], *(row.values.get(name) for name in OURS))
        for row in org.rows("Task", is_all=True)
        if row.values.get(TASK_KEY)
    ]
    names = {row.id: row.values.get("Name") for row in org.rows("PermissionSet") if str(row.values.get("Name")).startswith(PREFIX)}
    definitions = [
        *(("hubspot", of, name, repr(each)) for of, many in state["definitions"].items() for name, each in many.items()),
        *((of, each.name, each.type) for of in (*objects, "Task") for each in org.kind(of).fields.values() if each.name.startswith(PREFIX)),
        *(("permission set", name) for name in names.values()),
        *(
            ("assignment", names[row.values["PermissionSetId"]], row.values["AssigneeId"])
            for row in org.rows("PermissionSetAssignment")
            if row.values["PermissionSetId"] in names
        ),
        *(
            ("granted", names[row.values["ParentId"]], row.values["Field"], row.values.get("PermissionsEdit"))
            for row in org.rows("FieldPermissions")
            if row.values["ParentId"] in names
        ),
        *(("list view", row.values["DeveloperName"]) for row in org.rows("ListView") if row.values["DeveloperName"].startswith(PREFIX)),
    ]
    return {"values": values, "tasks": sorted(tasks, key=repr), "definitions": sorted(definitions, key=repr)}


def change_both(sandbox: Sandbox) -> None:
    """Three weeks later: people have changed things in both CRMs, and one of them is gone."""
    # All at one moment, which is the same in every trial, however long the first part of it took.
    clock = sandbox.clock
    clock.freeze()
    clock.set(clock.now().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=21))
    portal, org = sandbox.portal, sandbox.org
    contacts = sorted(portal.stores["contacts"].live)
    kind = object_type("contacts")
    portal.update(kind, portal.stores["contacts"].live[contacts[0]], {"jobtitle": "Head of Change"}, portal.person_source)
    portal.archive(kind, contacts[1])
    people = sorted(org.rows("Contact"), key=lambda row: row.id)
    org.update(org.admin_id, people[0], {"Title": "Head of Change"})
    with_case = {row.values.get("ContactId") for row in org.rows("Case")}
    org.delete(org.admin_id, next(person for person in people[1:] if person.id not in with_case))
    values = {"Subject": "Call from them", "Status": "Completed", "Priority": "Normal", "TaskSubtype": "Call", "CallType": "Inbound"}
    for person in people[-4:]:
        org.create(org.admin_id, "Task", {**values, "WhoId": person.id, "ActivityDate": clock.now().strftime("%Y-%m-%d")})
    clock.run()


@cache
def undisturbed(*, is_long: bool) -> tuple[End, ...]:
    """How both CRMs stand after a set-up and a sync that nothing disturbs; and where it ``is_long``, after a second one three weeks later."""
    ends = []
    with opened() as sandbox, tempfile.TemporaryDirectory() as folder:
        given = environment(sandbox, sandbox.base_url, Path(folder) / "home")
        for change in (False, True) if is_long else (False,):
            if change:
                change_both(sandbox)
            for command in (["setup"], ["sync"]):
                code, said = _run(command, given)
                if code != 0:
                    raise RuntimeError(f"an undisturbed {command[0]} ended with {code}: {said}")
            ends.append(end_of(sandbox))
    return tuple(ends)


def try_seed(seed: int, *, is_whole: bool = False, is_long: bool = True, sets_up: bool = True) -> Trial:
    """One trial. ``is_whole`` runs the command line with Prefect and its server; ``is_long`` adds a second sync three weeks later.

    ``sets_up``: set-up is disturbed too; else it is done before the trouble begins.
    """
    trial, began = Trial(seed), time.monotonic()
    draw = random.Random(seed)
    expected = undisturbed(is_long=is_long)
    with opened() as sandbox, tempfile.TemporaryDirectory() as folder, Hostile(sandbox.base_url, seed, draw.uniform(0.04, 0.2)) as proxy:
        given = environment(sandbox, proxy.base_url, Path(folder) / "home")
        command = ["sync", "--json"] if is_whole else ["sync"]
        share = proxy.share
        for change in (False, True) if is_long else (False,):
            if change:
                change_both(sandbox)
                proxy.share = share
            elif sets_up:
                _until_done(trial, ["setup"], given, proxy, draw)
                proxy.share = share
            else:
                _run(["setup"], environment(sandbox, sandbox.base_url, Path(folder) / "home"))
            _until_done(trial, command, given, proxy, draw)
            proxy.settle()  # what arrives after the end belongs to what was tried, not to the sync afterwards
            trial.wrong += differences(expected[int(change)], end_of(sandbox))
        proxy.share = 0.0
        last = sandbox.calls.last_number
        ended = _run(["sync"], given)
        if ended[0] != 0:
            trial.wrong.append(f"a sync afterwards ended with {ended[0]}: {ended[1]}")
        trial.wrong += [
            f"a sync afterwards wrote: {call.method} {call.path}"
            for call in sandbox.calls.select(WRITES, since=last)
            if call.method != "GET" and "batch/read" not in call.path
        ]
        trial.faults.update(one.done for one in proxy.passed if one.done != PASS)
    trial.seconds = time.monotonic() - began
    return trial


def _until_done(trial: Trial, command: list[str], given: dict[str, str], proxy: Hostile, draw: random.Random) -> None:
    """Start a command until it is done, killing it now and then."""
    for start in range(1, PATIENT + 2):
        if start > PATIENT:
            proxy.share = 0.0
        is_killed = start <= PATIENT and draw.random() < 0.6 / start**0.5
        kill = (draw.randint(1, 45), draw.choice([0.0, draw.uniform(0, 0.05), draw.uniform(0, 2)])) if is_killed else None
        code, said = _run(command, given, proxy, kill)
        trial.starts.append(f"{command[0]}:{MAY_END.get(code, code)}")
        if code not in MAY_END:
            trial.wrong.append(f"a start ended with {code}: {said[-1500:]}")
        if code == 0:
            return
    trial.wrong.append(f"it was never done: {said[-1500:]}")


def _run(command: list[str], given: dict[str, str], proxy: Hostile | None = None, kill: tuple[int, float] | None = None) -> tuple[int, str]:
    """Run a command, and kill it so many seconds after so many calls. Its exit code (-9 where it was killed) and what it said."""
    folder = Path(given["STILLTHERE_HOME"]).parent
    reached = threading.Event()
    if kill is not None and proxy is not None:
        first = len(proxy.passed)
        proxy.on_call = lambda number: reached.set() if number - first >= kill[0] else None
    child = forking.Process(target=run, args=(command, given, str(folder)))
    child.start()
    try:
        while child.is_alive():
            if kill is not None and reached.wait(0.005):
                time.sleep(kill[1])
                child.kill()
            child.join(0.01)
    finally:
        if proxy is not None:
            proxy.on_call = lambda _number: None
        child.kill()
        child.join()
    told = folder / "err"
    return child.exitcode or 0, told.read_text(errors="replace") if told.exists() else ""


def differences(expected: End, actual: End) -> list[str]:
    """What stands otherwise than it should, in words."""
    told = []
    for place in sorted(expected["values"].keys() | actual["values"].keys()):
        want, have = expected["values"].get(place), actual["values"].get(place)
        if want != have:
            told.append(f"{' '.join(place)} is {have!r}, should be {want!r}")
    for what in ("tasks", "definitions"):
        want, have = Counter(map(repr, expected[what])), Counter(map(repr, actual[what]))
        told += [f"{what}: {number} too many of {one}" for one, number in (have - want).items()]
        told += [f"{what}: {number} missing of {one}" for one, number in (want - have).items()]
    keys = Counter(task[:2] for task in actual["tasks"])
    told += [f"{number} tasks have the key {key}" for key, number in keys.items() if number > 1]
    return told


def main() -> None:
    """Run many trials; exit code 1 where any of them ended otherwise than an undisturbed run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--trials", type=int, default=200, help="how many seeds")
    parser.add_argument("--whole-every", type=int, default=10, help="each so-manieth trial runs the whole command line, with Prefect")
    asked = parser.parse_args()
    bad = []
    for seed in range(asked.first, asked.first + asked.trials):
        trial = try_seed(seed, is_whole=seed % asked.whole_every == 0, is_long=seed % 3 == 1, sets_up=seed % 4 == 0)
        bad += [seed] if trial.wrong else []
        sys.stdout.write(
            f"{seed}: {'BAD' if trial.wrong else 'good'} in {trial.seconds:.0f} s · {' '.join(trial.starts)} · {dict(trial.faults)}\n"
        )
        sys.stdout.writelines(f"    {line}\n" for line in trial.wrong[:20])
        sys.stdout.flush()
    sys.stdout.write(f"{asked.trials} trials, {len(bad)} ended otherwise than an undisturbed run: {bad}\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
