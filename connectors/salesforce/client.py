"""Talking to an org: one request at a time, metered, judged and where safe sent again. Queries, composite calls and collections as raw JSON.

simple-salesforce signs in, knows the addresses and headers, and speaks to the metadata service. Bodies are read here: the library's
ordered dictionaries cost several times the JSON itself, and what it raises has lost the headers that count the calls.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import NoneType
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit, urlunsplit

import orjson
import requests
from simple_salesforce.api import Salesforce

from connectors.limiter import Limiter
from connectors.salesforce.answers import CRM, CursorEnded, SessionEnded, cut_short, judge, to_refusal, to_word, verdict
from connectors.salesforce.credentials import Credentials
from connectors.salesforce.session import API_VERSION, Session
from connectors.salesforce.soap import library_gate
from connectors.sending import Patience, TryAgain, gate, send, time_of
from transforms.vocabulary.errors import QuotaSpent

Json = dict[str, Any]
T = TypeVar("T")

COMPOSITE_LIMIT = 25
COMPOSITE_QUERIES = 5
"""Of the parts of a composite call, so many may be queries or collections."""

COLLECTION_LIMIT = 200
RETRIEVE_LIMIT = 2_000


@dataclass(frozen=True)
class Request:
    """One request. ``path`` is below ``/services/data/vXX.X/``, or whole where it begins with a slash.

    ``what`` completes 'we tried to …', ``purpose`` names what it is counted under. ``body`` is JSON, or bytes of CSV.
    ``is_repeatable`` says of a write that doing it twice is the same as doing it once; ``has_body`` that a good answer has a JSON body;
    ``lists`` names the list that it must hold, ``tells`` what else must stand in it. ``is_streamed``: the answer's body is left unread in ``Answer.response``.
    ``is_finishing``: it sees to its end what would go on without us, and may use the calls that are left to others.
    """

    method: str
    path: str
    what: str
    purpose: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | list[Any] | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_write: bool = False
    is_repeatable: bool = True
    has_body: bool = True
    lists: str = ""
    tells: tuple[str, ...] = ()
    is_streamed: bool = False
    is_finishing: bool = False


@dataclass(frozen=True)
class Answer:
    """A good answer: its body, its headers, and the org's own time when it was given (to the second, rounded down)."""

    body: Any
    at: datetime
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    response: requests.Response | None = None


@dataclass(frozen=True)
class Part:
    """One part of a composite call. ``path`` as in :class:`Request`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    reference: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SubAnswer:
    """What became of one part of a composite call. ``at`` is the org's time of the whole call."""

    status: int
    body: Any
    at: datetime
    what: str

    @property
    def is_good(self) -> bool:
        """Whether the part was carried out."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """Salesforce's code where it was not."""
        return "" if self.is_good else to_refusal(self.body).code

    def good(self) -> Any:
        """The body; raises what a bad answer means."""
        if self.is_good:
            return self.body
        error = verdict(self.status, {}, self.body, what=self.what)
        raise error.error if isinstance(error, TryAgain | SessionEnded) else error


@dataclass(frozen=True)
class Found:
    """One answer to a query: its rows, how many there are in all, and where the rest is (None: there is none)."""

    records: list[Json]
    total: int
    more: str | None
    at: datetime


