"""What is learned from the whole customer base, and who is who: laws that hold for any counts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.channels.rates import Rates
from transforms.org import Org, Source, Tally, combine
from transforms.persons import bucket_of, resolve
from transforms.policy import Policy
from transforms.rhythm import heard_days
from transforms.silence.facts import FACTS, PLACE
from transforms.silence.history import past_days
from transforms.silence.sample import Sample
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import CONTACTS, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()
FEW = settings(max_examples=20, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)


def sample_of(random: np.random.Generator, rows: int) -> Sample:
    """People on past days of whom anything may be known, the longer silent the seldomer heard."""
    days = random.integers(1, 40, rows)
    silence = random.exponential(60, rows).round() + 1
    facts = np.zeros((rows, len(FACTS)), dtype="float32")
    facts[:, PLACE["since_heard"]] = silence
    facts[:, PLACE["days_heard"]] = days
    facts[:, PLACE["since_first"]] = silence + (days - 1) * random.integers(1, 30, rows)
    facts[:, PLACE["known"]] = facts[:, PLACE["since_first"]]
    facts[:, PLACE["since_touch"]] = np.where(random.random(rows) < 0.5, np.nan, random.integers(1, 99, rows))
    last = int(past_days(NOW, POLICY)[-1])
    cuts = last - random.integers(0, 60, rows) * POLICY.training_step_days
    heard = random.random(rows) < 20 / (20 + silence)
    return Sample(random.integers(0, 2**63, rows).astype("uint64"), cuts.astype("int32"), facts, heard).least(POLICY)


def tally_of(seed: int, most: int = 400) -> Tally:
    """A tally with arbitrary counts."""
    random = np.random.default_rng(seed)
    empty = Tally.empty(NOW, POLICY)
    return Tally(
        empty.as_of,
        POLICY,
        sample_of(random, most),
        random.integers(0, most, empty.pauses.shape),
        {"email": (30, int(random.integers(0, 30)))},
        {f"hubspot|u{seed % 3}|email": Source(random.integers(0, 9, 64), NOW.isoformat(), 9)},
        (9, 3),
        {"hubspot:k1": [((NOW - pd.Timedelta(days=seed % 80)).isoformat(), f"p{seed}", "Ana")]},
    )


@FEW
@given(seeds)
def test_a_chance_is_one_and_the_card_agrees(seed: int) -> None:
    """Chances lie between 0 and 1, whatever is known of a person; the card tells of as many rows as there were."""
    tally = tally_of(seed)
    org = combine([tally])
    chances = org.chance(tally.sample.facts, 20_000)
    assert 0 <= chances.min() <= chances.max() <= 1
    assert org.learned.card.rows == len(tally.sample)


@FEW
@given(seeds)
def test_the_silent_chance_keeps_the_false_alarm_rate(seed: int) -> None:
    """Of the people heard from on the days of the check, hardly more than the share false_alarm stood at or under the threshold."""
    card = combine([tally_of(seed, most=2_000)]).learned.card
    assert card.false_alarm_seen is not None
    assert card.false_alarm_seen <= POLICY.false_alarm + 0.02


@FEW
@given(seeds)
def test_a_rarer_pause_is_longer(seed: int) -> None:
    """The pause that is longer than 95 % of them is at least as long as the one that is longer than 80 %."""
    org = combine([tally_of(seed)])
    assert (org.pause(0.95) >= org.pause(0.80)).all()


@FEW
@given(st.lists(seeds, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_tallies_add_up_in_any_order(numbers: list[int], random: object) -> None:
    """Buckets may be counted in any order, and a tally may be kept as JSON in between."""
    tallies = [tally_of(number, most=50) for number in numbers]
    shuffled = [Tally.from_json(tally.to_json()) for tally in tallies]
    random.shuffle(shuffled)
    assert combine(tallies).tally.to_json() == combine(shuffled).tally.to_json()


def test_without_history_everything_is_a_prior_and_nothing_breaks() -> None:
    """A new customer base has chances that fall with the silence, pauses, and answer rates equal to the prior."""
    org = Org.without_history(NOW, POLICY)
    facts = np.zeros((3, len(FACTS)), dtype="float32")
    facts[:, PLACE["since_heard"]] = facts[:, PLACE["since_first"]] = facts[:, PLACE["known"]] = [2, 30, 300]
    facts[:, PLACE["days_heard"]] = 1
    facts[:, PLACE["since_touch"]] = np.nan
    chances = org.chance(facts, 20_000)
    assert sorted(chances, reverse=True) == chances.tolist()
    assert POLICY.answer_rate_prior == Rates(org.tally.answers, POLICY).rate("call")
    assert org.deaf_since == {}
    assert org.learned.card.auc is None


def test_without_history_the_threshold_follows_the_setting() -> None:
    """Whoever asks for fewer false alarms gets a lower threshold for silence from the first day on; never one at which people are likelier than not."""
    asked = [replace(POLICY, false_alarm=share) for share in (0.01, 0.05, 0.10, 0.45)]
    chances = [Org.without_history(NOW, policy).silent_chance for policy in asked]
    assert chances == sorted(set(chances))
    assert chances[0] == pytest.approx(chances[1] / 5**0.5)
    assert chances[-1] <= 0.5


def test_tallies_of_different_moments_are_refused() -> None:
    """Counts of two moments, or no counts at all, are no facts of one moment."""
    with pytest.raises(BadInput, match="moment and policy"):
        combine([Tally.empty(NOW, POLICY), Tally.empty(NOW + pd.Timedelta(days=1), POLICY)])
    with pytest.raises(BadInput, match="no tally"):
        combine([])


def test_a_source_is_deaf_only_if_it_was_loud_and_served_several() -> None:
    """Ten records a week, then nothing for three: deaf. One a week, or one person, or yesterday: no."""
    loud, soft = np.zeros(64, dtype="int64"), np.zeros(64, dtype="int64")
    loud[3:], soft[3:] = 10, 1
    last = (NOW - pd.Timedelta(days=21, hours=1)).isoformat()
    tally = Tally.empty(NOW, POLICY)
    tally.sources.update(
        {
            "hubspot|loud|email": Source(loud, last, 9),
            "hubspot|soft|email": Source(soft, last, 9),
            "hubspot|one|email": Source(loud, last, 1),
            "hubspot|now|email": Source(loud, (NOW - pd.Timedelta(days=1)).isoformat(), 9),
        }
    )
    assert list(Org.from_tally(tally).deaf_since) == ["hubspot|loud|email"]


@FEW
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 40)), max_size=40))
def test_heard_days_tell_each_gap_once(pairs: list[tuple[int, int]]) -> None:
    """For each person: days in order, gaps that add up to the whole span, and the next day told by the one before."""
    rows = pd.DataFrame(sorted(pairs), columns=["person", "day"]).astype("int64")
    heard = pd.DataFrame(
        {
            "person_id": pd.Categorical.from_codes(rows["person"], categories=list("abcd")),
            "occurred_at": (pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(rows["day"], unit="D")).astype("datetime64[us, UTC]"),
        }
    )
    days = heard_days(heard, POLICY)
    for person, own in days.groupby("person"):
        expected = sorted(set(rows.loc[rows["person"] == person, "day"]))
        assert expected == (own["on"] - own["on"].iloc[0] + expected[0]).tolist()
        assert np.diff(expected).tolist() == own["gap"].iloc[1:].tolist()
        assert own["on"].iloc[1:].tolist() == own["next_on"].iloc[:-1].tolist()
        assert list(range(1, len(own) + 1)) == own["number"].tolist()


def contacts(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Canonical contacts."""
    return to_table(CONTACTS, pd.DataFrame(rows))


