"""The laws of the connector protocol, held against every connector on its sandbox.

A bench stands for one connector and its sandbox: it makes connectors, changes records as people would, and looks at what the CRM holds.
Every law runs over both connectors; the few that are about one CRM alone say so. With ``--live`` the laws that need nothing but the
protocol are also held against the real portal that HUBSPOT_ACCESS_TOKEN opens, and the real org of the SALESFORCE_ variables; they only read.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, ClassVar

import pandas as pd
import pytest

from connectors.hubspot import HubSpot
from connectors.hubspot import Manner as HubSpotManner
from connectors.protocol import Crm
from connectors.salesforce import Credentials, Manner, Salesforce
from connectors.salesforce.bulk import Pace
from connectors.salesforce.names import TASK_KEY, api_name
from sandbox.faults import KINDS
from sandbox.hubspot.object_types import object_type
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.dml import write
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from tests.connectors.conftest import FIELDS, QUICK, made_field
from transforms.vocabulary.changes import CELLS, TASKS, Fate, Page
from transforms.vocabulary.errors import BadInput, CrmUnreachable, MissingScopes, NotAuthorised, OutcomeUnknown, QuotaSpent, SetupNeeded
from transforms.vocabulary.fields import Kind, Option
from transforms.vocabulary.tables import TABLES, check_table, to_table

PULLED = ("owners", "contacts", "companies", "activities")


VALUES = {
    "mood": "good",
    "remark": "Two sentences. And a line\nbreak.",
    "seen_at": "2026-11-20T08:15:30Z",
    "seen_on": "2026-11-20",
    "times_seen": "12",
    "is_kind": "true",
    "chance": "35",
}


class HubSpotBench:
    """The HubSpot connector and the sandbox's portal behind it."""

    name: ClassVar[str] = "hubspot"
    quiet_calls: ClassVar[int] = 8
    quiet_people_calls: ClassVar[int] = 1
    first_word: ClassVar[str] = "token"
    write_path: ClassVar[str] = "contacts/batch/update"
    task_path: ClassVar[str] = "tasks/batch/(upsert|create)"
    tasks_path: ClassVar[str] = "tasks/batch/(upsert|create)|associations/tasks"
    mail_path: ClassVar[str] = "objects/emails"
    _own: ClassVar[dict[str, str]] = {"title": "jobtitle", "subject": "hs_email_subject"}

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.portal = sandbox.portal

    @classmethod
    @contextmanager
    def opened(cls, world: World, *, lag: tuple[float, float] = (0.0, 0.0), **options: Any) -> Iterator[HubSpotBench]:
        """A sandbox of these customers, without index lag unless it is asked for."""
        settings = SandboxOptions(**{"index_lag": lag, "burst": 5_000, "search_per_second": 500, **options})
        with run_sandbox(world=world, options=settings) as sandbox:
            yield cls(sandbox)

    @staticmethod
    def live() -> Crm:
        """The connector for the real portal."""
        return HubSpot(os.environ["HUBSPOT_ACCESS_TOKEN"], fields=FIELDS)

    def crm(self, *, secret: str | None = None, lag_s: float = 600, archive_every_s: float = 86_400, reserve_share: float = 0.3) -> Crm:
        """A new connector, as a new process would make one."""
        manner = HubSpotManner(patience=QUICK, threads=3, answers_a_page=1, searches_per_s=400, archive_every_s=archive_every_s)
        return HubSpot(
            secret or self.sandbox.token, self.sandbox.base_url, FIELDS, index_lag_s=lag_s, reserve_share=reserve_share, manner=manner
        )

    def ids(self, table: str) -> list[str]:
        """The ids of all live records of a table (or record type)."""
        return [str(one) for one in self.portal.stores[table].live]

    def size(self, stream: str) -> int:
        """How many records a full load of a stream has."""
        return len(self.ids(stream))

    def linked(self, table: str) -> list[str]:
        """The ids of all live activities of one type that concern a live contact."""
        live = self.portal.stores["contacts"].live
        return [one for one in self.ids(table) if any(contact in live for contact in self.portal.links.of((table, "contacts"), int(one)))]

    def participants(self, mail: str) -> int:
        """How many contacts take part in an e-mail."""
        return len(self.portal.links.of(("emails", "contacts"), int(mail)))

    def value(self, table: str, record_id: str, field: str) -> str | None:
        """What the CRM holds in a field of ours."""
        return self.portal.properties(table, record_id).get(f"stillthere_{field}")

    def change(self, table: str, ids: list[str], **values: str) -> None:
        """Somebody changes records by hand. ``title`` belongs to contacts, ``subject`` to e-mails."""
        kind = object_type(table)
        with self.portal.lock:
            for one in ids:
                given = {self._own[name]: value for name, value in values.items()}
                self.portal.update(kind, self.portal.store(kind).live[int(one)], given, self.portal.person_source)

    def archive(self, table: str, record_id: str) -> None:
        """Somebody deletes a record."""
        with self.portal.lock:
            self.portal.archive(object_type(table), int(record_id))

    def merge(self, table: str, into: str, other: str) -> dict[str, str]:
        """Somebody merges two records: for each id that is no more, the one that took its place."""
        kind = object_type(table)
        with self.portal.lock:
            live = self.portal.store(kind).live
            new = str(self.portal.merge(kind, live[int(into)], live[int(other)]).id)
        return {into: new, other: new}

    def tasks(self) -> list[tuple[str, list[str]]]:
        """The key and the contacts of every task of ours."""
        held = self.portal.snapshot()["tasks"].values()
        return [(one["stillthere_task_key"], one["associations"]["contacts"]) for one in held if one.get("stillthere_task_key")]

    def definitions(self) -> set[str]:
        """The names of all definitions of ours."""
        ours = {name for held in self.portal.snapshot()["definitions"].values() for name in held if name.startswith("stillthere_")}
        held = [group for schema in self.portal.schemas.values() for group in schema.groups.values()]
        groups = {group.name for group in held if group.name.startswith("stillthere_") and not group.archived}
        return ours | groups

    def step(self, seconds: float) -> None:
        """Let the CRM's time pass."""
        self.sandbox.clock.advance(seconds)

    def link(self, record_id: str) -> str:
        """Where a person sees a contact."""
        return f"{self.sandbox.base_url}/contacts/{record_id}"


