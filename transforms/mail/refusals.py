"""Why a mail could not be delivered: the codes and the words of mail servers, taken together.

Codes alone are not enough: on a large labelled set "any 5.1.1 or 5.1.10" finds a mailbox that is gone with recall 0.6. So the words decide
(``diagnostics.toml``), the enhanced status code (RFC 3463, Microsoft's list of non-delivery codes) weighs with them, and the step of the SMTP
dialogue and the bare SMTP code count where nothing else speaks.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from transforms.mail.message import ADDRESS, first_address
from transforms.mail.phrases import Hit, PhraseBook, expand, fold, to_phrases, to_source

REASONS = ("mailbox_full", "mailbox_disabled", "domain_gone", "mailbox_gone", "blocked", "temporary", "other")
"""All reasons of a bounce, the order between equals."""

SILENT = "no reason given"

STATUS = re.compile(r"(?<![\d.\w])([45]\.[0-7]\.\d{1,3})(?![\d.]\d|\d)")
_FIELD_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\d)")
SMTP = re.compile(
    r"(?<![\d.\w])([45][0-5]\d)(?=[ \-#:>,;\"')]|$)(?!-\d{3}|[ -]?(?:bytes|kb|k|mb|hours|days|seconds|minutes)\b)", re.MULTILINE
)
# Where a code stands as a server's answer: behind these words it is certainly none of a port, a size or a part of an id.
_SAID = re.compile(
    r"(?:said:?|smtp;|<<<|reason:|error:?|returned:?|responded:?|response(?: was)?:?|status(?: code)?:?|state \d+\):?|\n)\s{0,12}['\"<(]?([45][0-5]\d)(?=[ \-#:])",
    re.IGNORECASE,
)

_STEP = re.compile(
    r"in reply to (?:the )?(?:end of )?(mail|rcpt|data|helo|ehlo)|after (?:pipelined )?(?:sending )?(?:end of )?(mail|rcpt|data|helo|ehlo)\b"
    r"|>>> ?(mail|rcpt|data|helo|ehlo|\.)[^\n]{0,200}\s{1,12}<<< ?[45]\d\d|(refused to talk to me|greeting failed|initial connection)"
    r"|(failed after i sent the message)|sender was (rejected)",
    re.IGNORECASE,
)
_HEDGE = re.compile(
    r"\b(?:may|might|possibl[ey]|could be|for example|such as|if (?:the|you|your|this)|please (?:check|make sure|verify)|usually|typically|either"
    r"|commonly|often|moglicherweise|eventuell|peut-etre|posiblemente|potrebbe|talvez|mogelijk)\b|可能|возможно"
)

# RFC 3463 and its registry, RFC 7372, RFC 7505, RFC 7293, and Microsoft's list for Exchange Online; "" leaves it to the words.
_BY_STATUS: dict[str, tuple[str, float]] = {
    "5.1.0": ("mailbox_gone", 1.5), "5.1.1": ("mailbox_gone", 3), "5.1.10": ("mailbox_gone", 3), "5.1.6": ("mailbox_gone", 3),
    "5.1.3": ("mailbox_gone", 1), "5.1.4": ("mailbox_gone", 0.5), "5.7.17": ("mailbox_gone", 4), "5.4.1": ("temporary", 0.6),
    "5.1.2": ("domain_gone", 3), "5.4.4": ("domain_gone", 2.5), "5.4.310": ("domain_gone", 4), "5.4.312": ("domain_gone", 2),
    "5.7.18": ("domain_gone", 4), "5.2.1": ("mailbox_disabled", 2), "5.7.13": ("mailbox_disabled", 3), "5.2.2": ("mailbox_full", 3),
    "4.2.2": ("mailbox_full", 4.5), "5.1.7": ("blocked", 3), "5.1.8": ("blocked", 3), "5.7.0": ("blocked", 1.5), "5.7.1": ("blocked", 1.5),
    "5.2.3": ("other", 4), "5.3.4": ("other", 4), "4.3.4": ("other", 4), "5.3.5": ("other", 3), "5.2.4": ("other", 2), "5.4.6": ("other", 3),
    "4.4.6": ("other", 3.5), "5.4.14": ("other", 3), "5.4.8": ("other", 2.5), "5.4.11": ("other", 2.5), "5.5.1": ("other", 1.5),
    "5.5.2": ("other", 2), "5.5.3": ("other", 2), "5.5.4": ("other", 1.5), "5.5.6": ("other", 2), "5.6.0": ("other", 1), "5.3.1": ("temporary", 1),
    "5.3.2": ("temporary", 1.2), "5.4.0": ("temporary", 0.8), "5.4.2": ("temporary", 2), "5.4.3": ("temporary", 1.5), "5.4.5": ("temporary", 2),
    "5.4.7": ("temporary", 3), "5.4.9": ("temporary", 2), "5.4.300": ("temporary", 3), "5.4.316": ("temporary", 3), "5.4.317": ("temporary", 2),
}  # fmt: skip
_SECURITY = 2.0
_LATER = 3.2
_DELAYED = 5.5

_BESIDE = 0.85
_IN_DOUBT = 0.35

CLEAR = 3.0
"""Points of words from which the report itself is believed without the text for people beside it [judgement]."""


@dataclass(frozen=True)
class Fate:
    """What became of a mail to one recipient, and what decided that it is read so."""

    recipient: str
    reason: str
    status_code: str
    smtp_code: str
    evidence: str
    confidence: float
    new_address: str = ""


def from_diagnostic(recipient: str, status: str, diagnostic: str) -> Fate:
    """The fate that a status code and a server's words tell, where that is all there is (a CRM's fields on a bounce)."""
    return decide(recipient, status, "", diagnostic)


def decide(recipient: str, status: str, action: str, diagnostic: str, around: str = "") -> Fate:
    """The reason with the most weight: the heaviest phrase of each reason, the code, and the step at which the server refused.

    ``diagnostic`` is what the other server said, ``around`` the text for people: read only where the diagnostic is not clear, and with less
    weight, as it often lists what might be wrong.
    """
    code = _status(status, diagnostic, around)
    smtp = _smtp(diagnostic) or _smtp(around)
    later = (smtp or code).startswith("4")
    best = _heard(diagnostic, smtp, later=later)
    if _clearest(best) < CLEAR:
        trust = _BESIDE if diagnostic.strip() else 1.0
        _add(best, _heard(around, smtp, trust=trust, doubts=True, later=later))
    if not best:
        _add(best, _heard(f"{diagnostic}\n{around}", smtp, trust=_IN_DOUBT, doubts=True, framed=True))
    _by_step(best, recipient, f"{diagnostic}\n{around}")
    points = {reason: weight for reason, (weight, _) in best.items()}
    coded, weight = _by_code(code, smtp, action, f"{diagnostic}\n{around}", is_clear=_clearest(best) >= CLEAR)
    if coded and weight:
        points[coded] = points.get(coded, 0.0) + weight
    points = {reason: weight for reason, weight in points.items() if weight > 0}
    if not points:
        return Fate(recipient, "other", code, smtp, code or smtp or SILENT, 0.3)
    reason = max(REASONS, key=lambda r: (points.get(r, 0.0), -REASONS.index(r)))
    phrase = best.get(reason, (0.0, ""))[1]
    told = code if coded == reason and code else ""
    evidence = " · ".join(part for part in (told or (smtp if not phrase else ""), phrase) if part)
    rest = max((p for r, p in points.items() if r != reason), default=0.0)
    confidence = max(0.3, min(0.98, 0.5 + 0.08 * points[reason] - 0.04 * rest))
    moved = first_address(diagnostic.replace(recipient, " ") if recipient else diagnostic) if code == "5.1.6" or smtp == "551" else ""
    return Fate(
        recipient, reason, code, smtp, evidence or code or smtp or SILENT, round(confidence, 2), moved if moved != recipient else ""
    )


def _status(field: str, diagnostic: str, around: str) -> str:
    """The enhanced code: the report's own, unless the words have one that says more (a relay often writes 5.0.0 over it)."""
    found = _FIELD_STATUS.search(field)
    status = found[1] if found else ""
    said = STATUS.search(diagnostic) or (STATUS.search(around) if not status or _is_vague(status) else None)
    if said and (_is_vague(status) or (status[0] == said[1][0] and not _is_vague(said[1]))):
        return said[1]
    return status if not status or status[0] in "45" or said is None else said[1]


