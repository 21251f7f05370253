"""Talking to HubSpot: one request at a time, paced, judged and where safe sent again. Pages, searches and batches as raw JSON.

The official client carries the requests (authorisation, connections, encoding). Its models are not used: they cost ten times
the time of the JSON itself. One api object is made and kept, because each look-up of one opens a new connection.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import hubspot
import urllib3
from hubspot.crm.objects.exceptions import ApiException, OpenApiException

from connectors.hubspot.answers import CRM, judge, need_all_served, to_word
from connectors.hubspot.paths import Paths
from connectors.hubspot.records import is_in_order, next_page, to_links, to_named, to_records
from connectors.limiter import Limiter
from connectors.sending import Patience, gate, send, time_of
from transforms.vocabulary.errors import CrmUnreachable, NotFound, QuotaSpent, RequestRejected

Json = dict[str, Any]

LIST_LIMIT = 100
SEARCH_LIMIT = 200
BATCH_LIMIT = 100
LINK_BATCH_LIMIT = 1_000
OWNERS_LIMIT = 500
NOT_CONFIRMED = "NOT_CONFIRMED"
"""Of what was to be written HubSpot's answer says nothing, and it does not stand. It counts as failed."""

SEARCH_BODY_LIMIT = 2_900
"""Characters; HubSpot refuses a search whose body has more than 3,000."""


@dataclass(frozen=True)
class Answer:
    """A good answer: its body, and the CRM's own time when it was given (to the second, rounded down)."""

    body: Any
    at: datetime


@dataclass(frozen=True)
class Request:
    """One request. ``what`` completes 'we tried to …', ``purpose`` names what it is counted under.

    ``is_repeatable`` says of a write that doing it twice is the same as doing it once; ``has_body`` that a good answer has one;
    ``lists`` that it holds a list of results, so that an answer without one is taken for what it is: no answer; ``serves_all`` that an
    item of it that HubSpot could not serve just now is asked for again, with all others.
    """

    method: str
    path: str
    what: str
    purpose: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    is_write: bool = False
    is_repeatable: bool = True
    has_body: bool = True
    lists: bool = False
    serves_all: bool = False


@dataclass(frozen=True)
class Found:
    """One page of a list or a search: the records, how to go on (None: the end), and for a search how many there are in all.

    ``came`` is how many results the answer held. Those that are no records are not among ``records``.
    """

    records: list[Json]
    after: str | None
    at: datetime
    total: int = 0
    came: int = 0


