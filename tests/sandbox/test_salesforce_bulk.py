"""Bulk API 2.0 of the sandbox's org: what a client sees of jobs, and what becomes of the rows."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceOperationError

from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.bulk.csv_text import Reader, UnreadableCsv, java_number, to_csv
from sandbox.salesforce.bulk.job import Pages
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.errors import RowFault
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.schema import Field

# What was made with the client is closed with it; urllib3 leaves that to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

V = "/services/data/v59.0"


class Local(HTTPAdapter):
    """Sends what is meant for Salesforce's hosts to the sandbox."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = urlsplit(base)

    def send(self, request: Any, *args: Any, **more: Any) -> Any:
        """Send one request."""
        there = urlsplit(request.url)
        request.headers["Host"] = there.netloc
        request.url = urlunsplit((self._base.scheme, self._base.netloc, there.path, there.query, ""))
        return super().send(request, *args, **{**more, "proxies": {}})


class Client:
    """simple-salesforce as it is, and plain calls beside it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.org = sandbox, sandbox.org
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", Local(sandbox.base_url))
        options = sandbox.org.org
        self.sf = Salesforce(
            consumer_key=options.consumer_key, consumer_secret=options.consumer_secret, domain=options.domain, session=session
        )

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """One call below /services."""
        headers = {"Authorization": f"Bearer {self.sf.session_id}", **more.pop("headers", {})}
        url = f"https://{self.sf.sf_instance}{path}"
        return self.sf.session.request(method, url, json=body, headers=headers, timeout=30, **more)

    def job(self, operation: str, text: str, **more: Any) -> str:
        """An ingest job with this data, closed; its id."""
        given = {"object": "Contact", "operation": operation, "contentType": "CSV", **more}
        made = self("POST", f"{V}/jobs/ingest", given)
        assert made.status_code == 200, made.text
        job_id = made.json()["id"]
        put = self("PUT", f"{V}/jobs/ingest/{job_id}/batches", data=text.encode(), headers={"Content-Type": "text/csv"})
        assert (put.status_code, put.content) == (201, b"")
        assert self("PATCH", f"{V}/jobs/ingest/{job_id}", {"state": "UploadComplete"}).status_code == 200
        return job_id

    def told(self, job_id: str) -> dict[str, Any]:
        """What the job says of itself."""
        return self("GET", f"{V}/jobs/ingest/{job_id}").json()

    def rows(self, job_id: str, what: str) -> list[dict[str, str]]:
        """One of the three results."""
        answer = self("GET", f"{V}/jobs/ingest/{job_id}/{what}")
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    def contact(self, **values: Any) -> str:
        """A contact of the org; its id."""
        return self.org.create(self.org.admin_id, "Contact", {"LastName": "Nair", **values}).id


Start = Callable[..., Client]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sandboxes with the org's options given, and stops them after the test. Jobs take no time unless told otherwise."""
    with ExitStack() as stack:

        def begin(**options: Any) -> Client:
            org = OrgOptions(**{"bulk_job_s": (0.0, 0.0), **options})
            client = Client(stack.enter_context(run_sandbox(options=SandboxOptions(org=org))))
            stack.callback(client.sf.session.close)
            return client

        yield begin


@pytest.fixture
def client(start: Start) -> Client:
    """An empty org whose jobs take no time."""
    return start()


# With the client library


def test_the_client_inserts_and_reads_what_became_of_the_rows(client: Client) -> None:
    """Good rows are written, bad ones are told with Salesforce's code, message and fields, and the counts say how many."""
    [summary] = client.sf.bulk2.Contact.insert(
        records=[{"LastName": "Nair", "Email": "p@x.example"}, {"LastName": "", "Email": "q@x.example"}], wait=0
    )
    assert {name: summary[name] for name in ("numberRecordsFailed", "numberRecordsProcessed", "numberRecordsTotal")} == {
        "numberRecordsFailed": 1,
        "numberRecordsProcessed": 2,
        "numberRecordsTotal": 2,
    }
    [good] = client.rows(summary["job_id"], "successfulResults/")
    [bad] = client.rows(summary["job_id"], "failedResults")
    assert (good["sf__Created"], good["Email"]) == ("true", "p@x.example")
    assert client.org.find(good["sf__Id"]).values["LastName"] == "Nair"
    assert (bad["sf__Id"], bad["sf__Error"]) == ("", "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --")
    assert client.rows(summary["job_id"], "unprocessedRecords") == []


