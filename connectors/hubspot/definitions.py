"""Our fields as HubSpot defines them: property types, names, groups, and values in HubSpot's form. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.hubspot.streams import PREFIX, TASK_KEY
from transforms.vocabulary.fields import Field, Group, Kind

Json = dict[str, Any]

PROPERTY_TYPES: dict[Kind, tuple[str, str]] = {
    Kind.CHOICE: ("enumeration", "select"),
    Kind.TEXT: ("string", "text"),
    Kind.LONG_TEXT: ("string", "textarea"),
    Kind.DATE: ("date", "date"),
    Kind.DATETIME: ("datetime", "date"),
    Kind.COUNT: ("number", "number"),
    Kind.SCORE: ("number", "number"),
    Kind.CHANCE: ("number", "number"),
    Kind.SHARE: ("number", "number"),
    Kind.FLAG: ("bool", "booleancheckbox"),
}
"""HubSpot's type and fieldType for each kind. Chances and shares are percent: HubSpot's own percentage format would show 35 as 3500 %."""

UNITS = {Kind.CHANCE: "Percent, in steps of 5.", Kind.SHARE: "Percent, in steps of 5."}

DESCRIPTION_LIMIT = 1_024
"""Characters of help text that are sent. HubSpot publishes no limit; its own descriptions stay below this."""

TASK_GROUP = f"{PREFIX}task"


def property_name(field: str) -> str:
    """What a field is called in HubSpot."""
    return PREFIX + field


def group_name(group: Group) -> str:
    """HubSpot's name for one of our headings."""
    return PREFIX + group.name.lower()


def group_definition(name: str, label: str) -> Json:
    """What creates a property group."""
    return {"name": name, "label": label, "displayOrder": -1}


def groups_for(fields: Sequence[Field], table: str) -> dict[str, str]:
    """The groups that the fields of a table need: name to label."""
    return {group_name(f.group): f"Still There: {f.group}" for f in fields if f.table == table}


def property_definition(field: Field) -> Json:
    """What creates the property of a field."""
    kind, look = PROPERTY_TYPES[field.kind]
    help_text = " ".join(filter(None, (field.help, UNITS.get(field.kind))))
    return {
        "name": property_name(field.name),
        "label": field.label,
        "type": kind,
        "fieldType": look,
        "groupName": group_name(field.group),
        "description": help_text if len(help_text) <= DESCRIPTION_LIMIT else help_text[: DESCRIPTION_LIMIT - 1] + "…",
        "options": _options(field),
        "formField": False,
    }


def task_key_definition(*, is_unique: bool) -> Json:
    """What creates the property by which a task of ours is found again."""
    return {
        "name": TASK_KEY,
        "label": "Still There key",
        "type": "string",
        "fieldType": "text",
        "groupName": TASK_GROUP,
        "description": "Set by Still There, so that the same task is never created twice. Do not change it.",
        "options": [],
        "formField": False,
        "hasUniqueValue": is_unique,
    }


def differences(wanted: Mapping[str, Any], held: Mapping[str, Any]) -> Json:
    """What of a property has to be changed: only texts, group and options can be."""
    changed = {name: wanted[name] for name in ("label", "description", "groupName") if (held.get(name) or "") != wanted[name]}
    if wanted["type"] == "enumeration" and _plain(wanted["options"]) != _plain(held.get("options") or []):
        changed["options"] = wanted["options"]  # a change of options replaces the whole list
    return changed


def to_wire(text: str | None) -> str:
    """A canonical value in HubSpot's form: dates, moments, numbers and flags are the same text there, and "" empties a property."""
    return "" if text is None else text


def _options(field: Field) -> list[Json]:
    pairs = [("true", "Yes"), ("false", "No")] if field.kind is Kind.FLAG else [(option.value, option.label) for option in field.options]
    return [{"value": value, "label": label, "displayOrder": place, "hidden": False} for place, (value, label) in enumerate(pairs)]


def _plain(options: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [(str(option["value"]), str(option["label"])) for option in options]
