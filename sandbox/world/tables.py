"""Turns people and what happened into the canonical tables that a CRM would hold."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd

from sandbox.world.firms import Company, Owner
from sandbox.world.options import DAY, Span
from sandbox.world.people import Person
from transforms.vocabulary.tables import ACTIVITIES, COMPANIES, CONTACTS, OWNERS, to_table

_THROUGH_MAILBOX = ("email", "meeting", "call", "linkedin", "whatsapp", "sms")
"""What reaches the CRM through an owner's mailbox and its plug-in."""


def moments(values: Any) -> pd.Series:
    """Seconds since 1970, or nothing, as UTC times."""
    return pd.to_datetime(pd.Series(values, dtype="float64"), unit="s", utc=True).astype("datetime64[us, UTC]")


def to_owners(owners: list[Owner]) -> pd.DataFrame:
    """The canonical frame of our people."""
    return to_table(OWNERS, [{"owner_id": o.owner_id, "name": o.name, "email": o.email, "is_active": o.is_active} for o in owners])


def to_companies(companies: list[Company]) -> pd.DataFrame:
    """The canonical frame of companies."""
    return to_table(
        COMPANIES,
        [
            {
                "company_id": company.company_id,
                "name": company.name,
                "domain": company.domain,
                "owner_id": company.owner.owner_id,
                "renewal_on": company.renewal_on.isoformat() if company.renewal_on else None,
                "annual_value": company.annual_value,
                "lifecycle_stage": company.stage,
                "is_customer": company.stage == "customer",
            }
            for company in companies
        ],
    )


def to_contacts(people: list[Person], rows: pd.DataFrame, span: Span, seed: int) -> pd.DataFrame:
    """The canonical frame of contacts: what the CRM believes, which is not always so."""
    sent_back = rows[
        (rows["outcome"] == "bounced") & (rows["direction"] == "outbound") & rows["is_broadcast"] & (rows["moment"] <= span.now)
    ]
    bounced_at = sent_back.groupby("person")["moment"].max().to_dict()
    records = [_contact(random.Random(f"{seed}:record:{person.index}"), person, span, bounced_at.get(person.index)) for person in people]
    frame = pd.DataFrame.from_records(records)
    for name in ("created_at", "title_changed_at", "email_bounced_at", "verified_at"):
        frame[name] = moments(frame[name])
    return to_table(CONTACTS, frame)


def _contact(rng: random.Random, person: Person, span: Span, bounced_at: int | None) -> dict[str, Any]:
    title, changed_at, domain = person.title, None, person.company.domain
    if person.promoted_at is not None and rng.random() < 0.5:
        title, changed_at = person.new_title or title, min(person.promoted_at + rng.randint(1, 30) * DAY, span.now)
    if person.left_how == "record" and person.left_at is not None and person.new_email:
        # A data vendor noticed: title and company domain are new, the address is still the old one.
        title = rng.choice(person.language.titles)
        changed_at = min(person.left_at + rng.randint(5, 40) * DAY, span.now)
        domain = person.new_email.split("@")[1]
    seen = rng.random() < 0.07
    latest = min(span.now, person.left_at or span.now)
    return {
        "contact_id": person.contact_id,
        "email": person.email,
        "first_name": person.first,
        "last_name": person.last if person.kind != "shared" else None,
        "title": None if person.kind == "shared" or rng.random() < 0.06 else title,
        "title_changed_at": changed_at,
        "company_id": person.company.company_id,
        "company_domain": domain,
        "owner_id": person.owner.owner_id if person.owner else None,
        "created_at": person.created,
        "time_zone": person.place.zone.key if rng.random() < 0.8 else None,
        "country": person.place.country if rng.random() < 0.9 else None,
        "linkedin_url": f"https://linkedin.example/in/{_slug(person)}" if rng.random() < 0.5 and person.kind != "shared" else None,
        "email_opted_out": person.opted_out,
        "do_not_call": person.do_not_call,
        "email_bounced_at": bounced_at,
        "email_bounce_reason": _bounce_reason(person, bounced_at),
        "email_bounce_code": None if bounced_at is None else "5.1.10" if person.company.mail_system == "exchange" else "5.1.1",
        "verified_at": max(person.created, latest - rng.randint(1, 400) * DAY) if seen else None,
        "merged_into": person.merged_into,
        "is_deleted": person.is_archived or person.merged_into is not None,
    }


def _slug(person: Person) -> str:
    return f"{person.language.latin(person.first)}-{person.language.latin(person.last)}-{person.index:x}"


def _bounce_reason(person: Person, bounced_at: int | None) -> str | None:
    """HubSpot's word for it."""
    if bounced_at is None:
        return None
    is_gone = person.closed_at is not None and bounced_at >= person.closed_at
    return "UNKNOWN_USER" if is_gone else "OTHER" if person.company.domain_gone_at else "MAILBOX_FULL"


