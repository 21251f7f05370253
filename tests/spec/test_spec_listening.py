"""Specs of the fields under "Are they still listening" that measure; the state and its reason have their own."""

from collections.abc import Callable

import pandas as pd
import pytest

from transforms.fields.listening import coverage, engagement_trend, hear_back_chance, last_heard_at, last_heard_channel, usual_gap_days

Check = Callable[..., None]


def every(contact: str, days: int, times: int, *, until: str, **more: str) -> pd.DataFrame:
    """Inbound mail of one contact, ``times`` times every ``days`` days, the last one on ``until``."""
    at = [pd.Timestamp(until) - pd.Timedelta(days=days * back) for back in range(times)]
    rows = pd.DataFrame({"contact_id": contact, "occurred_at": at, "channel": "email", "direction": "inbound", **more})
    return rows.astype({"occurred_at": "str"})


def test_last_heard_at_is_moved_by_what_people_do(check: Check) -> None:
    """A mail, an answered call, a meeting that was held, a form, a post, product use and a ticket all count, at their time."""
    check(
        last_heard_at,
        """
        contact | at               | channel   | direction | outcome
        mail    | 2026-10-01 09:00 | email     | inbound   |
        reply   | 2026-10-02 09:00 | email     | outbound  | replied
        call    | 2026-10-03 09:00 | call      | outbound  | connected
        rang    | 2026-10-04 09:00 | call      | inbound   |
        meeting | 2026-10-05 09:00 | meeting   | outbound  | held
        form    | 2026-10-06 09:00 | form      | inbound   | submitted
        post    | 2026-10-07 09:00 | community | inbound   | posted
        use     | 2026-10-08 09:00 | product   | inbound   | used
        ticket  | 2026-10-09 09:00 | ticket    | inbound   | opened_ticket
        text    | 2026-10-10 09:00 | whatsapp  | inbound   |
        """,
        {
            "mail": "2026-10-01 09:00",
            "reply": "2026-10-02 09:00",
            "call": "2026-10-03 09:00",
            "rang": "2026-10-04 09:00",
            "meeting": "2026-10-05 09:00",
            "form": "2026-10-06 09:00",
            "post": "2026-10-07 09:00",
            "use": "2026-10-08 09:00",
            "ticket": "2026-10-09 09:00",
            "text": "2026-10-10 09:00",
            "nobody": None,
        },
    )


def test_last_heard_at_knows_that_a_crm_counts_the_notes_of_machines_as_replies(check: Check) -> None:
    """A message is marked as replied where only a bounce or an absence note came back; where a person wrote in the thread too, it counts."""
    check(
        last_heard_at,
        """
        contact | at               | channel | direction | outcome | kind       | reason       | thread_id
        ana     | 2026-10-01 09:00 | email   | inbound   |         | human      |              | t1
        ana     | 2026-10-05 09:00 | email   | outbound  | replied |            |              | t2
        ana     | 2026-10-05 09:01 | email   | inbound   |         | auto_reply | left         | t2
        tom     | 2026-10-05 09:00 | email   | outbound  | replied |            |              | t3
        tom     | 2026-10-05 09:01 | email   | inbound   |         | bounce     | mailbox_gone | t3
        eva     | 2026-10-05 09:00 | email   | outbound  | replied |            |              | t4
        eva     | 2026-10-05 09:01 | email   | inbound   |         | auto_reply | absent       | t4
        eva     | 2026-10-07 09:00 | email   | inbound   |         | human      |              | t4
        kim     | 2026-10-05 09:00 | email   | outbound  | replied |            |              | t5
        """,
        {"ana": "2026-10-01 09:00", "tom": None, "eva": "2026-10-07 09:00", "kim": "2026-10-05 09:00"},
    )


