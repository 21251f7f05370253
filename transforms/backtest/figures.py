"""The figures of a set of chances, of its parts, and how far they are ahead of the plain curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.backtest.scores import (
    FALSE_ALARMS,
    UNKNOWN,
    Band,
    Judged,
    Samples,
    Score,
    beats,
    brier,
    calibration,
    error_of_chance,
    ranking,
    shares,
)

GONE_DAYS = 180
"""Somebody who is not heard from for so many days after a cut counts as gone. Among those who are silent for a month many are on leave or have nothing to say."""

LEAST_PEOPLE = 20
"""A group of fewer people is not judged: its figures would be noise."""

LEAST_EACH = 10
"""Nor is one in which fewer people than this were heard from, or not."""


@dataclass(frozen=True)
class Caught:
    """Of those who stayed away, the share that is under the threshold at which ``false_alarms`` of those heard from are called silent."""

    false_alarms: float
    silent: Score
    gone: Score


@dataclass(frozen=True)
class Figures:
    """How good one set of chances was."""

    auc: Score
    brier: Score
    brier_skill: Score
    calibration_error: Score
    calibration_error_of_chance: float
    caught: tuple[Caught, ...]


@dataclass(frozen=True)
class Lead:
    """By how much the chances are better than a plain curve; more is better in every figure (the Brier score is turned round)."""

    auc: Score
    brier: Score
    caught: tuple[Caught, ...]


@dataclass(frozen=True)
class Segment:
    """A part of the people: what it is, how many, and the figures, or ``why_not`` where there are too few to judge."""

    by: str
    value: str
    rows: int
    people: int
    heard: Score = UNKNOWN
    auc: Score = UNKNOWN
    brier: Score = UNKNOWN
    brier_skill: Score = UNKNOWN
    bias: Score = UNKNOWN
    auc_lead: Score = UNKNOWN
    caught: tuple[Score, ...] = (UNKNOWN,) * len(FALSE_ALARMS)
    why_not: str = ""


@dataclass(frozen=True)
class Comparison:
    """The figures of the product's chances (``hear_back_chance``) and of the curves, how far they are ahead of each, and the reliability diagram."""

    heard: Score
    figures: Mapping[str, Figures]
    leads: Mapping[str, Lead]
    reliability: tuple[Band, ...]


OURS = "hear_back_chance"


@dataclass(frozen=True)
class _Raw:
    auc: np.ndarray
    brier: np.ndarray
    caught: np.ndarray
    gone: np.ndarray


def compare(rows: pd.DataFrame, chances: Mapping[str, np.ndarray], samples: Samples, *, horizon: int, seed: int) -> Comparison:
    """The figures of several sets of chances of the same rows; ``chances`` holds OURS and the curves.

    ``rows`` have person (its place among the samples), next, and follow (how many days after the cut are known).
    """
    came, person = (rows["next"] < horizon).to_numpy(), rows["person"].to_numpy()
    clear = (rows["follow"] >= GONE_DAYS).to_numpy() & (came | (rows["next"] >= GONE_DAYS).to_numpy())
    raw: dict[str, _Raw] = {}
    figures: dict[str, Figures] = {}
    reliability: tuple[Band, ...] = ()
    for name, chance in chances.items():
        judged = Judged(chance, came, person)
        auc, caught = ranking(judged, samples)
        _, gone = ranking(judged.part(clear), samples)
        error, usual = brier(judged, samples)
        raw[name] = _Raw(auc, error, caught, gone)
        off, bands = calibration(judged, samples)
        if name == OURS:
            reliability = tuple(bands)
        with np.errstate(invalid="ignore", divide="ignore"):
            skill = Score.of(1 - error / usual)
        figures[name] = Figures(Score.of(auc), Score.of(error), skill, Score.of(off), error_of_chance(chance, seed), _caught(caught, gone))
    ours = raw[OURS]
    leads = {
        name: Lead(
            beats((ours.auc, other.auc)),
            beats((other.brier, ours.brier)),
            _caught(ours.caught - other.caught, ours.gone - other.gone),
        )
        for name, other in raw.items()
        if name != OURS
    }
    return Comparison(Score.of(shares(came, person, samples)), figures, leads, reliability)


def _caught(silent: np.ndarray, gone: np.ndarray) -> tuple[Caught, ...]:
    return tuple(Caught(rate, Score.of(silent[:, place]), Score.of(gone[:, place])) for place, rate in enumerate(FALSE_ALARMS))


GAP_BANDS = ((7, "up to 7 days"), (30, "8 to 30 days"), (90, "31 to 90 days"), (np.inf, "over 90 days"))
VOLUME_BANDS = ((1, "1"), (3, "2 to 3"), (11, "4 to 11"), (49, "12 to 49"), (np.inf, "50 or more"))


def groups_of(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """For each way to part the people: to which part each row belongs; missing where to none."""
    gap = _banded(rows["mean_gap"].where(rows["days"] > 3), GAP_BANDS).fillna("no rhythm yet")
    return {
        "usual gap": gap,
        "days heard so far": _banded(rows["days"], VOLUME_BANDS),
        "last heard by": rows["channel"],
        "coverage": rows["coverage"],
        "CRM": rows["crm"],
        "owner": rows["owner"],
        "company": rows["company"],
    }


def _banded(values: pd.Series, bands: tuple[tuple[float, str], ...]) -> pd.Series:
    places = np.searchsorted([edge for edge, _ in bands], values.fillna(0).round())
    return pd.Series(np.array([name for _, name in bands], dtype=object)[places], index=values.index).where(values.notna())


def judge_segments(rows: pd.DataFrame, ours: np.ndarray, curve: np.ndarray, samples: Samples, *, horizon: int) -> list[Segment]:
    """The figures of each part, the largest parts of each way first; small ones are listed and not judged."""
    came, person = (rows["next"] < horizon).to_numpy(), rows["person"].to_numpy()
    found: list[Segment] = []
    for by, group in groups_of(rows).items():
        codes, names = pd.factorize(group.astype("object"), sort=True)
        sizes = np.bincount(codes[codes >= 0], minlength=len(names))
        for place in np.argsort(-sizes, kind="stable") if len(names) else ():
            here = codes == place
            found.append(_segment(by, str(names[place]), Judged(ours, came, person).part(here), curve[here], samples))
    return found


def _segment(by: str, value: str, judged: Judged, curve: np.ndarray, samples: Samples) -> Segment:
    people = len(np.unique(judged.person))
    each = min(len(np.unique(judged.person[judged.came])), len(np.unique(judged.person[~judged.came])))
    if people < LEAST_PEOPLE or each < LEAST_EACH:
        few = f"{people} people" if people < LEAST_PEOPLE else f"{each} people on the smaller side"
        return Segment(by, value, len(judged.came), people, why_not=f"too few: {few}")
    # Only the people of this part count, so that many small parts cost no more than one large one.
    present, place = np.unique(judged.person, return_inverse=True)
    own, judged = Samples(samples.weights[:, present]), Judged(judged.chance, judged.came, place)
    auc, caught = ranking(judged, own)
    plain, _ = ranking(Judged(curve, judged.came, judged.person), own)
    error, usual = brier(judged, own)
    heard = shares(judged.came, judged.person, own)
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = Score.of(1 - error / usual)
    return Segment(
        by,
        value,
        len(judged.came),
        people,
        Score.of(heard),
        Score.of(auc),
        Score.of(error),
        skill,
        Score.of(shares(judged.chance, judged.person, own) - heard),
        beats((auc, plain)),
        tuple(Score.of(caught[:, one]) for one in range(len(FALSE_ALARMS))),
    )
