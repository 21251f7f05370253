"""A mail taken apart: headers, plain text, delivery reports. Any bytes give a mail; what cannot be read is left out."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

LARGEST = 2_000_000
"""Bytes of a mail that are looked at; what follows is an attachment."""

MOST_HEADERS = 2_000
LONGEST_ENCODED = 20_000
"""Headers of a mail, and letters of an encoded one, that are read: real mails have far fewer, broken ones may have a million."""

# The standard parser's time grows with the square of the parameters of a content type.
_LONG_TYPE = re.compile(rb"^(content-type:(?:[^\n]|\n(?=[ \t])){0,4000})(?:[^\n]|\n(?=[ \t]))*", re.IGNORECASE | re.MULTILINE)

BROKEN = (RecursionError, LookupError, ValueError, TypeError, AttributeError, AssertionError)
"""What the standard parser, and what builds on it, may raise on broken mails: parts nested a thousand deep, parameters cut in half."""

_NO_CHARSET = re.compile(rb"(charset\*?\s{0,3}=\s{0,3}[\"']?)(?:raw[_-])?unicode[_-]escape", re.IGNORECASE)

ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250})\.[A-Za-z][A-Za-z0-9-]{1,30}")


@dataclass(frozen=True)
class Mail:
    """What the reading needs of a mail.

    ``headers`` by lower-case name; ``text`` is the plain text (or the markup, where there is no plain text);
    ``reports`` the groups of fields of delivery reports, the first group of each about the mail as a whole left out;
    ``original`` the headers of the mail that came back; ``is_attached_report``: the reports stand in a mail that is attached to this one;
    ``is_calendar``: an invitation or the answer to one; ``complaint_of``: who marked a mail of ours as spam (RFC 5965), where the report says.
    """

    headers: Mapping[str, tuple[str, ...]]
    subject: str = ""
    text: str = ""
    reports: tuple[Mapping[str, str], ...] = ()
    original: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    content_type: str = ""
    report_type: str = ""
    has_attachment: bool = False
    is_attached_report: bool = False
    is_calendar: bool = False
    complaint_of: str = ""

    def header(self, name: str) -> str:
        """The first header of that name, or an empty text."""
        return next(iter(self.headers.get(name, ())), "")

    @property
    def sender(self) -> str:
        """The address in From, in lower case, or an empty text."""
        return first_address(self.header("from"))

    @property
    def written_on(self) -> date | None:
        """The day in the Date header."""
        try:
            return parsedate_to_datetime(self.header("date")).date()
        except (ValueError, TypeError, IndexError, OverflowError):
            return None


def first_address(text: str) -> str:
    """The first mail address in a text, in lower case, or an empty text."""
    found = ADDRESS.search(text)
    return found[0].strip(".'").lower() if found else ""


def addresses(values: tuple[str, ...]) -> set[str]:
    """All mail addresses in header values, in lower case."""
    try:
        return {address.lower() for _, address in getaddresses(list(values)) if "@" in address}
    except BROKEN:
        # The standard parser goes one call deeper with each bracket that opens.
        return {found[0].lower() for value in values for found in ADDRESS.finditer(value)}


def from_bytes(raw: bytes) -> Mail:
    """Take a mail apart. Never fails: broken encodings are read as far as they go, and of a mail that the parser gives up on the headers."""
    # These codecs are Python's own, no mail's: they would warn of what they cannot read.
    whole = _LONG_TYPE.sub(rb"\1", _NO_CHARSET.sub(rb"\1utf-8", _as_bytes_of_mail(raw[:LARGEST]).lstrip(b"\r\n")))
    try:
        return _from_message(message_from_bytes(whole))
    except BROKEN:
        head, _, body = whole.replace(b"\r\n", b"\n").partition(b"\n\n")
        return from_lines("", _read_bytes(body, "utf-8"), _read_bytes(head, "utf-8"))


def _as_bytes_of_mail(raw: bytes) -> bytes:
    """The mail without the mark that editors put before a text; one that was saved as UTF-16 in UTF-8."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace").encode("utf-8", "replace")
    return raw.removeprefix(codecs.BOM_UTF8)


def _from_message(message: Message) -> Mail:
    headers = _headers(message)
    parts = list(_parts(message))
    reports = tuple(group for part in parts if part.get_content_type().startswith("message/delivery") for group in _groups(part))
    original = next((_headers(part) for part in _originals(message)), {})
    return Mail(
        headers=headers,
        subject=next(iter(headers.get("subject", ())), ""),
        text=_text(parts),
        reports=reports,
        original=original,
        content_type=message.get_content_type(),
        report_type=str(message.get_param("report-type") or "").lower(),
        has_attachment=any(part.get_content_disposition() == "attachment" for part in parts),
        is_attached_report=any(part.get_content_type() in _MAILS for part in parts[1:] if _holds_report(part)),
        is_calendar=any(part.get_content_type() == "text/calendar" for part in parts),
        complaint_of=next((_complainer(part) for part in parts if part.get_content_type() == "message/feedback-report"), ""),
    )


