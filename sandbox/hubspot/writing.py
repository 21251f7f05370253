"""Checks on what is to be written, and the writing itself. Nothing is changed before everything was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.associations import CATEGORY
from sandbox.hubspot.errors import Invalid, bad_request, conflict, failure, invalid_properties, malformed
from sandbox.hubspot.object_types import TYPES, ObjectType
from sandbox.hubspot.records import Record, Source
from sandbox.hubspot.values import Refused, Value, normalise, plain

if TYPE_CHECKING:
    from sandbox.hubspot.portal import Portal

Claimed = set[tuple[str, str]]
"""Unique values that earlier inputs of the same batch will take."""


@dataclass
class Creation:
    """A record that may be made: its values, its links (other type, id, types), the company it belongs to."""

    values: dict[str, Value]
    links: list[tuple[str, int, list[int]]] = field(default_factory=list)


def given_properties(item: Mapping[str, Any]) -> dict[str, Any]:
    """The ``properties`` of an input. ApiError 400 where they are no object."""
    found = item.get("properties", {})
    if not isinstance(found, dict):
        raise malformed("properties must be an object")
    return found


def checked_values(portal: Portal, kind: ObjectType, given: Mapping[str, Any], record: Record | None) -> dict[str, Value]:
    """The values as they are kept. ApiError 400 naming every property that may not be set so."""
    schema, elapsed = portal.schemas[kind.name], portal.clock.elapsed()
    faults: list[Invalid] = []
    values: dict[str, Value] = {}
    for name, raw in given.items():
        definition = schema.active(name, elapsed)
        if definition is None:
            faults.append(Invalid(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
        elif definition.is_read_only:
            faults.append(Invalid(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.'))
        else:
            try:
                values[name] = normalise(definition, raw, record.get(name) if record else None)
            except Refused as refused:
                faults.append(refused.invalid)
    if kind.name == "tickets" and values.get("hs_pipeline_stage"):
        pipeline = str(values.get("hs_pipeline") or (record.get("hs_pipeline") if record else None) or "0")
        if not portal.pipelines.has_stage(pipeline, str(values["hs_pipeline_stage"])):
            stage = values["hs_pipeline_stage"]
            faults.append(Invalid("hs_pipeline_stage", "INVALID_OPTION", f"{stage} was not one of the allowed options: [1, 2, 3, 4]"))
    if faults:
        raise invalid_properties(faults)
    return values


def check_unique(
    portal: Portal, kind: ObjectType, values: Mapping[str, Value], record_id: int | None, claimed: Claimed, *, names_the_id: bool
) -> None:
    """Raise where a unique value is taken: 409 for a contact's e-mail, 400 for other properties."""
    store = portal.store(kind)
    taken: list[Invalid] = []
    for name in store.schema.unique_names():
        for part in str(values.get(name) or "").lower().split(";"):
            if not part:
                continue
            holder = store.holder(name, part)
            if (holder is None or holder == record_id) and (name, part) not in claimed:
                claimed.add((name, part))
                continue
            if kind.name == "contacts" and name in {"email", "hs_additional_emails"}:
                known = holder is not None and names_the_id
                raise conflict(f"Contact already exists. Existing ID: {holder}" if known else "Contact already exists")
            text = (
                f"Cannot set PropertyValueCoordinates{{portalId={portal.options.portal_id}, objectTypeId=ObjectTypeId{{{kind.type_id}}}, "
                f"propertyName={name}, value={part}}} on {record_id or 'null'}. {holder} already has that value."
            )
            taken.append(Invalid(name, "CONFLICTING_UNIQUE_VALUE", text))
    if taken:
        raise invalid_properties(taken)


def prepare_create(portal: Portal, kind: ObjectType, item: Mapping[str, Any], claimed: Claimed, *, names_the_id: bool = True) -> Creation:
    """Check an input of create. ApiError where it may not be made; nothing is changed."""
    given = given_properties(item)
    values = checked_values(portal, kind, given, None)
    absent = [name for name in kind.required if values.get(name) in (None, "")]
    if absent:
        raise failure(
            400,
            f"Error creating {kind.singular.upper()}. Some required properties were not set.",
            "VALIDATION_ERROR",
            context={"properties": absent},
        )
    if kind.name == "contacts" and str(values.get("email") or "") in portal.blocked_emails:
        raise bad_request("This email address was deleted under privacy law and may not be added again.")
    check_unique(portal, kind, values, None, claimed, names_the_id=names_the_id)
    return Creation({n: v for n, v in values.items() if v != ""}, _checked_links(portal, kind, item.get("associations") or []))


