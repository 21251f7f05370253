"""The sandbox's own paths, under ``/_sandbox/``: its log, clock, faults, limits and state, and what a person would change in the browser."""

from __future__ import annotations

from collections.abc import Callable
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


def admin_routes(portal: Portal, calls: CallLog, faults: Faults) -> list[Route]:
    """The routes of the admin paths."""

    async def get_calls(request: Request) -> Response:
        query = request.query_params
        status = query.get("status")
        found = calls.select(
            query.get("path", ""),
            method=query.get("method"),
            status=int(status) if status and status.isdigit() else None,
            since=int(query.get("since", "0")) if query.get("since", "0").isdigit() else 0,
        )
        limit = int(query.get("limit", SHOWN_CALLS)) if str(query.get("limit", SHOWN_CALLS)).isdigit() else SHOWN_CALLS
        by_status: dict[str, int] = {}
        for call in found:
            by_status[str(call.status)] = by_status.get(str(call.status), 0) + 1
        shown = found[-limit:] if limit else []
        return _json({"total": len(found), "byStatus": by_status, "calls": [call.as_dict() for call in shown]})

    async def reset_calls(_: Request) -> Response:
        calls.reset()
        return _json({"total": 0})

    async def get_clock(_: Request) -> Response:
        return _json({"now": iso(portal.clock.now_ms()), "frozen": portal.clock.is_frozen, "elapsed": round(portal.clock.elapsed(), 3)})

    async def set_clock(request: Request) -> Response:
        given = await _body(request)
        if "now" in given:
            try:
                moment = datetime.fromisoformat(str(given["now"]))
            except ValueError:
                raise bad_request(f"now must be a moment such as 2026-11-22T09:00:00Z but was {given['now']}") from None
            portal.clock.set(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        if "advance" in given:
            portal.clock.advance(float(given["advance"]))
        if "frozen" in given:
            (portal.clock.freeze if given["frozen"] else portal.clock.run)()
        return await get_clock(request)

    async def get_faults(_: Request) -> Response:
        return _json({"rules": faults.shown()})

    async def add_faults(request: Request) -> Response:
        given = await _body(request)
        for rule in given.get("rules", [given]):
            faults.add(**{"fault": "", **rule})
        return _json({"rules": faults.shown()}, 201)

    async def clear_faults(_: Request) -> Response:
        faults.clear()
        return _json({"rules": []})

    async def get_state(_: Request) -> Response:
        return _json(state_of(portal, calls))

    async def set_limits(request: Request) -> Response:
        given = await _body(request)
        with portal.lock:
            portal.limits.forget()
            if "daily_used" in given:
                portal.limits.daily_used = int(given["daily_used"])
        return _json({"dailyUsed": portal.limits.daily_used})

    async def change(request: Request) -> Response:
        return _json(change_record(portal, await _body(request)))

    return [
        Route("/_sandbox/calls", _guarded(get_calls), methods=["GET"]),
        Route("/_sandbox/reset-calls", _guarded(reset_calls), methods=["POST"]),
        Route("/_sandbox/clock", _guarded(get_clock), methods=["GET"]),
        Route("/_sandbox/clock", _guarded(set_clock), methods=["POST"]),
        Route("/_sandbox/faults", _guarded(get_faults), methods=["GET"]),
        Route("/_sandbox/faults", _guarded(add_faults), methods=["POST"]),
        Route("/_sandbox/faults", _guarded(clear_faults), methods=["DELETE"]),
        Route("/_sandbox/state", _guarded(get_state), methods=["GET"]),
        Route("/_sandbox/limits", _guarded(set_limits), methods=["POST"]),
        Route("/_sandbox/change", _guarded(change), methods=["POST"]),
    ]


def _guarded(endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """Turn our own errors into answers."""

    async def answer(request: Request) -> Response:
        try:
            response: Response = await endpoint(request)
        except ApiError as error:
            return _json(error.body, error.status)
        except (BadInput, ValueError) as fault:
            return _json({"status": "error", "message": str(fault)}, 400)
        return response

    return answer
