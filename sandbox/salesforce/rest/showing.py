"""From a record in memory to the JSON of the REST API: attributes first, then the fields that the user sees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.salesforce.asking import Asked
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.values import to_rest

PARTS = ("city", "country", "countryCode", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "stateCode", "street")
"""The parts of a compound address, in the order in which they are told."""


def shown(asked: Asked, kind: ObjectType, record: Record, fields: Iterable[Field]) -> dict[str, Any]:
    """A record as a row of the REST API."""
    told: dict[str, Any] = {"attributes": attributes(asked, kind.name, record.id)}
    for field in fields:
        told[field.name] = address(kind, field, record) if field.type == "address" else to_rest(field, record.values.get(field.name))
    return told


def attributes(asked: Asked, object_name: str, record_id: str) -> dict[str, str]:
    """The head of a row. The version in its url is the one that was asked."""
    return {"type": object_name, "url": f"{asked.base}/sobjects/{object_name}/{record_id}"}


def visible_fields(asked: Asked, kind: ObjectType) -> list[Field]:
    """All fields of an object that the user sees, in the order of describe."""
    return [field for field in kind if asked.org.access.sees_field(asked.user_id, kind, field)]


def chosen_fields(asked: Asked, kind: ObjectType, names: Iterable[str]) -> list[Field]:
    """The fields of these names. OrgError 400 where one is not there, or not for this user."""
    found = []
    for name in names:
        field = kind.field(name)
        if field is None or not asked.org.access.sees_field(asked.user_id, kind, field):
            raise OrgError(
                400,
                "INVALID_FIELD",
                f"No such column '{name}' on entity '{kind.name}'. If you are attempting to use a custom field, be sure to append the '__c' "
                "after the custom field name. Please reference your WSDL or the describe call for the appropriate names.",
            )
        found.append(field)
    return found


def address(kind: ObjectType, field: Field, record: Record) -> dict[str, Any] | None:
    """A compound address: its parts by name, or nothing where all are empty."""
    stem = field.name.removesuffix("Address")
    parts: dict[str, Any] = {}
    for part in PARTS:
        of = kind.field(f"{stem}{part[0].upper()}{part[1:]}")
        if of is not None or part not in {"countryCode", "stateCode"}:
            parts[part] = None if of is None else to_rest(of, record.values.get(of.name))
    return parts if any(value is not None for value in parts.values()) else None
