"""The canonical tables: each column declared once, with its type and meaning.

A canonical frame is built by :func:`to_table` alone, so that every text column has the same dtype.
Dtypes: TEXT ``str`` · TIME ``datetime64[us, UTC]`` · DATE ``datetime64[us, UTC]`` at midnight · BOOL ``boolean`` ·
NUMBER ``float64`` · COUNT ``Int64``. Missing is missing: ``NaN``, ``NaT`` or ``<NA>``, never an empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from transforms.vocabulary.errors import BadInput


class Type(StrEnum):
    """The logical type of a column."""

    TEXT = "text"
    TIME = "time"
    DATE = "date"
    BOOL = "bool"
    NUMBER = "number"
    COUNT = "count"


DTYPES: dict[Type, str] = {
    Type.TEXT: "str",
    Type.TIME: "datetime64[us, UTC]",
    Type.DATE: "datetime64[us, UTC]",
    Type.BOOL: "boolean",
    Type.NUMBER: "float64",
    Type.COUNT: "Int64",
}


class Channel(StrEnum):
    """The way by which something happened."""

    EMAIL = "email"
    CALL = "call"
    MEETING = "meeting"
    CHAT = "chat"
    SMS = "sms"
    WHATSAPP = "whatsapp"
    LINKEDIN = "linkedin"
    FORM = "form"
    WEB = "web"
    COMMUNITY = "community"
    PRODUCT = "product"
    TICKET = "ticket"
    MAIL = "mail"


class Direction(StrEnum):
    """Inbound: from the contact. Outbound: from us to the contact. Internal: neither, a note for instance."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Outcome(StrEnum):
    """What became of an activity, as the CRM tells it."""

    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"
    AUTO_REPLY = "auto_reply"
    CONNECTED = "connected"
    VOICEMAIL = "voicemail"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    WRONG_NUMBER = "wrong_number"
    HELD = "held"
    NO_SHOW = "no_show"
    DECLINED = "declined"
    CANCELED = "canceled"
    SCHEDULED = "scheduled"
    SUBMITTED = "submitted"
    POSTED = "posted"
    USED = "used"
    OPENED_TICKET = "opened_ticket"
    CLOSED_TICKET = "closed_ticket"
    OTHER = "other"


class Gone(StrEnum):
    """How a record left the CRM."""

    ARCHIVED = "archived"
    MERGED = "merged"
    ERASED = "erased"


@dataclass(frozen=True)
class Column:
    """One column: its name, type and meaning, and the words that it may hold (none: any)."""

    name: str
    type: Type
    meaning: str
    required: bool = False
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A canonical table: its name, the columns that identify a row, and all its columns in order."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order."""
        return [column.name for column in self.columns]

    @property
    def required(self) -> list[str]:
        """The names of the columns that no row may lack."""
        return [column.name for column in self.columns if column.required]

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"the table {self.name} has no column {name}")


def _text(name: str, meaning: str, *, required: bool = False, words: Iterable[str] = ()) -> Column:
    return Column(name, Type.TEXT, meaning, required, tuple(words))


def _time(name: str, meaning: str, *, required: bool = False) -> Column:
    return Column(name, Type.TIME, meaning, required)


def _flag(name: str, meaning: str) -> Column:
    return Column(name, Type.BOOL, meaning)


CONTACTS = Table(
    "contacts",
    ("crm", "contact_id"),
    (
        _text("contact_id", "the record's id in its CRM", required=True),
        _text("crm", "which CRM holds the record: hubspot, salesforce, or files for a plain file"),
        _text("email", "main e-mail address"),
        _text("other_emails", "further e-mail addresses of the same person, parted by semicolons"),
        _text("first_name", "given name"),
        _text("last_name", "family name"),
        _text("title", "job title as the record has it"),
        _time("title_changed_at", "when the job title was last changed in the CRM"),
        _text("company_id", "the record's main company"),
        _text("company_domain", "web domain of that company"),
        _text("owner_id", "who of us looks after the contact"),
        _time("created_at", "when the record was made"),
        _text("time_zone", "IANA name of the contact's time zone"),
        _text("country", "country, as the CRM has it"),
        _text("linkedin_url", "address of the LinkedIn profile"),
        _flag("email_opted_out", "the contact does not want e-mail from us"),
        _flag("do_not_call", "the contact does not want to be called"),
        _time("email_bounced_at", "when the CRM last saw mail to the contact bounce"),
        _text("email_bounce_reason", "the CRM's word for why it bounced"),
        _text("email_bounce_code", "status code of that bounce, such as 5.1.1"),
        _time("verified_at", "when somebody or something last verified that the contact is in that job"),
        _time("job_changed_at", "when the CRM's own data service saw the contact change jobs"),
        _time("mail_captured_at", "when mail with the contact last passed that the CRM counts but keeps no record of"),
        _text("merged_into", "the record that this one was merged into"),
        _flag("is_deleted", "the record is archived or deleted in the CRM"),
    ),
)

