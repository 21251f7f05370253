"""What an org shows us of itself: which objects and fields our user may read. Found out once a day, for all objects in one call.

A field that is hidden from us is an error in a query, as if it did not exist. So only what describe shows is asked for, and what is missing is told.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.salesforce.client import COMPOSITE_LIMIT, Client, Part, parts
from connectors.salesforce.names import CRM, OBJECTS, TASK_KEY, api_name
from connectors.salesforce.streams import FOLLOWERS, METRICS, OWNERS, STREAMS, Children, Stream
from transforms.vocabulary.changes import Finding
from transforms.vocabulary.errors import CrmUnreachable, QuotaSpent
from transforms.vocabulary.fields import Field

DAY_MS = 86_400_000
PARENTS = {
    "Account": "Account",
    "CreatedBy": "User",
    "Parent": "Case",
    "Campaign": "Campaign",
    "Contact": "Contact",
    "EmailMessage": "EmailMessage",
}
"""Which object a path's first part leads to."""

NEEDED = ("Contact", "Account", "User", "Task")
"""Objects without which an org cannot be read to any purpose."""

PORTAL_USER = "CreatedBy.ContactId"
"""The contact whom a portal user is. An org without a portal does not have it."""

OPTIONAL = frozenset({TASK_KEY, "Type", "AutomationType", PORTAL_USER, "ContactId", "SystemModstamp"})
"""Fields that many orgs (or, as the last, some objects) do not have, and that nobody needs to be told of."""

COSTS = {
    "HasOptedOutOfEmail": "nobody can tell who does not want e-mail",
    "DoNotCall": "nobody can tell who does not want to be called",
    "EmailBouncedDate": "bounces that the org counted are not known",
    "Lead": "leads are not read",
    "Event": "meetings are not read",
    "EmailMessage": "e-mails are not read, and silence may only be deafness",
    "EmailMessageRelation": "e-mails cannot be told to contacts, and silence may only be deafness",
    "Case": "who asks for help is not known",
    "CaseComment": "what customers write in cases is not read",
    "CampaignMember": "answers to campaigns are not read",
    "ContactHistory": "changes of titles are not known; turn on history tracking for Title",
    "EventRelation": "guests of meetings beside the first are not known",
    "ActivityMetric": "mail that the org counts but does not keep would go unnoticed",
}
"""What is lost where an object or a field is hidden from us."""


