"""What a run did, as text for people. Every number and sentence comes from the run."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.outcome import Outcome
from flows.quota import told_of
from flows.staleness import STALE
from transforms.crms import crm_name
from transforms.fields import COMPANY_FIELDS, CONTACT_FIELDS
from transforms.highlights import Item, Section
from transforms.vocabulary.changes import WriteReport

SHOWN_FAILURES = 20


@dataclass(frozen=True)
class Indented:
    """A text that is set in. It is wrapped to the terminal; where nobody looks at one (a pipe, a file), each of its lines stays whole."""

    text: str
    by: int

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Wrap and pad, or only set in."""
        if options.no_wrap:
            lines = Text.from_markup(self.text).split("\n")
            yield from (Text(" " * self.by) + line for line in lines)
        else:
            yield Padding(self.text, (0, 0, 0, self.by))


def render_sync(done: Outcome, *, months: int | None = None, with_alerts: bool = True) -> list[RenderableType]:
    """The run in a few lines: what was pulled, computed and written, what failed, and what is left of the quota.

    ``months``: how much history there is, where that is known.
    """
    lines = Table.grid(padding=(0, 2), expand=True)
    lines.add_column()
    lines.add_column(ratio=1)
    lines.add_column(justify="right")
    summary = done.run.summary
    several = len(done.accounts) > 1
    for pulled in done.pulled:
        counts = (
            ", ".join(f"{pulled.rows[table]:,} {table}" for table in ("contacts", "activities"))
            if sum(pulled.rows.values())
            else "nothing new"
        )
        lines.add_row(
            "pulled",
            f"{_in(pulled.crm, several=several)}{counts} · {_completeness(summary['pulled'][pulled.crm])}",
            _calls(summary, pulled.crm, READING),
        )
        for one in summary["pulled"][pulled.crm]["unread"]:
            lines.add_row("[yellow]not read[/yellow]", _unread(pulled.crm, one, several=several), "")
    if done.computation is not None:
        lines.add_row("computed", f"{len(CONTACT_FIELDS)} fields a contact, {len(COMPANY_FIELDS)} a company", "")
    if done.plan is not None:
        for name in done.accounts:
            lines.add_row(
                "wrote", f"{_in(name, several=several)}{_written(done.applied.by_crm.get(name, Counter()))}", _calls(summary, name, WRITING)
            )
        if len(done.plan.held_back):
            lines.add_row("", f"{len(done.plan.held_back):,} tasks held back for later", "")
    for name, one in summary.get("quota", {}).items():
        lines.add_row("quota", f"{_in(name, several=several)}{told_of(one)}", "")
    lines.add_row("run", f"{done.run.run_id} · as of {done.as_of:%d %b %Y %H:%M} UTC", "")
    return [
        f"[bold]Still There[/bold] · {_headline(done, months)}",
        "",
        lines,
        *render_failures([one for one in done.applied.failed if one.code != STALE]),
        *(_alerts(done) if with_alerts else []),
    ]


def _headline(done: Outcome, months: int | None) -> str:
    """Where, how many, and as of when."""
    told = [account.split(" (")[0] for account in done.accounts.values()]
    if done.computation is not None:
        contacts = sum(len(part.members) for part in done.computation.parts)
        people = sum(len(part.persons) for part in done.computation.parts)
        of = f" of {people:,} people" if len(done.accounts) > 1 else ""
        told.append(f"{contacts:,} contacts{of} at {len(done.computation.companies):,} companies")
    told += [f"{months} months"] if months else []
    return " · ".join([*told, f"as of {done.as_of.day} {done.as_of:%b %Y}"])


def _in(crm: str, *, several: bool) -> str:
    """``HubSpot: ``, where there is more than one CRM."""
    return f"{crm_name(crm)}: " if several else ""


def _written(number: Counter[str]) -> str:
    told = [f"{number['cells']:,} cells on {number['records']:,} records" if number["cells"] else "no cells: they hold what was computed"]
    if number["created"]:
        told.append(f"{number['created']:,} new {'task' if number['created'] == 1 else 'tasks'}")
    if number["updated"]:
        told.append(f"{number['updated']:,} changed or closed")
    return " · ".join(told)


def _unread(crm: str, one: Mapping[str, Any], *, several: bool) -> str:
    """``tickets: the scope tickets is missing; add tickets to the app …``."""
    return f"{_in(crm, several=several)}{one['stream']}: {escape(one['lacks'])} is missing; {escape(one['advice'])}"


