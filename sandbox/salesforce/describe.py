"""What an org tells about its objects: in the shape and key order of recorded answers, and only what the user may see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.schema import Child, Field, ObjectType

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

MASTER_RECORD_TYPE = "012000000000000AAA"
"""The record type that every record has where an object knows no others."""

_SOAP_TYPES = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "int": "xsd:int",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "address": "urn:address",
    "location": "urn:location",
    "anyType": "xsd:anyType",
    "base64": "xsd:base64Binary",
}
_GLOBAL_KEYS = (
    "activateable",
    "associateEntityType",
    "associateParentEntity",
    "createable",
    "custom",
    "customSetting",
    "deepCloneable",
    "deletable",
    "deprecatedAndHidden",
    "feedEnabled",
    "hasSubtypes",
    "isInterface",
    "isSubtype",
    "keyPrefix",
    "label",
    "labelPlural",
    "layoutable",
    "mergeable",
    "mruEnabled",
    "name",
    "queryable",
    "replicateable",
    "retrieveable",
    "searchable",
    "triggerable",
    "undeletable",
    "updateable",
    "urls",
)
_PAGES = {"uiDetailTemplate": "{ID}", "uiEditTemplate": "{ID}/e", "uiNewRecord": "{prefix}/e"}
"""Links that lead to pages of the org, not to its API."""

_BELOW = {
    "rowTemplate": "/{ID}",
    "sobject": "",
    "describe": "/describe",
    "compactLayouts": "/describe/compactLayouts",
    "approvalLayouts": "/describe/approvalLayouts",
    "layouts": "/describe/layouts",
    "namedLayouts": "/describe/namedLayouts/{LayoutName}",
    "passwordUtilities": "/{ID}/password",
    "caseArticleSuggestions": "/suggestedArticles",
    "caseRowArticleSuggestions": "/{ID}/suggestedArticles",
    "defaultValues": "/defaultValues?recordTypeId&fields",
    "eventSeriesUpdates": "/{ID}/fromThisEventOnwards",
}
_ONLY_IN_OBJECT = frozenset({"uiDetailTemplate", "uiEditTemplate", "uiNewRecord", "defaultValues", "eventSeriesUpdates"})
"""Links that the answer about one object has, and the list of all objects has not."""


_SINCE = {
    "aiPredictionField": 43,
    "developerName": 43,
    "formulaTreatNullNumberAsZero": 43,
    "deepCloneable": 46,
    "defaultImplementation": 46,
    "extendedBy": 46,
    "extendsInterfaces": 46,
    "implementedBy": 46,
    "implementsInterfaces": 46,
    "isInterface": 46,
    "associateEntityType": 50,
    "associateParentEntity": 50,
}
"""Since which API version a key is told. Recorded are 42, 48, 52 and later; where between them a key came is not known."""


def describe_global(org: Org, user_id: str, version: str = "64.0") -> dict[str, Any]:
    """All objects that the user may read, by name, with links of that API version."""
    shown = [kind for kind in org.schema if org.access.may(user_id, kind.name, "read")]
    return {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [summary(org, kind, version) for kind in sorted(shown, key=lambda kind: kind.name)],
    }


def summary(org: Org, kind: ObjectType, version: str = "64.0") -> dict[str, Any]:
    """One object as the list of all objects tells it."""
    whole = _properties(org, kind, version)
    whole["urls"] = {name: url for name, url in whole["urls"].items() if name not in _ONLY_IN_OBJECT}
    return _as_of(version, {key: whole[key] for key in _GLOBAL_KEYS})


def describe_object(org: Org, user_id: str, name: str, version: str = "64.0") -> dict[str, Any]:
    """One object with the fields that the user sees. OrgError NOT_FOUND where there is none, or the user may not read it."""
    kind = org.schema.object(name)
    if kind is None or not org.access.may(user_id, kind.name, "read"):
        raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
    shown = [field for field in kind if org.access.sees_field(user_id, kind, field)]
    fields = [_as_of(version, _as_may(describe_field(field), may_edit=org.access.edits_field(user_id, kind, field))) for field in shown]
    children = [_child(child) for child in kind.children]
    whole = _as_of(version, _properties(org, kind, version))
    return {
        key: fields if key == "fields" else children if key == "childRelationships" else whole[key]
        for key in sorted({*whole, "fields", "childRelationships"})
    }


def _as_may(told: dict[str, Any], *, may_edit: bool) -> dict[str, Any]:
    """A field as it is to a user: one that the user may only read is neither createable nor updateable."""
    return told if may_edit else {**told, "createable": False, "updateable": False}


def describe_field(field: Field) -> dict[str, Any]:
    """One field, with every key that describe has."""
    kind = field.type
    is_searchable_text = kind == "textarea" and not field.filterable
    told: dict[str, Any] = {
        "aggregatable": kind not in {"boolean", "address", "location"} and not is_searchable_text,
        "aiPredictionField": False,
        "autoNumber": field.auto_number,
        "byteLength": field.length * (1 if kind in {"id", "reference"} else 3),
        "calculated": field.calculated or field.formula is not None,
        "calculatedFormula": field.formula,
        "cascadeDelete": False,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound,
        "controllerName": None,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.digits,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": "plaintextarea" if kind == "textarea" else None,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.groupable,
        "highScaleNumber": False,
        "htmlFormatted": field.html,
        "idLookup": field.id_lookup,
        "inlineHelpText": field.help,
        "label": field.label,
        "length": field.length,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.name_pointing,
        "nillable": field.nillable,
        "permissionable": field.permissionable,
        "picklistValues": [
            {"active": pick.is_active, "defaultValue": pick.is_default, "label": pick.label, "validFor": None, "value": pick.value}
            for pick in field.picks
        ],
        "polymorphicForeignKey": field.polymorphic,
        "precision": field.precision,
        "queryByDistance": kind in {"address", "location"},
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": False,
        "soapType": _SOAP_TYPES.get(kind, "xsd:string"),
        "sortable": field.sortable,
        "type": kind,
        "unique": field.unique,
        "updateable": field.updateable,
        "writeRequiresMasterRead": False,
    }
    return {**told, **field.more}


def _as_of(version: str, told: dict[str, Any]) -> dict[str, Any]:
    number = float(version)
    return told if number >= max(_SINCE.values()) else {key: value for key, value in told.items() if _SINCE.get(key, 0) <= number}


def _child(child: Child) -> dict[str, Any]:
    return {
        "cascadeDelete": child.cascades,
        "childSObject": child.object,
        "deprecatedAndHidden": child.is_hidden,
        "field": child.field,
        "junctionIdListNames": list(child.junctions[0]),
        "junctionReferenceTo": list(child.junctions[1]),
        "relationshipName": child.relationship,
        "restrictedDelete": child.restricts,
    }


def _properties(org: Org, kind: ObjectType, version: str) -> dict[str, Any]:
    told = kind.told
    return {
        "actionOverrides": [],
        "activateable": "activateable" in told,
        "associateEntityType": None,
        "associateParentEntity": None,
        "compactLayoutable": "compactLayoutable" in told,
        "createable": kind.createable,
        "custom": kind.custom,
        "customSetting": False,
        "deepCloneable": "deepCloneable" in told,
        "defaultImplementation": None,
        "deletable": kind.deletable,
        "deprecatedAndHidden": False,
        "extendedBy": None,
        "extendsInterfaces": None,
        "feedEnabled": "feedEnabled" in told,
        "hasSubtypes": "hasSubtypes" in told,
        "implementedBy": None,
        "implementsInterfaces": None,
        "isInterface": False,
        "isSubtype": "isSubtype" in told,
        "keyPrefix": kind.prefix,
        "label": kind.label,
        "labelPlural": kind.plural,
        "layoutable": "layoutable" in told,
        "listviewable": None,
        "lookupLayoutable": None,
        "mergeable": kind.mergeable,
        "mruEnabled": "mruEnabled" in told,
        "name": kind.name,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "queryable": kind.queryable,
        "recordTypeInfos": [_record_type(kind.name, version)] if "layoutable" in told else [],
        "replicateable": kind.replicateable,
        "retrieveable": kind.retrieveable,
        "searchLayoutable": "searchLayoutable" in told,
        "searchable": kind.searchable,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": label, "name": name} for name, label in kind.scopes],
        "triggerable": "triggerable" in told,
        "undeletable": kind.undeletable,
        "updateable": kind.updateable,
        "urls": {name: _url(org, kind, name, version) for name in kind.urls},
    }


def _record_type(name: str, version: str) -> dict[str, Any]:
    told = {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": MASTER_RECORD_TYPE,
        "urls": {"layout": f"/services/data/v{version}/sobjects/{name}/describe/layouts/{MASTER_RECORD_TYPE}"},
    }
    return _as_of(version, told)


def _url(org: Org, kind: ObjectType, name: str, version: str) -> str:
    if name in _PAGES:
        return f"https://{org.org.domain}.salesforce.com/{_PAGES[name].replace('{prefix}', kind.prefix or '')}"
    return f"/services/data/v{version}/sobjects/{kind.name}{_BELOW.get(name, '/' + name)}"