class Shape:
    """The objects and fields that are asked for and may be read. ``own_names`` are the org's own fields, by canonical column."""

    def __init__(self, fields: Sequence[Field], own_names: Mapping[str, str]) -> None:
        self.fields = tuple(fields)
        self.own_names = dict(own_names)
        self._lock = threading.Lock()
        self._seen_ms = 0
        self._is_asked = False
        self._seen: dict[str, frozenset[str]] = {}
        self._wanted = self._all_wanted()

    @property
    def is_asked(self) -> bool:
        """Whether the org itself was asked, by this process."""
        return self._is_asked

    def has(self, name: str, field_: str = "Id") -> bool:
        """Whether an object shows a field, which may be a path."""
        first, dot, rest = field_.partition(".")
        if dot:
            return first in PARENTS and self._has_way(name, first) and self.has(PARENTS[first], rest)
        return field_ in self._seen.get(name, frozenset())

    def paths(self, stream: Stream) -> list[str]:
        """The stream's fields that may be read, ours and the org's own among them."""
        return [path for path in (*stream.fields, *self._extra(stream.object)) if self.has(stream.object, path)]

    def children(self, children: Children | None) -> Children | None:
        """The children with the fields that may be read; None where their object is hidden."""
        if children is None or not self.has(children.object) or not self.has(children.object, children.key):
            return None
        shown = tuple(name for name in children.fields if self.has(children.object, name))
        return Children(children.relationship, children.object, children.key, shown, children.clause, children.where)

    def lacks(self, stream: Stream) -> str:
        """What keeps a stream from being read: the name of an object, or of a field and its object; empty where nothing does."""
        for name in (stream.object, *([stream.driver.object] if stream.driver is not None else [])):
            if not self.has(name):
                return name
        for path in (stream.modified, *stream.vital, *([PORTAL_USER] if PORTAL_USER in stream.where else [])):
            # The condition on portal users can only be asked where the org has them.
            if not self.has(stream.object, path):
                return f"{path} of {stream.object}"
        if stream.driver is not None and self.children(stream.driver) is None:
            return f"{stream.driver.key} of {stream.driver.object}"
        return ""

    def learn(
        self, client: Client, held: Mapping[str, Any], now_ms: int, *, counts: Sequence[tuple[str, str]] = (), purpose: str = "read"
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """Know the org: from what was seen in this process or a cursor (``held``) where that serves, else by asking. What a cursor is to keep.

        A cursor's serves for a day, unless fields of ours were missing: set-up may have made them since. ``counts`` are names and queries that
        count something; they travel along, at most five, and come second. A count that cannot be had is left out.
        """
        with self._lock:
            if not self._serves(now_ms) and held.get("wanted") == self._mark():
                self._seen = {name: frozenset(fields) for name, fields in (held.get("seen") or {}).items()}
                self._seen_ms = int(held.get("at_ms") or 0)
            asked = [] if self._serves(now_ms) else list(self._wanted)
            sizes: dict[str, int] = {}
            if asked or counts:
                try:
                    seen, sizes = self._ask(client, asked, counts, purpose)
                except QuotaSpent:
                    raise
                except CrmUnreachable:
                    # Counting millions of rows may take longer than Salesforce waits. Without sizes a load finds out by itself.
                    seen, sizes = self._ask(client, asked, (), purpose) if asked else ({}, {})
                if asked:
                    self._seen, self._seen_ms, self._is_asked = seen, now_ms, True
            shown = {name: sorted(one) for name, one in self._seen.items()}
            return {"at_ms": self._seen_ms, "wanted": self._mark(), "seen": shown}, sizes

    def forget(self) -> None:
        """Something was changed about the org's fields: ask again before they are needed."""
        with self._lock:
            self._seen, self._seen_ms, self._is_asked = {}, 0, False

    def findings(self) -> list[Finding]:
        """What is missing, and what that costs; for ``check``."""
        found = []
        ours = {api_name(one.name) for one in self.fields} | set(self.own_names.values())
        for name, paths in self._wanted.items():
            if name not in self._seen:
                if name in COSTS or name in NEEDED:
                    found.append(_hidden_object(name))
                continue
            hidden = sorted(path for path in paths if "." not in path and not self.has(name, path) and path not in OPTIONAL)
            hidden = [path for path in hidden if path not in ours or path in COSTS]
            if hidden:
                losses = "; ".join(dict.fromkeys(COSTS.get(path, f"{path} stays empty") for path in hidden))
                advice = f"let the integration user see {', '.join(hidden)} of {name}"
                found.append(Finding(f"fields of {name}", is_good=False, detail=f"hidden from us: {losses}", advice=advice))
        return found

    def _serves(self, now_ms: int) -> bool:
        if not self._seen or now_ms - self._seen_ms >= DAY_MS:
            return False
        return self._is_asked or all(
            api_name(one.name) in self._seen.get(name, ()) for one in self.fields for name in OBJECTS[one.table] if name in self._seen
        )

    def _has_way(self, name: str, relationship: str) -> bool:
        return f"{relationship}Id" in self._seen.get(name, frozenset())

    def _extra(self, name: str) -> list[str]:
        ours = [api_name(one.name) for one in self.fields if name in OBJECTS[one.table]]
        table = next((table for table, names in OBJECTS.items() if name in names), "")
        own = [one for column, one in self.own_names.items() if OWN_TABLES.get(column) == table]
        return [*ours, *own]

    def _all_wanted(self) -> dict[str, list[str]]:
        wanted: dict[str, list[str]] = {}
        for stream in (*(stream for streams in STREAMS.values() for stream in streams), OWNERS):
            _add(wanted, stream.object, (*stream.fields, *self._extra(stream.object)))
            for children in filter(None, (stream.children, stream.driver)):
                _add(wanted, children.object, ("Id", "SystemModstamp", children.key, *children.fields))
        for follower in (one for some in FOLLOWERS.values() for one in some):
            _add(wanted, follower.object, ("Id", "SystemModstamp", follower.key, *follower.fields))
        _add(wanted, METRICS.object, ("Id", *METRICS.fields))
        return {name: list(dict.fromkeys(paths)) for name, paths in wanted.items()}

    def _mark(self) -> str:
        """What would be asked for, in short: a cursor of another version of ours does not tell what that one never asked for."""
        return f"{CRM}-{sum(map(len, self._wanted.values()))}-{hash_text(str(sorted(self._wanted.items())))}"

    def _ask(
        self, client: Client, names: Sequence[str], counts: Sequence[tuple[str, str]], purpose: str
    ) -> tuple[dict[str, frozenset[str]], dict[str, int]]:
        seen: dict[str, frozenset[str]] = {}
        asked = [Part("GET", "query", {"q": soql}) for _, soql in counts]
        asked += [Part("GET", f"sobjects/{name}/describe") for name in names]
        what = "ask which objects and fields we may read"
        answers = [answer for some in parts(asked, COMPOSITE_LIMIT) for answer in client.composite(some, purpose=purpose, what=what)]
        sizes = {name: int(answer.body.get("totalSize") or 0) for (name, _), answer in zip(counts, answers, strict=False) if answer.is_good}
        for name, answer in zip(names, answers[len(counts) :], strict=True):
            if answer.is_good and answer.body.get("queryable", True):
                shown = {one["name"] for one in answer.body.get("fields") or ()}
                wanted = {part for path in self._wanted[name] for part in (path, f"{path.partition('.')[0]}Id")}
                seen[name] = frozenset(shown & (wanted | {"Id"}))
            elif not answer.is_good and answer.status != 404:
                answer.good()
        return seen, sizes


OWN_TABLES = {
    "renewal_on": "companies",
    "annual_value": "companies",
    "do_not_call": "contacts",
    "time_zone": "contacts",
    "linkedin_url": "contacts",
    "job_changed_at": "contacts",
}
"""The table of each canonical column that an org may keep in a field of its own."""


def _hidden_object(name: str) -> Finding:
    # Without Einstein Activity Capture there is nothing to be counted, so nothing is wrong.
    is_good = name == "ActivityMetric"
    advice = "" if is_good else f"give the integration user the permission to read {name}"
    return Finding(f"read {name}", is_good=is_good, detail=f"hidden from us: {COSTS.get(name, 'it is needed')}", advice=advice)


def hash_text(text: str) -> str:
    """A short mark of a text, the same in every process."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def _add(wanted: dict[str, list[str]], name: str, paths: Iterable[str]) -> None:
    for path in paths:
        first, dot, rest = path.partition(".")
        wanted.setdefault(name, []).append(path)
        if dot:
            _add(wanted, PARENTS[first], [rest])
