"""Salesforce's records become canonical rows: what each field and word of theirs means."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce.activities import (
    links_of,
    to_cases,
    to_comments,
    to_emails,
    to_events,
    to_reopened,
    to_responses,
    to_tasks,
    to_vanished,
)
from connectors.salesforce.cursors import Load, Standing, Window
from connectors.salesforce.gathering import Ids
from connectors.salesforce.mapping import to_canonical, to_companies, to_contacts, to_gone, to_owners, to_standing
from connectors.salesforce.names import TASK_KEY, api_name
from connectors.salesforce.soql import of_bulk, of_load, onward, statement
from connectors.salesforce.streams import EMAILS, STREAMS, TASKS, Stream
from connectors.salesforce.values import flatten, from_ms, to_domains, to_flags, to_list, to_ms, to_soql, to_times
from transforms.vocabulary.changes import GONE, STANDING
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import Field, Group, Kind
from transforms.vocabulary.tables import ACTIVITIES, COMPANIES, CONTACTS, OWNERS, check_table

OWN = {"renewal_on": "Renewal_Date__c", "annual_value": "Value__c", "do_not_call": "DoNotCall", "job_changed_at": "Moved__c"}
TOM, ANA, LEAD = "003000000000001AAA", "003000000000002AAA", "00Q000000000001AAA"
USER, ACCOUNT = "005000000000001AAA", "001000000000001AAA"
NOW = pd.Timestamp("2026-11-22T09:00:00Z")


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """Records as columns of text, as both ways of reading give them."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pd.DataFrame({name: pd.array([row.get(name) for row in rows], dtype="str") for name in names})


def one(frame: pd.DataFrame, name: str) -> Any:
    """The value of a column in the only row; None where it is missing."""
    (value,) = frame[name]
    return None if pd.isna(value) else value


# Values


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2024-11-07T07:00:00.000+0000", 1_730_962_800_000),
        ("2024-11-07T07:00:00.000Z", 1_730_962_800_000),
        ("2024-11-07", 1_730_937_600_000),
    ],
)
def test_moments_are_read_in_every_form(text: str, ms: int) -> None:
    """REST writes +0000, Bulk writes Z, and a day is its beginning."""
    assert to_ms(text) == ms
    assert to_times(table({"x": text})["x"])[0] == pd.Timestamp(ms, unit="ms", tz="UTC")


@given(st.integers(0, 4_000_000_000_000))
def test_a_moment_survives_soql(ms: int) -> None:
    """What is written into a statement is the same moment, to the millisecond."""
    assert to_ms(to_soql(ms)) == ms
    assert from_ms(ms).timestamp() == pytest.approx(ms / 1000)


def test_flags_are_read_from_json_and_csv() -> None:
    """JSON has true and null, CSV has true and nothing."""
    frame = flatten([{"A": True}, {"A": False}, {"A": None}, {}], ["A"])
    assert to_flags(frame["A"]).tolist() == [True, False, pd.NA, pd.NA]


def test_parents_are_reached_by_a_path() -> None:
    """A null parent gives a missing value."""
    frame = flatten([{"Account": {"Website": "x.com"}}, {"Account": None}, {}], ["Account.Website"])
    assert frame["Account.Website"].fillna("").tolist() == ["x.com", "", ""]


@pytest.mark.parametrize(
    ("address", "domain"),
    [("https://www.Acme.com/about?x=1", "acme.com"), ("acme.co.uk", "acme.co.uk"), ("http://sub.acme.com:8080", "sub.acme.com")],
)
def test_the_domain_of_a_website(address: str, domain: str) -> None:
    """Scheme, www, port and path do not belong to it."""
    assert to_domains(table({"x": address})["x"])[0] == domain


def test_only_ids_get_into_a_statement() -> None:
    """Nothing that could end a quote."""
    assert to_list([TOM, "x' OR Id != '"]) == f"('{TOM}')"


