"""What SOQL refuses once it is read: names that are not there, values that do not fit, clauses that the vendor does not allow."""

# ruff: noqa: S608 - the statements go to a sandbox, and odd ones are what is tested

from datetime import UTC, datetime

import pytest

from sandbox.clock import Clock
from sandbox.options import SandboxOptions
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field
from sandbox.salesforce.soql import rows_for_bulk, run_query

WSDL = "Please reference your WSDL or the describe call for the appropriate names."


@pytest.fixture(scope="module")
def org() -> Org:
    """An org without records, with one multi-select picklist."""
    org = Org(SandboxOptions(), Clock(datetime(2026, 11, 22, 9, tzinfo=UTC), frozen=True))
    org.add_field("Contact", Field("Hobbies__c", "Hobbies", "multipicklist", length=200, custom=True, groupable=False, sortable=False))
    return org


def refusal(org: Org, text: str) -> OrgError:
    with pytest.raises(OrgError) as refused:
        run_query(org, org.integration_id, text)
    assert refused.value.status == 400
    return refused.value


# Recorded of real orgs, with this sandbox's objects in place of theirs.
RECORDED = [
    (
        "select count() from XYZZY",
        "INVALID_TYPE",
        (
            "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\nsObject type 'XYZZY' is not supported. "
            f"If you are attempting to use a custom object, be sure to append the '__c' after the entity name. {WSDL}"
        ),
    ),
    (
        "SELECT Id, Nope__c FROM Contact",
        "INVALID_FIELD",
        (
            "\nSELECT Id, Nope__c FROM Contact\n           ^\nERROR at Row:1:Column:12\nNo such column 'Nope__c' on entity 'Contact'. "
            f"If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. {WSDL}"
        ),
    ),
    (
        "SELECT COUNT() FROM Contact WHERE (Bogus__c = 'x')",
        "INVALID_FIELD",
        (
            "\nSELECT COUNT() FROM Contact WHERE (Bogus__c = 'x')\n                                   ^\nERROR at Row:1:Column:36\n"
            "No such column 'Bogus__c' on entity 'Contact'. If you are attempting to use a custom field, "
            f"be sure to append the '__c' after the custom field name. {WSDL}"
        ),
    ),
    (
        "select Id, BillingCity from Account where BillingCity = 3999",
        "INVALID_FIELD",
        (
            "\nBillingCity from Account where BillingCity = 3999\n                               ^\nERROR at Row:1:Column:43\n"
            "value of filter criterion for field 'BillingCity' must be of type string and should be enclosed in quotes"
        ),
    ),
    (
        "SELECT Id FROM Account WHERE Id = '7075A0000BiWZjxx'",
        "INVALID_QUERY_FILTER_OPERATOR",
        (
            "\nSELECT Id FROM Account WHERE Id = '7075A0000BiWZjxx'\n                             ^\nERROR at Row:1:Column:30\n"
            "invalid ID field: 7075A0000BiWZjxx"
        ),
    ),
    (
        "SELECT Name FROM Contact WHERE Parnt.Name = 'x'",
        "INVALID_FIELD",
        (
            "\nSELECT Name FROM Contact WHERE Parnt.Name = 'x'\n                               ^\nERROR at Row:1:Column:32\n"
            "Didn't understand relationship 'Parnt' in field path. If you are attempting to use a custom relationship, "
            f"be sure to append the '__r' after the custom relationship name. {WSDL}"
        ),
    ),
]


