"""The same human under another record at another firm: a second life in the CRM that began after the first.

Contacts of one CRM are never joined to one person (see ``matching.evidence``), since two records may well be two people. What two records have
in common still says something about the older one.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import pandas as pd

from transforms.matching import names
from transforms.persons import PLAIN_FILE, firms_of

APART = pd.Timedelta(days=30)
"""Records that were made within so many days of each other may have come with one import: which is the younger says nothing."""

NAMESAKES = 0.05
"""A name counts as one that hardly two people bear where so many bearers at most are to be expected: bearers of the first name × of the family name ÷ all."""

COLUMNS = ("person_id", "at", "sign", "firm")


def seen_elsewhere(contacts: pd.DataFrame, companies: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Persons of whom a younger record stands at another firm: person_id, at (when that record was made), sign, firm (its domain).

    ``sign`` is ``profile_elsewhere`` where both records carry the same LinkedIn profile, or ``name_elsewhere`` where both, and nobody else,
    carry the same full name, and chance would hardly give it to two (see NAMESAKES). Younger means made more than APART later. Firms are told apart by domain and by company; a record at a free mail service, or without a date, says nothing.
    **All** contacts must be given, with ``people`` as ``resolve`` found it: whether a name stands alone, a part of them cannot tell.
    One row a person and sign, that of the youngest record.
    """
    live = contacts[people["is_live"].to_numpy()]
    theirs = firms_of(live, live["crm"].fillna(PLAIN_FILE), companies).set_axis(live.index)
    # A firm's own domain in the address says more than what somebody typed into the record.
    told = (texts.map(names.domain_of, na_action="ignore").astype("str") for texts in (live["email"], live["company_domain"], theirs))
    firm = reduce(pd.Series.combine_first, told)
    records = pd.DataFrame(
        {
            "person_id": people.loc[live.index, "person_id"],
            "at": live["created_at"],
            "firm": firm,
            "company": live["crm"].fillna(PLAIN_FILE) + ":" + live["company_id"],
            "first": live["first_name"],
            "last": live["last_name"],
            "profile": live["linkedin_url"],
        }
    ).dropna(subset=["at", "firm"])
    found = [
        *_younger(_profiled_alike(records, records["profile"]), "profile_elsewhere", most=None),
        *_younger(_named_alike(records), "name_elsewhere", most=2),
    ]
    table = pd.DataFrame(found, columns=list(COLUMNS)).astype(
        {"at": "datetime64[us, UTC]", "person_id": "str", "sign": "str", "firm": "str"}
    )
    return table.sort_values(["person_id", "sign", "at", "firm"]).drop_duplicates(["person_id", "sign"], keep="last", ignore_index=True)


def _profiled_alike(records: pd.DataFrame, profiles: pd.Series) -> pd.DataFrame:
    """The records that share a LinkedIn profile, with ``key``."""
    known = profiles.dropna()
    keys = known.map({text: names.profile_of(text) for text in known.unique()}).dropna()
    keys = keys[keys.duplicated(keep=False)]
    return records.loc[keys.index].assign(key=keys)


def _named_alike(records: pd.DataFrame) -> pd.DataFrame:
    """The records that share a full name which hardly two people would bear by chance, with ``key``."""
    parts = {}
    for part in ("first", "last"):
        known = records[part].dropna()
        parts[part] = known.map({text: " ".join(names.words_of(text)) or None for text in known.unique()})
    spelt = pd.DataFrame(parts, dtype="str").dropna()
    bearers = [spelt.groupby(part)[part].transform("size").astype("int64") for part in ("first", "last")]
    by_chance = bearers[0] * bearers[1] / len(spelt)
    rare = spelt[(by_chance <= NAMESAKES) & (bearers[1] > 1)]
    whole = [names.full_name(first, last) for first, last in rare.itertuples(index=False)]
    keys = pd.Series([" ".join(name) if name else None for name in whole], index=rare.index, dtype="str").dropna()
    keys = keys[keys.duplicated(keep=False)]
    return records.loc[keys.index].assign(key=keys)


def _younger(alike: pd.DataFrame, sign: str, *, most: int | None) -> list[tuple[Any, ...]]:
    """For each person the younger records of their key at another firm, where at most ``most`` persons share the key."""
    found: list[tuple[Any, ...]] = []
    persons = alike.groupby("key")["person_id"].transform("nunique")
    shared = alike[(persons > 1) & (persons <= (most or persons.max()))]
    for _, rows in shared.groupby("key", sort=True):
        each = list(rows.itertuples(index=False))
        found += [
            (mine.person_id, other.at, sign, other.firm)
            for mine in each
            for other in each
            if other.person_id != mine.person_id and other.at - mine.at > APART and not _at_one_firm(mine, other)
        ]
    return found


def _at_one_firm(one: Any, other: Any) -> bool:
    """Whether two records may be at one firm: by their domains, or because both belong to one company of the CRM."""
    return names.same_firm(one.firm, other.firm) or (isinstance(one.company, str) and one.company == other.company)
