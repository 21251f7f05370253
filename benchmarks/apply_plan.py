"""What applying a kept plan takes, and taking that run back: time, processor, memory and calls.

Run: ``python -m benchmarks.apply_plan [--records 100000]``. The portal is the sandbox's, without latency and in the process that measures; each
command runs in a process of its own. Five fields of each contact are written.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
import pandas as pd

from connectors.hubspot import HubSpot
from flows.plan_files import KeptPlan, write_plan
from flows.planning import Plan
from sandbox.loader import Tables
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from transforms.fields import FIELDS
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.tables import ACTIVITIES, CONTACTS, empty_table, to_table

VALUES = {
    "engagement_state": "quiet",
    "why": "Usually writes every 9 days; nothing for 47. Three e-mails unanswered since 6 October, two of them check-ins.",
    "silent_since": "2026-10-01",
    "last_heard_at": "2026-10-01T09:00:00Z",
    "usual_gap_days": "9",
}
OPTIONS = SandboxOptions(burst=1_000_000, daily=10_000_000, index_lag=(0.0, 0.0))


def plan_for(sandbox: Sandbox, account: str) -> Plan:
    """A first value in five fields of every contact."""
    ids = sandbox.portal.snapshot()["contacts"]
    cells = pd.concat(
        [
            pd.DataFrame({"crm": "hubspot", "table": "contacts", "record_id": list(ids), "field": name, "old": None, "new": new})
            for name, new in VALUES.items()
        ]
    ).assign(reason="first value for this contact")
    return Plan(
        pd.Timestamp("2026-11-23 10:00", tz="UTC"), {"hubspot": account}, to_table(CELLS, cells), empty_table(TASKS), empty_table(TASKS)
    )


def peak_kb(pid: int) -> int:
    """The most memory that a process has held so far. What wait4 says would be this process's own, which starts the other as a copy of itself."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def measure(name: str, sandbox: Sandbox, environment: dict[str, str], *command: str) -> None:
    """Run one command of ours and print what it took."""
    last, began = sandbox.calls.last_number, time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([sys.executable, "-m", "flows.cli", *command, "--json"], env=environment, stdout=out)
        peak = 0
        while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
            peak = max(peak, peak_kb(process.pid))
            time.sleep(0.1)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        told = orjson.loads(out.read())
    cells = told["written"]["cells"] if "written" in told else told["cells"]["restored"]
    print(
        f"{name:28}{time.perf_counter() - began:7.1f} s  {usage.ru_utime + usage.ru_stime:6.1f} s of processor  {peak / 1024:6.0f} MB  "
        f"{sandbox.calls.last_number - last:6,} calls  {cells:9,} cells  exit {process.returncode}",
        flush=True,
    )


def main() -> None:
    """Apply, apply again, take back, take back again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    records = parser.parse_args().records
    contacts = to_table(CONTACTS, [{"contact_id": f"c{n}", "crm": "hubspot", "first_name": f"Name {n}"} for n in range(records)])
    with tempfile.TemporaryDirectory() as folder, run_sandbox(world=Tables(contacts, empty_table(ACTIVITIES)), options=OPTIONS) as sandbox:
        crm = HubSpot(sandbox.token, sandbox.base_url, FIELDS)
        crm.create_fields(crm.pending_fields(FIELDS))
        file = Path(folder) / "plan.json"
        write_plan(KeptPlan(plan_for(sandbox, crm.greet().account)), file)
        print(f"{records:,} contacts; the plan has {file.stat().st_size / 1e6:.0f} MB", flush=True)
        environment = {
            **os.environ,
            "STILLTHERE_HOME": str(Path(folder) / "home"),
            "HUBSPOT_BASE_URL": sandbox.base_url,
            "HUBSPOT_ACCESS_TOKEN": sandbox.token,
        }
        measure("backfill", sandbox, environment, "backfill", "--since", "2026-01-01")
        measure("sync --plan", sandbox, environment, "sync", "--plan", str(file))
        measure("sync --plan again", sandbox, environment, "sync", "--plan", str(file))
        measure("revert --dry-run", sandbox, environment, "revert", "last", "--dry-run")
        measure("revert", sandbox, environment, "revert", "last")
        measure("revert again", sandbox, environment, "revert", "last")


if __name__ == "__main__":
    main()
