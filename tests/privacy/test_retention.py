"""The journal keeps values for a time that can be set. Afterwards they are in no file; that the runs were, and what they counted, stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from searching import contents, leaks

from store.journal import Journal
from store.lake import Lake
from store.retention import LET_GO
from transforms.vocabulary.changes import CELLS, TASKS, Fate, WriteReport
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import to_table

NOW = datetime(2026, 11, 22, 9, 14, tzinfo=UTC)
DAYS = 400


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An empty journal."""
    return Journal(Lake.open(tmp_path / "lake", buckets=2))


def a_run(journal: Journal, began: datetime, words: str, *, state: str = "open", key: str = "", is_settled: bool = True) -> str:
    """A run that planned and wrote one cell and one task, all with these words."""
    run = journal.start_run("sync", as_of=began, crms=["hubspot"], now=began)
    told: dict[str, Any] = {"crm": "hubspot", "reason": words}
    cells = to_table(CELLS, [{"table": "contacts", "record_id": "1", "field": "why", "old": words, "new": words, **told}])
    task = {
        "task_key": key or run,
        "contact_id": "1",
        "play": "p",
        "subject": words,
        "body": words,
        "due_at": began,
        "state": state,
        **told,
    }
    tasks = to_table(TASKS, [task])
    journal.save_plan(run, cells, tasks, {"as_of": "then"})
    batch, batch_of_tasks = journal.intend(run, "contacts", cells), journal.intend_tasks(run, tasks)
    if is_settled:
        journal.settle(batch, [WriteReport("hubspot", "contacts", "1", Fate.WRITTEN)])
        journal.settle_tasks(batch_of_tasks, [WriteReport("hubspot", "tasks", key or run, Fate.WRITTEN, crm_id="7")])
        journal.finish_run(run, status="done", exit_code=0, now=began, summary={"written": 1})
    return run


def stands(journal: Journal, words: str) -> bool:
    """Whether any file of the journal still holds the words."""
    return bool(leaks({"words": words}, contents(Path(journal.leases._board.folder).parent)))  # type: ignore[attr-defined]  # a folder here


def test_old_values_go_and_what_was_counted_stays(journal: Journal) -> None:
    """Values of runs before the limit stand in no file, those after it do; both runs and their summaries are listed."""
    old = a_run(journal, NOW - timedelta(days=DAYS + 1), "words of old", state="closed_by_us")
    new = a_run(journal, NOW - timedelta(days=DAYS - 20), "words of late")
    assert journal.keep_for(DAYS, NOW)
    assert (stands(journal, "words of old"), stands(journal, "words of late")) == (False, True)
    assert journal.runs()["run_id"].tolist() == [old, new]
    assert journal.runs()["summary"].tolist() == ['{"written": 1}'] * 2
    assert len(journal.written(new)) == 1


def test_a_run_without_values_says_that_it_cannot_be_taken_back(journal: Journal) -> None:
    """Whoever asks for its plan or for what it wrote is told why it is not there, and by which setting."""
    old = a_run(journal, NOW - timedelta(days=DAYS + 1), "words of old")
    journal.keep_for(DAYS, NOW)
    for ask in (journal.plan, journal.written, journal.records_of):
        with pytest.raises(BadInput, match=r"no longer kept \(STILLTHERE_KEEP_DAYS\), so it cannot be .* taken back"):
            ask(old)


def test_tasks_are_known_for_ever(journal: Journal) -> None:
    """A closed task loses its words but not its key, or it would be raised again; an open one stands in the CRM and keeps both."""
    began = NOW - timedelta(days=DAYS + 1)
    a_run(journal, began, "words of a closed one", key="closed", state="done")
    a_run(journal, began, "first words of an open one", key="open")
    a_run(journal, began + timedelta(hours=1), "last words of an open one", key="open")
    journal.keep_for(DAYS, NOW)
    tasks = journal.tasks().set_index("task_key")
    assert tasks["body"].to_dict() == {"closed": LET_GO, "open": "last words of an open one"}
    assert tasks["task_id"].to_dict() == {"closed": "7", "open": "7"}
    assert (stands(journal, "words of a closed one"), stands(journal, "first words of an open one")) == (False, False)


def test_what_nobody_knows_the_end_of_stays(journal: Journal) -> None:
    """Cells and tasks that were intended and never settled are still to be looked up, however old they are."""
    a_run(journal, NOW - timedelta(days=DAYS + 9), "words of a killed run", is_settled=False)
    journal.keep_for(DAYS, NOW)
    assert (len(journal.unsettled()), len(journal.unsettled_tasks())) == (1, 1)
    assert stands(journal, "words of a killed run")


def test_it_is_done_about_once_a_week(journal: Journal) -> None:
    """Values go a little before they must, so that the tables are not written anew at each run; nothing old, nothing to do."""
    for day in range(3):
        a_run(journal, NOW - timedelta(days=DAYS + 1 - day), f"words of day {day}", state="done")
    done = [journal.keep_for(DAYS, NOW + timedelta(days=day)) for day in range(4)]
    assert done == [True, False, False, False]
    assert not stands(journal, "words of day 2")
