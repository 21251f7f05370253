"""How a portal is read, what records become on the way, and what a connector remembers from pull to pull."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from connectors.hubspot.cursors import Window
from connectors.hubspot.estimating import Probed
from connectors.hubspot.facts import Fact
from connectors.hubspot.streams import Stream
from transforms.vocabulary.changes import Unread
from transforms.vocabulary.fields import Field

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Reading:
    """How a portal is read.

    Our fields, the portal's own property names, how many threads, how late the search index may be, how often what vanished is looked for and the ids
    known by then, how many answers of a full load make a page.
    """

    streams: dict[str, tuple[Stream, ...]]
    fields: tuple[Field, ...]
    own_names: dict[str, str]
    threads: int
    lag_ms: int
    archive_every_ms: int = DAY_MS
    count_every_ms: int = 7 * DAY_MS
    known: Callable[[str], Iterable[str]] | None = None
    answers_a_page: int = 8


@dataclass(frozen=True)
class Prepared:
    """Records made into frames; ``facts`` is what contact records tell of single activities."""

    rows: pd.DataFrame
    standing: pd.DataFrame | None = None
    gone: pd.DataFrame | None = None
    facts: Sequence[Fact] = ()
    calls: int = 1


@dataclass
class Gathered:
    """Facts that a pull of the contacts has brought along, so that the pull of the activities need not read the contacts again.

    ``from_ms`` is where the pull of the contacts began: None for a full one. ``end`` is the contacts' window after it.
    """

    from_ms: int | None
    facts: list[Fact] = field(default_factory=list)
    end: Window | None = None


@dataclass
class Memory:
    """What one connector remembers from pull to pull while it lives. Losing it costs calls, never rows."""

    unknown: Counter[str] = field(default_factory=Counter)
    in_window: dict[str, set[str]] = field(default_factory=dict)
    gathered: Gathered | None = None
    owners: set[str] = field(default_factory=set)
    unread: dict[str, Unread] = field(default_factory=dict)
    probed: dict[str, Probed] = field(default_factory=dict)
