"""What a pull will take, by counts alone: a search tells how many records there are, and a list brings a hundred of them a call."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.hubspot.client import LIST_LIMIT, Client
from connectors.hubspot.cursors import Load, Standing, State, Window
from connectors.hubspot.loading import probe
from connectors.hubspot.streams import CONTACT_FACTS, FEEDS, STREAMS, TICKETS, Stream
from transforms.vocabulary.changes import Cursor, Estimate
from transforms.vocabulary.errors import MissingScopes

Json = dict[str, Any]

SERVES_S = 60.0
"""What an estimate has asked serves a load that begins within so many seconds; what was deleted meanwhile would count as missing."""


@dataclass(frozen=True)
class Probed:
    """What a stream's load asks first, asked by an estimate, and when by this process's clock."""

    load: Load
    at_s: float


def estimate(client: Client, probed: dict[str, Probed], table: str, since: Cursor | None, start: datetime | None) -> list[Estimate]:
    """See ``Crm.estimate``. One search a stream; those that a full load begins with are kept in ``probed``, so that it need not ask again."""
    if table == "owners":
        return [Estimate("owners", 0, 2, {"read": 2})]
    standing = Standing.parse(table, since) if since else Standing.fresh(table, None)
    found = []
    for stream in STREAMS[table]:
        if stream.name == CONTACT_FACTS.name:
            continue  # they come with the contacts
        try:
            found.append(_of_stream(client, probed, stream, standing.states[stream.name], start))
        except MissingScopes:
            if stream.name not in FEEDS:
                raise
            # the pull leaves it out too, and says so
    return found


def recall(probed: dict[str, Probed], stream: Stream, state: State) -> None:
    """Let a load that is about to begin take up what an estimate asked just before."""
    asked = probed.pop(stream.name, None)
    if asked is None or not isinstance(state, Load) or state.total is not None or time.monotonic() - asked.at_s > SERVES_S:
        return
    for name in ("total", "top", "began_ms", "since_ms"):
        setattr(state, name, getattr(asked.load, name))


def least_calls(streams: Mapping[str, Sequence[Stream]] = STREAMS) -> dict[str, int]:
    """See ``Crm.least_calls``: a search a stream, and one that counts the contacts."""
    return {"search": sum(stream.name != CONTACT_FACTS.name for some in streams.values() for stream in some) + 1}


def _of_stream(client: Client, probed: dict[str, Probed], stream: Stream, state: State, start: datetime | None) -> Estimate:
    if isinstance(state, Load) and start is None:
        if state.total is None:
            probe(client, stream, state)
            probed[stream.name] = Probed(state, time.monotonic())
        left = max((state.total or 0) - state.handed, 0)
        return Estimate(stream.name, left, _pages(left), {"read": _pages(left)})
    total = client.search(stream.kind, _filters(stream, state, start), sort="hs_object_id", properties=("hs_object_id",), limit=1).total
    return Estimate(stream.name, total, 1 + _pages(total), {"search": 1, "read": _pages(total)})


def _filters(stream: Stream, state: State, start: datetime | None) -> list[Json]:
    if isinstance(state, Window):
        return [{"propertyName": stream.modified, "operator": "GTE", "value": str(state.from_ms)}]
    if start is not None and stream.table == "activities" and stream.name != TICKETS.name:
        return [{"propertyName": stream.happened, "operator": "GTE", "value": str(int(start.timestamp() * 1000))}]
    return []


def _pages(records: int) -> int:
    return max(-(-records // LIST_LIMIT), 1)
