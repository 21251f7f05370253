"""Places where a row of somebody else names an erased person: found in memory, then emptied by key or rewritten.

The address or name itself must never stand in a predicate: the table's log keeps the predicates of all deletes and updates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any

import pandas as pd
import pyarrow.dataset as ds
from deltalake import DeltaTable

from store.sheets import BUCKET, SEQ, Sheet, quoted

ERASED_TEXT = "(erased)"
"""Stands where a text named an erased person."""

_ROWS_AT_ONCE = 100
_SHORTEST = 2


@dataclass(frozen=True)
class Traces:
    """By what a text would tell of erased persons: their addresses, and their full names as pairs of first and last name."""

    addresses: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, addresses: Iterable[str], names: Iterable[tuple[str, str]] = ()) -> Traces:
        """Traces without repetition. A name counts with both its parts alone: a first name is everybody's."""
        full = {(first.strip(), last.strip()) for first, last in names}
        return cls(tuple(sorted(set(addresses))), tuple(sorted(pair for pair in full if min(map(len, pair)) >= _SHORTEST)))

    def __bool__(self) -> bool:
        return bool(self.addresses or self.names)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds any of them, whatever the case; a name in both orders, and never inside a longer word."""
        several = [re.escape(address) for address in self.addresses]
        for first, last in self.names:
            one, other = (r"\s+".join(re.escape(part) for part in name.split()) for name in (first, last))
            several.append(rf"(?<!\w){one}\s+{other}(?!\w)|(?<!\w){other},?\s+{one}(?!\w)")
        return re.compile("|".join(several), re.IGNORECASE)

    def masked(self, text: str) -> str:
        """The text with ERASED_TEXT in their place; of JSON, in each of its texts."""
        if text[:1] in ("{", "["):
            try:
                return json.dumps(self._masked(json.loads(text)), sort_keys=True, ensure_ascii=False)
            except ValueError:
                pass  # it only looks like JSON
        return self.pattern.sub(ERASED_TEXT, text)

    def _masked(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.pattern.sub(ERASED_TEXT, value)
        if isinstance(value, list):
            return [self._masked(each) for each in value]
        if isinstance(value, dict):
            return {self._masked(name): self._masked(each) for name, each in value.items()}
        return value

    def told_in(self, texts: pd.Series) -> pd.Series:
        """Which of the texts name one of them. Texts that are JSON may hide a name behind escapes, so they are looked at decoded."""
        plain = texts.str.contains(self.pattern, na=False)
        escaped = texts.str.contains("\\", regex=False, na=False) & ~plain
        if escaped.any():
            plain.loc[escaped] = [self.masked(text) != _again(text) for text in texts[escaped]]
        return plain.astype(bool)


def _again(text: str) -> str:
    """The text as :meth:`Traces.masked` writes it where nothing is masked."""
    try:
        return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False) if text[:1] in ("{", "[") else text
    except ValueError:
        return text


def empty_mentions(sheet: Sheet, key: Sequence[str], columns: Sequence[str], traces: Traces, *, to: str | None = None) -> None:
    """Empty ``columns`` (or set them all ``to`` a text) in every row of the sheet in which one of them tells of erased persons.

    ``key`` names a row among those of one seq. The old files stay until the sheet is purged.
    """
    if not traces:
        return
    is_filled = reduce(or_, (ds.field(column).is_valid() for column in columns))
    rows = sheet.scan([SEQ, *key, *columns], is_filled)
    hit = reduce(or_, (traces.told_in(rows[column]) for column in columns))
    found = rows.loc[hit, [SEQ, *key]]
    value = "NULL" if to is None else quoted([to])
    for at in range(0, len(found), _ROWS_AT_ONCE):
        each = (
            " AND ".join([f"{SEQ} = {row[SEQ]}", *(f'"{name}" = {quoted([str(row[name])])}' for name in key)])
            for row in found.iloc[at : at + _ROWS_AT_ONCE].to_dict("records")
        )
        sheet.update(dict.fromkeys(columns, value), " OR ".join(f"({one})" for one in each))


def mask_mentions(sheet: Sheet, columns: Sequence[str], traces: Traces) -> None:
    """Put ERASED_TEXT where a text of ``columns`` tells of erased persons, and leave the rest of the text. For small tables and for JSON.

    Where there is something to mask, the bucket (or the table that has none) is written anew. The old files stay until the sheet is purged.
    """
    if not traces:
        return
    has_buckets = [BUCKET] if sheet.is_split else []
    rows = sheet.scan([*has_buckets, *columns])
    hit = rows[reduce(or_, (traces.told_in(rows[column]) for column in columns))]
    for bucket in hit[BUCKET].drop_duplicates().tolist() if sheet.is_split else [None] * min(len(hit), 1):

        def anew(table: DeltaTable, bucket: int | None = bucket) -> pd.DataFrame:
            found = sheet.scan(where=None if bucket is None else ds.field(BUCKET) == bucket, table=table)
            return found.assign(**_columns_masked(found, columns, traces))

        sheet.replace(bucket, anew)


def _columns_masked(rows: pd.DataFrame, columns: Sequence[str], traces: Traces) -> Mapping[str, pd.Series]:
    made = {}
    for name in columns:
        texts = rows[name].copy()
        is_told = traces.told_in(texts)
        texts.loc[is_told] = [traces.masked(text) for text in texts[is_told]]
        made[name] = texts
    return made
