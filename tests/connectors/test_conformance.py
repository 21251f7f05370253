"""The laws of the connector protocol, held against every connector on its sandbox.

A bench stands for one connector and its sandbox: it makes connectors, changes records as people would, and looks at what the CRM holds.
With ``--live`` the laws that need nothing but the protocol are also held against the real portal that HUBSPOT_ACCESS_TOKEN opens;
they only read.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from connectors.hubspot import HubSpot, Manner
from connectors.protocol import Crm
from connectors.sending import Patience
from sandbox.hubspot.object_types import object_type
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.world import World, WorldOptions, make_world
from transforms.vocabulary.changes import CELLS, TASKS, Fate, Page
from transforms.vocabulary.errors import BadInput, CrmUnreachable, MissingScopes, NotAuthorised, OutcomeUnknown, QuotaSpent, SetupNeeded
from transforms.vocabulary.fields import Field, Group, Kind, Option
from transforms.vocabulary.tables import TABLES, check_table, to_table

PULLED = ("owners", "contacts", "companies", "activities")


def nothing(_book: object) -> pd.Series:
    """A formula that is never run here."""
    return pd.Series(dtype="object")


def made_field(name: str, kind: Kind, table: str = "contacts", options: tuple[Option, ...] = ()) -> Field:
    """A field of that kind."""
    return Field(name, f"Test {name}", kind, Group.LISTENING, table, f"What {name} means.", nothing, options)


FIELDS = (
    made_field("mood", Kind.CHOICE, options=(Option("good", "Good"), Option("bad", "Bad"))),
    made_field("remark", Kind.LONG_TEXT),
    made_field("seen_at", Kind.DATETIME),
    made_field("seen_on", Kind.DATE),
    made_field("times_seen", Kind.COUNT),
    made_field("is_kind", Kind.FLAG),
    made_field("chance", Kind.CHANCE),
    made_field("standing", Kind.TEXT, "companies"),
)
VALUES = {
    "mood": "good",
    "remark": "Two sentences. And a line\nbreak.",
    "seen_at": "2026-11-20T08:15:30Z",
    "seen_on": "2026-11-20",
    "times_seen": "12",
    "is_kind": "true",
    "chance": "35",
}
QUICK = Patience(attempts=5, first_wait_s=0.01, longest_wait_s=0.05, connect_timeout_s=1.0, read_timeout_s=5.0)


class HubSpotBench:
    """The HubSpot connector and the sandbox's portal behind it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.portal = sandbox.portal

    def crm(self, *, token: str | None = None, lag_s: float = 600, archive_every_s: float = 86_400, reserve_share: float = 0.3) -> HubSpot:
        """A new connector, as a new process would make one."""
        manner = Manner(patience=QUICK, threads=3, answers_a_page=1, searches_per_s=400, archive_every_s=archive_every_s)
        return HubSpot(
            token or self.sandbox.token, self.sandbox.base_url, FIELDS, index_lag_s=lag_s, reserve_share=reserve_share, manner=manner
        )

    def ids(self, table: str) -> list[str]:
        """The ids of all live records of a table (or record type)."""
        return [str(one) for one in self.portal.stores[table].live]

    def linked(self, table: str) -> list[str]:
        """The ids of all live activities of one type that concern a live contact."""
        live = self.portal.stores["contacts"].live
        return [one for one in self.ids(table) if any(contact in live for contact in self.portal.links.of((table, "contacts"), int(one)))]

    def values(self, table: str, record_id: str) -> dict[str, str]:
        """What the CRM holds of a record."""
        return self.portal.properties(table, record_id)

    def change(self, table: str, ids: list[str], **values: str) -> None:
        """Somebody changes records by hand."""
        kind = object_type(table)
        with self.portal.lock:
            for one in ids:
                self.portal.update(kind, self.portal.store(kind).live[int(one)], dict(values), self.portal.person_source)

    def archive(self, table: str, record_id: str) -> None:
        """Somebody deletes a record."""
        with self.portal.lock:
            self.portal.archive(object_type(table), int(record_id))

    def merge(self, table: str, into: str, other: str) -> str:
        """Somebody merges two records; the id of what they become."""
        kind = object_type(table)
        with self.portal.lock:
            live = self.portal.store(kind).live
            return str(self.portal.merge(kind, live[int(into)], live[int(other)]).id)

    def tasks(self) -> list[dict[str, Any]]:
        """All tasks, with what they are linked to."""
        return list(self.portal.snapshot()["tasks"].values())

    def definitions(self) -> set[str]:
        """The names of all definitions of ours."""
        ours = {name for held in self.portal.snapshot()["definitions"].values() for name in held if name.startswith("stillthere_")}
        held = [group for schema in self.portal.schemas.values() for group in schema.groups.values()]
        groups = {group.name for group in held if group.name.startswith("stillthere_") and not group.archived}
        return ours | groups

    def step(self, seconds: float) -> None:
        """Let the CRM's time pass."""
        self.sandbox.clock.advance(seconds)


