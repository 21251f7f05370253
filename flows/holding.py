"""What the CRM holds in our fields, as a run compares it."""

from __future__ import annotations

import orjson
import pandas as pd

from transforms.vocabulary.fields import Field

Values = dict[str, str | None]
"""Field name to text; missing and empty are the same."""


def fields_of(cells: pd.DataFrame, table: str) -> list[Field]:
    """Those of our fields of that table that stand in the cells. What an earlier version wrote into a field that is none any more is left out."""
    from transforms.fields import FIELDS  # noqa: PLC0415 - importing the fields costs more than a run without leftovers needs

    names = set(cells["field"].unique())
    return [one for one in FIELDS if one.table == table and one.name in names]


def values_by_record(standing: pd.DataFrame) -> dict[str, Values]:
    """The values of each record of STANDING rows of one CRM and table."""
    return {record: orjson.loads(text) for record, text in zip(standing["record_id"], standing["values"], strict=True)}


def holds(values: Values, field: str, wanted: object) -> bool:
    """Whether the record holds this text in the field."""
    return (values.get(field) or "") == ("" if pd.isna(wanted) else str(wanted))
