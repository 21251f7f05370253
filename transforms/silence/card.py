"""The card of a model: what it learned from, what it weighs, and how well it judged days that it had not seen. Plain data, nobody's name."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bin:
    """People with a like chance on the days of the check: the mean chance that was said, the share that was heard, how many."""

    said: float
    happened: float
    number: int


@dataclass(frozen=True)
class Weighed:
    """A coefficient, for the term on the scale of the prior, beside the prior's mean and deviation."""

    term: str
    words: str
    weight: float
    prior: float
    prior_deviation: float


@dataclass(frozen=True)
class ModelCard:
    """How the chance to hear back was learned as of one moment, and how it did on days that it had not learned from (``judged`` rows).

    ``shape``: how regular people's gaps are; 1 is as by chance alone, more is more regular.
    ``auc`` and ``brier`` stand beside those of a logistic curve on days since last heard, learned and judged on the same rows.
    ``false_alarm_seen``: the share of those heard who had been called silent by the threshold. None: not enough history to say.
    """

    as_of: str
    horizon_days: int
    rows: int
    rows_heard: int
    first_day: str | None
    last_day: str | None
    prior: str
    silent_chance: float
    shape: float
    false_alarm_asked: float
    false_alarm_seen: float | None
    judged: int
    auc: float | None
    auc_recency: float | None
    brier: float | None
    brier_recency: float | None
    calibration_error: float | None
    calibration: list[Bin] = field(default_factory=list)
    coefficients: list[Weighed] = field(default_factory=list)
    holes: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The card as plain data."""
        return asdict(self)
