"""The people of a new org: its profiles with their permission sets, the integration user, an administrator, and the org's own record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

CONSENT_SET = "Consent_Fields"
"""The permission set that lets the integration user see the opt-out and activity-metric fields, which are hidden in a new org."""

_PROFILES = ("System Administrator", "Standard User", "Integration")
_STATUSES = {
    "TaskStatus": (
        ("Not Started", False),
        ("In Progress", False),
        ("Completed", True),
        ("Waiting on someone else", False),
        ("Deferred", False),
    ),
    "CaseStatus": (("New", False), ("Working", False), ("Escalated", False), ("Closed", True)),
}
_FOUNDED_MS = 1_577_836_800_000
"""2020-01-01: when the org and its first users came to be."""


def settle_people(org: Org) -> None:
    """Fill a new org with what every org has."""
    org.import_record("Organization", _stamped({"Id": org.org.org_id, **_ORGANIZATION}))
    profiles = {name: _profile(org, name) for name in _PROFILES}
    org.import_record("UserRole", _stamped({"Name": "Customer Success", "DeveloperName": "Customer_Success"}))
    company = org.org.domain.partition(".")[0]
    org.admin_id = add_user(org, "Ada Admin", f"admin@{company}.example", profile_id=profiles["System Administrator"])
    org.integration_id = add_user(org, "Still There Integration", org.org.username, profile_id=profiles["Integration"])
    consent = org.import_record(
        "PermissionSet", _stamped({"Name": CONSENT_SET, "Label": "Consent fields", "IsCustom": True, "Type": "Regular"})
    )
    assign(org, org.integration_id, consent.id)
    for kind in org.schema:
        for field in kind:
            if field.is_hidden_until_granted:
                org.access.grant(consent.id, kind.name, field.name, edit=field.updateable)
    for name, statuses in _STATUSES.items():
        for number, (label, closed) in enumerate(statuses, 1):
            org.import_record(
                name,
                _stamped({"MasterLabel": label, "ApiName": label, "SortOrder": number, "IsDefault": number == 1, "IsClosed": closed}),
            )


def add_user(
    org: Org, name: str, email: str, *, profile_id: str | None = None, is_active: bool = True, values: dict[str, Any] | None = None
) -> str:
    """A user, with the permission set of the profile (that of a standard user where none is named). Returns the id."""
    first, _, last = name.rpartition(" ")
    if profile_id is None:
        profile_id = next(one.id for one in org.store("Profile") if one.values["Name"] == "Standard User")
    user = org.import_record(
        "User",
        _stamped(
            {
                "Username": email,
                "Email": email,
                "FirstName": first or None,
                "LastName": last,
                "Name": name,
                "Alias": email.partition("@")[0][:8],
                "CommunityNickname": email.partition("@")[0][:40],
                "IsActive": is_active,
                "ProfileId": profile_id,
                "UserType": "Standard",
                "TimeZoneSidKey": "GMT",
                "LocaleSidKey": "en_US",
                "LanguageLocaleKey": "en_US",
                "EmailEncodingKey": "UTF-8",
                **(values or {}),
            }
        ),
    )
    owned = next(one for one in org.store("PermissionSet").children("ProfileId", profile_id))
    assign(org, user.id, owned.id)
    return user.id


def assign(org: Org, user_id: str, permission_set_id: str) -> None:
    """Assign a permission set to a user."""
    org.import_record("PermissionSetAssignment", {"AssigneeId": user_id, "PermissionSetId": permission_set_id, "IsActive": True})


def _profile(org: Org, name: str) -> str:
    is_admin = name == "System Administrator"
    granted = {"PermissionsApiEnabled": True, "PermissionsViewAllData": is_admin, "PermissionsModifyAllData": is_admin}
    granted["PermissionsModifyMetadata"] = is_admin or (name == "Integration" and org.org.integration_may_define)
    if name == "Integration":
        granted |= {f"Permissions{right}": True for right in org.org.integration_rights}
    profile = org.import_record("Profile", _stamped({"Name": name, "UserType": "Standard", **granted}))
    org.import_record(
        "PermissionSet",
        _stamped(
            {
                "Name": f"X{profile.id}",
                "Label": profile.id,
                "ProfileId": profile.id,
                "IsOwnedByProfile": True,
                "IsCustom": False,
                "Type": "Profile",
                **granted,
            }
        ),
    )
    return profile.id


def _stamped(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "CreatedDate": _FOUNDED_MS}


_ORGANIZATION = {
    "Name": "Still There Sandbox",
    "Country": "US",
    "PrimaryContact": "Ada Admin",
    "DefaultLocaleSidKey": "en_US",
    "TimeZoneSidKey": "GMT",
    "LanguageLocaleKey": "en_US",
    "ReceivesInfoEmails": True,
    "ReceivesAdminInfoEmails": True,
    "FiscalYearStartMonth": 1,
    "DefaultAccountAccess": "Edit",
    "DefaultContactAccess": "ControlledByParent",
    "DefaultOpportunityAccess": "Edit",
    "DefaultLeadAccess": "ReadEditTransfer",
    "DefaultCaseAccess": "ReadEditTransfer",
    "DefaultCalendarAccess": "HideDetailsInsert",
    "DefaultPricebookAccess": "ReadSelect",
    "DefaultCampaignAccess": "All",
    "UiSkin": "Theme3",
    "NumKnowledgeService": 2,
    "OrganizationType": "Enterprise Edition",
    "InstanceName": "ST1",
    "IsSandbox": False,
    "WebToCaseDefaultOrigin": "Web",
    "MonthlyPageViewsUsed": 0,
    "MonthlyPageViewsEntitlement": 0,
}
