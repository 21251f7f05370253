"""What the admin must know, and no CSM: sources that stopped delivering, and mail that passes unseen. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from transforms.crms import crm_name
from transforms.fields.wording import day, joined, plural, sentence
from transforms.org import Org
from transforms.persons import PLAIN_FILE


@dataclass(frozen=True)
class Alert:
    """Something for the admin, not for a CSM: sources that stopped delivering, mail that passes unseen. ``text`` says all of it in plain words."""

    subject: str
    text: str
    sources: tuple[str, ...] = ()


def find_alerts(org: Org, owners: pd.DataFrame, people: pd.DataFrame) -> tuple[Alert, ...]:
    """What the admin must know: at most one alert for all sources that stopped, and one for each CRM whose mail passes unseen.

    ``people``: one row a contact record, with person_id, coverage, unseen_in and unseen_at.
    """
    return (*_deaf_sources(org, owners, people), *_unseen_mail(people))


def _unseen_mail(people: pd.DataFrame) -> list[Alert]:
    """One alert for each CRM that counts mail of which it keeps no record, or whose mail is captured elsewhere."""
    unseen = people[people["unseen_in"].notna()] if len(people) else people
    alerts = []
    for crm, rows in unseen.groupby("unseen_in") if len(unseen) else ():
        name, persons = crm_name(str(crm)), rows["person_id"].nunique()
        latest = rows["unseen_at"].max()
        counted = f"{name} counts mail with {persons:,} {'person' if persons == 1 else 'people'}, the last on {day(latest)}, of which it keeps no record that we could read."
        told = counted if pd.notna(latest) else f"The mail of {persons:,} people in {name} is captured elsewhere, as the settings say."
        text = "\n".join(
            [
                f"Mail in {name} passes unseen, so we are deaf for some customers.",
                told,
                f"Their silence says nothing: they are called unknown where nothing else was heard, and get no tasks about it. {_MEND.get(str(crm), '')}".strip(),
            ]
        )
        alerts.append(Alert(f"Mail in {name} passes unseen", text, (f"{crm}|*|email",)))
    return alerts


_MEND = {
    "salesforce": "In Salesforce's set-up, let Einstein Activity Capture store mail as records (Sync Email as Salesforce Activity), or log mail by "
    "Enhanced Email."
}


def _deaf_sources(org: Org, owners: pd.DataFrame, people: pd.DataFrame) -> tuple[Alert, ...]:
    """One alert for all sources that stopped delivering or may not be read any more.

    A mailbox is not named again where its whole channel stopped; a channel is named once.
    """
    deaf = org.deaf_since
    whole = {name for name in deaf if name.split("|")[1] == "*"}
    told = sorted(name for name in deaf if name in whole or "|".join([name.split("|")[0], "*", name.split("|")[2]]) not in whole)
    if not told:
        return ()
    names = owner_names(owners)
    blind = int(((people["coverage"] == "blind") & people["unseen_in"].isna()).sum()) if len(people) else 0
    by_owner: dict[tuple[str, str], dict[str, list[str]]] = {}
    for name in (one for one in told if one not in org.cut_off):
        crm, owner, channel = name.split("|")
        by_owner.setdefault((crm, owner), {}).setdefault(day(deaf[name]), []).append(_NAMED.get(channel) or plural(channel))
    lines = []
    for (crm, owner), since in by_owner.items():
        whose = "everybody" if owner == "*" else names.get((crm, owner)) or f"owner {owner}"
        missing = [f"no {joined(what, 'or')} since {at}" for at, what in since.items()]
        lines.append(f"{whose} ({crm_name(crm)}): {'; '.join(missing)}.")
    text = "\n".join(
        [
            "Sources stopped delivering, so we are deaf for some customers.",
            *(sentence(line) for line in [*lines, *_cut_off(org)]),
            f"{blind:,} contacts cannot be judged until this is mended. They get no tasks: the fault may be on our side.",
            *(["See in the CRM's settings whether these mailboxes are still connected and whether mail is logged."] if lines else []),
        ]
    )
    return (Alert("We are deaf: sources stopped delivering", text, tuple(told)),)


def _cut_off(org: Org) -> list[str]:
    """One line for each right that is missing: what cannot be read without it, since when, and how to give it back."""
    by_right: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for name, one in sorted(org.cut_off.items()):
        crm, _, channel = name.split("|")
        by_right.setdefault((crm, one.lacks, one.advice), {}).setdefault(day(one.since), []).append(_NAMED.get(channel) or plural(channel))
    lines = []
    for (crm, lacks, advice), since in by_right.items():
        missing = [f"no {joined(what, 'or')} since {at}" for at, what in since.items()]
        lines.append(f"{crm_name(crm)}: {'; '.join(missing)}, because {lacks} is missing: {advice}.")
    return lines


_NAMED = {"form": "forms", "web": "visits", "community": "community posts", "product": "product use"}


def owner_names(owners: pd.DataFrame) -> dict[tuple[str, str], str]:
    """How colleagues call each owner, else their address, by crm and owner id."""
    told = owners["name"].fillna(owners["email"]).fillna("")
    return dict(zip(zip(owners["crm"].fillna(PLAIN_FILE), owners["owner_id"], strict=True), told, strict=True))
