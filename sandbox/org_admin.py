"""What a person does in an org's pages, for the sandbox's own paths; and a short account of the org."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.salesforce.errors import OrgError, RowError, RowFault
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record
from sandbox.salesforce.values import from_json


def change_in_org(org: Org, given: dict[str, Any]) -> dict[str, Any]:
    """What a person does in the browser. Returns the id of what came of it.

    ``{"crm": "salesforce", "do": "edit", "id": "003…", "fields": {…}}`` · ``create`` with ``type`` and ``fields`` · ``delete`` ·
    ``undelete`` · ``erase`` (from the recycle bin as well) · ``merge`` with ``into``, the record that stays · ``convert`` a lead, into the
    ``account`` and ``contact`` named, else into new ones. It is done as the user ``as``, else as the administrator.

    Raises OrgError or RowError where Salesforce would refuse it.
    """
    user, doing = str(given.get("as") or org.admin_id), str(given.get("do", "edit"))
    with org.lock:
        if doing == "create":
            kind = org.kind(str(given.get("type", "Contact")))
            return {"id": org.create(user, kind.name, _values(org, kind.name, given)).id}
        record = org.find(str(given.get("id", "")), deleted=doing in {"undelete", "erase"})
        if record is None:
            raise OrgError(404, "NOT_FOUND", f"There is no record {given.get('id')}")
        does = _DOING.get(doing)
        if does is None:
            raise OrgError(400, "INVALID_FIELD", f"do must be create, {', '.join(_DOING)}, but was {doing}")
        return {"id": does(org, user, record, given)}


def _edit(org: Org, user: str, record: Record, given: dict[str, Any]) -> str:
    org.update(user, record, _values(org, record.object, given))
    return record.id


def _delete(org: Org, user: str, record: Record, _given: dict[str, Any]) -> str:
    org.delete(user, record)
    return record.id


def _undelete(org: Org, user: str, record: Record, _given: dict[str, Any]) -> str:
    org.undelete(user, record)
    return record.id


def _erase(org: Org, user: str, record: Record, _given: dict[str, Any]) -> str:
    if not record.is_deleted:
        org.delete(user, record)
    org.erase(record)
    return record.id


def _merge(org: Org, user: str, record: Record, given: dict[str, Any]) -> str:
    into = str(given.get("into", ""))
    org.merge(user, record.object, into, [record.id])
    winner = org.find(into)
    return winner.id if winner is not None else into


def _convert(org: Org, user: str, record: Record, given: dict[str, Any]) -> str:
    return org.convert_lead(user, record.id, account_id=given.get("account"), contact_id=given.get("contact")).id


_DOING: dict[str, Callable[[Org, str, Record, dict[str, Any]], str]] = {
    "edit": _edit,
    "delete": _delete,
    "undelete": _undelete,
    "erase": _erase,
    "merge": _merge,
    "convert": _convert,
}


def _values(org: Org, object_name: str, given: dict[str, Any]) -> dict[str, Any]:
    kind = org.kind(object_name)
    found = {}
    for name, value in (given.get("fields") or {}).items():
        field = kind.field(str(name))
        if field is None:
            raise RowError(RowFault("INVALID_FIELD", f"No such column '{name}' on sobject of type {kind.name}", (str(name),)))
        found[field.name] = from_json(field, value)
    return found


def state_of_org(org: Org) -> dict[str, Any]:
    """A short account of the org."""
    with org.lock:
        org.sweep()
        stores = {name: list(store) for name, store in org.stores.items()}
        return {
            "domain": org.org.domain,
            "orgId": org.org.org_id,
            "records": {name: sum(not one.is_deleted for one in rows) for name, rows in stores.items() if rows},
            "archived": {name: number for name, rows in stores.items() if (number := sum(one.is_archived for one in rows))},
            "deleted": {name: number for name, rows in stores.items() if (number := sum(one.is_deleted for one in rows))},
            "customFields": {kind.name: number for kind in org.schema if (number := sum(field.custom for field in kind))},
            "dailyUsed": org.limits.used if org.limits is not None else 0,
            "dailyLimit": org.org.daily,
        }
