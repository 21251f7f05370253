"""Why does it say that? Each value of a contact with the activities behind it, and what would change it. Pure data; others render it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from transforms.book import DAY, Book
from transforms.compute import Computed
from transforms.fields import CONTACT_FIELDS
from transforms.fields.listening import pause_limits
from transforms.fields.wording import CHANNEL_LABELS, day, joined
from transforms.persons import PLAIN_FILE, email_key
from transforms.plays.alerts import owner_names
from transforms.rhythm import NEVER
from transforms.silence.reasons import reasons
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import BAND, Field, Kind, to_text

LATEST = 8
"""So many of the latest activities are shown behind a value; ``count`` says how many there are."""


@dataclass(frozen=True)
class Happening:
    """One activity behind a value. ``what`` says in words what became of it, or what was read from it; ``also_in``: other CRMs that tell it."""

    at: datetime
    channel: str
    direction: str
    what: str
    crm: str
    activity_id: str
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """One record of the person: what its CRM says of them, and by what it was matched to the others (a word of MATCHED; empty: it is the only one)."""

    crm: str
    contact_id: str
    name: str
    email: str
    title: str
    employer: str
    owner: str
    matched_by: str


@dataclass(frozen=True)
class ExplainedValue:
    """One field of a contact: its value in words (empty where it says nothing), its help, the latest activities behind it, newest first.

    ``count`` is how many there are in all. ``would_change`` says what would change the value. ``written_at``: when it was last written to
    the CRM, where that is known.
    """

    name: str
    label: str
    group: str
    value: str
    help: str
    happenings: tuple[Happening, ...]
    count: int
    would_change: str
    written_at: datetime | None = None


@dataclass(frozen=True)
class Explanation:
    """All about one person: who it is, the records that they have, and each value."""

    who: str
    email: str
    contacts: tuple[tuple[str, str], ...]
    records: tuple[Record, ...]
    as_of: datetime
    values: tuple[ExplainedValue, ...]


def find_person(computed: Computed, contact: str) -> str | None:
    """The person of this bucket whom ``contact`` names: a contact id, ``crm:contact id``, an e-mail address, or a person id; None if not here."""
    members, asked = computed.members, contact.strip()
    keys = members["crm"] + ":" + members["contact_id"]
    found = members.loc[(members["contact_id"] == asked) | (keys == asked) | (members["person_id"] == asked), "person_id"]
    if found.empty and "@" in asked:
        wanted = email_key(pd.Series([asked], dtype="str"))[0]
        records = computed.book.records[computed.book.records["is_live"]]
        same = (records["email"].str.strip().str.lower() == asked.lower()) | (email_key(records["email"]) == wanted)
        same |= _is_among(records["other_emails"], asked)
        found = records.loc[same.fillna(False).astype(bool), "person_id"]
    people = list(found.unique())
    if len(people) > 1:
        raise BadInput(
            f"We looked for {contact!r} and found {len(people)} people; name one as crm:id, or by a person id such as {people[0]}."
        )
    return None if found.empty else str(found.iloc[0])


def may_be(contacts: pd.DataFrame, people: pd.DataFrame, contact: str) -> pd.Series:
    """Which of these contacts belong to a person whom ``contact`` may name in the words of :func:`find_person`; a mask over ``contacts``.

    ``people`` says who is behind each, as ``persons.resolve`` gives it.
    """
    asked = contact.strip()
    wanted = email_key(pd.Series([asked if "@" in asked else None], dtype="str"))[0]
    addresses = contacts["email"].astype("str")
    is_named = people["contact_id"].eq(asked) | (people["crm"] + ":" + people["contact_id"]).eq(asked) | people["person_id"].eq(asked)
    is_named |= addresses.str.strip().str.lower().eq(asked.lower()).fillna(False).astype(bool)
    is_named |= _is_among(contacts["other_emails"], asked)
    if pd.notna(wanted):
        is_named |= email_key(contacts["email"]).eq(wanted).fillna(False).astype(bool)
    return people["person_id"].isin(people.loc[is_named, "person_id"])


def _is_among(others: pd.Series, asked: str) -> pd.Series:
    """Whether an address is among the further ones of each record."""
    return (";" + others.str.lower().str.replace(" ", "") + ";").str.contains(f";{asked.lower()};", regex=False).fillna(False).astype(bool)


def explain(
    computed: Computed, contact: str, fields: Sequence[Field] = CONTACT_FIELDS, written: Mapping[str, datetime] | None = None
) -> Explanation:
    """Explain every value of one contact of this bucket. ``written``: field name → when it was last written.

    Raises BadInput where the bucket does not hold the contact.
    """
    person = find_person(computed, contact)
    if person is None:
        raise BadInput(
            f"We looked for the contact {contact!r} and did not find it; give a contact id, crm:id or the e-mail address of the record."
        )
    book = computed.book
    record = book.persons.loc[person]
    names = [str(record[name]) for name in ("first_name", "last_name") if pd.notna(record[name])]
    members = computed.members[computed.members["person_id"] == person]
    return Explanation(
        who=" ".join(names) or person,
        email=str(record["email"]) if pd.notna(record["email"]) else "",
        contacts=tuple(zip(members["crm"], members["contact_id"], strict=True)),
        records=_records_of(book, person),
        as_of=book.as_of.to_pydatetime(),
        values=tuple(_explained(field, computed, person, (written or {}).get(field.name)) for field in fields),
    )


def _records_of(book: Book, person: str) -> tuple[Record, ...]:
    """Each record that can be written to: its CRM's word for who they are, where, and who looks after them."""
    rows = book.records[(book.records["person_id"] == person) & book.records["is_live"]].sort_values(["crm", "contact_id"])
    firms = book.companies.set_axis(book.companies["crm"].fillna(PLAIN_FILE) + ":" + book.companies["company_id"], axis=0)
    firms, names = firms[~firms.index.duplicated()], owner_names(book.owners)
    found = []
    for row in rows.itertuples():
        firm = firms.loc[row.company_key] if row.company_key in firms.index else None
        employer = _texts(*((firm["name"], firm["domain"]) if firm is not None else ()), row.company_domain)
        found.append(
            Record(
                row.crm,
                row.contact_id,
                " ".join(_texts(row.first_name, row.last_name)),
                " ".join(_texts(row.email)),
                " ".join(_texts(row.title)),
                employer[0] if employer else "",
                names.get((row.crm, str(row.owner_id)), "") or " ".join(_texts(row.owner_id)),
                " ".join(_texts(row.matched_by)),
            )
        )
    return tuple(found)


