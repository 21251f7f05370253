"""What a page becomes in the lake: checked, numbered, put into its bucket, with the events that make earlier rows void. Pure but for the homes asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

import pandas as pd

from store.sheets import BUCKET, SEQ
from store.versions import EVENTS, MOVED, REPLACED, SHARED, STRANGERS, Kept
from transforms.vocabulary.changes import GONE, STANDING, Cursor
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import DTYPES, PRIVATE_COLUMNS, Table, Type, to_table

Ask = Callable[[pd.Series, pd.Series], pd.Series]
"""Given CRMs and contact ids, the bucket of each; STRANGERS where it is not known."""


@dataclass(frozen=True)
class Part:
    """What one page brings to the lake.

    ``persons`` and ``buckets`` have the index of ``rows``: required for contacts; for activities a missing bucket is looked up.
    With ``replaces`` each activity in ``rows`` comes with all its participants, and rows of it that came before are void.
    """

    rows: pd.DataFrame
    cursor: Cursor | None = None
    stream: str = ""
    standing: pd.DataFrame | None = None
    gone: pd.DataFrame | None = None
    persons: pd.Series | None = None
    buckets: pd.Series | None = None
    replaces: bool = False


class Brings(TypedDict, total=False):
    """What :class:`Part` holds beside the rows, by name."""

    cursor: Cursor | None
    stream: str
    standing: pd.DataFrame | None
    gone: pd.DataFrame | None
    persons: pd.Series | None
    buckets: pd.Series | None
    replaces: bool


def check_part(kept: Kept, part: Part, crm: str, buckets: int) -> None:
    """Raise BadInput unless everything in the part may be stored as it is."""
    given = Table(kept.name, kept.table.key, tuple(c for c in kept.table.columns if c.name != "person_id"))
    _check_frame(given, part.rows, crm)
    if part.gone is not None:
        _check_frame(GONE, part.gone, crm)
    if part.standing is not None:
        _check_frame(STANDING, part.standing, crm)
    if kept.name == "contacts" and len(part.rows) and (part.persons is None or part.buckets is None):
        raise BadInput("Contacts were given to the lake without person and bucket; pass persons and buckets beside the rows.")
    for name, beside in (("persons", part.persons), ("buckets", part.buckets)):
        if beside is not None and not beside.index.equals(part.rows.index):
            raise BadInput(f"The {name} given with {kept.name} do not have the index of the rows; align them first.")
    if part.persons is not None and part.persons.isna().any():
        raise BadInput("Contacts were given to the lake with an empty person; each contact belongs to one.")
    if part.buckets is not None:
        known = part.buckets.dropna()
        if not known.between(0, buckets - 1).all() or (kept.name == "contacts" and len(known) < len(part.buckets)):
            raise BadInput(f"A bucket given with {kept.name} is missing or outside 0 to {buckets - 1}; this lake has {buckets} buckets.")


def _check_frame(table: Table, frame: pd.DataFrame, crm: str) -> None:
    private = [name for name in PRIVATE_COLUMNS if name in frame.columns]
    if private:
        raise BadInput(
            f"{table.name} were given to the lake with {', '.join(private)}; message text is never stored, so read the signals and drop it first."
        )
    expected = {c.name: DTYPES[c.type] for c in table.columns}
    actual = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
    if expected != actual:
        wrong = sorted(set(expected.items()) ^ set(actual.items()))
        raise BadInput(f"{table.name} given to the lake are no canonical frame; these columns or dtypes differ: {wrong}.")
    for name in dict.fromkeys((*table.required, *table.key)):
        if frame[name].isna().any():
            raise BadInput(f"{table.name} given to the lake have rows without {name}; it is required.")
    foreign = frame["crm"] != crm
    if foreign.any():
        raise BadInput(
            f"{table.name} of {frame.loc[foreign, 'crm'].iloc[0]} were given to the lake as those of {crm}; append each CRM by itself."
        )


def rows_of_parts(kept: Kept, parts: Sequence[Part], first: int, ask: Ask) -> pd.DataFrame:
    """The rows and events of the parts. Each part takes two numbers: one for its rows, one for what is gone after them."""
    frames: list[pd.DataFrame] = []
    fresh: dict[str, int] = {}
    for place, part in enumerate(parts):
        number = first + 2 * place
        rows = part.rows[~part.rows.duplicated(list(kept.table.key), keep="last")]
        if kept.name == "contacts":
            frames += _contact_frames(rows, part, number, ask, fresh)
        else:
            frames.append(rows.assign(**{SEQ: number, BUCKET: _buckets(kept, rows, part, ask)}))
        if part.replaces and kept.name == "activities":
            replaced = rows[list(kept.record)].drop_duplicates()
            frames.append(replaced.assign(**{SEQ: number, BUCKET: EVENTS, "event": REPLACED}))
        if part.gone is not None:
            frames.append(gone_rows(kept, part.gone[part.gone["table"] == kept.name], number + 1))
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _buckets(kept: Kept, rows: pd.DataFrame, part: Part, ask: Ask) -> pd.Series:
    if not kept.is_split:
        return pd.Series(SHARED, index=rows.index, dtype="int32")
    found = ask(rows["crm"], rows[kept.owner[1]])
    return found if part.buckets is None else part.buckets.loc[rows.index].astype("Int64").fillna(found).astype("int32")


def _contact_frames(rows: pd.DataFrame, part: Part, number: int, ask: Ask, fresh: dict[str, int]) -> list[pd.DataFrame]:
    """Contacts with person and bucket, and an event for each that lived in another bucket before. ``fresh``: homes given in this commit."""
    if part.persons is None or part.buckets is None:
        return [rows.assign(**{SEQ: number})]  # a page without rows; others were refused
    buckets = part.buckets.loc[rows.index].astype("int32")
    before = pd.Series([fresh.get(contact) for contact in rows["contact_id"]], index=rows.index, dtype="Int64")
    before = before.fillna(ask(rows["crm"], rows["contact_id"]).astype("Int64"))
    fresh.update(zip(rows["contact_id"], buckets, strict=True))
    has_moved = (before != STRANGERS) & (before != buckets)
    placed = rows.assign(**{"person_id": part.persons.loc[rows.index].astype("str"), BUCKET: buckets, SEQ: number})
    moved = rows.loc[has_moved, ["crm", "contact_id"]].assign(
        **{"from_bucket": before[has_moved], "event": MOVED, BUCKET: EVENTS, SEQ: number}
    )
    return [placed, moved]


def gone_rows(kept: Kept, gone: pd.DataFrame, number: int) -> pd.DataFrame:
    """GONE rows of one table as events."""
    rows = pd.DataFrame({"crm": gone["crm"], kept.record[1]: gone["record_id"], "event": gone["how"]})
    if kept.name == "contacts":
        rows["merged_into"] = gone["into"]
    return rows.assign(**{SEQ: number, BUCKET: EVENTS})


def gone_elsewhere(parts: Sequence[Part], table: str) -> list[tuple[str, pd.DataFrame]]:
    """What the pages say is gone from other tables than their own, by table."""
    frames = [part.gone for part in parts if part.gone is not None]
    if not frames:
        return []
    gone = pd.concat(frames, ignore_index=True)
    return [(str(other), rows) for other, rows in gone[gone["table"] != table].groupby("table")]


def patches_of_cells(cells: pd.DataFrame, modified_at: pd.Series | None = None) -> pd.DataFrame:
    """CELLS as STANDING rows that hold the new values alone: null where a field becomes empty; one row a record."""
    times = modified_at if modified_at is not None else pd.Series(pd.NaT, index=cells.index, dtype=DTYPES[Type.TIME])
    values: dict[tuple[str, str, str], dict[str, str | None]] = {}
    changed: dict[tuple[str, str, str], pd.Timestamp] = {}
    new = cells["new"].astype("object").where(cells["new"].notna(), None)
    for crm, table, record, name, value, at in zip(
        cells["crm"], cells["table"], cells["record_id"], cells["field"], new, times, strict=True
    ):
        values.setdefault((crm, table, record), {})[name] = value
        changed[crm, table, record] = at
    frame = pd.DataFrame(list(values), columns=["crm", "table", "record_id"], dtype="str")
    texts = [json.dumps(each, sort_keys=True, ensure_ascii=False) for each in values.values()]
    return to_table(STANDING, frame.assign(values=texts, modified_at=pd.Series(list(changed.values()), dtype=DTYPES[Type.TIME])))
