"""The list of objects, what each is, and which records were touched last."""

from __future__ import annotations

import hashlib
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from sandbox.clock import from_ms
from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.describe import describe_global, describe_object, summary
from sandbox.salesforce.errors import RowError
from sandbox.salesforce.rest.reading import kind_of, values_of
from sandbox.salesforce.rest.showing import attributes
from sandbox.salesforce.schema import ObjectType

RECENT = ("Account", "Contact", "Lead", "Case", "Campaign")
MOST_RECENT = 200


class Definitions:
    """Since when the definitions of an org are as they are: what If-Modified-Since asks.

    The answers themselves tell: where one differs from what was told before, it was changed just now.
    """

    def __init__(self, started: datetime) -> None:
        self._started = started
        self._told: dict[tuple[str, str, str], tuple[str, datetime]] = {}

    def answer(self, asked: Asked, name: str, body: dict[str, Any]) -> Answer:
        """The definition with its headers, or 304 where the caller has it already."""
        mark = hashlib.sha256(repr(body).encode()).hexdigest()[:8]
        key = (asked.user_id, asked.version, name)
        known = self._told.get(key)
        if known is None:
            known = self._told[key] = (mark, self._started)
        elif known[0] != mark:
            known = self._told[key] = (mark, asked.org.clock.now().replace(microsecond=0))
        headers = {"ETag": f'"{mark}"', "Last-Modified": format_datetime(known[1], usegmt=True)}
        since = asked.headers.get("if-modified-since")
        if since is not None and _is_fresh(since, known[1]):
            return Answer(304, None, headers)
        return Answer(200, body, headers)


def definition_routes(definitions: Definitions) -> list[Route]:
    """The routes of what an org's objects are."""

    def list_objects(asked: Asked) -> Answer:
        return definitions.answer(asked, "", describe_global(asked.org, asked.user_id, asked.version))

    def describe(asked: Asked) -> Answer:
        kind = kind_of(asked, asked.parts["object"])
        return definitions.answer(asked, kind.name, describe_object(asked.org, asked.user_id, kind.name, asked.version))

    return [
        Route("GET", "/services/data/v{version}/sobjects", list_objects),
        Route("GET", "/services/data/v{version}/sobjects/{object}/describe", describe),
        Route("GET", "/services/data/v{version}/sobjects/{object}", tell_object),
        Route("POST", "/services/data/v{version}/sobjects/{object}", create_record),
        Route("GET", "/services/data/v{version}/recent", list_recent),
    ]


def tell_object(asked: Asked) -> Answer:
    """``GET sobjects/X``: the object in short, and the records of it that the user touched last."""
    kind = kind_of(asked, asked.parts["object"])
    return Answer(200, {"objectDescribe": summary(asked.org, kind, asked.version), "recentItems": _touched(asked, kind, 20)})


def create_record(asked: Asked) -> Answer:
    """``POST sobjects/X``: 201 with the new id."""
    kind = kind_of(asked, asked.parts["object"])
    struck = asked.struck_rows(1)
    if struck:
        raise RowError(struck[0])
    record = asked.org.create(asked.user_id, kind.name, values_of(asked, kind, asked.json()))
    place = f"{asked.base}/sobjects/{kind.name}/{record.id}"
    return Answer(201, {"id": record.id, "success": True, "errors": []}, {"Location": place}, records_in=1)


def list_recent(asked: Asked) -> Answer:
    """``GET recent``: records that the user made or changed last, of the objects that people open."""
    limit = int(asked.one("limit") or MOST_RECENT)
    found = [row for name in RECENT for row in _touched(asked, asked.org.kind(name), limit)]
    return Answer(200, found[:limit], records_out=min(len(found), limit))


def _touched(asked: Asked, kind: ObjectType, limit: int) -> list[dict[str, Any]]:
    name = next((field.name for field in kind if field.name_field), None)
    rows = [
        record for record in asked.org.store(kind.name) if not record.is_deleted and record.values.get("LastModifiedById") == asked.user_id
    ]
    rows.sort(key=lambda record: (record.values.get("SystemModstamp", 0), record.id), reverse=True)
    return [
        {"attributes": attributes(asked, kind.name, record.id), "Id": record.id, **({name: record.values.get(name)} if name else {})}
        for record in rows[:limit]
    ]


def _is_fresh(since: str, changed: datetime) -> bool:
    try:
        moment = parsedate_to_datetime(since)
    except ValueError:
        return False
    return moment >= changed if moment.tzinfo is not None else False


def started_at(ms: int) -> datetime:
    """The whole second in which definitions began to be told."""
    return from_ms(ms // 1000 * 1000)
