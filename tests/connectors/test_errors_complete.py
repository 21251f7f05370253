"""Every error that the two CRMs are known to answer with: what it becomes, and what we do. Told over a real socket, through the real gates.

The tables name the section of the vendor's behaviour that each row comes from: ``auth``, ``limits``, ``errors``, ``batch``, ``bulk`` and so on.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import hubspot.crm.objects.exceptions as hubspot_exceptions
import lxml.etree
import pytest
import requests
import simple_salesforce.exceptions
import urllib3.exceptions
import zeep.exceptions

from connectors.hubspot.answers import STATUS_OF
from connectors.hubspot.client import Client as HubSpotClient
from connectors.hubspot.client import Request as HubSpotRequest
from connectors.hubspot.client import library_gate as hubspot_gate
from connectors.hubspot.paths import Paths
from connectors.limiter import Limiter
from connectors.salesforce.answers import NOT_ALLOWED, PASSING, SessionEnded
from connectors.salesforce.client import Client as SalesforceClient
from connectors.salesforce.client import Request as SalesforceRequest
from connectors.salesforce.credentials import Credentials
from connectors.salesforce.outcomes import HINTS, UNKNOWN_FIELD
from connectors.salesforce.soap import library_gate as salesforce_gate
from connectors.sending import Patience, TryAgain, asked_wait_s, gate, time_of
from tests.connectors.scripted import Scripted, reply, scripted_server
from transforms.vocabulary.errors import (
    CrmUnreachable,
    MissingScopes,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    QuotaSpent,
    RequestRejected,
    StillThereError,
)

SENDS = 3
QUICK = Patience(attempts=SENDS, first_wait_s=0.0, longest_wait_s=0.0, connect_timeout_s=2.0, read_timeout_s=2.0)
HTML = b"<html><body><h1>Bad gateway</h1></body></html>"

AGAIN, STOP = "again", "stop"
"""What the caller does: send it again (waiting between), or stop and tell a person."""


class Row(NamedTuple):
    """One error: where it is told of, the status and body it comes with, what it becomes, and what the caller does.

    ``is_unknown``: a write that met with it may have been carried out all the same, so that one that must not be repeated is not.
    """

    source: str
    status: int
    code: str
    kind: type[StillThereError]
    does: str = STOP
    is_unknown: bool = False
    body: Any = None

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


def error(category: str, **more: Any) -> dict[str, Any]:
    """HubSpot's error body."""
    return {"status": "error", "message": "told", "correlationId": "c-1", "category": category, **more}


def invalid(code: str) -> dict[str, Any]:
    """HubSpot's answer to a value that a property does not take."""
    context = {"propertyName": ["email"]}
    return error("VALIDATION_ERROR", errors=[{"message": "told", "code": code, "context": context}])


def limited(policy: str) -> dict[str, Any]:
    """HubSpot's answer to too many calls: it has errorType where others have category."""
    return {"status": "error", "message": "told", "errorType": "RATE_LIMIT", "correlationId": "c-1", "policyName": policy}


OAUTH = {
    "BAD_REFRESH_TOKEN": "invalid_grant",
    "BAD_HUB": "access_denied",
    "BAD_CLIENT_ID": "invalid_client",
    "BAD_CLIENT_SECRET": "invalid_client",
    "BAD_REDIRECT_URI": "invalid_request",
    "BAD_GRANT_TYPE": "unsupported_grant_type",
    "BAD_AUTH_CODE": "invalid_grant",
}
VALUES = (
    *("PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE", "INVALID_OPTION", "INVALID_INTEGER", "INVALID_DATE", "INVALID_EMAIL"),
    *("INVALID_LONG", "FAILED_VALIDATION", "MISSING_REQUIRED_PROPERTY", "MISSING_CONDITIONAL_REQUIRED_PROPERTY"),
)
SCOPES = {"requiredGranularScopes": ["crm.objects.contacts.write"]}
PROPERTY_THERE = "Properties.PROPERTY_WITH_NAME_EXISTS"
IN_USE = ("PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE", "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES")

