"""Associations v3: types by name, batches, single links, and the names themselves; labels of one's own changed and taken away."""

from typing import Any

import pytest

from tests.sandbox.test_hubspot_schemas import faults

PACKAGE = "hubspot.crm.associations"


@pytest.fixture
def people(api: Any) -> tuple[Any, str, str, str]:
    """Two contacts and a company."""
    a, b = (api.create("contacts", email=f"{n}@example.com") for n in "ab")
    return api, a, b, api.create("companies", name="1")


def pair(one: str, other: str, name: str) -> dict[str, Any]:
    """An input of a batch."""
    return {"from": {"id": one}, "to": {"id": other}, "type": name}


def test_links_are_made_read_and_taken_away_in_batches(people: Any) -> None:
    """201 with the pairs, 200 or 207 by record, 204; each answer has the published form."""
    api, a, b, company = people
    base = "/crm/v3/associations/contact/company/batch"
    made = api("POST", f"{base}/create", {"inputs": [pair(a, company, "contact_to_company")]})
    assert (made.status_code, made.json()["results"]) == (201, [pair(a, company, "contact_to_company")])
    assert faults(PACKAGE, "BatchResponsePublicAssociation", made.json(), "create") == []
    whole = api("POST", f"{base}/read", {"inputs": [{"id": a}]})
    assert (whole.status_code, whole.json()["results"]) == (
        200,
        [{"from": {"id": a}, "to": [{"id": company, "type": "contact_to_company"}]}],
    )
    assert faults(PACKAGE, "BatchResponsePublicAssociationMulti", whole.json(), "read") == []
    some = api("POST", f"{base}/read", {"inputs": [{"id": a}, {"id": b}]})
    assert (some.status_code, [one["from"]["id"] for one in some.json()["results"]]) == (207, [a])
    assert faults(PACKAGE, "BatchResponsePublicAssociationMultiWithErrors", some.json(), "read") == []
    gone = {"inputs": [pair(a, company, "contact_to_company_unlabeled")]}
    assert api("POST", f"{base}/archive", gone).status_code == 204
    assert api("GET", f"/crm/v3/objects/contacts/{a}/associations/companies").json() == {"results": []}


def test_a_record_that_is_linked_with_nothing_is_told_in_the_recorded_words(people: Any) -> None:
    """As answers of v3 and v4 were recorded: the singular names, and a full stop."""
    api, a, _, _ = people
    context = {"fromObjectId": [a], "fromObjectType": ["contact"], "toObjectType": ["company"]}
    for version in ("v3", "v4"):
        error = api("POST", f"/crm/{version}/associations/contacts/companies/batch/read", {"inputs": [{"id": a}]}).json()["errors"][0]
        assert (error["message"], error["context"]) == (f"No company is associated with contact {a}.", context)
        assert (error["category"], error["subCategory"]) == ("OBJECT_NOT_FOUND", "crm.associations.NO_ASSOCIATIONS_FOUND")


def test_a_single_link_by_its_name(people: Any) -> None:
    """PUT gives the record with its associations, GET each type of each link, DELETE takes one type; the other way has its own name."""
    api, a, _, company = people
    path = f"/crm/v3/objects/contacts/{a}/associations/companies"
    made = api("PUT", f"{path}/{company}/contact_to_company")
    assert (made.status_code, made.json()["id"]) == (200, a)
    types = [{"id": company, "type": "contact_to_company"}, {"id": company, "type": "contact_to_company_unlabeled"}]
    assert made.json()["associations"]["companies"]["results"] == types
    assert faults("hubspot.crm.contacts", "SimplePublicObjectWithAssociations", made.json(), "PUT") == []
    assert api("GET", path).json() == {"results": types}
    back = api("GET", f"/crm/v3/objects/companies/{company}/associations/contacts").json()["results"]
    assert {one["type"] for one in back} == {"company_to_contact", "company_to_contact_unlabeled"}
    assert api("DELETE", f"{path}/{company}/contact_to_company").status_code == 204
    assert api("GET", path).json() == {"results": types[1:]}
    assert api("GET", "/crm/v3/objects/contacts/5/associations/companies").status_code == 404


