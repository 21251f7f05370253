"""Shapes rows as the REST API answers them: attributes first, fields under their own names, parents and children nested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql.binding import Get, Operand, Scene, Step, climber, is_name
from sandbox.salesforce.values import to_rest

Write = Callable[[Record], Any]


@dataclass
class Shape:
    """What is written of a record: each key with what writes it, in the order of first mention; ``parents`` are shapes of their own."""

    writers: dict[str, Write] = field(default_factory=dict)
    parents: dict[str, tuple[Step, Shape]] = field(default_factory=dict)


def shape_operand(shape: Shape, operand: Operand, key: str, write: Write) -> None:
    """Enter a field into the shape, below the parents on its way."""
    for step in operand.steps:
        if step.relationship not in shape.parents:
            shape.parents[step.relationship] = (step, Shape())
            shape.writers.setdefault(step.relationship, _nothing)
        shape = shape.parents[step.relationship][1]
    shape.writers[key] = write


def _nothing(_record: Record) -> None:
    return None


def writer(scene: Scene, shape: Shape, kind_name: str) -> Write:
    """Writes a record of that object in that shape. A parent that there is not is null."""
    base = f"/services/data/v{scene.version}/sobjects"
    parents = {name: _parent_writer(scene, step, inner) for name, (step, inner) in shape.parents.items()}
    entries = [(name, parents.get(name) or write) for name, write in shape.writers.items()]

    def write_record(record: Record) -> dict[str, Any]:
        told: dict[str, Any] = {"attributes": {"type": kind_name, "url": f"{base}/{record.object}/{record.id}"}}
        for name, write in entries:
            told[name] = write(record)
        return told

    return write_record


def _parent_writer(scene: Scene, step: Step, inner: Shape) -> Write:
    """Writes the parent one step up. One that may be of several types is told as a Name, with the address of the record itself."""
    climb = climber(scene, (step,))
    write = writer(scene, inner, "Name" if is_name(step.parent) else step.parent.name)

    def write_parent(record: Record) -> dict[str, Any] | None:
        parent = climb(record)
        return None if parent is None else write(parent)

    return write_parent


def plain(get: Get, one: Field) -> Write:
    """Writes a value as JSON has it."""
    if one.type in ("datetime", "double", "currency", "percent"):
        return lambda record: to_rest(one, get(record))
    return get


def of_kind(type_: str, value: Any) -> Any:
    """A computed value of a type as JSON has it."""
    return to_rest(Field("", "", type_), value) if value is not None else None
