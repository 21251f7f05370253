"""A kept plan applied: exactly what it says, each cell refused whose value is no longer the planned old one, nothing twice, whatever happens in between."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pandas as pd
import pytest

from connectors.salesforce.names import TASK_KEY, api_name, object_of
from flows.answer import Answer
from flows.apply_plan import apply_plan
from flows.commands.sync import run_sync
from flows.kept_plans import KIND
from flows.outcome import Outcome
from flows.plan_files import KeptPlan, write_plan
from flows.planning import Plan
from flows.running import begin_run
from flows.settings import load_settings
from flows.work import open_work
from sandbox.admin import change_record
from sandbox.options import SandboxOptions
from sandbox.org_admin import change_in_org
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import WorldOptions, make_world
from sandbox.world.parting import part_world
from tests.flows.plainly import plainly
from transforms.fields import FIELDS
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import Kind
from transforms.vocabulary.tables import to_table

CRMS = ("hubspot", "salesforce")
WRITES = r"/batch/(update|upsert|create)|jobs/ingest"
NAMES = ("engagement_state", "why", "silent_since", "last_heard_at", "usual_gap_days")
ROUNDS = {
    1: ("quiet", "Quiet for long.", "2026-10-01", "2026-10-01T09:00:00Z", "9"),
    2: ("silent", "Silent: nothing for long.", "2026-09-01", "2026-09-01T10:30:00Z", "12"),
}
RECORDS = 20
"""Twenty records of five fields are a hundred cells."""

BODY = "from pathlib import Path; from flows.apply_plan import apply_plan; apply_plan.fn(Path('plan.json'))"


@dataclass
class Stage:
    """Both CRMs, set up, with as many contacts in each as a plan needs."""

    sandbox: Sandbox
    ids: dict[str, list[str]]

    def held(self, crm: str, record_id: str) -> dict[str, str]:
        """What a contact holds in our fields."""
        rows = open_work(load_settings()).crm(crm).current("contacts", [record_id], FIELDS)
        return {name: value for name, value in orjson.loads(rows["values"].iloc[0]).items() if value} if len(rows) else {}

    def edit(self, crm: str, record_id: str, **fields: object) -> None:
        """A person changes a contact in the browser."""
        if crm == "hubspot":
            change_record(self.sandbox.portal, {"id": record_id, "properties": {f"stillthere_{n}": v for n, v in fields.items()}})
        else:
            # The administrator has not given herself our fields, so it is done as the one user who has them.
            user = self.sandbox.org.integration_id
            change_in_org(self.sandbox.org, {"as": user, "id": record_id, "fields": {api_name(n): v for n, v in fields.items()}})

    def remove(self, crm: str, record_id: str, into: str = "") -> None:
        """A person deletes a contact, or merges it into another one."""
        doing = {"do": "merge", "into": into} if into else {"do": "archive" if crm == "hubspot" else "delete"}
        given = {"id": record_id, **doing}
        change_record(self.sandbox.portal, given) if crm == "hubspot" else change_in_org(self.sandbox.org, given)

    def writes(self, since: int) -> int:
        """How many calls since that one wrote, but for composite calls, which may be either."""
        return self.sandbox.calls.count(WRITES, since=since) + self.sandbox.calls.count("composite/sobjects", since=since, method="PATCH")

    def tasks(self, crm: str) -> dict[str, str]:
        """Our tasks by key, with the record's id. A key that stands twice fails."""
        if crm == "hubspot":
            rows = [(task.get("stillthere_task_key"), one) for one, task in self.sandbox.portal.snapshot()["tasks"].items()]
        else:
            rows = [(row.values.get(TASK_KEY), row.id) for row in self.sandbox.org.rows("Task")]
        found = [(str(key), one) for key, one in rows if key]
        assert len(dict(found)) == len(found)
        return dict(found)

    def finish(self, crm: str, task_id: str) -> None:
        """A person ticks a task off."""
        if crm == "hubspot":
            change_record(self.sandbox.portal, {"type": "tasks", "id": task_id, "properties": {"hs_task_status": "COMPLETED"}})
        else:
            change_in_org(self.sandbox.org, {"id": task_id, "fields": {"Status": "Completed"}})

    def drop(self, crm: str, task_id: str) -> None:
        """A person deletes a task."""
        if crm == "hubspot":
            change_record(self.sandbox.portal, {"type": "tasks", "id": task_id, "do": "archive"})
        else:
            change_in_org(self.sandbox.org, {"id": task_id, "do": "delete"})


