"""A sync against the sandbox: what it writes, that it writes only what differs, and that a lost answer changes nothing in the end."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pandas as pd
import pytest

from flows.commands.plan import run_plan
from flows.commands.sync import apply_file
from flows.outcome import Outcome
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import Work, open_work
from sandbox.hubspot.object_types import object_type
from sandbox.running import Sandbox
from tests.flows.plainly import plainly
from transforms.fields import FIELDS
from transforms.plan import company_values, contact_values
from transforms.vocabulary.errors import RefusedToGuess
from transforms.vocabulary.fields import to_text

EMAIL_TO_CONTACT = 198
WRITES = r"/batch/(update|upsert|create)|/associations/.*create"


def run_once() -> tuple[Work, Outcome]:
    """One sync, as the flow's body runs it."""
    work = open_work(load_settings())
    with begin_run(work, "sync") as done:
        sync.fn()
    return work, done


def ours(portal: Sandbox) -> dict[tuple[str, str, str], str]:
    """Every value of our fields in the portal: table, record and property to text."""
    state = portal.portal.snapshot()
    return {
        (table, record_id, name): value
        for table in ("contacts", "companies")
        for record_id, values in state[table].items()
        for name, value in values.items()
        if name.startswith("stillthere_") and value != ""
    }


def tasks(portal: Sandbox) -> dict[str, tuple[str, str, tuple[str, ...]]]:
    """Our tasks in the portal by key: subject, state and contacts. A key that stands twice fails."""
    found: dict[str, tuple[str, str, tuple[str, ...]]] = {}
    for task in portal.portal.snapshot()["tasks"].values():
        key = task["stillthere_task_key"]
        assert key not in found
        found[key] = (task["hs_task_subject"], task["hs_task_status"], tuple(task["associations"]["contacts"]))
    return found


def test_each_record_holds_what_was_computed_for_it(portal: Sandbox) -> None:
    """After a first sync every field of every contact and company stands in the portal as it was computed, and nothing else does."""
    _, done = run_once()
    assert done.computation is not None
    frames = {
        "contacts": [contact_values(part) for part in done.computation.parts],
        "companies": [company_values(done.computation.companies)],
    }
    expected = {
        (field.table, record_id, f"stillthere_{field.name}")
        for field in FIELDS
        for frame in frames[field.table]
        for (_, record_id), text in to_text(field, frame[field.name]).items()
        if not pd.isna(text)
    }
    assert expected == set(ours(portal))
    assert done.applied.failed == []


def test_an_extract_that_brought_everything_says_complete(portal: Sandbox) -> None:
    """Each stream brought as many records as the portal announced, and as the portal holds."""
    _, done = run_once()
    pulled = done.pulled[0]
    held = portal.portal.snapshot()
    assert pulled.missing == {}
    assert {name: len(held[name]) for name in ("contacts", "companies", "emails", "calls")} == {
        name: pulled.read[name] for name in ("contacts", "companies", "emails", "calls")
    }


def test_a_second_sync_writes_nothing(portal: Sandbox) -> None:
    """Straight after a sync there is nothing to write, and asking costs one call a stream."""
    run_once()
    before, last = ours(portal), portal.calls.last_number
    _, done = run_once()
    assert done.plan is not None
    assert done.plan.is_empty
    assert portal.calls.count(WRITES, since=last) == 0
    assert portal.calls.last_number - last <= 11
    assert before == ours(portal)


def test_a_change_by_a_person_is_seen_and_only_it_is_read(portal: Sandbox) -> None:
    """What a person changes between two syncs comes with the next one, for a handful of calls."""
    run_once()
    contact_id = next(iter(portal.portal.snapshot()["contacts"]))
    kind = object_type("contacts")
    record = portal.portal.store(kind).live[int(contact_id)]
    portal.portal.update(kind, record, {"email": "someone.else@moved.example"}, portal.portal.person_source)
    last = portal.calls.last_number
    work, done = run_once()
    contacts = work.lake.read("contacts").set_index("contact_id")
    assert contacts.loc[contact_id, "email"] == "someone.else@moved.example"
    assert done.pulled[0].rows["contacts"] == 1
    assert portal.calls.last_number - last < 25


def test_each_task_stands_once_with_its_contact_and_owner(portal: Sandbox) -> None:
    """A task is in the portal once, linked to the contact whom it concerns, and belongs to the owner of that contact."""
    _, done = run_once()
    assert done.plan is not None
    planned = {task.task_key: (task.subject, "NOT_STARTED", (task.contact_id,)) for task in done.plan.create.itertuples()}
    assert planned
    assert planned == tasks(portal)


