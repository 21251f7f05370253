"""Writing our fields: which way costs the fewest calls, and one truthful report for every record.

A composite call changes two hundred records and reads when they were changed, in ONE call. A bulk job takes about as many calls whatever its
size, so it is taken for many records (see :data:`BULK_FROM`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd

from connectors.salesforce.answers import LOCKED
from connectors.salesforce.bulk import Bulk
from connectors.salesforce.bulk_writing import write_in_bulk
from connectors.salesforce.client import COLLECTION_LIMIT, Client, Part, SubAnswer, parts
from connectors.salesforce.definitions import to_wire
from connectors.salesforce.names import OBJECTS, api_name, object_of
from connectors.salesforce.outcomes import Outcome, need_setup, refused, to_outcome, to_report
from transforms.vocabulary.changes import Fate, WriteReport
from transforms.vocabulary.errors import BadInput, RequestRejected
from transforms.vocabulary.fields import Field

Json = dict[str, Any]

WRITERS = 4
"""Batches that are on their way at once."""

LOCK_TRIES = 5
"""How often rows are sent that somebody else holds locked."""

REFERENCE = "@{"
"""In a composite call this begins a reference to another part, also within a text of ours."""

BULK_FROM = 2_000
"""Records of one object from which on a bulk job is taken.

Measured with ``benchmarks/write_salesforce.py``: two hundred records cost one composite call; a job costs three calls (made, filled, closed)
and one for each look at it: four in all where it takes a second, six for ten seconds, ten for a minute, eighteen for five minutes, whatever
its size. Two thousand records are ten calls, so from there on a job that takes up to a minute costs no more.
"""

JOB_CALLS = 10
"""Calls that a job is forecast to take: as many as where it takes a minute."""


def write_cells(client: Client, bulk: Bulk, table: str, cells: pd.DataFrame, fields: Sequence[Field]) -> Iterator[WriteReport]:
    """Write CELLS of one table; one report a record. ``fields`` are ours: they tell the form of each value."""
    for name, records in _by_object(table, cells, fields).items():
        if not name:
            for record in records:
                yield to_report(table, record["id"], refused("MALFORMED_ID"))
        elif len(records) < BULK_FROM:
            yield from _write_in_collections(client, table, name, records)
        else:
            locked = []
            for record, outcome in write_in_bulk(client, bulk, name, records):
                if outcome.code == LOCKED:
                    locked.append(record)
                else:
                    yield to_report(table, record["id"], outcome)
            yield from _write_in_collections(client, table, name, locked)


def calls_to_write(cells: pd.DataFrame, records_at_once: int) -> int:
    """How many calls :func:`write_cells` makes for CELLS of any tables, given in chunks of so many records, where nothing is refused."""
    calls = 0
    for _, ids in cells.drop_duplicates(["table", "record_id"]).groupby("table")["record_id"]:
        for first in range(0, len(ids), records_at_once):
            for n in ids.iloc[first : first + records_at_once].map(object_of).value_counts():
                calls += -(-n // COLLECTION_LIMIT) if n < BULK_FROM else JOB_CALLS
    return calls


def write_locked_again(client: Client, records: Sequence[Json], write: Callable[[Sequence[Json]], Sequence[Outcome]]) -> list[Outcome]:
    """Write records with ``write``, which gives one outcome each; those that others hold locked are written again, a few times."""
    outcomes = list(write(records))
    for attempt in range(1, LOCK_TRIES):
        places = [place for place, outcome in enumerate(outcomes) if outcome.code == LOCKED]
        if not places:
            break
        client.patience.sleep(client.patience.wait_s(attempt, None))
        for place, outcome in zip(places, write([records[place] for place in places]), strict=True):
            outcomes[place] = outcome
    return outcomes


def _by_object(table: str, cells: pd.DataFrame, fields: Sequence[Field]) -> dict[str, list[Json]]:
    """The records to write, by object; those whose id belongs to none of the table's objects stand under ""."""
    kinds = {f.name: f.kind for f in fields if f.table == table}
    unknown = sorted(set(cells["field"]) - kinds.keys())
    if unknown:
        raise BadInput(f"Salesforce was asked to write {', '.join(unknown)} on {table}; these are no fields of ours.")
    names = {name: api_name(name) for name in kinds}
    records: dict[str, Json] = {}
    for record_id, name, new in zip(cells["record_id"], cells["field"], cells["new"], strict=True):
        values = records.setdefault(str(record_id), {})
        values[names[name]] = to_wire(kinds[name], None if pd.isna(new) else str(new))
    found: dict[str, list[Json]] = {}
    for record_id, values in records.items():
        own = object_of(record_id)
        place = own if own in OBJECTS[table] else ""
        found.setdefault(place or "", []).append({"attributes": {"type": place}, "id": record_id, **values})
    return found


