"""What HubSpot would keep of an activity: one tuple of values for each record, in the order of its shape.

What HubSpot keeps differs from what happened, and the loader writes what HubSpot would keep:

- An e-mail has no raw headers, only addresses. A bounce or auto-reply that came as mail is an incoming e-mail with its text.
- Opens and clicks are no records; they are counted on the e-mail before them, and on the contact.
- A communication (SMS, WhatsApp, LinkedIn) has no direction; as people do when they paste a conversation, the body starts with a line
  ``From <name>:`` for what the contact wrote and ``To <name>:`` for what we wrote.
- A meeting has no direction either; one that the contact booked has the source MEETINGS_PUBLIC, one of ours CRM_UI.
- Opening and closing of one ticket are one record. Chats and letters are notes. Forms and visits are facts of the contact.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.hubspot.account import DISPOSITIONS
from sandbox.loading.headers import message_id_in, sender_in
from sandbox.loading.rows import Row as AnyRow

Row = AnyRow[int]

HALF_HOUR_MS = 1_800_000
_CODE = re.compile(r"\b([45])\.\d{1,3}\.\d{1,3}\b")
_REPLY_CODE = re.compile(r"\b([45]\d\d)[ -]")

EMAIL_SHAPE = (
    *("hs_timestamp", "hubspot_owner_id", "hs_email_direction", "hs_email_status", "hs_email_subject", "hs_email_text", "hs_email_headers"),
    *("hs_email_message_id", "hs_email_thread_id", "hs_email_sent_count", "hs_email_open_count", "hs_email_click_count"),
    *("hs_email_reply_count", "hs_incoming_email_is_out_of_office", "hs_sequence_id", "hs_campaign_guid", "hs_email_post_send_status"),
    *("hs_email_bounce_error_detail_message", "hs_email_bounce_error_detail_status_code", "hs_email_logged_from"),
)
CALL_SHAPE = (
    *("hs_timestamp", "hubspot_owner_id", "hs_call_title", "hs_call_body", "hs_call_direction", "hs_call_status", "hs_call_duration"),
    *("hs_call_disposition",),
)
MEETING_SHAPE = (
    *("hs_timestamp", "hubspot_owner_id", "hs_meeting_title", "hs_meeting_body", "hs_meeting_start_time", "hs_meeting_end_time"),
    *("hs_meeting_outcome", "hs_meeting_source"),
)
COMMUNICATION_SHAPE = (
    *("hs_timestamp", "hubspot_owner_id", "hs_communication_channel_type", "hs_communication_logged_from", "hs_communication_body"),
)
NOTE_SHAPE = ("hs_timestamp", "hubspot_owner_id", "hs_note_body")
TICKET_SHAPE = ("subject", "content", "hs_pipeline", "hs_pipeline_stage", "hubspot_owner_id", "closed_date", "source_type")
SHAPES = {
    "emails": EMAIL_SHAPE,
    "calls": CALL_SHAPE,
    "meetings": MEETING_SHAPE,
    "communications": COMMUNICATION_SHAPE,
    "notes": NOTE_SHAPE,
    "tickets": TICKET_SHAPE,
}
MESSAGES = {"sms": "SMS", "whatsapp": "WHATS_APP", "linkedin": "LINKEDIN_MESSAGE"}
CALL_OUTCOMES = {
    "connected": ("COMPLETED", "connected"),
    "held": ("COMPLETED", "connected"),
    "voicemail": ("COMPLETED", "voicemail"),
    "no_answer": ("NO_ANSWER", "no_answer"),
    "busy": ("BUSY", "busy"),
    "wrong_number": ("COMPLETED", "wrong_number"),
    "canceled": ("CANCELED", None),
}
MEETING_OUTCOMES = {"held": "COMPLETED", "no_show": "NO_SHOW", "declined": "CANCELED", "canceled": "CANCELED", "scheduled": "SCHEDULED"}


@dataclass(frozen=True)
class People:
    """What the records need to know of people: addresses and names of contacts and of owners, and each contact's company."""

    contacts: dict[int, tuple[str, str, str]]
    owners: dict[int, tuple[str, str, str]]
    companies: dict[int, int]


