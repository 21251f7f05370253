"""Set-up of an org and its undoing: what is missing, what differs, what is only hidden, and what an org refuses."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from connectors.salesforce import metadata
from connectors.salesforce.checking import check, greet
from connectors.salesforce.client import Request
from connectors.salesforce.definitions import (
    FIELD,
    INTEGRATION,
    PERMISSIONS,
    USER,
    VIEW,
    Component,
    field_components,
    permission_components,
)
from connectors.salesforce.names import TASK_KEY
from connectors.salesforce.package import deploy_zip
from connectors.salesforce.setting_up import ASSIGNMENT, apply_changes, pending_setup, pending_teardown
from connectors.salesforce.shape import Shape
from connectors.salesforce.tasks import Tasks
from transforms.fields import FIELDS
from transforms.vocabulary.changes import Change
from transforms.vocabulary.errors import CrmUnreachable, MissingScopes, RefusedToGuess, RequestRejected
from transforms.vocabulary.fields import Option

MOOD = "Contact.StillThere_Mood__c"


def told(changes: list[Change]) -> list[tuple[str, str, str]]:
    return [(one.what, one.name, one.action) for one in changes]


def pending(bench: Any, fields: Any = None) -> list[Change]:
    return pending_setup(bench.client, bench.fields if fields is None else fields)


def definitions(bench: Any) -> set[str]:
    """The names of all definitions of ours that the org holds."""
    names = metadata.names_of(bench.client, [FIELD, PERMISSIONS, VIEW])
    return {name for _, name in names if "StillThere_" in name}


def other_fields(bench: Any, name: str, **changes: Any) -> tuple[Any, ...]:
    """The fields, one of them changed."""
    return tuple(replace(one, **changes) if one.name == name else one for one in bench.fields)


def test_set_up_creates_everything_and_is_repeatable(org_bench: Any) -> None:
    """Fields, permission sets, assignment, list views; afterwards nothing is pending, and doing it again is harmless."""
    changes = pending(org_bench, FIELDS)
    assert Counter(one.what for one in changes) == {
        "field": len(field_components(FIELDS)),
        "permission set": 2,
        ASSIGNMENT: 2,
        "list view": 3,
    }
    assert {one.action for one in changes} == {"create"}
    apply_changes(org_bench.client, changes)
    apply_changes(org_bench.client, changes)
    assert pending(org_bench, FIELDS) == []
    shown = {one["name"] for one in org_bench.client.request(describe("Task")).body["fields"]}
    assert TASK_KEY in shown


def describe(name: str) -> Any:
    return Request("GET", f"sobjects/{name}/describe", "read fields", "test", lists="fields")


def test_teardown_takes_away_what_is_ours_and_nothing_else(org_bench: Any) -> None:
    """List views and permission sets first, then fields; the admin's own field stays; afterwards nothing of ours is there."""
    own = Component(FIELD, "Contact.Level__c", {"label": "Level", "length": 20, "type": "Text"})
    metadata.deploy(org_bench.client, deploy_zip([own]), what="make the admin's own field")
    apply_changes(org_bench.client, pending(org_bench, FIELDS))
    changes = pending_teardown(org_bench.client)
    order = [one.what for one in changes]
    assert order == sorted(order, key=["list view", "permission set", "field"].index)
    apply_changes(org_bench.client, changes)
    assert definitions(org_bench) == set()
    assert pending_teardown(org_bench.client) == []
    apply_changes(org_bench.client, changes)
    assert org_bench.org.kind("Contact").field("Level__c") is not None
    org_bench.set_up()
    assert pending(org_bench) == []


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"label": "Another label"}, "label"),
        ({"help": "Another help."}, "description, inlineHelpText"),
        ({"options": (Option("good", "Good"), Option("bad", "Bad"), Option("ugly", "Ugly"))}, "valueSet"),
        ({"options": (Option("good", "Very good"), Option("bad", "Bad"))}, "valueSet"),
    ],
)
def test_a_changed_text_or_list_of_values_is_pending(ready_org: Any, change: dict[str, Any], detail: str) -> None:
    """What the program says otherwise than the org is seen, on contacts and on leads, and applying it leaves nothing pending."""
    fields = other_fields(ready_org, "mood", **change)
    changes = pending(ready_org, fields)
    assert [(one.name, one.action, one.detail) for one in changes] == [
        (MOOD, "change", detail),
        ("Lead.StillThere_Mood__c", "change", detail),
    ]
    apply_changes(ready_org.client, changes)
    assert pending(ready_org, fields) == []
    apply_changes(ready_org.client, pending(ready_org))
    assert pending(ready_org) == []


