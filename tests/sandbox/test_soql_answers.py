"""What SOQL answers: which rows, in which order and in which shape."""

# ruff: noqa: S608 - the statements go to a sandbox, and odd ones are what is tested

from datetime import UTC, datetime
from typing import Any

import pytest

from sandbox.clock import Clock, to_ms
from sandbox.options import SandboxOptions
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql import run_query

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
"""A Sunday."""


def empty_org(**options: Any) -> Org:
    return Org(SandboxOptions(org=OrgOptions(**options)), Clock(NOW, frozen=True))


@pytest.fixture(scope="module")
def org() -> Org:
    """Two accounts and a contact's worth of things around them; nobody changes it."""
    org = empty_org()
    me = org.integration_id
    org.add_field("Contact", Field("Hobbies__c", "Hobbies", "multipicklist", length=200, custom=True, groupable=False))
    acme = org.import_record(
        "Account",
        {"Name": "Acme", "Industry": "Banking", "AnnualRevenue": 1000, "NumberOfEmployees": 5, "OwnerId": me, "BillingCity": "Bonn"},
    )
    org.import_record("Account", {"Name": "beta", "ParentId": acme.id, "AnnualRevenue": 250.5, "OwnerId": me})
    ann = org.import_record(
        "Contact",
        {
            "FirstName": "Ann",
            "LastName": "Lee",
            "Name": "Ann Lee",
            "AccountId": acme.id,
            "Email": "Ann@x.example",
            "OwnerId": me,
            "Hobbies__c": "Chess;Golf",
            "CreatedDate": to_ms(datetime(2026, 11, 20, 12, tzinfo=UTC)),
        },
    )
    org.import_record("Contact", {"LastName": "Solo", "Name": "Solo", "OwnerId": me, "CreatedDate": to_ms(NOW)})
    org.import_record("Contact", {"LastName": "Gone", "Name": "Gone", "OwnerId": me, "IsDeleted": True})
    org.import_record("Lead", {"LastName": "Led", "Name": "Led", "Company": "C", "OwnerId": me, "Status": "Open - Not Contacted"})
    lead = next(iter(org.store("Lead")))
    base = {"OwnerId": me, "Priority": "Normal"}
    org.import_record(
        "Task", {**base, "Subject": "Call", "WhoId": ann.id, "WhatId": acme.id, "Status": "Completed", "ActivityDate": "2026-11-20"}
    )
    org.import_record("Task", {**base, "Subject": "Mail", "WhoId": lead.id, "Status": "Not Started", "ActivityDate": "2026-12-01"})
    org.import_record("Task", {**base, "Subject": "Old", "Status": "Completed", "ActivityDate": "2020-01-01", "IsArchived": True})
    return org


def answer(org: Org, text: str, **more: Any) -> list[dict[str, Any]]:
    """The records of an answer without their attributes."""
    return [bare(record) for record in run_query(org, org.integration_id, text, **more).records]


def bare(record: Any) -> Any:
    if isinstance(record, dict):
        return {key: bare(value) for key, value in record.items() if key != "attributes"}
    return [bare(one) for one in record] if isinstance(record, list) else record


def names(org: Org, where: str, of: str = "Contact", name: str = "LastName") -> str:
    """What the conditions find, in the order of their names."""
    return " ".join(record[name] for record in answer(org, f"SELECT {name} FROM {of} WHERE {where} ORDER BY {name}"))


def test_a_record_begins_with_its_attributes_and_keeps_the_order_asked_for(org: Org) -> None:
    """Fields bear their own names whatever was written; the address has the version of the request; parents are nested or null."""
    text = "select createddate, account.NAME, id, Account.annualrevenue, account.owner.name, OWNER.Name from CONTACT order by Name"
    ann, solo = run_query(org, org.integration_id, text, version="58.0").records
    assert list(ann) == ["attributes", "CreatedDate", "Account", "Id", "Owner"]
    assert ann["attributes"] == {"type": "Contact", "url": f"/services/data/v58.0/sobjects/Contact/{ann['Id']}"}
    assert ann["CreatedDate"] == "2026-11-20T12:00:00.000+0000"
    assert list(ann["Account"]) == ["attributes", "Name", "AnnualRevenue", "Owner"]
    assert (ann["Account"]["Name"], ann["Account"]["AnnualRevenue"]) == ("Acme", 1000.0)
    assert ann["Account"]["Owner"]["attributes"]["type"] == "User"
    assert solo["Account"] is None


