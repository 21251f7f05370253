"""What the Tooling API's queries read: an org's definitions as records, made anew for each query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.salesforce.access import Access
from sandbox.salesforce.metadata.catalogue import Catalogue
from sandbox.salesforce.metadata.component import FIELD, Component
from sandbox.salesforce.metadata.tooling_json import to_json
from sandbox.salesforce.metadata.tree import number, one
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Store
from sandbox.salesforce.schema import Field, ObjectType, Schema

WHOLE = ("FullName", "Metadata")
"""Fields of CustomField that may be read of one record only."""
SHARED = ("PermissionSet", "PermissionSetAssignment", "FieldPermissions", "ObjectPermissions", "ListView", "User", "Profile")
"""Objects that both APIs have."""

SHORT = 255
"""Characters of the longest text area that is no long one."""

_DATA_TYPES = {
    "string": "Text({length})",
    "textarea": "Text Area({length})",
    "double": "Number({whole}, {scale})",
    "int": "Number({whole}, 0)",
    "currency": "Currency({whole}, {scale})",
    "percent": "Percent({whole}, {scale})",
    "boolean": "Checkbox",
    "date": "Date",
    "datetime": "Date/Time",
    "time": "Time",
    "email": "Email",
    "phone": "Phone",
    "url": "URL({length})",
    "picklist": "Picklist",
    "multipicklist": "Picklist (Multi-Select)",
    "reference": "Lookup({target})",
    "id": "Lookup()",
    "address": "Address",
}
"""How FieldDefinition words a type."""


class _OpenAccess(Access):
    """Who may use the Tooling API sees all definitions."""

    def sees_field(self, user_id: str, kind: ObjectType, field: Field) -> bool:  # noqa: ARG002 - everybody sees everything
        """Always."""
        return True

    def may(self, user_id: str, object_name: str, verb: str) -> bool:  # noqa: ARG002 - the same
        """Always."""
        return True


class ToolingView(Org):
    """An org whose records are the definitions of another one. It is only read.

    ``wanted`` is a query's text: records are made for the objects that it names.
    """

    def __init__(self, org: Org, wanted: str) -> None:
        # Not Org's own beginning: that would fill a new org with people.
        self.options, self.org, self.clock, self.lock, self.limits = org.options, org.org, org.clock, org.lock, org.limits
        shared = [org.kind(name) for name in SHARED]
        self.schema = Schema([*_kinds(), *shared])
        self.stores = {kind.name: org.stores[kind.name] if kind.name in SHARED else Store(kind) for kind in self.schema}
        self._prefixes = {kind.prefix: kind.name for kind in self.schema if kind.prefix}
        self.access = _OpenAccess(self)
        low = wanted.lower()
        for name, rows in _ROWS.items():
            if name.lower() in low:
                for record_id, values in rows(org):
                    self.stores[name].put(self.stores[name].make(record_id, values))

    def sweep(self) -> None:
        """Nothing ages here."""

    def object_of(self, record_id: str) -> str | None:
        """Standard entities are known by name, not by an id."""
        return "EntityDefinition" if record_id in self.stores["EntityDefinition"].rows else super().object_of(record_id)


def _field(name: str, kind: str = "string", length: int = 255, **more: Any) -> Field:
    return Field(name, name, kind, length=length, createable=False, updateable=False, **more)


def _entity() -> Field:
    # Text, for the standard objects are known here by name.
    return _field("EntityDefinitionId", reference_to=("EntityDefinition",), relationship="EntityDefinition")


def _person(name: str) -> Field:
    return _field(f"{name}Id", "reference", 18, reference_to=("User",), relationship=name)


def _kinds() -> Iterable[ObjectType]:
    flags = {"createable": False, "updateable": False, "deletable": False, "undeletable": False, "bulkable": False}
    texts = {
        "CustomField": ("DeveloperName", "NamespacePrefix", "TableEnumOrId", "Description", "InlineHelpText", "ManageableState"),
        "FieldDefinition": (
            "DurableId",
            "QualifiedApiName",
            "DeveloperName",
            "Label",
            "MasterLabel",
            "DataType",
            "Description",
            "RelationshipName",
        ),
        "EntityParticle": ("DurableId", "QualifiedApiName", "DeveloperName", "Label", "DataType", "InlineHelpText", "RelationshipName"),
        "EntityDefinition": ("DurableId", "QualifiedApiName", "DeveloperName", "Label", "PluralLabel", "KeyPrefix"),
    }
    numbers = {
        "CustomField": ("Length", "Precision", "Scale"),
        "FieldDefinition": ("Length", "Precision", "Scale"),
        "EntityParticle": ("Length", "Precision", "Scale", "Digits"),
    }
    switches = {
        "FieldDefinition": ("IsCalculated", "IsIndexed", "IsApiFilterable", "IsApiGroupable", "IsApiSortable", "IsFieldHistoryTracked"),
        "EntityParticle": (
            "IsApiFilterable", "IsApiSortable", "IsApiGroupable", "IsCalculated", "IsCaseSensitive", "IsCreatable", "IsDependentPicklist",
            "IsIdLookup", "IsNillable", "IsPermissionable", "IsUnique", "IsUpdatable", "IsNameField",
        ),
        "EntityDefinition": ("IsQueryable", "IsCustomizable", "IsDeprecatedAndHidden"),
    }  # fmt: skip
    for name, told in texts.items():
        fields = [_field("Id", "id", 18), *(_field(one_name) for one_name in told)]
        fields += [_field(one_name, "int", 0) for one_name in numbers.get(name, ())]
        fields += [_field(one_name, "boolean", 0, nillable=False) for one_name in switches.get(name, ())]
        if name != "EntityDefinition":
            fields.append(_entity())
        if name == "CustomField":
            whole = {"filterable": False, "sortable": False, "groupable": False}
            fields += [_field("FullName", "string", 255, **whole), _field("Metadata", "anyType", 0, **whole)]
            for author in ("CreatedBy", "LastModifiedBy"):
                fields += [_field(author.replace("By", "Date"), "datetime", 0), _person(author)]
        yield ObjectType.of(name, name, f"{name}s", "00N" if name == "CustomField" else None, fields, **flags)


def custom_field_values(org: Org, held: Component) -> dict[str, Any]:
    """The values of one custom field's record."""
    return {
        "Id": held.id,
        "DeveloperName": held.own_name.removesuffix("__c"),
        "TableEnumOrId": held.object,
        "EntityDefinitionId": held.object,
        "Description": one(held.values, "description") or None,
        "InlineHelpText": one(held.values, "inlineHelpText") or None,
        "ManageableState": "unmanaged",
        "Length": number(held.values, "length"),
        "Precision": number(held.values, "precision"),
        "Scale": number(held.values, "scale"),
        "FullName": held.full_name,
        "Metadata": metadata_of(org, held),
        "CreatedDate": held.created_ms,
        "CreatedById": held.created_by,
        "LastModifiedDate": held.modified_ms,
        "LastModifiedById": held.modified_by,
    }


