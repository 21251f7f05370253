"""The rhythm of a person: the days on which they were heard from, and the gaps between them.

Days count, not messages: ten mails of one afternoon are one conversation. A day is a UTC calendar day, so a rhythm does not
depend on the hour at which it is looked at.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.policy import Policy

NEVER, ONCE, FEW = 0, 1, 2
GAP_EDGES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
GROUPS = ("never", "once", "few", *(f"gap<{edge:g}" for edge in GAP_EDGES), "gap>=64")
"""Groups of persons with a like rhythm: never heard, heard on one day, on too few for a rhythm, then by their usual gap in days."""


def heard_days(heard: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """One row a person and day on which something was heard, sorted: person (its code), on (days since 1970), gap, number, usual, usual_before, next_on.

    ``gap`` is the days since the day before it, ``number`` counts the days from 1, ``usual`` is the average of the latest
    ``rhythm_gaps`` gaps as known on that day (missing with fewer than ``rhythm_min_gaps``), ``usual_before`` the same the day before it,
    ``next_on`` the next such day, or a day beyond all time.
    """
    codes = heard["person_id"].cat.codes.to_numpy().astype("int64")
    on = day_number(heard["occurred_at"])
    is_new = np.ones(len(codes), dtype=bool)
    is_new[1:] = (codes[1:] != codes[:-1]) | (on[1:] != on[:-1])
    codes, on = codes[is_new], on[is_new]
    starts = np.ones(len(codes), dtype=bool)
    starts[1:] = codes[1:] != codes[:-1]
    place = np.arange(len(codes))
    number = place - np.maximum.accumulate(np.where(starts, place, 0)) + 1
    gap = np.where(starts, np.nan, on - np.roll(on, 1))
    gaps = np.minimum(number - 1, policy.rhythm_gaps)
    usual = np.where(gaps >= policy.rhythm_min_gaps, (on - on[place - gaps]) / np.maximum(gaps, 1), np.nan)
    ends = np.roll(starts, -1) if len(starts) else starts
    return pd.DataFrame(
        {
            "person": codes,
            "on": on,
            "gap": gap,
            "number": number,
            "usual": usual,
            "usual_before": np.where(starts, np.nan, np.roll(usual, 1)),
            "next_on": np.where(ends, np.iinfo("int64").max, np.roll(on, -1)),
        }
    )


def moments(times: pd.Series) -> np.ndarray:
    """UTC times as numpy's own type. A frame's column would come out as Python objects, which is slow."""
    plain: np.ndarray = times.dt.tz_localize(None).to_numpy()
    return plain


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Each number once, ascending. ``np.unique`` hashes them first, which takes several times as long for keys as large as ours."""
    ordered = np.sort(numbers)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def day_number(times: pd.Series) -> np.ndarray:
    """The UTC calendar day of each time, as days since 1970."""
    days: np.ndarray = moments(times).astype("datetime64[D]").astype("int64")
    return days


def group_of(number: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """The place in GROUPS for the number of days heard and the usual gap."""
    by_gap = FEW + 1 + np.searchsorted(GAP_EDGES, np.nan_to_num(usual, nan=0.0), side="right")
    return np.where(number == 0, NEVER, np.where(number == 1, ONCE, np.where(np.isnan(usual), FEW, by_gap)))
