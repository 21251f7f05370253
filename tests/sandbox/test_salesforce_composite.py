"""Calls inside a call: composite and its references, graphs, batches of independent calls, and trees."""

from typing import Any

import pytest

DATA = "/services/data/v64.0"
HALTED = "The transaction was rolled back since another operation in the same transaction failed."


def part(reference: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    """One part of a composite."""
    whole = {"referenceId": reference, "method": method, "url": f"{DATA}/{path}"}
    return whole | ({} if body is None else {"body": body}) | ({"httpHeaders": headers} if headers else {})


def composite(org: Any, *parts: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    """The parts of a composite's answer, which is always a 200."""
    answer = org("POST", "composite", {"allOrNone": all_or_none, "compositeRequest": list(parts)})
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["compositeResponse"]
    return list(answer.json()["compositeResponse"])


def halted(reference: str, message: str = HALTED) -> dict[str, Any]:
    """The answer to a part that was not carried out, or was taken back."""
    return {
        "body": [{"errorCode": "PROCESSING_HALTED", "message": message}],
        "httpHeaders": {},
        "httpStatusCode": 400,
        "referenceId": reference,
    }


def test_a_part_may_use_what_an_earlier_one_gave(org: Any) -> None:
    """References stand in the url and in the body, into objects and lists; the whole costs one call."""
    used = org.org.limits.used
    answer = composite(
        org,
        part("firm", "POST", "sobjects/Account", {"Name": "Northwind"}),
        part("person", "POST", "sobjects/Contact", {"LastName": "Nair", "AccountId": "@{firm.id}"}),
        part("found", "GET", "query/?q=SELECT Id, Name FROM Account WHERE Id = '@{firm.id}'"),
        part("renamed", "PATCH", "sobjects/Account/@{found.records[0].Id}", {"Name": "@{found.records[0].Name} Ltd"}),
    )
    assert [one["httpStatusCode"] for one in answer] == [201, 201, 200, 204]
    assert list(answer[0]) == ["body", "httpHeaders", "httpStatusCode", "referenceId"]
    assert answer[0]["httpHeaders"] == {"Location": f"{DATA}/sobjects/Account/{answer[0]['body']['id']}"}
    assert (answer[2]["httpHeaders"], answer[3]["body"]) == ({}, None)
    assert org.query("SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "Northwind Ltd"
    assert org.org.limits.used - used == 2


def test_an_external_id_in_a_part_is_quoted(org: Any) -> None:
    """As in a call of its own: a slash inside a value comes quoted."""
    answer = composite(org, part("one", "PATCH", "sobjects/Contact/Email/o%27neil%2Fa@y.example", {"LastName": "O'Neil"}))
    assert answer[0]["httpStatusCode"] == 201
    assert org.query("SELECT Email FROM Contact") == [{"Email": "o'neil/a@y.example"}]


def test_a_part_that_fails_stops_only_those_that_need_it(org: Any) -> None:
    """Without all or none the rest goes on; a reference without a value says so."""
    answer = composite(
        org,
        part("bad", "POST", "sobjects/Contact", {"FirstName": "Priya"}),
        part("needs", "GET", "sobjects/Contact/@{bad.id}"),
        part("other", "POST", "sobjects/Account", {"Name": "Northwind"}),
        part("foo", "GET", "sobjects/Foo"),
    )
    assert answer[0]["body"] == [
        {"message": "Required fields are missing: [LastName]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["LastName"]}
    ]
    assert answer[1] == halted("needs", "Invalid reference specified. No value for bad.id found in bad")
    assert answer[2]["httpStatusCode"] == 201
    assert answer[3] == {
        "body": [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}],
        "httpHeaders": {},
        "httpStatusCode": 404,
        "referenceId": "foo",
    }


def test_all_or_none_takes_back_what_came_before(org: Any) -> None:
    """The part that failed keeps its error; those before and after are halted, and nothing is written."""
    answer = composite(
        org,
        part("first", "POST", "sobjects/Account", {"Name": "Northwind"}),
        part("bad", "POST", "sobjects/Account", {"XName": "x"}),
        part("last", "POST", "sobjects/Account", {"Name": "Halden"}),
        all_or_none=True,
    )
    assert (answer[0], answer[2]) == (halted("first"), halted("last"))
    assert answer[1]["body"] == [{"message": "No such column 'XName' on sobject of type Account", "errorCode": "INVALID_FIELD"}]
    assert org.query("SELECT Id FROM Account") == []


def test_a_collection_inside_does_not_fail_the_composite(org: Any) -> None:
    """A collection with failed rows is a 200 of its own."""
    rows = [{"attributes": {"type": "Contact"}, "LastName": "A"}, {"attributes": {"type": "Contact"}}]
    answer = composite(org, part("rows", "POST", "composite/sobjects", {"records": rows}), all_or_none=True)
    assert [one["success"] for one in answer[0]["body"]] == [True, False]
    assert len(org.query("SELECT Id FROM Contact")) == 1


def test_headers_go_in_and_come_out(org: Any) -> None:
    """If-Modified-Since in a part gives it a 304 with headers and no body, as recorded."""
    stamp = org("GET", "sobjects").headers["last-modified"]
    answer = composite(org, part("all", "GET", "sobjects", **{"If-Modified-Since": stamp}))[0]
    assert (answer["body"], answer["httpStatusCode"], list(answer["httpHeaders"])) == (None, 304, ["ETag", "Last-Modified"])


@pytest.mark.parametrize(("path", "count"), [("sobjects", 26), ("query?q=SELECT Id FROM Contact", 6)])
def test_too_many_parts_fail_as_one(org: Any, path: str, count: int) -> None:
    """26 parts, or six queries among them, are answered with one failure that belongs to no part."""
    answer = composite(org, *(part(f"r{n}", "GET", path) for n in range(count)))
    assert (len(answer), answer[0]["referenceId"], answer[0]["httpStatusCode"]) == (1, None, 400)
    assert answer[0]["body"][0]["errorCode"] == "LIMIT_EXCEEDED"
    if count == 26:
        assert answer[0]["body"][0]["message"] == "The request can\u2019t contain more than 25 operations."


@pytest.mark.parametrize(
    "parts",
    [
        [part("one", "GET", "limits"), part("one", "GET", "limits")],
        [part("a b", "GET", "limits")],
        [part("one", "POST", "composite", {})],
        [{"method": "GET", "referenceId": "one"}],
        [],
    ],
)
def test_a_composite_that_is_not_well_formed_is_refused(org: Any, parts: list[dict[str, Any]]) -> None:
    """Doubled or odd references, a composite inside, a part without a url, no parts at all."""
    assert org("POST", "composite", {"compositeRequest": parts}).status_code == 400


def test_graphs_stand_each_for_themselves(org: Any) -> None:
    """One graph is written whole, another that fails is not written at all."""
    good = [part("firm", "POST", "sobjects/Account", {"Name": "A"}), part("p", "POST", "sobjects/Contact", {"LastName": "@{firm.id}"})]
    bad = [part("firm", "POST", "sobjects/Account", {"Name": "B"}), part("p", "POST", "sobjects/Contact", {})]
    body = {"graphs": [{"graphId": "1", "compositeRequest": good}, {"graphId": "2", "compositeRequest": bad}]}
    graphs = org("POST", "composite/graph", body).json()["graphs"]
    assert [(graph["graphId"], graph["isSuccessful"]) for graph in graphs] == [("1", True), ("2", False)]
    assert [row["Name"] for row in org.query("SELECT Name FROM Account")] == ["A"]


def test_a_batch_runs_independent_calls_and_counts_each(org: Any) -> None:
    """Each part has a status and a result; with haltOnError those after a failure are 412."""
    contact = org.create("Contact", LastName="Nair")
    used = org.org.limits.used
    parts = [
        {"method": "PATCH", "url": f"v64.0/sobjects/Contact/{contact}", "richInput": {"LastName": "Nayar"}},
        {"method": "GET", "url": f"v64.0/sobjects/Contact/{contact}?fields=LastName"},
        {"method": "GET", "url": "v64.0/sobjects/Foo"},
        {"method": "GET", "url": "v64.0/limits"},
    ]
    answer = org("POST", "composite/batch", {"batchRequests": parts}).json()
    assert answer["hasErrors"] is True
    assert [one["statusCode"] for one in answer["results"]] == [204, 200, 404, 200]
    assert (answer["results"][0]["result"], answer["results"][1]["result"]["LastName"]) == (None, "Nayar")
    assert org.org.limits.used - used == 4
    stopped = org("POST", "composite/batch", {"batchRequests": parts, "haltOnError": True}).json()["results"]
    assert [one["statusCode"] for one in stopped] == [204, 200, 404, 412]
    assert stopped[3]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"


def test_a_tree_is_written_whole_or_not_at_all(org: Any) -> None:
    """201 with an id for each reference; 400 with the errors by reference, and nothing is written."""

    def tree(contact: dict[str, Any]) -> Any:
        head = {"attributes": {"type": "Account", "referenceId": "firm"}, "Name": "Northwind"}
        child = {"attributes": {"type": "Contact", "referenceId": "person"}, **contact}
        return org("POST", "composite/tree/Account", {"records": [{**head, "Contacts": {"records": [child]}}]})

    bad = tree({"LastName": "Nair", "Email": "123"})
    assert (bad.status_code, bad.json()) == (
        400,
        {
            "hasErrors": True,
            "results": [
                {
                    "referenceId": "person",
                    "errors": [
                        {"statusCode": "INVALID_EMAIL_ADDRESS", "message": "Email: invalid email address: 123", "fields": ["Email"]}
                    ],
                }
            ],
        },
    )
    assert org.query("SELECT Id FROM Account") == []
    good = tree({"LastName": "Nair"})
    assert (good.status_code, good.json()["hasErrors"]) == (201, False)
    assert [one["referenceId"] for one in good.json()["results"]] == ["firm", "person"]
    assert org.query("SELECT Account.Name FROM Contact")[0]["Account"]["Name"] == "Northwind"
