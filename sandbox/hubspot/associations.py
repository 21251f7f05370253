"""Which records belong together: links with their types, kept in both directions."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

CATEGORY = "HUBSPOT_DEFINED"

# HubSpot's own association types, from its associations guide; the direction matters.
DEFAULTS: dict[tuple[str, str], int] = {
    ("tasks", "contacts"): 204,
    ("contacts", "tasks"): 203,
    ("tasks", "companies"): 192,
    ("companies", "tasks"): 191,
    ("tasks", "tickets"): 230,
    ("tickets", "tasks"): 229,
    ("emails", "contacts"): 198,
    ("contacts", "emails"): 197,
    ("emails", "companies"): 186,
    ("companies", "emails"): 185,
    ("emails", "tickets"): 224,
    ("tickets", "emails"): 223,
    ("calls", "contacts"): 194,
    ("contacts", "calls"): 193,
    ("calls", "companies"): 182,
    ("companies", "calls"): 181,
    ("calls", "tickets"): 220,
    ("tickets", "calls"): 219,
    ("meetings", "contacts"): 200,
    ("contacts", "meetings"): 199,
    ("meetings", "companies"): 188,
    ("companies", "meetings"): 187,
    ("meetings", "tickets"): 226,
    ("tickets", "meetings"): 225,
    ("notes", "contacts"): 202,
    ("contacts", "notes"): 201,
    ("notes", "companies"): 190,
    ("companies", "notes"): 189,
    ("notes", "tickets"): 228,
    ("tickets", "notes"): 227,
    ("communications", "contacts"): 81,
    ("contacts", "communications"): 82,
    ("communications", "companies"): 87,
    ("companies", "communications"): 88,
    ("communications", "tickets"): 83,
    ("tickets", "communications"): 84,
    ("contacts", "companies"): 279,
    ("companies", "contacts"): 280,
    ("contacts", "tickets"): 15,
    ("tickets", "contacts"): 16,
    ("tickets", "companies"): 339,
    ("companies", "tickets"): 340,
    ("companies", "companies"): 13,
    ("contacts", "contacts"): 449,
}
PRIMARIES: dict[tuple[str, str], int] = {
    ("contacts", "companies"): 1,
    ("companies", "contacts"): 2,
    ("tickets", "companies"): 26,
    ("companies", "tickets"): 25,
}

FIRST_LABEL = 1001
"""The number of the first label of one's own. HubSpot's own types have smaller ones, and links are kept by the number alone."""


@dataclass(frozen=True)
class Label:
    """One association type between two object types. ``label`` None is the plain one; ``name`` is the one that somebody gave it."""

    type_id: int
    label: str | None
    category: str = CATEGORY
    name: str = ""


class Links:
    """All links of a portal.

    A plain link is just an id in a list; only links with other types than the default have an entry of their own, which keeps a
    portal with hundreds of thousands of links small.
    """

    def __init__(self) -> None:
        self._to: dict[tuple[str, str], dict[int, list[int]]] = {}
        self._typed: dict[tuple[str, str], dict[tuple[int, int], frozenset[int]]] = {}
        self.custom: dict[tuple[str, str], list[Label]] = {}
        self._partner: dict[int, int] = {}
        self._next_label = FIRST_LABEL

    def labels(self, pair: tuple[str, str]) -> list[Label]:
        """The types that a link of this direction may have."""
        found = []
        if pair in DEFAULTS:
            found.append(Label(DEFAULTS[pair], None))
        if pair in PRIMARIES:
            found.append(Label(PRIMARIES[pair], "Primary"))
        return found + self.custom.get(pair, [])

    def add_label(self, pair: tuple[str, str], label: str, inverse: str | None, name: str = "") -> tuple[Label, Label]:
        """Make a label of one's own, for both directions."""
        there = Label(self._next_label, label, "USER_DEFINED", name)
        back = Label(self._next_label + 1, inverse or label, "USER_DEFINED", name)
        self._next_label += 2
        self.custom.setdefault(pair, []).append(there)
        self.custom.setdefault(pair[::-1], []).append(back)
        self._partner[there.type_id] = back.type_id
        self._partner[back.type_id] = there.type_id
        return there, back

    def rename_label(self, pair: tuple[str, str], type_id: int, label: str, inverse: str | None) -> bool:
        """Change the words of a label of one's own, the other direction's too where they are given. False where there is none of that number."""
        if all(one.type_id != type_id for one in self.custom.get(pair, [])):
            return False
        words = {type_id: label, self._partner[type_id]: inverse}
        for way in (pair, pair[::-1]):
            self.custom[way] = [replace(one, label=words.get(one.type_id) or one.label) for one in self.custom[way]]
        return True

    def drop_label(self, pair: tuple[str, str], type_id: int) -> bool:
        """Take a label of one's own away, in both directions and from all links. False where there is none of that number."""
        if all(one.type_id != type_id for one in self.custom.get(pair, [])):
            return False
        gone = {type_id, self._partner[type_id]}
        for way in (pair, pair[::-1]):
            self.custom[way] = [one for one in self.custom[way] if one.type_id not in gone]
            typed = self._typed.get(way, {})
            typed.update({ends: numbers - gone for ends, numbers in typed.items()})
        return True

    def of(self, pair: tuple[str, str], from_id: int) -> list[int]:
        """The ids at the other end, in rising order."""
        return self._to.get(pair, {}).get(from_id, [])

    def types(self, pair: tuple[str, str], from_id: int, to_id: int) -> list[Label]:
        """The types of one link; empty where there is none."""
        if to_id not in self.of(pair, from_id):
            return []
        ids = self._typed.get(pair, {}).get((from_id, to_id), frozenset((DEFAULTS.get(pair, 0),)))
        return [label for label in self.labels(pair) if label.type_id in ids]

    def primary(self, pair: tuple[str, str], from_id: int) -> int | None:
        """The id at the other end of the primary link."""
        mark = PRIMARIES.get(pair)
        typed = self._typed.get(pair, {})
        return next((to for to in self.of(pair, from_id) if mark in typed.get((from_id, to), ())), None)

    def load(self, pair: tuple[str, str], links: Iterable[tuple[int, int]]) -> None:
        """Many plain links at once, both directions, without questions. Doubles are left out."""
        there, back = self._to.setdefault(pair, {}), self._to.setdefault(pair[::-1], {})
        for from_id, to_id in links:
            ids = there.get(from_id)
            if ids is None:
                there[from_id] = [to_id]
            elif to_id in ids:
                continue
            else:
                bisect.insort(ids, to_id)
            ids = back.get(to_id)
            if ids is None:
                back[to_id] = [from_id]
            elif ids[-1] < from_id:
                ids.append(from_id)
            else:
                bisect.insort(ids, from_id)

    def add(self, pair: tuple[str, str], from_id: int, to_id: int, type_ids: Iterable[int] = ()) -> None:
        """Link two records. The plain type is always there; a contact's first company becomes its primary one."""
        wanted = set(type_ids)
        mark = PRIMARIES.get(pair)
        if pair in {("contacts", "companies"), ("tickets", "companies")} and self.primary(pair, from_id) is None and mark:
            wanted.add(mark)
        back = PRIMARIES.get(pair[::-1])
        if pair in {("companies", "contacts"), ("companies", "tickets")} and self.primary(pair[::-1], to_id) is None and mark:
            wanted.add(mark)
        self._link(pair, from_id, to_id, wanted)
        reverse = {self._partner[i] for i in wanted if i in self._partner}
        if mark in wanted and back:
            reverse.add(back)
        self._link(pair[::-1], to_id, from_id, reverse)
        if mark in wanted:
            self._only_primary(pair, from_id, to_id)

    def _only_primary(self, pair: tuple[str, str], from_id: int, to_id: int) -> None:
        # One contact (or ticket) has one primary company; a company is primary to many.
        if pair[1] != "companies":
            pair, from_id, to_id = pair[::-1], to_id, from_id
        for other in self.of(pair, from_id):
            if other != to_id:
                self._drop_type(pair, from_id, other, PRIMARIES[pair])
                self._drop_type(pair[::-1], other, from_id, PRIMARIES[pair[::-1]])

    def _drop_type(self, pair: tuple[str, str], from_id: int, to_id: int, type_id: int) -> None:
        typed = self._typed.get(pair, {})
        left = typed.get((from_id, to_id), frozenset()) - {type_id}
        if (from_id, to_id) in typed:
            typed[(from_id, to_id)] = left

    def _link(self, pair: tuple[str, str], from_id: int, to_id: int, type_ids: set[int]) -> None:
        ids = self._to.setdefault(pair, {}).setdefault(from_id, [])
        if to_id not in ids:
            bisect.insort(ids, to_id)
        plain = DEFAULTS.get(pair)
        known = self._typed.setdefault(pair, {}).get((from_id, to_id), frozenset())
        wanted = known | type_ids | ({plain} if plain else set())
        if wanted != {plain}:
            self._typed[pair][(from_id, to_id)] = frozenset(wanted)

    def remove(self, pair: tuple[str, str], from_id: int, to_id: int) -> None:
        """Take a link away, with all its types, in both directions."""
        for way, a, b in ((pair, from_id, to_id), (pair[::-1], to_id, from_id)):
            ids = self._to.get(way, {}).get(a, [])
            if b in ids:
                ids.remove(b)
            self._typed.get(way, {}).pop((a, b), None)

    def remove_label(self, pair: tuple[str, str], from_id: int, to_id: int, type_id: int) -> None:
        """Take one type of a link away; taking the plain one takes the link."""
        if type_id == DEFAULTS.get(pair):
            self.remove(pair, from_id, to_id)
            return
        self._drop_type(pair, from_id, to_id, type_id)
        partner = PRIMARIES.get(pair[::-1]) if type_id == PRIMARIES.get(pair) else self._partner.get(type_id)
        if partner:
            self._drop_type(pair[::-1], to_id, from_id, partner)

    def partners(self, kind: str, record_id: int) -> Iterator[tuple[str, int]]:
        """All records linked to one."""
        for (start, end), ends in list(self._to.items()):
            if start == kind:
                for to_id in list(ends.get(record_id, ())):
                    yield end, to_id

    def move(self, kind: str, old: int, new: int) -> None:
        """Give the links of one record to another."""
        for other, to_id in list(self.partners(kind, old)):
            kept = {label.type_id for label in self.types((kind, other), old, to_id)}
            self.remove((kind, other), old, to_id)
            if (other, to_id) != (kind, new):
                self.add((kind, other), new, to_id, kept)

    def forget(self, kind: str, record_id: int) -> None:
        """Take all links of a record away."""
        for other, to_id in list(self.partners(kind, record_id)):
            self.remove((kind, other), record_id, to_id)
