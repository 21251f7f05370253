"""A replay of made customers: nothing later is seen, lots and order of rows do not matter, curves learn from the past alone, holes are refused."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from transforms.backtest.curves import CURVES, chances_forward, fit_logistic
from transforms.backtest.figures import OURS
from transforms.backtest.judging import Frame, Report, judge
from transforms.backtest.past import with_people
from transforms.backtest.replay import Replayed, replay, survey
from transforms.backtest.scores import Samples
from transforms.backtest.states import judge_states, judge_warnings
from transforms.compute import Tables, combine
from transforms.persons import bucket_of
from transforms.policy import Policy
from transforms.rhythm import day_number
from transforms.silence.gaps import Traffic, find_holes
from transforms.vocabulary.errors import RefusedToGuess
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

END = pd.Timestamp("2026-11-22", tz="UTC")
CUTS = [END - pd.Timedelta(days=days) for days in (90, 60, 30)]
POLICY = Policy()
PEOPLE = 54


def made_tables(hole: tuple[str, str] | None = None) -> Tables:
    """Some fifty people with rhythms of 4 to 40 days over a year; a third stop for good somewhere. ``hole``: nothing between these days."""
    rng = np.random.default_rng(12)
    rows = []
    for person in range(PEOPLE):
        at, stops = END - pd.Timedelta(days=400), rng.uniform(150, 1000)
        while True:
            at += pd.Timedelta(days=float(rng.gamma(2.0, (4 + 36 * person / PEOPLE) / 2)))
            if at >= END or (at - END).days + 400 > stops:
                break
            rows.append({"contact_id": f"c{person}", "occurred_at": at, "direction": "inbound"})
            rows.append({"contact_id": f"c{person}", "occurred_at": at + pd.Timedelta(hours=3), "direction": "outbound"})
    frame = pd.DataFrame(rows).assign(channel="email", actor_id="u1")
    if hole:
        frame = frame[~frame["occurred_at"].between(*(pd.Timestamp(day, tz="UTC") for day in hole))]
    frame["activity_id"] = [f"a{place}" for place in range(len(frame))]
    contacts = [{"contact_id": f"c{person}", "created_at": END - pd.Timedelta(days=401), "owner_id": "u1"} for person in range(PEOPLE)]
    return with_people(Tables(to_table(CONTACTS, contacts), to_table(STORED_ACTIVITIES, frame)))


def parts_of(tables: Tables, number: int) -> list[Tables]:
    """The tables split into buckets of persons."""
    assert tables.people is not None
    bucket = bucket_of(tables.people["person_id"], number)
    return [
        dataclasses.replace(
            tables,
            contacts=tables.contacts[bucket == one].reset_index(drop=True),
            people=tables.people[bucket == one].reset_index(drop=True),
            activities=tables.activities[tables.activities["contact_id"].isin(tables.contacts["contact_id"][bucket == one])],
        )
        for one in range(number)
    ]


def past_of(parts: list[Tables]) -> tuple[Replayed, Traffic]:
    surveys = [survey(part, CUTS, END, POLICY) for part in parts]
    orgs = [combine([one.tallies[place] for one in surveys]) for place in range(len(CUTS))]
    traffic = Traffic.total(one.traffic for one in surveys)
    first = int(day_number(pd.Series([CUTS[0]]))[0])
    holes = find_holes(traffic, int(day_number(pd.Series([END]))[0]), POLICY)
    earlier = [first - 60, first - 30]
    return Replayed.total(replay(part, orgs, CUTS, earlier, holes, END) for part in parts), traffic


def judged(replayed: tuple[Replayed, Traffic]) -> Report:
    past, traffic = replayed
    frame = Frame(END - pd.Timedelta(days=400), END, CUTS, 30, 30, POLICY.false_alarm)
    return judge(past, find_holes(traffic, frame.last_day, POLICY), frame, ["Nothing."])


@pytest.fixture(scope="module")
def past() -> tuple[Replayed, Traffic]:
    """The past of all in one lot."""
    return past_of([made_tables()])


@pytest.fixture(scope="module")
def whole(past: tuple[Replayed, Traffic]) -> Report:
    """Its report."""
    return judged(past)


def test_lots_and_order_of_rows_change_nothing(whole: Report) -> None:
    """Two buckets with shuffled rows give the report that one gives, to the last digit."""
    tables = made_tables()
    shuffled = dataclasses.replace(tables, activities=tables.activities.sample(frac=1, random_state=3))
    assert judged(past_of(parts_of(shuffled, 2))).to_json() == whole.to_json()


def test_nothing_after_a_cut_reaches_the_fields(past: tuple[Replayed, Traffic]) -> None:
    """Without what came after the last cut, and with other things in its place, the fields on every cut are the same."""
    tables = made_tables()
    later = tables.activities["occurred_at"] > CUTS[-1]
    other = tables.activities[~later | (np.arange(len(later)) % 3 == 0)]
    kept = past[0].rows
    changed = past_of([dataclasses.replace(tables, activities=other.assign(outcome=other["outcome"].mask(later, "bounced")))])[0].rows
    fields = ["person_id", "cut", "hear_back_chance", "engagement_state", "coverage", "still_there_chance", "since", "days"]
    assert changed[fields].equals(kept[fields])


def test_people_and_judgements_are_counted(whole: Report) -> None:
    """Each cut has everybody who was heard from before it; what followed is the share that was heard from."""
    assert [cut.why_not for cut in whole.cuts] == ["", "", ""]
    assert [cut.people for cut in whole.cuts] == [PEOPLE] * 3
    assert (whole.rows, whole.people) == (3 * PEOPLE, PEOPLE)
    assert whole.listening.heard.value == pytest.approx(np.mean([cut.heard for cut in whole.cuts]))


def test_people_who_stop_are_told_from_people_who_go_on(whole: Report) -> None:
    """On people with rhythms of their own the chances are worth something, and every curve is beside them."""
    figures = whole.listening.figures
    assert set(figures) == {OURS, *CURVES}
    assert all((one.auc.value or 0) > 0.7 for one in figures.values())


def test_small_groups_are_listed_and_not_judged(whole: Report) -> None:
    """Fewer than twenty people, or ten of either end, give no figures; the group is named with the reason."""
    small = [one for one in whole.segments if one.why_not]
    assert all(one.auc.value is None and one.why_not.startswith("too few") for one in small)
    assert all(one.people >= 20 for one in whole.segments if not one.why_not)


def test_a_curve_has_seen_only_days_whose_horizon_had_passed(past: tuple[Replayed, Traffic]) -> None:
    """What followed a cut changes nothing of the chances at that cut and before."""
    known, earlier = past[0].rows, past[0].earlier
    rows, days = known[known["since"].notna()], day_number(pd.Series(CUTS))
    for facts in CURVES.values():
        told = chances_forward(rows, earlier, days, 30, facts)
        other = rows.assign(next=rows["next"].where(rows["cut"] < 1, 999.0))
        again = chances_forward(other, earlier, days, 30, facts)
        assert again[(rows["cut"] < 2).to_numpy()].tolist() == told[(rows["cut"] < 2).to_numpy()].tolist()
        assert (again != told).any()


def test_a_curve_finds_the_slopes_that_made_the_rows() -> None:
    """Rows made with an intercept of 0.5 and a slope of -1.2 give them back, also from facts far from zero."""
    rng = np.random.default_rng(1)
    fact = rng.normal(0, 1, 20_000)
    heard = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 - 1.2 * fact)))).astype(float)
    assert fit_logistic(fact[:, None], heard).tolist() == pytest.approx([0.5, -1.2], abs=0.06)


def test_a_cut_beside_a_hole_is_left_out_and_the_hole_is_named() -> None:
    """Six weeks without a record from anybody, in the horizon of one cut and in the past of the next."""
    report = judged(past_of([made_tables(hole=("2026-09-25", "2026-11-03"))]))
    assert [bool(cut.why_not) for cut in report.cuts] == [False, True, True]
    (hole,) = report.holes
    # Nobody wrote on the days beside it either, by chance.
    assert (hole["source"], hole["from"] <= "2026-09-25", hole["to"] >= "2026-11-02") == ("everything", True, True)


def test_where_holes_leave_nothing_it_refuses() -> None:
    """Exit code 30, in a sentence that names the hole."""
    with pytest.raises(RefusedToGuess, match="the whole log: nothing from 2026-08-20 to 2026-11-0"):
        judged(past_of([made_tables(hole=("2026-08-20", "2026-11-07"))]))


def rows_of(states: list[str], since: list[float], following: list[float]) -> pd.DataFrame:
    """One person on cuts thirty days apart, from day 1000."""
    return pd.DataFrame(
        {
            "person": 0,
            "cut": range(len(states)),
            "engagement_state": states,
            "since": since,
            "next": following,
            "left_on": np.nan,
            "follow": 400 - 30 * np.arange(len(states)),
        }
    )


ONE = Samples(np.ones((101, 1), dtype="float32"))
DAYS = 1000 + 30 * np.arange(6)


def test_a_flicker_is_a_change_undone_though_nothing_was_heard() -> None:
    """Quiet, cooling, quiet in one silence is noise; engaged, quiet, engaged with a word in between is not."""
    noise = rows_of(["quiet", "cooling", "quiet"], [40, 70, 100], [200, 170, 140])
    word = rows_of(["engaged", "quiet", "engaged"], [5, 35, 2], [58, 28, 10])
    told = [judge_states(rows, ONE, horizon=30, step=30, promised=0.05) for rows in (noise, word)]
    years = 60 / 365.25
    assert [one.changes_a_year.value for one in told] == pytest.approx([2 / years, 2 / years])
    assert [one.undone_a_year.value for one in told] == pytest.approx([1 / years, 1 / years])
    assert [one.flickers_a_year.value for one in told] == pytest.approx([1 / years, 0.0])


def test_a_change_undone_within_thirty_days_is_counted_once_however_close_the_cuts() -> None:
    """With weekly cuts: undone after three weeks counts, after five it does not, and the way back is no change of its own."""
    soon = rows_of(["engaged", "quiet", "quiet", "quiet", "engaged", "engaged"], [40] * 6, [200] * 6)
    late = rows_of(["engaged", *["quiet"] * 5, "engaged"], [40] * 7, [200] * 7)
    told = [judge_states(rows, ONE, horizon=30, step=7, promised=0.05) for rows in (soon, late)]
    assert [one.changes_a_year.value for one in told] == pytest.approx([2 * 365.25 / 35, 2 * 365.25 / 42])
    assert [one.undone_a_year.value for one in told] == pytest.approx([365.25 / 35, 0.0])


def test_false_alarms_are_counted_among_those_who_were_heard_from() -> None:
    """Heard from within 30 days on three cuts, of which one was called silent and one quiet."""
    rows = rows_of(["silent", "quiet", "engaged", "silent"], [30, 20, 2, 90], [5, 6, 7, 99])
    told = judge_states(rows, ONE, horizon=30, step=30, promised=0.05)
    assert (told.false_alarm.value, told.false_alarm_or_quiet.value) == pytest.approx((1 / 3, 2 / 3))


def test_lead_time_counts_from_the_first_warning_to_the_end_of_the_silence() -> None:
    """Last heard on day 990, back on day 1100: quiet on day 1030 warned 70 days before."""
    rows = rows_of(["cooling", "quiet", "silent", "silent"], [10, 40, 70, 100], [100, 70, 40, 10])
    back = judge_warnings(rows, DAYS, ONE, horizon=30)[0]
    assert (back.ending, back.cases, back.warned.value, back.days) == ("came back", 1, 1.0, (70.0, 70.0, 70.0))


def test_of_the_gone_it_is_told_how_late_the_warning_came() -> None:
    """Last heard on day 990 and never again in 400 days: the first quiet came 40 days after their last word."""
    rows = rows_of(["cooling", "quiet", "silent"], [10, 40, 70], [np.inf] * 3)
    gone = judge_warnings(rows, DAYS, ONE, horizon=30)[1]
    assert (gone.ending, gone.cases, gone.days) == ("gone", 1, (40.0, 40.0, 40.0))


def test_a_clear_departure_is_led_by_the_warning_of_its_own_silence() -> None:
    """A notice on day 1095; quiet since day 1030 in the same silence: 65 days."""
    rows = rows_of(["cooling", "quiet", "silent"], [10, 40, 70], [np.inf] * 3).assign(left_on=1095.0)
    left = judge_warnings(rows, DAYS, ONE, horizon=30)[2]
    assert (left.ending, left.cases, left.days) == ("left", 1, (65.0, 65.0, 65.0))
