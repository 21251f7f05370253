"""On a past day nothing is seen that was not known then; the days that are judged are chosen so that what followed is known."""

import dataclasses

import pandas as pd
import pytest

from transforms.backtest.cuts import Wish, cut_dates
from transforms.backtest.past import as_it_was, cannot_be_undone, known_since, with_people
from transforms.compute import Tables
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import CONTACTS, STORED_ACTIVITIES, to_table

CUT = pd.Timestamp("2026-06-01", tz="UTC")
BEGIN, END = pd.Timestamp("2025-01-10T08:00Z"), pd.Timestamp("2026-11-22T09:00Z")


def tables_of(contacts: list[dict[str, object]], activities: list[dict[str, object]] | None = None) -> Tables:
    """Contacts, and mails of theirs unless the row says otherwise."""
    rows = [
        {"activity_id": f"a{place}", "channel": "email", "direction": "inbound", **row}
        for place, row in enumerate(activities or [{"contact_id": "nobody", "occurred_at": "2020-01-01"}])
    ]
    return with_people(Tables(to_table(CONTACTS, contacts), to_table(STORED_ACTIVITIES, rows)))


def past_of(tables: Tables) -> Tables:
    return as_it_was(tables, known_since(tables), CUT)


def test_a_record_that_was_made_later_is_not_there() -> None:
    """Unless something happened with the contact before: then the record was imported with its history."""
    tables = tables_of(
        [
            {"contact_id": "old", "created_at": "2026-05-31"},
            {"contact_id": "later", "created_at": "2026-06-02"},
            {"contact_id": "imported", "created_at": "2026-10-01"},
            {"contact_id": "undated"},
        ],
        [{"contact_id": "imported", "occurred_at": "2026-01-01"}, {"contact_id": "later", "occurred_at": "2026-06-03"}],
    )
    assert past_of(tables).contacts["contact_id"].tolist() == ["old", "imported", "undated"]


def test_what_happened_later_is_not_there() -> None:
    """The moment of the cut itself belongs to the past."""
    tables = tables_of(
        [{"contact_id": "ana"}],
        [{"contact_id": "ana", "occurred_at": at} for at in ("2026-05-31T23:00Z", "2026-06-01T00:00Z", "2026-06-01T00:01Z")],
    )
    assert past_of(tables).activities["activity_id"].tolist() == ["a0", "a1"]


def test_a_title_that_was_changed_later_is_unknown() -> None:
    """What it was before is not kept; today's would tell of the future."""
    tables = tables_of(
        [
            {"contact_id": "ana", "title": "CFO", "title_changed_at": "2026-07-01"},
            {"contact_id": "tom", "title": "CTO", "title_changed_at": "2026-05-01"},
            {"contact_id": "eva", "title": "COO"},
        ]
    )
    assert past_of(tables).contacts["title"].fillna("?").tolist() == ["?", "CTO", "COO"]


def test_a_record_stands_for_itself_until_the_one_that_it_was_merged_into_exists() -> None:
    """A merge carries no date, but it cannot be older than the record that remained."""
    tables = tables_of(
        [
            {"contact_id": "early", "created_at": "2026-01-01", "merged_into": "late"},
            {"contact_id": "late", "created_at": "2026-08-01"},
            {"contact_id": "one", "created_at": "2026-01-01", "merged_into": "two"},
            {"contact_id": "two", "created_at": "2026-01-02"},
            {"contact_id": "gone", "created_at": "2026-01-02", "is_deleted": True},
        ]
    )
    people = past_of(tables).people
    assert people is not None
    assert dict(zip(people["contact_id"], people["is_live"], strict=True)) == {"early": True, "one": False, "two": True, "gone": False}


def test_persons_are_the_same_on_every_day() -> None:
    """Who is one person is today's knowledge, so that a person can be followed from cut to cut."""
    tables = tables_of(
        [
            {"contact_id": "a", "email": "ana@north.example", "created_at": "2026-01-01"},
            {"contact_id": "b", "email": "ana@north.example", "created_at": "2026-09-01"},
        ]
    )
    today, past = tables.people, past_of(tables).people
    assert today is not None
    assert past is not None
    assert past["person_id"].tolist() == today["person_id"].tolist()[:1]


