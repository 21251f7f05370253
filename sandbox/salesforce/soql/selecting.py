"""One query of one object: which rows it finds, in which order, and how each is written, its children with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from sandbox.salesforce.errors import OrgError, malformed_query
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Child, ObjectType
from sandbox.salesforce.soql import faults, tree
from sandbox.salesforce.soql.binding import Binder, Operand, Scene, climber
from sandbox.salesforce.soql.conditions import Conditions, Test
from sandbox.salesforce.soql.functions import AGGREGATES, SHOWN
from sandbox.salesforce.soql.grouping import is_aggregate
from sandbox.salesforce.soql.joining import check_places, check_sub_select
from sandbox.salesforce.soql.planning import candidates
from sandbox.salesforce.soql.shaping import Shape, Write, plain, shape_operand, writer
from sandbox.salesforce.soql.showing import shown
from sandbox.salesforce.soql.sorting import ordered

OWN_RIGHTS = "UserPermissionAccess"
"""An object with one row, which tells whoever asks about themselves."""

OFFSET, FIELDS_LIMIT, CHILDREN, PARENTS, NESTING = 2_000, 200, 20, 55, 5
"""Most rows to skip, rows with FIELDS(ALL), child queries, parents named, and levels of child queries with the root."""


class Selection:
    """One query bound to the org: what it asks is checked when this is made, before any row is read."""

    def __init__(self, scene: Scene, query: tree.Query, kind: ObjectType, level: int = 1) -> None:
        self.scene, self.query, self.kind, self.level = scene, query, kind, level
        self.binder = Binder(scene, kind, {})
        self._name_sources()
        check_places(query.where)
        self.conditions = Conditions(scene.text, scene.calendar, self.binder.operand, self._choose)
        self.is_aggregate = is_aggregate(query)
        if (query.offset or 0) > OFFSET:
            raise OrgError(400, "NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {OFFSET}")
        # What is wrong is told in the order in which it is written: the fields, the conditions, the order.
        self.write: Write | None = None if self.is_aggregate or self.counts_only else self._writer()
        self.test: Test | None = None if query.where is None else self.conditions.test(query.where)
        self.sorts = [] if self.is_aggregate else [(self._sortable(sort), sort) for sort in query.order]
        self.in_scope = self._scope_test()

    @property
    def counts_only(self) -> bool:
        """Whether the query is ``SELECT COUNT()``."""
        return any(isinstance(item, tree.Column) and item.what == tree.Call("COUNT") for item in self.query.select)

    def rows(self) -> list[Record]:
        """The rows that the query finds, in order, cut to its limit."""
        return self.cut(self.matching(self.found()))

    def found(self) -> Iterator[Record]:
        """The records among which the rows are, as queries see them now."""
        org = self.scene.org
        if self.kind.name == OWN_RIGHTS:
            return iter([org.access.own_rights(self.scene.user_id)])
        found = candidates(self.conditions, self.query.where, org.store(self.kind.name), is_late=org.delays_commits)
        return org.seen(found, is_all=self.scene.is_all)

    def matching(self, records: Iterable[Record]) -> Iterator[Record]:
        """Of these records those for which the conditions hold."""
        for test in (self.in_scope, self.test):
            records = records if test is None else filter(test, records)
        return iter(records)

    def cut(self, records: Iterator[Record]) -> list[Record]:
        """The records in order, from the offset on, as many as the limit allows."""
        start, limit = self.query.offset or 0, self.query.limit
        stop = None if limit is None else start + limit
        if not self.sorts:
            return list(islice(records, start, stop))
        return ordered(list(records), self.sorts)[start:stop]

    # What is checked beforehand

    def _name_sources(self) -> None:
        first, *rest = self.query.sources
        if first.alias is not None:
            self.binder.aliases[first.alias.lower()] = ()
        for source in rest:
            path = tree.Path(tuple(source.name.split(".")), at=source.at)
            steps = self.binder.climb(path)
            if source.alias is not None:
                self.binder.aliases[source.alias.lower()] = tuple(step.relationship for step in steps)

    def _sortable(self, sort: tree.Sort) -> Operand:
        operand = self.binder.operand(sort.by)
        if not operand.field.sortable or operand.type in ("multipicklist", "address"):
            sentence = f"field '{operand.field.name}' can not be sorted in a query call"
            raise faults.wrong(self.scene.text, operand.at, "MALFORMED_QUERY", sentence)
        return operand

    def _scope_test(self) -> Test | None:
        scope = self.query.scope
        if scope in (None, "everything", "scopingrule"):
            return None
        known = {name.lower() for name, _ in self.kind.scopes}
        owner = self.kind.field("OwnerId")
        if scope not in known or owner is None:
            raise OrgError(400, "INVALID_QUERY_SCOPE", f"Scope '{scope}' is not supported for the entity '{self.kind.name}'")
        if scope in ("queue_owned", "user_owned"):
            prefix = "00G" if scope == "queue_owned" else "005"
            return lambda record: (record.values.get("OwnerId") or "").startswith(prefix)
        # What is delegated, a team's or a territory's is nobody else's here: the sandbox has no such sharing.
        user_id = self.scene.user_id
        return lambda record: record.values.get("OwnerId") == user_id

    def _choose(self, inner: tree.Query, condition: tree.Membership) -> set[str]:
        """The ids that a sub-select finds."""
        scene = self.scene
        kind = queryable(scene, inner.sources[0])
        if kind.name in ("Task", "Event"):
            raise faults.wrong(
                scene.text, inner.at, "MALFORMED_QUERY", f"Entity '{kind.name}' is not supported for semi join inner selects"
            )
        if len(inner.select) != 1 or not isinstance(column := inner.select[0], tree.Column):
            raise malformed_query("Semi join sub-selects must select exactly one field")
        selection = Selection(scene, replace(inner, select=()), kind, self.level)
        chosen = selection.binder.operand(column.what)
        check_sub_select(scene.text, inner, self.binder.operand(condition.left), chosen)
        return {value for record in selection.rows() if (value := chosen.get(record)) is not None}

    # How rows are written

    def _writer(self) -> Write:
        shape, seen = Shape(), set[str]()
        items = [one for item in self.query.select for one in self._expanded(item)]
        if sum(isinstance(item, tree.ChildQuery) for item in items) > CHILDREN:
            raise malformed_query(f"A query can have at most {CHILDREN} child queries")
        parents: set[tuple[str, ...]] = set()
        for item in items:
            if isinstance(item, tree.ChildQuery):
                name, write = self._children(item)
                self._once(seen, name)
                shape.writers[name] = write
            elif isinstance(item, tree.Typeof):
                name, write = self._by_type(item)
                self._once(seen, name)
                shape.writers[name] = write
            elif isinstance(item, tree.Column):
                operand, key, write = self._column(item)
                names = tuple(step.relationship for step in operand.steps)
                parents.update(names[:size] for size in range(1, len(names) + 1))
                self._once(seen, ".".join((*names, key)))
                shape_operand(shape, operand, key, write)
        for name in shape.parents:
            if name.lower() in seen:
                raise OrgError(400, "INVALID_FIELD", f"duplicate field selected: {name}")
        if len(parents) > PARENTS:
            raise malformed_query(f"A query can name at most {PARENTS} parent relationships")
        return writer(self.scene, shape, self.kind.name)

    def columns(self) -> list[tuple[str, Operand]]:
        """The selected fields as flat columns, each with its path."""
        items = [one for item in self.query.select for one in self._expanded(item)]
        found = [self._column(item) for item in items if isinstance(item, tree.Column)]
        return [(".".join((*(step.relationship for step in operand.steps), key)), operand) for operand, key, _ in found]

    def _once(self, seen: set[str], name: str) -> None:
        if name.lower() in seen:
            raise OrgError(400, "INVALID_FIELD", f"duplicate field selected: {name}")
        seen.add(name.lower())

    def _expanded(self, item: tree.Selected) -> Iterable[tree.Selected]:
        """FIELDS() as the columns it stands for."""
        if not isinstance(item, tree.Fields):
            return [item]
        if item.kind != "STANDARD" and (self.query.limit is None or self.query.limit > FIELDS_LIMIT):
            raise malformed_query(f"The SOQL FIELDS function must have a LIMIT of at most {FIELDS_LIMIT}")
        wanted = {"ALL": (True, False), "STANDARD": (False,), "CUSTOM": (True,)}[item.kind]
        chosen = [one for one in self.kind if one.custom in wanted and self.scene.sees(self.kind, one)]
        return [tree.Column(tree.Path((one.name,), at=item.at), at=item.at) for one in chosen]

    def _column(self, item: tree.Column) -> tuple[Operand, str, Write]:
        what = item.what
        if isinstance(what, tree.Path):
            if item.alias is not None:
                raise malformed_query("only aggregate expressions use field aliasing")
            operand = self.binder.path(what)
            get = operand.get if not operand.steps else own_of(self.scene, operand)
            return operand, operand.field.name, plain(get, operand.field)
        if what.name in AGGREGATES or what.name == "GROUPING":
            raise malformed_query(f"{what.name} can only be used in a grouped query")
        operand = self.binder.call(what)
        if what.name not in SHOWN:
            raise malformed_query(f"Field must be grouped or aggregated: {operand.field.name}")
        get = operand.get if not operand.steps else own_of(self.scene, operand)
        show = shown(what.name, operand.field, operand.type, self.scene.calendar)
        return operand, item.alias or operand.field.name, lambda record: show(get(record))

    def _children(self, item: tree.ChildQuery) -> tuple[str, Write]:
        """A child query: under which name, and what it writes for a parent."""
        scene, source = self.scene, item.query.sources[0]
        names = source.name.split(".")
        if len(names) == 2 and names[0].lower() in (self.kind.name.lower(), *self.binder.aliases):
            names = names[1:]
        child = self.kind.child(names[-1]) if len(names) == 1 else None
        kind = scene.org.schema.object(child.object) if child is not None else None
        if child is None or kind is None or not scene.org.access.may(scene.user_id, kind.name, "read"):
            raise faults.no_such_children(scene.text, source.at, source.name)
        if self.level >= NESTING:
            raise malformed_query(f"Child queries cannot go down more than {NESTING} levels")
        if is_aggregate(item.query):
            raise malformed_query("only root queries support aggregate expressions")
        selection = Selection(scene, item.query, kind, self.level + 1)
        return child.relationship or names[-1], _child_writer(selection, _grouped(scene, kind, child))

    def _by_type(self, item: tree.Typeof) -> tuple[str, Write]:
        """TYPEOF: each parent with the fields named for its type."""
        steps = self.binder.climb(item.path)
        if len(steps) != 1 or len(steps[0].reference.reference_to) < 2:
            raise faults.wrong(
                self.scene.text, item.at, "INVALID_FIELD", f"TYPEOF needs a polymorphic relationship: '{'.'.join(item.path.names)}'"
            )
        step = steps[0]
        writes: dict[str, Write] = {}
        for name, paths in item.branches:
            kind = self.scene.org.schema.object(name)
            if kind is None or kind.name not in step.reference.reference_to:
                raise faults.no_such_object(self.scene.text, item.at, name)
            writes[kind.name] = self._typed(kind, paths)
        rest = self._typed(step.parent, item.otherwise) if item.otherwise else None
        climb = climber(self.scene, steps)

        def write(record: Record) -> Any:
            parent = climb(record)
            if parent is None:
                return None
            chosen = writes.get(parent.object, rest)
            if chosen is None:
                url = f"/services/data/v{self.scene.version}/sobjects/{parent.object}/{parent.id}"
                return {"attributes": {"type": parent.object, "url": url}}
            return chosen(parent)

        return step.relationship, write

    def _typed(self, kind: ObjectType, paths: tuple[tree.Path, ...]) -> Write:
        binder, shape = Binder(self.scene, kind, {}), Shape()
        for path in paths:
            operand = binder.path(path)
            get = operand.get if not operand.steps else own_of(self.scene, operand)
            shape_operand(shape, operand, operand.field.name, plain(get, operand.field))
        return writer(self.scene, shape, kind.name)


def own_of(scene: Scene, operand: Operand) -> Callable[[Record], Any]:
    """Reads the field from the record that has it, for a place where the way to it has been gone already."""
    return Binder(scene, operand.kind, {}).path(tree.Path((operand.field.name,), at=operand.at)).get


def queryable(scene: Scene, source: tree.Source) -> ObjectType:
    """The object that a query reads. OrgError INVALID_TYPE where there is none that this user may query."""
    kind = scene.org.schema.object(source.name)
    if kind is None or not kind.queryable or not scene.org.access.may(scene.user_id, kind.name, "read"):
        raise faults.no_such_object(scene.text, source.at, source.name)
    return kind


def _grouped(scene: Scene, kind: ObjectType, child: Child) -> Callable[[str], Iterable[Record]]:
    """Finds the children of a parent; where changes may be uncommitted, by what queries see and not by what stands there already."""
    store, is_all = scene.org.store(kind.name), scene.is_all
    if not scene.org.delays_commits:
        return lambda parent_id: scene.org.seen(store.children(child.field, parent_id), is_all=is_all)
    groups: dict[str, list[Record]] = {}

    def find(parent_id: str) -> Iterable[Record]:
        if not groups:
            groups[""] = []
            for record in scene.org.seen(store, is_all=is_all):
                groups.setdefault(record.values.get(child.field) or "", []).append(record)
        return groups.get(parent_id, [])

    return find


def _child_writer(selection: Selection, find: Callable[[str], Iterable[Record]]) -> Write:
    write = selection.write

    def write_children(record: Record) -> dict[str, Any] | None:
        rows = selection.cut(selection.matching(find(record.id)))
        if not rows:
            return None
        return {"totalSize": len(rows), "done": True, "records": [] if write is None else [write(row) for row in rows]}

    return write_children
