"""Our fields as Salesforce defines them: custom fields, the permission sets that show them, and what differs from those an org has. Pure.

A component is told by its full name (``Contact.StillThere_Why__c``) and by its elements, under the names and in the order of Salesforce's
Metadata API. The same components make what set-up deploys and the package in ``deployments/salesforce``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from connectors.salesforce.names import OBJECTS, PREFIX, TASK_KEY, api_name
from connectors.salesforce.rights import PERMISSIONS as PERMISSIONS_OF_USER
from transforms.vocabulary.fields import LONG_TEXT_LIMIT, TEXT_LIMIT, Field, Kind

Json = dict[str, Any]

LABEL_LIMIT, HELP_LIMIT, DESCRIPTION_LIMIT = 40, 510, 1_000
"""Characters that Salesforce takes for a field's label, for the help that people see beside it, and for the description that admins see."""

FIELD_TYPES: dict[Kind, Json] = {
    Kind.CHOICE: {"type": "Picklist"},
    Kind.TEXT: {"length": TEXT_LIMIT, "type": "Text"},
    Kind.LONG_TEXT: {"length": LONG_TEXT_LIMIT, "type": "LongTextArea", "visibleLines": 4},
    Kind.DATE: {"type": "Date"},
    Kind.DATETIME: {"type": "DateTime"},
    Kind.COUNT: {"precision": 18, "scale": 0, "type": "Number"},
    Kind.SCORE: {"precision": 3, "scale": 0, "type": "Number"},
    Kind.CHANCE: {"precision": 3, "scale": 0, "type": "Percent"},
    Kind.SHARE: {"precision": 3, "scale": 0, "type": "Percent"},
    Kind.FLAG: {"type": "Picklist"},
}
"""Salesforce's type for each kind. A checkbox cannot be empty, and we often do not know, so a flag is a picklist of yes and no."""

DESCRIBED_AS = {
    "Picklist": "picklist",
    "Text": "string",
    "LongTextArea": "textarea",
    "Date": "date",
    "DateTime": "datetime",
    "Number": "double",
    "Percent": "percent",
}
"""What ``describe`` calls a type of the Metadata API."""

UNITS = {Kind.CHANCE: "In steps of 5 points.", Kind.SHARE: "In steps of 5 points."}

KEY_LENGTH = 128
"""Characters of a task's key. Ours are shorter; Salesforce allows 255."""

_EXTERNAL = ("caseSensitive", "externalId", "unique")

FIELD, PERMISSIONS, VIEW = "CustomField", "PermissionSet", "ListView"
"""The Metadata API's words for what we create."""

INTEGRATION, USER = f"{PREFIX}Integration", f"{PREFIX}User"
"""The permission sets: of the user as whom we sign in, and of the people who read our fields."""

READ_OBJECTS = ("Campaign", "Case")
"""What is read besides contacts, leads, accounts and activities."""

STANDARD_FIELDS = {
    "Contact": ("AccountId", "DoNotCall", "Email", "HasOptedOutOfEmail", "MailingAddress", "Title"),
    "Lead": ("Address", "DoNotCall", "Email", "HasOptedOutOfEmail", "Title", "Website"),
    "Account": ("Type", "Website"),
    "Case": ("AccountId", "ContactId", "Description"),
    "Event": ("Description", "WhatId", "WhoId"),
}
"""Salesforce's own fields that are read and that an org may hide. What is not listed cannot be hidden, or we can do without it.

A deployment fails as a whole where a field is named that cannot be hidden, so only those stand here that public descriptions of orgs call
permissionable. Nobody has recorded a description of Task: what is hidden there, ``check`` tells.
"""


@dataclass(frozen=True)
class Component:
    """One definition: ``kind`` is the Metadata API's word, ``name`` the full name, ``body`` the elements besides fullName, in their order."""

    kind: str
    name: str
    body: Json

    @property
    def object(self) -> str:
        """The object that it belongs to; empty for a permission set."""
        return self.name.partition(".")[0] if "." in self.name else ""

    @property
    def own_name(self) -> str:
        """The name without its object."""
        return self.name.rpartition(".")[2]


