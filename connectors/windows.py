"""The window of modification times in which the changes of one stream are watched, whatever CRM shows them.

A CRM shows a change some time after its stamp: a search index lags, a transaction commits late. So the window is kept while it may still get
something, and is read again as a whole when that is over. How late a CRM may be is ``lag_ms``, in milliseconds, like every time here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Look(Enum):
    """What the newest changes of a window tell."""

    NOTHING = "nothing is new"
    FRESH = "only what is newer than the window is new"
    WHOLE = "the answer holds the whole window"
    WALK = "the window must be read from its beginning"


@dataclass
class Window:
    """Changes: the window [``from_ms``, ``newest_ms``] held ``count`` records. ``read_ms`` is when it was last read whole, or left being settled.

    ``is_settled`` says that by then the CRM showed all of it. While a long window is read again, ``at_ms`` and ``after_id`` say how far that
    has come, and ``seen_newest_ms``, ``seen_top``, ``seen_young`` what it has held so far since ``began_ms``.
    """

    from_ms: int
    newest_ms: int
    count: int
    read_ms: int
    is_settled: bool = False
    at_ms: int | None = None
    after_id: Any = None
    began_ms: int = 0
    seen_newest_ms: int = 0
    seen_top: int = 0
    seen_young: int = 0

    def look(self, moments: Sequence[int], total: int, now_ms: int, lag_ms: int) -> Look:
        """Take in the moments of the newest ``total`` changes, as many as one answer holds, and say what else has to be read.

        With FRESH and WHOLE the window is up to date; with WALK it has begun to be read anew.
        """
        fresh = [ms for ms in moments if ms > self.newest_ms]
        # Also where a CRM never rests: there the newest change is always a young one.
        is_due = not self.is_settled and now_ms - min(self.newest_ms, self.read_ms) >= lag_ms
        is_all = total <= len(moments)
        as_expected = total <= self.count + len(fresh)
        if not is_due and as_expected and not fresh:
            return Look.NOTHING
        if not is_due and as_expected and (is_all or len(fresh) < len(moments)):
            self._extend(fresh, total, now_ms, lag_ms)
            return Look.FRESH
        self._begin(now_ms)
        if not is_all:
            return Look.WALK
        self.note(moments, lag_ms)
        self.finish(lag_ms)
        return Look.WHOLE

    def note(self, moments: Sequence[int], lag_ms: int) -> None:
        """Count what a walk has brought."""
        young_ms = max(self.from_ms, self.began_ms - lag_ms)
        for ms in moments:
            if ms > self.seen_newest_ms:
                self.seen_newest_ms, self.seen_top = ms, 0
            self.seen_top += ms == self.seen_newest_ms
            self.seen_young += ms >= young_ms

    def finish(self, lag_ms: int) -> None:
        """The window was read as a whole: what nothing can be added to any more is left behind."""
        newest_ms = max(self.seen_newest_ms, self.from_ms)
        self.is_settled = self.began_ms - newest_ms >= lag_ms
        if self.is_settled:
            self.from_ms, self.count = newest_ms, self.seen_top
        else:
            self.from_ms, self.count = max(self.from_ms, self.began_ms - lag_ms), self.seen_young
        self.newest_ms, self.read_ms = newest_ms, self.began_ms
        self.at_ms = self.after_id = None

    def absorb(self, written: Mapping[str, int], known: set[str]) -> None:
        """Take in our own writes, record by record with their stamps, so that they are not taken for news. ``known`` are the records in the window."""
        recent = {record for record, ms in written.items() if ms >= self.from_ms}
        self.count += len(recent - known)
        known |= recent
        self.newest_ms = max(self.newest_ms, *written.values())
        self.read_ms = self.newest_ms if self.is_settled else self.read_ms
        self.is_settled = False

    def _begin(self, now_ms: int) -> None:
        self.at_ms, self.after_id, self.began_ms = self.from_ms, None, now_ms
        self.seen_newest_ms = self.seen_top = self.seen_young = 0

    def _extend(self, moments: Sequence[int], total: int, now_ms: int, lag_ms: int) -> None:
        """Only the fresh edge was read: the window grows, and is read as a whole when the CRM is sure to show all of it."""
        newest_ms = max(moments, default=self.newest_ms)
        if self.is_settled and now_ms - newest_ms >= lag_ms:
            self.from_ms, self.count = newest_ms, sum(ms == newest_ms for ms in moments)
        else:
            self.read_ms = now_ms if self.is_settled else self.read_ms
            self.count, self.is_settled = total, False
        self.newest_ms = newest_ms
        self.at_ms = self.after_id = None