@given(st.sets(st.text("abcdefgh012", min_size=18, max_size=18), max_size=40), st.sets(st.text("abcdefgh012", min_size=18, max_size=18)))
def test_ids_are_remembered_exactly(known: set[str], asked: set[str]) -> None:
    """In little memory, and none is forgotten or invented."""
    ids = Ids()
    for part in (sorted(known)[:5], sorted(known)[5:]):
        ids.add(pd.Series(part, dtype="str"))
    together = pd.Series(sorted(known | asked), dtype="str")
    assert ids.has(together).tolist() == [name in known for name in together]


# People and companies


def test_a_contact_becomes_a_row() -> None:
    """Every column that Salesforce knows; the account's website is the domain."""
    record = {
        "Id": TOM,
        "IsDeleted": "false",
        "Email": "tom@acme.com",
        "FirstName": "Tom",
        "LastName": "Becker",
        "Title": "Head",
        "AccountId": ACCOUNT,
        "Account.Website": "https://acme.com",
        "OwnerId": USER,
        "CreatedDate": "2024-01-01T00:00:00.000Z",
        "MailingCountry": "Germany",
        "HasOptedOutOfEmail": "true",
        "DoNotCall": "false",
        "Moved__c": "2026-02-03T04:05:06.000Z",
        "EmailBouncedDate": "2026-01-02T03:04:05.000Z",
        "EmailBouncedReason": "smtp;550 5.1.1 user unknown",
        "LastCUUpdateDate": "2026-05-01T00:00:00.000+0000",
    }
    titles = table({"ContactId": TOM, "CreatedDate": "2025-01-01T00:00:00Z"}, {"ContactId": TOM, "CreatedDate": "2025-06-01T00:00:00Z"})
    rows = to_contacts(table(record), OWN, titles=titles, captured={TOM: NOW})
    check_table(CONTACTS, rows)
    expected = {
        "contact_id": TOM,
        "crm": "salesforce",
        "email": "tom@acme.com",
        "title": "Head",
        "company_id": ACCOUNT,
        "company_domain": "acme.com",
        "owner_id": USER,
        "country": "Germany",
        "email_opted_out": True,
        "do_not_call": False,
        "email_bounce_code": "5.1.1",
        "title_changed_at": pd.Timestamp("2025-06-01", tz="UTC"),
        "verified_at": pd.Timestamp("2026-05-01", tz="UTC"),
        "job_changed_at": pd.Timestamp("2026-02-03T04:05:06Z"),
        "mail_captured_at": NOW,
        "is_deleted": False,
        "merged_into": None,
    }
    assert {name: one(rows, name) for name in expected} == expected


def test_a_lead_is_a_contact_too() -> None:
    """Its website and country stand on itself; converted, it is merged into its contact."""
    rows = to_contacts(
        table({"Id": LEAD, "Website": "www.acme.com", "Country": "Spain", "IsConverted": "true", "ConvertedContactId": TOM}), OWN
    )
    assert [one(rows, name) for name in ("company_domain", "country", "merged_into")] == ["acme.com", "Spain", TOM]


def test_columns_that_the_org_hides_are_missing() -> None:
    """No default is put in their place."""
    rows = to_contacts(table({"Id": TOM}), OWN)
    assert rows[["email_opted_out", "do_not_call", "title", "time_zone"]].isna().all().all()


@pytest.mark.parametrize(
    ("record", "gone"),
    [
        ({"Id": TOM, "IsDeleted": "false"}, []),
        ({"Id": TOM, "IsDeleted": "true"}, [(TOM, "archived", "")]),
        ({"Id": TOM, "IsDeleted": "true", "MasterRecordId": ANA}, [(TOM, "merged", ANA)]),
        ({"Id": LEAD, "IsDeleted": "false", "IsConverted": "true", "ConvertedContactId": ANA}, [(LEAD, "merged", ANA)]),
        ({"Id": LEAD, "IsDeleted": "true", "IsConverted": "true", "ConvertedContactId": ANA}, [(LEAD, "archived", "")]),
    ],
)
def test_deleted_merged_and_converted_records_are_gone(record: dict[str, str], gone: list[tuple[str, str, str]]) -> None:
    """A deleted record gives no row."""
    frame = to_gone("contacts", table(record))
    check_table(GONE, frame)
    assert list(frame[["record_id", "how", "into"]].fillna("").itertuples(index=False, name=None)) == gone
    assert len(to_contacts(table(record), OWN)) == (record["IsDeleted"] == "false")


