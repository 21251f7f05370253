"""Associations v3 through the API: types are words such as ``contact_to_company``. The dated paths do not have it."""

from __future__ import annotations

from typing import Any

from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.associations import DEFAULTS, PRIMARIES
from sandbox.hubspot.batches import error_item, finish
from sandbox.hubspot.errors import ApiError, failure, not_found
from sandbox.hubspot.linking import READ_LIMIT, WRITE_LIMIT, checked, end_id, linked_reads, linked_writes, none_linked
from sandbox.hubspot.object_types import ObjectType
from sandbox.hubspot.wire import Writer, inline_associations

Pair = tuple[ObjectType, ObjectType]


def types_of(asked: Asked, pair: Pair) -> dict[str, int]:
    """The association types of a direction: their names, and their numbers. Where there is a primary one, the plain one is ``_unlabeled``."""
    names = (pair[0].name, pair[1].name)
    plain = f"{pair[0].singular}_to_{pair[1].singular}"
    found = {plain: PRIMARIES[names], f"{plain}_unlabeled": DEFAULTS[names]} if names in PRIMARIES else {}
    if not found and names in DEFAULTS:
        found = {plain: DEFAULTS[names]}
    return found | {label.name: label.type_id for label in asked.portal.links.custom.get(names, []) if label.name}


def _number(asked: Asked, pair: Pair, text: object) -> int:
    """The number of a type that is named by word or number. ApiError 400 where there is none."""
    known = types_of(asked, pair)
    number = known.get(str(text), int(str(text)) if str(text).isdigit() else -1)
    if number not in known.values():
        raise failure(
            400,
            f"{text} is not a valid association type between {pair[0].singular} and {pair[1].singular}",
            "VALIDATION_ERROR",
            sub_category="crm.associations.INVALID_ASSOCIATION_TYPE",
            context={"type": [str(text)]},
        )
    return number


def _near(asked: Asked, pair: Pair, text: str) -> dict[str, Any] | None:
    """What one record is linked to, as lists show it beside the record; None where there is no such record."""
    store = asked.portal.store(pair[0])
    record_id = store.resolve(int(text)) if text.isdigit() else -1
    if record_id not in store.live:
        return None
    found: dict[str, Any] = inline_associations(asked.portal, pair[0], record_id, [pair[1]]).get(pair[1].name, {"results": []})
    return found


def read_links(asked: Asked) -> Answer:
    """GET what one record is linked to: an id comes once for each of its types."""
    pair = linked_reads(asked)
    found = _near(asked, pair, asked.parts["id"])
    if found is None:
        raise not_found()
    return Answer(200, found, records_out=len(found["results"]))


def create_link(asked: Asked) -> Answer:
    """PUT one link of a named type; 200 with the record it begins at."""
    pair = linked_writes(asked)
    from_id = _link(asked, pair, asked.parts["id"], asked.parts["to_id"], asked.parts["name"])
    record = asked.portal.store(pair[0]).live[from_id]
    return Answer(200, Writer(asked.portal, pair[0], None).record(record, associations=[pair[1]]), records_in=1)


def _link(asked: Asked, pair: Pair, from_text: str, to_text: str, name: object) -> int:
    number = _number(asked, pair, name)
    from_id, to_id = checked(asked, pair, from_text, to_text, [])
    asked.portal.links.add((pair[0].name, pair[1].name), from_id, to_id, [number])
    return from_id


def archive_link(asked: Asked) -> Answer:
    """DELETE one type of a link; 204."""
    pair = linked_writes(asked)
    _unlink(asked, pair, asked.parts["id"], asked.parts["to_id"], asked.parts["name"])
    return Answer(204, records_in=1)


def _unlink(asked: Asked, pair: Pair, from_text: str, to_text: str, name: object) -> None:
    number = _number(asked, pair, name)
    if from_text.isdigit() and to_text.isdigit():
        asked.portal.links.remove_label((pair[0].name, pair[1].name), int(from_text), int(to_text), number)


def read_links_batch(asked: Asked) -> Answer:
    """POST batch/read: at most 1,000 inputs. Records without links are missing from the results and named in a 207."""
    pair = linked_reads(asked)
    items = asked.inputs(READ_LIMIT)
    results, errors = [], []
    for item in items:
        text = end_id(item)
        found = _near(asked, pair, text)
        if found is None or not found["results"]:
            errors.append(error_item(asked, none_linked(pair, text)))
            continue
        # Recorded: each id once here, by the first of its types.
        once = {one["id"]: one for one in reversed(found["results"])}
        results.append({"from": {"id": text}, **found, "to": list(reversed(once.values()))})
        del results[-1]["results"]
    answer = finish(asked, 200, results, errors, records_in=len(items))
    answer.records_out = sum(len(found["to"]) for found in results)
    return answer


def create_links_batch(asked: Asked) -> Answer:
    """POST batch/create: at most 2,000 inputs of ``from``, ``to`` and ``type``; 201 or 207."""
    pair = linked_writes(asked)
    items = asked.inputs(WRITE_LIMIT)
    results, errors = [], []
    for item in items:
        try:
            ends = end_id(item.get("from")), end_id(item.get("to"))
            _link(asked, pair, *ends, item.get("type"))
        except ApiError as error:
            errors.append(error_item(asked, error))
            continue
        results.append({"from": {"id": ends[0]}, "to": {"id": ends[1]}, "type": str(item["type"])})
    return finish(asked, 201, results, errors, records_in=len(items))


def archive_links_batch(asked: Asked) -> Answer:
    """POST batch/archive: takes the named types away; 204 whatever was there."""
    pair = linked_writes(asked)
    items = asked.inputs(WRITE_LIMIT)
    for item in items:
        _unlink(asked, pair, end_id(item.get("from")), end_id(item.get("to")), item.get("type"))
    return Answer(204, records_in=len(items))


def list_types(asked: Asked) -> Answer:
    """GET the names and numbers of the types between two object types."""
    pair = linked_reads(asked)
    return Answer(200, {"results": [{"id": str(number), "name": name} for name, number in types_of(asked, pair).items()]})
