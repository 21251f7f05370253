"""Taking runs back against both sandboxes: what is written, what is left, what is said, and that a break changes nothing in the end."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from connectors.salesforce.names import TASK_KEY, api_name
from flows.answer import print_answer, to_json
from flows.applying import apply_cells, apply_tasks
from flows.cli import app
from flows.commands.revert import run_revert
from flows.outcome import Outcome
from flows.recovery import recover
from flows.reverting import put_back_fields, put_back_tasks, ready_revert
from flows.running import begin_run
from flows.settings import load_settings
from flows.work import Work, open_work
from sandbox.admin import change_record
from sandbox.options import SandboxOptions
from sandbox.org_admin import change_in_org
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import WorldOptions, make_world
from sandbox.world.parting import part_world
from store.forgetting import forget
from tests.flows.plainly import plainly
from transforms.fields import FIELDS
from transforms.reverting import CLOSING, Verdict
from transforms.vocabulary.changes import CELLS, GONE, TASKS
from transforms.vocabulary.errors import StillThereError
from transforms.vocabulary.tables import CONTACTS, to_table

WRITES = r"/batch/(update|upsert|create|archive)|composite/sobjects/Task|jobs/ingest"
TEXTS = ("why", "best_channel_why", "best_time", "job_evidence", "successor")
Cell = tuple[str, str, str, str]
"""CRM, table, record and field."""


@dataclass
class Place:
    """Both CRMs, and the home of this test alone."""

    sandbox: Sandbox
    home: Path

    @property
    def contacts(self) -> list[str]:
        """The ids of HubSpot's contacts."""
        return sorted(self.sandbox.portal.snapshot()["contacts"], key=int)

    @property
    def org_contacts(self) -> list[str]:
        """The ids of Salesforce's contacts."""
        return sorted(row.id for row in self.sandbox.org.rows("Contact"))

    def holds(self, cells: Sequence[Cell]) -> dict[Cell, str]:
        """What stands in these cells now; empty where nothing does."""
        found = {}
        state = self.sandbox.portal.snapshot()
        org = {row.id: row.values for name in ("Contact", "Account") for row in self.sandbox.org.rows(name)}
        for crm, table, record, field in cells:
            held = state[table][record].get(f"stillthere_{field}") if crm == "hubspot" else org[record].get(api_name(field))
            found[crm, table, record, field] = held or ""
        return found

    def by_hand(self, cell: Cell, value: str) -> None:
        """A person writes into a cell, in the browser."""
        crm, table, record, field = cell
        if crm == "hubspot":
            change_record(self.sandbox.portal, {"type": table, "id": record, "properties": {f"stillthere_{field}": value}})
        else:
            change_in_org(self.sandbox.org, {"id": record, "fields": {api_name(field): value}})

    def stamp(self, record: str) -> object:
        """When a record of the org was last changed, and by whom."""
        row = self.sandbox.org.find(record)
        assert row is not None
        return row.values["SystemModstamp"]

    def task(self, key: str) -> dict[str, Any]:
        """Our task of that key in HubSpot."""
        held = self.sandbox.portal.snapshot()["tasks"]
        found = [{**task, "id": one} for one, task in held.items() if task["stillthere_task_key"] == key]
        assert len(found) == 1
        return dict(found[0])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A portal and an org with a few customers, set up. All tests share them; each has a home, and a journal, of its own."""
    world = part_world(make_world(WorldOptions(seed=3, contacts=60, companies=5, months=3, activities_per_contact=2)))
    lag_free = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0.0, 0.0), org=OrgOptions(bulk_job_s=(0.0, 0.05)))
    with run_sandbox(world=world.hubspot, salesforce=world.salesforce, options=lag_free) as sandbox, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("set_up"))
        for name, value in environment(sandbox).items():
            patch.setenv(name, value)
        for crm in open_work(load_settings()).crms.values():
            crm.create_fields(crm.pending_fields(FIELDS))
        yield sandbox


def environment(sandbox: Sandbox) -> dict[str, str]:
    """The settings that name both CRMs."""
    own = sandbox.org.org
    return {
        "HUBSPOT_BASE_URL": sandbox.base_url,
        "HUBSPOT_ACCESS_TOKEN": sandbox.token,
        "SALESFORCE_BASE_URL": sandbox.base_url,
        "SALESFORCE_DOMAIN": own.domain,
        "SALESFORCE_CONSUMER_KEY": own.consumer_key,
        "SALESFORCE_CONSUMER_SECRET": own.consumer_secret,
        "STILLTHERE_HOME": "home",
    }


@pytest.fixture
def place(both: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    """Both CRMs, with a home that knows of no run."""
    monkeypatch.chdir(tmp_path)
    for name, value in environment(both).items():
        monkeypatch.setenv(name, value)
    yield Place(both, tmp_path / "home")
    both.faults.clear()


def run(
    wanted: dict[Cell, str],
    kind: str = "sync",
    tasks: Sequence[dict[str, object]] = (),
    update: pd.DataFrame | None = None,
    account: str | None = None,
) -> str:
    """A run that writes these values and tasks, and knows what stood there before; its id."""
    work = open_work(load_settings())
    frame = to_table(CELLS, [cell(work, where, new) for where, new in wanted.items()] or empty(CELLS))
    with begin_run(work, kind) as done:
        done.run.summary["accounts"] = {**done.accounts, **({"hubspot": account} if account else {})}
        apply_cells(work, done.run.run_id, frame, done.applied)
        made = to_table(TASKS, list(tasks) or empty(TASKS))
        apply_tasks(work, done.run.run_id, made, made[:0] if update is None else update, done.applied)
    assert done.applied.failed == []
    return done.run.run_id


def empty(table: Any) -> pd.DataFrame:
    """No row, with the columns that must be there."""
    return pd.DataFrame(columns=table.names)


def cell(work: Work, where: Cell, new: str) -> dict[str, object]:
    """A cell to write, with what stands there."""
    crm, table, record, field = where
    fields = [one for one in FIELDS if (one.table, one.name) == (table, field)]
    values = orjson.loads(work.crm(crm).current(table, [record], fields)["values"].iloc[0])
    found = {"crm": crm, "table": table, "record_id": record, "field": field, "old": values.get(field), "new": new or None}
    return {**found, "reason": "a test"}


def revert(name: str, *more: str) -> tuple[int, dict[str, Any]]:
    """The command: its exit code, and its answer as JSON."""
    try:
        answer = run_revert(run=name, dry_run="--dry-run" in more, quiet=True, at=plainly)
    except StillThereError as error:
        return error.exit_code, {"error": str(error)}
    return answer.exit_code, orjson.loads(to_json(answer.data))


def a_task(key: str, contact_id: str, crm: str = "hubspot") -> dict[str, object]:
    """A task to create."""
    fixed = {"play": "help_first", "reason": "r", "subject": f"Help {key}", "body": "Call her.", "way": "todo", "priority": "low"}
    return {"task_key": key, "crm": crm, "contact_id": contact_id, "due_at": "2026-12-01T16:00:00Z", "state": "open", **fixed}


def test_a_person_changed_one_of_a_hundred_cells(place: Place) -> None:
    """Ninety-nine are put back, the one is named and left, and its record gets only its other cells."""
    before = {("hubspot", "contacts", record, field): f"before {n}" for n, record in enumerate(place.contacts[:20]) for field in TEXTS}
    assert len(before) == 100
    run(before)
    of = run({where: f"after {n}" for n, where in enumerate(before)})
    theirs = ("hubspot", "contacts", place.contacts[7], "why")
    place.by_hand(theirs, "Spoke to her on Monday.")
    last = place.sandbox.calls.last_number
    code, told = revert(of)
    assert place.holds(list(before)) == {**before, theirs: "Spoke to her on Monday."}
    assert code == 3
    assert (told["cells"]["restored"], told["cells"]["conflict"], told["failed"]) == (99, 1, [])
    conflict = {name: told["conflicts"][0][name] for name in ("crm", "table", "record_id", "field", "before", "present")}
    assert conflict == {
        **dict(zip(("crm", "table", "record_id", "field"), theirs, strict=True)),
        "before": "before 7",
        "present": "Spoke to her on Monday.",
    }
    assert place.sandbox.calls.count(r"/contacts/batch/update", since=last) == 1
    assert place.sandbox.calls.count(WRITES, since=last) == 1


def test_what_is_printed_is_what_is_asked_for(place: Place) -> None:
    """`stillthere runs` shows ids whole, also in a narrow terminal; a dry run shows cells and tasks one by one, and so does what was gone."""
    here, gone = [("hubspot", "contacts", record, "why") for record in place.contacts[-6:-4]]
    of = run({here: "ours", gone: "ours"}, tasks=[a_task("shown", here[2])])
    change_record(place.sandbox.portal, {"do": "archive", "id": gone[2]})
    told = {words: CliRunner().invoke(app, words, env={"COLUMNS": "80"}).stdout for words in ("runs", f"revert {of} --dry-run")}
    assert of in told["runs"]
    assert f"HubSpot contacts {here[2]}  why    ours → (empty)" in told[f"revert {of} --dry-run"]
    assert "Help shown" in told[f"revert {of} --dry-run"]
    assert f"HubSpot contacts {gone[2]}\n" in told[f"revert {of} --dry-run"]


def test_the_conflict_is_named_to_people_and_kept_without_values(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The terminal shows record, field and both values; the journal keeps the record and the field alone."""
    where = ("hubspot", "contacts", place.contacts[0], "why")
    of = run({where: "ours"})
    place.by_hand(where, "Theirs, and private.")
    answer = run_revert(run=of, dry_run=False, quiet=True, at=plainly)
    assert answer.exit_code == 3
    monkeypatch.setenv("COLUMNS", "200")
    print_answer(answer, as_json=False)
    told = capsys.readouterr().out
    assert f"HubSpot contacts {where[2]}" in told
    assert "Theirs, and private." in told
    kept = open_work(load_settings(), offline=True).journal.runs().iloc[-1]
    assert (kept["kind"], kept["exit_code"], of in kept["options"]) == ("revert", 3, True)
    assert where[2] in kept["summary"]
    assert "private" not in kept["summary"]


