"""Nothing is lost where many records change at one moment, where a search shows only its first 10,000, or where somebody is brought back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from connectors.hubspot import HubSpot, Manner
from connectors.salesforce import Credentials, Salesforce
from connectors.salesforce import Manner as SalesforceManner
from sandbox.hubspot.object_types import object_type
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions
from sandbox.world import WorldOptions, make_world
from tests.connectors.conftest import QUICK
from transforms.vocabulary.changes import Page

MANY = 11_000
"""More than HubSpot's search shows of one question, and than Salesforce answers at once. It holds with 25,000 too, in three times the time."""


def hubspot(sandbox: Sandbox) -> HubSpot:
    """The connector of the sandbox's portal."""
    manner = Manner(patience=QUICK, threads=2, searches_per_s=1_000)
    return HubSpot(sandbox.token, sandbox.base_url, index_lag_s=600, manner=manner)


def ids_of(pages: Sequence[Page]) -> Counter[str]:
    """How often each contact came."""
    return Counter(one for page in pages for one in page.rows["contact_id"])


def test_changes_of_one_moment_are_all_read() -> None:
    """An import stamps many contacts with one millisecond: more than a search shows in one answer or in all. Each comes, and once."""
    world = make_world(WorldOptions(seed=3, contacts=10, companies=3, months=2, activities_per_contact=2))
    with run_sandbox(world=world, options=SandboxOptions(burst=50_000, search_per_second=5_000, index_lag=(0.0, 0.0))) as sandbox:
        crm, portal, kind = hubspot(sandbox), sandbox.portal, object_type("contacts")
        cursor = list(crm.pages("contacts", None))[-1].cursor
        sandbox.clock.freeze()
        sandbox.clock.advance(3_600)
        with portal.lock:
            made = [portal.create(kind, {"lastname": f"Number {number}"}, portal.person_source).id for number in range(MANY)]
        pages = list(crm.pages("contacts", cursor))
        expected = set(map(str, made))
        assert {one: times for one, times in ids_of(pages).items() if one in expected} == dict.fromkeys(expected, 1)
        sandbox.clock.advance(3_600)
        again = list(crm.pages("contacts", pages[-1].cursor))
        last = list(crm.pages("contacts", again[-1].cursor))
        assert ids_of(last) == Counter()


def test_changes_of_one_moment_are_all_read_in_salesforce() -> None:
    """The same in an org: a data load stamps many contacts alike."""
    options = SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.1)))
    world = make_world(WorldOptions(seed=3, contacts=10, companies=3, months=2, activities_per_contact=2))
    with run_sandbox(salesforce=world, options=options) as sandbox:
        own = sandbox.org.org
        credentials = Credentials(own.domain, own.consumer_key, own.consumer_secret)
        crm = Salesforce(credentials, base_url=sandbox.base_url, commit_lag_s=300, manner=SalesforceManner(patience=QUICK))
        cursor = list(crm.pages("contacts", None))[-1].cursor
        sandbox.clock.freeze()
        sandbox.clock.advance(3_600)
        made = [sandbox.org.create(sandbox.org.admin_id, "Contact", {"LastName": f"Number {number}"}).id for number in range(MANY)]
        pages = list(crm.pages("contacts", cursor))
        expected = set(made)
        assert {one: times for one, times in ids_of(pages).items() if one in expected} == dict.fromkeys(expected, 1)


def test_somebody_who_is_brought_back_from_the_recycle_bin_is_there_again() -> None:
    """A restored contact comes with the next pull, whether or not the restoring counts as a change."""
    world = make_world(WorldOptions(seed=3, contacts=10, companies=3, months=2, activities_per_contact=2))
    with run_sandbox(world=world, options=SandboxOptions(index_lag=(0.0, 0.0), search_per_second=500)) as sandbox:
        held: set[str] = set()
        manner = Manner(patience=QUICK, threads=2, searches_per_s=400, known=lambda stream: held if stream == "contacts" else [])
        crm = HubSpot(sandbox.token, sandbox.base_url, manner=manner)
        loaded = list(crm.pages("contacts", None))
        held |= set(ids_of(loaded))
        one = min(held, key=int)
        held.discard(one)  # it was archived once, and the lake knows it so
        pages = list(crm.pages("contacts", loaded[-1].cursor))
        assert ids_of(pages) == Counter([one])
