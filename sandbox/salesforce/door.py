"""Salesforce's side of the gate: who calls, what the day still allows, and the words and headers of the answer.

An org answers by whatever name it is called; the Host header decides only which address a sign-in gives.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote
from xml.sax.saxutils import escape

import orjson

from sandbox.calls import Call
from sandbox.faults import SALESFORCE, Rule
from sandbox.gate import Reply, Request, Visit
from sandbox.salesforce.asking import Answer, Asked, Form
from sandbox.salesforce.bulk.old_handlers import old_fault
from sandbox.salesforce.errors import OrgError, RowError, not_found, session_expired
from sandbox.salesforce.limits import too_many_at_once, too_many_calls
from sandbox.salesforce.rest.login import SOAP_LOGIN, login_fault
from sandbox.salesforce.rest.versions import FIRST_VERSION
from sandbox.salesforce.routes import Found, Table, all_routes
from sandbox.salesforce.signing_in import Session, Sessions
from sandbox.salesforce.unattended import catch_up

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

LONGEST_URI = 16_384
LONGEST_HEADERS = 16_384
ILLEGAL_SESSION = "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session key: {}"
_VERSION = re.compile(r"(?<=/v)\d+\.\d(?=/|$)|(?<=/Soap/[a-z]/)\d+\.\d|(?<=/async/)\d+\.\d", re.IGNORECASE)
_SESSION_TAG = re.compile(rb"<(?:\w+:)?sessionId[^>]*>\s*([^<\s]+)\s*<")


class SalesforceDoor:
    """Lets calls in to one org."""

    name = SALESFORCE
    prefixes = ("/services/", "/id/")

    def __init__(self, org: Org) -> None:
        self.org = org
        self.sessions = Sessions(org)
        self._table = Table(all_routes(org))

    def open(self, request: Request, call: Call) -> Visit | Reply:
        """The call on its way. A path that does not exist is told only to those who are let in, as Salesforce does."""
        if len(request.raw_path) + len(request.query) > LONGEST_URI:
            return Reply(414, page(414, "URI Too Long"), {"Content-Type": "text/html"})
        if sum(len(name) + len(value) + 4 for name, value in request.headers.items()) > LONGEST_HEADERS:
            return Reply(431, page(431, "Request Header Fields Too Large"), {"Content-Type": "text/html"})
        query = parse_qs(request.query, keep_blank_values=True)
        method = request.method
        if method == "POST" and query.get("_HttpMethod"):
            # For clients that cannot send PATCH.
            method = query["_HttpMethod"][-1].upper()
        found = self._table.find(method, request.raw_path)
        form = found.route.form if isinstance(found, Found) else form_of(request.path)
        version = _VERSION.search(request.path)
        session_id = _session_id(form, request)
        call.token = session_id[:12]
        asked = Asked(
            self.org,
            self.sessions,
            method,
            request.path,
            query,
            request.headers,
            request.body,
            version=version.group() if version else self.org.org.api_version,
            parts=found.parts if isinstance(found, Found) else {},
        )
        return _Call(asked, found, form, session_id, self._table)


class _Call:
    """A call to an org."""

    def __init__(self, asked: Asked, found: Found | list[str], form: Form, session_id: str, table: Table) -> None:
        self._table = table
        self._asked = asked
        self._found = found
        self._form = form
        self._session_id = session_id
        self._session: Session | None = None

    def refuse(self, rule: Rule | None) -> Reply | None:
        """A session that is unknown or has ended, a refusal on purpose, the day's calls, a path that is not there."""
        asked = self._asked
        with asked.org.lock:
            try:
                self._let_in(rule)
            except OrgError as error:
                return self._reply(self._told(error))
        return None

    def answer(self, rule: Rule | None) -> Reply:
        """What the handler says, under the org's lock."""
        asked = self._asked
        asked.fault, asked.session, asked.inner = rule, self._session, self._inner
        with asked.org.lock:
            catch_up(asked.org)
            try:
                asked.body = _unpacked(asked)
                answer = _handled(asked, self._found)
            except OrgError as error:
                answer = self._told(error)
            return self._reply(answer)

    def _inner(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """A call that came inside this one: by the same user, and not counted."""
        path, _, query = url.partition("?")
        found = self._table.find(method.upper(), quote(path, safe="/%"))
        version = _VERSION.search(path)
        outer = self._asked
        asked = replace(
            outer,
            method=method.upper(),
            path=path,
            query=parse_qs(query, keep_blank_values=True),
            headers={"content-type": "application/json", **{name.lower(): value for name, value in headers.items()}},
            body=body,
            version=version.group() if version else outer.version,
            parts=found.parts if isinstance(found, Found) else {},
        )
        try:
            return _handled(asked, found)
        except OrgError as error:
            return Answer(error.status, error.body())

    def fail(self, rule: Rule) -> Reply:
        """The vendor's error for a fault."""
        if rule.fault == "query_timeout":
            error = OrgError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
        elif rule.kind.status == 503:
            error = OrgError(503, "SERVER_UNAVAILABLE", "Server too busy")
        else:
            number = "1452464078-314667 (-1173371248)"
            message = f"An unexpected error occurred. Please include this ErrorId if you contact support: {number}"
            error = OrgError(rule.status or rule.kind.status, "UNKNOWN_EXCEPTION", message)
        with self._asked.org.lock:
            return self._reply(self._told(error))

    def page(self, status: int) -> bytes:
        """A page of the servers in front of the org."""
        return page(status, {401: "Unauthorized", 503: "Service Unavailable"}.get(status, "Error"))

    def _let_in(self, rule: Rule | None) -> None:
        asked, found = self._asked, self._found
        if self._form == "open":
            if rule is not None and rule.fault == "login_refused":
                raise OrgError(400, "invalid_grant", "authentication failure")
            self._must_exist()
            return
        self._session = asked.sessions.use(self._session_id)
        if rule is not None:
            self._refuse_on_purpose(rule)
        if self._session is None:
            if self._form == "rest" and asked.headers.get("authorization") and not self._session_id:
                raise OrgError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
            raise session_expired()
        if isinstance(found, Found) and not found.route.counts:
            return
        asked.org.limits.admit()
        asked.org.limits.count()
        self._must_exist()
        if asked.path.lower().startswith("/services/data/v") and not self._is_served():
            raise not_found()

    def _is_served(self) -> bool:
        """Whether the version in the path is one of those that the org serves."""
        match = _VERSION.search(self._asked.path)
        return match is not None and FIRST_VERSION <= float(match.group()) <= float(self._asked.org.org.api_version)

    def _refuse_on_purpose(self, rule: Rule) -> None:
        if rule.fault == "sessions_revoked":
            self._asked.sessions.end_all()
            raise session_expired()
        if rule.fault == "session_expired":
            self._asked.sessions.end(self._session_id)
            raise session_expired()
        if rule.fault == "api_disabled":
            raise OrgError(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")
        if rule.fault in {"daily_limit", "concurrent_limit"}:
            raise too_many_calls() if rule.fault == "daily_limit" else too_many_at_once()

    def _must_exist(self) -> None:
        if isinstance(self._found, list):
            raise not_allowed(self._asked.method, self._found) if self._found else not_found()

    def _told(self, error: OrgError) -> Answer:
        if self._form == "soap":
            is_session = error.code == "INVALID_SESSION_ID"
            return soap_fault(error.code, ILLEGAL_SESSION.format(self._session_id) if is_session else error.message)
        if self._form == "async":
            return old_fault(self._asked, error)
        if self._form == "open" and SOAP_LOGIN.match(self._asked.path):
            return login_fault()
        if self._form == "open" and error.code.islower():
            return Answer(error.status, {"error": error.code, "error_description": error.message})
        headers = {"Allow": ",".join(self._found)} if error.status == 405 and isinstance(self._found, list) else {}
        return Answer(error.status, error.body(), headers)

    def _reply(self, answer: Answer) -> Reply:
        asked = self._asked
        headers = dict(answer.headers)
        if answer.content is not None:
            content = answer.content
        else:
            indent = orjson.OPT_INDENT_2 if asked.headers.get("x-prettyprint") == "1" else 0
            content = b"" if answer.body is None else orjson.dumps(answer.body, option=indent)
        if content:
            headers["Content-Type"] = answer.content_type
        counts = not isinstance(self._found, Found) or self._found.route.counts
        if self._form != "open" and counts and self._session is not None:
            headers["Sforce-Limit-Info"] = asked.org.limits.header()
        headers["Vary"] = "Accept-Encoding"
        return Reply(answer.status, content, headers, answer.records_in, answer.records_out, may_pack=True)


def _handled(asked: Asked, found: Found | list[str]) -> Answer:
    if isinstance(found, list):
        raise not_allowed(asked.method, found) if found else not_found()
    try:
        return found.route.handler(asked)
    except RowError as error:
        return Answer(error.status, error.as_call())


def form_of(path: str) -> Form:
    """How an unknown path would have wanted to be called."""
    low = path.lower()
    if low.startswith("/services/soap/"):
        return "soap"
    if low.startswith("/services/async/"):
        return "async"
    return "open" if low.startswith("/services/oauth2/") else "rest"


def not_allowed(method: str, allowed: list[str]) -> OrgError:
    """405: the path is there, but not for this method."""
    return OrgError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {','.join(allowed)}")


def soap_fault(code: str, message: str, status: int = 500) -> Answer:
    """A SOAP envelope that tells of a failure."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:sf="http://soap.sforce.com/2006/04/metadata" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring></soapenv:Fault>"
        "</soapenv:Body></soapenv:Envelope>"
    )
    return Answer(status, content=text.encode(), content_type="text/xml;charset=UTF-8")


def page(status: int, title: str) -> bytes:
    """A page of HTML, as the servers in front of the org send it."""
    return f"<html><head><title>{title}</title></head><body><h1>{status} {title}</h1></body></html>".encode()


def _session_id(form: Form, request: Request) -> str:
    if form == "async":
        return request.headers.get("x-sfdc-session", "")
    if form == "soap":
        found = _SESSION_TAG.search(request.body)
        return found.group(1).decode("latin-1") if found else ""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() in {"bearer", "oauth"} else ""


def _unpacked(asked: Asked) -> bytes:
    packing = asked.headers.get("content-encoding", "").lower()
    try:
        if packing == "gzip":
            return gzip.decompress(asked.body)
        if packing == "deflate":
            return zlib.decompress(asked.body)
    except (OSError, EOFError, zlib.error):
        raise OrgError(400, "JSON_PARSER_ERROR", "The body is not in the Content-Encoding that it names.") from None
    return asked.body
