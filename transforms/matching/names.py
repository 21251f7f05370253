"""Names, addresses, domains and titles in the form in which two CRMs can be compared. Pure; what is not sure is missing."""

from __future__ import annotations

import csv
import re
import unicodedata
from functools import cache
from importlib import resources
from itertools import permutations
from urllib.parse import unquote

SHARED_MAILBOXES = frozenset(
    """
    abuse accounting accounts accountspayable admin administration all ap ar backoffice bestellung billing booking bookings buchhaltung bureau
    careers compliance comptabilite contact contacto contactus contato correo customercare customerservice einkauf empfang enquiries facturacion
    faktura feedback finance fragen front-desk frontdesk general hallo hello help helpdesk hola hostmaster hr info information informatique inkoop
    inquiries invoice invoices it jobs kantoor kontakt kundenservice legal mail mailbox marketing media newsletter no-reply noreply office oficina
    operations order orders payments payroll postmaster presse press privacy procurement purchasing reception rechnung recruiting reservations
    root sales secretariat security sekretariat service servicedesk shop soporte spam staff support systems team technik ufficio ventas vendas
    verkauf vertrieb verwaltung webmaster zentrale
    """.split()  # noqa: SIM905 - one word a line would fill a page
)
"""Local parts of addresses that several people read. Two contacts with such an address are two persons."""

_NO_NAMES = SHARED_MAILBOXES | {
    *("anonymous", "company", "contact", "customer", "department", "desk", "dummy", "test", "unknown", "user", "guest", "group", "payable"),
    *("receivable", "the", "unbekannt", "na", "none", "null"),
}
_SALUTATIONS = frozenset(
    {"dr", "prof", "mr", "mrs", "ms", "miss", "herr", "frau", "ing", "dipl", "jr", "sr", "ii", "iii", "phd", "mba", "mme"}
)
_GMAIL = ("gmail.com", "googlemail.com")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PROFILE = re.compile(r"linkedin\.com/in/([^/?#\s]+)", re.IGNORECASE)
_MARKS = re.compile("[\u0300-\u036f]")
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "'": "", "’": "", "`": ""}
)
_UMLAUTS = re.compile("([aou])e")
_TOKENS = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+$")
_LONGEST = 4
"""Of longer names the words are not tried in every order."""

Name = tuple[str, ...]
"""The words of a full name, folded and sorted, so that their order does not matter."""


def fold(text: str) -> str:
    """The text in small letters without accents: ``Müller``, ``Mueller`` and ``MULLER`` are one."""
    plain = text.lower().translate(_LETTERS)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", _MARKS.sub("", unicodedata.normalize("NFKD", plain)))
    return _UMLAUTS.sub(r"\1", plain)


def words_of(text: object) -> list[str]:
    """The words of a name, folded, without salutations and titles."""
    return [word for word in _TOKENS.findall(fold(text)) if word not in _SALUTATIONS] if isinstance(text, str) else []


def full_name(first: object, last: object) -> Name | None:
    """The full name in one form whatever its order, accents and case; None where it is not a whole name of a human.

    Whole means two words that are more than initials. Names of desks (``Customer Service``) are none.
    """
    words = [*words_of(first), *words_of(last)]
    whole = [word for word in words if len(word) > 1 or not word.isascii()]
    if len(whole) < 2 or any(char.isdigit() for word in words for char in word) or all(word in _NO_NAMES for word in whole):
        return None
    return tuple(sorted(words))


def domain_of(text: object) -> str | None:
    """The web domain in an address, a URL or a bare domain; None where it is no firm's own (free mail, social networks)."""
    if not isinstance(text, str):
        return None
    host = text.strip().lower().rpartition("@")[2].rpartition("//")[2]
    host = re.split(r"[/?#:]", host, maxsplit=1)[0].strip(".").removeprefix("www.")
    return host if "." in host and " " not in host and host not in shared_domains() else None


def mailbox_of(email: str) -> str:
    """The mailbox behind a well-formed address: without what stands after a plus, and for Gmail without dots."""
    local, _, domain = email.partition("@")
    local = local.partition("+")[0]
    return f"{local.replace('.', '')}@gmail.com" if domain in _GMAIL else f"{local}@{domain}"


def profile_of(url: object) -> str | None:
    """What names the profile in the address of a LinkedIn profile; None for pages of firms and anything else."""
    found = _PROFILE.search(url) if isinstance(url, str) else None
    return unquote(found[1]).lower() if found else None


