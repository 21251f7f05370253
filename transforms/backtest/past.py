"""The tables as they were on a past day, as far as they can tell. What they cannot tell is said in words."""

from __future__ import annotations

import dataclasses

import pandas as pd

from transforms.compute import Tables
from transforms.persons import PLAIN_FILE, resolve
from transforms.vocabulary.tables import Direction, Outcome

REPLY_KNOWN_AFTER = pd.Timedelta(days=3)
"""A message that a CRM marks as replied was replied to later than it was sent. In a public log 84 % of replies came within a day; after three
days the mark is believed to have been there."""

_ID = ["crm", "contact_id"]


def with_people(tables: Tables) -> Tables:
    """The tables with who is who, as it is known today: the same persons on every past day."""
    if tables.people is not None:
        return tables
    return dataclasses.replace(tables, people=resolve(tables.contacts, tables.companies))


def known_since(tables: Tables) -> pd.Series:
    """When each contact (a row of ``contacts``) was first known: its record was made, or the first thing happened, whichever came first.

    A record that is younger than its first activity was imported with its history. Where nothing tells, it was always known.
    """
    crm = tables.activities["crm"].fillna(PLAIN_FILE)
    first = tables.activities["occurred_at"].groupby([crm, tables.activities["contact_id"]]).min()
    keys = pd.MultiIndex.from_arrays([tables.contacts["crm"].fillna(PLAIN_FILE), tables.contacts["contact_id"]])
    seen = first.reindex(keys).set_axis(tables.contacts.index)
    known = pd.concat([tables.contacts["created_at"], seen], axis=1).min(axis=1)
    return known.fillna(pd.Timestamp(0, tz="UTC"))


def as_it_was(tables: Tables, known: pd.Series, cut: pd.Timestamp) -> Tables:
    """The tables at the moment ``cut``; ``known`` is what :func:`known_since` says. ``tables`` carry ``people``.

    Contacts that came later are not there. A title that was changed later is unknown. A record that was merged into one that came later
    was still a record of its own. Activities after the moment are not there; a reply that a message was marked with is not known before
    REPLY_KNOWN_AFTER unless the record was last changed before the moment. Facts with dates are taken back by the book itself.
    What our fields hold in the CRM today is not known either.
    """
    if tables.people is None:
        raise ValueError("the tables carry no people; call with_people first")
    was = known <= cut
    contacts, people = tables.contacts[was], tables.people[was]
    contacts = contacts.assign(title=contacts["title"].mask(contacts["title_changed_at"] > cut))
    target = pd.MultiIndex.from_arrays([people["crm"], contacts["merged_into"]])
    is_merged = contacts["merged_into"].notna().to_numpy() & target.isin(pd.MultiIndex.from_frame(people[_ID]))
    is_deleted = contacts["is_deleted"].fillna(False).astype(bool).to_numpy()
    people = people.assign(is_live=~is_merged & ~is_deleted)
    return dataclasses.replace(
        tables,
        contacts=contacts.reset_index(drop=True),
        people=people.reset_index(drop=True),
        standing=tables.standing.iloc[:0],
        activities=_without_later_replies(tables.activities[tables.activities["occurred_at"] <= cut], cut),
    )


def _without_later_replies(rows: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    marked = (rows["direction"] == Direction.OUTBOUND) & (rows["outcome"] == Outcome.REPLIED)
    is_young = marked & (rows["occurred_at"] > cut - REPLY_KNOWN_AFTER) & ~(rows["modified_at"] <= cut)
    return rows.assign(outcome=rows["outcome"].mask(is_young, Outcome.DELIVERED)) if is_young.any() else rows


def cannot_be_undone(contacts: pd.DataFrame) -> list[str]:
    """What a replay knows although it was not known then, in sentences, with how many records it concerns."""
    merged = int(contacts["merged_into"].notna().sum())
    gone = int(contacts["is_deleted"].fillna(False).sum())
    opted = int((contacts["email_opted_out"].fillna(False) | contacts["do_not_call"].fillna(False)).sum())
    told = [
        "Owner, company, address, time zone and country of a contact are today's: the tables keep no history of them.",
        "Who is one person is today's knowledge."
        + (f" {merged:,} records were merged into others; merges carry no date." if merged else " Merges would carry no date."),
        "A title that was changed later is taken as unknown before; of a date such as last verified only the latest is kept.",
        "Values of a meeting, call or ticket that were edited afterwards are as they are today.",
    ]
    if opted:
        told.append(
            f"{opted:,} contacts want no e-mail or no calls today; since when is not kept, so they are taken never to have wanted any."
        )
    if gone:
        told.append(f"{gone:,} archived records are left out of every past day, since it is not known when they were archived.")
    return told
