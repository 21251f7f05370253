"""The object types that the sandbox knows, under all the names by which the API calls them."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.hubspot.errors import unknown_type


@dataclass(frozen=True)
class ObjectType:
    """One object type.

    ``name`` is its plural path name, ``type_id`` its number, ``singular`` its other name. ``created`` and ``modified`` are the properties
    that hold those moments, ``defaults`` what an answer holds when no property was asked for. ``read`` and ``write`` are the scopes of which
    one suffices. ``has_archive`` is false where a deleted record is gone for good. ``required`` must be given when a record is made.
    """

    name: str
    singular: str
    type_id: str
    created: str
    modified: str
    defaults: tuple[str, ...]
    read: tuple[str, ...]
    write: tuple[str, ...]
    schema: str
    first_id: int
    searched: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    has_archive: bool = True
    is_activity: bool = False
    can_merge: bool = False


_CONTACT_READ = ("crm.objects.contacts.read",)
_CONTACT_WRITE = ("crm.objects.contacts.write",)


def _activity(name: str, singular: str, type_id: str, first_id: int, searched: tuple[str, ...], *, has_archive: bool = True) -> ObjectType:
    return ObjectType(
        name,
        singular,
        type_id,
        "hs_createdate",
        "hs_lastmodifieddate",
        (),
        _CONTACT_READ,
        _CONTACT_WRITE,
        "contacts",
        first_id,
        searched,
        ("hs_timestamp",),
        has_archive=has_archive,
        is_activity=True,
    )


TYPES: tuple[ObjectType, ...] = (
    ObjectType(
        "contacts",
        "contact",
        "0-1",
        "createdate",
        "lastmodifieddate",
        ("email", "firstname", "lastname"),
        _CONTACT_READ,
        _CONTACT_WRITE,
        "contacts",
        151_000_000_001,
        ("firstname", "lastname", "email", "phone", "hs_additional_emails", "fax", "mobilephone", "company"),
        can_merge=True,
    ),
    ObjectType(
        "companies",
        "company",
        "0-2",
        "createdate",
        "hs_lastmodifieddate",
        ("name", "domain"),
        ("crm.objects.companies.read",),
        ("crm.objects.companies.write",),
        "companies",
        26_000_000_001,
        ("website", "phone", "name", "domain"),
        can_merge=True,
    ),
    ObjectType(
        "tickets",
        "ticket",
        "0-5",
        "createdate",
        "hs_lastmodifieddate",
        ("subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority"),
        ("tickets", "crm.objects.tickets.read"),
        ("tickets", "crm.objects.tickets.write"),
        "tickets",
        18_000_000_001,
        ("subject", "content", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_id"),
        ("hs_pipeline_stage",),
        can_merge=True,
    ),
    _activity("emails", "email", "0-49", 71_000_000_001, ("hs_email_subject", "hs_body_preview"), has_archive=False),
    _activity("calls", "call", "0-48", 72_000_000_001, ("hs_call_title", "hs_body_preview")),
    _activity("meetings", "meeting_event", "0-47", 73_000_000_001, ("hs_meeting_title", "hs_meeting_body")),
    _activity("communications", "communication", "0-18", 74_000_000_001, ("hs_communication_body", "hs_body_preview")),
    _activity("notes", "note", "0-46", 75_000_000_001, ("hs_note_body", "hs_body_preview")),
    _activity("tasks", "task", "0-27", 76_000_000_001, ("hs_task_body", "hs_task_subject")),
)

_BY_NAME: dict[str, ObjectType] = {}
for _type in TYPES:
    for _name in (_type.name, _type.singular, _type.type_id, _type.type_id.replace("-", "_")):
        _BY_NAME[_name] = _type
_BY_NAME["meeting"] = _BY_NAME["meetings"]


def object_type(name: str) -> ObjectType:
    """The object type of that name: plural, singular or type id. ApiError 400 where there is none."""
    found = _BY_NAME.get(name) or _BY_NAME.get(name.lower())
    if found is None:
        raise unknown_type(name)
    return found
