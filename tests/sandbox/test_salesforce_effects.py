"""What follows from a write to an org: calculated values and other records."""

from typing import Any

import pytest

from sandbox.salesforce.errors import RowError
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field
from tests.sandbox.small_org import DAY, NOW_MS, contact, create, history, make_org, told, update


@pytest.fixture
def org() -> Org:
    return make_org()


# Stamps and people


def test_a_write_is_stamped_with_user_and_whole_seconds(org: Org) -> None:
    """Even one that changes nothing; what was there at creation stays."""
    jo = contact(org)
    org.clock.advance(60.75)
    org.update(org.admin_id, jo, {"LastName": "Roe"})
    names = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
    later = NOW_MS + 60_000
    assert [jo.values[name] for name in names] == [NOW_MS, org.integration_id, later, org.admin_id, later]


def test_people_and_accounts_have_the_address_of_their_picture(org: Org) -> None:
    """Written or loaded."""
    for record in (contact(org), org.import_record("Lead", {"LastName": "Roe"}), create(org, "Account", Name="Acme")):
        assert record.values["PhotoUrl"] == f"/services/images/photo/{record.id}"


def test_a_name_is_put_together(org: Org) -> None:
    """Of first and last name, on contacts, leads and users, and anew when one changes."""
    jo = contact(org, FirstName="Jo")
    assert jo.values["Name"] == "Jo Roe"
    update(org, jo, FirstName=None)
    assert jo.values["Name"] == "Roe"
    assert create(org, "Lead", FirstName="Al", LastName="Bee", Company="Acme").values["Name"] == "Al Bee"


def test_a_bounce_is_shown_until_the_address_changes(org: Org) -> None:
    """IsEmailBounced follows reason and date; a new address starts without them."""
    jo = contact(org, Email="jo@acme.example")
    update(org, jo, EmailBouncedReason="550 no such user", EmailBouncedDate=NOW_MS)
    assert jo.values["IsEmailBounced"] is True
    update(org, jo, Email="roe@acme.example")
    assert told(jo.values, "IsEmailBounced", "EmailBouncedReason", "EmailBouncedDate") == {
        "IsEmailBounced": False,
        "EmailBouncedReason": None,
        "EmailBouncedDate": None,
    }


def test_tracked_changes_of_a_contact_leave_history(org: Org) -> None:
    """One row a change, two for a lookup: names and ids. An untracked field leaves none."""
    acme, bolt = create(org, "Account", Name="Acme"), create(org, "Account", Name="Bolt")
    jo = contact(org, AccountId=acme.id, Title="CTO")
    update(org, jo, Title="CEO", Description="met at the fair")
    update(org, jo, AccountId=bolt.id, Email="jo@bolt.example")
    assert history(org, jo) == [
        ("created", "Text", None, None),
        ("Title", "Text", "CTO", "CEO"),
        ("Account", "Text", "Acme", "Bolt"),
        ("Account", "EntityId", acme.id, bolt.id),
        ("Email", "Email", None, "jo@bolt.example"),
    ]


# Activities


def test_a_task_is_closed_by_its_status(org: Org) -> None:
    """CompletedDateTime is set when that changes and emptied when the task is opened again."""
    task = create(org, "Task", Subject="Call", Priority="High")
    assert told(task.values, "IsClosed", "CompletedDateTime", "IsHighPriority", "TaskSubtype", "Status") == {
        "IsClosed": False,
        "CompletedDateTime": None,
        "IsHighPriority": True,
        "TaskSubtype": "Task",
        "Status": "Not Started",
    }
    org.clock.advance(3600)
    update(org, task, Status="Completed")
    org.clock.advance(3600)
    update(org, task, Subject="Called")
    assert (task.values["IsClosed"], task.values["CompletedDateTime"]) == (True, NOW_MS + 3_600_000)
    update(org, task, Status="In Progress")
    assert (task.values["IsClosed"], task.values.get("CompletedDateTime")) == (False, None)


def test_the_subtype_of_a_task_is_settled_at_creation(org: Org) -> None:
    """It is no field for an update."""
    task = create(org, "Task", TaskSubtype="LinkedIn")
    with pytest.raises(RowError, match="Unable to create/update fields: TaskSubtype"):
        update(org, task, TaskSubtype="Call")


def test_the_account_of_an_activity_is_that_of_its_subject_else_of_its_person(org: Org) -> None:
    """WhatId first: an account itself, or the account of a case."""
    acme, bolt = create(org, "Account", Name="Acme"), create(org, "Account", Name="Bolt")
    jo = contact(org, AccountId=acme.id)
    case = create(org, "Case", AccountId=bolt.id)
    rows: tuple[dict[str, Any], ...] = ({}, {"WhoId": jo.id}, {"WhoId": jo.id, "WhatId": case.id}, {"WhatId": bolt.id})
    assert [create(org, "Task", **row).values.get("AccountId") for row in rows] == [None, acme.id, bolt.id, bolt.id]


