"""HubSpot's records as canonical rows, and our fields as HubSpot's definitions: pure, without any server."""

from __future__ import annotations

from collections import Counter
from typing import Any

import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.hubspot.activities import inline_links, to_activities, to_reopened
from connectors.hubspot.definitions import DESCRIPTION_LIMIT, PROPERTY_TYPES, differences, property_definition
from connectors.hubspot.facts import Heard, to_fact_rows, to_facts
from connectors.hubspot.mapping import to_canonical, to_companies, to_contacts, to_merged
from connectors.hubspot.streams import PREFIX, STREAMS, Stream, with_own_names
from connectors.hubspot.values import to_ms, to_times, to_zone
from transforms.vocabulary.fields import Field, Group, Kind, Option, to_text
from transforms.vocabulary.markup import to_plain
from transforms.vocabulary.tables import ACTIVITIES, check_table

Json = dict[str, Any]
AT = "2026-03-01T10:00:00.500Z"


def record(one: str, **properties: str | None) -> Json:
    """A record as HubSpot sends it."""
    return {"id": one, "properties": properties}


def stream(name: str) -> Stream:
    """The stream of that name."""
    return next(one for one in STREAMS["activities"] if one.name == name)


def rows_of(name: str, *records: Json, unknown: Counter[str] | None = None, **more: Any) -> pd.DataFrame:
    """Records of one stream, each with one contact, as rows."""
    contacts = {one["id"]: ["7"] for one in records}
    frame = to_activities(stream(name), records, contacts, {}, unknown=unknown if unknown is not None else Counter(), **more)
    check_table(ACTIVITIES, frame)
    return frame


def a_field(kind: Kind, help_text: str = "What it means.") -> Field:
    """A field of that kind."""
    options = (Option("a", "A"), Option("b", "B")) if kind is Kind.CHOICE else ()
    return Field("thing", "Thing", kind, Group.JOB, "contacts", help_text, lambda _: pd.Series(dtype="object"), options)


def test_no_kind_is_missing() -> None:
    """Every kind of field has a HubSpot type."""
    assert set(PROPERTY_TYPES) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_makes_a_definition(kind: Kind) -> None:
    """Name, group and type are derived; enumerations and flags have options; what was just created does not differ."""
    definition = property_definition(a_field(kind))
    assert (definition["name"], definition["groupName"]) == (PREFIX + "thing", PREFIX + "job")
    assert bool(definition["options"]) == (kind in (Kind.CHOICE, Kind.FLAG))
    assert differences(definition, definition) == {}


def test_a_long_help_text_is_cut() -> None:
    """HubSpot gets at most so many characters of it."""
    assert len(property_definition(a_field(Kind.TEXT, "x" * 5_000))["description"]) == DESCRIPTION_LIMIT


@pytest.mark.parametrize(
    ("kind", "raw", "sent_back"),
    [
        (Kind.DATETIME, pd.Timestamp("2026-11-22T09:14:00Z"), ["2026-11-22T09:14:00Z", "2026-11-22T09:14:00.000Z", "1795338840000"]),
        (Kind.DATE, pd.Timestamp("2026-11-22", tz="UTC"), ["2026-11-22", "1795305600000"]),
        (Kind.COUNT, 12, ["12", "12.0"]),
        (Kind.SCORE, 0, ["0", "0.0"]),
        (Kind.CHANCE, 0.349, ["35"]),
        (Kind.FLAG, True, ["true"]),
        (Kind.CHOICE, "a", ["a"]),
        (Kind.LONG_TEXT, "One. Two.", ["One. Two."]),
    ],
)
def test_what_hubspot_sends_back_is_the_text_that_was_written(kind: Kind, raw: object, sent_back: list[str]) -> None:
    """Whatever form HubSpot gives a value, it reads as the canonical text, so that nothing is written twice."""
    text = to_text(a_field(kind), pd.Series([raw])).iloc[0]
    assert {to_canonical(kind, form) for form in sent_back} == {text}


