"""Writing in batches of a hundred: every input has a trace id, every record gets exactly one report, and a bad record is taken out of its batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from connectors.hubspot.answers import to_refusal
from connectors.hubspot.client import BATCH_LIMIT, Client, parts
from connectors.hubspot.definitions import to_wire
from connectors.hubspot.mapping import CRM
from connectors.hubspot.streams import PREFIX
from connectors.hubspot.values import from_ms, to_ms
from transforms.vocabulary.changes import Fate, WriteReport
from transforms.vocabulary.errors import RequestRejected, SetupNeeded
from transforms.vocabulary.fields import Field

Json = dict[str, Any]
Send = Callable[[Sequence[Json]], Json]

WRITERS = 4
NOT_CONFIRMED = "NOT_CONFIRMED"
"""HubSpot's answer left the record out: it was merged into another one, or is gone. It counts as failed."""


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
        outcomes = write_batch(batch, lambda some: client.batch_write(table, "update", some, is_repeatable=True))
        return [to_report(table, one["id"], outcome) for one, outcome in zip(batch, outcomes, strict=True)]

    with ThreadPoolExecutor(WRITERS, thread_name_prefix="hubspot-write") as pool:
        for reports in pool.map(write, list(parts(inputs, BATCH_LIMIT))):
            yield from reports


def write_batch(batch: Sequence[Json], send: Send) -> list[Outcome]:
    """Send at most a hundred inputs; one outcome for each, in their order. Where HubSpot refuses the whole batch, the bad records are found and left out."""
    traced = [{**one, "objectWriteTraceId": str(place)} for place, one in enumerate(batch)]
    found: dict[int, Outcome] = {}
    _send_all(traced, send, found)
    lost = Outcome(Fate.FAILED, NOT_CONFIRMED, "HubSpot's answer left this record out: it was merged into another one, or is gone.")
    return [found.get(place, lost) for place in range(len(batch))]


def to_report(table: str, key: str, outcome: Outcome, fate: Fate | None = None) -> WriteReport:
    """The report of an outcome."""
    return WriteReport(CRM, table, key, fate or outcome.fate, outcome.code, outcome.message, outcome.crm_id, outcome.modified_at)


def _send_all(batch: Sequence[Json], send: Send, found: dict[int, Outcome]) -> None:
    if not batch:
        return
    try:
        answer = send(batch)
    except RequestRejected as error:
        if error.status not in (400, 404, 409):
            raise
        _isolate(batch, send, found, error)
        return
    _read_results(batch, answer, found)
    _read_errors(batch, answer, found)


def _isolate(batch: Sequence[Json], send: Send, found: dict[int, Outcome], error: RequestRejected) -> None:
    body = error.body if isinstance(error.body, Mapping) else {}
    if len(batch) == 1:
        found[_place(batch[0])] = _refused(body, error.code)
        return
    _need_setup(body)
    named = _named(batch, body)
    if named and len(named) < len(batch):
        for one in named:
            found[_place(one)] = _refused(body, error.code)
        _send_all([one for one in batch if one not in named], send, found)
        return
    middle = len(batch) // 2
    _send_all(batch[:middle], send, found)
    _send_all(batch[middle:], send, found)


def _read_results(batch: Sequence[Json], answer: Json, found: dict[int, Outcome]) -> None:
    by_id = {str(one["id"]): _place(one) for one in batch if one.get("id")}
    for result in answer.get("results", ()):
        trace = result.get("objectWriteTraceId")
        place = int(trace) if trace is not None and str(trace).isdigit() else by_id.get(str(result.get("id")))
        if place is not None:
            ms = to_ms(result.get("updatedAt"))
            found[place] = Outcome(
                Fate.WRITTEN,
                crm_id=str(result.get("id") or ""),
                modified_at=from_ms(ms) if ms is not None else None,
                is_new=result.get("new"),
            )


def _read_errors(batch: Sequence[Json], answer: Json, found: dict[int, Outcome]) -> None:
    for error in answer.get("errors") or ():
        _need_setup(error)
        for one in _named(batch, error):
            found[_place(one)] = _refused(error, "REFUSED")


def _named(batch: Sequence[Json], error: Mapping[str, Any]) -> list[Json]:
    """The inputs that an error names, by trace id or by record id."""
    contexts = [error.get("context") or {}, *((item.get("context") or {}) for item in error.get("errors") or ())]
    traces = {str(trace) for context in contexts for trace in context.get("objectWriteTraceId") or ()}
    ids = {str(one) for context in contexts for name in ("ids", "id") for one in context.get(name) or ()}
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
