"""What is there no more: records that were archived, which HubSpot lists, and those that went without a trace, which only a count shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from connectors.hubspot.activities import activity_ids
from connectors.hubspot.client import BATCH_LIMIT, Client, parts
from connectors.hubspot.counting import ID, Block, fates, wrong_blocks
from connectors.hubspot.cursors import Window
from connectors.hubspot.mapping import to_archived, to_erased
from connectors.hubspot.streams import COMPANIES, CONTACTS, EMAILS, Stream

Json = dict[str, Any]

ARCHIVED = "archived contacts"
"""The name by which the ids of contacts are asked for that were archived and not erased, as far as is known."""

COUNTED = (CONTACTS.name, COMPANIES.name, EMAILS.name)
"""Streams whose records can vanish without a trace. Others go to the recycle bin, where they are listed as archived."""


@dataclass
class Vanished:
    """What one look brought: rows of what is gone, records that nobody had read, and what the look cost. ``block`` is the block that was counted."""

    gone: pd.DataFrame | None = None
    found: list[Json] = field(default_factory=list)
    calls: int = 1
    block: Block | None = None


class Vanishing:
    """Watches for records that vanish. ``known`` gives the ids that were read before this pull, by stream; without it nothing is counted."""

    def __init__(self, client: Client, known: Callable[[str], Iterable[str]] | None, *, archive_every_ms: int, count_every_ms: int) -> None:
        self._client = client
        self._known = known
        self._archive_every_ms = archive_every_ms
        self._count_every_ms = count_every_ms
        self._read: dict[str, set[str]] = {name: set() for name in COUNTED}
        self._gone: dict[str, set[str]] = {name: set() for name in COUNTED}

    def note(self, stream: Stream, rows: pd.DataFrame, gone: pd.DataFrame | None) -> None:
        """Remember what this pull has read and found gone: the lake may not have it yet."""
        if stream.name in COUNTED:
            ids = set(rows[_key(stream)])
            self._read[stream.name] |= ids
            self._gone[stream.name] -= ids
            if gone is not None:
                self._gone[stream.name] |= set(gone["record_id"])

    def archived(self, stream: Stream, window: Window, now_ms: int) -> Iterator[Vanished]:
        """Once a day: which records were archived. Search never shows them, and their list cannot be asked for what is new in it.

        A contact who was archived and is not in that list any more was erased, or purged after 90 days.
        """
        if now_ms - window.archived_ms < self._archive_every_ms and window.archived_after is None:
            return
        is_whole, listed = window.archived_after is None, set[str]()
        while True:
            found = self._client.list_page(stream.kind, after=window.archived_after, is_archived=True)
            listed |= {str(record["id"]) for record in found.records}
            window.archived_after = found.after
            if found.after is None:
                window.archived_ms = now_ms
            ids = [one for record in found.records for one in _ids_in(stream, str(record["id"]))]
            gone = [to_archived(stream.table, ids)]
            if found.after is None and is_whole and stream.name == CONTACTS.name and self._known is not None:
                gone.append(to_erased(stream.table, self._purged(stream, [one for one in self._known(ARCHIVED) if one not in listed])))
            yield Vanished(pd.concat(gone, ignore_index=True))
            if found.after is None:
                return

    def _purged(self, stream: Stream, ids: Sequence[str]) -> list[str]:
        """Those of once archived records that are neither there again nor in the recycle bin."""
        return fates(self._client, stream, ids, (ID,)).erased if ids else []

    def counted(self, stream: Stream, window: Window, now_ms: int, start_ms: int | None) -> Iterator[Vanished]:
        """Records that are gone, and records that nobody has read, wherever HubSpot counts more or fewer than are known.

        Contacts are counted in every pull: whoever was erased there is to be erased here with the next one.
        """
        is_due = stream.name == CONTACTS.name or now_ms - window.counted_ms >= self._count_every_ms
        if self._known is None or stream.name not in COUNTED or not is_due:
            return
        known = (set(self._known(stream.name)) | self._read[stream.name]) - self._gone[stream.name]
        ids = sorted(int(one) for one in known if one.isdigit())
        only = [] if start_ms is None else [{"propertyName": stream.happened, "operator": "GTE", "value": str(start_ms)}]
        window.counted_ms = now_ms
        for block in wrong_blocks(self._client, stream, ids, window.surplus, only if stream.table == "activities" else []):
            told = fates(self._client, stream, block.missing, stream.properties)
            there = {str(record["id"]): record for record in told.found if str(record["id"]) not in known}
            for some in parts([one for one in block.unread if one not in there], BATCH_LIMIT):
                read = self._client.batch_read(stream.kind, some, stream.properties, needs_all=False)
                there |= {str(record["id"]): record for record in read}
            gone = [
                to_archived(stream.table, told.archived),
                to_archived(stream.table, told.erased) if stream.table == "activities" else to_erased(stream.table, told.erased),
            ]
            calls = block.calls + -(-len(block.missing) // BATCH_LIMIT) + -(-len(block.unread) // BATCH_LIMIT)
            yield Vanished(pd.concat(gone, ignore_index=True), list(there.values()), calls, block)


def settle(window: Window, vanished: Vanished, ids_read: int) -> None:
    """Note how the count of a block stands now that ``ids_read`` of its unknown records turned out to concern somebody."""
    block = vanished.block
    if block is not None:
        lost = 0 if vanished.gone is None else len(vanished.gone)
        window.surplus[str(block.first)] = block.there - (block.known - lost) - ids_read


def _key(stream: Stream) -> str:
    return {"contacts": "contact_id", "companies": "company_id"}.get(stream.table, "activity_id")


def _ids_in(stream: Stream, record_id: str) -> Sequence[str]:
    return activity_ids(stream, record_id) if stream.table == "activities" else [record_id]
