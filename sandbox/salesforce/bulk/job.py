"""One bulk job: what was asked for, how far it is, and how Salesforce shows it."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Any

from sandbox.clock import from_ms
from sandbox.salesforce.bulk.csv_text import Reader, to_csv
from sandbox.salesforce.errors import RowFault

QUERIES = ("query", "queryAll")
INGESTS = ("insert", "update", "upsert", "delete", "hardDelete")
TERMINAL = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(slots=True)
class Outcome:
    """What became of one row: its record's id, whether it was made new, or why it was refused."""

    id: str = ""
    created: bool = False
    faults: tuple[RowFault, ...] = ()


class Pages:
    """The result of a query job: the header, and the rows as packed pieces of CSV with where each row begins, so that any page can be cut."""

    PIECE = 2_000
    """Rows of a piece."""

    def __init__(self, header: list[str], delimiter: str, line_ending: str) -> None:
        self._shape = (delimiter, line_ending)
        self._header = to_csv(header, (), *self._shape)
        self._pieces: list[tuple[bytes, array[int]]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def fill(self, rows: Iterable[list[str]]) -> None:
        """Put rows at the end; once, as the last piece may be a short one."""
        source = iter(rows)
        while some := list(islice(source, self.PIECE)):
            lines = [to_csv(None, (row,), *self._shape) for row in some]
            starts = array("I", accumulate(map(len, lines), initial=0))
            self._pieces.append((zlib.compress(b"".join(lines), 1), starts))
            self._count += len(some)

    def page(self, first: int, most: int) -> tuple[bytes, int]:
        """The header with at most so many rows from ``first`` on, and how many rows they are."""
        first = min(first, self._count)
        last = min(self._count, first + most)
        made = [self._header]
        for number in range(first // self.PIECE, -(-last // self.PIECE)):
            packed, starts = self._pieces[number]
            begin, end = max(0, first - number * self.PIECE), min(len(starts) - 1, last - number * self.PIECE)
            made.append(zlib.decompress(packed)[starts[begin] : starts[end]])
        return b"".join(made), last - first


@dataclass
class Job:
    """A bulk job.

    Stamps are milliseconds since 1970; ``begun`` and ``lasts`` are seconds of the sandbox's elapsed time. ``fails_after`` ends an ingest job
    as Failed after that share of its rows (0..1). ``struck`` are rows, counted from 0, that are refused on purpose.
    """

    id: str
    operation: str
    object: str
    user_id: str
    version: str
    created_ms: int
    modified_ms: int
    lasts: float
    state: str = "Open"
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    query: str = ""
    external_id: str | None = None
    assignment_rule: str | None = None
    begun: float = 0.0
    packed: bytes | None = None
    total: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    failed: int = 0
    error: str | None = None
    fails_after: float | None = None
    fails_with: str = ""
    struck: Mapping[int, RowFault] = field(default_factory=dict)
    pages: Pages | None = None
    spent_ms: int = 0

    @property
    def has_data(self) -> bool:
        """Whether its data was uploaded."""
        return self.packed is not None

    def take(self, upload: bytes) -> None:
        """Keep the data; packed, as it stays for seven days."""
        self.packed = zlib.compress(upload, 1)

    def reader(self) -> Reader:
        """The uploaded rows. Raises UnreadableCsv where they are none."""
        return Reader(zlib.decompress(self.packed) if self.packed is not None else b"", self.delimiter, self.line_ending)

    @property
    def is_query(self) -> bool:
        """Whether it reads; else it writes."""
        return self.operation in QUERIES

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in TERMINAL

    @property
    def processed(self) -> int:
        """How many rows were dealt with so far, well or badly."""
        return (len(self.pages) if self.pages is not None else 0) if self.is_query else len(self.outcomes)

    def brief(self) -> dict[str, Any]:
        """The job as create, change and list tell it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user_id,
            "createdDate": stamp(self.created_ms),
            "systemModstamp": stamp(self.modified_ms),
            "state": self.state,
        }
        if self.external_id is not None:
            shown["externalIdFieldName"] = self.external_id
        if self.assignment_rule is not None:
            shown["assignmentRuleId"] = self.assignment_rule
        shown |= {"concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(self.version)}
        if not self.is_query and self.state == "Open":
            shown["contentUrl"] = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
        return {**shown, "lineEnding": self.line_ending, "columnDelimiter": self.delimiter}

    def listed(self) -> dict[str, Any]:
        """The job as the list of all jobs tells it."""
        shown: dict[str, Any] = {}
        for name, value in self.brief().items():
            if name != "contentUrl":
                shown[name] = value
            if name == "apiVersion":
                shown["jobType"] = self.kind
        return shown

    def full(self) -> dict[str, Any]:
        """The job as a call for this one tells it."""
        shown = {**self.listed(), "numberRecordsProcessed": self.processed}
        if not self.is_query:
            shown["numberRecordsFailed"] = self.failed
        shown |= {"retries": 0, "totalProcessingTime": self.spent_ms}
        if self.is_query:
            shown["isPkChunkingSupported"] = " order by " not in self.query.lower() and " limit " not in self.query.lower()
        else:
            shown |= {"apiActiveProcessingTime": self.spent_ms, "apexProcessingTime": 0}
        if self.error is not None:
            shown["errorMessage"] = self.error
        return shown

    @property
    def kind(self) -> str:
        """Salesforce's word for the job's API."""
        return "V2Query" if self.is_query else "V2Ingest"


def stamp(ms: int) -> str:
    """A moment as the API writes it. Salesforce keeps whole seconds."""
    return from_ms(ms - ms % 1000).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
