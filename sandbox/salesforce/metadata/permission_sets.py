"""Permission sets: what Salesforce takes in one, and the records by which it then grants.

Texts of refusals. Salesforce's own, as its users quote them: a field that does not exist, a required field, an object permission without
the one it depends on, an unknown user permission. That an entry may not stand twice is told in words that nobody could verify. A permission
set that is deployed again holds exactly what the new file says: so the documentation has it for API 40 and later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sandbox.salesforce.metadata.component import Component, Problem, unknown_elements
from sandbox.salesforce.metadata.tree import branches, flag, one
from sandbox.salesforce.schema import Schema

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.records import Record

LABEL_LIMIT = 80
VERBS = {
    "allowCreate": ("Create", "PermissionsCreate", ("allowRead",)),
    "allowRead": ("Read", "PermissionsRead", ()),
    "allowEdit": ("Edit", "PermissionsEdit", ("allowRead",)),
    "allowDelete": ("Delete", "PermissionsDelete", ("allowRead", "allowEdit")),
    "viewAllRecords": ("View All", "PermissionsViewAllRecords", ("allowRead",)),
    "modifyAllRecords": ("Modify All", "PermissionsModifyAllRecords", ("allowRead", "allowEdit", "allowDelete", "viewAllRecords")),
    "viewAllFields": ("View All Fields", "PermissionsViewAllFields", ("allowRead",)),
}
"""An object permission: its word in messages, its field on ObjectPermissions, and what it needs beside it."""


def check_permission_set(schema: Schema, component: Component) -> Iterator[Problem]:
    """Everything that is wrong with a permission set."""
    values = component.values
    yield from unknown_elements(component.type, values)
    if not component.full_name or not component.full_name.replace("_", "").isalnum() or component.full_name[0].isdigit():
        yield Problem(
            "FIELD_INTEGRITY_EXCEPTION", f"The API name {component.full_name} can only contain underscores and alphanumeric characters"
        )
    label = one(values, "label")
    if not label:
        yield Problem("REQUIRED_FIELD_MISSING", "Required field is missing: label")
    elif len(label) > LABEL_LIMIT:
        yield Problem("STRING_TOO_LONG", f"Label: data value too large: {label} (max length={LABEL_LIMIT})")
    yield from _field_problems(schema, component)
    yield from _object_problems(schema, component)
    known = schema.object("PermissionSet")
    for entry in branches(values, "userPermissions"):
        if known is not None and known.field(f"Permissions{one(entry, 'name')}") is None:
            yield Problem("INVALID_CROSS_REFERENCE_KEY", f"Unknown user permission: {one(entry, 'name')}")


def _field_problems(schema: Schema, component: Component) -> Iterator[Problem]:
    seen: set[str] = set()
    for entry in branches(component.values, "fieldPermissions"):
        path = one(entry, "field")
        if "editable" not in entry:
            yield Problem("REQUIRED_FIELD_MISSING", "Required field is missing: editable")
        name, _, field_name = path.partition(".")
        kind = schema.object(name)
        found = kind.field(field_name) if kind is not None else None
        if found is None:
            yield Problem("INVALID_CROSS_REFERENCE_KEY", f"In field: field - no CustomField named {path} found")
        elif not found.permissionable:
            yield Problem("FIELD_INTEGRITY_EXCEPTION", f"You cannot deploy to a required field: {path}")
        elif path.lower() in seen:
            yield Problem("DUPLICATE_VALUE", f"Duplicate fieldPermissions for field {path}")
        seen.add(path.lower())


def _object_problems(schema: Schema, component: Component) -> Iterator[Problem]:
    seen: set[str] = set()
    for entry in branches(component.values, "objectPermissions"):
        name = one(entry, "object")
        if schema.object(name) is None:
            yield Problem("INVALID_CROSS_REFERENCE_KEY", f"In field: field - no CustomObject named {name} found")
            continue
        if name.lower() in seen:
            yield Problem("DUPLICATE_VALUE", f"Duplicate objectPermissions for object {name}")
        seen.add(name.lower())
        for verb, (word, _, needed) in VERBS.items():
            missing = [VERBS[other][0] for other in needed if flag(entry, verb) and not flag(entry, other)]
            if missing:
                text = f"Permission {word} {name} depends on permission(s): {', '.join(f'{other} {name}' for other in missing)}"
                yield Problem("FIELD_INTEGRITY_EXCEPTION", text)


def find_permission_set(org: Org, name: str) -> Record | None:
    """The record of a permission set that no profile owns."""
    low = name.lower()
    return next(
        (
            record
            for record in org.store("PermissionSet")
            if not record.is_deleted and not record.values.get("IsOwnedByProfile") and str(record.values.get("Name", "")).lower() == low
        ),
        None,
    )


def keep_permission_set(org: Org, user_id: str, component: Component) -> str:
    """Make the records of a checked permission set those that it says; its id."""
    store, now, values = org.store("PermissionSet"), org.now_ms(), component.values
    given = {
        "Label": one(values, "label"),
        "Description": one(values, "description") or None,
        **{f"Permissions{one(entry, 'name')}": flag(entry, "enabled") for entry in branches(values, "userPermissions")},
    }
    held = find_permission_set(org, component.full_name)
    if held is None:
        held = org.import_record(
            "PermissionSet", {"Name": component.full_name, "IsCustom": True, "IsOwnedByProfile": False, "Type": "Regular", **given}
        )
    else:
        taken = {
            name: False
            for name in list(held.values)
            if name.startswith("Permissions") and held.values.get(name) is True and name not in given
        }
        store.change(held, {**given, **taken, "LastModifiedById": user_id, "LastModifiedDate": now, "SystemModstamp": now})
    clear_permissions(org, held.id)
    for entry in branches(values, "fieldPermissions"):
        object_name, _, field_name = one(entry, "field").partition(".")
        can_edit = flag(entry, "editable")
        if can_edit or flag(entry, "readable"):
            org.access.grant(held.id, object_name, field_name, edit=can_edit)
    for entry in branches(values, "objectPermissions"):
        kind = org.kind(one(entry, "object"))
        told = {field: flag(entry, verb) for verb, (_, field, _) in VERBS.items()}
        org.import_record("ObjectPermissions", {"ParentId": held.id, "SobjectType": kind.name, **told})
    return held.id


def clear_permissions(org: Org, set_id: str) -> None:
    """Take away what a permission set grants."""
    for name in ("FieldPermissions", "ObjectPermissions"):
        store = org.store(name)
        for record in store.children("ParentId", set_id):
            store.remove(record)


def drop_permission_set(org: Org, set_id: str) -> None:
    """Take a permission set away, with what it grants and to whom."""
    clear_permissions(org, set_id)
    assignments = org.store("PermissionSetAssignment")
    for record in assignments.children("PermissionSetId", set_id):
        assignments.remove(record)
    held = org.store("PermissionSet").rows.get(set_id)
    if held is not None:
        org.store("PermissionSet").remove(held)
