"""The rows of an ingest job: columns to fields, text to values, each row through the same gate as a REST write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.bulk.csv_text import Reader, UnreadableCsv
from sandbox.salesforce.bulk.job import Job, Outcome
from sandbox.salesforce.errors import OrgError, RowError, RowFault
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.values import from_csv

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.records import Record

EMPTIED = "#N/A"
"""What a value must be to empty a field; an empty value leaves the field as it is."""


@dataclass(frozen=True)
class Column:
    """One column: the field it fills, and, where it names a parent by an external id, the parent's object and field."""

    heading: str
    field: Field
    parent: ObjectType | None = None
    parent_field: Field | None = None


class Ingest:
    """One ingest job at work.

    Raises UnreadableCsv where a column is no field that the user sees, or where the column that tells records apart is missing:
    then nothing is written. Salesforce's text for both is ``InvalidBatch : Field name not found : X``. That a doubled column and a column
    beside Id in a delete job are refused in these words nobody could verify.
    """

    def __init__(self, org: Org, job: Job, reader: Reader) -> None:
        found = org.schema.object(job.object)
        if found is None:
            raise UnreadableCsv(f"InvalidBatch : Unable to find object: {job.object}")
        self._org, self._job, self._reader, self._type = org, job, reader, found
        self._columns = [self._column(heading.strip()) for heading in reader.header]
        names = [column.field.name for column in self._columns]
        doubled = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if doubled is not None:
            raise UnreadableCsv(f"InvalidBatch : Duplicate field name found : {doubled}")
        key = job.external_id if job.operation == "upsert" else None if job.operation == "insert" else "Id"
        if key is not None and key not in names:
            raise UnreadableCsv(f"InvalidBatch : Field name not found : {key}")
        self._key = names.index(key) if key is not None else -1
        if job.operation in {"delete", "hardDelete"} and len(names) > 1:
            raise UnreadableCsv(f"InvalidBatch : Field name not found : {next(name for name in names if name != 'Id')}")
        self._do: Callable[[str, dict[str, Any]], tuple[str, bool]] = {
            "insert": self._insert,
            "update": self._update,
            "upsert": self._upsert,
            "delete": self._delete,
            "hardDelete": self._hard_delete,
        }[job.operation]

    def outcomes(self) -> Iterator[Outcome]:
        """What becomes of each row, in the order of the upload; each is written when it is asked for."""
        struck = self._job.struck
        for place, row in enumerate(self._reader.rows()):
            key = row[self._key].strip() if self._key >= 0 else ""
            if place in struck:
                yield Outcome(normal_id(key) or "" if self._job.operation != "upsert" else "", faults=(struck[place],))
                continue
            try:
                record_id, created = self._do(key, self._values(row))
            except RowError as refused:
                known = normal_id(key) if self._job.operation != "upsert" else None
                yield Outcome(known or "", faults=refused.faults)
            except OrgError as refused:
                # Several records hold the external id: of one row, that is a fault of the row.
                yield Outcome(faults=(RowFault(refused.code, refused.message),))
            else:
                yield Outcome(record_id, created)

    def _column(self, heading: str) -> Column:
        known = self._type.field(heading)
        if known is not None:
            if known.name != "Id" and not self._org.access.sees(self._job.user_id, self._type.name, known.name):
                raise UnreadableCsv(f"InvalidBatch : Field name not found : {heading}")
            return Column(heading, known)
        kind, _, path = heading.rpartition(":")
        relationship, _, name = path.partition(".")
        reference = self._type.relationship(relationship) if name else None
        if reference is not None:
            for target in reference.reference_to if not kind else (kind,):
                parent = self._org.schema.object(target)
                field = parent.field(name) if parent is not None else None
                if field is not None and (field.external_id or field.id_lookup):
                    return Column(heading, reference, parent, field)
        raise UnreadableCsv(f"InvalidBatch : Field name not found : {heading}")

    def _values(self, row: list[str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for place, (column, text) in enumerate(zip(self._columns, row, strict=True)):
            if place == self._key or not text:
                continue
            if column.field.name == "Id":
                raise RowError(RowFault("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",)))
            if text == EMPTIED:
                values[column.field.name] = None
            elif column.parent is not None and column.parent_field is not None:
                values[column.field.name] = self._parent(column.parent, column.parent_field, text)
            else:
                values[column.field.name] = from_csv(column.field, text)
        return values

    def _parent(self, parent: ObjectType, field: Field, text: str) -> str:
        if field.name == "Id":
            return text
        found = [one for one in self._org.store(parent.name).holders(field, text) if not one.is_deleted]
        if len(found) == 1:
            return found[0].id
        if not found:
            message = f"Foreign key external ID: {text} not found for field {field.name} in entity {parent.name}"
            raise RowError(RowFault("INVALID_FIELD", message))
        raise RowError(RowFault("DUPLICATE_EXTERNAL_ID", f"{field.name}: more than one record found for external id field: {found[0].id}"))

    def _existing(self, key: str) -> Record:
        record_id = normal_id(key)
        if not key:
            raise RowError(RowFault("MISSING_ARGUMENT", "Id not specified in an update call", ("Id",)))
        if record_id is None or (self._type.prefix and not record_id.startswith(self._type.prefix)):
            raise RowError(RowFault("MALFORMED_ID", f"{self._type.label} ID: id value of incorrect type: {key}", ("Id",)))
        found = self._org.find(record_id, deleted=True)
        if found is None:
            raise RowError(RowFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))
        if found.is_deleted and self._job.operation != "hardDelete":
            raise RowError(RowFault("ENTITY_IS_DELETED", "entity is deleted"))
        return found

    def _insert(self, _key: str, values: dict[str, Any]) -> tuple[str, bool]:
        return self._org.create(self._job.user_id, self._type.name, values).id, True

    def _update(self, key: str, values: dict[str, Any]) -> tuple[str, bool]:
        record = self._existing(key)
        self._org.update(self._job.user_id, record, values)
        return record.id, False

    def _upsert(self, key: str, values: dict[str, Any]) -> tuple[str, bool]:
        field = self._columns[self._key].field
        if field.name == "Id":
            return self._update(key, values) if key else self._insert(key, values)
        if not key or key == EMPTIED:
            raise RowError(RowFault("MISSING_ARGUMENT", f"{field.name} not specified"))
        record, created = self._org.upsert(self._job.user_id, self._type.name, field.name, from_csv(field, key), values)
        return record.id, created

    def _delete(self, key: str, _values: dict[str, Any]) -> tuple[str, bool]:
        record = self._existing(key)
        self._org.delete(self._job.user_id, record)
        return record.id, False

    def _hard_delete(self, key: str, _values: dict[str, Any]) -> tuple[str, bool]:
        record = self._existing(key)
        if not record.is_deleted:
            self._org.delete(self._job.user_id, record)
        self._org.erase(record)
        return record.id, False
