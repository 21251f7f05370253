"""Single records: by id, by external id, and along a relationship."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from sandbox.clock import from_ms
from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.dml import holders
from sandbox.salesforce.errors import OrgError, RowError, not_found
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.records import Record
from sandbox.salesforce.rest.reading import external_id_of, kind_of, no_external_id, read_key, record_of, values_of
from sandbox.salesforce.rest.showing import chosen_fields, shown, visible_fields
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.soql.running import run_query


def read_record(asked: Asked) -> Answer:
    """``GET sobjects/X/{id}``, all fields or those of ``fields``."""
    kind = kind_of(asked, asked.parts["object"])
    return _read(asked, kind, record_of(asked, kind, asked.parts["id"]))


def update_record(asked: Asked) -> Answer:
    """``PATCH sobjects/X/{id}``: 204."""
    kind = kind_of(asked, asked.parts["object"])
    given = asked.json()
    _refuse_key(given, "Id")
    record = record_of(asked, kind, asked.parts["id"])
    _refuse_struck(asked)
    asked.org.update(asked.user_id, record, values_of(asked, kind, given))
    return Answer(204, records_in=1)


def delete_record(asked: Asked) -> Answer:
    """``DELETE sobjects/X/{id}``: 204."""
    kind = kind_of(asked, asked.parts["object"])
    record = record_of(asked, kind, asked.parts["id"])
    _refuse_struck(asked)
    asked.org.delete(asked.user_id, record)
    return Answer(204, records_in=1)


def create_without_id(asked: Asked) -> Answer:
    """``POST sobjects/X/Id``: an upsert by Id without one, which creates."""
    kind = kind_of(asked, asked.parts["object"])
    _refuse_struck(asked)
    return _created(asked, kind, values_of(asked, kind, asked.json()))


def read_by_key(asked: Asked) -> Answer:
    """``GET sobjects/X/{field}/{value}``, or ``GET sobjects/X/{id}/{relationship}``."""
    kind = kind_of(asked, asked.parts["object"])
    if kind.field(asked.parts["field"]) is None and normal_id(asked.parts["field"]):
        return _follow(asked, kind, record_of(asked, kind, asked.parts["field"]), asked.parts["value"])
    found = _by_key(asked, kind)
    if isinstance(found, Answer):
        return found
    if found is None:
        raise not_found()
    return _read(asked, kind, found)


def upsert_record(asked: Asked) -> Answer:
    """``PATCH sobjects/X/{field}/{value}``: 201 where the record is new, 200 where it was there, 300 where several hold the value."""
    kind = kind_of(asked, asked.parts["object"])
    field = external_id_of(asked, kind, asked.parts["field"])
    given = asked.json()
    _refuse_key(given, field.name)
    _refuse_struck(asked)
    if field.name == "Id":
        asked.parts["id"] = asked.parts["value"]
        return update_record(asked)
    values = values_of(asked, kind, given)
    found = _by_key(asked, kind)
    if isinstance(found, Answer):
        return found
    if found is None and asked.flag("updateOnly"):
        raise not_found()
    if found is None:
        return _created(asked, kind, {**values, field.name: read_key(field, asked.parts["value"])})
    asked.org.update(asked.user_id, found, values)
    if float(asked.version) < FIRST_WITH_BODY:
        return Answer(204, records_in=1)
    return Answer(200, {"id": found.id, "success": True, "errors": [], "created": False}, records_in=1)


def delete_by_key(asked: Asked) -> Answer:
    """``DELETE sobjects/X/{field}/{value}``: 204."""
    kind = kind_of(asked, asked.parts["object"])
    found = _by_key(asked, kind)
    if isinstance(found, Answer):
        return found
    if found is None:
        raise not_found()
    _refuse_struck(asked)
    asked.org.delete(asked.user_id, found)
    return Answer(204, records_in=1)


FIRST_WITH_BODY = 46.0
"""From this API version on an upsert that changed a record answers with a body."""


def _created(asked: Asked, kind: ObjectType, values: Mapping[str, Any]) -> Answer:
    record = asked.org.create(asked.user_id, kind.name, values)
    body = {"id": record.id, "success": True, "errors": [], "created": True}
    return Answer(201, body, {"Location": f"{asked.base}/sobjects/{kind.name}/{record.id}"}, records_in=1)


def _read(asked: Asked, kind: ObjectType, record: Record) -> Answer:
    names = asked.many("fields")
    stamp = record.values.get("SystemModstamp") or record.values.get("CreatedDate") or 0
    mark = base64.b64encode(hashlib.sha1(f"{record.id}{stamp}".encode(), usedforsecurity=False).digest()).decode()
    headers = {"ETag": f'"{mark}"', "Last-Modified": format_datetime(from_ms(stamp), usegmt=True)}
    if names and not any(name.lower() == "id" for name in names):
        # The id is told even where nobody asked for it, behind the fields asked for.
        names = [*names, "Id"]
    if any("." in name for name in names):
        text = f"SELECT {', '.join(names)} FROM {kind.name} WHERE Id = '{record.id}'"  # noqa: S608 - the sandbox's own language
        row = run_query(asked.org, asked.user_id, text, is_all=True, version=asked.version).records[0]
    else:
        row = shown(asked, kind, record, chosen_fields(asked, kind, names) if names else visible_fields(asked, kind))
    return Answer(200, row, headers, records_out=1)


def _by_key(asked: Asked, kind: ObjectType) -> Record | Answer | None:
    """The record of the external id in the path; the answer 300 where several hold it."""
    field = external_id_of(asked, kind, asked.parts["field"])
    if field.name == "Id":
        return record_of(asked, kind, asked.parts["value"])
    found = holders(asked.org, kind, field, read_key(field, asked.parts["value"]))
    if len(found) > 1:
        return Answer(300, [f"{asked.base}/sobjects/{kind.name}/{one.id}" for one in found])
    return found[0] if found else None


def _follow(asked: Asked, kind: ObjectType, record: Record, name: str) -> Answer:
    reference, child = kind.relationship(name), kind.child(name)
    if reference is not None and asked.org.access.sees_field(asked.user_id, kind, reference):
        parent_id = record.values.get(reference.name)
        parent = asked.org.find(parent_id) if parent_id else None
        if parent is None:
            raise not_found()
        return _read(asked, asked.org.kind(parent.object), parent)
    if child is not None and child.object in asked.org.stores:
        of = kind_of(asked, child.object)
        names = asked.many("fields")
        fields = chosen_fields(asked, of, names) if names else visible_fields(asked, of)
        rows = [one for one in asked.org.store(of.name).children(child.field, record.id) if not one.is_deleted and not one.is_archived]
        told = [shown(asked, of, one, fields) for one in rows]
        return Answer(200, {"totalSize": len(told), "done": True, "records": told}, records_out=len(told))
    raise no_external_id(name) if asked.method != "GET" else not_found()


def _refuse_key(given: Mapping[str, Any], name: str) -> None:
    if any(key.lower() == name.lower() for key in given):
        raise OrgError(400, "INVALID_FIELD", f"The {name} field should not be specified in the sobject data.")


def _refuse_struck(asked: Asked) -> None:
    struck = asked.struck_rows(1)
    if struck:
        raise RowError(struck[0])


_ROW = "/services/data/v{version}/sobjects/{object}/{id}"
_KEY = "/services/data/v{version}/sobjects/{object}/{field}/{value}"
ROUTES = [
    Route("POST", "/services/data/v{version}/sobjects/{object}/Id", create_without_id),
    Route("GET", _ROW, read_record),
    Route("PATCH", _ROW, update_record),
    Route("DELETE", _ROW, delete_record),
    Route("GET", _KEY, read_by_key),
    Route("PATCH", _KEY, upsert_record),
    Route("DELETE", _KEY, delete_by_key),
]
"""The last in the table: their patterns fit nearly everything."""
