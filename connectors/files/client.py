"""Reading CSV and Parquet files. Everything in a CSV is read as text, so that an id such as 007 stays one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from connectors.files.mapping import to_cells
from transforms.vocabulary.errors import BadInput

SUFFIXES = (".csv", ".parquet")

LARGEST_ROW = 32 * 2**20
"""Rows of up to so many bytes are read the fast way."""

OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What a spreadsheet of another country or setting parts its columns with."""


def fetch_file(path: Path) -> pd.DataFrame:
    """The columns of a file as it holds them. Raises BadInput, naming the file, where it cannot be read as what its ending says."""
    if not path.is_file():
        raise BadInput(f"{path} was to be read and is not there; check the name.")
    if path.suffix.lower() == ".csv":
        return _fetch_csv(path)
    if path.suffix.lower() == ".parquet":
        return _fetch_parquet(path)
    raise BadInput(f"{path} was to be read and ends in {path.suffix or 'nothing'}; only {' and '.join(SUFFIXES)} are known.")


def put_file(rows: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV or Parquet, by the ending of the name; folders are made. Raises BadInput where that cannot be done.

    In a CSV no cell begins a formula (:func:`connectors.files.mapping.to_cells`); a Parquet file holds every text as it is.
    """
    check_place(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with in_one_piece(path) as beside:
            _put_csv(to_cells(rows), beside) if path.suffix.lower() == ".csv" else rows.to_parquet(beside, index=False)
    except OSError as error:
        raise BadInput(f"{path} could not be written: {error.strerror or error}; choose another place.") from error


def check_place(path: Path) -> None:
    """Raise BadInput where the name cannot be that of a table to write, so that it is told before anything is computed."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{path} was given as the file to write, but its ending is neither {' nor '.join(SUFFIXES)}; choose one of them.")
    if path.is_dir():
        raise BadInput(f"{path} was given as the file to write, but it is a folder; choose another name.")


@contextmanager
def in_one_piece(path: Path) -> Iterator[Path]:
    """A file to write into that takes the place of ``path`` at the end: what stood there is replaced as a whole, or not at all.

    Only its owner can read it. What is no plain file, a pipe for instance, is itself given and written at once. Lets OSError pass.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    target = path.resolve()
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600, exist_ok=False)
    try:
        yield beside
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _put_csv(cells: pd.DataFrame, path: Path) -> None:
    # A lone carriage return is quoted only where lines end with one, and unquoted it would end a row.
    has_returns = any(
        cells[name].astype("str").str.contains("\r", regex=False, na=False).any() for name in cells.select_dtypes(["str", "object"])
    )
    cells.to_csv(path, index=False, lineterminator="\r\n" if has_returns else "\n")


def _fetch_csv(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = _check_rows(path, file)
        return _read_texts(path, header)
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} was to be read as UTF-8 and byte {error.start} is not; save it as UTF-8.") from error
    except (csv.Error, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BadInput(f"{path} could not be read as CSV: {str(error).strip().rstrip('.')}; check quotes and separators.") from error
    except OSError as error:
        raise BadInput(f"{path} could not be read: {error.strerror}; check its permissions.") from error


def _read_texts(path: Path, header: list[str]) -> pd.DataFrame:
    """The cells of a file that was checked, all as text; an empty one is missing."""
    try:
        table = pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(block_size=LARGEST_ROW),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.large_string()), null_values=[""], strings_can_be_null=True
            ),
        )
    except pa.ArrowInvalid:
        # Arrow is four times as fast; pandas takes rows of any length, and says what is wrong in known words.
        return pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    return table.combine_chunks().to_pandas()


def _check_rows(path: Path, file: Iterable[str]) -> list[str]:
    """The header. Every row must have as many cells as it: a row with one too many would shift what is read."""
    rows = csv.reader(file, strict=True)
    header = next(rows, None)
    if header is None or not any(header):
        raise BadInput(f"{path} is empty; its first line must name the columns.")
    if any("\0" in name for name in header):
        raise BadInput(f"{path} was to be read as UTF-8 and holds zero bytes, as UTF-16 does; save it as UTF-8.")
    other = next((told for sign, told in OTHER_SEPARATORS.items() if len(header) == 1 and sign in header[0]), None)
    if other is not None:
        raise BadInput(f"{path} was to be read with commas between its columns and has {other}; save it with commas.")
    twice = [name for name in dict.fromkeys(header) if header.count(name) > 1]
    if twice:
        raise BadInput(f"{path} has the column {twice[0]} twice; keep one of them.")
    if "" in header:
        raise BadInput(f"{path} has no name for column {header.index('') + 1}; name it or take it out.")
    for number, row in enumerate(rows, start=1):
        if row and len(row) != len(header):
            raise BadInput(
                f"{path}: row {number} has {len(row)} cells where the header names {len(header)} columns; check its commas and quotes."
            )
    return header


def _fetch_parquet(path: Path) -> pd.DataFrame:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        raise BadInput(f"{path} could not be read as Parquet: {reason}; write it again.") from error
    odd = [one.name for one in table.schema if pa.types.is_nested(one.type) or _holds_bytes(one.type)]
    if odd:
        raise BadInput(f"{path} holds lists, records or bytes in the column {odd[0]}; write one text, number, time or flag a cell.")
    # In one piece: what is cut into pieces is joined anew each time rows are taken from it.
    return table.combine_chunks().to_pandas()


def _holds_bytes(kind: pa.DataType) -> bool:
    of = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(test(of) for test in (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary))
