"""The accounts: the companies of all CRMs, with what is known of the people of each. Fields of companies are pure functions of it."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from transforms.matching.names import domain_of
from transforms.org import Org
from transforms.persons import PLAIN_FILE
from transforms.policy import Policy
from transforms.vocabulary.fields import Field

PARTS = (
    "person_id",
    "company",
    "first_name",
    "last_name",
    "days_heard",
    "last_heard_at",
    "engagement_state",
    "hear_back_chance",
    "support_state",
    "job_state",
)
"""What a bucket hands on about each of its persons and each account (``company``) that they belong to."""


def accounts_of(companies: pd.DataFrame) -> pd.Series:
    """The account of each company: crm:company_id of the company that stands for it, indexed by crm:company_id.

    Companies of two CRMs with one web domain are one account, named after that of the least CRM (hubspot before salesforce). Where a CRM has
    several companies of that domain, nobody can tell which is meant, so each stays an account of its own. Domains of free mail name nobody.
    """
    crm = companies["crm"].fillna(PLAIN_FILE)
    key = (crm + ":" + companies["company_id"]).to_numpy()
    account = pd.Series(key, index=key, dtype="str")
    account = account[~account.index.duplicated()]
    if crm.nunique() < 2:
        return account
    known = pd.DataFrame({"key": key, "crm": crm.to_numpy(), "domain": companies["domain"].map(domain_of, na_action="ignore").to_numpy()})
    known = known.drop_duplicates("key").dropna(subset="domain").sort_values(["domain", "crm", "key"])
    by_domain = known.groupby("domain")
    is_clear = ~known.duplicated(["domain", "crm"], keep=False).groupby(known["domain"]).transform("any")
    stands_for = by_domain["key"].transform("first")
    account.update(stands_for[is_clear].set_axis(known["key"][is_clear]))
    return account


def merge_accounts(companies: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """One row an account, indexed by its key: what its companies tell together, the one that stands for it first.

    ``renewal_on`` is the nearest day ahead that any of them names, else the latest one passed.
    """
    crm = companies["crm"].fillna(PLAIN_FILE)
    rows = companies.assign(crm=crm, key=crm + ":" + companies["company_id"]).drop_duplicates("key")
    rows = rows.assign(account=rows["key"].map(accounts_of(rows)).astype("str")).sort_values(["account", "crm", "key"])
    if not rows.duplicated("account").any():
        return rows.set_index("account")
    is_ahead = rows["renewal_on"] >= as_of.normalize()
    groups = rows.groupby("account")
    merged = groups.first()
    ahead = rows["renewal_on"].where(is_ahead).groupby(rows["account"]).min()
    merged["renewal_on"] = ahead.fillna(groups["renewal_on"].max())
    merged["annual_value"] = groups["annual_value"].max()
    merged["is_customer"] = groups["is_customer"].max()
    return merged


class AccountBook:
    """All accounts at the moment ``as_of``.

    ``records``: the canonical companies with ``account``, indexed by crm:company_id. ``companies``: one row an account, indexed by its key.
    ``people``: one row a person of an account, with the columns PARTS; ``company`` is the account.
    """

    def __init__(self, companies: pd.DataFrame, parts: pd.DataFrame, as_of: pd.Timestamp, policy: Policy, org: Org) -> None:
        self.as_of, self.policy, self.org = as_of, policy, org
        crm = companies["crm"].fillna(PLAIN_FILE)
        keyed = companies.assign(crm=crm).set_axis((crm + ":" + companies["company_id"]).rename("company"), axis=0)
        keyed = keyed[~keyed.index.duplicated()].sort_index()
        self.records = keyed.assign(account=accounts_of(companies).reindex(keyed.index))
        self.companies = merge_accounts(companies, as_of).rename_axis("company")
        people = parts[parts["company"].isin(self.companies.index)].drop_duplicates(["company", "person_id"])
        self.people = people.sort_values(["company", "person_id"], ignore_index=True)
        self._values: dict[str, pd.Series] = {}

    def value(self, field_: Field) -> pd.Series:
        """The value of a field for every account, computed once; missing where the field says nothing."""
        if field_.name not in self._values:
            self._values[field_.name] = self.align(field_.compute(self)).rename(field_.name)
        return self._values[field_.name]

    def align(self, values: pd.Series) -> pd.Series:
        """``values``, indexed by some of the accounts, with one row for every account."""
        return values.reindex(self.companies.index)

    def of_records(self, field_: Field) -> pd.Series:
        """The value of a field for every company record: that of its account."""
        return self.value(field_).reindex(self.records["account"]).set_axis(self.records.index)

    def count(self, people: pd.DataFrame) -> pd.Series:
        """How many of these people each account has; 0 where none."""
        return self.align(people.groupby("company").size()).fillna(0).astype("int64")

    @cached_property
    def staff(self) -> pd.DataFrame:
        """The people who are not known to have left."""
        return self.people[self.people["job_state"] != "left"]

    @cached_property
    def voices(self) -> pd.DataFrame:
        """The people heard from in the last 90 days."""
        return self.people[self.people["last_heard_at"] > self.as_of - pd.Timedelta(days=self.policy.short_window_days)]

    @cached_property
    def champions(self) -> pd.DataFrame:
        """For each account the person heard from on the most days, indexed by company; on a tie the one heard from latest."""
        heard = self.people[self.people["days_heard"] > 0]
        ranked = heard.sort_values(["company", "days_heard", "last_heard_at", "person_id"], ascending=[True, False, False, True])
        return ranked.drop_duplicates("company").set_index("company")
