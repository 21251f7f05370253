"""A logistic model whose coefficients lean on a prior: what is usual elsewhere, and how sure that is. Fitted in a fraction of a second."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from scipy.special import expit

from transforms.silence.terms import TERMS

PRIOR_HORIZON = 30
"""Days for which the prior was made."""

_MOST_STEPS = 40
_SETTLED = 1e-7


@dataclass(frozen=True)
class Prior:
    """What is believed of each coefficient before an org's own history: its mean and deviation, for terms (value - centre) / scale.

    ``silent_chance`` is the threshold for silence where there is no history at all. ``made`` says how it came about.
    """

    centre: np.ndarray
    scale: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    silent_chance: float
    made: str


@cache
def the_prior() -> Prior:
    """The prior that comes with the program: prior.json, made by benchmarks/silence_prior.py from made customers of many kinds."""
    kept = json.loads(resources.files("transforms.silence").joinpath("prior.json").read_text(encoding="utf-8"))
    by_name = {row["term"]: row for row in kept["terms"]}
    rows = [by_name[name] for name in ("level", *(term.name for term in TERMS))]
    centre, scale, mean, deviation = (np.array([row[name] for row in rows]) for name in ("centre", "scale", "mean", "deviation"))
    return Prior(centre[1:], scale[1:], mean, deviation, kept["silent_chance"], kept["made"])


@dataclass(frozen=True)
class Model:
    """The level and one coefficient for each of TERMS, on the scale of the prior."""

    coefficients: np.ndarray

    def log_odds(self, terms: np.ndarray) -> np.ndarray:
        """The log odds of being heard, for rows of TERMS."""
        odds: np.ndarray = self.coefficients[0] + standard(terms) @ self.coefficients[1:]
        return odds

    def parts(self, terms: np.ndarray, usual: np.ndarray) -> np.ndarray:
        """By how much each term moves the log odds from those of somebody with the terms ``usual``."""
        moved: np.ndarray = (standard(terms) - standard(usual)) * self.coefficients[1:]
        return moved


def standard(terms: np.ndarray) -> np.ndarray:
    """Terms on the scale of the prior."""
    prior = the_prior()
    scaled: np.ndarray = (terms - prior.centre) / prior.scale
    return scaled


def fit(terms: np.ndarray, heard: np.ndarray, weight: np.ndarray, horizon: int) -> Model:
    """The coefficients at which prior and rows together are likeliest. Without rows it is the prior.

    Each coefficient is drawn to its prior mean with the strength 1 / deviation². The prior was made for 30 days; for another horizon
    its level is moved by the log of their ratio.
    """
    prior = the_prior()
    mean = prior.mean.copy()
    mean[0] += np.log(horizon / PRIOR_HORIZON)
    return Model(likeliest(np.column_stack([np.ones(len(terms)), standard(terms)]), heard, weight, mean, prior.deviation**-2.0))


def likeliest(rows: np.ndarray, heard: np.ndarray, weight: np.ndarray, mean: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """The coefficients of a logistic regression, each drawn to its ``mean`` with its ``strength`` (Newton's method; there is one maximum)."""

    def misfit(at: np.ndarray) -> float:
        odds = rows @ at
        return float(weight @ (np.logaddexp(0.0, odds) - heard * odds) + strength @ (at - mean) ** 2 / 2)

    found = mean.copy()
    now = misfit(found)
    for _ in range(_MOST_STEPS):
        chance = expit(rows @ found)
        slope = rows.T @ (weight * (heard - chance)) - strength * (found - mean)
        bend = (rows * (weight * chance * (1 - chance))[:, None]).T @ rows
        bend[np.diag_indices_from(bend)] += strength
        step = np.linalg.solve(bend, slope)
        # A whole step from a far start overshoots, and then the next one does: without halving it, chances of 0 and 1 would come out.
        while (then := misfit(found + step)) > now and np.abs(step).max() > _SETTLED:
            step = step / 2
        found, now = found + step, then
        if np.abs(step).max() < _SETTLED:
            break
    return found
