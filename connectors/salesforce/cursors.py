"""Where an extract stands: for each stream, what of the full load is left, or the window in which changes are watched.

A cursor is JSON text, so that it can be kept anywhere; only this connector reads it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from connectors.salesforce.streams import FOLLOWERS, STREAMS
from connectors.windows import Window
from transforms.vocabulary.errors import BadInput

VERSION = 1
_UNREADABLE = "The cursor of {} for Salesforce cannot be read; start that table with a full pull."


@dataclass
class Load:
    """A full load. ``way`` is ``rest`` (by ascending id, ``after_id`` was the last), or ``bulk``; "" where that is not decided yet.

    In bulk, ``job`` is the query job, ``locator`` and ``done`` say which of its rows were handed on. ``total`` is how many records there are,
    ``handed`` how many of them were handed on; ``began_ms`` is the org's time when the load began, ``newest_ms`` and ``recent`` describe
    what was read: the latest change, and how many records changed since ``since_ms``.
    """

    way: str = ""
    after_id: str = ""
    job: str = ""
    locator: str = ""
    done: int = 0
    total: int | None = None
    handed: int = 0
    began_ms: int = 0
    since_ms: int = 0
    newest_ms: int = 0
    recent: int = 0

    def start_again(self) -> None:
        """Nothing of what was read counts: the job is gone, and a new one may give its rows in another order."""
        self.job, self.locator, self.done, self.after_id = "", "", 0, ""
        self.total, self.handed, self.recent = None, 0, 0


State = Load | Window


@dataclass
class Sweep:
    """Looking for records that vanished: up to when deletions were asked for, when all ids were last compared, and of which objects since."""

    deleted_ms: int = 0
    whole_ms: int = 0
    done: list[str] = field(default_factory=list)
    is_due: bool = False


@dataclass
class Standing:
    """The cursor of one table.

    ``states`` holds each stream's and each follower's, ``start_ms`` since when activities are wanted at all, ``ripe_ms`` until when planned
    events were looked at again, ``shape`` what the org showed of itself (see :class:`connectors.salesforce.shape.Shape`).
    """

    table: str
    states: dict[str, State]
    start_ms: int | None = None
    sweep: Sweep = field(default_factory=Sweep)
    ripe_ms: int = 0
    shape: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def fresh(cls, table: str, start_ms: int | None) -> Standing:
        """Nothing read yet."""
        return cls(table, {name: Load() for name in _names(table)}, start_ms)

    @classmethod
    def parse(cls, table: str, text: str) -> Standing:
        """Read a cursor. Raises BadInput where it is not one of this table and version."""
        try:
            data = orjson.loads(text)
            states = {name: _state(item) for name, item in data["states"].items()}
            is_ours = data["v"] == VERSION and data["table"] == table and data["crm"] == "salesforce"
            sweep = Sweep(**data["sweep"])
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(_UNREADABLE.format(table)) from error
        if not is_ours:
            raise BadInput(_UNREADABLE.format(table))
        # A stream that is new since the cursor was written starts with a full load.
        held = {name: states.get(name, Load()) for name in _names(table)}
        return cls(table, held, data.get("start_ms"), sweep, data.get("ripe_ms") or 0, data.get("shape") or {})

    def text(self) -> str:
        """The cursor as text."""
        states = {name: {"is": type(state).__name__, **asdict(state)} for name, state in self.states.items()}
        whole = {
            "v": VERSION,
            "crm": "salesforce",
            "table": self.table,
            "start_ms": self.start_ms,
            "states": states,
            "sweep": asdict(self.sweep),
            "ripe_ms": self.ripe_ms,
            "shape": self.shape,
        }
        return orjson.dumps(whole).decode()


def _names(table: str) -> list[str]:
    return [*(stream.name for stream in STREAMS[table]), *(one.name for one in FOLLOWERS[table])]


def _state(item: dict[str, Any]) -> State:
    kinds: dict[str, type[Load | Window]] = {"Load": Load, "Window": Window}
    return kinds[item["is"]](**{name: value for name, value in item.items() if name != "is"})
