"""A backtest over lots of buckets: survey every lot on every cut, join what they say, then replay every lot."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from flows.compute import Lot, lot_tables, lots_of, read_population
from flows.memory import give_back
from flows.work import Progress, Work
from transforms.backtest.cuts import Wish, cut_dates
from transforms.backtest.judging import Frame, Report, judge
from transforms.backtest.past import cannot_be_undone, with_people
from transforms.backtest.replay import Replayed, replay, survey
from transforms.compute import Tables, combine
from transforms.policy import Policy
from transforms.rhythm import day_number
from transforms.silence.gaps import Traffic, find_holes
from transforms.vocabulary.errors import BadInput

EARLIER = 12
"""On so many further days before the first cut, one step apart, the plain curves may learn."""


@dataclass(frozen=True)
class History:
    """What is replayed: a function that gives the tables of each lot, the contacts of all, and when the records begin and end."""

    lots: Sequence[Lot]
    tables: Callable[[Lot], Tables]
    contacts: pd.DataFrame
    begin: pd.Timestamp
    end: pd.Timestamp


def history_of_lake(work: Work) -> History:
    """The lake's, up to the moment of the last run that computed something."""
    population, lots = read_population(work), lots_of(work)
    times = [work.lake.read("activities", lot, ["occurred_at"])["occurred_at"] for lot in lots]
    runs = work.journal.runs()
    runs = runs[runs["as_of"].notna() & runs["kind"].isin(["sync", "plan"])]
    known = [one.min() for one in times if len(one)]
    if runs.empty or not known:
        raise BadInput(
            "Nothing was pulled yet, so there is no past to replay; run `stillthere sync` first, or give --contacts and --activities."
        )
    return History(
        lots, lambda lot: lot_tables(work, population, lot), population.contacts, min(known), pd.Timestamp(runs["as_of"].iloc[-1])
    )


def history_of_files(tables: Tables) -> History:
    """That of plain files: one lot, up to the end of the day of the last activity."""
    times = tables.activities["occurred_at"]
    if times.empty:
        raise BadInput("The activities hold no rows, so there is no past to replay; give a file with history.")
    whole = with_people(tables)
    return History([(0,)], lambda _lot: whole, whole.contacts, times.min(), times.max().floor("D") + pd.Timedelta(days=1))


def run_replay(history: History, policy: Policy, wish: Wish, *, seed: int, progress: Progress) -> Report:
    """The whole backtest. Raises BadInput where the cuts do not fit, RefusedToGuess where holes leave nothing to judge."""
    policy = dataclasses.replace(policy, horizon_days=wish.horizon_days)
    cuts = cut_dates(wish, history.begin, history.end)
    first = int(day_number(pd.Series([cuts[0]]))[0])
    begin = int(day_number(pd.Series([history.begin]))[0])
    surveys = [survey(tables, cuts, history.end, policy) for tables in _each(history, "survey", progress)]
    frame = Frame(history.begin, history.end, cuts, wish.horizon_days, wish.step, policy.false_alarm, seed)
    holes = find_holes(Traffic.total(one.traffic for one in surveys), frame.last_day, policy)
    orgs = [combine([one.tallies[place] for one in surveys]) for place in range(len(cuts))]
    del surveys
    earlier = [first - int(steps) * wish.step for steps in np.arange(1, EARLIER + 1)[::-1] if first - int(steps) * wish.step > begin]
    parts = [replay(tables, orgs, cuts, earlier, holes, history.end) for tables in _each(history, "replay", progress)]
    return judge(Replayed.total(parts), holes, frame, cannot_be_undone(history.contacts))


def _each(history: History, step: str, progress: Progress) -> Iterator[Tables]:
    """The tables of one lot after the other; what was made of one is let go before the next."""
    for place, lot in enumerate(history.lots):
        progress(step, place, len(history.lots))
        yield history.tables(lot)
        give_back()
    progress(step, len(history.lots), len(history.lots))