def test_both_crms_and_both_tables_in_one_run(place: Place) -> None:
    """Cells of contacts and companies of both CRMs are put back by one command, empty ones too."""
    company = min(place.sandbox.portal.snapshot()["companies"], key=int)
    account = min(row.id for row in place.sandbox.org.rows("Account"))
    cells = [
        ("hubspot", "contacts", place.contacts[1], "best_time"),
        ("hubspot", "companies", company, "why"),
        ("salesforce", "contacts", place.org_contacts[1], "best_time"),
        ("salesforce", "companies", account, "why"),
    ]
    before = place.holds(cells)
    of = run(dict.fromkeys(cells, "ours"))
    assert set(place.holds(cells).values()) == {"ours"}
    code, told = revert(of)
    assert (code, told["cells"]["restored"], told["records"]) == (0, 4, 4)
    assert place.holds(cells) == before


def test_after_later_runs(place: Place) -> None:
    """The value from before the run comes back, also where a later run has written the cell; cells that only the later run wrote stay."""
    one, two, three = [("hubspot", "contacts", record, "successor") for record in place.contacts[3:6]]
    run({one: "zero", two: "zero", three: "zero"})
    of = run({one: "first", two: "first"})
    run({two: "second", three: "second"})
    code, told = revert(of)
    assert (code, told["cells"]["restored"]) == (0, 2)
    assert place.holds([one, two, three]) == {one: "zero", two: "zero", three: "second"}


