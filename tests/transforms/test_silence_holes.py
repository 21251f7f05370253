"""Holes are found where neither chance nor holidays explain them, and nowhere else; time in them is nobody's silence."""

import json

import numpy as np
import pandas as pd
import pytest

from transforms.book import Book, Tables
from transforms.org import Org
from transforms.policy import Policy
from transforms.silence.facts import FACTS, PLACE, box_number, way_number
from transforms.silence.gaps import HOLIDAYS, MONTH, US, Traffic, find_holes
from transforms.silence.holes import EVERYTHING, Hole, Holes, contains
from transforms.silence.traffic import count_traffic
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

MAIL = "files|*|email"


def traffic_of(counts: dict[str, np.ndarray], people: int = 50) -> Traffic:
    """Traffic from counts a day, from day 0."""
    days = pd.concat(
        [
            pd.DataFrame({"source": name, "day": np.flatnonzero(count), "count": count[np.flatnonzero(count)]})
            for name, count in counts.items()
        ]
    )
    months = days.assign(month=days["day"] // MONTH).groupby(["source", "month"], as_index=False)["count"].sum()
    return Traffic(days, months.assign(count=months["count"].clip(upper=people)), pd.DataFrame({"source": list(counts), "people": people}))


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


@pytest.mark.parametrize("days_after", [0, 1, 3, 10, 40, 200])
def test_a_hole_is_found_inside_it_and_however_long_it_is_over(days_after: int) -> None:
    """The first days after a hole tell no rate yet; what came before it does."""
    counts = with_hole(steady(900, 2.0), 400, 672)[: 672 + days_after]
    assert holes_in(counts) == [(400, 672)]


@pytest.mark.parametrize("days", [9, 16, HOLIDAYS])
def test_holidays_are_no_holes(days: int) -> None:
    """Two or three weeks in which neither they nor we did anything may be holidays, of a firm or of one colleague."""
    break_ = with_hole(steady(900, 5.0), 400, 400 + days)
    for name, ours in ((EVERYTHING, with_hole(steady(900, 4.0, 2), 400, 400 + days)), ("files|u1|email", steady(900, 4.0, 2))):
        assert find_holes(traffic_of({name: break_, US: ours}), 900, Policy()) == ()


@pytest.mark.parametrize("source", [EVERYTHING, MAIL])
def test_a_gap_while_we_were_at_work_is_a_hole_even_if_short(source: str) -> None:
    """Ten days in which we wrote as ever and nobody answered by mail are a hole."""
    counts = {source: with_hole(steady(900, 6.0), 400, 410), US: steady(900, 4.0, 2)}
    assert [(hole.start, hole.end) for hole in find_holes(traffic_of(counts), 900, Policy())] == [(400, 410)]


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


def test_a_source_holds_what_is_narrower() -> None:
    """The log holds all, a CRM what records by itself in it, a channel its mailboxes; calls are logged by hand and belong to the log alone."""
    cases = {
        (EVERYTHING, "files|u1|call"): True,
        ("files|*|*", "files|u1|email"): True,
        ("files|*|*", "files|*|call"): False,
        ("files|*|email", "files|u1|email"): True,
        ("files|u1|email", "files|*|email"): False,
        ("files|u1|email", EVERYTHING): False,
        ("hubspot|*|*", "files|*|email"): False,
    }
    assert {pair: contains(*pair) for pair in cases} == cases


def facts_of(*people: tuple[float, float]) -> np.ndarray:
    """The facts of people heard by (way, mailbox), last 150 days ago, first 400 days ago, with a gap of 120 among nine short ones."""
    facts = np.zeros((len(people), len(FACTS)), dtype="float32")
    named = {
        "since_heard": 150,
        "since_first": 400,
        "known": 410,
        "longest": 120,
        "gaps_log": 30,
        "gaps_log2": 99,
        "days_heard": 11,
        "heard_30": 1,
    }
    for name, value in named.items():
        facts[:, PLACE[name]] = value
    facts[:, PLACE["way"]], facts[:, PLACE["box"]] = np.array(people).T
    return facts


def test_the_clock_stands_still_for_those_whom_the_hole_hides() -> None:
    """A hole of a mailbox for its people, of a channel for all who write by it, of everything for everybody, however they are heard."""
    mail, chat = way_number("files", "email"), way_number("files", "chat")
    mine, other = box_number("files", "u1", "email"), box_number("files", "u2", "email")
    facts = facts_of((mail, mine), (mail, other), (chat, np.nan), (np.nan, np.nan))
    cut = np.full(4, 1_000)

    def silence(source: str) -> list[float]:
        closed: list[float] = Holes((Hole(source, 900, 980),)).closed(facts, cut)[:, PLACE["since_heard"]].tolist()
        return closed

    assert silence("files|u1|email") == [70, 150, 150, 150]
    assert silence(MAIL) == [70, 70, 150, 150]
    assert silence("files|*|*") == [70, 70, 70, 150]
    assert silence(EVERYTHING) == [70, 70, 70, 70]
    assert silence("hubspot|*|email") == [150, 150, 150, 150]


def test_a_hole_between_two_days_heard_is_taken_out_of_the_gap_that_holds_it() -> None:
    """What was a gap of 120 days with 100 deaf ones was one of 20; the silence since is as it is, and a gap shorter than a hole holds none."""
    facts = facts_of((1.0, 1.0), (1.0, 1.0))
    facts[1, PLACE["longest"]] = 60
    closed = Holes((Hole(EVERYTHING, 700, 800),)).closed(facts, np.full(2, 1_000))
    assert closed[:, PLACE["since_heard"]].tolist() == [150, 150]
    assert closed[:, PLACE["since_first"]].tolist() == [300, 300]
    assert closed[:, PLACE["longest"]].tolist() == [20, 60]
    assert closed[0, PLACE["gaps_log"]] == pytest.approx(30 + np.log(20 / 120))
    assert closed[1, PLACE["gaps_log"]] == 30


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
    traffic = count_traffic(Book(tables, end, Policy(), Org.without_history(end, Policy())))
    assert traffic.days.groupby("source")["count"].sum().to_dict() == {
        EVERYTHING: 2,
        "files|*|*": 1,
        "files|*|email": 1,
        "files|u1|email": 1,
        US: 1,
    }
    assert Traffic.from_json(json.loads(json.dumps(traffic.to_json()))).to_json() == traffic.to_json()
