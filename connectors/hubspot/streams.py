"""What is read of HubSpot: one stream a record type, with the properties that are asked for and those that hold its moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from transforms.vocabulary import tables
from transforms.vocabulary.fields import Field
from transforms.vocabulary.tables import Channel

PREFIX = "stillthere_"
"""Every property and group of ours begins with this."""

TASK_KEY = f"{PREFIX}task_key"


@dataclass(frozen=True)
class Stream:
    """One record type as one table reads it.

    ``kind`` is HubSpot's plural name, ``modified`` and ``happened`` the properties that hold when a record was last changed
    and when it happened, ``associations`` the record types whose ids are wanted with each record.
    """

    name: str
    table: str
    kind: str
    modified: str
    happened: str
    properties: tuple[str, ...]
    associations: tuple[str, ...] = ()


_COMMON = ("hs_timestamp", "hs_lastmodifieddate", "hubspot_owner_id")
_WITH = ("contacts", "companies")

FACTS = (
    "recent_conversion_date",
    "recent_conversion_event_name",
    "hs_email_last_send_date",
    "hs_email_last_open_date",
    "hs_email_last_click_date",
    "hs_email_last_reply_date",
    "hs_sales_email_last_replied",
)
"""Contact properties that tell of single activities."""

CONTACT_PROPERTIES = (
    *("email", "firstname", "lastname", "jobtitle", "associatedcompanyid", "hubspot_owner_id", "createdate", "lastmodifieddate"),
    *("hs_timezone", "country", "hs_linkedin_url", "hs_email_optout", "hs_email_hard_bounce_reason_enum", "hs_merged_object_ids"),
    *("hs_additional_emails", "hs_job_change_detected_date", "hs_employment_change_detected_date"),
)

COMPANY_PROPERTIES = ("name", "domain", "hubspot_owner_id", "lifecyclestage", "hs_lastmodifieddate", "hs_merged_object_ids")

CONTACTS = Stream("contacts", "contacts", "contacts", "lastmodifieddate", "createdate", (*CONTACT_PROPERTIES, *FACTS))
COMPANIES = Stream("companies", "companies", "companies", "hs_lastmodifieddate", "createdate", COMPANY_PROPERTIES)

EMAILS = Stream(
    "emails",
    "activities",
    "emails",
    "hs_lastmodifieddate",
    "hs_timestamp",
    (
        *_COMMON,
        *("hs_email_direction", "hs_email_status", "hs_email_subject", "hs_email_text", "hs_email_html", "hs_email_headers"),
        *("hs_email_from_email", "hs_email_to_email", "hs_email_bounce_error_detail_status_code", "hs_email_bounce_error_detail_message"),
        *("hs_email_error_message", "hs_email_open_count", "hs_email_click_count", "hs_email_reply_count", "hs_email_thread_id"),
        *("hs_email_sent_via", "hs_incoming_email_is_out_of_office", "hs_sequence_id", "hs_campaign_guid"),
    ),
    _WITH,
)
CALLS = Stream(
    "calls",
    "activities",
    "calls",
    "hs_lastmodifieddate",
    "hs_timestamp",
    (*_COMMON, "hs_call_direction", "hs_call_status", "hs_call_disposition", "hs_call_duration", "hs_call_title", "hs_call_body"),
    _WITH,
)
MEETINGS = Stream(
    "meetings",
    "activities",
    "meetings",
    "hs_lastmodifieddate",
    "hs_timestamp",
    (
        *_COMMON,
        "hs_meeting_outcome",
        "hs_meeting_start_time",
        "hs_meeting_end_time",
        "hs_meeting_source",
        "hs_meeting_title",
        "hs_meeting_body",
    ),
    _WITH,
)
COMMUNICATIONS = Stream(
    "communications",
    "activities",
    "communications",
    "hs_lastmodifieddate",
    "hs_timestamp",
    (*_COMMON, "hs_communication_channel_type", "hs_communication_logged_from", "hs_communication_body"),
    _WITH,
)
NOTES = Stream("notes", "activities", "notes", "hs_lastmodifieddate", "hs_timestamp", (*_COMMON, "hs_note_body"), _WITH)
TICKETS = Stream(
    "tickets",
    "activities",
    "tickets",
    "hs_lastmodifieddate",
    "createdate",
    ("createdate", "closed_date", "hs_pipeline_stage", "hs_lastmodifieddate", "hubspot_owner_id", "subject", "content"),
    _WITH,
)
CONTACT_FACTS = Stream(
    "facts", "activities", "contacts", "lastmodifieddate", "lastmodifieddate", ("lastmodifieddate", "associatedcompanyid", *FACTS)
)

FEEDS: dict[str, tuple[Channel, ...]] = {
    EMAILS.name: (Channel.EMAIL,),
    CALLS.name: (Channel.CALL,),
    MEETINGS.name: (Channel.MEETING,),
    COMMUNICATIONS.name: (Channel.SMS, Channel.WHATSAPP, Channel.LINKEDIN, Channel.CHAT),
    NOTES.name: (Channel.CHAT, Channel.MAIL),
    TICKETS.name: (Channel.TICKET,),
}
"""The channels that go unheard where a stream may not be read. What contact records tell comes with the contacts, without which nothing goes."""

STREAMS: dict[str, tuple[Stream, ...]] = {
    "contacts": (CONTACTS,),
    "companies": (COMPANIES,),
    "activities": (EMAILS, CALLS, MEETINGS, COMMUNICATIONS, NOTES, TICKETS, CONTACT_FACTS),
}
"""The streams of each table. Of the notes only those count that hold a chat or a letter; tasks are read by key alone."""


def with_own_names(own_names: dict[str, str], fields: Sequence[Field], prefix: str) -> dict[str, tuple[Stream, ...]]:
    """The streams, asking also for our own fields and for the portal's own properties."""
    extra = {table: tuple(prefix + f.name for f in fields if f.table == table) for table in STREAMS}
    for column, name in own_names.items():
        extra["contacts" if column in tables.CONTACTS.names else "companies"] += (name,)
    return {
        table: tuple(
            stream if table == "activities" else replace(stream, properties=(*stream.properties, *extra[table])) for stream in streams
        )
        for table, streams in STREAMS.items()
    }
