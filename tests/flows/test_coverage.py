"""Deaf is not silent: a source that delivered before and does not now makes one alert for the admin, and no task about silence."""

from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import httpx
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from flows.cli import app
from flows.outcome import Outcome
from flows.render import render_sync
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import Work, open_work
from sandbox.options import LEAST_SCOPES, SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from sandbox.world.parting import PartOptions, part_world
from transforms.fields import FIELDS
from transforms.vocabulary.errors import PersonMustAct

DAY = 86_400
SILENCE = {"switch_channel", "verify_still_there"}
OPTIONS = SandboxOptions(burst=5_000, search_per_second=500, index_lag=(0.0, 0.0), org=OrgOptions(bulk_job_s=(0.0, 0.05)))
ADMIN = "pat-of-an-admin"
TICKET_TO_CONTACT = 16
DEAF = "Sources stopped delivering"


@pytest.fixture(scope="module")
def world() -> World:
    """Customers of whose four owners one has a mailbox that stopped twenty days ago."""
    return make_world(WorldOptions(seed=7, owners=4, contacts=100, companies=12, months=9, activities_per_contact=30))


def part_of(world: World, crm: str) -> World:
    """The same customers, nearly all of them in both CRMs, as this one holds them."""
    parted = part_world(world, PartOptions(in_hubspot=0.05, in_salesforce=0.05))
    return parted.hubspot if crm == "hubspot" else parted.salesforce


@pytest.fixture(params=["hubspot", pytest.param("salesforce", marks=pytest.mark.slow)])
def crm(request: pytest.FixtureRequest) -> str:
    """One CRM, then the other."""
    return str(request.param)


def opened(world: World, crm: str, patch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox in which this CRM holds all these customers; the settings name it alone, and our fields are set up."""
    held = part_of(world, crm)
    with run_sandbox(
        world=held if crm == "hubspot" else None, salesforce=held if crm == "salesforce" else None, options=OPTIONS
    ) as sandbox:
        patch.chdir(tmp_path)
        patch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
        if crm == "hubspot":
            names = {"HUBSPOT_BASE_URL": sandbox.base_url, "HUBSPOT_ACCESS_TOKEN": sandbox.token}
        else:
            org = sandbox.org.org
            names = {
                "SALESFORCE_BASE_URL": sandbox.base_url,
                "SALESFORCE_DOMAIN": org.domain,
                "SALESFORCE_CONSUMER_KEY": org.consumer_key,
                "SALESFORCE_CONSUMER_SECRET": org.consumer_secret,
            }
        for name, value in names.items():
            patch.setenv(name, value)
        connected = open_work(load_settings()).crm(crm)
        connected.create_fields(connected.pending_fields(FIELDS))
        yield sandbox


@pytest.fixture
def sandbox(world: World, crm: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """The made customers in one CRM."""
    yield from opened(world, crm, monkeypatch, tmp_path)


def run_once() -> tuple[Work, Outcome]:
    """One sync, as the flow's body runs it."""
    work = open_work(load_settings())
    with begin_run(work, "sync") as done:
        sync.fn()
    return work, done


def people_of(done: Outcome) -> pd.DataFrame:
    """The persons as computed, with crm, contact_id and owner_id of a record of each."""
    assert done.computation is not None
    persons = pd.concat([part.persons for part in done.computation.parts])
    members = pd.concat([part.members for part in done.computation.parts]).drop_duplicates("person_id").set_index("person_id")
    return persons.join(members[["crm", "contact_id"]])


def alerts_of(done: Outcome) -> list[str]:
    """The alerts about sources that stopped."""
    assert done.plan is not None
    return [alert for alert in done.plan.alerts if alert.startswith(DEAF)]


def take(sandbox: Sandbox, crm: str, *, give_back: bool = False) -> None:
    """Take the right to read tickets (in Salesforce cases) away, or give it back."""
    if crm == "hubspot":
        token = sandbox.portal.tokens[sandbox.token]
        token.scopes = frozenset(LEAST_SCOPES) if give_back else token.scopes - {"tickets", "crm.objects.tickets.read"}
        return
    objects = sandbox.org.schema._objects
    if give_back:
        objects["case"] = objects.pop("case (hidden)")
    else:
        objects["case (hidden)"] = objects.pop("case")


def open_ticket(sandbox: Sandbox, crm: str, contact_id: str) -> str:
    """A ticket that this contact opens now; its id."""
    if crm == "salesforce":
        take(sandbox, crm, give_back=True)
        made = sandbox.org.create(sandbox.org.admin_id, "Case", {"ContactId": contact_id, "Subject": "The export stops"})
        take(sandbox, crm)
        return str(made.id)
    body = {
        "properties": {"subject": "The export stops", "hs_pipeline_stage": "1"},
        "associations": [
            {"to": {"id": contact_id}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TICKET_TO_CONTACT}]}
        ],
    }
    headers = {"Authorization": f"Bearer {ADMIN}"}
    sandbox.portal.add_token(ADMIN, (*LEAST_SCOPES, "crm.objects.tickets.write"))
    answer = httpx.post(f"{sandbox.base_url}/crm/v3/objects/tickets", json=body, headers=headers)
    answer.raise_for_status()
    return str(answer.json()["id"])


