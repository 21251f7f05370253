"""A sync, told as a story: pull, compute, plan, write, report. Each step is a plain function; Prefect watches it."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows import artifacts
from flows.applying import apply_cells, apply_tasks
from flows.compute import compute, keep_card, keep_outcomes
from flows.guards import guard_run
from flows.memory import give_back
from flows.outcome import summarise
from flows.planning import make_plan
from flows.pull import pull_all
from flows.quota import forecast_writes
from flows.running import a_run
from flows.watching import each, step

RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=2)
"""Two lots are computed at a time. pandas lets go of the interpreter only in part, so more gain nothing."""


@flow(name="sync", task_runner=RUNNER, persist_result=False)
def sync() -> dict[str, Any]:
    """Pull what is new from the CRMs, compute every field, and write what differs, unless a guard stops it (flows/guards.py)."""
    with a_run("sync") as (work, done), artifacts.shown_progress(work):
        done.recovered, done.pulled = step("pull", work.ahead.get("pull") or pull_all, work)
        done.computation = compute(work, done.as_of, each)
        done.plan = step("plan", make_plan, work, done.computation, done.accounts)
        forecast_writes(work, done.plan.cells, done.plan.create, done.plan.update)
        give_back()
        keep_card(work, done.run.run_id, done.computation)
        keep_outcomes(work, done.run.run_id, done.computation)
        work.journal.save_plan(done.run.run_id, done.plan.cells, done.plan.create, {"as_of": done.as_of.isoformat()})
        done.run.summary |= summarise(work, done)  # also where a guard stops the run
        step("guards", guard_run, work, done.plan, done.run.run_id)
        give_back()
        step("write fields", apply_cells, work, done.run.run_id, done.plan.cells, done.applied)
        step("write tasks", apply_tasks, work, done.run.run_id, done.plan.create, done.plan.update, done.applied)
        give_back()
        done.run.summary |= summarise(work, done)
        artifacts.publish(done.run.run_id, done.run.summary, done.plan.cells)
        return done.run.summary
