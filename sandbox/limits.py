"""Rate limits as HubSpot publishes them: rolling ten seconds, a day that ends at the account's midnight, and a second for search.

A call is counted when it arrives. A refused call does not count, a search does; neither is verified on a real portal.
Association calls are exempt from the app's ten seconds (so HubSpot's specification marks them) and have their own, and their own day.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.clock import Clock
from sandbox.options import SandboxOptions

WINDOW_S = 10.0


@dataclass
class Rolling:
    """So many calls within the last ``window`` seconds, and no more."""

    limit: int
    window: float
    arrivals: deque[float] = field(default_factory=deque)

    def left(self, moment: float) -> int:
        """How many calls would still be let in at ``moment``."""
        while self.arrivals and self.arrivals[0] <= moment - self.window:
            self.arrivals.popleft()
        return self.limit - len(self.arrivals)

    def wait(self, moment: float) -> float:
        """Seconds until a call is let in again."""
        return max(0.0, self.arrivals[0] + self.window - moment) if self.left(moment) <= 0 else 0.0


@dataclass(frozen=True)
class Refusal:
    """Why a call was refused: the policy's name, the group it is counted in, and the wait in seconds."""

    policy: str
    group: str
    wait: float


class Limits:
    """Counts the calls of each app and of the account, and refuses those that are too many."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.tier = options.limits
        self.zone = ZoneInfo(options.time_zone)
        self._bursts: dict[str, Rolling] = {}
        self._associations: dict[str, Rolling] = {}
        self._searches = Rolling(options.search_per_second, 1.0)
        self._day = self._today()
        self._used = options.daily_used
        self._association_calls = 0

    def _today(self) -> str:
        return self._clock.now().astimezone(self.zone).date().isoformat()

    @property
    def daily_used(self) -> int:
        """Calls of today, by everybody in the account."""
        if self._today() != self._day:
            self._day, self._used, self._association_calls = self._today(), 0, 0
        return self._used

    @daily_used.setter
    def daily_used(self, calls: int) -> None:
        self._day, self._used = self._today(), calls

    def resets_at(self) -> datetime:
        """The account's next midnight, in UTC."""
        local = self._clock.now().astimezone(self.zone)
        return (local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=1)).astimezone(ZoneInfo("UTC"))

    def forget(self) -> None:
        """Empty the short windows."""
        self._bursts.clear()
        self._associations.clear()
        self._searches.arrivals.clear()

    def admit(self, app: str, *, is_search: bool, is_association: bool) -> Refusal | None:
        """Count a call that arrives now, or say why it is refused."""
        moment = self._clock.elapsed()
        portal = self._options.portal_id
        burst = self._bursts.setdefault(app, Rolling(self.tier.burst, WINDOW_S))
        associations = self._associations.setdefault(app, Rolling(self.tier.association_burst, WINDOW_S))
        if self.daily_used >= self.tier.daily:
            wait = (self.resets_at() - self._clock.now()).total_seconds()
            return Refusal("DAILY", f"publicapi:private-apps-api-calls-daily:{portal}", wait)
        if is_association and self._association_calls >= self.tier.association_daily:
            return Refusal("DAILY", f"publicapi:crm:associations:daily:{portal}", (self.resets_at() - self._clock.now()).total_seconds())
        if not is_association and burst.left(moment) <= 0:
            return Refusal(
                "TEN_SECONDLY_ROLLING", f"publicapi:private_app-api-calls-ten-secondly:{self._options.app_id}:{portal}", burst.wait(moment)
            )
        if is_association and associations.left(moment) <= 0:
            return Refusal("TEN_SECONDLY_ROLLING", f"publicapi:crm:associations:{self._options.app_id}:{portal}", associations.wait(moment))
        if is_search and self._searches.left(moment) <= 0:
            return Refusal("SECONDLY", f"publicapi:crm:search:oauth:{self._options.app_id}:{portal}", self._searches.wait(moment))
        self.daily_used += 1
        if is_association:
            associations.arrivals.append(moment)
            self._association_calls += 1
        else:
            burst.arrivals.append(moment)
        if is_search:
            self._searches.arrivals.append(moment)
        return None

    def headers(self, app: str, *, is_oauth: bool, is_association: bool) -> dict[str, str]:
        """The rate headers of an answer. Search answers carry none; OAuth apps have no daily ones."""
        moment = self._clock.elapsed()
        windows, most = (self._associations, self.tier.association_burst) if is_association else (self._bursts, self.tier.burst)
        left = max(0, windows.setdefault(app, Rolling(most, WINDOW_S)).left(moment))
        headers = {
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Max": str(most),
            "X-HubSpot-RateLimit-Remaining": str(left),
            "X-HubSpot-RateLimit-Secondly": str(most // 10),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(max(0, most // 10 - 1)),
        }
        if not is_oauth:
            headers["X-HubSpot-RateLimit-Daily"] = str(self.tier.daily)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, self.tier.daily - self.daily_used))
        return headers
