"""``stillthere read-mail``: what kind of mail a file holds, recipient by recipient."""

from __future__ import annotations

import dataclasses
import mailbox
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.answer import DONE, SOME_ROWS_FAILED, Answer
from transforms.mail.message import LARGEST
from transforms.mail.reading import read_message
from transforms.vocabulary.errors import BadInput


def run_read_mail(files: Sequence[Path]) -> Answer:
    """One JSON object a mail and recipient; a file that cannot be read has one that says why, and the exit code tells of it.

    Raises BadInput where no file at all could be read.
    """
    lines: list[dict[str, Any]] = []
    faults: list[str] = []
    for file in files:
        try:
            lines += _read(file)
        except OSError as error:
            fault = f"{file} was to be read as a message and could not be ({str(error.strerror).lower()}); give the path of an .eml file."
            faults.append(fault)
            lines.append({"file": str(file), "error": fault})
    if len(faults) == len(files):
        raise BadInput(" ".join(faults))
    return Answer(lines=lines, exit_code=SOME_ROWS_FAILED if faults else DONE)


def _read(file: Path) -> list[dict[str, Any]]:
    """What a file holds; of a mailbox (mbox) all its mails, each named by its number behind the path."""
    with file.open("rb") as opened:
        raw = opened.read(LARGEST)
    if not raw.startswith(b"From "):
        return _told(str(file), raw)
    # Read mail by mail: a mailbox may be larger than memory.
    box = mailbox.mbox(file, create=False)
    try:
        keys = box.keys()
        return [line for number, key in enumerate(keys, 1) for line in _told(f"{file}#{number}", box.get_bytes(key)[:LARGEST])]
    finally:
        box.close()


def _told(name: str, raw: bytes) -> list[dict[str, Any]]:
    return [{"file": name, **dataclasses.asdict(reading)} for reading in read_message(raw)]
