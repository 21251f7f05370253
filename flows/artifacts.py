"""What a run shows in Prefect: how far it is, what it changed, a summary, links. Counts and record ids only: no name, address or text.

Values are left out too, because a value such as a successor or a reason holds names. Who wants to see values asks
``stillthere explain``, which reads them from the lake.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast
from uuid import UUID

import httpx
import pandas as pd
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.context import get_run_context
from prefect.exceptions import MissingContextError, PrefectHTTPStatusError

from flows.work import Work

log = logging.getLogger("stillthere.artifacts")

SAMPLE = 50
"""So many of the changed cells are listed one by one."""

AT_ONCE = 20_000
"""So many cells are counted or sorted at a time."""

EVERY_S = 2.0
"""A progress artifact is sent at most so often, in seconds; its end is always sent."""


class RunProgress:
    """Shows how far each step of this flow run is, as progress artifacts. Made inside the run, called from any thread.

    It has the form of :data:`flows.work.Progress`, so it can be handed to whatever tells of progress.
    Outside a flow run it says once, in the log, that nothing is shown.
    """

    def __init__(self, *, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._lock = threading.Lock()
        self._shown: dict[str, UUID] = {}
        self._sent_at: dict[str, float] = {}
        # A thread that was begun before the flow does not know of it: what is sent, is sent as from here.
        self._context = contextvars.copy_context()
        self._is_on = _is_in_run("its progress is")

    def __call__(self, step: str, done: int, expected: int | None) -> None:
        """Show that ``done`` of ``expected`` records are through this step (None: nobody knows how many there are)."""
        is_end = expected is not None and done >= expected
        if not self._is_on:
            return
        with self._lock:
            now = time.monotonic()
            if not is_end and now - self._sent_at.get(step, -self._every_s) < self._every_s:
                return
            self._sent_at[step] = now
            self._context.run(self._send, step, done, expected)

    def _send(self, step: str, done: int, expected: int | None) -> None:
        percent = 100.0 * min(done / expected, 1.0) if expected else (100.0 if expected == 0 else 0.0)
        words = f"{step}: {done:,} of {expected:,}" if expected is not None else f"{step}: {done:,} so far"
        with _best_effort("the progress"):
            if step in self._shown:
                update_progress_artifact(self._shown[step], percent, words)
            else:
                # Its type allows for a coroutine, which only asynchronous callers get.
                self._shown[step] = cast("UUID", create_progress_artifact(percent, key=_key("progress", step), description=words))


@contextlib.contextmanager
def shown_progress(work: Work) -> Iterator[None]:
    """While the block runs, whatever the work tells of its progress is shown in Prefect too."""
    if not _is_in_run("its progress is"):
        yield
        return
    told, shown = work.progress, RunProgress()

    def both(step: str, done: int, expected: int | None) -> None:
        told(step, done, expected)
        shown(step, done, expected)

    work.progress = both
    try:
        yield
    finally:
        work.progress = told


def publish(run_id: str, summary: Mapping[str, Any], cells: pd.DataFrame | None, *, links: Mapping[str, str] | None = None) -> None:
    """Publish what a run did: a summary, a table of the cells that changed, a sample of them, the rows that failed, and links.

    Outside a flow run it only says so in the log. Where the server refuses, that is logged and the run goes on:
    what was written in the CRM stands in our journal, not here.

    Args:
        run_id: the run in our journal.
        summary: the summary that the journal keeps, see :func:`flows.outcome.summarise`.
        cells: CELLS that were planned, or None where the run plans none.
        links: text to address, for what a reader may want to open next.
    """
    if not _is_in_run(f"the artifacts of run {run_id} are"):
        return
    with _best_effort("the artifacts"):
        create_markdown_artifact(to_markdown(run_id, summary), key="run-summary", description=f"Run {run_id}")
        if cells is not None:
            create_table_artifact(to_counts(cells), key="changed-fields", description=f"Run {run_id}: cells that change, by field")
            create_table_artifact(
                to_sample(cells), key="changed-sample", description=f"Run {run_id}: {min(len(cells), SAMPLE):,} of {len(cells):,} cells"
            )
        if summary.get("failed"):
            create_table_artifact(
                to_failures(summary), key="failed-rows", description=f"Run {run_id}: rows that failed; they are tried again next time"
            )
        for text, address in (links or {}).items():
            create_link_artifact(address, link_text=text, key=_key("link", text))


def to_counts(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """How many cells change in each field, the most first; filled: was empty, emptied: becomes empty."""
    counted = pd.concat([_counted(piece) for piece in _pieces(cells)]).groupby(level=[0, 1, 2]).sum().reset_index()
    counted = counted.sort_values(["cells", "crm", "table", "field"], ascending=[False, True, True, True])
    return [
        {
            "crm": row.crm,
            "table": row.table,
            "field": row.field,
            "cells": int(row.cells),
            "filled": int(row.filled),
            "emptied": int(row.emptied),
        }
        for row in counted.itertuples()
    ]


def _counted(cells: pd.DataFrame) -> pd.DataFrame:
    marked = pd.DataFrame({"cells": 1, "filled": cells["old"].isna(), "emptied": cells["new"].isna()}, index=cells.index)
    return marked.groupby([cells["crm"], cells["table"], cells["field"]]).sum()


def to_sample(cells: pd.DataFrame) -> list[dict[str, str]]:
    """The first cells by their ids: which record, which field, what kind of change. No values."""
    first = cells.head(0)
    for piece in _pieces(cells):
        first = pd.concat([first, piece]).sort_values(["crm", "table", "record_id", "field"]).head(SAMPLE)
    return [
        {"crm": row.crm, "table": row.table, "record": _word(row.record_id), "field": row.field, "change": _change(row.old, row.new)}
        for row in first.itertuples()
    ]


def _pieces(cells: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The cells, some ten thousand at a time, at least one piece: a first sync has hundreds of thousands, and sorting or counting copies them."""
    for first in range(0, max(len(cells), 1), AT_ONCE):
        yield cells.iloc[first : first + AT_ONCE]