@pytest.fixture(scope="module")
def world() -> World:
    """A few made customers."""
    return make_world(WorldOptions(contacts=60, companies=12, activities_per_contact=15))


@contextmanager
def opened(world: World, **options: Any) -> Iterator[HubSpotBench]:
    """A sandbox of these customers, without index lag unless it is asked for."""
    with run_sandbox(
        world=world, options=SandboxOptions(**{"index_lag": (0.0, 0.0), "burst": 5_000, "search_per_second": 500, **options})
    ) as sandbox:
        yield HubSpotBench(sandbox)


@pytest.fixture
def bench(world: World) -> Iterator[HubSpotBench]:
    """One connector on its sandbox."""
    with opened(world) as made:
        yield made


@pytest.fixture
def ready(bench: HubSpotBench) -> HubSpotBench:
    """The same, after set-up."""
    crm = bench.crm()
    crm.create_fields(crm.pending_fields(FIELDS))
    return bench


@pytest.fixture(params=["sandbox", pytest.param("live", marks=pytest.mark.live)])
def any_crm(request: pytest.FixtureRequest, world: World) -> Iterator[Crm]:
    """A connector for laws that need nothing but the protocol; with ``--live`` also one for the real portal."""
    if request.param == "live":
        if not request.config.getoption("--live", default=False):
            pytest.skip("runs with --live only")
        yield HubSpot(os.environ["HUBSPOT_ACCESS_TOKEN"], fields=FIELDS)
        return
    with opened(world) as made:
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


def cells_of(table: str, ids: list[str], values: dict[str, str | None]) -> pd.DataFrame:
    """CELLS that set the same values on every record."""
    rows = [
        {"crm": "hubspot", "table": table, "record_id": one, "field": name, "new": value} for one in ids for name, value in values.items()
    ]
    return to_table(CELLS, rows)


def tasks_for(contacts: list[str], **changes: Any) -> pd.DataFrame:
    """One open task for each contact."""
    shared = {"crm": "hubspot", "play": "call", "reason": "They went quiet.", "way": "call", "priority": "high", "state": "open", **changes}
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


def test_a_full_load_brings_every_record_once(bench: HubSpotBench) -> None:
    """All live contacts and companies come, each once."""
    crm = bench.crm()
    for table in ("contacts", "companies"):
        found = keys(table, pulled(crm, table)[0])
        assert set(found.values()) == {1}
        assert {one for _, one in found} == set(bench.ids(table))


def test_an_extract_can_be_resumed_after_any_page(bench: HubSpotBench) -> None:
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


def test_a_closed_extract_sends_nothing_more(bench: HubSpotBench) -> None:
    """Closing the generator stops all requests."""
    run = bench.crm().pages("activities", None)
    next(run)
    run.close()
    count = len(bench.sandbox.calls)
    assert len(bench.sandbox.calls) == count


def test_a_second_pull_straight_after_the_first_brings_nothing(any_crm: Crm) -> None:
    """Nothing changed: no rows, and at most eight calls over all tables."""
    cursors = newest_cursors(any_crm)
    before = sum(any_crm.calls().values())
    rows = [len(page.rows) for table in PULLED for page in pulled(any_crm, table, cursors[table])[0]]
    assert sum(rows) == 0
    assert sum(any_crm.calls().values()) - before <= 8


