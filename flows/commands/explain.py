"""``stillthere explain``: why the fields of one contact say what they say. Reads the lake alone."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import orjson
import pandas as pd
from rich.console import RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from flows.answer import Answer, to_json
from flows.compute import cut_off, lot_tables, lots_of, read_population, survey_lot
from flows.outcome import read_summary, unread_in
from flows.render import Indented
from flows.settings import load_settings
from flows.work import Work, open_work
from transforms.compute import Computed, combine, compute_contacts
from transforms.crms import crm_name
from transforms.explain import ExplainedValue, Explanation, Happening, Record, explain, find_person, may_be
from transforms.fields import CONTACT_FIELDS
from transforms.persons import MATCHED
from transforms.vocabulary.errors import BadInput


def run_explain(*, contact: str, field: str | None) -> Answer:
    """Explain every field, or one, as of the last run. Raises BadInput where the contact or the field is not known."""
    fields = [one for one in CONTACT_FIELDS if field in (None, one.name)]
    if not fields:
        raise BadInput(f"{field!r} was asked for, and no contact field has that name; `stillthere fields` lists them.")
    work = open_work(load_settings(), offline=True)
    part = _part_with(work, contact)
    members = part.members[part.members["person_id"] == find_person(part, contact)]
    written: dict[str, datetime] = {}
    for member in members.itertuples():
        last = work.journal.last_written(member.crm, "contacts", member.contact_id)
        for name, at in zip(last["field"], last["written_at"], strict=True):
            written[name] = max(at, written.get(name, at))
    found = explain(part, contact, fields, written)
    return Answer(orjson.loads(to_json(dataclasses.asdict(found))), render_explanation(found))


def _part_with(work: Work, contact: str) -> Computed:
    """The buckets in which the contact may be, computed as of the last run that did so, with what the whole org's history says."""
    runs = work.journal.runs()
    runs = runs[runs["as_of"].notna() & runs["kind"].isin(["sync", "plan"])]
    if runs.empty:
        raise BadInput("Nothing was pulled yet, so nothing can be explained; run `stillthere sync` first.")
    as_of, population = pd.Timestamp(runs["as_of"].iloc[-1]), read_population(work)
    homes = tuple(sorted(population.bucket[may_be(population.contacts, population.people, contact)].unique()))
    if homes:
        org = combine(
            [survey_lot(lot, work, population, as_of) for lot in lots_of(work)],
            cut_off(work, unread_in(read_summary(runs["summary"].iloc[-1]))),
        )
        part = compute_contacts(lot_tables(work, population, homes), org, as_of, work.policy)
        if find_person(part, contact) is not None:
            return part
    raise BadInput(f"We looked for the contact {contact!r} and did not find it; give the e-mail address or the id of its record.")


def render_explanation(found: Explanation) -> list[RenderableType]:
    """The values under their headings, each with what stands behind it. The same activities are shown once; later values point to them."""
    written = max((value.written_at for value in found.values if value.written_at), default=None)
    parts: list[RenderableType] = [
        f"[bold]{escape(found.who)}[/bold] · {escape(found.email)}",
        *(Indented(_record_line(record, found), 2) for record in found.records),
        f"As of {_moment(found.as_of)}{f' · last written {_moment(written)}' if written else ''}",
    ]
    several = len({record.crm for record in found.records}) > 1
    group, shown = "", dict[tuple[Happening, ...], str]()
    for value in found.values:
        if value.group != group:
            group = value.group
            parts += ["", f"[bold underline]{group}[/bold underline]"]
        parts += ["", *_render_value(value, shown.get(value.happenings), written, several=several)]
        if value.happenings:
            shown.setdefault(value.happenings, value.label)
    return parts


def _record_line(record: Record, found: Explanation) -> str:
    """``HubSpot 4711 · CFO at Halden · ana@halden.example · owner Dana · matched by the same e-mail address``."""
    job = " at ".join(part for part in (record.title, record.employer) if part)
    told = [
        f"{crm_name(record.crm)} {record.contact_id}",
        job,
        record.email if record.email.lower() != found.email.lower() else "",
        f"owner {record.owner}" if record.owner else "no owner",
        f"[dim]matched by {MATCHED[record.matched_by]}[/dim]" if record.matched_by else "",
    ]
    return " · ".join(text if text.startswith("[dim]") else escape(text) for text in told if text)


def _moment(at: datetime) -> str:
    return f"{at.day} {at:%b %Y %H:%M} UTC"


def _render_value(value: ExplainedValue, alike: str | None, written: datetime | None, *, several: bool) -> list[RenderableType]:
    text = f"[bold]{value.label}[/bold]: {escape(value.value) or '[dim]nothing to say[/dim]'}"
    if value.written_at and value.written_at != written:
        text += f" [dim]· written {_moment(value.written_at)}[/dim]"
    told: list[RenderableType] = [Indented(text, 2)]
    if alike:
        told.append(Indented(f"[dim]From the same activities as {alike}.[/dim]", 4))
    elif value.happenings:
        rows = Table.grid(padding=(0, 2))
        for happening in value.happenings:
            way = f"{happening.channel} {_DIRECTIONS.get(happening.direction, '')}".strip()
            crms = " and ".join(crm_name(crm) for crm in (happening.crm, *happening.also_in)) if several else ""
            record = "" if happening.activity_id.startswith("contact-") else f"[dim]{happening.activity_id}[/dim]"
            rows.add_row(
                f"{happening.at.day:>2} {happening.at:%b %Y %H:%M}", way, escape(happening.what), *([crms] if several else []), record
            )
        told.append(Padding(rows, (0, 0, 0, 4)))
        if value.count > len(value.happenings):
            told.append(f"    [dim]… and {value.count - len(value.happenings):,} earlier[/dim]")
    return [*told, Indented(f"[dim]{escape(value.would_change)}[/dim]", 4)]


_DIRECTIONS = {"inbound": "from them", "outbound": "from us", "internal": ""}
