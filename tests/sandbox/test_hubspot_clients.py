"""HubSpot's own client, unmodified, talks to the sandbox, and its models take every answer."""

from collections.abc import Callable
from typing import Any

import pytest
from hubspot import HubSpot


@pytest.fixture
def official(api: Any) -> Any:
    """The official client, told nothing but where to go."""
    return HubSpot(access_token=api.sandbox.token, host=api.sandbox.base_url, base_url=api.sandbox.base_url, retry=False)


# What was made with the client is closed with it; urllib3 leaves that to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def test_contacts(official: Any, api: Any) -> None:
    """Create, read, update, list, search, batches with a 207, merge, erase."""
    contacts = official.crm.contacts
    made = contacts.basic_api.create({"properties": {"email": "a@example.com"}})
    other = contacts.basic_api.create({"properties": {"email": "b@example.com"}})
    assert contacts.basic_api.get_by_id(made.id, properties=["email"]).properties["email"] == "a@example.com"
    assert contacts.basic_api.get_by_id("b@example.com", id_property="email").id == other.id
    assert contacts.basic_api.update(made.id, {"properties": {"jobtitle": "CFO"}}).properties["jobtitle"] == "CFO"
    page = contacts.basic_api.get_page(limit=1, properties=["email"], associations=["companies"], properties_with_history=["jobtitle"])
    assert page.paging.next.after == other.id
    assert page.results[0].properties_with_history["jobtitle"][0].value == "CFO"
    found = contacts.search_api.do_search({"filterGroups": [], "sorts": [], "properties": ["email"], "limit": 10, "after": "0"})
    assert found.total == 2
    batch = contacts.batch_api.read({"inputs": [{"id": made.id}, {"id": "5"}], "properties": ["email"], "propertiesWithHistory": []})
    assert (batch.num_errors, batch.errors[0].context["ids"]) == (1, ["5"])
    upserted = contacts.batch_api.upsert({"inputs": [{"id": "c@example.com", "idProperty": "email", "properties": {"jobtitle": "x"}}]})
    assert upserted.results[0].new is True
    merged = official.crm.companies
    assert merged.basic_api.create({"properties": {"name": "X"}}).properties["name"] == "X"
    assert len(contacts.get_all()) == 3
    contacts.basic_api.archive(made.id)
    assert api("GET", f"/crm/v3/objects/contacts/{made.id}").status_code == 404


def test_properties_owners_pipelines_and_account(official: Any) -> None:
    """Definitions and groups through the models."""
    properties = official.crm.properties
    properties.groups_api.create("contacts", {"name": "ours", "label": "Ours"})
    body = {"name": "p", "label": "P", "type": "string", "fieldType": "text", "groupName": "ours"}
    assert properties.core_api.create("contacts", body).name == "p"
    assert properties.core_api.get_by_name("contacts", "p").has_unique_value is False
    assert len(properties.core_api.get_all("contacts").results) > 50
    assert properties.batch_api.read("contacts", {"archived": False, "inputs": [{"name": "p"}]}).results[0].name == "p"
    assert properties.core_api.update("contacts", "p", {"label": "Q"}).label == "Q"
    properties.core_api.archive("contacts", "p")
    assert official.crm.owners.owners_api.get_page().results == []
    assert official.crm.pipelines.pipelines_api.get_all("tickets").results[0].stages[3].metadata["ticketState"] == "CLOSED"
    assert official.api_request({"path": "/account-info/v3/details"}).json()["portalId"] == 24_117_000


def test_activities_and_associations(official: Any) -> None:
    """Each activity type can be made and found; associations through the v4 models."""
    makers: dict[str, Callable[[dict[str, Any]], Any]] = {
        name: getattr(official.crm.objects, name).basic_api.create
        for name in ("emails", "calls", "meetings", "notes", "communications", "tasks")
    }
    contact = official.crm.contacts.basic_api.create({"properties": {"email": "a@example.com"}})
    made = {name: make({"properties": {"hs_timestamp": "2026-12-01T09:00:00Z"}, "associations": []}) for name, make in makers.items()}
    ticket = official.crm.tickets.basic_api.create({"properties": {"hs_pipeline_stage": "1"}})
    assert ticket.properties["hs_pipeline"] == "0"
    v4 = official.crm.associations.v4
    v4.basic_api.create_default("tasks", made["tasks"].id, "contacts", contact.id)
    page = v4.basic_api.get_page("tasks", made["tasks"].id, "contacts")
    assert str(page.results[0].to_object_id) == contact.id
    batch = v4.batch_api.get_page("contacts", "tasks", {"inputs": [{"id": contact.id}]})
    assert str(batch.results[0].to[0].to_object_id) == made["tasks"].id
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 202}]
    pair = {"from": {"id": made["notes"].id}, "to": {"id": contact.id}, "types": spec}
    assert v4.batch_api.create("notes", "contacts", {"inputs": [pair]}).results[0].to_object_id == contact.id
    v4.batch_api.archive("notes", "contacts", {"inputs": [{"from": pair["from"], "to": [pair["to"]]}]})
    assert v4.basic_api.get_page("notes", made["notes"].id, "contacts").results == []


def test_oauth(official: Any, api: Any) -> None:
    """A refresh token is exchanged through the client."""
    options = api.sandbox.portal.options
    found = official.oauth.tokens_api.create(
        grant_type="refresh_token", client_id=options.client_id, client_secret=options.client_secret, refresh_token=options.refresh_token
    )
    assert found.expires_in == 1800
