"""Records one by one: list, read, create, update, archive, merge, erase."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.errors import ApiError, bad_request, failure, no_record, not_found
from sandbox.hubspot.object_types import ObjectType, object_type
from sandbox.hubspot.records import Record
from sandbox.hubspot.wire import EMAIL_CONTENT, Writer, wanted_types
from sandbox.hubspot.writing import apply_create, apply_update, check_unique, checked_values, given_properties, prepare_create

LIST_LIMIT = 100
HISTORY_LIMIT = 50
IDENTITIES = 250


def reads(asked: Asked) -> ObjectType:
    """The object type of the path, if the token may read it."""
    kind = object_type(asked.parts["type"])
    asked.need(*kind.read)
    return kind


def writes(asked: Asked) -> ObjectType:
    """The object type of the path, if the token may write it."""
    kind = object_type(asked.parts["type"])
    asked.need(*kind.write)
    return kind


def writer_for(asked: Asked, kind: ObjectType, names: list[str] | None) -> Writer:
    """A writer that hides the text of e-mails from a token that may not read it."""
    hides = EMAIL_CONTENT if kind.name == "emails" and "sales-email-read" not in asked.token.scopes else frozenset()
    return Writer(asked.portal, kind, names, hides=hides)


def list_records(asked: Asked) -> Answer:
    """GET /crm/v3/objects/{type}: records in the order of their ids, from ``after`` on."""
    kind = reads(asked)
    histories = asked.many("propertiesWithHistory")
    limit = asked.limit(10, HISTORY_LIMIT if histories else LIST_LIMIT)
    after = asked.one("after")
    if after and not after.isdigit():
        raise bad_request("Invalid paging cursor: " + after)
    page, following = asked.portal.store(kind).page(int(after or 0), limit, archived=asked.flag("archived"))
    writer = writer_for(asked, kind, asked.many("properties") or None)
    others = wanted_types(asked.many("associations"))
    results = [writer.record(record, histories=histories, associations=others) for record in page]
    body: dict[str, Any] = {"results": results}
    if following is not None:
        query = [(name, value) for name, values in asked.query.items() if name != "after" for value in values]
        link = f"https://api.hubapi.com{asked.path}?{urlencode([*query, ('after', str(following))])}"
        body["paging"] = {"next": {"after": str(following), "link": link}}
    return Answer(200, body, records_out=len(results))


def read_record(asked: Asked) -> Answer:
    """GET one record by id, by a unique property, or by the id it had before a merge."""
    kind = reads(asked)
    record = _found(asked, kind)
    writer = writer_for(asked, kind, asked.many("properties") or None)
    shown = writer.record(record, histories=asked.many("propertiesWithHistory"), associations=wanted_types(asked.many("associations")))
    return Answer(200, shown, records_out=1)


def _found(asked: Asked, kind: ObjectType) -> Record:
    text, id_property = asked.parts["id"], asked.one("idProperty")
    if id_property and id_property != "hs_object_id":
        check_id_property(asked, kind, id_property, "read")
    else:
        id_property = None
    if asked.flag("archived"):
        gone = asked.portal.store(kind).archived.get(int(text)) if text.isdigit() else None
        if gone is None:
            raise not_found()
        return gone
    record = asked.portal.find(kind, text, id_property)
    if record is None:
        raise not_found() if id_property or text.isdigit() else no_record(text)
    return record


def check_id_property(asked: Asked, kind: ObjectType, name: str, doing: str) -> None:
    """Raise 400 unless the property's values are unique."""
    definition = asked.portal.schemas[kind.name].active(name, asked.portal.clock.elapsed())
    if definition is None or not definition.has_unique_value or name == "hs_object_id":
        raise bad_request(f"Unable to perform {doing} by non-unique {kind.type_id} property {name}")


def create_record(asked: Asked) -> Answer:
    """POST a new record; 201 with every property that has a value."""
    kind = writes(asked)
    portal = asked.portal
    creation = prepare_create(portal, kind, asked.json(), set())
    record = apply_create(portal, kind, creation, portal.app_source)
    return Answer(201, Writer(portal, kind, None).created(record), records_in=1, records_out=1)


def update_record(asked: Asked) -> Answer:
    """PATCH one record; what is not named stays."""
    kind = writes(asked)
    portal = asked.portal
    record = _found(asked, kind)
    values = checked_values(portal, kind, given_properties(asked.json()), record)
    check_unique(portal, kind, values, record.id, set(), names_the_id=True)
    changed = apply_update(portal, kind, record, values, portal.app_source)
    shown = Writer(portal, kind, list(values)).record(changed)
    return Answer(200, shown, records_in=1, records_out=1)


def archive_record(asked: Asked) -> Answer:
    """DELETE: archive. 204 also where there is no such record."""
    kind = writes(asked)
    text = asked.parts["id"]
    if text.isdigit():
        asked.portal.archive(kind, int(text))
    return Answer(204, records_in=1)


def merge_records(asked: Asked) -> Answer:
    """POST merge: a new record with a new id takes the place of both."""
    kind = writes(asked)
    if not kind.can_merge:
        raise failure(404, "resource not found", "OBJECT_NOT_FOUND")
    portal = asked.portal
    body = asked.json()
    found = []
    for name in ("primaryObjectId", "objectIdToMerge"):
        text = str(body.get(name, ""))
        record = portal.find(kind, text)
        if record is None:
            raise not_found(context={"id": [text]})
        found.append(record)
    if found[0].id == found[1].id:
        raise bad_request("Cannot merge a record with itself")
    identities = sum(len(str(record.get("hs_merged_object_ids") or "").split(";")) for record in found)
    if identities > IDENTITIES:
        raise ApiError(414, {"status": "error", "message": f"Cannot have more than {IDENTITIES} identities on a profile"})
    merged = portal.merge(kind, found[0], found[1])
    return Answer(200, Writer(portal, kind, None).created(merged), records_in=2, records_out=1)


def erase_record(asked: Asked) -> Answer:
    """POST gdpr-delete: the contact is gone for good and its address blocked. Only contacts have it."""
    kind = writes(asked)
    if kind.name != "contacts":
        raise not_found()
    portal = asked.portal
    body = asked.json()
    text, id_property = str(body.get("objectId", "")), body.get("idProperty")
    if id_property == "email":
        record = portal.find(kind, text, "email")
        if record is None:
            portal.blocked_emails.add(text.strip().lower())
            return Answer(204, records_in=1)
        portal.erase_contact(record.id)
    elif text.isdigit():
        portal.erase_contact(portal.store(kind).resolve(int(text)))
    return Answer(204, records_in=1)
