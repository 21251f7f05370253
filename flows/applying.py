"""The fourth step of a run: send what the plan says, journalled before it is sent and settled after."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from connectors.protocol import Crm
from flows.cursors import set_cursor
from flows.memory import give_back
from flows.work import Work
from transforms.vocabulary.changes import CELLS, Fate, WriteReport


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


def apply_cells(work: Work, run_id: str, cells: pd.DataFrame, applied: Applied) -> None:
    """Write the cells, CRM by CRM and table by table, move the cursors past our own writes, and count in ``applied``."""
    for (crm_name, table), places in sorted(cells.groupby(["crm", "table"]).indices.items()):
        crm = work.crm(str(crm_name))
        done, expected = 0, cells["record_id"].iloc[places].nunique()
        for chunk in _chunks(cells, places, crm.records_at_once):
            batch_id = work.journal.intend(run_id, str(table), chunk)
            reports: list[WriteReport] = []
            try:
                reports.extend(crm.write_fields(str(table), chunk))
            finally:
                # Where the CRM broke off, what it has confirmed is settled; the rest stays open, and the next run looks it up.
                settle_cells(work, batch_id, chunk, reports)
                applied.count(reports, chunk)
            done += chunk["record_id"].nunique()
            work.progress(f"write {table}", done, expected)
            give_back()
        _absorb(work, crm, str(table))


def settle_cells(work: Work, batch_id: str, cells: pd.DataFrame, reports: Sequence[WriteReport]) -> None:
    """Note in the journal what became of the cells, and in the lake what the CRM now holds."""
    written = {report.key: report.modified_at for report in reports if report.fate is not Fate.FAILED}
    stand = cells[cells["record_id"].isin(written)]
    work.lake.patch_standing(stand[CELLS.names], pd.to_datetime(stand["record_id"].map(written), utc=True))
    work.journal.settle(batch_id, reports)


def apply_tasks(work: Work, run_id: str, create: pd.DataFrame, update: pd.DataFrame, applied: Applied) -> None:
    """Create and update tasks, journalled like cells."""
    for what, tasks in (("created", create), ("updated", update)):
        for crm_name, part in tasks.groupby("crm", sort=True):
            crm = work.crm(str(crm_name))
            batch_id = work.journal.intend_tasks(run_id, part)
            reports: list[WriteReport] = []
            try:
                reports.extend(crm.create_tasks(part) if what == "created" else crm.update_tasks(part))
            finally:
                work.journal.settle_tasks(batch_id, reports)
                number = sum(report.fate is Fate.WRITTEN for report in reports)
                applied.tasks[what] += number
                applied.by_crm[str(crm_name)] += Counter({what: number})
                applied.failed += [report for report in reports if report.fate is Fate.FAILED]
            work.progress(f"tasks {what}", len(part), len(part))


def _chunks(cells: pd.DataFrame, places: np.ndarray, size: int) -> Iterator[pd.DataFrame]:
    """The cells at these places, in chunks of whole records. Only one chunk is copied at a time: all of them are many."""
    number = pd.factorize(cells["record_id"].iloc[places])[0] // size
    order = np.argsort(number, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        yield cells.iloc[places[part]].reset_index(drop=True)


def _absorb(work: Work, crm: Crm, table: str) -> None:
    """Commit the cursor that knows our own writes, so that the next pull does not take them for news."""
    since = work.lake.cursor(crm.name, table)
    if since is not None:
        set_cursor(work, crm.name, table, crm.absorb(table, since))
