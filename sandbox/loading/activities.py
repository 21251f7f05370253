"""Activities of a loaded portal: their rows become e-mails, calls, meetings, messages, notes and tickets, with their links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pandas as pd

from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.records import CRM_UI, Record, Source
from sandbox.loading.kept import MAKERS, SHAPES, People, Row
from sandbox.loading.people import EMAIL_SOURCE, RollUps
from sandbox.loading.report import Loaded
from sandbox.loading.rows import count_answers, join_tickets, read_rows
from sandbox.loading.tables import numbered

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
    rows, doubled = read_rows(frame, contacts, companies, owners, portal.clock.now_ms())
    kinds: dict[str, list[Row]] = defaultdict(list)
    counted: dict[str, int] = defaultdict(int)
    for row in rows:
        kinds[_object_of(row)].append(row)
        counted[f"{row.channel} {_object_of(row)}"] += len(row.contacts)
    roll_ups = _roll_ups(rows)
    count_answers(kinds["emails"], kinds.pop("opens", []))
    kinds["tickets"] = join_tickets(kinds["tickets"])
    parts = _parts(kinds, counted, doubled)
    del rows
    for kind, shape in SHAPES.items():
        _put(portal, kind, shape, kinds.pop(kind, []), people)
    return parts, roll_ups


def _object_of(row: Row) -> str:
    if row.direction == "internal" and row.channel != "ticket":
        return "notes"
    if row.is_open:
        return "opens"
    return OBJECTS.get(row.channel, row.channel)


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
