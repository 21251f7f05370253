"""``composite/tree``: records with their children in one call, all of them or none."""

from __future__ import annotations

from typing import Any

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import OrgError, RowError
from sandbox.salesforce.rest.collections import NOWHERE
from sandbox.salesforce.rest.reading import kind_of, values_of
from sandbox.salesforce.schema import Child, ObjectType
from sandbox.salesforce.undoing import Savepoint

MOST, DEEPEST = 200, 5


class _Tree:
    """One call at work."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.count = 0
        self.made: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []

    def grow(self, kind: ObjectType, rows: Any, parent: tuple[Child, str] | None, depth: int) -> None:
        """Create the rows of one level, and what hangs on them."""
        if not isinstance(rows, list) or depth > DEEPEST:
            raise OrgError(400, "INVALID_INPUT", f"A tree is a list of records, at most {DEEPEST} levels deep.")
        for row in rows:
            head = row.get("attributes") if isinstance(row, dict) else None
            reference = head.get("referenceId") if isinstance(head, dict) else None
            if not isinstance(head, dict) or not reference:
                raise OrgError(400, "INVALID_INPUT", "Include a reference ID for each record in the request.")
            self.count += 1
            if self.count > MOST:
                raise OrgError(400, "INVALID_INPUT", f"The number of records exceeds the limit of {MOST}.")
            hanging = {name: value for name, value in row.items() if isinstance(value, dict) and "records" in value}
            plain = {name: value for name, value in row.items() if name not in hanging}
            record_id = self._make(kind, plain, parent, str(reference))
            for name, value in hanging.items():
                child = kind.child(name)
                if child is None:
                    raise OrgError(400, "INVALID_FIELD", f"No such relation '{name}' on sobject of type {kind.name}")
                if record_id is not None:
                    self.grow(kind_of(self.asked, child.object), value["records"], (child, record_id), depth + 1)

    def _make(self, kind: ObjectType, row: dict[str, Any], parent: tuple[Child, str] | None, reference: str) -> str | None:
        try:
            values = values_of(self.asked, kind, row, NOWHERE)
            if parent is not None:
                values[parent[0].field] = parent[1]
            record = self.asked.org.create(self.asked.user_id, kind.name, values)
        except RowError as error:
            self.refused.append({"referenceId": reference, "errors": [fault.in_batch() for fault in error.faults]})
            return None
        self.made.append({"referenceId": reference, "id": record.id})
        return record.id


def create_tree(asked: Asked) -> Answer:
    """``POST composite/tree/X``: 201 with an id for each reference, or 400 with the errors and nothing written."""
    kind = kind_of(asked, asked.parts["object"])
    rows = asked.json().get("records")
    tree = _Tree(asked)
    point = Savepoint(asked.org)
    try:
        try:
            tree.grow(kind, rows, None, 1)
        except OrgError:
            point.go_back()
            raise
        if tree.refused:
            point.go_back()
            return Answer(400, {"hasErrors": True, "results": tree.refused}, records_in=tree.count)
    finally:
        point.release()
    return Answer(201, {"hasErrors": False, "results": tree.made}, records_in=tree.count)


ROUTES = [Route("POST", "/services/data/v{version}/composite/tree/{object}", create_tree)]
