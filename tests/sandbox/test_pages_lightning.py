"""What the pages of an org show, and what a person does in it on the sandbox's own paths."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import urllib3

from sandbox.clock import Clock
from sandbox.options import SandboxOptions
from sandbox.org_admin import change_in_org, state_of_org
from sandbox.pages.org_timeline import org_timeline
from sandbox.pages.views import views_of
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.errors import OrgError, RowError
from sandbox.salesforce.metadata.catalogue import Catalogue
from sandbox.salesforce.metadata.component import VIEW, Component
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field, Pick
from sandbox.salesforce.standard_people import add_user
from transforms.vocabulary.fields import Group

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = 86_400_000
NOW_MS = int(NOW.timestamp() * 1000)
EVIL = '<script>alert("1")</script>'
LISTENING, HELP = f"{Group.LISTENING}. ", f"{Group.HELP}. "
FIELDS = (
    Field(
        "StillThere_Engagement_State__c",
        "Engagement",
        "picklist",
        custom=True,
        picks=(Pick("silent", "Silent"), Pick("engaged", "Engaged"), Pick("needs_help", "Needs help")),
        description=f"{LISTENING}How they listen.",
        help="How they listen.",
        is_hidden_until_granted=True,
    ),
    Field(
        "StillThere_Hear_Back_Chance__c", "Chance to hear back", "percent", custom=True, description=LISTENING, is_hidden_until_granted=True
    ),
    Field("StillThere_Silent_Since__c", "Silent since", "date", custom=True, description=LISTENING, is_hidden_until_granted=True),
    Field("StillThere_Why__c", "Why", "textarea", custom=True, description=LISTENING, is_hidden_until_granted=True),
    Field("StillThere_Open_Tickets__c", "Open tickets", "double", custom=True, description=HELP, is_hidden_until_granted=True),
    Field("Segment__c", "Segment", "string", custom=True),
)
VALUES = {
    "StillThere_Engagement_State__c": "silent",
    "StillThere_Hear_Back_Chance__c": 15,
    "StillThere_Silent_Since__c": "2026-10-06",
    "StillThere_Why__c": "Usually writes every 9 days.\nNothing for 47.",
    "Segment__c": "Key accounts",
}


class Place:
    """An org with one account, two contacts, a lead and one of everything."""

    def __init__(self) -> None:
        self.org = org = Org(SandboxOptions(frozen=True), Clock(NOW, frozen=True))
        self.dana = add_user(org, "Dana Reyes", "dana@ours.example")
        self.firm = self.put("Account", Name="Northwind & Sons", Website="northwind.example", Type="Customer - Direct", OwnerId=self.dana)
        self.priya = self.person("Contact", "Priya Nair", "priya@northwind.example", AccountId=self.firm, Title="Head of Operations")
        self.other = self.person("Contact", f"{EVIL} Tables", "t@northwind.example", AccountId=self.firm)
        self.lead = self.person("Lead", "Lou Wu", "lou@y.example", Company="Y GmbH")
        self.mail(40, Incoming=False, Subject="Checking in", TextBody="Just checking in.", IsOpened=True)
        self.mail(3, Incoming=False, Subject="Checking in", TextBody="Just checking in.", IsBounced=True)
        self.mail(50, Incoming=True, Subject=EVIL)
        self.task(60, Subject="Renewal", TaskSubtype="Call", CallType="Outbound", CallDisposition="Connected", CallDurationInSeconds=260)
        self.task(80, Subject="WhatsApp from Priya Nair", Type="WhatsApp", Description="From Priya Nair:\nYes, works")
        self.task(85, Subject="List Email: News", TaskSubtype="ListEmail")
        event = self.put("Event", Subject="No show: Review", StartDateTime=NOW_MS - 70 * DAY, DurationInMinutes=30, OwnerId=self.dana)
        for guest in (self.priya, self.other):
            self.put("EventRelation", EventId=event, RelationId=guest, Status="Accepted")
        self.put("Case", ContactId=self.priya, Subject="Export fails", CaseNumber="00001001", Description="Stops", IsClosed=False)
        due = {"ActivityDate": "2026-11-21", "Status": "Not Started", "IsClosed": False, "CompletedDateTime": None}
        self.task(1, Subject="Call Priya", TaskSubtype="Call", Description="Call her.\n\nNot mail.", Priority="High", **due)
        self.task(9, Subject="Old one", StillThere_Task_Key__c="k1")

    def put(self, object_name: str, **values: Any) -> str:
        """A record; its id."""
        return self.org.import_record(object_name, values).id

    def person(self, object_name: str, name: str, email: str, **values: Any) -> str:
        """A contact or lead."""
        first, _, last = name.rpartition(" ")
        return self.put(object_name, Name=name, FirstName=first, LastName=last, Email=email, OwnerId=self.dana, **values)

    def task(self, days: int, **values: Any) -> str:
        """A completed task of Priya's, unless told otherwise."""
        done = {"Status": "Completed", "IsClosed": True, "CompletedDateTime": NOW_MS - days * DAY, "Type": None, "TaskSubtype": "Task"}
        return self.put("Task", **{**done, "WhoId": self.priya, "AccountId": self.firm, "OwnerId": self.dana, **values})

    def mail(self, days: int, **values: Any) -> None:
        """An e-mail with Priya, and the task beside it."""
        beside = self.task(days, Subject="Email", TaskSubtype="Email")
        mail = self.put("EmailMessage", MessageDate=NOW_MS - days * DAY, ActivityId=beside, CreatedById=self.dana, **values)
        self.put("EmailMessageRelation", EmailMessageId=mail, RelationId=self.priya, RelationType="ToAddress")

    def equip(self) -> None:
        """Our fields, granted to the integration user, with values for Priya; and a list view."""
        for object_name in ("Contact", "Lead", "Account"):
            for field in FIELDS:
                self.org.add_field(object_name, field)
        self.grant(self.org.integration_id)
        self.org.store("Contact").change(self.org.store("Contact").rows[self.priya], VALUES)
        add_view(self.org, "Silent_Customers", "Silent customers", ("StillThere_Engagement_State__c", "equals", "silent"))

    def grant(self, user: str) -> None:
        """Let a user see our fields."""
        given = self.put("PermissionSet", Name=f"Set_{user}", Label="Still There User", IsOwnedByProfile=False)
        self.put("PermissionSetAssignment", AssigneeId=user, PermissionSetId=given)
        for object_name in ("Contact", "Lead", "Account"):
            for field in FIELDS:
                self.org.access.grant(given, object_name, field.name)