def _checked_links(portal: Portal, kind: ObjectType, given: Any) -> list[tuple[str, int, list[int]]]:
    if not isinstance(given, list):
        raise malformed("associations must be a list")
    links = []
    for item in given:
        try:
            to_id = str(item["to"]["id"])
            types = [(str(t.get("associationCategory", CATEGORY)), int(t["associationTypeId"])) for t in item["types"]]
        except (KeyError, TypeError, ValueError):
            raise malformed("an association needs to.id and types") from None
        for other in TYPES:
            pair = (kind.name, other.name)
            known = {(label.category, label.type_id) for label in portal.links.labels(pair)}
            if types and known.issuperset(types):
                store = portal.store(other)
                target = store.resolve(int(to_id)) if to_id.isdigit() else None
                if target is None or target not in store.live:
                    raise failure(
                        400,
                        f"One or more associations are invalid: {other.singular.upper()} {to_id} does not exist",
                        "VALIDATION_ERROR",
                        sub_category="crm.associations.INVALID_IDENTIFIER",
                        context={"id": [to_id]},
                    )
                links.append((other.name, target, [number for _, number in types]))
                break
        else:
            raise failure(
                400,
                f"One or more association types are not valid from {kind.type_id}: {[number for _, number in types]}",
                "VALIDATION_ERROR",
                sub_category="crm.associations.INVALID_ASSOCIATION_TYPE",
            )
    return links


def apply_create(portal: Portal, kind: ObjectType, creation: Creation, source: Source) -> Record:
    """Make the record that was checked, with what HubSpot adds by itself."""
    values = dict(creation.values)
    company = values.pop("associatedcompanyid", None)
    _ADDED.get(kind.name, _nothing)(portal, values)
    record = portal.create(kind, values, source)
    for other, to_id, types in creation.links:
        portal.links.add((kind.name, other), record.id, to_id, types)
    if company:
        _set_company(portal, record.id, company)
    return record


def apply_update(portal: Portal, kind: ObjectType, record: Record, values: dict[str, Value], source: Source) -> Record:
    """Write the values that were checked."""
    values = dict(values)
    company = values.pop("associatedcompanyid", None)
    if kind.name == "tasks" and "hs_task_status" in values:
        done = values["hs_task_status"] == "COMPLETED"
        if done and not record.get("hs_task_completion_date"):
            values["hs_task_completion_date"] = portal.clock.now_ms()
        elif not done and record.get("hs_task_completion_date"):
            values["hs_task_completion_date"] = ""
    if kind.name == "tickets" and "hs_pipeline_stage" in values:
        closed = str(values["hs_pipeline_stage"]) in portal.pipelines.closed_stages()
        if closed and not record.get("closed_date") and "closed_date" not in values:
            values["closed_date"] = portal.clock.now_ms()
        elif not closed and record.get("closed_date"):
            values["closed_date"] = ""
    changed = portal.update(kind, record, values, source)
    if company:
        _set_company(portal, record.id, company)
    return changed


def _set_company(portal: Portal, contact_id: int, company: Value) -> None:
    text = plain(company)
    if text.isdigit() and int(text) in portal.stores["companies"].live:
        portal.links.add(("contacts", "companies"), contact_id, int(text), [1])


def _nothing(_portal: Portal, _values: dict[str, Value]) -> None:
    return


def _add_contact(_portal: Portal, values: dict[str, Value]) -> None:
    values.setdefault("lifecyclestage", "lead")
    values.setdefault("hs_pipeline", "contacts-lifecycle-pipeline")
    values.setdefault("hs_marketable_status", "false")


def _add_company(_portal: Portal, values: dict[str, Value]) -> None:
    values.setdefault("lifecyclestage", "lead")
    values.setdefault("hs_pipeline", "companies-lifecycle-pipeline")
    if values.get("domain"):
        values["domain"] = str(values["domain"]).strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/")
        values.setdefault("website", values["domain"])


def _add_ticket(portal: Portal, values: dict[str, Value]) -> None:
    values.setdefault("hs_pipeline", "0")
    if str(values["hs_pipeline_stage"]) in portal.pipelines.closed_stages():
        values.setdefault("closed_date", portal.clock.now_ms())


def _add_task(portal: Portal, values: dict[str, Value]) -> None:
    values.setdefault("hs_task_status", "NOT_STARTED")
    values.setdefault("hs_task_priority", "NONE")
    values.setdefault("hs_task_type", "TODO")
    values.setdefault("hs_task_for_object_type", "OWNER")
    values.setdefault("hs_task_is_all_day", "false")
    values["hs_task_family"] = "SALES"
    values["hs_task_is_sub_task"] = "false"
    if values["hs_task_status"] == "COMPLETED":
        values["hs_task_completion_date"] = portal.clock.now_ms()


_ADDED = {"contacts": _add_contact, "companies": _add_company, "tickets": _add_ticket, "tasks": _add_task}
