"""The paths of Bulk API 2.0."""

from __future__ import annotations

import base64
import binascii
import email.parser
import email.policy
from typing import Any

import orjson

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.bulk import results
from sandbox.salesforce.bulk.csv_text import UnreadableCsv
from sandbox.salesforce.bulk.job import Job
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.errors import OrgError, not_found

CSV = "text/csv; charset=UTF-8"
DEFAULT_PAGE = 50_000
"""Rows of a page where the client does not say. Salesforce chooses by itself, and does not tell how."""
LISTED = 1_000
LINKS = 5
"""Links to pages that one answer of resultPages holds."""
PARALLEL_SINCE = 58.0
MULTIPART_LIMIT = 100_000
"""Characters of an upload that comes together with the job."""


def create_query(asked: Asked) -> Answer:
    """POST /jobs/query."""
    given = asked.json()
    job = Jobs.of(asked.org).create_query(
        asked.user_id,
        asked.version,
        _text(given, "operation"),
        _text(given, "query"),
        delimiter=str(given.get("columnDelimiter") or "COMMA"),
        line_ending=str(given.get("lineEnding") or "LF"),
    )
    return Answer(200, job.brief())


def create_ingest(asked: Asked) -> Answer:
    """POST /jobs/ingest: the job alone as JSON, or with its data as multipart, which also closes it."""
    if asked.headers.get("content-type", "").lower().startswith("multipart/"):
        given, upload = _multipart(asked)
    else:
        given, upload = asked.json(), None
    jobs = Jobs.of(asked.org)
    kind = str(given.get("contentType") or "CSV")
    if kind != "CSV":
        raise OrgError(400, "INVALIDJOB", f"InvalidJob : Unsupported content type {kind}")
    job = jobs.create_ingest(
        asked.user_id,
        asked.version,
        _text(given, "operation"),
        _text(given, "object"),
        external_id=given.get("externalIdFieldName") or None,
        delimiter=str(given.get("columnDelimiter") or "COMMA"),
        line_ending=str(given.get("lineEnding") or "LF"),
    )
    job.assignment_rule = given.get("assignmentRuleId") or None
    if upload is not None:
        jobs.upload(job, upload)
        _close(asked, job)
    return Answer(200, job.brief())


def list_queries(asked: Asked) -> Answer:
    """GET /jobs/query."""
    return _list(asked, is_query=True)


def list_ingests(asked: Asked) -> Answer:
    """GET /jobs/ingest."""
    return _list(asked, is_query=False)


def read_query(asked: Asked) -> Answer:
    """GET /jobs/query/{id}."""
    return Answer(200, _job(asked, is_query=True).full())


def read_ingest(asked: Asked) -> Answer:
    """GET /jobs/ingest/{id}."""
    return Answer(200, _job(asked, is_query=False).full())


def change_query(asked: Asked) -> Answer:
    """PATCH /jobs/query/{id}: a query job can only be aborted."""
    job, state = _job(asked, is_query=True), _text(asked.json(), "state")
    if state != "Aborted":
        raise _no_such_state(state)
    Jobs.of(asked.org).abort(job)
    return Answer(200, job.brief())


def change_ingest(asked: Asked) -> Answer:
    """PATCH /jobs/ingest/{id}: UploadComplete or Aborted."""
    job, state = _job(asked, is_query=False), _text(asked.json(), "state")
    if state == "Aborted":
        Jobs.of(asked.org).abort(job)
    elif state == "UploadComplete":
        _close(asked, job)
    else:
        raise _no_such_state(state)
    return Answer(200, job.brief())


def delete_query(asked: Asked) -> Answer:
    """DELETE /jobs/query/{id}."""
    Jobs.of(asked.org).delete(_job(asked, is_query=True))
    return Answer(204)


def delete_ingest(asked: Asked) -> Answer:
    """DELETE /jobs/ingest/{id}."""
    Jobs.of(asked.org).delete(_job(asked, is_query=False))
    return Answer(204)


