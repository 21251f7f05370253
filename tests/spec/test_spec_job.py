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
    """Said in words: left. Mail that comes back: probably moved. Old, or at another desk: unverified. Heard from after it came back: no more than presumed."""
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
            "cameback": "presumed",
            "mistyped": "unverified",
            "farewell": "left",
            "newrole": "unverified",
            "blocked": "confirmed",
            "onleave": "confirmed",
            "nobody": "unverified",
        },
    )


def test_still_there_chance_falls_with_time_and_with_evidence(check: Check) -> None:
    """The yearly hazard alone takes a fifth in a year; a departure notice takes nearly all; being heard from since halves what weighs against it."""
    check(
        still_there_chance,
        HISTORY,
        {"here": 0.96, "spring": 0.82, "longago": 0.6, "told": 0.01, "bounced": 0.09, "cameback": 0.8, "mistyped": 0.37, "nobody": 0.6},
    )


def test_still_there_chance_believes_the_crm_about_bounces(check: Check) -> None:
    """HubSpot's word for an unknown user and a server's own sentence weigh alike; a full mailbox of long ago weighs next to nothing."""
    check(
        still_there_chance,
        "contact | at | channel | direction\n",
        {"hub": 0.13, "force": 0.13, "full": 0.72, "policy": 0.77},
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
            "told": "Auto-reply of 3 November 2026: “nicht mehr im Unternehmen” (strong sign). Named as successor: Julia Kern. Last heard from on 1 May 2026 by e-mail.",
            "cameback": "Mail came back on 3 November 2026: the mail server said that there is no such mailbox (strong sign, but heard from "
            "since). Last heard from on 5 November 2026 by e-mail, which speaks against it.",
            "mistyped": "Mail came back on 3 November 2026, and none ever got through: the address may be mistyped (weak sign).",
            "here": "Last heard from on 20 October 2026 by e-mail.",
            "nobody": None,
        },
    )


def test_job_evidence_tells_what_says_the_same_once(check: Check) -> None:
    """Two signs that the address is dead are one piece of news; another cause is another piece; a successor is told whoever named them."""
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
            "ana": "Auto-reply of 1 October 2026: “has left us” (strong sign). Mail came back on 1 November 2026: the mail server said that there "
            "is no such mailbox (strong sign). Auto-reply of 5 October 2026 about a new role: still at the firm, at another desk: “has a new role” (weak "
            "sign). Named as successor: Julia Kern. Last heard from on 1 May 2026 by e-mail. A sign of them there on 5 October 2026."
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


WEIGHTS = """
contact   | at               | channel  | direction | outcome      | kind       | reason           | new_address
base      | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
ten       | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
one       | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
one       | 2026-11-10 09:00 | email    | outbound  | bounced      | bounce     | mailbox_gone     |
disabled  | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
disabled  | 2026-11-10 09:00 | email    | outbound  | bounced      | bounce     | mailbox_disabled |
domain    | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
domain    | 2026-11-10 09:00 | email    | outbound  | bounced      | bounce     | domain_gone      |
private   | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
private   | 2026-11-10 09:00 | email    | outbound  | bounced      | bounce     | mailbox_gone     |
phone     | 2026-06-01 09:00 | call     | outbound  | connected    |            |                  |
phone     | 2026-11-10 09:00 | call     | outbound  | wrong_number |            |                  |
number    | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
number    | 2026-11-10 09:00 | call     | outbound  | wrong_number |            |                  |
moving    | 2026-06-01 09:00 | email    | inbound   |              | human      |                  |
moving    | 2026-11-10 09:00 | email    | inbound   |              | human      |                  | ana@new.example
""" + "".join(f"ten | 2026-11-{day:02} 09:00 | email | outbound | bounced | bounce | mailbox_gone |\n" for day in range(1, 11))


