"""What somebody should know after a run: who went silent, who left, who needs help, where we are deaf, whom to reach how. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from transforms.book import Book
from transforms.compute import Computed
from transforms.crms import crm_name
from transforms.fields.choosing import best_channel
from transforms.fields.listening import pause_limits
from transforms.fields.support import open_ticket_rows
from transforms.fields.wording import day, number, sentence
from transforms.org import Org
from transforms.plays.alerts import owner_names
from transforms.plays.homes import TaskHomes
from transforms.plays.play import PlayBook
from transforms.plays.tasks import TaskPlan
from transforms.unseen import unseen_mail
from transforms.vocabulary.fields import BAND

SILENT = "Silent, longer than is usual for them"
MOVED = "Probably moved on"
HELP = "Needs help first"
DEAF = "We are deaf here, they may not be silent"
REACH = "Whom to reach how"
ELSEWHERE = "Silent in one CRM, talking in the other"
_PER_BUCKET = 40
_CHANNELS = {option.value: option.label for option in best_channel.options}
_COLUMNS = [
    *(
        "section",
        "crm",
        "contact_id",
        "owner",
        "who",
        "firm",
        "renewal_on",
        "annual_value",
        "chance",
        "text",
        "headline",
        "months",
        "heard_days",
        "rank",
        "records",
    ),
]


@dataclass(frozen=True)
class Item:
    """One person (or source) of a section. ``headline`` stands at the right; ``task`` is the task's subject, ``owner`` whose it is; both may be empty.

    ``crm`` and ``contact_id`` name the record that tasks are raised on; ``records`` all that the person has, as crm and contact id.
    """

    who: str
    headline: str
    text: str
    crm: str = ""
    contact_id: str = ""
    task: str = ""
    owner: str = ""
    due_at: pd.Timestamp | None = None
    records: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Section:
    """A heading with its items; ``total`` is how many there are in all, ``column`` what the items' headline means."""

    title: str
    column: str
    items: tuple[Item, ...]
    total: int


def pick(computed: Computed, companies: pd.DataFrame, homes: TaskHomes | None = None) -> pd.DataFrame:
    """The people of one bucket who belong into a section, at most 40 a section, with counts of all in ``total``."""
    plays = PlayBook(computed.book, computed.persons, companies, homes)
    tickets = plays.book.frame(open_ticket_rows).groupby("person_id")["opened_at"]
    people = plays.people.assign(
        ticket_days=plays.since(plays.book.align(tickets.min())), unseen_in=plays.book.frame(unseen_mail)["crm"].reindex(plays.people.index)
    )
    heard = one_sided(plays.book)
    people = people.assign(quiet_side=heard["quiet_side"], quiet_at=heard["quiet_at"], loud_side=heard["loud_side"])
    state, way = people["engagement_state"], people["best_channel"]
    known = people["heard_days"] >= 1
    wanted = {
        SILENT: (state == "silent") & known,
        MOVED: people["job_state"].isin(["left", "probably_moved"]) & known,
        HELP: (people["support_state"] != "none") & (people["open_tickets"] > 0),
        DEAF: people["coverage"] == "blind",
        REACH: way.isin(["call", "linkedin", "whatsapp", "sms", "chat"])
        & (people["email_blindness"] != "none")
        & people["best_time"].notna()
        & ~state.isin(["silent", "moved_on", "needs_help", "unknown"]),
        ELSEWHERE: people["quiet_at"].notna() & state.isin(["engaged", "cooling", "reawakened"]),
    }
    parts = [_section(plays, title, people[mask.fillna(False).astype(bool)]) for title, mask in wanted.items()]
    return pd.concat(parts, ignore_index=True)


def one_sided(book: Book) -> pd.DataFrame:
    """For each person in whom one CRM alone would see a long silence, while another heard from them: quiet_side, quiet_at (missing: never), loud_side.

    Long: twice the pause after which they count as quiet.
    """
    empty = pd.DataFrame(index=book.persons.index, columns=["quiet_side", "quiet_at", "loud_side"], dtype="object")
    sides = book.sides.reset_index()[["person_id", "crm"]]
    sides = sides[sides.duplicated("person_id", keep=False)]
    if sides.empty:
        return empty
    again = book.told_again[book.told_again["told_by"].isin(book.heard.index)]
    rows = pd.concat([book.heard[["person_id", "crm", "occurred_at"]], again[["person_id", "crm", "occurred_at"]]])
    last = rows.groupby([rows["person_id"].astype("str"), rows["crm"]])["occurred_at"].max().rename("at")
    known = sides.merge(last.reset_index(), on=["person_id", "crm"], how="left").sort_values(["person_id", "at"], na_position="first")
    limits = book.frame(pause_limits)["quiet"]
    first, latest = (known.drop_duplicates("person_id", keep=keep).set_index("person_id") for keep in ("first", "last"))
    quiet = book.days_since(first["at"]).fillna(float("inf")) > 2 * limits.reindex(first.index)
    loud = book.days_since(latest["at"]) <= limits.reindex(latest.index)
    found = first[quiet & loud]
    made = pd.DataFrame({"quiet_side": found["crm"], "quiet_at": found["at"], "loud_side": latest.loc[found.index, "crm"]})
    return made.reindex(book.persons.index)


