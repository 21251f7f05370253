"""How often attempts are answered, counted over all customers: by way, by country, and with first attempts.

All counts are whole numbers that add up over buckets; they travel as ``Tally.answers``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from transforms.book import Book
from transforms.policy import Policy

Counts = Mapping[str, tuple[int, int]]
"""Key → (attempts, answered). Keys: ``email`` · ``email@france`` for a country · ``email|first`` for the first attempt with each person ·
``email|advised`` for the tasks of ours that advised this way and were followed (see ``outcomes``)."""


def decided_attempts(book: Book) -> pd.DataFrame:
    """The attempts that were answered, or that had the time to be."""
    rows = book.attempts
    return rows[rows["answered_at"].notna() | (rows["occurred_at"] <= book.as_of - pd.Timedelta(days=book.policy.answer_days))]


def is_won(attempts: pd.DataFrame) -> pd.Series:
    """Which attempts were answered by the way they were made.

    An answer by another way may be chance: whoever calls every week calls after each of our mails, read or not.
    """
    return attempts["answered_at"].notna() & (attempts["answered_by"] == attempts["channel"])


def count_answers(book: Book) -> dict[str, tuple[int, int]]:
    """The Counts of one bucket, of the attempts of the last year."""
    decided = book.within(decided_attempts(book), book.policy.year_days)
    countries = book.spread(country_key(book.persons["country"]), decided)
    rows = pd.DataFrame(
        {
            "way": decided["channel"],
            "person": decided["person_id"].cat.codes,
            "there": (decided["channel"] + "@" + countries).astype("str"),
            "won": is_won(decided).astype("int64"),
        }
    )
    found = _counted("", rows.groupby("way")["won"].agg(["size", "sum"]))
    found |= _counted("", rows.dropna(subset="there").groupby("there")["won"].agg(["size", "sum"]))
    # The rows of a person stand in the order of time.
    return found | _counted("|first", rows.drop_duplicates(["way", "person"]).groupby("way")["won"].agg(["size", "sum"]))


def _counted(ending: str, counts: pd.DataFrame) -> dict[str, tuple[int, int]]:
    return {f"{way}{ending}": (int(row["size"]), int(row["sum"])) for way, row in counts.iterrows()}


def country_key(countries: pd.Series) -> pd.Series:
    """Countries in small letters without blanks at their ends; missing stays missing."""
    return countries.astype("str").str.strip().str.lower()


@dataclass(frozen=True)
class Rates:
    """What the counts of all customers teach of each way."""

    counts: Counts
    policy: Policy

    def tried(self, way: str) -> int:
        """How many attempts there were by that way in the last year."""
        return self.counts.get(way, (0, 0))[0]

    def rate(self, way: str) -> float:
        """The share of attempts by that way that were answered by it; leans on ``answer_rate_prior``, worth ``channel_prior_sends`` attempts."""
        return _share(self.counts.get(way, (0, 0)), self.policy.answer_rate_prior, self.policy.channel_prior_sends)

    def rate_in(self, way: str, country: str) -> float:
        """The same for people of one country; leans on the rate of all, worth ``prior_weight`` attempts."""
        return _share(self.counts.get(f"{way}@{country}", (0, 0)), self.rate(way), self.policy.prior_weight)

    def first_rate(self, way: str) -> float:
        """The share of people whose first attempt by that way was answered by it; leans on half of ``answer_rate_prior``."""
        return _share(self.counts.get(f"{way}|first", (0, 0)), self.policy.answer_rate_prior / 2, self.policy.channel_prior_sends)

    def advised_rate(self, way: str) -> float:
        """The share of our advices to try this way that were answered by it, once followed; leans on :meth:`first_rate`, worth ``prior_weight`` of them.

        An advice is given where other ways fail, so it tells more of the next such person than all first attempts do.
        """
        return _share(self.counts.get(f"{way}|advised", (0, 0)), self.first_rate(way), self.policy.prior_weight)


def _share(counts: tuple[int, int], prior: float, weight: float) -> float:
    attempts, answered = counts
    return (answered + weight * prior) / (attempts + weight)
