"""Salesforce's record ids: 15 characters where case counts, or the same with three more that make case unimportant."""

from __future__ import annotations

import re
from functools import lru_cache

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")
POD = "5e"
"""The characters after an id's prefix that tell the instance; the sandbox's own."""


def id18(fifteen: str) -> str:
    """The 18 characters of a 15-character id: three more, each telling which of five characters are capitals."""
    return fifteen + _capitals(fifteen[:5]) + _capitals(fifteen[5:10]) + _capitals(fifteen[10:])


@lru_cache(maxsize=1 << 16)
def _capitals(five: str) -> str:
    """The letter that tells which of five characters are capitals. Ids of one object share most of their fives."""
    return _ALPHABET[sum(1 << place for place, letter in enumerate(five) if letter.isupper())]


def normal_id(text: str) -> str | None:
    """The 18-character form of an id given with 15 or 18 characters; None where it is no id, or its checksum does not fit."""
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        return None
    whole = id18(text[:15])
    if len(text) == 18 and text[15:].upper() != whole[15:]:
        return None
    return whole


def make_id(prefix: str, number: int) -> str:
    """The id of the record with that number of an object: prefix, instance, and the number in base 62."""
    digits = ""
    while number:
        number, place = divmod(number, 62)
        digits = _DIGITS[place] + digits
    return id18(f"{prefix}{POD}{digits:0>10}")
