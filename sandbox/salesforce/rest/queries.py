"""``query``, ``queryAll`` and their cursors; of search only what finds by plain words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import OrgError, malformed_query
from sandbox.salesforce.rest.showing import attributes
from sandbox.salesforce.soql import Cursors

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

MOST_ROWS = 2000
NO_TERM = "No search term found. The search term must be enclosed in braces."
SEARCHED = ("Name", "Email", "Phone", "MobilePhone", "Company", "Website", "Subject")


class Queries:
    """The query resources of one org, with its open cursors."""

    def __init__(self, org: Org) -> None:
        self._cursors = Cursors(org)

    def query(self, asked: Asked) -> Answer:
        """``GET query?q=``: what is there now; archived activities are left out."""
        return self._first(asked, is_all=False)

    def query_all(self, asked: Asked) -> Answer:
        """``GET queryAll?q=``: deleted and archived records too."""
        return self._first(asked, is_all=True)

    def more(self, asked: Asked) -> Answer:
        """``GET query/{locator}``: the next rows of a cursor."""
        page = self._cursors.more(asked.user_id, asked.parts["locator"], version=asked.version, headers=asked.headers)
        return Answer(200, page, records_out=len(page["records"]))

    def _first(self, asked: Asked, *, is_all: bool) -> Answer:
        text = asked.one("q")
        if not text:
            raise malformed_query("A query string has to be specified")
        page = self._cursors.first(asked.user_id, text, is_all=is_all, version=asked.version, headers=asked.headers)
        return Answer(200, page, records_out=len(page["records"]))


def query_routes(org: Org) -> list[Route]:
    """The routes of queries."""
    base, queries = "/services/data/v{version}", Queries(org)
    return [
        Route("GET", f"{base}/query", queries.query),
        Route("GET", f"{base}/queryAll", queries.query_all),
        Route("GET", f"{base}/query/{{locator}}", queries.more),
        Route("GET", f"{base}/queryAll/{{locator}}", queries.more),
        Route("GET", f"{base}/search", refuse_search),
        Route("GET", f"{base}/parameterizedSearch", search_words),
    ]


def refuse_search(asked: Asked) -> Answer:
    """``GET search``: SOSL is not read here, and says so."""
    if not re.search(r"\{.+\}", asked.one("q") or "", re.DOTALL):
        raise OrgError(400, "MALFORMED_SEARCH", NO_TERM)
    raise OrgError(400, "MALFORMED_SEARCH", "SOSL is not read by this sandbox; use parameterizedSearch or a query.")


def search_words(asked: Asked) -> Answer:
    """``GET parameterizedSearch?q=&sobject=``: records in whose names or addresses every word stands."""
    words = (asked.one("q") or "").lower().split()
    names = asked.many("sobject") or ["Account", "Contact", "Lead"]
    if not words:
        raise OrgError(400, "MALFORMED_SEARCH", NO_TERM)
    found = []
    for name in names:
        kind = asked.org.kind(name)
        fields = [field for field in SEARCHED if asked.org.access.sees(asked.user_id, kind.name, field)]
        for record in asked.org.rows(kind.name):
            text = " ".join(str(record.values.get(field) or "") for field in fields).lower()
            if all(word in text for word in words):
                found.append({"attributes": attributes(asked, kind.name, record.id), "Id": record.id})
    found = found[: int(asked.one("overallLimit") or MOST_ROWS)]
    return Answer(200, {"searchRecords": found}, records_out=len(found))
