"""Learning from a sample, and judging it on days that it has not learned from: its calibration, its threshold for silence, its card.

The check goes forward in time, as the use does: what is judged on a past day was learned from rows whose horizon had ended before that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.special import expit

from transforms.policy import Policy
from transforms.silence.card import Bin, ModelCard, Weighed
from transforms.silence.facts import PLACE
from transforms.silence.holes import Holes
from transforms.silence.model import Model, fit, likeliest, the_prior
from transforms.silence.sample import Sample
from transforms.silence.terms import GAP_PRIOR, GAP_SPREAD, TERMS, shape_of, terms_of

BLOCKS = (0.55, 0.7, 0.85, 1.0)
"""The shares of the time known between which the check is made: three times it learns from what came before, and judges what came after."""

FEWEST = 30
"""With fewer rows to learn from, or to judge, a check would say nothing."""

PRIOR_HEARD = 20.0
"""The threshold leans on what the model itself expects with the weight of so many people who were heard, and as much on the prior's threshold."""

USUAL_FALSE_ALARM = 0.05
"""The prior's threshold for silence was made for this share of false alarms."""

LIKELY = 0.5
"""Nobody who is likelier than not to be heard from is called silent, however regular the people of an org are."""

BINS = 10


@dataclass(frozen=True)
class Learned:
    """What was learned: the model, the threshold for silence, and the card.

    A calibration after the fit (a shift and a slope of the log odds, Platt 1999) was tried and left out: learned on past days and used on later
    ones, it made the calibration no better and the order of people of different months worse.
    """

    model: Model
    silent_chance: float
    card: ModelCard
    usual: np.ndarray
    """The mean terms of the sample, against which reasons are told."""
    shape: float
    """How regular the gaps of the people of the org are (see ``shape_of``)."""
    gaps: tuple[float, float]
    """Mean and deviation, over people, of the logarithm of their gaps in days."""

    def chance(self, facts: np.ndarray, horizon: int) -> np.ndarray:
        """The chance to hear within the horizon from people of whom these FACTS are known."""
        return _said(self.model.log_odds(terms_of(facts, horizon, self.shape)))

    def reasons(self, facts: np.ndarray, horizon: int) -> dict[str, np.ndarray]:
        """By how much each reason (see ``Term.reason``) moves the log odds of each person from those of the usual person of the sample."""
        parts = self.model.parts(terms_of(facts, horizon, self.shape), self.usual)
        kinds = [term.reason for term in TERMS]
        return {kind: parts[:, [one == kind for one in kinds]].sum(axis=1) for kind in dict.fromkeys(kinds)}


def _said(log_odds: np.ndarray) -> np.ndarray:
    """The chance as it is said: to six places, since the last bits of a sum depend on how many people are computed at once."""
    chances: np.ndarray = np.round(expit(log_odds), 6)
    return chances


@dataclass(frozen=True)
class _Checked:
    """Chances (log odds) on days not learned from, beside what happened and what the recency rule said."""

    odds: np.ndarray
    recency: np.ndarray
    heard: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.odds)


def learn(sample: Sample, policy: Policy, as_of: str, today: int, holes: Holes) -> Learned:
    """The model of one org, learned from its sample as of the day ``today``. The same for the same sample, always."""
    shape = shape_of(sample.facts)
    terms = terms_of(sample.facts, policy.horizon_days, shape)
    heard, cut = sample.heard.astype("float64"), sample.cut.astype("int64")
    model = fit(terms, heard, _weight(cut, today, policy), policy.horizon_days)
    checked = _check(sample, terms, policy)
    chances = _said(model.log_odds(terms))
    silent = _silent_chance(checked, chances, _weight(cut, today, policy), policy)
    card = _card(sample, checked, (silent, shape), model, policy, as_of, holes)
    usual = np.average(terms, axis=0) if len(terms) else the_prior().centre
    return Learned(model, silent, card, usual, shape, _gaps(sample))


def _gaps(sample: Sample) -> tuple[float, float]:
    """Mean and deviation of the logarithm of people's gaps; with few people to tell, what is usual elsewhere."""
    gaps = sample.facts[:, PLACE["days_heard"]].astype("float64") - 1
    rows = gaps >= 1
    if rows.sum() < FEWEST:
        return float(np.log(GAP_PRIOR)), float(np.sqrt(GAP_SPREAD))
    own = sample.facts[rows, PLACE["gaps_log"]] / gaps[rows]
    return float(np.mean(own, dtype="float64")), max(float(np.std(own, dtype="float64")), 0.1)


def _weight(cut: np.ndarray, today: int, policy: Policy) -> np.ndarray:
    """How much each row counts: horizons overlap where days lie closer than a horizon, and what is long ago counts less."""
    overlap = min(policy.training_step_days / policy.horizon_days, 1.0)
    weight: np.ndarray = overlap * 0.5 ** ((today - cut) / policy.training_half_life_days)
    return weight


