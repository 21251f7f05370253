"""Cursors that no page brought: after our own writes, and after a backfill."""

from __future__ import annotations

import pandas as pd

from flows.work import Work
from transforms.vocabulary.changes import Cursor
from transforms.vocabulary.tables import STORED_ACTIVITIES, TABLES, empty_table

STORED = {**TABLES, "activities": STORED_ACTIVITIES}
"""The tables as the lake keeps them."""


def set_cursor(work: Work, crm: str, table: str, cursor: Cursor | None) -> None:
    """Commit a cursor that no page brought."""
    if cursor is None:
        return
    rows = empty_table(STORED[table])
    if table == "contacts":
        nobody = pd.Series(dtype="str")
        work.lake.append(table, rows, crm=crm, cursor=cursor, persons=nobody, buckets=nobody.astype("int64"))
    else:
        work.lake.append(table, rows, crm=crm, cursor=cursor)
