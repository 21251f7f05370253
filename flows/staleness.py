"""Before a chunk of a kept plan is sent: its cells and tasks are held against what the CRM has now, and refused where that is not what was planned on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from flows.holding import Values, fields_of, holds, values_by_record
from flows.recovery import is_as_wanted
from flows.work import Work
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


@dataclass
class Inspection:
    """Looks at a plan while it is applied, some records at a time, and remembers what it found.

    ``refused`` is what may not be written any more, ``standing`` how many cells and tasks stood already as they were planned.
    All reads are strongly consistent.
    """

    work: Work
    refused: list[Refused] = field(default_factory=list)
    standing: int = 0

    def cells(self, chunk: pd.DataFrame) -> np.ndarray:
        """Which of these cells of one CRM and table are still to be written: those whose present value is the planned old one.

        A cell is refused where the CRM holds neither the planned old value nor the planned new one, or where its record is gone. All are compared
        in the one form that a value has (see ``to_text``); empty, missing and "" are the same.
        """
        crm, table = str(chunk["crm"].iloc[0]), str(chunk["table"].iloc[0])
        fields = fields_of(chunk, table)
        ids = chunk["record_id"].unique().tolist()
        held = values_by_record(self.work.crm(crm).current(table, ids, fields))
        went = self._went(crm, table, [one for one in ids if one not in held])
        is_due = np.zeros(len(chunk), dtype=bool)
        for place, (record, name, old, new) in enumerate(
            zip(*(chunk[column].tolist() for column in ("record_id", "field", "old", "new")), strict=True)
        ):
            values = held.get(record)
            if values is not None and holds(values, name, new):
                self.standing += 1
            elif values is not None and holds(values, name, old):
                is_due[place] = True
            else:
                self.refused.append(_refused_cell(crm, table, record, name, (_text(old), _text(new)), values, went.get(record)))
        return is_due

    def tasks(self, lot: pd.DataFrame) -> np.ndarray:
        """Which of these tasks of one CRM, all to be made or all to be changed, are still due.

        A task is refused where its contact is gone, or where somebody changed, finished or deleted it. One of which the journal says that it was
        made is not made again, whatever became of it.
        """
        return self._new_tasks(lot) if lot["task_id"].isna().all() else self._known_tasks(lot)

    def _new_tasks(self, lot: pd.DataFrame) -> np.ndarray:
        crm = str(lot["crm"].iloc[0])
        is_made = pd.MultiIndex.from_frame(lot[["crm", "task_key"]]).isin(self._journal.index)
        self.standing += int(is_made.sum())
        contacts = lot.loc[~is_made, "contact_id"].unique().tolist()
        there = set(self.work.crm(crm).current("contacts", contacts, [])["record_id"]) if contacts else set()
        went = self._went(crm, "contacts", [one for one in contacts if one not in there])
        is_due: np.ndarray = ~is_made & lot["contact_id"].isin(there).to_numpy(dtype=bool)
        for row in lot[~is_made & ~is_due].to_dict("records"):
            what = _gone(went.get(row["contact_id"]))
            self.refused.append(
                _refused_task(row, f"its contact {what} after the plan was made, so the task was not created; make a new plan.")
            )
        return is_due

    def _known_tasks(self, lot: pd.DataFrame) -> np.ndarray:
        crm = str(lot["crm"].iloc[0])
        held = self.work.crm(crm).current_tasks(lot).set_index("task_key")
        is_due = np.zeros(len(lot), dtype=bool)
        for place, row in enumerate(lot.itertuples()):
            if row.task_key in held.index and is_as_wanted(held.loc[row.task_key], row):
                self.standing += 1
                continue
            was = self._journal["state"].get((crm, row.task_key), "open")
            why = _why_not(held.loc[row.task_key] if row.task_key in held.index else None, str(was))
            is_due[place] = not why
            if why:
                self.refused.append(_refused_task(lot.iloc[place].to_dict(), f"{why}, so it is left as it is; make a new plan."))
        return is_due

    def _went(self, crm: str, table: str, missing: list[str]) -> dict[str, str]:
        return self.work.crm(crm).merged_into(table, missing) if missing else {}

    @cached_property
    def _journal(self) -> pd.DataFrame:
        """Our tasks as they stood when the first of them was looked at; a plan holds each task once."""
        return self.work.journal.tasks().set_index(["crm", "task_key"])


def _refused_cell(
    crm: str, table: str, record: str, name: str, planned: tuple[str | None, str | None], values: Values | None, into: str | None
) -> Refused:
    if values is None:
        message = f"the record {_gone(into)} after the plan was made, so this cell was not written; make a new plan."
        return Refused(crm, table, record, name, planned[0], None, planned[1], message)
    message = "the CRM's value changed after the plan was made, so this cell was not written; make a new plan."
    return Refused(crm, table, record, name, planned[0], values.get(name) or None, planned[1], message)


def _gone(into: str | None) -> str:
    return f"was merged into {into}" if into else "was deleted or merged"


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
