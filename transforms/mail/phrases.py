"""The lists of phrases, and finding them in a text quickly.

A phrase is written as people write it. ``(a|b|)`` stands for one of several wordings, `` … `` for up to some sixty characters
within one sentence. Case, accents and the width of spaces do not matter. What is reported is always the wording of our list,
never the text that was read.
"""

from __future__ import annotations

import itertools
import re
import sys
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from importlib import resources

GAP = "…"
_GAP_PATTERN = r"(?:[^.!?。！？\n]|\.(?=\S)|(?<=\W\d)\.|(?<=\W\d\d)\.){0,60}?"
_CHOICE = re.compile(r"\(([^()]*)\)")
_WORD = re.compile(r"\w+")
CJK = re.compile(r"[぀-ヿ㐀-鿿]")
_MARKS = re.compile("[\u0300-\u036f]")
_SAME = str.maketrans(
    {
        **dict.fromkeys("’‘´`ʼ", "'"),
        **dict.fromkeys("“”„«»", '"'),
        **dict.fromkeys("–—‐‑−", "-"),
        "\u00ad": "",
        "\u200b": "",
        "\ufeff": "",
        "ß": "ss",
        "œ": "oe",
        "æ": "ae",
    }
)
_BREAK = re.compile(r"[ \t\r\f\v\u3000]*\n(?:[ \t\r\f\v\u3000]*\n)+")
_SPACE = re.compile(r"[ \t\r\f\v\u00a0\u3000]+|(?<!\n)\n(?!\n)[ \t]*")


def fold(text: str) -> str:
    """The text without case, accents and odd punctuation. A single line break is a space, an empty line stays a break."""
    text = _SPACE.sub(" ", _BREAK.sub("\n\n", text))
    if text.isascii():
        return text.lower()
    text = text.lower().translate(_SAME)
    # NFKD would also take the voicing marks off kana; only Latin accents go, and the rest is put together again.
    return unicodedata.normalize("NFKC", _MARKS.sub("", unicodedata.normalize("NFKD", text)))


@dataclass(frozen=True, slots=True)
class Phrase:
    """One wording. ``shown`` is how it is reported; ``unless`` are wordings that undo it when they stand in the same sentence.

    ``words`` are its different words. ``needs_name``: it counts only where a word follows that is written with a capital ("I have left Halden", not
    "I have left a note"). There are some eighty thousand, so they are kept small: no set for each, and each word once in memory.
    """

    language: str
    reason: str
    weight: float
    shown: str
    words: tuple[str, ...]
    is_cjk: bool
    unless: tuple[str, ...] = ()
    needs_name: bool = False


@dataclass(frozen=True)
class Hit:
    """A phrase that was found, where, and the sentence that it stands in."""

    phrase: Phrase
    start: int
    end: int
    sentence: str
    is_question: bool


