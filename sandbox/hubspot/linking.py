"""Associations v4 through the API: read, create and archive, one by one and in batches, both directions."""

from __future__ import annotations

import bisect
from typing import Any

from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.associations import CATEGORY, DEFAULTS, Label
from sandbox.hubspot.batches import error_item, finish
from sandbox.hubspot.errors import ApiError, bad_request, failure, malformed, not_found
from sandbox.hubspot.object_types import ObjectType, object_type
from sandbox.hubspot.values import iso_ms

PAGE = 500
READ_LIMIT, WRITE_LIMIT = 1000, 2000
Pair = tuple[str, str]


def linked_reads(asked: Asked) -> tuple[ObjectType, ObjectType]:
    """Both object types of the path, if the token may read one of them."""
    there, here = object_type(asked.parts["type"]), object_type(asked.parts["to"])
    asked.need(*there.read, *here.read)
    return there, here


def linked_writes(asked: Asked) -> tuple[ObjectType, ObjectType]:
    """Both object types of the path, if the token may write both."""
    there, here = object_type(asked.parts["type"]), object_type(asked.parts["to"])
    asked.need(*there.write)
    asked.need(*here.write)
    return there, here


def _end(asked: Asked, to_id: int) -> Any:
    # Recorded v4 answers hold a number here; the published schema says text, and the dated paths follow it.
    return str(to_id) if asked.is_dated else to_id


