"""The HubSpot connector: joins client and mapping into the one protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import pandas as pd

from connectors.hubspot.answers import CRM as CRM_LABEL
from connectors.hubspot.checking import check, greet
from connectors.hubspot.client import Client
from connectors.hubspot.cursors import Standing, Window
from connectors.hubspot.estimating import estimate, least_calls
from connectors.hubspot.extract import Extract
from connectors.hubspot.mapping import CRM, to_merged, to_owners, to_standing
from connectors.hubspot.paths import Paths
from connectors.hubspot.reading import Memory, Reading
from connectors.hubspot.setting_up import apply_changes, pending_setup, pending_teardown
from connectors.hubspot.streams import PREFIX, STREAMS, with_own_names
from connectors.hubspot.tasks import Tasks, calls_for_tasks
from connectors.hubspot.writing import calls_to_write, write_cells
from connectors.limiter import Day, Limiter, Quota
from connectors.sending import Patience
from transforms.vocabulary.changes import STANDING, Change, Checkup, Cursor, Estimate, Page, Unread, WriteReport
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import Field
from transforms.vocabulary.tables import OWNERS, empty_table

HOST = "https://api.hubapi.com"
OWN_NAMES = {"renewal_on": "renewal_date", "annual_value": "annual_contract_value", "do_not_call": "do_not_call"}
"""Which property of the portal holds the canonical column. HubSpot has none of its own for these; a portal without them leaves the column missing."""

TYPE_IDS = {"contacts": "0-1", "companies": "0-2", "tasks": "0-27"}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Manner:
    """How a portal is talked to; the defaults suit every portal.

    ``own_names`` maps renewal_on, annual_value and do_not_call to the portal's own properties. ``archive_every_s`` is how often archived records
    are listed, and ``count_every_s`` how often companies and e-mails are counted against those that ``known`` gives for a stream; contacts
    are counted in every pull, since a person who was erased is to be erased here with the next one. ``threads`` read side by side in a full load, and ``answers_a_page`` of their
    answers make one page. ``searches_per_s`` stays below HubSpot's five, for jitter's sake. ``version`` is HubSpot's API version (see :class:`Paths`).
    """

    own_names: Mapping[str, str] = field(default_factory=lambda: dict(OWN_NAMES))
    archive_every_s: float = 86_400
    count_every_s: float = 604_800
    known: Callable[[str], Iterable[str]] | None = None
    threads: int = 8
    answers_a_page: int = 8
    searches_per_s: float = 3.9
    patience: Patience = field(default_factory=Patience)
    version: str = "v3"


class HubSpot:
    """A HubSpot portal, read and written through one private-app token or service key. Keeps the laws of ``connectors.protocol.Crm``.

    ``fields`` are ours: their present values come with every page of contacts and companies. ``reserve_share`` of the calls left today
    is left to others. ``index_lag_s`` is how late the search index may be, in seconds.
    """

    name = CRM
    records_at_once = 1_000

    def __init__(
        self,
        token: str,
        base_url: str = HOST,
        fields: Sequence[Field] = (),
        *,
        reserve_share: float = 0.30,
        index_lag_s: float = 600,
        manner: Manner | None = None,
    ) -> None:
        manner = manner or Manner()
        self._base_url = base_url.rstrip("/")
        self._fields = tuple(fields)
        self._reading = Reading(
            streams=with_own_names(dict(manner.own_names), self._fields, PREFIX),
            fields=self._fields,
            own_names=dict(manner.own_names),
            threads=manner.threads,
            lag_ms=int(index_lag_s * 1000),
            archive_every_ms=int(manner.archive_every_s * 1000),
            count_every_ms=int(manner.count_every_s * 1000),
            known=manner.known,
            answers_a_page=manner.answers_a_page,
        )
        limiter = Limiter(reserve_share=reserve_share, searches_per_s=manner.searches_per_s, crm=CRM_LABEL)
        self._client = Client(
            token, self._base_url, paths=Paths(manner.version), limiter=limiter, patience=manner.patience, connections=manner.threads + 4
        )
        self._memory = Memory()
        self._written: dict[str, dict[str, int]] = {}
        self._tasks = Tasks(self._client)
        self._portal: dict[str, str] | None = None

    @property
    def unknown_words(self) -> Counter[str]:
        """How often a HubSpot property held a word that we do not know, by property."""
        return Counter(self._memory.unknown)

    def close(self) -> None:
        """Give the connections back. The object may be used again."""
        self._client.close()

    def greet(self) -> Checkup:
        """See the protocol."""
        return greet(self._client)

    def check(self) -> Checkup:
        """See the protocol."""
        return check(self._client, self._fields)

    def pending_fields(self, fields: Sequence[Field]) -> list[Change]:
        """See the protocol."""
        return pending_setup(self._client, fields)

    def create_fields(self, changes: Sequence[Change]) -> None:
        """See the protocol. Returns when HubSpot shows what was created."""
        apply_changes(self._client, changes)
        self._tasks.forget()

    def pending_teardown(self) -> list[Change]:
        """See the protocol."""
        return pending_teardown(self._client)

    def teardown(self, changes: Sequence[Change]) -> None:
        """See the protocol."""
        apply_changes(self._client, changes)
        self._tasks.forget()

    def estimate(self, table: str, since: Cursor | None, start: datetime | None = None) -> list[Estimate]:
        """See the protocol. One search a stream."""
        return estimate(self._client, self._memory.probed, table, since, start)

    def pages(self, table: str, since: Cursor | None, *, start: datetime | None = None) -> Iterator[Page]:
        """See the protocol.

        A full load lists ranges of ids with several threads; changes are searched by modification time. Activities that a contact record
        tells of come with the contacts where both tables are pulled by one object, contacts first; else the contacts are read again for them.
        """
        if table == "owners":
            return self._owners(since)
        if table not in STREAMS:
            raise BadInput(f"HubSpot was asked for the table {table}; it has {', '.join((*STREAMS, 'owners'))}.")
        start_ms = int(start.timestamp() * 1000) if start is not None and table == "activities" else None
        standing = Standing.parse(table, since) if since else Standing.fresh(table, start_ms)
        return Extract(self._client, self._reading, self._memory, standing).pages()

    def unread(self) -> tuple[Unread, ...]:
        """See the protocol."""
        return tuple(self._memory.unread.values())

    def write_fields(self, table: str, cells: pd.DataFrame) -> Iterator[WriteReport]:
        """See the protocol."""
        for report in write_cells(self._client, table, cells, self._fields):
            self._note(report)
            yield report

    def create_tasks(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """See the protocol."""
        return self._tasks.create(tasks)

    def update_tasks(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """See the protocol."""
        return self._tasks.update(tasks)

    def current(self, table: str, record_ids: Sequence[str], fields: Sequence[Field]) -> pd.DataFrame:
        """See the protocol. HubSpot answers for an id that was merged away with the record that it went into: that answer is left out."""
        stream = STREAMS[table][0]
        own = [f for f in fields if f.table == table]
        asked = set(map(str, record_ids))
        properties = (*(PREFIX + f.name for f in own), stream.modified)
        records = {str(record["id"]): record for record in self._read(stream.kind, record_ids, properties)}
        there = [record for one, record in records.items() if one in asked]
        return to_standing(table, there, own, stream.modified) if there else empty_table(STANDING)

    def merged_into(self, table: str, record_ids: Sequence[str]) -> dict[str, str]:
        """See the protocol. A portal that does not answer for an id that was merged away says nothing of the merge either."""
        asked = set(map(str, record_ids))
        merged = to_merged(table, list(self._read(STREAMS[table][0].kind, record_ids, ("hs_merged_object_ids",))))
        return {old: into for old, into in zip(merged["record_id"], merged["into"], strict=True) if old in asked}

    def _read(self, kind: str, record_ids: Sequence[str], properties: Sequence[str]) -> Iterator[dict[str, Any]]:
        """What HubSpot answers when it is asked for these ids, each once."""
        asked = list(dict.fromkeys(map(str, record_ids)))
        return self._client.batch_read(kind, asked, properties) if asked else iter(())

    def current_tasks(self, tasks: pd.DataFrame) -> pd.DataFrame:
        """See the protocol."""
        return self._tasks.current(tasks)

    def absorb(self, table: str, since: Cursor) -> Cursor:
        """See the protocol."""
        if table not in STREAMS:
            return since
        standing = Standing.parse(table, since)
        for stream in STREAMS[table]:
            state = standing.states[stream.name]
            written = self._written.pop(stream.name, {}) if stream.table == table else {}
            if isinstance(state, Window) and written:
                state.absorb(written, self._memory.in_window.setdefault(stream.name, set()))
        return standing.text()

    def calls(self) -> dict[str, int]:
        """See the protocol."""
        return dict(self._client.calls)

    def calls_left(self) -> int | None:
        """See the protocol."""
        return self._client.limiter.daily_remaining

    def quota(self) -> Quota:
        """See the protocol. The day ends at midnight of the account's time zone; apps with OAuth are not told of one."""
        return self._client.limiter.quota

    def resume(self, day: Day) -> None:
        """See the protocol."""
        self._client.limiter.resume(day)

    def estimate_writes(self, cells: pd.DataFrame, create: pd.DataFrame, update: pd.DataFrame) -> dict[str, int]:
        """See the protocol."""
        return {"write": calls_to_write(cells, self.records_at_once), "tasks": calls_for_tasks(create, update)}

    def least_calls(self) -> dict[str, int]:
        """See the protocol."""
        return least_calls()

    def link(self, table: str, record_id: str) -> str:
        """See the protocol. On loopback, the sandbox's own page."""
        if urlsplit(self._base_url).hostname in LOOPBACK:
            return f"{self._base_url}/{table}/{record_id}"
        if self._portal is None:
            body = self._client.account().body
            self._portal = {"id": str(body.get("portalId", "")), "host": str(body.get("uiDomain") or "app.hubspot.com")}
        return f"https://{self._portal['host']}/contacts/{self._portal['id']}/record/{TYPE_IDS[table]}/{record_id}"

    def _owners(self, since: Cursor | None) -> Iterator[Page]:
        """All owners, with those who left. Read again once a day, or when a record names one who is not known."""
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        held: dict[str, Any] = orjson.loads(since) if since else {"read_ms": 0, "ids": []}
        is_due = now_ms - held["read_ms"] >= self._reading.archive_every_ms or bool(self._memory.owners - set(held["ids"]))
        if not is_due and since:
            yield Page("owners", "owners", empty_table(OWNERS), since, records=0, calls=0)
            return
        records = []
        for is_archived in (False, True):
            for found in self._client.owners(is_archived=is_archived):
                records += [{**one, "archived": is_archived} for one in found.records]
        rows = to_owners(records)
        ids = sorted(set(rows["owner_id"]) | self._memory.owners)
        cursor = orjson.dumps({"read_ms": now_ms, "ids": ids}).decode()
        yield Page("owners", "owners", rows, cursor, records=len(rows), expected=len(rows), calls=2)

    def _note(self, report: WriteReport) -> None:
        if report.modified_at is not None:
            self._written.setdefault(report.table, {})[report.key] = int(report.modified_at.timestamp() * 1000)


__all__ = ["HOST", "OWN_NAMES", "HubSpot", "Manner"]
