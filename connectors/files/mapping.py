"""Columns of a plain file as canonical ones. Pure."""

from __future__ import annotations

import re

import pandas as pd

from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import Table, check_table, to_table

CRM = "files"

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def to_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame as it may be opened in a spreadsheet: a text that would begin a formula has an apostrophe in front. Numbers stay numbers.

    To get the text back, take one apostrophe away where what follows the apostrophes is one of = + - @, a tab or a line break.
    The signs in full width count too: spreadsheets take them for the others.
    """
    made = {name: frame[name].map(_to_cell, na_action="ignore") for name in frame.columns if pd.api.types.is_string_dtype(frame[name])}
    return frame.assign(**made)


def _to_cell(text: object) -> object:
    is_formula = isinstance(text, str) and _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def to_canonical(table: Table, raw: pd.DataFrame, *, source: str) -> pd.DataFrame:
    """The rows of a file as the canonical frame of ``table``; ``source`` names the file in errors.

    A file without a ``crm`` column is its own CRM, ``files``. Raises BadInput that names the file, the column and the row.
    """
    kept_as_index = [name for name in raw.index.names if name in table.names]
    if kept_as_index:  # pandas writes what a frame is indexed by as a column, and reads it back as the index
        raw = raw.reset_index(kept_as_index)
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
