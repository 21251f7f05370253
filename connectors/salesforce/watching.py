"""Changes: reading a window of modification times so that nothing is lost to ties, to long answers or to late commits.

Salesforce stamps a change when its statement runs and shows it when its transaction commits. While the window may still get something that
way it is kept, and it is read again as a whole when that is over. The first look at several streams is one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.salesforce.client import Client, Found
from connectors.salesforce.cursors import Window
from connectors.salesforce.soql import newest, onward
from connectors.salesforce.values import to_ms

Json = dict[str, Any]
Ask = Callable[[str, str], str]
"""Given a condition and an order, the statement."""


@dataclass(frozen=True)
class Watched:
    """One object whose changes are watched: its window, the field by which they are found, and how they are asked for."""

    name: str
    window: Window
    modified: str
    ask: Ask


@dataclass(frozen=True)
class Changed:
    """Changed records of one answer, and the org's time when they were read."""

    records: list[Json]
    now_ms: int
    calls: int = 1


def look(client: Client, watched: Sequence[Watched], also: Sequence[str] = ()) -> tuple[dict[str, Found], list[Found]]:
    """The first look at each of these, the newest changes first: one call for every five. A walk that was broken off needs none.

    ``also``: further statements that travel with them; their answers come second.
    """
    some = [one for one in watched if one.window.at_ms is None]
    statements = [one.ask(*newest(one.modified, one.window.from_ms)) for one in some]
    found = client.find([*statements, *also], is_all=True, purpose="read", what="ask what changed")
    return {one.name: answer for one, answer in zip(some, found, strict=False)}, found[len(some) :]


def watch(client: Client, one: Watched, found: Found | None, *, lag_ms: int) -> Iterator[Changed]:
    """The records that changed since the window was read; the window is brought up to date before each yield.

    Nothing more is asked where nothing is new. A record that was committed late is found because the window then holds more than it should,
    or at the latest when it is read again as a whole, ``lag_ms`` later.
    """
    window = one.window
    if found is not None:
        now_ms = int(found.at.timestamp() * 1000)
        fresh = [record for record in found.records if _moment(record, one.modified) > window.newest_ms]
        # Also in an org that never rests: there the newest change is always a young one.
        is_due = not window.is_settled and now_ms - min(window.newest_ms, window.read_ms) >= lag_ms
        is_all = found.total <= len(found.records)
        as_expected = found.total <= window.count + len(fresh)
        if not is_due and as_expected and not fresh:
            yield Changed([], now_ms, 0)
            return
        if not is_due and as_expected and (is_all or len(fresh) < len(found.records)):
            _extend(window, [_moment(record, one.modified) for record in fresh], found.total, now_ms, lag_ms)
            yield Changed(fresh, now_ms, 0)
            return
        _begin(window, now_ms)
        if is_all:
            _note(window, [_moment(record, one.modified) for record in found.records], lag_ms)
            _finish(window, lag_ms)
            yield Changed(found.records, now_ms, 0)
            return
    yield from _walk(client, one, lag_ms)


def _walk(client: Client, one: Watched, lag_ms: int) -> Iterator[Changed]:
    window = one.window
    while True:
        condition, order = onward(one.modified, window.at_ms or window.from_ms, window.after_id)
        answer = client.find([one.ask(condition, order)], is_all=True, purpose="read", what=f"read changed {one.name}")[0]
        moments = [_moment(record, one.modified) for record in answer.records]
        _note(window, moments, lag_ms)
        is_last = not answer.records or answer.total <= len(answer.records)
        if is_last:
            _finish(window, lag_ms)
        else:
            window.at_ms, window.after_id = moments[-1], str(answer.records[-1]["Id"])
        yield Changed(answer.records, int(answer.at.timestamp() * 1000))
        if is_last:
            return


def _moment(record: Json, name: str) -> int:
    return to_ms(record.get(name)) or 0


def _begin(window: Window, now_ms: int) -> None:
    window.at_ms, window.after_id, window.began_ms = window.from_ms, "", now_ms
    window.seen_newest_ms = window.seen_top = window.seen_young = 0


def _note(window: Window, moments: Sequence[int], lag_ms: int) -> None:
    young_ms = max(window.from_ms, window.began_ms - lag_ms)
    for ms in moments:
        if ms > window.seen_newest_ms:
            window.seen_newest_ms, window.seen_top = ms, 0
        window.seen_top += ms == window.seen_newest_ms
        window.seen_young += ms >= young_ms


def _finish(window: Window, lag_ms: int) -> None:
    """The window was read as a whole: what no late commit can add to is left behind."""
    newest_ms = max(window.seen_newest_ms, window.from_ms)
    window.is_settled = window.began_ms - newest_ms >= lag_ms
    if window.is_settled:
        window.from_ms, window.count = newest_ms, window.seen_top
    else:
        window.from_ms, window.count = max(window.from_ms, window.began_ms - lag_ms), window.seen_young
    window.newest_ms, window.read_ms = newest_ms, window.began_ms
    window.at_ms, window.after_id = None, ""


def _extend(window: Window, moments: Sequence[int], total: int, now_ms: int, lag_ms: int) -> None:
    """Only the fresh edge was read: the window grows, and is read as a whole when all of it is sure to be committed."""
    newest_ms = max(moments, default=window.newest_ms)
    if window.is_settled and now_ms - newest_ms >= lag_ms:
        window.from_ms, window.count = newest_ms, sum(ms == newest_ms for ms in moments)
    else:
        window.read_ms = now_ms if window.is_settled else window.read_ms
        window.count, window.is_settled = total, False
    window.newest_ms = newest_ms
    window.at_ms, window.after_id = None, ""
