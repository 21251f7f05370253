"""How far the chance to hear back is ahead of simple rules, on a log given as canonical files: AUC, Brier score and calibration, per day and pooled.

The log is cut on a series of days. On each, ``hear_back_chance`` is computed from what lies before it, as ``stillthere score --as-of`` does, and
beside it two rules that learn from the same past: a logistic curve on the days since last heard, and a logistic model on these, the own
mean gap and the number of days heard. What happens in the 30 days after says who was right. Judged are people heard from before; ``--all``
adds those who never were.

Run: ``python -m benchmarks.silence_lead --contacts contacts.csv --activities activities.csv [--cuts 12] [--all]``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from connectors.files import read_files
from transforms.book import Book, Tables
from transforms.compute import combine, tally
from transforms.fields.listening import hear_back_chance
from transforms.org import Org
from transforms.policy import Policy
from transforms.signals import read_signals
from transforms.silence.facts import PLACE
from transforms.silence.history import History
from transforms.silence.judging import area_under_curve
from transforms.silence.model import likeliest

BINS = 10
WARM_UP = 1 / 3
"""The first day that is judged lies after this share of the log."""

Rule = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Judged:
    """What was said of people, and whether they were heard from."""

    said: np.ndarray
    heard: np.ndarray

    def figures(self) -> str:
        """AUC, Brier score and expected calibration error."""
        area = area_under_curve(self.heard, self.said)
        return (
            f"{'    – ' if area is None else f'{area:6.3f}'} {np.mean((self.said - self.heard) ** 2):7.4f} {self.calibration_error():6.3f}"
        )

    def calibration_error(self) -> float:
        """The mean distance of the chance that was said from the share that was heard, over ten bins of the chance."""
        bins = np.minimum((self.said * BINS).astype("int64"), BINS - 1)
        return float(sum(abs((self.said - self.heard)[bins == place].sum()) for place in range(BINS)) / len(self.said))


def recency(facts: np.ndarray) -> np.ndarray:
    """Log of the days since last heard (never heard: since known)."""
    since = facts[:, PLACE["since_heard"]].astype("float64")
    return np.log1p(np.where(np.isnan(since), facts[:, PLACE["known"]], since))[:, None]


def three(facts: np.ndarray) -> np.ndarray:
    """The same, the log of the own mean gap (with one day heard: 30 days), and the log of the number of days heard."""
    days = facts[:, PLACE["days_heard"]].astype("float64")
    span = facts[:, PLACE["since_first"]] - facts[:, PLACE["since_heard"]]
    gap = np.where(days > 1, span / np.maximum(days - 1, 1), 30.0)
    return np.column_stack([recency(facts), np.log1p(gap), np.log1p(days)])


def learned(terms: np.ndarray, heard: np.ndarray) -> Rule:
    """A logistic regression on these terms, all but without a penalty."""
    mean, scale = terms.mean(axis=0), np.maximum(terms.std(axis=0), 1e-9)
    strength = np.r_[1e-6, np.full(terms.shape[1], 1e-3)]
    found = likeliest(np.column_stack([np.ones(len(terms)), (terms - mean) / scale]), heard, np.ones(len(terms)), 0 * strength, strength)
    return lambda rows: expit(found[0] + (rows - mean) / scale @ found[1:])


def judge(tables: Tables, policy: Policy, cuts: int, *, with_never: bool) -> dict[str, list[tuple[pd.Timestamp, Judged]]]:
    """For each way to judge, what it said on each of the days."""
    end = tables.activities["occurred_at"].max().ceil("D")
    history = History(Book(tables, end, policy, Org.without_history(end, policy)))
    first, last = history.begins_on or 0, int((end - pd.Timestamp(0, tz="UTC")).days)
    days = np.unique(np.linspace(first + (last - first) * WARM_UP, last - policy.horizon_days, cuts).astype("int64"))
    grid = np.union1d(np.arange(first + policy.training_step_days, last, policy.training_step_days), days)
    facts = dict(zip(grid.tolist(), history.facts(grid), strict=True))
    found: dict[str, list[tuple[pd.Timestamp, Judged]]] = {"ours": [], "recency": [], "three terms": []}
    for day in days:
        moment = pd.Timestamp(int(day), unit="D", tz="UTC")
        book = Book(tables, moment, policy, combine([tally(tables, moment, policy)]))
        ours = book.value(hear_back_chance).to_numpy(dtype="float64", na_value=np.nan)
        here = facts[int(day)]
        rows = (here[:, PLACE["known"]] > 0) & (with_never | (here[:, PLACE["days_heard"]] > 0)) & ~np.isnan(ours)
        heard = history.heard_from(int(day))[rows].astype("float64")
        past = [int(one) for one in grid if one + policy.horizon_days <= day]
        known = [(facts[one][:, PLACE["known"]] > 0) & (with_never | (facts[one][:, PLACE["days_heard"]] > 0)) for one in past]
        lesson = np.concatenate([facts[one][is_known] for one, is_known in zip(past, known, strict=True)])
        outcome = np.concatenate([history.heard_from(one)[is_known] for one, is_known in zip(past, known, strict=True)]).astype("float64")
        found["ours"].append((moment, Judged(ours[rows], heard)))
        for name, terms in (("recency", recency), ("three terms", three)):
            found[name].append((moment, Judged(learned(terms(lesson), outcome)(terms(here[rows])), heard)))
    return found


def main() -> None:
    """Read the log, judge, and print the figures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--contacts", required=True)
    asked.add_argument("--activities", required=True)
    asked.add_argument("--cuts", type=int, default=12)
    asked.add_argument("--all", action="store_true", help="judge also people never heard from")
    given = asked.parse_args()
    read = read_files({"contacts": given.contacts, "activities": given.activities})
    tables = Tables(contacts=read["contacts"], activities=read_signals(read["activities"], read["contacts"]))
    found = judge(tables, Policy(), given.cuts, with_never=given.all)
    print(f"{'':12}{'people':>7}{'heard':>7}   " + "".join(f"{name:^24}" for name in found))
    print(f"{'':29}" + "".join(f"{'AUC':>6} {'Brier':>7} {'ECE':>6}   " for _ in found))
    for place, (moment, one) in enumerate(found["ours"]):
        figures = "   ".join(rows[place][1].figures() for rows in found.values())
        print(f"{moment:%Y-%m-%d}  {len(one.heard):7}{one.heard.mean():7.2f}   {figures}")
    pooled = {
        name: Judged(*(np.concatenate([getattr(one, part) for _, one in rows]) for part in ("said", "heard")))
        for name, rows in found.items()
    }
    print(
        f"{'pooled':10}  {len(pooled['ours'].heard):7}{pooled['ours'].heard.mean():7.2f}   "
        + "   ".join(one.figures() for one in pooled.values())
    )
    means = {name: [area for _, one in rows if (area := area_under_curve(one.heard, one.said)) is not None] for name, rows in found.items()}
    print("mean AUC over the days: " + ", ".join(f"{name} {np.mean(areas):.3f}" for name, areas in means.items()))


if __name__ == "__main__":
    main()