def writes_in(portal: Sandbox, contact_id: str) -> None:
    """An e-mail of this contact is logged in the portal now."""
    body = {
        "properties": {
            "hs_timestamp": str(portal.clock.now_ms()),
            "hs_email_direction": "INCOMING_EMAIL",
            "hs_email_subject": "Re: the export",
        },
        "associations": [
            {"to": {"id": contact_id}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": EMAIL_TO_CONTACT}]}
        ],
    }
    headers = {"Authorization": f"Bearer {portal.token}"}
    httpx.post(f"{portal.base_url}/crm/v3/objects/emails", json=body, headers=headers).raise_for_status()


def test_tasks_that_nobody_touched_change_as_time_passes(portal: Sandbox) -> None:
    """Somebody with a task writes in: tasks are closed or told anew in the portal as planned, and none stands twice."""
    _, first = run_once()
    assert first.plan is not None
    portal.clock.advance(3 * 86_400)
    writes_in(portal, first.plan.create["contact_id"].iloc[0])
    portal.clock.advance(3_600)
    _, done = run_once()
    assert done.plan is not None
    assert len(done.plan.update)
    states = {"open": "NOT_STARTED", "closed_by_us": "COMPLETED"}
    planned = {task.task_key: (task.subject, states[task.state], (task.contact_id,)) for task in done.plan.update.itertuples()}
    held = tasks(portal)
    assert planned == {key: held[key] for key in planned}


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        pytest.param("/batch/update", "drop_after", marks=pytest.mark.slow),
        ("/tasks/batch/upsert", "drop_after"),
        pytest.param("/batch/update", "gateway_timeout", marks=pytest.mark.slow),
        pytest.param("/tasks/", "truncated", marks=pytest.mark.slow),
    ],
)
def test_a_lost_answer_changes_nothing_in_the_end(portal: Sandbox, undisturbed: Callable[[], Sandbox], path: str, fault: str) -> None:
    """Where the answer to a write is lost after it was applied, the end state is that of an undisturbed sync, and no task stands twice."""
    quiet = undisturbed()
    portal.faults.add(fault, path=path, method="POST", nth=[1])
    run_once()
    run_once()
    assert portal.calls.count(path, fault=fault) == 1
    assert ours(quiet) == ours(portal)
    assert tasks(quiet) == tasks(portal)


def test_a_record_that_fails_is_listed_and_tried_again(portal: Sandbox) -> None:
    """A record that is gone when it is written fails by itself; its neighbours are written, the exit code says so, the next sync goes on."""
    plan_file = Path("plan.json")
    run_plan(out=plan_file, limit=5, quiet=True)
    gone = next(iter(portal.portal.snapshot()["contacts"]))
    portal.portal.archive(object_type("contacts"), int(gone))
    outcome = apply_file(load_settings(), plan_file, quiet=True, at=plainly)
    assert {report.key for report in outcome.applied.failed} == {gone}
    assert {record for table, record, _ in ours(portal) if table == "contacts"} == set(portal.portal.snapshot()["contacts"])


def test_a_plan_writes_nothing_and_is_applied_exactly(portal: Sandbox) -> None:
    """``plan`` sends no write; ``sync --plan`` writes what stands in the file, and refuses a cell that a person changed meanwhile."""
    last = portal.calls.last_number
    answer = run_plan(out=Path("plan.json"), limit=5, quiet=True)
    assert portal.calls.count(WRITES, since=last) == 0
    assert ours(portal) == {}
    contact_id = next(cell["record_id"] for cell in answer.data["cells"] if cell["field"] == "engagement_state")
    kind = object_type("contacts")
    record = portal.portal.store(kind).live[int(contact_id)]
    portal.portal.update(kind, record, {"stillthere_engagement_state": "engaged"}, portal.portal.person_source)
    outcome = apply_file(load_settings(), Path("plan.json"), quiet=True, at=plainly)
    planned = {(cell["table"], cell["record_id"], f"stillthere_{cell['field']}") for cell in answer.data["cells"]}
    assert planned == set(ours(portal))
    assert [(report.key, report.code) for report in outcome.applied.failed] == [(contact_id, "STALE")]


def test_two_syncs_at_once_are_refused(portal: Sandbox) -> None:
    """While one run is under way a second one is refused with a clear word."""
    work = open_work(load_settings())
    with begin_run(work, "sync"), pytest.raises(RefusedToGuess), begin_run(open_work(load_settings()), "sync"):
        pass
    assert portal.calls.count(WRITES) == 0
