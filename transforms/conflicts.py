"""Where the CRMs disagree about a person: two employers, two titles, or one saw them change jobs. Signs that one record is out of date."""

from __future__ import annotations

from typing import Any

import pandas as pd

from transforms.book import Book
from transforms.crms import crm_name
from transforms.fields.wording import day
from transforms.matching import names
from transforms.persons import PLAIN_FILE

COLUMNS = ("person_id", "at", "sign", "words")


def conflicts(book: Book) -> pd.DataFrame:
    """One row a person and sign: ``sign`` is two_employers, two_titles or job_change, ``at`` since when, ``words`` the sentence without its stop.

    ``at`` of a disagreement is the later of the moments at which the two records were last known to be right: when the title was changed,
    the record verified, or the record made.
    """
    found = [*_disagreements(book), *_seen_moving(book)]
    return pd.DataFrame(found, columns=list(COLUMNS)).astype(
        {"at": "datetime64[us, UTC]", "person_id": "str", "sign": "str", "words": "str"}
    )


def verified_records(book: Book) -> pd.DataFrame:
    """When each person's record was verified (``record``) and its title changed (``title``).

    Where two CRMs name two employers, only the older claim counts: the later one is what speaks against it.
    """
    persons = book.persons
    dates = persons[["verified_at", "title_changed_at"]].set_axis(["record", "title"], axis=1)
    told = book.frame(conflicts)
    torn = told.loc[told["sign"] == "two_employers", "person_id"]
    if torn.empty:
        return dates
    older = _claims(book)
    older = (
        older[older["person_id"].isin(torn)].sort_values(["person_id", "said_at", "crm"], na_position="first").drop_duplicates("person_id")
    )
    older = older.set_index("person_id")[["verified_at", "title_changed_at"]].set_axis(["record", "title"], axis=1)
    kept = dates.copy()
    kept.loc[older.index] = older
    return kept


def _claims(book: Book) -> pd.DataFrame:
    """What each CRM says of the persons whom more than one holds, with ``said_at``, ``firm`` (its name) and ``domain``."""
    sides = book.sides.reset_index()
    sides = sides[sides.duplicated("person_id", keep=False)]
    firms = book.companies.set_axis(book.companies["crm"].fillna(PLAIN_FILE) + ":" + book.companies["company_id"], axis=0)
    firms = firms[~firms.index.duplicated()].reindex(sides["company_key"])
    own = pd.Series(firms["domain"].to_numpy(), index=sides.index, dtype="str")
    domain = sides["company_domain"].fillna(own).map(names.domain_of, na_action="ignore")
    by_mail = sides["email"].map(names.domain_of, na_action="ignore")
    said = sides[["title_changed_at", "verified_at", "created_at"]].max(axis=1)
    return sides.assign(
        said_at=said,
        firm=pd.Series(firms["name"].to_numpy(), index=sides.index, dtype="str"),
        own_domain=own.map(names.domain_of, na_action="ignore").astype("str"),
        domain=domain.where(domain.notna() | sides["company_id"].notna(), by_mail).astype("str"),
    )


def _disagreements(book: Book) -> list[tuple[Any, ...]]:
    claims = _claims(book)
    if claims.empty:
        return []
    found = []
    ordered = claims.sort_values(["person_id", "crm"])
    for person, rows in _by_person(ordered):
        first, second = rows[0], rows[-1]
        sign = "two_employers" if _other_firm(first, second) else "two_titles" if _other_title(first, second) else None
        if sign is None:
            continue
        later = max(
            (first, second), key=lambda claim: (pd.notna(claim.said_at), claim.said_at if pd.notna(claim.said_at) else pd.Timestamp.min)
        )
        told = [_claim(claim, sign, is_later=claim is later) for claim in (first, second)]
        found.append((person, later.said_at, sign, ", ".join(told)))
    return found


def _by_person(rows: pd.DataFrame) -> list[tuple[str, list[Any]]]:
    people: dict[str, list[Any]] = {}
    for row in rows.itertuples(index=False):
        people.setdefault(str(row.person_id), []).append(row)
    return list(people.items())


def _other_firm(one: Any, other: Any) -> bool:
    """Whether two records name two firms: neither their domains nor their names may be of one."""
    mine, theirs = ([name for name in (claim.domain, claim.own_domain) if isinstance(name, str)] for claim in (one, other))
    if not mine or not theirs or any(names.same_firm(a, b) for a in mine for b in theirs):
        return False
    return not (isinstance(one.firm, str) and isinstance(other.firm, str) and names.fold(one.firm) == names.fold(other.firm))


def _other_title(one: Any, other: Any) -> bool:
    mine, theirs = names.title_of(one.title), names.title_of(other.title)
    return mine is not None and theirs is not None and not names.same_title(mine, theirs)


def _claim(claim: Any, sign: str, *, is_later: bool) -> str:
    """``Salesforce says COO at Brenner since 3 March 2026``; the day stands only where it says which record is the newer."""
    firm = claim.firm if isinstance(claim.firm, str) else claim.domain
    title = claim.title if isinstance(claim.title, str) else ""
    what = title if sign == "two_titles" else f"{title} at {firm}".strip()
    since = ""
    if is_later and pd.notna(claim.said_at):
        since = f" since {day(claim.said_at)}" if claim.said_at == claim.title_changed_at else f" (known on {day(claim.said_at)})"
    return f"{crm_name(claim.crm)} says {what}{since}"


def _seen_moving(book: Book) -> list[tuple[Any, ...]]:
    """Whom a CRM's own data service saw change jobs, and when."""
    sides = book.sides["job_changed_at"].dropna().reset_index().sort_values(["person_id", "job_changed_at", "crm"])
    latest = sides.drop_duplicates("person_id", keep="last")
    return [
        (person, at, "job_change", f"{crm_name(crm)}'s own data service saw them change jobs on {day(at)}")
        for person, crm, at in latest[["person_id", "crm", "job_changed_at"]].itertuples(index=False)
    ]
