"""Judging HubSpot's answers: the body where it is good, else one of our errors. HubSpot's code decides first, the status second."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.json_text import to_json, to_name
from connectors.limiter import Word
from connectors.sending import LEADING, TryAgain, asked_wait_s
from transforms.vocabulary.errors import CrmUnreachable, MissingScopes, NotAuthorised, NotFound, QuotaSpent, RequestRejected

CRM = "HubSpot"
LOCKED_WAIT_S = 2.0
LONGEST_MOVE_H = 24.0
"""Hours that a move to another data centre takes at most."""


_NUMBER = re.compile(r"[0-9]{1,15}")

STATUS_OF = {
    "VALIDATION_ERROR": 400,
    "INVALID_AUTHENTICATION": 401,
    "EXPIRED_AUTHENTICATION": 401,
    **dict.fromkeys(("BAD_REFRESH_TOKEN", "BAD_HUB", "BAD_CLIENT_ID", "BAD_CLIENT_SECRET", "BAD_GRANT_TYPE", "BAD_AUTH_CODE"), 401),
    "BAD_REDIRECT_URI": 401,
    "MISSING_SCOPES": 403,
    "OBJECT_NOT_FOUND": 404,
    "CONFLICT": 409,
    "OBJECT_ALREADY_EXISTS": 409,
    "LOCKED": 423,
    "RATE_LIMIT": 429,
    "RATE_LIMITS": 429,
    "MIGRATION_IN_PROGRESS": 477,
    "INTERNAL_ERROR": 500,
}
"""HubSpot's own word for an error, and the status that it means, whatever the status of the answer is. Words that are not here say nothing of it."""

MIXED = 207
"""The status of a batch of which some inputs failed."""

PASSING = (423, 429, 500)
"""Of these, one item of a batch may succeed when it is sent again."""


@dataclass(frozen=True)
class Refusal:
    """What an error body says. HubSpot leaves out any part of it, and gateways send HTML, so everything may be empty.

    ``status`` is what its category means, 0 where it has none that we know.
    """

    code: str
    status: int
    policy: str
    group: str
    correlation: str
    scopes: tuple[str, ...]
    properties: tuple[str, ...]
    codes: tuple[str, ...]
    body: Any


def to_word(headers: Mapping[str, str]) -> Word:
    """What the rate-limit headers say. Searches carry none, apps with OAuth no daily ones."""

    def number(name: str) -> int | None:
        text = headers.get(f"X-HubSpot-RateLimit-{name}", "")
        return int(text) if _NUMBER.fullmatch(text) else None

    window_ms = number("Interval-Milliseconds")
    return Word(number("Max"), window_ms / 1000 if window_ms else None, number("Remaining"), number("Daily"), number("Daily-Remaining"))


def to_refusal(error: Any) -> Refusal:
    """Read an error, whatever shape it has: a whole body, or one of the errors in a batch's answer."""
    data: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    errors = [item for item in _listed(data.get("errors")) if isinstance(item, Mapping)]
    context = _merged([data.get("context"), *(item.get("context") for item in errors)])
    codes = tuple(code for item in errors if (code := item.get("code"))) or tuple(_codes_in(str(data.get("message") or "")))
    # The token endpoint has its word where others say only that it is an error.
    words = [str(word) for name in ("category", "errorType", "status") if (word := data.get(name)) and word not in ("error", "COMPLETE")]
    return Refusal(
        code=next((name for c in (*codes, data.get("subCategory"), *words) if (name := to_name(c))), ""),
        status=next((STATUS_OF[word] for word in words if word in STATUS_OF), 0),
        policy=str(data.get("policyName") or ""),
        group=str(data.get("groupName") or ""),
        correlation=to_name(data.get("correlationId")),
        scopes=tuple(filter(None, map(to_name, context.get("requiredGranularScopes", ())))),
        properties=tuple(filter(None, map(to_name, context.get("propertyName", ())))),
        codes=tuple(map(str, codes)),
        body=data,
    )


def named_in(error: Mapping[str, Any]) -> dict[str, list[str]]:
    """What an error, or one item of a batch's errors, says that it is about: all its contexts, each value as a list of texts."""
    items = [item for item in _listed(error.get("errors")) if isinstance(item, Mapping)]
    return _merged([error.get("context"), *(item.get("context") for item in items)])


