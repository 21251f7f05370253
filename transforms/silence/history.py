"""What was known of each person on a day: how often and how lately they were heard from and touched. Pure numbers, no text.

The same facts are taken on past days, to learn from, and on the day of the book, to judge. A fact of a day uses nothing that
happened on that day or later.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.book import Book
from transforms.policy import Policy
from transforms.rhythm import day_number
from transforms.silence.facts import FACTS, HALF_LIVES, PAUSE, PLACE, last_sources
from transforms.silence.sample import Sample
from transforms.silence.surplus import Surplus

_FADING = slice(PLACE["heard_7"], PLACE["unanswered"])


@dataclass(frozen=True)
class Days:
    """The days of one sort of happening: the code of the person, the day (each pair once) and its weight, sorted by day."""

    person: np.ndarray
    on: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Days:
        """The days of a view of a book; the weight is how many rows a day has."""
        codes, on = rows["person_id"].cat.codes.to_numpy().astype("int64"), day_number(rows["occurred_at"])
        pairs, weight = np.unique(on * 2**32 + codes, return_counts=True)
        return cls(pairs % 2**32, pairs // 2**32, weight.astype("float64"))

    def once(self) -> Days:
        """The same days, each with the weight 1."""
        return Days(self.person, self.on, np.ones(len(self.on)))

    def of_people(self, is_kept: np.ndarray) -> Days:
        """The days of some people; ``is_kept`` says for each code whether it is one of them."""
        rows = is_kept[self.person]
        return Days(self.person[rows], self.on[rows], self.weight[rows])

    def part(self, start: int, end: int) -> slice:
        """The rows from day ``start`` to the day before ``end``."""
        return slice(int(np.searchsorted(self.on, start)), int(np.searchsorted(self.on, end)))


class History:
    """The days of a book, ready to be looked at from any day."""

    def __init__(self, book: Book) -> None:
        self.people, self.horizon, self.step = len(book.persons), book.policy.horizon_days, book.policy.training_step_days
        way, box = _sources(book)
        days = book.heard_days.assign(way=way, box=box).sort_values(["on", "person"])
        names = ("person", "on", "gap", "number", "way", "box")
        self.person, self.on, self.gap, self.number, self.way, self.box = (days[name].to_numpy() for name in names)
        begins = ~(self.gap <= PAUSE)
        begun = Days(self.person[begins], self.on[begins], np.ones(int(begins.sum())))
        messages, self.touched = Days.of(book.heard), Days.of(book.touches).once()
        self.heard = heard = messages.once()
        # In the order of FACTS.
        self.fading = (
            *((heard, life) for life in HALF_LIVES),
            *((begun, life) for life in (90.0, 365.0)),
            (messages, 30.0),
            (Days.of(book.direct).once(), 90.0),
            *((self.touched, life) for life in HALF_LIVES),
            (Days.of(book.broadcasts).once(), 90.0),
            (Days.of(book.mass_mails).once(), 90.0),
        )
        known = book.persons["first_known_at"]
        self.known_on = np.where(known.notna(), day_number(known.fillna(book.as_of)).astype("float64"), np.nan)
        self.begins_on = min((int(days.on[0]) for days, _ in self.fading if len(days.on)), default=None)

    def only(self, codes: np.ndarray) -> History:
        """The history of some persons; the facts of the others are those of somebody never heard from."""
        some, is_kept = copy(self), np.zeros(self.people, dtype=bool)
        is_kept[codes] = True
        kept = is_kept[self.person]
        some.person, some.on, some.gap, some.number, some.way, some.box = (
            column[kept] for column in (self.person, self.on, self.gap, self.number, self.way, self.box)
        )
        some.heard, some.touched = self.heard.of_people(is_kept), self.touched.of_people(is_kept)
        some.fading = tuple((days.of_people(is_kept), life) for days, life in self.fading)
        return some

    def facts(self, cuts: np.ndarray) -> Iterator[np.ndarray]:
        """For each of the days ``cuts`` (ascending, days since 1970), the FACTS of every person: an array [person, fact].

        ``known`` is negative or 0 for people who were not known before that day.
        """
        people = self.people
        fading = np.zeros((len(self.fading), people))
        first, last, way, box = (np.full(people, np.nan) for _ in range(4))
        count = np.zeros(people)
        touch_last, unanswered = np.full(people, np.nan), np.zeros(people)
        gaps_log, gaps_log2, longest = np.zeros(people), np.zeros(people), np.zeros(people)
        log_gap = np.log(np.maximum(np.nan_to_num(self.gap, nan=1.0), 1.0))
        past = int(cuts[0]) if self.begins_on is None else min(self.begins_on, int(cuts[0]))
        surplus = Surplus(self.heard, self.touched, self.known_on, past, self.step, self.horizon)
        for cut in cuts:
            now = int(cut)
            for place, (view, life) in enumerate(self.fading):
                new = view.part(past, now)
                weight = view.weight[new] * 2.0 ** ((view.on[new] - now) / life)
                fading[place] *= 2.0 ** ((past - now) / life)
                fading[place] += np.bincount(view.person[new], weights=weight, minlength=people)
            until = int(np.searchsorted(self.on, now))
            fresh = slice(int(np.searchsorted(self.on, past)), until)
            who, on = self.person[fresh], self.on[fresh]
            # Days stand in their order, and of several assignments to one person the last one stays.
            last[who], count[who], way[who], box[who] = on, self.number[fresh], self.way[fresh], self.box[fresh]
            is_first = self.number[fresh] == 1
            first[who[is_first]] = on[is_first]
            gaps_log += np.bincount(who, weights=log_gap[fresh], minlength=people)
            gaps_log2 += np.bincount(who, weights=log_gap[fresh] ** 2, minlength=people)
            np.maximum.at(longest, who, np.nan_to_num(self.gap[fresh]))
            touch = self.touched.part(past, now)
            toucher, touch_on = self.touched.person[touch], self.touched.on[touch]
            unanswered[who] = 0
            unanswered += np.bincount(toucher, weights=~(touch_on <= last[toucher]), minlength=people)
            touch_last[toucher] = touch_on
            silence = (now - last)[self.person[:until]]
            is_longer = self.gap[:until] > silence
            ended = is_longer & (self.gap[:until] <= silence + self.horizon)
            facts = np.empty((people, len(FACTS)), dtype="float32")
            facts[:, : _FADING.start] = np.column_stack([now - last, now - self.known_on, now - first, count])
            facts[:, _FADING] = fading.T
            facts[:, _FADING.stop :] = np.column_stack(
                [
                    *(unanswered, now - touch_last, gaps_log, gaps_log2, longest),
                    np.bincount(self.person[:until], weights=is_longer, minlength=people),
                    np.bincount(self.person[:until], weights=ended, minlength=people),
                    *surplus.on(now),
                    way,
                    box,
                ]
            )
            yield facts
            past = now

    def heard_from(self, cut: int) -> np.ndarray:
        """Whether each person was heard from on one of the days of the horizon from ``cut`` on."""
        found = np.zeros(self.people, dtype=bool)
        found[self.person[slice(*np.searchsorted(self.on, [cut, cut + self.horizon]))]] = True
        return found


def _sources(book: Book) -> tuple[np.ndarray, np.ndarray]:
    """By which way and in whose mailbox each person was heard last on each of the days of ``heard_days``, as numbers."""
    rows = book.heard
    on, codes = day_number(rows["occurred_at"]), rows["person_id"].cat.codes.to_numpy()
    ends = np.ones(len(rows), dtype=bool)
    ends[:-1] = (codes[1:] != codes[:-1]) | (on[1:] != on[:-1])
    way, box = last_sources(rows)
    return way[ends], box[ends]


def facts_now(book: Book) -> np.ndarray:
    """The FACTS of every person of the book as of its moment."""
    return next(History(book).facts(np.array([book.tomorrow])))


def chances_on(book: Book, codes: np.ndarray, days: np.ndarray) -> np.ndarray:
    """The chance to hear back of each of these persons as it would have been on a day of their own, by what is known of the org today."""
    history, found = History(book).only(np.unique(codes)), np.empty(len(codes))
    dates = np.unique(days)
    for day, facts in zip(dates, history.facts(dates) if len(dates) else (), strict=True):
        here = days == day
        found[here] = book.org.chance(facts[codes[here]], int(day))
    return found


def past_days(as_of: pd.Timestamp, policy: Policy) -> np.ndarray:
    """The days to learn from, ascending, since 1970: those whose horizon has passed.

    They lie on a fixed grid of the calendar, so that runs on two days in a row learn from the same days.
    """
    today = int(day_number(pd.Series([as_of]))[0])
    step = policy.training_step_days
    last = (today - policy.horizon_days) // step * step
    return np.arange(last - policy.training_days // step * step, last + step, step)


def sample_of(book: Book) -> Sample:
    """The sample of one bucket."""
    policy, history = book.policy, History(book)
    days = past_days(book.as_of, policy)
    person_keys = pd.util.hash_array(book.persons.index.to_numpy(dtype=object), categorize=False)
    found, kept = [], Sample.empty()
    for cut, facts in zip(days, history.facts(days) if len(days) else (), strict=True):
        was_known = facts[:, PLACE["known"]] > 0
        keys = _mixed(person_keys, int(cut))
        rows = np.flatnonzero(was_known)
        found.append(Sample(keys[rows], np.full(len(rows), cut, "int32"), facts[rows], history.heard_from(int(cut))[rows]))
        if sum(map(len, found)) > 4 * policy.training_rows:
            kept, found = Sample.of_all([kept, *found], policy), []
    return Sample.of_all([kept, *found], policy)


def _mixed(keys: np.ndarray, day: int) -> np.ndarray:
    """A hash of each key and the day (the finaliser of SplitMix64, Steele, Lea & Flood 2014)."""
    with np.errstate(over="ignore"):
        mixed = keys ^ (np.uint64(day % 2**64) * np.uint64(0x9E3779B97F4A7C15))
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return result