class SalesforceBench:
    """The Salesforce connector and the sandbox's org behind it. E-mails and tasks are many enough there to be read in bulk."""

    name: ClassVar[str] = "salesforce"
    quiet_calls: ClassVar[int] = 5
    quiet_people_calls: ClassVar[int] = 2
    first_word: ClassVar[str] = "credentials"
    write_path: ClassVar[str] = "composite"
    task_path: ClassVar[str] = "composite/sobjects/Task"
    tasks_path: ClassVar[str] = "composite/sobjects/Task"
    mail_path: ClassVar[str] = "jobs/query|composite"
    _objects: ClassVar[dict[str, str]] = {"contacts": "Contact", "companies": "Account", "emails": "EmailMessage", "tasks": "Task"}
    _own: ClassVar[dict[str, str]] = {"title": "Title", "subject": "Subject"}

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.org = sandbox.org

    @classmethod
    @contextmanager
    def opened(
        cls, world: World, *, lag: tuple[float, float] = (0.0, 0.0), daily: int = 100_000, **options: Any
    ) -> Iterator[SalesforceBench]:
        """A sandbox of these customers, in which everything is committed at once unless asked otherwise, and answers are short."""
        org = OrgOptions(commit_delay=lag, daily=daily, batch_size=200, bulk_job_s=(0.0, 0.05))
        with run_sandbox(salesforce=world, options=SandboxOptions(org=org, **options)) as sandbox:
            yield cls(sandbox)

    @staticmethod
    def live() -> Crm:
        """The connector for the real org."""
        names = ("CONSUMER_SECRET", "USERNAME", "PRIVATE_KEY_FILE")
        rest = {name.lower(): os.environ.get(f"SALESFORCE_{name}", "") for name in names}
        return Salesforce(Credentials(os.environ["SALESFORCE_DOMAIN"], os.environ["SALESFORCE_CONSUMER_KEY"], **rest), fields=FIELDS)

    def crm(self, *, secret: str | None = None, lag_s: float = 600, archive_every_s: float = 86_400, reserve_share: float = 0.3) -> Crm:
        """A new connector, as a new process would make one."""
        own = self.org.org
        manner = Manner(
            patience=QUICK, pace=Pace(first_s=0.02, longest_s=0.1), bulk_from=200, rows_a_page=60, sweep_every_s=archive_every_s
        )
        return Salesforce(
            Credentials(own.domain, own.consumer_key, secret or own.consumer_secret),
            self.sandbox.base_url,
            FIELDS,
            commit_lag_s=lag_s,
            reserve_share=reserve_share,
            manner=manner,
        )

    def ids(self, table: str) -> list[str]:
        """The ids of all live records of a table (or record type)."""
        return [one.id for one in self.org.store(self._objects[table]) if not one.is_deleted]

    def size(self, stream: str) -> int:
        """How many rows a full load of a stream has: of e-mails, one for each contact in each."""
        return sum(map(self.participants, self.ids(stream)))

    def linked(self, table: str) -> list[str]:
        """The ids of all live activities of one type that concern a live contact."""
        return [one for one in self.ids(table) if self.participants(one)]

    def participants(self, mail: str) -> int:
        """How many contacts take part in an e-mail."""
        relations = self.org.store("EmailMessageRelation").children("EmailMessageId", mail)
        return len({one.values["RelationId"] for one in relations if one.values.get("RelationObjectType") in {"Contact", "Lead"}})

    def value(self, table: str, record_id: str, field: str) -> str | None:
        """What the CRM holds in a field of ours."""
        found = self.org.find(record_id, deleted=True)
        assert found is not None
        assert found.object == self._objects[table]
        held = found.values.get(api_name(field))
        return None if held is None else str(held)

    def change(self, table: str, ids: list[str], **values: str) -> None:
        """Somebody changes records by hand. ``title`` belongs to contacts, ``subject`` to e-mails."""
        given = {self._own[name]: value for name, value in values.items()}
        with self.org.lock:
            for one in ids:
                record = self.org.store(self._objects[table]).rows[one]
                # An e-mail can be changed by Salesforce itself alone, so it is not asked whether somebody may.
                write(self.org, self.org.admin_id, record, given, given)

    def archive(self, table: str, record_id: str) -> None:
        """Somebody deletes a record."""
        self.org.delete(self.org.admin_id, self.org.store(self._objects[table]).rows[record_id])

    def merge(self, table: str, into: str, other: str) -> dict[str, str]:
        """Somebody merges two records: for each id that is no more, the one that took its place."""
        self.org.merge(self.org.admin_id, self._objects[table], into, [other])
        return {other: into}

    def tasks(self) -> list[tuple[str, list[str]]]:
        """The key and the contacts of every task of ours."""
        held = [one.values for one in self.org.store("Task") if not one.is_deleted and one.values.get(TASK_KEY)]
        return [(one[TASK_KEY], [one["WhoId"]]) for one in held]

    def definitions(self) -> set[str]:
        """The names of all definitions of ours."""
        fields = {f"{kind.name}.{field.name}" for kind in self.org.schema for field in kind if field.name.startswith("StillThere_")}
        sets = {str(one.values["Name"]) for one in self.org.store("PermissionSet") if str(one.values.get("Name")).startswith("StillThere_")}
        return fields | sets

    def step(self, seconds: float) -> None:
        """Let the CRM's time pass."""
        self.sandbox.clock.advance(seconds)

    def link(self, record_id: str) -> str:
        """Where a person sees a contact."""
        return f"{self.sandbox.base_url}/lightning/r/Contact/{record_id}/view"


