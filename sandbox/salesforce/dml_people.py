"""Contacts, leads, users and campaign members: names, bounces, responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.clock import from_ms
from sandbox.salesforce.errors import RowError, RowFault
from sandbox.salesforce.records import Record

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_SHOWN = ("Salutation", "FirstName", "LastName", "Title", "Email", "Phone", "Fax", "MobilePhone", "Description", "LeadSource")
_FIRST_STATUSES = (("Sent", False, True), ("Responded", True, False))


def full_name(values: Mapping[str, Any]) -> str | None:
    """The compound name: first and last name."""
    return " ".join(values[name] for name in ("FirstName", "LastName") if values.get(name)) or None


def contact_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:  # noqa: ARG001 - every rule is called alike
    """Name, and what a bounce leaves behind."""
    return {"Name": full_name(whole), **_bounce(whole, former, given)}


def lead_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:  # noqa: ARG001 - every rule is called alike
    """Name and bounces; a converted lead takes no changes."""
    if former is not None and former.get("IsConverted"):
        raise RowError(RowFault("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"))
    return {"Name": full_name(whole), **_bounce(whole, former, given)}


def user_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:  # noqa: ARG001 - every rule is called alike
    """Name."""
    return {"Name": full_name(whole)}


def _bounce(whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if former is not None and "Email" in given and former.get("Email") != whole.get("Email"):
        # A new address starts without the old one's bounce.
        found = {name: None for name in ("EmailBouncedReason", "EmailBouncedDate") if name not in given}
    bounced = {**whole, **found}
    # Only contacts have the checkbox; the table of leads knows none.
    if "IsEmailBounced" in whole:
        found["IsEmailBounced"] = bounced.get("EmailBouncedReason") is not None or bounced.get("EmailBouncedDate") is not None
    return found


def member_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    """Whose membership it is, whether they responded by the campaign's statuses, and since when. RowError for a second membership."""
    found: dict[str, Any] = {}
    person_id = whole.get("ContactId") or whole.get("LeadId")
    if former is None:
        if person_id is None:
            raise RowError(RowFault("REQUIRED_FIELD_MISSING", "Required fields are missing: [ContactId, LeadId]", ("ContactId", "LeadId")))
        if any(
            one.values.get("CampaignId") == whole.get("CampaignId")
            for one in org.store("CampaignMember").children("LeadOrContactId", person_id)
        ):
            raise RowError(RowFault("DUPLICATE_VALUE", "Already a campaign member."))
        person = org.find(person_id)
        found.update({"LeadOrContactId": person_id, "Type": "Contact" if whole.get("ContactId") else "Lead"})
        if person is not None:
            found.update({name: person.values.get(name) for name in _SHOWN})
            found["Name"] = person.values.get("Name")
            found["LeadOrContactOwnerId"] = person.values.get("OwnerId")
            account = org.find(person.values["AccountId"]) if person.values.get("AccountId") else None
            found["CompanyOrAccount"] = account.values.get("Name") if account is not None else person.values.get("Company")
    statuses = {
        one.values.get("Label"): one.values for one in org.store("CampaignMemberStatus").children("CampaignId", whole["CampaignId"])
    }
    status = whole.get("Status")
    if status is None:
        status = next((label for label, one in statuses.items() if one.get("IsDefault")), "Sent")
        found["Status"] = status
    if former is None or "Status" in given:
        chosen = statuses.get(status)
        responded = bool(chosen and chosen.get("HasResponded"))
        found["HasResponded"] = responded
        if responded and not (former and former.get("FirstRespondedDate")):
            found["FirstRespondedDate"] = from_ms(org.now_ms()).date().isoformat()
        elif not responded:
            found["FirstRespondedDate"] = None
    return found


def after_campaign(org: Org, user_id: str, record: Record, former: Mapping[str, Any] | None, given: Mapping[str, Any]) -> None:  # noqa: ARG001 - every rule is called alike
    """A new campaign has two statuses for its members."""
    if former is None:
        add_statuses(org, record.id)


def add_statuses(org: Org, campaign_id: str) -> None:
    """The statuses that every new campaign has: Sent and Responded."""
    for number, (label, responded, is_default) in enumerate(_FIRST_STATUSES, 1):
        org.import_record(
            "CampaignMemberStatus",
            {"CampaignId": campaign_id, "Label": label, "SortOrder": number, "IsDefault": is_default, "HasResponded": responded},
        )


def assignment_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:  # noqa: ARG001 - every rule is called alike
    """A permission set is assigned to a user once. RowError for the second time."""
    if former is None:
        for one in org.store("PermissionSetAssignment").children("AssigneeId", whole["AssigneeId"]):
            if one.values.get("PermissionSetId") == whole.get("PermissionSetId"):
                message = f"Duplicate PermissionSetAssignment. Assignee: {whole['AssigneeId'][:15]}; Permission Set: {whole['PermissionSetId'][:15]}"
                raise RowError(RowFault("DUPLICATE_VALUE", message))
    return {"IsActive": True}


def permission_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:  # noqa: ARG001 - every rule is called alike
    """Who may edit a field may read it. RowError where the field is not there, or no permissions can be given for it."""
    name, _, field_name = whole["Field"].partition(".")
    kind = org.schema.object(name)
    field = kind.field(field_name) if kind else None
    if kind is None or field is None or not field.permissionable or whole["SobjectType"].lower() != name.lower():
        message = f"Field Name: bad value for restricted picklist field: {whole['Field']}"
        raise RowError(RowFault("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Field",)))
    return {"PermissionsRead": True} if whole.get("PermissionsEdit") else {}
