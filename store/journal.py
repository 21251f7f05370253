"""The journal: every run, what it planned, what it sent, and what became of it. A write is noted before it is sent and settled after."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from store.lake import Lake
from store.leases import Held, Leases
from store.mentions import ERASED_TEXT, Traces, empty_mentions, mask_mentions
from store.retention import drop_values, kept_from
from store.sheets import SEQ, Sheet, is_one_of, quoted
from transforms.vocabulary.changes import CELLS, TASKS, Fate, WriteReport
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import Column, Table, Type, to_table

_RUN = Column("run_id", Type.TEXT, "the run, such as 2026-11-22T09:14-7f3a", required=True)
_BATCH = Column("batch_id", Type.TEXT, "what was noted in one commit", required=True)
_PLANNED_AT = Column("planned_at", Type.TIME, "when the run that planned it began")


def _text(name: str, meaning: str) -> Column:
    return Column(name, Type.TEXT, meaning)


RUNS = Table(
    "runs",
    ("run_id",),
    (
        _RUN,
        _text("kind", "sync, plan, backfill …"),
        Column("as_of", Type.TIME, "the moment as of which it computed"),
        _text("crms", "JSON list of CRMs"),
        _text("options", "JSON object of its options"),
        _text("lease_id", "the lease that it held"),
        Column("started_at", Type.TIME, "when it began"),
        Column("finished_at", Type.TIME, "when it ended; missing where it was killed or still runs"),
        _text("status", "how it ended; running, or killed, where it never said"),
        Column("exit_code", Type.COUNT, "what the command returned"),
        _text("summary", "JSON object of counts"),
    ),
)
_INTENTS = Table("intents", ("batch_id", *CELLS.key), (_BATCH, _RUN, *CELLS.columns))
_TASK_INTENTS = Table("task_intents", ("batch_id", *TASKS.key), (_BATCH, _RUN, _PLANNED_AT, *TASKS.columns))
_SETTLED = Table(
    "settled",
    ("batch_id", "crm", "table", "key"),
    (
        _BATCH,
        _text("crm", "which CRM"),
        _text("table", "contacts, companies or tasks"),
        _text("key", "record id or task key"),
        _text("fate", "written, unchanged or failed"),
        _text("code", "the CRM's own code where it failed"),
        _text("message", "one sentence where it failed"),
        _text("crm_id", "the id in the CRM, where one was made"),
        Column("modified_at", Type.TIME, "when the CRM changed it"),
    ),
)
_PLANNED = Table("planned", ("run_id", *CELLS.key), (_RUN, *CELLS.columns))
_PLANNED_TASKS = Table("planned_tasks", ("run_id", *TASKS.key), (_RUN, *TASKS.columns))
_DOCUMENTS = Table("documents", ("kind", "run_id"), (_text("kind", "what it is"), _RUN, _text("content", "JSON")))
_TABLES = (RUNS, _INTENTS, _TASK_INTENTS, _SETTLED, _PLANNED, _PLANNED_TASKS, _DOCUMENTS)

_MINUTE = "%Y-%m-%dT%H:%M"
"""A run is named after the minute in which it began, so that names sort as times do."""

_FILES = 64
"""A table of the journal in more files than this is put together."""

_ROWS_A_COMMIT = 100_000
"""A plan of more rows than this is kept in several commits, so that it is never in memory twice."""

_CONFIRMED = (Fate.WRITTEN.value, Fate.UNCHANGED.value)


@dataclass(frozen=True)
class Plan:
    """What a run meant to write: CELLS, TASKS, and what the run said about it."""

    run_id: str
    cells: pd.DataFrame
    tasks: pd.DataFrame
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class Document:
    """A report, a model card or other JSON that a run left."""

    kind: str
    run_id: str
    content: Any


class Journal:
    """The journal that lies beside a lake. All texts are as :func:`transforms.vocabulary.fields.to_text` gives them."""

    def __init__(self, lake: Lake) -> None:
        self.leases = Leases(lake.place)
        self._lake = lake
        self._lease_id = ""

    @contextmanager
    def lease(self, name: str, holder: str, ttl_s: float, now: datetime) -> Iterator[Held]:
        """Hold the lease ``name`` while the block runs; see :meth:`store.leases.Leases.lease`. Runs that start inside count as alive with it."""
        with self.leases.lease(name, holder, ttl_s, now) as held:
            before, self._lease_id = self._lease_id, held.lease_id
            try:
                yield held
            finally:
                self._lease_id = before

    def start_run(self, kind: str, *, as_of: datetime, crms: Sequence[str], now: datetime, options: Mapping[str, Any] | None = None) -> str:
        """Note that a run begins, and give it its name: the minute of ``now`` in UTC and four hexadecimal digits that no other run has."""
        run_id = self._free_name(kind, now)
        self._append(
            RUNS,
            {
                "run_id": run_id,
                "kind": kind,
                "as_of": as_of,
                "crms": json.dumps(list(crms)),
                "options": _to_json(options or {}),
                "lease_id": self._lease_id,
                "started_at": now,
            },
        )
        return run_id

    def note_try(
        self, kind: str, *, crms: Sequence[str], began: datetime, ended: datetime, status: str, exit_code: int, summary: Mapping[str, Any]
    ) -> str:
        """Note, in one row, a run that ended before it began: refused, or no CRM let it in. It has no moment. Returns the name that it gets.

        Needs no lease: it may be noted while another run goes on.
        """
        run_id = self._free_name(f"{kind}{os.getpid()}", began)
        row = {"run_id": run_id, "kind": kind, "crms": json.dumps(list(crms)), "options": "{}", "lease_id": "", "started_at": began}
        end = {"finished_at": ended, "status": status, "exit_code": exit_code, "summary": _to_json(summary)}
        self._append(RUNS, row | end)
        return run_id

    def finish_run(self, run_id: str, *, status: str, exit_code: int, now: datetime, summary: Mapping[str, Any]) -> None:
        """Note how a run ended. Where everything ever intended is settled, later questions need not look further back than here."""
        # Settlements first: whatever they hold by now was intended before the marks of the intents are read.
        marks = {table.name: self._sheet(table).mark(SEQ) for table in (_SETTLED, _INTENTS, _TASK_INTENTS)}
        is_clear = self.unsettled().empty and self.unsettled_tasks().empty
        end = {"run_id": run_id, "finished_at": now, "status": status, "exit_code": exit_code}
        end["summary"] = _to_json(summary)
        self._append(RUNS, end, marks if is_clear else {})

    def runs(self, now: datetime | None = None) -> pd.DataFrame:
        """RUNS, the oldest first. A run that has not ended is ``running`` while its lease lives (at ``now``, default this moment), else ``killed``."""
        rows = self._sheet(RUNS).scan().sort_values(SEQ)
        # A run has two rows: what its start says and what its end says never meet in one column.
        joined = rows.groupby("run_id", as_index=False, sort=False).first()
        found = to_table(RUNS, joined.drop(columns=SEQ))
        alive = found["lease_id"].isin(self.leases.live(now or datetime.now(UTC)))
        never_said = found["finished_at"].isna()
        return found.assign(status=found["status"].mask(never_said & alive, "running").mask(never_said & ~alive, "killed").astype("str"))

    def save_plan(self, run_id: str, cells: pd.DataFrame, tasks: pd.DataFrame, meta: Mapping[str, Any]) -> None:
        """Keep a plan. It exists once its last part, the note about it, is kept."""
        for table, rows in ((_PLANNED, cells), (_PLANNED_TASKS, tasks)):
            for first in range(0, len(rows), _ROWS_A_COMMIT):
                self._append(table, _picked(table, rows.iloc[first : first + _ROWS_A_COMMIT]).assign(run_id=run_id))
        self.save_document("plan", run_id, meta)

    def plan(self, run_id: str) -> Plan:
        """The plan of a run. Raises BadInput where there is none, or none any more."""
        self.check_values(run_id)
        found = [document for document in self.documents("plan") if document.run_id == run_id]
        if not found:
            raise BadInput(f"A plan of the run {run_id} was asked for, and the journal has none; `stillthere runs` lists the runs.")
        cells, tasks = (
            self._sheet(table).scan(canonical.names, ds.field("run_id") == run_id)
            for table, canonical in ((_PLANNED, CELLS), (_PLANNED_TASKS, TASKS))
        )
        return Plan(run_id, to_table(CELLS, cells), to_table(TASKS, tasks), found[-1].content)

    def plans(self) -> list[str]:
        """The runs that left a plan, the oldest first."""
        return [document.run_id for document in self.documents("plan")]

    def intend(self, run_id: str, table: str, cells: pd.DataFrame) -> str:
        """Note, BEFORE they are sent, the CELLS of one table that are about to be written; one commit. Returns the batch to settle."""
        foreign = cells["table"] != table
        if foreign.any():
            raise BadInput(
                f"Cells of {cells.loc[foreign, 'table'].iloc[0]} were to be journalled as cells of {table}; journal each table by itself."
            )
        return self._append_batch(_INTENTS, run_id, _picked(CELLS, cells))

    def settle(self, batch_id: str, reports: Iterable[WriteReport]) -> None:
        """Note what became of the records of a batch; one commit. May be called again: the later word counts."""
        rows = [{**vars(report), "fate": report.fate.value, "batch_id": batch_id} for report in reports]
        if rows:
            self._append(_SETTLED, to_table(_SETTLED, rows))

    def unsettled(self) -> pd.DataFrame:
        """CELLS with batch_id and run_id that were intended and never settled: the run was killed, so nobody knows whether they were written."""
        return self._unsettled(_INTENTS, ["batch_id", "crm", "table", "record_id"])

    def failed(self, run_id: str) -> pd.DataFrame:
        """The CELLS of a run that the CRM refused, with batch_id, code and message."""
        return self._of_fate(run_id, [Fate.FAILED.value])[["batch_id", *CELLS.names, "code", "message"]]

    def written(self, run_id: str) -> pd.DataFrame:
        """The CELLS that a run wrote, old and new, with batch_id and modified_at. Raises BadInput where they are kept no more."""
        self.check_values(run_id)
        return self._of_fate(run_id, [Fate.WRITTEN.value])[["batch_id", *CELLS.names, "modified_at"]]

    def last_written(self, crm: str, table: str, record_id: str) -> pd.DataFrame:
        """For one record, each field's last written cell: CELLS with run_id and written_at (the CRM's word, else when the run began)."""
        is_record = (ds.field("crm") == crm) & (ds.field("table") == table) & (ds.field("record_id") == record_id)
        is_key = (ds.field("crm") == crm) & (ds.field("table") == table) & (ds.field("key") == record_id)
        cells = self._sheet(_INTENTS).scan(where=is_record)
        found = _joined(cells, self._sheet(_SETTLED).scan(where=is_key), ["batch_id", "crm", "table", "record_id"])
        found = found[found["fate"] == Fate.WRITTEN.value].sort_values(SEQ).drop_duplicates("field", keep="last")
        began = self.runs().set_index("run_id")["started_at"]
        if found.empty:
            return to_table(CELLS, found[CELLS.names]).assign(run_id=found["run_id"], written_at=found["modified_at"])
        found = found.assign(written_at=found["modified_at"].fillna(found["run_id"].map(began)))
        return found.sort_values("field", ignore_index=True)[[*CELLS.names, "run_id", "written_at"]]

    def intend_tasks(self, run_id: str, tasks: pd.DataFrame) -> str:
        """Note, BEFORE they are sent, TASKS that are about to be created or updated; one commit. Returns the batch to settle."""
        began = self._sheet(RUNS).scan(["started_at"], ds.field("run_id") == run_id)["started_at"].min()
        return self._append_batch(_TASK_INTENTS, run_id, _picked(TASKS, tasks).assign(planned_at=began))

    def settle_tasks(self, batch_id: str, reports: Iterable[WriteReport]) -> None:
        """As :meth:`settle`, for the tasks of a batch."""
        rows = [{**vars(report), "fate": report.fate.value, "table": "tasks", "batch_id": batch_id} for report in reports]
        if rows:
            self._append(_SETTLED, to_table(_SETTLED, rows))

    def unsettled_tasks(self) -> pd.DataFrame:
        """TASKS with batch_id, run_id and planned_at that were intended and never settled."""
        return self._unsettled(_TASK_INTENTS, ["batch_id", "crm", "table", "task_key"])

    def tasks(self) -> pd.DataFrame:
        """TASKS that are in the CRM as far as we know, as last written: with task_id, run_id and planned_at; one row a crm and task_key."""
        return self._tasks(keep="last")

    def raised_tasks(self) -> pd.DataFrame:
        """The same tasks as they were written first: what they advised, and in ``planned_at`` when the run began that raised them."""
        return self._tasks(keep="first")

    def _tasks(self, keep: Literal["first", "last"]) -> pd.DataFrame:
        intents = self._sheet(_TASK_INTENTS).scan().assign(table="tasks")
        found = _joined(intents, self._sheet(_SETTLED).scan(where=ds.field("table") == "tasks"), ["batch_id", "crm", "table", "task_key"])
        found = found[found["fate"].isin(_CONFIRMED)].sort_values(SEQ, kind="stable")
        found = found.assign(task_id=found["crm_id"].fillna(found["task_id"]))
        found = found.assign(task_id=found.groupby(["crm", "task_key"])["task_id"].ffill())
        latest = found.drop_duplicates(["crm", "task_key"], keep=keep).reset_index(drop=True)
        return to_table(TASKS, latest[TASKS.names]).assign(run_id=latest["run_id"], planned_at=latest["planned_at"])

    def writers(self) -> set[str]:
        """The runs that meant to write anything, whatever became of it."""
        return {str(one) for table in (_INTENTS, _TASK_INTENTS) for one in self._sheet(table).distinct(["run_id"])["run_id"]}

    def written_to(self, run_id: str) -> list[str]:
        """The CRMs in which this run meant to write anything."""
        own = [self._sheet(table).distinct(["crm"], ds.field("run_id") == run_id)["crm"] for table in (_INTENTS, _TASK_INTENTS)]
        return sorted({str(crm) for crms in own for crm in crms})

    def records_of(self, run_id: str) -> pd.DataFrame:
        """The records in which this run meant to write: crm, table, record_id. Raises BadInput where the run's values are kept no more."""
        self.check_values(run_id)
        return self._sheet(_INTENTS).distinct(["crm", "table", "record_id"], ds.field("run_id") == run_id)

    def cells_since(self, run_id: str, record_ids: Sequence[str]) -> pd.DataFrame:
        """Every cell of these records that this run meant to write, and what later runs meant for them, the oldest first.

        CELLS, without the reason, with seq (their order), batch_id, run_id and fate: written, unchanged, failed, or missing where nobody knows.
        A cell with neither an old nor a new value was emptied when somebody whom it named was erased.
        """
        is_there = is_one_of("record_id", record_ids)
        own = self._sheet(_INTENTS).scan([SEQ], is_there & (ds.field("run_id") == run_id))[SEQ]
        names = [name for name in _INTENTS.names if name != "reason"]
        since = int(own.min()) if len(own) else self._sheet(_INTENTS).mark(SEQ) + 1
        cells = self._sheet(_INTENTS).scan([SEQ, *names], is_there & (ds.field(SEQ) >= since))
        settled = self._sheet(_SETTLED).scan(where=is_one_of("key", record_ids) & (ds.field("table") != "tasks"))
        return _joined(cells, settled, ["batch_id", "crm", "table", "record_id"])[[SEQ, *names, "fate"]]

    def tasks_ever(self, run_id: str) -> pd.DataFrame:
        """All that any run meant for the tasks that this run touched, the oldest first: TASKS with seq, batch_id, run_id and fate.

        ``is_new``: the task was to be made, not changed.
        """
        keys = self._sheet(_TASK_INTENTS).scan(["task_key"], ds.field("run_id") == run_id)["task_key"].unique().tolist()
        intents = self._sheet(_TASK_INTENTS).scan(where=is_one_of("task_key", keys)).assign(table="tasks")
        found = _joined(intents, self._sheet(_SETTLED).scan(where=ds.field("table") == "tasks"), ["batch_id", "crm", "table", "task_key"])
        found = found.assign(is_new=found["task_id"].isna(), task_id=found["crm_id"].fillna(found["task_id"]))
        return found[[SEQ, *_TASK_INTENTS.names, "fate", "is_new"]]

    def erased(self, run_id: str) -> int:
        """How many records and tasks this run wrote of which nothing is kept any more, since the person was erased."""
        is_own = pc.starts_with(ds.field("batch_id"), f"{run_id}/")
        settled = self._sheet(_SETTLED).scan(["batch_id", "crm", "key"], is_own & is_one_of("fate", _CONFIRMED))
        kept = [
            self._sheet(table).distinct(["batch_id", "crm", key], ds.field("run_id") == run_id).set_axis(["batch_id", "crm", "key"], axis=1)
            for table, key in ((_INTENTS, "record_id"), (_TASK_INTENTS, "task_key"))
        ]
        asked = pd.MultiIndex.from_frame(pd.concat(kept))
        return int((~pd.MultiIndex.from_frame(settled.drop_duplicates()).isin(asked)).sum())

    def save_document(self, kind: str, run_id: str, content: Any) -> None:
        """Keep a summary, a model card or another JSON value under a kind and a run; the later one counts."""
        self._append(_DOCUMENTS, {"kind": kind, "run_id": run_id, "content": json.dumps(content, sort_keys=True, default=str)})

    def documents(self, kind: str) -> list[Document]:
        """The documents of that kind, one a run, the oldest first."""
        rows = self._sheet(_DOCUMENTS).scan(where=ds.field("kind") == kind).sort_values(SEQ).drop_duplicates("run_id", keep="last")
        return [Document(kind, run_id, json.loads(content)) for run_id, content in zip(rows["run_id"], rows["content"], strict=True)]

    def forget(self, crm: str, contact_ids: Sequence[str], traces: Traces = Traces()) -> None:  # noqa: B008 - frozen, and empty
        """Take out of every file what was written about these contacts: their cells and tasks, and what else names them.

        A cell of others that names them is emptied; in other texts (tasks, summaries, answers of the CRM, documents) ERASED_TEXT stands in their place.
        That the runs happened, and how many cells they wrote, stays in their summaries. May be called again.
        """
        ids, of = quoted(list(contact_ids)) or "''", quoted([crm])
        for table in (_INTENTS, _PLANNED):
            self._sheet(table).delete(f"crm = {of} AND \"table\" = 'contacts' AND record_id IN ({ids})")
            empty_mentions(self._sheet(table), CELLS.key, ["old", "new", "reason"], traces)
        for table in (_TASK_INTENTS, _PLANNED_TASKS):
            self._sheet(table).delete(f"crm = {of} AND contact_id IN ({ids})")
            empty_mentions(self._sheet(table), TASKS.key, ["reason", "subject", "body"], traces, to=ERASED_TEXT)
        for table, columns in ((_SETTLED, ["message"]), (RUNS, ["options", "summary"]), (_DOCUMENTS, ["content"])):
            mask_mentions(self._sheet(table), columns, traces)
        for table in _TABLES:
            self._sheet(table).purge()

    def keep_for(self, days: int, now: datetime) -> bool:
        """Drop the values of runs that began more than ``days`` ago; whether there were any. See :mod:`store.retention`."""

        def unsettled() -> list[str]:
            return [*self.unsettled()["batch_id"], *self.unsettled_tasks()["batch_id"]]

        return drop_values({table.name: self._sheet(table) for table in _TABLES}, days, now, unsettled)

    def check_values(self, run_id: str) -> None:
        """Raise BadInput where the values of this run are kept no more."""
        since = kept_from(self._sheet(RUNS))
        if since is not None and run_id < since.strftime(_MINUTE):
            raise BadInput(
                f"The values that the run {run_id} found and wrote were asked for, and those from before {since:%d %b %Y} are no longer kept "
                "(STILLTHERE_KEEP_DAYS), so it cannot be shown, applied or taken back any more; what the run counted still stands in `stillthere runs`."
            )

    def tidy(self) -> None:
        """Put small files together where there are many. Cheap where nothing is due."""
        for table in _TABLES:
            if self._sheet(table).files() > _FILES:
                self._sheet(table).merge_files()

    def _free_name(self, seed: str, now: datetime) -> str:
        taken = set(self._sheet(RUNS).scan(["run_id"])["run_id"])
        minute = pd.Timestamp(now).tz_convert(UTC).strftime(_MINUTE)
        names = (
            f"{minute}-{blake2b(f'{minute}{seed}{n}'.encode(), digest_size=2).hexdigest()}" for n in range(len(taken), len(taken) + 70_000)
        )
        return next(name for name in names if name not in taken)

    def _sheet(self, table: Table) -> Sheet:
        return Sheet(self._lake.place, f"journal/{table.name}", table.columns)

    def _append(self, table: Table, rows: pd.DataFrame | Mapping[str, Any], marks: Mapping[str, int] | None = None) -> None:
        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame([dict(rows)])
        typed = frame.assign(
            **{c.name: pd.to_datetime(frame[c.name], utc=True) for c in table.columns if c.type is Type.TIME and c.name in frame.columns}
        )
        self._sheet(table).commit(lambda first: typed.assign(**{SEQ: first}), marks)

    def _append_batch(self, table: Table, run_id: str, rows: pd.DataFrame) -> str:
        """Each batch is named after the number of its commit, so no two have one name."""
        number = self._sheet(table).commit(lambda first: rows.assign(**{SEQ: first, "run_id": run_id, "batch_id": f"{run_id}/{first}"}))
        return f"{run_id}/{number}"

    def _unsettled(self, table: Table, by: list[str]) -> pd.DataFrame:
        past = {each.name: self._sheet(RUNS).mark(each.name) for each in (table, _SETTLED)}
        recent, key = ds.field(SEQ) > past[table.name], ["batch_id", "crm", by[-1]]
        settled = self._sheet(_SETTLED).scan(where=ds.field(SEQ) > past[_SETTLED.name])
        # The keys first: as a rule everything is settled, and the rows, which are many, need not be read.
        asked = self._sheet(table).distinct(key, recent)
        answered = pd.MultiIndex.from_frame(settled[["batch_id", "crm", "key"]])
        is_open = ~pd.MultiIndex.from_frame(asked).isin(answered)
        intents = self._sheet(table).scan(where=recent & is_one_of("batch_id", asked.loc[is_open, "batch_id"].unique().tolist()))
        found = _joined(intents if table is _INTENTS else intents.assign(table="tasks"), settled, by)
        return found.loc[found["fate"].isna(), table.names].reset_index(drop=True)

    def _of_fate(self, run_id: str, fates: list[str]) -> pd.DataFrame:
        cells = self._sheet(_INTENTS).scan(where=ds.field("run_id") == run_id)
        settled = self._sheet(_SETTLED).scan(where=is_one_of("batch_id", cells["batch_id"].unique().tolist()))
        found = _joined(cells, settled, ["batch_id", "crm", "table", "record_id"])
        return found[found["fate"].isin(fates)].reset_index(drop=True)


def _to_json(content: Mapping[str, Any]) -> str:
    return json.dumps(dict(content), sort_keys=True, default=str)


def _picked(table: Table, rows: pd.DataFrame) -> pd.DataFrame:
    """The canonical columns of the rows; what else stands beside them is not the journal's."""
    return rows[[name for name in table.names if name in rows.columns]]


def _joined(intents: pd.DataFrame, settled: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """What was intended, with what became of it; the last word counts, and nothing where there is none."""
    last = settled.sort_values(SEQ, kind="stable").drop_duplicates(["batch_id", "crm", "table", "key"], keep="last")
    last = last.rename(columns={"key": by[-1]})[[*by, "fate", "code", "message", "crm_id", "modified_at"]]
    return intents.merge(last, on=by, how="left").sort_values(SEQ, kind="stable", ignore_index=True)
