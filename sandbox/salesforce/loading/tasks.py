"""Tasks and events of a loaded org."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.clock import from_ms
from sandbox.loading.rows import Row
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.loading.happened import Happened
from sandbox.salesforce.loading.people import Someone, stamps
from sandbox.salesforce.org import Org

TYPES = {"sms": "SMS", "whatsapp": "WhatsApp", "chat": "Chat", "mail": "Letter", "web": "Website visit", "community": "Community post"}
"""What the field Type says of a task, by channel."""
FORM = "Form"
DISPOSITIONS = {
    "connected": "Connected",
    "held": "Connected",
    "voicemail": "Left Voicemail",
    "no_answer": "No Answer",
    "busy": "Busy",
    "wrong_number": "Wrong Number",
    "canceled": "Canceled",
}
_EVENT_WORDS = {"no_show": "No show: ", "canceled": "Canceled: "}
_GUEST_WORDS = {"held": "Accepted", "no_show": "Accepted", "declined": "Declined"}
HALF_HOUR_S = 1800.0


@dataclass(frozen=True)
class Place:
    """Where records go: the org, everybody in it by record id, and what adds up."""

    org: Org
    people: Mapping[str, Someone]
    happened: Happened

    def user(self, row: Row[str]) -> str:
        """Whoever of us did it; the administrator where nobody is named."""
        return row.owner or self.org.admin_id

    def told(self, row: Row[str], prefix: str) -> dict[str, Any]:
        """The id that an activity had in its table, where it is one of the object."""
        own = normal_id(row.activity_id) if row.activity_id.startswith(prefix) else None
        return {} if own is None else {"Id": own}

    def about(self, row: Row[str]) -> dict[str, Any]:
        """Whom and which account an activity is about. A lead has no account, and an activity about one names nothing else."""
        someone = self.people[row.contacts[0]]
        account = None if someone.is_lead else row.company or someone.account
        return {"WhoId": someone.id, "WhatId": account, "AccountId": account}


def day_of(ms: int) -> str:
    """The day of a moment, in UTC."""
    return from_ms(ms).date().isoformat()


def put_task(place: Place, row: Row[str], subtype: str, subject: str, body: str | None, **more: Any) -> str:
    """A completed task about something that happened. Returns its id."""
    day = day_of(row.at)
    for contact in row.contacts:
        place.happened.on(contact, day)
    user = place.user(row)
    values = {
        **place.about(row),
        "Subject": subject[:255],
        "Description": body,
        "ActivityDate": day,
        "Status": "Completed",
        "Priority": "Normal",
        "IsHighPriority": False,
        "OwnerId": user,
        "IsClosed": True,
        "CompletedDateTime": row.at,
        "TaskSubtype": subtype,
        "IsArchived": False,
        "IsRecurrence": False,
        "IsReminderSet": False,
        **stamps(row.at, row.modified, user),
        **more,
    }
    return place.org.import_record("Task", values).id


def put_call(place: Place, row: Row[str]) -> str:
    """A call: who called whom, what came of it, and how long it took."""
    return put_task(
        place,
        row,
        "Call",
        row.subject or "Call",
        row.body,
        CallType="Inbound" if row.direction == "inbound" else "Outbound",
        CallDisposition=DISPOSITIONS.get(row.outcome or ""),
        CallDurationInSeconds=None if row.duration is None else round(row.duration),
        Type="Call",
        **place.told(row, "00T"),
    )


def put_message(place: Place, row: Row[str], label: str | None = None) -> str:
    """A message on any other way. Nothing but its first line says who wrote it."""
    label = label or TYPES.get(row.channel)
    someone = place.people[row.contacts[0]]
    way = "from" if row.direction == "inbound" else "to"
    text = "\n".join(part for part in (f"{way.capitalize()} {someone.name}:", row.subject, row.body) if part)
    subtype = "LinkedIn" if row.channel == "linkedin" else "Task"
    subject = f"{label or 'LinkedIn message'} {way} {someone.name}"
    return put_task(place, row, subtype, subject, text, Type=label, **place.told(row, "00T"))


def put_sent_by_machine(place: Place, row: Row[str]) -> str:
    """List mail, or what a cadence sent. One task a person; the first one's id is told."""
    subtype, word = ("ListEmail", "List Email") if row.is_broadcast else ("Cadence", "Email")
    return put_task(place, row, subtype, f"{word}: {row.subject or ''}".strip(), row.body, Type="Email", **place.told(row, "00T"))


def put_note(place: Place, row: Row[str]) -> str:
    """A note of ours."""
    return put_task(place, row, "Task", row.subject or "Note", row.body, Type="Other", **place.told(row, "00T"))


def put_event(place: Place, row: Row[str]) -> str:
    """A meeting with its guests."""
    day, user = day_of(row.at), place.user(row)
    lasted = HALF_HOUR_S if row.duration is None else row.duration
    is_over = row.outcome in {"held", None}
    if is_over:
        for contact in row.contacts:
            place.happened.on(contact, day)
    modified = stamps(row.at, row.modified, user)
    event = place.org.import_record(
        "Event",
        {
            **place.told(row, "00U"),
            **place.about(row),
            "Subject": f"{_EVENT_WORDS.get(row.outcome or '', '')}{row.subject or 'Meeting'}"[:255],
            "Description": row.body,
            "StartDateTime": row.at,
            "ActivityDateTime": row.at,
            "ActivityDate": day,
            "EndDateTime": row.at + round(lasted * 1000),
            "EndDate": day_of(row.at + round(lasted * 1000)),
            "DurationInMinutes": round(lasted / 60),
            "IsAllDayEvent": False,
            "IsPrivate": False,
            "IsChild": False,
            "IsGroupEvent": len(row.contacts) > 1,
            "GroupEventType": "1" if len(row.contacts) > 1 else "0",
            "ShowAs": "Busy",
            "EventSubtype": "Event",
            "Type": "Meeting",
            "OwnerId": user,
            "IsArchived": False,
            "IsRecurrence": False,
            "IsRecurrence2": False,
            "IsReminderSet": False,
            **modified,
        },
    )
    status = _GUEST_WORDS.get(row.outcome or "", "New")
    for contact in row.contacts:
        answered = None if status == "New" else row.at - 3_600_000
        relation = {"EventId": event.id, "RelationId": contact, "Status": status, "RespondedDate": answered}
        place.org.import_record("EventRelation", {**relation, **modified})
    return event.id