@pytest.mark.parametrize("is_by_search", [True, False])
def test_a_load_since_a_date_holds_what_happened_since(bench: HubSpotBench, *, is_by_search: bool) -> None:
    """With start: all activities at or after it and none before, whether they are searched for or listed."""
    crm = bench.crm()
    whole = pd.concat([page.rows for page in pulled(crm, "activities")[0]])
    start = whole["occurred_at"].max() - timedelta(days=20 if is_by_search else 500)
    wanted = Counter(
        tuple(row) for row in whole.loc[whole["occurred_at"] >= start, ["crm", "activity_id", "contact_id"]].itertuples(index=False)
    )
    found = keys("activities", pulled(bench.crm(), "activities", start=start.to_pydatetime())[0])
    assert found == wanted


def test_changes_come_and_bring_their_contacts_along(bench: HubSpotBench) -> None:
    """A changed record comes in the next pull; an activity with all its contacts."""
    crm = bench.crm()
    cursors = newest_cursors(crm)
    contact, mail = bench.ids("contacts")[3], bench.linked("emails")[5]
    bench.step(30)
    bench.change("contacts", [contact], jobtitle="Head of Everything")
    bench.change("emails", [mail], hs_email_subject="Another subject")
    contacts, _ = pulled(crm, "contacts", cursors["contacts"])
    activities, _ = pulled(crm, "activities", cursors["activities"])
    assert [page.rows["title"].tolist() for page in contacts] == [["Head of Everything"]]
    mails = [page for page in activities if page.stream == "emails"]
    assert {key[1] for key in keys("activities", mails)} == {mail}
    assert sum(len(page.rows) for page in mails) == len(bench.portal.links.of(("emails", "contacts"), int(mail)))


def test_ties_on_one_millisecond_are_not_lost(world: World) -> None:
    """Hundreds of records with the very same moment of change, more than fit on a page: each of them comes."""
    with opened(world, frozen=True) as bench:
        crm = bench.crm(lag_s=0)
        cursor = newest_cursors(crm)["activities"]
        bench.step(3_600)
        mails = bench.linked("emails")
        assert len(mails) > 250
        bench.change("emails", mails, hs_email_subject="The same moment")
        pages, cursor = pulled(crm, "activities", cursor)
        assert {key[1] for key in keys("activities", pages)} >= set(mails)
        assert sum(page.records for page in pages) == len(mails)
        bench.step(3_600)
        assert sum(page.records for page in pulled(bench.crm(lag_s=0), "activities", cursor)[0]) <= len(mails)


def test_a_long_pull_of_changes_can_be_resumed_after_any_page(world: World) -> None:
    """Changes at many moments, read page by page by ever new connectors: all come, and hardly any twice."""
    with opened(world, frozen=True) as bench:
        cursor = newest_cursors(bench.crm())["activities"]
        mails = bench.linked("emails")
        bench.step(3_600)
        for start in range(0, len(mails), 50):
            bench.step(1)
            bench.change("emails", mails[start : start + 50], hs_email_subject="Changed")
        found: Counter[tuple[str, ...]] = Counter()
        for _ in range(40):
            page = next(iter(bench.crm().pages("activities", cursor)))
            cursor = page.cursor
            if not page.records:
                break
            found += keys("activities", [page])
        assert {key[1] for key in found} == set(mails)
        assert set(found.values()) == {1}


def test_a_lagging_search_index_loses_nothing(world: World) -> None:
    """Changes that the index shows late, and out of order, come in one of the next pulls."""
    with opened(world, index_lag=(0.0, 120.0)) as bench:
        crm = bench.crm(lag_s=180)
        cursor = newest_cursors(crm)["contacts"]
        ids = bench.ids("contacts")
        found: set[str] = set()
        for start in range(0, len(ids), 7):
            bench.change("contacts", ids[start : start + 7], jobtitle="Changed")
            bench.step(20)
            pages, cursor = pulled(crm, "contacts", cursor)
            found |= {one for _, one in keys("contacts", pages)}
        for _ in range(4):
            bench.step(100)
            pages, cursor = pulled(crm, "contacts", cursor)
            found |= {one for _, one in keys("contacts", pages)}
        assert found == set(ids)
        assert sum(page.records for page in pulled(crm, "contacts", cursor)[0]) <= 7


