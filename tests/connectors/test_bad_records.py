"""One bad record among good ones: its neighbours are written, it is reported with its code, and what no answer speaks of is looked up."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from connectors.hubspot.client import NOT_CONFIRMED
from connectors.hubspot.client import Client as HubSpotClient
from connectors.hubspot.linking import link
from connectors.hubspot.paths import Paths
from connectors.hubspot.streams import TASK_KEY
from connectors.hubspot.tasks import Tasks
from connectors.hubspot.writing import write_cells as write_hubspot
from connectors.limiter import Limiter
from connectors.salesforce.bulk import Bulk, Pace
from connectors.salesforce.client import Client as SalesforceClient
from connectors.salesforce.client import Part
from connectors.salesforce.credentials import Credentials
from connectors.salesforce.writing import write_cells as write_salesforce
from connectors.sending import Patience
from tests.connectors.conftest import made_field
from tests.connectors.scripted import Answerer, Scripted, Seen, reply, scripted_server
from transforms.vocabulary.changes import CELLS, TASKS, Fate, WriteReport
from transforms.vocabulary.errors import CrmUnreachable, SetupNeeded
from transforms.vocabulary.fields import Kind
from transforms.vocabulary.tables import to_table

QUICK = Patience(attempts=3, first_wait_s=0.0, longest_wait_s=0.0, connect_timeout_s=2.0, read_timeout_s=2.0)
FIELDS = (made_field("mood", Kind.TEXT),)
ME = "stillthere_mood"

VALUES = ("READ_ONLY_VALUE", "INVALID_OPTION", "INVALID_INTEGER", "INVALID_DATE", "INVALID_EMAIL", "INVALID_LONG", "FAILED_VALIDATION")
ROWS = (
    *("REQUIRED_FIELD_MISSING", "DUPLICATE_VALUE", "DUPLICATES_DETECTED", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "STRING_TOO_LONG"),
    *(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "INVALID_CROSS_REFERENCE_KEY",
        "ENTITY_IS_DELETED",
        "MALFORMED_ID",
        "CANNOT_UPDATE_CONVERTED_LEAD",
    ),
    *("INVALID_EMAIL_ADDRESS", "INSUFFICIENT_ACCESS_OR_READONLY", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "NUMBER_OUTSIDE_VALID_RANGE"),
)


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    """One server for all."""
    with scripted_server() as running:
        yield running


@pytest.fixture
def portal(server: Scripted) -> HubSpotClient:
    """A client that waits for nothing."""
    return HubSpotClient("token", server.base_url, paths=Paths("v3"), limiter=Limiter(limit=100_000), patience=QUICK, connections=4)


@pytest.fixture
def org(server: Scripted) -> SalesforceClient:
    """The same for an org."""
    return SalesforceClient(
        Credentials("acme.my", "key", "secret"), base_url=server.base_url, limiter=Limiter(limit=100_000), patience=QUICK
    )


def cells(crm: str, ids: Sequence[str]) -> Any:
    """CELLS that set one value on each record."""
    return to_table(CELLS, [{"crm": crm, "table": "contacts", "record_id": one, "field": "mood", "new": "good"} for one in ids])


def told(reports: Sequence[WriteReport]) -> dict[str, str]:
    """What became of each record: its code, or how it fared."""
    assert len({report.key for report in reports}) == len(reports)
    return {report.key: report.code or report.fate.value for report in reports}


def good(one: dict[str, Any], *, trace: bool = True) -> dict[str, Any]:
    """HubSpot's result for one input."""
    kept = {"objectWriteTraceId": one["objectWriteTraceId"]} if trace else {}
    return {"id": one["id"], "properties": one["properties"], "updatedAt": "2026-11-22T09:00:00Z", **kept}


