"""What became of plays: followed or not, heard or not."""

import pandas as pd

from transforms.book import Book, Tables
from transforms.org import Org
from transforms.plays.outcomes import COLUMNS, add_outcomes, play_outcomes
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


def test_a_task_is_followed_by_its_own_way_and_heard_within_two_weeks() -> None:
    """A call that was taken, and one after which they wrote, were heard; a mail does not follow a task to call; they may come back unasked."""
    found = play_outcomes(
        book(), tasks(taken="call", late="call", vain="call", otherwise="call", back="call", nothing="call", young="call", done="todo")
    )
    assert found.to_dict("records") == [
        dict(zip(COLUMNS, ("switch_channel", "call", 6, 3, 2, 3, 1), strict=True)),
        dict(zip(COLUMNS, ("switch_channel", "todo", 1, 1, 0, 0, 0), strict=True)),
    ]


def test_outcomes_of_several_books_add_up() -> None:
    """Counts of buckets are added by play and way; no books and no tasks give no rows."""
    whole = play_outcomes(book(), tasks(taken="call", vain="call"))
    parts = [play_outcomes(book(), tasks(taken="call")), play_outcomes(book(), tasks(vain="call"))]
    pd.testing.assert_frame_equal(whole, add_outcomes(parts))
    assert [len(add_outcomes([])), len(play_outcomes(book(), tasks(taken="call").iloc[:0]))] == [0, 0]
