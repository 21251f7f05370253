"""When a contact turns out to belong to another person, what belongs to it follows into that person's bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pyarrow.dataset as ds

from store.homes import Homes
from store.sheets import BUCKET, SEQ, Sheet
from store.versions import EVENTS, KEPT, MOVED, STRANGERS, Kept, living
from transforms.vocabulary.errors import BadInput

MOVES = ["crm", "contact_id", "from_bucket", "to_bucket"]
FOLLOWED = "followed"
"""The mark on activities and standing: up to which number of the contacts' sheet they have followed."""


def rehome_contacts(contacts: Sheet, homes: Homes, moves: pd.DataFrame) -> None:
    """Give contacts another bucket (and another ``person_id``, where ``moves`` has that column), in one commit."""
    kept = KEPT["contacts"]
    wanted = moves.drop_duplicates(["crm", "contact_id"], keep="last")
    wanted = wanted.assign(home=homes.of(wanted["crm"], wanted["contact_id"]))
    wanted = _changed(contacts, kept, wanted)
    wanted = wanted[wanted["home"] != STRANGERS].drop(columns="from_bucket")

    def make(first: int) -> pd.DataFrame:
        where = ds.field(BUCKET).isin([*wanted["home"].unique().tolist(), EVENTS])
        names = [SEQ, BUCKET, *(c.name for c in kept.columns)]
        # With what became of each contact written in: the copy is newer than the event that says so, and would outlive it.
        rows = living(kept, contacts.scan(names, where))
        found = rows.merge(wanted.rename(columns={"person_id": "new_person"}), on=["crm", "contact_id"])
        if "new_person" in found.columns:
            found["person_id"] = found["new_person"]
        leaving = found[found[BUCKET] != found["to_bucket"]]
        events = leaving[["crm", "contact_id"]].assign(**{"from_bucket": leaving[BUCKET], "event": MOVED, BUCKET: EVENTS, SEQ: first})
        arriving = found.assign(**{BUCKET: found["to_bucket"].astype("int32"), SEQ: first})[names]
        return pd.concat([frame for frame in (arriving, events) if len(frame)] or [arriving], ignore_index=True)

    if len(wanted):
        contacts.commit(make)


def _changed(contacts: Sheet, kept: Kept, wanted: pd.DataFrame) -> pd.DataFrame:
    """The moves that change a contact's bucket or person; the others concern only what hangs on it."""
    if "person_id" not in wanted.columns:
        return wanted[wanted["home"] != wanted["to_bucket"]]
    persons = living(kept, contacts.scan([*kept.needed, "person_id"]), is_final=False)[["crm", "contact_id", "person_id"]]
    now = wanted[["crm", "contact_id"]].merge(persons, on=["crm", "contact_id"], how="left")["person_id"].set_axis(wanted.index)
    return wanted[(wanted["home"] != wanted["to_bucket"]) | (wanted["person_id"] != now)]


def follow_moves(
    sheets: Mapping[str, Sheet], homes: Homes, also: pd.DataFrame | None = None, names: Sequence[str] = ("standing", "activities")
) -> int:
    """Bring standing and activities after the contacts that changed their bucket; how many rows were moved.

    Also what came before its contact was known. ``also`` names further moves. Copy and void are one commit for each bucket left,
    and a kill between two commits is made good by the next call.
    """
    contacts = sheets["contacts"]
    return sum(_follow(KEPT[name], sheets[name], contacts, homes, also) for name in names)


