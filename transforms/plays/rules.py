"""The plays: when a person should do something, and what. The texts are the product; a colleague must be able to act on them alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from transforms import tenure
from transforms.fields.choosing import known_voice, other_voice
from transforms.fields.listening import pause_limits
from transforms.fields.support import open_ticket_rows
from transforms.fields.wording import day, number
from transforms.plays.play import Case, PlayBook, at_firm, episode, paragraphs, play, renewal_line

KNOWN_DAYS = 3
"""Plays are for people who were heard from on at least so many days: a relationship is missed, a cold address is not."""

FRESH_DAYS = 180
"""News of a departure is worth a task for so long; afterwards somebody has noticed."""

LOST_DAYS = 365
"""A silence longer than this gets a task only before a renewal."""

RENEWAL_DAYS = 180

_ACTION = {
    "call": ("Call", "Call {first}{when}."),
    "email": ("Write to", "Write {first} one e-mail{when}."),
    "linkedin": ("Message", "Send {first} a message on LinkedIn{when}."),
    "whatsapp": ("Message", "Send {first} a message on WhatsApp{when}."),
    "sms": ("Message", "Send {first} an SMS{when}."),
    "chat": ("Message", "Write to {first} by chat{when}."),
}
_GONE = {"left": "has left", "probably_moved": "has probably moved on"}
_LEFT = {"left": "Left", "probably_moved": "Probably moved on"}
_TASK_WAY = {"call": "call", "email": "email", "linkedin": "linkedin"}


@play(label="Switch the channel", closing="The silence is over: {heard}.")
def switch_channel(plays: PlayBook) -> Sequence[Case]:
    """Silent for longer than is usual for them: reach out once more, by the way that is likeliest to be answered, with something to say.

    For people heard from on at least three days. Silences of over a year count only in the half year before a renewal.
    """
    people = plays.people
    wanted = (
        (people["engagement_state"] == "silent") | ((people["engagement_state"] == "quiet") & (people["email_blindness"] == "blind"))
    ) & people["best_channel"].isin([*_ACTION, "wait", "someone_else"])
    recent = (plays.since(people["last_heard_at"]) <= LOST_DAYS) | plays.renews_within(RENEWAL_DAYS)
    return [_switch(plays, person) for person in _rows(people, wanted & recent & _known(people))]


def _switch(plays: PlayBook, person: Any) -> Case:
    way = person.best_channel if person.best_channel in _ACTION else "email"
    verb, action = _ACTION[way]
    since = f": silent since {day(person.last_heard_at)}"
    other = other_voice(plays.book, person.Index, person.company) if person.best_channel == "someone_else" else None
    if other:
        who = other[1] or "their colleague"
        verb, action = (
            f"Ask {who} about",
            f"Ask {who}, whom we heard from on {day(other[0])}, what changed for {{first}} and how to reach them.",
        )
    tips = {
        "call": "Have one reason ready that is theirs, not ours: what they asked last, or what changed for them.",
        "email": "Keep it to one question that only they can answer; another check-in would say nothing new.",
    }
    return Case(
        person.Index,
        episode(person.last_heard_at),
        f"{verb} {at_firm(person)}{since}",
        paragraphs(
            (str(person.why),),
            (
                f"What to do: {action.format(first=person.first, when=_when(person))}",
                f"Why this way: {person.best_channel_why}" if pd.notna(person.best_channel_why) else "",
                "" if other else tips.get(way, "Two sentences are enough: what you want to know, and why it helps them."),
            ),
            (renewal_line(person),),
        ),
        f"Silent for longer than is usual for them, since {day(person.last_heard_at)}.",
        "todo" if other else _TASK_WAY.get(way, "todo"),
        "high" if person.renews_soon else "medium",
    )


@play(label="Find who follows", closing="They do not read as gone any more: {heard}.", blocked_by=("blind",))
def find_successor(plays: PlayBook) -> Sequence[Case]:
    """They left, probably moved or went to another desk: find out who follows, before the account has nobody who knows us.

    For people heard from on at least three days, while the news is less than half a year old or a renewal is near.
    """
    people = plays.people
    items = plays.book.frame(tenure.evidence)
    newest = plays.book.align(items.groupby("person_id")["at"].max())
    people = people.assign(is_elsewhere=people.index.isin(tenure.at_another_desk(items)) & (people["job_state"] == "unverified"))
    wanted = (people["job_state"].isin(["left", "probably_moved"]) | people["is_elsewhere"]) & _known(people)
    fresh = (plays.since(newest) <= FRESH_DAYS) | plays.renews_within(RENEWAL_DAYS)
    return [_successor(plays, person) for person in _rows(people, wanted & fresh)]


def _successor(plays: PlayBook, person: Any) -> Case:
    other = other_voice(plays.book, person.Index, person.company)
    named = isinstance(person.successor, str)
    helper = f"{other[1] or 'somebody else there'}, whom we heard from on {day(other[0])}" if other else ""
    subject, aside = f"Find out who follows {at_firm(person)}", ""
    if named:
        known = known_voice(plays.book, person.successor, person.company)
        follower = known[1] if known and known[1] else person.successor
        subject = f"Meet {follower}, who follows {at_firm(person)}"
        action = f"Write to {person.successor}: introduce yourself, say what {person.first} used us for, and offer half an hour."
        if known:
            action = f"Write to {person.successor}, whom we heard from on {day(known[0])}: ask how they want to go on with what {person.first} did."
        elif helper:
            aside = f"Somebody who may help: {helper}."
    elif other:
        ask = other[1] or "the other contact there"
        action = f"Ask {ask} who follows {person.first}, and for an introduction. We heard from {ask} on {day(other[0])}."
    else:
        action = f"We heard from nobody else there lately. Call the main number, or look on LinkedIn for who has {person.first}'s job now."
    left = "has another role in the firm" if person.is_elsewhere else _GONE[person.job_state]
    return Case(
        person.Index,
        episode(person.job_verified_at),
        subject,
        paragraphs(
            (f"{person.who} {left}.", str(person.job_evidence)),
            (
                f"What to do: {action}",
                aside,
                f"If {person.first} is still there after all: log a call with them and close this task. The sign will then weigh less.",
            ),
            (renewal_line(person),),
        ),
        f"{'Has another role' if person.is_elsewhere else _LEFT[person.job_state]}, so somebody must take over the contact.",
        "email" if named and "@" in str(person.successor) else "todo",
        "high" if person.renews_soon else "medium",
    )


@play(label="Check that they are still there", closing="Verified since: {heard}.")
def verify_still_there(plays: PlayBook) -> Sequence[Case]:
    """Nobody knows whether they still have the job: a short check, before a renewal or where the signs contradict each other.

    For people heard from on at least three days who were not verified for a year, or against whom there is a fresh sign that is not enough.
    """
    people = plays.people
    items = plays.book.frame(tenure.evidence)
    signs = plays.book.align(items[~items["is_contradicted"]].groupby("person_id")["at"].max())
    doubted = (plays.since(signs) <= FRESH_DAYS) | plays.renews_within(RENEWAL_DAYS)
    taken = people["engagement_state"].isin(["silent", "needs_help"])
    return [_verify(plays, person) for person in _rows(people, (people["job_state"] == "unverified") & doubted & _known(people) & ~taken)]


def _verify(plays: PlayBook, person: Any) -> Case:
    other = other_voice(plays.book, person.Index, person.company)
    ask = (
        f"Ask {other[1]}, whom we heard from on {day(other[0])}."
        if other and other[1]
        else "Look at their LinkedIn profile, or call the main number."
    )
    evidence = str(person.job_evidence) if pd.notna(person.job_evidence) else "We never heard anything that would verify it."
    return Case(
        person.Index,
        episode(person.job_verified_at),
        f"Check that {at_firm(person)} is still there",
        paragraphs(
            (f"We are not sure that {person.who} still has this job.", evidence),
            (
                f"What to do: {ask} One minute is enough.",
                "Still there: log the call or a note. Gone: change the record, and ask who follows.",
            ),
            (renewal_line(person),),
        ),
        "Not verified for long, or the signs contradict each other.",
        "todo",
        "low",
    )


@play(label="Help first", closing="The ticket is closed.", blocked_by=("blind", "tickets", "away", "touched"))
def help_first(plays: PlayBook) -> Sequence[Case]:
    """They wait for our help: an old ticket, several, or a ticket and silence beside it. Ask about the ticket; do not nag about anything else."""
    people = plays.people
    quiet = plays.book.rhythm["recency"] > plays.book.frame(pause_limits)["quiet"]
    wanted = (people["support_state"] == "struggling") | ((people["support_state"] == "seeking_help") & quiet)
    tickets = plays.book.frame(open_ticket_rows).groupby("person_id")["opened_at"]
    people = people.assign(opened_at=plays.book.align(tickets.min()))
    return [_help(person) for person in _rows(people, wanted & people["opened_at"].notna())]


def _help(person: Any) -> Case:
    many = f"{number(person.open_tickets)} open tickets, the oldest since" if person.open_tickets > 1 else "an open ticket since"
    return Case(
        person.Index,
        episode(person.opened_at),
        f"Help {at_firm(person)} first: {many} {day(person.opened_at)}",
        paragraphs(
            (
                f"{person.who} has {many} {day(person.opened_at)}. Whoever asks for help still counts on us; what stays unsolved drives them away.",
            ),
            (
                "What to do: find out with support where it stands and what is missing.",
                f"Then tell {person.first} in two sentences what happens next, and by when.",
                f"Best time to reach them: {person.best_time}." if pd.notna(person.best_time) else "",
                "Leave out everything else (renewal, check-in, new features) until this is solved.",
            ),
            (renewal_line(person),),
        ),
        f"Waits for our help since {day(person.opened_at)}.",
        "todo",
        "high" if person.support_state == "struggling" else "medium",
    )


PLAYS = (help_first, find_successor, switch_channel, verify_still_there)
"""All plays, the one that goes first for a person first. To add one: write a function, add a word here, add a test."""


def _known(people: pd.DataFrame) -> pd.Series:
    return (people["heard_days"] >= KNOWN_DAYS) & ~people["is_lost"]


def _rows(people: pd.DataFrame, wanted: pd.Series) -> Iterator[Any]:
    rows: Iterator[Any] = people[wanted.fillna(False).astype(bool)].itertuples()
    return rows


def _when(person: Any) -> str:
    return f", best {person.best_time}" if pd.notna(person.best_time) else ""
