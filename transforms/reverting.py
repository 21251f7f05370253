"""What is put back when a run is taken back: for each cell and task, by what the journal says that we wrote and what stands there now.

A cell is put back only while it is ours: while it holds the last value that any run of ours wrote. Whatever else stands there, a person (or
another program) wrote, and it stays. Nothing here asks whether the run was good; that is for whoever takes it back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

import numpy as np
import orjson
import pandas as pd

from transforms.vocabulary.changes import TASKS, Fate
from transforms.vocabulary.tables import empty_table, to_table

CELL = ["record_id", "field"]
CLOSING = "Closed, nothing left to do. The run that raised this task was taken back."
_SURE = (Fate.WRITTEN.value, Fate.UNCHANGED.value)


class Verdict(StrEnum):
    """What becomes of one cell or task that a run wrote."""

    RESTORED = "restored"  # it is still ours: what stood there before the run is put back
    CLOSED = "closed"  # a task that the run raised and nobody touched
    AS_BEFORE = "as_before"  # it stands as it did before the run: nothing to do
    CONFLICT = "conflict"  # somebody else changed it since, so it is left, and a person should know
    LEFT = "left"  # nothing is to be done: people closed the task, or a later run of ours wrote it anew
    GONE = "gone"  # the record or task is not there any more
    ERASED = "erased"  # the person was erased, and what we wrote about them with them


Decided = tuple[pd.Series, Verdict, str]
"""A task as it is to stand, the verdict, and why."""


def decide_cells(history: pd.DataFrame, run_id: str, standing: pd.DataFrame, merged: Mapping[str, str]) -> pd.DataFrame:
    """What becomes of each cell of one CRM and table that a run wrote: record_id, field, before, wrote, present, verdict, why.

    Args:
        history: the cells that the run and later ones meant to write, the oldest first (see ``Journal.cells_since``).
        run_id: the run that is taken back.
        standing: STANDING rows, read now; a record without one is gone.
        merged: records that went into another one, and into which.

    ``before`` is what stood there before the run, ``wrote`` the last value of ours, ``present`` what stands there now; empty is missing.
    A cell that the run meant to write and, by all signs, did not is left out: refused ones, and those of a run that was killed before.
    """
    rows = history.assign(
        old=_text(history["old"]), new=_text(history["new"]), is_sure=history["fate"].isin(_SURE), is_own=history["run_id"] == run_id
    )
    own = rows[rows["is_own"]].drop_duplicates(CELL).set_index(CELL)
    rows = rows.join(own["seq"].rename("from_seq"), on=CELL)
    present = _present(own.index, standing)
    rows = rows[rows["seq"] >= rows["from_seq"]].join(present, on=CELL)
    later = rows[~rows["is_own"]]
    sure = rows[rows["is_sure"]]
    last_sure = sure.drop_duplicates(CELL, keep="last").set_index(CELL)
    # A write of which nobody knows may stand as well as the last one that was confirmed.
    sure_seq = rows.join(last_sure["seq"].rename("sure_seq"), on=CELL)["sure_seq"].fillna(-1)
    may_stand = rows[(rows["seq"] >= sure_seq) & ~_is_emptied(rows)]
    ours = may_stand[may_stand["new"] == may_stand["present"]].set_index(CELL).index

    cells = own.assign(
        present=present,
        wrote=last_sure["new"].reindex(own.index),
        next_old=later.drop_duplicates(CELL).set_index(CELL)["old"].reindex(own.index),
    )
    is_untold = cells.index.isin(later[later["is_sure"]].set_index(CELL).index)
    found_by_next = cells["next_old"].notna() & (cells["next_old"] == cells["new"])
    was_written = cells["is_sure"] | (~is_untold & (cells["present"] == cells["new"])) | found_by_next
    record = cells.index.get_level_values("record_id")
    into = pd.Series(record.map(merged), index=cells.index, dtype="str")
    last_is_emptied = last_sure.index[_is_emptied(last_sure)]
    verdict = np.select(
        [
            _is_emptied(cells).to_numpy(),
            into.notna().to_numpy(),
            cells["present"].isna().to_numpy(),
            (cells["present"] == cells["old"]).to_numpy(),
            cells.index.isin(ours),
            cells.index.isin(last_is_emptied),
        ],
        [Verdict.ERASED, Verdict.CONFLICT, Verdict.GONE, Verdict.AS_BEFORE, Verdict.RESTORED, Verdict.ERASED],
        Verdict.CONFLICT,
    )
    why = np.select(
        [into.notna().to_numpy(), verdict == Verdict.CONFLICT, verdict == Verdict.GONE, verdict == Verdict.ERASED],
        [
            ("merged into " + into).fillna("").to_numpy(dtype=object),
            "changed since we wrote it",
            "the record is gone",
            "erased, nothing kept",
        ],
        "",
    )
    told = pd.DataFrame(
        {
            "record_id": record,
            "field": cells.index.get_level_values("field"),
            "before": _missing(cells["old"]).to_numpy(),
            "wrote": _missing(cells["wrote"].fillna(cells["new"])).to_numpy(),
            "present": _missing(cells["present"]).to_numpy(),
            "verdict": pd.Series(verdict, dtype="str").to_numpy(),
            "why": pd.Series(why, dtype="str").to_numpy(),
        }
    )
    return told[was_written.to_numpy() | _is_emptied(cells).to_numpy()].reset_index(drop=True)


def decide_tasks(history: pd.DataFrame, run_id: str, present: pd.DataFrame, erased: Collection[str]) -> pd.DataFrame:
    """What becomes of each task that a run raised or changed: TASKS as they are to stand, with verdict and why.

    Args:
        history: all that any run ever meant for these tasks, the oldest first (see ``Journal.tasks_ever``).
        run_id: the run that is taken back.
        present: those of the tasks that exist, as they stand now.
        erased: what the journal has in place of words that it keeps no more: of an erased person, or of long ago.

    A task that the run raised is closed while it is open and nobody touched it. One that the run changed or closed gets back the words and the
    state that it had before, while it stands as the run left it. What people did to a task stays.
    """
    held = {(row.crm, row.task_key): row for row in present.itertuples()}
    decided = [
        _decide_task(rows, run_id, held.get((str(crm), str(key)))) for (crm, key), rows in history.groupby(["crm", "task_key"], sort=True)
    ]
    told = [_unless_erased(one, erased) for one in decided if one is not None]
    if not told:
        return empty_table(TASKS).assign(verdict=pd.Series(dtype="str"), why=pd.Series(dtype="str"))
    rows = to_table(TASKS, pd.DataFrame([row[TASKS.names] for row, _, _ in told]), source="the journal")
    return rows.assign(verdict=[str(verdict) for _, verdict, _ in told], why=[why for _, _, why in told])


def _unless_erased(decided: Decided, erased: Collection[str]) -> Decided:
    """What was decided, unless the words that would be written, or compared, are not kept any more."""
    row, verdict, _ = decided
    if verdict in (Verdict.CLOSED, Verdict.RESTORED, Verdict.CONFLICT) and row["subject"] in erased:
        return row, Verdict.ERASED, "its words are kept no more"
    return decided


def _decide_task(rows: pd.DataFrame, run_id: str, now: Any) -> Decided | None:
    """The row as it is to stand, the verdict and why; None where the run's word never reached the CRM."""
    sure = rows[rows["fate"].isin(_SURE)]
    mine = rows[rows["run_id"] == run_id].iloc[-1]
    earlier = sure[sure["seq"] < rows.loc[rows["run_id"] == run_id, "seq"].min()]
    later = sure[sure["seq"] > mine["seq"]]
    last = sure.iloc[-1] if len(sure) else mine
    if mine["fate"] not in _SURE:
        if len(later) or now is None or not _stands(now, mine):
            return None
        last = mine
    if now is None or now.state == "deleted":
        return last, Verdict.GONE, "the task is gone"
    last = last.where(last.index != "task_id", now.task_id)
    if earlier.empty:
        return _take_away(last, now) if mine["is_new"] else (last, Verdict.ERASED, "what it was before is kept no more")
    before = earlier.iloc[-1].where(earlier.columns != "task_id", now.task_id)
    return _give_back(before, last, now, is_ours=later.empty or _are_alike(last, mine))


