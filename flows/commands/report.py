"""``stillthere report``: the last run, where the contacts stand, what became of tasks, what was learned, and the last backtest. Reads the lake alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from flows.answer import Answer
from flows.commands.backtest import DOCUMENT, check_out, write_page
from flows.commands.status import runs_so_far
from flows.compute import MODEL_CARD, OUTCOMES
from flows.pages.learned import FOLLOWED, WEIGHT
from flows.pages.report import NO_OUTCOMES, Told, render_report_page, to_words
from flows.pages.words import MEANINGS
from flows.render import Indented
from flows.settings import load_settings
from flows.work import Work, open_work
from transforms.fields.listening import coverage
from transforms.fields.state import engagement_state
from transforms.vocabulary.errors import BadInput

RUNS = 5
"""So many of the latest runs are listed."""


def run_report(*, out: Path | None = None) -> Answer:
    """What the last run did, and what the fields rest on. Raises BadInput where nothing was run yet."""
    check_out(out)
    work = open_work(load_settings(), offline=True)
    runs = runs_so_far(work)
    last = next((run for run in runs if run["kind"] in ("sync", "plan") and run["as_of"] is not None), None)
    if last is None:
        raise BadInput("Nothing was pulled yet, so there is nothing to report; run `stillthere sync` first.")
    data = {
        "last_run": last,
        "runs": runs[:RUNS],
        "crms": _crms(work),
        "outcomes": _latest(work, OUTCOMES),
        "model_card": _latest(work, MODEL_CARD),
        "backtest": _latest(work, DOCUMENT),
    }
    told = to_words(data)
    if out is not None:
        write_page(out, render_report_page(told))
    return Answer(data | ({"out": str(out)} if out else {}), _render(told, out))


def _latest(work: Work, kind: str) -> Any:
    found = work.journal.documents(kind)
    return found[-1].content if found else None


def _crms(work: Work) -> dict[str, dict[str, Any]]:
    """For each CRM how much the lake holds of it, and how many of its contacts stand where, by what our fields hold there."""
    sizes = {table: Counter(work.lake.read(table, columns=["crm"])["crm"]) for table in ("contacts", "companies", "activities")}
    tasks = work.journal.tasks()
    sizes["open_tasks"] = Counter(tasks.loc[tasks["state"] == "open", "crm"])
    found: dict[str, dict[str, Any]] = {
        crm: {**{name: count[crm] for name, count in sizes.items()}, "states": {}, "coverage": {}}
        for crm in sorted(set().union(*sizes.values()))
    }
    for crm, rows in work.lake.standing("contacts").groupby("crm"):
        held = [orjson.loads(text) for text in rows["values"]]
        for name, field in (("states", engagement_state), ("coverage", coverage)):
            found[str(crm)][name] = dict(sorted(Counter(one[field.name] for one in held if one.get(field.name)).items()))
    return found


def _render(told: Told, out: Path | None) -> list[RenderableType]:
    parts: list[RenderableType] = [told.last_run]
    parts += [Indented(f"[yellow]For the admin:[/yellow] {escape(alert)}", 2) for alert in told.alerts]
    parts += ["", "[bold]Where the contacts stand[/bold]"]
    for name, lines in told.crms:
        parts += [f"  {name}", *(Indented(escape(line), 4) for line in lines)]
    parts += ["", "[bold]What became of our tasks[/bold]"]
    parts += [Indented(escape(sentence), 2) for sentence in told.outcomes or [NO_OUTCOMES]]
    if told.outcomes:
        parts.append(Indented(f"[dim]{FOLLOWED}[/dim]", 2))
    parts += ["", "[bold]The chance to hear back[/bold]", Indented(escape(told.learned), 2)]
    if told.bands:
        parts += ["", _table(("Chance said", "Heard from", "People and days"), told.bands)]
    if told.coefficients:
        parts += ["", _table(("More of this", "makes hearing back", "Weight", "Usual elsewhere"), told.coefficients)]
        parts.append(Indented(f"[dim]{WEIGHT}[/dim]", 2))
    parts += ["", "[bold]Holes in the data[/bold]", *(Indented(escape(hole), 2) for hole in told.holes or ["None was found."])]
    if told.holes:
        parts.append(Indented(f"[dim]{MEANINGS['hole']}[/dim]", 2))
    parts += ["", "[bold]Backtest[/bold]", *(Indented(escape(line), 2) for line in told.backtest)]
    parts += ["", "[bold]The last runs[/bold]", _table(("Run", "Kind", "As of", "Status", "Cells", "Tasks", "Failed"), told.runs)]
    return [*parts, *(["", f"The page is {out}."] if out else [])]


def _table(heads: tuple[str, ...], rows: list[Any]) -> Table:
    table = Table(*heads, box=None)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