def metadata_of(org: Org, held: Component) -> dict[str, Any]:
    """The field ``Metadata`` of a custom field."""
    return to_json({name: found for name, found in Catalogue.of(org).read(held).items() if name != "fullName"})


def _custom_fields(org: Org) -> Iterable[tuple[str, dict[str, Any]]]:
    return [(held.id, custom_field_values(org, held)) for held in Catalogue.of(org).all(FIELD)]


def _entities(org: Org) -> Iterable[tuple[str, dict[str, Any]]]:
    for kind in org.schema:
        yield (
            kind.name,
            {
                "DurableId": kind.name,
                "QualifiedApiName": kind.name,
                "DeveloperName": kind.name.removesuffix("__c"),
                "Label": kind.label,
                "PluralLabel": kind.plural,
                "KeyPrefix": kind.prefix,
                "IsQueryable": kind.queryable,
                "IsCustomizable": kind.updateable,
                "IsDeprecatedAndHidden": False,
            },
        )


def _field_definitions(org: Org) -> Iterable[tuple[str, dict[str, Any]]]:
    ids = {(kind, held.own_name.lower()): held.id for held in Catalogue.of(org).all(FIELD) for kind in _objects_of(held)}
    for kind in org.schema:
        for field in kind:
            own = ids.get((kind.name.lower(), field.name.lower()))
            data_type = _DATA_TYPES.get(field.type, field.type).format(
                length=field.length,
                whole=max(field.precision - field.scale, field.digits),
                scale=field.scale,
                target=",".join(field.reference_to),
            )
            durable = f"{kind.name}.{own or field.name}"
            values = {
                "DurableId": durable,
                "EntityDefinitionId": kind.name,
                "QualifiedApiName": field.name,
                "DeveloperName": field.name.removesuffix("__c").removesuffix("Id")
                if field.type == "reference"
                else field.name.removesuffix("__c"),
                "Label": field.label,
                "MasterLabel": field.label,
                "DataType": f"Long {data_type}" if field.type == "textarea" and field.length > SHORT else data_type,
                "Description": field.description,
                "InlineHelpText": field.help,
                "RelationshipName": field.relationship,
                "Length": field.length,
                "Precision": field.precision,
                "Scale": field.scale,
                "Digits": field.digits,
                "IsCalculated": field.calculated,
                "IsIndexed": field.external_id or field.unique or field.type in {"id", "reference"},
                "IsApiFilterable": field.filterable,
                "IsApiGroupable": field.groupable,
                "IsApiSortable": field.sortable,
                "IsFieldHistoryTracked": False,
                "IsCaseSensitive": field.case_sensitive,
                "IsCreatable": field.createable,
                "IsDependentPicklist": False,
                "IsIdLookup": field.id_lookup,
                "IsNillable": field.nillable,
                "IsPermissionable": field.permissionable,
                "IsUnique": field.unique,
                "IsUpdatable": field.updateable,
                "IsNameField": field.name_field,
            }
            yield durable, values


def _particles(org: Org) -> Iterable[tuple[str, dict[str, Any]]]:
    for record_id, values in _field_definitions(org):
        kind = org.kind(values["EntityDefinitionId"])
        field = kind.field(values["QualifiedApiName"])
        yield record_id, {**values, "DataType": field.type if field is not None else None}


def _objects_of(held: Component) -> tuple[str, ...]:
    return ("task", "event") if held.object.lower() == "activity" else (held.object.lower(),)


_ROWS = {
    "CustomField": _custom_fields,
    "EntityDefinition": _entities,
    "FieldDefinition": _field_definitions,
    "EntityParticle": _particles,
}
