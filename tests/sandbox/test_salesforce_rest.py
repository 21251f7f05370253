"""Single records, queries and definitions of the org over REST, held against recorded answers of real orgs."""

import gzip
from typing import Any

import orjson
import pytest
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest, SalesforceMoreThanOneRecord, SalesforceResourceNotFound
from simple_salesforce.format import format_external_id

from sandbox.clock import from_ms

DATA = "/services/data/v64.0"
GONE = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
DAY_MS = 86_400_000


def test_versions_are_told_to_anybody(org: Any) -> None:
    """No session, no usage header, and labels by season as Salesforce names them."""
    answer = org.http.get("/services/data", headers={"Authorization": ""})
    by_version = {one["version"]: one["label"] for one in answer.json()}
    assert (answer.status_code, "sforce-limit-info" in answer.headers) == (200, False)
    assert list(answer.json()[0]) == ["label", "url", "version"]
    assert {version: by_version[version] for version in ("31.0", "32.0", "42.0", "59.0", "64.0")} == {
        "31.0": "Summer '14",
        "32.0": "Winter '15",
        "42.0": "Spring \u201918",
        "59.0": "Winter '24",
        "64.0": "Summer '25",
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "message"),
    [
        ("GET", "/services/data/v64.0/nothing", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("GET", "/services/data/v99.0/sobjects", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("GET", "/services/data/v64", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("GET", "/services/data/v20.0/sobjects", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("GET", "/services/data/v64.0/sobjects/Foo", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("GET", "/services/data/v64.0/sobjects/Foo/describe", 404, "NOT_FOUND", "The requested resource does not exist"),
        (
            "PATCH",
            "/services/data/v64.0/sobjects/Account",
            405,
            "METHOD_NOT_ALLOWED",
            "HTTP Method 'PATCH' not allowed. Allowed are HEAD,GET,POST",
        ),
        (
            "PUT",
            "/services/data/v64.0/sobjects/Account/001000000000000AAA",
            405,
            "METHOD_NOT_ALLOWED",
            "HTTP Method 'PUT' not allowed. Allowed are HEAD,GET,PATCH,DELETE",
        ),
        (
            "GET",
            "/services/data/v64.0/sobjects/Contact/rid",
            404,
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: rid",
        ),
        (
            "GET",
            "/services/data/v64.0/sobjects/Contact/LastName/x",
            404,
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: LastName",
        ),
        ("GET", "/services/data/v64.0/sobjects/Contact/Email/x@y.example", 404, "NOT_FOUND", "The requested resource does not exist"),
        ("GET", "/services/data/v64.0/query", 400, "MALFORMED_QUERY", "A query string has to be specified"),
        ("GET", "/services/data/v64.0/query/01g5e00000XxXxXxAA-2000", 400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
    ],
)
def test_what_is_not_there_is_refused_in_salesforces_words(org: Any, method: str, path: str, status: int, code: str, message: str) -> None:
    """Status, code and message; errors about the address itself tell the code first, as recorded."""
    answer = org(method, path)
    assert (answer.status_code, answer.json()) == (status, [{"errorCode": code, "message": message}])
    first = "errorCode" if status in {404, 405} else "message"
    assert next(iter(answer.json()[0])) == first
    if status == 405:
        assert answer.headers["allow"] == message.rpartition(" ")[2]


def test_a_record_lives_and_dies(org: Any) -> None:
    """Created with 201 and a Location, read with attributes first, changed and deleted with 204, then ENTITY_IS_DELETED."""
    made = org("POST", "sobjects/Contact/", {"LastName": "Nair", "Email": "priya@northwind.example"})
    contact = made.json()["id"]
    assert (made.status_code, made.json()) == (201, {"id": contact, "success": True, "errors": []})
    assert made.headers["location"] == f"{DATA}/sobjects/Contact/{contact}"
    row = org("GET", f"sobjects/Contact/{contact}").json()
    assert list(row)[:3] == ["attributes", "Id", "IsDeleted"]
    assert row["attributes"] == {"type": "Contact", "url": f"{DATA}/sobjects/Contact/{contact}"}
    assert (row["LastName"], row["Phone"], row["MailingAddress"]) == ("Nair", None, None)
    assert org("PATCH", f"sobjects/Contact/{contact[:15]}", {"LastName": "Nayar", "MailingCity": "Pune"}).status_code == 204
    read = org("GET", f"sobjects/contact/{contact}/", fields="LastName,MailingAddress")
    assert read.json()["LastName"] == "Nayar"
    assert {name: value for name, value in read.json()["MailingAddress"].items() if value is not None} == {"city": "Pune"}
    assert {"etag", "last-modified"} <= set(read.headers)
    gone = org("DELETE", f"sobjects/Contact/{contact}")
    assert (gone.status_code, gone.content, "content-length" in gone.headers) == (204, b"", False)
    for method in ("GET", "PATCH", "DELETE"):
        answer = org(method, f"sobjects/Contact/{contact}", {} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()) == (
            404,
            [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}],
        )


def test_a_write_is_refused_with_what_is_wrong(org: Any) -> None:
    """The codes and messages of recorded refusals; nothing is written."""
    column = {"message": "No such column 'foo' on sobject of type Contact", "errorCode": "INVALID_FIELD"}
    missing = {"message": "Required fields are missing: [LastName]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["LastName"]}
    key = {"message": "The Id field should not be specified in the sobject data.", "errorCode": "INVALID_FIELD"}
    date = {
        "message": "Cannot deserialize instance of date from VALUE_STRING value soon or request may be missing a required field at "
        "[line:1, column:17]",
        "errorCode": "JSON_PARSER_ERROR",
    }
    contact = org.create("Contact", LastName="Nair")
    before = org.query("SELECT COUNT(Id) n FROM Contact")
    assert org("POST", "sobjects/Contact", {"foo": 1}).json() == [column]
    assert org("POST", "sobjects/Contact", {"FirstName": "Priya"}).json() == [missing]
    assert org("PATCH", f"sobjects/Contact/{contact}", {"Id": contact}).json() == [key]
    assert org("POST", "sobjects/Contact", {"LastName": "x", "Birthdate": "soon"}).json() == [date]
    assert org.query("SELECT COUNT(Id) n FROM Contact") == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The HTTP entity body is required, but this request has no entity body."),
        (b"LastName=x", "Unrecognized token 'LastName': was expecting ('true', 'false' or 'null') at [line:1, column:1]"),
        (b'{"a":1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name at [line:1, column:8]"),
        (b'{"a":1 "b":2}', "Unexpected character ('\"' (code 34)): was expecting comma to separate OBJECT entries at [line:1, column:8]"),
        (b'{"a":', "Unexpected end-of-input at [line:1, column:6]"),
    ],
)
def test_a_body_that_is_no_json_is_refused_in_the_parsers_words(org: Any, content: bytes, words: str) -> None:
    """What was found, what was expected, and where."""
    answer = org.http.post(f"{DATA}/sobjects/Contact", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, [{"message": words, "errorCode": "JSON_PARSER_ERROR"}])


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b'{"LastName": ', "application/json", 400, "JSON_PARSER_ERROR"),
        (b"LastName=x", "application/json", 400, "JSON_PARSER_ERROR"),
        (b"[]", "application/json; charset=UTF-8", 400, "INVALID_FIELD"),
        (b"<x/>", "text/xml", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(org: Any, content: bytes, kind: str, status: int, code: str) -> None:
    """No body, no JSON, a list where an object belongs, or another type of content."""
    answer = org.http.post(f"{DATA}/sobjects/Contact", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)


def test_an_external_id_finds_one_none_or_several(org: Any) -> None:
    """Upsert: 201 with created true, 200 with created false (no body before version 46), 300 with the addresses of all."""
    made = org("PATCH", "sobjects/Contact/Email/ana@pampa.example", {"LastName": "Souza"})
    contact = made.json()["id"]
    assert (made.status_code, made.json()) == (201, {"id": contact, "success": True, "errors": [], "created": True})
    changed = org("PATCH", "sobjects/Contact/Email/ANA@pampa.example", {"LastName": "Sousa"})
    assert (changed.status_code, changed.json()) == (200, {"id": contact, "success": True, "errors": [], "created": False})
    old = org("PATCH", "/services/data/v45.0/sobjects/Contact/Email/ana@pampa.example", {"LastName": "Souza"})
    assert (old.status_code, old.content) == (204, b"")
    refused = org("PATCH", "sobjects/Contact/Email/ana@pampa.example", {"Email": "x@y.example"})
    assert refused.json() == [{"message": "The Email field should not be specified in the sobject data.", "errorCode": "INVALID_FIELD"}]
    other = org.create("Contact", LastName="Souza", Email="ana@pampa.example")
    several = org("PATCH", "sobjects/Contact/Email/ana@pampa.example", {"LastName": "x"})
    assert (several.status_code, several.json()) == (300, [f"{DATA}/sobjects/Contact/{one}" for one in (contact, other)])
    assert org("DELETE", f"sobjects/Contact/{other}").status_code == 204
    assert org("GET", "sobjects/Contact/Email/ana@pampa.example").json()["Id"] == contact
    assert org("DELETE", "sobjects/Contact/Email/ana@pampa.example").status_code == 204
    assert org("PATCH", "sobjects/Contact/Email/n@y.example", {"LastName": "x"}, updateOnly="true").json() == GONE


def test_relationships_lead_to_parents_and_children(org: Any) -> None:
    """An id and a relationship's name give the parent's row, or the children as a query would."""
    account = org.create("Account", Name="Northwind")
    contact = org.create("Contact", LastName="Nair", AccountId=account)
    assert org("GET", f"sobjects/Contact/{contact}/Account", fields="Name").json()["Name"] == "Northwind"
    children = org("GET", f"sobjects/Account/{account}/Contacts", fields="LastName").json()
    assert (children["totalSize"], children["records"][0]["LastName"]) == (1, "Nair")
    assert org("GET", f"sobjects/Contact/{contact}/ReportsTo").json() == GONE
    row = org("GET", f"sobjects/Contact/{contact}", fields="LastName,Account.Name").json()
    assert (row["LastName"], row["Account"]["Name"]) == ("Nair", "Northwind")


def test_a_parent_may_be_named_by_an_external_id(org: Any) -> None:
    """A nested object with an external id stands for the parent's id; one that leads nowhere is refused."""
    owner = org.org.find(org.org.integration_id).values["Username"]
    boss = org.create("Contact", LastName="Kern", Email="kern@halden.example")
    made = org.create("Contact", LastName="Becker", ReportsTo={"Email": "kern@halden.example"})
    assert org.org.find(made).values["ReportsToId"] == boss
    refused = org("POST", "sobjects/Contact", {"LastName": "x", "ReportsTo": {"Email": "no@halden.example"}})
    assert refused.json()[0] == {
        "message": "Foreign key external ID: no@halden.example not found for field Email in entity Contact",
        "errorCode": "INVALID_FIELD",
        "fields": [],
    }
    assert owner


def test_definitions_are_told_again_only_when_they_changed(org: Any) -> None:
    """If-Modified-Since gets a 304 until a field comes or goes."""
    first = org("GET", "sobjects/Contact/describe")
    assert first.json()["name"] == "Contact"
    stamp = {"If-Modified-Since": first.headers["last-modified"]}
    path = f"{DATA}/sobjects/Contact/describe"
    again = org.http.get(path, headers=stamp)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    org.sandbox.clock.advance(60)
    field = org.org.schema.object("Contact").field("Title")
    org.org.remove_field("Contact", field.name)
    assert org.http.get(path, headers=stamp).status_code == 200
    assert org("GET", "sobjects").json()["sobjects"][0]["name"] == "Account"
    assert list(org("GET", "sobjects/Contact").json()) == ["objectDescribe", "recentItems"]


def test_query_pages_by_cursor(start_org: Any) -> None:
    """The page size is advice, at least 200; the address of the next page is relative; a cursor ends with its life."""
    org = start_org(cursor_life=600.0)
    for n in range(405):
        org.org.import_record("Contact", {"LastName": f"Nr {n:03}"})
    path = f"{DATA}/query"
    first = org.http.get(path, params={"q": "SELECT Id FROM Contact"}, headers={"Sforce-Query-Options": "batchSize=50"}).json()
    assert (list(first), len(first["records"])) == (["totalSize", "done", "nextRecordsUrl", "records"], 200)
    assert first["nextRecordsUrl"].startswith(f"{DATA}/query/0r8")
    second = org("GET", first["nextRecordsUrl"]).json()
    last = org("GET", second["nextRecordsUrl"]).json()
    seen = [row["Id"] for page in (first, second, last) for row in page["records"]]
    assert (len(set(seen)), last["done"], "nextRecordsUrl" in last) == (405, True, False)
    org.sandbox.clock.advance(601)
    assert org("GET", first["nextRecordsUrl"]).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_query_all_also_gives_what_is_deleted(org: Any) -> None:
    """Query leaves deleted rows out, queryAll does not."""
    kept, gone = org.create("Contact", LastName="Kept"), org.create("Contact", LastName="Gone")
    org("DELETE", f"sobjects/Contact/{gone}")
    soql = "SELECT Id, IsDeleted FROM Contact ORDER BY Id"
    assert org.query(soql) == [{"Id": kept, "IsDeleted": False}]
    rows = org("GET", "queryAll", q=soql).json()["records"]
    assert [(row["Id"], row["IsDeleted"]) for row in rows] == [(kept, False), (gone, True)]


def test_updated_and_deleted_tell_spans(org: Any) -> None:
    """Ids of changes, ids and moments of deletions, and how far each answer reaches."""
    contact, gone = org.create("Contact", LastName="Nair"), org.create("Contact", LastName="Gone")
    org("DELETE", f"sobjects/Contact/{gone}")
    org.sandbox.clock.advance(120)
    now = org.sandbox.clock.now_ms()
    span = {"start": moment(now - DAY_MS), "end": moment(now)}
    updated = org("GET", "sobjects/Contact/updated/", **span).json()
    deleted = org("GET", "sobjects/Contact/deleted", **span).json()
    assert updated == {"ids": [contact], "latestDateCovered": moment(now).replace("Z", ".000+0000")}
    assert list(deleted) == ["deletedRecords", "earliestDateAvailable", "latestDateCovered"]
    assert [one["id"] for one in deleted["deletedRecords"]] == [gone]


def test_seconds_of_a_span_are_passed_over(org: Any) -> None:
    """12:35:45 is read as 12:35:00, so what was deleted in that minute comes with the next span."""
    org.sandbox.clock.set(org.sandbox.clock.now().replace(second=30, microsecond=0))
    gone = org.create("Contact", LastName="Gone")
    org("DELETE", f"sobjects/Contact/{gone}")
    minute = org.sandbox.clock.now_ms() // 60_000 * 60_000
    for end, ids in ((minute + 45_000, []), (minute + 75_000, [gone])):
        answer = org("GET", "sobjects/Contact/deleted", start=moment(minute - 120_000), end=moment(end)).json()
        assert [one["id"] for one in answer["deletedRecords"]] == ids


def test_spans_too_old_or_too_short_are_refused(org: Any) -> None:
    """Updated reaches 30 days back, deleted 15; a span lasts at least a minute."""
    now = org.sandbox.clock.now_ms()
    for what, days in (("updated", 30), ("deleted", 15)):
        path = f"sobjects/Contact/{what}"
        good = org("GET", path, start=moment(now - days * DAY_MS + 60_000), end=moment(now))
        old = org("GET", path, start=moment(now - days * DAY_MS - 60_000), end=moment(now))
        minute = now // 60_000 * 60_000
        short = org("GET", path, start=moment(minute - 50_000), end=moment(minute - 5_000))
        assert [answer.status_code for answer in (good, old, short)] == [200, 400, 400]
        assert old.json() == [{"message": "startDate before org replication enabled date", "errorCode": "INVALID_REPLICATION_DATE"}]


def test_what_is_not_committed_yet_holds_back_the_span(start_org: Any) -> None:
    """A change with a late commit is not told, and the span is said to end before it."""
    org = start_org(commit_delay=(30.0, 30.0), sandbox={"frozen": True})
    org.sandbox.clock.advance(300)
    stamp = org.org.now_ms()
    contact = org.create("Contact", LastName="Late")
    org.sandbox.clock.advance(20)
    span = {"start": moment(stamp - DAY_MS), "end": moment(org.org.now_ms())}
    early = org("GET", "sobjects/Contact/updated", **span).json()
    assert early == {"ids": [], "latestDateCovered": moment(stamp).replace("Z", ".000+0000")}
    org.sandbox.clock.advance(15)
    assert org("GET", "sobjects/Contact/updated", **span).json()["ids"] == [contact]


def test_counts_are_stale_and_leave_out_empty_objects(org: Any) -> None:
    """What was made in the last half hour is not counted yet, as in recorded answers."""
    org.create("Contact", LastName="Nair")
    counted = org("GET", "limits/recordCount", sObjects="Contact,Lead,Foo").json()
    assert counted == {"sObjects": [{"count": 0, "name": "Contact"}]}
    org.sandbox.clock.advance(1900)
    assert org("GET", "limits/recordCount", sObjects="Contact").json() == {"sObjects": [{"count": 1, "name": "Contact"}]}


def test_recent_records_are_those_the_user_touched(org: Any) -> None:
    """Newest first."""
    first, second = org.create("Contact", LastName="A"), org.create("Contact", LastName="B")
    org.sandbox.clock.advance(5)
    org("PATCH", f"sobjects/Contact/{first}", {"LastName": "C"})
    assert [row["Id"] for row in org("GET", "recent").json()] == [first, second]


def test_answers_are_compressed_and_laid_out_when_asked(org: Any) -> None:
    """Gzip both ways, and JSON with line breaks for X-PrettyPrint."""
    plain = org.http.get(f"{DATA}/sobjects", headers={"Accept-Encoding": "identity"})
    packed = org.http.get(f"{DATA}/sobjects", headers={"Accept-Encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.json() == plain.json()) == ("gzip", True)
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 5
    pretty = org.http.get(f"{DATA}/limits", headers={"X-PrettyPrint": "1"})
    assert pretty.text.startswith("{\n")
    body = gzip.compress(orjson.dumps({"LastName": "Packed"}))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert org.http.post(f"{DATA}/sobjects/Contact", content=body, headers=headers).status_code == 201


def test_what_is_too_long_is_turned_away(org: Any) -> None:
    """16 KB of address or of headers."""
    assert org.http.get(f"{DATA}/query", params={"q": "x" * 17_000}).status_code == 414
    assert org.http.get(f"{DATA}/limits", headers={"X-Long": "x" * 17_000}).status_code == 431


def test_patch_may_come_as_post(org: Any) -> None:
    """For clients that cannot send PATCH: ``_HttpMethod``."""
    contact = org.create("Contact", LastName="Nair")
    assert org("POST", f"sobjects/Contact/{contact}", {"LastName": "Nayar"}, _HttpMethod="PATCH").status_code == 204
    assert org.query("SELECT LastName FROM Contact") == [{"LastName": "Nayar"}]


def test_inserting_an_assignment_grants_a_permission_set(org: Any) -> None:
    """A PermissionSetAssignment is made like any record."""
    permission_set = org.create("PermissionSet", Name="StillThere", Label="Still There")
    org.create("PermissionSetAssignment", AssigneeId=org.org.integration_id, PermissionSetId=permission_set)
    rows = org.query("SELECT AssigneeId, PermissionSetId FROM PermissionSetAssignment")
    assert {"AssigneeId": org.org.integration_id, "PermissionSetId": permission_set} in rows


def test_the_python_client_reads_and_writes(org: Any, https: Any) -> None:
    """simple-salesforce as it is: create, get, update, upsert, delete, query with cursors, describe, and its exceptions."""
    client: Any = Salesforce(session=https(org), session_id=org.session.id, instance="stillthere.my.salesforce.com", version="64.0")
    contact = client.Contact.create({"LastName": "Nair", "Email": "priya@northwind.example"})["id"]
    assert client.Contact.update(contact, {"Title": "CFO"}) == 204
    assert client.Contact.get(contact)["Title"] == "CFO"
    assert client.Contact.get_by_custom_id("Email", "priya@northwind.example")["Id"] == contact
    assert client.Contact.upsert(format_external_id("Email", "o'neil/a+b@northwind.example"), {"LastName": "O'Neil"}) == 201
    assert {field["name"] for field in client.Contact.describe()["fields"]} >= {"Id", "LastName", "SystemModstamp"}
    for n in range(2500):
        org.org.import_record("Lead", {"LastName": f"Nr {n}", "Company": "x"})
    assert len(list(client.query_all_iter("SELECT Id FROM Lead"))) == 2500
    assert client.Contact.delete(contact) == 204
    with pytest.raises(SalesforceResourceNotFound):
        client.Contact.get(contact)
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_FIELD"):
        client.query("SELECT Nope FROM Contact")
    for _ in range(2):
        org.create("Contact", LastName="Twin", Email="twin@northwind.example")
    with pytest.raises(SalesforceMoreThanOneRecord):
        client.Contact.get_by_custom_id("Email", "twin@northwind.example")


def moment(ms: int) -> str:
    """A moment as a query parameter has it, to the second."""
    return from_ms(ms // 1000 * 1000).strftime("%Y-%m-%dT%H:%M:%SZ")
