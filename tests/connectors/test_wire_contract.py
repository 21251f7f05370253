"""Every request that the connector makes, and every answer to it, fits what HubSpot publishes of its API.

What is published is read from HubSpot's own client, which is generated from HubSpot's specification: its operations (paths, queries, bodies,
statuses) and its models (required keys, types, allowed values). The dated paths have the same models; where today's dated specification asks
for more than the client knows, :data:`TODAY` says so. Where recorded answers of real portals differ from the specification the
recordings count; these exceptions are listed in :data:`KNOWN`, and no others pass.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from urllib.parse import parse_qsl

import pandas as pd
import pytest

from connectors.hubspot import HubSpot, Manner
from connectors.sending import Patience
from sandbox.calls import Call
from sandbox.hubspot.object_types import object_type
from sandbox.running import Sandbox, SandboxOptions, run_sandbox
from sandbox.world import World, WorldOptions, make_world
from transforms.fields import FIELDS
from transforms.vocabulary.changes import CELLS, TASKS, Fate
from transforms.vocabulary.tables import to_table

TEXT_OR_NOTHING = (str, type(None))
KNOWN: dict[str, tuple[type | tuple[type, ...], str]] = {
    "SimplePublicObject.properties": (
        TEXT_OR_NOTHING,
        "what is defined and empty comes as null (recorded; today's v3 specification says so)",
    ),
    "SimplePublicObjectWithAssociations.properties": (TEXT_OR_NOTHING, "the same"),
    "SimplePublicUpsertObject.properties": (TEXT_OR_NOTHING, "the same"),
    "AssociationSpecWithLabel.label": (TEXT_OR_NOTHING, "an association without a label has null there (recorded)"),
    "MultiAssociatedObjectWithLabel.to_object_id": ((int, str), "v4 gives a number (recorded), the dated paths give text"),
    "StandardError.sub_category": (str, "text (recorded), where the specification says object"),
}
"""Attributes whose values differ from the specification: what they may be, and why. The keys must be there all the same."""

NEWER = {"url", "objectWriteTraceId", "dataSensitivity"}
"""Keys of today's specification that the client, being older, does not know."""

TODAY = {
    "PublicObjectSearchRequest": {"after", "filterGroups", "limit", "properties", "sorts"},
    "BatchReadInputSimplePublicObjectId": {"inputs", "properties", "propertiesWithHistory"},
    "SimplePublicObjectBatchInputForCreate": {"associations", "properties"},
    "SimplePublicObject": {"archived"},
    "SimplePublicObjectWithAssociations": {"archived"},
    "SimplePublicUpsertObject": {"archived"},
}
"""Keys that the specifications of 2026-03 and 2026-09 require besides those that the client does."""

ACCOUNT = {
    "details": {
        "portalId": int,
        "accountType": str,
        "timeZone": str,
        "companyCurrency": str,
        "additionalCurrencies": list,
        "utcOffset": str,
        "utcOffsetMilliseconds": int,
        "uiDomain": str,
        "dataHostingLocation": str,
    },
    "access-token-info": {"userId": int, "hubId": int, "appId": int, "scopes": list},
    "private-apps": {"name": str, "usageLimit": int, "currentUsage": int, "collectedAt": str, "fetchStatus": str, "resetsAt": str},
}
"""The pages about the account and its token, which the client lacks: the keys that their documentation requires."""

PACKAGES = (
    *("hubspot.crm.objects", "hubspot.crm.contacts", "hubspot.crm.companies", "hubspot.crm.tickets", "hubspot.crm.properties"),
    *("hubspot.crm.associations", "hubspot.crm.associations.schema", "hubspot.crm.associations.v4", "hubspot.crm.associations.v4.schema"),
    *("hubspot.crm.owners", "hubspot.crm.pipelines"),
)
PLAIN: dict[str, type | tuple[type, ...]] = {"str": str, "int": int, "bool": bool, "float": (int, float), "datetime": str}
MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
QUICK = Patience(attempts=5, first_wait_s=0.01, longest_wait_s=0.05, connect_timeout_s=1.0, read_timeout_s=5.0)