@given(st.integers(0, 4_102_444_800_000))
def test_moments_are_read_in_every_form(ms: int) -> None:
    """ISO with and without milliseconds, and epoch milliseconds, even mixed in one column."""
    moment = pd.Timestamp(ms, unit="ms", tz="UTC")
    forms = [str(ms), moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"]
    assert {to_ms(form) for form in forms} == {ms}
    assert to_times([*forms, None, ""]).isna().tolist() == [False, False, True, True]
    assert set(to_times(forms)) == {moment}


@pytest.mark.parametrize(
    ("text", "zone"),
    [("america_slash_new_york", "America/New_York"), ("us_slash_eastern", "US/Eastern"), ("utc", "UTC"), ("nowhere", None), ("", None)],
)
def test_time_zones_get_their_names(text: str, zone: str | None) -> None:
    """HubSpot writes zones its own way; what is none is missing."""
    assert to_zone(text) == zone


def test_contacts() -> None:
    """Null and empty are missing; a number that is an id is text; a bounce takes the date of the last send."""
    bounced = record(
        "1",
        email="a@b.example",
        lastname="",
        associatedcompanyid="42.0",
        hs_email_hard_bounce_reason_enum="UNKNOWN_USER",
        hs_email_last_send_date=AT,
        do_not_call="true",
    )
    frame = to_contacts(
        [bounced, record("2", hs_email_last_send_date=AT, hs_timezone="europe_slash_berlin", hs_email_optout="true")],
        {"do_not_call": "do_not_call"},
    )
    assert frame["company_id"].fillna("").tolist() == ["42", ""]
    assert frame["last_name"].isna().all()
    assert frame["email_bounced_at"].notna().tolist() == [True, False]
    assert frame["email_opted_out"].fillna(value=False).tolist() == [False, True]
    assert frame["do_not_call"].isna().tolist() == [False, True]
    assert frame["time_zone"].fillna("").tolist() == ["", "Europe/Berlin"]


def test_a_change_of_jobs_takes_the_later_of_the_two_dates() -> None:
    """HubSpot's data service notes another job and another employer apart; either will do."""
    job, employer = "hs_job_change_detected_date", "hs_employment_change_detected_date"
    records = [record("1", **{job: "2026-09-01", employer: "2026-10-01"}), record("2", **{job: "2026-09-01"}), record("3")]
    changed = to_contacts(records, {})["job_changed_at"]
    assert changed.dt.strftime("%Y-%m-%d").fillna("").tolist() == ["2026-10-01", "2026-09-01", ""]


def test_companies() -> None:
    """A customer is who buys now; renewal and value come from the properties that the portal uses for them."""
    frame = to_companies(
        [record("1", lifecyclestage="customer", ends="2027-01-31", worth="1200.5"), record("2", lifecyclestage="lead"), record("3")],
        {"renewal_on": "ends", "annual_value": "worth"},
    )
    assert frame["is_customer"].tolist() == [True, False, pd.NA]
    assert frame["renewal_on"].iloc[0] == pd.Timestamp("2027-01-31", tz="UTC")
    assert frame["annual_value"].iloc[0] == 1200.5


def test_merged_ids() -> None:
    """Each id that went into a record is told once, the record's own id never."""
    gone = to_merged("contacts", [record("9", hs_merged_object_ids="3;9;5"), record("4", hs_merged_object_ids=None)])
    assert gone[["record_id", "into"]].to_numpy().tolist() == [["3", "9"], ["5", "9"]]


@pytest.mark.parametrize(
    ("held", "direction", "outcome"),
    [
        ({"hs_email_direction": "EMAIL", "hs_email_status": "SENT"}, "outbound", "sent"),
        ({"hs_email_direction": "EMAIL", "hs_email_status": "SENT", "hs_email_open_count": "2"}, "outbound", "opened"),
        (
            {"hs_email_direction": "EMAIL", "hs_email_status": "SENT", "hs_email_open_count": "2", "hs_email_reply_count": "1"},
            "outbound",
            "replied",
        ),
        ({"hs_email_direction": "EMAIL", "hs_email_status": "BOUNCED", "hs_email_open_count": "1"}, "outbound", "bounced"),
        ({"hs_email_direction": "EMAIL", "hs_email_status": None}, "outbound", None),
        ({"hs_email_direction": "INCOMING_EMAIL", "hs_email_status": "SENT"}, "inbound", None),
        ({"hs_email_direction": "INCOMING_EMAIL", "hs_incoming_email_is_out_of_office": "true"}, "inbound", "auto_reply"),
        ({"hs_email_direction": "FORWARDED_EMAIL"}, "inbound", None),
        ({"hs_email_direction": "EMAIL", "hs_email_status": "FROZEN"}, "outbound", "other"),
    ],
)
def test_emails(held: dict[str, str | None], direction: str, outcome: str | None) -> None:
    """Direction and outcome of an e-mail; a reply tells more than a click, a click more than an open."""
    unknown: Counter[str] = Counter()
    row = rows_of("emails", record("1", hs_timestamp=AT, **held), unknown=unknown).iloc[0]
    assert (row["direction"], row["outcome"] if pd.notna(row["outcome"]) else None) == (direction, outcome)
    assert unknown == (Counter(hs_email_status=1) if outcome == "other" else Counter())


def test_an_emails_text_and_headers() -> None:
    """The text is taken, else the HTML without tags; headers are made of what HubSpot keeps."""
    headers = orjson.dumps(
        {"from": {"email": "mailer@x.example", "firstName": "Mail", "lastName": "Daemon"}, "to": [{"email": "us@y.example"}]}
    ).decode()
    bounce = record(
        "1",
        hs_timestamp=AT,
        hs_email_direction="INCOMING_EMAIL",
        hs_email_html="<style>p{}</style><p>Not&nbsp;here<br>any more</p>",
        hs_email_headers=headers,
        hs_email_bounce_error_detail_status_code="550",
        hs_email_bounce_error_detail_message="550 5.1.1 unknown\nuser",
        hs_incoming_email_is_out_of_office="true",
        hs_sequence_id="5",
    )
    plain = record(
        "2",
        hs_timestamp=AT,
        hs_email_direction="EMAIL",
        hs_email_text="As is",
        hs_email_html="<p>other</p>",
        hs_email_headers="{broken",
        hs_email_to_email="a@x;b@x",
        hs_campaign_guid="g",
    )
    frame = rows_of("emails", bounce, plain)
    assert frame["body"].tolist() == ["Not here\nany more", "As is"]
    assert frame["headers"].tolist() == [
        "From: Mail Daemon <mailer@x.example>\nTo: us@y.example\nX-HubSpot-Bounce-Status: 550\nX-HubSpot-Bounce-Detail: 550 5.1.1 unknown user\nX-HubSpot-Out-Of-Office: true",
        "To: a@x, b@x",
    ]
    assert frame["is_automated"].tolist() == [True, False]
    assert frame["is_broadcast"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("held", "outcome"),
    [
        ({"hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7"}, "connected"),
        ({"hs_call_disposition": "a4c4c377-d246-4b32-a13b-75a56a4cd0ff"}, "voicemail"),
        ({"hs_call_disposition": "the portal's own", "hs_call_status": "COMPLETED"}, "other"),
        ({"hs_call_status": "NO_ANSWER"}, "no_answer"),
        ({"hs_call_status": "COMPLETED", "hs_call_duration": "120000"}, "connected"),
        ({"hs_call_status": "COMPLETED", "hs_call_duration": "8000"}, "other"),
    ],
)
def test_calls(held: dict[str, str], outcome: str) -> None:
    """The chosen outcome counts first; without one, the status, and a completed call that lasted."""
    row = rows_of("calls", record("1", hs_timestamp=AT, hs_call_direction="OUTBOUND", **held)).iloc[0]
    assert row["outcome"] == outcome
    assert pd.isna(row["duration_s"]) or row["duration_s"] == float(held["hs_call_duration"]) / 1000


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("COMPLETED", "held"),
        ("NO_SHOW", "no_show"),
        ("CANCELED", "canceled"),
        ("CANCELLED", "canceled"),
        ("RESCHEDULED", "canceled"),
        ("SCHEDULED", "scheduled"),
        ("LATER", "other"),
    ],
)
def test_meetings(word: str, outcome: str) -> None:
    """A meeting happened when it began; both spellings of canceled are known; who booked it did it."""
    held = {"hs_timestamp": AT, "hs_meeting_start_time": "2026-03-02T09:00:00Z", "hs_meeting_end_time": "2026-03-02T09:30:00Z"}
    row = rows_of("meetings", record("1", hs_meeting_outcome=word, hs_meeting_source="MEETINGS_PUBLIC", **held)).iloc[0]
    assert (row["outcome"], row["duration_s"], row["direction"], row["occurred_at"]) == (
        outcome,
        1800.0,
        "inbound",
        pd.Timestamp("2026-03-02T09:00:00Z"),
    )


