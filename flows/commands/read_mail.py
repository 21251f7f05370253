"""``stillthere read-mail``: what kind of mail a file holds, recipient by recipient."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.answer import Answer
from transforms.mail.reading import read_message
from transforms.vocabulary.errors import BadInput


def run_read_mail(files: Sequence[Path]) -> Answer:
    """One JSON object a file and recipient. Raises BadInput for a file that cannot be read."""
    return Answer(lines=[line for file in files for line in _read(file)])


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInput(
            f"{file} was to be read as a message and could not be ({str(error.strerror).lower()}); give the path of an .eml file."
        ) from error
    return [{"file": str(file), **dataclasses.asdict(reading)} for reading in read_message(raw)]
