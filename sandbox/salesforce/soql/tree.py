"""What a SOQL statement says, as a tree. Each node knows where in the text it stands; that place is not part of what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def _place() -> Any:
    return field(default=0, compare=False, repr=False)


@dataclass(frozen=True)
class Path:
    """A field, perhaps of a parent: ``Account.Owner.Name``. The names are as written."""

    names: tuple[str, ...]
    at: int = _place()


@dataclass(frozen=True)
class Call:
    """A function of a field or of another call; ``COUNT()`` has no argument. ``name`` is in capitals."""

    name: str
    argument: Expr | None = None
    at: int = _place()


Expr = Path | Call


@dataclass(frozen=True)
class Literal:
    """A value that was written.

    ``kind`` is string, number, boolean, null, date, datetime, time, currency or span (a date literal such as LAST_N_DAYS). ``value`` is,
    in that order: text with its escapes undone · int or float · bool · None · ``YYYY-MM-DD`` · milliseconds UTC · ``HH:MM:SS.mmmZ`` ·
    the amount · a pair of the word in capitals and its number (0 where it takes none). ``pattern`` is what LIKE compares with: the text
    where an escaped wildcard keeps its backslash.
    """

    kind: str
    value: Any
    pattern: str = field(default="", compare=False, repr=False)
    at: int = _place()


@dataclass(frozen=True)
class Comparison:
    """A field compared with a value. ``operator`` is one of = != < <= > >= LIKE; ``<>`` is read as ``!=``."""

    left: Expr
    operator: str
    right: Literal
    at: int = _place()


@dataclass(frozen=True)
class Membership:
    """IN, NOT IN, INCLUDES or EXCLUDES, with the values or the query that chooses them."""

    left: Expr
    operator: str
    right: tuple[Literal, ...] | Query
    at: int = _place()


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    inner: Condition
    at: int = _place()


@dataclass(frozen=True)
class AllOf:
    """Conditions joined by AND."""

    parts: tuple[Condition, ...]
    at: int = _place()


@dataclass(frozen=True)
class AnyOf:
    """Conditions joined by OR."""

    parts: tuple[Condition, ...]
    at: int = _place()


Condition = Comparison | Membership | Not | AllOf | AnyOf


@dataclass(frozen=True)
class Column:
    """One selected field or call, and the name it is given."""

    what: Expr
    alias: str | None = None
    at: int = _place()


@dataclass(frozen=True)
class Typeof:
    """Which fields are selected for which type of a polymorphic parent."""

    path: Path
    branches: tuple[tuple[str, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...] = ()
    at: int = _place()


@dataclass(frozen=True)
class Fields:
    """FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)."""

    kind: str
    at: int = _place()


@dataclass(frozen=True)
class ChildQuery:
    """A query of the children of each row."""

    query: Query
    at: int = _place()


Selected = Column | Typeof | Fields | ChildQuery


@dataclass(frozen=True)
class Source:
    """What follows FROM: an object, or in a child query a relationship. Further sources give short names to parents."""

    name: str
    alias: str | None = None
    at: int = _place()


@dataclass(frozen=True)
class Sort:
    """One field of ORDER BY. ``nulls_first`` is None where nothing is said; nulls then come first."""

    by: Expr
    descending: bool = False
    nulls_first: bool | None = None
    at: int = _place()


@dataclass(frozen=True)
class Query:
    """A whole statement. ``grouping`` is plain, rollup or cube. ``security`` is the word after WITH."""

    select: tuple[Selected, ...]
    sources: tuple[Source, ...]
    scope: str | None = None
    where: Condition | None = None
    security: str | None = None
    group: tuple[Expr, ...] = ()
    grouping: str = "plain"
    having: Condition | None = None
    order: tuple[Sort, ...] = ()
    limit: int | None = None
    offset: int | None = None
    purposes: tuple[str, ...] = ()
    tracking: tuple[str, ...] = ()
    all_rows: bool = False
    at: int = _place()
