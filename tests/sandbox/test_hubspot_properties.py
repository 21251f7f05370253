"""Property definitions and groups."""

from typing import Any

import pytest

CONTACTS = "/crm/v3/properties/contacts"
STATE = {
    "name": "state_of_things",
    "label": "State of things",
    "type": "enumeration",
    "fieldType": "select",
    "groupName": "contactinformation",
    "options": [{"label": "Good", "value": "good", "displayOrder": 0, "hidden": False}],
}


def test_a_property_lives_its_life(api: Any) -> None:
    """Made with 201 and its address, doubled 409, changed, archived, hidden, and brought back by making it again."""
    made = api("POST", CONTACTS, STATE)
    assert (made.status_code, made.headers["location"].rpartition("/")[2]) == (201, "state_of_things")
    assert "hubspotDefined" not in made.json()
    again = api("POST", CONTACTS, STATE)
    assert (again.status_code, again.json()["category"], again.json()["subCategory"], again.json()["message"]) == (
        409,
        "OBJECT_ALREADY_EXISTS",
        "Properties.PROPERTY_WITH_NAME_EXISTS",
        "A property named 'state_of_things' already exists.",
    )
    options = [{"label": "Bad", "value": "bad", "displayOrder": 0, "hidden": False}]
    changed = api("PATCH", f"{CONTACTS}/state_of_things", {"options": options, "label": "New"}).json()
    assert ([option["value"] for option in changed["options"]], changed["label"]) == (["bad"], "New")
    assert api("DELETE", f"{CONTACTS}/state_of_things").status_code == 204
    assert api("GET", f"{CONTACTS}/state_of_things").status_code == 404
    assert api("GET", f"{CONTACTS}/state_of_things", archived="true").json()["archived"] is True
    assert api("POST", CONTACTS, STATE).status_code == 201
    assert api("GET", f"{CONTACTS}/state_of_things").json()["archived"] is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "json"},
        {"fieldType": "number"},
        {"groupName": "nowhere"},
        {"name": "hs_mine"},
        {"name": "Mine"},
        {"options": []},
        {"options": [{"label": "A", "value": "a"}, {"label": "B", "value": "a"}]},
        {"label": None},
    ],
)
def test_definitions_that_cannot_be(api: Any, wrong: dict[str, Any]) -> None:
    """Unknown types, types that do not fit, unknown groups, reserved names, options missing or doubled: 400."""
    assert api("POST", CONTACTS, {**STATE, **wrong}).status_code == 400


def test_built_in_definitions_are_as_hubspot_marks_them(api: Any) -> None:
    """Read-only values say so, and a built-in property cannot be archived."""
    found = {d["name"]: d for d in api("GET", CONTACTS).json()["results"]}
    assert found["hs_email_bounce"]["modificationMetadata"]["readOnlyValue"] is True
    assert found["email"]["hasUniqueValue"] is True
    assert found["lifecyclestage"]["hubspotDefined"] is True
    assert found["hubspot_owner_id"]["externalOptions"] is True
    assert api("DELETE", f"{CONTACTS}/email").status_code == 400
    unknown = api("GET", f"{CONTACTS}/nothing")
    assert (unknown.status_code, unknown.json()["category"]) == (404, "OBJECT_NOT_FOUND")


def test_groups(api: Any) -> None:
    """A group is made, doubled 409, and kept while active properties stand under it."""
    group = {"name": "ours", "label": "Ours"}
    assert api("POST", f"{CONTACTS}/groups", group).status_code == 201
    assert api("POST", f"{CONTACTS}/groups", group).status_code == 409
    api("POST", CONTACTS, {**STATE, "groupName": "ours"})
    kept = api("DELETE", f"{CONTACTS}/groups/ours")
    assert (kept.status_code, kept.json()["subCategory"]) == (400, "PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES")
    api("DELETE", f"{CONTACTS}/state_of_things")
    assert api("DELETE", f"{CONTACTS}/groups/ours").status_code == 204
    assert api("GET", f"{CONTACTS}/groups/ours").status_code == 404
    assert api("PATCH", f"{CONTACTS}/groups/contactinformation", {"label": "About"}).json()["label"] == "About"


