"""The recycle bin: deleting with what cascades, bringing back, purging; and the archive of old activities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sandbox.salesforce import dml_activities, dml_checks
from sandbox.salesforce.errors import RowError, RowFault
from sandbox.salesforce.records import Record

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

DAY_MS = 86_400_000
_MOST_TOLD = 10


def delete(org: Org, user_id: str, record: Record) -> None:
    """Delete a record and all that cascades from it. Raises RowError."""
    kind = org.kind(record.object)
    dml_checks.check_verb(org, user_id, kind, "delete")
    if record.is_deleted:
        raise RowError(RowFault("ENTITY_IS_DELETED", "entity is deleted"), status=404)
    dml_checks.check_locks(org, kind, record, {})
    _refuse_with_children(org, record)
    now = org.now_ms()
    below = list(_cascade(org, record))
    put_away(org, user_id, record, now, is_kept=kind.undeletable)
    for one in below:
        # What goes with its parent must be able to come back with it.
        put_away(org, user_id, one, now, is_kept=kind.undeletable)
    _refresh(org, record)


def put_away(org: Org, user_id: str, record: Record, now: int, *, is_kept: bool = True) -> None:
    """One record into the recycle bin; or out of the org, where it is not kept or its object knows no deleted records."""
    kind = org.kind(record.object)
    former = record.version() if org.delays_commits else None
    org.log_deletion(record.object, now, record.id)
    if not is_kept or kind.field("IsDeleted") is None:
        org.store(record.object).remove(record)
        return
    stamps = {"IsDeleted": True, "LastModifiedDate": now, "LastModifiedById": user_id, "SystemModstamp": now}
    org.store(record.object).change(record, {name: value for name, value in stamps.items() if kind.field(name)})
    record.is_deleted, record.deleted_ms = True, now
    org.bin.append(record)
    org.commit(record, former)


def undelete(org: Org, user_id: str, record: Record) -> None:
    """Bring back a record and what was deleted with it. Raises RowError."""
    kind = org.kind(record.object)
    if not record.is_deleted or not kind.undeletable or record.values.get("MasterRecordId"):
        raise RowError(RowFault("UNDELETE_FAILED", "Entity is not in the recycle bin"))
    now, deleted = org.now_ms(), record.deleted_ms
    for one in [record, *(child for child in _cascade(org, record, deleted=True) if child.deleted_ms == deleted)]:
        former = one.version() if org.delays_commits else None
        stamps = {"IsDeleted": False, "LastModifiedDate": now, "LastModifiedById": user_id, "SystemModstamp": now}
        org.store(one.object).change(one, {name: value for name, value in stamps.items() if org.kind(one.object).field(name)})
        one.is_deleted, one.deleted_ms = False, None
        org.bin = [kept for kept in org.bin if kept is not one]
        org.commit(one, former)
        # It is no longer deleted, so getDeleted no longer tells it.
        org.deletions[one.object] = [entry for entry in org.deletions.get(one.object, []) if entry[1] != one.id]
    _refresh(org, record)


def erase(org: Org, record: Record) -> None:
    """Take a deleted record, and what was deleted with it, out of the recycle bin for good."""
    below = [one for one in _cascade(org, record, deleted=True) if one.deleted_ms == record.deleted_ms]
    gone = {one.id for one in (record, *below)}
    org.bin = [kept for kept in org.bin if kept.id not in gone]
    for one in (record, *below):
        if one.id in org.store(one.object).rows:
            org.store(one.object).remove(one)


def purge(org: Org, now: int) -> None:
    """Erase what lay in the recycle bin for longer than it may."""
    limit = now - org.org.recycle_days * DAY_MS
    kept = []
    for record in org.bin:
        if not record.is_deleted or record.deleted_ms is None:
            continue
        if record.deleted_ms > limit:
            kept.append(record)
        elif record.id in org.store(record.object).rows:
            org.store(record.object).remove(record)
    org.bin = kept


def archive(org: Org, now: int) -> None:
    """Archive the activities that became old enough. Their stamps stay."""
    days = org.org.archive_days
    for name in ("Task", "Event"):
        for record in org.store(name):
            if not record.is_archived and dml_activities.is_archivable(record, now, days):
                record.is_archived = True
                record.values["IsArchived"] = True


def _cascade(org: Org, record: Record, *, deleted: bool = False) -> Iterator[Record]:
    """What goes with a record, at every depth."""
    for child in org.kind(record.object).children:
        if not child.cascades or child.object not in org.stores:
            continue
        for one in org.stores[child.object].children(child.field, record.id):
            if one.is_deleted == deleted and one is not record:
                yield one
                yield from _cascade(org, one, deleted=deleted)


def _refuse_with_children(org: Org, record: Record) -> None:
    """A record stays while it has children that do not go with it, such as the cases of a contact."""
    for child in org.kind(record.object).children:
        store = org.stores.get(child.object)
        if not child.restricts or store is None:
            continue
        held = [one for one in store.children(child.field, record.id) if not one.is_deleted]
        if held:
            name = " ".join(filter(None, (record.values.get("Salutation"), record.values.get("Name"))))
            title = next((field.name for field in store.type if field.name_field), "Id")
            told = ", ".join(str(one.values.get(title)) for one in held[:_MOST_TOLD])
            message = (
                f"Your attempt to delete {name} could not be completed because it is associated with the following "
                f"{store.type.plural.lower()}.: {told}\n"
            )
            raise RowError(RowFault("DELETE_FAILED", message))


def _refresh(org: Org, record: Record) -> None:
    if record.object in {"Task", "Event"}:
        for name in ("WhoId", "AccountId"):
            dml_activities.refresh_last_activity(org, record.values.get(name))
