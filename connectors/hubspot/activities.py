"""HubSpot's activities as canonical rows: e-mails, calls, meetings, communications and tickets. Pure.

One record with three contacts gives three rows. Words of HubSpot that are not known become ``other`` and are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson
import pandas as pd

from connectors.hubspot.mapping import column, made, to_archived
from connectors.hubspot.records import next_page, to_named
from connectors.hubspot.streams import Stream
from connectors.hubspot.values import to_number, to_numbers, to_texts, to_times
from transforms.vocabulary.changes import GONE
from transforms.vocabulary.markup import to_plain
from transforms.vocabulary.tables import ACTIVITIES, Channel, Direction, Outcome, empty_table

Json = dict[str, Any]
Links = Mapping[str, Sequence[str]]
Columns = dict[str, pd.Series]

EMAIL_DIRECTIONS = {"EMAIL": Direction.OUTBOUND, "INCOMING_EMAIL": Direction.INBOUND, "FORWARDED_EMAIL": Direction.INBOUND}
"""A forwarded e-mail is one that a colleague received and passed on to the CRM."""

EMAIL_STATUSES = {
    "BOUNCED": Outcome.BOUNCED,
    "FAILED": Outcome.OTHER,
    "SCHEDULED": Outcome.SCHEDULED,
    "SENDING": Outcome.SENT,
    "SENT": Outcome.SENT,
}

CALL_DISPOSITIONS = {
    "9d9162e7-6cf3-4944-bf63-4dff82258764": Outcome.BUSY,
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": Outcome.CONNECTED,
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": Outcome.VOICEMAIL,  # a message left with somebody else: not the contact's own voice
    "b2cf5968-551e-4856-9783-52b3da59a7d0": Outcome.VOICEMAIL,
    "73a0d17f-1163-4015-bdd5-ec830791da20": Outcome.NO_ANSWER,
    "17b47fee-58de-441e-a44c-c6300d46f273": Outcome.WRONG_NUMBER,
}
"""HubSpot's own call outcomes. Portals add theirs, with ids that no published call explains: those become ``other``."""

CALL_STATUSES = {
    "BUSY": Outcome.BUSY,
    "NO_ANSWER": Outcome.NO_ANSWER,
    "MISSED": Outcome.NO_ANSWER,
    "CANCELED": Outcome.CANCELED,
    "CANCELLED": Outcome.CANCELED,
    "FAILED": Outcome.OTHER,
    "COMPLETED": Outcome.OTHER,
    "CALLING_CRM_USER": Outcome.OTHER,
    "CONNECTING": Outcome.OTHER,
    "IN_PROGRESS": Outcome.OTHER,
    "QUEUED": Outcome.OTHER,
    "RINGING": Outcome.OTHER,
}
"""What a call's status says where nobody chose an outcome. COMPLETED with a duration counts as connected, see :func:`_call_outcome`."""

CONNECTED_FROM_MS = 30_000
"""A completed call without an outcome counts as connected from this length on: shorter ones are mostly greetings of a machine."""

MEETING_OUTCOMES = {
    "SCHEDULED": Outcome.SCHEDULED,
    "COMPLETED": Outcome.HELD,
    "RESCHEDULED": Outcome.CANCELED,  # this one was not held; the new one is a record of its own
    "NO_SHOW": Outcome.NO_SHOW,
    "CANCELED": Outcome.CANCELED,
    "CANCELLED": Outcome.CANCELED,
}

COMMUNICATION_CHANNELS = {"WHATS_APP": Channel.WHATSAPP, "LINKEDIN_MESSAGE": Channel.LINKEDIN, "SMS": Channel.SMS}

BOOKED_BY_CONTACT = "MEETINGS_PUBLIC"
"""The hs_meeting_source of a meeting that the contact booked on a scheduling page."""

PASTED = re.compile(r"\s*(From|To)\b[^\n:]{0,120}:[ \t]*\n?", re.IGNORECASE)
"""How people mark who wrote a message that they paste into HubSpot, which has no direction for it."""

PASTED_NOTE = re.compile(r"\s*(Chat|Letter) (from|to)\b[^\n]{0,120}(\n|$)", re.IGNORECASE)
"""The first line of a note that holds a chat or a letter; any other note is neither a touch nor a sign of life."""

NOTE_CHANNELS = {"chat": Channel.CHAT, "letter": Channel.MAIL}

AUTOMATIC_SENDERS = ("WORKFLOW", "SEQUENCE", "AUTOMATION")
"""An e-mail whose hs_email_sent_via holds one of these was sent by a machine."""


