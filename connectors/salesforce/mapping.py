"""Salesforce's records of people, companies and users as canonical rows. Pure: columns of text in, frames out, a whole page at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import orjson
import pandas as pd

from connectors.salesforce.names import CRM, api_name
from connectors.salesforce.values import constant, flag, is_true, to_domains, to_flags, to_numbers, to_texts, to_times
from transforms.vocabulary.changes import GONE, STANDING
from transforms.vocabulary.fields import Field, Kind
from transforms.vocabulary.tables import COMPANIES, CONTACTS, OWNERS, Gone, Table, to_table

BOUNCE_CODE = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
"""The enhanced status code inside EmailBouncedReason, which is the text of the mail server: ``smtp;550 5.1.1 user unknown``."""

CUSTOMER_TYPES = ("customer",)
"""How the Type of an account begins that buys from us now: ``Customer - Direct``, ``Customer - Channel``."""

_WHOLE = re.compile(r"-?\d+(\.0+)?$")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:?00)$")


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """One column of text; missing values where the org does not show it."""
    return frame[name] if name in frame.columns else constant(None, len(frame)).set_axis(frame.index)


def to_contacts(
    frame: pd.DataFrame,
    own_names: Mapping[str, str],
    *,
    titles: pd.DataFrame | None = None,
    captured: Mapping[str, pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """Contacts or leads as CONTACTS rows; deleted ones are left out.

    ``own_names`` says which fields of the org hold time_zone, linkedin_url, do_not_call and job_changed_at. ``titles`` are rows of the history
    of titles (ContactId, CreatedDate), ``captured`` when mail with a contact last passed that the org keeps no record of.
    ``verified_at`` is when the contact last answered a Stay-in-Touch request.
    """
    frame = living(frame)
    ids = column(frame, "Id")
    is_lead = ids.str.startswith("00Q")
    reason = column(frame, "EmailBouncedReason")
    return made(
        CONTACTS,
        {
            "contact_id": ids,
            "email": column(frame, "Email"),
            "first_name": column(frame, "FirstName"),
            "last_name": column(frame, "LastName"),
            "title": column(frame, "Title"),
            "title_changed_at": _changed_at(ids, titles),
            "company_id": column(frame, "AccountId"),
            "company_domain": to_domains(column(frame, "Account.Website").where(~is_lead, column(frame, "Website"))),
            "owner_id": column(frame, "OwnerId"),
            "created_at": to_times(column(frame, "CreatedDate")),
            "time_zone": column(frame, own_names.get("time_zone", "")),
            "country": column(frame, "MailingCountry").where(~is_lead, column(frame, "Country")),
            "linkedin_url": column(frame, own_names.get("linkedin_url", "")),
            "email_opted_out": to_flags(column(frame, "HasOptedOutOfEmail")),
            "do_not_call": to_flags(column(frame, own_names.get("do_not_call", ""))),
            "email_bounced_at": to_times(column(frame, "EmailBouncedDate")),
            "email_bounce_reason": reason,
            "email_bounce_code": reason.str.extract(BOUNCE_CODE, expand=False),
            "verified_at": to_times(column(frame, "LastCUUpdateDate")),
            "job_changed_at": to_times(column(frame, own_names.get("job_changed_at", ""))),
            "mail_captured_at": _moments(ids, captured or {}),
            "merged_into": column(frame, "ConvertedContactId").where(is_true(column(frame, "IsConverted"))),
            "is_deleted": flag(value=False, rows=len(frame)),
        },
        len(frame),
    )


def to_companies(frame: pd.DataFrame, own_names: Mapping[str, str]) -> pd.DataFrame:
    """Accounts as COMPANIES rows; deleted ones are left out. ``own_names`` says which fields of the org hold renewal_on and annual_value."""
    frame = living(frame)
    kind = column(frame, "Type")
    return made(
        COMPANIES,
        {
            "company_id": column(frame, "Id"),
            "name": column(frame, "Name"),
            "domain": to_domains(column(frame, "Website")),
            "owner_id": column(frame, "OwnerId"),
            "renewal_on": to_times(column(frame, own_names.get("renewal_on", ""))),
            "annual_value": to_numbers(column(frame, own_names.get("annual_value", ""))),
            "lifecycle_stage": kind,
            "is_customer": kind.str.lower().str.startswith(CUSTOMER_TYPES).astype("boolean").where(kind.notna()),
        },
        len(frame),
    )


def to_owners(frame: pd.DataFrame) -> pd.DataFrame:
    """Users as OWNERS rows."""
    columns = {
        "owner_id": column(frame, "Id"),
        "name": column(frame, "Name"),
        "email": column(frame, "Email"),
        "is_active": to_flags(column(frame, "IsActive")),
    }
    return made(OWNERS, columns, len(frame))


def to_standing(table: str, frame: pd.DataFrame, fields: Sequence[Field]) -> pd.DataFrame:
    """What our own fields hold in these records, as STANDING rows; deleted records are left out."""
    frame = living(frame)
    own = [(one.name, one.kind, api_name(one.name)) for one in fields if one.table == table and api_name(one.name) in frame.columns]
    columns = [(name, kind, frame[crm_name].tolist(), frame[crm_name].notna().tolist()) for name, kind, crm_name in own]
    values = [
        orjson.dumps({name: to_canonical(kind, texts[row]) for name, kind, texts, is_there in columns if is_there[row]}).decode()
        for row in range(len(frame))
    ]
    return made(
        STANDING,
        {
            "table": constant(table, len(frame)),
            "record_id": column(frame, "Id"),
            "values": to_texts(values),
            "modified_at": to_times(column(frame, "SystemModstamp")),
        },
        len(frame),
    )


def to_gone(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The deleted records among these, the merged ones with the id that took their place, and converted leads, as GONE rows."""
    is_deleted = is_true(column(frame, "IsDeleted"))
    into = column(frame, "MasterRecordId").where(is_deleted)
    converted = column(frame, "ConvertedContactId").where(~is_deleted & is_true(column(frame, "IsConverted")))
    into = into.fillna(converted)
    is_gone = is_deleted | into.notna()
    how = constant(Gone.ARCHIVED.value, len(frame)).set_axis(frame.index).where(into.isna(), Gone.MERGED.value)
    return gone(table, column(frame, "Id")[is_gone], how[is_gone], into[is_gone])