def test_shared_activities_are_counted() -> None:
    """Only an org that has them has the fields; what is loaded is counted as what is written."""
    org = make_org(shared_activities=True)
    jo = contact(org)
    task = create(org, "Task", WhoId=jo.id)
    event = org.import_record("Event", {"WhoId": jo.id, "ActivityDate": "2026-11-20"})
    assert [told(one.values, "WhoCount", "WhatCount") for one in (task, event)] == [{"WhoCount": 1, "WhatCount": 0}] * 2
    assert make_org().kind("Task").field("WhoCount") is None


@pytest.mark.parametrize(
    "given",
    [
        {"StartDateTime": NOW_MS, "EndDateTime": NOW_MS + 1_800_000},
        {"StartDateTime": NOW_MS, "DurationInMinutes": 30},
        {"ActivityDateTime": NOW_MS, "DurationInMinutes": 30},
        {"ActivityDateTime": NOW_MS, "EndDateTime": NOW_MS + 1_800_000, "DurationInMinutes": 30},
    ],
)
def test_the_times_of_an_event_follow_from_each_other(org: Org, given: dict[str, Any]) -> None:
    """Start with end or with duration; the date is that of the start."""
    values = create(org, "Event", Subject="Review", **given).values
    assert told(values, "StartDateTime", "ActivityDateTime", "EndDateTime", "DurationInMinutes", "ActivityDate", "EndDate") == {
        "StartDateTime": NOW_MS,
        "ActivityDateTime": NOW_MS,
        "EndDateTime": NOW_MS + 1_800_000,
        "DurationInMinutes": 30,
        "ActivityDate": "2026-11-23",
        "EndDate": "2026-11-23",
    }


def test_an_event_of_a_whole_day_lies_at_midnight(org: Org) -> None:
    """It lasts 1440 minutes and ends on its day."""
    values = create(org, "Event", Subject="Fair", IsAllDayEvent=True, ActivityDate="2026-11-23").values
    midnight = NOW_MS - 9 * 3_600_000
    assert told(values, "StartDateTime", "EndDateTime", "DurationInMinutes", "EndDate") == {
        "StartDateTime": midnight,
        "EndDateTime": midnight,
        "DurationInMinutes": 1440,
        "EndDate": "2026-11-23",
    }


@pytest.mark.parametrize("end", [NOW_MS - 60_000, NOW_MS + 15 * DAY * 1000])
def test_an_event_ends_after_its_start_and_within_14_days(org: Org, end: int) -> None:
    """FIELD_INTEGRITY_EXCEPTION otherwise."""
    with pytest.raises(RowError, match="FIELD_INTEGRITY_EXCEPTION"):
        create(org, "Event", StartDateTime=NOW_MS, EndDateTime=end)


def test_a_start_that_moves_takes_the_end_along(org: Org) -> None:
    """The duration stays."""
    event = create(org, "Event", StartDateTime=NOW_MS, DurationInMinutes=30)
    update(org, event, StartDateTime=NOW_MS + DAY * 1000)
    assert (event.values["EndDateTime"], event.values["ActivityDate"]) == (NOW_MS + DAY * 1000 + 1_800_000, "2026-11-24")


def test_an_invitation_makes_a_group_event_and_notes_the_answer(org: Org) -> None:
    """A new one is New; RespondedDate is when it was accepted or declined."""
    jo = contact(org)
    event = create(org, "Event", StartDateTime=NOW_MS, DurationInMinutes=30)
    invitation = create(org, "EventRelation", EventId=event.id, RelationId=jo.id)
    assert (event.values["IsGroupEvent"], invitation.values["Status"], invitation.values.get("RespondedDate")) == (True, "New", None)
    org.clock.advance(60)
    update(org, invitation, Status="Declined")
    assert invitation.values["RespondedDate"] == NOW_MS + 60_000


def test_the_last_activity_is_the_latest_closed_task_or_event(org: Org) -> None:
    """Of the person and of the account, whose stamps stay; it goes back when the activity is deleted, opened or moved."""
    acme = create(org, "Account", Name="Acme")
    jo, al = contact(org, AccountId=acme.id), contact(org, AccountId=acme.id)
    org.clock.advance(60)
    create(org, "Event", WhoId=jo.id, StartDateTime=NOW_MS - 10 * DAY * 1000, DurationInMinutes=5)
    task = create(org, "Task", WhoId=jo.id, Status="Completed", ActivityDate="2026-11-20")
    create(org, "Task", WhoId=jo.id, Status="In Progress", ActivityDate="2026-11-22")
    assert [one.values.get("LastActivityDate") for one in (jo, acme, al)] == ["2026-11-20", "2026-11-20", None]
    assert [one.values["SystemModstamp"] for one in (jo, acme)] == [NOW_MS, NOW_MS]
    update(org, task, WhoId=al.id)
    assert [one.values.get("LastActivityDate") for one in (jo, acme, al)] == ["2026-11-13", "2026-11-20", "2026-11-20"]
    org.delete(org.integration_id, task)
    assert [one.values.get("LastActivityDate") for one in (jo, acme, al)] == ["2026-11-13", "2026-11-13", None]


