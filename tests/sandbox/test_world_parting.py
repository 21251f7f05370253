"""Made customers in two CRMs: how many stand where, how the records of one human differ, and what each CRM recorded."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.loader import Tables
from sandbox.loading.tables import by_crm
from sandbox.salesforce.ids import normal_id
from sandbox.world import Parted, PartOptions, World, WorldOptions, make_world, part_world, write_parted
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import TABLES, check_table

PREFIXES = {"contacts": ("003", "00Q"), "companies": ("001",), "owners": ("005",), "activities": ("02s", "00T", "00U", "500")}


@pytest.fixture(scope="module")
def world() -> World:
    """A world that no test changes."""
    return make_world(WorldOptions(seed=5, contacts=500, companies=70, activities_per_contact=25))


@pytest.fixture(scope="module")
def parted(world: World) -> Parted:
    """Its two halves."""
    return part_world(world)


@pytest.fixture(scope="module")
def pairs(parted: Parted) -> pd.DataFrame:
    """The two records of each human who stands in both CRMs, side by side."""
    sides = []
    for crm, world in (("hubspot", parted.hubspot), ("salesforce", parted.salesforce)):
        truth = world.truth[(world.truth["in_crms"] == "both") & world.truth["kind"].isin(["person", "free_mail"])]
        rows = truth[["person_id", "differences", "has_left", "contact_id"]].merge(world.contacts, on="contact_id")
        sides.append(rows.set_index("person_id").add_suffix(f"_{crm}"))
    return sides[0].join(sides[1], how="inner")


@pytest.mark.parametrize("table", sorted(TABLES))
def test_each_frame_is_canonical(parted: Parted, table: str) -> None:
    """The four frames of both CRMs are canonical, and every row says whose it is."""
    for crm, world in (("hubspot", parted.hubspot), ("salesforce", parted.salesforce)):
        frame = getattr(world, table)
        check_table(TABLES[table], frame)
        assert set(frame["crm"]) == {crm}


def test_the_same_seed_parts_the_same_way(world: World, parted: Parted) -> None:
    """The same options give the same parts, value for value; another seed gives others."""
    again = part_world(world)
    for name in ("contacts", "companies", "activities", "owners", "truth", "company_truth", "message_truth"):
        pd.testing.assert_frame_equal(getattr(again.salesforce, name), getattr(parted.salesforce, name))
        pd.testing.assert_frame_equal(getattr(again.hubspot, name), getattr(parted.hubspot, name))
    other = part_world(world, PartOptions(seed=99))
    assert set(other.hubspot.contacts["contact_id"]) != set(parted.hubspot.contacts["contact_id"])


@settings(max_examples=8, deadline=None)
@given(hubspot=st.floats(0, 1), rest=st.floats(0, 1))
def test_the_shares_are_met(hubspot: float, rest: float) -> None:
    """Whatever shares are asked for, people stand in one, the other and both accordingly, within eight points."""
    wanted = {"hubspot": hubspot, "salesforce": (1 - hubspot) * rest}
    wanted["both"] = 1 - sum(wanted.values())
    parted = part_world(_SMALL, PartOptions(in_hubspot=wanted["hubspot"], in_salesforce=wanted["salesforce"]))
    truth = pd.concat([parted.hubspot.truth, parted.salesforce.truth])
    truth = truth[truth["kind"] != "converted_lead"].drop_duplicates(["person_id", "in_crms", "kind"])
    everybody = len(_SMALL.contacts)
    counts = {
        "hubspot": (parted.hubspot.truth["in_crms"] == "hubspot").sum(),
        "both": (parted.hubspot.truth["in_crms"] == "both").sum(),
        "salesforce": ((parted.salesforce.truth["in_crms"] == "salesforce") & (parted.salesforce.truth["kind"] != "converted_lead")).sum(),
    }
    assert sum(counts.values()) == everybody
    for name, share in wanted.items():
        assert counts[name] / everybody == pytest.approx(share, abs=0.08)


_SMALL = make_world(WorldOptions(seed=6, contacts=400, companies=60, activities_per_contact=4, months=6))


@pytest.mark.parametrize(
    "options", [{"in_hubspot": 1.2}, {"leads": -0.1}, {"in_hubspot": 0.6, "in_salesforce": 0.5}], ids=["above", "below", "together"]
)
def test_shares_that_are_none_are_refused(options: dict[str, float]) -> None:
    """A share outside 0 to 1, or two that leave less than nothing for both, is refused in words."""
    with pytest.raises(BadInput, match=r"share|pass 1"):
        PartOptions(**options)


def test_everything_of_one_crm_is_one_world(world: World) -> None:
    """All in HubSpot is the world as it was; all in Salesforce has every person there and nobody in HubSpot."""
    alone = part_world(world, PartOptions(in_hubspot=1, in_salesforce=0))
    assert list(alone.hubspot.contacts["contact_id"]) == list(world.contacts["contact_id"])
    assert len(alone.hubspot.activities) == len(world.activities)
    assert len(alone.salesforce.contacts) == 0
    theirs = part_world(world, PartOptions(in_hubspot=0, in_salesforce=1))
    assert len(theirs.hubspot.contacts) == 0
    assert len(theirs.salesforce.activities) == len(world.activities)


def test_salesforce_has_ids_of_its_own(parted: Parted) -> None:
    """Every id in Salesforce is one of Salesforce's, with the prefix of its object, and every reference leads to a row."""
    half = parted.salesforce
    for table, prefixes in PREFIXES.items():
        ids = getattr(half, table)[TABLES[table].key[1]]
        assert all(normal_id(text) == text and text.startswith(prefixes) for text in ids)
    assert set(half.activities["contact_id"]) <= set(half.contacts["contact_id"])
    assert set(half.activities["company_id"].dropna()) <= set(half.companies["company_id"])
    assert set(half.contacts["company_id"].dropna()) <= set(half.companies["company_id"])
    assert set(half.contacts["owner_id"].dropna()) <= set(half.owners["owner_id"])
    assert set(half.contacts["merged_into"].dropna()) <= set(half.contacts["contact_id"])
    assert set(half.truth["contact_id"]) == set(half.contacts["contact_id"])
    assert set(half.message_truth["activity_id"]) <= set(half.activities["activity_id"])


