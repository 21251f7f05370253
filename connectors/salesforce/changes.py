"""What changed in an org since the cursor, and what vanished from it. Five objects are asked in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from connectors.salesforce.client import COMPOSITE_QUERIES, Found, parts
from connectors.salesforce.pulling import Pull
from connectors.salesforce.soql import of_records, statement
from connectors.salesforce.streams import CASES, EMAILS, EVENTS, FOLLOWERS, MERGES, METRICS, STREAMS, TASKS, Follower, Stream
from connectors.salesforce.values import to_list, to_soql
from connectors.salesforce.vanishing import compare, deleted_since, record_ids, told
from connectors.salesforce.watching import Watched, look, watch
from connectors.windows import Window
from transforms.vocabulary.changes import Page

Json = dict[str, Any]

PREFIXES = {
    "Contact": "003",
    "Lead": "00Q",
    "Account": "001",
    "EmailMessage": "02s",
    "Task": "00T",
    "Event": "00U",
    "Case": "500",
    "CaseComment": "00a",
    "CampaignMember": "00v",
}
"""How the ids of objects begin whose records are compared with what is known, once a week."""


WINNERS_A_QUERY = 200


class Changes:
    """The changes of one pull."""

    def __init__(self, pull: Pull) -> None:
        self._pull = pull

    def pages(self, streams: Sequence[Stream]) -> Iterator[Page]:
        """Every change of these streams."""
        followers = [one for one in FOLLOWERS[self._pull.at.table] if self._follows(one)]
        watched = [self._watched(stream.name, stream) for stream in streams]
        watched += [self._watched(one.name, None, one) for one in followers]
        ripe, until_ms = self._ripe_statement()
        found, also = look(self._pull.client, watched, ripe)
        now_ms = self._pull.client.now_ms
        read: dict[str, set[str]] = {}
        calls = -(-(len(found) + len(ripe)) // COMPOSITE_QUERIES)
        for stream, one in zip(streams, watched, strict=False):
            for page in self._changed(stream, one, found.get(one.name), read.setdefault(stream.name, set())):
                yield Page(**{**vars(page), "calls": page.calls + calls})
                calls = 0
        for follower, one in zip(followers, watched[len(streams) :], strict=True):
            yield from self._followed(follower, one, found.get(one.name), read)
        yield from self._ripened(also, until_ms, read.setdefault(EVENTS.name, set()))
        yield from self._sweep(streams, now_ms)

    def _follows(self, follower: Follower) -> bool:
        if not isinstance(self._pull.at.states[follower.name], Window):
            return False
        return self._pull.shape.has(follower.object, "SystemModstamp") and self._pull.shape.has(follower.object, follower.key)

    def _watched(self, name: str, stream: Stream | None, follower: Follower | None = None) -> Watched:
        window = self._pull.at.states[name]
        assert isinstance(window, Window)  # noqa: S101 - only windows are watched
        if stream is not None:
            chosen = stream
            return Watched(name, window, stream.modified, lambda condition, order: of_records(chosen, self._pull.shape, [condition], order))
        assert follower is not None  # noqa: S101 - one of the two is given
        columns = list(
            dict.fromkeys(
                ["Id", follower.key, "SystemModstamp", *(one for one in follower.fields if self._pull.shape.has(follower.object, one))]
            )
        )
        source, always = follower.object, follower.where
        return Watched(name, window, "SystemModstamp", lambda condition, order: statement(columns, source, [always, condition], order))

    def _changed(self, stream: Stream, one: Watched, found: Found | None, read: set[str]) -> Iterator[Page]:
        for changed in watch(self._pull.client, one, found, lag_ms=self._pull.reading.lag_ms):
            if changed.records:
                self._remember(stream.name, one.window, changed.records)
                read.update(str(record["Id"]) for record in changed.records)
                yield self._pull.changed_page(stream, changed.records, changed.calls)

    def _remember(self, name: str, window: Window, records: Sequence[Json]) -> None:
        if window.is_settled:
            self._pull.memory.in_window[name] = set()
        self._pull.memory.in_window.setdefault(name, set()).update(str(record["Id"]) for record in records)

    def _followed(self, follower: Follower, one: Watched, found: Found | None, read: dict[str, set[str]]) -> Iterator[Page]:
        """Records whose followers changed while they themselves did not."""
        steps = watch(self._pull.client, one, found, lag_ms=self._pull.reading.lag_ms)
        while True:
            before = self._pull.at.text()
            changed = next(steps, None)
            if changed is None:
                return
            ids = list(dict.fromkeys(str(record[follower.key]) for record in changed.records if record.get(follower.key)))
            if follower.name == METRICS.name:
                pages = self._recounted(ids)
            elif follower.name == MERGES.name:
                pages = self._of_winners(ids, read)
            else:
                stream = next(stream for stream in STREAMS[self._pull.at.table] if stream.name == follower.stream)
                seen = read.setdefault(stream.name, set())
                pages = self._pull.again(stream, [one_ for one_ in ids if one_ not in seen], seen)
            yield from together(pages, before)

    def _recounted(self, ids: Sequence[str]) -> Iterator[Page]:
        """Contacts of whom the org counted mail that it keeps no record of."""
        captured = self._pull.captured.of(ids)
        for stream in STREAMS["contacts"]:
            some = [one for one in captured if one.startswith(PREFIXES[stream.object])]
            if some and stream in self._pull.readable():
                yield from self._pull.again(stream, some, set())

    def _ripe_statement(self) -> tuple[list[str], int]:
        """Events that have ended since they were last looked at: that they are over changes nothing on the record."""
        until_ms = self._pull.client.now_ms
        if self._pull.at.table != "activities" or not self._pull.at.ripe_ms or not self._pull.shape.has(EVENTS.object, "EndDateTime"):
            return [], until_ms
        if until_ms <= self._pull.at.ripe_ms:
            return [], self._pull.at.ripe_ms
        ended = f"EndDateTime >= {to_soql(self._pull.at.ripe_ms)} AND EndDateTime < {to_soql(until_ms)}"
        return [of_records(EVENTS, self._pull.shape, [ended, "IsDeleted = false"], "ORDER BY Id")], until_ms

    def _ripened(self, also: Sequence[Found], until_ms: int, read: set[str]) -> Iterator[Page]:
        for answer in also:
            records = list(answer.records)
            if answer.more is not None:
                soql = self._ripe_statement()[0][0]
                pages = self._pull.client.query(soql, is_all=True, purpose="read", what="read events that are over")
                records = [record for page in pages for record in page]
            self._pull.at.ripe_ms = until_ms
            fresh = [record for record in records if str(record["Id"]) not in read]
            if fresh:
                yield self._pull.changed_page(EVENTS, fresh, 0)

    def _of_winners(self, winners: Sequence[str], read: dict[str, set[str]]) -> Iterator[Page]:
        """A merge hands the loser's activities to the winner without a word on them: they are read again."""
        for some in parts(winners, WINNERS_A_QUERY):
            ids = to_list(some)
            yield from self._moved(TASKS, "Task", "Id", f"WhoId IN {ids}", read)
            yield from self._moved(EVENTS, "Event", "Id", f"WhoId IN {ids}", read)
            yield from self._moved(CASES, "Case", "Id", f"ContactId IN {ids}", read)
            yield from self._moved(EMAILS, "EmailMessageRelation", "EmailMessageId", f"RelationId IN {ids}", read)
            yield from self._moved(EVENTS, "EventRelation", "EventId", f"RelationId IN {ids}", read)

    def _moved(self, stream: Stream, name: str, key: str, condition: str, read: dict[str, set[str]]) -> Iterator[Page]:
        if stream in self._pull.readable() and self._pull.shape.has(name, key):
            seen = read.setdefault(stream.name, set())
            soql = statement(list(dict.fromkeys(["Id", key])), name, [condition], "ORDER BY Id")
            yield from self._pull.again(stream, self._ids(soql, key, seen), seen)

    def _ids(self, soql: str, key: str, seen: set[str]) -> list[str]:
        pages = self._pull.client.query(soql, is_all=True, purpose="read", what="read what a merge has moved")
        found = dict.fromkeys(str(record[key]) for page in pages for record in page if record.get(key))
        return [one for one in found if one not in seen]

    # What vanished

    def _sweep(self, streams: Sequence[Stream], now_ms: int) -> Iterator[Page]:
        sweep = self._pull.at.sweep
        # Whoever was erased there is to be erased here with the next pull; for what only happened a day is soon enough.
        is_asked = self._pull.at.table == "contacts" or now_ms - sweep.deleted_ms >= self._pull.reading.sweep_every_ms
        if is_asked:
            found, covered_ms = deleted_since(self._pull.client, streams, sweep.deleted_ms, now_ms)
            sweep.is_due = sweep.is_due or covered_ms is None
            before = self._pull.at.text()
            sweep.deleted_ms = now_ms if covered_ms is None else covered_ms
            yield from together(self._told(streams, found), before)
        is_due = sweep.is_due or bool(sweep.done) or now_ms - sweep.whole_ms >= self._pull.reading.whole_every_ms
        if self._pull.reading.known is not None and is_due:
            yield from self._compare(streams, now_ms, self._pull.reading.known)

    def _told(self, streams: Sequence[Stream], found: dict[str, list[str]]) -> Iterator[Page]:
        for stream in streams:
            if stream.object in found:
                yield self._pull.gone_page(stream, told(self._pull.client, stream, found[stream.object]))

    def _compare(self, streams: Sequence[Stream], now_ms: int, known: Callable[[str], Iterable[str]]) -> Iterator[Page]:
        """Object by object, so that a run that is broken off goes on with the next one."""
        sweep = self._pull.at.sweep
        compared = [stream for stream in streams if stream.object in PREFIXES]
        ids = list(known(self._pull.at.table))
        for stream in compared:
            if stream.object in sweep.done:
                continue
            frame, unread = compare(self._pull.client, self._pull.gatherer, stream, record_ids(ids, PREFIXES[stream.object]))
            if stream.table != "activities" and unread:
                yield from self._pull.again(stream, unread, set())
            sweep.done.append(stream.object)
            yield self._pull.gone_page(stream, frame)
        sweep.done, sweep.is_due, sweep.whole_ms = [], False, now_ms
        yield self._pull.gone_page(compared[0], None)


def together(pages: Iterator[Page], before: str) -> Iterator[Page]:
    """Pages that belong together: only with the last one the cursor moves, so that a run which is broken off in between repeats them."""
    held: Page | None = None
    for page in pages:
        if held is not None:
            yield replace(held, cursor=before)
        held = page
    if held is not None:
        yield held
