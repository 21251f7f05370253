"""The short form of the trials: a few seeds of faults and kills over the whole run, compared with a run that nothing disturbs."""

import pytest
from trials import try_seed


@pytest.mark.parametrize(("seed", "sets_up"), [pytest.param(12, False, marks=pytest.mark.slow), (4, True)])
def test_whatever_happens_on_the_way_the_end_is_the_same(seed: int, *, sets_up: bool) -> None:
    """Fields, tasks and definitions of both CRMs stand as after an undisturbed run, no task stands twice, and a sync afterwards writes nothing."""
    trial = try_seed(seed, is_long=False, sets_up=sets_up)
    assert trial.wrong == []
