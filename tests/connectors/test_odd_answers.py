"""Answers of another form than the sandbox gives: what the vendors' documentation allows or leaves open, and single records that are spoiled.

The form must not matter, and a spoiled record must not keep its neighbours from being read.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from connectors.hubspot import HubSpot
from connectors.hubspot import Manner as HubSpotManner
from connectors.hubspot.activities import inline_links, to_activities
from connectors.hubspot.client import Client
from connectors.hubspot.paths import Paths
from connectors.hubspot.records import is_in_order, next_page, to_links, to_named, to_records, to_text
from connectors.hubspot.streams import CALLS, CONTACTS, EMAILS
from connectors.hubspot.values import to_ms, to_number, to_times
from connectors.hubspot.watching import walk
from connectors.json_text import to_json
from connectors.limiter import Limiter
from connectors.protocol import Crm
from connectors.salesforce import Credentials, Salesforce
from connectors.salesforce import Manner as SalesforceManner
from connectors.salesforce.bulk import Pace
from connectors.salesforce.client import Answer, to_found
from connectors.salesforce.values import to_ms as to_org_ms
from connectors.sending import Patience
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from tests.connectors.conftest import FIELDS
from tests.connectors.conftest import QUICK as PATIENT
from tests.connectors.scripted import Scripted, Seen, reply, scripted_server
from tests.connectors.tampered import Tampered, tampered_server
from transforms.vocabulary.errors import CrmUnreachable

QUICK = Patience(attempts=2, first_wait_s=0.0, longest_wait_s=0.0, connect_timeout_s=2.0, read_timeout_s=2.0)
WHAT = "read contacts"
PULLED = ("owners", "contacts", "companies", "activities")
Json = dict[str, Any]


# HubSpot: one result


def record(held: Any, record_id: Any = "1") -> Json:
    """A result with these properties."""
    return {"id": record_id, "properties": held}


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (record({"a": "x"}), record({"a": "x"})),
        (record({"a": None, "b": ""}), record({"a": None, "b": ""})),
        (record({"a": 5, "b": True, "c": 1.5, "d": 2.0}), record({"a": "5", "b": "true", "c": "1.5", "d": "2"})),
        (record({"a": ["x"], "b": {"value": "x"}, "c": "kept"}), record({"a": None, "b": None, "c": "kept"})),
        (record({"a": "x"}, 7), record({"a": "x"}, "7")),
        ({**record({}), "new": [1], "archived": None}, {**record({}), "new": [1], "archived": None}),
        (record({}, None), None),
        (record({}, ""), None),
        (record({}, {}), None),
        (record(None), None),
        (record([]), None),
        ({"id": "1"}, None),
        (None, None),
        ("text", None),
    ],
)
def test_a_result_becomes_a_record_of_texts(result: Any, kept: Json | None) -> None:
    """Ids and values are text or nothing, whatever they came as; what has no id or no properties is no record."""
    assert to_records([record({}, "8"), result], what=WHAT) == [record({}, "8"), *([] if kept is None else [kept])]


def test_many_results_without_a_record_are_refused() -> None:
    """One spoiled result is left out; where none of many can be read the form has changed, and an empty extract would be a lie."""
    assert to_records([None], what=WHAT) == []
    for read in (to_records, lambda results, what: to_named(results, "id", what=what)):
        with pytest.raises(CrmUnreachable, match="none of HubSpot's results has the form"):
            read([{}] * 10, what=WHAT)
    with pytest.raises(CrmUnreachable, match="not every one of HubSpot's results"):
        to_records([record({}), None], what=WHAT, needs_all=True)


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({}, None),
        ({"paging": None}, None),
        ({"paging": {}}, None),
        ({"paging": []}, None),
        ({"paging": {"next": None}}, None),
        ({"paging": {"next": {}}}, None),
        ({"paging": {"next": {"after": None, "link": "?"}}}, None),
        ({"paging": {"prev": {"before": "1", "link": "?"}}}, None),
        ({"paging": {"next": {"after": "12"}}}, "12"),
        ({"paging": {"next": {"after": 12, "link": "?"}}}, "12"),
    ],
)
def test_where_a_list_goes_on(body: Json, after: str | None) -> None:
    """It goes on where ``after`` is told, with or without a link; any part of ``paging`` may be empty at the end."""
    assert next_page(body) == after


def test_links_in_any_form() -> None:
    """Ids of associations come as numbers or text; a result without its record is left out; where none has one the answer is refused."""
    good = {"from": {"id": 5}, "to": [{"toObjectId": 7, "associationTypes": []}, {"toObjectId": "8"}, {}, None]}
    more = {"from": {"id": "6"}, "to": None, "paging": {"next": {"after": "9"}}}
    assert to_links([good, more, {"from": None}, None], what=WHAT) == [("5", ["7", "8"], None), ("6", [], "9")]
    assert to_links(None, what=WHAT) == []
    with pytest.raises(CrmUnreachable, match="none of HubSpot's results"):
        to_links([{"fromId": "5", "to": []}], what=WHAT)


def test_inline_associations_in_any_form() -> None:
    """The associations of a listed record may be missing, null or numbers; an empty ``paging`` does not mean that there are more."""
    told: list[tuple[Json, list[str], bool]] = [
        ({}, [], False),
        ({"associations": None}, [], False),
        ({"associations": {"contacts": None}}, [], False),
        ({"associations": {"contacts": {"results": None}}}, [], False),
        ({"associations": {"contacts": {"results": [{"id": 4}, {"id": "5"}, {"id": "5"}, {}], "paging": {}}}}, ["4", "5"], False),
        ({"associations": {"contacts": {"results": [{"id": "4"}], "paging": {"next": {"after": "9"}}}}}, ["4"], True),
    ]
    for one, ids, is_unfinished in told:
        assert inline_links([{"id": "1", **one}], "contacts") == ({"1": ids}, ["1"] if is_unfinished else [])


MOMENTS: list[tuple[str | None, int | None]] = [
    ("2026-11-22T09:00:00Z", 1_795_338_000_000),
    ("2026-11-22T09:00:00.123Z", 1_795_338_000_123),
    ("2026-11-22T10:00:00+01:00", 1_795_338_000_000),
    ("2026-11-22T09:00:00.000+0000", 1_795_338_000_000),
    ("2026-11-22T09:00:00", 1_795_338_000_000),
    ("2026-11-22", 1_795_305_600_000),
    ("1795338000000", 1_795_338_000_000),
    ("-1000", -1000),
    ("", None),
    (None, None),
    ("yesterday", None),
    ("2026-13-45", None),
    ("+10000-01-01T00:00:00Z", None),
    ("253402300800000", None),
    ("99999999999999999999", None),
]
"""Moments as properties of HubSpot hold them, and the epoch milliseconds; people type years such as 20260 too."""


@pytest.mark.parametrize(("text", "ms"), MOMENTS)
def test_moments_of_any_form(text: str | None, ms: int | None) -> None:
    """ISO with any offset, a day, or epoch milliseconds; what is no moment is missing, alone and in a column."""
    assert to_ms(text) == ms
    moment = to_times([text])[0]
    assert (None if pd.isna(moment) else int(moment.timestamp() * 1000)) == ms


def test_numbers_and_texts_of_any_form() -> None:
    """What is no number counts as none; flags and numbers are written as HubSpot writes them."""
    assert [to_number(text) for text in ("12", "1.5", "", None, "n/a")] == [12.0, 1.5, 0.0, 0.0, 0.0]
    values: list[Any] = [True, False, 3, 3.0, "", "x", None, [], {}]
    assert [to_text(value) for value in values] == ["true", "false", "3", "3", None, "x", None, None, None]


def test_spoiled_values_of_an_activity_stay_its_own() -> None:
    """Unknown words, a duration that is none and odd addresses: the row comes all the same, and its neighbour as it is."""
    calls = [
        record({"hs_timestamp": "2026-11-22T09:00:00Z", "hs_call_status": "COMPLETED", "hs_call_duration": "n/a"}, "1"),
        record({"hs_timestamp": "2026-11-22T09:00:00Z", "hs_call_status": "COMPLETED", "hs_call_duration": "60000"}, "2"),
    ]
    rows = to_activities(CALLS, calls, {"1": ["5"], "2": ["5"]}, {}, unknown=Counter())
    assert rows["outcome"].tolist() == ["other", "connected"]
    party = '{"from": [{"email": 5, "firstName": 7}], "to": "nobody"}'
    mails = [
        record({"hs_timestamp": "1795338000000", "hs_email_direction": "EMAIL", "hs_email_headers": text}) for text in (party, "[1]", "{")
    ]
    found = [to_activities(EMAILS, [mail], {"1": ["5"]}, {}, unknown={}) for mail in mails]  # type: ignore[arg-type]  # nothing is counted
    assert [one["headers"].fillna("").tolist() for one in found] == [["From: 7 <5>"], [""], [""]]


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'{"a": "half \\ud83d"}', {"a": "half \ufffd"}),
        (b'{"a": ["whole \\ud83d\\ude00"]}', {"a": ["whole \U0001f600"]}),
        (b'{"\\ude00": null}', {"\ufffd": None}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": "cut', None),
        (b"<html></html>", None),
        (b"", None),
    ],
)
def test_json_with_half_a_character(body: bytes, read: Any) -> None:
    """Half a character is shown as one that cannot be read; what is cut short, or no JSON, stays none."""
    assert to_json(body) == read


# HubSpot: whole answers


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    """One server for all."""
    with scripted_server() as running:
        yield running


@pytest.fixture
def client(server: Scripted) -> Client:
    """A client that waits for nothing."""
    return Client("token", server.base_url, paths=Paths("v3"), limiter=Limiter(limit=100_000), patience=QUICK, connections=2)


@pytest.mark.parametrize("total", [None, "many", -1, [], True])
def test_a_search_that_does_not_say_how_many_is_no_answer(server: Scripted, client: Client, total: Any) -> None:
    """Taken for the last page, it would end an extract early."""
    server.tell(reply(200, {"results": [record({})], **({} if total is None else {"total": total})}))
    with pytest.raises(CrmUnreachable, match="did not say how many"):
        client.search("contacts", [], sort="hs_object_id")


@pytest.mark.parametrize("results", [{}, {"results": None}, {"results": []}])
def test_a_207_of_errors_alone_has_no_results(server: Scripted, client: Client, results: Json) -> None:
    """Where nothing was found there may be no list of results; an answer without errors and results is none."""
    missing = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": "told", "context": {"ids": ["1"]}}
    server.tell(reply(207, {"status": "COMPLETE", "errors": [missing], "numErrors": 1, **results}))
    assert list(client.batch_read("contacts", ["1"], ())) == []
    assert client.links("contacts", "tasks", ["1"]) == {}
    if "results" not in results:
        server.tell(reply(207, {"status": "COMPLETE"}))
        with pytest.raises(CrmUnreachable, match="empty or cut short"):
            list(client.batch_read("contacts", ["1"], ()))


def test_a_spoiled_result_is_not_taken_for_a_record_that_is_gone(server: Scripted, client: Client) -> None:
    """Reading by id decides what exists: where one result cannot be read, nothing is concluded."""
    server.tell(reply(200, {"results": [record({}), {"id": "2"}]}))
    with pytest.raises(CrmUnreachable, match="not every one"):
        list(client.batch_read("contacts", ["1", "2"], ()))
    assert [one["id"] for one in client.batch_read("contacts", ["1", "2"], (), needs_all=False)] == ["1"]


def test_a_search_that_comes_in_another_order_is_asked_in_the_guides_form(server: Scripted, client: Client) -> None:
    """The specification has the order as text, the guide as an object. The extract rests on it, so it is looked at."""
    held = [record({"lastmodifieddate": f"2026-11-22T09:00:0{one}Z"}, str(one)) for one in range(4)]

    def answer(call: Seen) -> bytes:
        order = call.json()["sorts"][0]
        found = held[::-1] if isinstance(order, dict) and order["direction"] == "DESCENDING" else held
        return reply(200, {"total": 4, "results": found})

    server.tell(answer)
    found = client.search("contacts", [], sort="lastmodifieddate", is_descending=True)
    assert [one["id"] for one in found.records] == ["3", "2", "1", "0"]
    assert [call.json()["sorts"] for call in server.seen] == [
        ["-lastmodifieddate"],
        [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}],
    ]
    client.search("contacts", [], sort="lastmodifieddate")
    assert server.seen[-1].json()["sorts"] == [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    assert is_in_order(held, "lastmodifieddate", is_descending=False)
    assert is_in_order([record({}), record({"a": "2"}), record({"a": "2"})], "a", is_descending=True)


def test_a_spoiled_record_on_a_full_page_does_not_end_a_walk(server: Scripted, client: Client) -> None:
    """A page is full by what came, not by what could be read: what lies behind it is read as well."""
    many = [record({"lastmodifieddate": "2026-11-22T09:00:00Z"}, str(one)) for one in range(1, 251)]

    def answer(call: Seen) -> bytes:
        after = next((int(one["value"]) for one in call.json()["filterGroups"][0]["filters"] if one["operator"] == "GT"), 0)
        is_over = any(
            one["operator"] == "GTE" and int(one["value"]) > 1_795_338_000_000 for one in call.json()["filterGroups"][0]["filters"]
        )
        left = [] if is_over else [one for one in many if int(one["id"]) > after]
        page: list[Any] = left[:200]
        if len(page) > 5:
            page[5] = {"id": None}
        return reply(200, {"total": len(left), "results": page})

    server.tell(answer)
    read = [one["id"] for step in walk(client, CONTACTS, "lastmodifieddate", 1_795_338_000_000) for one in step.records]
    assert len(set(read)) == 248
    assert "250" in read


# Salesforce


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-22T09:00:00.000+0000", 1_795_338_000_000),
        ("2026-11-22T09:00:00.000+00:00", 1_795_338_000_000),
        ("2026-11-22T09:00:00Z", 1_795_338_000_000),
        ("2026-11-22T10:00:00.000+0100", 1_795_338_000_000),
        ("2026-11-22", 1_795_305_600_000),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_moments_of_an_org(text: str | None, ms: int | None) -> None:
    """REST writes +0000, bulk jobs Z; what is no moment is missing."""
    assert to_org_ms(text) == ms


@pytest.mark.parametrize(
    ("body", "ids", "more"),
    [
        ({"records": None, "totalSize": 0, "done": True}, [], None),
        ({"records": [{"Id": "1"}, None, "x", {"Id": None}, {}]}, ["1"], None),
        ({"records": [{"expr0": 5}], "totalSize": "1"}, [None], None),
        ({"records": [], "done": True, "nextRecordsUrl": "/services/data/v64.0/query/1"}, [], None),
        ({"records": [], "done": False, "nextRecordsUrl": "/services/data/v60.0/query/1-2000"}, [], "/services/data/v60.0/query/1-2000"),
        (
            {"records": [], "done": False, "nextRecordsUrl": "https://x.my.salesforce.com/services/data/q/1?a=b"},
            [],
            "/services/data/q/1?a=b",
        ),
    ],
)
def test_a_querys_answer_in_any_form(body: Json, ids: list[Any], more: str | None) -> None:
    """Rows that are none are left out, unless no row has an id; the rest may be told under another version, and is never asked of another host."""
    found = to_found(Answer(body, datetime(2026, 11, 22)))  # noqa: DTZ001 - no matter here
    assert [one.get("Id") for one in found.records] == ids
    assert found.more == more


# Both: whole pulls through a server that changes the answers


def each(value: Any, change: Callable[[Json], Json]) -> Any:
    """A JSON value with a change made to every object in it."""
    if isinstance(value, dict):
        return change({name: each(one, change) for name, one in value.items()})
    return [each(one, change) for one in value] if isinstance(value, list) else value


def without(one: Json, *names: str) -> Json:
    """An object without these keys."""
    return {name: value for name, value in one.items() if name not in names}


def sorted_rows(pages: list[Any]) -> list[tuple[str, ...]]:
    """All rows as text, each once, in one order."""
    frame = pd.concat([page.rows for page in pages], ignore_index=True)
    texts = frame.astype("object").where(frame.notna(), "").astype(str)
    return sorted(set(texts.itertuples(index=False, name=None)))


def pulled(crm: Crm) -> dict[str, list[tuple[str, ...]]]:
    """All tables, read in full."""
    return {table: sorted_rows(list(crm.pages(table, None))) for table in PULLED}


@pytest.fixture(scope="module")
def world() -> World:
    """A few made customers."""
    return make_world(WorldOptions(seed=11, contacts=12, companies=3, months=6, activities_per_contact=8))


@pytest.fixture(scope="module")
def hubspot(world: World) -> Iterator[tuple[Sandbox, Tampered]]:
    """A portal behind a server that changes answers."""
    options = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0, 0))
    with run_sandbox(world=world, options=options) as sandbox, tampered_server(sandbox.base_url) as tampered:
        yield sandbox, tampered


def portal(sandbox: Sandbox, tampered: Tampered) -> HubSpot:
    """A connector as a new process would make one."""
    return HubSpot(sandbox.token, tampered.base_url, FIELDS, manner=HubSpotManner(patience=PATIENT, threads=2, searches_per_s=400))


ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+0000)$")


def native(value: Any) -> Any:
    """A property as a number or flag, where it is one."""
    if value in ("true", "false"):
        return value == "true"
    if isinstance(value, str) and ISO.match(value):
        return int(datetime.fromisoformat(value).timestamp() * 1000)
    return int(value) if isinstance(value, str) and re.fullmatch(r"[1-9]\d{0,14}", value) else value


def loose(one: Json) -> Json:
    """An object of HubSpot's as it might come: values and ids as numbers, nothing where null was, more keys, an empty ``paging``."""
    if isinstance(one.get("properties"), dict):
        held = {name: native(value) for name, value in one["properties"].items() if value is not None}
        return {**without(one, "archived", "url", "createdAt"), "id": int(one["id"]), "properties": held, "new": {"a": [None]}}
    if "results" in one:
        following = (one.get("paging") or {}).get("next")
        return {"paging": {"next": {"after": following["after"]}} if following else {}, **without(one, "paging"), "new": None}
    if "toObjectId" in one:
        return {"toObjectId": str(one["toObjectId"])}
    return {**one, "new": 1}


