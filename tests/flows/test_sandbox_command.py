"""``stillthere sandbox``: which customers go into which CRM, and what it tells whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest
import urllib3

from flows.commands.sandbox import SandboxWishes, customers
from sandbox.world import WorldOptions, make_world, part_world, write_parted

SMALL = WorldOptions(contacts=40, companies=8, months=3, activities_per_contact=5)


def wishes(load: Path | None = None, crm: str | None = None) -> SandboxWishes:
    """What somebody might ask for."""
    return SandboxWishes(0, load, None, "0", 190, 0.0, None, None, SMALL, crm=crm)


def sizes(asked: SandboxWishes) -> tuple[int | None, int | None]:
    """How many contacts go into HubSpot and into Salesforce; None where a CRM is left empty."""
    hubspot, salesforce = customers(asked)
    return (None if hubspot is None else len(hubspot.contacts), None if salesforce is None else len(salesforce.contacts))


def test_made_customers_are_parted_unless_one_crm_is_asked_for() -> None:
    """Without a word some people stand in one, some in the other, some in both; else all in the one that was named."""
    assert sizes(wishes(crm="hubspot")) == (40, None)
    hubspot, salesforce = sizes(wishes(crm="salesforce"))
    assert (hubspot, salesforce is not None and salesforce >= 40) == (None, True)
    both = sizes(wishes())
    assert sizes(wishes(crm="both")) == both
    assert both[0] is not None
    assert both[1] is not None
    assert both[0] < 40 < both[0] + both[1]


def test_loaded_rows_go_where_their_crm_says(tmp_path: Path) -> None:
    """Rows of Salesforce go into Salesforce, all others into HubSpot; --crm puts all into one."""
    parted = part_world(make_world(SMALL))
    write_parted(parted, tmp_path)
    counts = len(parted.hubspot.contacts), len(parted.salesforce.contacts)
    assert sizes(wishes(tmp_path)) == counts
    assert sizes(wishes(tmp_path, "salesforce")) == (None, sum(counts))
    assert sizes(wishes(tmp_path, "hubspot")) == (sum(counts), None)


def test_rows_that_name_no_crm_are_hubspots(tmp_path: Path) -> None:
    """A folder without the column crm goes into HubSpot."""
    pd.DataFrame([{"contact_id": "1"}]).to_csv(tmp_path / "contacts.csv", index=False)
    pd.DataFrame(columns=["activity_id", "contact_id", "occurred_at", "channel", "direction"]).to_csv(
        tmp_path / "activities.csv", index=False
    )
    assert sizes(wishes(tmp_path)) == (1, 0)


@pytest.fixture
def told() -> Any:
    """The first line of a sandbox in a process of its own, which is ended after the test."""
    command = [sys.executable, "-m", "flows.cli", "sandbox", "--json", "--port", "0", "--minutes", "2", "--org-daily", "7777"]
    command += ["--contacts", "30", "--companies", "5", "--months", "3", "--activities-per-contact", "4"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ})  # noqa: S603 - ourselves
    assert process.stdout is not None
    try:
        yield orjson.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_it_tells_what_opens_each_crm(told: dict[str, Any]) -> None:
    """The first line holds addresses and credentials of both; with those of Salesforce a session begins, whose limit is the one asked for."""
    org = told["salesforce"]
    assert set(org) == {"base_url", "domain", "consumer_key", "consumer_secret", "pages_url", "loaded"}
    assert org["loaded"]
    assert told["loaded"]
    with urllib3.PoolManager() as pool:
        headers = urllib3.make_headers(basic_auth=f"{org['consumer_key']}:{org['consumer_secret']}")
        fields = {"grant_type": "client_credentials"}
        answer = pool.request("POST", f"{org['base_url']}/services/oauth2/token", fields=fields, headers=headers, encode_multipart=False)
        assert answer.status == 200, answer.data
        token = answer.json()["access_token"]
        limits = pool.request("GET", f"{org['base_url']}/services/data/v59.0/limits", headers={"Authorization": f"Bearer {token}"})
        assert limits.json()["DailyApiRequests"]["Max"] == 7777
        assert pool.request("GET", org["pages_url"]).status == 200
        assert pool.request("GET", told["pages_url"]).status == 200