def test_what_is_merged_or_archived_is_told(bench: HubSpotBench) -> None:
    """A merged record comes with the id that took its place, an archived one once a day at the latest."""
    crm = bench.crm()
    cursor = newest_cursors(crm)["contacts"]
    first, second, third = bench.ids("contacts")[:3]
    bench.step(60)
    new = bench.merge("contacts", first, second)
    bench.archive("contacts", third)
    bench.step(90_000)
    pages, _ = pulled(crm, "contacts", cursor)
    gone = pd.concat([page.gone for page in pages if page.gone is not None])
    assert {
        (row.record_id, row.how, row.into)
        for row in gone[["record_id", "how", "into"]].fillna("").itertuples()
        if row.record_id in {first, second, third}
    } == {
        (first, "merged", new),
        (second, "merged", new),
        (third, "archived", ""),
    }


def test_a_reply_is_not_counted_twice(bench: HubSpotBench) -> None:
    """The contact record's word of a reply is left out where the e-mail itself is there, also when something else changes on the contact."""
    crm = bench.crm()
    pages = [page for table in PULLED for page in pulled(crm, table)[0]]
    rows = pd.concat([page.rows for page in pages if page.table == "activities"])
    told = rows[rows["activity_id"].str.startswith("contact-") & (rows["outcome"] == "replied")]
    mails = rows[(rows["channel"] == "email") & (rows["direction"] == "inbound") & ~rows["activity_id"].str.startswith("contact-")]
    near = told.merge(mails, on="contact_id")
    assert ((near["occurred_at_x"] - near["occurred_at_y"]).abs() > pd.Timedelta(minutes=10)).all()


def test_a_cursor_of_another_table_is_refused(bench: HubSpotBench) -> None:
    """Nothing is guessed from a cursor that cannot be read."""
    crm = bench.crm()
    cursor = pulled(crm, "contacts")[1]
    for wrong in (cursor, "nonsense", "{}"):
        with pytest.raises(BadInput):
            pulled(crm, "companies", wrong)


def test_an_estimate_costs_one_call_a_stream(bench: HubSpotBench) -> None:
    """What a pull would cost is known from counts alone."""
    crm = bench.crm()
    estimates = crm.estimate("activities", None)
    assert sum(crm.calls().values()) == len(estimates)
    assert {one.stream: one.records for one in estimates}["emails"] == len(bench.ids("emails"))


# Set-up


def test_set_up_is_repeatable_and_teardown_leaves_nothing(bench: HubSpotBench) -> None:
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


def test_a_changed_text_is_pending(ready: HubSpotBench) -> None:
    """A new help text or option is seen as a change, and applying it leaves nothing pending."""
    crm = ready.crm()
    changed = (made_field("mood", Kind.CHOICE, options=(Option("good", "Good"), Option("bad", "Bad"), Option("ugly", "Ugly"))), *FIELDS[1:])
    changes = crm.pending_fields(changed)
    assert [(change.what, change.action) for change in changes] == [("property", "change")]
    crm.create_fields(changes)
    assert crm.pending_fields(changed) == []


def test_new_definitions_are_waited_for(world: World) -> None:
    """HubSpot shows a new definition with a delay; set-up returns when it can be used."""
    with opened(world, property_delay=(0.05, 0.1)) as bench:
        crm = bench.crm()
        crm.create_fields(crm.pending_fields(FIELDS))
        assert {
            report.fate for report in crm.write_fields("contacts", cells_of("contacts", bench.ids("contacts")[:3], {"mood": "good"}))
        } == {Fate.WRITTEN}


# Writing fields


