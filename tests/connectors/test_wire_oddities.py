"""What no well-behaved server sends: spoiled compression, redirections, late answers, JSON that is none. Each ends in a class of ours with its exit code.

And every code that the notes on the two CRMs know has its row in the tables.
"""

from __future__ import annotations

import gzip
import json
import re
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.hubspot.answers import to_refusal as hubspot_refusal
from connectors.hubspot.answers import to_word as hubspot_word
from connectors.hubspot.client import Client as HubSpotClient
from connectors.hubspot.client import Request as HubSpotRequest
from connectors.hubspot.paths import Paths
from connectors.json_text import to_json, to_name
from connectors.limiter import Limiter, Word
from connectors.salesforce.answers import to_refusal as salesforce_refusal
from connectors.salesforce.answers import to_word as salesforce_word
from connectors.salesforce.client import Client as SalesforceClient
from connectors.salesforce.client import Request as SalesforceRequest
from connectors.salesforce.credentials import Credentials
from connectors.sending import LEADING, Patience
from tests.connectors import test_bad_records, test_errors_complete
from tests.connectors.scripted import Scripted, Seen, reply, scripted_server
from tests.connectors.test_errors_complete import SENDS, ask_hubspot, ask_salesforce
from transforms.vocabulary.errors import CrmUnreachable, OutcomeUnknown, RequestRejected

FACTS = Path(__file__).parents[3] / "shared" / "facts"

Ask = Callable[..., object]
BODY = {"results": [], "compositeResponse": [], "more": "y" * 2_000}
PLAIN = json.dumps(BODY).encode()
ZIPPED = gzip.compress(PLAIN, mtime=0)

both = pytest.mark.parametrize("ask", [ask_hubspot, ask_salesforce], ids=["hubspot", "salesforce"])


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    """One server for all."""
    with scripted_server() as running:
        yield running


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """An answer in chunks."""
    head = b"HTTP/1.1 200 Told\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


GOOD = {
    "gzip": reply(200, ZIPPED, Content_Encoding="gzip"),
    "gzip without its last bytes": reply(200, ZIPPED[:-8], Content_Encoding="gzip"),
    "deflate": reply(200, zlib.compress(PLAIN), Content_Encoding="deflate"),
    "an encoding that nobody knows": reply(200, PLAIN, Content_Encoding="x-plain"),
    "chunks": chunked(PLAIN[:50], PLAIN[50:]),
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + reply(200, PLAIN),
    "no length": b"HTTP/1.1 200 Told\r\nConnection: close\r\n\r\n" + PLAIN,
    "a length that is none": b"HTTP/1.1 200 Told\r\nContent-Length: -5\r\nConnection: close\r\n\r\n" + PLAIN,
    "a key twice": reply(200, b'{"results": [1], ' + PLAIN[1:]),
    "limits that are none": reply(200, PLAIN, X_HubSpot_RateLimit_Max="9" * 5_000, Sforce_Limit_Info=f"api-usage={'9' * 5_000}/1"),
}

