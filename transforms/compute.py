"""From tables to fields: count each bucket, add the counts up, compute each bucket, then the companies.

    org = combine([tally(bucket, as_of, policy) for bucket in buckets])
    done = [compute_contacts(bucket, org, as_of, policy) for bucket in buckets]
    accounts = compute_companies(companies, pd.concat([one.company_parts for one in done]), org, as_of, policy)

The result does not depend on the number of buckets, nor on the order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from transforms.accounts import PARTS, AccountBook
from transforms.book import Book, Tables
from transforms.fields import COMPANY_FIELDS, CONTACT_FIELDS
from transforms.org import Org, Tally, combine
from transforms.policy import Policy
from transforms.tally import tally, tally_book
from transforms.vocabulary.fields import Field

__all__ = [
    "Book",
    "Computed",
    "Org",
    "Tables",
    "Tally",
    "Values",
    "combine",
    "compute_book",
    "compute_companies",
    "compute_contacts",
    "tally",
    "tally_book",
]


@dataclass(frozen=True)
class Values:
    """The fields of one bucket.

    ``persons`` is indexed by person_id and has one column a contact field, with raw values (see ``to_text`` for what is written).
    ``members`` says which contacts each person has: crm, contact_id, person_id. ``company_parts`` is what ``compute_companies`` needs.
    """

    persons: pd.DataFrame
    members: pd.DataFrame
    company_parts: pd.DataFrame


@dataclass(frozen=True)
class Computed(Values):
    """The fields of one bucket with ``book``, from which they were computed. The book is many times larger than the values."""

    book: Book


def compute_contacts(tables: Tables, org: Org, as_of: pd.Timestamp, policy: Policy, fields: Sequence[Field] = CONTACT_FIELDS) -> Computed:
    """Every contact field of every person of one bucket at the moment ``as_of``. Nothing after that moment is used."""
    return compute_book(Book(tables, as_of, policy, org), fields)


def compute_book(book: Book, fields: Sequence[Field] = CONTACT_FIELDS) -> Computed:
    """The same, of a book that is at hand."""
    values = pd.DataFrame({field.name: book.value(field) for field in fields}, index=book.persons.index)
    by_name = {field.name: field for field in CONTACT_FIELDS}
    people = book.persons.reset_index()[["person_id", "first_name", "last_name"]]
    parts = people.assign(days_heard=book.rhythm["number"].to_numpy()).assign(
        **{name: book.value(by_name[name]).array for name in PARTS[PARTS.index("last_heard_at") :]}
    )
    at_firms = book.sides.reset_index()[["person_id", "company"]].dropna().drop_duplicates()
    parts = at_firms.merge(parts, on="person_id")[list(PARTS)]
    return Computed(values, book.members, parts, book)


def compute_companies(
    companies: pd.DataFrame, parts: pd.DataFrame, org: Org, as_of: pd.Timestamp, policy: Policy, fields: Sequence[Field] = COMPANY_FIELDS
) -> pd.DataFrame:
    """Every company field, indexed by crm:company_id, with the columns crm and company_id before the fields.

    Companies of two CRMs that are one account have the same values.

    ``parts`` are the ``company_parts`` of all buckets, in any order.
    """
    book = AccountBook(companies, parts, as_of, policy, org)
    return book.records[["crm", "company_id"]].assign(**{field.name: book.of_records(field) for field in fields})
