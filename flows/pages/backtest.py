"""The page of a backtest: one file with its pictures in it, for a browser without a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.pages import charts
from flows.pages.words import MEANINGS, NAMES, judged_line, number, percent, points, signed, spread, verdict
from transforms.backtest.figures import OURS, Segment
from transforms.backtest.judging import Report, describe_data

SHOWN = 12
"""So many parts of a kind are shown; the JSON has all of them."""


@dataclass(frozen=True)
class Comparison:
    """A table of text: the names of what is compared, and rows that begin with the name of a figure."""

    heads: list[str]
    rows: list[tuple[str, ...]]


def render_backtest_page(report: Report, names: Mapping[str, str]) -> str:
    """The page as HTML. ``names`` has what owners and companies are called, by their value in the segments."""
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    listening, states = report.listening, report.states
    ours = listening.figures[OURS]
    return environment.get_template("backtest.html").render(
        r=report,
        w=MEANINGS,
        judged_line=judged_line(report),
        verdict=verdict(listening),
        figures=[
            ("AUC", *spread(ours.auc, 2), MEANINGS["auc"]),
            ("Lead over days since last, AUC", *spread(listening.leads["days_since_last"].auc, 3), "Above 0 is better than counting days."),
            ("Calibration error", *spread(ours.calibration_error, 3), "How far the chances lie from what came, on average."),
            ("Caught at 5 % false alarms", *spread(ours.caught[-1].silent), "Of those who stayed away."),
            ("False alarms of the state", *spread(states.false_alarm), "Of those who were heard from, the share called silent."),
        ],
        holes=[describe_data(hole) for hole in report.holes],
        left_out=[cut for cut in report.cuts if cut.why_not],
        calibration=f"Error: {number(ours.calibration_error)}; perfect chances would show {ours.calibration_error_of_chance:.3f} on so few rows.",
        charts={
            "reliability": charts.reliability(listening.reliability),
            "counts": charts.counts(listening.reliability),
            "auc": charts.compared(listening, "auc"),
            "caught": charts.compared(listening, "1"),
            "over_time": charts.over_time(report.cuts),
        },
        bands=[
            {
                "given": f"{100 * band.start:.0f} to {100 * band.end:.0f} %",
                "rows": f"{band.rows:,}",
                "people": f"{band.people:,}",
                "heard": percent(band.heard),
            }
            for band in listening.reliability
        ],
        compared=comparison_table(report),
        cuts=[_cut_cells(cut) for cut in report.cuts],
        states={
            "false_alarm": percent(states.false_alarm),
            "or_quiet": percent(states.false_alarm_or_quiet),
            "promised": f"{100 * states.promised:.0f} %",
            "changes": number(states.changes_a_year, 1),
            "undone": number(states.undone_a_year, 2),
            "flickers": number(states.flickers_a_year, 2),
            "rows": [(one.state, f"{one.rows:,}", f"{one.people:,}", percent(one.heard)) for one in states.by_state],
        },
        warnings=[
            {
                "ending": one.ending,
                "meaning": one.meaning,
                "cases": f"{one.cases:,}",
                "people": f"{one.people:,}",
                "warned": percent(one.warned),
                "half": f"{one.days[1]:.0f}" if one.days else "–",
                "quarters": f"{one.days[0]:.0f} to {one.days[2]:.0f}" if one.days else "–",
            }
            for one in report.warnings
        ],
        job=job_line(report),
        segments=_segments(report, names),
        fields=[(one.field, f"{one.changes_a_year:.1f}") for one in sorted(report.fields, key=lambda one: -one.changes_a_year)],
        undone=report.cannot_be_undone,
    )


def comparison_table(report: Report) -> Comparison:
    """The figures down, Still There, the curves and the leads over them across: as text."""
    listening = report.listening
    sets = [(NAMES[name], figures, number, percent) for name, figures in listening.figures.items()]
    rates = [f"{100 * one.false_alarms:.0f} %" for one in listening.figures[OURS].caught]
    heads = ["AUC", "Brier score", "Brier skill", "calibration error"]
    heads += [f"caught at {rate}" for rate in rates] + [f"caught at {rate}, gone" for rate in rates]
    columns = {}
    for name, figures, shown, share in sets:
        plain = [shown(figures.auc), shown(figures.brier), share(figures.brier_skill), shown(figures.calibration_error)]
        columns[name] = plain + [share(one.silent) for one in figures.caught] + [share(one.gone) for one in figures.caught]
    for name, lead in listening.leads.items():
        caught = [points(one.silent) for one in lead.caught] + [points(one.gone) for one in lead.caught]
        columns[f"Lead over {NAMES[name].lower()}"] = [signed(lead.auc), signed(lead.brier), "", "", *caught]
    return Comparison(list(columns), [(head, *(cells[place] for cells in columns.values())) for place, head in enumerate(heads)])


def job_line(report: Report) -> str:
    """The figures of the job, or why there are none."""
    job = report.job
    if job.why_not:
        return f"Not judged: {job.why_not}."
    return (
        f"{job.left:,} of {job.people:,} people left with a clear sign. AUC {number(job.auc)}, Brier skill {percent(job.brier_skill)}, "
        f"calibration error {number(job.calibration_error)}."
    )


def _cut_cells(cut: Any) -> list[str]:
    shares = ["–" if value is None or cut.why_not else f"{100 * value:.0f} %" for value in (cut.heard, cut.mean_chance)]
    ranks = ["–" if value is None or cut.why_not else f"{value:.2f}" for value in (cut.auc, cut.auc_days_since_last)]
    hidden = f"{cut.hidden:,} hidden by a hole" if cut.hidden and not cut.why_not else ""
    return [cut.on, f"{cut.people:,}", *shares, *ranks, cut.why_not or hidden]


def _segments(report: Report, names: Mapping[str, str]) -> list[tuple[str, list[dict[str, Any]], str]]:
    found = []
    for by, part in groupby(report.segments, key=lambda one: one.by):
        segments = list(part)
        judged = [one for one in segments if not one.why_not]
        few = len(segments) - len(judged)
        small = f"{few:,} {'is' if few == 1 else 'are'} too small to judge." if few else ""
        if len(judged) > SHOWN:
            small += f" {len(judged) - SHOWN:,} more are in the JSON."
        found.append((by, [_segment(one, names) for one in judged[:SHOWN]], small))
    return found


def _segment(one: Segment, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "value": names.get(one.value, one.value),
        "people": f"{one.people:,}",
        "rows": f"{one.rows:,}",
        "heard": percent(one.heard),
        "auc": number(one.auc, 2),
        "bias": signed(one.bias),
        "bar": charts.lead_bar(one.auc_lead, 0.2),
        "lead": signed(one.auc_lead),
    }
