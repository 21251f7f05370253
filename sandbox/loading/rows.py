"""The rows of activities on their way into a CRM: one for each happening, with all its contacts. Both vendors' loaders begin with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pandas as pd

from sandbox.loading.tables import flags, texts, to_millis
from transforms.vocabulary.errors import BadInput

Key = TypeVar("Key", bound=int | str)
"""A record id of the CRM that is filled: a number in HubSpot, a text in Salesforce."""

OPENS = frozenset({"opened", "clicked"})
MACHINES = frozenset({"bounced", "auto_reply"})


@dataclass(slots=True)
class Row(Generic[Key]):
    """One record in the making: the first of its rows, the contacts of all of them, and what was counted on it. Moments in milliseconds."""

    activity_id: str
    contacts: list[Key]
    at: int
    channel: str
    direction: str
    outcome: str | None
    company: Key | None
    owner: Key | None
    subject: str | None
    body: str | None
    headers: str | None
    thread: str | None
    duration: float | None
    is_automated: bool
    is_broadcast: bool
    modified: int
    opens: int = 0
    clicks: int = 0
    replies: int = 0
    closed: int | None = None
    opened_at: tuple[int, int] | None = None
    later: list[Row[Key]] | None = None

    @property
    def is_open(self) -> bool:
        """Whether this only says that a letter of ours was opened or clicked."""
        return self.channel == "email" and self.direction == "inbound" and self.outcome in OPENS


def read_rows(
    frame: pd.DataFrame, contacts: Mapping[str, Key], companies: Mapping[str, Key], owners: Mapping[str, Key], now_ms: int
) -> tuple[list[Row[Key]], int]:
    """The happenings in the order in which they came, and how many rows were doubles of another.

    ``contacts``, ``companies`` and ``owners`` give the record id of each canonical id. Raises BadInput where an activity names an
    unknown contact.
    """
    unknown = ~frame["contact_id"].isin(list(contacts))
    if unknown.any():
        row = frame[unknown].iloc[0]
        raise BadInput(
            f"Activity {row['activity_id']} names the contact {row['contact_id']}, which is not among the contacts; add it or take the row out."
        )
    # Column by column, so that no sorted copy of the whole frame is made.
    order = frame["occurred_at"].argsort(kind="stable").to_numpy()
    numbers = {key: place for place, key in enumerate(contacts.values())}

    def column(name: str) -> pd.Series:
        return frame[name].iloc[order]

    columns: list[list[Any]] = [
        texts(column("activity_id")),
        [contacts[text] for text in column("contact_id")],
        to_millis(column("occurred_at")),
    ]
    columns += [
        texts(column(n)) for n in ("channel", "direction", "outcome", "company_id", "actor_id", "subject", "body", "headers", "thread_id")
    ]
    columns += [
        column("duration_s").tolist(),
        flags(column("is_automated")),
        flags(column("is_broadcast")),
        to_millis(column("modified_at")),
    ]
    made: dict[str, Row[Key]] = {}
    doubled = 0
    for (
        key,
        contact,
        at,
        channel,
        direction,
        outcome,
        company,
        actor,
        subject,
        body,
        headers,
        thread,
        duration,
        auto,
        many,
        modified,
    ) in zip(*columns, strict=True):
        known = made.get(key)
        if known is not None:
            if contact in known.contacts:
                doubled += 1
            else:
                known.contacts.append(contact)
            continue
        # Unless told otherwise a record is changed for the last time soon after the event, as logging takes a moment.
        number = contact if isinstance(contact, int) else numbers[contact]
        changed = modified if modified is not None else at + 1_000 + (at // 1000 + number) * 7919 % 240_000
        made[key] = Row(
            *(key, [contact], at, channel, direction, outcome),
            *(companies[company] if company is not None else None, owners[actor] if actor is not None else None),
            *(subject, body, headers, thread, duration if duration == duration else None, auto, many),  # noqa: PLR0124 - only NaN differs from itself
            max(at, min(changed, max(now_ms, at))),
        )
    return list(made.values()), doubled


def count_answers(emails: Iterable[Row[Key]], opens: Iterable[Row[Key]]) -> None:
    """Count opens, clicks and replies on the e-mail that they belong to: the last one of ours to that contact, or of that thread."""
    last_to: dict[Key, Row[Key]] = {}
    last_of: dict[str, Row[Key]] = {}
    for row in sorted([*emails, *opens], key=lambda row: row.at):
        if row.direction == "outbound":
            row.opens += row.outcome in OPENS
            row.clicks += row.outcome == "clicked"
            row.replies += row.outcome == "replied"
            for contact in row.contacts:
                last_to[contact] = row
            if row.thread:
                last_of[row.thread] = row
        elif row.outcome in OPENS:
            for letter in (last_to[contact] for contact in row.contacts if contact in last_to):
                letter.opens += row.outcome == "opened"
                letter.clicks += row.outcome == "clicked"
                letter.opened_at = (letter.opened_at[0] if letter.opened_at else row.at, row.at)
        elif row.outcome not in MACHINES and row.thread in last_of:
            last_of[str(row.thread)].replies = max(1, last_of[str(row.thread)].replies)


def join_tickets(rows: Iterable[Row[Key]]) -> list[Row[Key]]:
    """One row a ticket: opened by its first row, closed by the last one that says so; the rows in between are its ``later``."""
    tickets: dict[str, Row[Key]] = {}
    for row in rows:
        ticket = tickets.setdefault(row.thread or row.activity_id, row)
        ticket.modified = max(ticket.modified, row.modified)
        if row is not ticket:
            ticket.contacts += [contact for contact in row.contacts if contact not in ticket.contacts]
            ticket.owner = ticket.owner or row.owner
            ticket.later = [*(ticket.later or ()), row]
        if row.outcome == "closed_ticket":
            ticket.closed = row.at
        elif row.outcome == "opened_ticket":
            ticket.closed = None
    return list(tickets.values())


def targets_of_merges(frame: pd.DataFrame, ids: Mapping[str, Key]) -> dict[Key, Key]:
    """For each contact that was merged away, the record that took its place in the end."""
    into = dict(zip(frame["contact_id"], texts(frame["merged_into"]), strict=True))
    found: dict[Key, Key] = {}
    for text in into:
        target, seen = text, {text}
        while (following := into.get(target)) is not None and following in ids and following not in seen:
            target = following
            seen.add(target)
        if target != text:
            found[ids[text]] = ids[target]
    return found


def refuse_doubles(frame: pd.DataFrame) -> None:
    """Raise BadInput where a contact comes more than once, or was merged, in the end, into itself."""
    into = dict(zip(frame["contact_id"], texts(frame["merged_into"]), strict=True))
    checked: set[str | None] = set()
    for text in into:
        path: dict[str | None, None] = {}
        at: str | None = text
        while at in into and at not in checked and at not in path:
            path[at] = None
            at = into[at]
        if at in path:
            raise BadInput(f"Contact {at} was merged, directly or by others, into itself; take one merged_into of that circle out.")
        checked |= path.keys()
    doubled = frame["contact_id"].duplicated()
    if doubled.any():
        raise BadInput(f"Contact {frame.loc[doubled, 'contact_id'].iloc[0]} comes more than once among the contacts; keep one.")
