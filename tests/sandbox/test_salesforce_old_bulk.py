"""The older Bulk API, which clients still speak: jobs with batches, in XML or JSON."""

from __future__ import annotations

import re
from typing import Any

import pytest
from simple_salesforce.api import Salesforce

JOBS = "/services/async/59.0/job"
XML = {"Content-Type": "application/xml; charset=UTF-8"}


@pytest.fixture
def old(org: Any) -> Any:
    """Calls to the older API, which takes its session in a header of its own."""
    org.http.headers["X-SFDC-Session"] = org.session.id

    def call(method: str, path: str, content: str = "", headers: dict[str, str] | None = None) -> Any:
        return org.http.request(method, f"{JOBS}{path}", content=content, headers=headers or {})

    return call


def job_xml(operation: str, more: str = "") -> str:
    """A job as clients of XML ask for it."""
    return (
        '<jobInfo xmlns="http://www.force.com/2009/06/asyncapi/dataload">'
        f"<operation>{operation}</operation><object>Contact</object>{more}<contentType>CSV</contentType></jobInfo>"
    )


def tag(text: str, name: str) -> str:
    """What stands in a tag."""
    found = re.search(rf"<{name}>(.*?)</{name}>", text)
    assert found is not None, text
    return found.group(1)


def test_the_python_client_writes_and_reads_by_it(org: Any, https: Any) -> None:
    """simple-salesforce as it is: insert with a refused row, upsert, delete, and a query whose moments are milliseconds."""
    client: Any = Salesforce(session=https(org), session_id=org.session.id, instance="stillthere.my.salesforce.com")
    bulk = client.bulk.Contact
    made = bulk.insert([{"LastName": "Kern", "Email": "kern@halden.example"}, {"FirstName": "x"}], batch_size=10_000)
    assert [(one["success"], one["created"]) for one in made] == [(True, True), (False, False)]
    assert made[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    again = bulk.upsert([{"Email": "kern@halden.example", "Title": "CFO"}], "Email", batch_size=10_000)
    assert [(one["id"], one["created"]) for one in again] == [(made[0]["id"], False)]
    (row,) = bulk.query("SELECT Id, Title, CreatedDate FROM Contact")
    assert (row["Id"], row["Title"]) == (made[0]["id"], "CFO")
    assert row["CreatedDate"] == org.org.find(made[0]["id"]).values["CreatedDate"] // 1000 * 1000
    assert bulk.delete([{"Id": made[0]["id"]}], batch_size=10_000)[0]["success"] is True


def test_xml_and_csv_go_the_recorded_way(old: Any) -> None:
    """Job and batch are told in XML with moments that end in Z; the result is CSV in the order of the upload."""
    made = old("POST", "", job_xml("upsert", "<externalIdFieldName>Id</externalIdFieldName>"), XML)
    job = tag(made.text, "id")
    assert (made.status_code, made.headers["content-type"], tag(made.text, "state")) == (201, "application/xml", "Open")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", tag(made.text, "createdDate"))
    empty = old("GET", f"/{job}/batch").text
    assert empty.endswith('<batchInfoList xmlns="http://www.force.com/2009/06/asyncapi/dataload" />')
    sent = old("POST", f"/{job}/batch", '"LastName","Id"\r\n"Kern",""\r\n"",""\r\n', {"Content-Type": "text/csv"})
    assert (sent.status_code, tag(sent.text, "state"), tag(sent.text, "numberRecordsProcessed")) == (201, "Queued", "0")
    batch = tag(sent.text, "id")
    assert tag(old("POST", f"/{job}", "<jobInfo><state>Closed</state></jobInfo>", XML).text, "state") == "Closed"
    done = old("GET", f"/{job}/batch/{batch}").text
    assert (tag(done, "state"), tag(done, "numberRecordsProcessed"), tag(done, "numberRecordsFailed")) == ("Completed", "2", "1")
    lines = old("GET", f"/{job}/batch/{batch}/result").text.splitlines()
    assert lines[0] == '"Id","Success","Created","Error"'
    assert lines[1].endswith('","true","true",""')
    assert lines[2] == '"","false","false","REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"'


def test_a_query_gives_the_ids_of_its_results(org: Any, old: Any) -> None:
    """The rows of a query are read by the id of the result."""
    contact = org.create("Contact", LastName="Kern")
    job = tag(old("POST", "", job_xml("query"), XML).text, "id")
    batch = tag(old("POST", f"/{job}/batch", "SELECT Id FROM Contact", {"Content-Type": "text/csv"}).text, "id")
    result = tag(old("GET", f"/{job}/batch/{batch}/result", headers=XML).text, "result")
    assert old("GET", f"/{job}/batch/{batch}/result/{result}").text == f'"Id"\n"{contact}"\n'
    assert old("GET", f"/{job}/batch/{batch}/request").text == "SELECT Id FROM Contact"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Nope\nx\n", "InvalidBatch : Field name not found : Nope"),
        ("LastName\n" + "x\n" * 10_001, "InvalidBatch : Records greater than 10000 in batch"),
    ],
    ids=["unknown column", "too many rows"],
)
def test_a_batch_that_cannot_be_read_fails_as_a_whole(old: Any, content: str, message: str) -> None:
    """Nothing of it is written, and it says why."""
    job = tag(old("POST", "", job_xml("insert"), XML).text, "id")
    batch = tag(old("POST", f"/{job}/batch", content, {"Content-Type": "text/csv"}).text, "id")
    told = old("GET", f"/{job}/batch/{batch}").text
    assert (tag(told, "state"), tag(told, "stateMessage"), tag(told, "numberRecordsProcessed")) == ("Failed", message, "0")
    assert tag(old("GET", f"/{job}/batch/{batch}/result").text, "exceptionCode") == "InvalidBatch"


@pytest.mark.parametrize(
    ("path", "content", "code"),
    [
        ("", "<jobInfo><operation>query</operation><object>Nope</object><contentType>CSV</contentType></jobInfo>", "InvalidJob"),
        ("", "<jobInfo><operation>upsert</operation><object>Contact</object><contentType>CSV</contentType></jobInfo>", "InvalidJob"),
        ("", "<jobInfo>", "InvalidJob"),
        ("/7505e0000000009AAA", "<jobInfo><state>Closed</state></jobInfo>", "InvalidJobId"),
    ],
    ids=["unknown object", "no external id", "no XML", "unknown job"],
)
def test_a_wrong_job_is_refused_in_its_own_words(old: Any, path: str, content: str, code: str) -> None:
    """The code has no underscores, and the form is the client's."""
    told = old("POST", path, content, XML)
    assert (told.status_code, tag(told.text, "exceptionCode")) == (400, code)