def test_a_field_of_another_type_is_refused(org_bench: Any) -> None:
    """Nobody knows what somebody else's field of our name is for: a person must decide."""
    own = Component(FIELD, MOOD, {"label": "Mood", "length": 20, "type": "Text"})
    metadata.deploy(org_bench.client, deploy_zip([own]), what="make another field of that name")
    with pytest.raises(RefusedToGuess, match=r"Contact\.StillThere_Mood__c to be of type Picklist and in Salesforce it is Text"):
        pending(org_bench)


def test_a_field_that_is_only_hidden_is_granted_and_not_created(org_bench: Any) -> None:
    """An admin has installed the package and assigned nothing: what lacks are the assignments alone."""
    fields = field_components(org_bench.fields)
    metadata.deploy(org_bench.client, deploy_zip([*fields, *permission_components(fields)]), what="install the package")
    changes = pending(org_bench)
    assert told(changes) == [(ASSIGNMENT, INTEGRATION, "create"), (ASSIGNMENT, USER, "create")]
    assert changes[0].detail == f"grants us {len(fields)} fields that are there and that we cannot see"
    apply_changes(org_bench.client, changes)
    assert pending(org_bench) == []


def test_a_new_field_changes_the_permission_sets(org_bench: Any) -> None:
    """Who has the permission sets sees a field that a new version of ours brings."""
    few = org_bench.fields[1:]
    org_bench.set_up(few)
    changes = pending(org_bench)
    assert told(changes) == [
        ("field", MOOD, "create"),
        ("field", "Lead.StillThere_Mood__c", "create"),
        ("permission set", INTEGRATION, "change"),
        ("permission set", USER, "change"),
    ]
    apply_changes(org_bench.client, changes)
    assert pending(org_bench) == []


def test_failures_of_a_deployment_are_told_one_by_one_and_nothing_is_changed(org_bench: Any) -> None:
    """Each part that Salesforce refuses is named with its reason, in one sentence; the good parts are not made either."""
    good = Component(FIELD, MOOD, {"label": "Mood", "length": 20, "type": "Text"})
    long = Component(FIELD, "Lead.StillThere_Mood__c", {"label": "x" * 60, "length": 20, "type": "Text"})
    odd = Component(FIELD, "Account.StillThere_Mood__c", {"label": "Mood", "length": 20, "type": "Novel"})
    with pytest.raises(RequestRejected) as caught:
        metadata.deploy(org_bench.client, deploy_zip([good, long, odd]), what="create three fields")
    message = str(caught.value)
    assert re.match(r"We tried to create three fields and Salesforce refused 2 parts of it: ", message)
    assert "objects/Lead.object: " in message
    assert "objects/Account.object: " in message
    assert "nothing was changed" in message
    assert message.count(". ") == 0
    assert definitions(org_bench) == set()


