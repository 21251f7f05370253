"""From cases to tasks: one open task a person and reason, few enough for each owner, none that a person closed comes back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from html import unescape

import pandas as pd

from transforms.compute import Computed
from transforms.fields.state import engagement_state
from transforms.fields.wording import by, day
from transforms.org import Org
from transforms.persons import ids_ever
from transforms.plays.alerts import Alert, find_alerts
from transforms.plays.homes import TaskHomes, colleagues, inactive_owners
from transforms.plays.play import BLOCKS, PlayBook
from transforms.plays.rules import PLAYS
from transforms.policy import Policy
from transforms.unseen import unseen_mail
from transforms.vocabulary.changes import TASKS
from transforms.vocabulary.tables import OWNERS, empty_table, to_table

_CASE_COLUMNS = (
    *("task_key", "person_id", "crm", "contact_id", "company_id", "owner_id", "play", "reason", "subject", "body", "way", "priority"),
    *("blocked", "renewal_on", "annual_value", "chance", "has_owner", "also_keys", "asides"),
)
_PLACE = {play.name: place for place, play in enumerate(PLAYS)}
_DUE_DAYS = {"high": 1, "medium": 3, "low": 5}
_WEEK = pd.Timedelta(days=7)
_TAG, _WORDS = re.compile(r"<[^>]{0,200}>"), re.compile(r"\w+")


@dataclass(frozen=True)
class Cases:
    """What the plays found in one bucket.

    ``rows``: one row a case; ``people``: one row a contact record, indexed by crm and contact_id, with what closing a task needs.
    """

    rows: pd.DataFrame
    people: pd.DataFrame


@dataclass(frozen=True)
class TaskPlan:
    """What a run would do to tasks.

    ``create`` and ``update``: TASKS rows (updates have a task_id; a closed one the state closed_by_us and the sentence why as its reason).
    ``held_back``: cases that get no task now, with ``why``. ``alerts``: for the admin, at most one of each kind.
    """

    create: pd.DataFrame
    update: pd.DataFrame
    held_back: pd.DataFrame
    alerts: tuple[Alert, ...] = field(default_factory=tuple)


def task_key(play: str, person_id: str, episode: str) -> str:
    """The key of a task: the same for the same play, person and episode, on every machine and in every run."""
    return "st" + blake2b(f"{play}|{person_id}|{episode}".encode(), digest_size=12).hexdigest()


def find_cases(computed: Computed, companies: pd.DataFrame, homes: TaskHomes | None = None) -> Cases:
    """What the plays find among the persons of one bucket: for each person the first play that has something to do.

    ``companies`` is the canonical frame, of this bucket or of all; ``homes`` says in which CRM a task is raised.
    """
    plays = PlayBook(computed.book, computed.persons, companies, homes)
    blocks = plays.blocks()
    people = plays.people
    found: list[dict[str, object]] = []
    taken: set[str] = set()
    for rule in PLAYS:
        for case in rule.find(plays):
            if case.person_id in taken or pd.isna(people.loc[case.person_id, "crm"]):
                continue
            taken.add(case.person_id)
            person = people.loc[case.person_id]
            blocked = [name for name in rule.blocked_by if blocks.loc[case.person_id, name]]
            found.append(
                {
                    "task_key": task_key(rule.name, case.person_id, case.episode),
                    "person_id": case.person_id,
                    "crm": person["crm"],
                    "contact_id": person["contact_id"],
                    "company_id": person["company_id"],
                    "owner_id": person["owner"],
                    "play": rule.name,
                    "reason": case.reason,
                    "subject": case.subject,
                    "body": case.body,
                    "asides": person["asides"],
                    "way": case.way,
                    "priority": case.priority,
                    "blocked": blocked[0] if blocked else None,
                    "renewal_on": person["renewal_on"],
                    "annual_value": person["annual_value"],
                    "chance": person["hear_back_chance"],
                    "has_owner": person["has_owner"],
                    "episode": case.episode,
                }
            )
    ids = ids_ever(computed.book.records[computed.book.records["person_id"].isin(taken)])
    for row in found:
        row["also_keys"] = tuple(sorted(task_key(str(row["play"]), one, str(row["episode"])) for one in ids[str(row["person_id"])]))
    members, unseen = computed.members, computed.book.frame(unseen_mail)
    facts = people[["last_heard_at", "last_heard_channel", "engagement_state", "coverage"]].assign(
        unseen_in=unseen["crm"].reindex(people.index), unseen_at=unseen["at"].reindex(people.index)
    )
    index = pd.MultiIndex.from_frame(members[["crm", "contact_id"]])
    facts = facts.loc[members["person_id"]].set_index(index).assign(person_id=members["person_id"].to_numpy())
    return Cases(pd.DataFrame(found, columns=list(_CASE_COLUMNS)), facts)


def plan_tasks(
    cases: Sequence[Cases], tasks: pd.DataFrame, org: Org, policy: Policy, as_of: pd.Timestamp, owners: pd.DataFrame | None = None
) -> TaskPlan:
    """The tasks that a run would create and change, from the cases of **all** buckets and the TASKS that exist already, closed ones too.

    One open task a person and play: an open one is kept (and told anew where its text changed and nobody touched it), whatever its key and in
    whatever CRM it stands. A key that exists is never created again, nor one that the case had before its records were known to be of one
    person: what a person closed or deleted stays so; what we closed is opened again if its reason is back.
    Open tasks that nobody touched are closed when their reason is gone. New ones: at most ``policy.tasks_per_owner_week`` an owner in seven
    days, those with the nearest renewal, the higher value and the lower chance first; the others are held back.
    The week is counted by due dates, which lie one to five working days after a task was made.
    """
    rows = pd.concat([found.rows for found in cases], ignore_index=True) if cases else pd.DataFrame(columns=list(_CASE_COLUMNS))
    people = pd.concat([found.people for found in cases]) if cases else pd.DataFrame()
    owners = owners if owners is not None else empty_table(OWNERS)
    gone = inactive_owners(owners)
    is_gone = pd.Series([key in gone for key in zip(rows["crm"], rows["owner_id"], strict=True)], index=rows.index, dtype="bool")
    rows = rows.assign(owner_id=rows["owner_id"].mask(is_gone), task_key=_known_keys(rows, set(tasks["task_key"])))
    rows = _with_reason_for_owner(rows).drop_duplicates("task_key")
    rows = rows.set_index("task_key", drop=False).rename_axis(None)
    open_now = tasks[tasks["state"].fillna("open") == "open"]
    alike = _by_person(rows, open_now, people)
    rows = rows.assign(body=_with_asides(rows, alike, tasks))

    again = tasks[
        (tasks["state"] == "closed_by_us") & tasks["task_key"].isin(rows.index) & ~tasks["changed_by_people"].fillna(False).astype(bool)
    ]
    again = again[rows.loc[again["task_key"], "blocked"].isna().to_numpy() & ~again["task_key"].isin(alike.values())]
    fresh = rows[~rows.index.isin(tasks["task_key"]) & ~rows.index.isin(alike)]
    chosen, held = _choose(fresh, tasks, policy, as_of, owners)

    update = [_told_anew(rows, open_now, alike), _opened_again(rows, again), _closed(rows, open_now, alike, people)]
    known = [part for part in update if len(part)]
    return TaskPlan(
        create=_to_tasks(chosen, as_of),
        update=to_table(TASKS, pd.concat(known, ignore_index=True)) if known else empty_table(TASKS),
        held_back=held,
        alerts=find_alerts(org, owners, people),
    )


def _known_keys(rows: pd.DataFrame, known: set[str]) -> list[str]:
    """The key of each case: its own, or the one under which it was raised while its records were taken for several persons."""
    keys = []
    for own, also in zip(rows["task_key"], rows["also_keys"], strict=True):
        former = [key for key in also if key in known] if own not in known else []
        keys.append(former[0] if former else own)
    return keys


def _with_reason_for_owner(rows: pd.DataFrame) -> pd.DataFrame:
    """The cases, whose text says why they fall to somebody whom no record names as owner."""
    told = pd.Series("", index=rows.index, dtype="str")
    told = told.mask(~rows["has_owner"].astype(bool), "\n\nNo owner is on record. This comes to you because you dealt with them last.")
    told = told.mask(rows["owner_id"].isna(), "\n\nNo active owner is on record. Whoever takes this: please put your name on the contact.")
    return rows.assign(body=rows["body"].astype("str") + told)


def _with_asides(rows: pd.DataFrame, alike: dict[str, str], tasks: pd.DataFrame) -> list[str]:
    """The text of each case, with what the reader should know of the CRMs in which the task does not stand."""
    stands = dict(zip(tasks["task_key"], tasks["crm"], strict=True))
    bodies = []
    for case in rows.itertuples():
        home = stands.get(alike.get(case.task_key, case.task_key), case.crm)
        asides = case.asides if isinstance(case.asides, dict) else {}
        bodies.append("\n\n".join([str(case.body), *(told for crm, told in sorted(asides.items()) if crm != home)]))
    return bodies


def _by_person(rows: pd.DataFrame, open_now: pd.DataFrame, people: pd.DataFrame) -> dict[str, str]:
    """Case key → key of the open task that is about the same person and play, by key or by any of the person's records."""
    if rows.empty or open_now.empty:
        return {}
    persons = people["person_id"].to_dict()
    held = {
        (persons.get((task.crm, task.contact_id)), task.play): task.task_key
        for task in open_now.sort_values(["changed_by_people", "task_key"], ascending=[True, False], na_position="first").itertuples()
    }
    keys = set(open_now["task_key"])
    found = {}
    for case in rows.itertuples():
        key = case.task_key if case.task_key in keys else held.get((case.person_id, case.play))
        if key is not None:
            found[case.task_key] = key
    return found


