"""What can be chosen when customers are made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from transforms.vocabulary.errors import BadInput


@dataclass(frozen=True)
class WorldOptions:
    """The size and the moment of a world of made customers. The same options give the same world, value for value.

    ``contacts``, ``companies`` and ``owners`` are counts. ``months`` is the length of the history before ``now``.
    ``now`` is the last moment that the world knows, with a time zone; a text such as 2026-11-22T09:00Z will do.
    ``activities_per_contact`` is the mean number of activities a contact; what comes out is within some ten percent of it.
    Rhythms slow down or speed up to meet it.

    Raises BadInput where a value makes no world.
    """

    seed: int = 7
    contacts: int = 2000
    companies: int = 300
    months: int = 18
    now: datetime | str = "2026-11-22T09:00:00Z"
    activities_per_contact: float = 65.0
    owners: int = 12

    def __post_init__(self) -> None:
        """Refuse options that make no world."""
        faults = [
            f"{name} must be at least {least}, not {getattr(self, name)}"
            for name, least in (("contacts", 1), ("companies", 1), ("months", 2), ("owners", 2))
            if getattr(self, name) < least
        ]
        if self.activities_per_contact < 2:
            faults.append(f"activities_per_contact must be at least 2, not {self.activities_per_contact}")
        if self.companies > self.contacts:
            faults.append(f"there cannot be more companies ({self.companies}) than contacts ({self.contacts})")
        if self.moment.tzinfo is None:
            faults.append(f"now must name its time zone, such as 2026-11-22T09:00Z, not {self.now}")
        if faults:
            raise BadInput(f"No customers can be made with these options: {'; '.join(faults)}.")

    @property
    def moment(self) -> pd.Timestamp:
        """``now`` as a timestamp."""
        try:
            return pd.Timestamp(self.now)
        except ValueError as error:
            raise BadInput(f"now is {self.now!r}, which is not a moment; write it as 2026-11-22T09:00Z.") from error


DAY = 86_400


@dataclass(frozen=True)
class Span:
    """The stretch of time that is lived through, in seconds since 1970. Lives go on after ``now`` so that the truth knows what comes."""

    start: int
    now: int
    end: int

    @classmethod
    def of(cls, options: WorldOptions) -> Span:
        """The span that the options ask for, and sixty days more."""
        now = int(options.moment.timestamp())
        return cls(start=now - round(options.months * 30.44) * DAY, now=now, end=now + 60 * DAY)
