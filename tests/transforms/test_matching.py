"""Which contacts of two CRMs are one human: by their address first, else by other evidence; a wrong match is worse than none."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.matching import names
from transforms.persons import MATCHED, ids_ever, person_of, resolve
from transforms.vocabulary.tables import COMPANIES, CONTACTS, to_table

Row = dict[str, object]


def contact(crm: str, contact_id: str, **more: object) -> Row:
    """One record of Ana Silva, or of whoever it says."""
    return {"crm": crm, "contact_id": contact_id, "first_name": "Ana", "last_name": "Silva", **more}


def hub(contact_id: str = "h1", **more: object) -> Row:
    """One record in HubSpot."""
    return contact("hubspot", contact_id, **more)


def force(contact_id: str = "s1", **more: object) -> Row:
    """One record in Salesforce."""
    return contact("salesforce", contact_id, **more)


def resolved(*rows: Row, firms: tuple[Row, ...] = ()) -> pd.DataFrame:
    """Who is who."""
    return resolve(to_table(CONTACTS, list(rows)), to_table(COMPANIES, list(firms)) if firms else None)


def by(*rows: Row, firms: tuple[Row, ...] = ()) -> str | None:
    """By what the first and the last record were matched; None where they are two persons."""
    people = resolved(*rows, firms=firms)
    if people["person_id"].iloc[0] != people["person_id"].iloc[-1]:
        return None
    return str(people["matched_by"].iloc[-1])


WORK = "ana.silva@halden.example"

ONE = {
    "case and blanks of an address": (hub(email=WORK), force(email=" Ana.Silva@Halden.example "), "email"),
    "a link in place of an address": (hub(email=WORK), force(email=f"mailto:{WORK}"), "email"),
    "dots of one Gmail mailbox": (hub(email="ana.silva@gmail.com"), force(email="anasilva@googlemail.com"), "mailbox"),
    "a tag after a plus": (hub(email=f"{WORK}"), force(email="ana.silva+crm@halden.example"), "mailbox"),
    "a further address that HubSpot knows": (
        hub(email="ana@gmail.com", other_emails=f"a@b.example;{WORK}"),
        force(email=WORK, last_name="S."),
        "other_address",
    ),
    "one profile": (
        hub(email=WORK, linkedin_url="https://www.linkedin.com/in/Ana-S/"),
        force(linkedin_url="linkedin.com/in/ana-s?x=1"),
        "profile",
    ),
    "name and domain": (hub(email=WORK), force(company_domain="https://www.halden.example/about"), "name"),
    "accents, case and order of a name": (
        hub(email="n@k.example", first_name="Jürgen", last_name="Łukasz-Ørsted"),
        force(company_domain="k.example", first_name="LUKASZ ORSTED", last_name="Juergen"),
        "name",
    ),
    "a salutation in the name": (hub(email=WORK), force(first_name="Dr. Ana", company_domain="halden.example"), "name"),
    "two forms of the same name at one domain": (hub(email=WORK), force(email="asilva@halden.example"), "name"),
    "a private address, and the firm on the record": (
        hub(email="ana@gmail.com", company_domain="halden.example"),
        force(email=WORK),
        "name",
    ),
    "a mailbox of many beside a name and domain": (hub(email="info@halden.example"), force(email=WORK), "name"),
    "a short first name and one title": (
        hub(email=WORK, first_name="Robert", title="VP Sales"),
        force(company_domain="halden.example", first_name="Bob", title="Vice President, Sales"),
        "short_name",
    ),
}


@pytest.mark.parametrize("case", ONE.values(), ids=ONE.keys())
def test_one_human(case: tuple[Row, Row, str]) -> None:
    """These two records are one person, and it is known by what."""
    assert by(case[0], case[1]) == case[2]


TWO = {
    "a mailbox that many read": (hub(email="info@halden.example", first_name=None), force(email="info@halden.example", first_name=None)),
    "a name at a free mail provider": (hub(email="ana1@gmail.com"), force(email="ana.silva7@gmail.com")),
    "a further address that many read": (
        hub(email="x@k.example", other_emails="info@halden.example"),
        force(email="info@halden.example", last_name="S."),
    ),
    "a name alone": (hub(email=WORK), force(email="ana.silva@brenner.example")),
    "two numbers at one firm": (hub(email=WORK), force(email="ana.silva2@halden.example")),
    "an address of somebody else at that firm": (hub(email=WORK), force(email="maria.costa@halden.example")),
    "two profiles": (
        hub(email=WORK, linkedin_url="linkedin.com/in/ana1"),
        force(company_domain="halden.example", linkedin_url="linkedin.com/in/ana2"),
    ),
    "an initial in place of a name": (hub(email=WORK), force(first_name="A.", company_domain="halden.example")),
    "the name of a desk": (
        hub(first_name="Customer", last_name="Service", company_domain="halden.example"),
        force(first_name="Customer", last_name="Service", company_domain="halden.example"),
    ),
    "a short first name alone": (hub(email=WORK, first_name="Robert"), force(company_domain="halden.example", first_name="Bob")),
    "one profile under two names": (
        hub(linkedin_url="linkedin.com/in/x", email=WORK),
        force(linkedin_url="linkedin.com/in/x", first_name="Tom", last_name="Becker"),
    ),
    "two domains of free mail": (hub(company_domain="gmail.com"), force(company_domain="gmail.com")),
}


@pytest.mark.parametrize("rows", TWO.values(), ids=TWO.keys())
def test_two_humans(rows: tuple[Row, Row]) -> None:
    """These two records are not known to be one person, so they are two."""
    assert by(*rows) is None


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_where_one_crm_knows_two_of_a_name_nobody_is_matched(crm: str) -> None:
    """Two people of one name at one firm within one CRM: which of them the other CRM means, nobody can tell."""
    people = resolved(
        hub("h1", email=WORK),
        contact(crm, "x2", email="asilva@halden.example"),
        force("s1", company_domain="halden.example", email="a@other.example"),
    )
    assert people["person_id"].nunique() == 3


def test_what_one_crm_holds_apart_stays_apart() -> None:
    """Equal names, domains and profiles never join two records of one CRM."""
    same = {"company_domain": "halden.example", "linkedin_url": "linkedin.com/in/ana-s"}
    people = resolved(hub("h1", **same), hub("h2", **same))
    assert people["person_id"].tolist() == ["hubspot:h1", "hubspot:h2"]
    assert people["matched_by"].isna().all()


def test_the_firm_of_a_record_may_stand_on_its_company() -> None:
    """A contact without a domain of its own is at the firm that its company record names."""
    firms = ({"crm": "hubspot", "company_id": "c", "domain": "www.halden.example"},)
    assert by(hub(email="ana@gmail.com", company_id="c"), force(email=WORK), firms=firms) == "name"


def test_merges_chain_over_both_crms() -> None:
    """A record that was merged away still tells an address: h1 → h2 in HubSpot and s1 → s2 in Salesforce are one person by h1's and s1's address."""
    people = resolved(
        hub("h1", email="old@x.example", merged_into="h2"),
        hub("h2", email="new@x.example", first_name="A"),
        force("s1", email="old@x.example", merged_into="s2", first_name="B"),
        force("s2", email=None, first_name="C"),
    )
    assert len(set(people["person_id"])) == 1
    assert people["matched_by"].tolist() == ["merge", "other_address", "merge", "other_address"]
    assert people["is_live"].tolist() == [False, True, False, True]


def test_an_address_that_somebody_else_has_now_joins_nobody() -> None:
    """The address of a merged record was given to another: whoever has it in the other CRM is that other one."""
    people = resolved(
        hub("h1", email="desk@x.example", merged_into="h2"),
        hub("h2", email="ana@x.example"),
        hub("h3", email="desk@x.example", first_name="Tom", last_name="Becker"),
        force("s1", email="desk@x.example", first_name="Tom", last_name="Becker"),
    ).set_index("contact_id")["person_id"]
    assert people["s1"] == people["h3"]
    assert people["h1"] == people["h2"]
    assert people["h2"] != people["h3"]


def test_persons_keep_their_ids_when_a_second_crm_appears() -> None:
    """Whatever Salesforce brings, each person of HubSpot has the id that it had, with and without an address."""
    first = (hub("h1", email=WORK), hub("h2", company_domain="k.example", first_name="Tom", last_name="Becker"))
    before = resolved(*first)["person_id"].tolist()
    more = (force("s1", email="asilva@halden.example"), force("s2", email="tom@k.example", first_name="Tom", last_name="Becker"))
    after = resolved(*more, *first)
    assert after["person_id"].tolist() == [*before, *before]
    assert before == [person_of(WORK), "hubspot:h2"]


def test_every_id_that_a_person_ever_had_is_known() -> None:
    """Where HubSpot comes second, the person takes its id; the id from Salesforce is among those it had."""
    rows = (hub("h1", email=WORK), force("s1", email="asilva@halden.example"))
    people = resolved(*rows)
    alone = resolved(rows[1])["person_id"].iloc[0]
    records = to_table(CONTACTS, list(rows)).assign(person_id=people["person_id"])
    (ids,) = ids_ever(records).values()
    assert ids == {"hubspot:h1", "salesforce:s1", person_of(WORK), alone}


def test_every_word_for_a_match_is_told_in_words() -> None:
    """What resolve says, explain can tell."""
    said = {case[2] for case in ONE.values()} | {"merge", "other_address"}
    assert said == set(MATCHED)


@given(st.permutations(range(7)))
@settings(max_examples=25)
def test_the_order_of_contacts_does_not_matter(order: list[int]) -> None:
    """The same contacts in any order give the same persons, by the same evidence."""
    rows = [
        hub("h1", email=WORK),
        force("s1", email="asilva@halden.example"),
        hub("h2", email="x@y.example", first_name="Tom", last_name="Becker"),
        force("s2", first_name="Tom", last_name="Becker", company_domain="y.example"),
        force("s3", first_name="Tom", last_name="Becker", company_domain="z.example"),
        hub("h3", linkedin_url="linkedin.com/in/z", first_name="Zoe", last_name="Z"),
        force("s4", linkedin_url="linkedin.com/in/z", first_name="Zoe", last_name="Zed"),
    ]
    names_of = ["contact_id", "person_id", "matched_by"]
    expected = resolved(*rows)[names_of].sort_values("contact_id", ignore_index=True)
    actual = resolved(*(rows[place] for place in order))[names_of].sort_values("contact_id", ignore_index=True)
    pd.testing.assert_frame_equal(actual, expected)


@given(
    st.lists(st.tuples(st.sampled_from("hs"), st.sampled_from("abc"), st.sampled_from(["x", "y", "gmail.com"]), st.booleans()), max_size=12)
)
def test_no_two_records_of_one_crm_are_joined_but_by_their_address(drawn: list[tuple[str, str, str, bool]]) -> None:
    """Whatever the names, domains and profiles: within one CRM only one address, or a merge, makes two records one person."""
    rows = [
        contact(
            {"h": "hubspot", "s": "salesforce"}[crm],
            str(number),
            last_name=letter * 3,
            company_domain=domain if "." in domain else f"{domain}.example",
            linkedin_url=f"linkedin.com/in/{letter}" if has_profile else None,
        )
        for number, (crm, letter, domain, has_profile) in enumerate(drawn)
    ]
    people = resolved(*rows) if rows else pd.DataFrame({"crm": [], "person_id": []})
    assert not people.duplicated(["crm", "person_id"]).any()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("CFO", "Chief Financial Officer", True),
        ("VP of Sales", "Vice President Sales", True),
        ("Director", "Director of Sales", True),
        ("CFO", "COO", False),
        ("Head of IT", "Head of HR", False),
    ],
)
def test_titles_are_compared_written_out(one: str, other: str, *, same: bool) -> None:
    """Abbreviations and small words do not make another job; one that says more is the same."""
    assert names.same_title(names.title_of(one) or "", names.title_of(other) or "") == same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("halden.com", "halden.de", True),
        ("eu.halden.com", "halden.com", True),
        ("halden.co.uk", "halden.com", True),
        ("halden.com", "brenner.com", False),
        ("a.co.uk", "b.co.uk", False),
    ],
)
def test_domains_of_one_firm(one: str, other: str, *, same: bool) -> None:
    """Another ending or a part of a domain is the same firm."""
    assert names.same_firm(one, other) == same


def test_the_lists_are_in_order() -> None:
    """Each domain of the list of free mail stands once and in small letters; names and short forms differ."""
    assert all(domain == domain.lower() and "." in domain for domain in names.shared_domains())
    assert [pair for pair in names.nicknames() if len(pair) != 2] == []
