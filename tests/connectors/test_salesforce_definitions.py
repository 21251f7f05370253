"""Our fields as Salesforce defines them: types, limits, permission sets, list views, and what counts as different."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce.definitions import (
    DESCRIBED_AS,
    DESCRIPTION_LIMIT,
    FIELD,
    FIELD_TYPES,
    HELP_LIMIT,
    INTEGRATION,
    LABEL_LIMIT,
    PERMISSIONS,
    USER,
    Component,
    described_differences,
    differences,
    field_components,
    permission_components,
    shortened,
    task_key_component,
    to_wire,
)
from connectors.salesforce.list_views import COLUMN_LIMIT, VIEWS, view_components
from connectors.salesforce.names import TASK_KEY, api_name
from transforms.fields import FIELDS
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import Kind, Option

COMPONENTS = {one.name: one for one in field_components(FIELDS)}
STATE = next(f for f in FIELDS if f.name == "engagement_state")


def permissions(name: str) -> dict:
    return next(one for one in permission_components(list(COMPONENTS.values())) if one.name == name).body


def test_every_kind_has_a_type_in_salesforce() -> None:
    """No Kind is missing from the table, and describe has a word for every type."""
    assert set(FIELD_TYPES) == set(Kind)
    assert {one["type"] for one in FIELD_TYPES.values()} == set(DESCRIBED_AS)


def test_contact_fields_stand_on_contacts_and_leads_company_fields_on_accounts() -> None:
    """A person may be a contact or a lead, so both have every contact field; the tasks' key stands on Activity."""
    contact = {api_name(f.name) for f in FIELDS if f.table == "contacts"}
    company = {api_name(f.name) for f in FIELDS if f.table == "companies"}
    wanted = {f"{name}.{field}" for name in ("Contact", "Lead") for field in contact} | {f"Account.{field}" for field in company}
    assert set(COMPONENTS) == wanted | {f"Activity.{TASK_KEY}"}


def test_texts_keep_within_salesforces_limits_and_are_never_cut_within_a_sentence() -> None:
    """Labels, help and descriptions fit; a longer help keeps whole sentences."""
    for one in COMPONENTS.values():
        assert len(one.body["label"]) <= LABEL_LIMIT
        assert len(one.body["inlineHelpText"]) <= HELP_LIMIT
        assert len(one.body["description"]) <= DESCRIPTION_LIMIT
        assert one.body["inlineHelpText"][-1] == "."


@given(st.text(alphabet="ab .!", max_size=60), st.integers(1, 60))
def test_a_shortened_text_is_a_beginning_of_the_text(text: str, limit: int) -> None:
    """Whatever the text, what is kept fits, and is its beginning but for the sign that it goes on."""
    kept = shortened(text, limit)
    assert len(kept) <= limit
    assert text.startswith(kept.removesuffix("…"))


def test_a_label_that_is_too_long_is_refused_by_name() -> None:
    """Salesforce takes 40 characters; a longer label is our mistake and is told before anything is sent."""
    with pytest.raises(ValueError, match="engagement_state has a label of 41 characters"):
        field_components([replace(STATE, label="x" * 41)])


def test_a_choice_is_a_restricted_picklist_with_its_options() -> None:
    """Nobody, and no other program, can put a word into it that we do not know."""
    value_set = COMPONENTS["Contact.StillThere_Engagement_State__c"].body["valueSet"]
    assert value_set["restricted"] is True
    values = [(one["fullName"], one["label"]) for one in value_set["valueSetDefinition"]["value"]]
    assert values == [(option.value, option.label) for option in STATE.options]


def test_a_flag_is_a_picklist_because_a_checkbox_cannot_be_empty() -> None:
    """Yes, no, or nothing where we do not know."""
    body = COMPONENTS["Account.StillThere_Champion_Left__c"].body
    assert body["type"] == "Picklist"
    assert [one["fullName"] for one in body["valueSet"]["valueSetDefinition"]["value"]] == ["true", "false"]


