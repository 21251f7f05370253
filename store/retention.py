"""How long the journal keeps values: after so many days old and new values go, in every file; that a run was, and its counts, stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow.dataset as ds

from store.sheets import SEQ, Sheet, quoted

LET_GO = "(no longer kept)"
"""Stands where the text of a task was, once it is older than what is kept. That there was such a task is never let go: it would be raised again."""

DROPPING, DROPPED = "values dropping", "values dropped"
"""Marks on the runs: up to which moment (seconds since 1970) values are being dropped, and are dropped."""

_EARLY_SHARE, _EARLY_DAYS = 0.1, 7
"""Values go up to a week (or a tenth of the time) before they must, so that the tables are rewritten once a week and not at each run."""

_TEXTS = ("reason", "subject", "body")
_KEYS_AT_ONCE = 200


def kept_from(runs: Sheet) -> datetime | None:
    """The moment before which no values are kept (or are being dropped); None where all are."""
    seconds = runs.mark(DROPPING)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def drop_values(sheets: Mapping[str, Sheet], days: int, now: datetime, unsettled: Callable[[], list[str]]) -> bool:
    """Drop the values of runs that began more than ``days`` ago, where there are any; whether there were.

    ``sheets`` are the journal's, by name; ``unsettled`` gives the batches of which nobody knows yet what became of them: they and what came after
    stay until that is known; it is asked only where something is due. Nobody may be writing to the journal meanwhile. May be broken off: the next call does it again.
    """
    runs = sheets["runs"]
    must = now - timedelta(days=days)
    done_to, begun_to = runs.mark(DROPPED), runs.mark(DROPPING)
    started = runs.scan(["started_at"], ds.field("started_at") < pd.Timestamp(must))["started_at"].dropna()
    is_due = (started >= pd.Timestamp(done_to, unit="s", tz=UTC)).any()
    if not is_due and begun_to == done_to:
        return False
    before = max(must + timedelta(days=min(_EARLY_DAYS, days * _EARLY_SHARE)), datetime.fromtimestamp(begun_to, UTC))
    # A run is named after the minute in which it began, and a batch after its run, so names sort as times do.
    first_kept = min([before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"), *(batch.rpartition("/")[0] for batch in unsettled())])
    _mark(runs, DROPPING, before)
    for name in ("intents", "planned", "planned_tasks"):
        sheets[name].delete(f"run_id < {quoted([first_kept])}")
    sheets["settled"].delete(f"batch_id < {quoted([first_kept])} AND \"table\" <> 'tasks'")
    _let_go(sheets["task_intents"], first_kept)
    for name in ("intents", "planned", "planned_tasks", "settled", "task_intents"):
        sheets[name].purge()
    _mark(runs, DROPPED, before)
    return True


def _let_go(tasks: Sheet, first_kept: str) -> None:
    """Replace the texts of tasks as they were last written before that; those of open tasks stay, since they stand in the CRM."""
    rows = tasks.scan([SEQ, "crm", "task_key", "run_id", "state", "body"])
    last = rows.sort_values(SEQ).drop_duplicates(["crm", "task_key"], keep="last")
    is_standing = rows.index.isin(last.index[last["state"].fillna("open") == "open"])
    is_old = (rows["run_id"] < first_kept) & ~is_standing & (rows["body"] != LET_GO)
    numbers = sorted(set(rows.loc[is_old, SEQ]) - set(rows.loc[is_standing, SEQ]))
    mixed = rows[is_old & rows[SEQ].isin(rows.loc[is_standing, SEQ])]
    chosen = [f"{SEQ} IN ({', '.join(map(str, numbers[at : at + _KEYS_AT_ONCE]))})" for at in range(0, len(numbers), _KEYS_AT_ONCE)]
    for number, part in mixed.groupby(SEQ):
        keys = part["task_key"].tolist()
        chosen += [
            f"{SEQ} = {number} AND task_key IN ({quoted(keys[at : at + _KEYS_AT_ONCE])})" for at in range(0, len(keys), _KEYS_AT_ONCE)
        ]
    for where in chosen:
        tasks.update(dict.fromkeys(_TEXTS, quoted([LET_GO])), where)


def _mark(runs: Sheet, name: str, moment: datetime) -> None:
    empty = runs.schema.empty_table().to_pandas()
    runs.commit(lambda first: empty.assign(**{SEQ: first}), {name: int(moment.timestamp())})
