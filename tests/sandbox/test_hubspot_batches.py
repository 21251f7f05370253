"""Batches: what one bad input does to its neighbours, and in which order results come."""

from typing import Any

import pytest

CONTACTS = "/crm/v3/objects/contacts/batch"


def inputs(*emails: str, traced: bool = True) -> dict[str, Any]:
    """Inputs that make contacts of these addresses."""
    made = [{"properties": {"email": email}, **({"objectWriteTraceId": f"t-{n}"} if traced else {})} for n, email in enumerate(emails)]
    return {"inputs": made}


def test_without_trace_ids_one_bad_input_spoils_the_batch(api: Any) -> None:
    """400, and nothing is written."""
    answer = api("POST", f"{CONTACTS}/create", inputs("a@example.com", "not an address", traced=False))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "INVALID_EMAIL")
    assert api("GET", "/crm/v3/objects/contacts").json()["results"] == []


def test_with_trace_ids_the_rest_is_written(api: Any) -> None:
    """207 with an error that carries the trace id; the good ones are there."""
    taken = api.create("contacts", email="taken@example.com")
    answer = api("POST", f"{CONTACTS}/create", inputs("a@example.com", "bad", "taken@example.com", "b@example.com"))
    body = answer.json()
    errors = {error["context"]["objectWriteTraceId"][0]: error for error in body["errors"]}
    assert (answer.status_code, body["status"], body["numErrors"]) == (207, "COMPLETE", 2)
    assert {r["objectWriteTraceId"]: r["properties"]["email"] for r in body["results"]} == {"t-0": "a@example.com", "t-3": "b@example.com"}
    assert errors["t-1"]["category"] == "VALIDATION_ERROR"
    assert errors["t-2"]["message"] == f"Contact already exists. Existing ID: {taken}"
    assert errors["t-2"]["context"]["existingId"] == [taken]


def test_a_doubled_address_in_a_batch_without_trace_ids_names_no_id(api: Any) -> None:
    """409 with only ``Contact already exists``."""
    answer = api("POST", f"{CONTACTS}/create", inputs("a@example.com", "a@example.com", traced=False))
    assert (answer.status_code, answer.json()["message"]) == (409, "Contact already exists")


def test_an_update_of_missing_ids_writes_the_others(api: Any) -> None:
    """One error names all ids that are not there, with or without trace ids."""
    contact = api.create("contacts", email="a@example.com")
    body = {"inputs": [{"id": i, "properties": {"jobtitle": "CFO"}} for i in (contact, "7", "8")]}
    answer = api("POST", f"{CONTACTS}/update", body)
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["category"], error["context"]["ids"]) == (207, "OBJECT_NOT_FOUND", ["7", "8"])
    assert error["message"] == "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid."
    assert [r["properties"]["jobtitle"] for r in answer.json()["results"]] == ["CFO"]


def test_an_update_of_many_stamps_them_with_the_same_millisecond(start: Any) -> None:
    """Ties on the modified date are the normal case, not the exception."""
    api = start(frozen=True)
    ids = [api.create("contacts", email=f"c{n}@example.com") for n in range(20)]
    api.sandbox.clock.advance(5)
    answer = api("POST", f"{CONTACTS}/update", {"inputs": [{"id": i, "properties": {"jobtitle": "CFO"}} for i in ids]})
    assert len({record["updatedAt"] for record in answer.json()["results"]}) == 1


def test_results_do_not_come_in_the_order_of_the_inputs(api: Any) -> None:
    """They must be matched by trace id or by id."""
    emails = [f"c{n}@example.com" for n in range(30)]
    results = api("POST", f"{CONTACTS}/create", inputs(*emails)).json()["results"]
    assert [record["properties"]["email"] for record in results] != emails
    assert sorted(record["properties"]["email"] for record in results) == sorted(emails)


def test_the_same_id_twice_is_refused(api: Any) -> None:
    """400 that names the ids."""
    answer = api("POST", f"{CONTACTS}/update", {"inputs": [{"id": "123456", "properties": {}}] * 2})
    assert answer.json()["message"] == "Duplicate IDs found in batch input: [123456]. IDs must be unique"
    assert (answer.status_code, answer.json()["context"]["ids"]) == (400, ["123456"])


@pytest.mark.parametrize(("call", "count"), [("create", 101), ("update", 101), ("upsert", 101), ("archive", 101), ("read", 101)])
def test_a_batch_has_a_most(api: Any, call: str, count: int) -> None:
    """100 inputs; 50 for a read with history."""
    items = [{"id": str(n), "properties": {}} for n in range(count)]
    assert api("POST", f"{CONTACTS}/{call}", {"inputs": items}).status_code == 400
    if call == "read":
        body = {"inputs": items[:51], "propertiesWithHistory": ["email"]}
        assert api("POST", f"{CONTACTS}/{call}", body).status_code == 400


@pytest.mark.parametrize(
    ("call", "name"), [("update", "email"), ("update", "hs_object_id"), ("upsert", "jobtitle"), ("update", "jobtitle")]
)
def test_only_unique_properties_identify(api: Any, call: str, name: str) -> None:
    """A contact's address identifies for upsert and read, but not for update; other properties must be unique."""
    answer = api("POST", f"{CONTACTS}/{call}", {"inputs": [{"id": "x", "idProperty": name, "properties": {}}]})
    assert (answer.status_code, answer.json()["message"]) == (400, f"Unable to perform update/upsert by non-unique 0-1 property {name}")


def test_upsert_by_address_says_what_is_new(api: Any) -> None:
    """The address is compared in lower case."""
    contact = api.create("contacts", email="a@example.com")
    items = [{"id": e, "idProperty": "email", "properties": {"jobtitle": "CFO"}} for e in ("A@example.com", "b@example.com")]
    results = api("POST", f"{CONTACTS}/upsert", {"inputs": items}).json()["results"]
    assert {r["properties"]["email"]: r["new"] for r in results} == {"a@example.com": False, "b@example.com": True}
    assert contact in {r["id"] for r in results}


def test_batch_archive_always_answers_204(api: Any) -> None:
    """Known and unknown ids alike."""
    contact = api.create("contacts", email="a@example.com")
    assert api("POST", f"{CONTACTS}/archive", {"inputs": [{"id": contact}, {"id": "5"}]}).status_code == 204
    assert api("GET", f"/crm/v3/objects/contacts/{contact}").status_code == 404


def test_the_items_of_a_207_can_be_as_lean_as_recorded(start: Any) -> None:
    """Recorded answers often lack ``errors`` and ``links``, which the published schema demands; the default follows the schema."""
    for is_lean in (False, True):
        error = start(lean_207=is_lean)("POST", f"{CONTACTS}/read", {"inputs": [{"id": "1"}]}).json()["errors"][0]
        assert ("links" in error, "errors" in error) == (not is_lean, not is_lean)
