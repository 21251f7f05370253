"""What is put back when a run is taken back: only what is still ours, whatever happened since."""

from collections.abc import Sequence
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.reverting import CLOSING, Verdict, decide_cells, decide_tasks
from transforms.vocabulary.changes import CELLS, STANDING, TASKS
from transforms.vocabulary.tables import to_table

DONE, FAILED, UNKNOWN = "written", "failed", None
ERASED = "(erased)"
LET_GO = "(no longer kept)"

Word = tuple[str, str | None, str | None, str | None]
"""What a run meant for one cell: run, old, new, fate."""


def history(words: Sequence[Word], record: str = "1") -> pd.DataFrame:
    """Words for the field why of one contact, the oldest first."""
    rows = [
        {"crm": "hubspot", "table": "contacts", "record_id": record, "field": "why", "old": old, "new": new, "run_id": run, "fate": fate}
        for run, old, new, fate in words
    ]
    cells = to_table(CELLS, [{name: row.get(name) for name in CELLS.names} for row in rows])
    return cells.assign(run_id=[row["run_id"] for row in rows], fate=[row["fate"] for row in rows], seq=range(1, len(rows) + 1))


def stands(value: str | None, record: str = "1") -> pd.DataFrame:
    """What one contact holds in the field why; None: there is no such contact."""
    rows = [{"crm": "hubspot", "table": "contacts", "record_id": record, "values": orjson.dumps({"why": value} if value else {}).decode()}]
    return to_table(STANDING, rows if value is not None else rows[:0])


def decided(words: Sequence[Word], present: str | None, **merged: str) -> tuple[str, str | None] | None:
    """The verdict on the one cell of run A, and what it would hold afterwards; None where it is left out."""
    told = decide_cells(history(words), "A", stands(present), {"1": merged["into"]} if merged else {})
    if told.empty:
        return None
    row = told.iloc[0]
    return row["verdict"], None if pd.isna(row["before"]) else row["before"]


@pytest.mark.parametrize(
    ("words", "present", "expected"),
    [
        ([("A", "old", "new", DONE)], "new", (Verdict.RESTORED, "old")),
        ([("A", None, "new", DONE)], "new", (Verdict.RESTORED, None)),
        ([("A", "old", None, DONE)], "", (Verdict.RESTORED, "old")),
        ([("A", "old", "new", DONE)], "mine", (Verdict.CONFLICT, "old")),
        ([("A", "old", "new", DONE)], "", (Verdict.CONFLICT, "old")),
        ([("A", "old", "new", DONE)], "old", (Verdict.AS_BEFORE, "old")),
        ([("A", None, "new", DONE)], "", (Verdict.AS_BEFORE, None)),
        ([("A", "old", "new", DONE)], None, (Verdict.GONE, "old")),
        ([("A", None, None, DONE)], "new", (Verdict.ERASED, None)),
    ],
)
def test_one_run(words: list[Word], present: str | None, expected: object) -> None:
    """Still ours: put back. The old value already: nothing to do. Anything else, empty too: a conflict. Missing and empty are the same."""
    assert decided(words, present) == expected


@pytest.mark.parametrize(
    ("words", "present", "expected"),
    [
        ([("A", "a", "b", DONE), ("B", "b", "c", DONE)], "c", (Verdict.RESTORED, "a")),
        ([("A", "a", "b", DONE), ("B", "b", "c", DONE)], "b", (Verdict.CONFLICT, "a")),
        ([("A", "a", "b", DONE), ("B", "x", "c", DONE)], "c", (Verdict.RESTORED, "a")),
        ([("A", "a", "b", DONE), ("B", "b", "a", DONE)], "a", (Verdict.AS_BEFORE, "a")),
        ([("A", "a", "b", DONE), ("B", "b", "c", DONE), ("C", "c", "b", DONE)], "b", (Verdict.RESTORED, "a")),
        ([("0", "a", "z", DONE), ("A", "z", "b", DONE)], "z", (Verdict.AS_BEFORE, "z")),
        ([("A", "a", "b", DONE), ("B", None, None, DONE)], "c", (Verdict.ERASED, "a")),
        ([("A", "a", "b", DONE), ("B", None, None, DONE)], "a", (Verdict.AS_BEFORE, "a")),
    ],
)
def test_later_runs(words: list[Word], present: str, expected: object) -> None:
    """What counts is the last value of ours, whichever run wrote it; what is put back is the value from before the run that is taken back."""
    assert decided(words, present) == expected


@pytest.mark.parametrize("fate", [FAILED, UNKNOWN])
@pytest.mark.parametrize(
    ("more", "present", "expected"),
    [
        ([], "b", (Verdict.RESTORED, "a")),
        ([], "a", None),
        ([], "mine", None),
        ([("B", "a", "c", DONE)], "c", None),
        ([("B", "b", "c", DONE)], "c", (Verdict.RESTORED, "a")),
        ([("B", "b", "c", DONE)], "mine", (Verdict.CONFLICT, "a")),
    ],
)
def test_a_write_that_nobody_confirmed(fate: str | None, more: list[Word], present: str, expected: object) -> None:
    """It counts where what stands there, or what the next run found there, shows that it was applied. Else the run overwrote nothing."""
    assert decided([("A", "a", "b", fate), *more], present) == expected


