"""Specs of the fields under "Reaching out": what we tried, what was answered, and how to go on."""

from collections.abc import Callable

import pandas as pd

from transforms.fields.choosing import best_channel, best_channel_why, best_time
from transforms.fields.reaching import (
    checkin_share_90d,
    email_blindness,
    email_share_90d,
    last_direct_at,
    last_touch_at,
    last_touch_channel,
    reply_rate_180d,
    unanswered_since,
    unanswered_touches,
)

Check = Callable[..., None]

TRIED = """
contact | at               | channel  | direction | outcome   | is_broadcast | is_checkin | kind
priya   | 2026-09-01 09:00 | email    | inbound   |           |              |            |
priya   | 2026-09-01 15:00 | email    | outbound  | sent      |              |            |
priya   | 2026-09-10 10:00 | call     | outbound  | connected |              |            |
priya   | 2026-10-06 09:00 | email    | outbound  | opened    |              | true       |
priya   | 2026-10-13 09:00 | email    | outbound  | sent      |              | true       |
priya   | 2026-10-20 09:00 | email    | outbound  | bounced   |              |            |
priya   | 2026-10-27 09:00 | email    | outbound  | sent      | true         |            |
priya   | 2026-11-03 09:00 | call     | outbound  | voicemail |              |            |
priya   | 2026-11-04 09:00 | email    | inbound   |           |              |            | auto_reply
priya   | 2026-11-10 09:00 | email    | outbound  | sent      |              | false      |
priya   | 2026-11-20 09:00 | linkedin | outbound  | sent      |              |            |
ana     | 2026-11-01 09:00 | email    | outbound  | sent      |              |            |
ana     | 2026-11-02 09:00 | call     | inbound   | connected |              |            |
"""
"""Priya was written to and called after her last word, the call of 10 September; Ana answered a mail by calling."""


def test_last_touch_at_is_the_last_thing_meant_for_them(check: Check) -> None:
    """Newsletters, and mail that came back, reach nobody."""
    check(
        last_touch_at,
        """
        contact | at         | channel | direction | outcome      | is_broadcast | participant_count
        ana     | 2026-10-01 | call    | outbound  | no_answer    |              |
        ana     | 2026-10-02 | email   | outbound  | bounced      |              |
        ana     | 2026-10-03 | email   | outbound  | sent         | true         |
        ana     | 2026-10-04 | email   | outbound  | sent         |              | 40
        ana     | 2026-10-05 | call    | outbound  | wrong_number |              |
        ana     | 2026-10-06 | meeting | outbound  | canceled     |              |
        ana     | 2026-10-07 | email   | inbound   |              |              |
        """,
        {"ana": "2026-10-01 00:00", "nobody": None},
    )


def test_last_touch_channel_is_the_way_of_the_last_touch(check: Check) -> None:
    """Whatever came of it."""
    check(last_touch_channel, TRIED, {"priya": "linkedin", "ana": "email", "nobody": None})


def test_unanswered_touches_counts_what_asked_and_had_time(check: Check) -> None:
    """Not our answer to their mail, not what bounced or went to many, not the last three days; an automatic reply answers nothing."""
    check(unanswered_touches, TRIED, {"priya": 4, "ana": 0, "nobody": 0})


def test_unanswered_touches_leaves_out_our_own_answer(check: Check) -> None:
    """The first message by the same way within three days of theirs is our answer to it; the next one is an attempt."""
    check(
        unanswered_touches,
        """
        contact | at               | channel | direction
        ana     | 2026-11-01 09:00 | email   | inbound
        ana     | 2026-11-01 11:00 | email   | outbound
        tom     | 2026-11-01 09:00 | email   | inbound
        tom     | 2026-11-01 11:00 | email   | outbound
        tom     | 2026-11-09 11:00 | email   | outbound
        """,
        {"ana": 0, "tom": 1},
    )


def test_unanswered_since_is_the_day_of_the_first_one(check: Check) -> None:
    """The day on which we first asked in vain."""
    check(unanswered_since, TRIED, {"priya": "2026-10-06", "ana": None, "nobody": None})


