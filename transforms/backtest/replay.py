"""One bucket of persons on past days: every field as it would have been, beside what followed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import orjson
import pandas as pd

from transforms.backtest.past import as_it_was, known_since
from transforms.backtest.rhythms import HeardDays
from transforms.book import Book
from transforms.compute import Org, Tables, Tally, compute_contacts, tally
from transforms.fields import CONTACT_FIELDS
from transforms.policy import Policy
from transforms.rhythm import day_number
from transforms.silence.gaps import Traffic
from transforms.silence.holes import EVERYTHING, Hole
from transforms.silence.traffic import count_traffic, heard_by_source
from transforms.vocabulary.changes import STANDING
from transforms.vocabulary.fields import to_text
from transforms.vocabulary.tables import empty_table, to_table

JUDGED = ("hear_back_chance", "engagement_state", "coverage", "still_there_chance", "job_state", "last_heard_channel")
"""Fields whose value on each past day is kept; of the others it is counted how often they change."""

LOOK_BACK_DAYS = 365
"""By which sources somebody was heard from is asked of so many days before a hole."""


@dataclass(frozen=True)
class Truth:
    """What became of the persons of a bucket: a book of all that is known today, and for each contact since when it was known."""

    book: Book
    known: pd.Series
    tables: Tables

    @classmethod
    def of(cls, tables: Tables, end: pd.Timestamp, policy: Policy) -> Truth:
        """That of a bucket, whose tables carry ``people``."""
        return cls(Book(tables, end, policy, Org.without_history(end, policy)), known_since(tables), tables)


@dataclass(frozen=True)
class Survey:
    """What one bucket adds to the whole org's history on each cut, what its sources brought, and when its first record was."""

    tallies: tuple[Tally, ...]
    traffic: Traffic


def survey(tables: Tables, cuts: Sequence[pd.Timestamp], end: pd.Timestamp, policy: Policy) -> Survey:
    """Count one bucket as it was on each cut."""
    truth = Truth.of(tables, end, policy)
    tallies = tuple(tally(as_it_was(tables, truth.known, cut), cut, policy) for cut in cuts)
    return Survey(tallies, count_traffic(truth.book))


@dataclass(frozen=True)
class Replayed:
    """The past of one bucket, or of all of them.

    ``rows``: one row a person and cut on which they were known: person_id, cut (its place), since, mean_gap, days, days_90, days_365, next
    (see ``rhythms``), the JUDGED fields, channel, crm, owner, company, is_missed (a hole would pass for their silence), left_on (the day of
    the first clear sign after the cut that they had left).
    ``earlier``: the same facts of ``rhythms`` on days before the first cut, with ``day``: what a plain curve can learn from.
    ``changes``: how many values of each field differ from the cut before, over ``steps`` pairs of person and cut.
    """

    rows: pd.DataFrame
    earlier: pd.DataFrame
    changes: pd.Series
    steps: int

    @classmethod
    def total(cls, parts: Iterable[Replayed]) -> Replayed:
        """All buckets as one, in an order that does not depend on how persons were split."""
        parts = list(parts)
        rows = pd.concat([part.rows for part in parts]).sort_values(["cut", "person_id"], ignore_index=True)
        earlier = pd.concat([part.earlier for part in parts]).sort_values(["day", "person_id"], ignore_index=True)
        changes = pd.concat([part.changes for part in parts], axis=1).sum(axis=1).astype("int64")
        return cls(rows, earlier, changes, sum(part.steps for part in parts))


def replay(
    tables: Tables, orgs: Sequence[Org], cuts: Sequence[pd.Timestamp], earlier: Sequence[int], holes: Sequence[Hole], end: pd.Timestamp
) -> Replayed:
    """The fields of one bucket on each cut. ``earlier`` are days (since 1970) before the first cut on which only plain facts are taken."""
    policy = orgs[0].policy
    truth = Truth.of(tables, end, policy)
    heard = HeardDays.of(truth.book)
    left = _left_days(truth.book)
    missed = _Missed(truth.book, holes, policy)
    found, before, changes, steps = [], pd.DataFrame(), pd.Series(0, index=[field.name for field in CONTACT_FIELDS]), 0
    for place, (cut, org) in enumerate(zip(cuts, orgs, strict=True)):
        was = as_it_was(tables, truth.known, cut)
        # What a run of the cut before would have written stands in the CRM: a state that holds on to it does so here too.
        done = compute_contacts(dataclasses.replace(was, standing=_standing(was, before)), org, cut, policy)
        day = _day(cut)
        codes = truth.book.persons.index.get_indexer(done.persons.index)
        sides = done.book.persons
        rows = heard.facts(day).iloc[codes].set_axis(done.persons.index)
        rows = rows.assign(**{name: done.persons[name] for name in JUDGED}).rename(columns={"last_heard_channel": "channel"})
        rows = rows.assign(crm=sides["crm"], owner=sides["owner_id"], company=sides["company"], cut=place)
        crms = done.members.groupby("person_id")["crm"].agg(lambda names: "+".join(sorted(set(names))))
        rows = rows.assign(crm=crms.reindex(rows.index), is_missed=missed.on(day)[codes], left_on=_next_after(left, codes, day))
        found.append(rows.rename_axis("person_id").reset_index())
        text = pd.DataFrame({field.name: to_text(field, done.persons[field.name]).fillna("") for field in CONTACT_FIELDS})
        if len(before):
            both = text.index.intersection(before.index)
            changes = changes + (text.loc[both] != before.loc[both]).sum()
            steps += len(both)
        before = text
    plain = [
        heard.facts(day).assign(person_id=truth.book.persons.index, day=day)[~missed.on(day)].dropna(subset="since") for day in earlier
    ]
    columns = pd.concat(plain, ignore_index=True) if plain else heard.facts(0).assign(person_id="", day=0).iloc[:0]
    return Replayed(pd.concat(found, ignore_index=True), columns, changes.astype("int64"), steps)


