"""The scopes that are enough, each with its reason, and in words what others would allow. The manual's tables are written from here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """One scope of a HubSpot app, and what it is needed for. ``is_for_setup``: by ``stillthere setup`` alone."""

    name: str
    why: str
    is_for_setup: bool = False


SCOPES = (
    Scope("crm.objects.contacts.read", "reading contacts, and with them e-mails, calls, meetings, messages, notes and tasks"),
    Scope("crm.objects.contacts.write", "writing our fields of contacts, and our tasks"),
    Scope("crm.objects.companies.read", "reading companies"),
    Scope("crm.objects.companies.write", "writing our fields of companies, and joining a task to its company"),
    Scope("sales-email-read", "the text of e-mails; without it absence notes and bounces cannot be read"),
    Scope("tickets", "tickets, as signs that somebody seeks help"),
    Scope("crm.objects.owners.read", "who looks after whom"),
    Scope("crm.schemas.contacts.write", "creating our properties of contacts and tasks (`stillthere setup`); take it away afterwards", is_for_setup=True),
    Scope("crm.schemas.companies.write", "creating our properties of companies (`stillthere setup`); take it away afterwards", is_for_setup=True),
)  # fmt: skip

FOR_SETUP = frozenset(one.name for one in SCOPES if one.is_for_setup)

ALONGSIDE = frozenset({"oauth", "crm.schemas.contacts.read", "crm.schemas.companies.read", "crm.objects.tickets.read"})
"""Held by every app, or allowing nothing that the scopes above do not: who may read records may read their definitions, and tickets have two names."""

_VERBS = {"read": "read", "write": "change", "sensitive": "read sensitive", "highly_sensitive": "read highly sensitive"}
_WHERE = {"objects": "", "schemas": "the definitions of ", "lists": ""}
_CRM = re.compile(r"crm\.(?P<where>objects|schemas|lists)(?:\.(?P<kind>[a-z_]+))??\.(?P<verb>read|write|sensitive|highly_sensitive)\b.*")


def excess(held: Iterable[str]) -> list[str]:
    """Those of an app's scopes that nothing of ours needs, not even set-up."""
    needed = {one.name for one in SCOPES} | ALONGSIDE
    return sorted(set(held) - needed)


def in_words(scope: str) -> str:
    """What a scope allows, in words where its name tells them, with its name."""
    found = _CRM.fullmatch(scope)
    if found is None:
        return f"do what {scope} allows"
    kind = (found["kind"] or "lists").replace("_", " ")
    return f"{_VERBS[found['verb']]} {_WHERE[found['where']]}{kind} ({scope})"
