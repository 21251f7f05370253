"""How many calls a write into Salesforce costs, in composite calls and as a bulk job: the figures behind BULK_FROM.

Run it with ``python benchmarks/write_salesforce.py``. The org is the sandbox's; a job's duration passes on its clock, not on ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.limiter import Limiter
from connectors.salesforce import Credentials
from connectors.salesforce.bulk import Bulk, Pace
from connectors.salesforce.bulk_writing import write_in_bulk
from connectors.salesforce.client import COLLECTION_LIMIT, Client, parts
from connectors.salesforce.writing import BULK_FROM, write_collection
from connectors.sending import Patience
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.options import OrgOptions

SIZES = (200, 1_000, 1_400, 2_000, 5_000, 20_000)
DURATIONS_S = (1.0, 10.0, 60.0, 300.0)


def client_of(sandbox: Sandbox) -> Client:
    """A client of the sandbox's org."""
    org = sandbox.org.org
    credentials = Credentials(org.domain, org.consumer_key, org.consumer_secret)
    return Client(credentials, base_url=sandbox.base_url, limiter=Limiter(limit=100_000), patience=Patience())


def calls_of(client: Client, work: Any) -> int:
    """How many calls some work costs."""
    before = sum(client.calls.values())
    work()
    return sum(client.calls.values()) - before


def in_collections(client: Client, records: Sequence[dict[str, Any]]) -> None:
    """Two hundred records a call."""
    for some in parts(records, COLLECTION_LIMIT):
        write_collection(client, "Contact", some)


def main() -> None:
    """Print one line for each number of records."""
    print(f"calls for writing one field of so many contacts; BULK_FROM is {BULK_FROM:,}")
    print(f"{'records':>8} {'collections':>12} " + " ".join(f"{f'job of {seconds:.0f} s':>12}" for seconds in DURATIONS_S))
    for size in SIZES:
        told = []
        for seconds in DURATIONS_S:
            with run_sandbox(options=SandboxOptions(org=OrgOptions(bulk_job_s=(seconds, seconds)))) as sandbox:
                org = sandbox.org
                ids = [org.import_record("Contact", {"LastName": f"Contact {number}"}).id for number in range(size)]
                records = [{"attributes": {"type": "Contact"}, "id": one, "Title": "New"} for one in ids]
                client = client_of(sandbox)
                client.session.sign_in()
                bulk = Bulk(client, Pace(sleep=sandbox.clock.advance))
                if not told:
                    told.append(calls_of(client, lambda: in_collections(client, records)))  # noqa: B023 - called at once
                told.append(calls_of(client, lambda: list(write_in_bulk(client, bulk, "Contact", records))))  # noqa: B023 - the same
        print(f"{size:>8,} {told[0]:>12} " + " ".join(f"{one:>12}" for one in told[1:]))


if __name__ == "__main__":
    main()
