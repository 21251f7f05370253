"""The journal's promises: noted before it is sent, settled after, and a kill between the two is found again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from store.journal import Journal
from store.lake import Lake
from transforms.vocabulary.changes import CELLS, TASKS, Fate, WriteReport
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import DTYPES, to_table

Begun = Callable[[], str]
CHANGES = [("1", "why", "old words", "new words"), ("1", "open_tickets", None, "2"), ("2", "why", "gone", None)]


def report(key: str, fate: Fate, **more: Any) -> WriteReport:
    """A report on one contact."""
    return WriteReport("hubspot", "contacts", key, fate, **more)


def task(key: str, made: Any, **more: Any) -> dict[str, Any]:
    """A task of that key."""
    fixed = {
        "crm": "hubspot",
        "contact_id": "1",
        "play": "call",
        "reason": "r",
        "subject": "s",
        "body": "b",
        "due_at": made.now,
        "state": "open",
    }
    return {"task_key": key, **fixed, **more}


def told(key: str, fate: Fate, crm_id: str = "") -> WriteReport:
    """A report on one task."""
    return WriteReport("hubspot", "tasks", key, fate, crm_id=crm_id)


def test_a_run_has_a_name_of_its_own(journal: Journal, begun: Begun) -> None:
    """The name holds the minute; runs of one minute differ in their last four digits."""
    names = [begun() for _ in range(3)]
    assert ([name[:-4] for name in names], len(set(names))) == (["2026-11-22T09:14-"] * 3, 3)


def test_a_run_that_never_ended_is_running_or_killed(lake: Lake, journal: Journal, made: Any) -> None:
    """While its lease lives it is running; afterwards, without a word of its end, it was killed."""

    def states() -> list[str]:
        return Journal(lake).runs(made.now)["status"].tolist()

    with journal.lease("run", "sync", 600, made.now):
        first = journal.start_run("sync", as_of=made.now, crms=["hubspot"], now=made.now, options={"dry": True})
        journal.finish_run(first, status="done", exit_code=0, now=made.now + timedelta(minutes=2), summary={"cells": 3})
        journal.start_run("plan", as_of=made.now, crms=["hubspot"], now=made.now)
        under_way = states()
    assert (under_way, states()) == (["done", "running"], ["done", "killed"])
    ended = journal.runs(made.now).iloc[0]
    assert (ended["kind"], ended["crms"], ended["options"], ended["summary"], ended["exit_code"]) == (
        "sync",
        '["hubspot"]',
        '{"dry": true}',
        '{"cells": 3}',
        0,
    )
    assert ended["finished_at"] - ended["started_at"] == pd.Timedelta(minutes=2)


def test_an_empty_journal_answers(journal: Journal) -> None:
    """Before the first run every question has an empty answer, with its columns."""
    frames = [
        journal.runs(),
        journal.unsettled(),
        journal.unsettled_tasks(),
        journal.tasks(),
        journal.written("x"),
        journal.last_written("a", "b", "c"),
    ]
    assert ([len(frame) for frame in frames], journal.documents("plan"), journal.plans()) == ([0] * 6, [], [])
    assert journal.tasks().columns.tolist() == [*TASKS.names, "run_id", "planned_at"]


def test_what_was_intended_and_not_settled_is_found_again(lake: Lake, journal: Journal, begun: Begun, made: Any) -> None:
    """A kill after the note and before the settlement leaves exactly the cells whose fate nobody knows, old and new with them."""
    run = begun()
    settled = journal.intend(run, "contacts", made.cells([("9", "why", None, "x")]))
    journal.settle(settled, [report("9", Fate.WRITTEN)])
    batch = journal.intend(run, "contacts", made.cells(CHANGES))
    journal.settle(batch, [report("1", Fate.WRITTEN)])
    left = Journal(lake).unsettled()
    assert left[["batch_id", "run_id", "record_id", "field", "old"]].to_numpy().tolist() == [[batch, run, "2", "why", "gone"]]
    assert {str(name): str(dtype) for name, dtype in left[CELLS.names].dtypes.items()} == {c.name: DTYPES[c.type] for c in CELLS.columns}
    journal.settle(batch, [report("2", Fate.FAILED, code="NOT_APPLIED")])
    assert len(journal.unsettled()) == 0


def test_a_finished_run_does_not_hide_what_an_earlier_one_left(journal: Journal, begun: Begun, made: Any) -> None:
    """Ends of runs shorten the search only when nothing at all is open; what was open stays found."""
    killed, healthy = begun(), begun()
    lost = journal.intend(killed, "contacts", made.cells([("1", "why", None, "x")]))
    journal.settle(journal.intend(healthy, "contacts", made.cells([("2", "why", None, "x")])), [report("2", Fate.WRITTEN)])
    journal.finish_run(healthy, status="done", exit_code=0, now=made.now, summary={})
    assert journal.unsettled()["batch_id"].tolist() == [lost]
    journal.settle(lost, [report("1", Fate.FAILED)])
    journal.finish_run(healthy, status="done", exit_code=0, now=made.now, summary={})
    again = journal.intend(begun(), "contacts", made.cells([("1", "why", None, "x")]))
    assert journal.unsettled()["batch_id"].tolist() == [again]


def test_written_and_failed_cells_are_kept_for_revert(journal: Journal, begun: Begun, made: Any) -> None:
    """What was written keeps old and new; what failed keeps the CRM's code; unchanged records are neither; the later word counts."""
    run = begun()
    batch = journal.intend(run, "contacts", made.cells([*CHANGES, ("3", "why", "a", "b")]))
    journal.settle(
        batch, [report("1", Fate.FAILED), report("2", Fate.FAILED, code="CONFLICT", message="It is gone."), report("3", Fate.UNCHANGED)]
    )
    journal.settle(batch, [report("1", Fate.WRITTEN, modified_at=made.now)])
    written, failed = journal.written(run), journal.failed(run)
    assert written[["record_id", "field", "old", "new"]].fillna("").to_numpy().tolist() == [
        ["1", "why", "old words", "new words"],
        ["1", "open_tickets", "", "2"],
    ]
    assert failed[["record_id", "code", "message"]].to_numpy().tolist() == [["2", "CONFLICT", "It is gone."]]
    assert set(written["modified_at"]) == {pd.Timestamp(made.now)}