def to_activities(
    rows: pd.DataFrame, people: list[Person], owners: list[Owner], span: Span, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The canonical frame of activities as the CRM holds them at now, and beside it which key became which activity_id.

    What would have come through a mailbox that stopped delivering is not there.
    """
    rng = np.random.default_rng([seed, 31])
    deaf = {owner.owner_id: owner.deaf_since for owner in owners if owner.deaf_since is not None}
    broken_since = rows["actor_id"].map(deaf).fillna(np.inf).to_numpy(dtype="float64")
    is_lost = (rows["moment"] >= broken_since) & rows["channel"].isin(_THROUGH_MAILBOX) & ~rows["is_broadcast"]
    kept = rows[(rows["moment"] <= span.now) & ~is_lost].copy()

    order, _ = pd.factorize(kept["key"])
    kept["activity_id"] = pd.Series(81_000_000_001 + order * 7, index=kept.index).astype("str")
    kept["contact_id"] = kept["person"].map({person.index: person.contact_id for person in people})
    kept["company_id"] = kept["person"].map({person.index: person.company.company_id for person in people})
    kept["occurred_at"] = moments(kept["moment"].to_numpy()).to_numpy()

    # Most records are changed when they are made; some later, by hand or all at once by an import.
    by_activity = rng.integers(0, 300, size=int(order.max(initial=0)) + 1), rng.random(size=int(order.max(initial=0)) + 1)
    changed = kept["moment"].to_numpy() + by_activity[0][order]
    imports = np.array([span.now - 200 * DAY, span.now - 90 * DAY, span.now - 12 * DAY])
    later = imports[rng.integers(0, 3, size=by_activity[1].size)][order]
    changed = np.where((by_activity[1][order] < 0.015) & (later > changed), later, changed)
    kept["modified_at"] = moments(np.minimum(changed, span.now)).to_numpy()

    keys = kept[["key", "activity_id"]].drop_duplicates("key")
    frame = kept.drop(columns=["moment", "key", "person", "is_heard"])
    for name in ("occurred_at", "modified_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return to_table(ACTIVITIES, frame), keys


def to_contact_extras(people: list[Person], activities: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Facts of contacts that HubSpot has and the canonical table has not, under HubSpot's property names.

    Counts and dates of marketing mail (hs_email_…) and of our own mail (hs_sales_email_…), the phone number,
    and for a fifth of those who left the day on which HubSpot noticed (hs_job_change_detected_date).
    """
    frame = to_mail_counts(pd.Series([person.contact_id for person in people], dtype="str"), activities)
    noticed, phones = [], []
    for person in people:
        rng = random.Random(f"{seed}:extras:{person.index}")
        phones.append(f"{person.place.phone}{1000 + person.index % 9000}" if rng.random() < 0.7 else None)
        is_noticed = person.left_at is not None and person.left_how != "none" and rng.random() < 0.2
        noticed.append((person.left_at or 0) + rng.randint(1, 15) * DAY if is_noticed else None)
    frame["phone"] = pd.Series(phones, dtype="str")
    frame["hs_job_change_detected_date"] = moments(noticed).dt.normalize()
    return frame


def to_mail_counts(contact_ids: pd.Series, activities: pd.DataFrame) -> pd.DataFrame:
    """What HubSpot counts of the mail to each contact, under its property names."""
    mail = activities[activities["channel"] == "email"]
    many, single = mail[mail["is_broadcast"].astype(bool)], mail[~mail["is_broadcast"].astype(bool)]
    frame = pd.DataFrame({"contact_id": contact_ids})
    sources = {
        ("hs_email_delivered", "count"): many[many["outcome"] == "sent"],
        ("hs_email_open", "count"): many[many["outcome"] == "opened"],
        ("hs_email_click", "count"): many[many["outcome"] == "clicked"],
        ("hs_email_bounce", "count"): many[many["outcome"] == "bounced"],
        ("hs_email_last_send_date", "max"): many[many["direction"] == "outbound"],
        ("hs_email_last_open_date", "max"): many[many["outcome"] == "opened"],
        ("hs_email_last_click_date", "max"): many[many["outcome"] == "clicked"],
        ("hs_sales_email_last_opened", "max"): single[single["outcome"] == "opened"],
        ("hs_sales_email_last_clicked", "max"): single[single["outcome"] == "clicked"],
        ("hs_sales_email_last_replied", "max"): single[(single["outcome"] == "replied") & (single["direction"] == "inbound")],
    }
    for (name, how), chosen in sources.items():
        found = chosen.groupby("contact_id")["occurred_at"].agg(how)
        each = found.reindex(frame["contact_id"]).reset_index(drop=True)
        frame[name] = each.fillna(0).astype("Int64") if how == "count" else each
    return frame
