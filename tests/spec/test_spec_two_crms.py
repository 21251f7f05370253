"""Specs of people whom both CRMs hold: silent only if silent everywhere, two records that disagree, mail that one CRM cannot see."""

from collections.abc import Callable

import pandas as pd
import pytest

from transforms.fields import account
from transforms.fields.job import job_evidence, job_state, job_verified_at, still_there_chance
from transforms.fields.listening import coverage, last_heard_at
from transforms.fields.reaching import email_blindness, unanswered_touches
from transforms.fields.state import engagement_state, silent_since, why

Check = Callable[..., None]


@pytest.fixture
def weekly() -> pd.DataFrame:
    """Sixty customers who write every nine days, now and then with a longer pause: beside them a silence of months is odd."""
    rows = [
        (f"other{n}", "hubspot", str(pd.Timestamp("2026-11-21") - pd.Timedelta(days=n % 9 + 9 * back)), "email", "inbound")
        for n in range(60)
        for back in range(40)
        if back % 8 != n % 8
    ]
    return pd.DataFrame(rows, columns=["contact_id", "crm", "occurred_at", "channel", "direction"], dtype="str")


BOTH = """
contact | crm        | email               | created_at
ana-h   | hubspot    | ana@halden.example  | 2024-01-01
ana-s   | salesforce | ANA@halden.example  | 2024-06-01
tom-h   | hubspot    | tom@halden.example  | 2024-01-01
tom-s   | salesforce | tom@halden.example  | 2024-06-01
"""

TALKING_ELSEWHERE = """
contact | crm        | at               | channel | direction | outcome
ana-h   | hubspot    | 2026-01-05 09:00 | email   | inbound   |
ana-h   | hubspot    | 2026-01-12 09:00 | email   | inbound   |
ana-h   | hubspot    | 2026-01-19 09:00 | email   | inbound   |
ana-h   | hubspot    | 2026-01-26 09:00 | email   | inbound   |
ana-s   | salesforce | 2026-11-19 14:00 | call    | outbound  | connected
tom-h   | hubspot    | 2026-01-05 09:00 | email   | inbound   |
tom-h   | hubspot    | 2026-01-12 09:00 | email   | inbound   |
tom-h   | hubspot    | 2026-01-19 09:00 | email   | inbound   |
tom-s   | salesforce | 2026-01-26 09:00 | email   | inbound   |
"""


def test_last_heard_at_is_the_same_on_both_records(check: Check) -> None:
    """A call that only Salesforce has is the last sign of life on HubSpot's record too."""
    check(
        last_heard_at,
        TALKING_ELSEWHERE,
        {"ana-h": "2026-11-19 14:00", "ana-s": "2026-11-19 14:00", "tom-h": "2026-01-26 09:00", "tom-s": "2026-01-26 09:00"},
        contacts=BOTH,
    )


def test_engagement_state_is_silent_only_where_they_are_silent_everywhere(check: Check, weekly: pd.DataFrame) -> None:
    """Ana is silent in HubSpot and talks in Salesforce, so she is back; Tom is silent in both."""
    check(
        engagement_state,
        TALKING_ELSEWHERE,
        {"ana-h": "reawakened", "ana-s": "reawakened", "tom-h": "silent", "tom-s": "silent"},
        contacts=BOTH,
        others=weekly,
    )


TOLD_TWICE = """
contact | crm        | at                  | channel | direction | outcome | kind
ana-h   | hubspot    | 2026-10-01 09:00:00 | email   | outbound  | sent    |
ana-s   | salesforce | 2026-10-01 09:00:07 | email   | outbound  |         |
ana-h   | hubspot    | 2026-10-02 09:00:00 | email   | outbound  | sent    |
ana-s   | salesforce | 2026-10-02 09:01:50 | email   | outbound  |         |
ana-h   | hubspot    | 2026-10-03 09:00:00 | email   | outbound  | sent    |
ana-s   | salesforce | 2026-10-03 09:10:00 | email   | outbound  |         |
ana-h   | hubspot    | 2026-10-04 09:00:00 | email   | outbound  | sent    |
ana-h   | hubspot    | 2026-10-04 09:00:30 | email   | outbound  | sent    |
"""


def test_unanswered_touches_counts_what_two_crms_tell_once(check: Check) -> None:
    """Up to two minutes apart two CRMs tell one mail; ten minutes apart, or within one CRM, they are two."""
    check(unanswered_touches, TOLD_TWICE, {"ana-h": 6, "ana-s": 6}, contacts=BOTH)


def test_last_heard_at_is_not_moved_by_what_one_crm_read_as_a_machine(check: Check) -> None:
    """Salesforce has no text of the absence note that HubSpot read: the note is a machine's in both."""
    check(
        last_heard_at,
        """
        contact | crm        | at                  | channel | direction | kind       | reason
        ana-h   | hubspot    | 2026-10-01 09:00:00 | email   | inbound   | human      |
        ana-h   | hubspot    | 2026-10-20 09:00:00 | email   | inbound   | auto_reply | absent
        ana-s   | salesforce | 2026-10-20 09:00:31 | email   | inbound   | human      |
        """,
        {"ana-h": "2026-10-01 09:00"},
        contacts=BOTH,
    )


