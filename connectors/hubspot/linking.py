"""Associating records in batches: every pair stands afterwards, or is named with HubSpot's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.hubspot.answers import errors_of, named_in, to_refusal
from connectors.hubspot.client import LINK_BATCH_LIMIT, NOT_CONFIRMED, Client, parts
from transforms.vocabulary.errors import RequestRejected

Pair = tuple[str, str]


def link(client: Client, source: str, target: str, type_id: int, pairs: Sequence[Pair]) -> dict[Pair, str]:
    """Associate pairs of records. Doing it twice is harmless. Returns the pairs that are not associated afterwards, each with HubSpot's code."""
    refused: dict[Pair, str] = {}
    for part in parts(list(dict.fromkeys(pairs)), LINK_BATCH_LIMIT):
        refused |= _link(client, source, target, type_id, part)
    return refused


def _link(client: Client, source: str, target: str, type_id: int, pairs: Sequence[Pair]) -> dict[Pair, str]:
    try:
        body = client.link_batch(source, target, type_id, pairs)
    except RequestRejected as error:
        if error.status not in (400, 404, 409):
            raise
        if len(pairs) == 1:
            return {pairs[0]: error.code}
        middle = len(pairs) // 2
        return _link(client, source, target, type_id, pairs[:middle]) | _link(client, source, target, type_id, pairs[middle:])
    confirmed = {_ends(result) for result in body.get("results") or ()}
    left = [pair for pair in pairs if pair not in confirmed]
    # Neither confirmed nor refused says nothing, and an error need not say which pair it is about: what stands is looked up.
    held = client.links(source, target, [one for one, _ in left]) if left else {}
    codes = [(to_refusal(error).code or NOT_CONFIRMED, _ids_in(error)) for error in errors_of(body)]
    return {(one, other): _code(codes, one, other) for one, other in left if other not in held.get(one, ())}


def _code(codes: Sequence[tuple[str, set[str]]], one: str, other: str) -> str:
    """The code of the error that names one of the ends, else of one that names nothing."""
    told = [code for code, ids in codes if {one, other} & ids] or [code for code, ids in codes if not ids]
    return told[0] if told else NOT_CONFIRMED


def _ends(result: Any) -> Pair:
    """The pair that a result is about; HubSpot's versions name its ends differently."""
    if not isinstance(result, Mapping):
        return "", ""
    ends = []
    for flat, nested in (("fromObjectId", "from"), ("toObjectId", "to")):
        end = result.get(nested)
        ends.append(str(result.get(flat) or (end.get("id") if isinstance(end, Mapping) else "") or ""))
    return ends[0], ends[1]


def _ids_in(error: Mapping[str, Any]) -> set[str]:
    """The records that an error names."""
    named = named_in(error)
    return {one for name in ("id", "ids", "fromObjectId", "toObjectId") for one in named.get(name, ())}
