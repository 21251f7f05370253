"""The plan: which cells of the CRM a run would change, from what to what, and why. Only what differs is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson
import pandas as pd

from transforms.compute import Values
from transforms.fields.wording import CHANNEL_LABELS, by, day
from transforms.vocabulary.changes import CELLS
from transforms.vocabulary.fields import BAND, Field, Group, Kind, to_text
from transforms.vocabulary.tables import empty_table, to_table

KEY = ["crm", "record_id"]
_BANDED = {Kind.CHANCE: 100.0, Kind.SHARE: 100.0, Kind.SCORE: 1.0}
"""Kinds that drift with time, and what turns their raw value into the scale in which they stand in the CRM."""


def contact_values(computed: Values) -> pd.DataFrame:
    """The contact fields by record: each contact of a person gets the person's values. Indexed by crm and record_id."""
    members = computed.members
    rows = computed.persons.loc[members["person_id"]]
    return rows.set_index(pd.MultiIndex.from_frame(members[["crm", "contact_id"]].set_axis(KEY, axis=1)))


def company_values(companies: pd.DataFrame) -> pd.DataFrame:
    """The company fields by record: what ``compute_companies`` gives, indexed by crm and record_id."""
    index = pd.MultiIndex.from_frame(companies[["crm", "company_id"]].set_axis(KEY, axis=1))
    return companies.drop(columns=["crm", "company_id"]).set_index(index)


def plan_cells(values: Mapping[str, pd.DataFrame], standing: pd.DataFrame, fields: Sequence[Field]) -> pd.DataFrame:
    """The CELLS that would change: for each record and field the text that the CRM holds, the new one, and the reason.

    ``values``: table name → raw values indexed by crm and record_id (see ``contact_values``, ``company_values``).
    ``standing``: STANDING rows; a record without one counts as empty. A field that a table's frame lacks is left alone.

    A chance, share or score stays as it stands while the new value is within one band of 5 points of it, so that nothing ticks from
    day to day. Missing and empty are the same. The rows are sorted by record, in the order of ``fields``.
    """
    planned = [_of_table(table, frame, standing, fields) for table, frame in values.items() if len(frame)]
    planned = [cells for cells in planned if len(cells)]
    if not planned:
        return empty_table(CELLS)
    cells = pd.concat(planned, ignore_index=True)
    order = {f"{field.table} {field.name}": place for place, field in enumerate(fields)}
    place = (cells["table"] + " " + cells["field"]).map(order)
    cells = cells.assign(place=place).sort_values(["table", "crm", "record_id", "place"], ignore_index=True)
    return to_table(CELLS, cells.drop(columns="place"), source="the plan")