def field_components(fields: Sequence[Field]) -> list[Component]:
    """The custom fields that these fields need, and the key of our tasks."""
    found = [Component(FIELD, f"{one}.{api_name(f.name)}", _field_body(f)) for f in fields for one in OBJECTS[f.table]]
    return [*found, task_key_component()]


def task_key_component() -> Component:
    """The external id by which a task of ours is found again. It is defined on Activity, so tasks and events both have it.

    Case counts in it: else two keys that differ in case alone would be one to Salesforce.
    """
    text = "Tells Still There which task of its own this is, so that none is made twice. Empty on all other tasks and events."
    body = {
        "caseSensitive": True,
        "description": text,
        "externalId": True,
        "inlineHelpText": text,
        "label": "Still There key",
        "length": KEY_LENGTH,
        "required": False,
        "type": "Text",
        "unique": True,
    }
    return Component(FIELD, f"Activity.{TASK_KEY}", body)


def without_external_id(key: Component) -> Component:
    """The tasks' key for an org that refuses one more external id: a task is then looked for among those of its contact."""
    return replace(key, body={name: value for name, value in key.body.items() if name not in _EXTERNAL})


def permission_components(fields: Sequence[Component]) -> list[Component]:
    """The permission set of the user as whom we sign in, who writes our fields, and that of the people who read them."""
    integration = {
        "description": "For the user as whom Still There signs in: reads customers and what passed with them, writes Still There's own fields and tasks.",
        "fieldPermissions": _granted(fields, is_editable=True, also=STANDARD_FIELDS),
        "hasActivationRequired": False,
        "label": "Still There Integration",
        "objectPermissions": [
            *(_may(name, is_editable=True) for name in ("Account", "Contact", "Lead")),
            *(_may(name, is_editable=False) for name in READ_OBJECTS),
        ],
        "userPermissions": [{"enabled": True, "name": name} for name in PERMISSIONS_OF_USER],
    }
    user = {
        "description": "For the people who work with customers: shows Still There's fields and list views. Grants no access to records.",
        "fieldPermissions": _granted([one for one in fields if one.object != "Activity"], is_editable=False),
        "hasActivationRequired": False,
        "label": "Still There User",
    }
    return [Component(PERMISSIONS, INTEGRATION, _ordered(integration)), Component(PERMISSIONS, USER, user)]


def differences(wanted: Component, held: Mapping[str, Any]) -> list[str]:
    """The elements of a component that an org has otherwise. What we say nothing of is the org's own affair."""
    if wanted.kind == FIELD:
        # Whether the tasks' key is an external id was settled when it was made: an org may have refused that.
        passed = {"required", *(_EXTERNAL if wanted.own_name == TASK_KEY else ())}
        return [name for name, value in wanted.body.items() if name not in passed and not _same(name, value, held.get(name))]
    if wanted.kind == PERMISSIONS:
        return [name for name, value in wanted.body.items() if not _granted_already(name, value, held.get(name))]
    return [name for name, value in wanted.body.items() if not _alike(value, held.get(name))]


def described_differences(wanted: Component, described: Mapping[str, Any]) -> list[str]:
    """The same, as far as ``describe`` tells: texts, length and values, for a user who may not read metadata."""
    body = wanted.body
    found = [
        name
        for name, key in (("label", "label"), ("inlineHelpText", "inlineHelpText"), ("length", "length"))
        if name in body and body[name] != described.get(key)
    ]
    if "valueSet" in body:
        held = [(one["value"], one["label"]) for one in described.get("picklistValues") or () if one.get("active", True)]
        if held != _values(body["valueSet"]):
            found.append("valueSet")
    return found


def to_wire(kind: Kind, text: str | None) -> str | int | None:
    """A canonical value in the form that Salesforce's JSON takes; None empties the field. A percentage of 35 is 35 there."""
    if text is None:
        return None
    if kind in (Kind.COUNT, Kind.SCORE, Kind.CHANCE, Kind.SHARE):
        return int(text)
    if kind is Kind.DATETIME:
        return text.removesuffix("Z") + ".000Z"
    return text


