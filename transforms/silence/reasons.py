"""Why the chance to hear back of one person is what it is, in words: what moves it most from that of the usual contact."""

from __future__ import annotations

from collections.abc import Mapping

from transforms.book import Book
from transforms.silence.history import facts_now

_RAISES = {
    "pause": "the pause is short for them",
    "often": "they were heard often",
    "ours": "of what we sent lately and how they took it",
    "live": "we spoke with them live",
    "mailings": "of how they take mailings",
    "known": "of how long they have been known",
}
_LOWERS = {
    "pause": "the pause is long for them",
    "often": "they were seldom heard",
    "ours": "what we sent brought little",
    "live": "there was no live conversation lately",
    "mailings": "they get mailings more than messages",
    "known": "of how long they have been known and how little was heard in all",
}

TOLD = 2
"""So many reasons for and against are told at most."""

SMALL = 0.15
"""A reason that moves the log odds by less is not told."""


def reasons(book: Book, person: str) -> str:
    """A sentence on what raises and what lowers the chance, the weightiest first; empty where nothing stands out."""
    place = int(book.persons.index.get_loc(person))
    facts = book.org.facts_on(facts_now(book)[[place]], book.tomorrow)
    return in_words({kind: float(moved[0]) for kind, moved in book.org.learned.reasons(facts, book.policy.horizon_days).items()})


def in_words(moved: Mapping[str, float]) -> str:
    """The sentence for how far each reason moves the log odds."""
    ranked = sorted(moved.items(), key=lambda item: (-abs(item[1]), item[0]))
    up = [_RAISES[kind] for kind, by in ranked if by >= SMALL][:TOLD]
    down = [_LOWERS[kind] for kind, by in ranked if by <= -SMALL][:TOLD]
    parts = [f"{word} because {' and '.join(told)}" for word, told in (("higher", up), ("lower", down)) if told]
    if not parts:
        return "About as for the usual contact."
    if len(parts) > 1 and abs(ranked[0][1]) == -ranked[0][1]:
        parts.reverse()
    return f"Against the usual contact {', '.join(parts)}."