def test_messages_say_who_wrote_them() -> None:
    """A pasted message begins with From or To; without that it was ours. Unknown channels are chat, and counted."""
    unknown: Counter[str] = Counter()
    bodies = {
        "WHATS_APP": "From Ana Souza:\nHello",
        "SMS": "To Ana: Hello",
        "LINKEDIN_MESSAGE": "<p>Hello</p>",
        "PIGEON": "From far:\nHello",
    }
    frame = rows_of(
        "communications",
        *(
            record(str(n), hs_timestamp=AT, hs_communication_channel_type=word, hs_communication_body=body)
            for n, (word, body) in enumerate(bodies.items())
        ),
        unknown=unknown,
    )
    assert frame["channel"].tolist() == ["whatsapp", "sms", "linkedin", "chat"]
    assert frame["direction"].tolist() == ["inbound", "outbound", "outbound", "inbound"]
    assert frame["body"].tolist() == ["Hello"] * 4
    assert unknown == Counter(hs_communication_channel_type=1)


def test_only_notes_that_hold_a_chat_or_a_letter_count() -> None:
    """Other notes are neither a touch nor a sign of life."""
    notes = [
        record("1", hs_timestamp=AT, hs_note_body="Chat from Ana\nHello"),
        record("2", hs_timestamp=AT, hs_note_body="She seemed busy."),
        record("3", hs_timestamp=AT, hs_note_body="Letter to Ana"),
    ]
    assert rows_of("notes", *notes)[["activity_id", "channel", "direction"]].to_numpy().tolist() == [
        ["1", "chat", "inbound"],
        ["3", "mail", "outbound"],
    ]


