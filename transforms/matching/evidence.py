"""Which persons of two CRMs are one human, by what speaks for it beside a common address. A wrong match is worse than none.

The persons of each CRM come as groups of contacts that share an address. Each kind of evidence, the surest first, gives keys; groups with a
common key are joined where each CRM knows no more than one of them and nothing shows that they are two. Groups are joined only over CRMs,
never within one: what one CRM holds apart stays apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from transforms.matching import names

CONTACT_COLUMNS = ("email", "other_emails", "first_name", "last_name", "title", "company_domain", "linkedin_url")


@dataclass(frozen=True)
class Joined:
    """For each group: ``root``, the group of the least CRM that it is joined with (its own number where it stands alone), and ``label``, by what."""

    root: np.ndarray
    label: np.ndarray


def join_groups(contacts: pd.DataFrame, group: np.ndarray, crm: np.ndarray, firm: pd.Series) -> Joined:
    """Join groups over CRMs.

    ``contacts`` has CONTACT_COLUMNS; ``group`` and ``crm`` are the codes of each contact's group and CRM (the lesser CRM gives its id to
    both); ``firm`` is the domain of the company of each contact's record, where that is known.
    """
    number = int(group.max()) + 1 if len(group) else 0
    in_crm = np.zeros((number, int(crm.max()) + 1 if len(crm) else 0), dtype=bool)
    in_crm[group, crm] = True
    label = np.full(number, "", dtype=object)
    if in_crm.shape[1] < 2:
        return Joined(np.arange(number), label)
    facts = _Facts(contacts, group, firm)
    root = np.arange(number)
    for name, make, may in EVIDENCE:
        keys = make(facts)
        links = _links(keys.assign(group=root[keys["group"].to_numpy(dtype="int64")]), _held(in_crm, root))
        now = _Known(facts, root, links)
        links = links[[may(now, a, b) for a, b in zip(links["a"], links["b"], strict=True)]] if len(links) else links
        joined = _united(links, _held(in_crm, root))
        is_joined = np.bincount(joined[np.unique(root)], minlength=number)[joined[root]] > 1
        label[is_joined & (label == "")] = name
        root = joined[root]
    return Joined(_least(root, in_crm), label)


class _Facts:
    """What is known of each group, in the form in which it is compared: frames of group and key, any number of keys a group."""

    def __init__(self, contacts: pd.DataFrame, group: np.ndarray, firm: pd.Series) -> None:
        self._group = group
        email = contacts["email"].str.strip().str.lower().str.removeprefix("mailto:")
        usable = _mapped(email, lambda text: text if names.is_address(text) else None)
        local = usable.str.partition("@")[0] if usable.notna().any() else usable
        own = self._rows(usable.mask(local.isin(names.SHARED_MAILBOXES)))
        self.addresses = pd.concat([own, _other_addresses(contacts["other_emails"], group)]).drop_duplicates()
        self.mailboxes = self._rows(_mapped(usable.mask(local.isin(names.SHARED_MAILBOXES)), names.mailbox_of))
        self.profiles = self._rows(_mapped(contacts["linkedin_url"], names.profile_of))
        self.titles = self._rows(_mapped(contacts["title"], names.title_of))
        self.domains = pd.concat(
            [
                self._rows(_mapped(contacts["company_domain"], names.domain_of)),
                self._rows(_mapped(firm, names.domain_of)),
                self._rows(_mapped(usable, names.domain_of)),
            ]
        ).drop_duplicates()
        both = contacts["first_name"].fillna("") + "\n" + contacts["last_name"].fillna("")
        self.names = self._rows(_mapped(both, lambda text: names.full_name(*text.split("\n", 1))))
        self.parts = self._rows(_mapped(both.mask(~both.str.contains(r"\w\s*\n\s*\w", regex=True)), _parts))

    def _rows(self, values: pd.Series) -> pd.DataFrame:
        known = values.notna().to_numpy()
        return pd.DataFrame({"group": self._group[known], "key": values.to_numpy(dtype=object)[known]}).drop_duplicates()


class _Known:
    """Looks up what is known of the groups that links name: sets of addresses, profiles, names. Groups that were joined before speak as one."""

    def __init__(self, facts: _Facts, root: np.ndarray, links: pd.DataFrame) -> None:
        self._facts, self._root = facts, root
        self._asked = np.zeros(len(root), dtype=bool)
        self._asked[np.concatenate([links["a"].to_numpy(dtype="int64"), links["b"].to_numpy(dtype="int64")])] = True
        self._sets: dict[str, dict[int, set[Any]]] = {}

    def of(self, what: str, group: int) -> set[Any]:
        if what not in self._sets:
            rows: pd.DataFrame = getattr(self._facts, what)
            roots = self._root[rows["group"].to_numpy()]
            asked = self._asked[roots]
            found: dict[int, set[Any]] = {}
            for one, key in zip(roots[asked].tolist(), rows["key"][asked], strict=True):
                found.setdefault(one, set()).add(key)
            self._sets[what] = found
        return self._sets[what].get(group, set())


def _other_addresses(others: pd.Series, group: np.ndarray) -> pd.DataFrame:
    """The further addresses that a CRM knows of the same person; mailboxes that many read are left out."""
    known = others.notna().to_numpy()
    told = others[known].str.lower().str.split(";")
    rows = pd.DataFrame(
        {
            "group": np.repeat(group[known], told.str.len().fillna(0).astype("int64")),
            "key": told.explode().str.strip().to_numpy(dtype=object),
        }
    )
    usable = [names.is_address(text) and text.partition("@")[0] not in names.SHARED_MAILBOXES for text in rows["key"]]
    return rows[usable]


def _mapped(values: pd.Series, make: Callable[[str], object]) -> pd.Series:
    """Each different text made once."""
    codes, texts = pd.factorize(values)
    made = np.empty(len(texts) + 1, dtype=object)
    for place, text in enumerate(texts):
        made[place] = make(text)
    return pd.Series(made[codes], index=values.index, dtype="object")


def _parts(text: str) -> tuple[str, str] | None:
    """The first word of the given name, and the family name; None where either is missing."""
    first, last = (names.words_of(part) for part in text.split("\n", 1))
    return (first[0], " ".join(last)) if first and last else None


# -- kinds of evidence: what gives the keys, and what forbids to join two groups that share one --------------------------------------------


def _by_address(facts: _Facts) -> pd.DataFrame:
    return facts.addresses


def _by_mailbox(facts: _Facts) -> pd.DataFrame:
    return _paired(facts.mailboxes, facts.names)


def _by_profile(facts: _Facts) -> pd.DataFrame:
    return facts.profiles


def _by_name(facts: _Facts) -> pd.DataFrame:
    return _paired(facts.names, facts.domains)


def _by_short_name(facts: _Facts) -> pd.DataFrame:
    last = facts.parts.assign(key=[part[1] for part in facts.parts["key"]])
    return _paired(_paired(last, facts.domains), facts.titles)


def _paired(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    both = one.merge(other, on="group", suffixes=("", "_other"))
    first, second = pd.factorize(both["key"])[0], pd.factorize(both["key_other"])[0]
    return pd.DataFrame({"group": both["group"], "key": first.astype("int64") * (int(second.max(initial=0)) + 1) + second})


def _always(_known: _Known, _one: int, _other: int) -> bool:
    return True


def _may_by_mailbox(known: _Known, one: int, other: int) -> bool:
    """Whether their profiles do not show two people."""
    mine, theirs = known.of("profiles", one), known.of("profiles", other)
    return not mine or not theirs or bool(mine & theirs)


def _may_by_profile(known: _Known, one: int, other: int) -> bool:
    """A profile is joined unless the names have nothing in common: somebody pasted the wrong one."""
    mine, theirs = known.of("names", one), known.of("names", other)
    return not mine or not theirs or any(set(a) & set(b) for a in mine for b in theirs)


def _may_by_name(known: _Known, one: int, other: int) -> bool:
    return _may_by_mailbox(known, one, other) and not _shows_two(known, one, other)


def _may_by_short_name(known: _Known, one: int, other: int) -> bool:
    pairs = [(a, b) for a in known.of("parts", one) for b in known.of("parts", other) if a[1] == b[1]]
    return any(names.is_short_of(a[0], b[0]) for a, b in pairs) and _may_by_name(known, one, other)


def _shows_two(known: _Known, one: int, other: int) -> bool:
    """Whether two different addresses at one firm's domain show two people."""
    people = known.of("names", one) | known.of("names", other)
    for mine in known.of("addresses", one):
        for theirs in known.of("addresses", other):
            (a, _, home), (b, _, there) = mine.partition("@"), theirs.partition("@")
            if home == there and a != b and names.domain_of(home) and not any(names.are_forms(name, a, b) for name in people):
                return True
    return False


