"""A sync of a Salesforce org that fails in the middle: how it ends, what it says, and that the next one ends where an undisturbed one does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.salesforce.answers import LOCKED
from connectors.salesforce.names import PREFIX, TASK_KEY
from flows.outcome import Outcome
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import Work, open_work
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from transforms.fields import FIELDS
from transforms.vocabulary.changes import Fate
from transforms.vocabulary.errors import NotAuthorised, QuotaSpent, SetupNeeded, StillThereError

OBJECTS = ("Contact", "Lead", "Account")
SENT = ("Subject", "Description", "Status", "Priority", "TaskSubtype", "ActivityDate", "OwnerId", "WhoId", "WhatId")

End = tuple[dict[tuple[str, str], object], list[tuple[object, ...]]]
"""What stands in an org in the end."""


@pytest.fixture(scope="module")
def people() -> World:
    """Sixty made customers, all of them in Salesforce."""
    return make_world(WorldOptions(seed=4, contacts=60, companies=8, months=7, activities_per_contact=14))


def point_to(sandbox: Sandbox, home: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the settings name this org alone, and set it up."""
    own = sandbox.org.org
    patch.chdir(home.parent)
    for name in ("HUBSPOT_BASE_URL", "HUBSPOT_ACCESS_TOKEN"):
        patch.delenv(name, raising=False)
    patch.setenv("STILLTHERE_HOME", str(home))
    patch.setenv("SALESFORCE_BASE_URL", sandbox.base_url)
    patch.setenv("SALESFORCE_DOMAIN", own.domain)
    patch.setenv("SALESFORCE_CONSUMER_KEY", own.consumer_key)
    patch.setenv("SALESFORCE_CONSUMER_SECRET", own.consumer_secret)
    crm = open_work(load_settings()).crm("salesforce")
    crm.create_fields(crm.pending_fields(FIELDS))


@pytest.fixture
def opened(people: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """An org with these customers, set up."""
    with run_sandbox(salesforce=people, options=SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.05)))) as sandbox:
        point_to(sandbox, tmp_path / "home", monkeypatch)
        yield sandbox


@pytest.fixture(scope="module")
def undisturbed(people: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[End, int]:
    """How the org stands after one sync that nothing disturbs, and which of the composite calls of that sync was the first to write."""
    options = SandboxOptions(keep_bodies=1_000, org=OrgOptions(bulk_job_s=(0.0, 0.05)))
    with run_sandbox(salesforce=people, options=options) as quiet, pytest.MonkeyPatch.context() as patch:
        point_to(quiet, tmp_path_factory.mktemp("quiet") / "home", patch)
        last = quiet.calls.last_number
        run_once()
        calls = quiet.calls.select(r"/composite$", since=last)
        return end_of(quiet), next(place for place, call in enumerate(calls, 1) if '"PATCH"' in call.request)


def run_once() -> tuple[Work, Outcome]:
    """One sync, as the flow's body runs it."""
    work = open_work(load_settings())
    with begin_run(work, "sync") as done:
        sync.fn()
    return work, done


def end_of(sandbox: Sandbox) -> End:
    """Every value of our fields, and every task of ours with all that we said of it."""
    values = {
        (row.id, name): value
        for of in OBJECTS
        for row in sandbox.org.rows(of)
        for name, value in row.values.items()
        if name.startswith(PREFIX) and value is not None
    }
    tasks = [row.values for row in sandbox.org.rows("Task", is_all=True) if row.values.get(TASK_KEY)]
    return values, sorted((str(task[TASK_KEY]), *(task.get(name) for name in SENT)) for task in tasks)


def assert_recovered(sandbox: Sandbox, expected: End) -> None:
    """The next sync ends where an undisturbed one does, leaves nothing open, and the one after it writes nothing."""
    sandbox.faults.clear()
    work, done = run_once()
    assert end_of(sandbox) == expected
    assert done.applied.failed == []
    assert len(work.journal.unsettled()) + len(work.journal.unsettled_tasks()) == 0
    last = sandbox.calls.last_number
    _, again = run_once()
    assert again.plan is not None
    assert again.plan.is_empty
    assert sandbox.calls.count(r"composite/sobjects|jobs/ingest", since=last) == 0


@pytest.mark.parametrize("what", [pytest.param("fields", marks=pytest.mark.slow), "tasks"])
@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        pytest.param("sessions_revoked", NotAuthorised, "check the app's session policies", marks=pytest.mark.slow),
        ("daily_limit", QuotaSpent, "run again in some hours"),
    ],
)
def test_a_sync_that_ends_in_the_middle_of_its_writes(
    opened: Sandbox, undisturbed: tuple[End, int], fault: str, error: type[StillThereError], says: str, what: str
) -> None:
    """Sessions revoked for good, or the day's calls used up, before fields or before tasks: one sentence, its exit code, and nothing half done."""
    expected, first_write = undisturbed
    if what == "fields":
        opened.faults.add(fault, path=r"/composite$", nth=list(range(first_write + 1, first_write + 100)))
    else:
        opened.faults.add(fault, path=r"/composite/sobjects/Task")
    with pytest.raises(error, match=says) as raised:
        run_once()
    assert str(raised.value).count("\n") == 0
    runs = open_work(load_settings()).journal.runs()
    assert list(zip(runs["status"], runs["exit_code"], strict=True)) == [("failed", error.exit_code)]
    assert end_of(opened) != expected
    assert_recovered(opened, expected)


