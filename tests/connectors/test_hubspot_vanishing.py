"""Records that vanish from HubSpot without a trace are noticed, at the cost of a count; and so are records that nobody had read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot import HubSpot, Manner
from connectors.hubspot.client import Found
from connectors.hubspot.counting import wrong_blocks
from connectors.hubspot.streams import CONTACTS
from sandbox.hubspot.object_types import object_type
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.world import WorldOptions, make_world
from tests.connectors.conftest import QUICK
from transforms.vocabulary.changes import Page

DAY_S = 86_400
CONTACTS_TYPE, EMAILS_TYPE = object_type("contacts"), object_type("emails")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small portal without index lag."""
    world = make_world(WorldOptions(seed=11, contacts=30, companies=5, months=3, activities_per_contact=6))
    with run_sandbox(world=world, options=SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0.0, 0.0))) as started:
        yield started


class Reader:
    """What has been read of a portal so far, as a lake would know it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.held: dict[str, set[str]] = {"contacts": set(), "companies": set(), "emails": set(), "archived contacts": set()}
        self.cursors: dict[str, str] = {}
        self.calls: dict[str, int] = {}

    def pull(self, table: str) -> list[Page]:
        """Pull a table with a new connector, and keep the ids that came."""
        manner = Manner(patience=QUICK, threads=2, searches_per_s=400, known=self.held.__getitem__)
        crm = HubSpot(self.sandbox.token, self.sandbox.base_url, index_lag_s=600, manner=manner)
        pages = list(crm.pages(table, self.cursors.get(table)))
        self.cursors[table] = pages[-1].cursor
        self.calls = crm.calls()
        for page in pages:
            self._keep(table, page)
        return pages

    def _keep(self, table: str, page: Page) -> None:
        name = "emails" if table == "activities" else table
        key = {"contacts": "contact_id", "companies": "company_id", "activities": "activity_id"}[table]
        rows = page.rows[page.rows["channel"] == "email"] if table == "activities" else page.rows
        self.held[name] |= set(rows[key])
        for row in () if page.gone is None else page.gone.itertuples():
            self.held[name].discard(row.record_id)
            if table == "contacts" and row.how == "archived":
                self.held["archived contacts"].add(row.record_id)


def gone_of(pages: Sequence[Page]) -> set[tuple[str, str]]:
    """What the pages say is gone, and how."""
    frames = [page.gone for page in pages if page.gone is not None]
    return {pair for frame in frames for pair in zip(frame["record_id"], frame["how"], strict=True)}


def rows_of(pages: Sequence[Page], key: str) -> set[str]:
    """The ids of the rows that came."""
    return {one for page in pages for one in page.rows[key]}


def test_an_erased_contact_is_named_by_the_next_pull(sandbox: Sandbox) -> None:
    """Somebody who was erased stands in no list of HubSpot's; the count is one too small, and the pull after that costs one search more than the changes."""
    reader = Reader(sandbox)
    reader.pull("contacts")
    erased = sorted(sandbox.portal.stores["contacts"].live)[3]
    with sandbox.portal.lock:
        sandbox.portal.erase_contact(erased)
    assert gone_of(reader.pull("contacts")) == {(str(erased), "erased")}
    assert gone_of(reader.pull("contacts")) == set()
    assert reader.calls == {"search": 2}


def test_an_archived_contact_is_named_at_once_and_its_erasure_within_a_day(sandbox: Sandbox) -> None:
    """The count shows that somebody is missing, the recycle bin where; whoever is in neither any more was erased."""
    reader = Reader(sandbox)
    reader.pull("contacts")
    archived = sorted(sandbox.portal.stores["contacts"].live)[5]
    with sandbox.portal.lock:
        sandbox.portal.archive(CONTACTS_TYPE, archived)
    assert gone_of(reader.pull("contacts")) == {(str(archived), "archived")}
    with sandbox.portal.lock:
        sandbox.portal.erase_contact(archived)
    sandbox.clock.advance(DAY_S + 60)
    assert gone_of(reader.pull("contacts")) == {(str(archived), "erased")}


