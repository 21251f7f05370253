"""Answers a SOQL statement for one user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.salesforce.errors import malformed_query
from sandbox.salesforce.soql import tree
from sandbox.salesforce.soql.binding import Scene
from sandbox.salesforce.soql.grouping import Grouping, check_size
from sandbox.salesforce.soql.parsing import parse
from sandbox.salesforce.soql.selecting import Selection, queryable
from sandbox.salesforce.soql.spans import Calendar

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


@dataclass(frozen=True)
class Result:
    """The whole answer: how many rows there are, and the rows as the REST API shapes them (none where only a count was asked for)."""

    total: int
    records: list[dict[str, Any]]


def run_query(org: Org, user_id: str, text: str, *, is_all: bool = False, version: str | None = None) -> Result:
    """Answer a statement as ``query`` does, or with ``is_all`` as ``queryAll`` does: with deleted and archived rows.

    ``version`` stands in the records' addresses; by default the newest. The answer is of one moment: the org is locked meanwhile.

    Raises:
        OrgError: MALFORMED_QUERY, INVALID_TYPE, INVALID_FIELD and the like, in the vendor's words with row and column.
    """
    with org.lock:
        scene, query = begin(org, user_id, text, is_all=is_all, version=version)
        selection = Selection(scene, query, queryable(scene, query.sources[0]))
        if selection.counts_only:
            return Result(_count(selection), [])
        if selection.is_aggregate:
            return _aggregate(selection)
        write = selection.write
        rows = selection.rows()
        return Result(len(rows), [] if write is None else [write(row) for row in rows])


def begin(org: Org, user_id: str, text: str, *, is_all: bool, version: str | None = None) -> tuple[Scene, tree.Query]:
    """Read a statement, refuse what only Apex may say, and note who asks when."""
    query = parse(text)
    if query.all_rows:
        raise malformed_query("ALL ROWS not allowed in this context")
    if query.security is not None:
        # The vendor's release notes of Summer '24 give this answer for a clause that only Apex may use.
        raise malformed_query(
            "rule soqlWithIdentifierClause failed predicate: {this.helper.allowApexSyntax() && this.helper.hasApexContext()}?"
        )
    org.sweep()
    return Scene(org, user_id, text, is_all, calendar_of(org, user_id), version or org.org.api_version), query


def calendar_of(org: Org, user_id: str) -> Calendar:
    """What day it is for a user: by the time zone of their record (UTC where there is none) and the org's fiscal year."""
    user = org.find(user_id)
    name = user.values.get("TimeZoneSidKey") if user is not None else None
    zone: tzinfo = UTC
    if name:
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            zone = UTC
    starts = (
        next((one.values.get("FiscalYearStartMonth") for one in org.stores["Organization"]), None) if "Organization" in org.stores else None
    )
    return Calendar(org.clock.now_ms(), zone, int(starts) if isinstance(starts, int) else 1)


def _count(selection: Selection) -> int:
    query = selection.query
    if len(query.select) != 1 or query.group or query.order:
        raise malformed_query("COUNT() must be the only element of the SELECT list, without GROUP BY and ORDER BY")
    return len(selection.cut(selection.matching(selection.found())))


def _aggregate(selection: Selection) -> Result:
    grouping = Grouping(selection.binder, selection.query)
    start, limit = selection.query.offset or 0, selection.query.limit
    groups = grouping.groups(selection.matching(selection.found()))
    groups = groups[start : None if limit is None else start + limit]
    check_size(groups)
    return Result(len(groups), [grouping.write(group) for group in groups])
