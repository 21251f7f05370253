"""Values between the wire and memory: JSON of the REST API, CSV of the Bulk API, and what both refuse.

In memory dates are text, times are milliseconds since 1970, ids have 18 characters.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any

from sandbox.clock import to_ms
from sandbox.salesforce.errors import RowError, RowFault
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.records import Value
from sandbox.salesforce.schema import Field

NUMBERS = frozenset({"int", "double", "currency", "percent"})
"""The types that hold a number."""

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_TIME = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EPOCH, _YEARS = date(1970, 1, 1), range(1700, 4001)
_WHOLE = re.compile(r"[+-]?\d+")
_LARGEST_INT = 2_147_483_647
_TEXTLESS = NUMBERS | {"date", "datetime", "time", "boolean"}
"""The types for which empty text is a wrong value, not none."""
_WIDE = Context(prec=60)


def from_json(field: Field, value: Any, where: str = "[line:1, column:1]") -> Value | None:
    """The value in memory of a JSON value; empty text is no value, but only where text may stand.

    Raises RowError: JSON_PARSER_ERROR where the kind is wrong (``where`` is told as the place in the body), MALFORMED_ID where a
    reference is no id.
    """
    if value is None:
        return False if field.type == "boolean" else None
    if value == "" and field.type not in _TEXTLESS:
        return None
    if isinstance(value, (dict, list)):
        raise _unreadable(field, value, where)
    try:
        return _read(field, value)
    except ValueError as error:
        raise _unreadable(field, value, where) from error


def from_csv(field: Field, text: str) -> Value | None:
    """The value in memory of a CSV cell that is neither empty nor ``#N/A``; whoever reads the row treats those two.

    Raises RowError: INVALID_TYPE_ON_FIELD_IN_RECORD where the kind is wrong, MALFORMED_ID where a reference is no id.
    """
    try:
        return _read(field, text)
    except ValueError as error:
        message = f"{field.label}: value not of required type: {text}"
        raise RowError(RowFault("INVALID_TYPE_ON_FIELD_IN_RECORD", message, (field.name,))) from error


def to_rest(field: Field, value: Any) -> Any:
    """The value as the REST API tells it; None is JSON's null, except that a checkbox is never empty."""
    if value is None:
        return False if field.type == "boolean" else None
    if field.type == "datetime":
        return rest_time(value)
    if field.type in {"double", "currency", "percent"}:
        return float(value)
    return value


def to_csv(field: Field, value: Any) -> str:
    """The value as Bulk API 2.0 tells it in CSV; empty where there is none."""
    if value is None:
        return "false" if field.type == "boolean" else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if field.type == "datetime":
        return csv_time(value)
    if field.type in {"double", "currency", "percent"}:
        return repr(float(value))
    return str(value)


def rest_time(ms: int) -> str:
    """A moment as the REST API tells it: ``2024-11-07T07:00:00.000+0000``."""
    return f"{_stamp(ms)}+0000"


def csv_time(ms: int) -> str:
    """A moment as the Bulk API tells it: ``2024-11-07T07:00:00.000Z``."""
    return f"{_stamp(ms)}Z"


def read_time(text: str) -> int:
    """The milliseconds of an ISO moment, to the second as Salesforce keeps it; a bare date is its midnight. ValueError where it is none."""
    if _DATE.fullmatch(text):
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    else:
        # A T, seconds and a zone are wanted; Python would take less.
        if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?", text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text.upper())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if moment.year not in _YEARS:
        raise ValueError(text)
    return to_ms(moment) // 1000 * 1000


def _stamp(ms: int) -> str:
    days, ms = divmod(ms, 86_400_000)
    seconds, ms = divmod(ms, 1000)
    return f"{_day(days)}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{ms:03d}"


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).isoformat()


def _read(field: Field, value: Any) -> Value | None:  # noqa: PLR0911 - one way out for each type
    kind = field.type
    if kind == "boolean":
        return _boolean(value)
    if kind in NUMBERS:
        return _number(field, value)
    if kind == "date":
        return _date(value)
    if kind == "datetime":
        if not isinstance(value, str):
            raise ValueError(value)
        return read_time(value)
    if kind == "time":
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError(value)
        return value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if kind in {"id", "reference"}:
        return _reference(field, text)
    # Text is kept without the blanks around it, as Salesforce keeps it.
    return text if kind == "textarea" else text.strip() or None


def _reference(field: Field, text: str) -> str:
    found = normal_id(text)
    if found is None:
        raise RowError(RowFault("MALFORMED_ID", f"{field.label}: id value of incorrect type: {text}", (field.name,)))
    return found


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    raise ValueError(value)


def _number(field: Field, value: Any) -> int | float:
    if isinstance(value, bool) or (isinstance(value, str) and not (_WHOLE if field.type == "int" else _NUMBER).fullmatch(value)):
        raise ValueError(value)
    number = Decimal(str(value))
    if field.type == "int":
        if number != number.to_integral_value() or abs(number) > _LARGEST_INT:
            raise ValueError(value)
        return int(number)
    # More decimals than the field has are rounded, halves away from zero.
    number = number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP, _WIDE)
    return int(number) if number == number.to_integral_value() else float(number)


def _date(value: Any) -> str:
    found = _DATE.match(value) if isinstance(value, str) else None
    if not found or (len(value) > found.end() and value[found.end()] not in "Tt"):
        raise ValueError(value)
    day = date(*map(int, found.groups()))
    if day.year not in _YEARS:
        raise ValueError(value)
    return day.isoformat()


def _unreadable(field: Field, value: Any, where: str) -> RowError:
    if isinstance(value, dict):
        token, shown = "START_OBJECT", "{"
    elif isinstance(value, list):
        token, shown = "START_ARRAY", "["
    elif isinstance(value, bool):
        token, shown = ("VALUE_TRUE", "true") if value else ("VALUE_FALSE", "false")
    elif isinstance(value, str):
        token, shown = "VALUE_STRING", value
    else:
        token, shown = ("VALUE_NUMBER_INT" if isinstance(value, int) else "VALUE_NUMBER_FLOAT"), repr(value)
    message = f"Cannot deserialize instance of {_WORDS.get(field.type, field.type)} from {token} value {shown} or request may be missing a required field at {where}"
    return RowError(RowFault("JSON_PARSER_ERROR", message, None))


_WORDS = {
    "id": "reference",
    "textarea": "string",
    "picklist": "string",
    "phone": "string",
    "email": "string",
    "url": "string",
    "combobox": "string",
}
"""What a value of a type is called in a parser's refusal, where it is not the type's own name."""