@dataclass(frozen=True)
class Operation:
    """One operation of the client. Types are as the client writes them: str, datetime, list[X], dict(str, X) or a model."""

    package: str
    method: str
    path: re.Pattern[str]
    query: dict[str, str]
    body: str | None
    answers: dict[int, str | None]


@cache
def operations() -> tuple[Operation, ...]:
    """All operations, those with the fewest variable parts first."""
    found: list[tuple[int, Operation]] = []
    for package in PACKAGES:
        place = import_module(f"{package}.api")
        for module in iter_modules(place.__path__):
            source = inspect.getsource(import_module(f"{package}.api.{module.name}"))
            for text in re.split(r"\n    def (?=\w+_with_http_info)", source)[1:]:
                call = re.search(r'call_api\(\s*"([^"]+)",\s*"(\w+)"', text)
                answers = re.search(r"response_types_map = (\{.*?\})", text, re.DOTALL)
                if call is None or answers is None:
                    continue
                types = dict(re.findall(r":param (\w+):.*?\n\s+:type \1: ([^\n]+)", text, re.DOTALL))
                query = re.findall(r'local_var_params\.get\("(\w+)"\)[^\n]*\n\s+query_params\.append\(\("(\w+)"', text)
                body = re.search(r'body_params = local_var_params\["(\w+)"\]', text)
                made = Operation(
                    package,
                    call[2],
                    re.compile("^" + re.sub(r"\{\w+\}", "[^/]+", call[1].rstrip("/")) + "$"),
                    {name: types[parameter] for parameter, name in query},
                    types[body[1]] if body else None,
                    {int(status): kind or None for status, kind in re.findall(r'(\d{3}): "?([\w\[\], ()]*)"?,', answers[1])},
                )
                found.append((call[1].count("{"), made))
    return tuple(operation for _, operation in sorted(found, key=lambda one: one[0]))


def numbered(path: str) -> str:
    """A dated path as it was before: /crm/objects/2026-09/contacts is /crm/v3/objects/contacts."""
    match = re.match(r"^/crm/([a-z-]+)/20\d\d-\d\d(/.*)?$", path)
    if match is None:
        return path
    return f"/crm/{'v4' if match[1] == 'associations' else 'v3'}/{match[1]}{match[2] or ''}"


def faults(package: str, kind: str, value: Any, where: str) -> Iterator[str]:
    """What does not fit the type."""
    many = re.match(r"^(list|dict)[\[(](?:str, )?(.*)[\])]$", kind)
    if many:
        items = value.values() if isinstance(value, dict) and many[1] == "dict" else value if isinstance(value, list) else None
        if items is None:
            yield f"{where} is no {many[1]}"
            return
        for item in items:
            yield from faults(package, many[2], item, where)
    elif kind in PLAIN:
        is_good = isinstance(value, PLAIN[kind]) and (kind == "bool" or not isinstance(value, bool))
        if not is_good or (kind == "datetime" and not MOMENT.match(value)):
            yield f"{where} is {value!r}, not {kind}"
    elif kind != "object":
        yield from _misfits(package, kind, value, where)


@cache
def shape(package: str, kind: str) -> tuple[Any, frozenset[str], dict[str, list[str]]]:
    """A model, the keys that it requires, and the values that it allows where it lists them."""
    model = getattr(import_module(f"{package}.models"), kind)
    source = inspect.getsource(model)
    names = set(re.findall(r"Invalid value for `(\w+)`, must not be `None`", source))
    setters = re.findall(r"@(\w+)\.setter(.*?)(?=@property|def to_dict)", source, re.DOTALL)
    lists = {name: re.search(r"allowed_values = \[(.*?)\]", text, re.DOTALL) for name, text in setters}
    allowed = {model.attribute_map[name]: re.findall(r'"(\w+)"', found[1]) for name, found in lists.items() if found}
    return model, frozenset(model.attribute_map[name] for name in names) | TODAY.get(kind, set()), allowed


