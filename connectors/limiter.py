"""Pacing: how many calls we send, and when, so that a CRM's limits are kept and its other users are left their share.

A rolling limit (so many calls in any ten seconds) is kept by two rules at once. Calls are spread evenly, so that no stream waits
behind another's burst; and a call is only let go while the calls of the last window, ours and those of others, leave room for it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from transforms.vocabulary.errors import QuotaSpent

JITTER_S = 0.2
"""Calls arrive earlier or later than they were sent, by up to 0.1 s either way; the window is taken as longer by that."""

CATCH_UP_SHARE = 0.02
"""A sender that was held up may catch up this share of the limit at once."""

DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Word:
    """What an answer says about the limits; None where it says nothing."""

    limit: int | None = None
    window_s: float | None = None
    remaining: int | None = None
    daily_limit: int | None = None
    daily_remaining: int | None = None


@dataclass(frozen=True)
class Day:
    """A day of calls as we know it, by the CRM's clock; what one run learned of it holds for all runs of that day.

    ``left_at_first`` calls were left when it was first seen, at ``since``; a share of those is left to others until ``until``.
    ``used`` are our own calls since then.
    """

    left_at_first: int
    since: datetime
    until: datetime
    used: int = 0


@dataclass(frozen=True)
class Quota:
    """How the day's calls stand by the CRM's last word, and ours: what is None the CRM has not told, and nothing is assumed of it.

    ``left`` of ``limit`` calls are left, of which ``reserve`` are for others and ``usable`` for us. At ``resets_at`` they are counted anew;
    a rolling day has no such moment. ``day`` is what a later run takes up.
    """

    limit: int | None = None
    left: int | None = None
    reserve: int | None = None
    usable: int | None = None
    resets_at: datetime | None = None
    day: Day | None = None


class Stopped(Exception):
    """The extract was closed while a call waited for its turn."""


class Limiter:
    """Lets calls go one by one. May be used from several threads.

    ``limit`` and ``window_s`` hold until the first answer tells the real ones. ``searches_per_s`` is the pace of the separate search lane.
    ``reserve_share`` of the daily calls that remain when the day is first seen is left to others; where the CRM does not tell of a day,
    nothing is assumed of one. A day begins when its first answer comes and ends at the CRM's reset; where it ``is_rolling``, a call counts
    for 24 hours, so there is no reset, and what was first seen holds for as long.
    """

    def __init__(
        self,
        *,
        limit: int = 100,
        window_s: float = 10.0,
        searches_per_s: float = 3.9,
        reserve_share: float = 0.30,
        crm: str = "the CRM",
        is_rolling: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep
        self._limit = limit
        self._window_s = window_s
        self._search_gap_s = 1 / searches_per_s
        self._reserve_share = reserve_share
        self._crm = crm
        self._is_rolling = is_rolling
        self._others = 0
        self._sent: deque[float] = deque()
        self._in_flight = 0
        self._next = -1e9
        self._next_search = -1e9
        self._daily_limit: int | None = None
        self._daily_remaining: int | None = None
        self._zone: tzinfo | None = None
        self._is_reset_known = False
        self._is_pace_told = False
        self._day: Day | None = None
        self._used = 0

    @property
    def daily_remaining(self) -> int | None:
        """Calls left today, as last heard and counted on from there."""
        return self._daily_remaining

    @property
    def daily_limit(self) -> int | None:
        """Calls allowed in a day."""
        return self._daily_limit

    @property
    def reserve(self) -> int | None:
        """Of the calls left today, how many are for others; None where the CRM has not told of a day."""
        return None if self._day is None else math.ceil(self._day.left_at_first * self._reserve_share)

    @property
    def quota(self) -> Quota:
        """How the day's calls stand."""
        with self._lock:
            left, reserve, day = self._daily_remaining, self.reserve, self.day
            if left is None or reserve is None:
                return Quota()
            return Quota(self._daily_limit, left, reserve, max(left - reserve, 0), self.resets_at, day)

    @property
    def day(self) -> Day | None:
        """The day as known so far, for a later run to take up; None where the CRM has not told of one."""
        return None if self._day is None else replace(self._day, used=self._used)

    @property
    def pace(self) -> tuple[int, float] | None:
        """So many calls in so many seconds, as the CRM has told; None where it has not."""
        return (self._limit, self._window_s) if self._is_pace_told else None

    @property
    def resets_at(self) -> datetime | None:
        """When the CRM counts the day's calls anew, where that is known. A rolling day has no such moment."""
        return self._day.until if self._day is not None and self._is_reset_known else None

    @property
    def interval_s(self) -> float:
        """Seconds between two calls at the present pace."""
        room = max(self._room - 1 - self._catch_up, 1.0)
        return (self._window_s + JITTER_S) / room

    @property
    def _room(self) -> float:
        # A tenth is kept for ourselves, or two busy apps would wait for each other for ever.
        return max(self._limit - self._others, self._limit / 10)

    @property
    def _catch_up(self) -> float:
        return self._limit * CATCH_UP_SHARE

    def take(self, *, is_search: bool = False, is_finishing: bool = False, stop: threading.Event | None = None) -> None:
        """Block until one call may be sent. Each take must be followed by :meth:`give_back`.

        Raises QuotaSpent where only the share of others is left today, and Stopped where ``stop`` is set meanwhile. A call that
        ``is_finishing`` sees to its end what would go on without us; it may be one of the others'.
        """
        if is_search:
            with self._lock:
                turn = max(self._next_search, self._clock())
                self._next_search = turn + self._search_gap_s
            self._wait_until(turn, stop)
        with self._lock:
            turn = max(self._next, self._clock() - self._catch_up * self.interval_s)
            self._next = turn + self.interval_s
        self._wait_until(turn, stop)
        while (wait_s := self._let_go(is_finishing=is_finishing)) > 0:
            self._pause(wait_s, stop)

    def give_back(self) -> None:
        """The call has come back, with whatever result."""
        with self._lock:
            self._in_flight -= 1

    def hear(self, word: Word, at: datetime | None = None) -> None:
        """Learn the limits from an answer that the CRM gave ``at`` its own time (by default: now)."""
        with self._lock:
            if word.limit:
                self._limit = word.limit
                self._is_pace_told = True
            if word.window_s:
                self._window_s = word.window_s
            if word.remaining is not None:
                self._hear_remaining(word.remaining)
            if word.daily_remaining is not None:
                self._hear_daily(word, at or datetime.now(UTC))

    def resume(self, day: Day) -> None:
        """Take up the day as an earlier run knew it. To be called once the CRM has told of the day; else nothing is assumed of it."""
        with self._lock:
            if self._day is not None:
                self._day, self._used = self._follow(day, self._day.left_at_first, self._day.since, self._used)

    def know_zone(self, zone: tzinfo) -> None:
        """The day's calls are counted anew at midnight of that zone."""
        with self._lock:
            self._zone = zone
            self._is_reset_known = True
            if self._day is not None:
                self._day = replace(self._day, until=self._end_of(self._day.since))

    def know_reset(self, at: datetime) -> None:
        """The CRM has said when this day's calls are counted anew."""
        with self._lock:
            self._is_reset_known = True
            if self._day is not None:
                self._day = replace(self._day, until=at)

    def dated(self, error: QuotaSpent) -> QuotaSpent:
        """An error that says that the CRM refused a call for its daily limit, with the moment when it has new ones."""
        if self._day is None:
            return error
        told = f"{str(error).removesuffix('.')}: {self._when(self._day)}."
        return QuotaSpent(told, self._day.until, self._crm)

    def hold(self, seconds: float, *, is_search: bool = False) -> None:
        """Send nothing (or no search) for so many seconds: the CRM has refused a call."""
        with self._lock:
            until = self._clock() + seconds
            if is_search:
                self._next_search = max(self._next_search, until)
            else:
                self._next = max(self._next, until)

    def _hear_remaining(self, remaining: int) -> None:
        now = self._clock()
        self._forget(now)
        self._others = max(0, self._limit - remaining - len(self._sent))
        if remaining <= self._in_flight:
            # What is on its way will use up the rest: let the window move on a little before the next call.
            self._next = max(self._next, now + self._window_s / 20)

    def _hear_daily(self, word: Word, at: datetime) -> None:
        remaining = word.daily_remaining or 0
        is_new_day = self._day is None or at >= self._day.until
        if is_new_day:
            self._day = self._begin(remaining, at)
        elif self._day is not None and remaining > self._day.left_at_first:
            self._day = replace(self._day, left_at_first=remaining)
        is_more = self._daily_remaining is None or is_new_day or remaining > self._daily_remaining + self._limit
        # What is on its way was not counted yet when this was said.
        left = remaining - self._in_flight
        # Within a day it only falls: an answer that says a little more was given earlier and came later.
        self._daily_remaining = left if is_more or self._daily_remaining is None else min(left, self._daily_remaining)
        self._daily_limit = word.daily_limit or self._daily_limit

    def _begin(self, remaining: int, at: datetime) -> Day:
        if (old := self.day) is None:
            return Day(remaining, at, self._end_of(at))
        day, self._used = self._follow(old, remaining, at, 0)
        return day

    def _follow(self, old: Day, remaining: int, at: datetime, used: int) -> tuple[Day, int]:
        """The day of a moment at which so much was left, given the day known before: that one while it lasts; with our calls in it."""
        if old.since - DAY <= at < old.until:
            return replace(old, left_at_first=max(old.left_at_first, remaining)), used + old.used
        if self._is_rolling and old.until <= at < old.until + DAY:
            # Our own calls of the last day may still be counted: without them, that much more would be left.
            remaining = max(remaining, min(old.left_at_first, remaining + old.used))
        return Day(remaining, at, self._end_of(at)), used

    def _end_of(self, at: datetime) -> datetime:
        """Until when what is first seen at a moment holds: the zone's next midnight, or a day where none is known."""
        if self._zone is None:
            return at + DAY
        there = at.astimezone(self._zone)
        midnight = datetime(there.year, there.month, there.day, tzinfo=self._zone) + timedelta(days=1)
        return midnight.astimezone(UTC)

    def _let_go(self, *, is_finishing: bool) -> float:
        """0 and the call counted, or the seconds to wait before asking again."""
        with self._lock:
            if not is_finishing:
                self._check_daily()
            now = self._clock()
            self._forget(now)
            if len(self._sent) <= self._room - 2 or not self._sent:
                self._sent.append(now)
                self._in_flight += 1
                self._used += 1
                if self._daily_remaining is not None:
                    self._daily_remaining = max(self._daily_remaining - 1, 0)
                return 0.0
            return max(self._sent[0] + self._window_s + JITTER_S - now, 0.001)

    def _check_daily(self) -> None:
        left, reserve = self._daily_remaining, self.reserve
        if self._day is None or left is None or reserve is None or left > reserve:
            return
        limit = f" of {self._daily_limit:,}" if self._daily_limit else ""
        raise QuotaSpent(
            f"{self._crm} has {left:,}{limit} calls left today, and these are left to other programs: our reserve is {self._reserve_share:.0%} of the "
            f"{self._day.left_at_first:,} that were left when today's were first seen, so nothing more is sent; {self._when(self._day)}, "
            "or lower STILLTHERE_RESERVE_SHARE.",
            self._day.until,
            self._crm,
        )

    def _when(self, day: Day) -> str:
        moment = f"{day.until:%d %b %Y %H:%M} UTC"
        if self._is_rolling:
            return f"calls come back 24 hours after they were made, all of today's by {moment}: run again by then"
        return f"run again after {moment}, when the day's calls are counted anew"

    def _forget(self, now: float) -> None:
        while self._sent and self._sent[0] <= now - self._window_s - JITTER_S:
            self._sent.popleft()

    def _wait_until(self, turn: float, stop: threading.Event | None) -> None:
        wait_s = turn - self._clock()
        if wait_s > 0:
            self._pause(wait_s, stop)

    def _pause(self, seconds: float, stop: threading.Event | None) -> None:
        if stop is None:
            self._sleep(seconds)
        elif stop.wait(seconds):
            raise Stopped