@pytest.fixture(scope="module")
def opened() -> Iterator[Sandbox]:
    """A sandbox of both CRMs with seventy made customers."""
    both = part_world(make_world(WorldOptions(seed=5, contacts=70, companies=8, months=3, activities_per_contact=3)))
    options = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0.0, 0.0), org=OrgOptions(bulk_job_s=(0.0, 0.05)))
    with run_sandbox(world=both.hubspot, salesforce=both.salesforce, options=options) as sandbox:
        yield sandbox


@pytest.fixture
def stage(opened: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    """Both CRMs, set up, and a home of its own for each test. What earlier tests wrote stands."""
    org = opened.org.org
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "STILLTHERE_HOME": str(tmp_path / "home"),
        "HUBSPOT_BASE_URL": opened.base_url,
        "HUBSPOT_ACCESS_TOKEN": opened.token,
        "SALESFORCE_BASE_URL": opened.base_url,
        "SALESFORCE_DOMAIN": org.domain,
        "SALESFORCE_CONSUMER_KEY": org.consumer_key,
        "SALESFORCE_CONSUMER_SECRET": org.consumer_secret,
    }.items():
        monkeypatch.setenv(name, value)
    for crm in open_work(load_settings()).crms.values():
        crm.create_fields(crm.pending_fields(FIELDS))
    people = [row.id for row in opened.org.rows("Contact")]
    return Stage(opened, {"hubspot": sorted(opened.portal.snapshot()["contacts"], key=int), "salesforce": sorted(people)})


def plan_of(stage: Stage, crm: str, number: int, records: int = RECORDS) -> Plan:
    """A plan that brings the first contacts of a CRM from what they hold now to the values of that round."""
    work = open_work(load_settings())
    ids = stage.ids[crm][:records]
    assert len(ids) == records
    held = work.crm(crm).current("contacts", ids, FIELDS)
    old = {one: orjson.loads(values) for one, values in zip(held["record_id"], held["values"], strict=True)}
    rows = [
        {"crm": crm, "table": "contacts", "record_id": one, "field": name, "old": old[one].get(name), "new": new, "reason": "test"}
        for one in ids
        for name, new in zip(NAMES, ROUNDS[number], strict=True)
    ]
    return Plan(pd.Timestamp("2026-11-22 10:00", tz="UTC"), {crm: work.crm(crm).greet().account}, to_table(CELLS, rows), NONE, NONE)


NONE = to_table(TASKS, pd.DataFrame())


def tasks_of(crm: str, contact_ids: list[str], round_name: str) -> pd.DataFrame:
    """A planned task for each of the contacts."""
    words = {
        "reason": "Quiet.",
        "subject": "Call",
        "body": "Please call.",
        "due_at": "2026-11-25T16:00:00Z",
        "state": "open",
        "way": "call",
    }
    rows = [
        {"task_key": f"st{round_name}{n}", "crm": crm, "contact_id": one, "play": "verify_still_there"} for n, one in enumerate(contact_ids)
    ]
    return to_table(TASKS, [{**row, **words, "priority": "medium", "changed_by_people": False} for row in rows])


def apply(plan: Plan) -> Answer:
    """Keep the plan in a file and apply it, as ``stillthere sync --plan plan.json`` does."""
    write_plan(KeptPlan(plan), Path("plan.json"))
    return run_sync(plan_file=Path("plan.json"), quiet=True, at=plainly)


def values(number: int) -> dict[str, str]:
    """What a contact holds after a round."""
    return dict(zip(NAMES, ROUNDS[number], strict=True))


@pytest.mark.parametrize("crm", CRMS)
def test_one_changed_cell_of_a_hundred_is_refused(crm: str, stage: Stage) -> None:
    """A person changes one cell: 99 are written, that one is named with planned and present value, and the exit code is 3. Again: it stays refused."""
    assert apply(plan_of(stage, crm, 1)).exit_code == 0
    plan = plan_of(stage, crm, 2)
    assert len(plan.cells) == 100
    theirs = stage.ids[crm][7]
    stage.edit(crm, theirs, why="We spoke at the fair.")
    for written, standing in ((99, 0), (0, 99)):
        last = stage.sandbox.calls.last_number
        answer = apply(plan)
        assert (answer.exit_code, answer.data["written"]["cells"], answer.data["planned"]["standing"]) == (3, written, standing)
        (refused,) = answer.data["refused"]
        named = {name: refused[name] for name in ("crm", "table", "key", "field", "planned_old", "present", "planned_new")}
        assert named == {
            "crm": crm,
            "table": "contacts",
            "key": theirs,
            "field": "why",
            "planned_old": "Quiet for long.",
            "present": "We spoke at the fair.",
            "planned_new": "Silent: nothing for long.",
        }
        assert written or stage.writes(last) == 0
    for one in stage.ids[crm][:RECORDS]:
        expected = values(2) | ({"why": "We spoke at the fair."} if one == theirs else {})
        held = stage.held(crm, one)
        assert {name: held.get(name) for name in NAMES} == expected