def test_still_there_chance_weighs_each_cause_once(check: Check) -> None:
    """Ten bounces of one mailbox are one; a mailbox outweighs a disabled one, that a number that was right once, that a firm's domain, that a private mailbox."""
    check(
        still_there_chance,
        WEIGHTS,
        {
            "base": 0.87,
            "ten": 0.1,
            "one": 0.1,
            "disabled": 0.25,
            "moving": 0.58,
            "phone": 0.54,
            "domain": 0.7,
            "private": 0.7,
            "number": 0.78,
        },
        contacts="""
        contact | created_at | email
        private | 2024-11-22 | ana@gmail.com
        """,
    )


def test_still_there_chance_is_given_back_day_by_day(check: Check) -> None:
    """One message after a notice leaves doubt, three days of them hardly any; a message on LinkedIn follows the person, not the job."""
    notice = "2026-10-01 09:00 | email | inbound | auto_reply | auto_reply | left"
    mail = "| email | inbound | | human |"
    check(
        still_there_chance,
        "contact | at | channel | direction | outcome | kind | reason\n"
        + "\n".join(f"{who} | 2026-09-01 {mail}\n{who} | {notice}" for who in ("silent", "linked", "once", "thrice"))
        + f"\nonce | 2026-11-02 {mail}\nlinked | 2026-11-02 | linkedin | inbound | | human |\n"
        + "\n".join(f"thrice | 2026-11-{day} {mail}" for day in ("02", "03", "04")),
        {"silent": 0.02, "linked": 0.12, "once": 0.55, "thrice": 0.93},
    )


def test_job_state_is_unverified_where_the_signs_contradict_each_other(check: Check) -> None:
    """A notice and then one message of theirs: check it. With time alone nobody moves, however long ago."""
    check(
        job_state,
        """
        contact | at               | channel | direction | outcome    | kind       | reason
        torn    | 2026-10-01 09:00 | email   | inbound   | auto_reply | auto_reply | left
        torn    | 2026-11-02 09:00 | email   | inbound   |            | human      |
        ancient | 2019-11-02 09:00 | email   | inbound   |            | human      |
        """,
        {"torn": "unverified", "ancient": "unverified"},
        contacts="""
        contact | created_at
        ancient | 2018-01-01
        """,
    )


def test_job_state_does_not_take_another_desk_for_another_firm(check: Check) -> None:
    """A new role in the firm is no departure: the record is to be checked, and who follows is told."""
    check(job_state, HISTORY, {"newrole": "unverified", "told": "left"})
    check(still_there_chance, HISTORY, {"newrole": 0.94})
    check(
        job_evidence,
        HISTORY,
        {
            "newrole": "Auto-reply of 3 November 2026 about a new role: still at the firm, at another desk: “no longer responsible for” (weak sign). "
            "Named as successor: kim@halden.example. Last heard from on 1 June 2026 by e-mail. A sign of them there on 3 November 2026."
        },
    )


def test_still_there_chance_goes_by_how_long_people_of_a_rank_stay(check: Check) -> None:
    """Two years after the last sign: managers stay longer than others, beginners shorter, owners longest; in any language."""
    titles = {
        "owner": "Inhaberin",
        "lead": "Vertriebsleiter",
        "chef": "Directrice des achats",
        "plain": "Buchhalter",
        "none": "",
        "starter": "Werkstudentin",
    }
    check(
        still_there_chance,
        "contact | at | channel | direction\n",
        {"owner": 0.76, "lead": 0.69, "chef": 0.69, "plain": 0.6, "none": 0.6, "starter": 0.48},
        contacts="contact | created_at | title\n" + "\n".join(f"{who} | 2024-11-22 | {title}" for who, title in titles.items()),
    )


