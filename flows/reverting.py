"""Taking a run back: what it overwrote is put back where the present value is still ours, and what it raised is closed. Itself a run.

Read and write go together, some records at a time: what was decided rests on values that are a moment old. Each chunk is journalled before it
is sent, so a revert that was killed is settled by the next run, and started again it does what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pandas as pd

from flows.applying import TASKS_AT_ONCE, absorb, apply_tasks, write_cells
from flows.holding import fields_of
from flows.memory import give_back
from flows.outcome import Outcome, summarise
from flows.recovery import recover
from flows.work import Work
from store.mentions import ERASED_TEXT
from store.retention import LET_GO
from transforms.crms import crm_name
from transforms.reverting import Verdict, decide_cells, decide_tasks
from transforms.vocabulary.changes import CELLS, TASKS, Fate, WriteReport
from transforms.vocabulary.errors import BadInput, RefusedToGuess, SomeCrmsFailed
from transforms.vocabulary.tables import empty_table, to_table

CONFLICT = "CONFLICT"
KIND = "revert"
LAST = "last"
RECORDS_READ = 10_000
"""Records whose history is read from the journal at once; all of them would take much memory."""

SHOWN_RUNS = 5
"""So many runs are named where the one that was asked for is none of them."""


@dataclass
class Reverted:
    """What became (or, where nothing is written, would become) of all that a run wrote.

    ``cells`` and ``tasks`` hold what was decided, frame by frame, with verdict and why; cells that were put back are in it only where
    nothing was written, since they are many and the journal has them. ``counts`` counts cells and tasks by verdict; ``records`` counts
    the records of the cells put back, and ``erased`` records and tasks of which nothing is kept.
    """

    run_id: str
    erased: int = 0
    records: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {"cells": Counter(), "tasks": Counter()})
    cells: list[pd.DataFrame] = field(default_factory=list)
    tasks: pd.DataFrame = field(default_factory=lambda: empty_table(TASKS).assign(verdict="", why=""))

    def listed(self, verdict: Verdict) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The cells and the tasks with that verdict."""
        parts = [part[part["verdict"] == verdict] for part in self.cells]
        cells = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*CELLS.names, "verdict"])
        return cells, self.tasks[self.tasks["verdict"] == verdict]

    @property
    def conflicts(self) -> int:
        """How many cells and tasks were left because somebody else changed them."""
        return sum(by[Verdict.CONFLICT] for by in self.counts.values())


def find_run(work: Work, name: str) -> str:
    """The run of that id, or the only one whose id begins so, or with ``last`` the latest that wrote and was no revert. Raises BadInput."""
    runs = work.journal.runs()
    writers = work.journal.writers()
    if name == LAST:
        found = runs.loc[runs["run_id"].isin(writers) & (runs["kind"] != KIND), "run_id"].tolist()[-1:]
    else:
        ids = runs["run_id"].tolist()
        found = [name] if name in ids else [one for one in ids if name and one.startswith(name)]
    if len(found) == 1:
        return str(found[0])
    known = [one for one in runs["run_id"] if one in writers][: -SHOWN_RUNS - 1 : -1]
    there_is = f"the latest that wrote are {', '.join(known)}" if known else "no run has written anything yet"
    if found:
        raise BadInput(f"{len(found)} runs begin with {name}: {', '.join(found[:SHOWN_RUNS])}; give more of the id of one of them.")
    raise BadInput(f"The run {name} was to be taken back, and there is none of that id; {there_is} (`stillthere runs` lists all).")


def ready_revert(work: Work, run_id: str, done: Outcome | None) -> Reverted:
    """All that comes before the first write: every CRM that is needed answers, and what killed runs left open is settled. Writes nothing in any CRM.

    Here and in what follows ``done`` None means that it is only said what would be done. Raises where the values of the run are kept no more.
    """
    work.journal.check_values(run_id)
    _check(work, run_id, done)
    if done is not None:
        done.recovered = sum(recover(work, name) for name in work.journal.written_to(run_id))
    return Reverted(run_id, erased=work.journal.erased(run_id))


def put_back_fields(work: Work, found: Reverted, done: Outcome | None) -> None:
    """Read the cells of the run and write those that go back, some records at a time."""
    merged = _merged(work)
    written: set[tuple[str, str]] = set()
    for crm, table, rows in _chunks(work, found.run_id):
        decided = _decide(work, crm, table, rows, found.run_id, merged)
        restored = decided[decided["verdict"] == Verdict.RESTORED]
        found.counts["cells"].update(decided["verdict"].tolist())
        found.records += restored["record_id"].nunique()
        if done is None:
            found.cells.append(decided)
            continue
        found.cells.append(decided[~decided["verdict"].isin([Verdict.RESTORED, Verdict.AS_BEFORE])])
        if len(restored):
            write_cells(work, done.run.run_id, _to_cells(restored, found.run_id), done.applied)
            written.add((crm, table))
    for crm, table in sorted(written):
        absorb(work, work.crm(crm), table)


def finish(work: Work, found: Reverted, done: Outcome) -> dict[str, Any]:
    """The run in numbers, with the conflicts among the rows that failed."""
    done.applied.failed += _conflicts(found)
    done.run.summary |= {**summarise(work, done), "reverts": found.run_id, "reverted": to_summary(found)}
    return done.run.summary


def _conflicts(found: Reverted) -> list[WriteReport]:
    """Conflicts as rows that were not written. Without values: this is kept, and shown where values have no place."""
    cells, tasks = found.listed(Verdict.CONFLICT)
    message = "this was left as it is: {}; see the record, and change it by hand where it should go back."
    return [
        *(
            WriteReport(one.crm, one.table, one.record_id, Fate.FAILED, CONFLICT, f"{one.field}: {message.format(one.why)}")
            for one in cells.itertuples()
        ),
        *(WriteReport(one.crm, "tasks", one.task_key, Fate.FAILED, CONFLICT, message.format(one.why)) for one in tasks.itertuples()),
    ]


