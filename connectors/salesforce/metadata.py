"""The Metadata API of an org, through the client library: reading definitions, and deploying archives of them until they are there."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from xml.etree import ElementTree as ET

from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceError
from zeep.exceptions import Fault, TransportError
from zeep.helpers import serialize_object

from connectors.salesforce.answers import CRM
from connectors.salesforce.client import Client, parts
from connectors.sending import TryAgain
from transforms.vocabulary.errors import CrmUnreachable, RequestRejected

Json = dict[str, Any]
T = TypeVar("T")

READ_LIMIT = 10
"""Components that one call reads."""

DEPLOY_LIMIT_S = 900.0
"""How long a deployment is waited for. Salesforce puts them in a queue."""

DEPLOY_LOOKS = 200
ENDED = ("Succeeded", "SucceededPartial", "Failed", "Canceled")
SHOWN = 8
"""Failures that an error tells one by one."""


def read(client: Client, kind: str, names: Sequence[str]) -> dict[str, Json]:
    """The definitions of one kind that exist, by full name. What the user may see of their fields does not matter here."""
    found: dict[str, Json] = {}
    for some in parts(names, READ_LIMIT):
        answer = client.metadata(_reader(kind, list(some)), what=f"read the definitions of kind {kind}")
        for one in answer if isinstance(answer, list) else [answer]:
            held = serialize_object(one, dict) if one is not None else {}  # type: ignore[no-untyped-call]  # zeep has no types
            if held.get("fullName"):
                found[held["fullName"]] = held
    return found


def names_of(client: Client, kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Kind and full name of every definition of at most three kinds; one call."""

    def call(salesforce: Salesforce) -> Any:
        return salesforce.mdapi.list_metadata([salesforce.mdapi.ListMetadataQuery(type=kind) for kind in kinds])

    answer = client.metadata(_told(call, "list definitions"), what="list definitions")
    return [(str(one.type), str(one.fullName)) for one in answer or ()]


def deploy(client: Client, archive: bytes, *, what: str) -> None:
    """Deploy an archive and wait until it is done. ``what`` completes 'we tried to …'.

    All of it is done or none. Raises RequestRejected where the org refuses a part of it, with every failure in ``body``; CrmUnreachable
    where it takes too long. May be called again with the same archive.
    """

    def begin(salesforce: Salesforce) -> Any:
        # The library writes the word None into the message where these two are not given.
        process_id, _ = salesforce.mdapi.deploy(io.BytesIO(archive), sandbox=False, testLevel="", tests="")
        if not process_id:
            raise _no_answer(what)
        return process_id

    process_id = client.metadata(_told(begin, what), what=what, is_write=True)
    started = time.monotonic()
    for look in range(1, DEPLOY_LOOKS):
        state, detail = _status(client, str(process_id), what)
        if state in ENDED:
            if state != "Succeeded":
                raise _refused(what, state, detail)
            return
        if time.monotonic() - started > DEPLOY_LIMIT_S:
            break
        client.patience.sleep(client.patience.wait_s(look, None))
    raise CrmUnreachable(f"We tried to {what} and Salesforce is still at it (deployment {process_id}); run set-up again in some minutes.")


def _status(client: Client, process_id: str, what: str) -> tuple[str, Json]:
    def look(salesforce: Salesforce) -> Any:
        try:
            return salesforce.mdapi.check_deploy_status(process_id)
        except Exception as error:
            if type(error) is not Exception:
                raise
            raise _no_answer(what) from error  # the library has no narrower word for an answer without a result

    state, _, detail, _ = client.metadata(_told(look, what), what=what)
    return str(state), dict(detail or {})


def _refused(what: str, state: str, detail: Json) -> RequestRejected:
    failures = [one for one in detail.get("errors") or () if one.get("status") != "Warning"]
    told = [
        f"{one.get('file') or one.get('type') or 'the archive'}: {str(one.get('message') or 'no reason given').strip(' .')}"
        for one in failures
    ]
    shown = "; ".join(told[:SHOWN]) + (f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else "")
    reasons = f"{len(told)} {'part' if len(told) == 1 else 'parts'} of it: {shown}" if told else f"it without a reason ({state})"
    return RequestRejected(
        f"We tried to {what} and Salesforce refused {reasons}; nothing was changed, so put that right in the org and run it again.",
        status=200,
        code="DEPLOY_FAILED",
        body=failures,
    )


def _reader(kind: str, names: list[str]) -> Callable[[Salesforce], Any]:
    return _told(lambda salesforce: getattr(salesforce.mdapi, kind).read(names), f"read the definitions of kind {kind}")


def _told(call: Callable[[Salesforce], T], what: str) -> Callable[[Salesforce], T]:
    """The call, with the library's own exceptions told in zeep's words, which the client knows. An answer that is none is asked for again."""

    def done(salesforce: Salesforce) -> T:
        try:
            return call(salesforce)
        except SalesforceError as error:
            raise _in_zeeps_words(error) from error
        except ET.ParseError as error:
            raise _no_answer(what) from error
        except Fault as error:
            if not error.code:  # zeep takes a gateway's HTML page for a fault
                raise _no_answer(what) from error
            raise
        except TransportError as error:
            if (error.status_code or 200) < 300:
                raise _no_answer(what) from error
            raise

    return done


def _no_answer(what: str) -> TryAgain:
    return TryAgain(CrmUnreachable(f"We tried to {what} and {CRM}'s answer was none, or cut short; run again."), is_unknown=True)


def _in_zeeps_words(error: SalesforceError) -> Exception:
    try:
        root = ET.fromstring(str(error.content))  # noqa: S314 - the org we are signed in to
    except ET.ParseError:
        return TransportError(str(error), status_code=error.status)  # type: ignore[no-untyped-call]  # zeep has no types
    code, text = (_first(root, name) for name in ("faultcode", "faultstring"))
    if code:
        return Fault(text, code=code)  # type: ignore[no-untyped-call]  # zeep has no types
    return TransportError(str(error), status_code=error.status)  # type: ignore[no-untyped-call]  # zeep has no types


def _first(root: ET.Element, name: str) -> str:
    found: Iterable[ET.Element] = (one for one in root.iter() if one.tag.rpartition("}")[2] == name)
    return next((one.text or "" for one in found), "")