HUBSPOT = [
    *(Row("auth", 400, code, NotAuthorised, body={"status": code, "message": "told", "error": e}) for code, e in OAUTH.items()),
    Row("errors", 400, "VALIDATION_ERROR", RequestRejected, body=error("VALIDATION_ERROR")),
    *(Row("errors", 400, code, RequestRejected, body=invalid(code)) for code in VALUES),
    Row("errors", 400, "INVALID_DATE", RequestRejected, body={"status": "error", "message": 'not valid: [{"error":"INVALID_DATE"}]'}),
    Row("errors", 400, "HTTP_400", RequestRejected, body={"status": "error", "message": "Unable to infer object type from: butterflies"}),
    *(Row("errors", 400, code, RequestRejected, body=error("VALIDATION_ERROR", subCategory=code)) for code in IN_USE),
    Row("errors", 401, "INVALID_AUTHENTICATION", NotAuthorised, body=error("INVALID_AUTHENTICATION")),
    Row("errors", 401, "EXPIRED_AUTHENTICATION", NotAuthorised, body=error("EXPIRED_AUTHENTICATION")),
    Row("errors", 403, "MISSING_SCOPES", MissingScopes, body=error("MISSING_SCOPES", errors=[{"message": "told", "context": SCOPES}])),
    Row("errors", 403, "MISSING_SCOPES", MissingScopes, body=error("MISSING_SCOPES", context=SCOPES)),
    Row("errors", 404, "OBJECT_NOT_FOUND", NotFound, body=error("OBJECT_NOT_FOUND")),
    Row("errors", 404, "OBJECT_NOT_FOUND", NotFound, body=error("OBJECT_NOT_FOUND", context={"id": ["1"]})),
    Row("errors", 409, "CONFLICT", RequestRejected, body=error("CONFLICT")),
    Row("errors", 409, "OBJECT_ALREADY_EXISTS", RequestRejected, body=error("OBJECT_ALREADY_EXISTS")),
    Row("errors", 409, PROPERTY_THERE, RequestRejected, body=error("OBJECT_ALREADY_EXISTS", subCategory=PROPERTY_THERE)),
    Row("limits", 414, "URI_TOO_LONG", RequestRejected, body=HTML),
    Row("errors", 414, "VALIDATION_ERROR", RequestRejected, body=error("VALIDATION_ERROR")),
    Row("errors", 415, "HTTP_415", RequestRejected),
    Row("errors", 423, "LOCKED", CrmUnreachable, AGAIN, body=error("LOCKED")),
    Row("limits", 429, "RATE_LIMIT", CrmUnreachable, AGAIN, body=limited("TEN_SECONDLY_ROLLING")),
    Row("limits", 429, "RATE_LIMIT", CrmUnreachable, AGAIN, body=limited("SECONDLY")),
    Row("limits", 429, "RATE_LIMIT", QuotaSpent, body=limited("DAILY")),
    Row("limits", 429, "RATE_LIMITS", CrmUnreachable, AGAIN, body=error("RATE_LIMITS")),
    Row("errors", 477, "MIGRATION_IN_PROGRESS", CrmUnreachable, body=error("MIGRATION_IN_PROGRESS")),
    Row("errors", 500, "INTERNAL_ERROR", CrmUnreachable, AGAIN, is_unknown=True, body=error("INTERNAL_ERROR")),
    *(Row("errors", status, "", CrmUnreachable, AGAIN, is_unknown=True) for status in (408, 500, 502, 503, 504)),
    *(Row("errors", status, "", CrmUnreachable, AGAIN, is_unknown=True, body=HTML) for status in (521, 522, 523, 524, 525, 526)),
    Row("batch", 400, "crm.associations.INVALID_IDENTIFIER", RequestRejected, body=error("VALIDATION_ERROR", subCategory="crm.associations.INVALID_IDENTIFIER")),
    Row("batch", 404, "crm.associations.NO_ASSOCIATIONS_FOUND", NotFound, body=error("OBJECT_NOT_FOUND", subCategory="crm.associations.NO_ASSOCIATIONS_FOUND")),
    Row("good", 200, "INTERNAL_ERROR", CrmUnreachable, AGAIN, is_unknown=True, body=error("INTERNAL_ERROR")),
    Row("good", 200, "VALIDATION_ERROR", RequestRejected, body=error("VALIDATION_ERROR")),
    Row("good", 200, "INVALID_AUTHENTICATION", NotAuthorised, body=error("INVALID_AUTHENTICATION")),
    Row("good", 200, "RATE_LIMIT", QuotaSpent, body=limited("DAILY")),
    Row("good", 200, "", CrmUnreachable, AGAIN, is_unknown=True, body={"status": "error", "message": "told"}),
]  # fmt: skip


