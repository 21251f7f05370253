"""The first law of a run: killed at any moment, or left without an answer, and started again, the end is that of an undisturbed run."""

import os
import random
import subprocess
import sys
import time

import pytest

from flows.outcome import Outcome
from flows.recovery import recover
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import Work, open_work
from sandbox.running import Sandbox, SandboxOptions, run_sandbox
from sandbox.world import World
from transforms.fields import FIELDS
from transforms.vocabulary.changes import Fate
from transforms.vocabulary.errors import NotAuthorised

End = tuple[dict[tuple[str, str, str], str], list[tuple[object, ...]]]
"""What stands in a portal in the end."""

BODY = """
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import open_work
with begin_run(open_work(load_settings()), "sync"):
    sync.fn()
"""
WRITES = r"/batch/(update|upsert|create)|/associations/.*create"
SEED = 20261122
LATEST_S = 0.05
"""The kill comes up to so many seconds after the call was seen: before its answer, before it is settled, or before the next one."""


def run_once() -> tuple[Work, Outcome]:
    """One sync, as the flow's body runs it."""
    work = open_work(load_settings())
    with begin_run(work, "sync") as done:
        sync.fn()
    return work, done


def kill_at(portal: Sandbox, path: str, after_s: float) -> bool:
    """Start a sync in a process of its own and kill it that long after its first call to the path. False where it never made one."""
    last = portal.calls.last_number
    child = subprocess.Popen([sys.executable, "-c", BODY], env=dict(os.environ), stderr=subprocess.DEVNULL)  # noqa: S603 - our own flow
    try:
        while child.poll() is None:
            if portal.calls.count(path, since=last):
                time.sleep(after_s)
                break
            time.sleep(0.001)
        return child.poll() is None
    finally:
        child.kill()
        child.wait()


def end_of(portal: Sandbox) -> End:
    """What stands in the portal in the end: every value of our fields, and every task with its words, state and links."""
    state = portal.portal.snapshot()
    values = {
        (table, record_id, name): value
        for table in ("contacts", "companies")
        for record_id, held in state[table].items()
        for name, value in held.items()
        if name.startswith("stillthere_") and value != ""
    }
    names = ("stillthere_task_key", "hs_task_subject", "hs_task_body", "hs_task_status", "hs_timestamp")
    tasks = [
        (*(task[name] for name in names), tuple(task["associations"]["contacts"]), tuple(task["associations"]["companies"]))
        for task in state["tasks"].values()
    ]
    return values, sorted(tasks)


def left_open(work: Work) -> int:
    """How many rows of the journal were intended and never settled."""
    return len(work.journal.unsettled()) + len(work.journal.unsettled_tasks())


@pytest.fixture(scope="module")
def undisturbed_end(world: World, tmp_path_factory: pytest.TempPathFactory) -> End:
    """How the portal stands after one sync that nothing disturbs."""
    options = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0.0, 0.0))
    with run_sandbox(world=world, options=options) as quiet, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STILLTHERE_HOME", str(tmp_path_factory.mktemp("quiet")))
        patch.setenv("HUBSPOT_BASE_URL", quiet.base_url)
        patch.setenv("HUBSPOT_ACCESS_TOKEN", quiet.token)
        crm = open_work(load_settings()).crm("hubspot")
        crm.create_fields(crm.pending_fields(FIELDS))
        run_once()
        return end_of(quiet)


@pytest.mark.slow
def test_killed_again_and_again_the_end_is_the_same(portal: Sandbox, undisturbed_end: End) -> None:
    """Killed while it reads, while it writes fields, while it makes tasks: the next sync ends where an undisturbed one does, no task is there twice."""
    wait = random.Random(SEED)  # noqa: S311 - a seeded schedule, not a secret
    moments = ("/objects/emails", "/contacts/batch/update", "/tasks/batch/upsert|/associations/tasks/contacts/batch/create")
    were_killed = [kill_at(portal, path, wait.uniform(0, LATEST_S)) for path in moments]
    work, done = run_once()
    assert undisturbed_end == end_of(portal)
    assert left_open(work) == 0
    assert done.applied.failed == []
    assert True in were_killed
    assert ["killed" if was_killed else "done" for was_killed in [*were_killed, False]] == work.journal.runs()["status"].tolist()
    last = portal.calls.last_number
    run_once()
    assert portal.calls.count(WRITES, since=last) == 0


@pytest.mark.slow
def test_a_token_that_ends_between_two_writes(portal: Sandbox, undisturbed_end: End) -> None:
    """The run is noted as failed with exit code 10; what was confirmed is settled, the rest is looked up, and the next sync goes on cleanly."""
    portal.faults.add("expired_token", path="/tasks/batch/upsert", method="POST", nth=[1])
    with pytest.raises(NotAuthorised):
        run_once()
    journal = open_work(load_settings()).journal
    assert journal.unsettled().empty
    assert not journal.unsettled_tasks().empty
    work, _ = run_once()
    runs = work.journal.runs()
    assert list(zip(runs["status"], runs["exit_code"], strict=True)) == [("failed", 10), ("done", 0)]
    assert undisturbed_end == end_of(portal)
    assert left_open(work) == 0


def test_a_change_of_a_task_that_was_never_sent_is_not_taken_for_done(portal: Sandbox) -> None:
    """That a task exists does not say that it was changed: after a kill before the call, it is known as it stands; after one behind it, as changed."""
    work, done = run_once()
    task = work.journal.tasks().head(1)
    changed = task.assign(state="closed_by_us", body=task["body"] + "\n\nClosed, nothing left to do.")
    for is_sent, expected in ((False, "open"), (True, "closed_by_us")):
        work.journal.intend_tasks(done.run.run_id, changed)
        if is_sent:
            assert len(list(work.crm("hubspot").update_tasks(changed))) == 1
        assert recover(work, "hubspot") == 1
        known = work.journal.tasks().set_index("task_key")
        assert expected == known.loc[task["task_key"].iloc[0], "state"]
        assert left_open(work) == 0
    assert portal.calls.count("/tasks/batch/update") == 1


def test_a_task_without_its_contact_is_not_taken_for_made(portal: Sandbox) -> None:
    """A kill between a task and its links leaves a task that nobody finds at the contact: it is not given as there, so that it is made whole."""
    work, _ = run_once()
    task = work.journal.tasks().head(1)
    crm = work.crm("hubspot")
    assert len(crm.current_tasks(task.assign(task_id=None))) == 1
    own_id, contact_id = int(task["task_id"].iloc[0]), int(task["contact_id"].iloc[0])
    portal.portal.links.remove(("tasks", "contacts"), own_id, contact_id)
    assert len(crm.current_tasks(task.assign(task_id=None))) == 0
    assert [report.fate for report in crm.create_tasks(task)] == [Fate.UNCHANGED]
    assert portal.portal.snapshot()["tasks"][str(own_id)]["associations"]["contacts"] == [str(contact_id)]
