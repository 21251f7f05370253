"""Sending one request again where that is safe: the only retry layer, and the gate that turns foreign exceptions into ours.

It stands round one request, never round a generator. Whether a request may be sent again after an unknown outcome is said by
the caller: reading, setting a value, and creating by a unique key may; creating without a key may not.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import tenacity
import urllib3.exceptions

from connectors.limiter import Stopped
from transforms.vocabulary.errors import CrmUnreachable, OutcomeUnknown, StillThereError

T = TypeVar("T")


LEADING = (301, 302, 303, 307, 308)
"""Redirections. They are never followed: what a call carries is meant for the CRM alone, and a write that is led elsewhere becomes another one."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for one request: how often it is sent, how long between, and how long for an answer.

    A wait that the CRM itself asks for is honoured up to ``longest_wait_s``.
    """

    attempts: int = 7
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    connect_timeout_s: float = 3.05
    read_timeout_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait_s(self, attempt: int, asked_s: float | None) -> float:
        """Seconds to wait after the given attempt (1 is the first)."""
        own: float = min(self.first_wait_s * 2 ** (attempt - 1), self.longest_wait_s)
        return own if asked_s is None else min(max(asked_s, own), self.longest_wait_s)


class TryAgain(Exception):
    """This attempt failed in a way that may pass.

    ``error`` is what to raise when patience ends, ``asked_s`` the wait that the CRM asked for,
    ``is_unknown`` whether the request may have been carried out all the same.
    """

    def __init__(self, error: StillThereError, *, asked_s: float | None = None, is_unknown: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.asked_s = asked_s
        self.is_unknown = is_unknown


def time_of(headers: Mapping[str, str]) -> datetime:
    """The CRM's own time of an answer, to the second, rounded down. Proxies drop or spoil the header: our own clock is the best that is left then."""
    return _moment(headers.get("Date")) or datetime.now(UTC)


def asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``Retry-After`` asks for, as a number or as a date by the CRM's own clock; None where it asks for none, or for nonsense."""
    text = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"\d{1,15}(\.\d+)?", text):
        return float(text) or None
    moment = _moment(text)
    if moment is None:
        return None
    seconds = (moment - time_of(headers)).total_seconds()
    return seconds if seconds > 0 else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@contextmanager
def gate(crm: str, what: str) -> Iterator[None]:
    """Turn every exception of the HTTP library into TryAgain. ``what`` completes 'we tried to …'."""
    try:
        yield
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NameResolutionError) as error:
        raise TryAgain(_unreached(crm, what, error)) from error
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
        raise TryAgain(_unreached(crm, what, error), is_unknown=True) from error


def send(
    call: Callable[[int], T],
    *,
    crm: str,
    what: str,
    is_write: bool,
    is_repeatable: bool,
    patience: Patience,
    stop: threading.Event | None = None,
) -> T:
    """Make ``call`` (which is told the number of the attempt) until it gives an answer, within ``patience``.

    Raises what the last attempt said; OutcomeUnknown where a write may have been carried out and no answer told so.
    """
    may_be_applied = False

    def attempt(number: int) -> T:
        nonlocal may_be_applied
        try:
            return call(number)
        except TryAgain as verdict:
            may_be_applied = may_be_applied or (is_write and verdict.is_unknown)
            if verdict.is_unknown and is_write and not is_repeatable:
                raise _unknown(crm, what, verdict) from verdict
            raise

    def sleep(seconds: float) -> None:
        if stop is None:
            patience.sleep(seconds)
        elif stop.wait(seconds):
            raise Stopped

    def wait(state: tenacity.RetryCallState) -> float:
        verdict = state.outcome.exception() if state.outcome else None
        return patience.wait_s(state.attempt_number, verdict.asked_s if isinstance(verdict, TryAgain) else None)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TryAgain),
        stop=tenacity.stop_after_attempt(patience.attempts),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )
    try:
        for state in retrying:
            with state:
                return attempt(state.retry_state.attempt_number)
    except TryAgain as verdict:
        raise (_unknown(crm, what, verdict) if may_be_applied else verdict.error) from verdict
    raise AssertionError("tenacity ends with a value or an exception")


def _unreached(crm: str, what: str, error: BaseException) -> CrmUnreachable:
    return CrmUnreachable(
        f"We tried to {what} and {crm} did not answer ({type(error).__name__}); check the network and the address, then run again."
    )


def _unknown(crm: str, what: str, verdict: TryAgain) -> OutcomeUnknown:
    reason = verdict.error.__class__.__name__
    return OutcomeUnknown(
        f"We tried to {what} and {crm} gave no answer that says whether it was done ({reason}); run again, and it will be looked up first."
    )
