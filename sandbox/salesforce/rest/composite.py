"""Calls inside a call: composite with references from one to the next, graphs of them, and batches of independent ones."""

from __future__ import annotations

import re
from typing import Any

import orjson

from sandbox.salesforce.asking import Answer, Asked, Inner, Route
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.undoing import Savepoint

MOST, MOST_QUERIES, MOST_GRAPHS, MOST_NODES = 25, 5, 75, 500
_REFERENCE = re.compile(r"@\{([A-Za-z0-9_]+)((?:\.[A-Za-z0-9_]+|\[\d+\])*)\}")
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_COSTLY = re.compile(r"^/services/data/v[\d.]+/(?:query|queryall|composite/sobjects)(?:/|\?|$)", re.IGNORECASE)
_NESTED = re.compile(r"^/services/data/v[\d.]+/composite(?!/sobjects|/tree)", re.IGNORECASE)
_ALLOWED = re.compile(r"^/services/data/v\d+\.\d/", re.IGNORECASE)
FIRST_STRICT = 52.0
_WRONG_NAME = (
    "Provided referenceId ('{}') must start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."
)
ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."

Part = dict[str, Any]


class _NoValue(LookupError):
    """A reference leads nowhere."""


def run_composite(asked: Asked) -> Answer:
    """``POST composite``: at most 25 parts, of which 5 queries or collections, and it costs one call."""
    given = asked.json()
    parts = _parts(given.get("compositeRequest"), asked)
    if len(parts) > MOST:
        return _too_large(f"The request can\u2019t contain more than {MOST} operations.")
    if sum(bool(_COSTLY.match(part["url"])) for part in parts) > MOST_QUERIES:
        return _too_large(f"The request can\u2019t contain more than {MOST_QUERIES} query and sObject collections operations.")
    told, _ = _transaction(asked, parts, all_or_none=given.get("allOrNone") is True)
    return Answer(200, {"compositeResponse": told}, records_in=len(parts))


def run_graphs(asked: Asked) -> Answer:
    """``POST composite/graph``: each graph is written as a whole or not at all."""
    graphs = asked.json().get("graphs")
    if not isinstance(graphs, list) or not graphs or len(graphs) > MOST_GRAPHS:
        raise OrgError(400, "INVALID_INPUT", f"Between 1 and {MOST_GRAPHS} graphs are required.")
    read = [(str(graph.get("graphId", "")), _parts(graph.get("compositeRequest"), asked)) for graph in graphs]
    if sum(len(parts) for _, parts in read) > MOST_NODES:
        raise OrgError(400, "LIMIT_EXCEEDED", f"The request can\u2019t contain more than {MOST_NODES} operations.")
    told = []
    for graph_id, parts in read:
        answers, is_good = _transaction(asked, parts, all_or_none=True)
        told.append({"graphId": graph_id, "graphResponse": {"compositeResponse": answers}, "isSuccessful": is_good})
    return Answer(200, {"graphs": told}, records_in=sum(len(parts) for _, parts in read))


def run_batch(asked: Asked) -> Answer:
    """``POST composite/batch``: at most 25 independent parts, each of which costs a call."""
    given = asked.json()
    parts = given.get("batchRequests")
    if not isinstance(parts, list) or not parts or len(parts) > MOST:
        raise OrgError(400, "LIMIT_EXCEEDED", f"Between 1 and {MOST} batchRequests are required.")
    inner = _inner(asked)
    asked.org.limits.count(len(parts) - 1)
    told: list[Part] = []
    has_errors = False
    for part in parts:
        if has_errors and given.get("haltOnError") is True:
            body = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}]
            told.append({"statusCode": 412, "result": body})
            continue
        url = str(part.get("url", ""))
        url = url if url.startswith("/") else f"/services/data/{url}"
        answer = inner(str(part.get("method", "GET")), url, orjson.dumps(part.get("richInput")) if "richInput" in part else b"", {})
        has_errors = has_errors or answer.status >= 400
        told.append({"statusCode": answer.status, "result": answer.body})
    return Answer(200, {"hasErrors": has_errors, "results": told}, records_in=len(parts))