def test_a_portal_whose_answers_are_loose_is_read_the_same(hubspot: tuple[Sandbox, Tampered]) -> None:
    """Numbers for texts, epoch milliseconds for dates, absent keys for nulls, unknown keys, empty or bare paging: the rows are the same."""
    sandbox, tampered = hubspot
    tampered.tell()
    plain = pulled(portal(sandbox, tampered))
    tampered.tell(lambda _call, body: each(body, loose))
    assert pulled(portal(sandbox, tampered)) == plain
    assert all(plain.values())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _one: None,
        lambda one: without(one, "id"),
        lambda one: {**one, "properties": None},
        lambda one: {**one, "properties": {name: {"value": text} for name, text in one["properties"].items()}},
        lambda one: {**one, "properties": {name: "253402300800000" if ISO.match(str(v)) else v for name, v in one["properties"].items()}},
        lambda one: {**one, "properties": dict.fromkeys(one["properties"], "n/a")},
    ],
    ids=["null", "no id", "no properties", "objects as values", "the year 10000", "not a value at all"],
)
def test_a_spoiled_record_of_a_portal_keeps_no_other_from_being_read(
    hubspot: tuple[Sandbox, Tampered], spoil: Callable[[Json], Any]
) -> None:
    """The second record of each list is spoiled: all others are read as ever, and what could not be read is missing from the count."""
    sandbox, tampered = hubspot

    def change(call: str, body: Any) -> Any:
        if call.startswith("GET /crm/v3/objects") and len(body.get("results") or ()) > 1:
            body["results"][1] = spoil(body["results"][1])
        return body

    tampered.tell()
    plain = {table: list(portal(sandbox, tampered).pages(table, None)) for table in ("contacts", "activities")}
    tampered.tell(change)
    for table, pages in plain.items():
        found = list(portal(sandbox, tampered).pages(table, None))
        ids = [set(pd.concat([page.rows for page in some]).iloc[:, 0]) for some in (found, pages)]
        assert ids[0] <= ids[1]
        assert len(ids[1] - ids[0]) <= len({page.stream for page in pages}) + 1
        is_unreadable = spoil(record({})) is None or not spoil(record({})).get("id") or spoil(record({}))["properties"] is None
        for stream in {page.stream for page in pages if page.stream != "facts"}:
            read = sum(page.records for page in found if page.stream == stream)
            expected = next(page.expected for page in found if page.stream == stream and page.expected is not None)
            assert expected - read == (1 if is_unreadable and expected > 1 else 0)


