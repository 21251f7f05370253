"""Canonical tables as a grown portal."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from connectors.files import read_folder
from sandbox.loader import Tables
from sandbox.running import SandboxOptions, make_portal
from sandbox.world import WorldOptions, make_world
from transforms.vocabulary.errors import BadInput

CONTACTS = [
    {"contact_id": "1", "email": "Ann@x.example", "first_name": "Ann", "last_name": "Lee", "company_id": "5", "owner_id": "9"},
    {"contact_id": "2", "email": "bo@x.example", "company_id": "5", "title": "CFO", "title_changed_at": "2026-03-01T00:00:00Z"},
    {"contact_id": "3", "email": "old@x.example", "merged_into": "1", "is_deleted": True},
    {"contact_id": "4", "email": "gone@x.example", "is_deleted": True},
]


def row(number: int, channel: str, direction: str, outcome: str | None = None, contact: str = "1", **more: Any) -> dict[str, Any]:
    """One activity in May 2026, on a day that follows from its number."""
    base = {"activity_id": str(number), "contact_id": contact, "occurred_at": f"2026-05-{number % 27 + 1:02d}T10:00:00Z"}
    return {**base, "channel": channel, "direction": direction, "outcome": outcome, "actor_id": "9", **more}


@pytest.fixture
def load(start: Any) -> Any:
    """Serves the given activities of the contacts above."""

    def serve(*rows: dict[str, Any]) -> Any:
        companies = pd.DataFrame(
            [{"company_id": "5", "name": "X", "renewal_on": "2027-01-31", "annual_value": 12000.0, "is_customer": True}]
        )
        owners = pd.DataFrame([{"owner_id": "9", "name": "Dana Reyes", "email": "dana@ours.example"}])
        return start(world=Tables(pd.DataFrame(CONTACTS), pd.DataFrame(list(rows)), companies, owners))

    return serve


def shown(api: Any, kind: str, number: str, names: str) -> dict[str, Any]:
    """A record with the named properties and its links."""
    found: dict[str, Any] = api("GET", f"/crm/v3/objects/{kind}/{number}", properties=names, associations="contacts,companies").json()
    return found


def test_mail_is_kept_as_hubspot_would(load: Any) -> None:
    """Addresses in JSON, direction, counts of opens and replies; sender and receiver change places with the direction."""
    headers = 'From: "Mail System" <mailer-daemon@x.example>\nMessage-ID: <m1@x.example>\nAuto-Submitted: auto-replied'
    api = load(
        row(1, "email", "outbound", "sent", subject="Hi", body="Hello", thread_id="t1"),
        row(1, "email", "outbound", "sent", contact="2"),
        row(2, "email", "inbound", "opened"),
        row(3, "email", "inbound", "replied", thread_id="t1"),
        row(4, "email", "outbound", "bounced", body="550 5.1.1 unknown user"),
        row(5, "email", "inbound", "auto_reply", headers=headers),
        row(6, "email", "outbound", "sent", is_broadcast=True, is_automated=True),
    )
    first = shown(api, "emails", "1", "hs_email_direction,hs_email_to_email,hs_email_from_email,hs_email_open_count,hs_email_reply_count")
    assert first["properties"] | {"hs_email_direction": "EMAIL", "hs_email_to_email": "ann@x.example;bo@x.example"} == first["properties"]
    assert (first["properties"]["hs_email_open_count"], first["properties"]["hs_email_reply_count"]) == ("1", "1")
    assert [c["id"] for c in first["associations"]["contacts"]["results"]] == ["1", "2"]
    assert [c["id"] for c in first["associations"]["companies"]["results"]] == ["5"]
    names = "hs_email_direction,hs_email_from_email,hs_email_from_firstname,hs_incoming_email_is_out_of_office,hs_email_message_id"
    auto = shown(api, "emails", "5", names)["properties"]
    assert [auto[name] for name in names.split(",")] == ["INCOMING_EMAIL", "mailer-daemon@x.example", "Mail", "true", "<m1@x.example>"]
    bounced = shown(api, "emails", "4", "hs_email_status,hs_email_bounce_error_detail_status_code,hs_email_bounce_error_detail_message")[
        "properties"
    ]
    assert (bounced["hs_email_status"], bounced["hs_email_bounce_error_detail_status_code"]) == ("BOUNCED", "550")
    assert "5.1.1" in bounced["hs_email_bounce_error_detail_message"]
    many = shown(api, "emails", "6", "hs_campaign_guid,hs_sequence_id")["properties"]
    assert many["hs_campaign_guid"]
    assert many["hs_sequence_id"].isdigit()
    assert api("GET", "/crm/v3/objects/emails", limit=100).json()["results"][4]["id"] == "6"


def test_calls_meetings_and_messages(load: Any) -> None:
    """Outcomes become HubSpot's; a duration is in milliseconds; a message's direction stands in its first line."""
    api = load(
        row(1, "call", "outbound", "voicemail", duration_s=12.5),
        row(2, "call", "inbound", "connected"),
        row(3, "meeting", "outbound", "held", duration_s=3600.0),
        row(4, "meeting", "inbound", "scheduled"),
        row(5, "whatsapp", "inbound", body="Yes"),
        row(6, "linkedin", "outbound", body="Hello"),
        row(7, "email", "internal", body="remember the milk"),
    )
    call = shown(api, "calls", "1", "hs_call_status,hs_call_disposition,hs_call_duration,hs_call_direction")["properties"]
    assert (call["hs_call_status"], call["hs_call_duration"], call["hs_call_direction"]) == ("COMPLETED", "12500", "OUTBOUND")
    assert call["hs_call_disposition"] == "b2cf5968-551e-4856-9783-52b3da59a7d0"
    meeting = shown(api, "meetings", "3", "hs_meeting_outcome,hs_meeting_start_time,hs_meeting_end_time,hs_meeting_source")["properties"]
    assert (meeting["hs_meeting_outcome"], meeting["hs_meeting_source"]) == ("COMPLETED", "CRM_UI")
    assert (meeting["hs_meeting_start_time"], meeting["hs_meeting_end_time"]) == ("2026-05-04T10:00:00Z", "2026-05-04T11:00:00Z")
    assert shown(api, "meetings", "4", "hs_meeting_source")["properties"]["hs_meeting_source"] == "MEETINGS_PUBLIC"
    names = "hs_communication_channel_type,hs_communication_body"
    assert list(shown(api, "communications", "5", names)["properties"].values())[:2] == ["WHATS_APP", "From Ann Lee:\nYes"]
    assert list(shown(api, "communications", "6", names)["properties"].values())[:2] == ["LINKEDIN_MESSAGE", "To Ann Lee:\nHello"]
    assert shown(api, "notes", "7", "hs_note_body")["properties"]["hs_note_body"] == "remember the milk"


def test_a_tickets_rows_are_one_record_and_forms_are_facts_of_the_contact(load: Any) -> None:
    """Opened and closed by thread; the last form is kept with its date; what has no place is reported."""
    api = load(
        row(1, "ticket", "inbound", "opened_ticket", thread_id="k", subject="Broken"),
        row(9, "ticket", "internal", "closed_ticket", thread_id="k"),
        row(2, "ticket", "inbound", "opened_ticket", thread_id="l"),
        row(3, "form", "inbound", "submitted"),
        row(4, "form", "inbound", "submitted"),
        row(5, "product", "inbound", "used"),
    )
    tickets = api("GET", "/crm/v3/objects/tickets", properties="hs_is_closed,closed_date,subject").json()["results"]
    assert [(t["properties"]["subject"], t["properties"]["hs_is_closed"], t["properties"]["closed_date"]) for t in tickets] == [
        ("Broken", "true", "2026-05-10T10:00:00Z"),
        ("Ticket", "false", None),
    ]
    contact = shown(api, "contacts", "1", "recent_conversion_date,num_conversion_events")["properties"]
    assert (contact["recent_conversion_date"], contact["num_conversion_events"]) == ("2026-05-05T10:00:00Z", "2")
    report = {(part.what, part.how.split(" ")[0]): (part.rows, part.records) for part in api.sandbox.report.parts}
    assert report[("ticket", "as")] == (3, 2)
    assert report[("form", "kept")] == (2, 0)
    assert report[("product", "skipped:")] == (1, 0)


def test_people_and_companies(load: Any) -> None:
    """Merged contacts lead to the one that stayed, deleted ones are archived, a changed title has its history."""
    api = load(row(1, "email", "outbound", "sent", contact="3"), row(2, "call", "outbound", "connected"))
    kept = shown(
        api, "contacts", "3", "email,hs_additional_emails,hs_merged_object_ids,associatedcompanyid,notes_last_contacted,hubspot_owner_id"
    )
    assert kept["id"] == "1"
    assert kept["properties"]["hs_additional_emails"] == "old@x.example"
    assert kept["properties"]["hs_merged_object_ids"] == "3"
    assert (kept["properties"]["email"], kept["properties"]["associatedcompanyid"], kept["properties"]["hubspot_owner_id"]) == (
        "ann@x.example",
        "5",
        "9",
    )
    assert kept["properties"]["notes_last_contacted"] == "2026-05-03T10:00:00Z"
    assert [r["id"] for r in api("GET", "/crm/v3/objects/contacts").json()["results"]] == ["1", "2"]
    assert [r["id"] for r in api("GET", "/crm/v3/objects/contacts", archived="true").json()["results"]] == ["4"]
    titles = api("GET", "/crm/v3/objects/contacts/2", propertiesWithHistory="jobtitle").json()["propertiesWithHistory"]["jobtitle"]
    assert (titles[0]["value"], titles[0]["timestamp"]) == ("CFO", "2026-03-01T00:00:00.000Z")
    company = shown(api, "companies", "5", "renewal_date,annual_contract_value,lifecyclestage")["properties"]
    assert (company["renewal_date"], company["annual_contract_value"], company["lifecyclestage"]) == ("2027-01-31", "12000", "customer")


def test_records_are_stamped_when_they_happened_and_the_clock_starts_after(load: Any) -> None:
    """The last change lies shortly after the event, not at the time of loading; the clock starts at the next full hour."""
    api = load(row(1, "email", "outbound", "sent"), row(2, "call", "outbound", "busy", modified_at="2026-05-20T00:00:00Z"))
    email = shown(api, "emails", "1", "hs_timestamp")
    assert "2026-05-02T10:00:00" < email["updatedAt"] < "2026-05-02T10:06:00"
    assert api.sandbox.clock.now().isoformat()[:16] == "2026-05-03T11:00"
    assert api.search("emails", {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "0"}).json()["total"] == 1


def test_ids_that_are_no_numbers_become_numbers(start: Any) -> None:
    """HubSpot's ids are numbers; the old id stays as external_id, and the report has the translation."""
    api = start(
        world=Tables(
            pd.DataFrame([{"contact_id": "p7", "email": "a@x.example"}]),
            pd.DataFrame([row(1, "email", "inbound", contact="p7", actor_id="u1")]),
        )
    )
    number = api.sandbox.report.ids["contacts"]["p7"]
    assert api.sandbox.portal.properties("contacts", number)["external_id"] == "p7"
    assert api("GET", "/crm/v3/owners").json()["results"][0]["firstName"] == "u1"


