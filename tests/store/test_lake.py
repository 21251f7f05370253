"""The lake's promises: one commit for rows and cursor, the latest row of each key, nothing private."""

import os
import pickle
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.lake import Lake, Part
from transforms.vocabulary.changes import STANDING
from transforms.vocabulary.errors import BadInput, BadSettings, PersonMustAct
from transforms.vocabulary.tables import (
    ACTIVITIES,
    COMPANIES,
    CONTACTS,
    DTYPES,
    OWNERS,
    PRIVATE_COLUMNS,
    STORED_ACTIVITIES,
    empty_table,
    to_table,
)

PAIRS = [("a1", "1"), ("a1", "2"), ("a2", "2")]


def pairs_in(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Activity and contact of each row, in order."""
    return sorted(zip(frame["activity_id"], frame["contact_id"], strict=True))


def test_a_lake_keeps_the_number_of_buckets_it_was_made_with(tmp_path: Path) -> None:
    """Whoever opens the lake with another number of buckets gets the lake's own."""
    Lake.open(tmp_path / "lake", buckets=4)
    assert Lake.open(tmp_path / "lake", buckets=32).buckets == 4


def test_a_read_gives_exactly_the_canonical_frame(lake: Lake, made: Any) -> None:
    """Columns and dtypes are those of to_table, for full and for empty tables; contacts carry the person besides."""
    made.put(lake, {"1": 0, "2": 3}, rows=made.contacts(["1", "2"], email_opted_out=[True, None], created_at="2026-01-02T03:04:05Z"))
    lake.append("activities", made.activities(PAIRS, participant_count=3, duration_s=1.5, absent_until="2026-02-01"), crm="hubspot")
    for table in (CONTACTS, COMPANIES, OWNERS, STORED_ACTIVITIES, STANDING):
        expected = {c.name: DTYPES[c.type] for c in table.columns} | ({"person_id": "str"} if table is CONTACTS else {})
        actual = {str(name): str(dtype) for name, dtype in lake.read(table.name).dtypes.items()}
        assert actual == expected
    contacts = made.contacts(["1", "2"], email_opted_out=[True, None], created_at="2026-01-02T03:04:05Z")
    pd.testing.assert_frame_equal(lake.read("contacts", columns=CONTACTS.names), contacts)
    pd.testing.assert_frame_equal(
        lake.read("activities"), made.activities(PAIRS, participant_count=3, duration_s=1.5, absent_until="2026-02-01")
    )


def test_rows_and_cursor_are_one_commit(lake: Lake, made: Any) -> None:
    """The data commit itself moves the cursor: before it, neither is there; after it, both are."""
    versions = []
    for page in range(3):
        lake.append("activities", made.activities([(f"a{page}", "1")]), crm="hubspot", cursor=f"page {page}")
        versions.append(lake.sheet("activities").open().version())
    assert versions == [1, 2, 3]
    for page, version in enumerate(versions):
        then = DeltaTable(lake.place.table("activities"), version=version)
        assert (then.count(), then.transaction_version("hubspot/activities")) == (page + 1, page + 1)
    assert lake.cursor("hubspot", "activities") == "page 2"


def test_a_noted_cursor_counts_only_once_its_rows_are_there(lake: Lake, made: Any) -> None:
    """A kill after the cursor's text was written and before the commit of the rows leaves the cursor where it was."""
    lake.append("activities", made.activities([("a1", "1")]), crm="hubspot", cursor="first")
    lake._note_cursor("hubspot", "activities", "", Part(made.activities([]), cursor="never reached"))
    assert lake.cursor("hubspot", "activities") == "first"
    lake.append("activities", made.activities([("a2", "1")]), crm="hubspot", cursor="second")
    assert lake.cursor("hubspot", "activities") == "second"


def test_cursors_are_kept_apart(lake: Lake, made: Any) -> None:
    """Each CRM, table and track has a cursor of its own; None where nothing was read."""
    lake.append("activities", made.activities([]), crm="hubspot", cursor="sync")
    lake.append("activities", made.activities([]), crm="hubspot", cursor="history", track="backfill")
    found = [
        lake.cursor("hubspot", "activities"),
        lake.cursor("hubspot", "activities", track="backfill"),
        lake.cursor("hubspot", "contacts"),
        lake.cursor("salesforce", "activities"),
    ]
    assert found == ["sync", "history", None, None]


def test_cursors_outlive_checkpoints_and_tidying(lake: Lake, made: Any) -> None:
    """Neither compaction nor checkpoints nor the clean-up of the log touch the cursor or the numbering."""
    for page in range(25):
        lake.append(
            "owners", to_table(OWNERS, [{"owner_id": str(page % 3), "crm": "hubspot", "name": f"n{page}"}]), crm="hubspot", cursor=f"{page}"
        )
    lake.compact("owners")
    lake.sheet("owners").open().cleanup_metadata()
    lake.append("owners", to_table(OWNERS, [{"owner_id": "9", "crm": "hubspot"}]), crm="hubspot")
    assert lake.cursor("hubspot", "owners") == "24"
    assert lake.read("owners")["name"].fillna("").tolist() == ["n24", "n22", "n23", ""]


def test_killed_at_any_moment_rows_and_cursor_agree(tmp_path: Path) -> None:
    """A process that appends numbered pages and is killed leaves exactly the pages that its cursor covers."""
    script = """
import sys
from store.lake import Lake
from transforms.vocabulary.tables import OWNERS, to_table
lake = Lake.open(sys.argv[1])
for page in range(10_000):
    lake.append("owners", to_table(OWNERS, [{"owner_id": str(page), "crm": "hubspot"}]), crm="hubspot", cursor=str(page))
    print(page, flush=True)
"""
    folder = tmp_path / "lake"
    for stop_after in (2, 5):
        process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own script
        assert process.stdout is not None
        for _ in range(stop_after):
            process.stdout.readline()
        process.kill()
        process.wait()
        process.stdout.close()
        lake = Lake.open(folder)
        assert sorted(lake.read("owners")["owner_id"].astype(int)) == list(range(int(lake.cursor("hubspot", "owners") or -1) + 1))


def test_two_writers_at_once_lose_nothing(lake: Lake, made: Any) -> None:
    """Of two commits that meet, one is numbered anew; no row is lost and no number given twice."""

    def write(name: str) -> None:
        own = Lake.open(lake.place.root)
        for page in range(5):
            own.append("activities", made.activities([(f"{name}{page}", "1")]), crm="hubspot")

    threads = [threading.Thread(target=write, args=(name,)) for name in "xy"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pairs_in(lake.read("activities")) == sorted((f"{name}{page}", "1") for name in "xy" for page in range(5))
    assert lake.sheet("activities").scan(["seq"])["seq"].is_unique


@given(
    pages=st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("12"), st.sampled_from("xyz")), max_size=5), max_size=6),
    compact_after=st.integers(0, 6),
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_latest_row_of_each_key_counts(
    tmp_path_factory: pytest.TempPathFactory, made: Any, pages: list[list[tuple[str, str, str]]], compact_after: int
) -> None:
    """Pages may come in any order and any number of times: a key has the row of the last page that held it, whatever was tidied between."""
    lake = Lake.open(tmp_path_factory.mktemp("any"), buckets=2)
    expected: dict[tuple[str, str], str] = {}
    for number, page in enumerate(pages):
        rows = made.activities([pair[:2] for pair in page], thread_id=pd.Series([pair[2] for pair in page], dtype="str"))
        lake.append(
            "activities", rows, crm="hubspot", buckets=pd.Series([int(pair[1]) - 1 for pair in page], index=rows.index, dtype="int64")
        )
        expected |= {pair[:2]: pair[2] for pair in page}
        if number == compact_after:
            lake.compact("activities")
    found = pd.concat([lake.read("activities", bucket) for bucket in range(2)])
    assert dict(zip(zip(found["activity_id"], found["contact_id"], strict=True), found["thread_id"], strict=True)) == expected


