"""Query cursors: an answer that is larger than one page is held, page by page, until it is read or too old."""

from __future__ import annotations

import random
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.soql.running import Result, run_query

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

LEAST, MOST, OPEN = 200, 2_000, 10
"""Rows of a page, as a caller may choose, and cursors that one user may hold open; the oldest gives way to the next."""

_LOCATOR = re.compile(r"(0r8[0-9A-Za-z]{12,15})-(\d+)")


@dataclass
class _Cursor:
    user_id: str
    result: Result
    until_ms: int
    size: int


class Cursors:
    """The query cursors of one org. What a cursor holds is what the query found when it was asked."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._open: OrderedDict[str, _Cursor] = OrderedDict()
        self._number = random.Random(f"cursors {org.options.seed}").randrange(1 << 30)

    def first(self, user_id: str, text: str, *, is_all: bool, version: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The first page of a statement's answer, as the REST API's body. ``headers`` are the request's, with lower-case names."""
        size = page_size(self._org.org.batch_size, (headers or {}).get("sforce-query-options", ""))
        result = run_query(self._org, user_id, text, is_all=is_all, version=version)
        if len(result.records) <= size:
            return {"totalSize": result.total, "done": True, "records": result.records}
        with self._org.lock:
            self._number += 1
            name = make_id("0r8", self._number)
            held = [key for key, cursor in self._open.items() if cursor.user_id == user_id]
            for key in held[: max(0, len(held) - OPEN + 1)]:
                del self._open[key]
            until = self._org.clock.now_ms() + int(self._org.org.cursor_life * 1000)
            self._open[name] = _Cursor(user_id, result, until, size)
        return self._page(name, 0, version)

    def more(self, user_id: str, locator: str, *, version: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """A further page: ``locator`` is the last part of ``nextRecordsUrl``. The same page may be asked for again.

        Raises:
            OrgError: INVALID_QUERY_LOCATOR where the locator is none, is another user's, or its cursor is too old.
        """
        found = _LOCATOR.fullmatch(locator)
        with self._org.lock:
            name = found[1] if found else ""
            cursor = self._open.get(name)
            if cursor is not None and cursor.until_ms <= self._org.clock.now_ms():
                del self._open[name]
                cursor = None
            start = int(found[2]) if found else 0
            if cursor is None or cursor.user_id != user_id or start >= len(cursor.result.records):
                raise OrgError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
            if options := (headers or {}).get("sforce-query-options", ""):
                cursor.size = page_size(cursor.size, options)
            return self._page(name, start, version)

    def _page(self, name: str, start: int, version: str) -> dict[str, Any]:
        cursor = self._open[name]
        end = start + cursor.size
        records = cursor.result.records
        page: dict[str, Any] = {"totalSize": cursor.result.total, "done": end >= len(records)}
        if not page["done"]:
            page["nextRecordsUrl"] = f"/services/data/v{version}/query/{name}-{end}"
        return {**page, "records": records[start:end]}


def page_size(default: int, options: str) -> int:
    """How many rows a page holds: the ``batchSize`` of a Sforce-Query-Options header, brought between 200 and 2,000, or the default."""
    found = re.search(r"batchSize\s*=\s*(\d+)", options, re.IGNORECASE)
    return min(MOST, max(LEAST, int(found[1]))) if found else default
