"""Associations v4: both directions, primary companies, labels, pages and maxima."""

from typing import Any

import pytest


def test_a_link_is_seen_from_both_ends_with_its_own_type_each_way(api: Any) -> None:
    """The other end is a number, everything else text; the types differ by direction."""
    contact, task = api.create("contacts", email="a@example.com"), api.create("tasks", hs_timestamp="2026-12-01T09:00:00Z")
    assert api("PUT", f"/crm/v4/objects/tasks/{task}/associations/default/contacts/{contact}").status_code == 200
    there = api("GET", f"/crm/v4/objects/tasks/{task}/associations/contacts").json()["results"]
    back = api("POST", "/crm/v4/associations/contacts/tasks/batch/read", {"inputs": [{"id": contact}]}).json()["results"]
    plain = {"category": "HUBSPOT_DEFINED", "label": None}
    assert there == [{"toObjectId": int(contact), "associationTypes": [{**plain, "typeId": 204}]}]
    assert back == [{"from": {"id": contact}, "to": [{"toObjectId": int(task), "associationTypes": [{**plain, "typeId": 203}]}]}]


def test_the_first_company_is_the_primary_one_and_there_is_only_one(api: Any) -> None:
    """A new primary takes the mark from the old; associatedcompanyid follows, and the contact is not stamped by it."""
    contact, one, two = api.create("contacts", email="a@example.com"), api.create("companies", name="1"), api.create("companies", name="2")
    for company in (one, two):
        api("PUT", f"/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}")
    before = api("GET", f"/crm/v3/objects/contacts/{contact}", properties="associatedcompanyid").json()
    api.sandbox.clock.advance(5)
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    made = api("PUT", f"/crm/v4/objects/contacts/{contact}/associations/companies/{two}", spec)
    after = api("GET", f"/crm/v3/objects/contacts/{contact}", properties="associatedcompanyid", associations="companies").json()
    assert (made.status_code, made.json()["labels"], made.json()["toObjectId"]) == (201, ["Primary"], two)
    assert (before["properties"]["associatedcompanyid"], after["properties"]["associatedcompanyid"]) == (one, two)
    assert before["updatedAt"] == after["updatedAt"]
    types = {
        str(link["toObjectId"]): {t["typeId"] for t in link["associationTypes"]}
        for link in api("GET", f"/crm/v4/objects/contacts/{contact}/associations/companies").json()["results"]
    }
    assert types == {one: {279}, two: {1, 279}}
    assert after["associations"]["companies"]["results"] == [
        {"id": one, "type": "contact_to_company_unlabeled"},
        {"id": two, "type": "contact_to_company"},
        {"id": two, "type": "contact_to_company_unlabeled"},
    ]


def test_writing_associatedcompanyid_makes_the_primary_link(api: Any) -> None:
    """The legacy property and the association are one thing."""
    contact, company = api.create("contacts", email="a@example.com"), api.create("companies", name="1")
    api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"associatedcompanyid": company}})
    links = api("GET", f"/crm/v4/objects/companies/{company}/associations/contacts").json()["results"]
    assert {t["typeId"] for t in links[0]["associationTypes"]} == {2, 280}