TORN = """
contact | crm        | email               | title | company | created_at | title_changed_at | verified_at | job_changed_at
ana-h   | hubspot    | ana@halden.example  | CFO   | ha      | 2025-06-01 |                  | 2026-02-01  |
ana-s   | salesforce | ana@halden.example  | COO   | br      | 2025-06-01 | 2026-03-03       |             |
tom-h   | hubspot    | tom@halden.example  | CFO   | ha      | 2026-05-01 |                  |             |
tom-s   | salesforce | tom@halden.example  | Chief Financial Officer | hs | 2026-05-01 |    |             |
kim-h   | hubspot    | kim@halden.example  | CFO   | ha      | 2026-05-01 |                  |             |
kim-s   | salesforce | kim@halden.example  | COO   | hs      | 2026-05-01 |                  | 2026-06-07  |
lee-s   | salesforce | lee@halden.example  | CFO   | hs      | 2026-05-01 |                  |             | 2026-09-09
"""

FIRMS = """
company | crm        | name           | domain
ha      | hubspot    | Halden         | halden.example
hs      | salesforce | Halden Group   | halden.example
br      | salesforce | Brenner        | brenner.example
"""

NOTHING = "contact | at | channel | direction\n"


def test_job_evidence_says_in_words_where_the_crms_disagree(check: Check) -> None:
    """Two employers, two titles, or a change of jobs that a CRM saw; one title written in two ways is no disagreement."""
    check(
        job_evidence,
        NOTHING,
        {
            "ana-h": "HubSpot says CFO at Halden, Salesforce says COO at Brenner since 3 March 2026 (sign). Verified in the CRM on 1 February 2026.",
            "tom-h": None,
            "kim-s": "HubSpot says CFO, Salesforce says COO (known on 7 June 2026) (weak sign). Verified in the CRM on 7 June 2026.",
            "lee-s": "Salesforce's own data service saw them change jobs on 9 September 2026 (strong sign).",
        },
        contacts=TORN,
        companies=FIRMS,
    )


def test_still_there_chance_falls_with_a_disagreement_and_less_with_an_old_one(check: Check) -> None:
    """Two employers weigh more than two titles; a year and a half later half of it is left."""
    check(
        still_there_chance,
        NOTHING,
        {"ana-h": 0.61, "tom-h": 0.89, "kim-h": 0.87, "lee-s": 0.29, "old-h": 0.5, "new-h": 0.28},
        contacts=f"""{TORN.rstrip()}
old-h   | hubspot    | old@halden.example  | CFO   | ha      | 2023-01-01 |            | 2024-11-01 |
old-s   | salesforce | old@halden.example  | CFO   | br      | 2025-01-01 |            |            |
new-h   | hubspot    | new@halden.example  | CFO   | ha      | 2023-01-01 |            | 2024-11-01 |
new-s   | salesforce | new@halden.example  | CFO   | br      | 2026-10-01 |            |            |
""",
        companies=FIRMS,
    )


def test_job_state_believes_whom_we_talk_to(check: Check) -> None:
    """Heard from after the disagreement: the sign stays, but weighs little."""
    check(
        job_state,
        "contact | crm | at | channel | direction\nana-h | hubspot | 2026-11-10 | email | inbound",
        {"ana-s": "confirmed", "lee-s": "probably_moved"},
        contacts=TORN,
        companies=FIRMS,
    )


def test_job_verified_at_is_not_moved_by_the_record_that_speaks_against_it(check: Check) -> None:
    """The title that Salesforce changed is news of another job; HubSpot's check of the record stands."""
    check(job_verified_at, NOTHING, {"ana-h": "2026-02-01 00:00", "kim-h": "2026-06-07 00:00"}, contacts=TORN, companies=FIRMS)


UNSEEN = """
contact | crm        | email              | created_at | mail_captured_at
ana-h   | hubspot    | ana@halden.example | 2024-01-01 |
ana-s   | salesforce | ana@halden.example | 2024-01-01 | 2026-11-10
kai     | salesforce | kai@halden.example | 2024-01-01 | 2026-11-10
tom     | salesforce | tom@halden.example | 2024-01-01 | 2026-11-10
eva     | salesforce | eva@halden.example | 2024-01-01 | 2026-11-10
lee     | hubspot    | lee@halden.example | 2024-01-01 |
"""

RECORDED = """
contact | crm        | at         | channel | direction | outcome   | is_broadcast
ana-h   | hubspot    | 2026-11-09 | email   | outbound  | sent      |
kai     | salesforce | 2026-01-05 | email   | inbound   |           |
kai     | salesforce | 2026-01-12 | email   | inbound   |           |
kai     | salesforce | 2026-01-19 | email   | inbound   |           |
kai     | salesforce | 2026-01-26 | email   | inbound   |           |
tom     | salesforce | 2026-01-05 | email   | inbound   |           |
tom     | salesforce | 2026-10-20 | call    | outbound  | connected |
eva     | salesforce | 2026-11-09 | email   | outbound  | sent      | true
lee     | hubspot    | 2026-01-05 | email   | inbound   |           |
"""