@pytest.mark.parametrize("fate", [FAILED, UNKNOWN])
@pytest.mark.parametrize(("present", "verdict"), [("b", Verdict.RESTORED), ("c", Verdict.RESTORED), ("mine", Verdict.CONFLICT)])
def test_a_later_write_that_nobody_confirmed(fate: str | None, present: str, verdict: Verdict) -> None:
    """Where a later run of ours may or may not have written, both its value and the one before it are ours."""
    assert decided([("A", "a", "b", DONE), ("B", "b", "c", fate)], present) == (verdict, "a")


def test_a_merged_record_is_a_conflict_and_says_into_which() -> None:
    """The record that it went into holds its own values, whatever they are."""
    told = decide_cells(history([("A", "old", "new", DONE)]), "A", stands("new"), {"1": "77"})
    assert told[["verdict", "why"]].to_numpy().tolist() == [[Verdict.CONFLICT, "merged into 77"]]


VALUES = st.sampled_from(["", "a", "b", "c"])
EVENTS = st.lists(st.tuples(st.sampled_from(["ours", "person", "revert"]), st.integers(0, 3), VALUES, st.booleans()), max_size=12)


@given(EVENTS)
def test_what_a_person_wrote_last_is_never_overwritten(events: list[tuple[str, int, str, bool]]) -> None:
    """Whatever runs, people and reverts do to a cell in turn: a revert writes only where we wrote last, and it writes what stood before its run.

    A run knows what stands there, since it reads before it writes. A person writes what no run ever writes.
    """
    present, last_by, words = "", "nobody", list[Word]()
    for number, (who, which, value, is_confirmed) in enumerate(events):
        if who == "person":
            present, last_by = f"by hand {value}", "person"
            continue
        run_id = f"run {number}"
        if who == "ours" and value != present:
            words.append((run_id, present, value, DONE if is_confirmed else UNKNOWN))
            present, last_by = value, "us"
        elif who == "revert" and words:
            of, old, _, _ = words[which % len(words)]
            told = decide_cells(history(words), of, stands(present), {})
            if told["verdict"].tolist() == [Verdict.RESTORED]:
                assert last_by == "us"
                assert (told["before"].iloc[0] if pd.notna(told["before"].iloc[0]) else "") == old
                words.append((run_id, present, old, DONE))
                present = str(old)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(values: list[tuple[str, str]], random: Any) -> None:
    """Each record is decided by itself."""
    cells = pd.concat([history([("A", old, f"new {new}", DONE)], str(n)) for n, (old, new) in enumerate(values)], ignore_index=True)
    cells["seq"] = 1
    held = pd.concat([stands(f"new {new}" if new else "mine", str(n)) for n, (_, new) in enumerate(values)], ignore_index=True)
    places = list(range(len(values)))
    random.shuffle(places)
    mixed = decide_cells(cells.iloc[places].reset_index(drop=True), "A", held.iloc[places], {})
    plain = decide_cells(cells, "A", held, {})
    assert mixed.sort_values("record_id", ignore_index=True).to_dict() == plain.sort_values("record_id", ignore_index=True).to_dict()


Told = tuple[str, str, str, str | None]
"""What a run meant for a task: run, state, body, fate."""


def task(state: str, body: str, **more: object) -> dict[str, object]:
    """A task's row."""
    fixed = {"task_key": "k", "crm": "hubspot", "contact_id": "1", "play": "help_first", "reason": "r", "subject": "Call Ana"}
    return {**fixed, "body": body, "due_at": "2026-11-24T16:00:00Z", "state": state, "task_id": "9", **more}


def task_decided(words: Sequence[Told], now: dict[str, object] | None) -> tuple[str, str, str] | None:
    """The verdict on the task of run A, and the state and body that it would be given."""
    rows = to_table(TASKS, [task(state, body) for _, state, body, _ in words])
    is_new = [number == 0 and word[1] == "open" for number, word in enumerate(words)]
    rows = rows.assign(run_id=[word[0] for word in words], fate=[word[3] for word in words], seq=range(1, len(words) + 1), is_new=is_new)
    present = to_table(TASKS, [now] if now else [task("open", "")][:0])
    told = decide_tasks(rows, "A", present, (ERASED, LET_GO))
    return None if told.empty else (told["verdict"].iloc[0], told["state"].iloc[0], told["body"].iloc[0])


MADE: list[Told] = [("A", "open", "Call her.", DONE)]
CLOSED: list[Told] = [("0", "open", "Call her.", DONE), ("A", "closed_by_us", "Call her.\n\nClosed.", DONE)]
CLOSED_NOW = task("done", "Call her.\n\nClosed.", changed_by_people=False)
OPEN_NOW = task("open", "Call her.", changed_by_people=False)