def _is_vague(status: str) -> bool:
    return not status or status.endswith(".0") or status[0] == "2"


def _smtp(words: str) -> str:
    found = _SAID.search(words) or SMTP.search(words)
    return found[1] if found else ""


def _clearest(heard: dict[str, tuple[float, str]]) -> float:
    return max((weight for weight, _ in heard.values()), default=0.0)


def _add(heard: dict[str, tuple[float, str]], more: dict[str, tuple[float, str]]) -> None:
    """Of each reason the heavier phrase stays."""
    for reason, (weight, shown) in more.items():
        if weight > heard.get(reason, (0.0, ""))[0]:
            heard[reason] = (weight, shown)


def _heard(
    words: str, smtp: str, *, trust: float = 1.0, doubts: bool = False, later: bool = False, framed: bool = False
) -> dict[str, tuple[float, str]]:
    """The heaviest phrase of each reason, times ``trust``. With ``doubts`` sentences that only list what might be wrong count little.

    ``later``: the code says that it may work later, so that limits are no final refusal. ``framed``: read the sender's frame as well.
    """
    if not words.strip():
        return {}
    best: dict[str, tuple[float, str]] = {}
    text = _clean(words, smtp)
    if not framed:
        text = _frames().sub("\n\n", text)
    for hit in (*diagnostics().find(text), *(passing().find(text) if later else ())):
        reason, weight = _meaning(hit, smtp)
        weight *= _IN_DOUBT if doubts and _HEDGE.search(hit.sentence) else trust
        if weight > best.get(reason, (0.0, ""))[0]:
            best[reason] = (weight, hit.phrase.shown)
    return best


