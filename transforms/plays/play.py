"""What a play is: a pure function that finds the people for whom something should be done, and says what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from transforms.accounts import merge_accounts
from transforms.book import Book
from transforms.fields.listening import has_just_stopped, is_last_source_deaf
from transforms.fields.support import open_ticket_rows
from transforms.fields.wording import day
from transforms.plays.homes import TaskHomes, find_asides
from transforms.unseen import is_unseen
from transforms.vocabulary.tables import Channel

BLOCKS = {
    "blind": "we are deaf for them, so their silence says nothing",
    "stopped": "a source by which they are heard has stopped, so their silence says nothing",
    "tickets": "the tickets of their CRM do not reach us any more, so theirs may be closed",
    "unseen": "mail with them passes that no CRM keeps a record of, so their silence says nothing",
    "away": "they are away",
    "touched": "somebody reached out to them since yesterday",
    "closed": "they want to hear from us by no way that is open",
}
"""Why no new task is raised now although there is a case."""


@dataclass(frozen=True)
class Case:
    """One person for whom a play would do something.

    ``episode`` is the day on which the present matter began: with the play and the person it makes the task's key, so it must not move
    while the matter lasts. ``way`` is call, email, linkedin or todo; ``priority`` high, medium or low.
    """

    person_id: str
    episode: str
    subject: str
    body: str
    reason: str
    way: str
    priority: str = "medium"


@dataclass(frozen=True)
class Play:
    """A rule that may raise a task.

    ``help`` is its docstring. ``closing`` is the sentence with which a task is closed when its reason is gone; ``{heard}`` and ``{state}``
    stand for when they were last heard from and where they stand now. ``blocked_by`` names the BLOCKS that hold a new task back.
    """

    name: str
    label: str
    help: str
    closing: str
    blocked_by: tuple[str, ...]
    find: Callable[[PlayBook], Sequence[Case]]


def play(
    *, label: str, closing: str, blocked_by: tuple[str, ...] = tuple(BLOCKS)
) -> Callable[[Callable[[PlayBook], Sequence[Case]]], Play]:
    """Turn a pure function of a play book into a frozen :class:`Play`; its name is the function's, its help the docstring."""

    def make(find: Callable[[PlayBook], Sequence[Case]]) -> Play:
        return Play(find.__name__, label, " ".join((find.__doc__ or "").split()), closing, blocked_by, find)

    return make


SOON_DAYS = 90
"""A renewal in so many days makes a task pressing."""


class PlayBook:
    """What plays look at: the book of a bucket, the computed fields of its persons, and their companies.

    ``people``: one row a person, indexed by person_id: all contact fields, ``who`` (the name), ``first``, ``firm``, ``renewal_on``,
    ``renews_soon``, ``annual_value``, ``is_lost`` (the company is known not to be a customer), ``company`` (the account), ``heard_days``,
    the record on which a task is raised: ``crm``, ``contact_id``, ``company_id``, ``owner``, ``has_owner`` (see ``TaskHomes``), and ``asides``, for
    each CRM that holds them a sentence for tasks in the other.
    """

    def __init__(self, book: Book, values: pd.DataFrame, companies: pd.DataFrame, homes: TaskHomes | None = None) -> None:
        self.book, self.as_of, self.policy, self.org = book, book.as_of, book.policy, book.org
        persons = book.persons
        firm = merge_accounts(companies, book.as_of).reindex(persons["company"]).set_axis(persons.index, axis=0)
        home = (homes or TaskHomes()).of(book)
        first, last = persons["first_name"].fillna(""), persons["last_name"].fillna("")
        whole = (first + " " + last).str.strip()
        fallback = persons["email"].fillna("Contact " + persons["contact_id"])
        self.people = values.assign(
            who=whole.where(whole != "", fallback),
            first=first.where(first != "", whole.where(whole != "", fallback)),
            firm=firm["name"].fillna(firm["domain"]),
            renewal_on=firm["renewal_on"],
            renews_soon=self.book.days_since(firm["renewal_on"]).between(-SOON_DAYS, 0),
            annual_value=firm["annual_value"],
            is_lost=(firm["is_customer"] == False).fillna(False).astype(bool),  # noqa: E712 - three-valued: unknown is not False
            **dict(home.items()),
            asides=find_asides(book),
            company=persons["company"],
            heard_days=book.rhythm["number"],
        )

    def records(self, person_id: str) -> list[tuple[str, str]]:
        """The records that the person has, as crm and contact id; those that can be written to."""
        return self._records.get(person_id, [])

    @cached_property
    def _records(self) -> dict[str, list[tuple[str, str]]]:
        found: dict[str, list[tuple[str, str]]] = {}
        for member in self.book.members.itertuples():
            found.setdefault(member.person_id, []).append((member.crm, member.contact_id))
        return found

    def since(self, times: pd.Series) -> pd.Series:
        """Days from each time to the moment of the book; missing times are infinitely long ago."""
        return self.book.days_since(times).fillna(float("inf"))

    def renews_within(self, days: int) -> pd.Series:
        """Whether the company's contract ends or renews in the next so many days."""
        ahead = -self.book.days_since(self.people["renewal_on"])
        return (ahead >= 0) & (ahead <= days)

    def blocks(self) -> pd.DataFrame:
        """For each person which of BLOCKS hold."""
        people = self.people
        yesterday = self.as_of.normalize() - pd.Timedelta(days=1)
        return pd.DataFrame(
            {
                "blind": people["coverage"] == "blind",
                "stopped": is_last_source_deaf(self.book) | has_just_stopped(self.book),
                "tickets": people.index.isin(self._tickets_unsure),
                "unseen": is_unseen(self.book),
                "away": people["absent_until"] > self.as_of,
                "touched": people["last_touch_at"] >= yesterday,
                "closed": people["engagement_state"] == "unreachable",
            }
        ).fillna(False)

    @property
    def _tickets_unsure(self) -> list[str]:
        """The persons with an open ticket in a CRM whose tickets do not reach us any more."""
        rows, deaf = self.book.frame(open_ticket_rows), self.org.deaf_since
        return [person for person, crm in zip(rows["person_id"], rows["crm"], strict=True) if f"{crm}|*|{Channel.TICKET}" in deaf]


def episode(at: pd.Timestamp) -> str:
    """The day of a moment as a key; ``never`` where there was none."""
    return "never" if pd.isna(at) else at.strftime("%Y-%m-%d")


def at_firm(person: object) -> str:
    """``Priya Nair (Northwind Foods)``, or the name alone."""
    who, firm = getattr(person, "who", ""), getattr(person, "firm", None)
    return f"{who} ({firm})" if isinstance(firm, str) else str(who)


def renewal_line(person: object) -> str:
    """``Northwind Foods renews on 2 January 2027.``, or nothing."""
    renewal, firm = getattr(person, "renewal_on", None), getattr(person, "firm", None)
    if pd.isna(renewal) or not isinstance(firm, str):
        return ""
    return f"{firm} renews on {day(pd.Timestamp(renewal))}."


def paragraphs(*groups: tuple[str, ...]) -> str:
    """Groups of lines as a text: empty lines and groups are left out, an empty line stands between groups."""
    told = ["\n".join(line for line in group if line) for group in groups]
    return "\n\n".join(text for text in told if text)
