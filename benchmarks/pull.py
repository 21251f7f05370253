"""How near a sync comes to the floor that the CRM's own limit sets, how much memory it takes, and what the next sync costs.

Run: ``python benchmarks/pull.py [--contacts 20000 --companies 2000 --activities-per-contact 5 --latency 80-150 --rate 190 --change 0.01]``.
It starts a sandbox and each sync in a process of its own. The floor is one call for each hundred records at the pace that the limit allows.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = 100
LISTED = ("contacts", "companies", "emails", "calls", "meetings", "communications", "notes", "tickets")


@dataclass(frozen=True)
class Run:
    """One command: how long it took, the most memory it held, and what it answered."""

    seconds: float
    peak_mb: float
    answer: dict[str, Any]


@contextmanager
def sandbox(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A sandbox with made customers in a process of its own; where it answers."""
    wishes = ("contacts", "companies", "activities_per_contact", "latency", "rate", "seed")
    given = [part for name in wishes for part in (f"--{name.replace('_', '-')}", str(getattr(options, name)))]
    command = [sys.executable, "-m", "flows.cli", "sandbox", "--json", "--crm", "hubspot", "--port", "0", *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            yield json.loads(process.stdout.readline() if process.stdout else b"{}")
        finally:
            process.terminate()


def run(*command: str, environment: Mapping[str, str]) -> Run:
    """Run one command of ours, measured from outside."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *command, "--json"], env=dict(environment), stdout=out, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        out.seek(0)
        return Run(seconds, usage.ru_maxrss / 1024, json.loads(out.read()))


def calls_since(base_url: str, first: int) -> list[dict[str, Any]]:
    """The calls that the sandbox has counted after the first so many."""
    with urllib.request.urlopen(f"{base_url}/_sandbox/calls?limit=1000000") as answer:  # noqa: S310 - the sandbox's own address
        found: list[dict[str, Any]] = json.load(answer)["calls"]
    return [call for call in found if call["number"] > first]


def is_read(call: Mapping[str, Any]) -> bool:
    """Whether a call belongs to the pull of records: a list or a search."""
    return bool(re.fullmatch(r"/crm/v\d/objects/\w+(/search)?", call["path"])) and call["path"].split("/")[4] in LISTED


def change(base_url: str, token: str, share: float) -> int:
    """Let a person change this share of the contacts and of the calls in the portal; how many records were changed."""
    number = 0
    for kind, properties in (("contacts", {"jobtitle": "Head of Something New"}), ("calls", {"hs_call_title": "Spoke again"})):
        after, ids = "", []
        while True:
            request = urllib.request.Request(  # noqa: S310 - the sandbox's own address
                f"{base_url}/crm/v3/objects/{kind}?limit=100{after}", headers={"Authorization": f"Bearer {token}"}
            )
            with urllib.request.urlopen(request) as answer:  # noqa: S310 - the same
                page = json.load(answer)
            ids += [record["id"] for record in page["results"]]
            if "paging" not in page or len(ids) * share >= 1_000:
                break
            after = f"&after={page['paging']['next']['after']}"
            time.sleep(0.06)  # this program shares the limit with the sync that comes next
        for record in ids[:: max(round(1 / share), 1)]:
            body = json.dumps({"do": "edit", "type": kind, "id": record, "properties": properties}).encode()
            with urllib.request.urlopen(f"{base_url}/_sandbox/change", data=body) as answer:  # noqa: S310 - the same
                number += answer.status == 200
    return number


def report(name: str, done: Run, calls: list[dict[str, Any]], rate: int) -> int:
    """Print one row; returns how many calls the sync made."""
    by_status = Counter(call["status"] for call in calls)
    reads = [call for call in calls if is_read(call)]
    written = done.answer.get("written", {})
    floor = sum(-(-n // PAGE) for n in Counter(_records(reads)).values()) / (rate / 10)
    times = [_seconds(call["at"]) for call in reads]
    pull = max(times) - min(times) if times else 0.0
    ratio = f"{pull / floor:4.2f} × floor" if floor > 1 else " " * 12
    print(
        f"{name:22}{done.seconds:7.1f} s  pull {pull:6.1f} s {ratio}  {len(calls):6,} calls  {by_status[429]:3} × 429  "
        f"{written.get('cells', 0):9,} cells  {done.peak_mb:6,.0f} MB"
    )
    return len(calls)


def _records(reads: list[dict[str, Any]]) -> Iterator[str]:
    for call in reads:
        yield from [call["path"].split("/")[4]] * call["records_out"]


def _seconds(at: str) -> float:
    hours, minutes, seconds = at.split("T")[1].rstrip("Z").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def measure(options: argparse.Namespace, home: Path) -> None:
    """Set up, sync, sync again, change a little, sync again; one row each."""
    with sandbox(options) as at:
        environment = {**os.environ, "STILLTHERE_HOME": str(home), "HUBSPOT_BASE_URL": at["base_url"], "HUBSPOT_ACCESS_TOKEN": at["token"]}
        run("setup", environment=environment)

        def sync(name: str) -> int:
            first = max((call["number"] for call in calls_since(at["base_url"], 0)), default=0)
            done = run("sync", environment=environment)
            return report(name, done, calls_since(at["base_url"], first), options.rate)

        first = sync("first sync")
        again = sync("straight after")
        print(f"{'':22}{first / again:,.0f} times fewer calls")
        if options.change:
            number = change(at["base_url"], at["token"], options.change)
            time.sleep(10)  # let the limit's window pass
            sync(f"{number:,} records changed")


def main() -> None:
    """Read the options and measure in a home that goes afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--companies", type=int, default=2_000)
    parser.add_argument("--activities-per-contact", type=float, default=5)
    parser.add_argument("--latency", default="80-150", help="delay of each answer in milliseconds")
    parser.add_argument("--rate", type=int, default=190, help="calls allowed in ten seconds")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--change", type=float, default=0.01, help="share of the records that is changed before the third sync; 0: none")
    with tempfile.TemporaryDirectory() as folder:
        measure(parser.parse_args(), Path(folder))


if __name__ == "__main__":
    main()
