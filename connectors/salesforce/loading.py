"""Full loads. Small objects come by ascending id, five of them in one call; large ones as bulk jobs, which run side by side.

An object is taken for small where nothing says otherwise; where its first answer shows that it is large, a bulk job takes over behind that answer's last id.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from connectors.salesforce.batch import Batch, of_csv, of_json
from connectors.salesforce.bulk import Bulk, Slice
from connectors.salesforce.client import COMPOSITE_QUERIES
from connectors.salesforce.cursors import Load
from connectors.salesforce.gathering import CALLS_A_JOB, Ahead
from connectors.salesforce.shape import Shape
from connectors.salesforce.soql import of_bulk, of_load
from connectors.salesforce.streams import EMAILS, TASKS, Stream
from transforms.vocabulary.errors import CrmUnreachable, NotFound, RequestRejected

NOT_IN_BULK = "INVALIDENTITY"
"""What Salesforce says of an object that the Bulk API does not serve."""

JOBS_TRIED = 3
"""A job that fails or vanishes is made anew so often."""


_Owed = tuple[Stream, Load]


@dataclass(frozen=True)
class Loaded:
    """Some records of a full load. The stream's state stands behind them. ``is_over``: they are the last."""

    stream: Stream
    state: Load
    batch: Batch
    records: int
    calls: int
    is_over: bool = False


