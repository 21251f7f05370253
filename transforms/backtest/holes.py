"""Holes: times in which a source, or the whole log, brought nothing from anybody though much was to be expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betainc, gammaincc

from transforms.book import Book
from transforms.policy import Policy
from transforms.rhythm import day_number
from transforms.tally import BY_HAND

EVERYTHING = "everything"
"""The name of the whole log among the sources."""

RATE_DAYS = 84
"""What is to be expected is measured on so many days before a gap and after it: twelve weeks, as for the alarm on deaf sources."""

LEAST_RATE_DAYS = 28
"""A rate is never measured on fewer days than this."""

NEAR_DAYS = 182
"""How uneven the traffic is, is measured on so many days before a gap and after it."""

BLOCKS = (7, 28)
"""Unevenness is the larger of the variance-to-mean ratios of weekly and four-weekly counts."""

STRAY_SHARE = 0.05
"""A stretch that brought no more than this share of what was to be expected is a hole with a few stray records in it."""


@dataclass(frozen=True)
class Hole:
    """A stretch of days with next to no record of a source: from the day ``start`` to the day before ``end`` (days since 1970).

    ``expected``: how many records of the source were at least to be expected, by what it brought before and after;
    ``strays``: how many came all the same.
    """

    source: str
    start: int
    end: int
    expected: int
    people: int
    strays: int = 0

    @property
    def days(self) -> int:
        """Its length."""
        return self.end - self.start

    def touches(self, start: int, end: int) -> bool:
        """Whether it shares a day with the days from ``start`` to the day before ``end``."""
        return self.start < end and start < self.end


@dataclass(frozen=True)
class Traffic:
    """What each source brought: ``days`` [source, day, count], ``people`` [source, people]. Added up over buckets."""

    days: pd.DataFrame
    people: pd.DataFrame

    @classmethod
    def total(cls, parts: Iterable[Traffic]) -> Traffic:
        """The sum of the traffic of all buckets."""
        parts = list(parts)
        days = pd.concat([part.days for part in parts]).groupby(["source", "day"], as_index=False)["count"].sum()
        people = pd.concat([part.people for part in parts]).groupby("source", as_index=False)["people"].sum()
        return cls(days, people)


def heard_by_source(book: Book) -> pd.DataFrame:
    """One row a word or sign of a person and source by which it came: person (its code), day, source.

    Sources are the whole log, each CRM, each channel of a CRM and each mailbox (crm|owner|channel). What people log by hand, calls and
    meetings, belongs to the whole log alone: a lull there says nothing of a source.
    """
    rows = book.heard
    crm, channel = rows["crm"].astype("str"), rows["channel"].astype("str")
    day, person = day_number(rows["occurred_at"]), rows["person_id"].cat.codes.to_numpy()
    by_itself = ~rows["channel"].isin(BY_HAND)
    names = (
        pd.Series(EVERYTHING, index=rows.index),
        (crm + "|*|*").where(by_itself),
        (crm + "|*|" + channel).where(by_itself),
        (crm + "|" + rows["actor_id"] + "|" + channel).where(by_itself),
    )
    found = pd.concat([pd.DataFrame({"person": person, "day": day, "source": name}) for name in names], ignore_index=True)
    return found.dropna(subset="source")


def count_traffic(book: Book) -> Traffic:
    """What each source brought to the persons of one bucket."""
    rows = heard_by_source(book)
    days = rows.groupby(["source", "day"], as_index=False).size().rename(columns={"size": "count"})
    people = rows.groupby("source", as_index=False)["person"].nunique().rename(columns={"person": "people"})
    return Traffic(days, people)


def find_holes(traffic: Traffic, end: int, policy: Policy) -> list[Hole]:
    """The holes of all sources up to the day ``end``, the whole log's first, then by source and time.

    A gap of at least ``deaf_after_days`` is a hole where chance is no explanation: with ``expected`` records at the rate before or after (the
    lower of the two), and counts as uneven as near the gap (variance ÷ mean), a negative binomial gives the chance of so few; a hole has −ln of
    it at least ``deaf_expected`` (12: under 1 in 100,000). A few strays are allowed. A source must have served ``deaf_persons`` people.
    A hole that a wider source shows too is told of the wider one alone.
    """
    people = traffic.people.set_index("source")["people"]
    found: list[Hole] = []
    names = sorted(people.index, key=lambda name: (name != EVERYTHING, name.count("*") * -1, name))
    by_source = dict(list(traffic.days.groupby("source")))
    for name in names:
        if people[name] < policy.deaf_persons:
            continue
        rows = by_source[name].sort_values("day")
        for hole in _gaps(str(name), rows["day"].to_numpy(), rows["count"].to_numpy(), end, int(people[name]), policy):
            if not any(_covers(wider, hole) for wider in found):
                found.append(hole)
    return sorted(found, key=lambda hole: (hole.source != EVERYTHING, hole.source, hole.start))


def _covers(wider: Hole, hole: Hole) -> bool:
    shared = min(wider.end, hole.end) - max(wider.start, hole.start)
    return _holds(wider.source, hole.source) and shared >= hole.days / 2


def _holds(wider: str, narrower: str) -> bool:
    """Whether all that the narrower source brings is the wider one's too."""
    if wider == EVERYTHING:
        return True
    return all(one in ("*", other) for one, other in zip(wider.split("|"), narrower.split("|"), strict=False)) and narrower != EVERYTHING


