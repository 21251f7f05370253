"""What becomes of rows later: read anew, gone, merged, moved to another bucket, erased."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder

from store.forgetting import forget, forget_pending
from store.journal import Journal
from store.lake import Lake
from store.moving import rehome_contacts
from transforms.vocabulary.changes import TASKS, Fate, WriteReport
from transforms.vocabulary.tables import COMPANIES, to_table


def pairs_in(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Activity and contact of each row, in order."""
    return sorted(zip(frame["activity_id"], frame["contact_id"], strict=True))


def moves(*rows: tuple[str, int, int]) -> pd.DataFrame:
    """Contact, from and to."""
    return pd.DataFrame(rows, columns=["contact_id", "from_bucket", "to_bucket"]).assign(crm="hubspot")


@pytest.mark.parametrize("is_tidied", [False, True])
def test_an_activity_read_anew_replaces_its_participants(lake: Lake, made: Any, *, is_tidied: bool) -> None:
    """With ``replaces`` a participant who is no longer there is void, in whatever bucket; other activities stay."""
    made.put(lake, {"1": 0, "2": 1})
    lake.append("activities", made.activities([("a1", "1"), ("a1", "2"), ("a2", "2")]), crm="hubspot")
    lake.append("activities", made.activities([("a1", "1")]), crm="hubspot", replaces=True)
    if is_tidied:
        lake.compact("activities")
    assert pairs_in(lake.read("activities", 0)) == [("a1", "1")]
    assert pairs_in(lake.read("activities", 1)) == [("a2", "2")]
    lake.append("activities", made.activities([("a1", "2")]), crm="hubspot")
    assert pairs_in(lake.read("activities")) == [("a1", "1"), ("a1", "2"), ("a2", "2")]


def test_without_replaces_participants_add_up(lake: Lake, made: Any) -> None:
    """In a full load the participants of one activity may come in several pages."""
    lake.append("activities", made.activities([("a1", "1")]), crm="hubspot")
    lake.append("activities", made.activities([("a1", "2")]), crm="hubspot")
    assert pairs_in(lake.read("activities")) == [("a1", "1"), ("a1", "2")]


@pytest.mark.parametrize("is_tidied", [False, True])
def test_archived_and_merged_contacts_say_so(lake: Lake, made: Any, *, is_tidied: bool) -> None:
    """They stay, marked; a contact that comes back is as it comes back."""
    made.put(lake, {"1": 0, "2": 0, "3": 1})
    made.put(
        lake,
        {},
        gone=pd.concat(
            [made.gone("contacts", "archived", ["1", "3"]), made.gone("contacts", "merged", ["2"], into="3")], ignore_index=True
        ),
    )
    made.put(lake, {"3": 1})
    if is_tidied:
        lake.compact("contacts")
    found = lake.read("contacts").set_index("contact_id")
    assert found["is_deleted"].fillna(value=False).to_dict() == {"1": True, "2": False, "3": False}
    assert found["merged_into"].dropna().to_dict() == {"2": "3"}


def test_a_contact_that_moves_is_still_archived_and_merged(lake: Lake, made: Any) -> None:
    """What became of a contact stays with it when it moves to another bucket, as a merged one does with the person whom it now is."""
    made.put(lake, {"1": 0, "2": 1, "3": 2})
    gone = pd.concat([made.gone("contacts", "archived", ["1"]), made.gone("contacts", "merged", ["2"], into="3")], ignore_index=True)
    lake.append("contacts", made.contacts([]), crm="hubspot", gone=gone, persons=pd.Series(dtype="str"), buckets=pd.Series(dtype="int64"))
    moves = [("1", 0, 3), ("2", 1, 2)]
    lake.move(pd.DataFrame([{"crm": "hubspot", "contact_id": one, "from_bucket": a, "to_bucket": b} for one, a, b in moves]))
    found = lake.read("contacts").set_index("contact_id")
    assert found.index[found["is_deleted"].fillna(value=False)].tolist() == ["1"]
    assert found["merged_into"].dropna().to_dict() == {"2": "3"}


def test_gone_companies_and_activities_are_left_out(lake: Lake, made: Any) -> None:
    """Their canonical tables have no word for being gone, so they are not there; also where another table's page says so."""
    lake.append("companies", to_table(COMPANIES, [{"company_id": c, "crm": "hubspot"} for c in "12"]), crm="hubspot")
    lake.append("activities", made.activities([("a1", "1"), ("a2", "1")]), crm="hubspot")
    lake.append(
        "activities",
        made.activities([]),
        crm="hubspot",
        gone=pd.concat([made.gone("activities", "archived", ["a1"]), made.gone("companies", "merged", ["1"], into="2")], ignore_index=True),
    )
    assert (lake.read("companies")["company_id"].tolist(), pairs_in(lake.read("activities"))) == (["2"], [("a2", "1")])


