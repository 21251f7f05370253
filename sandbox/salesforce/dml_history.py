"""History of contacts: one row for each change of a tracked field, two where a lookup changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.records import Record
from sandbox.salesforce.values import rest_time

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

TRACKED = ("AccountId", "Title", "Email", "Phone", "MobilePhone", "OwnerId", "FirstName", "LastName", "Department", "HasOptedOutOfEmail")
"""The fields of a contact whose changes are kept; an org may track at most twenty."""

_TYPES = {"string": "Text", "email": "Email", "phone": "PhoneNumber", "boolean": "Boolean", "textarea": "Text", "picklist": "DynamicEnum"}
_VALUE_LIMIT = 255


def note_changes(org: Org, user_id: str, record: Record, before: Mapping[str, Any] | None) -> None:
    """Write the rows of one change; ``before`` is None for a new record."""
    if record.object != "Contact":
        return
    if before is None:
        note(org, user_id, record.id, "created", "Text", None, None)
        return
    kind = org.kind("Contact")
    for name in TRACKED:
        field, old, new = kind.field(name), before.get(name), record.values.get(name)
        if field is None or old == new:
            continue
        if field.type == "reference":
            # Told twice: once with the names that people read, once with the ids.
            told = field.relationship or name
            note(org, user_id, record.id, told, "Text", _name(org, old), _name(org, new))
            note(org, user_id, record.id, told, "EntityId", old, new)
        else:
            note(org, user_id, record.id, name, _TYPES.get(field.type, "Text"), _told(old), _told(new))


def note(org: Org, user_id: str, contact_id: str, field: str, data_type: str, old: Any, new: Any) -> None:
    """One history row."""
    row = org.import_record(
        "ContactHistory",
        {
            "ContactId": contact_id,
            "Field": field,
            "DataType": data_type,
            "OldValue": old,
            "NewValue": new,
            "CreatedDate": org.now_ms(),
            "CreatedById": user_id,
        },
    )
    org.commit(row, None)


def _name(org: Org, record_id: str | None) -> str | None:
    record = org.find(record_id, deleted=True) if record_id else None
    return record.values.get("Name") if record is not None else None


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_VALUE_LIMIT]
    if isinstance(value, int) and not isinstance(value, bool):
        return rest_time(value)
    return value
