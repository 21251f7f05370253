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


MISSED = {"notices_one.txt": (1, 3), "notices_two.txt": (0, 6), "notices_three.txt": (0, 5)}
"""How many are read wrongly at most in a machine's own headers, and in each of the other wrappings."""


@pytest.mark.parametrize("exam", EXAMS)
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_notices_are_read_as_what_they_are(exam: str, wrapping: str) -> None:
    """An automatic reply is read with its reason: in its own headers, as a bare answer, without any header, as HTML, above our quoted mail."""
    wrong = [(q.text, r.kind, r.reason) for q, r in told(exam, wrapping) if q.is_machine and not q.is_right(r)]
    assert len(wrong) <= MISSED[exam][wrapping != "headers"], wrong


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


PLANS = (
    "I will be out of the office Thursday and Friday. Please call Kim if you need anything.\n\nPhil",
    "Hi Dana,\n\nI'm on vacation next week. Please contact Kim Ward in the meantime.\n\nThanks,\nPhil",
    "Team,\n\nI will be on vacation from 3 July to 14 July. In my absence please contact Kim at 555-1234.\n\nRegards,\nPhil",
    "I am out of the office today but can be reached on my cell. Please email me if you need anything.",
    "All,\nI will be taking vacation next Monday. Kim will cover for me.",
    "Dana, I'll be out until Tuesday. Call Kim if it's urgent.",
    "Just a reminder that I'll be out of the office tomorrow afternoon. Please see Kim with any questions.",
    "I'll be in London next week and back in the office on the 14th. If you need anything, please contact my assistant.",
    "I'm working from home today. Call my cell if you need me.",
    "Hallo Dana, ich bin nächste Woche im Urlaub. Bitte wende dich an Kim.\nGruß Phil",
    "Hallo zusammen, ich bin am Freitag nicht im Büro. Bei dringenden Fragen bitte an Kim wenden.\nViele Grüße\nPhil",
    "Bonjour Dana, je serai en congés la semaine prochaine. Merci de contacter Kim.\nCordialement, Phil",
    "Thanks for your message. I received it and will reply tomorrow.",
    "Hi Dana, thanks, got your email. I'm travelling until Friday and will answer then.",
    "FYI, Kim has left the company. Please send the invoices to me from now on.",
)
"""What colleagues and customers tell each other of their days off, in a mail of their own."""


@pytest.mark.parametrize("text", PLANS)
@pytest.mark.parametrize("subject", ["next week", "Re: renewal"])
def test_plans_for_days_off_are_no_notices(text: str, subject: str) -> None:
    """Who tells a person when they are off, and whom to ask, is a person; a notice is meant for whoever writes."""
    reading = read_message(f"From: Ann Lee <ann.lee@firm.example>\nTo: dana@vendor.example\nSubject: {subject}\n\n{text}".encode())[0]
    assert (reading.kind, reading.reason) == ("human", "")