EVIDENCE: tuple[tuple[str, Callable[[_Facts], pd.DataFrame], Callable[[_Known, int, int], bool]], ...] = (
    ("other_address", _by_address, _always),
    ("mailbox", _by_mailbox, _may_by_mailbox),
    ("profile", _by_profile, _may_by_profile),
    ("name", _by_name, _may_by_name),
    ("short_name", _by_short_name, _may_by_short_name),
)
"""The kinds of evidence, the surest first: an address that one CRM knows as a further one, or that a record had before a merge; one mailbox written in two ways and one full name;
one LinkedIn profile; one full name at one firm; one family name, a short first name, one title at one firm."""


# -- joining -------------------------------------------------------------------------------------------------------------------------------


def _held(in_crm: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Which CRMs hold each group, where it is the root of what was joined."""
    held = np.zeros_like(in_crm)
    np.logical_or.at(held, root, in_crm)
    return held


def _links(keys: pd.DataFrame, held: np.ndarray) -> pd.DataFrame:
    """Pairs of groups (a below b) that share a key of which no CRM knows two groups."""
    rows = keys.drop_duplicates()
    code = pd.factorize(rows["key"])[0]
    rows = rows.assign(code=code)
    often = np.bincount(code)[code] > 1 if len(code) else np.zeros(0, dtype=bool)
    rows = rows[often]
    if rows.empty:
        return pd.DataFrame(columns=["a", "b"])
    each = np.zeros((int(code.max()) + 1, held.shape[1]), dtype="int64")
    np.add.at(each, rows["code"].to_numpy(), held[rows["group"].to_numpy()].astype("int64"))
    is_twice = np.asarray((each > 1).any(axis=1))
    rows = rows[~is_twice[rows["code"].to_numpy()]]
    pairs = rows.merge(rows, on="code", suffixes=("", "_b"))
    pairs = pairs[pairs["group"] < pairs["group_b"]].drop_duplicates(["group", "group_b"])
    return pd.DataFrame({"a": pairs["group"], "b": pairs["group_b"]})


def _united(links: pd.DataFrame, held: np.ndarray) -> np.ndarray:
    """For each group the least group that the links join it with. Links that would join two groups of one CRM all fall."""
    number = len(held)
    if links.empty:
        return np.arange(number)
    a, b = links["a"].to_numpy(dtype="int64"), links["b"].to_numpy(dtype="int64")
    while True:
        _, cluster = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(number, number)), directed=False)
        each = np.zeros((int(cluster.max()) + 1, held.shape[1]), dtype="int64")
        np.add.at(each, cluster, held.astype("int64"))
        falls = np.asarray((each > 1).any(axis=1))[cluster[a]]
        if not falls.any():
            break
        a, b = a[~falls], b[~falls]
    least = np.full(int(cluster.max()) + 1, number)
    np.minimum.at(least, cluster, np.arange(number))
    united: np.ndarray = least[cluster]
    return united


def _least(root: np.ndarray, in_crm: np.ndarray) -> np.ndarray:
    """The root of each group that lies in the least CRM: CRMs are ordered, and no two joined groups are in one."""
    first = np.where(in_crm.any(axis=1), in_crm.argmax(axis=1), in_crm.shape[1])
    order = np.lexsort((np.arange(len(root)), first, root))
    starts = np.ones(len(root), dtype=bool)
    starts[1:] = root[order][1:] != root[order][:-1]
    chosen = np.empty(len(root), dtype="int64")
    chosen[root[order][starts]] = order[starts]
    found: np.ndarray = chosen[root]
    return found
