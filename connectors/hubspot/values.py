"""Values as HubSpot sends them, turned into ours: everything is text or null there, and "" means the same as null."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from html.parser import HTMLParser
from zoneinfo import available_timezones

import pandas as pd

Texts = list[str | None]

_DIGITS = re.compile(r"-?\d+$")
_BLOCKS = {"p", "div", "li", "tr", "h1", "h2", "h3", "blockquote", "table", "ul", "ol"}
_SILENT = {"style", "script", "head", "title"}


def to_ms(text: str | None) -> int | None:
    """A moment in epoch milliseconds, from ISO 8601 with or without milliseconds, or from epoch milliseconds."""
    if not text:
        return None
    if _DIGITS.match(text):
        return int(text)
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def from_ms(ms: int) -> datetime:
    """The moment of so many epoch milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def to_times(texts: Sequence[str | None]) -> pd.Series:
    """A column of moments. HubSpot mixes ISO 8601 with epoch milliseconds, even inside one property."""
    iso = [from_ms(int(text)).isoformat() if text and _DIGITS.match(text) else text or None for text in texts]
    return pd.to_datetime(pd.Series(iso, dtype="object"), utc=True, format="ISO8601", errors="coerce").astype("datetime64[us, UTC]")


def to_texts(texts: Iterable[str | None]) -> pd.Series:
    """A column of texts; "" becomes missing."""
    return pd.Series(pd.array([text or None for text in texts], dtype="str"))


def to_flags(texts: Iterable[str | None]) -> pd.Series:
    """A column of true, false or missing."""
    return pd.Series(pd.array([None if not text else text.lower() == "true" for text in texts], dtype="boolean"))


def to_numbers(texts: Iterable[str | None]) -> pd.Series:
    """A column of numbers; what is no number is missing."""
    return pd.to_numeric(pd.Series([text or None for text in texts], dtype="object"), errors="coerce").astype("float64")


@lru_cache(maxsize=4096)
def to_zone(text: str | None) -> str | None:
    """The IANA name of a time zone. HubSpot writes america_slash_new_york for America/New_York."""
    if not text:
        return None
    plain = text.lower().replace("_slash_", "/").replace("_hyphen_", "-").replace("_plus_", "+")
    return _zones().get(plain)


def to_plain(html: str) -> str:
    """The text of an HTML body, with its line breaks."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


class _Reader(HTMLParser):
    """Collects the text between the tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag in _SILENT:
            self._silent += 1
        if tag == "br":
            self.parts.append("\n")
        elif tag in _BLOCKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in _BLOCKS:
            self._break()

    def _break(self) -> None:
        if self.parts and not self.parts[-1].endswith("\n"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
