"""Records in batches. Without trace ids one bad input spoils the batch; with one on every input the rest is done and a 207 says what was not.

Results do not come in the order of the inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.errors import ApiError, bad_request
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.objects import HISTORY_LIMIT, check_id_property, reads, writer_for, writes
from sandbox.hubspot.records import Record
from sandbox.hubspot.values import iso_ms
from sandbox.hubspot.wire import Writer
from sandbox.hubspot.writing import (
    Claimed,
    Creation,
    apply_create,
    apply_update,
    check_unique,
    checked_values,
    given_properties,
    prepare_create,
)

BATCH_LIMIT = 100
Item = dict[str, Any]


def finish(asked: Asked, good: int, results: list[Item], errors: list[Item], *, records_in: int) -> Answer:
    """The answer of a batch: ``good`` where all went well, else 207."""
    portal = asked.portal
    if portal.options.shuffle:
        portal.random.shuffle(results)
    now = iso_ms(portal.clock.now_ms())
    body: Item = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if errors:
        body["numErrors"] = len(errors)
        body["errors"] = errors
    return Answer(207 if errors else good, body, records_in=records_in, records_out=len(results))


def error_item(asked: Asked, error: ApiError, trace: str | None = None) -> Item:
    """An error as one entry of a 207."""
    body = dict(error.body)
    context = dict(body.get("context") or {})
    if trace is not None:
        context = {"objectWriteTraceId": [trace], **context}
    message = str(body["message"])
    if message.startswith("Contact already exists. Existing ID: "):
        context["existingId"] = [message.rpartition(" ")[2]]
    item: Item = {"status": "error", "category": body.get("category", "VALIDATION_ERROR"), "message": message, "context": context}
    if "subCategory" in body:
        item["subCategory"] = body["subCategory"]
    if "errors" in body or not asked.portal.options.lean_207:
        item["errors"] = body.get("errors", [])
    if not asked.portal.options.lean_207:
        item["links"] = body.get("links", {})
    return item


def missing_item(asked: Asked, kind: ObjectType, ids: list[str]) -> Item:
    """The one entry that names all ids that were not found."""
    text = f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist. Check that ids are valid."
    return error_item(asked, ApiError(404, {"message": text, "category": "OBJECT_NOT_FOUND", "context": {"ids": ids}}))


def _traces(items: list[Item]) -> list[str] | None:
    """The trace ids, if every input has one and no two are the same."""
    found = [str(item["objectWriteTraceId"]) for item in items if item.get("objectWriteTraceId")]
    return found if len(found) == len(items) == len(set(found)) else None


def _no_doubles(items: list[Item]) -> None:
    seen: set[str] = set()
    doubles: dict[str, None] = {}
    for item in items:
        text = str(item.get("id", ""))
        if text in seen:
            doubles[text] = None
        seen.add(text)
    if doubles:
        listed = ", ".join(doubles)
        raise bad_request(f"Duplicate IDs found in batch input: [{listed}]. IDs must be unique", context={"ids": list(doubles)})


def read_batch(asked: Asked) -> Answer:
    """POST batch/read: by id or by a unique property; what is not found is named in a 207."""
    kind = reads(asked)
    body = asked.json()
    histories = [str(name) for name in body.get("propertiesWithHistory") or []]
    items = asked.inputs(HISTORY_LIMIT if histories else BATCH_LIMIT)
    id_property = body.get("idProperty")
    if id_property and id_property != "hs_object_id":
        check_id_property(asked, kind, id_property, "read")
    else:
        id_property = None
    store = asked.portal.store(kind)
    found: dict[int, Record] = {}
    missing: list[str] = []
    for text in dict.fromkeys(str(item.get("id", "")) for item in items):
        if asked.flag("archived"):
            record = store.archived.get(int(text)) if text.isdigit() else None
        else:
            record = asked.portal.find(kind, text, id_property)
            is_merged = not id_property and text.isdigit() and int(text) in store.merged
            if is_merged and asked.portal.options.merged_in_batch_read == "missing":
                record = None
        if record is None:
            missing.append(text)
        else:
            found[record.id] = record
    writer = writer_for(asked, kind, [str(name) for name in body.get("properties") or []] or None)
    results = [writer.record(record, histories=histories) for record in found.values()]
    errors = [missing_item(asked, kind, missing)] if missing else []
    return finish(asked, 200, results, errors, records_in=len(items))


def create_batch(asked: Asked) -> Answer:
    """POST batch/create."""
    kind = writes(asked)
    portal = asked.portal
    items = asked.inputs(BATCH_LIMIT)
    traces = _traces(items)
    claimed: Claimed = set()
    ready: list[tuple[Creation, str | None]] = []
    errors: list[Item] = []
    for place, item in enumerate(items):
        trace = traces[place] if traces else None
        try:
            ready.append((prepare_create(portal, kind, item, claimed, names_the_id=traces is not None), _own_trace(item)))
        except ApiError as error:
            if traces is None:
                raise
            errors.append(error_item(asked, error, trace))
    writer = Writer(portal, kind, None)
    results = [writer.created(apply_create(portal, kind, creation, portal.app_source), trace=trace) for creation, trace in ready]
    return finish(asked, 201, results, errors, records_in=len(items))


def _own_trace(item: Item) -> str | None:
    given = item.get("objectWriteTraceId")
    return None if given is None else str(given)


def update_batch(asked: Asked) -> Answer:
    """POST batch/update: by id, or by a unique property other than a contact's e-mail."""
    kind = writes(asked)
    portal = asked.portal
    items = asked.inputs(BATCH_LIMIT)
    traces = _traces(items)
    _no_doubles(items)
    _check_id_properties(asked, kind, items, not_allowed={"email"})
    claimed: Claimed = set()
    ready: list[tuple[Record, dict[str, Any], str | None]] = []
    errors: list[Item] = []
    missing: list[str] = []
    for place, item in enumerate(items):
        record, is_dropped = _to_update(asked, kind, item)
        if is_dropped:
            continue
        if record is None:
            missing.append(str(item.get("id", "")))
            continue
        try:
            values = checked_values(portal, kind, given_properties(item), record)
            check_unique(portal, kind, values, record.id, claimed, names_the_id=traces is not None)
        except ApiError as error:
            if traces is None:
                raise
            errors.append(error_item(asked, error, traces[place]))
        else:
            ready.append((record, values, _own_trace(item)))
    results = []
    for record, values, trace in ready:
        changed = apply_update(portal, kind, record, values, portal.app_source)
        results.append(Writer(portal, kind, list(values)).record(changed, trace=trace))
    if missing:
        errors.append(missing_item(asked, kind, missing))
    return finish(asked, 200, results, errors, records_in=len(items))


