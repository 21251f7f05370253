"""An org with a few customers, and the writing half of the Salesforce connector on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest

from connectors.limiter import Limiter
from connectors.salesforce.bulk import Bulk, Pace
from connectors.salesforce.client import Client
from connectors.salesforce.credentials import Credentials
from connectors.salesforce.setting_up import apply_changes, pending_setup
from connectors.salesforce.tasks import Tasks
from connectors.salesforce.writing import write_cells
from connectors.sending import Patience
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from transforms.vocabulary.changes import CELLS, TASKS, WriteReport
from transforms.vocabulary.fields import Field, Group, Kind, Option
from transforms.vocabulary.tables import to_table

QUICK = Patience(attempts=5, first_wait_s=0.01, longest_wait_s=0.05, connect_timeout_s=1.0, read_timeout_s=5.0)
CONTACTS = 30


def nothing(_book: object) -> pd.Series:
    """A formula that is never run here."""
    return pd.Series(dtype="object")


def made_field(name: str, kind: Kind, table: str = "contacts", options: tuple[Option, ...] = ()) -> Field:
    """A field of that kind."""
    return Field(name, f"Test {name}", kind, Group.LISTENING, table, f"What {name} means.", nothing, options)


FIELDS = (
    made_field("mood", Kind.CHOICE, options=(Option("good", "Good"), Option("bad", "Bad"))),
    made_field("remark", Kind.LONG_TEXT),
    made_field("seen_at", Kind.DATETIME),
    made_field("seen_on", Kind.DATE),
    made_field("times_seen", Kind.COUNT),
    made_field("is_kind", Kind.FLAG),
    made_field("chance", Kind.CHANCE),
    made_field("standing", Kind.TEXT, "companies"),
)


class OrgBench:
    """A sandbox's org with an account and its contacts, and what writes into it."""

    fields = FIELDS
    made_field = staticmethod(made_field)

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.org, self.faults = sandbox, sandbox.org, sandbox.faults
        self.account = self.org.create(self.org.admin_id, "Account", {"Name": "Northwind"}).id
        self.contacts = self.more_contacts(CONTACTS)
        self.lead = self.org.create(self.org.admin_id, "Lead", {"LastName": "Lead", "Company": "Acme"}).id
        self.client = self.new_client()

    def more_contacts(self, count: int) -> list[str]:
        """New contacts of the account; their ids."""
        values = [{"LastName": f"Contact {number}", "AccountId": self.account} for number in range(count)]
        return [self.org.create(self.org.admin_id, "Contact", one).id for one in values]

    def new_client(self) -> Client:
        """A new client, as a new process would make one."""
        own = self.org.org
        credentials = Credentials(own.domain, own.consumer_key, own.consumer_secret)
        return Client(credentials, base_url=self.sandbox.base_url, limiter=Limiter(limit=5_000), patience=QUICK)

    def bulk(self, client: Client | None = None) -> Bulk:
        """Bulk jobs that are looked at often."""
        return Bulk(client or self.client, Pace(first_s=0.02, longest_s=0.1))

    def tasks(self) -> Tasks:
        """The tasks as a new process sees them."""
        return Tasks(self.new_client())

    def set_up(self, fields: Sequence[Field] = FIELDS) -> None:
        """Create what these fields need."""
        apply_changes(self.client, pending_setup(self.client, fields))

    def cells(self, ids: Sequence[str], values: dict[str, str | None], table: str = "contacts") -> pd.DataFrame:
        """CELLS that set the same values on every record."""
        rows = [
            {"crm": "salesforce", "table": table, "record_id": one, "field": name, "new": value}
            for one in ids
            for name, value in values.items()
        ]
        return to_table(CELLS, rows)

    def write(self, ids: Sequence[str], values: dict[str, str | None], table: str = "contacts") -> list[WriteReport]:
        """Write the same values on every record."""
        return list(write_cells(self.client, self.bulk(), table, self.cells(ids, values, table), FIELDS))

    def held(self, record_id: str, field: str) -> Any:
        """What the org holds of a field of ours."""
        return self.org.find(record_id, deleted=True).values.get(field)

    def tasks_for(self, contacts: Sequence[str], **changes: Any) -> pd.DataFrame:
        """One open task for each contact."""
        shared = {"crm": "salesforce", "play": "call", "reason": "They went quiet.", "way": "call", "priority": "high", "state": "open"}
        rows = [
            {
                "task_key": f"key-{one}",
                "contact_id": one,
                "subject": "Call them",
                "body": "Line one\n<line two> & more",
                "due_at": "2026-11-24T09:00:00Z",
                **shared,
                **changes,
            }
            for one in contacts
        ]
        return to_table(TASKS, rows)

    def held_tasks(self) -> list[dict[str, Any]]:
        """All tasks of ours that the org holds."""
        return [one.values for one in self.org.store("Task").rows.values() if one.values.get("StillThere_Task_Key__c")]


@contextmanager
def opened_org(**options: Any) -> Iterator[OrgBench]:
    """A sandbox whose org has the given options."""
    with run_sandbox(options=SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.05), **options))) as sandbox:
        yield OrgBench(sandbox)


@pytest.fixture
def org_bench() -> Iterator[OrgBench]:
    """A new org, before set-up."""
    with opened_org() as bench:
        yield bench


@pytest.fixture(scope="session")
def open_org() -> Any:
    """Opens orgs with options of their own."""
    return opened_org


@pytest.fixture(scope="module")
def shared_org() -> Iterator[OrgBench]:
    """One org after set-up for all tests of a module; see ``ready_org``."""
    with opened_org() as bench:
        bench.set_up()
        yield bench


@pytest.fixture
def ready_org(shared_org: OrgBench) -> Iterator[OrgBench]:
    """An org after set-up, without faults and with contacts that no other test has touched."""
    shared_org.contacts = shared_org.more_contacts(CONTACTS)
    yield shared_org
    shared_org.faults.clear()
