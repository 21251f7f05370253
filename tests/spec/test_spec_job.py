"""Specs of the fields under "Are they still in that job"."""

from collections.abc import Callable

from transforms.fields.job import absent_until, job_evidence, job_state, job_verified_at, job_verified_by, still_there_chance, successor

Check = Callable[..., None]

HISTORY = """
contact   | at               | channel | direction | outcome      | kind       | reason       | evidence                   | successor
here      | 2026-10-20 09:00 | email   | inbound   |              | human      |              |                            |
spoke     | 2026-11-10 15:00 | call    | outbound  | connected    |            |              |                            |
spring    | 2026-03-02 09:00 | email   | inbound   |              | human      |              |                            |
longago   | 2024-12-01 09:00 | meeting | outbound  | held         |            |              |                            |
told      | 2026-05-01 09:00 | email   | inbound   |              | human      |              |                            |
told      | 2026-11-03 09:00 | email   | inbound   | auto_reply   | auto_reply | left         | nicht mehr im Unternehmen  | Julia Kern
bounced   | 2026-05-01 09:00 | email   | inbound   |              | human      |              |                            |
bounced   | 2026-11-03 09:00 | email   | outbound  | bounced      | bounce     | mailbox_gone | 5.1.1 · user unknown       |
cameback  | 2026-11-03 09:00 | email   | outbound  | bounced      | bounce     | mailbox_gone | 5.1.1 · user unknown       |
cameback  | 2026-11-05 09:00 | email   | inbound   |              | human      |              |                            |
mistyped  | 2026-11-03 09:00 | email   | outbound  | bounced      | bounce     | mailbox_gone | 5.1.1 · user unknown       |
farewell  | 2026-11-03 09:00 | email   | inbound   |              | human      | left         | today is my last day       |
farewell  | 2026-11-06 09:00 | email   | inbound   |              | human      |              |                            |
newrole   | 2026-06-01 09:00 | email   | inbound   |              | human      |              |                            |
newrole   | 2026-11-03 09:00 | email   | inbound   | auto_reply   | auto_reply | role_change  | no longer responsible for  | kim@halden.example
blocked   | 2026-10-01 09:00 | email   | inbound   |              | human      |              |                            |
blocked   | 2026-11-03 09:00 | email   | outbound  | bounced      | bounce     | blocked      | 5.7.1 · spam               |
onleave   | 2026-10-01 09:00 | email   | inbound   |              | human      |              |                            |
onleave   | 2026-11-03 09:00 | email   | inbound   | auto_reply   | auto_reply | absent       | i am on parental leave     |
"""


def test_job_state_tells_what_was_said_from_what_is_inferred(check: Check) -> None:
    """Said in words: left. Mail that comes back, a new role: probably moved. Old or contradicted: unverified. A block list says nothing of a person."""
    check(
        job_state,
        HISTORY,
        {
            "here": "confirmed",
            "spoke": "confirmed",
            "spring": "presumed",
            "longago": "unverified",
            "told": "left",
            "bounced": "probably_moved",
            "cameback": "confirmed",
            "mistyped": "unverified",
            "farewell": "left",
            "newrole": "probably_moved",
            "blocked": "confirmed",
            "onleave": "confirmed",
            "nobody": "unverified",
        },
    )


def test_still_there_chance_falls_with_time_and_with_evidence(check: Check) -> None:
    """The yearly hazard alone takes a fifth in a year; a departure notice takes nearly all; being heard from since gives most of it back."""
    check(
        still_there_chance,
        HISTORY,
        {"here": 0.96, "spring": 0.84, "longago": 0.63, "told": 0.01, "bounced": 0.14, "cameback": 0.95, "mistyped": 0.41, "nobody": 0.63},
    )


def test_still_there_chance_believes_the_crm_about_bounces(check: Check) -> None:
    """HubSpot's word for an unknown user and a server's own sentence weigh alike; a full mailbox of long ago weighs next to nothing."""
    check(
        still_there_chance,
        "contact | at | channel | direction\n",
        {"hub": 0.16, "force": 0.16, "full": 0.75, "policy": 0.79},
        contacts="""
        contact | created_at | verified_at | email_bounced_at | email_bounce_reason      | email_bounce_code
        hub     | 2025-11-22 | 2025-12-01  | 2026-06-01       | UNKNOWN_USER             |
        force   | 2025-11-22 | 2025-12-01  | 2026-06-01       | 550 5.1.1 user unknown   | 5.1.1
        full    | 2025-11-22 | 2025-12-01  | 2025-12-03       | MAILBOX_FULL             |
        policy  | 2025-11-22 | 2025-12-01  | 2026-06-01       | POLICY                   |
        """,
    )