def test_the_client_reads_a_query_in_pages(client: Client) -> None:
    """The rows come in pages of the size asked for, the last one marked by the locator null, and parents' fields stand beside."""
    account = client.org.create(client.org.admin_id, "Account", {"Name": "Northwind"}).id
    ids = [client.contact(LastName=f"N{n}", AccountId=account) for n in range(5)]
    pages = list(client.sf.bulk2.Contact.query("SELECT Id, LastName, Account.Name FROM Contact ORDER BY LastName", max_records=2, wait=0))
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert [page.count("\n") for page in pages] == [3, 3, 2]
    assert [(row["Id"], row["Account.Name"]) for row in rows] == [(one, "Northwind") for one in ids]


def test_query_all_shows_deleted_rows(client: Client) -> None:
    """A queryAll job reads what lies in the recycle bin; a query job does not."""
    gone = client.contact()
    client.org.delete(client.org.admin_id, client.org.find(gone))
    read = client.sf.bulk2.Contact
    assert list(read.query("SELECT Id FROM Contact", wait=0)) == ['"Id"\n']
    assert list(read.query_all("SELECT Id, IsDeleted FROM Contact", wait=0)) == [f'"Id","IsDeleted"\n"{gone}","true"\n']


def test_the_client_updates_upserts_and_deletes(client: Client) -> None:
    """Each operation does to the org what a single call would."""
    client.org.add_field("Contact", Field("Key__c", "Key", "string", length=40, external_id=True, unique=True, custom=True))
    one, contacts = client.contact(Title="CFO"), client.sf.bulk2.Contact
    contacts.update(records=[{"Id": one, "Title": "CEO"}], wait=0)
    assert client.org.find(one).values["Title"] == "CEO"
    for title in ("first", "second"):
        [summary] = contacts.upsert(records=[{"Key__c": "k1", "LastName": "Souza", "Title": title}], external_id_field="Key__c", wait=0)
    [row] = client.rows(summary["job_id"], "successfulResults")
    assert (row["sf__Created"], client.org.find(row["sf__Id"]).values["Title"]) == ("false", "second")
    contacts.delete(records=[{"Id": one}], wait=0)
    assert client.org.find(one, deleted=True).is_deleted


def test_only_who_may_deletes_for_good(client: Client) -> None:
    """A hardDelete job wants a user permission of its own; then the recycle bin is passed by."""
    contact, contacts = client.contact(), client.sf.bulk2.Contact
    with pytest.raises(SalesforceMalformedRequest, match="hardDelete operation requires special user profile permission"):
        contacts.hard_delete(records=[{"Id": contact}], wait=0)
    allowed = client.org.import_record("PermissionSet", {"Name": "Purge", "PermissionsBulkApiHardDelete": True})
    client.org.import_record("PermissionSetAssignment", {"AssigneeId": client.org.integration_id, "PermissionSetId": allowed.id})
    contacts.hard_delete(records=[{"Id": contact}], wait=0)
    assert client.org.find(contact, deleted=True) is None


def test_an_external_id_that_several_hold_fails_its_row(client: Client) -> None:
    """An external id need not be unique; which record is meant cannot be told then."""
    client.org.add_field("Contact", Field("Key__c", "Key", "string", length=40, external_id=True, custom=True))
    for _ in range(2):
        client.contact(Key__c="k1")
    [summary] = client.sf.bulk2.Contact.upsert(records=[{"Key__c": "k1", "LastName": "Souza"}], external_id_field="Key__c", wait=0)
    [row] = client.rows(summary["job_id"], "failedResults")
    assert row["sf__Error"].startswith("DUPLICATE_EXTERNAL_ID:Key: more than one record found for external id field")


