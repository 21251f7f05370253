"""How to reach them next: the way that is likeliest to be answered, or to wait, or to ask somebody else; and when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from transforms.book import MESSAGES, Book
from transforms.channels.odds import CHOICES, answer_delays, answer_odds, rates_of
from transforms.channels.rates import decided_attempts
from transforms.channels.times import best_hours
from transforms.fields.job import absent_until, job_state, successor
from transforms.fields.reaching import email_blindness, unanswered_touches
from transforms.fields.support import support_state
from transforms.fields.wording import day, each_row, joined, number, plural, sentence, singular
from transforms.persons import person_of
from transforms.vocabulary.fields import Group, Kind, field
from transforms.vocabulary.tables import Channel, Direction

TOLD = 10
"""A reason tells of so many latest attempts by each way: a number of attempts, not of days, does not change by waiting."""

IN_VAIN = 4
"""After so many attempts in vain somebody else at the account is looked for."""

MARGIN = 2.0
"""Another voice goes before them only if they answer by no way even half as often as others do."""

LONGEST_WAIT = 14
"""However late they usually answer, we do not wait for longer than so many days."""


@field(
    label="Best way to reach",
    kind=Kind.CHOICE,
    group=Group.REACHING,
    options={
        "email": "E-mail",
        "call": "Call",
        "linkedin": "LinkedIn",
        "whatsapp": "WhatsApp",
        "sms": "SMS",
        "chat": "Chat",
        "wait": "Wait",
        "someone_else": "Someone else",
    },
    views=("attempts",),
)
def best_channel(book: Book) -> pd.Series:
    """The way by which the contact is likeliest to answer within 14 days, by their own answers and, where these are few, those of your contacts in their country.

    Recent attempts count more. Never e-mail for people blind to it, as long as another way is open. Opt-outs, do-not-call and dead addresses are respected;
    ways that nobody of you uses are not advised. Wait: they are away, have an open ticket, were touched in the last days, or usually answer later.
    Someone else: they have probably left, no way is open, or nothing gets an answer while a colleague of theirs talks to us. Doubt it where calls and
    messages are not logged.
    """
    return book.frame(choose)["choice"]


@field(label="Why this way", kind=Kind.TEXT, group=Group.REACHING, views=("attempts",))
def best_channel_why(book: Book) -> pd.Series:
    """The reason for the best way to reach the contact, in one or two sentences, with what became of our last ten attempts by each way.

    They got back to us after an attempt if we heard from them within 14 days, by whatever way. Younger attempts are left out, unless they did.
    """
    chosen = book.frame(choose)
    decided = decided_attempts(book)
    decided = decided[decided["channel"].isin(CHOICES)]
    latest = decided[decided.groupby(["person_id", "channel"]).cumcount(ascending=False) < TOLD]
    by_way = latest["answered_at"].notna().groupby([latest["person_id"].astype("str"), latest["channel"]]).agg(["sum", "size"])
    records: dict[str, dict[str, tuple[int, int]]] = {}
    for (person, way), answered, size in by_way.itertuples():
        records.setdefault(person, {})[way] = (answered, size)
    facts = chosen.assign(
        company=book.persons["company"],
        is_blind=book.value(email_blindness) == "blind",
        job=book.value(job_state),
        follows=book.value(successor),
    )
    texts = [_reason(book, fact, records.get(fact.Index, {})) for fact in each_row(facts)]
    return pd.Series(texts, index=facts.index, dtype="str")


def _reason(book: Book, fact: Any, record: dict[str, tuple[int, int]]) -> str:
    if fact.choice == "wait":
        return _why_wait(fact)
    if fact.choice == "someone_else":
        return _why_someone_else(book, fact)
    if not record:
        return f"Nothing to go by yet: try {'an' if fact.choice in ('email', 'sms') else 'a'} {singular(fact.choice)}."
    told = got_back([(*record[way], way) for way in sorted(record, key=lambda way: (way != fact.choice, way))], book.policy.answer_days)
    share = {way: answered / size for way, (answered, size) in record.items()}
    others = ""
    if fact.is_blind and fact.choice != Channel.EMAIL and share.get(Channel.EMAIL):
        others = " They no longer write back by e-mail."
        del share[Channel.EMAIL]
    best = max(share, key=lambda way: share[way], default=fact.choice)
    rates = rates_of(book)
    if share.get(best, 0.0) > share.get(fact.choice, -1.0) and rates.rate(fact.choice) > rates.rate(best):
        others += f" With all your contacts, {plural(fact.choice)} work better than {plural(best)}."
    return f"{told}{others}" if fact.choice in record else f"{sentence(plural(fact.choice))} were not tried yet. {told}{others}"


def _why_wait(fact: Any) -> str:
    if fact.reason == "away":
        return f"Away until {day(fact.until)}, as they announced: write after that."
    if fact.reason == "ticket":
        return "They wait for our help with an open ticket: solve that first."
    if fact.reason == "slow":
        return f"Our last {singular(fact.by)} was on {day(fact.touched)}, and they often take longer to answer: wait until {day(fact.patience)}."
    return f"Our last {singular(fact.by)} was on {day(fact.touched)}: give it a few days."


def _why_someone_else(book: Book, fact: Any) -> str:
    if fact.reason == "left" and pd.notna(fact.follows):
        return f"They {'have left' if fact.job == 'left' else 'have probably moved on'}. Write to {fact.follows}, named as successor."
    opening = "No way to them is open."
    if fact.reason == "other":
        opening = f"They left {number(int(fact.unanswered))} attempts in a row unanswered, by every way that we tried."
    if fact.reason == "left":
        opening = "They have left." if fact.job == "left" else "They have probably moved on."
    other = other_voice(book, fact.Index, fact.company)
    if other is None:
        return f"{opening} We heard from nobody else there lately: find a new contact."
    at, name = other
    return f"{opening} Ask {name or 'somebody else there'}, whom we heard from on {day(at)}."


def got_back(record: Sequence[tuple[int, int, str]], days: int) -> str:
    """``They got back to us within 14 days after three of four calls, but not after the only e-mail so far.`` from (answered, attempts, channel)."""
    after = [tally_words(answered, size, way) for answered, size, way in record if answered]
    vain = [_vain_words(size, way) for answered, size, way in record if not answered]
    if not after:
        return f"They did not get back to us after {joined(vain, 'or')}."
    return f"They got back to us within {days} days after {joined(after)}{', but not after ' + joined(vain, 'or') if vain else ''}."


def tally_words(answered: int, size: int, way: str) -> str:
    """``three of four calls``, ``both e-mails``, ``all of the last ten e-mails``, ``the only call so far``; for at least one answer."""
    if answered == size and size < TOLD:
        return {1: f"the only {singular(way)} so far", 2: f"both {plural(way)}"}.get(size, f"all {number(size)} {plural(way)}")
    return f"{'all' if answered == size else number(answered)} of {'the last ten' if size == TOLD else number(size)} {plural(way)}"


def _vain_words(size: int, way: str) -> str:
    return {1: f"the only {singular(way)} so far", TOLD: f"the last ten {plural(way)}"}.get(size, f"{number(size)} {plural(way)}")


def other_voice(book: Book, person: str, company: object) -> tuple[pd.Timestamp, str] | None:
    """Who else at the company said something to us in the last 90 days, and when; the latest one."""
    for at, other, name in book.org.tally.voices.get(company, []) if isinstance(company, str) else []:
        if other != person:
            return pd.Timestamp(at), name
    return None


def known_voice(book: Book, address: str, company: object) -> tuple[pd.Timestamp, str] | None:
    """When somebody with this address said something to us in the last 90 days, and their name, if they are among the latest at the company."""
    if "@" not in address or not isinstance(company, str):
        return None
    wanted = person_of(address.strip().lower())
    return next(((pd.Timestamp(at), name) for at, other, name in book.org.tally.voices.get(company, []) if other == wanted), None)


def choose(book: Book) -> pd.DataFrame:
    """For each person: choice, its reason (left, closed, ticket, away, touched, slow, other, answers), and the dates that the reason names."""
    odds = book.frame(answer_odds)
    # Somebody blind to e-mail gets none, as long as there is another way, whatever the rates say.
    is_blind = (book.value(email_blindness) == "blind") & odds.drop(columns=Channel.EMAIL).notna().any(axis=1)
    odds = odds.assign(email=odds[Channel.EMAIL].mask(is_blind))
    best = odds.fillna(-1.0).to_numpy().argmax(axis=1)
    choice = pd.Series(np.array([str(way) for way in CHOICES], dtype=object)[best], index=odds.index)
    last = book.last(book.touches)
    away, unanswered = book.value(absent_until), book.value(unanswered_touches)
    since = book.days_since(last["occurred_at"])
    is_waiting = ~_has_answered(book, last)
    delay = answer_delays(book).clip(upper=LONGEST_WAIT)
    reasons = {
        "left": book.value(job_state).isin(["left", "probably_moved"]),
        "ticket": book.value(support_state) != "none",
        "away": away > book.as_of,
        "closed": odds.isna().all(axis=1),
        "touched": (since < book.policy.reach_after_touch_days) & is_waiting,
        "slow": (since < delay) & is_waiting & (unanswered <= 1),
        "other": _another_is_likelier(book, odds, unanswered),
    }
    reason = np.select(list(reasons.values()), list(reasons), "answers")
    word = {name: "someone_else" if name in ("left", "closed", "other") else "wait" for name in reasons}
    frame = pd.DataFrame(
        {
            "reason": reason,
            "until": away,
            "touched": last["occurred_at"],
            "by": last["channel"],
            "patience": (last["occurred_at"] + pd.to_timedelta(delay, unit="D")).dt.ceil("D"),
            "unanswered": unanswered,
        },
        index=odds.index,
    )
    return frame.assign(choice=frame["reason"].map(word).fillna(choice).astype("str"))


def _another_is_likelier(book: Book, odds: pd.DataFrame, unanswered: pd.Series) -> pd.Series:
    """Whether nothing that we try with them is answered, by a wide margin, while somebody else at the account talked to us in the last 90 days."""
    rates = rates_of(book)
    usual = odds.notna() * [rates.rate(way) for way in odds.columns]
    is_low = MARGIN * odds.max(axis=1) < usual.max(axis=1)
    heard = book.align(book.answers.groupby("person_id").occurred_at.max())
    is_quiet = ~(book.days_since(heard) <= book.policy.short_window_days)
    wanted = is_low & is_quiet & (unanswered >= IN_VAIN)
    asked = book.persons.loc[wanted, "company"]
    known = [person for person, company in asked.items() if other_voice(book, str(person), company) is not None]
    return pd.Series(odds.index.isin(known), index=odds.index)


def _has_answered(book: Book, last: pd.DataFrame) -> pd.Series:
    said = book.align(book.answers.groupby("person_id").occurred_at.max())
    return said >= last["occurred_at"]


@field(label="Best time", kind=Kind.TEXT, group=Group.REACHING, views=("answers",))
def best_time(book: Book) -> pd.Series:
    """When the contact usually writes or picks up: days of the week and two hours of the day, in their time zone.

    That is the zone of the record, else of a country that has only one; else it is told in UTC, and said so. Empty with fewer than eight messages and calls
    of theirs in the last two years, and where so many at one time could be chance (one case in 20). Doubt it after a move to another country.
    """
    rows = book.within(book.answers, 2 * book.policy.year_days)
    written = (rows["direction"] == Direction.INBOUND) & rows["channel"].isin(MESSAGES)
    return best_hours(rows[written | (rows["channel"] == Channel.CALL)], book)
