"""Where a contact stands, all in all: the state, a score, and the reason in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from transforms.book import Book
from transforms.channels.addresses import email_gone_at
from transforms.channels.odds import answer_odds
from transforms.crms import crm_name
from transforms.fields.choosing import TOLD, tally_words
from transforms.fields.job import absent_until, job_evidence, job_state
from transforms.fields.listening import (
    coverage,
    days_in_doubt,
    hear_back_chance,
    is_last_source_deaf,
    last_heard_at,
    last_heard_channel,
    pause_limits,
    sources_of,
    usual_gap_days,
)
from transforms.fields.reaching import last_direct_at
from transforms.fields.support import is_loud, open_ticket_rows, support_state
from transforms.fields.wording import all_or_none, by, day, each_row, joined, number, sentence, singular, things
from transforms.rhythm import FEW, NEVER, ONCE, group_of
from transforms.silence.history import chances_on
from transforms.unseen import is_unseen, unseen_mail
from transforms.vocabulary.fields import Group, Kind, field, to_text
from transforms.vocabulary.tables import Channel


@field(
    label="Engagement",
    kind=Kind.CHOICE,
    group=Group.LISTENING,
    options={
        "engaged": "Engaged",
        "cooling": "Cooling",
        "quiet": "Quiet",
        "silent": "Silent",
        "needs_help": "Needs help",
        "new": "New",
        "never_heard": "Never heard from",
        "reawakened": "Reawakened",
        "unreachable": "Unreachable",
        "moved_on": "Moved on",
        "unknown": "Unknown",
    },
    views=("heard", "tickets"),
)
def engagement_state(book: Book) -> pd.Series:
    """Where the contact stands. Cooling: a longer pause than four of five usual ones. Quiet: longer than 19 of 20. Silent: quiet, and hearing back is unlikely.

    Usual is measured against their own rhythm and people like them. Of those who still write within 30 days, at most one in 20 may be called
    silent. Needs help: an open ticket. Unknown: our sources stopped delivering, or mail passes unseen, so silence means nothing. Unreachable: no way to them is open.
    Somebody who is away, waits for our help or had a ticket moved in the last 30 days is never called quiet or silent. Until something is heard from them, the state only moves on,
    and goes back only where the numbers clearly say so: it does not flicker.
    """
    persons, is_never = book.persons, book.rhythm["group"] == NEVER
    pause = np.array(PAUSES)[_steady_pause(book)]
    speaks = (book.value(absent_until) > book.as_of) | is_loud(book)
    pause = np.where(speaks & np.isin(pause, ["silent", "quiet"]), "cooling", pause)
    is_odd = ~np.isin(pause, ["engaged"]) | is_never
    # Time in a hole of the data is no pause, so that nobody is silent by it; but nobody can be said to be engaged in it either.
    is_long = book.days_since(book.value(last_heard_at)) > book.frame(pause_limits)["cooling"]
    states = {
        "moved_on": book.value(job_state).isin(["left", "probably_moved"]),
        "needs_help": book.value(support_state) != "none",
        "unknown": ((book.value(coverage) == "blind") | is_last_source_deaf(book) | is_unseen(book)) & (is_odd | is_long),
        "new": book.days_since(persons["first_known_at"]) <= book.policy.new_contact_days,
        "reawakened": silence_ended(book).notna() & ~is_odd,
        "unreachable": is_unreachable(book) & is_odd,
        "never_heard": is_never,
    }
    return pd.Series(np.select(list(states.values()), list(states), pause), index=persons.index, dtype="str")


PAUSES = ("engaged", "cooling", "quiet", "silent")
"""The states of a pause, from none to the longest."""

CLEARLY = 1.5
"""A state goes back without anything heard only where the limit is passed by half: less is a change of what was learned, not of them."""


def pause_state(book: Book, ease: float = 1.0) -> np.ndarray:
    """The place in PAUSES of each person, from the chance and the pause alone; with ``ease`` over 1, of those who nearly stand there too."""
    rhythm, limits = book.rhythm, book.frame(pause_limits)
    # In a lull that may be a stop the clock stands still: what was said before it stays.
    recency = (rhythm["recency"] - days_in_doubt(book)).clip(lower=1) * ease
    is_low = book.value(hear_back_chance) <= book.org.silent_chance * ease
    is_long = recency > limits["quiet"]
    # A low chance alone says nothing against somebody who has a slow rhythm and keeps it; without a rhythm it is all there is.
    is_quiet = is_long | (is_low & (rhythm["group"] <= FEW))
    found: np.ndarray = np.select([is_long & is_low, is_quiet, recency > limits["cooling"]], [3, 2, 1], 0)
    return found


def _steady_pause(book: Book) -> np.ndarray:
    """The pause as it is told: where nothing was heard since the CRM was written, what stands there holds unless it is clearly wrong."""
    now = pause_state(book)
    if not len(book.standing):
        return now
    held = book.held([engagement_state.name, last_heard_at.name])
    before = held[engagement_state.name].map({name: place for place, name in enumerate(PAUSES)}).fillna(-1).to_numpy()
    is_unchanged = held[last_heard_at.name].fillna("") == to_text(last_heard_at, book.value(last_heard_at)).fillna("")
    kept = np.minimum(before, pause_state(book, CLEARLY))
    steady: np.ndarray = np.where(is_unchanged.to_numpy() & (before > now), np.maximum(kept, now), now).astype("int64")
    return steady


@field(label="Engagement score", kind=Kind.SCORE, group=Group.LISTENING, views=("heard", "direct"))
def engagement_score(book: Book) -> pd.Series:
    """0 to 100, in steps of 5, to sort a list by: 60 points for the chance to hear back, 20 for being within their usual pause, 20 for live contact.

    The last two fade: with a pause twice the usual half of the points remain, live contact counts for 90 days. 0 for people who moved on; empty where
    we are blind. It is a sum of our choosing, not a probability: decide by the state and its reason, not by the score.
    """
    recency, limit = book.rhythm["recency"], book.frame(pause_limits)["cooling"]
    fresh = (limit / recency).clip(upper=1).where(book.rhythm["group"] != NEVER, 0)
    live = book.days_since(book.value(last_direct_at)) <= book.policy.short_window_days
    points = 60 * book.value(hear_back_chance) + 20 * fresh + 20 * live.astype("float64")
    state = book.value(engagement_state)
    stepped = (points / 5).round() * 5
    return stepped.where(state != "moved_on", 0).where(state != "unknown").astype("Int64")


@field(label="Silent since", kind=Kind.DATE, group=Group.LISTENING, views=("heard",))
def silent_since(book: Book) -> pd.Series:
    """The last day on which we heard from the contact, as long as the state is quiet or silent; else empty.

    Sort by it to see whose silence is the longest; the state says whether that is long for them.
    """
    return book.value(last_heard_at).where(book.value(engagement_state).isin(["quiet", "silent"])).dt.normalize()


@field(label="Why", kind=Kind.LONG_TEXT, group=Group.LISTENING, views=("heard", "unanswered", "tickets", "auto_replies", "bounces"))
def why(book: Book) -> pd.Series:
    """The reason for the state, in sentences that you can repeat or forward: when we heard from them, what they left unanswered, how they answer calls.

    It names dates, not numbers of days, so it changes only when something happened.
    """
    facts = _facts(book)
    return pd.Series([" ".join(_sentences(fact)) for fact in each_row(facts)], index=facts.index, dtype="str")


def is_unreachable(book: Book) -> pd.Series:
    """Whether no way is left: e-mail closed or coming back, and nothing but an untried phone, or not even that, remains."""
    odds = book.frame(answer_odds)
    spoke = book.count(book.direct) > 0
    others = odds.drop(columns=Channel.EMAIL)
    return odds[Channel.EMAIL].isna() & (
        others.isna().all(axis=1) | (email_gone_at(book).notna() & ~spoke & others.drop(columns=Channel.CALL).isna().all(axis=1))
    )


def silence_ended(book: Book) -> pd.Series:
    """The day on which a silence began that ended in the last 30 days; missing where none did. Judged as it would have been then."""
    days = book.heard_days
    usual = days["usual_before"].to_numpy()
    group = group_of(days["number"].to_numpy() - 1, usual)
    gap = days["gap"].to_numpy()
    limit = book.org.pause(1 - book.policy.false_alarm)[group] * np.where(group > FEW, usual, 1.0)
    is_recent = days["on"].to_numpy() >= book.tomorrow - book.policy.reawakened_days
    was_long = days[is_recent & (group != NEVER) & (gap > limit)]
    chances = chances_on(book, was_long["person"].to_numpy(), was_long["on"].to_numpy())
    was_silent = was_long.index[chances <= book.org.silent_chance]
    found = days.loc[was_silent].drop_duplicates("person", keep="last")
    began = pd.to_datetime((found["on"] - found["gap"].astype("int64")) * 86_400, unit="s", utc=True)
    return book.align(began.dt.as_unit("us").set_axis(book.persons.index[found["person"]]))


def _facts(book: Book) -> pd.DataFrame:
    """What the sentences of ``why`` need, one row a person."""
    unanswered = book.unanswered
    by_way = unanswered.groupby([unanswered["person_id"].astype("str"), unanswered["channel"]]).size()
    ways: dict[str, list[tuple[str, int]]] = {}
    for (person, way), count in by_way.items():
        ways.setdefault(person, []).append((way, count))
    calls = book.touches[(book.touches["channel"] == Channel.CALL) & book.touches["outcome"].notna()]
    calls = calls[calls.groupby("person_id").cumcount(ascending=False) < TOLD]
    tickets = book.frame(open_ticket_rows).groupby("person_id")
    unseen = book.frame(unseen_mail)
    checkins = unanswered[unanswered["is_checkin"].fillna(False).astype(bool)]
    away = book.value(absent_until)
    return pd.DataFrame(
        {
            "state": book.value(engagement_state),
            "heard_at": book.value(last_heard_at),
            "heard_by": book.value(last_heard_channel),
            "usual": book.value(usual_gap_days),
            "group": book.rhythm["group"],
            "number": book.rhythm["number"],
            "known_at": book.persons["first_known_at"],
            "unanswered": pd.Series(ways, dtype="object").reindex(book.persons.index),
            "unanswered_at": book.align(unanswered.groupby("person_id").occurred_at.min()),
            "checkins": book.count(checkins),
            "calls": book.count(calls),
            "picked_up": book.count(calls[calls["outcome"] == "connected"]),
            "tickets": book.align(tickets.size()).fillna(0).astype("int64"),
            "ticket_at": book.align(tickets["opened_at"].min()),
            "broken": book.align(tickets["is_broken"].sum()).fillna(0).astype("int64"),
            "asking": book.align(tickets["asks_how"].sum()).fillna(0).astype("int64"),
            "deaf_at": _deaf_at(book),
            "unseen_in": book.align(unseen["crm"]),
            "unseen_at": book.align(unseen["at"]),
            "away": away.where(away > book.as_of),
            "evidence": book.value(job_evidence),
            "job": book.value(job_state),
            "gone_at": email_gone_at(book),
            "silence_began": silence_ended(book),
        }
    )


def _deaf_at(book: Book) -> pd.Series:
    """Since when a source of each person has stopped; for who is known by none of the last year, since when nothing is heard of anybody."""
    stopped, nothing = book.align(book.frame(sources_of).groupby("person_id")["deaf_since"].max()), book.org.nothing_since
    return stopped if nothing is None else stopped.fillna(nothing)


def _sentences(fact: Any) -> list[str]:
    """The one to four sentences for one person."""
    told = [_opening(fact)]
    if fact.state != "moved_on" and pd.notna(fact.away):
        told.append(f"Away until {day(fact.away)}, as they announced.")
    if fact.state in ("engaged", "reawakened", "needs_help", "moved_on", "unknown"):
        return told
    if isinstance(fact.unanswered, list):
        told.append(_unanswered(fact))
    tried = dict(fact.unanswered).get(Channel.CALL, 0) if isinstance(fact.unanswered, list) else 0
    # Calls of which all were just said to be unanswered need no second sentence.
    if fact.calls and (fact.picked_up or tried < fact.calls):
        told.append(_picked_up(fact))
    return told


def _picked_up(fact: Any) -> str:
    if fact.picked_up:
        return f"They picked up {tally_words(fact.picked_up, fact.calls, 'call')}."
    if fact.calls == 1:
        return "They did not pick up the only call so far."
    return f"They picked up {all_or_none(0, fact.calls)} of {'the last ten' if fact.calls == TOLD else number(fact.calls)} calls."


def _opening(fact: Any) -> str:
    return _OPENINGS.get(fact.state, _rhythm)(fact)


def _moved_on(fact: Any) -> str:
    opening = "No longer in that job." if fact.job == "left" else "Probably no longer in that job."
    return f"{opening} {fact.evidence}" if pd.notna(fact.evidence) else opening


def _needs_help(fact: Any) -> str:
    since = f"ticket has been open since {day(fact.ticket_at)}"
    if fact.tickets > 1:
        since = f"tickets are open, the oldest since {day(fact.ticket_at)}"
    return sentence(f"{number(fact.tickets)} {since}{_about(fact)}: help first, everything else can wait.")


def _about(fact: Any) -> str:
    """What the open tickets say, as far as it was told; breakage before questions."""
    count, what = (fact.broken, "something is broken") if fact.broken else (fact.asking, "how something is done")
    if not count:
        return ""
    verb = "say that" if fact.broken else "ask"
    if fact.tickets == 1:
        return f"; it {'says that' if fact.broken else 'asks'} {what}"
    if count == fact.tickets:
        return f"; all {verb} {what}"
    return f"; one of them {'says that' if fact.broken else 'asks'} {what}" if count == 1 else f"; {number(count)} of them {verb} {what}"


def _unknown(fact: Any) -> str:
    if pd.notna(fact.unseen_in):
        how = f"that of {crm_name(fact.unseen_in)} is captured elsewhere"
        if pd.notna(fact.unseen_at):
            how = f"{crm_name(fact.unseen_in)} counts it, the last on {day(fact.unseen_at)}, but keeps no record that we could read"
        return f"We cannot see mail with them: {how}. Do not read it as silence."
    return (
        f"We may be deaf here: the mailbox or channel by which we hear from them has brought nothing from anybody since {day(fact.deaf_at)}. "
        "Do not read it as silence."
    )


def _reawakened(fact: Any) -> str:
    return f"Back after a silence that began on {day(fact.silence_began)}; last heard from on {day(fact.heard_at)} {by(fact.heard_by)}."


def _new(fact: Any) -> str:
    heard = f"last heard from on {day(fact.heard_at)} {by(fact.heard_by)}" if fact.number else "not heard from yet"
    return f"New: known since {day(fact.known_at)}, {heard}."


def _unreachable(fact: Any) -> str:
    if pd.isna(fact.gone_at):
        return "They want neither e-mail nor calls, and no other way is open."
    return f"Our e-mail has come back since {day(fact.gone_at)}, and no other way has worked."


def _rhythm(fact: Any) -> str:
    if fact.group == NEVER:
        return f"We never heard from them; known since {day(fact.known_at)}." if pd.notna(fact.known_at) else "We never heard from them."
    last = f"on {day(fact.heard_at)} {by(fact.heard_by)}"
    end = "." if fact.state == "engaged" else "; nothing since."
    if fact.group == ONCE:
        return f"We heard from them once, {last}{end}"
    if fact.group <= FEW:
        return f"We heard from them on {number(fact.number)} days so far, last {last}{end}"
    every = "nearly every day" if fact.usual <= 1 else f"every {number(fact.usual)} days"
    if fact.state == "engaged":
        return f"We usually hear from them {every}, last {last}."
    return f"We usually hear from them {every}; nothing since {day(fact.heard_at)}."


_OPENINGS = {
    "moved_on": _moved_on,
    "needs_help": _needs_help,
    "unknown": _unknown,
    "reawakened": _reawakened,
    "new": _new,
    "unreachable": _unreachable,
}


def _unanswered(fact: Any) -> str:
    total = sum(count for _, count in fact.unanswered)
    ways = sorted(fact.unanswered, key=lambda item: (-item[1], item[0]))
    if total == 1:
        way = ways[0][0]
        if way == Channel.MEETING:
            return f"They missed the meeting of {day(fact.unanswered_at)}."
        return f"Our {singular(way)} of {day(fact.unanswered_at)} is unanswered{'; it only checked in' if fact.checkins else ''}."
    sent = [(way, count) for way, count in ways if way != Channel.MEETING]
    missed = sum(count for way, count in ways if way == Channel.MEETING)
    told = []
    if sent:
        has = "has" if sum(count for _, count in sent) == 1 else "have"
        told.append(f"{joined([things(count, way) for way, count in sent])} {has} gone unanswered")
    if missed:
        told.append(f"{things(missed, Channel.MEETING)} {'was' if missed == 1 else 'were'} missed")
    told_since = f"{joined(told)} since {day(fact.unanswered_at)}"
    if fact.checkins:
        told_since += f", {all_or_none(fact.checkins, total)} of them {'a check-in' if fact.checkins == 1 else 'check-ins'}"
    return sentence(f"{told_since}.")
