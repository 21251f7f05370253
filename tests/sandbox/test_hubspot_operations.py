"""Every operation that HubSpot publishes for what the sandbox serves is answered, and every answer has the published form.

The operations and forms are those of HubSpot's own client, which is generated from its specification.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest

from sandbox.hubspot.object_types import TYPES
from sandbox.hubspot.routes import find_route
from tests.connectors.test_wire_contract import misfits

SERVED = (
    *("hubspot.crm.contacts", "hubspot.crm.companies", "hubspot.crm.tickets", "hubspot.crm.objects", "hubspot.crm.properties"),
    *(f"hubspot.crm.objects.{name}" for name in ("calls", "communications", "emails", "meetings", "notes", "tasks")),
    *("hubspot.crm.associations", "hubspot.crm.associations.schema", "hubspot.crm.associations.v4", "hubspot.crm.associations.v4.schema"),
    *("hubspot.crm.owners", "hubspot.crm.pipelines"),
)
ABSENT = {
    "associations/definitions/configurations": "limits on how many records may be associated with one",
    "associations/usage/high-usage-report": "a report that is sent by mail",
    "pipelines": "a portal's pipelines are changed by people",
}
"""Operations that are not there, and what they are for."""

NAMES = {"objectType": "contacts", "fromObjectType": "contacts", "toObjectType": "companies"}
FIELDS: dict[str, dict[str, str]] = {
    "contacts": {"email": "{0}@example.com"},
    "companies": {"name": "{0}", "domain": "{0}.example"},
    "tickets": {"subject": "{0}", "hs_pipeline_stage": "1"},
    "communications": {"hs_communication_channel_type": "SMS", "hs_communication_logged_from": "CRM"},
}
OPERATORS: list[dict[str, Any]] = [
    *({"operator": name, "value": "5"} for name in ("EQ", "NEQ", "LT", "LTE", "GT", "GTE")),
    {"operator": "BETWEEN", "value": "1", "highValue": "9"},
    *({"operator": name, "values": ["5"]} for name in ("IN", "NOT_IN")),
    *({"operator": name} for name in ("HAS_PROPERTY", "NOT_HAS_PROPERTY")),
]


def published() -> list[tuple[str, str]]:
    """Method and path of every operation."""
    found = set()
    for package in SERVED:
        place = import_module(f"{package}.api")
        for module in iter_modules(place.__path__):
            source = inspect.getsource(import_module(f"{package}.api.{module.name}"))
            found |= {(method, path) for path, method in re.findall(r'call_api\(\s*"(/[^"]+)",\s*"(\w+)"', source)}
    return sorted(found)


def test_every_published_operation_is_there_or_named() -> None:
    """A path that the client of HubSpot has and the sandbox does not stands in ABSENT; what stands there is absent."""
    missing = set()
    for method, path in published():
        if find_route(method, re.sub(r"\{(\w+)\}", lambda match: NAMES.get(match[1], "1"), path)) is None:
            missing.add(next((name for name in ABSENT if f"/{name}" in path), f"{method} {path}"))
    assert missing == set(ABSENT)


def made(kind: str, name: str) -> dict[str, str]:
    """Values for a new record."""
    values = {"hs_timestamp": "2026-11-01T09:00:00Z"} if kind not in FIELDS or kind == "communications" else {}
    return values | {key: value.format(name) for key, value in FIELDS.get(kind, {}).items()}


@pytest.fixture
def portal(start: Any) -> Any:
    """An empty portal that keeps what was said."""
    return start(burst=5_000, association_burst=5_000, search_per_second=500, keep_bodies=5_000)


def check(api: Any) -> None:
    """All answers so far have the published form, and none is a refusal."""
    assert [fault for call in api.sandbox.calls for fault in misfits(call)] == []
    assert [(call.method, call.path, call.status) for call in api.sandbox.calls if call.status >= 300] == []


@pytest.mark.parametrize("kind", [one.name for one in TYPES])
def test_records_of_every_type(portal: Any, kind: str) -> None:
    """One by one, in batches, by search with every operator, merged and archived."""
    base = f"/crm/v3/objects/{kind}"
    one = portal("POST", base, {"properties": made(kind, "a"), "associations": []}).json()["id"]
    asked = {"properties": "hs_object_id", "archived": "false", "associations": "contacts,companies"}
    portal("GET", base, limit=5, propertiesWithHistory="hs_object_id", **asked)
    portal("GET", f"{base}/{one}", **asked)
    portal("PATCH", f"{base}/{one}", {"properties": made(kind, "b")})
    inputs = [{"properties": made(kind, name), "associations": []} for name in "cd"]
    two, three = (found["id"] for found in portal("POST", f"{base}/batch/create", {"inputs": inputs}).json()["results"])
    read = {"properties": ["hs_object_id"], "propertiesWithHistory": ["hs_object_id"]}
    portal("POST", f"{base}/batch/read", {"inputs": [{"id": one}, {"id": "1"}], **read})
    portal("POST", f"{base}/batch/update", {"inputs": [{"id": one, "properties": made(kind, "e")}]})
    portal("POST", f"{base}/batch/upsert", {"inputs": [{"id": one, "properties": made(kind, "f")}]})
    search = {"limit": 5, "after": "0", "properties": [], "sorts": [], "query": "a"}
    for operator in OPERATORS:
        groups = [{"filters": [{"propertyName": "hs_object_id", **operator}]}]
        portal("POST", f"{base}/search", {**search, "filterGroups": groups})
    if kind in ("contacts", "companies", "tickets"):
        portal("POST", f"{base}/merge", {"primaryObjectId": two, "objectIdToMerge": three})
    portal("POST", f"{base}/batch/archive", {"inputs": [{"id": two}]})
    portal("DELETE", f"{base}/{one}")
    check(portal)


@pytest.mark.parametrize("kind", [one.name for one in TYPES])
def test_definitions_of_every_type(portal: Any, kind: str) -> None:
    """Properties and groups, one by one and in batches."""
    base = f"/crm/v3/properties/{kind}"
    new = {"label": "N", "type": "string", "fieldType": "text", "groupName": "g"}
    portal("POST", f"{base}/groups", {"name": "g", "label": "G", "displayOrder": -1})
    portal("PATCH", f"{base}/groups/g", {"label": "H"})
    portal("POST", base, {"name": "n", **new})
    portal("PATCH", f"{base}/n", {"label": "M"})
    portal("POST", f"{base}/batch/create", {"inputs": [{"name": "m", **new}]})
    portal("POST", f"{base}/batch/read", {"archived": False, "inputs": [{"name": "n"}, {"name": "none"}]})
    for path in (base, f"{base}/n", f"{base}/groups", f"{base}/groups/g", f"/crm/v3/pipelines/{kind}"):
        portal("GET", path)
    portal("POST", f"{base}/batch/archive", {"inputs": [{"name": "m"}]})
    portal("DELETE", f"{base}/n")
    portal("DELETE", f"{base}/groups/g")
    check(portal)


def test_associations_of_people_with_everything(portal: Any) -> None:
    """Contacts, companies and tickets with every type, in both directions, by v3 and by v4."""
    ids = {one.name: portal.create(one.name, **made(one.name, one.name)) for one in TYPES}
    pairs = [(a, b) for a in ("contacts", "companies", "tickets") for b in ids if a != b]
    for one, other in [*pairs, *((b, a) for a, b in pairs)]:
        link, types = f"/crm/v4/objects/{one}/{ids[one]}/associations", f"associations/{one}/{other}"
        ends = {"from": {"id": ids[one]}, "to": {"id": ids[other]}}
        portal("PUT", f"{link}/default/{other}/{ids[other]}")
        portal("GET", f"{link}/{other}")
        portal("GET", f"/crm/v4/{types}/labels")
        portal("POST", f"/crm/v4/{types}/batch/associate/default", {"inputs": [ends]})
        name = portal("GET", f"/crm/v3/{types}/types").json()["results"][0]["name"]
        portal("POST", f"/crm/v3/{types}/batch/create", {"inputs": [{**ends, "type": name}]})
        for version in ("v3", "v4"):
            portal("POST", f"/crm/{version}/{types}/batch/read", {"inputs": [{"id": ids[one]}]})
        portal("POST", f"/crm/v3/{types}/batch/archive", {"inputs": [{**ends, "type": name}]})
        portal("DELETE", f"{link}/{other}/{ids[other]}")
    check(portal)
