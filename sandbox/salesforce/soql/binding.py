"""Finds what the names of a statement stand for: fields, parents at most five levels up, and functions of them, as one user sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from sandbox.salesforce.errors import malformed_query
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.soql import faults, tree
from sandbox.salesforce.soql.functions import AGGREGATES, DATE_FUNCTIONS, HOUR, SHOWN
from sandbox.salesforce.soql.showing import shown
from sandbox.salesforce.soql.spans import Calendar

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

LEVELS = 5
"""How many parents up a path may go."""

Get = Callable[[Any], Any]

_TEXTS = ("Alias", "Email", "FirstName", "LastName", "MiddleName", "Name", "NameOrAlias", "Phone", "Suffix", "Title", "Type", "Username")
_NAME = ObjectType.of(
    "Name",
    "Name",
    "Names",
    None,
    [
        Field("Id", "Name ID", "id", length=18),
        *(Field(name, name, "string", length=255, permissionable=False) for name in _TEXTS),
        Field("IsActive", "Active", "boolean", permissionable=False),
        Field("ProfileId", "Profile ID", "reference", reference_to=("Profile",), relationship="Profile", permissionable=False),
        Field("RecordTypeId", "Record Type ID", "reference", reference_to=("RecordType",), relationship="RecordType", permissionable=False),
        Field("UserRoleId", "Role ID", "reference", reference_to=("UserRole",), relationship="UserRole", permissionable=False),
    ],
)
"""What can be asked of a parent that may be of several types. From the vendor's page on the Name object."""


@dataclass(frozen=True)
class Step:
    """One way up: the reference that is followed, the name of the relationship, and the parent's object (Name where it may be several)."""

    reference: Field
    relationship: str
    parent: ObjectType


@dataclass
class Operand:
    """What an expression stands for.

    ``get`` reads it from a record (or, in HAVING, from a group). ``type`` is describe's word for its values. ``key`` is under which name it
    is shown. ``steps`` lead to the object that has ``field``.
    """

    type: str
    get: Get
    key: str
    at: int
    field: Field
    kind: ObjectType
    steps: tuple[Step, ...] = ()
    function: str | None = None
    names: tuple[str, ...] = ()


@dataclass
class Scene:
    """Who asks what, of which org, at which moment. Holds the parents that were looked up, so that all rows of an answer see the same."""

    org: Org
    user_id: str
    text: str
    is_all: bool
    calendar: Calendar
    version: str = ""
    parents: dict[str, Record | None] = field(default_factory=dict)

    def parent(self, record_id: str | None) -> Record | None:
        """The record that a reference points to, as queries see it now."""
        if record_id is None:
            return None
        try:
            return self.parents[record_id]
        except KeyError:
            name = self.org.object_of(record_id)
            record = self.org.stores[name].rows.get(record_id) if name else None
            found = next(self.org.seen([record], is_all=True), None) if record is not None else None
            self.parents[record_id] = found
            return found

    def sees(self, kind: ObjectType, one: Field) -> bool:
        """Whether the user may read that field."""
        return kind is _NAME or self.org.access.sees_field(self.user_id, kind, one)