def _give_back(before: pd.Series, last: pd.Series, now: Any, *, is_ours: bool) -> Decided:
    """A task that the run changed or closed: as it was before. ``is_ours``: no later run of ours has changed it since."""
    if _stands(now, before):
        return before, Verdict.AS_BEFORE, ""
    if not is_ours:
        return last, Verdict.LEFT, "a later run changed it"
    if _is_touched(now, last) or not _is_in_state(now, last):
        return last, Verdict.CONFLICT, "somebody changed it since"
    return before, Verdict.RESTORED, ""


def _take_away(last: pd.Series, now: Any) -> Decided:
    """A task that the run raised: close it where nobody touched it."""
    was_closed_by_us = last["state"] != "open"
    if now.state != "open":
        is_ours = was_closed_by_us and not _is_touched(now, last)
        return (last, Verdict.AS_BEFORE, "") if is_ours else (last, Verdict.LEFT, "somebody closed it")
    if was_closed_by_us:
        return last, Verdict.CONFLICT, "somebody opened it again"
    if _is_touched(now, last):
        return last, Verdict.CONFLICT, "somebody changed it since"
    closed = last.copy()
    closed["state"], closed["body"] = "closed_by_us", f"{last['body']}\n\n{CLOSING}"
    closed["reason"] = "The run that raised it was taken back."
    return closed, Verdict.CLOSED, ""