def test_children_are_an_answer_of_their_own_or_null(org: Org) -> None:
    """With their own conditions, order and limit; nested down to children of children."""
    text = "SELECT Name, (SELECT LastName, (SELECT Subject FROM Tasks) FROM Contacts WHERE LastName LIKE 'l%' ORDER BY Name LIMIT 1) FROM Account"
    assert answer(org, text) == [
        {
            "Name": "Acme",
            "Contacts": {
                "totalSize": 1,
                "done": True,
                "records": [{"LastName": "Lee", "Tasks": {"totalSize": 1, "done": True, "records": [{"Subject": "Call"}]}}],
            },
        },
        {"Name": "beta", "Contacts": None},
    ]


def test_a_parent_of_several_types_is_a_name(org: Org) -> None:
    """Its attributes say Name, the address is the record's; Type tells the object; it can be filtered and sorted by."""
    first, second = run_query(org, org.integration_id, "SELECT Who.Name, Who.Type, What.Name FROM Task ORDER BY Who.Type DESC").records
    assert first["Who"]["attributes"]["type"] == "Name"
    assert first["Who"]["attributes"]["url"].startswith("/services/data/v64.0/sobjects/Lead/00Q")
    assert bare([first, second]) == [
        {"Who": {"Name": "Led", "Type": "Lead"}, "What": None},
        {"Who": {"Name": "Ann Lee", "Type": "Contact"}, "What": {"Name": "Acme"}},
    ]
    assert names(org, "Who.Type = 'Lead'", "Task", "Subject") == "Mail"
    assert names(org, "Owner.Name = 'still there integration'", "Task", "Subject") == "Call Mail"


def test_typeof_gives_each_type_its_own_fields(org: Org) -> None:
    """A type that is not named gets the fields after ELSE, or none; no parent is null."""
    text = "SELECT Subject, TYPEOF Who WHEN Contact THEN Email, Account.Name ELSE Name END FROM Task ORDER BY Subject"
    assert answer(org, text) == [
        {"Subject": "Call", "Who": {"Email": "Ann@x.example", "Account": {"Name": "Acme"}}},
        {"Subject": "Mail", "Who": {"Name": "Led"}},
    ]
    assert answer(org, "SELECT TYPEOF What WHEN Account THEN Industry END FROM Task ORDER BY Subject") == [
        {"What": {"Industry": "Banking"}},
        {"What": None},
    ]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'ANN LEE'", "Lee"),
        ("Name != 'ann lee'", "Solo"),
        ("FirstName != 'ann'", "Solo"),
        ("FirstName <> 'x'", "Lee Solo"),
        ("FirstName = null", "Solo"),
        ("FirstName = ''", "Solo"),
        ("FirstName != null", "Lee"),
        ("FirstName > 'a'", "Lee"),
        ("FirstName < 'z'", "Lee"),
        ("FirstName < null", ""),
        ("NOT FirstName < 'z'", "Solo"),
        ("NOT FirstName = 'ann'", "Solo"),
        ("FirstName IN ('ANN', null)", "Lee Solo"),
        ("FirstName NOT IN ('ann')", "Solo"),
        ("FirstName LIKE 'A_N'", "Lee"),
        ("(NOT FirstName LIKE 'A%') AND LastName LIKE '%O'", "Solo"),
        (r"Email LIKE 'ann\_%'", ""),
        (r"Email LIKE '%@x.example'", "Lee"),
        ("Account.Name = null", "Solo"),
        ("Account.Name != 'beta'", "Lee Solo"),
        ("Account.Owner.Name LIKE 'Still%'", "Lee"),
        ("Contact.Account.Name = 'acme'", "Lee"),
        ("IsDeleted = false", "Lee Solo"),
        ("IsDeleted = null", "Lee Solo"),
        ("IsDeleted != null", ""),
        ("Hobbies__c INCLUDES ('golf')", "Lee"),
        ("Hobbies__c INCLUDES ('Golf;Chess', 'Tennis')", "Lee"),
        ("Hobbies__c INCLUDES ('Golf;Tennis')", ""),
        ("Hobbies__c EXCLUDES ('Tennis')", "Lee Solo"),
        ("Hobbies__c EXCLUDES ('Golf')", "Solo"),
        ("Hobbies__c = 'Golf;Chess'", "Lee"),
        ("CreatedDate = TODAY", "Solo"),
        ("CreatedDate < TODAY", "Lee"),
        ("CreatedDate = LAST_N_DAYS:2", "Lee Solo"),
        ("CreatedDate >= 2026-11-20T13:00:00+01:00", "Lee Solo"),
        ("CreatedDate > 2026-11-20T12:00:00Z", "Solo"),
        ("CreatedDate IN (YESTERDAY, TODAY)", "Solo"),
        ("CALENDAR_MONTH(CreatedDate) = 11 AND DAY_IN_MONTH(CreatedDate) = 20", "Lee"),
        ("DAY_ONLY(CreatedDate) = 2026-11-22", "Solo"),
        ("HOUR_IN_DAY(convertTimezone(CreatedDate)) = 12", "Lee"),
        ("AccountId IN (SELECT Id FROM Account WHERE Industry = 'Banking')", "Lee"),
        ("AccountId NOT IN (SELECT Id FROM Account)", "Solo"),
        ("Id IN (SELECT ContactId FROM Case)", ""),
        ("(AccountId IN (SELECT ParentId FROM Account)) AND LastName > 'a'", "Lee"),
        ("toLabel(LeadSource) = null", "Lee Solo"),
    ],
)
def test_conditions(org: Org, where: str, found: str) -> None:
    """Text without case; a value that is not there equals null only, is unlike everything and in no order with anything."""
    assert names(org, where) == found


