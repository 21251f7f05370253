"""The day's calls: forecast before, counted, compared; a reserve that all runs of a day leave; an end in the middle, and what the next day makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.hubspot.mapping import CRM as HUBSPOT
from flows.commands.setup import run_check
from flows.commands.status import run_status
from flows.outcome import Outcome
from flows.quota import WRITING
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import open_work
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from tests.flows.conftest import OPTIONS, point_to, set_up
from transforms.fields import FIELDS
from transforms.vocabulary.errors import QuotaSpent

PREFIX = "stillthere_"
LIMIT = 10_000


@pytest.fixture(scope="module")
def world() -> World:
    """Some made customers, few enough that all is read in some forty calls."""
    return make_world(WorldOptions(seed=5, contacts=30, companies=5, months=6, activities_per_contact=12))


def run_once() -> Outcome:
    """One sync, as the flow's body runs it, with a process of its own."""
    with begin_run(open_work(load_settings()), "sync") as done:
        sync.fn()
    return done


def end_of(sandbox: Sandbox) -> tuple[dict[tuple[str, str], dict[str, str]], list[tuple[str, ...]]]:
    """Every value of our fields, and every task of ours by its key, subject and state."""
    held = sandbox.portal.snapshot()
    ours = {
        (kind, str(one)): {name: value for name, value in record.items() if name.startswith(PREFIX) and value}
        for kind in ("contacts", "companies")
        for one, record in held[kind].items()
    }
    names = ("stillthere_task_key", "hs_task_subject", "hs_task_status")
    tasks = [tuple(str(record.get(name)) for name in names) for record in held["tasks"].values()]
    return ours, sorted(tasks)


@pytest.fixture(scope="module")
def undisturbed(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, int], dict[str, Any]]:
    """What stands in a portal after one sync that nothing disturbs, the calls it took by purpose, and what it says of quota."""
    home = tmp_path_factory.mktemp("quiet")
    with run_sandbox(world=world, options=OPTIONS) as quiet, pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        point_to(quiet, home / "home", patch)
        set_up()
        late(quiet)
        next_day(quiet)
        done = run_once()
        return end_of(quiet), done.run.summary["calls"][HUBSPOT], done.run.summary["quota"][HUBSPOT]


