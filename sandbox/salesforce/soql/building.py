"""Turns what the grammar found into the tree: names and functions, conditions, literals with their escapes undone."""

# ruff: noqa: D102 - each method is the rule of the grammar that bears its name

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from lark import Token, Transformer, v_args

from sandbox.clock import to_ms
from sandbox.salesforce.errors import OrgError, malformed_query
from sandbox.salesforce.soql import tree

STRING = 4_000
"""Most characters of one text literal."""

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)


def _moment(text: str) -> int:
    """A datetime literal in milliseconds UTC."""
    whole = text.upper().replace("Z", "+00:00")
    if len(whole) > 5 and whole[-5] in "+-":
        whole = f"{whole[:-2]}:{whole[-2:]}"
    try:
        return to_ms(datetime.fromisoformat(whole).astimezone(UTC))
    except (ValueError, OverflowError):
        raise malformed_query(f"Invalid datetime: {text}") from None


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise malformed_query(f"Invalid date: {text}") from None


def _time(text: str) -> str:
    """A time literal in the form in which times are kept."""
    found = re.fullmatch(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?[zZ]?", text)
    hour, minute, second, part = found.groups() if found else ("99", "", "", "")
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 59:
        raise malformed_query(f"Invalid time: {text}")
    return f"{hour}:{minute}:{second or '00'}.{(part or '')[:3]:0<3}Z"


def _amount(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def _unescape(text: str, *, keep_wildcards: bool) -> str:
    """The text between the quotes with its escapes undone; an escaped % or _ keeps its backslash where LIKE will read it."""

    def undo(found: re.Match[str]) -> str:
        sign = found.group(1)
        if len(sign) == 5:
            return chr(int(sign[1:], 16))
        if sign in "%_":
            return f"\\{sign}" if keep_wildcards else sign
        if sign == "\\" and keep_wildcards:
            return "\\\\"
        if (plain := _ESCAPES.get(sign.lower())) is None:
            raise malformed_query(f"Invalid string literal '{text}'. Illegal character sequence '\\{sign}' in string literal.")
        return plain

    return _ESCAPE.sub(undo, text)


def _bound() -> OrgError:
    return malformed_query("Bind variables only allowed in Apex code")


def _place(token: Token) -> int:
    return token.start_pos or 0


def _path(token: Token) -> tree.Path:
    return tree.Path(tuple(str(token).split(".")), at=_place(token))


def _without_words(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """The parts without punctuation and keywords."""
    return tuple(part for part in parts if not isinstance(part, Token))


@v_args(inline=True)
class Build(Transformer[Token, tree.Query]):
    """One method for each rule of the grammar, named as the rule."""

    def start(self, query: tree.Query) -> tree.Query:
        return query

    def path(self, name: Token) -> tree.Path:
        return _path(name)

    def call(self, name: Token, _left: Token, *rest: Any) -> tree.Call:
        return tree.Call(str(name).upper(), rest[0] if len(rest) == 2 else None, at=_place(name))

    def alias(self, name: Token) -> str:
        return str(name)

    def select_expr(self, what: tree.Expr, alias: str | None = None) -> tree.Column:
        return tree.Column(what, alias, at=what.at)

    def child(self, left: Token, query: tree.Query, _right: Token) -> tree.ChildQuery:
        return tree.ChildQuery(query, at=_place(left))

    def paths(self, *names: Token) -> tuple[tree.Path, ...]:
        return tuple(_path(name) for name in names)

    def when(self, _when: Token, name: Token, _then: Token, paths: tuple[tree.Path, ...]) -> tuple[str, tuple[tree.Path, ...]]:
        return str(name), paths

    def otherwise(self, _else: Token, paths: tuple[tree.Path, ...]) -> list[tree.Path]:
        return list(paths)

    def typeof(self, word: Token, name: Token, *rest: Any) -> tree.Typeof:
        branches = tuple(part for part in rest if isinstance(part, tuple))
        otherwise = next((tuple(part) for part in rest if isinstance(part, list)), ())
        return tree.Typeof(_path(name), branches, otherwise, at=_place(word))

    def fields(self, word: Token, _left: Token, kind: Token, _right: Token) -> tree.Fields:
        return tree.Fields(kind.upper(), at=_place(word))

    def select_list(self, *items: tree.Selected) -> tuple[tree.Selected, ...]:
        return items

    def source(self, name: Token, *rest: Token) -> tree.Source:
        return tree.Source(str(name), str(rest[-1]) if rest else None, at=_place(name))

    def sources(self, *found: tree.Source) -> tuple[tree.Source, ...]:
        return found

    # Conditions

    def grouped(self, _left: Token, condition: tree.Condition, _right: Token) -> tree.Condition:
        return condition

    def all_of(self, *parts: Any) -> tree.AllOf:
        inner = _without_words(parts)
        return tree.AllOf(inner, at=inner[0].at)

    def any_of(self, *parts: Any) -> tree.AnyOf:
        inner = _without_words(parts)
        return tree.AnyOf(inner, at=inner[0].at)

    def negation(self, word: Token, condition: tree.Condition) -> tree.Not:
        return tree.Not(condition, at=_place(word))

    def comparison(self, left: tree.Expr, sign: Token, right: tree.Literal) -> tree.Comparison:
        return tree.Comparison(left, "!=" if sign == "<>" else str(sign), right, at=left.at)

    def like(self, left: tree.Expr, _like: Token, right: tree.Literal) -> tree.Comparison:
        return tree.Comparison(left, "LIKE", right, at=left.at)

    def is_in(self, left: tree.Expr, _in: Token, right: Any) -> tree.Membership:
        return tree.Membership(left, "IN", right, at=left.at)

    def is_not_in(self, left: tree.Expr, _not: Token, _in: Token, right: Any) -> tree.Membership:
        return tree.Membership(left, "NOT IN", right, at=left.at)

    def includes(self, left: tree.Expr, _word: Token, *values: Any) -> tree.Membership:
        return tree.Membership(left, "INCLUDES", _without_words(values), at=left.at)

    def excludes(self, left: tree.Expr, _word: Token, *values: Any) -> tree.Membership:
        return tree.Membership(left, "EXCLUDES", _without_words(values), at=left.at)

    def listed(self, *values: Any) -> tuple[tree.Literal, ...]:
        return _without_words(values)

    def chosen(self, _left: Token, query: tree.Query, _right: Token) -> tree.Query:
        return query

    # Literals

    def string(self, token: Token) -> tree.Literal:
        inner = token[1:-1]
        if len(inner) > STRING:
            raise malformed_query(f"SOQL string literals cannot be longer than {STRING} characters.")
        plain, pattern = _unescape(inner, keep_wildcards=False), _unescape(inner, keep_wildcards=True)
        return tree.Literal("string", plain, pattern=pattern, at=_place(token))

    def number(self, token: Token) -> tree.Literal:
        return tree.Literal("number", _amount(token), at=_place(token))

    def currency(self, token: Token) -> tree.Literal:
        return tree.Literal("currency", _amount(token[3:]), at=_place(token))

    def date(self, token: Token) -> tree.Literal:
        return tree.Literal("date", _day(token), at=_place(token))

    def datetime(self, token: Token) -> tree.Literal:
        return tree.Literal("datetime", _moment(token), at=_place(token))

    def time(self, token: Token) -> tree.Literal:
        return tree.Literal("time", _time(token), at=_place(token))

    def true(self, token: Token) -> tree.Literal:
        return tree.Literal("boolean", value=True, at=_place(token))

    def false(self, token: Token) -> tree.Literal:
        return tree.Literal("boolean", value=False, at=_place(token))

    def null(self, token: Token) -> tree.Literal:
        return tree.Literal("null", None, at=_place(token))

    def date_word(self, token: Token) -> tree.Literal:
        return tree.Literal("span", (token.upper(), 0), at=_place(token))

    def date_span(self, token: Token) -> tree.Literal:
        word, _, count = token.partition(":")
        return tree.Literal("span", (word.strip().upper(), int(count)), at=_place(token))

    def bind(self, _token: Token) -> tree.Literal:
        raise _bound()

    # Clauses: each gives the arguments of the query that it decides; none where it is not there

    def scope(self, *words: Token) -> dict[str, Any]:
        return {"scope": words[2].lower()} if words else {}

    def where(self, *parts: Any) -> dict[str, Any]:
        return {"where": parts[1]} if parts else {}

    def with_(self, *words: Token) -> dict[str, Any]:
        return {"security": words[1].upper()} if words else {}

    def plain(self, *exprs: Any) -> dict[str, Any]:
        return {"group": _without_words(exprs)}

    def rollup(self, *exprs: Any) -> dict[str, Any]:
        return {"group": _without_words(exprs), "grouping": "rollup"}

    def cube(self, *exprs: Any) -> dict[str, Any]:
        return {"group": _without_words(exprs), "grouping": "cube"}

    def having(self, _having: Token, condition: tree.Condition) -> dict[str, Any]:
        return {"having": condition}

    def group(self, *parts: Any) -> dict[str, Any]:
        return _joined(_without_words(parts))

    def direction(self, word: Token) -> dict[str, Any]:
        return {"descending": word.upper() == "DESC"}

    def nulls(self, _nulls: Token, word: Token) -> dict[str, Any]:
        return {"nulls_first": word.upper() == "FIRST"}

    def sort(self, by: tree.Expr, *how: dict[str, Any]) -> tree.Sort:
        return tree.Sort(by, **_joined(how), at=by.at)

    def order(self, *parts: Any) -> dict[str, Any]:
        return {"order": _without_words(parts)}

    def limit(self, *parts: Token) -> dict[str, Any]:
        return {"limit": _count(parts[1])} if parts else {}

    def offset(self, *parts: Token) -> dict[str, Any]:
        return {"offset": _count(parts[1])} if parts else {}

    def purposes(self, *words: Token) -> dict[str, Any]:
        return {"purposes": tuple(word.upper() for word in words[1::2])}

    def tracking(self, *words: Token) -> dict[str, Any]:
        return {"tracking": tuple(word.upper() for word in words[1:])}

    def all_rows(self, *words: Token) -> dict[str, Any]:
        return {"all_rows": bool(words)}

    def query(self, word: Token, select: Any, _from: Token, sources: Any, *clauses: dict[str, Any]) -> tree.Query:
        return tree.Query(select, sources, **_joined(clauses), at=_place(word))


def _joined(parts: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


def _count(token: Token) -> int:
    """The number of LIMIT or OFFSET."""
    if token.type == "BIND":
        raise _bound()
    if not token.isdigit():
        raise malformed_query(f"unexpected token: '{token}'")
    if int(token) >= 1 << 31:
        raise malformed_query(f"numeric value out of range: {token}")
    return int(token)
