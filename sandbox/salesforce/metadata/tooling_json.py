"""Components as the Tooling API writes them in JSON, and back. What the Metadata API calls ``fullName`` of a picklist value is ``valueName`` there."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.metadata.tree import Tree

_SWITCHES = frozenset(
    [
        "caseSensitive",
        "default",
        "deprecated",
        "escapeMarkup",
        "externalId",
        "isActive",
        "isFilteringDisabled",
        "isNameField",
        "isSortingDisabled",
        "reparentableMasterDetail",
        "required",
        "restricted",
        "restrictedAdminField",
        "sorted",
        "stripMarkup",
        "trackFeedHistory",
        "trackHistory",
        "trackTrending",
        "unique",
        "writeRequiresMasterRead",
    ]
)
_NUMBERS = frozenset(["length", "precision", "scale", "visibleLines", "startingNumber", "relationshipOrder"])
_LISTS = frozenset(["value", "valueSettings", "summaryFilterItems"])


def to_json(tree: Tree) -> dict[str, Any]:
    """The elements as JSON values."""
    return {
        ("valueName" if name == "fullName" else name): [_value(name, one) for one in found] if name in _LISTS else _value(name, found[0])
        for name, found in tree.items()
        if found
    }


def _value(name: str, found: Any) -> Any:
    if isinstance(found, dict):
        return to_json(found)
    if name in _SWITCHES:
        return found == "true"
    if name in _NUMBERS and found.lstrip("-").isdigit():
        return int(found)
    return found


def from_json(given: dict[str, Any]) -> Tree:
    """The elements of a component given as JSON. OrgError 400 where a value is of no kind that XML could hold."""
    made: Tree = {}
    for name, value in given.items():
        if value is not None:
            made["fullName" if name == "valueName" else name] = [
                _element(name, one) for one in (value if isinstance(value, list) else [value]) if one is not None
            ]
    return made


def _element(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return from_json(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise OrgError(400, "JSON_PARSER_ERROR", f"The value of {name} is neither text, number, boolean, object nor a list of them")