def from_lines(subject: str, body: str, headers: str) -> Mail:
    """The mail behind an activity of a CRM: headers as ``Name: value`` lines, missing ones as empty texts."""
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in headers.splitlines():
        if line[:1] in {" ", "\t"} and name:
            found[name] = (*found[name][:-1], f"{found[name][-1]} {line.strip()}")
            continue
        head, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[!-9;-~]+", head.strip()):
            name = head.strip().lower()
            found[name] = (*found.get(name, ()), value.strip())
    kind = next(iter(found.get("content-type", ())), "").lower()
    report = re.search(r"report-type\s*=\s*\"?([\w-]+)", kind)
    return Mail(
        headers=found,
        subject=subject or next(iter(found.get("subject", ())), ""),
        text=body,
        content_type=kind.partition(";")[0].strip(),
        report_type=report[1] if report else "",
        is_calendar=kind.startswith("text/calendar"),
    )


def _headers(message: Message) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    charset = str(message.get_content_charset() or "utf-8")
    for name, value in itertools.islice(message.raw_items(), MOST_HEADERS):
        found.setdefault(name.lower(), []).append(_header_text(value, charset))
    return {name: tuple(values) for name, values in found.items()}


def _header_text(value: object, charset: str = "utf-8") -> str:
    text = re.sub(r"\s*\r?\n\s*", " ", str(value))
    if not text.isascii():
        # Bytes that nobody encoded, kept by the parser as lone surrogates.
        text = _read_bytes(text.encode("utf-8", "surrogateescape"), charset)
    if "=?" not in text:
        return text.strip()
    try:
        return str(make_header(decode_header(text[:LONGEST_ENCODED]))).strip()
    except (HeaderParseError, LookupError, ValueError):
        # An encoded word in an unknown or wrong charset is kept as it stands.
        return text.strip()


def _parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """All parts but those of the mail that came back."""
    yield message
    payload = message.get_payload()
    if not isinstance(payload, list) or depth > 12:
        return
    if _is_wrapper(message, depth) or message.get_content_type().startswith("message/delivery"):
        return
    for part in payload:
        if isinstance(part, Message):
            yield from _parts(part, depth + 1)


_MAILS = frozenset({"message/rfc822", "message/global"})


def _is_wrapper(message: Message, depth: int) -> bool:
    """Whether this part holds a mail that came back. A report inside another mail is read as if it were the mail itself."""
    return depth > 0 and message.get_content_type() in _MAILS and not _holds_report(message)


def _holds_report(message: Message) -> bool:
    payload = message.get_payload()
    inner = payload[0] if isinstance(payload, list) and payload else None
    return isinstance(inner, Message) and inner.get_content_type() == "multipart/report"


_FIELD = re.compile(
    r"^(final-recipient|original-recipient|x-actual-recipient|action|status|diagnostic-code|remote-mta|x-supplementary-info)[ \t]*:[ \t]*(.*)$",
    re.IGNORECASE,
)


def groups_in_text(text: str) -> tuple[dict[str, str], ...]:
    """The groups of fields of a delivery report that stand in plain text, as a CRM keeps them and some servers write them."""
    groups: list[dict[str, str]] = []
    group: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        found = _FIELD.match(line)
        if found:
            name = found[1].lower()
            if name in group or (name == "original-recipient" and "final-recipient" in group and "action" in group):
                groups.append(group)
                group = {}
            group[name] = found[2].strip()
        elif name and line[:1] in {" ", "\t"} and line.strip():
            group[name] = f"{group[name]} {line.strip()}"
        elif not line.strip():
            name = ""
            if "action" in group or "status" in group:
                groups.append(group)
                group = {}
    return tuple(g for g in (*groups, group) if "final-recipient" in g or "original-recipient" in g)


def _originals(message: Message) -> Iterator[Message]:
    """The mails that came back inside this one."""
    for depth, part in enumerate(_parts(message)):
        payload = part.get_payload()
        if _is_wrapper(part, depth) and isinstance(payload, list):
            yield from (inner for inner in payload[:1] if isinstance(inner, Message))
        elif part.get_content_type() == "text/rfc822-headers":
            yield message_from_bytes(_decoded(part).encode("utf-8", "replace"))


def _groups(part: Message) -> Iterator[dict[str, str]]:
    payload = part.get_payload()
    groups = payload if isinstance(payload, list) else []
    for group in groups:
        # As they stand in the mail: the parser's own view turns letters that nobody encoded into question marks.
        fields = {name.lower(): _header_text(value) for name, value in group.raw_items()} if isinstance(group, Message) else {}
        if "final-recipient" in fields or "original-recipient" in fields or "action" in fields:
            yield fields


def _complainer(part: Message) -> str:
    payload = part.get_payload()
    fields = payload[0] if isinstance(payload, list) and payload else None
    return first_address(str(fields.get("original-rcpt-to", ""))) if isinstance(fields, Message) else ""


def _text(parts: list[Message]) -> str:
    plain = [
        _decoded(p)
        for p in parts
        if p.get_content_type() == "text/plain" and p.get_content_disposition() != "attachment" and not p.is_multipart()
    ]
    if any(text.strip() for text in plain):
        return "\n".join(plain)
    marked = [_decoded(p) for p in parts if p.get_content_type() == "text/html" and p.get_content_disposition() != "attachment"]
    return "\n".join(marked)


def _decoded(part: Message) -> str:
    if part.is_multipart():
        return ""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, AssertionError, UnicodeError):
        return ""
    if not isinstance(payload, bytes):
        return str(payload or "")
    return _read_bytes(payload, str(part.get_content_charset() or "utf-8"))


def _read_bytes(raw: bytes, charset: str) -> str:
    """The text in bytes: by their charset, else UTF-8, else every byte as a letter."""
    for name in (charset, "utf-8"):
        try:
            return raw.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return raw.decode("latin-1")
