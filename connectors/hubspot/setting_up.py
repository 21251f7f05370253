"""Set-up and its undoing: what is missing in a portal, creating it, and taking it away again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.definitions import TASK_GROUP, differences, group_definition, groups_for, property_definition, task_key_definition
from connectors.hubspot.mapping import CRM
from connectors.hubspot.streams import PREFIX, TASK_KEY
from transforms.vocabulary.changes import Change
from transforms.vocabulary.errors import CrmUnreachable, RefusedToGuess, RequestRejected
from transforms.vocabulary.fields import Field

Json = dict[str, Any]

KINDS = ("contacts", "companies", "tasks")
LOOKS = 8
"""How often a new definition is looked for: HubSpot shows it some hundred milliseconds after it was created."""


def pending_setup(client: Client, fields: Sequence[Field]) -> list[Change]:
    """Groups first, then properties: those that are missing, and those whose texts or options differ."""
    changes: list[Change] = []
    for kind in KINDS:
        wanted = {d["name"]: d for d in (property_definition(f) for f in fields if f.table == kind)}
        groups = groups_for(fields, kind)
        if kind == "tasks":
            wanted, groups = {TASK_KEY: task_key_definition(is_unique=True)}, {TASK_GROUP: "Still There"}
        if not wanted:
            continue
        held_groups = {group["name"]: group for group in client.groups(kind) if not group.get("archived")}
        held = {one["name"]: one for one in client.definitions(kind)}
        changes += _groups(kind, groups, held_groups)
        changes += _properties(kind, wanted, held)
    return sorted(changes, key=lambda change: change.what != "property group")


def pending_teardown(client: Client) -> list[Change]:
    """Properties first, then their groups."""
    changes: list[Change] = []
    for kind in KINDS:
        changes += [_change("property", kind, one["name"], "archive") for one in client.definitions(kind) if one["name"].startswith(PREFIX)]
        changes += [
            _change("property group", kind, one["name"], "delete")
            for one in client.groups(kind)
            if one["name"].startswith(PREFIX) and not one.get("archived")
        ]
    return sorted(changes, key=lambda change: change.what != "property")


def apply_changes(client: Client, changes: Sequence[Change]) -> None:
    """Do what was listed, in order, and wait until HubSpot shows what was created."""
    for change in changes:
        kind, name = _place(change)
        is_group = change.what == "property group"
        body: Json = dict(change.payload)
        if change.action == "create":
            _create(client, kind, body, is_group=is_group)
        elif change.action == "change":
            client.update_definition(kind, name, body, is_group=is_group)
        else:
            client.archive_definition(kind, name, is_group=is_group)
    created = [change for change in changes if change.action == "create" and change.what == "property"]
    for kind in dict.fromkeys(_place(change)[0] for change in created):
        _wait_until_shown(client, kind, {_place(change)[1] for change in created if _place(change)[0] == kind})


def _create(client: Client, kind: str, body: Json, *, is_group: bool) -> None:
    try:
        is_new = client.create_definition(kind, body, is_group=is_group)
    except RequestRejected as error:
        if not body.get("hasUniqueValue") or error.status != 400:
            raise
        # Not every portal allows a unique property on tasks. Which it is can be seen from the property afterwards.
        is_new = client.create_definition(kind, {**body, "hasUniqueValue": False}, is_group=is_group)
    if not is_new and not is_group:
        held = client.definition(kind, body["name"])
        changed = differences(body, held) if held else {}
        if changed:
            client.update_definition(kind, body["name"], changed)


def _wait_until_shown(client: Client, kind: str, names: set[str]) -> None:
    for look in range(1, LOOKS + 1):
        names = names - {one["name"] for one in client.definitions(kind)}
        if not names:
            return
        client.patience.sleep(client.patience.wait_s(look, None))
    raise CrmUnreachable(f"We created {', '.join(sorted(names))} on {kind} and HubSpot does not show it yet; run setup again in a minute.")


def _groups(kind: str, wanted: dict[str, str], held: dict[str, Json]) -> Iterator[Change]:
    for name, label in wanted.items():
        if name not in held:
            yield _change("property group", kind, name, "create", label, group_definition(name, label))
        elif held[name].get("label") != label:
            yield _change("property group", kind, name, "change", f"label: {label}", {"label": label})


def _properties(kind: str, wanted: dict[str, Json], held: dict[str, Json]) -> Iterator[Change]:
    for name, definition in wanted.items():
        there = held.get(name)
        if there is None:
            yield _change("property", kind, name, "create", f"{definition['label']} ({definition['type']})", definition)
            continue
        if there.get("type") != definition["type"]:
            raise RefusedToGuess(
                f"We need {name} on {kind} to be of type {definition['type']} and in HubSpot it is {there.get('type')}; archive that property in HubSpot's settings and run setup again."
            )
        changed = differences(definition, there)
        if changed:
            yield _change("property", kind, name, "change", ", ".join(changed), changed)


def _change(what: str, kind: str, name: str, action: str, detail: str = "", payload: Json | None = None) -> Change:
    return Change(CRM, what, f"{kind}.{name}", action, detail, payload or {})


def _place(change: Change) -> tuple[str, str]:
    kind, _, name = change.name.partition(".")
    return kind, name