COMPANIES = Table(
    "companies",
    ("crm", "company_id"),
    (
        _text("company_id", "the record's id in its CRM", required=True),
        _text("crm", "which CRM holds the record"),
        _text("name", "the company's name"),
        _text("domain", "the company's web domain"),
        _text("owner_id", "who of us looks after the company"),
        Column("renewal_on", Type.DATE, "the day on which the contract ends or renews"),
        Column("annual_value", Type.NUMBER, "what the company pays in a year, in the portal's currency"),
        _text("lifecycle_stage", "the CRM's word for how far the company has come"),
        _flag("is_customer", "the company is a customer now"),
    ),
)

ACTIVITIES = Table(
    "activities",
    ("crm", "activity_id", "contact_id"),
    (
        _text("activity_id", "the record's id in its CRM; one record with three contacts gives three rows", required=True),
        _text("contact_id", "the contact whom it concerns", required=True),
        _time("occurred_at", "when it happened", required=True),
        _text("channel", "by which way", required=True, words=Channel),
        _text("direction", "who did it: they (inbound), we (outbound), or neither (internal)", required=True, words=Direction),
        _text("crm", "which CRM holds the record"),
        _text("company_id", "the company whom it concerns"),
        _text("actor_id", "who of us did it, or received it"),
        _text("outcome", "what became of it", words=Outcome),
        _text("subject", "subject line; read while in memory, never stored"),
        _text("body", "text; read while in memory, never stored"),
        _text("headers", "mail headers, one 'Name: value' a line; read while in memory, never stored"),
        _text("thread_id", "the conversation that it belongs to"),
        Column("duration_s", Type.NUMBER, "how long it took, in seconds"),
        _flag("is_automated", "sent by a sequence or workflow, not by a person"),
        _flag("is_broadcast", "one message to many at once, a newsletter for instance"),
        Column("participant_count", Type.COUNT, "how many contacts took part"),
        _time("modified_at", "when the record was last changed in the CRM"),
    ),
)

OWNERS = Table(
    "owners",
    ("crm", "owner_id"),
    (
        _text("owner_id", "the id that contacts and activities carry as owner_id or actor_id", required=True),
        _text("crm", "which CRM holds the record"),
        _text("name", "how colleagues call them"),
        _text("email", "their address; tells our own mail from the customers'"),
        _flag("is_active", "still a user of the CRM"),
    ),
)

PRIVATE_COLUMNS = ("subject", "body", "headers")
"""Columns of an activity that are read while a page is in memory and never stored."""

SIGNALS = Table(
    "signals",
    ("crm", "activity_id", "contact_id"),
    (
        _text("kind", "who wrote it", words=("human", "bounce", "auto_reply", "machine")),
        _text(
            "reason",
            "why it bounced, what the automatic reply says, or what a ticket is about",
            words=(
                *("mailbox_gone", "domain_gone", "mailbox_disabled", "mailbox_full", "blocked", "temporary", "other"),
                *("absent", "left", "role_change", "acknowledgement", "challenge"),
                *("breakage", "how_to"),
            ),
        ),
        _text("status_code", "enhanced status code of a bounce, such as 5.1.1"),
        _text("smtp_code", "SMTP reply code of a bounce, such as 550"),
        Column("absent_from", Type.DATE, "first day of an absence that was announced"),
        Column("absent_until", Type.DATE, "day of return that was announced"),
        _text("successor", "e-mail address, else name, of who follows them"),
        _text("new_address", "their own new e-mail address"),
        _text("language", "language of the text, as ISO 639-1"),
        Column("confidence", Type.NUMBER, "how sure the reading is, 0 to 1"),
        _text("evidence", "the phrase of our lists, or the code, that decided; never other text of theirs"),
        _flag("is_checkin", "a message of ours that only asks for a sign of life"),
    ),
)
"""What was concluded from an activity's text. Stored beside the activity in place of the text."""

