"""The truth about the made customers, as tables. It is kept apart: no program that is tested may see it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sandbox.world.diary import Meaning
from sandbox.world.firms import Company
from sandbox.world.options import DAY, Span
from sandbox.world.people import Person
from sandbox.world.tables import moments


def to_contact_truth(people: list[Person], rows: pd.DataFrame, span: Span, pace: float) -> pd.DataFrame:
    """One row a contact: what really is the case at now and when it changed; docs/made-customers.md explains each column."""
    heard = rows[rows["is_heard"]]
    before, after = heard[heard["moment"] <= span.now], heard[heard["moment"] > span.now]
    last = before.groupby("person")["moment"].max().to_dict()
    following = after.groupby("person")["moment"].min().to_dict()
    tickets = _open_tickets(rows[rows["moment"] <= span.now])
    records = [
        {
            **_who(person),
            **_habits(person, pace),
            **_fate(person, span),
            "last_heard_at": last.get(person.index),
            "next_heard_at": following.get(person.index),
            "is_heard_next_30d": following.get(person.index, span.end) <= span.now + 30 * DAY,
            "open_tickets": tickets.get(person.index, (0, None))[0],
            "oldest_open_ticket_at": tickets.get(person.index, (0, None))[1],
        }
        for person in people
    ]
    frame = pd.DataFrame.from_records(records)
    for name in frame.columns:
        if name.endswith("_at") or name in {"absent_from", "absent_until", "deaf_since"}:
            frame[name] = moments(frame[name])
    return _plain(frame)


def _who(person: Person) -> dict[str, Any]:
    return {
        "contact_id": person.contact_id,
        "kind": person.kind,
        "duplicate_of": person.same_as,
        "language": person.language.code,
        "time_zone": person.place.zone.key,
        "is_champion": person.is_champion,
    }


def _habits(person: Person, pace: float) -> dict[str, Any]:
    return {
        "rhythm_days": person.gap_days / pace,
        "rhythm_spread": person.spread,
        "preferred_channel": max(person.weights, key=lambda way: person.weights[way]),
        "answers_email": person.answers["email"],
        "answers_call": person.answers["call"],
        "is_email_blind": person.is_email_blind,
        "best_days": ",".join(("mon", "tue", "wed", "thu", "fri")[day] for day in person.best_days),
        "best_hour_from": person.best_hour,
        "best_hour_to": person.best_hour + 3,
        "reply_delay_s": person.delay_s,
    }


def _fate(person: Person, span: Span) -> dict[str, Any]:
    absence = person.absence_at(span.now)
    owner = person.owner
    has_left = person.left_at is not None and person.left_at <= span.now
    return {
        "fate": person.fate,
        "state": _state(person, span),
        "drifted_at": person.drift_at,
        "silent_at": person.silent_at if person.silent_at is not None and person.silent_at <= span.now else None,
        "reawakened_at": person.back_at if person.back_at is not None and person.back_at <= span.now else None,
        "reawakened_by": person.back_by,
        "has_left": has_left,
        "left_at": person.left_at,
        "left_how": person.left_how,
        "left_traces": ",".join(sorted(person.traces)) or None,
        "mailbox_closed_at": person.closed_at,
        "new_company": person.new_company,
        "new_email": person.new_email,
        "successor_name": person.successor_name,
        "successor_email": person.successor_email,
        "successor_id": person.successor.contact_id if person.successor else None,
        "role_changed_at": person.role_changed_at,
        "promoted_at": person.promoted_at,
        "new_title": person.new_title,
        "absent_from": absence.start if absence and not has_left else None,
        "absent_until": absence.until if absence and not has_left else None,
        "support": {"seeks_help": "seeking_help", "struggles": "struggling"}.get(person.fate, "none"),
        "is_mailbox_broken": owner is not None and owner.deaf_since is not None,
        "deaf_since": owner.deaf_since if owner else None,
        "is_archived": person.is_archived,
        "merged_into": person.merged_into,
    }


def _state(person: Person, span: Span) -> str:
    """The state in the words of the field engagement_state."""
    if person.left_at is not None and person.left_at <= span.now:
        return "moved_on"
    if person.company.domain_gone_at is not None and person.kind != "free_mail":
        return "unreachable"
    words = {
        "unreachable": "unreachable",
        "seeks_help": "needs_help",
        "struggles": "needs_help",
        "new": "new",
        "never_heard": "never_heard",
        "came_back": "reawakened",
        "drifted": "silent",
        "drifting": "cooling",
    }
    return words.get(person.fate, "engaged")


def _open_tickets(rows: pd.DataFrame) -> dict[int, tuple[int, int]]:
    """For each person with open tickets: how many, and when the oldest was first opened."""
    tickets = rows[rows["channel"] == "ticket"].sort_values("moment")
    each = tickets.groupby(["person", "thread_id"]).agg(outcome=("outcome", "last"), moment=("moment", "first"))
    still = each[each["outcome"] == "opened_ticket"].reset_index().groupby("person")["moment"].agg(["size", "min"])
    return {int(person): (int(size), int(first)) for person, size, first in still.itertuples()}


def to_company_truth(companies: list[Company], span: Span) -> pd.DataFrame:
    """One row a company: one voice or more, whether the champion left, whether the domain is gone."""
    records = []
    for company in companies:
        champion = next((person for person in company.members if person.is_champion), None)
        left_at = champion.left_at if champion is not None and champion.left_at is not None and champion.left_at <= span.now else None
        records.append(
            {
                "company_id": company.company_id,
                "contacts": len(company.members),
                "is_single_voice": company.is_single_voice,
                "champion_id": champion.contact_id if champion else None,
                "champion_left_at": left_at,
                "domain_gone_at": company.domain_gone_at,
                "mail_system": company.mail_system,
                "has_scanner": company.has_scanner,
            }
        )
    frame = pd.DataFrame.from_records(records)
    for name in ("champion_left_at", "domain_gone_at"):
        frame[name] = moments(frame[name])
    return _plain(frame)


def to_message_truth(meanings: dict[int, Meaning], keys: pd.DataFrame) -> pd.DataFrame:
    """One row an e-mail activity: what it really is, in the words of the table SIGNALS. A date is the one that the text names."""
    ids = dict(zip(keys["key"], keys["activity_id"], strict=True))
    known = [(ids[key], *meaning) for key, meaning in meanings.items() if key in ids]
    frame = pd.DataFrame.from_records(known, columns=["activity_id", *Meaning._fields])
    for name in ("absent_from", "absent_until"):
        frame[name] = moments(frame[name])
    return _plain(frame).sort_values("activity_id", ignore_index=True)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Texts as ``str``; all else as it is."""
    texts = [name for name in frame.columns if frame[name].dtype == "object"]
    return frame.astype(dict.fromkeys(texts, "str"))
