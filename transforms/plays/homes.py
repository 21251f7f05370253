"""In which CRM a task is raised for somebody whom several CRMs hold, and for whom. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from transforms.book import Book
from transforms.crms import crm_name
from transforms.persons import PLAIN_FILE
from transforms.plays.alerts import owner_names

BY_OWNER = "owner"


@dataclass(frozen=True)
class TaskHomes:
    """``prefer``: ``owner`` (where the person's record has an active owner), or the name of a CRM, which counts where it holds the person.

    ``crms`` are those in which tasks can be raised now; None: all that hold people.
    """

    prefer: str = BY_OWNER
    crms: frozenset[str] | None = None

    def of(self, book: Book) -> pd.DataFrame:
        """For each person the record on which a task is raised: crm, contact_id, company_id, owner, has_owner, indexed by person_id.

        The preferred CRM; else the one whose record has an active owner; of several the one in which our side last dealt with them, then
        hubspot. ``owner`` is that of the contact, else of the company, else who of us dealt with them last in that CRM; ``has_owner`` says
        whether the records name one. All are missing for persons whom no CRM in question holds.
        """
        sides = book.sides.reset_index()
        if self.crms is not None:
            sides = sides[sides["crm"].isin(list(self.crms))]
        dealt = _last_dealings(book)
        firms = book.companies
        company_owner = firms["owner_id"].set_axis(firms["crm"].fillna(PLAIN_FILE) + ":" + firms["company_id"])
        company_owner = company_owner[~company_owner.index.duplicated()].reindex(sides["company_key"])
        named = sides["owner_id"].fillna(pd.Series(company_owner.to_numpy(), index=sides.index, dtype="str"))
        last = dealt.reindex(pd.MultiIndex.from_frame(sides[["person_id", "crm"]]))
        inactive = inactive_owners(book.owners)
        is_active = [isinstance(owner, str) and (crm, owner) not in inactive for crm, owner in zip(sides["crm"], named, strict=True)]
        ranked = sides[["person_id", "crm", "contact_id", "company_id"]].assign(
            owner=named.fillna(pd.Series(last["actor_id"].to_numpy(), index=sides.index, dtype="str")),
            has_owner=named.notna(),
            is_preferred=sides["crm"] == self.prefer,
            is_active=is_active,
            dealt_at=last["occurred_at"].to_numpy(),
        )
        ranked = ranked.sort_values(
            ["person_id", "is_preferred", "is_active", "dealt_at", "crm"], ascending=[True, False, False, False, True], na_position="last"
        )
        chosen = ranked.drop_duplicates("person_id").set_index("person_id").reindex(book.persons.index)
        chosen["has_owner"] = chosen["has_owner"].astype("boolean").fillna(False).astype(bool)
        return chosen[["crm", "contact_id", "company_id", "owner", "has_owner"]]


def find_asides(book: Book) -> pd.Series:
    """For each person whom several CRMs hold a sentence for each of these: that they are in it too, and who looks after them there."""
    sides = book.sides.reset_index()
    sides = sides[sides.duplicated("person_id", keep=False)]
    names = owner_names(book.owners)
    found: dict[str, dict[str, str]] = {}
    for side in sides.itertuples():
        who = names.get((side.crm, str(side.owner_id)), "")
        told = f"They are in {crm_name(side.crm)} too{f', where {who} looks after them' if who else ''}."
        found.setdefault(side.person_id, {})[side.crm] = told
    return pd.Series(found, dtype="object").reindex(book.persons.index)


def _last_dealings(book: Book) -> pd.DataFrame:
    """When our side last dealt with each person in each CRM, and who it was; indexed by person_id and crm."""
    rows = pd.concat([book.activities, book.told_again]) if len(book.told_again) else book.activities
    rows = rows.loc[rows["actor_id"].notna(), ["person_id", "crm", "occurred_at", "actor_id"]]
    if len(book.told_again):
        rows = rows.sort_values(["person_id", "occurred_at"], kind="stable")
    latest = rows.drop_duplicates(["person_id", "crm"], keep="last")
    index = pd.MultiIndex.from_arrays([latest["person_id"].astype("str"), latest["crm"]], names=["person_id", "crm"])
    return latest[["occurred_at", "actor_id"]].set_axis(index, axis=0)


def inactive_owners(owners: pd.DataFrame) -> set[tuple[str, str]]:
    """Colleagues who do not use the CRM any more: a task of theirs would lie unseen."""
    left = owners[~owners["is_active"].fillna(value=True).astype(bool)]
    return set(zip(left["crm"].fillna(PLAIN_FILE), left["owner_id"], strict=True))


def colleagues(owners: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Who of us each owner is, by crm and owner id: one colleague with one address is one, whatever CRM they work in."""
    crm = owners["crm"].fillna(PLAIN_FILE)
    who = owners["email"].str.strip().str.lower().fillna(crm + "|" + owners["owner_id"])
    return dict(zip(zip(crm, owners["owner_id"], strict=True), who, strict=True))