STORED_ACTIVITIES = Table(
    "activities",
    ACTIVITIES.key,
    (*(c for c in ACTIVITIES.columns if c.name not in PRIVATE_COLUMNS), *SIGNALS.columns),
)
"""An activity as the lake keeps it: the canonical columns without the text, and its signals."""

TABLES: dict[str, Table] = {table.name: table for table in (CONTACTS, COMPANIES, ACTIVITIES, OWNERS)}

_TRUE = {"true", "1", "1.0", "yes", "t", "y"}
_FALSE = {"false", "0", "0.0", "no", "f", "n"}
_CLOCK = ("now", "today")
"""Words that pandas reads as the present moment."""

_WHOLE = 2**53
"""Up to here every whole number has a float of its own."""


def to_table(table: Table, rows: pd.DataFrame | Iterable[Mapping[str, Any]], *, source: str = "") -> pd.DataFrame:
    """Cast ``rows`` to the canonical frame of ``table``: all columns, in order, with the dtypes of this module.

    Columns that are absent become missing; empty texts become missing; times without a zone are read as UTC.
    ``source`` names the file or endpoint in the error.

    Raises BadInput, naming column and first bad value, where a column is unknown, a required one is missing or empty,
    a value cannot be read as its type, or a word is not one of the column's words.
    """
    place = source or table.name
    frame = rows.reset_index(drop=True) if isinstance(rows, pd.DataFrame) else pd.DataFrame.from_records(list(rows))
    unknown = [_shown(str(name)) for name in frame.columns if name not in table.names]
    if unknown:
        raise BadInput(f"{place} has columns that are not known: {', '.join(unknown)}; known are {', '.join(table.names)}.")
    absent = [name for name in table.required if name not in frame.columns]
    if absent and len(frame.columns):
        raise BadInput(f"{place} lacks the required column {', '.join(absent)}; add it and try again.")
    made = {c.name: _cast(c, frame.get(c.name), frame.index, place) for c in table.columns}
    return pd.DataFrame(made, index=frame.index)


def _shown(name: str) -> str:
    """The name, in quotes where one would not see what is odd about it."""
    return name if name == name.strip() and name.isprintable() and name else repr(name)


def check_table(table: Table, frame: pd.DataFrame) -> None:
    """Raise BadInput unless ``frame`` is exactly what :func:`to_table` gives and its key is unique."""
    expected = {c.name: DTYPES[c.type] for c in table.columns}
    actual = {str(name): str(dtype) for name, dtype in frame.dtypes.items()}
    if expected != actual:
        wrong = sorted(set(expected.items()) ^ set(actual.items()))
        raise BadInput(f"{table.name} is not a canonical frame; these columns or dtypes differ: {wrong}.")
    if any(frame[name].is_unique for name in table.key):
        return  # nearly always, and one column is looked through faster than all
    doubled = frame.duplicated(subset=list(table.key))
    if doubled.any():
        first = frame.loc[doubled, list(table.key)].iloc[0].to_dict()
        raise BadInput(f"{table.name} holds {int(doubled.sum())} rows whose key came before, the first {first}; a key must be unique.")


def empty_table(table: Table) -> pd.DataFrame:
    """The canonical frame of ``table`` without rows."""
    return to_table(table, pd.DataFrame())


def _cast(column: Column, values: pd.Series | None, index: pd.Index, place: str) -> pd.Series:
    if values is None:
        return pd.Series(index=index, dtype=DTYPES[column.type])
    cast = _CASTS[column.type](column, values, place)
    if column.required and cast.isna().any():
        row = int(cast.isna().to_numpy().argmax()) + 1
        raise BadInput(f"{place}: {column.name} is empty in row {row}; it is required, so fill it or take the row out.")
    if column.words:
        bad = cast.notna() & ~cast.isin([str(word) for word in column.words])
        if bad.any():
            raise BadInput(f"{place}: {column.name} holds {cast[bad].iloc[0]!r}; allowed are {', '.join(map(str, column.words))}.")
    return cast


