"""Whether a plan changes more than a run should change unseen: states of many, fields of many emptied, very many tasks. Pure."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping

import orjson
import pandas as pd

from transforms.crms import crm_name
from transforms.policy import Policy

Held = Mapping[tuple[str, str, str], int]
"""How many records hold something in a field: CRM, table and field to their number."""

STATE = "engagement_state"

COMES_AND_GOES = frozenset({"absent_until", "silent_since", "unanswered_since", "checkin_share_90d", "email_share_90d"})
"""These end by themselves: on the Monday after a holiday all absences are over at once, and of somebody whom nobody writes to for a quarter there is no
share of anything. No guard counts them."""

UNKNOWN = "unknown"

_PLACE = ["crm", "table", "field"]
_RECORD = ["crm", "table", "record_id"]


def allowed_for(policy: Policy, pause: pd.Timedelta) -> Policy:
    """The policy after a pause of the runs: what piles up in it grows with the root of its length, and so do the shares that are allowed.

    On made customers 10 % of the states change in a week, 22 % in three weeks and 40 % in two months.
    """
    growth = max(1.0, float(pause / pd.Timedelta(days=policy.guard_pause_days)) ** 0.5)
    return dataclasses.replace(policy, guard_states=policy.guard_states * growth, guard_emptied=policy.guard_emptied * growth)


def might_trip(cells: pd.DataFrame, policy: Policy) -> bool:
    """Whether so many cells change or become empty that it is worth counting how many records hold something."""
    least = policy.guard_from_records
    states, emptied = _changed_states(cells), _emptied(cells)
    many = [len(states) > policy.guard_states * least, bool((emptied > policy.guard_emptied * least).any())]
    return any(many)


def count_held(standing: Iterable[pd.DataFrame]) -> Counter[tuple[str, str, str]]:
    """How many records of these STANDING rows hold something in each field."""
    held: Counter[tuple[str, str, str]] = Counter()
    for rows in standing:
        for (crm, table), part in rows.groupby(["crm", "table"]):
            for text in part["values"]:
                held.update((str(crm), str(table), name) for name, value in orjson.loads(text).items() if value)
    return held


def find_trips(cells: pd.DataFrame, create: pd.DataFrame, held: Held, policy: Policy) -> list[str]:
    """One sentence, without its full stop, for each guard that this plan trips; none, where the plan is an ordinary one.

    A first value is no change of state, so a first sync trips nothing but the guard on tasks. Where a source fell silent, or delivers again, states
    become unknown or known and scores go or come: ``coverage`` tells that on the record and an alert tells the admin, so these do not count.
    Each CRM is judged by itself. Records that the plan itself says hold something count as such, also where ``held`` does not know them.
    """
    return [*_states(cells, held, policy), *_fields(cells, held, policy), *_tasks(create, policy)]


def _states(cells: pd.DataFrame, held: Held, policy: Policy) -> list[str]:
    trips = []
    for crm, changed in _changed_states(cells).groupby("crm").size().items():
        known = max(held.get((str(crm), "contacts", STATE), 0), changed)
        if known >= policy.guard_from_records and changed > policy.guard_states * known:
            trips.append(
                f"{STATE} would change on {changed:,} of {known:,} contacts in {crm_name(str(crm))} ({changed / known:.0%}; "
                f"guard_states allows {policy.guard_states:.0%})"
            )
    return trips


def _fields(cells: pd.DataFrame, held: Held, policy: Policy) -> list[str]:
    trips = []
    for (crm, table, name), emptied in _emptied(cells).items():
        known = max(held.get((crm, table, name), 0), emptied)
        if known >= policy.guard_from_records and emptied > policy.guard_emptied * known:
            trips.append(
                f"{name} would become empty on {emptied:,} of the {known:,} {table} in {crm_name(crm)} that hold it ({emptied / known:.0%}; "
                f"guard_emptied allows {policy.guard_emptied:.0%})"
            )
    return trips


def _tasks(create: pd.DataFrame, policy: Policy) -> list[str]:
    if len(create) <= policy.guard_tasks:
        return []
    return [f"{len(create):,} tasks would be created (guard_tasks allows {policy.guard_tasks:,})"]


def _changed_states(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells in which a known state gives way to another one."""
    states = cells[(cells["table"] == "contacts") & (cells["field"] == STATE) & cells["old"].notna() & cells["new"].notna()]
    return states[(states["old"] != UNKNOWN) & (states["new"] != UNKNOWN)]


def _emptied(cells: pd.DataFrame) -> pd.Series:
    """How many cells of each field become empty, though we hear as well as before."""
    gone = cells[cells["old"].notna() & cells["new"].isna() & ~cells["field"].isin(COMES_AND_GOES)]
    deaf = cells[(cells["field"] == "coverage") & cells["old"].notna()] if len(gone) else gone
    is_deaf = pd.MultiIndex.from_frame(gone[_RECORD]).isin(pd.MultiIndex.from_frame(deaf[_RECORD]))
    return gone[~is_deaf].groupby(_PLACE).size()