def _write_in_collections(client: Client, table: str, name: str, records: Sequence[Json]) -> Iterator[WriteReport]:
    def write(batch: Sequence[Json]) -> list[WriteReport]:
        outcomes = write_locked_again(client, batch, lambda some: write_collection(client, name, some))
        return [to_report(table, one["id"], outcome) for one, outcome in zip(batch, outcomes, strict=True)]

    with ThreadPoolExecutor(WRITERS, thread_name_prefix="salesforce-write") as pool:
        for reports in pool.map(write, list(parts(records, COLLECTION_LIMIT))):
            yield from reports


def write_collection(client: Client, name: str, records: Sequence[Json]) -> list[Outcome]:
    """Change at most 200 records of one object; one outcome each, in their order, with the time of the change where it was told.

    Where Salesforce refuses the whole call, the records that it is about are found and left out.
    """
    what = f"write {len(records)} records of {name}"
    results, times = _changed_and_read(client, name, records, what)
    if results is None:
        # The part could not be served, or was refused as a whole: sent by itself it is sent again, or judged.
        try:
            results, _ = client.collection("PATCH", "composite/sobjects", records, what=what, is_repeatable=True)
        except RequestRejected as error:
            return _isolated(client, name, records, error)
    outcomes = [to_outcome(result) for result in results]
    need_setup(client, name, outcomes, _columns(records))
    return [
        replace(outcome, modified_at=times.get(one["id"])) if outcome.fate is Fate.WRITTEN else outcome
        for one, outcome in zip(records, outcomes, strict=True)
    ]


def _changed_and_read(client: Client, name: str, records: Sequence[Json], what: str) -> tuple[list[Json] | None, dict[str, datetime]]:
    """Change records and read when that was, in one call: the results (None where there are none for every record), and the times by id."""
    if any(REFERENCE in value for one in records for value in one.values() if isinstance(value, str)):
        return None, {}
    listed = ", ".join(f"'{one['id']}'" for one in records)
    changed, read = client.composite(
        [
            Part("PATCH", "composite/sobjects", body={"allOrNone": False, "records": list(records)}, reference="changed"),
            Part("GET", "query", {"q": f"SELECT Id, SystemModstamp FROM {name} WHERE Id IN ({listed})"}, reference="read"),  # noqa: S608 - ids
        ],
        purpose="write",
        what=what,
        is_write=True,
    )
    is_whole = changed.is_good and isinstance(changed.body, list) and len(changed.body) == len(records)
    return (changed.body if is_whole else None), _times(read)


def _isolated(client: Client, name: str, records: Sequence[Json], error: RequestRejected) -> list[Outcome]:
    need_setup(client, name, [refused(error.code)], _columns(records))
    if len(records) == 1:
        return [refused(error.code)]
    middle = len(records) // 2
    return [*write_collection(client, name, records[:middle]), *write_collection(client, name, records[middle:])]


def _columns(records: Sequence[Json]) -> list[str]:
    """The fields that these records set."""
    return sorted({key for one in records for key in one} - {"attributes", "id"})


def _times(read: SubAnswer) -> dict[str, datetime]:
    rows = read.body.get("records") if read.is_good and isinstance(read.body, dict) else ()
    return {str(row["Id"]): datetime.fromisoformat(row["SystemModstamp"]) for row in rows or () if row.get("SystemModstamp")}