@pytest.mark.parametrize(("kind", "is_customer"), [("Customer - Direct", True), ("Prospect", False), (None, None)])
def test_an_account_becomes_a_company(kind: str | None, *, is_customer: bool | None) -> None:
    """What it pays and when it renews stand in the org's own fields; AnnualRevenue is what it earns itself, and is not read."""
    rows = to_companies(
        table({"Id": ACCOUNT, "Name": "Acme", "Website": "acme.com", "Type": kind, "Renewal_Date__c": "2027-01-31", "Value__c": "9.1E4"}),
        OWN,
    )
    check_table(COMPANIES, rows)
    assert [one(rows, name) for name in ("domain", "is_customer", "annual_value")] == ["acme.com", is_customer, 91_000.0]
    assert one(rows, "renewal_on").date().isoformat() == "2027-01-31"


def test_users_are_owners() -> None:
    """Those who left are owners still."""
    rows = to_owners(table({"Id": USER, "Name": "Dana", "Email": "d@x.com", "IsActive": "false"}))
    check_table(OWNERS, rows)
    assert not one(rows, "is_active")


def nothing(_book: object) -> pd.Series:
    """A formula that is never run here."""
    return pd.Series(dtype="object")


@pytest.mark.parametrize(
    ("kind", "held", "text"),
    [
        (Kind.TEXT, "Two words", "Two words"),
        (Kind.FLAG, "True", "true"),
        (Kind.COUNT, "12.0", "12"),
        (Kind.CHANCE, "35.0", "35"),
        (Kind.SCORE, "1.2E1", "12"),
        (Kind.DATE, "2026-11-20", "2026-11-20"),
        (Kind.DATETIME, "2026-11-20T08:15:30.000+0000", "2026-11-20T08:15:30Z"),
        (Kind.DATETIME, "2026-11-20T08:15:30.000Z", "2026-11-20T08:15:30Z"),
    ],
)
def test_values_have_one_form(kind: Kind, held: str, text: str) -> None:
    """However Salesforce writes a value, it is compared in one form; an empty one is left out."""
    assert to_canonical(kind, held) == text
    own = Field("mood", "Mood", Kind.TEXT, Group.LISTENING, "contacts", "Help.", nothing)
    rows = to_standing("contacts", table({"Id": TOM, api_name("mood"): "good"}, {"Id": ANA, api_name("mood"): None}), [own])
    check_table(STANDING, rows)
    assert rows["values"].tolist() == ['{"mood":"good"}', "{}"]


# E-mails


def mail(**values: str | None) -> dict[str, str | None]:
    """An e-mail of ours."""
    return {"Id": "02s1", "Incoming": "false", "Status": "3", "MessageDate": "2026-11-01T10:00:00.000Z", "CreatedById": USER, **values}


def linked(*who: tuple[str, str]) -> pd.DataFrame:
    """Participants of that e-mail, with the line in which they stand."""
    return links_of(table(*({"EmailMessageId": "02s1", "RelationId": one_, "RelationType": line} for one_, line in who)), "EmailMessageId")


@pytest.mark.parametrize(
    ("incoming", "line", "direction"),
    [
        ("false", "ToAddress", "outbound"),
        ("false", "BccAddress", "outbound"),
        ("false", "FromAddress", "inbound"),
        ("true", "FromAddress", "inbound"),
        ("true", "OtherAddress", "inbound"),
        ("true", "ToAddress", "internal"),
        ("true", "CcAddress", "internal"),
    ],
)
def test_who_stands_in_the_from_line_wrote_it(incoming: str, line: str, direction: str) -> None:
    """Being in copy of a mail that came in is no sign of life."""
    rows = to_emails(table(mail(Incoming=incoming)), linked((TOM, line)))
    check_table(ACTIVITIES, rows)
    assert one(rows, "direction") == direction


