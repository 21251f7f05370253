"""Semi-joins and anti-joins: the sub-selects of IN and NOT IN, with the vendor's restrictions."""

from __future__ import annotations

from sandbox.salesforce.errors import malformed_query
from sandbox.salesforce.soql import faults, tree
from sandbox.salesforce.soql.binding import Operand
from sandbox.salesforce.soql.conditions import IDS

MOST = 2
"""Sub-selects of one statement."""

NOT_INSIDE = {"Task", "Event", "ActivityHistory", "OpenActivity"}
"""Objects that no sub-select may read."""


def check_places(condition: tree.Condition | None) -> None:
    """OrgError where there are too many sub-selects, or one stands anywhere but beside AND at the top."""
    if condition is None:
        return
    parts = condition.parts if isinstance(condition, tree.AllOf) else (condition,)
    if isinstance(condition, tree.AnyOf) and any(_joins(part) for part in condition.parts):
        raise malformed_query("Semi join sub-selects are not allowed with the 'OR' operator")
    for part in parts:
        if isinstance(part, tree.AnyOf) and any(_joins(one) for one in part.parts):
            raise malformed_query("Semi join sub-selects are not allowed with the 'OR' operator")
        if not _is_join(part) and _joins(part):
            raise malformed_query(
                "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions."
            )
    if sum(_is_join(part) for part in parts) > MOST:
        raise malformed_query(f"Maximum {MOST} semi join sub-selects are allowed")


def _is_join(condition: tree.Condition) -> bool:
    return isinstance(condition, tree.Membership) and isinstance(condition.right, tree.Query)


def _joins(condition: tree.Condition) -> bool:
    if isinstance(condition, (tree.AllOf, tree.AnyOf)):
        return any(_joins(part) for part in condition.parts)
    return _joins(condition.inner) if isinstance(condition, tree.Not) else _is_join(condition)


def check_sub_select(text: str, inner: tree.Query, left: Operand, chosen: Operand) -> None:
    """OrgError where the sub-select and what it is compared with do not fit together. ``chosen`` is the field it selects."""
    if inner.where is not None and _joins(inner.where):
        raise malformed_query("Nesting of semi join sub-selects is not supported")
    if inner.group or inner.order or inner.limit is not None or inner.offset is not None:
        raise malformed_query("Semi join sub-selects cannot use GROUP BY, ORDER BY, LIMIT or OFFSET")
    if left.steps:
        raise faults.wrong(
            text, left.at, "MALFORMED_QUERY", f"The left operand of a semi join cannot be a relationship field: '{left.field.name}'"
        )
    for operand in (left, chosen):
        if operand.type not in IDS:
            sentence = f"Semi join sub-selects can only query id fields, cannot use: '{operand.field.name}'"
            raise faults.wrong(text, operand.at, "MALFORMED_QUERY", sentence)
    if left.kind is chosen.kind and not chosen.steps:
        raise faults.wrong(text, left.at, "MALFORMED_QUERY", "The inner and outer selects should not be on the same object type")
    if not points_to(left) & points_to(chosen):
        sentence = (
            f"The selected field '{chosen.field.name}' in the subquery and the left operand field in the where expression "
            f"in the outer query '{left.field.name}' should point to the same object type"
        )
        raise faults.wrong(text, left.at, "MALFORMED_QUERY", sentence)


def points_to(operand: Operand) -> set[str]:
    """The objects whose ids a field holds."""
    return {operand.kind.name} if operand.type == "id" else set(operand.field.reference_to)
