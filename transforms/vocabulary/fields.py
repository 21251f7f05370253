"""What a field is: one pure function of a book, whose docstring is the help text in the CRM.

The name is the function's, the formula its body. The CRM's own name and type are derived by each connector.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pandas as pd

from transforms.vocabulary.errors import BadInput


class Kind(StrEnum):
    """What sort of value a field holds. Each CRM has one flat table from Kind to its own types."""

    CHOICE = "choice"  # one of the field's options
    TEXT = "text"  # one line, at most 255 characters
    LONG_TEXT = "long_text"  # a few sentences
    DATE = "date"  # a day, no time
    DATETIME = "datetime"  # a moment, UTC, to the second
    COUNT = "count"  # a whole number, 0 or more
    SCORE = "score"  # a whole number from 0 to 100
    CHANCE = "chance"  # a probability 0..1; written into the CRM as percent in bands of 5 points
    SHARE = "share"  # a share 0..1; written as percent in bands of 5 points
    FLAG = "flag"  # true or false


class Group(StrEnum):
    """The headings under which a person reads the fields."""

    LISTENING = "Are they still listening"
    REACHING = "Reaching out"
    HELP = "Do they need help"
    JOB = "Are they still in that job"
    ACCOUNT = "The account"


@dataclass(frozen=True)
class Option:
    """One value of a CHOICE field: the value that is stored and the label that people read."""

    value: str
    label: str


@dataclass(frozen=True)
class Field:
    """A field of the CRM and the function that computes it.

    ``table`` is contacts or companies. ``views`` names the properties of the book that the value rests on;
    ``explain`` shows their rows. ``compute`` takes the book and returns one value a person (or a company),
    indexed by person_id (or company key).
    """

    name: str
    label: str
    kind: Kind
    group: Group
    table: str
    help: str
    compute: Callable[[Any], pd.Series]
    options: tuple[Option, ...] = ()
    views: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a declaration that could not be set up in a CRM."""
        if (self.kind is Kind.CHOICE) != bool(self.options):
            raise TypeError(f"field {self.name}: options belong to a CHOICE field, and a CHOICE field needs them")
        if not self.help:
            raise TypeError(f"field {self.name}: the docstring is missing; it is the help text in the CRM")


def field(
    *, label: str, kind: Kind, group: Group, table: str = "contacts", options: Mapping[str, str] | None = None, views: tuple[str, ...] = ()
) -> Callable[[Callable[[Any], pd.Series]], Field]:
    """Turn a pure function of a book into a frozen :class:`Field`. ``options`` maps each value to its label."""

    def make(compute: Callable[[Any], pd.Series]) -> Field:
        return Field(
            name=compute.__name__,
            label=label,
            kind=kind,
            group=group,
            table=table,
            help=" ".join((inspect.getdoc(compute) or "").split()),
            compute=compute,
            options=tuple(Option(value, text) for value, text in (options or {}).items()),
            views=views,
        )

    return make


BAND = 5
"""Chances and shares are written in bands of this many percentage points, so that they do not tick."""

TEXT_LIMIT = 255
LONG_TEXT_LIMIT = 4000


def to_text(field_: Field, values: pd.Series) -> pd.Series:
    """The values of a field as the text by which they are compared and stored: one form for each value, missing stays missing.

    CHOICE, TEXT, LONG_TEXT as they are (cut to the limit) · DATE ``2026-11-22`` · DATETIME ``2026-11-22T09:14:00Z`` ·
    COUNT, SCORE ``12`` · CHANCE, SHARE percent in bands of 5 (``35``) · FLAG ``true`` or ``false``.
    """
    if values.isna().all():
        return pd.Series(index=values.index, dtype="str")
    return _TEXTS[field_.kind](field_, values).astype("str")


def _cut(limit: int) -> Callable[[Field, pd.Series], pd.Series]:
    def cut(_: Field, values: pd.Series) -> pd.Series:
        text = values.astype("str")
        return text.where(text.str.len() <= limit, text.str.slice(0, limit - 1) + "…").where(text.notna())

    return cut


def _choice_text(field_: Field, values: pd.Series) -> pd.Series:
    text = values.astype("str")
    allowed = {option.value for option in field_.options}
    bad = text.notna() & ~text.isin(allowed)
    if bad.any():
        raise BadInput(f"{field_.name} came out as {text[bad].iloc[0]!r}, which is not one of its options {sorted(allowed)}.")
    return text


def _date_text(_: Field, values: pd.Series) -> pd.Series:
    return pd.to_datetime(values, utc=True).dt.strftime("%Y-%m-%d")


def _datetime_text(_: Field, values: pd.Series) -> pd.Series:
    return pd.to_datetime(values, utc=True).dt.floor("s").dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def _whole_text(_: Field, values: pd.Series) -> pd.Series:
    return values.astype("Float64").round().astype("Int64").astype("str")


def _percent_text(_: Field, values: pd.Series) -> pd.Series:
    return (values.astype("Float64") * 100 / BAND).round().mul(BAND).astype("Int64").astype("str")


def _flag_text(_: Field, values: pd.Series) -> pd.Series:
    return values.astype("boolean").map({True: "true", False: "false"}, na_action="ignore")


_TEXTS: dict[Kind, Callable[[Field, pd.Series], pd.Series]] = {
    Kind.CHOICE: _choice_text,
    Kind.TEXT: _cut(TEXT_LIMIT),
    Kind.LONG_TEXT: _cut(LONG_TEXT_LIMIT),
    Kind.DATE: _date_text,
    Kind.DATETIME: _datetime_text,
    Kind.COUNT: _whole_text,
    Kind.SCORE: _whole_text,
    Kind.CHANCE: _percent_text,
    Kind.SHARE: _percent_text,
    Kind.FLAG: _flag_text,
}