def test_a_deleted_e_mail_is_named_within_a_week(sandbox: Sandbox) -> None:
    """E-mails do not go to the recycle bin. Mail that concerns no contact is counted and not missed."""
    reader = Reader(sandbox)
    reader.pull("contacts")
    reader.pull("activities")
    with sandbox.portal.lock:
        sandbox.portal.create(EMAILS_TYPE, {"hs_timestamp": "2026-11-20T08:00:00Z"}, sandbox.portal.person_source)
    deleted = min((one for one in reader.held["emails"] if one.isdigit()), key=int)
    with sandbox.portal.lock:
        sandbox.portal.archive(EMAILS_TYPE, int(deleted))
    assert gone_of(reader.pull("activities")) == set()
    sandbox.clock.advance(8 * DAY_S)
    assert gone_of(reader.pull("activities")) == {(deleted, "archived")}
    sandbox.clock.advance(8 * DAY_S)
    assert rows_of(reader.pull("activities"), "activity_id") == set()
    counting = reader.calls["search"]
    sandbox.clock.advance(3_600)
    reader.pull("activities")
    assert counting - reader.calls["search"] == 2


def test_a_contact_that_nobody_has_read_is_read(sandbox: Sandbox) -> None:
    """Whatever a load has missed, or a restore has brought back, comes with the next pull."""
    reader = Reader(sandbox)
    reader.pull("contacts")
    missed = min(reader.held["contacts"], key=int)
    reader.held["contacts"].discard(missed)
    pages = reader.pull("contacts")
    assert rows_of(pages, "contact_id") == {missed}
    assert gone_of(pages) == set()


def test_a_merged_contact_is_not_taken_for_erased(sandbox: Sandbox) -> None:
    """Both ids of a merge are gone, and lead to the new one."""
    reader = Reader(sandbox)
    reader.pull("contacts")
    one, other = sorted(sandbox.portal.stores["contacts"].live)[:2]
    with sandbox.portal.lock:
        live = sandbox.portal.stores["contacts"].live
        sandbox.portal.merge(CONTACTS_TYPE, live[one], live[other])
    found = gone_of(reader.pull("contacts"))
    assert {how for _, how in found} == {"merged"}
    assert {str(one), str(other)} <= {record for record, _ in found}
    assert gone_of(reader.pull("contacts")) == set()


class Listed:
    """As much of a client as counting needs: searches over ids that stand there."""

    def __init__(self, there: set[int]) -> None:
        self.there = sorted(there)

    def search(self, _kind: str, filters: Sequence[dict[str, Any]], *, limit: int = 200, **_asked: object) -> Found:
        """Those of the ids that lie between the bounds, as HubSpot's search gives them."""
        low, high = (int(filters[0]["value"]), int(filters[0].get("highValue", 2**63))) if filters else (0, 2**63)
        found = [one for one in self.there if low <= one <= high]
        shown = [{"id": str(one)} for one in found[:limit]]
        return Found(shown, None, datetime(2026, 11, 22, tzinfo=UTC), len(found), len(shown))


IDS = st.sets(st.integers(1, 3_000), max_size=600)


@given(known=IDS, there=IDS)
def test_counting_finds_every_id_that_is_missing_or_unread(known: set[int], there: set[int]) -> None:
    """Where the counts differ, exactly the missing and the unknown ids are named. Once that is settled the next count finds nothing, in one call."""
    surplus: dict[str, int] = {}
    client: Any = Listed(there)
    blocks = list(wrong_blocks(client, CONTACTS, sorted(known), surplus, []))
    missing, unread = {int(one) for block in blocks for one in block.missing}, {int(one) for block in blocks for one in block.unread}
    assert (missing, unread) == ((known - there, there - known) if len(known) != len(there) else (set(), set()))
    assert list(wrong_blocks(client, CONTACTS, sorted((known - missing) | unread), surplus, [])) == []