def to_summary(found: Reverted) -> dict[str, object]:
    """What is kept of a revert beside its failed rows: numbers."""
    return {"cells": dict(found.counts["cells"]), "tasks": dict(found.counts["tasks"]), "erased": found.erased}


def _check(work: Work, run_id: str, done: Outcome | None) -> None:
    """Raise where the run is still under way, where a CRM that it wrote to is not connected, another account, or does not answer."""
    run = work.journal.runs().set_index("run_id").loc[run_id]
    if run["status"] == "running":
        raise RefusedToGuess(
            f"The run {run_id} was to be taken back, and it is still under way; wait for its end, or stop it, and try again."
        )
    made_in = orjson.loads(run["summary"] if isinstance(run["summary"], str) else "{}").get("accounts", {})
    for name in work.journal.written_to(run_id):
        crm = work.crm(name)
        if name in work.failed:
            error = work.failed[name]
            raise SomeCrmsFailed(
                f"{crm_name(name)} failed: {error} Nothing was put back yet; start the same revert again.", error.exit_code
            )
        account = (done.checkups[name] if done is not None else crm.greet()).account
        if made_in.get(name, account) != account:
            raise BadInput(
                f"The run {run_id} wrote to the account {made_in[name]}, and the credentials now lead to {account}; "
                "set those of the first one, then try again."
            )


def _chunks(work: Work, run_id: str) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """What was written in one CRM and table, and since then, some whole records at a time. Read in larger parts: the journal is long."""
    for (crm, table), records in work.journal.records_of(run_id).groupby(["crm", "table"], sort=True):
        ids, size, done = sorted(records["record_id"]), work.crm(str(crm)).records_at_once, 0
        for first in range(0, len(ids), RECORDS_READ):
            rows = work.journal.cells_since(run_id, ids[first : first + RECORDS_READ])
            rows = rows[(rows["crm"] == crm) & (rows["table"] == table)]
            place = rows["record_id"].map({record: number // size for number, record in enumerate(ids)})
            for _, chunk in rows.groupby(place, sort=True):
                yield str(crm), str(table), chunk
                done += chunk["record_id"].nunique()
                work.progress(f"{crm} {table} taken back", done, len(ids))
                work.go_on()
            give_back()


def _decide(work: Work, crm: str, table: str, rows: pd.DataFrame, run_id: str, merged: dict[str, dict[str, str]]) -> pd.DataFrame:
    fields = fields_of(rows, table)
    known = rows[rows["field"].isin([f.name for f in fields])]  # what an earlier version wrote into a field that is none any more stays
    ids = known["record_id"].unique().tolist()
    standing = work.crm(crm).current(table, ids, fields)
    there = set(standing["record_id"])
    missing = [one for one in ids if one not in there]
    # The lake knows the merges of the last pull, and also those that the CRM has forgotten; the CRM knows those since.
    into = {**(merged.get(crm, {}) if table == "contacts" else {}), **(work.crm(crm).merged_into(table, missing) if missing else {})}
    decided = decide_cells(known, run_id, standing, into)
    return decided.assign(crm=crm, table=table)


def _to_cells(restored: pd.DataFrame, run_id: str) -> pd.DataFrame:
    """The cells to write: what stands there now is the old value, so that this run can be taken back as well."""
    cells = restored.rename(columns={"present": "old", "before": "new"}).assign(reason=f"the run {run_id} was taken back")
    return to_table(CELLS, cells[CELLS.names], source="the revert")


def put_back_tasks(work: Work, found: Reverted, done: Outcome | None) -> None:
    """Look at the tasks of the run and close, or give back, those that nobody touched, some at a time."""
    history = work.journal.tasks_ever(found.run_id)
    # As they were last known, so that they are asked for by id; one whose making nobody confirmed is asked for by its key.
    known = history.assign(task_id=history.groupby(["crm", "task_key"])["task_id"].ffill()).drop_duplicates(
        ["crm", "task_key"], keep="last"
    )
    for crm, of_crm in known.sort_values("task_key").groupby("crm", sort=True):
        for first in range(0, len(of_crm), TASKS_AT_ONCE):
            part = of_crm.iloc[first : first + TASKS_AT_ONCE]
            present = work.crm(str(crm)).current_tasks(to_table(TASKS, part[TASKS.names]))
            lot = history[(history["crm"] == crm) & history["task_key"].isin(part["task_key"])]
            decided = decide_tasks(lot, found.run_id, present, (ERASED_TEXT, LET_GO))
            found.tasks = pd.concat([found.tasks, decided], ignore_index=True) if len(found.tasks) else decided
            found.counts["tasks"].update(decided["verdict"].tolist())
            if done is not None:
                due = decided.loc[decided["verdict"].isin([Verdict.CLOSED, Verdict.RESTORED]), TASKS.names]
                apply_tasks(work, done.run.run_id, empty_table(TASKS), due.reset_index(drop=True), done.applied)
            work.progress(f"{crm} tasks taken back", min(first + TASKS_AT_ONCE, len(of_crm)), len(of_crm))
            work.go_on()


def _merged(work: Work) -> dict[str, dict[str, str]]:
    """For each CRM the contacts that were merged away, and what they went into, as far as the lake knows."""
    contacts = work.lake.read("contacts", columns=["crm", "contact_id", "merged_into"]).dropna(subset="merged_into")
    return {str(crm): dict(zip(rows["contact_id"], rows["merged_into"], strict=True)) for crm, rows in contacts.groupby("crm", sort=True)}
