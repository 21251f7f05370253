"""The one gate in front of both vendors: every call is logged, let in or refused, delayed, answered, or broken off."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Protocol

from sandbox.calls import Call, CallLog
from sandbox.clock import Clock
from sandbox.faults import Faults, Rule
from sandbox.options import SandboxOptions

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LEAST_PACKED = 1_000
"""Bytes: shorter answers are not worth compressing."""


@dataclass(frozen=True)
class Request:
    """A call as it arrived. ``raw_path`` is still quoted; ``headers`` have lower-case names."""

    method: str
    path: str
    raw_path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What goes back, as bytes, and how many records it is about. A 204 has no content, and no length.

    ``may_pack``: it is compressed for callers that ask for it.
    """

    status: int
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    records_in: int = 0
    records_out: int = 0
    may_pack: bool = False


class Visit(Protocol):
    """A call that has found its path on a vendor's side."""

    def refuse(self, rule: Rule | None) -> Reply | None:
        """Whether the caller is turned away: who they are, a refusal on purpose (``rule``), the limits. A call let in is counted."""
        ...

    def answer(self, rule: Rule | None) -> Reply:
        """Do what was asked. ``rule`` is a fault that strikes this call; only some are played in here."""
        ...

    def fail(self, rule: Rule) -> Reply:
        """The vendor's own words for a failure on purpose."""
        ...

    def page(self, status: int) -> bytes:
        """What a gateway of this vendor answers when the service behind it does not."""
        ...


class Door(Protocol):
    """One vendor's side."""

    @property
    def name(self) -> str:
        """The vendor."""
        ...

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What its paths begin with."""
        ...

    def open(self, request: Request, call: Call) -> Visit | Reply:
        """The call on its way, or the answer where there is no such path. Notes in the log who calls."""
        ...


def http_date(clock: Clock) -> bytes:
    """The sandbox's time as a Date header."""
    return format_datetime(clock.now(), usegmt=True).encode()


class Gate:
    """The ASGI application of the vendors' paths. ``drop`` breaks off the connection of a scope."""

    def __init__(
        self,
        doors: Sequence[Door],
        options: SandboxOptions,
        clock: Clock,
        calls: CallLog,
        faults: Faults,
        drop: Callable[[Scope], None],
    ) -> None:
        self._doors = doors
        self._options = options
        self._clock = clock
        self._calls = calls
        self._faults = faults
        self._drop = drop
        self._random = random.Random(options.seed + 2)

    def door(self, path: str) -> Door | None:
        """Whose path this is."""
        return next((door for door in self._doors if path.startswith(door.prefixes)), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, whose path is that of one of the doors."""
        request = await _read(scope, receive)
        door = self.door(request.path)
        if door is None:
            raise LookupError(f"no vendor has the path {request.path}")
        call = self._calls.open(self._clock.now(), request.method, request.path, request.query, len(request.body))
        visit = door.open(request, call)
        if isinstance(visit, Reply):
            await self._send(send, call, request, visit)
            return
        rule = self._faults.strike(request.method, request.path, door.name)
        refusing = rule if rule is not None and rule.kind.is_refusal else None
        refused = visit.refuse(refusing)
        if refused is not None:
            if refusing is not None:
                call.fault = refusing.fault
            await self._send(send, call, request, refused)
            return
        low, high = self._options.latency_ms
        if high > 0:
            await asyncio.sleep(self._random.uniform(low, high) / 1000)
        if rule is None or refusing is not None:
            await self._send(send, call, request, visit.answer(None))
        else:
            await self._fail(scope, receive, send, call, request, visit, rule)

    async def _fail(self, scope: Scope, receive: Receive, send: Send, call: Call, request: Request, visit: Visit, rule: Rule) -> None:
        call.fault = rule.fault
        reply = visit.answer(rule) if rule.applies else Reply(rule.kind.status or 200)
        call.was_applied = rule.applies and reply.status < 400
        kind = rule.kind
        if rule.fault == "slow":
            await asyncio.sleep(rule.seconds)
            await self._send(send, call, request, reply)
        elif kind.is_inside:
            await self._send(send, call, request, reply)
        elif kind.body == "drop":
            call.records_in = reply.records_in
            await self._break_off(scope, receive)
        elif kind.body == "truncated":
            await self._send(send, call, request, _cut_short(reply))
        elif kind.body == "cut":
            half = _cut_short(reply)
            call.status, call.bytes_out, call.records_in = reply.status, len(half.content), reply.records_in
            length = (b"content-length", str(len(reply.content)).encode())
            await _start(send, reply.status, [length, (b"date", http_date(self._clock))])
            await send({"type": "http.response.body", "body": half.content, "more_body": True})
            await self._break_off(scope, receive)
        elif kind.body == "empty":
            await self._send(send, call, request, Reply(reply.status, b"", {"Content-Type": "text/html"}))
        elif kind.body == "html":
            status = rule.status or kind.status
            headers = {"Content-Type": "text/html"} | ({} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)})
            await self._send(send, call, request, Reply(status, visit.page(status), headers))
        else:
            await self._send(send, call, request, visit.fail(rule))

    async def _break_off(self, scope: Scope, receive: Receive) -> None:
        self._drop(scope)
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _send(self, send: Send, call: Call, request: Request, reply: Reply) -> None:
        headers, content = dict(reply.headers), reply.content
        if reply.may_pack and len(content) >= LEAST_PACKED and "gzip" in request.headers.get("accept-encoding", "").lower():
            content = gzip.compress(content, 1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        call.status, call.bytes_out = reply.status, len(content)
        call.records_in, call.records_out = reply.records_in, reply.records_out
        self._calls.keep(call, request.body, reply.content)
        if reply.status not in {204, 304}:
            headers["Content-Length"] = str(len(content))
        found = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await _start(send, reply.status, [*found, (b"date", http_date(self._clock))])
        body = b"" if reply.status in {204, 304} or request.method == "HEAD" else content
        await send({"type": "http.response.body", "body": body})


def _cut_short(reply: Reply) -> Reply:
    half = reply.content[: max(1, len(reply.content) // 2)]
    kind = reply.headers.get("Content-Type", "application/json;charset=utf-8")
    return Reply(reply.status, half, {"Content-Type": kind}, reply.records_in, reply.records_out)


async def _start(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _read(scope: Scope, receive: Receive) -> Request:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["path"]
    raw = scope.get("raw_path") or path.encode()
    return Request(
        scope["method"], path, raw.decode("latin-1").partition("?")[0], scope["query_string"].decode("latin-1"), headers, b"".join(parts)
    )
