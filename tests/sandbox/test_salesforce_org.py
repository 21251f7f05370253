"""What an org refuses, stores, finds and lets go."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock import Clock
from sandbox.options import SandboxOptions
from sandbox.salesforce.errors import OrgError, RowError
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record
from sandbox.salesforce.schema import Field, Pick
from sandbox.salesforce.standard_people import add_user, assign

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = 86_400


def make_org(**options: Any) -> Org:
    return Org(SandboxOptions(org=OrgOptions(**options)), Clock(NOW, frozen=True))


@pytest.fixture
def org() -> Org:
    return make_org()


def create(org: Org, object_name: str, **values: Any) -> Record:
    return org.create(org.integration_id, object_name, values)


def contact(org: Org, **values: Any) -> Record:
    return create(org, "Contact", **{"LastName": "Roe", **values})


def refusal(act: Callable[..., Any], *args: Any) -> list[tuple[str, str, Any]]:
    with pytest.raises(RowError) as caught:
        act(*args)
    return [(fault.code, fault.message, fault.fields) for fault in caught.value.faults]


# What is refused

NOT_WRITABLE = (
    "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is read/write for your profile "
    "or permission set."
)


@pytest.mark.parametrize(
    ("object_name", "values", "code", "message", "fields"),
    [
        ("Contact", {"FirstName": "Jo"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ("LastName",)),
        ("Lead", {}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName, Company]", ("LastName", "Company")),
        ("Account", {"Name": None}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", ("Name",)),
        ("Contact", {"LastName": "R", "Nope": 1}, "INVALID_FIELD", "No such column 'Nope' on sobject of type Contact", None),
        ("Contact", {"LastName": "R", "Name": "R"}, "INVALID_FIELD_FOR_INSERT_UPDATE", NOT_WRITABLE.format("Name"), ("Name",)),
        (
            "Contact",
            {"LastName": "R", "IsDeleted": True},
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            NOT_WRITABLE.format("IsDeleted"),
            ("IsDeleted",),
        ),
        (
            "Contact",
            {"LastName": "x" * 81},
            "STRING_TOO_LONG",
            f"Last Name: data value too large: {'x' * 81} (max length=80)",
            ("LastName",),
        ),
        ("Contact", {"LastName": "R", "Email": "bad"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: bad", ("Email",)),
        ("Contact", {"LastName": "R", "AccountId": "x"}, "MALFORMED_ID", "Account ID: id value of incorrect type: x", ("AccountId",)),
        ("Contact", {"LastName": "R", "AccountId": "001000000000009AAA"}, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ()),
        (
            "Contact",
            {"LastName": "R", "AccountId": "003000000000009AAA"},
            "FIELD_INTEGRITY_EXCEPTION",
            "Account ID: id value of incorrect type: 003000000000009AAA",
            ("AccountId",),
        ),
        (
            "Task",
            {"TaskSubtype": "Telegram"},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "Task Subtype: bad value for restricted picklist field: Telegram",
            ("TaskSubtype",),
        ),
        (
            "Account",
            {"Name": "A", "NumberOfEmployees": 123_456_789},
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Employees: value outside of valid range on numeric field: 123456789",
            ("NumberOfEmployees",),
        ),
        ("Event", {"Subject": "x"}, "REQUIRED_FIELD_MISSING", "Required fields are missing: [ActivityDateTime]", ("ActivityDateTime",)),
        (
            "ContactHistory",
            {"Field": "x"},
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "entity type cannot be inserted: Contact History",
            (),
        ),
    ],
)
def test_a_row_is_refused_in_salesforces_words(
    org: Org, object_name: str, values: Mapping[str, Any], code: str, message: str, fields: Any
) -> None:
    """Code, message and fields of a refused creation; nothing is kept of it."""
    assert refusal(org.create, org.integration_id, object_name, values) == [(code, message, fields)]
    assert len(org.store(object_name)) == 0


def test_all_wrong_values_of_a_row_are_told(org: Org) -> None:
    """One fault for each field."""
    told = refusal(org.create, org.integration_id, "Contact", {"LastName": "R", "Email": "bad", "Title": "x" * 129})
    assert [code for code, _, _ in told] == ["INVALID_EMAIL_ADDRESS", "STRING_TOO_LONG"]


def test_a_required_field_cannot_be_emptied(org: Org) -> None:
    """An update may leave it out, but not set it to nothing."""
    jo = contact(org)
    told = refusal(org.update, org.integration_id, jo, {"LastName": None})
    assert told == [("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ("LastName",))]


def test_field_names_are_found_whatever_their_case(org: Org) -> None:
    """And objects too."""
    jo = create(org, "contact", lastname="Roe", EMAIL="jo@acme.example")
    assert (jo.object, jo.values["LastName"], jo.values["Email"]) == ("Contact", "Roe", "jo@acme.example")


def test_a_unique_value_is_held_by_one_live_record(org: Org) -> None:
    """The message names the other record by its 15 characters; case counts only where the field says so."""
    for name, counts in (("Loose__c", False), ("Strict__c", True)):
        org.add_field("Contact", Field(name, name, "string", length=64, unique=True, external_id=True, case_sensitive=counts, custom=True))
    first = contact(org, Loose__c="a", Strict__c="a")
    told = refusal(org.create, org.integration_id, "Contact", {"LastName": "Doe", "Loose__c": "A"})
    message = f"duplicate value found: Loose__c duplicates value on record with id: {first.id[:15]}"
    assert told == [("DUPLICATE_VALUE", message, ())]
    assert contact(org, Strict__c="A").values["Strict__c"] == "A"
    org.delete(org.integration_id, first)
    assert contact(org, Loose__c="A").values["Loose__c"] == "A"


def test_an_inactive_user_cannot_become_an_owner(org: Org) -> None:
    """But what they own stays theirs, and may be told again with other changes."""
    gone = add_user(org, "Gone Away", "gone@us.example", is_active=False)
    theirs = org.import_record("Contact", {"LastName": "Roe", "OwnerId": gone})
    org.update(org.integration_id, theirs, {"OwnerId": gone, "Title": "CEO"})
    message = f"operation performed with inactive user [{gone[:15]}] as owner of contact"
    assert refusal(org.create, org.integration_id, "Contact", {"LastName": "R", "OwnerId": gone}) == [
        ("INACTIVE_OWNER_OR_USER", message, ())
    ]


def test_a_locked_record_or_parent_refuses_the_write(org: Org) -> None:
    """Who writes a task of an account locks the account."""
    acme = create(org, "Account", Name="Acme")
    jo = contact(org, AccountId=acme.id)
    org.locked_ids.add(acme.id)
    message = f"unable to obtain exclusive access to this record or 1 records: {acme.id}"
    for act, args in (
        (org.update, (org.integration_id, jo, {"Title": "CEO"})),
        (org.create, (org.integration_id, "Task", {"WhoId": jo.id})),
        (org.delete, (org.integration_id, acme)),
    ):
        assert refusal(act, *args) == [("UNABLE_TO_LOCK_ROW", message, ())]
    org.locked_ids.clear()
    org.update(org.integration_id, jo, {"Title": "CEO"})


def test_a_deleted_record_takes_no_changes_and_no_references(org: Org) -> None:
    """ENTITY_IS_DELETED either way."""
    jo = contact(org)
    org.delete(org.integration_id, jo)
    gone = [("ENTITY_IS_DELETED", "entity is deleted", ())]
    assert refusal(org.update, org.integration_id, jo, {"Title": "CEO"}) == gone
    assert refusal(org.delete, org.integration_id, jo) == gone
    assert refusal(org.create, org.integration_id, "Task", {"WhoId": jo.id}) == gone


def test_a_custom_restricted_picklist_takes_its_values_only(org: Org) -> None:
    """An unrestricted one takes any."""
    picks = (Pick("Yes", "Yes"), Pick("No", "No"), Pick("Old", "Old", is_active=False))
    for name, restricted in (("Closed__c", True), ("Open__c", False)):
        org.add_field("Contact", Field(name, "Answer", "picklist", length=255, picks=picks, restricted=restricted, custom=True))
    assert contact(org, Open__c="Perhaps", Closed__c="Yes").values["Open__c"] == "Perhaps"
    for value in ("Perhaps", "Old"):
        message = f"Answer: bad value for restricted picklist field: {value}"
        told = refusal(org.create, org.integration_id, "Contact", {"LastName": "R", "Closed__c": value})
        assert told == [("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Closed__c",))]


# Who may what


def hidden_field(org: Org) -> None:
    org.add_field("Contact", Field("Silence__c", "Silence", "string", length=255, custom=True, is_hidden_until_granted=True))


def test_a_field_that_nobody_granted_is_no_column(org: Org) -> None:
    """An insert of FieldPermissions and PermissionSetAssignment makes it visible, to read and then to write."""
    hidden_field(org)
    row = {"LastName": "R", "Silence__c": "long"}
    no_column = [("INVALID_FIELD", "No such column 'Silence__c' on sobject of type Contact", None)]
    assert refusal(org.create, org.integration_id, "Contact", row) == no_column
    granting = create(org, "PermissionSet", Name="Ours", Label="Ours")
    permission = create(
        org, "FieldPermissions", ParentId=granting.id, SobjectType="Contact", Field="Contact.Silence__c", PermissionsRead=True
    )
    assert refusal(org.create, org.integration_id, "Contact", row) == no_column
    create(org, "PermissionSetAssignment", AssigneeId=org.integration_id, PermissionSetId=granting.id)
    message = NOT_WRITABLE.format("Silence__c")
    assert refusal(org.create, org.integration_id, "Contact", row) == [("INVALID_FIELD_FOR_INSERT_UPDATE", message, ("Silence__c",))]
    org.update(org.admin_id, permission, {"PermissionsEdit": True})
    assert create(org, "Contact", **row).values["Silence__c"] == "long"
    assert not org.access.sees(org.admin_id, "Contact", "Silence__c")


@pytest.mark.parametrize(
    ("object_name", "field"), [("Contact", "Contact.Nope__c"), ("Lead", "Contact.Title"), ("Contact", "Contact.LastName")]
)
def test_permissions_are_given_for_fields_that_have_some(org: Org, object_name: str, field: str) -> None:
    """Not for a field that is not there, one of another object, or one that everybody sees."""
    granting = create(org, "PermissionSet", Name="Ours", Label="Ours")
    row = {"ParentId": granting.id, "SobjectType": object_name, "Field": field, "PermissionsRead": True}
    message = f"Field Name: bad value for restricted picklist field: {field}"
    told = refusal(org.create, org.integration_id, "FieldPermissions", row)
    assert told == [("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Field",))]


def test_a_permission_set_is_assigned_once(org: Org) -> None:
    """The second time is a duplicate."""
    granting = create(org, "PermissionSet", Name="Ours", Label="Ours")
    row = {"AssigneeId": org.admin_id, "PermissionSetId": granting.id}
    create(org, "PermissionSetAssignment", **row)
    message = f"Duplicate PermissionSetAssignment. Assignee: {org.admin_id[:15]}; Permission Set: {granting.id[:15]}"
    assert refusal(org.create, org.integration_id, "PermissionSetAssignment", row) == [("DUPLICATE_VALUE", message, ())]


def test_tasks_and_events_share_custom_fields_and_their_permissions(org: Org) -> None:
    """A field of Activity stands on both; what is granted for one is granted for the other."""
    org.add_field("Activity", Field("Key__c", "Key", "string", length=64, custom=True, is_hidden_until_granted=True))
    granting = create(org, "PermissionSet", Name="Ours", Label="Ours")
    assign(org, org.integration_id, granting.id)
    org.import_record("FieldPermissions", {"ParentId": granting.id, "SobjectType": "Task", "Field": "Task.Key__c", "PermissionsRead": True})
    assert [org.access.sees(org.integration_id, name, "Key__c") for name in ("Task", "Event", "Contact")] == [True, True, False]


def test_a_profile_takes_and_a_permission_set_gives_back(org: Org) -> None:
    """Of the sets of one user any that gives is enough; a set that does not give takes nothing."""
    user = add_user(org, "Sam Hill", "sam@us.example")
    org.access.grant(org.access.profile_set(user), "Contact", "Title", read=False, edit=False)
    org.access.allow(org.access.profile_set(user), "Case", delete=False)
    assert (org.access.sees(user, "Contact", "Title"), org.access.may(user, "Case", "delete")) == (False, False)
    giving = create(org, "PermissionSet", Name="Ours", Label="Ours")
    org.access.grant(giving.id, "Contact", "Title", edit=False)
    org.access.allow(giving.id, "Case", update=False)
    assign(org, user, giving.id)
    assert (org.access.sees(user, "Contact", "Title"), org.access.edits(user, "Contact", "Title")) == (True, False)
    assert (org.access.may(user, "Case", "delete"), org.access.may(user, "Case", "update")) == (True, True)


@pytest.mark.parametrize(
    ("verb", "code", "message", "status"),
    [
        ("create", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted: Contact", 400),
        ("update", "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", 403),
        ("delete", "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", 403),
    ],
)
def test_who_may_not_write_an_object_is_told_so(org: Org, verb: str, code: str, message: str, status: int) -> None:
    """Each verb by itself."""
    jo = contact(org)
    org.access.allow(org.access.profile_set(org.integration_id), "Contact", **{verb: False})
    acts: dict[str, Callable[[], Any]] = {
        "create": lambda: contact(org),
        "update": lambda: org.update(org.integration_id, jo, {"Title": "CEO"}),
        "delete": lambda: org.delete(org.integration_id, jo),
    }
    with pytest.raises(RowError) as caught:
        acts[verb]()
    fault = caught.value.faults[0]
    assert (fault.code, fault.message, caught.value.status) == (code, message, status)


# Finding and upserting


def test_a_record_is_found_by_both_forms_of_its_id(org: Org) -> None:
    """15 characters where case counts, or 18."""
    jo = contact(org)
    assert [org.find(one) for one in (jo.id, jo.id[:15], jo.id[:14], "x")] == [jo, jo, None, None]


def test_an_upsert_changes_the_holder_or_makes_one(org: Org) -> None:
    """By an external id, in whatever case unless case counts."""
    org.add_field("Task", Field("Key__c", "Key", "string", length=64, external_id=True, unique=True, case_sensitive=True, custom=True))
    first, made = org.upsert(org.integration_id, "Task", "key__c", "K-1", {"Subject": "Call"})
    again, made_again = org.upsert(org.integration_id, "Task", "Key__c", "K-1", {"Subject": "Call them"})
    _, made_third = org.upsert(org.integration_id, "Task", "Key__c", "k-1", {})
    assert (first, made, made_again, made_third) == (again, True, False, True)
    assert (first.values["Subject"], first.values["Key__c"]) == ("Call them", "K-1")


def test_an_upsert_that_finds_several_changes_none(org: Org) -> None:
    """300, as with two contacts of one address."""
    for _ in range(2):
        contact(org, Email="jo@acme.example")
    with pytest.raises(OrgError) as caught:
        org.upsert(org.integration_id, "Contact", "Email", "JO@acme.example", {"Title": "CEO"})
    assert caught.value.status == 300
    assert [one.values.get("Title") for one in org.rows("Contact")] == [None, None]


def test_an_upsert_needs_a_field_by_which_records_are_found(org: Org) -> None:
    """Neither an ordinary field nor one that is not there."""
    for name in ("Title", "Nope__c"):
        with pytest.raises(OrgError) as caught:
            org.upsert(org.integration_id, "Contact", name, "x", {})
        assert caught.value.message == f"Provided external ID field does not exist or is not accessible: {name}"


Step = tuple[str, int, int]
STEPS = ["create", "update", "delete", "undelete", "merge", "step"]


def take(org: Org, step: Step, accounts: list[Record]) -> None:
    """One write, or a minute that passes; nothing where there is no record for it."""
    what, which, number = step
    live = [one for one in org.store("Contact") if not one.is_deleted]
    gone = [one for one in org.store("Contact") if one.is_deleted and not one.values.get("MasterRecordId")]
    one = live[which % len(live)] if live else None
    values = {"AccountId": accounts[number].id if number else None, "Email": f"p{number}@acme.example"}
    if what == "create":
        contact(org, **values)
    elif what == "step":
        org.clock.advance(61)
    elif what == "undelete" and gone:
        org.undelete(org.integration_id, gone[0])
    elif one is not None and what == "update":
        org.update(org.integration_id, one, values)
    elif one is not None and what == "delete":
        org.delete(org.integration_id, one)
    elif one is not None and what == "merge" and len(live) > 1:
        org.merge(org.integration_id, "Contact", one.id, [live[(which + 1) % len(live)].id])


@given(
    st.lists(
        st.tuples(st.sampled_from(STEPS), st.integers(0, 9), st.integers(0, 4)),
        max_size=30,
    )
)
def test_the_indexes_tell_what_a_walk_through_all_records_tells(steps: list[Step]) -> None:
    """By parent, by value and by stamp, after any writes."""
    org = make_org()
    accounts = [create(org, "Account", Name=str(number)) for number in range(5)]
    kind, store = org.kind("Contact"), org.store("Contact")
    email = kind.field("Email")
    assert email is not None
    # Ask once, so that the indexes are there and must be kept.
    assert (store.children("AccountId", accounts[0].id), store.holders(email, "x"), list(store.stamped())) == ([], [], [])
    for step in steps:
        take(org, step, accounts)
    for account in accounts:
        walked = {one.id for one in store if one.values.get("AccountId") == account.id}
        assert {one.id for one in store.children("AccountId", account.id)} == walked
    for number in range(5):
        walked = {one.id for one in store if one.values.get("Email") == f"p{number}@acme.example"}
        assert {one.id for one in store.holders(email, f"P{number}@ACME.example")} == walked
    ordered = sorted((one.values["SystemModstamp"], one.id) for one in store)
    assert [(one.values["SystemModstamp"], one.id) for one in store.stamped()] == ordered
    middle = ordered[len(ordered) // 2][0] if ordered else 0
    assert [one.id for one in store.stamped(middle, middle)] == [record_id for stamp, record_id in ordered if stamp == middle]