@pytest.mark.parametrize(("text", "code", "message"), RECORDED)
def test_refusals_as_recorded(org: Org, text: str, code: str, message: str) -> None:
    """Code and message, with the words around the place, a caret under it, its row and column."""
    refused = refusal(org, text)
    assert (refused.code, refused.message) == (code, message)
    assert refused.body() == [{"message": message, "errorCode": code}]


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        (
            "SELECT Id FROM Contact WHERE IsDeleted = 'true'",
            "INVALID_FIELD",
            "must be of type boolean and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Contact WHERE CreatedDate > '2026-01-01'",
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Contact WHERE CreatedDate > 2026-01-01",
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Task WHERE ActivityDate = 2026-01-01T00:00:00Z",
            "INVALID_FIELD",
            "must be of type date and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE AnnualRevenue > '5'",
            "INVALID_FIELD",
            "must be of type currency and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE NumberOfEmployees IN (1, 'x')",
            "INVALID_FIELD",
            "must be of type int and should not be enclosed in quotes",
        ),
        ("SELECT Id FROM Account WHERE Name = TODAY", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE Name = 2026-01-01", "INVALID_FIELD", "must be of type string and should be enclosed in quotes"),
        ("SELECT Id FROM Task WHERE Description != null", "INVALID_FIELD", "field 'Description' can not be filtered in a query call"),
        (
            "SELECT Id FROM Contact WHERE MailingAddress = 'x'",
            "INVALID_FIELD",
            "Address fields can only be filtered using Distance expressions",
        ),
        ("SELECT Id FROM Task ORDER BY Description", "MALFORMED_QUERY", "field 'Description' can not be sorted in a query call"),
        ("SELECT Id FROM Contact ORDER BY Hobbies__c", "MALFORMED_QUERY", "field 'Hobbies__c' can not be sorted in a query call"),
        ("SELECT Subject, COUNT(Id) FROM Task GROUP BY Subject", "MALFORMED_QUERY", "field 'Subject' can not be grouped in a query call"),
        ("SELECT Id FROM Contact WHERE Id LIKE '003%'", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field"),
        ("SELECT Id FROM Contact WHERE IsDeleted > true", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on boolean field"),
        ("SELECT Id FROM Contact WHERE LastName INCLUDES ('a')", "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on string field"),
        ("SELECT Name, COUNT(Id) FROM Account GROUP BY Industry", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
        ("SELECT COUNT(Id), Name FROM Account", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
        (
            "SELECT Industry FROM Account GROUP BY Industry HAVING Name = 'x'",
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: Name",
        ),
        ("SELECT Industry FROM Account GROUP BY Industry ORDER BY Name", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
        ("SELECT Name, COUNT(Name) FROM Account GROUP BY Name", "MALFORMED_QUERY", "Grouped field should not be aggregated: Name"),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "field Name does not support aggregate operator SUM"),
        ("SELECT COUNT(IsDeleted) FROM Account", "MALFORMED_QUERY", "field IsDeleted does not support aggregate operator COUNT"),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY CUBE(Industry, Type, OwnerId, ParentId)",
            "MALFORMED_QUERY",
            "GROUP BY CUBE can have at most 3 fields",
        ),
        ("SELECT COUNT(Id) n, SUM(AnnualRevenue) N FROM Account", "MALFORMED_QUERY", "duplicate alias: N"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY", "only aggregate expressions use field aliasing"),
        ("SELECT CALENDAR_YEAR(CreatedDate) FROM Account", "MALFORMED_QUERY", "Field must be grouped or aggregated: CreatedDate"),
        ("SELECT Id, (SELECT COUNT(Id) FROM Contacts) FROM Account", "MALFORMED_QUERY", "only root queries support aggregate expressions"),
        ("SELECT Id, name, ID FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id, FIELDS(ALL) FROM Account LIMIT 200", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT FIELDS(CUSTOM) FROM Account LIMIT 201", "MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY", "ALL ROWS not allowed in this context"),
        ("SELECT convertCurrency(CALENDAR_YEAR(convertTimezone(CreatedDate))) FROM Account", "MALFORMED_QUERY", "unexpected token: '('"),
        ("SELECT Id FROM Contact WHERE Owner.Nope = 'x'", "INVALID_FIELD", f"after the custom field name. {WSDL}"),
        ("SELECT Who.Nope FROM Task", "INVALID_FIELD", f"after the custom field name. {WSDL}"),
        ("SELECT Id, (SELECT Id FROM Foos) FROM Contact", "INVALID_TYPE", f"after the custom relationship name. {WSDL}"),
        (
            "SELECT TYPEOF Account WHEN Account THEN Id END FROM Contact",
            "INVALID_FIELD",
            "TYPEOF needs a polymorphic relationship: 'Account'",
        ),
    ],
)
def test_refusals(org: Org, text: str, code: str, sentence: str) -> None:
    """Values of the wrong kind, fields that cannot be filtered, sorted or grouped, aggregates in the wrong place, and the caps."""
    refused = refusal(org, text)
    assert refused.code == code
    assert refused.message.endswith(sentence)


JOINS = {
    "Id IN (SELECT AccountId FROM Contact) OR Name = 'x'": "Semi join sub-selects are not allowed with the 'OR' operator",
    "Name = 'x' AND (Id IN (SELECT AccountId FROM Contact) OR Name = 'y')": "Semi join sub-selects are not allowed with the 'OR' operator",
    "NOT Id IN (SELECT AccountId FROM Contact)": (
        "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE expressions."
    ),
    "Id IN (SELECT AccountId FROM Contact) AND Id IN (SELECT AccountId FROM Case) AND Id NOT IN (SELECT AccountId FROM Contact)": (
        "Maximum 2 semi join sub-selects are allowed"
    ),
    "Id IN (SELECT AccountId FROM Contact WHERE Id IN (SELECT ContactId FROM Case))": "Nesting of semi join sub-selects is not supported",
    "Id IN (SELECT AccountId FROM Task)": "Entity 'Task' is not supported for semi join inner selects",
    "Id IN (SELECT ParentId FROM Account)": "The inner and outer selects should not be on the same object type",
    "Id IN (SELECT LastName FROM Contact)": "Semi join sub-selects can only query id fields, cannot use: 'LastName'",
    "Name IN (SELECT AccountId FROM Contact)": "Semi join sub-selects can only query id fields, cannot use: 'Name'",
    "Id IN (SELECT OwnerId FROM Contact)": (
        "The selected field 'OwnerId' in the subquery and the left operand field in the where expression in the outer query 'Id' "
        "should point to the same object type"
    ),
    "Id IN (SELECT AccountId FROM Contact LIMIT 5)": "Semi join sub-selects cannot use GROUP BY, ORDER BY, LIMIT or OFFSET",
    "Id IN (SELECT AccountId, Id FROM Contact)": "Semi join sub-selects must select exactly one field",
    "Owner.ManagerId IN (SELECT OwnerId FROM Contact)": "The left operand of a semi join cannot be a relationship field: 'ManagerId'",
}


@pytest.mark.parametrize("where", JOINS)
def test_sub_selects_have_their_restrictions(org: Org, where: str) -> None:
    """At most two, only beside AND at the top, one id field that points to the same object, never nested, never of tasks."""
    refused = refusal(org, f"SELECT Id FROM Account WHERE {where}")
    assert refused.code == "MALFORMED_QUERY"
    assert refused.message.endswith(JOINS[where])


def test_security_clauses_are_apex_alone(org: Org) -> None:
    """The vendor's release notes of Summer '24 tell the answer that the REST API gives."""
    refused = refusal(org, "SELECT Id FROM Account WITH SECURITY_ENFORCED")
    expected = "rule soqlWithIdentifierClause failed predicate: {this.helper.allowApexSyntax() && this.helper.hasApexContext()}?"
    assert (refused.code, refused.message) == ("MALFORMED_QUERY", expected)


def test_a_path_goes_up_five_levels(org: Org) -> None:
    """Five parents are allowed, a sixth is not."""
    run_query(org, org.integration_id, f"SELECT {'Parent.' * 5}Name FROM Account")
    assert refusal(org, f"SELECT {'Parent.' * 6}Name FROM Account").code == "MALFORMED_QUERY"


def test_groups_do_not_page(org: Org) -> None:
    """More than 2,000 groups are refused; a LIMIT helps."""
    for number in range(2001):
        org.import_record("CampaignMemberStatus", {"Label": f"L{number}"})
    ask = "SELECT Label, COUNT(Id) FROM CampaignMemberStatus GROUP BY Label"
    assert refusal(org, ask).code == "EXCEEDED_ID_LIMIT"
    assert run_query(org, org.integration_id, f"{ask} LIMIT 2000").total == 2000


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("SELECT COUNT(Id) FROM Contact", "API_ERROR", "Aggregate Relationships not supported in Bulk Query"),
        ("SELECT COUNT() FROM Contact", "API_ERROR", "Aggregate Relationships not supported in Bulk Query"),
        ("SELECT LeadSource FROM Contact GROUP BY LeadSource", "API_ERROR", "Aggregate Relationships not supported in Bulk Query"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR", "Parent-to-child relationships not supported in Bulk Query"),
        ("SELECT TYPEOF Who WHEN Contact THEN Id END FROM Task", "API_ERROR", "TYPEOF not supported in Bulk Query"),
        ("SELECT Id FROM Contact OFFSET 5", "API_ERROR", "OFFSET not supported in Bulk Query"),
        ("SELECT FIELDS(ALL) FROM Contact LIMIT 5", "API_ERROR", "FIELDS(ALL) not supported in Bulk Query"),
        ("SELECT Id, MailingAddress FROM Contact", "API_ERROR", "Selecting compound data not supported in Bulk Query"),
        ("SELECT MasterLabel FROM TaskStatus", "INVALIDENTITY", "Entity 'TaskStatus' is not supported by the Bulk API."),
        ("SELECT Id FROM ActivityMetric", "API_ERROR", "Implementation restriction: ActivityMetric requires a filter in a Bulk Query"),
        ("SELECT Nope FROM Contact", "INVALID_FIELD", WSDL),
    ],
)
def test_bulk_queries_refuse_more(org: Org, text: str, code: str, sentence: str) -> None:
    """Aggregates, child queries, TYPEOF, OFFSET, compound fields, and objects that are not open to the Bulk API."""
    with pytest.raises(OrgError) as refused:
        rows_for_bulk(org, org.integration_id, text, is_all=False)
    assert refused.value.code == code
    assert refused.value.message.endswith(sentence)
