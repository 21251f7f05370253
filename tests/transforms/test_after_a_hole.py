"""What is learned and said in a hole of the whole log, and after it."""

import numpy as np
import pandas as pd
import pytest

from transforms.book import Book, Tables
from transforms.compute import combine, tally
from transforms.fields.listening import coverage
from transforms.fields.state import engagement_state, why
from transforms.org import LONG_PAUSE, Org, Tally
from transforms.policy import Policy
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()


def customers(*, hole: tuple[int, int] = (0, 0), people: int = 40) -> Tables:
    """People who write every five to thirty days for three years; nothing is on record of the days that lie so long ago. One wrote once, long before."""
    rng = np.random.default_rng(3)
    rows = [("old", 1_090)]
    for person in range(people):
        days = np.cumsum(rng.gamma(3.0, (5 + 25 * person / people) / 3, 300))
        rows += [(f"p{person:02}", int(day)) for day in days if 1 <= day < 1_080 and not hole[0] <= day < hole[1]]
    frame = pd.DataFrame(rows, columns=["contact_id", "ago"])
    frame = frame.assign(occurred_at=NOW - pd.to_timedelta(frame["ago"], unit="D"), channel="email", direction="inbound").drop(
        columns="ago"
    )
    frame = frame.assign(activity_id=[str(place) for place in range(len(frame))])
    people_ = pd.DataFrame({"contact_id": sorted(frame["contact_id"].unique())})
    return Tables(to_table(CONTACTS, people_), to_table(STORED_ACTIVITIES, frame))


def org_of(tables: Tables) -> Org:
    return combine([tally(tables, NOW, POLICY)])


def test_a_pause_that_spans_a_hole_teaches_nothing() -> None:
    """With nine months missing for everybody a long pause is as long as without; what was before and after the hole still counts."""
    whole, holed = org_of(customers()), org_of(customers(hole=(120, 392)))
    assert [hole.days for hole in holed.holes.found] == [pytest.approx(272, abs=3)]
    assert int(holed.tally.long_pauses["count"].sum()) >= 40
    steps = np.log2(holed.pause(0.95)) - np.log2(whole.pause(0.95))
    # The rhythm groups of six and more gaps that hold people; a step is a quarter of a doubling.
    assert np.abs(steps[3:9]).max() <= 0.5


def test_tallies_keep_when_long_pauses_were() -> None:
    """They are added up over buckets, survive being written down, and shorter ones are not kept."""
    parted = tally(customers(hole=(120, 392)), NOW, POLICY)
    both = parted + parted
    assert both.long_pauses["count"].sum() == 2 * parted.long_pauses["count"].sum()
    assert len(both.long_pauses) == len(parted.long_pauses)
    pd.testing.assert_frame_equal(Tally.from_json(parted.to_json()).long_pauses, parted.long_pauses)
    assert len(tally(customers(), NOW, POLICY).long_pauses) < LONG_PAUSE


def test_where_nothing_is_heard_of_anybody_nobody_is_heard() -> None:
    """In a hole of the whole log everybody is unknown, also who was last heard longer ago than any source is remembered."""
    tables = customers(hole=(0, 150))
    book = Book(tables, NOW, POLICY, org_of(tables))
    assert book.org.nothing_since == pd.Timestamp("2026-06-26", tz="UTC")
    assert org_of(customers()).nothing_since is None
    assert set(book.value(coverage)) == {"blind"}
    assert set(book.value(engagement_state)) == {"unknown"}
    told = book.value(why)
    assert told.str.contains("has brought nothing from anybody since 2").all()
