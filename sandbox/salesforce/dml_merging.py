"""Merging records and converting leads: who is gone, and where their children go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sandbox.clock import from_ms
from sandbox.salesforce import dml, dml_deleting
from sandbox.salesforce.dml_activities import refresh_last_activity
from sandbox.salesforce.dml_history import note
from sandbox.salesforce.errors import RowError, RowFault
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import ObjectType

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_MOST_LOSERS = 2
_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
_COPIED = {
    **{
        name: name
        for name in (
            *(
                "Salutation",
                "FirstName",
                "LastName",
                "Title",
                "Email",
                "Phone",
                "MobilePhone",
                "Fax",
                "Description",
                "LeadSource",
                "OwnerId",
            ),
            *("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall"),
        )
    },
    **{name: f"Mailing{name}" for name in _ADDRESS},
}
"""Which fields of a lead become which of the contact."""


def merge(org: Org, user_id: str, kind: ObjectType, winner_id: str, loser_ids: Sequence[str]) -> None:
    """Merge losers into a winner. Raises RowError."""
    if not kind.mergeable and kind.name != "Case":
        raise RowError(RowFault("INVALID_TYPE_FOR_OPERATION", f"entity type {kind.name} does not support merge"))
    if not 1 <= len(loser_ids) <= _MOST_LOSERS:
        raise RowError(RowFault("MERGE_FAILED", "a merge has one or two records that are merged into the master"))
    winner, losers = _live(org, kind, winner_id), [_live(org, kind, one) for one in loser_ids]
    if winner in losers:
        raise RowError(RowFault("MERGE_FAILED", "a record cannot be merged into itself"))
    now = org.now_ms()
    for loser in losers:
        reparent(org, loser, winner.id)
        dml_deleting.put_away(org, user_id, loser, now)
        org.store(kind.name).change(loser, {"MasterRecordId": winner.id})
        if kind.name == "Contact":
            note(org, user_id, winner.id, "contactMerged", "Text", None, None)
    dml.write(org, user_id, winner, {}, {})
    refresh_last_activity(org, winner.id)


def reparent(org: Org, loser: Record, winner_id: str) -> None:
    """Let every child of one record point to another. The children's stamps stay: no trigger runs for them."""
    for child in org.kind(loser.object).children:
        store = org.stores.get(child.object)
        if store is None or child.object.endswith("History") or child.field == "MasterRecordId":
            continue
        field = store.type.field(child.field)
        if field is None:
            continue
        for record in store.children(field.name, loser.id):
            change: dict[str, Any] = {field.name: winner_id}
            if record.values.get("LeadOrContactId") == loser.id:
                change["LeadOrContactId"] = winner_id
            store.change(record, change)
            if loser.object == "Account" and record.object == "Contact":
                for name in ("Task", "Event"):
                    for activity in org.store(name).children("WhoId", record.id):
                        if activity.values.get("AccountId") == loser.id:
                            org.store(name).change(activity, {"AccountId": winner_id})


def convert_lead(org: Org, user_id: str, lead_id: str, *, account_id: str | None, contact_id: str | None) -> Record:
    """Make a lead a contact. Its activities, mails and memberships go over. Raises RowError."""
    lead = _live(org, org.kind("Lead"), lead_id)
    if lead.values.get("IsConverted"):
        raise RowError(RowFault("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"))
    if account_id is None and contact_id is not None:
        account_id = _live(org, org.kind("Contact"), contact_id).values.get("AccountId")
    if account_id is None:
        account_id = org.create(user_id, "Account", {"Name": lead.values.get("Company") or lead.values["Name"]}).id
    if contact_id is None:
        seen = {field.name for field in org.kind("Contact") if org.access.edits_field(user_id, org.kind("Contact"), field)}
        values = {name: lead.values[source] for source, name in _COPIED.items() if source in lead.values and name in seen}
        contact = org.create(user_id, "Contact", {**values, "AccountId": account_id})
        note(org, user_id, contact.id, "contactCreatedFromLead", "Text", None, None)
    else:
        contact = _live(org, org.kind("Contact"), contact_id)
    for name, field in (("Task", "WhoId"), ("Event", "WhoId"), ("EventRelation", "RelationId"), ("EmailMessageRelation", "RelationId")):
        store = org.store(name)
        for record in store.children(field, lead.id):
            change: dict[str, Any] = {field: contact.id}
            if name in {"Task", "Event"} and not record.values.get("AccountId"):
                change["AccountId"] = account_id
            if name == "EmailMessageRelation":
                change["RelationObjectType"] = "Contact"
            store.change(record, change)
    members = org.store("CampaignMember")
    for record in members.children("LeadId", lead.id):
        # A converted lead stays a member as lead and becomes one as contact.
        members.change(record, {"ContactId": contact.id})
    converted = {
        "IsConverted": True,
        "ConvertedDate": from_ms(org.now_ms()).date().isoformat(),
        "ConvertedContactId": contact.id,
        "ConvertedAccountId": account_id,
        "Status": "Closed - Converted",
        "IsUnreadByOwner": False,
    }
    dml.write(org, user_id, lead, converted, {})
    refresh_last_activity(org, contact.id)
    return contact


def _live(org: Org, kind: ObjectType, record_id: str) -> Record:
    record = org.find(record_id, deleted=True)
    if record is None or record.object != kind.name:
        raise RowError(RowFault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"), status=404)
    if record.is_deleted:
        raise RowError(RowFault("ENTITY_IS_DELETED", "entity is deleted"), status=404)
    return record
