"""Automatic replies and farewells: who is away until when, who left, who follows them.

A reply counts as automatic on a header that says so, on a title that says so, or on the words of a notice.
Headers that many human mails carry as well (X-Auto-Response-Suppress, an empty return path) decide nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from transforms.mail.composed import CONFIDENCE, HINTED, answers_anybody, guess_language, guess_reason, is_ahead, is_composed
from transforms.mail.dates import read_absence
from transforms.mail.message import ADDRESS, Mail, addresses
from transforms.mail.notices import (
    ANSWERED_TITLE,
    CERTAIN,
    ENOUGH,
    TITLED,
    bare_subject,
    is_answer,
    is_greeted_by_name,
    is_titled,
    looks_automatic,
    notice_points,
)
from transforms.mail.parts import new_text, split_signature
from transforms.mail.phrases import Hit, book, fold, word_pattern
from transforms.matching.names import SHARED_MAILBOXES

_ENOUGH_TO_ACKNOWLEDGE = 3.4
_MARKED = 1.5
"""From this weight on a mark is a notice's own; "please contact" (1) stands in everybody's mail."""
_REASONS = ("challenge", "left", "role_change", "absent", "acknowledgement")
_WEIGHT_OF_REASON = {"challenge": 1.6, "left": 1.5, "role_change": 1.25, "absent": 1.0, "acknowledgement": 0.8}
_NAME = re.compile(
    r"\s*[,:-]?\s*(?:(?:now |bitte |please |me |an |my colleague |meine kollegin |meinen kollegen |mon collegue |ma collegue |con |com |avec |met |mijn collega |mr\.? |ms\.? |mrs\.? |dr\.? |frau |herrn? |m\. |mme |madame |monsieur |se[nñ]or(?:a)? |sra?\.? |signor(?:a)? |dott(?:\.ssa|\.)? |mevrouw |meneer |dhr\.? |mevr\.? |o |a |le |la |el |il )){0,3}",
    re.IGNORECASE,
)
_LATIN_NAME = re.compile(
    r"((?:[A-ZÀ-ÖØ-Þ][\w'’-]+\.?)(?:\s+(?:(?:von|van|de|der|den|da|do|dos|di|del|della|la|le|zu|ten|ter|el|al|bin)\s+){0,2}[A-ZÀ-ÖØ-Þ][\w'’-]+){1,3})"
)
_TITLED_NAME = re.compile(
    r"[\s,:-]{0,3}((?:Frau|Herrn?|Mr\.?|Mrs\.?|Ms\.?|Dr\.?|M\.|Mme|Monsieur|Madame|Sra?\.?|Señora?|Signora?|Dott\.(?:ssa)?|Mevrouw|Meneer)\s+[A-ZÀ-ÖØ-Þ][\w'’-]+)"
)
_CJK_NAME = re.compile(
    r"[「\s:：]{0,2}(?:同事|我的同事)?([一-鿿々]{2,4}?)(?=[」\s]*(?:です|でござ|が|と|さん|様|氏|に|（|\(|，|,|。|$|接|负|負|先生|女士|小姐|经理|經理|联|聯|邮|：|:))"
)


@dataclass(frozen=True)
class Notice:
    """What an automatic reply, or a human's own sentence, says."""

    is_automatic: bool
    reason: str
    language: str
    confidence: float
    evidence: str
    absent_from: date | None = None
    absent_until: date | None = None
    successor: str = ""
    new_address: str = ""


