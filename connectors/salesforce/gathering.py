"""Rows that must be whole before others can be made of them: histories, guests, counts of mail. Read by pages, or in bulk where they are many."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pandas as pd

from connectors.salesforce.bulk import Bulk
from connectors.salesforce.client import Client, Found
from connectors.salesforce.soql import after, statement
from connectors.salesforce.values import flatten
from transforms.vocabulary.errors import CrmUnreachable

BULK_ROWS = 100_000
SERVES_S = 600.0
CALLS_A_JOB = 3
"""A bulk job costs so many calls: it is made, looked at and read. Records with long texts may come by the hundred otherwise."""


class Ahead:
    """Queries, some of whose answers were fetched before they were needed, together with others in one call.

    An answer fetched ahead serves once, and for ten minutes.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._held: dict[str, tuple[float, Found]] = {}

    def fetch(self, statements: Sequence[str]) -> None:
        """Fetch these now: one call for every five."""
        answers = self._client.find(statements, is_all=True, purpose="read", what="read records by id")
        self._held |= {soql: (time.monotonic(), answer) for soql, answer in zip(statements, answers, strict=True)}

    def find(self, statements: Sequence[str], *, what: str) -> list[Found]:
        """The first answer to each of these."""
        known = {soql: self._held.pop(soql) for soql in statements if soql in self._held}
        fresh = {soql: answer for soql, (at, answer) in known.items() if time.monotonic() - at < SERVES_S}
        missing = [soql for soql in statements if soql not in fresh]
        fresh |= dict(zip(missing, self._client.find(missing, is_all=True, purpose="read", what=what), strict=True))
        return [fresh[soql] for soql in statements]


class Gatherer:
    """Reads small tables whole."""

    def __init__(self, ahead: Ahead, bulk: Bulk, *, bulk_from: int) -> None:
        self._ahead = ahead
        self._bulk = bulk
        self._bulk_from = bulk_from

    def gather(self, name: str, columns: Sequence[str], where: Sequence[str] = (), job: str = "") -> pd.DataFrame:
        """All rows of an object under these conditions. ``job`` is the bulk job that was made for it already."""
        if job:
            return self._from_job(job, columns)
        found, last = [], ""
        while True:
            answer = self._ahead.find([of_rows(name, columns, [*where, after(last)])], what=f"read {name}")[0]
            found.append(flatten(answer.records, columns))
            left = answer.total - len(answer.records)
            if left <= 0 or not answer.records:
                break
            last = str(answer.records[-1]["Id"])
            if left >= self._bulk_from or left > CALLS_A_JOB * len(answer.records):
                found.append(self._from_job(self.start(name, columns, [*where, after(last)]), columns))
                break
        return pd.concat(found, ignore_index=True)

    def start(self, name: str, columns: Sequence[str], where: Sequence[str] = ()) -> str:
        """Make the bulk job for :meth:`gather`; its id."""
        return self._bulk.ask(statement(columns, name, list(where)), what=f"read {name}")

    def _from_job(self, job: str, columns: Sequence[str]) -> pd.DataFrame:
        state = self._bulk.wait(job)
        if not state.is_good:
            raise CrmUnreachable(f"We tried to read in bulk and Salesforce's job {job} ended as {state.state}; run again.")
        frames = [piece.rows.to_pandas() for piece in self._bulk.results(job, rows_a_slice=BULK_ROWS)]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({name: pd.Series(dtype="str") for name in columns})


def of_rows(name: str, columns: Sequence[str], where: Sequence[str]) -> str:
    """The first answer of a small table."""
    return statement(list(dict.fromkeys(["Id", *columns])), name, list(where), "ORDER BY Id")


class Ids:
    """Many ids in little memory: eight bytes each."""

    def __init__(self) -> None:
        self._held = np.empty(0, dtype="uint64")
        self._new: list[np.ndarray] = []

    def add(self, ids: pd.Series) -> None:
        """Remember these."""
        known = ids.dropna()
        if len(known):
            self._new.append(_marks(known))

    def has(self, ids: pd.Series) -> pd.Series:
        """Which of these are remembered."""
        if self._new:
            self._held, self._new = np.unique(np.concatenate([self._held, *self._new])), []
        return pd.Series(np.isin(_marks(ids.fillna("")), self._held), index=ids.index)


def _marks(ids: pd.Series) -> np.ndarray:
    marks: np.ndarray = pd.util.hash_array(ids.to_numpy(dtype="object"), categorize=False)
    return marks
