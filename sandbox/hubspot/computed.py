"""Properties that HubSpot computes itself. Each is a function of the record (and of the portal's clock and links); none is stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.hubspot.records import Record
from sandbox.hubspot.values import Value

if TYPE_CHECKING:
    from sandbox.hubspot.portal import Portal

Getter = Callable[["Portal", Record], Value | None]
_TAG = re.compile(r"<[^>]*>")
PREVIEW = 250

_BODIES = {
    "emails": ("hs_email_text", "hs_email_html"),
    "calls": ("hs_call_body",),
    "meetings": ("hs_meeting_body",),
    "communications": ("hs_communication_body",),
    "notes": ("hs_note_body",),
    "tasks": ("hs_task_body",),
}


def _full_name(_: Portal, record: Record) -> Value | None:
    names = [str(part) for part in (record.get("firstname"), record.get("lastname")) if part]
    return " ".join(names) or record.get("email") or None


def _email_domain(_: Portal, record: Record) -> Value | None:
    address = str(record.get("email") or "")
    return address.partition("@")[2] or None


def _is_unworked(_: Portal, record: Record) -> Value | None:
    return "false" if record.get("num_contacted_notes") else "true"


def _primary_company(portal: Portal, record: Record) -> Value | None:
    found = portal.links.primary(("contacts", "companies"), record.id)
    return None if found is None else str(found)


def _all_vids(_: Portal, record: Record) -> Value | None:
    merged = str(record.get("hs_merged_object_ids") or "")
    return ";".join([str(record.id), *(part for part in merged.split(";") if part)])


def _contact_count(portal: Portal, record: Record) -> Value | None:
    return str(len(portal.links.of(("companies", "contacts"), record.id)))


def _header(side: str, key: str) -> Getter:
    def read(_: Portal, record: Record) -> Value | None:
        text = record.get("hs_email_headers")
        if not text:
            return None
        # Twelve properties are read from the same text for each record of a page, so the last one is remembered.
        if _last_headers[0] != text:
            try:
                _last_headers[:] = [text, orjson.loads(str(text))]
            except orjson.JSONDecodeError:
                _last_headers[:] = [text, {}]
        people = _last_headers[1].get(side) if isinstance(_last_headers[1], dict) else None
        found = [str(p.get(key)) for p in (people if isinstance(people, list) else [people] if people else []) if p.get(key)]
        return ";".join(found) or None

    return read


_last_headers: list[Any] = ["", {}]


def _rate(count: str) -> Getter:
    def read(_: Portal, record: Record) -> Value | None:
        counted, sent = record.get(count), record.get("hs_email_sent_count")
        return None if not sent or counted is None else str(100.0 * float(counted) / float(sent))

    return read


def _preview(kind: str) -> Getter:
    def read(_: Portal, record: Record) -> Value | None:
        for name in _BODIES[kind]:
            text = record.get(name)
            if text:
                return " ".join(_TAG.sub(" ", str(text)).split())[:PREVIEW]
        return None

    return read


def _html(_: Portal, record: Record) -> Value | None:
    given = record.get("hs_email_html")
    if given is not None:
        return given
    text = record.get("hs_email_text")
    if not text:
        return None
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")
    return f'<div dir="auto">{escaped}</div>'


def _is_done(record: Record) -> bool:
    return record.get("hs_task_status") == "COMPLETED"


def _done(_: Portal, record: Record) -> Value | None:
    return "1" if _is_done(record) else "0"


def _done_as(kind: str) -> Getter:
    def read(_: Portal, record: Record) -> Value | None:
        return "1" if _is_done(record) and str(record.get("hs_task_type") or "").startswith(kind) else "0"

    return read


def _is_late(portal: Portal, record: Record) -> bool:
    due = record.get("hs_timestamp")
    return isinstance(due, int) and due < portal.clock.now_ms() and not _is_done(record)


def _late(portal: Portal, record: Record) -> Value | None:
    return "true" if _is_late(portal, record) else "false"


def _late_count(portal: Portal, record: Record) -> Value | None:
    return "1" if _is_late(portal, record) else "0"


def _due(_: Portal, record: Record) -> Value | None:
    return record.get("hs_timestamp")


def _coordinates(_: Portal, record: Record) -> Value | None:
    return f"0-27-{record.id}"


def _is_closed(portal: Portal, record: Record) -> Value | None:
    return "true" if str(record.get("hs_pipeline_stage")) in portal.pipelines.closed_stages() else "false"


def _time_to_close(_: Portal, record: Record) -> Value | None:
    closed = record.get("closed_date")
    return str(max(0, closed - record.created)) if isinstance(closed, int) else None


def _fixed(value: str) -> Getter:
    return lambda _portal, _record: value


def _own_id(_: Portal, record: Record) -> Value | None:
    return str(record.id)


def _created(_: Portal, record: Record) -> Value | None:
    return record.created


def _modified(_: Portal, record: Record) -> Value | None:
    return record.modified


def _source(part: str) -> Getter:
    def read(_: Portal, record: Record) -> Value | None:
        value = getattr(record.source, part)
        return None if value is None else str(value)

    return read


def _updated_by(_: Portal, record: Record) -> Value | None:
    """The user who changed a value last; nothing where an app did."""
    versions = [told[0] for told in (record.history or {}).values()]
    source = max(versions, key=lambda version: version[0])[2] if versions else record.source
    return None if source.user_id is None else str(source.user_id)


_SHARED: dict[str, Getter] = {
    "hs_object_id": _own_id,
    "hs_lastmodifieddate": _modified,
    "hs_object_source": _source("type"),
    "hs_object_source_id": _source("id"),
    "hs_object_source_label": _source("type"),
    "hs_object_source_user_id": _source("user_id"),
    "hs_created_by_user_id": _source("user_id"),
    "hs_updated_by_user_id": _updated_by,
    "hs_all_owner_ids": lambda _portal, record: record.get("hubspot_owner_id"),
}

COMPUTED: dict[str, dict[str, Getter]] = {
    "contacts": {
        **_SHARED,
        "createdate": _created,
        "lastmodifieddate": _modified,
        "hs_full_name_or_email": _full_name,
        "hs_email_domain": _email_domain,
        "hs_is_unworked": _is_unworked,
        "hs_is_contact": _fixed("true"),
        "associatedcompanyid": _primary_company,
        "hs_all_contact_vids": _all_vids,
    },
    "companies": {
        **_SHARED,
        "createdate": _created,
        "num_associated_contacts": _contact_count,
        **{
            f"hs_num_{what}": _fixed("0")
            for what in ("open_deals", "child_companies", "blockers", "contacts_with_buying_roles", "decision_makers")
        },
    },
    "tickets": {
        **_SHARED,
        "createdate": _created,
        "hs_ticket_id": _own_id,
        "hs_is_closed": _is_closed,
        "time_to_close": _time_to_close,
    },
    "emails": {
        "hs_email_html": _html,
        **{
            f"hs_email_{side}_{key}": _header(side, json_key)
            for side in ("from", "to")
            for key, json_key in (("email", "email"), ("firstname", "firstName"), ("lastname", "lastName"))
        },
        "hs_email_sender_email": _header("sender", "email"),
        "hs_email_cc_email": _header("cc", "email"),
        "hs_email_bcc_email": _header("bcc", "email"),
        "hs_email_open_rate": _rate("hs_email_open_count"),
        "hs_email_click_rate": _rate("hs_email_click_count"),
        "hs_email_reply_rate": _rate("hs_email_reply_count"),
    },
    "calls": {},
    "meetings": {},
    "communications": {},
    "notes": {},
    "tasks": {
        "hs_obj_coords": _coordinates,
        "hs_task_is_completed": _done,
        "hs_task_completion_count": _done,
        "hs_task_is_completed_call": _done_as("CALL"),
        "hs_task_is_completed_email": _done_as("EMAIL"),
        "hs_task_is_completed_linked_in": _done_as("LINKED_IN"),
        "hs_task_is_completed_sequence": _fixed("0"),
        "hs_task_is_overdue": _late,
        "hs_task_is_past_due_date": _late,
        "hs_task_missed_due_date": _late,
        "hs_task_missed_due_date_count": _late_count,
        "hs_engagements_last_contacted": _due,
        "hs_start_date_with_fallback": _due,
    },
}
for _kind in _BODIES:
    COMPUTED[_kind] = {**_SHARED, "hs_createdate": _created, "hs_body_preview": _preview(_kind), **COMPUTED[_kind]}

NOT_SHOWN_ON_CREATE = frozenset({"hs_body_preview_html", "hs_email_open_rate", "hs_email_click_rate", "hs_email_reply_rate"})
