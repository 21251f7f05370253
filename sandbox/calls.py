"""The log of every call that reached the sandbox, and questions one can ask it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Call:
    """One call: what was asked, what was answered, how many records and bytes went each way.

    ``status`` 0 means that the connection was dropped; ``fault`` names the injected fault, ``was_applied`` whether a dropped write took effect.
    """

    number: int
    at: datetime
    method: str
    path: str
    query: str
    status: int = 0
    records_in: int = 0
    records_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    fault: str = ""
    was_applied: bool = False
    token: str = ""
    request: str = ""
    answer: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The call as plain values."""
        return {**asdict(self), "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


class CallLog:
    """All calls in order. Bodies are kept for the last ``keep_bodies`` calls only."""

    def __init__(self, keep_bodies: int = 0) -> None:
        self._calls: list[Call] = []
        self._with_bodies: deque[Call] = deque()
        self._keep_bodies = keep_bodies
        self._number = 0

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls))

    def open(self, at: datetime, method: str, path: str, query: str, bytes_in: int) -> Call:
        """Note a call that has just arrived."""
        self._number += 1
        call = Call(self._number, at, method, path, query, bytes_in=bytes_in)
        self._calls.append(call)
        return call

    def keep(self, call: Call, request: bytes, answer: bytes) -> None:
        """Keep the bodies of a call, and let go those of the oldest one kept."""
        if not self._keep_bodies:
            return
        call.request, call.answer = request.decode("utf-8", "replace"), answer.decode("utf-8", "replace")
        self._with_bodies.append(call)
        while len(self._with_bodies) > self._keep_bodies:
            old = self._with_bodies.popleft()
            old.request = old.answer = ""

    def reset(self) -> None:
        """Forget all calls; numbers go on."""
        self._calls.clear()
        self._with_bodies.clear()

    def select(
        self, path: str = "", *, method: str | None = None, status: int | None = None, since: int = 0, fault: str | None = None
    ) -> list[Call]:
        """The calls whose path matches the regular expression ``path`` anywhere, and the rest exactly. ``since`` is a call number."""
        pattern = re.compile(path)
        return [
            call
            for call in self
            if call.number > since
            and pattern.search(call.path)
            and (method is None or call.method == method)
            and (status is None or call.status == status)
            and (fault is None or call.fault == fault)
        ]

    def count(
        self, path: str = "", *, method: str | None = None, status: int | None = None, since: int = 0, fault: str | None = None
    ) -> int:
        """How many calls :meth:`select` finds."""
        return len(self.select(path, method=method, status=status, since=since, fault=fault))

    @property
    def last_number(self) -> int:
        """The number of the last call, for ``since``."""
        return self._number
