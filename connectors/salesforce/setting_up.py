"""Set-up and its undoing: what an org lacks, creating it, and taking it away again.

A field that exists and that we cannot see is not missing: it lacks the permission set, or our user lacks that. Creating it again would not help.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connectors.salesforce import metadata
from connectors.salesforce.client import Client
from connectors.salesforce.definitions import (
    DESCRIBED_AS,
    FIELD,
    INTEGRATION,
    PERMISSIONS,
    USER,
    VIEW,
    Component,
    described_differences,
    differences,
    without_external_id,
)
from connectors.salesforce.describing import described
from connectors.salesforce.granting import grant_to_owners, grant_to_us, is_granted_to_us, owners_without, take_back
from connectors.salesforce.names import CRM, OBJECTS, PREFIX, TASK_KEY
from connectors.salesforce.package import components, deploy_zip, destroy_zip
from transforms.vocabulary.changes import Change
from transforms.vocabulary.errors import CrmUnreachable, MissingScopes, RefusedToGuess, RequestRejected
from transforms.vocabulary.fields import Field

Json = dict[str, Any]

WORDS = {FIELD: "field", PERMISSIONS: "permission set", VIEW: "list view"}
KINDS = {word: kind for kind, word in WORDS.items()}
ASSIGNMENT = "assignment of a permission set"
PLACES = (*(one for many in OBJECTS.values() for one in many), "Activity")
SHOWN_ON = {"Activity": "Task"}
"""Where a field of Activity is seen."""

LOOKS = 12
"""How often a new field is looked for: Salesforce shows it some moments after the deployment."""


def pending_setup(client: Client, fields: Sequence[Field]) -> list[Change]:
    """Fields, then permission sets and their assignment, then list views: those that are missing, and those that differ.

    Where our user may not read metadata, what describe tells is compared; if that shows a difference, MissingScopes says who can mend it.
    """
    wanted = components(fields)
    shown = {name: described(client, SHOWN_ON.get(name, name)) for name in dict.fromkeys(one.object for one in wanted if one.kind == FIELD)}
    try:
        held = {
            kind: metadata.read(client, kind, [one.name for one in wanted if one.kind == kind])
            for kind in WORDS
            if any(one.kind == kind for one in wanted)
        }
    except MissingScopes as error:
        if all(_is_as_described(one, shown[one.object].get(one.own_name)) for one in wanted if one.kind == FIELD):
            return []
        raise MissingScopes(
            "We tried to compare the org's definitions with ours and our user may not read them: sign in for set-up as a user with "
            "'Modify Metadata Through Metadata API Functions', or let an admin install deployments/salesforce.",
            error.scopes,
        ) from error
    changes = list(_differing(wanted, held))
    if not is_granted_to_us(client):
        hidden = [one.name for one in wanted if one.kind == FIELD and one.own_name not in shown[one.object] and one.name in held[FIELD]]
        detail = f"grants us {len(hidden)} fields that are there and that we cannot see" if hidden else "to the user as whom we sign in"
        changes.append(Change(CRM, ASSIGNMENT, INTEGRATION, "create", detail))
    if owners := owners_without(client):
        whom = "1 colleague who owns" if len(owners) == 1 else f"{len(owners)} colleagues who own"
        changes.append(Change(CRM, ASSIGNMENT, USER, "create", f"lets {whom} contacts see the fields"))
    order = [WORDS[FIELD], WORDS[PERMISSIONS], ASSIGNMENT, WORDS[VIEW]]
    return sorted(changes, key=lambda change: order.index(change.what))


def pending_teardown(client: Client) -> list[Change]:
    """List views and permission sets first, then the fields: all whose names begin with our prefix."""
    ours = []
    for kind, name in metadata.names_of(client, list(WORDS)):
        place, _, own = name.rpartition(".")
        if own.startswith(PREFIX) and (place in PLACES or kind == PERMISSIONS):
            ours.append((kind, name))
    order = [VIEW, PERMISSIONS, FIELD]
    return [Change(CRM, WORDS[kind], name, "delete") for kind, name in sorted(set(ours), key=lambda one: (order.index(one[0]), one[1]))]


def apply_changes(client: Client, changes: Sequence[Change]) -> None:
    """Do what was listed, and wait until the org shows what was created.

    Fields and permission sets go together, list views by themselves: what an org has against a view does not keep the fields from being made.
    """
    gone = [change for change in changes if change.action == "delete"]
    for kinds in ((VIEW,), (PERMISSIONS,), (FIELD,)):
        names = [(KINDS[change.what], change.name) for change in gone if KINDS[change.what] in kinds]
        if names and kinds == (PERMISSIONS,):
            take_back(client, [name for _, name in names])
        if names:
            metadata.deploy(client, destroy_zip(names), what=f"delete our {_counted(names)}")
    made = [_component(change) for change in changes if change.what in KINDS and change.action != "delete"]
    core = [one for one in made if one.kind != VIEW]
    if core:
        _deploy(client, core)
    granted = {change.name for change in changes if change.what == ASSIGNMENT}
    if INTEGRATION in granted:
        grant_to_us(client)
    if USER in granted:
        grant_to_owners(client)
    if core:
        _wait_until_shown(client, [one for one in core if one.kind == FIELD])
    views = [one for one in made if one.kind == VIEW]
    if views:
        metadata.deploy(client, deploy_zip(views), what="create our list views")


def _differing(wanted: Sequence[Component], held: dict[str, dict[str, Json]]) -> Iterator[Change]:
    for one in wanted:
        there = held[one.kind].get(one.name)
        payload = {"kind": one.kind, "name": one.name, "body": one.body}
        if there is None:
            yield Change(CRM, WORDS[one.kind], one.name, "create", _told(one), payload)
            continue
        changed = differences(one, there)
        if "type" in changed:
            raise _another_type(one, str(there.get("type")))
        if changed:
            yield Change(CRM, WORDS[one.kind], one.name, "change", ", ".join(changed), payload)


def _is_as_described(one: Component, there: Json | None) -> bool:
    if there is None:
        return False
    if there.get("type") != DESCRIBED_AS[one.body["type"]]:
        raise _another_type(one, str(there.get("type")))
    return not described_differences(one, there)


def _another_type(one: Component, held: str) -> RefusedToGuess:
    return RefusedToGuess(
        f"We need {one.name} to be of type {one.body['type']} and in Salesforce it is {held}; delete that field in Setup, also among the deleted "
        "fields, and run set-up again."
    )


def _told(one: Component) -> str:
    kind = one.body.get("type")
    return f"{one.body['label']} ({kind})" if kind else str(one.body["label"])


def _component(change: Change) -> Component:
    payload: Json = dict(change.payload)
    return Component(payload["kind"], payload["name"], payload["body"])


def _deploy(client: Client, many: Sequence[Component]) -> None:
    what = f"create our {_counted((one.kind, one.name) for one in many)}"
    try:
        metadata.deploy(client, deploy_zip(many), what=what)
    except RequestRejected as error:
        key = next((one for one in many if one.own_name == TASK_KEY), None)
        # Where a field is refused, the permission sets that grant it are refused with it.
        others = _refused_files(error) - {f"permissionsets/{one.name}.permissionset" for one in many if one.kind == PERMISSIONS}
        if key is None or others != {f"objects/{key.object}.object"}:
            raise
        # An org may have no room for one more external id. Which it is can be seen from the field afterwards.
        metadata.deploy(client, deploy_zip([without_external_id(one) if one is key else one for one in many]), what=what)


def _refused_files(error: RequestRejected) -> set[str]:
    failures = error.body if isinstance(error.body, list) else []
    return {str(failure.get("file") or "") for failure in failures}


def _counted(names: Iterable[tuple[str, str]]) -> str:
    kinds = [kind for kind, _ in names]
    return " and ".join(f"{kinds.count(kind)} {WORDS[kind]}{'s' if kinds.count(kind) > 1 else ''}" for kind in WORDS if kind in kinds)


def _wait_until_shown(client: Client, fields: Sequence[Component]) -> None:
    missing = {one.name for one in fields}
    for look in range(1, LOOKS + 1):
        for name in sorted({one.partition(".")[0] for one in missing}):
            held = described(client, SHOWN_ON.get(name, name))
            missing -= {one for one in missing if one.partition(".")[0] == name and one.rpartition(".")[2] in held}
        if not missing:
            return
        client.patience.sleep(client.patience.wait_s(look, None))
    raise CrmUnreachable(
        f"We created {len(missing)} fields, among them {min(missing)}, and Salesforce does not show them to us yet; run set-up again in a minute, "
        f"and see that our user has the permission set {INTEGRATION}."
    )
