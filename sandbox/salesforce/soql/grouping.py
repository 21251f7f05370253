"""Aggregates: COUNT, SUM and the others, over all rows or over groups of them, with ROLLUP and CUBE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from sandbox.salesforce.errors import OrgError, malformed_query
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql import faults, tree
from sandbox.salesforce.soql.binding import Binder, Operand
from sandbox.salesforce.soql.conditions import Conditions, folded
from sandbox.salesforce.soql.functions import AGGREGATES, NUMBERS, SHOWN
from sandbox.salesforce.soql.shaping import of_kind
from sandbox.salesforce.soql.showing import shown
from sandbox.salesforce.soql.sorting import ordered

GROUPS, TOTALLED = 2_000, 3
"""Most groups of one answer (there is no paging over groups), and most fields of ROLLUP and CUBE."""


@dataclass
class Group:
    """The rows that are alike, and what was computed of them. ``totalled`` are the grouped expressions that this row sums up over."""

    rows: list[Record] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    totalled: frozenset[str] = frozenset()


class Grouping:
    """The grouped part of one query."""

    def __init__(self, binder: Binder, query: tree.Query) -> None:
        self.binder, self.query, self.text = binder, query, binder.scene.text
        self.keys = {self._name(expr): self._groupable(expr) for expr in query.group}
        if query.grouping != "plain" and len(query.group) > TOTALLED:
            raise malformed_query(f"GROUP BY {query.grouping.upper()} can have at most {TOTALLED} fields")
        self.operands: dict[str, tuple[Operand, Callable[[list[Record]], Any]]] = {}
        self.aliases: dict[str, tree.Expr] = {}
        self.columns = self._columns()

    def groups(self, rows: Iterable[Record]) -> list[Group]:
        """The groups in the order of ORDER BY, without those that HAVING refuses."""
        binder = self.binder
        having = (
            Conditions(self.text, binder.scene.calendar, self.resolve).test(self.query.having) if self.query.having is not None else None
        )
        sorts = [(self.resolve(sort.by), sort) for sort in self.query.order]
        found = self._gather(rows)
        for group in found:
            for name, (_, compute) in self.operands.items():
                group.told[name] = compute(group.rows)
        if having is not None:
            found = [group for group in found if having(group)]
        return ordered(found, sorts)

    def write(self, group: Group) -> dict[str, Any]:
        """A group as the REST API answers it."""
        return {"attributes": {"type": "AggregateResult"}, **{key: write(group) for key, write in self.columns}}

    def resolve(self, expr: tree.Expr) -> Operand:
        """What an expression stands for in a group: a grouped field, an aggregate, or the alias of one."""
        if isinstance(expr, tree.Path) and len(expr.names) == 1 and expr.names[0].lower() in self.aliases:
            expr = self.aliases[expr.names[0].lower()]
        if isinstance(expr, tree.Call) and expr.name in AGGREGATES:
            return self._aggregate(expr)
        if isinstance(expr, tree.Call) and expr.name == "GROUPING":
            return self._is_total(expr)
        name = self._name(expr)
        if name not in self.keys:
            raise malformed_query(f"Field must be grouped or aggregated: {_written(expr)}")
        base = self.keys[name]
        return replace(base, get=lambda group: group.told[name], at=expr.at)

    def _columns(self) -> list[tuple[str, Callable[[Group], Any]]]:
        columns: dict[str, Callable[[Group], Any]] = {}
        unnamed = 0
        for item in self.query.select:
            if not isinstance(item, tree.Column):
                raise malformed_query("Grouped query cannot use child relationships in the SELECT list")
            expr, wrapper = item.what, None
            if isinstance(expr, tree.Call) and expr.name in SHOWN and expr.argument is not None:
                wrapper, expr = expr.name, expr.argument
            operand = self.resolve(expr)
            key = item.alias
            if key is None and isinstance(item.what, tree.Path):
                key = operand.field.name
            if key is None:
                key, unnamed = f"expr{unnamed}", unnamed + 1
            if key.lower() in {known.lower() for known in columns}:
                raise malformed_query(f"duplicate alias: {key}")
            if item.alias is not None:
                self.aliases[item.alias.lower()] = expr
            columns[key] = self._writer(operand, wrapper)
        return list(columns.items())

    def _writer(self, operand: Operand, wrapper: str | None) -> Callable[[Group], Any]:
        get, type_ = operand.get, operand.type
        if wrapper is not None:
            show = shown(wrapper, operand.field, type_, self.binder.scene.calendar)
            return lambda group: show(get(group))
        return lambda group: of_kind(type_, get(group))

    def _groupable(self, expr: tree.Expr) -> Operand:
        operand = self.binder.operand(expr)
        if operand.function is None and not operand.field.groupable:
            sentence = f"field '{operand.field.name}' can not be grouped in a query call"
            raise faults.wrong(self.text, operand.at, "MALFORMED_QUERY", sentence)
        return operand

    def _name(self, expr: tree.Expr) -> str:
        """The same text for the same expression, however it is written."""
        if isinstance(expr, tree.Call):
            return f"{expr.name}({self._name(expr.argument) if expr.argument is not None else ''})".lower()
        return ".".join(self.binder.path(expr).names).lower()

    def _aggregate(self, call: tree.Call) -> Operand:
        if call.argument is None:
            raise malformed_query("COUNT() must be the only element of the SELECT list")
        base = self.binder.operand(call.argument)
        self._check(call, base)
        name = self._name(call)
        if name not in self.operands:
            type_ = {"COUNT": "int", "COUNT_DISTINCT": "int", "AVG": "double"}.get(call.name, base.type)
            self.operands[name] = (replace(base, type=type_), _computed(call.name, base))
        made = self.operands[name][0]
        # An aggregate may be compared although its field may not.
        told = replace(made.field, filterable=True, sortable=True, picks=made.field.picks if made.type == "picklist" else ())
        return replace(made, get=lambda group: group.told[name], at=call.at, field=told)

    def _check(self, call: tree.Call, base: Operand) -> None:
        if self._name(call.argument or call) in self.keys and call.name != "COUNT_DISTINCT":
            raise faults.wrong(self.text, base.at, "MALFORMED_QUERY", f"Grouped field should not be aggregated: {base.field.name}")
        fits = base.type in NUMBERS if call.name in ("SUM", "AVG") else base.field.filterable
        if base.type in ("boolean", "address", "base64") or (call.name in ("MIN", "MAX") and base.type == "multipicklist"):
            fits = False
        if not fits:
            sentence = f"field {base.field.name} does not support aggregate operator {call.name}"
            raise faults.wrong(self.text, call.at, "MALFORMED_QUERY", sentence)

    def _is_total(self, call: tree.Call) -> Operand:
        """GROUPING(field): 1 where the row sums up over that field."""
        if call.argument is None or self.query.grouping == "plain":
            raise malformed_query("GROUPING can only be used with GROUP BY ROLLUP or GROUP BY CUBE")
        name = self._name(call.argument)
        if name not in self.keys:
            raise malformed_query(f"Field must be grouped or aggregated: {_written(call.argument)}")
        base = self.keys[name]
        told = Field("GROUPING", "GROUPING", "int")
        return replace(base, type="int", field=told, get=lambda group: int(name in group.totalled), at=call.at)

    def _gather(self, rows: Iterable[Record]) -> list[Group]:
        rows = list(rows)
        if not self.keys:
            return [Group(rows)]
        made: list[Group] = []
        for kept in self._kept():
            names = [name for name in self.keys if name in kept]
            groups: dict[tuple[Any, ...], Group] = {}
            readers = [(name, folded(self.keys[name]), self.keys[name].get) for name in names]
            totalled = frozenset(self.keys) - frozenset(names)
            for row in rows:
                key = tuple(fold(row) for _, fold, _ in readers)
                group = groups.get(key)
                if group is None:
                    told: dict[str, Any] = dict.fromkeys(self.keys)
                    told.update({name: get(row) for name, _, get in readers})
                    group = groups[key] = Group(told=told, totalled=totalled)
                group.rows.append(row)
            made.extend(groups.values())
        return made

    def _kept(self) -> list[Sequence[str]]:
        """Which expressions each pass groups by: all; with ROLLUP also each beginning of them; with CUBE each choice of them."""
        names = list(self.keys)
        if self.query.grouping == "rollup":
            return [names[:size] for size in range(len(names), -1, -1)]
        if self.query.grouping == "cube":
            return [choice for size in range(len(names), -1, -1) for choice in combinations(names, size)]
        return [names]


def check_size(groups: Sequence[Group]) -> None:
    """OrgError where there are more groups than one answer holds."""
    if len(groups) > GROUPS:
        message = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise OrgError(400, "EXCEEDED_ID_LIMIT", message)


def is_aggregate(query: tree.Query) -> bool:
    """Whether the answer is of groups, not of records."""
    return bool(query.group) or any(isinstance(item, tree.Column) and _aggregates(item.what) for item in query.select)


def _aggregates(expr: tree.Expr | None) -> bool:
    return isinstance(expr, tree.Call) and (expr.name in AGGREGATES or _aggregates(expr.argument))


def _computed(name: str, base: Operand) -> Callable[[list[Record]], Any]:
    get, fold = base.get, folded(base)

    def compute(rows: list[Record]) -> Any:
        if name == "COUNT":
            return sum(get(row) is not None for row in rows)
        if name == "COUNT_DISTINCT":
            return len({value for row in rows if (value := fold(row)) is not None})
        values = [value for row in rows if (value := get(row)) is not None]
        if not values:
            return None
        if name in ("MIN", "MAX"):
            choose = min if name == "MIN" else max
            return choose(values, key=lambda value: value.lower() if isinstance(value, str) else value)
        total = sum(values)
        return total if name == "SUM" else total / len(values)

    return compute


def _written(expr: tree.Expr) -> str:
    if isinstance(expr, tree.Path):
        return ".".join(expr.names)
    return f"{expr.name}({_written(expr.argument) if expr.argument is not None else ''})"
