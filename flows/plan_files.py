"""Plans in files: written for their owner alone, read back with every value checked, approved by name, and refused where they changed after that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from connectors.files import in_one_piece
from flows.answer import to_json
from flows.planning import Plan
from transforms.crms import CRM_NAMES, crm_name
from transforms.fields import FIELDS
from transforms.forms import is_form_of
from transforms.picking import Changes, pick_changes
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.errors import BadInput, RefusedToGuess
from transforms.vocabulary.tables import Table, Type, check_table, to_table

FORMAT = 1
MOST_BYTES = 2_000_000_000
"""A larger file is no plan: one of all fields of a million contacts has half of it in a sync after the first."""

LONGEST_NAME = 200
_NEEDED = ("format", "as_of", "accounts", "cells", "tasks")
_KNOWN = (*_NEEDED, "held_back", "alerts", "approval")
_ID = re.compile(r"[A-Za-z0-9]{1,64}")


@dataclass(frozen=True)
class Approval:
    """Who approved a plan, when (UTC), and the digest of what they approved."""

    by: str
    at: str
    digest: str


@dataclass(frozen=True)
class KeptPlan:
    """A plan as a file holds it. ``held_back`` is how many tasks were held back when it was made."""

    plan: Plan
    held_back: int = 0
    approval: Approval | None = None

    @property
    def is_changed(self) -> bool:
        """Whether it was approved, and something in it changed after that."""
        return self.approval is not None and self.approval.digest != digest_of(self.plan)


def kept(plan: Plan) -> KeptPlan:
    """A fresh plan, as it would be kept."""
    return KeptPlan(plan, len(plan.held_back))


def picked(of: KeptPlan, only: tuple[str, ...], without: tuple[str, ...]) -> KeptPlan:
    """A part of the plan (see ``pick_changes``). It is another plan, so an approval of the whole does not hold for it."""
    if not only and not without:
        return of
    part = pick_changes(Changes(of.plan.cells, of.plan.create, of.plan.update), only, without)
    return KeptPlan(replace(of.plan, cells=part.cells, create=part.create, update=part.update), of.held_back)


def approved(of: KeptPlan, by: str) -> KeptPlan:
    """The plan with the name of who approves it as it is now. Raises BadInput where the name is none, or where there is nothing to approve."""
    name = " ".join(by.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise BadInput(f"The plan was to be approved by {by[:LONGEST_NAME]!r}, which is no name; give yours, as --approve 'Dana Reyes'.")
    if of.plan.is_empty:
        raise BadInput("The plan was to be approved, and there is nothing in it; make a new one.")
    return replace(of, approval=Approval(name, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), digest_of(of.plan)))


def need_untouched(of: KeptPlan, file: Path) -> None:
    """Raise RefusedToGuess where the plan was changed after its approval."""
    if of.approval is not None and of.is_changed:
        raise RefusedToGuess(
            f"The plan {file} was approved by {of.approval.by} on {of.approval.at} and was changed after that, so nothing was written; read it "
            f"with `stillthere plan --read {file}` and approve it again with --approve NAME, or make a new plan."
        )


def digest_of(plan: Plan) -> str:
    """A digest of what would be written: moment, accounts, cells and tasks, whatever the order of their rows."""
    parts = [plan.as_of.isoformat(), dict(sorted(plan.accounts.items()))]
    parts += [
        _records(frame.sort_values(list(table.key))) for table, frame in ((CELLS, plan.cells), (TASKS, plan.create), (TASKS, plan.update))
    ]
    return sha256(to_json(parts).encode()).hexdigest()


def plan_data(of: KeptPlan) -> dict[str, Any]:
    """The plan as plain data; ``approval`` is there where somebody approved it."""
    plan = of.plan
    data: dict[str, Any] = {
        "format": FORMAT,
        "as_of": plan.as_of.isoformat(),
        "accounts": plan.accounts,
        "cells": _records(plan.cells),
        "tasks": {"create": _records(plan.create), "update": _records(plan.update)},
        "held_back": of.held_back,
        "alerts": list(plan.alerts),
    }
    if of.approval is not None:
        data["approval"] = {"by": of.approval.by, "at": of.approval.at, "digest": of.approval.digest}
    return data


def write_plan(of: KeptPlan, file: Path) -> None:
    """Keep the plan in a JSON file that only its owner can read. A file of that name is replaced as a whole, or not at all."""
    try:
        with in_one_piece(file) as beside:
            beside.write_text(to_json(plan_data(of)), encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The plan could not be kept in {file} ({error.strerror}); choose another place with --out.") from error


def read_plan(file: Path) -> KeptPlan:
    """A plan from its file. Raises BadInput, with one sentence, where it is no plan that this version wrote."""
    data = _load(file)
    try:
        return _to_plan(data)
    except BadInput as error:
        told = str(error).rstrip(".")
        raise BadInput(f"{file} was read as a plan, but {told}; make a new one with `stillthere plan --out FILE`.") from error


def check_accounts(plan: Plan, accounts: Mapping[str, str], file: Path) -> None:
    """Raise BadInput unless the plan was made for the accounts that are connected now."""
    for crm, account in plan.accounts.items():
        if accounts.get(crm) != account:
            now = f"{crm_name(crm)} is {accounts[crm]} now" if crm in accounts else f"{crm_name(crm)} is not connected now"
            raise BadInput(f"The plan {file} was made for {crm_name(crm)} {account}, and {now}; make a new plan.")


def _load(file: Path) -> Any:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise BadInput(
                f"{file} was read as a plan, but it has more than {MOST_BYTES:,} bytes; give the file that `stillthere plan` wrote."
            )
        return orjson.loads(file.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"The plan {file} does not exist; make one with `stillthere plan --out {file}`.") from error
    except OSError as error:
        raise BadInput(f"The plan {file} could not be read ({error.strerror}); give the file that `stillthere plan` wrote.") from error
    except orjson.JSONDecodeError as error:
        raise BadInput(
            f"{file} was read as a plan, but it is no whole JSON file ({error}); make a new one with `stillthere plan --out FILE`."
        ) from error


def _to_plan(data: Any) -> KeptPlan:
    _need_words(data, "it", _NEEDED, _KNOWN)
    if data["format"] != FORMAT:
        raise BadInput(f"its format is {_shown(data['format'])} and this version reads {FORMAT}")
    accounts = data["accounts"]
    if not (isinstance(accounts, dict) and accounts and all(isinstance(one, str) for one in accounts.values())):
        raise BadInput("its accounts are no names by CRM")
    _need_words(accounts, "accounts", (), tuple(CRM_NAMES))
    _need_words(data["tasks"], "tasks", ("create", "update"), ("create", "update"))
    alerts, held_back = data.get("alerts", []), data.get("held_back", 0)
    if not (isinstance(alerts, list) and all(isinstance(one, str) for one in alerts)):
        raise BadInput("its alerts are no list of texts")
    if not isinstance(held_back, int) or isinstance(held_back, bool):
        raise BadInput("its held_back is no number")
    plan = Plan(
        _moment(data["as_of"]),
        accounts,
        _frame(CELLS, data["cells"], "cells"),
        _frame(TASKS, data["tasks"]["create"], "tasks.create"),
        _frame(TASKS, data["tasks"]["update"], "tasks.update"),
        alerts=tuple(alerts),
    )
    _check_cells(plan)
    _check_tasks(plan)
    return KeptPlan(plan, held_back, _approval(data.get("approval")))


def _moment(text: Any) -> pd.Timestamp:
    try:
        moment = pd.Timestamp(datetime.fromisoformat(text))
    except (TypeError, ValueError) as error:
        raise BadInput(f"its as_of is {_shown(text)}, which is no moment") from error
    if moment.tzinfo is None:
        raise BadInput("its as_of has no time zone")
    return moment.tz_convert("UTC").as_unit("us")


def _approval(data: Any) -> Approval | None:
    if data is None:
        return None
    words = ("by", "at", "digest")
    _need_words(data, "approval", words, words)
    if not all(isinstance(one, str) and one.isprintable() and len(one) <= LONGEST_NAME for one in data.values()):
        raise BadInput("its approval holds something that is no short text")
    return Approval(**data)


def _need_words(data: Any, place: str, needed: tuple[str, ...], known: tuple[str, ...]) -> None:
    if not isinstance(data, dict):
        raise BadInput(f"{place} is no JSON object")
    for name in needed:
        if name not in data:
            raise BadInput(f"{'' if place == 'it' else f'{place} '}lacks {name}" if place != "it" else f"it lacks {name}")
    for name in data:
        if name not in known:
            raise BadInput(f"{place} holds {_shown(name)}, which is not known")


def _frame(table: Table, rows: Any, place: str) -> pd.DataFrame:
    """Rows of the file as a canonical frame; every value must be of its column's own JSON type."""
    if not isinstance(rows, list):
        raise BadInput(f"{place} is no list")
    flags = {column.name for column in table.columns if column.type is Type.BOOL}
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise BadInput(f"row {number} of {place} is no JSON object")
        for name, value in row.items():
            if value is not None and not isinstance(value, bool if name in flags else str):
                raise BadInput(
                    f"{_shown(name)} in row {number} of {place} is {_shown(value)}, which is no {'flag' if name in flags else 'text'}"
                )
    frame = to_table(table, rows, source=place)
    check_table(table, frame)
    return frame


