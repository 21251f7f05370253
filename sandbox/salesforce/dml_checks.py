"""What Salesforce refuses in a row, with its codes and messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import RowError, RowFault
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.values import NUMBERS

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

LISTS = {"EmailMessage": ("ToIds", "CcIds", "BccIds")}
"""Lists of ids that may be given when a record is made, though they are no fields of it."""

_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
_TEXT = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox", "encryptedstring"})
_INT_DIGITS = 10
_PARENTS = ("AccountId", "WhoId", "WhatId", "ContactId", "CampaignId", "ParentId")
_VERBS = {"create": ("createable", "inserted"), "update": ("updateable", "updated"), "delete": ("deletable", "deleted")}


def check_verb(org: Org, user_id: str, kind: ObjectType, verb: str) -> None:
    """That records of this object may be created, changed or deleted at all, and by this user."""
    flag, done = _VERBS[verb]
    may = org.access.may(user_id, kind.name, verb)
    if not getattr(kind, flag) or (verb == "create" and not may):
        raise RowError(RowFault("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be {done}: {kind.label}"))
    if not may:
        raise RowError(RowFault("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"), status=403)


def named(org: Org, user_id: str, kind: ObjectType, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by exact field name. A field that does not exist, or that the user does not see, is refused alike."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        field = kind.field(name)
        if field is not None and org.access.sees_field(user_id, kind, field):
            found[field.name] = value
        elif name in LISTS.get(kind.name, ()):
            found[name] = value
        else:
            raise no_such_column(kind, name)
    return found


def no_such_column(kind: ObjectType, name: str) -> RowError:
    """A field that is not there, or not for this user."""
    return RowError(RowFault("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}", None))


def check_writable(org: Org, user_id: str, kind: ObjectType, names: Iterable[str], *, at_creation: bool) -> None:
    """That all fields may be set, by anyone and by this user."""
    refused = []
    for name in names:
        field = kind.field(name)
        if field is None:
            continue
        able = field.createable if at_creation else field.updateable
        if not able or not org.access.edits_field(user_id, kind, field):
            refused.append(field.name)
    if refused:
        message = (
            f"Unable to create/update fields: {', '.join(refused)}. Please check the security settings of this field and verify that it is "
            "read/write for your profile or permission set."
        )
        raise RowError(RowFault("INVALID_FIELD_FOR_INSERT_UPDATE", message, tuple(refused)))


def check_values(kind: ObjectType, values: Mapping[str, Any]) -> None:
    """That each value fits its field. All faults of the row are told."""
    faults = []
    for name, value in values.items():
        field = kind.field(name)
        if field is not None and value is not None and (fault := _fault(field, value)) is not None:
            faults.append(fault)
    if faults:
        raise RowError(*faults)


def check_required(kind: ObjectType, values: Mapping[str, Any], *, at_creation: bool = True) -> None:
    """That nothing required is missing, or is emptied."""
    missing = [
        field.name
        for field in kind
        if not field.nillable
        and field.type != "boolean"
        and (
            (at_creation and field.createable and not field.defaulted and values.get(field.name) is None)
            or (not at_creation and field.updateable and field.name in values and values[field.name] is None)
        )
    ]
    if missing:
        raise RowError(RowFault("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", tuple(missing)))


def check_references(org: Org, kind: ObjectType, values: Mapping[str, Any], former: Mapping[str, Any] | None = None) -> None:
    """That every reference that changes leads to a live record of an object it may point to, and every new owner is active."""
    for name, value in values.items():
        field = kind.field(name)
        if field is None or field.type != "reference" or value is None or not field.reference_to:
            continue
        if former is not None and former.get(name) == value:
            continue
        parent = org.object_of(value)
        if parent is None or parent not in field.reference_to:
            if parent is None and not any(one in org.stores for one in field.reference_to):
                continue
            message = f"{field.label}: id value of incorrect type: {value}"
            raise RowError(RowFault("FIELD_INTEGRITY_EXCEPTION", message, (field.name,)))
        record = org.stores[parent].rows.get(value)
        if record is None:
            raise RowError(RowFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))
        if record.is_deleted:
            raise RowError(RowFault("ENTITY_IS_DELETED", "entity is deleted"))
        if field.name == "OwnerId" and parent == "User" and not record.values.get("IsActive"):
            message = f"operation performed with inactive user [{value[:15]}] as owner of {kind.label.lower()}"
            raise RowError(RowFault("INACTIVE_OWNER_OR_USER", message))


def check_unique(org: Org, kind: ObjectType, values: Mapping[str, Any], record: Record | None) -> None:
    """That no other live record holds a value that must be unique."""
    store = org.store(kind.name)
    for name, value in values.items():
        field = kind.field(name)
        if field is None or not field.unique or value is None:
            continue
        other = next((one for one in store.holders(field, value) if one is not record and not one.is_deleted), None)
        if other is not None:
            message = f"duplicate value found: {field.name} duplicates value on record with id: {other.id[:15]}"
            raise RowError(RowFault("DUPLICATE_VALUE", message))


def check_locks(org: Org, kind: ObjectType, record: Record | None, values: Mapping[str, Any]) -> None:
    """That no other transaction holds the record, or a parent that a write to it locks."""
    wanted = [record.id] if record is not None else []
    held = values if record is None else {**{name: record.values.get(name) for name in _PARENTS}, **values}
    wanted += [held[name] for name in _PARENTS if kind.field(name) and isinstance(held.get(name), str)]
    for record_id in wanted:
        if org.locked(record_id):
            raise row_locked(record_id)


def row_locked(record_id: str) -> RowError:
    """Another transaction holds the record."""
    message = f"unable to obtain exclusive access to this record or 1 records: {record_id}"
    return RowError(RowFault("UNABLE_TO_LOCK_ROW", message))


def _fault(field: Field, value: Any) -> RowFault | None:
    if field.type in {"id", "reference"}:
        return None if normal_id(value) else RowFault("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", (field.name,))
    if field.type in NUMBERS:
        return _number_fault(field, value)
    return _text_fault(field, value) if field.type in _TEXT and isinstance(value, str) else None


def _text_fault(field: Field, value: str) -> RowFault | None:
    is_picked = field.type in {"picklist", "multipicklist"}
    if field.length and len(value) > field.length and not is_picked:
        return RowFault("STRING_TOO_LONG", f"{field.label}: data value too large: {value} (max length={field.length})", (field.name,))
    if field.type == "email" and not _EMAIL.fullmatch(value):
        return RowFault("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", (field.name,))
    if is_picked and field.restricted and field.picks:
        known = {pick.value for pick in field.picks if pick.is_active}
        wrong = next((one for one in (value.split(";") if field.type == "multipicklist" else [value]) if one not in known), None)
        if wrong is not None:
            message = f"{field.label}: bad value for restricted picklist field: {wrong}"
            return RowFault("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (field.name,))
    return None


def _number_fault(field: Field, value: Any) -> RowFault | None:
    digits = (field.digits or _INT_DIGITS) if field.type == "int" else field.precision - field.scale
    if digits > 0 and abs(value) >= 10**digits:
        message = f"{field.label}: value outside of valid range on numeric field: {value}"
        return RowFault("NUMBER_OUTSIDE_VALID_RANGE", message, (field.name,))
    return None