def _field_body(f: Field) -> Json:
    if len(f.label) > LABEL_LIMIT:
        raise ValueError(f"the field {f.name} has a label of {len(f.label)} characters; Salesforce takes {LABEL_LIMIT}")
    text = " ".join(filter(None, (f.help, UNITS.get(f.kind))))
    body: Json = {
        # Salesforce has no headings for fields; admins who lay out a page find them by this beginning.
        "description": shortened(f"{f.group}. {text}", DESCRIPTION_LIMIT),
        "inlineHelpText": shortened(text, HELP_LIMIT),
        "label": f.label,
        "required": False,
        **FIELD_TYPES[f.kind],
    }
    if f.kind is Kind.LONG_TEXT:
        del body["required"]  # Salesforce knows no such thing for long text
    if f.kind in (Kind.CHOICE, Kind.FLAG):
        body["valueSet"] = _value_set(f)
    return _ordered(body)


def shortened(text: str, limit: int) -> str:
    """As many whole sentences as fit; where not even one does, as much of it as fits."""
    if len(text) <= limit:
        return text
    ends = [match.end() for match in re.finditer(r"[.!?](?= )", text[:limit])]
    return text[: ends[-1]] if ends else text[: limit - 1] + "…"


def _value_set(f: Field) -> Json:
    pairs = [("true", "Yes"), ("false", "No")] if f.kind is Kind.FLAG else [(option.value, option.label) for option in f.options]
    values = [{"fullName": value, "default": False, "label": label} for value, label in pairs]
    return {"restricted": True, "valueSetDefinition": {"sorted": False, "value": values}}


def _ordered(body: Json) -> Json:
    # The Metadata API wants the elements of our components in the order of the alphabet.
    return {name: body[name] for name in sorted(body)}


def _granted(fields: Sequence[Component], *, is_editable: bool, also: Mapping[str, Sequence[str]] | None = None) -> list[Json]:
    names = {}
    for one in fields:
        # Tasks and events share the fields of Activity, and a permission is given on these two.
        for place in ("Task", "Event") if one.object == "Activity" else (one.object,):
            names[f"{place}.{one.own_name}"] = is_editable
    names |= {f"{place}.{name}": False for place, many in (also or {}).items() for name in many}
    return [{"editable": names[name], "field": name, "readable": True} for name in sorted(names)]


def _may(name: str, *, is_editable: bool) -> Json:
    return {
        "allowCreate": False,
        "allowDelete": False,
        "allowEdit": is_editable,
        "allowRead": True,
        "modifyAllRecords": False,
        "object": name,
        "viewAllRecords": True,
    }


def _same(name: str, wanted: Any, held: Any) -> bool:
    if name == "valueSet":
        held = held or {}
        return bool(held.get("restricted")) and _values(held) == _values(wanted)
    if isinstance(wanted, bool):
        return bool(held) == wanted
    return bool(held == wanted)


def _values(value_set: Mapping[str, Any]) -> list[tuple[str, str]]:
    many = (value_set.get("valueSetDefinition") or {}).get("value") or ()
    return [(one["fullName"], one.get("label") or one["fullName"]) for one in many if one.get("isActive") is not False]


def _granted_already(name: str, wanted: Any, held: Any) -> bool:
    """Whether an org's permission set grants what ours does. That it grants more is the admin's affair."""
    if name in ("fieldPermissions", "objectPermissions", "userPermissions"):
        by = {"fieldPermissions": "field", "objectPermissions": "object", "userPermissions": "name"}[name]
        there = {one[by]: one for one in held or ()}
        return all(one[by] in there and all(bool(there[one[by]].get(key)) for key, value in one.items() if value is True) for one in wanted)
    return _same(name, wanted, held)


def _alike(wanted: Any, held: Any) -> bool:
    """Whether a view is as we want it. An org may leave out that everybody sees it, and write the values of a filter in an order of its own."""
    if isinstance(wanted, Mapping):
        return all(_alike(value, (held or {}).get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(held or ()) == len(wanted) and all(_alike(one, other) for one, other in zip(wanted, held, strict=True))
    return sorted(one.strip() for one in str(held or "").split(",")) == sorted(str(wanted).split(","))
