"""Cases with their comments, and answers to campaigns, of a loaded org."""

from __future__ import annotations

from typing import Any

from sandbox.clock import from_ms
from sandbox.loading.rows import Row
from sandbox.salesforce.ids import normal_id
from sandbox.salesforce.loading.people import SUPPORT_QUEUE, Someone, queue_id, stamps
from sandbox.salesforce.loading.tasks import FORM, Place, day_of, put_message
from sandbox.salesforce.standard_people import add_user

FIRST_CASE = 1001


def put_case(place: Place, row: Row[str]) -> str:
    """One ticket from its opening to its close. Returns the id of its case."""
    org, someone = place.org, place.people[row.contacts[0]]
    thread = row.thread or row.activity_id
    own = normal_id(thread) if thread.startswith("500") else None
    author = row.owner or org.admin_id
    values: dict[str, Any] = {
        "Id": own,
        "CaseNumber": f"{FIRST_CASE + len(org.store('Case')):08d}",
        # A case can be a contact's, never a lead's; of a lead it keeps what was written into the form.
        "ContactId": None if someone.is_lead else someone.id,
        "AccountId": None if someone.is_lead else row.company or someone.account,
        "ContactEmail": None if someone.is_lead else someone.email,
        "SuppliedEmail": someone.email,
        "SuppliedName": someone.name,
        "Subject": row.subject or "Case",
        "Description": row.body,
        "Origin": "Email",
        "Priority": "Medium",
        "Status": "New" if row.closed is None else "Closed",
        "IsClosed": row.closed is not None,
        "ClosedDate": row.closed,
        "IsEscalated": False,
        "OwnerId": row.owner or queue_id(org, SUPPORT_QUEUE),
        **stamps(row.at, max(row.modified, row.closed or 0), author),
    }
    case = org.import_record("Case", values)
    for later in row.later or ():
        if later.outcome == "opened_ticket":
            _comment(place, case.id, someone, later)
    return case.id


def _comment(place: Place, case_id: str, someone: Someone, row: Row[str]) -> None:
    """What the customer wrote when the case was opened again."""
    author = place.org.admin_id if someone.is_lead else _portal_user(place, someone)
    values = {"ParentId": case_id, "IsPublished": True, "CommentBody": (row.body or row.subject or "")[:4000]}
    place.org.import_record("CaseComment", {**values, **stamps(row.at, row.at, author)})


def _portal_user(place: Place, someone: Someone) -> str:
    """The user under whom a contact signs in to the customers' portal."""
    found = place.org.store("User").children("ContactId", someone.id)
    if found:
        return found[0].id
    told = {"ContactId": someone.id, "AccountId": someone.account, "UserType": "CspLitePortal"}
    return add_user(place.org, someone.name, someone.email, values={**told, "Username": f"{someone.email}.portal"})


class Answers:
    """Answers to campaigns: a campaign a month, and one member for each person in it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._campaigns: dict[str, str] = {}
        self._members: set[tuple[str, str]] = set()

    def put(self, row: Row[str]) -> str:
        """A form that somebody sent us."""
        someone = self._place.people[row.contacts[0]]
        campaign = self._campaign(row)
        if (campaign, someone.id) in self._members:
            return put_message(self._place, row, FORM)
        self._members.add((campaign, someone.id))
        user = self._place.org.admin_id
        values = {
            "CampaignId": campaign,
            "LeadId": someone.id if someone.is_lead else None,
            "ContactId": None if someone.is_lead else someone.id,
            "LeadOrContactId": someone.id,
            "Type": "Lead" if someone.is_lead else "Contact",
            "Status": "Responded",
            "HasResponded": True,
            "FirstRespondedDate": day_of(row.at),
            "Name": someone.name,
            "FirstName": someone.first or None,
            "LastName": someone.last or None,
            "Email": someone.email,
            "Description": row.body,
            **stamps(row.at, row.modified, user),
        }
        return self._place.org.import_record("CampaignMember", values).id

    def _campaign(self, row: Row[str]) -> str:
        month = f"{from_ms(row.at):%Y-%m}"
        if month not in self._campaigns:
            org = self._place.org
            made = stamps(row.at, row.at, org.admin_id)
            values = {
                "Name": f"Website forms {month}",
                "Type": "Other",
                "Status": "In Progress",
                "IsActive": True,
                "StartDate": f"{month}-01",
            }
            campaign = org.import_record("Campaign", {**values, "OwnerId": org.admin_id, **made}).id
            for place, (label, has_responded) in enumerate((("Sent", False), ("Responded", True)), 1):
                told = {"CampaignId": campaign, "Label": label, "SortOrder": place, "IsDefault": place == 1, "HasResponded": has_responded}
                org.import_record("CampaignMemberStatus", {**told, **made})
            self._campaigns[month] = campaign
        return self._campaigns[month]
