"""Guards in a run: what is stopped is kept for a person and writes nothing; approved, it is applied; erased people leave kept plans."""

import stat
from pathlib import Path

import pandas as pd
import pytest

from flows.commands.plan import PlanWishes, run_read_plan
from flows.commands.sync import run_sync
from flows.guards import KEPT_PLANS, forget_in_plans, keep_plan
from flows.outcome import Outcome
from flows.plan_files import approved, read_plan, write_plan
from flows.planning import Plan
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import Work, open_work
from sandbox.running import Sandbox
from tests.flows.plainly import plainly
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.errors import RefusedToGuess
from transforms.vocabulary.tables import CONTACTS, to_table

WRITES = r"/batch/(update|upsert|create)|/associations/.*create"
WAIVER = "[policy]\nguard_states = 0.01\nguard_from_records = 5\nguard_pause_days = 1000\n"


def run_once() -> tuple[Work, Outcome]:
    """One sync, as the flow's body runs it."""
    work = open_work(load_settings())
    with begin_run(work, "sync") as done:
        sync.fn()
    return work, done


def stopped(portal: Sandbox) -> tuple[str, Path]:
    """A sync that a guard stops: nothing is written, the run says so, and its plan is the owner's alone. The sentence and the plan's file."""
    last = portal.calls.last_number
    with pytest.raises(RefusedToGuess) as caught:
        run_once()
    assert portal.calls.count(WRITES, since=last) == 0
    work = open_work(load_settings())
    run = work.journal.runs().iloc[-1]
    assert (run["kind"], run["status"], run["exit_code"]) == ("sync", "failed", 30)
    assert str(caught.value).split(":")[0] == "Nothing was written"
    assert len(work.journal.plan(run["run_id"]).cells) > 0
    (file,) = [one for one in (work.settings.home / "plans").iterdir() if one.stem == run["run_id"].replace(":", "")]
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)
    assert f"`stillthere sync --plan {file}`" in str(caught.value)
    return str(caught.value), file


def apply_approved(file: Path) -> int:
    """Approve the plan and apply it; how many cells were written."""
    run_read_plan(file, PlanWishes(approve="Dana Reyes"))
    answer = run_sync(plan_file=file, quiet=True, at=plainly)
    assert answer.exit_code == 0
    return int(answer.data["written"]["cells"])


def test_what_is_stopped_is_approved_and_applied(portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every plan needs approval, a first sync is kept; unapproved it stays refused; approved it is written whole, and the sync after that writes nothing.

    Then a threshold in the settings is passed: that guard is named with its numbers, and the approved plan passes it.
    """
    monkeypatch.setenv("STILLTHERE_NEED_APPROVAL", "true")
    told, file = stopped(portal)
    assert "the settings want every plan approved (STILLTHERE_NEED_APPROVAL)" in told
    with pytest.raises(RefusedToGuess, match="Nobody approved the plan"):
        run_sync(plan_file=file, quiet=True, at=plainly)
    assert apply_approved(file) == len(read_plan(file).plan.cells)
    last = portal.calls.last_number
    _, done = run_once()
    assert done.plan is not None
    assert done.plan.is_empty
    assert portal.calls.count(WRITES, since=last) == 0
    monkeypatch.delenv("STILLTHERE_NEED_APPROVAL")
    Path("stillthere.toml").write_text(WAIVER)
    portal.clock.advance(5 * 86_400)
    told, file = stopped(portal)
    assert "engagement_state would change on" in told
    assert "guard_states allows 1%" in told
    assert apply_approved(file) == len(read_plan(file).plan.cells)
    _, done = run_once()
    assert done.plan is not None
    assert done.plan.is_empty


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Work:
    """A home without any CRM."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
    return open_work(load_settings(), offline=True)


def a_plan() -> Plan:
    """One cell of each of three contacts, the third of which names the first; a task for the first and the second."""
    rows = [
        {"crm": "hubspot", "table": "contacts", "record_id": one, "field": "successor", "old": None, "new": new, "reason": "auto-reply"}
        for one, new in (("1", "Julia Kern"), ("2", "Sam Obi"), ("3", "Priya@Northwind.example"))
    ]
    words = {
        "crm": "hubspot",
        "play": "help_first",
        "reason": "r",
        "subject": "s",
        "body": "b",
        "due_at": "2026-11-25T16:00:00Z",
        "state": "open",
    }
    tasks = [{"task_key": f"st{one}", "contact_id": one, **words} for one in ("1", "2")]
    as_of = pd.Timestamp("2026-11-22 10:00", tz="UTC").as_unit("us")
    return Plan(as_of, {"hubspot": "Northwind (1)"}, to_table(CELLS, rows), to_table(TASKS, tasks), to_table(TASKS, pd.DataFrame()))


def test_old_plans_go_and_approved_ones_stay(work: Work) -> None:
    """The newest ten, and whatever somebody has approved."""
    first = keep_plan(work, a_plan(), "2026-11-22T08:59-0000")
    write_plan(approved(read_plan(first), "Dana"), first)
    made = [keep_plan(work, a_plan(), f"2026-11-22T09:{n:02d}-0000") for n in range(KEPT_PLANS + 2)]
    assert sorted(first.parent.iterdir()) == [first, *made[2:]]


def test_erased_people_leave_kept_plans(work: Work) -> None:
    """Their cells and tasks go, and cells of others that name their address; what is left is another plan, so nobody has approved it."""
    rows = to_table(
        CONTACTS,
        [{"contact_id": one, "crm": "hubspot", "email": f"{who}@northwind.example"} for one, who in (("1", "priya"), ("2", "sam"))],
    )
    work.lake.append(
        "contacts", rows, crm="hubspot", cursor="1", persons=pd.Series(["p1", "p2"], dtype="str"), buckets=pd.Series([0, 1], dtype="int64")
    )
    file = keep_plan(work, a_plan(), "2026-11-22T09:00-0000")
    write_plan(approved(read_plan(file), "Dana"), file)
    forget_in_plans(work)
    assert read_plan(file).approval is not None
    broken = file.with_name("2026-11-22T0901-0000.json")
    broken.write_text("{")
    work.lake.request_erasure("hubspot", ["1"])
    forget_in_plans(work)
    left = read_plan(file)
    assert (left.plan.cells["record_id"].tolist(), left.plan.create["contact_id"].tolist(), left.approval) == (["2"], ["2"], None)
    assert "priya" not in file.read_text().lower()
    assert not broken.exists()
