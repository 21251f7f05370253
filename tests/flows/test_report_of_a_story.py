"""A story of two syncs: tasks are raised, one of them is followed and answered, and ``stillthere report`` tells what became of them."""

import json
import re
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.compute import OUTCOMES
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import Work, open_work
from sandbox.running import Sandbox

DAY = 86_400
TO_CONTACT = {"calls": 194, "emails": 198}


def run_once() -> Work:
    """One sync, as the flow's body runs it."""
    work = open_work(load_settings())
    with begin_run(work, "sync"):
        sync.fn()
    return work


def happens(portal: Sandbox, kind: str, contact_id: str, **properties: str) -> None:
    """Something happens in the portal now, to this contact."""
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TO_CONTACT[kind]}]
    body = {
        "properties": {"hs_timestamp": str(portal.clock.now_ms()), **properties},
        "associations": [{"to": {"id": contact_id}, "types": types}],
    }
    answer = httpx.post(f"{portal.base_url}/crm/v3/objects/{kind}", json=body, headers={"Authorization": f"Bearer {portal.token}"})
    answer.raise_for_status()


def told(*arguments: str) -> str:
    """What a command prints; it must succeed."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def story(portal: Sandbox, monkeypatch: pytest.MonkeyPatch) -> tuple[Work, dict[str, int]]:
    """Two syncs 43 days apart: three days after the first, one task is followed by its way, and the contact writes back the day after."""
    monkeypatch.setenv("COLUMNS", "200")
    first = run_once()
    tasks = first.journal.raised_tasks()
    followed = tasks[(tasks["play"] == "switch_channel") & tasks["way"].isin(["call", "email"])].iloc[0]
    portal.clock.advance(3 * DAY)
    if followed["way"] == "call":
        disposition = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
        happens(
            portal,
            "calls",
            followed["contact_id"],
            hs_call_direction="OUTBOUND",
            hs_call_status="COMPLETED",
            hs_call_disposition=disposition,
        )
    else:
        happens(portal, "emails", followed["contact_id"], hs_email_direction="EMAIL", hs_email_subject="The export you asked for")
    portal.clock.advance(DAY)
    happens(portal, "emails", followed["contact_id"], hs_email_direction="INCOMING_EMAIL", hs_email_subject="Re: the export")
    portal.clock.advance(39 * DAY)
    work = run_once()
    return work, {"raised": len(tasks), f"{followed['play']}|{followed['way']}": 1}


def test_report_tells_what_became_of_tasks_and_what_was_learned(story: tuple[Work, dict[str, int]]) -> None:
    """Every task of the first sync is counted; the one that was followed was heard; table, JSON and page agree; nobody is named."""
    work, expected = story
    before, after = (document.content for document in work.journal.documents(OUTCOMES))
    assert before == []
    by_key = {f"{row['play']}|{row['way']}": row for row in after}
    assert sum(row["raised"] for row in after) >= expected.pop("raised")
    assert all(row["raised"] == row["open"] + row["followed"] + row["not_followed"] for row in after)
    (key,) = expected
    assert (by_key[key]["followed"], by_key[key]["heard"]) == (1, 1)

    data = json.loads(told("report", "--out", "report.html", "--json"))
    assert data["outcomes"] == after
    assert set(data) == {"last_run", "runs", "crms", "outcomes", "model_card", "backtest", "out"}
    card, portal = data["model_card"], data["crms"]["hubspot"]
    assert sum(portal["states"].values()) == portal["contacts"] == sum(portal["coverage"].values())
    assert [run["kind"] for run in data["runs"]] == ["sync", "sync"]

    page, text = Path("report.html").read_text(encoding="utf-8"), told("report")
    heaviest = max((one for one in card["coefficients"] if one["term"] != "level"), key=lambda one: (abs(one["weight"]), one["term"]))
    for words in (
        "f 1 followed 1 was heard from within 14 days (1 of 1 within 30)",
        f"Learned as of {card['as_of'][:10]} from {card['rows']:,} past days of people",
        f"AUC {card['auc']:.3f} against {card['auc_recency']:.3f}",
        heaviest["words"][1:],
    ):
        assert words in text
        assert words in page
    assert re.findall(r"""(?:src|href)=|https?://|<script|@import|url\(""", page) == []
    contacts = work.lake.read("contacts", columns=["email", "last_name"])
    assert [name for name in contacts["email"].dropna() if name in page + text] == []
