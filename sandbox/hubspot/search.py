"""Search: filters, one sort, offset paging, over what the index knows."""

from __future__ import annotations

import bisect
import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.computed import COMPUTED
from sandbox.hubspot.errors import ApiError, bad_request
from sandbox.hubspot.object_types import ObjectType, object_type
from sandbox.hubspot.objects import reads, writer_for
from sandbox.hubspot.records import Record
from sandbox.hubspot.schema import Definition
from sandbox.hubspot.values import Value, comparable, plain
from sandbox.hubspot.wire import value_of

PAGE, MOST, REACH = 10, 200, 10_000
GROUPS, FILTERS, FILTERS_IN_ALL = 5, 6, 18
BODY_LIMIT = 3000
KEPT_ANSWERS = 8
FOREVER = 1 << 62
PROBLEM = "There was a problem with the request."
_TOKENS = re.compile(r"[^\w*]+")

Test = Callable[[Record], bool]


@dataclass(frozen=True)
class Span:
    """A stretch of modified dates (ms) and of ids, both ends within."""

    from_ms: int = -1
    to_ms: int = FOREVER
    from_id: int = -1
    to_id: int = FOREVER


@dataclass
class Group:
    """Filters that must all hold: a span that the sorted index answers, and tests for the rest."""

    span: Span
    tests: list[Test]


def search_records(asked: Asked) -> Answer:
    """POST /crm/v3/objects/{type}/search."""
    kind = reads(asked)
    body = asked.json()
    if len(asked.body) > BODY_LIMIT:
        raise bad_request(f"The request body is too long: {len(asked.body)} characters, the most is {BODY_LIMIT}.")
    limit = _number(body.get("limit"), PAGE)
    after = _number(body.get("after"), 0)
    if not 0 <= limit <= MOST:
        raise bad_request(f"limit must be between 0 and {MOST} but was {limit}")
    if after + limit > REACH:
        raise bad_request(f"Cannot request more than {REACH} results: after {after} and limit {limit}.")
    index = asked.portal.store(kind).index
    index.settle()
    ids = _answer_ids(asked, kind, body)
    writer = writer_for(asked, kind, [str(name) for name in body.get("properties") or []] or None)
    found = [record for i in ids[after : after + limit] if (record := index.version(i)) is not None]
    answer: dict[str, Any] = {"total": len(ids), "results": [writer.record(record) for record in found]}
    if after + limit < len(ids):
        answer["paging"] = {"next": {"after": str(after + limit)}}
    return Answer(200, answer, records_out=len(found))


def _number(given: Any, default: int) -> int:
    if given in (None, ""):
        return default
    text = str(given)
    if not text.isdigit():
        raise bad_request(PROBLEM)
    return int(text)


def _answer_ids(asked: Asked, kind: ObjectType, body: dict[str, Any]) -> list[int]:
    """The ids of all matches in order. Pages of the same question are served from the last answers while the index stands."""
    index = asked.portal.store(kind).index
    question = {name: body.get(name) for name in ("filterGroups", "filters", "sorts", "query")}
    # Linked records are no part of the index, so a filter on them is asked anew each time.
    is_fixed = b"associations." not in asked.body
    key = (index.epoch, orjson.dumps(question, option=orjson.OPT_SORT_KEYS))
    if is_fixed and key in index.answers:
        return index.answers[key]
    ids = _sorted_ids(asked, kind, body, _matching(asked, kind, body))
    if is_fixed:
        index.answers[key] = ids
        while len(index.answers) > KEPT_ANSWERS:
            del index.answers[next(iter(index.answers))]
    return ids


def _matching(asked: Asked, kind: ObjectType, body: dict[str, Any]) -> list[int]:
    """Ids of the matches in the order of modified date and id."""
    groups = _groups(asked, kind, body)
    index = asked.portal.store(kind).index
    query = str(body.get("query") or "").lower()
    if len(groups) == 1:
        found = _in_group(asked, kind, groups[0])
    else:
        seen: set[int] = set()
        for group in groups:
            seen.update(_in_group(asked, kind, group))
        found = [i for _, i in index.entries if i in seen]
    if query:
        found = [i for i in found if (record := index.version(i)) is not None and _has_words(asked, kind, record, query)]
    return found