NO_ANSWER = {
    "gzip cut in the middle": reply(200, ZIPPED[: len(ZIPPED) // 2], Content_Encoding="gzip"),
    "gzip with a wrong sum": reply(200, ZIPPED[:-8] + bytes(4) + ZIPPED[-4:], Content_Encoding="gzip"),
    "gzip that is none": reply(200, PLAIN, Content_Encoding="gzip"),
    "gzip that is not told": reply(200, ZIPPED),
    "chunks that break off": chunked(PLAIN[:50], end=b""),
    "chunks that are none": chunked(end=b"zz\r\nabc\r\n"),
    "nothing but 100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "no status": b"HTTP/1.1 abc\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "a status that does not exist": reply(999, b"{}"),
    "too long a header": reply(200, PLAIN, X_Long="y" * 70_000),
    "204 where something is due": reply(204),
    "NaN": reply(200, b'{"results": [], "compositeResponse": [], "total": NaN}'),
    "Infinity": reply(200, b'{"results": [], "compositeResponse": [], "total": -Infinity}'),
    "a number beyond all": reply(200, b'{"results": [], "compositeResponse": [], "total": 1e400}'),
    "a number of 5,000 digits": reply(200, b'{"results": [], "compositeResponse": [], "total": ' + b"9" * 5_000 + b"}"),
    "a number alone": reply(200, b"5"),
    "a text alone": reply(200, b'"x"'),
    "null": reply(200, b"null"),
    "UTF-16": reply(200, PLAIN.decode().encode("utf-16")),
    "too deep": reply(200, b'{"results":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
}


@both
@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD.keys())
def test_unusual_and_whole(server: Scripted, ask: Ask, answer: bytes) -> None:
    """However it is packed, an answer that came whole is read, in one call; of a key that stands twice the last one counts."""
    server.tell(answer)
    assert ask(server) == BODY
    assert len(server.seen) == 1


@both
@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER.keys())
def test_no_answer_is_asked_for_again(server: Scripted, ask: Ask, answer: bytes) -> None:
    """CrmUnreachable, exit code 20, after the attempts that patience has; of a write that must not be repeated the outcome is unknown."""
    server.tell(answer)
    with pytest.raises(CrmUnreachable) as caught:
        ask(server)
    assert (caught.value.exit_code, len(server.seen)) == (20, SENDS)
    assert str(caught.value).count("\n") == 0
    server.tell(answer)
    with pytest.raises(OutcomeUnknown):
        ask(server, is_write=True, is_repeatable=False)
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"[]", b'[{"a": 1}]'])
def test_a_list_at_the_top(server: Scripted, body: bytes) -> None:
    """HubSpot never answers with a list, so one is no answer; Salesforce does, unless a list of some name is due."""
    server.tell(reply(200, body))
    with pytest.raises(CrmUnreachable):
        ask_hubspot(server)
    assert ask_salesforce(server) == json.loads(body)
    with pytest.raises(CrmUnreachable):
        ask_salesforce(server, lists="compositeResponse")


@both
@pytest.mark.parametrize("status", LEADING)
@pytest.mark.parametrize("location", ["/elsewhere", "http://127.0.0.2:9/elsewhere", "//other.example/", ""])
def test_a_redirection_is_not_followed(server: Scripted, ask: Ask, status: int, location: str) -> None:
    """What a call carries goes to the CRM alone; nothing was done, so it is RequestRejected, exit code 10, after one call, also for a write."""
    for more in ({}, {"is_write": True, "is_repeatable": False}):
        server.tell(reply(status, **({"Location": location} if location else {})))
        with pytest.raises(RequestRejected, match="leads us elsewhere") as caught:
            ask(server, **more)
        assert (caught.value.exit_code, [call.path == "/elsewhere" for call in server.seen]) == (10, [False])


def impatient(server: Scripted) -> dict[str, Callable[[bool], object]]:
    """A call of each CRM that waits a twentieth of a second for an answer; True for a write that must not be repeated."""
    patience = Patience(attempts=2, first_wait_s=0.0, longest_wait_s=0.0, read_timeout_s=0.05)
    hub = HubSpotClient(
        "token", server.base_url, paths=Paths("v3"), limiter=Limiter(limit=100_000, crm="HubSpot"), patience=patience, connections=2
    )
    limiter = Limiter(limit=100_000, crm="Salesforce", is_rolling=True)
    org = SalesforceClient(Credentials("acme.my", "key", "secret"), base_url=server.base_url, limiter=limiter, patience=patience)
    more = {True: {"is_write": True, "is_repeatable": False}, False: {}}
    return {
        "hubspot": lambda is_write: hub.request(
            HubSpotRequest("POST", "/crm/v3/objects/contacts/batch/read", "do it", "read", body={}, **more[is_write])
        ),
        "salesforce": lambda is_write: org.request(SalesforceRequest("POST", "composite", "do it", "read", body={}, **more[is_write])),
    }


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_an_answer_that_comes_too_late(crm: str) -> None:
    """Nobody waits for ever; of a write that must not be repeated the outcome is unknown."""

    def late(_call: Seen) -> bytes:
        time.sleep(0.15)
        return reply(200, PLAIN)

    with scripted_server() as slow:
        slow.tell(late)
        ask = impatient(slow)[crm]
        with pytest.raises(CrmUnreachable, match="did not answer"):
            ask(False)
        with pytest.raises(OutcomeUnknown):
            ask(True)


# What an error says


