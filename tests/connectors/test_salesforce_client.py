"""Talking to an org: signing in, judging answers, sending again, and reading results as they come. No org behind it but made answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import requests
import responses
import urllib3.exceptions
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from connectors.limiter import Limiter, Word
from connectors.salesforce.answers import to_refusal, to_word, verdict
from connectors.salesforce.bulk import Bulk, Pace, read_csv
from connectors.salesforce.client import Answer, Client, Part, Request
from connectors.salesforce.credentials import Credentials
from connectors.salesforce.session import LoopbackAdapter, Session, TimedSession
from connectors.sending import Patience, TryAgain
from transforms.vocabulary.errors import (
    BadSettings,
    CrmUnreachable,
    MissingScopes,
    NotAuthorised,
    NotFound,
    OutcomeUnknown,
    QuotaSpent,
    RequestRejected,
)

HOST = "https://acme.my.salesforce.com"
TOKEN = f"{HOST}/services/oauth2/token"
DATA = f"{HOST}/services/data/v64.0"
QUICK = Patience(attempts=3, first_wait_s=0.0, longest_wait_s=0.0)
OWN = Credentials("acme.my", "key", "secret")
EXPIRED = json.dumps([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])
ROWS = {"totalSize": 1, "done": True, "records": [{"Id": "003"}]}


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    """Made answers; signing in gives the sessions s1, s2 and so on."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as made:
        count = 0

        def sign_in(_request: Any) -> tuple[int, dict[str, str], str]:
            nonlocal count
            count += 1
            return 200, {}, json.dumps({"access_token": f"s{count}", "instance_url": HOST})

        made.add_callback("POST", TOKEN, sign_in)
        yield made


@pytest.fixture
def client() -> Client:
    """A client that waits for nothing."""
    return Client(OWN, limiter=Limiter(limit=100_000), patience=QUICK)


def ask(**more: Any) -> Request:
    """A query."""
    return Request("GET", "query", "ask something", "read", query={"q": "SELECT Id FROM Contact"}, lists="records", **more)


def tell(web: responses.RequestsMock, *bodies: tuple[int, str] | Exception, path: str = "query") -> Callable[[], int]:
    """Answer calls of a path with these, one after the other, the last one again and again; how many came."""
    come = 0

    def answer(_request: Any) -> tuple[int, dict[str, str], str]:
        nonlocal come
        body = bodies[min(come, len(bodies) - 1)]
        come += 1
        if isinstance(body, Exception):
            raise body
        return body[0], {}, body[1]

    web.add_callback(responses.GET, re.compile(rf"{DATA}/{path}.*"), answer)
    web.add_callback(responses.POST, re.compile(rf"{DATA}/{path}.*"), answer)
    return lambda: come


def refused(code: str, message: str = "no", status: int = 400) -> tuple[int, str]:
    """An error as Salesforce sends it."""
    return status, json.dumps([{"message": message, "errorCode": code}])


# Credentials and signing in


@pytest.mark.parametrize(
    ("given_", "named"),
    [
        ({"domain": "", "consumer_key": ""}, ("SALESFORCE_DOMAIN", "SALESFORCE_CONSUMER_KEY", "SALESFORCE_CONSUMER_SECRET")),
        ({"domain": "acme.my", "consumer_key": "k", "username": "u"}, ("SALESFORCE_PRIVATE_KEY_FILE",)),
        ({"domain": "login", "consumer_key": "k", "consumer_secret": "s"}, ("My Domain",)),
    ],
)
def test_all_faults_of_credentials_are_told_at_once(given_: dict[str, str], named: tuple[str, ...]) -> None:
    """Nothing is sent with credentials that could never work."""
    with pytest.raises(BadSettings) as told:
        Credentials(**given_)
    assert [word for word in named if word not in str(told.value)] == []


@pytest.mark.parametrize(
    ("domain", "host", "audience"),
    [
        ("acme.my", "acme.my", "login"),
        ("https://ACME.my.salesforce.com/", "acme.my", "login"),
        ("acme--uat.sandbox.my", "acme--uat.sandbox.my", "test"),
        ("test", "test", "test"),
    ],
)
def test_a_domain_may_be_given_in_any_form(domain: str, host: str, audience: str) -> None:
    """The library wants it bare; an assertion for a sandbox is meant for test."""
    made = Credentials(domain, "key", username="u@x", private_key_file="k.pem")
    assert (made.host, made.audience) == (host, audience)