READING = ("read", "search", "bulk")
WRITING = ("write", "tasks", "setup")


def _calls(summary: dict[str, Any], crm: str, purposes: tuple[str, ...]) -> str:
    calls: dict[str, int] = summary["calls"].get(crm, {})
    count = sum(n for purpose, n in calls.items() if purpose in purposes)
    return f"{count:,} calls" if count else ""


def _completeness(pulled: dict[str, dict[str, int]]) -> str:
    if pulled["missing"]:
        holes = ", ".join(f"{count:,} {stream}" for stream, count in pulled["missing"].items())
        return f"[red]incomplete: {holes} missing[/red]"
    gone = ", ".join(f"{count:,} {how}" for how, count in sorted(pulled["gone"].items()))
    return f"complete ({gone})" if gone else "complete"


def render_failures(failed: list[WriteReport]) -> list[RenderableType]:
    """Every row that failed, with the CRM's code and a sentence; the first ones where there are many."""
    if not failed:
        return []
    table = Table("Record", "Code", "What came back", box=None)
    for report in failed[:SHOWN_FAILURES]:
        table.add_row(f"{report.crm} {report.table} {report.key}", report.code, escape(report.message))
    more = [f"… and {len(failed) - SHOWN_FAILURES} more; `stillthere runs --json` lists them."] if len(failed) > SHOWN_FAILURES else []
    return ["", f"[red]{len(failed):,} rows failed[/red]; the next sync tries them again.", table, *more]


def _alerts(done: Outcome) -> list[RenderableType]:
    return render_alerts(done.plan.alerts if done.plan is not None else ())


def render_alerts(alerts: Sequence[str]) -> list[RenderableType]:
    """What the admin should know: the first line says what, the others are set in."""
    shown: list[RenderableType] = []
    for alert in alerts:
        first, *more = alert.split("\n")
        shown += ["", f"[yellow]For the admin:[/yellow] {escape(first)}", *(Indented(escape(line), 2) for line in more)]
    return shown


@dataclass(frozen=True)
class Shown:
    """The highlights of a run, as plain data and as text."""

    data: list[dict[str, Any]]
    text: list[RenderableType]


def render_highlights(sections: Sequence[Section], link: Callable[[str, str], str]) -> Shown:
    """Who went silent and why, who left, who needs help, where we are deaf, whom to reach how. ``link`` gives a contact's page."""
    data = [{**dataclasses.asdict(section), "items": [_item_data(item, link) for item in section.items]} for section in sections]
    text: list[RenderableType] = []
    for section in sections:
        heading = Table.grid(expand=True)
        heading.add_column()
        heading.add_column(justify="right")
        heading.add_row(f"[bold]{section.title}[/bold] ({section.total:,})", f"[dim]{section.column}[/dim]")
        text += [heading, *(_render_item(item) for item in section.items), ""]
    return Shown(data, text)


def render_people(people: Mapping[str, int]) -> list[RenderableType]:
    """In which CRMs how many people stand; ``people``: CRMs joined by plus, to their number. Nothing where there is one CRM."""
    if len(people) < 2:
        return []
    told = [f"{count:,} in {' and '.join(crm_name(crm) for crm in crms.split('+'))}" for crms, count in people.items()]
    return ["", f"[bold]{sum(people.values()):,} people[/bold]: {', '.join(told)}. Each has the same fields in every CRM that holds them."]


def _render_item(item: Item) -> RenderableType:
    head = Table.grid(expand=True, padding=(0, 0, 0, 2))
    head.add_column(ratio=1)
    head.add_column(justify="right")
    head.add_row(f"[bold]{escape(item.who)}[/bold]", escape(item.headline))
    due = f", {item.due_at:%a} {item.due_at.day} {item.due_at:%b}" if item.due_at is not None else ""
    task = f"\n[green]→ task for {escape(item.owner) or 'whoever takes it'}{due}[/green]" if item.task else ""
    return Group(Padding(head, (0, 0, 0, 2)), Indented(f"{escape(item.text)}{task}", 4))


def _item_data(item: Item, link: Callable[[str, str], str]) -> dict[str, Any]:
    links = [link(crm, contact_id) for crm, contact_id in item.records]
    return {**dataclasses.asdict(item), "link": link(item.crm, item.contact_id) if item.contact_id else "", "links": links}
