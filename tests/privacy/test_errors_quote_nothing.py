"""Whatever a server answers, also a page that quotes our whole call, no error of ours repeats a secret or a value that we sent.

The whole chain of an error is looked at: Prefect and every log print what an error came from as well.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from echoing import Echo, echoing
from searching import leaks

from connectors.hubspot import HubSpot
from connectors.hubspot import Manner as HubSpotManner
from connectors.protocol import Crm
from connectors.salesforce import Credentials, Salesforce
from connectors.salesforce import Manner as SalesforceManner
from connectors.sending import Patience
from sandbox.running import Sandbox, SandboxOptions, run_sandbox
from sandbox.salesforce.options import OrgOptions
from transforms.fields import CONTACT_FIELDS, FIELDS
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.errors import StillThereError
from transforms.vocabulary.tables import to_table

TOKEN, CLIENT_SECRET = "pat-na1-zq7token+marked/zq7", "zq7secretMARKEDzq7"
PERSON = "Zora Marked-Seven"
RECORD = {"hubspot": "1001", "salesforce": "003zq7000000001AAA"}
MARKS = {"token": TOKEN, "secret": CLIENT_SECRET, "value": PERSON}
IMPATIENT = Patience(attempts=2, first_wait_s=0.0, sleep=lambda _seconds: None)
ANSWERS = [
    Echo("", 400, "json"),
    Echo("", 400, "html"),
    Echo("", 401, "json"),
    Echo("", 403, "json"),
    Echo("", 404, "html"),
    Echo("", 409, "json"),
    Echo("", 429, "json"),
    Echo("", 500, "html"),
    Echo("", 200, "html"),
    Echo("", 400, "bytes"),
    Echo("", 500, "bytes"),
    Echo("(Soap|tooling|/crm/.*/properties)", 500, "json"),
    Echo("(Soap|tooling|/crm/.*/properties)", 500, "bytes"),
    Echo("(Soap|/batch/|composite)", 400, "html"),
    *(Echo("", status, "codes") for status in (400, 401, 403, 404, 409, 500)),
    Echo("", 200, "codes"),
    Echo("(/batch/|composite/sobjects)", 207, "rows"),
    Echo("(/batch/(update|upsert|create)|composite/sobjects)", 200, "rows"),
]


@pytest.fixture(scope="module")
def behind() -> Iterator[Sandbox]:
    """An empty sandbox."""
    options = SandboxOptions(token=TOKEN, burst=5_000, search_per_second=500, org=OrgOptions(consumer_secret=CLIENT_SECRET))
    with run_sandbox(options=options) as sandbox:
        yield sandbox


def connector(name: str, sandbox: Sandbox, address: str) -> Crm:
    """A connector that gives up soon."""
    if name == "hubspot":
        return HubSpot(TOKEN, address, FIELDS, manner=HubSpotManner(patience=IMPATIENT))
    org = sandbox.org.org
    credentials = Credentials(domain=org.domain, consumer_key=org.consumer_key, consumer_secret=CLIENT_SECRET)
    return Salesforce(credentials, base_url=address, fields=FIELDS, manner=SalesforceManner(patience=IMPATIENT))


def works(crm: Crm) -> dict[str, Callable[[], Any]]:
    """What may be asked of a connector, each with a person's name in all that it sends."""
    record = RECORD[crm.name]
    cell = {"crm": crm.name, "table": "contacts", "record_id": record, "field": "why", "new": f"{PERSON} wrote.", "reason": PERSON}
    task = {"task_key": "stk", "crm": crm.name, "contact_id": record, "play": "p", "reason": PERSON, "subject": PERSON, "body": PERSON}
    tasks = to_table(TASKS, [{**task, "due_at": datetime(2026, 11, 22, tzinfo=UTC), "state": "open", "owner_id": "1"}])
    return {
        "greet": crm.greet,
        "check": crm.check,
        "read": lambda: list(crm.pages("contacts", None)),
        "look up": lambda: crm.current("contacts", [record], CONTACT_FIELDS),
        "write": lambda: list(crm.write_fields("contacts", to_table(CELLS, [cell]))),
        "create a task": lambda: list(crm.create_tasks(tasks)),
        "update a task": lambda: list(crm.update_tasks(tasks.assign(task_id=record))),
        "set up": lambda: crm.create_fields(crm.pending_fields(FIELDS)),
    }


@pytest.mark.parametrize("echo", ANSWERS, ids=lambda echo: f"{echo.status} {echo.kind}")
@pytest.mark.parametrize("name", ["hubspot", "salesforce"])
def test_an_answer_that_quotes_us_is_not_repeated(name: str, echo: Echo, behind: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the error, nor in what it came from, nor in a report on a row, nor in a log with everything turned up."""
    caplog.set_level(logging.DEBUG)
    said = []
    with echoing(behind.base_url) as (address, echoes):
        crm = connector(name, behind, address)
        crm.greet()
        echoes.append(echo)
        for what, work in works(crm).items():
            try:
                said.append((f"{what} gave", repr(work()).encode()))
            except StillThereError as error:
                told = [str(error), repr(error), *traceback.format_exception(error)]
                said.append((f"{what} failed", "".join(told).encode()))
    assert len(said) == len(works(crm))
    said.append(("the log", caplog.text.encode()))
    assert leaks(MARKS, iter(said)) == []


def test_set_up_logs_no_session(caplog: pytest.LogCaptureFixture) -> None:
    """Salesforce's metadata service takes the session in the message itself, and its library logs messages; none of it is in a log with everything turned up."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="zeep.transports")
    options = SandboxOptions(org=OrgOptions(consumer_secret=CLIENT_SECRET))
    with run_sandbox(options=options) as bare:
        crm = connector("salesforce", bare, bare.base_url)
        crm.create_fields(crm.pending_fields(FIELDS))
        sessions = {f"session {number}": each for number, each in enumerate(bare.sessions._sessions)}
    assert len(sessions) > 0
    assert crm.calls()["setup"] > 0
    assert leaks(MARKS | sessions, iter([("the log", caplog.text.encode())])) == []


@pytest.mark.parametrize("kind", ["bomb", "file"])
@pytest.mark.parametrize("status", [200, 500])
def test_xml_that_grows_or_reads_files_is_no_answer(kind: str, status: int) -> None:
    """Salesforce's definitions come as XML: entities are neither unfolded nor followed, and what came is told as an answer that is none."""
    options = SandboxOptions(org=OrgOptions(consumer_secret=CLIENT_SECRET))
    with run_sandbox(options=options) as bare, echoing(bare.base_url) as (address, echoes):
        crm = connector("salesforce", bare, address)
        changes = crm.pending_fields(FIELDS)
        echoes.append(Echo("/services/Soap", status, kind))
        with pytest.raises(StillThereError) as raised:
            crm.create_fields(changes)
    host = Path("/etc/hostname").read_text(encoding="utf-8").strip() if Path("/etc/hostname").exists() else "zq7"
    told = "".join(traceback.format_exception(raised.value))
    assert ("zq7zq7" in told, f"<r>{host}" in told) == (False, False)