Bench = HubSpotBench | SalesforceBench
BenchType = type[HubSpotBench | SalesforceBench]
BENCHES: dict[str, BenchType] = {"hubspot": HubSpotBench, "salesforce": SalesforceBench}


@pytest.fixture(scope="module")
def world() -> World:
    """A few made customers."""
    return make_world(WorldOptions(contacts=44, companies=8, activities_per_contact=15))


@pytest.fixture(params=BENCHES.values(), ids=BENCHES)
def kind(request: pytest.FixtureRequest) -> BenchType:
    """Which connector a law is held against."""
    chosen: BenchType = request.param
    return chosen


@pytest.fixture
def bench(world: World, kind: BenchType) -> Iterator[Bench]:
    """One connector on its sandbox."""
    with kind.opened(world) as made:
        yield made


@pytest.fixture
def portal(world: World) -> Iterator[HubSpotBench]:
    """HubSpot's, for what is about HubSpot alone."""
    with HubSpotBench.opened(world) as made:
        yield made


@pytest.fixture
def ready(bench: Bench) -> Bench:
    """One connector on its sandbox, after set-up."""
    crm = bench.crm()
    crm.create_fields(crm.pending_fields(FIELDS))
    return bench


@pytest.fixture(params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def any_crm(request: pytest.FixtureRequest, world: World, kind: BenchType) -> Iterator[Crm]:
    """A connector for laws that need nothing but the protocol; with ``--live`` also one for the real portal or org."""
    if request.param == "live":
        if not request.config.getoption("--live", default=False):
            pytest.skip("runs with --live only")
        yield kind.live()
        return
    with kind.opened(world) as made:
        yield made.crm()


def pulled(crm: Crm, table: str, since: str | None = None, **options: Any) -> tuple[list[Page], str]:
    """All pages and the last cursor."""
    pages = list(crm.pages(table, since, **options))
    return pages, pages[-1].cursor


def keys(table: str, pages: list[Page]) -> Counter[tuple[str, ...]]:
    """How often each row came, by its key."""
    names = list(TABLES[table].key)
    return Counter(tuple(row) for page in pages for row in page.rows[names].itertuples(index=False))


def records_of(pages: list[Page]) -> dict[str, int]:
    """How many records each stream has brought."""
    return {stream: sum(page.records for page in pages if page.stream == stream) for stream in {page.stream for page in pages}}


def cells_of(bench: Bench, table: str, ids: list[str], values: dict[str, str | None]) -> pd.DataFrame:
    """CELLS that set the same values on every record."""
    rows = [
        {"crm": bench.name, "table": table, "record_id": one, "field": name, "new": value} for one in ids for name, value in values.items()
    ]
    return to_table(CELLS, rows)


def tasks_for(bench: Bench, contacts: list[str], **changes: Any) -> pd.DataFrame:
    """One open task for each contact."""
    shared = {
        "crm": bench.name,
        "play": "call",
        "reason": "They went quiet.",
        "way": "call",
        "priority": "high",
        "state": "open",
        **changes,
    }
    rows = [
        {
            "task_key": f"key-{one}",
            "contact_id": one,
            "subject": "Call them",
            "body": "Line one\n<line two> & more",
            "due_at": "2026-11-24T09:00:00Z",
            **shared,
        }
        for one in contacts
    ]
    return to_table(TASKS, rows)


def newest_cursors(crm: Crm) -> dict[str, str]:
    """Pull everything; the cursors to ask for changes with."""
    return {table: pulled(crm, table)[1] for table in PULLED}


# Extracts


@pytest.mark.parametrize("table", PULLED)
def test_rows_are_canonical(any_crm: Crm, table: str) -> None:
    """Every page is a canonical frame, and the streams hold as many records as the CRM announced."""
    pages, _ = pulled(any_crm, table)
    for page in pages:
        check_table(TABLES[table], page.rows)
    read: Counter[str] = Counter()
    for page in pages:
        read[page.stream] += page.records
    assert {page.stream: page.expected for page in pages if page.expected is not None} == {
        stream: read[stream] for stream in {page.stream for page in pages if page.expected is not None}
    }


def test_a_full_load_brings_every_record_once(bench: Bench) -> None:
    """All live contacts and companies come, each once."""
    crm = bench.crm()
    for table in ("contacts", "companies"):
        found = keys(table, pulled(crm, table)[0])
        assert set(found.values()) == {1}
        assert {one for _, one in found} == set(bench.ids(table))


def test_an_extract_can_be_resumed_after_any_page(bench: Bench) -> None:
    """Stopped after any page and begun again by a new connector with that page's cursor: the same rows, none of a finished page again."""
    whole = keys("activities", pulled(bench.crm(), "activities")[0])
    for stop in (1, 4, 9):
        first, run = [], bench.crm().pages("activities", None)
        for page in run:
            first.append(page)
            if len(first) == stop:
                break
        run.close()
        second, _ = pulled(bench.crm(), "activities", first[-1].cursor)
        assert {page.stream: page.expected for page in second if page.expected is not None} == records_of(
            [page for page in second if page.expected is not None]
        )
        replied = {key for key in whole if "replied" in key[1]}
        # What a contact record tells of a reply is left out where the e-mails of the first part are no longer in memory.
        assert {key: n for key, n in (keys("activities", first) + keys("activities", second)).items() if key not in replied} == {
            key: n for key, n in whole.items() if key not in replied
        }


def test_a_closed_extract_sends_nothing_more(bench: Bench) -> None:
    """Closing the generator stops all requests."""
    run = bench.crm().pages("activities", None)
    next(run)
    run.close()
    count = len(bench.sandbox.calls)
    assert len(bench.sandbox.calls) == count


def test_a_second_pull_straight_after_the_first_brings_nothing(any_crm: Crm) -> None:
    """Nothing changed: no rows, and hardly any calls over all tables."""
    cursors = newest_cursors(any_crm)
    before = sum(any_crm.calls().values())
    rows = [len(page.rows) for table in PULLED for page in pulled(any_crm, table, cursors[table])[0]]
    assert sum(rows) == 0
    assert sum(any_crm.calls().values()) - before <= BENCHES[any_crm.name].quiet_calls


@pytest.mark.parametrize("is_by_search", [True, False])
def test_a_load_since_a_date_holds_what_happened_since(bench: Bench, *, is_by_search: bool) -> None:
    """With start: all activities at or after it and none before, whether they are searched for or listed."""
    crm = bench.crm()
    whole = pd.concat([page.rows for page in pulled(crm, "activities")[0]])
    start = whole["occurred_at"].max() - timedelta(days=20 if is_by_search else 500)
    wanted = Counter(
        tuple(row) for row in whole.loc[whole["occurred_at"] >= start, ["crm", "activity_id", "contact_id"]].itertuples(index=False)
    )
    found = keys("activities", pulled(bench.crm(), "activities", start=start.to_pydatetime())[0])
    assert found == wanted


def test_changes_come_and_bring_their_contacts_along(bench: Bench) -> None:
    """A changed record comes in the next pull; an activity with all its contacts."""
    crm = bench.crm()
    cursors = newest_cursors(crm)
    contact, mail = bench.ids("contacts")[3], bench.linked("emails")[5]
    bench.step(30)
    bench.change("contacts", [contact], title="Head of Everything")
    bench.change("emails", [mail], subject="Another subject")
    contacts, _ = pulled(crm, "contacts", cursors["contacts"])
    activities, _ = pulled(crm, "activities", cursors["activities"])
    assert [page.rows["title"].tolist() for page in contacts] == [["Head of Everything"]]
    mails = [page for page in activities if page.stream == "emails"]
    assert {key[1] for key in keys("activities", mails)} == {mail}
    assert sum(len(page.rows) for page in mails) == bench.participants(mail)


def test_ties_on_one_millisecond_are_not_lost(world: World, kind: BenchType) -> None:
    """Hundreds of records with the very same moment of change, more than fit on a page: each of them comes."""
    with kind.opened(world, frozen=True) as bench:
        crm = bench.crm(lag_s=0)
        cursor = newest_cursors(crm)["activities"]
        bench.step(3_600)
        mails = bench.linked("emails")
        assert len(mails) > 250
        bench.change("emails", mails, subject="The same moment")
        pages, cursor = pulled(crm, "activities", cursor)
        assert {key[1] for key in keys("activities", pages)} >= set(mails)
        assert sum(page.records for page in pages) == len(mails)
        bench.step(3_600)
        assert sum(page.records for page in pulled(bench.crm(lag_s=0), "activities", cursor)[0]) <= len(mails)


@pytest.mark.slow
def test_a_long_pull_of_changes_can_be_resumed_after_any_page(world: World, kind: BenchType) -> None:
    """Changes at many moments, read page by page by ever new connectors: all come, and hardly any twice."""
    with kind.opened(world, frozen=True) as bench:
        cursor = newest_cursors(bench.crm())["activities"]
        mails = bench.linked("emails")
        bench.step(3_600)
        for start in range(0, len(mails), 50):
            bench.step(1)
            bench.change("emails", mails[start : start + 50], subject="Changed")
        found: Counter[tuple[str, ...]] = Counter()
        for _ in range(40):
            page = next(iter(bench.crm().pages("activities", cursor)))
            cursor = page.cursor
            if not page.records:
                break
            # What had changed shortly before the load began is read once more, so only the e-mails are looked at.
            found += keys("activities", [page] if page.stream == "emails" else [])
        assert {key[1] for key in found} == set(mails)
        assert set(found.values()) == {1}


def test_a_lagging_search_index_loses_nothing(world: World, kind: BenchType) -> None:
    """Changes that the index shows late, and out of order, come in one of the next pulls."""
    with kind.opened(world, lag=(0.0, 120.0)) as bench:
        crm = bench.crm(lag_s=180)
        cursor = newest_cursors(crm)["contacts"]
        ids = bench.ids("contacts")
        found: set[str] = set()
        for start in range(0, len(ids), 7):
            bench.change("contacts", ids[start : start + 7], title="Changed")
            bench.step(20)
            pages, cursor = pulled(crm, "contacts", cursor)
            found |= {one for _, one in keys("contacts", pages)}
        for _ in range(4):
            bench.step(100)
            pages, cursor = pulled(crm, "contacts", cursor)
            found |= {one for _, one in keys("contacts", pages)}
        assert found == set(ids)
        assert sum(page.records for page in pulled(crm, "contacts", cursor)[0]) <= 7


def test_what_is_merged_or_archived_is_told(bench: Bench) -> None:
    """A merged record comes with the id that took its place, an archived one once a day at the latest."""
    crm = bench.crm()
    cursor = newest_cursors(crm)["contacts"]
    first, second, third = bench.ids("contacts")[:3]
    bench.step(60)
    merged = bench.merge("contacts", first, second)
    bench.archive("contacts", third)
    bench.step(90_000)
    pages, _ = pulled(crm, "contacts", cursor)
    gone = pd.concat([page.gone for page in pages if page.gone is not None])
    assert {
        (row.record_id, row.how, row.into)
        for row in gone[["record_id", "how", "into"]].fillna("").itertuples()
        if row.record_id in {first, second, third}
    } == {
        *((one, "merged", into) for one, into in merged.items()),
        (third, "archived", ""),
    }


def test_a_reply_is_not_counted_twice(portal: HubSpotBench) -> None:
    """HubSpot: the contact record's word of a reply is left out where the e-mail itself is there, also when something else changes on the contact."""
    crm = portal.crm()
    pages = [page for table in PULLED for page in pulled(crm, table)[0]]
    rows = pd.concat([page.rows for page in pages if page.table == "activities"])
    told = rows[rows["activity_id"].str.startswith("contact-") & (rows["outcome"] == "replied")]
    mails = rows[(rows["channel"] == "email") & (rows["direction"] == "inbound") & ~rows["activity_id"].str.startswith("contact-")]
    near = told.merge(mails, on="contact_id")
    assert ((near["occurred_at_x"] - near["occurred_at_y"]).abs() > pd.Timedelta(minutes=10)).all()


def test_a_cursor_of_another_table_is_refused(bench: Bench) -> None:
    """Nothing is guessed from a cursor that cannot be read."""
    crm = bench.crm()
    cursor = pulled(crm, "contacts")[1]
    for wrong in (cursor, "nonsense", "{}"):
        with pytest.raises(BadInput):
            pulled(crm, "companies", wrong)


def test_an_estimate_costs_one_call_a_stream(bench: Bench) -> None:
    """What a pull would cost is known from counts alone, at most one call for each."""
    crm = bench.crm()
    estimates = crm.estimate("activities", None)
    assert sum(number for purpose, number in crm.calls().items() if purpose != "login") <= len(estimates)
    assert {one.stream: one.records for one in estimates}["emails"] == bench.size("emails")


# Set-up


def test_set_up_is_repeatable_and_teardown_leaves_nothing(bench: Bench) -> None:
    """After set-up nothing is pending; doing it twice is harmless; after teardown the CRM holds no definition of ours."""
    crm = bench.crm()
    changes = crm.pending_fields(FIELDS)
    assert bench.definitions() == set()
    crm.create_fields(changes)
    crm.create_fields(changes)
    assert crm.pending_fields(FIELDS) == []
    assert len(bench.definitions()) >= len(FIELDS)
    crm.teardown(crm.pending_teardown())
    assert bench.definitions() == set()
    assert crm.pending_teardown() == []
    crm.create_fields(crm.pending_fields(FIELDS))
    assert crm.pending_fields(FIELDS) == []


def test_a_changed_text_is_pending(ready: Bench) -> None:
    """A new help text or option is seen as a change, and applying it leaves nothing pending."""
    crm = ready.crm()
    changed = (made_field("mood", Kind.CHOICE, options=(Option("good", "Good"), Option("bad", "Bad"), Option("ugly", "Ugly"))), *FIELDS[1:])
    changes = crm.pending_fields(changed)
    assert {change.action for change in changes} == {"change"}
    crm.create_fields(changes)
    assert crm.pending_fields(changed) == []


def test_new_definitions_are_waited_for(world: World) -> None:
    """HubSpot: it shows a new definition with a delay; set-up returns when it can be used."""
    with HubSpotBench.opened(world, property_delay=(0.05, 0.1)) as bench:
        crm = bench.crm()
        crm.create_fields(crm.pending_fields(FIELDS))
        assert {
            report.fate for report in crm.write_fields("contacts", cells_of(bench, "contacts", bench.ids("contacts")[:3], {"mood": "good"}))
        } == {Fate.WRITTEN}


# Writing fields


def test_every_kind_of_value_survives_the_way_there_and_back(ready: Bench) -> None:
    """What is written is what is read, in the one form in which values are compared; a value can be emptied."""
    crm = ready.crm()
    one = ready.ids("contacts")[0]
    assert [report.fate for report in crm.write_fields("contacts", cells_of(ready, "contacts", [one], dict(VALUES)))] == [Fate.WRITTEN]
    held = crm.current("contacts", [one], FIELDS)
    assert json.loads(held["values"].iloc[0]) == VALUES
    list(crm.write_fields("contacts", cells_of(ready, "contacts", [one], dict.fromkeys(VALUES))))
    assert crm.current("contacts", [one], FIELDS)["values"].tolist() == ["{}"]


def test_the_standing_of_our_fields_comes_with_the_pages(ready: Bench) -> None:
    """What our fields hold comes with every page, for each of its records."""
    crm = ready.crm()
    one = ready.ids("contacts")[0]
    list(crm.write_fields("contacts", cells_of(ready, "contacts", [one], {"mood": "bad"})))
    standing = pd.concat([page.standing for page in pulled(crm, "contacts")[0] if page.standing is not None])
    assert len(standing) == len(ready.ids("contacts"))
    assert standing.loc[standing["record_id"] == one, "values"].tolist() == ['{"mood":"bad"}']


def test_writing_twice_is_harmless(ready: Bench) -> None:
    """Every record is reported exactly once, each time, and the values stay."""
    crm = ready.crm()
    ids = ready.ids("contacts")
    cells = cells_of(ready, "contacts", ids, {"mood": "good", "times_seen": "3"})
    for _ in range(2):
        reports = list(crm.write_fields("contacts", cells))
        assert Counter(report.key for report in reports) == Counter(ids)
        assert {report.fate for report in reports} == {Fate.WRITTEN}
    assert {ready.value("contacts", one, "mood") for one in ids} == {"good"}


def test_a_bad_record_does_not_keep_its_neighbours_from_being_written(ready: Bench) -> None:
    """A record that is gone and a value that is refused are reported with a code; all others are written."""
    crm = ready.crm()
    ids = ready.ids("contacts")[:20]
    ready.archive("contacts", ids[3])
    cells = cells_of(ready, "contacts", ids, {"mood": "good"})
    cells.loc[cells["record_id"] == ids[7], "new"] = "no such option"
    reports = {report.key: report for report in crm.write_fields("contacts", cells)}
    assert {key for key, report in reports.items() if report.fate is Fate.FAILED} == {ids[3], ids[7]}
    assert all(reports[one].code and reports[one].message for one in (ids[3], ids[7]))
    assert set(reports) == set(ids)
    assert {ready.value("contacts", one, "mood") for one in ids if one not in (ids[3], ids[7])} == {"good"}


def test_a_record_that_was_merged_away_counts_as_failed(ready: Bench) -> None:
    """HubSpot silently leaves such a record out of its answer; it is listed all the same."""
    crm = ready.crm()
    first, second, third = ready.ids("contacts")[:3]
    merged = ready.merge("contacts", first, second)
    reports = {
        report.key: report.fate
        for report in crm.write_fields("contacts", cells_of(ready, "contacts", [first, second, third], {"mood": "good"}))
    }
    assert reports == {one: Fate.FAILED if one in merged else Fate.WRITTEN for one in (first, second, third)}


def test_a_write_whose_answer_is_lost_is_sent_again(ready: Bench) -> None:
    """Setting a value twice is harmless, so a dropped connection after it was applied is no failure."""
    ready.sandbox.faults.add("drop_after", path=ready.write_path, nth=1)
    crm = ready.crm()
    ids = ready.ids("contacts")[:5]
    assert [report.fate for report in crm.write_fields("contacts", cells_of(ready, "contacts", ids, {"mood": "good"}))] == [
        Fate.WRITTEN
    ] * 5


def test_our_own_writes_are_not_news(ready: Bench) -> None:
    """After absorb, our own writes cost no more calls than none and bring no row; a change by somebody else still comes."""
    crm = ready.crm()
    cursor = newest_cursors(crm)["contacts"]
    ids = ready.ids("contacts")
    ready.step(5)
    list(crm.write_fields("contacts", cells_of(ready, "contacts", ids, {"mood": "good"})))
    cursor = crm.absorb("contacts", cursor)
    before = sum(crm.calls().values())
    assert sum(len(page.rows) for page in pulled(crm, "contacts", cursor)[0]) == 0
    assert sum(crm.calls().values()) - before == ready.quiet_people_calls
    ready.step(5)
    ready.change("contacts", [ids[4]], title="New here")
    pages, cursor = pulled(crm, "contacts", cursor)
    assert {one for _, one in keys("contacts", pages)} == {ids[4]}
    ready.step(3_600)
    _, cursor = pulled(crm, "contacts", cursor)
    assert sum(page.records for page in pulled(crm, "contacts", cursor)[0]) <= 1


def test_a_portal_that_never_rests_hides_nothing(ready: Bench) -> None:
    """Where somebody changes something every minute and we sync every minute, a change that our own write has covered still comes."""
    crm = ready.crm()
    cursor = newest_cursors(crm)["contacts"]
    ids = ready.ids("contacts")
    ready.step(5)
    ready.change("contacts", [ids[2]], title="Covered by our write")
    ready.step(1)
    list(crm.write_fields("contacts", cells_of(ready, "contacts", ids[:10], {"mood": "good"})))
    cursor = crm.absorb("contacts", cursor)
    titles: list[str] = []
    for minute in range(14):
        ready.step(60)
        ready.change("contacts", [ids[20 + minute % 3]], title=f"Minute {minute}")
        pages, cursor = pulled(crm, "contacts", cursor)
        titles += [title for page in pages for title in page.rows["title"].dropna()]
    assert "Covered by our write" in titles


def test_a_change_between_our_own_writes_is_not_lost(ready: Bench) -> None:
    """A change by somebody else that is older than our last write is found when the search index is sure to have all of it."""
    crm = ready.crm()
    cursor = newest_cursors(crm)["contacts"]
    ids = ready.ids("contacts")
    ready.step(5)
    list(crm.write_fields("contacts", cells_of(ready, "contacts", ids[:10], {"mood": "good"})))
    ready.step(1)
    ready.change("contacts", [ids[2]], title="Changed in between")
    ready.step(1)
    list(crm.write_fields("contacts", cells_of(ready, "contacts", ids[10:], {"mood": "good"})))
    cursor = crm.absorb("contacts", cursor)
    titles: set[str] = set()
    for _ in range(2):
        pages, cursor = pulled(crm, "contacts", cursor)
        titles |= {title for page in pages for title in page.rows["title"].dropna()}
        ready.step(700)
    assert "Changed in between" in titles


def test_writing_before_set_up_says_what_to_do(bench: Bench) -> None:
    """Without our properties nothing is written record by record: the message names set-up."""
    crm = bench.crm()
    with pytest.raises(SetupNeeded, match="stillthere setup"):
        list(crm.write_fields("contacts", cells_of(bench, "contacts", bench.ids("contacts")[:3], {"mood": "good"})))
    with pytest.raises(SetupNeeded, match="stillthere setup"):
        list(crm.create_tasks(tasks_for(bench, bench.ids("contacts")[:1])))


def test_current_reads_by_the_ids_that_were_asked_for(ready: Bench) -> None:
    """Strongly consistent, straight after a write. What does not exist is left out; so is what went into another record, whatever that one holds."""
    crm = ready.crm()
    first, second, third = ready.ids("contacts")[:3]
    list(crm.write_fields("contacts", cells_of(ready, "contacts", [first, third], {"mood": "good"})))
    went = ready.merge("contacts", first, second)
    held = crm.current("contacts", [second, third, went[second], "999"], FIELDS).set_index("record_id")["values"].to_dict()
    assert held == dict.fromkeys([third, went[second]], '{"mood":"good"}')


@pytest.mark.parametrize("table", ["contacts", "companies"])
def test_where_a_record_went_is_told(ready: Bench, table: str) -> None:
    """Straight after a merge the CRM says into which record each id went; of records that live, or were deleted, it says nothing."""
    crm = ready.crm()
    first, second, third, fourth = ready.ids(table)[:4]
    went = ready.merge(table, first, second)
    ready.archive(table, fourth)
    assert crm.merged_into(table, [first, second, third, fourth, went[second]]) == went
    assert crm.merged_into(table, []) == {}


# Tasks


@pytest.fixture(params=["hubspot", "hubspot without a unique key", "salesforce"])
def tasked(request: pytest.FixtureRequest, world: World) -> Iterator[Bench]:
    """A portal or org after set-up; HubSpot's also where it allows no unique property on tasks."""
    vendor, _, without = request.param.partition(" without ")
    options = {"task_unique_property": False} if without else {}
    with BENCHES[vendor].opened(world, **options) as made:
        crm = made.crm()
        crm.create_fields(crm.pending_fields(FIELDS))
        yield made


def held_tasks(bench: Bench) -> Counter[str]:
    """How many tasks there are of each key of ours."""
    return Counter(key for key, _ in bench.tasks())


def test_a_task_is_created_once_and_hangs_on_its_contact(tasked: Bench) -> None:
    """Created twice, by two processes: one task, reported unchanged with its id the second time, linked to its contact."""
    contacts = tasked.ids("contacts")[:8]
    tasks = tasks_for(tasked, contacts)
    first = {report.key: report for report in tasked.crm().create_tasks(tasks)}
    second = {report.key: report for report in tasked.crm().create_tasks(tasks)}
    assert {report.fate for report in first.values()} == {Fate.WRITTEN}
    assert {report.fate for report in second.values()} == {Fate.UNCHANGED}
    assert {key: report.crm_id for key, report in first.items()} == {key: report.crm_id for key, report in second.items()}
    assert held_tasks(tasked) == Counter(tasks["task_key"])
    assert dict(tasked.tasks()) == {f"key-{one}": [one] for one in contacts}


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "empty", "truncated", "cut", "bad_gateway"])
def test_a_lost_answer_doubles_no_task(tasked: Bench, fault: str) -> None:
    """Whatever becomes of the answer, each task exists exactly once in the end and every task is reported."""
    tasked.sandbox.faults.add(fault, path=tasked.task_path, nth=[1, 2])
    tasks = tasks_for(tasked, tasked.ids("contacts")[:8])
    reports = list(tasked.crm().create_tasks(tasks))
    assert Counter(report.key for report in reports) == Counter(tasks["task_key"])
    assert Fate.FAILED not in {report.fate for report in reports}
    assert held_tasks(tasked) == Counter(tasks["task_key"])


