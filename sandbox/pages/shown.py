"""What the pages show, whichever CRM it comes from: properties under headings, tasks, rows of a list, and things that happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sandbox.pages.wording import Shown


@dataclass(frozen=True)
class Line:
    """One property: its label, its help text, and its value."""

    name: str
    label: str
    help: str
    shown: Shown | None
    is_long: bool


@dataclass(frozen=True)
class Card:
    """The properties under one heading."""

    title: str
    lines: list[Line]


@dataclass(frozen=True)
class Task:
    """A task as its owner reads it."""

    subject: str
    body: str
    due: str
    due_ago: str
    due_ms: int
    is_overdue: bool
    is_open: bool
    priority: str
    way: str
    icon: str
    owner: str
    contact: str
    contact_link: str


@dataclass(frozen=True)
class Row:
    """A contact in a list."""

    record_id: str
    link: str
    name: str
    title: str
    company: str
    company_link: str
    owner: str
    owner_id: str
    owner_link: str
    email: str
    state: Shown | None
    state_value: str
    heard: Shown | None
    open_tasks: int


@dataclass(frozen=True)
class Mark:
    """A word about an item in its colour, such as what became of it."""

    text: str
    tone: str = "muted"


@dataclass(frozen=True)
class Item:
    """One thing on the timeline. ``direction`` is in, out or none."""

    ms: int
    when: str
    month: str
    icon: str
    direction: str
    what: str
    title: str
    body: str
    who: str
    marks: tuple[Mark, ...]


class Sort(NamedTuple):
    """What sort of thing an item is: its icon, its direction, and the words for both."""

    icon: str
    direction: str
    what: str


def matches(row: Row, words: str) -> bool:
    """Whether every word of a search stands in name, title, company or e-mail."""
    text = f"{row.name} {row.title} {row.company} {row.email} {row.record_id}".lower()
    return all(word in text for word in words.lower().split())


def in_order(tasks: Iterable[Task]) -> list[Task]:
    """Open tasks first, the most pressing first; then the done ones, the latest first."""
    return sorted(tasks, key=lambda task: (not task.is_open, task.due_ms if task.is_open else -task.due_ms))
