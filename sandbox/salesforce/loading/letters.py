"""E-mails of a loaded org, as Enhanced Email keeps them: the message, whom its addresses belong to, and the task beside it."""

from __future__ import annotations

from typing import Any

from sandbox.loading.headers import message_id_in, sender_in
from sandbox.loading.rows import Row
from sandbox.salesforce.loading.people import Someone, stamps
from sandbox.salesforce.loading.tasks import Place, put_task

_SENT, _READ = "3", "1"
_TEAM = "team@ours.example"
BODY_LIMIT, HEADERS_LIMIT, SUBJECT_LIMIT = 131_072, 32_000, 3_000


def put_email(place: Place, row: Row[str]) -> str:
    """One e-mail. Returns the id of its EmailMessage."""
    is_ours = row.direction == "outbound"
    user = place.user(row)
    contacts = [place.people[contact] for contact in row.contacts]
    name, address, sender_id = _sender(place, row, contacts[0], is_ours=is_ours)
    ours = _address_of(place, row.owner)
    subject = row.subject or "(no subject)"
    task = put_task(place, row, "Email", f"Email: {subject}", row.body, Type="Email")
    account = place.about(row)["AccountId"]
    message = place.org.import_record(
        "EmailMessage",
        {
            **place.told(row, "02s"),
            "ActivityId": task,
            "RelatedToId": account,
            "Subject": subject[:SUBJECT_LIMIT],
            "TextBody": row.body[:BODY_LIMIT] if row.body else None,
            # Salesforce keeps the headers of mail that came in, and of that alone.
            "Headers": row.headers[:HEADERS_LIMIT] if row.headers and not is_ours else None,
            "FromName": name,
            "FromAddress": address,
            "FromId": sender_id,
            "ToAddress": "; ".join(someone.email for someone in contacts) if is_ours else ours,
            "Incoming": not is_ours,
            "HasAttachment": False,
            "Status": _SENT if is_ours else _READ,
            "MessageDate": row.at,
            "IsExternallyVisible": True,
            "MessageIdentifier": message_id_in(row.headers),
            "ThreadIdentifier": row.thread,
            "IsClientManaged": True,
            "IsTracked": is_ours,
            "IsOpened": row.opened_at is not None or row.opens > 0,
            "FirstOpenedDate": row.opened_at[0] if row.opened_at else None,
            "LastOpenedDate": row.opened_at[1] if row.opened_at else None,
            "IsBounced": is_ours and row.outcome == "bounced",
            # An opening is noted on the message, which changes it.
            **stamps(row.at, max(row.modified, row.opened_at[1]) if row.opened_at else row.modified, user),
        },
    )
    _relate(place, row, message.id, contacts, address, ours, is_ours=is_ours)
    return message.id


def _sender(place: Place, row: Row[str], first: Someone, *, is_ours: bool) -> tuple[str, str, str | None]:
    """Name, address and record of whoever sent it."""
    if is_ours:
        record = place.org.find(row.owner) if row.owner else None
        return (str(record.values["Name"]) if record else "Ours", _address_of(place, row.owner), row.owner)
    given = sender_in(row.headers)
    if given is None or given[1] == first.email:
        return first.name, first.email, first.id
    # What the mail says of its sender counts: a bounce comes from a daemon, not from the contact.
    return given[0] or given[1], given[1], None


def _address_of(place: Place, user: str | None) -> str:
    record = place.org.find(user) if user else None
    return str(record.values["Email"]) if record else _TEAM


def _relate(place: Place, row: Row[str], message_id: str, contacts: list[Someone], sender: str, ours: str, *, is_ours: bool) -> None:
    """A relation for each address: whom it belongs to, and in which line of the mail it stands."""
    user = place.user(row)
    made: dict[str, Any] = {
        "EmailMessageId": message_id,
        "CreatedDate": row.at,
        "CreatedById": user,
        "SystemModstamp": row.modified // 1000 * 1000,
    }

    def relate(line: str, address: str, record_id: str | None, kind: str | None) -> None:
        relation = {"RelationType": line, "RelationAddress": address, "RelationId": record_id, "RelationObjectType": kind}
        place.org.import_record("EmailMessageRelation", {**made, **relation})

    relate("FromAddress" if is_ours else "ToAddress", ours, row.owner, "User" if row.owner else None)
    for someone in contacts:
        kind = "Lead" if someone.is_lead else "Contact"
        if is_ours:
            relate("ToAddress", someone.email, someone.id, kind)
        elif someone.email == sender:
            relate("FromAddress", someone.email, someone.id, kind)
        else:
            relate("OtherAddress", someone.email, someone.id, kind)
    if not is_ours and all(someone.email != sender for someone in contacts):
        relate("FromAddress", sender, None, None)
