"""What happened with a contact or lead, or at an account, newest first: e-mails, calls, meetings, messages, cases and answers to campaigns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sandbox.pages.org_cards import KEY, OrgCards
from sandbox.pages.shown import Item, Mark, Sort
from sandbox.pages.wording import day, duration, moment, month, plain
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record

_TONES = {"Connected": "good", "Wrong Number": "bad"}
_SPEAKER = {"from": "in", "to": "out"}


def org_timeline(org: Org, people: Iterable[Record], *, own: Record | None = None) -> list[Item]:
    """All items of these people, newest first. ``own`` is left out where the others who took part are named."""
    cards = OrgCards(org)
    ids = [person.id for person in people]
    items: dict[str, Item] = {}
    for person_id in ids:
        for record, item in _items(cards, person_id, own):
            items.setdefault(record.id, item)
    return sorted(items.values(), key=lambda item: item.ms, reverse=True)


def _items(cards: OrgCards, person_id: str, own: Record | None) -> Iterator[tuple[Record, Item]]:
    org = cards.org
    for relation in _live(org, "EmailMessageRelation", "RelationId", person_id):
        mail = org.find(str(relation.values["EmailMessageId"]))
        if mail is not None:
            yield mail, _mail(cards, mail, own)
    for relation in _live(org, "EventRelation", "RelationId", person_id):
        event = org.find(str(relation.values["EventId"]))
        if event is not None:
            yield event, _event(cards, event, relation, own)
    for task in _live(org, "Task", "WhoId", person_id):
        # The task beside an e-mail says nothing that the e-mail does not; a task of ours stands among the tasks.
        if task.values.get("IsClosed") and not task.values.get(KEY) and not _live(org, "EmailMessage", "ActivityId", task.id):
            yield task, _task(cards, task)
    for case in _live(org, "Case", "ContactId", person_id):
        yield case, _case(cards, case)
    for member in _live(org, "CampaignMember", "LeadOrContactId", person_id):
        yield member, _member(cards, member)


def _live(org: Org, object_name: str, field: str, record_id: str) -> list[Record]:
    """The children of a record that are not deleted."""
    return [child for child in org.store(object_name).children(field, record_id) if not child.is_deleted]


def _item(cards: OrgCards, record: Record, ms: int, sort: Sort, title: str, body: str, marks: list[Mark], others: str = "") -> Item:
    who = cards.owner(cards.text(record, "OwnerId") or cards.text(record, "CreatedById"))
    told = " with ".join(part for part in (who, others) if part)
    return Item(ms, moment(ms), month(ms), *sort, title, plain(body), told, tuple(marks))


def _others(cards: OrgCards, relations: Iterable[Record], own: Record | None) -> str:
    """The names of the other people who took part."""
    ids = dict.fromkeys(str(relation.values.get("RelationId") or "") for relation in relations)
    found = [
        cards.org.find(record_id) for record_id in ids if record_id.startswith(("003", "00Q")) and (own is None or record_id != own.id)
    ]
    return ", ".join(cards.name(person) for person in found if person is not None)


def _mail(cards: OrgCards, mail: Record, own: Record | None) -> Item:
    is_theirs = bool(mail.values.get("Incoming"))
    marks = []
    if mail.values.get("IsBounced"):
        marks.append(Mark("Bounced", "bad"))
    if mail.values.get("IsOpened"):
        marks.append(Mark("Opened"))
    sort = Sort("mail", "in", "E-mail received") if is_theirs else Sort("mail", "out", "E-mail sent")
    ms = mail.values.get("MessageDate") or mail.values["CreatedDate"]
    others = _others(cards, cards.org.store("EmailMessageRelation").children("EmailMessageId", mail.id), own)
    body = cards.text(mail, "TextBody") or cards.text(mail, "HtmlBody")
    return _item(cards, mail, ms, sort, cards.text(mail, "Subject") or "(no subject)", body, marks, others)


def _task(cards: OrgCards, task: Record) -> Item:
    subtype, kind = cards.text(task, "TaskSubtype"), cards.text(task, "Type")
    subject, body = cards.text(task, "Subject") or "Task", cards.text(task, "Description")
    ms = task.values.get("CompletedDateTime") or task.values["CreatedDate"]
    marks = []
    if subtype == "Call":
        is_theirs = cards.text(task, "CallType") == "Inbound"
        sort = Sort("phone", "in", "They called") if is_theirs else Sort("phone", "out", "We called")
        outcome = cards.text(task, "CallDisposition")
        if outcome:
            marks.append(Mark(outcome, _TONES.get(outcome, "muted")))
        if task.values.get("CallDurationInSeconds"):
            marks.append(Mark(duration(task.values["CallDurationInSeconds"] * 1000)))
        return _item(cards, task, ms, sort, subject, body, marks)
    if subtype in {"Email", "ListEmail", "Cadence"}:
        marks = [Mark({"ListEmail": "Campaign", "Cadence": "Sequence"}[subtype])] if subtype != "Email" else []
        return _item(cards, task, ms, Sort("mail", "out", "E-mail sent"), subject.partition(": ")[2] or subject, body, marks)
    if subtype == "LinkedIn" or kind:
        # A logged message says who wrote it in its first line, as people do when they paste a conversation.
        first, _, rest = body.partition("\n")
        direction = _SPEAKER.get(first.partition(" ")[0].lower(), "none") if first.endswith(":") else "none"
        text = rest if direction != "none" else body
        title, _, more = text.partition("\n")
        what = "LinkedIn message" if subtype == "LinkedIn" else kind
        word = {"in": " received", "out": " sent"}.get(direction, "")
        return _item(cards, task, ms, Sort("chat", direction, f"{what}{word}"), title or subject, more, [])
    return _item(cards, task, ms, Sort("check", "none", "Task done"), subject, body, [])


def _event(cards: OrgCards, event: Record, relation: Record, own: Record | None) -> Item:
    ms = event.values.get("StartDateTime") or event.values["CreatedDate"]
    status = cards.text(relation, "Status")
    marks = [Mark(status, {"Accepted": "good", "Declined": "bad"}[status])] if status in {"Accepted", "Declined"} else []
    if event.values.get("DurationInMinutes"):
        marks.append(Mark(duration(event.values["DurationInMinutes"] * 60_000)))
    others = _others(cards, cards.org.store("EventRelation").children("EventId", event.id), own)
    title = cards.text(event, "Subject") or "Meeting"
    return _item(cards, event, ms, Sort("calendar", "none", "Meeting"), title, cards.text(event, "Description"), marks, others)


def _case(cards: OrgCards, case: Record) -> Item:
    closed = case.values.get("ClosedDate")
    mark = Mark(f"Closed {day(closed)}" if closed else "Closed") if case.values.get("IsClosed") else Mark("Open", "help")
    title = f"{cards.text(case, 'Subject') or 'Case'} ({cards.text(case, 'CaseNumber')})"
    return _item(
        cards, case, case.values["CreatedDate"], Sort("ticket", "in", "Case opened"), title, cards.text(case, "Description"), [mark]
    )


def _member(cards: OrgCards, member: Record) -> Item:
    campaign = cards.org.find(cards.text(member, "CampaignId"))
    has_responded = bool(member.values.get("HasResponded"))
    sort = Sort("note", "in", "Answered a campaign") if has_responded else Sort("note", "none", "In a campaign")
    return _item(cards, member, member.values["CreatedDate"], sort, cards.name(campaign), cards.text(member, "Description"), [])
