"""ORDER BY: without regard to case, picklists in the order of their values, empty ones first unless said otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sandbox.salesforce.soql.binding import Operand
from sandbox.salesforce.soql.conditions import folded
from sandbox.salesforce.soql.tree import Sort

T = TypeVar("T")


def ordered(rows: list[T], sorts: Sequence[tuple[Operand, Sort]]) -> list[T]:
    """The rows in order; rows that are alike keep the order they had."""
    for operand, sort in reversed(sorts):
        key = _key(operand)
        keyed = [(key(row), row) for row in rows]
        empty = [row for value, row in keyed if value is None]
        full = [(value, row) for value, row in keyed if value is not None]
        full.sort(key=lambda pair: pair[0], reverse=sort.descending)
        rest = [row for _, row in full]
        rows = rest + empty if sort.nulls_first is False else empty + rest
    return rows


def _key(operand: Operand) -> Callable[[Any], Any]:
    if operand.type == "picklist" and operand.field.picks:
        places = {pick.value.lower(): (place, "") for place, pick in enumerate(operand.field.picks)}
        get = operand.get

        def place(row: Any) -> Any:
            value = get(row)
            return None if value is None else places.get(value.lower(), (len(places), value.lower()))

        return place
    return folded(operand)
