"""Places where a row of somebody else names an erased person's address: found in memory, emptied by key.

The address itself must never stand in a predicate: the table's log keeps the predicates of all deletes and updates.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import reduce
from operator import or_

import pyarrow.dataset as ds

from store.sheets import SEQ, Sheet, quoted

_ROWS_AT_ONCE = 100


def empty_mentions(sheet: Sheet, key: Sequence[str], columns: Sequence[str], addresses: Sequence[str]) -> None:
    """Empty ``columns`` in every row of the sheet in which one of them holds one of the addresses, whatever the case.

    ``key`` names a row among those of one seq. The old files stay until the sheet is purged.
    """
    if not addresses:
        return
    is_filled = reduce(or_, (ds.field(column).is_valid() for column in columns))
    rows = sheet.scan([SEQ, *key, *columns], is_filled)
    pattern = "|".join(re.escape(address) for address in addresses)
    hit = reduce(or_, (rows[column].str.contains(pattern, case=False, na=False) for column in columns))
    found = rows.loc[hit, [SEQ, *key]]
    for at in range(0, len(found), _ROWS_AT_ONCE):
        each = (
            " AND ".join([f"{SEQ} = {row[SEQ]}", *(f'"{name}" = {quoted([str(row[name])])}' for name in key)])
            for row in found.iloc[at : at + _ROWS_AT_ONCE].to_dict("records")
        )
        sheet.update(dict.fromkeys(columns, "NULL"), " OR ".join(f"({one})" for one in each))
