"""What happened with a contact or at a company, newest first: e-mails, calls, meetings, messages, notes and tickets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.records import Record
from sandbox.hubspot.values import moment_ms
from sandbox.hubspot.wire import value_of
from sandbox.pages.shown import Item, Mark, Sort
from sandbox.pages.wording import day, duration, moment, month, plain

DISPOSITIONS = {
    "9d9162e7-6cf3-4944-bf63-4dff82258764": ("Busy", "muted"),
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": ("Connected", "good"),
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": ("Left live message", "muted"),
    "b2cf5968-551e-4856-9783-52b3da59a7d0": ("Left voicemail", "muted"),
    "73a0d17f-1163-4015-bdd5-ec830791da20": ("No answer", "muted"),
    "17b47fee-58de-441e-a44c-c6300d46f273": ("Wrong number", "bad"),
}
"""HubSpot's call outcomes, by their ids."""

_MEETINGS = {
    "COMPLETED": ("Held", "good"),
    "SCHEDULED": ("Scheduled", "calm"),
    "RESCHEDULED": ("Rescheduled", "muted"),
    "NO_SHOW": ("No show", "bad"),
    "CANCELED": ("Canceled", "muted"),
    "CANCELLED": ("Canceled", "muted"),
}
_MESSAGES = {"WHATS_APP": "WhatsApp message", "LINKEDIN_MESSAGE": "LinkedIn message", "SMS": "SMS"}
_SPEAKER = re.compile(r"(From|To) [^\n:]*:[ \t]*\n?")


Text = Callable[[str], str]


def timeline(portal: Portal, kind: str, record_id: int) -> list[Item]:
    """All items of a contact or company, newest first."""
    items = []
    for name, make in _MAKERS.items():
        store = portal.stores[name]
        for number in portal.links.of((kind, name), record_id):
            record = store.live.get(number)
            if record is not None:
                item = make(portal, record, _text_of(portal, name, record))
                others = _others(portal, name, record.id, record_id if kind == "contacts" else None)
                items.append(replace(item, who=" with ".join(part for part in (item.who, others) if part)))
    return sorted(items, key=lambda item: item.ms, reverse=True)


def _others(portal: Portal, name: str, item_id: int, own: int | None) -> str:
    """The names of the other contacts who took part; on a company's page of all."""
    contacts = portal.stores["contacts"].live
    found = [contacts[number] for number in portal.links.of((name, "contacts"), item_id) if number != own and number in contacts]
    names = [f"{contact.get('firstname') or ''} {contact.get('lastname') or ''}".strip() for contact in found]
    return ", ".join(name for name in names if name)


def _text_of(portal: Portal, name: str, record: Record) -> Text:
    kind = object_type(name)

    def text(prop: str) -> str:
        value = value_of(portal, kind, record, prop)
        return "" if value is None else str(value)

    return text


def _item(portal: Portal, record: Record, text: Text, sort: Sort, title: str, body: str, marks: list[Mark]) -> Item:
    ms = moment_ms(text("createdate" if sort.icon == "ticket" else "hs_timestamp")) or record.created
    owner_id = text("hubspot_owner_id")
    owner = portal.owners.all.get(int(owner_id)) if owner_id.isdigit() else None
    who = f"{owner.first_name} {owner.last_name}".strip() if owner else ""
    return Item(ms, moment(ms), month(ms), *sort, title, plain(body), who, tuple(marks))


def _email(portal: Portal, record: Record, text: Text) -> Item:
    direction, what = {
        "INCOMING_EMAIL": ("in", "E-mail received"),
        "FORWARDED_EMAIL": ("none", "E-mail forwarded to the CRM"),
    }.get(text("hs_email_direction"), ("out", "E-mail sent"))
    marks = []
    if text("hs_email_status") in {"BOUNCED", "FAILED"} or text("hs_email_post_send_status") == "BOUNCED":
        detail = text("hs_email_bounce_error_detail_status_code") or text("hs_email_bounce_error_detail_message")
        marks.append(Mark(f"Bounced {detail}".strip(), "bad"))
    if text("hs_incoming_email_is_out_of_office") == "true":
        marks.append(Mark("Automatic reply"))
    if text("hs_sequence_id") or text("hs_campaign_guid"):
        marks.append(Mark("Campaign" if text("hs_campaign_guid") else "Sequence"))
    for prop, word, tone in (("reply", "Replied", "good"), ("open", "Opened", "muted"), ("click", "Clicked", "muted")):
        if text(f"hs_email_{prop}_count") not in {"", "0"}:
            marks.append(Mark(word, tone))
    subject = text("hs_email_subject") or "(no subject)"
    body = text("hs_email_text") or text("hs_email_html")
    return _item(portal, record, text, Sort("mail", direction, what), subject, body, marks)


def _call(portal: Portal, record: Record, text: Text) -> Item:
    marks = []
    outcome = DISPOSITIONS.get(text("hs_call_disposition"))
    if outcome:
        marks.append(Mark(*outcome))
    elif text("hs_call_status"):
        marks.append(Mark(text("hs_call_status").replace("_", " ").capitalize()))
    if text("hs_call_duration") not in {"", "0"}:
        marks.append(Mark(duration(float(text("hs_call_duration")))))
    sort = Sort("phone", "in", "They called") if text("hs_call_direction") == "INBOUND" else Sort("phone", "out", "We called")
    return _item(portal, record, text, sort, text("hs_call_title") or "Call", text("hs_call_body"), marks)


def _meeting(portal: Portal, record: Record, text: Text) -> Item:
    outcome = _MEETINGS.get(text("hs_meeting_outcome"))
    marks = [Mark(*outcome)] if outcome else []
    start, end = moment_ms(text("hs_meeting_start_time") or "-"), moment_ms(text("hs_meeting_end_time") or "-")
    if start is not None and end is not None and end > start:
        marks.append(Mark(duration(end - start)))
    title = text("hs_meeting_title") or "Meeting"
    body = text("hs_meeting_body") or text("hs_internal_meeting_notes")
    return _item(portal, record, text, Sort("calendar", "none", "Meeting"), title, body, marks)


def _message(portal: Portal, record: Record, text: Text) -> Item:
    what = _MESSAGES.get(text("hs_communication_channel_type"), "Message")
    body, direction = plain(text("hs_communication_body")), "none"
    # HubSpot knows no direction here; people who paste a conversation say who wrote in the first line.
    found = _SPEAKER.match(body)
    if found:
        direction = "in" if found[1] == "From" else "out"
        what, body = f"{what} {'received' if direction == 'in' else 'sent'}", body[found.end() :]
    title, _, rest = body.partition("\n")
    return _item(portal, record, text, Sort("chat", direction, what), title or what, rest, [])


def _note(portal: Portal, record: Record, text: Text) -> Item:
    title, _, rest = plain(text("hs_note_body")).partition("\n")
    return _item(portal, record, text, Sort("note", "none", "Note"), title or "Note", rest, [])


def _ticket(portal: Portal, record: Record, text: Text) -> Item:
    closed = moment_ms(text("closed_date") or "-")
    if text("hs_pipeline_stage") in portal.pipelines.closed_stages():
        mark = Mark(f"Closed {day(closed)}" if closed is not None else "Closed")
    else:
        mark = Mark("Open", "help")
    return _item(portal, record, text, Sort("ticket", "in", "Ticket opened"), text("subject") or "Ticket", text("content"), [mark])


_MAKERS: dict[str, Callable[[Portal, Record, Text], Item]] = {
    "emails": _email,
    "calls": _call,
    "meetings": _meeting,
    "communications": _message,
    "notes": _note,
    "tickets": _ticket,
}
