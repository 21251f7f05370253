"""Whoever has an open ticket, or one that moved lately, is never called silent and never chased."""

import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.compute import Tables, combine, compute_contacts, tally
from transforms.plays import find_cases
from transforms.policy import Policy
from transforms.vocabulary.tables import COMPANIES, CONTACTS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()
FEW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

heard = st.lists(st.integers(40, 500), min_size=3, max_size=12)
chased = st.lists(st.integers(1, 200), max_size=8)
tickets = st.lists(st.tuples(st.integers(1, 170), st.none() | st.integers(0, 20)), max_size=3)


def rows_of(days: list[int], touches: list[int], opened: list[tuple[int, int | None]]) -> pd.DataFrame:
    """Mails of theirs and of ours so many days ago; tickets opened so many days ago and closed so many days after."""
    told: list[tuple[int, str, str, str | None, str | None]] = [(ago, "email", "inbound", None, None) for ago in days]
    told += [(ago, "email", "outbound", "sent", None) for ago in touches]
    for place, (ago, took) in enumerate(opened):
        told.append((ago, "ticket", "inbound", "opened_ticket", f"t{place}"))
        if took is not None and took < ago:
            told.append((ago - took, "ticket", "internal", "closed_ticket", f"t{place}"))
    names = ("occurred_at", "channel", "direction", "outcome", "thread_id")
    frame = pd.DataFrame(
        [(NOW - pd.Timedelta(days=ago, minutes=place), *rest) for place, (ago, *rest) in enumerate(told)], columns=list(names)
    )
    return to_table(STORED_ACTIVITIES, frame.assign(contact_id="ana", activity_id=[f"a{n}" for n in range(len(frame))]))


@FEW
@given(heard, chased, tickets)
def test_a_ticket_is_a_voice(days: list[int], touches: list[int], opened: list[tuple[int, int | None]]) -> None:
    """An open ticket, or one opened or closed within 30 days: not silent, not quiet, and no play but that which helps, or asks who they are."""
    rows = rows_of(days, touches, opened)
    people = to_table(CONTACTS, [{"contact_id": "ana", "created_at": NOW - pd.Timedelta(days=600), "company_id": "n"}])
    tables = Tables(people, rows, to_table(COMPANIES, [{"company_id": "n", "is_customer": True}]))
    computed = compute_contacts(tables, combine([tally(tables, NOW, POLICY)]), NOW, POLICY)
    person = computed.persons.iloc[0]
    of_tickets = rows[rows["channel"] == "ticket"]
    if (of_tickets["occurred_at"] > NOW - pd.Timedelta(days=30)).any() or person["support_state"] != "none":
        assert person["engagement_state"] not in ("silent", "quiet")
        assert "switch_channel" not in set(find_cases(computed, tables.companies).rows["play"])
    if person["support_state"] != "none":
        assert person["best_channel"] in ("wait", "someone_else")