@pytest.mark.parametrize("column", PRIVATE_COLUMNS)
def test_message_text_cannot_be_stored(lake: Lake, made: Any, column: str) -> None:
    """A frame with subject, body or headers is refused by name, whatever else is right with it, and nothing of it is stored."""
    with pytest.raises(BadInput, match=column):
        lake.append("activities", made.activities(PAIRS).assign(**{column: "secret words"}), crm="hubspot", cursor="x")
    with pytest.raises(BadInput, match=column):
        lake.append(
            "activities",
            to_table(
                ACTIVITIES,
                made.activities(PAIRS)[["activity_id", "contact_id"]].assign(
                    crm="hubspot", occurred_at="2026-01-01T00:00:00Z", channel="email", direction="inbound", **{column: "secret words"}
                ),
            ),
            crm="hubspot",
        )
    assert (len(lake.read("activities")), lake.cursor("hubspot", "activities")) == (0, None)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda rows: rows.assign(extra="x"), "extra"),
        (lambda rows: rows.astype({"duration_s": "str"}), "duration_s"),
        (lambda rows: rows.assign(crm=pd.Series(["files"] * len(rows), dtype="str")), "files"),
        (lambda rows: rows.assign(contact_id=pd.Series([None] * len(rows), dtype="str")), "contact_id"),
    ],
)
def test_a_frame_that_is_not_canonical_is_refused(lake: Lake, made: Any, spoil: Callable[[pd.DataFrame], pd.DataFrame], word: str) -> None:
    """An unknown column, a wrong dtype, rows of another CRM or an empty key: refused, and the sentence names it."""
    with pytest.raises(BadInput, match=word):
        lake.append("activities", spoil(made.activities(PAIRS)), crm="hubspot")