def test_the_journal_keeps_no_values_of_what_was_refused(stage: Stage) -> None:
    """The summary of a run outlives a person who is erased, so it names the record and the field alone."""
    plan = plan_of(stage, "hubspot", 1)
    stage.edit("hubspot", stage.ids["hubspot"][3], why="Ask for Priya Nair.")
    answer = apply(plan)
    assert answer.data["refused"][0]["present"] == "Ask for Priya Nair."
    kept = "".join(open_work(load_settings()).journal.runs()["summary"].dropna())
    assert ("STALE" in kept, "Priya" in kept, "Quiet for long" in kept) == (True, False, False)


RAW: dict[str, dict[str, object]] = {
    "hubspot": {
        "why": "Plain.",
        "engagement_score": "45.0",
        "silent_since": "1793491200000",
        "last_heard_at": "1793696400000",
        "successor": "",
    },
    "salesforce": {
        "why": "Plain.",
        "engagement_score": 45.0,
        "silent_since": "2026-11-01",
        "last_heard_at": "2026-11-03T09:00:00.000+0000",
    },
}
CANONICAL = {
    "why": "Plain.",
    "engagement_score": "45",
    "silent_since": "2026-11-01",
    "last_heard_at": "2026-11-03T09:00:00Z",
    "successor": None,
}


@pytest.mark.parametrize("crm", CRMS)
def test_values_are_compared_in_their_one_form(crm: str, stage: Stage) -> None:
    """However a person or the CRM writes a number, a day, a moment or nothing, it is the planned old value; empty and missing are the same."""
    one = stage.ids[crm][-1]
    stage.edit(crm, one, **RAW[crm])
    new = {"why": None, "engagement_score": "50", "silent_since": None, "last_heard_at": "2026-11-04T09:00:00Z", "successor": "Julia Kern"}
    kinds = {field.kind for field in FIELDS if field.table == "contacts" and field.name in new}
    assert {Kind.LONG_TEXT, Kind.SCORE, Kind.DATE, Kind.DATETIME, Kind.TEXT} <= kinds
    rows = [{"crm": crm, "table": "contacts", "record_id": one, "field": name, "old": CANONICAL[name], "new": new[name]} for name in new]
    plan = plan_of(stage, crm, 1)
    answer = apply(Plan(plan.as_of, plan.accounts, to_table(CELLS, rows), NONE, NONE))
    assert (answer.exit_code, answer.data["refused"], answer.data["written"]["cells"]) == (0, [], 5)
    held = stage.held(crm, one)
    assert {name: held.get(name) for name in new} == new
    back = [{**row, "old": row["new"], "new": row["old"]} for row in rows]
    assert apply(Plan(plan.as_of, plan.accounts, to_table(CELLS, back), NONE, NONE)).exit_code == 0
    assert apply(Plan(plan.as_of, plan.accounts, to_table(CELLS, back), NONE, NONE)).data["planned"]["standing"] == 5


@pytest.mark.parametrize("crm", CRMS)
def test_records_that_are_gone_are_named(crm: str, stage: Stage) -> None:
    """Deleted, or merged away: their cells and tasks are refused one by one, their neighbours are written."""
    plan = plan_of(stage, crm, 2, records=len(stage.ids[crm]) - 2)
    gone, merged = stage.ids[crm][10], stage.ids[crm][11]
    create = tasks_of(crm, [gone, stage.ids[crm][0]], f"gone{crm}")
    plan = Plan(plan.as_of, plan.accounts, plan.cells[~plan.cells["record_id"].isin(stage.ids[crm][12:])], create, NONE)
    stage.remove(crm, gone)
    stage.remove(crm, merged, into=stage.ids[crm][-1])
    answer = apply(plan)
    assert answer.exit_code == 3
    assert {(one["key"], one["present"]) for one in answer.data["refused"] if one["key"] == gone} == {(gone, None)}
    assert {one["key"] for one in answer.data["failed"]} == {gone, merged, create["task_key"].iloc[0]}
    assert set(create["task_key"]) & set(stage.tasks(crm)) == {create["task_key"].iloc[1]}
    held = stage.held(crm, stage.ids[crm][0])
    assert {name: held.get(name) for name in NAMES} == values(2)


