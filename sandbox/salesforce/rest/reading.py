"""From the JSON of a request to values in memory, with Salesforce's refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from sandbox.salesforce.asking import Asked
from sandbox.salesforce.dml import holders
from sandbox.salesforce.dml_checks import no_such_column
from sandbox.salesforce.errors import OrgError, RowError, RowFault
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.values import from_json


def values_of(asked: Asked, kind: ObjectType, given: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
    """The values of one record's JSON object, by exact field name. ``attributes`` is left out.

    A parent may be named by an external id: ``{"Account": {"Ext__c": "x"}}``. ``where`` is told as the place of a value of the wrong kind
    (none: where it stands in the body). Raises RowError.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name.lower() == "attributes":
            continue
        field = kind.field(name)
        if field is not None and asked.org.access.sees_field(asked.user_id, kind, field):
            found[field.name] = from_json(field, value, place_of(asked.body, name) if where is None else where)
            continue
        reference = kind.relationship(name) if isinstance(value, dict) else None
        if reference is not None:
            found[reference.name] = _parent(asked, reference, value)
        else:
            # Whoever writes knows which further names an object takes, such as lists of ids.
            found[name] = value
    return found


def place_of(body: bytes, name: str) -> str:
    """Where a field stands in a body, as Salesforce's parser tells it."""
    match = re.search(rb'"' + re.escape(name.encode()) + rb'"\s*:', body)
    lines = (body[: match.start()] if match else b"").split(b"\n")
    return f"[line:{len(lines)}, column:{len(lines[-1]) + 1}]"


def record_of(asked: Asked, kind: ObjectType, text: str) -> Record:
    """The live record of an id in a path. OrgError 404 in the words that fit what is wrong with the id."""
    whole = normal_id(text)
    if whole is None and len(text) in {15, 18} and kind.prefix and text.startswith(kind.prefix):
        raise OrgError(400, "MALFORMED_ID", f"malformed id {text}", [])
    if whole is None or (kind.prefix and not whole.startswith(kind.prefix)):
        raise no_external_id(text)
    record = asked.org.store(kind.name).rows.get(whole)
    if record is None:
        raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
    asked.org.sweep()
    if record.is_deleted:
        raise OrgError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
    return record


def external_id_of(asked: Asked, kind: ObjectType, name: str) -> Field:
    """The field of that name by which records can be found from outside. OrgError 404 where it is none."""
    field = kind.field(name)
    if field is None or not asked.org.access.sees_field(asked.user_id, kind, field) or not (field.external_id or field.id_lookup):
        raise no_external_id(name)
    return field


def no_external_id(name: str) -> OrgError:
    """404: what stands in the path is neither an id of the object nor one of its external-id fields."""
    return OrgError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")


def read_key(field: Field, text: str) -> Any:
    """The value in memory of an external id that came in a path."""
    if field.type in {"int", "double", "currency", "percent"}:
        try:
            return from_json(field, orjson.loads(text))
        except orjson.JSONDecodeError:
            return text
    return from_json(field, text)


def kind_of(asked: Asked, name: str) -> ObjectType:
    """The object of that name, if the user may read it. OrgError 404."""
    kind = asked.org.kind(name)
    if not asked.org.access.may(asked.user_id, kind.name, "read"):
        raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
    return kind


def _parent(asked: Asked, reference: Field, value: Mapping[str, Any]) -> str:
    keys = {name: key for name, key in value.items() if name.lower() != "attributes"}
    wanted = value.get("attributes", {}).get("type") if isinstance(value.get("attributes"), dict) else None
    for target in (wanted,) if wanted else reference.reference_to:
        parent = asked.org.schema.object(str(target))
        if parent is None or len(keys) != 1:
            continue
        name, key = next(iter(keys.items()))
        field = parent.field(name)
        if field is None:
            continue
        if field.name == "Id":
            return str(from_json(reference, key))
        found = holders(asked.org, parent, field, from_json(field, key))
        if len(found) == 1:
            return found[0].id
        if found:
            raise RowError(
                RowFault(
                    "DUPLICATE_EXTERNAL_ID",
                    f"{field.label}: more than one record found for external id field: [{', '.join(one.id for one in found)}]",
                )
            )
        raise RowError(
            RowFault("INVALID_FIELD", f"Foreign key external ID: {key} not found for field {field.name} in entity {parent.name}")
        )
    kind = asked.org.schema.object(reference.reference_to[0]) if reference.reference_to else None
    if kind is None:
        raise RowError(RowFault("INVALID_FIELD", f"No such column '{reference.relationship}'", None))
    raise no_such_column(kind, next(iter(keys), ""))