def _follow(kept: Kept, sheet: Sheet, contacts: Sheet, homes: Homes, also: pd.DataFrame | None) -> int:
    through = sheet.mark(FOLLOWED)
    last = contacts.mark(SEQ)
    owner = list(kept.owner)
    moved = contacts.scan(
        ["crm", "contact_id", "from_bucket"], (ds.field(BUCKET) == EVENTS) & (ds.field("event") == MOVED) & (ds.field(SEQ) > through)
    )
    strangers = living(kept, sheet.scan(kept.needed, ds.field(BUCKET).isin([STRANGERS, EVENTS])))
    met = strangers[owner].drop_duplicates().rename(columns={owner[1]: "contact_id"}).assign(from_bucket=STRANGERS)
    asked = moved.iloc[:0] if also is None else also[["crm", "contact_id", "from_bucket"]]
    frames = [frame.astype({"from_bucket": "int64"}) for frame in (moved, met, asked) if len(frame)]
    if not frames:
        return 0
    moves = pd.concat(frames, ignore_index=True).drop_duplicates()
    moves = moves.assign(home=homes.of(moves["crm"], moves["contact_id"]).to_numpy())
    moves = moves[(moves["home"] != moves["from_bucket"]) & (moves["home"] != STRANGERS)].rename(columns={"contact_id": owner[1]})
    latest = _latest(kept, sheet, moves)
    return sum(_leave(kept, sheet, int(bucket), part, latest) for bucket, part in moves.groupby("from_bucket")) + _mark(
        sheet, last, through
    )


def _latest(kept: Kept, sheet: Sheet, moves: pd.DataFrame) -> pd.DataFrame:
    """For each key of the moving contacts, the number of its last row, in whatever bucket that lies: of two versions the older must not win."""
    owner, key = list(kept.owner), list(kept.table.key)
    frames = []
    for bucket in sorted({*moves["from_bucket"].astype(int), *moves["home"].astype(int)}):
        rows = living(kept, sheet.scan(kept.needed, ds.field(BUCKET).isin([bucket, EVENTS])))
        frames.append(rows.merge(moves[owner].drop_duplicates(), on=owner)[[*key, SEQ]])
    return pd.concat(frames, ignore_index=True).groupby(key, as_index=False)[SEQ].max() if frames else pd.DataFrame(columns=[*key, SEQ])


def _leave(kept: Kept, sheet: Sheet, bucket: int, moves: pd.DataFrame, latest: pd.DataFrame) -> int:
    """Copy what the contacts have in one bucket to where they live now and make it void there, in one commit."""
    owner, key = list(kept.owner), list(kept.table.key)
    names = [SEQ, BUCKET, *(c.name for c in kept.columns)]
    there = living(kept, sheet.scan(names, ds.field(BUCKET).isin([bucket, EVENTS])))
    leaving = there.merge(moves[[*owner, "home"]].drop_duplicates(owner), on=owner)
    if leaving.empty:
        return 0
    # What was appended after the contact had moved stands in its new home already.
    arriving = leaving.merge(latest, on=[*key, SEQ])
    voids = leaving[owner].drop_duplicates().assign(**{"event": MOVED, "from_bucket": bucket, BUCKET: EVENTS})
    copies = arriving.assign(**{BUCKET: arriving["home"].astype("int32")})[names]
    rows = pd.concat([copies, voids], ignore_index=True) if len(copies) else voids
    sheet.commit(lambda first: rows.assign(**{SEQ: first}))
    return len(copies)


def _mark(sheet: Sheet, last: int, through: int) -> int:
    if last > through:
        empty = sheet.schema.empty_table().to_pandas()
        sheet.commit(lambda first: empty.assign(**{SEQ: first}), {FOLLOWED: last})
    return 0


def check_moves(moves: pd.DataFrame, buckets: int) -> None:
    """Raise BadInput unless ``moves`` has the columns of MOVES and buckets that exist."""
    absent = [name for name in MOVES if name not in moves.columns]
    if absent:
        raise BadInput(f"Moves were given to the lake without {', '.join(absent)}; they need {', '.join(MOVES)}.")
    if not moves["to_bucket"].between(0, buckets - 1).all():
        raise BadInput(f"Moves were given to the lake with a bucket outside 0 to {buckets - 1}; this lake has {buckets} buckets.")
