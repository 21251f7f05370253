"""The first step of a run: bring what is new from a CRM into the lake, page by page, each with its cursor."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from connectors.protocol import Crm
from flows.cursors import set_cursor
from flows.guards import forget_in_plans
from flows.memory import give_back
from flows.quota import forecast_pull
from flows.recovery import recover
from flows.work import Stopped, Work
from store.forgetting import forget_pending
from store.parts import Part
from store.writer import LakeWriter
from transforms.persons import bucket_of, resolve
from transforms.signals import SIGNED_BY, read_signals
from transforms.vocabulary.changes import Page, Unread
from transforms.vocabulary.errors import StillThereError

TABLES = ("owners", "companies", "contacts", "activities")
"""In this order: the firm of a contact helps to tell who it is, and an activity lives where its contact lives."""


@dataclass
class Pulled:
    """What a pull brought from one CRM, stream by stream, what it found gone, and what it may not read."""

    crm: str
    read: Counter[str] = field(default_factory=Counter)
    expected: dict[str, int] = field(default_factory=dict)
    rows: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    unread: tuple[Unread, ...] = ()

    @property
    def missing(self) -> dict[str, int]:
        """For each stream that brought fewer records than the CRM announced: how many are missing."""
        return {stream: n - self.read[stream] for stream, n in self.expected.items() if self.read[stream] < n}

    def count(self, page: Page) -> None:
        """Add what one page brought."""
        self.read[page.stream] += page.records
        self.rows[page.table] += len(page.rows)
        if page.expected is not None:
            self.expected[page.stream] = page.expected
        if page.gone is not None:
            self.gone.update(page.gone["how"].tolist())


def pull_all(work: Work, start: datetime | None = None) -> tuple[int, list[Pulled]]:
    """First settle what a killed run left open, then pull every CRM. Returns how many rows were settled, and what came.

    Where one CRM fails, the others are pulled all the same and what they brought is kept; then it raises (see ``Work.need_all``).
    """
    settled, pulled = 0, list[Pulled]()
    for name, crm in work.crms.items():
        if name in work.failed:
            continue
        try:
            forecast_pull(work, name, start)
            settled += recover(work, name)
            pulled.append(pull(work, crm, start))
        except Stopped:
            raise
        except StillThereError as error:
            work.failed[name] = error
    work.need_all()
    return settled, pulled


def pull(work: Work, crm: Crm, start: datetime | None = None) -> Pulled:
    """Pull every table of ``crm`` from where the lake's cursors stand.

    With ``start`` the activities are those since then, and have a cursor of their own, so that a backfill of another reach begins anew;
    where no sync has ever read the activities, the first sync goes on from where the backfill ended.
    """
    pulled = Pulled(crm.name)
    for table in TABLES:
        is_history = table == "activities" and start is not None
        pull_table(work, crm, table, pulled, start=start if is_history else None)
        if table == "contacts":
            # Also where no contact came: a run that was killed may have left contacts that nothing has followed yet.
            follow_persons(work)
        give_back()
    pulled.unread = work.unread[crm.name] = crm.unread()
    forget_in_plans(work)
    forget_pending(work.lake, work.journal)
    work.lake.tidy()
    return pulled


def pull_table(work: Work, crm: Crm, table: str, pulled: Pulled, *, start: datetime | None = None) -> None:
    """Pull one table. What was committed before a break stays, and the next pull goes on from there."""
    track = "" if start is None else f"since {start:%Y-%m-%d}"
    since = work.lake.cursor(crm.name, table, track=track)
    # What a signature says is held against the record, so the records are read once, before the activities.
    known = work.lake.read("contacts", columns=SIGNED_BY) if table == "activities" else None
    with LakeWriter(work.lake, table, crm=crm.name, track=track) as writer:
        for page in crm.pages(table, since, start=start):
            writer.add(_part(work, page, known, replaces=since is not None))
            pulled.count(page)
            work.progress(f"{crm.name} {page.stream}", pulled.read[page.stream], page.expected)
            work.go_on()
    if start is not None and work.lake.cursor(crm.name, table) is None:
        reached = work.lake.cursor(crm.name, table, track=track)
        set_cursor(work, crm.name, table, reached)


def follow_persons(work: Work) -> None:
    """Where a contact now belongs to another person (a merge, a new address), let all that it has follow; also what came before the contact.

    Contacts of every CRM are looked at: what one CRM brought can make a contact of another belong to somebody else.
    """
    index = work.lake.index()
    members = resolve(work.lake.read("contacts").drop(columns="person_id"), work.lake.read("companies"))
    members["to_bucket"] = bucket_of(members["person_id"], work.lake.buckets)
    members = members.merge(index, on=["crm", "contact_id"], suffixes=("", "_was"))
    moved = members[(members["bucket"] != members["to_bucket"]) | (members["person_id"] != members["person_id_was"])]
    if len(moved):
        work.lake.move(moved.rename(columns={"bucket": "from_bucket"})[["crm", "contact_id", "person_id", "from_bucket", "to_bucket"]])
    else:
        work.lake.follow_moves()


def _part(work: Work, page: Page, known: pd.DataFrame | None, *, replaces: bool) -> Part:
    """What a page brings to the lake: the text of its activities read and dropped, its contacts given their person and bucket."""
    rows, persons, buckets = page.rows, None, None
    if page.table == "activities":
        rows = read_signals(rows, known)
    elif page.table == "contacts":
        persons = resolve(rows)["person_id"]
        buckets = bucket_of(persons, work.lake.buckets)
    return Part(
        rows,
        cursor=page.cursor,
        stream=page.stream,
        standing=page.standing,
        gone=page.gone,
        persons=persons,
        buckets=buckets,
        replaces=replaces and page.table == "activities",
    )