def _standing(tables: Tables, before: pd.DataFrame) -> pd.DataFrame:
    """STANDING rows of the contacts, as a run that computed ``before`` (a text for each person and field) would have left them."""
    if not len(before) or tables.people is None:
        return empty_table(STANDING)
    people = tables.people[tables.people["is_live"] & tables.people["person_id"].isin(before.index)]
    held = [orjson.dumps({name: text for name, text in row.items() if text}).decode() for row in before.to_dict("records")]
    texts = pd.Series(held, index=before.index)
    rows = {"crm": people["crm"], "table": "contacts", "record_id": people["contact_id"], "values": people["person_id"].map(texts)}
    return to_table(STANDING, pd.DataFrame(rows))


def _day(moment: pd.Timestamp) -> int:
    return int(day_number(pd.Series([moment]))[0])


def _left_days(book: Book) -> pd.DataFrame:
    """The days (``day``) on which it was clear that somebody (``person``, its code) had left: their notice, their words, or no such mailbox."""
    rows = book.activities
    said = rows["kind"].isin(["auto_reply", "human"]) & (rows["reason"] == "left")
    gone = (rows["kind"] == "bounce") & (rows["reason"] == "mailbox_gone")
    clear = rows[said | gone]
    frame = pd.DataFrame({"person": clear["person_id"].cat.codes.to_numpy(), "day": day_number(clear["occurred_at"])})
    return frame.sort_values(["person", "day"], ignore_index=True)


def _next_after(left: pd.DataFrame, codes: np.ndarray, day: int) -> np.ndarray:
    """For each person the first such day from ``day`` on; missing where there is none."""
    after = left[left["day"] >= day].drop_duplicates("person").set_index("person")["day"]
    found: np.ndarray = after.reindex(codes).to_numpy(dtype="float64")
    return found


class _Missed:
    """Of which persons a hole hides what they do, on a day.

    A hole of the whole log hides everybody. A hole of another source hides those of whom, in the year before it, at least ``blind_share`` came
    by that source, until they are heard from again.
    """

    def __init__(self, book: Book, holes: Sequence[Hole], policy: Policy) -> None:
        self._people, self._horizon = len(book.persons), policy.horizon_days
        rows = heard_by_source(book)
        by_source = dict(list(rows.groupby("source")))
        everything = by_source.get(EVERYTHING, rows.iloc[:0])
        self._hidden: list[tuple[Hole, np.ndarray, np.ndarray]] = []
        for hole in holes:
            came = self._count(everything, hole.start - LOOK_BACK_DAYS, hole.start)
            by_it = self._count(by_source.get(hole.source, rows.iloc[:0]), hole.start - LOOK_BACK_DAYS, hole.start)
            hidden = (came > 0) & (by_it >= policy.blind_share * came)
            later = everything[everything["day"] >= hole.start].groupby("person")["day"].min()
            back = np.full(self._people, np.inf)
            back[later.index.to_numpy()] = later.to_numpy()
            self._hidden.append((hole, hidden | (hole.source == EVERYTHING), back))

    def _count(self, rows: pd.DataFrame, start: int, end: int) -> np.ndarray:
        inside = (rows["day"] >= start) & (rows["day"] < end)
        return np.bincount(rows.loc[inside, "person"], minlength=self._people)

    def on(self, cut: int) -> np.ndarray:
        """For each person whether a hole touches the horizon before ``cut`` or the one after it and hides them."""
        found = np.zeros(self._people, dtype=bool)
        for hole, hidden, back in self._hidden:
            if hole.touches(cut - self._horizon, cut + self._horizon):
                found |= hidden & ((back >= cut) | (hole.source == EVERYTHING))
        return found