class Client:
    """A HubSpot account as seen through one token. May be used from several threads."""

    def __init__(self, token: str, base_url: str, *, paths: Paths, limiter: Limiter, patience: Patience, connections: int) -> None:
        self.paths = paths
        self.limiter = limiter
        self.patience = patience
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._sorts_by_object = False
        # retry=False: the library's own retries would stand inside ours.
        maker = hubspot.HubSpot(access_token=token, host=base_url, base_url=base_url, retry=False, connection_pool_maxsize=connections)
        self._api = maker.crm.objects.basic_api.api_client
        self._api.set_default_header("Accept", "application/json")
        self._api.set_default_header("Accept-Encoding", "gzip")

    def close(self) -> None:
        """Give the connections back. The client may be used again."""
        self._api.rest_client.pool_manager.clear()

    def request(self, request: Request, stop: threading.Event | None = None) -> Answer:
        """Send one request, in its turn, and judge its answer; send it again where that may help and cannot harm."""

        def call(attempt: int) -> Answer:
            self.limiter.take(is_search=request.purpose == "search", stop=stop)
            try:
                with self._lock:
                    self.calls[request.purpose] += 1
                status, headers, text = self._send(request)
            finally:
                self.limiter.give_back()
            at = time_of(headers)
            self.limiter.hear(to_word(headers), at)
            if status == 429:
                self._hold_back(text, attempt)
            try:
                body = judge(status, headers, text, what=request.what, has_body=request.has_body, lists=request.lists)
            except QuotaSpent as error:
                raise self.limiter.dated(error) from error
            if request.serves_all:
                need_all_served(body, what=request.what)
            return Answer(body, at)

        return send(
            call,
            crm=CRM,
            what=request.what,
            is_write=request.is_write,
            is_repeatable=request.is_repeatable,
            patience=self.patience,
            stop=stop,
        )

    def list_page(
        self,
        kind: str,
        *,
        properties: Sequence[str] = (),
        associations: Sequence[str] = (),
        after: str | None = None,
        limit: int = LIST_LIMIT,
        is_archived: bool = False,
        stop: threading.Event | None = None,
    ) -> Found:
        """One page of all records of a type, in ascending order of id."""
        query = {"limit": str(limit), "archived": "true" if is_archived else "false"}
        if properties:
            query["properties"] = ",".join(properties)
        if associations:
            query["associations"] = ",".join(associations)
        if after is not None:
            query["after"] = after
        request = Request("GET", self.paths.objects(kind), query=query, what=f"list {kind}", purpose="read", lists=True)
        return _found(self.request(request, stop), request.what)

    def search(
        self,
        kind: str,
        filters: Sequence[Json],
        *,
        sort: str,
        is_descending: bool = False,
        properties: Sequence[str] = (),
        limit: int = SEARCH_LIMIT,
        stop: threading.Event | None = None,
    ) -> Found:
        """The first page of the records that pass all ``filters``. Lags behind the records by seconds to minutes; archived ones never appear.

        The sort is sent as HubSpot's specification has it: a property's name, with a minus before it where it descends. HubSpot's guide shows
        an object there. Should an answer come in another order, that form is used from then on: the extract rests on the order.
        """
        by_object = {"propertyName": sort, "direction": "DESCENDING" if is_descending else "ASCENDING"}
        body: Json = {
            "filterGroups": [{"filters": list(filters)}] if filters else [],
            "sorts": [by_object if self._sorts_by_object else f"-{sort}" if is_descending else sort],
            "properties": list(properties),
            "limit": limit,
            "after": "0",
        }
        is_long = len(json.dumps(body)) > SEARCH_BODY_LIMIT
        if is_long:
            body["properties"] = [sort]
        request = Request("POST", self.paths.objects(kind, "search"), body=body, what=f"search {kind}", purpose="search", lists=True)
        answer = self.request(request, stop)
        total = answer.body.get("total")
        if not isinstance(total, int | str) or not str(total).isdigit():
            # Taken for the last page, it would end an extract early.
            raise CrmUnreachable(f"We tried to {request.what} and HubSpot's answer did not say how many there are; run again later.")
        found = replace(_found(answer, request.what), total=int(total))
        if not self._sorts_by_object and not is_in_order(found.records, sort, is_descending=is_descending):
            self._sorts_by_object = True
            return self.search(kind, filters, sort=sort, is_descending=is_descending, properties=properties, limit=limit, stop=stop)
        return self._filled(kind, found, sort, properties) if is_long else found

    def batch_read(
        self,
        kind: str,
        ids: Sequence[str],
        properties: Sequence[str],
        *,
        id_property: str | None = None,
        is_archived: bool = False,
        needs_all: bool = True,
    ) -> Iterator[Json]:
        """The records of these ids (or of these values of a unique property) that exist, in no promised order. Strongly consistent.

        ``is_archived`` asks for those in the recycle bin in place of the living ones. ``needs_all``: a result that is no record raises
        CrmUnreachable. Left out, its record would be taken for one that is gone.
        """
        for part in parts(ids, BATCH_LIMIT):
            body: Json = {"inputs": [{"id": one} for one in part], "properties": list(properties), "propertiesWithHistory": []}
            if id_property:
                body["idProperty"] = id_property
            answer = self.request(
                Request(
                    "POST",
                    self.paths.objects(kind, "batch", "read"),
                    query={"archived": "true" if is_archived else "false"},
                    body=body,
                    what=f"read {kind} by id",
                    purpose=_purpose("read", kind),
                    lists=True,
                    serves_all=True,
                )
            )
            yield from to_records(answer.body.get("results"), what=f"read {kind} by id", needs_all=needs_all)

    def batch_write(self, kind: str, action: str, inputs: Sequence[Json], *, is_repeatable: bool) -> Json:
        """One batch of at most 100 inputs, each with its objectWriteTraceId: update, upsert or create."""
        body = {"inputs": list(inputs)}
        path = self.paths.objects(kind, "batch", action)
        answer: Json = self.request(
            Request(
                "POST",
                path,
                body=body,
                what=f"{action} {kind}",
                purpose=_purpose("write", kind),
                is_write=True,
                is_repeatable=is_repeatable,
            )
        ).body
        return answer

    def archive(self, kind: str, ids: Sequence[str]) -> None:
        """Archive records. Ids that do not exist are passed over."""
        for part in parts(ids, BATCH_LIMIT):
            body = {"inputs": [{"id": one} for one in part]}
            self.request(
                Request(
                    "POST",
                    self.paths.objects(kind, "batch", "archive"),
                    body=body,
                    what=f"archive {kind}",
                    purpose=_purpose("write", kind),
                    is_write=True,
                    has_body=False,
                )
            )

    def links(self, source: str, target: str, ids: Sequence[str], *, stop: threading.Event | None = None) -> dict[str, list[str]]:
        """For each id of ``source`` that has any: the ids of the ``target`` records associated with it."""
        found: dict[str, list[str]] = {}
        todo: list[Json] = [{"id": one} for one in dict.fromkeys(ids)]
        while todo:
            now, todo = todo[:LINK_BATCH_LIMIT], todo[LINK_BATCH_LIMIT:]
            path, what = self.paths.associations(source, target, "read"), f"read the associations of {source} with {target}"
            answer = self.request(
                Request(
                    "POST",
                    path,
                    body={"inputs": now},
                    what=what,
                    purpose=_purpose("read", source, target),
                    lists=True,
                    serves_all=True,
                ),
                stop,
            )
            for one, ends, after in to_links(answer.body.get("results"), what=what):
                found.setdefault(one, []).extend(ends)
                if after:
                    todo.append({"id": one, "after": after})
        return {one: list(dict.fromkeys(many)) for one, many in found.items()}

    def link_batch(self, source: str, target: str, type_id: int, pairs: Sequence[tuple[str, str]]) -> Json:
        """Associate at most a thousand pairs of records; HubSpot's answer. Doing it twice is harmless."""
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]
        request = Request(
            "POST",
            self.paths.associations(source, target, "create"),
            body={"inputs": [{"from": {"id": one}, "to": {"id": other}, "types": types} for one, other in pairs]},
            what=f"associate {source} with {target}",
            purpose=_purpose("write", source, target),
            is_write=True,
        )
        body: Json = self.request(request).body
        return body

    def owners(self, *, is_archived: bool) -> Iterator[Found]:
        """The users who own records, page by page."""
        after: str | None = None
        while True:
            query = {"limit": str(OWNERS_LIMIT), "archived": "true" if is_archived else "false", **({"after": after} if after else {})}
            answer = self.request(Request("GET", self.paths.owners(), query=query, what="list owners", purpose="read", lists=True))
            after = next_page(answer.body)
            results = answer.body.get("results")
            yield Found(to_named(results, "id", what="list owners"), after, answer.at, came=len(results or ()))
            if after is None:
                return

    def closed_stages(self) -> frozenset[str]:
        """The ids of the ticket stages in which a ticket counts as closed."""
        answer = self.request(Request("GET", self.paths.pipelines("tickets"), what="read the ticket pipelines", purpose="read", lists=True))
        what = "read the ticket pipelines"
        pipelines = to_named(answer.body.get("results"), "id", what=what)
        stages = [stage for pipeline in pipelines for stage in to_named(pipeline.get("stages"), "id", what=what)]
        return frozenset(stage["id"] for stage in stages if _is_closed(stage.get("metadata")))

    def account(self) -> Answer:
        """Who we are: portal id, time zone, host for people."""
        return self.request(Request("GET", self.paths.account(), what="read the account's details", purpose="check"))

    def usage(self) -> Answer:
        """Calls used today by all private apps."""
        return self.request(Request("GET", self.paths.usage(), what="read the account's use of calls", purpose="check"))

    def token_scopes(self) -> list[str]:
        """The scopes that our token holds, as HubSpot tells for private apps and service keys. Raises RequestRejected or NotFound for other tokens."""
        body: Json = {"tokenKey": self._api.configuration.access_token}
        told = self.request(Request("POST", self.paths.token(), body=body, what="ask which scopes the token holds", purpose="check")).body
        return [one for one in told.get("scopes") or () if isinstance(one, str)]

    def definitions(self, kind: str, *, purpose: str = "setup") -> list[Json]:
        """All property definitions of a record type."""
        answer = self.request(
            Request(
                "GET",
                self.paths.properties(kind),
                query={"archived": "false"},
                what=f"read the properties of {kind}",
                purpose=purpose,
                lists=True,
            )
        )
        return to_named(answer.body.get("results"), "name", what=f"read the properties of {kind}")

    def definition(self, kind: str, name: str) -> Json | None:
        """One property definition, or None where there is none."""
        try:
            answer = self.request(
                Request(
                    "GET", self.paths.properties(kind, name), query={"archived": "false"}, what=f"read the property {name}", purpose="setup"
                )
            )
        except NotFound:
            return None
        body: Json = answer.body
        return body

    def groups(self, kind: str) -> list[Json]:
        """All property groups of a record type."""
        answer = self.request(
            Request("GET", self.paths.properties(kind, "groups"), what=f"read the property groups of {kind}", purpose="setup", lists=True)
        )
        return to_named(answer.body.get("results"), "name", what=f"read the property groups of {kind}")

    def create_definition(self, kind: str, body: Json, *, is_group: bool = False) -> bool:
        """Create a property or a group. False where it exists already."""
        path = self.paths.properties(kind, *(("groups",) if is_group else ()))
        try:
            self.request(Request("POST", path, body=body, what=f"create {body['name']} on {kind}", purpose="setup", is_write=True))
        except RequestRejected as error:
            if error.status == 409:
                return False
            raise
        return True

    def update_definition(self, kind: str, name: str, body: Json, *, is_group: bool = False) -> None:
        """Change a property or a group."""
        path = self.paths.properties(kind, *(("groups",) if is_group else ()), name)
        self.request(Request("PATCH", path, body=body, what=f"change {name} on {kind}", purpose="setup", is_write=True))

    def archive_definition(self, kind: str, name: str, *, is_group: bool = False) -> None:
        """Take a property or a group away. Nothing happens where there is none."""
        path = self.paths.properties(kind, *(("groups",) if is_group else ()), name)
        try:
            self.request(Request("DELETE", path, what=f"take {name} from {kind}", purpose="setup", is_write=True, has_body=False))
        except NotFound:
            return

    def _filled(self, kind: str, found: Found, sort: str, properties: Sequence[str]) -> Found:
        """A search's records with properties that were too many to ask the search for. Each keeps the moment at which the search has it."""
        moments = {str(record["id"]): record["properties"].get(sort) for record in found.records}
        held = {str(record["id"]): record for record in self.batch_read(kind, list(moments), properties, needs_all=False)}
        records = [{**held[one], "properties": {**held[one]["properties"], sort: moment}} for one, moment in moments.items() if one in held]
        return replace(found, records=records)

    def _send(self, request: Request) -> tuple[int, Mapping[str, str], bytes]:
        """The bare exchange: status, headers and body, whatever the status is."""
        with gate(CRM, request.what), library_gate(request.what):
            try:
                response = self._api.call_api(
                    request.path,
                    request.method,
                    query_params=list(request.query.items()),
                    header_params={},
                    body=request.body,
                    auth_settings=["oauth2"],
                    _preload_content=False,
                    _request_timeout=(self.patience.connect_timeout_s, self.patience.read_timeout_s),
                )
            except ApiException as error:
                text = error.body if isinstance(error.body, bytes) else str(error.body or "").encode()
                return int(error.status or 0), urllib3.HTTPHeaderDict(error.headers or {}), text
            except UnicodeDecodeError as error:
                # The library decodes every error body; a gateway's page need not be UTF-8. The answer itself hangs on the exception's context.
                lost = error.__context__
                if not isinstance(lost, ApiException):
                    raise urllib3.exceptions.ProtocolError("an answer that is not text") from error
                return int(lost.status or 0), urllib3.HTTPHeaderDict(lost.headers or {}), b""
            return response.status, response.headers, response.data

    def _hold_back(self, text: bytes, attempt: int) -> None:
        """After a 429: let every thread wait, longer each time, in the lane that was refused."""
        is_search = b"SECONDLY" in text and b"TEN_SECONDLY" not in text
        self.limiter.hold(min(1.0 * attempt, self.patience.longest_wait_s), is_search=is_search)


@contextmanager
def library_gate(what: str) -> Iterator[None]:
    """Turn what the client library raises before it sends anything into our error. ``what`` completes 'we tried to …'."""
    try:
        yield
    except OpenApiException as error:
        raise RequestRejected(
            f"We tried to {what} and the client library would not send it ({type(error).__name__}); please report this.",
            status=0,
            code=type(error).__name__,
        ) from error


def parts(many: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """``many`` in parts of at most ``size``."""
    for start in range(0, len(many), size):
        yield many[start : start + size]


def _found(answer: Answer, what: str) -> Found:
    results = answer.body.get("results")
    return Found(to_records(results, what=what), next_page(answer.body), answer.at, came=len(results or ()))


def _purpose(purpose: str, *kinds: str) -> str:
    """What a call is counted under: all calls about tasks by themselves."""
    return "tasks" if "tasks" in kinds else purpose


def _is_closed(metadata: Any) -> bool:
    if not isinstance(metadata, Mapping):
        return False
    return str(metadata.get("ticketState", "")).upper() == "CLOSED" or str(metadata.get("isClosed", "")).lower() == "true"
