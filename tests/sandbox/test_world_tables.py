"""What the made customers promise of their tables: canonical, complete, as many as asked for, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sandbox.world import World, WorldOptions, make_world, write_world
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import TABLES, check_table, to_table

SMALL = WorldOptions(seed=3, contacts=240, companies=40, activities_per_contact=30)


@pytest.fixture(scope="module")
def world() -> World:
    """A small world that no test changes."""
    return make_world(SMALL)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_each_frame_is_canonical(world: World, table: str) -> None:
    """The four frames are exactly what to_table gives, and their keys are unique."""
    check_table(TABLES[table], getattr(world, table))


def test_the_same_seed_gives_the_same_world(world: World) -> None:
    """The same options give the same tables and the same truth, value for value; another seed gives others."""
    again = make_world(SMALL)
    for name in ("contacts", "companies", "activities", "owners", "truth", "company_truth", "message_truth"):
        pd.testing.assert_frame_equal(getattr(world, name), getattr(again, name))
    other = make_world(WorldOptions(seed=4, contacts=240, companies=40, activities_per_contact=30))
    assert not other.contacts["email"].equals(world.contacts["email"])


@pytest.mark.parametrize("mean", [5, 30, 80])
def test_as_many_activities_as_asked_for(mean: int) -> None:
    """The number of activities is within fifteen percent of what was asked for, also for few and for many."""
    made = make_world(WorldOptions(contacts=240, companies=40, activities_per_contact=mean))
    assert len(made.activities) / 240 == pytest.approx(mean, rel=0.15)


def test_counts_and_references_hold(world: World) -> None:
    """There are as many contacts and companies as asked for, and every id that is named exists."""
    assert (len(world.contacts), len(world.companies), len(world.owners)) == (240, 40, 12)
    assert set(world.activities["contact_id"]) <= set(world.contacts["contact_id"])
    assert set(world.contacts["company_id"]) == set(world.companies["company_id"])
    assert set(world.activities["actor_id"].dropna()) | set(world.contacts["owner_id"].dropna()) <= set(world.owners["owner_id"])
    assert list(world.truth["contact_id"]) == list(world.contacts["contact_id"])
    assert set(world.message_truth["activity_id"]) <= set(world.activities["activity_id"])


def test_nothing_lies_after_now(world: World) -> None:
    """No activity happened or was changed after now, nor before the months that were asked for."""
    now = SMALL.moment
    assert world.activities["occurred_at"].max() <= now
    assert world.activities["modified_at"].max() <= now
    assert world.activities["occurred_at"].min() >= now - pd.Timedelta(days=18 * 31 + 7)


def test_all_names_are_invented(world: World) -> None:
    """Every domain lies under .example, which belongs to nobody."""
    addresses = pd.concat([world.contacts["email"].dropna().str.split("@").str[1], world.companies["domain"], world.owners["email"]])
    assert addresses[~addresses.str.endswith(".example")].tolist() == []


def test_addresses_are_given_once(world: World) -> None:
    """No two contacts have the same e-mail address, in whatever case."""
    addresses = world.contacts["email"].dropna().str.lower()
    assert addresses[addresses.duplicated()].tolist() == []


def test_the_truth_is_kept_apart(world: World) -> None:
    """No column of the truth beyond the id stands in the contacts."""
    assert set(world.truth.columns) & set(world.contacts.columns) == {"contact_id", "time_zone", "merged_into"}


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_files_read_back_as_they_were(world: World, tmp_path: Path, form: str) -> None:
    """What is written in a folder reads back as the same canonical frames, and the truth lies in a folder of its own."""
    write_world(world, tmp_path, form)  # type: ignore[arg-type]  # parametrised words are str to the checker
    assert {path.stem for path in tmp_path.glob(f"*.{form}")} == set(TABLES)
    assert {path.stem for path in (tmp_path / "truth").iterdir()} == {"contacts", "companies", "messages"}
    for name, table in TABLES.items():
        path = tmp_path / f"{name}.{form}"
        raw = pd.read_csv(path, dtype="str") if form == "csv" else pd.read_parquet(path)
        pd.testing.assert_frame_equal(to_table(table, raw), getattr(world, name))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"contacts": 0}, "contacts must be at least 1, not 0"),
        ({"companies": 30, "contacts": 20}, "more companies (30) than contacts (20)"),
        ({"now": "2026-11-22T09:00"}, "now must name its time zone"),
        ({"now": "yesterdayish"}, "which is not a moment"),
        ({"activities_per_contact": 1}, "activities_per_contact must be at least 2"),
    ],
)
def test_options_that_make_no_world_are_refused(wrong: dict[str, object], said: str) -> None:
    """Options that make no world are refused in one sentence that names the fault."""
    with pytest.raises(BadInput) as caught:
        WorldOptions(**wrong)  # type: ignore[arg-type]  # wrong on purpose
    assert said in str(caught.value)