def test_records_without_links_are_missing_from_a_batch_read(api: Any) -> None:
    """207 names them; the others are answered."""
    a, b = (api.create("contacts", email=f"{n}@example.com") for n in "ab")
    company = api.create("companies", name="1")
    api("PUT", f"/crm/v4/objects/contacts/{a}/associations/default/companies/{company}")
    answer = api("POST", "/crm/v4/associations/contacts/companies/batch/read", {"inputs": [{"id": a}, {"id": b}]})
    assert (answer.status_code, [r["from"]["id"] for r in answer.json()["results"]]) == (207, [a])
    assert answer.json()["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert answer.json()["errors"][0]["context"]["fromObjectId"] == [b]


@pytest.mark.parametrize(("call", "count"), [("read", 1001), ("create", 2001), ("archive", 2001)])
def test_association_batches_have_their_own_maxima(api: Any, call: str, count: int) -> None:
    """1,000 to read, 2,000 to write."""
    item = {"id": "1"} if call == "read" else {"from": {"id": "1"}, "to": {"id": "2"} if call == "create" else [{"id": "2"}], "types": []}
    assert api("POST", f"/crm/v4/associations/contacts/tasks/batch/{call}", {"inputs": [item] * count}).status_code == 400


def test_more_than_five_hundred_links_come_in_pages(api: Any) -> None:
    """GET and batch read page by 500; ``after`` leads on."""
    company = api.create("companies", name="1")
    portal = api.sandbox.portal
    for batch in range(6):
        body = {"inputs": [{"properties": {"email": f"c{batch}-{n}@example.com"}} for n in range(100)]}
        ids = [r["id"] for r in api("POST", "/crm/v3/objects/contacts/batch/create", body).json()["results"]]
        for contact in ids:
            portal.links.add(("contacts", "companies"), int(contact), int(company))
    first = api("POST", "/crm/v4/associations/companies/contacts/batch/read", {"inputs": [{"id": company}]}).json()["results"][0]
    after = first["paging"]["next"]["after"]
    rest = api("GET", f"/crm/v4/objects/companies/{company}/associations/contacts", after=after).json()
    seen = [link["toObjectId"] for link in first["to"] + rest["results"]]
    assert (len(first["to"]), len(set(seen)), "paging" in rest) == (500, 600, False)


def test_batches_link_and_unlink(api: Any) -> None:
    """201 with labels, 204 when links go (200 by the dated paths); a bad id is an error of its own."""
    a, company = api.create("contacts", email="a@example.com"), api.create("companies", name="1")
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    items = [{"from": {"id": a}, "to": {"id": company}, "types": spec}, {"from": {"id": "5"}, "to": {"id": company}, "types": spec}]
    made = api("POST", "/crm/v4/associations/contacts/companies/batch/create", {"inputs": items})
    assert (made.status_code, len(made.json()["results"])) == (207, 1)
    assert made.json()["errors"][0]["subCategory"] == "crm.associations.INVALID_IDENTIFIER"
    gone = {"inputs": [{"from": {"id": a}, "to": [{"id": company}]}]}
    assert api("POST", "/crm/v4/associations/contacts/companies/batch/archive", gone).status_code == 204
    assert api("GET", f"/crm/v4/objects/contacts/{a}/associations/companies").json()["results"] == []
    assert api("POST", "/crm/associations/2026-09/contacts/companies/batch/archive", gone).status_code == 200


def test_a_record_cannot_be_linked_with_itself(api: Any) -> None:
    """The error of a batch has no context for that."""
    a = api.create("contacts", email="a@example.com")
    body = {
        "inputs": [{"from": {"id": a}, "to": {"id": a}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 449}]}]
    }
    error = api("POST", "/crm/v4/associations/contacts/contacts/batch/create", body).json()["errors"][0]
    assert (error["message"], error["context"]) == ("Cannot associate an object with itself", {})


def test_labels_of_ones_own(api: Any) -> None:
    """A label is made for both directions, given to a link, and taken from it without taking the link."""
    body = {"label": "Champion", "inverseLabel": "Champion of", "name": "champion"}
    there, back = api("POST", "/crm/v4/associations/contacts/companies/labels", body).json()["results"]
    a, company = api.create("contacts", email="a@example.com"), api.create("companies", name="1")
    spec = [{"associationCategory": "USER_DEFINED", "associationTypeId": there["typeId"]}]
    api("PUT", f"/crm/v4/objects/contacts/{a}/associations/companies/{company}", spec)
    ids = lambda path: {t["typeId"] for t in api("GET", path).json()["results"][0]["associationTypes"]}  # noqa: E731 - asked four times below
    assert there["typeId"] in ids(f"/crm/v4/objects/contacts/{a}/associations/companies")
    assert back["typeId"] in ids(f"/crm/v4/objects/companies/{company}/associations/contacts")
    item = {"from": {"id": a}, "to": {"id": company}, "types": spec}
    api("POST", "/crm/v4/associations/contacts/companies/batch/labels/archive", {"inputs": [item]})
    assert there["typeId"] not in ids(f"/crm/v4/objects/contacts/{a}/associations/companies")
    assert back["typeId"] not in ids(f"/crm/v4/objects/companies/{company}/associations/contacts")
    labels = api("GET", "/crm/v4/associations/contacts/companies/labels").json()["results"]
    assert {(label["typeId"], label["label"]) for label in labels} >= {(279, None), (1, "Primary"), (there["typeId"], "Champion")}


def test_links_to_archived_records_are_not_shown(api: Any) -> None:
    """Neither inline nor by the association paths."""
    a, company = api.create("contacts", email="a@example.com"), api.create("companies", name="1")
    api("PUT", f"/crm/v4/objects/contacts/{a}/associations/default/companies/{company}")
    api("DELETE", f"/crm/v3/objects/companies/{company}")
    assert api("GET", f"/crm/v4/objects/contacts/{a}/associations/companies").json()["results"] == []
    assert "associations" not in api("GET", f"/crm/v3/objects/contacts/{a}", associations="companies").json()
