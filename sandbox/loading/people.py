"""Owners, companies and contacts of a loaded portal."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pandas as pd

from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.owners import Owner
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.records import CRM_UI, IMPORT, Record, Source, Version
from sandbox.hubspot.schema import Definition
from sandbox.hubspot.values import Value
from sandbox.loading.tables import Tables, flags, numbered, texts, to_millis

DAY_MS = 86_400_000
FIRST_OWNER, FIRST_USER = 64_492_917, 9_586_504
EMAIL_SOURCE = Source("EMAIL", None, "Email")
RollUps = dict[int, dict[str, Value]]


def custom(name: str, label: str, kind: str, field_type: str, group: str) -> Definition:
    """A property that people of the portal made for themselves, long ago."""
    options = (
        [{"label": w.capitalize(), "value": w, "displayOrder": n, "hidden": False} for n, w in enumerate(("true", "false"))]
        if kind == "bool"
        else []
    )
    return Definition(
        name, label, kind, field_type, group, label, options, is_built_in=False, created_ms=1_600_000_000_000, updated_ms=1_600_000_000_000
    )


def load_owners(portal: Portal, tables: Tables) -> dict[str, int]:
    """Make the owners, those too that are only named by contacts, companies or activities. Returns their ids."""
    owners, companies = tables.owners, tables.companies
    assert owners is not None  # noqa: S101 - cast tables have all frames
    assert companies is not None  # noqa: S101 - the same
    named = pd.concat([owners["owner_id"], tables.contacts["owner_id"], companies["owner_id"], tables.activities["actor_id"]])
    ids = numbered(named, FIRST_OWNER)
    known = owners.drop_duplicates("owner_id").set_index("owner_id")
    made_ms = portal.clock.now_ms() - 3 * 365 * DAY_MS
    for place, (text, owner_id) in enumerate(ids.items()):
        row = known.loc[text] if text in known.index else None
        name = str(row["name"]) if row is not None and pd.notna(row["name"]) else text
        email = str(row["email"]) if row is not None and pd.notna(row["email"]) else f"{text.lower()}@ours.example"
        gone = row is not None and pd.notna(row["is_active"]) and not bool(row["is_active"])
        first, _, last = name.partition(" ")
        portal.owners.all[owner_id] = Owner(owner_id, FIRST_USER + place, email, first, last, made_ms, made_ms, archived=gone)
    return ids


def load_companies(portal: Portal, tables: Tables, owners: dict[str, int]) -> dict[str, int]:
    """Make the companies, those too that only contacts or activities name. Returns their ids."""
    companies = tables.companies
    assert companies is not None  # noqa: S101 - cast tables have all frames
    kind = object_type("companies")
    named = pd.concat([companies["company_id"], tables.contacts["company_id"], tables.activities["company_id"]])
    ids = numbered(named, kind.first_id)
    schema = portal.schemas["companies"]
    schema.all["renewal_date"] = custom("renewal_date", "Renewal date", "date", "date", "companyinformation")
    schema.all["annual_contract_value"] = custom("annual_contract_value", "Annual contract value", "number", "number", "companyinformation")
    _external_id(portal, "companies", ids)
    domains = dict(zip(tables.contacts["company_id"], texts(tables.contacts["company_domain"]), strict=True))
    known = {row["company_id"]: row for row in companies.to_dict("records")}
    now = portal.clock.now_ms()
    records = []
    for place, (text, company_id) in enumerate(ids.items()):
        row = known.get(text, {})
        values = _company_values(row, text, domains.get(text), company_id)
        if pd.notna(row.get("owner_id")):
            values["hubspot_owner_id"] = str(owners[row["owner_id"]])
        _allow_stage(portal, "companies", values)
        created = now - (2 * 365 + place % 365) * DAY_MS
        records.append(Record(company_id, created, created + 40_000 + place % 977, IMPORT, extra=values))
    portal.stores["companies"].put_loaded(records)
    return ids


def _company_values(row: dict[str, Any], text: str, domain: str | None, company_id: int) -> dict[str, Value]:
    given: dict[str, Any] = {
        "name": row.get("name") if pd.notna(row.get("name")) else text,
        "domain": row.get("domain") if pd.notna(row.get("domain")) else domain,
        "lifecyclestage": row.get("lifecycle_stage"),
        "hs_pipeline": "companies-lifecycle-pipeline",
    }
    if pd.isna(given["lifecyclestage"]) and pd.notna(row.get("is_customer")):
        given["lifecyclestage"] = "customer" if row["is_customer"] else "lead"
    if pd.notna(row.get("renewal_on")):
        given["renewal_date"] = row["renewal_on"].date().isoformat()
    if pd.notna(row.get("annual_value")):
        given["annual_contract_value"] = f"{row['annual_value']:g}" if row["annual_value"] < 1e6 else str(int(row["annual_value"]))
    if given["domain"]:
        given["website"] = given["domain"]
    if str(company_id) != text:
        given["external_id"] = text
    return {name: value for name, value in given.items() if pd.notna(value)}


def _external_id(portal: Portal, kind: str, ids: dict[str, int]) -> None:
    if any(str(number) != text for text, number in ids.items()):
        group = next(iter(portal.schemas[kind].groups))
        portal.schemas[kind].all["external_id"] = custom("external_id", "External ID", "string", "text", group)


def _allow_stage(portal: Portal, kind: str, values: dict[str, Value]) -> None:
    """Portals have life cycle stages of their own: one that is not there yet is added."""
    stage = values.get("lifecyclestage")
    definition = portal.schemas[kind].all["lifecyclestage"]
    if stage and stage not in definition.allowed():
        definition.options.append({"label": str(stage), "value": stage, "displayOrder": len(definition.options), "hidden": False})


# Canonical column and HubSpot's property, where the value is taken as it is.
_SAME = {
    "email": "email",
    "other_emails": "hs_additional_emails",
    "first_name": "firstname",
    "last_name": "lastname",
    "title": "jobtitle",
    "country": "country",
    "linkedin_url": "hs_linkedin_url",
}
_TEXTS = ("contact_id", "company_id", "owner_id", "time_zone", "email_bounce_reason", "merged_into")
_REASONS = {"CONTENT", "MAILBOX_FULL", "OTHER", "POLICY", "SPAM", "UNKNOWN_USER"}


def load_contacts(
    portal: Portal, tables: Tables, ids: dict[str, int], owners: dict[str, int], companies: dict[str, int], roll_ups: RollUps
) -> None:
    """Make the contacts with what their activities add up to, archive those that are deleted, and merge those that were merged."""
    frame = tables.contacts
    if frame["do_not_call"].notna().any():
        portal.schemas["contacts"].all["do_not_call"] = custom(
            "do_not_call", "Do not call", "bool", "booleancheckbox", "contactinformation"
        )
    _external_id(portal, "contacts", ids)
    columns: dict[str, list[Any]] = {name: texts(frame[name]) for name in (*_SAME, *_TEXTS)}
    columns |= {name: to_millis(frame[name]) for name in ("created_at", "title_changed_at", "email_bounced_at")}
    columns |= {name: flags(frame[name]) for name in ("email_opted_out", "do_not_call", "is_deleted")}
    extras = _extras(tables, ids)
    records, gone, merges, primaries = [], [], [], []
    for row in (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)):
        record_id = ids[str(row["contact_id"])]
        record = _contact(portal, row, record_id, owners, {**roll_ups.get(record_id, {}), **extras.get(record_id, {})})
        if row["company_id"] is not None:
            primaries.append((record_id, companies[str(row["company_id"])]))
        if row["merged_into"] is not None and str(row["merged_into"]) in ids:
            merges.append((record, ids[str(row["merged_into"])]))
        elif row["is_deleted"]:
            gone.append(record)
        records.append(record)
    _keep(portal, records, gone, merges)
    away = {record.id for record, _ in merges}
    for record_id, company_id in primaries:
        if record_id not in away:
            portal.links.add(("contacts", "companies"), record_id, company_id, [1])


def _contact(portal: Portal, row: dict[str, Any], record_id: int, owners: dict[str, int], more: dict[str, Value]) -> Record:
    values: dict[str, Value] = {to: row[name] for name, to in _SAME.items() if row[name] is not None}
    if "email" in values:
        values["email"] = str(values["email"]).strip().lower()
    values |= {"lifecyclestage": "customer", "hs_pipeline": "contacts-lifecycle-pipeline", "hs_marketable_status": "true"}
    if row["owner_id"] is not None:
        values["hubspot_owner_id"] = str(owners[row["owner_id"]])
    if row["time_zone"] is not None:
        values["hs_timezone"] = row["time_zone"].lower().replace("/", "_slash_")
    if row["email_opted_out"]:
        values["hs_email_optout"] = "true"
    if row["do_not_call"]:
        values["do_not_call"] = "true"
    if str(record_id) != row["contact_id"]:
        values["external_id"] = row["contact_id"]
    values |= more
    now = portal.clock.now_ms()
    last = more.get("notes_last_updated")
    happened = [ms for ms in (last, row["title_changed_at"], row["email_bounced_at"]) if isinstance(ms, int)]
    created = min([now, *([row["created_at"]] if row["created_at"] is not None else [min(happened, default=now) - 30 * DAY_MS])])
    history: dict[str, tuple[Version, ...]] = {}
    if row["title_changed_at"] is not None:
        history["jobtitle"] = ((row["title_changed_at"], row["title"] or "", CRM_UI), (created, "", IMPORT))
    if row["email_bounced_at"] is not None:
        given = str(row["email_bounce_reason"] or "").upper()
        reason = given if given in _REASONS else "OTHER"
        values["hs_email_hard_bounce_reason_enum"] = reason
        values["hs_email_bounce"] = str(max(1, int(values.get("hs_email_bounce") or 0)))
        history["hs_email_hard_bounce_reason_enum"] = ((row["email_bounced_at"], reason, EMAIL_SOURCE),)
    # What adds up to a contact is worked out shortly after something happened.
    modified = min(now, max([created, *happened]) + 5_000 + record_id * 7919 % 55_000)
    return Record(record_id, created, max(created, modified), IMPORT, extra=values, history=history or None)


def _extras(tables: Tables, ids: dict[str, int]) -> RollUps:
    given = (tables.extras or {}).get("contacts")
    if given is None:
        return {}
    found: RollUps = defaultdict(dict)
    keys = [ids[text] for text in given["contact_id"]]
    for name in given.columns.drop("contact_id"):
        column = given[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            is_day = name.endswith("_detected_date")
            values: list[Any] = column.dt.strftime("%Y-%m-%d").tolist() if is_day else to_millis(column.astype("datetime64[us, UTC]"))
        else:
            values = texts(column)
        is_moment = pd.api.types.is_datetime64_any_dtype(column.dtype) and not name.endswith("_detected_date")
        for key, value in zip(keys, values, strict=True):
            if pd.notna(value):
                found[key][name] = value if is_moment else str(value)
    return found


def _keep(portal: Portal, records: list[Record], gone: list[Record], merges: list[tuple[Record, int]]) -> None:
    store = portal.stores["contacts"]
    merged_away = {record.id for record, _ in merges}
    store.put_loaded([record for record in records if record.id not in merged_away])
    by_id = {record.id: record for record in records}
    for record, given in merges:
        into = given
        while into in merged_away:
            into = next(target for other, target in merges if other.id == into)
        target = by_id[into]
        store.merged[record.id] = into
        store.next_id = max(store.next_id, record.id + 1)
        stamp = f"{record.id}:{record.modified}"
        for name, text in (
            ("hs_merged_object_ids", str(record.id)),
            ("hs_calculated_merged_vids", stamp),
            ("hs_additional_emails", record.get("email")),
        ):
            if text and target.extra is not None:
                target.extra[name] = ";".join(part for part in (str(target.extra.get(name) or ""), str(text)) if part)
    for record in records:
        if record.id not in merged_away:
            for name in ("email", "hs_additional_emails"):
                store.claim(name, record.get(name), record.id)
    for record in gone:
        store.take_out(record.id, record.modified, keep=True)
    store.index.rebuild()
