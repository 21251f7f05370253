"""Custom fields: what Salesforce takes for each type, and the field of the schema that a definition makes.

Texts of refusals. Salesforce's own, as its users quote them: a missing or misplaced attribute (``Must specify 'length' for a CustomField of
type Text``, ``Can not specify 'required' for …``), an empty label, a name without ``__c``, a value that is not in an enumeration, a name
that is taken. Nobody could verify the texts about ranges (lengths, precision), about the number of custom fields and external ids of an
object, about doubled picklist values, and about a name that is too long; the rules themselves are Salesforce's published ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sandbox.salesforce.metadata.component import Component, Problem, unknown_elements
from sandbox.salesforce.metadata.tree import Tree, branches, flag, number, one, texts
from sandbox.salesforce.schema import Field, ObjectType, Pick, Schema

NAME_LIMIT, LABEL_LIMIT, HELP_LIMIT, DESCRIPTION_LIMIT = 40, 40, 510, 1000
EXTERNAL_IDS = 25
"""External ids that an object may have."""
CUSTOM_FIELDS = 500
"""Custom fields that an object may have in the Enterprise Edition."""
FEW_CUSTOM_FIELDS = {"EmailMessage": 50}
PICKS, PICK_LENGTH = 1000, 255
ACTIVITY = ("Task", "Event")
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*__c")
_INTEGRITY = "FIELD_INTEGRITY_EXCEPTION"


@dataclass(frozen=True)
class Shape:
    """What a type of the Metadata API needs and takes, and what it becomes.

    ``becomes`` is describe's word for it; ``needs`` attributes must be given, ``takes`` may be; ``lengths`` and ``lines`` are the ranges of
    length and visibleLines; ``length`` is the fixed one.
    """

    becomes: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    length: int = 0
    lengths: tuple[int, int] = (0, 0)
    lines: tuple[int, int] = (0, 0)
    flags: Mapping[str, bool] = field(default_factory=dict)


_PLAIN = ("required", "defaultValue")
_KEYS = ("externalId", "unique")
_LONG = {"filterable": False, "sortable": False, "groupable": False}
_NUMERIC = {"groupable": False}
SHAPES: Mapping[str, Shape] = {
    "Text": Shape("string", ("length",), (*_PLAIN, *_KEYS, "caseSensitive"), lengths=(1, 255)),
    "TextArea": Shape("textarea", (), _PLAIN, length=255, flags={"filterable": False, "sortable": True, "groupable": False}),
    "LongTextArea": Shape("textarea", ("length", "visibleLines"), ("defaultValue",), lengths=(256, 131_072), lines=(2, 50), flags=_LONG),
    "Html": Shape("textarea", ("length", "visibleLines"), (), lengths=(256, 131_072), lines=(10, 50), flags={**_LONG, "html": True}),
    "Number": Shape("double", ("precision", "scale"), (*_PLAIN, *_KEYS), flags=_NUMERIC),
    "Percent": Shape("percent", ("precision", "scale"), _PLAIN, flags=_NUMERIC),
    "Currency": Shape("currency", ("precision", "scale"), _PLAIN, flags=_NUMERIC),
    "Checkbox": Shape("boolean", ("defaultValue",), flags={"nillable": False, "defaulted": True}),
    "Date": Shape("date", (), _PLAIN),
    "DateTime": Shape("datetime", (), _PLAIN, flags=_NUMERIC),
    "Time": Shape("time", (), _PLAIN),
    "Email": Shape("email", (), (*_PLAIN, *_KEYS), length=80),
    "Phone": Shape("phone", (), _PLAIN, length=40),
    "Url": Shape("url", (), _PLAIN, length=255),
    "Picklist": Shape("picklist", ("valueSet",), ("required",), length=255),
    "MultiselectPicklist": Shape("multipicklist", ("valueSet", "visibleLines"), ("required",), length=4099, lines=(3, 10), flags=_LONG),
    "Lookup": Shape(
        "reference", ("referenceTo",), ("required", "relationshipName", "relationshipLabel", "deleteConstraint", "lookupFilter"), length=18
    ),
}
"""The types that the sandbox makes. The others of the Metadata API are refused by name."""

OTHERS = frozenset(
    [
        "AutoNumber",
        "MasterDetail",
        "EncryptedText",
        "Summary",
        "Hierarchy",
        "File",
        "MetadataRelationship",
        "Location",
        "ExternalLookup",
        "IndirectLookup",
        "CustomDataType",
        "Address",
        "Array",
    ]
)
_ATTRIBUTES = [
    "length",
    "precision",
    "scale",
    "visibleLines",
    "valueSet",
    "referenceTo",
    "relationshipName",
    "relationshipLabel",
    "deleteConstraint",
    "lookupFilter",
    "externalId",
    "unique",
    "caseSensitive",
    "required",
    "defaultValue",
]


def kinds_of(schema: Schema, object_name: str) -> list[ObjectType]:
    """The objects on which a field of that object stands: Task and Event for Activity; none where there is no such object."""
    names = ACTIVITY if object_name.lower() == "activity" else (object_name,)
    return [kind for kind in (schema.object(name) for name in names) if kind is not None]


def check_field(schema: Schema, component: Component, *, is_new: bool) -> Iterator[Problem]:
    """Everything that is wrong with a definition; a warning is no reason to refuse it. ``is_new``: no such field exists yet."""
    values = component.values
    yield from unknown_elements(component.type, values)
    kinds = kinds_of(schema, component.object)
    if not kinds or component.object.lower() in {"task", "event"}:
        # Fields of tasks and events are defined on Activity.
        yield Problem(
            "INVALID_TYPE", f"Entity Enumeration Or ID: bad value for restricted picklist field: {component.object or component.full_name}"
        )
        return
    yield from _name_problems(component)
    yield from _text_problems(values)
    shape = SHAPES.get(one(values, "type"))
    if shape is None:
        yield _no_such_type(one(values, "type"))
        return
    yield from _attribute_problems(values, shape)
    yield from _range_problems(values, shape)
    if "valueSet" in values and "valueSet" in shape.needs:
        yield from _pick_problems(values)
    target = one(values, "referenceTo")
    if target and schema.object(target) is None:
        yield Problem(_INTEGRITY, f"referenceTo value of '{target}' does not resolve to a valid sObject type")
    if is_new:
        yield from _room_problems(kinds, values)


def _name_problems(component: Component) -> Iterator[Problem]:
    name = component.own_name
    if not name.endswith("__c"):
        yield Problem(_INTEGRITY, "fullName must end with: __c or __kav or __x or __b or __e or __p or __mdt or __dll or __dlm")
    elif not _NAME.fullmatch(name):
        yield Problem(
            _INTEGRITY,
            f"The Field Name {name.removesuffix('__c')} can only contain underscores and alphanumeric characters. It must begin with a letter, "
            "not include spaces, not end with an underscore, and not contain two consecutive underscores.",
        )
    elif len(name) - 3 > NAME_LIMIT:
        yield Problem("STRING_TOO_LONG", f"Field Name: data value too large: {name.removesuffix('__c')} (max length={NAME_LIMIT})")


def _text_problems(values: Tree) -> Iterator[Problem]:
    if not one(values, "label"):
        yield Problem("REQUIRED_FIELD_MISSING", "Must specify a non-empty label for the CustomField")
    for name, told, limit in (
        ("label", "Field Label", LABEL_LIMIT),
        ("inlineHelpText", "Help Text", HELP_LIMIT),
        ("description", "Description", DESCRIPTION_LIMIT),
    ):
        if len(one(values, name)) > limit:
            yield Problem("STRING_TOO_LONG", f"{told}: data value too large: {one(values, name)} (max length={limit})")


def _no_such_type(name: str) -> Problem:
    if not name:
        return Problem("REQUIRED_FIELD_MISSING", "Required field is missing: type")
    if name in OTHERS:
        return Problem(_INTEGRITY, f"The sandbox makes no fields of type {name}; it makes {', '.join(SHAPES)}.")
    return Problem("INVALID_TYPE", f"'{name}' is not a valid value for the enum 'FieldType'")


def _attribute_problems(values: Tree, shape: Shape) -> Iterator[Problem]:
    told = one(values, "type")
    is_formula = "formula" in values
    for name in shape.needs:
        if name not in values and not (is_formula and name in {"length", "valueSet", "defaultValue"}):
            yield Problem(_INTEGRITY, f"Must specify '{name}' for a CustomField of type {told}")
    known = {*shape.needs, *shape.takes}
    for name in _ATTRIBUTES:
        is_said = (name in values and one(values, name).lower() not in {"false", ""}) or bool(branches(values, name))
        if name not in known and (is_said or (name == "required" and name in values)):
            yield Problem(_INTEGRITY, f"Can not specify '{name}' for a CustomField of type {told}")
    if flag(values, "caseSensitive") and not flag(values, "unique") and not flag(values, "externalId"):
        yield Problem(_INTEGRITY, f"Can not specify 'caseSensitive' for a CustomField of type {told} that is not unique")
    if flag(values, "required") and one(values, "type") == "Lookup" and one(values, "deleteConstraint") == "SetNull":
        yield Problem(_INTEGRITY, "Must specify either cascade delete or restrict delete for required lookup foreign key.")


def _range_problems(values: Tree, shape: Shape) -> Iterator[Problem]:
    for name, (low, high) in (("length", shape.lengths), ("visibleLines", shape.lines)):
        given = number(values, name)
        if name in values and high and (given is None or not low <= given <= high):
            yield Problem("NUMBER_OUTSIDE_VALID_RANGE", f"{name} must be between {low} and {high}, but is {one(values, name)}")
    if "precision" in shape.needs and "precision" in values and "scale" in values:
        precision, scale = number(values, "precision"), number(values, "scale")
        if precision is None or scale is None or not 1 <= precision <= 18 or not 0 <= scale <= min(17, precision):
            text = f"precision must be between 1 and 18 and scale between 0 and precision, but they are {one(values, 'precision')} and {one(values, 'scale')}"
            yield Problem("NUMBER_OUTSIDE_VALID_RANGE", text)


def _pick_problems(values: Tree) -> Iterator[Problem]:
    sets = branches(values, "valueSet")
    if sets and one(sets[0], "valueSetName"):
        yield Problem("INVALID_CROSS_REFERENCE_KEY", f"In field: valueSet - no GlobalValueSet named {one(sets[0], 'valueSetName')} found")
        return
    picks = _picks(values)
    if not picks:
        yield Problem(_INTEGRITY, f"Must specify 'valueSet' for a CustomField of type {one(values, 'type')}")
    if len(picks) > PICKS:
        yield Problem("LIMIT_EXCEEDED", f"A picklist may have {PICKS} values, but these are {len(picks)}")
    seen: set[str] = set()
    for pick in picks:
        low = pick.value.lower()
        if not pick.value:
            yield Problem("REQUIRED_FIELD_MISSING", "Required field is missing: fullName")
        elif low in seen:
            yield Problem("DUPLICATE_VALUE", f"Duplicate value name: {pick.value}")
        elif len(pick.value) > PICK_LENGTH:
            yield Problem("STRING_TOO_LONG", f"Value Name: data value too large: {pick.value} (max length={PICK_LENGTH})")
        seen.add(low)
    if sum(pick.is_default for pick in picks) > 1:
        yield Problem(_INTEGRITY, "A picklist may have one default value")


def _room_problems(kinds: list[ObjectType], values: Tree) -> Iterator[Problem]:
    for kind in kinds:
        limit = FEW_CUSTOM_FIELDS.get(kind.name, CUSTOM_FIELDS)
        if sum(found.custom for found in kind) >= limit:
            yield Problem("LIMIT_EXCEEDED", f"The maximum number of custom fields ({limit}) on {kind.label} is reached")
        if flag(values, "externalId") and sum(found.custom and found.external_id for found in kind) >= EXTERNAL_IDS:
            yield Problem("LIMIT_EXCEEDED", f"The maximum number of external ID fields ({EXTERNAL_IDS}) on {kind.label} is reached")


def _picks(values: Tree) -> list[Pick]:
    found = []
    for chosen in branches(values, "valueSet"):
        for definition in branches(chosen, "valueSetDefinition"):
            given = branches(definition, "value")
            if flag(definition, "sorted"):
                given = sorted(given, key=lambda each: one(each, "label") or one(each, "fullName"))
            found += [
                Pick(
                    one(each, "fullName"),
                    one(each, "label") or one(each, "fullName"),
                    flag(each, "default"),
                    one(each, "isActive", "true").lower() != "false",
                )
                for each in given
            ]
    return found


def make_field(component: Component, existing: Field | None) -> Field:
    """The field of the schema that a checked definition makes. Values that a picklist had and the new one has not become inactive."""
    values = component.values
    shape = SHAPES[one(values, "type")]
    picks = _picks(values)
    if existing is not None and existing.picks:
        kept = {pick.value for pick in picks}
        picks += [Pick(old.value, old.label, is_active=False) for old in existing.picks if old.value not in kept]
    is_formula, is_checkbox = "formula" in values, shape.becomes == "boolean"
    is_required = flag(values, "required")
    default = one(values, "defaultValue") or next((pick.value for pick in picks if pick.is_default), None)
    is_key = flag(values, "externalId") or flag(values, "unique")
    made = Field(
        component.own_name,
        one(values, "label"),
        shape.becomes,
        length=shape.length or number(values, "length") or 0,
        precision=number(values, "precision") or 0,
        scale=number(values, "scale") or 0,
        nillable=not is_required and not is_checkbox,
        createable=not is_formula,
        updateable=not is_formula,
        unique=flag(values, "unique"),
        external_id=flag(values, "externalId"),
        id_lookup=is_key and flag(values, "externalId"),
        case_sensitive=flag(values, "caseSensitive"),
        custom=True,
        calculated=is_formula,
        defaulted=default is not None,
        default=_default(shape.becomes, default),
        restricted=any(flag(chosen, "restricted") for chosen in branches(values, "valueSet")),
        permissionable=not is_required,
        picks=tuple(picks),
        reference_to=tuple(texts(values, "referenceTo")),
        relationship=f"{component.own_name.removesuffix('__c')}__r" if shape.becomes == "reference" else None,
        help=one(values, "inlineHelpText") or None,
        description=one(values, "description") or None,
        formula=one(values, "formula") or None,
        visible_lines=number(values, "visibleLines") or 0,
        is_hidden_until_granted=not is_required,
    )
    for name, value in shape.flags.items():
        if name not in {"nillable", "defaulted"}:
            setattr(made, name, value)
    return made


def _default(kind: str, text: str | None) -> str | bool | float | None:
    if kind == "boolean":
        return (text or "false").lower() == "true"
    # The default of a text is a formula: a constant stands in quotes.
    return text.strip('"') if text is not None else None
