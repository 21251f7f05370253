"""Canonical tables as a grown Salesforce org."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from sandbox.clock import Clock
from sandbox.loader import Tables
from sandbox.options import SandboxOptions
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.loading import load_org
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record
from sandbox.world import PartOptions, WorldOptions, make_world, part_world
from transforms.vocabulary.errors import BadInput

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
CONTACTS: list[dict[str, Any]] = [
    {
        "contact_id": "1",
        "email": "Ann@x.example",
        "first_name": "Ann",
        "last_name": "Lee",
        "company_id": "5",
        "owner_id": "9",
        "created_at": "2024-02-03T04:05:06Z",
        "time_zone": "Europe/Berlin",
        "country": "Germany",
        "verified_at": "2026-01-02T00:00:00Z",
        "job_changed_at": "2026-09-01T00:00:00Z",
    },
    {"contact_id": "2", "email": "bo@x.example", "company_id": "5", "title": "CFO", "title_changed_at": "2026-03-01T00:00:00Z"},
    {"contact_id": "3", "email": "old@x.example", "merged_into": "1", "is_deleted": True},
    {"contact_id": "4", "email": "gone@x.example", "is_deleted": True},
    {"contact_id": "00Q5e0000000001", "email": "lead@y.example", "first_name": "Lou", "last_name": "Wu", "company_id": "5"},
    {"contact_id": "00Q5e0000000002", "email": "ann@x.example", "merged_into": "1", "is_deleted": True},
]
COMPANIES = [
    {"company_id": "5", "name": "X", "domain": "x.example", "renewal_on": "2027-01-31", "annual_value": 12000.0, "is_customer": True}
]
OWNERS = [
    {"owner_id": "9", "name": "Dana Reyes", "email": "dana@ours.example"},
    {"owner_id": "8", "name": "Lee Tan", "email": "lee@ours.example", "is_active": False},
]


def row(number: int, channel: str, direction: str, outcome: str | None = None, contact: str = "1", **more: Any) -> dict[str, Any]:
    """One activity in May 2026, on a day that follows from its number."""
    base = {"activity_id": str(number), "contact_id": contact, "occurred_at": f"2026-05-{number % 27 + 1:02d}T10:00:00Z"}
    return {**base, "channel": channel, "direction": direction, "outcome": outcome, "actor_id": "9", **more}


def load(*rows: dict[str, Any], contacts: list[dict[str, Any]] | None = None, **options: Any) -> tuple[Org, Any]:
    """An org with the contacts above and these activities, and the report."""
    org = Org(SandboxOptions(org=OrgOptions(**options)), Clock(NOW, frozen=True))
    activities = pd.DataFrame(list(rows)) if rows else pd.DataFrame()
    return org, load_org(org, Tables(pd.DataFrame(contacts or CONTACTS), activities, pd.DataFrame(COMPANIES), pd.DataFrame(OWNERS)))


def only(org: Org, name: str) -> Record:
    """The one record of an object."""
    (record,) = list(org.store(name))
    return record


def told(record: Record, *names: str) -> tuple[Any, ...]:
    """Some of a record's values."""
    return tuple(record.values.get(name) for name in names)


