"""Values as HubSpot sends them, turned into ours: everything is text or null there, and "" means the same as null."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import available_timezones

import pandas as pd

Texts = list[str | None]

_DIGITS = re.compile(r"-?\d+$")
EARLIEST_MS, LATEST_MS = -62_135_596_800_000, 253_402_300_799_000
"""The first second of the year 1 and the last of the year 9999, in epoch milliseconds."""


def to_ms(text: str | None) -> int | None:
    """A moment in epoch milliseconds, from ISO 8601 with or without milliseconds, or from epoch milliseconds; None where it is no moment.

    People and tools write anything: a year beyond 9999, which the calendar does not have, is no moment either.
    """
    if not text:
        return None
    try:
        if _DIGITS.match(text):
            return int(text) if EARLIEST_MS <= int(text) <= LATEST_MS else None
        moment = datetime.fromisoformat(text)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def from_ms(ms: int) -> datetime:
    """The moment of so many epoch milliseconds; the calendar's first or last where they lie beyond it."""
    return datetime.fromtimestamp(min(max(ms, EARLIEST_MS), LATEST_MS) / 1000, UTC)


def to_times(texts: Sequence[str | None]) -> pd.Series:
    """A column of moments. HubSpot mixes ISO 8601 with epoch milliseconds, even inside one property. What is no moment is missing."""
    iso = [_iso(text) if text and _DIGITS.match(text) else text or None for text in texts]
    return pd.to_datetime(pd.Series(iso, dtype="object"), utc=True, format="ISO8601", errors="coerce").astype("datetime64[us, UTC]")


def _iso(digits: str) -> str | None:
    ms = to_ms(digits)
    return None if ms is None else from_ms(ms).isoformat()


def to_texts(texts: Iterable[str | None]) -> pd.Series:
    """A column of texts; "" becomes missing."""
    return pd.Series(pd.array([text or None for text in texts], dtype="str"))


def to_flags(texts: Iterable[str | None]) -> pd.Series:
    """A column of true, false or missing."""
    return pd.Series(pd.array([None if not text else text.lower() == "true" for text in texts], dtype="boolean"))


def to_numbers(texts: Iterable[str | None]) -> pd.Series:
    """A column of numbers; what is no number is missing."""
    return pd.to_numeric(pd.Series([text or None for text in texts], dtype="object"), errors="coerce").astype("float64")


def to_number(text: str | None) -> float:
    """A number; 0 where there is none, or what is there is none."""
    try:
        return float(text or 0)
    except ValueError:
        return 0.0


@lru_cache(maxsize=4096)
def to_zone(text: str | None) -> str | None:
    """The IANA name of a time zone. HubSpot writes america_slash_new_york for America/New_York."""
    if not text:
        return None
    plain = text.lower().replace("_slash_", "/").replace("_hyphen_", "-").replace("_plus_", "+")
    return _zones().get(plain)


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}
