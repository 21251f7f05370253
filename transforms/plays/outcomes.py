"""What became of plays: was the way that a task advised taken, and were they heard from after. Pure: tables in, counts out.

The touches that follow a task are attempts like any other, so ``best_channel`` learns from them by itself; these counts are for people, who want to
know whether tasks help.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.book import Book

COLUMNS = ("play", "way", "tasks", "followed", "heard_after", "not_followed", "heard_anyway")

_WAYS = {"call": ("call",), "email": ("email",), "linkedin": ("linkedin",)}
"""By which channels a task of each way is followed; a task of another way is followed by any touch."""


def play_outcomes(book: Book, tasks: pd.DataFrame) -> pd.DataFrame:
    """One row a play and way: how many tasks, how many were followed, and how often we heard from the person after, or all the same.

    ``tasks``: TASKS rows of the persons of this book (others are left out), with ``planned_at``, when the task was made. Followed: somebody
    touched them, by the way that the task advised, from then until 14 days after it was due. Heard: they said something to us within 14 days
    after that touch, or, where it was not followed, within 14 days after the task was due. Only tasks whose time is over count; deleted ones too,
    since that nobody followed is what is asked. The sums of several books may be added.
    """
    policy = book.policy
    days = pd.Timedelta(days=policy.answer_days)
    people = book.members.set_index(["crm", "contact_id"])["person_id"]
    keys = pd.MultiIndex.from_frame(tasks[["crm", "contact_id"]])
    known = tasks.assign(person_id=people.reindex(keys).to_numpy())
    known = known[known["person_id"].notna() & known["planned_at"].notna() & (known["due_at"] + 2 * days <= book.as_of)]
    touched = _first_after(book.touches, known, known["planned_at"], known["due_at"] + days, by_way=True)
    heard_after = _first_after(book.answers, known, touched, touched + days).notna()
    heard_anyway = _first_after(book.answers, known, known["due_at"], known["due_at"] + days).notna()
    followed = touched.notna()
    told = known[["play"]].assign(
        way=known["way"].fillna("todo"),
        tasks=1,
        followed=followed.astype("int64"),
        heard_after=(followed & heard_after).astype("int64"),
        not_followed=(~followed).astype("int64"),
        heard_anyway=(~followed & heard_anyway).astype("int64"),
    )
    return told.groupby(["play", "way"], as_index=False).sum()[list(COLUMNS)]


def add_outcomes(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The outcomes of several books as one."""
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True).groupby(["play", "way"], as_index=False).sum()[list(COLUMNS)]


def _first_after(rows: pd.DataFrame, tasks: pd.DataFrame, start: pd.Series, end: pd.Series, *, by_way: bool = False) -> pd.Series:
    """For each task, when the first of ``rows`` of its person happened from ``start`` up to ``end``; missing where none did."""
    spans = pd.DataFrame(
        {"person_id": tasks["person_id"].astype("str"), "start": start, "end": end, "way": tasks["way"]}, index=tasks.index
    )
    happened = rows[["person_id", "occurred_at", "channel"]].assign(person_id=rows["person_id"].astype("str"))
    pairs = spans.rename_axis("task").reset_index().merge(happened[happened["person_id"].isin(spans["person_id"])], on="person_id")
    fits = (pairs["occurred_at"] >= pairs["start"]) & (pairs["occurred_at"] <= pairs["end"])
    if by_way:
        advised = pairs["way"].map(_WAYS)
        is_way = [not isinstance(ways, tuple) or channel in ways for ways, channel in zip(advised, pairs["channel"], strict=True)]
        fits &= np.array(is_way, dtype=bool)
    return pairs[fits].groupby("task")["occurred_at"].min().reindex(tasks.index)
