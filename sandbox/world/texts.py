"""Reads the languages in which the made customers live: names, places and the texts of their messages."""

from __future__ import annotations

import random
import tomllib
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

_PLAIN = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "'": None, " ": None, ".": None, ",": None, "&": None, "’": None})


@dataclass(frozen=True)
class Place:
    """Where somebody works: the country as the CRM has it, time zone, beginning of phone numbers, and how dates are written."""

    country: str
    zone: ZoneInfo
    phone: str
    date: str


@dataclass(frozen=True)
class Phrase:
    """The subjects and bodies for one purpose. Names in braces are filled in."""

    subjects: tuple[str, ...]
    bodies: tuple[str, ...]


@dataclass(frozen=True)
class Language:
    """One language: names, places, and phrases by purpose, such as ``ours.checkin`` or ``auto.absent``."""

    code: str
    share: float
    reply_prefix: str
    auto_prefixes: tuple[str, ...]
    attribution: str
    months: tuple[str, ...]
    dates: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    romanised: tuple[str, ...]
    titles: tuple[str, ...]
    stems: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]
    topics: tuple[str, ...]
    hello: tuple[str, ...]
    bye: tuple[str, ...]
    places: tuple[Place, ...]
    weights: tuple[float, ...]
    phrases: dict[str, Phrase]
    dsn: dict[str, str]
    dsn_subjects: tuple[str, ...]

    def date_text(self, rng: random.Random, moment: datetime, place: Place) -> str:
        """A date as somebody of this language and place writes it, at times without the year."""
        pattern = rng.choice((*self.dates, place.date))
        return pattern.format(
            d=moment.day, dd=f"{moment.day:02}", m=moment.month, mm=f"{moment.month:02}", month=self.months[moment.month - 1], y=moment.year
        )

    def latin(self, name: str) -> str:
        """A name as it stands in an e-mail address: lower case, ASCII."""
        names = (*self.first_names, *self.last_names)
        if self.romanised and name in names:
            return self.romanised[names.index(name)]
        bare = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN))
        return bare.encode("ascii", "ignore").decode().translate(_PLAIN)


def _language(data: dict[str, Any]) -> Language:
    phrases = {
        f"{side}.{purpose}": Phrase(tuple(texts["subjects"]), tuple(texts["bodies"]))
        for side in ("ours", "theirs", "auto")
        for purpose, texts in data[side].items()
    }
    dsn = dict(data["dsn"])
    subjects = tuple(dsn.pop("subjects"))
    lists = (
        "auto_prefixes",
        "months",
        "dates",
        "first_names",
        "last_names",
        "titles",
        "stems",
        "trades",
        "forms",
        "topics",
        "hello",
        "bye",
    )
    return Language(
        code=data["code"],
        share=data["share"],
        reply_prefix=data["reply_prefix"],
        attribution=data["attribution"],
        romanised=tuple(data.get("romanised", ())),
        places=tuple(Place(p["country"], ZoneInfo(p["time_zone"]), p["phone"], p["date"]) for p in data["places"]),
        weights=tuple(p["weight"] for p in data["places"]),
        phrases=phrases,
        dsn=dsn,
        dsn_subjects=subjects,
        **{name: tuple(data[name]) for name in lists},
    )


@cache
def languages() -> tuple[Language, ...]:
    """All languages, in the order of their share."""
    folder = files("sandbox.world.languages")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".toml")]
    made = [_language(tomllib.loads(entry.read_text(encoding="utf-8"))) for entry in found]
    return tuple(sorted(made, key=lambda language: (-language.share, language.code)))
