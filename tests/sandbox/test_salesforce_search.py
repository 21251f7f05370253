"""Searching an org: SOSL, the parameterized search, and where the global one looks."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.salesforce.rest.searching import matcher, read_sosl, to_words


@pytest.fixture
def people(org: Any) -> Any:
    """Two contacts at an account, and a lead of another firm."""
    acme = org.create("Account", Name="Acme Robotics", Phone="+1 415 555 0100")
    org.create("Contact", FirstName="Priya", LastName="Nair", Email="priya.nair@acme.example", AccountId=acme, Title="Head of Robotics")
    org.create("Contact", FirstName="Tom", LastName="Becker", Email="tom@acme.example", AccountId=acme)
    org.create("Lead", LastName="Acme", Company="Halden")
    return org


def found(org: Any, sosl: str) -> list[dict[str, Any]]:
    """The rows of a search, their type in place of their attributes."""
    answer = org("GET", "search", q=sosl)
    assert answer.status_code == 200, answer.text
    return [
        {"type": row["attributes"]["type"], **{k: v for k, v in row.items() if k != "attributes"}} for row in answer.json()["searchRecords"]
    ]


NAIR, BECKER = {"type": "Contact", "LastName": "Nair"}, {"type": "Contact", "LastName": "Becker"}


@pytest.mark.parametrize(
    ("sosl", "rows"),
    [
        ("FIND {Acme} RETURNING Contact(LastName ORDER BY LastName)", [BECKER, NAIR]),
        ("find {acme} in all fields returning contact(LastName order by LastName desc limit 1)", [NAIR]),
        ("FIND {priya nair} IN NAME FIELDS RETURNING Contact(LastName)", [NAIR]),
        ("FIND {robotics} IN NAME FIELDS RETURNING Contact(LastName)", []),
        ("FIND {Rob*} RETURNING Account(Name), Contact(LastName)", [{"type": "Account", "Name": "Acme Robotics"}, NAIR]),
        ("FIND {Rob} RETURNING Account(Name)", []),
        ('FIND {"acme robotics"} RETURNING Account (Name)', [{"type": "Account", "Name": "Acme Robotics"}]),
        ('FIND {"robotics acme"} RETURNING Account(Name)', []),
        ("FIND {Nair OR Becker} RETURNING Contact(LastName ORDER BY LastName)", [BECKER, NAIR]),
        ("FIND {acme AND NOT tom} RETURNING Contact(LastName)", [NAIR]),
        ("FIND {tom@acme.example} IN EMAIL FIELDS RETURNING Contact(LastName)", [BECKER]),
        ("FIND {555*} IN PHONE FIELDS RETURNING Account(Name)", [{"type": "Account", "Name": "Acme Robotics"}]),
        (
            "FIND {acme} RETURNING Contact(LastName WHERE Title != null), Lead(Company) LIMIT 5",
            [NAIR, {"type": "Lead", "Company": "Halden"}],
        ),
        ("FIND {acme} RETURNING Contact(LastName ORDER BY LastName), Lead(Company) LIMIT 1", [BECKER]),
    ],
)
def test_sosl_finds_words(people: Any, sosl: str, rows: list[dict[str, Any]]) -> None:
    """Whole words in any case, with wildcards, phrases and operators, in the fields of a scope; each object with its own clauses."""
    assert found(people, sosl) == rows


def test_without_returning_ids_of_all_objects_come(people: Any) -> None:
    """Up to version 36 they come as a plain list."""
    rows = found(people, "FIND {Acme}")
    assert [(sorted(row), row["type"]) for row in rows] == [(["Id", "type"], name) for name in ("Account", "Contact", "Contact", "Lead")]
    old = people("GET", "/services/data/v36.0/search", q="FIND {Acme}").json()
    assert [row["Id"] for row in old] == [row["Id"] for row in rows]
    assert old[0]["attributes"]["url"].startswith("/services/data/v36.0/sobjects/Account/")


@pytest.mark.parametrize(
    ("sosl", "code"),
    [
        ("Acme", "MALFORMED_SEARCH"),
        ("", "MALFORMED_SEARCH"),
        ("FIND {}", "MALFORMED_SEARCH"),
        ("FIND {a}", "MALFORMED_SEARCH"),
        ("FIND {*}", "MALFORMED_SEARCH"),
        ("FIND {Acme} IN ODD FIELDS", "MALFORMED_SEARCH"),
        ("FIND {Acme} WITH DIVISION = 'x'", "MALFORMED_SEARCH"),
        ("FIND {Acme} RETURNING", "MALFORMED_SEARCH"),
        ("FIND {Acme} RETURNING Contact(Id", "MALFORMED_SEARCH"),
        ("FIND {Acme} RETURNING Contact(Id) UPDATE TRACKING", "MALFORMED_SEARCH"),
        ("FIND {Acme} RETURNING Foo(Id)", "INVALID_TYPE"),
        ("FIND {Acme} RETURNING Contact(Foo)", "INVALID_FIELD"),
        ("FIND {nobody} RETURNING Contact(Foo)", "INVALID_FIELD"),
        ("FIND {Acme} RETURNING Contact(Id WHERE)", "MALFORMED_SEARCH"),
        ("FIND {Acme} RETURNING Contact(Id WHERE Name ~ 1)", "MALFORMED_QUERY"),
    ],
)
def test_what_cannot_be_read_is_refused(people: Any, sosl: str, code: str) -> None:
    """400 with a code; nothing is skipped."""
    answer = people("GET", "search", q=sosl)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_words_with_parameters(people: Any) -> None:
    """Objects, fields, conditions and limits as parameters, or as a body; both give the same."""
    asked = {"q": "acme", "sobject": ["Contact", "Account"], "Contact.fields": "LastName,Email", "Contact.limit": 1, "fields": "id,name"}
    by_query = people("GET", "parameterizedSearch", **asked).json()["searchRecords"]
    objects = [{"name": "Contact", "fields": ["LastName", "Email"], "limit": 1}, {"name": "Account"}]
    by_body = people("POST", "parameterizedSearch", {"q": "acme", "in": "ALL", "fields": ["id", "name"], "sobjects": objects}).json()
    assert by_body["searchRecords"] == by_query
    assert [sorted(row) for row in by_query] == [["Email", "LastName", "attributes"], ["Id", "Name", "attributes"]]
    few = people(
        "POST", "parameterizedSearch", {"q": "acme", "overallLimit": 2, "sobjects": [{"name": "Contact", "where": "Title = null"}]}
    )
    assert len(few.json()["searchRecords"]) == 1
    for body in ({}, {"q": "acme", "in": "ODD"}, {"q": "acme", "overallLimit": "many"}, {"q": "acme", "sobjects": [{"name": "Foo"}]}):
        assert people("POST", "parameterizedSearch", body).status_code == 400


def test_what_the_user_does_not_see_is_not_searched(people: Any) -> None:
    """Deleted records are not found; the scope names the objects that are."""
    row = people("GET", "search", q="FIND {nair}").json()["searchRecords"][0]
    people("DELETE", f"sobjects/Contact/{row['Id']}")
    assert people("GET", "search", q="FIND {nair}").json() == {"searchRecords": []}
    scope = people("GET", "search/scopeOrder").json()
    assert scope[0] == {"type": "Account", "url": "/services/data/v64.0/sobjects/Account/describe"}


def test_a_statement_is_read_to_its_end() -> None:
    """Escaped braces belong to the term, commas in parentheses to their object, quotes to their text."""
    read = read_sosl(r"FIND {a\{b\}c} RETURNING Account(Id, Name WHERE Name IN ('x, y', 'z)') LIMIT 3), Lead LIMIT 7")
    assert (read.term, read.limit, [one.name for one in read.wanted]) == ("a{b}c", 7, ["Account", "Lead"])
    assert (read.wanted[0].fields, read.wanted[0].where, read.wanted[0].tail) == (("Id", "Name"), "Name IN ('x, y', 'z)')", "LIMIT 3")
    assert matcher("b?cker")([to_words("Tom BECKER")])