def test_records_that_stay_locked_are_listed_and_their_neighbours_written(opened: Sandbox, undisturbed: tuple[End, int]) -> None:
    """Exit code 3, with these records alone; once the lock is gone, the next sync writes them."""
    expected, _ = undisturbed
    contacts = sorted({one for one, _ in expected[0] if one.startswith("003")})
    opened.org.locked_ids |= {contacts[0], contacts[5]}
    work, done = run_once()
    assert {one.key for one in done.applied.failed if one.table == "contacts"} == {contacts[0], contacts[5]}
    assert {(one.fate, one.code) for one in done.applied.failed} == {(Fate.FAILED, LOCKED)}
    runs = work.journal.runs()
    assert runs["exit_code"].tolist() == [3]
    missing = set(expected[0]) - set(end_of(opened)[0])
    assert {one for one, _ in missing} == {contacts[0], contacts[5]}
    opened.org.locked_ids.clear()
    assert_recovered(opened, expected)


@pytest.mark.slow
def test_a_field_of_ours_that_was_taken_from_us_leads_to_set_up(opened: Sandbox, undisturbed: tuple[End, int]) -> None:
    """Exit code 10, and the message says what to do; after set-up the sync comes through."""
    expected, _ = undisturbed
    org = opened.org
    permissions = org.store("FieldPermissions")
    for one in [one for one in permissions.rows.values() if one.values.get("Field") == "Contact.StillThere_Job_State__c"]:
        permissions.change(one, {"PermissionsEdit": False, "PermissionsRead": True})
    with pytest.raises(SetupNeeded, match=r"StillThere_Job_State__c on Contact.*stillthere setup") as raised:
        run_once()
    assert raised.value.exit_code == 10
    crm = open_work(load_settings()).crm("salesforce")
    changes = crm.pending_fields(FIELDS)
    assert changes != []
    crm.create_fields(changes)
    assert_recovered(opened, expected)


@pytest.mark.slow
def test_a_standard_field_that_is_hidden_changes_nothing_else(opened: Sandbox, undisturbed: tuple[End, int]) -> None:
    """Whether somebody opted out of mail is hidden from us: the sync comes through, every record is written, and check says what is hidden."""
    expected, _ = undisturbed
    opened.org.remove_field("Contact", "HasOptedOutOfEmail")
    work, done = run_once()
    assert done.applied.failed == []
    assert {one for one, _ in end_of(opened)[0]} == {one for one, _ in expected[0]}
    assert any("HasOptedOutOfEmail" in finding.advice for finding in work.crm("salesforce").check().findings)