def _cast_text(_column: Column, values: pd.Series, _place: str) -> pd.Series:
    if isinstance(values.dtype, pd.StringDtype) and str(values.dtype) == "str":
        text = values
    else:
        # Numbers that stand for ids come back from CSV readers as 12.0; an id is never a fraction.
        whole = pd.api.types.is_float_dtype(values.dtype) and ((values.dropna() % 1 == 0) & (values.dropna().abs() <= _WHOLE)).all()
        text = (values.astype("Int64") if whole else values).astype("object").map(str, na_action="ignore").astype("str")
    return text.mask(text == "")


def _cast_time(column: Column, values: pd.Series, place: str) -> pd.Series:
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return values.dt.tz_convert("UTC").astype(DTYPES[Type.TIME])
    cleaned = values.replace("", pd.NA) if values.dtype == "object" or isinstance(values.dtype, pd.StringDtype) else values
    times = pd.to_datetime(
        cleaned, utc=True, format="ISO8601" if not pd.api.types.is_datetime64_dtype(values.dtype) else None, errors="coerce"
    )
    if cleaned.dtype == "object" or isinstance(cleaned.dtype, pd.StringDtype):
        times = times.mask(cleaned.isin(_CLOCK))
    _refuse(column, values, cleaned.notna() & times.isna(), "a time such as 2026-11-22T09:00:00Z", place)
    return times.astype(DTYPES[Type.TIME])


def _cast_date(column: Column, values: pd.Series, place: str) -> pd.Series:
    return _cast_time(column, values, place).dt.normalize().astype(DTYPES[Type.DATE])


def _cast_bool(column: Column, values: pd.Series, place: str) -> pd.Series:
    if pd.api.types.is_bool_dtype(values.dtype):
        return values.astype("boolean")
    if pd.api.types.is_numeric_dtype(values.dtype):
        _refuse(column, values, values.notna() & ~values.isin([0, 1]), "true or false", place)
        return values.astype("float64").astype("boolean")
    # Each word is read once: there are few, and rows are many.
    codes, words = pd.factorize(
        values if str(values.dtype) == "str" else values.astype("object").map(str, na_action="ignore").astype("str")
    )
    texts = [str(word).strip().lower() for word in words]
    meant = pd.array([True if text in _TRUE else False if text in _FALSE else pd.NA for text in texts], dtype="boolean")
    unread = np.array([bool(text) for text in texts] + [False]) & np.append(meant.isna(), False)
    _refuse(column, values, pd.Series(unread[codes], index=values.index), "true or false", place)
    return pd.Series(meant.take(codes, allow_fill=True), index=values.index)


def _cast_number(column: Column, values: pd.Series, place: str) -> pd.Series:
    cleaned = values.replace("", pd.NA) if not pd.api.types.is_numeric_dtype(values.dtype) else values
    numbers = pd.to_numeric(cleaned, errors="coerce")
    _refuse(column, values, cleaned.notna() & numbers.isna(), "a number", place)
    return numbers.astype("float64")


def _cast_count(column: Column, values: pd.Series, place: str) -> pd.Series:
    numbers = _cast_number(column, values, place)
    _refuse(column, values, numbers.notna() & ((numbers % 1 != 0) | (numbers.abs() > _WHOLE)), "a whole number", place)
    return numbers.astype("Int64")


def _refuse(column: Column, values: pd.Series, bad: pd.Series, wanted: str, place: str) -> None:
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise BadInput(f"{place}: {column.name} holds {str(values.iloc[row])!r} in row {row + 1}, which is not {wanted}.")


_CASTS = {
    Type.TEXT: _cast_text,
    Type.TIME: _cast_time,
    Type.DATE: _cast_date,
    Type.BOOL: _cast_bool,
    Type.NUMBER: _cast_number,
    Type.COUNT: _cast_count,
}
