"""Changes: searching a window of modification times so that nothing is lost to ties, to the cap of 10,000 or to a lagging search index.

No offset is ever used: a record that changes while pages are read would shift those behind it. Each search starts at the last moment seen;
records of one millisecond that do not fit on a page are read by ascending id.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.client import SEARCH_LIMIT, Client
from connectors.hubspot.cursors import Window
from connectors.hubspot.streams import Stream
from connectors.hubspot.values import to_ms
from connectors.windows import Look

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One search of a walk: its new records, and where to go on (``at_ms`` None: the walk is over)."""

    records: list[Json]
    at_ms: int | None
    after_id: int | None
    now_ms: int
    total: int


@dataclass(frozen=True)
class Changed:
    """Changed records of one search, and the CRM's time when they were read."""

    records: list[Json]
    now_ms: int


def walk(
    client: Client, stream: Stream, prop: str, at_ms: int, after_id: int | None = None, *, also: Sequence[Json] = ()
) -> Iterator[Step]:
    """All records whose ``prop`` is at or after ``at_ms``, in ascending order, each once unless it changes meanwhile; ``also``: further filters."""
    while True:
        # HubSpot's answers repeat the moment by which they are sorted, so it need not be asked for twice.
        properties = tuple(dict.fromkeys((*stream.properties, prop)))
        if after_id is None:
            step = _by_time(client, stream, prop, properties, at_ms, also)
        else:
            step = _by_id(client, stream, prop, properties, at_ms, after_id, also)
        if step.records or step.at_ms is None:
            yield step
        if step.at_ms is None:
            return
        at_ms, after_id = step.at_ms, step.after_id


def watch(client: Client, stream: Stream, window: Window, *, lag_ms: int) -> Iterator[Changed]:
    """The records that changed since the window was read; ``window`` is brought up to date before each yield.

    One search where nothing is new. While the search index may still lack some of what the window covers, the window is kept; once
    ``lag_ms`` has passed it is read a last time as a whole, so that a record which the index showed late is not lost.
    """
    if window.at_ms is None:
        found = client.search(
            stream.kind, [_since(stream.modified, window.from_ms)], sort=stream.modified, is_descending=True, properties=stream.properties
        )
        now_ms = int(found.at.timestamp() * 1000)
        edge_ms = window.newest_ms
        seen = window.look([_moment(record, stream.modified) for record in found.records], found.total, now_ms, lag_ms)
        if seen is not Look.WALK:
            is_whole = seen is Look.WHOLE
            yield Changed([record for record in found.records if is_whole or _moment(record, stream.modified) > edge_ms], now_ms)
            return
    for step in walk(client, stream, stream.modified, window.at_ms or window.from_ms, window.after_id):
        window.note([_moment(record, stream.modified) for record in step.records], lag_ms)
        window.at_ms, window.after_id = step.at_ms, step.after_id
        if step.at_ms is None:
            window.finish(lag_ms)
        yield Changed(step.records, step.now_ms)


def _by_time(client: Client, stream: Stream, prop: str, properties: Sequence[str], at_ms: int, also: Sequence[Json]) -> Step:
    found = client.search(stream.kind, [_since(prop, at_ms), *also], sort=prop, properties=properties)
    now_ms = int(found.at.timestamp() * 1000)
    if found.total <= found.came or not found.records:
        return Step(found.records, None, None, now_ms, found.total)
    moments = [_moment(record, prop) for record in found.records]
    last = max(moments)
    if last <= at_ms or min(moments) == last:
        return Step([], max(last, at_ms), 0, now_ms, found.total)
    # The last millisecond may go on behind this page: it is read again, whole, with the next one.
    return Step([record for record, ms in zip(found.records, moments, strict=True) if ms < last], last, None, now_ms, found.total)


def _by_id(client: Client, stream: Stream, prop: str, properties: Sequence[str], at_ms: int, after_id: int, also: Sequence[Json]) -> Step:
    filters = [
        *also,
        {"propertyName": prop, "operator": "EQ", "value": str(at_ms)},
        {"propertyName": "hs_object_id", "operator": "GT", "value": str(after_id)},
    ]
    found = client.search(stream.kind, filters, sort="hs_object_id", properties=properties)
    now_ms = int(found.at.timestamp() * 1000)
    if found.came < SEARCH_LIMIT or not found.records:
        return Step(found.records, at_ms + 1, None, now_ms, found.total)
    return Step(found.records, at_ms, max(int(record["id"]) for record in found.records), now_ms, found.total)


def _since(prop: str, ms: int) -> Json:
    return {"propertyName": prop, "operator": "GTE", "value": str(ms)}


def _moment(record: Json, prop: str) -> int:
    return to_ms(record["properties"].get(prop)) or 0
