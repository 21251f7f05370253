"""How fast the lake is, and how much of that is ours: each step beside the same rows through delta-rs alone.

Run: ``python benchmarks/lake.py [--activities 1000000]``. Times are wall times in seconds; the ratio is what counts, for machines differ.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake

from store.lake import Lake, Part
from store.sheets import Sheet
from store.versions import KEPT
from store.writer import LakeWriter
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

PAGE = 1_000
COMMIT = 50_000


def pages(activities: int, contacts: int) -> list[pd.DataFrame]:
    """Canonical pages of e-mails, sent and received by turns over two years."""
    rng = np.random.default_rng(1)
    start = pd.Timestamp("2024-11-22", tz="UTC")
    made = []
    for first in range(0, activities, PAGE):
        ids = np.arange(first, min(first + PAGE, activities))
        rows = pd.DataFrame(
            {
                "activity_id": ids.astype(str),
                "contact_id": rng.integers(0, contacts, len(ids)).astype(str),
                "crm": "hubspot",
                "occurred_at": start + pd.to_timedelta(rng.integers(0, 730 * 86_400, len(ids)), unit="s"),
                "channel": "email",
                "direction": np.where(ids % 3 == 0, "inbound", "outbound"),
                "thread_id": (ids // 4).astype(str),
                "outcome": "sent",
                "is_automated": ids % 10 == 0,
            }
        )
        made.append(to_table(STORED_ACTIVITIES, rows))
    return made


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peak_mb() -> float:
    """The most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_plain(folder: Path, frames: list[pd.DataFrame], buckets: int) -> None:
    """The same rows in the same commits and partitions, with nothing of ours."""
    for first in range(0, len(frames), COMMIT // PAGE):
        rows = pd.concat(frames[first : first + COMMIT // PAGE], ignore_index=True)
        rows["bucket"] = rows["contact_id"].astype("int64") % buckets
        write_deltalake(str(folder), pa.Table.from_pandas(rows, preserve_index=False), mode="append", partition_by=["bucket"])


def write_lake(lake: Lake, frames: list[pd.DataFrame]) -> None:
    """All pages through the lake's buffer, each with its cursor."""
    with LakeWriter(lake, "activities", crm="hubspot", rows=COMMIT, seconds=3600) as writer:
        for number, rows in enumerate(frames):
            writer.add(Part(rows, cursor=str(number)))


def measure(activities: int, contacts: int, folder: Path) -> None:
    """Write, read and tidy, and print each step."""
    frames = pages(activities, contacts)
    print(f"{activities:,} activities of {contacts:,} contacts · {len(frames):,} pages · {peak_mb():,.0f} MB before")
    lake = Lake.open(folder / "lake")
    people = to_table(CONTACTS, pd.DataFrame({"contact_id": np.arange(contacts).astype(str), "crm": "hubspot"}))
    homes = pd.Series(np.arange(contacts) % lake.buckets)
    spent = seconds(lambda: lake.append("contacts", people, crm="hubspot", persons=people["contact_id"], buckets=homes))
    print(f"contacts written         {spent:8.2f} s")

    plain = seconds(lambda: write_plain(folder / "plain", frames, lake.buckets))
    ours = seconds(lambda: write_lake(lake, frames))
    size = sum(file.stat().st_size for file in (folder / "lake" / "activities").rglob("*.parquet")) / 2**20
    print(f"activities written       {ours:8.2f} s   {ours / plain:5.2f} × delta-rs alone ({plain:.2f} s)   {size:,.0f} MB on disk")

    sheet: Sheet = lake.sheet(KEPT["activities"].name)
    read_plain = seconds(lambda: DeltaTable(folder / "plain").to_pyarrow_table(filters=ds.field("bucket") == 3).to_pandas())
    for state in ("as written", "compacted"):
        ours = min(seconds(lambda: lake.read("activities", 3)) for _ in range(3))
        rows = len(lake.read("activities", 3, ["crm"]))
        print(
            f"a bucket read, {state:10}{ours:8.2f} s   {ours / read_plain:5.2f} × delta-rs alone   {rows:,} rows in {sheet.files()} files"
        )
        if state == "as written":
            print(f"compacted                {seconds(lambda: lake.compact('activities')):8.2f} s")
    print(f"index of all contacts    {seconds(lake.index):8.2f} s")
    print(f"ten contacts erased      {seconds(lambda: lake.erase('hubspot', [str(n) for n in range(10)])):8.2f} s")
    print(f"peak memory              {peak_mb():8,.0f} MB")


def main() -> None:
    """Read the options and measure in a folder that goes afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activities", type=int, default=1_000_000)
    parser.add_argument("--contacts", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options.activities, options.contacts, Path(folder))


if __name__ == "__main__":
    main()
