"""The list views of an org: which records each of them leaves."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.metadata.catalogue import Catalogue
from sandbox.salesforce.metadata.component import VIEW, Component
from sandbox.salesforce.metadata.list_views import STANDARD_COLUMNS
from sandbox.salesforce.metadata.tree import branches, one
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lessThan": operator.lt,
    "greaterThan": operator.gt,
    "lessOrEqual": operator.le,
    "greaterOrEqual": operator.ge,
}


@dataclass(frozen=True)
class View:
    """One list view: what it is called, and whether a record is in it."""

    name: str
    label: str
    holds: Callable[[Record], bool]


def views_of(org: Org, object_name: str) -> list[View]:
    """The list views of an object, in the order in which they were made."""
    found = [view for view in Catalogue.of(org).all(VIEW) if view.object.lower() == object_name.lower()]
    return [View(view.own_name, one(view.values, "label") or view.own_name, _rule(view)) for view in sorted(found, key=lambda v: v.id)]


def _rule(view: Component) -> Callable[[Record], bool]:
    filters = [
        _filter(view.object, one(entry, "field"), one(entry, "operation"), one(entry, "value"))
        for entry in branches(view.values, "filters")
    ]
    logic = one(view.values, "booleanFilter") or " AND ".join(str(place) for place in range(1, len(filters) + 1))
    tokens = re.findall(r"\d+|AND|OR|NOT|[()]", logic, re.IGNORECASE)

    def holds(record: Record) -> bool:
        return not tokens or _Logic(tokens, [passes(record) for passes in filters]).value()

    return holds


def _filter(object_name: str, column: str, operation: str, value: str) -> Callable[[Record], bool]:
    name = STANDARD_COLUMNS.get(object_name.lower(), {}).get(column) or column
    wanted = [part.strip().lower() for part in value.split(",")]

    def passes(record: Record) -> bool:
        held = record.values.get(name)
        text = "" if held is None else str(held).lower()
        if operation in _ORDERS:
            try:
                return held is not None and _ORDERS[operation](float(text), float(value))
            except ValueError:
                return _ORDERS[operation](text, value.lower())
        if operation in {"contains", "notContain", "includes", "excludes"}:
            return any(part in text for part in wanted) == (operation in {"contains", "includes"})
        if operation == "startsWith":
            return any(text.startswith(part) for part in wanted)
        return (text in wanted) == (operation == "equals")

    return passes


class _Logic:
    """Reads ``1 OR (2 AND NOT 3)``: OR binds least, NOT most."""

    def __init__(self, tokens: list[str], facts: list[bool]) -> None:
        self._tokens = tokens
        self._facts = facts
        self._at = 0

    def value(self) -> bool:
        found = self._both()
        while self._takes("OR"):
            found = self._both() or found
        return found

    def _both(self) -> bool:
        found = self._one()
        while self._takes("AND"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._takes("NOT"):
            return not self._one()
        if self._takes("("):
            found = self.value()
            self._takes(")")
            return found
        self._at += 1
        return self._facts[int(self._tokens[self._at - 1]) - 1]

    def _takes(self, token: str) -> bool:
        is_next = self._at < len(self._tokens) and self._tokens[self._at].upper() == token
        self._at += is_next
        return is_next
