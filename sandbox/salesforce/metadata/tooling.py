"""The part of the Tooling API that set-up can use: custom fields as records, and queries over definitions.

A query's answer is whole, without cursors; FieldDefinition and EntityParticle want a filter on their entity, as in Salesforce. That FullName
and Metadata may be read of one record only is told in Salesforce's own words; the text about a filter that is missing nobody could verify.
"""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import OrgError, malformed_query, not_found
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.metadata.calls import check_may_use, refusals
from sandbox.salesforce.metadata.catalogue import Catalogue
from sandbox.salesforce.metadata.component import FIELD, Component
from sandbox.salesforce.metadata.tooling_json import from_json
from sandbox.salesforce.metadata.tooling_view import WHOLE, ToolingView, custom_field_values
from sandbox.salesforce.soql import parse, run_query
from sandbox.salesforce.values import rest_time

FILTERED = {"fielddefinition", "entityparticle"}
_TIMES = ("CreatedDate", "LastModifiedDate")


def create_field(asked: Asked) -> Answer:
    """``POST tooling/sobjects/CustomField``: 201 with the id."""
    check_may_use(asked.org, asked.user_id, 403)
    given = asked.json()
    name, metadata = given.get("FullName"), given.get("Metadata")
    if not isinstance(name, str) or not isinstance(metadata, dict):
        missing = [key for key, kind in (("FullName", str), ("Metadata", dict)) if not isinstance(given.get(key), kind)]
        raise OrgError(400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
    made = Component(FIELD, name, from_json(metadata))
    _keep(asked, made, "create")
    return Answer(201, {"id": made.id, "success": True, "errors": [], "warnings": [], "infos": []}, records_in=1)


def read_field(asked: Asked) -> Answer:
    """``GET tooling/sobjects/CustomField/{id}``."""
    check_may_use(asked.org, asked.user_id, 403)
    held = _held(asked)
    values = custom_field_values(asked.org, held)
    for name in _TIMES:
        values[name] = rest_time(values[name])
    url = f"{asked.base}/tooling/sobjects/{FIELD}/{held.id}"
    return Answer(200, {"attributes": {"type": FIELD, "url": url}, **values, "NamespacePrefix": None}, records_out=1)


def update_field(asked: Asked) -> Answer:
    """``PATCH tooling/sobjects/CustomField/{id}``: the definition is replaced; 204."""
    check_may_use(asked.org, asked.user_id, 403)
    held, metadata = _held(asked), asked.json().get("Metadata")
    if not isinstance(metadata, dict):
        raise OrgError(400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Metadata]", ["Metadata"])
    _keep(asked, Component(FIELD, held.full_name, from_json(metadata)), "update")
    return Answer(204, records_in=1)


def delete_field(asked: Asked) -> Answer:
    """``DELETE tooling/sobjects/CustomField/{id}``: 204."""
    check_may_use(asked.org, asked.user_id, 403)
    Catalogue.of(asked.org).drop(_held(asked))
    return Answer(204, records_in=1)


def query(asked: Asked) -> Answer:
    """``GET tooling/query?q=``."""
    check_may_use(asked.org, asked.user_id, 403)
    text = asked.one("q")
    if not text:
        raise malformed_query("A query string has to be specified")
    source = parse(text).sources[0].name
    if source.lower() in FILTERED and not any(word in text.lower().partition("where")[2] for word in ("entitydefinition", "durableid")):
        raise malformed_query(f"A query of {source} needs a filter on EntityDefinitionId, EntityDefinition.QualifiedApiName or DurableId")
    found = run_query(ToolingView(asked.org, text), asked.user_id, text, version=asked.version)
    if found.total > 1 and any(name in record for record in found.records for name in WHOLE):
        raise malformed_query(
            "When retrieving results with Metadata or FullName fields, the query qualifications must specify no more than one row for "
            f"retrieval. Result size: {found.total}"
        )
    records = [_addressed(record) for record in found.records]
    told = {
        "size": len(records),
        "totalSize": found.total,
        "done": True,
        "queryLocator": None,
        "entityTypeName": source,
        "records": records,
    }
    return Answer(200, told, records_out=len(records))


def _held(asked: Asked) -> Component:
    wanted = normal_id(asked.parts["id"])
    found = next((held for held in Catalogue.of(asked.org).all(FIELD) if held.id == wanted), None)
    if found is None:
        raise not_found()
    return found


def _keep(asked: Asked, component: Component, verb: str) -> None:
    catalogue = Catalogue.of(asked.org)
    problems = refusals(catalogue, component, verb)
    if problems:
        raise OrgError(400, problems[0].code, problems[0].text, [])
    catalogue.save(asked.user_id, component)


def _addressed(value: Any) -> Any:
    """The same record, with addresses below ``tooling``."""
    if isinstance(value, dict):
        made = {name: _addressed(found) for name, found in value.items()}
        address = made.get("attributes")
        if isinstance(address, dict) and isinstance(address.get("url"), str):
            address["url"] = address["url"].replace("/sobjects/", "/tooling/sobjects/")
        return made
    return [_addressed(found) for found in value] if isinstance(value, list) else value


_BASE = "/services/data/v{version}/tooling"
TOOLING_ROUTES = [
    Route("GET", f"{_BASE}/query", query),
    Route("POST", f"{_BASE}/sobjects/CustomField", create_field),
    Route("GET", f"{_BASE}/sobjects/CustomField/{{id}}", read_field),
    Route("PATCH", f"{_BASE}/sobjects/CustomField/{{id}}", update_field),
    Route("DELETE", f"{_BASE}/sobjects/CustomField/{{id}}", delete_field),
]
"""The paths of the Tooling API that the sandbox serves."""
