"""From the replayed past to the report: which days can be judged, and what the fields were worth on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from transforms.backtest.curves import CURVES, chances_forward
from transforms.backtest.figures import OURS, Comparison, Segment, compare, judge_segments
from transforms.backtest.replay import Replayed
from transforms.backtest.scores import Judged, Samples, Score, ranking, shares
from transforms.backtest.states import DAYS_A_YEAR, Job, States, Warned, judge_job, judge_states, judge_warnings
from transforms.crms import crm_name
from transforms.persons import PLAIN_FILE
from transforms.rhythm import day_number
from transforms.silence.holes import EVERYTHING, Hole
from transforms.vocabulary.errors import RefusedToGuess

MOST_HIDDEN = 0.5
"""A cut on which a hole hides more than this share of the people is left out altogether."""

LEAST_ROWS = 50
"""With fewer rows in all nothing is judged."""


@dataclass(frozen=True)
class Cut:
    """One past day: how many people were known who had been heard from, how many of them a hole hides, and what became of the rest.

    ``why_not`` says why the day was left out; empty where it was judged.
    """

    on: str
    people: int
    hidden: int
    heard: float | None
    mean_chance: float | None
    auc: float | None
    auc_days_since_last: float | None
    why_not: str = ""


@dataclass(frozen=True)
class FieldChanges:
    """How often the value of a field would have been written: changes for each contact and year, and cells in all between the cuts."""

    field: str
    changes_a_year: float
    cells: int


@dataclass(frozen=True)
class Report:
    """What a backtest found. Every number of the table, the page and the JSON is in here."""

    begin: str
    end: str
    horizon_days: int
    every_days: int
    seed: int
    cuts: tuple[Cut, ...]
    holes: tuple[dict[str, Any], ...]
    rows: int
    people: int
    rows_hidden: int
    never_heard: Score
    never_heard_chance: float | None
    listening: Comparison
    states: States
    warnings: tuple[Warned, ...]
    job: Job
    segments: tuple[Segment, ...]
    fields: tuple[FieldChanges, ...]
    cannot_be_undone: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as plain data; the keys are described in docs/backtest.md."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Frame:
    """When and how the past is judged."""

    begin: pd.Timestamp
    end: pd.Timestamp
    cuts: Sequence[pd.Timestamp]
    horizon_days: int
    every_days: int
    promised: float
    seed: int = 7

    @property
    def days(self) -> np.ndarray:
        """The cuts as days since 1970."""
        return day_number(pd.Series(list(self.cuts)))

    @property
    def last_day(self) -> int:
        """The first day of which nothing is known yet."""
        return int(day_number(pd.Series([self.end - pd.Timedelta(microseconds=1)]))[0]) + 1


def judge(past: Replayed, holes: Sequence[Hole], frame: Frame, undone: Sequence[str]) -> Report:
    """The report. Raises RefusedToGuess, and names the holes, where no cut is left to judge or too few people are."""
    cut_days = frame.days
    horizon = frame.horizon_days
    rows = past.rows.assign(follow=frame.last_day - cut_days[past.rows["cut"].to_numpy()])
    rows = rows.assign(next=rows["next"].fillna(np.inf))
    whole = [_whole_hole(int(day), holes, horizon) for day in cut_days]
    is_out = _left_out(rows, whole)
    kept = rows[~rows["cut"].isin(np.flatnonzero(is_out)) & ~rows["is_missed"]].reset_index(drop=True)
    known = kept[kept["since"].notna()].reset_index(drop=True)
    _refuse_little(known, frame, holes, is_out)
    names = pd.Index(np.unique(kept["person_id"]))
    kept, known = (part.assign(person=names.get_indexer(part["person_id"])) for part in (kept, known))
    samples = Samples.draw(len(names), frame.seed)
    # A curve learns from every day that the product learns from, but not from what a hole hides.
    chances = {OURS: known["hear_back_chance"].to_numpy(dtype="float64")}
    chances |= {name: chances_forward(known, past.earlier, cut_days, horizon, facts) for name, facts in CURVES.items()}
    listening = compare(known, chances, samples, horizon=horizon, seed=frame.seed)
    segments = judge_segments(known, chances[OURS], chances["days_since_last"], samples, horizon=horizon)
    never = kept[kept["since"].isna()]
    return Report(
        frame.begin.isoformat(),
        frame.end.isoformat(),
        horizon,
        frame.every_days,
        frame.seed,
        tuple(_cut(place, frame, rows, known, chances, whole, is_out) for place in range(len(cut_days))),
        tuple(hole.to_json() for hole in holes),
        len(known),
        int(known["person_id"].nunique()),
        int((rows["is_missed"] & rows["since"].notna()).sum()),
        _never(never, samples, horizon),
        float(never["hear_back_chance"].mean()) if len(never) else None,
        listening,
        judge_states(known, samples, horizon=horizon, step=frame.every_days, promised=frame.promised),
        tuple(judge_warnings(known, cut_days, samples, horizon=horizon)),
        judge_job(kept, cut_days, samples),
        tuple(segments),
        tuple(
            FieldChanges(str(name), float(number / max(past.steps * frame.every_days / DAYS_A_YEAR, 1e-9)), int(number))
            for name, number in past.changes.items()
        ),
        tuple(undone),
    )


def _whole_hole(day: int, holes: Sequence[Hole], horizon: int) -> Hole | None:
    return next((hole for hole in holes if hole.source == EVERYTHING and hole.touches(day - horizon, day + horizon)), None)


def _left_out(rows: pd.DataFrame, whole: Sequence[Hole | None]) -> np.ndarray:
    heard = rows[rows["since"].notna()]
    hidden = heard.groupby("cut")["is_missed"].mean().reindex(range(len(whole))).fillna(0.0).to_numpy()
    left_out: np.ndarray = np.array([hole is not None for hole in whole]) | (hidden > MOST_HIDDEN)
    return left_out


def _refuse_little(known: pd.DataFrame, frame: Frame, holes: Sequence[Hole], is_out: np.ndarray) -> None:
    came = known["next"] < frame.horizon_days
    if len(known) >= LEAST_ROWS and came.any() and not came.all():
        return
    found = "; ".join(describe(hole) for hole in holes[:3])
    why = f" Holes in the data: {found}." if holes else ""
    out = f"{int(is_out.sum())} of {len(is_out)} cuts were left out because a hole would pass for silence, and " if is_out.any() else ""
    raise RefusedToGuess(
        f"There is nothing to judge between {frame.cuts[0]:%Y-%m-%d} and {frame.cuts[-1]:%Y-%m-%d}: {out}{len(known):,} rows of people heard from "
        f"before are left, where at least {LEAST_ROWS} with both ends are needed.{why} Choose other cuts with --from and --to, or bring more history."
    )


def describe(hole: Hole) -> str:
    """A hole in words."""
    return describe_data(hole.to_json())


def describe_data(hole: Mapping[str, Any]) -> str:
    """A hole in words, from its plain data."""
    came = f"only {hole['strays']:,} people" if hole["strays"] > 1 else "one person" if hole["strays"] else "nothing"
    return (
        f"{source_words(hole['source'])}: {came} from {hole['from']} to {hole['to']} ({hole['days']} days), "
        f"where at least {hole['expected']:,} were to be expected"
    )


def source_words(source: str) -> str:
    """A source in words: crm|owner|channel."""
    if source == EVERYTHING:
        return "the whole log"
    crm, owner, channel = source.split("|", 2)
    what = "everything that is recorded by itself" if channel == "*" else channel
    where = "" if crm == PLAIN_FILE else f" in {crm_name(crm)}"
    return f"{what} of {owner}{where}" if owner != "*" else f"{what}{where}"


def _never(rows: pd.DataFrame, samples: Samples, horizon: int) -> Score:
    return Score.of(shares((rows["next"] < horizon).to_numpy(), rows["person"].to_numpy(), samples))


def _cut(
    place: int,
    frame: Frame,
    rows: pd.DataFrame,
    known: pd.DataFrame,
    chances: dict[str, np.ndarray],
    whole: Sequence[Hole | None],
    is_out: np.ndarray,
) -> Cut:
    at = rows[(rows["cut"] == place) & rows["since"].notna()]
    here = (known["cut"] == place).to_numpy()
    came = (known["next"].to_numpy() < frame.horizon_days)[here]
    hole = whole[place]
    why = describe(hole) if hole else "a hole hides most of the people" if is_out[place] else "" if here.any() else "nobody to judge"
    one = Samples(np.ones((1, int(here.sum()))))
    both = came.any() and not came.all()
    auc = {
        name: float(ranking(Judged(chance[here], came, np.arange(len(came))), one)[0][0]) if both else None
        for name, chance in chances.items()
    }
    return Cut(
        f"{frame.cuts[place]:%Y-%m-%d}",
        len(at),
        int(at["is_missed"].sum()),
        float(came.mean()) if len(came) else None,
        float(chances[OURS][here].mean()) if len(came) else None,
        auc[OURS],
        auc["days_since_last"],
        why,
    )
