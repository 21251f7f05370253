"""How good chances were: AUC, Brier score, calibration, and how many were caught; each with its uncertainty.

Every score is computed once for all people and then for samples of people drawn with replacement (the bootstrap, Efron 1979), with the same
samples for whatever is compared. A person is drawn with all their rows, since what one person does on twelve days is no twelve opinions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SAMPLES = 200
"""So many samples of people are drawn."""

CHUNK = 4_000_000
"""Rows times samples that are computed at once; it bounds the memory."""

BANDS = 10
"""The reliability diagram has ten bands of ten percentage points."""

FALSE_ALARMS = (0.01, 0.05)


@dataclass(frozen=True)
class Score:
    """A number with the range in which 95 of 100 samples of people lie; missing where it cannot be told."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: np.ndarray) -> Score:
        """From the value for all people, which stands first, and those of the samples."""
        drawn = values[1:][~np.isnan(values[1:])]
        if np.isnan(values[0]) or len(drawn) < SAMPLES // 4:
            return UNKNOWN
        low, high = np.quantile(drawn, [0.025, 0.975])
        return cls(float(values[0]), float(low), float(high))


UNKNOWN = Score(None, None, None)
"""A number that cannot be told."""


@dataclass(frozen=True)
class Samples:
    """How often each person is in each sample: an array [sample, person], whose first row has everybody once."""

    weights: np.ndarray

    @classmethod
    def draw(cls, people: int, seed: int, samples: int = SAMPLES) -> Samples:
        """Draw ``samples`` samples of ``people`` people. The same seed gives the same samples."""
        drawn = (
            np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), size=samples) if people else np.zeros((samples, 0))
        )
        return cls(np.vstack([np.ones((1, people)), drawn]).astype("float32"))

    def chunks(self, rows: int) -> list[slice]:
        """Parts of the samples that are computed at once."""
        size = max(CHUNK // max(rows, 1), 1)
        return [slice(start, start + size) for start in range(0, len(self.weights), size)]


@dataclass(frozen=True)
class Judged:
    """Chances to judge: for each row the chance that was given, what came of it, and the place of the person among the samples."""

    chance: np.ndarray
    came: np.ndarray
    person: np.ndarray

    def part(self, rows: np.ndarray) -> Judged:
        """Some of the rows."""
        return Judged(self.chance[rows], self.came[rows], self.person[rows])


def ranking(judged: Judged, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """The AUC for each sample, and the share of those who stayed away that is caught at each of FALSE_ALARMS: an array [sample, alarm].

    AUC: of one who was heard from and one who was not, how often the first had the higher chance; ties count half.
    Caught at 1 %: take the threshold under which 1 % of those who were heard from lie; the share of those not heard from who lie under it.
    People with one chance stand or fall together, in the share that the threshold asks for.
    """
    order = np.argsort(judged.chance, kind="stable")
    chance, came, person = judged.chance[order], judged.came[order].astype("float32"), judged.person[order]
    ends = np.flatnonzero(np.append(np.diff(chance) > 0, True))
    auc = np.full(len(samples.weights), np.nan)
    caught = np.full((len(samples.weights), len(FALSE_ALARMS)), np.nan)
    if not len(chance):
        return auc, caught
    for part in samples.chunks(len(chance)):
        weight = samples.weights[part][:, person].astype("float64")
        heard = np.cumsum(weight * came, axis=1)[:, ends]
        away = np.cumsum(weight * (1 - came), axis=1)[:, ends]
        all_heard, all_away = heard[:, -1], away[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            share_heard, share_away = heard / all_heard[:, None], away / all_away[:, None]
        step = np.diff(share_heard, prepend=0.0)
        below = np.concatenate([np.zeros((len(step), 1)), share_away[:, :-1]], axis=1)
        auc[part] = ((below + share_away) / 2 * step).sum(axis=1)
        for place, (one, other) in enumerate(zip(share_heard, share_away, strict=True)):
            if np.isnan(one[-1] + other[-1]):
                continue
            caught[part.start + place] = np.interp(FALSE_ALARMS, np.append(0.0, one), np.append(0.0, other))
    return auc, caught


def brier(judged: Judged, samples: Samples) -> tuple[np.ndarray, np.ndarray]:
    """For each sample the mean squared error of the chances (Brier 1950), and that of saying the sample's own share to everybody."""
    people = samples.weights.shape[1]
    rows = np.bincount(judged.person, minlength=people)
    errors = np.bincount(judged.person, weights=(judged.chance - judged.came) ** 2, minlength=people)
    heard = np.bincount(judged.person, weights=judged.came, minlength=people)
    weights = samples.weights.astype("float64")
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights @ rows
        share = weights @ heard / total
        return weights @ errors / total, share * (1 - share)


@dataclass(frozen=True)
class Band:
    """A band of chances: how many rows and people it has, the mean chance that was given, and the share that was heard from."""

    start: float
    end: float
    rows: int
    people: int
    mean_chance: float
    heard: Score


def calibration(judged: Judged, samples: Samples) -> tuple[np.ndarray, list[Band]]:
    """For each sample the expected calibration error over the ten bands, and the bands: the reliability diagram.

    The error is the mean distance between the chance that was given and the share that was heard from, over bands weighted by their rows.
    """
    people = samples.weights.shape[1]
    band = np.minimum((judged.chance * BANDS).astype("int64"), BANDS - 1)
    weights = samples.weights.astype("float64")
    error, total, bands = np.zeros(len(weights)), weights @ np.bincount(judged.person, minlength=people), []
    for place in np.unique(band):
        one = judged.part(band == place)
        rows = weights @ np.bincount(one.person, minlength=people)
        heard = weights @ np.bincount(one.person, weights=one.came, minlength=people)
        given = weights @ np.bincount(one.person, weights=one.chance, minlength=people)
        error += np.abs(heard - given)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = Score.of(heard / rows)
        bands.append(Band(place / BANDS, (place + 1) / BANDS, len(one.came), len(np.unique(one.person)), float(one.chance.mean()), share))
    with np.errstate(invalid="ignore", divide="ignore"):
        return error / total, bands


def error_of_chance(chance: np.ndarray, seed: int, draws: int = 100) -> float:
    """The calibration error that perfectly calibrated chances would show, because so many rows and no more were seen: the mean of ``draws``."""
    band = np.minimum((chance * BANDS).astype("int64"), BANDS - 1)
    rng = np.random.default_rng(seed)
    given = np.bincount(band, weights=chance, minlength=BANDS)
    errors = [
        np.abs(np.bincount(band, weights=rng.random(len(chance)) < chance, minlength=BANDS) - given).sum() / len(chance)
        for _ in range(draws)
    ]
    return float(np.mean(errors))


def shares(hits: np.ndarray, person: np.ndarray, samples: Samples) -> np.ndarray:
    """For each sample the share of rows that are hits."""
    people = samples.weights.shape[1]
    weights = samples.weights.astype("float64")
    with np.errstate(invalid="ignore", divide="ignore"):
        share: np.ndarray = (weights @ np.bincount(person, weights=hits, minlength=people)) / (
            weights @ np.bincount(person, minlength=people)
        )
    return share


def beats(values: Sequence[np.ndarray]) -> Score:
    """The first minus the second, sample by sample."""
    return Score.of(values[0] - values[1])