def test_a_field_that_the_user_does_not_see_fails_the_whole_job(client: Client) -> None:
    """An unknown column and a hidden one are told alike; nothing is written, and every row comes back as unprocessed."""
    client.org.add_field("Contact", Field("Hidden__c", "Hidden", "string", length=40, custom=True, is_hidden_until_granted=True))
    for name in ("Nope", "Hidden__c"):
        with pytest.raises(SalesforceOperationError, match=f"InvalidBatch : Field name not found : {name}"):
            client.sf.bulk2.Contact.insert(records=[{"LastName": "Nair", name: "x"}], wait=0)
    jobs = client("GET", f"{V}/jobs/ingest").json()["records"]
    told = client.told(jobs[0]["id"])
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("Failed", 0, 0)
    assert client.rows(jobs[0]["id"], "unprocessedrecords/") == [{"LastName": "Nair", "Hidden__c": "x"}]
    assert list(client.org.rows("Contact")) == []


# The life of a job


def test_a_job_goes_from_state_to_state_with_the_clock(start: Start) -> None:
    """UploadComplete, InProgress, JobComplete: a job is where the clock says, and its rows are there even if nobody asks for the job."""
    client = start(bulk_job_s=(100.0, 100.0))
    job_id = client.job("insert", "LastName\nNair\n")
    assert client.told(job_id)["state"] == "UploadComplete"
    client.sandbox.clock.advance(50)
    assert client.told(job_id)["state"] == "InProgress"
    assert client("GET", f"{V}/jobs/ingest/{job_id}/successfulResults").status_code == 400
    client.sandbox.clock.advance(60)
    assert client.sf.query("SELECT LastName FROM Contact")["totalSize"] == 1
    assert client.told(job_id)["state"] == "JobComplete"


def test_a_large_job_is_written_bit_by_bit(start: Start) -> None:
    """While a job is in progress its batches of 10,000 rows are written one after another, and the count tells how far it is."""
    client = start(bulk_job_s=(100.0, 100.0))
    job_id = client.job("insert", "LastName\n" + "".join(f"N{n}\n" for n in range(20_001)))
    counts = []
    for _ in range(4):
        client.sandbox.clock.advance(26)
        counts.append(client.told(job_id)["numberRecordsProcessed"])
    assert counts == [0, 10_000, 20_000, 20_001]


def test_an_aborted_job_keeps_what_it_wrote(start: Start) -> None:
    """Rows before the abort stay written, those after it come back as unprocessed, and a second abort is refused."""
    client = start(bulk_job_s=(100.0, 100.0))
    job_id = client.job("insert", "LastName\n" + "".join(f"N{n}\n" for n in range(10_002)))
    client.sandbox.clock.advance(70)
    assert client("PATCH", f"{V}/jobs/ingest/{job_id}", {"state": "Aborted"}).json()["state"] == "Aborted"
    assert (len(client.rows(job_id, "successfulResults")), len(client.rows(job_id, "unprocessedrecords"))) == (10_000, 2)
    again = client("PATCH", f"{V}/jobs/ingest/{job_id}", {"state": "Aborted"})
    assert (again.status_code, again.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")


def test_a_finished_job_cannot_be_aborted_but_deleted(client: Client) -> None:
    """The refusal has Salesforce's words; a deleted job is gone."""
    job_id = client.job("insert", "LastName\nNair\n")
    refused = client("PATCH", f"{V}/jobs/ingest/{job_id}", {"state": "Aborted"})
    assert refused.status_code == 400
    assert refused.json() == [{"errorCode": "INVALIDJOBSTATE", "message": "Aborting already Completed Job not allowed"}]
    assert client("DELETE", f"{V}/jobs/ingest/{job_id}").status_code == 204
    assert client("GET", f"{V}/jobs/ingest/{job_id}").status_code == 404


def test_a_query_job_at_work_cannot_be_deleted(start: Start) -> None:
    """It must be over first."""
    client = start(bulk_job_s=(100.0, 100.0))
    job_id = client("POST", f"{V}/jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"}).json()["id"]
    refused = client("DELETE", f"{V}/jobs/query/{job_id}")
    assert refused.json()[0]["message"] == "Error encountered when deleting the job because the job is not terminated"
    assert client("PATCH", f"{V}/jobs/query/{job_id}", {"state": "Aborted"}).json()["state"] == "Aborted"
    assert client("DELETE", f"{V}/jobs/query/{job_id}").status_code == 204


