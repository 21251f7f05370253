"""What Prefect shows of the cells of a run: counted and picked piece by piece, so that large plans take no more memory than small ones."""

import pandas as pd

from flows.artifacts import AT_ONCE, SAMPLE, to_counts, to_sample
from transforms.vocabulary.changes import CELLS
from transforms.vocabulary.tables import empty_table, to_table


def large_plan() -> pd.DataFrame:
    """More cells than are looked at at once, the first records last: all filled but for one that is emptied and one that changes."""
    number = AT_ONCE + SAMPLE
    cells = pd.DataFrame(
        {
            "crm": "hubspot",
            "table": "contacts",
            "record_id": [f"{record:06}" for record in range(number, 0, -1)],
            "field": "why",
            "old": None,
            "new": "told",
        }
    )
    cells.loc[number - 1, ["old", "new"]] = ["told", None]
    cells.loc[number - 2, "old"] = "told before"
    return to_table(CELLS, cells)


def test_the_changes_of_a_field_are_counted_over_all_pieces() -> None:
    """Each field has one row, however many pieces its cells are in."""
    number = AT_ONCE + SAMPLE
    assert to_counts(large_plan()) == [
        {"crm": "hubspot", "table": "contacts", "field": "why", "cells": number, "filled": number - 2, "emptied": 1}
    ]


def test_the_sample_is_the_first_cells_by_their_ids_wherever_they_stand() -> None:
    """The order of the plan does not matter, and a cell says only what kind of change it is."""
    sample = to_sample(large_plan())
    assert [row["record"] for row in sample] == [f"{record:06}" for record in range(1, SAMPLE + 1)]
    assert [row["change"] for row in sample[:3]] == ["emptied", "changed", "filled"]


def test_a_plan_without_cells_has_no_rows_to_show() -> None:
    """Nothing to count is no fault."""
    assert (to_counts(empty_table(CELLS)), to_sample(empty_table(CELLS))) == ([], [])
