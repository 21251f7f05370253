"""Reaching out: what we tried, what was answered, and whether e-mail still arrives in their mind."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import betaln

from transforms.book import Book
from transforms.channels.odds import rates_of
from transforms.channels.rates import Rates, decided_attempts
from transforms.fields.wording import CHANNEL_LABELS
from transforms.unseen import is_unseen
from transforms.vocabulary.fields import Group, Kind, field
from transforms.vocabulary.tables import Channel, Outcome


@field(label="Last touch", kind=Kind.DATETIME, group=Group.REACHING, views=("touches",))
def last_touch_at(book: Book) -> pd.Series:
    """When one of us last wrote to the contact, called, or met them. Newsletters and other mail to many, and mail that bounced, do not count.

    Empty if nobody ever did, or if it was never logged.
    """
    return book.touches.groupby("person_id").occurred_at.max()


@field(label="Last touch by", kind=Kind.CHOICE, group=Group.REACHING, options=CHANNEL_LABELS, views=("touches",))
def last_touch_channel(book: Book) -> pd.Series:
    """The way by which one of us last reached out to the contact. Empty if nobody ever did."""
    return book.last(book.touches)["channel"]


@field(label="Unanswered touches", kind=Kind.COUNT, group=Group.REACHING, views=("unanswered",))
def unanswered_touches(book: Book) -> pd.Series:
    """How many times we reached out since the contact last said something to us, leaving out the last three days: those may still be answered.

    Our own answer to a message of theirs is not counted, since it asks for nothing. 0 when nothing is open.
    Doubt it where people answer by ways that are not logged.
    """
    return book.count(book.unanswered)


@field(label="Unanswered since", kind=Kind.DATE, group=Group.REACHING, views=("unanswered",))
def unanswered_since(book: Book) -> pd.Series:
    """The day of the first touch that is still unanswered. Empty when none is."""
    return book.unanswered.groupby("person_id").occurred_at.min().dt.normalize()


@field(label="Last spoke live", kind=Kind.DATETIME, group=Group.REACHING, views=("direct",))
def last_direct_at(book: Book) -> pd.Series:
    """When we last spoke with the contact live: a call that connected, or a meeting that took place. Empty if never.

    Doubt it if calls are not logged: a meeting in the calendar that nobody gave an outcome is taken to have taken place.
    """
    return book.direct.groupby("person_id").occurred_at.max()


@field(
    label="E-mail blindness",
    kind=Kind.CHOICE,
    group=Group.REACHING,
    options={"none": "None", "at_risk": "At risk", "blind": "Blind"},
    views=("attempts",),
)
def email_blindness(book: Book) -> pd.Series:
    """Whether the contact has stopped seeing our e-mail: so many in a row without an e-mail back that it would be rare for them.

    Measured against their own earlier answers to e-mail, and where these are few against those of all your contacts. At risk: of people who answer
    like them one in five leaves so many unanswered; blind: one in 20, or 16 e-mails in a row for anybody. A call they took does not end the streak,
    and opens by machines count for nothing. No more mail helps here.
    """
    by_mail = book.attempts[book.attempts["channel"] == Channel.EMAIL]
    mailed = book.answers[book.answers["channel"] == Channel.EMAIL].groupby("person_id").occurred_at.max()
    last_mailed = book.align(mailed)
    sent_at, since = by_mail["occurred_at"], book.spread(last_mailed, by_mail)
    replied = by_mail["outcome"] == Outcome.REPLIED
    patient = book.as_of - pd.Timedelta(days=book.policy.unanswered_after_days)
    in_streak = (since.isna() | (sent_at > since)) & (sent_at <= patient) & ~replied
    streak = book.count(by_mail[in_streak])
    earlier = by_mail[~in_streak & (sent_at <= patient)]
    answered = book.count(earlier[earlier["answered_by"] == Channel.EMAIL])
    chance = unanswered_chance(streak, answered, book.count(earlier), rates_of(book))
    is_blind = (chance < book.policy.false_alarm) | (streak >= book.policy.blind_emails)
    word = np.select([is_blind, chance < 1 - book.policy.cooling_quantile], ["blind", "at_risk"], "none")
    # Who writes unseen is not blind: we are.
    return pd.Series(word, index=book.persons.index, dtype="str").mask(is_unseen(book), "none")


def unanswered_chance(streak: pd.Series, answered: pd.Series, earlier: pd.Series, rates: Rates) -> pd.Series:
    """The chance that so many mails in a row stay unanswered, for somebody who answered so many of the earlier ones.

    Beta-binomial: B(a, b + streak) / B(a, b), where a and b are their answered and unanswered mails, and the rate of all customers, worth
    ``channel_prior_sends`` mails. Their rate is not known but guessed from few mails, and this makes allowance for it.
    """
    usual, worth = rates.rate(Channel.EMAIL), rates.policy.channel_prior_sends
    a = (answered + worth * usual).to_numpy(dtype="float64")
    b = (earlier - answered + worth * (1 - usual)).to_numpy(dtype="float64")
    return pd.Series(np.exp(betaln(a, b + streak.to_numpy()) - betaln(a, b)), index=streak.index)


@field(label="E-mail share, 90 days", kind=Kind.SHARE, group=Group.REACHING, views=("touches",))
def email_share_90d(book: Book) -> pd.Series:
    """How much of our outreach to the contact in the last 90 days was e-mail. In percent, in steps of 5.

    100 % with no answer means: try another way. Empty if nobody reached out in that time. Doubt it if calls are not logged.
    """
    recent = book.within(book.touches, book.policy.short_window_days)
    return (recent["channel"] == Channel.EMAIL).groupby(recent["person_id"]).mean()


@field(label="Answer rate, 180 days", kind=Kind.SHARE, group=Group.REACHING, views=("attempts",))
def reply_rate_180d(book: Book) -> pd.Series:
    """How many of our attempts of the last 180 days were answered within 14 days, by whatever way. In percent, in steps of 5.

    A call they took counts as answered; our answers to their messages are left out. Empty if there was no attempt that had its 14 days.
    Doubt it when there were only one or two attempts.
    """
    decided = book.within(decided_attempts(book), book.policy.long_window_days)
    return decided["answered_at"].notna().groupby(decided["person_id"]).mean()


@field(label="Check-in share, 90 days", kind=Kind.SHARE, group=Group.REACHING, views=("touches",))
def checkin_share_90d(book: Book) -> pd.Series:
    """How much of what we sent in the last 90 days only asked for a sign of life ("just checking in"), with nothing in it for the reader.

    In percent, in steps of 5, of the messages whose text could be read. Empty if there was none.
    """
    read = book.within(book.touches, book.policy.short_window_days)
    read = read[read["is_checkin"].notna()]
    return read["is_checkin"].astype("float64").groupby(read["person_id"]).mean()
