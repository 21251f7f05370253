"""The door of the HubSpot side: every call is logged, let in or refused, delayed, answered, or broken off."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import orjson

from sandbox.calls import Call, CallLog
from sandbox.clock import from_ms
from sandbox.faults import Faults, Rule
from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.errors import NO_CREDENTIALS_TEXT, ApiError, failure, missing_scopes, rate_limited
from sandbox.hubspot.portal import Portal, Token
from sandbox.hubspot.routes import Route, find_route
from sandbox.hubspot.values import iso

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LONGEST_URL = 8192
NOBODY = Token(frozenset(), "nobody")
HTML_404 = b"<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center></body></html>"
DAY_S = 86_400


def http_date(portal: Portal) -> bytes:
    """The sandbox's time as a Date header."""
    return format_datetime(portal.clock.now(), usegmt=True).encode()


def html_page(status: int) -> bytes:
    """What a gateway answers when the service behind it does not."""
    return f"<html><head><title>{status}</title></head><body><center><h1>{status} Error</h1></center><hr>cloudflare</body></html>".encode()


class Gate:
    """The ASGI application of the vendor's paths. ``drop`` breaks off the connection of a scope."""

    def __init__(self, portal: Portal, calls: CallLog, faults: Faults, drop: Callable[[Scope], None]) -> None:
        self._portal = portal
        self._calls = calls
        self._faults = faults
        self._drop = drop
        self._random = random.Random(portal.options.seed + 2)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        body = await _read(receive)
        method, path, query = scope["method"], scope["path"], scope["query_string"].decode("latin-1")
        with self._portal.lock:
            call = self._calls.open(self._portal.clock.now(), method, path, query, len(body))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        found = find_route(method, path)
        if len(path) + len(query) > LONGEST_URL:
            await self._send_raw(send, call, 414, html_page(414), body)
            return
        if found is None:
            await self._send_raw(send, call, 404, HTML_404, body)
            return
        route, version, parts = found
        token, refusal = (NOBODY, None) if route.is_open else self._token(headers, call)
        rule = self._faults.strike(method, path)
        if refusal is None and rule is not None and rule.kind.is_refusal:
            refusal = self._refused_on_purpose(rule)
        if refusal is None and not route.is_open:
            refusal = self._over_limit(route, token)
        if refusal is not None:
            if rule is not None and rule.kind.is_refusal:
                call.fault = rule.fault
            await self._send(send, call, route, token, refusal, body)
            return
        low, high = self._portal.options.latency_ms
        if high > 0:
            await asyncio.sleep(self._random.uniform(low, high) / 1000)
        asked = Asked(
            self._portal,
            method,
            path,
            parse_qs(query, keep_blank_values=True),
            body,
            headers.get("content-type", ""),
            token,
            version,
            parts,
        )
        if rule is None:
            await self._send(send, call, route, token, self._handle(route, asked), body)
        else:
            await self._fail(scope, receive, send, call, route, asked, rule)

    def _token(self, headers: dict[str, str], call: Call) -> tuple[Token, Answer | None]:
        scheme, _, text = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            return NOBODY, _answer_of(failure(401, NO_CREDENTIALS_TEXT, "INVALID_AUTHENTICATION"))
        text = text.strip()
        call.token = text[:12]
        token = self._portal.tokens.get(text)
        now = self._portal.clock.now_ms()
        if token is None:
            # HubSpot reads a token that it cannot make sense of as one that expired in 1970.
            return NOBODY, _answer_of(_expired(0, now))
        if token.expires_ms is not None and token.expires_ms <= now:
            return NOBODY, _answer_of(_expired(token.expires_ms, now))
        return token, None

    def _refused_on_purpose(self, rule: Rule) -> Answer:
        portal = self._portal
        if rule.fault == "expired_token":
            now = portal.clock.now_ms()
            return _answer_of(_expired(now - 75_000, now))
        if rule.fault == "missing_scopes":
            return _answer_of(missing_scopes(["crm.objects.contacts.write"]))
        policy = {"rate_limit_burst": "TEN_SECONDLY_ROLLING", "rate_limit_daily": "DAILY", "rate_limit_search": "SECONDLY"}[rule.fault]
        group = f"publicapi:private_app-api-calls-ten-secondly:{portal.options.app_id}:{portal.options.portal_id}"
        headers = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
        return Answer(429, rate_limited(policy, group), headers)

    def _over_limit(self, route: Route, token: Token) -> Answer | None:
        with self._portal.lock:
            refusal = self._portal.limits.admit(token.app, is_search=route.is_search, is_association=route.is_association)
        if refusal is None:
            return None
        headers = {"Retry-After": str(int(refusal.wait) + 1)} if self._portal.options.retry_after else {}
        return Answer(429, rate_limited(refusal.policy, refusal.group), headers)

    def _handle(self, route: Route, asked: Asked) -> Answer:
        with self._portal.lock:
            try:
                return route.handler(asked)
            except ApiError as error:
                return _answer_of(error)

    async def _fail(self, scope: Scope, receive: Receive, send: Send, call: Call, route: Route, asked: Asked, rule: Rule) -> None:
        call.fault = rule.fault
        answer = self._handle(route, asked) if rule.applies else Answer(rule.kind.status or 200)
        call.was_applied = rule.applies and answer.status < 400
        kind = rule.kind
        if rule.fault == "slow":
            await asyncio.sleep(rule.seconds)
            await self._send(send, call, route, asked.token, answer, asked.body)
        elif kind.body == "drop":
            call.records_in = answer.records_in
            await self._break_off(scope, receive)
        elif kind.body in {"truncated", "cut"}:
            text = self._text(answer, call)
            half = text[: max(1, len(text) // 2)]
            if kind.body == "truncated":
                await self._send_raw(send, call, answer.status, half, asked.body, content_type=b"application/json;charset=utf-8")
            else:
                call.status, call.bytes_out = answer.status, len(half)
                await _start(send, answer.status, [(b"content-length", str(len(text)).encode()), (b"date", http_date(self._portal))])
                await send({"type": "http.response.body", "body": half, "more_body": True})
                await self._break_off(scope, receive)
        elif kind.body == "empty":
            await self._send_raw(send, call, answer.status, b"", asked.body)
        elif kind.body == "html":
            status = rule.status or kind.status
            await self._send_raw(send, call, status, html_page(status), asked.body, more=_retry_after(rule))
        else:
            await self._send(send, call, route, asked.token, _failed(rule), asked.body)

    async def _break_off(self, scope: Scope, receive: Receive) -> None:
        self._drop(scope)
        while (await receive())["type"] != "http.disconnect":
            pass

    def _text(self, answer: Answer, call: Call) -> bytes:
        call.status, call.records_in, call.records_out = answer.status, answer.records_in, answer.records_out
        return b"" if answer.body is None else orjson.dumps(answer.body)

    async def _send(self, send: Send, call: Call, route: Route, token: Token, answer: Answer, request: bytes) -> None:
        portal = self._portal
        correlation = portal.correlation_id()
        if answer.status >= 400 and isinstance(answer.body, dict):
            answer.body.setdefault("correlationId", correlation)
        text = self._text(answer, call)
        headers = dict(answer.headers)
        headers["X-HubSpot-Correlation-Id"] = correlation
        if not route.is_search and not route.is_open and token is not NOBODY:
            with portal.lock:
                headers |= portal.limits.headers(token.app, is_oauth=token.is_oauth, is_association=route.is_association)
        if answer.body is not None:
            headers["Content-Type"] = "application/json;charset=utf-8"
        if answer.status != 204:
            headers["Content-Length"] = str(len(text))
        headers["Date"] = http_date(portal).decode()
        call.bytes_out = len(text)
        self._calls.keep(call, request, text)
        await _start(send, answer.status, [(name.lower().encode(), value.encode()) for name, value in headers.items()])
        await send({"type": "http.response.body", "body": text})

    async def _send_raw(
        self,
        send: Send,
        call: Call,
        status: int,
        text: bytes,
        request: bytes,
        *,
        content_type: bytes = b"text/html",
        more: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        call.status, call.bytes_out = status, len(text)
        self._calls.keep(call, request, text)
        length = [] if status == 204 else [(b"content-length", str(len(text)).encode())]
        await _start(send, status, [(b"content-type", content_type), *length, (b"date", http_date(self._portal)), *more])
        await send({"type": "http.response.body", "body": b"" if status == 204 else text})


def _answer_of(error: ApiError) -> Answer:
    return Answer(error.status, dict(error.body))


def _expired(expired_ms: int, now_ms: int) -> ApiError:
    seconds = (now_ms - expired_ms) // 1000
    ago = f"{seconds // DAY_S:,} day(s)" if seconds >= 2 * DAY_S else f"{seconds} second(s)"
    return failure(
        401,
        f"The OAuth token used to make this call expired {ago} ago.",
        "EXPIRED_AUTHENTICATION",
        context={"expire time": [iso(expired_ms) if expired_ms else from_ms(0).isoformat().replace("+00:00", "Z")]},
    )


def _failed(rule: Rule) -> Answer:
    status = rule.status or rule.kind.status
    headers = {name.decode(): value.decode() for name, value in _retry_after(rule)}
    if status == 423:
        error = failure(423, "The records are locked by another operation.", "LOCKED")
    elif status == 477:
        headers.setdefault("Retry-After", "60")
        error = failure(477, "This account is currently being migrated between data hosting locations.", "MIGRATION_IN_PROGRESS")
    else:
        error = failure(status, "internal error", "INTERNAL_ERROR")
    return Answer(status, dict(error.body), headers)


def _retry_after(rule: Rule) -> tuple[tuple[bytes, bytes], ...]:
    return () if rule.retry_after is None else ((b"Retry-After", str(rule.retry_after).encode()),)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _start(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