def test_secrets_are_not_shown() -> None:
    """The secret is in no representation."""
    assert "hidden-word" not in repr(Credentials("acme.my", "key", "hidden-word"))


def test_a_user_signs_in_by_assertion(web: responses.RequestsMock, tmp_path: Path) -> None:
    """With a key the assertion goes to the org's own domain."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    session = Session(Credentials("acme.my", "key", username="u@x", private_key_file=str(tmp_path / "key.pem")), patience=QUICK)
    assert session.sign_in() == ("s1", "acme.my.salesforce.com")
    assert "jwt-bearer" in str(web.calls[0].request.body)


@pytest.mark.parametrize("text", ["", "not a key"])
def test_a_key_that_is_none_is_told(text: str, tmp_path: Path) -> None:
    """A file that is missing or holds no key is a setting to correct."""
    path = tmp_path / "key.pem"
    if text:
        path.write_text(text)
    with pytest.raises(BadSettings, match="SALESFORCE_PRIVATE_KEY_FILE"):
        Session(Credentials("acme.my", "key", username="u@x", private_key_file=str(path)), patience=QUICK).sign_in()


def test_refused_credentials_are_told(client: Client) -> None:
    """The word of the token endpoint decides; a page of something in between is tried again."""
    with responses.RequestsMock() as web:
        web.add("POST", TOKEN, json={"error": "invalid_grant", "error_description": "user hasn't approved this consumer"}, status=400)
        with pytest.raises(NotAuthorised, match="invalid_grant"):
            client.request(ask())
        assert len(web.calls) == 1
    with responses.RequestsMock() as web:
        web.add("POST", TOKEN, body="<html>", status=503)
        with pytest.raises(CrmUnreachable):
            client.request(ask())
        assert len(web.calls) == QUICK.attempts
    assert client.calls == {"login": 1 + QUICK.attempts}


def test_no_address_but_this_machine_may_stand_in() -> None:
    """A base_url elsewhere would carry secrets to somebody else."""
    with pytest.raises(BadSettings, match="SALESFORCE_BASE_URL"):
        Session(OWN, base_url="http://10.0.0.1:80", patience=QUICK)


def test_calls_are_led_to_this_machine_under_the_orgs_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library builds https addresses alone; the adapter turns them round and keeps the host's name."""
    seen: list[tuple[str, str]] = []

    def send(_self: object, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        seen.append((request.url or "", request.headers["Host"]))
        return requests.Response()

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    LoopbackAdapter("http://127.0.0.1:8700").send(requests.Request("GET", f"{DATA}/query?q=1").prepare())
    assert seen == [("http://127.0.0.1:8700/services/data/v64.0/query?q=1", "acme.my.salesforce.com")]


def test_no_call_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library gives no timeout; our session does."""
    seen: list[Any] = []

    def send(_self: requests.Session, _request: Any, **options: Any) -> requests.Response:
        seen.append(options["timeout"])
        return requests.Response()

    monkeypatch.setattr(requests.Session, "send", send)
    session = TimedSession(QUICK)
    session.send(requests.Request("GET", HOST).prepare())
    session.send(requests.Request("GET", HOST).prepare(), timeout=1)
    assert seen == [(QUICK.connect_timeout_s, QUICK.read_timeout_s), 1]


# Sessions that end


def test_a_session_is_renewed_once_for_a_call(web: responses.RequestsMock, client: Client) -> None:
    """The call is made again with the new session."""
    tell(web, (401, EXPIRED), (200, json.dumps(ROWS)))
    assert client.request(ask()).body == ROWS
    assert client.calls == {"login": 2, "read": 2}


@pytest.mark.parametrize("body", [EXPIRED, "<html>", ""])
def test_renewing_ends(web: responses.RequestsMock, client: Client, body: str) -> None:
    """A session that is never accepted is told after the second time, whatever the body looks like."""
    come = tell(web, (401, body))
    with pytest.raises(NotAuthorised):
        client.request(ask())
    assert come() == 2


def test_a_session_renewed_by_another_thread_is_taken_over(web: responses.RequestsMock, client: Client) -> None:
    """Whoever comes second with the old session does not sign in again."""
    assert client.session.sign_in()[0] == "s1"
    assert client.session.sign_in(instead_of="s1")[0] == "s2"
    assert client.session.sign_in(instead_of="s1")[0] == "s2"
    assert len(web.calls) == 2


# Judging


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", QuotaSpent),
        (403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", TryAgain),
        (400, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access", TryAgain),
        (400, "QUERY_TIMEOUT", "Your query request was running for too long.", TryAgain),
        (503, "SERVER_UNAVAILABLE", "busy", TryAgain),
        (403, "API_DISABLED_FOR_ORG", "not enabled", MissingScopes),
        (403, "INSUFFICIENT_ACCESS", "no", MissingScopes),
        (404, "NOT_FOUND", "The requested resource does not exist", NotFound),
        (400, "MALFORMED_QUERY", "unexpected token", RequestRejected),
        (414, "", "", RequestRejected),
        (502, "", "", TryAgain),
        (429, "", "", TryAgain),
    ],
)
def test_a_refusal_means_what_its_code_says(status: int, code: str, message: str, kind: type[Exception]) -> None:
    """The code decides first, the status second."""
    body = [{"errorCode": code, "message": message}] if code else None
    assert type(verdict(status, {}, body, what="do it")) is kind


def test_what_the_header_says_of_the_day_decides() -> None:
    """Where no call is left, a refusal means the day, whatever the message is."""
    body = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "limit"}]
    assert isinstance(verdict(403, {"Sforce-Limit-Info": "api-usage=5000/5000"}, body, what="do it"), QuotaSpent)
    assert isinstance(verdict(403, {"Sforce-Limit-Info": "api-usage=20/5000"}, body, what="do it"), TryAgain)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("api-usage=25/5000", Word(daily_limit=5000, daily_remaining=4975)),
        ("api-usage=18/5000; api-bursts=1/750; per-app-api-usage=17/250(appName=x)", Word(daily_limit=5000, daily_remaining=4982)),
        ("per-app-api-usage=17/250(appName=x)", Word()),
        ("api-usage=5100/5000", Word(daily_limit=5000, daily_remaining=0)),
        ("", Word()),
    ],
)
def test_the_use_of_calls_is_read(text: str, word: Word) -> None:
    """Only the org's own use counts, not the app's."""
    assert to_word({"Sforce-Limit-Info": text}) == word


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_any_error_body_can_be_read(body: Any) -> None:
    """Whatever stands in between sends, reading it never fails."""
    assert isinstance(to_refusal(body).code, str)


@pytest.mark.parametrize("body", ["", "<html>", '{"totalSize":1,"done":tr', "[]", '{"totalSize":0}', "null", '"text"'])
def test_an_answer_that_is_none_is_asked_for_again(web: responses.RequestsMock, client: Client, body: str) -> None:
    """Taken for an empty list, it would end an extract early."""
    come = tell(web, (200, body), (200, json.dumps(ROWS)))
    assert client.request(ask()).body == ROWS
    assert come() == 2


def test_the_day_is_kept_in_mind(client: Client) -> None:
    """What remains is known from every answer, and the share of others is left."""
    with responses.RequestsMock() as web:
        web.add("POST", TOKEN, json={"access_token": "s", "instance_url": HOST})
        web.add("GET", f"{DATA}/query", json=ROWS, headers={"Sforce-Limit-Info": "api-usage=10/20"})
        client.request(ask())
        assert client.limiter.daily_remaining == 10
        while client.limiter.daily_remaining > 3:  # three tenths of what remained are left to others
            client.request(ask())
        with pytest.raises(QuotaSpent):
            client.request(ask())
    assert client.calls["read"] == 8


# Sending again


def test_a_write_of_unknown_outcome_is_not_sent_again(web: responses.RequestsMock, client: Client) -> None:
    """Creating without a key may not be repeated blindly; what never reached the server may."""
    come = tell(web, requests.ConnectionError(urllib3.exceptions.ProtocolError("gone")), path="composite/sobjects")
    request = Request("POST", "composite/sobjects", "create tasks", "write", body={}, is_write=True, is_repeatable=False)
    with pytest.raises(OutcomeUnknown):
        client.request(request)
    assert come() == 1


def test_what_was_never_sent_may_be_sent_again(web: responses.RequestsMock, client: Client) -> None:
    """Where no connection was made, nothing was written."""
    refused_ = urllib3.exceptions.MaxRetryError(None, "/", urllib3.exceptions.NewConnectionError(None, "refused"))  # type: ignore[arg-type]  # no pool is needed
    come = tell(web, requests.ConnectionError(refused_), (200, "[]"), path="composite/sobjects")
    request = Request("POST", "composite/sobjects", "create tasks", "write", body={}, is_write=True, is_repeatable=False)
    assert client.request(request).body == []
    assert come() == 2


@pytest.mark.parametrize("code", ["UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT"])
def test_a_refusal_that_passes_leaves_no_doubt(web: responses.RequestsMock, client: Client, code: str) -> None:
    """Nothing was written, so even a write without a key is sent again."""
    come = tell(web, refused(code), (200, "[]"), path="composite/sobjects")
    request = Request("POST", "composite/sobjects", "create tasks", "write", body={}, is_write=True, is_repeatable=False)
    assert client.request(request).body == []
    assert come() == 2


# Composite calls


def composite(*parts: tuple[int, Any]) -> tuple[int, str]:
    """A composite answer."""
    told = [{"body": body, "httpHeaders": {}, "httpStatusCode": status, "referenceId": f"p{n}"} for n, (status, body) in enumerate(parts)]
    return 200, json.dumps({"compositeResponse": told})


def test_several_queries_travel_in_one_call(web: responses.RequestsMock, client: Client) -> None:
    """Their statements stand in the body, where their length does not matter."""
    tell(web, composite((200, ROWS), (200, {**ROWS, "totalSize": 7})), path="composite")
    found = client.find(["SELECT Id FROM Contact", " ".join(["SELECT", "X__c, " * 500, "Id FROM Lead"])], purpose="read", what="ask")
    assert [one.total for one in found] == [1, 7]
    assert client.calls["read"] == 1
    sent = json.loads(web.calls[-1].request.body or "")["compositeRequest"]
    assert [one["url"].split("?")[0] for one in sent] == ["/services/data/v64.0/query"] * 2


def test_a_part_that_could_not_be_served_is_asked_for_again(web: responses.RequestsMock, client: Client) -> None:
    """Reading twice does no harm."""
    busy = [{"errorCode": "QUERY_TIMEOUT", "message": "too long"}]
    come = tell(web, composite((200, ROWS), (400, busy)), composite((200, ROWS), (200, ROWS)), path="composite")
    client.find(["SELECT Id FROM Contact", "SELECT Id FROM Lead"], purpose="read", what="ask")
    assert come() == 2


def test_a_part_that_is_refused_raises(web: responses.RequestsMock, client: Client) -> None:
    """A query that is wrong is never taken for one without rows."""
    tell(web, composite((200, ROWS), (400, [{"errorCode": "INVALID_FIELD", "message": "no such column"}])), path="composite")
    with pytest.raises(RequestRejected, match="INVALID_FIELD"):
        client.find(["SELECT Id FROM Contact", "SELECT X FROM Lead"], purpose="read", what="ask")


def test_a_composite_answer_that_lacks_a_part_is_no_answer(web: responses.RequestsMock, client: Client) -> None:
    """Each part is answered, or the call is made again."""
    come = tell(web, composite((200, ROWS)), composite((200, ROWS), (204, None)), path="composite")
    assert len(client.composite([Part("GET", "limits"), Part("GET", "limits")], purpose="read", what="ask")) == 2
    assert come() == 2


# Bulk results


class Raw:
    """A body that breaks off after so many bytes."""

    def __init__(self, data: bytes, breaks_at: int | None = None) -> None:
        self._data = data
        self._breaks_at = breaks_at
        self._at = 0

    def read(self, size: int, *, decode_content: bool) -> bytes:
        """At most ``size`` bytes."""
        assert decode_content
        if self._breaks_at is not None and self._at >= self._breaks_at:
            raise urllib3.exceptions.ProtocolError("broken")
        end = len(self._data) if self._breaks_at is None else self._breaks_at
        taken = self._data[self._at : min(self._at + min(size, 1000), end)]
        self._at += len(taken)
        return taken

    def close(self) -> None:
        """Nothing to give back."""

    def release_conn(self) -> None:
        """Nothing to give back."""


def streamed(data: bytes, breaks_at: int | None = None) -> Answer:
    """A streamed CSV answer."""
    response = requests.Response()
    response.raw = Raw(data, breaks_at)
    return Answer(None, datetime.now(UTC), headers={"Content-Type": "text/csv"}, response=response)


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"]), max_size=12)), max_size=30),
    st.integers(1, 7),
    st.integers(0, 12),
)
def test_any_text_comes_through_in_slices(rows: list[tuple[str]], rows_a_slice: int, skip: int) -> None:
    """Quotes, commas, line breaks and any letters survive; nothing is doubled or lost, wherever reading begins."""
    quoted = [f'"{number}","{text.replace(chr(34), chr(34) * 2)}"\n' for number, (text,) in enumerate(rows)]
    data = ('"Id","Text"\n' + "".join(quoted)).encode()
    slices = list(read_csv(streamed(data), rows_a_slice, skip=skip))
    found = [(row["Id"], row["Text"] or "") for one, _ in slices for row in one.to_pylist()]
    assert found == [(str(number), text) for number, (text,) in enumerate(rows)][skip:]
    assert all(one.num_rows <= rows_a_slice for one, _ in slices)


def test_results_that_break_off_go_on_behind_what_came(web: responses.RequestsMock, client: Client) -> None:
    """The same answer is asked for again, and what was handed on is passed over: each row comes once."""
    header, rows = b'"Id"\n', [b'"%05d"\n' % number for number in range(3_000)]
    come = 0

    def answer(_request: Any) -> tuple[int, dict[str, str], bytes]:
        nonlocal come
        come += 1
        whole = header + b"".join(rows)
        # A server that closes the connection early: fewer bytes than rows were announced.
        return (
            200,
            {"Sforce-NumberOfRecords": "3000", "Sforce-Locator": "null", "Content-Type": "text/csv"},
            whole[: 9_005 if come == 1 else None],
        )

    web.add_callback(responses.GET, re.compile(f"{DATA}/jobs/query/750/results.*"), answer)
    pieces = list(Bulk(client, Pace(sleep=lambda _: None)).results("750", rows_a_slice=1_000))
    ids = pa.Table.from_batches([piece.rows for piece in pieces])["Id"].to_pylist()
    assert [one for one in ids if len(one) == 5] == [f"{number:05d}" for number in range(3_000)]
    assert come == 2
    assert (pieces[-1].is_last, pieces[-1].following) == (True, None)


@pytest.mark.parametrize("lost", range(2, 14))
def test_a_value_that_lost_its_end_is_not_taken_for_one(lost: int) -> None:
    """The number of rows is right, and the last value is short: that is no whole answer, and its last rows are not handed on."""
    data = b'"Id","Title"\n"1","Head"\n"2","Head of it"\n'
    expected = [[{"Id": "1", "Title": "Head"}], [{"Id": "2", "Title": "Head of it"}]]
    assert [rows.to_pylist() for rows, _ in read_csv(streamed(data), 1, is_quoted=True)] == expected
    slices = read_csv(streamed(data[:-lost]), 1, is_quoted=True)
    assert next(slices)[0].to_pylist() == expected[0]
    with pytest.raises(TryAgain):
        next(slices)


def test_a_broken_stream_is_tried_again() -> None:
    """A connection that ends in the middle is no end of the rows."""
    data = b'"Id"\n' + b"".join(b'"%05d"\n' % number for number in range(3_000))
    with pytest.raises(TryAgain):
        list(read_csv(streamed(data, breaks_at=9_000), 1_000))


def test_a_page_in_place_of_results_is_not_an_empty_result(web: responses.RequestsMock, client: Client) -> None:
    """Something in between answers 200 with a page: that is no object without rows."""
    web.add("GET", re.compile(f"{DATA}/jobs/query/750/results.*"), body="<html>Maintenance</html>", content_type="text/html")
    with pytest.raises(CrmUnreachable):
        list(Bulk(client, Pace(sleep=lambda _: None)).results("750", rows_a_slice=10))


def test_one_look_tells_of_all_jobs(web: responses.RequestsMock, client: Client) -> None:
    """Jobs that run side by side are looked at together; where the list does not show ours, it is not asked for again."""
    listed = [{"id": "a", "state": "JobComplete"}, {"id": "b", "state": "JobComplete"}]
    web.add("GET", f"{DATA}/jobs/query", json={"done": True, "records": listed})
    web.add("GET", f"{DATA}/jobs/query/z", json={"id": "z", "state": "JobComplete", "numberRecordsProcessed": 4})
    bulk = Bulk(client, Pace(sleep=lambda _: None))
    assert [bulk.wait(one, beside=["a", "b"]).state for one in ("a", "b")] == ["JobComplete"] * 2
    assert client.calls["bulk"] == 1
    assert bulk.wait("z", beside=["y"]).rows == 4
    assert bulk.wait("z", beside=["y"]).rows == 4
    assert client.calls["bulk"] == 4