def test_people_of_one_company_mostly_stand_together(world: World, parted: Parted) -> None:
    """Of the people of a company with several, most stand where most of them stand."""
    where = pd.concat(
        [
            parted.hubspot.truth.set_index("person_id")["in_crms"],
            parted.salesforce.truth[parted.salesforce.truth["in_crms"] == "salesforce"].set_index("person_id")["in_crms"],
        ]
    )
    company = world.contacts.set_index("contact_id")["company_id"]
    known = pd.DataFrame({"where": where[~where.index.duplicated()], "company": company}).dropna()
    largest = known.groupby("company")["where"].agg(lambda words: words.value_counts().iloc[0])
    assert largest.sum() / len(known) > 0.8


def test_records_of_one_human_differ_in_small_things(pairs: pd.DataFrame) -> None:
    """Without a word about it the address is the same; each word says what really differs."""
    words = pairs["differences_hubspot"].fillna("")
    same = pairs["email_hubspot"].str.lower() == pairs["email_salesforce"].str.lower()
    moved = words.str.contains("private_email|other_email")
    assert same[~moved].all()
    assert not same[moved].any()
    cased = words.str.contains("email_case")
    assert (pairs.loc[cased, "email_hubspot"] != pairs.loc[cased, "email_salesforce"]).all()
    short = words.str.contains("nickname")
    assert (pairs.loc[short, "first_name_hubspot"] != pairs.loc[short, "first_name_salesforce"]).all()
    assert (pairs.loc[short, "last_name_hubspot"] == pairs.loc[short, "last_name_salesforce"]).all()
    assert min(moved.sum(), cased.sum(), short.sum()) >= 3


def test_one_side_knows_of_a_new_employer(pairs: pd.DataFrame) -> None:
    """A conflict about the employer means that they left: the side that knows has another domain and a change of title since."""
    knows = {crm: pairs["differences_hubspot"].fillna("").str.contains(f"employer_in_{crm}") for crm in ("hubspot", "salesforce")}
    for crm, chosen in knows.items():
        rows = pairs[chosen]
        assert rows["has_left_hubspot"].all()
        assert (rows["company_domain_hubspot"] != rows["company_domain_salesforce"]).all()
        assert rows[f"title_changed_at_{crm}"].notna().all()
    assert knows["salesforce"].sum() >= 3


def test_a_private_address_is_known_beside_the_one_at_work(parted: Parted, pairs: pd.DataFrame) -> None:
    """Where HubSpot writes to a private address, the one that Salesforce has stands among its further addresses."""
    extras = parted.hubspot.extras["contacts"].set_index("contact_id")["hs_additional_emails"]
    rows = pairs[pairs["differences_hubspot"].fillna("").str.contains("private_email")]
    known = extras.reindex(rows["contact_id_hubspot"]).to_numpy()
    assert list(known) == list(rows["email_salesforce"])


def test_a_shared_mailbox_is_nobody(parted: Parted) -> None:
    """The records of info@ and its like are never one person, although they have the same address."""
    mine = parted.hubspot.truth[(parted.hubspot.truth["kind"] == "shared") & (parted.hubspot.truth["in_crms"] == "both")]
    theirs = parted.salesforce.truth[(parted.salesforce.truth["kind"] == "shared") & (parted.salesforce.truth["in_crms"] == "both")]
    assert len(mine) == len(theirs) > 0
    assert not set(mine["person_id"]) & set(theirs["person_id"])
    emails = [world.contacts.set_index("contact_id")["email"] for world in (parted.hubspot, parted.salesforce)]
    assert set(emails[0][mine["contact_id"]]) == set(emails[1][theirs["contact_id"]])