def _present(cells: pd.MultiIndex, standing: pd.DataFrame) -> pd.Series:
    """What stands in each cell now: a text, empty where nothing stands there, missing where the record is gone."""
    held = {record: orjson.loads(text) for record, text in zip(standing["record_id"], standing["values"], strict=True)}
    texts = [None if (values := held.get(record)) is None else str(values.get(name) or "") for record, name in cells]
    return pd.Series(texts, index=cells, dtype="str", name="present")


def _text(values: pd.Series) -> pd.Series:
    """Missing and empty are the same."""
    return values.astype("str").fillna("")


def _missing(texts: pd.Series) -> pd.Series:
    return texts.mask(texts == "")


def _is_emptied(cells: pd.DataFrame) -> pd.Series:
    """Whether both values were taken out of the journal: no run ever meant to write what stood there already."""
    return (cells["old"] == "") & (cells["new"] == "")


def _is_touched(now: Any, last: pd.Series) -> bool:
    """Whether somebody else changed it, by what the CRM says, and by what stands in it. A due date may come back as a day."""
    is_theirs = bool(now.changed_by_people) if not pd.isna(now.changed_by_people) else False
    is_due_then = pd.isna(now.due_at) or pd.Timestamp(now.due_at).normalize() == pd.Timestamp(last["due_at"]).normalize()
    return is_theirs or not is_due_then or _words(now.subject, now.body) != _words(last["subject"], last["body"])


def _is_in_state(now: Any, row: pd.Series) -> bool:
    """CRMs know open tasks and closed ones, and not who closed them."""
    return bool((now.state == "open") == (row["state"] == "open"))


def _stands(now: Any, row: pd.Series) -> bool:
    return _is_in_state(now, row) and _words(now.subject, now.body) == _words(row["subject"], row["body"])


def _are_alike(one: pd.Series, other: pd.Series) -> bool:
    return bool(one["state"] == other["state"]) and _words(one["subject"], one["body"]) == _words(other["subject"], other["body"])


def _words(*texts: str) -> list[str]:
    """What a text says, without what a CRM does to it on the way."""
    return re.findall(r"\w+", " ".join(texts))