def _check(sample: Sample, terms: np.ndarray, policy: Policy) -> _Checked:
    heard, cut = sample.heard.astype("float64"), sample.cut.astype("int64")
    recency = _recency_terms(sample)
    edges = np.quantile(cut, BLOCKS, method="lower") if len(cut) else np.zeros(len(BLOCKS))
    found = []
    for start, end in pairwise(edges):
        before, here = cut + policy.horizon_days <= start, (cut >= start) & (cut < end + (end == edges[-1]))
        if before.sum() < FEWEST or here.sum() < FEWEST:
            continue
        weight = _weight(cut, int(start), policy)
        model = fit(terms[before], heard[before], weight[before], policy.horizon_days)
        rule = likeliest(recency[before], heard[before], weight[before], np.zeros(2), np.full(2, 1e-3))
        found.append(_Checked(model.log_odds(terms[here]), recency[here] @ rule, heard[here], _weight(cut[here], int(edges[-1]), policy)))
    names = ("odds", "recency", "heard", "weight")
    return _Checked(*(np.concatenate([getattr(one, name) for one in found]) if found else np.empty(0) for name in names))


def _recency_terms(sample: Sample) -> np.ndarray:
    """The rule to beat: a logistic curve on the log of the days since last heard (for those never heard: since known)."""
    since = sample.facts[:, PLACE["since_heard"]].astype("float64")
    since = np.where(np.isnan(since), sample.facts[:, PLACE["known"]], since)
    return np.column_stack([np.ones(len(since)), np.log1p(since)])


def _silent_chance(checked: _Checked, chances: np.ndarray, weight: np.ndarray, policy: Policy) -> float:
    """The chance at or under which somebody counts as silent: of those who were heard, the share ``false_alarm`` had so low a chance.

    Counted on the days of the check; where few were heard there, it leans on what the model expects of the rows that it learned from,
    and where these are few as well, on what is usual elsewhere. Never above LIKELY.
    """
    was_heard = checked.heard > 0
    seen, own = _said(checked.odds[was_heard]), checked.weight[was_heard]
    expected = weight * chances
    values = np.concatenate([seen, chances])
    weights = np.concatenate([own, PRIOR_HEARD * expected / max(expected.sum(), 1e-9)])
    if not weights.sum():  # there is nothing to learn from, or it lies so long ago that it weighs nothing
        return _usual_silent_chance(policy)
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    below = int(np.searchsorted(share, policy.false_alarm, side="right"))
    found = float(values[order][max(below - 1, 0)])
    known = float(own.sum() + expected.sum())
    return min((known * found + PRIOR_HEARD * _usual_silent_chance(policy)) / (known + PRIOR_HEARD), LIKELY)


def _usual_silent_chance(policy: Policy) -> float:
    """The threshold that is usual elsewhere, for the share of false alarms asked for.

    Where chances are right and as many people stand at each of the low ones, those under c hold the share c² of all who are heard: c grows with the root.
    """
    return min(the_prior().silent_chance * float(np.sqrt(policy.false_alarm / USUAL_FALSE_ALARM)), LIKELY)


def _card(
    sample: Sample, checked: _Checked, found: tuple[float, float], model: Model, policy: Policy, as_of: str, holes: Holes
) -> ModelCard:
    prior, (silent, shape) = the_prior(), found
    chances, rule = _said(checked.odds), expit(checked.recency)
    bins = np.minimum((chances * BINS).astype("int64"), BINS - 1)
    table = [
        Bin(
            round(float(chances[bins == place].mean()), 4), round(float(checked.heard[bins == place].mean()), 4), int((bins == place).sum())
        )
        for place in range(BINS)
        if (bins == place).any()
    ]
    was_heard = checked.heard > 0
    names = [("level", "the level"), *((term.name, term.words) for term in TERMS)]
    return ModelCard(
        as_of=as_of,
        horizon_days=policy.horizon_days,
        rows=len(sample),
        rows_heard=int(sample.heard.sum()),
        first_day=_day(sample.cut.min()) if len(sample) else None,
        last_day=_day(sample.cut.max()) if len(sample) else None,
        prior=prior.made,
        silent_chance=round(silent, 6),
        shape=round(shape, 4),
        false_alarm_asked=policy.false_alarm,
        false_alarm_seen=round(float((chances[was_heard] <= silent).mean()), 4) if was_heard.any() else None,
        judged=len(checked),
        auc=area_under_curve(checked.heard, chances),
        auc_recency=area_under_curve(checked.heard, rule),
        brier=_brier(checked.heard, chances),
        brier_recency=_brier(checked.heard, rule),
        calibration_error=round(sum(abs(one.said - one.happened) * one.number for one in table) / len(checked), 4)
        if len(checked)
        else None,
        calibration=table,
        holes=[hole.to_json() for hole in holes.found],
        coefficients=[
            Weighed(name, words, round(float(own), 4), round(float(usual), 4), round(float(deviation), 4))
            for (name, words), own, usual, deviation in zip(names, model.coefficients, prior.mean, prior.deviation, strict=True)
        ],
    )


def _day(number: np.integer | int) -> str:
    return str(np.datetime64(int(number), "D"))


def _brier(heard: np.ndarray, chances: np.ndarray) -> float | None:
    return round(float(((chances - heard) ** 2).mean()), 5) if len(heard) else None


def area_under_curve(heard: np.ndarray, chances: np.ndarray) -> float | None:
    """The chance that somebody who was heard stood above somebody who was not (ties count half); None where there is only one kind."""
    positive = int(heard.sum())
    if positive in (0, len(heard)):
        return None
    _, place, number = np.unique(chances, return_inverse=True, return_counts=True)
    rank = (np.cumsum(number) - (number - 1) / 2)[place]
    area = (rank[heard > 0].sum() - positive * (positive + 1) / 2) / (positive * (len(heard) - positive))
    return round(float(area), 5)