def to_activities(
    stream: Stream,
    records: Sequence[Json],
    contacts: Links,
    companies: Links,
    *,
    closed_stages: Collection[str] = (),
    unknown: Counter[str],
) -> pd.DataFrame:
    """Records of one stream as ACTIVITIES rows, one for each contact; records without contacts give none.

    ``contacts`` and ``companies`` hold the associated ids of each record. ``unknown`` counts words that are not known, by property.
    """
    if stream.kind == "tickets":
        frame = pd.concat([_opened(records), _closed(records, closed_stages)], ignore_index=True)
        source = [*range(len(records)), *_closed_places(records, closed_stages)]
    else:
        frame = _MAKERS[stream.kind](records, unknown)
        source = list(range(len(records)))
    ids = [str(records[place]["id"]) for place in source]
    happened = frame["occurred_at"].notna().tolist()
    picks = [(row, contact) for row, one in enumerate(ids) if happened[row] for contact in contacts.get(one, ())]
    if not picks:
        return empty_table(ACTIVITIES)
    rows = frame.take([row for row, _ in picks]).reset_index(drop=True)
    rows["contact_id"] = to_texts(contact for _, contact in picks)
    rows["company_id"] = to_texts(next(iter(companies.get(ids[row], ())), None) for row, _ in picks)
    rows["participant_count"] = pd.array([len(contacts[ids[row]]) for row, _ in picks], dtype="Int64")
    return made(ACTIVITIES, picks, {name: rows[name] for name in rows.columns})


def to_reopened(records: Sequence[Json], closed_stages: Collection[str]) -> pd.DataFrame:
    """Closings that no longer hold, because the ticket was opened again, as GONE rows."""
    again = [record for record in records if record["properties"].get("closed_date") and not _is_closed(record, closed_stages)]
    return to_archived("activities", [closing_id(str(record["id"])) for record in again]) if again else empty_table(GONE)


def activity_ids(stream: Stream, record_id: str) -> list[str]:
    """Every activity_id that a record of the stream may have given."""
    return [opening_id(record_id), closing_id(record_id)] if stream.kind == "tickets" else [record_id]


def opening_id(ticket_id: str) -> str:
    """The activity_id of a ticket's opening."""
    return f"ticket-{ticket_id}-opened"


def closing_id(ticket_id: str) -> str:
    """The activity_id of a ticket's closing."""
    return f"ticket-{ticket_id}-closed"


def inline_links(records: Sequence[Json], kind: str) -> tuple[dict[str, list[str]], list[str]]:
    """The associated ids that a list brought with each record, and the ids of the records that have more than came along.

    A contact with two labels comes twice; it counts once.
    """
    found, unfinished = {}, []
    for record in records:
        linked = (record.get("associations") or {}).get(kind) or {}
        found[str(record["id"])] = list(dict.fromkeys(one["id"] for one in to_named(linked.get("results"), "id", what=f"list {kind}")))
        if next_page(linked) is not None:
            unfinished.append(str(record["id"]))
    return found, unfinished


def _shared(records: Sequence[Json], channel: Channel | list[str | None]) -> Columns:
    return {
        "activity_id": to_texts(str(record["id"]) for record in records),
        "occurred_at": to_times(column(records, "hs_timestamp")),
        "channel": to_texts([channel.value] * len(records) if isinstance(channel, Channel) else channel),
        "actor_id": to_texts(column(records, "hubspot_owner_id")),
        "modified_at": to_times(column(records, "hs_lastmodifieddate")),
    }


def _emails(records: Sequence[Json], unknown: Counter[str]) -> pd.DataFrame:
    held = [record["properties"] for record in records]
    via = [(one.get("hs_email_sent_via") or "").upper() for one in held]
    return pd.DataFrame(
        {
            **_shared(records, Channel.EMAIL),
            "direction": to_texts(
                _word(EMAIL_DIRECTIONS, one, "hs_email_direction", unknown, Direction.INTERNAL, Direction.OUTBOUND) for one in held
            ),
            "outcome": to_texts(_email_outcome(one, unknown) for one in held),
            "subject": to_texts(column(records, "hs_email_subject")),
            "body": to_texts(one.get("hs_email_text") or to_plain(one.get("hs_email_html") or "") for one in held),
            "headers": to_texts(_headers(one) for one in held),
            "thread_id": to_texts(column(records, "hs_email_thread_id")),
            "is_automated": pd.array(
                [
                    bool(one.get("hs_sequence_id")) or any(word in text for word in AUTOMATIC_SENDERS)
                    for one, text in zip(held, via, strict=True)
                ],
                dtype="boolean",
            ),
            "is_broadcast": pd.array([bool(one.get("hs_campaign_guid")) for one in held], dtype="boolean"),
        }
    )


