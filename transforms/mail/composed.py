"""Whether a text without any header of a machine can only be a notice: every sentence of it is one that notices are made of.

People who write to people say something else as well: they ask, propose, agree, tell. A notice says its news (away, left, received), where to turn
instead, what becomes of the message, and thanks. So sentence by sentence, and one that fits nowhere is enough to leave the text to its writer.
"""

from __future__ import annotations

import re
from functools import cache

from transforms.mail.message import ADDRESS
from transforms.mail.phrases import CJK, Hit, expand, fold, languages, sentences, to_pattern, word_pattern

CONFIDENCE = 0.62
"""How sure a text makes us that has no header and no title of a notice, where all of it is one [judgement]."""

_LONGEST = 1500
_FEW_WORDS = 4
_FEW_LETTERS = 8


def is_composed(said: list[Hit], heard: list[Hit], folded: str, language: str) -> bool:
    """Whether each sentence of a folded text is part of a notice in this language, and at least two of them (or one and a mark) say something.

    ``said`` is the news; ``heard`` are all phrases that were found, marks of a notice and what was not counted as news among them.
    Where nothing is said in words that we know, what they hint at stands for the news if a mark or an address to turn to is there.
    """
    news = [h for h in said if h.phrase.weight >= _WEIGHTY[h.phrase.reason]]
    if not language or len(folded) > _LONGEST or any(h.phrase.reason == "left" and _is_now(h) for h in news):
        return False
    is_noticed = any(h.phrase.reason == "notice" for h in heard)
    if not news and not ((is_noticed or ADDRESS.search(folded)) and _is_hinted(folded, language)):
        return False
    spans = sentences(folded)
    if any(_asks(folded, start, end) for start, end in spans):
        return False
    telling = sum(_tells(start, end, folded, heard, language) for span in spans for start, end in _clauses(folded, *span))
    is_marked = is_noticed and any(h.phrase.reason != "acknowledgement" for h in news)
    if telling < _FEWEST_TELLING and not is_marked:
        return False
    return all(_tells(start, end, folded, heard, language) or _is_filling(folded[start:end], language) for start, end in spans)


_FEWEST_HINTS = {"left": 1, "absent": 2}


def _is_hinted(folded: str, language: str) -> bool:
    guess = guess_reason(folded, language)
    return guess in _FEWEST_HINTS and len(_hints(folded, language, guess)) >= _FEWEST_HINTS[guess]


def guess_reason(folded: str, language: str) -> str:
    """What the loose words of a text hint at; empty where they hint at nothing.

    A departure is guessed last: one word of an absence or of a receipt is enough against one word of it.
    """
    if not language:
        return ""
    left, away, received = (len(_hints(folded, language, reason)) for reason in ("left", "absent", "acknowledgement"))
    if (left == 1 and not away and not received) or left > max(1, away + received):
        return "left"
    if away and away >= received:
        return "absent"
    return "acknowledgement" if received else ""


HINTED = {"left": "words of a departure", "absent": "words of an absence", "acknowledgement": "words of a receipt"}
"""What is reported as evidence where a reason was guessed."""


def _hints(folded: str, language: str, reason: str) -> set[str]:
    """The distinct words of a text that hint at a reason; what is still to come, and what is asked or supposed, hints at nothing."""
    ahead, pattern = _words(language, "ahead"), _words(language, f"hint_{reason}")
    folded = folded[:_LONGEST]
    parts = [folded[start:end] for start, end in sentences(folded) if not _asks(folded, start, end)]
    return {found[0] for part in parts if reason != "left" or not ahead.search(part) for found in pattern.finditer(part)}


def guess_language(folded: str) -> str:
    """The language that most of the small words of notices in a text are of; empty where there are none."""
    if _KANA.search(folded):
        return "ja"
    if CJK.search(folded):
        return "zh"
    words = frozenset(re.findall(r"[^\W\d]{2,}", folded[:_LONGEST]))
    counts = {code: len(words & _vocabulary(code)) for code in languages()}
    return max(sorted(counts), key=lambda code: counts[code]) if any(counts.values()) else ""


@cache
def _vocabulary(language: str) -> frozenset[str]:
    listed = languages()[language].words
    return frozenset(word for kind in _SMALL for item in listed[kind] for word in re.findall(r"[^\W\d]{2,}", fold(item)))


_KANA = re.compile(r"[぀-ヿ]")
_SMALL = ("courtesy", "elsewhere", "later", "first", "hint_left", "hint_absent", "hint_acknowledgement")


_WEIGHTY = {"left": 1.7, "role_change": 2.0, "absent": 2.0, "acknowledgement": 2.0, "challenge": 2.0}
_FEWEST_TELLING = 2
_ASKED_IN_SHORT = 3


def _is_now(hit: Hit) -> bool:
    """Whether a departure is of this day: that is a person's word, whatever follows."""
    return bool(word_pattern("today").search(hit.sentence))


def _asks(folded: str, start: int, end: int) -> bool:
    """Whether a sentence is a question; "Urgent?" and "Need help?" are none."""
    part = folded[start:end]
    return "？" in part or ("?" in part and (len(part.split()) > _ASKED_IN_SHORT or bool(CJK.search(part))))


def _clauses(folded: str, start: int, end: int) -> list[tuple[int, int]]:
    """The clauses of a Chinese or Japanese sentence, which may hold what others say in three; any other sentence as it is."""
    if not CJK.search(folded, start, end):
        return [(start, end)]
    ends = [found.end() for found in re.finditer("[,，、]", folded[start:end])]
    return [(start + a, start + b) for a, b in zip([0, *ends], [*ends, end - start], strict=True)]


def turns_elsewhere(folded: str, language: str) -> bool:
    """Whether a text says where to turn instead: an address, or words such as "please contact"."""
    return bool(ADDRESS.search(folded) or _words(language, "elsewhere").search(folded))


def answers_anybody(folded: str, language: str) -> bool:
    """Whether a text is meant for whoever writes, and not for one person.

    It speaks of the message that it answers, of what becomes of mail meanwhile, of what cannot wait or of a long leave, or gives the address to turn to.
    """
    return bool(language) and bool(ADDRESS.search(folded) or _words(language, "answering").search(folded))


def _tells(start: int, end: int, folded: str, heard: list[Hit], language: str) -> bool:
    """Whether a sentence holds a phrase of a notice, or says where to turn, or when there will be an answer."""
    part = folded[start:end]
    if any(start <= hit.start < end for hit in heard) or ADDRESS.search(part):
        return True
    return any(_words(language, kind).search(part) for kind in _TELLING)


_TELLING = ("elsewhere", "later", "ahead", "hint_left", "hint_absent")


def _is_filling(part: str, language: str) -> bool:
    """Whether a sentence is a courtesy, or hardly anything."""
    size, few = (re.findall(r"\w", part), _FEW_LETTERS) if CJK.search(part) else (re.findall(r"[^\W\d]+", part), _FEW_WORDS)
    return len(size) <= few or bool(_words(language, "courtesy").search(part))


def is_ahead(hit: Hit) -> bool:
    """Whether a departure is told as one that is still to come."""
    return bool(_words(hit.phrase.language, "ahead").search(hit.sentence))


@cache
def _words(language: str, kind: str) -> re.Pattern[str]:
    """One pattern for a list of words of one language: what is a courtesy in one is a plain word in another."""
    wordings = {fold(wording): wording for item in languages()[language].words[kind] for wording in expand(item)}
    return re.compile("|".join(to_pattern(wordings[key]).pattern for key in sorted(wordings, key=lambda w: (-len(w), w))))