def _meaning(hit: Hit, smtp: str) -> tuple[str, float]:
    # Exim says so of itself when it knows no way to the domain; as the answer of another server it speaks of the mailbox.
    if smtp and hit.phrase.shown.endswith("address") and hit.phrase.reason == "domain_gone" and hit.phrase.shown.startswith("unrout"):
        return "mailbox_gone", hit.phrase.weight
    return hit.phrase.reason, hit.phrase.weight


def _clean(words: str, smtp: str) -> str:
    """Folded words without addresses and host names in them, and without the code that stands before each line of a long answer."""
    # Addresses and host names hold words such as "unknown" or "spam" that are nobody's diagnosis.
    text = ADDRESS.sub(" ", words[:8000])
    if smtp:
        text = re.sub(rf"(?<=\S)\s+{smtp}[- ](?:[45]\.\d{{1,3}}\.\d{{1,3}}[ :]?)?\s*", " ", text)
    return fold(text)


def _by_step(best: dict[str, tuple[float, str]], recipient: str, words: str) -> None:
    """Weigh what was heard by the step of the dialogue at which it was said."""
    step = _step(words)
    weight, shown = best.get("mailbox_gone", (0.0, ""))
    if step == "mail" and weight:
        # An answer to MAIL FROM speaks of us, whatever its words.
        best["mailbox_gone"] = (weight * 0.4, shown)
        best["blocked"] = max(best.get("blocked", (0.0, "")), (2.5, shown))
    if step == "data" and weight and recipient.rpartition("@")[2].endswith(_carriers()):
        # Japanese carriers say "unknown user" after the data where the reader's own filter turned the mail away.
        best["mailbox_gone"] = (0.0, "")
        best["blocked"] = (weight, shown)


