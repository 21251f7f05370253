"""Plain functions as steps that Prefect shows. Imported only by flows, for it imports Prefect.

Outside a flow run (``sync.fn()``) a step is a plain call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext

T = TypeVar("T")


def step(name: str, function: Callable[..., T], *args: Any) -> T:
    """Run one step under Prefect's eyes."""
    return function(*args) if FlowRunContext.get() is None else _watched(name, function, *args)()


def each(name: str, function: Callable[..., T], lots: Sequence[object], *args: Any) -> list[T]:
    """Run one step for each lot, as its first argument, some at a time; the results come in the order of the lots."""
    if FlowRunContext.get() is None:
        return [function(lot, *args) for lot in lots]
    futures = [_watched(f"{name} {number} of {len(lots)}", function, lot, *args).submit() for number, lot in enumerate(lots, 1)]
    return [future.result() for future in futures]


def _watched(name: str, function: Callable[..., T], *args: Any) -> Task[[], T]:
    """The call as a Prefect task. It takes no parameters, so Prefect neither walks through nor copies the tables.

    There is no cache and no retry of Prefect's own: sending again happens round one request, in the connector.
    """

    def call() -> T:
        return function(*args)

    return Task(call, name=name, cache_policy=NO_CACHE, persist_result=False)
