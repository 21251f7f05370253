"""Progress in the terminal: a bar for each step under way. Nothing is shown where nobody looks at a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from flows.work import Progress as Teller

TENTHS = 10
LONG = 10_000
"""A step of so many records is told in tenths."""


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Teller]:
    """A function that tells how far each step is. Bars go to the standard error, so that the answer stays clean."""
    if quiet or not sys.stderr.isatty():
        yield _tell_nobody if quiet else _telling_lines()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    lock, tasks = threading.Lock(), dict[str, TaskID]()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def tell(step: str, done: int, expected: int | None) -> None:
            with lock:
                if step not in tasks:
                    tasks[step] = bars.add_task(step, total=expected)
                bars.update(tasks[step], completed=done, total=expected)

        yield tell


def _tell_nobody(_step: str, _done: int, _expected: int | None) -> None:
    """Say nothing."""


def _telling_lines() -> Teller:
    """Where there is no terminal: one line when a step ends, and one at each tenth part of a long one."""
    told: dict[str, int] = {}

    def tell(step: str, done: int, expected: int | None) -> None:
        if not expected:
            return
        tenth = min(done * TENTHS // expected, TENTHS)
        if tenth > told.get(step, 0) and (tenth == TENTHS or expected >= LONG):
            told[step] = tenth
            sys.stderr.write(f"{step}: {done:,} of {expected:,}\n")

    return tell
