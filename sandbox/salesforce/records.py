"""Records, and where they are kept: by id, and found by stamp, by value and by parent without a walk through all of them."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from sandbox.salesforce.schema import Field, ObjectType

Value = str | bool | int | float
"""A value as it is kept. Times are milliseconds since 1970, dates and times of day text, ids text of 18 characters."""

Undo = Callable[[], None]
"""Takes back one change of a store."""

Shape = dict[str, int]
"""Where each field of an object lies in the cells of its records. All records of an object share one."""


STAMPS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted")
"""The fields that Salesforce itself keeps. ``Store.stamps`` are those that an object has."""


class Values(MutableMapping[str, Any]):
    """The values of one record, by exact field name. Reads as a dict without empty values; takes a third of a dict's room."""

    __slots__ = ("_cells", "_shape")

    def __init__(self, shape: Shape, values: Mapping[str, Any]) -> None:
        self._shape = shape
        places = {shape.setdefault(name, len(shape)): value for name, value in values.items() if value is not None}
        # One list of just the right length: grown bit by bit it would take more room.
        self._cells: list[Any] = [None] * (max(places, default=-1) + 1)
        for place, value in places.items():
            self._cells[place] = value

    def get(self, name: str, default: Any = None) -> Any:
        """The value, or ``default`` where there is none."""
        try:
            value = self._cells[self._shape[name]]
        except (KeyError, IndexError):
            return default
        return default if value is None else value

    def __getitem__(self, name: str) -> Any:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        place = self._shape.get(name)
        if place is None:
            if value is None:
                return
            place = self._shape[name] = len(self._shape)
        cells = self._cells
        if place >= len(cells):
            if value is None:
                return
            cells.extend([None] * (place + 1 - len(cells)))
        cells[place] = value

    def __delitem__(self, name: str) -> None:
        self[name] = None

    def __iter__(self) -> Iterator[str]:
        cells = self._cells
        return (name for name, place in self._shape.items() if place < len(cells) and cells[place] is not None)

    def __len__(self) -> int:
        return sum(value is not None for value in self._cells)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __repr__(self) -> str:
        return repr(dict(self))

    def copy(self) -> Values:
        """Values that change by themselves."""
        twin = Values(self._shape, {})
        twin._cells = self._cells.copy()
        return twin


class Record:
    """One record: its values, and what stands in no field.

    ``deleted_ms`` is when it went to the recycle bin. ``visible_ms`` is from when on queries see its last change, in milliseconds of the
    sandbox's elapsed time; until then they see ``former``, the version before (None: nothing).
    """

    __slots__ = ("deleted_ms", "former", "id", "is_archived", "is_deleted", "object", "values", "visible_ms")

    def __init__(self, record_id: str, object_name: str, values: Values) -> None:
        self.id = record_id
        self.object = object_name
        self.values = values
        self.is_deleted = False
        self.deleted_ms: int | None = None
        self.is_archived = False
        self.visible_ms = 0
        self.former: Record | None = None

    def __repr__(self) -> str:
        return f"<{self.object} {self.id}>"

    def version(self) -> Record:
        """The record as it is now, to be kept while it changes."""
        twin = Record(self.id, self.object, self.values.copy())
        twin.is_deleted, twin.deleted_ms, twin.is_archived = self.is_deleted, self.deleted_ms, self.is_archived
        return twin