def test_last_direct_at_is_the_last_live_conversation(check: Check) -> None:
    """A call that connected, a meeting that was held or that lies in the past without an outcome; not a voicemail, not a plan."""
    check(
        last_direct_at,
        """
        contact | at         | channel | direction | outcome
        call    | 2026-10-01 | call    | outbound  | connected
        call    | 2026-10-09 | call    | outbound  | voicemail
        met     | 2026-10-02 | meeting | outbound  | held
        met     | 2026-10-09 | meeting | outbound  | scheduled
        event   | 2026-10-03 | meeting | outbound  |
        mail    | 2026-10-04 | email   | inbound   |
        """,
        {"call": "2026-10-01 00:00", "met": "2026-10-02 00:00", "event": "2026-10-03 00:00", "mail": None},
    )


def weekly(contact: str, first: str, times: int, *, answered: bool) -> str:
    """Rows of ``times`` weekly e-mails to a contact, each answered a day later or not."""
    rows = []
    for week in range(times):
        at = pd.Timestamp(first) + pd.Timedelta(weeks=week)
        rows.append(f"{contact} | {at} | email | outbound")
        if answered:
            rows.append(f"{contact} | {at + pd.Timedelta(days=1)} | email | inbound")
    return "\n".join(rows)


def test_email_blindness_is_measured_against_their_own_answers(check: Check) -> None:
    """Five mails in vain are much for somebody who answered all of twelve; for somebody who never answered, sixteen are."""
    rows = "\n".join(
        [
            "contact | at | channel | direction",
            weekly("keen", "2026-07-01", 12, answered=True),
            weekly("keen", "2026-10-01", 5, answered=False),
            weekly("fine", "2026-09-01", 8, answered=True),
            weekly("never", "2026-07-01", 16, answered=False),
        ]
    )
    check(email_blindness, rows, {"keen": "blind", "fine": "none", "never": "blind", "nobody": "none"})


def test_email_blindness_is_not_ended_by_a_call(check: Check) -> None:
    """Somebody who picks up but leaves every mail is blind to e-mail."""
    rows = "\n".join(
        ["contact | at | channel | direction", weekly("ana", "2026-07-01", 16, answered=False), "ana | 2026-11-10 | call | inbound"]
    )
    check(email_blindness, rows, {"ana": "blind"})


def test_email_blindness_is_not_claimed_of_few_mails(check: Check) -> None:
    """Two mails in vain are little for anybody; opens in between are made by machines and change nothing."""
    rows = "\n".join(
        [
            "contact | at | channel | direction | outcome",
            *[f"{who} | 2026-{month}-01 | email | outbound | sent" for who in ("ana", "opens") for month in ("09", "10")],
            *[
                f"long | 2026-{month}-{day} | email | outbound | sent"
                for month in ("06", "07", "08", "09", "10")
                for day in ("01", "08", "15", "22")
            ],
            *[f"{who} | 2026-{month}-02 | email | inbound | opened" for who in ("opens", "long") for month in ("09", "10")],
        ]
    )
    check(email_blindness, rows, {"ana": "none", "opens": "none", "long": "blind"})


def test_email_share_90d_counts_touches(check: Check) -> None:
    """Three of the four touches of the last 90 days were e-mail; newsletters are no touch."""
    check(
        email_share_90d,
        """
        contact | at         | channel | direction | is_broadcast
        ana     | 2026-11-01 | email   | outbound  |
        ana     | 2026-11-02 | email   | outbound  |
        ana     | 2026-11-03 | email   | outbound  |
        ana     | 2026-11-04 | email   | outbound  | true
        ana     | 2026-11-05 | call    | outbound  |
        ana     | 2026-01-05 | call    | outbound  |
        """,
        {"ana": 0.75, "nobody": None},
    )


def test_reply_rate_180d_counts_attempts_that_had_their_time(check: Check) -> None:
    """Answered within 14 days by whatever way. A mail of last week without an answer is not judged yet."""
    check(
        reply_rate_180d,
        """
        contact | at         | channel | direction | outcome
        ana     | 2026-06-10 | email   | outbound  |
        ana     | 2026-06-20 | call    | inbound   |
        ana     | 2026-08-01 | email   | outbound  |
        ana     | 2026-09-01 | call    | outbound  | connected
        ana     | 2026-10-01 | email   | outbound  |
        ana     | 2026-11-17 | email   | outbound  |
        ana     | 2025-10-01 | email   | outbound  |
        """,
        {"ana": 0.5, "nobody": None},
    )


