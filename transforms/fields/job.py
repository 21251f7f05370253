"""Are they still in that job: how sure we are, since when, on what evidence, and who follows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from transforms import tenure
from transforms.book import Book
from transforms.evidence.signs import SIGNS
from transforms.fields.wording import by, day, each_row, joined
from transforms.vocabulary.fields import Group, Kind, field

GONE_BELOW = 0.5
"""Below this chance, by evidence and not by time alone, they have more likely moved than not."""

DOUBT_BELOW = 0.76
"""Below this chance nobody should rely on the record: what a year without a sign makes of it, .98 · exp(−.248)."""

CONFIRMED_FROM = 0.9
"""From this chance on a fresh sign confirms: evidence that was contradicted once takes more than that off."""

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
    90 days, and nothing against it. Presumed: in the last year. Unverified: not for longer, the signs contradict each other, or they have another role in
    their firm; check before you rely on it.
    """
    chance = book.value(still_there_chance)
    items = book.frame(tenure.evidence)
    said, elsewhere = (
        pd.Series(chance.index.isin(people(items)), index=chance.index) for people in (tenure.stated, tenure.at_another_desk)
    )
    days = book.days_since(book.frame(tenure.verified)["at"])
    known_days = days.fillna(book.days_since(book.persons["created_at"]))
    is_gone = chance < GONE_BELOW
    states = {
        "left": said & is_gone,
        "probably_moved": tenure.doubted(book) & is_gone,
        "unverified": (chance < DOUBT_BELOW) | ~(known_days <= VERIFIED_DAYS) | elsewhere,
        "confirmed": (days <= CONFIRMED_DAYS) & (chance >= CONFIRMED_FROM),
    }
    return pd.Series(np.select(list(states.values()), list(states), "presumed"), index=chance.index, dtype="str")


@field(label="Chance still there", kind=Kind.CHANCE, group=Group.JOB, views=("answers", "auto_replies", "bounces"))
def still_there_chance(book: Book) -> pd.Series:
    """The probability that the contact is still in that job, in percent, in steps of 5.

    About one in five people changes jobs in a year, managers fewer, beginners more, so it falls slowly from the day on which they were last seen there.
    Mail that comes back, a departure notice, a farewell, another firm in their signature, records that disagree or a wrong number lower it by the weight of each; of ten bounces one counts.
    Each day on which they speak to us from there afterwards halves that weight. Doubt it for shared mailboxes.
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
    """What speaks against the contact still being in that job, and what for it, each with its date and weight, the heaviest first.

    In quotation marks stands the phrase of our lists by which it was recognised; the message itself is not kept. Of several signs with one
    cause, such as several bounces of one mailbox, the heaviest is told.
    """
    checked = book.frame(tenure.verified)
    spoken = book.answers[book.answers["reason"].fillna("") != "left"]
    facts = checked.assign(channel=book.last(spoken)["channel"], seen=tenure.last_seen(book))
    items = book.frame(tenure.evidence)
    contradicted = set(items.loc[items["is_contradicted"], "person_id"])
    told = pd.Series(
        [_verified_words(fact, speaks_against=fact.Index in contradicted) for fact in each_row(facts)], index=facts.index, dtype="str"
    )
    against = {
        str(person): " ".join([*_told_against(list(rows.itertuples())), *([told[person]] if pd.notna(told[person]) else [])])
        for person, rows in items.groupby("person_id", sort=False)
    }
    return pd.Series(against, dtype="str").reindex(told.index).fillna(told)


def _told_against(items: list[Any]) -> list[str]:
    """The signs in words, of each cause the heaviest, and who was named as successor."""
    told = [_item_words(item) for item in items if item.counts]
    names = dict.fromkeys(item.successor for item in items if pd.notna(item.successor))
    return [*told, f"Named as successor: {joined(list(names))}."] if names else told


def _verified_words(fact: Any, *, speaks_against: bool) -> str | None:
    """When they were last verified; if that is longer ago than another sign of them, that too."""
    told = []
    if pd.notna(fact.at):
        if fact.by in ("live", "message"):
            way = f" {by(fact.channel)}" if pd.notna(fact.channel) else ""
            words = f"Last heard from on {day(fact.at)}{way}"
        else:
            words = f"Verified in the CRM on {day(fact.at)}" if fact.by == "record" else f"Job title changed in the CRM on {day(fact.at)}"
        told.append(f"{words}{', which speaks against it' if speaks_against else ''}.")
    if pd.notna(fact.seen) and (pd.isna(fact.at) or fact.seen > fact.at):
        told.append(f"A sign of them there on {day(fact.seen)}.")
    return " ".join(told) or None


def _item_words(item: Any) -> str:
    sign = SIGNS[item.sign]
    opening = item.words
    if pd.isna(opening):
        undated = sign.told.replace(" since {day}", "").replace(" on {day}", "").replace(" of {day}", "")
        opening = sign.told.replace("{day}", day(item.at)) if pd.notna(item.at) else undated
    phrase = f": “{item.phrase}”" if pd.notna(item.phrase) and sign.is_quoted else ""
    doubt = ", but heard from since" if item.is_contradicted else ""
    return f"{opening}{phrase} ({sign.weight}{doubt})."


@field(label="Successor", kind=Kind.TEXT, group=Group.JOB, views=("auto_replies",))
def successor(book: Book) -> pd.Series:
    """Who follows the contact, as they or their mailbox named it: an e-mail address, else a name. Empty unless they left, probably moved, or have another role.

    Doubt it where the notice names a team or a general address.
    """
    items = book.frame(tenure.evidence)
    named = items[items["successor"].notna() & ~items["is_contradicted"]].sort_values(["person_id", "at"])
    latest = named.drop_duplicates("person_id", keep="last").set_index("person_id")["successor"]
    elsewhere = book.persons.index.isin(tenure.at_another_desk(items))
    return book.align(latest).where(book.value(job_state).isin(["left", "probably_moved"]) | elsewhere)


@field(label="Away until", kind=Kind.DATE, group=Group.REACHING, views=("auto_replies",))
def absent_until(book: Book) -> pd.Series:
    """Until when the contact is away, as their automatic reply announced: the day of return, or the last day away. Empty when that day has passed.

    Doubt it where a notice was not switched off.
    """
    rows = book.auto_replies
    notices = rows[(rows["reason"] == "absent") & rows["absent_until"].notna()]
    until = book.last(notices)["absent_until"]
    return until.where((until > book.as_of) & (until <= book.as_of + FARTHEST))