def _of_table(table: str, frame: pd.DataFrame, standing: pd.DataFrame, fields: Sequence[Field]) -> pd.DataFrame:
    held = _standing_texts(standing[standing["table"] == table])
    mine = [field for field in fields if field.table == table and field.name in frame.columns]
    old = {field.name: _held(held, field.name, frame.index) for field in mine}
    new = {field.name: _settled(field, frame[field.name], old[field.name]) for field in mine}
    differs = {name: ~((old[name] == new[name]) | (old[name].isna() & new[name].isna())) for name in new}
    reasons = _Reasons(table, frame, {name for name in differs if name in frame}, differs, is_new=~frame.index.isin(held.index))
    parts = [
        pd.DataFrame(
            {
                "crm": frame.index.get_level_values("crm")[changed],
                "table": table,
                "record_id": frame.index.get_level_values("record_id")[changed],
                "field": field.name,
                "old": old[field.name][changed].to_numpy(),
                "new": new[field.name][changed].to_numpy(),
                "reason": reasons.of(field)[changed].to_numpy(),
            }
        )
        for field in mine
        if (changed := differs[field.name].to_numpy()).any()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _standing_texts(standing: pd.DataFrame) -> pd.DataFrame:
    """What the CRM holds, one column a field, indexed by crm and record_id; the last row of a record counts."""
    rows = standing.drop_duplicates(["crm", "record_id"], keep="last")
    index = pd.MultiIndex.from_frame(rows[["crm", "record_id"]])
    return pd.DataFrame([orjson.loads(text) for text in rows["values"]], index=index)


def _held(held: pd.DataFrame, name: str, index: pd.Index) -> pd.Series:
    if name not in held.columns:
        return pd.Series(index=index, dtype="str")
    texts = held[name].reindex(index).astype("str")
    return texts.mask(texts == "")


def _settled(field: Field, raw: pd.Series, old: pd.Series) -> pd.Series:
    """The new texts; a standing band is kept while the raw value is within one band of it."""
    new = to_text(field, raw)
    new = new.mask(new == "")
    if field.kind not in _BANDED:
        return new
    numbers = pd.to_numeric(old, errors="coerce")
    near = (raw.astype("Float64") * _BANDED[field.kind] - numbers).abs() <= BAND
    return new.mask(near.fillna(False).astype(bool), old)


class _Reasons:
    """Why the cells of a table change, in words, one reason a record and heading."""

    def __init__(self, table: str, frame: pd.DataFrame, names: set[str], differs: Mapping[str, pd.Series], *, is_new: object) -> None:
        self.table, self.frame, self.names, self.differs = table, frame, names, differs
        self.is_new = pd.Series(is_new, index=frame.index)
        self._made: dict[Group, pd.Series] = {}

    def of(self, field: Field) -> pd.Series:
        if field.group not in self._made:
            self._made[field.group] = self._make(field.group)
        return self._made[field.group]

    def _make(self, group: Group) -> pd.Series:
        told = pd.Series("as time passed", index=self.frame.index, dtype="str")
        if self.table == "companies":
            told = pd.Series("the people of the account changed, or time passed", index=self.frame.index, dtype="str")
            return told.mask(self.is_new, "first value for this account")
        quiet = self._dated("last_heard_at", "nothing heard since {day}", only_changed=False)
        told = quiet.fillna(told)
        by_group = {Group.REACHING: ["heard", "touched"], Group.HELP: ["tickets"], Group.JOB: ["heard", "job"]}
        for what in by_group.get(group, ["touched", "tickets", "job", "heard"]):
            found = getattr(self, f"_{what}")()
            told = found.fillna(told)
        return told.mask(self.is_new, "first value for this contact")

    def _changed(self, name: str) -> pd.Series:
        return self.differs[name] if name in self.differs else pd.Series(False, index=self.frame.index)

    def _dated(self, name: str, words: str, *, channel: str = "", only_changed: bool = True) -> pd.Series:
        told = pd.Series(pd.NA, index=self.frame.index, dtype="str")
        if name not in self.names:
            return told
        at = self.frame[name]
        # A record that is new has a reason of its own.
        wanted = (at.notna() & ~self.is_new & (self._changed(name) if only_changed else True)).to_numpy()
        ways = self.frame[channel] if channel in self.names else pd.Series(pd.NA, index=at.index, dtype="str")
        texts = [
            words.replace("{day}", day(moment)).replace(" {by}", f" {by(way)}" if way in CHANNEL_LABELS else "")
            for moment, way in zip(at[wanted], ways[wanted], strict=True)
        ]
        told.iloc[wanted.nonzero()[0]] = texts
        return told

    def _heard(self) -> pd.Series:
        return self._dated("last_heard_at", "heard from on {day} {by}", channel="last_heard_channel")

    def _touched(self) -> pd.Series:
        return self._dated("last_touch_at", "we reached out on {day} {by}", channel="last_touch_channel")

    def _tickets(self) -> pd.Series:
        told = pd.Series(pd.NA, index=self.frame.index, dtype="str")
        return told.mask(self._changed("open_tickets") | self._changed("support_state"), "a ticket was opened, closed or grew old")

    def _job(self) -> pd.Series:
        """The first sentence about the job, where the state or the evidence changed and something speaks against it."""
        told = pd.Series(pd.NA, index=self.frame.index, dtype="str")
        if not {"job_evidence", "job_state"} <= self.names:
            return told
        first = self.frame["job_evidence"].astype("str").str.split(". ", n=1, regex=False).str[0]
        moved = (self._changed("job_state") | self._changed("job_evidence")) & self.frame["job_state"].isin(["left", "probably_moved"])
        return told.mask(moved, first.str.rstrip("."))
