"""What a pull costs in calls: a page for each hundred records, a handful when nothing changed, and a few for a few changes."""

import re
from collections import Counter

import pytest

from flows.pull import pull
from flows.settings import load_settings
from flows.work import open_work
from sandbox.admin import change_record
from sandbox.hubspot.object_types import object_type
from sandbox.running import Sandbox
from sandbox.world import World, WorldOptions, make_world

PAGE = 100
STREAMS = ("contacts", "companies", "emails", "calls", "meetings", "notes", "communications", "tickets")
SPLITS = 6
"""Pages that are not full: each range of ids that a thread reads ends with one."""


@pytest.fixture(scope="module")
def world() -> World:
    """Customers with a score of pages of e-mails, and few pages of everything else."""
    return make_world(WorldOptions(seed=5, contacts=150, companies=20, months=6, activities_per_contact=20))


def pull_once() -> None:
    """One pull of everything, as a sync does it."""
    work = open_work(load_settings())
    pull(work, work.crm("hubspot"))


def calls(portal: Sandbox, since: int) -> Counter[str]:
    """The calls after that number: lists and searches of records by kind, all others by their path."""
    paths = [call.path for call in portal.calls.select(since=since)]
    return Counter(
        re.sub(r"^/crm/v3/objects/(\w+)$", r"list \1", re.sub(r"^/crm/v3/objects/(\w+)/search$", r"search \1", p)) for p in paths
    )


def pages(portal: Sandbox) -> dict[str, int]:
    """How many full pages the living records of each kind would fill, at least one."""
    return {kind: max(-(-len(portal.portal.snapshot()[kind]) // PAGE), 1) for kind in STREAMS}


def test_a_first_pull_reads_each_record_once(portal: Sandbox) -> None:
    """The first pull makes one call for each hundred records, and a few for where ranges meet; no other call grows with the portal."""
    last = portal.calls.last_number
    pull_once()
    made = calls(portal, last)
    floor = pages(portal)
    assert {kind: made[f"list {kind}"] for kind in STREAMS if not floor[kind] <= made[f"list {kind}"] <= floor[kind] + SPLITS} == {}
    assert sum(made.values()) <= sum(floor.values()) + SPLITS * 2 + len(STREAMS) * 2
    assert portal.calls.count(status=429) == 0


def test_ids_with_gaps_cost_few_calls_more(portal: Sandbox) -> None:
    """Where two thirds of the e-mails in one stretch of ids are gone, the pull still costs a page for each hundred of those that are left."""
    kind = object_type("emails")
    ids = sorted(int(one) for one in portal.portal.snapshot()["emails"])
    for one in ids[: len(ids) * 2 // 3]:
        portal.portal.archive(kind, one)
    last = portal.calls.last_number
    pull_once()
    assert calls(portal, last)["list emails"] <= pages(portal)["emails"] + SPLITS + 1


def test_a_pull_straight_after_asks_once_a_stream(portal: Sandbox) -> None:
    """When nothing has changed, a pull asks each stream once, counts the contacts, and lists nothing but the owners."""
    pull_once()
    last = portal.calls.last_number
    pull_once()
    made = calls(portal, last)
    assert {kind: made[f"search {kind}"] for kind in STREAMS} == dict.fromkeys(STREAMS, 1) | {"contacts": 2}
    assert sum(made.values()) <= len(STREAMS) + 2


def test_few_changes_cost_few_calls(portal: Sandbox) -> None:
    """After a change of some contacts and some calls, a pull costs a few calls more, not a reading of the portal."""
    pull_once()
    for kind, name in (("contacts", "jobtitle"), ("calls", "hs_call_title")):
        for one in sorted(portal.portal.snapshot()[kind])[:5]:
            change_record(portal.portal, {"do": "edit", "type": kind, "id": one, "properties": {name: "Something new"}})
    last = portal.calls.last_number
    pull_once()
    made = calls(portal, last)
    assert sum(made.values()) <= len(STREAMS) + 2 + 6, made
