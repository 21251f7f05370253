"""Cases: number, closing, and what is shown of the contact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.dml_activities import is_closed

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_FIRST_NUMBER = 1001
_SHOWN = {"ContactPhone": "Phone", "ContactMobile": "MobilePhone", "ContactEmail": "Email", "ContactFax": "Fax"}


def case_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    """The number of a new case, whether and when it was closed, the contact's account and addresses."""
    found: dict[str, Any] = {}
    if former is None:
        found["CaseNumber"] = _next_number(org)
    if former is None or "Status" in given:
        closed = is_closed(org, whole.get("Status"), "CaseStatus")
        found["IsClosed"] = closed
        if closed != bool(former and former.get("IsClosed")):
            found["ClosedDate"] = org.now_ms() if closed else None
    if former is None or "ContactId" in given:
        contact = org.find(whole["ContactId"]) if whole.get("ContactId") else None
        if contact is not None:
            found.update({name: contact.values.get(source) for name, source in _SHOWN.items()})
            if whole.get("AccountId") is None:
                found["AccountId"] = contact.values.get("AccountId")
        else:
            found.update(dict.fromkeys(_SHOWN))
    return found


def _next_number(org: Org) -> str:
    """The number after those given, also where some cases are purged or were loaded with numbers of their own."""
    store = org.store("Case")
    field = store.type.fields["casenumber"]
    number = _FIRST_NUMBER + len(store)
    while store.holders(field, f"{number:08d}"):
        number += 1
    return f"{number:08d}"
