"""What search knows: the records as they were some seconds ago, sorted by modified date and by id."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.hubspot.records import Record

FEW = 64


class SearchIndex:
    """The index behind search. A change reaches it after a lag of its own, so changes can be found in another order than they were made.

    ``lag`` gives the seconds for one change of one record; ``elapsed`` the sandbox's running time.
    """

    def __init__(self, elapsed: Callable[[], float], lag: Callable[[int, int], float]) -> None:
        self.live: dict[int, Record] = {}
        self.entries: list[tuple[int, int]] = []
        self.ids: list[int] = []
        self.epoch = 0
        self.answers: dict[tuple[int, bytes], list[int]] = {}
        self._elapsed = elapsed
        self._lag = lag
        self._held: dict[int, Record | None] = {}
        self._last: dict[int, int] = {}
        self._applied: dict[int, int] = {}
        self._queue: list[tuple[float, int, int, Record | None]] = []
        self._changes = 0

    def version(self, record_id: int) -> Record | None:
        """The record as search knows it."""
        if record_id in self._held:
            return self._held[record_id]
        return self.live.get(record_id)

    def rebuild(self) -> None:
        """Know everything as it is now."""
        self._held.clear()
        self._last.clear()
        self._applied.clear()
        self._queue.clear()
        self.entries = sorted((record.modified, record.id) for record in self.live.values())
        self.ids = sorted(self.live)
        self.epoch += 1

    def note(self, record_id: int, old: Record | None, new: Record | None) -> None:
        """A record was made, changed or taken away just now."""
        self._changes += 1
        self._held.setdefault(record_id, old)
        self._last[record_id] = self._changes
        heapq.heappush(self._queue, (self._elapsed() + self._lag(record_id, self._changes), self._changes, record_id, new))

    def settle(self) -> None:
        """Let in the changes whose lag is over."""
        now = self._elapsed()
        before: dict[int, Record | None] = {}
        while self._queue and self._queue[0][0] <= now:
            _, number, record_id, new = heapq.heappop(self._queue)
            if number <= self._applied.get(record_id, 0):
                continue
            before.setdefault(record_id, self.version(record_id))
            if number == self._last[record_id]:
                del self._held[record_id], self._last[record_id]
            else:
                self._held[record_id] = new
            # Kept, so that an older version that comes in later is known to be old.
            self._applied[record_id] = number
        if before:
            self._sort_in(before)
            self.epoch += 1

    def _sort_in(self, before: dict[int, Record | None]) -> None:
        gone = {(old.modified, i) for i, old in before.items() if old is not None}
        come = [(new.modified, i) for i in before if (new := self.version(i)) is not None]
        gone_ids = {i for i, old in before.items() if old is not None and self.version(i) is None}
        new_ids = [i for i, old in before.items() if old is None and self.version(i) is not None]
        if len(before) <= FEW:
            for entry in gone:
                del self.entries[bisect.bisect_left(self.entries, entry)]
            for entry in come:
                bisect.insort(self.entries, entry)
        else:
            self.entries = [entry for entry in self.entries if entry not in gone]
            self.entries.extend(come)
            self.entries.sort()
        if gone_ids or new_ids:
            self.ids = sorted([i for i in self.ids if i not in gone_ids] + new_ids)

    @property
    def waiting(self) -> int:
        """How many changes search does not know yet."""
        return len(self._queue)