@pytest.mark.parametrize("name", ["contact_to_ticket", "280", "x", None])
def test_a_type_of_another_direction_is_refused(people: Any, name: Any) -> None:
    """By itself 400, in a batch an error of its own; by number a type is known as well."""
    api, a, _, company = people
    answer = api("PUT", f"/crm/v3/objects/contacts/{a}/associations/companies/{company}/{name}")
    assert (answer.status_code, answer.json()["subCategory"]) == (400, "crm.associations.INVALID_ASSOCIATION_TYPE")
    items = {"inputs": [pair(a, company, name), pair(a, company, "279")]}
    made = api("POST", "/crm/v3/associations/contacts/companies/batch/create", items)
    assert (made.status_code, len(made.json()["results"]), len(made.json()["errors"])) == (207, 1, 1)


def test_the_names_of_the_types(api: Any) -> None:
    """Where there is a primary company the plain link is the unlabeled one; labels of one's own are there by the name they were given."""
    body = {"label": "Champion", "name": "champion"}
    champion = api("POST", "/crm/v4/associations/contacts/companies/labels", body).json()["results"][0]["typeId"]
    found = api("GET", "/crm/v3/associations/contacts/companies/types").json()
    assert {one["name"]: one["id"] for one in found["results"]} == {
        "contact_to_company": "1",
        "contact_to_company_unlabeled": "279",
        "champion": str(champion),
    }
    assert faults(f"{PACKAGE}.schema", "CollectionResponsePublicAssociationDefinitionNoPaging", found, "types") == []
    tasks = api("GET", "/crm/v3/associations/0-27/contact/types").json()["results"]
    assert tasks == [{"id": "204", "name": "task_to_contact"}]


def test_the_dated_paths_have_no_v3(people: Any) -> None:
    """Neither names nor single links by name; their batches are those of v4."""
    api, a, _, company = people
    assert api("GET", "/crm/associations/2026-03/contacts/companies/types").status_code == 404
    assert api("PUT", f"/crm/objects/2026-03/contacts/{a}/associations/companies/{company}/contact_to_company").status_code == 404
    api("PUT", f"/crm/v4/objects/contacts/{a}/associations/default/companies/{company}")
    found = api("POST", "/crm/associations/2026-03/contacts/companies/batch/read", {"inputs": [{"id": a}]}).json()["results"]
    assert [one["toObjectId"] for one in found[0]["to"]] == [company]


def test_labels_of_ones_own_are_renamed_and_taken_away(people: Any) -> None:
    """Both directions at once; the links stay, HubSpot's own types cannot be touched."""
    api, a, _, company = people
    base = "/crm/v4/associations/contacts/companies/labels"
    there, back = api("POST", base, {"label": "Champion", "inverseLabel": "Champion of", "name": "champion"}).json()["results"]
    spec = [{"associationCategory": "USER_DEFINED", "associationTypeId": there["typeId"]}]
    api("PUT", f"/crm/v4/objects/contacts/{a}/associations/companies/{company}", spec)
    assert api("PUT", base, {"associationTypeId": there["typeId"], "label": "Sponsor", "inverseLabel": "Sponsor of"}).status_code == 204
    words = {one["typeId"]: one["label"] for one in api("GET", base).json()["results"]}
    other = {one["typeId"]: one["label"] for one in api("GET", "/crm/v4/associations/companies/contacts/labels").json()["results"]}
    assert (words[there["typeId"]], other[back["typeId"]]) == ("Sponsor", "Sponsor of")
    assert api("DELETE", f"{base}/{there['typeId']}").status_code == 204
    linked = api("GET", f"/crm/v4/objects/contacts/{a}/associations/companies").json()["results"]
    assert {one["typeId"] for one in linked[0]["associationTypes"]} == {1, 279}
    for refused in (api("DELETE", f"{base}/279"), api("PUT", base, {"associationTypeId": 1, "label": "x"})):
        assert refused.status_code == 400
