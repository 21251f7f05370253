"""What becomes of one record of a write, and what Salesforce's codes mean for whoever reads the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.salesforce.answers import CRM as CRM_LABEL
from connectors.salesforce.answers import LOCKED, to_refusal
from connectors.salesforce.client import Client
from connectors.salesforce.describing import need_fields
from connectors.salesforce.names import CRM
from transforms.vocabulary.changes import Fate, WriteReport

Json = dict[str, Any]

UNKNOWN_FIELD = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})
"""The org has no such field, our user may not see or write it, or the record is peculiar: a person account cannot be changed as a contact."""

HINTS = {
    "ENTITY_IS_DELETED": "it was deleted or merged into another one",
    "CANNOT_UPDATE_CONVERTED_LEAD": "the lead was converted",
    "INSUFFICIENT_ACCESS_OR_READONLY": "our user may not edit it",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "our user may not edit what it belongs to",
    LOCKED: "others kept it locked",
    "DUPLICATES_DETECTED": "a duplicate rule of the org is against it",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "a validation rule of the org is against it",
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "a trigger or flow of the org is against it",
    "MALFORMED_ID": "its id is none of Salesforce's",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one record of a write. ``fields`` are those that Salesforce names where it refused."""

    fate: Fate
    code: str = ""
    message: str = ""
    crm_id: str = ""
    modified_at: datetime | None = None
    is_new: bool | None = None
    fields: tuple[str, ...] = ()


def to_report(table: str, key: str, outcome: Outcome, fate: Fate | None = None) -> WriteReport:
    """The report of an outcome."""
    return WriteReport(CRM, table, key, fate or outcome.fate, outcome.code, outcome.message, outcome.crm_id, outcome.modified_at)


def refused(code: str, fields: Sequence[str] = ()) -> Outcome:
    """The outcome of a record that Salesforce refused. What it says about it may hold personal data, so only the code is told."""
    about = f" about {', '.join(sorted(set(fields)))}" if fields else ""
    hint = f" ({HINTS[code]})" if code in HINTS else ""
    message = (
        f"{CRM_LABEL} refused this record{about} with {code}{hint}; see the record in {CRM_LABEL}, and it is tried again in the next run."
    )
    return Outcome(Fate.FAILED, code, message, fields=tuple(fields))


def to_outcome(result: Mapping[str, Any]) -> Outcome:
    """One result of a collection."""
    if result.get("success") is True:
        return Outcome(Fate.WRITTEN, crm_id=str(result.get("id") or ""), is_new=result.get("created"))
    refusal = to_refusal(result.get("errors"))
    return refused(refusal.code or "REFUSED", refusal.fields)


def need_setup(client: Client, name: str, outcomes: Sequence[Outcome], names: Sequence[str]) -> None:
    """Raise SetupNeeded where records of an object were refused because the org lacks one of our fields, or our user may not write it."""
    if any(one.code in UNKNOWN_FIELD for one in outcomes):
        need_fields(client, name, names)
