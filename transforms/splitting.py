"""Splitting tables into lots of whole persons, so that each lot can be computed alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from transforms.persons import PLAIN_FILE, bucket_of


@dataclass(frozen=True)
class Share:
    """One lot: some persons' contacts, who is who among them, and all their activities (ACTIVITIES or STORED_ACTIVITIES)."""

    contacts: pd.DataFrame
    people: pd.DataFrame
    activities: pd.DataFrame


def split_persons(contacts: pd.DataFrame, activities: pd.DataFrame, people: pd.DataFrame, number: int) -> Iterator[Share]:
    """So many lots, by a hash of the person. ``people`` is what ``resolve`` found over all contacts; activities of unknown contacts are left out."""
    lot = bucket_of(people["person_id"], number).to_numpy()
    places = places_of_contacts(activities, people)
    # A contact that is not known has the place -1, which is that of the number added here.
    lot_of_row = np.append(lot, number)[places]
    # One sort for all lots; within a lot the rows keep their order.
    order = np.argsort(lot_of_row, kind="stable")
    ends = np.cumsum(np.bincount(lot_of_row, minlength=number + 1))
    for one in range(number):
        mine = lot == one
        rows = order[ends[one - 1] if one else 0 : ends[one]]
        yield Share(
            contacts[mine].reset_index(drop=True), people[mine].reset_index(drop=True), activities.take(rows).reset_index(drop=True)
        )


def places_of_contacts(activities: pd.DataFrame, people: pd.DataFrame) -> np.ndarray:
    """For each activity the row of its contact in ``people`` (crm, contact_id); -1 where it is not there."""
    crm = activities["crm"].fillna(PLAIN_FILE)
    places = np.full(len(activities), -1, dtype="int64")
    for name, rows in people.reset_index(drop=True).groupby("crm"):
        of_crm = np.asarray(crm == name, dtype=bool)
        found = places_of(activities["contact_id"][of_crm] if not of_crm.all() else activities["contact_id"], rows["contact_id"])
        places[of_crm] = np.where(found >= 0, rows.index.to_numpy()[found], -1)
    return places


def places_of(texts: pd.Series, known: pd.Series) -> np.ndarray:
    """For each text its place in ``known``; -1 where it is not there or missing. Arrow's own look-up, which makes no Python text of each row."""
    found = pc.index_in(pa.array(texts), value_set=_whole(pa.array(known)), skip_nulls=True)
    places: np.ndarray = pc.fill_null(found, -1).to_numpy().astype("int64")
    return places


def _whole(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
