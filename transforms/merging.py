"""From the records of a person to the person: one row over all CRMs, and one row for each CRM that holds them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

_FACTS_WITH_DATES = {
    "created_at": ("created_at",),
    "title_changed_at": ("title_changed_at",),
    "verified_at": ("verified_at",),
    "job_changed_at": ("job_changed_at",),
    "mail_captured_at": ("mail_captured_at",),
    "email_bounced_at": ("email_bounced_at", "email_bounce_reason", "email_bounce_code"),
}
_LATEST = ("title_changed_at", "verified_at", "job_changed_at", "mail_captured_at")
_FIRM = ["company_id", "company_domain", "company_key", "company"]


def find_records(contacts: pd.DataFrame, people: pd.DataFrame, accounts: pd.Series, as_of: pd.Timestamp) -> pd.DataFrame:
    """All contacts of the persons, with crm, person_id, is_live and matched_by; facts dated after ``as_of`` are taken out.

    ``company_key`` is crm:company_id, ``company`` the account that this company belongs to (see ``accounts.accounts_of``).
    Sorted by person, the oldest record first.
    """
    rows = contacts.assign(**{name: people[name] for name in ("crm", "person_id", "is_live", "matched_by")})
    for dated, facts in _FACTS_WITH_DATES.items():
        later = rows[dated] > as_of
        for fact in facts:
            rows[fact] = rows[fact].mask(later)
    key = rows["crm"] + ":" + rows["company_id"]
    rows = rows.assign(company_key=key, company=key.map(accounts).astype("str").fillna(key))
    return rows.sort_values(["person_id", "created_at", "crm", "contact_id"], na_position="last", ignore_index=True)


def merge_records(records: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """One row for each value of ``by``, from records as :func:`find_records` sorts them: the oldest speaks first, an opt-out in one counts for all."""
    rows = records.set_index(list(by))
    if rows.index.is_unique:
        return rows.sort_index(kind="stable") if len(by) > 1 else rows
    groups = rows.groupby(level=list(range(len(by))))
    merged = groups.first()
    for flag in ("email_opted_out", "do_not_call"):
        merged[flag] = groups[flag].max()
    for latest in _LATEST:
        merged[latest] = groups[latest].max()
    bounced = rows.sort_values("email_bounced_at", na_position="first", kind="stable").groupby(level=list(range(len(by))))
    for fact in _FACTS_WITH_DATES["email_bounced_at"]:
        merged[fact] = bounced[fact].nth(-1).groupby(level=list(range(len(by)))).first()
    # The company and the domain must come from one record, the first that has a company.
    home = rows[rows["company_id"].notna()].groupby(level=list(range(len(by))))[_FIRM].nth(0)
    merged[_FIRM] = home.reindex(merged.index)
    return merged
