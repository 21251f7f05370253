"""Tasks, written so that none exists twice, whatever becomes of an answer.

A task is found by its key, through SOQL, which shows what was written at once. Where the key is an external id, creating is an upsert by it:
Salesforce itself keeps a second one from being made. Where an org allowed none, a task whose answer was lost is looked for among the tasks of
its contact before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from connectors.salesforce.answers import CRM as CRM_LABEL
from connectors.salesforce.client import COLLECTION_LIMIT, Client, Request, parts
from connectors.salesforce.definitions import INTEGRATION
from connectors.salesforce.describing import described
from connectors.salesforce.names import CRM, TASK_KEY, object_of
from connectors.salesforce.ourselves import fetch_user_id
from connectors.salesforce.outcomes import Outcome, need_setup, refused, to_outcome, to_report
from connectors.salesforce.writing import write_locked_again
from transforms.vocabulary.changes import TASKS, Fate, WriteReport
from transforms.vocabulary.errors import OutcomeUnknown, RequestRejected, SetupNeeded
from transforms.vocabulary.tables import empty_table, to_table

Json = dict[str, Any]

WAYS = {"call": "Call", "email": "Email", "linkedin": "LinkedIn", "todo": "Task"}
PRIORITIES = {"high": "High", "medium": "Normal", "low": "Low"}
SUBJECT_LIMIT, BODY_LIMIT = 255, 32_000
NAMES_AT_ONCE = 200
"""Keys or ids that one query asks for."""

WORDS_CALLS = 2
"""Calls that find out what the org calls the things that a task needs."""

TRIES = 4
"""How often tasks are looked for and the rest of them sent."""

NOT_THE_OWNER = frozenset({"INACTIVE_OWNER_OR_USER", "OP_WITH_INVALID_USER_TYPE_EXCEPTION", "INVALID_OWNER", "TRANSFER_REQUIRES_READ"})
"""Codes that say that the owner is the trouble: they left, or may not have tasks."""

NOT_IN_THE_LIST = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
UNSURE = ("TaskSubtype", "Priority", "OwnerId")
"""What a task can do without where an org refuses it."""

COLUMNS = (
    *("Id", TASK_KEY, "Subject", "Description", "Status", "IsClosed", "Priority", "TaskSubtype", "ActivityDate"),
    *("OwnerId", "WhoId", "LastModifiedById", "IsDeleted"),
)


@dataclass(frozen=True)
class Words:
    """What an org calls the things that a task needs: the words of its own lists, and whether the key is an external id."""

    open_status: str
    closed_status: str
    priorities: frozenset[str]
    ways: frozenset[str]
    is_unique: bool


class Tasks:
    """The tasks of one org."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._words: Words | None = None
        self._user_id = ""

    def forget(self) -> None:
        """Set-up has changed the org: look at it again."""
        self._words = None

    def create(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """Create the tasks that do not exist yet, also not in the recycle bin; one report a task."""
        if len(tasks):
            words = self._org_words()
            for batch in parts(tasks.to_dict("records"), COLLECTION_LIMIT):
                yield from self._create(batch, words)

    def update(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """Bring tasks to the given state; those that are to be ``deleted`` go into the recycle bin."""
        rows = tasks.to_dict("records")
        gone = [row for row in rows if row["state"] == "deleted"]
        for batch in parts(gone, COLLECTION_LIMIT):
            yield from self._delete(batch)
        kept = [row for row in rows if row["state"] != "deleted"]
        if not kept:
            return
        words = self._org_words()
        for batch in parts(kept, COLLECTION_LIMIT):
            records = [{"attributes": {"type": "Task"}, "id": row["task_id"], **to_values(row, words, is_new=False)} for row in batch]
            outcomes = self._write("PATCH", "composite/sobjects", records, is_repeatable=True)
            for row, outcome in zip(batch, outcomes, strict=True):
                yield to_report("tasks", row["task_key"], outcome)

    def current(self, tasks: pd.DataFrame) -> pd.DataFrame:
        """Those of the tasks that exist, archived ones and those in the recycle bin too, as they stand now."""
        if tasks.empty:
            return empty_table(TASKS)
        rows = {row["task_key"]: row for row in tasks.to_dict("records")}
        by_id = [str(row["task_id"]) for row in rows.values() if _given(row["task_id"])]
        found = [*self._select("Id", by_id), *self._by_key([row for row in rows.values() if not _given(row["task_id"])])]
        return to_tasks([record for key, record in _ours(found).items() if key in rows], rows, self._own_user_id())

    def _create(self, batch: Sequence[Json], words: Words) -> Iterator[WriteReport]:
        reports: dict[str, WriteReport] = {}
        left_out: dict[str, set[str]] = {row["task_key"]: set() for row in batch}
        unknown: OutcomeUnknown | None = None
        todo = list(batch)
        for _ in range(TRIES):
            there = _ours(self._by_key(todo))
            for key, record in there.items():
                reports[key] = to_report("tasks", key, Outcome(Fate.UNCHANGED, crm_id=str(record["Id"])))
            todo = [row for row in todo if row["task_key"] not in there]
            if not todo:
                break
            try:
                outcomes = self._send(todo, words, left_out)
            except OutcomeUnknown as error:
                unknown = error
                continue
            reports |= _settled(todo, outcomes, left_out)
            todo = [row for row in todo if row["task_key"] not in reports]
            unknown = None
        for row in batch:
            if row["task_key"] in reports or unknown is None:
                yield reports.get(row["task_key"]) or to_report("tasks", row["task_key"], refused("NOT_CONFIRMED"))
        if unknown is not None:
            raise unknown

    def _send(self, rows: Sequence[Json], words: Words, left_out: Mapping[str, set[str]]) -> list[Outcome]:
        records = []
        for row in rows:
            values = to_values(row, words, is_new=True)
            kept = {name: value for name, value in values.items() if name not in left_out[row["task_key"]]}
            records.append({"attributes": {"type": "Task"}, TASK_KEY: row["task_key"], **kept})
        if words.is_unique:
            return self._write("PATCH", f"composite/sobjects/Task/{TASK_KEY}", records, is_repeatable=True)
        return self._write("POST", "composite/sobjects", records, is_repeatable=False)

    def _write(self, method: str, path: str, records: Sequence[Json], *, is_repeatable: bool) -> list[Outcome]:
        def write(some: Sequence[Json]) -> list[Outcome]:
            try:
                results, _ = self._client.collection(
                    method, path, some, what=f"write {len(some)} tasks", is_repeatable=is_repeatable, purpose="tasks"
                )
            except RequestRejected as error:
                need_setup(self._client, "Task", [refused(error.code)], [TASK_KEY])
                if len(some) == 1:
                    return [refused(error.code)]
                middle = len(some) // 2
                return [*write(some[:middle]), *write(some[middle:])]
            outcomes = [to_outcome(result) for result in results]
            need_setup(self._client, "Task", [one for one in outcomes if not _trouble(one)], [TASK_KEY])
            return outcomes

        return write_locked_again(self._client, records, write)

    def _delete(self, batch: Sequence[Json]) -> Iterator[WriteReport]:
        query = {"ids": ",".join(str(row["task_id"]) for row in batch), "allOrNone": "false"}
        request = Request("DELETE", "composite/sobjects", f"delete {len(batch)} tasks", "tasks", query=query, is_write=True)
        results = self._client.request(request).body
        is_told = isinstance(results, list) and len(results) == len(batch) and all(isinstance(one, dict) for one in results)
        for place, row in enumerate(batch):
            outcome = to_outcome(results[place]) if is_told else refused("NOT_CONFIRMED")
            # One that is deleted already is as it was to be.
            is_gone = outcome.fate is Fate.WRITTEN or outcome.code == "ENTITY_IS_DELETED"
            yield to_report("tasks", row["task_key"], Outcome(Fate.WRITTEN, crm_id=str(row["task_id"])) if is_gone else outcome)

    def _by_key(self, rows: Sequence[Json]) -> list[Json]:
        """The records of these tasks by their keys. Without an index on the key only the tasks of their contacts are asked."""
        if not rows:
            return []
        keys = [str(row["task_key"]) for row in rows]
        contacts = [] if self._org_words().is_unique else [str(row["contact_id"]) for row in rows]
        return list(self._select(TASK_KEY, keys, contacts))

    def _select(self, column: str, values: Sequence[str], contacts: Sequence[str] = ()) -> Iterator[Json]:
        for place, some in enumerate(parts(list(values), NAMES_AT_ONCE)):
            soql = f"SELECT {', '.join(COLUMNS)} FROM Task WHERE {column} IN ({_listed(some)})"  # noqa: S608 - quoted by _listed
            if contacts:
                soql += f" AND WhoId IN ({_listed(contacts[place * NAMES_AT_ONCE : (place + 1) * NAMES_AT_ONCE])})"
            try:
                for records in self._client.query(soql, is_all=True, purpose="tasks", what="read our tasks"):
                    yield from records
            except RequestRejected as error:
                need_setup(self._client, "Task", [refused(error.code)], [TASK_KEY])
                raise

    def _own_user_id(self) -> str:
        if not self._user_id:
            self._user_id = fetch_user_id(self._client)
        return self._user_id

    def _org_words(self) -> Words:
        if self._words is None:
            fields = described(self._client, "Task", purpose="tasks")
            if TASK_KEY not in fields:
                raise SetupNeeded(
                    f"We tried to look at tasks and {CRM_LABEL} has no field {TASK_KEY} on them, or our user may not see it; run "
                    f"`stillthere setup`, or give our user the permission set {INTEGRATION}, then run again."
                )
            soql = "SELECT ApiName, IsClosed, IsDefault FROM TaskStatus ORDER BY SortOrder"
            pages = self._client.query(soql, purpose="tasks", what="read which states a task can have")
            self._words = to_words(fields, [record for page in pages for record in page])
        return self._words


def calls_for_tasks(create: pd.DataFrame, update: pd.DataFrame) -> int:
    """How many calls TASKS take to create and to update where nothing is refused: the org's words are asked for, those to be created looked for."""
    gone = int((update["state"] == "deleted").sum())
    batches = 2 * -(-len(create) // COLLECTION_LIMIT) + -(-gone // COLLECTION_LIMIT) + -(-(len(update) - gone) // COLLECTION_LIMIT)
    return batches + WORDS_CALLS if batches else 0


def to_words(fields: Mapping[str, Json], states: Sequence[Json]) -> Words:
    """What an org calls the things that a task needs. ``states`` are its TaskStatus rows in their order."""

    def values(name: str) -> frozenset[str]:
        return frozenset(one["value"] for one in (fields.get(name) or {}).get("picklistValues") or () if one.get("active", True))

    still_open = [one for one in states if not one["IsClosed"]]
    closed = [one for one in states if one["IsClosed"]]
    if not still_open or not closed:
        raise SetupNeeded(
            "We tried to find out in which states a task is open and in which it is closed, and the org has not both; add the missing one to "
            "Setup, Task fields, Status, then run again."
        )
    default = next((one for one in still_open if one["IsDefault"]), still_open[0])
    done = next((one for one in closed if one["ApiName"] == "Completed"), closed[0])
    is_unique = bool(fields[TASK_KEY].get("externalId")) and bool(fields[TASK_KEY].get("unique"))
    return Words(str(default["ApiName"]), str(done["ApiName"]), values("Priority"), values("TaskSubtype"), is_unique)


def to_values(row: Mapping[str, Any], words: Words, *, is_new: bool) -> Json:
    """A TASKS row in Salesforce's form. What is missing is left as it is; what the org has no word for is left to its default.

    A task's subtype and what it is related to are said when it is made. A task of a lead cannot also belong to an account.
    """
    state = str(row["state"]) if _given(row["state"]) else "open"
    values: Json = {
        "Subject": _cut(str(row["subject"]), SUBJECT_LIMIT),
        "Description": _cut(str(row["body"]), BODY_LIMIT),
        "Status": words.open_status if state == "open" else words.closed_status,
        "ActivityDate": pd.Timestamp(row["due_at"]).strftime("%Y-%m-%d"),
    }
    priority = PRIORITIES.get(str(row["priority"]))
    if priority in words.priorities:
        values["Priority"] = priority
    if _given(row["owner_id"]):
        values["OwnerId"] = str(row["owner_id"])
    if is_new:
        values["WhoId"] = str(row["contact_id"])
        is_account = _given(row["company_id"]) and object_of(str(row["company_id"])) == "Account"
        if is_account and object_of(str(row["contact_id"])) == "Contact":
            values["WhatId"] = str(row["company_id"])
        way = WAYS.get(str(row["way"]))
        if way in words.ways:
            values["TaskSubtype"] = way
    return values


def to_tasks(records: Sequence[Json], rows: Mapping[str, Json], user_id: str) -> pd.DataFrame:
    """Task records as TASKS rows. Play and reason are ours alone; Salesforce does not hold them. A due date is a day, so its time is midnight."""
    ways, priorities = ({crm: word for word, crm in table.items()} for table in (WAYS, PRIORITIES))
    found = [
        {
            "task_key": record[TASK_KEY],
            "crm": CRM,
            "contact_id": rows[record[TASK_KEY]]["contact_id"],
            "owner_id": record["OwnerId"],
            "play": "unknown",
            "reason": "unknown",
            "subject": record["Subject"] or "(none)",
            "body": record["Description"] or "(none)",
            "way": ways.get(record["TaskSubtype"] or "", "todo"),
            "priority": priorities.get(record["Priority"] or ""),
            "due_at": record["ActivityDate"] or rows[record[TASK_KEY]]["due_at"],
            "state": "deleted" if record["IsDeleted"] else "done" if record["IsClosed"] else "open",
            "task_id": record["Id"],
            "changed_by_people": record["LastModifiedById"] != user_id,
        }
        for record in records
    ]
    return to_table(TASKS, found) if found else empty_table(TASKS)


def _ours(records: Sequence[Json]) -> dict[str, Json]:
    """The record of each key. People may have copied a task together with its key: the first that is not deleted is ours, else the first."""
    found: dict[str, Json] = {}
    for record in sorted(records, key=lambda one: (one["IsDeleted"], one["Id"])):
        found.setdefault(record[TASK_KEY], record)
    return found


def _settled(rows: Sequence[Json], outcomes: Sequence[Outcome], left_out: dict[str, set[str]]) -> dict[str, WriteReport]:
    """Reports of the tasks whose outcome is final. What the org refused of the others is noted in ``left_out``, to send them again without."""
    reports = {}
    for row, outcome in zip(rows, outcomes, strict=True):
        key = row["task_key"]
        trouble = _trouble(outcome) - left_out[key]
        if trouble:
            left_out[key] |= trouble
        elif outcome.code != "DUPLICATE_VALUE":  # one that is there after all is found by the next look
            told = _with_what_was_left_out(outcome, left_out[key])
            reports[key] = to_report("tasks", key, told, Fate.UNCHANGED if outcome.is_new is False else None)
    return reports


def _trouble(outcome: Outcome) -> set[str]:
    """What of a task the org refused and the task can do without."""
    if outcome.fate is not Fate.FAILED:
        return set()
    if outcome.code in NOT_THE_OWNER or (outcome.code == "INVALID_CROSS_REFERENCE_KEY" and "OwnerId" in outcome.fields):
        return {"OwnerId"}
    named = set(outcome.fields) & set(UNSURE)
    if outcome.code == NOT_IN_THE_LIST:
        return named
    # An upsert that meets its own task, made by a call whose answer was lost, is a change; and a subtype cannot be changed.
    return named if outcome.code == "INVALID_FIELD_FOR_INSERT_UPDATE" else set()


def _with_what_was_left_out(outcome: Outcome, left_out: set[str]) -> Outcome:
    if outcome.fate is Fate.FAILED or "OwnerId" not in left_out:
        return outcome
    return replace(
        outcome, message=f"{CRM_LABEL} does not let its owner have it (they may have left), so the task stands with our own user."
    )


def _listed(values: Sequence[str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace("'", "\\'") for value in values)
    return ", ".join(f"'{value}'" for value in quoted)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _given(value: Any) -> bool:
    return value is not None and not pd.isna(value) and value != ""
