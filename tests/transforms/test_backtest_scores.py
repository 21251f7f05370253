"""The scores of a backtest say what their definitions say, for every sample, and tell no difference where there is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.backtest.scores import (
    Judged,
    Samples,
    Score,
    brier,
    calibration,
    error_of_chance,
    ranking,
    shares,
)

ALONE = Samples(np.ones((1, 4), dtype="float32"))
CHANCES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
ROWS = st.lists(st.tuples(CHANCES, st.booleans(), st.integers(0, 3)), min_size=2, max_size=40)


def judged_of(rows: list[tuple[float, bool, int]]) -> Judged:
    chance, came, person = zip(*rows, strict=True)
    return Judged(np.array(chance), np.array(came), np.array(person))


@given(rows=ROWS, weights=st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[float, bool, int]], weights: list[int]) -> None:
    """Of all pairs of one who was heard from and one who was not, how many had the higher chance first; ties count half, people as often as drawn."""
    judged = judged_of(rows)
    pairs = [(weights[p] * weights[q], (a > b) + (a == b) / 2) for a, came, p in rows if came for b, other, q in rows if not other]
    total = sum(weight for weight, _ in pairs)
    expected = sum(weight * right for weight, right in pairs) / total if total else np.nan
    auc, _ = ranking(judged, Samples(np.array([weights], dtype="float32")))
    assert auc[0] == pytest.approx(expected, nan_ok=True)


def test_caught_is_the_share_under_the_threshold_of_false_alarms() -> None:
    """With a hundred people heard from, the threshold of 1 % lies just under the second lowest of them, that of 5 % under the sixth."""
    heard, away = np.linspace(0.40, 0.99, 100), np.array([0.1, 0.2, 0.405, 0.42, 0.9])
    judged = Judged(np.concatenate([heard, away]), np.repeat([True, False], [100, 5]), np.zeros(105, dtype=int))
    _, caught = ranking(judged, Samples(np.ones((1, 1), dtype="float32")))
    assert caught[0].tolist() == pytest.approx([0.6, 0.8])


def test_people_with_one_chance_are_caught_in_the_share_that_the_threshold_asks_for() -> None:
    """Where all have one chance, 5 % false alarms catch 5 %: no more than drawing lots would."""
    judged = Judged(np.full(40, 0.3), np.arange(40) % 2 == 0, np.zeros(40, dtype=int))
    auc, caught = ranking(judged, Samples(np.ones((1, 1), dtype="float32")))
    assert (auc[0], *caught[0]) == pytest.approx((0.5, 0.01, 0.05))


def test_a_score_needs_both_ends() -> None:
    """Where everybody was heard from, there is nothing to rank, and no number is made up."""
    auc, caught = ranking(Judged(np.array([0.2, 0.4]), np.array([True, True]), np.array([0, 1])), ALONE)
    assert np.isnan(auc[0])
    assert np.isnan(caught).all()


def test_brier_is_the_mean_squared_distance() -> None:
    """(0.2² + 0.4²) / 2, and saying the share of one half to both would give 0.25."""
    error, usual = brier(Judged(np.array([0.8, 0.4]), np.array([True, False]), np.array([0, 1])), ALONE)
    assert (error[0], usual[0]) == pytest.approx((0.10, 0.25))


def test_calibration_compares_within_bands() -> None:
    """Ten given 0.3 of whom five were heard from are 0.2 off; ten given 0.9 of whom nine were, not at all: 0.1 on average."""
    chance = np.repeat([0.3, 0.9], 10)
    came = np.array([True] * 5 + [False] * 5 + [True] * 9 + [False])
    error, bands = calibration(Judged(chance, came, np.arange(20) % 4), ALONE)
    assert error[0] == pytest.approx(0.1)
    assert [(band.start, band.end, band.rows, band.people) for band in bands] == [(0.3, 0.4, 10, 4), (0.9, 1.0, 10, 4)]


def test_perfect_chances_show_an_error_that_few_rows_explain() -> None:
    """The fewer the rows, the larger the calibration error of chances that are right; that is told beside the error."""
    few, many = (error_of_chance(np.full(number, 0.3), seed=1) for number in (20, 20_000))
    assert few > 10 * many


def test_samples_are_the_same_for_the_same_seed() -> None:
    """Everybody once comes first; then samples of as many people as there are, the same each time."""
    first, again = Samples.draw(30, seed=5), Samples.draw(30, seed=5)
    assert (first.weights == again.weights).all()
    assert first.weights[0].tolist() == [1.0] * 30
    assert set(first.weights.sum(axis=1)) == {30.0}


def test_the_range_is_over_people_and_not_over_rows() -> None:
    """One row a hundred times over tells no more than once: the range does not shrink."""
    rng = np.random.default_rng(3)
    hits, person = rng.random(50) < 0.4, np.arange(50)
    once = Score.of(shares(hits, person, Samples.draw(50, seed=1)))
    often = Score.of(shares(np.tile(hits, 100), np.tile(person, 100), Samples.draw(50, seed=1)))
    assert (once.low, once.high) == pytest.approx((often.low, often.high))


def test_the_size_of_a_chunk_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples that are computed a few at a time give the same figures as all at once."""
    rng = np.random.default_rng(4)
    judged = Judged(rng.random(200), rng.random(200) < 0.5, rng.integers(0, 20, 200))
    samples = Samples.draw(20, seed=2)
    whole, _ = ranking(judged, samples)
    monkeypatch.setattr("transforms.backtest.scores.CHUNK", 500)
    parts, _ = ranking(judged, samples)
    assert parts.tolist() == whole.tolist()
