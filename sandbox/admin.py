"""The sandbox's own paths, under ``/_sandbox/``: its log, clock, faults, limits and state, and what a person would change in the browser."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.calls import CallLog
from sandbox.faults import Faults
from sandbox.hubspot.errors import ApiError, bad_request, not_found
from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.values import iso
from sandbox.hubspot.writing import apply_update, check_unique, checked_values
from sandbox.org_admin import change_in_org, state_of_org
from sandbox.salesforce.errors import OrgError, RowError
from sandbox.salesforce.org import Org
from transforms.vocabulary.errors import BadInput

SHOWN_CALLS = 100


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_INDENT_2), status, media_type="application/json")


async def _body(request: Request) -> dict[str, Any]:
    text = await request.body()
    try:
        found = orjson.loads(text or b"{}")
    except orjson.JSONDecodeError as fault:
        raise bad_request(f"The body is not JSON: {fault}") from None
    if not isinstance(found, dict):
        raise bad_request("The body must be a JSON object")
    return found


def change_record(portal: Portal, given: dict[str, Any]) -> dict[str, Any]:
    """What a person does in the browser: edit properties, archive, merge, erase, link. Returns what came of it.

    ``{"do": "edit", "type": "contacts", "id": "1", "properties": {…}}`` · ``archive`` · ``merge`` with ``into`` (the primary record) ·
    ``erase`` · ``link`` with ``to_type`` and ``to_id``. A person may also set what the API may not, so read-only properties are allowed.
    """
    kind = object_type(str(given.get("type", "contacts")))
    record_id = str(given.get("id", ""))
    with portal.lock:
        record = portal.find(kind, record_id)
        if record is None:
            raise not_found(context={"id": [record_id]})
        doing = given.get("do", "edit")
        if doing == "archive":
            portal.archive(kind, record.id)
        elif doing == "erase":
            portal.erase_contact(record.id)
        elif doing == "merge":
            primary = portal.find(kind, str(given.get("into", "")))
            if primary is None:
                raise not_found(context={"id": [str(given.get("into"))]})
            return {"id": str(portal.merge(kind, primary, record).id)}
        elif doing == "link":
            other = object_type(str(given.get("to_type", "companies")))
            target = portal.find(other, str(given.get("to_id", "")))
            if target is None:
                raise not_found(context={"id": [str(given.get("to_id"))]})
            portal.links.add((kind.name, other.name), record.id, target.id, [int(n) for n in given.get("types", [])])
        elif doing == "edit":
            values = _edited(portal, kind.name, record_id, given.get("properties") or {})
            check_unique(portal, kind, values, record.id, set(), names_the_id=True)
            apply_update(portal, kind, record, values, portal.person_source)
        else:
            raise bad_request(f"do must be edit, archive, merge, erase or link, but was {doing}")
    return {"id": str(record.id)}


def _edited(portal: Portal, kind_name: str, record_id: str, properties: dict[str, Any]) -> dict[str, Any]:
    kind = object_type(kind_name)
    schema = portal.schemas[kind.name]
    locked = [name for name in properties if (d := schema.all.get(name)) is not None and d.is_read_only]
    for name in locked:
        schema.all[name].is_read_only = False
    try:
        return checked_values(portal, kind, properties, portal.find(kind, record_id))
    finally:
        for name in locked:
            schema.all[name].is_read_only = True


def state_of(portal: Portal, calls: CallLog) -> dict[str, Any]:
    """A short account of the portal."""
    with portal.lock:
        return {
            "portalId": portal.options.portal_id,
            "now": iso(portal.clock.now_ms()),
            "records": {name: len(store.live) for name, store in portal.stores.items()},
            "archived": {name: len(store.archived) for name, store in portal.stores.items() if store.archived},
            "merged": {name: len(store.merged) for name, store in portal.stores.items() if store.merged},
            "notYetSearchable": {name: store.index.waiting for name, store in portal.stores.items() if store.index.waiting},
            "owners": len(portal.owners.all),
            "customProperties": {name: schema.custom_count() for name, schema in portal.schemas.items() if schema.custom_count()},
            "calls": len(calls),
            "dailyUsed": portal.limits.daily_used,
            "dailyLimit": portal.limits.tier.daily,
            "burstLimit": portal.limits.tier.burst,
        }


def admin_routes(portal: Portal, org: Org, calls: CallLog, faults: Faults) -> list[Route]:
    """The routes of the admin paths."""
    admin = _Admin(portal, org, calls, faults)
    table = {
        ("GET", "calls"): admin.calls,
        ("POST", "reset-calls"): admin.reset_calls,
        ("GET", "clock"): admin.clock,
        ("POST", "clock"): admin.set_clock,
        ("GET", "faults"): admin.faults,
        ("POST", "faults"): admin.add_faults,
        ("DELETE", "faults"): admin.clear_faults,
        ("GET", "state"): admin.state,
        ("POST", "limits"): admin.set_limits,
        ("POST", "change"): admin.change,
    }
    return [Route(f"/_sandbox/{name}", _guarded(endpoint), methods=[method]) for (method, name), endpoint in table.items()]


class _Admin:
    """The endpoints of the admin paths."""

    def __init__(self, portal: Portal, org: Org, calls: CallLog, faults: Faults) -> None:
        self._portal = portal
        self._org = org
        self._calls = calls
        self._faults = faults

    async def calls(self, request: Request) -> Response:
        """The log: ``path`` (regular expression), ``method``, ``status``, ``since`` and ``limit`` narrow it."""
        query = request.query_params
        status, since = query.get("status"), int(query.get("since", "0"))
        limit = int(query.get("limit", SHOWN_CALLS))
        found = self._calls.select(query.get("path", ""), method=query.get("method"), status=int(status) if status else None, since=since)
        by_status: dict[str, int] = {}
        for call in found:
            by_status[str(call.status)] = by_status.get(str(call.status), 0) + 1
        shown = found[-limit:] if limit else []
        return _json({"total": len(found), "byStatus": by_status, "calls": [call.as_dict() for call in shown]})

    async def reset_calls(self, _: Request) -> Response:
        """Empty the log."""
        self._calls.reset()
        return _json({"total": 0})

    async def clock(self, _: Request) -> Response:
        """What time it is."""
        clock = self._portal.clock
        return _json({"now": iso(clock.now_ms()), "frozen": clock.is_frozen, "elapsed": round(clock.elapsed(), 3)})

    async def set_clock(self, request: Request) -> Response:
        """``now``, ``advance`` (seconds), ``frozen``."""
        given = await _body(request)
        clock = self._portal.clock
        if "now" in given:
            moment = datetime.fromisoformat(str(given["now"]))
            clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        if "advance" in given:
            clock.advance(float(given["advance"]))
        if "frozen" in given:
            (clock.freeze if given["frozen"] else clock.run)()
        return await self.clock(request)

    async def faults(self, _: Request) -> Response:
        """The rules in force, with how often they matched and struck."""
        return _json({"rules": self._faults.shown()})

    async def add_faults(self, request: Request) -> Response:
        """One rule, or a list called rules."""
        given = await _body(request)
        for rule in given.get("rules", [given]):
            self._faults.add(**{"fault": "", **rule})
        return _json({"rules": self._faults.shown()}, 201)

    async def clear_faults(self, _: Request) -> Response:
        """Take all rules away."""
        self._faults.clear()
        return _json({"rules": []})

    async def state(self, _: Request) -> Response:
        """How much of what the portal holds, and under ``salesforce`` the org."""
        return _json({**state_of(self._portal, self._calls), "salesforce": state_of_org(self._org)})

    async def set_limits(self, request: Request) -> Response:
        """Empty the short windows; ``daily_used`` sets what was used today, ``org_daily_used`` what others used of the org's calls."""
        given = await _body(request)
        if "org_daily_used" in given:
            with self._org.lock:
                self._org.limits.others = int(given["org_daily_used"])
        with self._portal.lock:
            self._portal.limits.forget()
            if "daily_used" in given:
                self._portal.limits.daily_used = int(given["daily_used"])
        return _json({"dailyUsed": self._portal.limits.daily_used, "orgDailyUsed": self._org.limits.used})

    async def change(self, request: Request) -> Response:
        """Do what a person would do in the browser; see :func:`change_record`, and for ``"crm": "salesforce"`` :func:`change_in_org`."""
        given = await _body(request)
        if given.get("crm") == "salesforce":
            return _json(change_in_org(self._org, given))
        return _json(change_record(self._portal, given))


def _guarded(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Turn our own errors into answers."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            return _json(error.body, error.status)
        except OrgError as error:
            return _json(error.body(), error.status)
        except RowError as error:
            return _json(error.as_call(), error.status)
        except (BadInput, ValueError, TypeError, re.error) as fault:
            return _json({"status": "error", "message": str(fault)}, 400)

    return answer
