"""``stillthere revert``: take a run back."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from flows.answer import DONE, SOME_ROWS_FAILED, Answer
from flows.orchestration import Places, runtime
from flows.outcome import Outcome
from flows.render import render_failures
from flows.reverting import CONFLICT, KIND, Reverted, find_run, put_back_fields, put_back_tasks, ready_revert
from flows.running import begin_run
from flows.settings import load_settings
from flows.terminal import progress_bars
from flows.work import Work, open_work
from transforms.crms import crm_name
from transforms.reverting import Verdict
from transforms.vocabulary.changes import WriteReport

SHOWN, CONFLICTS_SHOWN = 20, 200
"""So many rows of a sort are shown in the terminal; ``--json`` has all of them."""

LONG = 45
"""Of a longer value its beginning is shown."""

_CHANGES = {("present", "before"): "Now → back to", ("wrote", "present"): "We wrote → there is now"}
_CELL = ["crm", "table", "record_id", "field", "before", "wrote", "present", "why"]
_TASK = ["crm", "task_key", "task_id", "contact_id", "play", "subject", "state", "why"]


def run_revert(*, run: str, dry_run: bool, quiet: bool, at: Places = runtime) -> Answer:
    """Put back what that run overwrote, or with ``dry_run`` only say what would be put back. ``at`` is where its flow runs."""
    with progress_bars(quiet=quiet) as progress:
        work = open_work(load_settings(), progress=progress)
        run_id = find_run(work, run)
        work.journal.check_values(run_id)
        done = None
        if not work.journal.written_to(run_id):
            found = Reverted(run_id, erased=work.journal.erased(run_id))
        elif dry_run:
            found = ready_revert(work, run_id, None)
            put_back_fields(work, found, None)
            put_back_tasks(work, found, None)
        else:
            with begin_run(work, KIND, options={"reverts": run_id}) as done, at(work.settings.home) as place:
                work.stopping = place.stopping
                found = ready_revert(work, run_id, done)  # while Prefect's server starts
                work.ahead["check"] = lambda *_: found
                from flows.revert import revert  # noqa: PLC0415 - imports Prefect, while its server starts

                place.run(revert, run_id)
    exit_code = SOME_ROWS_FAILED if found.conflicts or (done is not None and done.applied.failed) else DONE
    return Answer(to_data(found, done, dry_run=dry_run), render_revert(found, done, work, dry_run=dry_run), exit_code)


def to_data(found: Reverted, done: Outcome | None, *, dry_run: bool) -> dict[str, Any]:
    """The revert as plain data: counts, and every cell and task that was left, with why."""
    failed = _refused(done)
    failed_tasks = {(report.crm, report.key) for report in failed if report.table == "tasks"}
    cells, tasks = found.counts["cells"], found.counts["tasks"]
    tasks_by = {verdict: _failed_among(found, verdict, failed_tasks) for verdict in (Verdict.CLOSED, Verdict.RESTORED)}
    lists = {
        name: found.listed(verdict) for name, verdict in (("conflicts", Verdict.CONFLICT), ("left", Verdict.LEFT), ("gone", Verdict.GONE))
    }
    data: dict[str, Any] = {
        "run_id": done.run.run_id if done is not None else None,
        "reverts": found.run_id,
        "dry_run": dry_run,
        "cells": {
            "restored": done.applied.cells if done is not None else cells[Verdict.RESTORED],
            **{str(verdict): cells[verdict] for verdict in (Verdict.AS_BEFORE, Verdict.CONFLICT, Verdict.GONE, Verdict.ERASED)},
        },
        "records": done.applied.records if done is not None else found.records,
        "tasks": {
            "closed": tasks[Verdict.CLOSED] - tasks_by[Verdict.CLOSED],
            "restored": tasks[Verdict.RESTORED] - tasks_by[Verdict.RESTORED],
            **{
                str(verdict): tasks[verdict]
                for verdict in (Verdict.AS_BEFORE, Verdict.CONFLICT, Verdict.LEFT, Verdict.GONE, Verdict.ERASED)
            },
        },
        "erased": found.erased,
        **{name: [*_records(of_cells, _CELL), *_records(of_tasks, _TASK)] for name, (of_cells, of_tasks) in lists.items()},
        "failed": [{"crm": one.crm, "table": one.table, "key": one.key, "code": one.code, "message": one.message} for one in failed],
    }
    if dry_run:
        restored, (_, closed) = found.listed(Verdict.RESTORED), found.listed(Verdict.CLOSED)
        data["would_restore"] = [*_records(restored[0], _CELL), *_records(restored[1], _TASK)]
        data["would_close"] = _records(closed, _TASK)
    if done is not None:
        data["calls"] = done.run.summary["calls"]
    return data


def render_revert(found: Reverted, done: Outcome | None, work: Work, *, dry_run: bool) -> list[RenderableType]:
    """The revert in a few lines, then what was left, one by one."""
    run = work.journal.runs().set_index("run_id").loc[found.run_id]
    name = f"{found.run_id} ({run['kind']}, {run['status']})"
    if not any(by.total() for by in found.counts.values()):
        told = (
            f"{found.erased:,} records or tasks that it wrote were erased since, nothing of them is kept"
            if found.erased
            else "it wrote nothing"
        )
        return [f"There is nothing of the run {escape(name)} to take back: {told}. Nothing was changed."]
    data = to_data(found, done, dry_run=dry_run)
    lines = Table.grid(padding=(0, 2))
    lines.add_row("cells", _cells_told(data, dry_run=dry_run))
    if found.counts["tasks"].total():
        lines.add_row("tasks", _tasks_told(data["tasks"], dry_run=dry_run))
    if found.erased:
        lines.add_row("erased", f"{found.erased:,} records or tasks: the persons were erased, and nothing of them is kept")
    is_written = done is not None and bool(done.applied.cells or done.applied.tasks.total())
    if done is not None:
        lines.add_row("run", done.run.run_id)
        if is_written:
            lines.add_row("undo", f"stillthere revert {done.run.run_id}")
    head = "would be taken back" if dry_run else "was taken back" if is_written else "has nothing to put back now"
    (restored, tasks_restored), (_, closed) = found.listed(Verdict.RESTORED), found.listed(Verdict.CLOSED)
    cells_left, tasks_left = found.listed(Verdict.CONFLICT)
    text: list[RenderableType] = [f"[bold]{escape(name)}[/bold] {head}", "", lines]
    if dry_run:
        text += _cells_shown("Would be put back", restored, ("present", "before"))
        text += _tasks_shown("Tasks that would be put back as before", tasks_restored)
        text += _tasks_shown("Tasks that would be closed", closed)
    text += _cells_shown("Conflicts: somebody else changed them, so they are left", cells_left, ("wrote", "present"), limit=CONFLICTS_SHOWN)
    text += _tasks_shown("Tasks in conflict: somebody else changed them, so they are left", tasks_left, limit=CONFLICTS_SHOWN)
    text += _tasks_shown("Tasks with nothing to do", found.listed(Verdict.LEFT)[1])
    text += _gone_shown(*found.listed(Verdict.GONE))
    text += render_failures(_refused(done))
    if dry_run:
        text += ["", "Nothing was written."]
    elif is_written:
        text += ["", "The next sync computes and writes anew: change the settings or pause the schedule first (docs/revert.md)."]
    return text


def _refused(done: Outcome | None) -> list[WriteReport]:
    """What the CRM did not take."""
    return [] if done is None else [report for report in done.applied.failed if report.code != CONFLICT]


def _failed_among(found: Reverted, verdict: Verdict, failed: set[tuple[str, str]]) -> int:
    _, tasks = found.listed(verdict)
    return sum(key in failed for key in zip(tasks["crm"], tasks["task_key"], strict=True))


def _cells_told(data: dict[str, Any], *, dry_run: bool) -> str:
    cells = data["cells"]
    verb = "would be put back" if dry_run else "put back"
    told = [f"{cells['restored']:,} {verb} on {data['records']:,} records"]
    words = {
        "as_before": "stood as before already",
        "conflict": "conflict" if cells["conflict"] == 1 else "conflicts",
        "gone": "on records that are gone",
        "erased": "erased, nothing kept",
    }
    return " · ".join([*told, *(f"{cells[name]:,} {word}" for name, word in words.items() if cells[name])])


def _tasks_told(tasks: dict[str, int], *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    words = {
        "closed": f"{would}closed",
        "restored": f"{would}put back as before",
        "as_before": "stood as before already",
        "conflict": "conflict" if tasks["conflict"] == 1 else "conflicts",
        "left": "left, nothing to do",
        "gone": "gone",
        "erased": "erased, nothing kept",
    }
    return " · ".join(f"{tasks[name]:,} {word}" for name, word in words.items() if tasks[name])


def _cells_shown(title: str, cells: pd.DataFrame, change: tuple[str, str], *, limit: int = SHOWN) -> list[RenderableType]:
    """Cells one by one, with the two values that ``change`` names; the first ones where there are many."""
    if cells.empty:
        return []
    table = Table(box=None)
    table.add_column("Record", no_wrap=True)
    table.add_column("Field", no_wrap=True)
    table.add_column(_CHANGES[change])
    for cell in cells.head(limit).to_dict("records"):
        why = f" ({cell['why']})" if str(cell["why"]).startswith("merged") else ""
        told = " → ".join(_short(cell[name]) for name in change)
        table.add_row(f"{crm_name(cell['crm'])} {cell['table']} {cell['record_id']}", cell["field"], escape(told + why))
    return ["", f"[bold]{title}[/bold] ({len(cells):,})", table, *_more(len(cells), limit)]


def _tasks_shown(title: str, tasks: pd.DataFrame, *, limit: int = SHOWN) -> list[RenderableType]:
    """Tasks one by one, with why."""
    if tasks.empty:
        return []
    table = Table("Task", "Title", *(["Why"] if tasks["why"].any() else []), box=None)
    for task in tasks.head(limit).itertuples():
        table.add_row(f"{crm_name(str(task.crm))} {task.task_id}", escape(_short(task.subject)), *([str(task.why)] if task.why else []))
    return ["", f"[bold]{title}[/bold] ({len(tasks):,})", table, *_more(len(tasks), limit)]


def _gone_shown(cells: pd.DataFrame, tasks: pd.DataFrame) -> list[RenderableType]:
    """Records and tasks that are not there any more, in a line each."""
    names = [
        f"{crm_name(str(crm))} {table} {record}" for crm, table, record in cells[["crm", "table", "record_id"]].drop_duplicates().to_numpy()
    ]
    names += [f"{crm_name(str(task.crm))} task {task.task_id}" for task in tasks.itertuples()]
    return ["", f"[bold]Not there any more[/bold] ({len(names):,})", *names[:SHOWN], *_more(len(names), SHOWN)] if names else []


def _more(count: int, limit: int) -> list[RenderableType]:
    return [f"… and {count - limit:,} more; --json lists all of them."] if count > limit else []


def _short(value: object) -> str:
    text = "(empty)" if pd.isna(value) else str(value)
    return text if len(text) <= LONG else f"{text[:LONG].rstrip()} …"


def _records(frame: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """Rows as plain data; what is missing is null."""
    if frame.empty:
        return []
    values = [frame[name].astype(object).where(frame[name].notna(), None).tolist() for name in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
