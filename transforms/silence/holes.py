"""Times of which nothing is on record, though much was to be expected: there nobody was silent, we were deaf.

A hole is found by way of capture (crm|channel, all people together): at least a week without a word from anybody, where at least
``hole_expected`` people would have been heard by the days before and by the days after it, and much longer than the pauses usual there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.policy import Policy
from transforms.silence.facts import FADING_HEARD, PLACE, way_number

AROUND = 84
"""The days before and after a pause by which is judged what was to be expected in it."""

UNUSUAL = 3.0
"""A hole is at least so many times as long as the longest pause of the year around it."""

TOGETHER = 3
"""On the busiest day before a hole at least so many people were heard: a way that serves one or two falls silent with them."""

SPOILT = 0.2
"""A row teaches nothing where more than this share of its horizon lies in a hole."""

EVERYWHERE = "*"
"""The name under which all ways of capture together are counted."""


@dataclass(frozen=True)
class Hole:
    """The first and the last day, since 1970, of which a way of capture (crm|channel; EVERYWHERE for all of them) has nothing."""

    source: str
    first: int
    last: int


@dataclass(frozen=True)
class Holes:
    """All the holes of an org."""

    found: tuple[Hole, ...] = ()

    def days_of(self, way: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
        """How many of the days from ``first`` to the day before ``end`` lie in a hole of each person's way of capture."""
        days = np.zeros(len(way))
        by_way: dict[float, list[Hole]] = {}
        everywhere = [hole for hole in self.found if hole.source == EVERYWHERE]
        for hole in self.found:
            if hole.source != EVERYWHERE:
                by_way.setdefault(float(way_number(*hole.source.split("|"))), []).append(hole)
        # Somebody never heard has no way of their own: only where everything is missing, their time stands still.
        others = ~np.isin(way, list(by_way))
        for rows, holes in [(others, everywhere), *((way == number, [*own, *everywhere]) for number, own in by_way.items())]:
            for start, stop in _merged(holes):
                days[rows] += np.clip(np.minimum(end[rows], stop) - np.maximum(first[rows], start), 0, None)
        return days

    def closed(self, facts: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """The FACTS of people on their days ``cut``, where time in a hole is no silence.

        The clock of the silence stands still there, and so do the fading days heard: all of them lie before the hole.
        """
        if not self.found:
            return facts
        since = np.nan_to_num(facts[:, PLACE["since_heard"]], nan=0.0) + np.where(
            np.isnan(facts[:, PLACE["since_heard"]]), np.nan_to_num(facts[:, PLACE["known"]], nan=1.0), 0.0
        )
        lost = self.days_of(facts[:, PLACE["way"]], cut - since + 1, cut).astype("float32")
        if not lost.any():
            return facts
        fixed = facts.copy()
        for name in ("since_heard", "since_first", "known"):
            fixed[:, PLACE[name]] -= lost
        for name, life in FADING_HEARD.items():
            fixed[:, PLACE[name]] *= 2.0 ** (lost / life)
        return fixed

    def spoil(self, facts: np.ndarray, cut: np.ndarray, horizon: int) -> np.ndarray:
        """Which rows teach nothing: those after which a good part of the horizon lies in a hole."""
        if not self.found:
            return np.zeros(len(facts), dtype=bool)
        spoilt: np.ndarray = self.days_of(facts[:, PLACE["way"]], cut, cut + horizon) > SPOILT * horizon
        return spoilt


def _merged(holes: Sequence[Hole]) -> list[tuple[int, int]]:
    """The holes as first day and day after the last, those that overlap put together."""
    spans: list[tuple[int, int]] = []
    for hole in sorted(holes, key=lambda one: one.first):
        if spans and hole.first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], hole.last + 1))
        else:
            spans.append((hole.first, hole.last + 1))
    return spans


def find_holes(heard: Mapping[str, np.ndarray], today: int, policy: Policy) -> Holes:
    """The holes of each way of capture, from how many people were heard by it on each day, back from the day before ``today``.

    A hole that is still open has only its past to judge by.
    """
    found = []
    for source, counts in sorted(heard.items()):
        on = (today - 1 - np.flatnonzero(counts))[::-1]
        people = counts[today - 1 - on]
        ends = np.append(on[1:], today)
        gaps = ends - on - 1
        for place in np.flatnonzero(gaps >= policy.deaf_after_days):
            first, after = int(on[place]) + 1, int(ends[place])
            seen = people[(on < first) & (on >= first - AROUND)]
            if seen.sum() < policy.hole_expected or seen.max() < TOGETHER:
                continue  # too little came before for anything to be expected
            before = seen.sum() / min(AROUND, first - int(on[0]))
            later = people[(on >= after) & (on < after + AROUND)].sum() / max(min(AROUND, today - after), 1)
            rate = before if after >= today else min(before, later)
            near = (np.abs(on - first) <= policy.year_days) & (gaps < policy.deaf_after_days)
            if rate * gaps[place] >= policy.hole_expected and gaps[place] >= UNUSUAL * gaps[near].max(initial=1):
                found.append(Hole(source, first, after - 1))
    return Holes(tuple(found))
