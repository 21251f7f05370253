"""The days on which the past is judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.vocabulary.errors import BadInput

FIRST_HISTORY_DAYS = 90
"""Unless a first day is asked for, none is judged before so many days of history: there is nothing to learn from yet."""

CUTS = 12
"""So many days are judged unless told otherwise."""


@dataclass(frozen=True)
class Wish:
    """Which days were asked for. ``first`` and ``last`` are the first and last cut; what is missing is chosen by :func:`cut_dates`."""

    horizon_days: int = 30
    every_days: int | None = None
    first: pd.Timestamp | None = None
    last: pd.Timestamp | None = None
    number: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that make no series of days."""
        for name, value in (("horizon", self.horizon_days), ("every", self.every_days), ("cuts", self.number)):
            if value is not None and value < 1:
                raise BadInput(f"--{name} was given as {value}, and at least 1 is needed.")
        if self.first is not None and self.last is not None and self.first > self.last:
            raise BadInput(f"The first cut {self.first:%Y-%m-%d} lies after the last one, {self.last:%Y-%m-%d}; turn them round.")

    @property
    def step(self) -> int:
        """Days from one cut to the next: the horizon, unless told otherwise, so that no day is judged twice."""
        return self.every_days or self.horizon_days


def cut_dates(wish: Wish, begin: pd.Timestamp, end: pd.Timestamp) -> list[pd.Timestamp]:
    """The cuts, at midnight UTC, the earliest first: counted back from the last day whose horizon has passed at ``end``.

    ``begin`` is the first moment of which anything is known, ``end`` the last. Raises BadInput where no day fits, and says which would.
    """
    latest = end.floor("D") - pd.Timedelta(days=wish.horizon_days)
    earliest = begin.ceil("D")
    if wish.last is not None and wish.last > latest:
        raise BadInput(
            f"What followed {wish.last:%Y-%m-%d} is not known yet: the records end on {end:%Y-%m-%d}, and the horizon is {wish.horizon_days} days; "
            f"the last cut can be {latest:%Y-%m-%d}."
        )
    if wish.first is not None and wish.first < earliest:
        raise BadInput(f"Nothing is known before {earliest:%Y-%m-%d}, so {wish.first:%Y-%m-%d} cannot be judged; choose a later first cut.")
    last = latest if wish.last is None else wish.last
    first = earliest + pd.Timedelta(days=FIRST_HISTORY_DAYS) if wish.first is None else wish.first
    number = wish.number if wish.number is not None or wish.first is not None else CUTS
    fitting = int((last - first) / pd.Timedelta(days=wish.step)) + 1 if last >= first else 0
    if fitting < 1:
        raise BadInput(
            f"The records reach from {begin:%Y-%m-%d} to {end:%Y-%m-%d}: too short for {FIRST_HISTORY_DAYS} days of history before a cut "
            f"and {wish.horizon_days} days after it; bring more history with `stillthere backfill`, or give --from and a shorter --horizon."
        )
    back = np.arange(min(fitting, number or fitting))[::-1]
    return [last - pd.Timedelta(days=int(steps) * wish.step) for steps in back]
