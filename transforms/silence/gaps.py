"""Finding holes: gaps in the traffic of a source that chance does not explain, nor holidays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betainc, gammaincc

from transforms.policy import Policy
from transforms.silence.holes import EVERYTHING, Hole, contains

US = "us"
"""Among the sources, what we did ourselves: whoever works, is not on holiday."""

RATE_DAYS = 84
"""What is to be expected is measured on so many days before a gap and after it: twelve weeks, as for the alarm on deaf sources."""

LEAST_RATE_DAYS = 28
"""A rate is never measured on fewer days than this."""

NEAR_DAYS = 182
"""How uneven the traffic is, is measured on so many days before a gap and after it."""

BLOCKS = (7, 28)
"""Unevenness is the larger of the variance-to-mean ratios of weekly and four-weekly counts."""

MONTH = 28
"""How many different people a source brings is counted in so many days together."""

TOGETHER = 2
"""Shortly before a hole a source brought at least so many different people in a month: what serves one person falls silent with them."""

STRAY_SHARE = 0.05
"""A stretch that brought no more than this share of what was to be expected is a hole with a few stray records in it."""

HOLIDAYS = 23
"""So many days of a gap may be holidays: three weeks off, with the weekends at both ends."""

NO_HOLIDAYS = 42
"""A gap of so many days is no holiday, whoever was at work."""

AT_WORK = 0.5
"""We were at work in a gap if we touched at least this share of the people a day whom we touched before it."""


def _no_days() -> pd.DataFrame:
    return pd.DataFrame({"source": pd.Series(dtype="str"), "day": np.empty(0, "int64"), "count": np.empty(0, "int64")})


def _no_months() -> pd.DataFrame:
    return _no_days().rename(columns={"day": "month"})


def _no_people() -> pd.DataFrame:
    return pd.DataFrame({"source": pd.Series(dtype="str"), "people": np.empty(0, "int64")})


@dataclass(frozen=True)
class Traffic:
    """Whom each source brought: ``days`` [source, day, count], ``months`` [source, month, count], ``people`` [source, people].

    A person counts once a day, once in MONTH days, and once in all. Added up over buckets.
    """

    days: pd.DataFrame = field(default_factory=_no_days)
    months: pd.DataFrame = field(default_factory=_no_months)
    people: pd.DataFrame = field(default_factory=_no_people)

    @classmethod
    def total(cls, parts: Iterable[Traffic]) -> Traffic:
        """The sum of the traffic of all parts: of other people, or of other sources."""
        parts = list(parts)
        days, months, people = (pd.concat([getattr(part, name) for part in parts]) for name in ("days", "months", "people"))
        return cls(
            days.groupby(["source", "day"], as_index=False)["count"].sum(),
            months.groupby(["source", "month"], as_index=False)["count"].sum(),
            people.groupby("source", as_index=False)["people"].sum(),
        )

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic.total([self, other])

    @property
    def begins_on(self) -> int | None:
        """The first day on which anybody was heard from; None where nobody was."""
        days = self.days.loc[self.days["source"] == EVERYTHING, "day"]
        return int(days.min()) if len(days) else None

    def to_json(self) -> dict[str, Any]:
        """The traffic as plain lists."""
        return {name: getattr(self, name).to_dict("list") for name in ("days", "months", "people")}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Traffic:
        """The traffic that :meth:`to_json` wrote."""
        return cls(*(pd.DataFrame(kept[name]).astype({"source": "str"}) for name in ("days", "months", "people")))


@dataclass(frozen=True)
class _Counts:
    """The days on which a source brought somebody, ascending, and how many on each; the months, ascending, and how many different people in each."""

    day: np.ndarray
    count: np.ndarray
    month: np.ndarray
    seen: np.ndarray

    def rate(self, start: int, end: int) -> float:
        """People a day from ``start`` to the day before ``end``."""
        inside = (self.day >= start) & (self.day < end)
        return float(self.count[inside].sum() / max(end - start, LEAST_RATE_DAYS))

    def people_before(self, start: int) -> int:
        """How many different people came in the best of the months that touch the RATE_DAYS before ``start``."""
        first, last = np.searchsorted(self.month, [(start - RATE_DAYS) // MONTH, (start - 1) // MONTH + 1])
        return int(self.seen[first:last].max(initial=0))


def find_holes(traffic: Traffic, end: int, policy: Policy) -> tuple[Hole, ...]:
    """The holes of all sources up to the day ``end``, the whole log's first, then by source and time.

    A gap of at least ``deaf_after_days`` is a hole where neither chance nor holidays explain it. Chance: with ``expected`` people at the rate before
    or after (the lower of the two), and counts as uneven as near the gap (variance ÷ mean), a negative binomial gives the chance of so few; a hole
    has −ln of it at least ``deaf_expected`` (12: under 1 in 100,000). A few strays are allowed. A source must have served ``deaf_persons`` people,
    and TOGETHER of them shortly before the gap. Holidays: a mailbox may rest
    for HOLIDAYS days; and unless we were at work meanwhile, so may everything, so that of less than NO_HOLIDAYS only the days beyond them count. A gap that is still open has only its past to judge by.
    A hole that a wider source shows too is told of the wider one alone.
    """
    people = traffic.people.set_index("source")["people"]
    days, months = _by_source(traffic.days, "day"), _by_source(traffic.months, "month")
    nothing = (np.empty(0, "int64"), np.empty(0, "int64"))
    counts = {name: _Counts(*of_days, *months.get(name, nothing)) for name, of_days in days.items()}
    us = counts.pop(US, None)
    found: list[Hole] = []
    for name in sorted(counts, key=lambda name: (name != EVERYTHING, -name.count("*"), name)):
        if people[name] >= policy.deaf_persons:
            gaps = _gaps(name, counts[name], us, end, policy)
            found += [
                Hole(name, start, stop, expected, int(people[name]), strays)
                for start, stop, expected, strays in gaps
                if not any(_shows_too(wider, name, start, stop) for wider in found)
            ]
    return tuple(sorted(found, key=lambda hole: (hole.source != EVERYTHING, hole.source, hole.start)))


def _by_source(rows: pd.DataFrame, by: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each source its days (or months), ascending, and its counts."""
    ordered = rows.sort_values(["source", by])
    starts = np.flatnonzero(~ordered["source"].duplicated().to_numpy())
    names = ordered["source"].iloc[starts]
    parts = zip(np.split(ordered[by].to_numpy(), starts[1:]), np.split(ordered["count"].to_numpy(), starts[1:]), strict=True)
    return {str(name): part for name, part in zip(names, parts, strict=False)}