def _misfits(package: str, kind: str, value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no {kind}"
        return
    model, required, allowed = shape(package, kind)
    known = {key: name for name, key in model.attribute_map.items()}
    yield from (f"{where}.{key} is missing" for key in sorted(required - value.keys()))
    for key, held in value.items():
        if key not in known:
            if key not in NEWER:
                yield f"{where}.{key} is not of {kind}"
        elif f"{kind}.{known[key]}" in KNOWN:
            allowed_types, _ = KNOWN[f"{kind}.{known[key]}"]
            values = held.values() if isinstance(held, dict) else [held]
            yield from (f"{where}.{key} is {one!r}" for one in values if not isinstance(one, allowed_types))
        else:
            yield from faults(package, model.openapi_types[known[key]], held, f"{where}.{key}")
            if key in allowed and held not in allowed[key]:
                yield f"{where}.{key} is {held!r}, not one of {allowed[key]}"


def misfits(call: Call) -> list[str]:
    """What in a call, its request and its answer, HubSpot's specification does not have."""
    where = f"{call.method} {call.path} {call.status}"
    answer: Any = json.loads(call.answer) if call.answer else None
    if call.path.startswith(("/account-info/", "/oauth/v2/private-apps/")):
        held = answer.get("results", [answer])
        wanted = ACCOUNT[call.path.rpartition("/")[2]]
        return [f"{where}: {key}" for one in held for key, kind in wanted.items() if not isinstance(one.get(key), kind)]
    path = numbered(call.path)
    operation = next((one for one in operations() if one.method == call.method and one.path.match(path)), None)
    if operation is None:
        return [f"{where}: HubSpot has no such path"]
    found = [f"{where}: the query {name}={value}" for name, value in parse_qsl(call.query) if not _is_query(operation, name, value)]
    package = operation.package
    if operation.body:
        found += faults(package, operation.body, json.loads(call.request), f"{where} request")
    elif call.request:
        found.append(f"{where}: a body where none belongs")
    if call.status in operation.answers:
        kind = operation.answers[call.status]
        return found + (list(faults(package, kind, answer, f"{where} answer")) if kind else [])
    if call.status >= 400:
        # Every error of HubSpot's says "error" in a status that its specification does not mention.
        body = {key: value for key, value in answer.items() if key != "status"}
        return found + list(faults(package, "Error", body, f"{where} error"))
    return found if call.status == 204 and answer is None else [*found, f"{where}: a status that is not listed"]


def _is_query(operation: Operation, name: str, value: str) -> bool:
    kind = operation.query.get(name)
    pattern = {"int": r"\d+", "bool": "true|false", None: "(?!)"}.get(kind, ".*")
    return re.fullmatch(pattern, value) is not None


@pytest.fixture(scope="module")
def world() -> World:
    """A few made customers."""
    return make_world(WorldOptions(seed=11, contacts=30, companies=6, months=8, activities_per_contact=12))


def drive(sandbox: Sandbox, version: str) -> None:
    """All that the connector can do: check, set up, pull twice, write with a bad record among good ones, tasks, read back, count, take away."""
    known: dict[str, set[str]] = {}
    manner = Manner(
        version=version,
        patience=QUICK,
        threads=2,
        searches_per_s=400,
        archive_every_s=0,
        count_every_s=0,
        known=lambda stream: known.get(stream, ()),
    )
    crm = HubSpot(sandbox.token, sandbox.base_url, FIELDS, index_lag_s=0, reserve_share=0.1, manner=manner)
    crm.check()
    crm.create_fields(crm.pending_fields(FIELDS))
    tables = ("owners", "contacts", "companies", "activities")
    pages = {table: list(crm.pages(table, None)) for table in tables}
    cursors = {table: some[-1].cursor for table, some in pages.items()}
    for page in (page for some in pages.values() for page in some):
        known.setdefault(page.stream, set()).update(page.rows.iloc[:, 0])
    portal, kind = sandbox.portal, object_type("contacts")
    ids = list(portal.store(kind).live)
    _write(crm, str(ids[0]))
    portal.update(kind, portal.store(kind).live[ids[1]], {"jobtitle": "Chair"}, portal.person_source)
    portal.archive(kind, ids[2])
    portal.merge(kind, portal.store(kind).live[ids[3]], portal.store(kind).live[ids[4]])
    portal.erase_contact(ids[5])
    portal.archive(object_type("emails"), next(iter(portal.stores["emails"].live)))
    for table in tables:
        list(crm.pages(table, cursors[table]))
        list(crm.estimate(table, None, None))
    crm.teardown(crm.pending_teardown())


def _write(crm: HubSpot, contact_id: str) -> None:
    cell = {"crm": "hubspot", "table": "contacts", "field": "why", "old": None, "new": "Writes every 9 days.", "reason": "first"}
    cells = to_table(CELLS, pd.DataFrame([{**cell, "record_id": contact_id}, {**cell, "record_id": "7"}]))
    assert [report.fate for report in crm.write_fields("contacts", cells)] == [Fate.WRITTEN, Fate.FAILED]
    task = {"task_key": "still-1", "crm": "hubspot", "contact_id": contact_id, "play": "p", "reason": "r", "subject": "Call", "body": "Now"}
    task |= {"way": "call", "priority": "high", "due_at": pd.Timestamp("2026-12-01", tz="UTC"), "state": "open"}
    tasks = to_table(TASKS, pd.DataFrame([task]))
    made = list(crm.create_tasks(tasks))
    assert [report.fate for report in made] == [Fate.WRITTEN]
    crm.current_tasks(tasks)
    known = tasks.assign(task_id=pd.Series([made[0].crm_id], dtype="str"))
    list(crm.update_tasks(known.assign(state=pd.Series(["done"], dtype="str"))))
    list(crm.update_tasks(known.assign(state=pd.Series(["deleted"], dtype="str"))))
    crm.current("contacts", [contact_id], [field for field in FIELDS if field.table == "contacts"])


WRITES = {"contacts/batch/update", "tasks/batch/update", "tasks/batch/archive", "tasks/batch/read", "contacts/search"}


@pytest.mark.parametrize(
    ("version", "has_unique_key"), [("v3", True), ("v3", False), ("2026-03", True), ("2026-09", True), ("2026-09", False)]
)
def test_every_exchange_fits_the_specification(world: World, version: str, has_unique_key: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Paths, queries, bodies, statuses and answers of all that the connector does, on each path family and in both ways of making tasks."""
    options = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0, 0), keep_bodies=10_000, task_unique_property=has_unique_key)
    with run_sandbox(world=world, options=options) as sandbox:
        drive(sandbox, version)
        assert [fault for call in sandbox.calls for fault in misfits(call)] == []
        assert sandbox.calls.count("emails/batch/read")  # only counting asks what became of an e-mail
        made = {re.sub(r"^/crm/(v\d|\w+)/(20\d\d-\d\d|objects)/", "", call.path) for call in sandbox.calls}
        assert made >= WRITES | {"tasks/batch/upsert" if has_unique_key else "tasks/batch/create"}
        assert {200, 201, 204, 207} <= {call.status for call in sandbox.calls}


def test_a_misfit_is_seen() -> None:
    """The check itself: an unknown path, an unknown query, a missing key, a wrong type and a word that is not allowed are each told."""
    call = Call(1, pd.Timestamp("2026-01-01", tz="UTC"), "POST", "/crm/v3/objects/contacts/search", "x=1", 200)
    sort = {"propertyName": "createdate", "direction": "ASCENDING"}
    wrong = {"propertyName": "email", "operator": "IS", "value": "a"}
    call.request = json.dumps({"filterGroups": [{"filters": [wrong]}], "sorts": [sort], "properties": [], "limit": "5"})
    call.answer = json.dumps({"results": [{"id": 5}]})
    found = {fault.removeprefix("POST /crm/v3/objects/contacts/search 200").lstrip(" :") for fault in misfits(call)}
    assert {fault.split(" is ")[0] for fault in found} == {
        *("the query x=1", "request.after", "request.limit", "request.sorts", "request.filterGroups.filters.operator"),
        *("answer.total", "answer.results.id", "answer.results.archived", "answer.results.createdAt"),
        *("answer.results.properties", "answer.results.updatedAt"),
    }
    assert misfits(Call(1, call.at, "GET", "/crm/v3/nothing", "", 200)) == ["GET /crm/v3/nothing 200: HubSpot has no such path"]
