"""How the pull of a Salesforce org compares with a plain loop over the client library's ``bulk2``: time, calls and memory, in the same run.

Run: ``python benchmarks/pull_salesforce.py [--contacts 20000 --accounts 4000 --emails 40000 --calls 5000 --meetings 15000 --latency 80-150 --job 3]``.
It starts a sandbox and each way of reading in a process of its own. Each e-mail is an EmailMessage with a Task beside it, as in an org with
Enhanced Email, so the default org has 20,000 contacts and 100,000 activities. The plain loop reads the same fields of the same five large
objects one after the other, as the library's documentation shows, and keeps the rows; ours also reads users, leads, participants, cases and
comments, and makes canonical rows of all of it. Then ours pulls again, with nothing changed and with some changes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import requests
from simple_salesforce.api import Salesforce as Library

from connectors.salesforce import Credentials, Salesforce
from connectors.salesforce.session import LoopbackAdapter
from connectors.salesforce.streams import COMPANIES, CONTACTS, EMAILS, EVENTS, TASKS
from sandbox.options import SandboxOptions
from sandbox.running import run_sandbox
from sandbox.salesforce.options import OrgOptions
from transforms.vocabulary.tables import ACTIVITIES, to_table
from transforms.vocabulary.tables import COMPANIES as COMPANIES_TABLE
from transforms.vocabulary.tables import CONTACTS as CONTACTS_TABLE

PULLED = ("owners", "contacts", "companies", "activities")
BODY = "Dear all, thank you for the call on Tuesday. As agreed we send you the figures of the last quarter. " * 8


class Customers:
    """Canonical tables of customers with as many activities of each kind as are wanted."""

    def __init__(self, wanted: argparse.Namespace) -> None:
        start = pd.Timestamp("2026-03-01", tz="UTC")
        people = [f"c{number}" for number in range(wanted.contacts)]
        firms = [f"f{number}" for number in range(wanted.accounts)]
        self.owners = None
        self.companies = to_table(
            COMPANIES_TABLE, [{"company_id": one, "name": f"Firm {one}", "domain": f"{one}.example"} for one in firms]
        )
        self.contacts = to_table(
            CONTACTS_TABLE,
            [
                {"contact_id": one, "email": f"{one}@x.example", "last_name": one, "title": "Head", "company_id": firms[place % len(firms)]}
                for place, one in enumerate(people)
            ],
        )
        rows = []
        kinds = (("email", wanted.emails), ("call", wanted.calls), ("meeting", wanted.meetings))
        for channel, count in kinds:
            for number in range(count):
                is_theirs = channel == "email" and number % 4 == 0
                rows.append(
                    {
                        "activity_id": f"{channel}{number}",
                        "contact_id": people[(number * 7919) % len(people)],
                        "occurred_at": start + pd.Timedelta(minutes=5 * (number % 70_000)),
                        "channel": channel,
                        "direction": "inbound" if is_theirs else "outbound",
                        "outcome": {"call": "connected", "meeting": "held"}.get(channel),
                        "subject": f"Figures {number}",
                        "body": BODY,
                    }
                )
        self.activities = to_table(ACTIVITIES, rows)


def serve(wanted: argparse.Namespace) -> None:
    """Keep a sandbox open until the standard input ends; say where it is."""
    low, _, high = wanted.latency.partition("-")
    org = OrgOptions(bulk_job_s=(wanted.job, wanted.job))
    options = SandboxOptions(latency_ms=(float(low), float(high or low)), org=org, now=pd.Timestamp("2026-11-22T09:00Z").to_pydatetime())
    with run_sandbox(salesforce=Customers(wanted), options=options) as sandbox:
        print(json.dumps({"base_url": sandbox.base_url}), flush=True)
        for line in sys.stdin:
            ids = [one for one in sandbox.org.store("Contact").rows if not line.startswith("calls")][
                : int(line) if line.strip().isdigit() else 0
            ]
            for one in ids:
                sandbox.org.update(sandbox.org.admin_id, sandbox.org.store("Contact").rows[one], {"Title": "Changed"})
            print(json.dumps({"calls": len(sandbox.calls)}), flush=True)


@contextmanager
def served() -> Iterator[tuple[str, Any]]:
    """A sandbox in a process of its own: its address, and a function that changes so many contacts and counts the calls so far."""
    command = [sys.executable, __file__, *sys.argv[1:], "--do", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None  # noqa: S101 - it was asked for
        assert process.stdout is not None  # noqa: S101 - the same
        address = json.loads(process.stdout.readline())["base_url"]

        def tell(word: str) -> int:
            process.stdin.write(f"{word}\n")  # type: ignore[union-attr]  # asserted above
            process.stdin.flush()  # type: ignore[union-attr]  # the same
            return int(json.loads(process.stdout.readline())["calls"])  # type: ignore[union-attr]  # the same

        try:
            yield address, tell
        finally:
            process.stdin.close()
            process.terminate()


def ours(base_url: str, cursors: dict[str, str]) -> dict[str, Any]:
    """Pull everything, or what changed."""
    own = OrgOptions()
    crm = Salesforce(Credentials(own.domain, own.consumer_key, own.consumer_secret), base_url)
    rows, after = {}, {}
    for table in PULLED:
        rows[table] = 0
        for page in crm.pages(table, cursors.get(table)):
            rows[table] += len(page.rows)
            after[table] = page.cursor
    return {"rows": rows, "cursors": after, "purposes": crm.calls()}


def plain(base_url: str) -> dict[str, Any]:
    """The library's own loop over five objects."""
    own = OrgOptions()
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", LoopbackAdapter(base_url))
    library = Library(consumer_key=own.consumer_key, consumer_secret=own.consumer_secret, domain=own.domain, session=session)
    shown = {
        name: {one["name"] for one in getattr(library, name).describe()["fields"]}
        for name in ("Contact", "Account", "Task", "Event", "EmailMessage")
    }
    held, rows = [], {}
    for stream in (CONTACTS, COMPANIES, TASKS, EVENTS, EMAILS):
        names = [name for name in stream.fields if name in shown[stream.object]]
        found: list[dict[str, str]] = []
        for text in getattr(library.bulk2, stream.object).query(f"SELECT {', '.join(names)} FROM {stream.object}"):  # noqa: S608 - SOQL of our own names
            found += csv.DictReader(io.StringIO(text))
        rows[stream.object] = len(found)
        held.append(found)
    return {"rows": rows, "describes": len(shown)}


