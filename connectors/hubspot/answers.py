"""Judging HubSpot's answers: the body where it is good, else one of our errors. HubSpot's code decides first, the status second."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.limiter import Word
from connectors.sending import TryAgain
from transforms.vocabulary.errors import CrmUnreachable, MissingScopes, NotAuthorised, NotFound, QuotaSpent, RequestRejected

CRM = "HubSpot"
LOCKED_WAIT_S = 2.0


@dataclass(frozen=True)
class Refusal:
    """What an error body says. HubSpot leaves out any part of it, and gateways send HTML, so everything may be empty."""

    code: str
    policy: str
    correlation: str
    scopes: tuple[str, ...]
    properties: tuple[str, ...]
    codes: tuple[str, ...]
    body: Any


def to_json(body: bytes) -> Any:
    """The parsed body, or None where it is empty, HTML or cut short."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def to_word(headers: Mapping[str, str]) -> Word:
    """What the rate-limit headers say. Searches carry none, apps with OAuth no daily ones."""

    def number(name: str) -> int | None:
        text = headers.get(f"X-HubSpot-RateLimit-{name}", "")
        return int(text) if text.isdigit() else None

    window_ms = number("Interval-Milliseconds")
    return Word(number("Max"), window_ms / 1000 if window_ms else None, number("Remaining"), number("Daily"), number("Daily-Remaining"))


def to_refusal(error: Any) -> Refusal:
    """Read an error, whatever shape it has: a whole body, or one of the errors in a batch's answer."""
    data: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    errors = [item for item in data.get("errors") or [] if isinstance(item, dict)]
    context = _merged([data.get("context"), *(item.get("context") for item in errors)])
    codes = tuple(code for item in errors if (code := item.get("code"))) or tuple(_codes_in(str(data.get("message") or "")))
    code = next((c for c in (*codes, data.get("subCategory"), data.get("category"), data.get("errorType")) if c), "")
    return Refusal(
        code=str(code),
        policy=str(data.get("policyName") or ""),
        correlation=str(data.get("correlationId") or ""),
        scopes=tuple(context.get("requiredGranularScopes", ())),
        properties=tuple(context.get("propertyName", ())),
        codes=tuple(map(str, codes)),
        body=data,
    )


def judge(status: int, headers: Mapping[str, str], body: bytes, *, what: str, has_body: bool, lists: bool = False) -> Any:
    """The parsed body of a good answer (None where none is due); raises what a bad one means. ``what`` completes 'we tried to …'.

    Where it ``lists``, an answer without a list of results is a bad one: taken for an empty list, it would end an extract early.
    """
    if 200 <= status < 300:
        if not has_body:
            return None
        data = to_json(body)
        if not isinstance(data, Mapping) or (lists and not isinstance(data.get("results"), list)):
            # Every good answer of HubSpot's is an object; what is none comes from something in between.
            raise TryAgain(CrmUnreachable(f"We tried to {what} and HubSpot's answer was empty or cut short; run again."), is_unknown=True)
        return data
    refusal = to_refusal(to_json(body))
    said = f"HubSpot answered {status}{f' {refusal.code}' if refusal.code else ''}{f', correlation id {refusal.correlation}' if refusal.correlation else ''}"
    if status == 429:
        raise _too_many(what, said, refusal, headers)
    if status == 423:
        raise TryAgain(
            CrmUnreachable(f"We tried to {what} and {said}: the records are locked; run again in a few minutes."), asked_s=LOCKED_WAIT_S
        )
    if status == 477:
        hours = _seconds(headers) / 3600
        raise CrmUnreachable(
            f"We tried to {what} and {said}: HubSpot is moving this account to another data centre; run again in {max(hours, 0.1):.1f} hours."
        )
    if status >= 500 or status == 408:
        raise TryAgain(
            CrmUnreachable(f"We tried to {what} and {said}; it may pass, so run again later."),
            asked_s=_seconds(headers) or None,
            is_unknown=True,
        )
    raise _rejected(status, what, said, refusal)


def _too_many(what: str, said: str, refusal: Refusal, headers: Mapping[str, str]) -> Exception:
    if refusal.policy == "DAILY":
        return QuotaSpent(
            f"We tried to {what} and {said}: the account's calls of today are used up; run again after midnight of the account's time zone."
        )
    return TryAgain(
        CrmUnreachable(f"We tried to {what} and {said}: too many calls at once, again and again; run again later."),
        asked_s=_seconds(headers) or None,
    )


def _rejected(status: int, what: str, said: str, refusal: Refusal) -> Exception:
    if status == 401:
        return NotAuthorised(
            f"We tried to {what} and {said}: the token is not accepted; check HUBSPOT_ACCESS_TOKEN and that the app is still installed."
        )
    if status == 403:
        needed = ", ".join(refusal.scopes) or "a scope that HubSpot does not name"
        return MissingScopes(
            f"We tried to {what} and {said}: the app lacks {needed}; add it to the app in HubSpot and use the new token.", refusal.scopes
        )
    if status == 404:
        return NotFound(
            f"We tried to {what} and {said}: there is no such thing; check the address and the id.",
            status=status,
            code=refusal.code or "NOT_FOUND",
            body=refusal.body,
        )
    code = refusal.code or ("URI_TOO_LONG" if status == 414 else f"HTTP_{status}")
    about = f" about {', '.join(refusal.properties)}" if refusal.properties else ""
    return RequestRejected(
        f"We tried to {what} and {said}{about}; please report this, with the correlation id.", status=status, code=code, body=refusal.body
    )


def _seconds(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else 0.0


def _merged(contexts: list[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for context in contexts:
        for name, values in (context or {}).items() if isinstance(context, dict) else ():
            found.setdefault(name, []).extend(map(str, values if isinstance(values, list) else [values]))
    return found


def _codes_in(message: str) -> list[str]:
    # Some validation errors carry their codes only in a JSON list inside the message.
    return re.findall(r'"error":"([A-Z_]+)"', message)
