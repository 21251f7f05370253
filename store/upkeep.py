"""Keeping the lake small, and forgetting who was erased: rewriting buckets, dropping what is void, purging old files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow.dataset as ds
from deltalake import DeltaTable

from store.mentions import Traces, empty_mentions, mask_mentions
from store.moving import FOLLOWED
from store.sheets import BUCKET, SEQ, Sheet, is_one_of, quoted
from store.versions import ERASED, EVENTS, KEPT, MOVED, REPLACED, Kept, living

PURGED = "purged"
"""The mark on contacts: up to which number every erasure was carried out."""

FILES_A_BUCKET = 12
"""A sheet with more files than this for each bucket is worth rewriting: reading many small files costs more than reading one."""

_IDS_AT_ONCE = 200


def is_due(sheet: Sheet) -> bool:
    """Whether the sheet is in so many files that reading suffers."""
    buckets = len({partition[BUCKET] for partition in sheet.open().partitions()})
    return sheet.files() > FILES_A_BUCKET * max(1, buckets)


def compact(kept: Kept, sheet: Sheet, followers: Sequence[Sheet]) -> None:
    """Rewrite each bucket with its living rows only, then drop the events that have done their work.

    Each step leaves the same rows alive, so it may be broken off anywhere. ``followers`` are the sheets that follow moves of contacts.
    """
    names = [SEQ, BUCKET, *(c.name for c in kept.columns)]
    known = sheet.mark(SEQ)
    needed_from = min((follower.mark(FOLLOWED) for follower in followers), default=known)
    buckets = sorted(int(partition[BUCKET]) for partition in sheet.open().partitions())
    for bucket in (bucket for bucket in dict.fromkeys(buckets) if bucket != EVENTS):

        def rows(table: DeltaTable, bucket: int = bucket) -> pd.DataFrame:
            return living(kept, sheet.scan(names, ds.field(BUCKET).isin([bucket, EVENTS]), table=table), is_final=False)

        sheet.replace(bucket, rows)

    def events(table: DeltaTable) -> pd.DataFrame:
        found = sheet.scan(names, ds.field(BUCKET) == EVENTS, table=table)
        is_done = (found["event"] == REPLACED) | ((found["event"] == MOVED) & (found[SEQ] <= needed_from))
        if kept.name == "activities":
            is_done = pd.Series(data=True, index=found.index)
        left = found[~(is_done & (found[SEQ] <= known))].sort_values(SEQ, kind="stable")
        return left[~left.duplicated([*kept.record, "event", "from_bucket"], keep="last")]

    if EVENTS in buckets:
        sheet.replace(EVENTS, events)
    table = sheet.open()
    with sheet.place.doing(f"Tidying {sheet.name}"):
        table.create_checkpoint()
        table.vacuum(dry_run=False)


def pending_erasures(contacts: Sheet) -> pd.DataFrame:
    """The contacts (crm, contact_id, seq) that were erased in their CRM and are not purged here yet."""
    where = (ds.field(BUCKET) == EVENTS) & (ds.field("event") == ERASED) & (ds.field(SEQ) > contacts.mark(PURGED))
    return contacts.scan(["crm", "contact_id", SEQ], where)


def erase_pending(sheets: Mapping[str, Sheet]) -> int:
    """Carry out every pending erasure: rewrite what holds the contact, take away all old files, remember only that it was done.

    Returns how many rows went. May be broken off and called again: the mark is set last, and the contacts' own rows, which say by what others
    name them, go after all those names.
    """
    contacts = sheets["contacts"]
    pending = pending_erasures(contacts)
    if pending.empty:
        return 0
    went = 0
    for crm, erased in pending.groupby("crm"):
        ids = erased["contact_id"].drop_duplicates().tolist()
        theirs = traces(contacts, str(crm), ids)
        empty_mentions(sheets["activities"], ["crm", "activity_id", "contact_id"], ["successor", "new_address", "evidence"], theirs)
        mask_mentions(sheets["standing"], ["values"], theirs)
        for chunk in (ids[at : at + _IDS_AT_ONCE] for at in range(0, len(ids), _IDS_AT_ONCE)):
            for name, more in (
                ("activities", "TRUE"),
                ("standing", "\"table\" = 'contacts'"),
                ("contacts", f"event IS DISTINCT FROM '{ERASED}'"),
            ):
                owner = KEPT[name].owner[1]
                went += sheets[name].delete(f"crm = {quoted([str(crm)])} AND {owner} IN ({quoted(chunk)}) AND {more}")
    for name in ("activities", "standing", "contacts"):
        sheets[name].purge()
    empty = contacts.schema.empty_table().to_pandas()
    contacts.commit(lambda first: empty.assign(**{SEQ: first}), {PURGED: int(pending[SEQ].max())})
    return went


def traces(contacts: Sheet, crm: str, ids: Sequence[str]) -> Traces:
    """By what other people's rows may name contacts that are about to go: each address and full name that they have or had."""
    where = (ds.field("crm") == crm) & is_one_of("contact_id", ids)
    rows = contacts.scan(["email", "other_emails", "first_name", "last_name"], where)
    others = rows["other_emails"].dropna().str.split(";").explode().str.strip()
    found = pd.concat([rows["email"].dropna(), others[others != ""]]).str.lower()
    names = rows[["first_name", "last_name"]].dropna().drop_duplicates()
    return Traces.of((str(one) for one in found.unique()), ((str(a), str(b)) for a, b in names.itertuples(index=False)))


def merged_into(contacts: Sheet, crm: str, ids: Sequence[str]) -> list[str]:
    """The contacts that went into these by merges, one after the other, and are not erased themselves yet."""
    rows = contacts.scan(["contact_id", "merged_into", "event"], ds.field("crm") == crm)
    is_erased = set(rows.loc[rows["event"] == ERASED, "contact_id"])
    pairs = rows.dropna(subset=["merged_into"])
    found: set[str] = set()
    near = set(ids)
    while near:
        near = set(pairs.loc[pairs["merged_into"].isin(near), "contact_id"]) - found - set(ids)
        found |= near
    return sorted(found - is_erased)
