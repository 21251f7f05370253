"""The limiter: calls spread evenly, no window ever overfull, others left their share. Time is simulated."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.limiter import Day, Limiter, Quota, Word
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


# The day

MORNING = datetime(2026, 11, 22, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = datetime(2026, 11, 22, 23, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after that morning."""
    return MORNING + timedelta(hours=hours)


def process(left: int, now: datetime, day: Day | None, *, is_rolling: bool = False) -> Limiter:
    """A limiter as a new process has it, once the CRM has told how many calls are left and the day of the runs before is known."""
    time = Time()
    limiter = Limiter(clock=time.clock, sleep=time.sleep, reserve_share=0.30, crm="HubSpot", is_rolling=is_rolling)
    limiter.hear(Word(daily_limit=10_000, daily_remaining=left), now)
    if not is_rolling:
        limiter.know_zone(BERLIN)
    if day is not None:
        limiter.resume(day)
    return limiter


@given(uses=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 500)), max_size=12), is_rolling=st.booleans())
def test_runs_of_one_day_leave_together_what_one_would(uses: list[tuple[float, int]], *, is_rolling: bool) -> None:
    """However many processes come one after the other within a day, and whatever others use, all of ours together take at most 70 %."""
    left, day, ours = 1_000, None, 0
    for place, (share, others) in enumerate([(1.0, 0), *uses]):
        limiter = process(left, at(place), day, is_rolling=is_rolling)
        assert limiter.reserve == 300
        usable = limiter.quota.usable or 0
        assert usable == max(left - 300, 0)
        taken = int(usable * share)
        for _ in range(taken):
            limiter.take()
            limiter.give_back()
        ours, left, day = ours + taken, max(left - taken - others, 0), limiter.day
    assert ours <= 700


def test_the_day_ends_at_the_accounts_midnight() -> None:
    """What was first seen holds until then by the CRM's clock, and not longer; the end is told."""
    day = process(1_000, MORNING, None).day
    assert day == Day(1_000, MORNING, MIDNIGHT)
    assert process(400, at(13.9), day).reserve == 300
    assert process(400, at(14.1), day).reserve == 120
    assert process(400, at(14.1), day).resets_at == MIDNIGHT + timedelta(days=1)


def test_a_midnight_in_the_middle_of_a_run_begins_a_new_day() -> None:
    """An answer after the reset tells of a new day, with a reserve of its own."""
    limiter = process(1_000, at(13.9), None)
    limiter.hear(Word(daily_limit=10_000, daily_remaining=10_000), at(14.1))
    assert (limiter.reserve, limiter.resets_at) == (3_000, MIDNIGHT + timedelta(days=1))


def test_a_rolling_day_counts_our_own_calls_while_they_last() -> None:
    """24 hours after it was first seen, calls of ours are still counted: what is left then is not taken for all that there is."""
    old = Day(10_000, MORNING, at(24), used=7_000)
    assert process(3_000, at(24.1), old, is_rolling=True).reserve == 3_000
    assert process(9_500, at(24.1), old, is_rolling=True).reserve == 3_000
    assert process(3_000, at(49), old, is_rolling=True).reserve == 900
    assert process(3_000, at(24.1), old, is_rolling=True).resets_at is None


def test_where_more_is_left_than_first_seen_more_is_left_to_others() -> None:
    """In a rolling day calls come back: the reserve grows with them and never shrinks."""
    limiter = process(1_000, MORNING, None, is_rolling=True)
    for left, reserve in ((2_000, 600), (1_500, 600), (2_500, 750)):
        limiter.hear(Word(daily_remaining=left), at(1))
        assert limiter.reserve == reserve


def test_where_nothing_is_told_of_a_day_nothing_is_assumed() -> None:
    """An app with OAuth is told of no day: it has no reserve, no end, and no call is refused; a day of earlier runs changes nothing."""
    limiter = made(Time())
    limiter.hear(Word(limit=110, window_s=10.0, remaining=100), MORNING)
    limiter.resume(Day(10, MORNING, at(24), used=10))
    for _ in range(50):
        limiter.take()
        limiter.give_back()
    assert limiter.quota == Quota()
    assert limiter.day is None


def test_a_call_that_finishes_may_be_one_of_the_others() -> None:
    """What goes on in the CRM without us is seen to its end, though only the share of others is left."""
    limiter = process(10, MORNING, None)
    for _ in range(7):
        limiter.take()
        limiter.give_back()
    with pytest.raises(QuotaSpent):
        limiter.take()
    limiter.take(is_finishing=True)


def test_the_sentence_says_all_that_is_needed() -> None:
    """It names the CRM, what is left and of how many, the reserve, when there are new ones, and what can be changed."""
    limiter = process(10, MORNING, None)
    for _ in range(7):
        limiter.take()
        limiter.give_back()
    with pytest.raises(QuotaSpent) as caught:
        limiter.take()
    assert str(caught.value) == (
        "HubSpot has 3 of 10,000 calls left today, and these are left to other programs: our reserve is 30% of the 10 that were left when "
        "today's were first seen, so nothing more is sent; run again after 22 Nov 2026 23:00 UTC, when the day's calls are counted anew, "
        "or lower STILLTHERE_RESERVE_SHARE."
    )
    assert (caught.value.crm, caught.value.resets_at) == ("HubSpot", MIDNIGHT)