def test_what_is_gone_in_a_page_is_gone_after_its_rows(lake: Lake, made: Any) -> None:
    """A page that brings a record and says that it is gone leaves it gone."""
    lake.append("activities", made.activities([("a1", "1")]), crm="hubspot", gone=made.gone("activities", "archived", ["a1"]))
    assert pairs_in(lake.read("activities")) == []


@pytest.mark.parametrize("is_tidied", [False, True])
def test_what_belongs_to_a_contact_follows_it(lake: Lake, made: Any, *, is_tidied: bool) -> None:
    """A contact whose page puts it into another bucket is there alone; after follow_moves so are its activities and standing, also back and forth."""
    made.put(lake, {"1": 0, "2": 0}, standing=made.standing({"1": '{"a": "1"}'}))
    lake.append("activities", made.activities([("a1", "1"), ("a2", "2")]), crm="hubspot")
    for bucket in (2, 0, 3):
        made.put(lake, {"1": bucket})
        lake.follow_moves()
        if is_tidied:
            for table in ("contacts", "activities", "standing"):
                lake.compact(table)
        buckets = [b for b in range(4) if "1" in set(lake.read("contacts", b)["contact_id"])]
        assert buckets == [b for b in range(4) if ("a1", "1") in pairs_in(lake.read("activities", b))] == [bucket]
        assert lake.standing("contacts", bucket)["record_id"].tolist() == ["1"]
    assert pairs_in(lake.read("activities", 0)) == [("a2", "2")]
    assert len(lake.read("activities")) == 2


def test_a_move_that_was_broken_off_is_made_good(lake: Lake, made: Any) -> None:
    """Killed after the contact moved and before its activities did: the next call moves them, and newer rows there stay the newer ones."""
    made.put(lake, {"1": 0})
    lake.append("activities", made.activities([("a1", "1"), ("a2", "1")], thread_id="old"), crm="hubspot")
    rehome_contacts(lake.sheet("contacts"), lake._homes, moves(("1", 0, 2)))
    lake.compact("contacts")
    lake.append("activities", made.activities([("a1", "1")], thread_id="new"), crm="hubspot")
    assert lake.follow_moves() == 1
    found = lake.read("activities", 2)
    assert dict(zip(found["activity_id"], found["thread_id"], strict=True)) == {"a1": "new", "a2": "old"}
    assert (len(lake.read("activities", 0)), lake.follow_moves()) == (0, 0)


def test_a_move_can_give_a_contact_another_person(lake: Lake, made: Any) -> None:
    """move() changes bucket and person of contacts, with all they have, in one commit for each table; saying it twice changes nothing."""
    made.put(lake, {"1": 0, "2": 1})
    lake.append("activities", made.activities([("a1", "1")]), crm="hubspot")
    before = {table: lake.sheet(table).open().version() for table in ("contacts", "activities")}
    assert lake.move(moves(("1", 0, 1)).assign(person_id="p1")) == 1
    after = {table: lake.sheet(table).open().version() for table in ("contacts", "activities")}
    # Activities: the copies with the voids, then the mark that all moves so far were followed.
    assert {table: after[table] - before[table] for table in after} == {"contacts": 1, "activities": 2}
    assert lake.index()[["contact_id", "person_id", "bucket"]].to_numpy().tolist() == [["1", "p1", 1], ["2", "p1", 1]]
    assert lake.move(moves(("1", 0, 1)).assign(person_id="p1")) == 0
    assert pairs_in(lake.read("activities", 1)) == [("a1", "1")]


def test_activities_may_come_before_their_contact(lake: Lake, made: Any) -> None:
    """What concerns an unknown contact waits apart, or where it was put, and follows once the contact is known."""
    lake.append("activities", made.activities([("a1", "1")]), crm="hubspot")
    lake.append("activities", made.activities([("a2", "1")]), crm="hubspot", buckets=pd.Series([3]))
    made.put(lake, {"1": 2})
    assert lake.move(moves(("1", 3, 2))) == 2
    assert pairs_in(lake.read("activities", 2)) == [("a1", "1"), ("a2", "1")]


def everything_in(folder: Path) -> str:
    """All that lies in the folder, as text: Parquet files read, whether or not a table still names them."""
    texts = []
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            texts.append(file.read_bytes().decode("utf-8", errors="replace"))
            if file.suffix == ".parquet":
                texts.append(str(pq.ParquetFile(file).read().to_pylist()))
    return "\n".join(texts)


