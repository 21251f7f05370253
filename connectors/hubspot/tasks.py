"""Tasks, written so that none exists twice, whatever becomes of an answer.

Where the portal allows a unique property on tasks, a task is created by its key: sending that twice gives one task. Where it does not, the
contact's own tasks are read, by association, before anything is sent again; search is never asked, because it lags.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from connectors.hubspot.client import BATCH_LIMIT, Client, parts
from connectors.hubspot.linking import link
from connectors.hubspot.mapping import column, made
from connectors.hubspot.streams import TASK_KEY
from connectors.hubspot.values import to_texts, to_times
from connectors.hubspot.writing import Outcome, to_report, write_batch, written
from transforms.vocabulary.changes import TASKS, Fate, WriteReport
from transforms.vocabulary.errors import OutcomeUnknown, SetupNeeded
from transforms.vocabulary.markup import to_plain
from transforms.vocabulary.tables import empty_table

Json = dict[str, Any]

TASK_TO_CONTACT, TASK_TO_COMPANY = 204, 192

WAYS = {"call": "CALL", "email": "EMAIL", "linkedin": "LINKED_IN_MESSAGE", "todo": "TODO"}
PRIORITIES = {"high": "HIGH", "medium": "MEDIUM", "low": "LOW"}
STATUSES = {"open": "NOT_STARTED", "done": "COMPLETED", "closed_by_us": "COMPLETED"}
"""HubSpot has no word for a task that has become needless: it is completed, and our journal knows that it was we who did it."""

PROPERTIES = (
    *(TASK_KEY, "hs_task_subject", "hs_task_body", "hs_task_status", "hs_task_priority", "hs_task_type"),
    *("hs_timestamp", "hubspot_owner_id", "hs_updated_by_user_id"),
)
BODY_LIMIT = 65_536
TRIES = 4
"""How often a batch whose answer was lost is looked up and the rest of it sent."""


class Tasks:
    """The tasks of one portal."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._is_unique: bool | None = None

    def forget(self) -> None:
        """Set-up has changed the portal: look again whether the key is unique."""
        self._is_unique = None

    def create(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """Create the tasks that do not exist yet; one report a task."""
        for batch in parts(tasks.to_dict("records"), BATCH_LIMIT):
            yield from self._create_by_key(batch) if self._has_unique_key() else self._create_looking(batch)

    def update(self, tasks: pd.DataFrame) -> Iterator[WriteReport]:
        """Bring tasks to the given state; those that are to be ``deleted`` are archived."""
        rows = tasks.to_dict("records")
        gone = [row for row in rows if row["state"] == "deleted"]
        if gone:
            self._client.archive("tasks", [row["task_id"] for row in gone])
            yield from (to_report("tasks", row["task_key"], Outcome(Fate.WRITTEN, crm_id=row["task_id"])) for row in gone)
        for batch in parts([row for row in rows if row["state"] != "deleted"], BATCH_LIMIT):
            inputs = [{"id": row["task_id"], "properties": {k: v for k, v in to_properties(row).items() if k != TASK_KEY}} for row in batch]
            outcomes = write_batch(inputs, lambda some: self._client.batch_write("tasks", "update", some, is_repeatable=True))
            yield from (to_report("tasks", row["task_key"], outcome) for row, outcome in zip(batch, outcomes, strict=True))

    def current(self, tasks: pd.DataFrame) -> pd.DataFrame:
        """Those of the tasks that exist, read strongly consistent: by id where it is known, else by key, else through their contacts."""
        if tasks.empty:
            return empty_table(TASKS)
        contact_of = dict(zip(tasks["task_key"], tasks["contact_id"], strict=True))
        ids = tasks["task_id"].dropna().unique().tolist()
        records = list(self._client.batch_read("tasks", ids, PROPERTIES)) if ids else []
        unknown = tasks[tasks["task_id"].isna()]
        if len(unknown) and self._has_unique_key():
            made_by_key = list(self._client.batch_read("tasks", unknown["task_key"].tolist(), PROPERTIES, id_property=TASK_KEY))
            records += self._linked(made_by_key, unknown)
        elif len(unknown):
            records += self._of_contacts(unknown["contact_id"].unique().tolist())
        # Where the key is not unique, people may have copied a task together with its key: the first one is ours.
        by_key = {key: record for record in reversed(records) if (key := record["properties"].get(TASK_KEY)) in contact_of}
        found = {str(record["id"]): record for record in by_key.values()}
        return to_tasks(list(found.values()), {one: contact_of[record["properties"][TASK_KEY]] for one, record in found.items()})

    def _linked(self, records: Sequence[Json], tasks: pd.DataFrame) -> list[Json]:
        """Those that are associated as they were to be: the others were not finished, and creating them again does it."""
        rows = {row["task_key"]: row for row in tasks.to_dict("records")}
        kept = list(records)
        for target, name in (("contacts", "contact_id"), ("companies", "company_id")):
            held = self._client.links("tasks", target, [str(record["id"]) for record in kept]) if kept else {}
            wanted = {str(record["id"]): rows[record["properties"][TASK_KEY]][name] for record in kept}
            kept = [one for one in kept if not _given(wanted[str(one["id"])]) or held.get(str(one["id"]))]
        return kept

    def _has_unique_key(self) -> bool:
        if self._is_unique is None:
            definition = self._client.definition("tasks", TASK_KEY)
            if definition is None or definition.get("archived"):
                raise SetupNeeded(
                    f"We tried to look at tasks and HubSpot has no property {TASK_KEY} on them; run `stillthere setup`, then run again."
                )
            self._is_unique = bool(definition.get("hasUniqueValue"))
        return self._is_unique

    def _create_by_key(self, batch: Sequence[Json]) -> Iterator[WriteReport]:
        there = {
            record["properties"].get(TASK_KEY): str(record["id"])
            for record in self._client.batch_read("tasks", [row["task_key"] for row in batch], (TASK_KEY,), id_property=TASK_KEY)
        }
        missing = [row for row in batch if row["task_key"] not in there]
        inputs = [{"idProperty": TASK_KEY, "id": row["task_key"], "properties": to_properties(row)} for row in missing]
        outcomes = (
            write_batch(inputs, lambda some: self._client.batch_write("tasks", "upsert", some, is_repeatable=True), self._there)
            if inputs
            else []
        )
        made_now = {row["task_key"]: outcome for row, outcome in zip(missing, outcomes, strict=True)}
        ids = {**there, **{key: outcome.crm_id for key, outcome in made_now.items() if outcome.fate is Fate.WRITTEN}}
        # Also those that were there: an earlier run may have ended between a task and its associations.
        unlinked = self._associate(batch, ids)
        for row in batch:
            key = row["task_key"]
            if key in unlinked:
                yield to_report("tasks", key, unlinked[key])
            elif key in there:
                yield to_report("tasks", key, Outcome(Fate.UNCHANGED, crm_id=there[key]))
            else:
                yield to_report("tasks", key, made_now[key], Fate.UNCHANGED if made_now[key].is_new is False else None)

    def _there(self, inputs: Sequence[Json]) -> dict[int, Outcome]:
        """Those of the inputs of an upsert whose task is there."""
        places = {str(one["id"]): int(one["objectWriteTraceId"]) for one in inputs}
        records = self._client.batch_read("tasks", list(places), (TASK_KEY,), id_property=TASK_KEY)
        return {places[key]: written(record) for record in records if (key := record["properties"].get(TASK_KEY)) in places}

    def _associate(self, batch: Sequence[Json], ids: Mapping[str, str]) -> dict[str, Outcome]:
        """Associate the tasks with their contacts and companies; the outcome of those with which that failed. The next run tries them again."""
        failed: dict[str, Outcome] = {}
        for target, type_id, name in (("contacts", TASK_TO_CONTACT, "contact_id"), ("companies", TASK_TO_COMPANY, "company_id")):
            pairs = {
                row["task_key"]: (ids[row["task_key"]], str(row[name])) for row in batch if row["task_key"] in ids and _given(row[name])
            }
            refused = link(self._client, "tasks", target, type_id, list(pairs.values())) if pairs else {}
            for key, pair in pairs.items():
                if pair in refused:
                    message = (
                        f"The task is there, but HubSpot did not associate it with {target} record {pair[1]} ({refused[pair]}); see that record "
                        "in HubSpot, and it is tried again in the next run."
                    )
                    failed.setdefault(key, Outcome(Fate.FAILED, refused[pair], message, crm_id=pair[0]))
        return failed

    def _create_looking(self, batch: Sequence[Json]) -> Iterator[WriteReport]:
        reports: dict[str, WriteReport] = {}
        unknown: OutcomeUnknown | None = None
        for _ in range(TRIES):
            todo = [row for row in batch if row["task_key"] not in reports]
            there = {
                record["properties"].get(TASK_KEY): str(record["id"])
                for record in self._of_contacts([str(row["contact_id"]) for row in todo])
            }
            for row in todo:
                if row["task_key"] in there:
                    reports[row["task_key"]] = to_report("tasks", row["task_key"], Outcome(Fate.UNCHANGED, crm_id=there[row["task_key"]]))
            todo = [row for row in todo if row["task_key"] not in reports]
            if not todo:
                break
            inputs = [{"properties": to_properties(row), "associations": _associations(row)} for row in todo]
            try:
                outcomes = write_batch(inputs, lambda some: self._client.batch_write("tasks", "create", some, is_repeatable=False))
            except OutcomeUnknown as error:
                unknown = error
                continue
            reports |= {row["task_key"]: to_report("tasks", row["task_key"], outcome) for row, outcome in zip(todo, outcomes, strict=True)}
            break
        else:
            if unknown is not None and len(reports) < len(batch):
                raise unknown
        yield from (reports[row["task_key"]] for row in batch)

    def _of_contacts(self, contact_ids: Sequence[str]) -> list[Json]:
        """All tasks of these contacts, read strongly consistent."""
        linked = self._client.links("contacts", "tasks", contact_ids) if contact_ids else {}
        ids = list(dict.fromkeys(task for tasks in linked.values() for task in tasks))
        return list(self._client.batch_read("tasks", ids, PROPERTIES)) if ids else []


def calls_for_tasks(create: pd.DataFrame, update: pd.DataFrame) -> int:
    """How many calls TASKS take to create and to update where nothing is refused: those to be created are looked for, made, and associated."""
    made_in = sum(3 + int(part["company_id"].notna().any()) for part in _parted(create))
    gone = int((update["state"] == "deleted").sum())
    return made_in + -(-gone // BATCH_LIMIT) + -(-(len(update) - gone) // BATCH_LIMIT)


def _parted(tasks: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for first in range(0, len(tasks), BATCH_LIMIT):
        yield tasks.iloc[first : first + BATCH_LIMIT]


def to_properties(row: Mapping[str, Any]) -> dict[str, str]:
    """A TASKS row in HubSpot's form. What is missing is left as it is."""
    text = html.escape(str(row["body"]), quote=False).replace("\n", "<br>")
    values = {
        TASK_KEY: row["task_key"],
        "hs_task_subject": row["subject"],
        "hs_task_body": text[:BODY_LIMIT],
        "hs_task_status": STATUSES.get(row["state"]) if _given(row["state"]) else "NOT_STARTED",
        "hs_task_priority": PRIORITIES.get(row["priority"]) if _given(row["priority"]) else None,
        "hs_task_type": WAYS.get(row["way"]) if _given(row["way"]) else None,
        "hs_timestamp": pd.Timestamp(row["due_at"]).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "hubspot_owner_id": row["owner_id"],
    }
    return {name: str(value) for name, value in values.items() if _given(value)}


def to_tasks(records: Sequence[Json], contacts: Mapping[str, str]) -> pd.DataFrame:
    """Task records as TASKS rows. Play and reason are ours alone; HubSpot does not hold them."""
    kept = [record for record in records if contacts.get(str(record["id"]))]
    ways, priorities = ({crm: word for word, crm in table.items()} for table in (WAYS, PRIORITIES))
    by = to_texts(column(kept, "hs_updated_by_user_id"))
    return made(
        TASKS,
        kept,
        {
            "task_key": to_texts(column(kept, TASK_KEY)),
            "contact_id": to_texts(contacts[str(record["id"])] for record in kept),
            "owner_id": to_texts(column(kept, "hubspot_owner_id")),
            "play": to_texts(["unknown"] * len(kept)),
            "reason": to_texts(["unknown"] * len(kept)),
            "subject": to_texts((text or "(none)") for text in column(kept, "hs_task_subject")),
            "body": to_texts((to_plain(text or "") or "(none)") for text in column(kept, "hs_task_body")),
            "way": to_texts(ways.get(text or "", "todo") for text in column(kept, "hs_task_type")),
            "priority": to_texts(priorities.get(text or "") for text in column(kept, "hs_task_priority")),
            "due_at": to_times(column(kept, "hs_timestamp")),
            "state": to_texts("done" if text == "COMPLETED" else "open" for text in column(kept, "hs_task_status")),
            "task_id": to_texts(str(record["id"]) for record in kept),
            "changed_by_people": by.notna().astype("boolean"),
        },
    )


def _associations(row: Mapping[str, Any]) -> list[Json]:
    targets = [(TASK_TO_CONTACT, row["contact_id"]), (TASK_TO_COMPANY, row["company_id"])]
    return [
        {"to": {"id": str(target)}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}]}
        for type_id, target in targets
        if _given(target)
    ]


def _given(value: Any) -> bool:
    return value is not None and not pd.isna(value) and value != ""
