"""One component of metadata as it was given, the problems it may have, and which elements its type has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.salesforce.metadata.tree import Tree

FIELD, PERMISSIONS, VIEW, OBJECT = "CustomField", "PermissionSet", "ListView", "CustomObject"
"""The Metadata API's words for what the sandbox knows."""

ELEMENTS: Mapping[str, frozenset[str]] = {
    FIELD: frozenset(
        [
            "fullName",
            "businessOwnerGroup",
            "businessOwnerUser",
            "businessStatus",
            "caseSensitive",
            "complianceGroup",
            "customDataType",
            "defaultValue",
            "deleteConstraint",
            "deprecated",
            "description",
            "displayFormat",
            "displayLocationInDecimal",
            "encryptionScheme",
            "escapeMarkup",
            "externalDeveloperName",
            "externalId",
            "fieldManageability",
            "formula",
            "formulaTreatBlanksAs",
            "inlineHelpText",
            "isAIPredictionField",
            "isConvertLeadDisabled",
            "isFilteringDisabled",
            "isNameField",
            "isSortingDisabled",
            "label",
            "length",
            "lookupFilter",
            "maskChar",
            "maskType",
            "metadataRelationshipControllingField",
            "populateExistingRows",
            "precision",
            "referenceTargetField",
            "referenceTo",
            "relationshipLabel",
            "relationshipName",
            "relationshipOrder",
            "reparentableMasterDetail",
            "required",
            "restrictedAdminField",
            "scale",
            "securityClassification",
            "startingNumber",
            "stripMarkup",
            "summarizedField",
            "summaryFilterItems",
            "summaryForeignKey",
            "summaryOperation",
            "trackFeedHistory",
            "trackHistory",
            "trackTrending",
            "translateData",
            "type",
            "unique",
            "valueSet",
            "visibleLines",
            "writeRequiresMasterRead",
        ]
    ),
    PERMISSIONS: frozenset(
        [
            "fullName",
            "applicationVisibilities",
            "classAccesses",
            "customMetadataTypeAccesses",
            "customPermissions",
            "customSettingAccesses",
            "description",
            "emailRoutingAddressAccesses",
            "externalCredentialPrincipalAccesses",
            "externalDataSourceAccesses",
            "fieldPermissions",
            "flowAccesses",
            "hasActivationRequired",
            "label",
            "license",
            "objectPermissions",
            "pageAccesses",
            "recordTypeVisibilities",
            "tabSettings",
            "userPermissions",
        ]
    ),
    VIEW: frozenset(
        ["fullName", "booleanFilter", "columns", "division", "filterScope", "filters", "label", "language", "queue", "sharedTo"]
    ),
}
"""The elements of each type, as the Metadata API's WSDL lists them."""


@dataclass(frozen=True)
class Problem:
    """Why a component is refused: a status code for single calls, the text, and whether it is only a warning."""

    code: str
    text: str
    is_warning: bool = False


@dataclass
class Component:
    """One component: its type, its full name (``Contact.X__c``), and its elements.

    ``id``, ``created_ms``, ``modified_ms`` and the two users are the org's own; empty until it is kept.
    """

    type: str
    full_name: str
    values: Tree
    id: str = ""
    created_ms: int = 0
    modified_ms: int = 0
    created_by: str = ""
    modified_by: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def object(self) -> str:
        """The object it belongs to; empty for a permission set."""
        return self.full_name.partition(".")[0] if "." in self.full_name else ""

    @property
    def own_name(self) -> str:
        """The name without its object."""
        return self.full_name.rpartition(".")[2]

    @property
    def key(self) -> tuple[str, str]:
        """By what it is found, whatever the case of its name."""
        return self.type, self.full_name.lower()


def unknown_elements(type_name: str, names: Iterable[str]) -> list[Problem]:
    """One problem for each element that the type does not have."""
    return [
        Problem("INVALID_TYPE", f"Element {name} invalid at this location in type {type_name}")
        for name in names
        if name not in ELEMENTS[type_name]
    ]
