"""What became of plays: followed or not, heard or not."""

from dataclasses import replace

import pandas as pd
import pytest

from transforms.book import Book, Tables
from transforms.channels.outcomes import NAMES, Outcomes, advised_answers, count_outcomes
from transforms.channels.rates import Rates
from transforms.org import Org, Tally
from transforms.policy import Policy
from transforms.vocabulary.changes import TASKS
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()

HAPPENED = """
taken    2026-08-04 call     outbound connected
late     2026-08-04 call     outbound no_answer
late     2026-08-10 email    inbound  -
vain     2026-08-04 call     outbound no_answer
otherwise 2026-08-04 email    outbound sent
back     2026-08-09 email    inbound  -
done     2026-08-04 linkedin outbound sent
young    2026-11-20 call     outbound connected
"""


def book() -> Book:
    """What happened to eight people after each of them got a task."""
    lines = [line.split() for line in HAPPENED.strip().splitlines()]
    rows = [
        {
            "activity_id": f"a{n}",
            "contact_id": who,
            "occurred_at": at,
            "channel": way,
            "direction": to,
            "outcome": None if out == "-" else out,
        }
        for n, (who, at, way, to, out) in enumerate(lines)
    ]
    people = [{"contact_id": who, "crm": "files"} for who in sorted({line[0] for line in lines} | {"nothing"})]
    return Book(Tables(to_table(CONTACTS, people), to_table(STORED_ACTIVITIES, rows)), NOW, POLICY, Org.without_history(NOW, POLICY))


def tasks(**ways: str) -> pd.DataFrame:
    """One task for each of these contacts, made on 2 August and due on 6 August; for the young one in November."""
    rows = []
    for who, way in ways.items():
        month = "11" if who == "young" else "08"
        rows.append(
            {
                "task_key": f"k{who}",
                "crm": "files",
                "contact_id": who,
                "play": "switch_channel",
                "reason": "r",
                "subject": "s",
                "body": "b",
                "way": way,
                "due_at": f"2026-{month}-06T16:00Z",
                "state": "done",
            }
        )
    made = to_table(TASKS, rows)
    return made.assign(planned_at=made["due_at"] - pd.Timedelta(days=4))


def named(outcomes: Outcomes) -> dict[str, dict[str, int]]:
    """The counts by their names, those that are not 0."""
    return {key: {name: number for name, number in zip(NAMES, counts, strict=True) if number} for key, counts in outcomes.items()}


def test_a_task_is_followed_by_its_own_way_and_heard_within_two_weeks() -> None:
    """A call that was taken, and one after which they wrote, were heard; a mail does not follow a task to call; they may come back unasked."""
    found = count_outcomes(
        book(), tasks(taken="call", late="call", vain="call", otherwise="call", back="call", nothing="call", young="call", done="todo")
    )
    calls = {"raised": 7, "open": 1, "followed": 3, "answered": 1, "heard": 2, "not_followed": 3, "heard_anyway": 1}
    calls_30 = {"followed_30": 3, "heard_30": 2, "not_followed_30": 3, "heard_anyway_30": 1}
    assert named(found) == {
        "switch_channel|call": calls | calls_30,
        "switch_channel|todo": {"raised": 1, "followed": 1, "followed_30": 1},
    }


def test_outcomes_of_several_buckets_add_up() -> None:
    """Counts of buckets are added by play and way, in whatever order; no tasks give no counts."""
    empty = Tally.empty(NOW, POLICY)
    whole, *parts = (
        replace(empty, outcomes=count_outcomes(book(), rows))
        for rows in (tasks(taken="call", vain="call", done="todo"), tasks(taken="call"), tasks(vain="call", done="todo"))
    )
    assert (parts[0] + parts[1]).outcomes == (parts[1] + parts[0]).outcomes == whole.outcomes
    assert Tally.from_json((parts[0] + parts[1]).to_json()).outcomes == whole.outcomes
    assert count_outcomes(book(), tasks(taken="call").iloc[:0]) == {}


def test_what_came_of_advices_draws_the_odds_of_a_way_that_was_not_tried() -> None:
    """Without outcomes it is the rate of first attempts; forty advices of which half were answered weigh two thirds against it."""
    first = Rates({}, POLICY).first_rate("call")
    told = {"switch_channel|call": (40, 0, 40, 20, 25, 0, 0, 40, 25, 0, 0)}
    rates = Rates(advised_answers(told), POLICY)
    assert Rates({}, POLICY).advised_rate("call") == pytest.approx(first)
    assert rates.advised_rate("call") == pytest.approx((20 + 20 * first) / 60)
    assert rates.advised_rate("linkedin") == pytest.approx(first)
