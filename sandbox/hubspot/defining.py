"""Property definitions and groups through the API."""

from __future__ import annotations

import re
from typing import Any

from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.batches import error_item, finish
from sandbox.hubspot.errors import ApiError, bad_request, failure, malformed, not_found
from sandbox.hubspot.object_types import ObjectType, object_type
from sandbox.hubspot.schema import Definition, PropertyGroup
from sandbox.hubspot.values import iso_ms

TYPES = {
    "string": {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
    "number": {"number", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date", "calculation_equation"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
    "bool": {"booleancheckbox", "calculation_equation"},
    "phone_number": {"phonenumber"},
}
NAME = re.compile(r"^[a-z][a-z0-9_]{0,99}$")
UNIQUE_LIMIT = 10
PASSED_ON = ("calculationFormula", "numberDisplayHint", "textDisplayHint", "showCurrencySymbol", "currencyPropertyName")


def _reads(asked: Asked) -> ObjectType:
    kind = object_type(asked.parts["type"])
    asked.need(f"crm.schemas.{kind.schema}.read", f"crm.schemas.{kind.name}.read", *kind.read)
    return kind


def _writes(asked: Asked) -> ObjectType:
    kind = object_type(asked.parts["type"])
    asked.need(f"crm.schemas.{kind.schema}.write", f"crm.schemas.{kind.name}.write", *(("tickets",) if kind.name == "tickets" else ()))
    return kind


def shown(definition: Definition) -> dict[str, Any]:
    """A definition as the API shows it. Custom ones have no ``hubspotDefined``; built-in ones were made before anybody kept dates."""
    made: dict[str, Any] = {}
    if definition.updated_ms is not None and definition.created_ms is not None:
        made["updatedAt"] = iso_ms(definition.updated_ms)
        made["createdAt"] = iso_ms(definition.created_ms)
    if definition.archived_ms is not None:
        made["archivedAt"] = iso_ms(definition.archived_ms)
    made |= {
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "fieldType": definition.field_type,
        "description": definition.description,
        "groupName": definition.group,
        "options": [dict(option) for option in definition.options],
        "displayOrder": definition.display_order,
        "calculated": definition.calculated,
        "externalOptions": definition.external_options,
        "archived": definition.archived_ms is not None,
        "hasUniqueValue": definition.has_unique_value,
        "hidden": definition.hidden,
    }
    if definition.referenced_object_type:
        made["referencedObjectType"] = definition.referenced_object_type
    if definition.is_built_in:
        made["hubspotDefined"] = True
    elif definition.user_id:
        made["createdUserId"] = made["updatedUserId"] = definition.user_id
    made["modificationMetadata"] = {
        "archivable": not definition.is_built_in,
        "readOnlyDefinition": definition.is_built_in,
        "readOnlyValue": definition.is_read_only,
    }
    if definition.type == "enumeration":
        made["modificationMetadata"]["readOnlyOptions"] = definition.is_built_in
    made["formField"] = definition.form_field
    made["dataSensitivity"] = "non_sensitive"
    return made | definition.extra


def list_properties(asked: Asked) -> Answer:
    """GET all definitions of an object type."""
    kind = _reads(asked)
    if (asked.one("dataSensitivity") or "non_sensitive") != "non_sensitive":
        return Answer(200, {"results": []})
    found = asked.portal.schemas[kind.name].listed(asked.portal.clock.elapsed(), archived=asked.flag("archived"))
    return Answer(200, {"results": [shown(definition) for definition in found]}, records_out=len(found))


def read_property(asked: Asked) -> Answer:
    """GET one definition; an archived one only with ``archived=true``."""
    return Answer(200, shown(_one(asked, _reads(asked), asked.parts["name"], archived=asked.flag("archived"))), records_out=1)


def _one(asked: Asked, kind: ObjectType, name: str, *, archived: bool = False) -> Definition:
    schema = asked.portal.schemas[kind.name]
    found = schema.active(name, asked.portal.clock.elapsed())
    if archived:
        found = schema.all.get(name)
        found = found if found is not None and found.archived_ms is not None else None
    if found is None:
        raise not_found()
    return found


def create_property(asked: Asked) -> Answer:
    """POST a definition; 201 with its address."""
    kind = _writes(asked)
    definition = _create(asked, kind, asked.json())
    location = f"https://api.hubapi.com/crm/v3/properties/{kind.type_id}/{definition.name}"
    return Answer(201, shown(definition), {"Location": location}, records_in=1, records_out=1)


def _create(asked: Asked, kind: ObjectType, given: dict[str, Any]) -> Definition:
    portal, schema = asked.portal, asked.portal.schemas[kind.name]
    absent = [name for name in ("name", "label", "type", "fieldType", "groupName") if not isinstance(given.get(name), str)]
    if absent:
        raise malformed(f"Some required fields were not set: {absent}")
    name, now = given["name"], portal.clock.now_ms()
    known = schema.all.get(name)
    if known is not None and known.archived_ms is None:
        raise failure(
            409,
            f"A property named '{name}' already exists.",
            "OBJECT_ALREADY_EXISTS",
            sub_category="Properties.PROPERTY_WITH_NAME_EXISTS",
            context={"name": [name]},
        )
    definition = _checked(asked, kind, given)
    if known is not None:
        # Making a property of an archived name brings that one back.
        definition.created_ms = known.created_ms
    elif schema.custom_count() >= portal.options.custom_property_limit:
        raise bad_request(f"The limit of {portal.options.custom_property_limit} custom properties for {kind.name} is reached.")
    definition.created_ms = definition.created_ms or now
    definition.updated_ms = now
    definition.visible_at = portal.clock.elapsed() + portal.random.uniform(*portal.options.property_delay)
    schema.all[name] = definition
    return definition


def _checked(asked: Asked, kind: ObjectType, given: dict[str, Any]) -> Definition:
    schema, options = asked.portal.schemas[kind.name], asked.portal.options
    name, wanted, field_type = given["name"], given["type"], given["fieldType"]
    if not NAME.match(name) or name.startswith("hs_"):
        raise bad_request(f"Property name {name!r} is not valid: lower-case letters, digits and underscores, not starting with hs_.")
    if wanted not in TYPES:
        raise malformed(f"type must be one of {sorted(TYPES)} but was {wanted}")
    if field_type not in set().union(*TYPES.values()):
        raise malformed(f"fieldType {field_type} is not known")
    if field_type not in TYPES[wanted]:
        raise bad_request(f"fieldType {field_type} does not fit type {wanted}")
    group = schema.groups.get(given["groupName"])
    if group is None or group.archived:
        raise bad_request(f"Property group {given['groupName']} does not exist.", context={"groupName": [given["groupName"]]})
    is_unique = bool(given.get("hasUniqueValue"))
    if is_unique and kind.name == "tasks" and not options.task_unique_property:
        raise bad_request("Unique properties are not supported for TASK.", context={"propertyName": [name]})
    if is_unique and sum(not schema.all[n].is_built_in for n in schema.unique_names()) >= UNIQUE_LIMIT:
        raise bad_request(f"The limit of {UNIQUE_LIMIT} unique properties for {kind.name} is reached.")
    is_enumeration = wanted == "enumeration"
    if is_enumeration and not given.get("options") and not given.get("externalOptions"):
        raise bad_request("Enumeration properties must have at least one option.")
    return Definition(
        name=name,
        label=given["label"],
        type=wanted,
        field_type=field_type,
        group=given["groupName"],
        description=str(given.get("description") or ""),
        options=_options(given.get("options")) if is_enumeration else _yes_or_no(given) if wanted == "bool" else [],
        display_order=int(given.get("displayOrder", -1)),
        has_unique_value=is_unique,
        hidden=bool(given.get("hidden")),
        form_field=bool(given.get("formField")),
        external_options=bool(given.get("externalOptions")),
        referenced_object_type=given.get("referencedObjectType"),
        is_read_only=field_type == "calculation_equation",
        calculated=field_type == "calculation_equation",
        is_built_in=False,
        user_id=str(options.user_id),
        extra={key: given[key] for key in PASSED_ON if given.get(key) is not None},
    )


def _yes_or_no(given: dict[str, Any]) -> list[dict[str, Any]]:
    return _options(given.get("options") or [{"label": "True", "value": "true"}, {"label": "False", "value": "false"}])


def _options(given: Any) -> list[dict[str, Any]]:
    if not isinstance(given, list):
        raise malformed("options must be a list")
    made: list[dict[str, Any]] = []
    for order, item in enumerate(given):
        if not isinstance(item, dict) or not isinstance(item.get("label"), str) or not isinstance(item.get("value"), str):
            raise malformed("an option needs a label and a value")
        option = {"label": item["label"], "value": item["value"], "displayOrder": int(item.get("displayOrder", order))}
        option["hidden"] = bool(item.get("hidden"))
        if item.get("description"):
            option["description"] = item["description"]
        made.append(option)
    for key in ("value", "label"):
        seen = [option[key] for option in made]
        doubles = sorted({text for text in seen if seen.count(text) > 1})
        if doubles:
            raise bad_request(f"Property option {key}s must be unique: {doubles}")
    return made


def update_property(asked: Asked) -> Answer:
    """PATCH a definition. ``options`` replaces the whole list; name and uniqueness cannot be changed."""
    kind = _writes(asked)
    definition = _one(asked, kind, asked.parts["name"])
    if definition.is_built_in:
        raise bad_request(f"Property {definition.name} is read only and cannot be changed.")
    given = asked.json()
    groups = asked.portal.schemas[kind.name].groups
    if "groupName" in given and (given["groupName"] not in groups or groups[given["groupName"]].archived):
        raise bad_request(f"Property group {given['groupName']} does not exist.")
    if given.get("type", definition.type) not in TYPES:
        raise malformed(f"type {given['type']} is not known")
    for key, name in _CHANGEABLE.items():
        if key in given:
            setattr(definition, name, given[key])
    if "options" in given:
        definition.options = _options(given["options"])
    definition.updated_ms = asked.portal.clock.now_ms()
    return Answer(200, shown(definition), records_in=1, records_out=1)


_CHANGEABLE = {
    "label": "label",
    "description": "description",
    "groupName": "group",
    "type": "type",
    "fieldType": "field_type",
    "displayOrder": "display_order",
    "hidden": "hidden",
    "formField": "form_field",
}


def archive_property(asked: Asked) -> Answer:
    """DELETE a definition; 204, and 404 where there is none."""
    kind = _writes(asked)
    definition = _one(asked, kind, asked.parts["name"])
    if definition.is_built_in:
        raise failure(
            400,
            f"Property {definition.name} is built in and cannot be archived.",
            "VALIDATION_ERROR",
            sub_category="PropertyValidationError.CANNOT_DELETE_PROPERTY_IN_USE",
        )
    definition.archived_ms = asked.portal.clock.now_ms()
    return Answer(204, records_in=1)


def read_properties(asked: Asked) -> Answer:
    """POST properties/batch/read."""
    kind = _reads(asked)
    items = asked.inputs(100)
    archived = bool(asked.json().get("archived"))
    results, errors = [], []
    for item in items:
        name = str(item.get("name"))
        try:
            results.append(shown(_one(asked, kind, name, archived=archived)))
        except ApiError as error:
            error.body["context"] = {"name": [name]}
            errors.append(error_item(asked, error))
    return finish(asked, 200, results, errors, records_in=len(items))


def create_properties(asked: Asked) -> Answer:
    """POST properties/batch/create: 201 (200 by the 2026-09 path), or 207."""
    kind = _writes(asked)
    items = asked.inputs(100)
    results, errors = [], []
    for item in items:
        try:
            results.append(shown(_create(asked, kind, item)))
        except ApiError as error:
            error.body.setdefault("context", {"name": [str(item.get("name"))]})
            errors.append(error_item(asked, error))
    return finish(asked, 200 if asked.version == "2026-09" else 201, results, errors, records_in=len(items))


def archive_properties(asked: Asked) -> Answer:
    """POST properties/batch/archive: 204 whatever the state."""
    kind = _writes(asked)
    items = asked.inputs(100)
    schema = asked.portal.schemas[kind.name]
    for item in items:
        definition = schema.all.get(str(item.get("name")))
        if definition is not None and not definition.is_built_in and definition.archived_ms is None:
            definition.archived_ms = asked.portal.clock.now_ms()
    return Answer(204, records_in=len(items))


def _shown_group(group: PropertyGroup) -> dict[str, Any]:
    return {"name": group.name, "label": group.label, "displayOrder": group.display_order, "archived": group.archived}


def list_groups(asked: Asked) -> Answer:
    """GET the groups of an object type."""
    groups = asked.portal.schemas[_reads(asked).name].groups.values()
    return Answer(200, {"results": [_shown_group(group) for group in groups if not group.archived]})


def _group(asked: Asked, kind: ObjectType) -> PropertyGroup:
    group = asked.portal.schemas[kind.name].groups.get(asked.parts["name"])
    if group is None or group.archived:
        raise not_found()
    return group


def read_group(asked: Asked) -> Answer:
    """GET one group."""
    return Answer(200, _shown_group(_group(asked, _reads(asked))))


def create_group(asked: Asked) -> Answer:
    """POST a group; 201, and 409 where one of that name is."""
    kind = _writes(asked)
    given = asked.json()
    name, label = given.get("name"), given.get("label")
    if not isinstance(name, str) or not isinstance(label, str):
        raise malformed("Some required fields were not set: [name, label]")
    if not NAME.match(name):
        raise bad_request(f"Property group name {name!r} is not valid.")
    groups = asked.portal.schemas[kind.name].groups
    if name in groups and not groups[name].archived:
        raise failure(
            409,
            f"A property group named '{name}' already exists.",
            "OBJECT_ALREADY_EXISTS",
            sub_category="PropertyGroupError.GROUP_WITH_NAME_EXISTS",
        )
    groups[name] = PropertyGroup(name, label, int(given.get("displayOrder", -1)))
    location = f"https://api.hubapi.com/crm/v3/properties/{kind.type_id}/groups/{name}"
    return Answer(201, _shown_group(groups[name]), {"Location": location}, records_in=1)


def update_group(asked: Asked) -> Answer:
    """PATCH a group's label or place."""
    group = _group(asked, _writes(asked))
    given = asked.json()
    group.label = str(given.get("label", group.label))
    group.display_order = int(given.get("displayOrder", group.display_order))
    return Answer(200, _shown_group(group), records_in=1)


def archive_group(asked: Asked) -> Answer:
    """DELETE a group; 400 while active properties stand under it."""
    kind = _writes(asked)
    group = _group(asked, kind)
    inside = [d.name for d in asked.portal.schemas[kind.name].all.values() if d.group == group.name and d.archived_ms is None]
    if inside:
        raise failure(
            400,
            f"Group {group.name} cannot be deleted because it has active properties: {inside}",
            "VALIDATION_ERROR",
            sub_category="PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES",
            context={"properties": inside},
        )
    group.archived = True
    return Answer(204, records_in=1)
