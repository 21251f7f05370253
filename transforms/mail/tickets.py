"""What a ticket is about: is something broken, or do they ask how it is done?"""

from __future__ import annotations

from transforms.mail.parts import new_text, split_signature
from transforms.mail.phrases import Hit, book, fold

BROKEN, ASKS_HOW = "breakage", "how_to"

LONGEST = 4_000
"""So many characters tell what a ticket is about; what follows is mostly a log or a copied conversation."""


def read_ticket(subject: str, text: str) -> tuple[str, Hit] | None:
    """What a ticket says, as (reason, the phrase that told it); None where it says neither.

    The reason is ``breakage`` or ``how_to``. Who asks how to get round an error has an error, so breakage goes first; in each, what the
    subject says goes before the text. Language-aware by the data files (``ticket_broken``, ``ticket_how``).
    """
    message, _ = split_signature(new_text(text[:LONGEST]))
    parts = [fold(part) for part in (subject, message) if part]
    for reason, phrases in ((BROKEN, book("ticket_broken")), (ASKS_HOW, book("ticket_how"))):
        for part in parts:
            if hits := phrases.find(part):
                return reason, hits[0]
    return None
