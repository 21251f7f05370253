"""The third step of a run: which cells and tasks would change, as of one moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field

import pandas as pd

from flows.compute import Computation, Part, lot_standing
from flows.memory import give_back
from flows.work import Work
from transforms.fields import FIELDS
from transforms.plan import company_values, contact_values, plan_cells
from transforms.plays import TaskPlan, plan_tasks
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.tables import empty_table

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