class PhraseBook:
    """Phrases with an index by their longest word, so that a text without any of those words costs almost nothing."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self.phrases = tuple(phrases)
        self._by_word: dict[str, list[Phrase]] = {}
        self._cjk: list[tuple[str, Phrase]] = []
        for phrase in self.phrases:
            if phrase.is_cjk:
                self._cjk.append((max(_pieces(phrase.shown), key=len), phrase))
            else:
                self._by_word.setdefault(max(sorted(phrase.words), key=len), []).append(phrase)
        self._keys = frozenset(self._by_word)

    def find(self, folded: str, raw: str = "") -> list[Hit]:
        """All phrases that stand in a folded text, first of each wording, in the order of the text.

        ``raw`` is the same text before folding: phrases that need a name after them look there for its capital.
        """
        words = set(_WORD.findall(folded))
        near = [p for key in words & self._keys for p in self._by_word[key] if words.issuperset(p.words)]
        if self._cjk and not folded.isascii() and CJK.search(folded):
            near += [phrase for piece, phrase in self._cjk if piece in folded]
        names = {fold(word) for word in _CAPITALISED.findall(raw)} if any(p.needs_name for p in near) else frozenset()
        hits = [hit for phrase in near for hit in _first(phrase, folded, names)]
        return sorted(hits, key=lambda h: (h.start, -h.end, h.phrase.shown))


def _first(phrase: Phrase, folded: str, names: AbstractSet[str]) -> list[Hit]:
    for match in to_pattern(phrase.shown).finditer(folded):
        if phrase.needs_name and not _is_name(folded, match.end(), names):
            continue
        start, end = _sentence(folded, match.start(), match.end())
        sentence = folded[start:end]
        if phrase.unless and _any_of(phrase.unless).search(sentence):
            continue
        return [Hit(phrase, match.start(), match.end(), sentence, is_question=folded[end : end + 1] in {"?", "？"})]
    return []


_CAPITALISED = re.compile(r"\b[A-ZÀ-ÖØ-Þ][\w'’-]+")
_NEXT_WORD = re.compile(r"\s*([\w'-]+)")


def _is_name(folded: str, spot: int, names: AbstractSet[str]) -> bool:
    """Whether the next word stands with a capital in the text as it was written."""
    following = _NEXT_WORD.match(folded, spot)
    return following is not None and following[1] in names


# "30.6. verlassen": the point behind a day or month ends no sentence.
_END = re.compile(r"(?<!\W\d)(?<!\W\d\d)\.(?=\s|$)|[!?](?=\s|$)|[。！？\n]")


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    begin = 0
    for found in _END.finditer(text, max(0, start - 400), start):
        begin = found.end()
    after = _END.search(text, end)
    return begin, after.start() if after else len(text)


_TITLE = re.compile(r"(?<!\w)(?:dr|prof|sra?|mr|mrs|ms|dott|ssa|sig|ing|hr|fr|dhr|mevr|m|mme|ext|tel|st)\.$")
"""The point behind a title or an abbreviation ends no sentence."""


@cache
def _month_and_day() -> re.Pattern[str]:
    months = "|".join(sorted({month for language in languages().values() for month in language.months if month.isalpha()}))
    return re.compile(rf"(?<!\w)(?:{months}) \d{{1,2}}\.(?=\s|$)")


def sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence of a folded text begins and ends; what holds no letter is none. "July 16." ends one, "16. Juli" does not."""
    ends = sorted(
        {
            f.end()
            for pattern in (_END, _month_and_day())
            for f in pattern.finditer(text)
            if not _TITLE.search(text[max(0, f.end() - 6) : f.end()])
        }
    )
    spans = zip([0, *ends], [*ends, len(text)], strict=True)
    return [(start, end) for start, end in spans if _WORD.search(text, start, end)]


def expand(phrase: str) -> list[str]:
    """All wordings of a phrase, each once: ``(no|not any) longer`` gives two. Alternatives may nest."""
    found = _CHOICE.search(phrase)
    if found is None:
        return [" ".join(phrase.split())]
    # The first group without groups inside it goes first; what it leaves doubled in the outer ones falls together.
    each = (expand(phrase[: found.start()] + option + phrase[found.end() :]) for option in found[1].split("|"))
    return list(dict.fromkeys(itertools.chain.from_iterable(each)))


@cache
def to_pattern(wording: str) -> re.Pattern[str]:
    """The pattern that finds one wording in a folded text. Made when first needed: most wordings never are."""
    return re.compile(to_source(wording))


def to_source(wording: str) -> str:
    """The text of that pattern, for patterns of many wordings."""
    folded = _pieces(wording)
    is_cjk = bool(CJK.search(wording))
    pieces = [r"\s+".join(re.escape(word) for word in piece.split()) for piece in folded]
    if is_cjk:
        return _GAP_PATTERN.join(pieces)
    head = r"(?<!\w)" if folded[0][:1].isalnum() else ""
    tail = r"(?!\w)" if folded[-1][-1:].isalnum() else ""
    return head + rf"\b{_GAP_PATTERN}\b".join(pieces) + tail