@pytest.mark.parametrize(
    ("sent", "changed", "outcome"),
    [
        ("2026-05-31T12:00Z", None, "delivered"),
        ("2026-05-31T12:00Z", "2026-06-02T12:00Z", "delivered"),
        ("2026-05-31T12:00Z", "2026-05-31T18:00Z", "replied"),
        ("2026-05-20T12:00Z", None, "replied"),
    ],
)
def test_a_reply_to_a_young_message_may_have_come_after_the_cut(sent: str, changed: str | None, outcome: str) -> None:
    """The mark carries no date: it is believed where the record was last changed before the cut, or the message is three days old."""
    row = {"contact_id": "ana", "occurred_at": sent, "direction": "outbound", "outcome": "replied", "modified_at": changed}
    assert past_of(tables_of([{"contact_id": "ana"}], [row])).activities["outcome"].tolist() == [outcome]


def test_what_cannot_be_undone_is_said_with_numbers() -> None:
    """Archived records, opt-outs and merges are counted; where there are none, nothing is said of them."""
    some = cannot_be_undone(
        tables_of(
            [
                {"contact_id": "a", "is_deleted": True},
                {"contact_id": "b", "do_not_call": True},
                {"contact_id": "c", "merged_into": "b"},
            ]
        ).contacts
    )
    none = cannot_be_undone(tables_of([{"contact_id": "a"}]).contacts)
    assert [word in " ".join(some) for word in ("1 archived", "1 contacts want", "1 records were merged")] == [True] * 3
    assert [word in " ".join(none) for word in ("archived", "contacts want", "were merged")] == [False] * 3


def test_the_past_needs_people() -> None:
    """Without who is who over all contacts, a part of them cannot be replayed."""
    tables = dataclasses.replace(tables_of([{"contact_id": "ana"}]), people=None)
    with pytest.raises(ValueError, match="with_people"):
        as_it_was(tables, known_since(tables), CUT)


def days(wish: Wish) -> list[str]:
    return [f"{cut:%Y-%m-%d}" for cut in cut_dates(wish, BEGIN, END)]


def test_the_last_cut_has_its_whole_horizon_in_the_records() -> None:
    """Records end on 22 November, so with 30 days ahead the last day that can be judged is 23 October; a year of them in steps of the horizon."""
    chosen = days(Wish())
    assert (chosen[-1], chosen[-2], len(chosen)) == ("2026-10-23", "2026-09-23", 12)


def test_cuts_between_two_days() -> None:
    """With --from all cuts up to --to are judged, whatever their number; --cuts takes the latest of them."""
    first, last = pd.Timestamp("2026-01-05", tz="UTC"), pd.Timestamp("2026-02-02", tz="UTC")
    assert days(Wish(30, 7, first, last)) == ["2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02"]
    assert days(Wish(30, 7, first, last, 2)) == ["2026-01-26", "2026-02-02"]


def test_unless_asked_for_nothing_is_judged_without_a_quarter_of_history() -> None:
    """Records begin on 10 January 2025; no cut is earlier than 90 days after it."""
    assert days(Wish(number=100))[0] >= "2025-04-11"


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"last": pd.Timestamp("2026-11-01", tz="UTC")}, "the last cut can be 2026-10-23"),
        ({"first": pd.Timestamp("2024-11-01", tz="UTC")}, "Nothing is known before 2025-01-11"),
        ({"first": pd.Timestamp("2026-10-01", tz="UTC"), "last": pd.Timestamp("2026-09-01", tz="UTC")}, "turn them round"),
        ({"every_days": 0}, "--every was given as 0"),
        ({"horizon_days": 600}, "too short"),
    ],
)
def test_days_that_cannot_be_judged_are_refused_in_words(wish: dict[str, object], told: str) -> None:
    """The sentence says which day would do, or what to change."""
    with pytest.raises(BadInput, match=told):
        days(Wish(**wish))  # type: ignore[arg-type]  # a table of cases has values of several types
