"""Makes transforms/silence/prior.json: what is believed of the chance to hear back before an org's own history is known.

Customers of many kinds are made (benchmarks/made_logs.py); for each kind the model is fitted by itself, and the prior is the mean and the
deviation of the coefficients over all kinds (empirical Bayes: an expectation-maximisation with a normal prior of independent
coefficients, where each fit leans on the prior of the round before). Run: ``python benchmarks/silence_prior.py`` (a minute).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.made_logs import make_log, random_kind
from transforms.book import Book, Tables
from transforms.org import Org
from transforms.policy import Policy
from transforms.silence.history import sample_of
from transforms.silence.sample import Sample
from transforms.silence.terms import TERMS, shape_of, terms_of
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

LOGS, ROWS, ROUNDS = 84, 5_000, 12
FLOOR = 0.2
"""The prior is never surer of a coefficient than this: real customers are not made."""
LOOSE = {"never": 0.6, "never_known": 0.6}
"""Nor of these than this: whom a CRM keeps of whom nothing was ever heard differs most from one org to the next."""
WIDER = 1.3
"""Deviations are widened by so much, for the same reason."""


PRIOR_FILE = Path(__file__).parent.parent / "transforms" / "silence" / "prior.json"


def write(made: str, silent_chance: float, rows: list[tuple[str, float, float, float, float]]) -> None:
    """Write the file: for each term its centre, scale, mean and deviation."""
    names = ("term", "centre", "scale", "mean", "deviation")
    terms = [dict(zip(names, (row[0], *(round(float(value), 5) for value in row[1:])), strict=True)) for row in rows]
    text = json.dumps({"made": made, "silent_chance": round(silent_chance, 4), "terms": terms}, indent=1)
    PRIOR_FILE.write_text(f"{text}\n", encoding="utf-8")


def rows_of(seed: int, policy: Policy) -> tuple[np.ndarray, np.ndarray]:
    """Terms and outcomes of a made log."""
    log = make_log(random_kind(seed), seed)
    tables = Tables(to_table(CONTACTS, log.contacts), to_table(STORED_ACTIVITIES, log.activities))
    end = pd.Timestamp(log.activities["occurred_at"].max()).ceil("D")
    book = Book(tables, end, policy, Org.without_history(end, policy))
    sample: Sample = sample_of(book)
    sample = sample.take(np.arange(len(sample))[:ROWS])
    return terms_of(sample.facts, policy.horizon_days, shape_of(sample.facts)), sample.heard.astype("float64")


def newton(rows: np.ndarray, heard: np.ndarray, weight: float, mean: np.ndarray, strength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest coefficients and their variances."""
    found = mean.copy()
    for _ in range(30):
        chance = expit(rows @ found)
        bend = (rows * (weight * chance * (1 - chance))[:, None]).T @ rows + np.diag(strength)
        step = np.linalg.solve(bend, rows.T @ (weight * (heard - chance)) - strength * (found - mean))
        found += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-6:
            break
    return found, np.diag(np.linalg.inv(bend))


def main() -> None:
    """Fit, and write the file."""
    names = ("level", *(term.name for term in TERMS))
    if {row["term"] for row in json.loads(PRIOR_FILE.read_text(encoding="utf-8"))["terms"]} != set(names):
        # Nothing is asked of this one; but terms that the file does not know yet could not be computed without it.
        write("Nothing is known.", 0.1, [(name, 0.0, 1.0, 0.0, 1.0) for name in names])
    policy = Policy()
    logs = [rows_of(seed, policy) for seed in range(1, LOGS + 1)]
    logs = [(terms, heard) for terms, heard in logs if heard.sum() >= 10]
    every = np.concatenate([terms for terms, _ in logs])
    centre, scale = every.mean(axis=0), np.maximum(every.std(axis=0), 0.25)
    scaled = [np.column_stack([np.ones(len(terms)), (terms - centre) / scale]) for terms, _ in logs]
    weight = policy.training_step_days / policy.horizon_days
    mean, _ = newton(
        np.concatenate(scaled),
        np.concatenate([heard for _, heard in logs]),
        weight / 5,
        np.zeros(len(TERMS) + 1),
        np.full(len(TERMS) + 1, 3.0),
    )
    variance = np.full(len(mean), 0.05)
    for _ in range(ROUNDS):
        fits = [newton(rows, heard, weight, mean, 1 / variance) for rows, (_, heard) in zip(scaled, logs, strict=True)]
        found, own = np.array([one for one, _ in fits]), np.array([spread for _, spread in fits])
        mean = found.mean(axis=0)
        variance = ((found - mean) ** 2 + own).mean(axis=0)
    deviation = np.maximum(np.sqrt(variance) * WIDER, [LOOSE.get(name, FLOOR) for name in names])
    deviation[0] = max(deviation[0], 1.0)
    heard_chances = np.concatenate([expit(rows @ mean)[heard > 0] for rows, (_, heard) in zip(scaled, logs, strict=True)])
    made = (
        f"From {len(logs)} made logs, {len(every):,} rows, by benchmarks/silence_prior.py; deviations widened by {WIDER}, at least {FLOOR}."
    )
    rows = list(zip(names, [0.0, *centre], [1.0, *scale], mean, deviation, strict=True))
    write(made, float(np.quantile(heard_chances, policy.false_alarm)), rows)


if __name__ == "__main__":
    main()
