"""The contract that every connector keeps. Each docstring is a law; the conformance suite checks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

import pandas as pd

from connectors.limiter import Day, Quota
from transforms.vocabulary.changes import Change, Checkup, Cursor, Estimate, Page, Unread, WriteReport
from transforms.vocabulary.fields import Field


class Crm(Protocol):
    """A CRM that can be read and written.

    All methods may be called from several threads. A call that cannot succeed raises a StillThereError;
    a row that cannot be written is a WriteReport, never an exception. Waiting and sending again happen inside, round one request.
    """

    name: str
    records_at_once: int
    """How many records are best given to one call of :meth:`write_fields`; they are journalled in one commit."""

    def greet(self) -> Checkup:
        """The account, the CRM's clock and the calls left, without findings; one call. Raises where the CRM does not let us in."""

    def check(self) -> Checkup:
        """Credentials, scopes, missing definitions, calls left, and the CRM's clock. Reads only. Never raises for what it can report."""

    def pending_fields(self, fields: Sequence[Field]) -> list[Change]:
        """What :meth:`create_fields` would do for these fields (and for the tasks' key): missing groups, properties, options, changed texts.

        Reads only. Empty when nothing is missing.
        """

    def create_fields(self, changes: Sequence[Change]) -> None:
        """Do what :meth:`pending_fields` listed, in order. May be called again: what exists already is left as it is."""

    def pending_teardown(self) -> list[Change]:
        """What :meth:`teardown` would take away: only definitions with our prefix, and our groups. Reads only."""

    def teardown(self, changes: Sequence[Change]) -> None:
        """Take away what :meth:`pending_teardown` listed. May be called again."""

    def estimate(self, table: str, since: Cursor | None, start: datetime | None = None) -> list[Estimate]:
        """How many records and calls :meth:`pages` would need, for each stream. Costs at most one call a stream."""

    def least_calls(self) -> dict[str, int]:
        """How many calls, by purpose, :meth:`pages` of all tables take together where nothing has changed and nothing is due. Sends nothing."""

    def pages(self, table: str, since: Cursor | None, *, start: datetime | None = None) -> Iterator[Page]:
        """Yield the canonical rows of ``table`` (contacts, companies, activities, owners).

        ``since`` None: everything (or, with ``start``, all activities that occurred at or after it). Else: what changed since the cursor,
        with an overlap, so a row may come twice and the later one counts. Rows come in no promised order.
        A page's cursor covers that page and all pages before it; a new call with it repeats none of the finished pages and misses no record.
        Ends when nothing is left; the last cursor is the one to ask for changes with. At least one page is yielded, empty if need be.
        A generator: closing it stops all requests. Raises, never ends early, where a page cannot be had.
        """

    def unread(self) -> tuple[Unread, ...]:
        """The streams that the latest :meth:`pages` of activities left out because a scope, a permission or a field that it needs is missing. Sends nothing.

        Their part of the cursor stays where it was: when the right comes back, the next pull brings all that was missed.
        What everything needs (contacts, companies, owners) is never left out: without it :meth:`pages` raises MissingScopes.
        """

    def write_fields(self, table: str, cells: pd.DataFrame) -> Iterator[WriteReport]:
        """Write CELLS of one table (contacts or companies), in batches; one report a record, in no promised order.

        Every record of ``cells`` is reported exactly once. May be called again with the same cells: setting a value twice is harmless.
        A record that the CRM refuses does not keep its neighbours from being written.
        """

    def create_tasks(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """Create TASKS rows; one report a task, keyed by task_key. Idempotent by task_key.

        A task that exists already is reported UNCHANGED with its id, also where an earlier call was sent and its answer was lost.
        """

    def update_tasks(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """Bring existing tasks (task_id given) to the given state, subject, body and due date; one report a task. Setting twice is harmless."""

    def current(self, table: str, record_ids: Sequence[str], fields: Sequence[Field]) -> pd.DataFrame:
        """What the CRM holds now, read strongly consistent: STANDING rows for the records that exist under these very ids.

        A record that went into another one has no row, whatever that one holds: its values are the other record's.
        """

    def merged_into(self, table: str, record_ids: Sequence[str]) -> dict[str, str]:
        """Those of these records that went into another one, and into which, as the CRM says now; read strongly consistent.

        Meant for the few that :meth:`current` has no row for. A CRM may have forgotten a merge; then the record is simply gone.
        """

    def current_tasks(self, tasks: pd.DataFrame) -> pd.DataFrame:
        """Those of the given TASKS rows that exist in the CRM, as they stand there, read strongly consistent.

        A row may lack its task_id: a run that was killed does not know whether its task was made. Such a task is given only where it is
        finished, with its contact and company.
        """

    def absorb(self, table: str, since: Cursor) -> Cursor:
        """The cursor, knowing what this object itself has written since, so that our own writes are not taken for news. Sends nothing."""

    def calls(self) -> dict[str, int]:
        """How many requests were sent so far, by purpose (read, search, write, setup …). Refused ones count."""

    def calls_left(self) -> int | None:
        """Calls left today by the CRM's last word, or None where it has not said."""

    def quota(self) -> Quota:
        """How the day's calls stand by the CRM's last word, and how many of them are ours. Sends nothing."""

    def resume(self, day: Day) -> None:
        """Take up a day as an earlier run knew it, so that many runs together leave others what one would. To be called after :meth:`greet`."""

    def estimate_writes(self, cells: pd.DataFrame, create: pd.DataFrame, update: pd.DataFrame) -> dict[str, int]:
        """How many calls, by purpose, it takes to write these CELLS and to create and update these TASKS where nothing is refused. Sends nothing."""

    def link(self, table: str, record_id: str) -> str:
        """The address at which a person sees the record."""