def test_job_verified_at_is_the_latest_sign_of_a_person_or_of_the_record(check: Check) -> None:
    """A word of theirs, a live conversation, a check of the record or a new title verify; an absence note and a farewell do not."""
    check(
        job_verified_at,
        HISTORY,
        {
            "here": "2026-10-20 09:00",
            "spoke": "2026-11-10 15:00",
            "told": "2026-05-01 09:00",
            "farewell": "2026-11-06 09:00",
            "onleave": "2026-10-01 09:00",
            "checked": "2026-08-01 00:00",
            "nobody": None,
        },
        contacts="""
        contact | created_at | verified_at
        checked | 2024-01-01 | 2026-08-01
        """,
    )


def test_job_verified_by_names_the_kind_of_sign(check: Check) -> None:
    """The latest sign counts, whatever it was."""
    check(
        job_verified_by,
        HISTORY,
        {"here": "message", "spoke": "live", "checked": "record", "retitled": "title", "nobody": None},
        contacts="""
        contact  | created_at | verified_at | title_changed_at
        checked  | 2024-01-01 | 2026-08-01  | 2025-01-01
        retitled | 2024-01-01 | 2026-08-01  | 2026-09-01
        """,
    )


def test_job_evidence_shows_the_phrase_that_decided_and_its_date(check: Check) -> None:
    """Heaviest first, then what speaks for them; a contradiction is said, not hidden."""
    check(
        job_evidence,
        HISTORY,
        {
            "told": "Auto-reply of 3 November 2026: “nicht mehr im Unternehmen”. Named as successor: Julia Kern. Last heard from on 1 May 2026 by e-mail.",
            "cameback": "Mail came back on 3 November 2026: the mail server said that there is no such mailbox (but heard from since). "
            "Last heard from on 5 November 2026 by e-mail.",
            "mistyped": "Mail came back on 3 November 2026, and none ever got through: the address may be mistyped (weak sign).",
            "here": "Last heard from on 20 October 2026 by e-mail.",
            "nobody": None,
        },
    )


def test_job_evidence_tells_what_says_the_same_once(check: Check) -> None:
    """Three signs that the address is dead are one piece of news, and a second notice adds nothing; a successor is told whoever named them."""
    check(
        job_evidence,
        """
        contact | at               | channel | direction | outcome    | kind       | reason           | evidence        | successor
        ana     | 2026-05-01 09:00 | email   | inbound   |            | human      |                  |                 |
        ana     | 2026-10-01 09:00 | email   | inbound   | auto_reply | auto_reply | left             | has left us     |
        ana     | 2026-10-05 09:00 | email   | inbound   | auto_reply | auto_reply | role_change      | has a new role  | Julia Kern
        ana     | 2026-11-01 09:00 | email   | outbound  | bounced    | bounce     | mailbox_gone     | 5.1.1           |
        ana     | 2026-11-03 09:00 | email   | outbound  | bounced    | bounce     | mailbox_disabled | 5.2.1           |
        """,
        {
            "ana": "Auto-reply of 1 October 2026: “has left us”. Mail came back on 1 November 2026: the mail server said that there is no such "
            "mailbox. Named as successor: Julia Kern. Last heard from on 1 May 2026 by e-mail."
        },
    )


def test_successor_is_told_only_of_those_who_went(check: Check) -> None:
    """An address goes before a name; who is still there has no successor."""
    check(successor, HISTORY, {"told": "Julia Kern", "newrole": "kim@halden.example", "here": None, "bounced": None})


def test_absent_until_is_empty_once_the_day_has_passed(check: Check) -> None:
    """The latest notice counts; a day in the past, and one absurdly far ahead, are not told."""
    check(
        absent_until,
        """
        contact | at         | channel | direction | outcome    | kind       | reason | absent_until
        away    | 2026-11-20 | email   | inbound   | auto_reply | auto_reply | absent | 2026-12-01
        back    | 2026-11-01 | email   | inbound   | auto_reply | auto_reply | absent | 2026-11-10
        joke    | 2026-11-20 | email   | inbound   | auto_reply | auto_reply | absent | 2099-01-01
        twice   | 2026-11-10 | email   | inbound   | auto_reply | auto_reply | absent | 2026-12-24
        twice   | 2026-11-20 | email   | inbound   | auto_reply | auto_reply | absent | 2026-11-30
        """,
        {"away": "2026-12-01", "back": None, "joke": None, "twice": "2026-11-30", "nobody": None},
    )