@pytest.mark.parametrize(("path", "status"), [(f"{CONTACTS}/batch/create", 201), ("/crm/properties/2026-09/contacts/batch/create", 200)])
def test_batches_of_definitions(api: Any, path: str, status: int) -> None:
    """201 by v3, 200 by 2026-09, 207 when one fails; archive answers 204 whatever the state."""
    items = [{**STATE, "name": f"p{n}"} for n in range(3)]
    assert api("POST", path, {"inputs": items}).status_code == status
    again = api("POST", path, {"inputs": [*items, {**STATE, "name": "p9"}]})
    assert (again.status_code, again.json()["numErrors"], len(again.json()["results"])) == (207, 3, 1)
    read = api("POST", f"{CONTACTS}/batch/read", {"inputs": [{"name": "p1"}, {"name": "nope"}], "archived": False})
    assert (read.status_code, [d["name"] for d in read.json()["results"]]) == (207, ["p1"])
    assert api("POST", f"{CONTACTS}/batch/archive", {"inputs": [{"name": "p1"}, {"name": "nope"}]}).status_code == 204


def test_a_custom_value_is_checked_like_a_built_in_one(api: Any) -> None:
    """Options are exact; several are parted by semicolons and a leading one adds."""
    api("POST", CONTACTS, {**STATE, "fieldType": "checkbox", "options": [{"label": w, "value": w} for w in ("a", "b", "c")]})
    contact = api.create("contacts", email="a@example.com", state_of_things="a;b")
    api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"state_of_things": ";c"}})
    assert api.sandbox.portal.properties("contacts", contact)["state_of_things"] == "a;b;c"
    wrong = api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"state_of_things": "a;d"}})
    assert "d was not one of the allowed options: [a, b, c]" in wrong.json()["message"]


@pytest.mark.parametrize(("given", "shown"), [("2026-11-22", "2026-11-22"), ("1795305600000", "2026-11-22")])
def test_dates_come_back_as_days(api: Any, given: str, shown: str) -> None:
    """A day or midnight in milliseconds, nothing else."""
    contact = api.create("contacts", email="a@example.com", hs_job_change_detected_date=given)
    assert api.sandbox.portal.properties("contacts", contact)["hs_job_change_detected_date"] == shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("1795341600000", "2026-11-22T10:00:00Z"),
        ("2026-11-22T10:00:00.5Z", "2026-11-22T10:00:00.500Z"),
        ("2026-11-22T12:00:00+02:00", "2026-11-22T10:00:00Z"),
    ],
)
def test_moments_come_back_in_utc(api: Any, given: str, shown: str) -> None:
    """Milliseconds or ISO-8601 in; UTC out, with milliseconds only where there are any."""
    note = api.create("notes", hs_timestamp=given)
    assert api.sandbox.portal.properties("notes", note)["hs_timestamp"] == shown


def test_a_new_definition_may_take_its_time_to_be_seen(start: Any) -> None:
    """250 to 700 ms were measured; the switch is off by default."""
    api = start(property_delay=(50.0, 60.0))
    assert api("POST", CONTACTS, STATE).status_code == 201
    assert api("GET", f"{CONTACTS}/state_of_things").status_code == 404
    early = api("POST", "/crm/v3/objects/contacts", {"properties": {"state_of_things": "good"}})
    assert early.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"
    api.sandbox.clock.advance(61)
    assert api("GET", f"{CONTACTS}/state_of_things").status_code == 200


def test_limits_of_definitions(start: Any) -> None:
    """So many custom properties an object, ten of them unique; the limits API counts them."""
    api = start(custom_property_limit=12)
    text = {"label": "x", "type": "string", "fieldType": "text", "groupName": "contactinformation"}
    statuses = [api("POST", CONTACTS, {**text, "name": f"u{n}", "hasUniqueValue": True}).status_code for n in range(11)]
    assert statuses == [201] * 10 + [400]
    statuses = [api("POST", CONTACTS, {**text, "name": f"c{n}"}).status_code for n in range(3)]
    assert statuses == [201, 201, 400]
    row = api("GET", "/crm/v3/limits/custom-properties").json()["byObjectType"][0]
    assert (row["objectTypeId"], row["usage"], row["limit"]) == ("0-1", 12, 12)
