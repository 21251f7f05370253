"""How far the states can be trusted: false alarms, how often they change, how early they warn. And the same of the job."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.backtest.figures import GONE_DAYS, LEAST_EACH
from transforms.backtest.scores import UNKNOWN, Band, Judged, Samples, Score, brier, calibration, ranking, shares

ALARM = ("quiet", "silent")
DAYS_A_YEAR = 365.25

UNDONE_DAYS = 30
"""A change that is taken back within so many days was noise, or two pieces of evidence that fell close together."""


@dataclass(frozen=True)
class StateShare:
    """One state: on how many rows it was said, and of these the share that was heard from within the horizon."""

    state: str
    rows: int
    people: int
    heard: Score


@dataclass(frozen=True)
class States:
    """``false_alarm``: of those heard from within the horizon, the share called silent; ``_or_quiet``: silent or quiet.

    ``changes_a_year`` for each contact; ``undone_a_year``: changes that were undone within UNDONE_DAYS, or at the next cut where cuts lie further
    apart; ``flickers_a_year``: those of them between which nothing was heard.
    """

    promised: float
    false_alarm: Score
    false_alarm_or_quiet: Score
    changes_a_year: Score
    undone_a_year: Score
    flickers_a_year: Score
    by_state: tuple[StateShare, ...]


def judge_states(rows: pd.DataFrame, samples: Samples, *, horizon: int, step: int, promised: float) -> States:
    """From rows of people heard from before, sorted by cut: person, cut, engagement_state, next."""
    came, person, state = (rows["next"] < horizon).to_numpy(), rows["person"].to_numpy(), rows["engagement_state"]
    quiet, silent = state.isin(ALARM).to_numpy(), (state == "silent").to_numpy()
    *numbers, years = _changes(rows, step, samples.weights.shape[1])
    weights = samples.weights.astype("float64")
    by_state = [
        StateShare(str(name), int(here.sum()), len(np.unique(person[here])), Score.of(shares(came[here], person[here], samples)))
        for name in sorted(state.dropna().unique())
        for here in [(state == name).to_numpy()]
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        a_year = [Score.of((weights @ number) / (weights @ years)) for number in numbers]
    return States(
        promised,
        Score.of(shares(silent[came], person[came], samples)),
        Score.of(shares(quiet[came], person[came], samples)),
        a_year[0],
        a_year[1],
        a_year[2],
        tuple(sorted(by_state, key=lambda one: -one.rows)),
    )


def _changes(rows: pd.DataFrame, step: int, people: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For each person the changes from one cut to the next, those undone soon, those undone though nothing was heard, and the years of watching."""
    ordered = rows.sort_values(["person", "cut"])
    person, cut = ordered["person"].to_numpy(), ordered["cut"].to_numpy()
    state, following = ordered["engagement_state"].to_numpy(dtype=object), ordered["next"].to_numpy()
    goes_on = (person[1:] == person[:-1]) & (cut[1:] == cut[:-1] + 1)
    changed = goes_on & (state[1:] != state[:-1])
    undone, unheard = np.zeros(len(changed), dtype=bool), np.zeros(len(changed), dtype=bool)
    for ahead in range(1, max(UNDONE_DAYS // step, 1) + 1):
        # From the cut before a change to the cut at which it is undone.
        before, after = slice(None, -1 - ahead), slice(1 + ahead, None)
        is_back = changed[: len(changed) - ahead] & (person[after] == person[before]) & (cut[after] == cut[before] + 1 + ahead)
        is_back &= (state[after] == state[before]) & ~undone[: len(changed) - ahead]
        undone[: len(changed) - ahead] |= is_back
        unheard[: len(changed) - ahead] |= is_back & (following[before] >= (1 + ahead) * step)
    count = [np.bincount(person[1:][which], minlength=people) for which in (changed, undone, unheard)]
    years = np.bincount(person[1:][goes_on], minlength=people) * step / DAYS_A_YEAR
    return count[0], count[1], count[2], years


@dataclass(frozen=True)
class Warned:
    """How early people were warned of one sort of ending. ``days``: quarter, half and three quarters of those warned had at least so many."""

    ending: str
    meaning: str
    cases: int
    people: int
    warned: Score
    days: tuple[float, float, float] | None


_ENDINGS = {
    "came back": "A silence that was twice the horizon or longer and then ended: days from the first quiet or silent to its end.",
    "gone": f"Not heard from for {GONE_DAYS} days or more, up to the end of the records: days from their last word to the first quiet or silent.",
    "left": "A notice, a farewell or a mailbox that is gone: days from the first quiet or silent of that silence to the day on which it was clear.",
}


def judge_warnings(rows: pd.DataFrame, cut_days: np.ndarray, samples: Samples, *, horizon: int) -> list[Warned]:
    """Lead times, from rows as for :func:`judge_states` with since, left_on and follow. They are known to within one step between cuts."""
    day = cut_days[rows["cut"].to_numpy()]
    told = pd.DataFrame({"person": rows["person"], "day": day, "last": day - rows["since"], "end": day + rows["next"]})
    told = told.assign(alarm=told["day"].where(rows["engagement_state"].isin(ALARM)), left=rows["left_on"], known=rows["follow"] + day)
    silences = told.groupby(["person", "last"], as_index=False).agg(
        first=("alarm", "min"), until=("day", "max"), end=("end", "max"), left=("left", "min"), known=("known", "max")
    )
    back = silences[np.isfinite(silences["end"]) & (silences["end"] - silences["last"] >= 2 * horizon)]
    gone = silences[np.isinf(silences["end"]) & (silences["known"] - silences["last"] >= GONE_DAYS)]
    left = silences[silences["left"].notna() & (silences["left"] <= silences["end"])].sort_values(["person", "last"])
    left = left.drop_duplicates(["person", "left"], keep="last")
    left = left.assign(first=left["first"].where(left["first"] < left["left"]))
    days = {"came back": back["end"] - back["first"], "gone": gone["first"] - gone["last"], "left": left["left"] - left["first"]}
    return [_warning(name, part, days[name], samples) for name, part in (("came back", back), ("gone", gone), ("left", left))]


def _warning(ending: str, cases: pd.DataFrame, days: pd.Series, samples: Samples) -> Warned:
    warned = days.notna().to_numpy()
    quarters = tuple(float(one) for one in np.quantile(days[warned], [0.25, 0.5, 0.75])) if warned.any() else None
    person = cases["person"].to_numpy(dtype="int64")
    share = Score.of(shares(warned, person, samples))
    return Warned(ending, _ENDINGS[ending], len(cases), len(np.unique(person)), share, quarters)  # type: ignore[arg-type]  # three quantiles


@dataclass(frozen=True)
class Job:
    """``still_there_chance`` against what was clear within GONE_DAYS: a notice, farewell or dead mailbox, or a word of theirs.

    Judged are only rows of which it was not said already that they had left, and of which one or the other became clear.
    """

    rows: int
    people: int
    left: int
    auc: Score
    brier: Score
    brier_skill: Score
    calibration_error: Score
    reliability: tuple[Band, ...]
    why_not: str = ""


def judge_job(rows: pd.DataFrame, cut_days: np.ndarray, samples: Samples) -> Job:
    """From rows with job_state, still_there_chance, left_on, next, follow, person, cut; also of people never heard from."""
    day = cut_days[rows["cut"].to_numpy()]
    left = (rows["left_on"] - day < GONE_DAYS).to_numpy()
    there = ~left & (rows["next"] < GONE_DAYS).to_numpy()
    open_ = rows["job_state"].isin(["confirmed", "presumed", "unverified"]).to_numpy() & (rows["follow"] >= GONE_DAYS).to_numpy()
    kept = open_ & (left | there) & rows["still_there_chance"].notna().to_numpy()
    person = rows["person"].to_numpy()[kept]
    leavers = len(np.unique(rows["person"].to_numpy()[kept & left]))
    counts = (int(kept.sum()), len(np.unique(person)), leavers)
    if leavers < LEAST_EACH or len(np.unique(person)) - leavers < LEAST_EACH:
        return Job(
            *counts, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, (), f"{leavers} people left with a clear sign; at least {LEAST_EACH} are needed"
        )
    judged = Judged(rows["still_there_chance"].to_numpy(dtype="float64")[kept], there[kept], person)
    auc, _ = ranking(judged, samples)
    error, usual = brier(judged, samples)
    off, bands = calibration(judged, samples)
    with np.errstate(invalid="ignore", divide="ignore"):
        skill = Score.of(1 - error / usual)
    return Job(*counts, Score.of(auc), Score.of(error), skill, Score.of(off), tuple(bands))
