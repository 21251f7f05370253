"""Makes the contacts: who they are, how they answer, and what becomes of them. All of it is the truth that the CRM never sees."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sandbox.world.firms import Company, Owner
from sandbox.world.options import DAY, Span, WorldOptions
from sandbox.world.texts import Language, Place

FREE_MAIL = ("freepost.example", "mailbox.example", "postfach.example")

FATES = {
    "steady": 45.0,
    "drifted": 15.0,
    "drifting": 5.0,
    "came_back": 5.0,
    "left": 13.0,
    "seeks_help": 4.0,
    "struggles": 2.0,
    "never_heard": 5.0,
    "new": 4.0,
    "unreachable": 2.0,
}
"""What becomes of people, in percent."""

LEAVINGS = {
    "bounce": 30.0,
    "auto_reply": 26.0,
    "took_over": 10.0,
    "farewell": 10.0,
    "record": 8.0,
    "chat": 3.0,
    "call": 5.0,
    "none": 8.0,
}
"""By what the CRM could learn that somebody left, in percent; ``none`` leaves no trace."""


@dataclass(slots=True)
class Absence:
    """Away from ``start`` on, back on ``until``; both at midnight UTC, in seconds since 1970."""

    start: int
    until: int
    is_long: bool


@dataclass(slots=True)
class Person:
    """One contact and the truth about them. Moments are seconds since 1970."""

    index: int
    contact_id: str
    first: str
    last: str
    email: str | None
    title: str
    language: Language
    place: Place
    company: Company
    owner: Owner | None
    created: int
    gap_days: float
    spread: float
    weights: dict[str, float]
    answers: dict[str, float]
    best_days: tuple[int, ...]
    best_hour: int
    delay_s: float
    fate: str
    drift_at: int | None = None
    silent_at: int | None = None
    back_at: int | None = None
    back_by: str | None = None
    left_at: int | None = None
    left_how: str | None = None
    closed_at: int | None = None
    successor: Person | None = None
    successor_name: str | None = None
    successor_email: str | None = None
    new_company: str | None = None
    new_email: str | None = None
    role_changed_at: int | None = None
    promoted_at: int | None = None
    new_title: str | None = None
    absences: list[Absence] = field(default_factory=list)
    kind: str = "person"  # person, shared (info@), free_mail, duplicate
    same_as: str | None = None
    is_email_blind: bool = False
    is_champion: bool = False
    opted_out: bool = False
    do_not_call: bool = False
    wrong_number: bool = False
    challenges: bool = False
    acknowledges: bool = False
    has_signature: bool = True
    has_prefetch: bool = False
    says_absent: bool = True
    suppresses: bool = False
    is_archived: bool = False
    merged_into: str | None = None
    traces: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """Given and family name."""
        return f"{self.first} {self.last}".strip()

    @property
    def address(self) -> str:
        """Where their mail comes from; a contact whose record has none still has one."""
        return self.email or f"{self.language.latin(self.first)}.{self.language.latin(self.last)}@{self.company.domain}"

    def is_listening(self, moment: int) -> bool:
        """Whether they would do something by themselves at that moment."""
        if self.fate in {"never_heard", "unreachable"} or moment < self.created:
            return False
        if self.left_at is not None and moment >= self.left_at:
            return False
        if self.silent_at is None or moment < self.silent_at:
            return True
        return self.back_at is not None and moment >= self.back_at

    def absence_at(self, moment: int) -> Absence | None:
        """The absence in which that moment falls."""
        return next((absence for absence in self.absences if absence.start <= moment < absence.until), None)


def make_people(options: WorldOptions, span: Span, companies: list[Company], owners: list[Owner]) -> list[Person]:
    """All contacts, put into the companies as members."""
    rng = random.Random(f"{options.seed}:people")
    pulls = [rng.paretovariate(1.3) for _ in companies]
    homes = [*companies, *rng.choices(companies, [min(pull, 12.0) for pull in pulls], k=options.contacts - len(companies))]
    active = [owner for owner in owners if owner.is_active]
    taken: set[str] = set()
    people: list[Person] = []
    for index, company in enumerate(homes):
        own = random.Random(f"{options.seed}:person:{index}")
        person = _person(own, index, company, span, taken)
        person.owner = own.choices((company.owner, own.choice(active), None), (90, 8, 2))[0]
        company.members.append(person)
        people.append(person)
    for company in companies:
        _join_fates(rng, company, span)
    for person in people:
        _settle_fate(random.Random(f"{options.seed}:fate:{person.index}"), person, span)
    _double_and_merge(rng, people)
    return people


def _person(rng: random.Random, index: int, company: Company, span: Span, taken: set[str]) -> Person:
    language, kind = company.language, rng.choices(("person", "shared", "free_mail"), (965, 15, 20))[0]
    place = company.place if rng.random() < 0.92 else rng.choice(language.places)
    first, last = rng.choice(language.first_names), rng.choice(language.last_names)
    fate = rng.choices(list(FATES), list(FATES.values()))[0]
    if kind == "shared":
        desk = rng.choice(("info", "office", "accounts"))
        first, last, fate = desk.capitalize(), company.name, rng.choice(("steady", "steady", "never_heard"))
        email = f"{desk}@{company.domain}"
    else:
        domain = rng.choice(FREE_MAIL) if kind == "free_mail" else company.domain
        email = f"{language.latin(first)}.{language.latin(last)}@{domain}"
    while email in taken:
        email = f"{email.split('@')[0]}{rng.randint(2, 99)}@{email.split('@')[1]}"
    taken.add(email)
    created = span.now - rng.randint(2, 28) * DAY if fate == "new" else span.start - rng.randint(-330, 1100) * DAY
    created += rng.randint(7 * 3600, 17 * 3600)
    is_regular = rng.random() < 0.5
    person = Person(
        index=index,
        contact_id=str(1001 + index),
        first=first,
        last=last,
        email=email,
        title=rng.choice(language.titles),
        language=language,
        place=place,
        company=company,
        owner=None,
        created=created,
        gap_days=min(max(rng.lognormvariate(2.95, 0.75), 2.0), 90.0),
        spread=rng.uniform(0.25, 0.45) if is_regular else rng.uniform(0.7, 1.1),
        weights={},
        answers={},
        best_days=tuple(sorted(rng.sample(range(5), k=rng.choice((2, 3, 3, 5))))),
        best_hour=rng.choice((7, 8, 8, 9, 9, 9, 10, 11, 13, 14, 14, 15, 16)),
        delay_s=rng.lognormvariate(7.6, 0.6),
        fate=fate,
        kind=kind,
        acknowledges=kind == "shared",
        challenges=rng.random() < 0.006,
        has_signature=rng.random() < 0.75,
        has_prefetch=rng.random() < 0.35,
        says_absent=rng.random() < 0.85,
        suppresses=company.mail_system == "exchange" and rng.random() < 0.4,
    )
    _habits(rng, person)
    return person


def _habits(rng: random.Random, person: Person) -> None:
    """Which ways they use and how often they answer on each."""
    favour = rng.choices(("email", "call", "meeting", "whatsapp", "linkedin", "sms"), (52, 18, 10, 7, 8, 5))[0]
    person.weights = {"email": 5.0, "call": 1.2, "meeting": 0.9, favour: 9.0}
    for extra, weight in (("product", 0.8), ("community", 0.3), ("form", 0.3), ("web", 0.4), ("chat", 0.4)):
        if rng.random() < 0.4:
            person.weights[extra] = weight
    person.answers = {
        "email": rng.uniform(0.35, 0.85),
        "call": rng.uniform(0.25, 0.6),
        "whatsapp": rng.uniform(0.5, 0.9),
        "sms": rng.uniform(0.4, 0.8),
        "linkedin": rng.uniform(0.4, 0.8),
    }
    if favour in person.answers:
        person.answers[favour] = max(person.answers[favour], 0.65)
    if favour != "email" and person.fate == "steady" and rng.random() < 0.35:
        person.is_email_blind = True
        person.weights["email"] = 0.0
        person.answers["email"] = 0.0


def _join_fates(rng: random.Random, company: Company, span: Span) -> None:
    """What happens to a company's people together: one voice, the champion who leaves, a domain that goes."""
    people = [person for person in company.members if person.kind == "person"]
    if len(people) < 3:
        company.is_single_voice = company.lost_champion = False
        return
    champion = min(people, key=lambda person: person.gap_days)
    champion.is_champion = True
    if company.is_single_voice:
        company.lost_champion = False
        for person in people:
            person.fate = "steady" if person is champion else rng.choice(("never_heard", "drifted", "left"))
    if company.lost_champion:
        champion.fate, champion.created = "left", min(champion.created, span.start)
        champion.gap_days = min(champion.gap_days, 12.0)


