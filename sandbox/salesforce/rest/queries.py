"""``query``, ``queryAll`` and their cursors; of search only what finds by plain words."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import OrgError, malformed_query
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.rest.showing import attributes
from sandbox.salesforce.soql.running import run_query

MOST_ROWS, LEAST_ROWS = 2000, 200
LONGEST = 100_000
_BATCH = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)
_LOCATOR = re.compile(r"([0-9A-Za-z]{15,18})-(\d+)")
SEARCHED = ("Name", "Email", "Phone", "MobilePhone", "Company", "Website", "Subject")


@dataclass
class Cursor:
    """The rows of one query that are still to be fetched, whose they are, and until when (seconds of the sandbox's elapsed time)."""

    user_id: str
    total: int
    size: int
    records: list[dict[str, Any]]
    ends: float


class Cursors:
    """All open cursors of an org."""

    def __init__(self, seed: int) -> None:
        self._open: dict[str, Cursor] = {}
        self._number = 0
        self._random = random.Random(seed + 17)

    def query(self, asked: Asked) -> Answer:
        """``GET query?q=``: what is there now; archived activities are left out."""
        return self._answer(asked, is_all=False)

    def query_all(self, asked: Asked) -> Answer:
        """``GET queryAll?q=``: deleted and archived records too."""
        return self._answer(asked, is_all=True)

    def more(self, asked: Asked) -> Answer:
        """``GET query/{locator}``: the next rows of a cursor."""
        match = _LOCATOR.fullmatch(asked.parts["locator"])
        cursor = self._open.get(match.group(1)) if match else None
        if match is None or cursor is None or cursor.user_id != asked.user_id or cursor.ends <= asked.org.clock.elapsed():
            raise OrgError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(asked, match.group(1), cursor, int(match.group(2)))

    def _answer(self, asked: Asked, *, is_all: bool) -> Answer:
        text = asked.one("q")
        if not text:
            raise malformed_query("A query string has to be specified")
        if len(text) > LONGEST:
            raise OrgError(
                400, "QUERY_TOO_COMPLICATED", f"Query is too complicated: {len(text)} characters, but at most {LONGEST} are allowed"
            )
        found = run_query(asked.org, asked.user_id, text, is_all=is_all, version=asked.version)
        size = self._size(asked)
        if len(found.records) <= size:
            told = {"totalSize": found.total, "done": True, "records": found.records}
            return Answer(200, told, records_out=len(found.records))
        self._forget_old(asked)
        self._number += 1
        name = make_id("01g", self._number * 62**3 + self._random.randrange(62**3))
        cursor = Cursor(asked.user_id, found.total, size, found.records, asked.org.clock.elapsed() + asked.org.org.cursor_life)
        self._open[name] = cursor
        return self._page(asked, name, cursor, 0)

    def _page(self, asked: Asked, name: str, cursor: Cursor, start: int) -> Answer:
        rows = cursor.records[start : start + cursor.size]
        end = start + len(rows)
        told: dict[str, Any] = {"totalSize": cursor.total, "done": end >= len(cursor.records)}
        if not told["done"]:
            told["nextRecordsUrl"] = f"{asked.base}/query/{name}-{end}"
        told["records"] = rows
        return Answer(200, told, records_out=len(rows))

    def _size(self, asked: Asked) -> int:
        most = min(MOST_ROWS, asked.org.org.batch_size)
        match = _BATCH.search(asked.headers.get("sforce-query-options", ""))
        return most if match is None else min(most, max(LEAST_ROWS, int(match.group(1))))

    def _forget_old(self, asked: Asked) -> None:
        now = asked.org.clock.elapsed()
        self._open = {name: cursor for name, cursor in self._open.items() if cursor.ends > now}


def query_routes(cursors: Cursors) -> list[Route]:
    """The routes of queries."""
    base = "/services/data/v{version}"
    return [
        Route("GET", f"{base}/query", cursors.query),
        Route("GET", f"{base}/queryAll", cursors.query_all),
        Route("GET", f"{base}/query/{{locator}}", cursors.more),
        Route("GET", f"{base}/queryAll/{{locator}}", cursors.more),
        Route("GET", f"{base}/search", refuse_search),
        Route("GET", f"{base}/parameterizedSearch", search_words),
    ]


def refuse_search(_asked: Asked) -> Answer:
    """``GET search``: SOSL is not read here, and says so."""
    raise OrgError(400, "MALFORMED_SEARCH", "SOSL is not read by this sandbox; use parameterizedSearch or a query.")


def search_words(asked: Asked) -> Answer:
    """``GET parameterizedSearch?q=&sobject=``: records in whose names or addresses every word stands."""
    words = (asked.one("q") or "").lower().split()
    names = asked.many("sobject") or ["Account", "Contact", "Lead"]
    if not words:
        raise OrgError(400, "MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces.")
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
