"""The page of a plan: what would change, field by field and record by record, and each task with its text. Files that work offline, without a script.

The first page tells the whole in figures, all tasks, and the first records; where there are more records, further pages lie in a folder beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.plan_files import KeptPlan
from transforms.crms import crm_name
from transforms.fields import FIELDS
from transforms.vocabulary.fields import Kind

RECORDS = 1_000
"""So many records are told cell by cell on one page: a browser is slow with more."""

PAGES = 20
"""So many pages there are at most; the plan's file has all records."""

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


@dataclass(frozen=True)
class Records:
    """The records of a plan in their order, in parts that fit a page each."""

    cells: pd.DataFrame
    numbers: np.ndarray
    """For each cell the number of its record, from 0."""

    @classmethod
    def of(cls, cells: pd.DataFrame) -> Records:
        """The records of these cells."""
        return cls(cells, cells.groupby(["table", "crm", "record_id"], sort=False).ngroup().to_numpy())

    @property
    def count(self) -> int:
        """How many records there are."""
        return int(self.numbers.max()) + 1 if len(self.numbers) else 0

    @property
    def pages(self) -> int:
        """How many pages they take; the first one is there also without any."""
        return min(max(-(-self.count // RECORDS), 1), PAGES)

    def on(self, page: int) -> pd.DataFrame:
        """The cells of the records of one page, counted from 1."""
        return self.cells[(self.numbers >= (page - 1) * RECORDS) & (self.numbers < page * RECORDS)]


def folder_of(file: Path) -> Path:
    """The folder beside the first page in which the further ones lie."""
    return file.with_name(f"{file.stem}.records")


def render_plan_pages(of: KeptPlan, names: Names, file: Path) -> Iterator[tuple[Path, str]]:
    """Each page as its file and its HTML. Every text in it is escaped: names and values come from people outside."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    template = environment.get_template("plan.html")
    plan, records = of.plan, Records.of(of.plan.cells)
    files = [file, *(folder_of(file) / f"{number}.html" for number in range(2, records.pages + 1))]
    for number, one in enumerate(files, 1):
        cells = records.on(number)
        links = [(other, quote(os.path.relpath(path, one.parent))) for other, path in enumerate(files, 1)]
        told = [_record(key, part, names) for key, part in cells.groupby(["table", "crm", "record_id"], sort=False)]
        yield (
            one,
            template.render(
                number=number,
                links=links,
                as_of=f"{plan.as_of:%d %b %Y %H:%M} UTC",
                accounts=[f"{crm_name(crm)} {account}" for crm, account in plan.accounts.items()],
                approval=of.approval,
                is_changed=of.is_changed,
                figures=[
                    ("Cells", f"{len(plan.cells):,}", f"on {records.count:,} records"),
                    ("New tasks", f"{len(plan.create):,}", f"{of.held_back:,} held back"),
                    ("Tasks changed or closed", f"{len(plan.update):,}", "only those that nobody touched"),
                ],
                alerts=plan.alerts,
                fields=_fields(plan.cells) if number == 1 else [],
                tasks=[*_tasks(plan.create, names, "new"), *_tasks(plan.update, names, "")] if number == 1 else [],
                records=told,
                choices=_choices(cells),
                first=(number - 1) * RECORDS + 1,
                count=records.count,
                on_pages=min(records.count, records.pages * RECORDS),
            ),
        )


def _choices(cells: pd.DataFrame) -> list[dict[str, str]]:
    """The fields that change on a page, to choose the records by, with in how many records each does."""
    counts = cells.groupby(["table", "field"]).size()
    return [
        {"of": f"{table}-{name}", "label": _FIELDS[table, name].label, "table": table, "records": f"{counts[table, name]:,}"}
        for table, name in sorted(counts.index, key=lambda one: _PLACE[one])
    ]


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
        "of": " ".join(f"{table}-{name}" for name in part["field"]),
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
