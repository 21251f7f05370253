"""What holds for all fields whatever happened: the future, the order of rows, repeats, machines and buckets do not matter."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transforms.compute import Tables, combine, compute_companies, compute_contacts, tally
from transforms.fields import COMPANY_FIELDS, CONTACT_FIELDS
from transforms.fields.listening import last_heard_at
from transforms.org import Tally
from transforms.persons import bucket_of, resolve
from transforms.policy import Policy
from transforms.vocabulary.fields import to_text
from transforms.vocabulary.tables import COMPANIES, CONTACTS, STORED_ACTIVITIES, Channel, Direction, Outcome, to_table

NOW = pd.Timestamp("2026-11-22 09:00", tz="UTC")
POLICY = Policy()
FEW = settings(max_examples=4, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def customers(seed: int, contacts: int = 30, activities: int = 400) -> Tables:
    """Contacts of whom anything may have happened, in every combination that the tables allow, half of a year of it after NOW."""
    random = np.random.default_rng(seed)

    def pick(words: list[str | None], size: int) -> np.ndarray:
        return random.choice(np.array(words, dtype=object), size)

    ids = np.array([f"c{n}" for n in range(contacts)], dtype=object)
    people = pd.DataFrame(
        {
            "contact_id": ids,
            "crm": "hubspot",
            "email": [f"p{n % (contacts - 3)}@x{n % 4}.example" if n % 7 else None for n in range(contacts)],
            "first_name": pick(["Ana", "Tom", None], contacts),
            "company_id": pick(["k1", "k2", "k3", "k4", None], contacts),
            "owner_id": pick(["u1", "u2", None], contacts),
            "created_at": NOW - pd.to_timedelta(random.integers(-100, 900, contacts), unit="D"),
            "time_zone": pick(["America/New_York", "Nowhere/Else", None], contacts),
            "do_not_call": pick([True, False, None], contacts),
            "email_opted_out": pick([True, False, None, None], contacts),
            "merged_into": [ids[0] if n == contacts - 1 else None for n in range(contacts)],
            "is_deleted": [n == contacts - 2 for n in range(contacts)],
        }
    )
    at = NOW - pd.to_timedelta(random.integers(-180 * 24 * 60, 600 * 24 * 60, activities), unit="min")
    rows = pd.DataFrame(
        {
            "activity_id": [f"a{n}" for n in range(activities)],
            "contact_id": random.choice(ids, activities),
            "occurred_at": at.floor("6h"),
            "channel": pick([*map(str, Channel), *["email"] * 12, *["call"] * 4], activities),
            "direction": pick([str(d) for d in Direction][:2] * 3 + ["internal"], activities),
            "crm": "hubspot",
            "actor_id": pick(["u1", "u2", None], activities),
            "outcome": pick([*map(str, Outcome), *[None] * 10], activities),
            "thread_id": pick(["t1", "t2", "t3", None], activities),
            "is_broadcast": pick([True, False, None, None], activities),
            "is_automated": pick([True, None, None], activities),
            "kind": pick(["human", "bounce", "auto_reply", "machine", *[None] * 8], activities),
            "reason": pick(["mailbox_gone", "left", "absent", "temporary", *[None] * 8], activities),
            "absent_until": pick([pd.Timestamp("2027-01-04", tz="UTC"), *[None] * 9], activities),
            "is_checkin": pick([True, False, None], activities),
        }
    )
    firms = pd.DataFrame({"company_id": ["k1", "k2", "k3", "k4", "k5"], "crm": "hubspot"})
    return Tables(to_table(CONTACTS, people), to_table(STORED_ACTIVITIES, rows), to_table(COMPANIES, firms))


def computed(tables: Tables, buckets: int = 1, as_of: pd.Timestamp = NOW) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All fields as text, of persons and of companies, computed in so many buckets."""
    people = resolve(tables.contacts, tables.companies)
    bucket = bucket_of(people["person_id"], buckets)
    parts = []
    for number in range(buckets):
        mine = people[bucket == number]
        of_mine = tables.activities["contact_id"].isin(mine["contact_id"])
        parts.append(replace(tables, contacts=tables.contacts.loc[mine.index], activities=tables.activities[of_mine], people=mine))
    org = combine([Tally.from_json(tally(part, as_of, POLICY).to_json()) for part in parts])
    done = [compute_contacts(part, org, as_of, POLICY) for part in parts]
    persons = pd.concat([one.persons for one in done]).sort_index()
    companies = compute_companies(tables.companies, pd.concat([one.company_parts for one in done]), org, as_of, POLICY)
    return (
        pd.DataFrame({field.name: to_text(field, persons[field.name]) for field in CONTACT_FIELDS}),
        pd.DataFrame({field.name: to_text(field, companies[field.name]) for field in COMPANY_FIELDS}),
    )