def test_reverted_twice_and_taken_back_itself(place: Place) -> None:
    """The second revert has nothing to do. A revert is a run: taken back, the run's values stand again."""
    where = ("salesforce", "contacts", place.org_contacts[0], "why")
    run({where: "zero"})
    of = run({where: "first"})
    _, first = revert(of)
    stamp = place.stamp(where[2])
    code, again = revert(of)
    assert (code, again["cells"]["restored"], again["cells"]["as_before"]) == (0, 0, 1)
    assert place.stamp(where[2]) == stamp
    code, back = revert(first["run_id"])
    assert (code, back["cells"]["restored"]) == (0, 1)
    assert place.holds([where]) == {where: "first"}
    assert revert(back["run_id"])[1]["cells"]["restored"] == 1
    assert place.holds([where]) == {where: "zero"}


def test_a_dry_run_lists_and_writes_nothing(place: Place) -> None:
    """It names what would be put back and what would be left, and is no run."""
    ours, theirs = [("hubspot", "contacts", record, "why") for record in place.contacts[8:10]]
    of = run({ours: "ours", theirs: "ours"}, tasks=[a_task("dry", place.contacts[8])])
    place.by_hand(theirs, "theirs")
    last, runs = place.sandbox.calls.last_number, len(open_work(load_settings()).journal.runs())
    code, told = revert(of, "--dry-run")
    assert code == 3
    assert [one["record_id"] for one in told["would_restore"]] == [ours[2]]
    assert [one["record_id"] for one in told["conflicts"]] == [theirs[2]]
    assert [one["task_key"] for one in told["would_close"]] == ["dry"]
    assert place.sandbox.calls.count(WRITES, since=last) == 0
    assert len(open_work(load_settings()).journal.runs()) == runs
    assert place.holds([ours]) == {ours: "ours"}


