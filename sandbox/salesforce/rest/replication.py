"""What changed and what was deleted in a span of time: getUpdated and getDeleted."""

from __future__ import annotations

from sandbox.salesforce.asking import Answer, Asked, Route
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.rest.reading import kind_of
from sandbox.salesforce.schema import ObjectType
from sandbox.salesforce.values import read_time, rest_time

DAY_MS = 86_400_000
UPDATED_DAYS, DELETED_DAYS = 30, 15
MOST_IDS = 600_000
MINUTE_MS = LEAST_SPAN_MS = 60_000


def list_updated(asked: Asked) -> Answer:
    """``GET sobjects/X/updated?start=&end=``: the ids of records that were made or changed.

    ``latestDateCovered`` is where the next span begins: earlier than asked for where a change is not committed yet.
    """
    kind, start, end = _span(asked, UPDATED_DAYS)
    now, elapsed = asked.org.now_ms(), asked.org.elapsed_ms()
    covered = min(end, now)
    ids = []
    for record in asked.org.store(kind.name).stamped(start, end):
        stamp = record.values.get(asked.org.store(kind.name).stamp_field, 0)
        if record.visible_ms > elapsed:
            covered = min(covered, stamp)
        elif not record.is_deleted:
            ids.append(record.id)
    if len(ids) > MOST_IDS:
        raise OrgError(
            400, "EXCEEDED_ID_LIMIT", f"The number of ids ({len(ids)}) is above the limit of {MOST_IDS}; ask for a shorter span."
        )
    return Answer(200, {"ids": ids, "latestDateCovered": rest_time(covered)}, records_out=len(ids))


def list_deleted(asked: Asked) -> Answer:
    """``GET sobjects/X/deleted?start=&end=``: ids and moments of deletions. Not among them is what was brought back, or is not committed yet."""
    kind, start, end = _span(asked, DELETED_DAYS)
    now, elapsed = asked.org.now_ms(), asked.org.elapsed_ms()
    rows = asked.org.store(kind.name).rows
    told = [
        {"id": record_id, "deletedDate": rest_time(ms // 1000 * 1000)}
        for ms, record_id in asked.org.deletions.get(kind.name, [])
        if start <= ms <= end and (record_id not in rows or (rows[record_id].is_deleted and rows[record_id].visible_ms <= elapsed))
    ]
    return Answer(
        200,
        {
            "deletedRecords": told,
            "earliestDateAvailable": rest_time(now - DELETED_DAYS * DAY_MS),
            "latestDateCovered": rest_time(min(end, now)),
        },
        records_out=len(told),
    )


def _span(asked: Asked, days: int) -> tuple[ObjectType, int, int]:
    kind = kind_of(asked, asked.parts["object"])
    if not kind.replicateable:
        raise OrgError(400, "INVALID_TYPE_FOR_OPERATION", f"{kind.name} is not replicable")
    start, end = _moment(asked, "start"), _moment(asked, "end")
    if end - start < LEAST_SPAN_MS:
        raise OrgError(400, "INVALID_REPLICATION_DATE", "endDate must be at least one minute greater than the startDate")
    if start < asked.org.now_ms() - days * DAY_MS:
        raise OrgError(400, "INVALID_REPLICATION_DATE", "startDate before org replication enabled date")
    return kind, start, end


def _moment(asked: Asked, name: str) -> int:
    text = asked.one(name)
    if not text:
        raise OrgError(400, "MISSING_ARGUMENT", f"The {name} parameter is required")
    try:
        # A plus that nobody quoted arrives as a blank.
        # Seconds are passed over: 12:35:15 is read as 12:35.
        return read_time(text.strip().replace(" ", "+")) // MINUTE_MS * MINUTE_MS
    except ValueError:
        raise OrgError(400, "INVALID_REPLICATION_DATE", f"The {name} parameter is no date and time: {text}") from None


ROUTES = [
    Route("GET", "/services/data/v{version}/sobjects/{object}/updated", list_updated),
    Route("GET", "/services/data/v{version}/sobjects/{object}/deleted", list_deleted),
]