def test_coverage_knows_mail_that_passes_unseen(check: Check) -> None:
    """Salesforce counts mail that no CRM has on record: blind, or partial where another way tells of them. A mailing is no sign that mail is kept."""
    check(coverage, RECORDED, {"ana-s": "full", "kai": "blind", "tom": "partial", "eva": "blind", "lee": "full"}, contacts=UNSEEN)


def test_engagement_state_is_never_silent_where_mail_passes_unseen(check: Check, weekly: pd.DataFrame) -> None:
    """Ten months without a mail on record, and mail passes: nobody knows."""
    check(engagement_state, RECORDED, {"kai": "unknown", "eva": "unknown", "lee": "silent"}, contacts=UNSEEN, others=weekly)


def test_silent_since_and_email_blindness_claim_nothing_where_mail_passes_unseen(check: Check) -> None:
    """No date of a silence, and no blindness of theirs: it is ours."""
    mails = "\n".join(f"kai | salesforce | 2026-0{month}-10 | email | outbound | sent | " for month in range(2, 10))
    check(silent_since, f"{RECORDED.rstrip()}\n{mails}", {"kai": None}, contacts=UNSEEN)
    check(email_blindness, f"{RECORDED.rstrip()}\n{mails}", {"kai": "none"}, contacts=UNSEEN)


def test_why_says_in_plain_words_that_mail_passes_unseen(check: Check, weekly: pd.DataFrame) -> None:
    """Which CRM counts it, and until when."""
    check(
        why,
        RECORDED,
        {
            "kai": "We cannot see mail with them: Salesforce counts it, the last on 10 November 2026, but keeps no record that we could read. "
            "Do not read it as silence."
        },
        contacts=UNSEEN,
        others=weekly,
    )


def test_coverage_believes_the_admin_that_mail_is_captured_elsewhere(check: Check) -> None:
    """Then nobody whom Salesforce holds is judged by mail, unless mail is on record; whom only HubSpot holds is judged as ever."""
    check(
        coverage,
        RECORDED,
        {"ana-s": "full", "kim": "blind", "lee": "full"},
        contacts=f"{UNSEEN.rstrip()}\nkim | salesforce | kim@halden.example | 2024-01-01 |",
        mail_elsewhere=frozenset({"salesforce"}),
    )
    check(
        why,
        RECORDED,
        {"kim": "We cannot see mail with them: that of Salesforce is captured elsewhere. Do not read it as silence."},
        contacts=f"{UNSEEN.rstrip()}\nkim | salesforce | kim@halden.example | 2024-01-01 |",
        mail_elsewhere=frozenset({"salesforce"}),
    )


PEOPLE = """
contact | crm        | email              | company | first_name | last_name
ana-h   | hubspot    | ana@halden.example | ha      | Ana        | Souza
ana-s   | salesforce | ana@halden.example | hs      | Ana        | Souza
tom-h   | hubspot    | tom@halden.example | ha      | Tom        | Becker
kai-s   | salesforce | kai@halden.example | hs      | Kai        | Ott
lee-s   | salesforce | lee@brenner.example | br     | Lee        | Chan
"""

HEARD = """
contact | crm        | at         | channel | direction
ana-h   | hubspot    | 2026-11-01 | email   | inbound
ana-s   | salesforce | 2026-11-10 | email   | inbound
kai-s   | salesforce | 2026-01-01 | email   | inbound
"""

TOLD = {"contacts": PEOPLE, "companies": FIRMS}


def test_known_contacts_counts_a_person_of_both_crms_once(check: Check) -> None:
    """Two companies with one domain are one account: three people, on both records."""
    check(account.known_contacts, HEARD, {"ha": 3, "hs": 3, "br": 1}, **TOLD)


def test_voices_90d_and_silent_share_are_those_of_the_account(check: Check, weekly: pd.DataFrame) -> None:
    """Ana is one voice, whoever heard her; Kai's silence stands on HubSpot's company too."""
    check(account.voices_90d, HEARD, {"ha": 1, "hs": 1, "br": 0}, **TOLD)
    check(account.silent_share, HEARD, {"ha": 0.5, "hs": 0.5, "br": None}, others=weekly, **TOLD)


def test_known_contacts_of_companies_that_one_crm_has_twice_stay_apart(check: Check) -> None:
    """Where one CRM has two companies of that domain, nobody can tell which the other means; free mail is no domain of a firm."""
    twice = (
        f"{FIRMS.rstrip()}\nh2 | hubspot | Halden Sales | halden.example\nfh | hubspot | F | gmail.com\nfs | salesforce | F | gmail.com\n"
    )
    check(account.known_contacts, HEARD, {"ha": 2, "hs": 2, "h2": 0, "fh": 0, "fs": 0}, contacts=PEOPLE, companies=twice)