def _check_cells(plan: Plan) -> None:
    cells = plan.cells
    _need_ids(cells, ["record_id"], "cells")
    _need_known(cells["crm"], set(plan.accounts), "crm of a cell")
    by_place = {(one.table, one.name): one for one in FIELDS}
    for (table, name), part in cells.groupby(["table", "field"]):
        if (table, name) not in by_place:
            raise BadInput(f"{_shown(f'{table}.{name}')} is no field of this version")
        bad = ~is_form_of(by_place[str(table), str(name)], part["new"])
        if bad.any():
            row = part[bad].iloc[0]
            raise BadInput(f"{name} of {row['record_id']} would become {_shown(row['new'])}, which is no value of that field")


def _check_tasks(plan: Plan) -> None:
    for frame, place in ((plan.create, "tasks.create"), (plan.update, "tasks.update")):
        _need_known(frame["crm"], set(plan.accounts), "crm of a task")
        _need_ids(frame, ["task_key", "contact_id", "company_id", "owner_id", "task_id"], place)
    if plan.update["task_id"].isna().any() or plan.update["state"].isna().any():
        raise BadInput("a task to change lacks its task_id or its state")
    if plan.create["task_id"].notna().any():
        raise BadInput("a task to create has a task_id already")


def _need_ids(frame: pd.DataFrame, columns: list[str], place: str) -> None:
    for column in columns:
        values = frame[column].dropna()
        bad = values[~values.str.fullmatch(_ID)]
        if len(bad):
            raise BadInput(f"{column} in {place} is {_shown(bad.iloc[0])}, which is no id")


def _need_known(values: pd.Series, known: set[str], what: str) -> None:
    bad = values[~values.isin(known)]
    if len(bad):
        raise BadInput(f"the {what} is {_shown(bad.iloc[0])}, for which it names no account")


def _shown(value: Any) -> str:
    """A value as it may stand in a sentence: short, and without what a terminal would act on."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain data, without what is missing."""
    columns = [(name, frame[name].astype(object).tolist(), frame[name].notna().tolist()) for name in frame.columns]
    return [{name: values[row] for name, values, is_there in columns if is_there[row]} for row in range(len(frame))]
