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
    """
    news = [h for h in said if h.phrase.weight >= _WEIGHTY[h.phrase.reason]]
    if not news or not language or len(folded) > _LONGEST or any(h.phrase.reason == "left" and _is_now(h) for h in news):
        return False
    spans = sentences(folded)
    if any(_asks(folded, start, end) for start, end in spans):
        return False
    telling = sum(_tells(start, end, folded, heard, language) for start, end in spans)
    is_marked = any(h.phrase.reason == "notice" for h in heard) and any(h.phrase.reason != "acknowledgement" for h in news)
    if telling < _FEWEST_TELLING and not is_marked:
        return False
    return all(_tells(start, end, folded, heard, language) or _is_filling(folded[start:end], language) for start, end in spans)


_WEIGHTY = {"left": 1.7, "role_change": 2.0, "absent": 2.0, "acknowledgement": 2.0, "challenge": 2.0}
_FEWEST_TELLING = 2
_ASKED_IN_SHORT = 3


def _is_now(hit: Hit) -> bool:
    """ "Today is my last day" is a person's word, whatever follows."""
    return bool(word_pattern("today").search(hit.sentence))


def _asks(folded: str, start: int, end: int) -> bool:
    """Whether a sentence is a question; "Urgent?" and "Need help?" are none."""
    part = folded[start:end]
    return "？" in part or ("?" in part and (len(part.split()) > _ASKED_IN_SHORT or bool(CJK.search(part))))


def _tells(start: int, end: int, folded: str, heard: list[Hit], language: str) -> bool:
    """Whether a sentence holds a phrase of a notice, or says where to turn, or when there will be an answer."""
    part = folded[start:end]
    if any(start <= hit.start < end for hit in heard) or ADDRESS.search(part):
        return True
    return any(_words(language, kind).search(part) for kind in ("elsewhere", "later", "ahead"))


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
