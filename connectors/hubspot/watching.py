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
        fresh = [record for record in found.records if _moment(record, stream.modified) > window.newest_ms]
        # Also on a portal that never rests: there the newest change is always a young one.
        is_due = not window.is_settled and now_ms - min(window.newest_ms, window.read_ms) >= lag_ms
        is_all = found.total <= len(found.records)
        as_expected = found.total <= window.count + len(fresh)
        if not is_due and as_expected and not fresh:
            yield Changed([], now_ms)
            return
        if not is_due and as_expected and (is_all or len(fresh) < len(found.records)):
            _extend(window, [_moment(record, stream.modified) for record in fresh], found.total, now_ms, lag_ms)
            yield Changed(fresh, now_ms)
            return
        _begin(window, now_ms)
        if is_all:
            _note(window, [_moment(record, stream.modified) for record in found.records], lag_ms)
            _finish(window, lag_ms)
            yield Changed(found.records, now_ms)
            return
    for step in walk(client, stream, stream.modified, window.at_ms or window.from_ms, window.after_id):
        _note(window, [_moment(record, stream.modified) for record in step.records], lag_ms)
        window.at_ms, window.after_id = step.at_ms, step.after_id
        if step.at_ms is None:
            _finish(window, lag_ms)
        yield Changed(step.records, step.now_ms)


def _by_time(client: Client, stream: Stream, prop: str, properties: Sequence[str], at_ms: int, also: Sequence[Json]) -> Step:
    found = client.search(stream.kind, [_since(prop, at_ms), *also], sort=prop, properties=properties)
    now_ms = int(found.at.timestamp() * 1000)
    if found.total <= len(found.records) or not found.records:
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
    if len(found.records) < SEARCH_LIMIT:
        return Step(found.records, at_ms + 1, None, now_ms, found.total)
    return Step(found.records, at_ms, max(int(record["id"]) for record in found.records), now_ms, found.total)


def _since(prop: str, ms: int) -> Json:
    return {"propertyName": prop, "operator": "GTE", "value": str(ms)}


def _moment(record: Json, prop: str) -> int:
    return to_ms(record["properties"].get(prop)) or 0


def _begin(window: Window, now_ms: int) -> None:
    window.at_ms, window.after_id, window.began_ms = window.from_ms, None, now_ms
    window.seen_newest_ms = window.seen_top = window.seen_young = 0


def _note(window: Window, moments: Sequence[int], lag_ms: int) -> None:
    young_ms = max(window.from_ms, window.began_ms - lag_ms)
    for ms in moments:
        if ms > window.seen_newest_ms:
            window.seen_newest_ms, window.seen_top = ms, 0
        window.seen_top += ms == window.seen_newest_ms
        window.seen_young += ms >= young_ms


def _finish(window: Window, lag_ms: int) -> None:
    """The window was read as a whole: what the index can no longer add to is left behind."""
    newest_ms = max(window.seen_newest_ms, window.from_ms)
    window.is_settled = window.began_ms - newest_ms >= lag_ms
    if window.is_settled:
        window.from_ms, window.count = newest_ms, window.seen_top
    else:
        window.from_ms, window.count = max(window.from_ms, window.began_ms - lag_ms), window.seen_young
    window.newest_ms, window.read_ms = newest_ms, window.began_ms
    window.at_ms = window.after_id = None


def _extend(window: Window, moments: Sequence[int], total: int, now_ms: int, lag_ms: int) -> None:
    """Only the fresh edge was read: the window grows, and is read as a whole when the index is sure to have all of it."""
    newest_ms = max(moments, default=window.newest_ms)
    if window.is_settled and now_ms - newest_ms >= lag_ms:
        window.from_ms, window.count = newest_ms, sum(ms == newest_ms for ms in moments)
    else:
        window.read_ms = now_ms if window.is_settled else window.read_ms
        window.count, window.is_settled = total, False
    window.newest_ms = newest_ms
    window.at_ms = window.after_id = None