def test_contacts_with_one_address_are_one_person_in_both_crms() -> None:
    """Case and blanks do not matter; addresses that several people read join nobody; no address stands in an id."""
    people = resolve(
        contacts(
            [
                {"contact_id": "1", "crm": "hubspot", "email": " Ana@X.example"},
                {"contact_id": "1", "crm": "salesforce", "email": "ana@x.example"},
                {"contact_id": "2", "crm": "hubspot", "email": "info@x.example"},
                {"contact_id": "3", "crm": "hubspot", "email": "INFO@x.example"},
                {"contact_id": "4", "crm": "hubspot", "email": "not an address"},
            ]
        )
    )
    persons = people["person_id"].tolist()
    assert persons[0] == persons[1]
    assert persons[2:] == ["hubspot:2", "hubspot:3", "hubspot:4"]
    assert "@" not in "".join(persons)


def test_merges_are_followed_to_their_end_even_in_a_circle() -> None:
    """1 → 2 → 3 is the person of 3; a circle ends at its least id; a record that is gone keeps its id."""
    people = resolve(
        contacts(
            [
                {"contact_id": "1", "crm": "hubspot", "merged_into": "2"},
                {"contact_id": "2", "crm": "hubspot", "merged_into": "3"},
                {"contact_id": "3", "crm": "hubspot", "email": "ana@x.example"},
                {"contact_id": "7", "crm": "hubspot", "merged_into": "8"},
                {"contact_id": "8", "crm": "hubspot", "merged_into": "7"},
                {"contact_id": "9", "crm": "hubspot", "merged_into": "gone"},
            ]
        )
    )
    persons = people["person_id"].tolist()
    assert len(set(persons[:3])) == 1
    assert persons[3:] == ["hubspot:7", "hubspot:7", "hubspot:gone"]
    assert people["is_live"].tolist() == [False, False, True, False, False, False]


def test_buckets_are_the_same_everywhere() -> None:
    """The bucket of a person is fixed by its id alone: these numbers may never change, or the lake must be rebuilt."""
    assert bucket_of(pd.Series(["hubspot:1", "salesforce:003A", "pf00"]), 16).tolist() == [6, 0, 3]