def test_results_are_kept_for_seven_days(client: Client) -> None:
    """After that the job is forgotten."""
    job_id = client.job("insert", "LastName\nNair\n")
    client.told(job_id)
    client.sandbox.clock.advance(6.9 * 86_400)
    client.sf.session_id = client.sandbox.sessions.begin(client.org.integration_id).id
    assert client("GET", f"{V}/jobs/ingest/{job_id}").status_code == 200
    client.sandbox.clock.advance(0.2 * 86_400)
    client.sf.session_id = client.sandbox.sessions.begin(client.org.integration_id).id
    assert client("GET", f"{V}/jobs/ingest/{job_id}").status_code == 404


def test_data_is_uploaded_once(client: Client) -> None:
    """A second upload is refused, and after closing there is none at all."""
    job_id = client("POST", f"{V}/jobs/ingest", {"object": "Contact", "operation": "insert"}).json()["id"]
    for expected in (201, 400):
        put = client("PUT", f"{V}/jobs/ingest/{job_id}/batches", data=b"LastName\nNair\n", headers={"Content-Type": "text/csv"})
        assert put.status_code == expected
    assert "Found multiple contents for job" in put.json()[0]["message"]
    client("PATCH", f"{V}/jobs/ingest/{job_id}", {"state": "UploadComplete"})
    put = client("PUT", f"{V}/jobs/ingest/{job_id}/batches", data=b"LastName\nNair\n", headers={"Content-Type": "text/csv"})
    assert put.json()[0]["errorCode"] == "INVALIDJOBSTATE"


def test_a_multipart_job_brings_its_data(client: Client) -> None:
    """Job and data in one call: the job is closed at once."""
    job = '{"object":"Contact","contentType":"CSV","operation":"insert","lineEnding":"LF"}'
    parts = [
        ("job", "application/json", job),
        ("content", "text/csv", 'LastName,Title\nNair,"CFO, CEO"\n'),
    ]
    body = "".join(
        f'--B\r\nContent-Type: {kind}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, kind, text in parts
    )
    made = client("POST", f"{V}/jobs/ingest", data=f"{body}--B--\r\n", headers={"Content-Type": 'multipart/form-data; boundary="B"'})
    assert (made.status_code, made.json()["state"]) == (200, "UploadComplete")
    [row] = client.rows(made.json()["id"], "successfulResults")
    assert row["Title"] == "CFO, CEO"


# What a job says


def test_a_job_is_told_in_the_documented_shape(client: Client) -> None:
    """The keys of create, get and query jobs, and their order, are those of the guide."""
    made = client("POST", f"{V}/jobs/ingest", {"object": "contact", "operation": "insert", "contentType": "CSV"}).json()
    assert list(made) == [
        "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode", "contentType",
        "apiVersion", "contentUrl", "lineEnding", "columnDelimiter",
    ]  # fmt: skip
    assert (made["object"], made["state"], made["apiVersion"]) == ("Contact", "Open", 59.0)
    assert made["contentUrl"] == f"services/data/v59.0/jobs/ingest/{made['id']}/batches"
    told = client.told(made["id"])
    assert list(told)[9:14] == ["apiVersion", "jobType", "lineEnding", "columnDelimiter", "numberRecordsProcessed"]
    assert (told["jobType"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("V2Ingest", 0, 0)
    asked = client("POST", f"{V}/jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"}).json()
    assert asked["state"] == "UploadComplete"
    told = client("GET", f"{V}/jobs/query/{asked['id']}").json()
    assert (told["jobType"], told["state"], "numberRecordsFailed" in told) == ("V2Query", "JobComplete", False)


def test_all_jobs_are_listed_the_newest_first(client: Client) -> None:
    """Query and ingest jobs each have a list."""
    ids = [client.job("insert", "LastName\nNair\n") for _ in range(3)]
    listed = client("GET", f"{V}/jobs/ingest/").json()
    assert ([job["id"] for job in listed["records"]], listed["done"], listed["nextRecordsUrl"]) == (ids[::-1], True, None)
    assert client("GET", f"{V}/jobs/query").json()["records"] == []


def test_result_pages_can_be_read_side_by_side(client: Client) -> None:
    """From version 58 on, links to the pages come five at a time; together they hold every row once."""
    ids = {client.contact() for _ in range(13)}
    job_id = client("POST", f"{V}/jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"}).json()["id"]
    first = client("GET", f"{V}/jobs/query/{job_id}/resultPages?maxRecords=2").json()
    second = client("GET", first["nextRecordsUrl"]).json()
    links = [page["resultUrl"] for answer in (first, second) for page in answer["resultPages"]]
    read = [row["Id"] for link in links for row in csv.DictReader(io.StringIO(client("GET", link).text))]
    assert (len(first["resultPages"]), first["done"], second["done"], len(links)) == (5, False, True, 7)
    assert (len(read), set(read)) == (13, ids)
    assert client("GET", f"/services/data/v57.0/jobs/query/{job_id}/resultPages").status_code == 404


