"""Whether a source that brings nothing now has stopped: how much is missing, and how far chance explains it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.silence.gaps import surprise, variance_to_mean

RATE_WEEKS = 12
"""What is to be expected is the mean of so many weeks up to the last record."""

NEAR_WEEKS = 26
"""How uneven a source is, is measured on so many weeks before its last record."""

BLOCKS = (1, 4)
"""In blocks of so many weeks; the larger unevenness counts."""


@dataclass(frozen=True)
class Stop:
    """A source that has brought nothing for a while.

    ``weekly``: records a week up to the last one; ``expected``: records missed since; ``surprise``: −ln of the chance of none, by how
    uneven the source is. For a source as even as chance alone (Poisson) the two are equal; one that speaks in bursts surprises later.
    """

    weekly: float
    expected: float
    surprise: float


def judge_stop(weeks: np.ndarray, quiet_days: float) -> Stop:
    """The stop of a source with so many records in each week (the latest week first) that has brought nothing for ``quiet_days``."""
    newest = int(quiet_days // 7)
    weekly = float(weeks[newest : newest + RATE_WEEKS].mean()) if newest < len(weeks) else 0.0
    expected = weekly * quiet_days / 7
    begun = int(np.flatnonzero(weeks)[-1]) + 1 if weeks.any() else 0
    # The week of the last record is in part quiet already.
    whole = weeks[newest + 1 : min(newest + 1 + NEAR_WEEKS, begun)]
    uneven = max(variance_to_mean(whole[: len(whole) // size * size].reshape(-1, size).sum(axis=1)) for size in BLOCKS)
    return Stop(weekly, expected, surprise(0, expected, uneven))