@pytest.mark.parametrize("crm", CRMS)
def test_a_task_of_a_plan_is_made_once_whatever_becomes_of_it(crm: str, stage: Stage) -> None:
    """Finished by one, deleted by another: the plan applied again makes none of them anew, and says nothing is left."""
    plan = plan_of(stage, crm, 1, records=3)
    create = tasks_of(crm, stage.ids[crm][:3], f"once{crm}")
    plan = Plan(plan.as_of, plan.accounts, plan.cells, create, NONE)
    assert apply(plan).exit_code == 0
    made = stage.tasks(crm)
    stage.finish(crm, made[create["task_key"].iloc[0]])
    stage.drop(crm, made[create["task_key"].iloc[1]])
    before, last = stage.tasks(crm), stage.sandbox.calls.last_number
    answer = apply(plan)
    assert (answer.exit_code, answer.data["refused"], answer.data["planned"]["tasks"]) == (0, [], 0)
    assert stage.writes(last) == 0
    assert before == stage.tasks(crm)


@pytest.mark.parametrize("crm", CRMS)
def test_a_task_that_somebody_changed_is_left_alone(crm: str, stage: Stage) -> None:
    """Of three tasks that are to be closed, one was finished and one deleted meanwhile: both are named, the third is closed, once."""
    plan = plan_of(stage, crm, 1, records=3)
    create = tasks_of(crm, stage.ids[crm][:3], f"left{crm}")
    apply(Plan(plan.as_of, plan.accounts, plan.cells.head(0), create, NONE))
    made = stage.tasks(crm)
    closing = create.assign(task_id=create["task_key"].map(made).astype("str"), state="closed_by_us", body="Please call.\n\nClosed.")
    stage.finish(crm, made[create["task_key"].iloc[0]])
    stage.drop(crm, made[create["task_key"].iloc[1]])
    closed = Plan(plan.as_of, plan.accounts, plan.cells.head(0), NONE, closing)
    for written, standing in ((1, 0), (0, 1)):
        answer = apply(closed)
        assert (answer.exit_code, answer.data["planned"]["standing"]) == (3, standing)
        assert {one["key"] for one in answer.data["refused"]} == set(create["task_key"].iloc[:2])
        assert answer.data["written"]["tasks"].get("updated", 0) == written


@pytest.mark.parametrize(
    ("crm", "path"),
    [
        ("hubspot", "/contacts/batch/update"),
        pytest.param("hubspot", "/tasks/batch/upsert|/associations/tasks", marks=pytest.mark.slow),
        pytest.param("salesforce", r"/composite/?$|jobs/ingest", marks=pytest.mark.slow),
        ("salesforce", r"composite/sobjects/Task"),
    ],
)
def test_a_plan_killed_in_the_middle_is_applied_again(crm: str, path: str, stage: Stage) -> None:
    """Killed while it writes fields or tasks: applied again, everything stands as planned, each task once, and nothing is refused."""
    number = 2 if stage.held(crm, stage.ids[crm][0]).get("engagement_state") == ROUNDS[1][0] else 1
    plan = plan_of(stage, crm, number, records=10)
    create = tasks_of(crm, stage.ids[crm][:6], f"kill{crm}{len(path)}")
    plan = Plan(plan.as_of, plan.accounts, plan.cells, create, NONE)
    write_plan(KeptPlan(plan), Path("plan.json"))
    last = stage.sandbox.calls.last_number
    child = subprocess.Popen([sys.executable, "-c", BODY], env=dict(os.environ), stderr=subprocess.DEVNULL)  # noqa: S603 - our own run
    try:
        while child.poll() is None and not stage.sandbox.calls.count(path, since=last):
            time.sleep(0.001)
    finally:
        child.kill()
        child.wait()
    assert stage.sandbox.calls.count(path, since=last) > 0
    answer = run_sync(plan_file=Path("plan.json"), quiet=True, at=plainly)
    assert (answer.exit_code, answer.data["refused"]) == (0, [])
    for one in stage.ids[crm][:10]:
        held = stage.held(crm, one)
        assert {name: held.get(name) for name in NAMES} == values(number)
    assert set(create["task_key"]) <= set(stage.tasks(crm))
    journal = open_work(load_settings()).journal
    assert len(journal.unsettled()) + len(journal.unsettled_tasks()) == 0


@dataclass
class Meanwhile:
    """Somebody who does one thing while a plan is written: when that step has come so far."""

    step: str
    far: int
    act: Callable[[], None]

    def __call__(self, step: str, done: int, expected: int | None) -> None:
        """Told how far the run is."""
        del expected
        if (step, done) == (self.step, self.far):
            self.act()


