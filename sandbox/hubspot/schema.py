"""Property definitions: the built-in ones as data, and those that are created through the API."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from sandbox.hubspot.object_types import TYPES, ObjectType


@dataclass
class Definition:
    """One property definition. ``visible_at`` is the sandbox time (elapsed seconds) from which the API shows it."""

    name: str
    label: str
    type: str
    field_type: str
    group: str
    description: str = ""
    options: list[dict[str, Any]] = field(default_factory=list)
    display_order: int = -1
    has_unique_value: bool = False
    hidden: bool = False
    form_field: bool = False
    calculated: bool = False
    external_options: bool = False
    referenced_object_type: str | None = None
    is_read_only: bool = False
    is_built_in: bool = True
    max_length: int = 65_536
    created_ms: int | None = None
    updated_ms: int | None = None
    archived_ms: int | None = None
    user_id: str | None = None
    visible_at: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def is_multiple(self) -> bool:
        """Whether a value may be several options, parted by semicolons."""
        return self.type == "enumeration" and self.field_type == "checkbox"

    def allowed(self) -> frozenset[str]:
        """The values of its options."""
        return frozenset(str(option["value"]) for option in self.options)


@dataclass
class PropertyGroup:
    """A heading under which definitions stand."""

    name: str
    label: str
    display_order: int = -1
    archived: bool = False


class Schema:
    """The definitions and groups of one object type, active and archived."""

    def __init__(self, object_type: ObjectType, definitions: dict[str, Definition], groups: dict[str, PropertyGroup]) -> None:
        self.object_type = object_type
        self.all = definitions
        self.groups = groups

    def active(self, name: str, elapsed: float) -> Definition | None:
        """The definition of that name, if it is neither archived nor still on its way into view."""
        found = self.all.get(name)
        if found is None or found.archived_ms is not None or found.visible_at > elapsed:
            return None
        return found

    def listed(self, elapsed: float, *, archived: bool = False) -> list[Definition]:
        """The active definitions, or the archived ones."""
        if archived:
            return [d for d in self.all.values() if d.archived_ms is not None]
        return [d for d in self.all.values() if d.archived_ms is None and d.visible_at <= elapsed]

    def custom_count(self) -> int:
        """How many active definitions are not built in."""
        return sum(1 for d in self.all.values() if not d.is_built_in and d.archived_ms is None)

    def unique_names(self) -> list[str]:
        """Names of the active properties whose values are unique."""
        return [d.name for d in self.all.values() if d.has_unique_value and d.archived_ms is None]


@cache
def _tables() -> dict[str, dict[str, str]]:
    text = files("sandbox.hubspot").joinpath("builtin.toml").read_text(encoding="utf-8")
    tables: dict[str, dict[str, str]] = tomllib.loads(text)
    return tables


def built_in_schema(object_type: ObjectType) -> Schema:
    """A fresh schema with the built-in definitions of ``object_type``."""
    tables = _tables()
    groups = {}
    for order, item in enumerate(tables["groups"][object_type.name].split(",")):
        name, label = item.split("=")
        groups[name] = PropertyGroup(name, label, order)
    first = next(iter(groups))
    rows: dict[str, str] = dict(tables["shared"])
    if object_type.is_activity:
        rows.update(tables["activity"])
    rows.update(tables[object_type.name])
    return Schema(object_type, {name: _definition(name, line, first) for name, line in rows.items()}, groups)


def _definition(name: str, line: str, first_group: str) -> Definition:
    label, types, group, flags, options = (part.strip() for part in line.split("|"))
    kind, field_type = types.split("/")
    marks = flags.split()
    longest = next((int(mark.removeprefix("max")) for mark in marks if mark.startswith("max")), 65_536)
    return Definition(
        name=name,
        label=label,
        type=kind,
        field_type=field_type,
        group=first_group if group == "*" else group,
        description=f"{label}.",
        options=_options(options) or (_options("true=True,false=False") if kind == "bool" else []),
        has_unique_value="unique" in marks,
        hidden="hidden" in marks,
        form_field="ro" not in marks and kind in {"string", "enumeration", "number"},
        calculated="calc" in marks,
        external_options="ext" in marks,
        referenced_object_type="OWNER" if "owner" in marks else None,
        is_read_only="ro" in marks,
        max_length=longest,
    )


def _options(text: str) -> list[dict[str, Any]]:
    made = []
    for order, item in enumerate(part for part in text.split(",") if part):
        value, _, label = item.partition("=")
        made.append({"label": label or value.replace("_", " ").capitalize(), "value": value, "displayOrder": order, "hidden": False})
    return made


def built_in_schemas() -> dict[str, Schema]:
    """Fresh schemas of all object types, by plural name."""
    return {object_type.name: built_in_schema(object_type) for object_type in TYPES}
