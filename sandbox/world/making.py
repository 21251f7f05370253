"""Makes a world: the companies, the people, their lives, and the tables that a CRM would hold of it."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pandas as pd

from sandbox.world.diary import Diary
from sandbox.world.firms import Owner, make_companies, make_owners
from sandbox.world.lives import Life
from sandbox.world.options import DAY, Span, WorldOptions
from sandbox.world.people import Person, make_people
from sandbox.world.tables import to_activities, to_companies, to_contact_extras, to_contacts, to_owners
from sandbox.world.truth import to_company_truth, to_contact_truth, to_message_truth

_PILOT = 240


@dataclass(frozen=True)
class World:
    """Made customers. The first four are canonical frames (transforms.vocabulary.tables), as a CRM would hold them at ``options.now``.

    Opened and closed of one ticket are two activities of one ``thread_id``; a meeting with three contacts is three rows of one ``activity_id``.
    Nothing lies after ``now``. ``crm`` is empty: nobody has loaded it yet.

    ``extras`` holds, by table, facts under HubSpot's own property names that have no canonical column.
    ``truth``, ``company_truth`` and ``message_truth`` say what really is the case; no program that is tested may see them.
    """

    options: WorldOptions
    contacts: pd.DataFrame
    companies: pd.DataFrame
    activities: pd.DataFrame
    owners: pd.DataFrame
    extras: dict[str, pd.DataFrame]
    truth: pd.DataFrame
    company_truth: pd.DataFrame
    message_truth: pd.DataFrame


def make_world(options: WorldOptions | None = None) -> World:
    """Make the customers that the options ask for (by default 2,000 contacts with about 100,000 activities in 18 months)."""
    options = options or WorldOptions()
    span = Span.of(options)
    owners = make_owners(options, span)
    companies = make_companies(options, span, owners)
    people = make_people(options, span, companies, owners)
    campaigns = _campaigns(options, span)
    pace = _find_pace(options, span, people, owners, campaigns)
    diary = Diary()
    _live(people, owners, span, diary, options.seed, pace, campaigns)
    rows = diary.frame()
    activities, keys = to_activities(rows, people, owners, span, options.seed)
    return World(
        options=options,
        contacts=to_contacts(people, rows, span, options.seed),
        companies=to_companies(companies),
        activities=activities,
        owners=to_owners(owners),
        extras={"contacts": to_contact_extras(people, activities, options.seed)},
        truth=to_contact_truth(people, rows, span, pace),
        company_truth=to_company_truth(companies, span),
        message_truth=to_message_truth(diary.meanings, keys),
    )


def _campaigns(options: WorldOptions, span: Span) -> list[int]:
    """When newsletters went out: about one for each eight activities of a contact, at most one a fortnight."""
    count = max(1, min(round(options.activities_per_contact / 8), options.months * 2))
    step = (span.now - span.start) // count
    return [(span.start + step * turn + step // 2) // DAY * DAY + 9 * 3600 for turn in range(count)]


def _find_pace(options: WorldOptions, span: Span, people: list[Person], owners: list[Owner], campaigns: list[int]) -> float:
    """How fast all must live so that a contact has the wished number of activities: tried out on some of them."""
    chosen = people[:: max(1, len(people) // _PILOT)]
    pace = options.activities_per_contact / 50 * 18 / options.months
    for _ in range(3):
        diary = Diary()
        _live(chosen, owners, span, diary, options.seed, pace, campaigns)
        happened = sum(1 for entry in diary.entries if entry.moment <= span.now)
        pace *= (options.activities_per_contact * len(chosen) / max(happened, 1)) ** 1.1
        for person in chosen:
            person.traces.clear()
    return pace


def _live(people: list[Person], owners: list[Owner], span: Span, diary: Diary, seed: int, pace: float, campaigns: list[int]) -> None:
    active = [owner for owner in owners if owner.is_active]
    for person in people:
        # Somebody whom nobody looks after still gets mail, from anybody.
        owner = person.owner or random.Random(f"{seed}:anybody:{person.index}").choice(active)
        Life(person, owner, span, diary, seed, pace).live(campaigns)
