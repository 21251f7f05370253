"""The list views in which people find whom to look after: what each shows and whom. Pure.

Salesforce names the columns of its own fields in capitals (``FULL_NAME``, ``ACCOUNT.NAME``); our fields stand under their API names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.salesforce.definitions import VIEW, Component
from connectors.salesforce.names import PREFIX, api_name
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import Field


@dataclass(frozen=True)
class View:
    """A list of contacts: the fields that decide who is in it (any of these values), and those of ours that it shows."""

    label: str
    where: Mapping[str, tuple[str, ...]]
    shows: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the view is called in Salesforce: ``StillThere_Silent_Customers``."""
        return PREFIX + "_".join(word.capitalize() for word in self.label.split())


VIEWS = (
    View(
        "Silent customers",
        {"engagement_state": ("silent",)},
        ("silent_since", "hear_back_chance", "unanswered_touches", "best_channel", "best_time"),
    ),
    View(
        "Probably moved on",
        {"job_state": ("probably_moved", "left")},
        ("job_state", "still_there_chance", "successor", "last_heard_at"),
    ),
    View(
        "Needs help first",
        {"engagement_state": ("needs_help",), "support_state": ("seeking_help", "struggling")},
        ("engagement_state", "support_state", "open_tickets", "last_heard_at"),
    ),
)

BEFORE, AFTER = ("FULL_NAME", "ACCOUNT.NAME", "CONTACT.TITLE"), ("CORE.USERS.ALIAS",)
"""Columns of every view: the contact, the account and the title; then, at the end, the owner."""

COLUMN_LIMIT = 15
"""Columns that Salesforce shows in a list."""


def view_components(fields: Sequence[Field]) -> list[Component]:
    """The views whose fields are all among the given ones, seen by everybody who works in the org."""
    by_name = {f.name: f for f in fields if f.table == "contacts"}
    return [_component(view, by_name) for view in VIEWS if {*view.where, *view.shows} <= by_name.keys()]


def _component(view: View, fields: Mapping[str, Field]) -> Component:
    for name, values in view.where.items():
        unknown = set(values) - {option.value for option in fields[name].options}
        if unknown:
            raise BadInput(f"The list view {view.label} asks for {name} {', '.join(sorted(unknown))}, which is not one of its options.")
    filters = [{"field": api_name(name), "operation": "equals", "value": ",".join(values)} for name, values in view.where.items()]
    body = {
        **({"booleanFilter": " OR ".join(str(place) for place in range(1, len(filters) + 1))} if len(filters) > 1 else {}),
        "columns": [*BEFORE, *(api_name(name) for name in view.shows), *AFTER],
        "filterScope": "Everything",
        "filters": filters,
        "label": view.label,
        "sharedTo": {"allInternalUsers": ""},
    }
    return Component(VIEW, f"Contact.{view.name}", body)