@pytest.fixture(scope="module")
def org(world: World) -> Iterator[tuple[Sandbox, Tampered]]:
    """An org behind a server that changes answers."""
    options = SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.02)))
    with run_sandbox(salesforce=world, options=options) as sandbox, tampered_server(sandbox.base_url) as tampered:
        yield sandbox, tampered


@pytest.fixture(scope="module")
def plain(org: tuple[Sandbox, Tampered]) -> dict[str, list[tuple[str, ...]]]:
    """What an org gives whose answers nobody changes."""
    org[1].tell()
    return pulled(org_crm(org[1]))


def org_crm(tampered: Tampered, bulk_from: int = 100_000) -> Salesforce:
    """A connector as a new process would make one."""
    own = OrgOptions()
    manner = SalesforceManner(patience=PATIENT, pace=Pace(first_s=0.01, longest_s=0.05), bulk_from=bulk_from, rows_a_page=60)
    return Salesforce(Credentials(own.domain, own.consumer_key, own.consumer_secret), tampered.base_url, FIELDS, manner=manner)


def loose_row(one: Json) -> Json:
    """An object of Salesforce's as it might come: no attributes, texts for flags and numbers, other offsets, no nulls, more keys."""
    if "attributes" in one and "Id" in one:
        held = {
            name: value[:-5] + "+00:00"
            if isinstance(value, str) and ISO.match(value)
            else str(value)
            if isinstance(value, bool | int | float)
            else value
            for name, value in without(one, "attributes").items()
            if value is not None
        }
        return {**held, "New__c": "x"}
    if isinstance(one.get("records"), list):
        return {**without(one, *(["done"] if one.get("done") else [])), "totalSize": str(one.get("totalSize", 0))}
    return without(one, "httpHeaders")


