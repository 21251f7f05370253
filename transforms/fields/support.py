"""Do they need help: open tickets are a voice, not a silence."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.book import Book
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

    Somebody who opens tickets is engaged, not leaving: help first, sell later. A ticket that has been open for half a year without a change
    was forgotten and does not count. Whether a ticket asks how something is done or says that it is broken is not told: its text is not kept.
    """
    tickets = book.frame(open_ticket_rows)
    fresh = tickets[book.days_since(tickets["changed_at"]) <= book.policy.forgotten_ticket_days]
    by_person = fresh.groupby("person_id")
    old = book.days_since(by_person["opened_at"].min()) > book.policy.struggling_after_days
    lately = book.within(book.tickets[book.tickets["outcome"] == Outcome.OPENED_TICKET], LATELY_DAYS)
    often = book.count(lately).reindex(old.index) >= MANY_LATELY
    struggles = (by_person.size() >= book.policy.struggling_tickets) | old | by_person["is_reopened"].any() | often
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
    """One row an open ticket: person_id, opened_at (when it was first opened), changed_at, is_reopened.

    Openings and closings of one ticket share a thread. Where there are no threads, the oldest open ticket is taken to be closed first.
    """
    rows = book.tickets
    person = rows["person_id"].astype("str")
    nth = rows.groupby([person, rows["outcome"]]).cumcount()
    thread = rows["thread_id"].fillna("#" + nth.astype("str"))
    is_opening = rows["outcome"] == Outcome.OPENED_TICKET
    frame = pd.DataFrame({"person_id": person, "crm": rows["crm"], "thread": thread, "at": rows["occurred_at"], "is_opening": is_opening})
    tickets = frame.groupby(["person_id", "crm", "thread"])
    found = pd.DataFrame(
        {
            "opened_at": tickets["at"].min(),
            "changed_at": tickets["at"].max(),
            "is_open": tickets["is_opening"].last(),
            "is_reopened": tickets["is_opening"].sum() > 1,
        }
    ).reset_index()
    return found[found["is_open"].astype(bool)]
