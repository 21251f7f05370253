"""Specs of where a contact stands: the state, the score, the day since when, and the reason in words."""

from collections.abc import Callable

import pandas as pd
import pytest

from transforms.fields.state import engagement_score, engagement_state, silent_since, why

Check = Callable[..., None]

EMPTY = "contact | at | channel | direction"


def rhythm(contact: str, days: int, *, until: str, times: int = 40, **more: str) -> pd.DataFrame:
    """Inbound mail of one contact every ``days`` days, the last one on ``until``."""
    at = [str(pd.Timestamp(until) - pd.Timedelta(days=days * back)) for back in range(times)]
    return pd.DataFrame({"contact_id": contact, "occurred_at": at, "channel": "email", "direction": "inbound", **more}, dtype="str")


@pytest.fixture
def customers() -> pd.DataFrame:
    """Sixty customers who write every nine days or every forty, now and then with a longer pause, so that a rhythm can be learned."""
    frames = []
    for n in range(60):
        rows = rhythm(f"other{n}", 9 if n % 2 else 40, until=str(pd.Timestamp("2026-11-21") - pd.Timedelta(days=n % 9)))
        # Every eighth message is missing: a usual gap that is twice as long happens to everybody.
        frames.append(rows[rows.index % 8 != n % 8])
    return pd.concat(frames)


def test_engagement_state_measures_a_silence_against_their_own_rhythm(check: Check, customers: pd.DataFrame) -> None:
    """37 days without a word are nothing for somebody who writes every forty; 14 are long for somebody who writes every nine."""
    check(
        engagement_state,
        EMPTY,
        {"weekly": "silent", "slow": "engaged", "now": "engaged", "later": "cooling", "nobody": "never_heard"},
        others=pd.concat(
            [
                customers,
                rhythm("weekly", 9, until="2026-02-06"),
                rhythm("slow", 40, until="2026-10-16", times=15),
                rhythm("now", 9, until="2026-11-17"),
                rhythm("later", 9, until="2026-11-08"),
            ]
        ),
    )


def test_engagement_state_new_needs_help_away_and_back(check: Check, customers: pd.DataFrame) -> None:
    """An open ticket and an announced absence are no silence; somebody who returns from a silence is greeted as such."""
    check(
        engagement_state,
        """
        contact | at         | channel | direction | outcome       | kind       | reason | absent_until
        ticket  | 2026-11-10 | ticket  | inbound   | opened_ticket |            |        |
        away    | 2026-11-10 | email   | inbound   | auto_reply    | auto_reply | absent | 2027-01-11
        back    | 2026-11-15 | email   | inbound   |               |            |        |
        """,
        {"ticket": "needs_help", "away": "cooling", "back": "reawakened", "fresh": "new"},
        others=pd.concat([customers, *(rhythm(name, 9, until="2026-02-06") for name in ("ticket", "away", "back"))]),
        contacts="""
        contact | created_at
        fresh   | 2026-11-15
        ticket  | 2024-01-01
        away    | 2024-01-01
        back    | 2024-01-01
        """,
    )


def test_engagement_state_is_unknown_where_we_are_deaf(check: Check) -> None:
    """When the mailbox of Lee stopped for all his customers, none of them is called silent."""
    lee = [rhythm(f"lee{n}", 3, until="2026-10-02", actor_id="lee") for n in range(6)]
    kim = [rhythm(f"kim{n}", 3, until="2026-11-20", actor_id="kim") for n in range(6)]
    check(
        engagement_state,
        EMPTY,
        {"lee0": "unknown", "lee5": "unknown", "kim0": "engaged", "gone": "silent"},
        others=pd.concat([*lee, *kim, rhythm("gone", 3, until="2026-02-02", actor_id="kim")]),
    )


def test_engagement_state_says_when_no_way_is_open(check: Check, customers: pd.DataFrame) -> None:
    """Mail that comes back for good, with no other way ever used; or wishes that close every way."""
    check(
        engagement_state,
        """
        contact | at         | channel | direction | outcome   | reason
        dead    | 2026-10-20 | email   | outbound  | bounced   | domain_gone
        full    | 2026-10-20 | email   | outbound  | bounced   | mailbox_full
        spoke   | 2026-10-20 | email   | outbound  | bounced   | domain_gone
        spoke   | 2026-09-20 | call    | outbound  | connected |
        """,
        {"dead": "unreachable", "full": "never_heard", "refuses": "unreachable"},
        others=customers,
        contacts="""
        contact | email_opted_out | do_not_call
        refuses | true            | true
        """,
    )