def test_checkin_share_90d_counts_what_could_be_read(check: Check) -> None:
    """Two of three messages whose text was read only asked for a sign of life."""
    check(checkin_share_90d, TRIED, {"priya": 0.67, "ana": None, "nobody": None})


RECORD = """
contact | at         | channel  | direction | outcome   | kind       | reason       | absent_until
caller  | 2026-10-01 | email    | outbound  | sent      |            |              |
caller  | 2026-10-08 | email    | outbound  | sent      |            |              |
caller  | 2026-10-15 | email    | outbound  | sent      |            |              |
caller  | 2026-10-16 | call     | outbound  | connected |            |              |
caller  | 2026-10-20 | call     | outbound  | connected |            |              |
mailer  | 2026-10-01 | email    | outbound  | replied   |            |              |
mailer  | 2026-10-16 | call     | outbound  | no_answer |            |              |
mailer  | 2026-10-20 | call     | outbound  | no_answer |            |              |
nocall  | 2026-10-16 | call     | outbound  | connected |            |              |
nomail  | 2026-10-16 | email    | outbound  | replied   |            |              |
dead    | 2026-10-16 | email    | outbound  | replied   |            |              |
dead    | 2026-10-20 | email    | outbound  | bounced   |            | mailbox_gone |
twice   | 2026-10-21 | email    | outbound  | sent      |            |              |
recent  | 2026-11-21 | email    | outbound  | sent      |            |              |
ticket  | 2026-11-10 | ticket   | inbound   | opened_ticket |        |              |
"""

RIGHTS = """
contact | email_opted_out | do_not_call | company | first_name | last_name | linkedin_url
nocall  |                 | true        |         |            |           |
nomail  | true            |             |         |            |           |
neither | true            | true        | acme    |            |           |
linked  | true            | true        |         |            |           | https://linkedin.example/in/linked
mailer  |                 |             | acme    | Mia        | Mailer    |
"""


def test_best_channel_follows_their_answers_and_wishes(check: Check) -> None:
    """The way they answer; never a way they do not want or that is dead; wait when something is under way."""
    check(
        best_channel,
        RECORD,
        {
            "caller": "call",
            "mailer": "email",
            "nocall": "email",
            "nomail": "call",
            "dead": "call",
            "recent": "wait",
            "ticket": "wait",
            "neither": "someone_else",
            "linked": "linkedin",
        },
        contacts=RIGHTS,
    )


def test_best_channel_turns_away_from_e_mail_when_they_are_blind_to_it(check: Check) -> None:
    """The same thing again is no way, also where no call was ever tried."""
    check(best_channel, "contact | at | channel | direction\n" + weekly("ana", "2026-07-01", 16, answered=False), {"ana": "call"})


def test_best_channel_does_not_leave_a_way_that_works_for_one_that_was_never_tried(check: Check) -> None:
    """LinkedIn works well with those on whom it was tried; somebody who answers e-mail gets e-mail, and a new contact is not met there first."""
    rows = ["contact | at | channel | direction"]
    for n in range(30):
        rows += [
            f"other{n} | 2026-09-01 | linkedin | outbound",
            f"other{n} | 2026-09-02 | linkedin | inbound",
            f"cold{n} | 2026-09-01 | email | outbound",
        ]
    rows += ["fine | 2026-09-01 | email | outbound", "fine | 2026-09-02 | email | inbound", "deaf | 2026-09-01 | email | outbound"]
    check(
        best_channel,
        "\n".join(rows),
        {"fine": "email", "fresh": "call", "deaf": "linkedin", "other1": "linkedin"},
        contacts="""
        contact | linkedin_url
        fine    | https://linkedin.example/in/fine
        fresh   | https://linkedin.example/in/fresh
        deaf    | https://linkedin.example/in/deaf
        """,
    )