def test_records_that_are_gone_are_listed(place: Place) -> None:
    """Deleted: gone, which is no fault. Merged: a conflict that says into which. What is left of the run is put back."""
    deleted, old, into, fine = place.org_contacts[-4:]
    cells = {("salesforce", "contacts", record, "why"): "ours" for record in (deleted, old, into, fine)}
    of = run(cells)
    change_in_org(place.sandbox.org, {"do": "delete", "id": deleted})
    change_in_org(place.sandbox.org, {"do": "merge", "id": old, "into": into})
    work = open_work(load_settings())
    rows = to_table(CONTACTS, [{"contact_id": one, "crm": "salesforce"} for one in (old, into)])
    gone = to_table(GONE, [{"crm": "salesforce", "table": "contacts", "record_id": old, "how": "merged", "into": into}])
    nobody = pd.Series([old, into], dtype="str")
    work.lake.append("contacts", rows, crm="salesforce", gone=gone, persons=nobody, buckets=pd.Series([0, 0]))
    code, told = revert(of)
    assert (code, told["cells"]["restored"]) == (3, 2)
    assert [(one["record_id"], one["why"]) for one in told["conflicts"]] == [(old, f"merged into {into}")]
    assert [(one["record_id"], one["why"]) for one in told["gone"]] == [(deleted, "the record is gone")]


def test_a_merge_that_the_lake_does_not_know_yet_writes_nothing_wrong(place: Place) -> None:
    """HubSpot answers for the old id with the record that it went into; what is left is said, and that record keeps what it holds."""
    old, into = place.contacts[-2:]
    of = run({("hubspot", "contacts", old, "why"): "ours"})
    place.by_hand(("hubspot", "contacts", into, "why"), "its own")
    merged = change_record(place.sandbox.portal, {"do": "merge", "id": old, "into": into})["id"]
    code, told = revert(of)
    assert (code, told["cells"]["restored"], len(told["conflicts"])) == (3, 0, 1)
    where = ("hubspot", "contacts", merged, "why")
    assert place.holds([where]) == {where: "its own"}


@pytest.mark.parametrize(("crm", "table"), [("hubspot", "contacts"), ("hubspot", "companies"), ("salesforce", "contacts")])
def test_a_merge_that_the_lake_does_not_know_is_a_conflict_although_our_value_stands_there(place: Place, crm: str, table: str) -> None:
    """Both records held our value, so the merged one does too. The CRM says where the old one went, and what stands there is the other record's.

    In HubSpot both ids are old ones; in Salesforce one record lives on under its own id, and gets back its own value.
    """
    old, into = (place.org_contacts if crm == "salesforce" else sorted(place.sandbox.portal.snapshot()[table], key=int))[-2:]
    of = run({(crm, table, one, "why"): "ours" for one in (old, into)})
    if crm == "hubspot":
        went = change_record(place.sandbox.portal, {"type": table, "do": "merge", "id": old, "into": into})["id"]
    else:
        went = change_in_org(place.sandbox.org, {"do": "merge", "id": old, "into": into})["id"]
    lost = {old, into} - {went}
    code, told = revert(of, "--dry-run")
    assert {(one["record_id"], one["why"]) for one in told["conflicts"]} == {(one, f"merged into {went}") for one in lost}
    code, told = revert(of)
    assert (code, told["cells"]["restored"], told["cells"]["conflict"], told["cells"]["gone"]) == (3, 2 - len(lost), len(lost), 0)
    where = (crm, table, went, "why")
    assert place.holds([where]) == {where: "ours" if went not in (old, into) else ""}


