"""How long ``stillthere score`` takes from files to file, and how much memory: the whole command in a process of its own.

Run: ``python -m benchmarks.score [--contacts 100000 --activities 2000000 --ending parquet]``. The records are drawn at random (see
``benchmarks/compute.py``); a twentieth of the mails that came in has a subject and a body. With ``--texts`` they are those of made customers
(docs/made-customers.md), 65 a contact, where every mail has its subject and text in one of seven languages; once read with texts, once without.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
import pandas as pd

from benchmarks.compute import AS_OF, make_activities, make_people
from connectors.files import put_file
from sandbox.world import WorldOptions, make_world

P = ParamSpec("P")
T = TypeVar("T")

LINES = (
    "Thanks for the update, we look at the numbers of item {} and come back to you.",
    "I am out of the office until 30 November 2026. Please write to desk{}@firm1.example.",
    "Could you send the report on {} once more?",
)
SHARE_WITH_TEXT = 0.05


def make_files(folder: Path, contacts: int, activities: int, ending: str) -> tuple[Path, Path]:
    """Both files of made records."""
    people, _ = make_people(contacts, max(contacts // 10, 1))
    rows = make_activities(people["contact_id"].to_numpy(), activities, seed=1)
    rng = np.random.default_rng(2)
    has_text = (rows["channel"] == "email") & (rows["direction"] == "inbound") & (rng.random(activities) < SHARE_WITH_TEXT)
    texts = [LINES[place % len(LINES)].format(place) for place in np.flatnonzero(has_text)]
    columns = ("activity_id", "contact_id", "crm", "occurred_at", "channel", "direction", "outcome", "actor_id", "thread_id")
    told = rows[list(columns)].assign(subject=pd.Series(index=rows.index, dtype="str"), body=pd.Series(index=rows.index, dtype="str"))
    told.loc[has_text, "subject"], told.loc[has_text, "body"] = "Re: report", texts
    paths = folder / f"contacts.{ending}", folder / f"activities.{ending}"
    for frame, path in zip((people, told), paths, strict=True):
        put_file(frame.dropna(axis=1, how="all"), path)
    return paths


def make_told(folder: Path, contacts: int, ending: str, with_texts: bool) -> tuple[Path, Path, int]:  # noqa: FBT001 - handed on by place
    """Both files of made customers, and how many activities there are."""
    world = make_world(WorldOptions(contacts=contacts, companies=max(contacts // 10, 1)))
    rows = world.activities if with_texts else world.activities.drop(columns=["subject", "body", "headers"])
    paths = folder / f"contacts.{ending}", folder / f"activities.{ending}"
    for frame, path in zip((world.contacts, rows), paths, strict=True):
        put_file(frame.dropna(axis=1, how="all"), path)
    return *paths, len(rows)


def apart(make: Callable[P, T], *arguments: P.args, **words: P.kwargs) -> T:
    """Make the files in a process of its own: the most that this one ever held would be counted as the command's, which is begun from it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(make, *arguments, **words).result()


def held_mb(process: int) -> float:
    """What a process and its children hold now, in MB; 0 where the system does not tell."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
        pages = [int(Path(f"/proc/{one}/statm").read_text(encoding="ascii").split()[1]) for one in (str(process), *children)]
    except (OSError, IndexError):
        return 0.0
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(contacts: int, activities: int, ending: str) -> None:
    """Make the files, run the command, and print one line."""
    with tempfile.TemporaryDirectory() as folder:
        people, rows = apart(make_files, Path(folder), contacts, activities, ending)
        run(people, rows, ending, f"{contacts:,} contacts · {activities:,} activities")


def measure_texts(contacts: int, ending: str) -> None:
    """The same of made customers, with the texts of all their mails and without them; one line each."""
    for with_texts in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            people, rows, number = apart(make_told, Path(folder), contacts, ending, with_texts)
            run(people, rows, ending, f"{contacts:,} contacts · {number:,} activities {'with texts' if with_texts else 'without'}")


def run(people: Path, rows: Path, ending: str, told: str) -> None:
    """Run the command on two files, and print one line."""
    command = ["score", "--contacts", str(people), "--activities", str(rows), "--as-of", AS_OF.isoformat(), "--out"]
    peaks, is_done = [0.0], threading.Event()
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "flows.cli", *command, str(people.with_name(f"out.{ending}"))])

    def watch() -> None:
        while not is_done.wait(0.2):
            peaks.append(held_mb(process.pid))

    threading.Thread(target=watch, daemon=True).start()
    _, status, usage = os.wait4(process.pid, 0)
    is_done.set()
    wall, used = time.perf_counter() - began, usage.ru_utime + usage.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    print(
        f"{told} · {ending} · exit {process.returncode} · {wall:.1f} s wall · {used:.1f} s CPU · "
        f"{max(peaks):,.0f} MB in all processes, {usage.ru_maxrss / 1024:,.0f} MB in the largest"
    )


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--activities", type=int, default=2_000_000)
    parser.add_argument("--ending", choices=("parquet", "csv"), default="parquet")
    parser.add_argument("--texts", action="store_true", help="made customers with the texts of all their mails")
    options = parser.parse_args()
    if options.texts:
        measure_texts(options.contacts, options.ending)
        return
    measure(options.contacts, options.activities, options.ending)


if __name__ == "__main__":
    main()