def title_of(text: object) -> str | None:
    """A job title in one form: folded, its common abbreviations written out, without small words; None where there is none."""
    if not isinstance(text, str):
        return None
    plain = _TOKENS.findall(fold(text.replace("&", " and ")))
    words = " ".join(plain)
    for short, long in _TITLES:
        words = re.sub(rf"\b{short}\b", long, words)
    kept = [word for word in words.split() if word not in _SMALL_WORDS]
    return " ".join(sorted(set(kept))) or None


def same_title(one: str, other: str) -> bool:
    """Whether two titles, in the form of :func:`title_of`, may be of one job: equal, or one says more than the other."""
    mine, theirs = set(one.split()), set(other.split())
    return mine <= theirs or theirs <= mine


def same_firm(one: str, other: str) -> bool:
    """Whether two domains may be of one firm: equal, one a part of the other, or the same name under another ending (halden.com, halden.de)."""
    if one == other or one.endswith(f".{other}") or other.endswith(f".{one}"):
        return True
    return _name_in(one) == _name_in(other)


def _name_in(domain: str) -> str:
    """``halden`` of ``eu.halden.co.uk``: the word before the ending, where endings of two parts have a short first one."""
    parts = domain.split(".")
    is_double = len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in _SECOND_LEVELS
    return parts[-3] if is_double else parts[-2]


def are_forms(name: Name, one: str, other: str) -> bool:
    """Whether two different addresses at one domain may be of one human of that name.

    They may where both are made of the name in different ways (``ana.silva``, ``asilva``). Where the same form has another number
    (``ana.silva``, ``ana.silva2``), or one is made of something else, they show two people.
    """
    stems = []
    for local in (one, other):
        letters = "".join(_TOKENS.findall(fold(local.partition("+")[0])))
        stems.append((_DIGITS.sub("", letters), letters))
    if any(stem not in _forms_of(name) for stem, _ in stems):
        return False
    return stems[0][0] != stems[1][0] or stems[0][1] == stems[1][1]


@cache
def _forms_of(name: Name) -> frozenset[str]:
    """The ways in which a mailbox is made of a name: both words, either alone, or one and the other's first letter."""
    found = set(name)
    for one, other in permutations(name, 2):
        found |= {one + other, one[0] + other, one + other[0]}
    return frozenset(found | {"".join(words) for words in permutations(name[:_LONGEST])})


def is_short_of(one: str, other: str) -> bool:
    """Whether one first name may be short for the other: a known short form, or its beginning of three letters or more."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    return (len(short) >= 3 and long.startswith(short)) or frozenset((one, other)) in nicknames()


def is_address(text: str) -> bool:
    """Whether the text has the form of an e-mail address."""
    return _ADDRESS.fullmatch(text) is not None


@cache
def shared_domains() -> frozenset[str]:
    """Domains at which anybody can have an address or a page, so that they name no firm: ``free_mail.csv``."""
    return frozenset(row["domain"] for row in _rows("free_mail.csv"))


@cache
def nicknames() -> frozenset[frozenset[str]]:
    """Pairs of a name and its short form: ``nicknames.csv``."""
    return frozenset(frozenset((fold(row["name"]), fold(row["short"]))) for row in _rows("nicknames.csv"))


def _rows(file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(resources.files(__package__).joinpath(file).read_text(encoding="utf-8").splitlines()))


_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "gob", "gov", "ne", "net", "or", "org"})
_SMALL_WORDS = frozenset({"of", "the", "and", "for", "de", "der", "die", "und", "la", "le", "du", "des", "y", "e", "a"})
_TITLES = (
    ("ceo", "chief executive officer"),
    ("cfo", "chief financial officer"),
    ("coo", "chief operating officer"),
    ("cto", "chief technology officer"),
    ("cio", "chief information officer"),
    ("cmo", "chief marketing officer"),
    ("cro", "chief revenue officer"),
    ("cso", "chief sales officer"),
    ("chro", "chief human resources officer"),
    ("svp", "senior vice president"),
    ("evp", "executive vice president"),
    ("vp", "vice president"),
    ("hr", "human resources"),
    ("it", "information technology"),
    ("mgr", "manager"),
    ("dir", "director"),
    ("sr", "senior"),
    ("jr", "junior"),
    ("eng", "engineer"),
    ("ops", "operations"),
    ("gf", "geschaftsfuhrer"),
)