def apply_watched(plan: Plan, who: Meanwhile, at_once: int = 5) -> Outcome:
    """Apply a plan in batches of so few records that there are several, while somebody looks on."""
    write_plan(KeptPlan(plan), Path("plan.json"))
    work = open_work(load_settings(), progress=who)
    for crm in work.crms.values():
        crm.records_at_once = at_once
    with begin_run(work, KIND) as done:
        apply_plan.fn(Path("plan.json"))
    return done


@pytest.mark.parametrize("crm", CRMS)
def test_what_a_person_types_between_two_batches_is_not_overwritten(crm: str, stage: Stage) -> None:
    """Each batch is looked at straight before it is written: a value typed after the plan began is refused and stays, all others are written.

    No call is made for that which was not made before: one look and one write for each batch.
    """
    apply(plan_of(stage, crm, 1))
    plan = plan_of(stage, crm, 2)
    theirs, last = stage.ids[crm][RECORDS - 1], stage.sandbox.calls.last_number
    done = apply_watched(plan, Meanwhile("write contacts", 5, lambda: stage.edit(crm, theirs, why="She called just now.")))
    assert [(one.key, one.field, one.present) for one in done.refused] == [(theirs, "why", "She called just now.")]
    assert (done.applied.cells, done.run.summary["planned"]["cells"]) == (99, 99)
    looks = stage.sandbox.calls.count(r"/contacts/batch/read|composite/sobjects/Contact$", since=last, method="POST")
    assert looks == RECORDS // 5
    held = stage.held(crm, theirs)
    assert {name: held.get(name) for name in NAMES} == {**values(2), "why": "She called just now."}


@pytest.mark.parametrize("crm", [pytest.param("hubspot", marks=pytest.mark.slow), "salesforce"])
def test_what_a_person_does_to_a_task_between_two_batches_stays(crm: str, stage: Stage) -> None:
    """A task that somebody finishes while others are made is not closed by us."""
    plan = plan_of(stage, crm, 1, records=3)
    old, new = (tasks_of(crm, stage.ids[crm][:3], f"{name}{crm}") for name in ("between", "made"))
    apply(Plan(plan.as_of, plan.accounts, plan.cells.head(0), old, NONE))
    made = stage.tasks(crm)
    closing = old.assign(task_id=old["task_key"].map(made).astype("str"), state="closed_by_us", body="Please call.\n\nClosed.")
    theirs = old["task_key"].iloc[1]
    done = apply_watched(
        Plan(plan.as_of, plan.accounts, plan.cells.head(0), new, closing),
        Meanwhile("tasks created", 3, lambda: stage.finish(crm, made[theirs])),
    )
    assert [one.key for one in done.refused] == [theirs]
    assert (done.applied.tasks["created"], done.applied.tasks["updated"]) == (3, 2)


@pytest.mark.parametrize("crm", CRMS)
def test_a_merge_is_refused_although_the_other_record_holds_the_planned_value(crm: str, stage: Stage) -> None:
    """A record that went into another one is not written, whatever that one holds; the sentence says where it went."""
    old, into = stage.ids[crm][12:14]
    plan = plan_of(stage, crm, 1, records=14)
    cells = plan.cells[plan.cells["record_id"].isin([old])].assign(old="The same.")
    for one in (old, into):
        stage.edit(crm, one, why="The same.")
    stage.remove(crm, old, into=into)
    (went,) = open_work(load_settings()).crm(crm).merged_into("contacts", [old]).values()
    answer = apply(Plan(plan.as_of, plan.accounts, cells[cells["field"] == "why"], NONE, NONE))
    assert [(one["key"], one["message"].split(" after ")[0]) for one in answer.data["refused"]] == [
        (old, f"the record was merged into {went}")
    ]
    assert stage.held(crm, went)["why"] == "The same."


def test_a_plan_of_another_account_writes_nothing(stage: Stage) -> None:
    """It is refused as input that does not fit, before anything is looked at."""
    plan, last = plan_of(stage, "hubspot", 1), stage.sandbox.calls.last_number
    with pytest.raises(BadInput, match="was made for HubSpot Another portal"):
        apply(Plan(plan.as_of, {"hubspot": "Another portal (7)"}, plan.cells, NONE, NONE))
    assert stage.writes(last) == 0


def test_ids_of_the_stage_are_contacts(stage: Stage) -> None:
    """The stage has contacts enough in both CRMs, so that a hundred cells are a hundred cells."""
    assert {object_of(one) for one in stage.ids["salesforce"]} == {"Contact"}
    assert min(len(ids) for ids in stage.ids.values()) > RECORDS
