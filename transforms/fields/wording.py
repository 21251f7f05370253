"""How dates, numbers and channels are put into words. One place, so that all sentences read alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

CHANNEL_LABELS = {
    "email": "E-mail",
    "call": "Call",
    "meeting": "Meeting",
    "chat": "Chat",
    "sms": "SMS",
    "whatsapp": "WhatsApp",
    "linkedin": "LinkedIn",
    "form": "Form",
    "web": "Web site",
    "community": "Community",
    "product": "Product",
    "ticket": "Ticket",
    "mail": "Letter",
}
"""The label of each channel, as people read it."""

_ONE_AND_MANY = {
    "email": ("e-mail", "e-mails"),
    "call": ("call", "calls"),
    "meeting": ("meeting", "meetings"),
    "chat": ("chat message", "chat messages"),
    "sms": ("SMS", "SMS messages"),
    "whatsapp": ("WhatsApp message", "WhatsApp messages"),
    "linkedin": ("LinkedIn message", "LinkedIn messages"),
    "mail": ("letter", "letters"),
    "ticket": ("ticket", "tickets"),
}
PAIR = 2
_BY = {
    "email": "by e-mail",
    "call": "on the phone",
    "meeting": "in a meeting",
    "chat": "by chat",
    "sms": "by SMS",
    "whatsapp": "on WhatsApp",
    "linkedin": "on LinkedIn",
    "form": "through a form",
    "web": "through the web site",
    "community": "in the community",
    "product": "by using the product",
    "ticket": "through a ticket",
    "mail": "by letter",
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")


def each_row(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows one by one, as named tuples with ``Index``. Texts become Python's own column by column: one at a time they cost ten times as much."""
    texts = {name: "object" for name, dtype in frame.dtypes.items() if dtype == "str"}
    yield from frame.astype(texts).set_axis(frame.index.astype("object"), axis=0).itertuples()


def day(at: pd.Timestamp) -> str:
    """``6 October 2026``: always with the year, so that a sentence does not change with the calendar."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def number(count: int) -> str:
    """``three``; figures from 13 on."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def things(count: int, channel: str) -> str:
    """``three e-mails``, ``one call``."""
    one, many = _ONE_AND_MANY[channel]
    return f"{number(count)} {one if count == 1 else many}"


def singular(channel: str) -> str:
    """``e-mail``."""
    return _ONE_AND_MANY[channel][0]


def plural(channel: str) -> str:
    """``e-mails``."""
    return _ONE_AND_MANY[channel][1]


def by(channel: str) -> str:
    """``by e-mail``, ``on the phone``."""
    return _BY[channel]


def joined(parts: Sequence[str], word: str = "and") -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def all_or_none(count: int, total: int) -> str:
    """``both``, ``all``, ``neither`` or ``none`` where it is so; else the number."""
    if count == 0:
        return "neither" if total == PAIR else "none"
    if count == total:
        return "both" if total == PAIR else "all"
    return number(count)


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]
