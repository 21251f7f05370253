"""What a command answers: data for machines, text for people, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from rich.console import Console, RenderableType

from transforms.vocabulary.errors import StillThereError

DONE = 0
SOME_ROWS_FAILED = 3


@dataclass(frozen=True)
class Answer:
    """``data`` is printed with ``--json``; ``text`` (rich renderables) otherwise; ``lines`` are printed as JSON lines either way."""

    data: dict[str, Any] = field(default_factory=dict)
    text: Sequence[RenderableType] = ()
    exit_code: int = DONE
    lines: Sequence[dict[str, Any]] | None = None


def to_json(data: object) -> str:
    """JSON with sorted keys left as they are, dates in ISO form, and numpy and pandas values as plain ones."""
    return orjson.dumps(data, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()


def _plain(value: object) -> object:
    import pandas as pd  # noqa: PLC0415 - not every command needs pandas

    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return str(value)


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """Print the answer to the standard output."""
    if answer.lines is not None:
        for line in answer.lines:
            sys.stdout.write(to_json(line) + "\n")
    elif as_json:
        sys.stdout.write(to_json(answer.data) + "\n")
    else:
        console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        for part in answer.text:
            console.print(part)


def print_error(error: StillThereError, *, as_json: bool) -> None:
    """Print the error's sentence: as text to the standard error, or as JSON to the standard output."""
    if as_json:
        sys.stdout.write(to_json({"error": str(error), "exit_code": error.exit_code}) + "\n")
    else:
        sys.stderr.write(f"{error}\n")
