"""Activities of a loaded portal: their rows become e-mails, calls, meetings, messages, notes and tickets, with their links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pandas as pd

from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.records import CRM_UI, Record, Source
from sandbox.loading.kept import MAKERS, SHAPES, People, Row
from sandbox.loading.people import EMAIL_SOURCE, RollUps
from sandbox.loading.report import Loaded
from sandbox.loading.tables import flags, numbered, texts, to_millis
from transforms.vocabulary.errors import BadInput

CONVERSATIONS = Source("CONVERSATIONS", None, "Conversations")
OBJECTS = {
    "email": "emails",
    "call": "calls",
    "meeting": "meetings",
    "sms": "communications",
    "whatsapp": "communications",
    "linkedin": "communications",
    "chat": "notes",
    "mail": "notes",
    "ticket": "tickets",
}


def load_activities(
    portal: Portal, frame: pd.DataFrame, contacts: dict[str, int], companies: dict[str, int], owners: dict[str, int], people: People
) -> tuple[list[Loaded], RollUps]:
    """Make the records of all activities. Returns what became of the rows, and what adds up to each contact.

    Raises BadInput where an activity names a contact that is not there.
    """
    unknown = ~frame["contact_id"].isin(list(contacts))
    if unknown.any():
        row = frame[unknown].iloc[0]
        raise BadInput(
            f"Activity {row['activity_id']} names the contact {row['contact_id']}, which is not among the contacts; add it or take the row out."
        )
    rows, doubled = _rows(portal, frame, contacts, companies, owners)
    kinds: dict[str, list[Row]] = defaultdict(list)
    counted: dict[str, int] = defaultdict(int)
    for row in rows:
        kinds[_object_of(row)].append(row)
        counted[f"{row.channel} {_object_of(row)}"] += len(row.contacts)
    roll_ups = _roll_ups(rows)
    _count_answers(kinds["emails"], kinds.pop("opens", []))
    kinds["tickets"] = _tickets(kinds["tickets"])
    parts = _parts(kinds, counted, doubled)
    del rows
    for kind, shape in SHAPES.items():
        _put(portal, kind, shape, kinds.pop(kind, []), people)
    return parts, roll_ups


def _rows(
    portal: Portal, frame: pd.DataFrame, contacts: dict[str, int], companies: dict[str, int], owners: dict[str, int]
) -> tuple[list[Row], int]:
    # Column by column, so that no sorted copy of the whole frame is made.
    order = frame["occurred_at"].argsort(kind="stable").to_numpy()
    now = portal.clock.now_ms()

    def column(name: str) -> pd.Series:
        return frame[name].iloc[order]

    columns: list[list[Any]] = [
        texts(column("activity_id")),
        [contacts[text] for text in column("contact_id")],
        to_millis(column("occurred_at")),
    ]
    columns += [
        texts(column(n)) for n in ("channel", "direction", "outcome", "company_id", "actor_id", "subject", "body", "headers", "thread_id")
    ]
    columns += [
        column("duration_s").tolist(),
        flags(column("is_automated")),
        flags(column("is_broadcast")),
        to_millis(column("modified_at")),
    ]
    made: dict[str, Row] = {}
    doubled = 0
    for (
        key,
        contact,
        at,
        channel,
        direction,
        outcome,
        company,
        actor,
        subject,
        body,
        headers,
        thread,
        duration,
        auto,
        many,
        modified,
    ) in zip(*columns, strict=True):
        known = made.get(key)
        if known is not None:
            if contact in known.contacts:
                doubled += 1
            else:
                known.contacts.append(contact)
            continue
        # Unless told otherwise a record is changed for the last time soon after the event, as logging takes a moment.
        changed = modified if modified is not None else at + 1_000 + (at // 1000 + contact) * 7919 % 240_000
        made[key] = Row(
            *(key, [contact], at, channel, direction, outcome),
            *(companies[company] if company is not None else None, owners[actor] if actor is not None else None),
            *(subject, body, headers, thread, duration if duration == duration else None, auto, many),  # noqa: PLR0124 - only NaN differs from itself
            max(at, min(changed, max(now, at))),
        )
    return list(made.values()), doubled


def _object_of(row: Row) -> str:
    if row.direction == "internal" and row.channel != "ticket":
        return "notes"
    if row.channel == "email" and row.direction == "inbound" and row.outcome in {"opened", "clicked"}:
        return "opens"
    return OBJECTS.get(row.channel, row.channel)


def _count_answers(emails: list[Row], opens: list[Row]) -> None:
    """Count opens, clicks and replies on the e-mail that they belong to: the last one of ours to that contact, or of that thread."""
    last_to: dict[int, Row] = {}
    last_of: dict[str, Row] = {}
    for row in sorted([*emails, *opens], key=lambda row: row.at):
        if row.direction == "outbound":
            row.opens += row.outcome in {"opened", "clicked"}
            row.clicks += row.outcome == "clicked"
            row.replies += row.outcome == "replied"
            for contact in row.contacts:
                last_to[contact] = row
            if row.thread:
                last_of[row.thread] = row
        elif row.outcome in {"opened", "clicked"}:
            for contact in row.contacts:
                if contact in last_to:
                    last_to[contact].opens += row.outcome == "opened"
                    last_to[contact].clicks += row.outcome == "clicked"
        elif row.outcome not in {"bounced", "auto_reply"} and row.thread in last_of:
            last_of[str(row.thread)].replies = max(1, last_of[str(row.thread)].replies)


def _tickets(rows: list[Row]) -> list[Row]:
    """One row a ticket: opened by its first row, closed by the last one that says so."""
    tickets: dict[str, Row] = {}
    for row in rows:
        ticket = tickets.setdefault(row.thread or row.activity_id, row)
        ticket.modified = max(ticket.modified, row.modified)
        if row is not ticket:
            ticket.contacts += [contact for contact in row.contacts if contact not in ticket.contacts]
            ticket.owner = ticket.owner or row.owner
        if row.outcome == "closed_ticket":
            ticket.closed = row.at
        elif row.outcome == "opened_ticket":
            ticket.closed = None
    return list(tickets.values())


def _put(portal: Portal, kind: str, shape: tuple[str, ...], rows: list[Row], people: People) -> None:
    if not rows:
        return
    places = {name: place for place, name in enumerate(shape)}
    make = MAKERS[kind]
    object_kind = object_type(kind)
    keys = [(row.thread or row.activity_id) if kind == "tickets" else row.activity_id for row in rows]
    ids = numbered(pd.Series(keys, dtype="str"), object_kind.first_id)
    portal.ids[kind] = ids
    pairs: list[tuple[int, int]] = []
    firms: list[tuple[int, int]] = []
    records = []
    for key, row in zip(keys, rows, strict=True):
        record_id = ids[key]
        source = EMAIL_SOURCE if kind == "emails" else CONVERSATIONS if row.channel == "chat" else CRM_UI
        records.append(Record(record_id, row.at, row.modified, source, shape=places, base=make(row, people)))
        pairs.extend((record_id, contact) for contact in row.contacts)
        company = row.company or people.companies.get(row.contacts[0])
        if company is not None:
            firms.append((record_id, company))
    portal.stores[kind].put_loaded(records)
    portal.links.load((kind, "contacts"), pairs)
    portal.links.load((kind, "companies"), firms)


def _roll_ups(rows: list[Row]) -> RollUps:
    """What HubSpot adds up on the contact: last contacted, number of activities, replies, marketing mail, forms, visits."""
    found: RollUps = defaultdict(dict)

    def latest(contact: int, name: str, ms: int) -> None:
        known = found[contact].get(name)
        found[contact][name] = max(ms, known) if isinstance(known, int) else ms

    def more(contact: int, name: str) -> None:
        found[contact][name] = str(int(found[contact].get(name, 0)) + 1)

    for row in rows:
        for contact in row.contacts:
            _add_up(row, contact, latest, more)
            if row.channel == "form":
                found[contact]["recent_conversion_event_name"] = row.subject or "Contact us: form"
                found[contact].setdefault("first_conversion_event_name", row.subject or "Contact us: form")
                found[contact].setdefault("first_conversion_date", row.at)
    return found


def _add_up(row: Row, contact: int, latest: Callable[[int, str, int], None], more: Callable[[int, str], None]) -> None:
    at = row.at
    mail = "email" if row.channel == "email" else ""
    if row.channel == "form":
        latest(contact, "recent_conversion_date", at)
        more(contact, "num_conversion_events")
    elif row.channel == "web":
        latest(contact, "hs_analytics_last_timestamp", at)
        more(contact, "hs_analytics_num_visits")
    elif mail and row.outcome in {"opened", "clicked"}:
        word = "open" if row.outcome == "opened" else "click"
        if row.is_broadcast:
            latest(contact, f"hs_email_last_{word}_date", at)
            more(contact, f"hs_email_{word}")
        else:
            latest(contact, f"hs_sales_email_last_{'opened' if word == 'open' else 'clicked'}", at)
    elif mail and row.is_broadcast:
        latest(contact, "hs_email_last_send_date", at)
        more(contact, "hs_email_bounce" if row.outcome == "bounced" else "hs_email_delivered")
    elif row.channel in OBJECTS and row.channel != "ticket":
        latest(contact, "notes_last_updated", at)
        more(contact, "num_notes")
        if row.direction == "outbound":
            latest(contact, "notes_last_contacted", at)
            more(contact, "num_contacted_notes")
        elif mail and row.outcome not in {"bounced", "auto_reply"}:
            latest(contact, "hs_sales_email_last_replied", at)


_HOW = {
    "opens": "counted on the e-mail before them and on the contact",
    "form": "kept as the contact's recent conversion and number of form submissions",
    "web": "kept as the contact's last visit and number of visits",
}


def _parts(kinds: dict[str, list[Row]], counted: dict[str, int], doubled: int) -> list[Loaded]:
    parts = []
    for key, rows in sorted(counted.items()):
        channel, kind = key.split(" ")
        if kind in SHAPES:
            records = len(kinds["tickets"]) if kind == "tickets" else sum(1 for row in kinds[kind] if row.channel == channel)
            parts.append(Loaded(channel, rows, records, f"as {kind}"))
        else:
            parts.append(Loaded(channel, rows, 0, _HOW.get(kind, "skipped: a portal has no place for them")))
    if doubled:
        parts.append(Loaded("rows of the same activity and contact", doubled, 0, "skipped: doubles"))
    return parts
