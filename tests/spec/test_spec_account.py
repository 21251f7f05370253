"""Specs of the fields of companies."""

from collections.abc import Callable

from transforms.fields import account

Check = Callable[..., None]

PEOPLE = """
contact | company | first_name | last_name
priya   | north   | Priya      | Nair
tom     | north   | Tom        | Becker
kai     | north   | Kai        |
ana     | pampa   | Ana        | Souza
eva     | pampa   | Eva        |
leo     | quiet   |            |
new     | young   | Nina       |
"""

COMPANIES = """
company | name
north   | Northwind Foods
pampa   | Pampa Retail
quiet   | Quiet AG
young   | Young Ltd
empty   | Empty Inc
"""

HAPPENED = """
contact | at         | channel | direction | outcome       | kind       | reason
priya   | 2026-11-01 | email   | inbound   |               |            |
priya   | 2026-11-10 | email   | inbound   |               |            |
tom     | 2026-10-20 | call    | outbound  | connected     |            |
kai     | 2026-01-01 | email   | inbound   |               |            |
kai     | 2026-11-12 | email   | inbound   | auto_reply    | auto_reply | acknowledgement
ana     | 2026-11-15 | ticket  | inbound   | opened_ticket |            |
leo     | 2025-01-01 | email   | inbound   |               |            |
"""

TOLD = {"contacts": PEOPLE, "companies": COMPANIES}


def test_known_contacts_counts_the_people_on_record(check: Check) -> None:
    """Nobody on record is 0."""
    check(account.known_contacts, HAPPENED, {"north": 3, "pampa": 2, "empty": 0}, **TOLD)


def test_voices_90d_counts_the_people_who_were_heard(check: Check) -> None:
    """Each person once, by whatever way; automatic replies are no voice."""
    check(account.voices_90d, HAPPENED, {"north": 2, "pampa": 1, "quiet": 0, "empty": 0}, **TOLD)


def test_silent_share_is_of_those_we_used_to_hear(check: Check) -> None:
    """Kai of three at Northwind; nobody was ever heard at Young."""
    check(account.silent_share, HAPPENED, {"north": 0.33, "pampa": 0.0, "quiet": 1.0, "young": None, "empty": None}, **TOLD)


def test_is_single_threaded_means_exactly_one_voice(check: Check) -> None:
    """One voice in 90 days; none is another trouble."""
    check(account.is_single_threaded, HAPPENED, {"north": False, "pampa": True, "quiet": False, "empty": False}, **TOLD)


def test_champion_left_looks_at_the_person_heard_most(check: Check) -> None:
    """Nobody left here."""
    check(account.champion_left, HAPPENED, {"north": False, "empty": False}, **TOLD)


def test_last_heard_at_is_the_latest_of_all_people(check: Check) -> None:
    """Whoever it was."""
    check(account.last_heard_at, HAPPENED, {"north": "2026-11-10 00:00", "young": None}, **TOLD)


def test_account_state_is_that_of_its_most_engaged_person(check: Check) -> None:
    """Unless somebody waits for our help."""
    check(
        account.account_state,
        HAPPENED,
        {"north": "engaged", "pampa": "needs_help", "quiet": "silent", "young": "never_heard", "empty": "unknown"},
        **TOLD,
    )


def test_why_names_who_is_heard_and_who_is_not(check: Check) -> None:
    """In sentences that can be forwarded."""
    check(
        account.why,
        f"{HAPPENED.rstrip()}\nuwe     | 2026-11-01 | email   | inbound   |               |            |\n"
        "uwe     | 2026-11-03 | email   | inbound   | auto_reply    | auto_reply | left",
        {
            "north": "In the last 90 days we heard from two of three people, last from Priya Nair on 10 November 2026. Silent: Kai.",
            "pampa": "Ana Souza waits for our help. In the last 90 days we heard from one of two people, last from Ana Souza on 15 November 2026.",
            "left": "In the last 90 days we heard from the only person on record, Uwe Ott, last on 1 November 2026. "
            "Uwe Ott, from whom we heard most, has probably left.",
            "quiet": "We have heard from nobody there since 1 January 2025. Silent: one person.",
            "young": "We never heard from anybody there; one person on record.",
            "empty": "No contact on record.",
        },
        contacts=f"{PEOPLE.rstrip()}\nuwe     | left    | Uwe        | Ott",
        companies=f"{COMPANIES.rstrip()}\nleft    | Left Ltd",
    )
