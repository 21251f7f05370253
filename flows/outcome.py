"""All that a run did, and the summary that is kept of it: numbers and ids, no names, addresses or texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import pandas as pd

from flows.applying import Applied
from flows.compute import Computation
from flows.planning import Plan
from flows.pull import Pulled
from flows.staleness import Refused
from flows.work import Work
from transforms.vocabulary.changes import Checkup, Unread

LISTED = 100
"""So many failed rows are listed one by one in the summary; the journal has all of them."""


@dataclass
class Run:
    """One run: its id, its kind, and the summary that is kept of it."""

    run_id: str
    kind: str
    summary: dict[str, Any] = field(default_factory=dict)


@dataclass
class Outcome:
    """All that a run did. ``refused`` and ``standing``: of a kept plan, what was refused, and how many cells and tasks stood already as planned."""

    run: Run
    as_of: pd.Timestamp
    checkups: dict[str, Checkup]
    recovered: int = 0
    pulled: list[Pulled] = field(default_factory=list)
    computation: Computation | None = None
    plan: Plan | None = None
    applied: Applied = field(default_factory=Applied)
    refused: list[Refused] = field(default_factory=list)
    standing: int = 0

    @property
    def accounts(self) -> dict[str, str]:
        """The account of each CRM, so that a plan is applied where it was made."""
        return {name: checkup.account for name, checkup in self.checkups.items()}


def told_unread(one: Unread) -> dict[str, Any]:
    """What could not be read, as plain data."""
    return {**dataclasses.asdict(one), "channels": list(one.channels), "since": one.since.isoformat() if one.since is not None else None}


def from_told(told: Mapping[str, Any]) -> Unread:
    """The same, read again from a kept summary."""
    since = datetime.fromisoformat(told["since"]) if told["since"] else None
    return Unread(told["stream"], tuple(told["channels"]), told["lacks"], told["advice"], since)


def read_summary(kept: object) -> dict[str, Any]:
    """The kept summary of a run, whose text this is; empty for a run that has not ended."""
    found = orjson.loads(kept) if isinstance(kept, str) and kept else {}
    return dict(found)


def unread_in(summary: Mapping[str, Any]) -> dict[str, list[Unread]]:
    """What the run whose summary this is could not read, for each CRM that it pulled."""
    return {crm: [from_told(told) for told in one.get("unread", [])] for crm, one in summary.get("pulled", {}).items()}


def summarise(work: Work, done: Outcome) -> dict[str, Any]:
    """The run in numbers, as plain data."""
    summary: dict[str, Any] = {
        "run_id": done.run.run_id,
        "as_of": done.as_of.isoformat(),
        "accounts": done.accounts,
        "recovered": done.recovered,
        "pulled": {
            pulled.crm: {
                "rows": dict(pulled.rows),
                "records": dict(pulled.read),
                "expected": pulled.expected,
                "missing": pulled.missing,
                "gone": dict(pulled.gone),
                "unread": [told_unread(one) for one in pulled.unread],
            }
            for pulled in done.pulled
        },
        "written": {"cells": done.applied.cells, "records": done.applied.records, "tasks": dict(done.applied.tasks)},
        "written_by_crm": {name: dict(done.applied.by_crm.get(name, {})) for name in work.crms},
        "failed": [
            {"crm": report.crm, "table": report.table, "key": report.key, "code": report.code, "message": report.message}
            for report in done.applied.failed[:LISTED]
        ],
        "failed_count": len(done.applied.failed),
        "calls": {name: crm.calls() for name, crm in work.crms.items()},
        "calls_left": {name: crm.calls_left() for name, crm in work.crms.items()},
    }
    if done.plan is not None:
        summary["planned"] = {
            "cells": len(done.plan.cells),
            "tasks": len(done.plan.create),
            "closed": len(done.plan.update),
            "held_back": len(done.plan.held_back),
            "alerts": list(done.plan.alerts),
            "refused": len(done.refused),
            "standing": done.standing,
        }
    return summary
