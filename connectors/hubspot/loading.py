"""Full loads: several threads list ranges of ids, one page at a time, and hand the answers to the reader through a short queue.

The queue is what bounds memory: where the reader is slow, the threads wait.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.client import Client, Found
from connectors.hubspot.cursors import END, Load
from connectors.hubspot.ranges import Shares, Source, Span
from connectors.hubspot.streams import Stream
from connectors.limiter import Stopped
from transforms.vocabulary.errors import MissingScopes, StillThereError

Json = dict[str, Any]

CLOCK_SLACK_MS = 2_000
"""HubSpot tells its time to the second; what changed this long before a load began is watched again."""


@dataclass(frozen=True)
class Loaded:
    """One answer of a full load. The ids from ``first`` up to, without, ``end`` are read with it; ``token`` in their place where ids do not serve.

    ``lacks`` is set where the stream may not be read: none of it comes any more.
    """

    source: Source
    records: list[Json]
    first: int = 0
    end: int = 0
    token: str | None = None
    is_last: bool = False
    is_restart: bool = False
    lacks: MissingScopes | None = None


def load(client: Client, streams: Sequence[tuple[Stream, Load]], *, threads: int) -> Generator[Loaded]:
    """All records of the streams, answer by answer, in no promised order. Closing the generator stops the threads."""
    run = _Run(client, [_source(stream, state) for stream, state in streams], threads)
    workers = [threading.Thread(target=run.work, name=f"hubspot-{number}", daemon=True) for number in range(threads)]
    for worker in workers:
        worker.start()
    try:
        yield from run.answers(threads)
    finally:
        run.stop.set()
        run.shares.abandon()
        for worker in workers:
            worker.join()


def probe(client: Client, stream: Stream, state: Load, stop: threading.Event | None = None) -> None:
    """Ask once how many records there are and which id is the greatest. Costs one search."""
    found = client.search(stream.kind, [], sort="hs_object_id", is_descending=True, properties=("hs_object_id",), limit=1, stop=stop)
    began_ms = int(found.at.timestamp() * 1000)
    state.total = found.total
    state.top = int(found.records[0]["id"]) if found.records else 0
    if not state.began_ms:
        state.began_ms = began_ms
        state.since_ms = began_ms - CLOCK_SLACK_MS


def _source(stream: Stream, state: Load) -> Source:
    source = Source(stream, state, is_known=state.total is not None and state.is_untouched is False)
    source.is_splittable = source.is_known and state.token is None
    source.spans = [Span(source, 0, END, state.token)] if state.token is not None else [Span(source, low, high) for low, high in state.left]
    return source


class _Run:
    """One full load under way."""

    def __init__(self, client: Client, sources: list[Source], threads: int) -> None:
        self.client = client
        self.shares = Shares(sources)
        self.stop = threading.Event()
        self._queue: queue.Queue[Loaded | BaseException | None] = queue.Queue(maxsize=2 * threads)

    def answers(self, threads: int) -> Iterator[Loaded]:
        """What the threads bring, until all have ended."""
        left = threads
        while left:
            item = self._queue.get()
            if item is None:
                left -= 1
            elif isinstance(item, BaseException):
                raise item
            else:
                yield item

    def work(self) -> None:
        """One thread: read pages until none is left."""
        try:
            while (span := self.shares.take()) is not None and not self.stop.is_set():
                self._try(span)
        except Stopped:
            return
        except (StillThereError, ValueError, KeyError, TypeError, AttributeError) as error:
            # Whatever goes wrong in a thread is raised where the pages are read.
            self.shares.abandon()
            self._put(error)
        self._put(None)

    def _try(self, span: Span) -> None:
        try:
            self._read(span)
        except MissingScopes as error:
            # Without one kind of activity the others still come.
            self.shares.leave(span.source)
            self._put(Loaded(span.source, [], lacks=error))

    def _read(self, span: Span) -> None:
        source = span.source
        if source.load.total is None:
            probe(self.client, source.stream, source.load, self.stop)
        # One id early: whether a token means "from here" or "after this" makes no difference then.
        after = span.token or (str(span.first - 1) if span.first else None)
        found = self.client.list_page(
            source.stream.kind,
            properties=source.stream.properties,
            associations=source.stream.associations,
            after=after,
            stop=self.stop,
        )
        by_token = source.is_known and not source.is_splittable
        if by_token:
            self._by_token(span, found)
        else:
            self._by_id(span, found)

    def _by_id(self, span: Span, found: Found) -> None:
        source = span.source
        ids = [int(record["id"]) if str(record["id"]).isdigit() else -1 for record in found.records]
        if not self._is_ascending(span, ids, found):
            if source.is_known:
                self.shares.restart(source)
                self._put(Loaded(source, [], is_restart=True))
                return
            source.is_known = True
            self._by_token(span, found)
            return
        source.is_known = source.is_splittable = True
        end = self.shares.end_of(span)
        kept = [record for record, one in zip(found.records, ids, strict=True) if span.first <= one < end]
        reached = max(ids[-1] + 1 if ids else 0, span.first)
        if found.after is not None and not ids:
            reached = max(int(found.after), span.first)
        is_done = found.after is None or reached >= end
        first, stop_at = span.first, end if is_done else reached
        source.records += len(kept)
        # Ids do not begin at 1: what lies before the stream's first one tells nothing of how densely they come.
        counted_from = ids[0] if ids and first == 0 else first
        source.covered += max(min(stop_at, max(source.load.top + 1, first)) - counted_from, 0)
        span.first, span.token = stop_at, found.after
        self.shares.give_back(span, is_done=is_done)
        self._put(Loaded(source, kept, first, stop_at))

    def _by_token(self, span: Span, found: Found) -> None:
        if not self.shares.holds(span):
            return
        source = span.source
        source.records += len(found.records)
        span.token = found.after
        is_last = found.after is None
        # Handed on before another thread may read on, or a cursor could pass over this page.
        self._put(Loaded(source, found.records, token=found.after, is_last=is_last))
        self.shares.give_back(span, is_done=is_last)

    def _is_ascending(self, span: Span, ids: list[int], found: Found) -> bool:
        steps = all(low < high for low, high in itertools.pairwise(ids))
        starts = not ids or ids[0] >= span.first - 1
        token = found.after is None or (found.after.isdigit() and (not ids or int(found.after) >= ids[-1]))
        return steps and starts and token and -1 not in ids

    def _put(self, item: Loaded | BaseException | None) -> None:
        while not self.stop.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return
