"""What a signature says of its writer, and whether it differs from the record."""

import pandas as pd
import pytest

from transforms.mail.signatures import OTHER_COMPANY, OTHER_TITLE, Signature, differences, read_signature
from transforms.signals import read_signals
from transforms.vocabulary.tables import ACTIVITIES, CONTACTS, to_table


@pytest.mark.parametrize(
    ("body", "title", "company"),
    [
        ("Fine with me.\n\nBest regards\nTom Becker\nHead of Purchasing\nHalden AG\n+49 30 1234567", "Head of Purchasing", "Halden AG"),
        ("Passt.\n\nMit freundlichen Grüßen\nTom Becker\nLeiter Einkauf | Halden GmbH & Co. KG\nTel. 030 1234567", "Leiter Einkauf", "Halden GmbH & Co. KG"),
        ("D'accord.\n\nCordialement,\nClaire Dubois\nResponsable achats, Hautpré SA", "Responsable achats", "Hautpré SA"),
        ("De acuerdo.\n\nSaludos\nAna Souza\nGerente de compras\nPampa S.L.", "Gerente de compras", "Pampa S.L."),
        ("Fine.\n\n-- \nTom Becker - Senior Buyer\nwww.halden.example", "Senior Buyer", ""),
        ("Fine.\n\nBest\nTom", "", ""),
        ("The head of purchasing will call you.\n\nBest\nTom", "", ""),
        ("Fine.\n\nBest\nTom\n\nOn Tue, 3 Nov 2026, Dana wrote:\n> Best\n> Dana Ruiz\n> Account Manager", "", ""),
    ],
)  # fmt: skip
def test_title_and_company_are_found_below_the_closing(body: str, title: str, company: str) -> None:
    """Only what the writer's own signature names; a sentence above it and a quoted signature are not theirs."""
    assert Signature(title, company) == read_signature(body)


@pytest.mark.parametrize(
    ("signed", "record", "expected"),
    [
        ("Head of Purchasing", "Head of Logistics", OTHER_TITLE),
        ("Leiter Einkauf", "Vertriebsleiter", OTHER_TITLE),
        ("Leiter Einkauf", "Einkaufsleiter", ""),
        ("Head of Operations", "VP Operations", ""),
        ("Senior Buyer", "Buyer", ""),
        ("Managing Director", "CEO", ""),
        ("Leiter Einkauf", "Head of Purchasing", ""),
        ("Responsable achats", "Directrice marketing", OTHER_TITLE),
        ("", "Buyer", ""),
    ],
)
def test_another_title_shares_no_word_of_substance(signed: str, record: str, expected: str) -> None:
    """Ranks, compounds and titles in two languages are no difference: what cannot be told is not told."""
    assert expected == differences(Signature(signed), record, "", "")


@pytest.mark.parametrize(
    ("signed", "domain", "sender", "expected"),
    [
        ("Northwind Foods Ltd", "halden.example", "tom@northwind.example", OTHER_COMPANY),
        ("Halden AG", "halden.example", "tom@halden.example", ""),
        ("Holding Group Ltd", "halden.example", "tom@halden.example", ""),
        ("Bayerische Motoren Werke AG", "bmw.example", "", ""),
        ("", "halden.example", "tom@northwind.example", ""),
    ],
)
def test_another_company_has_nothing_of_the_domain(signed: str, domain: str, sender: str, expected: str) -> None:
    """A firm writes its name in many ways: mail from its own domain, a shared word or its initials show that it is the same."""
    assert expected == differences(Signature("", signed), "", domain, sender)


def test_only_the_conclusion_is_stored() -> None:
    """The activity is a person's, says that the signature differs, and holds no word of it; without contacts nothing is compared."""
    row = {
        "activity_id": "1",
        "contact_id": "c",
        "crm": "hubspot",
        "occurred_at": "2026-11-03T09:00:00Z",
        "channel": "email",
        "direction": "inbound",
        "body": "Fine.\n\nBest regards\nTom Becker\nHead of Purchasing\nHalden AG",
        "headers": "From: tom@halden.example",
    }
    contact = {"contact_id": "c", "crm": "hubspot", "title": "Head of Logistics", "company_domain": "halden.example"}
    activities, contacts = to_table(ACTIVITIES, [row]), to_table(CONTACTS, [contact])
    found = read_signals(activities, contacts)
    assert list(found[["kind", "reason", "evidence"]].itertuples(index=False, name=None)) == [("human", "role_change", OTHER_TITLE)]
    assert "Purchasing" not in found.to_csv()
    assert pd.isna(read_signals(activities).loc[0, "reason"])
