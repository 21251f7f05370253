"""``stillthere backtest``: the past played again, from the lake or from plain files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from connectors.files import in_one_piece, read_files
from flows.answer import Answer
from flows.backtesting import History, history_of_files, history_of_lake, run_replay
from flows.pages.backtest import comparison_table, job_line, render_backtest_page
from flows.pages.words import MEANINGS, NAMES, brief, judged_line, number, percent, signed, verdict
from flows.render import Indented
from flows.settings import load_settings
from flows.terminal import progress_bars
from flows.work import Work, open_work
from transforms.backtest.cuts import Wish
from transforms.backtest.figures import OURS
from transforms.backtest.judging import Report, describe_data
from transforms.compute import Tables
from transforms.policy import Policy
from transforms.signals import read_signals
from transforms.vocabulary.errors import BadInput

DOCUMENT = "backtest"
"""Under this kind the journal keeps the figures of the last backtest of the lake."""

MOST_FALSE_ALARMS = 0.5
"""Whoever is called silent must be likelier to stay silent than to be heard."""

SHOWN = 6
"""So many parts of a kind are shown in the terminal; the page and the JSON have more."""


@dataclass(frozen=True)
class Files:
    """The plain files that are replayed in place of the lake."""

    contacts: Path | None = None
    activities: Path | None = None
    companies: Path | None = None

    @property
    def are_given(self) -> bool:
        """Whether any was named."""
        return any((self.contacts, self.activities, self.companies))


@dataclass(frozen=True)
class Dates:
    """The cuts that were asked for, as they were typed; and ``false_alarm``, where another share than that of the settings is to be judged."""

    first: str | None = None
    last: str | None = None
    every: int | None = None
    horizon: int = 30
    cuts: int | None = None
    false_alarm: float | None = None

    def judged_by(self, policy: Policy) -> Policy:
        """The policy, with the share of false alarms that was asked for. Raises BadInput."""
        if self.false_alarm is None:
            return policy
        if not 0 < self.false_alarm < MOST_FALSE_ALARMS:
            raise BadInput(
                f"--false-alarm was given as {self.false_alarm:g}; it is a share such as 0.01, more than 0 and less than {MOST_FALSE_ALARMS:g}."
            )
        return dataclasses.replace(policy, false_alarm=self.false_alarm)

    def wish(self) -> Wish:
        """The same, read. Raises BadInput."""
        return Wish(self.horizon, self.every, _day(self.first, "--from"), _day(self.last, "--to"), self.cuts)


def run_backtest(files: Files, dates: Dates, *, out: Path | None, seed: int, quiet: bool) -> Answer:
    """Replay, judge, keep the page where one was asked for. Nothing is written in any CRM."""
    wish = dates.wish()
    dates.judged_by(Policy())
    check_out(out)
    with progress_bars(quiet=quiet) as progress:
        work, history, policy, names = _of_files(files) if files.are_given else _of_lake()
        report = run_replay(history, dates.judged_by(policy), wish, seed=seed, progress=progress)
    data = report.to_json()
    if work is not None:
        _keep(work, data)
    if out is not None:
        write_page(out, render_backtest_page(report, names))
    return Answer(data | ({"out": str(out)} if out else {}), render_backtest(report, names, out))


def _of_files(files: Files) -> tuple[None, History, Policy, Mapping[str, str]]:
    read = read_files({"contacts": files.contacts, "activities": files.activities, "companies": files.companies})
    tables = Tables(read["contacts"], read_signals(read["activities"], read["contacts"]), read["companies"], read["owners"])
    return None, history_of_files(tables), Policy(), names_of(tables.companies, tables.owners)


def _of_lake() -> tuple[Work, History, Policy, Mapping[str, str]]:
    work = open_work(load_settings(), offline=True)
    return work, history_of_lake(work), work.policy, names_of(work.lake.read("companies"), work.lake.read("owners"))


def names_of(companies: pd.DataFrame, owners: pd.DataFrame) -> dict[str, str]:
    """What companies (crm:company_id) and owners are called."""
    firms = companies.assign(key=companies["crm"].fillna("files") + ":" + companies["company_id"]).dropna(subset="name")
    people = owners.dropna(subset="name")
    return dict(zip(firms["key"], firms["name"], strict=True)) | dict(zip(people["owner_id"], people["name"], strict=True))


def _keep(work: Work, data: Mapping[str, Any]) -> None:
    """Keep the figures, without those of single owners and companies, beside the last run; ``stillthere report`` shows them."""
    runs = work.journal.runs()
    kept = {name: value for name, value in data.items() if name not in ("segments", "cannot_be_undone")}
    work.journal.save_document(DOCUMENT, str(runs["run_id"].iloc[-1]), kept)


def check_out(out: Path | None) -> None:
    """Raise BadInput where a page could not be kept in that file."""
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise BadInput(
            f"The page was to be kept in {out}, which is a folder or lies in none; give the name of a file in a folder that exists."
        )


def write_page(out: Path, page: str) -> None:
    """Keep the page. Raises BadInput where that cannot be done."""
    try:
        with in_one_piece(out) as beside:
            beside.write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} could not be written: {error.strerror}; choose another place.") from error


def _day(text: str | None, option: str) -> pd.Timestamp | None:
    if text is None:
        return None
    try:
        return pd.Timestamp(date.fromisoformat(text), tz="UTC").as_unit("us")
    except ValueError as error:
        raise BadInput(f"{text!r} was given as {option}, but it is no day; write it as 2026-01-31.") from error


def render_backtest(report: Report, names: Mapping[str, str], out: Path | None) -> list[RenderableType]:
    """The backtest in the terminal: what it comes to, what was not judged, the figures, the states, and for whom it is worse."""
    states, figures = report.states, report.listening.figures
    parts: list[RenderableType] = ["[bold]Would it have been right?[/bold]", judged_line(report), ""]
    parts += [Indented(sentence, 2) for sentence in verdict(report.listening)]
    if report.holes:
        parts += ["", "[yellow]Holes in the data[/yellow]", *(Indented(escape(describe_data(hole)), 2) for hole in report.holes)]
    parts += ["", _comparison(report), Indented(f"[dim]{MEANINGS['range']}[/dim]", 2)]
    parts += [
        Indented(f"[dim]{name}: {MEANINGS[key]}[/dim]", 2) for name, key in (("AUC", "auc"), ("Brier", "brier"), ("Caught", "caught"))
    ]
    bands = Table("Chance given", "Judgements", "People", "Mean chance", "Heard from", box=None, title="Reliability", title_justify="left")
    for band in report.listening.reliability:
        given = f"{100 * band.start:.0f} to {100 * band.end:.0f} %"
        bands.add_row(given, f"{band.rows:,}", f"{band.people:,}", f"{100 * band.mean_chance:.0f} %", percent(band.heard))
    parts += [
        "",
        bands,
        Indented(f"[dim]Calibration error {number(figures[OURS].calibration_error)}. {MEANINGS['calibration_error']}[/dim]", 2),
    ]
    alarms = f"Called silent and yet heard from: {percent(states.false_alarm)}; silent or quiet: {percent(states.false_alarm_or_quiet)}"
    changes = (
        f"State changes a contact and year: {number(states.changes_a_year, 1)}; back and forth within 30 days: {number(states.undone_a_year, 2)}; "
        f"of these with nothing heard in between: {number(states.flickers_a_year, 2)}."
    )
    parts += ["", "[bold]The state[/bold]", f"  {alarms}; promised: at most {100 * states.promised:.0f} %.", f"  {changes}"]
    for one in report.warnings:
        days = f"; half of them at least {one.days[1]:.0f} days" if one.days else ""
        parts.append(f"  {one.ending}: {one.cases:,} cases, warned {percent(one.warned)}{days}.")
        parts.append(Indented(f"[dim]{one.meaning}[/dim]", 4))
    parts += ["", f"[bold]Still in that job[/bold]  {job_line(report)}", "", _segments(report, names)]
    parts += ["", "[dim]What could not be undone:[/dim]", *(Indented(f"[dim]{sentence}[/dim]", 2) for sentence in report.cannot_be_undone)]
    return [*parts, *(["", f"The page is {out}."] if out else [])]


def _comparison(report: Report) -> Table:
    """Still There and the curves side by side; that fits a narrow terminal. Then the leads in AUC."""
    whole = comparison_table(report)
    table = Table("", *whole.heads[: len(NAMES)], box=None)
    for head, *cells in whole.rows:
        table.add_row(head, *cells[: len(NAMES)])
    table.add_row("lead of Still There, AUC", "", *[signed(lead.auc) for lead in report.listening.leads.values()])
    return table


def _segments(report: Report, names: Mapping[str, str]) -> Table:
    table = Table("By", "", "People", "Heard from", "AUC", "Lead in AUC", "Bias", box=None)
    ways = dict.fromkeys(one.by for one in report.segments)
    for by in ways:
        judged = [one for one in report.segments if one.by == by and not one.why_not]
        for one in judged[:SHOWN]:
            value = escape(names.get(one.value, one.value))
            table.add_row(by, value, f"{one.people:,}", brief(one.heard), brief(one.auc, 2), signed(one.auc_lead), brief(one.bias, 2))
        small = sum(1 for one in report.segments if one.by == by and one.why_not)
        if small:
            table.add_row(by, f"[dim]{small:,} too small to judge[/dim]")
    return table
