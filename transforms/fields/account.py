"""The account: how many people there we hear from, and who of them is gone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from transforms.accounts import AccountBook
from transforms.fields.wording import PAIR, day, joined, number, sentence
from transforms.vocabulary.fields import Group, Kind, field


@field(label="Known contacts", kind=Kind.COUNT, group=Group.ACCOUNT, table="companies", views=("people",))
def known_contacts(book: AccountBook) -> pd.Series:
    """How many people of the company are on record, without those who are known to have left. 0 when there are none."""
    return book.count(book.staff)


@field(label="Voices, 90 days", kind=Kind.COUNT, group=Group.ACCOUNT, table="companies", views=("people",))
def voices_90d(book: AccountBook) -> pd.Series:
    """How many different people of the company we heard from in the last 90 days. 0 when it was nobody.

    Doubt it where people are recorded under another company, or where coverage of its contacts is not full.
    """
    return book.count(book.voices)


@field(label="Silent share", kind=Kind.SHARE, group=Group.ACCOUNT, table="companies", views=("people",))
def silent_share(book: AccountBook) -> pd.Series:
    """Of the people of the company whom we used to hear from, how many are quiet or silent now. In percent, in steps of 5.

    Empty if we never heard from anybody there, or are blind for all of them.
    """
    once = book.staff[book.staff["last_heard_at"].notna() & (book.staff["engagement_state"] != "unknown")]
    return once["engagement_state"].isin(["quiet", "silent", "unreachable"]).groupby(once["company"]).mean()


@field(label="Hangs on one person", kind=Kind.FLAG, group=Group.ACCOUNT, table="companies", views=("people",))
def is_single_threaded(book: AccountBook) -> pd.Series:
    """Whether we heard from exactly one person of the company in the last 90 days: if they go, nobody is left who talks to us."""
    return (book.value(voices_90d) == 1).astype("boolean")


@field(label="Champion left", kind=Kind.FLAG, group=Group.ACCOUNT, table="companies", views=("people",))
def champion_left(book: AccountBook) -> pd.Series:
    """Whether the person of the company whom we heard from on the most days has probably left.

    False also where we have heard from nobody. Doubt it for accounts that are new to you: the champion may be somebody else.
    """
    champions = book.champions
    return book.align(champions["job_state"].isin(["left", "probably_moved"])).fillna(False).astype("boolean")


@field(label="Last heard from", kind=Kind.DATETIME, group=Group.ACCOUNT, table="companies", views=("people",))
def last_heard_at(book: AccountBook) -> pd.Series:
    """When anybody of the company last did something that a person does: wrote, picked up, attended, opened a ticket. Empty if nobody ever did.

    Opens, clicks and automatic replies never count. People who have left since are included.
    """
    return book.people.groupby("company")["last_heard_at"].max()


@field(
    label="Account engagement",
    kind=Kind.CHOICE,
    group=Group.ACCOUNT,
    table="companies",
    options={
        "engaged": "Engaged",
        "cooling": "Cooling",
        "silent": "Silent",
        "needs_help": "Needs help",
        "new": "New",
        "never_heard": "Never heard from",
        "moved_on": "All moved on",
        "unknown": "Unknown",
    },
    views=("people",),
)
def account_state(book: AccountBook) -> pd.Series:
    """Where the account stands: needs help if anybody there waits for us; else as its most engaged person does.

    Cooling: the best of them is cooling or quiet. Silent: nobody is left who is not silent or unreachable. Unknown: our sources stopped delivering,
    or there is no contact on record. All moved on: so have those whom we used to hear from. Doubt it if only one person is on record.
    """
    states = book.people["engagement_state"]
    has = {
        state: book.align(states.eq(state).groupby(book.people["company"]).any()).fillna(False).astype(bool) for state in states.unique()
    }

    def any_of(*names: str) -> pd.Series:
        found = pd.Series(False, index=book.companies.index)
        for name in names:
            found |= has.get(name, False)
        return found

    word = np.select(
        [
            any_of("needs_help"),
            any_of("engaged", "reawakened"),
            any_of("new") & ~any_of("cooling", "quiet", "silent", "unreachable"),
            any_of("cooling", "quiet", "new"),
            any_of("unknown"),
            any_of("silent", "unreachable"),
            any_of("moved_on"),
            any_of("never_heard"),
        ],
        ["needs_help", "engaged", "new", "cooling", "unknown", "silent", "moved_on", "never_heard"],
        "unknown",
    )
    return pd.Series(word, index=book.companies.index, dtype="str")


@field(label="Why", kind=Kind.LONG_TEXT, group=Group.ACCOUNT, table="companies", views=("people",))
def why(book: AccountBook) -> pd.Series:
    """The reason for the account's state, in sentences that you can repeat: who is heard from, who went silent, who left."""
    people = book.people.assign(name=_names(book.people))
    people = people.sort_values(["company", "last_heard_at", "person_id"], ascending=[True, False, True], na_position="last")
    by_company: dict[str, list[Any]] = {}
    for person in people.itertuples():
        by_company.setdefault(str(person.company), []).append(person)
    facts = pd.DataFrame(
        {
            "state": book.value(account_state),
            "known": book.value(known_contacts),
            "voices": book.value(voices_90d),
            "heard_at": book.value(last_heard_at),
            "champion": book.align(book.champions["person_id"]),
            "has_champion_left": book.value(champion_left),
        }
    )
    return pd.Series([_told(fact, by_company.get(fact.Index, [])) for fact in facts.itertuples()], index=facts.index, dtype="str")