def test_a_process_that_ends_after_a_lost_answer_doubles_no_task(tasked: Bench) -> None:
    """When no answer ever comes the call raises; the next process finds what is there and completes it."""
    rule = tasked.sandbox.faults.add("drop_after", path=tasked.tasks_path)
    tasks = tasks_for(tasked, tasked.ids("contacts")[:8])
    with suppress(OutcomeUnknown):  # without a unique key, what was created is found at once, and nothing is unknown
        list(tasked.crm().create_tasks(tasks))
    assert rule.struck > 0
    tasked.sandbox.faults.clear()
    list(tasked.crm().create_tasks(tasks))
    assert held_tasks(tasked) == Counter(tasks["task_key"])
    assert all(contacts for _, contacts in tasked.tasks())


def test_tasks_can_be_read_and_brought_up_to_date(tasked: Bench) -> None:
    """State, text and due date are set and read back; setting twice is harmless."""
    crm = tasked.crm()
    contacts = tasked.ids("contacts")[:3]
    ids = {report.key: report.crm_id for report in crm.create_tasks(tasks_for(tasked, contacts))}
    changed = tasks_for(tasked, contacts, state="done")
    changed["task_id"] = changed["task_key"].map(ids)
    for _ in range(2):
        assert {report.fate for report in crm.update_tasks(changed)} == {Fate.WRITTEN}
    for asked in (changed, changed.assign(task_id=None)):
        held = crm.current_tasks(asked).set_index("task_key")
        assert held["state"].to_dict() == dict.fromkeys(ids, "done")
        assert held["contact_id"].to_dict() == {f"key-{one}": one for one in contacts}
        assert held["body"].iloc[0] == "Line one\n<line two> & more"


