"""The third step of a run: which cells and tasks would change, kept as a plan that can be read, filed and applied exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from flows.answer import to_json
from flows.compute import Computation, Part, lot_standing
from flows.holding import holds, values_by_record
from flows.memory import give_back
from flows.work import Work
from transforms.fields import FIELDS
from transforms.plan import company_values, contact_values, plan_cells
from transforms.plays import TaskPlan, plan_tasks
from transforms.vocabulary.changes import CELLS, TASKS, Fate, WriteReport
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import empty_table, to_table

FORMAT = 1

RECORDS_AT_ONCE = 5_000
"""Records that are compared with the CRM at once."""


@dataclass(frozen=True)
class Plan:
    """Every cell and task that a run would change, as of one moment, for named CRM accounts."""

    as_of: pd.Timestamp
    accounts: dict[str, str]
    cells: pd.DataFrame
    create: pd.DataFrame
    update: pd.DataFrame
    held_back: pd.DataFrame = field(default_factory=lambda: empty_table(TASKS))
    alerts: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be written."""
        return not (len(self.cells) or len(self.create) or len(self.update))


def make_plan(work: Work, computation: Computation, accounts: dict[str, str]) -> Plan:
    """Compare what was computed with what the CRMs hold, and choose the tasks. Nothing is planned for a CRM that is not connected any more."""
    cells = [cells for part in computation.parts for cells in _contact_cells(work, part)]
    companies = computation.companies[computation.companies["crm"].isin(list(work.crms))]
    cells.append(plan_cells({"companies": company_values(companies)}, work.lake.standing("companies"), FIELDS))
    changing = [part for part in cells if len(part)]
    tasks = choose_tasks(work, computation)
    give_back()
    return Plan(
        computation.as_of,
        accounts,
        pd.concat(changing, ignore_index=True) if changing else empty_table(CELLS),
        tasks.create,
        tasks.update,
        tasks.held_back,
        tuple(alert.text for alert in tasks.alerts),
    )


def _contact_cells(work: Work, part: Part) -> Iterator[pd.DataFrame]:
    """The cells of the contacts of one lot, some thousand records at a time: what the CRM holds takes much memory once it is read."""
    standing, values = lot_standing(work, part.lot), contact_values(part)
    values = values[values.index.get_level_values("crm").isin(list(work.crms))]
    for first in range(0, len(values), RECORDS_AT_ONCE):
        rows = values.iloc[first : first + RECORDS_AT_ONCE]
        yield plan_cells({"contacts": rows}, standing[standing["record_id"].isin(rows.index.get_level_values("record_id"))], FIELDS)
    give_back()


def choose_tasks(work: Work, computation: Computation) -> TaskPlan:
    """The tasks to create, to change and to hold back, given the ones that exist."""
    cases = [part.cases for part in computation.parts]
    plan = plan_tasks(cases, existing_tasks(work), computation.org, work.policy, computation.as_of, work.lake.read("owners"))
    return dataclasses.replace(plan, update=plan.update[plan.update["crm"].isin(list(work.crms))].reset_index(drop=True))


def existing_tasks(work: Work) -> pd.DataFrame:
    """Our tasks as the CRMs have them now; those that nobody has closed are asked for again, where their CRM is connected."""
    known = work.journal.tasks()[TASKS.names]  # which run planned a task is for the journal alone
    is_open = (known["state"] == "open") & known["crm"].isin(list(work.crms))
    for crm_name, part in known[is_open].groupby("crm"):
        held = work.crm(str(crm_name)).current_tasks(part).set_index("task_key")
        for column in ("state", "changed_by_people"):
            known.loc[part.index, column] = part["task_key"].map(held[column]).fillna("deleted" if column == "state" else True)
    return known


def refuse_stale(work: Work, plan: Plan) -> tuple[Plan, list[WriteReport]]:
    """Take out of the plan each cell whose present value in the CRM is no longer the planned old one; report it.

    A cell that holds the planned new value already is taken out without a word.
    """
    stale: list[WriteReport] = []
    keep = pd.Series(data=True, index=plan.cells.index)
    for (crm_name, table), part in plan.cells.groupby(["crm", "table"]):
        fields = [f for f in FIELDS if f.table == table and f.name in set(part["field"])]
        held = values_by_record(work.crm(str(crm_name)).current(str(table), part["record_id"].unique().tolist(), fields))
        for row in part.itertuples():
            values = held.get(row.record_id)
            if values is not None and holds(values, row.field, row.new):
                keep[row.Index] = False  # it stands already: an earlier start of the same plan wrote it and was broken off
            elif values is None or not holds(values, row.field, row.old):
                keep[row.Index] = False
                was, now = "empty" if pd.isna(row.old) else row.old, "gone" if values is None else values.get(row.field) or "empty"
                message = f"{row.field} was {was} when the plan was made and is {now} now; make a new plan."
                stale.append(WriteReport(str(crm_name), str(table), row.record_id, Fate.FAILED, "STALE", message))
    return Plan(plan.as_of, plan.accounts, plan.cells[keep].reset_index(drop=True), plan.create, plan.update), stale


def write_plan(plan: Plan, file: Path) -> None:
    """Keep the plan in a JSON file that only its owner can read."""
    try:
        file.touch(mode=0o600)
        file.write_text(to_json(plan_data(plan)), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The plan could not be kept in {file} ({error.strerror}); choose another place with --out.") from error


def plan_data(plan: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    return {
        "format": FORMAT,
        "as_of": plan.as_of.isoformat(),
        "accounts": plan.accounts,
        "cells": _records(plan.cells),
        "tasks": {"create": _records(plan.create), "update": _records(plan.update)},
        "held_back": len(plan.held_back),
        "alerts": list(plan.alerts),
    }


def read_plan(file: Path, accounts: dict[str, str]) -> Plan:
    """A plan from its file. Raises BadInput where it is no plan, or one for another CRM account."""
    try:
        data = orjson.loads(file.read_bytes())
        if data["format"] != FORMAT:
            raise BadInput(f"The plan {file} has format {data['format']}, and this version reads {FORMAT}; make a new plan.")
        for_accounts = data["accounts"]
        plan = Plan(
            pd.Timestamp(data["as_of"]),
            for_accounts,
            to_table(CELLS, data["cells"], source=str(file)),
            to_table(TASKS, data["tasks"]["create"], source=str(file)),
            to_table(TASKS, data["tasks"]["update"], source=str(file)),
        )
    except FileNotFoundError as error:
        raise BadInput(f"The plan {file} does not exist; make one with `stillthere plan --out {file}`.") from error
    except OSError as error:
        raise BadInput(
            f"The plan {file} could not be read ({error.strerror}); give the file that `stillthere plan --out` wrote."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{file} was read as a plan, but it is none ({error}); make one with `stillthere plan --out {file}`.") from error
    known = {(one.table, one.name) for one in FIELDS}
    unknown = [place for place in zip(plan.cells["table"], plan.cells["field"], strict=True) if place not in known]
    if unknown:
        raise BadInput(f"The plan {file} names {'.'.join(unknown[0])}, which is no field of this version; make a new plan.")
    if for_accounts != accounts:
        raise BadInput(f"The plan {file} was made for the accounts {for_accounts}, and these are {accounts}; make a new plan.")
    return plan


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if not pd.isna(value)} for row in frame.to_dict("records")]
