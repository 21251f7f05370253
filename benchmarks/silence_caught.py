"""How many of those who are truly gone the chance to hear back catches at one false alarm in a hundred, on simulated customers.

Customers come over two years. Each has a mean gap of their own between days with a word: log-normal over people, with a median of 14 days. Gaps
are gamma: irregular (shape 1, as by chance alone) or regular (shape 4). About 35 % of those who are judged have left for good, each on some day
between their first and today; nobody tells us. Judged are people with three gaps or more. For each rule the threshold lies where one in a hundred
of those who are still here would be called gone; what it then finds of the others is caught.

Beside the chance stand days since last heard, and the surprise alone (how unlikely so long a gap is at the own rate, see
``transforms/silence/terms.py``). The surprise answers another question: it does not know that somebody who comes twice a year is hardly heard
from within 30 days, gone or not. So it may catch more than the chance, and than any chance could.

Run: ``python -m benchmarks.silence_caught [--people 1500] [--seeds 4]`` (a minute on a quiet machine).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.book import Book, Tables
from transforms.compute import combine, tally
from transforms.fields.listening import hear_back_chance
from transforms.policy import Policy
from transforms.silence.facts import PLACE
from transforms.silence.history import facts_now
from transforms.silence.terms import TERMS, terms_of
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

DAYS, MEDIAN_GAP, GONE = 730, 14.0, 0.35
FALSE_ALARM = 0.01
FEWEST_GAPS = 3
AS_OF = pd.Timestamp("2026-01-01", tz="UTC")
SHAPES = {"irregular": 1.0, "regular": 4.0}
SPREADS = (1.0, 1.3)
SURPRISE = [term.name for term in TERMS].index("surprise")


@dataclass(frozen=True)
class Simulated:
    """Customers as canonical tables, and who of them is gone, by contact."""

    tables: Tables
    is_gone: pd.Series


def simulate(people: int, spread: float, shape: float, seed: int) -> Simulated:
    """Customers of one kind, the same for the same seed."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, DAYS, people)
    gap = MEDIAN_GAP * np.exp(spread * rng.standard_normal(people))
    is_gone = rng.random(people) < GONE
    ends = np.where(is_gone, first + (DAYS - first) * rng.random(people), DAYS)
    who, day = [], []
    at, here = first, np.ones(people, dtype=bool)  # the first word always comes
    while here.any():
        who.append(np.flatnonzero(here))
        day.append(at[here])
        at = at + gap * rng.gamma(shape, 1 / shape, people)
        here = here & (at < ends)
    person, on = np.concatenate(who), np.concatenate(day)
    start = AS_OF - pd.Timedelta(days=DAYS)
    names = [f"c{number}" for number in range(people)]
    activities = pd.DataFrame(
        {
            "activity_id": [f"a{number}" for number in range(len(person))],
            "contact_id": [names[number] for number in person],
            "occurred_at": start + pd.to_timedelta((on * 86_400).astype("int64"), unit="s"),
            "channel": "email",
            "direction": "inbound",
        }
    )
    contacts = pd.DataFrame({"contact_id": names, "created_at": start + pd.to_timedelta((first * 86_400).astype("int64"), unit="s")})
    return Simulated(Tables(to_table(CONTACTS, contacts), to_table(STORED_ACTIVITIES, activities)), pd.Series(is_gone, index=names))


def caught(doubt: np.ndarray, is_gone: np.ndarray) -> float:
    """The share of the gone whose ``doubt`` lies above that of all but FALSE_ALARM of the others."""
    limit = np.quantile(doubt[~is_gone], 1 - FALSE_ALARM, method="higher")
    return float((doubt[is_gone] > limit).mean())


def judge(simulated: Simulated) -> dict[str, float]:
    """What each rule catches of the gone."""
    policy = Policy()
    book = Book(simulated.tables, AS_OF, policy, combine([tally(simulated.tables, AS_OF, policy)]))
    facts = book.org.facts_on(facts_now(book), book.tomorrow)
    contact = book.members.set_index("person_id")["contact_id"].reindex(book.persons.index.astype("str"))
    is_gone = simulated.is_gone.reindex(contact).to_numpy()
    rows = facts[:, PLACE["days_heard"]] > FEWEST_GAPS
    doubts = {
        "chance": -book.value(hear_back_chance).to_numpy(dtype="float64"),
        "recency": facts[:, PLACE["since_heard"]].astype("float64"),
        "surprise": terms_of(facts, policy.horizon_days, book.org.learned.shape)[:, SURPRISE],
    }
    return {"people": float(rows.sum())} | {name: caught(doubt[rows], is_gone[rows]) for name, doubt in doubts.items()}


def main() -> None:
    """Simulate, judge, and print the shares."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--people", type=int, default=1500)
    asked.add_argument("--seeds", type=int, default=4)
    given = asked.parse_args()
    print(f"{'rhythm':10}{'spread':>7}{'people':>8}{'chance':>9}{'recency':>9}{'surprise':>10}{'lead, points':>14}{'least':>7}")
    for spread in SPREADS:
        for name, shape in SHAPES.items():
            found = pd.DataFrame([judge(simulate(given.people, spread, shape, seed)) for seed in range(1, given.seeds + 1)])
            mean, lead = found.mean(), 100 * (found["chance"] - found["recency"])
            print(
                f"{name:10}{spread:7}{mean['people']:8.0f}{mean['chance']:9.1%}{mean['recency']:9.1%}{mean['surprise']:10.1%}{lead.mean():+14.1f}{lead.min():+7.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
