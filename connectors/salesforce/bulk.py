"""Bulk API 2.0: query and ingest jobs, made, looked at and read by ourselves.

The client library aborts a job when one look at it fails, and holds whole answers as text. Here a look that fails is repeated, and results
are read as they come, in slices: memory stays the same however large they are.
"""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import urllib3.exceptions

from connectors.salesforce.answers import CRM
from connectors.salesforce.client import Answer, Client, Request
from connectors.sending import TryAgain
from transforms.vocabulary.errors import CrmUnreachable

Json = dict[str, Any]

QUERY = "query"
INGEST = "ingest"
DONE = "JobComplete"
ENDED = frozenset({DONE, "Failed", "Aborted"})
MAX_RECORDS = 100_000
OUTCOME_ROWS = 10_000
BLOCK = 4 * 1024 * 1024
"""Bytes that are parsed at once. A row must fit: text and HTML of a mail have at most 131,072 characters each, its headers 32,000."""


@dataclass(frozen=True)
class JobState:
    """How far a job is. ``failed`` counts rows that were refused; ``rows`` those that were processed (-1: that was not told)."""

    id: str
    state: str
    rows: int
    failed: int
    error: str
    at_ms: int

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in ENDED

    @property
    def is_good(self) -> bool:
        """Whether it came to its end. Of an ingest job single rows may have been refused all the same."""
        return self.state == DONE


@dataclass(frozen=True)
class Pace:
    """How jobs are looked at. Each look costs a call, so the first comes after ``first_s``, and each later one when the job is half as old again."""

    first_s: float = 3.2
    longest_s: float = 30.0
    most_s: float = 14_400.0
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Slice:
    """Some rows of a job's results: with them ``done`` of ``whole`` rows were read of the answer at ``locator`` ("" the first one).

    The next answer is at ``following``, where there is one.
    """

    rows: pa.RecordBatch
    locator: str
    done: int
    whole: int
    following: str | None

    @property
    def is_last(self) -> bool:
        """Whether nothing more is in this answer."""
        return self.done == self.whole