def _told(fact: Any, people: list[Any]) -> str:
    if not people:
        return "No contact on record."
    told = []
    if fact.state == "needs_help":
        helped = [p.name for p in people if p.engagement_state == "needs_help"]
        told.append(f"{_some(helped)} {'waits' if len(helped) == 1 else 'wait'} for our help.")
    if fact.state == "unknown":
        told.append("We may be deaf here: what brings us their messages has stopped delivering. Do not read it as silence.")
    if pd.isna(fact.heard_at):
        told.append(f"We never heard from anybody there; {number(fact.known)} {'person' if fact.known == 1 else 'people'} on record.")
    elif fact.voices:
        told.append(f"In the last 90 days we heard from {_share(fact, people[0].name)}on {day(fact.heard_at)}.")
    else:
        told.append(
            f"We have heard from nobody there since {day(fact.heard_at)}{', when it was ' + people[0].name if people[0].name else ''}."
        )
    silent = [p.name for p in people if p.engagement_state == "silent"]
    if silent:
        told.append(f"Silent: {_some(silent)}.")
    if fact.has_champion_left:
        champion = next(p.name for p in people if p.person_id == fact.champion)
        told.append(f"{sentence(champion or 'the person')}, from whom we heard most, has probably left.")
    return sentence(" ".join(told))


def _share(fact: Any, name: str) -> str:
    """``two of three people, last from Priya Nair ``, ``the only person on record, Priya Nair, last ``."""
    known = max(fact.known, fact.voices)
    if known == 1:
        return f"the only person on record, {name}, last " if name else "the only person on record, last "
    everybody = f"{'both' if known == PAIR else f'all {number(known)}'} people on record"
    return f"{everybody if fact.voices == known else f'{number(fact.voices)} of {number(known)} people'}, last {_from(name)}"


def _names(people: pd.DataFrame) -> pd.Series:
    return (people["first_name"].fillna("") + " " + people["last_name"].fillna("")).str.strip()


def _from(name: str) -> str:
    return f"from {name} " if name else ""


def _some(names: list[str]) -> str:
    """``Ana Souza, Tom Becker and two more``; people without a name are counted."""
    known = [name for name in names if name]
    shown = known if len(names) <= 3 and len(known) == len(names) else known[:2]
    rest = len(names) - len(shown)
    if not shown:
        return "one person" if rest == 1 else f"{number(rest)} people"
    return joined([*shown, f"{number(rest)} more"] if rest else shown)
