"""What vanished from HubSpot without a trace: erased contacts and deleted e-mails are in no list. So records are counted, and only where a count is wrong they are listed.

A search tells how many records there are, in one call. Records are counted in blocks of ids. ``surplus`` notes, by the first id of each block, how many
records more HubSpot counts there than we know: mail that concerns no contact is not kept, for instance. Only a block whose surplus has changed is listed.
Sources: HubSpot's documentation of search (``total`` is the count of all matches) and of deletions (e-mails do not go to the recycle bin).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.hubspot.client import SEARCH_LIMIT, Client
from connectors.hubspot.cursors import END
from connectors.hubspot.streams import Stream

Json = dict[str, Any]

BLOCK = 5_000
"""Known ids in a block. Listing one takes 26 calls."""

ID = "hs_object_id"


@dataclass
class Block:
    """A block that was listed: known ids that HubSpot no longer shows, ids that it shows and we do not know, and the calls spent so far."""

    first: int
    known: int
    there: int
    missing: list[str]
    unread: list[str]
    calls: int


@dataclass
class Fates:
    """What became of ids that a listing no longer shows: archived, erased, or there all the same (the index was late)."""

    archived: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)
    found: list[Json] = field(default_factory=list)


def wrong_blocks(client: Client, stream: Stream, known: Sequence[int], surplus: dict[str, int], only: Sequence[Json]) -> Iterator[Block]:
    """The blocks whose count is not as it was. ``known``: the ids we know, ascending. ``only``: filters of the records that are wanted at all.

    ``surplus`` gets a new block where the last one has grown. For people and companies it is one call where nothing vanished. Among activities the last
    block is always listed: a deleted one and a new one that concerns nobody would make up for each other.
    """
    total, is_sure = _count(client, stream, only), stream.table != "activities"
    if is_sure and total - len(known) == sum(surplus.values()):
        surplus.setdefault("0", 0)
        return
    starts = _starts(known, surplus)
    calls = 1
    for first, end in zip(starts, [*starts[1:], END], strict=True):
        ours = known[bisect_left(known, first) : bisect_left(known, end)]
        within = [*only, _within(first, end)]
        number = total if len(starts) == 1 else _count(client, stream, within)
        calls += len(starts) > 1
        if number - len(ours) == surplus.setdefault(str(first), 0) and (is_sure or end != END):
            continue
        there: set[int] = set()
        for some in _ids(client, stream, first, end, only):
            there.update(some)
            calls += 1
        missing = [str(one) for one in ours if one not in there]
        unread = [str(one) for one in sorted(there.difference(ours))]
        yield Block(first, len(ours), len(there), missing, unread, calls)
        calls = 0


def fates(client: Client, stream: Stream, ids: Sequence[str], properties: Sequence[str]) -> Fates:
    """What became of these ids, read strongly consistent. A record into which one of them was merged is among those found."""
    told = Fates(found=list(client.batch_read(stream.kind, ids, properties)))
    still = {str(record["id"]) for record in told.found}
    still |= {old for record in told.found for old in (record["properties"].get("hs_merged_object_ids") or "").split(";")}
    gone = [one for one in ids if one not in still]
    archived = {str(record["id"]) for record in client.batch_read(stream.kind, gone, (ID,), is_archived=True)} if gone else set()
    told.archived = [one for one in gone if one in archived]
    told.erased = [one for one in gone if one not in archived]
    return told


def _starts(known: Sequence[int], surplus: dict[str, int]) -> list[int]:
    """Where the blocks begin: as they were, with new ones where the last has grown to twice its size."""
    starts = sorted(map(int, surplus)) or [0]
    while len(known) - (place := bisect_left(known, starts[-1])) > 2 * BLOCK:
        starts.append(known[place + BLOCK])
    return starts


def _count(client: Client, stream: Stream, filters: Sequence[Json]) -> int:
    return client.search(stream.kind, filters, sort=ID, properties=(ID,), limit=1).total


def _ids(client: Client, stream: Stream, first: int, end: int, only: Sequence[Json]) -> Iterator[list[int]]:
    """All ids of a block, ascending. No offset is used, so nothing shifts and the cap of 10,000 is never met."""
    while first < end:
        found = client.search(stream.kind, [*only, _within(first, end)], sort=ID, properties=(ID,))
        ids = [int(record["id"]) for record in found.records]
        yield ids
        if found.came < SEARCH_LIMIT or not ids:
            return
        first = max(ids) + 1


def _within(first: int, end: int) -> Json:
    """The filter of a block. The last one is open: HubSpot need not be able to compare ids with a number as great as ours for that."""
    if end == END:
        return {"propertyName": ID, "operator": "GTE", "value": str(first)}
    return {"propertyName": ID, "operator": "BETWEEN", "value": str(first), "highValue": str(end - 1)}