class Bulk:
    """The bulk jobs of an org."""

    def __init__(self, client: Client, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._ended: dict[str, JobState] = {}
        self._lists = True

    def ask(self, soql: str, *, what: str) -> str:
        """Make a query job, over archived and deleted rows too; its id. One made in vain does no harm."""
        body = {"operation": "queryAll", "query": soql}
        answer = self._client.request(Request("POST", "jobs/query", f"{what} in bulk", "bulk", body=body, tells=("id",)))
        return str(answer.body["id"])

    def open(self, object_name: str, operation: str, *, external_id: str = "") -> str:
        """Make an ingest job (insert, update, upsert or delete) that waits for its rows; its id. One that is never closed does nothing."""
        body: Json = {"object": object_name, "operation": operation, "contentType": "CSV", "lineEnding": "LF", "columnDelimiter": "COMMA"}
        if external_id:
            body["externalIdFieldName"] = external_id
        answer = self._client.request(
            Request("POST", "jobs/ingest", f"{operation} {object_name} in bulk", "write", body=body, tells=("id",))
        )
        return str(answer.body["id"])

    def upload(self, job_id: str, rows: bytes, *, what: str) -> None:
        """Give a job its rows as CSV in UTF-8 (at most 100 MB). Once only."""
        self._client.request(Request("PUT", f"jobs/ingest/{job_id}/batches", what, "write", body=rows, has_body=False))

    def close(self, job_id: str, *, what: str, is_repeatable: bool) -> None:
        """Say that all rows are there: from here on they are written. Closing twice is refused by Salesforce, and taken for done here."""
        body = {"state": "UploadComplete"}
        self._client.request(
            Request("PATCH", f"jobs/ingest/{job_id}", what, "write", body=body, is_write=True, is_repeatable=is_repeatable)
        )

    def abort(self, job_id: str, *, kind: str = INGEST) -> None:
        """End a job before its time; rows that were written stay written."""
        self._client.request(
            Request("PATCH", f"jobs/{kind}/{job_id}", "end a bulk job", "write", body={"state": "Aborted"}, is_finishing=True)
        )

    def state(self, job_id: str, *, kind: str = QUERY) -> JobState:
        """How far a job is now. Costs a call. Raises NotFound where Salesforce knows it no more."""
        # A job that writes goes on without us: it is seen to its end, or nobody knows what it wrote.
        answer = self._client.request(
            Request("GET", f"jobs/{kind}/{job_id}", "look at a bulk job", _purpose(kind), tells=("state",), is_finishing=kind == INGEST)
        )
        body = answer.body
        return JobState(
            job_id,
            str(body.get("state") or ""),
            int(body.get("numberRecordsProcessed") or 0),
            int(body.get("numberRecordsFailed") or 0),
            str(body.get("errorMessage") or ""),
            int(answer.at.timestamp() * 1000),
        )

    def wait(
        self,
        job_id: str,
        *,
        kind: str = QUERY,
        stop: threading.Event | None = None,
        waited_s: float = 0.0,
        beside: Sequence[str] = (),
    ) -> JobState:
        """Block until the job is over. ``waited_s`` is how long ago it was made. Raises CrmUnreachable after four hours.

        ``beside`` are query jobs that will be waited for as well: one look then tells of all of them.
        """
        if job_id in self._ended:
            return self._ended.pop(job_id)
        since = time.monotonic() - waited_s
        self._sleep(max(self._pace.first_s - waited_s, 0.0), stop)
        while True:
            state = self._seen(job_id, beside) if beside and self._lists and kind == QUERY else self.state(job_id, kind=kind)
            if state.is_over:
                return state
            age_s = time.monotonic() - since
            if age_s > self._pace.most_s:
                hours = self._pace.most_s / 3600
                raise CrmUnreachable(
                    f"We waited for a bulk job of {CRM} and after {hours:.0f} hours it was still {state.state}; run again."
                )
            self._sleep(min(max(age_s, self._pace.first_s) / 2, self._pace.longest_s), stop)

    def _seen(self, job_id: str, beside: Sequence[str]) -> JobState:
        """How far several query jobs are, by the list of all jobs. Where ours are not on its first page it is of no use, and not asked for again."""
        request = Request("GET", "jobs/query", "look at the bulk jobs", "bulk", query={"jobType": "V2Query"}, lists="records")
        answer = self._client.request(request)
        at_ms = int(answer.at.timestamp() * 1000)
        found = {str(one.get("id")): str(one.get("state") or "") for one in answer.body["records"]}
        for other in beside:
            if found.get(other) == DONE:
                self._ended[other] = JobState(other, DONE, -1, 0, "", at_ms)
        if job_id not in found:
            self._lists = False
            return self.state(job_id)
        # Why a job has failed is told by the job itself alone.
        is_told = found[job_id] not in ENDED - {DONE}
        return JobState(job_id, found[job_id], -1, 0, "", at_ms) if is_told else self.state(job_id)

    def results(
        self,
        job_id: str,
        *,
        locator: str = "",
        done: int = 0,
        rows_a_slice: int,
        max_records: int = MAX_RECORDS,
        stop: threading.Event | None = None,
    ) -> Iterator[Slice]:
        """The rows of a query job from where ``locator`` and ``done`` stand, slice by slice, each once.

        Where an answer breaks off it is asked for again, and the rows that were handed on already are passed over.
        """
        failures = 0
        while True:
            query = {"maxRecords": str(max_records), **({"locator": locator} if locator else {})}
            answer = self._client.request(
                Request("GET", f"jobs/query/{job_id}/results", "read the results of a bulk job", "bulk", query=query, is_streamed=True),
                stop,
            )
            following = answer.headers.get("Sforce-Locator")
            following = None if following in (None, "", "null") else following
            told = answer.headers.get("Sforce-NumberOfRecords") or ""
            try:
                if not told.isdigit():
                    # Something in between has answered: taken for an empty result, it would end an extract early.
                    raise _broken("an answer that tells no number of rows")
                expected = int(told)
                for rows, seen in read_csv(answer, rows_a_slice, skip=done, is_quoted=True):
                    failures, done = 0, seen
                    yield Slice(rows, locator, done, expected, following)
                if done != expected:
                    raise _broken(f"{done} of {expected} rows")
            except TryAgain as verdict:
                failures += 1
                if failures >= self._client.patience.attempts:
                    raise verdict.error from verdict
                self._sleep(self._client.patience.wait_s(failures, None), stop)
                continue
            if following is None:
                return
            locator, done = following, 0

    def outcome(self, job_id: str, which: str) -> Iterator[Json]:
        """The rows of an ingest job: ``successfulResults``, ``failedResults`` or ``unprocessedrecords``, each as a dict by column."""
        request = Request(
            "GET", f"jobs/ingest/{job_id}/{which}/", "read what became of a bulk job's rows", "write", is_streamed=True, is_finishing=True
        )
        for failures in range(1, self._client.patience.attempts + 1):
            answer = self._client.request(request)
            try:
                whole = [rows for rows, _ in read_csv(answer, OUTCOME_ROWS)]
            except TryAgain as verdict:
                if failures == self._client.patience.attempts:
                    raise verdict.error from verdict
                self._sleep(self._client.patience.wait_s(failures, None), None)
                continue
            for rows in whole:
                yield from rows.to_pylist()
            return

    def _sleep(self, seconds: float, stop: threading.Event | None) -> None:
        if seconds <= 0:
            return
        if stop is None:
            self._pace.sleep(seconds)
        else:
            stop.wait(seconds)


def _purpose(kind: str) -> str:
    """What looking at a job is counted under."""
    return "write" if kind == INGEST else "bulk"


def read_csv(answer: Answer, rows_a_slice: int, *, skip: int = 0, is_quoted: bool = False) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Slices of a streamed CSV answer, all columns text, "" missing; with each, how many rows were read with it in all.

    The first ``skip`` rows are passed over. Raises TryAgain where the answer breaks off; ``is_quoted`` says that Salesforce puts every value
    of it in quotes (results of queries are so), which shows where a value lost its end.
    """
    if "csv" not in (answer.headers.get("Content-Type") or "csv"):
        raise _broken("an answer that is no table")
    body = _Body(answer)
    try:
        names = body.header()
        if not names:
            return
        reader = pacsv.open_csv(
            body,
            read_options=pacsv.ReadOptions(column_names=names, block_size=BLOCK, use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""], check_utf8=True
            ),
        )
        held = None
        for piece in _pieces(reader, rows_a_slice, skip):
            if held is not None:
                yield held
            held = piece
        # The last rows are handed on when it is known that the last one is whole: a value that lost its end is a value for pyarrow.
        if is_quoted and body.is_cut_short:
            raise _broken("its last row is not whole")
        if held is not None:
            yield held
    except pa.ArrowInvalid as error:
        # A file without a single row after its header is empty for pyarrow, and none for us.
        if body.is_exhausted and body.rows_follow is False:
            return
        raise _broken(type(error).__name__) from (body.error or error)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _broken(type(error).__name__) from error
    finally:
        body.close()


def _pieces(batches: Iterable[pa.RecordBatch], rows_a_slice: int, skip: int) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The rows after the first ``skip``, in slices; with each, how many rows were read with it in all."""
    seen = 0
    for batch in batches:
        for start in range(0, batch.num_rows, rows_a_slice):
            rows = batch.slice(start, rows_a_slice)
            seen += rows.num_rows
            if seen > skip:
                yield rows.slice(max(rows.num_rows - (seen - skip), 0)), seen


class _Body:
    """An answer's body as a file for pyarrow, after its first line was taken from it."""

    def __init__(self, answer: Answer) -> None:
        if answer.response is None:
            raise TypeError("only a streamed answer has a body that is left to read")
        self._response = answer.response
        self._raw = answer.response.raw
        self._left = b""
        self.closed = False
        self.error: BaseException | None = None
        self.is_exhausted = False
        self.rows_follow: bool | None = None
        self._is_quoted = False
        self._quotes = 0
        self._last = b""

    @property
    def is_cut_short(self) -> bool:
        """Whether what was read breaks off within a value, where all of them are in quotes. Where the header is not, nothing can be told."""
        return self._is_quoted and (self._quotes % 2 == 1 or self._last != b'"')

    def header(self) -> list[str]:
        """The names in the first line; empty where there is none."""
        while b"\n" not in self._left:
            more = self._more(65_536)
            if not more:
                break
            self._left += more
        line, _, rest = self._left.partition(b"\n")
        self._is_quoted = line.removeprefix(b"\xef\xbb\xbf").startswith(b'"')
        self._left = rest
        if not rest:
            self._left = self._more(65_536)
        self.rows_follow = bool(self._left.strip())
        return next(csv.reader([line.decode("utf-8-sig").rstrip("\r")]), []) if self.rows_follow else []

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; empty at the end."""
        if self._left:
            taken, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
            return taken
        return self._more(size if size > 0 else 65_536)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Never."""
        return False

    def writable(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Give the connection back, or up where something is left on it."""
        if not self.closed:
            self.closed = True
            self._response.close()

    def _more(self, size: int) -> bytes:
        try:
            data: bytes = self._raw.read(size, decode_content=True)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self.error = error
            raise
        self.is_exhausted = self.is_exhausted or not data
        self._quotes += data.count(b'"')
        self._last = data.rstrip(b"\r\n")[-1:] or self._last
        return data.replace(b"\x00", b"")


def _broken(came: str) -> TryAgain:
    return TryAgain(
        CrmUnreachable(f"We tried to read the results of a bulk job of {CRM} and they broke off again and again ({came}); run again later.")
    )
