"""What an org tells of an object's fields, as far as our user may see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.salesforce.answers import CRM
from connectors.salesforce.client import Client, Request
from connectors.salesforce.definitions import INTEGRATION
from transforms.vocabulary.errors import SetupNeeded

Json = dict[str, Any]


def described(client: Client, name: str, *, purpose: str = "setup") -> dict[str, Json]:
    """The fields of an object that our user may see, by name; one call."""
    answer = client.request(Request("GET", f"sobjects/{name}/describe", f"read the fields of {name}", purpose, lists="fields"))
    return {one["name"]: one for one in answer.body["fields"]}


def need_fields(client: Client, name: str, names: Sequence[str]) -> None:
    """Raise SetupNeeded where the org lacks one of these fields, or our user may not write it; one call.

    Salesforce refuses a write with one and the same code for both, and for some records that are peculiar by themselves.
    """
    there = described(client, name, purpose="write")
    missing = [one for one in sorted(names) if not there.get(one, {}).get("updateable")]
    if missing:
        told = ", ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else "")
        raise SetupNeeded(
            f"We tried to write {told} on {name} and {CRM} has no such field, or our user may not write it; run `stillthere setup`, "
            f"or give our user the permission set {INTEGRATION}, then run again."
        )