def refusal(code: str, message: str = "told") -> list[dict[str, Any]]:
    """Salesforce's error body: always a list."""
    return [{"message": message, "errorCode": code}]


REJECTED = (
    *(
        "REQUIRED_FIELD_MISSING",
        "INVALID_TYPE",
        "INVALID_FIELD",
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "DUPLICATE_VALUE",
        "DUPLICATES_DETECTED",
    ),
    *("FIELD_CUSTOM_VALIDATION_EXCEPTION", "STRING_TOO_LONG", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "INVALID_CROSS_REFERENCE_KEY"),
    *("ENTITY_IS_DELETED", "MALFORMED_ID", "CANNOT_UPDATE_CONVERTED_LEAD", "INVALID_EMAIL_ADDRESS", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"),
    *("NUMBER_OUTSIDE_VALID_RANGE", "EXCEEDED_ID_LIMIT", "OPERATION_TOO_LARGE", "MALFORMED_QUERY", "ALL_OR_NONE_OPERATION_ROLLED_BACK"),
    *("PROCESSING_HALTED", "INVALIDJOBSTATE", "API_ERROR", "INVALIDENTITY", "LIMIT_EXCEEDED", "INVALID_REPLICATION_DATE"),
)
PERMISSIONS = (
    *("INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"),
    *("API_DISABLED_FOR_ORG", "FUNCTIONALITY_NOT_ENABLED", "FORBIDDEN"),
)

SALESFORCE = [
    Row("errors", 401, "INVALID_SESSION_ID", NotAuthorised, body=refusal("INVALID_SESSION_ID")),
    Row("bulk v1", 400, "InvalidSessionId", NotAuthorised, body={"exceptionCode": "InvalidSessionId", "exceptionMessage": "told"}),
    Row("errors", 401, "", NotAuthorised, body=HTML),
    Row("limits", 403, "REQUEST_LIMIT_EXCEEDED", QuotaSpent, body=refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")),
    Row("limits", 403, "REQUEST_LIMIT_EXCEEDED", CrmUnreachable, AGAIN, body=refusal("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")),
    *(Row("errors", 403, code, MissingScopes, body=refusal(code)) for code in PERMISSIONS),
    Row("errors", 403, "API_CURRENTLY_DISABLED", CrmUnreachable, AGAIN, body=refusal("API_CURRENTLY_DISABLED")),
    Row("errors", 403, "", MissingScopes, body=HTML),
    Row("errors", 404, "NOT_FOUND", NotFound, body=refusal("NOT_FOUND")),
    *(Row("errors", 400, code, RequestRejected, body=refusal(code)) for code in REJECTED),
    Row("errors", 400, "QUERY_TIMEOUT", CrmUnreachable, AGAIN, body=refusal("QUERY_TIMEOUT")),
    Row("errors", 400, "UNABLE_TO_LOCK_ROW", CrmUnreachable, AGAIN, body=refusal("UNABLE_TO_LOCK_ROW")),
    Row("errors", 400, "INVALID_QUERY_LOCATOR", CrmUnreachable, body=refusal("INVALID_QUERY_LOCATOR")),
    Row("errors", 500, "TXN_SECURITY_METERING_ERROR", CrmUnreachable, AGAIN, is_unknown=True, body=refusal("TXN_SECURITY_METERING_ERROR")),
    Row("errors", 400, "REQUEST_RUNNING_TOO_LONG", CrmUnreachable, AGAIN, is_unknown=True, body=refusal("REQUEST_RUNNING_TOO_LONG")),
    Row("errors", 503, "SERVER_UNAVAILABLE", CrmUnreachable, AGAIN, body=refusal("SERVER_UNAVAILABLE")),
    Row("errors", 500, "UNKNOWN_EXCEPTION", CrmUnreachable, AGAIN, is_unknown=True, body=refusal("UNKNOWN_EXCEPTION")),
    *(Row("errors", status, f"HTTP_{status}", RequestRejected) for status in (300, 304, 400, 405, 409, 412, 415, 428)),
    *(Row("errors", status, "URI_TOO_LONG", RequestRejected, body=HTML) for status in (414, 431)),
    *(Row("errors", status, "", CrmUnreachable, AGAIN, is_unknown=True, body=HTML) for status in (406, 408, 420, 500, 502, 503, 504)),
    Row("errors", 429, "", CrmUnreachable, AGAIN, body=HTML),
    Row("good", 200, "INVALID_FIELD", RequestRejected, body=refusal("INVALID_FIELD")),
    Row("good", 200, "INVALID_SESSION_ID", NotAuthorised, body=refusal("INVALID_SESSION_ID")),
    Row("good", 200, "REQUEST_LIMIT_EXCEEDED", QuotaSpent, body=refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")),
    Row("good", 200, "UNKNOWN_EXCEPTION", CrmUnreachable, AGAIN, is_unknown=True, body=refusal("UNKNOWN_EXCEPTION")),
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    """One server for all."""
    with scripted_server() as running:
        yield running


def hubspot(server: Scripted) -> HubSpotClient:
    """A client that waits for nothing."""
    return HubSpotClient(
        "token", server.base_url, paths=Paths("v3"), limiter=Limiter(limit=100_000, crm="HubSpot"), patience=QUICK, connections=2
    )


def salesforce(server: Scripted) -> SalesforceClient:
    """The same for an org."""
    limiter = Limiter(limit=100_000, crm="Salesforce", is_rolling=True)
    return SalesforceClient(Credentials("acme.my", "key", "secret"), base_url=server.base_url, limiter=limiter, patience=QUICK)


Ask = Callable[..., object]


def ask_hubspot(server: Scripted, **more: Any) -> object:
    """A call of HubSpot that reads, or with ``is_write`` one that writes."""
    return hubspot(server).request(HubSpotRequest("POST", "/crm/v3/objects/contacts/batch/read", "do it", "read", body={}, **more)).body


def ask_salesforce(server: Scripted, **more: Any) -> object:
    """The same of an org."""
    return salesforce(server).request(SalesforceRequest("POST", "composite", "do it", "read", body={}, **more)).body


CASES = [
    *(pytest.param(ask_hubspot, "HubSpot", row, id=f"hubspot {row.source} {row}") for row in HUBSPOT),
    *(pytest.param(ask_salesforce, "Salesforce", row, id=f"salesforce {row.source} {row}") for row in SALESFORCE),
]


def sends(row: Row, crm: str) -> int:
    """How often a call is sent that always meets with this error. In Salesforce a session that has ended is renewed once."""
    return SENDS if row.does == AGAIN else 2 if row.kind is NotAuthorised and crm == "Salesforce" else 1


@pytest.mark.parametrize(("ask", "crm", "row"), CASES)
def test_a_read_that_meets_with_it(server: Scripted, ask: Ask, crm: str, row: Row) -> None:
    """It becomes the error of the table, which is one sentence that names the CRM; only what may pass is asked again, and not for ever."""
    server.tell(reply(row.status, b"" if row.body is None else row.body))
    with pytest.raises(row.kind) as caught:
        ask(server)
    assert isinstance(caught.value, QuotaSpent) == (row.kind is QuotaSpent)
    assert crm in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.seen) == sends(row, crm)
    if isinstance(caught.value, RequestRejected):
        assert caught.value.code == row.code


@pytest.mark.parametrize(("ask", "crm", "row"), CASES)
def test_a_write_that_must_not_be_repeated(server: Scripted, ask: Ask, crm: str, row: Row) -> None:
    """Where the write may have been carried out, it is sent once and its outcome is unknown; else it is as with reading."""
    server.tell(reply(row.status, b"" if row.body is None else row.body))
    with pytest.raises(OutcomeUnknown if row.is_unknown else row.kind) as caught:
        ask(server, is_write=True, is_repeatable=False)
    assert isinstance(caught.value, OutcomeUnknown) == row.is_unknown
    assert len(server.seen) == (
        1 if row.is_unknown else SENDS if row.does == AGAIN else 2 if row.kind is NotAuthorised and crm == "Salesforce" else 1
    )


def test_every_code_that_decides_something_stands_in_the_tables() -> None:
    """A code that the connectors know by name has a row here."""
    assert STATUS_OF.keys() - {row.code for row in HUBSPOT} == set()
    assert (PASSING | NOT_ALLOWED | UNKNOWN_FIELD | HINTS.keys()) - {row.code for row in SALESFORCE} == set()


@pytest.mark.parametrize("status", [200, 201, 207, 400, 401, 403, 404, 409, 423, 429, 477, 500, 502, 503, 504, 524])
@pytest.mark.parametrize(("ask", "crm"), [(ask_hubspot, "HubSpot"), (ask_salesforce, "Salesforce")])
@pytest.mark.parametrize("body", [HTML, b"", b'{"status":"err', b"[", b"\xff\xfe\x00", b"null", b"5", b'"text"', b"{" * 2_000])
def test_a_body_that_is_none(server: Scripted, ask: Ask, crm: str, status: int, body: bytes) -> None:
    """Pages, empty bodies, half of one, bytes that are no text: with every status it ends in an error of ours that names the CRM."""
    server.tell(reply(status, body, Content_Type="text/html"))
    with pytest.raises(StillThereError, match=crm):
        ask(server, lists=True if ask is ask_hubspot else "records")


@pytest.mark.parametrize("ask", [ask_hubspot, ask_salesforce])
@pytest.mark.parametrize("missing", [1, 10])
def test_an_answer_that_is_shorter_than_it_says(server: Scripted, ask: Ask, missing: int) -> None:
    """A body that ends before its Content-Length is asked for again; of a write that must not be repeated the outcome is unknown."""
    body = json.dumps({"results": [], "records": []}).encode()
    short = reply(200, body[:-missing], length=len(body))
    server.tell(short, reply(200, body))
    assert ask(server) == {"results": [], "records": []}
    server.tell(short)
    with pytest.raises(OutcomeUnknown):
        ask(server, is_write=True, is_repeatable=False)
    assert len(server.seen) == 1


@pytest.mark.parametrize("ask", [ask_hubspot, ask_salesforce])
def test_a_good_body_of_another_type_is_good(server: Scripted, ask: Ask) -> None:
    """JSON that is called a page is JSON all the same: the body counts, not its label."""
    server.tell(reply(200, {"results": []}, Content_Type="text/html"))
    assert ask(server) == {"results": []}


@pytest.mark.parametrize("ask", [ask_hubspot, ask_salesforce])
@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 99:99:99 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_date_that_is_none_is_borne(server: Scripted, ask: Ask, date: str) -> None:
    """An answer without a readable Date, or with a wrong one, is an answer."""
    server.tell(reply(200, {"results": []}, Date=date))
    assert ask(server) == {"results": []}


NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("0.5", 0.5),
        (" 7 ", 7.0),
        ("1000000000", 1e9),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(hours=2), usegmt=True), None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW).total_seconds()),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("9" * 400, None),
    ],
)
def test_how_long_the_crm_asks_us_to_wait(text: str, seconds: float | None) -> None:
    """Retry-After is read as seconds, or as a date by the CRM's own clock, whatever ours says; nonsense asks for nothing."""
    headers = {"Retry-After": text, "Date": format_datetime(NOW, usegmt=True)}
    assert asked_wait_s(headers) == seconds
    assert QUICK.wait_s(1, asked_wait_s(headers)) == 0.0
    assert Patience(longest_wait_s=20.0).wait_s(1, asked_wait_s(headers)) <= 20.0
    assert time_of(headers) == NOW


