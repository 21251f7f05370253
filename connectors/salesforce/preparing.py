"""From a batch of records to the frames of a page: rows, what our fields hold, and what is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from connectors.salesforce.activities import (
    to_cases,
    to_comments,
    to_emails,
    to_events,
    to_reopened,
    to_responses,
    to_tasks,
    to_vanished,
)
from connectors.salesforce.batch import Batch, guests
from connectors.salesforce.mapping import column, to_companies, to_contacts, to_gone, to_standing
from connectors.salesforce.shape import Shape
from connectors.salesforce.streams import CASES, COMMENTS, EMAILS, EVENTS, RESPONSES, TASKS, Stream
from connectors.salesforce.values import is_true
from transforms.vocabulary.fields import Field
from transforms.vocabulary.tables import TABLES, empty_table


@dataclass(frozen=True)
class Prepared:
    """The frames of a page."""

    rows: pd.DataFrame
    standing: pd.DataFrame | None = None
    gone: pd.DataFrame | None = None


@dataclass(frozen=True)
class Preparer:
    """Makes the frames. ``unknown`` counts words that are not known, ``start_ms`` is since when activities are wanted."""

    shape: Shape
    fields: Sequence[Field]
    own_names: Mapping[str, str]
    unknown: Counter[str]
    start: pd.Timestamp | None = None

    def people(self, stream: Stream, batch: Batch, captured: Mapping[str, pd.Timestamp]) -> Prepared:
        """Contacts or leads. ``captured``: see :class:`connectors.salesforce.captured.Captured`."""
        records = batch.records
        rows = to_contacts(records, self.own_names, titles=batch.children, captured=captured)
        return Prepared(rows, to_standing(stream.table, records, self.fields), _unless_empty(to_gone(stream.table, records)))

    def companies(self, stream: Stream, batch: Batch) -> Prepared:
        """Accounts."""
        records = batch.records
        gone = _unless_empty(to_gone(stream.table, records))
        return Prepared(to_companies(records, self.own_names), to_standing(stream.table, records, self.fields), gone)

    def activities(self, stream: Stream, batch: Batch, now: pd.Timestamp, *, is_load: bool) -> Prepared:
        """Activities of any kind. Those that happened before ``start`` are left out."""
        rows = self._activities(stream, batch, now)
        if self.start is not None:
            rows = rows[rows["occurred_at"] >= self.start].reset_index(drop=True)
        gone = []
        if not is_load:
            deleted = column(batch.records, "Id")[is_true(column(batch.records, "IsDeleted"))]
            gone = [to_vanished(stream.object, deleted)] if len(deleted) else []
            if stream.name == CASES.name:
                gone.append(to_reopened(batch.records))
        gone = [one for one in gone if len(one)]
        return Prepared(rows, gone=pd.concat(gone, ignore_index=True) if gone else None)

    def _activities(self, stream: Stream, batch: Batch, now: pd.Timestamp) -> pd.DataFrame:
        records = batch.records
        if records.empty:
            return empty_table(TABLES["activities"])
        if stream.name == EMAILS.name:
            return to_emails(records, guests(batch, self.shape.children(stream.children)))
        if stream.name == EVENTS.name:
            return to_events(records, guests(batch, self.shape.children(stream.children)), now)
        if stream.name == TASKS.name:
            return to_tasks(records, self.unknown)
        return {CASES.name: to_cases, COMMENTS.name: to_comments, RESPONSES.name: to_responses}[stream.name](records)


def _unless_empty(frame: pd.DataFrame) -> pd.DataFrame | None:
    return frame if len(frame) else None
