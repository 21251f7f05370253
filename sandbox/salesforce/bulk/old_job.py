"""Jobs of the older Bulk API: batches of CSV or JSON, each worked off as it comes in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.clock import from_ms, to_ms
from sandbox.salesforce.bulk.csv_text import UnreadableCsv, to_csv
from sandbox.salesforce.bulk.ingesting import EMPTIED, Ingest
from sandbox.salesforce.bulk.job import INGESTS, QUERIES, Job, Outcome
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.soql import check_for_bulk, rows_for_bulk, run_query

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

MOST_ROWS = 10_000
"""Records that one batch may hold."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")


@dataclass
class Batch:
    """One batch: what came, what became of its rows, and for a query its result. ``state`` is Completed, or Failed with a ``message``."""

    id: str
    job_id: str
    content: bytes
    created_ms: int
    state: str = "Queued"
    message: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    result: bytes = b""
    result_id: str = ""
    processed: int = 0

    @property
    def failed(self) -> int:
        """How many rows were refused."""
        return sum(bool(outcome.faults) for outcome in self.outcomes)

    def info(self) -> dict[str, Any]:
        """The batch as the API tells it, in the order of its XML."""
        return {
            "id": self.id,
            "jobId": self.job_id,
            "state": self.state,
            "stateMessage": self.message,
            "createdDate": self.created_ms,
            "systemModstamp": self.created_ms,
            "numberRecordsProcessed": self.processed,
            "numberRecordsFailed": self.failed,
            "totalProcessingTime": 0,
            "apiActiveProcessingTime": 0,
            "apexProcessingTime": 0,
        }


@dataclass
class OldJob:
    """A job: its operation and object, the type of its content (CSV or JSON), and its batches."""

    id: str
    operation: str
    object: str
    user_id: str
    version: str
    content_type: str
    concurrency: str
    created_ms: int
    external_id: str | None = None
    state: str = "Open"
    batches: dict[str, Batch] = field(default_factory=dict)

    def info(self) -> dict[str, Any]:
        """The job as the API tells it, in the order of its XML."""
        states = [batch.state for batch in self.batches.values()]
        return {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user_id,
            "createdDate": self.created_ms,
            "systemModstamp": self.created_ms,
            "state": self.state,
            "externalIdFieldName": self.external_id,
            "concurrencyMode": self.concurrency,
            "contentType": self.content_type,
            "numberBatchesQueued": 0,
            "numberBatchesInProgress": 0,
            "numberBatchesCompleted": states.count("Completed"),
            "numberBatchesFailed": states.count("Failed"),
            "numberBatchesTotal": len(states),
            "numberRecordsProcessed": sum(batch.processed for batch in self.batches.values()),
            "numberRetries": 0,
            "apiVersion": float(self.version),
            "numberRecordsFailed": sum(batch.failed for batch in self.batches.values()),
            "totalProcessingTime": 0,
            "apiActiveProcessingTime": 0,
            "apexProcessingTime": 0,
        }


