"""What an org's objects and fields are. Names are found whatever their case, as Salesforce finds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pick:
    """One value of a picklist."""

    value: str
    label: str
    is_default: bool = False
    is_active: bool = True


@dataclass
class Field:
    """One field of an object, as describe tells it.

    ``type`` is describe's word: id string textarea boolean int double currency percent date datetime time email phone url picklist
    multipicklist combobox reference address location anyType base64 encryptedstring. ``formula`` fields are calculated and read-only.
    ``reference_to`` names the objects that a reference may point to; ``relationship`` is the name under which the parent is reached.
    ``is_hidden_until_granted``: nobody sees it until a permission set grants it; so is every field made by metadata.
    ``more`` holds what describe says of this field other than its type would let one expect, by describe's own keys.
    """

    name: str
    label: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    unique: bool = False
    external_id: bool = False
    id_lookup: bool = False
    case_sensitive: bool = False
    custom: bool = False
    calculated: bool = False
    auto_number: bool = False
    defaulted: bool = False
    default: str | bool | float | None = None
    restricted: bool = False
    html: bool = False
    name_field: bool = False
    name_pointing: bool = False
    polymorphic: bool = False
    permissionable: bool = True
    picks: tuple[Pick, ...] = ()
    reference_to: tuple[str, ...] = ()
    relationship: str | None = None
    compound: str | None = None
    help: str | None = None
    description: str | None = None
    formula: str | None = None
    visible_lines: int = 0
    is_hidden_until_granted: bool = False
    more: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Child:
    """A child relationship: the object and field that point here, and the name under which the children are reached (None: by none).

    ``cascades``: a child goes with its parent. ``restricts``: a parent with children stays. ``is_hidden``: deprecated. ``junctions``:
    the lists of ids and the objects by which a child joins several parents.
    """

    object: str
    field: str
    relationship: str | None
    cascades: bool = False
    restricts: bool = False
    is_hidden: bool = False
    junctions: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


@dataclass
class ObjectType:
    """One object: its names, the prefix of its ids, what may be done with it, its fields in order and its children.

    ``told`` are describe's further flags that hold (feedEnabled, layoutable …), ``urls`` the kinds of its links, ``scopes`` its list
    scopes as name and label.
    """

    name: str
    label: str
    plural: str
    prefix: str | None
    fields: dict[str, Field]
    children: list[Child] = field(default_factory=list)
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    undeletable: bool = True
    queryable: bool = True
    searchable: bool = True
    retrieveable: bool = True
    replicateable: bool = True
    mergeable: bool = False
    custom: bool = False
    bulkable: bool = True
    needs_filter: bool = False
    told: frozenset[str] = frozenset()
    urls: tuple[str, ...] = ()
    scopes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, name: str, label: str, plural: str, prefix: str | None, fields: Iterable[Field], **flags: bool) -> ObjectType:
        """An object with these fields in this order."""
        return cls(name, label, plural, prefix, {one.name.lower(): one for one in fields}, **flags)  # type: ignore[arg-type]  # flags are bools

    def field(self, name: str) -> Field | None:
        """The field of that name, whatever its case."""
        return self.fields.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """The reference field whose parent is reached under that name."""
        low = name.lower()
        return next((one for one in self.fields.values() if one.relationship and one.relationship.lower() == low), None)

    def child(self, relationship: str) -> Child | None:
        """The child relationship of that name."""
        low = relationship.lower()
        return next((one for one in self.children if one.relationship and one.relationship.lower() == low), None)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields.values())


class Schema:
    """All objects of an org."""

    def __init__(self, objects: Iterable[ObjectType]) -> None:
        self._objects = {one.name.lower(): one for one in objects}

    def object(self, name: str) -> ObjectType | None:
        """The object of that name, whatever its case."""
        return self._objects.get(name.lower())

    def __iter__(self) -> Iterator[ObjectType]:
        return iter(self._objects.values())
