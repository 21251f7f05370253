"""The Salesforce connector: joins client and mapping into the one protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pandas as pd

from connectors.limiter import Day, Limiter, Quota
from connectors.salesforce.answers import CRM as CRM_LABEL
from connectors.salesforce.bulk import MAX_RECORDS, Bulk, Pace
from connectors.salesforce.captured import Captured
from connectors.salesforce.checking import check, greet
from connectors.salesforce.client import COMPOSITE_QUERIES, Client, parts
from connectors.salesforce.credentials import Credentials
from connectors.salesforce.cursors import Standing
from connectors.salesforce.estimating import estimate, learn_sizes, least_calls
from connectors.salesforce.extract import Extract, first_look
from connectors.salesforce.gathering import Ahead, Gatherer
from connectors.salesforce.mapping import to_gone, to_owners, to_standing
from connectors.salesforce.names import CRM, OBJECTS, api_name, object_of
from connectors.salesforce.pulling import Memory, Pull, Reading
from connectors.salesforce.session import API_VERSION
from connectors.salesforce.setting_up import apply_changes, pending_setup, pending_teardown
from connectors.salesforce.shape import Shape
from connectors.salesforce.soql import statement
from connectors.salesforce.streams import OWNERS, STREAMS
from connectors.salesforce.tasks import Tasks, calls_for_tasks
from connectors.salesforce.values import flatten, to_list
from connectors.salesforce.writing import calls_to_write, write_cells
from connectors.sending import Patience
from connectors.windows import Window
from transforms.vocabulary.changes import STANDING, Change, Checkup, Cursor, Estimate, Fate, Page, Unread, WriteReport
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import Field
from transforms.vocabulary.tables import OWNERS as OWNERS_TABLE
from transforms.vocabulary.tables import empty_table

OWN_NAMES = {
    "renewal_on": "Renewal_Date__c",
    "annual_value": "Annual_Contract_Value__c",
    "do_not_call": "DoNotCall",
    "time_zone": "Time_Zone__c",
    "linkedin_url": "LinkedIn_URL__c",
    "job_changed_at": "Job_Changed_At__c",
}
"""Which field of the org holds the canonical column. An org without it leaves the column missing."""

PATIENCE = Patience(read_timeout_s=120.0)
"""Salesforce may take two minutes for a query."""

RATE = 1_000
"""Calls in ten seconds. Salesforce has no such limit, only one for a day; this keeps a fault of ours from spending that."""

IDS_A_QUERY = 200
"""So many ids keep a query well below the longest address that a server takes."""


@dataclass(frozen=True)
class Manner:
    """How an org is talked to; the defaults suit every org.

    ``own_names`` maps renewal_on, annual_value, do_not_call, time_zone, linkedin_url and job_changed_at to the org's own fields.
    ``bulk_from``: an object of so many records is read in bulk. Three calls do then, while 2,000 records a call come otherwise.
    ``rows_a_page`` is how many records make a page, ``rows_an_answer`` how many rows of a bulk job are asked for at once. ``sweep_every_s`` is how often the org is asked what was deleted, ``whole_every_s`` how
    often all ids are compared with those that ``known`` gives for a table. ``version`` is the version of Salesforce's API.
    """

    own_names: Mapping[str, str] = field(default_factory=lambda: dict(OWN_NAMES))
    bulk_from: int = 6_000
    rows_a_page: int = 5_000
    rows_an_answer: int = MAX_RECORDS
    sweep_every_s: float = 86_400
    whole_every_s: float = 604_800
    known: Callable[[str], Iterable[str]] | None = None
    pace: Pace = field(default_factory=Pace)
    patience: Patience = PATIENCE
    version: str = API_VERSION


class Salesforce:
    """A Salesforce org, read and written by one app. Keeps the laws of ``connectors.protocol.Crm``.

    ``base_url`` leads all calls to a server on this machine. ``fields`` are ours: their present values come with every page of contacts and
    companies. ``reserve_share`` of the calls that are left is left to others. ``commit_lag_s`` is how late a change may become visible
    after its stamp, in seconds.
    """

    name = CRM
    # So many that a bulk job is worth its calls (see connectors.salesforce.writing), and few enough to be held in memory.
    records_at_once = 10_000

    def __init__(
        self,
        credentials: Credentials,
        base_url: str = "",
        fields: Sequence[Field] = (),
        *,
        reserve_share: float = 0.30,
        commit_lag_s: float = 600,
        manner: Manner | None = None,
    ) -> None:
        manner = manner or Manner()
        self._base_url = base_url.rstrip("/")
        self._domain = credentials.host
        self._fields = tuple(fields)
        self._reading = Reading(
            fields=self._fields,
            own_names=dict(manner.own_names),
            lag_ms=int(commit_lag_s * 1000),
            bulk_from=manner.bulk_from,
            rows_a_page=manner.rows_a_page,
            rows_an_answer=manner.rows_an_answer,
            pace=manner.pace,
            sweep_every_ms=int(manner.sweep_every_s * 1000),
            whole_every_ms=int(manner.whole_every_s * 1000),
            known=manner.known,
        )
        limiter = Limiter(limit=RATE, reserve_share=reserve_share, crm=CRM_LABEL, is_rolling=True)
        self._client = Client(credentials, base_url=self._base_url, limiter=limiter, patience=manner.patience, version=manner.version)
        self._bulk = Bulk(self._client, manner.pace)
        self._shape = Shape(self._fields, dict(manner.own_names))
        self._memory = Memory(ahead=Ahead(self._client))
        self._written: dict[str, dict[str, int]] = {}
        self._tasks = Tasks(self._client)

    @property
    def unknown_words(self) -> Counter[str]:
        """How often a Salesforce field held a word that we do not know, by field."""
        return Counter(self._memory.unknown)

    def close(self) -> None:
        """Give the connections back. The object may be used again."""
        self._client.close()

    def greet(self) -> Checkup:
        """See the protocol."""
        return greet(self._client)

    def check(self) -> Checkup:
        """See the protocol."""
        return check(self._client, self._shape)

    def pending_fields(self, fields: Sequence[Field]) -> list[Change]:
        """See the protocol."""
        return pending_setup(self._client, fields)

    def create_fields(self, changes: Sequence[Change]) -> None:
        """See the protocol. Returns when the org shows what was created."""
        apply_changes(self._client, changes)
        self._forget()

    def pending_teardown(self) -> list[Change]:
        """See the protocol."""
        return pending_teardown(self._client)

    def teardown(self, changes: Sequence[Change]) -> None:
        """See the protocol."""
        apply_changes(self._client, changes)
        self._forget()

    def estimate(self, table: str, since: Cursor | None, start: datetime | None = None) -> list[Estimate]:
        """See the protocol. One call for every five streams."""
        return estimate(self._client, self._shape, self._memory, self._reading.bulk_from, table, since, _start_ms(table, start))

    def pages(self, table: str, since: Cursor | None, *, start: datetime | None = None) -> Iterator[Page]:
        """See the protocol.

        A full load reads large objects in bulk and small ones by id; changes are asked for by SystemModstamp, five objects in one call.
        """
        if table == "owners":
            return self._owners(since)
        if table not in STREAMS:
            raise BadInput(f"Salesforce was asked for the table {table}; it has {', '.join((*STREAMS, 'owners'))}.")
        standing = Standing.parse(table, since) if since else Standing.fresh(table, _start_ms(table, start))
        return Extract(Pull(self._client, self._reading, self._shape, self._memory, standing)).pages()

    def unread(self) -> tuple[Unread, ...]:
        """See the protocol."""
        return tuple(self._memory.unread)

    def write_fields(self, table: str, cells: pd.DataFrame) -> Iterator[WriteReport]:
        """See the protocol."""
        for report in write_cells(self._client, self._bulk, table, cells, self._fields):
            self._note(table, report)
            yield report

    def create_tasks(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """See the protocol."""
        return self._noted(self._tasks.create(tasks))

    def update_tasks(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """See the protocol."""
        return self._noted(self._tasks.update(tasks))

    def current(self, table: str, record_ids: Sequence[str], fields: Sequence[Field]) -> pd.DataFrame:
        """See the protocol. A record that was merged away or deleted is not there."""
        own = [one for one in fields if one.table == table]
        asked = list(dict.fromkeys(map(str, record_ids)))
        frames = []
        for name in OBJECTS[table]:
            ids = [one for one in asked if object_of(one) == name]
            shown = self._shown(name, own) if ids else []
            if ids:
                records = [record for record in self._client.retrieve(name, ids, ["Id", "SystemModstamp", *shown]) if record]
                frames.append(to_standing(table, flatten(records, ["Id", "SystemModstamp", *shown]), own))
        frames = [frame for frame in frames if len(frame)]
        return pd.concat(frames, ignore_index=True) if frames else empty_table(STANDING)

    def merged_into(self, table: str, record_ids: Sequence[str]) -> dict[str, str]:
        """See the protocol. A converted lead went into its contact. Once a merged record has left the recycle bin, nothing is known of it."""
        asked = list(dict.fromkeys(map(str, record_ids)))
        found: dict[str, str] = {}
        for name in OBJECTS[table]:
            columns = ["Id", "IsDeleted", "MasterRecordId", *(["IsConverted", "ConvertedContactId"] if name == "Lead" else [])]
            for some in parts([one for one in asked if object_of(one) == name], IDS_A_QUERY):
                soql = statement(columns, name, [f"Id IN {to_list(some)}"])
                for records in self._client.query(soql, is_all=True, purpose="read", what=f"look where {name} records went"):
                    merged = to_gone(table, flatten(records, columns)).dropna(subset="into")
                    found |= dict(zip(merged["record_id"], merged["into"], strict=True))
        return found

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
            written = self._written.pop(stream.name, {})
            if isinstance(state, Window) and written:
                state.absorb(written, self._memory.in_window.setdefault(stream.name, set()))
        return standing.text()

    def calls(self) -> dict[str, int]:
        """See the protocol. Signing in is among them; Salesforce itself does not count it."""
        return dict(self._client.calls)

    def calls_left(self) -> int | None:
        """See the protocol."""
        return self._client.limiter.daily_remaining

    def quota(self) -> Quota:
        """See the protocol. A call counts for 24 hours, so there is no reset."""
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
        name = {"tasks": "Task", "companies": "Account"}.get(table) or object_of(record_id) or "Contact"
        host = self._base_url or f"https://{self._domain.removesuffix('.my').replace('.sandbox.my', '.sandbox')}.lightning.force.com"
        return f"{host}/lightning/r/{name}/{record_id}/view"

    def _owners(self, since: Cursor | None) -> Iterator[Page]:
        """All users. Read again once a day, or when a record names one who is not known."""
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        held: dict[str, Any] = orjson.loads(since) if since else {"read_ms": 0, "ids": []}
        known = set(held["ids"])
        # Queues own records too, and are no users.
        strangers = {one for one in self._memory.owners - known if one.startswith("005")}
        if since and not strangers and now_ms - held["read_ms"] < self._reading.sweep_every_ms:
            yield Page("owners", "owners", empty_table(OWNERS_TABLE), since, records=0, calls=0)
            return
        soql = statement(OWNERS.fields, OWNERS.object, [OWNERS.where], "ORDER BY Id")
        frames, calls = [], 0
        for records in self._users(soql, is_first=since is None):
            frames.append(to_owners(flatten(records, OWNERS.fields)))
            calls += 1
        rows = pd.concat(frames, ignore_index=True)
        cursor = orjson.dumps({"read_ms": now_ms, "ids": sorted(set(rows["owner_id"]) | strangers)}).decode()
        yield Page("owners", "owners", rows, cursor, records=len(rows), expected=len(rows), calls=calls)

    def _users(self, soql: str, *, is_first: bool) -> Iterator[list[dict[str, Any]]]:
        """The users, answer by answer. With the very first call come the first answers of all that a first pull asks for next."""
        ahead = self._memory.ahead
        statements = [soql]
        if is_first:
            learn_sizes(self._client, self._shape, self._memory)
            captured = Captured(self._client, self._shape, Gatherer(ahead, self._bulk, bulk_from=self._reading.bulk_from))
            statements += first_look(self._shape, captured, self._memory.sizes, self._reading.bulk_from)
        ahead.fetch(statements[:COMPOSITE_QUERIES])
        found = ahead.find([soql], what="read users")[0]
        yield found.records
        while found.more is not None:
            found = self._client.more(found, what="read users")
            yield found.records

    def _shown(self, name: str, own: Sequence[Field]) -> list[str]:
        """Those of our fields that the org shows; the others hold nothing."""
        self._shape.learn(self._client, {}, self._client.now_ms)
        return [api_name(one.name) for one in own if self._shape.has(name, api_name(one.name))]

    def _forget(self) -> None:
        self._tasks.forget()
        self._shape.forget()

    def _note(self, table: str, report: WriteReport) -> None:
        """Remember when we wrote a record. Salesforce stamps whole seconds, and never later than it answers."""
        if report.fate is not Fate.WRITTEN:
            return
        record_id = report.crm_id or report.key
        stream = next((stream.name for stream in STREAMS.get(table, ()) if stream.object == object_of(record_id)), None)
        if stream is not None:
            ms = int(report.modified_at.timestamp() * 1000) if report.modified_at is not None else self._client.now_ms
            self._written.setdefault(stream, {})[record_id] = ms

    def _noted(self, reports: Iterator[WriteReport]) -> Iterator[WriteReport]:
        for report in reports:
            self._note("activities", report)
            yield report


def _start_ms(table: str, start: datetime | None) -> int | None:
    return int(start.timestamp() * 1000) if start is not None and table == "activities" else None


__all__ = ["OWN_NAMES", "Credentials", "Manner", "Salesforce"]
