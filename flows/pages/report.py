"""``stillthere report`` in words: the sentences and rows that terminal and page share, and the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.pages.learned import FOLLOWED, WEIGHT, calibration_rows, coefficient_rows, counts_line, learned_from, outcome_sentences
from flows.pages.words import MEANINGS, NAMES
from transforms.backtest.figures import OURS
from transforms.backtest.judging import describe_data
from transforms.crms import crm_name
from transforms.fields.listening import coverage
from transforms.fields.state import engagement_state

NO_OUTCOMES = "Nothing to tell yet: each sync counts what became of the tasks of the syncs before it."

_STATES = {option.value: option.label for option in engagement_state.options}
_COVERAGES = {option.value: option.label for option in coverage.options}


@dataclass(frozen=True)
class Told:
    """The report in words."""

    last_run: str
    alerts: list[str]
    crms: list[tuple[str, list[str]]]
    outcomes: list[str]
    learned: str
    bands: list[tuple[str, str, str]]
    coefficients: list[tuple[str, str, str, str]]
    holes: list[str]
    backtest: list[str]
    runs: list[tuple[str, ...]]


def to_words(data: Mapping[str, Any]) -> Told:
    """The words of the report's data."""
    run, card, test = data["last_run"], data["model_card"], data["backtest"]
    return Told(
        _run(run),
        run["summary"].get("planned", {}).get("alerts", []),
        [(crm_name(name), _crm(of_crm)) for name, of_crm in data["crms"].items()],
        outcome_sentences(data["outcomes"] or ()),
        learned_from(card) if card else "No run has kept a model card yet; the next `stillthere sync` does.",
        calibration_rows(card) if card else [],
        coefficient_rows(card) if card else [],
        [describe_data(hole) for hole in card["holes"]] if card else [],
        _backtest(test),
        [_row(one) for one in data["runs"]],
    )


def render_report_page(told: Told) -> str:
    """The page as HTML: one file that needs no network."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    texts = {"followed": FOLLOWED, "no_outcomes": NO_OUTCOMES, "weight": WEIGHT, "hole_means": MEANINGS["hole"]}
    return environment.get_template("report.html").render(**asdict(told), **texts)


def _run(run: Mapping[str, Any]) -> str:
    summary = run["summary"]
    written = summary.get("written", {})
    tasks = sum(written.get("tasks", {}).values())
    return (
        f"The last run, {run['kind']} {run['run_id']}, is {run['status']}, as of {pd.Timestamp(run['as_of']):%d %b %Y %H:%M} UTC: "
        f"{written.get('cells', 0):,} cells on {written.get('records', 0):,} records, {tasks:,} tasks, {summary.get('failed_count', 0):,} rows failed."
    )


def _row(run: Mapping[str, Any]) -> tuple[str, ...]:
    written = run["summary"].get("written", {})
    tasks = sum(written.get("tasks", {}).values())
    counts = (written.get("cells", 0), tasks, run["summary"].get("failed_count", 0))
    return (run["run_id"], run["kind"], str(run["as_of"] or "–")[:16], run["status"], *(f"{count:,}" for count in counts))


def _crm(of_crm: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{of_crm['contacts']:,} contacts, {of_crm['companies']:,} companies, {of_crm['activities']:,} activities; {of_crm['open_tasks']:,} of our tasks are open."
    ]
    if of_crm["states"]:
        lines.append(f"{counts_line(of_crm['states'], _STATES)}.")
    if of_crm["coverage"]:
        lines.append(f"Coverage: {counts_line(of_crm['coverage'], _COVERAGES).lower()}.")
    return lines


def _backtest(test: Mapping[str, Any] | None) -> list[str]:
    if test is None:
        return ["None yet; the command stillthere backtest plays the past again and says how good the fields were."]
    cuts = [cut for cut in test["cuts"] if not cut["why_not"]]
    told = [f"{len(cuts)} cuts from {cuts[0]['on']} to {cuts[-1]['on']}, {test['people']:,} people, {test['rows']:,} judgements."]
    figures = test["listening"]["figures"]
    for name in (OURS, "plain_counts", "days_since_last"):
        one = figures[name]
        told.append(
            f"{NAMES[name]}: AUC {_value(one['auc'])}, Brier {_value(one['brier'])}, calibration error {_value(one['calibration_error'])}."
        )
    return [*told, *(f"Hole: {describe_data(hole)}." for hole in test["holes"])]


def _value(score: Mapping[str, Any]) -> str:
    return "–" if score["value"] is None else f"{score['value']:.3f}"
