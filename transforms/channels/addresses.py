"""Addresses that are no more."""

from __future__ import annotations

import pandas as pd

from transforms.book import Book
from transforms.vocabulary.tables import Channel

GONE_REASONS = ("mailbox_gone", "domain_gone", "mailbox_disabled")
GONE_CODES = ("5.1.1", "5.1.10", "5.1.6", "5.1.2", "5.4.4", "5.2.1")
"""Bounce codes that say the address is no more (RFC 3463)."""
GONE_WORDS = ("UNKNOWN_USER",)
"""The only one of HubSpot's bounce reasons that speaks of the person."""


def email_gone_at(book: Book) -> pd.Series:
    """Since when mail to a person comes back as undeliverable for good; missing where it does not, or where they wrote since."""
    bounces = book.bounces
    gone = bounces[bounces["reason"].isin(GONE_REASONS) | (bounces["reason"].isna() & bounces["status_code"].isin(GONE_CODES))]
    persons = book.persons
    wrote = book.align(book.answers[book.answers["channel"] == Channel.EMAIL].groupby("person_id").occurred_at.max())
    # A mail of theirs after a bounce shows that it was mended; what bounced after that counts.
    since = gone[~(book.spread(wrote, gone) > gone["occurred_at"])]
    flagged = persons["email_bounce_reason"].isin(GONE_WORDS) | persons["email_bounce_code"].isin(GONE_CODES)
    marked = persons["email_bounced_at"].where(flagged & ~(wrote > persons["email_bounced_at"]))
    return pd.concat([book.align(since.groupby("person_id").occurred_at.min()), marked], axis=1).min(axis=1)
