"""Turns a condition into a test of one row. Literals are checked against the field's type once, before any row is read.

A condition holds or it does not; there is no third answer. A field without a value equals null and nothing else, is unlike every value
(``!=``, NOT IN and EXCLUDES hold for it), is in no order with any, and NOT turns each of these around. Text compares without case, except
where the field says that case counts; ids compare by 18 characters, given with 15 or 18.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.soql import faults, tree
from sandbox.salesforce.soql.binding import Operand
from sandbox.salesforce.soql.functions import NUMBERS
from sandbox.salesforce.soql.spans import Calendar, days_of

Test = Callable[[Any], bool]
Resolve = Callable[[tree.Expr], Operand]
Choose = Callable[[tree.Query, tree.Membership], "set[str]"]

IDS = {"id", "reference"}
_UNQUOTED = {"datetime": "dateTime"}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Conditions:
    """Compiles the conditions of one clause. ``resolve`` tells what a name stands for there, ``choose`` what a sub-select finds."""

    def __init__(self, text: str, calendar: Calendar, resolve: Resolve, choose: Choose | None = None) -> None:
        self.text, self.calendar, self.resolve, self.choose = text, calendar, resolve, choose

    def test(self, condition: tree.Condition) -> Test:
        """The test that a condition is."""
        if isinstance(condition, tree.AllOf):
            return _all([self.test(part) for part in condition.parts])
        if isinstance(condition, tree.AnyOf):
            return _any([self.test(part) for part in condition.parts])
        if isinstance(condition, tree.Not):
            inner = self.test(condition.inner)
            return lambda row: not inner(row)
        left = self.filterable(condition.left)
        if isinstance(condition, tree.Comparison):
            return self._comparison(left, condition.operator, condition.right)
        return self._membership(left, condition)

    def filterable(self, expr: tree.Expr) -> Operand:
        """What an expression of a condition stands for. OrgError where nobody may filter by it."""
        left = self.resolve(expr)
        if left.type == "address":
            raise self._wrong(left, "INVALID_FIELD", "Address fields can only be filtered using Distance expressions")
        if not left.field.filterable:
            raise self._wrong(left, "INVALID_FIELD", f"field '{left.field.name}' can not be filtered in a query call")
        return left

    def value(self, left: Operand, literal: tree.Literal) -> Any:
        """The value that a literal is for a field of that type, in the form in which values are compared. OrgError where it does not fit."""
        if literal.kind == "null":
            return False if left.type == "boolean" else None
        if left.type in NUMBERS:
            fits = literal.kind in ("number", "currency")
        elif left.type in ("boolean", "date", "datetime", "time"):
            fits = literal.kind == left.type
        else:
            if literal.kind != "string":
                shown = left.field.name
                sentence = f"value of filter criterion for field '{shown}' must be of type string and should be enclosed in quotes"
                raise self._wrong(left, "INVALID_FIELD", sentence)
            return self._text(left, literal.value)
        if not fits:
            word = _UNQUOTED.get(left.type, left.type)
            sentence = (
                f"value of filter criterion for field '{left.field.name}' must be of type {word} and should not be enclosed in quotes"
            )
            raise self._wrong(left, "INVALID_FIELD", sentence)
        return literal.value

    def _text(self, left: Operand, value: str) -> str | None:
        if not value:
            return None
        if left.type in IDS:
            whole = normal_id(value)
            if whole is None:
                raise self._wrong(left, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}")
            return whole
        return value if left.field.case_sensitive else value.lower()

    def _comparison(self, left: Operand, sign: str, literal: tree.Literal) -> Test:  # noqa: PLR0911 - one way out for each sign
        if sign == "LIKE":
            return self._like(left, literal)
        if literal.kind == "span" and left.type in ("date", "datetime"):
            return self._span(left, sign, literal)
        if left.type == "multipicklist":
            return self._picked(left, sign, literal)
        value = self.value(left, literal)
        get = folded(left)
        if sign == "=":
            return (lambda row: get(row) is None) if value is None else (lambda row: get(row) == value)
        if sign == "!=":
            return (lambda row: get(row) is not None) if value is None else (lambda row: get(row) != value)
        if left.type == "boolean":
            raise self._operator(left)
        if value is None:
            return lambda _row: False
        ordered = _ORDER[sign]

        def test(row: Any) -> bool:
            found = get(row)
            return found is not None and ordered(found, value)

        return test

    def _span(self, left: Operand, sign: str, literal: tree.Literal) -> Test:
        word, count = literal.value
        first, after = days_of(word, count, self.calendar)
        low: Any
        high: Any
        if left.type == "date":
            low, high = first.isoformat(), after.isoformat()
        else:
            low, high = self.calendar.midnight(first), self.calendar.midnight(after)
        get = left.get
        tests: dict[str, Test] = {
            "=": lambda row: (found := get(row)) is not None and low <= found < high,
            "!=": lambda row: (found := get(row)) is None or not low <= found < high,
            "<": lambda row: (found := get(row)) is not None and found < low,
            "<=": lambda row: (found := get(row)) is not None and found < high,
            ">": lambda row: (found := get(row)) is not None and found >= high,
            ">=": lambda row: (found := get(row)) is not None and found >= low,
        }
        return tests[sign]

    def _like(self, left: Operand, literal: tree.Literal) -> Test:
        if left.type in NUMBERS or left.type in ("boolean", "date", "datetime", "time", "multipicklist") or left.type in IDS:
            raise self._operator(left)
        pattern = like(literal.pattern, case_counts=left.field.case_sensitive)
        get = left.get
        return lambda row: (found := get(row)) is not None and pattern.fullmatch(found) is not None

    def _picked(self, left: Operand, sign: str, literal: tree.Literal) -> Test:
        """A multi-select picklist as a whole: the same values, in whatever order."""
        if sign not in ("=", "!="):
            raise self._operator(left)
        value = self.value(left, literal)
        wanted = None if value is None else picks(value)
        get = left.get
        equal = sign == "="
        return lambda row: ((None if (found := get(row)) is None else picks(found.lower())) == wanted) is equal

    def _membership(self, left: Operand, condition: tree.Membership) -> Test:
        sign, right = condition.operator, condition.right
        holds = sign in ("IN", "INCLUDES")
        if isinstance(right, tree.Query):
            if self.choose is None:
                raise self._operator(left)
            chosen = self.choose(right, condition)
            get = left.get
            return lambda row: (get(row) in chosen) is holds
        if sign in ("INCLUDES", "EXCLUDES"):
            if left.type != "multipicklist":
                raise self._operator(left)
            groups = [picks(value) for literal in right if (value := self.value(left, literal)) is not None]
            get = left.get
            return lambda row: _includes(get(row), groups) is holds
        if left.type in ("date", "datetime") and any(literal.kind == "span" for literal in right):
            tests = [self._comparison(left, "=", literal) for literal in right]
            return lambda row: any(test(row) for test in tests) is holds
        values = {self.value(left, literal) for literal in right}
        get = folded(left)
        return lambda row: (get(row) in values) is holds

    def _operator(self, left: Operand) -> OrgError:
        word = "id" if left.type in IDS else left.type
        return self._wrong(left, "INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {word} field")

    def _wrong(self, left: Operand, code: str, sentence: str) -> OrgError:
        return faults.wrong(self.text, left.at, code, sentence)


def folded(left: Operand) -> Callable[[Any], Any]:
    """Reads the value in the form in which it is compared: text in small letters where case does not count."""
    if left.type in NUMBERS or left.type in ("boolean", "date", "datetime", "time") or left.type in IDS or left.field.case_sensitive:
        return left.get
    get = left.get
    return lambda row: None if (found := get(row)) is None else found.lower()


def like(pattern: str, *, case_counts: bool = False) -> re.Pattern[str]:
    r"""The regular expression of a LIKE pattern: % is any text, _ any character, ``\%`` and ``\_`` the signs themselves."""
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    signs = {"%": ".*", "_": "."}
    whole = "".join(signs.get(piece) or re.escape(piece[-1]) for piece in pieces)
    return re.compile(whole, re.DOTALL if case_counts else re.DOTALL | re.IGNORECASE)


def picks(value: str) -> frozenset[str]:
    """The single values of a multi-select picklist."""
    return frozenset(value.split(";"))


def _includes(found: str | None, groups: Iterable[frozenset[str]]) -> bool:
    if found is None:
        return False
    have = picks(found.lower())
    return any(group <= have for group in groups)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda row: first(row) and second(row)
    return lambda row: all(test(row) for test in tests)


def _any(tests: list[Test]) -> Test:
    if len(tests) == 2:
        first, second = tests
        return lambda row: first(row) or second(row)
    return lambda row: any(test(row) for test in tests)
