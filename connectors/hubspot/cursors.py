"""Where an extract stands: for each stream, what of the full load is left, or the window in which changes are watched.

A cursor is JSON text, so that it can be kept anywhere; only this connector reads it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from connectors import windows
from connectors.hubspot.streams import STREAMS
from transforms.vocabulary.errors import BadInput

VERSION = 1
_UNREADABLE = "The cursor of {} for HubSpot cannot be read; start that table with a full pull."
END = 2**63 - 1
"""An id above all ids: a range up to here is open."""


@dataclass
class Load:
    """A full load: the ranges of ids (first, end) that have not been handed on.

    ``token`` takes their place where HubSpot's page tokens turn out not to be ids. ``total`` and ``top`` are the count and the greatest id
    when the load began at ``began_ms``; ``newest_ms`` and ``recent`` describe what was read: the latest change, and how many records changed
    since ``since_ms``; ``handed`` is how many were handed on. ``way`` is ``list``, or ``search`` for a load of what happened since ``happened_from_ms``.
    """

    left: list[list[int]] = field(default_factory=lambda: [[0, END]])
    token: str | None = None
    total: int | None = None
    top: int = 0
    began_ms: int = 0
    since_ms: int = 0
    newest_ms: int = 0
    recent: int = 0
    handed: int = 0
    way: str = ""
    happened_from_ms: int | None = None
    at_ms: int | None = None
    after_id: int | None = None

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has been handed on yet."""
        return self.left == [[0, END]] and self.token is None and self.at_ms is None

    def done(self, first: int, end: int) -> None:
        """Take the ids from ``first`` up to, without, ``end`` out of what is left."""
        kept: list[list[int]] = []
        for low, high in self.left:
            if high <= first or low >= end:
                kept.append([low, high])
                continue
            if low < first:
                kept.append([low, first])
            if high > end:
                kept.append([end, high])
        self.left = kept


@dataclass
class Window(windows.Window):
    """A window of changes, and when archived records were last listed (``archived_ms``), and how far a running listing has come.

    ``counted_ms`` is when the records were last counted, and ``surplus`` how that came out (see ``counting``).
    """

    archived_ms: int = 0
    archived_after: str | None = None
    counted_ms: int = 0
    surplus: dict[str, int] = field(default_factory=dict)


State = Load | Window


@dataclass
class Standing:
    """The cursor of one table: the state of each of its streams, and since when activities are wanted at all."""

    table: str
    states: dict[str, State]
    start_ms: int | None = None

    @classmethod
    def fresh(cls, table: str, start_ms: int | None) -> Standing:
        """Nothing read yet."""
        return cls(table, {stream.name: Load() for stream in STREAMS[table]}, start_ms)

    @classmethod
    def parse(cls, table: str, text: str) -> Standing:
        """Read a cursor. Raises BadInput where it is not one of this table and version."""
        try:
            data = orjson.loads(text)
            states = {name: _state(item) for name, item in data["streams"].items()}
            is_ours = data["v"] == VERSION and data["table"] == table
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise BadInput(_UNREADABLE.format(table)) from error
        if not is_ours:
            raise BadInput(_UNREADABLE.format(table))
        # A stream that is new since the cursor was written starts with a full load.
        return cls(table, {stream.name: states.get(stream.name, Load()) for stream in STREAMS[table]}, data.get("start_ms"))

    def text(self) -> str:
        """The cursor as text."""
        streams = {name: {"is": type(state).__name__, **asdict(state)} for name, state in self.states.items()}
        return orjson.dumps({"v": VERSION, "table": self.table, "start_ms": self.start_ms, "streams": streams}).decode()


def _state(item: dict[str, Any]) -> State:
    kinds: dict[str, type[Load | Window]] = {"Load": Load, "Window": Window}
    return kinds[item["is"]](**{name: value for name, value in item.items() if name != "is"})
