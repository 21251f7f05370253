"""Exams in reading bounces, written before the lists were looked at: what servers answer, in a report and in prose, and whole mails of many systems.

What stays wrong is named: answers of which a reader may say either thing. The first tries stand in docs/reading-mail.md.
"""

import re
from collections import Counter

import pytest

from tests.transforms.mail_exam import FOLDER
from transforms.mail.reading import Reading, read_message

EXAMS = {
    "answers_three.txt": {
        "mailbox_gone": 70,
        "domain_gone": 16,
        "mailbox_full": 17,
        "blocked": 29,
        "temporary": 17,
        "mailbox_disabled": 9,
        "other": 4,
    },
    "answers_four.txt": {"mailbox_gone": 34, "domain_gone": 6, "mailbox_full": 9, "blocked": 15, "temporary": 9, "mailbox_disabled": 4},
}
"""How many answers of each reason stand in each exam."""

EITHER = (
    # A mailbox that was closed or disabled for good: gone, or disabled.
    "This mailbox is disabled (554.30). - no such account",
    "This account has been closed",
    "Account closed due to inactivity.",
    # The code says later, the words say no.
    "450 4.7.1 Client host rejected: cannot find your hostname",
)

_HEAD = "From: MAILER-DAEMON@mx.vendor.example\nTo: dana@vendor.example\nSubject: {}\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
_REPORT = """Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain; charset=utf-8

Your message could not be delivered to one or more recipients.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.vendor.example

Final-Recipient: rfc822; someone@customer.example
Action: failed
Status: {}
Diagnostic-Code: smtp; {}

--b--
"""
_PROSE = """Content-Type: text/plain; charset=utf-8

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. The following address failed:

  someone@customer.example
    {}
"""


def answers(exam: str) -> list[tuple[str, str]]:
    """The reason and the words of each answer of an exam."""
    lines = (FOLDER / exam).read_text(encoding="utf-8").splitlines()
    return [(reason, words) for reason, _, words in (line.partition(" | ") for line in lines if line)]


def in_a_report(words: str) -> Reading:
    """An answer read from a structured report."""
    status = re.search(r"\b[45]\.\d\.\d{1,3}\b", words)
    return read_message(
        (_HEAD.format("Undelivered Mail Returned to Sender") + _REPORT.format(status[0] if status else "5.0.0", words)).encode()
    )[0]


def in_prose(words: str) -> Reading:
    """An answer read from a mail for people."""
    return read_message((_HEAD.format("Mail delivery failed: returning message to sender") + _PROSE.format(words)).encode())[0]


@pytest.mark.parametrize("exam", EXAMS)
def test_the_exams_are_whole(exam: str) -> None:
    """So many answers of each reason stand in each exam; one that is taken out is missed here."""
    assert Counter(reason for reason, _ in answers(exam)) == EXAMS[exam]


@pytest.mark.parametrize("exam", EXAMS)
@pytest.mark.parametrize("read", [in_a_report, in_prose])
def test_every_answer_gives_its_reason(exam: str, read: object) -> None:
    """A server's answer is read with its reason, in a report and in prose, but for those that say two things."""
    assert callable(read)
    clear = [(reason, words) for reason, words in answers(exam) if not any(either in words for either in EITHER)]
    assert [(words, found.reason, reason) for reason, words in clear if (found := read(words)).reason != reason] == []


MAILS = [entry.partition("\n") for entry in (FOLDER / "bounces_three.txt").read_text(encoding="utf-8").split("#### ")[1:]]


def test_no_whole_mail_is_lost() -> None:
    """So many mails stand in the exam, with so many recipients."""
    assert (len(MAILS), sum(len(head.split(" ; ")) for head, _, _ in MAILS)) == (39, 42)


@pytest.mark.parametrize(("head", "mail"), [(head, mail) for head, _, mail in MAILS], ids=[head[:40] for head, _, _ in MAILS])
def test_a_whole_mail_names_each_recipient_and_the_reason(head: str, mail: str) -> None:
    """Mails of many mail systems and languages, with no structured report: each recipient that failed, and why."""
    expected = {address: reasons.split("|") for address, reasons in (told.split() for told in head.split(" ; "))}
    found = {reading.recipient: reading.reason for reading in read_message(mail.encode())}
    assert sorted(found) == sorted(expected)
    assert [(address, reason) for address, reason in found.items() if reason not in expected[address]] == []
