"""The standard objects of every org, read from the tables beside this module.

``objects/<Object>.csv`` holds one row a field. Its column ``flags`` has one letter for each that holds: N may be empty, C settable at
creation, U settable later, F filterable, S sortable, G groupable, u unique, E external id, L found by value, c case counts, A numbered by
itself, D filled at creation, R only listed values, H HTML, n the record's name, P its parent is told by name, p several kinds of parents,
M field-level security applies, h hidden until it is granted. ``more`` holds describe's further keys as ``key=JSON``.
``picklists.csv`` holds the values (flags: d default, x inactive), ``children.csv`` the child relationships (c cascades, r restricts,
x deprecated), ``objects.csv`` the objects (C createable, U updateable, D deletable, u undeletable, Q queryable, S searchable,
R retrieveable, r replicateable, m mergeable, B open to the Bulk API, f only with a filter).
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from functools import cache
from importlib.resources import files

from sandbox.salesforce.schema import Child, Field, ObjectType, Pick, Schema

_OBJECT_FLAGS = {
    "C": "createable",
    "U": "updateable",
    "D": "deletable",
    "u": "undeletable",
    "Q": "queryable",
    "S": "searchable",
    "R": "retrieveable",
    "r": "replicateable",
    "m": "mergeable",
    "B": "bulkable",
    "f": "needs_filter",
}
_FIELD_FLAGS = {
    "N": "nillable",
    "C": "createable",
    "U": "updateable",
    "F": "filterable",
    "S": "sortable",
    "G": "groupable",
    "u": "unique",
    "E": "external_id",
    "L": "id_lookup",
    "c": "case_sensitive",
    "A": "auto_number",
    "D": "defaulted",
    "R": "restricted",
    "H": "html",
    "n": "name_field",
    "P": "name_pointing",
    "p": "polymorphic",
    "M": "permissionable",
    "h": "is_hidden_until_granted",
}


def standard_schema() -> Schema:
    """The standard objects with their fields, for one org to widen."""
    objects = [_object(row) for row in _rows("objects")]
    return Schema([*objects, _own_rights(next(one for one in objects if one.name == "PermissionSet"))])


def _own_rights(sets: ObjectType) -> ObjectType:
    """UserPermissionAccess: every permission that a permission set may hold, and whether who asks has it."""
    fields = [one for one in sets if one.name == "Id" or one.name.startswith("Permissions")]
    can = dict.fromkeys(
        ("createable", "updateable", "deletable", "undeletable", "searchable", "retrieveable", "replicateable", "bulkable"), False
    )
    return ObjectType.of("UserPermissionAccess", "User Permission Access", "User Permission Access", None, fields, **can)


def _rows(name: str) -> list[dict[str, str]]:
    text = (files("sandbox.salesforce.objects") / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _object(row: dict[str, str]) -> ObjectType:
    name = row["name"]
    made = ObjectType(
        name,
        row["label"],
        row["plural"],
        row["prefix"] or None,
        {one.name.lower(): one for one in _fields(name)},
        list(_children().get(name, ())),
        **{key: letter in row["flags"] for letter, key in _OBJECT_FLAGS.items()},  # type: ignore[arg-type]  # the flags are bools
    )
    made.told = frozenset(row["told"].split())
    made.urls = tuple(row["urls"].split())
    made.scopes = tuple((scope, label) for scope, _, label in (part.partition("=") for part in row["scopes"].split(";")) if scope)
    return made


@cache
def _fields(name: str) -> tuple[Field, ...]:
    return tuple(_field(row) for row in _rows(name))


def _field(row: dict[str, str]) -> Field:
    return Field(
        row["name"],
        row["label"],
        row["type"],
        length=int(row["length"] or 0),
        precision=int(row["precision"] or 0),
        scale=int(row["scale"] or 0),
        digits=int(row["digits"] or 0),
        default=json.loads(row["default"]) if row["default"] else None,
        picks=_picks().get(row["picks"], ()),
        reference_to=tuple(row["references"].split()),
        relationship=row["relationship"] or None,
        compound=row["compound"] or None,
        more={key: json.loads(value) for key, _, value in (part.partition("=") for part in row["more"].split(";")) if key},
        **{key: letter in row["flags"] for letter, key in _FIELD_FLAGS.items()},  # type: ignore[arg-type]  # the flags are bools
    )


@cache
def _picks() -> dict[str, tuple[Pick, ...]]:
    found: dict[str, list[Pick]] = defaultdict(list)
    for row in _rows("picklists"):
        found[row["picks"]].append(Pick(row["value"], row["label"] or row["value"], "d" in row["flags"], "x" not in row["flags"]))
    return {name: tuple(picks) for name, picks in found.items()}


@cache
def _children() -> dict[str, tuple[Child, ...]]:
    found: dict[str, list[Child]] = defaultdict(list)
    for row in _rows("children"):
        lists, _, parents = row["junctions"].partition("|")
        flags = row["flags"]
        found[row["parent"]].append(
            Child(
                row["child"],
                row["field"],
                row["relationship"] or None,
                cascades="c" in flags,
                restricts="r" in flags,
                is_hidden="x" in flags,
                junctions=(tuple(lists.split()), tuple(parents.split())),
            )
        )
    return {name: tuple(children) for name, children in found.items()}
