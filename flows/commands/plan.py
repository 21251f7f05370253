"""``stillthere plan``: what a sync would write; and a kept plan read, cut down and approved, without asking any CRM."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.files import in_one_piece
from flows.answer import Answer
from flows.compute import compute, keep_card, keep_outcomes
from flows.outcome import summarise
from flows.pages.plan import Names, folder_of, render_plan_pages
from flows.plan_files import KeptPlan, approved, kept, need_untouched, picked, plan_data, read_plan, write_plan
from flows.plan_text import render_plan
from flows.planning import make_plan
from flows.pull import pull_all
from flows.quota import forecast_writes, told_of_writing
from flows.running import begin_run
from flows.settings import load_settings
from flows.terminal import progress_bars
from flows.work import Work, open_work
from transforms.vocabulary.errors import BadInput


@dataclass(frozen=True)
class PlanWishes:
    """What is to become of a plan: the parts to choose, the files to keep it and its page in, how many rows to print, and who approves it."""

    out: Path | None = None
    page: Path | None = None
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    approve: str | None = None
    limit: int = 20


def run_plan(*, out: Path | None = None, limit: int = 20, quiet: bool, wishes: PlanWishes | None = None) -> Answer:
    """Pull, compute and compare; write nothing in any CRM. Raises BadInput where a plan that nobody has seen is to be approved."""
    wishes = wishes or PlanWishes(out=out, limit=limit)
    if wishes.approve is not None:
        raise BadInput(
            "A plan was to be approved before anybody saw it; keep it with --out FILE, read it, and approve it with --read FILE."
        )
    _check_files(wishes)
    with progress_bars(quiet=quiet) as progress:
        work = open_work(load_settings(), progress=progress)
        with begin_run(work, "plan") as done:
            done.recovered, done.pulled = pull_all(work)
            done.computation = compute(work, done.as_of)
            done.plan = make_plan(work, done.computation, done.accounts)
            forecast_writes(work, done.plan.cells, done.plan.create, done.plan.update)
            keep_card(work, done.run.run_id, done.computation)
            keep_outcomes(work, done.run.run_id, done.computation)
            work.journal.save_plan(done.run.run_id, done.plan.cells, done.plan.create, {"as_of": done.as_of.isoformat()})
            done.run.summary |= summarise(work, done)
    more = {"run_id": done.run.run_id, "quota": done.run.summary["quota"]}
    answer = _finish(picked(kept(done.plan), wishes.only, wishes.without), wishes, None, more, names_of(work))
    return replace(answer, text=[*answer.text, *told_of_writing(work)])


def run_read_plan(file: Path, wishes: PlanWishes) -> Answer:
    """Show the plan of a file, choose parts of it, approve it. Asks no CRM. What is chosen or approved is written to ``out``, else to the file itself.

    Raises BadInput where parts are chosen and ``out`` is missing: the whole plan would be lost.
    """
    _check_files(wishes)
    is_part = bool(wishes.only or wishes.without)
    if is_part and wishes.out is None and wishes.approve is not None:
        raise BadInput("A part of the plan was to be approved; give the file to keep that part in, with --out FILE.")
    found = picked(read_plan(file), wishes.only, wishes.without)
    if wishes.out is not None and wishes.approve is None:
        need_untouched(found, file)
    if wishes.approve is not None:
        found = approved(found, wishes.approve)
        if wishes.out is None:
            write_plan(found, file)
    names = _names_at_hand() if wishes.page is not None else Names()
    return _finish(found, wishes, None if is_part else file, {"is_changed": found.is_changed}, names)


def _finish(of: KeptPlan, wishes: PlanWishes, file: Path | None, more: dict[str, Any], names: Names) -> Answer:
    if wishes.out is not None:
        write_plan(of, wishes.out)
    text = render_plan(of, limit=wishes.limit, file=wishes.out or file, page=wishes.page)
    if wishes.page is not None and (further := _write_pages(wishes.page, of, names)):
        text.append(f"{further} further page{'s are' if further > 1 else ' is'} in {folder_of(wishes.page)}.")
    return Answer({**more, **plan_data(of)}, text)


def names_of(work: Work) -> Names:
    """What contacts and companies are called, by CRM and id, as the lake knows them."""
    contacts = work.lake.read("contacts", columns=["crm", "contact_id", "first_name", "last_name", "email"])
    whole = (contacts["first_name"].fillna("") + " " + contacts["last_name"].fillna("")).str.strip()
    called = whole.where(whole != "", contacts["email"])
    companies = work.lake.read("companies", columns=["crm", "company_id", "name"])
    return Names(
        dict(zip(zip(contacts["crm"], contacts["contact_id"], strict=True), called.fillna(""), strict=True)),
        dict(zip(zip(companies["crm"], companies["company_id"], strict=True), companies["name"].fillna(""), strict=True)),
    )


def _names_at_hand() -> Names:
    """The names of the lake, where there is one here; a plan can be read on a machine that has none."""
    settings = load_settings()
    return names_of(open_work(settings, offline=True)) if settings.lake or settings.home.is_dir() else Names()


def _check_files(wishes: PlanWishes) -> None:
    for what, file in (("plan", wishes.out), ("page", wishes.page)):
        if file is not None and (file.is_dir() or not file.parent.is_dir()):
            raise BadInput(
                f"The {what} was to be kept in {file}, which is a folder or lies in none; give the name of a file in a folder that exists."
            )


def _write_pages(file: Path, of: KeptPlan, names: Names) -> int:
    """Write the page, and the further ones into the folder beside it, for their owner alone; how many those are. Further pages of an earlier plan go."""
    further = 0
    try:
        for old in folder_of(file).glob("*.html"):
            if old.stem.isdigit():
                old.unlink()
        for one, page in render_plan_pages(of, names, file):
            if one.parent != file.parent:
                one.parent.mkdir(mode=0o700, exist_ok=True)
                further += 1
            with in_one_piece(one) as beside:
                beside.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"The page could not be kept in {file} ({error.strerror}); choose another place with --page.") from error
    return further