def test_an_org_that_refuses_one_more_external_id_gets_a_plain_key(org_bench: Any) -> None:
    """Salesforce allows 25 external ids on an object; without one more, tasks are found among those of their contact."""
    body = {"externalId": True, "length": 20, "type": "Text"}
    taken = [Component(FIELD, f"Activity.Taken_{number}__c", {**body, "label": f"Taken {number}"}) for number in range(25)]
    for part in (taken[:10], taken[10:]):
        metadata.deploy(
            org_bench.client,
            deploy_zip([replace(one, body={name: one.body[name] for name in sorted(one.body)}) for one in part]),
            what="use up the external ids",
        )
    apply_changes(org_bench.client, pending(org_bench))
    key = org_bench.org.kind("Task").field(TASK_KEY)
    assert (key.external_id, key.unique) == (False, False)
    assert pending(org_bench) == []
    tasks = org_bench.tasks_for(org_bench.contacts[:2])
    for _ in range(2):
        list(Tasks(org_bench.new_client()).create(tasks))
    assert len(org_bench.held_tasks()) == 2


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "truncated", "cut", "bad_gateway", "session_expired", "unavailable"])
def test_a_call_that_fails_once_does_not_fail_set_up(org_bench: Any, fault: str) -> None:
    """Every tenth call goes wrong in some way; set-up comes through, and nothing is made twice."""
    rule = org_bench.faults.add(fault, path="/services/", every=10)
    org_bench.client = org_bench.new_client()
    org_bench.set_up()
    assert rule.struck > 0
    org_bench.faults.clear()
    assert pending(org_bench) == []
    assigned = [one for one in org_bench.org.store("PermissionSetAssignment").rows.values() if not one.is_deleted]
    sets = {one.id: one.values["Name"] for one in org_bench.org.store("PermissionSet").rows.values()}
    assert [sets[one.values["PermissionSetId"]] for one in assigned].count(INTEGRATION) == 1


def test_whoever_owns_contacts_sees_the_fields(org_bench: Any) -> None:
    """Active users who own contacts get the permission set to read, each once; those who left do not; teardown takes it back."""
    org_bench.set_up()
    org = org_bench.org
    people = {one.values["OwnerId"] for one in org.rows("Contact")}
    active = {one for one in people if org.find(one).values["IsActive"] and one != org.integration_id}
    sees = [one for one in active if org.access.sees(one, "Contact", "StillThere_Mood__c")]
    assert sorted(sees) == sorted(active)
    assert sorted(granted(org, USER)) == sorted(active)
    apply_changes(org_bench.client, pending_teardown(org_bench.client))
    assert granted(org, USER) == []


def granted(org: Any, name: str) -> list[str]:
    """The users who have a permission set."""
    sets = [one.id for one in org.rows("PermissionSet") if one.values["Name"] == name]
    return [one.values["AssigneeId"] for one in org.rows("PermissionSetAssignment") if one.values["PermissionSetId"] in sets]


def test_an_org_that_cannot_be_reached_is_said_so(org_bench: Any) -> None:
    """No answer at all: nothing is guessed."""
    org_bench.faults.add("unavailable", path="/services/Soap")
    with pytest.raises(CrmUnreachable):
        pending(org_bench)


def test_who_may_not_read_metadata_hears_who_can_help(open_org: Any) -> None:
    """With least rights set-up is an admin's; after that, nothing is pending for us either."""
    with open_org(integration_may_define=False) as bench:
        with pytest.raises(MissingScopes, match=r"deployments/salesforce"):
            pending(bench)
        grant_metadata(bench, may=True)
        bench.set_up()
        grant_metadata(bench, may=False)
        assert pending(bench) == []
        with pytest.raises(MissingScopes, match="Modify Metadata"):
            pending(bench, other_fields(bench, "mood", label="Another label"))
        with pytest.raises(RefusedToGuess):
            pending(bench, (replace(bench.fields[0], name="seen_on"),))


def grant_metadata(bench: Any, *, may: bool) -> None:
    """An admin gives, or takes, the right to change metadata through the user's profile."""
    profile = bench.org.find(bench.org.integration_id).values["ProfileId"]
    store = bench.org.store("PermissionSet")
    own = next(one for one in store.rows.values() if one.values.get("ProfileId") == profile)
    store.change(own, {"PermissionsModifyMetadata": may})