def test_every_kind_of_value_survives_the_way_there_and_back(ready: HubSpotBench) -> None:
    """What is written is what is read, in the one form in which values are compared; a value can be emptied."""
    crm = ready.crm()
    one = ready.ids("contacts")[0]
    assert [report.fate for report in crm.write_fields("contacts", cells_of("contacts", [one], dict(VALUES)))] == [Fate.WRITTEN]
    held = crm.current("contacts", [one], FIELDS)
    assert json.loads(held["values"].iloc[0]) == VALUES
    list(crm.write_fields("contacts", cells_of("contacts", [one], dict.fromkeys(VALUES))))
    assert crm.current("contacts", [one], FIELDS)["values"].tolist() == ["{}"]


def test_the_standing_of_our_fields_comes_with_the_pages(ready: HubSpotBench) -> None:
    """What our fields hold comes with every page, for each of its records."""
    crm = ready.crm()
    one = ready.ids("contacts")[0]
    list(crm.write_fields("contacts", cells_of("contacts", [one], {"mood": "bad"})))
    standing = pd.concat([page.standing for page in pulled(crm, "contacts")[0] if page.standing is not None])
    assert len(standing) == len(ready.ids("contacts"))
    assert standing.loc[standing["record_id"] == one, "values"].tolist() == ['{"mood":"bad"}']


def test_writing_twice_is_harmless(ready: HubSpotBench) -> None:
    """Every record is reported exactly once, each time, and the values stay."""
    crm = ready.crm()
    ids = ready.ids("contacts")
    cells = cells_of("contacts", ids, {"mood": "good", "times_seen": "3"})
    for _ in range(2):
        reports = list(crm.write_fields("contacts", cells))
        assert Counter(report.key for report in reports) == Counter(ids)
        assert {report.fate for report in reports} == {Fate.WRITTEN}
    assert {ready.values("contacts", one)["stillthere_mood"] for one in ids} == {"good"}


def test_a_bad_record_does_not_keep_its_neighbours_from_being_written(ready: HubSpotBench) -> None:
    """A record that is gone and a value that is refused are reported with a code; all others are written."""
    crm = ready.crm()
    ids = ready.ids("contacts")[:20]
    ready.archive("contacts", ids[3])
    cells = cells_of("contacts", ids, {"mood": "good"})
    cells.loc[cells["record_id"] == ids[7], "new"] = "no such option"
    reports = {report.key: report for report in crm.write_fields("contacts", cells)}
    assert {key for key, report in reports.items() if report.fate is Fate.FAILED} == {ids[3], ids[7]}
    assert all(reports[one].code and reports[one].message for one in (ids[3], ids[7]))
    assert set(reports) == set(ids)
    assert {ready.values("contacts", one).get("stillthere_mood") for one in ids if one not in (ids[3], ids[7])} == {"good"}


def test_a_record_that_was_merged_away_counts_as_failed(ready: HubSpotBench) -> None:
    """The CRM silently leaves such a record out of its answer; it is listed all the same."""
    crm = ready.crm()
    first, second, third = ready.ids("contacts")[:3]
    ready.merge("contacts", first, second)
    reports = {
        report.key: report.fate for report in crm.write_fields("contacts", cells_of("contacts", [first, second, third], {"mood": "good"}))
    }
    assert reports == {first: Fate.FAILED, second: Fate.FAILED, third: Fate.WRITTEN}


def test_a_write_whose_answer_is_lost_is_sent_again(ready: HubSpotBench) -> None:
    """Setting a value twice is harmless, so a dropped connection after it was applied is no failure."""
    ready.sandbox.faults.add("drop_after", path="contacts/batch/update", nth=1)
    crm = ready.crm()
    ids = ready.ids("contacts")[:5]
    assert [report.fate for report in crm.write_fields("contacts", cells_of("contacts", ids, {"mood": "good"}))] == [Fate.WRITTEN] * 5


