"""What became of the rows that were loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Loaded:
    """One kind of rows: how many, how many records they became, and how."""

    what: str
    rows: int
    records: int
    how: str


@dataclass(frozen=True)
class LoadReport:
    """Every row of the tables is in exactly one of ``parts``. ``ids`` gives, by object type, the record id of each canonical id."""

    parts: tuple[Loaded, ...]
    ids: Mapping[str, Mapping[str, int | str]]

    @property
    def skipped(self) -> int:
        """How many rows a portal has no place for."""
        return sum(part.rows for part in self.parts if not part.records and part.how.startswith("skipped"))

    def lines(self) -> list[str]:
        """The report as text, a line each."""
        return [f"{part.what}: {part.rows:,} rows, {part.records:,} records ({part.how})" for part in self.parts]