def test_a_task_that_does_not_exist_is_not_read(tasked: Bench) -> None:
    """Asked for by key or through its contact, a task that nobody made is simply not there."""
    assert tasked.crm().current_tasks(tasks_for(tasked, tasked.ids("contacts")[:2]).assign(task_id=None)).empty


# What may go wrong


def test_a_wrong_secret_is_said_in_one_sentence(bench: Bench) -> None:
    """Reading raises; check tells it without raising."""
    crm = bench.crm(secret="pat-na1-wrong")  # noqa: S106 - opens nothing
    with pytest.raises(NotAuthorised):
        pulled(crm, "contacts")
    checkup = crm.check()
    assert not checkup.is_good
    assert [finding.what for finding in checkup.findings if not finding.is_good] == [bench.first_word]


def test_a_missing_scope_is_named(world: World) -> None:
    """HubSpot: check names the scope that is missing; of activities the rest is read, and what is left out is told; without contacts reading raises."""
    scopes = tuple(scope for scope in SandboxOptions().scopes if scope != "tickets")
    with HubSpotBench.opened(world, scopes=scopes) as bench:
        crm = bench.crm()
        assert any("tickets" in finding.advice for finding in crm.check().findings if not finding.is_good)
        pages, _ = pulled(crm, "activities")
        assert {"emails", "calls"} <= {page.stream for page in pages}
        assert [(one.stream, one.channels, one.since) for one in crm.unread()] == [("tickets", ("ticket",), None)]
    with HubSpotBench.opened(world, scopes=("tickets",)) as bench, pytest.raises(MissingScopes, match="contacts"):
        pulled(bench.crm(), "contacts")


