"""The scopes and rights that the manuals list are enough, and each of them is needed: without it, what is missing is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.hubspot import HubSpot, Manner
from connectors.salesforce.definitions import field_components, permission_components
from connectors.sending import Patience
from sandbox.running import SandboxOptions, Tables, run_sandbox
from transforms.fields import FIELDS
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.errors import MissingScopes
from transforms.vocabulary.tables import ACTIVITIES, COMPANIES, CONTACTS, to_table

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def listed() -> list[str]:
    """The scopes in the table of docs/hubspot.md; ``.write`` there stands for the scope before it with another ending."""
    table = (DOCS / "hubspot.md").read_text(encoding="utf-8").partition("| scope | for |")[2].partition("\n\n")[0]
    found: list[str] = []
    for cell in (line.split("|")[1] for line in table.splitlines()[2:]):
        for word in re.findall(r"`([^`]+)`", cell):
            found.append(found[-1].removesuffix(".read") + word if word.startswith(".") else word)
    return found


@contextmanager
def portal(scopes: list[str]) -> Iterator[HubSpot]:
    """A portal with one customer, one firm and one mail, opened by an app with these scopes."""
    contacts = to_table(CONTACTS, [{"contact_id": "1", "email": "ann@x.example", "company_id": "9", "owner_id": "7"}])
    companies = to_table(COMPANIES, [{"company_id": "9", "name": "X", "domain": "x.example"}])
    mail = {"activity_id": "a", "contact_id": "1", "occurred_at": "2026-11-20T09:00:00Z", "channel": "email", "direction": "inbound"}
    activities = to_table(ACTIVITIES, [{**mail, "subject": "Hello", "body": "Hello there."}])
    options = SandboxOptions(scopes=(*scopes, "oauth"), burst=5_000, search_per_second=500, index_lag=(0.0, 0.0))
    with run_sandbox(world=Tables(contacts, activities, companies), options=options) as sandbox:
        manner = Manner(patience=Patience(attempts=2, first_wait_s=0.0, sleep=lambda _seconds: None))
        yield HubSpot(sandbox.token, sandbox.base_url, FIELDS, manner=manner)


def missed(crm: HubSpot) -> set[str]:
    """The scopes that are named as missing by ``check``, then by set-up, then by writing: as far as one gets."""
    named = set()
    for finding in crm.check().findings:
        if not finding.is_good:
            named |= set(re.findall(r"[a-z-]+(?:\.[a-z]+)+|sales-email-read|(?<=lacks )tickets", f"{finding.detail} {finding.advice}"))
    try:
        crm.create_fields(crm.pending_fields(FIELDS))
        contact = next(str(row) for page in crm.pages("contacts", None) for row in page.rows["contact_id"])
        company = next(str(row) for page in crm.pages("companies", None) for row in page.rows["company_id"])
        for table, record, field in (("contacts", contact, "why"), ("companies", company, "why")):
            cell = {"crm": "hubspot", "table": table, "record_id": record, "field": field, "new": "w", "reason": "r"}
            assert [report.fate for report in crm.write_fields(table, to_table(CELLS, [cell]))] == ["written"]
        task = {"task_key": "stk", "crm": "hubspot", "contact_id": contact, "play": "p", "reason": "r", "subject": "s", "body": "b"}
        assert [one.fate for one in crm.create_tasks(to_table(TASKS, [{**task, "due_at": NOW, "state": "open"}]))] == ["written"]
    except MissingScopes as error:
        named |= set(error.scopes)
    return named


def test_the_listed_scopes_are_enough() -> None:
    """With exactly these, checking, set-up, reading, writing and tasks all work, and nothing is named as missing."""
    with portal(listed()) as crm:
        assert {one for one in missed(crm) if not one.startswith("stillthere")} == set()


@pytest.mark.parametrize("scope", listed())
def test_each_of_them_is_needed_and_named_where_it_is_missing(scope: str) -> None:
    """Taken away, it is the one that is named: by `check` where reading shows it, else by the first call that needs it."""
    with portal([one for one in listed() if one != scope]) as crm:
        assert scope in missed(crm)


def test_the_permission_set_of_salesforce_holds_what_the_manual_says_and_no_more() -> None:
    """It creates and deletes no record, modifies none that it was not given, and grants two rights to the user."""
    integration, user = (one.body for one in permission_components(field_components(FIELDS)))
    rights = {right for one in integration["objectPermissions"] for right, is_given in one.items() if is_given is True}
    assert rights == {"allowRead", "allowEdit", "viewAllRecords"}
    assert {one["object"] for one in integration["objectPermissions"] if one["allowEdit"]} == {"Account", "Contact", "Lead"}
    assert [one["name"] for one in integration["userPermissions"]] == ["ApiEnabled", "EditTask"]
    assert user.keys() & {"objectPermissions", "userPermissions"} == set()
    assert [one for one in user["fieldPermissions"] if one["editable"]] == []
    manual = (DOCS / "salesforce.md").read_text(encoding="utf-8")
    for words in ("API Enabled", "Edit Tasks", "View All on Contact, Lead, Account", "neither creates nor deletes customers"):
        assert words in manual