def test_our_own_writes_are_not_news(ready: HubSpotBench) -> None:
    """After absorb, our own writes cost one call and bring no row; a change by somebody else still comes."""
    crm = ready.crm()
    cursor = newest_cursors(crm)["contacts"]
    ids = ready.ids("contacts")
    ready.step(5)
    list(crm.write_fields("contacts", cells_of("contacts", ids, {"mood": "good"})))
    cursor = crm.absorb("contacts", cursor)
    before = sum(crm.calls().values())
    assert sum(len(page.rows) for page in pulled(crm, "contacts", cursor)[0]) == 0
    assert sum(crm.calls().values()) - before == 1
    ready.step(5)
    ready.change("contacts", [ids[4]], jobtitle="New here")
    pages, cursor = pulled(crm, "contacts", cursor)
    assert {one for _, one in keys("contacts", pages)} == {ids[4]}
    ready.step(3_600)
    _, cursor = pulled(crm, "contacts", cursor)
    assert sum(page.records for page in pulled(crm, "contacts", cursor)[0]) <= 1


def test_a_portal_that_never_rests_hides_nothing(ready: HubSpotBench) -> None:
    """Where somebody changes something every minute and we sync every minute, a change that our own write has covered still comes."""
    crm = ready.crm()
    cursor = newest_cursors(crm)["contacts"]
    ids = ready.ids("contacts")
    ready.step(5)
    ready.change("contacts", [ids[2]], jobtitle="Covered by our write")
    ready.step(1)
    list(crm.write_fields("contacts", cells_of("contacts", ids[:10], {"mood": "good"})))
    cursor = crm.absorb("contacts", cursor)
    titles: list[str] = []
    for minute in range(14):
        ready.step(60)
        ready.change("contacts", [ids[20 + minute % 3]], jobtitle=f"Minute {minute}")
        pages, cursor = pulled(crm, "contacts", cursor)
        titles += [title for page in pages for title in page.rows["title"].dropna()]
    assert "Covered by our write" in titles


def test_a_change_between_our_own_writes_is_not_lost(ready: HubSpotBench) -> None:
    """A change by somebody else that is older than our last write is found when the search index is sure to have all of it."""
    crm = ready.crm()
    cursor = newest_cursors(crm)["contacts"]
    ids = ready.ids("contacts")
    ready.step(5)
    list(crm.write_fields("contacts", cells_of("contacts", ids[:10], {"mood": "good"})))
    ready.step(1)
    ready.change("contacts", [ids[2]], jobtitle="Changed in between")
    ready.step(1)
    list(crm.write_fields("contacts", cells_of("contacts", ids[10:], {"mood": "good"})))
    cursor = crm.absorb("contacts", cursor)
    titles: set[str] = set()
    for _ in range(2):
        pages, cursor = pulled(crm, "contacts", cursor)
        titles |= {title for page in pages for title in page.rows["title"].dropna()}
        ready.step(700)
    assert "Changed in between" in titles


def test_writing_before_set_up_says_what_to_do(bench: HubSpotBench) -> None:
    """Without our properties nothing is written record by record: the message names set-up."""
    crm = bench.crm()
    with pytest.raises(SetupNeeded, match="stillthere setup"):
        list(crm.write_fields("contacts", cells_of("contacts", bench.ids("contacts")[:3], {"mood": "good"})))
    with pytest.raises(SetupNeeded, match="stillthere setup"):
        list(crm.create_tasks(tasks_for(bench.ids("contacts")[:1])))


def test_current_reads_by_the_ids_that_were_asked_for(ready: HubSpotBench) -> None:
    """Strongly consistent: straight after a write, also for an id that was merged away; what does not exist is left out."""
    crm = ready.crm()
    first, second, third = ready.ids("contacts")[:3]
    list(crm.write_fields("contacts", cells_of("contacts", [first, third], {"mood": "good"})))
    ready.merge("contacts", first, second)
    held = crm.current("contacts", [second, third, "999"], FIELDS).set_index("record_id")["values"].to_dict()
    assert held == {second: '{"mood":"good"}', third: '{"mood":"good"}'}


# Tasks


