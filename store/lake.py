"""The lake: the canonical tables of all CRMs, and where each extract stands. Rows and cursor enter in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self, Unpack

import pandas as pd
import pyarrow.dataset as ds

from store import moving, upkeep
from store.homes import Homes
from store.mentions import Traces
from store.parts import Brings, Part, check_part, gone_elsewhere, gone_rows, patches_of_cells, rows_of_parts
from store.places import Place
from store.sheets import BUCKET, SEQ, Sheet
from store.versions import ERASED, EVENTS, KEPT, PATCH, SHARED, STRANGERS, Kept, living
from transforms.vocabulary.changes import STANDING, Cursor
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import Column, Type

BUCKETS = 16
_BUCKETS_KEY = "stillthere.buckets"
_CURSORS = (
    Column("crm", Type.TEXT, "which CRM", required=True),
    Column("table", Type.TEXT, "which table", required=True),
    Column("track", Type.TEXT, "empty for the ordinary pull; else the name of an extract of its own, such as backfill"),
    Column("stream", Type.TEXT, "the vendor's object that the page came from"),
    Column("cursor", Type.TEXT, "where to go on", required=True),
)


@dataclass(frozen=True)
class Lake:
    """The lake at one place. Safe to use from several threads; of two processes that write one table at once, one is numbered anew."""

    place: Place
    buckets: int

    @classmethod
    def open(cls, url: str | Path, *, buckets: int = BUCKETS, storage_options: Mapping[str, str] | None = None) -> Self:
        """The lake in that folder or at that object-store URL; made where there is none.

        ``buckets`` counts only when the lake is made; a lake keeps the number that it was made with.
        ``storage_options`` go to delta-rs as they are. Raises BadSettings or PersonMustAct where the place cannot be used.
        """
        if buckets < 1:
            raise BadInput(f"A lake was asked for with {buckets} buckets; it needs at least one.")
        place = Place.at(url, storage_options)
        kept = cls(place, buckets).sheet("contacts").open().metadata().configuration.get(_BUCKETS_KEY)
        return cls(place, int(kept or buckets))

    def append(self, table: str, rows: pd.DataFrame, *, crm: str, track: str = "", **brings: Unpack[Brings]) -> None:
        """Append one page. What may come with its rows: see :class:`Part`; what is promised: see :meth:`commit`."""
        self.commit(table, [Part(rows, **brings)], crm=crm, track=track)

    def commit(self, table: str, parts: Sequence[Part], *, crm: str, track: str = "") -> None:
        """Append pages in their order, and move the cursor to the last one given, in ONE commit.

        What the CRM holds in our own fields (standing) is committed before, so a kill between the two repeats it, which is harmless.
        A kill after the cursor's text was noted and before the commit leaves a note that nothing points to.
        ``track`` names a cursor of its own, for a backfill.
        Raises BadInput where a frame is not canonical, holds message text, or belongs to another CRM; nothing is stored then.
        """
        kept = _kept(table)
        for part in parts:
            check_part(kept, part, crm, self.buckets)
        if not parts:
            return
        for name, gone in gone_elsewhere(parts, table):
            self._append_gone(_kept(name), gone)
        self._append_standing([part.standing for part in parts if part.standing is not None], _homes_in(parts))
        with_cursor = [part for part in parts if part.cursor is not None]
        marks = {_app(crm, table, track): self._note_cursor(crm, table, track, with_cursor[-1])} if with_cursor else {}
        streams = ",".join(sorted({part.stream for part in parts if part.stream}))

        def make(first: int) -> pd.DataFrame:
            self._homes.refresh()
            return rows_of_parts(kept, parts, first, self._homes.known)

        self.sheet(table).commit(make, marks, metadata={"streams": streams} if streams else {})

    def cursor(self, crm: str, table: str, *, track: str = "") -> Cursor | None:
        """Where the extract of that table stands: exactly the pages whose rows are in the lake. None where nothing was read yet."""
        number = self.sheet(_kept(table).name).mark(_app(crm, table, track))
        if number == 0:
            return None
        found = self._cursors.scan(["cursor"], ds.field(SEQ) == number)
        return str(found["cursor"].iloc[0])

    def read(self, table: str, bucket: int | Sequence[int] | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """The canonical frame as it stands: the latest row of each key, void rows left out, ordered by key.

        ``bucket`` may be several, which are read as one; None reads all. Companies and owners lie in one piece and are read whole with any bucket. Contacts carry ``person_id`` besides;
        archived ones have ``is_deleted``, merged ones ``merged_into``. Companies, owners and activities that are gone are left out.
        Dtypes are those of :func:`transforms.vocabulary.tables.to_table`.
        """
        kept = _kept(table)
        names = list(columns) if columns is not None else kept.table.names
        unknown = [name for name in names if name not in kept.table.names]
        if unknown:
            raise BadInput(f"{table} were read with unknown columns {', '.join(unknown)}; known are {', '.join(kept.table.names)}.")
        wrong = [one for one in _several(bucket) or () if not 0 <= one < self.buckets]
        if wrong:
            raise BadInput(f"{table} were read from bucket {wrong[0]}; this lake has the buckets 0 to {self.buckets - 1}.")
        return self._living(kept, bucket, names)

    def standing(self, table: str, bucket: int | Sequence[int] | None = None) -> pd.DataFrame:
        """STANDING rows of contacts (of some buckets, or all) or of companies: what our fields hold in the CRM as far as we know."""
        found = self._living(KEPT["standing"], SHARED if table == "companies" else bucket, STANDING.names)
        return found[found["table"] == table].reset_index(drop=True)

    def size(self, table: str) -> int:
        """How many rows lie in the table's files, with versions that count no more. Reads no file."""
        return int(self.sheet(_kept(table).name).open().count())

    def index(self) -> pd.DataFrame:
        """Every contact: crm, contact_id, person_id, bucket. Archived and merged ones are in it, erased ones are not."""
        return self._living(KEPT["contacts"], None, ["crm", "contact_id", "person_id", BUCKET])

    def patch_standing(self, cells: pd.DataFrame, modified_at: pd.Series | None = None) -> None:
        """Note that the new values of CELLS stand in the CRM now; a record's other fields keep what they held. One commit.

        ``modified_at`` (index of ``cells``) says when the CRM changed each. Call it before the journal is settled: a kill between the two
        repeats it, while a settled batch whose values are not here would be planned again.
        """
        if len(cells):
            # A patch must meet the row that it patches, so that row follows its contact first.
            moving.follow_moves(self.sheets, self._homes, names=["standing"])
            self._append_standing([patches_of_cells(cells, modified_at)], {}, event=PATCH)

    def move(self, moves: pd.DataFrame) -> int:
        """Put contacts into another bucket with all they have: crm, contact_id, from_bucket, to_bucket and, if given, their new person_id.

        The contacts move first, then standing and activities follow as in :meth:`follow_moves`. Returns how many of those rows were moved.
        """
        moving.check_moves(moves, self.buckets)
        if moves.empty:
            return 0
        moving.rehome_contacts(self.sheet("contacts"), self._homes, moves)
        return moving.follow_moves(self.sheets, self._homes, moves)

    def follow_moves(self) -> int:
        """Bring standing and activities to where their contacts live now; how many rows were moved. Call it when contacts were read.

        For each bucket left, the copies and the void of the old rows are ONE commit; what a kill left undone, the next call does.
        """
        return moving.follow_moves(self.sheets, self._homes)

    def erase(self, crm: str, contact_ids: Sequence[str]) -> int:
        """Forget contacts for good, with everything that hangs on them, in every file and every earlier version; how many rows went.

        The fact that the id was erased is kept. Nobody may be writing to the lake meanwhile. May be broken off and called again.
        """
        self.request_erasure(crm, contact_ids)
        return self.erase_pending()

    def request_erasure(self, crm: str, contact_ids: Sequence[str]) -> None:
        """Note that contacts are to be forgotten: from now on they are not read, and the erasure is pending."""
        ids = pd.Series(list(dict.fromkeys(contact_ids)), dtype="str")
        if len(ids):
            self._append_gone(KEPT["contacts"], pd.DataFrame({"crm": crm, "record_id": ids, "how": ERASED, "into": None}))

    def addresses(self, crm: str, contact_ids: Sequence[str]) -> list[str]:
        """Every e-mail address, in lower case, that these contacts have or had in any version."""
        return list(self.traces(crm, contact_ids).addresses)

    def traces(self, crm: str, contact_ids: Sequence[str]) -> Traces:
        """By what other rows may name these contacts: every address and full name that they have or had in any version."""
        return upkeep.traces(self.sheet("contacts"), crm, contact_ids)

    def merged_into(self, crm: str, contact_ids: Sequence[str]) -> list[str]:
        """The contacts that went into these by merges: the same persons under former ids."""
        return upkeep.merged_into(self.sheet("contacts"), crm, contact_ids)

    def pending_erasures(self) -> pd.DataFrame:
        """The contacts (crm, contact_id) whose page said that they were erased, and whom :meth:`erase_pending` has not purged yet."""
        return upkeep.pending_erasures(self.sheet("contacts"))[["crm", "contact_id"]]

    def erase_pending(self) -> int:
        """Purge every contact that a page reported as erased; how many rows went. Until then no read shows the contact itself."""
        return upkeep.erase_pending(self.sheets)

    def compact(self, table: str) -> None:
        """Rewrite the table without rows and events that count no more, and write a checkpoint. Old files go after a day."""
        followers = [self.sheet("standing"), self.sheet("activities")] if table == "contacts" else []
        upkeep.compact(_kept(table), self.sheet(table), followers)

    def tidy(self) -> list[str]:
        """Compact the tables that have come to lie in too many files; their names. Cheap where nothing is due."""
        due = [name for name in KEPT if upkeep.is_due(self.sheet(name))]
        for name in due:
            self.compact(name)
        if self._cursors.files() > upkeep.FILES_A_BUCKET * 4:
            self._cursors.merge_files()
        return due

    def sheet(self, table: str) -> Sheet:
        """The Delta table behind a canonical table, with all versions and events."""
        return Sheet(self.place, table, KEPT[table].columns, is_split=True, settings={_BUCKETS_KEY: str(self.buckets)})

    @property
    def sheets(self) -> dict[str, Sheet]:
        """The sheets of all tables, by name."""
        return {name: self.sheet(name) for name in KEPT}

    @cached_property
    def _homes(self) -> Homes:
        return Homes(self.sheet("contacts"))

    def __getstate__(self) -> dict[str, object]:
        """Copied to another process, a lake is its place and its number of buckets."""
        return {"place": self.place, "buckets": self.buckets}

    @property
    def _cursors(self) -> Sheet:
        return Sheet(self.place, "cursors", _CURSORS)

    def _living(self, kept: Kept, bucket: int | Sequence[int] | None, names: Sequence[str]) -> pd.DataFrame:
        buckets = _several(bucket)
        where = ds.field(BUCKET).isin([*buckets, EVENTS]) if buckets is not None and kept.is_split else None
        needed = [*kept.needed, "values"] if kept.name == "standing" else kept.needed
        rows = living(kept, self.sheet(kept.name).scan(list(dict.fromkeys([*needed, *names])), where))
        return rows.sort_values(list(kept.table.key), kind="stable", ignore_index=True)[list(names)]

    def _append_gone(self, kept: Kept, gone: pd.DataFrame) -> None:
        self.sheet(kept.name).commit(lambda first: gone_rows(kept, gone, first))

    def _append_standing(self, frames: Sequence[pd.DataFrame], fresh: Mapping[str, int], event: str | None = None) -> None:
        rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        if rows.empty:
            return
        rows = rows[~rows.duplicated(list(STANDING.key), keep="last")]
        is_contact = rows["table"] == "contacts"
        known = self._homes.of(rows["crm"], rows["record_id"])
        newer = pd.Series([fresh.get(record, home) for record, home in zip(rows["record_id"], known, strict=True)], index=rows.index)
        placed = rows.assign(**{BUCKET: newer.where(is_contact, SHARED).astype("int32"), "event": event})
        self.sheet("standing").commit(lambda first: placed.assign(**{SEQ: first}))

    def _note_cursor(self, crm: str, table: str, track: str, part: Part) -> int:
        note = pd.DataFrame({"crm": [crm], "table": [table], "track": [track], "stream": [part.stream], "cursor": [part.cursor]})
        return self._cursors.commit(lambda first: note.assign(**{SEQ: first}))


def _homes_in(parts: Sequence[Part]) -> dict[str, int]:
    """The buckets that the pages of contacts themselves give; the later page counts."""
    found: dict[str, int] = {}
    for part in parts:
        if part.persons is not None and part.buckets is not None:
            found.update(zip(part.rows["contact_id"], part.buckets, strict=True))
    return found


def _several(bucket: int | Sequence[int] | None) -> Sequence[int] | None:
    return [bucket] if isinstance(bucket, int) else bucket


def _app(crm: str, table: str, track: str) -> str:
    return f"{crm}/{table}/{track}" if track else f"{crm}/{table}"


def _kept(table: str) -> Kept:
    if table not in KEPT:
        raise BadInput(f"The lake was asked for a table {table!r}; it has {', '.join(KEPT)}.")
    return KEPT[table]


__all__ = ["BUCKETS", "STRANGERS", "Lake", "Part"]