def _section(plays: PlayBook, title: str, people: pd.DataFrame) -> pd.DataFrame:
    if title == DEAF:
        counted = people.groupby([people["crm"].fillna(""), people["owner"].fillna(""), people["unseen_in"].fillna("")]).size()
        rows = [
            {"section": title, "crm": crm, "owner": owner, "text": unseen, "rank": -float(size), "total": int(size)}
            for (crm, owner, unseen), size in counted.items()
        ]
        return pd.DataFrame(rows, columns=[*_COLUMNS, "total"])
    ahead = (people["renewal_on"] - plays.as_of) / pd.Timedelta(days=30)
    months = ahead.where(ahead >= 0, 99.0).fillna(99.0).floordiv(1)
    ranked = people.assign(months=months, value=people["annual_value"].fillna(0.0)).sort_values(
        ["months", "value", "heard_days"], ascending=[True, False, False], kind="stable"
    )
    rows = [_row(plays, title, person, place) for place, person in enumerate(ranked.head(_PER_BUCKET).itertuples())]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.assign(total=[len(people), *[0] * (len(frame) - 1)] if len(frame) else [])


def _row(plays: PlayBook, title: str, person: Any, place: int) -> dict[str, object]:
    text, headline = _told(title, person)
    return {
        "section": title,
        "crm": person.crm,
        "contact_id": person.contact_id,
        "owner": person.owner,
        "who": _who(plays, title, person),
        "firm": person.firm,
        "renewal_on": person.renewal_on,
        "annual_value": person.annual_value,
        "chance": person.hear_back_chance,
        "text": text,
        "headline": headline,
        "months": person.months,
        "heard_days": float(person.heard_days),
        "rank": float(place),
        "records": plays.records(person.Index),
    }


def _who(plays: PlayBook, title: str, person: Any) -> str:
    who = f"{person.who}, {person.firm}" if isinstance(person.firm, str) else str(person.who)
    if title == SILENT and pd.notna(person.renewal_on):
        days = (person.renewal_on - plays.as_of.normalize()).days
        return f"{who} · renewal in {days} days" if 0 <= days <= 365 else who
    return who


def _told(title: str, person: Any) -> tuple[str, str]:
    when = f", {person.best_time}" if pd.notna(person.best_time) else ""
    if title == SILENT:
        way = _CHANNELS[person.best_channel]
        how = f"Best way: {way}{when}." if person.best_channel not in ("wait", "someone_else") else str(person.best_channel_why)
        return f"{person.why} {how}", _percent(person.hear_back_chance)
    if title == MOVED:
        return str(person.job_evidence), _percent(person.still_there_chance)
    if title == ELSEWHERE:
        alone = f"has nothing since {day(person.quiet_at)}" if pd.notna(person.quiet_at) else "never heard from them"
        told = f"{crm_name(person.quiet_side)} alone {alone}; {crm_name(person.loud_side)} heard from them on {day(person.last_heard_at)}. Not silent: no task."
        return told, f"heard in {crm_name(person.loud_side)}"
    if title == HELP:
        return f"{_tickets(person)} Loud, not leaving: no silence task.", "struggling" if person.support_state == "struggling" else ""
    return f"{person.best_channel_why}", f"{_CHANNELS[person.best_channel]}{when.split(' (', maxsplit=1)[0]}"


def _tickets(person: Any) -> str:
    """How many tickets, and how old the oldest is."""
    count, days = int(person.open_tickets), int(person.ticket_days)
    age = "opened today" if days == 0 else f"{number(days)} {'day' if days == 1 else 'days'} old"
    return sentence(f"one open ticket, {age}." if count == 1 else f"{number(count)} open tickets, the oldest {age}.")


