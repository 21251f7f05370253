"""What is read of an org: one stream an object, with the fields that are asked for, and those that hold its moments.

A field is asked for only where the org shows it (see :class:`connectors.salesforce.shape.Shape`); a path such as ``Account.Website`` leads
to a parent.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.salesforce.names import TASK_KEY
from transforms.vocabulary.tables import Channel


@dataclass(frozen=True)
class Children:
    """Records that hang on a stream's: ``relationship`` is how a query reaches them, ``object`` how they are read by themselves.

    ``key`` is their reference to the stream's record. ``clause`` stands behind the child query's fields, ``where`` in a query of their own.
    """

    relationship: str
    object: str
    key: str
    fields: tuple[str, ...]
    clause: str = ""
    where: str = ""


@dataclass(frozen=True)
class Stream:
    """One object as one table reads it.

    ``modified`` is the field by which changes are found. ``where`` always holds. ``since`` is the condition on what happened at or after a
    moment, with {time}, {day} and {lead}. ``children`` come with each record. Without the ``vital`` fields nothing can be made of a record.
    ``driver`` is the object that a bulk query starts from instead, when each of its rows leads to a record by ``lead``.
    """

    name: str
    table: str
    object: str
    fields: tuple[str, ...]
    modified: str = "SystemModstamp"
    where: str = ""
    since: str = ""
    children: Children | None = None
    driver: Children | None = None
    lead: str = ""
    vital: tuple[str, ...] = ()


@dataclass(frozen=True)
class Follower:
    """An object whose changes call for other records: those that its ``key`` names are read again. Only rows under ``where`` count."""

    name: str
    object: str
    key: str
    stream: str
    fields: tuple[str, ...] = ()
    where: str = ""


_COMMON = ("Id", "IsDeleted", "CreatedDate", "SystemModstamp")
_PERSON = (
    *_COMMON,
    *(
        "MasterRecordId",
        "FirstName",
        "LastName",
        "Title",
        "Email",
        "OwnerId",
        "HasOptedOutOfEmail",
        "EmailBouncedDate",
        "EmailBouncedReason",
    ),
)

CONTACTS = Stream(
    "contacts",
    "contacts",
    "Contact",
    (*_PERSON, "AccountId", "Account.Website", "MailingCountry", "LastCUUpdateDate"),
    children=Children("Histories", "ContactHistory", "ContactId", ("CreatedDate",), "WHERE Field = 'Title'", "Field = 'Title'"),
)
LEADS = Stream("leads", "contacts", "Lead", (*_PERSON, "Website", "Country", "IsConverted", "ConvertedContactId"))
COMPANIES = Stream("companies", "companies", "Account", (*_COMMON, "MasterRecordId", "Name", "Website", "OwnerId", "Type"))

_RELATIONS = Children(
    "EmailMessageRelations", "EmailMessageRelation", "EmailMessageId", ("RelationId", "RelationType", "RelationObjectType", "IsDeleted")
)
EMAILS = Stream(
    "emails",
    "activities",
    "EmailMessage",
    (
        *_COMMON,
        *("Incoming", "Status", "Subject", "TextBody", "HtmlBody", "Headers", "FromName", "FromAddress", "ToAddress", "CcAddress"),
        *("MessageDate", "ThreadIdentifier", "ParentId", "RelatedToId", "ActivityId", "FromId", "CreatedById"),
        *("IsOpened", "IsBounced", "AutomationType"),
    ),
    since="{lead}MessageDate >= {time}",
    children=_RELATIONS,
    driver=Children(
        "", "EmailMessageRelation", "EmailMessageId", ("RelationId", "RelationType"), where="RelationObjectType IN ('Contact','Lead')"
    ),
    lead="EmailMessage.",
    vital=("MessageDate", "Incoming"),
)
TASKS = Stream(
    "tasks",
    "activities",
    "Task",
    (
        *_COMMON,
        *("WhoId", "AccountId", "OwnerId", "Subject", "Description", "IsClosed", "ActivityDate", "CompletedDateTime"),
        *("TaskSubtype", "Type", "CallType", "CallDisposition", "CallDurationInSeconds", TASK_KEY),
    ),
    since="(ActivityDate = null OR ActivityDate >= {day})",
    vital=("WhoId",),
)
EVENTS = Stream(
    "events",
    "activities",
    "Event",
    (
        *_COMMON,
        *(
            "WhoId",
            "AccountId",
            "OwnerId",
            "Subject",
            "Description",
            "StartDateTime",
            "EndDateTime",
            "ActivityDate",
            "IsChild",
            "IsRecurrence",
        ),
    ),
    since="ActivityDate >= {day}",
    children=Children("EventRelations", "EventRelation", "EventId", ("RelationId", "Status", "IsDeleted")),
    vital=("WhoId", "StartDateTime"),
)
CASES = Stream(
    "cases",
    "activities",
    "Case",
    (*_COMMON, "MasterRecordId", "ContactId", "AccountId", "OwnerId", "Subject", "Description", "IsClosed", "ClosedDate"),
    since="(CreatedDate >= {time} OR ClosedDate >= {time})",
    vital=("ContactId",),
)
COMMENTS = Stream(
    "comments",
    "activities",
    "CaseComment",
    (*_COMMON, "ParentId", "CommentBody", "CreatedById", "CreatedBy.ContactId", "Parent.ContactId", "Parent.AccountId", "Parent.OwnerId"),
    where="CreatedBy.ContactId != null",
    since="CreatedDate >= {time}",
)
RESPONSES = Stream(
    "responses",
    "activities",
    "CampaignMember",
    (
        *_COMMON,
        *(
            "CampaignId",
            "Campaign.Name",
            "Campaign.OwnerId",
            "ContactId",
            "LeadId",
            "Status",
            "HasResponded",
            "FirstRespondedDate",
            "Description",
        ),
        "Contact.AccountId",
    ),
    where="HasResponded = true",
    since="FirstRespondedDate >= {day}",
    vital=("HasResponded", "FirstRespondedDate"),
)
OWNERS = Stream("owners", "owners", "User", ("Id", "Name", "Email", "IsActive", "UserType"), where="UserType = 'Standard'")

METRICS = Follower(
    "metrics", "ActivityMetric", "BaseId", "", ("BaseId", "LastEmailDateTime", "LastEmailSentDateTime", "LastEmailReceivedDateTime")
)
"""What the org counts of mail, also of mail that it keeps no record of."""

MERGES = Follower("merges", "Contact", "MasterRecordId", "", where="IsDeleted = true AND MasterRecordId != null")
"""Contacts that went into another one. Their activities now belong to that one, without having changed themselves."""

FEEDS: dict[str, tuple[Channel, ...]] = {
    EMAILS.name: (Channel.EMAIL,),
    TASKS.name: (Channel.CALL, Channel.EMAIL, Channel.SMS, Channel.WHATSAPP, Channel.LINKEDIN, Channel.CHAT),
    EVENTS.name: (Channel.MEETING,),
    CASES.name: (Channel.TICKET,),
    COMMENTS.name: (Channel.TICKET,),
    RESPONSES.name: (Channel.FORM,),
}
"""The channels that go unheard where a stream may not be read."""

FOLLOWERS: dict[str, tuple[Follower, ...]] = {
    "contacts": (METRICS,),
    "companies": (),
    "activities": (
        Follower("email relations", "EmailMessageRelation", "EmailMessageId", EMAILS.name),
        Follower("event relations", "EventRelation", "EventId", EVENTS.name),
        MERGES,
    ),
}

STREAMS: dict[str, tuple[Stream, ...]] = {
    "contacts": (CONTACTS, LEADS),
    "companies": (COMPANIES,),
    "activities": (EMAILS, TASKS, EVENTS, CASES, COMMENTS, RESPONSES),
}
"""The streams of each table. E-mails come first: a task that stands for one of them is left out."""
