"""How fast fields are computed, and in how much memory: transforms alone, on made records, with no CRM and no lake.

Run: ``python benchmarks/compute.py [--contacts 100000 --activities 2000000 --lot 250000 --threads 1]``. The records are drawn at random; their
number and shape count here, not what they say. ``--threads`` computes so many lots at a time.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pandas as pd

from flows.memory import give_back, share_pools
from transforms.compute import Tables, Tally, Values, combine, compute_companies, compute_contacts, tally
from transforms.fields import FIELDS
from transforms.highlights import pick
from transforms.persons import bucket_of, resolve
from transforms.plan import contact_values, plan_cells
from transforms.plays import find_cases
from transforms.policy import Policy
from transforms.vocabulary.changes import STANDING
from transforms.vocabulary.tables import COMPANIES, CONTACTS, STORED_ACTIVITIES, empty_table, to_table

T = TypeVar("T")

AS_OF = pd.Timestamp("2026-11-22", tz="UTC")
MONTHS = 18
KINDS = [
    ("email", "outbound", "sent", 0.47),
    ("email", "inbound", "", 0.25),
    ("email", "outbound", "bounced", 0.01),
    ("email", "inbound", "auto_reply", 0.02),
    ("call", "outbound", "connected", 0.04),
    ("call", "outbound", "no_answer", 0.06),
    ("meeting", "outbound", "held", 0.06),
    ("linkedin", "outbound", "sent", 0.03),
    ("linkedin", "inbound", "", 0.02),
    ("ticket", "inbound", "opened_ticket", 0.04),
]
"""Channel, direction, outcome, and how often they come."""


def make_people(contacts: int, companies: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Contacts, ten at a company, and the companies."""
    ids = pd.Series(np.arange(contacts).astype(str), dtype="str")
    firm = pd.Series((np.arange(contacts) % companies).astype(str), dtype="str")
    people = pd.DataFrame(
        {
            "contact_id": ids,
            "crm": "hubspot",
            "email": "person" + ids + "@firm" + firm + ".example",
            "first_name": "Ana",
            "last_name": "Number " + ids,
            "company_id": firm,
            "owner_id": (np.arange(contacts) % 12).astype(str),
            "created_at": AS_OF - pd.DateOffset(months=MONTHS),
        }
    )
    firms = pd.DataFrame({"company_id": np.arange(companies).astype(str), "crm": "hubspot", "is_customer": True}).assign(
        name=lambda frame: "Firm " + frame["company_id"]
    )
    return to_table(CONTACTS, people), to_table(COMPANIES, firms)


def make_activities(contact_ids: np.ndarray, number: int, seed: int) -> pd.DataFrame:
    """So many activities of these contacts over the months, as the lake keeps them."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(len(KINDS), number, p=[share for *_, share in KINDS])
    channel, direction, outcome = (np.array([row[place] for row in KINDS], dtype=object)[kind] for place in range(3))
    who = rng.choice(contact_ids, number)
    rows = pd.DataFrame(
        {
            "activity_id": [f"{seed}-{place}" for place in range(number)],
            "contact_id": who,
            "crm": "hubspot",
            "occurred_at": AS_OF - pd.to_timedelta(rng.integers(60, MONTHS * 30 * 86_400, number), unit="s"),
            "channel": channel,
            "direction": direction,
            "outcome": pd.Series(outcome).replace("", None),
            "thread_id": "t" + pd.Series(who) + "-" + pd.Series(rng.integers(0, 9, number)).astype(str),
            "actor_id": pd.Series(rng.integers(0, 12, number)).astype(str),
            "kind": pd.Series(np.where(direction == "inbound", "human", None)).mask(outcome == "bounced", "bounce"),
            "is_checkin": np.where((channel == "email") & (direction == "outbound"), rng.random(number) < 0.2, None),
        }
    )
    return to_table(STORED_ACTIVITIES, rows)


def peak_mb() -> float:
    """The most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], T], spent: list[float]) -> T:
    """The result of ``work``; how long it took is added to ``spent``."""
    began = time.perf_counter()
    result = work()
    spent.append(time.perf_counter() - began)
    return result


def measure(contacts: int, activities: int, lot_rows: int, threads: int) -> None:
    """Make each lot, survey it, then make it again and compute it, as a run reads each lot twice; making is not counted."""
    people, firms = make_people(contacts, max(contacts // 10, 1))
    number = max(round(activities / lot_rows), 1)
    lot_of = bucket_of(resolve(people)["person_id"], number)
    policy, before = Policy(), peak_mb()
    times: dict[str, list[float]] = {"made": [], "survey": [], "fields": [], "cases": [], "cells": []}
    standing, cells = empty_table(STANDING), 0

    def tables(lot: int) -> Tables:
        mine = people[lot_of == lot].reset_index(drop=True)
        return Tables(mine, timed(lambda: make_activities(mine["contact_id"].to_numpy(), activities // number, lot), times["made"]), firms)

    def survey(lot: int) -> Tally:
        lot_tables = tables(lot)
        counts = timed(lambda: tally(lot_tables, AS_OF, policy), times["survey"])
        give_back()
        return counts

    def compute(lot: int) -> tuple[pd.DataFrame, int]:
        lot_tables = tables(lot)
        done = timed(lambda: compute_contacts(lot_tables, org, AS_OF, policy), times["fields"])
        timed(lambda: (find_cases(done, firms), pick(done, firms)), times["cases"])
        values = contact_values(Values(done.persons, done.members, done.company_parts))
        planned = timed(lambda: plan_cells({"contacts": values}, standing, FIELDS), times["cells"])
        give_back()
        return done.company_parts, len(planned)

    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        org = combine(list(pool.map(survey, range(number))))
        computed = list(pool.map(compute, range(number)))
    parts, cells = pd.concat([part for part, _ in computed], ignore_index=True), sum(size for _, size in computed)
    companies = timed(lambda: compute_companies(firms, parts, org, AS_OF, policy), times.setdefault("companies", []))
    wall = time.perf_counter() - began
    counted = sum(sum(spent) for name, spent in times.items() if name != "made")

    print(
        f"{contacts:,} contacts · {activities:,} activities · {number} lots, {threads} at a time · {cells:,} cells · {len(companies):,} companies"
    )
    for name, spent in times.items():
        print(f"  {name:10}{sum(spent):8.1f} s   {sum(spent) / activities * 1e6:6.1f} s a million activities")
    print(f"  {'wall':10}{wall:8.1f} s   with the making of records; {counted / activities * 1e6:.1f} s a million activities without")
    print(f"  peak      {peak_mb():8,.0f} MB   {before:,.0f} MB of them before the first lot")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--activities", type=int, default=100_000)
    parser.add_argument("--lot", type=int, default=250_000, help="activities that are computed at once")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    share_pools()
    measure(options.contacts, options.activities, options.lot, options.threads)


if __name__ == "__main__":
    main()
