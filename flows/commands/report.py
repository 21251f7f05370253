"""``stillthere report``: the last run, what the chance to hear back has learned, and the last backtest. Reads the lake alone."""

from __future__ import annotations

from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from flows.answer import Answer
from flows.commands.backtest import DOCUMENT
from flows.commands.status import runs_so_far
from flows.compute import MODEL_CARD
from flows.pages.words import NAMES
from flows.render import Indented
from flows.settings import load_settings
from flows.work import Work, open_work
from transforms.backtest.figures import OURS
from transforms.backtest.judging import describe_data
from transforms.vocabulary.errors import BadInput

SHOWN = 12
"""So many coefficients are told, the heaviest first; the JSON has all of them."""


def run_report() -> Answer:
    """What the last run did, and what the fields rest on. Raises BadInput where nothing was run yet."""
    work = open_work(load_settings(), offline=True)
    runs = [run for run in runs_so_far(work) if run["kind"] in ("sync", "plan") and run["as_of"] is not None]
    if not runs:
        raise BadInput("Nothing was pulled yet, so there is nothing to report; run `stillthere sync` first.")
    card, test = _latest(work, MODEL_CARD), _latest(work, DOCUMENT)
    text = [*_render_run(runs[0]), "", *_render_card(card), "", *_render_backtest(test)]
    return Answer({"last_run": runs[0], "model_card": card, "backtest": test}, text)


def _latest(work: Work, kind: str) -> dict[str, Any] | None:
    found = work.journal.documents(kind)
    return dict(found[-1].content) if found else None


def _render_run(run: dict[str, Any]) -> list[RenderableType]:
    summary = run["summary"]
    written = summary.get("written", {})
    told = [f"[bold]Last run[/bold]  {run['kind']} {run['run_id']}, {run['status']}, as of {pd.Timestamp(run['as_of']):%d %b %Y %H:%M} UTC"]
    tasks = sum(written.get("tasks", {}).values())
    told.append(
        f"  {written.get('cells', 0):,} cells on {written.get('records', 0):,} records, {tasks:,} tasks, {summary.get('failed_count', 0):,} rows failed."
    )
    alerts = summary.get("planned", {}).get("alerts", [])
    return [*told, *(Indented(f"[yellow]For the admin:[/yellow] {escape(alert)}", 2) for alert in alerts)]


def _render_card(card: dict[str, Any] | None) -> list[RenderableType]:
    """The model card in words: what it learned from, how well it judged, and what moves the chance."""
    if card is None:
        return ["[bold]Chance to hear back[/bold]  No run has kept a model card yet; the next `stillthere sync` does."]
    rows = (
        f"{card['rows']:,} past days of people, from {card['first_day']} to {card['last_day']}"
        if card["rows"]
        else "no history yet: it is the prior"
    )
    told: list[RenderableType] = [
        f"[bold]Chance to hear back[/bold]  within {card['horizon_days']} days, learned as of {card['as_of'][:10]} from {rows}."
    ]
    if card["auc"] is not None:
        told.append(Indented(_judged(card), 2))
    else:
        told.append("  There was not enough history to check it on days that it had not learned from.")
    if card["calibration"]:
        table = Table("Chance said", "Heard from", "People and days", box=None)
        for one in card["calibration"]:
            table.add_row(f"{100 * one['said']:.0f} %", f"{100 * one['happened']:.0f} %", f"{one['number']:,}")
        told += ["", table]
    if card["coefficients"]:
        heaviest = sorted(card["coefficients"], key=lambda one: -abs(one["weight"]))[:SHOWN]
        table = Table("What moves the chance", "Weight", "Usual elsewhere", box=None)
        for one in heaviest:
            table.add_row(escape(one["words"]), f"{one['weight']:+.2f}", f"{one['prior']:+.2f} ± {one['prior_deviation']:.2f}")
        told += [
            "",
            table,
            Indented(
                "[dim]Weight: by how much the log odds move when the term is one usual deviation higher. Above 0 makes hearing back likelier.[/dim]",
                2,
            ),
        ]
    told += [Indented(f"Left out: {escape(' '.join(str(value) for value in hole.values()))}", 2) for hole in card["holes"]]
    return told


def _judged(card: dict[str, Any]) -> str:
    alarm = card["false_alarm_seen"]
    told = (
        f"Checked on {card['judged']:,} later ones: AUC {card['auc']:.3f} (days since last: {card['auc_recency']:.3f}), "
        f"Brier {card['brier']:.3f} ({card['brier_recency']:.3f})"
    )
    if card["calibration_error"] is not None:
        told += f", calibration error {card['calibration_error']:.3f}"
    if alarm is not None:
        told += f". False alarms {100 * alarm:.1f} %, asked for {100 * card['false_alarm_asked']:.0f} %"
    return f"{told}."


def _render_backtest(test: dict[str, Any] | None) -> list[RenderableType]:
    if test is None:
        return ["[bold]Backtest[/bold]  None yet; `stillthere backtest` plays the past again and says how good the fields were."]
    cuts = [cut for cut in test["cuts"] if not cut["why_not"]]
    told: list[RenderableType] = [
        f"[bold]Backtest[/bold]  {len(cuts)} cuts from {cuts[0]['on']} to {cuts[-1]['on']}, {test['people']:,} people, {test['rows']:,} judgements."
    ]
    figures = test["listening"]["figures"]
    for name in (OURS, "plain_counts", "days_since_last"):
        one = figures[name]
        told.append(
            f"  {NAMES[name]}: AUC {_value(one['auc'])}, Brier {_value(one['brier'])}, calibration error {_value(one['calibration_error'])}."
        )
    return [*told, *(Indented(f"Hole: {escape(describe_data(hole))}", 2) for hole in test["holes"])]


def _value(score: dict[str, Any]) -> str:
    return "–" if score["value"] is None else f"{score['value']:.3f}"
