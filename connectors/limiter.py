"""Pacing: how many calls we send, and when, so that a CRM's limits are kept and its other users are left their share.

A rolling limit (so many calls in any ten seconds) is kept by two rules at once. Calls are spread evenly, so that no stream waits
behind another's burst; and a call is only let go while the calls of the last window, ours and those of others, leave room for it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from transforms.vocabulary.errors import QuotaSpent

JITTER_S = 0.2
"""Calls arrive earlier or later than they were sent, by up to 0.1 s either way; the window is taken as longer by that."""

CATCH_UP_SHARE = 0.02
"""A sender that was held up may catch up this share of the limit at once."""


@dataclass(frozen=True)
class Word:
    """What an answer says about the limits; None where it says nothing."""

    limit: int | None = None
    window_s: float | None = None
    remaining: int | None = None
    daily_limit: int | None = None
    daily_remaining: int | None = None


class Stopped(Exception):
    """The extract was closed while a call waited for its turn."""


class Limiter:
    """Lets calls go one by one. May be used from several threads.

    ``limit`` and ``window_s`` hold until the first answer tells the real ones. ``searches_per_s`` is the pace of the separate search lane.
    ``reserve_share`` of the daily calls that remain when they are first seen is never touched.
    """

    def __init__(
        self,
        *,
        limit: int = 100,
        window_s: float = 10.0,
        searches_per_s: float = 3.9,
        reserve_share: float = 0.30,
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
        self._others = 0
        self._sent: deque[float] = deque()
        self._in_flight = 0
        self._next = -1e9
        self._next_search = -1e9
        self._daily_limit: int | None = None
        self._daily_remaining: int | None = None
        self._daily_floor = 0.0
        self.resets_at: datetime | None = None

    @property
    def daily_remaining(self) -> int | None:
        """Calls left today, as last heard and counted on from there."""
        return self._daily_remaining

    @property
    def daily_limit(self) -> int | None:
        """Calls allowed in a day."""
        return self._daily_limit

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

    def take(self, *, is_search: bool = False, stop: threading.Event | None = None) -> None:
        """Block until one call may be sent. Each take must be followed by :meth:`give_back`.

        Raises QuotaSpent where only the share of others is left today, and Stopped where ``stop`` is set meanwhile.
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
        while (wait_s := self._let_go()) > 0:
            self._pause(wait_s, stop)

    def give_back(self) -> None:
        """The call has come back, with whatever result."""
        with self._lock:
            self._in_flight -= 1

    def hear(self, word: Word) -> None:
        """Learn the limits from an answer."""
        with self._lock:
            if word.limit:
                self._limit = word.limit
            if word.window_s:
                self._window_s = word.window_s
            if word.remaining is not None:
                self._hear_remaining(word.remaining)
            if word.daily_remaining is not None:
                self._hear_daily(word)

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

    def _hear_daily(self, word: Word) -> None:
        remaining = word.daily_remaining or 0
        is_new_day = self._daily_remaining is None or remaining > self._daily_remaining + self._limit
        if is_new_day:
            self._daily_floor = remaining * self._reserve_share
        # What is on its way was not counted yet when this was said.
        left = remaining - self._in_flight
        # Within a day it only falls: an answer that says more was given earlier and came later.
        self._daily_remaining = left if is_new_day or self._daily_remaining is None else min(left, self._daily_remaining)
        self._daily_limit = word.daily_limit or self._daily_limit

    def _let_go(self) -> float:
        """0 and the call counted, or the seconds to wait before asking again."""
        with self._lock:
            self._check_daily()
            now = self._clock()
            self._forget(now)
            if len(self._sent) <= self._room - 2 or not self._sent:
                self._sent.append(now)
                self._in_flight += 1
                if self._daily_remaining is not None:
                    self._daily_remaining -= 1
                return 0.0
            return max(self._sent[0] + self._window_s + JITTER_S - now, 0.001)

    def _check_daily(self) -> None:
        if self._daily_remaining is not None and self._daily_remaining <= self._daily_floor:
            raise QuotaSpent(
                f"{self._daily_remaining} calls are left today and {self._reserve_share:.0%} of what remained is left to other programs, "
                "so nothing more is sent; run again after the daily reset, or lower reserve_share.",
                self.resets_at,
            )

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
