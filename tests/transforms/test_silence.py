"""The chance to hear back: what it learns from, what it does with holes, and what its card says."""

import json

import numpy as np
import pandas as pd
import pytest

from transforms.book import Book, Tables
from transforms.compute import Org, combine, tally
from transforms.fields.listening import hear_back_chance, last_heard_at
from transforms.fields.state import engagement_state
from transforms.policy import Policy
from transforms.silence.facts import FACTS, PLACE
from transforms.silence.history import Days, History, past_days
from transforms.silence.holes import EVERYTHING, Hole, Holes
from transforms.silence.judging import area_under_curve
from transforms.silence.model import fit, the_prior
from transforms.silence.reasons import in_words
from transforms.silence.sample import Sample
from transforms.silence.surplus import Surplus
from transforms.silence.terms import TERMS, shape_of, terms_of
from transforms.vocabulary.changes import STANDING
from transforms.vocabulary.fields import to_text
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()


def customers(
    seed: int, people: int = 120, days: int = 700, *, hole: tuple[float, float] | None = None, until: pd.Timestamp = NOW
) -> Tables:
    """People with gaps of their own, some of whom stop for good. ``hole``: so many days before the end nothing is on record."""
    random = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        gap = np.exp(random.normal(2.5, 0.8))
        days_heard = np.cumsum(random.gamma(2, gap / 2, 400))
        last = random.uniform(0, days) if random.random() < 0.4 else days
        rows += [(f"c{person}", days - day) for day in days_heard if day < last]
    frame = pd.DataFrame(rows, columns=["contact_id", "ago"])
    if hole:
        frame = frame[~frame["ago"].between(*hole)]
    frame = frame.assign(
        activity_id=[f"a{place}" for place in range(len(frame))],
        occurred_at=until - pd.to_timedelta(frame["ago"], unit="D"),
        channel="email",
        direction="inbound",
    )
    contacts = pd.DataFrame({"contact_id": [f"c{person}" for person in range(people)], "created_at": until - pd.Timedelta(days=days + 9)})
    return Tables(to_table(CONTACTS, contacts), to_table(STORED_ACTIVITIES, frame.drop(columns="ago")))


def book_of(tables: Tables, as_of: pd.Timestamp = NOW) -> Book:
    """The book of everybody, with what is learned from them."""
    return Book(tables, as_of, POLICY, combine([tally(tables, as_of, POLICY)]))


def test_facts_of_a_day_know_nothing_of_later_days() -> None:
    """The facts of a past day are those of a book that ends on that day."""
    tables = customers(1, people=30)
    day = pd.Timestamp("2026-06-01", tz="UTC")
    then = Book(tables, day, POLICY, Org.without_history(day, POLICY))
    now = Book(tables, NOW, POLICY, Org.without_history(NOW, POLICY))
    cuts = np.array([then.tomorrow - 40, then.tomorrow])
    for expected, actual in zip(History(then).facts(cuts), History(now).facts(cuts), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-5)


def test_the_days_to_learn_from_stay_the_same_for_ten_days() -> None:
    """They lie on a grid of the calendar, and the horizon of each has passed."""
    days = past_days(NOW, POLICY)
    today = (NOW - pd.Timestamp("1970-01-01", tz="UTC")).days
    assert set(np.diff(days)) == {POLICY.training_step_days}
    assert set(days % POLICY.training_step_days) == {0}
    assert days[-1] + POLICY.horizon_days <= today
    assert days[-1] + POLICY.horizon_days + POLICY.training_step_days > today


def test_a_sample_keeps_the_least_keys_and_few_who_were_never_heard() -> None:
    """However it is put together, the same rows stay; of people never heard from, a quarter as many."""
    policy = Policy(training_rows=8)
    random = np.random.default_rng(3)
    facts = np.zeros((60, len(FACTS)), dtype="float32")
    facts[::2, PLACE["since_heard"]] = np.nan
    whole = Sample(random.permutation(60).astype("uint64"), np.arange(60, dtype="int32"), facts, np.zeros(60, dtype=bool))
    parts = [whole.take(np.arange(start, 60, 7)) for start in range(7)]
    kept, by_parts = whole.least(policy), Sample.of_all([Sample.of_all(parts[:3], policy), *parts[3:]], policy)
    assert kept.key.tolist() == by_parts.key.tolist()
    assert int(np.isnan(kept.facts[:, PLACE["since_heard"]]).sum()) == 2
    assert len(kept) == 10
    assert Sample.from_json(json.loads(json.dumps(kept.to_json()))).key.tolist() == kept.key.tolist()


