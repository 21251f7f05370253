"""Parts made customers between two CRMs, as it is in firms that have both: some people in one, some in the other, some in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sandbox.salesforce.ids import make_id
from sandbox.world.differences import HUBSPOT_ONLY, Drawn, Held, differ, homes_of_owners
from sandbox.world.making import World
from sandbox.world.tables import to_mail_counts
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import ACTIVITIES, COMPANIES, OWNERS, to_table

HUBSPOT, SALESFORCE, BOTH = 0, 1, 2
CRMS = ("hubspot", "salesforce")
COMPANY_SHARE = 0.88
"""So many of a company's people stand where the company stands."""
COPIED = {"email": 0.2, "meeting": 0.12, "call": 0.05}
"""How often a happening is recorded in both CRMs although one would do, by channel."""
FIRST = {"owner": 101, "company": 1_001, "contact": 5_001, "lead": 1_001, "case": 700_001, "activity": 20_000_001}
"""The numbers with which the ids of a Salesforce org begin."""


@dataclass(frozen=True)
class PartOptions:
    """How the people are parted. Shares lie between 0 and 1; the same options give the same parts, value for value.

    ``in_hubspot`` and ``in_salesforce`` are the shares of people who stand in that CRM only; all others stand in both.
    ``leads`` is the share of Salesforce's people who are leads there. ``converted`` is the share of its contacts who began as a lead.
    ``noticed`` is the share of those who left whose change of jobs Salesforce's data service saw.
    ``seed`` is the world's own where it is missing.

    Raises BadInput where a share is none, or the first two leave nothing for both.
    """

    in_hubspot: float = 0.40
    in_salesforce: float = 0.25
    leads: float = 0.1
    converted: float = 0.03
    noticed: float = 0.2
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuse shares that are none."""
        for name in ("in_hubspot", "in_salesforce", "leads", "converted", "noticed"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} was to be a share between 0 and 1 and is {getattr(self, name)}; correct it.")
        if self.in_hubspot + self.in_salesforce > 1:
            raise BadInput(
                f"in_hubspot and in_salesforce add up to {self.in_hubspot + self.in_salesforce:g}; together they must not pass 1."
            )


@dataclass(frozen=True)
class Parted:
    """The same customers as two CRMs hold them, each a world of its own with its own ids.

    ``persons`` is truth: one row a record, with ``person_id`` (the same for all records of one human), ``crm``, ``contact_id``,
    ``record`` (contact, lead) and ``differences``, words for how the record differs from the human's record in the other CRM.
    """

    hubspot: World
    salesforce: World
    persons: pd.DataFrame


def part_world(world: World, options: PartOptions | None = None) -> Parted:
    """Part a world's people, companies and activities between HubSpot and Salesforce. The world itself is not changed."""
    options = options or PartOptions()
    seed = world.options.seed if options.seed is None else options.seed
    where = _places(world, options, np.random.default_rng([seed, 71]))
    held = differ(world, where, Drawn(seed, options.leads, options.converted, options.noticed))
    ids = _salesforce_ids(world, held)
    rows = _recorded(world, where, np.random.default_rng([seed, 73]))
    hubspot = _hubspot(world, held, rows[0])
    salesforce = _salesforce(world, held, rows[1], ids)
    persons = pd.concat([part.truth[["person_id", "crm", "contact_id", "record", "differences"]] for part in (hubspot, salesforce)])
    return Parted(hubspot, salesforce, persons.reset_index(drop=True))


def _places(world: World, options: PartOptions, rng: np.random.Generator) -> np.ndarray:
    """For each contact HUBSPOT, SALESFORCE or BOTH. A company's people mostly stand together; merged records with what they merged into."""
    shares = np.array([options.in_hubspot, options.in_salesforce, max(0.0, 1 - options.in_hubspot - options.in_salesforce)])
    company, names = pd.factorize(world.contacts["company_id"])
    sizes = np.bincount(company, minlength=len(names))
    # The largest companies first, each to where most is lacking: so the shares are met, however different the sizes are.
    wanted, home = shares * sizes.sum(), np.zeros(len(names), dtype=int)
    order = rng.permutation(len(names))
    for place in order[np.argsort(-sizes[order], kind="stable")]:
        home[place] = int(np.argmax(wanted))
        wanted[home[place]] -= sizes[place]
    strays = rng.random(len(company)) >= COMPANY_SHARE
    drawn = rng.choice(3, size=len(company), p=shares)
    where = np.where(strays, drawn, home[company])
    place_of = dict(zip(world.contacts["contact_id"], range(len(where)), strict=True))
    for loser, winner in world.contacts[["contact_id", "merged_into"]].dropna().itertuples(index=False):
        where[place_of[loser]] = where[place_of[winner]]
    return where


