"""Do they need help: open tickets are a voice, not a silence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.book import Book
from transforms.mail.tickets import ASKS_HOW, BROKEN
from transforms.vocabulary.fields import Group, Kind, field
from transforms.vocabulary.tables import Outcome

LATELY_DAYS = 30
"""A ticket that moved in so many days is a conversation that goes on."""

MANY_LATELY = 5
"""So many tickets opened in that time are a struggle, also where the others are solved."""


@field(
    label="Support",
    kind=Kind.CHOICE,
    group=Group.HELP,
    options={"none": "None", "seeking_help": "Seeking help", "struggling": "Struggling"},
    views=("tickets",),
)
def support_state(book: Book) -> pd.Series:
    """Whether the contact waits for help from us. Seeking help: has an open ticket. Struggling: three or more, one older than 14 days, one reopened, or the latest of five in 30 days.

    Where a ticket says that something is broken, five days are enough. Those that ask how something is done count only when they get old or come back: asking is learning.
    Somebody who opens tickets is engaged, not leaving: help first, sell later. A ticket that has been open for half a year without a change
    was forgotten and does not count. Doubt it where tickets have no text: then it is not known what they ask for.
    """
    tickets = book.frame(open_ticket_rows)
    fresh = tickets[book.days_since(tickets["changed_at"]) <= book.policy.forgotten_ticket_days]
    days = book.days_since(fresh["opened_at"])
    is_old = days > np.where(fresh["is_broken"], book.policy.struggling_broken_days, book.policy.struggling_after_days)
    by_person = fresh.assign(is_hard=is_old | fresh["is_reopened"], weighs=~fresh["asks_how"]).groupby("person_id")
    opened = book.tickets[(book.tickets["outcome"] == Outcome.OPENED_TICKET) & (book.tickets["reason"].fillna("") != ASKS_HOW)]
    often = book.count(book.within(opened, LATELY_DAYS)) >= MANY_LATELY
    struggles = (by_person["weighs"].sum() >= book.policy.struggling_tickets) | by_person["is_hard"].any()
    struggles |= often.reindex(struggles.index)
    words = pd.Series(np.where(struggles, "struggling", "seeking_help"), index=struggles.index, dtype="str")
    return book.align(words).fillna("none")


def is_loud(book: Book) -> pd.Series:
    """For every person whether they have an open ticket, or one was opened or closed in the last 30 days: then nothing else is a silence."""
    moved = book.count(book.within(book.tickets, LATELY_DAYS)) > 0
    return moved | (book.value(support_state) != "none")


@field(label="Open tickets", kind=Kind.COUNT, group=Group.HELP, views=("tickets",))
def open_tickets(book: Book) -> pd.Series:
    """How many tickets of the contact are open now, old ones too. 0 when none is."""
    return book.align(book.frame(open_ticket_rows).groupby("person_id").size()).fillna(0).astype("int64")


def open_ticket_rows(book: Book) -> pd.DataFrame:
    """One row an open ticket: person_id, opened_at (when it was first opened), changed_at, is_reopened, is_broken, asks_how (what its text told).

    Openings and closings of one ticket share a thread. Where there are no threads, the oldest open ticket is taken to be closed first.
    """
    rows = book.tickets
    person = rows["person_id"].astype("str")
    nth = rows.groupby([person, rows["outcome"]]).cumcount()
    thread = rows["thread_id"].fillna("#" + nth.astype("str"))
    is_opening = rows["outcome"] == Outcome.OPENED_TICKET
    about = rows["reason"].fillna("")
    frame = pd.DataFrame(
        {
            "person_id": person,
            "crm": rows["crm"],
            "thread": thread,
            "at": rows["occurred_at"],
            "is_opening": is_opening,
            "is_broken": about == BROKEN,
            "asks_how": about == ASKS_HOW,
        }
    )
    tickets = frame.groupby(["person_id", "crm", "thread"])
    found = pd.DataFrame(
        {
            "opened_at": tickets["at"].min(),
            "changed_at": tickets["at"].max(),
            "is_open": tickets["is_opening"].last(),
            "is_reopened": tickets["is_opening"].sum() > 1,
            "is_broken": tickets["is_broken"].any(),
            "asks_how": tickets["asks_how"].any(),
        }
    ).reset_index()
    return found[found["is_open"].astype(bool)]