@pytest.fixture(params=[True, False], ids=["unique key", "plain key"])
def tasked(request: pytest.FixtureRequest, world: World) -> Iterator[HubSpotBench]:
    """A portal after set-up that allows, or does not allow, a unique property on tasks."""
    with opened(world, task_unique_property=request.param) as made:
        crm = made.crm()
        crm.create_fields(crm.pending_fields(FIELDS))
        yield made


def held_tasks(bench: HubSpotBench) -> Counter[str]:
    """How many tasks there are of each key of ours."""
    return Counter(task["stillthere_task_key"] for task in bench.tasks() if task.get("stillthere_task_key"))


def test_a_task_is_created_once_and_hangs_on_its_contact(tasked: HubSpotBench) -> None:
    """Created twice, by two processes: one task, reported unchanged with its id the second time, linked to its contact."""
    contacts = tasked.ids("contacts")[:8]
    tasks = tasks_for(contacts)
    first = {report.key: report for report in tasked.crm().create_tasks(tasks)}
    second = {report.key: report for report in tasked.crm().create_tasks(tasks)}
    assert {report.fate for report in first.values()} == {Fate.WRITTEN}
    assert {report.fate for report in second.values()} == {Fate.UNCHANGED}
    assert {key: report.crm_id for key, report in first.items()} == {key: report.crm_id for key, report in second.items()}
    assert held_tasks(tasked) == Counter(tasks["task_key"])
    linked = {task["stillthere_task_key"]: task["associations"]["contacts"] for task in tasked.tasks() if task.get("stillthere_task_key")}
    assert linked == {f"key-{one}": [one] for one in contacts}


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "empty", "truncated", "cut", "bad_gateway"])
def test_a_lost_answer_doubles_no_task(tasked: HubSpotBench, fault: str) -> None:
    """Whatever becomes of the answer, each task exists exactly once in the end and every task is reported."""
    tasked.sandbox.faults.add(fault, path="tasks/batch/(upsert|create)", nth=[1, 2])
    tasks = tasks_for(tasked.ids("contacts")[:8])
    reports = list(tasked.crm().create_tasks(tasks))
    assert Counter(report.key for report in reports) == Counter(tasks["task_key"])
    assert Fate.FAILED not in {report.fate for report in reports}
    assert held_tasks(tasked) == Counter(tasks["task_key"])


def test_a_process_that_ends_after_a_lost_answer_doubles_no_task(tasked: HubSpotBench) -> None:
    """When no answer ever comes the call raises; the next process finds what is there and completes it."""
    rule = tasked.sandbox.faults.add("drop_after", path="tasks/batch/(upsert|create)|associations/tasks")
    tasks = tasks_for(tasked.ids("contacts")[:8])
    with suppress(OutcomeUnknown):  # without a unique key, what was created is found at once, and nothing is unknown
        list(tasked.crm().create_tasks(tasks))
    assert rule.struck > 0
    tasked.sandbox.faults.clear()
    list(tasked.crm().create_tasks(tasks))
    assert held_tasks(tasked) == Counter(tasks["task_key"])
    assert all(task["associations"]["contacts"] for task in tasked.tasks() if task.get("stillthere_task_key"))


def test_tasks_can_be_read_and_brought_up_to_date(tasked: HubSpotBench) -> None:
    """State, text and due date are set and read back; setting twice is harmless."""
    crm = tasked.crm()
    contacts = tasked.ids("contacts")[:3]
    ids = {report.key: report.crm_id for report in crm.create_tasks(tasks_for(contacts))}
    changed = tasks_for(contacts, state="done")
    changed["task_id"] = changed["task_key"].map(ids)
    for _ in range(2):
        assert {report.fate for report in crm.update_tasks(changed)} == {Fate.WRITTEN}
    for asked in (changed, changed.assign(task_id=None)):
        held = crm.current_tasks(asked).set_index("task_key")
        assert held["state"].to_dict() == dict.fromkeys(ids, "done")
        assert held["contact_id"].to_dict() == {f"key-{one}": one for one in contacts}
        assert held["body"].iloc[0] == "Line one\n<line two> & more"


