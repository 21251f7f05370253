"""Reading a mail, in order: did a server send it back, did a machine answer, or did a person write it.

Every reading says by which phrase of our lists, or by which code, it was decided; never by the text itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from transforms.mail.bounces import Fate, best_fate, from_diagnostic, is_bounce, read_bounce
from transforms.mail.message import Mail, addresses, first_address, from_bytes, from_lines
from transforms.mail.parts import new_text
from transforms.mail.replies import Notice, read_farewell, read_notice

HUMAN = "human"
BOUNCE = "bounce"
AUTO_REPLY = "auto_reply"


@dataclass(frozen=True)
class Reading:
    """What a mail says about one recipient. Empty texts and None where it says nothing.

    ``reason`` of a bounce: mailbox_gone, domain_gone, mailbox_disabled, mailbox_full, blocked, temporary, other; of an automatic reply:
    absent, left, role_change, acknowledgement, challenge, other; of a human: left, role_change or empty. ``recipient`` is whom the reading is about:
    the failed address of a bounce, else the writer. ``absent_until`` is the day of return, or the last day away, as announced.
    ``confidence`` is 0 to 1.
    """

    kind: str
    reason: str = ""
    recipient: str = ""
    status_code: str = ""
    smtp_code: str = ""
    absent_from: date | None = None
    absent_until: date | None = None
    successor: str = ""
    new_address: str = ""
    language: str = ""
    confidence: float = 0.9
    evidence: str = ""


def read_message(raw: bytes) -> list[Reading]:
    """Read one mail as it was received (RFC 5322): one reading a recipient. Any bytes give at least one reading."""
    if not raw.strip():
        return [Reading(HUMAN, confidence=_UNREADABLE, evidence="an empty file")]
    mail = from_bytes(raw)
    if is_bounce(mail, raw):
        return [_from_fate(fate) for fate in read_bounce(mail, raw)]
    return [_read_answer(mail, mail.written_on, asks_language=True)]


def read_text(subject: str, body: str, headers: str, direction: str, outcome: str, *, at: date | None = None) -> Reading | None:
    """Read a mail that a CRM logged; ``headers`` as ``Name: value`` lines, all texts may be empty. ``at``: the day of the mail.

    None where nobody wrote to us and nothing came back: our own mail that was sent. A mail of ours that bounced is read from what the
    CRM says of the bounce (headers that end in Status, and in Diagnostic-Code or Bounce-Detail), as its body is our own text.
    """
    mail = from_lines(subject, body, headers)
    written = at or mail.written_on
    if direction != "inbound":
        if outcome != "bounced":
            return None
        recipient = next(iter(sorted(addresses(mail.headers.get("to", ())))), "")
        status = " ".join(_told(mail, "status", "bounce-status", "bounce-code"))[:20].strip()
        words = " ".join(_told(mail, "diagnostic-code", "bounce-detail", "bounce-reason"))
        return _from_fate(from_diagnostic(recipient, status, words))
    if outcome == "bounced" or is_bounce(mail):
        fate = best_fate(read_bounce(mail))
        return _from_fate(fate) if fate else Reading(BOUNCE, "other")
    reading = _read_answer(mail, written, asks_language=False, is_machine=outcome == "auto_reply")
    if outcome == "auto_reply" and reading.kind == HUMAN:
        # The CRM saw that a machine answered; our lists do not know the words.
        return replace(reading, kind=AUTO_REPLY, reason=reading.reason or "other", confidence=0.6)
    return reading


def _told(mail: Mail, *endings: str) -> list[str]:
    return [value for name, values in mail.headers.items() if name.endswith(endings) for value in values]


_REPORTS = {"feedback-report": "feedback-report", "disposition-notification": "disposition-notification", "delivery-status": "delivered"}
"""Reports that machines write and that are no bounces: somebody marked our mail as spam, a mail was shown, a mail arrived."""

_UNREADABLE = 0.2
_SPARSE = 0.5


def _read_answer(mail: Mail, at: date | None, *, asks_language: bool, is_machine: bool = False) -> Reading:
    formal = _by_form(mail)
    if formal:
        return formal
    notice = read_notice(mail, at, is_machine=is_machine) or read_farewell(mail, at)
    if notice:
        return _from_notice(notice, mail)
    if not mail.text.strip():
        return Reading(HUMAN, recipient=mail.sender, confidence=_SPARSE, evidence="no text")
    language = _language(mail) if asks_language else ""
    if "list-unsubscribe" in mail.headers or mail.header("precedence").lower() in {"bulk", "junk", "list"}:
        # Written by a person once, for many; that a machine sent it shows in these headers alone, and people on lists carry them too.
        return Reading(HUMAN, recipient=mail.sender, language=language, confidence=_SPARSE, evidence="sent to many")
    return Reading(HUMAN, recipient=mail.sender, language=language)


def _by_form(mail: Mail) -> Reading | None:
    """What the form of a mail says before any of its words; None for ordinary mail."""
    if mail.report_type in _REPORTS:
        return Reading(AUTO_REPLY, "other", recipient=mail.complaint_of or mail.sender, evidence=_REPORTS[mail.report_type])
    if mail.is_calendar:
        # Who invites, accepts or declines is a person; the words of the invitation are about the meeting.
        return Reading(HUMAN, recipient=mail.sender, confidence=0.8, evidence="text/calendar")
    if _is_unreadable(mail.text) or not (mail.text.strip() or mail.subject):
        return Reading(HUMAN, recipient=mail.sender, confidence=_UNREADABLE, evidence="no readable text")
    return None


def _is_unreadable(text: str) -> bool:
    """Whether what should be text is mostly bytes of something else."""
    head = text[:2000]
    odd = sum(1 for letter in head if letter == "\ufffd" or (ord(letter) < 32 and letter not in "\t\r\n\f\v") or 127 <= ord(letter) < 160)
    return odd > 0.1 * len(head)


def _from_notice(notice: Notice, mail: Mail) -> Reading:
    return Reading(
        kind=AUTO_REPLY if notice.is_automatic else HUMAN,
        reason=notice.reason,
        recipient=mail.sender or first_address(mail.header("from")),
        absent_from=notice.absent_from,
        absent_until=notice.absent_until,
        successor=notice.successor,
        new_address=notice.new_address,
        language=notice.language,
        confidence=notice.confidence,
        evidence=notice.evidence,
    )


def _from_fate(fate: Fate) -> Reading:
    return Reading(
        kind=BOUNCE,
        reason=fate.reason,
        recipient=fate.recipient,
        status_code=fate.status_code,
        smtp_code=fate.smtp_code,
        new_address=fate.new_address,
        confidence=fate.confidence,
        evidence=fate.evidence,
    )


def _language(mail: Mail) -> str:
    """The language of a human's text, by its letters and words; empty where there is too little of it."""
    # Loaded only here: the model takes a third of a second, and the pull never needs it.
    import py3langid  # noqa: PLC0415

    text = new_text(mail.text)[:2000]
    if len(text) < 20:
        return ""
    return str(py3langid.classify(text)[0])