def _shows_too(wider: Hole, name: str, start: int, stop: int) -> bool:
    shared = min(wider.end, stop) - max(wider.start, start)
    return contains(wider.source, name) and shared >= (stop - start) / 2


def _gaps(name: str, counts: _Counts, us: _Counts | None, end: int, policy: Policy) -> list[tuple[int, int, int, int]]:
    """The holes of one source: first day, day after the last, how many people were expected, and how many came all the same."""
    day, is_mailbox = counts.day, name != EVERYTHING and name.split("|")[1] != "*"
    following = np.append(day[1:], end)
    gap = following - day - 1
    found: list[tuple[int, int, int, int]] = []
    done = -1
    for place in np.flatnonzero(gap >= policy.deaf_after_days):
        start = int(day[place]) + 1
        if place <= done or counts.people_before(start) < TOGETHER:
            continue
        before = counts.rate(max(start - RATE_DAYS, int(day[0])), start)
        last, strays = _reach(int(place), counts.count, following, gap, before)
        stop = int(following[last])
        is_work = _at_work(us, start, stop)
        if is_mailbox and stop - start <= HOLIDAYS:
            continue
        # A few days after a gap tell no rate yet: it would look as if little was to be expected.
        rates = [before, *([counts.rate(stop, min(stop + RATE_DAYS, end))] if end - stop >= LEAST_RATE_DAYS else [])]
        expected = min(rates) * (stop - start)
        uneven = max(_unevenness(counts, start, stop, end, block) for block in BLOCKS)
        is_whole = is_work or stop - start >= NO_HOLIDAYS
        beyond = expected if is_whole else min(rates) * max(stop - start - HOLIDAYS, 0)
        if strays <= STRAY_SHARE * expected and surprise(strays, beyond, uneven) >= policy.deaf_expected:
            found.append((start, stop, round(expected), strays))
            done = last
    return found


def _at_work(us: _Counts | None, start: int, stop: int) -> bool:
    """Whether we went on touching people in a gap."""
    if us is None:
        return False
    inside = (us.day >= start) & (us.day < stop)
    return float(us.count[inside].sum() / (stop - start)) >= AT_WORK * us.rate(start - RATE_DAYS, start) > 0


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


def surprise(strays: int, expected: float, uneven: float) -> float:
    """−ln of the chance that so few came: negative binomial with that mean and variance ÷ mean, Poisson where counts are even."""
    if expected <= 0:
        return 0.0
    is_even = uneven <= 1 + 1e-6
    chance = gammaincc(strays + 1, expected) if is_even else betainc(expected / (uneven - 1), strays + 1, 1 / uneven)
    return float(-np.log(max(chance, 1e-300)))


def _unevenness(counts: _Counts, start: int, stop: int, end: int, block: int) -> float:
    """Variance ÷ mean of the counts of whole blocks of days near the gap, the gap itself left out; 1 where there are too few to tell."""
    day, count, blocks = counts.day, counts.count, list[float]()
    first, last = max(int(day[0]), start - NEAR_DAYS), min(end, stop + NEAR_DAYS)
    for begin, finish in ((first, start), (stop, last)):
        whole = (finish - begin) // block
        inside = (day >= begin) & (day < begin + whole * block)
        blocks += np.bincount((day[inside] - begin) // block, weights=count[inside], minlength=whole).tolist() if whole else []
    return variance_to_mean(np.array(blocks))


def variance_to_mean(blocks: np.ndarray) -> float:
    """Variance ÷ mean of counts, never under that of chance alone, 1; also 1 where there are too few to tell."""
    mean = float(np.mean(blocks)) if len(blocks) else 0.0
    return max(float(np.var(blocks, ddof=1)) / mean, 1.0) if len(blocks) >= 4 and mean > 0 else 1.0
