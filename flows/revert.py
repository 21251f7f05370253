"""A run taken back, told as a story: check, put back, report. Prefect watches it."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows import artifacts
from flows.outcome import Outcome
from flows.reverting import KIND, Reverted, find_run, finish, put_back_fields, put_back_tasks, ready_revert
from flows.running import a_run
from flows.watching import step
from flows.work import Work


@flow(name="revert", persist_result=False)
def revert(run: str) -> dict[str, Any]:
    """Put back what that run overwrote, where the value is still ours, and close its tasks (docs/revert.md). ``run`` is an id, its beginning, or last."""
    with a_run(KIND, options={"reverts": run}) as (work, done), artifacts.shown_progress(work):
        found: Reverted = step("check the run", work.ahead.get("check") or _ready, work, run, done)
        step("put back fields", put_back_fields, work, found, done)
        step("put back tasks", put_back_tasks, work, found, done)
        summary = finish(work, found, done)
        artifacts.publish(done.run.run_id, summary, None)
        return summary


def _ready(work: Work, run: str, done: Outcome) -> Reverted:
    return ready_revert(work, find_run(work, run), done)
