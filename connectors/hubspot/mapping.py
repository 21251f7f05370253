"""HubSpot's records of people, companies and owners as canonical rows. Pure: JSON in, frames out, a whole page at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pandas as pd

from connectors.hubspot.streams import PREFIX
from connectors.hubspot.values import Texts, from_ms, to_flags, to_ms, to_numbers, to_texts, to_times, to_zone
from transforms.vocabulary.changes import GONE, STANDING
from transforms.vocabulary.fields import Field, Kind
from transforms.vocabulary.tables import COMPANIES, CONTACTS, OWNERS, Gone, Table, to_table

CRM = "hubspot"
Json = dict[str, Any]

CUSTOMER_STAGES = ("customer", "evangelist")
"""The lifecycle stages of those who buy from us now."""

_WHOLE = re.compile(r"-?\d+\.0+$")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


_JOB_CHANGES = ("hs_job_change_detected_date", "hs_employment_change_detected_date")


def column(records: Sequence[Json], name: str) -> Texts:
    """One property of all records."""
    return [record["properties"].get(name) for record in records]


def to_contacts(records: Sequence[Json], own_names: Mapping[str, str]) -> pd.DataFrame:
    """Contact records as CONTACTS rows. ``own_names`` says which property of the portal holds do_not_call.

    HubSpot keeps no date of a hard bounce. It stops sending after one, so the last marketing send is the one that bounced. Its data service notes
    when it saw somebody in another job, or with another employer; the later of the two is when they changed jobs.
    """
    reason = to_texts(column(records, "hs_email_hard_bounce_reason_enum"))
    sent_at = to_times(column(records, "hs_email_last_send_date"))
    return made(
        CONTACTS,
        records,
        {
            "contact_id": to_texts(record["id"] for record in records),
            "email": to_texts(column(records, "email")),
            "other_emails": to_texts(column(records, "hs_additional_emails")),
            "first_name": to_texts(column(records, "firstname")),
            "last_name": to_texts(column(records, "lastname")),
            "title": to_texts(column(records, "jobtitle")),
            "company_id": to_texts(_whole(column(records, "associatedcompanyid"))),
            "owner_id": to_texts(column(records, "hubspot_owner_id")),
            "created_at": to_times(column(records, "createdate")),
            "time_zone": to_texts(to_zone(text) for text in column(records, "hs_timezone")),
            "country": to_texts(column(records, "country")),
            "linkedin_url": to_texts(column(records, "hs_linkedin_url")),
            "email_opted_out": to_flags(column(records, "hs_email_optout")),
            "do_not_call": to_flags(column(records, own_names.get("do_not_call", ""))),
            "email_bounced_at": sent_at.where(reason.notna()),
            "email_bounce_reason": reason,
            "job_changed_at": pd.concat([to_times(column(records, name)) for name in _JOB_CHANGES], axis=1).max(axis=1),
            "is_deleted": pd.Series([bool(record.get("archived")) for record in records], dtype="boolean"),
        },
    )


def to_companies(records: Sequence[Json], own_names: Mapping[str, str]) -> pd.DataFrame:
    """Company records as COMPANIES rows. ``own_names`` says which property of the portal holds renewal_on and annual_value."""
    stage = to_texts(column(records, "lifecyclestage"))
    columns = {
        "company_id": to_texts(record["id"] for record in records),
        "name": to_texts(column(records, "name")),
        "domain": to_texts(column(records, "domain")),
        "owner_id": to_texts(column(records, "hubspot_owner_id")),
        "lifecycle_stage": stage,
        "is_customer": stage.isin(CUSTOMER_STAGES).astype("boolean").where(stage.notna()),
    }
    if "renewal_on" in own_names:
        columns["renewal_on"] = to_times(column(records, own_names["renewal_on"]))
    if "annual_value" in own_names:
        columns["annual_value"] = to_numbers(column(records, own_names["annual_value"]))
    return made(COMPANIES, records, columns)


def to_owners(records: Sequence[Json]) -> pd.DataFrame:
    """Owners as OWNERS rows. The id is the one that records carry in hubspot_owner_id, not the user's."""
    return made(
        OWNERS,
        records,
        {
            "owner_id": to_texts(str(record["id"]) for record in records),
            "name": to_texts(" ".join(filter(None, (record.get("firstName"), record.get("lastName")))) for record in records),
            "email": to_texts(record.get("email") for record in records),
            "is_active": pd.Series([not record.get("archived") for record in records], dtype="boolean"),
        },
    )


def to_standing(table: str, records: Sequence[Json], fields: Sequence[Field], modified: str) -> pd.DataFrame:
    """What our own fields hold in these records, as STANDING rows."""
    own = [(f.name, PREFIX + f.name, f.kind) for f in fields if f.table == table]
    values = []
    for record in records:
        held = record["properties"]
        values.append(
            orjson.dumps({name: to_canonical(kind, text) for name, crm_name, kind in own if (text := held.get(crm_name))}).decode()
        )
    rows = {
        "table": to_texts([table] * len(records)),
        "record_id": to_texts([record["id"] for record in records]),
        "values": to_texts(values),
        "modified_at": to_times(column(records, modified)),
    }
    return made(STANDING, records, rows)


def to_merged(table: str, records: Sequence[Json]) -> pd.DataFrame:
    """The ids that went into these records by a merge, as GONE rows."""
    pairs = [
        (old, record["id"])
        for record in records
        for old in (record["properties"].get("hs_merged_object_ids") or "").split(";")
        if old and old != record["id"]
    ]
    return _gone(table, [old for old, _ in pairs], Gone.MERGED, [new for _, new in pairs])


def to_archived(table: str, ids: Sequence[str]) -> pd.DataFrame:
    """Archived records, as GONE rows."""
    return _gone(table, ids, Gone.ARCHIVED, [None] * len(ids))


def to_erased(table: str, ids: Sequence[str]) -> pd.DataFrame:
    """Records that are gone for good, as GONE rows."""
    return _gone(table, ids, Gone.ERASED, [None] * len(ids))


def to_canonical(kind: Kind, text: str) -> str:
    """A value as HubSpot holds it, in the one form in which values are compared (see ``to_text`` of the vocabulary)."""
    if kind is Kind.DATETIME:
        # Cut rather than parsed where the text is what HubSpot always sends: a full load has hundreds of thousands of these.
        return f"{text[:19]}Z" if _UTC.match(text) else from_ms(to_ms(text) or 0).strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind is Kind.DATE:
        return from_ms(int(text)).strftime("%Y-%m-%d") if text.isdigit() else text[:10]
    if kind in (Kind.COUNT, Kind.SCORE, Kind.CHANCE, Kind.SHARE):
        return text.partition(".")[0] if _WHOLE.match(text) else text
    return text.lower() if kind is Kind.FLAG else text


def made(table: Table, records: Sequence[Any], columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """The canonical frame of columns that are typed already, with the CRM's name in it."""
    return to_table(table, pd.DataFrame({**columns, "crm": to_texts([CRM] * len(records))}), source="HubSpot")


def _gone(table: str, ids: Sequence[str], how: Gone, into: Sequence[str | None]) -> pd.DataFrame:
    rows = {
        "table": to_texts([table] * len(ids)),
        "record_id": to_texts(ids),
        "how": to_texts([how.value] * len(ids)),
        "into": to_texts(into),
    }
    return made(GONE, ids, rows)


def _whole(texts: Texts) -> Texts:
    # associatedcompanyid is a number in HubSpot, and an id here.
    return [text.split(".")[0] if text else text for text in texts]
