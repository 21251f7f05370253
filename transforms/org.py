"""What is known of the whole customer base: learned from small tallies that are added up over buckets.

A tally holds counts only, so that the sum does not depend on how persons are split into buckets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd

from transforms.policy import Policy
from transforms.rhythm import FEW, GROUPS, day_number
from transforms.silence.gaps import MONTH, Traffic, find_holes
from transforms.silence.holes import EVERYTHING, Hole, Holes
from transforms.silence.judging import Learned, learn
from transforms.silence.sample import Sample
from transforms.silence.stops import Stop, judge_stop
from transforms.vocabulary.errors import BadInput

DAY = pd.Timedelta(days=1)
PAUSE_STEPS = np.arange(-4.0, 12.25, 0.25)
"""Edges of the histogram of pauses, as log2 of pause ÷ usual gap (of the pause in days where there is no rhythm yet)."""
LONG_PAUSE = 2 * MONTH
"""Of pauses of so many days it is kept when they were, so that those that span a hole of the data can be told."""
WEEKS = 64
"""So many weeks back the volume of each source is counted."""


def _no_pauses() -> pd.DataFrame:
    return pd.DataFrame({name: np.empty(0, "int64") for name in ("first", "last", "group", "step", "count")})


@dataclass
class Source:
    """What one way of capture delivered: records a week (the latest week first), when it last delivered, for how many persons."""

    weeks: np.ndarray = field(default_factory=lambda: np.zeros(WEEKS, dtype="int64"))
    last: str = ""
    persons: int = 0

    def __add__(self, other: Source) -> Source:
        return Source(self.weeks + other.weeks, max(self.last, other.last), self.persons + other.persons)


@dataclass(frozen=True)
class CutOff:
    """A whole channel of a CRM (crm|*|channel) that delivered before and may not be read any more: what is missing, and how to give it back.

    ``since``: of what happened later nothing can be known.
    """

    since: pd.Timestamp
    lacks: str
    advice: str


@dataclass
class Tally:
    """Counts over one bucket, at one moment.

    ``sample``: persons on past days, and whether they were heard from after. ``pauses`` [group, step]: how long the pauses were that ended; ``long_pauses``
    those of LONG_PAUSE days or more once again, with the months (of MONTH days since 1970) in which they began and ended.
    ``answers``: attempts and answered, by way and more (see ``channels.rates``). ``sources`` crm|owner|channel (owner * for all of them). ``checkins``: touches read, and
    check-ins among them. ``outcomes``: what became of our tasks (see ``channels.outcomes``). ``voices`` company → the two persons heard from latest: time, person_id, name.
    """

    as_of: str
    policy: Policy
    sample: Sample
    pauses: np.ndarray
    answers: dict[str, tuple[int, int]] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    checkins: tuple[int, int] = (0, 0)
    voices: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    outcomes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    long_pauses: pd.DataFrame = field(default_factory=_no_pauses)

    @classmethod
    def empty(cls, as_of: pd.Timestamp, policy: Policy) -> Tally:
        """A tally of nobody."""
        return cls(as_of.isoformat(), policy, Sample.empty(), np.zeros((len(GROUPS), len(PAUSE_STEPS) + 1), dtype="int64"))

    def __add__(self, other: Tally) -> Tally:
        if (self.as_of, self.policy) != (other.as_of, other.policy):
            raise BadInput(f"Tallies of {self.as_of} and {other.as_of} cannot be added: moment and policy must be the same; tally again.")
        answers = {way: _added(self.answers.get(way), other.answers.get(way)) for way in {*self.answers, *other.answers}}
        sources = {name: self.sources.get(name, Source()) + other.sources.get(name, Source()) for name in {*self.sources, *other.sources}}
        voices = {
            company: sorted([*self.voices.get(company, []), *other.voices.get(company, [])], reverse=True)[:2]
            for company in {*self.voices, *other.voices}
        }
        return Tally(
            self.as_of,
            self.policy,
            Sample.of_all([self.sample, other.sample], self.policy),
            self.pauses + other.pauses,
            answers,
            sources,
            _added(self.checkins, other.checkins),
            voices,
            self.traffic + other.traffic,
            {key: _summed(self.outcomes.get(key, ()), other.outcomes.get(key, ())) for key in {*self.outcomes, *other.outcomes}},
            count_alike(pd.concat([self.long_pauses, other.long_pauses])),
        )

    def to_json(self) -> dict[str, Any]:
        """The tally as plain lists, numbers and texts."""
        return {
            "as_of": self.as_of,
            "policy": asdict(self.policy),
            "sample": self.sample.to_json(),
            "pauses": self.pauses.tolist(),
            "answers": {way: list(counts) for way, counts in sorted(self.answers.items())},
            "sources": {
                name: {"weeks": s.weeks.tolist(), "last": s.last, "persons": s.persons} for name, s in sorted(self.sources.items())
            },
            "checkins": list(self.checkins),
            "traffic": self.traffic.to_json(),
            "long_pauses": self.long_pauses.to_dict("list"),
            "outcomes": {key: list(counts) for key, counts in sorted(self.outcomes.items())},
            "voices": {company: [list(voice) for voice in voices] for company, voices in sorted(self.voices.items())},
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Tally:
        """The tally that :meth:`to_json` wrote."""
        return cls(
            kept["as_of"],
            Policy(**kept["policy"]),
            Sample.from_json(kept["sample"]),
            np.array(kept["pauses"], dtype="int64"),
            {way: (int(n), int(k)) for way, (n, k) in kept["answers"].items()},
            {name: Source(np.array(s["weeks"], dtype="int64"), s["last"], s["persons"]) for name, s in kept["sources"].items()},
            (int(kept["checkins"][0]), int(kept["checkins"][1])),
            {company: [(v[0], v[1], v[2]) for v in voices] for company, voices in kept["voices"].items()},
            Traffic.from_json(kept["traffic"]),
            {key: tuple(int(number) for number in counts) for key, counts in kept["outcomes"].items()},
            pd.DataFrame(kept["long_pauses"], dtype="int64"),
        )


def count_alike(pauses: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``long_pauses`` with those that are alike added up."""
    return pauses.groupby(["first", "last", "group", "step"], as_index=False)["count"].sum()