def test_an_org_whose_answers_are_loose_is_read_the_same(org: tuple[Sandbox, Tampered], plain: dict[str, Any]) -> None:
    """No attributes, flags and numbers as text, other offsets, absent keys for nulls, unknown fields: the rows are the same."""
    _, tampered = org
    tampered.tell(lambda _call, body: each(body, loose_row))
    assert pulled(org_crm(tampered)) == plain
    assert all(plain.values())


def table(text: str, change: Callable[[list[str]], list[str]], **dialect: Any) -> str:
    """A CSV with each row changed, written anew."""
    out = io.StringIO()
    csv.writer(out, **dialect).writerows(change(row) for row in csv.reader(io.StringIO(text)))
    return out.getvalue()


CSVS: dict[str, Callable[[str], str]] = {
    "carriage returns": lambda text: table(text, lambda row: row, quoting=csv.QUOTE_ALL, lineterminator="\r\n"),
    "no quotes": lambda text: table(text, lambda row: row, lineterminator="\n"),
    "a mark of the encoding": lambda text: "\ufeff" + text,
    "flags in capitals": lambda text: table(
        text, lambda row: [{"true": "TRUE", "false": "False"}.get(one, one) for one in row], quoting=csv.QUOTE_ALL, lineterminator="\n"
    ),
    "other columns": lambda text: table(text, lambda row: [*row[::-1], "New__c"], quoting=csv.QUOTE_ALL, lineterminator="\n"),
    "REST's moments": lambda text: table(
        text, lambda row: [one[:-1] + "+0000" if ISO.match(one) else one for one in row], quoting=csv.QUOTE_ALL, lineterminator="\n"
    ),
    "a blank line at the end": lambda text: text + "\n",
    "no end of the last line": lambda text: text.rstrip("\n"),
}


