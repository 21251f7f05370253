"""The rights of the user as whom we sign in that are enough, each with its reason, and those that allow more. The manual's tables are written from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Right:
    """One right as people know it in Setup, and what it is needed for. ``name`` is the API's word for a permission of users, empty for other rights."""

    label: str
    why: str
    name: str = ""


RIGHTS = (
    Right("API Enabled", "signing in", "ApiEnabled"),
    Right("read, edit and View All on Contact, Lead, Account", "reading customers, writing our fields"),
    Right("read and View All on Case, read on Campaign", "who asks for help, who answered"),
    Right("Edit Tasks", "making tasks", "EditTask"),
    Right("edit on our fields, read on the standard fields that an org may hide (e-mail opt-out, do not call, title …)", "writing the ones, reading the others"),
)  # fmt: skip

PERMISSIONS = tuple(one.name for one in RIGHTS if one.name)
"""Permissions of users that our permission set gives."""

FOR_SETUP = {
    "ModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "AssignPermissionSets": "Assign Permission Sets",
    "ViewSetup": "View Setup and Configuration",
}
"""What set-up needs besides, and nothing afterwards."""

TOO_MUCH = {
    "ModifyAllData": "change and delete every record (Modify All Data)",
    "ViewAllData": "read every record of every object (View All Data)",
    "ManageUsers": "make and change users (Manage Users)",
    "ManageProfilesPermissionsets": "change who may do what (Manage Profiles and Permission Sets)",
    "CustomizeApplication": "change the org's set-up (Customize Application)",
    "AuthorApex": "put code into the org (Author Apex)",
    "DataExport": "export all data (Weekly Data Export)",
    "BulkApiHardDelete": "delete records past the recycle bin (Bulk API Hard Delete)",
    "ResetPasswords": "reset passwords (Reset User Passwords and Unlock Users)",
}
"""Permissions of users that nothing of ours needs, by what they allow."""

ASKED = (*TOO_MUCH, *FOR_SETUP)


def held_of(record: Mapping[str, object]) -> list[str]:
    """Which of the permissions that are asked about a record of UserPermissionAccess says that the user has."""
    return [name for name in ASKED if record.get(f"Permissions{name}") is True]
