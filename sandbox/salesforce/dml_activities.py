"""Tasks and events: what is calculated of them, and the last activity of those they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sandbox.clock import from_ms, to_ms
from sandbox.salesforce.errors import RowError, RowFault
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

_DAY_MIN = 1440
_DAY_MS = 86_400_000
_LONGEST_MIN = 14 * _DAY_MIN


def is_closed(org: Org, status: str | None, statuses: str = "TaskStatus") -> bool:
    """Whether a status is one of the closed ones: the records of TaskStatus or CaseStatus say so."""
    return any(one.values.get("IsClosed", False) for one in org.store(statuses) if one.values.get("ApiName") == status)


def account_of(org: Org, values: Mapping[str, Any]) -> str | None:
    """The account of an activity: that of what it is about, else that of the contact."""
    for name in ("WhatId", "WhoId"):
        record = org.find(values[name]) if values.get(name) else None
        if record is not None:
            account: str | None = record.id if record.object == "Account" else record.values.get("AccountId")
            if account:
                return account
    return None


def add_count_fields(org: Org) -> None:
    """The fields that an org with shared activities has: how many people and how many things an activity is about."""
    for name, label in (("WhoCount", "Relation Count"), ("WhatCount", "Related To Count")):
        org.add_field("Activity", Field(name, label, "int", digits=9, createable=False, updateable=False, permissionable=False))


def counts(org: Org, whole: Mapping[str, Any]) -> dict[str, Any]:
    """How many people and things an activity is about; nothing where the org has no shared activities."""
    if not org.org.shared_activities:
        return {}
    return {"WhoCount": int(bool(whole.get("WhoId"))), "WhatCount": int(bool(whole.get("WhatId")))}


def task_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    """IsClosed by the status, CompletedDateTime when that changes, the account, and the subtype of a new task."""
    found = counts(org, whole)
    if former is None or "Status" in given:
        closed = is_closed(org, whole.get("Status"))
        found["IsClosed"] = closed
        if closed != bool(former and former.get("IsClosed")):
            found["CompletedDateTime"] = org.now_ms() if closed else None
    if former is None or "Priority" in given:
        found["IsHighPriority"] = whole.get("Priority") == "High"
    if former is None or {"WhoId", "WhatId"} & given:
        found["AccountId"] = account_of(org, whole)
    if former is None and not whole.get("TaskSubtype"):
        found["TaskSubtype"] = "Task"
    return found


def event_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    """Start, end, duration and date, each from the others; the account. RowError where they contradict each other."""
    found = counts(org, whole)
    if former is None or {"WhoId", "WhatId"} & given:
        found["AccountId"] = account_of(org, whole)
    if former is None:
        found.update({"ShowAs": whole.get("ShowAs") or "Busy", "GroupEventType": "0", "EventSubtype": whole.get("EventSubtype") or "Event"})
    if former is not None and not given & {
        "StartDateTime",
        "ActivityDateTime",
        "EndDateTime",
        "DurationInMinutes",
        "ActivityDate",
        "IsAllDayEvent",
    }:
        return found
    start, minutes = _span(whole, former, given)
    end = start + minutes * 60_000
    all_day = bool(whole.get("IsAllDayEvent"))
    # An event of a whole day lies at midnight UTC and ends on its last day.
    last = end - _DAY_MIN * 60_000 if all_day else end
    found.update(
        {
            "StartDateTime": start,
            "ActivityDateTime": start,
            "EndDateTime": last if all_day else end,
            "DurationInMinutes": minutes,
            "ActivityDate": from_ms(start).date().isoformat(),
            "EndDate": from_ms(last).date().isoformat(),
        }
    )
    return found


def _span(whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> tuple[int, int]:
    start = whole.get("ActivityDateTime") if "ActivityDateTime" in given and "StartDateTime" not in given else whole.get("StartDateTime")
    if whole.get("IsAllDayEvent"):
        if whole.get("ActivityDate") and (former is None or "ActivityDate" in given):
            start = to_ms(datetime.combine(date.fromisoformat(whole["ActivityDate"]), datetime.min.time(), UTC))
        if start is not None:
            start -= start % (_DAY_MIN * 60_000)
    if start is None:
        raise _missing("ActivityDateTime")
    minutes, end = whole.get("DurationInMinutes"), whole.get("EndDateTime")
    if "EndDateTime" in given and end is not None:
        spanned = (end - start) // 60_000 + (_DAY_MIN if whole.get("IsAllDayEvent") else 0)
        if "DurationInMinutes" in given and minutes is not None and minutes != spanned:
            raise _contradiction("Duration: the duration does not fit the start and the end", "DurationInMinutes")
        minutes = spanned
    if minutes is None:
        if not whole.get("IsAllDayEvent"):
            raise _missing("DurationInMinutes")
        minutes = _DAY_MIN
    if minutes < 0 or minutes > _LONGEST_MIN:
        raise _contradiction("End: the end must lie after the start, and no more than 14 days", "EndDateTime")
    return start, minutes


def _missing(name: str) -> RowError:
    return RowError(RowFault("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{name}]", (name,)))


def _contradiction(message: str, name: str) -> RowError:
    return RowError(RowFault("FIELD_INTEGRITY_EXCEPTION", message, (name,)))


def counted_on(record: Record) -> str | None:
    """The day for which an activity counts as the last of its contact: a closed task's due date (or day of closing), an event's date."""
    values = record.values
    if record.is_deleted:
        return None
    if record.object == "Task" and not values.get("IsClosed"):
        return None
    if values.get("ActivityDate"):
        return str(values["ActivityDate"])
    done = values.get("CompletedDateTime")
    return from_ms(done).date().isoformat() if done is not None else None


def after_activity(org: Org, user_id: str, record: Record, former: Mapping[str, Any] | None, given: Mapping[str, Any]) -> None:  # noqa: ARG001 - every rule is called alike
    """The last activity of the person and the account; their stamps stay."""
    if former is None:
        day = counted_on(record)
        for name in ("WhoId", "AccountId"):
            _raise_to(org, record.values.get(name), day)
        return
    for name in ("WhoId", "AccountId"):
        for parent_id in {former.get(name), record.values.get(name)}:
            refresh_last_activity(org, parent_id)


def invitation_values(org: Org, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    """The status of a new invitation, and when a guest answered."""
    status = whole.get("Status") or "New"
    answered = "Status" in given and status in {"Accepted", "Declined"} and "RespondedDate" not in given
    found: dict[str, Any] = {"RespondedDate": org.now_ms()} if answered else {}
    return {**found, "Status": status} if former is None else found


def after_invitation(org: Org, user_id: str, record: Record, former: Mapping[str, Any] | None, given: Mapping[str, Any]) -> None:  # noqa: ARG001 - every rule is called alike
    """An event with guests is a group event."""
    event = org.find(record.values.get("EventId", ""))
    if former is None and event is not None and not event.values.get("IsGroupEvent"):
        org.store("Event").change(event, {"IsGroupEvent": True, "GroupEventType": "1"})


def _raise_to(org: Org, parent_id: str | None, day: str | None) -> None:
    parent = org.find(parent_id) if parent_id and day else None
    if parent is not None and day is not None and day > parent.values.get("LastActivityDate", ""):
        org.store(parent.object).change(parent, {"LastActivityDate": day})


def refresh_last_activity(org: Org, parent_id: str | None) -> None:
    """Find the last activity of a contact, lead or account anew."""
    parent = org.find(parent_id) if parent_id else None
    if parent is None or org.kind(parent.object).field("LastActivityDate") is None:
        return
    name = "AccountId" if parent.object == "Account" else "WhoId"
    days = [day for store in ("Task", "Event") for one in org.store(store).children(name, parent.id) if (day := counted_on(one))]
    latest = max(days, default=None)
    if latest != parent.values.get("LastActivityDate"):
        org.store(parent.object).change(parent, {"LastActivityDate": latest})


def is_archivable(record: Record, now_ms: int, archive_days: int) -> bool:
    """Whether an activity is old enough to be archived: a closed task by its due date (else its creation), an event by its date."""
    values = record.values
    if record.object == "Task" and not values.get("IsClosed"):
        return False
    limit = _day_before(now_ms // _DAY_MS, archive_days)
    day = values.get("ActivityDate") or from_ms(values.get("CreatedDate", now_ms)).date().isoformat()
    return str(day) <= limit


@cache
def _day_before(day_number: int, days: int) -> str:
    return (from_ms(day_number * _DAY_MS) - timedelta(days=days)).date().isoformat()
