"""Mail that came back: whether it is such a mail, and to whom it could not be delivered. Why, is said in refusals.py.

Structured reports (RFC 3464) count first, then the addresses that headers and flufl.bounce know, then the free text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from email import message_from_bytes

from flufl.bounce import all_failures

from transforms.mail.message import ADDRESS, BROKEN, Mail, addresses, first_address, groups_in_text
from transforms.mail.parts import new_text, to_plain
from transforms.mail.phrases import book, fold
from transforms.mail.refusals import SILENT, SMTP, STATUS, Fate, decide, diagnostics, from_diagnostic, signs, titles

__all__ = ["Fate", "best_fate", "from_diagnostic", "is_bounce", "read_bounce"]

_DAEMON = re.compile(
    r"^(?:mailer[-_.]?daemon|postmaster|mail[-_.]?daemon|mdaemon|mailerdaemon|mail[-_.]?delivery|bounces?|microsoftexchange[0-9a-f]{8,}"
    r"|maildelivery|mailsystem|mail[-_.]?system|exchange|smtp[-_.]?server|ndr|undeliverable)(?:[@+\-]|$)"
)
_DAEMON_NAME = re.compile(
    r"mail delivery (?:sub)?system|mailer[- ]daemon|postmaster|mail administrator|mail delivery service|internet mail delivery|system ?administrator"
    r"|administrat(?:eur|or|ore) (?:syst[eè]me|de sistema|del sistema|di sistema)|microsoft outlook|mail system|delivery subsystem"
)
# In many languages, as a person who forwards a report or answers it is a person.
_ANSWERED = re.compile(
    r"^\s*(?:re|aw|fw|fwd|wg|tr|rv|res|enc|r|i|sv|vs|antw|doorst|odp|ynt|答复|回复|转发|転送|回覆|轉寄)(?:\[\d+\])?\s*[:：]", re.IGNORECASE
)
_ORIGINAL = re.compile(
    r"^[ \t>*]{0,20}(?:-{2,60}[^\n]{0,80}?(?:original|returned|copy of|below this line|below the next line|header[s]? follow|unsent|forwarded)"
    r"|[^\n]{0,40}original (?:message|mail|e-mail) (?:headers|follows|text|details)|[^\n]{0,20}copy of (?:the|your) (?:original )?(?:message|mail)\b"
    r"|the text of your message"
    r"|return-path:|received: (?:from|by)|x-ms-exchange-|old message:|message header)",
    re.IGNORECASE | re.MULTILINE,
)
_OWN_TEXT = 12_000
"""Characters of a report that are read for reasons."""


def is_bounce(mail: Mail, raw: bytes = b"") -> bool:
    """Whether a mail server wrote this to say that a mail could not be delivered, or not yet."""
    if mail.report_type == "disposition-notification":
        # A mailbox that is full or closed may refuse by such a report; most only say that a mail was read.
        return "rejected" in mail.header("auto-submitted").lower() and bool(diagnostics().find(fold(_own_text(mail))))
    if mail.report_type == "feedback-report":
        return False
    if mail.reports:
        return any(_is_failure(group) for group in mail.reports) and not _is_passed_on(mail)
    if mail.report_type == "delivery-status" or mail.headers.get("x-failed-recipients"):
        return True
    return _reads_as_bounce(mail, raw)


def _is_passed_on(mail: Mail) -> bool:
    """Whether a person sends us a report that they got: it is attached to a mail of theirs that has words of its own."""
    return mail.is_attached_report and not _is_daemon(mail) and bool(new_text(mail.text).strip())


def _reads_as_bounce(mail: Mail, raw: bytes) -> bool:
    """Whether title, sender and words together show a bounce, where no structured report does."""
    title = fold(mail.subject)
    titled, daemon = bool(book("subject_bounce").find(title) or titles().find(title)), _is_daemon(mail)
    if not titled and not daemon:
        return False
    text = _own_text(mail)
    folded = fold(text[:6000])
    coded = bool(STATUS.search(text) or SMTP.search(text))
    said = bool(diagnostics().find(folded) or signs().find(folded))
    if _ANSWERED.match(mail.subject):
        # A few servers answer with our own title; a person who answers a report, or passes it on, greets somebody or is no server.
        return daemon and bool(signs().find(folded)) and not _is_addressed(text)
    if daemon:
        return titled or coded or said or bool(_by_library(raw))
    # A title alone is not enough: somebody may write about a bounce, or about a parcel. What only a server's mail has must be there as well:
    # a code or the address that failed, and a mail that came back or headers of a machine or no greeting.
    if not said or _ASKED.search(mail.subject) or (mail.header("in-reply-to") and not _is_server_mail(mail)):
        return False
    if mail.original or _strangers(mail, text):
        return True
    return coded and (_is_server_mail(mail) or not _is_addressed(text))


_GREETS = re.compile(
    r"^\s*(?:(?:hi|hello|hey|dear|hallo|bonjour|hola|ciao|ol[aá]|beste|liebe[r]?|sehr geehrte[r]?|guten tag|buongiorno|buenos d[ií]as|bom dia)"
    r",? (?!this )\w+[,!:\n. ]|[^\n]{1,20}様|[^\n]{1,20}さん)",
    re.IGNORECASE,
)


def _is_addressed(text: str) -> bool:
    """Whether a text begins with a greeting, as people do and servers (but for a few) do not."""
    return bool(_GREETS.match(text))


_ASKED = re.compile(r"[?？]\s*$")


def _is_server_mail(mail: Mail) -> bool:
    submitted = mail.header("auto-submitted").lower() not in {"", "no"}
    return mail.header("return-path").strip() in {"<>", "< >"} or submitted or not mail.header("from")


def _strangers(mail: Mail, text: str) -> set[str]:
    known = addresses(
        (*mail.headers.get("to", ()), *mail.headers.get("from", ()), *mail.headers.get("cc", ()), *mail.headers.get("reply-to", ()))
    )
    return set() if _is_addressed(text) else _all_addresses(text) - known


_DONE = {"delivered", "relayed", "expanded"}


def _is_failure(group: Mapping[str, str]) -> bool:
    """Whether a group of a report tells of a failure or delay. Some servers write "failure" or "error" where the RFC says failed."""
    return (group.get("action", "failed").lower().split() or ["failed"])[0] not in _DONE


def _is_daemon(mail: Mail) -> bool:
    sender = mail.header("from").lower()
    return bool(_DAEMON.match(mail.sender) or _DAEMON_NAME.search(sender) or _DAEMON.match(sender.strip("<> ")))


def read_bounce(mail: Mail, raw: bytes = b"") -> list[Fate]:
    """The fate of each recipient of a mail that came back; one without address where none is named."""
    text = _own_text(mail)
    groups = mail.reports or groups_in_text(to_plain(mail.text))
    failed = [group for group in groups if _is_failure(group)]
    if failed:
        named = {_recipient(group): group for group in failed}
        fates = [
            _from_group(recipient, group, text if len(named) == 1 else _about(text, recipient, _final(group)))
            for recipient, group in named.items()
            if recipient
        ]
        if fates:
            return fates
    named_in_text = _named(mail, text, raw)
    if not named_in_text:
        words = " ".join(value for group in failed for value in group.values())
        return [decide("", "", "", words, text)]
    if len(named_in_text) == 1:
        return [_from_text(named_in_text[0], text)]
    close = [_from_text(each, _about(text, each, each)) for each in named_in_text]
    # What is said once for all stands outside the part about each.
    return [fate if fate.evidence != SILENT else _from_text(fate.recipient, text) for fate in close]


def _recipient(group: Mapping[str, str]) -> str:
    """The address that was written to: the original one, where the report has it, else the final one that it became."""
    for name in ("original-recipient", "final-recipient", "x-actual-recipient"):
        found = first_address(group.get(name, ""))
        if found:
            return found
    return ""


def _final(group: Mapping[str, str]) -> str:
    return first_address(group.get("final-recipient", "")) or _recipient(group)


def _from_group(recipient: str, group: Mapping[str, str], around: str) -> Fate:
    names = (
        "diagnostic-code",
        "x-supplementary-info",
        "x-display-name",
        "x-postfix-sender-info",
        "x-notes",
        "x-error",
        "reason",
        "x-powermta-bouncecategory",
    )
    diagnostic = "\n".join(group[name] for name in names if name in group)
    # Behind the code of the status some servers write words in brackets.
    diagnostic = f"{diagnostic}\n{group.get('status', '').partition('(')[2]}".strip()
    return decide(recipient, group.get("status", ""), group.get("action", "").lower().strip(), diagnostic, around)


def _from_text(recipient: str, text: str) -> Fate:
    """The fate in a report for people: all is said in one text, and a warning that delivery goes on marks a delay."""
    return decide(recipient, "", "", "", text)


_HEAD = 12


def _own_text(mail: Mail) -> str:
    """The text that the mail server wrote: up to the copy of the mail that came back."""
    text = to_plain(mail.text)[:_OWN_TEXT]
    cut = next((found.start() for found in _ORIGINAL.finditer(text) if found.start() > _HEAD), len(text))
    if _TOLD_AFTER.search(text, cut):
        # Sun's servers first show some headers of the mail, and then say what became of it.
        return text
    return text[:cut]


_TOLD_AFTER = re.compile(
    r"^\s{0,9}your message (?:cannot|could not|can not) be delivered to the following recipients?:", re.IGNORECASE | re.MULTILINE
)


_LIBRARY_READS = 30_000
_LIBRARY_LINES = 800
"""Bytes and lines of a mail that flufl.bounce is given: it walks every line some dozen times, and what counts stands at the top."""


def _named(mail: Mail, text: str, raw: bytes) -> list[str]:
    """The recipients that a bounce without a structured report names."""
    own = addresses((*mail.headers.get("to", ()), *mail.headers.get("delivered-to", ()), *mail.headers.get("from", ())))
    failed = [a for value in mail.headers.get("x-failed-recipients", ()) for a in sorted(_all_addresses(value))]
    if not failed:
        failed = _by_library(raw)
    if not failed:
        sent_to = addresses((*mail.original.get("to", ()), *mail.original.get("cc", ())))
        seen = [a for a in dict.fromkeys(m[0].strip(".'").lower() for m in ADDRESS.finditer(text)) if a not in own and not _DAEMON.match(a)]
        failed = [a for a in seen if a in sent_to] or sorted(sent_to)[:1] or seen[:1]
    return list(dict.fromkeys([*failed, *_listed(text, failed, own)]))


def _listed(text: str, known: list[str], own: set[str]) -> list[str]:
    """Further addresses that begin a line in the same brackets as one that is known to have failed: the library may see the first alone."""
    starts = [line.strip().lower() for line in text.split("\n") if line.lstrip().startswith("<") and ">:" in line]
    heads = [first_address(line.partition(">:")[0]) for line in starts]
    return [head for head in heads if head and head not in own and head not in known] if set(heads) & set(known) else []


# Titles and names in bare bytes become objects that its detectors cannot read; addresses are ASCII.
_PLAIN = bytes(byte if byte < 128 else ord("?") for byte in range(256))

# A detector that stumbles over a broken mail writes a traceback, which may hold an address; what it found nothing in is read by us.
logging.getLogger("flufl.bounce").addHandler(logging.NullHandler())
logging.getLogger("flufl.bounce").propagate = False


def _by_library(raw: bytes) -> list[str]:
    """The failed addresses that flufl.bounce finds; it knows the forms of some dozen mail servers."""
    if not raw:
        return []
    head = b"\n".join(raw[:_LIBRARY_READS].split(b"\n", _LIBRARY_LINES)[:_LIBRARY_LINES]).translate(_PLAIN)
    try:
        temporary, permanent = all_failures(message_from_bytes(head))
    except BROKEN:
        # Its detectors decode and split what they find without asking.
        return []
    return sorted({first_address(address.decode("ascii", "replace")) for address in (*permanent, *temporary)} - {""})


def _all_addresses(text: str) -> set[str]:
    return {m[0].strip(".'").lower() for m in ADDRESS.finditer(text)}


def _about(text: str, *recipients: str) -> str:
    """The part of a text that speaks of one recipient: from its address (under one of its names) to the next one."""
    lower = text.lower()
    recipient = next((name for name in recipients if name and name in lower), "")
    spot = lower.find(recipient) if recipient else -1
    if spot < 0:
        return text
    following = next(
        (
            m.start()
            for m in ADDRESS.finditer(text, spot + len(recipient))
            if m[0].lower().strip(".'") not in recipients and _starts_line(text, m.start())
        ),
        len(text),
    )
    return text[max(0, text.rfind("\n", 0, spot)) : min(following, spot + 1500)]


def _starts_line(text: str, spot: int) -> bool:
    line = text[text.rfind("\n", 0, spot) + 1 : spot]
    return not line.strip(" <>(:\t-*'\"")


def best_fate(fates: Iterable[Fate]) -> Fate | None:
    """The fate to report where only one can be: the most certain."""
    return max(fates, key=lambda f: f.confidence, default=None)
