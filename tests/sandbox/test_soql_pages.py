"""Query cursors and the rows of bulk queries: pages in order, of one moment, until they are read or too old."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.options import SandboxOptions
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.org import Org
from sandbox.salesforce.soql import Cursors, rows_for_bulk

ASK = "SELECT Id, LastName FROM Contact ORDER BY Id"
VERSION = "59.0"


@pytest.fixture
def org() -> Org:
    """An org of 900 contacts whose answers hold 300 rows."""
    options = OrgOptions(batch_size=300, cursor_life=3600)
    org = Org(SandboxOptions(org=options), Clock(datetime(2026, 11, 22, 9, tzinfo=UTC), frozen=True))
    for number in range(900):
        org.import_record("Contact", {"LastName": f"L{number:03d}", "Birthdate": "1990-02-03"})
    return org


def first(cursors: Cursors, org: Org, **more: Any) -> dict[str, Any]:
    return cursors.first(org.integration_id, ASK, is_all=False, version=VERSION, **more)


def locator(page: dict[str, Any]) -> str:
    return str(page["nextRecordsUrl"]).rpartition("/")[2]


def names(page: dict[str, Any]) -> list[str]:
    return [record["LastName"] for record in page["records"]]


def test_pages_hold_the_whole_answer_in_order(org: Org) -> None:
    """The total stays, the address of the next page is relative and ends in the row it starts at, the last page has none."""
    cursors = Cursors(org)
    page = first(cursors, org)
    assert list(page) == ["totalSize", "done", "nextRecordsUrl", "records"]
    assert page["nextRecordsUrl"].startswith("/services/data/v59.0/query/0r8")
    assert page["nextRecordsUrl"].endswith("-300")
    seen = names(page)
    while not page["done"]:
        page = cursors.more(org.integration_id, locator(page), version=VERSION)
        assert page["totalSize"] == 900
        seen += names(page)
    assert seen == [f"L{number:03d}" for number in range(900)]
    assert "nextRecordsUrl" not in page


@pytest.mark.parametrize(
    ("header", "size"), [("batchSize=200", 200), ("batchSize=50", 200), ("batchSize=5000", 900), ("batchsize = 450", 450)]
)
def test_the_caller_may_choose_the_size_of_pages(org: Org, header: str, size: int) -> None:
    """Between 200 and 2,000 rows, through Sforce-Query-Options; on a later page too."""
    cursors = Cursors(org)
    assert len(first(cursors, org, headers={"sforce-query-options": header})["records"]) == size
    page = first(cursors, org)
    later = cursors.more(org.integration_id, locator(page), version=VERSION, headers={"sforce-query-options": header})
    assert len(later["records"]) == min(size, 600)


def test_a_cursor_holds_what_was_found_when_it_was_asked(org: Org) -> None:
    """Changes, deletions and new records after the first page do not show; the same page may be read twice."""
    cursors = Cursors(org)
    page = first(cursors, org)
    rows = list(org.store("Contact"))
    org.update(org.integration_id, rows[400], {"LastName": "Changed"})
    org.delete(org.integration_id, rows[401])
    second = cursors.more(org.integration_id, locator(page), version=VERSION)
    assert names(second) == [f"L{number}" for number in range(300, 600)]
    assert cursors.more(org.integration_id, locator(page), version=VERSION) == second


def test_locators_that_are_none(org: Org) -> None:
    """Unknown, malformed, another user's, beyond the end, or too old: INVALID_QUERY_LOCATOR."""
    cursors = Cursors(org)
    good = locator(first(cursors, org))
    cursor, _, _ = good.partition("-")
    for user, wrong in [
        (org.integration_id, "0r8000000000000AAA-300"),
        (org.integration_id, "nonsense"),
        (org.integration_id, cursor),
        (org.integration_id, f"{cursor}-900"),
        (org.admin_id, good),
    ]:
        with pytest.raises(OrgError) as refusal:
            cursors.more(user, wrong, version=VERSION)
        assert (refusal.value.status, refusal.value.code, refusal.value.message) == (400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    org.clock.advance(3601)
    with pytest.raises(OrgError) as refusal:
        cursors.more(org.integration_id, good, version=VERSION)
    assert refusal.value.code == "INVALID_QUERY_LOCATOR"


def test_the_oldest_cursor_gives_way(org: Org) -> None:
    """One user holds at most ten cursors open."""
    cursors = Cursors(org)
    opened = [locator(first(cursors, org)) for _ in range(11)]
    assert len(set(opened)) == 11
    with pytest.raises(OrgError):
        cursors.more(org.integration_id, opened[0], version=VERSION)
    assert cursors.more(org.integration_id, opened[1], version=VERSION)["totalSize"] == 900


def test_bulk_rows_are_flat_texts(org: Org) -> None:
    """Columns bear the paths of their fields; what is empty is empty text; moments end in Z; the rows are of the moment of asking."""
    account = org.import_record("Account", {"Name": "Acme"})
    contact = next(iter(org.store("Contact")))
    org.update(org.integration_id, contact, {"AccountId": account.id})
    asked = "SELECT id, account.name, Birthdate, CreatedDate, IsDeleted, Email FROM Contact ORDER BY Id LIMIT 2"
    found = rows_for_bulk(org, org.integration_id, asked, is_all=False)
    org.update(org.integration_id, contact, {"Email": "late@x.example"})
    assert found.header == ["Id", "Account.Name", "Birthdate", "CreatedDate", "IsDeleted", "Email"]
    assert found.total == 2
    rows = list(found.rows)
    assert rows[0] == [contact.id, "Acme", "1990-02-03", "2026-11-22T09:00:00.000Z", "false", ""]
    assert rows[1][1:] == ["", "1990-02-03", "2026-11-22T09:00:00.000Z", "false", ""]