def _texts(*values: object) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def _explained(field: Field, computed: Computed, person: str, written_at: datetime | None) -> ExplainedValue:
    book = computed.book
    rows = _rows_behind(book, field, person)
    return ExplainedValue(
        name=field.name,
        label=field.label,
        group=str(field.group),
        value=in_words(field, computed.persons.loc[[person], field.name]),
        help=field.help,
        happenings=tuple(_happening(row, _also_in(book, place)) for place, row in rows.tail(LATEST).iloc[::-1].iterrows()),
        count=len(rows),
        would_change=_would_change(field, book, person),
        written_at=written_at,
    )


def in_words(field: Field, value: pd.Series) -> str:
    """One value as people read it: the label of a choice, percent, a day."""
    text = to_text(field, value).iloc[0]
    if pd.isna(text):
        return ""
    labels = {option.value: option.label for option in field.options}
    say: dict[Kind, Callable[[str], str]] = {
        Kind.CHOICE: labels.__getitem__,
        Kind.CHANCE: lambda told: f"{told} %" if told != "0" else f"under {BAND} %",
        Kind.SHARE: "{} %".format,
        Kind.DATE: lambda told: day(pd.Timestamp(told)),
        Kind.DATETIME: lambda told: f"{day(pd.Timestamp(told))}, {pd.Timestamp(told):%H:%M} UTC",
        Kind.FLAG: {"true": "yes", "false": "no"}.__getitem__,
    }
    return say.get(field.kind, str)(str(text))


def _rows_behind(book: Book, field: Field, person: str) -> pd.DataFrame:
    """The activities of the person in the field's views, each once, oldest first."""
    found = []
    for view in field.views:
        rows: pd.DataFrame = getattr(book, view)
        found.append(rows[rows["person_id"] == person])
    if not found:
        return book.activities.iloc[:0]
    together = pd.concat(found)
    return together[~together.index.duplicated()].sort_values(["occurred_at", "activity_id"])