def _settle_fate(rng: random.Random, person: Person, span: Span) -> None:
    """When it happens, and by what it shows."""
    if person.fate in {"drifted", "came_back", "left", "drifting"}:
        person.created = min(person.created, span.now - 300 * DAY)
    first = max(person.created, span.start)
    _fall_silent(rng, person, span, first)
    if person.fate == "left":
        _leave(rng, person, span)
    elif person.fate == "unreachable":
        person.opted_out = True
        person.wrong_number = rng.random() < 0.5
        person.do_not_call = not person.wrong_number
    person.opted_out = person.opted_out or rng.random() < 0.04
    person.do_not_call = person.do_not_call or rng.random() < 0.02
    if person.kind == "person":
        _absences(rng, person, span)
        if person.back_at is not None:
            person.absences = [absence for absence in person.absences if absence.until < person.back_at]
        if person.fate == "steady" and rng.random() < 0.06 and first < span.now:
            person.promoted_at = rng.randint(first, span.now)
            person.new_title = rng.choice([title for title in person.language.titles if title != person.title])
        if person.fate == "drifted" and rng.random() < 0.12:
            person.role_changed_at = person.silent_at
            _name_successor(rng, person)


def _fall_silent(rng: random.Random, person: Person, span: Span, first: int) -> None:
    """When the gaps begin to grow, when the last word came, and for a few when they come back."""
    room = max(span.now - first, 60 * DAY)
    if person.fate == "drifted":
        person.drift_at = first + int(room * rng.uniform(0.35, 0.75))
        person.silent_at = min(person.drift_at + rng.randint(20, 75) * DAY, span.now - rng.randint(25, 60) * DAY)
        if rng.random() < 0.12:
            person.back_at = span.now + rng.randint(1, 58) * DAY
    elif person.fate == "drifting":
        person.drift_at = span.now - rng.randint(25, 55) * DAY
        person.silent_at = span.now + rng.randint(5, 40) * DAY
    elif person.fate == "came_back":
        person.back_at = span.now - rng.randint(3, 40) * DAY
        person.silent_at = person.back_at - rng.randint(90, 200) * DAY
        person.drift_at = person.silent_at - rng.randint(10, 40) * DAY
        person.back_by = rng.choice(("call", "linkedin", "meeting", "email"))


