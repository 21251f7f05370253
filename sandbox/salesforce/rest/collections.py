"""Up to 200 records in one call: created, changed, put in place, deleted or read. The results stand in the order of the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import OrgError, RowError, RowFault
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.records import Record
from sandbox.salesforce.rest.reading import external_id_of, kind_of, values_of
from sandbox.salesforce.rest.showing import chosen_fields, shown
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.undoing import Savepoint
from sandbox.salesforce.values import from_json

MOST, MOST_READ, MOST_CHUNKS = 200, 2000, 10
ROLLED_BACK = RowFault(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid and the request was using AllOrNone header"
)
NOWHERE = "[Source: N/A; line: -1, column: -1][line:-1, column:-1]"
"""Where a wrong value stands, as collections tell it: they read the body before they look at the values."""

Row = dict[str, Any]


def create_records(asked: Asked) -> Answer:
    """``POST composite/sobjects``."""
    rows, all_or_none = _rows(asked)
    kinds = [_kind(asked, row) for row in rows]

    def create(place: int) -> Row:
        if _id_of(rows[place]):
            raise RowError(RowFault("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ("Id",)))
        made = asked.org.create(asked.user_id, kinds[place].name, _values(asked, kinds[place], rows[place], "Id"))
        return {"id": made.id, "success": True, "errors": []}

    return _done(asked, len(rows), create, [], all_or_none=all_or_none)


def update_records(asked: Asked) -> Answer:
    """``PATCH composite/sobjects``."""
    rows, all_or_none = _rows(asked)
    kinds = [_kind(asked, row) for row in rows]
    ids = [_id_of(row) or "" for row in rows]

    def update(place: int) -> Row:
        if not ids[place]:
            raise RowError(RowFault("MISSING_ARGUMENT", "Id not specified in an update call"))
        if normal_id(ids[place]) in {normal_id(other) for other in ids[:place] if other}:
            raise RowError(RowFault("DUPLICATE_VALUE", f"duplicate id specified: {ids[place]}"))
        record = _live(asked, ids[place], kinds[place])
        asked.org.update(asked.user_id, record, _values(asked, kinds[place], rows[place], "Id"))
        return {"id": record.id, "success": True, "errors": []}

    return _done(asked, len(rows), update, ids, all_or_none=all_or_none)


def upsert_records(asked: Asked) -> Answer:
    """``PATCH composite/sobjects/X/{external id}``."""
    rows, all_or_none = _rows(asked)
    kind = kind_of(asked, asked.parts["object"])
    for row in rows:
        if _kind(asked, row) is not kind:
            raise OrgError(400, "INVALID_TYPE", f"All records must be of type {kind.name}, as in the path of the call.")
    field = external_id_of(asked, kind, asked.parts["field"])
    keys = [_key_of(row, field) for row in rows]

    def upsert(place: int) -> Row:
        key = keys[place]
        values = _values(asked, kind, rows[place], field.name)
        if key is None or key == "":
            if field.name != "Id":
                raise RowError(RowFault("MISSING_ARGUMENT", f"{field.name} not specified"))
            made = asked.org.create(asked.user_id, kind.name, values)
            return {"id": made.id, "success": True, "errors": [], "created": True}
        if any(_same(field, key, other) for other in keys[:place]):
            raise RowError(RowFault("DUPLICATE_VALUE", f"Duplicate external id specified: {key}"))
        if field.name == "Id":
            record, created = _live(asked, str(key), kind), False
            asked.org.update(asked.user_id, record, values)
        else:
            try:
                record, created = asked.org.upsert(asked.user_id, kind.name, field.name, from_json(field, key, NOWHERE), values)
            except OrgError as error:
                raise RowError(RowFault(error.code, error.message, (field.name,))) from error
        return {"id": record.id, "success": True, "errors": [], "created": created}

    return _done(asked, len(rows), upsert, [], all_or_none=all_or_none)


def delete_records(asked: Asked) -> Answer:
    """``DELETE composite/sobjects?ids=``."""
    ids = asked.many("ids")
    if not ids:
        raise OrgError(400, "REQUIRED_FIELD_MISSING", "At least 1 Id is required.")
    _refuse_more(len(ids), MOST)

    def delete(place: int) -> Row:
        record = _live(asked, ids[place], None)
        asked.org.delete(asked.user_id, record)
        return {"id": record.id, "success": True, "errors": []}

    return _done(asked, len(ids), delete, ids, all_or_none=asked.flag("allOrNone"))


def read_records(asked: Asked) -> Answer:
    """``GET`` or ``POST composite/sobjects/X``: the rows of these ids; null where there is none."""
    kind = kind_of(asked, asked.parts["object"])
    if asked.method == "POST":
        given = asked.json()
        ids, names = _texts(given.get("ids")), _texts(given.get("fields"))
    else:
        ids, names = asked.many("ids"), asked.many("fields")
    if not ids:
        raise OrgError(400, "REQUIRED_FIELD_MISSING", "At least 1 Id is required.")
    if not names:
        raise OrgError(400, "REQUIRED_FIELD_MISSING", "At least 1 field is required.")
    _refuse_more(len(ids), MOST_READ)
    fields = chosen_fields(asked, kind, names)
    told: list[Row | None] = []
    for text in ids:
        whole = normal_id(text)
        if whole is None:
            raise OrgError(400, "MALFORMED_ID", f"malformed id {text}")
        record = asked.org.store(kind.name).rows.get(whole)
        told.append(None if record is None or record.is_deleted else shown(asked, kind, record, fields))
    return Answer(200, told, records_out=len(told))


def _rows(asked: Asked) -> tuple[list[Row], bool]:
    given = asked.json()
    rows = given.get("records")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise OrgError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required.")
    _refuse_more(len(rows), MOST)
    chunks = sum(1 for _ in groupby(rows, key=_type_of))
    if chunks > MOST_CHUNKS:
        raise OrgError(
            400,
            "LIMIT_EXCEEDED",
            f"Cannot have more than {MOST_CHUNKS} chunks in a single operation. Please rearrange the data to reduce chunking.",
        )
    return rows, given.get("allOrNone") is True


def _done(asked: Asked, total: int, write: Callable[[int], Row], ids: Sequence[str], *, all_or_none: bool) -> Answer:
    struck = asked.struck_rows(total, ids)
    told: list[Row] = []
    point = Savepoint(asked.org) if all_or_none else None
    try:
        for place in range(total):
            try:
                told.append(failed(struck[place]) if place in struck else write(place))
            except RowError as error:
                told.append(failed(*error.faults))
        if point is not None and not all(row["success"] for row in told):
            point.go_back()
            told = [failed(ROLLED_BACK) if row["success"] else row for row in told]
    finally:
        if point is not None:
            point.release()
    return Answer(200, told, records_in=total)


def failed(*faults: RowFault) -> Row:
    """The result of a row that was refused. It names no id, not even that of an update."""
    return {"success": False, "errors": [fault.in_batch() for fault in faults]}


def _values(asked: Asked, kind: ObjectType, row: Row, key: str) -> Row:
    return values_of(asked, kind, {name: value for name, value in row.items() if name.lower() != key.lower()}, NOWHERE)


def _live(asked: Asked, text: str, kind: ObjectType | None) -> Record:
    whole = normal_id(text)
    if whole is None:
        raise RowError(RowFault("MALFORMED_ID", f"malformed id {text}"))
    if kind is not None and kind.prefix and not whole.startswith(kind.prefix):
        raise RowError(RowFault("MALFORMED_ID", f"{kind.label} ID: id value of incorrect type: {text}", ("Id",)))
    record = asked.org.find(whole, deleted=True)
    if record is None:
        raise RowError(RowFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))
    if record.is_deleted:
        raise RowError(RowFault("ENTITY_IS_DELETED", "entity is deleted"))
    return record


def _type_of(row: Row) -> str:
    head = row.get("attributes")
    return str(head.get("type", "")) if isinstance(head, dict) else ""


def _kind(asked: Asked, row: Row) -> ObjectType:
    name = _type_of(row)
    kind = asked.org.schema.object(name) if name else None
    if kind is None:
        raise OrgError(
            400,
            "INVALID_TYPE",
            f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the "
            "entity name. Please reference your WSDL or the describe call for the appropriate names.",
        )
    return kind


def _id_of(row: Row) -> str | None:
    found = next((value for name, value in row.items() if name.lower() == "id"), None)
    return str(found) if found else None


def _key_of(row: Row, field: Field) -> Any:
    return next((value for name, value in row.items() if name.lower() == field.name.lower()), None)


def _same(field: Field, one: Any, other: Any) -> bool:
    return str(one) == str(other) if field.case_sensitive else str(one).lower() == str(other).lower()


def _texts(found: Any) -> list[str]:
    return [str(one) for one in found] if isinstance(found, list) else []


def _refuse_more(count: int, most: int) -> None:
    if count > most:
        raise OrgError(400, "EXCEEDED_ID_LIMIT", f"record limit reached. cannot submit more than {most} records into this call")


_ALL = "/services/data/v{version}/composite/sobjects"
ROUTES = [
    Route("POST", _ALL, create_records),
    Route("PATCH", _ALL, update_records),
    Route("DELETE", _ALL, delete_records),
    Route("GET", f"{_ALL}/{{object}}", read_records),
    Route("POST", f"{_ALL}/{{object}}", read_records),
    Route("PATCH", f"{_ALL}/{{object}}/{{field}}", upsert_records),
]
