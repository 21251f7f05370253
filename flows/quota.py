"""The calls of a run: forecast before, counted while it goes on, compared after; and the day's reserve, kept over all runs of a day.

A CRM that does not tell how many calls are left is not guessed about: its calls are forecast and counted, and compared with nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from connectors.limiter import Day, Quota
from transforms.crms import crm_name
from transforms.vocabulary.errors import QuotaSpent, StillThereError

if TYPE_CHECKING:
    from flows.work import Work
    from transforms.vocabulary.changes import Checkup

TABLES = ("owners", "companies", "contacts", "activities")
WRITING = ("write", "tasks", "setup")
"""Purposes of calls that depend on a plan. All others are forecast before the pull."""

LOOKED_BACK = 30
"""So many runs are looked at for what a pull took."""

PULLS = 5
"""A pull is forecast as the middle one of so many."""

LAST_RUNS, ESTIMATE, LEAST, NOTHING = "last runs", "estimate", "least", "nothing"


@dataclass
class Forecast:
    """What a run is expected to take of one CRM's calls, by purpose; ``source`` says from what that is known. ``is_load``: all is read anew."""

    calls: dict[str, int] = field(default_factory=dict)
    source: str = NOTHING
    is_load: bool = False

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.calls.values())


@dataclass
class QuotaBook:
    """What a run knows of calls, CRM by CRM: what the pulls before took, and what this one is expected to take."""

    pulls: dict[str, list[dict[str, int]]] = field(default_factory=dict)
    forecasts: dict[str, Forecast] = field(default_factory=dict)
    warned: set[tuple[str, str]] = field(default_factory=set)


def take_up(work: Work, checkups: Mapping[str, Checkup]) -> dict[str, Any]:
    """Take up the day of each CRM as the runs before knew it, and remember what their pulls took. Gives what is kept of that with this run."""
    past = _past(work)
    kept = {}
    for name, checkup in checkups.items():
        crm = work.crms[name]
        told = [one[name] for one in past if name in one and one[name].get("account") == checkup.account]
        day = next((found for one in told if (found := _day(one.get("day"))) is not None), None)
        if day is not None:
            crm.resume(day)
        pulls = [one["used"] for one in told if one.get("is_whole") and not one.get("is_load")][:PULLS]
        work.quota.pulls[name] = [{purpose: n for purpose, n in used.items() if purpose not in WRITING} for used in pulls]
        kept[name] = {"account": checkup.account, "day": _to_data(crm.quota().day)}
    return kept


def forecast_pull(work: Work, name: str, start: datetime | None = None) -> None:
    """Forecast what reading one CRM takes; say so where it is more than is ours.

    Of changes: from the last pulls, and where there were none, what a pull takes at least. Where all is read, or history: from how much there is.
    """
    crm, found = work.crms[name], work.quota.forecasts.setdefault(name, Forecast())
    found.is_load = any(work.lake.cursor(name, table, track=_track(table, start)) is None for table in TABLES)
    pulls = work.quota.pulls.get(name, [])
    if pulls and not found.is_load:
        purposes = sorted({purpose for used in pulls for purpose in used})
        found.calls |= {purpose: round(median(used.get(purpose, 0) for used in pulls)) for purpose in purposes}
        needed, found.source = found.total, LAST_RUNS
    elif found.is_load or start is not None:
        estimates = [one for of in TABLES for one in crm.estimate(of, work.lake.cursor(name, of, track=_track(of, start)), start)]
        found.calls, found.source = crm.calls(), ESTIMATE  # asking took calls too
        needed = _add(found.calls, [one.purposes for one in estimates])
    else:
        found.calls, found.source = crm.calls(), LEAST
        needed = _add(found.calls, [crm.least_calls()])
    _warn(work, name, "reading", needed)


def forecast_writes(work: Work, cells: pd.DataFrame, create: pd.DataFrame, update: pd.DataFrame) -> None:
    """Forecast what writing a plan takes, now that it is known; say so where it is more than is ours."""
    records = cells[["crm", "table", "record_id"]].drop_duplicates()  # the cells are many, and how many calls they take the records tell
    for name, crm in work.crms.items():
        found = work.quota.forecasts.setdefault(name, Forecast())
        calls = crm.estimate_writes(*(frame[frame["crm"] == name] for frame in (records, create, update)))
        found.calls |= calls
        _warn(work, name, "writing", sum(calls.values()))


def quota_of(work: Work, accounts: Mapping[str, str], read: Iterable[str], error: StillThereError | None = None) -> dict[str, Any]:
    """How each CRM's calls stand, as plain data: limit, left, reserve, ours; forecast and counted by purpose; and when to go on, where they ended.

    ``read`` are the CRMs whose pull came to its end; ``error`` is what ended the run.
    """
    spent = {one.crm: one for one in (error, *work.failed.values()) if isinstance(one, QuotaSpent)}
    told = {}
    for name, crm in work.crms.items():
        quota, used = crm.quota(), crm.calls()
        found = work.quota.forecasts.get(name, Forecast())
        ended = spent.get(crm_name(name))
        told[name] = {
            "account": accounts.get(name),
            "limit": quota.limit,
            "left": quota.left,
            "reserve": quota.reserve,
            "usable": quota.usable,
            "resets_at": quota.resets_at.isoformat() if quota.resets_at else None,
            "forecast": dict(found.calls),
            "forecast_from": found.source,
            "forecast_total": found.total if found.calls else None,
            "used": used,
            "used_total": sum(used.values()),
            "is_load": found.is_load,
            "is_whole": name in read,
            "is_spent": ended is not None,
            "go_on_at": ended.resets_at.isoformat() if ended is not None and ended.resets_at else None,
            "day": _to_data(quota.day),
        }
    return told


