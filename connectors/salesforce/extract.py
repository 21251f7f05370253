"""One pull of one table: what each stream still owes, as pages of canonical rows whose cursors are kept up with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from connectors.salesforce.batch import Batch
from connectors.salesforce.captured import Captured
from connectors.salesforce.changes import Changes
from connectors.salesforce.cursors import Load
from connectors.salesforce.gathering import of_rows
from connectors.salesforce.loading import Loaded, Loader
from connectors.salesforce.mapping import column
from connectors.salesforce.pulling import Pull
from connectors.salesforce.shape import NEEDED, Shape
from connectors.salesforce.soql import count_of, of_load, statement
from connectors.salesforce.streams import CONTACTS, EMAILS, EVENTS, FOLLOWERS, METRICS, STREAMS, TASKS, Children, Stream
from connectors.salesforce.values import ms_of
from connectors.windows import Window
from transforms.vocabulary.changes import Page
from transforms.vocabulary.errors import MissingScopes, RequestRejected
from transforms.vocabulary.tables import TABLES, empty_table

BIG = ("contacts", "emails", "tasks", "events")
"""Streams whose size is asked for before a full load begins; the others are small in most orgs, and tell by their first answer."""

GUESTS = "guests"
HIDDEN = frozenset({"INVALID_FIELD", "INVALID_TYPE"})
"""What Salesforce says of a field or an object that is hidden from us: that there is none."""


class Extract:
    """One run over one table from where its cursor stands."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self._handed_before = {name: state.handed for name, state in pull.at.states.items() if isinstance(state, Load)}
        self._expected: dict[str, int] = {}

    def pages(self) -> Iterator[Page]:
        """Every page that is owed; at least one."""
        count = 0
        try:
            for page in self._all():
                count += 1
                yield page
        except RequestRejected as error:
            if error.code not in HIDDEN or self._pull.shape.is_asked:
                raise
            # What a cursor told of the org no longer holds: a field or an object was hidden from us since.
            self._pull.shape.forget()
            self._pull.at.shape = {}
            for page in self._all():
                count += 1
                yield page
        if not count:
            yield Page(
                self._pull.at.table, self._pull.at.table, empty_table(TABLES[self._pull.at.table]), self._pull.at.text(), records=0, calls=0
            )

    def _all(self) -> Iterator[Page]:
        self._pull.at.shape, sizes = self._pull.shape.learn(
            self._pull.client, self._pull.at.shape, self._pull.client.now_ms, counts=self._counts()
        )
        self._pull.memory.sizes |= sizes
        if not self._pull.shape.is_asked and any(one.since is not None for one in self._pull.unread()):
            # What a cursor told of the org may no longer hold: the right may have come back.
            self._pull.shape.forget()
            self._pull.at.shape, _ = self._pull.shape.learn(self._pull.client, {}, self._pull.client.now_ms)
        self._check_needed()
        if self._pull.at.table == "activities":
            self._pull.memory.unread = self._pull.unread()
        streams = self._pull.readable()
        loads = [(stream, state) for stream in streams if isinstance(state := self._pull.at.states[stream.name], Load)]
        watched = [stream for stream in streams if isinstance(self._pull.at.states[stream.name], Window)]
        if loads:
            yield from self._load(loads, self._pull.memory.sizes if self._pull.at.start_ms is None else sizes)
        else:
            self._follow_from(self._pull.client.now_ms)
        if watched:
            yield from Changes(self._pull).pages(watched)

    def _counts(self) -> list[tuple[str, str]]:
        """The queries that tell how large the objects are which are still to be loaded, unless they were counted before."""
        fresh = [stream for stream in STREAMS[self._pull.at.table] if self._is_fresh(stream)]
        known = self._pull.memory.sizes if self._pull.at.start_ms is None else {}
        return sizes_of(fresh, self._pull.at.start_ms) if any(stream.name in BIG and stream.name not in known for stream in fresh) else []

    def _is_fresh(self, stream: Stream) -> bool:
        state = self._pull.at.states[stream.name]
        return isinstance(state, Load) and not state.way

    def _check_needed(self) -> None:
        for stream in STREAMS[self._pull.at.table]:
            if stream.object in NEEDED and not self._pull.shape.has(stream.object):
                raise MissingScopes(
                    f"We tried to read {stream.object} and Salesforce does not show it to us: give the integration user the permission "
                    f"to read {stream.object}, then run `stillthere check`.",
                    (f"read {stream.object}",),
                )

    # Full loads

    def _load(self, loads: Sequence[tuple[Stream, Load]], sizes: dict[str, int]) -> Iterator[Page]:
        now_ms = self._pull.client.now_ms
        for stream, state in loads:
            if not state.way:
                state.way = "bulk" if sizes.get(stream.name, 0) >= self._pull.reading.bulk_from else "rest"
                state.began_ms, state.since_ms = now_ms, now_ms - self._pull.reading.lag_ms
        self._follow_from(min(state.began_ms for _, state in loads))
        loader = Loader(
            self._pull.ahead,
            self._pull.bulk,
            self._pull.shape,
            bulk_from=self._pull.reading.bulk_from,
            rows_a_page=self._pull.reading.rows_a_page,
            rows_an_answer=self._pull.reading.rows_an_answer,
            start_ms=self._pull.at.start_ms,
        )
        loader.start(loads)
        is_in_bulk = {stream.name for stream, state in loads if state.way == "bulk"}
        guests_job = self._ask_guests() if EVENTS.name in is_in_bulk and sizes.get(GUESTS, 0) >= self._pull.reading.bulk_from else ""
        is_resumed = any(stream.name == TASKS.name for stream, _ in loads) and not any(
            stream.name == EMAILS.name and not state.handed for stream, state in loads
        )
        if is_resumed:
            self._pull.stand_ins.add(self._all_stand_ins())
        captured = self._pull.captured.of_all() if self._pull.at.table == "contacts" else {}
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
        prepared = self._pull.prepare(stream, batch, captured, is_load=True)
        moments = ms_of(column(batch.records, stream.modified))
        young = set(column(batch.records, "Id")[(moments >= state.since_ms).to_numpy()])
        state.newest_ms = max(state.newest_ms, int(moments.max()) if len(moments) else 0)
        state.recent += len(young)
        state.handed += loaded.records
        self._pull.memory.in_window.setdefault(stream.name, set()).update(young)
        if state.total is not None:
            self._expected[stream.name] = max(state.total - self._handed_before.get(stream.name, 0), 0)
        if loaded.is_over:
            newest_ms = max(state.newest_ms, state.since_ms)
            self._pull.at.states[stream.name] = Window(state.since_ms, newest_ms, state.recent, state.began_ms)
            if stream.table == "activities" and stream.name == EVENTS.name:
                self._pull.at.ripe_ms = state.began_ms
            self._pull.at.sweep.deleted_ms = self._pull.at.sweep.whole_ms = state.began_ms
        return self._pull.page(stream, prepared, loaded.records, self._expected.get(stream.name), loaded.calls)

    def _follow_from(self, began_ms: int) -> None:
        """What hangs on the records is watched from when their load began."""
        for follower in FOLLOWERS[self._pull.at.table]:
            if isinstance(self._pull.at.states[follower.name], Load):
                self._pull.at.states[follower.name] = Window(began_ms, began_ms, 0, began_ms)

    def _ask_guests(self) -> str:
        children = self._pull.shape.children(EVENTS.children)
        return (
            "" if children is None else self._pull.gatherer.start(children.object, [children.key, *children.fields], ["IsDeleted = false"])
        )

    def _all_children(self, stream: Stream, job: str) -> pd.DataFrame:
        children = self._pull.shape.children(stream.children)
        if children is None:
            return pd.DataFrame()
        return self._pull.gatherer.gather(children.object, [children.key, *children.fields], children_conditions(children), job)

    def _all_stand_ins(self) -> pd.Series:
        """The tasks that stand for e-mails which an earlier run has read."""
        if self._pull.shape.children(EMAILS.driver) is None or not self._pull.shape.has(EMAILS.object, "ActivityId"):
            return pd.Series(dtype="str")
        name = "EmailMessage.ActivityId"
        related = EMAILS.driver.where if EMAILS.driver else ""
        return self._pull.gatherer.gather("EmailMessageRelation", [name], [related, "IsDeleted = false"])[name]


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