def test_engagement_score_adds_chance_rhythm_and_live_contact(check: Check, customers: pd.DataFrame) -> None:
    """A regular writer whom we also spoke with stands near the top, somebody long silent near the bottom."""
    check(
        engagement_score,
        """
        contact | at         | channel | direction | outcome
        lively  | 2026-11-19 | call    | outbound  | connected
        """,
        {"lively": 100, "weekly": 15, "nobody": 5},
        others=pd.concat([customers, rhythm("lively", 9, until="2026-11-17"), rhythm("weekly", 9, until="2026-02-06")]),
    )


def test_silent_since_is_the_last_day_heard_of_the_quiet_and_silent(check: Check, customers: pd.DataFrame) -> None:
    """It stands still while nothing happens, and goes away when they are heard again."""
    check(
        silent_since,
        EMPTY,
        {"weekly": "2026-02-06", "now": None, "nobody": None},
        others=pd.concat([customers, rhythm("weekly", 9, until="2026-02-06"), rhythm("now", 9, until="2026-11-17")]),
    )


def test_why_can_be_forwarded(check: Check, customers: pd.DataFrame) -> None:
    """Their rhythm, since when there is nothing, what was left unanswered, and how they take calls."""
    check(
        why,
        """
        contact | at         | channel | direction | outcome       | is_checkin | kind       | reason | absent_until
        priya   | 2026-02-09 | call    | outbound  | no_answer     |            |            |        |
        priya   | 2026-03-06 | email   | outbound  | sent          | true       |            |        |
        priya   | 2026-04-06 | email   | outbound  | sent          | true       |            |        |
        priya   | 2026-05-06 | email   | outbound  | sent          | false      |            |        |
        ana     | 2026-11-10 | ticket  | inbound   | opened_ticket |            |            |        |
        ana     | 2026-11-11 | ticket  | inbound   | opened_ticket |            |            |        |
        leave   | 2026-11-01 | email   | inbound   | auto_reply    |            | auto_reply | absent | 2027-01-11
        cold    | 2026-05-06 | email   | outbound  | sent          | true       |            |        |
        tried   | 2026-02-20 | email   | outbound  | sent          | true       |            |        |
        tried   | 2026-03-20 | email   | outbound  | sent          | true       |            |        |
        tried   | 2026-04-20 | meeting | outbound  | no_show       |            |            |        |
        missed  | 2026-05-06 | meeting | outbound  | no_show       |            |            |        |
        """,
        {
            "priya": "We usually hear from them every nine days; nothing since 6 February 2026. "
            "Three e-mails and one call have gone unanswered since 9 February 2026, two of them check-ins.",
            "ana": "Two tickets are open, the oldest since 10 November 2026: help first, everything else can wait.",
            "leave": "We usually hear from them every nine days; nothing since 6 February 2026. Away until 11 January 2027, as they announced.",
            "cold": "We never heard from them; known since 22 November 2024. Our e-mail of 6 May 2026 is unanswered; it only checked in.",
            "tried": "We never heard from them; known since 22 November 2024. "
            "Two e-mails have gone unanswered and one meeting was missed since 20 February 2026, two of them check-ins.",
            "missed": "We never heard from them; known since 22 November 2024. They missed the meeting of 6 May 2026.",
            "fine": "We usually hear from them every nine days, last on 17 November 2026 by e-mail.",
            "new": "New: known since 15 November 2026, not heard from yet.",
        },
        others=pd.concat(
            [
                customers,
                rhythm("priya", 9, until="2026-02-06"),
                rhythm("leave", 9, until="2026-02-06"),
                rhythm("fine", 9, until="2026-11-17"),
            ]
        ),
        contacts="""
        contact | created_at
        new     | 2026-11-15
        """,
    )


def test_why_names_the_source_that_stopped(check: Check) -> None:
    """Deaf is not silent, and the record says so."""
    lee = [rhythm(f"lee{n}", 3, until="2026-10-02", actor_id="lee") for n in range(6)]
    kim = [rhythm(f"kim{n}", 3, until="2026-11-20", actor_id="kim") for n in range(6)]
    expected = (
        "We may be deaf here: the mailbox or channel by which we hear from them has brought nothing from anybody since 2 October 2026. "
        "Do not read it as silence."
    )
    check(why, EMPTY, {"lee0": expected}, others=pd.concat([*lee, *kim]))
