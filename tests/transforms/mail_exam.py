"""Exams in reading automatic replies: texts that were written before the lists of phrases were looked at, each with what a reader should find.

A file of an exam holds entries: ``## language expectation : subject``, then the text. What is expected:

* ``left``, ``absent|other``: an automatic reply with (one of) these reasons
* ``human``: a person's own mail; ``human:left``: one in which its writer says goodbye
* ``!left``: whoever reads it as a departure is wrong most of all

All texts, people and companies in them are invented.
"""

from __future__ import annotations

import base64
import html
import quopri
from dataclasses import dataclass
from pathlib import Path

from transforms.mail.reading import Reading

FOLDER = Path(__file__).parent / "mail_exams"
WRAPPINGS = ("headers", "answer", "bare", "markup", "quoted")


@dataclass(frozen=True)
class Question:
    """One text of an exam, and what a reader should find."""

    language: str
    expected: str
    is_hard: bool
    subject: str
    text: str

    @property
    def is_machine(self) -> bool:
        """Whether a machine sent it."""
        return not self.expected.startswith("human")

    def is_right(self, reading: Reading) -> bool:
        """Whether a reading is what was expected."""
        if self.is_machine:
            return reading.kind == "auto_reply" and reading.reason in self.expected.split("|")
        return reading.kind == "human" and reading.reason == self.expected.partition(":")[2]

    def is_false_departure(self, reading: Reading) -> bool:
        """Whether somebody who did not leave is taken for having left."""
        return "left" not in self.expected and reading.reason == "left"


def read_exam(name: str) -> list[Question]:
    """All questions of a file, in their order."""
    found = []
    for entry in (FOLDER / name).read_text(encoding="utf-8").split("\n## "):
        head, _, text = entry.removeprefix("## ").partition("\n")
        marks, _, subject = head.partition(" : ")
        language, expected, *more = marks.split()
        found.append(Question(language, expected, "!left" in more or "!auto" in more, subject, text.strip()))
    return found


_HEAD = (
    "From: Alex Kramer <alex.kramer@customer.example>\nTo: dana@vendor.example\nDate: Tue, 21 Oct 2025 09:14:00 +0200\nMIME-Version: 1.0\n"
)
_MACHINE = "Auto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\nPrecedence: bulk\n"
_PERSON = "Message-ID: <1@customer.example>\nIn-Reply-To: <2@vendor.example>\n"
_PLAIN = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {}\n"
_QUOTE = "\n\n-----Original Message-----\nFrom: Dana\nSent: Monday\n\n> Hi, is it a good time to talk about the renewal?\n> I am out of ideas, and I have left you a message.\n"


def wrap(question: Question, wrapping: str) -> bytes:
    """A text as a mail: with all headers of its kind; as an answer to us with none; the text alone; as HTML in base64; above a quoted mail of ours."""
    text = question.text
    if wrapping == "bare":
        return text.encode()
    own = question.subject if wrapping == "headers" or not question.is_machine else "Our call last week"
    subject = own if wrapping == "headers" or own.lower().startswith("re:") else f"Re: {own}"
    head = f"{_HEAD}Subject: {subject}\n"
    if wrapping == "headers":
        head += _MACHINE if question.is_machine else _PERSON
    if wrapping == "markup":
        shown = "".join(f"<p>{html.escape(line)}</p>" for line in text.split("\n"))
        body = base64.encodebytes(f"<html><body><div>{shown}</div></body></html>".encode("utf-16-le"))
        return f"{head}Content-Type: text/html; charset=utf-16le\nContent-Transfer-Encoding: base64\n\n".encode() + body
    if wrapping == "quoted":
        return (head + _PLAIN.format("quoted-printable") + "\n").encode() + quopri.encodestring((text + _QUOTE).encode())
    return (head + _PLAIN.format("8bit") + "\n" + text + "\n").encode()
