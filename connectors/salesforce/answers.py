"""Judging Salesforce's answers: the body where it is good, else one of our errors. Salesforce's code decides first, the status second."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.json_text import to_json, to_name
from connectors.limiter import Word
from connectors.sending import LEADING, TryAgain, asked_wait_s
from transforms.vocabulary.errors import CrmUnreachable, MissingScopes, NotAuthorised, NotFound, QuotaSpent, RequestRejected

CRM = "Salesforce"
LOCKED_WAIT_S = 1.0
BUSY_WAIT_S = 5.0

SESSION_ENDED = "INVALID_SESSION_ID"
ENDED_SESSIONS = frozenset({SESSION_ENDED, "InvalidSessionId"})
"""The same in the words of the older interfaces."""

SPENT = "REQUEST_LIMIT_EXCEEDED"
LOCKED = "UNABLE_TO_LOCK_ROW"
NO_CURSOR = "INVALID_QUERY_LOCATOR"

PASSING = frozenset(
    {
        *("QUERY_TIMEOUT", LOCKED, "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "REQUEST_RUNNING_TOO_LONG", "API_CURRENTLY_DISABLED"),
        "TXN_SECURITY_METERING_ERROR",
    }
)
"""Codes of calls that may succeed when they are sent again, whatever the status is."""

APPLIED_NOTHING = frozenset({"QUERY_TIMEOUT", LOCKED, "SERVER_UNAVAILABLE", "API_CURRENTLY_DISABLED"})
"""Those of them after which nothing was carried out."""

NOT_ALLOWED = frozenset(
    {
        *("INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"),
        *("API_DISABLED_FOR_ORG", "FUNCTIONALITY_NOT_ENABLED", "FORBIDDEN"),
    }
)
"""Codes that say that our user lacks a permission."""

PASSING_STATUSES = frozenset({406, 408, 420, 429})
"""Statuses below 500 after which the same call may succeed. After 406 and 420 other connectors of Salesforce send again too."""

_USAGE = re.compile(r"(?:^|[;,\s])api-usage=([0-9]{1,15})/([0-9]{1,15})(?![0-9])")
_TOTAL = "TotalRequests"
"""The name of the daily limit: it leads the message, and Salesforce names it nowhere else."""


@dataclass(frozen=True)
class Refusal:
    """What an error body says. Bodies are lists of errors; gateways send HTML, so everything may be empty."""

    code: str
    message: str
    fields: tuple[str, ...]
    body: Any


class SessionEnded(Exception):
    """The session is not accepted (any more): sign in again, and send the call again. ``error`` is what to raise where that does not help."""

    def __init__(self, error: NotAuthorised) -> None:
        super().__init__(str(error))
        self.error = error


class CursorEnded(CrmUnreachable):
    """The rest of a query's answer can no longer be had. A user has ten cursors at once, and other programs may sign in as the same one."""


def to_word(headers: Mapping[str, str]) -> Word:
    """What ``Sforce-Limit-Info`` says of the calls of the last 24 hours. It wavers by a few calls, because servers count by themselves."""
    found = _USAGE.search(headers.get("Sforce-Limit-Info") or "")
    if not found:
        return Word()
    used, limit = int(found[1]), int(found[2])
    return Word(daily_limit=limit, daily_remaining=max(limit - used, 0))


def to_refusal(body: Any) -> Refusal:
    """Read an error: a call's (``errorCode``), a collection's row (``statusCode``), or OAuth's (``error``)."""
    first = body[0] if isinstance(body, list) and body and isinstance(body[0], Mapping) else body if isinstance(body, Mapping) else {}
    codes = (to_name(first.get(name)) for name in ("errorCode", "statusCode", "exceptionCode", "error"))
    return Refusal(next(filter(None, codes), ""), str(first.get("message") or ""), _names(first.get("fields")), body)


def _names(value: Any) -> tuple[str, ...]:
    return tuple(filter(None, map(to_name, value))) if isinstance(value, list) else ()


