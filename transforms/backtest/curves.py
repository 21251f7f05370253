"""The curves to beat: logistic models on days since last heard, and on a few plain counts, fitted on earlier days alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

RIDGE = 1.0
"""The slopes are held a little, as if one further row spoke for zero, so that a fit on few rows ends."""

STEPS, SETTLED = 50, 1e-8
LEAST_ROWS = 50
"""With fewer rows, or fewer than LEAST_EACH of either end, a curve says horizon / (horizon + days since + PRIOR_DAYS): what the product believes
before there is any history."""
LEAST_EACH = 10
PRIOR_DAYS = 30.0


def fit_logistic(facts: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Intercept and slopes of a logistic curve, by Newton's method. ``facts`` has one column a fact, ``heard`` is true or false."""
    design = np.column_stack([np.ones(len(facts)), facts])
    held = np.diag([1e-6, *[RIDGE] * facts.shape[1]])
    slopes: np.ndarray = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = _sigmoid(design @ slopes)
        weight = np.maximum(chance * (1 - chance), 1e-9)
        step = np.linalg.solve(design.T @ (design * weight[:, None]) + held, design.T @ (heard - chance) - held @ slopes)
        # A whole step can overshoot where chances are near 0 or 1; a shorter one never makes the fit worse.
        while _misfit(design, heard, held, slopes + step) > _misfit(design, heard, held, slopes) and np.abs(step).max() > SETTLED:
            step = step / 2
        slopes = slopes + step
        if np.abs(step).max() < SETTLED:
            break
    return slopes


def _misfit(design: np.ndarray, heard: np.ndarray, held: np.ndarray, slopes: np.ndarray) -> float:
    """What the fit makes small: minus the log likelihood, and the hold on the slopes."""
    odds = design @ slopes
    return float(np.logaddexp(0, odds).sum() - heard @ odds + slopes @ held @ slopes / 2)


def _sigmoid(odds: np.ndarray) -> np.ndarray:
    chance: np.ndarray = 1 / (1 + np.exp(-np.clip(odds, -35, 35)))
    return chance


def recency_only(rows: pd.DataFrame) -> np.ndarray:
    """One fact: the logarithm of days since last heard."""
    logs: np.ndarray = np.log(rows[["since"]].to_numpy())
    return logs


def plain_facts(rows: pd.DataFrame) -> np.ndarray:
    """Recency, own mean gap, their ratio, and counts of days heard: what a model of thirty lines would take."""
    since, gap = np.log(rows["since"].to_numpy()), np.log(np.maximum(rows["mean_gap"].to_numpy(), 0.5))
    has_gap = ~np.isnan(gap)
    counts = [np.log1p(rows[name].to_numpy()) for name in ("days", "days_90", "days_365")]
    return np.column_stack([since, np.where(has_gap, gap, 0.0), has_gap, np.where(has_gap, since - gap, 0.0), *counts])


CURVES: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {"days_since_last": recency_only, "plain_counts": plain_facts}


def chances_forward(
    rows: pd.DataFrame, earlier: pd.DataFrame, cut_days: np.ndarray, horizon: int, facts: Callable[[pd.DataFrame], np.ndarray]
) -> np.ndarray:
    """The chance that a curve gives each row, where the curve of each cut has seen only days whose horizon had passed by then.

    ``rows`` and ``earlier`` as in ``replay.Replayed``, of people heard from before; ``cut_days`` the day of each cut.
    """
    day = cut_days[rows["cut"].to_numpy()]
    shared = ["since", "mean_gap", "days", "days_90", "days_365", "next"]
    past = pd.concat([earlier[[*shared, "day"]], rows[shared].assign(day=day)], ignore_index=True)
    past_facts, past_heard, past_day = facts(past), (past["next"] < horizon).to_numpy(), past["day"].to_numpy()
    row_facts, chance = facts(rows), np.empty(len(rows))
    for cut in np.unique(day):
        seen, here = past_day + horizon <= cut, day == cut
        heard = past_heard[seen].astype("float64")
        if len(heard) < LEAST_ROWS or min(heard.sum(), len(heard) - heard.sum()) < LEAST_EACH:
            chance[here] = horizon / (horizon + rows["since"].to_numpy()[here] + PRIOR_DAYS)
            continue
        centre, spread = past_facts[seen].mean(axis=0), np.maximum(past_facts[seen].std(axis=0), 1e-9)
        slopes = fit_logistic((past_facts[seen] - centre) / spread, heard)
        chance[here] = _sigmoid(np.column_stack([np.ones(int(here.sum())), (row_facts[here] - centre) / spread]) @ slopes)
    return chance
