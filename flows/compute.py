"""The second step of a run: from the lake's tables to the value of every field, one lot of buckets at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from flows.memory import give_back
from flows.work import Work
from transforms.channels.outcomes import to_rows
from transforms.compute import Org, Tables, Tally, Values, combine, compute_companies, compute_contacts, tally
from transforms.highlights import pick
from transforms.matching.elsewhere import seen_elsewhere
from transforms.org import CutOff
from transforms.persons import bucket_of, resolve
from transforms.plays import Cases, TaskHomes, find_cases
from transforms.vocabulary.changes import Unread

LOT_ROWS = 50_000
"""About so many activities are computed at once: few enough to stay small in memory, enough that the fixed cost of a lot does not count."""

ROWS_A_CONTACT = 5
"""A contact takes about as much memory as so many activities: its fields, and the cells they become."""

OUTCOMES = "outcomes"
"""Under this kind the journal keeps, run by run, what became of our tasks: counts by play and way, nobody's name."""

MODEL_CARD = "model_card"
"""Under this kind the journal keeps the card of each run's model (``journal.documents(MODEL_CARD)``)."""

T = TypeVar("T")

Each = Callable[..., list[Any]]
"""Runs a step for each lot: its name, the function, the lots, then the function's further arguments."""

Lot = tuple[int, ...]
"""Buckets that are computed together."""


@dataclass(frozen=True)
class Population:
    """Who is in the lake: contacts, who is behind each (``people``) and in which bucket, companies and owners, and the tasks that we raised.

    ``elsewhere``: who stands under another record at another firm. All of it is small beside the activities.
    """

    contacts: pd.DataFrame
    companies: pd.DataFrame
    owners: pd.DataFrame
    people: pd.DataFrame
    elsewhere: pd.DataFrame
    bucket: pd.Series
    tasks: pd.DataFrame


@dataclass(frozen=True)
class Part(Values):
    """What a run keeps of one lot: the values, the cases for tasks, and the people worth showing. The history behind them is let go."""

    lot: Lot
    cases: Cases
    picks: pd.DataFrame


@dataclass(frozen=True)
class Computation:
    """What a run computed: one :class:`Part` a lot, the companies' fields, and what was learned from the whole org."""

    as_of: pd.Timestamp
    org: Org
    parts: tuple[Part, ...]
    companies: pd.DataFrame


def read_population(work: Work) -> Population:
    """Contacts, companies and owners of the lake, with the bucket of each contact's person."""
    contacts, companies = work.lake.read("contacts").drop(columns="person_id"), work.lake.read("companies")
    people = resolve(contacts, companies)
    bucket = bucket_of(people["person_id"], work.lake.buckets)
    elsewhere = seen_elsewhere(contacts, companies, people)
    return Population(contacts, companies, work.lake.read("owners"), people, elsewhere, bucket, work.journal.raised_tasks())


def lots_of(work: Work) -> list[Lot]:
    """All buckets, in lots of about LOT_ROWS activities, where contacts weigh as well; at least one bucket each."""
    rows = work.lake.size("activities") + ROWS_A_CONTACT * work.lake.size("contacts")
    wanted = int(np.ceil(rows / LOT_ROWS))
    number = min(max(wanted, 1), work.lake.buckets)
    return [tuple(int(bucket) for bucket in lot) for lot in np.array_split(np.arange(work.lake.buckets), number)]


def lot_tables(work: Work, population: Population, lot: Lot) -> Tables:
    """The tables of the persons of one lot."""
    activities = work.lake.read("activities", lot)
    is_here = population.bucket.isin(lot)
    contacts, people = (frame[is_here].reset_index(drop=True) for frame in (population.contacts, population.people))
    return Tables(
        contacts,
        activities,
        population.companies,
        population.owners,
        people=people,
        mail_elsewhere=work.settings.mail_elsewhere,
        elsewhere=population.elsewhere,
    )


def lot_standing(work: Work, lot: Lot) -> pd.DataFrame:
    """What our fields hold in the CRM for the contacts of one lot."""
    return work.lake.standing("contacts", lot)


def survey_lot(lot: Lot, work: Work, population: Population, as_of: pd.Timestamp) -> Tally:
    """What one lot adds to the facts about the whole org."""
    counts = tally(replace(lot_tables(work, population, lot), tasks=population.tasks), as_of, work.policy)
    give_back()
    return counts


def compute_lot(lot: Lot, work: Work, population: Population, org: Org, as_of: pd.Timestamp) -> Part:
    """The fields of the persons of one lot, and what plays and highlights find there."""
    tables = replace(lot_tables(work, population, lot), standing=lot_standing(work, lot))
    done = compute_contacts(tables, org, as_of, work.policy)
    homes = TaskHomes(work.settings.task_crm, frozenset(work.crms))
    cases, picks = find_cases(done, population.companies, homes), pick(done, population.companies, homes)
    part = Part(done.persons, done.members, done.company_parts, lot, cases, picks)
    del done, tables
    give_back()
    return part


def keep_card(work: Work, run_id: str, computation: Computation) -> None:
    """Keep how the chance to hear back was learned in this run: coefficients, calibration, thresholds; no personal data."""
    work.journal.save_document(MODEL_CARD, run_id, computation.org.learned.card.to_json())


def keep_outcomes(work: Work, run_id: str, computation: Computation) -> None:
    """Keep what had become of our tasks as of this run."""
    work.journal.save_document(OUTCOMES, run_id, to_rows(computation.org.tally.outcomes))


def cut_off(work: Work, unread: Mapping[str, Sequence[Unread]]) -> dict[str, CutOff]:
    """The channels (crm|*|channel) of which the lake holds something, and which may not be read any more.

    ``unread``: what the latest pull left out, by CRM. A channel that several streams feed counts as soon as one of them is missing.
    """
    lost = [(crm, one) for crm, streams in unread.items() for one in streams if one.since is not None]
    if not lost:
        return {}
    held = work.lake.read("activities", columns=["crm", "channel"]).drop_duplicates()
    delivered = set(zip(held["crm"].astype("str"), held["channel"].astype("str"), strict=True))
    return {
        f"{crm}|*|{channel}": CutOff(pd.Timestamp(one.since), one.lacks, one.advice)
        for crm, one in lost
        for channel in one.channels
        if (crm, channel) in delivered
    }


def in_turn(_name: str, function: Callable[..., T], lots: Sequence[Lot], *args: Any) -> list[T]:
    """One lot after the other, in this thread."""
    return [function(lot, *args) for lot in lots]


def compute(work: Work, as_of: pd.Timestamp, each: Each = in_turn) -> Computation:
    """Every field of every person and company: survey every lot, join what they say about the whole org, then compute every lot with it.

    ``each`` runs a step for each lot; under Prefect some lots at a time.
    """
    population, lots = read_population(work), lots_of(work)
    org = combine(each("survey", survey_lot, lots, work, population, as_of), cut_off(work, work.unread))
    parts = each("compute", compute_lot, lots, work, population, org, as_of)
    company_parts = pd.concat([part.company_parts for part in parts], ignore_index=True)
    companies = compute_companies(population.companies, company_parts, org, as_of, work.policy)
    return Computation(as_of, org, tuple(parts), companies)