def _in_group(asked: Asked, kind: ObjectType, group: Group) -> list[int]:
    index = asked.portal.store(kind).index
    span = group.span
    start = bisect.bisect_left(index.entries, (span.from_ms, span.from_id if span.from_ms == span.to_ms else -1))
    end = bisect.bisect_right(index.entries, (span.to_ms, FOREVER))
    id_start, id_end = bisect.bisect_left(index.ids, span.from_id), bisect.bisect_right(index.ids, span.to_id)
    if id_end - id_start < end - start:
        versions = ((i, index.version(i)) for i in index.ids[id_start:id_end])
        stretch = sorted((r.modified, i) for i, r in versions if r is not None and span.from_ms <= r.modified <= span.to_ms)
    else:
        stretch = index.entries[start:end]
        if span.from_id >= 0 or span.to_id < FOREVER:
            stretch = [entry for entry in stretch if span.from_id <= entry[1] <= span.to_id]
    if not group.tests:
        return [i for _, i in stretch]
    return [i for _, i in stretch if (record := index.version(i)) is not None and all(test(record) for test in group.tests)]


def _sorted_ids(asked: Asked, kind: ObjectType, body: dict[str, Any], ids: list[int]) -> list[int]:
    sorts = body.get("sorts") or []
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise bad_request(PROBLEM)
    name, is_down = kind.created, False
    if sorts:
        given = sorts[0]
        if isinstance(given, str):
            is_down, name = given.startswith("-"), given.lstrip("-")
        elif isinstance(given, dict) and given.get("propertyName"):
            name, is_down = str(given["propertyName"]), str(given.get("direction", "ASCENDING")).upper() == "DESCENDING"
        else:
            raise bad_request(PROBLEM)
    index = asked.portal.store(kind).index
    if name in {kind.modified, "hs_lastmodifieddate"}:
        return ids[::-1] if is_down else ids
    if name == "hs_object_id":
        return sorted(ids, reverse=is_down)
    definition = _defined(asked, kind, name)
    versions = [record for i in ids if (record := index.version(i)) is not None]
    if name == kind.created:
        return [r.id for r in sorted(versions, key=lambda r: (r.created, r.id), reverse=is_down)]
    held = [(value_of(asked.portal, kind, record, name), record.id) for record in versions]
    filled = [(comparable(definition, value), i) for value, i in held if value is not None and value != ""]
    empty = [i for value, i in held if value is None or value == ""]
    return [i for _, i in sorted(filled, reverse=is_down)] + empty


def _groups(asked: Asked, kind: ObjectType, body: dict[str, Any]) -> list[Group]:
    given = body.get("filterGroups") or []
    if body.get("filters"):
        given = [*given, {"filters": body["filters"]}]
    if not isinstance(given, list) or not all(isinstance(g, dict) and isinstance(g.get("filters", []), list) for g in given):
        raise bad_request(PROBLEM)
    sizes = [len(group.get("filters", [])) for group in given]
    if len(given) > GROUPS or max(sizes, default=0) > FILTERS or sum(sizes) > FILTERS_IN_ALL:
        raise bad_request(
            f"Too many filters: at most {GROUPS} groups of {FILTERS} and {FILTERS_IN_ALL} in all, but there are {len(given)} of {sizes}."
        )
    return [_group(asked, kind, group.get("filters", [])) for group in given] or [Group(Span(), [])]


def _group(asked: Asked, kind: ObjectType, filters: Iterable[Any]) -> Group:
    span, tests = Span(), []
    for item in filters:
        if not isinstance(item, dict) or not item.get("propertyName") or not item.get("operator"):
            raise bad_request(PROBLEM)
        name, operator = str(item["propertyName"]), str(item["operator"])
        if operator not in _OPERATORS:
            raise bad_request(f"{PROBLEM} {operator} is not a valid operator")
        if name.startswith("associations."):
            tests.append(_linked(asked, kind, name, item))
            continue
        definition = _defined(asked, kind, name)
        narrowed = _narrow(span, kind, definition, operator, item)
        if narrowed is None:
            tests.append(_test(asked, kind, definition, operator, item))
        else:
            span = narrowed
    return Group(span, tests)


def _defined(asked: Asked, kind: ObjectType, name: str) -> Definition:
    definition = asked.portal.schemas[kind.name].active(name, asked.portal.clock.elapsed())
    if definition is None or name in {"hs_body_preview_html", "hs_email_html"}:
        raise bad_request(PROBLEM, errors=[{"message": f"{name} is not a property that can be searched", "code": "INVALID_PROPERTY"}])
    return definition


def _narrow(span: Span, kind: ObjectType, definition: Definition, operator: str, item: dict[str, Any]) -> Span | None:
    """The span with this filter in it, or None where the sorted index cannot answer the filter."""
    is_date, is_id = definition.name in {kind.modified, "hs_lastmodifieddate"}, definition.name == "hs_object_id"
    if operator not in {"GTE", "GT", "LTE", "LT", "EQ", "BETWEEN"} or not (is_date or is_id):
        return None
    low = int(_comparable(definition, item.get("value")))
    high = int(_comparable(definition, item.get("highValue"))) if operator == "BETWEEN" else low
    bounds = {
        "GTE": (low, FOREVER),
        "GT": (low + 1, FOREVER),
        "LTE": (-1, low),
        "LT": (-1, low - 1),
        "EQ": (low, low),
        "BETWEEN": (low, high),
    }[operator]
    if is_date:
        return Span(max(span.from_ms, bounds[0]), min(span.to_ms, bounds[1]), span.from_id, span.to_id)
    return Span(span.from_ms, span.to_ms, max(span.from_id, bounds[0]), min(span.to_id, bounds[1]))