def _leave(rng: random.Random, person: Person, span: Span) -> None:
    recent = rng.randint(15, 150) if person.is_champion else rng.randint(15, 400)
    person.left_at = max(span.now - recent * DAY, max(person.created, span.start) + 30 * DAY)
    how = rng.choices(list(LEAVINGS), list(LEAVINGS.values()))[0]
    others = [other for other in person.company.members if other is not person and other.kind == "person" and other.fate == "steady"]
    if how == "took_over" and not others:
        how = "farewell"
    person.left_how = how
    if how == "bounce":
        person.closed_at = person.left_at + rng.randint(0, 30) * DAY
    elif how == "auto_reply":
        person.closed_at = person.left_at + rng.randint(30, 90) * DAY if rng.random() < 0.6 else None
    elif how not in {"record", "none"} and rng.random() < 0.4:
        person.closed_at = person.left_at + rng.randint(30, 90) * DAY
    language = person.language
    person.new_company = f"{rng.choice(language.stems)} {rng.choice(language.trades)} {rng.choice(language.forms)}".strip()
    new_domain = "-".join(language.latin(part) for part in person.new_company.split()[:2])
    person.new_email = f"{language.latin(person.first)}.{language.latin(person.last)}@{new_domain}.example"
    if how in {"took_over", "farewell"} or rng.random() < 0.6:
        _name_successor(rng, person)


def _name_successor(rng: random.Random, person: Person) -> None:
    """Who follows: often another contact of the same company, else somebody whom the CRM does not know."""
    others = [other for other in person.company.members if other is not person and other.kind == "person" and other.fate == "steady"]
    if others and (person.left_how == "took_over" or rng.random() < 0.65):
        person.successor = rng.choice(others)
        person.successor_name, person.successor_email = person.successor.name, person.successor.address
        return
    language = person.language
    first, last = rng.choice(language.first_names), rng.choice(language.last_names)
    person.successor_name = f"{first} {last}"
    person.successor_email = f"{language.latin(first)}.{language.latin(last)}@{person.company.domain}"


def _absences(rng: random.Random, person: Person, span: Span) -> None:
    """Two or three holidays a year, and for a few a long leave; in midnights UTC."""
    day = max(person.created, span.start)
    while True:
        day += int(rng.uniform(60, 260) * DAY)
        if day >= span.end:
            break
        start = day // DAY * DAY
        until = start + rng.randint(4, 21) * DAY
        person.absences.append(Absence(start, until, is_long=False))
        day = until
    if person.fate == "steady" and rng.random() < 0.02:
        start = (span.now - rng.randint(10, 90) * DAY) // DAY * DAY
        leave = Absence(start, start + rng.randint(110, 300) * DAY, is_long=True)
        person.absences = [absence for absence in person.absences if absence.until < start]
        person.absences.append(leave)


def _double_and_merge(rng: random.Random, people: list[Person]) -> None:
    """A few records are second records of somebody, merged into another, or archived."""
    plain = [person for person in people if person.kind == "person" and person.fate == "never_heard"]
    for person in plain:
        others = [other for other in person.company.members if other.kind == "person" and other.fate == "steady"]
        chance = rng.random()
        if others and chance < 0.14:
            twin = rng.choice(others)
            person.first, person.last, person.title, person.place = twin.first, twin.last, twin.title, twin.place
            person.email, person.kind, person.same_as = None, "duplicate", twin.contact_id
            person.merged_into = twin.contact_id if chance < 0.025 else None
        elif chance > 0.88:
            person.is_archived = True