@cache
def _any_of(wordings: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(to_source(each) for item in wordings for each in expand(item)))


def to_phrases(
    language: str, reason: str, weight: float, wordings: Iterable[str], unless: Iterable[str] = (), *, needs_name: bool = False
) -> list[Phrase]:
    """All phrases of a group, each wording one."""
    made = []
    for shown in dict.fromkeys(each for item in wordings for each in expand(item)):
        words = tuple({sys.intern(word): None for piece in _pieces(shown) for word in _WORD.findall(piece)})
        made.append(Phrase(language, reason, weight, shown, words, bool(CJK.search(shown)), tuple(unless), needs_name))
    return made


def _pieces(wording: str) -> list[str]:
    """The folded pieces between gaps. Split first: folding would turn the sign of a gap into three dots."""
    return [fold(piece).strip() for piece in wording.split(GAP)]


@dataclass(frozen=True)
class Group:
    """A group of phrases as its file has it, with the sentences that are its tests."""

    language: str
    reason: str
    weight: float
    wordings: tuple[str, ...]
    unless: tuple[str, ...]
    examples: tuple[str, ...]
    never: tuple[str, ...]
    needs_name: bool = False


@dataclass(frozen=True)
class Language:
    """What a language's file says. ``months`` and ``weekdays`` are folded words, January and Monday first."""

    code: str
    date_order: str
    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    words: Mapping[str, tuple[str, ...]]
    groups: tuple[Group, ...]


@cache
def languages() -> dict[str, Language]:
    """All languages that have a data file, by ISO 639-1 code."""
    files = sorted((f for f in resources.files("transforms.mail.languages").iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    found = [_to_language(tomllib.loads(f.read_text(encoding="utf-8"))) for f in files]
    return {language.code: language for language in found}


def _to_language(data: dict[str, object]) -> Language:
    code = str(data["language"])
    groups = data.get("group", [])
    words = data.get("words", {})
    if not isinstance(groups, list) or not isinstance(words, dict):
        raise TypeError(f"the data file of language {code}: [[group]] must be a list and [words] a table")
    return Language(
        code=code,
        date_order=str(data["date_order"]),
        months=_numbered(data["months"]),
        weekdays=_numbered(data["weekdays"]),
        words={str(name): tuple(values) for name, values in words.items()},
        groups=tuple(
            Group(
                language=code,
                reason=str(g["reason"]),
                weight=float(g["weight"]),
                wordings=tuple(g["any"]),
                unless=tuple(g.get("unless", ())),
                examples=tuple(g.get("examples", ())),
                never=tuple(g.get("never", ())),
                needs_name=bool(g.get("needs_name", False)),
            )
            for g in groups
        ),
    )


def _numbered(names: object) -> dict[str, int]:
    if not isinstance(names, list):
        raise TypeError("months and weekdays are lists of names, several names of one in a text parted by spaces")
    return {fold(name): number for number, line in enumerate(names, 1) for name in str(line).split()}


@cache
def book(*reasons: str) -> PhraseBook:
    """The phrases of all languages for these reasons."""
    wanted = set(reasons)
    groups = [g for language in languages().values() for g in language.groups if g.reason in wanted]
    return PhraseBook(
        [p for g in groups for p in to_phrases(g.language, g.reason, g.weight, g.wordings, g.unless, needs_name=g.needs_name)]
    )


@cache
def word_pattern(kind: str, *, starts_line: bool = False) -> re.Pattern[str]:
    """One pattern for a list of words of all languages (``words`` in their files)."""
    wordings = {fold(w): w for language in languages().values() for item in language.words.get(kind, ()) for w in expand(item)}
    ordered = sorted(wordings, key=lambda w: (-len(w), w))
    body = "|".join(to_source(w) for w in ordered) or r"(?!)"
    return re.compile(rf"^\s*(?:{body})" if starts_line else f"(?:{body})")