def judge(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    what: str,
    has_body: bool,
    lists: str = "",
    tells: Sequence[str] = (),
) -> Any:
    """The parsed body of a good answer (None where none is due); raises what a bad one means. ``what`` completes 'we tried to …'.

    Where it ``lists``, an object without a list of that name is a bad answer: taken for an empty one, it would end an extract early.
    One that does not hold all that it ``tells`` is none either.
    """
    data = to_json(body)
    if not 200 <= status < 300:
        raise verdict(status, headers, data, what=what)
    if _is_error(data):
        raise verdict(status, headers, data, what=what)
    if not has_body:
        return None
    held = data if isinstance(data, dict) else {}
    is_told = (not lists or isinstance(held.get(lists), list)) and all(held.get(name) for name in tells)
    if not isinstance(data, dict | list) or not is_told:
        raise cut_short(what)
    return data


def cut_short(what: str) -> TryAgain:
    """A good status with an answer that is none: something in between has spoken, or it broke off. What was done is not known."""
    return TryAgain(CrmUnreachable(f"We tried to {what} and Salesforce's answer was empty or cut short; run again."), is_unknown=True)


def _is_error(body: Any) -> bool:
    """Whether a body is a call's error. A collection's row that failed is none: it stands in a list of results."""
    first = body[0] if isinstance(body, list) and body else body
    return isinstance(first, Mapping) and any(isinstance(first.get(name), str) for name in ("errorCode", "exceptionCode"))


def verdict(status: int, headers: Mapping[str, str], body: Any, *, what: str) -> Exception:
    """What a refused call means: TryAgain, SessionEnded, or one of our errors. Also for the parts of a composite call."""
    refusal = to_refusal(body)
    said = f"{CRM} answered {status}{f' {refusal.code}' if refusal.code else ''}"
    if refusal.code in ENDED_SESSIONS or status == 401:
        return SessionEnded(
            NotAuthorised(
                f"We tried to {what} and {said}, also with a new session; check the app's session policies and that its user may use the API."
            )
        )
    if refusal.code == SPENT:
        return _spent(what, said, refusal, to_word(headers))
    passing = _passing(status, headers, refusal.code, f"We tried to {what} and {said}")
    return passing or _rejected(status, what, said, refusal)


def _passing(status: int, headers: Mapping[str, str], code: str, tried: str) -> TryAgain | None:
    """TryAgain where the same call may work later."""
    if code in PASSING:
        error = CrmUnreachable(f"{tried}, again and again; run again in a few minutes.")
        wait_s = LOCKED_WAIT_S if code == LOCKED else asked_wait_s(headers)
        return TryAgain(error, asked_s=wait_s, is_unknown=code not in APPLIED_NOTHING)
    if status >= 500 or status in PASSING_STATUSES:
        error = CrmUnreachable(f"{tried}; it may pass, so run again later.")
        return TryAgain(error, asked_s=asked_wait_s(headers), is_unknown=status != 429)
    return None


def _rejected(status: int, what: str, said: str, refusal: Refusal) -> Exception:
    about = f" about {', '.join(refusal.fields)}" if refusal.fields else ""
    if refusal.code == NO_CURSOR:
        return CursorEnded(f"We tried to {what} and {said}: the rest of its answer can no longer be had; run again.")
    if refusal.code in NOT_ALLOWED or (status == 403 and not refusal.code):
        return MissingScopes(
            f"We tried to {what} and {said}{about}: our user lacks a permission; give it the permission set of Still There, "
            "then run `stillthere check`.",
            (refusal.code or "a permission that Salesforce does not name",),
        )
    if status == 404:
        return NotFound(
            f"We tried to {what} and {said}: there is no such thing; check the address and the id.",
            status=status,
            code=refusal.code or "NOT_FOUND",
            body=refusal.body,
        )
    code = refusal.code or ("URI_TOO_LONG" if status in (414, 431) else f"HTTP_{status}")
    advice = (
        "something leads us elsewhere, and we do not follow; check SALESFORCE_DOMAIN and the network"
        if status in LEADING
        else "please report this"
    )
    return RequestRejected(f"We tried to {what} and {said}{about}; {advice}.", status=status, code=code, body=refusal.body)


def _spent(what: str, said: str, refusal: Refusal, word: Word) -> Exception:
    is_total = word.daily_remaining == 0 or refusal.message.startswith(_TOTAL)
    if is_total:
        return QuotaSpent(
            f"We tried to {what} and {said}: the org's calls of the last 24 hours are used up; run again in some hours, when there are new ones.",
            crm=CRM,
        )
    return TryAgain(
        CrmUnreachable(f"We tried to {what} and {said}: too many long calls at once, again and again; run again later."),
        asked_s=BUSY_WAIT_S,
    )
