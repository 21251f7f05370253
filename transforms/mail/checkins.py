"""Messages of ours that only ask for a sign of life: "just checking in", "any update?", and nothing besides."""

from __future__ import annotations

import re

from transforms.mail.parts import new_text, split_signature, without_greeting
from transforms.mail.phrases import book, fold, word_pattern

LONGEST_REST = 9
"""Words beside the check-in and the courtesies from which a message has something to say [judgement]."""

_LONG_SENTENCE = 14
_CJK_PER_WORD = 2.5
_SUBSTANCE = re.compile(
    r"https?://|www\.|\b\d{1,2}[:.h]\d{2}\b|\b\d{1,2}\s?(?:am|pm|uhr)\b|\d{3,}|\d\s?%|[$€£¥]\s?\d|\battach|\banbei|\banhang|\bpi[eè]ce jointe|\badjunt|\ballegat|\bbijlage|\banexo|添付|附件|\bcid:"
)
_SENTENCES = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_WORDS = re.compile(r"[぀-ヿ㐀-鿿]|\w+")


def is_checkin(body: str, *, has_attachment: bool = False) -> bool:
    """Whether a message of ours asks only for a sign of life: no link, no attachment, no time, no question of substance.

    Quoted text, greeting and signature are set aside; courtesies do not count as substance. Language-aware by the data files.
    """
    if has_attachment or not body:
        return False
    message, _ = split_signature(new_text(body))
    if len(message) > 900:
        return False
    message = without_greeting(message)
    folded = fold(message)
    if _SUBSTANCE.search(folded):
        return False
    hits = book("checkin").find(folded)
    if not hits:
        return False
    return _rest(folded) <= LONGEST_REST


def _rest(folded: str) -> float:
    """How many words stand in sentences that are neither a check-in nor a courtesy."""
    left = 0.0
    for found in _SENTENCES.finditer(folded):
        sentence = found[0].strip()
        if not sentence or book("checkin", "pleasantry").find(sentence) or _is_opening(sentence):
            # A long sentence may begin as a check-in and still bring something.
            left += max(0.0, _size(sentence) - _LONG_SENTENCE)
            continue
        left += _size(sentence)
    return left


def _is_opening(sentence: str) -> bool:
    return _size(sentence) <= 4 and bool(word_pattern("greeting", starts_line=True).match(sentence))


def _size(text: str) -> float:
    words = _WORDS.findall(text)
    cjk = sum(1 for word in words if len(word) == 1 and ord(word) > 0x3000)
    return (len(words) - cjk) + cjk / _CJK_PER_WORD
