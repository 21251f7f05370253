"""The sandbox's clock: starts where it is told to, then runs, stands still, or is stepped by hand."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The UTC moment of so many milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=ms)


class Clock:
    """What time it is in the sandbox.

    ``now_ms`` is the calendar: it decides stamps, daily limits and the age of tokens. ``elapsed`` is for short waits (rolling limits,
    index lag): seconds that passed since the start, real ones plus those that were stepped over. It goes on while the calendar is frozen,
    so that a client that waits ten seconds is not refused for ever.
    """

    def __init__(self, start: datetime, *, frozen: bool = False) -> None:
        self._lock = threading.Lock()
        self._start_ms = to_ms(start)
        self._base_ms = self._start_ms
        self._anchor = time.monotonic()
        self._origin = self._anchor
        self._stepped = 0.0
        self._frozen = frozen

    @property
    def is_frozen(self) -> bool:
        """Whether the calendar stands still."""
        return self._frozen

    def now_ms(self) -> int:
        """The moment in milliseconds since 1970."""
        with self._lock:
            return self._now_ms()

    def now(self) -> datetime:
        """The moment as an aware UTC datetime."""
        return from_ms(self.now_ms())

    def elapsed(self) -> float:
        """Seconds since the start: real ones plus stepped ones."""
        with self._lock:
            return time.monotonic() - self._origin + self._stepped

    def set(self, moment: datetime) -> None:
        """Put the calendar to ``moment``. Going forward counts as stepping, going back does not."""
        with self._lock:
            ahead = to_ms(moment) - self._now_ms()
            self._stepped += max(0, ahead) / 1000
            self._base_ms = to_ms(moment)
            self._anchor = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Step forward by ``seconds``."""
        self.set(self.now() + timedelta(seconds=seconds))

    def freeze(self) -> None:
        """Let the calendar stand still."""
        with self._lock:
            self._base_ms = self._now_ms()
            self._frozen = True

    def run(self) -> None:
        """Let the calendar run with real time again."""
        with self._lock:
            self._anchor = time.monotonic()
            self._frozen = False

    def _now_ms(self) -> int:
        if self._frozen:
            return self._base_ms
        return self._base_ms + int((time.monotonic() - self._anchor) * 1000)
