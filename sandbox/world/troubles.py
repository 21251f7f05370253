"""Tickets: what people need help with. Somebody who opens tickets is loud, not silent."""

from __future__ import annotations

import random

from sandbox.world.diary import Diary
from sandbox.world.letters import Letters
from sandbox.world.options import DAY, Span
from sandbox.world.people import Person


def live_tickets(rng: random.Random, person: Person, span: Span, diary: Diary, letters: Letters, pace: float) -> None:
    """Now and then a ticket for everybody; for those who seek help several new ones; for those who struggle old ones that stay open."""
    start = max(span.start, person.created)
    if person.fate in {"never_heard", "new", "unreachable"}:
        return
    moment = start + int(rng.expovariate(min(pace, 1.5) * 0.5 / 365) * DAY)
    while moment < span.end:
        if person.is_listening(moment) and person.fate not in {"seeks_help", "struggles"}:
            _ticket(person, diary, letters, moment, moment + rng.randint(2, 120) * 3600)
        moment += int(rng.expovariate(min(pace, 1.5) * 0.5 / 365) * DAY) + DAY
    if person.fate == "seeks_help":
        for age in sorted(rng.sample(range(8, 28), k=rng.randint(1, 2)), reverse=True):
            opened = span.now - age * DAY - rng.randint(0, DAY)
            _ticket(person, diary, letters, opened, opened + rng.randint(6, 70) * 3600)
        for age in sorted(rng.sample(range(7), k=rng.randint(1, 2)), reverse=True):
            _ticket(person, diary, letters, span.now - age * DAY - rng.randint(3600, DAY), None)
    elif person.fate == "struggles":
        ages = sorted(rng.sample(range(11, 50), k=rng.randint(3, 5)), reverse=True)
        for position, age in enumerate(ages):
            opened = span.now - age * DAY - rng.randint(0, DAY)
            thread = _ticket(person, diary, letters, opened, opened + 2 * DAY if position == 0 else None)
            if position == 0:
                # Closed too early and opened again: the same ticket, the same conversation.
                _note(person, diary, letters, opened + 4 * DAY, thread)


def _ticket(person: Person, diary: Diary, letters: Letters, opened: int, closed: int | None) -> str:
    thread = f"ticket-{diary.new_thread()[1:]}"
    _note(person, diary, letters, opened, thread)
    if closed is not None:
        diary.add(person, closed, "ticket", "internal", "closed_ticket", thread_id=thread, actor_id=None)
    return thread


def _note(person: Person, diary: Diary, letters: Letters, moment: int, thread: str) -> None:
    subject, body = letters.phrase("theirs.ticket")
    diary.add(
        person, moment, "ticket", "inbound", "opened_ticket", subject=subject, body=body, thread_id=thread, actor_id=None, is_heard=True
    )
