"""A sheet: one Delta table of numbered rows. Each commit takes the next numbers, so that a later row has the greater ``seq``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from store.places import Place
from transforms.vocabulary.errors import RefusedToGuess
from transforms.vocabulary.tables import DTYPES, Column, Type

SEQ = "seq"
BUCKET = "bucket"

ARROW: dict[Type, pa.DataType] = {
    Type.TEXT: pa.string(),
    Type.TIME: pa.timestamp("us", "UTC"),
    Type.DATE: pa.timestamp("us", "UTC"),
    Type.BOOL: pa.bool_(),
    Type.NUMBER: pa.float64(),
    Type.COUNT: pa.int64(),
}

# Statistics on text columns would copy names and addresses into the log, where erasing could not reach them.
_SETTINGS = {
    "delta.dataSkippingStatsColumns": SEQ,
    "delta.checkpointInterval": "20",
    "delta.deletedFileRetentionDuration": "interval 1 days",
}
_KEEP_HOURS = 24
_ATTEMPTS = 20
_MAPPED = {pa.bool_(): pd.BooleanDtype(), pa.int64(): pd.Int64Dtype()}

Maker = Callable[[int], pd.DataFrame]
"""Given the first number, makes the rows of a commit, ``seq`` included."""


@dataclass(frozen=True)
class Sheet:
    """One Delta table: its columns, and whether it is parted by ``bucket``. Made when it is first touched."""

    place: Place
    name: str
    columns: tuple[Column, ...]
    is_split: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow has them."""
        own = [(SEQ, pa.int64()), *((BUCKET, pa.int32()) for _ in range(self.is_split))]
        return pa.schema([*own, *((column.name, ARROW[column.type]) for column in self.columns)])

    def open(self) -> DeltaTable:
        """The table as it stands now; made where it does not exist. One that was made before a column was known gets it, empty."""
        address = self.place.table(self.name)
        with self.place.doing(f"Opening {self.name}"):
            try:
                return self._with_all_columns(DeltaTable(address, storage_options=dict(self.place.options)))
            except TableNotFoundError:
                # Of two who make it at once, one is told that the table has changed meanwhile; it is there then.
                with suppress(CommitFailedError):
                    DeltaTable.create(
                        address,
                        self.schema,
                        mode="ignore",
                        name=self.name,
                        partition_by=[BUCKET] if self.is_split else None,
                        configuration={**_SETTINGS, **self.settings},
                        raise_if_key_not_exists=False,
                        storage_options=dict(self.place.options),
                    )
                return DeltaTable(address, storage_options=dict(self.place.options))

    def _with_all_columns(self, table: DeltaTable) -> DeltaTable:
        held = {one.name for one in table.schema().fields}
        absent = [one for one in self.schema if one.name not in held]
        if absent:
            made = Schema.from_arrow(pa.schema(absent)).fields
            # Of two who add them at once, one is told that the table has changed meanwhile; they are there then.
            with suppress(CommitFailedError):
                table.alter.add_columns(made)
            return DeltaTable(table.table_uri, storage_options=dict(self.place.options))
        return table

    def mark(self, app: str) -> int:
        """The number that a commit last set for ``app``; 0 where none did."""
        return mark_of(self.open(), app)

    def commit(self, make: Maker, marks: Mapping[str, int] | None = None, *, metadata: Mapping[str, str] | None = None) -> int:
        """Append the rows that ``make`` gives, and set ``marks``, in one commit. Returns the last number given.

        The number of the commit's last row is itself a mark, so of two writers at once one is sent back; it is then
        numbered anew and tried again. Raises RefusedToGuess where others keep being faster.
        """
        for _ in range(_ATTEMPTS):
            table = self.open()
            first = mark_of(table, SEQ) + 1
            rows = make(first)
            last = max(first, int(rows[SEQ].max())) if len(rows) else first
            if self._write(table, rows, {SEQ: last, **(marks or {})}, metadata or {}):
                return last
        raise RefusedToGuess(
            f"Writing {self.name} was overtaken {_ATTEMPTS} times by another writer; let the other run end and start again."
        )

    def replace(self, bucket: int | None, make: Callable[[DeltaTable], pd.DataFrame]) -> None:
        """Put what ``make`` gives in the place of one bucket (or, without buckets, of everything) in one commit."""
        for _ in range(_ATTEMPTS):
            table = self.open()
            rows = make(table)
            where = None if bucket is None else f"{BUCKET} = {bucket}"
            if self._write(table, rows, {SEQ: mark_of(table, SEQ) + 1}, {}, where=where, mode="overwrite"):
                return
        raise RefusedToGuess(
            f"Tidying {self.name} was overtaken {_ATTEMPTS} times by another writer; let the other run end and start again."
        )

    def _write(
        self,
        table: DeltaTable,
        rows: pd.DataFrame,
        marks: Mapping[str, int],
        metadata: Mapping[str, str],
        *,
        where: str | None = None,
        mode: Any = "append",
    ) -> bool:
        data = _to_arrow(rows, self.schema)
        properties = CommitProperties(
            custom_metadata=dict(metadata) or None, app_transactions=[Transaction(app, number) for app, number in marks.items()]
        )
        before = table.version()
        with self.place.doing(f"Writing {self.name}"):
            try:
                write_deltalake(table, data, mode=mode, predicate=where, commit_properties=properties)
            except CommitFailedError:
                # Where nobody else has written, it was not a race, and trying again would not help.
                if self.open().version() == before:
                    raise
                return False
        return True

    def scan(
        self, columns: Sequence[str] | None = None, where: ds.Expression | None = None, *, table: DeltaTable | None = None
    ) -> pd.DataFrame:
        """The rows as they lie there, every version of them, with canonical dtypes. In no promised order."""
        opened = table or self.open()
        with self.place.doing(f"Reading {self.name}"):
            found = opened.to_pyarrow_table(columns=list(columns) if columns is not None else self.schema.names, filters=where)
        frame = found.to_pandas(types_mapper=_MAPPED.get)
        types = {c.name: DTYPES[c.type] for c in self.columns} | {SEQ: "int64", BUCKET: "int32"}
        wrong = {str(name): types[str(name)] for name, dtype in frame.dtypes.items() if str(dtype) != types[str(name)]}
        return frame.astype(wrong) if wrong else frame

    def distinct(self, columns: Sequence[str], where: ds.Expression | None = None) -> pd.DataFrame:
        """The different values that these text columns have together. Takes little memory where rows are many and values few."""
        with self.place.doing(f"Reading {self.name}"):
            found = self.open().to_pyarrow_table(columns=list(columns), filters=where)
            return found.group_by(list(columns), use_threads=False).aggregate([]).to_pandas().astype("str")

    def files(self) -> int:
        """How many files hold the table now."""
        return len(self.open().file_uris())

    def delete(self, predicate: str) -> int:
        """Take away the rows for which the SQL ``predicate`` holds; how many went. Old files stay until :meth:`purge`."""
        with self.place.doing(f"Deleting from {self.name}"):
            return int(self.open().delete(predicate)["num_deleted_rows"])

    def update(self, values: Mapping[str, str], predicate: str) -> None:
        """Set columns to SQL expressions where the SQL ``predicate`` holds. Old files stay until :meth:`purge`."""
        with self.place.doing(f"Changing {self.name}"):
            self.open().update(updates=dict(values), predicate=predicate)

    def merge_files(self) -> None:
        """Put small files together, write a checkpoint, and take away files that no version of the last day needs."""
        table = self.open()
        with self.place.doing(f"Tidying {self.name}"):
            table.optimize.compact()
            table.create_checkpoint()
            table.vacuum(retention_hours=_KEEP_HOURS, dry_run=False)

    def purge(self) -> None:
        """Take away every file that the present version does not need: no earlier version can be read again.

        Files that a broken-off write left behind go as well, so nobody may be writing meanwhile.
        """
        table = self.open()
        with self.place.doing(f"Purging {self.name}"):
            table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)


def _to_arrow(rows: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """The rows with exactly the schema's columns; what is absent or empty is null, whatever dtype pandas gave it."""

    def column(name: str, kind: pa.DataType) -> pa.Array:
        if name not in rows.columns or rows[name].isna().all():
            return pa.nulls(len(rows), kind)
        return pa.array(rows[name], type=kind, from_pandas=True)

    arrays = [column(each.name, each.type) for each in schema]
    return pa.Table.from_arrays([a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays], schema=schema)


def mark_of(table: DeltaTable, app: str) -> int:
    """The number that a commit of ``table`` last set for ``app``; 0 where none did."""
    return int(table.transaction_version(app) or 0)


def is_one_of(column: str, texts: Sequence[str]) -> ds.Expression:
    """The rows whose text column holds one of the texts; none where there are no texts."""
    return ds.field(column).isin(pa.array(list(texts), pa.string()))


def quoted(texts: Sequence[str]) -> str:
    """The texts as a list for SQL's IN."""
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
