"""Parts of a plan: what is chosen, what is left out, and a clear word where nothing fits."""

import pandas as pd
import pytest

from transforms.picking import Changes, pick_changes
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import to_table


def task(key: str, crm: str, contact: str, play: str) -> dict[str, object]:
    """A planned task."""
    words = {"reason": "r", "subject": "s", "body": "b", "due_at": "2026-11-25T16:00:00Z", "state": "open"}
    return {"task_key": key, "crm": crm, "contact_id": contact, "play": play, **words}


CHANGES = Changes(
    to_table(
        CELLS,
        [
            {"crm": crm, "table": table, "record_id": record, "field": field, "new": "x"}
            for crm, table, record, field in (
                ("hubspot", "contacts", "1", "why"),
                ("hubspot", "contacts", "2", "successor"),
                ("hubspot", "companies", "9", "why"),
                ("salesforce", "contacts", "003A", "why"),
            )
        ],
    ),
    to_table(TASKS, [task("st1", "hubspot", "1", "help_first"), task("st2", "salesforce", "003A", "switch_channel")]),
    to_table(TASKS, [{**task("st3", "hubspot", "2", "help_first"), "task_id": "77", "state": "closed_by_us"}]),
)


@pytest.mark.parametrize(
    ("only", "without", "cells", "tasks"),
    [
        ([], [], "1 2 9 003A", "st1 st2 st3"),
        (["cells"], [], "1 2 9 003A", ""),
        (["tasks"], [], "", "st1 st2 st3"),
        ([], ["tasks"], "1 2 9 003A", ""),
        (["crm=hubspot"], [], "1 2 9", "st1 st3"),
        (["crm=hubspot", "crm=salesforce"], [], "1 2 9 003A", "st1 st2 st3"),
        (["crm=hubspot", "field=why"], [], "1 9", ""),
        (["table=contacts"], [], "1 2 003A", ""),
        ([], ["table=contacts"], "9", "st1 st2 st3"),
        (["record=1"], [], "1", "st1"),
        (["play=help_first"], [], "", "st1 st3"),
        ([], ["play=help_first", "field=why"], "2", "st2"),
        (["crm=hubspot"], ["record=1"], "2 9", "st3"),
    ],
)
def test_parts_of_a_plan(only: list[str], without: list[str], cells: str, tasks: str) -> None:
    """Words of one key widen the choice, words of several keys narrow it; what is left out is left out whatever else was said."""
    left = pick_changes(CHANGES, only, without)
    assert left.cells["record_id"].tolist() == cells.split()
    assert [*left.create["task_key"], *left.update["task_key"]] == tasks.split()
    assert left.cells.dtypes.tolist() == CHANGES.cells.dtypes.tolist()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("crm=pipedrive", "there is crm=hubspot, crm=salesforce."),
        ("field=mood", "there is field=successor, field=why."),
        ("play=nag", "there is play=help_first, play=switch_channel."),
        ("colour=red", "give one of crm=…, table=…, field=…, record=…, play=…, cells, tasks."),
        ("crm=", "give one of crm=…"),
        ("everything", "give one of crm=…"),
    ],
)
def test_a_word_that_fits_nothing_is_refused(word: str, told: str) -> None:
    """The sentence says what there is, whether it was to be kept or left out."""
    for only, without in (([word], []), ([], [word])):
        with pytest.raises(BadInput) as caught:
            pick_changes(CHANGES, only, without)
        assert told in str(caught.value)


def test_a_choice_that_leaves_nothing_is_refused() -> None:
    """Words that fit one by one, and together nothing."""
    with pytest.raises(BadInput, match="leaves nothing of the plan"):
        pick_changes(CHANGES, ["record=2", "field=why"], [])


def test_a_plan_without_tasks_says_so() -> None:
    """Tasks of a plan that has none."""
    with pytest.raises(BadInput, match="there is cells"):
        pick_changes(Changes(CHANGES.cells, CHANGES.create.head(0), CHANGES.update.head(0)), ["tasks"], [])


def test_a_long_list_is_cut() -> None:
    """Of a hundred records a dozen are named, and how many there are."""
    many = pd.concat([CHANGES.cells.head(1).assign(record_id=str(n)) for n in range(100, 200)])
    with pytest.raises(BadInput, match=r"record=111 and 88 more"):
        pick_changes(Changes(many, CHANGES.create.head(0), CHANGES.update.head(0)), ["record=x"], [])