def test_best_channel_waits_for_those_who_answer_late(check: Check) -> None:
    """Whoever takes five days is given five days after one message; after a second one in vain another way is tried."""
    rows = ["contact | at | channel | direction"]
    for who in ("slow", "twice", "quick"):
        days = 0 if who == "quick" else 5
        for month in ("05", "06", "07", "08", "09"):
            at = pd.Timestamp(f"2026-{month}-01 09:00")
            rows += [f"{who} | {at} | email | outbound", f"{who} | {at + pd.Timedelta(days=days, hours=1)} | email | inbound"]
        rows.append(f"{who} | 2026-11-18 09:00 | email | outbound")
    rows.append("twice | 2026-11-10 09:00 | email | outbound")
    told = "\n".join(rows)
    check(best_channel, told, {"slow": "wait", "twice": "call", "quick": "email"})
    check(
        best_channel_why,
        told,
        {"slow": "Our last e-mail was on 18 November 2026, and they often take longer to answer: wait until 24 November 2026."},
    )


NOBODY_ANSWERS = "\n".join(
    ["contact | at | channel | direction"]
    + [
        f"ana | 2026-{month}-{day} | {way} | outbound"
        for month in ("06", "07", "08", "09", "10")
        for day in ("05", "20")
        for way in ("email", "call")
    ]
    + [
        f"{who} | 2026-{month}-10 | {way}"
        for who in ("kim", "lee", "pat")
        for month in ("06", "08", "10")
        for way in ("email | outbound", "call | inbound")
    ]
    + [f"{who} | 2026-{month}-11 | email | inbound" for who in ("kim", "lee", "pat") for month in ("06", "08", "10")]
)


def test_best_channel_turns_to_another_voice_when_nothing_gets_an_answer(check: Check) -> None:
    """Twenty attempts by mail and phone in vain, while a colleague talks to us: ask the colleague. Where nobody else does, try on."""
    contacts = """
    contact | company | first_name | last_name
    ana     | north   | Ana        | Souza
    kim     | {kim}   | Kim        | Nair
    """
    check(best_channel, NOBODY_ANSWERS, {"ana": "someone_else", "kim": "email"}, contacts=contacts.format(kim="north"))
    check(best_channel, NOBODY_ANSWERS, {"ana": "email"}, contacts=contacts.format(kim="south"))
    check(
        best_channel_why,
        NOBODY_ANSWERS,
        {
            "ana": "They left 20 attempts in a row unanswered, by every way that we tried. Ask Kim Nair, whom we heard from on 11 October 2026."
        },
        contacts=contacts.format(kim="north"),
    )


def test_best_channel_advises_no_way_that_nobody_of_us_uses(check: Check) -> None:
    """A profile alone is no reason for LinkedIn; it is where every other way is closed."""
    check(
        best_channel,
        "contact | at | channel | direction\n" + weekly("ana", "2026-10-01", 6, answered=False),
        {"ana": "call", "closed": "linkedin"},
        contacts="""
        contact | linkedin_url | email_opted_out | do_not_call
        ana     | https://linkedin.example/in/ana | |
        closed  | https://linkedin.example/in/closed | true | true
        """,
    )


def test_best_channel_counts_only_answers_by_the_same_way(check: Check) -> None:
    """Somebody who calls every week calls after each of our mails too; that makes mail no good way."""
    rows = ["contact | at | channel | direction | outcome"]
    for week in range(10):
        at = pd.Timestamp("2026-08-03") + pd.Timedelta(weeks=week)
        rows += [f"ana | {at} | email | outbound | sent", f"ana | {at + pd.Timedelta(days=3)} | call | outbound | connected"]
    check(best_channel, "\n".join(rows), {"ana": "call"})


