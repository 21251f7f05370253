"""``search`` and ``parameterizedSearch``: records in whose fields words stand. Of SOSL the clauses that people write; any other is refused by name.

A term is found as whole words, in any case; ``*`` and ``?`` stand for letters. What is found is asked for by a query, so that fields,
conditions, orders and refusals are those of SOQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.soql import run_query

if TYPE_CHECKING:
    from sandbox.salesforce.schema import ObjectType

MOST_ROWS = 2000
GLOBAL = ("Account", "Campaign", "Case", "Contact", "Lead")
"""Where is searched if nobody says where."""

LIST_UNTIL = 36
"""Up to this version the answer is a plain list."""

NO_TERM = "No search term found. The search term must be enclosed in braces."
TEXTS = frozenset({"string", "textarea", "email", "phone", "url", "combobox", "picklist"})
SCOPES: Mapping[str, frozenset[str]] = {
    "ALL": TEXTS,
    "NAME": frozenset(),
    "EMAIL": frozenset({"email"}),
    "PHONE": frozenset({"phone"}),
    "SIDEBAR": TEXTS,
}
"""The types of the fields that a scope takes in; NAME takes the fields that make the record's name."""

_FIND = re.compile(r"\s*FIND\s*\{(?P<term>(?:\\.|[^\\}])*)\}\s*(?P<rest>.*)\Z", re.IGNORECASE | re.DOTALL)
_SCOPE = re.compile(r"IN\s+(?P<scope>\w+)\s+FIELDS\b\s*(?P<rest>.*)\Z", re.IGNORECASE | re.DOTALL)
_LIMIT = re.compile(r"LIMIT\s+(?P<limit>\d+)\s*\Z", re.IGNORECASE)
_RETURNING = re.compile(r"RETURNING\s+(?P<rest>.*)\Z", re.IGNORECASE | re.DOTALL)
_FIELDS = re.compile(r"(?P<fields>.*?)(?P<tail>\b(?:WHERE|ORDER\s+BY|LIMIT|OFFSET)\b.*)?\Z", re.IGNORECASE | re.DOTALL)
_CONDITION = re.compile(r"WHERE\b(?P<where>.*?)(?P<tail>\b(?:ORDER\s+BY|LIMIT|OFFSET)\b.*)?\Z", re.IGNORECASE | re.DOTALL)
_WORDS = re.compile(r"[\w*?]+")


@dataclass(frozen=True)
class Wanted:
    """What is asked of one object: its fields, and the clauses behind them as they stand."""

    name: str
    fields: tuple[str, ...] = ("Id",)
    where: str = ""
    tail: str = ""


@dataclass(frozen=True)
class Search:
    """A search that was read: the term, the scope, what is asked of each object, and how many rows in all."""

    term: str
    scope: str = "ALL"
    wanted: tuple[Wanted, ...] = field(default=tuple(Wanted(name) for name in GLOBAL))
    limit: int = MOST_ROWS


def refused(message: str) -> OrgError:
    """A search that cannot be read."""
    return OrgError(400, "MALFORMED_SEARCH", message)


def read_sosl(text: str) -> Search:
    """A SOSL statement. OrgError MALFORMED_SEARCH where it is none, or has a clause that is not read here."""
    found = _FIND.match(text)
    if found is None:
        raise refused(NO_TERM)
    term, rest = re.sub(r"\\(.)", r"\1", found["term"]), found["rest"].strip()
    scope = "ALL"
    if (scoped := _SCOPE.match(rest)) is not None:
        scope, rest = scoped["scope"].upper(), scoped["rest"].strip()
    if scope not in SCOPES:
        raise refused(f"unexpected token: {scope}")
    wanted: list[Wanted] = []
    if (returning := _RETURNING.match(rest)) is not None:
        parted, rest = _parted(returning["rest"])
        wanted = [_wanted(part) for part in parted]
    limit = MOST_ROWS
    if (limited := _LIMIT.match(rest)) is not None:
        limit, rest = int(limited["limit"]), ""
    if rest:
        raise refused(f"unexpected token: {rest.split()[0]}")
    return Search(term, scope, tuple(wanted) or Search(term).wanted, limit)


