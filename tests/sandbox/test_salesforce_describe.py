"""What an org tells about its objects, against recorded answers of real orgs where those are at hand."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import Clock
from sandbox.options import SandboxOptions
from sandbox.salesforce.describe import describe_field, describe_global, describe_object
from sandbox.salesforce.errors import OrgError
from sandbox.salesforce.org import Org
from sandbox.salesforce.schema import Field

RECORDED = Path(__file__).parents[3] / "shared" / "salesforce-describes"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ORGS_OWN = {"recordTypeInfos", "urls"}
"""What differs from org to org; compared by its keys alone."""


@pytest.fixture
def org() -> Org:
    return Org(SandboxOptions(), Clock(NOW, frozen=True))


def recorded(name: str) -> Any:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"the recorded answer {name} is not on this machine")
    return json.loads(path.read_text(encoding="utf-8"))


def is_custom(name: str) -> bool:
    return "__" in name


@pytest.mark.parametrize("name", ["Contact", "Lead", "Account", "Case", "Event"])
def test_every_field_is_told_as_recorded(org: Org, name: str) -> None:
    """The same fields in the same order, each with the same keys in the same order and the same values."""
    theirs = [one for one in recorded(f"cumulusci/{name}_describe.json")["fields"] if not is_custom(one["name"])]
    ours = describe_object(org, org.admin_id, name, "59.0")["fields"]
    assert [one["name"] for one in ours] == [one["name"] for one in theirs]
    assert ours == theirs
    assert [list(one) for one in ours] == [list(one) for one in theirs]


@pytest.mark.parametrize("name", ["Contact", "Lead", "Account", "Case", "Event"])
def test_every_child_relationship_is_told_as_recorded(org: Org, name: str) -> None:
    """Those too whose objects the sandbox does not have."""
    theirs = [one for one in recorded(f"cumulusci/{name}_describe.json")["childRelationships"] if not is_custom(one["childSObject"])]
    assert describe_object(org, org.admin_id, name)["childRelationships"] == theirs


@pytest.mark.parametrize("name", ["Contact", "Lead", "Event"])
def test_an_object_is_told_as_recorded(org: Org, name: str) -> None:
    """All keys in order, and all values but links and record types, which are an org's own."""
    theirs = recorded(f"cumulusci/{name}_describe.json")
    ours = describe_object(org, org.admin_id, name)
    assert list(ours) == list(theirs)
    assert list(ours["urls"]) == list(theirs["urls"])
    assert list(ours["recordTypeInfos"][0]) == list(theirs["recordTypeInfos"][0])
    plain = ORGS_OWN | {"fields", "childRelationships"}
    assert {key: ours[key] for key in ours if key not in plain} == {key: theirs[key] for key in theirs if key not in plain}


DERIVED = [
    *("Task", "EmailMessage", "EmailMessageRelation", "EventRelation", "CampaignMember", "CampaignMemberStatus", "CaseComment"),
    *("ContactHistory", "User", "Organization", "Profile", "RecordType", "TaskStatus", "CaseStatus", "UserRole"),
]


@pytest.mark.parametrize("name", DERIVED)
def test_an_object_without_a_recorded_description_has_the_fields_that_are_known(org: Org, name: str) -> None:
    """Their names in order, labels and types, and whether they may be empty, set and changed."""
    keys = ("name", "label", "type", "nillable", "createable", "updateable")
    theirs = [{key: one[key] for key in keys} for one in recorded(f"netcoreforce-v64/{name}.json")["fields"]]
    known = {one["name"] for one in theirs}
    ours = [{key: one[key] for key in keys} for one in describe_object(org, org.admin_id, name)["fields"] if one["name"] in known]
    # The rich text of a comment is only there in orgs that have turned it on; the subtype of a task is settled at creation.
    settled = {"CommentBodyRichtext", "TaskSubtype"}
    assert [one for one in ours if one["name"] not in settled] == [one for one in theirs if one["name"] not in settled]


@pytest.mark.parametrize("name", ["Task", "EmailMessage", "EmailMessageRelation", "EventRelation", "CampaignMember"])
def test_a_field_is_as_long_as_the_reference_says(org: Org, name: str) -> None:
    """As far as the field reference tells lengths."""
    lengths = {one["name"]: one["length"] for one in recorded(f"fieldref-v67/{name}.json")["fields"] if one["length"]}
    ours = {field.name: field.length for field in org.kind(name) if field.name in lengths}
    assert ours == {field: length for field, length in lengths.items() if field in ours}
    assert len(ours) > 5


