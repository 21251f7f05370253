"""A portal: everything that HubSpot would keep, and the operations that change it."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.hubspot.associations import Links
from sandbox.hubspot.index import SearchIndex
from sandbox.hubspot.object_types import TYPES, ObjectType, object_type
from sandbox.hubspot.owners import Owners
from sandbox.hubspot.pipelines import Pipelines
from sandbox.hubspot.records import Record, Source, Store
from sandbox.hubspot.schema import built_in_schemas
from sandbox.hubspot.values import Value, iso
from sandbox.hubspot.wire import value_of
from sandbox.limits import Limits
from sandbox.options import SandboxOptions


@dataclass
class Token:
    """What an access token may do. ``expires_ms`` None: never. ``is_oauth`` tells an app's token from a private app's."""

    scopes: frozenset[str]
    app: str
    expires_ms: int | None = None
    is_oauth: bool = False


class Portal:
    """One HubSpot account. Every change goes through here, under one lock, so that a test may look at it from another thread."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self.options = options
        self.clock = clock
        self.limits = Limits(options, clock)
        self.lock = threading.RLock()
        self.random = random.Random(options.seed)
        self._lag_random = random.Random(options.seed + 1)
        self.schemas = built_in_schemas()
        self.stores = {kind.name: Store(kind, self.schemas[kind.name], SearchIndex(clock.elapsed, self._lag)) for kind in TYPES}
        self.links = Links()
        self.owners = Owners()
        self.pipelines = Pipelines()
        self.blocked_emails: set[str] = set()
        self.tokens: dict[str, Token] = {}
        self.refresh_tokens: dict[str, frozenset[str]] = {options.refresh_token: frozenset(options.scopes)}
        self.tokens[options.token] = Token(frozenset(options.scopes), f"private:{options.app_id}")
        self.ids: dict[str, dict[str, int]] = {}

    @property
    def app_source(self) -> Source:
        """Who writes through the API."""
        return Source("INTEGRATION", str(self.options.app_id), "Still There")

    @property
    def person_source(self) -> Source:
        """Who writes in the browser."""
        user = self.options.user_id
        return Source("CRM_UI", f"userId:{user}", None, user)

    def _lag(self, _record_id: int, _number: int) -> float:
        return self._lag_random.uniform(*self.options.index_lag)

    def correlation_id(self) -> str:
        """A new correlation id, the same in every run with the same seed."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def store(self, kind: ObjectType) -> Store:
        """The records of one object type."""
        return self.stores[kind.name]

    def add_token(self, token: str, scopes: Iterable[str], *, app: str = "", expires_ms: int | None = None, is_oauth: bool = False) -> None:
        """Let in another token."""
        self.tokens[token] = Token(frozenset(scopes), app or f"private:{token}", expires_ms, is_oauth)

    def create(self, kind: ObjectType, values: dict[str, Value], source: Source) -> Record:
        """Make a record of values that were checked before."""
        store = self.store(kind)
        now = self.clock.now_ms()
        record = Record(store.new_id(), now, now, source, extra=dict(values))
        for name in store.schema.unique_names():
            store.claim(name, record.get(name), record.id)
        store.put(record)
        return record

    def update(self, kind: ObjectType, record: Record, values: dict[str, Value], source: Source) -> Record:
        """Write values that were checked before. The record is stamped even where nothing differs."""
        store = self.store(kind)
        changed = record.changed(values, max(self.clock.now_ms(), record.modified), source, self.options.history_cap)
        for name in store.schema.unique_names():
            if name in values:
                store.release(name, record.get(name), record.id)
                store.claim(name, values[name], record.id)
        store.put(changed)
        return changed

    def archive(self, kind: ObjectType, record_id: int) -> None:
        """Archive a record; nothing happens where there is none. An e-mail is gone for good."""
        store = self.store(kind)
        if record_id in store.live:
            store.take_out(record_id, self.clock.now_ms(), keep=kind.has_archive)
            if not kind.has_archive:
                self.links.forget(kind.name, record_id)

    def merge(self, kind: ObjectType, primary: Record, other: Record) -> Record:
        """Merge two records into a new one with a new id; both old ids lead to it from now on. The primary's values win."""
        store = self.store(kind)
        now = self.clock.now_ms()
        values: dict[str, Value] = {}
        for record in (other, primary):
            for name in record.names():
                value = record.get(name)
                if value is not None and value != "":
                    values[name] = value
        olds = [primary, other]
        earlier = [str(record.get("hs_merged_object_ids") or "") for record in olds]
        values["hs_merged_object_ids"] = ";".join(part for part in [*earlier, *(str(record.id) for record in olds)] if part)
        if kind.name == "contacts":
            stamps = [str(record.get("hs_calculated_merged_vids") or "") for record in olds]
            values["hs_calculated_merged_vids"] = ";".join(part for part in [*stamps, *(f"{record.id}:{now}" for record in olds)] if part)
            self._merge_emails(olds, values)
        history = {**(other.history or {}), **(primary.history or {})}
        for record in olds:
            store.take_out(record.id, now, keep=False)
        merged = Record(store.new_id(), min(r.created for r in olds), now, primary.source, extra=values, history=history or None)
        primary_company = self.links.primary((kind.name, "companies"), primary.id)
        for record in olds:
            self.links.move(kind.name, record.id, merged.id)
            store.merged[record.id] = merged.id
        if primary_company is not None and kind.name != "companies":
            mark = {"contacts": 1, "tickets": 26}[kind.name]
            self.links.add((kind.name, "companies"), merged.id, primary_company, [mark])
        for name in store.schema.unique_names():
            store.claim(name, merged.get(name), merged.id)
        store.put(merged)
        return merged

    @staticmethod
    def _merge_emails(olds: list[Record], values: dict[str, Value]) -> None:
        addresses: dict[str, None] = {}
        for record in olds:
            for name in ("email", "hs_additional_emails"):
                addresses.update(dict.fromkeys(part for part in str(record.get(name) or "").split(";") if part))
        others = [address for address in addresses if address != values.get("email")]
        if others:
            values["hs_additional_emails"] = ";".join(others)

    def erase_contact(self, record_id: int) -> None:
        """Forget a contact for good (GDPR): the record, its links, and its address may not come back."""
        store = self.stores["contacts"]
        record = store.live.get(record_id) or store.archived.get(record_id)
        if record is not None and record.get("email"):
            self.blocked_emails.add(str(record.get("email")))
        self.links.forget("contacts", record_id)
        store.erase(record_id)

    def find(self, kind: ObjectType, text: str, id_property: str | None = None) -> Record | None:
        """The live record of an id (also one that was merged away) or of a unique value."""
        store = self.store(kind)
        if id_property:
            number = store.holder(id_property, text)
        elif text.isdigit():
            number = store.resolve(int(text))
        else:
            return None
        return store.live.get(number) if number is not None else None

    def properties(self, kind_name: str, record_id: str | int) -> dict[str, str]:
        """All values of a live record as the API would write them, for tests; KeyError where there is none."""
        kind = object_type(kind_name)
        with self.lock:
            record = self.store(kind).live[self.store(kind).resolve(int(record_id))]
            found = {name: value_of(self, kind, record, name) for name in record.names()}
            return {name: iso(value) if isinstance(value, int) else str(value) for name, value in found.items() if value is not None}

    def snapshot(self) -> dict[str, Any]:
        """The portal as plain values, for tests: records by type and id, tasks with what they are linked to, custom definitions.

        ``{"contacts": {id: {property: value}}, …, "tasks": {id: {…, "associations": {"contacts": [id]}}}, "definitions": {type: {name: …}}}``
        """
        with self.lock:
            state: dict[str, Any] = {
                name: {str(i): self.properties(name, i) for i in store.ids} for name, store in self.stores.items() if name != "tasks"
            }
            tasks = self.stores["tasks"]
            state["tasks"] = {
                str(i): {
                    **self.properties("tasks", i),
                    "associations": {
                        other: [str(to) for to in self.links.of(("tasks", other), i)] for other in ("contacts", "companies", "tickets")
                    },
                }
                for i in tasks.ids
            }
            state["definitions"] = {
                name: {
                    d.name: {"label": d.label, "type": d.type, "fieldType": d.field_type, "groupName": d.group, "options": d.options}
                    for d in schema.all.values()
                    if not d.is_built_in and d.archived_ms is None
                }
                for name, schema in self.schemas.items()
            }
            return state