def _check_id_properties(asked: Asked, kind: ObjectType, items: list[Item], *, not_allowed: set[str]) -> None:
    for name in {item["idProperty"] for item in items if item.get("idProperty")}:
        if name in not_allowed:
            raise bad_request(f"Unable to perform update/upsert by non-unique {kind.type_id} property {name}")
        check_id_property(asked, kind, name, "update/upsert")


def _to_update(asked: Asked, kind: ObjectType, item: Item) -> tuple[Record | None, bool]:
    """The record that an input means, and whether it is silently left out (merged away)."""
    text, id_property = str(item.get("id", "")), item.get("idProperty")
    portal = asked.portal
    if not id_property and text.isdigit() and int(text) in portal.store(kind).merged:
        way = portal.options.merged_in_batch_update
        if way != "resolve":
            return None, way == "drop"
    return portal.find(kind, text, id_property), False


def upsert_batch(asked: Asked) -> Answer:
    """POST batch/upsert: update what is there, make what is not; ``new`` tells which."""
    kind = writes(asked)
    portal = asked.portal
    items = asked.inputs(BATCH_LIMIT)
    traces = _traces(items)
    _no_doubles(items)
    _check_id_properties(asked, kind, items, not_allowed=set())
    claimed: Claimed = set()
    ready: list[tuple[Callable[[], Record], bool, str | None]] = []
    errors: list[Item] = []
    missing: list[str] = []
    for place, item in enumerate(items):
        try:
            plan = _to_upsert(asked, kind, item, claimed, names_the_id=traces is not None)
        except ApiError as error:
            if traces is None:
                raise
            errors.append(error_item(asked, error, traces[place]))
            continue
        if plan is None:
            missing.append(str(item.get("id", "")))
        else:
            ready.append((*plan, _own_trace(item)))
    writer = Writer(portal, kind, None)
    results = [{**writer.created(make(), trace=trace), "new": is_new} for make, is_new, trace in ready]
    if missing:
        errors.append(missing_item(asked, kind, missing))
    return finish(asked, 200, results, errors, records_in=len(items))


def _to_upsert(
    asked: Asked, kind: ObjectType, item: Item, claimed: Claimed, *, names_the_id: bool
) -> tuple[Callable[[], Record], bool] | None:
    portal = asked.portal
    text, id_property = str(item.get("id", "")), item.get("idProperty")
    record = portal.find(kind, text, id_property)
    given = dict(given_properties(item))
    if record is not None:
        values = checked_values(portal, kind, given, record)
        check_unique(portal, kind, values, record.id, claimed, names_the_id=names_the_id)
        return lambda: apply_update(portal, kind, record, values, portal.app_source), False
    if not id_property:
        return None
    given.setdefault(id_property, text)
    creation = prepare_create(portal, kind, {**item, "properties": given}, claimed, names_the_id=names_the_id)
    return lambda: apply_create(portal, kind, creation, portal.app_source), True


def archive_batch(asked: Asked) -> Answer:
    """POST batch/archive: 204 whatever became of it."""
    kind = writes(asked)
    items = asked.inputs(BATCH_LIMIT)
    for item in items:
        text = str(item.get("id", ""))
        if text.isdigit():
            asked.portal.archive(kind, int(text))
    return Answer(204, records_in=len(items))
