"""``stillthere sync`` and ``backfill``: the runs that a person starts by hand."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from flows.answer import DONE, SOME_ROWS_FAILED, Answer
from flows.kept_plans import KIND, open_plan, ready_plan
from flows.orchestration import Places, runtime
from flows.outcome import Outcome
from flows.plan_text import render_refused
from flows.pull import TABLES, pull_all
from flows.quota import quota_of, take_up, told_of_estimate
from flows.render import render_sync
from flows.running import begin_run
from flows.settings import Settings, load_settings
from flows.terminal import progress_bars
from flows.work import Work, open_work
from transforms.vocabulary.errors import BadInput


def run_sync(*, plan_file: Path | None, quiet: bool, at: Places = runtime) -> Answer:
    """A whole sync, or the writing of one plan. ``at`` is where the flow runs."""
    settings = load_settings()
    done = apply_file(settings, plan_file, quiet=quiet, at=at) if plan_file else full_sync(settings, quiet=quiet)[1]
    exit_code = SOME_ROWS_FAILED if done.applied.failed else DONE
    data = done.run.summary | ({"refused": [dataclasses.asdict(one) for one in done.refused]} if plan_file else {})
    return Answer(data, [*render_sync(done), *render_refused(done)], exit_code)


def full_sync(settings: Settings, *, quiet: bool) -> tuple[Work, Outcome]:
    """Sync under Prefect. The pull begins at once, while Prefect and its server start."""
    with progress_bars(quiet=quiet) as progress:
        work = open_work(settings, progress=progress)
        with begin_run(work, "sync") as done, runtime(settings.home) as place:
            work.stopping = place.stopping
            begin_ahead(work, place.begin(pull_all, work))
            from flows.sync import sync  # noqa: PLC0415 - imports Prefect, while the pull goes on

            place.run(sync)
    return work, done


def begin_ahead(work: Work, pulling: Future[Any]) -> None:
    """Let the flow's pull join the one that has begun."""
    work.ahead["pull"] = lambda _work: pulling.result()


def apply_file(settings: Settings, file: Path, *, quiet: bool, at: Places = runtime) -> Outcome:
    """Apply exactly the plan of that file. Cells whose present value is no longer the planned old one are refused and listed."""
    kept = open_plan(file)
    with progress_bars(quiet=quiet) as progress:
        work = open_work(settings, progress=progress)
        with begin_run(work, KIND) as done, at(settings.home) as place:
            work.stopping = place.stopping
            applying = ready_plan(work, file, done, kept)  # while Prefect's server starts
            work.ahead["check"] = lambda *_: applying
            from flows.apply_plan import apply_plan  # noqa: PLC0415 - imports Prefect, while its server starts

            place.run(apply_plan, file)
    return done


def run_backfill(*, since: str, estimate: bool, quiet: bool) -> Answer:
    """Bring history since that day, or only say what it would take."""
    day = _day(since)
    settings = load_settings()
    start = pd.Timestamp(day, tz="UTC").to_pydatetime()
    if estimate:
        return _estimate(open_work(settings), start)
    with progress_bars(quiet=quiet) as progress:
        work = open_work(settings, progress=progress)
        with begin_run(work, "backfill") as done, runtime(settings.home) as place:
            work.stopping = place.stopping
            begin_ahead(work, place.begin(pull_all, work, start))
            from flows.backfill import backfill  # noqa: PLC0415 - imports Prefect, while the pull goes on

            place.run(backfill, day)
    return Answer(done.run.summary, render_sync(done))


def _estimate(work: Work, start: datetime) -> Answer:
    """How many records and calls each extract would take, and how that compares with the calls that are left today."""
    table = Table("CRM", "Extract", "Records", "Calls", box=None)
    checkups = {name: crm.greet() for name, crm in work.crms.items()}
    take_up(work, checkups)
    rows, told = [], []
    for name, crm in work.crms.items():
        estimates = [e for of in TABLES for e in crm.estimate(of, None, start)]
        for one in estimates:
            rows.append({"crm": name, **dataclasses.asdict(one)})
            table.add_row(name, one.stream, f"{one.records:,}", f"{one.calls:,}")
        told.append(told_of_estimate(name, sum(one.calls for one in estimates), crm.quota()))
    data = {
        "since": start.date().isoformat(),
        "extracts": rows,
        "calls": sum(row["calls"] for row in rows),
        "calls_left": {name: crm.calls_left() for name, crm in work.crms.items()},
        "quota": quota_of(work, {name: one.account for name, one in checkups.items()}, ()),
    }
    return Answer(data, [table, f"{sum(row['records'] for row in rows):,} records in {data['calls']:,} calls.", *told])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} was given as the first day of history, but it is no date; write it as 2023-01-31.") from error