def test_a_contact_in_two_lines_counts_once() -> None:
    """The line of the sender counts most; users are no participants."""
    rows = to_emails(
        table(mail(Incoming="true")), linked((TOM, "ToAddress"), (TOM, "FromAddress"), (ANA, "CcAddress"), (USER, "ToAddress"))
    )
    assert rows.set_index("contact_id")["direction"].to_dict() == {TOM: "inbound", ANA: "internal"}
    assert rows["participant_count"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("values", "outcome"),
    [({}, "sent"), ({"IsOpened": "true"}, "opened"), ({"IsBounced": "true", "IsOpened": "true"}, "bounced"), ({"Incoming": "true"}, None)],
)
def test_what_became_of_an_email(values: dict[str, str], outcome: str | None) -> None:
    """An opening is told, and believed nowhere; a bounce counts more."""
    assert one(to_emails(table(mail(**values)), linked((TOM, "OtherAddress"))), "outcome") == outcome


def test_a_draft_is_no_email() -> None:
    """Nobody has sent it."""
    assert to_emails(table(mail(Status="5")), linked((TOM, "ToAddress"))).empty


def test_text_headers_and_thread_of_an_email() -> None:
    """HTML stands in for missing text; headers are the mail's own, else made of fields without line breaks; a case is the thread."""
    made = mail(
        HtmlBody="<p>Hi<br>Tom</p>", FromName="Dana\nBcc: x", FromAddress="d@x.com", ToAddress="a@b.c; d@e.f", ThreadIdentifier="t1"
    )
    rows = to_emails(table(made), linked((TOM, "ToAddress")))
    assert one(rows, "body") == "Hi\nTom"
    assert one(rows, "headers") == "From: Dana Bcc: x <d@x.com>\nTo: a@b.c, d@e.f"
    assert one(rows, "thread_id") == "t1"
    rows = to_emails(table(mail(Headers="Auto-Submitted: auto-replied", TextBody="Hello", ParentId="500")), linked((TOM, "ToAddress")))
    assert [one(rows, name) for name in ("headers", "body", "thread_id")] == ["Auto-Submitted: auto-replied", "Hello", "500"]


# Tasks


def task(**values: str | None) -> dict[str, str | None]:
    """A completed task about Tom."""
    return {
        "Id": "00T1",
        "WhoId": TOM,
        "IsClosed": "true",
        "CreatedDate": "2026-11-01T10:00:00.000Z",
        "ActivityDate": "2026-11-01",
        **values,
    }


@pytest.mark.parametrize(
    ("values", "channel", "direction", "outcome"),
    [
        ({"TaskSubtype": "Call", "CallType": "Inbound", "CallDisposition": "Connected"}, "call", "inbound", "connected"),
        ({"TaskSubtype": "Call", "CallDisposition": "Left Voicemail"}, "call", "outbound", "voicemail"),
        ({"TaskSubtype": "Call", "CallDisposition": "Not Connected"}, "call", "outbound", "no_answer"),
        ({"TaskSubtype": "Call", "CallDisposition": "Purple"}, "call", "outbound", "other"),
        ({"TaskSubtype": "Call", "CallDurationInSeconds": "45"}, "call", "outbound", "connected"),
        ({"TaskSubtype": "Call", "CallDurationInSeconds": "5"}, "call", "outbound", None),
        ({"TaskSubtype": "Task", "CallType": "Outbound"}, "call", "outbound", None),
        ({"TaskSubtype": "Email", "Subject": "Email: hello"}, "email", "outbound", None),
        ({"TaskSubtype": "Email", "Subject": "[In] Re: hello"}, "email", "inbound", None),
        ({"TaskSubtype": "ListEmail", "Subject": "List Email: news"}, "email", "outbound", "sent"),
        ({"TaskSubtype": "Cadence", "Subject": "Email: step 2"}, "email", "outbound", "sent"),
        ({"TaskSubtype": "Cadence", "Type": "Call", "CallDisposition": "Busy"}, "call", "outbound", "busy"),
        ({"TaskSubtype": "LinkedIn", "Description": "From Tom:\nYes, gladly"}, "linkedin", "inbound", None),
        ({"TaskSubtype": "LinkedIn", "Description": "Are you there?"}, "linkedin", "outbound", None),
        ({"TaskSubtype": "Task", "Type": "WhatsApp", "Description": "To Tom:\nHello"}, "whatsapp", "outbound", None),
        ({"TaskSubtype": "Task", "Type": "Form"}, "form", "inbound", "submitted"),
        ({"TaskSubtype": "Task", "Type": "Meeting"}, "meeting", "outbound", "held"),
    ],
)
def test_what_a_task_tells_of(values: dict[str, str], channel: str, direction: str, outcome: str | None) -> None:
    """Its subtype, else its type, says what it was; its first line or its subject who did it; words that are not known are counted."""
    unknown: Counter[str] = Counter()
    rows = to_tasks(table(task(**values)), unknown)
    check_table(ACTIVITIES, rows)
    assert [one(rows, name) for name in ("channel", "direction", "outcome")] == [channel, direction, outcome]
    assert unknown == ({"CallDisposition": 1} if outcome == "other" else {})


