"""Are they still in that job: how sure we are, since when, on what evidence, and who follows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from transforms import tenure
from transforms.book import Book
from transforms.fields.wording import by, day, joined
from transforms.vocabulary.fields import Group, Kind, field

GONE_BELOW = 0.35
"""Below this chance, with evidence, they have probably moved."""

LEFT_BELOW = 0.15
"""Below this chance, and said in words, they left."""

DOUBT_BELOW = 0.60
"""Below this chance nobody should rely on the record."""

CONFIRMED_DAYS = 90
VERIFIED_DAYS = 365
FARTHEST = pd.Timedelta(days=550)
"""A return that is announced for later than in a year and a half is a misreading or a joke."""


@field(
    label="Still in that job",
    kind=Kind.CHOICE,
    group=Group.JOB,
    options={
        "confirmed": "Confirmed",
        "presumed": "Presumed",
        "unverified": "Unverified",
        "probably_moved": "Probably moved",
        "left": "Left",
    },
    views=("answers", "auto_replies", "bounces"),
)
def job_state(book: Book) -> pd.Series:
    """Whether the contact is still in the job that the record has.

    Left: they or their mailbox said so. Probably moved: their mail comes back, or other signs outweigh the rest. Confirmed: heard from or verified in the last
    90 days. Presumed: in the last year. Unverified: not for longer, or the signs contradict each other; check before you rely on it.
    """
    chance = book.value(still_there_chance)
    items = book.frame(tenure.evidence)
    doubted = pd.Series(chance.index.isin(items["person_id"]), index=chance.index)
    said = pd.Series(chance.index.isin(tenure.stated(items)), index=chance.index)
    days = book.days_since(book.frame(tenure.verified)["at"])
    known_days = days.fillna(book.days_since(book.persons["created_at"]))
    states = {
        "left": said & (chance < LEFT_BELOW),
        "probably_moved": doubted & (chance < GONE_BELOW),
        "unverified": (chance < DOUBT_BELOW) | ~(known_days <= VERIFIED_DAYS),
        "confirmed": days <= CONFIRMED_DAYS,
    }
    return pd.Series(np.select(list(states.values()), list(states), "presumed"), index=chance.index, dtype="str")


@field(label="Chance still there", kind=Kind.CHANCE, group=Group.JOB, views=("answers", "auto_replies", "bounces"))
def still_there_chance(book: Book) -> pd.Series:
    """The probability that the contact is still in that job, in percent, in steps of 5.

    About one in five people changes jobs in a year, so it falls slowly from the day on which they were last verified. Mail that comes back, a departure notice,
    a farewell, two CRMs that disagree or a wrong number lowers it by the weight of each; hearing from them afterwards takes most of that back. Doubt it for shared mailboxes.
    """
    return tenure.still_there(book)


@field(label="Job verified at", kind=Kind.DATETIME, group=Group.JOB, views=("answers",))
def job_verified_at(book: Book) -> pd.Series:
    """When we last had a sign that the contact is in that job: they wrote, spoke with us or attended, or somebody verified or changed the record's job title.

    Empty if there never was one.
    """
    return book.frame(tenure.verified)["at"]


@field(
    label="Job verified by",
    kind=Kind.CHOICE,
    group=Group.JOB,
    options={
        "live": "A call or meeting",
        "message": "A message of theirs",
        "record": "A check of the record",
        "title": "A new job title in the record",
    },
    views=("answers",),
)
def job_verified_by(book: Book) -> pd.Series:
    """What the last sign was that the contact is in that job. Empty if there never was one."""
    return book.frame(tenure.verified)["by"]


@field(label="Job evidence", kind=Kind.LONG_TEXT, group=Group.JOB, views=("answers", "auto_replies", "bounces"))
def job_evidence(book: Book) -> pd.Series:
    """What speaks against the contact still being in that job, and what for it, each with its date, the heaviest first; also where two CRMs disagree.

    In quotation marks stands the phrase of our lists by which it was recognised; the message itself is not kept. Of several signs about
    their address, or several notices, the heaviest is told.
    """
    checked = book.frame(tenure.verified)
    last = book.last(book.answers)["channel"]
    told = pd.Series([_verified_words(fact) for fact in checked.assign(channel=last).itertuples()], index=checked.index, dtype="str")
    items = book.frame(tenure.evidence)
    against = {
        str(person): " ".join([*_told_against(list(rows.itertuples())), *([told[person]] if pd.notna(told[person]) else [])])
        for person, rows in items.groupby("person_id", sort=False)
    }
    return pd.Series(against, dtype="str").reindex(told.index).fillna(told)


def _told_against(items: list[Any]) -> list[str]:
    """The signs in words; of those about one thing the heaviest, and if that is contradicted, the first that is not."""
    told: list[str] = []
    begun: set[str] = set()
    settled: set[str] = set()
    for item in items:
        about = tenure.SIGNS[item.sign].about
        if about not in settled and not (about in begun and item.is_contradicted):
            told.append(_item_words(item))
            if about:
                (begun if item.is_contradicted else settled).add(about)
    names = dict.fromkeys(item.successor for item in items if pd.notna(item.successor))
    return [*told, f"Named as successor: {joined(list(names))}."] if names else told


def _verified_words(fact: Any) -> str | None:
    if pd.isna(fact.at):
        return None
    if fact.by in ("live", "message"):
        return f"Last heard from on {day(fact.at)} {by(fact.channel)}." if pd.notna(fact.channel) else f"Last heard from on {day(fact.at)}."
    return f"Verified in the CRM on {day(fact.at)}." if fact.by == "record" else f"Job title changed in the CRM on {day(fact.at)}."


def _item_words(item: Any) -> str:
    sign = tenure.SIGNS[item.sign]
    opening = (
        item.words
        if pd.notna(item.words)
        else (
            sign.told.replace("{day}", day(item.at))
            if pd.notna(item.at)
            else sign.told.replace(" since {day}", "").replace(" on {day}", "")
        )
    )
    phrase = f": “{item.phrase}”" if pd.notna(item.phrase) and sign.about != "address" else ""
    doubts = [sign.weight] if sign.weight == tenure.WEAK else []
    doubts += ["but heard from since"] if item.is_contradicted else []
    return f"{opening}{phrase}{' (' + ', '.join(doubts) + ')' if doubts else ''}."


@field(label="Successor", kind=Kind.TEXT, group=Group.JOB, views=("auto_replies",))
def successor(book: Book) -> pd.Series:
    """Who follows the contact, as they or their mailbox named it: an e-mail address, else a name. Empty unless they left or probably moved.

    Doubt it where the notice names a team or a general address.
    """
    items = book.frame(tenure.evidence)
    named = items[items["successor"].notna() & ~items["is_contradicted"]].sort_values(["person_id", "at"])
    latest = named.drop_duplicates("person_id", keep="last").set_index("person_id")["successor"]
    return book.align(latest).where(book.value(job_state).isin(["left", "probably_moved"]))


@field(label="Away until", kind=Kind.DATE, group=Group.REACHING, views=("auto_replies",))
def absent_until(book: Book) -> pd.Series:
    """Until when the contact is away, as their automatic reply announced: the day of return, or the last day away. Empty when that day has passed.

    Doubt it where a notice was not switched off.
    """
    rows = book.auto_replies
    notices = rows[(rows["reason"] == "absent") & rows["absent_until"].notna()]
    until = book.last(notices)["absent_until"]
    return until.where((until > book.as_of) & (until <= book.as_of + FARTHEST))
