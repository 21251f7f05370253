"""Columns of a plain file as canonical ones. Pure."""

from __future__ import annotations

import pandas as pd

from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import Table, check_table, to_table

CRM = "files"


def to_canonical(table: Table, raw: pd.DataFrame, *, source: str) -> pd.DataFrame:
    """The rows of a file as the canonical frame of ``table``; ``source`` names the file in errors.

    A file without a ``crm`` column is its own CRM, ``files``. Raises BadInput that names the file, the column and the row.
    """
    doubled = raw.columns[raw.columns.duplicated()]
    if len(doubled):
        raise BadInput(f"{source} has the column {doubled[0]} twice; keep one of them.")
    missing = [name for name in table.required if name not in raw.columns]
    if missing:
        raise BadInput(f"{source} lacks the required column {', '.join(missing)}; it has {', '.join(map(str, raw.columns)) or 'none'}.")
    frame = to_table(table, raw, source=source)
    frame["crm"] = frame["crm"].fillna(CRM)
    try:
        check_table(table, frame)
    except BadInput as error:
        raise BadInput(f"{source}: {error}") from error
    return frame
