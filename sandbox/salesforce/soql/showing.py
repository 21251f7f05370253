"""toLabel and FORMAT: values as a person in the United States would see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql.spans import Calendar


def shown(function: str, one: Field, type_: str, calendar: Calendar) -> Callable[[Any], Any]:
    """How a function shows a value of that type: toLabel gives a picklist's label, FORMAT a text, convertCurrency the amount as it is."""
    if function == "TOLABEL":
        labels = {pick.value: pick.label for pick in one.picks}
        return lambda value: value if value is None else ";".join(labels.get(part, part) for part in str(value).split(";"))
    if function == "FORMAT":
        return lambda value: None if value is None else formatted(value, type_, one.scale, calendar)
    return lambda value: None if value is None else float(value)


def formatted(value: Any, type_: str, scale: int, calendar: Calendar) -> str:
    """A value as text: ``1,234.50``, ``$1,234.50``, ``12%``, ``11/22/2026``, ``11/22/2026, 9:05 AM``."""
    if type_ == "datetime":
        moment = calendar.local(value)
        return f"{moment.month}/{moment.day}/{moment.year}, {moment.hour % 12 or 12}:{moment:%M %p}"
    if type_ == "date":
        year, month, day = str(value).split("-")
        return f"{int(month)}/{int(day)}/{year}"
    if type_ in ("double", "percent", "currency"):
        sign = "-" if value < 0 else ""
        digits = f"{abs(value):,.{2 if type_ == 'currency' else scale}f}"
        return sign + {"currency": f"${digits}", "percent": f"{digits}%"}.get(type_, digits)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
