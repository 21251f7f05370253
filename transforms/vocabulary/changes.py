"""What moves between the layers: pages that come in, cells and tasks that go out, and reports on what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import pandas as pd

from transforms.vocabulary.tables import Column, Table, Type

Cursor = str
"""Where an extract stands, as text that only the connector that made it can read. Kept in the same commit as its rows."""


@dataclass(frozen=True)
class Page:
    """A part of an extract, as it came from the CRM in one answer or a few.

    ``rows`` is a canonical frame of ``table`` (for activities with subject, body and headers still in it).
    ``standing`` says which values our own fields hold in the CRM now (STANDING).
    ``gone`` lists records that were archived, merged or erased (GONE).
    ``stream`` names the vendor's object (emails, calls …), ``expected`` how many records the running extract should bring of it in all
    (a resumed one: those that were still owed), where the CRM says so, and ``records`` how many of them this page brought.
    ``cursor`` is where to go on after this page: with it, no page before is needed again. None in the last page never happens:
    the last page carries the cursor from which the next run asks for changes.
    """

    table: str
    stream: str
    rows: pd.DataFrame
    cursor: Cursor
    records: int
    expected: int | None = None
    standing: pd.DataFrame | None = None
    gone: pd.DataFrame | None = None
    calls: int = 1


STANDING = Table(
    "standing",
    ("crm", "table", "record_id"),
    (
        Column("crm", Type.TEXT, "which CRM holds the record", required=True),
        Column("table", Type.TEXT, "contacts or companies", required=True),
        Column("record_id", Type.TEXT, "the record's id", required=True),
        Column("values", Type.TEXT, "our fields as the CRM holds them: a JSON object, field name to text (see to_text)", required=True),
        Column("modified_at", Type.TIME, "when the CRM last changed the record"),
    ),
)

GONE = Table(
    "gone",
    ("crm", "table", "record_id"),
    (
        Column("crm", Type.TEXT, "which CRM held the record", required=True),
        Column("table", Type.TEXT, "contacts, companies or activities", required=True),
        Column("record_id", Type.TEXT, "the id that is gone", required=True),
        Column("how", Type.TEXT, "how it went", required=True, words=("archived", "merged", "erased")),
        Column("into", Type.TEXT, "the id that took its place, for a merge"),
    ),
)

CELLS = Table(
    "cells",
    ("crm", "table", "record_id", "field"),
    (
        Column("crm", Type.TEXT, "which CRM is written", required=True),
        Column("table", Type.TEXT, "contacts or companies", required=True),
        Column("record_id", Type.TEXT, "the record", required=True),
        Column("field", Type.TEXT, "the field's name, without prefix", required=True),
        Column("old", Type.TEXT, "what the CRM holds now; missing where it is empty"),
        Column("new", Type.TEXT, "what it will hold; missing where it becomes empty"),
        Column("reason", Type.TEXT, "why, in words"),
    ),
)
"""One row a cell that a run would change."""

TASKS = Table(
    "tasks",
    ("crm", "task_key"),
    (
        Column("task_key", Type.TEXT, "the same for the same person and reason; a task of that key exists at most once", required=True),
        Column("crm", Type.TEXT, "in which CRM", required=True),
        Column("contact_id", Type.TEXT, "the contact whom it concerns", required=True),
        Column("company_id", Type.TEXT, "the contact's company"),
        Column("owner_id", Type.TEXT, "who is to do it"),
        Column("play", Type.TEXT, "the rule that raised it", required=True),
        Column("reason", Type.TEXT, "why, in one sentence", required=True),
        Column("subject", Type.TEXT, "the task's title", required=True),
        Column("body", Type.TEXT, "the task's text, plain, lines parted by newlines", required=True),
        Column("way", Type.TEXT, "how to do it", words=("call", "email", "linkedin", "todo")),
        Column("priority", Type.TEXT, "how pressing", words=("high", "medium", "low")),
        Column("due_at", Type.TIME, "until when", required=True),
        Column("state", Type.TEXT, "where it stands", words=("open", "done", "closed_by_us", "deleted")),
        Column("task_id", Type.TEXT, "the record's id in the CRM, once it is there"),
        Column("changed_by_people", Type.BOOL, "somebody other than us changed it since we wrote it"),
    ),
)
"""Tasks, planned or as they stand in the CRM."""


class Fate(StrEnum):
    """What became of one row of a write. Neither confirmed nor refused counts as failed."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True)
class WriteReport:
    """What became of one row: a record's cells, or one task.

    ``key`` is the record id or the task key; ``code`` the CRM's own code and ``message`` one sentence where it failed;
    ``crm_id`` the id in the CRM, where the row was created; ``modified_at`` when the CRM changed it.
    """

    crm: str
    table: str
    key: str
    fate: Fate
    code: str = ""
    message: str = ""
    crm_id: str = ""
    modified_at: datetime | None = None


@dataclass(frozen=True)
class Change:
    """One thing that set-up would do in a CRM: create a group, a property, a list."""

    crm: str
    what: str
    name: str
    action: str
    detail: str = ""
    payload: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Finding:
    """One thing that ``check`` found. ``advice`` says what to change; empty where all is well.

    ``is_remark``: it is good as it is, and could be better.
    """

    what: str
    is_good: bool
    detail: str
    advice: str = ""
    is_remark: bool = False


@dataclass(frozen=True)
class Unread:
    """A stream of activities that could not be read, since we may not.

    ``channels`` are those it feeds, ``lacks`` what is missing (the scope tickets), ``advice`` how to give it back.
    ``since`` is the last change that was read of it before; None where it never was read.
    """

    stream: str
    channels: tuple[str, ...]
    lacks: str
    advice: str
    since: datetime | None = None


@dataclass(frozen=True)
class Checkup:
    """What is known of a CRM before anything is read: who we are there, what we may do, how many calls are left.

    ``now`` is the CRM's own clock. ``calls_left`` and ``calls_limit`` are None where the CRM does not say. ``is_reached`` is False where
    it did not answer at all, so that nothing is known and nothing has to be changed there.
    """

    crm: str
    account: str
    now: datetime
    findings: tuple[Finding, ...]
    calls_left: int | None = None
    calls_limit: int | None = None
    resets_at: datetime | None = None
    is_reached: bool = True

    @property
    def is_good(self) -> bool:
        """Whether nothing has to be changed."""
        return all(finding.is_good for finding in self.findings)


@dataclass(frozen=True)
class Estimate:
    """How many calls an extract is expected to cost, and for how many records. ``purposes`` are the same calls by what they are counted under."""

    stream: str
    records: int
    calls: int
    purposes: Mapping[str, int] = field(default_factory=dict)