def read_notice(mail: Mail, at: date | None, *, is_machine: bool = False) -> Notice | None:
    """What the mail says as an automatic reply, or None where a person wrote it. ``at`` is the day on which it was written.

    ``is_machine``: whoever logged the mail saw that a machine sent it.
    """
    message, _ = split_signature(new_text(mail.text))
    folded = fold(message)
    subject = fold(bare_subject(mail.subject))
    hits = book(*_REASONS).find(f"{subject}\n\n{folded}" if is_titled(subject) else folded, message)
    said = _heard([h for h in hits if not h.is_question and not _comes_back(h)])
    marks = book("notice").find(folded)
    title = [h for h in book("subject_auto", "subject_absent").find(subject) if not is_answer(mail.subject) or h.start == 0]
    headers = CERTAIN if is_machine else looks_automatic(mail)
    persons = book("person").find(folded)
    titled = (ANSWERED_TITLE if is_answer(mail.subject) else TITLED) if title else 0.0
    points = headers + titled + notice_points(said, marks, message, mail) - sum({h.phrase.weight for h in persons})
    if not (headers or title or said or marks or ADDRESS.search(folded)):
        return None
    language = _language([*said, *marks]) or _language(title) or guess_language(folded)
    is_plain = points < ENOUGH and not (persons or _says_goodbye(said, folded, message))
    is_plain = is_plain and is_composed(said, [*hits, *marks], folded, language)
    if points < ENOUGH and not is_plain:
        return None
    reason, decisive = _reason(said, titled_absent=any(h.phrase.reason == "subject_absent" for h in title))
    guess = guess_reason(folded, language) if reason == "other" else ""
    reason = guess or reason
    if reason == "acknowledgement" and not (headers or title or is_plain) and points < _ENOUGH_TO_ACKNOWLEDGE:
        # "We have received it and will answer" is also what people write.
        return None
    is_sure = headers or title or any(mark.phrase.weight >= _MARKED for mark in marks)
    if reason == "absent" and not (is_sure or answers_anybody(folded, language)):
        # "I'm out on Friday, please ask Kim" is what people tell each other all day; a notice is meant for whoever writes.
        return None
    evidence = next(h.phrase.shown for h in (decisive, *title, *marks) if h) if decisive or title or marks else "Auto-Submitted"
    evidence = HINTED[guess] if guess else evidence
    absence = read_absence(folded, language, at) if reason == "absent" else None
    if absence and not absence.end and not absence.start:
        absence = read_absence(subject, language, at)
    new_address = _new_address(message, folded, mail)
    confidence = CONFIDENCE if is_plain or guess else min(0.98, 0.5 + 0.06 * points)
    if absence and absence.is_contradictory:
        confidence = min(confidence, 0.6)
    return Notice(
        is_automatic=True,
        reason=reason,
        language=language,
        confidence=round(confidence, 2),
        evidence=evidence,
        absent_from=absence.start if absence else None,
        absent_until=absence.end if absence else None,
        successor=_successor(message, mail, new_address) if reason in {"left", "role_change"} else "",
        new_address=new_address,
    )


def _says_goodbye(said: list[Hit], folded: str, message: str) -> bool:
    """Whether a person speaks to a person: greets by name, or tells of their own departure today or soon, and not of an absence."""
    if is_greeted_by_name(message):
        return True
    if any(h.phrase.reason == "absent" for h in said):
        return False
    return any(is_ahead(h) or word_pattern("today").search(h.sentence) for h in book("left_self").find(folded, message))


def _heard(said: list[Hit]) -> list[Hit]:
    """What is said, without a departure that is still to come, or told in one breath with an absence: that notice is of the absence."""
    away = {h.sentence for h in said if h.phrase.reason == "absent" and h.phrase.weight >= _AWAY}
    if not away:
        return said
    # "I've left for the airport and am on leave until Monday": one sentence tells one thing.
    return [h for h in said if h.phrase.reason != "left" or not ((h.sentence in away and not h.phrase.is_cjk) or is_ahead(h))]


_AWAY = 2.0


def _comes_back(hit: Hit) -> bool:
    """Whether a departure is told with a return in the same sentence: who left "and will be back on Monday" is absent."""
    return hit.phrase.reason == "left" and bool(word_pattern("returning").search(hit.sentence))


