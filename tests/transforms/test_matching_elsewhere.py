"""The same human under a younger record at another firm: when it is seen, and when it is not."""

import pandas as pd
import pytest

from tests.spec.conftest import NOW, read_rows
from transforms.book import Book, Tables
from transforms.fields.job import job_evidence, job_state
from transforms.matching.elsewhere import seen_elsewhere
from transforms.org import Org
from transforms.persons import resolve
from transforms.policy import Policy
from transforms.vocabulary.tables import COMPANIES, CONTACTS, STORED_ACTIVITIES, empty_table, to_table

CROWD = pd.DataFrame(
    [
        {
            "contact_id": f"c{place}",
            "first_name": f"Given{place % 40}",
            "last_name": f"Family{place % 37}",
            "email": f"c{place}@crowd.example",
        }
        for place in range(400)
    ]
)
"""Others, so that a name can be rare: 40 first names and 37 family names, none of them the tried ones."""

NOBODY = pd.DataFrame(columns=["person_id", "at", "sign", "firm"])


def people_of(drawn: str) -> pd.DataFrame:
    """The contacts of a table, with the crowd beside them."""
    return to_table(CONTACTS, pd.concat([read_rows(drawn), CROWD.assign(created_at="2020-01-01")], ignore_index=True))


def found(drawn: str, *, crowd: bool = True) -> list[tuple[str, str, str, str]]:
    """Who is seen elsewhere: contact, day, sign, firm."""
    contacts = people_of(drawn) if crowd else to_table(CONTACTS, read_rows(drawn))
    people = resolve(contacts)
    seen = seen_elsewhere(contacts, empty_table(COMPANIES), people)
    contact = people.drop_duplicates("person_id").set_index("person_id")["contact_id"]
    return [(contact[row.person_id], f"{row.at:%Y-%m-%d}", row.sign, row.firm) for row in seen.itertuples()]


MOVED = """
contact | created_at | first_name | last_name | email                   | linkedin_url
old     | 2024-01-10 | Ilse       | Vandamme  | ilse.v@halden.example   |
new     | 2026-05-03 | Ilse       | Vandamme  | ilse@nordwind.example   |
"""


def test_a_younger_record_of_a_rare_name_at_another_firm_is_seen() -> None:
    """The older record is told of, the younger is not."""
    assert found(MOVED) == [("old", "2026-05-03", "name_elsewhere", "nordwind.example")]


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("the same firm under another ending", ("nordwind.example", "halden.test")),
        ("a free mailbox names no firm", ("ilse@nordwind.example", "ilse@gmail.com")),
        ("both may have come with one import", ("2026-05-03", "2024-01-25")),
        ("without a date nobody knows which is the younger", ("2026-05-03", "          ")),
        ("another first name", ("new     | 2026-05-03 | Ilse", "new     | 2026-05-03 | Eva ")),
    ],
)
def test_what_may_be_something_else_is_not_told(why: str, change: tuple[str, str]) -> None:
    """One reason to doubt is enough to say nothing."""
    assert found(MOVED.replace(*change)) == [], why


def test_a_name_that_chance_may_give_to_two_says_nothing() -> None:
    """Of 400 people, ten bear the first name and ten the family name: a namesake is no wonder. Among four people no name is rare."""
    common = "\n".join(f"f{n} | 2020-01-01 | Ilse | Family{n} | f{n}@crowd.example | " for n in range(9))
    family = "\n".join(f"g{n} | 2020-01-01 | Given{n} | Vandamme | g{n}@crowd.example | " for n in range(9))
    assert found(f"{MOVED.strip()}\n{common}\n{family}") == []
    assert found(MOVED, crowd=False) == []


def test_a_third_of_that_name_makes_it_nobodys() -> None:
    """With three records of three people nobody can say who is who."""
    third = f"{MOVED.strip()}\nthird | 2026-07-01 | Ilse | Vandamme | ilse@third.example | "
    assert found(third) == []


def test_a_profile_is_one_humans_however_the_name_is_written() -> None:
    """The profile decides; the youngest record of it is told, to each older one."""
    drawn = """
    contact | created_at | first_name | last_name | email                 | linkedin_url
    old     | 2023-01-10 | Ilse       | Vandamme  | ilse.v@halden.example | https://www.linkedin.com/in/ilse-v
    second  | 2024-06-01 | I.         | Van Damme | ivd@ostsee.example    | http://linkedin.com/in/Ilse-V/
    third   | 2026-05-03 | Ilse       | Peeters   | ilse@nordwind.example | linkedin.com/in/ilse-v?x=1
    """
    assert sorted(found(drawn)) == [
        ("old", "2026-05-03", "profile_elsewhere", "nordwind.example"),
        ("second", "2026-05-03", "profile_elsewhere", "nordwind.example"),
    ]


def test_the_firm_of_a_free_mailbox_is_that_of_the_record() -> None:
    """Where the address names no firm, the record's own domain does."""
    drawn = """
    contact | created_at | first_name | last_name | email               | company_domain
    old     | 2024-01-10 | Ilse       | Vandamme  | ilse@halden.example |
    new     | 2026-05-03 | Ilse       | Vandamme  | ilse@gmail.com      | nordwind.example
    """
    assert found(drawn) == [("old", "2026-05-03", "name_elsewhere", "nordwind.example")]


def test_two_mail_domains_of_one_company_are_one_firm() -> None:
    """A record that was made anew under the firm's new domain, at the same company of the CRM, is no move."""
    drawn = """
    contact | created_at | first_name | last_name | email                 | company_id
    old     | 2024-01-10 | Ilse       | Vandamme  | ilse@halden.example   | 7
    new     | 2026-05-03 | Ilse       | Vandamme  | ilse@haldenag.example | 7
    """
    assert found(drawn) == []


def test_the_job_fields_tell_it_with_its_weight() -> None:
    """The same profile elsewhere outweighs a record that nobody verified; a rare name alone is a weak sign."""
    drawn = """
    contact | created_at | first_name | last_name | email                   | linkedin_url
    old     | 2025-11-01 | Ilse       | Vandamme  | ilse.v@halden.example   | https://www.linkedin.com/in/ilse-v
    new     | 2026-05-03 | I.         | Vandamme  | ilse@nordwind.example   | https://www.linkedin.com/in/ilse-v
    first   | 2025-11-01 | Kuno       | Brachvogel | kuno@halden.example    |
    second  | 2026-05-03 | Kuno       | Brachvogel | kuno@nordwind.example  |
    """
    contacts = people_of(drawn)
    book = Book(Tables(contacts, empty_table(STORED_ACTIVITIES)), NOW, Policy(), Org.without_history(NOW, Policy()))
    person = book.members.set_index("contact_id")["person_id"]
    told, state = book.value(job_evidence), book.value(job_state)
    assert told[person["old"]] == "Another record with the same LinkedIn profile is at nordwind.example since 3 May 2026 (strong sign)."
    assert told[person["first"]] == "Another record with the same rare name is at nordwind.example since 3 May 2026 (weak sign)."
    assert [state[person[who]] for who in ("old", "new", "first")] == ["probably_moved", "presumed", "unverified"]


def test_what_was_recorded_later_is_not_known_yet() -> None:
    """At a moment before the younger record was made nothing speaks against the older one."""
    before = pd.Timestamp("2026-05-02", tz="UTC")
    book = Book(Tables(people_of(MOVED), empty_table(STORED_ACTIVITIES)), before, Policy(), Org.without_history(before, Policy()))
    assert book.elsewhere.empty
