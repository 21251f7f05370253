"""How to reach them next: the way that is likeliest to be answered, or to wait, or to ask somebody else; and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from transforms.book import MESSAGES, Book
from transforms.fields.job import absent_until, job_state, successor
from transforms.fields.reaching import email_blindness, email_gone_at
from transforms.fields.support import support_state
from transforms.fields.wording import day, joined, number, plural, sentence, singular
from transforms.persons import person_of
from transforms.tally import decided_attempts
from transforms.vocabulary.fields import Group, Kind, field
from transforms.vocabulary.tables import Channel, Direction

CHOICES = (Channel.EMAIL, Channel.CALL, Channel.LINKEDIN, Channel.WHATSAPP, Channel.SMS, Channel.CHAT)
"""The ways that can be recommended. Meetings are not among them: they are the fruit of a contact, and only the held ones are logged."""

TOLD = 10
"""A reason tells of so many latest attempts by each way: a number of attempts, not of days, does not change by waiting."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


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
    """The way by which the contact is likeliest to answer within 14 days, by their own answers and, where these are few, those of all your contacts.

    Recent attempts count more. Never e-mail for people blind to it, as long as another way is open. Opt-outs, do-not-call and dead addresses are respected. Wait: they are away, have an open ticket, or were touched
    in the last days. Someone else: they have probably left, or no way to them is open. Doubt it where calls and messages are not logged.
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
    texts = [_reason(book, fact, records.get(fact.Index, {})) for fact in facts.itertuples()]
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
    if share.get(best, 0.0) > share.get(fact.choice, -1.0) and book.org.answer_rate(fact.choice) > book.org.answer_rate(best):
        others += f" With all your contacts, {plural(fact.choice)} work better than {plural(best)}."
    return f"{told}{others}" if fact.choice in record else f"{sentence(plural(fact.choice))} were not tried yet. {told}{others}"


def _why_wait(fact: Any) -> str:
    if fact.reason == "away":
        return f"Away until {day(fact.until)}, as they announced: write after that."
    if fact.reason == "ticket":
        return "They wait for our help with an open ticket: solve that first."
    return f"Our last {singular(fact.by)} was on {day(fact.touched)}: give it a few days."


def _why_someone_else(book: Book, fact: Any) -> str:
    if fact.reason == "left" and pd.notna(fact.follows):
        return f"They {'have left' if fact.job == 'left' else 'have probably moved on'}. Write to {fact.follows}, named as successor."
    opening = "No way to them is open."
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
    """For each person: choice, its reason (left, closed, ticket, away, touched, answers), and the dates that the reason names."""
    odds = book.frame(answer_odds)
    # Somebody blind to e-mail gets none, as long as there is another way, whatever the rates say.
    is_blind = (book.value(email_blindness) == "blind") & odds.drop(columns=Channel.EMAIL).notna().any(axis=1)
    odds = odds.assign(email=odds[Channel.EMAIL].mask(is_blind))
    best = odds.fillna(-1.0).to_numpy().argmax(axis=1)
    choice = pd.Series(np.array([str(way) for way in CHOICES], dtype=object)[best], index=odds.index)
    last = book.last(book.touches)
    away = book.value(absent_until)
    reasons = {
        "left": book.value(job_state).isin(["left", "probably_moved"]),
        "ticket": book.value(support_state) != "none",
        "away": away > book.as_of,
        "closed": odds.isna().all(axis=1),
        "touched": (book.days_since(last["occurred_at"]) < book.policy.reach_after_touch_days) & ~_has_answered(book, last),
    }
    reason = np.select(list(reasons.values()), list(reasons), "answers")
    word = {"left": "someone_else", "closed": "someone_else", "ticket": "wait", "away": "wait", "touched": "wait"}
    frame = pd.DataFrame({"reason": reason, "until": away, "touched": last["occurred_at"], "by": last["channel"]}, index=odds.index)
    return frame.assign(choice=frame["reason"].map(word).fillna(choice).astype("str"))


def _has_answered(book: Book, last: pd.DataFrame) -> pd.Series:
    said = book.align(book.answers.groupby("person_id").occurred_at.max())
    return said >= last["occurred_at"]


def answer_odds(book: Book) -> pd.DataFrame:
    """The chance of an answer within 14 days by each way of CHOICES; missing where the way is not open to us.

    The person's own answered attempts of the last year, each counting half after ``half_life_days``, and ``channel_prior_sends`` attempts at
    the rate of all contacts. WhatsApp, SMS and chat are open only where they were used with this person. A way that was never tried with them
    is no better than one by which they answer as well as others do, whatever its rate with others: it was tried with those who like it.
    LinkedIn, with a profile, is tried first only after something else was.
    """
    rows = book.within(book.attempts, book.policy.year_days)
    patient = book.as_of - pd.Timedelta(days=book.policy.unanswered_after_days)
    rows = rows[rows["answered_at"].notna() | (rows["occurred_at"] <= patient)]
    weight = np.exp2(-book.days_since(rows["occurred_at"]) / book.policy.half_life_days).to_numpy()
    codes, won = rows["person_id"].cat.codes.to_numpy(), rows["answered_at"].notna().to_numpy()
    used_rows = pd.concat([book.touches, book.answers])
    persons, prior = book.persons, book.policy.channel_prior_sends
    refuses_calls = persons["do_not_call"].fillna(False).astype(bool)
    closed = {
        Channel.EMAIL: persons["email_opted_out"].fillna(False).astype(bool) | email_gone_at(book).notna(),
        **dict.fromkeys((Channel.CALL, Channel.WHATSAPP, Channel.SMS), refuses_calls),
    }
    odds, is_tried, does_well = {}, {}, pd.Series(False, index=persons.index)
    for way in CHOICES:
        of_way = (rows["channel"] == way).to_numpy()
        tried = np.bincount(codes[of_way], weights=weight[of_way], minlength=len(persons))
        answered = np.bincount(codes[of_way & won], weights=weight[of_way & won], minlength=len(persons))
        is_open = pd.Series(True, index=persons.index)
        if way not in (Channel.EMAIL, Channel.CALL):
            is_open = book.count(used_rows[used_rows["channel"] == way]) > 0
        if way == Channel.LINKEDIN:
            is_open |= persons["linkedin_url"].notna()
        if way in closed:
            is_open &= ~closed[way]
        rate = book.org.answer_rate(way)
        odds[way] = pd.Series((answered + prior * rate) / (tried + prior), index=persons.index).where(is_open)
        is_tried[way] = pd.Series(tried > 0, index=persons.index)
        does_well |= is_tried[way] & (odds[way] >= rate)
    was_tried = pd.DataFrame(is_tried)
    found = pd.DataFrame(odds).where(was_tried, pd.DataFrame(odds).mask(does_well, 0.0, axis=0).where(pd.DataFrame(odds).notna()))
    is_first = ~was_tried.any(axis=1) & found[[Channel.EMAIL, Channel.CALL]].notna().any(axis=1)
    return found.assign(linkedin=found[Channel.LINKEDIN].mask(is_first))


@field(label="Best time", kind=Kind.TEXT, group=Group.REACHING, views=("answers",))
def best_time(book: Book) -> pd.Series:
    """When the contact usually writes or picks up: days of the week and two hours of the day, in their time zone (in UTC, and said so, if the record has none).

    Empty with fewer than eight messages and calls of theirs, and where no time stands out. Doubt it after a move to another country.
    """
    rows = book.answers
    written = (rows["direction"] == Direction.INBOUND) & rows["channel"].isin(MESSAGES)
    rows = rows[written | (rows["channel"] == Channel.CALL)]
    zones = book.persons["time_zone"].where(book.persons["time_zone"].isin(list(_known_zones(book))))
    zone = book.spread(zones, rows)
    size = len(book.persons)
    hours, weekdays = np.zeros((size, 24)), np.zeros((size, 7))
    for name, part in rows.groupby(zone.fillna("UTC")):
        local = part["occurred_at"].dt.tz_convert(name)
        codes = part["person_id"].cat.codes.to_numpy()
        np.add.at(hours, (codes, local.dt.hour.to_numpy()), 1)
        np.add.at(weekdays, (codes, local.dt.day_of_week.to_numpy()), 1)
    number = hours.sum(axis=1)
    pairs = hours + np.roll(hours, -1, axis=1)
    start = pairs.argmax(axis=1)
    # Two hours of a ten-hour working day hold a fifth of the answers by chance alone; half as much again stands out.
    stands_out = (number >= book.policy.best_time_answers) & (pairs.max(axis=1) >= 0.3 * np.maximum(number, 1))
    texts = pd.Series(index=book.persons.index, dtype="str")
    where = np.where(zones.notna(), ", their time", " UTC (their time zone is not on record)")
    for person in np.flatnonzero(stands_out):
        begin = int(start[person])
        texts.iloc[person] = f"{_weekday_words(weekdays[person])}{begin}–{(begin + 2) % 24}{where[person]}"
    return texts


def _weekday_words(counts: np.ndarray) -> str:
    """``Tue–Thu `` where three days in a row hold three quarters of the answers (by chance alone, three fifths); else nothing."""
    runs = [counts[first : first + 3].sum() for first in range(5)]
    first = int(np.argmax(runs))
    return f"{_DAYS[first]}–{_DAYS[first + 2]} " if runs[first] >= 0.75 * counts.sum() else ""


def _known_zones(book: Book) -> Iterator[str]:
    for name in book.persons["time_zone"].dropna().unique():
        try:
            yield ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError):
            continue
