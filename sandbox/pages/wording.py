"""How values are shown to a person: days, durations, percent, and the plain text of an HTML body."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.clock import from_ms
from sandbox.hubspot.values import moment_ms
from transforms.vocabulary.markup import to_plain

DAY_MS = 86_400_000
Value = str | bool | int | float
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

TONES = {
    "engaged": "good",
    "reawakened": "good",
    "confirmed": "good",
    "presumed": "good",
    "rising": "good",
    "healthy": "good",
    "cooling": "warn",
    "quiet": "warn",
    "at_risk": "warn",
    "unverified": "warn",
    "probably_moved": "warn",
    "falling": "warn",
    "partial": "warn",
    "seeking_help": "help",
    "needs_help": "help",
    "struggling": "help",
    "silent": "bad",
    "unreachable": "bad",
    "left": "bad",
    "moved_on": "bad",
    "blind": "bad",
    "new": "calm",
}
"""The colour in which an option is shown; an option that is not here is grey."""


@dataclass(frozen=True)
class Shown:
    """A value ready to be shown. ``aside`` is said after it in grey; ``percent`` draws a bar; ``tone`` gives a choice its colour."""

    text: str
    aside: str = ""
    tone: str = ""
    percent: int | None = None


@dataclass(frozen=True)
class Form:
    """How the values of a field are written.

    ``kind`` is datetime, date, choice, number, percent or anything else for plain text; ``labels`` are a choice's; one with ``has_tone``
    is shown in its colour.
    """

    kind: str
    labels: Mapping[str, str] = field(default_factory=dict)
    has_tone: bool = False


def show(form: Form, value: Value | None, now_ms: int) -> Shown | None:
    """A value as a person reads it; None where it is empty."""
    if value is None or value == "":
        return None
    write = _FORMS.get(form.kind)
    return write(form, value, now_ms) if write else Shown(str(value))


def option_label(labels: Mapping[str, str], value: str) -> str:
    """The label of an option, or of each of several; the value itself where it is none of them."""
    return ", ".join(labels.get(part) or _zone(part) or part for part in value.split(";"))


def _zone(value: str) -> str | None:
    """HubSpot writes america_slash_new_york; a person reads America/New York."""
    if "_slash_" not in value:
        return None
    return "/".join(" ".join(word.capitalize() for word in part.split("_")) for part in value.split("_slash_"))


def _moment(form: Form, value: Value, now_ms: int) -> Shown:
    ms = value if isinstance(value, int) else moment_ms(str(value))
    if ms is None:
        return Shown(str(value))
    return Shown(moment(ms) if form.kind == "datetime" else day(ms), ago(ms, now_ms))


def _choice(form: Form, value: Value, _now_ms: int) -> Shown:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Shown(option_label(form.labels, text), tone=TONES.get(text, "plain") if form.has_tone else "")


def _number(form: Form, value: Value, _now_ms: int) -> Shown:
    number = float(value)
    plain = f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"
    if form.kind == "percent":
        return Shown(f"{plain} %", percent=max(0, min(100, round(number))))
    return Shown(plain)


_FORMS: dict[str, Callable[[Form, Value, int], Shown]] = {
    "datetime": _moment,
    "date": _moment,
    "choice": _choice,
    "number": _number,
    "percent": _number,
}


def day(ms: int) -> str:
    """``6 Oct 2026``."""
    at = from_ms(ms)
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def moment(ms: int) -> str:
    """``6 Oct 2026, 09:14``, in UTC."""
    return f"{day(ms)}, {from_ms(ms):%H:%M}"


def month(ms: int) -> str:
    """``October 2026``: the heading above a month of the timeline."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%B %Y")


def ago(ms: int, now_ms: int) -> str:
    """How long ago, or how far ahead, in whole days of the calendar, months or years."""
    days = now_ms // DAY_MS - ms // DAY_MS
    ahead = days < 0
    days = abs(days)
    if days == 0:
        return "today"
    if days == 1:
        return "tomorrow" if ahead else "yesterday"
    if days < 70:
        span = f"{days} days"
    elif days < 700:
        span = f"{round(days / 30.44)} months"
    else:
        span = f"{days / 365.25:.1f} years"
    return f"in {span}" if ahead else f"{span} ago"


def duration(ms: float) -> str:
    """``45 s``, ``4 min``, ``1 h 15 min``."""
    seconds = round(ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"


def plain(body: str) -> str:
    """The text of a body, whether it is HTML or text already, with its line breaks."""
    if not re.search(r"</?[a-zA-Z][^>]*>|&[a-z]+;|&#\d+;", body):
        return body.strip()
    return to_plain(body, parts_paragraphs=True)
