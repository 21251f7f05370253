"""Specs of the fields under "Do they need help"."""

from collections.abc import Callable

from transforms.fields.state import why
from transforms.fields.support import open_tickets, support_state

Check = Callable[..., None]

TICKETS = """
contact  | at         | channel | direction | outcome       | thread_id
one      | 2026-11-15 | ticket  | inbound   | opened_ticket | t1
closed   | 2026-11-10 | ticket  | inbound   | opened_ticket | t2
closed   | 2026-11-12 | ticket  | outbound  | closed_ticket | t2
reopened | 2026-11-10 | ticket  | inbound   | opened_ticket | t3
reopened | 2026-11-12 | ticket  | outbound  | closed_ticket | t3
reopened | 2026-11-14 | ticket  | inbound   | opened_ticket | t3
many     | 2026-11-18 | ticket  | inbound   | opened_ticket | t4
many     | 2026-11-19 | ticket  | inbound   | opened_ticket | t5
many     | 2026-11-20 | ticket  | inbound   | opened_ticket | t6
old      | 2026-11-01 | ticket  | inbound   | opened_ticket | t7
stale    | 2026-01-10 | ticket  | inbound   | opened_ticket | t8
fifo     | 2026-11-01 | ticket  | inbound   | opened_ticket |
fifo     | 2026-11-18 | ticket  | inbound   | opened_ticket |
fifo     | 2026-11-19 | ticket  | outbound  | closed_ticket |
"""


def test_support_state_tells_waiting_from_struggling(check: Check) -> None:
    """One fresh ticket seeks help; three, an old one or a reopened one is a struggle; one that we forgot says nothing."""
    check(
        support_state,
        TICKETS,
        {
            "one": "seeking_help",
            "closed": "none",
            "reopened": "struggling",
            "many": "struggling",
            "old": "struggling",
            "stale": "none",
            "fifo": "seeking_help",
            "nobody": "none",
        },
    )


def test_support_state_sees_many_tickets_in_a_short_time(check: Check) -> None:
    """The fifth ticket in 30 days is a struggle, though the others were solved; four are a busy month, and five in a year are nothing."""
    rows = ["contact | at | channel | direction | outcome | thread_id"]
    for who, days in {"five": (1, 5, 9, 14, 20), "four": (5, 9, 14, 20), "year": (20,)}.items():
        for day in days:
            rows.append(f"{who} | 2026-11-{day:02} | ticket | inbound | opened_ticket | {who}{day}")
            if day < 20:
                rows.append(f"{who} | 2026-11-{day + 1:02} | ticket | outbound | closed_ticket | {who}{day}")
    for month in ("02", "04", "06", "08"):
        rows += [
            f"year | 2026-{month}-01 | ticket | inbound | opened_ticket | y{month}",
            f"year | 2026-{month}-02 | ticket | outbound | closed_ticket | y{month}",
        ]
    check(support_state, "\n".join(rows), {"five": "struggling", "four": "seeking_help", "year": "seeking_help"})


ABOUT = """
contact  | at         | channel | direction | outcome       | thread_id | reason
fault    | 2026-11-10 | ticket  | inbound   | opened_ticket | t1        | breakage
fresh    | 2026-11-19 | ticket  | inbound   | opened_ticket | t2        | breakage
question | 2026-11-10 | ticket  | inbound   | opened_ticket | t3        | how_to
learner  | 2026-11-18 | ticket  | inbound   | opened_ticket | t4        | how_to
learner  | 2026-11-19 | ticket  | inbound   | opened_ticket | t5        | how_to
learner  | 2026-11-20 | ticket  | inbound   | opened_ticket | t6        | how_to
forgot   | 2026-11-01 | ticket  | inbound   | opened_ticket | t7        | how_to
again    | 2026-11-14 | ticket  | inbound   | opened_ticket | t8        | how_to
again    | 2026-11-15 | ticket  | outbound  | closed_ticket | t8        |
again    | 2026-11-16 | ticket  | inbound   | opened_ticket | t8        |
mixed    | 2026-11-18 | ticket  | inbound   | opened_ticket | t9        | how_to
mixed    | 2026-11-19 | ticket  | inbound   | opened_ticket | t10       | breakage
mixed    | 2026-11-20 | ticket  | inbound   | opened_ticket | t11       | breakage
"""


def test_support_state_tells_a_fault_from_a_question(check: Check) -> None:
    """A fault that is open for more than five days is a struggle; questions are learning, however many, until one gets old or comes back."""
    expected = {
        "fault": "struggling",
        "fresh": "seeking_help",
        "question": "seeking_help",
        "learner": "seeking_help",
        "forgot": "struggling",
        "again": "struggling",
        "mixed": "seeking_help",
    }
    check(support_state, ABOUT, expected)


def test_why_says_what_the_tickets_are_about(check: Check) -> None:
    """Who reads it knows whether something is broken before they call."""
    check(
        why,
        ABOUT,
        {
            "fault": "One ticket has been open since 10 November 2026; it says that something is broken: help first, everything else can wait.",
            "question": "One ticket has been open since 10 November 2026; it asks how something is done: help first, everything else can wait.",
            "learner": "Three tickets are open, the oldest since 18 November 2026; all ask how something is done: help first, everything else can wait.",
            "mixed": "Three tickets are open, the oldest since 18 November 2026; two of them say that something is broken: help first, everything else can wait.",
        },
    )


def test_open_tickets_counts_what_is_open_now(check: Check) -> None:
    """Where tickets have no thread, the oldest open one is taken to be closed first."""
    check(open_tickets, TICKETS, {"one": 1, "closed": 0, "reopened": 1, "many": 3, "old": 1, "stale": 1, "fifo": 1, "nobody": 0})
