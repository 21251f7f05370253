"""A run that ended before it began: refused, or no CRM let it in. ``runs`` and ``status`` say that it was tried, when, and why it ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.status import run_runs, run_status
from flows.quota import take_up
from flows.running import begin_run
from flows.settings import load_settings
from flows.work import open_work
from sandbox.running import Sandbox
from transforms.vocabulary.errors import CrmUnreachable, NotAuthorised, QuotaSpent, RefusedToGuess, StillThereError

GREETING = r"/account-info/"


def tried(kind: str = "sync") -> StillThereError:
    """Begin a run that must fail before it begins; what it ended with."""
    with pytest.raises(StillThereError) as caught, begin_run(open_work(load_settings()), kind):
        pass
    return caught.value


def told() -> list[dict[str, Any]]:
    """The runs as ``stillthere runs --json`` lists them, the newest first."""
    result = CliRunner().invoke(app, ["runs", "--json", "--limit", "100"])
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["runs"])


@pytest.mark.parametrize(
    ("fault", "kind", "exit_code"),
    [
        ("expired_token", NotAuthorised, 10),
        ("migrating", CrmUnreachable, 20),
        ("rate_limit_daily", QuotaSpent, 20),
    ],
)
def test_a_run_that_no_crm_lets_in_is_noted(portal: Sandbox, fault: str, kind: type[StillThereError], exit_code: int) -> None:
    """When it was tried, how it ended, with which exit code, in the sentence that the person saw; and the calls that it took."""
    before = datetime.now(UTC)
    portal.faults.add(fault, path=GREETING)
    error = tried()
    assert type(error) is kind
    (run,) = told()
    assert (run["kind"], run["status"], run["exit_code"], run["as_of"]) == ("sync", "failed", exit_code, None)
    assert run["summary"]["error"] == str(error)
    assert run["summary"]["calls"]["hubspot"]["check"] >= 1
    assert before <= pd.Timestamp(run["started_at"]) <= pd.Timestamp(run["finished_at"])
    lines = " ".join(str(line) for line in run_status().text)
    assert f"Tried {pd.Timestamp(run['started_at']):%d %b %Y %H:%M} UTC; it ended with: {error}" in lines
    assert str(error) in str(run_runs(limit=1).text[-1])
    assert ("quota" in run["summary"]) == (kind is QuotaSpent)


def test_a_run_that_was_refused_is_noted_while_the_other_goes_on(portal: Sandbox) -> None:
    """Both stand in ``runs``: the one that goes on, and the one that was refused; the first ends as if nothing had been."""
    with begin_run(open_work(load_settings()), "sync") as done:
        error = tried("backfill")
        assert isinstance(error, RefusedToGuess)
        refused, running = told()
        assert (refused["kind"], refused["status"], refused["exit_code"]) == ("backfill", "refused", 30)
        assert refused["summary"]["error"] == str(error)
        assert (running["run_id"], running["status"]) == (done.run.run_id, "running")
    assert {run["kind"]: run["status"] for run in told()} == {"sync": "done", "backfill": "refused"}
    assert portal.calls.count("/batch/") == 0


def test_what_is_known_of_the_day_outlives_many_tries(portal: Sandbox) -> None:
    """A CRM that is away for a night is tried often; that the day began with so many calls is still known then."""
    with begin_run(open_work(load_settings()), "sync"):
        pass
    portal.faults.add("migrating", path=GREETING)
    for _ in range(35):
        tried()
    portal.faults.clear()
    work = open_work(load_settings())
    first = told()[-1]["summary"]["quota"]["hubspot"]["day"]
    kept = take_up(work, {"hubspot": work.crm("hubspot").greet()})["hubspot"]["day"]
    assert kept["left_at_first"] == first["left_at_first"]
    assert run_status().data["quota"]["hubspot"]["left"] is not None
