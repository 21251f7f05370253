"""The limiter: calls spread evenly, no window ever overfull, others left their share. Time is simulated."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.limiter import Limiter, Word
from transforms.vocabulary.errors import QuotaSpent


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def clock(self) -> float:
        """Seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def made(time: Time, **options: float) -> Limiter:
    """A limiter that lives in simulated time."""
    return Limiter(clock=time.clock, sleep=time.sleep, **options)


def fullest_window(arrivals: list[float], window_s: float = 10.0) -> int:
    """The most arrivals that any window of that length holds."""
    arrivals = sorted(arrivals)
    most, first = 0, 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] <= moment - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


@settings(max_examples=30, deadline=None)
@given(limit=st.sampled_from([100, 110, 190, 250]), seed=st.integers(0, 10_000), stall=st.floats(0, 3))
def test_no_window_is_overfull_whatever_the_jitter(limit: int, seed: int, stall: float) -> None:
    """With arrivals up to 100 ms early or late, and a sender that stalls now and then, no rolling window ever holds more than the limit."""
    time = Time()
    limiter = made(time)
    limiter.hear(Word(limit=limit, window_s=10.0))
    draw = random.Random(seed)  # noqa: S311 - jitter, no secret
    early = [draw.uniform(-0.1, 0.1) for _ in range(700)]
    arrivals = []
    for number, jitter in enumerate(early):
        limiter.take()
        arrivals.append(time.now + jitter)
        limiter.give_back()
        if number % 150 == 149:
            time.now += stall
    assert fullest_window(arrivals) <= limit


def test_the_pace_uses_nearly_all_of_the_limit() -> None:
    """1,200 calls at 190 in ten seconds take at most 6 % longer than the limit makes them."""
    time = Time()
    limiter = made(time)
    limiter.hear(Word(limit=190, window_s=10.0))
    began = time.now
    for _ in range(1_200):
        limiter.take()
        limiter.give_back()
    assert time.now - began <= 1_200 / 190 * 10 * 1.06


def test_before_the_first_answer_the_pace_is_that_of_the_smallest_limit() -> None:
    """Until HubSpot has told its limit, at most 100 calls go in ten seconds."""
    time = Time()
    limiter = made(time)
    arrivals = []
    for _ in range(300):
        limiter.take()
        arrivals.append(time.now)
    assert fullest_window(arrivals) <= 100


def test_searches_keep_their_own_pace_and_count_as_calls() -> None:
    """Five searches never fall into one second, and they take their turn among all other calls."""
    time = Time()
    limiter = made(time)
    limiter.hear(Word(limit=190, window_s=10.0))
    searches, calls = [], []
    for number in range(100):
        limiter.take(is_search=number % 2 == 0)
        (searches if number % 2 == 0 else calls).append(time.now)
        limiter.give_back()
    assert fullest_window(searches, 1.0) <= 4
    assert fullest_window([*searches, *calls]) <= 190


def test_calls_of_others_are_seen_in_the_headers_and_left_room() -> None:
    """Where Remaining says that somebody else uses half of the limit, we slow down to the other half."""
    time = Time()
    limiter = made(time)
    limiter.hear(Word(limit=190, window_s=10.0))
    limiter.take()
    limiter.hear(Word(limit=190, window_s=10.0, remaining=94))
    assert 10 / limiter.interval_s == pytest.approx(88, abs=4)


def test_after_a_refusal_nothing_is_sent_for_a_while() -> None:
    """A hold keeps every call back for the given time; a search's hold keeps only searches back."""
    time = Time()
    limiter = made(time)
    limiter.hold(3.0)
    limiter.hold(5.0, is_search=True)
    limiter.take()
    assert time.now == pytest.approx(1_003.0)
    limiter.take(is_search=True)
    assert time.now == pytest.approx(1_005.0)


def test_a_share_of_what_remains_today_is_left_to_others() -> None:
    """With 10 calls left today and a reserve of 30 %, seven are sent and the eighth is refused."""
    time = Time()
    limiter = made(time, reserve_share=0.30)
    limiter.hear(Word(daily_limit=1_000, daily_remaining=10))
    for _ in range(7):
        limiter.take()
    with pytest.raises(QuotaSpent, match="left to other programs"):
        limiter.take()


def test_a_new_day_brings_a_new_reserve() -> None:
    """When the remaining calls jump up, the reserve is taken of the new amount."""
    time = Time()
    limiter = made(time, reserve_share=0.5)
    limiter.hear(Word(daily_remaining=2))
    limiter.take()
    limiter.give_back()
    with pytest.raises(QuotaSpent):
        limiter.take()
    limiter.hear(Word(daily_remaining=1_000))
    limiter.take()
    assert limiter.daily_remaining == 999
