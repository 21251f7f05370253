"""What a run that was killed left open: every cell and task that was intended and never settled is looked up in the CRM."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from flows.applying import settle_cells
from flows.holding import fields_of, holds, values_by_record
from flows.work import Work
from transforms.vocabulary.changes import Fate, WriteReport


def recover(work: Work, crm: str) -> int:
    """Settle what earlier runs left open in one CRM, by asking it what it holds. Returns how many rows were settled.

    Reads are strongly consistent (not search). What was not applied is settled as failed; the next plan brings it again.
    """
    cells, tasks = (frame[frame["crm"] == crm] for frame in (work.journal.unsettled(), work.journal.unsettled_tasks()))
    for batch_id, batch in cells.groupby("batch_id", sort=False):
        settle_cells(work, str(batch_id), batch, _found_cells(work, batch))
    for batch_id, batch in tasks.groupby("batch_id", sort=False):
        work.journal.settle_tasks(str(batch_id), _found_tasks(work, batch))
    return len(cells) + len(tasks)


def _found_cells(work: Work, batch: pd.DataFrame) -> list[WriteReport]:
    """One report a record: written where the CRM holds every value that was intended."""
    reports = []
    for (crm, table), part in batch.groupby(["crm", "table"], sort=False):
        held = values_by_record(work.crm(str(crm)).current(str(table), part["record_id"].unique().tolist(), fields_of(part, str(table))))
        for record_id, wanted in part.groupby("record_id", sort=False):
            values = held.get(str(record_id))
            is_there = values is not None and all(holds(values, row.field, row.new) for row in wanted.itertuples())
            fate = Fate.WRITTEN if is_there else Fate.FAILED
            reports.append(WriteReport(str(crm), str(table), str(record_id), fate, "" if is_there else "NOT_APPLIED"))
    return reports


def _found_tasks(work: Work, batch: pd.DataFrame) -> list[WriteReport]:
    """One report a task: written where the CRM holds it as it was intended, whether it was to be created or to be changed."""
    reports = []
    for crm, part in batch.groupby("crm", sort=False):
        held = work.crm(str(crm)).current_tasks(part).set_index("task_key")
        for row in part.itertuples():
            is_there = row.task_key in held.index and (pd.isna(row.task_id) or is_as_wanted(held.loc[row.task_key], row))
            fate, code = (Fate.WRITTEN, "") if is_there else (Fate.FAILED, "NOT_APPLIED")
            crm_id = str(held.loc[row.task_key, "task_id"]) if is_there else ""
            reports.append(WriteReport(str(crm), "tasks", row.task_key, fate, code, crm_id=crm_id))
    return reports


def is_as_wanted(held: pd.Series, wanted: Any) -> bool:
    """Whether a change of a task was applied. That the task is there says nothing: it was there before."""
    is_open = held["state"] == "open"
    return bool(is_open == (wanted.state == "open")) and _words(held["subject"], held["body"]) == _words(wanted.subject, wanted.body)


def _words(*texts: str) -> list[str]:
    """What a text says, without what a CRM does to it on the way."""
    return re.findall(r"\w+", " ".join(texts))
