"""A backfill brings history page by page, goes on after a break, and hands over to the sync."""

import pandas as pd
import pytest

from flows.commands.sync import run_backfill
from flows.cursors import set_cursor
from flows.pull import pull_all
from flows.settings import load_settings
from flows.work import Stopped, open_work
from sandbox.running import Sandbox

SINCE = pd.Timestamp("2026-09-01", tz="UTC")


def test_only_history_since_the_day_is_brought(portal: Sandbox) -> None:
    """After a backfill the lake holds every activity since that day and none before it."""
    work = open_work(load_settings())
    pull_all(work, SINCE.to_pydatetime())
    some = work.lake.read("activities")
    everything = open_work(load_settings().model_copy(update={"lake": "whole"}))
    pull_all(everything)
    whole = everything.lake.read("activities")
    expected = set(whole.loc[whole["occurred_at"] >= SINCE, "activity_id"])
    assert expected == set(some["activity_id"])
    assert len(expected) < whole["activity_id"].nunique()


def test_a_sync_after_a_backfill_asks_only_for_changes(portal: Sandbox) -> None:
    """The first sync after a backfill reads no history again."""
    work = open_work(load_settings())
    pull_all(work, SINCE.to_pydatetime())
    last = portal.calls.last_number
    _, pulled = pull_all(open_work(load_settings()))
    assert pulled[0].rows["activities"] == 0
    assert portal.calls.last_number - last <= 9


def test_a_backfill_that_was_stopped_goes_on_where_it_stopped(portal: Sandbox) -> None:
    """What was kept before the break is not asked for again, and in the end nothing is missing."""
    work = open_work(load_settings())
    seen: list[str] = []

    def stop_soon(step: str, _done: int, _expected: int | None) -> None:
        seen.append(step)
        if len([one for one in seen if "contacts" not in one and "owners" not in one and "companies" not in one]) == 2:
            work.stopping.set()

    work.progress = stop_soon
    with pytest.raises(Stopped):
        pull_all(work, SINCE.to_pydatetime())
    kept = work.lake.size("activities")
    assert kept > 0
    again = open_work(load_settings())
    pull_all(again, SINCE.to_pydatetime())
    whole = open_work(load_settings().model_copy(update={"lake": "whole"}))
    pull_all(whole, SINCE.to_pydatetime())
    assert set(whole.lake.read("activities")["activity_id"]) == set(again.lake.read("activities")["activity_id"])


def test_an_estimate_reads_no_history(portal: Sandbox) -> None:
    """``--estimate`` says how many calls it would take and sends a handful."""
    last = portal.calls.last_number
    answer = run_backfill(since="2026-09-01", estimate=True, quiet=True)
    assert portal.calls.last_number - last <= 12
    assert answer.data["calls"] > 0


def test_no_cursor_is_no_change(portal: Sandbox) -> None:
    """Where there is no cursor, none is set."""
    work = open_work(load_settings())
    set_cursor(work, "hubspot", "activities", None)
    assert work.lake.cursor("hubspot", "activities") is None