@pytest.fixture
def portal(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """A portal that allows few calls a day, set up."""
    options = replace(OPTIONS, daily=LIMIT)
    with run_sandbox(world=world, options=options) as sandbox:
        monkeypatch.chdir(tmp_path)
        point_to(sandbox, tmp_path / "home", monkeypatch)
        set_up()
        late(sandbox)
        yield sandbox


def late(sandbox: Sandbox) -> None:
    """Let it be shortly before the account's midnight, so that little else changes when that has passed."""
    sandbox.clock.set(sandbox.portal.limits.resets_at() - timedelta(minutes=15))


def leave(sandbox: Sandbox, calls: int) -> None:
    """Let so many calls be left today."""
    sandbox.portal.limits.daily_used = LIMIT - calls


def next_day(sandbox: Sandbox) -> None:
    """Let the account's midnight pass."""
    sandbox.clock.set(sandbox.portal.limits.resets_at() + timedelta(minutes=1))


@pytest.mark.parametrize("calls", [pytest.param(8, marks=pytest.mark.slow), "while writing"])
def test_the_reserve_ends_a_run_cleanly_and_the_next_day_completes_it(
    portal: Sandbox, undisturbed: tuple[Any, dict[str, int], Any], calls: int | str
) -> None:
    """Wherever the calls end, others keep their share, status says when to go on, and the run after the reset ends where an undisturbed one does."""
    end, taken, _ = undisturbed
    reading = sum(n for purpose, n in taken.items() if purpose not in WRITING)
    ours = reading + 1 if isinstance(calls, str) else calls
    left = int(ours / 0.7) + 1
    leave(portal, left)
    with pytest.raises(QuotaSpent, match=r"HubSpot has .* left to other programs") as caught:
        run_once()
    assert "STILLTHERE_RESERVE_SHARE" in str(caught.value)
    assert f"run again after {portal.portal.limits.resets_at():%d %b %Y %H:%M} UTC" in str(caught.value)
    assert LIMIT - portal.portal.limits.daily_used >= left * 0.3 - 1
    assert portal.calls.count(status=429) == 0
    status = run_status()
    told = status.data["quota"][HUBSPOT]
    assert told["is_spent"]
    assert told["go_on_at"] == portal.portal.limits.resets_at().isoformat()
    assert any("run again after" in str(line) for line in status.text)
    next_day(portal)
    assert run_once().applied.failed == []
    assert end_of(portal) == end
    assert open_work(load_settings(), offline=True).journal.unsettled().empty


@pytest.mark.parametrize("place", [pytest.param(r"contacts/batch/update", marks=pytest.mark.slow), r"associations/tasks"])
def test_a_refusal_for_the_daily_limit_in_the_middle(portal: Sandbox, undisturbed: tuple[Any, dict[str, int], Any], place: str) -> None:
    """Where HubSpot itself says that none is left (others took them), the run ends with that, and the next one completes it."""
    portal.faults.add("rate_limit_daily", path=place, times=1)
    with pytest.raises(QuotaSpent, match="used up") as caught:
        run_once()
    assert caught.value.exit_code == 20
    assert run_status().data["last_run"]["exit_code"] == 20
    next_day(portal)
    assert run_once().applied.failed == []
    assert end_of(portal) == undisturbed[0]
    assert open_work(load_settings(), offline=True).journal.unsettled_tasks().empty


@pytest.mark.slow
def test_many_runs_of_a_day_leave_what_one_would(portal: Sandbox) -> None:
    """Each new process sees fewer calls left; the reserve stays that of what was left when the day was first seen."""
    leave(portal, 20)
    for _ in range(5):
        with pytest.raises(QuotaSpent):
            run_once()
    # Each of the later runs has asked once how things stand.
    assert LIMIT - portal.portal.limits.daily_used >= 6 - 5
    next_day(portal)
    assert run_once().run.summary["quota"][HUBSPOT]["reserve"] == pytest.approx(LIMIT * 0.3, abs=2)


@pytest.mark.slow
def test_a_lower_reserve_counts_at_once(portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sentence advises works on the same day: what is kept is how much was left, not the share of it."""
    leave(portal, 20)
    with pytest.raises(QuotaSpent):
        run_once()
    monkeypatch.setenv("STILLTHERE_RESERVE_SHARE", "0.0")
    leave(portal, 1_000)
    assert run_once().run.summary["quota"][HUBSPOT]["reserve"] == 0


def test_calls_are_forecast_counted_and_compared(portal: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    """The first sync asks what it will take; the third knows it from the second; writing is forecast exactly."""
    first = run_once().run.summary["quota"][HUBSPOT]
    assert (first["forecast_from"], first["is_load"]) == ("estimate", True)
    assert first["forecast_total"] == pytest.approx(first["used_total"], rel=0.2)
    assert first["forecast"]["write"] == first["used"]["write"]
    assert first["forecast"]["tasks"] == pytest.approx(first["used"]["tasks"], abs=1)
    second = run_once().run.summary["quota"][HUBSPOT]
    third = run_once().run.summary["quota"][HUBSPOT]
    reading = {purpose: n for purpose, n in second["used"].items() if purpose not in WRITING}
    assert third["forecast_from"] == "last runs"
    assert {purpose: n for purpose, n in third["forecast"].items() if purpose not in WRITING} == reading
    assert run_status().data["quota"][HUBSPOT]["next_pull"] > 0
    assert capfd.readouterr().err == ""


def test_more_than_is_ours_is_said_before_it_starts(portal: Sandbox, capfd: pytest.CaptureFixture[str]) -> None:
    """A pull that is forecast to take more calls than are ours says so, and goes on as far as they reach."""
    leave(portal, 20)
    with pytest.raises(QuotaSpent):
        run_once()
    assert "reading is forecast to take" in capfd.readouterr().err


def test_check_shows_what_is_left_and_what_is_ours(portal: Sandbox) -> None:
    """Limits come from the CRM: what is left of how many, when they are counted anew, and how many of them are ours."""
    told = run_check().data
    calls = next(one for one in told["checkups"][0]["findings"] if one["what"] == "calls")
    assert f"of {LIMIT:,} are left today, counted anew at" in calls["detail"]
    quota = told["quota"][HUBSPOT]
    assert quota["usable"] + quota["reserve"] == quota["left"]
    assert json.dumps(told["quota"])


# Salesforce


@pytest.fixture
def org(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """An org that allows few calls, set up."""
    options = SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.05), daily=LIMIT, usage_jitter=0))
    with run_sandbox(salesforce=world, options=options) as sandbox:
        own = sandbox.org.org
        monkeypatch.chdir(tmp_path)
        for name in ("HUBSPOT_BASE_URL", "HUBSPOT_ACCESS_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("SALESFORCE_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("SALESFORCE_DOMAIN", own.domain)
        monkeypatch.setenv("SALESFORCE_CONSUMER_KEY", own.consumer_key)
        monkeypatch.setenv("SALESFORCE_CONSUMER_SECRET", own.consumer_secret)
        crm = open_work(load_settings()).crm("salesforce")
        crm.create_fields(crm.pending_fields(FIELDS))
        yield sandbox


@pytest.mark.slow
def test_an_org_of_which_the_calls_end(org: Sandbox) -> None:
    """A rolling day has no reset: the reserve is kept for 24 hours, over all runs; when calls have come back, the next run completes it."""
    limits = org.org.limits
    limits.others += limits.remaining - 16
    for _ in range(3):
        with pytest.raises(QuotaSpent, match=r"Salesforce has .* come back 24 hours after they were made"):
            run_once()
    assert limits.remaining >= 5 - 3
    assert run_status().data["quota"]["salesforce"]["is_spent"]
    org.clock.advance(25 * 3600)
    limits.others = 0
    done = run_once()
    assert done.applied.failed == []
    assert done.run.summary["quota"]["salesforce"]["reserve"] == pytest.approx(LIMIT * 0.3, rel=0.02)
    assert not run_status().data["quota"]["salesforce"]["is_spent"]
