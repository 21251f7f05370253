"""One pull of one table: what each stream still owes, as pages of canonical rows whose cursors are kept up with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from connectors.salesforce.batch import Batch, of_json
from connectors.salesforce.bulk import Bulk, Pace
from connectors.salesforce.captured import Captured
from connectors.salesforce.client import COMPOSITE_QUERIES, Client, Found, parts
from connectors.salesforce.cursors import Load, Standing, Window
from connectors.salesforce.gathering import Ahead, Gatherer, Ids, of_rows
from connectors.salesforce.loading import Loaded, Loader
from connectors.salesforce.mapping import column
from connectors.salesforce.preparing import Prepared, Preparer
from connectors.salesforce.shape import NEEDED, Shape
from connectors.salesforce.soql import count_of, of_ids, of_load, of_records, statement
from connectors.salesforce.streams import CONTACTS, EMAILS, EVENTS, FOLLOWERS, METRICS, STREAMS, TASKS, Children, Follower, Stream
from connectors.salesforce.values import DAY_MS, from_ms, ms_of, to_list, to_soql
from connectors.salesforce.vanishing import compare, deleted_since, record_ids, told
from connectors.salesforce.watching import Changed, Watched, look, watch
from transforms.vocabulary.changes import Page
from transforms.vocabulary.errors import MissingScopes
from transforms.vocabulary.fields import Field
from transforms.vocabulary.tables import TABLES, empty_table

Json = dict[str, Any]

BIG = ("contacts", "emails", "tasks", "events")
"""Streams whose size is asked for before a full load begins; the others are small in most orgs, and tell by their first answer."""

GUESTS = "guests"
IDS_A_QUERY = 200
WEEK_MS = 7 * DAY_MS
PREFIXES = {"Contact": "003", "Lead": "00Q", "Account": "001", "EmailMessage": "02s", "Task": "00T", "Event": "00U", "Case": "500"}
"""How the ids of objects begin whose records are compared with what is known, once a week."""


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
    winners: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    owners: set[str] = field(default_factory=set)


class Extract:
    """One run over one table from where its cursor stands."""

    def __init__(self, client: Client, reading: Reading, shape: Shape, memory: Memory, standing: Standing) -> None:
        self._client = client
        self._reading = reading
        self._shape = shape
        self._memory = memory
        self._at = standing
        self._bulk = Bulk(client, reading.pace)
        self._ahead = memory.ahead
        self._gatherer = Gatherer(self._ahead, self._bulk, bulk_from=reading.bulk_from)
        self._captured = Captured(client, shape, self._gatherer)
        self._preparer = Preparer(
            shape,
            reading.fields,
            reading.own_names,
            memory.unknown,
            None if standing.start_ms is None else pd.Timestamp(from_ms(standing.start_ms)),
        )
        self._stand_ins = Ids()
        self._handed_before = {name: state.handed for name, state in standing.states.items() if isinstance(state, Load)}
        self._expected: dict[str, int] = {}

    def pages(self) -> Iterator[Page]:
        """Every page that is owed; at least one."""
        count = 0
        for page in self._all():
            count += 1
            yield page
        if not count:
            yield Page(self._at.table, self._at.table, empty_table(TABLES[self._at.table]), self._at.text(), records=0, calls=0)

    def _all(self) -> Iterator[Page]:
        self._at.shape, sizes = self._shape.learn(self._client, self._at.shape, self._client.now_ms, counts=self._counts())
        self._memory.sizes |= sizes
        self._check_needed()
        streams = self._readable()
        loads = [(stream, state) for stream in streams if isinstance(state := self._at.states[stream.name], Load)]
        watched = [stream for stream in streams if isinstance(self._at.states[stream.name], Window)]
        if loads:
            yield from self._load(loads, self._memory.sizes if self._at.start_ms is None else sizes)
            self._begin_following(loads)
        if watched:
            yield from self._changes(watched)

    def _counts(self) -> list[tuple[str, str]]:
        """The queries that tell how large the objects are which are still to be loaded, unless they were counted before."""
        fresh = [stream for stream in STREAMS[self._at.table] if self._is_fresh(stream)]
        known = self._memory.sizes if self._at.start_ms is None else {}
        return sizes_of(fresh, self._at.start_ms) if any(stream.name in BIG and stream.name not in known for stream in fresh) else []

    def _is_fresh(self, stream: Stream) -> bool:
        state = self._at.states[stream.name]
        return isinstance(state, Load) and not state.way

    def _check_needed(self) -> None:
        for stream in STREAMS[self._at.table]:
            if stream.object in NEEDED and not self._shape.has(stream.object):
                raise MissingScopes(
                    f"We tried to read {stream.object} and Salesforce does not show it to us: give the integration user the permission "
                    f"to read {stream.object}, then run `stillthere check`.",
                    (f"read {stream.object}",),
                )

    def _readable(self) -> list[Stream]:
        """The streams that the org lets us read. The others are told by ``check``; they are loaded when they can be."""
        found = [stream for stream in STREAMS[self._at.table] if self._shape.has(stream.object, stream.modified)]
        found = [stream for stream in found if stream.driver is None or self._shape.children(stream.driver) is not None]
        # The condition on portal users can only be asked where the org has them.
        return [
            stream for stream in found if "CreatedBy.ContactId" not in stream.where or self._shape.has(stream.object, "CreatedBy.ContactId")
        ]

    # Full loads

    def _load(self, loads: Sequence[tuple[Stream, Load]], sizes: dict[str, int]) -> Iterator[Page]:
        now_ms = self._client.now_ms
        for stream, state in loads:
            if not state.way:
                state.way = "bulk" if sizes.get(stream.name, 0) >= self._reading.bulk_from else "rest"
                state.began_ms, state.since_ms = now_ms, now_ms - self._reading.lag_ms
        loader = Loader(
            self._ahead,
            self._bulk,
            self._shape,
            bulk_from=self._reading.bulk_from,
            rows_a_page=self._reading.rows_a_page,
            start_ms=self._at.start_ms,
        )
        loader.start(loads)
        is_in_bulk = {stream.name for stream, state in loads if state.way == "bulk"}
        guests_job = self._ask_guests() if EVENTS.name in is_in_bulk and sizes.get(GUESTS, 0) >= self._reading.bulk_from else ""
        is_resumed = any(stream.name == TASKS.name for stream, _ in loads) and not any(
            stream.name == EMAILS.name and not state.handed for stream, state in loads
        )
        if is_resumed:
            self._stand_ins.add(self._all_stand_ins())
        captured = self._captured.of_all() if self._at.table == "contacts" else {}
        extra: dict[str, pd.DataFrame] = {}
        for loaded in loader.pages(loads):
            batch = loaded.batch
            if loaded.state.way == "bulk" and loaded.stream.driver is None and loaded.stream.children is not None:
                if loaded.stream.name not in extra:
                    extra[loaded.stream.name] = self._all_children(loaded.stream, guests_job if loaded.stream.name == EVENTS.name else "")
                batch = _with_children(loaded.stream, batch, extra[loaded.stream.name])
            yield self._loaded_page(loaded, batch, captured)

    def _loaded_page(self, loaded: Loaded, batch: Batch, captured: dict[str, pd.Timestamp]) -> Page:
        stream, state = loaded.stream, loaded.state
        prepared = self._prepare(stream, batch, captured, is_load=True)
        moments = ms_of(column(batch.records, stream.modified))
        young = set(column(batch.records, "Id")[(moments >= state.since_ms).to_numpy()])
        state.newest_ms = max(state.newest_ms, int(moments.max()) if len(moments) else 0)
        state.recent += len(young)
        state.handed += loaded.records
        self._memory.in_window.setdefault(stream.name, set()).update(young)
        if state.total is not None:
            self._expected[stream.name] = max(state.total - self._handed_before.get(stream.name, 0), 0)
        if loaded.is_over:
            newest_ms = max(state.newest_ms, state.since_ms)
            self._at.states[stream.name] = Window(state.since_ms, newest_ms, state.recent, state.began_ms)
            if stream.table == "activities" and stream.name == EVENTS.name:
                self._at.ripe_ms = state.began_ms
            self._at.sweep.deleted_ms = self._at.sweep.whole_ms = state.began_ms
        return self._page(stream, prepared, loaded.records, self._expected.get(stream.name), loaded.calls)

    def _begin_following(self, loads: Sequence[tuple[Stream, Load]]) -> None:
        """What hangs on the records is watched from when their load began."""
        began_ms = min(state.began_ms for _, state in loads)
        for follower in FOLLOWERS[self._at.table]:
            if isinstance(self._at.states[follower.name], Load):
                self._at.states[follower.name] = Window(began_ms, began_ms, 0, began_ms)

    def _ask_guests(self) -> str:
        children = self._shape.children(EVENTS.children)
        return "" if children is None else self._gatherer.start(children.object, [children.key, *children.fields], ["IsDeleted = false"])

    def _all_children(self, stream: Stream, job: str) -> pd.DataFrame:
        children = self._shape.children(stream.children)
        if children is None:
            return pd.DataFrame()
        return self._gatherer.gather(children.object, [children.key, *children.fields], children_conditions(children), job)

    def _all_stand_ins(self) -> pd.Series:
        """The tasks that stand for e-mails which an earlier run has read."""
        if self._shape.children(EMAILS.driver) is None or not self._shape.has(EMAILS.object, "ActivityId"):
            return pd.Series(dtype="str")
        name = "EmailMessage.ActivityId"
        related = EMAILS.driver.where if EMAILS.driver else ""
        return self._gatherer.gather("EmailMessageRelation", [name], [related, "IsDeleted = false"])[name]

    # Changes

    def _changes(self, streams: Sequence[Stream]) -> Iterator[Page]:
        followers = [one for one in FOLLOWERS[self._at.table] if self._follows(one)]
        watched = [self._watched(stream.name, stream) for stream in streams]
        watched += [self._watched(one.name, None, one) for one in followers]
        ripe, until_ms = self._ripe_statement()
        found, also = look(self._client, watched, ripe)
        now_ms = self._client.now_ms
        read: dict[str, set[str]] = {}
        calls = -(-(len(found) + len(ripe)) // COMPOSITE_QUERIES)
        for stream, one in zip(streams, watched, strict=False):
            for page in self._changed(stream, one, found.get(one.name), read.setdefault(stream.name, set())):
                yield Page(**{**vars(page), "calls": page.calls + calls})
                calls = 0
        for follower, one in zip(followers, watched[len(streams) :], strict=True):
            yield from self._followed(follower, one, found.get(one.name), read)
        yield from self._ripened(also, until_ms, read.setdefault(EVENTS.name, set()))
        yield from self._of_winners(read)
        yield from self._sweep(streams, now_ms)

    def _follows(self, follower: Follower) -> bool:
        if not isinstance(self._at.states[follower.name], Window):
            return False
        return self._shape.has(follower.object, "SystemModstamp") and self._shape.has(follower.object, follower.key)

    def _watched(self, name: str, stream: Stream | None, follower: Follower | None = None) -> Watched:
        window = self._at.states[name]
        assert isinstance(window, Window)  # noqa: S101 - only windows are watched
        if stream is not None:
            chosen = stream
            return Watched(name, window, stream.modified, lambda condition, order: of_records(chosen, self._shape, [condition], order))
        assert follower is not None  # noqa: S101 - one of the two is given
        columns = list(
            dict.fromkeys(
                ["Id", follower.key, "SystemModstamp", *(one for one in follower.fields if self._shape.has(follower.object, one))]
            )
        )
        source = follower.object
        return Watched(name, window, "SystemModstamp", lambda condition, order: statement(columns, source, [condition], order))

    def _changed(self, stream: Stream, one: Watched, found: Found | None, read: set[str]) -> Iterator[Page]:
        for changed in watch(self._client, one, found, lag_ms=self._reading.lag_ms):
            if changed.records:
                self._remember(stream.name, one.window, changed.records)
                read.update(str(record["Id"]) for record in changed.records)
                yield self._changed_page(stream, changed.records, changed.calls)

    def _changed_page(self, stream: Stream, records: Sequence[Json], calls: int) -> Page:
        batch = of_json(stream, self._shape, records)
        captured = self._captured.of([str(record["Id"]) for record in records]) if stream.table == "contacts" else {}
        if stream.name == CONTACTS.name:
            merged = column(batch.records, "MasterRecordId").dropna()
            self._memory.winners.update(merged)
        prepared = self._prepare(stream, batch, captured, is_load=False)
        return self._page(stream, prepared, len(records), None, calls)

    def _remember(self, name: str, window: Window, records: Sequence[Json]) -> None:
        if window.is_settled:
            self._memory.in_window[name] = set()
        self._memory.in_window.setdefault(name, set()).update(str(record["Id"]) for record in records)

    def _followed(self, follower: Follower, one: Watched, found: Found | None, read: dict[str, set[str]]) -> Iterator[Page]:
        """Records whose followers changed while they themselves did not."""
        for changed in watch(self._client, one, found, lag_ms=self._reading.lag_ms):
            if not changed.records:
                continue
            ids = list(dict.fromkeys(str(record[follower.key]) for record in changed.records if record.get(follower.key)))
            if follower.name == METRICS.name:
                yield from self._recounted(ids, changed)
                continue
            stream = next(stream for stream in STREAMS[self._at.table] if stream.name == follower.stream)
            seen = read.setdefault(stream.name, set())
            yield from self._again(stream, [one for one in ids if one not in seen], seen)

    def _recounted(self, ids: Sequence[str], changed: Changed) -> Iterator[Page]:
        """Contacts of whom the org counted mail that it keeps no record of."""
        del changed
        captured = self._captured.of(ids)
        for stream in STREAMS["contacts"]:
            some = [one for one in captured if one.startswith(PREFIXES[stream.object])]
            if some and stream in self._readable():
                yield from self._again(stream, some, set())

    def _again(self, stream: Stream, ids: Sequence[str], seen: set[str]) -> Iterator[Page]:
        """Records that did not change themselves, read again by id."""
        statements = [of_ids(stream, self._shape, some) for some in parts(ids, IDS_A_QUERY)]
        for some in parts(statements, COMPOSITE_QUERIES):
            answers = self._client.find(some, is_all=True, purpose="read", what=f"read {stream.name} again")
            records: list[Json] = []
            for soql, answer in zip(some, answers, strict=True):
                records += answer.records
                if answer.more is not None:
                    pages = list(self._client.query(soql, is_all=True, purpose="read", what=f"read {stream.name} again"))
                    records = [*records[: len(records) - len(answer.records)], *(one for page in pages for one in page)]
            seen.update(str(record["Id"]) for record in records)
            yield self._changed_page(stream, records, 1)

    def _ripe_statement(self) -> tuple[list[str], int]:
        """Events that have ended since they were last looked at: that they are over changes nothing on the record."""
        until_ms = self._client.now_ms
        if self._at.table != "activities" or not self._at.ripe_ms or not self._shape.has(EVENTS.object, "EndDateTime"):
            return [], until_ms
        if until_ms <= self._at.ripe_ms:
            return [], self._at.ripe_ms
        ended = f"EndDateTime >= {to_soql(self._at.ripe_ms)} AND EndDateTime < {to_soql(until_ms)}"
        return [of_records(EVENTS, self._shape, [ended, "IsDeleted = false"], "ORDER BY Id")], until_ms

    def _ripened(self, also: Sequence[Found], until_ms: int, read: set[str]) -> Iterator[Page]:
        for answer in also:
            records = list(answer.records)
            if answer.more is not None:
                soql = self._ripe_statement()[0][0]
                pages = self._client.query(soql, is_all=True, purpose="read", what="read events that are over")
                records = [record for page in pages for record in page]
            self._at.ripe_ms = until_ms
            fresh = [record for record in records if str(record["Id"]) not in read]
            if fresh:
                yield self._changed_page(EVENTS, fresh, 0)

    def _of_winners(self, read: dict[str, set[str]]) -> Iterator[Page]:
        """A merge hands the loser's activities to the winner without a word on them: they are read again."""
        if self._at.table != "activities" or not self._memory.winners:
            return
        winners, self._memory.winners = sorted(self._memory.winners), set()
        asked = [
            (TASKS, f"WhoId IN {to_list(winners)}"),
            (EVENTS, f"WhoId IN {to_list(winners)}"),
            (STREAMS["activities"][3], f"ContactId IN {to_list(winners)}"),
        ]
        ways = [(EMAILS, "EmailMessageRelation", "EmailMessageId"), (EVENTS, "EventRelation", "EventId")]
        for stream, condition in asked:
            if stream in self._readable():
                soql = statement(["Id"], stream.object, [condition], "ORDER BY Id")
                yield from self._again(stream, self._ids(soql, "Id", read.setdefault(stream.name, set())), read[stream.name])
        for stream, name, key in ways:
            if stream in self._readable() and self._shape.has(name, key):
                soql = statement(["Id", key], name, [f"RelationId IN {to_list(winners)}"], "ORDER BY Id")
                yield from self._again(stream, self._ids(soql, key, read.setdefault(stream.name, set())), read[stream.name])

    def _ids(self, soql: str, key: str, seen: set[str]) -> list[str]:
        pages = self._client.query(soql, is_all=True, purpose="read", what="read what a merge has moved")
        found = dict.fromkeys(str(record[key]) for page in pages for record in page if record.get(key))
        return [one for one in found if one not in seen]

    # What vanished

    def _sweep(self, streams: Sequence[Stream], now_ms: int) -> Iterator[Page]:
        sweep = self._at.sweep
        if now_ms - sweep.deleted_ms >= self._reading.sweep_every_ms:
            found, covered_ms = deleted_since(self._client, streams, sweep.deleted_ms, now_ms)
            sweep.is_due = sweep.is_due or covered_ms is None
            sweep.deleted_ms = now_ms if covered_ms is None else covered_ms
            for stream in streams:
                if stream.object in found:
                    yield self._gone_page(stream, told(self._client, stream, found[stream.object]))
        is_due = sweep.is_due or bool(sweep.done) or now_ms - sweep.whole_ms >= self._reading.whole_every_ms
        if self._reading.known is not None and is_due:
            yield from self._compare(streams, now_ms, self._reading.known)

    def _compare(self, streams: Sequence[Stream], now_ms: int, known: Callable[[str], Iterable[str]]) -> Iterator[Page]:
        """Object by object, so that a run that is broken off goes on with the next one."""
        sweep = self._at.sweep
        compared = [stream for stream in streams if stream.object in PREFIXES]
        ids = list(known(self._at.table))
        for stream in compared:
            if stream.object in sweep.done:
                continue
            frame, unread = compare(self._client, self._gatherer, stream, record_ids(ids, PREFIXES[stream.object]))
            if stream.table != "activities" and unread:
                yield from self._again(stream, unread, set())
            sweep.done.append(stream.object)
            yield self._gone_page(stream, frame)
        sweep.done, sweep.is_due, sweep.whole_ms = [], False, now_ms
        yield self._gone_page(compared[0], None)

    def _gone_page(self, stream: Stream, frame: pd.DataFrame | None) -> Page:
        gone = frame if frame is not None and len(frame) else None
        return Page(stream.table, stream.name, empty_table(TABLES[stream.table]), self._at.text(), records=0, gone=gone)

    # Pages

    def _prepare(self, stream: Stream, batch: Batch, captured: dict[str, pd.Timestamp], *, is_load: bool) -> Prepared:
        if stream.table == "contacts":
            prepared = self._preparer.people(stream, batch, captured)
            self._memory.owners.update(prepared.rows["owner_id"].dropna())
            return prepared
        if stream.table == "companies":
            return self._preparer.companies(stream, batch)
        if stream.name == EMAILS.name:
            self._stand_ins.add(column(batch.records, "ActivityId"))
        elif stream.name == TASKS.name:
            batch = self._without_stand_ins(batch, is_load=is_load)
        now = pd.Timestamp(from_ms(self._client.now_ms))
        prepared = self._preparer.activities(stream, batch, now, is_load=is_load)
        self._memory.owners.update(prepared.rows["actor_id"].dropna().unique())
        return prepared

    def _without_stand_ins(self, batch: Batch, *, is_load: bool) -> Batch:
        """Without the tasks that stand for an e-mail, which is read itself."""
        is_mail = column(batch.records, "TaskSubtype") == "Email"
        ids = column(batch.records, "Id")
        known = self._stand_ins.has(ids) & is_mail
        if not is_load:
            unsure = ids[is_mail & ~known].tolist()
            known |= ids.isin(self._stand_ins_among(unsure))
        return Batch(batch.records[~known].reset_index(drop=True), batch.children)

    def _stand_ins_among(self, ids: Sequence[str]) -> set[str]:
        if not ids or self._shape.children(EMAILS.driver) is None or not self._shape.has(EMAILS.object, "ActivityId"):
            return set()
        name = "EmailMessage.ActivityId"
        related = EMAILS.driver.where if EMAILS.driver else ""
        statements = [
            statement(["Id", name], "EmailMessageRelation", [f"{name} IN {to_list(some)}", related], "ORDER BY Id")
            for some in parts(ids, IDS_A_QUERY)
        ]
        found: set[str] = set()
        for soql in statements:
            for records in self._client.query(soql, is_all=True, purpose="read", what="ask which tasks stand for e-mails"):
                found.update(str((record.get("EmailMessage") or {}).get("ActivityId")) for record in records)
        return found

    def _page(self, stream: Stream, prepared: Prepared, records: int, expected: int | None, calls: int) -> Page:
        return Page(
            stream.table,
            stream.name,
            prepared.rows,
            self._at.text(),
            records=records,
            expected=expected,
            standing=prepared.standing,
            gone=prepared.gone,
            calls=calls,
        )


