"""What a pull will take, by counts alone: five counts travel in one call, and tell which objects come by id, 2,000 rows a call, and which in bulk."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.salesforce.client import COMPOSITE_QUERIES, Client, parts
from connectors.salesforce.cursors import Standing
from connectors.salesforce.extract import BIG, sizes_of
from connectors.salesforce.gathering import CALLS_A_JOB
from connectors.salesforce.pulling import Memory
from connectors.salesforce.shape import Shape
from connectors.salesforce.soql import count_of, statement
from connectors.salesforce.streams import FOLLOWERS, STREAMS, TASKS, Stream
from connectors.salesforce.values import to_soql
from connectors.windows import Window
from transforms.vocabulary.changes import Cursor, Estimate

ROWS_A_CALL = 2_000


def estimate(
    client: Client, shape: Shape, memory: Memory, bulk_from: int, table: str, since: Cursor | None, start_ms: int | None
) -> list[Estimate]:
    """See ``Crm.estimate``. For a first pull all objects are counted with the first table, in two calls of which the pull needs one anyway."""
    if table == "owners":
        return [Estimate("owners", 0, 1, {"read": 1})]
    if since is None and start_ms is None:
        learn_sizes(client, shape, memory, all_streams=True)
        return _of_load(table, memory.sizes, bulk_from)
    standing = Standing.parse(table, since) if since else Standing.fresh(table, start_ms)
    counts = []
    for stream in STREAMS[table]:
        state = standing.states[stream.name]
        if isinstance(state, Window):
            counts.append((stream.name, statement(["COUNT()"], stream.object, [f"{stream.modified} >= {to_soql(state.from_ms)}"])))
        else:
            counts.append((stream.name, count_of(stream, start_ms)))
    found: list[Estimate] = []
    for some in parts(counts, COMPOSITE_QUERIES):
        _, sizes = shape.learn(client, standing.shape, client.now_ms, counts=some)
        found += [_of_stream(name, sizes[name], bulk_from if since is None else None) for name, _ in some if name in sizes]
    return found


def learn_sizes(client: Client, shape: Shape, memory: Memory, *, all_streams: bool = False) -> None:
    """Know how much the large objects hold (with ``all_streams`` also the small ones), and what the org shows of itself. Asks nothing twice."""
    streams = [stream for some in STREAMS.values() for stream in some]
    _, sizes = shape.learn(client, {}, client.now_ms, counts=() if memory.is_sized else sizes_of(streams, None))
    memory.sizes |= sizes
    memory.is_sized = True
    small = [(stream.name, count_of(stream, None)) for stream in streams if stream.name not in BIG and stream.name not in memory.sizes]
    if all_streams:
        for some in parts(small, COMPOSITE_QUERIES):
            _, sizes = shape.learn(client, {}, client.now_ms, counts=some)
            memory.sizes |= sizes


def least_calls() -> dict[str, int]:
    """See ``Crm.least_calls``: five objects are asked for their changes in one call, and one call asks who was deleted."""
    return {"read": sum(-(-(len(STREAMS[table]) + len(FOLLOWERS[table])) // COMPOSITE_QUERIES) for table in STREAMS) + 1}


def _of_load(table: str, sizes: dict[str, int], bulk_from: int) -> list[Estimate]:
    """A full load. Objects that come by id share their calls, as many as the largest of them takes; tasks wait for mail.

    The first rows of people and companies come with the owners' call.
    """
    known = [stream for stream in STREAMS[table] if stream.name in sizes]
    by_id = [stream for stream in known if sizes[stream.name] < bulk_from]
    spared = 0 if table == "activities" else 1
    calls = dict.fromkeys((stream.name for stream in known), 0)
    for group in ([stream for stream in by_id if stream.name != TASKS.name], [stream for stream in by_id if stream.name == TASKS.name]):
        if group:
            largest = _largest(group, sizes)
            calls[largest] = _pages(sizes[largest]) - spared
    found = [Estimate(stream.name, sizes[stream.name], calls[stream.name], {"read": calls[stream.name]}) for stream in by_id]
    return found + [_of_stream(stream.name, sizes[stream.name], bulk_from) for stream in known if stream not in by_id]


def _largest(streams: Sequence[Stream], sizes: dict[str, int]) -> str:
    return max((stream.name for stream in streams), key=lambda name: sizes[name])


def _of_stream(name: str, records: int, bulk_from: int | None) -> Estimate:
    is_bulk = bulk_from is not None and records >= bulk_from
    calls = CALLS_A_JOB if is_bulk else _pages(records)
    return Estimate(name, records, calls, {"bulk" if is_bulk else "read": calls})


def _pages(records: int) -> int:
    return max(-(-records // ROWS_A_CALL), 1)
