"""A page of records on its way from an answer to canonical rows: the records as columns of text, and what hangs on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from connectors.salesforce.activities import links_of
from connectors.salesforce.shape import Shape
from connectors.salesforce.streams import Children, Stream
from connectors.salesforce.values import flatten

Json = dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """``records`` has a row for each record; ``children`` one for each of what hangs on them, with their key."""

    records: pd.DataFrame
    children: pd.DataFrame


def of_json(stream: Stream, shape: Shape, records: Sequence[Json]) -> Batch:
    """Rows of a query's answer, with the rows of its child query."""
    frame = flatten(records, shape.paths(stream))
    children = shape.children(stream.children)
    if children is None:
        return Batch(frame, pd.DataFrame())
    found = [{**one, children.key: record["Id"]} for record in records for one in _nested(record.get(children.relationship))]
    return Batch(frame, flatten(found, [children.key, *children.fields]))


def _nested(answer: Any) -> list[Json]:
    """The rows of a child query; null where there are none."""
    rows = answer.get("records") if isinstance(answer, dict) else None
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []


def of_csv(stream: Stream, rows: pa.RecordBatch | pa.Table, children: pd.DataFrame | None = None) -> Batch:
    """Rows of a bulk query. Where it started from the participants, each record comes with every one of them, and is taken once."""
    frame = rows.to_pandas()
    if not stream.driver or stream.driver.key not in frame.columns:
        return Batch(frame, pd.DataFrame() if children is None else children)
    names = [name for name in frame.columns if name.startswith(stream.lead)]
    records = frame[names].rename(columns=lambda name: name.removeprefix(stream.lead))
    records = records.drop_duplicates("Id").reset_index(drop=True)
    return Batch(records, frame[[name for name in frame.columns if name not in names]])


def guests(batch: Batch, children: Children | None) -> pd.DataFrame:
    """The participants of a batch: ``of`` the record, ``who`` takes part."""
    if children is None or batch.children.empty:
        return pd.DataFrame({"of": pd.Series(dtype="str"), "who": pd.Series(dtype="str")})
    return links_of(batch.children, children.key)
