"""The paths of the older Bulk API under ``/services/async``, for clients that still speak it; infos in XML or JSON, as the client does."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.bulk.job import QUERIES
from sandbox.salesforce.bulk.old_job import Batch, OldJob, OldJobs, told_time, written
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.metadata.tree import BadXml, local, parse

NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
CSV, JSON = "text/csv; charset=UTF-8", "application/json"
_MOMENTS = frozenset({"createdDate", "systemModstamp"})


def create_job(asked: Asked) -> Answer:
    """POST /job."""
    job = OldJobs.of(asked.org).create(asked.user_id, asked.version, _given(asked))
    return _told(asked, job, "jobInfo", job.info(), 201)


def read_job(asked: Asked) -> Answer:
    """GET /job/{id}."""
    job = _job(asked)
    return _told(asked, job, "jobInfo", job.info())


def change_job(asked: Asked) -> Answer:
    """POST /job/{id}: Closed or Aborted."""
    job, state = _job(asked), _given(asked).get("state", "")
    if state not in {"Closed", "Aborted"}:
        raise OrgError(400, "INVALID_JOB_STATE", f"Changing the state of a job to {state} not allowed")
    if job.state != "Open":
        raise OrgError(400, "INVALID_JOB_STATE", f"Closing already {job.state} Job not allowed")
    job.state = state
    return _told(asked, job, "jobInfo", job.info())


def create_batch(asked: Asked) -> Answer:
    """POST /job/{id}/batch: it is told as queued, and done when it is next asked for."""
    job = _job(asked)
    batch = OldJobs.of(asked.org).add(job, asked.body)
    told = {**batch.info(), "state": "Queued", "stateMessage": None, "numberRecordsProcessed": 0, "numberRecordsFailed": 0}
    return _told(asked, job, "batchInfo", told, 201)


def list_batches(asked: Asked) -> Answer:
    """GET /job/{id}/batch."""
    job = _job(asked)
    infos = [batch.info() for batch in job.batches.values()]
    if _is_json(asked, job):
        return Answer(200, {"batchInfo": [_as_json(info) for info in infos]}, content_type=JSON)
    inside = "".join(f"<batchInfo>{_as_xml(info)}</batchInfo>" for info in infos)
    return _xml(f'<batchInfoList xmlns="{NAMESPACE}">{inside}</batchInfoList>' if inside else f'<batchInfoList xmlns="{NAMESPACE}" />')


def read_batch(asked: Asked) -> Answer:
    """GET /job/{id}/batch/{batch}."""
    job = _job(asked)
    return _told(asked, job, "batchInfo", _batch(asked, job).info())


def read_request(asked: Asked) -> Answer:
    """GET /job/{id}/batch/{batch}/request: what came."""
    job = _job(asked)
    return Answer(200, content=_batch(asked, job).content, content_type=JSON if job.content_type == "JSON" else CSV)


def read_result(asked: Asked) -> Answer:
    """GET /job/{id}/batch/{batch}/result: what became of each row, or for a query the ids of its results."""
    job = _job(asked)
    batch = _batch(asked, job)
    if batch.state != "Completed":
        raise OrgError(400, "INVALID_BATCH", batch.message or "Batch not completed")
    is_json = job.content_type == "JSON"
    if job.operation not in QUERIES:
        kind = JSON if is_json else CSV
        return Answer(200, content=written(batch, as_json=is_json), content_type=kind, records_out=len(batch.outcomes))
    if _is_json(asked, job):
        return Answer(200, [batch.result_id], content_type=JSON)
    return _xml(f'<result-list xmlns="{NAMESPACE}"><result>{batch.result_id}</result></result-list>')


def read_rows(asked: Asked) -> Answer:
    """GET /job/{id}/batch/{batch}/result/{result}: the rows of a query."""
    job = _job(asked)
    batch = _batch(asked, job)
    if normal_id(asked.parts["result"]) != batch.result_id:
        raise OrgError(400, "INVALID_BATCH", f"Unable to find result: {asked.parts['result']}")
    kind = JSON if job.content_type == "JSON" else CSV
    return Answer(200, content=batch.result, content_type=kind, records_out=batch.processed)


def old_fault(asked: Asked, error: OrgError) -> Answer:
    """A refusal: INVALID_JOB is told as InvalidJob, in JSON or XML. This API knows no 401: a session that is none gives 400."""
    code = "".join(word.capitalize() for word in error.code.split("_"))
    message = "Invalid session id" if code == "InvalidSessionId" else error.message
    status = 400 if error.status == 401 else error.status
    if speaks_json(asked):
        return Answer(status, {"exceptionCode": code, "exceptionMessage": message}, content_type=JSON)
    inside = f"<exceptionCode>{code}</exceptionCode><exceptionMessage>{escape(message)}</exceptionMessage>"
    return _xml(f'<error xmlns="{NAMESPACE}">{inside}</error>', status)


def speaks_json(asked: Asked) -> bool:
    """Whether the client writes or wants JSON."""
    return any("json" in asked.headers.get(name, "").lower() for name in ("content-type", "accept"))


def _job(asked: Asked) -> OldJob:
    return OldJobs.of(asked.org).find(asked.parts["id"])


def _batch(asked: Asked, job: OldJob) -> Batch:
    found = job.batches.get(normal_id(asked.parts["batch"]) or "")
    if found is None:
        raise OrgError(400, "INVALID_BATCH", f"Unable to find batch: {asked.parts['batch']}")
    return found


def _given(asked: Asked) -> dict[str, str]:
    if speaks_json(asked):
        return {name: str(value) for name, value in asked.json().items() if value is not None}
    try:
        root = parse(asked.body)
    except BadXml as fault:
        raise OrgError(400, "INVALID_JOB", f"Unable to parse Job: {fault}") from None
    return {local(part): (part.text or "").strip() for part in root}


def _is_json(asked: Asked, job: OldJob) -> bool:
    return speaks_json(asked) or (job.content_type == "JSON" and not asked.headers.get("content-type"))


def _told(asked: Asked, job: OldJob, name: str, info: dict[str, Any], status: int = 200) -> Answer:
    if _is_json(asked, job):
        return Answer(status, _as_json(info), content_type=JSON)
    return _xml(f'<{name} xmlns="{NAMESPACE}">{_as_xml(info)}</{name}>', status)


def _as_json(info: dict[str, Any]) -> dict[str, Any]:
    """In JSON the keys stand by their names, and what is missing is null."""
    return {name: told_time(info[name], as_json=True) if name in _MOMENTS else info[name] for name in sorted(info)}


def _as_xml(info: dict[str, Any]) -> str:
    told = ((name, told_time(value, as_json=False) if name in _MOMENTS else value) for name, value in info.items() if value is not None)
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in told)


def _xml(text: str, status: int = 200) -> Answer:
    return Answer(status, content=f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode(), content_type="application/xml")


_JOB = "/services/async/{version}/job"
_ONE = f"{_JOB}/{{id}}/batch/{{batch}}"
OLD_ROUTES = [
    Route("POST", _JOB, create_job, "async"),
    Route("GET", f"{_JOB}/{{id}}", read_job, "async"),
    Route("POST", f"{_JOB}/{{id}}", change_job, "async"),
    Route("POST", f"{_JOB}/{{id}}/batch", create_batch, "async"),
    Route("GET", f"{_JOB}/{{id}}/batch", list_batches, "async"),
    Route("GET", _ONE, read_batch, "async"),
    Route("GET", f"{_ONE}/request", read_request, "async"),
    Route("GET", f"{_ONE}/result", read_result, "async"),
    Route("GET", f"{_ONE}/result/{{result}}", read_rows, "async"),
]
