"""The page of a plan: what would change, field by field and record by record, and each task with its text. One file that works offline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.plan_files import KeptPlan
from transforms.crms import crm_name
from transforms.fields import FIELDS
from transforms.vocabulary.fields import Kind

RECORDS = 1_000
"""So many records are told cell by cell; the file has all of them."""

CHANGES = 12
"""So many of the commonest changes of a field are told."""

_FIELDS = {(one.table, one.name): one for one in FIELDS}
_PLACE = {place: number for number, place in enumerate(_FIELDS)}


@dataclass(frozen=True)
class Names:
    """What contacts and companies are called, by CRM and id; empty where nobody knows."""

    contacts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    companies: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def of(self, crm: str, table: str, record_id: str) -> str:
        """The name of a record, or nothing."""
        return (self.companies if table == "companies" else self.contacts).get((crm, record_id), "")


def render_plan_page(of: KeptPlan, names: Names) -> str:
    """The page as HTML. Every text in it is escaped: names and values come from people outside."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    plan = of.plan
    records = plan.cells.groupby(["table", "crm", "record_id"], sort=False)
    return environment.get_template("plan.html").render(
        as_of=f"{plan.as_of:%d %b %Y %H:%M} UTC",
        accounts=[f"{crm_name(crm)} {account}" for crm, account in plan.accounts.items()],
        approval=of.approval,
        is_changed=of.is_changed,
        figures=[
            ("Cells", f"{len(plan.cells):,}", f"on {records.ngroups:,} records"),
            ("New tasks", f"{len(plan.create):,}", f"{of.held_back:,} held back"),
            ("Tasks changed or closed", f"{len(plan.update):,}", "only those that nobody touched"),
        ],
        alerts=plan.alerts,
        fields=_fields(plan.cells),
        tasks=[*_tasks(plan.create, names, "new"), *_tasks(plan.update, names, "")],
        records=[_record(key, part, names) for key, part in list(records)[:RECORDS]],
        more=max(0, records.ngroups - RECORDS),
    )


def _fields(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Each field with how many cells change, become filled and become empty; of a choice also the commonest changes."""
    found = []
    for (table, name), part in sorted(cells.groupby(["table", "field"]), key=lambda one: _PLACE[one[0]]):
        of = _FIELDS[table, name]
        pairs = part.assign(old=part["old"].fillna("(empty)"), new=part["new"].fillna("(empty)")).groupby(["old", "new"]).size()
        common = pairs.sort_values(ascending=False).head(CHANGES) if of.kind in (Kind.CHOICE, Kind.FLAG) else pairs.head(0)
        found.append(
            {
                "label": of.label,
                "name": name,
                "table": table,
                "cells": f"{len(part):,}",
                "filled": f"{int(part['old'].isna().sum()):,}",
                "emptied": f"{int(part['new'].isna().sum()):,}",
                "common": [f"{old} → {new}: {count:,}" for (old, new), count in common.items()],
            }
        )
    return found


def _record(key: tuple[str, str, str], part: pd.DataFrame, names: Names) -> dict[str, Any]:
    table, crm, record_id = key
    return {
        "name": names.of(crm, table, record_id),
        "place": f"{crm_name(crm)} {table} {record_id}",
        "cells": [
            {"label": _FIELDS[table, row.field].label, "old": _text(row.old), "new": _text(row.new), "reason": _text(row.reason)}
            for row in part.itertuples()
        ],
    }


def _tasks(tasks: pd.DataFrame, names: Names, what: str) -> list[dict[str, Any]]:
    states = {"closed_by_us": "close", "open": "tell anew"}
    return [
        {
            "what": what or states.get(row.state, str(row.state)),
            "name": names.of(row.crm, "contacts", row.contact_id),
            "place": f"{crm_name(row.crm)} contacts {row.contact_id}",
            "play": row.play,
            "subject": row.subject,
            "body": row.body,
            "reason": row.reason,
            "due": f"{row.due_at:%a %d %b %Y}",
            "owner": _text(row.owner_id),
        }
        for row in tasks.itertuples()
    ]


def _text(value: object) -> str:
    return "" if pd.isna(value) else str(value)
