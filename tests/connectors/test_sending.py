"""The one retry layer: what is sent again, what never is, and how long it waits."""

import http.client

import pytest
import urllib3.exceptions

from connectors.hubspot.answers import judge
from connectors.sending import Patience, TryAgain, gate, send
from transforms.vocabulary.errors import CrmUnreachable, OutcomeUnknown, QuotaSpent

WHAT = {"crm": "HubSpot", "what": "list contacts"}


class Script:
    """A request that fails as written and then succeeds."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.sent = 0

    def __call__(self, attempt: int) -> str:
        """Send it."""
        self.sent += 1
        assert attempt == self.sent
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def passing(*, is_unknown: bool, asked_s: float | None = None) -> TryAgain:
    """A failure that may pass."""
    return TryAgain(CrmUnreachable("it did not answer"), is_unknown=is_unknown, asked_s=asked_s)


def patience(waits: list[float]) -> Patience:
    """Four attempts, whose waits are noted and not waited."""
    return Patience(attempts=4, first_wait_s=1.0, longest_wait_s=5.0, sleep=waits.append)


def test_a_read_is_sent_again_with_growing_waits() -> None:
    """Reading is repeated until it succeeds; waits double."""
    waits: list[float] = []
    script = Script(passing(is_unknown=True), passing(is_unknown=True), passing(is_unknown=False))
    assert send(script, **WHAT, is_write=False, is_repeatable=True, patience=patience(waits)) == "done"
    assert (script.sent, waits) == (4, [1.0, 2.0, 4.0])


def test_patience_ends_and_says_what_came_back() -> None:
    """After the last attempt its own error is raised."""
    script = Script(*[passing(is_unknown=True)] * 9)
    with pytest.raises(CrmUnreachable, match="did not answer"):
        send(script, **WHAT, is_write=False, is_repeatable=True, patience=patience([]))
    assert script.sent == 4


def test_a_create_without_a_key_is_never_sent_again_after_an_unknown_outcome() -> None:
    """It may have been applied: one send, then OutcomeUnknown."""
    script = Script(passing(is_unknown=True))
    with pytest.raises(OutcomeUnknown):
        send(script, **WHAT, is_write=True, is_repeatable=False, patience=patience([]))
    assert script.sent == 1


def test_a_create_that_was_refused_before_it_was_applied_is_sent_again() -> None:
    """A 429 or a connection that was never made cannot have created anything."""
    script = Script(passing(is_unknown=False))
    assert send(script, **WHAT, is_write=True, is_repeatable=False, patience=patience([])) == "done"


def test_a_repeatable_write_that_never_gets_an_answer_has_an_unknown_outcome() -> None:
    """Setting a value may be repeated, but after the last lost answer nobody knows whether it is set."""
    script = Script(*[passing(is_unknown=True)] * 9)
    with pytest.raises(OutcomeUnknown):
        send(script, **WHAT, is_write=True, is_repeatable=True, patience=patience([]))
    assert script.sent == 4


def test_a_wait_that_the_crm_asks_for_is_honoured_and_capped() -> None:
    """Retry-After is waited for, but never longer than patience allows."""
    waits: list[float] = []
    script = Script(passing(is_unknown=False, asked_s=3.0), passing(is_unknown=False, asked_s=3_600.0))
    send(script, **WHAT, is_write=False, is_repeatable=True, patience=patience(waits))
    assert waits == [3.0, 5.0]


def test_what_a_person_must_mend_is_raised_at_once() -> None:
    """Only TryAgain is tried again."""
    script = Script(QuotaSpent("none left today"))
    with pytest.raises(QuotaSpent):
        send(script, **WHAT, is_write=False, is_repeatable=True, patience=patience([]))
    assert script.sent == 1


def exceptions_of(root: type[BaseException]) -> list[type[BaseException]]:
    """A class of exceptions and all below it."""
    return [root, *(one for child in root.__subclasses__() for one in exceptions_of(child))]


FOREIGN = sorted(
    {*exceptions_of(urllib3.exceptions.HTTPError), *exceptions_of(http.client.HTTPException), ConnectionError, TimeoutError, OSError},
    key=lambda one: one.__qualname__,
)
NEVER_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError, urllib3.exceptions.NameResolutionError)


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__qualname__)
def test_the_gate_is_complete(kind: type[BaseException]) -> None:
    """Every exception of the HTTP libraries becomes TryAgain; only those before a connection was made leave the outcome known."""
    error = kind.__new__(kind)
    with pytest.raises(TryAgain) as caught, gate("HubSpot", "list contacts"):
        raise error
    assert caught.value.is_unknown == (not isinstance(error, NEVER_SENT))


@pytest.mark.parametrize("body", [b"{}", b'{"results": null}', b"[]", b"<html>", b""])
def test_a_list_without_results_is_no_empty_list(body: bytes) -> None:
    """A good status with a body that holds no list of results is asked for again; taken for an empty list, it would end an extract early."""
    with pytest.raises(TryAgain):
        judge(200, {}, body, what="list contacts", has_body=True, lists=True)