def next_pull(runs: Iterable[Mapping[str, Any]], name: str) -> int | None:
    """How many calls the next pull of a CRM is forecast to take, from the summaries of the runs, the newest first; None where none is known."""
    told = [one for run in runs if (one := run["summary"].get("quota", {}).get(name)) and one["is_whole"] and not one["is_load"]][:PULLS]
    totals = [sum(n for purpose, n in one["used"].items() if purpose not in WRITING) for one in told]
    return round(median(totals)) if totals else None


def told_of(one: Mapping[str, Any]) -> str:
    """One CRM's calls in one line: what was taken and forecast, what is left, what of it is for others, and when to go on where it ended."""
    taken = f"{one['used_total']:,} calls of this run"
    told = [f"{taken}, {one['forecast_total']:,} were forecast" if one["forecast_total"] else taken]
    if one["left"] is not None:
        told.append(f"{one['left']:,}{_of(one['limit'])} left today, {one['reserve']:,} of them for others")
    if one["is_spent"]:
        told.append(f"ours are used up: go on {go_on(one['go_on_at'])}")
    return " · ".join(told)


def told_of_writing(work: Work) -> list[str]:
    """One sentence a CRM: how many calls it is forecast to take to write a plan, and how many of today's are ours."""
    lines = []
    for name, crm in work.crms.items():
        calls = sum(n for purpose, n in work.quota.forecasts.get(name, Forecast()).calls.items() if purpose in WRITING)
        usable = crm.quota().usable
        if calls:
            lines.append(
                f"{crm_name(name)}: writing it is forecast to take {calls:,} calls{'' if usable is None else f'; {usable:,} are ours today'}."
            )
    return lines


def told_of_estimate(name: str, calls: int, quota: Quota) -> str:
    """Whether today's calls are enough for so many, and how many days it takes where they are not."""
    if quota.usable is None:
        return f"{crm_name(name)} does not say how many calls are left today."
    ours = f"{crm_name(name)} has {quota.left:,} calls left today, of which {quota.usable:,} are ours"
    if calls <= quota.usable:
        return f"{ours}: enough for the {calls:,} that it takes."
    return (
        f"{ours}, and it takes {calls:,}: it goes on as far as they reach, and the same command goes on from there when there are new ones."
    )


def _add(calls: dict[str, int], more: Iterable[Mapping[str, int]]) -> int:
    """Add calls by purpose; how many were added."""
    added = 0
    for one in more:
        for purpose, number in one.items():
            calls[purpose] = calls.get(purpose, 0) + number
            added += number
    return added


def _warn(work: Work, name: str, what: str, needed: int) -> None:
    """Say, once for each step, that a step takes more calls than are ours today. It goes on as far as they go."""
    quota = work.crms[name].quota()
    if quota.usable is None or needed <= quota.usable or (name, what) in work.quota.warned:
        return
    work.quota.warned.add((name, what))
    when = f" at {quota.resets_at:%d %b %H:%M} UTC" if quota.resets_at else ""
    sys.stderr.write(
        f"{crm_name(name)}: {what} is forecast to take {needed:,} calls, and {quota.usable:,} of the {quota.left:,} left today are ours; it goes on "
        f"as far as they reach, keeps what it has done, and the run after there are new ones{when} goes on from there.\n"
    )


def _past(work: Work) -> list[dict[str, Any]]:
    """What the last runs kept of quota, the newest first; of one that was killed, what it knew when it began."""
    runs = work.journal.runs().sort_values("started_at", ascending=False)
    found: list[dict[str, Any]] = []
    for summary, options in zip(runs["summary"], runs["options"], strict=True):
        told = [{} if pd.isna(text) else orjson.loads(text) for text in (summary, options)]
        # One that no CRM let in knows nothing, however often it was tried.
        if quota := told[0].get("quota") or told[1].get("quota"):
            found.append(quota)
        if len(found) == LOOKED_BACK:
            break
    return found


def _track(table: str, start: datetime | None) -> str:
    return f"since {start:%Y-%m-%d}" if table == "activities" and start is not None else ""


def _to_data(day: Day | None) -> dict[str, Any] | None:
    if day is None:
        return None
    return {"left_at_first": day.left_at_first, "since": day.since.isoformat(), "until": day.until.isoformat(), "used": day.used}


def _day(data: Mapping[str, Any] | None) -> Day | None:
    if not data:
        return None
    since, until = (datetime.fromisoformat(data[name]) for name in ("since", "until"))
    return Day(int(data["left_at_first"]), since, until, int(data["used"]))


def _of(limit: int | None) -> str:
    return f" of {limit:,}" if limit else ""


def go_on(moment: str | None) -> str:
    """From when on there are new calls, in words."""
    return f"after {datetime.fromisoformat(moment):%d %b %Y %H:%M} UTC" if moment else "when there are new ones"
