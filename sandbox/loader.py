"""Fills a portal from canonical tables."""

from __future__ import annotations

from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.portal import Portal
from sandbox.loading.activities import load_activities
from sandbox.loading.kept import People
from sandbox.loading.people import load_companies, load_contacts, load_owners
from sandbox.loading.report import Loaded, LoadReport
from sandbox.loading.rows import refuse_doubles, targets_of_merges
from sandbox.loading.tables import Tables, last_moment, numbered, texts

__all__ = ["LoadReport", "Loaded", "Tables", "last_moment", "load_tables"]


def load_tables(portal: Portal, tables: Tables) -> LoadReport:
    """Put canonical tables into an empty portal. Ids that are numbers stay as they are; others become numbers, the old ones ``external_id``.

    Raises BadInput where a table is not canonical, a contact comes twice, or an activity names an unknown contact.
    """
    tables = tables.cast()
    contacts = tables.contacts
    refuse_doubles(contacts)
    with portal.lock:
        ids = numbered(contacts["contact_id"], object_type("contacts").first_id)
        owners = load_owners(portal, tables)
        companies = load_companies(portal, tables, owners)
        people = _people(portal, tables, ids, companies)
        targets = targets_of_merges(contacts, ids)
        parts, roll_ups = load_activities(
            portal, tables.activities, {text: targets.get(number, number) for text, number in ids.items()}, companies, owners, people
        )
        load_contacts(portal, tables, ids, owners, companies, roll_ups)
        portal.ids |= {"contacts": ids, "companies": companies, "owners": owners}
    heads = [
        Loaded("contacts", len(contacts), len(ids), "as contacts"),
        Loaded("companies", len(tables.companies) if tables.companies is not None else 0, len(companies), "as companies"),
        Loaded("owners", len(tables.owners) if tables.owners is not None else 0, len(owners), "as owners"),
    ]
    return LoadReport(tuple(heads + parts), dict(portal.ids))


def _people(portal: Portal, tables: Tables, ids: dict[str, int], companies: dict[str, int]) -> People:
    frame = tables.contacts
    emails, firsts, lasts = (texts(frame[name]) for name in ("email", "first_name", "last_name"))
    numbers = [ids[text] for text in frame["contact_id"]]
    known = {
        number: ((email or f"contact-{number}@unknown.example").strip().lower(), first or "", last or "")
        for number, email, first, last in zip(numbers, emails, firsts, lasts, strict=True)
    }
    firms = {n: companies[c] for n, c in zip(numbers, texts(frame["company_id"]), strict=True) if c is not None}
    owners = {owner.id: (owner.email, owner.first_name, owner.last_name) for owner in portal.owners.all.values()}
    return People(known, owners, firms)