def _comparable(definition: Definition, given: Any) -> Any:
    text = plain(given)
    try:
        return comparable(definition, text)
    except ValueError:
        raise bad_request(PROBLEM, errors=[{"message": f"{text!r} is not a value of {definition.name}", "code": "INVALID_VALUE"}]) from None


def _test(asked: Asked, kind: ObjectType, definition: Definition, operator: str, item: dict[str, Any]) -> Test:
    getter, portal, name = COMPUTED[kind.name].get(definition.name), asked.portal, definition.name

    def value(record: Record) -> Value | None:
        found = record.get(name) if getter is None else getter(portal, record)
        return None if found == "" else found

    if operator == "HAS_PROPERTY":
        return lambda record: value(record) is not None
    if operator == "NOT_HAS_PROPERTY":
        return lambda record: value(record) is None
    wanted = _wanted(definition, operator, item)
    compare = _OPERATORS[operator]

    def test(record: Record) -> bool:
        found = value(record)
        if found is None:
            return operator in _TRUE_WHERE_EMPTY
        if "TOKEN" in operator:
            return compare(str(found).lower(), wanted)
        if definition.is_multiple:
            chosen = wanted if operator in {"IN", "NOT_IN"} else {wanted}
            has_one = not chosen.isdisjoint(str(found).split(";"))
            return has_one != (operator in {"NEQ", "NOT_IN"})
        return compare(comparable(definition, found), wanted)

    return test


def _wanted(definition: Definition, operator: str, item: dict[str, Any]) -> Any:
    if operator in {"IN", "NOT_IN"}:
        values = item.get("values")
        if not isinstance(values, list) or not values:
            raise bad_request(PROBLEM)
        if definition.type == "string":
            # Strings are kept in lower case by the index and compared as they are sent, so capitals find nothing.
            return {plain(value) for value in values}
        return {_comparable(definition, value) for value in values}
    if "TOKEN" in operator:
        return [token for token in _TOKENS.split(plain(item.get("value")).lower()) if token]
    if item.get("value") in (None, ""):
        raise bad_request(PROBLEM)
    low = _comparable(definition, item["value"])
    return (low, _comparable(definition, item.get("highValue"))) if operator == "BETWEEN" else low


def _has_tokens(text: str, wanted: list[str]) -> bool:
    tokens = [token for token in _TOKENS.split(text) if token]
    return all(any(fnmatch.fnmatchcase(token, want) for token in tokens) for want in wanted)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "LT": lambda a, b: a < b,
    "LTE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b,
    "GTE": lambda a, b: a >= b,
    "EQ": lambda a, b: a == b,
    "NEQ": lambda a, b: a != b,
    "BETWEEN": lambda a, b: b[0] <= a <= b[1],
    "IN": lambda a, b: a in b,
    "NOT_IN": lambda a, b: a not in b,
    "HAS_PROPERTY": lambda a, _: a is not None,
    "NOT_HAS_PROPERTY": lambda a, _: a is None,
    "CONTAINS_TOKEN": _has_tokens,
    "NOT_CONTAINS_TOKEN": lambda a, b: not _has_tokens(a, b),
}
_TRUE_WHERE_EMPTY = {"NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN"}


def _linked(asked: Asked, kind: ObjectType, name: str, item: dict[str, Any]) -> Test:
    try:
        other = object_type(name.partition(".")[2])
    except ApiError:
        raise bad_request(PROBLEM) from None
    texts = item.get("values") if item["operator"] == "IN" else [item.get("value")]
    ids = {int(plain(text)) for text in texts or [] if plain(text).isdigit()}
    ids = {asked.portal.store(other).resolve(i) for i in ids}
    if item["operator"] not in {"EQ", "IN"} or not ids:
        raise bad_request(PROBLEM)
    near: set[int] = set()
    for i in ids:
        near.update(asked.portal.links.of((other.name, kind.name), i))
    return lambda record: record.id in near


def _has_words(asked: Asked, kind: ObjectType, record: Record, query: str) -> bool:
    texts = " ".join(str(value_of(asked.portal, kind, record, name) or "").lower() for name in kind.searched)
    return all(word in texts for word in query.split())