def test_job_evidence_tells_a_record_that_names_another_firm(check: Check) -> None:
    """Title and domain changed since their last word: they were found elsewhere. Groups share mail domains, and free mail is no firm's: that alone says nothing."""
    check(
        job_evidence,
        """
        contact | at         | channel | direction
        moved   | 2026-05-01 | email   | inbound
        group   | 2026-05-01 | email   | inbound
        same    | 2026-05-01 | email   | inbound
        free    | 2026-05-01 | email   | inbound
        """,
        {
            "moved": "the file names other.example as their firm since 1 August 2026, with another title; their address is at halden.example (strong "
            "sign). Last heard from on 1 May 2026 by e-mail.",
            "group": "Last heard from on 1 May 2026 by e-mail.",
            "same": "Last heard from on 1 May 2026 by e-mail.",
            "free": "Last heard from on 1 May 2026 by e-mail.",
        },
        contacts="""
        contact | created_at | email              | company_domain | title_changed_at
        moved   | 2024-01-01 | ana@halden.example | other.example  | 2026-08-01
        group   | 2024-01-01 | tom@halden.example | other.example  |
        same    | 2024-01-01 | kim@halden.example | halden.de      |
        free    | 2024-01-01 | lee@gmail.com      | other.example  |
        """,
    )


OWN_WORDS = """
contact | at         | channel | direction | kind  | reason      | evidence                        | successor
leaving | 2026-05-01 | email   | inbound   | human |             |                                 |
leaving | 2026-11-03 | email   | inbound   | human | left        | today is my last day            | kim@halden.example
desk    | 2026-05-01 | email   | inbound   | human |             |                                 |
desk    | 2026-11-03 | email   | inbound   | human | role_change | i have moved to a new role      | kim@halden.example
desk    | 2026-11-10 | email   | inbound   | human |             |                                 |
firm    | 2026-05-01 | email   | inbound   | human |             |                                 |
firm    | 2026-11-03 | email   | inbound   | human | role_change | signature names another company |
title   | 2026-05-01 | email   | inbound   | human |             |                                 |
agency  | 2026-11-03 | email   | inbound   | human | role_change | signature names another company |
title   | 2026-11-03 | email   | inbound   | human | role_change | signature names another title   |
"""
AT_FIRMS = """
contact | created_at | email              | company_domain
firm    | 2024-11-22 | ana@halden.example | halden.example
agency  | 2024-11-22 | tom@agency.example | halden.example
"""


def test_a_persons_own_words_are_evidence(check: Check) -> None:
    """A farewell, a new role, a signature with another firm or title: each is told with its weight, and what they signed elsewhere verifies nothing."""
    check(
        job_evidence,
        OWN_WORDS,
        {
            "leaving": "Their own words on 3 November 2026: “today is my last day” (strong sign). Named as successor: kim@halden.example. "
            "Last heard from on 1 May 2026 by e-mail.",
            "desk": "Their own words on 3 November 2026 about a new role: still at the firm, at another desk: “i have moved to a new role” (weak sign). "
            "Named as successor: kim@halden.example. Last heard from on 10 November 2026 by e-mail.",
            "firm": "Their signature of 3 November 2026 names another firm than the record (sign). Last heard from on 1 May 2026 by e-mail.",
            "title": "Their signature of 3 November 2026 has another job title than the record (weak sign). Last heard from on 3 November 2026 by e-mail.",
        },
        contacts=AT_FIRMS,
    )


def test_a_persons_own_words_weigh_as_they_say(check: Check) -> None:
    """Who says goodbye has left; who has another role in the firm is to be checked; another title in a signature takes off little."""
    check(still_there_chance, OWN_WORDS, {"leaving": 0.01, "desk": 0.95, "firm": 0.43, "agency": 0.97, "title": 0.94}, contacts=AT_FIRMS)
    check(
        job_state,
        OWN_WORDS,
        {"leaving": "left", "desk": "unverified", "firm": "probably_moved", "agency": "confirmed", "title": "confirmed"},
        contacts=AT_FIRMS,
    )
    check(successor, OWN_WORDS, {"leaving": "kim@halden.example", "desk": "kim@halden.example", "firm": None}, contacts=AT_FIRMS)
