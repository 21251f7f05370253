"""Creating and changing single records: what is refused, what is filled in, what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce import dml_checks, dml_effects
from sandbox.salesforce.dml_history import note_changes
from sandbox.salesforce.errors import OrgError, RowError, RowFault
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, ObjectType

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


def create(org: Org, user_id: str, kind: ObjectType, values: Mapping[str, Any]) -> Record:
    """A new record. Raises RowError."""
    dml_checks.check_verb(org, user_id, kind, "create")
    given = dml_checks.named(org, user_id, kind, values)
    dml_checks.check_writable(org, user_id, kind, given, at_creation=True)
    dml_checks.check_values(kind, given)
    given = _as_kept(kind, given)
    whole = {**_defaults(user_id, kind), **{name: value for name, value in given.items() if value is not None}}
    dml_checks.check_required(kind, whole)
    dml_checks.check_references(org, kind, given)
    whole.update(dml_effects.before(org, kind, whole, None, set(given)))
    dml_checks.check_unique(org, kind, whole, None)
    dml_checks.check_locks(org, kind, None, whole)
    store, now = org.store(kind.name), org.now_ms()
    record_id = org.new_id(store)
    stamps = {
        "Id": record_id,
        "IsDeleted": False,
        "CreatedDate": now,
        "CreatedById": user_id,
        "LastModifiedDate": now,
        "LastModifiedById": user_id,
        "SystemModstamp": now,
        "PhotoUrl": f"/services/images/photo/{record_id}",
    }
    whole.update({name: value for name, value in stamps.items() if kind.field(name)})
    record = store.make(record_id, {name: org.shared(value) for name, value in whole.items()})
    store.put(record)
    org.commit(record, None)
    note_changes(org, user_id, record, None)
    dml_effects.after(org, user_id, record, None, given)
    return record


def update(org: Org, user_id: str, record: Record, values: Mapping[str, Any]) -> None:
    """Change a record. It is stamped even where nothing differs, as in Salesforce. Raises RowError."""
    kind = org.kind(record.object)
    dml_checks.check_verb(org, user_id, kind, "update")
    if record.is_deleted:
        raise RowError(RowFault("ENTITY_IS_DELETED", "entity is deleted"), status=404)
    given = dml_checks.named(org, user_id, kind, values)
    dml_checks.check_writable(org, user_id, kind, given, at_creation=False)
    dml_checks.check_values(kind, given)
    given = _as_kept(kind, given)
    dml_checks.check_required(kind, given, at_creation=False)
    dml_checks.check_references(org, kind, given, record.values)
    whole = {**record.values, **given}
    change = {**given, **dml_effects.before(org, kind, whole, record.values, set(given))}
    dml_checks.check_unique(org, kind, change, record)
    dml_checks.check_locks(org, kind, record, change)
    write(org, user_id, record, change, given)


def write(org: Org, user_id: str, record: Record, change: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Put a checked change into a record, stamp it, and let follow what follows."""
    kind = org.kind(record.object)
    before = record.values.copy()
    former = record.version() if org.delays_commits else None
    now = org.now_ms()
    stamps = {"LastModifiedDate": now, "LastModifiedById": user_id, "SystemModstamp": now}
    stamps = {name: value for name, value in stamps.items() if kind.field(name)}
    org.store(record.object).change(record, {**{name: org.shared(value) for name, value in change.items()}, **stamps})
    org.commit(record, former)
    note_changes(org, user_id, record, before)
    dml_effects.after(org, user_id, record, before, given)


def upsert(org: Org, user_id: str, kind: ObjectType, ext_field: str, ext_value: Any, values: Mapping[str, Any]) -> tuple[Record, bool]:
    """The record that an external id leads to, changed; or a new one. Raises RowError; OrgError 300 where several hold the value."""
    field = kind.field(ext_field)
    if field is None or not org.access.sees_field(user_id, kind, field) or not (field.external_id or field.id_lookup):
        raise OrgError(404, "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {ext_field}")
    if field.name == "Id":
        record = org.find(str(ext_value)) if normal_id(str(ext_value)) else None
        if record is None or record.object != kind.name:
            raise RowError(RowFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"), status=404)
        update(org, user_id, record, values)
        return record, False
    found = holders(org, kind, field, ext_value)
    if len(found) > 1:
        raise OrgError(
            300,
            "DUPLICATE_EXTERNAL_ID",
            f"{field.label}: more than one record found for external id field: [{', '.join(one.id for one in found)}]",
        )
    given = {name: value for name, value in values.items() if name.lower() != field.name.lower()}
    if found:
        update(org, user_id, found[0], given)
        return found[0], False
    return create(org, user_id, kind, {**given, field.name: ext_value}), True


def holders(org: Org, kind: ObjectType, field: Field, value: Any) -> list[Record]:
    """The live records of an object that hold a value in a field."""
    if value is None:
        return []
    return [one for one in org.store(kind.name).holders(field, value) if not one.is_deleted]


def _as_kept(kind: ObjectType, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values as Salesforce keeps them: e-mail addresses in small letters (recorded)."""
    emails = {field.name for field in kind if field.type == "email"}
    return {name: value.lower() if name in emails and isinstance(value, str) else value for name, value in given.items()}


def _defaults(user_id: str, kind: ObjectType) -> dict[str, Any]:
    """What a new record has before anything is given: checkboxes that are off, default values, the user as owner."""
    found: dict[str, Any] = {}
    for field in kind:
        if field.formula or field.calculated:
            continue
        if field.default is not None:
            found[field.name] = field.default
        elif field.type == "boolean":
            found[field.name] = False
        elif field.name == "OwnerId":
            found[field.name] = user_id
        elif field.defaulted and field.picks:
            chosen = next((pick.value for pick in field.picks if pick.is_default), None)
            if chosen is not None:
                found[field.name] = chosen
    return found