def test_what_a_person_does_between_two_batches_stays(place: Place) -> None:
    """Cells and tasks are looked at straight before they are written, some at a time: what somebody does meanwhile is a conflict, and stays."""
    cells = [("hubspot", "contacts", record, "why") for record in place.contacts[3:9]]
    here, there = a_task("here", place.contacts[3]), a_task("there", place.org_contacts[3], "salesforce")
    of = run(dict.fromkeys(cells, "ours"), tasks=[here, there])
    (theirs,) = [row.id for row in place.sandbox.org.rows("Task") if row.values.get(TASK_KEY) == "there"]

    def meanwhile(step: str, done: int, _expected: int | None) -> None:
        if (step, done) == ("hubspot contacts taken back", 2):
            place.by_hand(cells[-1], "Hers.")
        if step == "hubspot tasks taken back":
            change_in_org(place.sandbox.org, {"id": theirs, "fields": {"Subject": "Mine now"}})

    work = open_work(load_settings(), progress=meanwhile)
    work.crm("hubspot").records_at_once = 2
    with begin_run(work, "revert") as done:
        found = ready_revert(work, of, done)
        put_back_fields(work, found, done)
        put_back_tasks(work, found, done)
    conflicts, tasks = found.listed(Verdict.CONFLICT)
    assert (conflicts["record_id"].tolist(), tasks["task_key"].tolist()) == ([cells[-1][2]], ["there"])
    assert (done.applied.cells, done.applied.tasks["updated"]) == (5, 1)
    assert place.holds(cells[-1:]) == {cells[-1]: "Hers."}


def test_a_person_who_was_erased_since(place: Place) -> None:
    """Nothing is kept of what we wrote about them: it is counted, and is no fault."""
    erased, kept = [("hubspot", "contacts", record, "why") for record in place.contacts[10:12]]
    of = run({erased: "ours", kept: "ours"})
    alone = run({erased: "again"})
    work = open_work(load_settings())
    forget(work.lake, work.journal, "hubspot", [erased[2]])
    code, told = revert(of)
    assert (code, told["erased"], told["cells"]["restored"], told["conflicts"]) == (0, 1, 1, [])
    last = place.sandbox.calls.last_number
    code, told = revert(alone)
    assert (code, told["erased"], told["run_id"]) == (0, 1, None)
    assert place.sandbox.calls.last_number == last