def gone(table: str, ids: pd.Series, how: pd.Series | str, into: pd.Series | None = None) -> pd.DataFrame:
    """GONE rows of these ids."""
    columns = {
        "table": constant(table, len(ids)),
        "record_id": ids,
        "how": constant(how, len(ids)) if isinstance(how, str) else how,
        "into": constant(None, len(ids)) if into is None else into,
    }
    return made(GONE, columns, len(ids))


def living(frame: pd.DataFrame) -> pd.DataFrame:
    """The records that are not deleted, numbered anew."""
    is_deleted = is_true(column(frame, "IsDeleted"))
    return frame[~is_deleted].reset_index(drop=True) if is_deleted.any() else frame


def to_canonical(kind: Kind, text: str) -> str:
    """A value as Salesforce holds it, in the one form in which values are compared (see ``to_text`` of the vocabulary)."""
    if kind is Kind.DATETIME:
        # Cut rather than parsed where the text is what Salesforce always sends: a full load has hundreds of thousands of these.
        return f"{text[:19]}Z" if _UTC.match(text) else pd.Timestamp(text).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    if kind is Kind.DATE:
        return text[:10]
    if kind in (Kind.COUNT, Kind.SCORE, Kind.CHANCE, Kind.SHARE):
        return text.partition(".")[0] if _WHOLE.match(text) else f"{float(text):g}"
    return text.lower() if kind is Kind.FLAG else text


def made(table: Table, columns: Mapping[str, pd.Series], rows: int) -> pd.DataFrame:
    """The canonical frame of columns that are typed already, with the CRM's name in it."""
    known = {name: values.reset_index(drop=True) for name, values in columns.items()}
    return to_table(table, pd.DataFrame({**known, "crm": constant(CRM, rows)}), source="Salesforce")


def _changed_at(ids: pd.Series, titles: pd.DataFrame | None) -> pd.Series:
    if titles is None or titles.empty:
        return to_times(constant(None, len(ids)))
    latest = to_times(titles["CreatedDate"]).groupby(titles["ContactId"]).max()
    return ids.map(latest).astype("datetime64[us, UTC]")


def _moments(ids: pd.Series, moments: Mapping[str, pd.Timestamp]) -> pd.Series:
    return pd.Series([moments.get(one, pd.NaT) for one in ids], dtype="datetime64[us, UTC]")