def errors_of(body: Any) -> list[Mapping[str, Any]]:
    """The errors beside the results of a batch."""
    return [item for item in _listed(body.get("errors")) if isinstance(item, Mapping)] if isinstance(body, Mapping) else []


def need_all_served(body: Any, *, what: str) -> None:
    """Raise TryAgain where an item of a batch that only reads could not be served just now: taken for missing, a record would be lost."""
    for error in errors_of(body):
        refusal = to_refusal(error)
        if refusal.status in PASSING:
            raise TryAgain(CrmUnreachable(f"We tried to {what} and HubSpot answered {refusal.code} for some of them; run again later."))


def judge(status: int, headers: Mapping[str, str], body: bytes, *, what: str, has_body: bool, lists: bool = False) -> Any:
    """The parsed body of a good answer (None where none is due); raises what a bad one means. ``what`` completes 'we tried to …'.

    Where it ``lists``, an answer without a list of results is a bad one: taken for an empty list, it would end an extract early.
    """
    data = to_json(body)
    is_good = 200 <= status < 300
    if is_good and not (isinstance(data, Mapping) and data.get("status") == "error"):
        if not has_body:
            return None
        if not isinstance(data, Mapping) or (lists and not _is_list(status, data)):
            # Every good answer of HubSpot's is an object; what is none comes from something in between.
            raise TryAgain(CrmUnreachable(f"We tried to {what} and HubSpot's answer was empty or cut short; run again."), is_unknown=True)
        return data
    refusal = to_refusal(data)
    said = f"HubSpot answered {status}{f' {refusal.code}' if refusal.code else ''}{f', correlation id {refusal.correlation}' if refusal.correlation else ''}"
    # An error in a good status that says no more than that it is one tells nothing of what was done.
    raise _verdict(refusal.status or (500 if is_good else status), headers, what, said, refusal)


def _verdict(status: int, headers: Mapping[str, str], what: str, said: str, refusal: Refusal) -> Exception:
    """What a refused call means."""
    if status == 429:
        return _too_many(what, said, refusal, headers)
    if status == 423:
        error = CrmUnreachable(f"We tried to {what} and {said}: the records are locked; run again in a few minutes.")
        return TryAgain(error, asked_s=max(asked_wait_s(headers) or 0.0, LOCKED_WAIT_S))
    if status == 477:
        asked_s = asked_wait_s(headers)
        hours = "some" if asked_s is None else f"{min(max(asked_s / 3600, 0.1), LONGEST_MOVE_H):.1f}"
        return CrmUnreachable(
            f"We tried to {what} and {said}: HubSpot is moving this account to another data centre; run again in {hours} hours."
        )
    if status >= 500 or status == 408:
        error = CrmUnreachable(f"We tried to {what} and {said}; it may pass, so run again later.")
        return TryAgain(error, asked_s=asked_wait_s(headers), is_unknown=True)
    return _rejected(status, what, said, refusal)


def _too_many(what: str, said: str, refusal: Refusal, headers: Mapping[str, str]) -> Exception:
    if refusal.policy == "DAILY":
        which = "calls about associations" if "association" in refusal.group else "calls"
        return QuotaSpent(
            f"We tried to {what} and {said}: the account's {which} of today are used up; run again after midnight of the account's time zone.",
            crm=CRM,
        )
    return TryAgain(
        CrmUnreachable(f"We tried to {what} and {said}: too many calls at once, again and again; run again later."),
        asked_s=asked_wait_s(headers),
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
    advice = (
        "something leads us elsewhere, and we do not follow; check HUBSPOT_BASE_URL and the network"
        if status in LEADING
        else "please report this, with the correlation id"
    )
    return RequestRejected(f"We tried to {what} and {said}{about}; {advice}.", status=status, code=code, body=refusal.body)


def _merged(contexts: list[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for context in contexts:
        for name, values in context.items() if isinstance(context, Mapping) else ():
            found.setdefault(name, []).extend(
                str(value) for value in (values if isinstance(values, list) else [values]) if value is not None
            )
    return found


def _is_list(status: int, body: Mapping[str, Any]) -> bool:
    """Whether a body lists results. Where a 207 tells of errors alone, no result is the answer."""
    return isinstance(body.get("results"), list) or (status == MIXED and not body.get("results") and bool(errors_of(body)))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _codes_in(message: str) -> list[str]:
    # Some validation errors carry their codes only in a JSON list inside the message.
    return re.findall(r'"error":"([A-Z_]+)"', message)