def add_view(org: Org, name: str, label: str, *filters: tuple[str, str, str], logic: str | None = None) -> None:
    """A list view of contacts."""
    values: dict[str, Any] = {"label": [label], "filterScope": ["Everything"], "columns": ["FULL_NAME"]}
    values["filters"] = [{"field": [field], "operation": [operation], "value": [value]} for field, operation, value in filters]
    if logic:
        values["booleanFilter"] = [logic]
    Catalogue.of(org).save(org.admin_id, Component(VIEW, f"Contact.{name}", values))


@pytest.fixture
def place() -> Place:
    """The org before set-up."""
    return Place()


@pytest.fixture
def sandbox(place: Place) -> Iterator[Sandbox]:
    """The org after set-up, served."""
    place.equip()
    with run_sandbox(org=place.org) as running:
        yield running


def _get(sandbox: Sandbox, path: str) -> tuple[int, str]:
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", sandbox.base_url + path, redirect=False)
        return answer.status, answer.data.decode()


def test_a_contact_shows_who_it_is_and_what_we_found(place: Place, sandbox: Sandbox) -> None:
    """Name, title, account, owner and e-mail; our fields with labels under their headings; the customer's own fields; API names nowhere."""
    status, page = _get(sandbox, f"/lightning/r/Contact/{place.priya}/view")
    assert status == 200
    for text in ("Priya Nair", "Head of Operations", "Northwind &amp; Sons", "Dana Reyes", "priya@northwind.example", "Key accounts"):
        assert text in page
    for text in (Group.LISTENING, Group.HELP, "Engagement", "Silent", "15 %", "6 Oct 2026", "47 days ago", "Nothing for 47."):
        assert text in page
    assert "StillThere_" not in page
    assert "Segment__c" not in page


def test_what_is_to_be_done_stands_apart_from_what_happened(place: Place, sandbox: Sandbox) -> None:
    """Open tasks with text and day; a task of ours that is done is among the tasks, what happened is on the timeline."""
    _, page = _get(sandbox, f"/lightning/r/Contact/{place.priya}/view")
    tasks, timeline = page.split('<section class="timeline">')
    assert "Call her.\n\nNot mail." in tasks
    assert "due 21 Nov 2026 (yesterday)" in tasks
    assert "1 open" in tasks
    assert "Old one" in tasks
    assert "Old one" not in timeline
    assert "Call Priya" not in timeline


