"""Days named in a text, with the language and the order of day and month that the text itself shows.

Own patterns in place of a general date parser: those guess the language anew for each piece, read 05.06. as 6 May,
and take milliseconds a text. Months and weekdays come from the languages' data files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from itertools import pairwise

from transforms.mail.phrases import languages, word_pattern

_NUMERIC = r"(?<![\w./-])(?P<a>\d{1,2})\s?[./-]\s?(?P<b>\d{1,2})(?:\.|\s?[./-]\s?(?P<y>\d{4}|\d{2}))?(?![\w/]|-\d|\.\d)"
_ISO = r"(?<!\d)(?P<y>20\d\d|19\d\d)[-./](?P<m>\d{1,2})[-./](?P<d>\d{1,2})(?!\d)"
_CJK = r"(?:(?P<y>\d{4})\s?年\s?)?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号號]"
_CJK_RANGE = r"(?:(?P<y>\d{4})\s?年\s?)?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号號]?\s?(?:から|至|到|[-~])\s?(?P<d2>\d{1,2})\s?[日号號]"
_ORDINAL = r"(?:st|nd|rd|th|er|re|º|°|ª|\.|e)?"

AROUND = timedelta(days=60)
AHEAD = timedelta(days=320)


@dataclass(frozen=True)
class Named:
    """A day as a text names it. ``options`` are its possible readings, the likeliest first."""

    start: int
    end: int
    options: tuple[date, ...]
    is_certain: bool = True


@dataclass(frozen=True)
class Absence:
    """First day and day of return (or last day) of an absence, as announced; None where not said. ``is_contradictory``: the days clash."""

    start: date | None
    end: date | None
    is_contradictory: bool = False


def read_absence(folded: str, language: str, at: date | None) -> Absence:
    """The absence that a folded text announces. ``at`` is when it was written: it gives the year where the text has none."""
    days = _settled(list(_named(folded, language, at)), at)
    if not days:
        return Absence(None, None)
    start: date | None = None
    end: date | None = None
    back: date | None = None
    for number, (spot, day) in enumerate(days):
        before = folded[max(0, spot.start - 40) : spot.start]
        linked = number > 0 and _is_range(folded[days[number - 1][0].end : spot.start])
        after = folded[spot.end : spot.end + 8]
        if back is None and _ends_with(word_pattern("back"), before):
            back = day
        elif end is None and (
            (linked and start is not None) or _ends_with(word_pattern("until"), before) or after.lstrip().startswith("まで")
        ):
            end = day
        elif start is None and (_ends_with(word_pattern("since"), before) or _begins_range(folded, spot, days, number)):
            start = day
        elif end is None and start is None:
            end = day
    last = back or end
    if start and last and last < start:
        # A notice that contradicts itself: the later word is kept, the other is not believed.
        return Absence(None, last, is_contradictory=True)
    return Absence(start, last, is_contradictory=bool(back and end and back < end))


def _is_range(between: str) -> bool:
    return bool(len(between) <= 24 and word_pattern("range").search(between)) and "." not in between.strip(". ")


def _begins_range(folded: str, spot: Named, days: list[tuple[Named, date]], number: int) -> bool:
    if number + 1 >= len(days):
        return False
    return _is_range(folded[spot.end : days[number + 1][0].start])


def _ends_with(pattern: re.Pattern[str], before: str) -> bool:
    """Whether one of the words stands right before a day, with at most an article, a weekday or a hyphen between."""
    tail = before.rstrip(" ,.:;-(")
    return any(len(tail) - found.end() <= 14 and not re.search(r"\d|[.!?]", tail[found.end() :]) for found in pattern.finditer(tail))


def _named(folded: str, language: str, at: date | None) -> Iterator[Named]:
    taken: list[tuple[int, int]] = []
    for pattern, read in ((re.compile(_ISO), _iso), (_cjk_range(), _cjk_pair), (_cjk(), _cjk_day)):
        for match in pattern.finditer(folded):
            if not _overlaps(taken, match):
                found = read(match, at)
                taken.append(match.span())
                yield from found
    for match in _worded(language).finditer(folded):
        if not _overlaps(taken, match):
            taken.append(match.span())
            yield from _worded_days(match, language, at)
    for match in re.finditer(_NUMERIC, folded):
        if not _overlaps(taken, match):
            options = _numeric_options(match, language, at)
            if options:
                taken.append(match.span())
                yield Named(match.start(), match.end(), options, is_certain=len(options) == 1)
    yield from _weekdays(folded, language, at, taken)


def _overlaps(taken: list[tuple[int, int]], match: re.Match[str]) -> bool:
    return any(match.start() < end and start < match.end() for start, end in taken)


@cache
def _cjk() -> re.Pattern[str]:
    return re.compile(_CJK)


@cache
def _cjk_range() -> re.Pattern[str]:
    return re.compile(_CJK_RANGE)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _near(year: str | None, month: int, day: int, at: date | None) -> date | None:
    """That day; without a year, the one that lies nearest ahead of the writing (or a little behind it)."""
    if year:
        return _day(int(year) + (2000 if len(year) == 2 else 0), month, day)
    if at is None:
        return None
    options = [d for d in (_day(at.year + shift, month, day) for shift in (-1, 0, 1)) if d and -AROUND <= d - at <= AHEAD]
    return min(options, key=lambda d: abs(d - at), default=None)


def _iso(match: re.Match[str], at: date | None) -> list[Named]:
    found = _near(match["y"], int(match["m"]), int(match["d"]), at)
    return [Named(match.start(), match.end(), (found,))] if found else []


def _cjk_day(match: re.Match[str], at: date | None) -> list[Named]:
    return _iso(match, at)


def _cjk_pair(match: re.Match[str], at: date | None) -> list[Named]:
    first = _near(match["y"], int(match["m"]), int(match["d"]), at)
    last = _near(match["y"], int(match["m"]), int(match["d2"]), at)
    middle = match.end("d") + 1
    return [
        *([Named(match.start(), middle, (first,))] if first else []),
        *([Named(match.start("d2"), match.end(), (last,))] if last else []),
    ]


def _numeric_options(match: re.Match[str], language: str, at: date | None) -> tuple[date, ...]:
    a, b, year = int(match["a"]), int(match["b"]), match["y"]
    if not year and ("." not in match[0] or not match[0].endswith(".")) and "/" not in match[0]:
        # "3-14" or "24.7" is a range or a number, not a day.
        return ()
    order = languages()[language].date_order if language in languages() else "?"
    by_day, by_month = _near(year, b, a, at), _near(year, a, b, at)
    dotted = "." in match[0][: match.end("b") - match.start()]
    ordered = (by_day,) if order == "DMY" or dotted else (by_month,) if order == "MDY" else (by_day, by_month)
    options = tuple(dict.fromkeys(d for d in ordered if d is not None))
    if not options and order == "DMY" and by_month and not dotted:
        return (by_month,)
    return options


def _settled(named: list[Named], at: date | None) -> list[tuple[Named, date]]:
    """One reading for each day. An order that one day proves (13/08) counts for all; else the reading nearest the writing."""
    named = sorted(named, key=lambda n: n.start)
    open_days = [n for n in named if not n.is_certain]
    pick = 0
    if open_days:
        candidates = [choice for choice in (0, 1) if all(choice < len(n.options) for n in open_days)] or [0]
        pick = min(candidates, key=lambda choice: (_strain([n.options[min(choice, len(n.options) - 1)] for n in named], at), choice))
    return [(n, n.options[min(pick, len(n.options) - 1)]) for n in named]


def _strain(days: list[date], at: date | None) -> float:
    """How odd these readings are: days that run backwards, and days far from the writing."""
    backwards = sum(1 for one, two in pairwise(days) if two < one)
    far = sum(abs((d - at).days) + (60 if d < at - timedelta(days=3) else 0) for d in days) if at else 0
    return backwards * 1000 + far


@cache
def _worded(language: str) -> re.Pattern[str]:
    months = sorted(_months(language), key=lambda m: (-len(m), m))
    month = "|".join(re.escape(m) for m in months)
    weekday = "|".join(sorted((re.escape(w) for w in _weekday_names(language)), key=lambda w: (-len(w), w)))
    year = r"(?:,?\s+(?:de |del |of |do )?(?P<{0}>20\d\d))?"
    link = r"\s*(?:-|to|until|till|through|and|bis(?: zum)?|und|au|et|al|a|y|e|ao|ate|tot(?: en met)?|t/m|en)\s*(?:le |el |il |the |den |dem |dia |op )?"
    return re.compile(
        rf"(?<!\w)(?:(?P<d1>\d{{1,2}}){_ORDINAL}{link}(?:(?:{weekday})\.?,?\s+)?)?(?P<d>\d{{1,2}}){_ORDINAL}\s*(?:of |de |do )?(?P<m>{month})\b\.?{year.format('y')}"
        rf"|(?<!\w)(?P<m2>{month})\b\.?\s+(?:the )?(?P<e>\d{{1,2}}){_ORDINAL}(?!\d|:)(?:{link}(?P<e2>\d{{1,2}}){_ORDINAL}(?!\d|:|\s*(?:{month})\b))?{year.format('y2')}"
    )


@cache
def _months(language: str) -> dict[str, int]:
    own = dict(languages()[language].months) if language in languages() else {}
    # Notices in two languages are common; English months are known everywhere.
    return {**languages()["en"].months, **own}


@cache
def _weekday_names(language: str) -> dict[str, int]:
    own = dict(languages()[language].weekdays) if language in languages() else {}
    return own or dict(languages()["en"].weekdays)


def _worded_days(match: re.Match[str], language: str, at: date | None) -> list[Named]:
    months = _months(language)
    if match["m"]:
        month, year, spots = months[match["m"]], match["y"], ("d1", "d")
    else:
        month, year, spots = months[match["m2"]], match["y2"], ("e", "e2")
    made = []
    for spot in spots:
        if match[spot]:
            day = _near(year, month, int(match[spot]), at)
            if day:
                end = match.end() if spot in {"d", "e2"} or not match[spots[1]] else match.end(spot)
                made.append(Named(match.start(spot) if spot != "e" else match.start(), end, (day,)))
    return made


def _weekdays(folded: str, language: str, at: date | None, taken: list[tuple[int, int]]) -> Iterator[Named]:
    """A weekday alone ("back on Monday") is the next one after the writing; beside a written day it says nothing more."""
    if at is None or taken:
        return
    names = _weekday_names(language)
    long_names = [name for name in names if len(name) > 3 or not name.isascii()]
    pattern = "|".join(sorted((re.escape(n) for n in long_names), key=lambda n: (-len(n), n)))
    for match in re.finditer(rf"(?<![a-z])(?:{pattern})(?![a-z])", folded):
        before = folded[max(0, match.start() - 40) : match.start()]
        if _ends_with(word_pattern("back"), before) or _ends_with(word_pattern("until"), before):
            ahead = (names[match[0]] - 1 - at.weekday()) % 7 or 7
            yield Named(match.start(), match.end(), (at + timedelta(days=ahead),))
            return
    for kind, ahead in (("tomorrow", 1), ("today", 0)):
        for match in word_pattern(kind).finditer(folded):
            before = folded[max(0, match.start() - 40) : match.start()]
            if _ends_with(word_pattern("until"), before) or (ahead and _ends_with(word_pattern("back"), before)):
                yield Named(match.start(), match.end(), (at + timedelta(days=ahead),))
                return
