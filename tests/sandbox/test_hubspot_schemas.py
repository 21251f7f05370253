"""Every answer fits the schema that HubSpot publishes, as its client's models carry it: required keys, types, no unknown ones."""

import inspect
import re
from importlib import import_module
from typing import Any

import pytest

# Where recorded answers differ from the published schema, the recording counts.
KNOWN = {
    "SimplePublicObject.properties",
    "SimplePublicObjectWithAssociations.properties",
    "SimplePublicUpsertObject.properties",
    "AssociationSpecWithLabel.label",
    "MultiAssociatedObjectWithLabel.to_object_id",
    "StandardError.sub_category",
}
# Keys that today's schema has and the client, being older, does not.
NEWER = {"url", "objectWriteTraceId", "dataSensitivity", "numberDisplayHint", "status"}
PLAIN: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "bool": bool, "float": (int, float), "object": object, "datetime": str}
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def faults(package: str, kind: str, value: Any, where: str) -> list[str]:
    """What does not fit. ``kind`` is a type as the client writes it: str, datetime, list[X], dict[str, X], or a model."""
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for n, item in enumerate(value) for fault in faults(package, kind[5:-1], item, f"{where}[{n}]")]
    if kind.startswith("dict["):
        inner = kind[5:-1].partition(", ")[2]
        return [fault for key, item in value.items() for fault in faults(package, inner, item, f"{where}.{key}")]
    if kind in PLAIN:
        good = isinstance(value, PLAIN[kind]) and (kind in {"bool", "object"} or not isinstance(value, bool))
        return [] if good and (kind != "datetime" or MOMENT.match(value)) else [f"{where} is {value!r}, not {kind}"]
    model = getattr(import_module(f"{package}.models"), kind)
    if not isinstance(value, dict):
        return [f"{where} is no {kind}"]
    required = set(re.findall(r"Invalid value for `(\w+)`, must not be `None`", inspect.getsource(model)))
    found = [f"{where}.{key} is not of {kind}" for key in value if key not in model.attribute_map.values() and key not in NEWER]
    for name, key in model.attribute_map.items():
        if key not in value:
            found += [f"{where}.{key} is missing"] if name in required else []
        elif f"{kind}.{name}" not in KNOWN:
            found += faults(package, model.openapi_types[name], value[key], f"{where}.{key}")
    return found


@pytest.fixture
def portal(api: Any) -> Any:
    """Two contacts at a company, a task, a label, a custom property."""
    a, b = (api.create("contacts", email=f"{n}@example.com") for n in "ab")
    company, task = api.create("companies", name="X"), api.create("tasks", hs_timestamp="2026-12-01T09:00:00Z")
    api("PUT", f"/crm/v4/objects/contacts/{a}/associations/default/companies/{company}")
    api("PUT", f"/crm/v4/objects/contacts/{a}/associations/default/tasks/{task}")
    option = {"label": "A", "value": "a", "displayOrder": 0, "hidden": False}
    made = {"name": "c", "label": "C", "type": "enumeration", "fieldType": "select", "groupName": "contactinformation", "options": [option]}
    api("POST", "/crm/v3/properties/contacts", made)
    return api, a, b, company, task


OBJECTS, PROPERTIES, V4 = "hubspot.crm.contacts", "hubspot.crm.properties", "hubspot.crm.associations.v4"


