"""Records as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.associations import DEFAULTS, PRIMARIES
from sandbox.hubspot.computed import COMPUTED, NOT_SHOWN_ON_CREATE, Getter
from sandbox.hubspot.errors import ApiError
from sandbox.hubspot.object_types import ObjectType, object_type
from sandbox.hubspot.records import Record, Version
from sandbox.hubspot.values import Value, iso, iso_ms

if TYPE_CHECKING:
    from sandbox.hubspot.portal import Portal

INLINE_LIMIT = 500
EMAIL_CONTENT = frozenset({"hs_email_text", "hs_email_html", "hs_email_headers", "hs_email_subject", "hs_body_preview"})


class Writer:
    """Writes records of one object type with a given choice of properties; made once for a page.

    Names that are not defined are left out; defined ones without a value are null. ``hides`` are properties whose content the token may
    not read: they come back as null.
    """

    def __init__(self, portal: Portal, kind: ObjectType, names: Iterable[str] | None, *, hides: frozenset[str] = frozenset()) -> None:
        self._portal = portal
        self._kind = kind
        schema = portal.schemas[kind.name]
        elapsed = portal.clock.elapsed()
        wanted = dict.fromkeys((*(names or kind.defaults), "hs_object_id", kind.created, kind.modified))
        computed = COMPUTED[kind.name]
        self._getters: list[tuple[str, Getter | None]] = [
            (name, computed.get(name)) for name in wanted if name not in hides and schema.active(name, elapsed)
        ]
        self._nulls = [name for name in wanted if name in hides and schema.active(name, elapsed)]

    def properties(self, record: Record) -> dict[str, str | None]:
        """The chosen properties."""
        portal = self._portal
        found: dict[str, str | None] = dict.fromkeys(self._nulls)
        for name, getter in self._getters:
            value = record.get(name) if getter is None else getter(portal, record)
            found[name] = iso(value) if isinstance(value, int) else value
        return found

    def record(
        self,
        record: Record,
        *,
        histories: Sequence[str] = (),
        associations: Sequence[ObjectType] = (),
        trace: str | None = None,
        properties: dict[str, str | None] | None = None,
    ) -> dict[str, Any]:
        """The record as JSON values."""
        made: dict[str, Any] = {"id": str(record.id), "properties": self.properties(record) if properties is None else properties}
        if histories:
            made["propertiesWithHistory"] = self._histories(record, histories, made["properties"])
        made["createdAt"] = iso_ms(record.created)
        made["updatedAt"] = iso_ms(record.modified)
        made["archived"] = record.archived is not None
        if record.archived is not None:
            made["archivedAt"] = iso_ms(record.archived)
        made["url"] = self._url(record)
        if trace is not None:
            made["objectWriteTraceId"] = trace
        found = inline_associations(self._portal, self._kind, record.id, associations)
        if found:
            made["associations"] = found
        return made

    def created(self, record: Record, *, trace: str | None = None) -> dict[str, Any]:
        """The record as the answer to its creation shows it: every property that has a value, computed ones with it."""
        names = dict.fromkeys([*record.names(), *COMPUTED[self._kind.name]])
        full: dict[str, str | None] = {}
        for name in sorted(names):
            value = value_of(self._portal, self._kind, record, name)
            if value not in (None, "") and name not in NOT_SHOWN_ON_CREATE:
                full[name] = iso(value) if isinstance(value, int) else value
        return self.record(record, trace=trace, properties=full)

    def _url(self, record: Record) -> str:
        options = self._portal.options
        if self._kind.name == "tasks":
            return f"https://{options.ui_domain}/tasks/{options.portal_id}/view/all/task/{record.id}"
        return f"https://{options.ui_domain}/contacts/{options.portal_id}/record/{self._kind.type_id}/{record.id}"

    def _histories(self, record: Record, names: Sequence[str], properties: dict[str, str | None]) -> dict[str, list[dict[str, Any]]]:
        schema, elapsed = self._portal.schemas[self._kind.name], self._portal.clock.elapsed()
        shown = {}
        for name in names:
            if schema.active(name, elapsed):
                value = value_of(self._portal, self._kind, record, name)
                properties.setdefault(name, iso(value) if isinstance(value, int) else value)
                versions = record.versions(name)
                if not versions and value is not None:
                    versions = ((record.modified, value, record.source),)
                shown[name] = [_version(version) for version in versions]
        return shown


def _version(version: Version) -> dict[str, Any]:
    ms, value, source = version
    shown: dict[str, Any] = {
        "value": iso(value) if isinstance(value, int) else value,
        "timestamp": iso_ms(ms),
        "sourceType": source.type,
    }
    if source.id is not None:
        shown["sourceId"] = source.id
    if source.label is not None:
        shown["sourceLabel"] = source.label
    if source.user_id is not None:
        shown["updatedByUserId"] = source.user_id
    return shown


def value_of(portal: Portal, kind: ObjectType, record: Record, name: str) -> Value | None:
    """A property's value, stored or computed."""
    getter = COMPUTED[kind.name].get(name)
    return record.get(name) if getter is None else getter(portal, record)


def inline_associations(portal: Portal, kind: ObjectType, record_id: int, wanted: Sequence[ObjectType]) -> dict[str, Any]:
    """The associations of one record by object type. An id that has a label besides the plain link is listed once for each."""
    found: dict[str, Any] = {}
    for other in wanted:
        pair = (kind.name, other.name)
        live = portal.store(other).live
        ids = [i for i in portal.links.of(pair, record_id) if i in live]
        if not ids:
            continue
        name = f"{kind.singular}_to_{other.singular}"
        results = []
        for to_id in ids[:INLINE_LIMIT]:
            types = portal.links.types(pair, record_id, to_id)
            if pair in PRIMARIES:
                if any(label.type_id != DEFAULTS.get(pair) for label in types):
                    results.append({"id": str(to_id), "type": name})
                results.append({"id": str(to_id), "type": f"{name}_unlabeled"})
            else:
                results.append({"id": str(to_id), "type": name})
        found[other.name] = {"results": results}
        if len(ids) > INLINE_LIMIT:
            link = f"https://api.hubapi.com/crm/v4/objects/{kind.name}/{record_id}/associations/{other.name}?after={ids[INLINE_LIMIT]}"
            found[other.name]["paging"] = {"next": {"after": str(ids[INLINE_LIMIT]), "link": link}}
    return found


def wanted_types(names: Iterable[str]) -> list[ObjectType]:
    """The object types of an ``associations`` parameter; names that do not exist are ignored."""
    found = []
    for name in dict.fromkeys(names):
        with suppress(ApiError):
            found.append(object_type(name))
    return found