def test_tasks_are_closed_where_nobody_touched_them(place: Place) -> None:
    """Untouched ones are closed, and say why; what a person edited stays open and is named; what a person did stays done."""
    keys = {"untouched": place.contacts[12], "edited": place.contacts[13], "done": place.contacts[14]}
    of = run({}, tasks=[a_task(key, contact) for key, contact in keys.items()])
    edited, done = ({"id": place.task(key)["id"], "type": "tasks"} for key in ("edited", "done"))
    change_record(place.sandbox.portal, {**edited, "properties": {"hs_task_subject": "Mine now"}})
    change_record(place.sandbox.portal, {**done, "properties": {"hs_task_status": "COMPLETED"}})
    code, told = revert(of)
    assert code == 3
    assert {key: place.task(key)["hs_task_status"] for key in keys} == {
        "untouched": "COMPLETED",
        "edited": "NOT_STARTED",
        "done": "COMPLETED",
    }
    assert CLOSING in place.task("untouched")["hs_task_body"]
    assert place.task("done")["hs_task_body"] == "Call her."
    assert (told["tasks"]["closed"], told["tasks"]["conflict"], told["tasks"]["left"]) == (1, 1, 1)
    assert [one["task_key"] for one in told["conflicts"]] == ["edited"]
    assert [(one["task_key"], one["why"]) for one in told["left"]] == [("done", "somebody closed it")]


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_tasks_come_and_go_with_reverts(place: Place, crm: str) -> None:
    """A task that a run closed is open again with its words, one that it raised is closed, and reverts of reverts turn that round."""
    contact, other = (place.contacts if crm == "hubspot" else place.org_contacts)[15:17]
    old, new = f"old {crm}", f"new {crm}"

    def states() -> dict[str, tuple[str, bool]]:
        work = open_work(load_settings())
        known = work.journal.tasks()
        held = work.crm(crm).current_tasks(known).set_index("task_key")
        return {key: (held.loc[key, "state"], "Closed" in held.loc[key, "body"]) for key in known["task_key"]}

    run({}, tasks=[a_task(old, contact, crm)])
    known = open_work(load_settings()).journal.tasks()[TASKS.names]
    closing = known.assign(state="closed_by_us", body="Call her.\n\nClosed, nothing left to do.")
    of = run({}, tasks=[a_task(new, other, crm)], update=closing)
    assert states() == {old: ("done", True), new: ("open", False)}
    code, told = revert(of)
    assert (code, told["tasks"]["restored"], told["tasks"]["closed"]) == (0, 1, 1)
    assert states() == {old: ("open", False), new: ("done", True)}
    assert revert(told["run_id"])[1]["tasks"]["restored"] == 2
    assert states() == {old: ("done", True), new: ("open", False)}
    assert revert(of)[1]["tasks"]["closed"] == 1
    assert states() == {old: ("open", False), new: ("done", True)}
    held = [row for row in place.sandbox.org.rows("Task", is_all=True) if row.values.get(TASK_KEY) in (old, new)]
    assert len(held) == (2 if crm == "salesforce" else 0)


def test_which_run_is_meant(place: Place) -> None:
    """Its id, a beginning that only it has, or ``last``: the latest that wrote and was no revert. Else exit code 10, with what there is."""
    where = ("hubspot", "contacts", place.contacts[17], "why")
    first = run({where: "one"})
    run({}, kind="plan")
    assert revert(first[:-1])[1]["reverts"] == first
    second = run({where: "two"})
    revert("last")
    code, told = revert("last")
    assert (code, told["reverts"], told["cells"]["as_before"]) == (0, second, 1)
    code, told = revert("2026")
    assert code == 10
    assert "give more of the id" in told["error"]
    code, told = revert("1999-01-01T00:00-ffff")
    assert code == 10
    assert second in told["error"]


def test_a_run_that_wrote_nothing(place: Place) -> None:
    """It says so, asks no CRM, and is done."""
    of = run({}, kind="plan")
    last = place.sandbox.calls.last_number
    told = CliRunner().invoke(app, ["revert", of])
    assert (told.exit_code, place.sandbox.calls.last_number) == (0, last)
    assert "it wrote nothing" in told.stdout
    code, none = revert("last")
    assert code == 10
    assert "no run has written anything yet" in none["error"]


def test_another_account_is_not_touched(place: Place) -> None:
    """Where the credentials lead elsewhere now, ids mean other people: exit code 10, nothing written."""
    where = ("hubspot", "contacts", place.contacts[18], "why")
    of = run({where: "ours"}, account="HubSpot portal 1 (na1)")
    last = place.sandbox.calls.last_number
    code, told = revert(of)
    assert code == 10
    assert "wrote to the account HubSpot portal 1 (na1)" in told["error"]
    assert place.sandbox.calls.count(WRITES, since=last) == 0