def test_objects_fit(portal: Any) -> None:
    """Records, pages, batches, search, merge."""
    api, a, b, _, _ = portal
    base = "/crm/v3/objects/contacts"
    item = {"id": a, "properties": {"jobtitle": "x"}, "objectWriteTraceId": "1"}
    bad = {"id": b, "properties": {"nope": "x"}, "objectWriteTraceId": "2"}
    asked = [
        (
            "GET",
            base,
            None,
            "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging",
            {"limit": 1, "associations": "companies,tasks"},
        ),
        ("GET", f"{base}/{a}", None, "SimplePublicObjectWithAssociations", {"propertiesWithHistory": "email", "associations": "companies"}),
        ("POST", base, {"properties": {"email": "c@example.com"}}, "SimplePublicObject", {}),
        ("PATCH", f"{base}/{a}", {"properties": {"jobtitle": "y"}}, "SimplePublicObject", {}),
        ("POST", f"{base}/batch/read", {"inputs": [{"id": a}]}, "BatchResponseSimplePublicObject", {}),
        ("POST", f"{base}/batch/read", {"inputs": [{"id": "1"}]}, "BatchResponseSimplePublicObjectWithErrors", {}),
        ("POST", f"{base}/batch/update", {"inputs": [item]}, "BatchResponseSimplePublicObject", {}),
        ("POST", f"{base}/batch/update", {"inputs": [item, bad]}, "BatchResponseSimplePublicObjectWithErrors", {}),
        (
            "POST",
            f"{base}/batch/create",
            {"inputs": [{"properties": {}, "objectWriteTraceId": "1"}, {**bad}]},
            "BatchResponseSimplePublicObjectWithErrors",
            {},
        ),
        (
            "POST",
            f"{base}/batch/upsert",
            {"inputs": [{"id": "a@example.com", "idProperty": "email", "properties": {}}]},
            "BatchResponseSimplePublicUpsertObject",
            {},
        ),
        ("POST", f"{base}/search", {"limit": 1}, "CollectionResponseWithTotalSimplePublicObjectForwardPaging", {}),
        ("POST", f"{base}/merge", {"primaryObjectId": a, "objectIdToMerge": b}, "SimplePublicObject", {}),
        ("GET", f"{base}/999", None, "Error", {}),
        ("POST", base, {"properties": {"nope": "1"}}, "Error", {}),
        (
            "GET",
            "/crm/v3/objects/tasks",
            None,
            "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging",
            {"properties": "hs_task_subject"},
        ),
    ]
    for method, path, body, kind, params in asked:
        answer = api(method, path, body, **params)
        assert faults(OBJECTS, kind, answer.json(), f"{method} {path}") == []


def test_definitions_fit(portal: Any) -> None:
    """Properties, groups, batches and errors."""
    api = portal[0]
    base = "/crm/v3/properties/contacts"
    asked = [
        ("GET", base, None, "CollectionResponsePropertyNoPaging"),
        ("GET", f"{base}/c", None, "ModelProperty"),
        ("GET", f"{base}/groups", None, "CollectionResponsePropertyGroupNoPaging"),
        ("POST", f"{base}/batch/read", {"inputs": [{"name": "c"}]}, "BatchResponseProperty"),
        ("POST", f"{base}/batch/read", {"inputs": [{"name": "d"}]}, "BatchResponsePropertyWithErrors"),
        ("GET", f"{base}/d", None, "Error"),
    ]
    for method, path, body, kind in asked:
        assert faults(PROPERTIES, kind, api(method, path, body).json(), f"{method} {path}") == []


def test_associations_fit(portal: Any) -> None:
    """Reads and writes, one by one and in batches."""
    api, a, b, company, _ = portal
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    pair = {"from": {"id": b}, "to": {"id": company}, "types": spec}
    base = "/crm/v4/associations/contacts/companies"
    asked = [
        (
            "GET",
            f"/crm/v4/objects/contacts/{a}/associations/companies",
            None,
            "CollectionResponseMultiAssociatedObjectWithLabelForwardPaging",
        ),
        ("POST", f"{base}/batch/read", {"inputs": [{"id": a}]}, "BatchResponsePublicAssociationMultiWithLabel"),
        ("POST", f"{base}/batch/read", {"inputs": [{"id": b}]}, "BatchResponsePublicAssociationMultiWithLabelWithErrors"),
        ("POST", f"{base}/batch/create", {"inputs": [pair]}, "BatchResponseLabelsBetweenObjectPair"),
        ("POST", f"{base}/batch/create", {"inputs": [{**pair, "from": {"id": "1"}}]}, "BatchResponseLabelsBetweenObjectPairWithErrors"),
        ("POST", f"{base}/batch/associate/default", {"inputs": [pair]}, "BatchResponsePublicDefaultAssociation"),
        ("PUT", f"/crm/v4/objects/contacts/{b}/associations/companies/{company}", spec, "LabelsBetweenObjectPair"),
        ("PUT", f"/crm/v4/objects/contacts/{b}/associations/default/companies/{company}", None, "BatchResponsePublicDefaultAssociation"),
    ]
    for method, path, body, kind in asked:
        assert faults(V4, kind, api(method, path, body).json(), f"{method} {path}") == []


def test_pipelines_fit(portal: Any) -> None:
    """Pipelines, stages and audit."""
    api = portal[0]
    base = "/crm/v3/pipelines/tickets"
    asked = [
        (base, "CollectionResponsePipelineNoPaging"),
        (f"{base}/0", "Pipeline"),
        (f"{base}/0/stages", "CollectionResponsePipelineStageNoPaging"),
        (f"{base}/0/audit", "CollectionResponsePublicAuditInfoNoPaging"),
    ]
    for path, kind in asked:
        assert faults("hubspot.crm.pipelines", kind, api("GET", path).json(), path) == []