def test_ids_compare_by_fifteen_or_eighteen_characters(org: Org) -> None:
    """The short form finds the same record; its case counts."""
    ann = answer(org, "SELECT Id FROM Contact WHERE LastName = 'Lee'")[0]["Id"]
    assert names(org, f"Id = '{ann[:15]}'") == "Lee"
    assert names(org, f"Id IN ('{ann}', '003000000000000AAA')") == "Lee"
    assert names(org, f"Id != '{ann[:15]}'") == "Solo"
    assert names(org, f"WhoId = '{ann[:15]}'", "Task", "Subject") == "Call"


def test_order(org: Org) -> None:
    """Empty values come first both ways unless said otherwise; picklists go by the order of their values; aggregates and parents sort too."""
    ask = "SELECT LastName FROM Contact ORDER BY FirstName"
    orders = {how: [one["LastName"] for one in answer(org, f"{ask} {how}")] for how in ("", "DESC", "NULLS LAST", "desc nulls last")}
    assert orders == {"": ["Solo", "Lee"], "DESC": ["Solo", "Lee"], "NULLS LAST": ["Lee", "Solo"], "desc nulls last": ["Lee", "Solo"]}
    assert [one["Status"] for one in answer(org, "SELECT Status FROM Task ORDER BY Status")] == ["Not Started", "Completed"]
    assert [one["LastName"] for one in answer(org, "SELECT LastName FROM Contact ORDER BY Account.Name NULLS LAST, Name")] == [
        "Lee",
        "Solo",
    ]


def test_limit_and_offset(org: Org) -> None:
    """The total counts what is left of the rows."""
    assert [one["LastName"] for one in answer(org, "SELECT LastName FROM Contact ORDER BY LastName LIMIT 1 OFFSET 1")] == ["Solo"]
    assert run_query(org, org.integration_id, "SELECT Id FROM Contact LIMIT 1").total == 1
    assert run_query(org, org.integration_id, "SELECT COUNT() FROM Contact LIMIT 1").total == 1


def test_counts(org: Org) -> None:
    """COUNT() is the total alone; COUNT(field) leaves out empty values and is one row even of nothing."""
    result = run_query(org, org.integration_id, "SELECT count() FROM Contact")
    assert (result.total, result.records) == (2, [])
    assert run_query(org, org.integration_id, "SELECT COUNT(Id), COUNT(FirstName) named, COUNT(Email) FROM Contact").records == [
        {"attributes": {"type": "AggregateResult"}, "expr0": 2, "named": 1, "expr1": 1}
    ]
    assert answer(org, "SELECT COUNT(Id), SUM(AnnualRevenue) FROM Account WHERE Name = 'none'") == [{"expr0": 0, "expr1": None}]


def test_aggregates(org: Org) -> None:
    """Each gives the type of its field; averages are decimal."""
    text = "SELECT SUM(AnnualRevenue), AVG(NumberOfEmployees), SUM(NumberOfEmployees), MIN(Name), MAX(CreatedDate), COUNT_DISTINCT(OwnerId) FROM Account"
    assert answer(org, text) == [
        {"expr0": 1250.5, "expr1": 5.0, "expr2": 5, "expr3": "Acme", "expr4": "2026-11-22T09:00:00.000+0000", "expr5": 1}
    ]