def _transaction(asked: Asked, parts: list[Part], *, all_or_none: bool) -> tuple[list[Part], bool]:
    inner = _inner(asked)
    point = Savepoint(asked.org) if all_or_none else None
    told: list[Part] = []
    bodies: dict[str, Any] = {}
    try:
        for part in parts:
            reference = str(part["referenceId"])
            if point is not None and told and told[-1]["httpStatusCode"] >= 400:
                told += [_halted(str(rest["referenceId"]), ROLLED_BACK) for rest in parts[len(told) :]]
                break
            try:
                url = _filled(part["url"], bodies, asked)
                body = _filled(part.get("body"), bodies, asked)
            except _NoValue as missing:
                told.append(_halted(reference, missing.args[0]))
                continue
            answer = inner(part["method"], url, b"" if body is None else orjson.dumps(body), part.get("httpHeaders") or {})
            if answer.status < 400:
                bodies[reference] = answer.body
            told.append({"body": answer.body, "httpHeaders": answer.headers, "httpStatusCode": answer.status, "referenceId": reference})
        is_good = all(one["httpStatusCode"] < 400 for one in told)
        if point is not None and not is_good:
            point.go_back()
            told = [one if one["httpStatusCode"] >= 400 else _halted(one["referenceId"], ROLLED_BACK) for one in told]
    finally:
        if point is not None:
            point.release()
    return told, is_good


def _too_large(message: str) -> Answer:
    """A composite that holds too much is answered as if it had one part, which failed."""
    body = [{"errorCode": "LIMIT_EXCEEDED", "message": message}]
    return Answer(200, {"compositeResponse": [{"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": None}]})


def _parts(given: Any, asked: Asked) -> list[Part]:
    if not isinstance(given, list) or not given or not all(isinstance(part, dict) for part in given):
        raise OrgError(400, "JSON_PARSER_ERROR", "compositeRequest must be a list of subrequests.")
    seen: set[str] = set()
    for part in given:
        for key in ("method", "url", "referenceId"):
            if not isinstance(part.get(key), str) or not part[key]:
                raise OrgError(400, "REQUIRED_FIELD_MISSING", f"The {key} of every subrequest is required.", [key])
        reference = part["referenceId"]
        if is_strict(asked) and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_]*", reference):
            raise OrgError(400, "INVALID_INPUT", _WRONG_NAME.format(reference))
        if reference in seen:
            raise OrgError(400, "INVALID_INPUT", f"Duplicate referenceId provided: {reference}")
        seen.add(reference)
        if _NESTED.match(part["url"]) or not _ALLOWED.match(part["url"]):
            raise OrgError(400, "INVALID_INPUT", f"The url {part['url']} cannot be used in a subrequest.")
    return given


def _filled(value: Any, bodies: dict[str, Any], asked: Asked) -> Any:
    """The value with every ``@{reference.path}`` in it replaced. Raises _NoValue."""
    if isinstance(value, str):
        whole = _REFERENCE.fullmatch(value)
        if whole:
            return _resolved(whole, bodies, asked)
        return _REFERENCE.sub(lambda match: _as_text(_resolved(match, bodies, asked)), value)
    if isinstance(value, dict):
        return {name: _filled(one, bodies, asked) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, bodies, asked) for one in value]
    return value


def _resolved(match: re.Match[str], bodies: dict[str, Any], asked: Asked) -> Any:
    """What a reference leads to. A field that is there but empty gives null from version 52 on, and is refused before."""
    name, path = match.group(1), match.group(2)
    refusal = f"Invalid reference specified. No value for {name + path} found in {name}"
    found = bodies.get(name)
    if found is None:
        raise _NoValue(refusal)
    for key, place in _STEP.findall(path):
        if key and isinstance(found, dict) and key in found:
            found = found[key]
        elif place and isinstance(found, list) and int(place) < len(found):
            found = found[int(place)]
        else:
            raise _NoValue(refusal)
    if found is None and not is_strict(asked):
        raise _NoValue(f"{refusal}. {_WRONG_NAME.format(name + path)}")
    return found


def _as_text(value: Any) -> str:
    return "" if value is None else str(value)


def is_strict(asked: Asked) -> bool:
    """Whether the call is of a version that reads the names of references strictly, and empty values as they are (REST API guide)."""
    return float(asked.version) >= FIRST_STRICT


def _halted(reference: str, message: str) -> Part:
    body = [{"errorCode": "PROCESSING_HALTED", "message": message}]
    return {"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": reference}


def _inner(asked: Asked) -> Inner:
    if asked.inner is None:
        raise OrgError(400, "INVALID_INPUT", "Composite calls cannot stand inside each other.")
    return asked.inner


_BASE = "/services/data/v{version}/composite"
ROUTES = [
    Route("POST", _BASE, run_composite),
    Route("POST", f"{_BASE}/batch", run_batch),
    Route("POST", f"{_BASE}/graph", run_graphs),
]
