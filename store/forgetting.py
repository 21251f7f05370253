"""Forgetting a person who was erased in the CRM: in the journal and in the lake, in every file and every earlier version."""

from __future__ import annotations

from collections.abc import Sequence

from store.journal import Journal
from store.lake import Lake


def forget(lake: Lake, journal: Journal, crm: str, contact_ids: Sequence[str]) -> int:
    """Forget these contacts now; how many rows of the lake went. Nobody may be writing meanwhile. May be broken off and called again."""
    lake.request_erasure(crm, contact_ids)
    return forget_pending(lake, journal)


def forget_pending(lake: Lake, journal: Journal) -> int:
    """Forget every contact that a page reported as erased; how many rows of the lake went.

    Whoever went into them by a merge is the same person, and is forgotten with them.
    The journal comes first: as long as the lake has not finished, the erasure is pending and is done again as a whole.
    """
    for crm, erased in lake.pending_erasures().groupby("crm"):
        lake.request_erasure(str(crm), lake.merged_into(str(crm), erased["contact_id"].tolist()))
    for crm, erased in lake.pending_erasures().groupby("crm"):
        ids = erased["contact_id"].drop_duplicates().tolist()
        journal.forget(str(crm), ids, lake.traces(str(crm), ids))
    return lake.erase_pending()
