"""What the CRM holds in our fields, as a run compares it."""

from __future__ import annotations

import orjson
import pandas as pd

Values = dict[str, str | None]
"""Field name to text; missing and empty are the same."""


def values_by_record(standing: pd.DataFrame) -> dict[str, Values]:
    """The values of each record of STANDING rows of one CRM and table."""
    return {record: orjson.loads(text) for record, text in zip(standing["record_id"], standing["values"], strict=True)}


def holds(values: Values, field: str, wanted: object) -> bool:
    """Whether the record holds this text in the field."""
    return (values.get(field) or "") == ("" if pd.isna(wanted) else str(wanted))