_SAID = {
    "mailbox_gone": "came back: no such mailbox",
    "domain_gone": "came back: no such domain",
    "mailbox_disabled": "came back: mailbox disabled",
    "mailbox_full": "came back: mailbox full",
    "blocked": "came back: blocked, says nothing of the person",
    "temporary": "came back: for the moment",
    "absent": "automatic reply: away",
    "left": "automatic reply: left",
    "role_change": "automatic reply: another role",
    "acknowledgement": "automatic reply: received",
    "challenge": "automatic reply: asks for a confirmation",
    "breakage": "opened ticket: something is broken",
    "how_to": "opened ticket: asks how it is done",
}


def _also_in(book: Book, place: object) -> tuple[str, ...]:
    """The other CRMs that tell the same."""
    return tuple(book.told_again.loc[book.told_again["told_by"] == place, "crm"])


def _happening(row: pd.Series, also_in: tuple[str, ...]) -> Happening:
    reason = row["reason"] if pd.notna(row["reason"]) else ""
    outcome = str(row["outcome"]).replace("_", " ") if pd.notna(row["outcome"]) else ""
    if row["kind"] == "human":
        what = "says that they leave" if reason == "left" else outcome
    elif reason in _SAID:
        what = _SAID[reason]
    else:
        what = {"bounce": "came back", "auto_reply": "automatic reply", "machine": "a machine's doing"}.get(str(row["kind"]), outcome)
    if pd.notna(row["evidence"]):
        what = f"{what} (“{row['evidence']}”)"
    if pd.notna(row["is_checkin"]) and row["is_checkin"]:
        what = f"{what}, a check-in".removeprefix(", ")
    return Happening(
        row["occurred_at"].to_pydatetime(),
        CHANNEL_LABELS.get(row["channel"], str(row["channel"])),
        str(row["direction"]),
        what,
        str(row["crm"]),
        str(row["activity_id"]),
        also_in,
    )


_CHANGES = {
    "heard": "they show a sign of life",
    "answers": "they write, call or meet us",
    "direct": "a call connects or a meeting is held",
    "touches": "we write or call",
    "attempts": "we try again or they answer",
    "unanswered": "they answer or we try again",
    "tickets": "a ticket is opened or closed",
    "bounces": "mail comes back",
    "auto_replies": "an automatic reply comes",
    "broadcasts": "we send a mailing",
    "activities": "our sources stop or start to deliver",
}
_DRIFTS = frozenset(
    {
        "engagement_state",
        "engagement_score",
        "hear_back_chance",
        "silent_since",
        "engagement_trend",
        "why",
        "job_state",
        "still_there_chance",
        "best_channel",
    }
)


def _would_change(field: Field, book: Book, person: str) -> str:
    parts = [_CHANGES[view] for view in field.views if view in _CHANGES]
    told = f"Changes when {joined(list(dict.fromkeys(parts)), 'or')}." if parts else "Changes with the record."
    if field.name == "engagement_state":
        ahead = _limits_ahead(book, person)
        return f"{told} {ahead}".strip()
    if field.name == "hear_back_chance":
        return f"{reasons(book, person)} {told} Without any of it, it falls slowly with time."
    if field.name in _DRIFTS:
        return f"{told} Without any of it, it falls slowly with time." if field.kind in (Kind.CHANCE, Kind.SCORE) else told
    return told


def _limits_ahead(book: Book, person: str) -> str:
    """From which days on the pause would count as cooling and as quiet, while these lie ahead."""
    rhythm, limits = book.rhythm.loc[person], book.frame(pause_limits).loc[person]
    if rhythm["group"] == NEVER or pd.isna(rhythm["recency"]):
        return ""
    told = []
    for word in ("cooling", "quiet"):
        left = float(limits[word]) - float(rhythm["recency"])
        if left > 0:
            told.append(f"{word} after {day(book.as_of + left * DAY)}")
    return f"If nothing is heard: {', '.join(told)}." if told else ""