def test_last_heard_at_is_not_moved_by_machines_or_by_us(check: Check) -> None:
    """Opens, clicks, bounces, automatic replies, mail to many, our own tries and plans for the future are not hearing from somebody."""
    check(
        last_heard_at,
        """
        contact | at               | channel | direction | outcome    | kind       | reason          | is_broadcast | is_automated
        ana     | 2026-10-01 09:00 | email   | inbound   |            | human      |                 |              |
        ana     | 2026-10-02 09:00 | email   | outbound  | opened     |            |                 |              |
        ana     | 2026-10-03 09:00 | email   | inbound   | clicked    |            |                 |              |
        ana     | 2026-10-04 09:00 | email   | outbound  | bounced    |            |                 |              |
        ana     | 2026-10-05 09:00 | email   | inbound   |            | bounce     | mailbox_full    |              |
        ana     | 2026-10-06 09:00 | email   | inbound   |            | auto_reply | absent          |              |
        ana     | 2026-10-07 09:00 | email   | inbound   |            | auto_reply | acknowledgement |              |
        ana     | 2026-10-08 09:00 | email   | inbound   |            | machine    |                 |              |
        ana     | 2026-10-09 09:00 | email   | inbound   |            |            |                 | true         |
        ana     | 2026-10-10 09:00 | email   | inbound   |            |            |                 |              | true
        ana     | 2026-10-11 09:00 | call    | outbound  | voicemail  |            |                 |              |
        ana     | 2026-10-12 09:00 | meeting | outbound  | no_show    |            |                 |              |
        ana     | 2026-10-13 09:00 | meeting | outbound  | canceled   |            |                 |              |
        ana     | 2026-12-01 09:00 | meeting | outbound  | scheduled  |            |                 |              |
        ana     | 2026-10-14 09:00 | web     | inbound   | other      |            |                 |              |
        ana     | 2026-10-15 09:00 | ticket  | outbound  | closed_ticket |         |                 |              |
        """,
        {"ana": "2026-10-01 09:00"},
    )


def test_last_heard_at_knows_nothing_of_the_future(check: Check) -> None:
    """What lies after the moment at which we ask is not there yet."""
    check(
        last_heard_at,
        """
        contact | at               | channel | direction
        ana     | 2026-11-21 23:59 | email   | inbound
        ana     | 2026-11-22 00:01 | email   | inbound
        """,
        {"ana": "2026-11-21 23:59"},
    )


def test_last_heard_at_follows_merged_contacts_and_equal_addresses(check: Check) -> None:
    """What a contact said before it was merged, or under another record with the same address, is theirs; a shared mailbox joins nobody."""
    check(
        last_heard_at,
        """
        contact | at               | channel | direction
        old     | 2026-10-03 09:00 | email   | inbound
        twin    | 2026-10-05 09:00 | email   | inbound
        desk    | 2026-10-07 09:00 | email   | inbound
        """,
        {"new": "2026-10-05 09:00", "twin": "2026-10-05 09:00", "desk": "2026-10-07 09:00", "till": None},
        contacts="""
        contact | email            | merged_into
        old     |                  | older
        older   | x@x.example      | new
        new     | Ana@X.example    |
        twin    | ana@x.example    |
        desk    | info@x.example   |
        till    | info@x.example   |
        """,
    )


def test_last_heard_channel_is_the_way_of_the_last_one(check: Check) -> None:
    """The latest thing heard decides; a later automatic reply does not."""
    check(
        last_heard_channel,
        """
        contact | at         | channel | direction | outcome    | kind
        ana     | 2026-10-01 | email   | inbound   |            |
        ana     | 2026-10-05 | call    | outbound  | connected  |
        ana     | 2026-10-09 | email   | inbound   | auto_reply | auto_reply
        """,
        {"ana": "call", "nobody": None},
    )


def test_usual_gap_days_is_the_middle_of_the_latest_gaps(check: Check) -> None:
    """Several messages of one day are one day; three gaps are needed."""
    check(
        usual_gap_days,
        """
        contact | at               | channel | direction
        ana     | 2026-10-01 09:00 | email   | inbound
        ana     | 2026-10-01 09:05 | email   | inbound
        ana     | 2026-10-08 09:00 | email   | inbound
        ana     | 2026-10-18 09:00 | email   | inbound
        ana     | 2026-10-28 09:00 | email   | inbound
        tom     | 2026-10-08 09:00 | email   | inbound
        tom     | 2026-10-18 09:00 | email   | inbound
        tom     | 2026-10-28 09:00 | email   | inbound
        """,
        {"ana": 10, "tom": None, "nobody": None},
    )


