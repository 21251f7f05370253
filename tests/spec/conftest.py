"""Specs: for each field a table of what happened, and what the field must say of it.

A spec is read by people who know the customers and not the code::

    def test_last_heard_at_is_moved_by_people_only(check):
        '''An open is made by a machine.'''
        check(
            last_heard_at,
            '''
            contact | at               | channel | direction | outcome
            ana     | 2026-10-01 09:00 | email   | inbound   |
            ana     | 2026-10-05 10:00 | email   | outbound  | opened
            ''',
            {"ana": "2026-10-01 09:00", "tom": None},
        )

The columns are those of the canonical tables (``contact`` is contact_id, ``at`` is occurred_at); an empty place is a missing value.
Contacts that are not told of in ``contacts`` exist all the same, created two years before. It is 22 November 2026, midnight, UTC.
"""

from collections.abc import Callable

import pandas as pd
import pytest

from transforms.book import Book, Tables
from transforms.compute import combine, compute_companies, compute_contacts, tally
from transforms.policy import Policy
from transforms.vocabulary.fields import Field, Kind, to_text
from transforms.vocabulary.tables import COMPANIES, CONTACTS, OWNERS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
_SHORT = {"contact": "contact_id", "company": "company_id", "owner": "owner_id", "at": "occurred_at"}


def read_rows(text: str) -> pd.DataFrame:
    """The rows of a table drawn with bars; column names may be short."""
    lines = [[place.strip() for place in line.split("|")] for line in text.strip().splitlines() if line.strip()]
    head, *rows = lines or [["contact"]]
    short = [row for row in rows if len(row) != len(head)]
    assert short == [], f"these rows have another number of places than the head {head}"
    return pd.DataFrame(rows, columns=[_SHORT.get(name, name) for name in head], dtype="str")


def tables_of(
    activities: str,
    *,
    contacts: str = "",
    companies: str = "",
    names: tuple[str, ...] = (),
    others: pd.DataFrame | None = None,
    mail_elsewhere: frozenset[str] = frozenset(),
) -> Tables:
    """The canonical tables of a spec. ``others`` are activities of further contacts, for what is learned from the whole customer base."""
    rows = read_rows(activities)
    if others is not None:
        rows = pd.concat([rows, others], ignore_index=True)
    if "activity_id" not in rows.columns:
        rows["activity_id"] = [f"a{place}" for place in range(len(rows))]
    people = read_rows(contacts) if contacts else pd.DataFrame({"contact_id": pd.Series(dtype="str")})
    untold = sorted({*rows["contact_id"], *names} - set(people["contact_id"]))
    people = pd.concat([people, pd.DataFrame({"contact_id": untold, "created_at": "2024-11-22", **_crms(rows, people)})], ignore_index=True)
    firms = (
        read_rows(companies)
        if companies
        else pd.DataFrame({"company_id": sorted(set(people.get("company_id", pd.Series(dtype="str")).dropna()) - {""})})
    )
    return Tables(
        to_table(CONTACTS, people),
        to_table(STORED_ACTIVITIES, rows),
        to_table(COMPANIES, firms),
        to_table(OWNERS, pd.DataFrame()),
        mail_elsewhere=mail_elsewhere,
    )


def _crms(rows: pd.DataFrame, people: pd.DataFrame) -> dict[str, str]:
    """Where a spec names CRMs, contacts that it does not tell of are in HubSpot."""
    return {"crm": "hubspot"} if "crm" in rows.columns and "crm" in people.columns else {}


def values_of(field: Field, tables: Tables, as_of: pd.Timestamp = NOW, policy: Policy | None = None) -> pd.Series:
    """The raw values of one field by contact_id (by company_id for a field of companies)."""
    policy = policy or Policy()
    org = combine([tally(tables, as_of, policy)])
    if field.table == "companies":
        computed = compute_contacts(tables, org, as_of, policy)
        firms = compute_companies(tables.companies, computed.company_parts, org, as_of, policy)
        return firms.set_index("company_id")[field.name]
    book = Book(tables, as_of, policy, org)
    values = book.value(field)
    return book.members.set_index("contact_id")["person_id"].map(values).astype(values.dtype)


def in_words(field: Field, values: pd.Series) -> dict[str, object]:
    """The values as a spec writes them: text as in the CRM, floats for chances and shares, None for missing."""
    if field.kind in (Kind.CHANCE, Kind.SHARE):
        return {key: None if pd.isna(value) else round(float(value), 2) for key, value in values.items()}
    if field.kind in (Kind.COUNT, Kind.SCORE):
        return {key: None if pd.isna(value) else int(value) for key, value in values.items()}
    if field.kind is Kind.FLAG:
        return {key: None if pd.isna(value) else bool(value) for key, value in values.items()}
    texts = to_text(field, values)
    if field.kind is Kind.DATETIME:
        texts = pd.to_datetime(texts, utc=True).dt.strftime("%Y-%m-%d %H:%M").astype("str")
    return {key: None if pd.isna(value) else value for key, value in texts.items()}


@pytest.fixture
def check() -> Callable[..., None]:
    """Compare what a field says with what the spec expects, for the contacts (or companies) that it names."""

    def compare(field: Field, activities: str, expected: dict[str, object], **more: object) -> None:
        names = () if field.table == "companies" else tuple(expected)
        actual = in_words(field, values_of(field, tables_of(activities, names=names, **more)))
        assert expected == {name: actual[name] for name in expected}

    return compare
