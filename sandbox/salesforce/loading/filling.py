"""Fills a Salesforce org from canonical tables."""

from __future__ import annotations

from sandbox.loading.report import Loaded, LoadReport
from sandbox.loading.rows import refuse_doubles, targets_of_merges
from sandbox.loading.tables import Tables
from sandbox.salesforce.loading.activities import load_activities
from sandbox.salesforce.loading.people import load_accounts, load_people, load_users, read_people, take_ids
from sandbox.salesforce.org import Org


def load_org(org: Org, tables: Tables) -> LoadReport:
    """Put canonical tables into an org. Ids that are Salesforce's own stay as they are; others become new ones (``LoadReport.ids``).

    A contact whose id begins with 00Q is a lead, every other one a contact. A lead that was merged into a contact was converted.

    Raises BadInput where a table is not canonical, a contact comes twice, or an activity names an unknown contact.
    """
    tables = tables.cast()
    contacts = tables.contacts
    refuse_doubles(contacts)
    with org.lock:
        is_lead = contacts["contact_id"].str.startswith("00Q")
        ids = {
            **take_ids(org, "Contact", contacts.loc[~is_lead, "contact_id"]),
            **take_ids(org, "Lead", contacts.loc[is_lead, "contact_id"]),
        }
        users = load_users(org, tables)
        accounts = load_accounts(org, tables, users)
        people = read_people(contacts, ids, accounts)
        targets = targets_of_merges(contacts, ids)
        happened = load_activities(
            org, tables.activities, {text: targets.get(own, own) for text, own in ids.items()}, accounts, users, people
        )
        load_people(org, tables, ids, users, people, happened)
    heads = [
        Loaded("contacts", int((~is_lead).sum()), int((~is_lead).sum()), "as Contact"),
        Loaded("leads", int(is_lead.sum()), int(is_lead.sum()), "as Lead"),
        Loaded("companies", 0 if tables.companies is None else len(tables.companies), len(accounts), "as Account"),
        Loaded("owners", 0 if tables.owners is None else len(tables.owners), len(users), "as User"),
    ]
    return LoadReport(
        tuple(head for head in heads if head.rows or head.records) + tuple(happened.parts),
        {"contacts": ids, "companies": accounts, "owners": users, **happened.ids},
    )
