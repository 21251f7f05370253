"""Property values: how they are checked when they come in, kept, and written out. Everything is text on the wire.

Kept as text, but datetimes as whole milliseconds since 1970, which saves room and makes them comparable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.clock import EPOCH, from_ms, to_ms
from sandbox.hubspot.errors import Invalid
from sandbox.hubspot.schema import Definition

Value = str | int
_ADDRESS = re.compile(r"^[^@\s,;<>\"]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$", re.IGNORECASE)
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_WHOLE = re.compile(r"^-?\d+$")
DAY_MS = 86_400_000


class Refused(Exception):
    """A value that its definition does not allow."""

    def __init__(self, invalid: Invalid) -> None:
        super().__init__(invalid.message)
        self.invalid = invalid


def iso(ms: int) -> str:
    """A moment as HubSpot writes it: milliseconds only where there are any."""
    seconds, rest = divmod(ms, 1000)
    text = (EPOCH + timedelta(seconds=seconds)).isoformat()[:19]
    return f"{text}.{rest:03d}Z" if rest else f"{text}Z"


def iso_ms(ms: int) -> str:
    """A moment with milliseconds always, as in ``createdAt`` and ``updatedAt``."""
    seconds, rest = divmod(ms, 1000)
    return f"{(EPOCH + timedelta(seconds=seconds)).isoformat()[:19]}.{rest:03d}Z"


def moment_ms(text: str) -> int | None:
    """Milliseconds since 1970 of an ISO-8601 moment or of a number of milliseconds; None where it is neither."""
    if _WHOLE.match(text):
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def plain(raw: Any) -> str:
    """A JSON value as the text that it stands for."""
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw)


def normalise(definition: Definition, raw: Any, old: Value | None = None) -> Value:
    """The value as it is kept. Refused where the definition does not allow it; an empty text clears."""
    text = plain(raw)
    if text == "":
        return ""
    if definition.name == "email" and definition.has_unique_value:
        return _email(definition, text)
    check = _CHECKS.get(definition.type, _string)
    return check(definition, text, old)


def _email(definition: Definition, text: str) -> str:
    address = text.strip().lower()
    if not _ADDRESS.match(address):
        raise Refused(Invalid(definition.name, "INVALID_EMAIL", f"Email address {text} is invalid"))
    return address


def _string(definition: Definition, text: str, _old: Value | None) -> str:
    if len(text) > definition.max_length:
        message = f"Property value is too long: {len(text)} characters, the most is {definition.max_length}."
        raise Refused(Invalid(definition.name, "FAILED_VALIDATION", message))
    return text


def _number(definition: Definition, text: str, _old: Value | None) -> str:
    try:
        float(text)
    except ValueError:
        raise Refused(Invalid(definition.name, "INVALID_INTEGER", f"{text} was not a valid number.")) from None
    return text.strip()


def _datetime(definition: Definition, text: str, _old: Value | None) -> int:
    ms = moment_ms(text)
    if ms is None:
        raise Refused(Invalid(definition.name, "INVALID_DATE", f"{text} was not a valid date."))
    return ms


def _date(definition: Definition, text: str, _old: Value | None) -> str:
    ms = moment_ms(text)
    if ms is None:
        raise Refused(Invalid(definition.name, "INVALID_DATE", f"{text} was not a valid date."))
    within = ms % DAY_MS
    if within:
        seconds, milli = divmod(within, 1000)
        clock = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milli:03d}"
        raise Refused(Invalid(definition.name, "INVALID_DATE", f"{text} is at {clock} UTC, not midnight!"))
    return from_ms(ms).date().isoformat()


def _enumeration(definition: Definition, text: str, old: Value | None) -> str:
    if definition.is_multiple and text.startswith(";"):
        kept = [part for part in str(old or "").split(";") if part]
        text = ";".join([*kept, *(part for part in text.split(";") if part and part not in kept)])
    if definition.external_options:
        return text
    allowed = definition.allowed()
    for part in text.split(";") if definition.is_multiple else [text]:
        if part not in allowed:
            listed = ", ".join(str(option["value"]) for option in definition.options)
            raise Refused(Invalid(definition.name, "INVALID_OPTION", f"{part} was not one of the allowed options: [{listed}]"))
    return text


def _bool(definition: Definition, text: str, _old: Value | None) -> str:
    word = text.lower()
    if word not in {"true", "false"}:
        raise Refused(Invalid(definition.name, "INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]"))
    return word


_CHECKS: dict[str, Callable[[Definition, str, Value | None], Value]] = {
    "string": _string,
    "phone_number": _string,
    "number": _number,
    "datetime": _datetime,
    "date": _date,
    "enumeration": _enumeration,
    "bool": _bool,
}


def comparable(definition: Definition, value: Value) -> float | int | str:
    """A kept value, or the text of a filter, as something that can be compared with others of its property.

    Numbers and moments as numbers, options as they are, other texts in lower case. ValueError where a number is none.
    """
    if isinstance(value, int):
        return value
    if definition.type == "number":
        return float(value)
    if definition.type in {"date", "datetime"}:
        ms = moment_ms(value)
        if ms is None:
            raise ValueError(value)
        return ms
    return value if definition.type == "enumeration" else value.lower()


def is_day(text: str) -> bool:
    """Whether the text is a day such as 2026-11-22."""
    return bool(_DAY.match(text))