def test_results_are_asked_for_with_the_version_of_the_job(client: Client) -> None:
    """Another version is a conflict."""
    job_id = client("POST", f"{V}/jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"}).json()["id"]
    assert client("GET", f"/services/data/v60.0/jobs/query/{job_id}/results").status_code == 409


def test_jobs_count_against_the_limits(client: Client) -> None:
    """GET /limits tells of the query jobs and of the batches of 10,000 rows of the last day."""
    before = client.sf.limits()
    client.told(client.job("insert", "LastName\nNair\n"))
    client("POST", f"{V}/jobs/query", {"operation": "query", "query": "SELECT Id FROM Contact"})
    after = client.sf.limits()
    spent = {name: before[name]["Remaining"] - after[name]["Remaining"] for name in ("DailyBulkApiBatches", "DailyBulkV2QueryJobs")}
    assert spent == {"DailyBulkApiBatches": 1, "DailyBulkV2QueryJobs": 1}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"operation": "insert"}, "INVALIDJOB"),
        ({"operation": "explode", "object": "Contact"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Nope"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "TaskStatus"}, "INVALIDENTITY"),
        ({"operation": "upsert", "object": "Contact"}, "INVALIDJOB"),
        ({"operation": "upsert", "object": "Contact", "externalIdFieldName": "LastName"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Contact", "columnDelimiter": "SPACE"}, "INVALIDJOB"),
        ({"operation": "insert", "object": "Contact", "contentType": "JSON"}, "INVALIDJOB"),
    ],
)
def test_an_ingest_job_that_cannot_be_made(client: Client, given: dict[str, str], code: str) -> None:
    """It is refused when it is made, with a status of 400."""
    refused = client("POST", f"{V}/jobs/ingest", given)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, code)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT Id FROM TaskStatus", "INVALIDENTITY"),
        ("SELECT MailingAddress FROM Contact", "API_ERROR"),
        ("SELECT COUNT() FROM Contact", "API_ERROR"),
        ("SELECT Id FROM Contact LIMIT 1 OFFSET 1", "API_ERROR"),
        ("SELECT Id, (SELECT Id FROM Tasks) FROM Contact", "API_ERROR"),
        ("SELECT Id FROM ActivityMetric", "API_ERROR"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FORM Contact", "MALFORMED_QUERY"),
    ],
)
def test_a_query_that_cannot_run_in_bulk(client: Client, query: str, code: str) -> None:
    """It is refused when the job is made."""
    refused = client("POST", f"{V}/jobs/query", {"operation": "query", "query": query})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, code)


# Rows


def test_empty_leaves_a_value_and_na_empties_it(client: Client) -> None:
    """An empty cell is ignored; #N/A is null."""
    contact = client.contact(Title="CFO", Department="Finance")
    client.told(client.job("update", f"Id,Title,Department\n{contact},,#N/A\n"))
    values = client.org.find(contact).values
    assert (values.get("Title"), values.get("Department")) == ("CFO", None)