# Foreign exceptions


def below(root: type[BaseException]) -> list[type[BaseException]]:
    """A class of exceptions and all below it."""
    return [root, *(one for child in root.__subclasses__() for one in below(child))]


def made(kind: type[BaseException]) -> BaseException:
    """One of them, with what their texts need."""
    found = kind.__new__(kind)
    for name, value in {"status": 500, "status_code": 500, "code": "sf:UNKNOWN_EXCEPTION", "message": "told", "content": b"", "url": "u", "resource_name": "r", "path": []}.items():  # fmt: skip
        if not hasattr(found, name):
            setattr(found, name, value)
    return found


def named(kinds: set[type[BaseException]]) -> list[type[BaseException]]:
    """In a fixed order."""
    return sorted(kinds, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}")


WIRE = named(
    {
        *below(requests.RequestException),
        *below(urllib3.exceptions.HTTPError),
        *below(http.client.HTTPException),
        *(ConnectionError, TimeoutError, OSError),
    }
)
LIBRARY_OF_SALESFORCE = named({*below(zeep.exceptions.Error), *below(simple_salesforce.exceptions.SalesforceError)})
LIBRARY_OF_HUBSPOT = named({*below(hubspot_exceptions.OpenApiException)} - {*below(hubspot_exceptions.ApiException)})
"""An ApiException is an answer, and judged as one."""


