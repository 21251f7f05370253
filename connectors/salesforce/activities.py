"""Salesforce's activities as canonical rows: e-mails, tasks, events, cases, comments and answers to campaigns. Pure.

Each function takes a page's records as columns of text. Those with participants of their own also take ``links``: a row for each, with the
record's id as ``of`` and the participant's as ``who``. Words of Salesforce that are not known become ``other`` and are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from connectors.salesforce.mapping import column, gone, living, made
from connectors.salesforce.names import TASK_KEY
from connectors.salesforce.values import constant, is_true, to_numbers, to_texts, to_times
from transforms.vocabulary.markup import to_plain
from transforms.vocabulary.tables import ACTIVITIES, Channel, Direction, Gone, Outcome, empty_table

PEOPLE = ("003", "00Q")
"""How the ids of contacts and leads begin."""

DRAFT = "5"
RELATION_ORDER = {"FromAddress": 0, "ToAddress": 1, "CcAddress": 2, "BccAddress": 3}
"""Where a contact stands in several lines of a mail, the first of these counts."""

SUBTYPES = {
    "Call": Channel.CALL,
    "Email": Channel.EMAIL,
    "ListEmail": Channel.EMAIL,
    "LinkedIn": Channel.LINKEDIN,
    "Cadence": Channel.EMAIL,
}
"""What TaskSubtype says. A cadence's steps are mails, unless their type says that they are calls."""

TYPES = {
    "call": Channel.CALL,
    "email": Channel.EMAIL,
    "meeting": Channel.MEETING,
    "sms": Channel.SMS,
    "whatsapp": Channel.WHATSAPP,
    "chat": Channel.CHAT,
    "letter": Channel.MAIL,
    "linkedin": Channel.LINKEDIN,
    "website visit": Channel.WEB,
    "community post": Channel.COMMUNITY,
    "form": Channel.FORM,
}
"""What the field Type says of a task whose subtype says nothing. A task without either is something to do, not something that happened."""

OUTCOMES = {Channel.MEETING: Outcome.HELD, Channel.FORM: Outcome.SUBMITTED, Channel.COMMUNITY: Outcome.POSTED}
"""What a completed task of a channel means by itself."""

DISPOSITIONS = (
    (re.compile(r"voice ?mail|left (a )?message|mailbox"), Outcome.VOICEMAIL),
    (re.compile(r"wrong|bad number|invalid|not in service"), Outcome.WRONG_NUMBER),
    (re.compile(r"no answer|not answered|no response|unanswered|not reached|missed|did not (answer|pick)"), Outcome.NO_ANSWER),
    (re.compile(r"busy"), Outcome.BUSY),
    (re.compile(r"cancel"), Outcome.CANCELED),
    (re.compile(r"not connected|disconnect"), Outcome.NO_ANSWER),
    (re.compile(r"connect|spoke|talked|reached|answered|conversation|held"), Outcome.CONNECTED),
)
"""CallDisposition is what the org's own dialler writes, in words of its own: the first pattern that fits says what it means."""

CONNECTED_FROM_S = 30
"""A call without a disposition counts as connected from this length on: shorter ones are mostly greetings of a machine."""

CALL_TYPES = {"Inbound": Direction.INBOUND, "Outbound": Direction.OUTBOUND, "Internal": Direction.INTERNAL}

PASTED = re.compile(r"\s*(From|To)\b[^\n:]{0,120}:[ \t]*\n?", re.IGNORECASE)
"""How people and tools mark who wrote a message that they note as a task, which has no direction for it."""

INCOMING = re.compile(r"\[in(?:bound)?\]|^\W*(?:<<|←)|\b(?:mail|reply|response|message) (?:received|from)\b", re.IGNORECASE)
"""How tools that log mail as tasks say in the subject that it came in."""

EVENT_WORDS = (
    (re.compile(r"\W*(no[ -]?show)\b", re.IGNORECASE), Outcome.NO_SHOW),
    (re.compile(r"\W*(cancell?ed|abgesagt|annulé|cancelad[oa]|geannuleerd|annullato)\b", re.IGNORECASE), Outcome.CANCELED),
)
"""How the subject of an event begins that did not take place: people and calendars write it there, because an event has no outcome."""

REPLY_STATUSES = {"Declined": Outcome.DECLINED, "Uninvited": Outcome.CANCELED}