def test_leads_are_people_without_tickets(parted: Parted) -> None:
    """About a tenth of Salesforce's people are leads, those who began as one lead to the contact that they became, no lead has a ticket."""
    half = parted.salesforce
    leads = half.truth[(half.truth["record"] == "lead") & (half.truth["kind"] != "converted_lead")]
    assert len(leads) / len(half.truth) == pytest.approx(0.09, abs=0.05)
    assert leads["contact_id"].str.startswith("00Q").all()
    tickets = half.activities[half.activities["channel"] == "ticket"]
    assert not set(tickets["contact_id"]) & set(leads["contact_id"])
    former = half.truth[half.truth["kind"] == "converted_lead"]
    assert len(former) > 0
    assert former["merged_into"].str.startswith("003").all()


def test_what_happened_stands_where_it_was_done(world: World, parted: Parted) -> None:
    """Nothing is lost; of people in both most stands in one CRM only, and what stands in both is the same some seconds apart."""
    before = world.activities.groupby("channel").size()
    after = parted.hubspot.activities.groupby("channel").size() + parted.salesforce.activities.groupby("channel").size()
    assert (after >= before).all()
    assert after["web"] == before["web"]
    mail = [half.activities[half.activities["headers"].notna()] for half in (parted.hubspot, parted.salesforce)]
    ids = [rows.assign(message=rows["headers"].str.extract(r"Message-ID: (\S+)", expand=False)) for rows in mail]
    twice = ids[0].drop_duplicates("message").merge(ids[1].drop_duplicates("message"), on="message")
    apart = (twice["occurred_at_x"] - twice["occurred_at_y"]).dt.total_seconds().abs()
    assert 0.02 < len(twice) / len(ids[0]) < 0.2
    assert apart.max() < 60
    assert (apart >= 2).mean() > 0.95


def test_ours_work_in_one_crm_each(parted: Parted) -> None:
    """For people in both CRMs, most of what one of us did is recorded in the CRM in which they work."""
    both = parted.hubspot.truth[parted.hubspot.truth["in_crms"] == "both"]["person_id"]
    counts = []
    for half in (parted.hubspot, parted.salesforce):
        people = half.truth[half.truth["person_id"].isin(both)]["contact_id"]
        rows = half.activities[half.activities["contact_id"].isin(people) & (half.activities["channel"] == "call")]
        names = rows["actor_id"].map(half.owners.set_index("owner_id")["name"])
        counts.append(names.value_counts())
    shares = (counts[0] / counts[0].add(counts[1], fill_value=0)).fillna(0)
    assert ((shares < 0.15) | (shares > 0.85)).all()


def test_the_folder_of_both_is_parted_again_by_its_crm(parted: Parted, tmp_path: Path) -> None:
    """What is written into one folder is read back as two, by the column crm."""
    write_parted(parted, tmp_path, "parquet")
    read = {name: pd.read_parquet(tmp_path / f"{name}.parquet") for name in TABLES}
    hubspot, salesforce = by_crm(Tables(read["contacts"], read["activities"], read["companies"], read["owners"]))
    assert list(hubspot.contacts["contact_id"]) == list(parted.hubspot.contacts["contact_id"])
    assert list(salesforce.activities["activity_id"]) == list(parted.salesforce.activities["activity_id"])
    assert set(pd.read_parquet(tmp_path / "truth" / "persons.parquet").columns) == {
        *("person_id", "crm", "contact_id", "record", "differences"),
    }


def test_rows_without_a_crm_follow_their_contact() -> None:
    """An activity that names no CRM goes where its contact is; a company and an owner also where a contact there names them."""
    contacts = pd.DataFrame(
        [{"contact_id": "1", "crm": "salesforce", "company_id": "c", "owner_id": "o"}, {"contact_id": "2", "company_id": "c"}]
    )
    activities = pd.DataFrame(
        [
            {
                "activity_id": text,
                "contact_id": contact,
                "occurred_at": "2026-05-01",
                "channel": "call",
                "direction": "outbound",
                "crm": crm,
            }
            for text, contact, crm in (("a", "1", None), ("b", "2", "files"), ("c", "1", "salesforce"))
        ]
    )
    companies = pd.DataFrame([{"company_id": "c"}, {"company_id": "d"}])
    hubspot, salesforce = by_crm(Tables(contacts, activities, companies, pd.DataFrame([{"owner_id": "o"}, {"owner_id": "p"}])))
    assert (list(hubspot.contacts["contact_id"]), list(salesforce.contacts["contact_id"])) == (["2"], ["1"])
    assert (list(hubspot.activities["activity_id"]), list(salesforce.activities["activity_id"])) == (["b"], ["a", "c"])
    assert hubspot.companies is not None
    assert salesforce.companies is not None
    assert (list(hubspot.companies["company_id"]), list(salesforce.companies["company_id"])) == (["c", "d"], ["c"])
    assert salesforce.owners is not None
    assert list(salesforce.owners["owner_id"]) == ["o"]
