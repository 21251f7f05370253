"""Collects what happens as rows of activities, and beside each message the truth about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from sandbox.world.letters import Letter
from sandbox.world.people import Person


class Entry(NamedTuple):
    """One row: something that happened with one person. ``key`` is the same for all persons who took part."""

    moment: int
    key: int
    person: int
    channel: str
    direction: str
    outcome: str | None
    subject: str | None
    body: str | None
    headers: str | None
    thread_id: str | None
    actor_id: str | None
    duration_s: float | None
    is_automated: bool
    is_broadcast: bool
    participant_count: int
    is_heard: bool


class Meaning(NamedTuple):
    """What a message really is: the truth for those who read mail. Times in seconds since 1970."""

    kind: str
    reason: str | None = None
    status_code: str | None = None
    smtp_code: str | None = None
    absent_from: int | None = None
    absent_until: int | None = None
    successor: str | None = None
    new_address: str | None = None
    language: str | None = None
    is_checkin: bool = False


@dataclass(slots=True)
class Diary:
    """All rows so far. Rows are added in any order."""

    entries: list[Entry] = field(default_factory=list)
    meanings: dict[int, Meaning] = field(default_factory=dict)
    keys: int = 0
    threads: int = 0

    def new_thread(self) -> str:
        """A conversation that did not exist before."""
        self.threads += 1
        return f"t{self.threads}"

    def add(self, person: Person, moment: int, channel: str, direction: str, outcome: str | None = None, **facts: Any) -> int:
        """One thing that happened with one person; returns its key. ``facts`` are the other columns of Entry.

        ``key`` among them joins another person to something that is noted already.
        """
        joined: int | None = facts.pop("key", None)
        if joined is None:
            self.keys += 1
        key = self.keys if joined is None else joined
        letter: Letter | None = facts.pop("letter", None)
        subject, body, headers = (letter.subject, letter.body, letter.headers) if letter else (None, facts.pop("body", None), None)
        owner = person.owner.owner_id if person.owner else None
        self.entries.append(
            Entry(
                moment,
                key,
                person.index,
                channel,
                direction,
                outcome,
                facts.get("subject", subject),
                body,
                headers,
                facts.get("thread_id"),
                facts.get("actor_id", owner),
                facts.get("duration_s"),
                facts.get("is_automated", False),
                facts.get("is_broadcast", False),
                facts.get("participant_count", 1),
                facts.get("is_heard", False),
            )
        )
        if "meaning" in facts:
            self.meanings[key] = facts["meaning"]
        return key

    def frame(self) -> pd.DataFrame:
        """The rows in the order in which they happened, with ``moment``, ``key`` and ``person`` still in them."""
        self.entries.sort(key=lambda entry: entry[:3])
        return pd.DataFrame.from_records(self.entries, columns=list(Entry._fields))
