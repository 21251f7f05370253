"""Values as Salesforce sends them, turned into ours. Both of its ways, JSON and CSV, are brought to columns of text first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd

DAY_MS = 86_400_000
_DOMAIN = re.compile(r"^(?:https?://)?(?:www\.)?([^/:?#\s]+)", re.IGNORECASE)


def to_ms(text: str | None) -> int | None:
    """A moment in epoch milliseconds, from ``2024-11-07T07:00:00.000+0000`` (REST), ``….000Z`` (Bulk) or a day; None where it is no moment."""
    if not text or not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The moment of so many epoch milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_soql(ms: int) -> str:
    """A moment as SOQL writes it, without quotes."""
    return f"{from_ms(ms):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def to_soql_day(ms: int) -> str:
    """A day as SOQL writes it, without quotes."""
    return f"{from_ms(ms):%Y-%m-%d}"


def to_list(ids: Iterable[str]) -> str:
    """Ids as the right side of ``IN``. Ids hold letters and digits alone; anything else is left out."""
    return "(" + ",".join(f"'{one}'" for one in ids if one.isalnum()) + ")"


def to_texts(values: Iterable[Any]) -> pd.Series:
    """A column of texts; "" becomes missing."""
    return pd.Series(pd.array([None if value is None or value == "" else value for value in values], dtype="str"))


def to_times(texts: pd.Series) -> pd.Series:
    """A column of moments. A day counts as its beginning."""
    return pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce").astype("datetime64[us, UTC]")


def to_flags(texts: pd.Series) -> pd.Series:
    """A column of true, false or missing."""
    return texts.str.lower().map({"true": True, "false": False, "1": True, "0": False}, na_action="ignore").astype("boolean")


def is_true(texts: pd.Series) -> pd.Series:
    """A column of true or false, where missing is false."""
    return to_flags(texts).fillna(value=False).astype(bool)


def to_numbers(texts: pd.Series) -> pd.Series:
    """A column of numbers; Bulk writes some of them as ``9.12E8``. What is no number is missing."""
    return pd.to_numeric(texts, errors="coerce").astype("float64")


def to_domains(addresses: pd.Series) -> pd.Series:
    """The domain of web addresses: ``https://www.acme.com/about`` is ``acme.com``."""
    return addresses.str.strip().str.extract(_DOMAIN, expand=False).str.lower()


def ms_of(texts: pd.Series) -> pd.Series:
    """A column of epoch milliseconds; 0 where there is no moment."""
    times = to_times(texts)
    return (times.astype("int64") // 1000).where(times.notna(), 0).astype("int64")


def constant(value: str | None, rows: int) -> pd.Series:
    """A column that holds the same text in every row."""
    return pd.Series(pd.array([value] * rows, dtype="str"))


def flag(*, value: bool, rows: int) -> pd.Series:
    """A column that holds the same flag in every row."""
    return pd.Series([value] * rows, dtype="boolean")


def flatten(records: Sequence[dict[str, Any]], paths: Sequence[str]) -> pd.DataFrame:
    """Rows of JSON as columns of text, one for each path such as ``Account.Website``; a null parent gives missing values."""
    return pd.DataFrame({path: to_texts(_at(record, path.split(".")) for record in records) for path in paths})


def _at(record: Any, path: Sequence[str]) -> str | None:
    for name in path:
        if not isinstance(record, dict):
            return None
        record = record.get(name)
    if isinstance(record, bool):
        return "true" if record else "false"
    return None if record is None else str(record)
