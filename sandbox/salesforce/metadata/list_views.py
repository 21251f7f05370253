"""List views: what Salesforce takes in one, and its record.

Salesforce names the columns of its own fields in capitals; the table below holds those of contacts, leads and accounts that are known from
views people have published. A column that is not there is refused as Salesforce refuses one (``Could not resolve list view column: X``).
Nobody could verify the texts about filters and about a boolean filter that does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from sandbox.salesforce.metadata.component import Component, Problem, unknown_elements
from sandbox.salesforce.metadata.tree import branches, one, texts
from sandbox.salesforce.schema import Schema

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

COLUMNS, FILTERS, LABEL_LIMIT = 15, 10, 40
SCOPES = frozenset(
    [
        "Everything",
        "Mine",
        "Queue",
        "Delegated",
        "MyTerritory",
        "MyTeamTerritory",
        "Team",
        "SalesTeam",
        "AssignedToMe",
        "MineAndMyGroups",
        "ScopingRule",
    ]
)
QUEUED = frozenset({"lead", "case"})
OPERATIONS = frozenset(
    [
        "equals",
        "notEqual",
        "lessThan",
        "greaterThan",
        "lessOrEqual",
        "greaterOrEqual",
        "contains",
        "notContain",
        "startsWith",
        "includes",
        "excludes",
        "within",
    ]
)
_ORDERED = frozenset(["equals", "notEqual", "lessThan", "greaterThan", "lessOrEqual", "greaterOrEqual"])
_TEXTUAL = _ORDERED | {"contains", "notContain", "startsWith"}
_OPERATIONS_OF: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("int", "double", "percent", "currency", "date", "datetime", "time"), _ORDERED),
    **dict.fromkeys(("boolean", "id"), frozenset({"equals", "notEqual"})),
    "multipicklist": frozenset({"equals", "notEqual", "includes", "excludes"}),
}

_OWNER = {"CORE.USERS.ALIAS": "", "CORE.USERS.FIRST_NAME": "", "CORE.USERS.LAST_NAME": "", "CORE.USERS.FULL_NAME": ""}
STANDARD_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "contact": {
        "FULL_NAME": "Name",
        "NAME": "Name",
        "CONTACT.SALUTATION": "Salutation",
        "CONTACT.FIRST_NAME": "FirstName",
        "CONTACT.LAST_NAME": "LastName",
        "CONTACT.TITLE": "Title",
        "CONTACT.DEPARTMENT": "Department",
        "CONTACT.EMAIL": "Email",
        "CONTACT.PHONE1": "Phone",
        "CONTACT.PHONE2": "Fax",
        "CONTACT.PHONE3": "MobilePhone",
        "CONTACT.PHONE4": "HomePhone",
        "CONTACT.PHONE5": "OtherPhone",
        "CONTACT.PHONE6": "AssistantPhone",
        "CONTACT.LEAD_SOURCE": "LeadSource",
        "CONTACT.ADDRESS2_CITY": "MailingCity",
        "CONTACT.ADDRESS2_STATE": "MailingState",
        "CONTACT.ADDRESS2_COUNTRY": "MailingCountry",
        "CONTACT.CREATED_DATE": "CreatedDate",
        "CONTACT.LAST_UPDATE": "LastModifiedDate",
        "CONTACT.LAST_ACTIVITY": "LastActivityDate",
        "ACCOUNT.NAME": "",
        "ACCOUNT.SITE": "",
        **_OWNER,
    },
    "lead": {
        "FULL_NAME": "Name",
        "LEAD.FIRST_NAME": "FirstName",
        "LEAD.LAST_NAME": "LastName",
        "LEAD.COMPANY": "Company",
        "LEAD.TITLE": "Title",
        "LEAD.EMAIL": "Email",
        "LEAD.PHONE": "Phone",
        "LEAD.MOBILE_PHONE": "MobilePhone",
        "LEAD.STATUS": "Status",
        "LEAD.RATING": "Rating",
        "LEAD.INDUSTRY": "Industry",
        "LEAD.LEAD_SOURCE": "LeadSource",
        "LEAD.CITY": "City",
        "LEAD.STATE": "State",
        "LEAD.COUNTRY": "Country",
        "LEAD.CREATED_DATE": "CreatedDate",
        "LEAD.LAST_UPDATE": "LastModifiedDate",
        "LEAD.LAST_ACTIVITY": "LastActivityDate",
        "LEAD.UNREAD": "IsUnreadByOwner",
        "LEAD.CONVERTED": "IsConverted",
        **_OWNER,
    },
    "account": {
        "ACCOUNT.NAME": "Name",
        "ACCOUNT.SITE": "Site",
        "ACCOUNT.TYPE": "Type",
        "ACCOUNT.INDUSTRY": "Industry",
        "ACCOUNT.RATING": "Rating",
        "ACCOUNT.PHONE1": "Phone",
        "ACCOUNT.URL": "Website",
        "ACCOUNT.EMPLOYEES": "NumberOfEmployees",
        "ACCOUNT.ADDRESS1_CITY": "BillingCity",
        "ACCOUNT.ADDRESS1_STATE": "BillingState",
        "ACCOUNT.ADDRESS1_COUNTRY": "BillingCountry",
        "ACCOUNT.CREATED_DATE": "CreatedDate",
        "ACCOUNT.LAST_UPDATE": "LastModifiedDate",
        "ACCOUNT.LAST_ACTIVITY": "LastActivityDate",
        **_OWNER,
    },
}
"""The column names of standard fields, and the field each shows (empty: one of a parent)."""


def check_list_view(schema: Schema, component: Component) -> Iterator[Problem]:
    """Everything that is wrong with a list view."""
    values, kind = component.values, schema.object(component.object)
    yield from unknown_elements(component.type, values)
    if kind is None:
        yield Problem("INVALID_CROSS_REFERENCE_KEY", f"In field: field - no CustomObject named {component.object} found")
        return
    label = one(values, "label")
    if not label:
        yield Problem("REQUIRED_FIELD_MISSING", "Required field is missing: label")
    elif len(label) > LABEL_LIMIT:
        yield Problem("STRING_TOO_LONG", f"View Name: data value too large: {label} (max length={LABEL_LIMIT})")
    scope = one(values, "filterScope")
    if not scope:
        yield Problem("REQUIRED_FIELD_MISSING", "Required field is missing: filterScope")
    elif scope not in SCOPES:
        yield Problem("INVALID_TYPE", f"'{scope}' is not a valid value for the enum 'FilterScope'")
    elif scope == "Queue" and kind.name.lower() not in QUEUED:
        yield Problem("FIELD_INTEGRITY_EXCEPTION", f"Invalid scope:{scope}")
    columns = texts(values, "columns")
    for name in columns:
        if column_type(schema, component.object, name) is None:
            yield Problem("FIELD_INTEGRITY_EXCEPTION", f"Could not resolve list view column: {name}")
    if len(columns) > COLUMNS:
        yield Problem("LIMIT_EXCEEDED", f"A list view may have {COLUMNS} columns, but these are {len(columns)}")
    yield from _filter_problems(schema, component)


def _filter_problems(schema: Schema, component: Component) -> Iterator[Problem]:
    filters = branches(component.values, "filters")
    if len(filters) > FILTERS:
        yield Problem("LIMIT_EXCEEDED", f"A list view may have {FILTERS} filters, but these are {len(filters)}")
    for entry in filters:
        name, operation = one(entry, "field"), one(entry, "operation")
        kind = column_type(schema, component.object, name)
        if kind is None:
            yield Problem("FIELD_INTEGRITY_EXCEPTION", f"Could not resolve list view column: {name}")
        elif operation not in OPERATIONS:
            yield Problem("INVALID_TYPE", f"'{operation}' is not a valid value for the enum 'FilterOperation'")
        elif operation not in _OPERATIONS_OF.get(kind, _TEXTUAL):
            yield Problem("FIELD_INTEGRITY_EXCEPTION", f"Invalid operator {operation} for field {name}")
        elif kind == "textarea":
            yield Problem("FIELD_INTEGRITY_EXCEPTION", f"The field {name} cannot be filtered")
    logic = one(component.values, "booleanFilter")
    if logic:
        named = {int(found) for found in re.findall(r"\d+", logic)}
        rest = re.sub(r"\d+|\bAND\b|\bOR\b|\bNOT\b|[()\s]", "", logic, flags=re.IGNORECASE)
        if rest or named != set(range(1, len(filters) + 1)):
            yield Problem("FIELD_INTEGRITY_EXCEPTION", f"Invalid boolean filter: {logic}")


def column_type(schema: Schema, object_name: str, column: str) -> str | None:
    """Describe's type of the field that a column shows; None where there is no such column. A parent's field is text."""
    kind = schema.object(object_name)
    if kind is None:
        return None
    standard = STANDARD_COLUMNS.get(object_name.lower(), {}).get(column)
    if standard == "":
        return "string"
    own = column.partition(".")[2] if column.lower().startswith(f"{object_name.lower()}.") else column
    found = kind.field(standard or own)
    if found is None or not (standard or found.custom or object_name.lower() not in STANDARD_COLUMNS):
        return None
    return found.type


def keep_list_view(org: Org, user_id: str, component: Component, record_id: str) -> str:
    """Make the record of a checked list view what it says; its id. ``record_id`` is empty for a new one."""
    values, now, kind = component.values, org.now_ms(), org.kind(component.object)
    given = {
        "Name": one(values, "label"),
        "DeveloperName": component.own_name,
        "SobjectType": kind.name,
        "IsSoqlCompatible": one(values, "filterScope") == "Everything",
    }
    held = org.store("ListView").rows.get(record_id)
    if held is None:
        return org.import_record("ListView", {**given, "CreatedById": user_id}).id
    org.store("ListView").change(held, {**given, "LastModifiedById": user_id, "LastModifiedDate": now, "SystemModstamp": now})
    return held.id