def ms(text: str) -> int:
    """Milliseconds of a moment."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def test_an_email_is_a_message_with_its_addresses_and_a_task() -> None:
    """Ours: sent, tracked, opened first and last; a relation for each address; a completed task of subtype Email; no raw headers."""
    headers = "From: dana@ours.example\nMessage-ID: <m1@ours.example>"
    org, report = load(
        row(1, "email", "outbound", "replied", subject="Hi", body="Hello", headers=headers, thread_id="t1"),
        row(1, "email", "outbound", "replied", contact="2"),
        row(2, "email", "inbound", "opened"),
        row(3, "email", "inbound", "clicked"),
    )
    mail, task = only(org, "EmailMessage"), only(org, "Task")
    assert told(mail, "Incoming", "Status", "IsTracked", "IsOpened", "IsBounced", "Headers", "MessageIdentifier", "ThreadIdentifier") == (
        *(False, "3", True, True, False, None, "<m1@ours.example>", "t1"),
    )
    assert told(mail, "FirstOpenedDate", "LastOpenedDate", "SystemModstamp") == (
        *(ms("2026-05-03T10:00:00Z"), ms("2026-05-04T10:00:00Z"), ms("2026-05-04T10:00:00Z")),
    )
    assert told(mail, "ToAddress", "FromAddress", "FromName", "ActivityId") == (
        *("ann@x.example; bo@x.example", "dana@ours.example", "Dana Reyes", task.id),
    )
    assert told(task, "TaskSubtype", "Status", "IsClosed", "ActivityDate", "Subject") == (
        *("Email", "Completed", True, "2026-05-02", "Email: Hi"),
    )
    lines = [told(one, "RelationType", "RelationAddress", "RelationObjectType") for one in org.store("EmailMessageRelation")]
    assert lines == [
        ("FromAddress", "dana@ours.example", "User"),
        ("ToAddress", "ann@x.example", "Contact"),
        ("ToAddress", "bo@x.example", "Contact"),
    ]
    assert "email: 2 rows, 0 records (kept as first and last opening of the e-mail before them)" in report.lines()


def test_mail_that_came_in_keeps_its_headers_and_its_sender() -> None:
    """A bounce comes from a daemon: the contact stands in another line. What the contact wrote comes from the contact."""
    daemon = 'From: "Mail System" <mailer-daemon@x.example>\nMessage-ID: <b@x.example>'
    org, _ = load(
        row(1, "email", "inbound", "bounced", headers=daemon, body="550 5.1.1"),
        row(2, "email", "inbound", None, headers="From: Ann Lee <ann@x.example>"),
        row(3, "email", "outbound", "bounced"),
    )
    back, letter, sent = org.store("EmailMessage")
    assert told(back, "Incoming", "FromAddress", "FromName", "FromId", "Headers") == (
        *(True, "mailer-daemon@x.example", "Mail System", None, daemon),
    )
    ann = next(one for one in org.store("Contact") if one.values["Email"] == "Ann@x.example")
    assert told(letter, "FromId", "FromAddress", "Status") == (ann.id, "ann@x.example", "1")
    assert sent.values["IsBounced"] is True
    of_back = [one for one in org.store("EmailMessageRelation") if one.values["EmailMessageId"] == back.id]
    assert [told(one, "RelationType", "RelationId") for one in of_back] == [
        ("ToAddress", org.store("User").holders(org.kind("User").field("Email"), "dana@ours.example")[0].id),
        ("OtherAddress", ann.id),
        ("FromAddress", None),
    ]


def test_what_machines_send_are_tasks_alone() -> None:
    """List mail is a task of subtype ListEmail, what a cadence sends one of subtype Cadence; neither is an EmailMessage."""
    org, _ = load(
        row(1, "email", "outbound", "sent", is_automated=True, is_broadcast=True, subject="News"),
        row(2, "email", "outbound", "sent", is_automated=True, subject="Step 2"),
    )
    assert [told(one, "TaskSubtype", "Subject") for one in org.store("Task")] == [
        ("ListEmail", "List Email: News"),
        ("Cadence", "Email: Step 2"),
    ]
    assert len(org.store("EmailMessage")) == 0


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("connected", "Connected"),
        ("voicemail", "Left Voicemail"),
        ("no_answer", "No Answer"),
        ("busy", "Busy"),
        ("wrong_number", "Wrong Number"),
        (None, None),
    ],
)
def test_a_call_says_who_called_what_came_of_it_and_how_long(outcome: str | None, said: str | None) -> None:
    """A call is a completed task with type, outcome and whole seconds."""
    org, _ = load(row(1, "call", "outbound", outcome, duration_s=61.4, subject="Renewal"))
    task = only(org, "Task")
    assert told(task, "TaskSubtype", "CallType", "CallDisposition", "CallDurationInSeconds", "CompletedDateTime") == (
        *("Call", "Outbound", said, 61, ms("2026-05-02T10:00:00Z")),
    )


@pytest.mark.parametrize(
    ("channel", "subtype", "kind"),
    [
        ("linkedin", "LinkedIn", None),
        ("sms", "Task", "SMS"),
        ("whatsapp", "Task", "WhatsApp"),
        ("chat", "Task", "Chat"),
        ("mail", "Task", "Letter"),
        ("web", "Task", "Website visit"),
        ("community", "Task", "Community post"),
    ],
)
def test_a_message_says_in_its_first_line_who_wrote_it(channel: str, subtype: str, kind: str | None) -> None:
    """What is logged as a task has no direction but in its text; its type says what it was."""
    org, _ = load(row(1, channel, "inbound", None, body="Yes"), row(2, channel, "outbound", None, body="No"))
    tasks = list(org.store("Task"))
    assert [told(one, "TaskSubtype", "Type", "Description") for one in tasks] == [
        (subtype, kind, "From Ann Lee:\nYes"),
        (subtype, kind, "To Ann Lee:\nNo"),
    ]


@pytest.mark.parametrize(
    ("outcome", "subject", "status"),
    [
        ("held", "Review", "Accepted"),
        ("no_show", "No show: Review", "Accepted"),
        ("canceled", "Canceled: Review", "New"),
        ("declined", "Review", "Declined"),
        ("scheduled", "Review", "New"),
    ],
)
def test_a_meeting_is_an_event_with_its_guests(outcome: str, subject: str, status: str) -> None:
    """One event for all who took part, with an answer of each; what did not take place says so in the subject."""
    org, _ = load(*(row(1, "meeting", "outbound", outcome, contact=c, subject="Review", duration_s=2700.0) for c in ("1", "2")))
    event = only(org, "Event")
    assert told(event, "Subject", "DurationInMinutes", "IsGroupEvent", "IsChild") == (subject, 45, True, False)
    assert [one.values["Status"] for one in org.store("EventRelation")] == [status, status]


def test_a_ticket_is_one_case_with_a_comment_where_it_was_opened_again() -> None:
    """Opened and closed are one case; opened again it is open and has a comment by the contact's portal user; a queue owns it."""
    org, _ = load(
        row(1, "ticket", "inbound", "opened_ticket", thread_id="k", subject="Export", body="Stops", actor_id=None),
        row(2, "ticket", "internal", "closed_ticket", thread_id="k", actor_id=None),
        row(3, "ticket", "inbound", "opened_ticket", thread_id="k", body="Still", actor_id=None),
        row(4, "ticket", "inbound", "opened_ticket", thread_id="m", actor_id=None),
        row(5, "ticket", "internal", "closed_ticket", thread_id="m", actor_id=None),
    )
    again, done = org.store("Case")
    assert told(again, "Status", "IsClosed", "ClosedDate", "Subject") == ("New", False, None, "Export")
    assert told(done, "Status", "IsClosed", "ClosedDate") == ("Closed", True, ms("2026-05-06T10:00:00Z"))
    queue = org.find(again.values["OwnerId"])
    assert queue is not None
    assert told(queue, "Type", "Name") == ("Queue", "Support")
    comment = only(org, "CaseComment")
    author = org.find(comment.values["CreatedById"])
    assert author is not None
    assert told(comment, "ParentId", "CommentBody") == (again.id, "Still")
    assert told(author, "UserType", "ContactId") == ("CspLitePortal", again.values["ContactId"])