def test_the_tasks_key_is_a_unique_external_id_in_which_case_counts() -> None:
    """Salesforce itself keeps two tasks from having one key."""
    body = task_key_component().body
    assert {name: body[name] for name in ("type", "externalId", "unique", "caseSensitive")} == {
        "type": "Text",
        "externalId": True,
        "unique": True,
        "caseSensitive": True,
    }


def test_who_signs_in_may_write_our_fields_and_read_the_standard_ones() -> None:
    """Every field of ours is editable for the integration user; a field of Activity is granted on tasks and events; nothing may be deleted."""
    granted = {one["field"]: one["editable"] for one in permissions(INTEGRATION)["fieldPermissions"]}
    assert granted["Contact.StillThere_Why__c"] is True
    assert (granted[f"Task.{TASK_KEY}"], granted[f"Event.{TASK_KEY}"]) == (True, True)
    assert f"Activity.{TASK_KEY}" not in granted
    assert granted["Contact.DoNotCall"] is False
    ours = {name for name, is_editable in granted.items() if is_editable}
    assert len(ours) == len(COMPONENTS) + 1
    assert not any(
        one["allowDelete"] or one["modifyAllRecords"] or one["allowCreate"] for one in permissions(INTEGRATION)["objectPermissions"]
    )


def test_who_works_with_customers_reads_our_fields_and_gets_no_other_right() -> None:
    """The users' permission set shows every field of ours that a person reads, and grants no object and no power."""
    body = permissions(USER)
    assert {one["field"] for one in body["fieldPermissions"]} == {name for name in COMPONENTS if not name.startswith("Activity.")}
    assert not any(one["editable"] for one in body["fieldPermissions"])
    assert "objectPermissions" not in body
    assert "userPermissions" not in body


def test_three_list_views_are_shown_to_all_internal_users() -> None:
    """Silent customers, Probably moved on, Needs help first: each with a filter on our fields and columns that fit."""
    views = view_components(FIELDS)
    assert [one.body["label"] for one in views] == ["Silent customers", "Probably moved on", "Needs help first"]
    for one in views:
        assert one.body["sharedTo"] == {"allInternalUsers": ""}
        assert len(one.body["columns"]) <= COLUMN_LIMIT
        assert all(f"Contact.{rule['field']}" in COMPONENTS for rule in one.body["filters"])
        long = {name for name, made in COMPONENTS.items() if made.body["type"] == "LongTextArea"}
        assert not {f"Contact.{column}" for column in one.body["columns"]} & long


def test_several_filters_of_a_view_are_joined_by_or() -> None:
    """Somebody who seeks help is shown whether the engagement or the support state says so."""
    view = next(one for one in view_components(FIELDS) if one.own_name == "StillThere_Needs_Help_First")
    assert view.body["booleanFilter"] == "1 OR 2"
    assert [rule["value"] for rule in view.body["filters"]] == ["needs_help", "seeking_help,struggling"]


def test_a_view_is_left_out_where_one_of_its_fields_is_not_wanted() -> None:
    """Setting up a few fields only makes the views that they suffice for."""
    assert [one.own_name for one in view_components([f for f in FIELDS if f.name != "job_state"])] == [
        "StillThere_Silent_Customers",
        "StillThere_Needs_Help_First",
    ]


def test_a_view_that_asks_for_an_unknown_option_is_refused() -> None:
    """A renamed option cannot leave a list view that is silently empty."""
    changed = [replace(f, options=(Option("mute", "Mute"),)) if f is STATE else f for f in FIELDS]
    with pytest.raises(BadInput, match="Silent customers asks for engagement_state silent"):
        view_components(changed)


def test_what_is_as_we_want_it_differs_in_nothing() -> None:
    """A definition read back, with all the elements that Salesforce adds, is the same definition."""
    for one in COMPONENTS.values():
        held = {**copy.deepcopy(one.body), "fullName": one.own_name, "trackHistory": False, "defaultValue": None}
        held.pop("required", None)
        assert differences(one, held) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("label", "Old label"),
        ("inlineHelpText", "Old help."),
        ("description", None),
        ("valueSet", None),
        ("valueSet", {"restricted": False, "valueSetDefinition": {"value": []}}),
    ],
)
def test_a_changed_text_or_list_of_values_is_a_difference(name: str, value: object) -> None:
    """Labels, help, description and values follow the program."""
    wanted = COMPONENTS["Contact.StillThere_Engagement_State__c"]
    assert differences(wanted, {**wanted.body, name: value}) == [name]