def upload_batch(asked: Asked) -> Answer:
    """PUT /jobs/ingest/{id}/batches: 201 without a body."""
    kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in {"text/csv", ""}:
        raise OrgError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content type '{kind}' not supported.")
    Jobs.of(asked.org).upload(_job(asked, is_query=False), asked.body)
    return Answer(201)


def read_results(asked: Asked) -> Answer:
    """GET /jobs/query/{id}/results: one page of CSV. The locator of the last one is the word null."""
    job = _finished_query(asked)
    pages = job.pages
    first, most = _place(asked.one("locator")), _count(asked)
    if pages is None or first > len(pages):
        raise OrgError(400, "INVALIDLOCATOR", f"InvalidLocator : {asked.one('locator')}")
    content, count = pages.page(first, most)
    more = first + count < len(pages)
    headers = {"Sforce-NumberOfRecords": str(count), "Sforce-Locator": _locator(first + count) if more else "null"}
    return Answer(200, headers=headers, content=content, content_type=CSV, records_out=count)


def read_result_pages(asked: Asked) -> Answer:
    """GET /jobs/query/{id}/resultPages: links to at most five pages, to be read side by side; from version 58 on."""
    if float(asked.version) < PARALLEL_SINCE:
        raise not_found()
    job = _finished_query(asked)
    total = len(job.pages) if job.pages is not None else 0
    first, most = _place(asked.one("locator")), _count(asked)
    base = f"{asked.base}/jobs/query/{job.id}"
    starts = list(range(first, max(total, first + 1), most))
    links = [{"resultUrl": f"{base}/results?maxRecords={most}&locator={_locator(start)}"} for start in starts[:LINKS]]
    answer: dict[str, Any] = {"resultPages": links, "done": len(starts) <= LINKS}
    if len(starts) > LINKS:
        answer["nextRecordsUrl"] = f"{base}/resultPages?maxRecords={most}&locator={_locator(starts[LINKS])}"
    return Answer(200, answer)


def read_ingest_results(asked: Asked) -> Answer:
    """GET /jobs/ingest/{id}/successfulResults, failedResults and unprocessedrecords."""
    job, what, seed = _job(asked, is_query=False), asked.parts["what"].lower(), asked.org.options.seed
    if not job.is_over:
        raise _not_ready(job)
    if what == "successfulresults":
        content, count = results.successful(job, asked.org.schema.object(job.object), seed), job.processed - job.failed
    elif what == "failedresults":
        content, count = results.refused(job, seed), job.failed
    elif what == "unprocessedrecords":
        content, count = results.untried(job, seed), max(0, job.total - job.processed)
    else:
        raise not_found()
    return Answer(200, content=content, content_type=CSV, records_out=count)


def _close(asked: Asked, job: Job) -> None:
    share = asked.ends_job_failed
    struck = asked.struck_rows(_row_count(job)) if asked.fault is not None else {}
    Jobs.of(asked.org).close(job, struck=struck, fails_after=None if share is None else share / 100)


def _row_count(job: Job) -> int:
    try:
        return job.reader().count()
    except UnreadableCsv:
        # Nothing will be tried, so nothing can be struck.
        return 0


def _job(asked: Asked, *, is_query: bool) -> Job:
    return Jobs.of(asked.org).find(asked.parts["id"], is_query=is_query)


def _finished_query(asked: Asked) -> Job:
    job = _job(asked, is_query=True)
    if asked.version != job.version:
        # The status is documented; code and text nobody could verify.
        raise OrgError(
            409, "API_VERSION_MISMATCH", f"The job was created with version {job.version}, its results are asked with {asked.version}"
        )
    if job.state != "JobComplete":
        raise _not_ready(job)
    return job


def _not_ready(job: Job) -> OrgError:
    return OrgError(400, "INVALIDJOBSTATE", f"Results of a job in state {job.state} are not available")


