"""What a pull will take is told before it begins, however many calls are ours, and costs next to nothing to find out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from flows.pull import pull_all
from flows.quota import WRITING
from flows.running import begin_run
from flows.settings import load_settings
from flows.work import open_work
from sandbox.options import SandboxOptions
from sandbox.running import run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from tests.flows.conftest import OPTIONS, point_to

FACTOR = 1.5
"""docs/quota.md: what a first pull takes lies within this factor of its forecast, for each purpose; or within three calls of it."""

Pull = Callable[[], dict[str, Any]]
"""Pulls once, as a new process would, and gives what the run says of quota."""


@pytest.fixture(scope="module")
def world() -> World:
    """Customers enough that their e-mails fill some pages."""
    return make_world(WorldOptions(seed=23, contacts=30, companies=5, months=10, activities_per_contact=40))


@pytest.fixture(params=["hubspot", "salesforce"])
def pull(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Pull]:
    """A CRM with so many calls a day that nobody would miss some."""
    monkeypatch.chdir(tmp_path)
    crm: str = request.param
    with ExitStack() as stack:
        if crm == "hubspot":
            sandbox = stack.enter_context(run_sandbox(world=world, options=OPTIONS))
            point_to(sandbox, tmp_path / "home", monkeypatch)
        else:
            org = OrgOptions(bulk_job_s=(0.0, 0.05), daily=2_000_000, usage_jitter=0)
            sandbox = stack.enter_context(run_sandbox(salesforce=world, options=SandboxOptions(org=org)))
            for name in ("HUBSPOT_BASE_URL", "HUBSPOT_ACCESS_TOKEN"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
            monkeypatch.setenv("SALESFORCE_BASE_URL", sandbox.base_url)
            monkeypatch.setenv("SALESFORCE_DOMAIN", sandbox.org.org.domain)
            monkeypatch.setenv("SALESFORCE_CONSUMER_KEY", sandbox.org.org.consumer_key)
            monkeypatch.setenv("SALESFORCE_CONSUMER_SECRET", sandbox.org.org.consumer_secret)

        def once() -> dict[str, Any]:
            work = open_work(load_settings())
            with begin_run(work, "sync") as done:
                done.pulled += pull_all(work)[1]
            return dict(done.run.summary["quota"][crm])

        yield once


def reading(calls: dict[str, int]) -> dict[str, int]:
    """The calls that do not hang on a plan."""
    return {purpose: number for purpose, number in calls.items() if purpose not in WRITING}


def test_a_first_pull_is_forecast_within_a_factor_for_each_purpose(pull: Pull) -> None:
    """With more than 200,000 calls to spend as well: what is asked ahead is counted, and serves the pull itself."""
    told = pull()
    assert told["usable"] > 200_000
    assert (told["forecast_from"], told["is_load"], told["is_whole"]) == ("estimate", True, True)
    forecast, used = reading(told["forecast"]), reading(told["used"])
    for purpose in forecast | used:
        expected, came = forecast.get(purpose, 0), used.get(purpose, 0)
        assert abs(came - expected) <= max(3, (FACTOR - 1) * expected), (purpose, forecast, used)


@pytest.mark.slow
def test_a_second_pull_asks_nothing_ahead(pull: Pull) -> None:
    """It is forecast to take what a pull takes at least, and where nothing changed it takes hardly more; the third knows it from the second."""
    pull()
    second, third = pull(), pull()
    assert second["forecast_from"] == "least"
    least = sum(reading(second["forecast"]).values())
    assert least <= sum(reading(second["used"]).values()) <= least + 2
    assert third["forecast_from"] == "last runs"
    assert sum(reading(third["forecast"]).values()) == sum(reading(second["used"]).values())