def item(category: str, context: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """One error of a 207."""
    return {"status": "error", "category": category, "message": "told", **({} if context is None else {"context": context}), **more}


def batch(make: Callable[[list[dict[str, Any]]], tuple[list[Any], list[Any]]], held: dict[str, str] | None = None) -> Answerer:
    """Answers an update with the results and errors that ``make`` gives for its inputs, and a reading with what is ``held``."""

    def answer(call: Seen) -> bytes:
        inputs = call.json()["inputs"]
        if call.path.split("?")[0].endswith("batch/read"):
            found = [{"id": one["id"], "properties": {ME: held[one["id"]]}} for one in inputs if held and one["id"] in held]
            return reply(207 if len(found) < len(inputs) else 200, {"status": "COMPLETE", "results": found})
        results, errors = make(inputs)
        return reply(207, {"status": "COMPLETE", "results": results, "numErrors": len(errors), "errors": errors})

    return answer


@pytest.mark.parametrize("code", VALUES)
def test_hubspot_a_bad_record_in_a_207(server: Scripted, portal: HubSpotClient, code: str) -> None:
    """With a trace id on every input the answer says which one is bad; it comes out of order, and in one call."""

    def make(inputs: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
        bad = inputs[1]
        return [good(inputs[2]), good(inputs[0])], [
            item("VALIDATION_ERROR", {"objectWriteTraceId": [bad["objectWriteTraceId"]]}, errors=[{"message": "told", "code": code}])
        ]

    server.tell(batch(make))
    assert told(list(write_hubspot(portal, "contacts", cells("hubspot", ["1", "2", "3"]), FIELDS))) == {
        "1": "written",
        "2": code,
        "3": "written",
    }
    assert len(server.seen) == 1


def test_hubspot_a_field_that_is_missing_stops_the_run(server: Scripted, portal: HubSpotClient) -> None:
    """PROPERTY_DOESNT_EXIST of ours is no fault of the record: set-up has to be run."""
    missing = {"message": "told", "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": [ME]}}
    server.tell(batch(lambda _inputs: ([], [item("VALIDATION_ERROR", {"objectWriteTraceId": ["0"]}, errors=[missing])])))
    with pytest.raises(SetupNeeded, match=ME):
        list(write_hubspot(portal, "contacts", cells("hubspot", ["1"]), FIELDS))


@pytest.mark.parametrize("held", [{"2": "good"}, {"2": "bad"}, {}])
@pytest.mark.parametrize("errors", [[], [item("INTERNAL_ERROR")], [item("VALIDATION_ERROR", {})], ["no error"]])
def test_hubspot_what_the_answer_leaves_out_is_looked_up(
    server: Scripted, portal: HubSpotClient, held: dict[str, str], errors: Any
) -> None:
    """A record neither confirmed nor refused counts as written only where HubSpot holds the value; an error that names nobody tells its code."""
    server.tell(batch(lambda inputs: ([good(inputs[2]), good(inputs[0])], errors), held))
    code = errors[0]["category"] if errors and isinstance(errors[0], dict) else NOT_CONFIRMED
    reports = told(list(write_hubspot(portal, "contacts", cells("hubspot", ["1", "2", "3"]), FIELDS)))
    assert reports == {"1": "written", "2": "written" if held == {"2": "good"} else code, "3": "written"}


def test_hubspot_results_without_traces_and_twice(server: Scripted, portal: HubSpotClient) -> None:
    """Without trace ids results are known by their ids; one that comes twice is one; one of a stranger, or no result at all, is passed over."""
    strange = [{"id": "999", "properties": {}}, {"objectWriteTraceId": "77", "id": "5"}, None, "text"]
    server.tell(batch(lambda inputs: ([*(good(one, trace=False) for one in reversed(inputs)), good(inputs[0]), *strange], [])))
    assert told(list(write_hubspot(portal, "contacts", cells("hubspot", ["1", "2"]), FIELDS))) == {"1": "written", "2": "written"}
    assert len(server.seen) == 1


@pytest.mark.parametrize("names_it", [True, False])
def test_hubspot_three_bad_ones_of_a_hundred(server: Scripted, portal: HubSpotClient, *, names_it: bool) -> None:
    """Where one bad record has the whole batch refused, the bad ones are found: named ones in a call each, others by halving."""
    bad = {str(one) for one in random.Random(3).sample(range(100), 3)}  # noqa: S311 - no secret

    def answer(call: Seen) -> bytes:
        inputs = call.json()["inputs"]
        spoiled = [one["id"] for one in inputs if one["id"] in bad]
        if spoiled:
            return reply(400, item("VALIDATION_ERROR", {"ids": spoiled[:1]} if names_it else {}, errors=[{"code": "INVALID_EMAIL"}]))
        return reply(200, {"results": [good(one) for one in inputs]})

    server.tell(answer)
    reports = told(list(write_hubspot(portal, "contacts", cells("hubspot", [str(one) for one in range(100)]), FIELDS)))
    assert {key for key, code in reports.items() if code == "INVALID_EMAIL"} == bad
    assert {code for key, code in reports.items() if key not in bad} == {"written"}
    assert len(server.seen) <= (4 if names_it else 42)


def test_hubspot_a_read_that_could_not_serve_one_is_asked_again(server: Scripted, portal: HubSpotClient) -> None:
    """An item that HubSpot could not serve just now is not missing; one that is not found is."""
    missing, busy = item("OBJECT_NOT_FOUND", {"ids": ["2"]}), item("INTERNAL_ERROR", {"ids": ["3"]})
    one, three = {"id": "1", "properties": {}}, {"id": "3", "properties": {}}
    server.tell(reply(207, {"results": [one], "errors": [missing, busy]}), reply(207, {"results": [three, one], "errors": [missing]}))
    assert {record["id"] for record in portal.batch_read("contacts", ["1", "2", "3"], ())} == {"1", "3"}
    server.tell(reply(207, {"results": [one], "errors": [busy]}))
    with pytest.raises(CrmUnreachable, match="INTERNAL_ERROR"):
        list(portal.batch_read("contacts", ["1", "3"], ()))


# Associations of HubSpot

PAIRS = [("11", "1"), ("12", "2"), ("13", "3")]


def linking(results: list[Any], errors: list[Any], held: dict[str, str]) -> Answerer:
    """Answers an association with these, and a reading of associations with what is held."""

    def answer(call: Seen) -> bytes:
        if call.path.endswith("batch/read"):
            asked = [one["id"] for one in call.json()["inputs"]]
            found = [{"from": {"id": one}, "to": [{"toObjectId": int(held[one])}]} for one in asked if one in held]
            return reply(207 if len(found) < len(asked) else 200, {"results": found})
        return reply(207 if errors else 201, {"status": "COMPLETE", "results": results, "errors": errors})

    return answer


def linked(one: str, other: str) -> dict[str, Any]:
    """HubSpot's result for a pair."""
    return {"fromObjectTypeId": "0-27", "fromObjectId": int(one), "toObjectTypeId": "0-1", "toObjectId": int(other), "labels": []}


@pytest.mark.parametrize(
    ("results", "errors", "held", "refused", "calls"),
    [
        ([linked(*pair) for pair in PAIRS], [], {}, {}, 1),
        ([{"from": {"id": a}, "to": {"id": b}} for a, b in PAIRS[::-1]], [], {}, {}, 1),
        ([linked(*PAIRS[0])], [item("VALIDATION_ERROR", {"id": ["2"]}, subCategory="crm.associations.INVALID_IDENTIFIER")], {"13": "3"}, {PAIRS[1]: "crm.associations.INVALID_IDENTIFIER"}, 2),
        ([linked(*pair) for pair in PAIRS[:2]], [item("VALIDATION_ERROR")], {}, {PAIRS[2]: "VALIDATION_ERROR"}, 2),
        ([linked(*pair) for pair in PAIRS[:2]], [], {}, {PAIRS[2]: NOT_CONFIRMED}, 2),
        ([], [], dict(PAIRS), {}, 2),
        ([None, {}, {"from": 5}], [], {"11": "1"}, dict.fromkeys(PAIRS[1:], NOT_CONFIRMED), 2),
    ],
)  # fmt: skip
def test_hubspot_associations_are_confirmed_or_looked_up(
    server: Scripted,
    portal: HubSpotClient,
    results: list[Any],
    errors: list[Any],
    held: dict[str, str],
    refused: dict[Any, str],
    calls: int,
) -> None:
    """A pair counts as associated where the answer confirms it or HubSpot shows it; every other one is named with its code."""
    server.tell(linking(results, errors, held))
    assert link(portal, "tasks", "contacts", 204, PAIRS) == refused
    assert len(server.seen) == calls


def test_hubspot_a_pair_that_spoils_its_batch_is_found(server: Scripted, portal: HubSpotClient) -> None:
    """Where the whole call is refused for one pair, the others are associated."""

    def answer(call: Seen) -> bytes:
        pairs = [(one["from"]["id"], one["to"]["id"]) for one in call.json()["inputs"]]
        if PAIRS[1] in pairs:
            return reply(400, item("VALIDATION_ERROR", subCategory="crm.associations.INVALID_IDENTIFIER"))
        return reply(201, {"results": [linked(*pair) for pair in pairs]})

    server.tell(answer)
    assert link(portal, "tasks", "contacts", 204, PAIRS) == {PAIRS[1]: "crm.associations.INVALID_IDENTIFIER"}


def test_hubspot_a_task_without_its_contact_is_not_reported_made(server: Scripted, portal: HubSpotClient) -> None:
    """A task that was made and not associated is reported as failed, with the code, so that the next run finishes it."""

    def answer(call: Seen) -> bytes:
        if call.method == "GET":
            return reply(200, {"name": TASK_KEY, "hasUniqueValue": True})
        if "/associations/" in call.path:
            return linking([linked("11", "1")], [item("VALIDATION_ERROR", {"id": ["2"]})], {})(call)
        if call.path.endswith("upsert"):
            made = [
                {"id": f"1{one['id'][-1]}", "objectWriteTraceId": one["objectWriteTraceId"], "new": True} for one in call.json()["inputs"]
            ]
            return reply(200, {"results": made[::-1]})
        return reply(207, {"results": []})

    server.tell(answer)
    shared = {"crm": "hubspot", "play": "call", "reason": "quiet", "subject": "Call", "body": "Now", "due_at": "2026-11-24T09:00:00Z"}
    tasks = to_table(TASKS, [{"task_key": f"k{one}", "contact_id": one, **shared} for one in ("1", "2")])
    reports = {report.key: report for report in Tasks(portal).create(tasks)}
    assert (reports["k1"].fate, reports["k2"].fate) == (Fate.WRITTEN, Fate.FAILED)
    assert (reports["k2"].code, reports["k2"].crm_id) == ("VALIDATION_ERROR", "12")


# Salesforce

IDS = [f"0035e00000AAAA{one}AAA" for one in "123"]


def failed(code: str) -> dict[str, Any]:
    """Salesforce's result for a row that it refused."""
    return {"success": False, "errors": [{"statusCode": code, "message": "told", "fields": []}]}


def changed(results: list[Any], times: Sequence[str] = (), *, reverse: bool = False) -> bytes:
    """The answer to a composite call that changes records and reads their stamps."""
    rows = [{"Id": one, "SystemModstamp": "2026-11-22T09:00:00.000+0000"} for one in times]
    parts = [
        {"referenceId": "changed", "httpStatusCode": 200, "httpHeaders": {}, "body": results},
        {"referenceId": "read", "httpStatusCode": 200, "httpHeaders": {}, "body": {"totalSize": len(rows), "done": True, "records": rows}},
    ]
    return reply(200, {"compositeResponse": parts[::-1] if reverse else parts})


def written(one: str) -> dict[str, Any]:
    """Salesforce's result for a row that it wrote."""
    return {"id": one, "success": True, "errors": []}


def write(org: SalesforceClient, ids: Sequence[str] = IDS) -> dict[str, str]:
    """Write one value on each record."""
    return told(list(write_salesforce(org, Bulk(org, Pace(first_s=0.0, longest_s=0.0)), "contacts", cells("salesforce", ids), FIELDS)))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("code", ROWS)
def test_salesforce_a_bad_record_in_a_collection(server: Scripted, org: SalesforceClient, code: str, *, reverse: bool) -> None:
    """200, and one row of it refused: its neighbours are written, in one call; parts of a composite call are known by their names."""
    server.tell(changed([written(IDS[0]), failed(code), written(IDS[2])], IDS, reverse=reverse))
    assert write(org) == {IDS[0]: "written", IDS[1]: code, IDS[2]: "written"}
    assert len(server.seen) == 1


def test_salesforce_a_row_that_says_nothing_is_not_written(server: Scripted, org: SalesforceClient) -> None:
    """``success`` alone confirms; a row without it, or with errors of no shape, is refused."""
    server.tell(changed([{"id": IDS[0]}, {"success": "true", "errors": "none"}, {"success": False, "errors": [None]}]))
    assert set(write(org).values()) == {"REFUSED"}


def test_salesforce_three_bad_ones_of_two_hundred(server: Scripted, org: SalesforceClient) -> None:
    """Where the whole call is refused for some records, they are found by halving."""
    ids = [f"0035e00000{one:05d}AAA" for one in range(200)]
    bad = set(random.Random(3).sample(ids, 3))  # noqa: S311 - no secret

    def answer(call: Seen) -> bytes:
        body = call.json()
        records = body["compositeRequest"][0]["body"]["records"] if "compositeRequest" in body else body["records"]
        refusal = [{"errorCode": "MALFORMED_ID", "message": "told"}]
        if not any(one["id"] in bad for one in records):
            return changed([written(one["id"]) for one in records])
        if "compositeRequest" not in body:
            return reply(400, refusal)
        return reply(
            200, {"compositeResponse": [{"referenceId": name, "httpStatusCode": 400, "body": refusal} for name in ("changed", "read")]}
        )

    server.tell(answer)
    reports = write(org, ids)
    assert {key for key, code in reports.items() if code == "MALFORMED_ID"} == bad
    assert {code for key, code in reports.items() if key not in bad} == {"written"}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"referenceId": "p0"}],
        [None],
        [{"referenceId": "other", "httpStatusCode": 200}],
        [{"referenceId": "p0", "httpStatusCode": "200"}],
    ],
)
def test_salesforce_a_composite_answer_that_lacks_a_part(server: Scripted, org: SalesforceClient, parts: list[Any]) -> None:
    """A part that is missing, or tells no status, is asked for again."""
    server.tell(
        reply(200, {"compositeResponse": parts}),
        reply(200, {"compositeResponse": [{"referenceId": "p0", "httpStatusCode": 200, "body": {}}]}),
    )
    assert [one.status for one in org.composite([Part("GET", "limits")], purpose="check", what="do it")] == [200]
    assert len(server.seen) == 2


@pytest.mark.parametrize("body", [{}, {"id": None}, [], [{"id": "750"}]])
def test_salesforce_a_job_without_an_id_is_no_job(server: Scripted, org: SalesforceClient, body: Any) -> None:
    """An answer that names no job is asked for again, and never taken for one."""
    server.tell(reply(200, body), reply(200, {"id": "7505e000"}))
    assert Bulk(org, Pace()).ask("SELECT Id FROM Contact", what="read") == "7505e000"
