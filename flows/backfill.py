"""A backfill, told as a story: years of history, page by page, each page kept with the place to go on from."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
from prefect import flow

from flows import artifacts
from flows.outcome import summarise
from flows.pull import pull_all
from flows.running import a_run
from flows.watching import step


@flow(name="backfill", persist_result=False)
def backfill(since: date) -> dict[str, Any]:
    """Bring all contacts and companies, and the activities since that day, into the lake. Writes nothing in any CRM.

    Stopped or killed, the next start goes on after the last page that was kept. A sync afterwards asks only for what changed.
    """
    with a_run("backfill") as (work, done), artifacts.shown_progress(work):
        start = pd.Timestamp(since, tz="UTC").to_pydatetime()
        done.recovered, done.pulled = step("pull history", pull_all, work, start)
        done.run.summary |= summarise(work, done)
        artifacts.publish(done.run.run_id, done.run.summary, None)
        return done.run.summary