def test_a_form_is_an_answer_to_the_months_campaign() -> None:
    """The first form of a person in a month is a campaign member who responded, the second a task."""
    org, _ = load(row(1, "form", "inbound", "submitted"), row(2, "form", "inbound", "submitted"), row(3, "form", "inbound", contact="2"))
    assert [told(one, "HasResponded", "FirstRespondedDate", "Status") for one in org.store("CampaignMember")] == [
        (True, "2026-05-02", "Responded"),
        (True, "2026-05-04", "Responded"),
    ]
    assert only(org, "Campaign").values["Name"] == "Website forms 2026-05"
    assert only(org, "Task").values["Type"] == "Form"


def test_people_keep_what_is_known_of_them() -> None:
    """Names, owner, account, fields of the org's own, the day of the last activity, and whole seconds in every stamp."""
    org, report = load(row(1, "call", "outbound"), row(9, "call", "outbound"))
    ann = org.find(report.ids["contacts"]["1"])
    assert ann is not None
    owner, account = org.find(ann.values["OwnerId"]), org.find(ann.values["AccountId"])
    assert owner is not None
    assert account is not None
    assert told(ann, "Name", "MailingCountry", "Time_Zone__c", "LastActivityDate", "Job_Changed_At__c", "LastCUUpdateDate") == (
        *("Ann Lee", "Germany", "Europe/Berlin", "2026-05-10", ms("2026-09-01T00:00:00Z"), ms("2026-01-02T00:00:00Z")),
    )
    assert owner.values["Email"] == "dana@ours.example"
    assert told(account, "Name", "Website", "Type", "Renewal_Date__c", "Annual_Contract_Value__c") == (
        *("X", "x.example", "Customer - Direct", "2027-01-31", 12000.0),
    )
    stamps = [
        one.values[name]
        for store in org.stores.values()
        for one in store
        for name in ("CreatedDate", "SystemModstamp")
        if name in one.values
    ]
    assert all(stamp % 1000 == 0 for stamp in stamps)
    left = org.find(report.ids["owners"]["8"])
    assert left is not None
    assert left.values["IsActive"] is False


