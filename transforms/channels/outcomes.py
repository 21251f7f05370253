"""What became of the tasks that we raised: was the way taken that they advised, and were the people heard from after. Pure: whole numbers that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from transforms.book import Book

ANY_WAY = "todo"
"""The way of a task that leaves open how to do it: any touch follows it."""


NAMES = (
    "raised",  # = open + followed + not_followed
    "open",  # there is time left to follow, or to be heard from after a touch
    "followed",  # somebody touched them by the way that the task advised, until 14 days after it was due
    "answered",  # of these, they answered by that very way within 14 days
    "heard",  # of those followed, they said something to us within 14 days after the touch, by whatever way
    "not_followed",
    "heard_anyway",  # of these, within 14 days after the task was due
    "followed_30",  # the same for 30 days, among the tasks for which these are over
    "heard_30",
    "not_followed_30",
    "heard_anyway_30",
)
"""What is counted of the tasks of each play and way, in this order."""

Outcomes = Mapping[str, tuple[int, ...]]
"""``play|way`` → the counts of NAMES."""


def count_outcomes(book: Book, tasks: pd.DataFrame) -> dict[str, tuple[int, ...]]:
    """The Outcomes the tasks of the persons of this book (others are left out).

    ``tasks``: TASKS rows as they were raised, with ``planned_at``, when that was. What a person closed or deleted counts too, since it is asked whether
    somebody reached out. A touch that nobody logs is not seen: then the task counts as not followed.
    """
    if tasks.empty:
        return {}
    policy = book.policy
    answer, later = pd.Timedelta(days=policy.answer_days), pd.Timedelta(days=policy.horizon_days)
    people = book.records.drop_duplicates(["crm", "contact_id"]).set_index(["crm", "contact_id"])["person_id"]
    known = tasks.assign(person_id=people.reindex(pd.MultiIndex.from_frame(tasks[["crm", "contact_id"]])).to_numpy())
    known = known[known["person_id"].notna() & known["planned_at"].notna() & (known["planned_at"] <= book.as_of)].reset_index(drop=True)
    way = known["way"].fillna(ANY_WAY)
    last = known["due_at"] + answer
    touched = _first(book.touches, known, known["planned_at"], last, way)
    start = touched.fillna(known["due_at"])
    heard = _first(book.answers, known, start, start + later)
    won = _first(book.answers, known, start, start + answer, way).notna()
    is_touched, is_over = touched.notna(), start + answer <= book.as_of
    by_day = {
        days: (is_over & (start + days <= book.as_of) & (is_touched | (last <= book.as_of)), (heard - start <= days).to_numpy())
        for days in (answer, later)
    }
    (over, soon), (over_30, in_30) = by_day[answer], by_day[later]
    columns = {
        "raised": pd.Series(data=True, index=known.index),
        "open": ~over,
        "followed": over & is_touched,
        "answered": over & is_touched & won,
        "heard": over & is_touched & soon,
        "not_followed": over & ~is_touched,
        "heard_anyway": over & ~is_touched & soon,
        "followed_30": over_30 & is_touched,
        "heard_30": over_30 & is_touched & in_30,
        "not_followed_30": over_30 & ~is_touched,
        "heard_anyway_30": over_30 & ~is_touched & in_30,
    }
    table = pd.DataFrame(columns)[list(NAMES)].astype("int64").groupby((known["play"] + "|" + way).to_numpy()).sum()
    return {str(key): tuple(int(number) for number in row) for key, row in zip(table.index, table.to_numpy(), strict=True)}


def to_rows(outcomes: Outcomes) -> list[dict[str, Any]]:
    """One row a play and way, with the counts by name: what the journal keeps and ``stillthere report`` tells."""
    found = []
    for key, counts in sorted(outcomes.items()):
        play, way = key.rsplit("|", 1)
        found.append({"play": play, "way": way, **dict(zip(NAMES, counts, strict=True))})
    return found


def advised_answers(outcomes: Outcomes) -> dict[str, tuple[int, int]]:
    """By ``way|advised``: how many advices of that way were followed, and how many of these were answered by it; all plays together."""
    found: dict[str, tuple[int, int]] = {}
    for row in to_rows(outcomes):
        name = f"{row['way']}|advised"
        followed, answered = found.get(name, (0, 0))
        found[name] = (followed + row["followed"], answered + row["answered"])
    return found


def _first(rows: pd.DataFrame, tasks: pd.DataFrame, start: pd.Series, end: pd.Series, way: pd.Series | None = None) -> pd.Series:
    """For each task, when the first of ``rows`` of its person happened from ``start`` up to ``end``, by its ``way`` if one is given; else missing."""
    spans = pd.DataFrame({"person_id": tasks["person_id"].astype("str"), "start": start, "end": end, "task": tasks.index})
    spans["way"] = ANY_WAY if way is None else way
    happened = rows[["person_id", "occurred_at", "channel"]].assign(person_id=rows["person_id"].astype("str"))
    pairs = spans.merge(happened[happened["person_id"].isin(spans["person_id"])], on="person_id")
    is_in_time = (pairs["occurred_at"] >= pairs["start"]) & (pairs["occurred_at"] <= pairs["end"])
    is_way = (pairs["way"] == ANY_WAY) | np.asarray(pairs["way"].astype("str") == pairs["channel"].astype("str"))
    return pairs[is_in_time & is_way].groupby("task")["occurred_at"].min().reindex(tasks.index)
