"""The components of an org: checked, kept, told and taken away. Everything that changes metadata comes through here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.metadata.component import FIELD, PERMISSIONS, VIEW, Component, Problem
from sandbox.salesforce.metadata.custom_fields import check_field, kinds_of, make_field
from sandbox.salesforce.metadata.list_views import check_list_view, keep_list_view
from sandbox.salesforce.metadata.permission_sets import (
    VERBS,
    check_permission_set,
    drop_permission_set,
    find_permission_set,
    keep_permission_set,
)
from sandbox.salesforce.metadata.tree import Tree, branches, flag, one, texts
from sandbox.salesforce.schema import Child, Schema

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org
    from sandbox.salesforce.records import Record

_DEFAULTS = {"externalId": "false", "required": "false", "unique": "false", "trackTrending": "false"}
_WITHOUT_REQUIRED = frozenset({"LongTextArea", "Html", "Checkbox"})
_WITH_KEYS = frozenset({"Text", "Number", "Email"})


class Plan:
    """A schema that changes as components are tried, so that a whole archive is checked before any of it is done."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.schema = Schema(replace(kind, fields=dict(kind.fields)) for kind in catalogue.org.schema)
        self._gone: set[tuple[str, str]] = set()

    def try_save(self, component: Component) -> list[Problem]:
        """The problems of a component that is to be made or changed; without any, later ones may build on it."""
        problems = list(self._catalogue.check(component, self.schema))
        if component.type == FIELD and not any(not found.is_warning for found in problems):
            for kind in kinds_of(self.schema, component.object):
                kind.fields[component.own_name.lower()] = make_field(component, kind.field(component.own_name))
        if not problems:
            self._gone.discard(component.key)
        return problems

    def try_drop(self, component: Component) -> list[Problem]:
        """The problems of a component that is to be deleted: that there is none is a warning."""
        if component.key in self._gone or self._catalogue.find(component.type, component.full_name) is None:
            return [
                Problem("INVALID_CROSS_REFERENCE_KEY", f"No {component.type} named: {component.full_name} found", is_warning=True),
            ]
        self._gone.add(component.key)
        if component.type == FIELD:
            for kind in kinds_of(self.schema, component.object):
                kind.fields.pop(component.own_name.lower(), None)
        return []