@pytest.mark.parametrize("kind", WIRE, ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_the_gate_maps_every_exception_of_the_http_libraries(kind: type[BaseException]) -> None:
    """What requests, urllib3, http.client and the socket raise becomes TryAgain, whose error is ours and names the CRM."""
    with pytest.raises(TryAgain, match="HubSpot") as caught, gate("HubSpot", "do it"):
        raise kind.__new__(kind)
    assert isinstance(caught.value.error, CrmUnreachable)


@pytest.mark.parametrize("kind", LIBRARY_OF_SALESFORCE, ids=lambda kind: f"{kind.__module__}.{kind.__qualname__}")
def test_the_gate_maps_every_exception_of_salesforces_libraries(kind: type[BaseException]) -> None:
    """What zeep, lxml and simple-salesforce raise becomes TryAgain, a session that ended, or an error of ours."""
    with pytest.raises((TryAgain, SessionEnded, StillThereError)), salesforce_gate("do it"):
        raise made(kind)


@pytest.mark.parametrize("parse", [lxml.etree.fromstring, ET.fromstring], ids=["lxml", "etree"])
def test_xml_that_breaks_off_is_asked_for_again(parse: Callable[[bytes], object]) -> None:
    """What the XML libraries raise about an answer is no answer."""
    with pytest.raises(TryAgain, match="Salesforce"), salesforce_gate("do it"):
        parse(b"<soapenv:Envelope><soapenv:Bo")


@pytest.mark.parametrize("kind", LIBRARY_OF_HUBSPOT, ids=lambda kind: kind.__qualname__)
def test_the_gate_maps_every_exception_of_hubspots_library(kind: type[BaseException]) -> None:
    """What the library refuses to send is a request that is wrong."""
    with pytest.raises(RequestRejected), hubspot_gate("do it"):
        raise kind.__new__(kind)


def test_signing_in_bears_any_answer(server: Scripted) -> None:
    """Whatever the token endpoint answers, an error of ours comes of it; what is no answer is asked for again."""
    answers = [reply(200, HTML), reply(200), reply(200, b"null"), reply(200, {"access_token": "x"}), reply(400, b"[]"), reply(503, HTML), reply(400, {"error": "invalid_grant"}), reply(400, {"error": "invalid_client_id"})]  # fmt: skip
    for answer in answers:
        with scripted_server() as other:
            other.tell(answer)
            other.answer = lambda call, answer=answer: (other.seen.append(call), answer)[1]  # type: ignore[method-assign]  # the fake's own word
            with pytest.raises((CrmUnreachable, NotAuthorised)):
                ask_salesforce(other)
            assert len(other.seen) == (1 if b"invalid_" in answer else SENDS)