def test_a_value_that_was_switched_off_is_a_difference() -> None:
    """An inactive value cannot be written, so it counts as missing."""
    wanted = COMPONENTS["Contact.StillThere_Coverage__c"]
    held = copy.deepcopy(wanted.body)
    held["valueSet"]["valueSetDefinition"]["value"][0]["isActive"] = False
    assert differences(wanted, held) == ["valueSet"]


def test_a_permission_set_that_grants_more_is_left_as_it_is() -> None:
    """What an admin has added is theirs; what is missing is ours to add."""
    wanted = Component(PERMISSIONS, INTEGRATION, permissions(INTEGRATION))
    more = copy.deepcopy(wanted.body)
    more["objectPermissions"][0]["allowDelete"] = True
    more["fieldPermissions"].append({"editable": True, "field": "Contact.Level__c", "readable": True})
    assert differences(wanted, more) == []
    less = copy.deepcopy(wanted.body)
    less["fieldPermissions"] = less["fieldPermissions"][1:]
    assert differences(wanted, less) == ["fieldPermissions"]


def test_a_view_that_an_org_tells_in_its_own_way_is_the_same_view() -> None:
    """That everybody sees it may be left out, and the values of a filter come in any order; another column or value is a difference."""
    view = view_components(FIELDS)[2]
    held = copy.deepcopy(view.body)
    held["sharedTo"] = None
    held["filters"][1]["value"] = "struggling, seeking_help"
    assert differences(view, held) == []
    held["filters"][1]["value"] = "struggling"
    held["columns"] = held["columns"][1:]
    assert differences(view, held) == ["columns", "filters"]


def test_what_describe_tells_is_compared_where_metadata_may_not_be_read() -> None:
    """Label, help, length and values stand in describe too."""
    wanted = COMPONENTS["Contact.StillThere_Coverage__c"]
    values = [(one["fullName"], one["label"]) for one in wanted.body["valueSet"]["valueSetDefinition"]["value"]]
    described = {
        "label": wanted.body["label"],
        "inlineHelpText": wanted.body["inlineHelpText"],
        "picklistValues": [{"value": value, "label": label, "active": True} for value, label in values],
    }
    assert described_differences(wanted, described) == []
    assert described_differences(wanted, {**described, "label": "Old", "picklistValues": []}) == ["label", "valueSet"]
    text = COMPONENTS["Contact.StillThere_Best_Time__c"]
    held = {"label": text.body["label"], "inlineHelpText": text.body["inlineHelpText"], "length": 80}
    assert described_differences(text, held) == ["length"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Kind.CHOICE, "silent", "silent"),
        (Kind.TEXT, "Tuesdays", "Tuesdays"),
        (Kind.LONG_TEXT, "a\nb", "a\nb"),
        (Kind.DATE, "2026-11-22", "2026-11-22"),
        (Kind.DATETIME, "2026-11-22T09:14:00Z", "2026-11-22T09:14:00.000Z"),
        (Kind.COUNT, "12", 12),
        (Kind.SCORE, "100", 100),
        (Kind.CHANCE, "35", 35),
        (Kind.SHARE, "0", 0),
        (Kind.FLAG, "true", "true"),
        (Kind.COUNT, None, None),
    ],
)
def test_a_value_goes_out_in_the_form_that_salesforce_takes(kind: Kind, text: str | None, value: object) -> None:
    """A percentage of 35 is 35, a moment has milliseconds, and nothing is null."""
    assert to_wire(kind, text) == value


def test_names_of_views_fit_salesforces_limit() -> None:
    """A developer name has at most 40 characters."""
    assert max(len(view.name) for view in VIEWS) <= 40
    assert {one.kind for one in COMPONENTS.values()} == {FIELD}
