"""A kept plan applied, told as a story: check, write, report. Prefect watches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow

from flows import artifacts
from flows.kept_plans import KIND, Applying, ready_plan
from flows.running import a_run
from flows.watching import step


@flow(name="apply-plan", persist_result=False)
def apply_plan(file: Path) -> dict[str, Any]:
    """Write exactly the plan of that file, a path where this run works, and refuse each cell and task that changed since (docs/plans.md)."""
    with a_run(KIND) as (work, done), artifacts.shown_progress(work):
        applying: Applying = step("check the plan", work.ahead.get("check") or ready_plan, work, file, done)
        step("write fields", applying.write_fields)
        step("write tasks", applying.write_tasks)
        summary = applying.finish()
        artifacts.publish(done.run.run_id, summary, done.plan.cells if done.plan is not None else None)
        return summary
