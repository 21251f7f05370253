"""From facts to the terms that a model weighs: logarithms, bends in the curve of silence, and the own rhythm, each with its reason in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, polygamma

from transforms.silence.facts import HALF_LIVES, PLACE, SURPLUS_LIVES, UNTOLD_DAYS

BENDS = (7.0, 30.0, 120.0, 400.0)
"""Days of silence at which its curve may change its slope."""

GAPS_PRIOR, GAP_PRIOR, GAP_SPREAD = 3.0, 20.0, 1.2
"""Before gaps of their own are known, a person counts as having had three of 20 days, with a variance of 1.2 in their logarithm."""

SHAPES = np.exp(np.linspace(np.log(0.4), np.log(8.0), 60))
"""How regular gaps can be: the shape of a gamma distribution. 1 is as by chance alone, more is more regular, less comes in bursts."""

USUAL_SHAPE, SHAPE_PRIOR = 1.2, 50.0
"""The shape before any gaps are known, and the number of gaps that it is worth."""


@dataclass(frozen=True)
class Term:
    """A number that a model weighs: its name, what it is in words, and the reason as which people are told of it."""

    name: str
    words: str
    reason: str


_PAUSE, _OFTEN, _OURS, _LIVE, _MAILINGS, _KNOWN = "pause", "often", "ours", "live", "mailings", "known"

TERMS: tuple[Term, ...] = (
    Term("silence", "log of the days since last heard", _PAUSE),
    *(Term(f"silence_{bend:g}", f"the same beyond {bend:g} days", _PAUSE) for bend in BENDS),
    Term("own_gap", "log of the usual gap, shrunk", _PAUSE),
    Term("own_mean", "log of the mean gap, shrunk", _PAUSE),
    Term("own_spread", "how much their gaps differ", _PAUSE),
    Term("against_own", "log of silence ÷ usual gap", _PAUSE),
    Term("beyond_own", "the same beyond 2.7 usual gaps", _PAUSE),
    Term("standing_out", "silence against usual gap, in spreads", _PAUSE),
    Term("surprise", "-log of the chance of so long a gap at their own rate", _PAUSE),
    Term("renewal", "log odds at their own rate that this gap ends within the horizon", _PAUSE),
    Term("ended_so", "log odds that their earlier gaps of this length ended within the horizon", _PAUSE),
    Term("longest", "log of silence ÷ their longest gap", _PAUSE),
    Term("days_heard", "log of the days heard", _OFTEN),
    *(Term(f"heard_{life:g}", f"log of the days heard, half-life {life:g} days", _OFTEN) for life in HALF_LIVES),
    Term("trend", "the last weeks against the year", _OFTEN),
    Term("begun_90", "log of the conversations begun, half-life 90 days", _OFTEN),
    Term("begun_365", "log of the conversations begun, half-life 365 days", _OFTEN),
    Term("messages", "log of their messages, half-life 30 days", _OFTEN),
    *(
        Term(f"surplus_{life:g}", f"heard beyond what others of the same past are, half-life {life:g} days", _OFTEN)
        for life in SURPLUS_LIVES
    ),
    Term("silence_often", "silence × days heard, in logs", _OFTEN),
    Term("silence_gap", "silence × usual gap, in logs", _PAUSE),
    Term("live", "log of live conversations, half-life 90 days", _LIVE),
    *(Term(f"touched_{life:g}", f"log of the days we reached out, half-life {life:g} days", _OURS) for life in HALF_LIVES),
    Term("unanswered", "log of the days we reached out since they were heard", _OURS),
    Term("since_touch", "log of the days since we reached out", _OURS),
    Term("untouched", "we never reached out", _OURS),
    Term("mailings", "log of our mailings, half-life 90 days", _MAILINGS),
    Term("their_mailings", "log of their messages to many, half-life 90 days", _OFTEN),
    Term("known", "log of the days since we know them", _KNOWN),
    Term("once", "heard on one day only", _KNOWN),
    Term("twice", "heard on two days only", _KNOWN),
    Term("silence_once", "silence of those heard on one day only", _KNOWN),
    Term("never", "never heard", _KNOWN),
    Term("never_known", "log of the days since we know those never heard", _KNOWN),
)
"""The terms of the model, in the order of its coefficients (after the level)."""


def shape_of(facts: np.ndarray) -> float:
    """How regular the gaps of these people are, all in all: the gamma shape with the variance of log gaps that is found within people.

    The logarithm of a gamma variable of shape k has the variance trigamma(k).
    """
    gaps = np.maximum(facts[:, PLACE["days_heard"]].astype("float64") - 1, 0)
    several = gaps >= GAPS_PRIOR
    logs, squares = (facts[several, PLACE[name]].astype("float64") for name in ("gaps_log", "gaps_log2"))
    within = np.maximum(squares - logs**2 / gaps[several], 0).sum() + SHAPE_PRIOR * float(polygamma(1, USUAL_SHAPE))
    variance = within / ((gaps[several] - 1).sum() + SHAPE_PRIOR)
    return float(np.interp(-variance, -polygamma(1, SHAPES), SHAPES))


def terms_of(facts: np.ndarray, horizon: int, shape: float) -> np.ndarray:
    """The TERMS of rows of FACTS: an array [row, term], finite everywhere. ``shape``: how regular the org's people are (:func:`shape_of`)."""
    fact = {name: facts[:, place].astype("float64") for name, place in PLACE.items()}
    never = np.isnan(fact["since_heard"])
    known = np.maximum(np.nan_to_num(fact["known"], nan=UNTOLD_DAYS), 1.0)
    silence = np.where(never, known, fact["since_heard"])
    days, gaps = fact["days_heard"], np.maximum(fact["days_heard"] - 1, 0)
    span = np.nan_to_num(fact["since_first"] - fact["since_heard"])
    prior = np.log(GAP_PRIOR)
    usual = (fact["gaps_log"] + GAPS_PRIOR * prior) / (gaps + GAPS_PRIOR)
    squares = fact["gaps_log2"] - 2 * usual * fact["gaps_log"] + gaps * usual**2 + GAPS_PRIOR * (usual - prior) ** 2
    spread = np.sqrt((np.maximum(squares, 0) + GAPS_PRIOR * GAP_SPREAD) / (gaps + GAPS_PRIOR))
    log_silence = np.log(silence)
    lasts, lasts_on = (_outlasts(later, gaps, span, shape) for later in (silence, silence + horizon))
    ended = (fact["longer_ended"] + 1) / (fact["longer"] + 2)
    touch = fact["since_touch"]
    found = [
        log_silence,
        *(np.maximum(log_silence - np.log(bend), 0) for bend in BENDS),
        usual,
        np.log((span + 60) / (gaps + 2)),
        spread,
        log_silence - usual,
        np.maximum(log_silence - usual - 1, 0),
        np.clip((log_silence - usual) / spread, -4, 6),
        np.minimum(-np.log(lasts), 12),
        np.clip(np.log((lasts - lasts_on + 1e-6) / (lasts_on + 1e-6)), -8, 8),
        np.log(ended / (1 - ended)),
        np.where(gaps > 0, np.log(silence / np.maximum(fact["longest"], 1)), 0),
        np.log1p(days),
        *(np.log1p(fact[f"heard_{life:g}"]) for life in HALF_LIVES),
        np.log1p(fact["heard_30"]) - np.log1p(fact["heard_365"]),
        np.log1p(fact["begun_90"]),
        np.log1p(fact["begun_365"]),
        np.log1p(fact["messages_30"]),
        *(fact[f"surplus_{life:g}"] for life in SURPLUS_LIVES),
        log_silence * np.log1p(days),
        log_silence * usual,
        np.log1p(fact["live_90"]),
        *(np.log1p(fact[f"touched_{life:g}"]) for life in HALF_LIVES),
        np.log1p(fact["unanswered"]),
        np.log(np.maximum(np.nan_to_num(touch, nan=2000.0), 1)),
        np.isnan(touch),
        np.log1p(fact["mailed_90"]),
        np.log1p(fact["mass_90"]),
        np.log1p(known),
        days == 1,
        days == 2,
        np.where(days == 1, log_silence, 0),
        never,
        np.where(never, np.log1p(known), 0),
    ]
    return np.column_stack(found)


def _outlasts(silence: np.ndarray, gaps: np.ndarray, span: np.ndarray, shape: float) -> np.ndarray:
    """The chance that a gap lasts longer than ``silence``, for somebody with so many gaps over ``span`` days.

    Gaps are gamma with that ``shape``, rates gamma over people with one gap of GAP_PRIOR days: the predictive survival is that of
    BetaPrime(shape, 1 + shape · gaps) at silence ÷ (GAP_PRIOR + span). For shape 1 it is the Lomax of Fader, Hardie & Lee (2005).
    """
    scale = GAP_PRIOR + span
    lasts: np.ndarray = np.maximum(betainc(1 + shape * gaps, shape, scale / (scale + silence)), 1e-12)
    return lasts
