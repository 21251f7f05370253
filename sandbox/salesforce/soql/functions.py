"""SOQL's functions: which there are, what they take, and what the date functions give."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from sandbox.salesforce.soql.spans import Calendar

AGGREGATES = {"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"}
SHOWN = {"TOLABEL", "FORMAT", "CONVERTCURRENCY"}
"""Functions that change how a value is shown, not what it is."""

NUMBERS = {"int", "double", "currency", "percent"}


def _quarter(month: int) -> int:
    return (month - 1) // 3 + 1


def _fiscal(day: date, calendar: Calendar) -> tuple[int, int]:
    """The fiscal year, named for the calendar year it ends in, and the month within it."""
    months = day.month - calendar.fiscal_month
    month = months % 12 + 1
    if calendar.fiscal_month == 1:
        return day.year, month
    return day.year + (1 if months >= 0 else 0), month


DATE_FUNCTIONS: dict[str, Callable[[date, Calendar], int | str]] = {
    "CALENDAR_MONTH": lambda day, _calendar: day.month,
    "CALENDAR_QUARTER": lambda day, _calendar: _quarter(day.month),
    "CALENDAR_YEAR": lambda day, _calendar: day.year,
    "DAY_IN_MONTH": lambda day, _calendar: day.day,
    "DAY_IN_WEEK": lambda day, _calendar: day.isoweekday() % 7 + 1,
    "DAY_IN_YEAR": lambda day, _calendar: (day - date(day.year, 1, 1) + timedelta(days=1)).days,
    "DAY_ONLY": lambda day, _calendar: day.isoformat(),
    "FISCAL_MONTH": lambda day, calendar: _fiscal(day, calendar)[1],
    "FISCAL_QUARTER": lambda day, calendar: _quarter(_fiscal(day, calendar)[1]),
    "FISCAL_YEAR": lambda day, calendar: _fiscal(day, calendar)[0],
    "WEEK_IN_MONTH": lambda day, _calendar: (day.day - 1) // 7 + 1,
    "WEEK_IN_YEAR": lambda day, _calendar: ((day - date(day.year, 1, 1)).days) // 7 + 1,
}
"""What each gives for a day. A Sunday is day 1; weeks of a month and of a year are counted in sevens from its first day."""

HOUR = "HOUR_IN_DAY"
"""The one that needs the time of day."""