def assert_same(expected: tuple[pd.DataFrame, pd.DataFrame], actual: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """All texts of persons and companies agree."""
    for before, after in zip(expected, actual, strict=True):
        pd.testing.assert_frame_equal(before, after)


seeds = st.integers(0, 10_000)


@FEW
@given(seeds)
def test_nothing_after_the_moment_matters(seed: int) -> None:
    """Without the rows that lie after the moment, every field is the same."""
    tables = customers(seed)
    past = replace(tables, activities=tables.activities[tables.activities["occurred_at"] <= NOW])
    assert_same(computed(past), computed(tables))


@FEW
@given(seeds)
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    """Contacts, activities and companies may come in any order."""
    tables = customers(seed)
    shuffled = Tables(
        tables.contacts.sample(frac=1, random_state=seed, ignore_index=True),
        tables.activities.sample(frac=1, random_state=seed, ignore_index=True),
        tables.companies.sample(frac=1, random_state=seed, ignore_index=True),
    )
    assert_same(computed(tables), computed(shuffled))


@FEW
@given(seeds)
def test_exact_repeats_do_not_matter(seed: int) -> None:
    """The same thing logged twice, under the same id or another, happened once."""
    tables = customers(seed)
    again = tables.activities.sample(frac=0.5, random_state=seed)
    renamed = again.assign(activity_id="z" + again["activity_id"])
    assert_same(computed(tables), computed(replace(tables, activities=pd.concat([tables.activities, again, renamed], ignore_index=True))))


@FEW
@given(
    seeds, st.sampled_from([("outcome", "opened"), ("outcome", "clicked"), ("kind", "bounce"), ("kind", "auto_reply"), ("kind", "machine")])
)
def test_machines_never_move_last_heard_at(seed: int, machine: tuple[str, str]) -> None:
    """Whatever a machine adds, by whatever way and at whatever time, nobody was heard from."""
    tables = customers(seed)
    column, word = machine
    noise = tables.activities.sample(n=40, random_state=seed)
    noise = noise.assign(
        activity_id="n" + noise["activity_id"],
        occurred_at=noise["occurred_at"] + pd.Timedelta(minutes=7),
        outcome=noise["outcome"].where(noise["outcome"] != "replied"),
    )
    noise[column] = word
    name = last_heard_at.name
    expected = computed(tables)[0][name]
    actual = computed(replace(tables, activities=pd.concat([tables.activities, noise], ignore_index=True)))[0][name]
    pd.testing.assert_series_equal(expected, actual)


@FEW
@given(seeds, st.sampled_from([2, 7]))
def test_the_number_of_buckets_does_not_matter(seed: int, buckets: int) -> None:
    """Persons computed in one bucket or in seven have the same fields, and so have their companies."""
    tables = customers(seed)
    assert_same(computed(tables), computed(tables, buckets))


def test_nobody_at_all_has_fields_without_rows() -> None:
    """An empty customer base is no error."""
    tables = customers(1)
    nobody = Tables(tables.contacts.iloc[:0], tables.activities.iloc[:0], tables.companies.iloc[:0])
    assert [len(frame) for frame in computed(nobody)] == [0, 0]


def test_contacts_without_any_activity_have_fields() -> None:
    """A CRM that was filled yesterday is no error either."""
    tables = customers(1)
    persons, _ = computed(replace(tables, activities=tables.activities.iloc[:0]))
    assert {"never_heard", "new"} >= set(persons["engagement_state"]) - {"unreachable"}


@pytest.fixture(scope="session")
def mail_log(enron: Path) -> Tables:
    """The public mail log as canonical tables, without the texts."""
    contacts = to_table(CONTACTS, pd.read_csv(enron / "contacts.csv", dtype="str"))
    activities = pd.read_csv(enron / "activities.csv", dtype="str").drop(columns="subject")
    firms = pd.DataFrame({"company_id": sorted(contacts["company_id"].dropna().unique())})
    return Tables(contacts, to_table(STORED_ACTIVITIES, activities), to_table(COMPANIES, firms))


def test_a_real_mail_log_gets_all_fields(mail_log: Tables) -> None:
    """All fields for all 97 contacts of a public mail log, and nothing after the moment used."""
    as_of = pd.Timestamp("2001-06-01", tz="UTC")
    past = replace(mail_log, activities=mail_log.activities[mail_log.activities["occurred_at"] <= as_of])
    whole = computed(mail_log, as_of=as_of)
    assert len(whole[0]) == 97
    assert [
        name for name in ("engagement_state", "hear_back_chance", "why", "best_channel", "coverage") if whole[0][name].isna().any()
    ] == []
    assert_same(computed(past, as_of=as_of), whole)
    assert_same(computed(mail_log, buckets=16, as_of=as_of), whole)


def test_a_silence_is_told_in_the_same_words_every_day(mail_log: Tables) -> None:
    """From one day to the next, where nothing happened, at most one sentence in ten changes: nothing in them ticks."""
    first, second = (computed(mail_log, as_of=pd.Timestamp(day, tz="UTC"))[0] for day in ("2001-06-02", "2001-06-03"))
    happened = mail_log.activities.loc[
        mail_log.activities["occurred_at"].between(pd.Timestamp("2001-06-02", tz="UTC"), pd.Timestamp("2001-06-03", tz="UTC")), "contact_id"
    ]
    people = resolve(mail_log.contacts)
    quiet = people.loc[~people["contact_id"].isin(happened), "person_id"]
    changed = (first.loc[quiet, "why"] != second.loc[quiet, "why"]).mean()
    assert changed <= 0.1