MACHINE_STATUS = re.compile(r"open|click|view|visit", re.IGNORECASE)
"""Words in a campaign member's status that tell of something which a machine may have done."""


def to_emails(frame: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """E-mails, one row for each contact that takes part; drafts are left out.

    Who stands in the From line wrote it; who stands in another line of a mail that came in did not, and that mail is ``internal`` to them.
    Salesforce keeps the headers of mail that came in alone; for ours, From and To are made of the fields.
    """
    frame = living(frame)
    frame = frame[column(frame, "Status").fillna("") != DRAFT]
    rows = _joined(frame, _closest(links))
    incoming = is_true(column(rows, "Incoming"))
    line = column(rows, "RelationType").fillna("")
    wrote = (line == "FromAddress") | (incoming & ~line.isin(["ToAddress", "CcAddress", "BccAddress"]))
    direction = constant(Direction.OUTBOUND.value, len(rows)).mask(incoming, Direction.INTERNAL.value).mask(wrote, Direction.INBOUND.value)
    outcome = constant(Outcome.SENT.value, len(rows))
    outcome = outcome.mask(is_true(column(rows, "IsOpened")), Outcome.OPENED.value).mask(
        is_true(column(rows, "IsBounced")), Outcome.BOUNCED.value
    )
    sender = column(rows, "FromId")
    actor = sender.where(sender.str.startswith("005").fillna(value=False), column(rows, "CreatedById"))
    related = column(rows, "RelatedToId")
    return _made(
        rows,
        {
            "occurred_at": to_times(column(rows, "MessageDate").fillna(column(rows, "CreatedDate"))),
            "channel": constant(Channel.EMAIL.value, len(rows)),
            "direction": direction,
            "company_id": related.where(related.str.startswith("001").fillna(value=False)),
            "actor_id": actor,
            "outcome": outcome.mask(incoming | wrote),
            "subject": column(rows, "Subject"),
            "body": _bodies(rows),
            "headers": _headers(rows),
            "thread_id": column(rows, "ParentId").fillna(column(rows, "ThreadIdentifier")),
            "is_automated": column(rows, "AutomationType").notna().astype("boolean"),
        },
    )


def to_tasks(frame: pd.DataFrame, unknown: Counter[str]) -> pd.DataFrame:
    """Completed tasks that tell of something that happened: calls, messages, logged and sent mail. Tasks of ours never do."""
    frame = living(frame)
    subtype, kind = column(frame, "TaskSubtype").fillna(""), column(frame, "Type").str.lower().fillna("")
    channel = subtype.map({name: one.value for name, one in SUBTYPES.items()}).astype("str")
    by_type = kind.map({name: one.value for name, one in TYPES.items()}).astype("str")
    channel = channel.where(channel.notna() & ~((subtype == "Cadence") & by_type.notna()), by_type)
    channel = channel.where(
        channel.notna(), constant(Channel.CALL.value, len(frame)).set_axis(frame.index).where(column(frame, "CallType").notna())
    )
    keep = channel.notna() & is_true(column(frame, "IsClosed")) & column(frame, "WhoId").str.startswith(PEOPLE).fillna(value=False)
    keep &= column(frame, TASK_KEY).isna()
    rows, channel = frame[keep].reset_index(drop=True), channel[keep].reset_index(drop=True)
    subtype = column(rows, "TaskSubtype").fillna("")
    is_call = channel == Channel.CALL
    texts, marks = _unpasted(column(rows, "Description"), is_call)
    seconds = to_numbers(column(rows, "CallDurationInSeconds"))
    outcome = channel.map({name.value: one.value for name, one in OUTCOMES.items()}).astype("str")
    is_mail = channel == Channel.EMAIL
    outcome = outcome.mask(is_mail & subtype.isin(["ListEmail", "Cadence"]), Outcome.SENT.value)
    return _made(
        rows.assign(contact_id=column(rows, "WhoId"), of=column(rows, "Id")),
        {
            "occurred_at": _happened(rows),
            "channel": channel,
            "direction": _task_direction(rows, is_call, marks, channel),
            "company_id": column(rows, "AccountId"),
            "actor_id": column(rows, "OwnerId"),
            "outcome": outcome.where(~is_call, _call_outcomes(column(rows, "CallDisposition"), seconds, is_call, unknown)),
            "subject": column(rows, "Subject"),
            "body": texts,
            "duration_s": seconds,
            "is_automated": subtype.isin(["ListEmail", "Cadence"]).astype("boolean"),
            "is_broadcast": (subtype == "ListEmail").astype("boolean"),
        },
    )


def to_events(frame: pd.DataFrame, links: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Meetings, one row for each contact that was asked or is named; ``now`` tells what is planned from what is over.

    Salesforce has no outcome of an event. Declined is who declined; the subject says what was missed or cancelled. Of the rest, what is over
    counts as held where the guest had accepted, where nobody was asked to answer, or where it was written down afterwards.
    """
    frame = living(frame)
    frame = frame[~is_true(column(frame, "IsChild")) & ~is_true(column(frame, "IsRecurrence"))]
    named = pd.DataFrame({"of": column(frame, "Id"), "who": column(frame, "WhoId")})
    guests = pd.concat([links, named[named["who"].str.startswith(PEOPLE).fillna(value=False)]], ignore_index=True)
    rows = _joined(frame, guests.drop_duplicates(["of", "who"]))
    start = to_times(column(rows, "StartDateTime").fillna(column(rows, "ActivityDate")))
    end = to_times(column(rows, "EndDateTime")).fillna(start)
    status = column(rows, "Status")
    is_held = (status == "Accepted") | status.isna() | (to_times(column(rows, "CreatedDate")) > start)
    outcome = constant(Outcome.SCHEDULED.value, len(rows)).mask((end <= now) & is_held, Outcome.HELD.value)
    subject = column(rows, "Subject").fillna("")
    for pattern, word in EVENT_WORDS:
        outcome = outcome.mask(subject.str.match(pattern), word.value)
    for text, word in REPLY_STATUSES.items():
        outcome = outcome.mask(status == text, word.value)
    return _made(
        rows,
        {
            "occurred_at": start,
            "channel": constant(Channel.MEETING.value, len(rows)),
            "direction": constant(Direction.OUTBOUND.value, len(rows)),
            "company_id": column(rows, "AccountId"),
            "actor_id": column(rows, "OwnerId"),
            "outcome": outcome,
            "subject": column(rows, "Subject"),
            "body": column(rows, "Description"),
            "duration_s": (end - start).dt.total_seconds(),
        },
    )


def to_cases(frame: pd.DataFrame) -> pd.DataFrame:
    """The opening and the closing of cases. A closing is ours, not the contact's."""
    frame = living(frame)
    frame = frame[column(frame, "ContactId").notna()].reset_index(drop=True)
    closed = frame[is_true(column(frame, "IsClosed"))].reset_index(drop=True)
    opened = _made(
        frame.assign(contact_id=column(frame, "ContactId"), of=opening_id(column(frame, "Id"))),
        {
            "occurred_at": to_times(column(frame, "CreatedDate")),
            **_ticket(frame, Direction.INBOUND, Outcome.OPENED_TICKET),
            "body": column(frame, "Description"),
        },
    )
    ended = _made(
        closed.assign(contact_id=column(closed, "ContactId"), of=closing_id(column(closed, "Id"))),
        {
            # Where Salesforce has no closing date, the last change of the record stands for it.
            "occurred_at": to_times(column(closed, "ClosedDate").fillna(column(closed, "SystemModstamp"))),
            **_ticket(closed, Direction.INTERNAL, Outcome.CLOSED_TICKET),
        },
    )
    return pd.concat([opened, ended], ignore_index=True) if len(ended) else opened


def to_reopened(frame: pd.DataFrame) -> pd.DataFrame:
    """Closings that no longer hold, because the case is open (again), as GONE rows."""
    frame = living(frame)
    again = frame[~is_true(column(frame, "IsClosed")) & (column(frame, "SystemModstamp") != column(frame, "CreatedDate"))]
    return gone("activities", closing_id(column(again, "Id")), Gone.ARCHIVED.value)


def to_comments(frame: pd.DataFrame) -> pd.DataFrame:
    """What customers wrote in their cases through the portal."""
    frame = living(frame)
    frame = frame[column(frame, "CreatedBy.ContactId").notna()].reset_index(drop=True)
    return _made(
        frame.assign(contact_id=column(frame, "CreatedBy.ContactId"), of=column(frame, "Id")),
        {
            "occurred_at": to_times(column(frame, "CreatedDate")),
            "channel": constant(Channel.TICKET.value, len(frame)),
            "direction": constant(Direction.INBOUND.value, len(frame)),
            "company_id": column(frame, "Parent.AccountId"),
            "actor_id": column(frame, "Parent.OwnerId"),
            "outcome": constant(Outcome.POSTED.value, len(frame)),
            "body": column(frame, "CommentBody"),
            "thread_id": column(frame, "ParentId"),
        },
    )


def to_responses(frame: pd.DataFrame) -> pd.DataFrame:
    """Answers to campaigns. A status that tells of opening or clicking may be a machine's, and gives no row."""
    frame = living(frame)
    who = column(frame, "ContactId").fillna(column(frame, "LeadId"))
    is_machine = column(frame, "Status").str.contains(MACHINE_STATUS).fillna(value=False).astype(bool)
    keep = is_true(column(frame, "HasResponded")) & who.notna() & ~is_machine
    frame, who = frame[keep].reset_index(drop=True), who[keep].reset_index(drop=True)
    return _made(
        frame.assign(contact_id=who, of=column(frame, "Id")),
        {
            "occurred_at": to_times(column(frame, "FirstRespondedDate").fillna(column(frame, "SystemModstamp"))),
            "channel": constant(Channel.FORM.value, len(frame)),
            "direction": constant(Direction.INBOUND.value, len(frame)),
            "company_id": column(frame, "Contact.AccountId"),
            "actor_id": column(frame, "Campaign.OwnerId"),
            "outcome": constant(Outcome.SUBMITTED.value, len(frame)),
            "subject": column(frame, "Campaign.Name"),
            "body": column(frame, "Description"),
            "thread_id": column(frame, "CampaignId"),
        },
    )


def opening_id(cases: pd.Series) -> pd.Series:
    """The activity_id of a case's opening."""
    return "case-" + cases + "-opened"


def closing_id(cases: pd.Series) -> pd.Series:
    """The activity_id of a case's closing."""
    return "case-" + cases + "-closed"


def to_vanished(name: str, ids: pd.Series) -> pd.DataFrame:
    """Every activity that records of an object may have given, as GONE rows."""
    given = pd.concat([opening_id(ids), closing_id(ids)], ignore_index=True) if name == "Case" else ids
    return gone("activities", given, Gone.ARCHIVED.value)


def links_of(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Participants: ``frame`` holds ``key``, RelationId and what else is known of each; only contacts and leads that are still linked count."""
    is_person = column(frame, "RelationId").str.startswith(PEOPLE).fillna(value=False) & ~is_true(column(frame, "IsDeleted"))
    return (
        frame[is_person]
        .rename(columns={key: "of", "RelationId": "who"})
        .drop(columns=["IsDeleted"], errors="ignore")
        .reset_index(drop=True)
    )


def _joined(frame: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """A row for each participant, with how many of them the record has."""
    frame = frame.drop(columns=[name for name in links.columns if name in frame.columns])
    rows = frame.merge(links, left_on="Id", right_on="of", how="inner").rename(columns={"who": "contact_id"})
    rows["participants"] = rows.groupby("of")["contact_id"].transform("size") if len(rows) else pd.Series(dtype="int64")
    return rows.reset_index(drop=True)


def _closest(links: pd.DataFrame) -> pd.DataFrame:
    if links.empty:
        return links
    place = column(links, "RelationType").map(RELATION_ORDER).fillna(len(RELATION_ORDER))
    return (
        links.assign(place=place)
        .sort_values("place", kind="stable")
        .drop_duplicates(["of", "who"])
        .drop(columns="place")
        .reset_index(drop=True)
    )


def _made(rows: pd.DataFrame, columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    count = rows["participants"] if "participants" in rows.columns else pd.Series([1] * len(rows), dtype="Int64")
    shared = {
        "activity_id": rows["of"],
        "contact_id": rows["contact_id"],
        "modified_at": to_times(column(rows, "SystemModstamp")),
        "participant_count": count.astype("Int64"),
    }
    # What cannot be placed in time tells nothing of when somebody was heard.
    is_placed = columns["occurred_at"].notna().to_numpy()
    placed = {name: values.reset_index(drop=True)[is_placed] for name, values in {**shared, **columns}.items()}
    return made(ACTIVITIES, placed, int(is_placed.sum())) if is_placed.any() else empty_table(ACTIVITIES)


def _ticket(frame: pd.DataFrame, direction: Direction, outcome: Outcome) -> dict[str, pd.Series]:
    return {
        "channel": constant(Channel.TICKET.value, len(frame)),
        "direction": constant(direction.value, len(frame)),
        "company_id": column(frame, "AccountId"),
        "actor_id": column(frame, "OwnerId"),
        "outcome": constant(outcome.value, len(frame)),
        "subject": column(frame, "Subject"),
        "thread_id": column(frame, "Id"),
    }


def _bodies(rows: pd.DataFrame) -> pd.Series:
    plain, html = column(rows, "TextBody"), column(rows, "HtmlBody")
    needed = plain.isna() & html.notna()
    if not needed.any():
        return plain
    return plain.where(~needed, to_texts(to_plain(text) if is_needed else None for text, is_needed in zip(html, needed, strict=True)))


def _headers(rows: pd.DataFrame) -> pd.Series:
    """The mail's own headers where Salesforce keeps them, else 'Name: value' lines of what its fields hold."""
    name, address = column(rows, "FromName"), column(rows, "FromAddress")
    sender = address.where(name.isna() | (name == address), name + " <" + address + ">")
    lines = (
        ("From: ", sender),
        ("To: ", column(rows, "ToAddress").str.replace(";", ",", regex=False)),
        ("Cc: ", column(rows, "CcAddress").str.replace(";", ",", regex=False)),
    )
    text = constant("", len(rows))
    for label, values in lines:
        # A line break inside a value would make another header of what follows it.
        text = text + (label + values.str.replace(r"\s+", " ", regex=True) + "\n").fillna("")
    text = text.str.rstrip("\n")
    return column(rows, "Headers").fillna(text.where(text != ""))


def _happened(rows: pd.DataFrame) -> pd.Series:
    """When a completed task happened: its day is what people say, the hour is known where it was completed or written down on that day."""
    done = to_times(column(rows, "CompletedDateTime"))
    written = to_times(column(rows, "CreatedDate"))
    day = to_times(column(rows, "ActivityDate"))
    exact = done.fillna(written)
    for moment in (written, done):
        exact = exact.mask(moment.dt.normalize() == day, moment)
    return exact.mask(day.notna() & (exact.dt.normalize() != day), day + pd.Timedelta(hours=12))


def _unpasted(texts: pd.Series, is_call: pd.Series) -> tuple[pd.Series, list[str]]:
    """The texts without a first line that says who wrote them, and what that line says: from, to, or nothing. Calls need no such line."""
    plain = [text if isinstance(text, str) else "" for text in texts]
    marks = [None if call else PASTED.match(text) for text, call in zip(plain, is_call, strict=True)]
    rest = to_texts(text[mark.end() :] if mark else text for text, mark in zip(plain, marks, strict=True))
    return rest, [mark[1].lower() if mark else "" for mark in marks]


def _task_direction(rows: pd.DataFrame, is_call: pd.Series, marks: list[str], channel: pd.Series) -> pd.Series:
    by_type = column(rows, "CallType").map({name: one.value for name, one in CALL_TYPES.items()}).astype("str")
    calls = by_type.fillna(Direction.OUTBOUND.value)
    came = pd.Series([mark == "from" for mark in marks], dtype=bool) | channel.isin([Channel.FORM, Channel.WEB, Channel.COMMUNITY])
    is_told = column(rows, "Subject").str.contains(INCOMING).fillna(value=False).astype(bool) & (pd.Series(marks, dtype="str") != "to")
    others = constant(Direction.OUTBOUND.value, len(rows)).mask(came | is_told, Direction.INBOUND.value)
    return calls.where(is_call, others)


def _call_outcomes(dispositions: pd.Series, seconds: pd.Series, is_call: pd.Series, unknown: Counter[str]) -> pd.Series:
    words = dispositions[is_call].dropna().unique()
    known: dict[str, str] = {}
    for word in words:
        low = str(word).lower()
        known[str(word)] = next((outcome.value for pattern, outcome in DISPOSITIONS if pattern.search(low)), Outcome.OTHER.value)
        if known[str(word)] == Outcome.OTHER.value:
            unknown["CallDisposition"] += int((dispositions[is_call] == word).sum())
    told = dispositions.map(known).astype("str") if known else constant(None, len(dispositions))
    return told.mask(told.isna() & (seconds >= CONNECTED_FROM_S), Outcome.CONNECTED.value)