@pytest.mark.parametrize(
    ("words", "now", "expected"),
    [
        (MADE, OPEN_NOW, (Verdict.CLOSED, "closed_by_us", f"Call her.\n\n{CLOSING}")),
        (MADE, {**OPEN_NOW, "changed_by_people": True}, (Verdict.CONFLICT, "open", "Call her.")),
        (MADE, {**OPEN_NOW, "subject": "Call Ana on Monday"}, (Verdict.CONFLICT, "open", "Call her.")),
        (MADE, {**OPEN_NOW, "due_at": "2026-12-24T16:00:00Z"}, (Verdict.CONFLICT, "open", "Call her.")),
        (MADE, {**OPEN_NOW, "state": "done", "changed_by_people": True}, (Verdict.LEFT, "open", "Call her.")),
        (MADE, None, (Verdict.GONE, "open", "Call her.")),
        (MADE, {**OPEN_NOW, "state": "deleted"}, (Verdict.GONE, "open", "Call her.")),
        ([*MADE, ("B", "open", "Call him.", DONE)], task("open", "Call him."), (Verdict.CLOSED, "closed_by_us", f"Call him.\n\n{CLOSING}")),
        ([*MADE, ("B", "closed_by_us", "Over.", DONE)], task("done", "Over."), (Verdict.AS_BEFORE, "closed_by_us", "Over.")),
        ([*MADE, ("B", "closed_by_us", "Over.", DONE)], task("open", "Over."), (Verdict.CONFLICT, "closed_by_us", "Over.")),
        ([("A", "open", "Call her.", FAILED)], None, None),
        ([("A", "open", "Call her.", UNKNOWN)], OPEN_NOW, (Verdict.CLOSED, "closed_by_us", f"Call her.\n\n{CLOSING}")),
    ],
)
def test_a_task_that_the_run_raised(words: list[Told], now: dict[str, object] | None, expected: object) -> None:
    """Closed while it is open and untouched, also where a later run told it anew; what people did to it stays."""
    assert task_decided(words, now) == expected


@pytest.mark.parametrize(
    ("words", "now", "expected"),
    [
        (CLOSED, CLOSED_NOW, (Verdict.RESTORED, "open", "Call her.")),
        (CLOSED, OPEN_NOW, (Verdict.AS_BEFORE, "open", "Call her.")),
        (CLOSED, {**CLOSED_NOW, "changed_by_people": True}, (Verdict.CONFLICT, "closed_by_us", "Call her.\n\nClosed.")),
        (CLOSED, {**CLOSED_NOW, "state": "open"}, (Verdict.CONFLICT, "closed_by_us", "Call her.\n\nClosed.")),
        (CLOSED, None, (Verdict.GONE, "closed_by_us", "Call her.\n\nClosed.")),
        ([*CLOSED, ("B", "open", "Call again.", DONE)], task("open", "Call again."), (Verdict.LEFT, "open", "Call again.")),
        ([*CLOSED, ("B", "open", "Call her.", DONE), ("C", *CLOSED[1][1:])], CLOSED_NOW, (Verdict.RESTORED, "open", "Call her.")),
        (CLOSED[1:], CLOSED_NOW, (Verdict.ERASED, "closed_by_us", "Call her.\n\nClosed.")),
        ([CLOSED[0], ("A", *CLOSED[1][1:3], FAILED)], OPEN_NOW, None),
        ([CLOSED[0], ("A", *CLOSED[1][1:3], UNKNOWN)], CLOSED_NOW, (Verdict.RESTORED, "open", "Call her.")),
    ],
)
def test_a_task_that_the_run_changed(words: list[Told], now: dict[str, object] | None, expected: object) -> None:
    """It gets back the state and the words from before, while it stands as the run left it; else it is left, and said why.

    Where the journal does not keep any more what it was before, it is left too: it was not the run that raised it.
    """
    assert task_decided(words, now) == expected


@pytest.mark.parametrize("words", [ERASED, LET_GO])
def test_words_that_are_kept_no_more_are_not_written(words: str) -> None:
    """Where the journal has let go of the words of a task, nothing is written over what stands there: not on one raised, nor on one changed."""
    raised = to_table(TASKS, [task("open", words, subject=words)]).assign(run_id="A", fate=DONE, seq=1, is_new=True)
    before = to_table(TASKS, [task("closed_by_us", words, subject=words), task("open", "Call her.")])
    changed = before.assign(run_id=["0", "A"], fate=DONE, seq=[1, 2], is_new=[True, False])
    for rows in (raised, changed):
        told = decide_tasks(rows, "A", to_table(TASKS, [OPEN_NOW]), (ERASED, LET_GO))
        assert told[["verdict", "why"]].to_numpy().tolist() == [[Verdict.ERASED, "its words are kept no more"]]


def test_html_that_a_crm_makes_of_a_text_is_the_same_text() -> None:
    """Line ends and signs may come back in another form; the words say whether it is the same."""
    now = {**OPEN_NOW, "body": "Call  her."}
    assert task_decided(CLOSED, now) == (Verdict.AS_BEFORE, "open", "Call her.")