def test_a_changed_title_is_in_the_history() -> None:
    """When a title changed stands in ContactHistory, as nowhere else."""
    org, report = load()
    history = [told(one, "ContactId", "Field", "NewValue", "CreatedDate") for one in org.store("ContactHistory")]
    assert history == [(report.ids["contacts"]["2"], "Title", "CFO", ms("2026-03-01T00:00:00Z"))]


def test_merged_deleted_and_converted_records_are_what_they_became() -> None:
    """A merged contact is deleted and names its master; a deleted one is in the recycle bin; a converted lead names its contact."""
    org, report = load(row(1, "call", "outbound", contact="3"))
    ids = report.ids["contacts"]
    merged, gone, lead = (org.find(ids[text], deleted=True) for text in ("3", "4", "00Q5e0000000002"))
    assert merged is not None
    assert gone is not None
    assert lead is not None
    assert (merged.is_deleted, merged.values["MasterRecordId"]) == (True, ids["1"])
    assert (gone.is_deleted, gone.values.get("MasterRecordId")) == (True, None)
    assert (lead.is_deleted, *told(lead, "IsConverted", "ConvertedContactId", "Status")) == (False, True, ids["1"], "Closed - Converted")
    assert only(org, "Task").values["WhoId"] == ids["1"]
    assert [one.id for one in org.rows("Contact")] == [ids["1"], ids["2"]]


def test_a_lead_has_a_company_in_words_and_a_queue() -> None:
    """A lead is not linked to an account; without an owner a queue has it; an activity about it names nothing else."""
    org, report = load(row(1, "call", "outbound", contact="00Q5e0000000001"))
    lead = org.find(report.ids["contacts"]["00Q5e0000000001"])
    assert lead is not None
    owner = org.find(lead.values["OwnerId"])
    assert owner is not None
    assert told(lead, "Company", "IsConverted", "AccountId") == ("X", False, None)
    assert told(owner, "Type", "Name") == ("Queue", "New leads")
    assert told(only(org, "Task"), "WhoId", "WhatId", "AccountId") == (lead.id, None, None)


def test_old_activities_are_archived() -> None:
    """What is older than a year is hidden from a query and seen by one of everything."""
    old = {**row(1, "call", "outbound"), "occurred_at": "2025-05-01T10:00:00Z"}
    meeting = {**row(2, "meeting", "outbound", "held"), "occurred_at": "2025-05-02T10:00:00Z"}
    org, _ = load(old, meeting, row(3, "call", "outbound"))
    assert [len(list(org.rows(name))) for name in ("Task", "Event")] == [1, 0]
    assert [len(list(org.rows(name, is_all=True))) for name in ("Task", "Event")] == [2, 1]