class Binder:
    """Binds the names of one query: its object, the short names it gives, and the user who asks."""

    def __init__(self, scene: Scene, kind: ObjectType, aliases: dict[str, tuple[str, ...]]) -> None:
        self.scene, self.kind, self.aliases = scene, kind, aliases

    def operand(self, expr: tree.Expr) -> Operand:
        """What an expression stands for. Aggregates are not for this place."""
        return self.path(expr) if isinstance(expr, tree.Path) else self.call(expr)

    def path(self, path: tree.Path) -> Operand:
        """What a field or a path to a parent's field stands for."""
        names = self._own(path.names)
        kind, steps = self.kind, []
        for name in names[:-1]:
            step = self._step(kind, name, path.at)
            steps.append(step)
            kind = step.parent
        if len(steps) > LEVELS:
            raise malformed_query(f"Relationship paths cannot go up more than {LEVELS} levels: {'.'.join(path.names)}")
        found = kind.field(names[-1])
        if found is None or not self.scene.sees(kind, found):
            raise faults.no_such_column(self.scene.text, path.at, names[-1], kind.name)
        get = reader(self.scene, kind, found, tuple(steps))
        return Operand(found.type, get, found.name, path.at, found, kind, tuple(steps), names=names)

    def climb(self, path: tree.Path) -> tuple[Step, ...]:
        """The way up that a path names, all of whose names are relationships."""
        kind, steps = self.kind, []
        for name in self._own((*path.names, ""))[:-1]:
            steps.append(self._step(kind, name, path.at))
            kind = steps[-1].parent
        return tuple(steps)

    def call(self, call: tree.Call) -> Operand:
        """What a function of a field stands for."""
        if call.name == "CONVERTTIMEZONE":
            raise malformed_query("convertTimezone function can only be used in a date function")
        if call.name in AGGREGATES:
            raise malformed_query(f"unexpected aggregate function: '{call.name}'")
        if call.name not in DATE_FUNCTIONS and call.name != HOUR and call.name not in SHOWN:
            raise faults.unexpected(self.scene.text, call.at + len(call.name), "(")
        inner = call.argument
        converted = isinstance(inner, tree.Call) and inner.name == "CONVERTTIMEZONE"
        if isinstance(inner, tree.Call) and converted:
            inner = inner.argument
        if inner is None or (isinstance(inner, tree.Call) and call.name != "FORMAT"):
            raise faults.unexpected(self.scene.text, call.at + len(call.name), "(")
        base = self.operand(inner)
        if call.name in SHOWN:
            base.function = call.name
            if call.name == "TOLABEL":
                label, get = shown("TOLABEL", base.field, base.type, self.scene.calendar), base.get
                base.get = lambda row: label(get(row))
            return base
        if base.type not in ("date", "datetime") or (call.name == HOUR and base.type != "datetime"):
            sentence = f"field {base.field.name} of type {base.type} does not support the function {call.name}"
            raise faults.wrong(self.scene.text, call.at, "INVALID_FIELD", sentence)
        base.get = _dated(call.name, base.get, base.type, self.scene.calendar, converted=converted)
        base.type, base.function, base.at = ("date" if call.name == "DAY_ONLY" else "int"), call.name, call.at
        return base

    def _own(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The names without the short name, or the object's own name, that they begin with."""
        if len(names) == 1:
            return names
        first = names[0].lower()
        if first in self.aliases:
            return (*self.aliases[first], *names[1:])
        if first == self.kind.name.lower() and self.kind.relationship(first) is None:
            return names[1:]
        return names

    def _step(self, kind: ObjectType, name: str, at: int) -> Step:
        reference = kind.relationship(name)
        if reference is None or reference.relationship is None or not self.scene.sees(kind, reference):
            raise faults.no_such_parent(self.scene.text, at, name)
        if len(reference.reference_to) > 1:
            return Step(reference, reference.relationship, _NAME)
        parent = self.scene.org.schema.object(reference.reference_to[0]) if reference.reference_to else None
        if parent is None or not self.scene.org.access.may(self.scene.user_id, parent.name, "read"):
            raise faults.no_such_parent(self.scene.text, at, name)
        return Step(reference, reference.relationship, parent)


def climber(scene: Scene, steps: tuple[Step, ...]) -> Get:
    """Reads the parent at the end of the steps; None where one of them is empty."""
    names = [(step.reference.name, step.parent is _NAME) for step in steps]

    def climb(record: Record | None) -> Record | None:
        for name, _ in names:
            if record is None:
                return None
            record = scene.parent(record.values.get(name))
        return record

    return climb


def reader(scene: Scene, kind: ObjectType, one: Field, steps: tuple[Step, ...]) -> Get:
    """Reads a field of the record, or of the parent at the end of the steps."""
    of_record = named(scene, one) if kind is _NAME else own(kind, one)
    if not steps:
        return of_record
    climb = climber(scene, steps)

    def of_parent(record: Record) -> Any:
        parent = climb(record)
        return None if parent is None else of_record(parent)

    return of_parent


def own(kind: ObjectType, one: Field) -> Get:
    """Reads a field of the record itself. A checkbox is never empty, and an address is put together from its parts."""
    name = one.name
    if one.type == "boolean":
        return lambda record: record.values.get(name) or False
    if one.type == "address":
        parts = [(part.name.removeprefix(name.removesuffix("Address")), part.name) for part in kind if part.compound == name]
        keys = sorted((short[0].lower() + short[1:], full) for short, full in parts)

        def address(record: Record) -> dict[str, Any] | None:
            whole = {short: record.values.get(full) for short, full in keys}
            return whole if any(value is not None for value in whole.values()) else None

        return address
    return lambda record: record.values.get(name)


def named(scene: Scene, one: Field) -> Get:
    """Reads what the Name object tells of a parent of any type."""
    name = one.name
    if name == "Type":
        return lambda record: record.object

    def read(record: Record) -> Any:
        kind = scene.org.kind(record.object)
        found = kind.field(name)
        if found is None and name in ("Name", "NameOrAlias"):
            found = next((other for other in kind if other.name_field), None)
        return record.values.get(found.name) if found is not None else None

    return read


def is_name(kind: ObjectType) -> bool:
    """Whether this is the object that stands for parents of several types."""
    return kind is _NAME


def _dated(function: str, get: Get, type_: str, calendar: Calendar, *, converted: bool) -> Get:
    """A date function of what ``get`` reads. Moments are taken in UTC, or where converted in the user's time zone."""
    plain = calendar if converted else Calendar(calendar.now_ms, fiscal_month=calendar.fiscal_month)

    def read(row: Any) -> Any:
        value = get(row)
        if value is None:
            return None
        if function == HOUR:
            return plain.local(value).hour
        day = plain.local(value).date() if type_ == "datetime" else date.fromisoformat(value)
        return DATE_FUNCTIONS[function](day, calendar)

    return read
