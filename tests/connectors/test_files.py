"""Plain files as a source: every fault is one sentence that names file, column and row."""

from pathlib import Path

import pandas as pd
import pytest

from connectors.files import read_folder, read_table
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import ACTIVITIES, CONTACTS, check_table


def written(folder: Path, name: str, text: str) -> Path:
    """A file with that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_ids_stay_text(tmp_path: Path) -> None:
    """An id keeps its leading zeros and never becomes a number; an empty cell is missing; the text NA is a text."""
    path = written(tmp_path, "contacts.csv", "contact_id,first_name,company_id\n007,NA,\n12,,3\n")
    frame = read_table("contacts", path)
    assert frame["contact_id"].tolist() == ["007", "12"]
    assert frame["first_name"].fillna("missing").tolist() == ["NA", "missing"]
    assert frame["company_id"].isna().tolist() == [True, False]
    assert frame["crm"].tolist() == ["files", "files"]


def test_parquet_and_csv_give_the_same_frame(tmp_path: Path) -> None:
    """The form of the file does not change what is read."""
    rows = pd.DataFrame(
        {
            "activity_id": ["a", "b"],
            "contact_id": ["1", "2"],
            "occurred_at": pd.to_datetime(["2026-01-01T00:00:00Z", "2026-01-02T10:00:00Z"]),
        }
    )
    rows = rows.assign(channel="email", direction="inbound", is_broadcast=[True, False], duration_s=[1.5, None])
    rows.to_csv(tmp_path / "activities.csv", index=False)
    rows.to_parquet(tmp_path / "activities.parquet")
    from_csv, from_parquet = (
        read_table("activities", tmp_path / "activities.csv"),
        read_table("activities", tmp_path / "activities.parquet"),
    )
    check_table(ACTIVITIES, from_csv)
    pd.testing.assert_frame_equal(from_csv, from_parquet)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("contact_id,colour\n1,red\n", "colour"),
        ("email\na@b.example\n", "lacks the required column contact_id"),
        ("contact_id,created_at\n1,2026-01-01\n2,yesterday\n", "created_at holds 'yesterday' in row 2"),
        ('contact_id\n1\n""\n', "contact_id is empty in row 2"),
        ("contact_id,email\n1,a,b\n", "row 1 has 3 cells"),
        ("contact_id,contact_id\n1,1\n", "contact_id twice"),
        ("contact_id\n1\n1\n", "a key must be unique"),
        ("contact_id,\n1,\n", "no name for column 2"),
        ("contact_id,is_deleted\n1,yes\n2,maybe\n", "is_deleted holds 'maybe' in row 2"),
        ('contact_id\n"1\n', "could not be read as CSV"),
    ],
)
def test_a_faulty_file_is_named_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    """The message names the file, and the column and row where there is one."""
    path = written(tmp_path, "contacts.csv", text)
    with pytest.raises(BadInput, match=r"contacts\.csv") as caught:
        read_table("contacts", path)
    assert said in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are not UTF-8, and a Parquet file that is none, are said in one sentence."""
    (tmp_path / "contacts.csv").write_bytes(b"contact_id\n\xff\xfe\n")
    (tmp_path / "contacts.parquet").write_bytes(b"no parquet")
    with pytest.raises(BadInput, match="UTF-8"):
        read_table("contacts", tmp_path / "contacts.csv")
    with pytest.raises(BadInput, match="Parquet"):
        read_table("contacts", tmp_path / "contacts.parquet")
    with pytest.raises(BadInput, match="not there"):
        read_table("contacts", tmp_path / "nobody.csv")
    with pytest.raises(BadInput, match=r"\.xlsx"):
        read_table("contacts", written(tmp_path, "contacts.xlsx", "x"))


def test_a_folder_must_hold_contacts_and_activities(tmp_path: Path) -> None:
    """What is lacking is named; companies and owners may be absent."""
    written(tmp_path, "contacts.csv", "contact_id\n1\n")
    with pytest.raises(BadInput, match="no activities"):
        read_folder(tmp_path)
    written(tmp_path, "activities.csv", "activity_id,contact_id,occurred_at,channel,direction\na,1,2026-01-01T00:00:00Z,email,inbound\n")
    frames = read_folder(tmp_path)
    assert {name: len(frame) for name, frame in frames.items()} == {"contacts": 1, "companies": 0, "activities": 1, "owners": 0}
    check_table(CONTACTS, frames["contacts"])


def test_the_public_mail_log_is_read(enron: Path) -> None:
    """The reference data beside the project is read as it is."""
    frames = read_folder(enron)
    assert (len(frames["contacts"]), len(frames["activities"])) == (97, 6184)


def test_quotes_and_lines_in_cells_are_kept(tmp_path: Path) -> None:
    """A cell may hold lines, commas, doubled quotes and words such as NA; an empty one is missing, quoted or not."""
    text = 'contact_id,last_name,title\n007,"Two\r\nlines, ""so""",NA\n\n8,"",null\n'
    found = read_table("contacts", written(tmp_path, "contacts.csv", "\ufeff" + text))
    expected = [("007", 'Two\r\nlines, "so"', "NA"), ("8", None, "null")]
    kept = found[["contact_id", "last_name", "title"]].astype("object")
    assert list(kept.where(kept.notna(), None).itertuples(index=False, name=None)) == expected


def test_yes_and_no_are_read_in_any_case(tmp_path: Path) -> None:
    """Flags may be written as words or figures; an empty one is missing."""
    rows = "contact_id,is_deleted\n1,Yes\n2,0\n3,\n4, TRUE\n"
    found = read_table("contacts", written(tmp_path, "contacts.csv", rows))["is_deleted"]
    assert found.astype("object").where(found.notna(), None).to_list() == [True, False, None, True]