def test_mails_that_come_without_their_text_are_noticed(world: World) -> None:
    """HubSpot: without the scope for it the CRM empties e-mails instead of refusing them; check says so."""
    scopes = tuple(scope for scope in SandboxOptions().scopes if scope != "sales-email-read")
    with HubSpotBench.opened(world, scopes=scopes) as bench:
        assert any("sales-email-read" in finding.advice for finding in bench.crm().check().findings if not finding.is_good)


def test_check_is_good_after_set_up_and_says_what_lacks_before(bench: Bench) -> None:
    """Missing definitions lead to set-up; afterwards all is well, and the CRM's clock and calls left are known."""
    crm = bench.crm()
    assert {finding.advice for finding in crm.check().findings if not finding.is_good} == {"run `stillthere setup`"}
    crm.create_fields(crm.pending_fields(FIELDS))
    checkup = crm.check()
    assert checkup.is_good
    assert abs(checkup.now - bench.sandbox.clock.now()) < timedelta(seconds=2)
    assert checkup.calls_left is not None
    # Salesforce counts the last 24 hours at every moment, so there is no time at which it begins anew.
    assert (checkup.resets_at is not None) == (bench.name == "hubspot")


@pytest.mark.parametrize(
    "fault",
    [
        "server_error",
        "bad_gateway",
        "unavailable",
        "no_answer",
        "html",
        "empty",
        "truncated",
        "cut",
        "drop_before",
        "locked",
        "rate_limit_burst",
        "rate_limit_search",
        "concurrent_limit",
        "session_expired",
        "session_page",
        "query_timeout",
        "server_unavailable",
    ],
)
def test_a_fault_that_passes_loses_nothing(bench: Bench, fault: str) -> None:
    """Every third read fails once in some way; the extract is whole all the same."""
    if KINDS[fault].vendor not in ("", bench.name):
        pytest.skip("the other CRM's")
    bench.sandbox.faults.add(
        fault, every=3, path="" if bench.name == "hubspot" else "/data/", method="POST" if fault == "rate_limit_search" else ""
    )
    crm = bench.crm()
    assert {one for _, one in keys("contacts", pulled(crm, "contacts")[0])} == set(bench.ids("contacts"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit_daily", QuotaSpent),
        ("daily_limit", QuotaSpent),
        ("migrating", CrmUnreachable),
        ("unavailable", CrmUnreachable),
        ("expired_token", NotAuthorised),
        ("session_page", NotAuthorised),
        ("api_disabled", MissingScopes),
    ],
)
def test_a_fault_that_stays_ends_the_pull_and_never_shortens_it(bench: Bench, fault: str, error: type[Exception]) -> None:
    """An extract that cannot be completed raises; it never just ends."""
    if KINDS[fault].vendor not in ("", bench.name):
        pytest.skip("the other CRM's")
    bench.sandbox.faults.add(fault, path=bench.mail_path)
    with pytest.raises(error):
        pulled(bench.crm(), "activities")


def test_the_share_of_others_is_left(world: World, kind: BenchType) -> None:
    """With few calls left today, a pull stops cleanly at the reserve, and can go on from its last cursor the next day."""
    with kind.opened(world, daily=20) as bench:
        crm = bench.crm(reserve_share=0.5)
        with pytest.raises(QuotaSpent):
            newest_cursors(crm)
        assert len(bench.sandbox.calls) <= 11 + bench.crm().calls().get("login", 1)


def test_calls_are_counted_by_purpose(bench: Bench) -> None:
    """The connector's count is the CRM's count."""
    crm = bench.crm()
    newest_cursors(crm)
    assert sum(crm.calls().values()) == len(bench.sandbox.calls)
    assert crm.calls_left() is not None
    one = bench.ids("contacts")[0]
    assert crm.link("contacts", one) == bench.link(one)