def _email_outcome(held: Json, unknown: Counter[str]) -> str | None:
    if held.get("hs_email_direction") in ("INCOMING_EMAIL", "FORWARDED_EMAIL"):
        return Outcome.AUTO_REPLY if held.get("hs_incoming_email_is_out_of_office") == "true" else None
    status = _word(EMAIL_STATUSES, held, "hs_email_status", unknown, Outcome.OTHER, None)
    if status not in (None, Outcome.SENT):
        return status
    for count, outcome in (
        ("hs_email_reply_count", Outcome.REPLIED),
        ("hs_email_click_count", Outcome.CLICKED),
        ("hs_email_open_count", Outcome.OPENED),
    ):
        if (held.get(count) or "0") not in ("0", "0.0"):
            return outcome
    return status


def _headers(held: Json) -> str | None:
    """What HubSpot keeps of a mail's headers, as 'Name: value' lines.

    HubSpot keeps no headers of the mail itself. From and To come from hs_email_headers (or the fields that it fills);
    X-HubSpot-Bounce-Status and X-HubSpot-Bounce-Detail from the bounce's fields; X-HubSpot-Out-Of-Office says ``true`` where HubSpot
    itself took the mail for an absence note; X-HubSpot-Sent-Via names the tool that sent it.
    """
    lines = [
        ("From", _addresses(held, "from") or held.get("hs_email_from_email")),
        ("To", _addresses(held, "to") or (held.get("hs_email_to_email") or "").replace(";", ", ")),
        ("X-HubSpot-Bounce-Status", held.get("hs_email_bounce_error_detail_status_code")),
        ("X-HubSpot-Bounce-Detail", held.get("hs_email_bounce_error_detail_message") or held.get("hs_email_error_message")),
        ("X-HubSpot-Out-Of-Office", "true" if held.get("hs_incoming_email_is_out_of_office") == "true" else None),
        ("X-HubSpot-Sent-Via", held.get("hs_email_sent_via")),
    ]
    text = "\n".join(f"{name}: {' '.join(value.split())}" for name, value in lines if value)
    return text or None


def _addresses(held: Json, which: str) -> str:
    raw = held.get("hs_email_headers")
    if not raw:
        return ""
    try:
        parties = orjson.loads(raw).get(which) or []
    except (orjson.JSONDecodeError, AttributeError):
        return ""  # people and integrations may write anything there
    parties = [parties] if isinstance(parties, dict) else parties
    return ", ".join(_address(party) for party in parties if isinstance(party, dict) and party.get("email"))


def _address(party: Json) -> str:
    name = " ".join(str(part) for part in (party.get("firstName"), party.get("lastName")) if part)
    return f"{name} <{party['email']}>" if name else str(party["email"])


def _calls(records: Sequence[Json], unknown: Counter[str]) -> pd.DataFrame:
    held = [record["properties"] for record in records]
    ways = {"INBOUND": Direction.INBOUND, "OUTBOUND": Direction.OUTBOUND}
    return pd.DataFrame(
        {
            **_shared(records, Channel.CALL),
            "direction": to_texts(_word(ways, one, "hs_call_direction", unknown, Direction.OUTBOUND, Direction.OUTBOUND) for one in held),
            "outcome": to_texts(_call_outcome(one, unknown) for one in held),
            "subject": to_texts(column(records, "hs_call_title")),
            "body": to_texts(to_plain(one.get("hs_call_body") or "") for one in held),
            "duration_s": to_numbers(column(records, "hs_call_duration")) / 1000,
        }
    )


def _call_outcome(held: Json, unknown: Counter[str]) -> str | None:
    if held.get("hs_call_disposition"):
        return _word(CALL_DISPOSITIONS, held, "hs_call_disposition", unknown, Outcome.OTHER, None)
    if held.get("hs_call_status") == "COMPLETED" and to_number(held.get("hs_call_duration")) >= CONNECTED_FROM_MS:
        return Outcome.CONNECTED
    return _word(CALL_STATUSES, held, "hs_call_status", unknown, Outcome.OTHER, None)


def _meetings(records: Sequence[Json], unknown: Counter[str]) -> pd.DataFrame:
    held = [record["properties"] for record in records]
    started, ended = to_times(column(records, "hs_meeting_start_time")), to_times(column(records, "hs_meeting_end_time"))
    columns = _shared(records, Channel.MEETING)
    return pd.DataFrame(
        {
            **columns,
            "occurred_at": started.fillna(columns["occurred_at"]),
            "direction": to_texts(
                Direction.INBOUND if one.get("hs_meeting_source") == BOOKED_BY_CONTACT else Direction.OUTBOUND for one in held
            ),
            "outcome": to_texts(_word(MEETING_OUTCOMES, one, "hs_meeting_outcome", unknown, Outcome.OTHER, None) for one in held),
            "subject": to_texts(column(records, "hs_meeting_title")),
            "body": to_texts(to_plain(one.get("hs_meeting_body") or "") for one in held),
            "duration_s": (ended - started).dt.total_seconds(),
        }
    )


