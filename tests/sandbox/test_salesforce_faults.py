"""Faults on purpose on the Salesforce side: in its own shapes, by the same schedule and seed as on the other side."""

import json
from typing import Any

import httpx
import pytest

from sandbox.faults import KINDS, Faults

DATA = "/services/data/v64.0"
CONTACT = {"LastName": "Nair"}


def rows(count: int) -> dict[str, Any]:
    """A collection of contacts."""
    return {"records": [{"attributes": {"type": "Contact"}, "LastName": f"N{n}"} for n in range(count)]}


def written(org: Any) -> int:
    """How many contacts there are."""
    return len(org.query("SELECT Id FROM Contact"))


@pytest.mark.parametrize(
    ("fault", "status", "code", "message"),
    [
        ("daily_limit", 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        ("concurrent_limit", 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
        ("session_expired", 401, "INVALID_SESSION_ID", "Session expired or invalid"),
        ("api_disabled", 403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."),
        ("query_timeout", 400, "QUERY_TIMEOUT", "Your query request was running for too long."),
        ("server_unavailable", 503, "SERVER_UNAVAILABLE", "Server too busy"),
    ],
)
def test_errors_in_salesforces_words(org: Any, fault: str, status: int, code: str, message: str) -> None:
    """Status, code and message; nothing is written."""
    org.sandbox.faults.add(fault, method="POST", times=1)
    answer = org("POST", "sobjects/Contact", CONTACT)
    assert (answer.status_code, answer.json()) == (status, [{"message": message, "errorCode": code}])
    assert len(org.org.store("Contact")) == 0


def test_an_unknown_exception_names_an_error_id(org: Any) -> None:
    """The general 500 of the other side is Salesforce's own here."""
    org.sandbox.faults.add("server_error", times=1)
    answer = org("GET", "limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (500, "UNKNOWN_EXCEPTION")


def test_a_session_expires_in_the_middle_of_the_work(org: Any) -> None:
    """The session of the call that was struck has ended for good; others live on."""
    other = org.sandbox.sessions.begin(org.org.integration_id)
    org.sandbox.faults.add("session_expired", nth=2)
    assert [org("GET", "limits").status_code for _ in range(4)] == [200, 401, 401, 401]
    org.http.headers["Authorization"] = f"Bearer {other.id}"
    assert org("GET", "limits").status_code == 200


def test_an_admin_revokes_all_sessions(org: Any) -> None:
    """Every session has ended; signing in again helps."""
    other = org.sandbox.sessions.begin(org.org.integration_id)
    org.sandbox.faults.add("sessions_revoked", nth=1)
    assert org("GET", "limits").status_code == 401
    org.http.headers["Authorization"] = f"Bearer {other.id}"
    assert org("GET", "limits").status_code == 401
    org.http.headers["Authorization"] = f"Bearer {org.sandbox.sessions.begin(org.org.integration_id).id}"
    assert org("GET", "limits").status_code == 200


def test_signing_in_may_be_refused(org: Any) -> None:
    """The token endpoint says so in OAuth's form, the SOAP login in a fault."""
    options = org.org.org
    org.sandbox.faults.add("login_refused", path="oauth2|Soap")
    form = {"grant_type": "client_credentials", "client_id": options.consumer_key, "client_secret": options.consumer_secret}
    refused = org.http.post("/services/oauth2/token", data=form)
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant", "error_description": "authentication failure"})
    soap = org.http.post("/services/Soap/u/64.0", content="<login/>")
    assert (soap.status_code, "INVALID_LOGIN" in soap.text) == (500, True)


@pytest.mark.parametrize(("fault", "status"), [("session_page", 401), ("unavailable", 503), ("bad_gateway", 502), ("html", 200)])
def test_gateways_answer_in_html(org: Any, fault: str, status: int) -> None:
    """A client may not take every answer for JSON; the session of a 401 page lives on."""
    org.sandbox.faults.add(fault, times=1)
    answer = org("GET", "limits")
    assert (answer.status_code, answer.headers["content-type"], answer.text.startswith("<html>")) == (status, "text/html", True)
    assert org("GET", "limits").status_code == 200


def test_some_rows_of_a_collection_are_locked(org: Any) -> None:
    """The call is a 200; the struck rows say UNABLE_TO_LOCK_ROW and are not written, the others are."""
    org.sandbox.faults.add("lock_rows", method="POST", path="composite/sobjects", rows=3, times=1)
    answer = org("POST", "composite/sobjects", rows(10))
    locked = [one["errors"][0] for one in answer.json() if not one["success"]]
    assert (answer.status_code, len(locked), written(org)) == (200, 3, 7)
    assert {error["statusCode"] for error in locked} == {"UNABLE_TO_LOCK_ROW"}
    assert locked[0]["message"].startswith("unable to obtain exclusive access to this record or 1 records: ")
    assert org.sandbox.calls.select(fault="lock_rows")[0].was_applied is True


def test_a_locked_row_names_its_record(org: Any) -> None:
    """An update tells the id of the record that is locked, in a collection as in a single call."""
    contact = org.create("Contact", **CONTACT)
    org.sandbox.faults.add("lock_rows", method="PATCH", times=2)
    body = {"records": [{"attributes": {"type": "Contact"}, "id": contact, "LastName": "x"}]}
    error = org("PATCH", "composite/sobjects", body).json()[0]["errors"][0]
    assert error["message"].endswith(contact)
    single = org("PATCH", f"sobjects/Contact/{contact}", {"LastName": "x"})
    assert (single.status_code, single.json()[0]["errorCode"]) == (400, "UNABLE_TO_LOCK_ROW")
    assert org.query("SELECT LastName FROM Contact") == [{"LastName": "Nair"}]


def test_rows_may_fail_with_any_code(org: Any) -> None:
    """A validation rule or a trigger of the customer refuses rows inside a good answer; with all or none it takes all back."""
    org.sandbox.faults.add("fail_rows", path="composite", rows=1, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", times=2)
    answer = org("POST", "composite/sobjects", rows(4)).json()
    assert [one["errors"][0]["statusCode"] for one in answer if not one["success"]] == ["FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    org("POST", "composite/sobjects", {"allOrNone": True, **rows(4)})
    assert written(org) == 3


def test_struck_rows_reach_a_collection_inside_a_composite(org: Any) -> None:
    """A fault on the composite strikes the rows of what stands in it."""
    org.sandbox.faults.add("lock_rows", path="composite$", rows=2)
    part = {"referenceId": "rows", "method": "POST", "url": f"{DATA}/composite/sobjects", "body": rows(5)}
    answer = org("POST", "composite", {"compositeRequest": [part]}).json()["compositeResponse"][0]["body"]
    assert sum(not one["success"] for one in answer) == 2


@pytest.mark.parametrize(("fault", "is_written"), [("drop_before", False), ("drop_after", True), ("cut", True)])
def test_a_connection_breaks_before_or_after_the_write(org: Any, fault: str, is_written: bool) -> None:  # noqa: FBT001 - a column of the table
    """The dangerous case: the record was made, and nobody was told. The log knows."""
    org.sandbox.faults.add(fault, method="POST", nth=1)
    with pytest.raises(httpx.RemoteProtocolError):
        org("POST", "sobjects/Contact", CONTACT)
    assert written(org) == int(is_written)
    assert org.sandbox.calls.select(fault=fault)[0].was_applied is is_written


@pytest.mark.parametrize("fault", ["truncated", "empty"])
def test_bodies_that_cannot_be_read(org: Any, fault: str) -> None:
    """The write was applied, but its answer says nothing."""
    org.sandbox.faults.add(fault, method="POST", nth=1)
    answer = org("POST", "sobjects/Contact", CONTACT)
    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert written(org) == 1


def test_a_poll_of_a_bulk_job_fails_and_the_job_goes_on(org: Any) -> None:
    """One 503 on the way says nothing of the job."""
    made = org("POST", "jobs/ingest", {"object": "Contact", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"}).json()
    path = f"jobs/ingest/{made['id']}"
    org.http.put(f"{DATA}/{path}/batches", content="LastName\nNair\n", headers={"Content-Type": "text/csv"})
    org("PATCH", path, {"state": "UploadComplete"})
    org.sandbox.faults.add("server_unavailable", method="GET", path=made["id"], nth=1)
    org.sandbox.clock.advance(5)
    assert org("GET", path).status_code == 503
    assert org("GET", path).json()["state"] == "JobComplete"


def test_a_bulk_job_ends_failed_with_half_its_rows_written(org: Any) -> None:
    """The fault strikes the call that sets the job going; what it had written stays."""
    made = org("POST", "jobs/ingest", {"object": "Contact", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"}).json()
    path = f"jobs/ingest/{made['id']}"
    text = "LastName\n" + "".join(f"N{n}\n" for n in range(10))
    org.http.put(f"{DATA}/{path}/batches", content=text, headers={"Content-Type": "text/csv"})
    org.sandbox.faults.add("bulk_job_fails", method="PATCH")
    org("PATCH", path, {"state": "UploadComplete"})
    org.sandbox.clock.advance(5)
    assert (org("GET", path).json()["state"], written(org)) == ("Failed", 5)


def test_a_fault_of_one_vendor_never_strikes_the_other(org: Any) -> None:
    """A rule without a path meets only calls to the side that has the fault, and counts only those; a general one meets both."""
    org.sandbox.faults.add("rate_limit_daily")
    org.sandbox.faults.add("api_disabled", nth=2)
    hubspot = {"Authorization": f"Bearer {org.sandbox.token}"}
    assert [org("GET", "limits").status_code for _ in range(2)] == [200, 403]
    assert org.http.get("/crm/v3/objects/contacts", headers=hubspot).status_code == 429
    org.sandbox.faults.clear()
    org.sandbox.faults.add("server_error", nth=[1, 2])
    assert org("GET", "limits").status_code == 500
    assert org.http.get("/crm/v3/objects/contacts", headers=hubspot).status_code == 500


def test_the_same_rule_strikes_the_same_rows() -> None:
    """Which rows are struck depends on the rule and on how often it struck, and on nothing else."""

    def struck() -> list[list[int]]:
        faults = Faults(1)
        faults.add("lock_rows", rows=3)
        found = [faults.strike("POST", "/services/data/v64.0/composite/sobjects", "salesforce") for _ in range(1)]
        return [rule.rows_of(200) for rule in found if rule is not None]

    assert struck() == struck()
    assert len(struck()[0]) == 3


def test_every_kind_says_whose_it_is() -> None:
    """Kinds of a vendor name it; the rest belong to both."""
    assert {kind.vendor for kind in KINDS.values()} == {"", "hubspot", "salesforce"}
