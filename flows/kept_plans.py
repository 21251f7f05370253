"""Applying a plan that was kept in a file: what must hold before anything is written, then cells and tasks, each chunk looked at before it is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from flows.applying import apply_cells, apply_tasks
from flows.guards import guard_file
from flows.outcome import Outcome, summarise
from flows.plan_files import KeptPlan, check_accounts, need_untouched, read_plan
from flows.quota import forecast_writes
from flows.recovery import recover
from flows.staleness import Inspection
from flows.work import Work

KIND = "apply plan"


@dataclass
class Applying:
    """A plan that may be applied, on its way into the CRMs."""

    work: Work
    done: Outcome
    of: KeptPlan
    look: Inspection

    def write_fields(self) -> None:
        """Write the cells that are still due; refuse the stale ones."""
        sent = apply_cells(self.work, self.done.run.run_id, self.of.plan.cells, self.done.applied, self.look.cells)
        self.done.plan = replace(self.of.plan, cells=self.of.plan.cells.iloc[np.sort(sent)])

    def write_tasks(self) -> None:
        """Create and change the tasks that are still due; refuse the stale ones."""
        plan = self.done.plan or self.of.plan
        run_id, applied = self.done.run.run_id, self.done.applied
        create, update = apply_tasks(self.work, run_id, plan.create, plan.update, applied, self.look.tasks)
        self.done.plan = replace(plan, create=create, update=update)

    def finish(self) -> dict[str, Any]:
        """The run in numbers, with what was refused among the rows that failed."""
        self.done.standing = self.look.standing
        self.done.applied.failed[:0] = [one.report() for one in self.look.refused]
        self.done.run.summary |= summarise(self.work, self.done)
        return self.done.run.summary


def open_plan(file: Path) -> KeptPlan:
    """The plan of a file, unless it was changed after its approval. Asks no CRM."""
    of = read_plan(file)
    need_untouched(of, file)
    return of


def ready_plan(work: Work, file: Path, done: Outcome, of: KeptPlan | None = None) -> Applying:
    """All that comes before the first write: the accounts, the guards, what a killed run left open, the forecast. Writes nothing in any CRM.

    ``of`` is the plan of the file where it was read already.
    """
    of = of or open_plan(file)
    work.need_all()
    check_accounts(of.plan, done.accounts, file)
    guard_file(work, of, file)
    done.recovered = sum(recover(work, name) for name in work.crms)
    forecast_writes(work, of.plan.cells, of.plan.create, of.plan.update)
    note = {"as_of": of.plan.as_of.isoformat(), "file": file.name, "approved_by": of.approval.by if of.approval else None}
    work.journal.save_plan(done.run.run_id, of.plan.cells, of.plan.create, note)
    look = Inspection(work)
    done.plan, done.refused = of.plan, look.refused
    return Applying(work, done, of, look)