def test_a_surplus_is_what_came_beyond_the_rule() -> None:
    """Somebody heard every month from afar has one, somebody who stopped has less than none, somebody of whom there is no word has none."""
    now = 20_000
    faithful, stopped = np.arange(now - 700, now, 28), np.arange(now - 700, now - 400, 2)
    heard = Days(
        np.repeat([0, 1], [len(faithful), len(stopped)]), np.concatenate([faithful, stopped]), np.ones(len(faithful) + len(stopped))
    )
    order = np.argsort(heard.on, kind="stable")
    heard, touched = Days(heard.person[order], heard.on[order], heard.weight), Days(*(np.empty(0, dtype="int64") for _ in range(3)))
    surplus = Surplus(heard, touched, np.full(3, float(now - 900)), int(heard.on[0]), POLICY.training_step_days, POLICY.horizon_days)
    early, late = surplus.on(now - 350), surplus.on(now)
    assert (late[:, 0] > 0).all()
    assert (early[:, 1] < 0).all()
    np.testing.assert_array_equal(late[:, 2], [0, 0])


def test_without_rows_the_model_is_the_prior() -> None:
    """And for a horizon twice as long, its level is higher."""
    none = np.empty((0, len(TERMS)))
    month, longer = (fit(none, np.empty(0), np.empty(0), horizon) for horizon in (30, 60))
    np.testing.assert_array_equal(month.coefficients, the_prior().mean)
    assert longer.coefficients[0] > month.coefficients[0]
    np.testing.assert_array_equal(longer.coefficients[1:], month.coefficients[1:])


def test_terms_are_finite_whatever_is_known() -> None:
    """Never heard, never touched, of no known date: there is a number for everything."""
    facts = np.zeros((2, len(FACTS)), dtype="float32")
    facts[0, [PLACE["since_heard"], PLACE["since_first"], PLACE["known"], PLACE["since_touch"], PLACE["way"]]] = np.nan
    facts[1, [PLACE["since_heard"], PLACE["since_first"], PLACE["known"], PLACE["days_heard"]]] = 1
    terms = terms_of(facts, 30, 1.2)
    assert terms.shape == (2, len(TERMS))
    assert np.isfinite(terms).all()


@pytest.mark.parametrize("shape", [1.0, 4.0])
def test_how_regular_people_are_is_found_again(shape: float) -> None:
    """From the gaps of many people with rates of their own, the shape of all of them."""
    random = np.random.default_rng(5)
    gaps = random.gamma(shape, 60 / shape, (500, 10)) * np.exp(random.normal(0, 1, (500, 1)))
    facts = np.zeros((500, len(FACTS)), dtype="float32")
    facts[:, PLACE["days_heard"]] = 11
    facts[:, PLACE["gaps_log"]], facts[:, PLACE["gaps_log2"]] = np.log(gaps).sum(axis=1), (np.log(gaps) ** 2).sum(axis=1)
    assert shape_of(facts) == pytest.approx(shape, rel=0.15)


def test_the_card_tells_how_well_it_did_and_of_nobody() -> None:
    """On days that it had not seen it beats the rule of days since last heard; no id or name of a person is in it."""
    card = book_of(customers(2)).org.learned.card
    kept = json.loads(json.dumps(card.to_json()))
    assert kept["auc"] > kept["auc_recency"]
    assert kept["brier"] < kept["brier_recency"]
    assert kept["calibration_error"] <= 0.05
    assert kept["false_alarm_seen"] <= POLICY.false_alarm + 0.02
    assert sum(one["number"] for one in kept["calibration"]) == kept["judged"]
    assert ["level", *(term.name for term in TERMS)] == [row["term"] for row in kept["coefficients"]]
    assert '"c1"' not in json.dumps(kept)


def test_time_in_a_hole_is_no_silence() -> None:
    """The clock stands still there; a day after which a good part of the horizon lies in it teaches nothing."""
    holes = Holes((Hole(EVERYTHING, 1_000, 1_100),))
    facts = np.zeros((3, len(FACTS)), dtype="float32")
    facts[:, PLACE["since_heard"]] = facts[:, PLACE["known"]] = [150, 20, 60]
    facts[:, PLACE["way"]] = 7
    facts[:, PLACE["box"]] = np.nan
    closed = holes.closed(facts, np.array([1_120, 1_120, 1_050]))
    assert closed[:, PLACE["since_heard"]].tolist() == [50, 20, 10]
    assert holes.spoil(facts, np.array([900, 990, 1_050]), 30).tolist() == [False, True, True]