def read_farewell(mail: Mail, at: date | None) -> Notice | None:
    """A human's own sentence that they left, are leaving, or have another role now; else None. ``at`` is unused: farewells are not dated."""
    del at
    message, _ = split_signature(new_text(mail.text))
    folded = fold(message)
    said = [h for h in book("left_self").find(folded, message) if not h.is_question]
    reason = "left"
    if not said:
        reason = "role_change"
        said = [
            h for h in book("role_change").find(folded, message) if not h.is_question and word_pattern("first").search(h.sentence[: h.end])
        ]
    if not said:
        return None
    new_address = _new_address(message, folded, mail)
    return Notice(
        is_automatic=False,
        reason=reason,
        language=said[0].phrase.language,
        confidence=0.85,
        evidence=said[0].phrase.shown,
        successor=_successor(message, mail, new_address),
        new_address=new_address,
    )


def _reason(said: list[Hit], *, titled_absent: bool) -> tuple[str, Hit | None]:
    best: dict[str, Hit] = {}
    for hit in said:
        held = best.get(hit.phrase.reason)
        if held is None or (hit.phrase.weight, len(hit.phrase.shown)) > (held.phrase.weight, len(held.phrase.shown)):
            best[hit.phrase.reason] = hit
    if not best:
        return ("absent" if titled_absent else "other"), None
    top = max(best, key=lambda r: (best[r].phrase.weight * _WEIGHT_OF_REASON[r], -_REASONS.index(r)))
    return top, best[top]


def _language(hits: list[Hit]) -> str:
    """The language whose phrases weigh most; Chinese beside kana is Japanese, and so on, falls out of the phrases."""
    weights: dict[str, float] = {}
    for hit in hits:
        weights[hit.phrase.language] = weights.get(hit.phrase.language, 0.0) + hit.phrase.weight
    return max(sorted(weights), key=lambda code: weights[code], default="")


def _strangers(text: str, mail: Mail) -> list[tuple[int, str]]:
    """Addresses in a text that are neither the writer's nor ours."""
    known = addresses(
        (*mail.headers.get("from", ()), *mail.headers.get("to", ()), *mail.headers.get("cc", ()), *mail.headers.get("reply-to", ()))
    )
    found = [(m.start(), m[0].strip(".'").lower()) for m in ADDRESS.finditer(text)]
    return [(spot, address) for spot, address in found if address not in known]


def _new_address(message: str, folded: str, mail: Mail) -> str:
    hits = [h for h in book("new_address").find(folded) if not h.is_question]
    if not hits:
        return ""
    for hit in hits:
        ahead = ADDRESS.search(folded, hit.start)
        if ahead and ahead.start() - hit.end <= 60:
            strangers = {address for _, address in _strangers(message, mail)}
            address = ahead[0].strip(".'").lower()
            if address in strangers:
                return address
    return ""


def _successor(message: str, mail: Mail, new_address: str) -> str:
    """Who follows: of the strange addresses the one that is told as such, else the name behind words such as "please contact"."""
    strangers = [(spot, address) for spot, address in _strangers(message, mail) if address != new_address]
    if strangers:
        return max(strangers, key=lambda found: (_follows(message, *found), -found[0]))[1]
    flat = " ".join(message.split())
    folded = fold(flat)
    if len(folded) != len(flat):
        # Folding may change lengths (ß, œ); then names are looked for in the text as it stands, by case-blind cues.
        folded = flat.lower()
    for found in word_pattern("name").finditer(folded):
        behind = flat[found.end() :][:120]
        latin = _LATIN_NAME.match(behind[_skipped(behind) :])
        if latin:
            return latin[1]
        titled = _TITLED_NAME.match(behind)
        if titled:
            return titled[1]
        cjk = _CJK_NAME.match(behind)
        if cjk:
            return cjk[1]
    return ""


def _follows(message: str, spot: int, address: str) -> float:
    """How much the words before an address say that its owner takes over; addresses of an office say so less."""
    start = max(message.rfind(end, 0, spot) for end in (". ", "\n", "! ", "。"))
    before = fold(message[start + 1 : spot])
    local = address.partition("@")[0]
    shared = local in SHARED_MAILBOXES
    return 3.0 * bool(word_pattern("follows").search(before)) + bool(word_pattern("name").search(before)) - 1.5 * shared


def _skipped(behind: str) -> int:
    found = _NAME.match(behind)
    return found.end() if found else 0