class Client:
    """An org as seen through one set of credentials. May be used from several threads."""

    def __init__(
        self, credentials: Credentials, *, base_url: str = "", limiter: Limiter, patience: Patience, version: str = API_VERSION
    ) -> None:
        self.session = Session(credentials, base_url=base_url, version=version, patience=patience, on_sign_in=lambda: self._count("login"))
        self.limiter = limiter
        self.patience = patience
        self.version = version
        self.calls: Counter[str] = Counter()
        self.at: datetime | None = None
        self._lock = threading.Lock()

    @property
    def now_ms(self) -> int:
        """The org's time in epoch milliseconds, by its last answer; by our own clock where there was none."""
        return int((self.at or datetime.now(UTC)).timestamp() * 1000)

    @property
    def prefix(self) -> str:
        """The path under which all resources of our API version stand."""
        return f"/services/data/v{self.version}/"

    def close(self) -> None:
        """Give the connections back. The client may be used again."""
        self.session.close()

    def request(self, request: Request, stop: threading.Event | None = None) -> Answer:
        """Send one request, in its turn, and judge its answer; send it again where that may help and cannot harm.

        A session that has ended is renewed once for each request.
        """

        def call(_attempt: int) -> Answer:
            return self._renewing(lambda: self._once(request, stop), request.what)

        return self._sending(call, request, stop)

    def query(self, soql: str, *, is_all: bool = False, purpose: str, what: str) -> Iterator[list[Json]]:
        """The rows of a query, answer by answer. ``is_all``: deleted and archived rows too.

        Where its cursor ends before it does, the query is asked anew, and the records that were handed on already are passed over.
        """
        seen: set[str] = set()
        for attempt in range(1, self.patience.attempts + 1):
            try:
                for records in self._answers(soql, is_all=is_all, purpose=purpose, what=what):
                    yield [one for one in records if one.get("Id") not in seen] if attempt > 1 else records
                    seen.update(one["Id"] for one in records if "Id" in one)
            except CursorEnded:
                if attempt == self.patience.attempts:
                    raise
            else:
                return

    def _answers(self, soql: str, *, is_all: bool, purpose: str, what: str) -> Iterator[list[Json]]:
        found = self.find([soql], is_all=is_all, purpose=purpose, what=what)[0]
        yield found.records
        while found.more is not None:
            found = self.more(found, purpose=purpose, what=what)
            yield found.records

    def more(self, found: Found, *, purpose: str = "read", what: str) -> Found:
        """The answer after this one, which must have said that there is one."""
        return to_found(self.request(Request("GET", found.more or "", what=what, purpose=purpose, lists="records")))

    def find(self, statements: Sequence[str], *, is_all: bool = False, purpose: str, what: str) -> list[Found]:
        """The first answer to each of several queries, in ONE call for every five of them.

        They travel in the body of a composite call, where their length does not matter. Raises where one of them is refused.
        """
        resource = "queryAll" if is_all else "query"
        found = []
        for some in parts(statements, COMPOSITE_QUERIES):
            answers = self.composite([Part("GET", resource, {"q": soql}) for soql in some], purpose=purpose, what=what)
            found += [to_found(Answer(answer.good(), answer.at)) for answer in answers]
        return found

    def composite(
        self,
        subrequests: Sequence[Part],
        *,
        purpose: str,
        what: str,
        is_write: bool = False,
        is_repeatable: bool = True,
        all_or_none: bool = False,
    ) -> list[SubAnswer]:
        """At most 25 parts, of them at most 5 queries or collections, in ONE call; what became of each, in their order.

        Where parts only read and one could not be served just now, the whole call is made again. Of writes each part tells for itself.
        """
        asked: list[Json] = [
            {
                "method": one.method,
                "url": self._address(one),
                "referenceId": one.reference or f"p{number}",
                **({"body": one.body} if one.body is not None else {}),
                **({"httpHeaders": dict(one.headers)} if one.headers else {}),
            }
            for number, one in enumerate(subrequests)
        ]
        body: Json = {"allOrNone": all_or_none, "compositeRequest": asked}
        request = Request(
            "POST", "composite", what, purpose, body=body, is_write=is_write, is_repeatable=is_repeatable, lists="compositeResponse"
        )

        def call(_attempt: int) -> list[SubAnswer]:
            answer = self._renewing(lambda: self._once(request, None), request.what)
            found = _in_order(answer, asked, what)
            if not is_write:
                for one in found:
                    bad = None if one.is_good else verdict(one.status, answer.headers, one.body, what=what)
                    if isinstance(bad, TryAgain):
                        raise bad
            return found

        return self._sending(call, request, None)

    def collection(
        self, method: str, path: str, records: Sequence[Json], *, what: str, is_repeatable: bool, purpose: str = "write"
    ) -> tuple[list[Json], datetime]:
        """Create, update or upsert at most 200 records; one result each, in their order, and the org's time.

        A result's ``success`` says what became of its record; ``errors`` hold ``statusCode``. Raises OutcomeUnknown where no answer tells
        and ``is_repeatable`` is false.
        """
        body: Json = {"allOrNone": False, "records": list(records)}
        request = Request(method, path, what, purpose, body=body, is_write=True, is_repeatable=is_repeatable)

        def call(_attempt: int) -> tuple[list[Json], datetime]:
            answer = self._renewing(lambda: self._once(request, None), request.what)
            if not _is_list_of(answer.body, len(records), dict):
                raise cut_short(what)
            return answer.body, answer.at

        return self._sending(call, request, None)

    def retrieve(self, name: str, ids: Sequence[str], fields: Sequence[str], *, purpose: str = "read") -> list[Json | None]:
        """The records of these ids as they are now, strongly consistent, in the order of ``ids``; None for one that is not there."""
        found: list[Json | None] = []
        for some in parts(ids, RETRIEVE_LIMIT):
            body: Json = {"ids": list(some), "fields": list(fields)}
            answer = self.request(Request("POST", f"composite/sobjects/{name}", f"read {name} by id", purpose, body=body))
            if not _is_list_of(answer.body, len(some), dict | NoneType):
                raise cut_short(f"read {name} by id").error
            found += [one if isinstance(one, dict) and one.get("Id") else None for one in answer.body]
        return found

    def metadata(self, call: Callable[[Salesforce], T], *, what: str, purpose: str = "setup", is_write: bool = False) -> T:
        """Run one metadata call of the client library. ``call`` gets an object made for it alone; doing it twice must be harmless.

        A session that has ended is renewed once. What the service refuses is raised as one of our errors.
        """
        request = Request("POST", "/services/Soap/m/", what, purpose, is_write=is_write)

        def once() -> T:
            salesforce = self.session.for_metadata()
            self._begin(purpose, None)
            try:
                with gate(CRM, what), library_gate(what):
                    return call(salesforce)
            finally:
                self.limiter.give_back()

        def attempt(_number: int) -> T:
            return self._renewing(once, what)

        return self._sending(attempt, request, None)

    # One exchange

    def _sending(self, call: Callable[[int], T], request: Request, stop: threading.Event | None) -> T:
        try:
            return send(
                call,
                crm=CRM,
                what=request.what,
                is_write=request.is_write,
                is_repeatable=request.is_repeatable,
                patience=self.patience,
                stop=stop,
            )
        except QuotaSpent as error:
            # What the limiter itself has said is dated already.
            raise (error if error.resets_at is not None else self.limiter.dated(error)) from error

    def _renewing(self, once: Callable[[], T], what: str) -> T:
        """Make a call; where its session has ended, sign in anew and make it once more, never oftener."""
        stale = self._signed_in(what)
        try:
            return once()
        except SessionEnded as ended:
            self._signed_in(what, instead_of=stale)
            try:
                return once()
            except SessionEnded as again:
                raise again.error from ended

    def _signed_in(self, what: str, *, instead_of: str | None = None) -> str:
        """The session id to use. An answer that is lost while signing in leaves no write in doubt."""
        try:
            with gate(CRM, what):
                return self.session.sign_in(instead_of=instead_of)[0]
        except TryAgain as verdict_:
            raise TryAgain(verdict_.error, asked_s=verdict_.asked_s) from verdict_

    def _once(self, request: Request, stop: threading.Event | None) -> Answer:
        salesforce = self.session.salesforce()
        self._begin(request.purpose, stop, is_finishing=request.is_finishing)
        try:
            with gate(CRM, request.what):
                response = self._exchange(salesforce, request)
                is_left = request.is_streamed and response.ok
                text = b"" if is_left else response.content
        finally:
            self.limiter.give_back()
        self.at = at = time_of(response.headers)
        self.limiter.hear(to_word(response.headers), at)
        if is_left:
            return Answer(None, at, response.status_code, response.headers, response)
        body = judge(
            response.status_code,
            response.headers,
            text,
            what=request.what,
            has_body=request.has_body,
            lists=request.lists,
            tells=request.tells,
        )
        return Answer(body, at, response.status_code, response.headers)

    def _exchange(self, salesforce: Salesforce, request: Request) -> requests.Response:
        """The bare exchange, whatever the status is."""
        address = f"https://{salesforce.sf_instance}{request.path}" if request.path.startswith("/") else salesforce.base_url + request.path
        is_csv = isinstance(request.body, bytes)
        body = request.body if is_csv or request.body is None else orjson.dumps(request.body)
        headers = {
            "Authorization": salesforce.headers["Authorization"],
            "Accept-Encoding": "gzip",
            **({"Content-Type": "text/csv; charset=UTF-8" if is_csv else "application/json"} if body is not None else {}),
            **request.headers,
        }
        return salesforce.session.request(
            request.method, address, params=dict(request.query) or None, data=body, headers=headers, stream=True
        )

    def _begin(self, purpose: str, stop: threading.Event | None, *, is_finishing: bool = False) -> None:
        self.limiter.take(stop=stop, is_finishing=is_finishing)
        self._count(purpose)

    def _count(self, purpose: str) -> None:
        with self._lock:
            self.calls[purpose] += 1

    def _address(self, part: Part) -> str:
        path = part.path if part.path.startswith("/") else self.prefix + part.path
        return f"{path}?{urlencode(part.query)}" if part.query else path