def test_usual_gap_days_sees_through_bursts_and_holidays(check: Check) -> None:
    """Four days of daily mail every two months are a rhythm of two months; one long holiday of a weekly writer is none."""
    bursts = [every("burst", 1, 4, until=f"2026-{month:02}-04") for month in (3, 5, 7, 9, 11)]
    others = pd.concat([*bursts, every("holiday", 7, 8, until="2026-08-01"), every("holiday", 7, 6, until="2026-11-01")])
    check(usual_gap_days, "contact | at | channel | direction", {"burst": 59, "holiday": 7}, others=others)


def test_usual_gap_days_forgets_what_is_long_ago(check: Check) -> None:
    """Of a long history, the latest twelve gaps count."""
    others = pd.concat([every("ana", 60, 10, until="2026-07-01"), every("ana", 5, 13, until="2026-11-01")])
    check(usual_gap_days, "contact | at | channel | direction", {"ana": 5}, others=others)


def test_hear_back_chance_without_history_is_the_prior(check: Check) -> None:
    """Before there is history, what was learned from made customers of many kinds holds: most people heard from yesterday for the first time write again."""
    check(
        hear_back_chance,
        """
        contact | at         | channel | direction
        fresh   | 2026-11-21 | email   | inbound
        """,
        {"fresh": 0.48},
    )


def test_hear_back_chance_is_learned_from_people_with_the_same_rhythm_and_silence(check: Check) -> None:
    """Forty people who always write again within the month are likely to write again; forty who wrote once, long ago, are not."""
    steady = [every(f"steady{n}", 9, 60, until=str(pd.Timestamp("2026-11-20") - pd.Timedelta(days=n % 9))) for n in range(40)]
    gone = [every(f"gone{n}", 9, 1, until="2025-04-20") for n in range(40)]
    check(
        hear_back_chance,
        "contact | at | channel | direction",
        {"steady0": 1.0, "gone0": 0.0},
        others=pd.concat([*steady, *gone]),
    )


def test_engagement_trend_compares_two_windows(check: Check) -> None:
    """Only a clear difference between the last 90 days and the 90 before is called a trend; a new contact has none."""
    others = pd.concat(
        [
            every("more", 9, 9, until="2026-11-20"),
            every("less", 9, 9, until="2026-08-20"),
            every("same", 9, 19, until="2026-11-20"),
            every("one", 90, 1, until="2026-08-20"),
            every("new", 2, 9, until="2026-11-20"),
        ]
    )
    check(
        engagement_trend,
        "contact | at | channel | direction",
        {"more": "rising", "less": "falling", "same": "steady", "one": "steady", "new": None, "nobody": None},
        others=others,
        contacts="""
        contact | created_at
        more    | 2024-01-01
        less    | 2024-01-01
        same    | 2024-01-01
        one     | 2024-01-01
        new     | 2026-10-01
        """,
    )


@pytest.fixture
def outage() -> pd.DataFrame:
    """Lee's mailbox stopped on 2 November, with six customers in it; Kim's goes on."""
    lee = [every(f"lee{n}", 3, 60, until="2026-11-02", actor_id="lee") for n in range(6)]
    kim = [every(f"kim{n}", 3, 60, until="2026-11-20", actor_id="kim") for n in range(6)]
    return pd.concat([*lee, *kim])


def test_coverage_is_blind_where_the_source_stopped_for_everybody(check: Check, outage: pd.DataFrame) -> None:
    """One person's silence is theirs; the silence of a whole mailbox is ours. Whoever also comes by another way is seen in part."""
    both = every("both", 7, 20, until="2026-11-01", actor_id="lee")
    call = pd.DataFrame(
        {"contact_id": "both", "occurred_at": [f"2026-0{n}-15" for n in range(1, 10)], "channel": "call", "direction": "inbound"},
        dtype="str",
    )
    quiet = every("quiet", 3, 20, until="2026-08-01", actor_id="kim")
    check(
        coverage,
        "contact | at | channel | direction",
        {"lee0": "blind", "kim0": "full", "both": "partial", "quiet": "full", "never": "blind", "nobody": "full"},
        others=pd.concat([outage, both, call, quiet]),
        contacts="""
        contact | owner_id
        never   | lee
        """,
    )