def test_an_old_version_tells_fewer_keys(org: Org) -> None:
    """As recorded with version 42."""
    theirs = recorded("grouparoo-v42/Contact_describe.json")
    ours = describe_object(org, org.admin_id, "Contact", "42.0")
    assert list(ours) == list(theirs)
    assert list(ours["fields"][0]) == list(theirs["fields"][0])


def test_the_list_of_objects_is_told_as_recorded(org: Org) -> None:
    """Keys and their order, and for an object with complete records all values."""
    theirs = recorded("cumulusci/Global_describe.json")
    ours = describe_global(org, org.admin_id, "52.0")
    assert list(ours) == list(theirs)
    by_name = {one["name"]: one for one in theirs["sobjects"]}
    for one in ours["sobjects"]:
        assert list(one) == list(theirs["sobjects"][0]), one["name"]
        if one["name"] in {"Contact", "Account", "CampaignMember", "Case", "Campaign", "Organization", "UserRole", "User"}:
            assert one == by_name[one["name"]]


def test_links_carry_the_version_that_was_asked(org: Org) -> None:
    """And pages of the org lie under its own domain."""
    urls = describe_object(org, org.admin_id, "contact", "61.0")["urls"]
    assert urls["describe"] == "/services/data/v61.0/sobjects/Contact/describe"
    assert urls["uiNewRecord"] == "https://stillthere.my.salesforce.com/003/e"


def test_every_object_of_the_schema_can_be_described(org: Org) -> None:
    """With an Id first, whose field is filterable, and no field twice."""
    for kind in org.schema:
        fields = [one["name"] for one in describe_object(org, org.admin_id, kind.name)["fields"]]
        assert fields[0] == "Id", kind.name
        assert len(fields) == len(set(fields))


def test_every_reference_to_an_object_of_the_schema_is_one_of_its_children(org: Org) -> None:
    """So that a parent can be asked for its children by the name that the child's side has; recorded objects tell their own lists."""
    listed = {"Contact", "Lead", "Account", "Case", "Event", "Campaign"}
    for kind in org.schema:
        for field in kind:
            for parent in field.reference_to:
                found = org.schema.object(parent)
                if found is not None and parent not in listed:
                    assert any(one.object == kind.name and one.field == field.name for one in found.children), (kind.name, field.name)


def test_an_object_that_is_not_there_is_not_found(org: Org) -> None:
    """404, as for any wrong address."""
    with pytest.raises(OrgError) as caught:
        describe_object(org, org.admin_id, "Nothing__c")
    assert caught.value.status == 404
    assert caught.value.body() == [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]


def test_an_object_that_a_user_may_not_read_is_not_there_for_them(org: Org) -> None:
    """It is neither in the list nor described."""
    org.access.allow(org.access.profile_set(org.integration_id), "Case", read=False)
    assert "Case" not in [one["name"] for one in describe_global(org, org.integration_id)["sobjects"]]
    assert "Case" in [one["name"] for one in describe_global(org, org.admin_id)["sobjects"]]
    with pytest.raises(OrgError):
        describe_object(org, org.integration_id, "Case")


def test_a_field_is_described_to_those_only_who_see_it(org: Org) -> None:
    """The opt-out of e-mail is hidden in a new org; the integration user has a permission set for it."""
    assert "HasOptedOutOfEmail" in {one["name"] for one in describe_object(org, org.integration_id, "Contact")["fields"]}
    assert "HasOptedOutOfEmail" not in {one["name"] for one in describe_object(org, org.admin_id, "Contact")["fields"]}


def test_a_long_text_can_be_neither_filtered_nor_sorted(org: Org) -> None:
    """Nor grouped or aggregated, as with the recorded descriptions."""
    field = org.kind("Task").field("Description")
    assert field is not None
    told = describe_field(field)
    assert {told[key] for key in ("filterable", "sortable", "groupable", "aggregatable")} == {False}
    assert told["byteLength"] == 96_000


def test_what_metadata_says_of_a_field_is_described() -> None:
    """Help, uniqueness, external id and formula."""
    told = describe_field(
        Field("Key__c", "Key", "string", length=64, external_id=True, unique=True, custom=True, help="Ours.", formula="Name")
    )
    assert (told["externalId"], told["unique"], told["custom"], told["inlineHelpText"]) == (True, True, True, "Ours.")
    assert (told["calculated"], told["calculatedFormula"]) == (True, "Name")