class Loader:
    """One full load of some streams."""

    def __init__(
        self, ahead: Ahead, bulk: Bulk, shape: Shape, *, bulk_from: int, rows_a_page: int, rows_an_answer: int, start_ms: int | None
    ) -> None:
        self._ahead = ahead
        self._bulk = bulk
        self._shape = shape
        self._bulk_from = bulk_from
        self._rows_a_page = rows_a_page
        self._rows_an_answer = rows_an_answer
        self._start_ms = start_ms
        self._made_at: dict[str, float] = {}
        self._not_in_bulk: set[str] = set()

    def start(self, streams: Sequence[tuple[Stream, Load]]) -> None:
        """Make the jobs of all that are to be read in bulk, so that they run while others are read."""
        for stream, state in streams:
            if state.way == "bulk" and not state.job and not self._ask(stream, state):
                state.way = "rest"

    def pages(self, streams: Sequence[tuple[Stream, Load]]) -> Iterator[Loaded]:
        """All records of the streams, those of each in one sequence; tasks after e-mails, because a task may stand for an e-mail."""
        left = [one for one in streams if one[1].way == "rest"]
        large = [one for one in streams if one[1].way == "bulk"]
        while left or large:
            yield from self._small(left, large)
            while large:
                yield from self._large(*large.pop(0))

    def _small(self, left: list[_Owed], large: list[_Owed]) -> Iterator[Loaded]:
        """By id, a page of each in one call. What turns out to be large is moved to ``large``; tasks that must wait for mail stay in ``left``."""
        while True:
            is_mail_open = any(stream.name == EMAILS.name for stream, _ in (*left, *large))
            turn = [one for one in left if not (one[0].name == TASKS.name and is_mail_open)][:COMPOSITE_QUERIES]
            if not turn:
                return
            statements = [of_load(stream, self._shape, self._start_ms, state.after_id) for stream, state in turn]
            answers = self._ahead.find(statements, what="read records by id")
            for place, ((stream, state), answer) in enumerate(zip(turn, answers, strict=True)):
                records = answer.records
                rest = answer.total - len(records)
                if state.total is None:
                    state.total = answer.total
                # It may have been fetched before the load began, and what changed since is a change.
                at_ms = int(answer.at.timestamp() * 1000)
                if at_ms < state.began_ms:
                    state.since_ms, state.began_ms = state.since_ms - state.began_ms + at_ms, at_ms
                state.after_id = str(records[-1]["Id"]) if records else state.after_id
                is_over = rest <= 0 or not records
                is_worth = rest >= self._bulk_from or rest > CALLS_A_JOB * len(records)
                is_large = not is_over and is_worth and stream.name not in self._not_in_bulk and self._ask(stream, state)
                if is_over or is_large:
                    left.remove((stream, state))
                if is_large:
                    state.way = "bulk"
                    large.append((stream, state))
                yield Loaded(stream, state, of_json(stream, self._shape, records), len(records), int(place == 0), is_over)

    def _ask(self, stream: Stream, state: Load) -> bool:
        """Make the job; whether the object can be read in bulk at all."""
        soql = of_bulk(stream, self._shape, self._start_ms, state.after_id)
        try:
            job = self._bulk.ask(soql, what=f"read {stream.name}")
        except RequestRejected as error:
            if error.code != NOT_IN_BULK:
                raise
            self._not_in_bulk.add(stream.name)
            return False
        state.job, state.locator, state.done = job, "", 0
        self._made_at[state.job] = time.monotonic()
        return True

    def _large(self, stream: Stream, state: Load) -> Iterator[Loaded]:
        for _ in range(JOBS_TRIED):
            if not state.job and not self._ask(stream, state):
                continue
            try:
                yield from self._from_job(stream, state)
            except NotFound:
                # Results are kept for seven days. A new job may give its rows in another order, so all of them are read again.
                state.start_again()
            except _JobFailed:
                state.start_again()
            else:
                return
        raise CrmUnreachable(
            f"We tried to read {stream.name} in bulk and {JOBS_TRIED} jobs failed or vanished one after the other; run again later."
        )

    def _from_job(self, stream: Stream, state: Load) -> Iterator[Loaded]:
        made_at = self._made_at.get(state.job, 0.0)
        waited_s = time.monotonic() - made_at
        job = self._bulk.wait(state.job, waited_s=waited_s, beside=[one for one in self._made_at if one != state.job])
        if not job.is_good:
            raise _JobFailed(job.error)
        is_begun = bool(state.done or state.locator)
        if job.rows >= 0 and not is_begun:
            state.total = state.handed + job.rows
        held: list[pa.RecordBatch] = []
        calls = 2
        for piece in self._bulk.results(
            state.job, locator=state.locator, done=state.done, rows_a_slice=self._rows_a_page, max_records=self._rows_an_answer
        ):
            if job.rows < 0 and not is_begun:
                is_begun = True
                more = self._bulk.state(state.job).rows if piece.following else piece.whole
                state.total = state.handed + more
            is_over = piece.is_last and piece.following is None
            whole, held = ([*held, piece.rows], []) if is_over else _whole(stream, [*held, piece.rows])
            rows = sum(part.num_rows for part in whole)
            if rows or is_over:
                _stand(state, piece, sum(part.num_rows for part in held))
                batch = of_csv(stream, pa.Table.from_batches(whole, piece.rows.schema))
                yield Loaded(stream, state, batch, rows, calls, is_over)
                calls = 0
            if is_over:
                return
        if not is_begun:
            state.total = state.handed
        yield Loaded(stream, state, of_json(stream, self._shape, []), 0, calls, is_over=True)


def _whole(stream: Stream, batches: list[pa.RecordBatch]) -> tuple[list[pa.RecordBatch], list[pa.RecordBatch]]:
    """What can be handed on, and what must wait: a record whose participants go on behind these rows is kept until all of them are there."""
    if stream.driver is None or stream.driver.key not in batches[-1].schema.names:
        return batches, []
    keys = [batch.column(stream.driver.key).to_pylist() for batch in batches]
    last = keys[-1][-1]
    ready, held = [], []
    for batch, key in zip(batches, keys, strict=True):
        first = next((place for place, one in enumerate(key) if one == last), len(key))
        ready += [batch.slice(0, first)] if first else []
        held += [batch.slice(first)] if first < len(key) else []
    return ready, held


def _stand(state: Load, piece: Slice, held: int) -> None:
    """Where to go on after what was handed on: rows that wait are read again."""
    if held == 0 and piece.is_last:
        state.locator, state.done = piece.following or "", 0 if piece.following else piece.done
    elif held <= piece.done:
        state.locator, state.done = piece.locator, piece.done - held
    # Else they began in an earlier answer: the place before this one still stands, and what was handed on since comes again.


class _JobFailed(Exception):
    """A job ended in another way than completed."""
