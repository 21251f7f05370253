"""Who may see and change what: profiles and permission sets, read from their own records, so that inserting one is what grants.

Every profile has a permission set of its own, as in Salesforce. A standard object or field is open to a user unless that set says
otherwise; a field that is hidden until granted needs a FieldPermissions record in a permission set that is assigned to the user. Other
permission sets only add. Task and Event share their field permissions, whichever of the two is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, ObjectType

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

VERBS = {
    "create": "PermissionsCreate",
    "read": "PermissionsRead",
    "update": "PermissionsEdit",
    "delete": "PermissionsDelete",
    "view_all": "PermissionsViewAllRecords",
    "modify_all": "PermissionsModifyAllRecords",
}
_WATCHED = ("PermissionSetAssignment", "FieldPermissions", "ObjectPermissions", "PermissionSet", "User")
_ACTIVITY, _SHARED = "activity", {"task", "event"}


class _Grants:
    """What one user was given: fields and verbs by lower-case object; a value False takes away what is open by default."""

    def __init__(self) -> None:
        self.reads: dict[tuple[str, str], bool] = {}
        self.edits: dict[tuple[str, str], bool] = {}
        self.verbs: dict[tuple[str, str], bool] = {}


class Access:
    """The permissions of an org's users."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._version: tuple[int, ...] = ()
        self._grants: dict[str, _Grants] = {}

    def sees(self, user_id: str, object_name: str, field: str) -> bool:
        """Whether a user may read a field: it is in describe then, and in queries."""
        kind = self._org.schema.object(object_name)
        one = kind.field(field) if kind else None
        return kind is not None and one is not None and self.sees_field(user_id, kind, one)

    def edits(self, user_id: str, object_name: str, field: str) -> bool:
        """Whether a user may write a field, as far as permissions go."""
        kind = self._org.schema.object(object_name)
        one = kind.field(field) if kind else None
        return kind is not None and one is not None and self.edits_field(user_id, kind, one)

    def sees_field(self, user_id: str, kind: ObjectType, field: Field) -> bool:
        """The same as ``sees``, for an object and field already found."""
        if not field.permissionable:
            return True
        return self._of(user_id).reads.get(_key(kind, field), not field.is_hidden_until_granted)

    def edits_field(self, user_id: str, kind: ObjectType, field: Field) -> bool:
        """The same as ``edits``, for an object and field already found."""
        if not field.permissionable:
            return True
        return self._of(user_id).edits.get(_key(kind, field), not field.is_hidden_until_granted)

    def may(self, user_id: str, object_name: str, verb: str) -> bool:
        """Whether a user may ``create``, ``read``, ``update`` or ``delete`` records of an object (also ``view_all``, ``modify_all``)."""
        return self._of(user_id).verbs.get((object_name.lower(), verb), True)

    def permits(self, user_id: str, *permissions: str) -> bool:
        """Whether a user has one of these user permissions, such as ``PermissionsModifyMetadata``, through any set."""
        return any(one.values.get(name) for one in self._sets_of(user_id) for name in permissions)

    def own_rights(self, user_id: str) -> Record:
        """The row of UserPermissionAccess that a user is shown: every permission, through whichever set."""
        store = self._org.store("UserPermissionAccess")
        names = [one.name for one in store.type if one.name.startswith("Permissions")]
        return store.make("000000000000000AAA", {name: self.permits(user_id, name) for name in names})

    def _sets_of(self, user_id: str) -> list[Record]:
        sets = self._org.store("PermissionSet").rows
        assigned = self._org.store("PermissionSetAssignment").children("AssigneeId", user_id)
        held = [sets.get(one.values["PermissionSetId"]) for one in assigned if not one.is_deleted]
        return [one for one in held if one is not None and not one.is_deleted]

    def grant(self, permission_set_id: str, object_name: str, field: str, *, read: bool = True, edit: bool = True) -> None:
        """Give (or with ``read`` False take) a field through a permission set. Task and Event share their field permissions."""
        for name in ("Task", "Event") if object_name.lower() in _SHARED else (object_name,):
            kind = self._org.schema.object(name)
            one = kind.field(field) if kind else None
            if kind is None or one is None:
                continue
            values = {"PermissionsRead": read or edit, "PermissionsEdit": edit}
            path = f"{kind.name}.{one.name}"
            held = [
                record
                for record in self._org.store("FieldPermissions").children("ParentId", permission_set_id)
                if record.values.get("Field") == path and not record.is_deleted
            ]
            if held:
                self._org.store("FieldPermissions").change(held[0], values)
            else:
                self._org.import_record(
                    "FieldPermissions", {"ParentId": permission_set_id, "SobjectType": kind.name, "Field": path, **values}
                )

    def allow(self, permission_set_id: str, object_name: str, **verbs: bool) -> None:
        """Give or take verbs of an object through a permission set: ``allow(set_id, "Case", read=False)``."""
        values = {VERBS[verb]: held for verb, held in verbs.items()}
        store = self._org.store("ObjectPermissions")
        held = [one for one in store.children("ParentId", permission_set_id) if one.values.get("SobjectType") == object_name]
        if held:
            store.change(held[0], values)
        else:
            full = {VERBS[verb]: verb in {"create", "read", "update", "delete"} for verb in VERBS}
            self._org.import_record("ObjectPermissions", {"ParentId": permission_set_id, "SobjectType": object_name, **full, **values})

    def profile_set(self, user_id: str) -> str:
        """The permission set of a user's profile: what is taken there is taken from all users of the profile."""
        for one in self._org.store("PermissionSetAssignment").children("AssigneeId", user_id):
            record = self._org.find(one.values["PermissionSetId"])
            if record is not None and record.values.get("IsOwnedByProfile"):
                return record.id
        raise LookupError(f"the user {user_id} has no profile; make users with add_user")

    def _of(self, user_id: str) -> _Grants:
        stores = self._org.stores
        version = tuple(stores[name].changes for name in _WATCHED)
        if version != self._version:
            self._version = version
            self._grants = {}
        found = self._grants.get(user_id)
        if found is None:
            found = self._grants[user_id] = self._gather(user_id)
        return found

    def _gather(self, user_id: str) -> _Grants:
        """What the profile's own set says, and what the other sets add to it; they take nothing away."""
        org, grants = self._org, _Grants()
        assigned = [one for one in org.store("PermissionSetAssignment").children("AssigneeId", user_id) if not one.is_deleted]
        sets = [record for one in assigned if (record := org.find(one.values["PermissionSetId"])) is not None]
        for permission_set in sorted(sets, key=lambda one: not one.values.get("IsOwnedByProfile", False)):
            may_take = permission_set.values.get("IsOwnedByProfile", False)
            for record in org.store("FieldPermissions").children("ParentId", permission_set.id):
                name, _, field = record.values["Field"].lower().partition(".")
                name = _ACTIVITY if name in _SHARED else name
                for store, key in ((grants.reads, "PermissionsRead"), (grants.edits, "PermissionsEdit")):
                    if may_take or record.values.get(key):
                        store[(name, field)] = record.values.get(key, False)
            for record in org.store("ObjectPermissions").children("ParentId", permission_set.id):
                name = record.values["SobjectType"].lower()
                for verb, key in VERBS.items():
                    if may_take or record.values.get(key):
                        grants.verbs[(name, verb)] = record.values.get(key, False)
        return grants


def _key(kind: ObjectType, field: Field) -> tuple[str, str]:
    name = kind.name.lower()
    return _ACTIVITY if name in _SHARED else name, field.name.lower()
