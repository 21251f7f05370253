"""CSV as Bulk API 2.0 reads and writes it: UTF-8, a choice of delimiters, and line endings that must be those the job names."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator

DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
FIELD_LIMIT = 32_000
"""Characters that one value may hold."""
RECORD_LIMIT = 400_000
"""Characters that one record may hold."""
COLUMN_LIMIT = 5_000
"""Columns that a record may have."""
_BOM = "\ufeff"

# A value may be as long as a record; the reader's own limit would refuse it without Salesforce's words.
csv.field_size_limit(max(csv.field_size_limit(), RECORD_LIMIT * 8))


class UnreadableCsv(Exception):
    """The uploaded text is not the CSV that the job promised. Its text is the job's ``errorMessage``."""


class Reader:
    """The header and rows of an upload, read as often as one likes without keeping them in memory.

    Raises UnreadableCsv where the first line is missing or ends otherwise than the job says. The text about a line ending is
    Salesforce's as reported by its users; those about a missing header, about rows of a wrong length and about what is too long nobody
    could verify.
    """

    def __init__(self, upload: bytes, delimiter: str, line_ending: str) -> None:
        try:
            self._text = upload.decode("utf-8").removeprefix(_BOM)
        except UnicodeDecodeError:
            raise UnreadableCsv("InvalidBatch : ClientInputError : Failed to parse CSV: the data is not UTF-8") from None
        self._delimiter = DELIMITERS[delimiter]
        self._check_line_ending(line_ending)
        header = next(self._lines(), None)
        if not header or not any(header):
            raise UnreadableCsv("InvalidBatch : ClientInputError : Failed to parse CSV: no header row")
        if len(header) > COLUMN_LIMIT:
            raise UnreadableCsv(f"InvalidBatch : ClientInputError : Too many columns: {len(header)} (maximum {COLUMN_LIMIT})")
        self.header = header

    def _check_line_ending(self, line_ending: str) -> None:
        at = self._first_line_end()
        if at < 0:
            return
        is_crlf = self._text[max(0, at - 1) : at] == "\r"
        if is_crlf != (line_ending == "CRLF"):
            raise UnreadableCsv(f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {line_ending}")

    def _first_line_end(self) -> int:
        is_quoted = False
        for mark in re.finditer(r'["\n]', self._text):
            if mark.group() == '"':
                is_quoted = not is_quoted
            elif not is_quoted:
                return mark.start()
        return -1

    def _lines(self) -> Iterator[list[str]]:
        return csv.reader(io.StringIO(self._text, newline=""), delimiter=self._delimiter, strict=True)

    def rows(self) -> Iterator[list[str]]:
        """The rows below the header. An empty line is no row. Raises UnreadableCsv at a row that has more or fewer values than the header."""
        lines, wanted = self._lines(), len(self.header)
        next(lines)
        number = 1
        try:
            for number, row in enumerate(lines, 2):
                if not row:
                    continue
                if len(row) != wanted:
                    raise UnreadableCsv(
                        f"InvalidBatch : ClientInputError : Failed to parse CSV: row {number} has {len(row)} values, the header {wanted}"
                    )
                if sum(map(len, row)) > FIELD_LIMIT:
                    _check_lengths(row, number)
                yield row
        except csv.Error as fault:
            raise UnreadableCsv(f"InvalidBatch : ClientInputError : Failed to parse CSV: {fault} after row {number}") from None

    def count(self) -> int:
        """How many rows there are. Raises UnreadableCsv as :meth:`rows` does."""
        return sum(1 for _ in self.rows())


def _check_lengths(row: list[str], number: int) -> None:
    longest, whole = max(map(len, row)), sum(map(len, row))
    if longest > FIELD_LIMIT or whole > RECORD_LIMIT:
        what = (
            f"a value of {longest} characters (maximum {FIELD_LIMIT})"
            if longest > FIELD_LIMIT
            else f"{whole} characters (maximum {RECORD_LIMIT})"
        )
        raise UnreadableCsv(f"InvalidBatch : ClientInputError : Failed to parse CSV: row {number} has {what}")


def to_csv(header: Iterable[str] | None, rows: Iterable[Iterable[str]], delimiter: str, line_ending: str) -> bytes:
    """Rows as bytes, every value in quotes, as Salesforce writes results; ``header`` None writes rows alone."""
    made = io.StringIO(newline="")
    writer = csv.writer(made, delimiter=DELIMITERS[delimiter], lineterminator=LINE_ENDINGS[line_ending], quoting=csv.QUOTE_ALL)
    if header is not None:
        writer.writerow(header)
    writer.writerows(rows)
    return made.getvalue().encode()


def plain_line(values: Iterable[str], delimiter: str) -> str:
    """One line without its end, with quotes only where they are needed, as the header of ingest results repeats the uploaded one."""
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=DELIMITERS[delimiter], lineterminator="").writerow(values)
    return made.getvalue()


def java_number(text: str) -> str:
    """A decimal number as Java writes a double: from ten million on, and below a thousandth, with an exponent. Other text stays as it is.

    Salesforce's own example of successful results shows 912260031 as ``9.12260031E8``.
    """
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    digits, _, exponent = f"{number!r}".lower().partition("e")
    if not exponent:
        digits, _, exponent = _shifted(digits)
    if "." not in digits:
        digits += ".0"
    return f"{digits}E{int(exponent)}"


def _shifted(plain: str) -> tuple[str, str, str]:
    sign, plain = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, _, part = plain.partition(".")
    figures = (whole + part).lstrip("0")
    exponent = len(whole) - 1 if whole.strip("0") else -(len(part) - len(part.lstrip("0")) + 1)
    figures = figures.rstrip("0") or "0"
    return f"{sign}{figures[0]}.{figures[1:] or '0'}", "e", str(exponent)
