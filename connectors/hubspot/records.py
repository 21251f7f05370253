"""Results of HubSpot's, brought to one form before anything is read of them: ids are text, property values are text or nothing.

The specification says so, and answers differ: ids and values may come as numbers or flags, keys may be left out, and a result may be no record
at all. Such a one is left out, so that it does not keep its neighbours from being read; where none can be read, the answer is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.hubspot.answers import CRM
from connectors.hubspot.values import to_ms
from transforms.vocabulary.errors import CrmUnreachable

Json = dict[str, Any]
Links = list[tuple[str, list[str], str | None]]

MANY = 10
"""Of so many results at least one must be readable: fewer may all be spoiled by themselves."""


def to_records(results: Any, *, what: str, needs_all: bool = False) -> list[Json]:
    """The results that are records. ``what`` completes 'we tried to …'. Raises CrmUnreachable where there are many and none is one.

    ``needs_all``: it is raised where a single one is none.
    """
    found = [record for one in _listed(results) if (record := _record(one)) is not None]
    if needs_all and len(found) < len(_listed(results)):
        raise _refused(what, "not every one")
    return _need_some(found, results, what)


def to_named(results: Any, key: str, *, what: str) -> list[Json]:
    """The results, such as owners and definitions, that have a ``key``; its value is text."""
    found = [{**one, key: text} for one in _listed(results) if isinstance(one, dict) and (text := to_text(one.get(key)))]
    return _need_some(found, results, what)


def to_links(results: Any, *, what: str) -> Links:
    """Results about associations: the record, the ids at the other end, and where there are more of them (None: these are all)."""
    found: Links = []
    for one in _listed(results):
        end = one.get("from") if isinstance(one, dict) else None
        from_id = to_text(end.get("id")) if isinstance(end, dict) else None
        if from_id:
            found.append((from_id, [to_id for other in _listed(one.get("to")) if (to_id := _other_end(other))], next_page(one)))
    if _listed(results) and not found:
        raise _refused(what)
    return found


def next_page(body: Any) -> str | None:
    """Where to go on after this answer; None where it is the last. HubSpot leaves the key out there, and any part of it may be empty."""
    paging = body.get("paging") if isinstance(body, Mapping) else None
    following = paging.get("next") if isinstance(paging, Mapping) else None
    return to_text(following.get("after")) if isinstance(following, Mapping) else None


def is_in_order(records: Sequence[Json], name: str, *, is_descending: bool) -> bool:
    """Whether records come in the order of a property that holds a number or a moment. Those without one say nothing of it."""
    held = [ms for record in records if (ms := to_ms(record["properties"].get(name))) is not None]
    return held == sorted(held, reverse=is_descending)


def to_text(value: Any) -> str | None:
    """A value as text: flags as ``true`` and ``false``, numbers in digits, "" as nothing; nothing where it is a list or an object."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int | float) and value != "" else None


def _record(one: Any) -> Json | None:
    if not isinstance(one, dict) or not isinstance(one.get("properties"), dict):
        return None
    record_id, held = to_text(one.get("id")), one["properties"]
    if not record_id:
        return None
    if one["id"] is record_id and all(type(value) is str or value is None for value in held.values()):
        return one
    return {**one, "id": record_id, "properties": {name: to_text(value) for name, value in held.items()}}


def _other_end(one: Any) -> str | None:
    return to_text(one.get("toObjectId")) if isinstance(one, dict) else None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _need_some(found: list[Json], results: Any, what: str) -> list[Json]:
    if not found and len(_listed(results)) >= MANY:
        raise _refused(what)
    return found


def _refused(what: str, how_many: str = "none") -> CrmUnreachable:
    return CrmUnreachable(
        f"We tried to {what} and {how_many} of {CRM}'s results has the form that its documentation gives them; "
        "run again later, and report this if it stays so."
    )