def test_a_mail_has_a_task_beside_it_and_a_relation_for_each_address(org: Org) -> None:
    """People by id where ids were given, the other addresses without; no address twice."""
    jo = contact(org, Email="jo@acme.example")
    mail = create(
        org,
        "EmailMessage",
        Subject="Hello",
        FromAddress=org.org.username,
        ToAddress="jo@acme.example; al@acme.example",
        ToIds=[jo.id],
        Status="3",
        MessageDate=NOW_MS,
    )
    relations = [one.values for one in org.store("EmailMessageRelation").children("EmailMessageId", mail.id)]
    assert [(one["RelationType"], one.get("RelationId"), one.get("RelationAddress")) for one in relations] == [
        ("FromAddress", org.integration_id, org.org.username),
        ("ToAddress", jo.id, "jo@acme.example"),
        ("ToAddress", None, "al@acme.example"),
    ]
    task = org.find(mail.values["ActivityId"])
    assert task is not None
    assert told(task.values, "TaskSubtype", "WhoId", "IsClosed", "ActivityDate", "Subject") == {
        "TaskSubtype": "Email",
        "WhoId": jo.id,
        "IsClosed": True,
        "ActivityDate": "2026-11-23",
        "Subject": "Email: Hello",
    }


def test_a_draft_or_a_mail_of_a_case_has_no_task(org: Org) -> None:
    """Neither stands in the timeline as done."""
    jo, case = contact(org), create(org, "Case", Subject="Help")
    assert create(org, "EmailMessage", ToIds=[jo.id], Status="5").values.get("ActivityId") is None
    assert create(org, "EmailMessage", ParentId=case.id, FromAddress="jo@acme.example").values.get("ActivityId") is None


def test_only_a_draft_changes_freely(org: Org) -> None:
    """Mail that came in can be marked as read; custom fields are always free; a mail that was sent keeps its words."""
    org.add_field("EmailMessage", Field("Note__c", "Note", "string", length=80, custom=True))
    draft, come, sent = (create(org, "EmailMessage", Subject="Hello", Status=status) for status in ("5", "0", "3"))
    update(org, draft, Subject="Hello again")
    update(org, come, Status="1", Note__c="seen")
    update(org, sent, Note__c="seen")
    for mail, values in ((sent, {"Subject": "Other words"}), (come, {"Status": "2"})):
        with pytest.raises(RowError, match="INSUFFICIENT_ACCESS_OR_READONLY"):
            update(org, mail, **values)
    assert [one.values["Subject"] for one in (draft, come, sent)] == ["Hello again", "Hello", "Hello"]


# Campaigns and cases


def test_a_member_has_responded_as_the_campaigns_statuses_say(org: Org) -> None:
    """A new campaign has Sent and Responded; the first response keeps its day while the member stays responded."""
    jo = contact(org, FirstName="Jo")
    campaign = create(org, "Campaign", Name="Webinar")
    member = create(org, "CampaignMember", CampaignId=campaign.id, ContactId=jo.id)
    names = ("Status", "HasResponded", "FirstRespondedDate", "LeadOrContactId", "Type", "Name")
    assert list(told(member.values, *names).values()) == ["Sent", False, None, jo.id, "Contact", "Jo Roe"]
    update(org, member, Status="Responded")
    org.clock.advance(DAY)
    update(org, member, Status="Responded")
    assert (member.values["HasResponded"], member.values["FirstRespondedDate"]) == (True, "2026-11-23")
    with pytest.raises(RowError, match="DUPLICATE_VALUE: Already a campaign member"):
        create(org, "CampaignMember", CampaignId=campaign.id, ContactId=jo.id)


def test_a_case_is_numbered_and_closed_by_its_status(org: Org) -> None:
    """With the contact's account and address."""
    acme = create(org, "Account", Name="Acme")
    jo = contact(org, AccountId=acme.id, Email="jo@acme.example")
    case = create(org, "Case", ContactId=jo.id)
    assert told(case.values, "CaseNumber", "Status", "IsClosed", "ClosedDate", "AccountId", "ContactEmail") == {
        "CaseNumber": "00001001",
        "Status": "New",
        "IsClosed": False,
        "ClosedDate": None,
        "AccountId": acme.id,
        "ContactEmail": "jo@acme.example",
    }
    org.import_record("Case", {"CaseNumber": "00001003"})
    assert [create(org, "Case").values["CaseNumber"] for _ in range(2)] == ["00001004", "00001005"]
    update(org, case, Status="Closed")
    assert (case.values["IsClosed"], case.values["ClosedDate"]) == (True, NOW_MS)
