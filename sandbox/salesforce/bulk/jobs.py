"""The bulk jobs of an org: made, closed, worked off as the clock goes on, aborted, deleted, forgotten."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from sandbox.salesforce.bulk.csv_text import DELIMITERS, LINE_ENDINGS, UnreadableCsv
from sandbox.salesforce.bulk.ingesting import Ingest
from sandbox.salesforce.bulk.job import INGESTS, QUERIES, Job, Outcome
from sandbox.salesforce.bulk.querying import collect, examine
from sandbox.salesforce.errors import OrgError, RowFault, not_found
from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.limits import BULK_JOBS

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

KEPT_MS = 7 * 86_400_000
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
BATCH = 10_000
"""Rows that Salesforce works off as one internal batch."""
AT_ONCE = 50_000
"""Rows that are worked off at most before the next call is answered: a larger job goes on with the calls that follow."""
UPLOAD_LIMIT = 100 * 1024 * 1024
WAITING = 0.2
"""The share of its time that a job waits before it is taken up."""
HARD_DELETE = "PermissionsBulkApiHardDelete"
"""The user permission without which nobody deletes for good."""
GAVE_UP = "InternalServerError : The job was retried too often and has been stopped"


class Jobs:
    """All bulk jobs of one org.

    Work is done when somebody looks: :meth:`settle` brings every job to where the clock says that it is, and the gate calls it before each
    call to the org.

    Texts of errors: those about a job that is over, about the second upload, about a line ending, about an unknown field, about an entity
    that bulk does not know, about an external id, and about the day's limits are Salesforce's own, some of them those of the older Bulk API,
    as is the one about hardDelete. Those about a job without an object, about an unknown state, about a locator that is none, and about
    results that are not there yet nobody could verify.
    """

    def __init__(self, org: Org) -> None:
        self._org = org
        self._jobs: dict[str, Job] = {}
        self._work: dict[str, Iterator[Outcome]] = {}
        self._number = 0
        self._random = random.Random(org.options.seed + 750)
        self._queries: deque[int] = deque()
        self._batches: deque[int] = deque()
        self._next: list[tuple[float | None, str]] = []
        self._busy: dict[str, Job] = {}
        self._look_ms = 0

    @classmethod
    def of(cls, org: Org) -> Jobs:
        """The jobs of an org."""
        found: Jobs | None = org.beside.get(cls)
        if found is None:
            found = org.beside[cls] = cls(org)
        return found

    # What a client does.

    def create_query(self, user_id: str, version: str, operation: str, query: str, *, delimiter: str, line_ending: str) -> Job:
        """A query job, taken up at once. OrgError 400 where the query cannot be run in bulk."""
        if operation not in QUERIES:
            raise OrgError(400, "INVALIDJOB", f"InvalidJob : Unknown operation {operation}")
        self._age()
        if len(self._queries) >= BULK_JOBS:
            raise OrgError(400, "LIMIT_EXCEEDED", f"Max bulk v2 query jobs ({BULK_JOBS}) per 24 hrs has been reached")
        named = examine(self._org, user_id, query)
        job = self._make(user_id, version, operation, named, delimiter, line_ending)
        job.query, job.state = query, "UploadComplete"
        job.begun = self._org.clock.elapsed()
        self._busy[job.id] = job
        self._queries.append(job.created_ms)
        self._age()
        return job

    def create_ingest(
        self,
        user_id: str,
        version: str,
        operation: str,
        object_name: str,
        *,
        external_id: str | None = None,
        delimiter: str = "COMMA",
        line_ending: str = "LF",
    ) -> Job:
        """An ingest job, open for its data. OrgError 400 where Salesforce would not make it."""
        if operation not in INGESTS:
            raise OrgError(400, "INVALIDJOB", f"InvalidJob : Unknown operation {operation}")
        kind = self._org.schema.object(object_name)
        if kind is None or not self._org.access.may(user_id, kind.name, "read"):
            raise OrgError(400, "INVALIDJOB", f"InvalidJob : Unable to find object: {object_name}")
        verb_allowed = {"insert": kind.createable, "update": kind.updateable, "upsert": kind.createable}.get(operation, kind.deletable)
        if not kind.bulkable or not verb_allowed:
            raise OrgError(400, "INVALIDENTITY", f"Entity '{kind.name}' is not supported by the Bulk API.")
        if operation == "hardDelete" and not self._org.access.permits(user_id, HARD_DELETE):
            text = "FeatureNotEnabled : hardDelete operation requires special user profile permission, please contact your system administrator"
            raise OrgError(400, "FEATURENOTENABLED", text)
        if operation == "upsert":
            if not external_id:
                raise OrgError(
                    400, "INVALIDJOB", f"InvalidJob : External ID was blank for {kind.name}. An External ID must be specified for upsert."
                )
            known = kind.field(external_id)
            if known is None or not (known.external_id or known.id_lookup or known.name == "Id"):
                raise OrgError(
                    400,
                    "INVALIDJOB",
                    f"InvalidJob : Field name provided, {external_id} does not match an External ID, Salesforce Id, or indexed field for {kind.name}",
                )
            external_id = known.name
        job = self._make(user_id, version, operation, kind.name, delimiter, line_ending)
        job.external_id = external_id if operation == "upsert" else None
        if self._next:
            job.fails_after, job.fails_with = self._next.pop(0)
        return job

    def upload(self, job: Job, data: bytes) -> None:
        """Take the one upload of an open job. OrgError 400 where the job is not open, has its data already, or gets too much."""
        if job.state != "Open":
            raise OrgError(400, "INVALIDJOBSTATE", f"Adding batches to a job in state {job.state} not allowed")
        if job.has_data:
            raise OrgError(
                400,
                "API_ERROR",
                f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the current Job "
                "then create a new Job and make sure you only do 'PUT' once on a given Job.",
            )
        if len(data) > UPLOAD_LIMIT:
            raise OrgError(400, "API_ERROR", f"The data of a job may have {UPLOAD_LIMIT} bytes, but these are {len(data)}")
        job.take(data)

    def close(self, job: Job, *, struck: Mapping[int, RowFault] | None = None, fails_after: float | None = None) -> None:
        """All data is there: the work begins. ``struck`` and ``fails_after`` are faults on purpose, see :class:`Job`."""
        if job.state != "Open":
            raise OrgError(400, "INVALIDJOBSTATE", f"Closing already {_state_word(job)} Job not allowed")
        if struck:
            job.struck = struck
        if fails_after is not None:
            job.fails_after = fails_after
        job.begun = self._org.clock.elapsed()
        self._busy[job.id] = job
        self._turn(job, "UploadComplete")

    def abort(self, job: Job) -> None:
        """End a job before its time; rows that were written stay written. OrgError 400 where it is over."""
        if job.is_over:
            raise OrgError(400, "INVALIDJOBSTATE", f"Aborting already {_state_word(job)} Job not allowed")
        self._end(job, "Aborted")

    def delete(self, job: Job) -> None:
        """Forget a job. OrgError 400 where it is still at work."""
        if not job.is_over and (job.is_query or job.state != "UploadComplete"):
            raise OrgError(400, "API_ERROR", "Error encountered when deleting the job because the job is not terminated")
        self._forget(job.id)

    def find(self, job_id: str, *, is_query: bool) -> Job:
        """The job of an id; OrgError 404 where there is none of that kind."""
        job = self._jobs.get(normal_id(job_id) or "")
        if job is None or job.is_query != is_query:
            raise not_found()
        return job

    def all(self, *, is_query: bool) -> list[Job]:
        """All jobs of a kind, the newest first."""
        return [job for job in reversed(self._jobs.values()) if job.is_query == is_query]

    def count_batches(self, count: int) -> None:
        """Count batches that came by the older Bulk API: both share one allowance."""
        self._batches.extend([self._org.clock.now_ms()] * count)
        self._age()

    # What goes wrong on purpose.

    def fail_half(self, job: Job | None = None, *, after: float = 0.5, message: str = GAVE_UP) -> None:
        """Let an ingest job (None: the next one made) end as Failed after that share of its rows; those before it are written."""
        if job is None:
            self._next.append((after, message))
        else:
            job.fails_after, job.fails_with = after, message

    def lock_rows(self, job: Job, rows: Mapping[int, RowFault]) -> None:
        """Refuse these rows, counted from 0, of a job that is not yet at work."""
        job.struck = rows

    # What the clock does.

    def settle(self) -> None:
        """Bring every job to where it is by now."""
        now = self._org.clock.now_ms()
        if now >= self._look_ms:
            # Old jobs are looked for once an hour, not at each call.
            self._look_ms = now + HOUR_MS
            for job in [one for one in self._jobs.values() if one.is_over and one.modified_ms + KEPT_MS <= now]:
                self._forget(job.id)
            self._age()
        for job in list(self._busy.values()):
            self._progress(job)

    def _progress(self, job: Job) -> None:
        share = (self._org.clock.elapsed() - job.begun) / job.lasts if job.lasts > 0 else 1.0
        if share < WAITING:
            return
        if job.state == "UploadComplete":
            self._turn(job, "InProgress")
        if job.is_query:
            if share >= 1:
                self._answer(job)
            return
        if job.id not in self._work and not self._take_up(job):
            return
        batches = max(1, math.ceil(job.total / BATCH))
        due = batches if share >= 1 else int(batches * (share - WAITING) / (1 - WAITING))
        last = job.total if job.fails_after is None else int(job.total * job.fails_after)
        for outcome in islice(self._work[job.id], max(0, min(due * BATCH, last, job.processed + AT_ONCE) - job.processed)):
            job.outcomes.append(outcome)
            job.failed += bool(outcome.faults)
        if job.processed < min(last, due * BATCH):
            return
        if job.fails_after is not None and due >= batches * job.fails_after:
            self._end(job, "Failed", job.fails_with or GAVE_UP)
        elif due >= batches:
            self._end(job, "JobComplete")

    def _take_up(self, job: Job) -> bool:
        if not job.has_data:
            self._end(job, "JobComplete")
            return False
        try:
            reader = job.reader()
            job.total = reader.count()
            self._work[job.id] = Ingest(self._org, job, reader).outcomes()
        except UnreadableCsv as fault:
            self._end(job, "Failed", str(fault))
            return False
        now = self._org.clock.now_ms()
        self._batches.extend([now] * math.ceil(job.total / BATCH))
        self._age()
        return True

    def _answer(self, job: Job) -> None:
        try:
            job.pages = collect(self._org, job)
        except OrgError as fault:
            self._end(job, "Failed", f"{fault.code}: {fault.message}")
        else:
            self._end(job, "JobComplete")

    def _make(self, user_id: str, version: str, operation: str, object_name: str, delimiter: str, line_ending: str) -> Job:
        if delimiter not in DELIMITERS or line_ending not in LINE_ENDINGS:
            known = f"columnDelimiter {', '.join(DELIMITERS)}; lineEnding {', '.join(LINE_ENDINGS)}"
            raise OrgError(400, "INVALIDJOB", f"InvalidJob : Unable to parse Job: {delimiter}, {line_ending} (known are {known})")
        self._number += 1
        now = self._org.clock.now_ms()
        lasts = self._random.uniform(*self._org.org.bulk_job_s)
        job = Job(make_id("750", self._number), operation, object_name, user_id, version, now, now, lasts)
        job.delimiter, job.line_ending = delimiter, line_ending
        self._jobs[job.id] = job
        return job

    def _turn(self, job: Job, state: str) -> None:
        job.state, job.modified_ms = state, self._org.clock.now_ms()

    def _end(self, job: Job, state: str, error: str | None = None) -> None:
        self._work.pop(job.id, None)
        if self._busy.pop(job.id, None) is not None:
            job.spent_ms = int(job.lasts * 1000)
        job.error = error
        self._turn(job, state)

    def _forget(self, job_id: str) -> None:
        self._work.pop(job_id, None)
        self._busy.pop(job_id, None)
        del self._jobs[job_id]

    def _age(self) -> None:
        oldest = self._org.clock.now_ms() - DAY_MS
        for stamps in (self._queries, self._batches):
            while stamps and stamps[0] < oldest:
                stamps.popleft()
        self._org.limits.query_jobs, self._org.limits.ingest_batches = len(self._queries), len(self._batches)


def _state_word(job: Job) -> str:
    return {"JobComplete": "Completed", "UploadComplete": "Closed", "InProgress": "Closed"}.get(job.state, job.state)
