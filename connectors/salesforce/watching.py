"""Changes: reading a window of modification times so that nothing is lost to ties, to long answers or to late commits.

Salesforce stamps a change when its statement runs and shows it when its transaction commits. While the window may still get something that
way it is kept, and it is read again as a whole when that is over. The first look at several streams is one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.salesforce.client import Client, Found
from connectors.salesforce.soql import newest, onward
from connectors.salesforce.values import to_ms
from connectors.windows import Look, Window

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
        edge_ms = window.newest_ms
        seen = window.look([_moment(record, one.modified) for record in found.records], found.total, now_ms, lag_ms)
        if seen is not Look.WALK:
            is_whole = seen is Look.WHOLE
            yield Changed([record for record in found.records if is_whole or _moment(record, one.modified) > edge_ms], now_ms, 0)
            return
    yield from _walk(client, one, lag_ms)


def _walk(client: Client, one: Watched, lag_ms: int) -> Iterator[Changed]:
    window = one.window
    while True:
        condition, order = onward(one.modified, window.at_ms or window.from_ms, window.after_id)
        answer = client.find([one.ask(condition, order)], is_all=True, purpose="read", what=f"read changed {one.name}")[0]
        moments = [_moment(record, one.modified) for record in answer.records]
        window.note(moments, lag_ms)
        is_last = not answer.records or answer.total <= len(answer.records)
        if is_last:
            window.finish(lag_ms)
        else:
            window.at_ms, window.after_id = moments[-1], str(answer.records[-1]["Id"])
        yield Changed(answer.records, int(answer.at.timestamp() * 1000))
        if is_last:
            return


def _moment(record: Json, name: str) -> int:
    return to_ms(record.get(name)) or 0