class OldJobs:
    """All jobs of the older API of one org. OrgError codes become that API's own words at the gate: INVALID_JOB is InvalidJob."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._jobs: dict[str, OldJob] = {}
        self._number = 0

    @classmethod
    def of(cls, org: Org) -> OldJobs:
        """The jobs of an org."""
        found: OldJobs | None = org.beside.get(cls)
        if found is None:
            found = org.beside[cls] = cls(org)
        return found

    def create(self, user_id: str, version: str, given: dict[str, str]) -> OldJob:
        """A job, open for batches. OrgError 400 where Salesforce would not make it."""
        operation, name, kind = given.get("operation", ""), given.get("object", ""), given.get("contentType", "XML")
        if operation not in (*INGESTS, *QUERIES):
            raise OrgError(400, "INVALID_JOB", f"Unknown operation {operation}")
        found = self._org.schema.object(name)
        if found is None or not self._org.access.may(user_id, found.name, "read"):
            raise OrgError(400, "INVALID_JOB", f"Unable to find object: {name}")
        if kind not in {"CSV", "JSON"}:
            raise OrgError(400, "INVALID_JOB", f"The sandbox takes batches of CSV and of JSON, not of {kind}")
        external_id = given.get("externalIdFieldName") if operation == "upsert" else None
        if operation == "upsert" and not external_id:
            raise OrgError(400, "INVALID_JOB", f"External ID was blank for {name}. An External ID must be specified for upsert.")
        concurrency = given.get("concurrencyMode") or "Parallel"
        made = OldJob(self._id("750"), operation, found.name, user_id, version, kind, concurrency, self._org.now_ms(), external_id)
        self._jobs[made.id] = made
        return made

    def find(self, job_id: str) -> OldJob:
        """The job of an id; OrgError 400 where there is none."""
        found = self._jobs.get(normal_id(job_id) or "")
        if found is None:
            raise OrgError(400, "INVALID_JOB_ID", f"Invalid job id: {job_id}")
        return found

    def add(self, job: OldJob, content: bytes) -> Batch:
        """A batch, and the work on it. OrgError 400 where the job is closed."""
        if job.state != "Open":
            raise OrgError(400, "INVALID_JOB_STATE", f"Adding batches to a job in state {job.state} not allowed")
        batch = Batch(self._id("751"), job.id, content, self._org.now_ms())
        job.batches[batch.id] = batch
        Jobs.of(self._org).count_batches(1)
        try:
            if job.operation in QUERIES:
                self._answer(job, batch)
            else:
                self._write(job, batch)
            batch.state = "Completed"
        except UnreadableCsv as fault:
            batch.state, batch.message = "Failed", str(fault)
        except OrgError as fault:
            batch.state, batch.message = "Failed", f"InvalidBatch : Failed to process query: {fault.code}: {fault.message}"
        return batch

    def _id(self, prefix: str) -> str:
        self._number += 1
        # Far from the numbers of the jobs of Bulk API 2.0, which have the same prefix.
        return make_id(prefix, 1_000_000 + self._number)

    def _write(self, job: OldJob, batch: Batch) -> None:
        content = _csv_of(batch.content) if job.content_type == "JSON" else batch.content
        work = Job(batch.id, job.operation, job.object, job.user_id, job.version, batch.created_ms, batch.created_ms, 0.0)
        first = content.partition(b"\n")[0]
        work.line_ending, work.external_id = "CRLF" if first.endswith(b"\r") else "LF", job.external_id
        work.take(content)
        reader = work.reader()
        if reader.count() > MOST_ROWS:
            raise UnreadableCsv(f"InvalidBatch : Records greater than {MOST_ROWS} in batch")
        batch.outcomes = list(Ingest(self._org, work, reader).outcomes())
        batch.processed = len(batch.outcomes)

    def _answer(self, job: OldJob, batch: Batch) -> None:
        text, is_all = batch.content.decode("utf-8", "replace").strip(), job.operation == "queryAll"
        check_for_bulk(self._org, job.user_id, text)
        if job.content_type == "JSON":
            rows = run_query(self._org, job.user_id, text, is_all=is_all, version=job.version).records
            batch.result, batch.processed = orjson.dumps([_with_numbers(row) for row in rows]), len(rows)
        else:
            found = rows_for_bulk(self._org, job.user_id, text, is_all=is_all)
            batch.result, batch.processed = to_csv(found.header, found.rows, "COMMA", "LF"), found.total
        batch.result_id = self._id("752")


def written(batch: Batch, *, as_json: bool) -> bytes:
    """What became of the rows of a batch, in their order."""
    if as_json:
        rows = [
            {
                "success": not one.faults,
                "created": one.created,
                "id": None if one.faults else one.id,
                "errors": [
                    {"statusCode": f.code, "message": f.message, "fields": list(f.fields or ()), "extendedErrorDetails": None}
                    for f in one.faults
                ],
            }
            for one in batch.outcomes
        ]
        return orjson.dumps(rows)
    lines = (
        ["" if one.faults else one.id, str(not one.faults).lower(), str(one.created).lower(), ";".join(f.in_csv() for f in one.faults)]
        for one in batch.outcomes
    )
    return to_csv(["Id", "Success", "Created", "Error"], lines, "COMMA", "LF")


def told_time(ms: int, *, as_json: bool) -> str:
    """A moment as the older API writes it: in XML with a Z, in JSON with an offset."""
    return from_ms(ms - ms % 1000).strftime(f"%Y-%m-%dT%H:%M:%S.000{'+0000' if as_json else 'Z'}")


def _csv_of(content: bytes) -> bytes:
    """Records of JSON as the CSV that says the same: null empties a field, a nested object names a parent."""
    try:
        rows = orjson.loads(content)
    except orjson.JSONDecodeError as fault:
        raise UnreadableCsv(f"InvalidBatch : Failed to parse JSON: {fault}") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableCsv("InvalidBatch : Failed to parse JSON: a batch is a list of records")
    flat = [dict(_cells(row)) for row in rows]
    header = list(dict.fromkeys(name for row in flat for name in row))
    made = io.StringIO(newline="")
    writer = csv.DictWriter(made, header, restval="", lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(flat)
    return made.getvalue().encode()


def _cells(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if name == "attributes":
            continue
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", str(one)) for inner, one in value.items() if inner != "attributes")
        else:
            yield name, EMPTIED if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _with_numbers(value: Any) -> Any:
    """A row of the REST API with its moments as milliseconds, as the older API writes JSON."""
    if isinstance(value, dict):
        return {name: _with_numbers(one) for name, one in value.items()}
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return to_ms(datetime.fromisoformat(value))
    return value
