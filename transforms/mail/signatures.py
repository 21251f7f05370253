"""What a signature says of its writer: a job title and a company, and whether they differ from the record.

Only the conclusion leaves this module ("signature names another title"): the text of a signature is private and never stored.
A difference is told cautiously: titles are compared where one language has words for both and they share no word of substance.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from transforms.mail.parts import new_text, split_signature
from transforms.mail.phrases import fold, languages
from transforms.matching.names import same_firm, shared_domains

OTHER_TITLE = "signature names another title"
OTHER_COMPANY = "signature names another company"

_LINES = 7
_LONGEST_TITLE = 8
"""Words of a line from which it is a sentence and no title [judgement]."""

_PARTS = re.compile(r"\s[-–—]\s|[|·•,;]|\s/\s")
_NO_TITLE = re.compile(r"@|https?:|www\.|\d{3,}|[?!]|^\s*(?:tel|fon|phone|mobil|fax|t:|m:|e:)", re.IGNORECASE)
# The short forms stand in capitals: "as" and "se" are words besides.
_LEGAL = re.compile(
    r"(?<!\w)(?:(?i:gmbh(?: & co\.? kg)?|ohg|e\.?v\.|ltd\.?|limited|llc|llp|inc\.?|corp\.?|corporation|plc|s\.a\.(?:s\.)?|sàrl|sarl|s\.?p\.?a\.?|s\.?r\.?l\.?"
    r"|s\.l\.u?\.?|b\.v\.|n\.v\.|ltda\.?|lda\.?|pty)|AG|KG|SE|SAS|SA|SL|SLU|BV|NV|AB|AS|A/S|Oy|OY)(?!\w)"
)
_WORDS = re.compile(r"[^\W\d_]{2,}")
_STEM = 5


@dataclass(frozen=True)
class Signature:
    """The title and the company that a signature names; empty texts where it names none."""

    title: str = ""
    company: str = ""


def read_signature(body: str) -> Signature:
    """The title and company below the closing line of a message; what is quoted below is not looked at."""
    _, below = split_signature(new_text(body))
    title = company = ""
    for line in [line.strip() for line in below.split("\n") if line.strip()][:_LINES]:
        if _NO_TITLE.search(line):
            continue
        for part in (piece.strip() for piece in _PARTS.split(line)):
            words = _WORDS.findall(part)
            if not company and _LEGAL.search(part) and 1 < len(part.split()) <= _LONGEST_TITLE:
                company = part
            elif not title and words and len(part.split()) <= _LONGEST_TITLE and _job_languages(part):
                title = part
    return Signature(title, company)


def differences(signature: Signature, title: str, domain: str, sender: str) -> str:
    """How the signature differs from the record, in our words; empty where it does not, or where it cannot be told.

    ``title`` and ``domain`` are the record's job title and its company's web domain, ``sender`` the address that the message came from.
    """
    if signature.title and title and _is_other_job(signature.title, title):
        return OTHER_TITLE
    if signature.company and domain and _is_other_firm(signature.company, domain, sender.rpartition("@")[2]):
        return OTHER_COMPANY
    return ""


def _is_other_job(one: str, other: str) -> bool:
    if not _job_languages(one) & _job_languages(other):
        return False
    mine, theirs = _substance(one), _substance(other)
    return bool(mine and theirs) and not mine & theirs


def _substance(title: str) -> set[str]:
    """The beginnings of the words of a title that say which job it is, not which rank; compounds and endings fall together so."""
    ranks = _listed("rank")
    return {word[:_STEM] for word in _WORDS.findall(fold(title)) if len(word) >= _STEM - 1 and word not in ranks and word not in _SMALL}


_SMALL = frozenset({"with", "fuer", "sowie", "para", "dell", "della", "delle", "voor", "pour"})


def _job_languages(text: str) -> frozenset[str]:
    """The languages that have one of these words for a job."""
    words = set(_WORDS.findall(fold(text)))
    return frozenset(code for code, jobs in _jobs().items() if words & jobs)


def _is_other_firm(company: str, domain: str, sender: str) -> bool:
    """Whether a company's name has nothing of its domain: no shared word, not its initials. Mail from a free provider proves nothing."""
    if domain in shared_domains() or (sender and sender not in shared_domains() and same_firm(sender, domain)):
        return False
    letters = "".join(_WORDS.findall(fold(_LEGAL.sub(" ", company))))
    name = re.sub(r"[^a-z]", "", fold(max(domain.split(".")[:-1], key=len, default="")))
    if not letters or not name or name in letters or letters in name:
        return False
    words = [word for word in _WORDS.findall(fold(_LEGAL.sub(" ", company))) if len(word) >= _STEM - 1]
    initials = "".join(word[0] for word in _WORDS.findall(fold(company)))
    return not any(word in name for word in words) and not initials.startswith(name)


@cache
def _jobs() -> dict[str, frozenset[str]]:
    return {code: frozenset(fold(word) for word in language.words.get("job", ())) for code, language in languages().items()}


@cache
def _listed(kind: str) -> frozenset[str]:
    return frozenset(fold(word) for language in languages().values() for word in language.words.get(kind, ()))