class Catalogue:
    """All components of one org that the Metadata API tells: custom fields, permission sets and list views."""

    def __init__(self, org: Org) -> None:
        self.org = org
        self._held: dict[tuple[str, str], Component] = {}
        self._numbers = {FIELD: 0}

    @classmethod
    def of(cls, org: Org) -> Catalogue:
        """The components of an org."""
        found: Catalogue | None = org.beside.get(cls)
        if found is None:
            found = org.beside[cls] = cls(org)
        return found

    def find(self, type_name: str, full_name: str) -> Component | None:
        """The component of that name, whatever its case. A permission set may also have been made as a record."""
        if type_name == PERMISSIONS:
            record = find_permission_set(self.org, full_name)
            return self._of_record(record) if record is not None else None
        return self._held.get((type_name, full_name.lower()))

    def all(self, type_name: str) -> list[Component]:
        """All components of a type, by name."""
        if type_name == PERMISSIONS:
            records = [one for one in self.org.store("PermissionSet") if not one.is_deleted and not one.values.get("IsOwnedByProfile")]
            found = [self._of_record(record) for record in records]
        else:
            found = [component for component in self._held.values() if component.type == type_name]
        return sorted(found, key=lambda component: component.full_name.lower())

    def check(self, component: Component, schema: Schema | None = None) -> Iterator[Problem]:
        """What is wrong with a component that is to be made or changed, in an org of that schema (none: as it is)."""
        schema = schema or self.org.schema
        if component.type == FIELD:
            kinds = kinds_of(schema, component.object)
            held = kinds[0].field(component.own_name) if kinds else None
            yield from check_field(schema, component, is_new=held is None)
        elif component.type == PERMISSIONS:
            yield from check_permission_set(schema, component)
        elif component.type == VIEW:
            yield from check_list_view(schema, component)
        else:
            yield Problem("INVALID_TYPE", f"The sandbox keeps no components of type {component.type}")

    def save(self, user_id: str, component: Component) -> tuple[bool, bool]:
        """Keep a checked component; whether it was made new, and whether anything changed."""
        held = self.find(component.type, component.full_name)
        if held is not None and same_content(held, component):
            component.id = held.id
            return False, False
        now = self.org.now_ms()
        if held is not None:
            component.full_name = held.full_name
        component.created_ms = held.created_ms if held is not None else now
        component.created_by = held.created_by if held is not None else user_id
        component.modified_ms, component.modified_by = now, user_id
        if component.type == PERMISSIONS:
            component.id = keep_permission_set(self.org, user_id, component)
            return held is None, True
        if component.type == VIEW:
            component.id = keep_list_view(self.org, user_id, component, held.id if held is not None else "")
        else:
            self._keep_field(component, held)
        self._held[component.key] = component
        return held is None, True

    def drop(self, component: Component) -> None:
        """Take a component away. The values of a field go with it, and its place in permission sets and list views."""
        if component.type == PERMISSIONS:
            drop_permission_set(self.org, component.id)
            return
        del self._held[component.key]
        if component.type == VIEW:
            views = self.org.store("ListView")
            views.remove(views.rows[component.id])
            return
        self._forget_children(component)
        self.org.remove_field(component.object, component.own_name)
        names = {component.object.lower()} if component.object.lower() != "activity" else {"task", "event"}
        for view in [held for held in self._held.values() if held.type == VIEW and held.object.lower() in names]:
            _forget_column(view.values, component.own_name)

    def read(self, component: Component) -> Tree:
        """The elements of a component as ``readMetadata`` tells them: the full name first, then by name."""
        if component.type == PERMISSIONS:
            return {"fullName": [component.full_name], **component.values}
        values = dict(component.values)
        values.pop("fullName", None)
        if component.type == FIELD:
            told = one(values, "type")
            for name, default in _DEFAULTS.items():
                if (name == "required" and told in _WITHOUT_REQUIRED) or (name in {"externalId", "unique"} and told not in _WITH_KEYS):
                    continue
                values.setdefault(name, [default])
        return {"fullName": [component.full_name], **{name: values[name] for name in sorted(values)}}

    def _keep_field(self, component: Component, held: Component | None) -> None:
        kinds = kinds_of(self.org.schema, component.object)
        existing = kinds[0].field(component.own_name)
        made = make_field(component, existing)
        if existing is not None and existing.type != made.type:
            # Values of one type are none of another.
            for kind in kinds:
                store = self.org.store(kind.name)
                for record in store:
                    if record.values.get(made.name) is not None:
                        store.change(record, {made.name: None})
        self.org.add_field(component.object, made)
        self._forget_children(component)
        label = one(component.values, "relationshipName")
        for target in made.reference_to:
            self.org.kind(target).children += [Child(kind.name, made.name, f"{label}__r" if label else None) for kind in kinds]
        if held is None:
            self._numbers[FIELD] += 1
            component.id = make_id("00N", self._numbers[FIELD])
        else:
            component.id = held.id

    def _forget_children(self, component: Component) -> None:
        """Let no object know any more that records of another point to it through this field."""
        names, low = {kind.name for kind in kinds_of(self.org.schema, component.object)}, component.own_name.lower()
        for parent in self.org.schema:
            if any(child.object in names and child.field.lower() == low for child in parent.children):
                parent.children = [child for child in parent.children if child.object not in names or child.field.lower() != low]

    def _of_record(self, record: Record) -> Component:
        values: Tree = {}
        for name, field in (("label", "Label"), ("description", "Description")):
            if record.values.get(field):
                values[name] = [record.values[field]]
        values["hasActivationRequired"] = ["false"]
        store = self.org.store("FieldPermissions")
        granted = sorted((str(entry.values["Field"]), entry) for entry in store.children("ParentId", record.id) if not entry.is_deleted)
        values["fieldPermissions"] = [
            {
                "editable": [_word(entry.values.get("PermissionsEdit"))],
                "field": [path],
                "readable": [_word(entry.values.get("PermissionsRead"))],
            }
            for path, entry in granted
        ]
        allowed = sorted(
            (str(entry.values["SobjectType"]), entry)
            for entry in self.org.store("ObjectPermissions").children("ParentId", record.id)
            if not entry.is_deleted
        )
        values["objectPermissions"] = [
            {**{verb: [_word(entry.values.get(field))] for verb, (_, field, _) in sorted(VERBS.items())}, "object": [name]}
            for name, entry in allowed
        ]
        values["userPermissions"] = [
            {"enabled": ["true"], "name": [name.removeprefix("Permissions")]}
            for name in sorted(record.values)
            if name.startswith("Permissions") and record.values.get(name) is True
        ]
        return Component(
            PERMISSIONS,
            str(record.values["Name"]),
            {name: values[name] for name in sorted(values) if values[name]},
            record.id,
            record.values.get("CreatedDate", 0),
            record.values.get("LastModifiedDate", 0),
            record.values.get("CreatedById", ""),
            record.values.get("LastModifiedById", ""),
        )


def same_content(held: Component, given: Component) -> bool:
    """Whether a definition says nothing that the org does not have already."""
    return _content(held) == _content(given)


def _content(component: Component) -> object:
    values = component.values
    if component.type != PERMISSIONS:
        told = {**{name: [text] for name, text in _DEFAULTS.items()}, **values} if component.type == FIELD else dict(values)
        told.pop("fullName", None)
        return told
    fields: dict[str, tuple[bool, bool]] = {}
    for entry in branches(values, "fieldPermissions"):
        name, _, field = one(entry, "field").partition(".")
        can_edit = flag(entry, "editable")
        # Tasks and events share what is granted.
        for shared in ("Task", "Event") if name.lower() in {"task", "event"} else (name,):
            if can_edit or flag(entry, "readable"):
                fields[f"{shared}.{field}".lower()] = (True, can_edit)
    objects = {one(entry, "object").lower(): tuple(flag(entry, verb) for verb in VERBS) for entry in branches(values, "objectPermissions")}
    users = {one(entry, "name").lower() for entry in branches(values, "userPermissions") if flag(entry, "enabled")}
    return one(values, "label"), one(values, "description"), fields, objects, users


def _forget_column(values: Tree, name: str) -> None:
    low = name.lower()
    values["columns"] = [column for column in texts(values, "columns") if column.rpartition(".")[2].lower() != low]
    values["filters"] = [entry for entry in branches(values, "filters") if one(entry, "field").rpartition(".")[2].lower() != low]
    if not values["filters"]:
        values.pop("booleanFilter", None)


def _word(value: object) -> str:
    return "true" if value else "false"
