"""The odds of being heard by each way, for each person: their own answers, leaning on those of people like them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.book import Book
from transforms.channels.addresses import email_gone_at
from transforms.channels.outcomes import advised_answers
from transforms.channels.rates import Rates, country_key, decided_attempts, is_won
from transforms.vocabulary.tables import Channel

CHOICES = (Channel.EMAIL, Channel.CALL, Channel.LINKEDIN, Channel.WHATSAPP, Channel.SMS, Channel.CHAT)
"""The ways that can be recommended. Meetings are not among them: they are the fruit of a contact, and only the held ones are logged."""

ORDINARY = (Channel.EMAIL, Channel.CALL)
"""Ways that are open to everybody of whom nothing else is known; the others only where they were used with this person, or a profile is on record."""


def rates_of(book: Book) -> Rates:
    """What all customers teach of each way."""
    return Rates({**book.org.tally.answers, **advised_answers(book.org.tally.outcomes)}, book.policy)


def answer_odds(book: Book) -> pd.DataFrame:
    """The chance of an answer within 14 days by each way of CHOICES; missing where the way is not open to us.

    The person's own attempts of the last year, each counting half after ``half_life_days``, and the rate of all customers in their country,
    worth ``channel_prior_sends`` attempts, which leans on that of all countries (see ``Rates``). A way that was never tried with them has the odds of a first attempt, which
    are lower than those with people who are known to like it, drawn to what came of our advices to try it (``Rates.advised_rate``), and is no better than a way by which they answer as well as others do.
    """
    rates, size, worth = rates_of(book), len(book.persons), book.policy.channel_prior_sends
    rows = book.within(decided_attempts(book), book.policy.year_days)
    patient = book.within(book.attempts, book.policy.answer_days)
    waiting = patient[
        patient["answered_at"].isna() & (patient["occurred_at"] <= book.as_of - pd.Timedelta(days=book.policy.unanswered_after_days))
    ]
    # What has waited for days is an attempt in vain as long as nothing comes.
    rows = pd.concat([rows, waiting])
    rows = rows[~rows.index.duplicated()]
    codes, won = rows["person_id"].cat.codes.to_numpy(), is_won(rows).to_numpy()
    weight = np.exp2(-book.days_since(rows["occurred_at"]) / book.policy.half_life_days).to_numpy()
    countries = country_key(book.persons["country"]).fillna("")
    is_open = book.frame(open_ways)
    odds, is_tried, does_well = {}, {}, pd.Series(False, index=book.persons.index)
    for way in CHOICES:
        of_way = (rows["channel"] == way).to_numpy()
        tried = np.bincount(codes[of_way], weights=weight[of_way], minlength=size)
        answered = np.bincount(codes[of_way & won], weights=weight[of_way & won], minlength=size)
        by_country = {country: rates.rate_in(way, country) for country in countries.unique()}
        usual = countries.map(by_country).astype("float64")
        own = (answered + worth * usual) / (tried + worth)
        is_tried[way] = pd.Series(tried > 0, index=own.index)
        odds[way] = own.where(is_tried[way], min(rates.advised_rate(way), rates.rate(way))).where(is_open[way])
        does_well |= is_tried[way] & (odds[way] >= usual)
    # A way that was not tried is no alternative to one that works, and nobody is met on LinkedIn first.
    was_tried, found = pd.DataFrame(is_tried), pd.DataFrame(odds)
    found = found.where(was_tried | found.isna(), found.mask(does_well, 0.0, axis=0))
    is_first = ~was_tried.any(axis=1) & found[list(ORDINARY)].notna().any(axis=1)
    return found.assign(linkedin=found[Channel.LINKEDIN].mask(is_first))


def open_ways(book: Book) -> pd.DataFrame:
    """By which ways each person may be reached: one column of flags for each of CHOICES.

    Closed by opt-out, do-not-call and a dead address. LinkedIn needs a profile, other chats to have been used with them. A way that nobody of
    us used with anybody in the last year is closed too, as long as another is open.
    """
    persons, rates = book.persons, rates_of(book)
    rows = pd.concat([book.touches, book.answers])
    refuses_calls = persons["do_not_call"].fillna(False).astype(bool)
    closed = {
        Channel.EMAIL: persons["email_opted_out"].fillna(False).astype(bool) | email_gone_at(book).notna(),
        **dict.fromkeys((Channel.CALL, Channel.WHATSAPP, Channel.SMS), refuses_calls),
    }
    found = {}
    for way in CHOICES:
        is_open = pd.Series(True, index=persons.index) if way in ORDINARY else book.count(rows[rows["channel"] == way]) > 0
        if way == Channel.LINKEDIN:
            is_open |= persons["linkedin_url"].notna()
        found[way] = is_open & ~closed.get(way, pd.Series(False, index=persons.index))
    ways = pd.DataFrame(found)
    own = pd.DataFrame({way: book.count(rows[rows["channel"] == way]) > 0 for way in CHOICES})
    in_use = ways & (own | [way in ORDINARY or rates.tried(way) > 0 for way in CHOICES])
    return in_use.where(in_use.any(axis=1), ways)


def answer_delays(book: Book) -> pd.Series:
    """Within how many days each person gives four of five of their answers; missing with fewer than four answers."""
    rows = book.attempts[book.attempts["answered_at"].notna() & (book.attempts["channel"] != Channel.CALL)]
    days = (rows["answered_at"] - rows["occurred_at"]) / pd.Timedelta(days=1)
    by_person = days.groupby(rows["person_id"].astype("str"))
    return book.align(by_person.quantile(0.8).where(by_person.size() >= 4))
