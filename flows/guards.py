"""Before anything is written: a plan that is out of the ordinary, or that the settings want approved, is kept for a person in place of being applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from flows.compute import lot_standing, lots_of
from flows.plan_files import KeptPlan, kept, read_plan, write_plan
from flows.planning import Plan
from flows.work import Work
from store.mentions import Traces
from transforms.guards import allowed_for, count_held, find_trips, might_trip
from transforms.vocabulary.errors import BadInput, RefusedToGuess

FOLDER = "plans"
KEPT_PLANS = 10
"""So many of the plans that were stopped stay in the home folder, the newest and those that somebody approved."""

_ENDED_WELL = ("done", "some rows failed")


def guard_run(work: Work, plan: Plan, run_id: str) -> None:
    """Raise RefusedToGuess where this plan of a whole run must be seen by a person first; it is kept in a file then, and nothing is written."""
    trips = [] if plan.is_empty else find_trips_of(work, plan)
    if work.settings.need_approval and not plan.is_empty:
        trips.append("the settings want every plan approved (STILLTHERE_NEED_APPROVAL)")
    if not trips:
        return
    file = keep_plan(work, plan, run_id)
    raise RefusedToGuess(f"Nothing was written: {'; '.join(trips)}. The plan is kept in {file}; {how_to_go_on(file)}")


def guard_file(work: Work, of: KeptPlan, file: Path) -> None:
    """Raise RefusedToGuess where the plan of this file must be approved before it is applied, and is not."""
    if of.approval is not None or of.plan.is_empty:
        return
    trips = find_trips_of(work, of.plan)
    if work.settings.need_approval:
        trips.append("the settings want every plan approved (STILLTHERE_NEED_APPROVAL)")
    if trips:
        raise RefusedToGuess(f"Nothing was written: {'; '.join(trips)}. Nobody approved the plan {file}; {how_to_go_on(file)}")


def how_to_go_on(file: Path) -> str:
    """What a person does with a plan that was stopped."""
    return (
        f"read it with `stillthere plan --read {file}`, approve it with `stillthere plan --read {file} --approve NAME`, and apply it with "
        f"`stillthere sync --plan {file}`."
    )


def find_trips_of(work: Work, plan: Plan) -> list[str]:
    """One sentence for each guard that the plan trips. What the CRMs hold is counted only where so much changes that it matters."""
    policy = allowed_for(work.policy, plan.as_of - _last_run(work, plan.as_of))
    held = count_held(_standing(work)) if might_trip(plan.cells, policy) else {}
    return find_trips(plan.cells, plan.create, held, policy)


def keep_plan(work: Work, plan: Plan, run_id: str) -> Path:
    """Keep the plan in the home folder, for its owner alone; older ones that nobody approved go."""
    folder = work.settings.home / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    file = folder / f"{run_id.replace(':', '')}.json"
    write_plan(kept(plan), file)
    others = [one for one in sorted(folder.glob("*.json")) if one != file]
    # Large plans take long to read, so they are looked into only where there are too many.
    unapproved = [one for one in others if _approval_of(one) is None] if len(others) >= KEPT_PLANS else []
    for one in unapproved[: -(KEPT_PLANS - 1)]:
        one.unlink()
    return file


def forget_in_plans(work: Work) -> None:
    """Take people who were erased in a CRM out of the plans in the home folder. A plan that loses something is another one, so its approval goes.

    Call it before the erasure itself is finished: broken off, it is done again.
    """
    files = sorted((work.settings.home / FOLDER).glob("*.json"))
    pending = work.lake.pending_erasures() if files else pd.DataFrame()
    for file in files if len(pending) else ():
        try:
            before = read_plan(file)
        except BadInput:
            file.unlink()  # nobody can apply it, and nobody knows whom it names
            continue
        after = before.plan
        for crm, erased in pending.groupby("crm"):
            ids = [str(one) for one in erased["contact_id"]]
            ids += work.lake.merged_into(str(crm), ids)
            after = _without(after, str(crm), ids, work.lake.traces(str(crm), ids))
        if sum(map(len, (after.cells, after.create, after.update))) < sum(
            map(len, (before.plan.cells, before.plan.create, before.plan.update))
        ):
            write_plan(KeptPlan(after, before.held_back), file)


def _without(plan: Plan, crm: str, ids: list[str], traces: Traces) -> Plan:
    cells, *tasks = plan.cells, plan.create, plan.update
    is_theirs = (cells["crm"] == crm) & (cells["table"] == "contacts") & cells["record_id"].isin(ids)
    cells = cells[~is_theirs & ~_names(cells, ["old", "new", "reason"], traces)]
    create, update = (
        one[~((one["crm"] == crm) & one["contact_id"].isin(ids)) & ~_names(one, ["reason", "subject", "body"], traces)] for one in tasks
    )
    return replace(plan, cells=cells, create=create, update=update)


def _names(frame: pd.DataFrame, columns: list[str], traces: Traces) -> pd.Series:
    """The rows in which one of these addresses or full names stands."""
    named = pd.Series(data=False, index=frame.index)
    for column in columns if traces else ():
        named |= traces.told_in(frame[column])
    return named


def _approval_of(file: Path) -> object:
    try:
        return read_plan(file).approval
    except BadInput:
        return None


def _standing(work: Work) -> Iterator[pd.DataFrame]:
    for lot in lots_of(work):
        yield lot_standing(work, lot)
    yield work.lake.standing("companies")


def _last_run(work: Work, as_of: pd.Timestamp) -> pd.Timestamp:
    """The moment as of which a run last wrote; that of this plan, where none ever did."""
    runs = work.journal.runs()
    wrote = runs[runs["kind"].isin(["sync", "apply plan"]) & runs["status"].isin(_ENDED_WELL) & (runs["as_of"] <= as_of)]
    return as_of if wrote.empty else pd.Timestamp(wrote["as_of"].max())
