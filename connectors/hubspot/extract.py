"""One pull of one table: what each stream still owes, as pages of canonical rows whose cursors are kept up with them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd

from connectors.hubspot.activities import EMAIL_DIRECTIONS, inline_links, to_activities, to_reopened
from connectors.hubspot.client import LIST_LIMIT, SEARCH_LIMIT, Client
from connectors.hubspot.cursors import END, Load, Standing, State, Window
from connectors.hubspot.estimating import recall
from connectors.hubspot.facts import SAME_REPLY_MS, Fact, Heard, to_fact_rows, to_facts, unheard
from connectors.hubspot.loading import Loaded, load, probe
from connectors.hubspot.mapping import to_companies, to_contacts, to_merged, to_standing
from connectors.hubspot.reading import Gathered, Memory, Prepared, Reading
from connectors.hubspot.streams import CONTACT_FACTS, CONTACTS, EMAILS, FEEDS, TICKETS, Stream
from connectors.hubspot.values import from_ms, to_ms
from connectors.hubspot.vanishing import Vanishing, settle
from connectors.hubspot.watching import Changed, walk, watch
from transforms.vocabulary.changes import Page, Unread
from transforms.vocabulary.errors import MissingScopes
from transforms.vocabulary.tables import TABLES, Direction, empty_table

Json = dict[str, Any]

FACTS_KEPT = 150_000
"""More facts than this are not kept in memory from the contacts' pull to the activities'; the contacts are listed again instead."""

SEARCH_PER_S = 4
LIST_PER_S = 18


class Extract:
    """One run over one table from where its cursor stands."""

    def __init__(self, client: Client, reading: Reading, memory: Memory, standing: Standing) -> None:
        self._client = client
        self._reading = reading
        self._memory = memory
        self._at = standing
        self._streams = {stream.name: stream for stream in reading.streams[standing.table]}
        self._vanishing = Vanishing(client, reading.known, archive_every_ms=reading.archive_every_ms, count_every_ms=reading.count_every_ms)
        self._heard = Heard()
        self._mails_whole = True
        self._stages: frozenset[str] | None = None
        self._handed_before = {name: state.handed for name, state in standing.states.items() if isinstance(state, Load)}

    def pages(self) -> Iterator[Page]:
        """Every page that is owed; at least one."""
        count = 0
        if self._at.table == "activities":
            self._memory.unread.clear()
        if self._at.table == "contacts":
            self._memory.gathered = self._gather()
        for page in self._all():
            count += 1
            yield page
        if self._at.table == "contacts" and self._memory.gathered is not None:
            end = self._at.states[CONTACTS.name]
            self._memory.gathered.end = Window(**vars(end)) if isinstance(end, Window) else None
        if not count:
            yield Page(self._at.table, self._at.table, empty_table(TABLES[self._at.table]), self._at.text(), records=0, calls=0)

    def _all(self) -> Iterator[Page]:
        loading = {name for name, state in self._at.states.items() if isinstance(state, Load)}
        mails = self._at.states.get(EMAILS.name)
        self._mails_whole = isinstance(mails, Load) and mails.is_untouched
        yield from self._load([self._streams[name] for name in self._streams if name in loading and name != CONTACT_FACTS.name])
        for name, stream in self._streams.items():
            if name not in loading and name != CONTACT_FACTS.name:
                yield from self._if_allowed(stream, self._changes(stream))
        if CONTACT_FACTS.name in self._streams:
            yield from self._facts()

    # What may not be read

    def _if_allowed(self, stream: Stream, pages: Iterator[Page]) -> Iterator[Page]:
        """The pages of one stream; where a scope turns out to be missing, it is left where it stood after its last page."""
        while True:
            before = copy.deepcopy(self._at.states[stream.name])
            try:
                page = next(pages, None)
            except MissingScopes as error:
                self._at.states[stream.name] = before
                self._leave_out(stream, error)
                return
            if page is None:
                return
            yield page

    def _leave_out(self, stream: Stream, error: MissingScopes) -> None:
        """Note that a stream of activities may not be read. Raises for what everything needs."""
        if stream.name not in FEEDS:
            raise error
        state = self._at.states[stream.name]
        ms = state.newest_ms if isinstance(state, Window) else 0 if state.is_untouched else state.newest_ms
        needed = ", ".join(error.scopes) or "a scope that HubSpot does not name"
        self._memory.unread[stream.name] = Unread(
            stream.name,
            tuple(str(channel) for channel in FEEDS[stream.name]),
            lacks=f"the scope {needed}" if error.scopes else needed,
            advice=f"add {needed} to the app in HubSpot and use its new token",
            since=from_ms(ms) if ms else None,
        )

    # Full loads

    def _load(self, streams: Sequence[Stream]) -> Iterator[Page]:
        if self._at.start_ms is None:
            for stream in streams:
                recall(self._memory.probed, stream, self._at.states[stream.name])
        else:
            streams = [stream for stream in streams if self._has_way(stream)]
        by_list = [
            (stream, state) for stream in streams if isinstance(state := self._at.states[stream.name], Load) and state.way != "search"
        ]
        for stream in streams:
            state = self._at.states[stream.name]
            if isinstance(state, Load) and state.way == "search":
                yield from self._if_allowed(stream, self._load_by_search(stream, state))
        if not by_list:
            return
        waiting: dict[str, list[Loaded]] = {}
        run = load(self._client, by_list, threads=self._reading.threads)
        try:
            for loaded in run:
                if loaded.lacks is not None:
                    self._leave_out(loaded.source.stream, loaded.lacks)
                    continue
                together = waiting.setdefault(loaded.source.stream.name, [])
                together.append(loaded)
                if loaded.is_restart or len(together) >= self._reading.answers_a_page:
                    yield from self._taken(waiting.pop(loaded.source.stream.name))
        finally:
            run.close()
        for together in waiting.values():
            yield from self._taken(together)

    def _has_way(self, stream: Stream) -> bool:
        """Choose the way of a load since a date. False where the stream may not be read."""
        try:
            self._choose_way(stream)
        except MissingScopes as error:
            self._leave_out(stream, error)
            return False
        return True

    def _choose_way(self, stream: Stream) -> None:
        """For a load since a date: search (200 a page, few a second) or list everything (100 a page, faster) and leave out what is older.

        Whichever is expected to take less time. Both are complete: the list has no cap, and the search goes on by moment and id.
        Tickets are always listed, because one that was opened before may have been closed since.
        """
        state = self._at.states[stream.name]
        if not isinstance(state, Load) or state.way:
            return
        if stream.kind == TICKETS.kind or stream.name == CONTACT_FACTS.name or self._at.start_ms is None:
            state.way = "list"
            return
        probe(self._client, stream, state)
        found = self._client.search(
            stream.kind,
            [{"propertyName": stream.happened, "operator": "GTE", "value": str(self._at.start_ms)}],
            sort=stream.happened,
            limit=1,
        )
        by_search_s = found.total / SEARCH_LIMIT / SEARCH_PER_S + 2 * found.total / SEARCH_LIMIT / LIST_PER_S
        by_list_s = (state.total or 0) / LIST_LIMIT / LIST_PER_S
        state.way = "search" if by_search_s < by_list_s else "list"
        if state.way == "search":
            state.total, state.at_ms = found.total, self._at.start_ms

    def _load_by_search(self, stream: Stream, state: Load) -> Iterator[Page]:
        for step in walk(self._client, stream, stream.happened, state.at_ms or self._at.start_ms or 0, state.after_id):
            prepared = self._prepare_found(stream, step.records)
            self._note_load(state, stream, step.records)
            state.at_ms, state.after_id = step.at_ms, step.after_id
            if step.at_ms is None:
                self._at.states[stream.name] = _to_window(state)
            yield self._page(stream, prepared, len(step.records), self._owed(stream, state))

    def _taken(self, together: Sequence[Loaded]) -> Iterator[Page]:
        """The page of some answers, unless what goes with the stream turned out to be closed to us."""
        stream = together[0].source.stream
        if stream.name not in self._memory.unread:
            yield from self._if_allowed(stream, self._take_loaded(together))

    def _take_loaded(self, together: Sequence[Loaded]) -> Iterator[Page]:
        """Several answers of one stream as one page: a frame costs much the same for a hundred records as for a thousand."""
        stream, state = together[0].source.stream, together[0].source.load
        if together[-1].is_restart:
            state.left, state.token, state.newest_ms, state.recent, state.handed = [[0, END]], None, 0, 0, 0
            self._handed_before[stream.name] = 0
            return
        records = [record for loaded in together for record in loaded.records]
        prepared = self._prepare_listed(stream, records, len(together))
        self._note_load(state, stream, records)
        for loaded in together:
            if loaded.token is not None or loaded.is_last:
                state.token = loaded.token
                state.left = [] if loaded.is_last else state.left
            else:
                state.done(loaded.first, loaded.end)
        if not state.left:
            self._at.states[stream.name] = _to_window(state)
        yield self._page(stream, prepared, len(records), self._owed(stream, state))

    def _note_load(self, state: Load, stream: Stream, records: Sequence[Json]) -> None:
        moments = {str(record["id"]): to_ms(record["properties"].get(stream.modified)) or 0 for record in records}
        young = {one for one, ms in moments.items() if ms >= state.since_ms}
        state.newest_ms = max(state.newest_ms, max(moments.values(), default=0))
        state.recent += len(young)
        state.handed += len(records)
        self._memory.in_window.setdefault(stream.name, set()).update(young)

    def _owed(self, stream: Stream, state: Load) -> int | None:
        """How many records this run is to bring: all, or in a resumed load those that were not handed on before."""
        return None if state.total is None else max(state.total - self._handed_before[stream.name], 0)

    # Changes

    def _changes(self, stream: Stream) -> Iterator[Page]:
        window = self._at.states[stream.name]
        if not isinstance(window, Window):
            return
        now_ms, from_ms, is_begun = 0, window.from_ms, False
        for changed in watch(self._client, stream, window, lag_ms=self._reading.lag_ms):
            now_ms = changed.now_ms
            if changed.records:
                yield self._changed_page(stream, changed, window, from_ms)
            elif is_begun:
                # That a walk is over must be kept too, or the next pull would have to end it.
                yield Page(stream.table, stream.name, empty_table(TABLES[stream.table]), self._at.text(), records=0)
            is_begun = True
        if stream.name != CONTACT_FACTS.name:
            yield from self._vanished(stream, window, now_ms)

    def _changed_page(self, stream: Stream, changed: Changed, window: Window, from_ms: int) -> Page:
        if window.is_settled:
            self._memory.in_window[stream.name] = set()
        self._memory.in_window.setdefault(stream.name, set()).update(str(record["id"]) for record in changed.records)
        return self._page(stream, self._prepare_found(stream, changed.records), len(changed.records), None, since_ms=from_ms)

    def _vanished(self, stream: Stream, window: Window, now_ms: int) -> Iterator[Page]:
        for vanished in self._vanishing.archived(stream, window, now_ms):
            self._vanishing.note(stream, empty_table(TABLES[stream.table]), vanished.gone)
            rows = empty_table(TABLES[stream.table])
            yield Page(stream.table, stream.name, rows, self._at.text(), records=0, gone=vanished.gone)
        for vanished in self._vanishing.counted(stream, window, now_ms, self._at.start_ms):
            prepared = self._prepare_found(stream, vanished.found)
            settle(window, vanished, prepared.rows.iloc[:, 0].nunique())
            gone = _together(prepared.gone, vanished.gone)
            yield self._page(stream, replace(prepared, gone=gone, calls=vanished.calls), len(vanished.found), None, since_ms=window.from_ms)

    # Facts

    def _gather(self) -> Gathered | None:
        state = self._at.states[CONTACTS.name]
        if isinstance(state, Window):
            return Gathered(state.from_ms)
        return Gathered(None) if state.is_untouched else None

    def _keep(self, facts: Sequence[Fact]) -> None:
        if self._memory.gathered is not None:
            self._memory.gathered.facts += facts
            if len(self._memory.gathered.facts) > FACTS_KEPT:
                self._memory.gathered = None

    def _facts(self) -> Iterator[Page]:
        """Activities from the contacts' own properties; from what the contacts' pull has brought, where that covers all that is owed."""
        state = self._at.states[CONTACT_FACTS.name]
        gathered = self._memory.gathered
        if gathered is not None and gathered.end is not None and _covers(gathered, state):
            since = state.from_ms if isinstance(state, Window) else None
            self._at.states[CONTACT_FACTS.name] = Window(**vars(gathered.end))
            self._memory.gathered = None
            rows = self._fact_rows(gathered.facts, since)
            if len(rows) or isinstance(state, Load):
                yield Page("activities", CONTACT_FACTS.name, rows, self._at.text(), records=0, calls=0)
            return
        if isinstance(state, Load):
            yield from self._load([CONTACT_FACTS])
        else:
            yield from self._changes(CONTACT_FACTS)

    def _fact_rows(self, facts: Sequence[Fact], since_ms: int | None) -> pd.DataFrame:
        if not self._mails_whole and EMAILS.name not in self._memory.unread and unheard(facts, self._heard, replies_since_ms=since_ms):
            self._hear_again(since_ms)
        return self._since_start(to_fact_rows(facts, self._heard, replies_since_ms=since_ms))

    def _hear_again(self, since_ms: int | None) -> None:
        """An earlier run, one that was broken off, may have read the e-mails that tell of these replies: look at when incoming ones came."""
        stream = replace(EMAILS, properties=(EMAILS.happened, "hs_email_direction"), associations=("contacts",))
        incoming = [word for word, direction in EMAIL_DIRECTIONS.items() if direction is Direction.INBOUND]
        from_ms = max((since_ms or self._at.start_ms or 0) - 2 * SAME_REPLY_MS, 0)
        only = [{"propertyName": "hs_email_direction", "operator": "IN", "values": incoming}]
        for step in walk(self._client, stream, stream.happened, from_ms, also=only):
            self._heard.add(self._prepare_found(stream, step.records).rows)
        self._mails_whole = True

    # Preparing

    def _prepare_listed(self, stream: Stream, records: Sequence[Json], calls: int) -> Prepared:
        """Lists bring the associations along; where a record has more than came, the rest is asked for."""
        links: dict[str, dict[str, list[str]]] = {}
        for kind in stream.associations:
            found, unfinished = inline_links(records, kind)
            if unfinished:
                found |= self._client.links(stream.kind, kind, unfinished)
                calls += 1
            links[kind] = found
        return self._prepare(stream, records, links, calls)

    def _prepare_found(self, stream: Stream, records: Sequence[Json]) -> Prepared:
        """Searches bring no associations: they are asked for, a thousand records at a time."""
        links: dict[str, dict[str, list[str]]] = {}
        calls = 1
        ids = [str(record["id"]) for record in records]
        for kind in stream.associations:
            links[kind] = self._client.links(stream.kind, kind, ids) if ids else {}
            calls += bool(ids)
            ids = list(links["contacts"])  # what concerns no contact gives no row, so its company is not asked for
        return self._prepare(stream, records, links, calls)

    def _prepare(self, stream: Stream, records: Sequence[Json], links: dict[str, dict[str, list[str]]], calls: int) -> Prepared:
        if stream.table == "contacts":
            standing = to_standing("contacts", records, self._reading.fields, stream.modified)
            rows = to_contacts(records, self._reading.own_names)
            return Prepared(rows, standing, _unless_empty(to_merged("contacts", records)), to_facts(records), calls)
        if stream.table == "companies":
            standing = to_standing("companies", records, self._reading.fields, stream.modified)
            return Prepared(
                to_companies(records, self._reading.own_names), standing, _unless_empty(to_merged("companies", records)), calls=calls
            )
        if stream.name == CONTACT_FACTS.name:
            return Prepared(empty_table(TABLES["activities"]), facts=to_facts(records), calls=calls)
        stages = self._closed_stages() if stream.kind == TICKETS.kind and records else frozenset()
        contacts, companies = links.get("contacts", {}), links.get("companies", {})
        rows = to_activities(stream, records, contacts, companies, closed_stages=stages, unknown=self._memory.unknown)
        gone = _unless_empty(to_reopened(records, stages)) if stream.kind == TICKETS.kind else None
        return Prepared(rows, gone=gone, calls=calls)

    def _closed_stages(self) -> frozenset[str]:
        if self._stages is None:
            self._stages = self._client.closed_stages()
        return self._stages

    def _page(self, stream: Stream, prepared: Prepared, records: int, expected: int | None, *, since_ms: int | None = None) -> Page:
        rows = prepared.rows
        if stream.table == "contacts":
            self._keep(prepared.facts)
            self._memory.owners.update(rows["owner_id"].dropna())
        elif stream.name == CONTACT_FACTS.name:
            rows = self._fact_rows(prepared.facts, since_ms)
        elif stream.table == "activities":
            rows = self._since_start(rows)
            self._heard.add(rows)
            self._memory.owners.update(rows["actor_id"].dropna())
        self._vanishing.note(stream, rows, prepared.gone)
        return Page(
            stream.table,
            stream.name,
            rows,
            self._at.text(),
            records=records,
            expected=expected,
            standing=prepared.standing,
            gone=prepared.gone,
            calls=prepared.calls,
        )

    def _since_start(self, rows: pd.DataFrame) -> pd.DataFrame:
        if self._at.start_ms is None:
            return rows
        start: datetime = from_ms(self._at.start_ms)
        return rows[rows["occurred_at"] >= start].reset_index(drop=True)


def _to_window(state: Load) -> Window:
    newest_ms = max(state.newest_ms, state.since_ms)
    return Window(state.since_ms, newest_ms, state.recent, state.began_ms, archived_ms=state.began_ms, counted_ms=state.began_ms)


def _covers(gathered: Gathered, state: State) -> bool:
    if isinstance(state, Load):
        return gathered.from_ms is None and state.is_untouched
    return state.at_ms is None and (gathered.from_ms is None or gathered.from_ms <= state.from_ms)


def _together(*frames: pd.DataFrame | None) -> pd.DataFrame | None:
    some = [frame for frame in frames if frame is not None and len(frame)]
    return pd.concat(some, ignore_index=True) if some else None


def _unless_empty(frame: pd.DataFrame) -> pd.DataFrame | None:
    return frame if len(frame) else None