def test_best_channel_why_tells_what_was_answered(check: Check) -> None:
    """The record of the last ten attempts by each way, the recommended way first."""
    check(
        best_channel_why,
        RECORD,
        {
            "caller": "They got back to us within 14 days after both calls, but not after three e-mails.",
            "nocall": "E-mails were not tried yet. They got back to us within 14 days after the only call so far.",
            "twice": "Calls were not tried yet. They did not get back to us after the only e-mail so far. With all your contacts, calls work better than e-mails.",
            "recent": "Our last e-mail was on 21 November 2026: give it a few days.",
            "ticket": "They wait for our help with an open ticket: solve that first.",
            "neither": "No way to them is open. Ask Mia Mailer, whom we heard from on 1 October 2026.",
            "linked": "Nothing to go by yet: try a LinkedIn message.",
        },
        contacts=RIGHTS,
    )


def test_best_channel_why_names_who_follows(check: Check) -> None:
    """Whoever was named as successor goes before any other colleague."""
    check(
        best_channel_why,
        """
        contact | at         | channel | direction | outcome    | kind       | reason       | successor
        tom     | 2026-05-01 | email   | inbound   |            | human      |              |
        tom     | 2026-11-03 | email   | inbound   | auto_reply | auto_reply | left         | Julia Kern
        ana     | 2026-05-01 | email   | inbound   |            | human      |              |
        ana     | 2026-11-03 | email   | outbound  | bounced    | bounce     | mailbox_gone |
        kim     | 2026-11-10 | email   | inbound   |            | human      |              |
        """,
        {
            "tom": "They have left. Write to Julia Kern, named as successor.",
            "ana": "They have probably moved on. Ask Kim Nair, whom we heard from on 10 November 2026.",
        },
        contacts="""
        contact | company | first_name | last_name
        tom     | north   | Tom        | Becker
        ana     | north   | Ana        | Souza
        kim     | north   | Kim        | Nair
        """,
    )


def test_best_channel_why_says_when_e_mail_itself_is_no_longer_answered(check: Check) -> None:
    """Somebody who calls back after a mail is heard, yet blind to e-mail: the reason says both, so that the advice is no riddle."""
    calls = "".join(f"ana | 2026-{month}-03 | call | inbound\n" for month in ("07", "08", "09", "10"))
    check(
        best_channel_why,
        "contact | at | channel | direction\n" + weekly("ana", "2026-07-01", 16, answered=False) + "\n" + calls,
        {
            "ana": "Calls were not tried yet. They got back to us within 14 days after four of the last ten e-mails. They no longer write back by e-mail."
        },
    )


def test_best_time_needs_enough_answers_at_one_time_of_day(check: Check) -> None:
    """In their time zone: 13:30 UTC is 9:30 in New York in summer. Without a time zone it is told in UTC."""
    days = ("01", "02", "03", "08", "09", "10", "15", "16", "17")
    rows = [f"{who} | 2026-09-{day} 13:30 | email | inbound" for who in ("ana", "tom") for day in days]
    rows += [f"few | 2026-09-{day} 13:30 | email | inbound" for day in days[:5]]
    rows += [f"any | 2026-09-{day} {3 * place:02}:30 | email | inbound" for place, day in enumerate(days[:8])]
    check(
        best_time,
        "\n".join(["contact | at | channel | direction", *rows]),
        {
            "ana": "Tue–Thu 8–10, their time",
            "tom": "Tue–Thu 12–14 UTC (their time zone is not on record)",
            "few": None,
            "any": None,
            "nobody": None,
        },
        contacts="""
        contact | time_zone
        ana     | America/New_York
        few     | America/New_York
        tom     | Mars/Olympus
        """,
    )


def test_best_time_takes_the_zone_of_a_country_that_has_one(check: Check) -> None:
    """The record's own zone first; Germany has one zone, the United States have many."""
    days = ("01", "02", "03", "08", "09", "10", "15", "16", "17")
    rows = [f"{who} | 2026-09-{day} 13:30 | email | inbound" for who in ("ana", "tom", "kim") for day in days]
    check(
        best_time,
        "\n".join(["contact | at | channel | direction", *rows]),
        {
            "ana": "Tue–Thu 14–16, their time",
            "tom": "Tue–Thu 12–14 UTC (their time zone is not on record)",
            "kim": "Tue–Thu 8–10, their time",
        },
        contacts="""
        contact | country        | time_zone
        ana     | Germany        |
        tom     | United States  |
        kim     | Germany        | America/New_York
        """,
    )