def test_the_timeline_is_newest_first_with_direction_and_outcome(place: Place) -> None:
    """Everything that happened, once each: the task beside an e-mail is not shown again."""
    priya = place.org.find(place.priya)
    assert priya is not None
    items = org_timeline(place.org, [priya], own=priya)
    assert [(item.what, item.direction, [mark.text for mark in item.marks]) for item in items] == [
        ("Case opened", "in", ["Open"]),
        ("E-mail sent", "out", ["Bounced"]),
        ("E-mail sent", "out", ["Opened"]),
        ("E-mail received", "in", []),
        ("We called", "out", ["Connected", "4 min"]),
        ("Meeting", "none", ["Accepted", "30 min"]),
        ("WhatsApp received", "in", []),
        ("E-mail sent", "out", ["Campaign"]),
    ]
    assert items[5].who == f"Dana Reyes with {EVIL} Tables"
    assert (items[6].title, items[7].title) == ("Yes, works", "News")


def test_names_and_subjects_cannot_do_anything(place: Place, sandbox: Sandbox) -> None:
    """A name or subject that is HTML is shown as text."""
    for path in (f"/lightning/r/Contact/{place.priya}/view", f"/lightning/r/Contact/{place.other}/view", "/lightning/o/Contact/list"):
        page = _get(sandbox, path)[1]
        assert "<script" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/lightning", 2),
        ("/lightning/o/Contact/list?q=nair", 1),
        ("/lightning/o/Contact/list?filterName=Silent_Customers", 1),
        ("/lightning/o/Contact/list?filterName=Nothing", 2),
        ("/lightning/o/Contact/list?owner=nobody", 0),
        ("/lightning/o/Lead/list", 1),
    ],
)
def test_the_lists_can_be_searched_and_narrowed(sandbox: Sandbox, path: str, found: int) -> None:
    """Contacts and leads by words, by the org's list views and by owner."""
    assert _get(sandbox, path)[1].count('<td class="who">') == found


def test_a_list_view_is_offered_with_how_many_it_holds(sandbox: Sandbox) -> None:
    """Each list view stands above the list under its label; tasks that wait stand beside it."""
    page = _get(sandbox, "/lightning/o/Contact/list")[1]
    assert 'Silent customers <span class="count">1</span>' in page
    assert "Call Priya" in page.split('<aside class="waiting">')[1]


@pytest.mark.parametrize(
    ("filters", "logic", "holds"),
    [
        ([("StillThere_Engagement_State__c", "equals", "silent,engaged")], None, True),
        ([("StillThere_Engagement_State__c", "notEqual", "silent")], None, False),
        ([("StillThere_Hear_Back_Chance__c", "lessThan", "20"), ("CONTACT.TITLE", "contains", "operations")], None, True),
        ([("StillThere_Hear_Back_Chance__c", "greaterOrEqual", "20"), ("CONTACT.TITLE", "startsWith", "head")], "1 OR 2", True),
        ([("StillThere_Hear_Back_Chance__c", "greaterThan", "20"), ("CONTACT.TITLE", "equals", "x")], "1 OR (NOT 2 AND 1)", False),
        ([("StillThere_Silent_Since__c", "greaterThan", "2026-10-01")], "NOT 1", False),
        ([], None, True),
    ],
)
def test_a_list_view_holds_whom_its_filters_leave(place: Place, filters: list[Any], logic: str | None, holds: bool) -> None:  # noqa: FBT001 - a column of the table above
    """Values in a filter are alternatives, filters hold together unless their logic says otherwise."""
    place.equip()
    add_view(place.org, "Tried", "Tried", *filters, logic=logic)
    view = next(one for one in views_of(place.org, "Contact") if one.name == "Tried")
    assert view.holds(place.org.store("Contact").rows[place.priya]) is holds


def test_an_owner_who_may_not_see_the_fields_is_told_of(place: Place, sandbox: Sandbox) -> None:
    """Fields that are not granted to the record's owner are shown with a word about it, until they are."""
    path = f"/lightning/r/Contact/{place.priya}/view"
    assert "does not see the fields" in _get(sandbox, path)[1]
    place.grant(place.dana)
    assert "does not see the fields" not in _get(sandbox, path)[1]


def test_before_set_up_the_page_says_so(place: Place) -> None:
    """Without our fields the page says that they are not set up, and the list has no column for them."""
    with run_sandbox(org=place.org) as running:
        assert "not set up" in _get(running, f"/lightning/r/Contact/{place.priya}/view")[1]
        assert "<th>Engagement</th>" not in _get(running, "/lightning")[1]


