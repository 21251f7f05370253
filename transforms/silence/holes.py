"""Holes: times of which nothing is on record, though much was to be expected. There nobody was silent, we were deaf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.silence.facts import BY_HAND, FADING_HEARD, PLACE, SURPLUS_LIVES, box_number, crm_number, way_number

EVERYTHING = "everything"
"""The name of the whole log among the sources; the others are crm|*|*, crm|*|channel and crm|owner|channel."""

FORGET = 30.0
"""So many days of a hole in the last half-life of a surplus halve it: what was to be expected of somebody could not be seen then."""

SPOILT = 0.1
"""A row teaches nothing where more than this share of its horizon lies in a hole."""


@dataclass(frozen=True)
class Hole:
    """A stretch of days with next to no record of a source: from the day ``start`` to the day before ``end`` (days since 1970).

    ``expected``: how many people a day, added up, were at least to be expected, by what it brought before and after; ``people``: how many the
    source served; ``strays``: how many came all the same.
    """

    source: str
    start: int
    end: int
    expected: int = 0
    people: int = 0
    strays: int = 0

    @property
    def days(self) -> int:
        """Its length."""
        return self.end - self.start

    @property
    def is_mailbox(self) -> bool:
        """Whether it is of a single mailbox."""
        return self.source != EVERYTHING and self.source.split("|")[1] != "*"

    def touches(self, start: int, end: int) -> bool:
        """Whether it shares a day with the days from ``start`` to the day before ``end``."""
        return self.start < end and start < self.end

    def hides(self, source: str) -> bool:
        """Whether all that this source brings is missing too: the same one or a narrower one."""
        return contains(self.source, source)

    def to_json(self) -> dict[str, Any]:
        """The hole as plain data, with days in ISO form; ``to`` is its last day."""
        first, last = (str(np.datetime64(day, "D")) for day in (self.start, self.end - 1))
        return {
            "source": self.source,
            "from": first,
            "to": last,
            "days": self.days,
            "expected": self.expected,
            "strays": self.strays,
            "people": self.people,
        }


def contains(wider: str, narrower: str) -> bool:
    """Whether all that the narrower source brings is the wider one's too."""
    if wider in (EVERYTHING, narrower):
        return True
    if narrower == EVERYTHING or narrower.split("|")[2] in BY_HAND:
        return False
    return all(one in ("*", other) for one, other in zip(wider.split("|"), narrower.split("|"), strict=True))


@dataclass(frozen=True)
class Holes:
    """All the holes of an org."""

    found: tuple[Hole, ...] = ()

    def open_at(self, day: int) -> tuple[Hole, ...]:
        """Those that have not ended on the day before this one."""
        return tuple(hole for hole in self.found if hole.end >= day)

    def but_open_mailboxes(self, day: int) -> Holes:
        """All but the holes of single mailboxes that have not ended on the day before this one.

        Whether such a mailbox is deaf or its owner is gone, nothing will be on record of whom they wrote with: the chance to hear must not wait.
        """
        return Holes(tuple(hole for hole in self.found if hole.end < day or not hole.is_mailbox))

    def days_of(self, way: np.ndarray, box: np.ndarray, first: np.ndarray, end: np.ndarray) -> np.ndarray:
        """How many of the days from ``first`` to the day before ``end`` lie in a hole of each person, by their way and mailbox (see ``FACTS``).

        Somebody never heard by a source that records by itself has no way of their own: only where everything is missing, their time stands still.
        """
        days = np.zeros(len(way))
        if not self.found:
            return days
        pairs, place = np.unique(np.nan_to_num(way, nan=-1.0) * 2.0**25 + np.nan_to_num(box, nan=-1.0), return_inverse=True)
        _, sample = np.unique(place, return_index=True)
        for number in range(len(pairs)):
            spans = _merged([hole for hole in self.found if _is_of(hole, float(way[sample[number]]), float(box[sample[number]]))])
            if not spans:
                continue
            rows = np.flatnonzero(place == number)
            for start, stop in spans:
                days[rows] += np.clip(np.minimum(end[rows], stop) - np.maximum(first[rows], start), 0, None)
        return days

    def closed(self, facts: np.ndarray, cut: np.ndarray) -> np.ndarray:
        """The FACTS of people on their days ``cut``, where time in a hole is no silence.

        The clock of the silence stands still there, and so do the fading days heard: all of them lie before the hole. A hole between two
        days heard lies in one gap: it is taken out of the longest one.
        """
        if not self.found:
            return facts
        of = {name: facts[:, PLACE[name]] for name in ("since_heard", "since_first", "known", "way", "box", "longest")}
        since = np.where(np.isnan(of["since_heard"]), np.nan_to_num(of["known"], nan=1.0), of["since_heard"]).astype("float64")
        lost = self.days_of(of["way"], of["box"], cut - since + 1, cut)
        begun = np.maximum(np.nan_to_num(of["since_first"], nan=0.0), since)
        inside = self.days_of(of["way"], of["box"], cut - begun + 1, cut) - lost
        older = self.days_of(of["way"], of["box"], cut - np.maximum(np.nan_to_num(of["known"], nan=0.0), begun) + 1, cut)
        if not older.any():
            return facts
        fixed = facts.copy()
        for name, by in (("since_heard", lost), ("since_first", lost + inside), ("known", older)):
            fixed[:, PLACE[name]] -= by.astype("float32")
        for name, life in FADING_HEARD.items():
            fixed[:, PLACE[name]] *= (2.0 ** (lost / life)).astype("float32")
        for life in SURPLUS_LIVES:
            unseen = self.days_of(of["way"], of["box"], cut - life, cut)
            fixed[:, PLACE[f"surplus_{life:g}"]] *= (0.5 ** (unseen / FORGET)).astype("float32")
        rows = np.flatnonzero((inside > 0) & (of["longest"] > inside))
        gap = of["longest"][rows].astype("float64")
        shorter = gap - inside[rows]
        fixed[rows, PLACE["longest"]] = shorter
        fixed[rows, PLACE["gaps_log"]] += np.log(shorter) - np.log(gap)
        fixed[rows, PLACE["gaps_log2"]] += np.log(shorter) ** 2 - np.log(gap) ** 2
        return fixed

    def spoil(self, facts: np.ndarray, cut: np.ndarray, horizon: int) -> np.ndarray:
        """Which rows teach nothing: those after which a good part of the horizon lies in a hole."""
        lost = self.days_of(facts[:, PLACE["way"]], facts[:, PLACE["box"]], cut, cut + horizon)
        spoilt: np.ndarray = lost > SPOILT * horizon
        return spoilt


def _is_of(hole: Hole, way: float, box: float) -> bool:
    """Whether a hole hides people who are heard by this way and mailbox."""
    if hole.source == EVERYTHING:
        return True
    if np.isnan(way):
        return False
    crm, owner, channel = hole.source.split("|")
    if owner != "*":
        return box == box_number(crm, owner, channel)
    return way == way_number(crm, channel) if channel != "*" else way // 16 == crm_number(crm)


def _merged(holes: Sequence[Hole]) -> list[tuple[int, int]]:
    """The holes as first day and day after the last, those that overlap put together."""
    spans: list[tuple[int, int]] = []
    for hole in sorted(holes, key=lambda one: one.start):
        if spans and hole.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], hole.end))
        else:
            spans.append((hole.start, hole.end))
    return spans