def _no_such_state(state: str) -> OrgError:
    return OrgError(400, "INVALIDJOBSTATE", f"Changing the state of a job to {state} not allowed")


def _list(asked: Asked, *, is_query: bool) -> Answer:
    wanted = (asked.one("jobType") or "").lower()
    jobs = [job for job in Jobs.of(asked.org).all(is_query=is_query) if not wanted or job.kind.lower() == wanted]
    first = _place(asked.one("queryLocator"))
    shown, more = jobs[first : first + LISTED], len(jobs) > first + LISTED
    base = f"{asked.base}/jobs/{'query' if is_query else 'ingest'}"
    following = f"{base}?queryLocator={_locator(first + LISTED)}" if more else None
    return Answer(200, {"done": not more, "records": [job.listed() for job in shown], "nextRecordsUrl": following})


def _text(given: dict[str, Any], name: str) -> str:
    found = given.get(name)
    if not isinstance(found, str) or not found:
        raise OrgError(400, "INVALIDJOB", f"InvalidJob : Must specify valid {name}")
    return found


def _locator(row: int) -> str:
    return base64.b64encode(str(row).encode()).decode().rstrip("=")


def _place(locator: str | None) -> int:
    if not locator:
        return 0
    try:
        return int(base64.b64decode(locator + "=" * (-len(locator) % 4), validate=True))
    except (binascii.Error, ValueError):
        raise OrgError(400, "INVALIDLOCATOR", f"InvalidLocator : {locator}") from None


def _count(asked: Asked) -> int:
    text = asked.one("maxRecords")
    if text is None:
        return DEFAULT_PAGE
    if not text.isdigit() or int(text) < 1:
        raise OrgError(400, "API_ERROR", f"maxRecords must be a number from 1 on, but is {text}")
    return int(text)


def _multipart(asked: Asked) -> tuple[dict[str, Any], bytes]:
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + asked.body)
    given: dict[str, Any] | None = None
    upload: bytes | None = None
    for part in message.iter_parts() if message.is_multipart() else ():
        content = part.get_payload(decode=True)
        body = content if isinstance(content, bytes) else b""
        name = part.get_param("name", header="content-disposition")
        if name == "job":
            try:
                found = orjson.loads(body)
            except orjson.JSONDecodeError:
                found = None
            given = found if isinstance(found, dict) else None
        elif name == "content":
            upload = body
    if given is None or upload is None:
        raise OrgError(400, "INVALIDJOB", "InvalidJob : A multipart job has a part job in JSON and a part content in CSV")
    if len(upload) > MULTIPART_LIMIT:
        raise OrgError(400, "API_ERROR", f"The data of a multipart job may have {MULTIPART_LIMIT} characters, but these are {len(upload)}")
    return given, upload


_QUERY, _INGEST = "/services/data/v{version}/jobs/query", "/services/data/v{version}/jobs/ingest"
BULK_ROUTES = [
    Route("POST", _QUERY, create_query),
    Route("GET", _QUERY, list_queries),
    Route("GET", f"{_QUERY}/{{id}}", read_query),
    Route("PATCH", f"{_QUERY}/{{id}}", change_query),
    Route("DELETE", f"{_QUERY}/{{id}}", delete_query),
    Route("GET", f"{_QUERY}/{{id}}/results", read_results),
    Route("GET", f"{_QUERY}/{{id}}/resultPages", read_result_pages),
    Route("POST", _INGEST, create_ingest),
    Route("GET", _INGEST, list_ingests),
    Route("GET", f"{_INGEST}/{{id}}", read_ingest),
    Route("PATCH", f"{_INGEST}/{{id}}", change_ingest),
    Route("DELETE", f"{_INGEST}/{{id}}", delete_ingest),
    Route("PUT", f"{_INGEST}/{{id}}/batches", upload_batch),
    Route("GET", f"{_INGEST}/{{id}}/{{what}}", read_ingest_results),
]
"""The jobs' paths."""
