"""A Salesforce org: its schema, records and people, and what a write does to them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sandbox.clock import Clock
from sandbox.options import SandboxOptions
from sandbox.salesforce import dml, dml_deleting, dml_merging
from sandbox.salesforce.access import Access
from sandbox.salesforce.dml_activities import add_count_fields, counts, is_archivable
from sandbox.salesforce.errors import OrgError, RowError
from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.limits import Limits
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.records import STAMPS, Record, Store
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.standard import standard_schema
from sandbox.salesforce.standard_people import settle_people
from sandbox.salesforce.undoing import Savepoint

DAY_MS = 86_400_000
_ACTIVITIES = ("Task", "Event")
_WITH_PHOTOS = frozenset({"Contact", "Lead", "Account"})


class Org:
    """One org. Hold ``lock`` while several calls must see the same records.

    ``integration_id`` and ``admin_id`` are the users that every org has. ``locked`` tells whether another transaction holds a record just
    now; by default those in ``locked_ids``. ``deletions`` is the log that getDeleted reads: by object, moment and id in rising order.
    ``beside`` is what lives and dies with an org, by its class: bulk jobs, deployments, definitions.
    """

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self.org: OrgOptions = options.org
        self.clock = clock
        self.lock = threading.RLock()
        self.schema = standard_schema()
        self.stores: dict[str, Store] = {kind.name: Store(kind) for kind in self.schema}
        self.limits = Limits(self.org, clock, options.seed)
        self.locked_ids: set[str] = set()
        self.locked: Callable[[str], bool] = self.locked_ids.__contains__
        self.deletions: dict[str, list[tuple[int, str]]] = {}
        self.bin: list[Record] = []
        self.beside: dict[type, Any] = {}
        self._prefixes = {kind.prefix: kind.name for kind in self.schema if kind.prefix}
        self._random = random.Random(f"org {options.seed}")
        self._swept_ms = 0
        self.integration_id = self.admin_id = ""
        self.access = Access(self)
        if self.org.shared_activities:
            add_count_fields(self)
        settle_people(self)

    # What there is

    def kind(self, object_name: str) -> ObjectType:
        """The object of that name, whatever its case. OrgError NOT_FOUND where there is none."""
        found = self.schema.object(object_name)
        if found is None:
            raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
        return found

    def store(self, object_name: str) -> Store:
        """Where the records of an object are. OrgError NOT_FOUND where there is no such object."""
        store = self.stores.get(object_name)
        return store if store is not None else self.stores[self.kind(object_name).name]

    def object_of(self, record_id: str) -> str | None:
        """The object that an id belongs to, by its prefix."""
        return self._prefixes.get(record_id[:3])

    def find(self, record_id: str, *, deleted: bool = False) -> Record | None:
        """The record of an id with 15 or 18 characters, as its writer sees it; deleted ones only where asked for."""
        whole = normal_id(record_id)
        name = self._prefixes.get(record_id[:3])
        if whole is None or name is None:
            return None
        self.sweep()
        record = self.stores[name].rows.get(whole)
        return record if record is not None and (deleted or not record.is_deleted) else None

    def rows(self, object_name: str, *, is_all: bool = False) -> Iterator[Record]:
        """What a query sees now: no deleted or archived records unless ``is_all``; of what is not committed yet, only what was before."""
        self.sweep()
        return self.seen(self.store(object_name), is_all=is_all)

    def seen(self, records: Iterable[Record], *, is_all: bool = False) -> Iterator[Record]:
        """Of these records those that a query sees now, in the version that it sees."""
        now = self.elapsed_ms()
        for record in records:
            shown: Record | None = record
            if record.visible_ms > now:
                shown = record.former
            if shown is not None and (is_all or not (shown.is_deleted or shown.is_archived)):
                yield shown

    def elapsed_ms(self) -> int:
        """Milliseconds since the sandbox started, those stepped over included: what commits and index lags are measured in."""
        return int(self.clock.elapsed() * 1000)

    def now_ms(self) -> int:
        """The moment as it is stamped: whole seconds in milliseconds."""
        return self.clock.now_ms() // 1000 * 1000

    def add_field(self, object_name: str, field: Field) -> None:
        """A new field of an object. A field of ``Activity`` stands on Task and Event."""
        for name in _ACTIVITIES if object_name.lower() == "activity" else (object_name,):
            self.kind(name).fields[field.name.lower()] = field

    def remove_field(self, object_name: str, field_name: str) -> None:
        """Take a field away, its values and its permissions with it."""
        for name in _ACTIVITIES if object_name.lower() == "activity" else (object_name,):
            kind = self.kind(name)
            gone = kind.fields.pop(field_name.lower(), None)
            if gone is None:
                continue
            for record in self.stores[kind.name]:
                if record.values.get(gone.name) is not None:
                    self.stores[kind.name].change(record, {gone.name: None})
            permissions = self.store("FieldPermissions")
            for record in [one for one in permissions if one.values.get("Field") == f"{kind.name}.{gone.name}"]:
                permissions.remove(record)

    # Writing

    def create(self, user_id: str, object_name: str, values: Mapping[str, Any]) -> Record:
        """A new record of values in memory form, as a user makes it. Raises RowError, or OrgError where there is no such object."""
        with self._whole():
            return dml.create(self, user_id, self.kind(object_name), values)

    def update(self, user_id: str, record: Record, values: Mapping[str, Any]) -> None:
        """Set values of a record; None empties one. Raises RowError."""
        with self._whole():
            dml.update(self, user_id, record, values)

    def upsert(self, user_id: str, object_name: str, ext_field: str, ext_value: Any, values: Mapping[str, Any]) -> tuple[Record, bool]:
        """Update the record that holds that value in an external-id field, or create one. Raises RowError; OrgError 300 where several do."""
        with self._whole():
            return dml.upsert(self, user_id, self.kind(object_name), ext_field, ext_value, values)

    def delete(self, user_id: str, record: Record) -> None:
        """Put a record, and what cascades from it, into the recycle bin. Raises RowError."""
        with self._whole():
            dml_deleting.delete(self, user_id, record)

    def undelete(self, user_id: str, record: Record) -> None:
        """Take a record, and what went with it, out of the recycle bin. Raises RowError."""
        with self._whole():
            dml_deleting.undelete(self, user_id, record)

    def erase(self, record: Record) -> None:
        """Empty the recycle bin of one record: no query finds it again."""
        with self._whole():
            dml_deleting.erase(self, record)

    def merge(self, user_id: str, object_name: str, winner_id: str, loser_ids: Sequence[str]) -> None:
        """Merge at most two records into a third: they are deleted, their children go over. Raises RowError."""
        with self._whole():
            dml_merging.merge(self, user_id, self.kind(object_name), winner_id, loser_ids)

    def convert_lead(self, user_id: str, lead_id: str, *, account_id: str | None = None, contact_id: str | None = None) -> Record:
        """Make a lead a contact (a new one, or one that exists) of an account, and tell the contact. Raises RowError."""
        with self._whole():
            return dml_merging.convert_lead(self, user_id, lead_id, account_id=account_id, contact_id=contact_id)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """All that a write does, or nothing of it: where it is refused half-way, what it did is undone."""
        with self.lock:
            savepoint = Savepoint(self)
            try:
                yield
            except (RowError, OrgError):
                savepoint.go_back()
                raise
            finally:
                savepoint.release()

    def import_record(self, object_name: str, values: Mapping[str, Any]) -> Record:
        """Put a finished record with its own stamps, without any check. Id and stamps that it lacks are filled in."""
        with self.lock:
            store = self.store(object_name)
            kind, now = store.type, self.now_ms()
            whole = {name: value for name, value in values.items() if value is not None}
            for name in store.references:
                if name in whole:
                    whole[name] = self.shared(whole[name])
            record_id = whole.get("Id") or self.new_id(store)
            whole["Id"] = record_id
            created = whole.get("CreatedDate") or now
            author = whole.get("CreatedById") or self.integration_id or None
            modified = whole.get("LastModifiedDate") or created
            stamps = (created, author, modified, whole.get("LastModifiedById") or author, modified, False)
            for name, value in zip(STAMPS, stamps, strict=True):
                if name not in whole and name in store.stamps:
                    whole[name] = value
            if kind.name in _WITH_PHOTOS:
                whole.setdefault("PhotoUrl", f"/services/images/photo/{record_id}")
            if self.org.shared_activities and kind.name in _ACTIVITIES:
                whole = {**counts(self, whole), **whole}
            record = store.make(record_id, whole)
            record.is_deleted = bool(whole.get("IsDeleted"))
            record.is_archived = bool(whole.get("IsArchived"))
            if record.is_deleted:
                record.deleted_ms = whole.get("SystemModstamp", now)
                self.log_deletion(kind.name, record.deleted_ms, record_id)
                self.bin.append(record)
            elif kind.name in _ACTIVITIES and is_archivable(record, now, self.org.archive_days):
                record.is_archived = record.values["IsArchived"] = True
            store.put(record)
            return record

    def new_id(self, store: Store) -> str:
        """The next id of an object that no record has."""
        while True:
            record_id = make_id(store.type.prefix or "000", store.next_number)
            store.next_number += 1
            if record_id not in store.rows:
                return record_id

    def commit(self, record: Record, former: Record | None) -> None:
        """Let a change become visible after a drawn delay. ``former`` is the version before, None for a new record."""
        low, high = self.org.commit_delay
        if high > 0:
            now = self.elapsed_ms()
            # What was hidden stays hidden: a second change before the first is committed still shows the oldest version.
            record.former = record.former if record.visible_ms > now else former
            record.visible_ms = now + int(self._random.uniform(low, high) * 1000)

    @property
    def delays_commits(self) -> bool:
        """Whether versions must be kept until they are committed."""
        return self.org.commit_delay[1] > 0

    def shared(self, value: Any) -> Any:
        """For an id: the text object that the parent's record holds already, so that a reference costs no text of its own."""
        if isinstance(value, str) and len(value) == 18:
            name = self._prefixes.get(value[:3])
            parent = self.stores[name].rows.get(value) if name else None
            return parent.id if parent is not None else value
        return value

    # Passing of time

    def log_deletion(self, object_name: str, ms: int, record_id: str) -> None:
        """Note a deletion for getDeleted; it stays there when the record is purged."""
        self.deletions.setdefault(object_name, []).append((ms, record_id))

    def sweep(self) -> None:
        """Archive old activities and purge the recycle bin, at most once for each hour that passes."""
        now = self.clock.now_ms()
        if now - self._swept_ms >= DAY_MS // 24:
            self._swept_ms = now
            with self.lock:
                dml_deleting.purge(self, now)
                dml_deleting.archive(self, now)
