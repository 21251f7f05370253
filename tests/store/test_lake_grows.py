"""A lake that was made by an earlier version is read, written and tidied by this one: columns that it lacks are empty."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from deltalake import DeltaTable

from store.lake import Lake
from store.sheets import Sheet

NEW = ("job_changed_at", "mail_captured_at")


def made_before(folder: Path, rows: pd.DataFrame) -> None:
    """A lake with these contacts in bucket 0, laid out when the new columns were not known."""
    lake = Lake.open(folder, buckets=4)
    now = lake.sheet("contacts")
    older = Sheet(
        lake.place, "older", tuple(column for column in now.columns if column.name not in NEW), is_split=True, settings=now.settings
    )
    older.commit(lambda first: rows.drop(columns=list(NEW)).assign(person_id="p", seq=first, bucket=0), {"hubspot/contacts": 1})
    (folder / "contacts").rename(folder / "unused")
    (folder / "older").rename(folder / "contacts")


@pytest.mark.parametrize("is_read_first", [True, False])
def test_contacts_of_an_earlier_version_are_read_and_go_on(tmp_path: Path, made: Any, *, is_read_first: bool) -> None:
    """What lies there is read with the new columns empty; new rows carry them; the marks and the number of buckets stay."""
    made_before(tmp_path / "lake", made.contacts(["1"], email="ana@x.example"))
    lake = Lake.open(tmp_path / "lake")
    if is_read_first:
        assert lake.read("contacts")["mail_captured_at"].isna().all()
    made.put(lake, {"2": 1}, rows=made.contacts(["2"], job_changed_at="2026-01-01T00:00:00Z"))
    lake.compact("contacts")
    found = lake.read("contacts")
    assert found["contact_id"].tolist() == ["1", "2"]
    assert found["job_changed_at"].tolist() == [pd.NaT, pd.Timestamp("2026-01-01", tz="UTC")]
    assert lake.buckets == 4
    assert lake.sheet("contacts").mark("hubspot/contacts") == 1
    assert {*NEW} <= {field.name for field in DeltaTable(str(tmp_path / "lake" / "contacts")).schema().fields}
