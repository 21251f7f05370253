"""The search finds a text in every form in which a program may leave it: otherwise finding nothing would prove nothing."""

import base64
import gzip
import json
import pickle
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest
from searching import contents, leaks

SECRET = "zq7 „geheim“ & more/zq7+x"  # noqa: S105 - it opens nothing
DATA = {"a": ["before", {"b": f"x{SECRET}y"}]}
WAYS: dict[str, Callable[[Path], object]] = {
    "plain": lambda file: file.write_text(f"so {SECRET} it is", encoding="utf-8"),
    "in its name": lambda file: file.with_name(SECRET.replace("/", "")).touch(),
    "JSON": lambda file: file.write_text(json.dumps(DATA)),
    "URL": lambda file: file.write_text(f"?q={quote(SECRET, safe='')}&z=1"),
    "HTML": lambda file: file.write_text(f"<b>{SECRET.replace('&', '&amp;')}</b>", encoding="utf-8"),
    "UTF-16": lambda file: file.write_bytes(f"ab{SECRET}".encode("utf-16")),
    "hexadecimal": lambda file: file.write_text(SECRET.encode().hex()),
    "gzip": lambda file: file.write_bytes(gzip.compress(json.dumps(DATA).encode())),
    "zlib": lambda file: file.write_bytes(zlib.compress(SECRET.encode())),
    "pickle": lambda file: file.write_bytes(pickle.dumps(DATA)),
    **{f"base64 at {n}": lambda file, n=n: file.write_bytes(base64.b64encode(b"x" * n + SECRET.encode() + b"yz")) for n in range(4)},
    **{
        f"Parquet by {way}": lambda file, way=way: pd.DataFrame({"c": ["a", f"x{SECRET}"]}).to_parquet(file, compression=way)
        for way in ("snappy", "zstd", "gzip")
    },
}


def zipped(file: Path) -> None:
    """In a member of a zip."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deep/inside.json", json.dumps(DATA))


def in_a_database(file: Path) -> None:
    """In a blob that is packed, in a cell of SQLite."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE t (a, b)")
        database.execute("INSERT INTO t VALUES (1, ?)", (zlib.compress(SECRET.encode()),))
        database.commit()


WAYS |= {"zip": zipped, "SQLite": in_a_database}


@pytest.mark.parametrize("way", list(WAYS))
def test_it_is_found_however_it_was_written(way: str, tmp_path: Path) -> None:
    """One text, one file, one finding at least; another text is not found."""
    WAYS[way](tmp_path / "file")
    looked_for = SECRET.replace("/", "") if way == "in its name" else SECRET
    assert leaks({"it": looked_for}, contents(tmp_path)) != []
    assert leaks({"it": "zq8 nothing of this"}, contents(tmp_path)) == []