def combine(tallies: Sequence[Tally], cut_off: Mapping[str, CutOff] | None = None) -> Org:
    """The facts of the whole customer base, from the tallies of all its buckets. At least one tally is needed.

    ``cut_off``: the channels (crm|*|channel) that delivered before and may not be read any more.
    """
    if not tallies:
        raise BadInput("There is no tally to combine; tally at least one bucket, even if it is empty.")
    total = tallies[0]
    for tally in tallies[1:]:
        total = total + tally
    return Org.from_tally(total, cut_off)


@dataclass(frozen=True)
class Org:
    """What the customer base's own history teaches. Where it is thin, each number leans on a prior that its docstring names."""

    tally: Tally
    learned: Learned
    holes: Holes
    cut_off: Mapping[str, CutOff] = field(default_factory=dict)

    @classmethod
    def from_tally(cls, tally: Tally, cut_off: Mapping[str, CutOff] | None = None) -> Org:
        """Learn from a tally of everybody. The sample is let go after it was learned from."""
        cut_off = cut_off or {}
        policy, today = tally.policy, first_unknown_day(pd.Timestamp(tally.as_of))
        closed = tuple(Hole(name, start, today) for name, one in sorted(cut_off.items()) if (start := _day_after(one.since)) < today)
        holes = Holes((*find_holes(tally.traffic, today, policy), *closed))
        # Before anybody was heard nothing is on record: nobody was silent then.
        sample = tally.sample.take(np.flatnonzero(tally.sample.cut > (tally.traffic.begins_on or 0)))
        ended = holes.but_open_mailboxes(today)
        sample = sample.take(np.flatnonzero(~ended.spoil(sample.facts, sample.cut, policy.horizon_days)))
        sample = replace(sample, facts=ended.closed(sample.facts, sample.cut))
        return cls(replace(tally, sample=Sample.empty()), learn(sample, policy, tally.as_of, today, holes), holes, cut_off)

    @classmethod
    def without_history(cls, as_of: pd.Timestamp, policy: Policy) -> Org:
        """A customer base of which nothing is known yet: every number is its prior."""
        return cls.from_tally(Tally.empty(as_of, policy))

    @property
    def policy(self) -> Policy:
        """The policy with which the history was counted."""
        return self.tally.policy

    def chance(self, facts: np.ndarray, day: int) -> np.ndarray:
        """The chance to hear within the horizon from people of whom these FACTS are known on a day (see ``silence``)."""
        return self.learned.chance(self.facts_on(facts, day), self.policy.horizon_days)

    def facts_on(self, facts: np.ndarray, day: int) -> np.ndarray:
        """The FACTS, where time in a hole of the data is no silence (of a mailbox that is deaf now it counts: see ``but_open_mailboxes``)."""
        ended = self.holes.but_open_mailboxes(first_unknown_day(pd.Timestamp(self.tally.as_of)))
        return ended.closed(facts, np.full(len(facts), day))

    @property
    def silent_chance(self) -> float:
        """The chance at or under which somebody counts as silent: of the people heard from within the horizon, the share ``false_alarm`` had it."""
        return self.learned.silent_chance

    def pause(self, share: float) -> np.ndarray:
        """For each group, the pause that is longer than ``share`` of those that ended, in usual gaps (in days without a rhythm).

        Thin groups lean on all groups with a rhythm (or all without); where these are thin, on the prior that the chance of a longer pause halves with
        every usual gap (for people without a rhythm: every 30 days).
        """
        weight = self.policy.prior_weight
        steps = np.exp2(PAUSE_STEPS)
        result = np.empty(len(GROUPS))
        for groups, unit in ((range(FEW + 1), 30.0), (range(FEW + 1, len(GROUPS)), 1.0)):
            prior = np.diff(1 - np.exp2(-steps / unit), prepend=0.0, append=1.0)
            counts = self._pauses[groups.start : groups.stop]
            pooled = _blend(counts.sum(axis=0), prior, weight)
            for group in groups:
                below = np.cumsum(_blend(self._pauses[group], pooled, weight))
                result[group] = steps[min(int(np.searchsorted(below, share)), len(steps) - 1)]
        return result

    @cached_property
    def _pauses(self) -> np.ndarray:
        """The pauses of the tally without those that span a long hole of more than a mailbox: their length is the hole's, not the person's."""
        rows, counts = self.tally.long_pauses, self.tally.pauses.copy()
        spans = np.zeros(len(rows), dtype=bool)
        for hole in self.holes.found:
            if hole.days >= LONG_PAUSE and not hole.is_mailbox:
                spans |= ((rows["first"] <= (hole.start - 1) // MONTH) & (rows["last"] >= hole.end // MONTH)).to_numpy()
        np.subtract.at(counts, (rows["group"].to_numpy()[spans], rows["step"].to_numpy()[spans]), rows["count"].to_numpy()[spans])
        return counts

    @cached_property
    def _stops(self) -> dict[str, Stop]:
        """The sources that were busy, served several people, and have brought nothing for ``deaf_after_days``: how surprising that is."""
        now, found = pd.Timestamp(self.tally.as_of), {}
        for name, source in self.tally.sources.items():
            quiet_days = (now - pd.Timestamp(source.last)) / DAY
            if quiet_days >= self.policy.deaf_after_days and source.persons >= self.policy.deaf_persons:
                stop = judge_stop(source.weeks, quiet_days)
                if stop.expected >= self.policy.deaf_expected:
                    found[name] = stop
        return found

    @cached_property
    def deaf_since(self) -> dict[str, pd.Timestamp]:
        """Sources that delivered before and do not now, and since when.

        Expected are as many records a week as in the twelve weeks up to its last record; at least ``deaf_expected`` must be missing. A source is deaf
        where chance is no explanation: with counts as uneven as they were in the half-year before (negative binomial), −ln of the chance of
        nothing is at least ``deaf_surprise``. A lull of one person is none either, since the source must have served several.
        A source that brings what we send and nothing of theirs any more is deaf too: a hole of what was heard that is still open.
        What may not be read any more is deaf at once, with all its mailboxes.
        """
        now = pd.Timestamp(self.tally.as_of)
        deaf = [name for name, stop in self._stops.items() if stop.surprise >= self.policy.deaf_surprise]
        found = {name: pd.Timestamp(self.tally.sources[name].last) for name in deaf}
        for hole in self.holes.open_at(first_unknown_day(now)):
            began = pd.Timestamp(hole.start, unit="D", tz="UTC")
            found |= {name: min(began, found.get(name, began)) for name in self.tally.sources if hole.hides(name)}
        for name, one in self.cut_off.items():
            found[name] = min(one.since, found.get(name, one.since))
        return found

    @property
    def nothing_since(self) -> pd.Timestamp | None:
        """Since when nothing has reached us from anybody, where a hole of the whole log is open; else None."""
        whole = [hole for hole in self.holes.open_at(first_unknown_day(pd.Timestamp(self.tally.as_of))) if hole.source == EVERYTHING]
        return pd.Timestamp(whole[0].start, unit="D", tz="UTC").as_unit("us") if whole else None

    @cached_property
    def in_doubt_since(self) -> dict[str, pd.Timestamp]:
        """Sources in a lull that may be a stop, and since when: much is missing, but they always spoke in bursts, so it may be chance.

        Nobody becomes silent by such a lull, and nobody is told of it: of twenty in a public mail log fifteen had ended by themselves. It is in doubt
        from the day on which ``deaf_expected`` records were missing.
        """
        found = {}
        for name, stop in self._stops.items():
            if name not in self.deaf_since:
                days = np.ceil(max(self.policy.deaf_after_days, 7 * self.policy.deaf_expected / stop.weekly))
                found[name] = pd.Timestamp(self.tally.sources[name].last) + days * DAY
        return found


def first_unknown_day(as_of: pd.Timestamp) -> int:
    """The first UTC day of which nothing is known yet at a moment, as days since 1970."""
    return int(day_number(pd.Series([as_of - pd.Timedelta(microseconds=1)]))[0]) + 1


def _day_after(moment: pd.Timestamp) -> int:
    return int(day_number(pd.Series([moment]))[0]) + 1


def _summed(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one + more for one, more in zip_longest(a, b, fillvalue=0))


def _added(a: tuple[int, int] | None, b: tuple[int, int] | None) -> tuple[int, int]:
    a, b = a or (0, 0), b or (0, 0)
    return (a[0] + b[0], a[1] + b[1])


def _blend(counts: np.ndarray, prior: np.ndarray, weight: float) -> np.ndarray:
    """Counts as shares, with a prior worth ``weight`` counts."""
    shares: np.ndarray = (counts + weight * prior) / (counts.sum() + weight)
    return shares
