"""``stillthere check``, ``setup`` and ``teardown``: what the CRM allows us, and the definitions that we need in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Column, Table

from connectors.protocol import Crm
from flows.answer import Answer
from flows.quota import quota_of, take_up
from flows.settings import load_settings
from flows.work import Work, open_work
from transforms.crms import crm_name
from transforms.fields import FIELDS
from transforms.vocabulary.changes import Change
from transforms.vocabulary.errors import CrmUnreachable

NEEDS_A_PERSON = 10


def run_check() -> Answer:
    """Ask every CRM; exit code 10 where a person has something to change, 20 where all that is wrong is that a CRM cannot be reached."""
    work = open_work(load_settings())
    found = {name: crm.check() for name, crm in work.crms.items()}
    take_up(work, found)
    quota = quota_of(work, {name: one.account for name, one in found.items()}, ())
    checkups = list(found.values())
    parts: list[RenderableType] = []
    for name, checkup in found.items():
        parts.append(f"[bold]{crm_name(checkup.crm)}[/bold] · {checkup.account} · its clock says {checkup.now:%d %b %Y %H:%M} UTC")
        table = Table(*(Column(overflow="fold") for _ in range(4)), box=None, show_header=False)
        for finding in checkup.findings:
            mark = "[yellow]remark[/yellow]" if finding.is_remark else "[green]good[/green]" if finding.is_good else "[red]to do[/red]"
            table.add_row(mark, finding.what, finding.detail, finding.advice)
        ours = quota[name]
        if ours["usable"] is not None:
            told = f"{ours['usable']:,} of the calls left today; {ours['reserve']:,} are for others (STILLTHERE_RESERVE_SHARE)"
            table.add_row("", "ours", told, "")
        parts.append(table)
    is_good = all(checkup.is_good for checkup in checkups)
    parts.append(
        "Nothing has to be changed." if is_good else "What is marked [red]to do[/red] has to be changed before a sync can work fully."
    )
    data = {"checkups": [{**dataclasses.asdict(checkup), "is_good": checkup.is_good} for checkup in checkups], "quota": quota}
    is_for_a_person = any(one.is_reached and not one.is_good for one in checkups)
    return Answer(data, parts, 0 if is_good else NEEDS_A_PERSON if is_for_a_person else CrmUnreachable.exit_code)


def run_setup(*, dry_run: bool) -> Answer:
    """Create what is missing, or only say what it is."""
    return _change(lambda crm: crm.pending_fields(FIELDS), lambda crm, changes: crm.create_fields(changes), "create", dry_run=dry_run)


def run_teardown(*, dry_run: bool) -> Answer:
    """Take away what set-up created, or only say what it is."""
    return _change(lambda crm: crm.pending_teardown(), lambda crm, changes: crm.teardown(changes), "take away", dry_run=dry_run)


def _change(pending: Callable[[Crm], list[Change]], apply: Callable[[Crm, Sequence[Change]], None], verb: str, *, dry_run: bool) -> Answer:
    work: Work = open_work(load_settings())
    changes = {name: pending(crm) for name, crm in work.crms.items()}
    if not dry_run:
        for name, crm in work.crms.items():
            apply(crm, changes[name])
    listed = [change for of_crm in changes.values() for change in of_crm]
    done = f"Would {verb}" if dry_run else {"create": "Created", "take away": "Took away"}[verb]
    ending = f"{done} {len(listed)} thing{'s' if len(listed) != 1 else ''}." if listed else f"Nothing to {verb}."
    data = {
        "dry_run": dry_run,
        "changes": [{"crm": c.crm, "what": c.what, "name": c.name, "action": c.action, "detail": c.detail} for c in listed],
    }
    return Answer(data, [*(part for of_crm in changes.values() for part in _listed(of_crm)), ending])


def _listed(changes: Sequence[Change]) -> list[RenderableType]:
    """What is made or taken away in one CRM. A name is told in full: whoever looks for the field in the CRM needs it."""
    if not changes:
        return []
    table = Table("What", Column("Name", overflow="fold", no_wrap=True), "Detail", box=None)
    for change in changes:
        what = change.what if change.action == "create" else f"{change.action} {change.what}"
        table.add_row(what, escape(change.name), escape(change.detail))
    return [f"[bold]{crm_name(changes[0].crm)}[/bold]", table, ""]
