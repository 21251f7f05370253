"""Reading JSON as CRMs write it. A text that was cut in the middle of a character (an emoji, say) comes as half of one, which strict readers refuse."""

from __future__ import annotations

import json
from typing import Any

import orjson


def to_json(body: bytes) -> Any:
    """The parsed body, or None where it is empty, HTML or cut short. What is no character becomes the sign for that."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    try:
        return _whole(json.loads(body.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return None


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return {_whole(name): _whole(one) for name, one in value.items()} if isinstance(value, dict) else value
