"""Exchanges with real orgs are answered in the shape in which they were recorded: the tables stand in recorded_exchanges."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import orjson
import pytest

from sandbox.running import SandboxOptions, run_sandbox
from sandbox.salesforce.options import OrgOptions
from tests.sandbox.conftest import DATA, OrgApi
from tests.sandbox.recorded_exchanges import EXCHANGES, Exchange

KINDS = {
    "<id>": re.compile(r"[0-9A-Za-z]{18}"),
    "<moment>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000"),
    "<text>": re.compile(r".+", re.DOTALL),
    "<http date>": re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),
    "<etag>": re.compile(r'"[0-9A-Za-z+/=]+"'),
}
"""What stands for a value of which only the kind is known."""

METADATA = "http://soap.sforce.com/2006/04/metadata"


class Told:
    """An org with the records of the exchanges, and the words that stand for them."""

    def __init__(self, api: OrgApi) -> None:
        self.api = api
        account = api.create("Account", Name="Sitwell-Bluth", AccountNumber="CD656092", BillingPostalCode="27215")
        gone, gone_contact = api.create("Account", Name="gone"), api.create("Contact", LastName="gone")
        api("DELETE", f"sobjects/Account/{gone}")
        api("DELETE", f"sobjects/Contact/{gone_contact}")
        api.create("Contact", FirstName="Chloe", LastName="Myers", Email="Chloe.Myers@example.com", AccountId=account)
        api.create("Contact", LastName="Ann", Email="ann@example.com")
        now = api.org.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        earlier = f"{api.org.clock.now().replace(hour=0, minute=0):%Y-%m-%dT%H:%M:%SZ}"
        self.words = {
            "<user>": api.org.integration_id,
            "<account>": account,
            "<contact>": api.create("Contact", LastName="Wong", AccountId=account),
            "<gone>": gone,
            "<gone contact>": gone_contact,
            "<twin>": api.create("Contact", LastName="Twin", Email="twin@example.com"),
            "<other twin>": api.create("Contact", LastName="Twin", Email="twin@example.com"),
            "<finished job>": self._finished_job(),
            "<now>": now,
            "<an hour ago>": earlier,
        }

    def _finished_job(self) -> str:
        job = str(self.api("POST", "jobs/ingest", {"object": "Contact", "operation": "insert"}).json()["id"])
        self.api.http.put(f"{DATA}/jobs/ingest/{job}/batches", content=b"LastName\nKern\n", headers={"Content-Type": "text/csv"})
        self.api("PATCH", f"jobs/ingest/{job}", {"state": "UploadComplete"})
        self.api.sandbox.clock.advance(60)
        assert self.api("GET", f"jobs/ingest/{job}").json()["state"] == "JobComplete"
        return job

    def fill(self, text: str) -> str:
        """A text with the records in place of their words."""
        for word, value in self.words.items():
            text = text.replace(word, value)
        return text

    def play(self, exchange: Exchange) -> httpx.Response:
        """Ask what was asked."""
        path = self.fill(exchange.path.replace("%3C", "<").replace("%3E", ">"))
        path = path if path.startswith("/services") else f"{DATA}/{path}"
        if exchange.raw is not None:
            kind = "application/x-www-form-urlencoded" if "oauth2" in path else "application/json"
            return self.api.http.request(exchange.method, path, content=exchange.raw, headers={"Content-Type": kind})
        content = None if exchange.body is None else self.fill(orjson.dumps(exchange.body).decode()).encode()
        return self.api.http.request(exchange.method, path, content=content, headers={"Content-Type": "application/json"})


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """One org for all exchanges: none of them stands in the way of another."""
    with ExitStack() as stack:
        running = stack.enter_context(run_sandbox(options=SandboxOptions(org=OrgOptions())))
        http = stack.enter_context(httpx.Client(base_url=running.base_url, timeout=10, verify=False))  # noqa: S501 - loopback, without TLS
        yield Told(OrgApi(running, http))


def difference(actual: Any, wanted: Any, at: str = "") -> str:
    """Where an answer is not of the recorded shape; empty where it is. The order of keys counts."""
    if isinstance(wanted, dict) and isinstance(actual, dict) and list(actual) == list(wanted):
        found = (difference(actual[key], value, f"{at}.{key}") for key, value in wanted.items())
        return next(filter(None, found), "")
    if isinstance(wanted, list) and isinstance(actual, list) and len(actual) == len(wanted):
        found = (difference(*pair, f"{at}[{place}]") for place, pair in enumerate(zip(actual, wanted, strict=True)))
        return next(filter(None, found), "")
    return "" if fits(actual, wanted) else f"{at}: {actual!r}, recorded {wanted!r}"


def fits(actual: Any, wanted: Any) -> bool:
    """Whether a single value is the recorded one, or of its kind."""
    if wanted == "<rows>":
        return isinstance(actual, list)
    if wanted == "<number>":
        return type(actual) is int
    if isinstance(wanted, str) and isinstance(actual, str):
        pattern = re.escape(wanted)
        for word, kind in KINDS.items():
            pattern = pattern.replace(re.escape(word), f"(?:{kind.pattern})")
        return re.fullmatch(pattern, actual, re.DOTALL) is not None
    return (type(actual), actual) == (type(wanted), wanted)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_an_exchange_is_answered_in_the_recorded_shape(told: Told, exchange: Exchange) -> None:
    """Status, keys in their order, codes and messages are those of real orgs."""
    answer = told.play(exchange)
    body = answer.json() if answer.content else None
    wanted = orjson.loads(told.fill(orjson.dumps(exchange.answer).decode()))
    assert (answer.status_code, difference(body, wanted)) == (exchange.status, ""), answer.text


def test_a_retrieval_is_told_in_the_recorded_order(told: Told) -> None:
    """Recorded: a retrieval is queued, asked for by checkStatus, and told with the properties of each file before its id."""

    def call(operation: str, inside: str) -> str:
        head = f'<SessionHeader xmlns="{METADATA}"><sessionId>{told.api.session.id}</sessionId></SessionHeader>'
        envelope = "http://schemas.xmlsoap.org/soap/envelope/"
        content = (
            f'<soap:Envelope xmlns:soap="{envelope}"><soap:Header>{head}</soap:Header>'
            f'<soap:Body><{operation} xmlns="{METADATA}">{inside}</{operation}></soap:Body></soap:Envelope>'
        )
        answer = told.api.http.post("/services/Soap/m/48.0", content=content, headers={"Content-Type": "text/xml", "SOAPAction": '""'})
        assert answer.status_code == 200, answer.text
        return answer.text

    members = "<types><members>*</members><name>CustomField</name></types><version>48.0</version>"
    queued = call("retrieve", f"<retrieveRequest><apiVersion>48.0</apiVersion><unpackaged>{members}</unpackaged></retrieveRequest>")
    number = re.search(r"<id>(09S\w{15})</id>", queued)
    assert number is not None, queued
    assert f"<result><done>false</done><id>{number[1]}</id><state>Queued</state></result>" in queued
    which = f"<asyncProcessId>{number[1]}</asyncProcessId>"
    assert f"<result><done>true</done><id>{number[1]}</id><state>Completed</state></result>" in call("checkStatus", which)
    tags = re.findall(r"<(\w+)>", call("checkRetrieveStatus", which).partition("<result>")[2])
    properties = ["createdById", "createdByName", "createdDate", "fileName", "fullName"]
    properties += ["lastModifiedById", "lastModifiedByName", "lastModifiedDate", "manageableState", "type"]
    assert tags == ["done", "fileProperties", *properties, "id", "status", "success", "zipFile"]