def _salesforce_ids(world: World, held: Held) -> dict[str, dict[str, str]]:
    """Salesforce's id of each record, by kind and HubSpot's id."""
    contacts: dict[str, str] = {}
    counts = {"contact": FIRST["contact"], "lead": FIRST["lead"]}
    for contact_id, record in zip(held.salesforce["contact_id"], held.salesforce["record"], strict=True):
        contacts[contact_id] = make_id("003" if record == "contact" else "00Q", counts[record])
        counts[record] += 3
    owners = {text: make_id("005", FIRST["owner"] + place) for place, text in enumerate(world.owners["owner_id"])}
    firms = held.companies["salesforce"]["company_id"]
    companies = {text: make_id("001", FIRST["company"] + 3 * place) for place, text in enumerate(firms)}
    return {"contacts": contacts, "owners": owners, "companies": companies}


def _recorded(world: World, where: np.ndarray, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of activities that each CRM holds: where the person stands, and of those in both where the one of us who did it works."""
    frame = world.activities
    act, names = pd.factorize(frame["activity_id"])
    standing = pd.Series(where, index=world.contacts["contact_id"]).loc[frame["contact_id"]].to_numpy()
    home = _homes(world, rng)[np.unique(act, return_index=True)[1]]

    first = frame.iloc[np.unique(act, return_index=True)[1]]
    is_letter = ~first["outcome"].isin(["opened", "clicked"]) & ~first["is_automated"].fillna(False).astype(bool)
    chance = first["channel"].map(COPIED).fillna(0.0).to_numpy(dtype=float) * is_letter.to_numpy()
    is_copied = rng.random(len(names)) < chance
    late = rng.integers(2, 46, size=len(names))

    def has(place: int) -> np.ndarray:
        return np.bincount(act, weights=standing == place, minlength=len(names)) > 0

    has_both = has(BOTH)
    kept = {crm: has(crm) | (has_both & ((home == crm) | is_copied)) for crm in (HUBSPOT, SALESFORCE)}
    parts = []
    for crm, other in ((HUBSPOT, SALESFORCE), (SALESFORCE, HUBSPOT)):
        rows = frame[kept[crm][act] & (standing != other)]
        # What stands in both was written down where it happened, and some seconds later in the other.
        delay = np.where(kept[other] & (home == other), late, 0)[act[rows.index]]
        moved = rows.assign(**{name: rows[name] + pd.to_timedelta(delay, unit="s") for name in ("occurred_at", "modified_at")})
        parts.append(moved[moved["occurred_at"] <= world.options.moment])
    return parts[0], parts[1]


def _homes(world: World, rng: np.random.Generator) -> np.ndarray:
    """For each row the CRM in which it would be recorded if the person stood in both."""
    frame = world.activities
    by_actor = frame["actor_id"].map(homes_of_owners(world)).astype("float64")
    thread, names = pd.factorize(frame["thread_id"])
    of_thread = pd.Series(by_actor.to_numpy()).groupby(thread).first().reindex(range(len(names))).to_numpy(dtype=float, copy=True)
    coin = (rng.random(len(names)) < 0.6).astype(float)
    is_ticket = (frame["channel"] == "ticket").to_numpy()
    home = np.where(thread >= 0, of_thread[thread], np.nan)
    home = np.where(is_ticket, coin[thread], home)
    home = np.where(np.isnan(home), by_actor.to_numpy(), home)
    home = np.where(frame["channel"].isin(HUBSPOT_ONLY) | frame["is_broadcast"].fillna(False).astype(bool), HUBSPOT, home)
    return np.where(np.isnan(home), HUBSPOT, home).astype(int)


def _hubspot(world: World, held: Held, rows: pd.DataFrame) -> World:
    activities = to_table(ACTIVITIES, rows.drop(columns="crm").assign(crm=CRMS[HUBSPOT]))
    known = set(held.hubspot["contact_id"])
    extras = world.extras["contacts"]
    kept = extras[extras["contact_id"].isin(known)].drop(
        columns=[name for name in extras.columns if name.startswith(("hs_email_", "hs_sales_"))]
    )
    counts = to_mail_counts(kept["contact_id"].reset_index(drop=True), activities)
    more = kept.reset_index(drop=True).merge(counts, on="contact_id").merge(held.other_emails, on="contact_id", how="left")
    same = {text: text for text in known}
    truth = _truth(world.truth, held.hubspot, same, "hubspot")
    return replace(
        world,
        contacts=held.frame("hubspot"),
        companies=to_table(COMPANIES, held.companies["hubspot"].assign(crm="hubspot")),
        activities=activities,
        owners=to_table(OWNERS, world.owners.assign(crm="hubspot")),
        extras={"contacts": more},
        truth=truth,
        company_truth=_company_truth(world, {text: text for text in held.companies["hubspot"]["company_id"]}, same),
        message_truth=_message_truth(world, {text: text for text in activities["activity_id"]}),
    )


def _salesforce(world: World, held: Held, rows: pd.DataFrame, ids: Mapping[str, Mapping[str, str]]) -> World:
    contacts, owners, companies = ids["contacts"], ids["owners"], ids["companies"]
    numbers = _activity_ids(rows)
    activities = rows.assign(
        crm=CRMS[SALESFORCE],
        activity_id=rows["activity_id"].map(numbers),
        contact_id=rows["contact_id"].map(contacts),
        company_id=rows["company_id"].map(companies),
        actor_id=rows["actor_id"].map(owners),
        thread_id=rows["thread_id"].where(rows["channel"] != "ticket", rows["thread_id"].map(_case_ids(rows))),
    )
    firms = held.companies["salesforce"]
    truth = _truth(world.truth, held.salesforce, contacts, "salesforce")
    phones = world.extras["contacts"][["contact_id", "phone"]].rename(columns={"phone": "Phone"})
    phones = phones[phones["contact_id"].isin(list(contacts))].dropna()
    return replace(
        world,
        contacts=held.frame("salesforce", contacts, owners, companies),
        companies=to_table(
            COMPANIES, firms.assign(crm="salesforce", company_id=firms["company_id"].map(companies), owner_id=firms["owner_id"].map(owners))
        ),
        activities=to_table(ACTIVITIES, activities),
        owners=to_table(OWNERS, world.owners.assign(crm="salesforce", owner_id=world.owners["owner_id"].map(owners))),
        extras={"contacts": phones.assign(contact_id=phones["contact_id"].map(contacts)).reset_index(drop=True)},
        truth=truth,
        company_truth=_company_truth(world, companies, contacts),
        message_truth=_message_truth(world, numbers),
    )


def _activity_ids(rows: pd.DataFrame) -> dict[str, str]:
    """An id with the prefix of the object that an activity becomes."""
    first = rows.drop_duplicates("activity_id")
    prefixes = first["channel"].map({"email": "02s", "meeting": "00U", "ticket": "500"}).fillna("00T")
    prefixes = prefixes.mask((first["channel"] == "email") & first["is_automated"].fillna(False).astype(bool), "00T")
    return {
        text: make_id(prefix, FIRST["activity"] + 3 * place)
        for place, (text, prefix) in enumerate(zip(first["activity_id"], prefixes, strict=True))
    }


def _case_ids(rows: pd.DataFrame) -> dict[str, str]:
    """For each conversation about a ticket the id of its case."""
    threads = rows.loc[rows["channel"] == "ticket", "thread_id"].dropna().unique()
    return {text: make_id("500", FIRST["case"] + 3 * place) for place, text in enumerate(threads)}


def _truth(truth: pd.DataFrame, held: pd.DataFrame, ids: Mapping[str, str], crm: str) -> pd.DataFrame:
    """The truth about the people of one CRM, under its ids. Moments are those of the human, wherever they were recorded."""
    facts = held[["contact_id", "source_id", "person_id", "record", "differences", "in_crms"]]
    found = facts.merge(truth.rename(columns={"contact_id": "source_id"}), on="source_id", how="left")
    is_former = found["contact_id"] != found["source_id"]
    known = dict(ids)
    for name in ("duplicate_of", "successor_id", "merged_into"):
        found[name] = found[name].map(known).astype("str")
    found["kind"] = found["kind"].mask(is_former, "converted_lead")
    found["merged_into"] = found["merged_into"].mask(is_former, found["source_id"].map(known)).astype("str")
    found["crm"] = crm
    found["contact_id"] = found["contact_id"].map(known).astype("str")
    return found.drop(columns="source_id").astype(dict.fromkeys(("crm", "kind", "record", "in_crms", "person_id", "differences"), "str"))


def _company_truth(world: World, companies: Mapping[str, str], contacts: Mapping[str, str]) -> pd.DataFrame:
    known = world.company_truth[world.company_truth["company_id"].isin(list(companies))]
    here = world.contacts[world.contacts["contact_id"].isin(list(contacts))].groupby("company_id").size()
    return known.assign(
        contacts=known["company_id"].map(here).fillna(0).astype("int64"),
        champion_id=known["champion_id"].map(dict(contacts)).astype("str"),
        company_id=known["company_id"].map(dict(companies)),
    ).reset_index(drop=True)


def _message_truth(world: World, numbers: Mapping[str, str]) -> pd.DataFrame:
    known = world.message_truth[world.message_truth["activity_id"].isin(list(numbers))]
    return known.assign(activity_id=known["activity_id"].map(dict(numbers))).sort_values("activity_id", ignore_index=True)