def test_where_one_crm_does_not_answer_nothing_is_written(place: Place) -> None:
    """Exit code 20, and the same revert does all of it later. A CRM to which the run did not write need not answer."""
    here, there = ("hubspot", "contacts", place.contacts[19], "why"), ("salesforce", "contacts", place.org_contacts[3], "why")
    of, alone = run({here: "ours", there: "ours"}), run({here: "later"})
    place.sandbox.faults.add("daily_limit", path=r"^/services/")
    last = place.sandbox.calls.last_number
    code, told = revert(of)
    assert code == 20
    assert told["error"].startswith("Salesforce failed: ")
    assert place.sandbox.calls.count(WRITES, since=last) == 0
    assert revert(alone)[1]["cells"]["restored"] == 1
    place.sandbox.faults.clear()
    code, told = revert(of)
    assert (code, told["cells"]["restored"]) == (0, 2)


def test_broken_off_in_the_middle(place: Place) -> None:
    """The calls of the day end between two writes: exit code 20, what was confirmed stands, and the same revert does the rest."""
    company = sorted(place.sandbox.portal.snapshot()["companies"], key=int)[1]
    cells = [("hubspot", "companies", company, "why"), ("hubspot", "contacts", place.contacts[2], "why")]
    cells.append(("salesforce", "contacts", place.org_contacts[4], "why"))
    run(dict.fromkeys(cells, "zero"))
    of = run(dict.fromkeys(cells, "ours"))
    place.sandbox.faults.add("rate_limit_daily", path="/contacts/batch/update")
    code, _ = revert(of)
    assert code == 20
    assert list(place.holds(cells).values()) == ["zero", "ours", "ours"]
    place.sandbox.faults.clear()
    code, told = revert(of)
    assert (code, told["cells"]["restored"], told["cells"]["as_before"]) == (0, 2, 1)
    assert set(place.holds(cells).values()) == {"zero"}


@pytest.mark.parametrize("is_sent", [False, True])
@pytest.mark.parametrize("is_settled_first", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_killed_around_a_write(place: Place, *, is_sent: bool, is_settled_first: bool) -> None:
    """Killed before or behind the call, and settled by a sync or not: the same revert started again ends where an undisturbed one does."""
    one, two = [("hubspot", "contacts", record, "job_evidence") for record in place.contacts[20:22]]
    run({one: "zero", two: "zero"})
    of = run({one: "ours", two: "ours"})
    work = open_work(load_settings())
    with begin_run(work, "revert", options={"reverts": of}) as done:
        frame = to_table(CELLS, [cell(work, one, "zero")])
        work.journal.intend(done.run.run_id, "contacts", frame)
        if is_sent:
            list(work.crm("hubspot").write_fields("contacts", frame))
    if is_settled_first:
        assert recover(work, "hubspot") == 1
    code, told = revert(of)
    assert (code, told["cells"]["restored"], told["cells"]["as_before"]) == (0, 1 if is_sent else 2, 1 if is_sent else 0)
    assert place.holds([one, two]) == {one: "zero", two: "zero"}
    assert open_work(load_settings()).journal.unsettled().empty
    # What was killed is a run too, and so is what it did.
    assert revert(done.run.run_id)[1]["cells"]["restored"] == (1 if is_sent else 0)


def test_a_run_that_was_killed_is_settled_and_taken_back(place: Place) -> None:
    """What it had written is put back, what it had not is left out, although nobody had settled it."""
    one, two = [("hubspot", "contacts", record, "best_time") for record in place.contacts[22:24]]
    before = place.holds([one, two])
    work = open_work(load_settings())
    with begin_run(work, "sync") as done:
        frame = to_table(CELLS, [cell(work, where, "half") for where in (one, two)])
        work.journal.intend(done.run.run_id, "contacts", frame)
        list(work.crm("hubspot").write_fields("contacts", frame[frame["record_id"] == one[2]]))
    assert revert(done.run.run_id, "--dry-run")[1]["cells"]["restored"] == 1
    code, told = revert(done.run.run_id)
    assert (code, told["cells"]["restored"], told["cells"]["conflict"]) == (0, 1, 0)
    assert place.holds([one, two]) == before
    assert open_work(load_settings()).journal.unsettled().empty


@pytest.mark.slow
def test_killed_for_good_and_started_again(place: Place) -> None:
    """A process that is killed while it writes leaves nothing that the next start does not finish; nothing is written twice."""
    cells = [("hubspot", "contacts", record, field) for record in place.contacts[24:30] for field in TEXTS]
    run(dict.fromkeys(cells, "zero"))
    of = run(dict.fromkeys(cells, "ours"), tasks=[a_task("kill", place.contacts[24])])
    last = place.sandbox.calls.last_number
    command = [sys.executable, "-c", f"from flows.revert import revert; revert.fn({of!r})"]
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, stderr=subprocess.DEVNULL)  # noqa: S603 - ourselves
    try:
        while child.poll() is None and not place.sandbox.calls.count(r"/contacts/batch/update", since=last):
            time.sleep(0.001)
    finally:
        child.kill()
        child.wait()
    code, _ = revert(of)
    assert code == 0
    assert set(place.holds(cells).values()) == {"zero"}
    assert place.task("kill")["hs_task_status"] == "COMPLETED"
    journal = open_work(load_settings()).journal
    assert journal.unsettled().empty
    assert journal.unsettled_tasks().empty
    assert revert(of)[1]["cells"]["restored"] == 0


