"""Which rows of a sheet are alive: the latest of each key, without those that a later event made void. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from store.sheets import BUCKET, SEQ
from transforms.vocabulary.changes import STANDING
from transforms.vocabulary.tables import COMPANIES, CONTACTS, OWNERS, STORED_ACTIVITIES, Column, Table, Type

EVENTS = -1
"""The bucket of events: rows that say what became of other rows. Read with every bucket."""

STRANGERS = -2
"""The bucket of rows whose contact is not in the lake yet."""

SHARED = -3
"""The bucket of what concerns companies, not contacts."""

REPLACED = "replaced"  # of this activity, rows before this one are void: it was read anew, with all its participants
MOVED = "moved"  # of this contact, rows before this one in from_bucket are void: they were copied to another bucket
PATCH = "patch"  # only some values of a standing row; the others stay as they were
ARCHIVED, MERGED, ERASED = "archived", "merged", "erased"  # what became of a record, in the CRM's words

_EXTRA = (
    Column("event", Type.TEXT, "missing for an ordinary row; else what this row says about earlier ones"),
    Column("from_bucket", Type.COUNT, "the bucket that a move was made from"),
)
PERSON = Column("person_id", Type.TEXT, "the person behind the contact")


@dataclass(frozen=True)
class Kept:
    """A canonical table as the lake keeps it.

    ``record`` names the columns by which a record is void as a whole; ``owner`` those that name the contact whose bucket a row shares.
    """

    table: Table
    record: tuple[str, ...]
    owner: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table.name

    @property
    def is_split(self) -> bool:
        """Whether the rows lie in the buckets of persons."""
        return bool(self.owner)

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns that are stored, except seq and bucket."""
        return (*self.table.columns, *_EXTRA)

    @property
    def needed(self) -> list[str]:
        """The columns without which nobody can tell which rows are alive."""
        more = ["merged_into", "is_deleted"] if self.name == "contacts" else []
        return list(dict.fromkeys([SEQ, BUCKET, *self.table.key, *self.record, *self.owner, *more, *(c.name for c in _EXTRA)]))


KEPT: dict[str, Kept] = {
    kept.name: kept
    for kept in (
        Kept(Table("contacts", CONTACTS.key, (*CONTACTS.columns, PERSON)), CONTACTS.key, CONTACTS.key),
        Kept(COMPANIES, COMPANIES.key),
        Kept(STORED_ACTIVITIES, ("crm", "activity_id"), ("crm", "contact_id")),
        Kept(OWNERS, OWNERS.key),
        Kept(STANDING, STANDING.key, ("crm", "record_id")),
    )
}


def living(kept: Kept, rows: pd.DataFrame, *, is_final: bool = True) -> pd.DataFrame:
    """The rows that are alive, of all the rows and events that were read; ordered by seq.

    With ``is_final`` what events say about a contact is written into it (archived, merged), and records that are gone are left out;
    without, the rows are as they were appended, and the events are still needed.
    """
    is_event = rows[BUCKET] == EVENTS
    events, rest = rows[is_event], rows[~is_event].sort_values(SEQ, kind="stable")
    if len(events):
        rest = _without_moved(kept, rest, events)
        if kept.name == "activities":
            rest = _without_void(kept, rest, events[events["event"] != MOVED])
    if kept.name == "standing":
        rest = _fold_patches(kept, rest)
    key = list(kept.table.key)
    rest = rest[~rest.duplicated(subset=key, keep="last")]
    if is_final and len(events) and kept.name != "activities":
        gone = events[events["event"].isin([ARCHIVED, MERGED, ERASED])]
        rest = _overlaid(kept, rest, gone) if kept.name == "contacts" else _without_void(kept, rest, gone)
    return rest.reset_index(drop=True)


def _without_void(kept: Kept, rows: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Rows that no event of their record came after."""
    return rows[~(_seq_of_event(list(kept.record), rows, events) > rows[SEQ].to_numpy())]


def _without_moved(kept: Kept, rows: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    moved = events[events["event"] == MOVED]
    if moved.empty:
        return rows
    moved = moved.assign(**{BUCKET: moved["from_bucket"].astype("int32")})
    return rows[~(_seq_of_event([*kept.owner, BUCKET], rows, moved) > rows[SEQ].to_numpy())]


def _seq_of_event(by: list[str], rows: pd.DataFrame, events: pd.DataFrame) -> pd.Series:
    """For each row the number of the last event that concerns it, -1 where none does."""
    last = events.groupby(by, as_index=False)[SEQ].max().rename(columns={SEQ: "event_seq"})
    found = rows[by].merge(last, on=by, how="left")["event_seq"].fillna(-1)
    return found.set_axis(rows.index)


def _overlaid(kept: Kept, rows: pd.DataFrame, gone: pd.DataFrame) -> pd.DataFrame:
    """Contacts with what became of them written in; the erased ones are left out."""
    key = list(kept.table.key)
    for how in (ARCHIVED, MERGED, ERASED):
        events = gone[gone["event"] == how].sort_values(SEQ)
        if events.empty:
            continue
        hit = _seq_of_event(key, rows, events) > rows[SEQ].to_numpy()
        if how == ERASED:
            rows = rows[~hit]
        elif how == ARCHIVED:
            rows = rows.assign(is_deleted=rows["is_deleted"].mask(hit, True))
        else:
            into = rows[key].merge(events.drop_duplicates(key, keep="last")[[*key, "merged_into"]], on=key, how="left")["merged_into"]
            rows = rows.assign(merged_into=rows["merged_into"].mask(hit, into.set_axis(rows.index)))
    return rows


def _fold_patches(kept: Kept, rows: pd.DataFrame) -> pd.DataFrame:
    """Standing rows in which each patch is joined with what stood there before; rows must be ordered by seq."""
    if "values" not in rows.columns or not (rows["event"] == PATCH).any():
        return rows
    key = list(kept.table.key)
    patched = rows.loc[rows["event"] == PATCH, key].drop_duplicates()
    touched = rows[key].merge(patched, on=key, how="left", indicator=True)["_merge"].eq("both").to_numpy()
    folded: list[str] = []
    so_far: dict[tuple[str, ...], dict[str, str]] = {}
    parts = rows.loc[touched]
    for name, values, event in zip(parts[key].itertuples(index=False, name=None), parts["values"], parts["event"], strict=True):
        now: dict[str, str] = {**so_far.get(name, {}), **json.loads(values)} if event == PATCH else json.loads(values)
        so_far[name] = {field: value for field, value in now.items() if value is not None}
        folded.append(json.dumps(so_far[name], sort_keys=True, ensure_ascii=False))
    values = rows["values"].copy()
    values.loc[touched] = pd.array(folded, dtype="str")
    return rows.assign(values=values, event=rows["event"].mask(rows["event"] == PATCH))