@pytest.mark.parametrize(
    ("value", "name"),
    [
        *((one, one) for one in ("VALIDATION_ERROR", "Properties.PROPERTY_WITH_NAME_EXISTS", "sf:UNKNOWN_EXCEPTION", "crm.objects.contacts.read", "sales-email-read", "StillThere_Why__c")),
        (7, "7"),
        *((one, "") for one in (None, "", True, 1.5, ["A"], {"a": 1}, "ann@x.example", "Ann Lee", "x" * 121, "a\nb", "<b>")),
    ],
)  # fmt: skip
def test_only_a_name_is_told(value: Any, name: str) -> None:
    """A code, an id, a scope or a property may stand in a sentence of ours; a text, a list or an object may be what a server quotes of the call."""
    assert to_name(value) == name


@pytest.mark.parametrize(
    "body",
    [
        {"status": 400, "category": 5.5, "message": {"a": 1}, "errors": {"x": 1}, "context": [1], "correlationId": ["Ann Lee"]},
        {"status": "error", "category": ["Ann Lee"], "errors": ["x", None, 5], "message": None},
        {"status": "error", "errors": [{"code": ["Ann Lee"]}, {"code": {"Ann Lee": 1}}], "subCategory": "Ann Lee wrote"},
        {"status": "error", "context": {"requiredGranularScopes": "Ann Lee", "propertyName": [1, None, ["Ann Lee"], "ann@x.example"]}},
        {"errorCode": ["Ann Lee"], "message": [1], "fields": ["Ann Lee", None, {"x": "Ann Lee"}]},
        [{"errorCode": {"Ann Lee": 1}, "fields": "Ann Lee"}, 7, None],
        {"exceptionCode": {"Ann Lee": 1}, "error": "Ann Lee"},
        [[{"errorCode": "Ann Lee"}]],
    ],
)
@both
@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_an_error_of_another_form_is_borne_and_not_quoted(server: Scripted, ask: Ask, status: int, body: Any) -> None:
    """Whatever stands where a code, a scope or a property is due: an error of ours with exit code 10, and none of it in the sentence."""
    server.tell(reply(status, body))
    with pytest.raises(Exception, match="We tried to do it and") as caught:
        ask(server)
    assert (getattr(caught.value, "exit_code", None), "Ann" in str(caught.value), "ann@" in str(caught.value)) == (10, False, False)
    for read in (hubspot_refusal, salesforce_refusal):
        assert "Ann" not in read(body).code


@pytest.mark.parametrize("text", ["²", "٣", "-1", "1.5", "", "9" * 16, "9" * 5_000, "nine"])
def test_limits_that_are_no_numbers_say_nothing(text: str) -> None:
    """Of the day, of the pace, of the use: what is no plain number is not told."""
    assert hubspot_word({f"X-HubSpot-RateLimit-{name}": text for name in ("Max", "Remaining", "Daily", "Daily-Remaining")}) == Word(
        None, None, None, None, None
    )
    assert salesforce_word({"Sforce-Limit-Info": f"api-usage={text}/{text}"}) == Word()


@pytest.mark.parametrize("body", [b"NaN", b"[1, -Infinity]", b'{"a": 1e999}', b"\xff\xfe", b"", b"<html>", b"[" * 100_000])
def test_what_is_no_json_is_none(body: bytes) -> None:
    """Also what other readers let pass."""
    assert to_json(body) is None


# What the notes know


@pytest.mark.parametrize(
    ("page", "others"),
    [
        ("hubspot.md", {"CONTACT_TO_COMPANY_UNLABELED", "PROPERTY_HISTORY_MAX_SIZE"}),
        ("salesforce.md", {"INVALID_LOGIN", "REQUESTS_CA_BUNDLE"}),
    ],
)
def test_every_code_of_the_notes_has_a_row(page: str, others: set[str]) -> None:
    """Each error word in the notes stands in a table. ``others`` are no errors of calls that we make (we never sign in by password)."""
    if not FACTS.is_dir():
        pytest.skip("the notes on the CRMs are not beside the project")
    text = (FACTS / page).read_text(encoding="utf-8")
    sections = re.split(r"(?m)^#+ ", text)
    told = {
        word
        for section in sections
        if re.search(r"(?i)\b(error|limit|batch|auth|bulk)", section.partition("\n")[0])
        for word in re.findall(r"\b[A-Z]{2,}(?:_[A-Z0-9]+)+\b", section)
    }
    tables = "".join(Path(module.__file__ or "").read_text(encoding="utf-8") for module in (test_errors_complete, test_bad_records))
    assert sorted(word for word in told - others if word not in tables) == []
