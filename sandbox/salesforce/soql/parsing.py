"""Reads SOQL. What it cannot read it refuses with MALFORMED_QUERY; nothing is skipped."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path as File
from typing import Any

from lark import Lark
from lark.exceptions import UnexpectedInput, UnexpectedToken

from sandbox.salesforce.errors import OrgError, malformed_query
from sandbox.salesforce.soql import tree
from sandbox.salesforce.soql.building import Build
from sandbox.salesforce.soql.faults import no_alternative, unexpected

STATEMENT, DEPTH, SHORT = 100_000, 60, 4_000
"""Most characters of a statement (the vendor's), parentheses within parentheses, and characters of a statement worth remembering (ours)."""

_LEXEME = re.compile(r"'(?:[^'\\]|\\.)*'|[A-Za-z_][\w.]*|[+-]?\d[\w.:+-]*|[<>!]=|<>|\S", re.DOTALL)
_ZONELESS = re.compile(r"\d{4}-\d\d-\d\d[tT]\d\d:\d\d:\d\d(?:\.\d+)?(?![\w.:+-])")
_EMPTY = re.compile(r"(^select|[\w.]+\s+in\s*\()\s*\Z", re.IGNORECASE)
_OPERAND = re.compile(r"(?:\bwhere|\band|\bor|\bnot|\bhaving|\()\s*([\w.]+)\s*\Z", re.IGNORECASE)
_TOO_COMPLICATED = "Query is either selecting too many fields or the filter conditions are too complicated."


def parse(text: str) -> tree.Query:
    """The statement as a tree.

    Raises:
        OrgError: MALFORMED_QUERY in the vendor's words where the text is no SOQL, or longer than 100,000 characters.
    """
    if len(text) > STATEMENT:
        raise malformed_query(f"SOQL statements cannot be longer than {STATEMENT} characters.")
    return _remembered(text) if len(text) <= SHORT else _read(text)


def _read(text: str) -> tree.Query:
    _check_depth(text)
    try:
        read: Any = _parser().parse(text)  # Build makes a Query of it
    except UnexpectedInput as error:
        raise _refusal(text, error) from None
    query: tree.Query = read
    return query


_remembered = lru_cache(maxsize=256)(_read)
"""Clients ask the same statements again and again."""


@cache
def _parser() -> Lark:
    grammar = File(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=Build(), maybe_placeholders=False)


def _check_depth(text: str) -> None:
    """Parentheses deeper than anyone writes would only serve to break the reader."""
    depth = 0
    for lexeme in re.findall(r"'(?:[^'\\]|\\.)*'|[()]", text, re.DOTALL):
        depth += {"(": 1, ")": -1}.get(lexeme, 0)
        if depth > DEPTH:
            raise OrgError(400, "QUERY_TOO_COMPLICATED", _TOO_COMPLICATED)


def _refusal(text: str, error: UnexpectedInput) -> OrgError:
    """What Salesforce would call unexpected: the word at the place, with the words that led there where its parser tells those too."""
    at = error.pos_in_stream or 0
    if isinstance(error, UnexpectedToken):
        at = len(text) if error.token.type == "$END" else error.token.start_pos or 0
    found = _LEXEME.match(text, at)
    if found is None:
        return unexpected(text, len(text.rstrip()), "<EOF>")
    token = found.group()
    zoneless = next((moment for moment in _ZONELESS.finditer(text, max(0, at - len("2024"))) if moment.start() <= at), None)
    if zoneless:
        return no_alternative(text, zoneless.end())
    if re.match(r"\d{4}-\d\d-\d\d[tT]\d", token):
        return malformed_query(f"Invalid datetime: {token}")
    led = _EMPTY.search(text, 0, at) if token.lower() in (")", "from") else None
    if led is None and _wants_operator(error) and re.match(r"\w", token):
        led = _OPERAND.search(text, 0, at)
    start = led.start(1) if led else at
    return unexpected(text, start, text[start : found.end()])


def _wants_operator(error: UnexpectedInput) -> bool:
    """Whether the reader stood behind a field of a condition."""
    wanted = error.accepts or error.expected if isinstance(error, UnexpectedToken) else getattr(error, "allowed", None)
    return "COMPARE" in (wanted or ())
