"""Reading JSON as CRMs write it. A text that was cut in the middle of a character (an emoji, say) comes as half of one, which strict readers refuse."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

_NAME = re.compile(r"[A-Za-z0-9_.:\-]{1,120}")


def to_json(body: bytes) -> Any:
    """The parsed body, or None where it is empty, HTML, cut short, or holds what JSON does not know, such as NaN. What is no character becomes the sign for that."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return _whole(json.loads(body.decode("utf-8", "replace"), parse_constant=_refuse, parse_float=_finite))
    except (ValueError, RecursionError):
        return None


def to_name(value: Any) -> str:
    """A code, an id or a scope, as it may stand in a sentence of ours. Empty for what is none: it may be words of the call that a server quotes."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else str(value) if type(value) is int else ""


def _refuse(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _finite(text: str) -> float:
    found = float(text)
    return found if math.isfinite(found) else _refuse(text)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return {_whole(name): _whole(one) for name, one in value.items()} if isinstance(value, dict) else value
