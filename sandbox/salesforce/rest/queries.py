"""``query``, ``queryAll`` and their cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import malformed_query
from sandbox.salesforce.soql import Cursors

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


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
    ]