def test_an_unknown_contact_is_named() -> None:
    """BadInput names the activity and the contact."""
    tables = Tables(pd.DataFrame(CONTACTS), pd.DataFrame([row(1, "email", "inbound", contact="77")]))
    with pytest.raises(BadInput, match="Activity 1 names the contact 77"):
        make_portal(SandboxOptions(), world=tables)


def test_every_row_of_made_customers_is_accounted_for() -> None:
    """The report's rows add up to the activities; every contact of the world is there, archived or merged."""
    world = make_world(WorldOptions(contacts=120, companies=20, activities_per_contact=20))
    portal, report = make_portal(SandboxOptions(), world=world)
    assert report is not None
    assert sum(part.rows for part in report.parts[3:]) == len(world.activities)
    store = portal.stores["contacts"]
    assert len(store.live) + len(store.archived) + len(store.merged) == len(world.contacts)
    emails = portal.stores["emails"]
    headers = [json.loads(str(emails.live[i].get("hs_email_headers"))) for i in emails.ids]
    assert all(h["from"]["email"] and h["to"] for h in headers)


def test_the_public_mail_log_is_a_portal(enron: Path) -> None:
    """6,184 real mails of 97 people load as they are."""
    portal, report = make_portal(SandboxOptions(), world=Tables(**read_folder(enron)))
    assert report is not None
    assert (len(portal.stores["contacts"].live), len(portal.stores["emails"].live)) == (97, 6184)
    assert portal.clock.now().isoformat()[:13] == "2002-06-21T14"
