"""The accounts: all companies, with what is known of the people of each. Fields of companies are pure functions of it."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

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
"""What a bucket hands on about each of its persons who belongs to a company."""


class AccountBook:
    """All companies at the moment ``as_of``.

    ``companies``: the canonical frame, indexed by crm:company_id. ``people``: one row a person of a company, with the columns PARTS.
    """

    def __init__(self, companies: pd.DataFrame, parts: pd.DataFrame, as_of: pd.Timestamp, policy: Policy, org: Org) -> None:
        self.as_of, self.policy, self.org = as_of, policy, org
        crm = companies["crm"].fillna(PLAIN_FILE)
        keyed = companies.assign(crm=crm).set_axis((crm + ":" + companies["company_id"]).rename("company"), axis=0)
        self.companies = keyed[~keyed.index.duplicated()].sort_index()
        self.people = parts[parts["company"].isin(self.companies.index)].sort_values(["company", "person_id"], ignore_index=True)
        self._values: dict[str, pd.Series] = {}

    def value(self, field_: Field) -> pd.Series:
        """The value of a field for every company, computed once; missing where the field says nothing."""
        if field_.name not in self._values:
            self._values[field_.name] = self.align(field_.compute(self)).rename(field_.name)
        return self._values[field_.name]

    def align(self, values: pd.Series) -> pd.Series:
        """``values``, indexed by some of the companies, with one row for every company."""
        return values.reindex(self.companies.index)

    def count(self, people: pd.DataFrame) -> pd.Series:
        """How many of these people each company has; 0 where none."""
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
        """For each company the person heard from on the most days, indexed by company; on a tie the one heard from latest."""
        heard = self.people[self.people["days_heard"] > 0]
        ranked = heard.sort_values(["company", "days_heard", "last_heard_at", "person_id"], ascending=[True, False, False, True])
        return ranked.drop_duplicates("company").set_index("company")
