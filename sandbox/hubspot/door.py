"""HubSpot's side of the gate: who calls, what they may, and the words and headers of the answer."""

from __future__ import annotations

from urllib.parse import parse_qs

import orjson

from sandbox.calls import Call
from sandbox.clock import from_ms
from sandbox.faults import HUBSPOT, Rule
from sandbox.gate import Reply, Request, Visit
from sandbox.hubspot.asking import Answer, Asked
from sandbox.hubspot.errors import NO_CREDENTIALS_TEXT, ApiError, failure, missing_scopes, rate_limited
from sandbox.hubspot.portal import Portal, Token
from sandbox.hubspot.routes import Route, find_route
from sandbox.hubspot.values import iso

LONGEST_URL = 8192
NOBODY = Token(frozenset(), "nobody")
HTML_404 = b"<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center></body></html>"
DAY_S = 86_400


def html_page(status: int) -> bytes:
    """What a gateway answers when the service behind it does not."""
    return f"<html><head><title>{status}</title></head><body><center><h1>{status} Error</h1></center><hr>cloudflare</body></html>".encode()


class HubSpotDoor:
    """Lets calls in to one portal."""

    name = HUBSPOT
    prefixes = ("/crm/", "/account-info/", "/oauth/", "/calling/", "/appinstalls/", "/email/")

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def open(self, request: Request, call: Call) -> Visit | Reply:
        """The call on its way, or a page of HTML where the path is too long or unknown."""
        if len(request.path) + len(request.query) > LONGEST_URL:
            return Reply(414, html_page(414), {"Content-Type": "text/html"})
        found = find_route(request.method, request.path)
        if found is None:
            return Reply(404, HTML_404, {"Content-Type": "text/html"})
        route, version, parts = found
        token, refusal = (NOBODY, None) if route.is_open else self._token(request.headers, call)
        asked = Asked(
            self._portal,
            request.method,
            request.path,
            parse_qs(request.query, keep_blank_values=True),
            request.body,
            request.headers.get("content-type", ""),
            token,
            version,
            parts,
        )
        return _Call(self._portal, route, asked, refusal)

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


class _Call:
    """A call to one route of a portal."""

    def __init__(self, portal: Portal, route: Route, asked: Asked, refusal: Answer | None) -> None:
        self._portal = portal
        self._route = route
        self._asked = asked
        self._refusal = refusal

    def refuse(self, rule: Rule | None) -> Reply | None:
        """A bad token first, then a refusal on purpose, then the limits."""
        refusal = self._refusal
        if refusal is None and rule is not None:
            refusal = self._refused_on_purpose(rule)
        if refusal is None and not self._route.is_open:
            refusal = self._over_limit()
        return None if refusal is None else self._reply(refusal)

    def answer(self, rule: Rule | None) -> Reply:  # noqa: ARG002 - no fault is played inside a portal
        """What the handler says, under the portal's lock."""
        with self._portal.lock:
            try:
                answer = self._route.handler(self._asked)
            except ApiError as error:
                answer = _answer_of(error)
        return self._reply(answer)

    def fail(self, rule: Rule) -> Reply:
        """The JSON error of a fault."""
        return self._reply(_failed(rule))

    def page(self, status: int) -> bytes:
        """A page of the gateway in front of HubSpot."""
        return html_page(status)

    def _refused_on_purpose(self, rule: Rule) -> Answer:
        portal = self._portal
        if rule.fault == "expired_token":
            now = portal.clock.now_ms()
            return _answer_of(_expired(now - 75_000, now))
        if rule.fault == "missing_scopes":
            return _answer_of(missing_scopes(["crm.objects.contacts.write"]))
        policy = {"rate_limit_burst": "TEN_SECONDLY_ROLLING", "rate_limit_daily": "DAILY", "rate_limit_search": "SECONDLY"}[rule.fault]
        group = f"publicapi:private_app-api-calls-ten-secondly:{portal.options.app_id}:{portal.options.portal_id}"
        return Answer(429, rate_limited(policy, group), _retry_after(rule))

    def _over_limit(self) -> Answer | None:
        with self._portal.lock:
            refusal = self._portal.limits.admit(
                self._asked.token.app, is_search=self._route.is_search, is_association=self._route.is_association
            )
        if refusal is None:
            return None
        headers = {"Retry-After": str(int(refusal.wait) + 1)} if self._portal.options.retry_after else {}
        return Answer(429, rate_limited(refusal.policy, refusal.group), headers)

    def _reply(self, answer: Answer) -> Reply:
        portal, token = self._portal, self._asked.token
        correlation = portal.correlation_id()
        if answer.status >= 400 and isinstance(answer.body, dict):
            answer.body.setdefault("correlationId", correlation)
        headers = dict(answer.headers)
        headers["X-HubSpot-Correlation-Id"] = correlation
        if not self._route.is_search and not self._route.is_open and token is not NOBODY:
            with portal.lock:
                headers |= portal.limits.headers(token.app, is_oauth=token.is_oauth, is_association=self._route.is_association)
        if answer.body is not None:
            headers["Content-Type"] = "application/json;charset=utf-8"
        text = b"" if answer.body is None else orjson.dumps(answer.body)
        return Reply(answer.status, text, headers, answer.records_in, answer.records_out)


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
    headers = _retry_after(rule)
    if status == 423:
        error = failure(423, "The records are locked by another operation.", "LOCKED")
    elif status == 477:
        headers.setdefault("Retry-After", "60")
        error = failure(477, "This account is currently being migrated between data hosting locations.", "MIGRATION_IN_PROGRESS")
    else:
        error = failure(status, "internal error", "INTERNAL_ERROR")
    return Answer(status, dict(error.body), headers)


def _retry_after(rule: Rule) -> dict[str, str]:
    return {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
