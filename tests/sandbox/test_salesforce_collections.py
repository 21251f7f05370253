"""Up to 200 records in one call: results in the order of the request, partial success, and all or none."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simple_salesforce.api import Salesforce

ALL = "composite/sobjects"
MISSING = {"statusCode": "REQUIRED_FIELD_MISSING", "message": "Required fields are missing: [LastName]", "fields": ["LastName"]}
ROLLED_BACK = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
    "fields": [],
}


def row(kind: str = "Contact", **values: Any) -> dict[str, Any]:
    """One record of a collection."""
    return {"attributes": {"type": kind}, **values}


def refused(*errors: dict[str, Any]) -> dict[str, Any]:
    """The result of a row that failed."""
    return {"success": False, "errors": list(errors)}


def names(org: Any) -> list[str]:
    """The last names of all contacts."""
    return sorted(one["LastName"] for one in org.query("SELECT LastName FROM Contact"))


def test_results_stand_in_the_order_of_the_request(org: Any) -> None:
    """Good rows are written and bad ones told, each at its place; the status is 200."""
    body = {"records": [row(LastName="A"), row(FirstName="B"), row("Account", Name="C")]}
    answer = org("POST", ALL, body)
    first, second, third = answer.json()
    assert answer.status_code == 200
    assert (first, second) == ({"id": first["id"], "success": True, "errors": []}, refused(MISSING))
    assert (third["id"][:3], list(first)) == ("001", ["id", "success", "errors"])
    assert names(org) == ["A"]


def test_all_or_none_takes_everything_back(org: Any) -> None:
    """One bad row undoes the others, what followed from them, and says so in each."""
    kept = org.create("Contact", LastName="Kept")
    bodies = [row(LastName="A"), row(FirstName="B"), row("Task", Subject="call", WhoId=kept, Status="Completed")]
    answer = org("POST", ALL, {"allOrNone": True, "records": bodies}).json()
    assert answer == [refused(ROLLED_BACK), refused(MISSING), refused(ROLLED_BACK)]
    assert (names(org), org.query("SELECT Id FROM Task")) == (["Kept"], [])
    changes = [row(id=kept, LastName="Changed"), row(id=kept[:-3] + "AAB", LastName="x")]
    answer = org("PATCH", ALL, {"allOrNone": True, "records": changes}).json()
    assert [one["errors"][0]["statusCode"] for one in answer] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MALFORMED_ID"]
    assert names(org) == ["Kept"]
    gone = org("DELETE", ALL, ids=f"{kept},003000000000000AAA", allOrNone="true").json()
    assert [one["errors"][0]["statusCode"] for one in gone] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_CROSS_REFERENCE_KEY"]
    assert names(org) == ["Kept"]


def test_updates_name_their_records(org: Any) -> None:
    """An id that is missing, doubled, malformed, unknown, of another object or deleted is told in the row."""
    one, gone, account = org.create("Contact", LastName="A"), org.create("Contact", LastName="B"), org.create("Account", Name="C")
    org("DELETE", f"sobjects/Contact/{gone}")
    ids = [one, None, one[:15], "nonsense", "003000000000000AAA", account, gone]
    answer = org("PATCH", ALL, {"records": [row(id=record_id, LastName=f"N{n}") for n, record_id in enumerate(ids)]}).json()
    assert answer[0] == {"id": one, "success": True, "errors": []}
    assert [result["errors"][0]["statusCode"] for result in answer[1:]] == [
        "MISSING_ARGUMENT",
        "DUPLICATE_VALUE",
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "ENTITY_IS_DELETED",
    ]
    assert all("id" not in result for result in answer[1:])
    assert answer[1]["errors"][0]["message"] == "Id not specified in an update call"


def test_upserts_tell_what_was_created(org: Any) -> None:
    """By an external id: created true or false; doubled, missing and ambiguous keys are told in the row."""
    for _ in range(2):
        org.create("Contact", LastName="Twin", Email="twin@y.example")
    first = org("PATCH", f"{ALL}/Contact/Email", {"records": [row(LastName="A", Email="a@y.example")]}).json()
    assert first == [{"id": first[0]["id"], "success": True, "errors": [], "created": True}]
    keys = ["A@y.example", "a@y.example", "b@y.example", None, "twin@y.example"]
    answer = org("PATCH", f"{ALL}/Contact/Email", {"records": [row(LastName="X", Email=key) for key in keys]}).json()
    assert [result.get("created", result["errors"] and result["errors"][0]["statusCode"]) for result in answer] == [
        False,
        "DUPLICATE_VALUE",
        True,
        "MISSING_ARGUMENT",
        "DUPLICATE_EXTERNAL_ID",
    ]
    assert answer[1]["errors"][0]["message"] == "Duplicate external id specified: a@y.example"


def test_an_upsert_by_id_without_one_creates(org: Any) -> None:
    """As recorded: Id null makes a record, Id given changes it."""
    made = org("PATCH", f"{ALL}/Account/Id", {"allOrNone": False, "records": [row("Account", Name="Bluth", Id=None)]}).json()
    assert made[0]["created"] is True
    again = org("PATCH", f"{ALL}/Account/Id", {"records": [row("Account", Name="Sitwell", Id=made[0]["id"])]}).json()
    assert again == [{"id": made[0]["id"], "success": True, "errors": [], "created": False}]


def test_deletes_and_reads_take_ids(org: Any) -> None:
    """Deleting tells each row; reading gives rows by place, null where there is none."""
    one, two = org.create("Contact", LastName="A"), org.create("Contact", LastName="B")
    gone = org("DELETE", ALL, ids=f"{one},{one},nonsense").json()
    assert gone[0] == {"id": one, "success": True, "errors": []}
    assert [result["errors"][0]["statusCode"] for result in gone[1:]] == ["ENTITY_IS_DELETED", "MALFORMED_ID"]
    by_get = org("GET", f"{ALL}/Contact", ids=f"{two},{one}", fields="Id,LastName").json()
    by_post = org("POST", f"{ALL}/Contact", {"ids": [two, one], "fields": ["Id", "LastName"]}).json()
    assert by_get == by_post
    assert (by_get[0]["LastName"], by_get[1]) == ("B", None)
    assert org("DELETE", ALL, ids="").json() == [{"message": "At least 1 Id is required.", "errorCode": "REQUIRED_FIELD_MISSING"}]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", ALL, {"records": [row(LastName="x")] * 201}, "EXCEEDED_ID_LIMIT"),
        ("PATCH", ALL, {"records": [row(id="003000000000000AAA")] * 201}, "EXCEEDED_ID_LIMIT"),
        ("POST", ALL, {"records": []}, "REQUIRED_FIELD_MISSING"),
        ("POST", ALL, {"records": [row("Nothing__c", Name="x")]}, "INVALID_TYPE"),
        ("POST", ALL, {"records": [row("Contact" if n % 2 else "Account", Name="x") for n in range(11)]}, "LIMIT_EXCEEDED"),
        ("POST", ALL, [], "INVALID_FIELD"),
    ],
)
def test_a_collection_that_is_wrong_as_a_whole_is_a_400(org: Any, method: str, path: str, body: Any, code: str) -> None:
    """More than 200 rows, none, an unknown object, or more than ten groups of one object."""
    answer = org(method, path, body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    if code == "EXCEEDED_ID_LIMIT":
        assert answer.json()[0]["message"] == "record limit reached. cannot submit more than 200 records into this call"
    assert names(org) == []


def test_empty_text_is_no_date(org: Any) -> None:
    """As reported from real orgs: an empty text empties a text field, but is a wrong value for a date or a number."""
    rows = [row(LastName="A", Title=""), row(LastName="B", Birthdate=""), row("Account", Name="C", AnnualRevenue="")]
    answer = org("POST", ALL, {"records": rows}).json()
    assert [one["success"] for one in answer] == [True, False, False]
    assert answer[1]["errors"][0]["message"].startswith("Cannot deserialize instance of date from VALUE_STRING value  or request")


def test_a_wrong_value_spoils_only_its_row(org: Any) -> None:
    """Collections read the whole body first, so the place of a wrong value is not known."""
    answer = org("POST", ALL, {"records": [row(LastName="A"), row(LastName="B", Birthdate="soon"), row(LastName="C", foo=1)]}).json()
    assert answer[1]["errors"][0] == {
        "statusCode": "JSON_PARSER_ERROR",
        "message": "Cannot deserialize instance of date from VALUE_STRING value soon or request may be missing a required field at "
        "[Source: N/A; line: -1, column: -1][line:-1, column:-1]",
        "fields": [],
    }
    assert answer[2]["errors"][0]["message"] == "No such column 'foo' on sobject of type Contact"
    assert names(org) == ["A"]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=st.lists(st.sampled_from(["good", "bad"]), min_size=1, max_size=12), all_or_none=st.booleans())
def test_exactly_the_good_rows_are_written(org: Any, rows: list[str], all_or_none: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever the mix: with all or none either every row or no row, else exactly those that succeed."""
    before = len(names(org))
    body = {"allOrNone": all_or_none, "records": [row(LastName="x") if kind == "good" else row(FirstName="x") for kind in rows]}
    answer = org("POST", ALL, body).json()
    written = len(names(org)) - before
    assert sum(one["success"] for one in answer) == written
    assert written == (0 if all_or_none and "bad" in rows else rows.count("good"))


def test_the_python_client_sends_collections(org: Any, https: Any) -> None:
    """simple-salesforce has no verb for them, but reaches them."""
    client: Any = Salesforce(session=https(org), session_id=org.session.id, instance="stillthere.my.salesforce.com", version="64.0")
    made = client.restful("composite/sobjects", method="POST", json={"allOrNone": False, "records": [row(LastName="A"), row()]})
    assert [one["success"] for one in made] == [True, False]
    gone = client.restful("composite/sobjects", params={"ids": made[0]["id"], "allOrNone": "false"}, method="DELETE")
    assert gone == [{"id": made[0]["id"], "success": True, "errors": []}]
