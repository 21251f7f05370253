"""Exams in reading mail, written before the lists of phrases were looked at: how many answers are right, by wrapping, and what must never happen.

The counts are held, so that no text can be lost and no reading get worse unnoticed. The first tries stand in docs/reading-mail.md.
"""

from collections import Counter
from functools import cache

import pytest

from tests.transforms.mail_exam import FOLDER, WRAPPINGS, Question, read_exam, wrap
from transforms.mail.reading import Reading, read_message

EXAMS = ("notices_one.txt", "notices_two.txt", "notices_three.txt")


@cache
def answers() -> list[tuple[str, str, Question, Reading]]:
    """Every text of every exam in every wrapping, and what it was read as."""
    return [(exam, wrapping, q, read_message(wrap(q, wrapping))[0]) for exam in EXAMS for q in read_exam(exam) for wrapping in WRAPPINGS]


def told(exam: str, wrapping: str) -> list[tuple[Question, Reading]]:
    """The questions of an exam in one wrapping, and what they were read as."""
    return [(question, reading) for found, way, question, reading in answers() if (found, way) == (exam, wrapping)]


def test_the_exams_are_whole() -> None:
    """So many texts stand in each exam, by what is expected; a text that is taken out is missed here."""
    counts = {exam: Counter("machine" if q.is_machine else "human" for q in read_exam(exam)) for exam in EXAMS}
    assert counts == {
        "notices_one.txt": {"machine": 114, "human": 67},
        "notices_two.txt": {"machine": 39, "human": 27},
        "notices_three.txt": {"machine": 20, "human": 6},
    }


MISSED = {"notices_one.txt": {"headers": 1}, "notices_two.txt": {"headers": 0}, "notices_three.txt": {"headers": 0}}
"""How many are read wrongly at most in a machine's own headers; in each of the other wrappings four."""


@pytest.mark.parametrize("exam", EXAMS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_notices_are_read_as_what_they_are(exam: str, wrapping: str) -> None:
    """An automatic reply is read with its reason: in its own headers, as a bare answer, without any header, as HTML, above our quoted mail."""
    wrong = [(q.text, r.kind, r.reason) for q, r in told(exam, wrapping) if q.is_machine and not q.is_right(r)]
    assert len(wrong) <= MISSED[exam].get(wrapping, 4), wrong


@pytest.mark.parametrize("exam", EXAMS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_what_people_write_is_theirs(exam: str, wrapping: str) -> None:
    """A person's mail is a person's, whatever it says of holidays, colleagues who left or messages left behind."""
    assert [(q.text, r.kind, r.reason) for q, r in told(exam, wrapping) if not q.is_machine and not q.is_right(r)] == []


def test_nobody_who_stays_is_told_to_have_left() -> None:
    """No absence, no question about a colleague and no invitation to a farewell is taken for a departure, in any wrapping."""
    assert [(wrapping, q.text) for _, wrapping, q, r in answers() if q.is_false_departure(r)] == []


PEOPLE = (FOLDER / "people_four.txt").read_text(encoding="utf-8").splitlines()


def test_short_answers_of_people_are_theirs() -> None:
    """What people jot down in answer to us is theirs, though it tells of holidays, closed offices and colleagues who retired."""
    read = {text: read_message(f"From: Ann Lee <ann.lee@firm.example>\nSubject: Re: question\n\n{text}".encode())[0] for text in PEOPLE}
    assert len(PEOPLE) == 32
    assert [text for text, reading in read.items() if (reading.kind, reading.reason) != ("human", "")] == []