@pytest.mark.slow
def test_after_a_sync_the_next_one_writes_its_values_again(place: Place) -> None:
    """A first sync taken back leaves our fields empty and its tasks closed. The next sync takes none of that for news.

    It writes its values again; each closed task is opened again under its key, and none stands twice.
    """
    from flows.sync import sync  # noqa: PLC0415 - importing a flow brings Prefect, which the other tests do not need

    def run_sync() -> Outcome:
        with begin_run(open_work(load_settings()), "sync") as done:
            sync.fn()
        return done

    def stands() -> tuple[dict[tuple[str, str], str], dict[str, str]]:
        state = place.sandbox.portal.snapshot()
        ours = {
            (one, name): text for one, held in state["contacts"].items() for name, text in held.items() if "stillthere" in name and text
        }
        keys = [str(task["stillthere_task_key"]) for task in state["tasks"].values()]
        assert len(set(keys)) == len(keys)
        return ours, {str(task["stillthere_task_key"]): task["hs_task_status"] for task in state["tasks"].values()}

    before = stands()
    first = run_sync()
    after = stands()
    assert first.plan is not None
    raised = first.plan.create[first.plan.create["crm"] == "hubspot"]["task_key"].tolist()
    assert raised
    code, told = revert(first.run.run_id)
    assert (code, told["cells"]["restored"], told["tasks"]["closed"]) == (0, first.applied.cells, len(first.plan.create))
    assert stands() == (before[0], {**before[1], **dict.fromkeys(raised, "COMPLETED")})
    again = run_sync()
    assert again.plan is not None
    assert sum(pulled.rows["contacts"] + pulled.rows["companies"] for pulled in again.pulled) == 0
    assert again.applied.cells == first.applied.cells
    assert again.plan.create.empty
    assert stands() == after


ACTS = st.lists(
    st.tuples(st.sampled_from(["run", "person", "revert"]), st.integers(0, 2), st.integers(0, 5), st.sampled_from("ab")),
    min_size=3,
    max_size=7,
)


@settings(
    max_examples=4, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(ACTS)
def test_whatever_happened_people_keep_their_last_word(place: Place, acts: list[tuple[str, int, int, str]]) -> None:
    """Runs, people and reverts in turn: a revert never changes a cell that a person changed last."""
    cells = [("hubspot", "contacts", record, "successor") for record in place.contacts[30:33]]
    theirs: set[Cell] = set()
    runs: list[str] = []
    for number, (who, which, back, value) in enumerate(acts):
        if who == "run":
            runs.append(run(dict.fromkeys(cells[: which + 1], f"{value} {number}")))
            theirs -= set(cells[: which + 1])
        elif who == "person":
            place.by_hand(cells[which], f"by hand {number}")
            theirs.add(cells[which])
        elif runs:
            before = place.holds(cells)
            _, told = revert(runs[back % len(runs)])
            runs += [told["run_id"]] if told["run_id"] else []
            after = place.holds(cells)
            assert {where: after[where] for where in theirs} == {where: before[where] for where in theirs}
