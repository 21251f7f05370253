"""A source has stopped where chance does not explain that it brings nothing; one that always spoke in bursts may only be in a lull."""

import numpy as np
import pandas as pd
import pytest

from transforms.book import Book, Tables
from transforms.compute import combine, tally
from transforms.fields.listening import coverage, days_in_doubt, has_just_stopped, is_last_source_deaf
from transforms.fields.state import engagement_state
from transforms.org import Org, Source, Tally
from transforms.policy import Policy
from transforms.silence.stops import judge_stop
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()
BURST = [30, 0, 0, 0]
"""A busy week in four."""


def quiet_for(weeks: int, counts: list[int]) -> np.ndarray:
    """So many records a week, the latest first, after some weeks of nothing."""
    return np.array(([0] * weeks + counts * 64)[:64], dtype="int64")


def test_of_an_even_source_all_that_is_missing_surprises() -> None:
    """Ten a week and nothing for three weeks: thirty are missing, and by chance alone that has the odds e⁻³⁰."""
    stop = judge_stop(quiet_for(3, [10]), 21.0)
    assert (stop.weekly, stop.expected) == (10.0, 30.0)
    assert stop.surprise == pytest.approx(30.0)


@pytest.mark.parametrize("weeks", [3, 6, 9])
def test_a_source_that_speaks_in_bursts_surprises_later(weeks: int) -> None:
    """Of a mailbox with one busy week in four, three weeks of nothing are ordinary, however much they are on average."""
    uneven, even = (judge_stop(quiet_for(weeks, counts), 7.0 * weeks) for counts in (BURST, [7, 8, 7, 8]))
    assert uneven.expected == pytest.approx(even.expected)
    assert uneven.surprise < even.surprise / 3


def test_a_young_source_is_judged_by_the_weeks_that_it_had() -> None:
    """The weeks before its first record are no quiet ones."""
    young = np.array([0] * 3 + [10] * 10 + [0] * 51, dtype="int64")
    assert judge_stop(young, 21.0).surprise == pytest.approx(judge_stop(quiet_for(3, [10]), 21.0).expected * 10 / 12)


def test_what_stopped_longer_ago_than_is_counted_tells_nothing() -> None:
    """After 64 weeks there is no rate to judge by."""
    assert judge_stop(quiet_for(3, [10]), 500.0).surprise == 0.0


def test_a_lull_is_in_doubt_and_no_alarm() -> None:
    """The even mailbox is deaf since its last record; the bursty one is in doubt from the day on which twelve records, at 7½ a week, were missing."""
    last = NOW - pd.Timedelta(days=21, hours=1)
    tally_ = Tally.empty(NOW, POLICY)
    tally_.sources.update(
        {
            "files|even|email": Source(quiet_for(3, [7, 8]), last.isoformat(), 9),
            "files|bursty|email": Source(quiet_for(3, BURST), last.isoformat(), 9),
        }
    )
    org = Org.from_tally(tally_)
    assert org.deaf_since == {"files|even|email": last}
    assert org.in_doubt_since == {"files|bursty|email": last + pd.Timedelta(days=12)}


def of_lee(*, lull_days: int) -> Book:
    """Eight people write to Lee daily in one week of four, eight to Kim every third day; nothing came to Lee for ``lull_days``."""
    rows = []
    for person in range(8):
        busy = [day for day in range(lull_days, 500) if (day - lull_days) % 28 < 5]
        rows += [(f"lee{person}", NOW - pd.Timedelta(days=day, hours=person), "lee") for day in busy]
        rows += [(f"kim{person}", NOW - pd.Timedelta(days=day, hours=person), "kim") for day in range(1, 500, 3)]
    frame = pd.DataFrame(rows, columns=["contact_id", "occurred_at", "actor_id"]).assign(channel="email", direction="inbound")
    frame = frame.assign(activity_id=[str(place) for place in range(len(frame))])
    people = pd.DataFrame({"contact_id": sorted(frame["contact_id"].unique())})
    tables = Tables(to_table(CONTACTS, people), to_table(STORED_ACTIVITIES, frame))
    return Book(tables, NOW, POLICY, combine([tally(tables, NOW, POLICY)]))


def test_nobody_becomes_silent_in_a_lull_of_everybody() -> None:
    """A lull that may be a stop: coverage stays full and the state stays, but the clock of the silence stands still, and tasks wait."""
    book = of_lee(lull_days=30)
    lee = book.persons.index[book.persons.index.isin(book.members.loc[book.members["contact_id"].str.startswith("lee"), "person_id"])]
    assert list(book.org.in_doubt_since) == ["files|lee|email"]
    doubt = days_in_doubt(book)
    assert (set(doubt[lee] > 15), set(doubt.drop(lee))) == ({True}, {0.0})
    assert set(book.value(coverage)) == {"full"}
    assert set(book.value(engagement_state)[lee]) <= {"engaged", "cooling"}
    assert (set(has_just_stopped(book)[lee]), set(is_last_source_deaf(book)[lee])) == ({True}, {False})


def test_a_lull_that_goes_on_is_a_stop() -> None:
    """After four months of nothing no burst explains it any more: Lee's mailbox is deaf, and its people are unknown."""
    book = of_lee(lull_days=120)
    lee = book.members.loc[book.members["contact_id"].str.startswith("lee"), "person_id"]
    assert (set(book.org.in_doubt_since), set(book.value(engagement_state)[lee])) == (set(), {"unknown"})