def test_a_parent_can_be_named_by_its_external_id(client: Client) -> None:
    """A heading such as Account.Key__c finds the parent by that value; one that is not there fails its row alone."""
    client.org.add_field("Account", Field("Key__c", "Key", "string", length=40, external_id=True, unique=True, custom=True))
    account = client.org.create(client.org.admin_id, "Account", {"Name": "Northwind", "Key__c": "nw"}).id
    job_id = client.job("insert", "LastName,Account.Key__c\nNair,nw\nSouza,zz\n")
    [good] = client.rows(job_id, "successfulResults")
    [bad] = client.rows(job_id, "failedResults")
    assert client.org.find(good["sf__Id"]).values["AccountId"] == account
    assert bad["sf__Error"] == "INVALID_FIELD:Foreign key external ID: zz not found for field Key__c in entity Account:--"


def test_a_parent_of_several_kinds_is_named_with_its_kind(client: Client) -> None:
    """A heading such as Contact:Who.Email tells which kind of parent is meant."""
    client.contact(Email="p@x.example")
    person = client.contact(LastName="Souza", Email="a@x.example")
    [row] = client.rows(client.job("insert", "Subject,Contact:Who.Email\nCall,a@x.example\n", object="Task"), "successfulResults")
    assert client.org.find(row["sf__Id"]).values["WhoId"] == person


@pytest.mark.parametrize("delimiter", ["COMMA", "TAB", "SEMICOLON", "PIPE", "CARET", "BACKQUOTE"])
@pytest.mark.parametrize("ending", ["LF", "CRLF"])
def test_every_delimiter_and_line_ending(client: Client, delimiter: str, ending: str) -> None:
    """What goes in in one shape comes out in the same."""
    text = to_csv(["LastName", "Title"], [["Nair", 'a,b;c|d^e`f\tg"h']], delimiter, ending).decode()
    job_id = client.job("insert", text, columnDelimiter=delimiter, lineEnding=ending)
    answer = client("GET", f"{V}/jobs/ingest/{job_id}/successfulResults").content
    [row] = Reader(answer, delimiter, ending).rows()
    assert row[1:] == ["true", "Nair", 'a,b;c|d^e`f\tg"h']


def test_line_endings_must_be_those_the_job_names(client: Client) -> None:
    """Otherwise the job fails, and nothing is written."""
    told = client.told(client.job("insert", "LastName\r\nNair\r\n", lineEnding="LF"))
    text = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"
    assert (told["state"], told["errorMessage"]) == ("Failed", text)


def test_ids_that_are_none_or_gone(client: Client) -> None:
    """Each row that is to be changed must name a record that is there."""
    gone = client.contact()
    client.org.delete(client.org.admin_id, client.org.find(gone))
    job_id = client.job("update", f"Id,Title\nabc,x\n0035e0000000zzzAAA,x\n,x\n{gone},x\n")
    codes = sorted(row["sf__Error"].partition(":")[0] for row in client.rows(job_id, "failedResults"))
    assert codes == ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "MISSING_ARGUMENT"]


def test_rows_come_back_in_another_order_and_the_same_in_every_run(start: Start) -> None:
    """Nobody may rely on the order of results; the seed decides it."""
    text = "LastName\n" + "".join(f"N{n}\n" for n in range(50))
    orders = []
    for _ in range(2):
        client = start()
        orders.append([row["LastName"] for row in client.rows(client.job("insert", text), "successfulResults")])
    assert orders[0] == orders[1]
    assert orders[0] != [f"N{n}" for n in range(50)]
    assert sorted(orders[0]) == sorted(f"N{n}" for n in range(50))


# Faults on purpose


def test_a_job_can_end_failed_with_half_its_rows_written(client: Client) -> None:
    """The count of processed rows tells how many were tried; the others come back as unprocessed."""
    Jobs.of(client.org).fail_half()
    job_id = client.job("insert", "LastName\n" + "".join(f"N{n}\n" for n in range(10)))
    told = client.told(job_id)
    assert (told["state"], told["numberRecordsProcessed"]) == ("Failed", 5)
    assert (len(client.rows(job_id, "successfulResults")), len(client.rows(job_id, "unprocessedrecords"))) == (5, 5)
    assert sum(1 for _ in client.org.rows("Contact")) == 5


