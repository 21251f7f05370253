"""Mails: the task that stands for one in the timeline, and the people it went between."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import getaddresses
from typing import TYPE_CHECKING, Any

from sandbox.clock import from_ms
from sandbox.salesforce.errors import RowError, RowFault
from sandbox.salesforce.records import Record

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

NEW, READ, DRAFT = "0", "1", "5"
"""Statuses of a mail: come in, looked at, not sent yet."""

_SIDES = (("ToAddress", "ToIds"), ("CcAddress", "CcIds"), ("BccAddress", "BccIds"))


def mail_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    """Name, date and sender of a new mail; its lists of ids go into relations, not into fields. RowError where a sent mail is to change."""
    found: dict[str, Any] = {}
    if former is not None:
        _check_change(org, whole, former, given)
    if former is None or "Subject" in given:
        found["Name"] = (whole.get("Subject") or "")[:255] or None
    if former is None:
        found["MessageDate"] = whole.get("MessageDate") or org.now_ms()
        found["Status"] = whole.get("Status") or NEW
        address = whole.get("FromAddress")
        if address and not whole.get("FromId") and not whole.get("Incoming"):
            field = org.kind("User").field("Email")
            sender = org.store("User").holders(field, address) if field else []
            found["FromId"] = sender[0].id if sender else None
    found.update({ids: None for _, ids in _SIDES if ids in whole})
    return found


def _check_change(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any], given: set[str]) -> None:
    """Only a draft may change freely; of other mail custom fields may, and a new one may be marked as read.

    The object reference says so; the words of the refusal are those of any record that is read-only.
    """
    if former.get("Status") == DRAFT:
        return
    free = {field.name for field in org.kind("EmailMessage") if field.custom}
    is_read_now = (former.get("Status"), whole.get("Status")) == (NEW, READ)
    if given - free - ({"Status"} if is_read_now else set()):
        raise RowError(RowFault("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id"))


def relation_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:  # noqa: ARG001 - every rule is called alike
    """The object and address of the person a relation leads to."""
    person = org.find(whole["RelationId"]) if whole.get("RelationId") else None
    if person is None:
        return {}
    return {"RelationObjectType": person.object, "RelationAddress": whole.get("RelationAddress") or person.values.get("Email")}


def after_mail(org: Org, user_id: str, record: Record, former: Mapping[str, Any] | None, given: Mapping[str, Any]) -> None:
    """The relations of a new mail, and its task unless it is a draft or belongs to a case."""
    if former is not None:
        return
    people = relate(org, user_id, record, given)
    values = record.values
    if values.get("Status") != DRAFT and not values.get("ParentId") and (people or values.get("RelatedToId")):
        who = next((one for one in people if org.object_of(one) in {"Contact", "Lead"}), None)
        day = from_ms(values["MessageDate"]).date().isoformat()
        task = org.create(
            user_id,
            "Task",
            {
                "Subject": f"Email: {values.get('Subject') or ''}"[:255],
                "TaskSubtype": "Email",
                "Status": "Completed",
                "ActivityDate": day,
                "WhoId": who,
                "WhatId": values.get("RelatedToId"),
                "Description": values.get("TextBody"),
            },
        )
        org.store("EmailMessage").change(record, {"ActivityId": task.id})


def relate(org: Org, user_id: str, record: Record, given: Mapping[str, Any]) -> list[str]:
    """Write a row for the sender and for each receiver, by id where one was given, else by address. Gives the people's ids."""
    values, people = record.values, []
    found: list[tuple[str, str | None, str | None]] = []
    if values.get("FromAddress") or values.get("FromId"):
        found.append(("FromAddress", values.get("FromId"), values.get("FromAddress")))
        people += [values["FromId"]] if values.get("FromId") else []
    for side, ids in _SIDES:
        known = set()
        for person_id in given.get(ids) or ():
            person = org.find(person_id)
            if person is not None:
                address = person.values.get("Email")
                known.add((address or "").lower())
                found.append((side, person.id, address))
                people.append(person.id)
        for _, address in getaddresses([(values.get(side) or "").replace(";", ",")]):
            if address and address.lower() not in known:
                found.append((side, None, address))
    for side, person_id, address in found:
        row = org.import_record(
            "EmailMessageRelation",
            {
                "EmailMessageId": record.id,
                "RelationType": side,
                "RelationId": person_id,
                "RelationAddress": address,
                "RelationObjectType": org.object_of(person_id) if person_id else None,
                "CreatedDate": org.now_ms(),
                "CreatedById": user_id,
            },
        )
        org.commit(row, None)
    return people
