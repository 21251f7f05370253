"""Which records a condition can be true for, found without reading all of them. What it gives is never too little, often too much."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.salesforce.records import Record, Store
from sandbox.salesforce.soql import tree
from sandbox.salesforce.soql.conditions import IDS, Conditions

Bounds = tuple[int | None, int | None]
FEW = 2_000
"""An IN with more values than this is not worth looking up one by one."""


def candidates(conditions: Conditions, condition: tree.Condition | None, store: Store, *, is_late: bool) -> Iterable[Record]:
    """The records worth testing: by id, by parent, by external id, by stamp, or all of them.

    ``is_late``: some changes are not committed, so that queries see values which the indexes no longer have; then only ids are looked up.
    """
    if condition is None:
        return store
    found = _looked_up(conditions, condition, store, is_late=is_late)
    if found is not None:
        return found
    if not is_late:
        low, high = _bounds(condition, store.stamp_field)
        if low is not None or high is not None:
            return store.stamped(low, high)
    return store


def _looked_up(conditions: Conditions, condition: tree.Condition, store: Store, *, is_late: bool) -> list[Record] | None:  # noqa: PLR0911 - one way out for each kind of index
    if isinstance(condition, tree.AllOf):
        found = [one for part in condition.parts if (one := _looked_up(conditions, part, store, is_late=is_late)) is not None]
        return min(found, key=len) if found else None
    values = _values(conditions, condition, store)
    if values is None:
        return None
    field, wanted = values
    if field.type == "id":
        return [record for value in wanted if (record := store.rows.get(value)) is not None]
    if is_late or len(wanted) > FEW:
        return None
    if field.type == "reference":
        return [record for value in wanted for record in store.children(field.name, value)]
    if field.external_id or field.unique or field.id_lookup:
        return [record for value in wanted for record in store.holders(field, value)]
    return None


def _values(conditions: Conditions, condition: tree.Condition, store: Store) -> tuple[Any, list[Any]] | None:
    """The field and the values that it must have one of, where a condition says just that."""
    if isinstance(condition, tree.Comparison) and condition.operator == "=":
        literals: tuple[tree.Literal, ...] = (condition.right,)
    elif isinstance(condition, tree.Membership) and condition.operator == "IN" and not isinstance(condition.right, tree.Query):
        literals = condition.right
    else:
        return None
    if not isinstance(condition.left, tree.Path):
        return None
    left = conditions.resolve(condition.left)
    if left.steps or left.kind is not store.type or (left.type not in IDS and any(literal.kind != "string" for literal in literals)):
        return None
    wanted = list(dict.fromkeys(conditions.value(left, literal) for literal in literals))
    return None if None in wanted else (left.field, wanted)


def _bounds(condition: tree.Condition, field: str) -> Bounds:
    """The first and last stamp that a condition can be true for; None is no bound."""
    if isinstance(condition, tree.AllOf):
        lows, highs = zip(*(_bounds(part, field) for part in condition.parts), strict=True)
        return max((low for low in lows if low is not None), default=None), min((high for high in highs if high is not None), default=None)
    if isinstance(condition, tree.AnyOf):
        lows, highs = zip(*(_bounds(part, field) for part in condition.parts), strict=True)
        low = None if None in lows else min(lows)
        return low, None if None in highs else max(highs)
    if isinstance(condition, tree.Comparison) and condition.right.kind == "datetime" and isinstance(condition.left, tree.Path):
        names, ms = condition.left.names, condition.right.value
        if len(names) == 1 and names[0].lower() == field.lower():
            low = ms if condition.operator in (">", ">=", "=") else None
            return low, ms if condition.operator in ("<", "<=", "=") else None
    return None, None