def test_contacts_need_person_and_bucket(lake: Lake, made: Any) -> None:
    """A contact without a person, or in a bucket that the lake does not have, is refused; a page without rows needs neither."""
    rows = made.contacts(["1"])
    with pytest.raises(BadInput, match="without person"):
        lake.append("contacts", rows, crm="hubspot")
    with pytest.raises(BadInput, match="outside 0 to 3"):
        lake.append("contacts", rows, crm="hubspot", persons=pd.Series(["p"]), buckets=pd.Series([4]))
    lake.append("contacts", empty_table(CONTACTS), crm="hubspot", cursor="end")
    assert lake.cursor("hubspot", "contacts") == "end"


def test_questions_that_make_no_sense_are_refused(lake: Lake) -> None:
    """An unknown table, column or bucket is named in one sentence."""
    for ask in (lambda: lake.read("tickets"), lambda: lake.read("owners", columns=["nick"]), lambda: lake.read("contacts", 4)):
        with pytest.raises(BadInput):
            ask()


def test_a_place_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    """A file where the folder should be, and a store that nobody knows, are errors that a person can act on."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadSettings, match="STILLTHERE_LAKE"):
        Lake.open(tmp_path / "file")
    with pytest.raises(PersonMustAct, match="STILLTHERE_LAKE"):
        Lake.open("nosuchstore://bucket/lake")


def test_all_files_are_private(tmp_path: Path, made: Any) -> None:
    """Folder and files are readable by their owner alone, and the process's umask is as it was."""
    before = os.umask(0o022)
    try:
        lake = Lake.open(f"file://{tmp_path}/some where", buckets=2)
        made.put(lake, {"1": 0})
        lake.compact("contacts")
        after = os.umask(0o022)
    finally:
        os.umask(before)
    root = tmp_path / "some where"
    wrong = [path for path in (root, *root.rglob("*")) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert (after, wrong) == (0o022, [])


def test_a_lake_travels_to_another_process(lake: Lake, made: Any) -> None:
    """Pickled and unpickled, a lake reads the same."""
    made.put(lake, {"1": 0, "2": 1})
    there = pickle.loads(pickle.dumps(lake))  # noqa: S301 - our own bytes
    pd.testing.assert_frame_equal(there.index(), lake.index())


def test_standing_is_joined_with_what_we_wrote(lake: Lake, made: Any) -> None:
    """A written cell changes its field alone; an emptied one goes; another record keeps what it held; the CRM's next word counts."""
    made.put(lake, {"1": 0, "2": 1}, standing=made.standing({"1": '{"a": "1", "b": "2"}', "2": '{"a": "1"}'}))
    cells = made.cells([("1", "a", "1", "9"), ("1", "b", "2", None), ("1", "c", None, "3"), ("2", "a", "1", "9")])
    lake.patch_standing(cells[cells["record_id"] == "1"])
    assert lake.standing("contacts")["values"].tolist() == ['{"a": "9", "c": "3"}', '{"a": "1"}']
    assert lake.standing("contacts", 0)["record_id"].tolist() == ["1"]
    lake.compact("standing")
    assert lake.standing("contacts")["values"].tolist() == ['{"a": "9", "c": "3"}', '{"a": "1"}']
    made.put(lake, {"1": 0}, standing=made.standing({"1": '{"a": "5"}'}))
    assert lake.standing("contacts", 0)["values"].tolist() == ['{"a": "5"}']


def test_a_patch_meets_what_it_patches(lake: Lake, made: Any) -> None:
    """Written to a contact that has just moved, a patch still changes its field alone."""
    made.put(lake, {"1": 0}, standing=made.standing({"1": '{"a": "1", "b": "2"}'}))
    made.put(lake, {"1": 2})
    lake.patch_standing(made.cells([("1", "a", "1", "9")]))
    lake.follow_moves()
    assert lake.standing("contacts", 2)["values"].tolist() == ['{"a": "9", "b": "2"}']


def test_standing_of_companies_lies_apart(lake: Lake, made: Any) -> None:
    """What companies hold is read without the contacts, and contacts without companies."""
    lake.append(
        "companies",
        to_table(COMPANIES, [{"company_id": "1", "crm": "hubspot"}]),
        crm="hubspot",
        standing=made.standing({"1": "{}"}, "companies"),
    )
    made.put(lake, {"1": 0}, standing=made.standing({"1": '{"a": "1"}'}))
    assert (lake.standing("companies")["values"].tolist(), lake.standing("contacts", 0)["values"].tolist()) == (["{}"], ['{"a": "1"}'])