@pytest.mark.parametrize(
    "values",
    [
        {"TaskSubtype": "Task"},
        {"TaskSubtype": "Call", "IsClosed": "false"},
        {"TaskSubtype": "Call", "WhoId": None},
        {"TaskSubtype": "Call", TASK_KEY: "key-1"},
        {"TaskSubtype": "Call", "IsDeleted": "true"},
    ],
)
def test_what_is_still_to_be_done_is_no_activity(values: dict[str, str | None]) -> None:
    """Nor is a task about nobody, nor one of ours."""
    assert to_tasks(table(task(**values)), Counter()).empty


@pytest.mark.parametrize(
    ("subtype", "is_automated", "is_broadcast"), [("ListEmail", True, True), ("Cadence", True, False), ("Email", False, False)]
)
def test_what_a_machine_sent_is_marked(subtype: str, *, is_automated: bool, is_broadcast: bool) -> None:
    """List mail goes to many at once, a cadence to one after the other."""
    rows = to_tasks(table(task(TaskSubtype=subtype)), Counter())
    assert [one(rows, name) for name in ("is_automated", "is_broadcast")] == [is_automated, is_broadcast]


@pytest.mark.parametrize(
    ("day", "done", "moment"),
    [
        ("2026-11-01", "2026-11-01T17:30:00.000Z", "2026-11-01T17:30:00Z"),
        ("2026-11-01", "2026-11-05T17:30:00.000Z", "2026-11-01T10:00:00Z"),
        ("2026-10-20", "2026-11-05T17:30:00.000Z", "2026-10-20T12:00:00Z"),
        ("2026-10-20", None, "2026-10-20T12:00:00Z"),
        (None, "2026-11-05T17:30:00.000Z", "2026-11-05T17:30:00Z"),
        (None, None, "2026-11-01T10:00:00Z"),
    ],
)
def test_when_a_task_happened(day: str | None, done: str | None, moment: str) -> None:
    """On its day; the hour is known where it was completed or written down on that day."""
    rows = to_tasks(table(task(TaskSubtype="Call", ActivityDate=day, CompletedDateTime=done)), Counter())
    assert one(rows, "occurred_at") == pd.Timestamp(moment)


# Events


def event(**values: str | None) -> dict[str, str | None]:
    """A meeting of an hour on 1 November, planned a week before."""
    times = {
        "StartDateTime": "2026-11-01T10:00:00.000Z",
        "EndDateTime": "2026-11-01T11:00:00.000Z",
        "CreatedDate": "2026-10-25T10:00:00.000Z",
    }
    return {"Id": "00U1", "Subject": "Review", **times, **values}


def asked(*who: tuple[str, str | None]) -> pd.DataFrame:
    """Guests of that meeting and what they answered."""
    return links_of(table(*({"EventId": "00U1", "RelationId": one_, "Status": status} for one_, status in who)), "EventId")