def _targets(
    asked: Asked, pair: tuple[ObjectType, ObjectType], from_id: int, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    names = (pair[0].name, pair[1].name)
    links = asked.portal.links
    live = asked.portal.store(pair[1]).live
    ids = [i for i in links.of(names, from_id) if i in live]
    start = bisect.bisect_left(ids, after)
    shown = [
        {
            "toObjectId": _end(asked, to_id),
            "associationTypes": [
                {"category": label.category, "typeId": label.type_id, "label": label.label} for label in links.types(names, from_id, to_id)
            ],
        }
        for to_id in ids[start : start + limit]
    ]
    return shown, ids[start + limit] if start + limit < len(ids) else None


def _after(text: Any) -> int:
    if text in (None, ""):
        return 0
    if not str(text).isdigit():
        raise bad_request("Invalid paging token")
    return int(str(text))


def read_links(asked: Asked) -> Answer:
    """GET what one record is linked to."""
    pair = linked_reads(asked)
    store = asked.portal.store(pair[0])
    text = asked.parts["id"]
    record_id = store.resolve(int(text)) if text.isdigit() else -1
    if record_id not in store.live:
        raise not_found()
    results, following = _targets(asked, pair, record_id, _after(asked.one("after")), asked.limit(PAGE, PAGE))
    body: dict[str, Any] = {"results": results}
    if following is not None:
        body["paging"] = {"next": {"after": str(following), "link": f"https://api.hubapi.com{asked.path}?after={following}"}}
    return Answer(200, body, records_out=len(results))


def read_links_batch(asked: Asked) -> Answer:
    """POST batch/read: at most 1,000 inputs. Records without links are missing from the results and named in a 207."""
    pair = linked_reads(asked)
    items = asked.inputs(READ_LIMIT)
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    store = asked.portal.store(pair[0])
    for item in items:
        text = str(item.get("id", ""))
        record_id = store.resolve(int(text)) if text.isdigit() else -1
        shown, following = _targets(asked, pair, record_id, _after(item.get("after")), PAGE)
        if not shown:
            errors.append(error_item(asked, none_linked(pair, text)))
            continue
        found: dict[str, Any] = {"from": {"id": text}, "to": shown}
        if following is not None:
            link = f"https://api.hubapi.com/crm/v4/objects/{pair[0].name}/{text}/associations/{pair[1].name}?after={following}"
            found["paging"] = {"next": {"after": str(following), "link": link}}
        results.append(found)
    answer = finish(asked, 200, results, errors, records_in=len(items))
    answer.records_out = sum(len(found["to"]) for found in results)
    return answer


def none_linked(pair: tuple[ObjectType, ObjectType], text: str) -> ApiError:
    """The error, in a 207, of a record that is linked with nothing, or that is not there: nothing tells which."""
    return failure(
        404,
        f"No {pair[1].singular} is associated with {pair[0].singular} {text}.",
        "OBJECT_NOT_FOUND",
        sub_category="crm.associations.NO_ASSOCIATIONS_FOUND",
        context={"fromObjectId": [text], "fromObjectType": [pair[0].singular], "toObjectType": [pair[1].singular]},
    )


def checked(
    asked: Asked, pair: tuple[ObjectType, ObjectType], from_text: str, to_text: str, types: list[tuple[str, int]]
) -> tuple[int, int]:
    """The ids of both ends, if both are there and the types fit."""
    ids = []
    for kind, text in zip(pair, (from_text, to_text), strict=True):
        store = asked.portal.store(kind)
        record_id = store.resolve(int(text)) if text.isdigit() else -1
        if record_id not in store.live:
            raise failure(
                400,
                f"{kind.singular.upper()}={text} is not valid",
                "VALIDATION_ERROR",
                sub_category="crm.associations.INVALID_IDENTIFIER",
                context={"id": [text], "objectType": [kind.type_id]},
            )
        ids.append(record_id)
    if ids[0] == ids[1] and pair[0] == pair[1]:
        raise failure(400, "Cannot associate an object with itself", "VALIDATION_ERROR")
    names = (pair[0].name, pair[1].name)
    known = {(label.category, label.type_id) for label in asked.portal.links.labels(names)}
    wrong = [number for category, number in types if (category, number) not in known]
    if wrong:
        raise failure(
            400,
            f"Association types {wrong} are not valid from {pair[0].type_id} to {pair[1].type_id}",
            "VALIDATION_ERROR",
            sub_category="crm.associations.INVALID_ASSOCIATION_TYPE",
            context={"type": [str(number) for number in wrong]},
        )
    return ids[0], ids[1]


def _types(given: Any) -> list[tuple[str, int]]:
    try:
        return [(str(item.get("associationCategory", CATEGORY)), int(item["associationTypeId"])) for item in given]
    except (TypeError, KeyError, ValueError, AttributeError):
        raise malformed("types must be a list of association specs") from None


def _pair_shown(asked: Asked, pair: tuple[ObjectType, ObjectType], from_id: int, to_id: int) -> dict[str, Any]:
    names = (pair[0].name, pair[1].name)
    return {
        "fromObjectTypeId": pair[0].type_id,
        "fromObjectId": str(from_id),
        "toObjectTypeId": pair[1].type_id,
        "toObjectId": str(to_id),
        "labels": [label.label for label in asked.portal.links.types(names, from_id, to_id) if label.label],
    }


def create_link(asked: Asked) -> Answer:
    """PUT one link with types; 201."""
    pair = linked_writes(asked)
    types = _types(_list_body(asked))
    from_id, to_id = checked(asked, pair, asked.parts["id"], asked.parts["to_id"], types)
    asked.portal.links.add((pair[0].name, pair[1].name), from_id, to_id, [number for _, number in types])
    return Answer(201, _pair_shown(asked, pair, from_id, to_id), records_in=1)


def _list_body(asked: Asked) -> list[Any]:
    found = asked.any_json()
    if not isinstance(found, list):
        raise malformed("a list of association specs was expected")
    return found


def create_default_link(asked: Asked) -> Answer:
    """PUT one plain link; 200, in the shape of a batch."""
    pair = linked_writes(asked)
    from_id, to_id = checked(asked, pair, asked.parts["id"], asked.parts["to_id"], [])
    return finish(asked, 200, _linked_plainly(asked, pair, from_id, to_id), [], records_in=1)


def _linked_plainly(asked: Asked, pair: tuple[ObjectType, ObjectType], from_id: int, to_id: int) -> list[dict[str, Any]]:
    names = (pair[0].name, pair[1].name)
    asked.portal.links.add(names, from_id, to_id)
    made = []
    for way, a, b in ((names, from_id, to_id), (names[::-1], to_id, from_id)):
        spec = {"associationCategory": CATEGORY, "associationTypeId": DEFAULTS[way]}
        made.append({"from": {"id": str(a)}, "to": {"id": str(b)}, "associationSpec": spec})
    return made


def archive_link(asked: Asked) -> Answer:
    """DELETE one link with all its types; 204."""
    pair = linked_writes(asked)
    if asked.parts["id"].isdigit() and asked.parts["to_id"].isdigit():
        asked.portal.links.remove((pair[0].name, pair[1].name), int(asked.parts["id"]), int(asked.parts["to_id"]))
    return Answer(204, records_in=1)


def end_id(item: Any) -> str:
    """The id of one end of a link in a body. ApiError 400 where there is none."""
    if not isinstance(item, dict) or "id" not in item:
        raise malformed("from and to need an id")
    return str(item["id"])


def create_links_batch(asked: Asked) -> Answer:
    """POST batch/create: at most 2,000 inputs; 201 or 207."""
    pair = linked_writes(asked)
    items = asked.inputs(WRITE_LIMIT)
    results, errors = [], []
    for item in items:
        try:
            types = _types(item.get("types") or [])
            from_id, to_id = checked(asked, pair, end_id(item.get("from")), end_id(item.get("to")), types)
        except ApiError as error:
            errors.append(error_item(asked, error))
            continue
        asked.portal.links.add((pair[0].name, pair[1].name), from_id, to_id, [number for _, number in types])
        results.append(_pair_shown(asked, pair, from_id, to_id))
    return finish(asked, 201, results, errors, records_in=len(items))


def create_default_links_batch(asked: Asked) -> Answer:
    """POST batch/associate/default: plain links; 200 or 207."""
    pair = linked_writes(asked)
    items = asked.inputs(WRITE_LIMIT)
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for item in items:
        try:
            from_id, to_id = checked(asked, pair, end_id(item.get("from")), end_id(item.get("to")), [])
        except ApiError as error:
            errors.append(error_item(asked, error))
            continue
        results.extend(_linked_plainly(asked, pair, from_id, to_id))
    return finish(asked, 200, results, errors, records_in=len(items))


def _gone(asked: Asked, records_in: int) -> Answer:
    """204, by the dated paths 200 in the shape of a batch."""
    if not asked.is_dated:
        return Answer(204, records_in=records_in)
    now = iso_ms(asked.portal.clock.now_ms())
    return Answer(200, {"status": "COMPLETE", "results": [], "startedAt": now, "completedAt": now}, records_in=records_in)


def archive_links_batch(asked: Asked) -> Answer:
    """POST batch/archive: inputs of one ``from`` and many ``to``."""
    pair = linked_writes(asked)
    items = asked.inputs(WRITE_LIMIT)
    for item in items:
        from_text = end_id(item.get("from"))
        for other in item.get("to") or []:
            to_text = end_id(other)
            if from_text.isdigit() and to_text.isdigit():
                asked.portal.links.remove((pair[0].name, pair[1].name), int(from_text), int(to_text))
    return _gone(asked, len(items))


def archive_labels_batch(asked: Asked) -> Answer:
    """POST batch/labels/archive: takes only the named types away; the plain type takes the link with it."""
    pair = linked_writes(asked)
    items = asked.inputs(WRITE_LIMIT)
    for item in items:
        from_text, to_text = end_id(item.get("from")), end_id(item.get("to"))
        if from_text.isdigit() and to_text.isdigit():
            for _, number in _types(item.get("types") or []):
                asked.portal.links.remove_label((pair[0].name, pair[1].name), int(from_text), int(to_text), number)
    return _gone(asked, len(items))


def list_labels(asked: Asked) -> Answer:
    """GET the association types between two object types."""
    pair = linked_reads(asked)
    return Answer(200, {"results": [_shown_label(label) for label in asked.portal.links.labels((pair[0].name, pair[1].name))]})


def _shown_label(label: Label) -> dict[str, Any]:
    return {"category": label.category, "typeId": label.type_id, "label": label.label}


def create_label(asked: Asked) -> Answer:
    """POST a label of one's own; both directions come back."""
    pair = linked_writes(asked)
    given = asked.json()
    if not isinstance(given.get("label"), str) or not isinstance(given.get("name"), str):
        raise malformed("Some required fields were not set: [label, name]")
    made = asked.portal.links.add_label((pair[0].name, pair[1].name), given["label"], given.get("inverseLabel"), given["name"])
    return Answer(200, {"results": [_shown_label(label) for label in made]})


def update_label(asked: Asked) -> Answer:
    """PUT the words of a label of one's own; 204."""
    pair = linked_writes(asked)
    given = asked.json()
    number, label = given.get("associationTypeId"), given.get("label")
    if not isinstance(number, int) or not isinstance(label, str):
        raise malformed("Some required fields were not set: [associationTypeId, label]")
    if not asked.portal.links.rename_label((pair[0].name, pair[1].name), number, label, given.get("inverseLabel")):
        raise _no_label(pair, number)
    return Answer(204)


def archive_label(asked: Asked) -> Answer:
    """DELETE a label of one's own, in both directions; 204. The links that had it stay."""
    pair = linked_writes(asked)
    text = asked.parts["type_id"]
    if not text.isdigit() or not asked.portal.links.drop_label((pair[0].name, pair[1].name), int(text)):
        raise _no_label(pair, text)
    return Answer(204)


def _no_label(pair: tuple[ObjectType, ObjectType], number: object) -> ApiError:
    return bad_request(f"Association type {number} is no label of one's own from {pair[0].type_id} to {pair[1].type_id}")