def _communications(records: Sequence[Json], unknown: Counter[str]) -> pd.DataFrame:
    """HubSpot has no direction here. Where the text begins as pasted messages do, ``From …:`` or ``To …:``, that says it; else it was ours."""
    held = [record["properties"] for record in records]
    bodies = [to_plain(one.get("hs_communication_body") or "") for one in held]
    marks = [PASTED.match(body) for body in bodies]
    channels: list[str | None] = [
        _word(COMMUNICATION_CHANNELS, one, "hs_communication_channel_type", unknown, Channel.CHAT, Channel.CHAT) for one in held
    ]
    return pd.DataFrame(
        {
            **_shared(records, channels),
            "direction": to_texts(Direction.INBOUND if mark and mark[1].lower() == "from" else Direction.OUTBOUND for mark in marks),
            "body": to_texts(body[mark.end() :] if mark else body for body, mark in zip(bodies, marks, strict=True)),
        }
    )


def _notes(records: Sequence[Json], _unknown: Counter[str]) -> pd.DataFrame:
    """Only notes that hold a chat or a letter become rows: the moment of all others is left empty, and rows without one are dropped."""
    bodies = [to_plain(record["properties"].get("hs_note_body") or "") for record in records]
    marks = [PASTED_NOTE.match(body) for body in bodies]
    channels: list[str | None] = [NOTE_CHANNELS[mark[1].lower()] if mark else None for mark in marks]
    columns = _shared(records, channels)
    return pd.DataFrame(
        {
            **columns,
            "occurred_at": columns["occurred_at"].where([mark is not None for mark in marks]),
            "direction": to_texts(
                (Direction.INBOUND if mark[2].lower() == "from" else Direction.OUTBOUND) if mark else None for mark in marks
            ),
            "body": to_texts(body[mark.end() :] if mark else None for body, mark in zip(bodies, marks, strict=True)),
        }
    )


def _opened(records: Sequence[Json]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **_shared(records, Channel.TICKET),
            "activity_id": to_texts(opening_id(str(record["id"])) for record in records),
            "thread_id": to_texts(f"ticket-{record['id']}" for record in records),
            "occurred_at": to_times(column(records, "createdate")),
            "direction": to_texts([Direction.INBOUND.value] * len(records)),
            "outcome": to_texts([Outcome.OPENED_TICKET.value] * len(records)),
            "subject": to_texts(column(records, "subject")),
            "body": to_texts(to_plain(text or "") for text in column(records, "content")),
        }
    )


def _closed(records: Sequence[Json], closed_stages: Collection[str]) -> pd.DataFrame:
    """A closing is ours, not the contact's. Where HubSpot has no closing date, the last change of the record stands for it."""
    closed = [records[place] for place in _closed_places(records, closed_stages)]
    return pd.DataFrame(
        {
            **_shared(closed, Channel.TICKET),
            "activity_id": to_texts(closing_id(str(record["id"])) for record in closed),
            "thread_id": to_texts(f"ticket-{record['id']}" for record in closed),
            "occurred_at": to_times(
                [record["properties"].get("closed_date") or record["properties"].get("hs_lastmodifieddate") for record in closed]
            ),
            "direction": to_texts([Direction.INTERNAL.value] * len(closed)),
            "outcome": to_texts([Outcome.CLOSED_TICKET.value] * len(closed)),
            "subject": to_texts(column(closed, "subject")),
        }
    )


def _closed_places(records: Sequence[Json], closed_stages: Collection[str]) -> list[int]:
    return [place for place, record in enumerate(records) if _is_closed(record, closed_stages)]


def _is_closed(record: Json, closed_stages: Collection[str]) -> bool:
    return record["properties"].get("hs_pipeline_stage") in closed_stages


def _word(known: Mapping[str, str], held: Json, name: str, unknown: Counter[str], strange: str, empty: str | None) -> str | None:
    """The canonical word for a property's value: ``strange`` (and counted) where HubSpot's word is not known, ``empty`` where there is none."""
    value = held.get(name)
    if not value:
        return str(empty) if empty is not None else None
    if value not in known:
        unknown[name] += 1
        return str(strange)
    return str(known[value])


_MAKERS: dict[str, Callable[[Sequence[Json], Counter[str]], pd.DataFrame]] = {
    "emails": _emails,
    "calls": _calls,
    "meetings": _meetings,
    "communications": _communications,
    "notes": _notes,
}
