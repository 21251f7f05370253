"""Plain files as a source, and tables out: contacts, companies, activities and owners from CSV or Parquet, each as its canonical frame."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from connectors.files.client import SUFFIXES, check_place, fetch_file, in_one_piece, put_file
from connectors.files.mapping import CRM, to_canonical
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import TABLES, empty_table

REQUIRED = ("contacts", "activities")
"""The tables without which nothing can be computed."""


def read_table(name: str, path: Path | str) -> pd.DataFrame:
    """One table from one file. Raises BadInput that names the file, the column and the row."""
    return to_canonical(TABLES[name], fetch_file(Path(path)), source=str(path))


def read_files(paths: Mapping[str, Path | str | None]) -> dict[str, pd.DataFrame]:
    """All four tables; those for which there is no path are empty. Raises BadInput also where contacts or activities have none."""
    lacking = [name for name in REQUIRED if not paths.get(name)]
    if lacking:
        raise BadInput(f"No file was given for {' and '.join(lacking)}; both contacts and activities are needed.")
    return {name: read_table(name, path) if (path := paths.get(name)) else empty_table(table) for name, table in TABLES.items()}


def read_folder(folder: Path | str) -> dict[str, pd.DataFrame]:
    """All four tables from ``contacts.*``, ``companies.*``, ``activities.*`` and ``owners.*`` of a folder (CSV or Parquet)."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BadInput(f"{folder} was to be read and is no folder; check the name.")
    found: dict[str, Path] = {}
    for name in TABLES:
        files = [folder / f"{name}{suffix}" for suffix in SUFFIXES if (folder / f"{name}{suffix}").is_file()]
        if len(files) > 1:
            raise BadInput(f"{folder} holds {name} twice, as {' and '.join(file.name for file in files)}; keep one.")
        if files:
            found[name] = files[0]
    lacking = [name for name in REQUIRED if name not in found]
    if lacking:
        raise BadInput(f"{folder} holds no {' and no '.join(f'{name}.csv or {name}.parquet' for name in lacking)}; put them there.")
    return read_files(found)


__all__ = ["CRM", "REQUIRED", "check_place", "in_one_piece", "put_file", "read_files", "read_folder", "read_table"]
