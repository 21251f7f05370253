"""A person who is erased leaves nothing behind: not in what others' rows say of them, not in the journal, not after a kill in the middle."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
import pytest
from searching import contents, leaks
from typer.testing import CliRunner

from flows.cli import app
from store.forgetting import forget, forget_pending
from store.journal import Journal
from store.lake import Lake
from store.mentions import ERASED_TEXT, Traces
from transforms.vocabulary.changes import CELLS, GONE, STANDING, TASKS, Fate, WriteReport
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

NOW = datetime(2026, 11, 22, 9, 14, tzinfo=UTC)
ANN = {
    "address": "ann.o'hara@gone.example",
    "former address": "annie@former.example",
    "name": "Ann-Zoë O'Hara",
    "name before the merge": "Ann Zuvor",
    "family name first": "O'Hara, Ann-Zoë",
}
KEPT = {"address of Bob": "bob@stays.example", "name of Bob": "Bob Bleibt"}


def contacts() -> pd.DataFrame:
    """Ann, who was two records until they were merged, and Bob."""
    return to_table(
        CONTACTS,
        [
            {"contact_id": "1", "crm": "hubspot", "email": ANN["address"], "first_name": "Ann-Zoë", "last_name": "O'Hara"},
            {"contact_id": "2", "crm": "hubspot", "email": "bob@stays.example", "first_name": "Bob", "last_name": "Bleibt"},
            {"contact_id": "3", "crm": "hubspot", "email": ANN["former address"], "first_name": "Ann", "last_name": "Zuvor"},
        ],
    )


def standing(table: str, record: str, values: str) -> dict[str, str]:
    """One row of STANDING."""
    return {"crm": "hubspot", "table": table, "record_id": record, "values": values}


def task(key: str, contact: str, text: str) -> dict[str, Any]:
    """One task whose texts all hold that text."""
    fixed = {"crm": "hubspot", "play": "moved_on", "due_at": NOW, "state": "open"}
    return {"task_key": key, "contact_id": contact, "reason": f"because {text}", "subject": text, "body": f"Ask {text}.", **fixed}


def fill(lake: Lake, journal: Journal) -> str:
    """Ann in every place that may name her; the run that put her there."""
    buckets = pd.Series([0, 1, 1])
    told = f'{{"why": "Follows {ANN["name"]}.", "open_tickets": "2"}}'
    rows = [standing("contacts", "1", told), standing("contacts", "2", told), standing("companies", "9", told.replace("ë", "\\u00eb"))]
    lake.append(
        "contacts", contacts(), crm="hubspot", persons="p" + buckets.astype("str"), buckets=buckets, standing=to_table(STANDING, rows)
    )
    merged = to_table(GONE, [{"crm": "hubspot", "table": "contacts", "record_id": "3", "how": "merged", "into": "1"}])
    nobody = contacts().iloc[:0]
    none = pd.Series(dtype="int64")
    lake.append("contacts", nobody, crm="hubspot", persons=none.astype("str"), buckets=none, gone=merged)
    said = {"crm": "hubspot", "occurred_at": NOW, "channel": "email", "direction": "inbound"}
    activities = [
        {"activity_id": "a1", "contact_id": "1", "new_address": ANN["former address"], **said},
        {"activity_id": "a2", "contact_id": "2", "successor": ANN["family name first"].upper(), "evidence": "x", **said},
        {"activity_id": "a3", "contact_id": "2", "successor": KEPT["name of Bob"], **said},
    ]
    lake.append("activities", to_table(STORED_ACTIVITIES, activities), crm="hubspot")
    run = journal.start_run("sync", as_of=NOW, crms=["hubspot"], now=NOW)
    cell = {"crm": "hubspot", "table": "contacts", "reason": "because"}
    cells = to_table(
        CELLS,
        [
            {"record_id": "1", "field": "why", "new": "hers", **cell},
            {"record_id": "2", "field": "why", "old": f"{ANN['name before the merge']} left", "new": KEPT["name of Bob"], **cell},
            {"record_id": "2", "field": "successor", "new": KEPT["name of Bob"], **cell},
        ],
    )
    tasks = to_table(TASKS, [task("k1", "1", "hers"), task("k2", "2", ANN["name"]), task("k3", "2", KEPT["name of Bob"])])
    journal.save_plan(run, cells, tasks, {})
    refused = WriteReport("hubspot", "contacts", "2", Fate.FAILED, "INVALID", f'"{ANN["address"]}" is no option')
    journal.settle(journal.intend(run, "contacts", cells), [WriteReport("hubspot", "contacts", "1", Fate.WRITTEN), refused])
    batch = journal.intend_tasks(run, tasks)
    journal.settle_tasks(batch, [WriteReport("hubspot", "tasks", key, Fate.WRITTEN, crm_id=key) for key in ("k1", "k2", "k3")])
    journal.save_document("report", run, {"who": [ANN["name"], KEPT["name of Bob"]], "count": 7})
    summary = {"failed": [{"key": "2", "message": refused.message}], "written": 3}
    journal.finish_run(run, status="done", exit_code=0, now=NOW, summary=summary)
    return run


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake in which Ann left traces everywhere."""
    made = Lake.open(tmp_path / "lake", buckets=2)
    fill(made, Journal(made))
    return made


def left_of(lake: Lake, marks: dict[str, str]) -> list[str]:
    """Where these texts stand in any file of the lake."""
    return leaks(marks, contents(Path(lake.place.root)))