class Store:
    """All records of one object. ``rows`` is by id of 18 characters, deleted ones included.

    Changes go through ``put``, ``change`` and ``remove``, so that what finds records stays true. ``changes`` counts them. ``journal``, where
    there is one, takes what undoes each.
    """

    def __init__(self, object_type: ObjectType) -> None:
        self.type = object_type
        self.rows: dict[str, Record] = {}
        self.shape: Shape = {}
        self.next_number = 1
        self.changes = 0
        self.journal: list[Undo] | None = None
        self.stamp_field = "SystemModstamp" if object_type.field("SystemModstamp") else "CreatedDate"
        self.stamps = frozenset(name for name in STAMPS if object_type.field(name))
        self.references = tuple(field.name for field in object_type if field.type == "reference")
        self._stamps: list[tuple[int, str]] | None = None
        self._parents: dict[str, dict[str, dict[str, Record]]] = {}
        self._holders: dict[str, dict[str, dict[str, Record]]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.rows.values())

    def make(self, record_id: str, values: Mapping[str, Any]) -> Record:
        """A record with these values, not yet kept."""
        return Record(record_id, self.type.name, Values(self.shape, values))

    def put(self, record: Record) -> None:
        """Keep a new record."""
        self.rows[record.id] = record
        self.changes += 1
        self._enter(record, record.values)
        if self.journal is not None:
            self.journal.append(lambda: self.remove(record))

    def change(self, record: Record, values: Mapping[str, Any]) -> None:
        """Set values of a kept record; None empties one."""
        self.changes += 1
        if self.journal is not None:
            self.journal.append(self._way_back(record, values))
        self._leave(record, values)
        for name, value in values.items():
            record.values[name] = value
        self._enter(record, values)

    def remove(self, record: Record) -> None:
        """Keep the record no longer."""
        self.changes += 1
        self._leave(record, record.values)
        del self.rows[record.id]
        if self.journal is not None:
            self.journal.append(lambda: self.put(record))

    def stamped(self, start: int | None = None, end: int | None = None) -> Iterator[Record]:
        """The records whose SystemModstamp lies between the two, both included, oldest first; by id where stamps are equal."""
        stamps = self._stamps
        if stamps is None or len(stamps) > 2 * len(self.rows) + 1000:
            field = self.stamp_field
            stamps = self._stamps = sorted((record.values.get(field, 0), record.id) for record in self.rows.values())
        low = 0 if start is None else bisect.bisect_left(stamps, (start, ""))
        high = len(stamps) if end is None else bisect.bisect_left(stamps, (end + 1, ""))
        last: tuple[int, str] | None = None
        for entry in stamps[low:high]:
            # Entries that a later change made untrue stay until the next sorting; one may stand twice.
            record = self.rows.get(entry[1])
            if entry != last and record is not None and record.values.get(self.stamp_field, 0) == entry[0]:
                yield record
            last = entry

    def children(self, field: str, parent_id: str) -> list[Record]:
        """The records whose reference ``field`` points to that record, deleted ones included, in the order they came."""
        index = self._parents.get(field)
        if index is None:
            index = self._parents[field] = _indexed(self.rows.values(), field, folded=False)
        return list(index.get(parent_id, {}).values())

    def holders(self, field: Field, value: Value) -> list[Record]:
        """The records that hold that value in a field, deleted ones included; case counts where the field says so."""
        index = self._holders.get(field.name)
        if index is None:
            index = self._holders[field.name] = _indexed(self.rows.values(), field.name, folded=not field.case_sensitive)
        key = str(value) if field.case_sensitive else str(value).lower()
        return list(index.get(key, {}).values())

    def _way_back(self, record: Record, values: Mapping[str, Any]) -> Undo:
        before = {name: record.values.get(name) for name in values}
        state = (record.is_deleted, record.deleted_ms, record.is_archived, record.visible_ms, record.former)

        def undo() -> None:
            self.change(record, before)
            record.is_deleted, record.deleted_ms, record.is_archived, record.visible_ms, record.former = state

        return undo

    def _enter(self, record: Record, values: Mapping[str, Any]) -> None:
        for name, index in self._parents.items():
            if name in values and (value := values[name]) is not None:
                index[value][record.id] = record
        for name, index in self._holders.items():
            if name in values and (value := values[name]) is not None:
                index[self._key(name, value)][record.id] = record
        if self._stamps is not None and self.stamp_field in values:
            entry = (values[self.stamp_field], record.id)
            if self._stamps and entry < self._stamps[-1]:
                bisect.insort(self._stamps, entry)
            elif not self._stamps or entry != self._stamps[-1]:
                self._stamps.append(entry)

    def _leave(self, record: Record, values: Mapping[str, Any]) -> None:
        for name, index in self._parents.items():
            if name in values and (value := record.values.get(name)) is not None:
                index[value].pop(record.id, None)
        for name, index in self._holders.items():
            if name in values and (value := record.values.get(name)) is not None:
                index[self._key(name, value)].pop(record.id, None)

    def _key(self, name: str, value: Any) -> str:
        field = self.type.field(name)
        return str(value) if field is None or field.case_sensitive else str(value).lower()


def _indexed(records: Iterable[Record], field: str, *, folded: bool) -> dict[str, dict[str, Record]]:
    index: dict[str, dict[str, Record]] = defaultdict(dict)
    for record in records:
        value = record.values.get(field)
        if value is not None:
            index[str(value).lower() if folded else str(value)][record.id] = record
    return index
