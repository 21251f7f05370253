"""Holes are found where chance does not explain them, and nowhere else."""

import numpy as np
import pandas as pd
import pytest

from transforms.backtest.holes import EVERYTHING, Hole, Traffic, count_traffic, find_holes
from transforms.book import Book, Tables
from transforms.org import Org
from transforms.policy import Policy
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

MAIL = "files|*|email"


def traffic_of(counts: dict[str, np.ndarray], people: int = 50) -> Traffic:
    """Traffic from counts a day, from day 0."""
    days = [
        pd.DataFrame({"source": name, "day": np.flatnonzero(count), "count": count[np.flatnonzero(count)]})
        for name, count in counts.items()
    ]
    return Traffic(pd.concat(days), pd.DataFrame({"source": list(counts), "people": people}))


def steady(days: int, rate: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).poisson(rate, days)


def holes_in(counts: np.ndarray, name: str = EVERYTHING, people: int = 50) -> list[tuple[int, int]]:
    return [(hole.start, hole.end) for hole in find_holes(traffic_of({name: counts}, people), len(counts), Policy())]


def with_hole(counts: np.ndarray, start: int, end: int) -> np.ndarray:
    """Nothing from ``start`` to the day before ``end``; something on the day before and the day after."""
    day = np.arange(len(counts))
    return np.where((day >= start) & (day < end), 0, np.where((day == start - 1) | (day == end), np.maximum(counts, 1), counts))


def test_nine_months_without_a_record_are_a_hole() -> None:
    """A source that brings five a day and stops for 272 days is named, with when and how many were to be expected."""
    counts = with_hole(steady(900, 5.0), 400, 672)
    (hole,) = find_holes(traffic_of({EVERYTHING: counts}), 900, Policy())
    assert (hole.start, hole.end, hole.strays) == (400, 672, 0)
    assert hole.expected == pytest.approx(5 * 272, rel=0.15)


def test_a_stray_record_does_not_hide_a_hole() -> None:
    """One record in the middle of nine months leaves one hole, with that record told."""
    counts = with_hole(steady(900, 5.0), 400, 672)
    counts[520] = 1
    (hole,) = find_holes(traffic_of({EVERYTHING: counts}), 900, Policy())
    assert (hole.start, hole.end, hole.strays) == (400, 672, 1)


def test_a_source_that_never_comes_back_is_a_hole_up_to_the_end() -> None:
    """A mailbox that stopped for good hides the silence of whom it served."""
    assert holes_in(with_hole(steady(400, 3.0), 350, 400)) == [(350, 400)]


@pytest.mark.parametrize("seed", range(20))
def test_ordinary_chance_makes_no_hole(seed: int) -> None:
    """Three records a week for three years leave gaps of two weeks and more, and none of them is a hole."""
    assert holes_in(steady(1100, 3 / 7, seed)) == []


@pytest.mark.parametrize("seed", range(20))
def test_traffic_in_bursts_needs_a_longer_gap(seed: int) -> None:
    """A source that speaks for a fortnight and then rests for three weeks, time and again, has no holes."""
    rng = np.random.default_rng(seed)
    awake = np.concatenate([np.repeat([1, 0], [rng.integers(7, 21), rng.integers(7, 28)]) for _ in range(30)])
    assert holes_in(rng.poisson(1.5, len(awake)) * awake) == []


def test_weekends_are_no_holes() -> None:
    """Nothing on Saturdays and Sundays is as it always is."""
    week = np.tile([1, 1, 1, 1, 1, 0, 0], 60)
    assert holes_in(steady(420, 20.0) * week) == []


def test_a_source_of_few_people_is_not_judged() -> None:
    """Of three people all may be on holiday at once."""
    assert holes_in(with_hole(steady(400, 3.0), 200, 300), people=3) == []


def test_a_hole_is_told_once_of_the_widest_source() -> None:
    """Where the whole log stopped, its channels and mailboxes did too; where one mailbox stopped, the channel went on."""
    mail = with_hole(steady(700, 4.0), 300, 360)
    mine = with_hole(steady(700, 2.0, 2), 300, 360)
    mine = with_hole(mine, 500, 560)
    counts = {EVERYTHING: mail, MAIL: mail, "files|u1|email": mine}
    found = find_holes(traffic_of(counts), 700, Policy())
    assert [(hole.source, hole.start, hole.end) for hole in found] == [(EVERYTHING, 300, 360), ("files|u1|email", 500, 560)]


def test_a_hole_touches_the_days_that_it_shares() -> None:
    """The day after its last is free of it."""
    hole = Hole(EVERYTHING, 10, 20, 50, 9)
    assert [hole.touches(*days) for days in ((0, 10), (0, 11), (19, 30), (20, 30))] == [False, True, True, False]


def test_what_people_log_by_hand_is_no_source_of_its_own() -> None:
    """A month without calls is no hole in a source; in the whole log a call counts like everything else."""
    rows = [
        {
            "activity_id": "1",
            "contact_id": "ana",
            "occurred_at": "2026-01-05T09:00Z",
            "channel": "email",
            "direction": "inbound",
            "actor_id": "u1",
        },
        {
            "activity_id": "2",
            "contact_id": "ana",
            "occurred_at": "2026-01-06T09:00Z",
            "channel": "call",
            "direction": "inbound",
            "actor_id": "u1",
        },
        {
            "activity_id": "3",
            "contact_id": "ana",
            "occurred_at": "2026-01-07T09:00Z",
            "channel": "email",
            "direction": "outbound",
            "actor_id": "u1",
        },
    ]
    tables = Tables(to_table(CONTACTS, [{"contact_id": "ana"}]), to_table(STORED_ACTIVITIES, rows))
    end = pd.Timestamp("2026-02-01", tz="UTC")
    days = count_traffic(Book(tables, end, Policy(), Org.without_history(end, Policy()))).days
    assert days.groupby("source")["count"].sum().to_dict() == {
        EVERYTHING: 2,
        "files|*|*": 1,
        "files|*|email": 1,
        "files|u1|email": 1,
    }
