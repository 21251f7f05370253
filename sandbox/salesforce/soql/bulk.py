"""SOQL for bulk query jobs: what those refuse, and the answer as a header with flat rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.soql import tree
from sandbox.salesforce.soql.grouping import is_aggregate
from sandbox.salesforce.soql.running import begin
from sandbox.salesforce.soql.selecting import Selection, queryable
from sandbox.salesforce.values import to_csv

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


@dataclass(frozen=True)
class BulkRows:
    """The answer of a bulk query: the columns, parents' fields as ``Account.Name``; how many rows; and the rows, to be read once."""

    header: list[str]
    total: int
    rows: Iterator[list[str]]


def check_for_bulk(org: Org, user_id: str, text: str) -> ObjectType:
    """The object that a bulk query reads. OrgError in the vendor's words where the statement cannot be read, bound, or run in bulk."""
    scene, query = begin(org, user_id, text, is_all=True)
    kind = queryable(scene, query.sources[0])
    _check(query, kind)
    _check_columns(Selection(scene, query, kind))
    return kind


def rows_for_bulk(org: Org, user_id: str, text: str, *, is_all: bool) -> BulkRows:
    """Answer a statement as a bulk query job does. The rows are those of this moment; each is written when it is read.

    Raises:
        OrgError: as ``run_query``; INVALIDENTITY and API_ERROR where the Bulk API does not take the object or the clause.
    """
    with org.lock:
        scene, query = begin(org, user_id, text, is_all=is_all)
        kind = queryable(scene, query.sources[0])
        _check(query, kind)
        selection = Selection(scene, query, kind)
        _check_columns(selection)
        columns = selection.columns()
        # The versions that are seen now; a change that comes while the rows are read does not show.
        records = [record.version() for record in selection.rows()]
    readers = [(operand.field, operand.get) for _, operand in columns]

    def rows() -> Iterator[list[str]]:
        for record in records:
            yield ["" if (value := get(record)) is None else to_csv(field, value) for field, get in readers]

    return BulkRows([name for name, _ in columns], len(records), rows())


def _check(query: tree.Query, kind: ObjectType) -> None:
    if not kind.bulkable:
        raise OrgError(400, "INVALIDENTITY", f"Entity '{kind.name}' is not supported by the Bulk API.")
    if is_aggregate(query) or any(isinstance(item, tree.Column) and isinstance(item.what, tree.Call) for item in query.select):
        raise _refused("Aggregate Relationships not supported in Bulk Query")
    if query.offset is not None:
        raise _refused("OFFSET not supported in Bulk Query")
    for item in query.select:
        if isinstance(item, tree.ChildQuery):
            raise _refused("Parent-to-child relationships not supported in Bulk Query")
        if isinstance(item, tree.Typeof):
            raise _refused("TYPEOF not supported in Bulk Query")
        if isinstance(item, tree.Fields) and item.kind != "STANDARD":
            raise _refused(f"FIELDS({item.kind}) not supported in Bulk Query")
    if kind.needs_filter and query.where is None:
        raise _refused(f"Implementation restriction: {kind.name} requires a filter in a Bulk Query")


def _check_columns(selection: Selection) -> None:
    if any(operand.type in ("address", "location") for _, operand in selection.columns()):
        raise _refused("Selecting compound data not supported in Bulk Query")


def _refused(message: str) -> OrgError:
    return OrgError(400, "API_ERROR", message)