def _step(words: str) -> str:
    found = _STEP.search(words[:8000])
    if not found:
        return ""
    named = next((group for group in found.groups() if group), "").lower()
    if named in {"mail", "rcpt", "data", "helo", "ehlo"}:
        return {"helo": "greeting", "ehlo": "greeting"}.get(named, named)
    return {".": "data", "failed after i sent the message": "data", "rejected": "mail"}.get(named, "greeting")


def _by_code(status: str, smtp: str, action: str, words: str, *, is_clear: bool) -> tuple[str, float]:
    """What the codes alone prove, and how much: the enhanced code first, the SMTP code only where neither that one nor words say anything."""
    found = ("", 0.0)
    if action == "delayed":
        found = ("mailbox_full", 4.5) if status == "4.2.2" else ("temporary", _DELAYED)
    elif status == "5.4.1" and "access denied" in words.lower():
        # Microsoft's edge: the directory of the domain has no such recipient. Elsewhere the code stands for "no answer".
        found = ("mailbox_gone", 3.0)
    elif status in _BY_STATUS:
        found = _BY_STATUS[status]
    elif status.startswith("4.") or (smtp.startswith("4") and _is_vague(status)):
        found = ("temporary", _LATER)
    elif status.startswith("5.7."):
        found = ("blocked", _SECURITY)
    elif status.startswith("5.6."):
        found = ("other", 1.5)
    elif _is_vague(status) and not is_clear:
        found = _by_smtp(smtp, _step(words))
    return found


def _by_smtp(smtp: str, step: str) -> tuple[str, float]:
    """What the SMTP code alone proves: little, and nothing where it is not known what it answers."""
    if smtp == "552":
        return "mailbox_full", 0.6
    if step == "rcpt" and smtp in {"550", "551"}:
        return "mailbox_gone", 1.0
    if step in {"data", "mail", "greeting"} and smtp.startswith("5"):
        return "blocked", 1.2
    return "", 0.0


@cache
def signs() -> PhraseBook:
    """Sentences that show a failed delivery without its reason."""
    return PhraseBook(to_phrases("", "sign", 1.0, [*_data()["sign"]["any"], *_data()["sign"]["words"]]))


@cache
def titles() -> PhraseBook:
    """Titles of reports of a failed delivery, beside those in the languages' files."""
    return PhraseBook(to_phrases("", "title", 1.0, _data()["title"]["any"]))


@cache
def diagnostics() -> PhraseBook:
    """The words of mail servers, from ``diagnostics.toml``."""
    return _book_of([g for g in diagnostic_groups() if "code" not in g])


@cache
def passing() -> PhraseBook:
    """Words that speak of a passing trouble where the code begins with 4, and of a final refusal where it does not."""
    return _book_of([g for g in diagnostic_groups() if "code" in g])


def _book_of(groups: list[dict[str, Any]]) -> PhraseBook:
    return PhraseBook([p for g in groups for p in to_phrases("", str(g["reason"]), float(g["weight"]), g["any"], g.get("unless", ()))])


@cache
def _frames() -> re.Pattern[str]:
    """The sentences in which a sending server frames what it was told."""
    return re.compile("|".join(to_source(each) for wording in _data()["frame"]["any"] for each in expand(wording)))


def diagnostic_groups() -> list[dict[str, Any]]:
    """The groups of ``diagnostics.toml`` as they stand there; their examples are tests."""
    groups: list[dict[str, Any]] = _data()["group"]
    return groups


@cache
def _carriers() -> tuple[str, ...]:
    return tuple(_data()["carriers"]["domains"])


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(resources.files("transforms.mail").joinpath("diagnostics.toml").read_text(encoding="utf-8"))
