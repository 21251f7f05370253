"""Guards: a first sync and an ordinary week pass; a run that changes too much is told with its numbers."""

import json

import pandas as pd
import pytest

from transforms.fields import FIELDS
from transforms.guards import COMES_AND_GOES, STATE, UNKNOWN, allowed_for, count_held, find_trips, might_trip
from transforms.policy import Policy
from transforms.vocabulary.changes import CELLS, STANDING, TASKS
from transforms.vocabulary.tables import empty_table, to_table

POLICY = Policy()
NO_TASKS = empty_table(TASKS)


def cells(number: int, field: str, old: str | None, new: str | None, crm: str = "hubspot", table: str = "contacts") -> pd.DataFrame:
    """So many records in which the field changes from old to new."""
    return to_table(
        CELLS, [{"crm": crm, "table": table, "record_id": str(n), "field": field, "old": old, "new": new} for n in range(number)]
    )


def trips(planned: pd.DataFrame, held: int, field: str = STATE, tasks: int = 0, policy: Policy = POLICY) -> list[str]:
    """What the guards say where so many contacts hold something in the field; whether counting was worthwhile agrees with it."""
    create = pd.DataFrame({"task_key": [f"st{n}" for n in range(tasks)]})
    found = find_trips(planned, create, {("hubspot", "contacts", field): held}, policy)
    assert might_trip(planned, policy) or not [one for one in found if "tasks" not in one]
    return found


@pytest.mark.parametrize(
    ("number", "held", "old", "new", "expected"),
    [
        (31, 100, "quiet", "silent", 1),
        (30, 100, "quiet", "silent", 0),
        (100, 100, None, "silent", 0),
        (49, 49, "quiet", "silent", 0),
        (50, 50, "quiet", "silent", 1),
        (100, 100, "quiet", UNKNOWN, 0),
        (100, 100, UNKNOWN, "quiet", 0),
    ],
)
def test_too_many_changes_of_state(number: int, held: int, old: str | None, new: str, expected: int) -> None:
    """More than the share trips; first values, few records, and what being deaf does to states do not."""
    found = trips(cells(number, STATE, old, new), held)
    assert len(found) == expected
    if found:
        assert f"on {number:,} of {held:,} contacts in HubSpot ({number / held:.0%}; guard_states allows 30%)" in found[0]


@pytest.mark.parametrize(
    ("field", "number", "held", "new", "expected"),
    [
        ("why", 11, 100, None, 1),
        ("why", 10, 100, None, 0),
        ("why", 100, 100, "New.", 0),
        ("why", 40, 40, None, 0),
        ("absent_until", 100, 100, None, 0),
    ],
)
def test_a_field_that_becomes_empty_for_many(field: str, number: int, held: int, new: str | None, expected: int) -> None:
    """More than the share of those that hold it trips; fields that end by themselves do not."""
    assert len(trips(cells(number, field, "2026-11-03", new), held, field)) == expected


def test_what_deafness_empties_is_told_elsewhere() -> None:
    """Records whose coverage changes in the same plan are not counted: an alert and the field itself tell that."""
    deaf = pd.concat([cells(60, "coverage", "full", "blind"), cells(60, "engagement_score", "70", None)], ignore_index=True)
    assert trips(deaf, 100, "engagement_score") == []


def test_very_many_tasks() -> None:
    """One more than allowed trips, with the number."""
    assert trips(empty_table(CELLS), 0, tasks=500) == []
    assert trips(empty_table(CELLS), 0, tasks=501) == ["501 tasks would be created (guard_tasks allows 500)"]


def test_each_crm_is_judged_by_itself() -> None:
    """A hundred wrong records in a small org are not hidden behind a large portal."""
    planned = cells(60, STATE, "quiet", "silent", crm="salesforce")
    held = {("hubspot", "contacts", STATE): 10_000, ("salesforce", "contacts", STATE): 100}
    (found,) = find_trips(planned, NO_TASKS, held, POLICY)
    assert "60 of 100 contacts in Salesforce" in found


def test_what_the_plan_says_is_held_counts() -> None:
    """Where nothing is known of the CRM, as on another machine, the old values of the plan tell how many records hold something."""
    assert len(find_trips(cells(60, STATE, "quiet", "silent"), NO_TASKS, {}, POLICY)) == 1


def test_after_a_pause_more_may_change() -> None:
    """What piles up in four weeks is twice what a week brings; a shorter pause than the usual one takes nothing away."""
    for days, expected in ((0, 0.30), (7, 0.30), (28, 0.60)):
        assert allowed_for(POLICY, pd.Timedelta(days=days)).guard_states == pytest.approx(expected)
    assert trips(cells(45, STATE, "quiet", "silent"), 100, policy=allowed_for(POLICY, pd.Timedelta(days=28))) == []


def test_what_is_held_is_counted_by_field() -> None:
    """Empty texts and missing fields hold nothing."""
    rows = [
        {"crm": "hubspot", "table": "contacts", "record_id": str(n), "values": json.dumps(held)}
        for n, held in enumerate([{"why": "x", STATE: "quiet"}, {"why": ""}, {"why": None}, {}, {"why": "y"}])
    ]
    expected = {("hubspot", "contacts", "why"): 2, ("hubspot", "contacts", STATE): 1}
    assert count_held([to_table(STANDING, rows[:2]), to_table(STANDING, rows[2:])]) == expected


def test_the_fields_that_guards_name_exist() -> None:
    """A field that is renamed must not slip out of the guards."""
    names = {field.name: field for field in FIELDS if field.table == "contacts"}
    assert COMES_AND_GOES | {STATE, "coverage"} <= set(names)
    assert UNKNOWN in {option.value for option in names[STATE].options}
