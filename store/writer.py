"""Many small pages, few commits: a buffer in front of the lake."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from store.lake import Lake
from store.parts import Part

ROWS = 10_000
SECONDS = 30.0


class LakeWriter:
    """Collects the pages of one table of one CRM and commits them together, with the last page's cursor.

    Use it as a context manager. A commit is made when ``rows`` rows have gathered or the oldest page has waited ``seconds``, and at the end.
    When the block ends with an error, the pages that were added before it are committed too: they are whole, and so is their cursor.
    When a commit itself fails, its pages are not in the lake, the cursor stands before them, and no later page is taken.
    """

    def __init__(
        self,
        lake: Lake,
        table: str,
        *,
        crm: str,
        track: str = "",
        rows: int = ROWS,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.commits = 0
        self._lake, self._table, self._crm, self._track = lake, table, crm, track
        self._rows, self._seconds, self._clock = rows, seconds, clock
        self._parts: list[Part] = []
        self._gathered = 0
        self._since = 0.0
        self._has_failed = False

    def add(self, part: Part) -> None:
        """Take a page; commit what has gathered where it is time."""
        if not self._parts:
            self._since = self._clock()
        self._parts.append(part)
        self._gathered += len(part.rows) + sum(len(more) for more in (part.gone, part.standing) if more is not None)
        if self._gathered >= self._rows or self._clock() - self._since >= self._seconds:
            self.flush()

    def flush(self) -> None:
        """Commit what has gathered now."""
        if not self._parts or self._has_failed:
            return
        self._has_failed = True
        self._lake.commit(self._table, self._parts, crm=self._crm, track=self._track)
        self._has_failed = False
        self._parts, self._gathered = [], 0
        self.commits += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # After a failed commit nothing more may go in: the cursor would pass over the pages that were lost.
        self.flush()