def _parted(text: str) -> tuple[list[str], str]:
    """The objects behind RETURNING, each with its parentheses; and what follows them."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, sign in enumerate(text):
        if sign == "'" and (place == 0 or text[place - 1] != "\\"):
            quoted = not quoted
        elif quoted:
            continue
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    last = text[start:]
    if depth or quoted:
        raise refused(f"unexpected token: {(last.split() or ['<EOF>'])[0]}")
    # The last one ends with its parenthesis, or with its name where it has none.
    ended = re.match(r"\s*\w+\s*\(.*\)|\s*\w*", last, re.DOTALL)
    end = ended.end() if ended else 0
    return [*parts, last[:end]], last[end:].strip()


def _wanted(text: str) -> Wanted:
    match = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text, re.DOTALL)
    if match is None:
        raise refused(f"unexpected token: {text.strip() or '<EOF>'}")
    if match[2] is None:
        return Wanted(match[1])
    named = _FIELDS.match(match[2])
    assert named is not None  # noqa: S101 - every part of the pattern may be empty
    fields = tuple(name.strip() for name in named["fields"].split(",") if name.strip()) or ("Id",)
    tail = named["tail"] or ""
    condition = _CONDITION.match(tail)
    if condition is not None and not condition["where"].strip():
        raise refused("unexpected token: WHERE")
    return Wanted(match[1], fields, condition["where"].strip() if condition else "", (condition["tail"] or "") if condition else tail)


def matcher(term: str) -> Callable[[list[list[str]]], bool]:
    """Whether fields, each a list of words, hold a term. ``OR`` parts it; ``AND`` and a blank ask for both; ``AND NOT`` for the first alone.

    OrgError MALFORMED_SEARCH where nothing is left to look for.
    """
    ways = []
    for part in re.split(r"\s+OR\s+", term):
        wanted, *unwanted = re.split(r"\s+AND\s+NOT\s+", part)
        ways.append((_phrases(wanted), [phrase for one in unwanted for phrase in _phrases(one)]))
    letters = sum(len(word.strip("*?")) for wanted, _ in ways for phrase in wanted for word in phrase)
    if letters < 2:
        raise refused(f"search term must be longer than one character: {term}")

    def holds(fields: list[list[str]]) -> bool:
        return any(
            all(any(_has(words, phrase) for words in fields) for phrase in wanted)
            and not any(_has(words, phrase) for words in fields for phrase in unwanted)
            for wanted, unwanted in ways
        )

    return holds


def _phrases(text: str) -> list[list[str]]:
    found = [match[1] if match[1] is not None else match[0] for match in re.finditer(r'"([^"]*)"|\S+', text)]
    return [words for one in found if one != "AND" and (words := to_words(one))]


def to_words(text: str) -> list[str]:
    """The words of a text, in small letters."""
    return _WORDS.findall(text.lower())


def _has(words: list[str], phrase: list[str]) -> bool:
    size = len(phrase)
    return any(
        all(fnmatchcase(word, want) for word, want in zip(words[at : at + size], phrase, strict=True))
        for at in range(len(words) - size + 1)
    )


def found_rows(asked: Asked, search: Search) -> list[dict[str, Any]]:
    """The rows of a search, object by object."""
    holds = matcher(search.term)
    rows: list[dict[str, Any]] = []
    for one in search.wanted:
        kind = _kind(asked, one.name)
        names = _searched(asked, kind, search.scope)
        ids = [
            record.id for record in asked.org.rows(kind.name) if holds([to_words(str(record.values.get(name) or "")) for name in names])
        ][:MOST_ROWS]
        # Asked also where nothing was found: what is wrong with the rest must be told all the same.
        near = "Id IN ({})".format(",".join(f"'{one_id}'" for one_id in ids)) if ids else "Id = null"
        conditions = near + (f" AND ({one.where})" if one.where else "")
        soql = f"SELECT {', '.join(one.fields)} FROM {kind.name} WHERE {conditions} {one.tail}"  # noqa: S608 - read as SOQL again
        rows += run_query(asked.org, asked.user_id, soql.strip(), version=asked.version).records
    return rows[: min(search.limit, MOST_ROWS)]


def _kind(asked: Asked, name: str) -> ObjectType:
    kind = asked.org.schema.object(name)
    if kind is None or not kind.searchable or not asked.org.access.may(asked.user_id, kind.name, "read"):
        raise OrgError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return kind


def _searched(asked: Asked, kind: ObjectType, scope: str) -> list[str]:
    names = [one.name for one in kind if one.name_field or one.name in {"FirstName", "LastName", "Company"}] if scope == "NAME" else []
    types = SCOPES[scope]
    return [*names, *(one.name for one in kind if one.type in types and asked.org.access.sees_field(asked.user_id, kind, one))]


def search_sosl(asked: Asked) -> Answer:
    """``GET search?q=``: a SOSL statement."""
    rows = found_rows(asked, read_sosl(asked.one("q") or ""))
    body: Any = rows if float(asked.version) <= LIST_UNTIL else {"searchRecords": rows}
    return Answer(200, body, records_out=len(rows))


def search_words(asked: Asked) -> Answer:
    """``GET parameterizedSearch?q=``: words, with the objects and fields as parameters such as ``sobject`` and ``Account.fields``."""
    objects = [
        {"name": name, **{key: asked.one(f"{name}.{key}") for key in ("fields", "where", "limit")}}
        for name in _names(asked.query.get("sobject") or asked.one("sobject"))
    ]
    shared = {key: asked.one(key) for key in ("q", "in", "fields", "defaultLimit", "overallLimit")}
    return _by_words(asked, {**shared, "sobjects": objects})


def search_words_posted(asked: Asked) -> Answer:
    """``POST parameterizedSearch``: the same with the parameters in a body."""
    return _by_words(asked, asked.json())


def _by_words(asked: Asked, given: Mapping[str, Any]) -> Answer:
    if not given.get("q"):
        raise refused(NO_TERM)
    scope = str(given.get("in") or "ALL").upper()
    if scope not in SCOPES:
        raise refused(f"unexpected token: {given['in']}")
    shared, most = _names(given.get("fields")) or ("Id",), _whole(given.get("defaultLimit"))
    wanted = tuple(
        Wanted(
            str(one.get("name")),
            _names(one.get("fields")) or shared,
            str(one.get("where") or ""),
            f"LIMIT {limit}" if (limit := _whole(one.get("limit")) or most) else "",
        )
        for one in given.get("sobjects") or [{"name": name} for name in GLOBAL]
        if isinstance(one, Mapping)
    )
    rows = found_rows(asked, Search(str(given["q"]), scope, wanted, _whole(given.get("overallLimit")) or MOST_ROWS))
    return Answer(200, {"searchRecords": rows}, records_out=len(rows))


def _whole(given: Any) -> int:
    if given in (None, ""):
        return 0
    if not str(given).isdigit():
        raise refused(f"unexpected token: {given}")
    return int(given)


def _names(given: Any) -> tuple[str, ...]:
    listed = given if isinstance(given, list) else [given or ""]
    return tuple(name.strip() for one in listed for name in str(one).split(",") if name.strip())


def list_scope(asked: Asked) -> Answer:
    """``GET search/scopeOrder``: where the user's global search looks, in order."""
    shown = [name for name in GLOBAL if asked.org.access.may(asked.user_id, name, "read")]
    return Answer(200, [{"type": name, "url": f"{asked.base}/sobjects/{name}/describe"} for name in shown])


_BASE = "/services/data/v{version}"
ROUTES = [
    Route("GET", f"{_BASE}/search", search_sosl),
    Route("GET", f"{_BASE}/search/scopeOrder", list_scope),
    Route("GET", f"{_BASE}/parameterizedSearch", search_words),
    Route("POST", f"{_BASE}/parameterizedSearch", search_words_posted),
]
