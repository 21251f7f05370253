"""The fourth step of a run: send what the plan says, journalled before it is sent and settled after."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from connectors.protocol import Crm
from flows.cursors import set_cursor
from flows.memory import give_back
from flows.work import Work
from transforms.vocabulary.changes import CELLS, Fate, WriteReport

Look = Callable[[pd.DataFrame], np.ndarray]
"""Given cells of one CRM and table, or tasks of one CRM, that are about to be sent: asks the CRM how they stand, and tells which of them are still due."""

TASKS_AT_ONCE = 200
"""So many tasks are looked at and then sent: whole calls of both CRMs, which take a hundred and two hundred."""


@dataclass
class Applied:
    """What became of a plan: how many cells and tasks were written, and every row that failed. ``by_crm``: cells, records, created, updated."""

    cells: int = 0
    records: int = 0
    tasks: Counter[str] = field(default_factory=Counter)
    by_crm: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    failed: list[WriteReport] = field(default_factory=list)

    def count(self, reports: Sequence[WriteReport], cells: pd.DataFrame) -> None:
        """Add what became of one chunk of cells."""
        written = {report.key for report in reports if report.fate is Fate.WRITTEN}
        number = int(cells["record_id"].isin(written).sum())
        self.records += len(written)
        self.cells += number
        for report in reports[:1]:
            self.by_crm[report.crm] += Counter(cells=number, records=len(written))
        self.failed += [report for report in reports if report.fate is Fate.FAILED]


def apply_cells(work: Work, run_id: str, cells: pd.DataFrame, applied: Applied, look: Look | None = None) -> np.ndarray:
    """Write the cells, CRM by CRM and table by table, move the cursors past our own writes, and count in ``applied``.

    With ``look`` each chunk is looked at straight before it is sent, and only what that leaves of it is sent: between look and write lies one
    chunk, however many there are. Returns the places of the cells that were sent.
    """
    sent = [np.array([], dtype=np.intp)]
    for (crm_name, table), places in sorted(cells.groupby(["crm", "table"]).indices.items()):
        crm = work.crm(str(crm_name))
        done, expected, is_written = 0, cells["record_id"].iloc[places].nunique(), False
        for chosen in _chunks(cells, places, crm.records_at_once):
            chunk = cells.iloc[chosen].reset_index(drop=True)
            done += chunk["record_id"].nunique()
            is_due = np.ones(len(chunk), dtype=bool) if look is None else look(chunk)
            if is_due.any():
                write_cells(work, run_id, chunk[is_due].reset_index(drop=True), applied)
                sent.append(chosen[is_due])
                is_written = True
            work.progress(f"write {table}", done, expected)
            give_back()
        if is_written:
            absorb(work, crm, str(table))
    return np.concatenate(sent)


def write_cells(work: Work, run_id: str, chunk: pd.DataFrame, applied: Applied) -> None:
    """Write some cells of one CRM and table: journalled before they are sent, settled after, and counted in ``applied``."""
    crm, table = work.crm(str(chunk["crm"].iloc[0])), str(chunk["table"].iloc[0])
    batch_id = work.journal.intend(run_id, table, chunk)
    reports: list[WriteReport] = []
    try:
        reports.extend(crm.write_fields(table, chunk))
    finally:
        # Where the CRM broke off, what it has confirmed is settled; the rest stays open, and the next run looks it up.
        settle_cells(work, batch_id, chunk, reports)
        applied.count(reports, chunk)


def settle_cells(work: Work, batch_id: str, cells: pd.DataFrame, reports: Sequence[WriteReport]) -> None:
    """Note in the journal what became of the cells, and in the lake what the CRM now holds."""
    written = {report.key: report.modified_at for report in reports if report.fate is not Fate.FAILED}
    stand = cells[cells["record_id"].isin(written)]
    work.lake.patch_standing(stand[CELLS.names], pd.to_datetime(stand["record_id"].map(written), utc=True))
    work.journal.settle(batch_id, reports)


def apply_tasks(
    work: Work, run_id: str, create: pd.DataFrame, update: pd.DataFrame, applied: Applied, look: Look | None = None
) -> list[pd.DataFrame]:
    """Create and update tasks, journalled like cells. With ``look`` some at a time, each lot looked at straight before it is sent.

    Returns the tasks that were to be created, and those that were to be changed, as they were sent.
    """
    sent = []
    for what, tasks in (("created", create), ("updated", update)):
        parts = [tasks.head(0)]
        for _, of_crm in tasks.groupby("crm", sort=True):
            size = max(len(of_crm), 1) if look is None else TASKS_AT_ONCE
            for first in range(0, len(of_crm), size):
                part = of_crm.iloc[first : first + size]
                part = part if look is None else part[look(part)]
                if len(part):
                    _write_tasks(work, run_id, what, part, applied)
                    parts.append(part)
                work.progress(f"tasks {what}", min(first + size, len(of_crm)), len(of_crm))
        sent.append(pd.concat(parts))
    return sent


def _write_tasks(work: Work, run_id: str, what: str, part: pd.DataFrame, applied: Applied) -> None:
    crm_name = str(part["crm"].iloc[0])
    crm = work.crm(crm_name)
    batch_id = work.journal.intend_tasks(run_id, part)
    reports: list[WriteReport] = []
    try:
        reports.extend(crm.create_tasks(part) if what == "created" else crm.update_tasks(part))
    finally:
        work.journal.settle_tasks(batch_id, reports)
        number = sum(report.fate is Fate.WRITTEN for report in reports)
        applied.tasks[what] += number
        applied.by_crm[crm_name] += Counter({what: number})
        applied.failed += [report for report in reports if report.fate is Fate.FAILED]


def _chunks(cells: pd.DataFrame, places: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """These places, in chunks of whole records. Only one chunk of cells is copied at a time: all of them are many."""
    number = pd.factorize(cells["record_id"].iloc[places])[0] // size
    order = np.argsort(number, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        yield places[part]


def absorb(work: Work, crm: Crm, table: str) -> None:
    """Commit the cursor that knows our own writes, so that the next pull does not take them for news."""
    since = work.lake.cursor(crm.name, table)
    if since is not None:
        set_cursor(work, crm.name, table, crm.absorb(table, since))