def test_groups(org: Org) -> None:
    """A grouped parent's field is told by its own name; HAVING and ORDER BY see aggregates and aliases."""
    text = "SELECT Who.Type, Status s, COUNT(Id) n FROM Task GROUP BY Who.Type, Status HAVING COUNT(Id) > 0 AND Who.Type != null ORDER BY Who.Type DESC"
    assert answer(org, text) == [{"Type": "Lead", "s": "Not Started", "n": 1}, {"Type": "Contact", "s": "Completed", "n": 1}]
    text = "SELECT CALENDAR_YEAR(ActivityDate) y, COUNT(Id) FROM Task GROUP BY CALENDAR_YEAR(ActivityDate) ORDER BY COUNT(Id) DESC, y"
    assert answer(org, text, is_all=True) == [{"y": 2026, "expr0": 2}, {"y": 2020, "expr0": 1}]
    assert answer(org, "SELECT Industry FROM Account GROUP BY Industry ORDER BY Industry") == [{"Industry": None}, {"Industry": "Banking"}]


def test_rollup_and_cube(org: Org) -> None:
    """Both add rows that sum up; GROUPING tells over what."""
    text = "SELECT Status, GROUPING(Status) g, COUNT(Id) n FROM Task GROUP BY ROLLUP(Status)"
    assert answer(org, text) == [
        {"Status": "Completed", "g": 0, "n": 1},
        {"Status": "Not Started", "g": 0, "n": 1},
        {"Status": None, "g": 1, "n": 2},
    ]
    assert len(answer(org, "SELECT Status, Who.Type, COUNT(Id) FROM Task GROUP BY CUBE(Status, Who.Type)")) == 2 + 2 + 2 + 1


def test_query_all_also_sees_what_is_deleted_or_archived(org: Org) -> None:
    """A plain query sees neither."""
    assert names(org, "IsDeleted = true") == ""
    assert [one["LastName"] for one in answer(org, "SELECT LastName FROM Contact WHERE IsDeleted = true", is_all=True)] == ["Gone"]
    assert run_query(org, org.integration_id, "SELECT COUNT() FROM Task").total == 2
    assert run_query(org, org.integration_id, "SELECT COUNT() FROM Task", is_all=True).total == 3


def test_addresses_and_shown_values(org: Org) -> None:
    """An address is put together from its parts, or null; toLabel and FORMAT show values as people read them."""
    acme, beta = answer(org, "SELECT BillingAddress, FORMAT(AnnualRevenue) shown, toLabel(Industry) FROM Account ORDER BY Name")
    assert list(acme["BillingAddress"]) == ["city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street"]
    assert (acme["BillingAddress"]["city"], beta["BillingAddress"]) == ("Bonn", None)
    assert (acme["shown"], acme["Industry"]) == ("$1,000.00", "Banking")
    assert answer(org, "SELECT FORMAT(ActivityDate) d, FORMAT(CreatedDate) c FROM Task LIMIT 1") == [
        {"d": "11/20/2026", "c": "11/22/2026, 9:00 AM"}
    ]


def test_fields_stands_for_what_the_user_sees(org: Org) -> None:
    """STANDARD, CUSTOM or ALL, each field once; all but the standard ones need a LIMIT of at most 200."""
    assert answer(org, "SELECT FIELDS(CUSTOM), LastName FROM Contact ORDER BY Name LIMIT 1") == [
        {"Hobbies__c": "Chess;Golf", "LastName": "Lee"}
    ]
    every = set(answer(org, "SELECT FIELDS(ALL) FROM Contact LIMIT 200")[0])
    standard = set(answer(org, "SELECT FIELDS(STANDARD) FROM Contact")[0])
    assert every - standard == {"Hobbies__c"}


def test_short_names_of_objects(org: Org) -> None:
    """FROM gives short names to the object and to its parents."""
    text = "SELECT c.LastName, a.Name FROM Contact c, c.Account a WHERE a.Industry = 'banking' AND c.Account.Name LIKE 'AC%'"
    assert answer(org, text) == [{"LastName": "Lee", "Account": {"Name": "Acme"}}]
    assert answer(org, "SELECT Name, (SELECT a.LastName FROM Account.Contacts a) FROM Account LIMIT 1")[0]["Contacts"]["totalSize"] == 1


def test_scope(org: Org) -> None:
    """``mine`` is what the user owns; a scope that the object does not have is refused."""
    admin = org.admin_id
    assert run_query(org, org.integration_id, "SELECT COUNT() FROM Contact USING SCOPE mine").total == 2
    assert run_query(org, admin, "SELECT COUNT() FROM Contact USING SCOPE mine").total == 0
    assert run_query(org, admin, "SELECT COUNT() FROM Contact USING SCOPE Everything").total == 2
    with pytest.raises(OrgError) as refusal:
        run_query(org, admin, "SELECT COUNT() FROM Contact USING SCOPE delegated")
    assert refusal.value.code == "INVALID_QUERY_SCOPE"