def _percent(chance: float) -> str:
    if pd.isna(chance):
        return ""
    band = round(chance * 100 / BAND) * BAND
    return f"{band} %" if band else f"under {BAND} %"


def highlights(
    picks: Sequence[pd.DataFrame], plan: TaskPlan, tasks: pd.DataFrame, owners: pd.DataFrame, org: Org, each: int = 3
) -> tuple[Section, ...]:
    """The sections, from the picks of all buckets: those first who have a task, then the nearest renewals and the larger contracts.

    ``tasks``: the TASKS that exist already. A section without anybody is left out.
    """
    rows = pd.concat(picks, ignore_index=True) if picks else pd.DataFrame(columns=[*_COLUMNS, "total"])
    names = owner_names(owners)
    open_now = tasks[tasks["state"].fillna("open") == "open"]
    todo = {(t.crm, t.contact_id): t for t in pd.concat([open_now, plan.create]).itertuples(index=False)}
    columns = {
        SILENT: "chance to hear back in 30 days",
        MOVED: "chance that they are still there",
        HELP: "",
        DEAF: "",
        REACH: "best way",
        ELSEWHERE: "",
    }
    sections = []
    for title, column in columns.items():
        mine = rows[rows["section"] == title]
        if mine.empty:
            continue
        items = _deaf_items(mine, names, org) if title == DEAF else _people_items(mine, todo, names)
        sections.append(Section(title, column, tuple(items[:each]), int(mine["total"].sum())))
    return tuple(sections)


def _people_items(rows: pd.DataFrame, todo: dict[tuple[object, object], Any], names: dict[tuple[str, str], str]) -> list[Item]:
    has_task = [_task_of(row, todo) is not None for row in rows.itertuples()]
    # A rank compares people of one bucket; what it stands for compares all.
    ordered = rows.assign(has_task=has_task, value=rows["annual_value"].astype("float64").fillna(0.0)).sort_values(
        ["has_task", "months", "value", "heard_days", "who"], ascending=[False, True, False, False, True], kind="stable"
    )
    return [_item(row, _task_of(row, todo), names) for row in ordered.itertuples()]


def _task_of(row: Any, todo: dict[tuple[object, object], Any]) -> Any:
    """The task on any of the person's records."""
    return next((todo[record] for record in row.records if record in todo), None)


def _item(row: Any, task: Any, names: dict[tuple[str, str], str]) -> Item:
    return Item(
        who=row.who,
        headline=row.headline,
        text=row.text,
        crm=row.crm,
        contact_id=row.contact_id,
        task=task.subject if task is not None else "",
        owner=names.get((str(task.crm), str(task.owner_id)), "") if task is not None else "",
        due_at=task.due_at if task is not None else None,
        records=tuple(row.records),
    )


def _deaf_items(rows: pd.DataFrame, names: dict[tuple[str, str], str], org: Org) -> list[Item]:
    """One line an owner whose sources stopped, with the day since which nothing came; the contacts of all others who depend on them together.

    Then a line for each CRM whose mail passes unseen.
    """
    unseen = rows[rows["text"] != ""].groupby("text")["total"].sum()
    rows = rows[rows["text"] == ""]
    counted = rows.groupby(["crm", "owner"])["total"].sum().sort_values(ascending=False, kind="stable")
    items, others = [], 0
    for (crm, owner), total in counted.items():
        since = [at for name, at in org.deaf_since.items() if name.split("|")[0] == crm and name.split("|")[1] in (owner, "*")]
        if not since:
            others += int(total)
            continue
        whose = names.get((str(crm), str(owner)))
        where = f" in {crm_name(str(crm))}" if len({name.split("|")[0] for name in org.deaf_since}) > 1 else ""
        told = f"Nothing has come in from any of them since {day(min(since))}. No tasks; one alert to the admin."
        items.append(Item(f"{_contacts(int(total))}{f' of {whose}' if whose else ''}{where}", "", told))
    if others:
        told = "We heard from them by sources that stopped delivering. No tasks."
        items.append(Item(f"{_contacts(others)}{' of other colleagues' if items else ''}", "", told))
    for crm, total in unseen.items():
        told = (
            f"Mail with them passes, but {crm_name(str(crm))} keeps no record of it that we could read. No tasks; one alert to the admin."
        )
        items.append(Item(_contacts(int(total)), "", told))
    return items


def _contacts(count: int) -> str:
    return f"{count:,} {'contact' if count == 1 else 'contacts'}"