def _choose(
    fresh: pd.DataFrame, tasks: pd.DataFrame, policy: Policy, as_of: pd.Timestamp, owners: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """New tasks within each owner's week, and what is held back, with why. A colleague who works in two CRMs has one week."""
    why = fresh["blocked"].map(BLOCKS).astype("object")
    able = fresh[why.isna()]
    # Sooner renewals by month, so that a day's difference does not outweigh a large contract.
    months = (pd.to_datetime(able["renewal_on"], utc=True) - as_of) / pd.Timedelta(days=30)
    ranked = able.assign(
        months=months.where(months >= 0).floordiv(1).astype("float64"),
        value=able["annual_value"].astype("float64").fillna(0.0),
        place=able["play"].map(_PLACE),
    ).sort_values(["months", "value", "place", "chance", "task_key"], ascending=[True, False, True, True, True], na_position="last")
    # Tasks of one CRM that nobody owns share one week.
    known = colleagues(owners)
    recent, owner = (
        pd.Series(
            [known.get((crm, one), f"{crm}|{one}") for crm, one in zip(of["crm"], of["owner_id"].astype("str").fillna(""), strict=True)],
            dtype="str",
        )
        for of in (tasks[tasks["due_at"] > as_of - _WEEK], ranked)
    )
    lately = recent.value_counts()
    used = owner.map(lately).fillna(0).to_numpy()
    nth = owner.groupby(owner).cumcount().set_axis(ranked.index)
    fits = nth + pd.Series(used, index=ranked.index, dtype="int64") < policy.tasks_per_owner_week
    full = pd.Series("their owner has enough tasks this week", index=ranked.index[~fits], dtype="object")
    reasons = pd.concat([why.dropna(), full])
    held = fresh.loc[reasons.index, ["task_key", "crm", "contact_id", "owner_id", "play", "subject", "reason"]].assign(why=reasons)
    return ranked[fits], held.reset_index(drop=True)


def _to_tasks(chosen: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    names = ["task_key", "crm", "contact_id", "company_id", "owner_id", "play", "reason", "subject", "body", "way", "priority"]
    due = [due_at(as_of, priority) for priority in chosen["priority"]]
    return to_table(
        TASKS,
        chosen[names].assign(due_at=pd.Series(due, index=chosen.index, dtype="datetime64[us, UTC]"), state="open", changed_by_people=False),
    )


def due_at(as_of: pd.Timestamp, priority: str) -> pd.Timestamp:
    """Until when: the next working day for high priority, three for medium, five for low; 16:00 UTC."""
    due = as_of.normalize() + pd.offsets.BusinessDay(_DUE_DAYS[priority])
    return due + pd.Timedelta(hours=16)


def _told_anew(rows: pd.DataFrame, open_now: pd.DataFrame, alike: dict[str, str]) -> pd.DataFrame:
    """Open tasks of ours whose text is out of date. Tasks that somebody touched are theirs, and left alone."""
    case_of = {held: case for case, held in alike.items()}
    mine = open_now[
        open_now["task_key"].isin(case_of) & ~open_now["changed_by_people"].fillna(False).astype(bool) & open_now["body"].notna()
    ]
    now = rows.loc[[case_of[key] for key in mine["task_key"]]]
    pairs = zip(mine["subject"] + "\n" + mine["body"], now["subject"] + "\n" + now["body"], strict=True)
    differs = pd.Series([_plain(str(held)) != _plain(str(new)) for held, new in pairs], dtype="bool").to_numpy()
    return _with_text(mine[differs], now[differs])


def _plain(text: str) -> str:
    """A text without what a CRM may do to it on the way: tags, entities, spaces."""
    return " ".join(_WORDS.findall(unescape(_TAG.sub(" ", text))))


def _opened_again(rows: pd.DataFrame, again: pd.DataFrame) -> pd.DataFrame:
    return _with_text(again, rows.loc[again["task_key"]]).assign(state="open")


def _with_text(tasks: pd.DataFrame, now: pd.DataFrame) -> pd.DataFrame:
    return tasks.assign(**{name: now[name].to_numpy() for name in ("reason", "subject", "body", "way", "priority")})


def _closed(rows: pd.DataFrame, open_now: pd.DataFrame, alike: dict[str, str], people: pd.DataFrame) -> pd.DataFrame:
    """Open tasks of ours whose reason is gone, with the sentence why. While we are deaf for somebody, nothing is known, so nothing is closed."""
    mine = open_now[
        ~open_now["task_key"].isin(alike.values())
        & open_now["play"].isin(_PLACE)
        & ~open_now["changed_by_people"].fillna(False).astype(bool)
    ]
    facts = people.to_dict("index") if len(people) else {}
    taken = dict(zip(rows["person_id"], rows["play"], strict=True))
    sentences = {task.task_key: _closing(task.play, facts.get((task.crm, task.contact_id)), taken) for task in mine.itertuples()}
    told = mine["task_key"].map(sentences).astype("str")
    mine, told = mine[told.notna()], told.dropna()
    body = mine["body"].fillna("") + ("\n\nClosed, nothing left to do. " + told)
    return mine.assign(state="closed_by_us", reason=told, body=body.str.strip())


def _closing(play: str, fact: dict[str, object] | None, taken: dict[object, object]) -> str | None:
    if fact is None:
        return "The contact is no longer in the CRM."
    if fact["coverage"] == "blind" or fact["engagement_state"] == "unknown" or isinstance(fact["unseen_in"], str):
        return None
    other = taken.get(fact["person_id"])
    if other == play:
        return "The same matter has a task on another record of theirs."
    if other is not None:
        label = next(rule.label for rule in PLAYS if rule.name == other)
        return f"Something else comes first now: {label.lower()}."
    heard = "no sign of life so far"
    at = fact["last_heard_at"]
    if isinstance(at, pd.Timestamp):
        heard = f"last heard from on {day(at)} {by(str(fact['last_heard_channel']))}"
    state = next(option.label for option in engagement_state.options if option.value == fact["engagement_state"])
    return next(rule.closing for rule in PLAYS if rule.name == play).format(heard=heard, state=state.lower())