def test_a_field_without_permission_is_no_such_column() -> None:
    """In SELECT, WHERE, ORDER BY and behind a relationship alike; granting it makes it appear."""
    org = empty_org()
    org.add_field("Account", Field("Tier__c", "Tier", "string", length=20, custom=True, is_hidden_until_granted=True))
    org.import_record("Contact", {"LastName": "Lee", "AccountId": org.import_record("Account", {"Name": "A", "Tier__c": "gold"}).id})
    asked = (
        "SELECT Tier__c FROM Account",
        "SELECT Id FROM Account ORDER BY Tier__c",
        "SELECT Id FROM Contact WHERE Account.Tier__c = 'gold'",
    )
    for text in asked:
        with pytest.raises(OrgError) as refusal:
            run_query(org, org.integration_id, text)
        assert refusal.value.code == "INVALID_FIELD"
        assert "No such column 'Tier__c' on entity 'Account'." in refusal.value.message
    granted = org.import_record("PermissionSet", {"Name": "G", "Label": "G"})
    org.import_record("PermissionSetAssignment", {"AssigneeId": org.integration_id, "PermissionSetId": granted.id})
    org.access.grant(granted.id, "Account", "Tier__c")
    assert [run_query(org, org.integration_id, text).total for text in asked] == [1, 1, 1]


def test_days_are_the_users_and_the_fiscal_year_is_the_orgs() -> None:
    """What TODAY is depends on the time zone of whoever asks; date functions stay in UTC unless they are told to convert."""
    org = empty_org()
    org.import_record("Contact", {"LastName": "Late", "CreatedDate": to_ms(datetime(2026, 11, 22, 6, tzinfo=UTC))})
    asked = (
        "CreatedDate = TODAY",
        "CreatedDate = YESTERDAY",
        "DAY_ONLY(CreatedDate) = 2026-11-22",
        "DAY_ONLY(convertTimezone(CreatedDate)) = 2026-11-21",
    )
    assert [names(org, where) for where in asked] == ["Late", "", "Late", ""]
    org.store("User").change(org.store("User").rows[org.integration_id], {"TimeZoneSidKey": "America/Los_Angeles"})
    assert [names(org, where) for where in asked] == ["", "Late", "Late", "Late"]
    company = next(iter(org.store("Organization")), None) or org.import_record("Organization", {"Name": "Org"})
    org.store("Organization").change(company, {"FiscalYearStartMonth": 11})
    assert names(org, "FISCAL_MONTH(CreatedDate) = 1 AND CreatedDate = THIS_FISCAL_QUARTER AND CreatedDate > LAST_FISCAL_YEAR") == "Late"


def test_archived_activities_leave_a_plain_query_as_time_passes() -> None:
    """A closed task whose due date lies a year back is found by queryAll alone."""
    org = empty_org()
    org.import_record(
        "Task", {"Subject": "Call", "Status": "Completed", "IsClosed": True, "ActivityDate": "2026-01-01", "OwnerId": org.admin_id}
    )
    assert names(org, "Subject = 'call'", "Task", "Subject") == "Call"
    org.clock.advance(400 * 86_400)
    assert names(org, "Subject = 'call'", "Task", "Subject") == ""
    assert answer(org, "SELECT Subject, IsArchived FROM Task", is_all=True) == [{"Subject": "Call", "IsArchived": True}]


def test_what_is_not_committed_is_not_seen() -> None:
    """Until a change becomes visible a query sees what was before, whichever index would find it."""
    org = empty_org(commit_delay=(60.0, 60.0))
    me = org.integration_id
    old = org.import_record("Contact", {"LastName": "Old", "Email": "old@x.example"})
    org.update(me, old, {"LastName": "New", "Email": "new@x.example"})
    org.create(me, "Contact", {"LastName": "Fresh"})
    seen = {
        where: names(org, where) for where in ("LastName != null", "Email = 'new@x.example'", "Email = 'old@x.example'", f"Id = '{old.id}'")
    }
    assert seen == {"LastName != null": "Old", "Email = 'new@x.example'": "", "Email = 'old@x.example'": "Old", f"Id = '{old.id}'": "Old"}
    org.clock.advance(61)
    assert names(org, "LastName != null") == "Fresh New"