def measured(do: str, base_url: str, cursors: dict[str, str] | None = None) -> dict[str, Any]:
    """Run one way of reading in a process of its own: what it answered, seconds, and the most memory it held beyond an idle one, in MB."""
    command = [sys.executable, __file__, "--do", do, "--base-url", base_url]
    began = time.perf_counter()
    done = subprocess.run(command, input=json.dumps(cursors or {}), capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**answer, "whole_s": time.perf_counter() - began}


def work(do: str, base_url: str) -> None:
    """In the process of its own: read, and print what came, how long it took and how much memory it needed."""
    cursors = json.loads(sys.stdin.read() or "{}")
    before, began = _peak_mb(), time.perf_counter()
    answer = plain(base_url) if do == "plain" else ours(base_url, cursors)
    print(json.dumps({**answer, "seconds": time.perf_counter() - began, "peak_mb": _peak_mb(), "idle_mb": before}))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(wanted: argparse.Namespace) -> None:
    """One row for each way of reading."""
    with served() as (base_url, tell):
        shown: dict[str, dict[str, Any]] = {}

        def row(name: str, do: str, cursors: dict[str, str] | None = None) -> dict[str, Any]:
            first = tell("calls")
            found = measured(do, base_url, cursors)
            found["calls"] = tell("calls") - first
            shown[name] = found
            more = found["peak_mb"] - found["idle_mb"]
            print(
                f"{name:24}{found['seconds']:7.1f} s {found['calls']:4} calls {found['peak_mb']:6.0f} MB ({more:4.0f} above idle)  {found['rows']}"
            )
            return found

        loop = row("plain bulk2 loop", "plain")
        first = row("first pull", "ours")
        again = row("straight after", "ours", first["cursors"])
        tell(str(wanted.change))
        row(f"{wanted.change} contacts changed", "ours", again["cursors"])
        ratio = {name: first[name] / loop[name] for name in ("seconds", "calls", "peak_mb")}
        print(
            f"first pull / plain loop: {ratio['seconds']:.2f} of the time, {ratio['calls']:.2f} of the calls, {ratio['peak_mb']:.2f} of the memory"
        )


def main() -> None:
    """Read the options; measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--accounts", type=int, default=4_000)
    parser.add_argument("--emails", type=int, default=40_000)
    parser.add_argument("--calls", type=int, default=5_000)
    parser.add_argument("--meetings", type=int, default=15_000)
    parser.add_argument("--latency", default="80-150", help="delay of each answer in milliseconds")
    parser.add_argument("--job", type=float, default=3.0, help="how long a bulk job takes, in seconds")
    parser.add_argument("--change", type=int, default=200, help="how many contacts are changed before the last pull")
    parser.add_argument("--do", choices=("report", "serve", "ours", "plain"), default="report", help=argparse.SUPPRESS)
    parser.add_argument("--base-url", default="", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.do == "serve":
        serve(wanted)
    elif wanted.do == "report":
        report(wanted)
    else:
        work(wanted.do, wanted.base_url)


if __name__ == "__main__":
    main()
