"""The simulated customers on whom it is counted how many of the gone are caught."""

import numpy as np
import pytest

from benchmarks.silence_caught import DAYS, GONE, caught, simulate

PEOPLE = 400


def test_one_false_alarm_in_a_hundred_is_allowed() -> None:
    """Caught is who is doubted more than all but one in a hundred of those who are still here."""
    here, gone = np.arange(101.0), np.array([98.0, 99.5, 200.0, 300.0])
    doubt, is_gone = np.concatenate([here, gone]), np.arange(105) >= 101

    assert caught(doubt, is_gone) == 0.75


@pytest.mark.parametrize("shape", [1.0, 4.0])
def test_simulated_gaps_are_as_regular_as_asked(shape: float) -> None:
    """Gaps in units of the own mean gap have the variance 1 / shape, about a third of the people are gone, and all words lie in the two years."""
    made = simulate(PEOPLE, 0.0, shape, 1)
    rows = made.tables.activities.sort_values(["contact_id", "occurred_at"])
    gaps = rows.groupby("contact_id")["occurred_at"].diff().dropna().dt.total_seconds() / 86_400

    assert float((gaps / gaps.mean()).var()) == pytest.approx(1 / shape, rel=0.15)
    assert float(made.is_gone.mean()) == pytest.approx(GONE, abs=0.07)
    assert int((rows["occurred_at"].max() - rows["occurred_at"].min()).days) < DAYS


def test_the_same_seed_makes_the_same_customers() -> None:
    """What is simulated depends on the seed alone."""
    assert simulate(50, 1.0, 1.0, 3).tables.activities.equals(simulate(50, 1.0, 1.0, 3).tables.activities)
