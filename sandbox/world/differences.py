"""How the records of one human differ between two CRMs: spelling, addresses, titles and employers that only one side has updated."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sandbox.world.making import World
from sandbox.world.options import DAY
from sandbox.world.people import FREE_MAIL
from sandbox.world.tables import moments
from sandbox.world.texts import languages
from transforms.vocabulary.tables import CONTACTS, to_table

HUBSPOT_ONLY = ("form", "web", "product", "community", "chat")
"""What the website and the product report goes to HubSpot, where the person stands there."""
_TIMES = ("title_changed_at", "created_at", "email_bounced_at", "verified_at", "job_changed_at", "mail_captured_at")
_CHANCES = {"email_case": 0.2, "nickname": 0.08, "private_email": 0.06, "other_email": 0.06, "owner": 0.25, "employer": 0.45}
"""How often a person who stands in both has that difference; ``employer`` of those who left."""
_FIRST_FIRM = 59_000_001


@dataclass(frozen=True)
class Drawn:
    """What is drawn for the people: the seed, and the shares of leads, of contacts who were leads, and of changes of jobs noticed."""

    seed: int
    leads: float
    converted: float
    noticed: float


@dataclass(frozen=True)
class Held:
    """The records of each CRM under the world's ids, with ``source_id``, ``person_id``, ``record``, ``in_crms`` and ``differences`` beside.

    ``companies`` are those of each CRM. ``other_emails`` are further addresses that HubSpot knows of a contact.
    """

    hubspot: pd.DataFrame
    salesforce: pd.DataFrame
    companies: dict[str, pd.DataFrame]
    other_emails: pd.DataFrame

    def frame(
        self,
        crm: str,
        contacts: Mapping[str, str] | None = None,
        owners: Mapping[str, str] | None = None,
        companies: Mapping[str, str] | None = None,
    ) -> pd.DataFrame:
        """The canonical frame of contacts of one CRM, its ids exchanged."""
        held = self.salesforce if crm == "salesforce" else self.hubspot
        made = held[[name for name in CONTACTS.names if name in held.columns]].assign(crm=crm)
        for names, ids in ((("contact_id", "merged_into"), contacts), (("owner_id",), owners), (("company_id",), companies)):
            if ids is not None:
                made = made.assign(**{name: made[name].map(dict(ids)) for name in names})
        return to_table(CONTACTS, made)


def homes_of_owners(world: World) -> dict[str, int]:
    """In which CRM each of us works: 0 HubSpot, 1 Salesforce; two and two in turn."""
    return {owner: place // 2 % 2 for place, owner in enumerate(world.owners["owner_id"])}


def differ(world: World, where: Any, drawn: Drawn) -> Held:
    """The records of both CRMs. ``where`` says of each contact: 0 HubSpot, 1 Salesforce, 2 both."""
    maker = _Maker(world, drawn)
    truth = world.truth.set_index("contact_id").to_dict("index")
    hubspot, salesforce = [], []
    for contact, place in zip(world.contacts.to_dict("records"), where, strict=True):
        fate = truth[contact["contact_id"]]
        pair = maker.pair(contact, fate, int(place))
        hubspot += pair[0]
        salesforce += pair[1]
    frames = [_frame(rows) for rows in (hubspot, salesforce)]
    # A record that was merged leads to one that is there.
    for frame in frames:
        frame["merged_into"] = frame["merged_into"].where(frame["merged_into"].isin(frame["contact_id"]))
    firms = world.companies
    companies = {
        "hubspot": firms[firms["company_id"].isin(frames[0]["company_id"])],
        "salesforce": pd.concat([firms[firms["company_id"].isin(maker.in_salesforce)], maker.firms()], ignore_index=True),
    }
    others = pd.DataFrame(maker.other_emails, columns=["contact_id", "hs_additional_emails"], dtype="str")
    return Held(frames[0], frames[1], companies, others)


class _Maker:
    """Makes the one or two records of each human."""

    def __init__(self, world: World, drawn: Drawn) -> None:
        self._drawn = drawn
        self._now = world.options.moment
        self._owners = [row["owner_id"] for row in world.owners.to_dict("records") if row["is_active"]]
        self._titles = {language.code: language.titles for language in languages()}
        self._domains = dict(zip(world.companies["company_id"], world.companies["domain"], strict=True))
        self._has_tickets = set(world.activities.loc[world.activities["channel"] == "ticket", "contact_id"])
        self._taken = set(world.contacts["email"].dropna().str.lower())
        self._firms: dict[str, dict[str, Any]] = {}
        self.in_salesforce: set[str] = set()
        self.other_emails: list[tuple[str, str]] = []

    def firms(self) -> pd.DataFrame:
        """The new employers that only Salesforce knows."""
        names = ("company_id", "name", "domain", "owner_id", "lifecycle_stage", "is_customer")
        return pd.DataFrame(list(self._firms.values()), columns=list(names)).astype({"is_customer": "boolean"})

    def pair(self, contact: dict[str, Any], fate: dict[str, Any], place: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The records in HubSpot and in Salesforce."""
        rng = random.Random(f"{self._drawn.seed}:parting:{contact['contact_id']}")
        is_shared = fate["kind"] == "shared"
        person_id = str(contact["contact_id"])
        if isinstance(fate["duplicate_of"], str):
            person_id = fate["duplicate_of"]
        base = {
            **contact,
            "source_id": contact["contact_id"],
            "person_id": person_id,
            "record": "contact",
            "in_crms": ("hubspot", "salesforce", "both")[place],
            "differences": None,
        }
        in_hubspot = [dict(base)] if place in {0, 2} else []
        in_salesforce = [dict(base)] if place in {1, 2} else []
        if in_salesforce:
            self.in_salesforce.add(contact["company_id"])
        if place == 2 and is_shared:
            # A desk is nobody: whoever reads info@ for one of our teams is not whoever reads it for the other.
            in_salesforce[0] |= {"person_id": f"{person_id}-desk", "differences": "shared"}
            in_hubspot[0]["differences"] = "shared"
        elif place == 2 and not isinstance(contact["merged_into"], str):
            words = self._tell_apart(rng, in_hubspot[0], in_salesforce[0], fate)
            in_hubspot[0]["differences"] = in_salesforce[0]["differences"] = ",".join(words) or None
        for record in in_salesforce:
            self._as_salesforce(rng, record, fate)
        former = [self._former_lead(rng, record) for record in in_salesforce if self._was_lead(rng, record, fate)]
        return in_hubspot, in_salesforce + former

    def _tell_apart(self, rng: random.Random, ours: dict[str, Any], theirs: dict[str, Any], fate: dict[str, Any]) -> list[str]:
        """Change a few things on one side; ``ours`` is HubSpot's record, ``theirs`` Salesforce's."""
        words = []
        wants = {name: rng.random() < chance for name, chance in _CHANCES.items()}
        if wants["owner"]:
            theirs["owner_id"] = rng.choice([owner for owner in self._owners if owner != theirs["owner_id"]])
            words.append("owner")
        if wants["nickname"] and isinstance(ours["first_name"], str) and ours["first_name"].isascii() and len(ours["first_name"]) > 4:
            rng.choice((ours, theirs))["first_name"] = _short(ours["first_name"])
            words.append("nickname")
        words += self._addresses(rng, ours, theirs, wants, fate)
        if fate["has_left"] and isinstance(fate["new_company"], str):
            if wants["employer"] or fate["left_how"] == "record":
                words.append(self._employer(rng, ours, theirs, fate))
        elif isinstance(fate["new_title"], str) and pd.notna(fate["promoted_at"]):
            words.append(self._promotion(rng, ours, theirs, fate))
        return words

    def _addresses(
        self, rng: random.Random, ours: dict[str, Any], theirs: dict[str, Any], wants: Mapping[str, bool], fate: dict[str, Any]
    ) -> list[str]:
        email = ours["email"]
        if not isinstance(email, str):
            return []
        if wants["private_email"] and fate["kind"] == "person":
            # HubSpot knows both addresses and writes to the private one; Salesforce knows the one at work.
            local, provider = email.partition("@")[0], rng.choice(FREE_MAIL)
            private = f"{local}@{provider}" if f"{local}@{provider}" not in self._taken else f"{local}.{ours['contact_id']}@{provider}"
            self._taken.add(private)
            ours["email"] = private
            self.other_emails.append((ours["contact_id"], email))
            return ["private_email"]
        if wants["other_email"] and fate["kind"] == "person":
            # Salesforce has another spelling of the address, which nobody corrected: names and domain are all the two share.
            local, _, domain = email.partition("@")
            theirs["email"] = f"{local[0]}{local.rpartition('.')[2]}{ours['contact_id'][-2:]}@{domain}"
            return ["other_email"]
        if wants["email_case"]:
            local, _, domain = email.partition("@")
            theirs["email"] = f"{local.title()}@{rng.choice((domain, domain.capitalize()))}"
            return ["email_case"]
        return []

    def _employer(self, rng: random.Random, ours: dict[str, Any], theirs: dict[str, Any], fate: dict[str, Any]) -> str:
        """One side knows of the new employer, the other does not."""
        known_at = min(fate["left_at"] + pd.Timedelta(days=rng.randint(5, 60)), self._now)
        domain = fate["new_email"].partition("@")[2]
        title = self._title(rng, fate, ours["title"])
        if fate["left_how"] == "record":
            # HubSpot was told already; Salesforce still has what was before.
            theirs |= {"title": self._title(rng, fate, ours["title"]), "title_changed_at": pd.NaT}
            theirs["company_domain"] = self._domains.get(theirs["company_id"])
            return "employer_in_hubspot"
        if rng.random() < 0.3:
            ours |= {"title": title, "title_changed_at": known_at, "company_domain": domain}
            return "employer_in_hubspot"
        theirs |= {"title": title, "title_changed_at": known_at, "company_domain": domain}
        return "employer_in_salesforce"

    def _new_firm(self, domain: str, name: str | None, owner: str | None) -> str:
        number = str(_FIRST_FIRM + 3 * len(self._firms))
        told = {"company_id": number, "name": name, "domain": domain, "owner_id": owner, "lifecycle_stage": "lead", "is_customer": False}
        return str(self._firms.setdefault(domain, told)["company_id"])

    def _promotion(self, rng: random.Random, ours: dict[str, Any], theirs: dict[str, Any], fate: dict[str, Any]) -> str:
        if ours["title"] == fate["new_title"]:
            theirs |= {"title": self._title(rng, fate, ours["title"]), "title_changed_at": pd.NaT}
            return "title_in_hubspot"
        known_at = min(fate["promoted_at"] + pd.Timedelta(days=rng.randint(1, 60)), self._now)
        theirs |= {"title": fate["new_title"], "title_changed_at": known_at}
        return "title_in_salesforce"

    def _title(self, rng: random.Random, fate: dict[str, Any], other_than: str | None) -> str:
        return rng.choice([title for title in self._titles[fate["language"]] if title != other_than])

    def _as_salesforce(self, rng: random.Random, record: dict[str, Any], fate: dict[str, Any]) -> None:
        """What only Salesforce would know: that somebody is a lead, and that its data service saw a change of jobs."""
        may_be_lead = fate["kind"] != "duplicate" and record["contact_id"] not in self._has_tickets
        if rng.random() < self._drawn.leads and may_be_lead and not isinstance(record["merged_into"], str):
            record["record"] = "lead"
            record["differences"] = ",".join(part for part in (record["differences"], "lead") if part)
        domain = record["company_domain"]
        if isinstance(domain, str) and domain != self._domains.get(record["company_id"]):
            # Salesforce has the domain at the account, so somebody with a new one belongs to another account.
            record["company_id"] = self._new_firm(domain, fate["new_company"], record["owner_id"])
        if fate["has_left"] and fate["left_how"] != "none" and rng.random() < self._drawn.noticed:
            record["job_changed_at"] = min(fate["left_at"] + pd.Timedelta(days=rng.randint(1, 15)), self._now)

    def _was_lead(self, rng: random.Random, record: dict[str, Any], fate: dict[str, Any]) -> bool:
        return bool(record["record"] == "contact" and fate["kind"] == "person" and rng.random() < self._drawn.converted)

    def _former_lead(self, rng: random.Random, record: dict[str, Any]) -> dict[str, Any]:
        """The lead that a contact was before it was converted."""
        return {
            **record,
            "contact_id": f"former-{record['contact_id']}",
            "record": "lead",
            "merged_into": record["contact_id"],
            "is_deleted": True,
            "created_at": record["created_at"] - pd.Timedelta(seconds=rng.randint(2, 90) * DAY),
            **dict.fromkeys(("title_changed_at", "email_bounced_at", "verified_at", "job_changed_at"), pd.NaT),
            **dict.fromkeys(("email_bounce_reason", "email_bounce_code", "differences"), None),
        }


def _short(name: str) -> str:
    """How colleagues shorten a name: up to the second vowel, without it."""
    vowels = [place for place, letter in enumerate(name) if letter.lower() in "aeiouy"]
    end = next((place for place in vowels if place >= 3), 3)
    return name[:end]


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    names = [*CONTACTS.names, "source_id", "person_id", "record", "in_crms", "differences"]
    frame = pd.DataFrame.from_records(rows, columns=names)
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True) if len(frame) else moments([])
    return frame