def to_failures(summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows that failed, by id and the CRM's code. The CRM's own sentence stays in the journal: it may quote what we sent."""
    return [{name: _word(row.get(name, "")) for name in ("crm", "table", "key", "code")} for row in summary["failed"]]


def to_markdown(run_id: str, summary: Mapping[str, Any]) -> str:
    """The summary for people: every number in it, branch by branch. Texts are left out unless they are ids, moments or states."""
    lines = [f"# Run {run_id}", "", "| what | how many |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in _numbers(summary, ())]
    lines += [
        "",
        f"In the journal: `stillthere runs`. Why a value is what it is: `stillthere explain CONTACT`. As of {summary.get('as_of', 'no moment')}.",
    ]
    return "\n".join(lines)


def _numbers(branch: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in branch.items():
        here = (*path, str(name).replace("_", " "))
        if isinstance(value, Mapping):
            yield from _numbers(value, here)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield " · ".join(here), f"{value:,}"


def _word(text: object) -> str:
    """An id or a code as it is, without what a page could take for more than a word: both come from the CRM's answers."""
    return re.sub(r"[^\w.:-]", "", str(text))


def _change(old: object, new: object) -> str:
    if pd.isna(old):
        return "filled"
    return "emptied" if pd.isna(new) else "changed"


def _key(kind: str, name: str) -> str:
    """A key as Prefect wants it: small letters, digits and dashes."""
    return f"{kind}-{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}"


def _is_in_run(what: str) -> bool:
    try:
        get_run_context()
    except MissingContextError:
        log.warning("No flow run is under way: %s not shown in Prefect.", what)
        return False
    return True


@contextlib.contextmanager
def _best_effort(what: str) -> Iterator[None]:
    """Log, rather than raise, that the server could not take an artifact."""
    try:
        yield
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        log.warning("Prefect's server could not take %s of this run (%s); the journal has them.", what, type(error).__name__)