def test_tickets_open_and_close() -> None:
    """Opening is the contact's, closing is internal; a ticket that was opened again takes its closing back."""
    tickets = [
        record("1", createdate=AT, hs_pipeline_stage="1"),
        record("2", createdate=AT, hs_pipeline_stage="4", closed_date="2026-03-05T10:00:00Z"),
        record("3", createdate=AT, hs_pipeline_stage="2", closed_date="2026-03-05T10:00:00Z"),
    ]
    frame = rows_of("tickets", *tickets, closed_stages=frozenset({"4"}))
    assert sorted(frame["activity_id"]) == ["ticket-1-opened", "ticket-2-closed", "ticket-2-opened", "ticket-3-opened"]
    assert frame.set_index("activity_id")["direction"].to_dict()["ticket-2-closed"] == "internal"
    assert set(frame["thread_id"]) == {"ticket-1", "ticket-2", "ticket-3"}
    assert to_reopened(tickets, frozenset({"4"}))["record_id"].tolist() == ["ticket-3-closed"]


def test_one_row_for_each_contact() -> None:
    """A record with three contacts gives three rows that say so; one without contacts gives none; labels do not double a contact."""
    shared = {
        "contacts": {"results": [{"id": "1", "type": "a"}, {"id": "1", "type": "b"}, {"id": "2", "type": "a"}, {"id": "3", "type": "a"}]}
    }
    records = [{**record("10", hs_timestamp=AT, hs_email_direction="EMAIL"), "associations": shared}, record("11", hs_timestamp=AT)]
    contacts, unfinished = inline_links(records, "contacts")
    frame = to_activities(stream("emails"), records, contacts, {"10": ["77", "78"]}, unknown=Counter())
    assert frame[["contact_id", "participant_count", "company_id"]].to_numpy().tolist() == [["1", 3, "77"], ["2", 3, "77"], ["3", 3, "77"]]
    assert unfinished == []


def test_a_contact_tells_of_single_activities() -> None:
    """Form, newsletter and replies, each with an id made of contact and moment; a reply whose e-mail is there is left out."""
    held = record(
        "5",
        recent_conversion_date="2026-03-01T08:00:00Z",
        recent_conversion_event_name="Demo form",
        hs_email_last_send_date="2026-03-02T08:00:00Z",
        hs_email_last_open_date="2026-03-02T09:00:00Z",
        hs_email_last_click_date="2026-02-01T09:00:00Z",
        hs_email_last_reply_date="2026-03-03T09:00:00Z",
        hs_sales_email_last_replied="2026-03-04T09:00:00Z",
        associatedcompanyid="42",
    )
    facts = to_facts([held, record("6")])
    frame = to_fact_rows(facts, Heard())
    check_table(ACTIVITIES, frame)
    assert frame[["channel", "direction", "outcome"]].to_numpy().tolist() == [
        ["form", "inbound", "submitted"],
        ["email", "outbound", "opened"],
        ["email", "inbound", "replied"],
        ["email", "inbound", "replied"],
    ]
    mail = rows_of("emails", record("1", hs_timestamp="2026-03-04T08:55:00Z", hs_email_direction="INCOMING_EMAIL")).assign(contact_id="5")
    heard = Heard()
    heard.add(mail)
    assert len(to_fact_rows(facts, heard)) == 3
    assert len(to_fact_rows(facts, Heard(), replies_since_ms=to_ms("2026-03-04T00:00:00Z"))) == 3
    assert to_facts([held]) == facts


def test_what_is_asked_for_fits_into_an_address() -> None:
    """The properties of a stream, ours among them, stay well below the length at which gateways refuse an address."""
    fields = [
        Field(f"{'x' * 36}{n}", "X", Kind.COUNT, Group.HELP, "contacts", "Help.", lambda _: pd.Series(dtype="object")) for n in range(45)
    ]
    streams = with_own_names({"renewal_on": "r", "do_not_call": "d"}, fields, PREFIX)
    assert max(len(",".join(one.properties)) for many in streams.values() for one in many) < 5_000
    assert "d" in streams["contacts"][0].properties
    assert "r" in streams["companies"][0].properties


def test_html_becomes_text() -> None:
    """Tags go, lines stay, entities are read, what nobody sees is left out."""
    assert to_plain("<div>One &amp; two</div><div>Three</div><script>x()</script>&lt;four&gt;") == "One & two\nThree\n<four>"