def test_each_fields_last_write_is_known(journal: Journal, begun: Begun, made: Any) -> None:
    """For one record: the last written cell of each field, with its run and moment; failed writes do not count."""
    first, second = begun(), begun()
    journal.settle(journal.intend(first, "contacts", made.cells(CHANGES)), [report("1", Fate.WRITTEN)])
    journal.settle(journal.intend(second, "contacts", made.cells([("1", "why", "new words", "newer")])), [report("1", Fate.WRITTEN)])
    journal.settle(journal.intend(second, "contacts", made.cells([("1", "why", "newer", "never")])), [report("1", Fate.FAILED)])
    found = journal.last_written("hubspot", "contacts", "1")
    assert found[["field", "new", "run_id"]].to_numpy().tolist() == [["open_tickets", "2", first], ["why", "newer", second]]
    assert set(found["written_at"]) == {pd.Timestamp(made.now)}


def test_cells_of_two_tables_are_never_one_batch(journal: Journal, begun: Begun, made: Any) -> None:
    """Record ids of contacts and companies may be the same, so a batch holds one table."""
    with pytest.raises(BadInput, match="companies"):
        journal.intend(begun(), "contacts", made.cells([("1", "why", None, "x")], table="companies"))


def test_a_plan_is_kept_as_it_was(journal: Journal, begun: Begun, made: Any) -> None:
    """Cells, tasks and the note about it come back; one that was broken off before its note does not exist."""
    run, empty = begun(), begun()
    cells, tasks = made.cells(CHANGES), to_table(TASKS, [task("k", made)])
    journal.save_plan(run, cells, tasks, {"as_of": "2026"})
    journal.save_plan(empty, cells.iloc[:0], tasks.iloc[:0], {})
    kept = journal.plan(run)
    pd.testing.assert_frame_equal(kept.cells, cells)
    pd.testing.assert_frame_equal(kept.tasks, tasks)
    assert (kept.meta, journal.plans(), len(journal.plan(empty).cells)) == ({"as_of": "2026"}, [run, empty], 0)
    with pytest.raises(BadInput, match="stillthere runs"):
        journal.plan("2020-01-01T00:00-0000")


def test_tasks_stand_as_last_confirmed(journal: Journal, begun: Begun, made: Any) -> None:
    """A task counts once the CRM confirmed it, keeps its id through updates, and a failed or open change does not show."""
    run = begun()
    batch = journal.intend_tasks(run, to_table(TASKS, [task("k1", made), task("k2", made), task("k3", made), task("k4", made)]))
    journal.settle_tasks(batch, [told("k1", Fate.WRITTEN, "11"), told("k2", Fate.UNCHANGED, "12"), told("k3", Fate.FAILED)])
    later = begun()
    closing = journal.intend_tasks(later, to_table(TASKS, [task("k1", made, state="closed_by_us"), task("k2", made, state="closed_by_us")]))
    journal.settle_tasks(closing, [told("k1", Fate.WRITTEN), told("k2", Fate.FAILED)])
    found = journal.tasks()
    assert found[["task_key", "task_id", "state", "run_id"]].sort_values("task_key").to_numpy().tolist() == [
        ["k1", "11", "closed_by_us", later],
        ["k2", "12", "open", run],
    ]
    assert journal.unsettled_tasks()[["batch_id", "task_key"]].to_numpy().tolist() == [[batch, "k4"]]
    assert set(found["planned_at"]) == {pd.Timestamp(made.now)}


def test_documents_are_kept_by_kind_and_run(journal: Journal) -> None:
    """The later document of one run counts; kinds do not mix."""
    journal.save_document("summary", "r1", {"n": 1})
    journal.save_document("summary", "r2", [1, 2])
    journal.save_document("summary", "r1", {"n": 2})
    journal.save_document("model card", "r1", "text")
    assert [(document.run_id, document.content) for document in journal.documents("summary")] == [("r2", [1, 2]), ("r1", {"n": 2})]


def test_tidying_the_journal_changes_no_answer(journal: Journal, begun: Begun, made: Any) -> None:
    """Many small files become few, and every question has the answer it had."""
    run = begun()
    for number in range(70):
        journal.intend(run, "contacts", made.cells([(str(number), "why", None, "x")]))
    before = journal.unsettled()
    journal.tidy()
    after = journal.unsettled()
    pd.testing.assert_frame_equal(after, before)
    assert journal._sheet(next(table for table in _tables() if table.name == "intents")).files() < 70


def _tables() -> tuple[Any, ...]:
    from store.journal import _TABLES  # noqa: PLC0415 - only this test looks inside

    return _TABLES
