"""Whether somebody was heard from oftener or less often than others of whom the same was known: what sums of the past do not tell.

On every tenth day of the past a plain rule says how likely it was to hear from them within the horizon. Where the horizon has passed, what came is
held against it. The rule is the same for everybody and everywhere, so nothing has to be learned first; the model weighs what it leaves over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from transforms.silence.facts import SURPLUS_LIVES, UNTOLD_DAYS

if TYPE_CHECKING:
    from transforms.silence.history import Days

LEVEL, SILENCE, SILENCE_30, HEARD_30, HEARD_365, TOUCHED_30 = -0.4, -0.3, -0.7, 0.7, 0.3, 0.1
"""The plain rule for 30 days: log odds by the logs of silence, of silence beyond 30 days, of days heard and of days touched, old ones fading.

Found on made customers of many kinds (benchmarks/made_logs.py), and rounded.
"""

RULE_DAYS = 30
"""Days for which the rule was made."""

WORTH = 1.5
"""The surplus is drawn to nothing with the weight of so much variance of what was expected: some six horizons at even odds."""


class Surplus:
    """The surplus of each person, on one day after another. What it says of a day uses nothing that happened on that day or later."""

    def __init__(self, heard: Days, touched: Days, known_on: np.ndarray, first: int, step: int, horizon: int) -> None:
        people = len(known_on)
        self.heard, self.touched, self.known_on, self.step, self.horizon = heard, touched, known_on, step, horizon
        self.seen, self.next = first, (first // step + 1) * step
        self.last, self.met = np.full(people, np.nan), np.zeros(people, dtype=bool)
        self.heard_30, self.heard_365, self.touched_30 = (np.zeros(people) for _ in range(3))
        self.beyond, self.doubt = (np.zeros((len(SURPLUS_LIVES), people)) for _ in range(2))

    def on(self, day: int) -> np.ndarray:
        """For each of SURPLUS_LIVES, what was heard of each person beyond the rule, as log odds, as known on ``day``. Days come in ascending order."""
        while self.next + self.horizon <= day:
            self._take(self.next)
            self.next += self.step
        since = day - (self.next - self.step + self.horizon)
        faded = np.array([0.5 ** (since / life) for life in SURPLUS_LIVES])[:, None]
        surplus: np.ndarray = faded * self.beyond / (faded * self.doubt + WORTH)
        return surplus

    def _take(self, day: int) -> None:
        """Hold what came in the horizon from ``day`` on against what was to be expected on that day."""
        passed = day - self.seen
        new, touches = self.heard.part(self.seen, day), self.touched.part(self.seen, day)
        self.heard_30 = self.heard_30 * 0.5 ** (passed / 30) + self._faded(self.heard, new, day, 30)
        self.heard_365 = self.heard_365 * 0.5 ** (passed / 365) + self._faded(self.heard, new, day, 365)
        self.touched_30 = self.touched_30 * 0.5 ** (passed / 30) + self._faded(self.touched, touches, day, 30)
        # Days stand in their order, and of several assignments to one person the last one stays.
        self.last[self.heard.person[new]] = self.heard.on[new]
        self.met[self.heard.person[new]] = self.met[self.touched.person[touches]] = True
        self.seen = day
        silence = np.maximum(np.where(np.isnan(self.last), np.nan_to_num(day - self.known_on, nan=UNTOLD_DAYS), day - self.last), 1.0)
        log_silence = np.log(silence)
        expected = expit(
            LEVEL
            + np.log(self.horizon / RULE_DAYS)
            + SILENCE * log_silence
            + SILENCE_30 * np.maximum(log_silence - np.log(30), 0)
            + HEARD_30 * np.log1p(self.heard_30)
            + HEARD_365 * np.log1p(self.heard_365)
            + TOUCHED_30 * np.log1p(self.touched_30)
        )
        came = np.zeros(len(expected), dtype=bool)
        came[self.heard.person[self.heard.part(day, day + self.horizon)]] = True
        # Horizons overlap where the days lie closer together than a horizon. Before a first word of either side there was nothing to expect.
        weight = min(self.step / self.horizon, 1.0) * (self.met & (self.known_on < day))
        for place, life in enumerate(SURPLUS_LIVES):
            fade = 0.5 ** (self.step / life)
            self.beyond[place] = self.beyond[place] * fade + weight * (came - expected)
            self.doubt[place] = self.doubt[place] * fade + weight * expected * (1 - expected)

    def _faded(self, days: Days, rows: slice, day: int, life: float) -> np.ndarray:
        weight = 0.5 ** ((day - days.on[rows]) / life)
        return np.bincount(days.person[rows], weights=weight, minlength=len(self.known_on))
