"""A plan as text for people: what would change, who approved it, and what was refused when it was applied."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from flows.outcome import Outcome
from flows.plan_files import KeptPlan
from flows.planning import Plan
from flows.render import SHOWN_FAILURES, render_alerts
from transforms.crms import crm_name

LONG = 90
"""Of a longer text the plan in the terminal shows the beginning; the file, the page and ``--json`` have all of it."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal would act on in place of showing it. Values may come from people outside."""


def render_plan(of: KeptPlan, *, limit: int, file: Path | None, page: Path | None = None) -> list[RenderableType]:
    """The plan: how much would change by field, the first cells and tasks one by one, and how to go on. ``file``: where it is kept."""
    plan = of.plan
    pages = [f"The page is {page}."] if page else []
    if plan.is_empty:
        return ["Nothing would change: the CRM holds what was computed.", *pages, *render_alerts(plan.alerts)]
    head = f"[bold]{len(plan.cells):,} cells[/bold] on {plan.cells.groupby(['crm', 'table', 'record_id']).ngroups:,} records would change."
    tasks = f"{len(plan.create):,} tasks would be created, {len(plan.update):,} changed or closed, {of.held_back:,} held back."
    shown = [*_cells(plan, limit), tasks, *_tasks(plan, limit)]
    return [head, *shown, _approval(of), _ending(of, file), *pages, *render_alerts(plan.alerts)]


def _cells(plan: Plan, limit: int) -> list[RenderableType]:
    counts = Table("CRM", "Where", "Field", "Cells", box=None)
    for (crm, table, name), count in plan.cells.groupby(["crm", "table", "field"], sort=True).size().items():
        counts.add_row(crm_name(str(crm)), str(table), str(name), f"{count:,}")
    cells = Table("Record", "Field", "Old → new", "Why", box=None)
    for row in plan.cells.head(limit).itertuples():
        change = escape(f"{_shown(row.old)} → {_shown(row.new)}")
        cells.add_row(f"{row.crm} {row.table} {row.record_id}", row.field, change, escape(_shown(row.reason)))
    return [counts, "", cells, ""] if len(plan.cells) else []


def _tasks(plan: Plan, limit: int) -> list[RenderableType]:
    table = Table("Contact", "", "Task", "Why", box=None)
    rows = pd.concat(
        [plan.create.assign(what="new"), plan.update.assign(what=plan.update["state"].map({"closed_by_us": "close"}).fillna("change"))]
    )
    for row in rows.head(limit).itertuples():
        table.add_row(f"{row.crm} {row.contact_id}", row.what, escape(_shown(row.subject)), escape(_shown(row.reason)))
    return [table, ""] if len(rows) and limit else []


def _approval(of: KeptPlan) -> str:
    if of.approval is None:
        return "Nobody has approved it."
    told = f"Approved by {escape(of.approval.by)} on {escape(of.approval.at)}"
    return f"[red]{told}, and changed after that: it will not be applied.[/red]" if of.is_changed else f"{told}."


def _ending(of: KeptPlan, file: Path | None) -> str:
    if file is None:
        return "Nothing was written. Keep it with --out FILE."
    approve = "" if of.approval is not None and not of.is_changed else f"; approve it with `stillthere plan --read {file} --approve NAME`"
    return f"It is kept in {file}{approve}; apply exactly this with `stillthere sync --plan {file}`."


def render_refused(done: Outcome) -> list[RenderableType]:
    """Every cell and task of a kept plan that was refused: the planned old value and the present one; the first ones where there are many."""
    parts: list[RenderableType] = []
    if done.standing:
        parts += ["", f"{done.standing:,} cells and tasks stood already as they were planned."]
    if not done.refused:
        return parts
    table = Table("Record", "Field", "Planned old", "Present", "Planned new", "Why", box=None)
    for one in done.refused[:SHOWN_FAILURES]:
        values = [escape(_shown(value)) if one.field else "" for value in (one.planned_old, one.present, one.planned_new)]
        table.add_row(f"{one.crm} {one.table} {one.key}", one.field, *values, escape(one.message))
    more = len(done.refused) - SHOWN_FAILURES
    ending = [f"… and {more:,} more; `stillthere sync --plan FILE --json` lists all of them."] if more > 0 else []
    return [*parts, "", f"[red]{len(done.refused):,} refused[/red]: the CRM changed after the plan was made.", table, *ending]


def _shown(value: object) -> str:
    text = "(empty)" if pd.isna(value) else _CONTROL.sub("·", str(value))
    return text if len(text) <= LONG else f"{text[:LONG].rstrip()} …"