def test_who_was_erased_stands_nowhere(lake: Lake) -> None:
    """Addresses and names, of the record and of those that went into it, are gone from every file; the others' stand; the fact is kept."""
    assert {place.split(" in ")[0] for place in left_of(lake, ANN)} >= set(ANN) - {"family name first"}
    journal = Journal(lake)
    forget(lake, journal, "hubspot", ["1"])
    assert left_of(lake, ANN) == []
    assert {place.split(" in ")[0] for place in left_of(lake, KEPT)} == set(KEPT)
    assert lake.index()["contact_id"].tolist() == ["2"]
    events = lake.sheet("contacts").scan(["contact_id", "event"])
    assert set(events.loc[events["event"] == "erased", "contact_id"]) == {"1", "3"}
    assert len(lake.pending_erasures()) == 0


def test_what_does_not_name_them_stays_as_it_was(lake: Lake) -> None:
    """Numbers, other people's words, states of tasks and counts of runs are not touched."""
    journal = Journal(lake)
    run = journal.runs()["run_id"].iloc[0]
    forget(lake, journal, "hubspot", ["1"])
    assert lake.standing("contacts")["values"].tolist() == [f'{{"open_tickets": "2", "why": "Follows {ERASED_TEXT}."}}']
    assert lake.read("activities")["successor"].fillna("").tolist() == ["", KEPT["name of Bob"]]
    tasks = journal.tasks().set_index("task_key")
    assert tasks["body"].to_dict() == {"k2": ERASED_TEXT, "k3": f"Ask {KEPT['name of Bob']}."}
    assert tasks["state"].tolist() == ["open", "open"]
    assert journal.documents("report")[0].content == {"who": [ERASED_TEXT, KEPT["name of Bob"]], "count": 7}
    plan = journal.plan(run)
    assert plan.cells["new"].fillna("").tolist() == ["", KEPT["name of Bob"]]
    assert '"written": 3' in journal.runs()["summary"].iloc[0]


class Killed(BaseException):
    """The process ends here."""


def killed_after(steps: int, work: Callable[[], object]) -> bool:
    """Do the work, and end it after so many changes of a table, as a kill would. Whether it came to that."""
    changes = {"delete", "update", "replace", "purge", "commit"}
    seen = 0

    def watch(frame: FrameType, event: str, _arg: object) -> None:
        nonlocal seen
        if event == "return" and frame.f_code.co_name in changes and frame.f_code.co_filename.endswith("store/sheets.py"):
            seen += 1
            if seen == steps:
                raise Killed

    sys.setprofile(watch)
    try:
        work()
    except Killed:
        return True
    finally:
        sys.setprofile(None)
    return False


@pytest.mark.parametrize("steps", [1, 2, 4, 7, 10, 13, 16, 19, 22, 25, 28])
def test_killed_in_the_middle_it_is_finished_at_the_next_start(lake: Lake, steps: int) -> None:
    """Wherever an erasure was broken off, doing what is pending completes it: nothing is left that nobody knows of any more."""
    lake.request_erasure("hubspot", ["1"])
    assert killed_after(steps, lambda: forget_pending(lake, Journal(lake)))
    again = Lake.open(lake.place.root)
    forget_pending(again, Journal(again))
    assert left_of(again, ANN) == []
    assert len(again.pending_erasures()) == 0


def test_a_first_name_or_a_part_of_a_word_is_nobody() -> None:
    """Only an address, or first and last name side by side as words, tell of somebody."""
    traces = Traces.of(["ann@x.example"], [("Ann", "Lee"), ("", "Solo"), ("J", "Long")])
    texts = pd.Series(
        ["Ann Lee left", "LEE, ANN", "Ann  Lee's", "Ann leeward", "Joann Lee", "Ann and Lee", "mail ann@x.example", "Solo", None]
    )
    assert traces.told_in(texts).tolist() == [True, True, True, False, False, False, True, False, False]


def test_erased_in_one_crm_and_alive_in_the_other(lake: Lake) -> None:
    """What the other CRM holds of the person stays, since it still holds it; what others' rows say of them goes all the same."""
    rows = contacts().iloc[:1].assign(contact_id="003A", crm="salesforce")
    buckets = pd.Series([0])
    lake.append("contacts", rows, crm="salesforce", persons=pd.Series(["p0"]), buckets=buckets)
    forget(lake, Journal(lake), "hubspot", ["1"])
    held = lake.read("contacts", columns=["crm", "contact_id", "email"])
    assert held.to_numpy().tolist() == [["hubspot", "2", KEPT["address of Bob"]], ["salesforce", "003A", ANN["address"]]]
    assert lake.read("activities")["successor"].fillna("").tolist() == ["", KEPT["name of Bob"]]


def test_forget_forgets_every_record_of_the_person(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """By address or id, after a dry run that changes nothing; what is told are ids, and where the person still stands. A second time nobody is found."""
    monkeypatch.setenv("STILLTHERE_LAKE", lake.place.root)
    monkeypatch.setenv("STILLTHERE_HOME", str(Path(lake.place.root).parent / "home"))
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "x")
    would = CliRunner().invoke(app, ["forget", ANN["address"].upper(), "--dry-run"], env={"COLUMNS": "300"})
    assert (would.exit_code, "Would be forgotten: HubSpot 1" in would.output) == (0, True)
    assert left_of(lake, ANN) != []
    done = CliRunner().invoke(app, ["forget", "1"], env={"COLUMNS": "300"})
    assert (done.exit_code, "Forgotten: HubSpot 1" in done.output, "HubSpot still holds them" in done.output) == (0, True, True)
    assert left_of(lake, ANN) == []
    assert {place.split(" in ")[0] for place in left_of(lake, KEPT)} == set(KEPT)
    again = CliRunner().invoke(app, ["forget", ANN["address"]])
    assert (again.exit_code, ANN["address"] in again.output) == (10, False)
