"""The canonical tables that are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import ACTIVITIES, COMPANIES, CONTACTS, DTYPES, OWNERS, Table, empty_table, to_table

YEARS = range(1970, 2200)
"""In these the clock of a sandbox may stand, and things may have happened."""


@dataclass(frozen=True)
class Tables:
    """Canonical frames of a portal. ``extras`` holds, by table, more facts of contacts under HubSpot's own property names."""

    contacts: pd.DataFrame
    activities: pd.DataFrame
    companies: pd.DataFrame | None = None
    owners: pd.DataFrame | None = None
    extras: Mapping[str, pd.DataFrame] | None = None

    def cast(self) -> Tables:
        """The same with every frame cast to its canonical form. BadInput where one cannot be."""

        def frame(table: Table, given: pd.DataFrame | None) -> pd.DataFrame:
            if given is None:
                return empty_table(table)
            # What is canonical already is not copied: the texts of a large portal are worth saving.
            expected = {column.name: DTYPES[column.type] for column in table.columns}
            return given if expected == {str(n): str(t) for n, t in given.dtypes.items()} else to_table(table, given)

        return Tables(
            frame(CONTACTS, self.contacts),
            frame(ACTIVITIES, self.activities),
            frame(COMPANIES, self.companies),
            frame(OWNERS, self.owners),
            self.extras or {},
        )


def last_moment(tables: Tables) -> datetime | None:
    """The full hour after the last thing that happened; None where nothing did. BadInput where something is dated in a year that is none of ours."""
    given = tables.activities["occurred_at"] if "occurred_at" in tables.activities else pd.Series(dtype="object")
    times = pd.to_datetime(given, utc=True).dropna()
    if times.empty:
        return None
    first, last = times.min(), times.max()
    if not YEARS.start <= first.year <= last.year < YEARS.stop:
        odd = first if first.year < YEARS.start else last
        raise BadInput(
            f"An activity is dated {odd:%Y-%m-%d}; the sandbox knows the years {YEARS.start} to {YEARS.stop - 1}, so correct it or take it out."
        )
    return (last.floor("h") + timedelta(hours=1)).to_pydatetime()  # type: ignore[no-any-return]  # pandas ships no types here


def to_millis(times: pd.Series) -> list[int | None]:
    """Times as milliseconds since 1970; None where missing."""
    whole = times.astype("int64") // 1000
    return whole.astype("object").where(times.notna(), None).tolist()  # type: ignore[no-any-return]  # the same


def texts(values: pd.Series) -> list[str | None]:
    """Texts; None where missing."""
    return values.astype("object").where(values.notna(), None).tolist()  # type: ignore[no-any-return]  # the same


def flags(values: pd.Series) -> list[bool]:
    """Truth values; missing is false."""
    return values.fillna(False).astype("bool").tolist()  # type: ignore[no-any-return]  # the same


def numbered(ids: pd.Series, first: int) -> dict[str, int]:
    """The record id of each canonical id: the same number where all are whole numbers, else new ones in the order given."""
    known = ids.dropna().drop_duplicates()
    if known.str.fullmatch(r"[1-9]\d{0,15}").all():
        return {text: int(text) for text in known}
    return {text: first + 7 * place for place, text in enumerate(known)}


def by_crm(tables: Tables, *, other: str = "salesforce") -> tuple[Tables, Tables]:
    """The rows of the first CRM and those of the other: all that name it as their ``crm``.

    An activity that names no CRM (nothing, or ``files``) goes to its contact's; an owner or company that names none goes to the first
    CRM, and to the other as well where that one's contacts name it. Raises BadInput where a table is not canonical.
    """
    tables = tables.cast()
    contacts, activities = tables.contacts, tables.activities
    theirs = contacts["crm"] == other
    here, there = set(contacts.loc[~theirs, "contact_id"]), set(contacts.loc[theirs, "contact_id"])
    follows = _is_unnamed(activities) & activities["contact_id"].isin(there - here)
    of_other = (activities["crm"] == other) | follows
    firms = _named_by(tables.companies, "company_id", contacts[theirs], "company_id", other)
    owners = _named_by(tables.owners, "owner_id", contacts[theirs], "owner_id", other)
    return (
        Tables(contacts[~theirs], activities[~of_other], firms[0], owners[0], tables.extras),
        Tables(contacts[theirs], activities[of_other], firms[1], owners[1]),
    )


def _is_unnamed(frame: pd.DataFrame) -> pd.Series:
    return frame["crm"].isna() | (frame["crm"] == "files")


def _named_by(
    frame: pd.DataFrame | None, key: str, contacts: pd.DataFrame, column: str, other: str
) -> tuple[pd.DataFrame, pd.DataFrame] | tuple[None, None]:
    if frame is None:
        return None, None
    theirs = frame["crm"] == other
    return frame[~theirs], frame[theirs | (_is_unnamed(frame) & frame[key].isin(contacts[column]))]