@pytest.mark.parametrize(
    ("values", "status", "now", "outcome"),
    [
        ({}, "Accepted", NOW, "held"),
        ({}, "Accepted", pd.Timestamp("2026-10-30T00:00:00Z"), "scheduled"),
        ({}, "New", NOW, "scheduled"),
        ({"CreatedDate": "2026-11-01T12:00:00.000Z"}, "New", NOW, "held"),
        ({}, "Declined", NOW, "declined"),
        ({"Subject": "Canceled: Review"}, "Accepted", NOW, "canceled"),
        ({"Subject": "No show: Review"}, "Accepted", NOW, "no_show"),
    ],
)
def test_what_became_of_a_meeting(values: dict[str, str], status: str, now: pd.Timestamp, outcome: str) -> None:
    """Time, answers and the subject tell it: Salesforce has no field for it."""
    rows = to_events(table(event(**values)), asked((TOM, status)), now)
    check_table(ACTIVITIES, rows)
    assert [one(rows, name) for name in ("outcome", "duration_s")] == [outcome, 3_600.0]


def test_whoever_is_named_took_part() -> None:
    """The event's own contact counts once, invited or not; where nobody was asked to answer, a past meeting was held."""
    rows = to_events(table(event(WhoId=TOM)), asked((ANA, "Declined")), NOW)
    assert rows.set_index("contact_id")["outcome"].to_dict() == {TOM: "held", ANA: "declined"}
    rows = to_events(table(event(WhoId=TOM)), asked((TOM, "Declined")), NOW)
    assert rows["outcome"].tolist() == ["declined"]


def test_copies_for_colleagues_are_left_out() -> None:
    """Salesforce makes a child event for every invited user; and the head of a series did not take place itself."""
    assert to_events(table(event(WhoId=TOM, IsChild="true")), asked(), NOW).empty
    assert to_events(table(event(WhoId=TOM, IsRecurrence="true")), asked(), NOW).empty


# Cases, comments, campaigns


def case(**values: str | None) -> dict[str, str | None]:
    """A case of Tom's."""
    return {
        "Id": "500A",
        "ContactId": TOM,
        "CreatedDate": "2026-11-01T10:00:00.000Z",
        "SystemModstamp": "2026-11-03T10:00:00.000Z",
        **values,
    }


def test_a_case_is_opened_and_closed() -> None:
    """Opening is theirs, closing is ours; both belong to one conversation."""
    rows = to_cases(table(case(IsClosed="true", ClosedDate="2026-11-02T10:00:00.000Z")))
    check_table(ACTIVITIES, rows)
    assert rows[["activity_id", "direction", "outcome", "thread_id"]].to_numpy().tolist() == [
        ["case-500A-opened", "inbound", "opened_ticket", "500A"],
        ["case-500A-closed", "internal", "closed_ticket", "500A"],
    ]
    assert to_cases(table(case(ContactId=None))).empty


def test_a_case_that_is_open_again_was_not_closed() -> None:
    """An earlier closing no longer holds; a new case never had one."""
    assert to_reopened(table(case(IsClosed="false")))["record_id"].tolist() == ["case-500A-closed"]
    assert to_reopened(table(case(IsClosed="false", SystemModstamp="2026-11-01T10:00:00.000Z"))).empty
    assert to_reopened(table(case(IsClosed="true"))).empty


def test_what_customers_write_in_a_case_counts() -> None:
    """A portal user is a contact; a colleague's comment is none of theirs."""
    comment = {"Id": "00a1", "ParentId": "500A", "CreatedDate": "2026-11-01T10:00:00.000Z", "CommentBody": "Still broken"}
    rows = to_comments(table({**comment, "CreatedBy.ContactId": TOM}, {**comment, "CreatedBy.ContactId": None}))
    check_table(ACTIVITIES, rows)
    assert [one(rows, name) for name in ("contact_id", "channel", "direction", "outcome", "thread_id")] == [
        TOM,
        "ticket",
        "inbound",
        "posted",
        "500A",
    ]


