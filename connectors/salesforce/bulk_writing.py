"""Writing many records in one bulk job, and finding out what became of each, however the job ended."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from connectors.salesforce.answers import CRM
from connectors.salesforce.bulk import INGEST, Bulk, JobState
from connectors.salesforce.client import Client
from connectors.salesforce.describing import need_fields
from connectors.salesforce.outcomes import Outcome, need_setup, refused
from transforms.vocabulary.changes import Fate
from transforms.vocabulary.errors import CrmUnreachable, RequestRejected

Json = dict[str, Any]

JOB_BYTES = 90_000_000
"""Bytes of CSV in one job. Salesforce takes 100 MB."""

UPLOADS = 3
"""How often an upload is begun anew, each time with a new job: one that is never closed writes nothing."""

EMPTY = "#N/A"
"""What empties a field in a job's CSV. An empty cell leaves it as it is."""


def write_in_bulk(client: Client, bulk: Bulk, name: str, records: Sequence[Json]) -> Iterator[tuple[Json, Outcome]]:
    """Change records of one object by bulk jobs; each record with its outcome, every one once."""
    columns = sorted({key for one in records for key in one} - {"attributes", "id"})
    for some, rows in _jobs(records, columns):
        outcomes = _run(client, bulk, name, some, rows, columns)
        for one in some:
            yield one, outcomes[one["id"]]


def _run(client: Client, bulk: Bulk, name: str, records: Sequence[Json], rows: bytes, columns: Sequence[str]) -> dict[str, Outcome]:
    what = f"write {len(records)} records of {name} in bulk"
    job_id = _send(bulk, name, rows, what)
    found: dict[str, Outcome] = {}
    try:
        state = _closed(bulk, job_id, what)
        if state.is_good and state.rows == len(records) and not state.failed:
            return {one["id"]: Outcome(Fate.WRITTEN, crm_id=one["id"]) for one in records}
        if not state.is_good and not state.rows:
            need_fields(client, name, columns)
        for outcome_of in (_refused_rows, _written_rows, _rows_without_turn):
            if len(found) < len(records):
                found |= outcome_of(bulk, job_id)
    except (CrmUnreachable, RequestRejected):
        _end(bulk, job_id)
    need_setup(client, name, list(found.values()), columns)
    known = {one["id"] for one in records}
    found = {key: outcome for key, outcome in found.items() if key in known}
    left = [one for one in records if one["id"] not in found]
    return {**found, **_read_back(client, name, left, columns)} if left else found


def _send(bulk: Bulk, name: str, rows: bytes, what: str) -> str:
    """Make a job and give it its rows; its id. Nothing is written before it is closed."""
    for _ in range(UPLOADS - 1):
        job_id = bulk.open(name, "update")
        try:
            bulk.upload(job_id, rows, what=what)
        except RequestRejected:
            continue  # an upload whose answer was lost has used the job up
        return job_id
    job_id = bulk.open(name, "update")
    bulk.upload(job_id, rows, what=what)
    return job_id


def _closed(bulk: Bulk, job_id: str, what: str) -> JobState:
    """Close the job and wait until it is over."""
    try:
        bulk.close(job_id, what=what, is_repeatable=True)
    except RequestRejected:
        # Closing it a second time is refused: an answer was lost. A job that is still open was refused for another reason.
        if bulk.state(job_id, kind=INGEST).state == "Open":
            raise
    return bulk.wait(job_id, kind=INGEST)


def _end(bulk: Bulk, job_id: str) -> None:
    """See to it that a job of which we know no more does not write later what we report as not written."""
    try:
        bulk.abort(job_id)
    except (CrmUnreachable, RequestRejected):
        return  # it is over already, or Salesforce cannot be reached; what it wrote is read below


def _refused_rows(bulk: Bulk, job_id: str) -> dict[str, Outcome]:
    return {row["Id"]: _told(row.get("sf__Error") or "") for row in bulk.outcome(job_id, "failedResults")}


def _written_rows(bulk: Bulk, job_id: str) -> dict[str, Outcome]:
    return {row["sf__Id"]: Outcome(Fate.WRITTEN, crm_id=row["sf__Id"]) for row in bulk.outcome(job_id, "successfulResults")}


def _rows_without_turn(bulk: Bulk, job_id: str) -> dict[str, Outcome]:
    message = f"{CRM} ended the bulk job before this record had its turn; it is tried again in the next run."
    return {row["Id"]: Outcome(Fate.FAILED, "NOT_PROCESSED", message) for row in bulk.outcome(job_id, "unprocessedrecords")}


def _told(text: str) -> Outcome:
    """The outcome of a refused row: ``CODE:message:fields --``, where the message may hold colons."""
    code, _, rest = text.partition(":")
    fields = rest.rpartition(":")[2].removesuffix("--").strip()
    return refused(code or "REFUSED", [one.strip() for one in fields.split(",") if one.strip()])


def _read_back(client: Client, name: str, records: Sequence[Json], columns: Sequence[str]) -> dict[str, Outcome]:
    """What the org holds now of records whose fate no result tells: written where every value stands."""
    found = {}
    held = client.retrieve(name, [one["id"] for one in records], ["Id", *columns], purpose="write")
    for one, there in zip(records, held, strict=True):
        stands = there is not None and all(_is_same(one[column], there.get(column)) for column in columns if column in one)
        message = f"{CRM} did not say what became of this record, and it does not hold the new values; it is tried again in the next run."
        found[one["id"]] = Outcome(Fate.WRITTEN, crm_id=one["id"]) if stands else Outcome(Fate.FAILED, "NOT_CONFIRMED", message)
    return found


def _is_same(wanted: Any, held: Any) -> bool:
    if wanted is None or held is None:
        return wanted is None and held is None
    if isinstance(wanted, int):
        return isinstance(held, int | float) and float(held) == wanted
    return str(held).strip().removesuffix("+0000") == str(wanted).strip().removesuffix("Z")


def _jobs(records: Sequence[Json], columns: Sequence[str]) -> Iterator[tuple[list[Json], bytes]]:
    """The records in parts whose CSV fits into one job."""
    some: list[Json] = []
    text = _header(columns)
    size = len(text)
    lines = [text]
    for one in records:
        line = _line([one["id"], *(_cell(one, column) for column in columns)])
        if some and size + len(line) > JOB_BYTES:
            yield some, b"".join(lines)
            some, lines, size = [], [text], len(text)
        some.append(one)
        lines.append(line)
        size += len(line)
    if some:
        yield some, b"".join(lines)


def _header(columns: Sequence[str]) -> bytes:
    return _line(["Id", *columns])


def _cell(record: Json, column: str) -> str:
    if column not in record:
        return ""
    return EMPTY if record[column] is None else str(record[column])


def _line(cells: Sequence[str]) -> bytes:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerow(cells)
    return made.getvalue().encode()
