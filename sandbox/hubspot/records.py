"""Records and where they are kept: by id in rising order, with their history, their unique values and what search knows of them."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Any

from sandbox.hubspot.index import SearchIndex
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.schema import Schema
from sandbox.hubspot.values import Value


@dataclass(frozen=True)
class Source:
    """Who set a value: HubSpot's sourceType, its id and label, and the user."""

    type: str
    id: str | None = None
    label: str | None = None
    user_id: int | None = None


CRM_UI = Source("CRM_UI", "userId:51400100", None, 51_400_100)
IMPORT = Source("IMPORT", "1", "Import")

Version = tuple[int, Value, Source]
"""One version of a value: when, what, by whom."""


class Record:
    """One version of a record; a write makes a new one, so that search can still hold the old.

    Values that came with a bulk load lie in ``base`` in the order of ``shape``, which many records share; later ones lie in ``extra``.
    """

    __slots__ = ("archived", "base", "created", "extra", "history", "id", "modified", "shape", "source")

    def __init__(  # noqa: PLR0913 - a plain holder of nine things
        self,
        record_id: int,
        created: int,
        modified: int,
        source: Source,
        *,
        shape: dict[str, int] | None = None,
        base: tuple[Any, ...] = (),
        extra: dict[str, Value] | None = None,
        history: dict[str, tuple[Version, ...]] | None = None,
        archived: int | None = None,
    ) -> None:
        self.id = record_id
        self.created = created
        self.modified = modified
        self.source = source
        self.shape = shape or _NO_SHAPE
        self.base = base
        self.extra = extra
        self.history = history
        self.archived = archived

    def get(self, name: str) -> Value | None:
        """The value as it is kept, or None where the property was never set."""
        if self.extra is not None and name in self.extra:
            return self.extra[name]
        place = self.shape.get(name)
        value: Value | None = None if place is None else self.base[place]
        return value

    def names(self) -> list[str]:
        """The properties that were set."""
        held = [name for name, place in self.shape.items() if self.base[place] is not None]
        return held + [name for name in self.extra or () if name not in self.shape or self.base[self.shape[name]] is None]

    def versions(self, name: str) -> tuple[Version, ...]:
        """All versions of a property, newest first."""
        if self.history and name in self.history:
            return self.history[name]
        value = self.get(name)
        return () if value is None else ((self.created, value, self.source),)

    def changed(self, values: dict[str, Value], ms: int, source: Source, cap: int) -> Record:
        """The record after a write. Values that stay the same get no new version; the record is stamped all the same."""
        history = dict(self.history or {})
        for name, value in values.items():
            if self.get(name) != value:
                history[name] = ((ms, value, source), *self.versions(name))[:cap]
        return Record(
            self.id,
            self.created,
            ms,
            self.source,
            shape=self.shape,
            base=self.base,
            extra={**(self.extra or {}), **values},
            history=history or None,
            archived=self.archived,
        )

    def moved(self, *, archived: int | None, modified: int) -> Record:
        """The record after it was archived or brought back."""
        return Record(
            self.id,
            self.created,
            modified,
            self.source,
            shape=self.shape,
            base=self.base,
            extra=self.extra,
            history=self.history,
            archived=archived,
        )


_NO_SHAPE: dict[str, int] = {}


class Store:
    """All records of one object type."""

    def __init__(self, object_type: ObjectType, schema: Schema, index: SearchIndex) -> None:
        self.type = object_type
        self.schema = schema
        self.index = index
        self.live: dict[int, Record] = {}
        self.archived: dict[int, Record] = {}
        self.ids: list[int] = []
        self.archived_ids: list[int] = []
        self.merged: dict[int, int] = {}
        self.erased: set[int] = set()
        self.unique: dict[str, dict[str, int]] = {}
        self.next_id = object_type.first_id
        index.live = self.live

    def new_id(self) -> int:
        """An id that was never used; ids rise in irregular steps."""
        given = self.next_id
        self.next_id += 1 + given % 7
        return given

    def resolve(self, record_id: int) -> int:
        """The id under which a merged record lives on, or the id itself."""
        while record_id in self.merged:
            record_id = self.merged[record_id]
        return record_id

    def page(self, after: int, limit: int, *, archived: bool) -> tuple[list[Record], int | None]:
        """``limit`` records with ids from ``after`` on, and the id of the next one."""
        ids, records = (self.archived_ids, self.archived) if archived else (self.ids, self.live)
        start = bisect.bisect_left(ids, after)
        following = ids[start + limit] if start + limit < len(ids) else None
        return [records[i] for i in ids[start : start + limit]], following

    def put_loaded(self, records: list[Record]) -> None:
        """Take in records that were always there: found by search at once."""
        for record in records:
            self.live[record.id] = record
            self.next_id = max(self.next_id, record.id + 1)
        self.ids = sorted(self.live)
        self.index.rebuild()

    def put(self, record: Record) -> None:
        """Take in a new version, or a new record."""
        old = self.live.get(record.id)
        if old is None:
            bisect.insort(self.ids, record.id)
        self.live[record.id] = record
        self.index.note(record.id, old, record)

    def take_out(self, record_id: int, ms: int, *, keep: bool) -> None:
        """Archive a live record, or (``keep`` false) delete it for good."""
        record = self.live.pop(record_id)
        del self.ids[bisect.bisect_left(self.ids, record_id)]
        self.index.note(record_id, record, None)
        for name in self.schema.unique_names():
            self.release(name, record.get(name), record_id)
        if keep:
            self.archived[record_id] = record.moved(archived=ms, modified=ms)
            bisect.insort(self.archived_ids, record_id)

    def erase(self, record_id: int) -> None:
        """Remove every trace of a record."""
        if record_id in self.live:
            self.take_out(record_id, 0, keep=False)
        if self.archived.pop(record_id, None) is not None:
            del self.archived_ids[bisect.bisect_left(self.archived_ids, record_id)]
        self.erased.add(record_id)

    def holder(self, name: str, value: str) -> int | None:
        """The live record that holds a unique value."""
        return self._values_of(name).get(value.lower())

    def claim(self, name: str, value: Value | None, record_id: int) -> None:
        """Note that a record holds a unique value from now on."""
        for part in str(value or "").lower().split(";"):
            if part:
                self._values_of(name)[part] = record_id

    def release(self, name: str, value: Value | None, record_id: int) -> None:
        """Note that a record no longer holds a unique value."""
        held = self._values_of(name)
        for part in str(value or "").lower().split(";"):
            if held.get(part) == record_id:
                del held[part]

    def _values_of(self, name: str) -> dict[str, int]:
        # The second addresses of a contact stand for it just as its first one does.
        key = "email" if name == "hs_additional_emails" else name
        if key not in self.unique:
            self.unique[key] = {}
        return self.unique[key]