def test_a_task_that_does_not_exist_is_not_read(tasked: HubSpotBench) -> None:
    """Asked for by key or through its contact, a task that nobody made is simply not there."""
    assert tasked.crm().current_tasks(tasks_for(tasked.ids("contacts")[:2]).assign(task_id=None)).empty


# What may go wrong


def test_a_wrong_token_is_said_in_one_sentence(bench: HubSpotBench) -> None:
    """Reading raises; check tells it without raising."""
    crm = bench.crm(token="pat-na1-wrong")  # noqa: S106 - opens nothing
    with pytest.raises(NotAuthorised):
        pulled(crm, "contacts")
    checkup = crm.check()
    assert not checkup.is_good
    assert [finding.what for finding in checkup.findings if not finding.is_good] == ["token"]


def test_a_missing_scope_is_named(world: World) -> None:
    """Check names the scope that is missing; reading raises with it."""
    scopes = tuple(scope for scope in SandboxOptions().scopes if scope != "tickets")
    with opened(world, scopes=scopes) as bench:
        crm = bench.crm()
        assert any("tickets" in finding.advice for finding in crm.check().findings if not finding.is_good)
        with pytest.raises(MissingScopes, match="tickets"):
            pulled(crm, "activities")


def test_mails_that_come_without_their_text_are_noticed(world: World) -> None:
    """Without the scope for it the CRM empties e-mails instead of refusing them; check says so."""
    scopes = tuple(scope for scope in SandboxOptions().scopes if scope != "sales-email-read")
    with opened(world, scopes=scopes) as bench:
        assert any("sales-email-read" in finding.advice for finding in bench.crm().check().findings if not finding.is_good)


def test_check_is_good_after_set_up_and_says_what_lacks_before(bench: HubSpotBench) -> None:
    """Missing definitions lead to set-up; afterwards all is well, and the CRM's clock and calls left are known."""
    crm = bench.crm()
    assert {finding.advice for finding in crm.check().findings if not finding.is_good} == {"run `stillthere setup`"}
    crm.create_fields(crm.pending_fields(FIELDS))
    checkup = crm.check()
    assert checkup.is_good
    assert abs(checkup.now - bench.sandbox.clock.now()) < timedelta(seconds=2)
    assert checkup.calls_left is not None
    assert checkup.resets_at is not None


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
    ],
)
def test_a_fault_that_passes_loses_nothing(bench: HubSpotBench, fault: str) -> None:
    """Every third read fails once in some way; the extract is whole all the same."""
    bench.sandbox.faults.add(fault, every=3, method="POST" if fault == "rate_limit_search" else "")
    crm = bench.crm()
    assert {one for _, one in keys("contacts", pulled(crm, "contacts")[0])} == set(bench.ids("contacts"))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("rate_limit_daily", QuotaSpent), ("migrating", CrmUnreachable), ("unavailable", CrmUnreachable), ("expired_token", NotAuthorised)],
)
def test_a_fault_that_stays_ends_the_pull_and_never_shortens_it(bench: HubSpotBench, fault: str, kind: type[Exception]) -> None:
    """An extract that cannot be completed raises; it never just ends."""
    bench.sandbox.faults.add(fault, path="objects/emails", method="GET")
    with pytest.raises(kind):
        pulled(bench.crm(), "activities")


def test_the_share_of_others_is_left(world: World) -> None:
    """With few calls left today, a pull stops cleanly at the reserve, and can go on from its last cursor the next day."""
    with opened(world, daily=20) as bench:
        crm = bench.crm(reserve_share=0.5)
        with pytest.raises(QuotaSpent):
            newest_cursors(crm)
        assert len(bench.sandbox.calls) <= 11


def test_calls_are_counted_by_purpose(bench: HubSpotBench) -> None:
    """The connector's count is the CRM's count."""
    crm = bench.crm()
    newest_cursors(crm)
    assert sum(crm.calls().values()) == len(bench.sandbox.calls)
    assert crm.calls_left() is not None
    assert crm.link("contacts", "1") == f"{bench.sandbox.base_url}/contacts/1"
