"""Writing in batches of a hundred: every input has a trace id, every record gets exactly one report, and a bad record is taken out of its batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from connectors.hubspot.answers import errors_of, named_in, to_refusal
from connectors.hubspot.client import BATCH_LIMIT, NOT_CONFIRMED, Client, parts
from connectors.hubspot.definitions import to_wire
from connectors.hubspot.mapping import CRM
from connectors.hubspot.streams import PREFIX
from connectors.hubspot.values import from_ms, to_ms
from transforms.vocabulary.changes import Fate, WriteReport
from transforms.vocabulary.errors import RequestRejected, SetupNeeded
from transforms.vocabulary.fields import Field

Json = dict[str, Any]
Send = Callable[[Sequence[Json]], Json]
Look = Callable[[Sequence[Json]], Mapping[int, "Outcome"]]
"""Given inputs of a batch, tells by their places what became of those that stand."""

WRITERS = 4


@dataclass(frozen=True)
class Outcome:
    """What became of one input of a batch."""

    fate: Fate
    code: str = ""
    message: str = ""
    crm_id: str = ""
    modified_at: datetime | None = None
    is_new: bool | None = None


def write_cells(client: Client, table: str, cells: pd.DataFrame, fields: Sequence[Field]) -> Iterator[WriteReport]:
    """Write CELLS of one table; one report a record. Several batches are on their way at once."""
    del fields  # the canonical text is HubSpot's own form for every kind
    wanted: dict[str, dict[str, str]] = {}
    for record_id, name, new in zip(cells["record_id"], cells["field"], cells["new"], strict=True):
        wanted.setdefault(str(record_id), {})[PREFIX + name] = to_wire(None if pd.isna(new) else str(new))
    inputs = [{"id": record_id, "properties": properties} for record_id, properties in wanted.items()]

    def write(batch: Sequence[Json]) -> list[WriteReport]:
        outcomes = write_batch(
            batch,
            lambda some: client.batch_write(table, "update", some, is_repeatable=True),
            lambda some: _standing(client, table, some),
        )
        return [to_report(table, one["id"], outcome) for one, outcome in zip(batch, outcomes, strict=True)]

    with ThreadPoolExecutor(WRITERS, thread_name_prefix="hubspot-write") as pool:
        for reports in pool.map(write, list(parts(inputs, BATCH_LIMIT))):
            yield from reports


def calls_to_write(cells: pd.DataFrame, records_at_once: int) -> int:
    """How many calls :func:`write_cells` makes for CELLS of any tables, given in chunks of so many records, where nothing is refused."""
    records = cells.drop_duplicates(["table", "record_id"]).groupby("table").size()
    return sum(-(-min(n - first, records_at_once) // BATCH_LIMIT) for n in records for first in range(0, n, records_at_once))


def write_batch(batch: Sequence[Json], send: Send, look: Look | None = None) -> list[Outcome]:
    """Send at most a hundred inputs; one outcome for each, in their order. Where HubSpot refuses the whole batch, the bad records are found and left out.

    An input that no answer speaks of is neither written nor refused: ``look`` tells which of such inputs stand in HubSpot all the same.
    """
    traced = [{**one, "objectWriteTraceId": str(place)} for place, one in enumerate(batch)]
    found: dict[int, Outcome] = {}
    untold: list[str] = []
    _send_all(traced, send, found, untold)
    silent = [one for one in traced if _place(one) not in found]
    if silent and look is not None:
        found |= {place: outcome for place, outcome in look(silent).items() if place not in found}
    lost = Outcome(
        Fate.FAILED,
        untold[0] if untold else NOT_CONFIRMED,
        "HubSpot's answer left this record out: it was merged into another one, or is gone.",
    )
    return [found.get(place, lost) for place in range(len(batch))]


def _standing(client: Client, table: str, inputs: Sequence[Json]) -> dict[int, Outcome]:
    """Those of the inputs of an update whose every value HubSpot holds, as its records are now."""
    names = sorted({name for one in inputs for name in one["properties"]})
    held = {str(record["id"]): record for record in client.batch_read(table, [str(one["id"]) for one in inputs], names)}
    found = {}
    for one in inputs:
        record = held.get(str(one["id"]))
        if record is not None and all(_is_same(value, record["properties"].get(name)) for name, value in one["properties"].items()):
            found[_place(one)] = written(record)
    return found


def written(record: Mapping[str, Any]) -> Outcome:
    """The outcome of a record that HubSpot confirms, or that stands in it."""
    ms = to_ms(record.get("updatedAt"))
    return Outcome(
        Fate.WRITTEN,
        crm_id=str(record.get("id") or ""),
        modified_at=from_ms(ms) if ms is not None else None,
        is_new=record.get("new"),
    )


def _is_same(wanted: str, held: object) -> bool:
    """Whether a value stands; HubSpot writes moments with or without milliseconds."""
    text = "" if held is None else str(held)
    if text == wanted:
        return True
    ms = to_ms(wanted)
    return ms is not None and ms == to_ms(text)


def to_report(table: str, key: str, outcome: Outcome, fate: Fate | None = None) -> WriteReport:
    """The report of an outcome."""
    return WriteReport(CRM, table, key, fate or outcome.fate, outcome.code, outcome.message, outcome.crm_id, outcome.modified_at)


def _send_all(batch: Sequence[Json], send: Send, found: dict[int, Outcome], untold: list[str]) -> None:
    if not batch:
        return
    try:
        answer = send(batch)
    except RequestRejected as error:
        if error.status not in (400, 404, 409):
            raise
        _isolate(batch, send, found, untold, error)
        return
    _read_results(batch, answer, found)
    _read_errors(batch, answer, found, untold)


def _isolate(batch: Sequence[Json], send: Send, found: dict[int, Outcome], untold: list[str], error: RequestRejected) -> None:
    body = error.body if isinstance(error.body, Mapping) else {}
    if len(batch) == 1:
        found[_place(batch[0])] = _refused(body, error.code)
        return
    _need_setup(body)
    named = _named(batch, body)
    if named and len(named) < len(batch):
        for one in named:
            found[_place(one)] = _refused(body, error.code)
        _send_all([one for one in batch if one not in named], send, found, untold)
        return
    middle = len(batch) // 2
    _send_all(batch[:middle], send, found, untold)
    _send_all(batch[middle:], send, found, untold)


def _read_results(batch: Sequence[Json], answer: Json, found: dict[int, Outcome]) -> None:
    by_id = {str(one["id"]): _place(one) for one in batch if one.get("id")}
    sent = {_place(one) for one in batch}
    for result in answer.get("results") or ():
        if not isinstance(result, Mapping):
            continue
        trace = result.get("objectWriteTraceId")
        place = int(trace) if trace is not None and str(trace).isdecimal() else by_id.get(str(result.get("id")))
        if place in sent:
            found[place] = written(result)


def _read_errors(batch: Sequence[Json], answer: Json, found: dict[int, Outcome], untold: list[str]) -> None:
    """What the errors say; the code of one that names no input is noted in ``untold``."""
    for error in errors_of(answer):
        _need_setup(error)
        named = _named(batch, error)
        for one in named:
            found[_place(one)] = _refused(error, "REFUSED")
        if not named:
            untold.append(to_refusal(error).code or "REFUSED")


def _named(batch: Sequence[Json], error: Mapping[str, Any]) -> list[Json]:
    """The inputs that an error names, by trace id or by record id."""
    named = named_in(error)
    traces = set(named.get("objectWriteTraceId", ()))
    ids = {one for name in ("ids", "id") for one in named.get(name, ())}
    return [one for one in batch if one["objectWriteTraceId"] in traces or (one.get("id") and str(one["id"]) in ids)]


def _need_setup(error: Mapping[str, Any]) -> None:
    refusal = to_refusal(error)
    missing = [name for name in refusal.properties if name.startswith(PREFIX)]
    if "PROPERTY_DOESNT_EXIST" in (refusal.code, *refusal.codes):
        names = ", ".join(sorted(set(missing))) or "one of our properties"
        raise SetupNeeded(f"We tried to write {names} and HubSpot has no such property; run `stillthere setup`, then run again.")


def _refused(error: Mapping[str, Any], fallback: str) -> Outcome:
    refusal = to_refusal(error)
    about = f" about {', '.join(sorted(set(refusal.properties)))}" if refusal.properties else ""
    code = refusal.code or fallback
    return Outcome(
        Fate.FAILED,
        code,
        f"HubSpot refused this record{about} with {code}; see the record in HubSpot, and it is tried again in the next run.",
    )


def _place(one: Json) -> int:
    return int(one["objectWriteTraceId"])