def _email(row: Row, people: People) -> tuple[Any, ...]:
    is_ours = row.direction == "outbound"
    bounced = is_ours and row.outcome == "bounced"
    code = message = None
    if bounced:
        text = row.body or ""
        found, reply = _CODE.search(text), _REPLY_CODE.search(text)
        code = reply[1] if reply else "450" if found and found[1] == "4" else "550"
        message = f"{code} {found[0] if found else '5.1.1'} Recipient address rejected"
    seed = row.thread or row.subject or row.activity_id
    return (
        row.at,
        _owner(row),
        "EMAIL" if is_ours else "INCOMING_EMAIL",
        "BOUNCED" if bounced else "SENT",
        row.subject,
        row.body,
        _headers(row, people, is_ours=is_ours),
        message_id_in(row.headers),
        row.thread,
        "1" if is_ours else None,
        str(row.opens) if is_ours else None,
        str(row.clicks) if is_ours else None,
        str(row.replies) if is_ours else None,
        "true" if row.outcome == "auto_reply" and not is_ours else None,
        str(1 + uuid.uuid5(uuid.NAMESPACE_OID, seed).int % 900_000) if row.is_automated else None,
        str(uuid.uuid5(uuid.NAMESPACE_URL, row.subject or row.activity_id)) if row.is_broadcast else None,
        ("BOUNCED" if bounced else "DELIVERED") if is_ours else None,
        message,
        code,
        "CRM",
    )


def _person(known: tuple[str, str, str]) -> dict[str, str]:
    email, first, last = known
    made = {"email": email}
    if first:
        made["firstName"] = first
    if last:
        made["lastName"] = last
    return made


def _headers(row: Row, people: People, *, is_ours: bool) -> str:
    theirs = [_person(people.contacts[contact]) for contact in row.contacts]
    ours = _person(people.owners[row.owner]) if row.owner is not None else {"email": "team@ours.example"}
    if is_ours:
        sender, to = ours, theirs
    else:
        sender, to = theirs[0], [ours]
        given = sender_in(row.headers)
        if given:
            # What the mail says of its sender counts: a bounce comes from a daemon, not from the contact.
            first, _, last = given[0].partition(" ")
            sender = theirs[0] if given[1] == theirs[0]["email"] else _person((given[1], first, last))
    return orjson.dumps({"from": sender, "to": to, "cc": [], "bcc": [], "sender": {"email": sender["email"]}}).decode()


def _owner(row: Row) -> str | None:
    return None if row.owner is None else str(row.owner)


def _call(row: Row, _people: People) -> tuple[Any, ...]:
    status, outcome = CALL_OUTCOMES.get(row.outcome or "", ("COMPLETED", None))
    return (
        row.at,
        _owner(row),
        row.subject,
        row.body,
        "INBOUND" if row.direction == "inbound" else "OUTBOUND",
        status,
        None if row.duration is None else str(round(row.duration * 1000)),
        DISPOSITIONS[outcome][0] if outcome else None,
    )


def _meeting(row: Row, _people: People) -> tuple[Any, ...]:
    lasted = HALF_HOUR_MS if row.duration is None else round(row.duration * 1000)
    return (
        row.at,
        _owner(row),
        row.subject,
        row.body,
        row.at,
        row.at + lasted,
        MEETING_OUTCOMES.get(row.outcome or ""),
        "MEETINGS_PUBLIC" if row.direction == "inbound" else "CRM_UI",
    )


def _communication(row: Row, people: People) -> tuple[Any, ...]:
    email, first, last = people.contacts[row.contacts[0]]
    name = " ".join(part for part in (first, last) if part) or email
    who = f"{'From' if row.direction == 'inbound' else 'To'} {name}:"
    text = "\n".join(part for part in (who, row.subject, row.body) if part)
    return (row.at, _owner(row), MESSAGES[row.channel], "CRM", text)


def _note(row: Row, people: People) -> tuple[Any, ...]:
    titles = {"chat": "Chat", "mail": "Letter"}
    head = row.subject
    if row.direction != "internal" and row.channel in titles:
        email, first, last = people.contacts[row.contacts[0]]
        name = " ".join(part for part in (first, last) if part) or email
        head = f"{titles[row.channel]} {'from' if row.direction == 'inbound' else 'to'} {name}"
    return (row.at, _owner(row), "\n".join(part for part in (head, row.body) if part))


def _ticket(row: Row, _people: People) -> tuple[Any, ...]:
    return (row.subject or "Ticket", row.body, "0", "1" if row.closed is None else "4", _owner(row), row.closed, "EMAIL")


MAKERS: dict[str, Callable[[Row, People], tuple[Any, ...]]] = {
    "emails": _email,
    "calls": _call,
    "meetings": _meeting,
    "communications": _communication,
    "notes": _note,
    "tickets": _ticket,
}
