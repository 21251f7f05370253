"""The three results of an ingest job as CSV: what was written, what was refused, what was never tried. Rows come in no order."""

from __future__ import annotations

import random
from collections.abc import Iterator

from sandbox.salesforce.bulk.csv_text import DELIMITERS, LINE_ENDINGS, Reader, UnreadableCsv, java_number, plain_line, to_csv
from sandbox.salesforce.bulk.job import Job
from sandbox.salesforce.schema import ObjectType

NUMBERS = frozenset({"double", "currency", "percent"})


def successful(job: Job, kind: ObjectType | None, seed: int) -> bytes:
    """The rows that were written. Numbers come back the way Java writes them, as Salesforce's own example shows."""
    header, rows = _parts(job)
    fields = [kind.field(name) if kind is not None else None for name in header]
    numbers = [place for place, field in enumerate(fields) if field is not None and field.type in NUMBERS]

    def told() -> Iterator[list[str]]:
        for row, outcome in zip(rows, job.outcomes, strict=False):
            if not outcome.faults:
                for place in numbers:
                    if row[place]:
                        row[place] = java_number(row[place])
                yield [outcome.id, "true" if outcome.created else "false", *row]

    return _written(job, ["sf__Id", "sf__Created"], header, told(), seed)


def refused(job: Job, seed: int) -> bytes:
    """The rows that were tried in vain, with all their errors in ``sf__Error``."""
    header, rows = _parts(job)
    told = (
        [outcome.id, ";".join(fault.in_csv() for fault in outcome.faults), *row]
        for row, outcome in zip(rows, job.outcomes, strict=False)
        if outcome.faults
    )
    return _written(job, ["sf__Id", "sf__Error"], header, told, seed + 1)


def untried(job: Job, seed: int) -> bytes:
    """The rows that nobody came to, because the job failed or was aborted before. Empty where every row was tried."""
    header, rows = _parts(job)
    for _ in job.outcomes:
        next(rows, None)
    return _written(job, [], header, rows, seed + 2)


def _parts(job: Job) -> tuple[list[str], Iterator[list[str]]]:
    try:
        reader = job.reader()
    except UnreadableCsv:
        return [], iter(())
    return reader.header, _readable(reader)


def _readable(reader: Reader) -> Iterator[list[str]]:
    """The rows up to the first one that cannot be read."""
    rows = reader.rows()
    while True:
        try:
            row = next(rows, None)
        except UnreadableCsv:
            return
        if row is None:
            return
        yield row


def _written(job: Job, own: list[str], header: list[str], rows: Iterator[list[str]], seed: int) -> bytes:
    headings = [f'"{name}"' for name in own]
    if header:
        headings.append(plain_line(header, job.delimiter))
    # Salesforce puts its own headings in quotes, and repeats the others as they came.
    line = DELIMITERS[job.delimiter].join(headings) + LINE_ENDINGS[job.line_ending] if headings else ""
    shuffled = list(rows)
    random.Random(f"{seed}-{job.id}").shuffle(shuffled)
    return line.encode() + to_csv(None, shuffled, job.delimiter, job.line_ending)