def test_an_account_shows_its_people_and_what_happened_with_them(place: Place, sandbox: Sandbox) -> None:
    """The account's page names its contacts, its tasks, and each happening once."""
    _, page = _get(sandbox, f"/lightning/r/Account/{place.firm}/view")
    for text in ("Northwind &amp; Sons", "Priya Nair", "Call Priya", "Customer - Direct"):
        assert text in page
    assert page.count("No show: Review") == 1


def test_a_lead_shows_its_company_in_words(place: Place, sandbox: Sandbox) -> None:
    """A lead has no account, so its company is no link."""
    _, page = _get(sandbox, f"/lightning/r/Lead/{place.lead}/view")
    assert "Lou Wu" in page
    assert "Y GmbH" in page


@pytest.mark.parametrize("path", ["/lightning/r/Contact/0035e000000zzzz/view", "/lightning/r/Task/x/view", "/lightning/o/Case/list"])
def test_what_is_not_there_is_said_kindly(sandbox: Sandbox, path: str) -> None:
    """An unknown id or object gives a page that says so, with status 404."""
    status, page = _get(sandbox, path)
    assert status == 404
    assert "Not found" in page


def test_a_person_edits_merges_converts_and_deletes(place: Place) -> None:
    """What is done in the browser changes the org as the API would; merged and converted records lead on to what they became."""
    org = place.org
    change_in_org(org, {"do": "edit", "id": place.priya, "fields": {"title": "CFO", "Department": "Finance"}})
    priya = org.find(place.priya)
    assert priya is not None
    assert (priya.values["Title"], priya.values["Department"]) == ("CFO", "Finance")
    assert change_in_org(org, {"do": "merge", "id": place.other, "into": place.priya}) == {"id": place.priya}
    became = change_in_org(org, {"do": "convert", "id": place.lead, "account": place.firm})["id"]
    assert became.startswith("003")
    made = change_in_org(org, {"do": "create", "type": "Contact", "fields": {"LastName": "New"}})["id"]
    change_in_org(org, {"do": "delete", "id": made})
    with run_sandbox(org=org) as running:
        assert "Priya Nair" in _get(running, f"/lightning/r/Contact/{place.other}/view")[1]
        assert "Lou Wu" in _get(running, f"/lightning/r/Lead/{place.lead}/view")[1]
        assert "in the recycle bin" in _get(running, f"/lightning/r/Contact/{made}/view")[1]
        assert state_of_org(org)["deleted"]["Contact"] == 2
        change_in_org(org, {"do": "undelete", "id": made})
        change_in_org(org, {"do": "erase", "id": made})
        assert _get(running, f"/lightning/r/Contact/{made}/view")[0] == 404


def test_what_salesforce_refuses_is_refused_here(place: Place) -> None:
    """An unknown record, field or verb is refused in Salesforce's words."""
    with pytest.raises(OrgError, match="NOT_FOUND"):
        change_in_org(place.org, {"do": "edit", "id": "0035e000000zzzz"})
    with pytest.raises(OrgError, match="do must be"):
        change_in_org(place.org, {"do": "fold", "id": place.priya})
    with pytest.raises(RowError, match="No such column 'Nope'"):
        change_in_org(place.org, {"id": place.priya, "fields": {"Nope": 1}})


def test_the_admin_paths_know_the_org(place: Place, sandbox: Sandbox) -> None:
    """The state counts the org's records beside the portal's; a change with crm goes to the org, and a refusal is an answer."""
    with urllib3.PoolManager() as pool:
        state = pool.request("GET", f"{sandbox.base_url}/_sandbox/state").json()
        assert (state["salesforce"]["records"]["Contact"], state["records"]["contacts"]) == (2, 0)
        assert state["salesforce"]["dailyLimit"] == 100_000

        def change(**given: Any) -> Any:
            return pool.request("POST", f"{sandbox.base_url}/_sandbox/change", body=orjson.dumps({"crm": "salesforce", **given}))

        assert change(do="edit", id=place.priya, fields={"Title": "COO"}).json() == {"id": place.priya}
        assert change(do="edit", id=place.priya, fields={"LastName": ""}).status == 400
        assert change(do="edit", id="x").json()[0]["errorCode"] == "NOT_FOUND"
        pool.request("POST", f"{sandbox.base_url}/_sandbox/limits", body=orjson.dumps({"org_daily_used": 99_000}))
        assert pool.request("GET", f"{sandbox.base_url}/_sandbox/state").json()["salesforce"]["dailyUsed"] == 99_000
