"""What follows from a write, by object: values that are calculated before it, records that change after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.salesforce import dml_activities, dml_cases, dml_mails, dml_people
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import ObjectType

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

Before = Callable[["Org", Mapping[str, Any], Mapping[str, Any] | None, set[str]], dict[str, Any]]
"""The org, the record as it will be, as it was (None: new), and the fields that were given; gives further values. Raises RowError."""

After = Callable[["Org", str, Record, Mapping[str, Any] | None, Mapping[str, Any]], None]
"""The org, the user, the record as it is, as it was (None: new), and what was given."""

_BEFORE: dict[str, Before] = {
    "Contact": dml_people.contact_values,
    "Lead": dml_people.lead_values,
    "User": dml_people.user_values,
    "CampaignMember": dml_people.member_values,
    "PermissionSetAssignment": dml_people.assignment_values,
    "FieldPermissions": dml_people.permission_values,
    "EventRelation": dml_activities.invitation_values,
    "Task": dml_activities.task_values,
    "Event": dml_activities.event_values,
    "Case": dml_cases.case_values,
    "EmailMessage": dml_mails.mail_values,
    "EmailMessageRelation": dml_mails.relation_values,
}
_AFTER: dict[str, After] = {
    "Campaign": dml_people.after_campaign,
    "Task": dml_activities.after_activity,
    "Event": dml_activities.after_activity,
    "EventRelation": dml_activities.after_invitation,
    "EmailMessage": dml_mails.after_mail,
}


def before(org: Org, kind: ObjectType, whole: Mapping[str, Any], former: Mapping[str, Any] | None, given: set[str]) -> dict[str, Any]:
    """The calculated values of a record that is about to be written. Raises RowError where the object refuses the write."""
    rule = _BEFORE.get(kind.name)
    return rule(org, whole, former, given) if rule else {}


def after(org: Org, user_id: str, record: Record, former: Mapping[str, Any] | None, given: Mapping[str, Any]) -> None:
    """Change what a written record changes elsewhere."""
    rule = _AFTER.get(record.object)
    if rule:
        rule(org, user_id, record, former, given)
