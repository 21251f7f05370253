"""``stillthere forget``: forget a person here, in every record of theirs. For whom no CRM tells us to forget: the CRM is gone, or it is wished here alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd

from flows.answer import Answer
from flows.guards import forget_in_plans
from flows.running import LEASE_S
from flows.settings import load_settings
from flows.work import Work, open_work
from store.forgetting import forget_pending
from transforms.crms import crm_name
from transforms.vocabulary.errors import BadInput


def run_forget(*, contact: str, dry_run: bool) -> Answer:
    """Forget the person of that address or record id, or only say what would be forgotten. Asks no CRM and writes in none.

    Raises BadInput where nobody is found, RefusedToGuess where a run is under way.
    """
    work = open_work(load_settings(), offline=True)
    if dry_run:
        return _answer(work, _records(work, contact), went=None)
    now = datetime.now(UTC)
    with work.journal.lease("run", holder="forget", ttl_s=LEASE_S, now=now):
        found = _records(work, contact)
        for crm, part in found.groupby("crm"):
            work.lake.request_erasure(str(crm), part["contact_id"].tolist())
        forget_in_plans(work)
        went = forget_pending(work.lake, work.journal)
    return _answer(work, found, went=went)


def _records(work: Work, contact: str) -> pd.DataFrame:
    """Every record of the person: crm, contact_id, is_live."""
    rows = work.lake.read("contacts", columns=["crm", "contact_id", "email", "other_emails", "merged_into", "is_deleted"])
    wanted = contact.strip().lower()
    if not wanted:
        raise BadInput("Somebody was to be forgotten, and neither address nor id was given; give the e-mail address or the id of a record.")
    others = rows["other_emails"].fillna("").str.lower().str.split(";").map(lambda each: wanted in [one.strip() for one in each])
    is_meant = (rows["contact_id"] == contact.strip()) | (rows["email"].str.lower() == wanted) | others.astype(bool)
    index = work.lake.index()
    persons = index.merge(rows.loc[is_meant, ["crm", "contact_id"]], on=["crm", "contact_id"])["person_id"].unique()
    if len(persons) == 0:
        raise BadInput("Somebody was to be forgotten, and no record has that address or id; give the e-mail address or the id of a record.")
    if len(persons) > 1:
        raise BadInput(f"That address or id belongs to {len(persons)} persons here; give the id of a record of the one who is meant.")
    theirs = index[index["person_id"].isin(persons)].merge(rows, on=["crm", "contact_id"])
    is_live = theirs["merged_into"].isna() & ~theirs["is_deleted"].fillna(value=False).astype(bool)
    return theirs[["crm", "contact_id"]].assign(is_live=is_live).sort_values(["crm", "contact_id"], ignore_index=True)


def _answer(work: Work, found: pd.DataFrame, *, went: int | None) -> Answer:
    """What was forgotten, by ids alone, and in which CRMs the person still stands as far as we know."""
    still = sorted(set(found.loc[found["is_live"] & found["crm"].isin(work.settings.connected), "crm"]))
    records = [{"crm": row.crm, "contact_id": row.contact_id} for row in found.itertuples()]
    named = ", ".join(f"{crm_name(row['crm'])} {row['contact_id']}" for row in records)
    told = [
        f"Would be forgotten: {named}."
        if went is None
        else f"Forgotten: {named}, with {went:,} rows of the lake. That it was done is kept."
    ]
    told += [
        f"{crm_name(crm)} still holds them, as far as we know: erase them there too, or the next change of the record brings them back."
        for crm in still
    ]
    return Answer({"records": records, "rows": went, "still_in": still, "is_done": went is not None}, told)
