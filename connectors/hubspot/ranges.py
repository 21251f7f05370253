"""Sharing a full load among threads: each stream's ids in ranges, of which the largest is split when a thread has nothing to do.

HubSpot lists records in ascending order of id, and today a page token is an id. Both are checked on every page; where they do not
hold, the stream is read with one token after the other.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from connectors.hubspot.cursors import END, Load
from connectors.hubspot.streams import Stream

PAGE = 100
WORTH_SPLITTING = 4
"""Pages: a smaller range is left to the thread that works on it."""


@dataclass(eq=False)
class Span:
    """A range of ids of one stream; ``token`` is HubSpot's own word for where to go on, where there is one."""

    source: Source
    first: int
    end: int
    token: str | None = None
    is_busy: bool = False


@dataclass(eq=False)
class Source:
    """One stream under way: its state, and what is known of how its ids are spread."""

    stream: Stream
    load: Load
    is_known: bool = False
    is_splittable: bool = False
    records: int = 0
    covered: int = 0
    spans: list[Span] = field(default_factory=list)

    def pages(self, span: Span) -> float:
        """About how many pages the range still has."""
        if not self.is_known:
            return 1.0
        if not self.is_splittable:
            return max((self.load.total or 0) - self.records, 1) / PAGE
        width = max(min(span.end, self.load.top + 1) - span.first, 0)
        return width * self._density() / PAGE

    def _density(self) -> float:
        """Records an id. What was read tells it better than the whole, once some of it was read."""
        if self.covered and self.records > 5 * PAGE:
            return self.records / self.covered
        width = sum(max(min(span.end, self.load.top + 1) - span.first, 0) for span in self.spans)
        return max((self.load.total or 0) - self.records, 1) / max(width, 1)


class Shares:
    """Hands out ranges to threads, the longest first, and splits one where none is free."""

    def __init__(self, sources: list[Source]) -> None:
        self._turn = threading.Condition()
        self._spans = [span for source in sources for span in source.spans]

    def take(self) -> Span | None:
        """The range to read a page of next; blocks while another thread may leave one; None when all is done."""
        with self._turn:
            while self._spans:
                free = [span for span in self._spans if not span.is_busy]
                chosen = max(free, key=_pages) if free else self._split()
                if chosen is not None:
                    chosen.is_busy = True
                    return chosen
                self._turn.wait()
            return None

    def give_back(self, span: Span, *, is_done: bool) -> None:
        """A page of the range has been read."""
        with self._turn:
            span.is_busy = False
            if is_done:
                self._forget(span)
            self._turn.notify_all()

    def end_of(self, span: Span) -> int:
        """Where the range ends now; it may have been cut meanwhile."""
        with self._turn:
            return span.end

    def restart(self, source: Source) -> None:
        """Read a stream again from its beginning, with one token after the other: its ids do not come as expected."""
        with self._turn:
            for span in list(source.spans):
                self._forget(span)
            span = Span(source, 0, END)
            source.is_splittable = False
            source.spans.append(span)
            self._spans.append(span)
            self._turn.notify_all()

    def leave(self, source: Source) -> None:
        """Nothing more of this stream is wanted."""
        with self._turn:
            for span in list(source.spans):
                self._forget(span)
            self._turn.notify_all()

    def abandon(self) -> None:
        """Nothing more is wanted."""
        with self._turn:
            self._spans.clear()
            self._turn.notify_all()

    def holds(self, span: Span) -> bool:
        """Whether the range is still one of those to be read."""
        with self._turn:
            return span in self._spans

    def _split(self) -> Span | None:
        worth = [span for span in self._spans if span.source.is_splittable and _pages(span) >= WORTH_SPLITTING]
        if not worth:
            return None
        span = max(worth, key=_pages)
        middle = span.first + (min(span.end, span.source.load.top + 1) - span.first) // 2
        second = Span(span.source, middle, span.end)
        span.end = middle
        span.source.spans.append(second)
        self._spans.append(second)
        return second

    def _forget(self, span: Span) -> None:
        if span in self._spans:
            self._spans.remove(span)
        if span in span.source.spans:
            span.source.spans.remove(span)


def _pages(span: Span) -> float:
    return span.source.pages(span)
