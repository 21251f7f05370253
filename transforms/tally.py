"""Counts over one bucket, from which the facts of the whole customer base are added up."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.book import Book, Tables
from transforms.channels.outcomes import count_outcomes
from transforms.channels.rates import count_answers
from transforms.org import LONG_PAUSE, PAUSE_STEPS, WEEKS, Org, Source, Tally, count_alike
from transforms.policy import Policy
from transforms.rhythm import FEW, group_of
from transforms.silence.facts import BY_HAND
from transforms.silence.gaps import MONTH
from transforms.silence.history import sample_of
from transforms.silence.traffic import count_traffic


def tally(tables: Tables, as_of: pd.Timestamp, policy: Policy) -> Tally:
    """Count what one bucket teaches of the whole customer base. Nothing after ``as_of`` is counted."""
    return tally_book(Book(tables, as_of, policy, Org.without_history(as_of, policy)), tables)


def tally_book(book: Book, tables: Tables) -> Tally:
    """The same, of a book of these tables that is at hand."""
    policy = book.policy
    counts = Tally.empty(book.as_of, policy)
    long_pauses = _count_pauses(book, counts)
    return Tally(
        counts.as_of,
        policy,
        sample_of(book),
        counts.pauses,
        count_answers(book),
        count_sources(book),
        _count_checkins(book),
        _find_voices(book),
        count_traffic(book),
        count_outcomes(book, tables.tasks),
        long_pauses,
    )


def _count_pauses(book: Book, counts: Tally) -> pd.DataFrame:
    """How long the pauses were that ended, by the rhythm that the person had before; and when the long ones were."""
    days = book.heard_days[book.heard_days["gap"].notna()]
    usual = days["usual_before"].to_numpy()
    group = group_of(days["number"].to_numpy() - 1, usual)
    unit = np.where(group <= FEW, 1.0, np.maximum(usual, 1.0))
    step = np.searchsorted(PAUSE_STEPS, np.log2(days["gap"].to_numpy() / unit), side="left")
    np.add.at(counts.pauses, (group, step), 1)
    on, gap = days["on"].to_numpy(), days["gap"].to_numpy()
    began = (on - np.nan_to_num(gap)).astype("int64")
    told = pd.DataFrame({"first": began // MONTH, "last": on // MONTH, "group": group, "step": step, "count": 1})
    return count_alike(told[gap >= LONG_PAUSE].astype("int64"))


def source_names(rows: pd.DataFrame) -> pd.Series:
    """The way of capture of each row: crm|owner|channel; missing where the CRM does not say whose it is."""
    return rows["crm"] + "|" + rows["actor_id"] + "|" + rows["channel"]


def captured(book: Book) -> pd.DataFrame:
    """The rows that came by a source that records by itself: mailboxes, chats, product … not what people log by hand.

    Mail to many is left out: it goes out in bursts, and between two of them nothing has stopped. What two CRMs told is here twice: each of
    them has delivered.
    """
    rows = pd.concat([book.activities, book.told_again]) if len(book.told_again) else book.activities
    return rows[~rows["channel"].isin(BY_HAND) & ~rows["is_broadcast"].fillna(False).astype(bool)]


def count_sources(book: Book) -> dict[str, Source]:
    """How much each source delivered, week by week back from the moment of the book."""
    rows = captured(book)
    weeks = ((book.as_of - rows["occurred_at"]) // pd.Timedelta(days=7)).to_numpy()
    found: dict[str, Source] = {}
    everybody = rows["crm"] + "|*|" + rows["channel"]
    for names in (source_names(rows), everybody):
        frame = pd.DataFrame({"at": rows["occurred_at"], "week": weeks, "person": rows["person_id"].cat.codes, "name": names})
        totals = frame.groupby("name").agg(last=("at", "max"), persons=("person", "nunique"))
        recent = frame[frame["week"] < WEEKS].groupby(["name", "week"]).size()
        for name, row in totals.iterrows():
            found[str(name)] = Source(last=row["last"].isoformat(), persons=int(row["persons"]))
        for (name, week), number in recent.items():
            found[str(name)].weeks[int(week)] = int(number)
    return found


def _count_checkins(book: Book) -> tuple[int, int]:
    read = book.within(book.touches, book.policy.short_window_days)["is_checkin"].dropna()
    return (len(read), int(read.sum()))


def _find_voices(book: Book) -> dict[str, list[tuple[str, str, str]]]:
    latest = book.last(book.within(book.answers, book.policy.short_window_days))["occurred_at"].dropna()
    people = book.persons.loc[latest.index, ["company", "first_name", "last_name"]]
    people["name"] = (people["first_name"].fillna("") + " " + people["last_name"].fillna("")).str.strip()
    people["at"] = latest.map(lambda at: at.isoformat())
    people = people[people["company"].notna()].reset_index().sort_values(["company", "at", "person_id"], ascending=[True, False, False])
    found: dict[str, list[tuple[str, str, str]]] = {}
    for person_id, company, name, at in people.groupby("company").head(2)[["person_id", "company", "name", "at"]].itertuples(index=False):
        found.setdefault(company, []).append((at, person_id, name))
    return found
