"""Users, queues, accounts, contacts and leads of a loaded org."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sandbox.loading.tables import Tables, flags, texts, to_millis
from sandbox.salesforce.ids import make_id, normal_id
from sandbox.salesforce.loading.happened import Happened
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Store
from sandbox.salesforce.schema import Field
from sandbox.salesforce.standard_people import add_user
from transforms.vocabulary.errors import BadInput

DAY_MS = 86_400_000
LEAD_QUEUE, SUPPORT_QUEUE = "New leads", "Support"
_CUSTOM = {
    "Account": (
        ("Renewal_Date__c", "Renewal date", "date", {}),
        ("Annual_Contract_Value__c", "Annual contract value", "currency", {"precision": 18, "scale": 2}),
    ),
    "Contact": (
        ("Time_Zone__c", "Time zone", "string", {"length": 80}),
        ("LinkedIn_URL__c", "LinkedIn", "url", {"length": 255}),
        ("Job_Changed_At__c", "Job change seen", "datetime", {}),
    ),
}
"""Fields that people of the org made for themselves, long ago. A lead has those of a contact."""


@dataclass(frozen=True, slots=True)
class Someone:
    """A contact or lead as the records about them need it: address, name, and the account of a contact."""

    id: str
    email: str
    first: str
    last: str
    account: str | None
    is_lead: bool

    @property
    def name(self) -> str:
        """Given and family name, else the address."""
        return " ".join(part for part in (self.first, self.last) if part) or self.email


def take_ids(org: Org, object_name: str, names: Iterable[str]) -> dict[str, str]:
    """The record id of each canonical id: itself where it is one of that object's, else the next free one.

    Raises BadInput where one id comes both with 15 and with 18 characters.
    """
    store = org.store(object_name)
    prefix = store.type.prefix or ""
    found = {text: normal_id(text) if text.startswith(prefix) else None for text in dict.fromkeys(names)}
    taken: dict[str, str] = {}
    for text, own in found.items():
        if own is not None and taken.setdefault(own, text) != text:
            raise BadInput(f"{object_name} {text} comes also as {taken[own]}, which is the same record; write it in one way.")
    whole: dict[str, str] = {}
    for text, own in found.items():
        whole[text] = own or _free_id(store, prefix, taken)
    return whole


def _free_id(store: Store, prefix: str, taken: Mapping[str, str]) -> str:
    while True:
        made = make_id(prefix, store.next_number)
        store.next_number += 1
        if made not in taken and made not in store.rows:
            return made


def stamps(created: int, modified: int, user: str) -> dict[str, Any]:
    """The system fields of a record that somebody made and changed for the last time then. Salesforce stamps whole seconds."""
    created, modified = created // 1000 * 1000, modified // 1000 * 1000
    return {
        "CreatedDate": created,
        "CreatedById": user,
        "LastModifiedDate": modified,
        "LastModifiedById": user,
        "SystemModstamp": modified,
    }


def queue_id(org: Org, name: str) -> str:
    """The queue of that name; it is made where it is not there yet."""
    for record in org.store("Group"):
        if record.values.get("Type") == "Queue" and record.values.get("Name") == name:
            return record.id
    made = org.clock.now_ms() - 3 * 365 * DAY_MS
    values = {"Name": name, "DeveloperName": name.replace(" ", "_"), "Type": "Queue", "DoesSendEmailToMembers": False}
    return org.import_record("Group", {**values, **stamps(made, made, org.admin_id)}).id


def add_field(org: Org, object_name: str, name: str, label: str, kind: str, **facts: Any) -> None:
    """A field of this org that everybody in it sees, unless it is there already."""
    if org.kind(object_name).field(name) is None:
        org.add_field(object_name, Field(name, label, kind, custom=name.endswith("__c"), **facts))


def load_users(org: Org, tables: Tables) -> dict[str, str]:
    """Make the users, those too that are only named by contacts, companies or activities. Returns their ids."""
    owners, companies = tables.owners, tables.companies
    assert owners is not None  # noqa: S101 - cast tables have all frames
    assert companies is not None  # noqa: S101 - the same
    named = pd.concat([owners["owner_id"], tables.contacts["owner_id"], companies["owner_id"], tables.activities["actor_id"]])
    ids = take_ids(org, "User", named.dropna())
    known = owners.drop_duplicates("owner_id").set_index("owner_id").to_dict("index")
    for text, user_id in ids.items():
        row = known.get(text, {})
        name = row["name"] if isinstance(row.get("name"), str) else text
        email = row["email"] if isinstance(row.get("email"), str) else f"{text.lower()}@ours.example"
        is_active = not (pd.notna(row.get("is_active")) and not bool(row["is_active"]))
        add_user(org, name, email, is_active=is_active, values={"Id": user_id})
    return ids


def load_accounts(org: Org, tables: Tables, users: Mapping[str, str]) -> dict[str, str]:
    """Make the accounts, those too that only contacts or activities name. Returns their ids."""
    companies = tables.companies
    assert companies is not None  # noqa: S101 - cast tables have all frames
    _add_fields(org, "Account", "Account")
    named = pd.concat([companies["company_id"], tables.contacts["company_id"], tables.activities["company_id"]])
    ids = take_ids(org, "Account", named.dropna())
    domains = dict(zip(tables.contacts["company_id"], texts(tables.contacts["company_domain"]), strict=True))
    known = {row["company_id"]: row for row in companies.to_dict("records")}
    now = org.clock.now_ms()
    for place, (text, account_id) in enumerate(ids.items()):
        row = {name: value for name, value in known.get(text, {}).items() if pd.notna(value)}
        domain = row.get("domain") or domains.get(text)
        is_customer = row.get("lifecycle_stage") == "customer" or bool(row.get("is_customer"))
        owner = users.get(row.get("owner_id", ""), org.admin_id)
        values = {
            "Id": account_id,
            "Name": row.get("name") or text,
            "Website": domain,
            "OwnerId": owner,
            "Type": "Customer - Direct" if is_customer else "Prospect" if "lifecycle_stage" in row or "is_customer" in row else None,
            "Renewal_Date__c": row["renewal_on"].date().isoformat() if "renewal_on" in row else None,
            "Annual_Contract_Value__c": row.get("annual_value"),
        }
        created = now - (2 * 365 + place % 365) * DAY_MS
        org.import_record("Account", {**values, **stamps(created, created + 40_000 + place % 977, owner)})
    return ids


def _add_fields(org: Org, like: str, object_name: str) -> None:
    for name, label, kind, facts in _CUSTOM[like]:
        add_field(org, object_name, name, label, kind, **facts)


def read_people(contacts: pd.DataFrame, ids: Mapping[str, str], accounts: Mapping[str, str]) -> dict[str, Someone]:
    """Everybody by record id."""
    columns = (texts(contacts[name]) for name in ("contact_id", "email", "first_name", "last_name", "company_id"))
    people = {}
    for text, email, first, last, company in zip(*columns, strict=True):
        own = ids[str(text)]
        is_lead = own.startswith("00Q")
        address = (email or f"{own.lower()}@unknown.example").strip().lower()
        account = accounts[company] if company is not None else None
        people[own] = Someone(own, address, first or "", last or "", account, is_lead)
    return people


def load_people(
    org: Org, tables: Tables, ids: Mapping[str, str], users: Mapping[str, str], people: Mapping[str, Someone], happened: Happened
) -> None:
    """Make contacts and leads with the day of their last activity; those that are deleted, merged or converted as what they are now."""
    frame = tables.contacts
    for object_name in ("Contact", "Lead"):
        _add_fields(org, "Contact", object_name)
    more = _extras(tables)
    columns: dict[str, list[Any]] = {
        name: texts(frame[name])
        for name in (
            *("contact_id", "email", "title", "owner_id", "company_domain", "country", "linkedin_url", "time_zone"),
            *("email_bounce_reason", "email_bounce_code", "merged_into"),
        )
    }
    columns |= {
        name: to_millis(frame[name])
        for name in ("created_at", "title_changed_at", "email_bounced_at", "verified_at", "job_changed_at", "mail_captured_at")
    }
    columns |= {name: flags(frame[name]) for name in ("email_opted_out", "do_not_call", "is_deleted")}
    for row in (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)):
        someone = people[ids[row["contact_id"]]]
        into = ids.get(row["merged_into"]) if row["merged_into"] is not None else None
        _load_one(org, row, someone, into, users, happened, more.get(row["contact_id"], {}))


def _load_one(
    org: Org,
    row: Mapping[str, Any],
    someone: Someone,
    into: str | None,
    users: Mapping[str, str],
    happened: Happened,
    more: Mapping[str, Any],
) -> None:
    now = org.clock.now_ms()
    known = [ms for ms in (row["title_changed_at"], row["email_bounced_at"], row["verified_at"], row["job_changed_at"]) if ms is not None]
    created = min([now, *([row["created_at"]] if row["created_at"] is not None else [min(known, default=now) - 30 * DAY_MS])])
    modified = min(now, max([created, *known]) + 5_000 + sum(map(ord, someone.id)) * 7919 % 55_000)
    is_gone = row["is_deleted"] or into is not None
    is_converted = someone.is_lead and into is not None and into.startswith("003")
    if is_gone and not is_converted:
        # What is in the recycle bin for longer than it keeps is there no more, so everything went there a few days ago.
        modified = max(modified, now - (1 + sum(map(ord, someone.id)) % 10) * DAY_MS)
    owner = users.get(row["owner_id"] or "") or (queue_id(org, LEAD_QUEUE) if someone.is_lead else org.admin_id)
    values: dict[str, Any] = {
        "Id": someone.id,
        "FirstName": someone.first or None,
        "LastName": someone.last or "[not provided]",
        "Name": " ".join(part for part in (someone.first, someone.last or "[not provided]") if part),
        "Email": row["email"],
        "Title": row["title"],
        "OwnerId": owner,
        "HasOptedOutOfEmail": row["email_opted_out"],
        "DoNotCall": row["do_not_call"],
        "EmailBouncedDate": row["email_bounced_at"],
        "EmailBouncedReason": _bounce(row) if row["email_bounced_at"] is not None else None,
        "Time_Zone__c": row["time_zone"],
        "LinkedIn_URL__c": row["linkedin_url"],
        "Job_Changed_At__c": row["job_changed_at"],
        "LastActivityDate": happened.last_day.get(someone.id),
        "IsDeleted": is_gone and not is_converted,
        **stamps(created, modified, owner if owner.startswith("005") else org.admin_id),
        **more,
    }
    captured = happened.captured.get(someone.id, {})
    if row["mail_captured_at"] is not None:
        captured = {**captured, "LastEmailDateTime": row["mail_captured_at"], "LastActivityDateTime": row["mail_captured_at"]}
    if captured:
        values["ActivityMetricId"] = _metric(org, someone, captured)
    if someone.is_lead:
        _add_lead(org, row, someone, into if is_converted else None, values)
    else:
        values |= {
            "AccountId": someone.account,
            "MailingCountry": row["country"],
            "LastCUUpdateDate": row["verified_at"],
            "IsEmailBounced": row["email_bounced_at"] is not None,
        }
        values["MasterRecordId"] = into
        org.import_record("Contact", values)
        if row["title_changed_at"] is not None:
            _note_title(org, row, someone.id, values["CreatedById"])


def _add_lead(org: Org, row: Mapping[str, Any], someone: Someone, contact_id: str | None, values: dict[str, Any]) -> None:
    account = org.find(someone.account) if someone.account else None
    values |= {
        "Company": account.values["Name"] if account else row["company_domain"] or "[not provided]",
        "Website": row["company_domain"],
        "Country": row["country"],
        "Status": "Working - Contacted",
        "IsConverted": contact_id is not None,
    }
    if contact_id is not None:
        day = pd.Timestamp(values["SystemModstamp"], unit="ms").date().isoformat()
        values |= {
            "Status": "Closed - Converted",
            "ConvertedDate": day,
            "ConvertedContactId": contact_id,
            "ConvertedAccountId": someone.account,
        }
    org.import_record("Lead", values)


def _note_title(org: Org, row: Mapping[str, Any], contact_id: str, user: str) -> None:
    """The row of the contact's history that says when the title changed."""
    at = row["title_changed_at"]
    values = {"ContactId": contact_id, "Field": "Title", "DataType": "Text", "NewValue": row["title"], "IsDeleted": False}
    org.import_record("ContactHistory", {**values, "CreatedDate": at, "CreatedById": user})


def _metric(org: Org, someone: Someone, captured: Mapping[str, int]) -> str:
    """What an org counts of activities that it does not hold as records."""
    last = max(captured.values())
    values = {"BaseId": someone.id, "BaseType": "Lead" if someone.is_lead else "Contact", **captured}
    values["InactiveDays"] = max(0, (org.clock.now_ms() - last) // DAY_MS)
    return org.import_record("ActivityMetric", {**values, **stamps(captured.get("FirstEmailDateTime", last), last, org.admin_id)}).id


def _bounce(row: Mapping[str, Any]) -> str:
    code = row["email_bounce_code"] or "5.0.0"
    words = (row["email_bounce_reason"] or "rejected").replace("_", " ").lower()
    return f"smtp;{'450' if code.startswith('4') else '550'} {code} {words}"


def _extras(tables: Tables) -> dict[str, dict[str, Any]]:
    """More facts of contacts under Salesforce's own field names, by canonical id."""
    given = (tables.extras or {}).get("contacts")
    if given is None:
        return {}
    rows = given.set_index("contact_id").to_dict("index")
    return {str(text): {name: value for name, value in row.items() if pd.notna(value)} for text, row in rows.items()}