def test_bulk_results_of_any_form_are_read_the_same(org: tuple[Sandbox, Tampered], plain: dict[str, Any]) -> None:
    """Each job's table is written another way: line ends, quotes, order and number of columns, flags, moments; the last answer without a locator."""
    _, tampered = org
    forms, seen = list(CSVS.values()), []

    def change(call: str, text: str, headers: dict[str, str]) -> str:
        if "/results" not in call:
            return text
        seen.append(call)
        for name in [name for name, value in headers.items() if name.lower() == "sforce-locator" and value == "null"]:
            del headers[name]
        return forms[len(seen) % len(forms)](text)

    tampered.tell(texts=change)
    for _ in range(2):
        assert pulled(org_crm(tampered, bulk_from=1)) == plain
    assert len(seen) >= len(forms)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _one: None,
        lambda one: without(one, "Id"),
        lambda one: {name: "yesterday" if ISO.match(str(value)) else value for name, value in one.items()},
        lambda one: {name: [1] if isinstance(value, dict) and "records" in value else value for name, value in one.items()},
        lambda one: {name: [value] if isinstance(value, str) and name != "Id" else value for name, value in one.items()},
    ],
    ids=["null", "no id", "no moment", "odd children", "lists as values"],
)
def test_a_spoiled_record_of_an_org_keeps_no_other_from_being_read(
    org: tuple[Sandbox, Tampered], plain: dict[str, Any], spoil: Callable[[Json], Any]
) -> None:
    """The second row of each answer is spoiled: all others are read as ever."""
    _, tampered = org

    def change(_call: str, body: Any) -> Any:
        def second(one: Json) -> Json:
            rows = one.get("records")
            if isinstance(rows, list) and len(rows) > 1 and isinstance(rows[1], dict) and "SystemModstamp" in rows[1]:
                rows[1] = spoil(rows[1])
            return one

        return each(body, second)

    tampered.tell(change)
    found = pulled(org_crm(tampered))
    for name in ("contacts", "activities"):
        ids = [{row[0] for row in some[name]} for some in (found, plain)]
        assert ids[0] <= ids[1]
        assert len(ids[1] - ids[0]) <= 8