def test_after_a_hole_there_is_no_wave_of_silence() -> None:
    """Nine months are missing until yesterday but one; as many are silent as without the hole, give or take a few."""
    whole, holed = (book_of(customers(4, days=900, hole=hole)) for hole in (None, (1.5, 272)))
    silent = [(book.value(engagement_state) == "silent").mean() for book in (whole, holed)]
    unknown = (holed.value(engagement_state) == "unknown").mean()
    assert silent[1] <= silent[0] + 0.05
    assert unknown <= 0.6
    assert len(holed.org.holes.found) > 0


def standing_of(book: Book) -> pd.DataFrame:
    """What a CRM holds after the fields of the book were written to it."""
    values = pd.DataFrame({field.name: to_text(field, book.value(field)) for field in (engagement_state, last_heard_at)})
    rows = book.members.rename(columns={"contact_id": "record_id"}).assign(table="contacts")
    held = values.loc[rows["person_id"]].astype("object").where(lambda frame: frame.notna(), None)
    return to_table(STANDING, rows.drop(columns="person_id").assign(values=[json.dumps(one) for one in held.to_dict("records")]))


def test_a_day_without_events_does_not_turn_a_state_back() -> None:
    """Where nothing is heard, a silence does not get lighter because a little was learned of others."""
    tables, held = customers(6, people=50, days=400), None
    rank = {name: place for place, name in enumerate(("engaged", "cooling", "quiet", "silent"))}
    turned_back, before = 0, pd.DataFrame()
    for ago in (6, 5, 4, 3, 2, 1):
        given = tables if held is None else Tables(tables.contacts, tables.activities, standing=held)
        book = book_of(given, NOW - pd.Timedelta(days=ago))
        now = pd.DataFrame({"state": book.value(engagement_state).map(rank), "heard": book.value(last_heard_at)})
        if len(before):
            turned_back += int(((now["state"] < before["state"]) & (now["heard"] == before["heard"])).sum())
        before, held = now, standing_of(book)
    assert turned_back == 0


def test_what_stands_in_the_crm_holds_until_something_is_heard() -> None:
    """Somebody called silent by a hair stays silent; once they are heard, they are judged afresh."""
    tables = customers(6, people=50, days=400)
    book = book_of(tables)
    held = standing_of(book)
    worse = held.assign(values=held["values"].str.replace('"engaged"', '"silent"').str.replace('"cooling"', '"silent"'))
    kept = Book(Tables(tables.contacts, tables.activities, standing=held), NOW, POLICY, book.org).value(engagement_state)
    mended = Book(Tables(tables.contacts, tables.activities, standing=worse), NOW, POLICY, book.org).value(engagement_state)
    pd.testing.assert_series_equal(book.value(engagement_state), kept)
    fresh = book.rhythm["recency"] * 2 < book.rhythm["usual"]
    assert set(mended[fresh]) == {"engaged"}


def test_the_area_under_the_curve_counts_ties_half() -> None:
    """1 for a perfect order, a half for none, None where there is nothing to order."""
    assert area_under_curve(np.array([0.0, 1.0]), np.array([0.1, 0.9])) == 1.0
    assert area_under_curve(np.array([0.0, 1.0]), np.array([0.5, 0.5])) == 0.5
    assert area_under_curve(np.ones(2), np.array([0.5, 0.5])) is None


def test_reasons_tell_the_weightiest_first() -> None:
    """What raises and what lowers the chance; nothing where nothing stands out."""
    assert in_words({"pause": -2.0, "often": 0.5, "ours": 0.01}) == (
        "Against the usual contact lower because the pause is long for them, higher because they were heard often."
    )
    assert in_words({"pause": 0.1}) == "About as for the usual contact."


def test_the_chance_falls_with_silence() -> None:
    """Of the same person, a month later without a word, the chance is lower."""
    tables = customers(7)
    book = book_of(tables)
    later = Book(tables, NOW + pd.Timedelta(days=45), POLICY, book.org)
    regular = book.rhythm["number"] >= 10
    fell = (later.value(hear_back_chance) <= book.value(hear_back_chance))[regular]
    assert fell.mean() >= 0.95
