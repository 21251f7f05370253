"""Writes the reports of mail that could not be delivered, in the manner of several mail systems.

The status codes are those of RFC 3463, the form is that of RFC 3464, its parts one below the other as a CRM keeps them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from sandbox.world.firms import OUR_DOMAIN
from sandbox.world.letters import Letter, rfc_date
from sandbox.world.people import Person


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why mail was not delivered: our word for it, the enhanced status code, the SMTP code, and what the other server said."""

    reason: str
    status: str | None
    smtp: str | None
    words: str


_GONE = {
    "exchange": Refusal(
        "mailbox_gone", "5.1.10", "550", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient {address} not found by SMTP address lookup"
    ),
    "google": Refusal(
        "mailbox_gone",
        "5.1.1",
        "550",
        "550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces. - gsmtp",
    ),
    "postfix": Refusal(
        "mailbox_gone", "5.1.1", "550", "550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table"
    ),
    "exim": Refusal("mailbox_gone", "5.0.0", "550", "550 no such user here: {address}"),
    "qmail": Refusal("mailbox_gone", "5.1.1", None, "Sorry, no mailbox here by that name. (#5.1.1)"),
}
_DISABLED = {
    "google": Refusal("mailbox_disabled", "5.2.1", "550", "550-5.2.1 The email account that you tried to reach is inactive. - gsmtp"),
    "exchange": Refusal(
        "mailbox_disabled", "5.2.1", "550", "550 5.2.1 STOREDRV.Deliver; mailbox {address} is disabled and does not accept messages"
    ),
}
_FULL = {
    "exchange": Refusal(
        "mailbox_full",
        "5.2.2",
        "554",
        "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
    ),
    "google": Refusal("mailbox_full", "5.2.2", "552", "552-5.2.2 The recipient's inbox is out of storage space. - gsmtp"),
    "postfix": Refusal("mailbox_full", "4.2.2", "452", "452 4.2.2 <{address}>: Mailbox full, quota exceeded"),
}
_BLOCKED = (
    Refusal("blocked", "5.7.23", "550", "550 5.7.23 The message was rejected because of Sender Policy Framework violation -> 550 SPF check failed for ours.example"),
    Refusal("blocked", "5.7.26", "550", "550-5.7.26 Unauthenticated email from ours.example is not accepted due to domain's DMARC policy. - gsmtp"),
    Refusal("blocked", "5.7.1", "554", "554 5.7.1 Service unavailable; Client host [192.0.2.17] blocked using a block list"),
    Refusal("blocked", "5.7.129", "550", "550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; not authorized to send to recipient because the sender isn't on the recipient's list of senders to accept mail from"),
)  # fmt: skip
_DELAYED = (
    Refusal("temporary", "4.4.1", None, "connect to {domain}[192.0.2.40]:25: Connection timed out"),
    Refusal("temporary", "4.7.1", "451", "451 4.7.1 Greylisting in action, please come back later"),
    Refusal("temporary", "4.4.7", "400", "400 4.4.7 Message delayed"),
)
_DOMAIN_GONE = (
    Refusal("domain_gone", "5.1.2", None, "Host or domain name not found. Name service error for name={domain} type=MX: Host not found"),
    Refusal("domain_gone", "5.4.4", None, "Unable to route: no mail hosts for domain {domain}"),
)


def choose_refusal(rng: random.Random, person: Person, reason: str) -> Refusal:
    """How their mail system refuses for that reason."""
    system = person.company.mail_system
    if reason == "mailbox_gone":
        return _GONE[system]
    if reason == "mailbox_disabled":
        return _DISABLED.get(system, _DISABLED["exchange"])
    if reason == "mailbox_full":
        return _FULL.get(system, _FULL["postfix"])
    return rng.choice({"blocked": _BLOCKED, "temporary": _DELAYED, "domain_gone": _DOMAIN_GONE}[reason])


def write_bounce(rng: random.Random, person: Person, to: str, original: Letter, refusal: Refusal, moment: int) -> Letter:
    """The report that comes back to us for ``original``."""
    local, domain = person.address.split("@")
    facts = {"address": person.address, "local": local, "domain": domain, "subject": original.subject}
    words = refusal.words.format_map(facts)
    dsn = person.language.dsn
    human = dsn[{"mailbox_full": "full", "blocked": "blocked", "temporary": "delayed"}.get(refusal.reason, "failed")].format_map(facts)
    system = person.company.mail_system
    message_id = f"<{rng.getrandbits(60):015x}@mail.{OUR_DOMAIN}>"
    if system == "exchange":
        subject = rng.choice(person.language.dsn_subjects).format_map(facts)
        sender = f"postmaster@{domain}"
    else:
        subject = {
            "google": "Delivery Status Notification (Delay)" if refusal.reason == "temporary" else "Delivery Status Notification (Failure)",
            "postfix": "Undelivered Mail Returned to Sender",
            "exim": "Mail delivery failed: returning message to sender",
            "qmail": "failure notice",
        }[system]
        sender = f"mailer-daemon@{'googlemail.example' if system == 'google' else 'mail.' + OUR_DOMAIN}"
    head = [
        f"From: Mail Delivery System <{sender}>",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {rfc_date(moment)}",
        f"Message-ID: {message_id}",
        f"In-Reply-To: {original.message_id}",
        "Return-Path: <>",
    ]
    if system in {"google", "exim", "postfix"}:
        head.append("Auto-Submitted: auto-replied")
    if system in {"google", "exim"}:
        head.append(f"X-Failed-Recipients: {person.address}")
    if system == "qmail":
        head.append("Content-Type: text/plain; charset=utf-8")
        body = f"Hi. This is the qmail-send program at mail.{OUR_DOMAIN}.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<{person.address}>:\n{words}"
    else:
        head.append('Content-Type: multipart/report; report-type=delivery-status; boundary="report"')
        body = f"{_introduction(system, human, person.address, words)}\n\n{_status(refusal, person.address, domain, words)}"
    body += f"\n\n{original.headers.split(chr(10) + 'Content-Type')[0]}"
    return Letter(subject, body, "\n".join(head), message_id, moment)


def _introduction(system: str, human: str, address: str, words: str) -> str:
    if system == "postfix":
        return f"This is the mail system at host mail.{OUR_DOMAIN}.\n\nI'm sorry to have to inform you that your message could not be delivered to one or more recipients. It's attached below.\n\n<{address}>: {words}"
    if system == "exim":
        return f"This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its recipients.\n\n  {address}\n    {words}"
    if system == "google":
        return f"{human}\n\nThe response from the remote server was:\n{words}"
    return f"{human}\n\nDiagnostic information for administrators:\n{address}\nRemote Server returned '{words}'"


def _status(refusal: Refusal, address: str, domain: str, words: str) -> str:
    """The machine-readable part, RFC 3464."""
    lines = [
        f"Reporting-MTA: dns; mail.{OUR_DOMAIN}",
        "",
        f"Final-Recipient: rfc822; {address}",
        f"Action: {'delayed' if refusal.reason == 'temporary' else 'failed'}",
        f"Status: {refusal.status}",
    ]
    if refusal.reason != "domain_gone":
        lines.append(f"Remote-MTA: dns; mx.{domain}")
    if refusal.smtp or refusal.reason == "domain_gone":
        lines.append(f"Diagnostic-Code: {'smtp' if refusal.smtp else 'x-unix'}; {words}")
    return "\n".join(lines)
