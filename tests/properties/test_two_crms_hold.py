"""What holds for people of two CRMs: the order of rows and the number of buckets do not matter, and which CRM came first neither."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from transforms.compute import Org, Tables, compute_companies, compute_contacts
from transforms.fields import COMPANY_FIELDS, CONTACT_FIELDS
from transforms.persons import bucket_of, resolve
from transforms.policy import Policy
from transforms.vocabulary.fields import to_text
from transforms.vocabulary.tables import COMPANIES, CONTACTS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22 09:00", tz="UTC")
POLICY = Policy()
CRMS = ("hubspot", "salesforce")


def customers(seed: int, people: int = 24, activities: int = 400) -> Tables:
    """People of whom a third is in HubSpot, a third in Salesforce and a third in both, by one address or by their name at their firm."""
    random = np.random.default_rng(seed)
    rows, records = [], {}
    for number in range(people):
        firm = number % 4
        for crm in CRMS if number % 3 == 2 else (CRMS[number % 3],):
            record = f"{crm[0]}{number}"
            records.setdefault(number, []).append((crm, record))
            named = {"first_name": f"Ana{'bcdefgh'[number % 7]}", "last_name": f"Silva{'klmnopq'[number // 7]}"}
            address = f"p{number}@x{firm}.example" if number % 2 or crm == "hubspot" else None
            rows.append(
                {
                    "crm": crm,
                    "contact_id": record,
                    "email": address,
                    **named,
                    "title": random.choice(["CFO", "COO"]),
                    "company_id": f"{crm[0]}k{firm}",
                    "company_domain": f"x{firm}.example",
                    "owner_id": random.choice(["u1", "u2"]),
                    "created_at": NOW - pd.Timedelta(days=int(random.integers(10, 900))),
                    "mail_captured_at": NOW - pd.Timedelta(days=int(random.integers(0, 30))) if random.random() < 0.2 else None,
                    "job_changed_at": NOW - pd.Timedelta(days=int(random.integers(0, 300))) if random.random() < 0.1 else None,
                }
            )
    told = []
    for number in range(activities):
        at = NOW - pd.Timedelta(minutes=int(random.integers(0, 500 * 24 * 60)))
        channel, direction = random.choice(["email", "email", "call", "meeting"]), random.choice(["inbound", "outbound"])
        who = records[int(random.integers(0, people))]
        # Half of what concerns people of both is told by both.
        for place, (crm, record) in enumerate(who if random.random() < 0.5 else who[:1]):
            told.append(
                {"crm": crm, "activity_id": f"a{number}", "contact_id": record, "occurred_at": at + pd.Timedelta(seconds=20 * place)}
                | {"channel": channel, "direction": direction, "actor_id": "u1"}
            )
    firms = [{"crm": crm, "company_id": f"{crm[0]}k{firm}", "domain": f"x{firm}.example"} for crm in CRMS for firm in range(4)]
    return Tables(to_table(CONTACTS, rows), to_table(STORED_ACTIVITIES, told), to_table(COMPANIES, firms))


def computed(tables: Tables, buckets: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All fields as text, of persons and of companies, computed in so many buckets."""
    people = resolve(tables.contacts, tables.companies)
    bucket = bucket_of(people["person_id"], buckets)
    parts = []
    for number in range(buckets):
        mine = people[bucket == number]
        keys = mine["crm"] + ":" + mine["contact_id"]
        of_mine = (tables.activities["crm"] + ":" + tables.activities["contact_id"]).isin(keys)
        parts.append(replace(tables, contacts=tables.contacts.loc[mine.index], activities=tables.activities[of_mine], people=mine))
    # What is learned from all has tests of its own; here it would only bring roundings.
    org = Org.without_history(NOW, POLICY)
    done = [compute_contacts(part, org, NOW, POLICY) for part in parts]
    persons = pd.concat([one.persons for one in done]).sort_index()
    companies = compute_companies(tables.companies, pd.concat([one.company_parts for one in done]), org, NOW, POLICY)
    return (
        pd.DataFrame({field.name: to_text(field, persons[field.name]) for field in CONTACT_FIELDS}),
        pd.DataFrame({field.name: to_text(field, companies[field.name]) for field in COMPANY_FIELDS}),
    )


def assert_same(expected: tuple[pd.DataFrame, pd.DataFrame], actual: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """All texts of persons and companies agree."""
    for before, after in zip(expected, actual, strict=True):
        pd.testing.assert_frame_equal(after, before)


@pytest.mark.parametrize("seed", [1, 2])
def test_buckets_and_the_order_of_rows_do_not_matter(seed: int) -> None:
    """People of two CRMs computed in five buckets, from rows in any order, have the same fields, and so have their companies."""
    tables = customers(seed)
    people = resolve(tables.contacts, tables.companies)
    assert people["person_id"].nunique() == 24
    expected = computed(tables)
    assert_same(expected, computed(tables, 5))
    shuffled = Tables(
        *(frame.sample(frac=1, random_state=seed, ignore_index=True) for frame in (tables.contacts, tables.activities, tables.companies))
    )
    assert_same(expected, computed(shuffled))


def test_companies_of_one_account_have_one_word() -> None:
    """Both records of an account hold the same in every field."""
    _, companies = computed(customers(3))
    for firm in range(4):
        pair = companies.loc[[f"hubspot:hk{firm}", f"salesforce:sk{firm}"]]
        assert pair.iloc[0].fillna("").tolist() == pair.iloc[1].fillna("").tolist()
