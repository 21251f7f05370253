"""Activities that a contact record itself tells of: its last form, its last newsletter, its last reply. Pure.

HubSpot keeps only the latest of each. Every fact has an id made of the contact and the moment, so it is the same row however often it is read.
A reply to a sales e-mail is mostly logged as an e-mail record too; :class:`Heard` keeps it from being counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from connectors.hubspot.mapping import made
from connectors.hubspot.values import from_ms, to_ms, to_texts
from transforms.vocabulary.tables import ACTIVITIES, Channel, Direction, Outcome, empty_table

Json = dict[str, Any]

SAME_REPLY_MS = 600_000
"""A logged e-mail within ten minutes of a reply that the contact record tells of is that reply."""


@dataclass
class Heard:
    """The incoming e-mails that the running pull has seen, by contact and ten minutes."""

    seen: set[tuple[str, int]] = field(default_factory=set)

    def add(self, rows: pd.DataFrame) -> None:
        """Remember the incoming e-mails among these activities."""
        mails = rows[(rows["channel"] == Channel.EMAIL) & (rows["direction"] == Direction.INBOUND)]
        moments = mails["occurred_at"].astype("int64") // 1000
        self.seen |= {(str(contact), int(ms) // SAME_REPLY_MS) for contact, ms in zip(mails["contact_id"], moments, strict=True)}

    def has(self, contact_id: str, ms: int) -> bool:
        """Whether an e-mail of this contact came at about this moment."""
        near = ms // SAME_REPLY_MS
        return any((contact_id, moment) in self.seen for moment in (near - 1, near, near + 1))


@dataclass(frozen=True, slots=True)
class Fact:
    """One activity that a contact record tells of."""

    activity_id: str
    contact_id: str
    ms: int
    channel: Channel
    direction: Direction
    outcome: Outcome
    company_id: str | None = None
    subject: str | None = None
    is_broadcast: bool = False
    is_reply: bool = False


def to_facts(records: Sequence[Json]) -> list[Fact]:
    """All facts of these contact records."""
    return [fact for record in records for fact in _facts(str(record["id"]), record["properties"])]


def to_fact_rows(facts: Iterable[Fact], heard: Heard, *, replies_since_ms: int | None = None) -> pd.DataFrame:
    """Facts as ACTIVITIES rows.

    A reply is left out where an e-mail record tells of it. Its record comes with the reply itself, so in a pull of changes only replies
    since ``replies_since_ms`` are looked at: older ones were settled when they were new.
    """
    told = [fact for fact in facts if not fact.is_reply or _is_news(fact, heard, replies_since_ms)]
    if not told:
        return empty_table(ACTIVITIES)
    rows = {
        "activity_id": to_texts(fact.activity_id for fact in told),
        "contact_id": to_texts(fact.contact_id for fact in told),
        "company_id": to_texts(fact.company_id for fact in told),
        "occurred_at": pd.Series([from_ms(fact.ms) for fact in told]).astype("datetime64[us, UTC]"),
        "channel": to_texts(fact.channel.value for fact in told),
        "direction": to_texts(fact.direction.value for fact in told),
        "outcome": to_texts(fact.outcome.value for fact in told),
        "subject": to_texts(fact.subject for fact in told),
        "is_broadcast": pd.Series([fact.is_broadcast for fact in told], dtype="boolean"),
        "participant_count": pd.Series([1] * len(told), dtype="Int64"),
    }
    return made(ACTIVITIES, told, rows)


def unheard(facts: Iterable[Fact], heard: Heard, *, replies_since_ms: int | None = None) -> list[Fact]:
    """The replies of which no e-mail that was seen tells."""
    return [fact for fact in facts if fact.is_reply and _is_news(fact, heard, replies_since_ms)]


def _is_news(fact: Fact, heard: Heard, since_ms: int | None) -> bool:
    return (since_ms is None or fact.ms >= since_ms) and not heard.has(fact.contact_id, fact.ms)


def _facts(contact_id: str, held: Json) -> Iterator[Fact]:
    company = (held.get("associatedcompanyid") or "").split(".")[0] or None
    if (form := to_ms(held.get("recent_conversion_date"))) is not None:
        subject = held.get("recent_conversion_event_name") or None
        yield Fact(
            f"contact-{contact_id}-form-{form}", contact_id, form, Channel.FORM, Direction.INBOUND, Outcome.SUBMITTED, company, subject
        )
    if (sent := to_ms(held.get("hs_email_last_send_date"))) is not None:
        outcome = _sent_outcome(held, sent)
        yield Fact(
            f"contact-{contact_id}-sent-{sent}", contact_id, sent, Channel.EMAIL, Direction.OUTBOUND, outcome, company, is_broadcast=True
        )
    replies = [ms for name in ("hs_email_last_reply_date", "hs_sales_email_last_replied") if (ms := to_ms(held.get(name))) is not None]
    if len(replies) == 2 and abs(replies[0] - replies[1]) <= SAME_REPLY_MS:
        replies = [min(replies)]
    for ms in replies:
        yield Fact(
            f"contact-{contact_id}-replied-{ms}", contact_id, ms, Channel.EMAIL, Direction.INBOUND, Outcome.REPLIED, company, is_reply=True
        )


def _sent_outcome(held: Json, sent: int) -> Outcome:
    """What became of the last newsletter. Opens and clicks may be a machine's; they are told, and believed nowhere."""
    for name, outcome in (("hs_email_last_click_date", Outcome.CLICKED), ("hs_email_last_open_date", Outcome.OPENED)):
        if (to_ms(held.get(name)) or 0) >= sent:
            return outcome
    return Outcome.SENT
