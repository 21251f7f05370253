"""What loads and changes share: how an org is read, what a connector remembers, and how records become a page with its cursor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from connectors.salesforce.batch import Batch, of_json
from connectors.salesforce.bulk import Bulk, Pace
from connectors.salesforce.captured import Captured
from connectors.salesforce.client import COMPOSITE_QUERIES, Client, parts
from connectors.salesforce.cursors import Standing
from connectors.salesforce.gathering import Ahead, Gatherer, Ids
from connectors.salesforce.mapping import column
from connectors.salesforce.preparing import Prepared, Preparer
from connectors.salesforce.shape import PORTAL_USER, Shape
from connectors.salesforce.soql import of_ids, statement
from connectors.salesforce.streams import EMAILS, FEEDS, STREAMS, TASKS, Stream
from connectors.salesforce.values import DAY_MS, from_ms, to_list
from transforms.vocabulary.changes import Page, Unread
from transforms.vocabulary.fields import Field
from transforms.vocabulary.tables import TABLES, empty_table

Json = dict[str, Any]

IDS_A_QUERY = 200
WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True)
class Reading:
    """How an org is read.

    ``lag_ms`` is how late a change may become visible after its stamp. An object of ``bulk_from`` records and more is read in bulk.
    ``known`` gives the ids of a table's records that are kept, for comparing them with what is there; without it that is left out.
    """

    fields: tuple[Field, ...]
    own_names: dict[str, str]
    lag_ms: int
    bulk_from: int
    rows_a_page: int
    rows_an_answer: int
    pace: Pace
    sweep_every_ms: int = DAY_MS
    whole_every_ms: int = WEEK_MS
    known: Callable[[str], Iterable[str]] | None = None


@dataclass
class Memory:
    """What one connector remembers from pull to pull while it lives. Losing it costs calls, never rows."""

    ahead: Ahead
    unknown: Counter[str] = field(default_factory=Counter)
    in_window: dict[str, set[str]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    is_sized: bool = False
    owners: set[str] = field(default_factory=set)
    unread: list[Unread] = field(default_factory=list)


class Pull:
    """One run over one table: its cursor, and what is needed to make pages."""

    def __init__(self, client: Client, reading: Reading, shape: Shape, memory: Memory, standing: Standing) -> None:
        self.client = client
        self.reading = reading
        self.shape = shape
        self.memory = memory
        self.at = standing
        self.bulk = Bulk(client, reading.pace)
        self.ahead = memory.ahead
        self.gatherer = Gatherer(self.ahead, self.bulk, bulk_from=reading.bulk_from)
        self.captured = Captured(client, shape, self.gatherer)
        self.stand_ins = Ids()
        start = None if standing.start_ms is None else pd.Timestamp(from_ms(standing.start_ms))
        self._preparer = Preparer(shape, reading.fields, reading.own_names, memory.unknown, start)

    def readable(self) -> list[Stream]:
        """The streams that the org lets us read. The others are told by ``check``; they are loaded when they can be."""
        return [stream for stream in STREAMS[self.at.table] if not self.shape.lacks(stream)]

    def unread(self) -> list[Unread]:
        """The streams of activities that are left out. What most orgs do not have, and never had, is not told."""
        found = []
        for stream in STREAMS[self.at.table]:
            lacks = self.shape.lacks(stream) if stream.name in FEEDS else ""
            state = self.at.states[stream.name]
            ms = state.newest_ms
            if lacks and (ms or not lacks.startswith(PORTAL_USER)):
                found.append(
                    Unread(
                        stream.name,
                        tuple(str(channel) for channel in FEEDS[stream.name]),
                        lacks=f"the right to read {lacks}",
                        advice=f"let the integration user read {lacks}",
                        since=from_ms(ms) if ms else None,
                    )
                )
        return found

    def changed_page(self, stream: Stream, records: Sequence[Json], calls: int) -> Page:
        """A page of records that changed, or were read again."""
        batch = of_json(stream, self.shape, records)
        captured = self.captured.of([str(record["Id"]) for record in records]) if stream.table == "contacts" else {}
        prepared = self.prepare(stream, batch, captured, is_load=False)
        return self.page(stream, prepared, len(records), None, calls)

    def again(self, stream: Stream, ids: Sequence[str], seen: set[str]) -> Iterator[Page]:
        """Records that did not change themselves, read again by id."""
        statements = [of_ids(stream, self.shape, some) for some in parts(ids, IDS_A_QUERY)]
        for some in parts(statements, COMPOSITE_QUERIES):
            answers = self.client.find(some, is_all=True, purpose="read", what=f"read {stream.name} again")
            records: list[Json] = []
            for soql, answer in zip(some, answers, strict=True):
                records += answer.records
                if answer.more is not None:
                    pages = list(self.client.query(soql, is_all=True, purpose="read", what=f"read {stream.name} again"))
                    records = [*records[: len(records) - len(answer.records)], *(one for page in pages for one in page)]
            seen.update(str(record["Id"]) for record in records)
            yield self.changed_page(stream, records, 1)

    def gone_page(self, stream: Stream, frame: pd.DataFrame | None) -> Page:
        """A page that tells of records that are gone, and nothing else."""
        gone = frame if frame is not None and len(frame) else None
        return Page(stream.table, stream.name, empty_table(TABLES[stream.table]), self.at.text(), records=0, gone=gone)

    def prepare(self, stream: Stream, batch: Batch, captured: dict[str, pd.Timestamp], *, is_load: bool) -> Prepared:
        """The frames of a page."""
        if stream.table == "contacts":
            prepared = self._preparer.people(stream, batch, captured)
            self.memory.owners.update(prepared.rows["owner_id"].dropna())
            return prepared
        if stream.table == "companies":
            return self._preparer.companies(stream, batch)
        if stream.name == EMAILS.name:
            self.stand_ins.add(column(batch.records, "ActivityId"))
        elif stream.name == TASKS.name:
            batch = self._without_stand_ins(batch, is_load=is_load)
        now = pd.Timestamp(from_ms(self.client.now_ms))
        prepared = self._preparer.activities(stream, batch, now, is_load=is_load)
        self.memory.owners.update(prepared.rows["actor_id"].dropna().unique())
        return prepared

    def _without_stand_ins(self, batch: Batch, *, is_load: bool) -> Batch:
        """Without the tasks that stand for an e-mail, which is read itself."""
        is_mail = column(batch.records, "TaskSubtype") == "Email"
        ids = column(batch.records, "Id")
        known = self.stand_ins.has(ids) & is_mail
        if not is_load:
            unsure = ids[is_mail & ~known].tolist()
            known |= ids.isin(self._stand_ins_among(unsure))
        return Batch(batch.records[~known].reset_index(drop=True), batch.children)

    def _stand_ins_among(self, ids: Sequence[str]) -> set[str]:
        if not ids or self.shape.children(EMAILS.driver) is None or not self.shape.has(EMAILS.object, "ActivityId"):
            return set()
        name = "EmailMessage.ActivityId"
        related = EMAILS.driver.where if EMAILS.driver else ""
        statements = [
            statement(["Id", name], "EmailMessageRelation", [f"{name} IN {to_list(some)}", related], "ORDER BY Id")
            for some in parts(ids, IDS_A_QUERY)
        ]
        found: set[str] = set()
        for soql in statements:
            for records in self.client.query(soql, is_all=True, purpose="read", what="ask which tasks stand for e-mails"):
                found.update(str((record.get("EmailMessage") or {}).get("ActivityId")) for record in records)
        return found

    def page(self, stream: Stream, prepared: Prepared, records: int, expected: int | None, calls: int) -> Page:
        """The page, with the cursor as it stands behind it."""
        return Page(
            stream.table,
            stream.name,
            prepared.rows,
            self.at.text(),
            records=records,
            expected=expected,
            standing=prepared.standing,
            gone=prepared.gone,
            calls=calls,
        )
