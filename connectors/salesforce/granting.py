"""Who has our permission sets: our own user, so that it may write the fields, and those who own contacts, so that they see them."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.salesforce.client import Client, Request
from connectors.salesforce.definitions import INTEGRATION, USER
from connectors.salesforce.ourselves import fetch_user_id
from transforms.vocabulary.errors import CrmUnreachable, RequestRejected

AT_ONCE = 200
OWNERS = "SELECT Id FROM User WHERE IsActive = true AND UserType = 'Standard' AND Id IN (SELECT OwnerId FROM Contact)"
"""The people who see their contacts' pages. Community and automated users are left out: other licences, other pages."""


def is_granted_to_us(client: Client) -> bool:
    """Whether our own user has the permission set that lets it write."""
    return bool(_assignments(client, [INTEGRATION], fetch_user_id(client)))


def owners_without(client: Client) -> list[str]:
    """The ids of active users who own contacts and do not see our fields yet."""
    has_ours = f"PermissionSet.Name IN ('{INTEGRATION}', '{USER}')"
    soql = f"{OWNERS} AND Id NOT IN (SELECT AssigneeId FROM PermissionSetAssignment WHERE {has_ours})"  # noqa: S608 - all our own
    return sorted(str(record["Id"]) for page in client.query(soql, purpose="setup", what="find who sees our fields") for record in page)


def grant_to_us(client: Client) -> None:
    """Give our own user the permission set that lets it write. Harmless where it has it."""
    user_id = fetch_user_id(client)
    if not _assignments(client, [INTEGRATION], user_id):
        body = {"AssigneeId": user_id, "PermissionSetId": _permission_set(client, INTEGRATION)}
        try:
            client.request(
                Request("POST", "sobjects/PermissionSetAssignment", "assign our permission set", "setup", body=body, is_write=True)
            )
        except RequestRejected as error:
            if error.code != "DUPLICATE_VALUE":  # a call whose answer was lost has done it
                raise


def grant_to_owners(client: Client) -> None:
    """Let everybody who owns contacts see our fields. Whom the org refuses (a licence that cannot see them) stays without, and pending."""
    ids = owners_without(client)
    if not ids:
        return
    held = _permission_set(client, USER)
    for first in range(0, len(ids), AT_ONCE):
        records = [
            {"attributes": {"type": "PermissionSetAssignment"}, "AssigneeId": one, "PermissionSetId": held}
            for one in ids[first : first + AT_ONCE]
        ]
        # Somebody who has it already is refused as a duplicate, so sending it again is harmless.
        client.collection(
            "POST", "composite/sobjects", records, what="let the owners of contacts see our fields", is_repeatable=True, purpose="setup"
        )


def take_back(client: Client, names: Sequence[str]) -> None:
    """A permission set that somebody has cannot be deleted."""
    ids = _assignments(client, names)
    for first in range(0, len(ids), AT_ONCE):
        query = {"ids": ",".join(ids[first : first + AT_ONCE]), "allOrNone": "false"}
        client.request(Request("DELETE", "composite/sobjects", "take our permission sets back", "setup", query=query, is_write=True))


def _assignments(client: Client, names: Sequence[str], user_id: str = "") -> list[str]:
    listed = ", ".join(f"'{name}'" for name in names)
    soql = f"SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name IN ({listed})"  # noqa: S608 - names of our own
    if user_id:
        soql += f" AND AssigneeId = '{user_id}'"
    pages = client.query(soql, purpose="setup", what="read who has our permission sets")
    return [str(record["Id"]) for page in pages for record in page]


def _permission_set(client: Client, name: str) -> str:
    soql = f"SELECT Id FROM PermissionSet WHERE Name = '{name}'"  # noqa: S608 - a name of our own
    found = [str(record["Id"]) for page in client.query(soql, purpose="setup", what="find our permission set") for record in page]
    if not found:
        raise CrmUnreachable(f"We created the permission set {name} and Salesforce does not show it yet; run set-up again in a minute.")
    return found[0]
