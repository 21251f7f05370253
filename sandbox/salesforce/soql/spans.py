"""Date literals: what TODAY, LAST_N_DAYS:30 or THIS_FISCAL_QUARTER mean at a moment, in a time zone. From the vendor's table of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from sandbox.clock import from_ms, to_ms
from sandbox.salesforce.errors import malformed_query

_STEP = {"WEEK": 1, "MONTH": 1, "QUARTER": 3, "YEAR": 12, "FISCAL_QUARTER": 3, "FISCAL_YEAR": 12}
_WORD = re.compile(r"(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)")
_SPAN = re.compile(r"(LAST|NEXT)_N_(WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)S")
_AGO = re.compile(r"N_(WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)S_AGO")


@dataclass(frozen=True)
class Calendar:
    """What day it is for the user, and when the org's fiscal year starts (1: January). Weeks start on Sunday."""

    now_ms: int
    zone: tzinfo = UTC
    fiscal_month: int = 1

    @property
    def today(self) -> date:
        """The user's day."""
        return from_ms(self.now_ms).astimezone(self.zone).date()

    def midnight(self, day: date) -> int:
        """When that day begins for the user, in milliseconds UTC."""
        return to_ms(datetime.combine(day, time(), tzinfo=self.zone))

    def local(self, ms: int) -> datetime:
        """The moment on the user's clock."""
        return from_ms(ms).astimezone(self.zone)


def days_of(word: str, count: int, calendar: Calendar) -> tuple[date, date]:
    """The first day that a date literal covers, and the first one after it.

    ``LAST_N_DAYS:n`` and ``LAST_90_DAYS`` include today, ``NEXT_N_DAYS:n`` does not; the larger units never include the current one.
    """
    try:
        return _days_of(word, count, calendar)
    except (OverflowError, ValueError):
        raise malformed_query(f"numeric value out of range: {word}:{count}") from None


def _days_of(word: str, count: int, calendar: Calendar) -> tuple[date, date]:  # noqa: PLR0911 - one way out for each kind of literal
    today, one = calendar.today, timedelta(days=1)
    if word in ("YESTERDAY", "TODAY", "TOMORROW"):
        day = today + one * ("YESTERDAY", "TODAY", "TOMORROW").index(word) - one
        return day, day + one
    if word in ("LAST_90_DAYS", "LAST_N_DAYS"):
        return today - one * (90 if word == "LAST_90_DAYS" else count), today + one
    if word in ("NEXT_90_DAYS", "NEXT_N_DAYS"):
        return today + one, today + one * (1 + (90 if word == "NEXT_90_DAYS" else count))
    if word == "N_DAYS_AGO":
        return today - one * count, today - one * (count - 1)
    if found := _WORD.fullmatch(word):
        step = ("LAST", "THIS", "NEXT").index(found[1]) - 1
        return _edge(found[2], step, calendar), _edge(found[2], step + 1, calendar)
    if found := _SPAN.fullmatch(word):
        low, high = (-count, 0) if found[1] == "LAST" else (1, count + 1)
        return _edge(found[2], low, calendar), _edge(found[2], high, calendar)
    if found := _AGO.fullmatch(word):
        return _edge(found[1], -count, calendar), _edge(found[1], 1 - count, calendar)
    raise malformed_query(f"unexpected token: '{word}'")


def _edge(unit: str, steps: int, calendar: Calendar) -> date:
    """The first day of the unit that lies so many units from the current one."""
    today = calendar.today
    if unit == "WEEK":
        return today - timedelta(days=today.isoweekday() % 7) + timedelta(weeks=steps)
    offset = calendar.fiscal_month - 1 if unit.startswith("FISCAL") else 0
    months = today.year * 12 + today.month - 1 - offset
    width = _STEP[unit]
    months = months // width * width + steps * width + offset
    return date(months // 12, months % 12 + 1, 1)
