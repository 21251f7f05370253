"""Who we are in an org: the user as whom we sign in."""

from __future__ import annotations

from connectors.salesforce.answers import CRM
from connectors.salesforce.client import Client, Request
from transforms.vocabulary.errors import CrmUnreachable

WHAT = "find out as whom we are signed in"


def fetch_user_id(client: Client) -> str:
    """The id of the user as whom we are signed in; one call. Salesforce tells it as the end of an address."""
    identity = str(client.request(Request("GET", "", WHAT, "check")).body.get("identity") or "")
    user_id = identity.rstrip("/").rpartition("/")[2]
    if not user_id.startswith("005"):
        raise CrmUnreachable(f"We tried to {WHAT} and {CRM}'s answer does not say; run again.")
    return user_id
