"""What a model learns from: persons on past days, with what was known then and whether they were heard from after. Adds up over buckets.

A sample keeps the rows with the smallest keys; the key is a hash of person and day. So the sample of everybody is the same however
persons are split into buckets, and whatever the order of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transforms.policy import Policy
from transforms.silence.facts import FACTS, PLACE


@dataclass(frozen=True)
class Sample:
    """Rows (person, past day): ``key``, ``cut`` (the day, since 1970), ``facts`` [row, FACTS], ``heard`` within the horizon. Sorted by key."""

    key: np.ndarray
    cut: np.ndarray
    facts: np.ndarray
    heard: np.ndarray

    @classmethod
    def empty(cls) -> Sample:
        """No rows."""
        return cls(np.empty(0, "uint64"), np.empty(0, "int32"), np.empty((0, len(FACTS)), "float32"), np.empty(0, dtype=bool))

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: np.ndarray) -> Sample:
        """Some of the rows."""
        return Sample(self.key[rows], self.cut[rows], self.facts[rows], self.heard[rows])

    def least(self, policy: Policy) -> Sample:
        """As many rows as the policy allows, those with the smallest keys; of people never heard from, a quarter as many."""
        order = np.argsort(self.key, kind="stable")
        never = np.isnan(self.facts[order, PLACE["since_heard"]])
        kept = (never & (np.cumsum(never) <= policy.training_rows // 4)) | (~never & (np.cumsum(~never) <= policy.training_rows))
        return self.take(order[kept])

    @classmethod
    def of_all(cls, parts: Sequence[Sample], policy: Policy) -> Sample:
        """The sample of the people of all parts."""
        names = ("key", "cut", "facts", "heard")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names)).least(policy)

    def to_json(self) -> dict[str, Any]:
        """The sample as plain lists; what is missing is None."""
        facts = self.facts.astype("float64").astype(object)
        facts[np.isnan(self.facts)] = None
        return {"key": self.key.tolist(), "cut": self.cut.tolist(), "facts": facts.tolist(), "heard": self.heard.tolist()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Sample:
        """The sample that :meth:`to_json` wrote."""
        facts = np.array(kept["facts"], dtype="float32").reshape(-1, len(FACTS))
        return cls(np.array(kept["key"], "uint64"), np.array(kept["cut"], "int32"), facts, np.array(kept["heard"], dtype=bool))