def test_mail_that_is_captured_elsewhere_is_only_counted() -> None:
    """Such an org has no e-mail records; ActivityMetric says when mail last passed, and list mail is there all the same."""
    org, report = load(
        row(1, "email", "outbound", "sent"),
        row(4, "email", "inbound", "replied"),
        row(5, "email", "inbound", "opened"),
        row(6, "email", "outbound", "sent", is_broadcast=True),
        row(7, "call", "outbound"),
        mail_is_captured_elsewhere=True,
    )
    assert len(org.store("EmailMessage")) == 0
    metric = only(org, "ActivityMetric")
    assert told(metric, "BaseId", "LastEmailSentDateTime", "LastEmailReceivedDateTime", "LastEmailDateTime", "FirstEmailDateTime") == (
        *(report.ids["contacts"]["1"], ms("2026-05-02T10:00:00Z"), ms("2026-05-05T10:00:00Z"), ms("2026-05-05T10:00:00Z")),
        ms("2026-05-02T10:00:00Z"),
    )
    assert [one.values["TaskSubtype"] for one in org.store("Task")] == ["ListEmail", "Call"]
    assert "email: 2 rows, 0 records (captured elsewhere: counted in ActivityMetric)" in report.lines()
    assert report.skipped == 1


def test_ids_of_salesforce_stay_and_others_are_new() -> None:
    """An id of the object stays, whether it has 15 or 18 characters; all others get a free one. One record in both forms is refused."""
    plain = {"email": "a@x.example"}
    given = make_id("003", 1)
    org, report = load(contacts=[{"contact_id": given[:15], **plain}, {"contact_id": "x", **plain}, {"contact_id": "y", **plain}])
    assert report.ids["contacts"] == {given[:15]: given, "x": make_id("003", 2), "y": make_id("003", 3)}
    assert len(org.store("Contact")) == 3
    with pytest.raises(BadInput, match="the same record"):
        load(contacts=[{"contact_id": given, **plain}, {"contact_id": given[:15], **plain}])


def test_wrong_tables_are_refused_in_words() -> None:
    """A contact that comes twice, and an activity of somebody unknown, are named."""
    with pytest.raises(BadInput, match="Contact 1 comes more than once"):
        load(contacts=[CONTACTS[0], CONTACTS[0]])
    with pytest.raises(BadInput, match="names the contact 77"):
        load(row(1, "call", "outbound", contact="77"))


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_every_row_is_accounted_for(*, is_elsewhere: bool) -> None:
    """Of made customers every row is in exactly one line of the report, and every reference leads to a record."""
    half = part_world(
        make_world(WorldOptions(contacts=150, companies=25, activities_per_contact=30)), PartOptions(in_hubspot=0.2)
    ).salesforce
    org = Org(SandboxOptions(org=OrgOptions(mail_is_captured_elsewhere=is_elsewhere)), Clock(NOW, frozen=True))
    report = load_org(org, Tables(half.contacts, half.activities, half.companies, half.owners, half.extras))
    people = sum(part.rows for part in report.parts if part.what in {"contacts", "leads"})
    assert people == len(half.contacts)
    heads = {"contacts", "leads", "companies", "owners"}
    assert sum(part.rows for part in report.parts if part.what not in heads) == len(half.activities)
    for store in org.stores.values():
        for record in store:
            for field in org.kind(record.object):
                value = record.values.get(field.name)
                if field.type == "reference" and value is not None:
                    assert org.find(value, deleted=True) is not None, (record, field.name)
    if not is_elsewhere:
        mails = set(
            half.activities.loc[(half.activities["channel"] == "email") & ~half.activities["is_automated"].astype(bool), "activity_id"]
        )
        assert set(org.store("EmailMessage").rows) <= mails
