"""``stillthere status`` and ``runs``: where things stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from flows.answer import Answer
from flows.outcome import read_summary, told_unread, unread_in
from flows.quota import go_on, next_pull
from flows.settings import load_settings
from flows.work import Work, open_work
from transforms.crms import crm_name
from transforms.vocabulary.changes import Unread

RUN_ID_WIDTH = 21


def run_status() -> Answer:
    """The last run, what the lake holds, what is waiting. Asks no CRM."""
    work = open_work(load_settings(), offline=True)
    runs = runs_so_far(work)
    crms = {table: work.lake.read(table, columns=["crm"])["crm"] for table in ("contacts", "companies", "activities", "owners")}
    holds = {table: len(rows) for table, rows in crms.items()}
    by_crm = {crm: {table: int((rows == crm).sum()) for table, rows in crms.items()} for crm in sorted(set().union(*crms.values()))}
    tasks = work.journal.tasks()
    waiting = len(work.journal.unsettled())
    quota = quota_so_far(runs)
    unread = next((unread_in(run["summary"]) for run in runs if run["summary"].get("pulled")), {})
    data = {
        "home": str(work.settings.home),
        "lake": work.settings.lake_url,
        "holds": holds,
        "by_crm": by_crm,
        "connected": list(work.settings.connected),
        "open_tasks": int((tasks["state"] == "open").sum()),
        "unsettled_cells": waiting,
        "quota": quota,
        "unread": {crm: [told_unread(one) for one in found] for crm, found in unread.items()},
        "last_run": runs[0] if runs else None,
    }
    counts = ", ".join(f"{count:,} {table}" for table, count in holds.items())
    last = (
        f"Last run: {runs[0]['kind']} {runs[0]['run_id']}, {runs[0]['status']}{_as_of(runs[0])}.{_why(runs[0])}"
        if runs
        else "No run yet; start one with `stillthere sync`."
    )
    text = [escape(last), f"The lake holds {counts}; it lies in {work.settings.lake_url}."]
    if len(by_crm) > 1:
        for crm, of_crm in by_crm.items():
            told = ", ".join(f"{count:,} {table}" for table, count in of_crm.items())
            tasks_there = int(((tasks["state"] == "open") & (tasks["crm"] == crm)).sum())
            text.append(
                f"  {crm_name(crm)}: {told}; {tasks_there:,} open tasks{'' if crm in work.settings.connected else '; not connected now'}."
            )
    text += [line for crm, found in unread.items() for line in _of_unread(crm, found)]
    text += _of_quota(quota)
    text.append(f"{data['open_tasks']:,} of our tasks are open.")
    if waiting:
        text.append(f"{waiting} cells were sent by a run that was killed; the next sync looks them up first.")
    return Answer(data, text)


def _of_unread(crm: str, found: Sequence[Unread]) -> list[str]:
    """A sentence for each kind of activity that may not be read."""
    return [f"{crm_name(crm)}: {one.stream} are not read, because {one.lacks} is missing; {one.advice}." for one in found]


def quota_so_far(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For each CRM the calls of the last run that ended, and how many the next pull is forecast to take."""
    last: dict[str, Any] = next((quota for run in runs if (quota := run["summary"].get("quota"))), {})
    return {name: {**one, "next_pull": next_pull(runs, name)} for name, one in last.items()}


def _of_quota(quota: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Two sentences a CRM at most: what is known of its calls, and when to go on where ours were used up."""
    lines = []
    for name, one in quota.items():
        told = []
        if one["left"] is not None:
            told.append(f"{one['left']:,} calls were left after the last run, {one['reserve']:,} of them for others")
        if one["next_pull"] is not None:
            told.append(f"the next pull is forecast to take {one['next_pull']:,}")
        if told:
            lines.append(f"{crm_name(name)}: {'; '.join(told)}.")
        if one["is_spent"]:
            lines.append(f"{crm_name(name)}: our calls were used up; run again {go_on(one['go_on_at'])}, and it goes on where it stopped.")
    return lines


def _as_of(run: dict[str, Any]) -> str:
    return f", as of {pd.Timestamp(run['as_of']):%d %b %Y %H:%M} UTC" if run["as_of"] is not None else ""


def run_runs(*, limit: int) -> Answer:
    """The runs so far, the newest first."""
    runs = runs_so_far(open_work(load_settings(), offline=True))[:limit]
    table = Table("Run", "Kind", "As of", "Status", "Cells", "Tasks", "Failed", "Calls", box=None)
    table.columns[0].no_wrap = True  # `stillthere revert` asks for it
    table.columns[0].min_width = RUN_ID_WIDTH
    for run in runs:
        summary = run["summary"]
        written = summary.get("written", {})
        calls = sum(sum(by.values()) for by in summary.get("calls", {}).values())
        tasks = sum(written.get("tasks", {}).values())
        table.add_row(
            run["run_id"],
            run["kind"],
            "" if run["as_of"] is None else str(run["as_of"])[:16],
            run["status"],
            f"{written.get('cells', 0):,}",
            f"{tasks:,}",
            f"{summary.get('failed_count', 0):,}",
            f"{calls:,}",
        )
    ended = [f"{run['run_id']} {run['status']}.{why}" for run in runs if (why := _why(run))]
    return Answer({"runs": runs}, [table, *map(escape, ended)] if runs else ["No run yet; start one with `stillthere sync`."])


def _why(run: Mapping[str, Any]) -> str:
    """When a run was tried that did not do what it was to do, and why it ended; empty for others."""
    if not (error := run["summary"].get("error")):
        return ""
    return f" Tried {pd.Timestamp(run['started_at']):%d %b %Y %H:%M} UTC; it ended with: {error}"


def runs_so_far(work: Work) -> list[dict[str, Any]]:
    """Every run with its summary read, the newest first."""
    frame = work.journal.runs().sort_values("started_at", ascending=False)
    return [
        {**{name: None if pd.isna(value) else value for name, value in row.items()}, "summary": read_summary(row["summary"])}
        for row in frame.to_dict("records")
    ]
