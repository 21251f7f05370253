"""The statements that are sent. Pure: a stream, what the org shows of it, and where to go on."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.salesforce.shape import Shape
from connectors.salesforce.streams import Stream
from connectors.salesforce.values import to_list, to_soql, to_soql_day


def of_records(stream: Stream, shape: Shape, conditions: Sequence[str], tail: str = "") -> str:
    """The stream's records with their children, under these conditions."""
    columns = shape.paths(stream)
    children = shape.children(stream.children)
    if children is not None:
        columns.append(f"({statement(children.fields, children.relationship, [], children.clause)})")
    return statement(columns, stream.object, [stream.where, *conditions], tail)


def of_load(stream: Stream, shape: Shape, start_ms: int | None, after_id: str) -> str:
    """One answer of a full load by ascending id; ``after_id`` was the last id."""
    return of_records(stream, shape, [*_load_conditions(stream, start_ms), after(after_id)], "ORDER BY Id")


def of_bulk(stream: Stream, shape: Shape, start_ms: int | None, after_id: str) -> str:
    """A full load as a bulk query, which takes no child queries: where records have participants, it starts from those.

    They are in the order of their records, so that each record is whole where its rows end. All others come in whatever order is quickest.
    """
    driver = shape.children(stream.driver)
    if driver is None:
        return statement(shape.paths(stream), stream.object, [stream.where, *_load_conditions(stream, start_ms), after(after_id)])
    columns = [driver.key, *driver.fields, *(stream.lead + path for path in shape.paths(stream))]
    conditions = ["IsDeleted = false", driver.where, *_since(stream, start_ms, stream.lead), after(after_id, driver.key)]
    return statement(columns, driver.object, conditions, f"ORDER BY {driver.key}")


def count_of(stream: Stream, start_ms: int | None) -> str:
    """How many rows a full load of the stream would bring, archived ones left out."""
    driver = stream.driver
    name, where = (stream.object, stream.where) if driver is None else (driver.object, driver.where)
    return statement(["COUNT()"], name, [where, *_since(stream, start_ms, stream.lead)])


def of_ids(stream: Stream, shape: Shape, ids: Sequence[str]) -> str:
    """The stream's records of these ids, whether they are deleted or not."""
    return of_records(stream, shape, [f"Id IN {to_list(ids)}"], "ORDER BY Id")


def newest(modified: str, from_ms: int) -> tuple[str, str]:
    """Condition and order of the first look at what changed: the newest first."""
    return f"{modified} >= {to_soql(from_ms)}", f"ORDER BY {modified} DESC, Id DESC"


def onward(modified: str, at_ms: int, after_id: str) -> tuple[str, str]:
    """Condition and order of going on with what changed: by moment, and inside one moment by id."""
    order = f"ORDER BY {modified}, Id"
    at = to_soql(at_ms)
    if not after_id:
        return f"{modified} >= {at}", order
    return f"(({modified} = {at} AND Id > '{after_id}') OR {modified} > {at})", order


def after(last: str, key: str = "Id") -> str:
    """The condition that goes on behind an id."""
    return f"{key} > '{last}'" if last else ""


def statement(columns: Sequence[str], source: str, conditions: Sequence[str], tail: str = "") -> str:
    """One SELECT; empty conditions are left out."""
    where = " AND ".join(one for one in conditions if one)
    return " ".join(part for part in ("SELECT", ", ".join(columns), "FROM", source, f"WHERE {where}" if where else "", tail) if part)


def _load_conditions(stream: Stream, start_ms: int | None) -> list[str]:
    # Archived rows come only where deleted ones come too, and those are never wanted in a full load.
    return ["IsDeleted = false", *_since(stream, start_ms, "")]


def _since(stream: Stream, start_ms: int | None, lead: str) -> list[str]:
    if start_ms is None or not stream.since:
        return []
    return [stream.since.format(lead=lead, time=to_soql(start_ms), day=to_soql_day(start_ms))]