def _with_children(stream: Stream, batch: Batch, children: pd.DataFrame) -> Batch:
    if stream.children is None or children.empty:
        return batch
    return Batch(batch.records, children[children[stream.children.key].isin(batch.records["Id"])])


def sizes_of(streams: Sequence[Stream], start_ms: int | None) -> list[tuple[str, str]]:
    """The queries that count what the large ones of these streams hold; at most five."""
    counts = [(stream.name, count_of(stream, start_ms)) for stream in streams if stream.name in BIG]
    if any(stream.name == EVENTS.name for stream in streams) and EVENTS.children is not None:
        counts.append((GUESTS, statement(["COUNT()"], EVENTS.children.object, [])))
    return counts


def first_look(shape: Shape, captured: Captured, sizes: dict[str, int], bulk_from: int) -> list[str]:
    """The first statements of a full load of people and companies, so that one call can fetch all of them."""
    found = [
        of_load(stream, shape, None, "")
        for stream in (*STREAMS["contacts"], *STREAMS["companies"])
        if shape.has(stream.object) and sizes.get(stream.name, 0) < bulk_from
    ]
    titles = shape.children(CONTACTS.children)
    if titles is not None and sizes.get(CONTACTS.name, 0) >= bulk_from:
        found.append(of_rows(titles.object, [titles.key, *titles.fields], children_conditions(titles)))
    if captured.is_counted:
        found.append(of_rows(METRICS.object, *captured.counted()))
    return found


def children_conditions(children: Children) -> list[str]:
    """Which children count, where they are read by themselves."""
    return [one for one in (children.where, "IsDeleted = false") if one]