def test_rows_can_be_locked(start: Start) -> None:
    """Some rows of a job that waits are refused with the code of a row lock."""
    client = start(bulk_job_s=(100.0, 100.0))
    contact = client.contact()
    job_id = client.job("update", f"Id,Title\n{contact},CFO\n")
    jobs, message = Jobs.of(client.org), f"unable to obtain exclusive access to this record or 1 records: {contact}"
    jobs.lock_rows(jobs.find(job_id, is_query=False), {0: RowFault("UNABLE_TO_LOCK_ROW", message)})
    client.sandbox.clock.advance(100)
    [row] = client.rows(job_id, "failedResults")
    assert (row["sf__Id"], row["sf__Error"]) == (contact, f"UNABLE_TO_LOCK_ROW:{message}:--")


def test_the_faults_file_reaches_jobs(client: Client) -> None:
    """``bulk_job_fails`` and ``lock_rows`` strike the call that closes the job; a poll can fail by itself without hurting the job."""
    client.sandbox.faults.add("lock_rows", path="jobs/ingest/[^/]+$", method="PATCH", times=1, rows=1)
    job_id = client.job("insert", "LastName\nA\nB\nC\n")
    [bad] = client.rows(job_id, "failedResults")
    assert bad["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record")
    assert sum(1 for _ in client.org.rows("Contact")) == 2
    client.sandbox.faults.add("bulk_job_fails", path="jobs/ingest/[^/]+$", method="PATCH", times=1)
    client.sandbox.faults.add("server_unavailable", path="jobs/ingest/[^/]+$", method="GET", times=1)
    job_id = client.job("insert", "LastName\nA\nB\n")
    assert client("GET", f"{V}/jobs/ingest/{job_id}").status_code == 503
    assert (client.told(job_id)["state"], client.told(job_id)["numberRecordsProcessed"]) == ("Failed", 1)


# The text itself

CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), max_size=8)


@settings(max_examples=60)
@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5),
    st.sampled_from(["COMMA", "TAB", "PIPE"]),
    st.sampled_from(["LF", "CRLF"]),
)
def test_what_is_written_is_read_again(rows: list[list[str]], delimiter: str, ending: str) -> None:
    """Quotes, delimiters and line ends inside values survive."""
    text = to_csv(["A", "B"], rows, delimiter, ending)
    assert list(Reader(text, delimiter, ending).rows()) == rows


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 4_500), st.integers(0, 4_500), st.integers(1, 5_000))
def test_any_page_can_be_cut(total: int, first: int, most: int) -> None:
    """A page holds the rows from the first on, whatever the pieces in which they are kept."""
    pages = Pages(["N"], "COMMA", "LF")
    pages.fill([str(number)] for number in range(total))
    text, count = pages.page(first, most)
    expected = [f'"{number}"' for number in range(total)[first : first + most]]
    assert (text.decode().splitlines(), count) == (['"N"', *expected], len(expected))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("912260031", "9.12260031E8"),
        ("12.5", "12.5"),
        ("-20000000", "-2.0E7"),
        ("0.0001", "1.0E-4"),
        ("9999999", "9999999.0"),
        ("12345678.9", "1.23456789E7"),
        ("n/a", "n/a"),
    ],
)
def test_numbers_as_java_writes_them(number: str, expected: str) -> None:
    """Large and small ones have an exponent."""
    assert java_number(number) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no header row"),
        (b"A,B\n1\n", "row 2 has 1 values, the header 2"),
        (b'A\n"x\n', "unexpected end of data"),
        (b"\xff\xfe", "not UTF-8"),
        (b"A,B\n1," + b"x" * 32_001 + b"\n", "a value of 32001 characters"),
    ],
)
def test_text_that_is_no_csv(text: bytes, words: str) -> None:
    """It is refused with a word about where."""
    with pytest.raises(UnreadableCsv, match=words):
        list(Reader(text, "COMMA", "LF").rows())
