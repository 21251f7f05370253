"""What the days on which people were heard from say on a past day, and what they say of what followed: plain counts, no model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.book import Book

FACTS = ("since", "mean_gap", "days", "days_90", "days_365", "next")


@dataclass(frozen=True)
class HeardDays:
    """The days on which each person was heard from, sorted by person and day, as known at the end of the records."""

    person: np.ndarray
    on: np.ndarray
    people: int

    @classmethod
    def of(cls, book: Book) -> HeardDays:
        """Those of a book."""
        days = book.heard_days
        return cls(days["person"].to_numpy(), days["on"].to_numpy(), len(book.persons))

    def before(self, cut: int) -> np.ndarray:
        """For each person, how many of the rows are earlier than the day ``cut``, as places from the start of all rows."""
        wide = np.int64(2**32)
        found: np.ndarray = np.searchsorted(self.person * wide + self.on, np.arange(self.people) * wide + cut)
        return found

    def facts(self, cut: int) -> pd.DataFrame:
        """For each person on the day ``cut``: FACTS; all but ``next`` are missing for people not heard from before it.

        ``since`` days since last heard, from 1 · ``mean_gap`` between days heard · ``days`` heard, in all and in the last 90 and 365 ·
        ``next`` days until they are heard from again, 0 for the day of the cut itself; infinite where they never are.
        """
        starts = np.searchsorted(self.person, np.arange(self.people))
        ends = np.searchsorted(self.person, np.arange(self.people), side="right")
        place = self.before(cut)
        known = place > starts
        # One row more, so that a place after the last row can be looked at.
        on = np.append(self.on, 0).astype("float64")
        last, first = on[np.maximum(place - 1, 0)], on[starts]
        days = (place - starts).astype("float64")
        following = np.where(place < ends, on[place] - cut, np.inf)
        with np.errstate(invalid="ignore", divide="ignore"):
            gap = np.where(days > 1, (last - first) / (days - 1), np.nan)
        frame = pd.DataFrame(
            {
                "since": cut - last,
                "mean_gap": gap,
                "days": days,
                "days_90": (place - np.maximum(self.before(cut - 90), starts)).astype("float64"),
                "days_365": (place - np.maximum(self.before(cut - 365), starts)).astype("float64"),
                "next": following,
            }
        )
        return frame.where(pd.Series(known), np.nan).assign(next=following)
