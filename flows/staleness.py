"""Before a kept plan is applied: each cell and task is held against what the CRM has now, and refused where that is no longer what was planned on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pandas as pd

from flows.holding import Values, holds, values_by_record
from flows.planning import RECORDS_AT_ONCE, Plan
from flows.recovery import is_as_wanted
from flows.work import Work
from transforms.fields import FIELDS
from transforms.vocabulary.changes import Fate, WriteReport

STALE = "STALE"


@dataclass(frozen=True)
class Refused:
    """One cell (or task, then ``field`` is empty) that is not written, since the CRM changed after the plan was made. Missing values are None."""

    crm: str
    table: str
    key: str
    field: str
    planned_old: str | None
    present: str | None
    planned_new: str | None
    message: str

    def report(self) -> WriteReport:
        """The same without values: this is kept, and shown where values have no place."""
        what = f"{self.field}: " if self.field else ""
        return WriteReport(self.crm, self.table, self.key, Fate.FAILED, STALE, f"{what}{self.message}")


@dataclass(frozen=True)
class Checked:
    """What is left of a plan to be written, what is refused, and how many cells and tasks stand already as they were planned."""

    plan: Plan
    refused: list[Refused] = field(default_factory=list)
    standing: int = 0


def refuse_stale(work: Work, plan: Plan) -> Checked:
    """Take out of the plan what is no longer as it was planned on, and what was done already.

    A cell is refused where the CRM's present value is neither the planned old one nor the planned new one, or where its record is gone. All are compared
    in the one form that a value has (see ``to_text``); empty, missing and "" are the same. A task is refused where its contact is gone, or where
    somebody changed, finished or deleted it. One of which the journal says that it was made is not made again, whatever became of it.
    """
    refused: list[Refused] = []
    dropped: list[int] = []
    standing = 0
    for crm, table, part in _chunks(plan.cells):
        fields = [one for one in FIELDS if one.table == table and one.name in set(part["field"])]
        held = values_by_record(work.crm(crm).current(table, part["record_id"].unique().tolist(), fields))
        for place, record, name, old, new in zip(part.index, part["record_id"], part["field"], part["old"], part["new"], strict=True):
            values = held.get(record)
            if values is not None and holds(values, name, new):
                dropped.append(place)
                standing += 1
            elif values is None or not holds(values, name, old):
                dropped.append(place)
                refused.append(_refused_cell(crm, table, record, name, _text(old), _text(new), values))
    left = replace(plan, cells=plan.cells.drop(index=dropped).reset_index(drop=True))
    return _without_stale_tasks(work, left, refused, standing)


def _chunks(cells: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """The cells of some thousand records of one CRM and table at a time."""
    for (crm, table), part in cells.groupby(["crm", "table"]):
        number = pd.factorize(part["record_id"])[0] // RECORDS_AT_ONCE
        for _, chunk in part.groupby(number):
            yield str(crm), str(table), chunk


def _refused_cell(crm: str, table: str, record: str, name: str, old: str | None, new: str | None, values: Values | None) -> Refused:
    if values is None:
        message = "the record was deleted or merged after the plan was made, so this cell was not written; make a new plan."
        return Refused(crm, table, record, name, old, None, new, message)
    message = "the CRM's value changed after the plan was made, so this cell was not written; make a new plan."
    return Refused(crm, table, record, name, old, values.get(name) or None, new, message)


def _without_stale_tasks(work: Work, plan: Plan, refused: list[Refused], standing: int) -> Checked:
    journal = work.journal.tasks().set_index(["crm", "task_key"])
    made = pd.MultiIndex.from_frame(plan.create[["crm", "task_key"]]).isin(journal.index)
    create = plan.create[~made]
    gone = _contact_is_gone(work, create)
    refused += [
        _refused_task(row, "its contact was deleted or merged after the plan was made, so the task was not created; make a new plan.")
        for row in create[gone].to_dict("records")
    ]
    keep, standing = [], standing + int(made.sum())
    for crm, part in plan.update.groupby("crm"):
        held = work.crm(str(crm)).current_tasks(part).set_index("task_key")
        for place, row in zip(part.index, part.itertuples(), strict=True):
            if row.task_key in held.index and is_as_wanted(held.loc[row.task_key], row):
                standing += 1
                continue
            was = journal["state"].get((str(crm), row.task_key), "open")
            why = _why_not(held.loc[row.task_key] if row.task_key in held.index else None, str(was))
            if why:
                refused.append(_refused_task(part.loc[place].to_dict(), f"{why}, so it is left as it is; make a new plan."))
            else:
                keep.append(place)
    left = replace(plan, create=create[~gone].reset_index(drop=True), update=plan.update.loc[sorted(keep)].reset_index(drop=True))
    return Checked(left, refused, standing)


def _contact_is_gone(work: Work, tasks: pd.DataFrame) -> pd.Series:
    gone = pd.Series(data=False, index=tasks.index)
    for crm, part in tasks.groupby("crm"):
        there = work.crm(str(crm)).current("contacts", part["contact_id"].unique().tolist(), [])
        gone[part.index] = ~part["contact_id"].isin(there["record_id"])
    return gone


def _why_not(held: pd.Series | None, was: str) -> str:
    """Why a task is not to be changed; nothing, where it is as it was. ``was``: the state in which the journal knows it."""
    if held is None or held["state"] == "deleted":
        return "somebody deleted the task after the plan was made"
    if pd.notna(held["changed_by_people"]) and held["changed_by_people"]:
        return "somebody changed the task after the plan was made"
    if held["state"] != "open" and was == "open":
        return "somebody finished the task after the plan was made"
    return ""


def _refused_task(row: dict[str, object], message: str) -> Refused:
    return Refused(str(row["crm"]), "tasks", str(row["task_key"]), "", None, None, None, message)


def _text(value: object) -> str | None:
    return None if pd.isna(value) else str(value)
