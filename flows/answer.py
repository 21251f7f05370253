"""What a command answers: data for machines, text for people, and the exit code."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment

from transforms.vocabulary.errors import StillThereError

DONE = 0
SOME_ROWS_FAILED = 3

LEAST_WIDTH = 30
"""In a terminal that says it has fewer columns, lines are broken by the terminal."""


@dataclass(frozen=True)
class Answer:
    """``data`` is printed with ``--json``; ``text`` (rich renderables) otherwise; ``lines`` are printed as JSON lines either way."""

    data: dict[str, Any] = field(default_factory=dict)
    text: Sequence[RenderableType] = ()
    exit_code: int = DONE
    lines: Sequence[dict[str, Any]] | None = None


def to_json(data: object) -> str:
    """JSON with sorted keys left as they are, dates in ISO form, and numpy and pandas values as plain ones.

    Half characters, as in names of files that are no UTF-8, become question marks: JSON has no place for them.
    """
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    try:
        return orjson.dumps(data, default=_plain, option=options).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps(_whole(data), default=_plain, option=options).decode()


def _whole(data: object) -> object:
    if isinstance(data, str):
        return data.encode(errors="replace").decode()
    if isinstance(data, dict):
        return {_whole(name): _whole(value) for name, value in data.items()}
    return [_whole(value) for value in data] if isinstance(data, list | tuple) else data


def _plain(value: object) -> object:
    import pandas as pd  # noqa: PLC0415 - not every command needs pandas

    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return str(value)


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """The text without what a terminal would obey: control characters, and those that turn the direction of writing. Line breaks and tabs stay.

    A name that somebody chose for themselves could otherwise clear the screen, colour what follows, or make a text read as another one.
    """
    return _CONTROL.sub("", text)


@dataclass(frozen=True)
class Harmless:
    """A renderable whose texts are :func:`harmless`. What rich itself says to the terminal, such as colours, is left."""

    part: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The same segments, with their texts made harmless."""
        for segment in console.render(self.part, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


class _Output(Console):
    """A console that lets a closed pipe be told to us. Rich's own would end the program with 1, whatever it had done."""

    def on_broken_pipe(self) -> None:
        """Say so to whoever prints."""
        raise BrokenPipeError


def print_answer(answer: Answer, *, as_json: bool) -> None:
    """Print the answer to the standard output. Raises OSError where it takes no more."""
    if answer.lines is not None:
        for line in answer.lines:
            sys.stdout.write(to_json(line) + "\n")
    elif as_json:
        sys.stdout.write(to_json(answer.data) + "\n")
    else:
        console = _Output(highlight=False, soft_wrap=not sys.stdout.isatty())
        console.width = max(console.width, LEAST_WIDTH)
        for part in answer.text:
            console.print(Harmless(part))
    sys.stdout.flush()


def print_error(error: StillThereError, *, as_json: bool) -> None:
    """Print the error's sentence: as text to the standard error, or as JSON to the standard output."""
    if as_json:
        sys.stdout.write(to_json({"error": str(error), "exit_code": error.exit_code}) + "\n")
    else:
        sys.stderr.write(f"{harmless(str(error))}\n")
