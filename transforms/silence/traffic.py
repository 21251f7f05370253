"""How many people each source brought on each day: what holes are found in. Whole numbers that add up over buckets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.book import Book
from transforms.rhythm import day_number, distinct
from transforms.silence.facts import BY_HAND
from transforms.silence.gaps import MONTH, US, Traffic
from transforms.silence.holes import EVERYTHING

_LEVELS = 4
_PEOPLE = 2**24
_DAYS = 2**17


def heard_by_source(book: Book) -> pd.DataFrame:
    """One row a word or sign of a person and source by which it came: person (its code), day, source.

    Sources are the whole log, each CRM, each channel of a CRM and each mailbox (crm|owner|channel). What people log by hand, calls and
    meetings, belongs to the whole log alone: a lull there says nothing of a source.
    """
    rows = book.heard
    places, names = _combinations(rows)
    person, day = rows["person_id"].cat.codes.to_numpy(), day_number(rows["occurred_at"])
    parts = []
    for level in range(_LEVELS):
        source = np.array([name[level] for name in names], dtype=object)[places]
        parts.append(pd.DataFrame({"person": person, "day": day, "source": pd.Series(source, dtype="str")}))
    return pd.concat(parts, ignore_index=True).dropna(subset="source")


def count_traffic(book: Book) -> Traffic:
    """How many people of one bucket were heard from by each source on each day, and how many we touched (the source US)."""
    rows, ours = book.heard, book.touches
    places, names = _combinations(rows)
    person, day = rows["person_id"].cat.codes.to_numpy().astype("int64"), day_number(rows["occurred_at"])
    once = distinct((places * _DAYS + day) * _PEOPLE + person)
    parts = [_counted(once, [name[level] for name in names]) for level in range(_LEVELS)]
    touched = distinct(day_number(ours["occurred_at"]) * _PEOPLE + ours["person_id"].cat.codes.to_numpy().astype("int64"))
    return Traffic.total([*parts, _counted(touched, [US])])


def _combinations(rows: pd.DataFrame) -> tuple[np.ndarray, list[tuple[str | None, ...]]]:
    """The place of each row among the crm, owner and channel that occur together, and the sources of each place, the widest first."""
    combined = np.zeros(len(rows), dtype="int64")
    for name in ("crm", "actor_id", "channel"):
        codes, known = pd.factorize(rows[name])
        combined = combined * (len(known) + 1) + codes + 1
    _, first, places = np.unique(combined, return_index=True, return_inverse=True)
    names: list[tuple[str | None, ...]] = []
    for crm, owner, channel in rows[["crm", "actor_id", "channel"]].iloc[first].itertuples(index=False):
        if channel in BY_HAND:
            names.append((EVERYTHING, None, None, None))
        else:
            mailbox = f"{crm}|{owner}|{channel}" if pd.notna(owner) else None
            names.append((EVERYTHING, f"{crm}|*|*", f"{crm}|*|{channel}", mailbox))
    return places.reshape(-1).astype("int64"), names


def _counted(keys: np.ndarray, names: list[str | None]) -> Traffic:
    """The traffic of one level. ``keys``: combination, day and person in one number; ``names``: the source of each combination, if any."""
    known = sorted({name for name in names if name is not None})
    to_source = np.array([known.index(name) if name is not None else -1 for name in names], dtype="int64")
    source = to_source[keys // (_PEOPLE * _DAYS)] if len(keys) else keys
    inside = source >= 0
    day, person, source = (keys // _PEOPLE % _DAYS)[inside], (keys % _PEOPLE)[inside], source[inside]
    once = distinct((source * _DAYS + day) * _PEOPLE + person)
    days, number = np.unique(once // _PEOPLE, return_counts=True)
    months, seen = np.unique(distinct((source * _DAYS + day // MONTH) * _PEOPLE + person) // _PEOPLE, return_counts=True)
    people, served = np.unique(distinct(source * _PEOPLE + person) // _PEOPLE, return_counts=True)
    told = pd.Series(known, dtype="str")
    return Traffic(
        pd.DataFrame({"source": told.take(days // _DAYS).array, "day": days % _DAYS, "count": number}),
        pd.DataFrame({"source": told.take(months // _DAYS).array, "month": months % _DAYS, "count": seen}),
        pd.DataFrame({"source": told.take(people).array, "people": served}),
    )