@pytest.mark.parametrize(("status", "count"), [("Responded", 1), ("Registered", 1), ("Email Opened", 0), ("Clicked", 0)])
def test_answers_to_campaigns_count_and_clicks_do_not(status: str, count: int) -> None:
    """A status that a machine may have caused is no answer, even where the org counts it as one."""
    member = {
        "Id": "00v1",
        "LeadId": LEAD,
        "HasResponded": "true",
        "FirstRespondedDate": "2026-11-01",
        "Status": status,
        "Campaign.Name": "Webinar",
    }
    rows = to_responses(table(member))
    check_table(ACTIVITIES, rows)
    assert len(rows) == count
    assert to_responses(table({**member, "HasResponded": "false"})).empty


def test_everything_that_a_record_gave_vanishes_with_it() -> None:
    """Of a case both its opening and its closing."""
    assert to_vanished("Case", table({"x": "500A"})["x"])["record_id"].tolist() == ["case-500A-opened", "case-500A-closed"]
    assert to_vanished("Task", table({"x": "00T1"})["x"])["record_id"].tolist() == ["00T1"]


# Statements and cursors


class Everything:
    """An org that shows all that is asked for."""

    def paths(self, stream: Stream) -> list[str]:
        """All of its fields."""
        return list(stream.fields)

    def children(self, children: Any) -> Any:
        """As they are."""
        return children


def test_bulk_statements_hold_nothing_that_bulk_refuses() -> None:
    """No child queries; e-mails start from their participants, in the order of the e-mails, so that each is whole."""
    statements = [of_bulk(stream, Everything(), None, "") for streams in STREAMS.values() for stream in streams]  # type: ignore[arg-type]  # only two methods are used
    assert [soql for soql in statements if "(SELECT" in soql] == []
    assert of_bulk(EMAILS, Everything(), None, "02s1").endswith("AND EmailMessageId > '02s1' ORDER BY EmailMessageId")  # type: ignore[arg-type]  # the same
    assert "ORDER BY" not in of_bulk(TASKS, Everything(), None, "")  # type: ignore[arg-type]  # the same


def test_a_load_goes_on_behind_the_last_id() -> None:
    """By ascending id, with the children of each record, and nothing that is deleted."""
    soql = of_load(EMAILS, Everything(), 1_730_962_800_000, "02s1")  # type: ignore[arg-type]  # only two methods are used
    assert "(SELECT RelationId, RelationType, RelationObjectType, IsDeleted FROM EmailMessageRelations)" in soql
    assert soql.endswith("WHERE IsDeleted = false AND MessageDate >= 2024-11-07T07:00:00.000Z AND Id > '02s1' ORDER BY Id")


def test_mixed_conditions_stand_in_parentheses() -> None:
    """Salesforce refuses AND and OR side by side."""
    condition, order = onward("SystemModstamp", 0, "003")
    soql = statement(["Id"], "Contact", ["IsDeleted = false", condition], order)
    at = "1970-01-01T00:00:00.000Z"
    assert soql == (
        f"SELECT Id FROM Contact WHERE IsDeleted = false AND ((SystemModstamp = {at} AND Id > '003') OR SystemModstamp > {at}) "  # noqa: S608 - what is compared
        "ORDER BY SystemModstamp, Id"
    )


@given(
    st.builds(
        Load,
        way=st.sampled_from(["", "rest", "bulk"]),
        after_id=st.text(),
        job=st.text(),
        done=st.integers(0, 10**9),
        total=st.none() | st.integers(0, 10**9),
    )
)
def test_a_cursor_survives_being_kept(load: Load) -> None:
    """What is written is what is read; only the cursor of the same table and CRM is."""
    standing = Standing("contacts", {"contacts": load, "leads": Window(1, 2, 3, 4, at_ms=5, after_id="x"), "metrics": Load()}, None)
    assert Standing.parse("contacts", standing.text()) == standing
    for text in (standing.text().replace("salesforce", "hubspot"), "nonsense", "[]", '{"v":1}'):
        with pytest.raises(BadInput):
            Standing.parse("contacts", text)
    with pytest.raises(BadInput):
        Standing.parse("companies", standing.text())
