"""Makes the people on our side and the companies of the customers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import TYPE_CHECKING

from sandbox.world.options import DAY, Span, WorldOptions
from sandbox.world.texts import Language, Place, languages

if TYPE_CHECKING:
    from sandbox.world.people import Person

OUR_DOMAIN = "ours.example"

_COLLEAGUES = (
    *("Dana Reyes", "Lee Tan", "Marta Lindqvist", "Owen Baptiste", "Yusuf Demir", "Helen Brightman", "Kofi Mensah", "Sara Lind"),
    *("Pavel Novotny", "Ingrid Solberg", "Rita Campos", "Hugo Stern", "Mina Farrow", "Tobias Rehn", "Amara Diallo", "Jonas Weiler"),
    *("Lucy Hartnell", "Marek Zielony", "Noor Haddad", "Piotr Wolan"),
)


@dataclass(slots=True)
class Owner:
    """Somebody of us who looks after customers. ``deaf_since`` is when their mailbox stopped delivering to the CRM."""

    owner_id: str
    name: str
    email: str
    deaf_since: int | None = None
    is_active: bool = True

    @property
    def first(self) -> str:
        """How customers call them."""
        return self.name.split()[0]


@dataclass(slots=True)
class Company:
    """A customer's company, and how its mail system behaves."""

    company_id: str
    name: str
    domain: str
    language: Language
    place: Place
    owner: Owner
    mail_system: str
    has_scanner: bool
    renewal_on: date | None
    annual_value: float | None
    stage: str
    is_single_voice: bool
    lost_champion: bool
    domain_gone_at: int | None
    members: list[Person]


def make_owners(options: WorldOptions, span: Span) -> list[Owner]:
    """Our people. The second one's mailbox stopped delivering twenty days before now; the last one has left us."""
    owners = []
    for index in range(options.owners):
        name = _COLLEAGUES[index % len(_COLLEAGUES)]
        turn = "" if index < len(_COLLEAGUES) else str(index // len(_COLLEAGUES) + 1)
        address = f"{name.lower().replace(' ', '.')}{turn}@{OUR_DOMAIN}"
        owners.append(Owner(str(7101 + index), f"{name} {turn}".strip(), address))
    owners[1].deaf_since = (span.now - 20 * DAY) // DAY * DAY
    if len(owners) > 3:
        owners[-1].is_active = False
    return owners


def make_companies(options: WorldOptions, span: Span, owners: list[Owner]) -> list[Company]:
    """The companies, without members yet."""
    rng = random.Random(f"{options.seed}:companies")
    all_languages = languages()
    taken: set[str] = set()
    today = date(1970, 1, 1) + timedelta(days=span.now // DAY)
    active = [owner for owner in owners if owner.is_active]
    made = []
    for index in range(options.companies):
        # The first companies take the languages in turn, so that a small world speaks them all.
        language = (
            all_languages[index]
            if index < len(all_languages)
            else rng.choices(all_languages, [language.share for language in all_languages])[0]
        )
        place = rng.choices(language.places, language.weights)[0]
        name, domain = _name(rng, language, taken)
        is_customer = rng.random() < 0.86
        made.append(
            Company(
                company_id=str(52_000_001 + index * 3),
                name=name,
                domain=domain,
                language=language,
                place=place,
                owner=rng.choice(active),
                mail_system=rng.choices(("exchange", "google", "postfix", "exim", "qmail"), (50, 28, 12, 7, 3))[0],
                has_scanner=rng.random() < 0.25,
                renewal_on=today + timedelta(days=rng.randint(2, 365)) if is_customer else None,
                annual_value=float(round(rng.lognormvariate(9.6, 0.9), -2)) if is_customer else None,
                stage="customer" if is_customer else rng.choice(("opportunity", "salesqualifiedlead", "lead")),
                is_single_voice=rng.random() < 0.12,
                lost_champion=rng.random() < 0.07,
                domain_gone_at=span.now - rng.randint(20, 150) * DAY if index > 20 and rng.random() < 0.004 else None,
                members=[],
            )
        )
    return made


def _name(rng: random.Random, language: Language, taken: set[str]) -> tuple[str, str]:
    """A company's name and its domain under .example; each domain is given once."""
    for attempt in count():
        stem, trade, form = rng.choice(language.stems), rng.choice(language.trades), rng.choice(language.forms)
        if attempt > 3:
            stem = f"{stem} {rng.choice(language.stems)}" if attempt < 20 else f"{stem} {attempt}"
        slug = "-".join(language.latin(part) for part in (*stem.split(), trade) if language.latin(part))
        domain = f"{slug}.example"
        if domain not in taken:
            taken.add(domain)
            return f"{stem} {trade} {form}".strip(), domain
    raise AssertionError  # count() never ends
