"""Specs of the fields under "Do they need help"."""

from collections.abc import Callable

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


def test_open_tickets_counts_what_is_open_now(check: Check) -> None:
    """Where tickets have no thread, the oldest open one is taken to be closed first."""
    check(open_tickets, TICKETS, {"one": 1, "closed": 0, "reopened": 1, "many": 3, "old": 1, "stale": 1, "fifo": 1, "nobody": 0})
