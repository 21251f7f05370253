"""Who is who: from the contacts of all CRMs to persons, and from persons to buckets."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pandas as pd

from transforms.matching.evidence import join_groups
from transforms.matching.names import SHARED_MAILBOXES

PLAIN_FILE = "files"
"""The CRM of a row that names none."""


MATCHED = {
    "merge": "a merge in the CRM",
    "email": "the same e-mail address",
    "other_address": "another e-mail address of theirs",
    "mailbox": "the same mailbox, written in another way, and the same name",
    "profile": "the same LinkedIn profile",
    "name": "the same full name at the same firm",
    "short_name": "the same family name and title at the same firm, and a short form of the first name",
}
"""By what a contact was matched to the others of its person, the surest first, and how people are told."""


def email_key(emails: pd.Series) -> pd.Series:
    """The address by which contacts are matched: lower case, trimmed; missing for shared mailboxes and what is no address."""
    address = emails.str.strip().str.lower().str.replace("mailto:", "", regex=False)
    local = address.str.replace("@.*", "", regex=True)
    usable = address.str.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+").fillna(False).astype(bool) & ~local.isin(SHARED_MAILBOXES)
    return address.where(usable)


def person_of(key: str) -> str:
    """The person_id that belongs to an address, as :func:`email_key` gives it."""
    return "p" + blake2b(key.encode(), digest_size=10).hexdigest()


def resolve(contacts: pd.DataFrame, companies: pd.DataFrame | None = None) -> pd.DataFrame:
    """The person behind each contact: a frame crm, contact_id, person_id, is_live, matched_by; one row a contact, in the order of ``contacts``.

    Contacts with one e-mail address are one person, whatever CRM they are in; an address that several people read matches nobody.
    A contact that was merged into another belongs to the person of that one, through any number of merges.
    Then contacts of two CRMs are matched by other evidence (see ``matching.evidence``), never two of one CRM. ``companies`` tells at which
    firm a record is. **All** contacts must be given: whether a name is the only one at its firm, a part of them cannot tell.

    ``matched_by`` is a word of MATCHED, missing for a contact that stands alone. ``is_live`` is false for contacts that were merged away or
    deleted: their history counts, but nothing is written to them.

    ``person_id`` is a digest of the address, so that ids may stand in logs, or else crm:contact_id. Of a person whose contacts have several,
    that of the least CRM counts (files, hubspot, salesforce), so a portal's persons keep their ids when an org is joined to it.
    The same contacts give the same ids on every machine, whatever their order.
    """
    crm = contacts["crm"].fillna(PLAIN_FILE)
    own = (crm + ":" + contacts["contact_id"]).to_numpy(dtype=object)
    into = (crm + ":" + contacts["merged_into"]).to_numpy(dtype=object)
    last = _follow(own, into)
    address = pd.Series(email_key(contacts["email"]).to_numpy(), index=own)
    address = address[~address.index.duplicated()].reindex(last)
    digests = {text: person_of(text) for text in address.dropna().unique()}
    person = np.where(address.notna(), address.map(digests).to_numpy(dtype=object), last)
    matched = _matched_alone(own, last, person)
    crm_code, crms = pd.factorize(crm, sort=True)
    if len(crms) > 1:
        group, ids = pd.factorize(person, sort=True)
        joined = join_groups(contacts, group, crm_code, firms_of(contacts, crm, companies))
        person = ids[joined.root[group]]
        matched = np.where(matched == "", joined.label[group], matched)
    is_live = contacts["merged_into"].isna() & ~contacts["is_deleted"].fillna(False).astype(bool)
    return pd.DataFrame(
        {
            "crm": crm.astype("str"),
            "contact_id": contacts["contact_id"].astype("str"),
            "person_id": pd.Series(person, index=contacts.index).astype("str"),
            "is_live": is_live.astype(bool),
            "matched_by": pd.Series(matched, index=contacts.index).replace("", None).astype("str"),
        },
        index=contacts.index,
    )


def ids_ever(records: pd.DataFrame) -> dict[str, frozenset[str]]:
    """For each person_id of ``records`` (contacts with crm and person_id): every id that the person had while fewer of the records were known."""
    own = records["crm"] + ":" + records["contact_id"]
    found: dict[str, set[str]] = {}
    for person, record, address in zip(records["person_id"], own, email_key(records["email"]), strict=True):
        found.setdefault(person, set()).add(record)
        if isinstance(address, str):
            found[person].add(person_of(address))
    return {person: frozenset(ids) for person, ids in found.items()}


def _matched_alone(own: np.ndarray, last: np.ndarray, person: np.ndarray) -> np.ndarray:
    """What each CRM and the addresses themselves tell: merged, or another record with the same address; empty where neither."""
    ends = pd.DataFrame({"person": person, "last": last})
    shares = ends.groupby("person")["last"].transform("nunique").to_numpy() > 1
    matched: np.ndarray = np.where(own != last, "merge", np.where(shares, "email", ""))
    return matched.astype(object)


def firms_of(contacts: pd.DataFrame, crm: pd.Series, companies: pd.DataFrame | None) -> pd.Series:
    """The domain of the company that each record names."""
    if companies is None or companies.empty:
        return pd.Series(index=contacts.index, dtype="str")
    keys = companies["crm"].fillna(PLAIN_FILE) + ":" + companies["company_id"]
    domains = companies["domain"].set_axis(keys)
    return (crm + ":" + contacts["company_id"]).map(domains[~domains.index.duplicated()])


def _follow(own: np.ndarray, into: np.ndarray) -> np.ndarray:
    """The record at the end of each chain of merges. A chain that bites its tail ends at its least key."""
    step = {a: b for a, b in zip(own, into, strict=True) if isinstance(b, str)}
    last = own.copy()
    for place, key in enumerate(own):
        if key not in step:
            continue
        seen = [key]
        while seen[-1] in step and step[seen[-1]] not in seen:
            seen.append(step[seen[-1]])
        bites = seen[-1] in step
        last[place] = min(seen[seen.index(step[seen[-1]]) :]) if bites else seen[-1]
    return last


def bucket_of(person_id: pd.Series, buckets: int) -> pd.Series:
    """The bucket of each person, 0 to ``buckets`` - 1; the same on every machine and in every run."""
    codes, ids = pd.factorize(person_id)
    numbers = np.array([int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % buckets for text in ids], dtype="int64")
    return pd.Series(numbers[codes] if len(ids) else codes, index=person_id.index, name="bucket", dtype="int64")