@pytest.fixture
def full(lake: Lake, journal: Journal, made: Any) -> Lake:
    """A lake in which ann@gone.example left traces in every table, in several versions."""
    mail = "ann@gone.example"
    made.put(
        lake,
        {"1": 0, "2": 0},
        rows=made.contacts(["1", "2"], email=[mail, "bob@stays.example"]),
        standing=made.standing({"1": f'{{"why": "{mail}"}}', "2": "{}"}),
    )
    made.put(lake, {"1": 1}, rows=made.contacts(["1"], email=mail.upper(), first_name="Ann"))
    lake.append(
        "activities", made.activities([("a1", "1"), ("a2", "2")], successor=[None, mail], evidence=["x", f"write to {mail}"]), crm="hubspot"
    )
    lake.follow_moves()
    lake.compact("contacts")
    run = journal.start_run("sync", as_of=made.now, crms=["hubspot"], now=made.now)
    cells = made.cells([("1", "why", None, mail), ("2", "successor", None, mail), ("2", "why", None, "quiet")])
    task = {
        "task_key": "k",
        "crm": "hubspot",
        "contact_id": "1",
        "play": "p",
        "reason": mail,
        "subject": mail,
        "body": "b",
        "due_at": made.now,
    }
    journal.save_plan(run, cells, to_table(TASKS, [task]), {})
    journal.settle(journal.intend(run, "contacts", cells), [WriteReport("hubspot", "contacts", record, Fate.WRITTEN) for record in "12"])
    journal.settle_tasks(
        journal.intend_tasks(run, to_table(TASKS, [task])), [WriteReport("hubspot", "tasks", "k", Fate.WRITTEN, crm_id="7")]
    )
    return lake


def test_an_erased_contact_leaves_no_trace(full: Lake, journal: Journal) -> None:
    """No file holds the address any more, old versions and files that nobody names included; the others are whole; the fact is kept."""
    folder = Path(full.place.root)
    assert "ann@gone.example" in everything_in(folder)
    orphan = folder / "contacts" / "bucket=0" / "part-of-a-killed-write.parquet"
    orphan.write_text("ann@gone.example")
    assert forget(full, journal, "hubspot", ["1"]) > 0
    left = everything_in(folder).lower()
    assert ("ann@gone.example" in left, "bob@stays.example" in left) == (False, True)
    assert full.read("contacts")["contact_id"].tolist() == ["2"]
    assert full.read("activities")[["activity_id", "successor", "evidence"]].fillna("").to_numpy().tolist() == [["a2", "", ""]]
    assert "erased" in set(full.sheet("contacts").scan()["event"])
    assert len(full.pending_erasures()) == 0


def test_an_erasure_in_a_page_waits_until_it_is_carried_out(full: Lake, journal: Journal, made: Any) -> None:
    """Reported as erased, the contact is read no more at once; a kill before the purge loses nothing, for it is still pending."""
    made.put(full, {}, gone=made.gone("contacts", "erased", ["1"]), cursor="after")
    assert (full.read("contacts")["contact_id"].tolist(), full.pending_erasures()["contact_id"].tolist()) == (["2"], ["1"])
    full.sheet("activities").delete("contact_id = '1'")  # as far as a killed purge came
    assert forget_pending(full, journal) > 0
    assert "ann@gone.example" not in everything_in(Path(full.place.root)).lower()
    assert (forget_pending(full, journal), full.cursor("hubspot", "contacts")) == (0, "after")


def test_the_query_in_the_docs_reads_what_the_lake_reads(lake: Lake, made: Any) -> None:
    """Other engines need no code of ours: the SQL in docs/lake.md gives the rows that Lake.read gives."""
    made.put(lake, {"1": 0, "2": 1, "3": 2})
    lake.append("activities", made.activities([("a1", "1"), ("a1", "2"), ("a2", "2"), ("a3", "3"), ("a4", "9")]), crm="hubspot")
    lake.append("activities", made.activities([("a1", "1")], thread_id="t"), crm="hubspot", replaces=True)
    lake.append("activities", made.activities([]), crm="hubspot", gone=made.gone("activities", "archived", ["a3"]))
    lake.move(moves(("2", 1, 3)))
    text = (Path(__file__).parents[2] / "docs" / "lake.md").read_text(encoding="utf-8")
    query = text.partition("```sql\n")[2].partition("```")[0]
    table = DeltaTable(lake.place.table("activities"))
    rows = pa.table(QueryBuilder().register("activities", table).execute(query)).to_pandas()
    expected = lake.read("activities").fillna({"thread_id": ""})
    assert sorted(zip(rows["activity_id"], rows["contact_id"], rows["thread_id"].fillna(""), strict=True)) == list(
        zip(expected["activity_id"], expected["contact_id"], expected["thread_id"], strict=True)
    )


def test_tidying_leaves_every_table_as_it_reads(lake: Lake, made: Any) -> None:
    """Tables in too many files are rewritten, by name, and nothing reads differently; what is not due is left alone."""
    for number in range(16):
        made.put(lake, {"1": number % 2, "2": 1}, standing=made.standing({"1": f'{{"a": "{number}"}}'}))
    before = {table: lake.read(table) for table in ("contacts", "standing")}
    assert lake.tidy() == ["contacts"]
    for table, frame in before.items():
        pd.testing.assert_frame_equal(lake.read(table), frame)
    lake.follow_moves()
    assert lake.standing("contacts", 1)["values"].tolist() == ['{"a": "15"}']
