"""Date literals and date functions, on a day whose place in week, month, quarter and fiscal year is known."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import to_ms
from sandbox.salesforce.soql.functions import DATE_FUNCTIONS
from sandbox.salesforce.soql.spans import Calendar, days_of

TODAY = Calendar(to_ms(datetime(2026, 11, 18, 9, tzinfo=UTC)))
"""A Wednesday."""


@pytest.mark.parametrize(
    ("word", "count", "first", "after"),
    [
        ("YESTERDAY", 0, "2026-11-17", "2026-11-18"),
        ("TODAY", 0, "2026-11-18", "2026-11-19"),
        ("TOMORROW", 0, "2026-11-19", "2026-11-20"),
        ("LAST_WEEK", 0, "2026-11-08", "2026-11-15"),
        ("THIS_WEEK", 0, "2026-11-15", "2026-11-22"),
        ("NEXT_WEEK", 0, "2026-11-22", "2026-11-29"),
        ("LAST_MONTH", 0, "2026-10-01", "2026-11-01"),
        ("THIS_MONTH", 0, "2026-11-01", "2026-12-01"),
        ("NEXT_MONTH", 0, "2026-12-01", "2027-01-01"),
        ("LAST_90_DAYS", 0, "2026-08-20", "2026-11-19"),
        ("NEXT_90_DAYS", 0, "2026-11-19", "2027-02-17"),
        ("LAST_N_DAYS", 1, "2026-11-17", "2026-11-19"),
        ("NEXT_N_DAYS", 1, "2026-11-19", "2026-11-20"),
        ("N_DAYS_AGO", 1, "2026-11-17", "2026-11-18"),
        ("LAST_N_WEEKS", 2, "2026-11-01", "2026-11-15"),
        ("NEXT_N_WEEKS", 2, "2026-11-22", "2026-12-06"),
        ("N_WEEKS_AGO", 2, "2026-11-01", "2026-11-08"),
        ("LAST_N_MONTHS", 3, "2026-08-01", "2026-11-01"),
        ("NEXT_N_MONTHS", 3, "2026-12-01", "2027-03-01"),
        ("N_MONTHS_AGO", 11, "2025-12-01", "2026-01-01"),
        ("LAST_QUARTER", 0, "2026-07-01", "2026-10-01"),
        ("THIS_QUARTER", 0, "2026-10-01", "2027-01-01"),
        ("NEXT_QUARTER", 0, "2027-01-01", "2027-04-01"),
        ("LAST_N_QUARTERS", 2, "2026-04-01", "2026-10-01"),
        ("N_QUARTERS_AGO", 2, "2026-04-01", "2026-07-01"),
        ("LAST_YEAR", 0, "2025-01-01", "2026-01-01"),
        ("THIS_YEAR", 0, "2026-01-01", "2027-01-01"),
        ("NEXT_N_YEARS", 2, "2027-01-01", "2029-01-01"),
        ("N_YEARS_AGO", 3, "2023-01-01", "2024-01-01"),
    ],
)
def test_literals_cover_whole_days(word: str, count: int, first: str, after: str) -> None:
    """From a first day to the one after the last; weeks begin on Sunday; only days count the current one."""
    assert [day.isoformat() for day in days_of(word, count, TODAY)] == [first, after]


@pytest.mark.parametrize(
    ("word", "count", "first", "after"),
    [
        ("THIS_FISCAL_YEAR", 0, "2026-02-01", "2027-02-01"),
        ("LAST_FISCAL_YEAR", 0, "2025-02-01", "2026-02-01"),
        ("THIS_FISCAL_QUARTER", 0, "2026-11-01", "2027-02-01"),
        ("NEXT_FISCAL_QUARTER", 0, "2027-02-01", "2027-05-01"),
        ("LAST_N_FISCAL_QUARTERS", 2, "2026-05-01", "2026-11-01"),
        ("N_FISCAL_YEARS_AGO", 1, "2025-02-01", "2026-02-01"),
    ],
)
def test_fiscal_literals_follow_the_orgs_year(word: str, count: int, first: str, after: str) -> None:
    """An org whose year starts in February."""
    fiscal = Calendar(TODAY.now_ms, fiscal_month=2)
    assert [day.isoformat() for day in days_of(word, count, fiscal)] == [first, after]


def test_days_begin_at_the_users_midnight() -> None:
    """At 3 in the morning in UTC it is still yesterday in New York."""
    early = Calendar(to_ms(datetime(2026, 11, 18, 3, tzinfo=UTC)), ZoneInfo("America/New_York"))
    first, _ = days_of("TODAY", 0, early)
    assert first == date(2026, 11, 17)
    assert early.midnight(first) == to_ms(datetime(2026, 11, 17, 5, tzinfo=UTC))


@given(st.sampled_from(["WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR"]), st.integers(1, 60), st.integers(1, 12))
def test_spans_join_without_gap(unit: str, count: int, month: int) -> None:
    """The last n, the current and the next n lie side by side; the n-th ago is the beginning of the last n."""
    calendar = Calendar(TODAY.now_ms, fiscal_month=month)
    last, this, following = (days_of(word, count, calendar) for word in (f"LAST_N_{unit}S", f"THIS_{unit}", f"NEXT_N_{unit}S"))
    assert (last[1], this[1]) == (this[0], following[0])
    assert days_of(f"N_{unit}S_AGO", count, calendar)[0] == last[0]
    assert this[0] <= calendar.today < this[1]


@pytest.mark.parametrize(
    ("function", "value"),
    [
        ("CALENDAR_YEAR", 2026),
        ("CALENDAR_QUARTER", 4),
        ("CALENDAR_MONTH", 11),
        ("DAY_IN_MONTH", 18),
        ("DAY_IN_WEEK", 4),
        ("DAY_IN_YEAR", 322),
        ("DAY_ONLY", "2026-11-18"),
        ("FISCAL_YEAR", 2027),
        ("FISCAL_QUARTER", 4),
        ("FISCAL_MONTH", 10),
        ("WEEK_IN_MONTH", 3),
        ("WEEK_IN_YEAR", 46),
    ],
)
def test_date_functions(function: str, value: object) -> None:
    """In an org whose year starts in February: named for the year it ends in."""
    assert DATE_FUNCTIONS[function](date(2026, 11, 18), Calendar(TODAY.now_ms, fiscal_month=2)) == value
