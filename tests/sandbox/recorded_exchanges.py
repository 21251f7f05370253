"""The facts of recorded exchanges with real orgs, as tables: what was asked, and in what shape the answer came.

Each line keeps status, keys and their order, codes and messages. Of ids, moments and whatever belongs to one org only the kind is kept.
``recorded`` are exchanges that public projects recorded against their orgs, or that their users reported word for word; ``guide`` are
examples of Salesforce's own guides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from tests.sandbox.conftest import DATA

NO_OBJECT = (
    "sObject type '{}' is not supported. If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
NO_COLUMN = (
    "No such column '{}' on entity '{}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
NOT_THERE = [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]
DELETED = [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]
MADE = {"id": "<id>", "success": True, "errors": []}
ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."
ALL_OR_NONE = "Record rolled back because not all records were valid and the request was using AllOrNone header"
UPSERTED = {**MADE, "created": True}
FOUND_AGAIN = {**MADE, "created": False}


def fault(code: str, message: str, *fields: str) -> list[dict[str, Any]]:
    """The answer to a call about a single record that is refused, with the fields concerned."""
    return [{"message": message, "errorCode": code, "fields": list(fields)}]


def bare(code: str, message: str) -> list[dict[str, Any]]:
    """The answer to a call that is refused as a whole: it names no fields."""
    return [{"message": message, "errorCode": code}]


def code_first(code: str, message: str) -> list[dict[str, Any]]:
    """The same as bare, from those parts of Salesforce that tell the code first."""
    return [{"errorCode": code, "message": message}]


def row_fault(code: str, message: str, *fields: str) -> dict[str, Any]:
    """A refused row of a collection."""
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


def part(status: int, body: Any, reference: str, **headers: str) -> dict[str, Any]:
    """One part of a composite answer."""
    return {"body": body, "httpHeaders": headers, "httpStatusCode": status, "referenceId": reference}


def row(kind: str, **values: Any) -> dict[str, Any]:
    """A row of a query or a record, with its head."""
    return {"attributes": {"type": kind, "url": "<text>"}, **values}


def page(*rows: Any) -> dict[str, Any]:
    """An answer to a query that fits on one page."""
    return {"totalSize": len(rows), "done": True, "records": list(rows)}


def sub(method: str, url: str, reference: str, body: Any = None) -> dict[str, Any]:
    """One part of a composite request."""
    return {"method": method, "url": f"{DATA}/{url}", "referenceId": reference, **({} if body is None else {"body": body})}


def of(kind: str, **values: Any) -> dict[str, Any]:
    """A row of a collection to write."""
    return {"attributes": {"type": kind}, **values}


@dataclass(frozen=True)
class Exchange:
    """One call and its answer. A path without ``/services`` stands below the data of the newest version; ``raw`` is a body that is no JSON.

    Names in pointed brackets stand for records of the org under test, or for a value of which only the kind is known.
    """

    source: Literal["recorded", "guide"]
    method: str
    path: str
    status: int
    answer: Any
    body: Any = None
    raw: str | None = None

    def __str__(self) -> str:
        return re.sub(r"\W+", " ", f"{self.method} {self.path} {self.body or self.raw or ''}")[:80].strip()


def query(source: Literal["recorded", "guide"], text: str, status: int, answer: Any) -> Exchange:
    """A query by its text."""
    return Exchange(source, "GET", "query?" + str(httpx.QueryParams({"q": text})), status, answer)


def write(source: Literal["recorded", "guide"], kind: str, values: dict[str, Any], status: int, answer: Any) -> Exchange:
    """A record to be made."""
    return Exchange(source, "POST", f"sobjects/{kind}", status, answer, values)


def composite(source: Literal["recorded", "guide"], parts: list[Any], answer: list[Any], **more: Any) -> Exchange:
    """A composite call, which is answered with 200 whatever becomes of its parts."""
    return Exchange(source, "POST", "composite", 200, {"compositeResponse": answer}, {**more, "compositeRequest": parts})


SINGLE = [
    write("recorded", "Account", {"Name": "a"}, 201, MADE),
    write(
        "recorded", "Lead", {"LastName": "Upton", "Company": "Eastern Ferry", "Status": "Needs FV", "Email": "upton@example.com"}, 201, MADE
    ),
    write("recorded", "Unreal", {"IntX": "1"}, 404, NOT_THERE),
    write(
        "recorded",
        "Account",
        {"BillingCity": "x"},
        400,
        fault("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", "Name"),
    ),
    write(
        "recorded",
        "Contact",
        {"LastName": "Smith", "Email": "not an email"},
        400,
        fault("INVALID_EMAIL_ADDRESS", "Email: invalid email address: not an email", "Email"),
    ),
    write(
        "recorded", "Contact", {"LastName": "a", "foo": 1}, 400, bare("INVALID_FIELD", "No such column 'foo' on sobject of type Contact")
    ),
    write(
        "recorded",
        "Task",
        {"Subject": "Call", "WhatId": "006B000002nBrQ"},
        400,
        fault("MALFORMED_ID", "Related To ID: id value of incorrect type: 006B000002nBrQ", "WhatId"),
    ),
    write(
        "recorded",
        "Campaign",
        {"Name": "x" * 81},
        400,
        fault("STRING_TOO_LONG", f"Name: data value too large: {'x' * 81} (max length=80)", "Name"),
    ),
    write(
        "recorded",
        "Contact",
        {"LastName": "a", "CreatedById": "<user>"},
        400,
        fault(
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            "Unable to create/update fields: CreatedById. Please check the security settings of this field and verify that it is read/write "
            "for your profile or permission set.",
            "CreatedById",
        ),
    ),
    write(
        "recorded",
        "Contact",
        {"LastName": "child", "ReportsTo": {"Email": "bob@email.com"}},
        400,
        fault("INVALID_FIELD", "Foreign key external ID: bob@email.com not found for field Email in entity Contact"),
    ),
    Exchange("recorded", "DELETE", "sobjects/Account/<gone>", 404, DELETED),
    Exchange("recorded", "GET", "sobjects/Contact/<gone contact>", 404, DELETED),
    Exchange("recorded", "GET", "sobjects/Foo", 404, NOT_THERE),
    Exchange("recorded", "GET", "sobjects/Whizbang/describe", 404, NOT_THERE),
    Exchange("recorded", "GET", "sobjects/Account/001000000000000AAA", 404, NOT_THERE),
    Exchange(
        "recorded",
        "GET",
        "sobjects/Contact/23foo",
        404,
        code_first("NOT_FOUND", "Provided external ID field does not exist or is not accessible: 23foo"),
    ),
    Exchange(
        "recorded",
        "PATCH",
        "sobjects/Contact/Namez/foo",
        404,
        code_first("NOT_FOUND", "Provided external ID field does not exist or is not accessible: Namez"),
        {"LastName": "x"},
    ),
    Exchange(
        "recorded",
        "DELETE",
        "sobjects/Contact/rid",
        404,
        code_first("NOT_FOUND", "Provided external ID field does not exist or is not accessible: rid"),
    ),
    Exchange("recorded", "PATCH", "sobjects/Contact/Email/new@example.com", 201, UPSERTED, {"LastName": "New"}),
    Exchange("guide", "PATCH", "sobjects/Contact/Email/ann@example.com", 200, FOUND_AGAIN, {"FirstName": "Ann"}),
    Exchange("guide", "PATCH", "/services/data/v45.0/sobjects/Contact/Email/ann@example.com", 204, None, {"FirstName": "Ann"}),
    Exchange(
        "recorded",
        "PATCH",
        "sobjects/Contact/Email/twin@example.com",
        300,
        ["/services/data/v64.0/sobjects/Contact/<twin>", "/services/data/v64.0/sobjects/Contact/<other twin>"],
        {"FirstName": "Ann"},
    ),
    Exchange("guide", "POST", "sobjects/Account/Id", 201, UPSERTED, {"Name": "California Wheat Corporation"}),
    Exchange("recorded", "PATCH", "sobjects/Contact/<contact>", 204, None, {"Title": "Chief"}),
    Exchange(
        "recorded",
        "PATCH",
        "sobjects/Account",
        405,
        code_first("METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed. Allowed are HEAD,GET,POST"),
        {"Phone": "1"},
    ),
    Exchange(
        "recorded",
        "POST",
        "sobjects/Contact/<contact>",
        405,
        code_first("METHOD_NOT_ALLOWED", "HTTP Method 'POST' not allowed. Allowed are HEAD,GET,PATCH,DELETE"),
        {"Title": "x"},
    ),
    Exchange(
        "recorded",
        "POST",
        "sobjects/Contact",
        400,
        bare("JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."),
        raw="",
    ),
    Exchange(
        "recorded",
        "POST",
        "sobjects/Contact",
        400,
        bare(
            "JSON_PARSER_ERROR", "Unexpected character ('j' (code 106)): was expecting a colon to separate field name and value at <text>"
        ),
        raw='{"LastName" json}',
    ),
    Exchange(
        "recorded",
        "POST",
        "sobjects/Contact",
        400,
        bare(
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of date from VALUE_STRING value soon or request may be missing a required field at <text>",
        ),
        {"LastName": "a", "Birthdate": "soon"},
    ),
    Exchange(
        "guide",
        "GET",
        "sobjects/Account/<account>?fields=AccountNumber,BillingPostalCode",
        200,
        row("Account", AccountNumber="CD656092", BillingPostalCode="27215", Id="<id>"),
    ),
    Exchange("guide", "GET", "sobjects/Contact/<contact>/Account?fields=Name", 200, row("Account", Name="Sitwell-Bluth", Id="<id>")),
]
"""Single records: made, read, changed, deleted, reached by another key, and what is refused."""

QUERIES = [
    query("recorded", "SELECT Id FROM Account WHERE Name = 'nobody'", 200, page()),
    query("recorded", "select count() from Campaign", 200, page()),
    query("recorded", "select Name from Account where AccountNumber='CD656092'", 200, page(row("Account", Name="Sitwell-Bluth"))),
    query(
        "recorded",
        "select Id,AccountNumber from Account where Id='<account>'",
        200,
        page(row("Account", Id="<id>", AccountNumber="CD656092")),
    ),
    query("recorded", "select Email from Contact where LastName='Myers'", 200, page(row("Contact", Email="chloe.myers@example.com"))),
    query(
        "recorded",
        "SELECT AccountId, COUNT(Id) FROM Contact WHERE LastName = 'Myers' GROUP BY AccountId",
        200,
        page({"attributes": {"type": "AggregateResult"}, "AccountId": "<id>", "expr0": 1}),
    ),
    query(
        "recorded",
        "SELECT Id, (SELECT Id FROM Tasks) FROM Contact WHERE LastName = 'Myers'",
        200,
        page(row("Contact", Id="<id>", Tasks=None)),
    ),
    query(
        "recorded",
        "SELECT Name, (SELECT LastName FROM Contacts WHERE LastName = 'Myers') FROM Account WHERE Id = '<account>'",
        200,
        page(row("Account", Name="Sitwell-Bluth", Contacts=page(row("Contact", LastName="Myers")))),
    ),
    query(
        "recorded",
        "SELECT Id, Account.Name FROM Contact WHERE LastName = 'Twin' LIMIT 1",
        200,
        page(row("Contact", Id="<id>", Account=None)),
    ),
    query(
        "recorded",
        "SELECT Account.Name FROM Contact WHERE LastName = 'Myers'",
        200,
        page(row("Contact", Account=row("Account", Name="Sitwell-Bluth"))),
    ),
    query("recorded", "invalid", 400, bare("MALFORMED_QUERY", "unexpected token: 'invalid'")),
    query("recorded", "q=SELECT Id FROM ApexClass", 400, bare("MALFORMED_QUERY", "unexpected token: 'q'")),
    query(
        "recorded",
        "select count() from XYZZY",
        400,
        bare("INVALID_TYPE", f"\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n{NO_OBJECT.format('XYZZY')}"),
    ),
    query(
        "recorded",
        "SELECT Id, Chiffre_d_affaire__c FROM Account",
        400,
        bare(
            "INVALID_FIELD",
            "\nSELECT Id, Chiffre_d_affaire__c FROM Account\n           ^\nERROR at Row:1:Column:12\n"
            + NO_COLUMN.format("Chiffre_d_affaire__c", "Account"),
        ),
    ),
    query(
        "recorded",
        "SELECT Id, IsDeleted, Department, FirstName, LastName, Title, Email, LastModifiedById, LastModifiedDate, From Contact ",
        400,
        bare(
            "MALFORMED_QUERY",
            "\nLastModifiedById, LastModifiedDate, From Contact \n                                   ^\nERROR at Row:1:Column:<text>\nunexpected token: 'From'",
        ),
    ),
    query(
        "recorded",
        "Select Id from Campaign where DAY_ONLY(CreatedDate) < 2016-07-31T04:17:54",
        400,
        bare(
            "MALFORMED_QUERY",
            "\nDAY_ONLY(CreatedDate) < 2016-07-31T04:17:54\n                                          ^\nERROR at Row:1:Column:73\n"
            "line 1:73 no viable alternative at character '<EOF>'",
        ),
    ),
    query("guide", "SELECT Id FROM Contact OFFSET 2001", 400, bare("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")),
    Exchange("recorded", "GET", "query/0r8xx00000000000AA-2000", 400, bare("INVALID_QUERY_LOCATOR", "invalid query locator")),
    Exchange(
        "recorded",
        "GET",
        "search?q=Whizbang",
        400,
        bare("MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces."),
    ),
    Exchange(
        "recorded",
        "GET",
        "tooling/query?q=SELECT+DeveloperName+FROM+CustomField+WHERE+DeveloperName='x'",
        200,
        {"size": 0, "totalSize": 0, "done": True, "queryLocator": None, "entityTypeName": "CustomField", "records": []},
    ),
]
"""Queries: pages, children, parents, groups, and how a statement is refused."""

COLLECTIONS = [
    Exchange(
        "guide",
        "POST",
        "composite/sobjects",
        200,
        [MADE, MADE],
        {
            "allOrNone": False,
            "records": [
                of("Account", Name="example.com", BillingCity="San Francisco"),
                of("Contact", LastName="Johnson", FirstName="Erica"),
            ],
        },
    ),
    Exchange(
        "guide",
        "POST",
        "composite/sobjects",
        200,
        [
            row_fault("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", "Name"),
            row_fault("ALL_OR_NONE_OPERATION_ROLLED_BACK", ALL_OR_NONE),
        ],
        {"allOrNone": True, "records": [of("Account"), of("Contact", LastName="Johnson")]},
    ),
    Exchange(
        "recorded",
        "PATCH",
        "composite/sobjects/Account/Id",
        200,
        [UPSERTED],
        {"allOrNone": False, "records": [of("Account", Name="New", Id=None)]},
    ),
    Exchange(
        "recorded", "PATCH", "composite/sobjects/Account/Id", 200, [FOUND_AGAIN], {"records": [of("Account", Phone="1", Id="<account>")]}
    ),
    Exchange(
        "recorded",
        "PATCH",
        "composite/sobjects/Contact/Email",
        200,
        [FOUND_AGAIN, UPSERTED, row_fault("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")],
        {
            "records": [
                of("Contact", Email="ann@example.com"),
                of("Contact", Email="b1@example.com", LastName="b"),
                of("Contact", Email="b2@example.com"),
            ]
        },
    ),
    Exchange(
        "guide",
        "PATCH",
        "composite/sobjects",
        200,
        [MADE, row_fault("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"), row_fault("ENTITY_IS_DELETED", "entity is deleted")],
        {
            "records": [
                of("Contact", id="<contact>", Title="x"),
                of("Contact", id="003000000000000AAA"),
                of("Contact", id="<gone contact>", Title="x"),
            ]
        },
    ),
    Exchange("recorded", "DELETE", "composite/sobjects", 400, bare("REQUIRED_FIELD_MISSING", "At least 1 Id is required.")),
    Exchange(
        "guide",
        "GET",
        "composite/sobjects/Account?ids=<account>,001000000000000AAA&fields=id,name",
        200,
        [row("Account", Id="<id>", Name="Sitwell-Bluth"), None],
    ),
    Exchange(
        "recorded", "GET", "composite/sobjects/Contact?ids=<contact>,zz&fields=Id", 400, code_first("MALFORMED_ID", "malformed id zz")
    ),
    Exchange(
        "recorded",
        "POST",
        "composite/sobjects",
        400,
        bare(
            "INVALID_FIELD",
            "Json Deserialization failed on token 'null' and has left off in the middle of parsing a row. Will go to end of row to begin parsing the next row",
        ),
        [of("Account", Name="x")],
    ),
]
"""Up to 200 records at once."""

COMPOSITES = [
    composite("recorded", [sub("GET", "sobjects/Foo", "CCI__RefId__0__")], [part(404, NOT_THERE, "CCI__RefId__0__")]),
    composite(
        "recorded",
        [
            sub("GET", "query?q=SELECT Name FROM Account WHERE Id = '<account>' LIMIT 1", "one"),
            sub("GET", "query/?q=select count() from XYZZY", "two"),
        ],
        [
            part(200, page(row("Account", Name="Sitwell-Bluth")), "one"),
            part(
                400,
                bare(
                    "INVALID_TYPE",
                    f"\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n{NO_OBJECT.format('XYZZY')}",
                ),
                "two",
            ),
        ],
    ),
    composite(
        "guide",
        [sub("POST", "sobjects/Contact", "badContact", {"LastName": "Cutler", "Email": "Not a real email address"})],
        [part(400, fault("INVALID_EMAIL_ADDRESS", "Email: invalid email address: Not a real email address", "Email"), "badContact")],
    ),
    composite(
        "guide",
        [
            sub("POST", "sobjects/Account", "NewAccount", {"Name": "Salesforce"}),
            sub("POST", "sobjects/Contact", "NewContact", {"LastName": "Doe", "AccountId": "@{NewAccount.id}"}),
        ],
        [part(201, MADE, "NewAccount", Location="<text>"), part(201, MADE, "NewContact", Location="<text>")],
    ),
    composite(
        "recorded",
        [
            sub("POST", "sobjects/Account", "one", {"Name": "x"}),
            sub("POST", "sobjects/Contact", "two", {"LastName": "x", "ReportsTo": {"Email": "0116@example.com"}}),
        ],
        [
            part(400, code_first("PROCESSING_HALTED", ROLLED_BACK), "one"),
            part(
                400, fault("INVALID_FIELD", "Foreign key external ID: 0116@example.com not found for field Email in entity Contact"), "two"
            ),
        ],
        allOrNone=True,
    ),
    composite(
        "recorded",
        [
            sub("GET", "query?q=SELECT Id FROM Account WHERE Name = 'nobody'", "schoolRt"),
            sub("DELETE", "sobjects/Account/@{schoolRt.records[0].Id}", "badref"),
        ],
        [
            part(200, page(), "schoolRt"),
            part(
                400,
                code_first("PROCESSING_HALTED", "Invalid reference specified. No value for schoolRt.records[0].Id found in schoolRt"),
                "badref",
            ),
        ],
    ),
    composite(
        "guide",
        [
            sub("GET", "sobjects/Contact/<contact>?fields=FirstName,LastName", "refContact"),
            sub("POST", "sobjects/Contact", "newContact", {"FirstName": "@{refContact.FirstName}", "LastName": "@{refContact.LastName}"}),
        ],
        [
            part(
                200,
                row("Contact", FirstName=None, LastName="Wong", Id="<id>"),
                "refContact",
                **{"ETag": "<etag>", "Last-Modified": "<http date>"},
            ),
            part(201, MADE, "newContact", Location="<text>"),
        ],
    ),
    Exchange(
        "guide",
        "POST",
        "/services/data/v51.0/composite",
        200,
        {
            "compositeResponse": [
                part(200, row("Contact", FirstName=None, Id="<id>"), "refContact", **{"ETag": "<etag>", "Last-Modified": "<http date>"}),
                part(
                    400,
                    code_first(
                        "PROCESSING_HALTED",
                        "Invalid reference specified. No value for refContact.FirstName found in refContact. Provided referenceId "
                        "('refContact.FirstName') must start with a letter or a number, and it can contain only letters, numbers and underscores ('_').",
                    ),
                    "newContact",
                ),
            ]
        },
        {
            "compositeRequest": [
                sub("GET", "sobjects/Contact/<contact>?fields=FirstName", "refContact"),
                sub("POST", "sobjects/Contact", "newContact", {"LastName": "@{refContact.FirstName}"}),
            ]
        },
    ),
    Exchange(
        "guide",
        "POST",
        "/services/data/v51.0/composite",
        200,
        {
            "compositeResponse": [
                part(201, MADE, "refNewAccount[1]", Location="<text>"),
                part(
                    400,
                    code_first("PROCESSING_HALTED", "Invalid reference specified. No value for refNewAccount[1].id found in refNewAccount"),
                    "refNewContact",
                ),
                part(201, MADE, "refNewAccount2", Location="<text>"),
            ]
        },
        {
            "compositeRequest": [
                sub("POST", "sobjects/Account", "refNewAccount[1]", {"Name": "Cloudy Consulting"}),
                sub("POST", "sobjects/Contact", "refNewContact", {"LastName": "Smith", "AccountId": "@{refNewAccount[1].id}"}),
                sub("POST", "sobjects/Account", "refNewAccount2", {"Name": "Easy Spaces"}),
            ]
        },
    ),
    composite(
        "guide",
        [
            sub("GET", "query?q=select Id from Contact where Id='<contact>'", "refContact"),
            sub("GET", "query?q=select Name from Account where Id = '@{refContact.records[0].AccountId}'", "refAccount"),
        ],
        [
            part(200, page(row("Contact", Id="<id>")), "refContact"),
            part(
                400,
                code_first(
                    "PROCESSING_HALTED", "Invalid reference specified. No value for refContact.records[0].AccountId found in refContact"
                ),
                "refAccount",
            ),
        ],
    ),
    Exchange(
        "guide",
        "POST",
        "composite/batch",
        200,
        {
            "hasErrors": False,
            "results": [
                {"statusCode": 204, "result": None},
                {"statusCode": 200, "result": row("Account", Name="Sitwell-Bluth", BillingPostalCode="27215", Id="<id>")},
            ],
        },
        {
            "batchRequests": [
                {"method": "PATCH", "url": "v64.0/sobjects/account/<account>", "richInput": {"Site": "x"}},
                {"method": "GET", "url": "v64.0/sobjects/account/<account>?fields=Name,BillingPostalCode"},
            ]
        },
    ),
    Exchange(
        "guide",
        "POST",
        "composite/batch",
        200,
        {
            "hasErrors": True,
            "results": [
                {"statusCode": 404, "result": NOT_THERE},
                {"statusCode": 412, "result": code_first("BATCH_PROCESSING_HALTED", "<text>")},
            ],
        },
        {"haltOnError": True, "batchRequests": [{"method": "GET", "url": "v64.0/sobjects/Foo"}, {"method": "GET", "url": "v64.0/limits"}]},
    ),
    Exchange(
        "guide",
        "POST",
        "composite/tree/Account",
        201,
        {"hasErrors": False, "results": [{"referenceId": "ref1", "id": "<id>"}, {"referenceId": "ref2", "id": "<id>"}]},
        {
            "records": [
                {
                    "attributes": {"type": "Account", "referenceId": "ref1"},
                    "Name": "SampleAccount",
                    "Contacts": {
                        "records": [
                            {"attributes": {"type": "Contact", "referenceId": "ref2"}, "LastName": "Smith", "Email": "s@sample.example"}
                        ]
                    },
                }
            ]
        },
    ),
    Exchange(
        "guide",
        "POST",
        "composite/tree/Contact",
        400,
        {
            "hasErrors": True,
            "results": [
                {
                    "referenceId": "ref2",
                    "errors": [
                        {"statusCode": "INVALID_EMAIL_ADDRESS", "message": "Email: invalid email address: 123", "fields": ["Email"]}
                    ],
                }
            ],
        },
        {"records": [{"attributes": {"type": "Contact", "referenceId": "ref2"}, "LastName": "Smith", "Email": "123"}]},
    ),
    Exchange(
        "guide",
        "GET",
        "composite",
        200,
        {name: f"{DATA}/composite/{name}" for name in ("tree", "batch", "sobjects", "graph")},
    ),
]
"""Calls inside a call, and trees of records."""

JOB = {
    "id": "<id>",
    "operation": "insert",
    "object": "Contact",
    "createdById": "<user>",
    "createdDate": "<moment>",
    "systemModstamp": "<moment>",
    "state": "Open",
    "concurrencyMode": "Parallel",
    "contentType": "CSV",
    "apiVersion": 64.0,
    "contentUrl": "<text>",
    "lineEnding": "LF",
    "columnDelimiter": "COMMA",
}
JOBS = [
    Exchange(
        "guide", "POST", "jobs/ingest", 200, JOB, {"object": "Contact", "contentType": "CSV", "operation": "insert", "lineEnding": "LF"}
    ),
    Exchange(
        "recorded",
        "PATCH",
        "jobs/ingest/<finished job>",
        400,
        code_first("INVALIDJOBSTATE", "Aborting already Completed Job not allowed"),
        {"state": "Aborted"},
    ),
    Exchange(
        "recorded",
        "POST",
        "jobs/query",
        400,
        code_first("API_ERROR", "Selecting compound data not supported in Bulk Query"),
        {"operation": "query", "query": "SELECT Id, MailingAddress FROM Contact"},
    ),
    Exchange(
        "recorded",
        "POST",
        "jobs/query",
        400,
        code_first("INVALIDENTITY", "Entity 'TaskStatus' is not supported by the Bulk API."),
        {"operation": "query", "query": "SELECT Id FROM TaskStatus"},
    ),
    Exchange(
        "recorded",
        "GET",
        "jobs/ingest?jobType=V2Ingest",
        200,
        {"done": True, "records": "<rows>", "nextRecordsUrl": None},
    ),
]
"""Jobs of Bulk API 2.0."""

OTHERS = [
    Exchange("recorded", "GET", "limits/recordCount?sObjects=Campaign", 200, {"sObjects": []}),
    Exchange("recorded", "GET", "limits/recordCount?sObjects=Account", 200, {"sObjects": [{"count": "<number>", "name": "Account"}]}),
    Exchange(
        "guide",
        "GET",
        "sobjects/Account/deleted?start=<an hour ago>&end=<now>",
        200,
        {"deletedRecords": "<rows>", "earliestDateAvailable": "<moment>", "latestDateCovered": "<moment>"},
    ),
    Exchange(
        "guide", "GET", "sobjects/Account/updated?start=<an hour ago>&end=<now>", 200, {"ids": "<rows>", "latestDateCovered": "<moment>"}
    ),
    Exchange("recorded", "GET", "sobjects", 200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": "<rows>"}),
    Exchange(
        "recorded",
        "POST",
        "/services/oauth2/token",
        400,
        {"error": "invalid_client_id", "error_description": "client identifier invalid"},
        raw="grant_type=password&client_id=test&client_secret=test&username=test&password=test",
    ),
    Exchange(
        "recorded",
        "POST",
        "/services/oauth2/token",
        400,
        {"error": "invalid_grant", "error_description": "expired access/refresh token"},
        raw="grant_type=refresh_token&refresh_token=x",
    ),
]
"""What an org holds, what changed in it, and who may come in."""

EXCHANGES = [*SINGLE, *QUERIES, *COLLECTIONS, *COMPOSITES, *JOBS, *OTHERS]
