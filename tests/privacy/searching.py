"""Looking for marked texts in everything that the program left: in every file, decoded and unpacked, and in every form a text can take."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq


def forms(text: str) -> set[bytes]:
    """The forms in which a text may be written down: as it is, in capitals or not, escaped for JSON, URLs, HTML and Python, in base64, in UTF-16."""
    found = {text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode(), repr(text)[1:-1].encode()}
    found |= {quote(text, safe="").encode(), quote(text).encode(), quote_plus(text).encode(), text[::-1].encode()}
    found |= {
        text.replace("&", "&amp;").replace("<", "&lt;").encode(),
        text.upper().encode(),
        text.lower().encode(),
        text.encode().hex().encode(),
    }
    for lead in range(3):
        # In a longer text that is encoded as a whole, the same bytes come out in one of three ways.
        packed = base64.b64encode(b"\0" * lead + text.encode())
        whole = packed[(0, 2, 3)[lead] : len(packed) - 4]
        found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in found if len(form) >= 6}


def contents(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file under the folder as it lies there, and again as what is packed in it; each with a name that says where."""
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        raw = path.read_bytes()
        yield str(path), raw + path.name.encode()
        yield from unpacked(str(path), raw)


def unpacked(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    """What is packed in these bytes: the columns of a Parquet file, the cells of a SQLite database, gzip, zlib and zip, one in the other."""
    if raw[:4] == b"PAR1" == raw[-4:]:
        file = pq.ParquetFile(io.BytesIO(raw))
        yield f"{name} (columns)", json.dumps(file.read().to_pylist(), default=str, ensure_ascii=False).encode()
        yield f"{name} (metadata)", str(file.metadata.to_dict()).encode() + str(file.metadata.metadata).encode()
    elif raw[:16] == b"SQLite format 3\0":
        yield from _cells(name)
    elif raw[:2] == b"\x1f\x8b":
        yield from _deeper(f"{name} (gzip)", gzip.decompress(raw))
    elif raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for each in archive.namelist():
                yield from _deeper(f"{name} ({each})", archive.read(each))
    elif raw[:1] == b"\x78":
        with suppress(zlib.error):
            yield from _deeper(f"{name} (zlib)", zlib.decompress(raw))


def _deeper(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, raw
    yield from unpacked(name, raw)


def _cells(name: str) -> Iterator[tuple[str, bytes]]:
    """Every cell of every table. Blobs are unpacked once more, for a result may lie there in any form."""
    with closing(sqlite3.connect(f"file:{name}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        tables = [row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cells = (cell for row in database.execute(f'SELECT * FROM "{table}"') for cell in row)  # noqa: S608 - names from the database itself
            texts = []
            for cell in cells:
                text = cell if isinstance(cell, bytes) else str(cell).encode()
                texts.append(text)
                with suppress(ValueError):
                    texts.append(base64.b64decode(text, validate=True))
                if text[:1] == b"\x78" or text[:2] == b"\x1f\x8b":
                    texts += [more for _, more in unpacked("", text)]
            yield f"{name} (table {table})", b"\n".join(texts)


def leaks(marks: dict[str, str], places: Iterator[tuple[str, bytes]]) -> list[str]:
    """Where which mark stands: one line a place and mark. ``marks``: what it is to its text."""
    wanted = {what: forms(text) for what, text in marks.items()}
    return [
        f"{what} in {place}: …{raw[max(at - 60, 0) : at + 60]!r}…"
        for place, raw in places
        for what, texts in wanted.items()
        if (at := next((found for text in texts if (found := raw.find(text)) >= 0), -1)) >= 0
    ]