# Checking


def findings(bench: Any, fields: Any = None) -> dict[str, tuple[bool, str, str]]:
    checkup = check(bench.new_client(), Shape(bench.fields if fields is None else fields, {}))
    return {one.what: (one.is_good, one.detail, one.advice) for one in checkup.findings}


def test_check_says_what_lacks_before_set_up_and_nothing_after(org_bench: Any) -> None:
    """Missing definitions lead to set-up; afterwards our fields are there and may be written."""
    before = findings(org_bench)
    assert {before[f"our fields of {name}"][2] for name in ("Contact", "Lead", "Account", "Task")} == {"run `stillthere setup`"}
    org_bench.set_up()
    after = findings(org_bench)
    assert all(after[f"our fields of {name}"][0] for name in ("Contact", "Lead", "Account", "Task"))
    assert after["our fields of Task"][1] == "it is there and may be written (the tasks' key is an external id)"
    assert after["API version"][0]
    assert after["calls"][0]


def test_a_field_that_may_only_be_read_is_noticed(open_org: Any) -> None:
    """Field-level security without edit: the advice is the permission set."""
    with open_org() as bench:
        bench.set_up()
        permissions = bench.org.store("FieldPermissions")
        for one in [one for one in permissions.rows.values() if one.values.get("Field") == MOOD]:
            permissions.change(one, {"PermissionsEdit": False})
        is_good, detail, advice = findings(bench)["our fields of Contact"]
        assert (is_good, detail) == (False, "our user may not write them")
        assert INTEGRATION in advice


def test_a_field_of_another_type_is_noticed(org_bench: Any) -> None:
    """Somebody else's field of our name is told by name."""
    org_bench.set_up()
    fields = other_fields(org_bench, "seen_on", kind=org_bench.fields[4].kind)
    is_good, detail, _ = findings(org_bench, fields)["our fields of Contact"]
    assert (is_good, detail) == (False, "StillThere_Seen_On__c of another type than we need")


def test_greeting_an_org_costs_one_call_and_tells_its_clock_and_calls(ready_org: Any) -> None:
    """Which org it is, what time it is there, how many calls are left."""
    client = ready_org.new_client()
    told_ = greet(client)
    assert told_.account.startswith("org 00D")
    assert told_.calls_limit == 100_000
    assert client.calls["check"] == 1


def test_an_org_that_does_not_let_us_in_is_a_finding(ready_org: Any) -> None:
    """Check never raises for what it can report."""
    ready_org.faults.add("login_refused", path="oauth2/token")
    checkup = check(ready_org.new_client(), Shape(ready_org.fields, {}))
    assert [(one.what, one.is_good) for one in checkup.findings] == [("credentials", False)]


def test_mail_that_the_org_only_counts_is_noticed(org_bench: Any) -> None:
    """Mail is captured outside the standard objects: we are deaf, and check says so and what to do."""
    now = org_bench.sandbox.clock.now_ms()
    for contact in org_bench.contacts[:5]:
        org_bench.org.import_record("ActivityMetric", {"BaseId": contact, "LastEmailDateTime": now - 86_400_000})
    is_good, detail, advice = findings(org_bench)["mail"]
    assert not is_good
    assert "mail with 5 contacts in 30 days and keeps 0" in detail
    assert "Sync Email as Salesforce Activity" in advice


def test_a_field_of_tasks_that_may_not_be_written_is_named(open_org: Any) -> None:
    """Without the right to say whom a task is about, no task of ours could be made."""
    with open_org() as bench:
        bench.set_up()
        profile = bench.org.access.profile_set(bench.org.integration_id)
        bench.org.access.grant(profile, "Task", "WhoId", read=True, edit=False)
        is_good, detail, advice = findings(bench)["our fields of Task"]
        assert (is_good, detail) == (False, "our user may not write WhoId of a task")
        assert "edit WhoId of Task" in advice
