"""What the activities of a loaded org add up to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from sandbox.loading.report import Loaded


@dataclass
class Happened:
    """``last_day`` is the day of each person's last activity, ``captured`` the moments of mail that is only counted, both by record id.

    ``parts`` tell what became of the rows, ``ids`` the record of each canonical id.
    """

    last_day: dict[str, str] = field(default_factory=dict)
    captured: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    parts: list[Loaded] = field(default_factory=list)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)

    def on(self, person: str, day: str) -> None:
        """Something happened with a person on that day."""
        if day > self.last_day.get(person, ""):
            self.last_day[person] = day

    def count_mail(self, person: str, at: int, *, is_ours: bool) -> None:
        """Mail passed that the org does not keep."""
        seen = self.captured[person]
        seen["FirstEmailDateTime"] = min(at, seen.get("FirstEmailDateTime", at))
        for name in ("LastEmailSentDateTime" if is_ours else "LastEmailReceivedDateTime", "LastEmailDateTime", "LastActivityDateTime"):
            seen[name] = max(at, seen.get(name, at))
