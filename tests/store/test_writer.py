"""Many pages, few commits; and an error in the middle loses nothing that was whole."""

from typing import Any

import pandas as pd
import pytest

from store.lake import Lake
from store.parts import Part
from store.writer import LakeWriter
from transforms.vocabulary.errors import BadInput, CrmUnreachable


def test_many_pages_make_few_commits(lake: Lake, made: Any) -> None:
    """1,200 pages of one row are 12 commits of a hundred rows, and the cursor is the last page's."""
    one = made.activities([("a", "1")])
    with LakeWriter(lake, "activities", crm="hubspot", rows=100) as writer:
        for page in range(1_200):
            writer.add(Part(one.assign(activity_id=pd.Series([str(page)], dtype="str")), cursor=str(page), stream="emails"))
    found = (writer.commits, lake.sheet("activities").open().version(), len(lake.read("activities")), lake.cursor("hubspot", "activities"))
    assert found == (12, 12, 1_200, "1199")


def test_a_page_does_not_wait_longer_than_said(lake: Lake, made: Any) -> None:
    """What has waited for the given seconds is committed with the next page, however few rows there are."""
    seconds = iter([0.0, 0.0, 29.0, 31.0])
    with LakeWriter(lake, "activities", crm="hubspot", seconds=30, clock=lambda: next(seconds)) as writer:
        for page in range(3):
            writer.add(Part(made.activities([(f"a{page}", "1")]), cursor=str(page)))
        assert (writer.commits, lake.cursor("hubspot", "activities")) == (1, "2")


def test_the_later_page_of_one_commit_counts(lake: Lake, made: Any) -> None:
    """Within one commit pages keep their order: rows, voids and moves are as if each page had been committed alone."""
    rows = [made.contacts(["1", "2"], title=title) for title in ("first", "second", "third")]
    with LakeWriter(lake, "contacts", crm="hubspot") as writer:
        for page, bucket in zip(rows, (0, 2, 1), strict=True):
            beside = {"persons": pd.Series(["p", "p"]), "buckets": pd.Series([bucket, bucket])}
            writer.add(Part(page, **beside, gone=made.gone("contacts", "archived", ["2"]) if bucket == 2 else None))
    assert writer.commits == 1
    assert lake.read("contacts", 1)[["contact_id", "title"]].to_numpy().tolist() == [["1", "third"], ["2", "third"]]
    assert [len(lake.read("contacts", bucket)) for bucket in range(4)] == [0, 2, 0, 0]
    assert lake.read("contacts")["is_deleted"].isna().all()


def test_a_break_keeps_the_pages_that_were_whole(lake: Lake, made: Any) -> None:
    """When the CRM fails in the middle, every page that was added is in the lake, and the cursor stands after the last of them."""

    def pull() -> None:
        with LakeWriter(lake, "activities", crm="hubspot") as writer:
            writer.add(Part(made.activities([("a1", "1")]), cursor="one"))
            writer.add(Part(made.activities([("a2", "1")]), cursor="two"))
            raise CrmUnreachable("gone")

    with pytest.raises(CrmUnreachable):
        pull()
    assert (len(lake.read("activities")), lake.cursor("hubspot", "activities")) == (2, "two")


def test_after_a_failed_commit_the_cursor_stays(lake: Lake, made: Any) -> None:
    """Where a commit is refused, none of its pages is in the lake, no later page goes in, and the cursor stands before them."""

    def pull() -> None:
        with LakeWriter(lake, "activities", crm="hubspot", rows=1) as writer:
            writer.add(Part(made.activities([("a1", "1")]), cursor="one"))
            try:
                writer.add(Part(made.activities([("a2", "1")]).assign(body="text"), cursor="two"))
            finally:
                writer.add(Part(made.activities([("a3", "1")]), cursor="three"))

    with pytest.raises(BadInput):
        pull()
    assert (len(lake.read("activities")), lake.cursor("hubspot", "activities")) == (1, "one")


def test_the_size_of_a_table_is_known_without_reading_it(lake: Lake, made: Any) -> None:
    """Every stored row counts, also one that a later version replaced."""
    for _ in range(2):
        lake.append("activities", made.activities([("a1", "1"), ("a2", "1")]), crm="hubspot")
    assert (lake.size("activities"), lake.size("owners")) == (4, 0)