def activities(work: Work) -> pd.DataFrame:
    """What the lake holds of activities, without what says when it was read."""
    rows = work.lake.read("activities", columns=["crm", "activity_id", "contact_id", "channel", "outcome", "occurred_at"])
    return rows.sort_values(["activity_id", "contact_id"]).reset_index(drop=True)


def assert_nobody_is_silent_by_it(done: Outcome, hurt: pd.Series | None = None) -> None:
    """Those whom we may not hear any more have no silence on their record, and no task about one; ``hurt``: their contact ids, else all not fully covered."""
    assert done.plan is not None
    people = people_of(done)
    blind = people[people["coverage"] == "blind"]
    assert len(blind) > 5
    assert set(blind["engagement_state"]) & {"silent", "quiet", "cooling"} == set()
    hurt = people.loc[people["coverage"] != "full", "contact_id"] if hurt is None else hurt
    raised = done.plan.create[done.plan.create["contact_id"].isin([*hurt, *blind["contact_id"]])]
    assert raised[raised["play"].isin(SILENCE)]["subject"].tolist() == []


def test_the_outage_of_one_mailbox_is_one_alert_and_no_task(sandbox: Sandbox, crm: str) -> None:
    """Of those who wrote to the colleague whose mailbox stopped, nobody is called silent; the admin hears of it once, by the colleague's name."""
    work, done = run_once()
    (alert,) = alerts_of(done)
    assert done.computation is not None
    deaf = {name.split("|")[1] for name in done.computation.org.deaf_since if name.endswith("|email")}
    assert len(deaf) == 1, done.computation.org.deaf_since
    owners = work.lake.read("owners").set_index("owner_id")
    (owner,) = deaf
    assert str(owners.loc[owner, "name"]) in alert
    rows = work.lake.read("activities", columns=["contact_id", "actor_id", "channel"])
    assert_nobody_is_silent_by_it(done, rows.loc[(rows["actor_id"] == owner) & (rows["channel"] == "email"), "contact_id"])


@pytest.mark.slow
def test_capture_that_was_switched_off_is_one_alert_and_no_task(
    world: World, crm: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No mail of anybody is logged any more: one alert names the channel and no single mailbox, and nobody is silent by it."""
    rows = world.activities
    is_lost = (rows["channel"] == "email") & (rows["occurred_at"] > rows["occurred_at"].max() - pd.Timedelta(days=30))
    switched_off = replace(world, activities=rows[~is_lost].reset_index(drop=True))
    for _ in opened(switched_off, crm, monkeypatch, tmp_path):
        _, done = run_once()
        (alert,) = alerts_of(done)
        assert [line for line in alert.split("\n") if "no e-mail" in line] == [line for line in alert.split("\n") if "verybody" in line]
        assert_nobody_is_silent_by_it(done)


def test_a_right_that_is_lost_is_one_alert_and_comes_back_whole(
    sandbox: Sandbox, world: World, crm: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Tickets may not be read any more: the sync goes on, says so once, makes nobody silent by it; with the right back, nothing is missing."""
    _, whole = run_once()
    take(sandbox, crm)
    sandbox.clock.advance(DAY)
    ticket = f"{crm}|*|ticket"
    for _ in range(2):
        _, done = run_once()
        (alert,) = alerts_of(done)
        assert alert.count("no tickets since") == 1
        assert {"hubspot": "add tickets", "salesforce": "read Case"}[crm] in alert
        assert (done.applied.failed, done.pulled[0].missing) == ([], {})
        assert done.computation is not None
        assert ticket in done.computation.org.deaf_since
        now, then = (people_of(one)["coverage"] for one in (done, whole))
        assert len(now[(now != "full") & (then == "full")]) > 2
        assert_nobody_is_silent_by_it(done)
    status = CliRunner().invoke(app, ["status"])
    assert "tickets are not read" in status.stdout or "cases are not read" in status.stdout
    someone = now[(now != "full") & (then == "full")].index[0]
    explained = CliRunner().invoke(app, ["explain", str(people_of(done).loc[someone, "contact_id"]), "--field", "coverage"])
    assert "Partial" in explained.stdout or "Blind" in explained.stdout

    opened_meanwhile = open_ticket(sandbox, crm, str(people_of(done).loc[someone, "contact_id"]))
    take(sandbox, crm, give_back=True)
    sandbox.clock.advance(DAY)
    work, done = run_once()
    assert done.computation is not None
    assert ticket not in done.computation.org.deaf_since
    assert done.pulled[0].unread == ()
    rows = activities(work)
    assert rows["activity_id"].str.contains(opened_meanwhile).sum() == 1


@pytest.mark.slow
def test_a_right_that_was_never_given_is_a_line_and_no_alert(
    world: World, crm: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A first sync without the right to read tickets goes on: what is not read is told, nobody counts as unheard by it, and ``check`` names it."""
    for sandbox in opened(world, crm, monkeypatch, tmp_path):
        take(sandbox, crm)
        work, done = run_once()
        assert not any("tickets" in alert for alert in alerts_of(done))
        (told,) = done.run.summary["pulled"][crm]["unread"]
        assert (told["channels"], told["since"]) == (["ticket"], None)
        assert "ticket" not in set(work.lake.read("activities", columns=["channel"])["channel"])
        console = Console(file=(text := StringIO()), width=200)
        for part in render_sync(done):
            console.print(part)
        assert f"not read  {told['stream']}: {told['lacks']} is missing" in text.getvalue()
        assert CliRunner().invoke(app, ["check"]).exit_code == PersonMustAct.exit_code
