"""What the tests of the lake share: small canonical frames, and a lake in a fresh folder."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from store.journal import Journal
from store.lake import Lake
from transforms.vocabulary.changes import CELLS, GONE, STANDING
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

NOW = datetime(2026, 11, 22, 9, 14, tzinfo=UTC)
BUCKETS = 4


class Made:
    """Makes canonical frames of a few rows."""

    now = NOW

    def contacts(self, ids: Sequence[str], **columns: object) -> pd.DataFrame:
        """One row an id."""
        return to_table(CONTACTS, pd.DataFrame({"contact_id": list(ids), "crm": "hubspot", **columns}))

    def activities(self, pairs: Sequence[tuple[str, str]], **columns: object) -> pd.DataFrame:
        """One row a pair of activity and contact."""
        rows = pd.DataFrame(list(pairs), columns=["activity_id", "contact_id"])
        fixed = {"crm": "hubspot", "occurred_at": "2026-01-01T00:00:00Z", "channel": "email", "direction": "inbound"}
        return to_table(STORED_ACTIVITIES, rows.assign(**{**fixed, **columns}))

    def standing(self, values: dict[str, str], table: str = "contacts") -> pd.DataFrame:
        """Record to JSON."""
        rows = [{"crm": "hubspot", "table": table, "record_id": record, "values": text} for record, text in values.items()]
        return to_table(STANDING, rows)

    def gone(self, table: str, how: str, ids: Sequence[str], into: str | None = None) -> pd.DataFrame:
        """One row an id."""
        return to_table(GONE, [{"crm": "hubspot", "table": table, "record_id": record, "how": how, "into": into} for record in ids])

    def cells(self, rows: Sequence[tuple[str, str, str | None, str | None]], table: str = "contacts") -> pd.DataFrame:
        """Record, field, old and new."""
        frame = pd.DataFrame(list(rows), columns=["record_id", "field", "old", "new"])
        return to_table(CELLS, frame.assign(crm="hubspot", table=table, reason="because"))

    def put(self, lake: Lake, homes: dict[str, int], **brings: object) -> None:
        """Append contacts, each in its bucket; the person is named after the bucket."""
        rows = brings.pop("rows", None)
        rows = self.contacts(list(homes)) if rows is None else rows
        buckets = pd.Series(list(homes.values()), index=rows.index)
        lake.append("contacts", rows, crm="hubspot", persons="p" + buckets.astype("str"), buckets=buckets, **brings)


@pytest.fixture
def made() -> Made:
    """The maker of frames."""
    return Made()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake of four buckets."""
    return Lake.open(tmp_path / "lake", buckets=BUCKETS)


@pytest.fixture
def journal(lake: Lake) -> Journal:
    """The journal beside it."""
    return Journal(lake)


@pytest.fixture
def begun(journal: Journal) -> Callable[[], str]:
    """Starts a run and returns its name."""
    return lambda: journal.start_run("sync", as_of=NOW, crms=["hubspot"], now=NOW)