def _gaps(name: str, day: np.ndarray, count: np.ndarray, end: int, people: int, policy: Policy) -> list[Hole]:
    """The holes of one source, from the days on which it brought something and how much."""
    following = np.append(day[1:], end)
    gap = following - day - 1
    found: list[Hole] = []
    place = 0
    while place < len(day):
        if gap[place] < policy.deaf_after_days:
            place += 1
            continue
        start = int(day[place]) + 1
        before = _rate(day, count, max(start - RATE_DAYS, int(day[0])), start)
        last, strays = _reach(place, count, following, gap, before)
        stop = int(following[last])
        rates = [before, *([_rate(day, count, stop, min(stop + RATE_DAYS, end))] if last + 1 < len(day) else [])]
        expected = min(rates) * (stop - start)
        uneven = max(_unevenness(day, count, start, stop, end, block) for block in BLOCKS)
        if strays <= STRAY_SHARE * expected and _surprise(strays, expected, uneven) >= policy.deaf_expected:
            found.append(Hole(name, start, stop, round(expected), people, strays))
            place = last
        place += 1
    return found


def _reach(place: int, count: np.ndarray, following: np.ndarray, gap: np.ndarray, rate: float) -> tuple[int, int]:
    """How far a gap goes that begins after the day at ``place``, if a few records in it count as none: the place of the last, and how many.

    It ends with a whole gap, so that the records at its edge are not swallowed.
    """
    start, reached, strays = following[place] - gap[place], (place, 0), 0
    for last in range(place + 1, len(count)):
        strays += int(count[last])
        if strays > STRAY_SHARE * rate * (following[last] - start):
            break
        if gap[last] >= gap[place] / 4:
            reached = (last, strays)
    return reached


def _surprise(strays: int, expected: float, uneven: float) -> float:
    """−ln of the chance that so few records came: negative binomial with that mean and variance ÷ mean, Poisson where counts are even."""
    if expected <= 0:
        return 0.0
    is_even = uneven <= 1 + 1e-6
    chance = gammaincc(strays + 1, expected) if is_even else betainc(expected / (uneven - 1), strays + 1, 1 / uneven)
    return float(-np.log(max(chance, 1e-300)))


def _rate(day: np.ndarray, count: np.ndarray, start: int, end: int) -> float:
    """Records a day from ``start`` to the day before ``end``."""
    inside = (day >= start) & (day < end)
    return float(count[inside].sum() / max(end - start, LEAST_RATE_DAYS))


def _unevenness(day: np.ndarray, count: np.ndarray, start: int, stop: int, end: int, block: int) -> float:
    """Variance ÷ mean of the counts of whole blocks of days near the gap, the gap itself left out; 1 where there are too few to tell."""
    blocks: list[float] = []
    first, last = max(int(day[0]), start - NEAR_DAYS), min(end, stop + NEAR_DAYS)
    for begin, finish in ((first, start), (stop, last)):
        whole = (finish - begin) // block
        inside = (day >= begin) & (day < begin + whole * block)
        blocks += np.bincount((day[inside] - begin) // block, weights=count[inside], minlength=whole).tolist() if whole else []
    mean = float(np.mean(blocks)) if blocks else 0.0
    return max(float(np.var(blocks, ddof=1)) / mean, 1.0) if len(blocks) >= 4 and mean > 0 else 1.0