def parts(many: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """``many`` in parts of at most ``size``."""
    for start in range(0, len(many), size):
        yield many[start : start + size]


def to_found(answer: Answer) -> Found:
    """A query's answer. What is no record is left out, so that it does not keep its neighbours from being read."""
    body = answer.body
    records = [one for one in body.get("records") or () if isinstance(one, dict)]
    if any(one.get("Id") for one in records):
        # Where the id was asked for, a row without one is nobody's; counts and the like have none.
        records = [one for one in records if one.get("Id")]
    more = body.get("nextRecordsUrl") if not body.get("done", True) else None
    return Found(records, int(body.get("totalSize") or 0), _below_host(str(more)) if more else None, answer.at)


def _below_host(address: str) -> str:
    """A path and its query, also where the address was told with its host. Only our own host ever gets our session."""
    parted = urlsplit(address)
    return urlunsplit(("", "", parted.path, parted.query, ""))


def _is_list_of(body: Any, length: int, kind: Any) -> bool:
    """Whether a body is a list that answers for everything that was asked."""
    return isinstance(body, list) and len(body) == length and all(isinstance(one, kind) for one in body)


def _in_order(answer: Answer, asked: Sequence[Json], what: str) -> list[SubAnswer]:
    """What became of each part, in the order in which they were asked. Raises TryAgain where one is missing or tells no status."""
    told = {one.get("referenceId"): one for one in answer.body["compositeResponse"] if isinstance(one, dict)}
    found = []
    for part in asked:
        one = told.get(part["referenceId"], {})
        if not isinstance(one.get("httpStatusCode"), int):
            raise cut_short(what)
        found.append(SubAnswer(one["httpStatusCode"], one.get("body"), answer.at, what))
    return found
