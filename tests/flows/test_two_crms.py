"""A sync of both CRMs: one person in both, written into both, a task once; and what happens where one of them fails or cannot see mail."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pandas as pd
import pytest
from typer.testing import CliRunner

from connectors.salesforce.names import TASK_KEY
from flows.cli import app
from flows.compute import read_population
from flows.outcome import Outcome
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import Work, open_work
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from sandbox.world.parting import Parted, part_world
from transforms.fields import COMPANY_FIELDS, CONTACT_FIELDS, FIELDS
from transforms.plan import company_values, contact_values
from transforms.vocabulary.errors import SomeCrmsFailed
from transforms.vocabulary.fields import to_text

LAG_FREE = {"burst": 5_000, "search_per_second": 500, "index_lag": (0.0, 0.0)}
WRITES = r"/batch/(update|upsert|create)|composite/sobjects|jobs/ingest"


@pytest.fixture(scope="session")
def parted() -> Parted:
    """Fifty made customers with seven months behind them, in HubSpot, in Salesforce or in both."""
    return part_world(make_world(WorldOptions(seed=5, contacts=50, companies=8, months=7, activities_per_contact=10)))


def point_to(sandbox: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the settings name both CRMs of this sandbox."""
    org = sandbox.org.org
    monkeypatch.chdir(home.parent)
    for name, value in {
        "STILLTHERE_HOME": str(home),
        "HUBSPOT_BASE_URL": sandbox.base_url,
        "HUBSPOT_ACCESS_TOKEN": sandbox.token,
        "SALESFORCE_BASE_URL": sandbox.base_url,
        "SALESFORCE_DOMAIN": org.domain,
        "SALESFORCE_CONSUMER_KEY": org.consumer_key,
        "SALESFORCE_CONSUMER_SECRET": org.consumer_secret,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def both(parted: Parted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox with both CRMs, set up."""
    yield from opened(parted, OrgOptions(bulk_job_s=(0.0, 0.05)), monkeypatch, tmp_path)


def opened(
    parted: Parted, org: OrgOptions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World | None = None
) -> Iterator[Sandbox]:
    """A sandbox with these customers, set up in both CRMs."""
    with run_sandbox(world=world or parted.hubspot, salesforce=parted.salesforce, options=SandboxOptions(**LAG_FREE, org=org)) as sandbox:
        point_to(sandbox, tmp_path / "home", monkeypatch)
        for crm in open_work(load_settings()).crms.values():
            crm.create_fields(crm.pending_fields(FIELDS))
        yield sandbox


@pytest.fixture(scope="module")
def synced(parted: Parted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Work, Outcome]]:
    """Both CRMs after a first sync. For tests that leave them as they are."""
    with pytest.MonkeyPatch.context() as patch:
        for sandbox in opened(parted, OrgOptions(bulk_job_s=(0.0, 0.05)), patch, tmp_path_factory.mktemp("synced")):
            yield sandbox, *run_once()


def run_once() -> tuple[Work, Outcome]:
    """One sync, as the flow's body runs it."""
    work = open_work(load_settings())
    with begin_run(work, "sync") as done:
        sync.fn()
    return work, done


def held(work: Work, table: str) -> dict[tuple[str, str, str], str]:
    """What both CRMs hold in our fields now: CRM, record and field to text."""
    rows = {}
    key = "contact_id" if table == "contacts" else "company_id"
    for crm, part in work.lake.read(table).groupby("crm"):
        fields = CONTACT_FIELDS if table == "contacts" else COMPANY_FIELDS
        standing = work.crm(str(crm)).current(table, part[key].tolist(), fields)
        for record_id, text in zip(standing["record_id"], standing["values"], strict=True):
            rows |= {(str(crm), record_id, name): value for name, value in orjson.loads(text).items() if value}
    return rows


def tasks_of(sandbox: Sandbox) -> list[str]:
    """The keys of our tasks in both CRMs."""
    ours = [row.values.get(TASK_KEY) for row in sandbox.org.rows("Task", is_all=True)]
    theirs = [task.get("stillthere_task_key") for task in sandbox.portal.snapshot()["tasks"].values()]
    return [key for key in (*ours, *theirs) if key]


def test_each_record_of_a_person_holds_the_same_in_both_crms(synced: tuple[Sandbox, Work, Outcome]) -> None:
    """Every field of every contact and company stands in its CRM as it was computed for the person or the account, and nothing else does."""
    _, work, done = synced
    assert done.computation is not None
    frames = {
        "contacts": pd.concat([contact_values(part) for part in done.computation.parts]),
        "companies": company_values(done.computation.companies),
    }
    for table, frame in frames.items():
        expected = {
            (crm, record_id, field.name)
            for field in FIELDS
            if field.table == table
            for (crm, record_id), text in to_text(field, frame[field.name]).items()
            if not pd.isna(text)
        }
        assert set(held(work, table)) == expected
    assert done.applied.failed == []
    assert {crm for crm, _, _ in held(work, "contacts")} == {"hubspot", "salesforce"}


def test_persons_are_those_of_the_truth(synced: tuple[Sandbox, Work, Outcome], parted: Parted) -> None:
    """No two humans are taken for one; of those whom both CRMs hold nine of ten are found; all that a person has lies in one bucket."""
    _, work, _ = synced
    people = read_population(work).people
    homes = work.lake.index().merge(people, on=["crm", "contact_id"], suffixes=("", "_now"))
    assert homes["person_id"].tolist() == homes["person_id_now"].tolist()
    assert not homes.groupby("person_id")["bucket"].nunique().gt(1).any()
    known = people[people["is_live"]].merge(parted.persons, on=["crm", "contact_id"], suffixes=("", "_true"))
    assert len(known) > 55
    by_person = known.groupby("person_id")["person_id_true"].nunique()
    assert by_person.max() == 1
    in_both = known.groupby("person_id_true").filter(lambda rows: rows["crm"].nunique() == 2)
    found = in_both.groupby("person_id_true")["person_id"].nunique()
    assert (found == 1).mean() >= 0.9


def test_a_second_sync_of_both_writes_nothing(synced: tuple[Sandbox, Work, Outcome]) -> None:
    """Straight after a sync there is nothing to write in either CRM, and asking costs a handful of calls in each."""
    both, *_ = synced
    last = both.calls.last_number
    _, done = run_once()
    assert done.plan is not None
    assert done.plan.is_empty
    assert both.calls.count(WRITES, since=last) == 0
    assert both.calls.last_number - last <= 25


def test_each_task_stands_once_in_one_of_the_crms(synced: tuple[Sandbox, Work, Outcome]) -> None:
    """What was planned stands once, in the CRM that was chosen for it; a person has one task."""
    both, work, done = synced
    assert done.plan is not None
    people = read_population(work).people.set_index(["crm", "contact_id"])["person_id"]
    persons = [people[task.crm, task.contact_id] for task in done.plan.create.itertuples()]
    assert len(persons) > 0
    assert sorted(set(persons)) == sorted(persons)
    assert sorted(tasks_of(both)) == sorted(done.plan.create["task_key"])
    assert len(set(tasks_of(both))) == len(tasks_of(both))


@pytest.mark.slow
def test_the_setting_moves_no_task_that_stands(synced: tuple[Sandbox, Work, Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    """With another setting the next sync finds every task where it was raised, and raises none of them again."""
    both, *_ = synced
    before = sorted(tasks_of(both))
    monkeypatch.setenv("STILLTHERE_TASK_CRM", "salesforce")
    _, done = run_once()
    assert done.plan is not None
    assert set(done.plan.create["task_key"]) & set(before) == set()
    assert before == sorted(tasks_of(both))


def test_explain_shows_both_sides_and_status_counts_by_crm(synced: tuple[Sandbox, Work, Outcome]) -> None:
    """Each record with its CRM, title, employer and owner, and by what it was matched."""
    _, work, _ = synced
    people = read_population(work).people
    shared = (
        people[people["is_live"] & people["matched_by"].eq("email")].groupby("person_id").filter(lambda rows: rows["crm"].nunique() == 2)
    )
    record = shared[shared["crm"] == "salesforce"].iloc[0]
    told = CliRunner().invoke(app, ["explain", record["contact_id"]], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    assert f"Salesforce {record['contact_id']}" in told.output
    assert "HubSpot " in told.output
    assert "matched by the same e-mail address" in told.output
    status = CliRunner().invoke(app, ["status"], env={"COLUMNS": "200"})
    assert "HubSpot" in status.output
    assert "Salesforce" in status.output


def test_where_one_crm_fails_the_other_is_pulled_and_nothing_is_written(both: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run says which CRM failed and ends with its exit code; what the other brought is kept, and the next run goes on from there."""
    monkeypatch.setenv("SALESFORCE_CONSUMER_SECRET", "wrong")
    last = both.calls.last_number
    work = open_work(load_settings())
    with pytest.raises(SomeCrmsFailed, match=r"^Salesforce failed: .* What came from HubSpot is kept") as raised, begin_run(work, "sync"):
        sync.fn()
    assert raised.value.exit_code == 10
    assert set(work.lake.read("contacts")["crm"]) == {"hubspot"}
    assert work.lake.cursor("hubspot", "activities") is not None
    assert both.calls.count(WRITES, since=last) == 0
    assert work.journal.runs()["status"].tolist() == ["failed"]


@pytest.mark.slow
def test_where_the_calls_end_in_the_middle_the_other_crm_is_kept(both: Sandbox) -> None:
    """Salesforce lets us in, and then the calls of its day are used up: exit code 20, and HubSpot's pull stands."""
    both.faults.add("daily_limit", path=r"/services/data/.*/(query|jobs|composite)")
    work = open_work(load_settings())
    with pytest.raises(SomeCrmsFailed, match="Salesforce failed") as raised, begin_run(work, "sync"):
        sync.fn()
    assert raised.value.exit_code == 20
    assert work.lake.cursor("hubspot", "activities") is not None


@pytest.mark.slow
def test_one_crm_alone_is_enough(both: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Salesforce's credentials only, HubSpot is not called, and Salesforce is synced whole."""
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    last = both.calls.last_number
    work, done = run_once()
    assert list(work.crms) == ["salesforce"]
    assert both.calls.count(r"^/crm/", since=last) == 0
    assert done.applied.cells > 0
    assert done.applied.failed == []


@pytest.mark.slow
def test_a_crm_that_is_disconnected_is_left_alone(both: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """After both were synced, one is taken away: what it holds stays known, and nothing is planned for it."""
    run_once()
    monkeypatch.delenv("HUBSPOT_ACCESS_TOKEN")
    last = both.calls.last_number
    both.clock.advance(10 * 86_400)
    _, done = run_once()
    assert done.plan is not None
    assert set(done.plan.cells["crm"]) == {"salesforce"}
    assert set(done.plan.create["crm"]) | set(done.plan.update["crm"]) <= {"salesforce"}
    assert both.calls.count(r"^/crm/", since=last) == 0


def test_an_org_whose_mail_is_captured_elsewhere_is_deaf_not_silent(
    parted: Parted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Salesforce counts mail and keeps none: whoever only it holds is not called silent and gets no task about silence; the admin is told."""
    for _ in opened(parted, OrgOptions(bulk_job_s=(0.0, 0.05), mail_is_captured_elsewhere=True), monkeypatch, tmp_path):
        _, done = run_once()
        assert done.computation is not None
        assert done.plan is not None
        persons = pd.concat([part.persons for part in done.computation.parts])
        members = pd.concat([part.members for part in done.computation.parts])
        crms = members.groupby("person_id")["crm"].agg(set)
        deaf = persons[(crms.reindex(persons.index) == {"salesforce"}) & (persons["coverage"] != "full")]
        assert len(deaf) > 3
        assert set(deaf["engagement_state"]) & {"silent", "quiet", "cooling"} == set()
        of_deaf = members[members["person_id"].isin(deaf.index)]["contact_id"]
        raised = done.plan.create[done.plan.create["contact_id"].isin(of_deaf)]
        assert set(raised["play"]) & {"switch_channel", "verify_still_there"} == set()
        assert [alert for alert in done.plan.alerts if alert.startswith("Mail in Salesforce passes unseen")] != []


@pytest.mark.slow
def test_an_answer_lost_in_salesforce_changes_nothing_in_the_end(both: Sandbox) -> None:
    """Where the answer to a write of tasks is lost after it was applied, no task stands twice and nothing is left to write."""
    both.faults.add("drop_after", path=r"composite/sobjects/Task", nth=[1])
    run_once()
    _, done = run_once()
    assert done.plan is not None
    assert done.plan.is_empty
    assert both.calls.count(r"composite/sobjects/Task", fault="drop_after") == 1
    assert len(set(tasks_of(both))) == len(tasks_of(both))
