"""Tasks: what HubSpot computes, links made with them, and the key that keeps one from being made twice."""

from typing import Any

KEY = {"name": "our_key", "label": "Our key", "type": "string", "fieldType": "text", "groupName": "task", "hasUniqueValue": True}


def test_a_task_comes_with_its_computed_fields(api: Any) -> None:
    """The due date is hs_timestamp; whether it is overdue follows from the clock."""
    answer = api("POST", "/crm/v3/objects/tasks", {"properties": {"hs_timestamp": "2026-11-23T10:00:00Z", "hs_task_subject": "Call"}})
    task, shown = answer.json()["id"], answer.json()["properties"]
    wanted = {
        "hs_task_status": "NOT_STARTED",
        "hs_task_is_completed": "0",
        "hs_task_completion_count": "0",
        "hs_task_family": "SALES",
        "hs_task_for_object_type": "OWNER",
        "hs_task_is_all_day": "false",
        "hs_task_is_overdue": "false",
        "hs_task_missed_due_date_count": "0",
        "hs_obj_coords": f"0-27-{task}",
    }
    assert {name: shown[name] for name in wanted} == wanted
    assert f"/tasks/{api.sandbox.portal.options.portal_id}/view/all/task/{task}" in answer.json()["url"]
    api.sandbox.clock.advance(2 * 3600)
    late = api("GET", f"/crm/v3/objects/tasks/{task}", properties="hs_task_is_overdue,hs_task_missed_due_date").json()["properties"]
    assert (late["hs_task_is_overdue"], late["hs_task_missed_due_date"]) == ("true", "true")
    api("PATCH", f"/crm/v3/objects/tasks/{task}", {"properties": {"hs_task_status": "COMPLETED"}})
    done = api("GET", f"/crm/v3/objects/tasks/{task}", properties="hs_task_is_completed,hs_task_is_overdue,hs_task_completion_date").json()
    assert (done["properties"]["hs_task_is_completed"], done["properties"]["hs_task_is_overdue"]) == ("1", "false")
    assert done["properties"]["hs_task_completion_date"].startswith("2026-11-23T11:00:0")


def test_a_task_needs_its_due_date(api: Any) -> None:
    """hs_timestamp is required when a task is made."""
    answer = api("POST", "/crm/v3/objects/tasks", {"properties": {"hs_task_subject": "Call"}})
    assert answer.status_code == 400
    assert answer.json()["message"] == "Error creating TASK. Some required properties were not set."


def test_links_can_be_made_with_the_task(api: Any) -> None:
    """Associations in the creation, in the right direction: 204 from task to contact, not 203."""
    contact = api.create("contacts", email="a@example.com")
    body = {
        "properties": {"hs_timestamp": "2026-12-01T09:00:00Z"},
        "associations": [{"to": {"id": contact}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}]}],
    }
    task = api("POST", "/crm/v3/objects/tasks", body).json()["id"]
    shown = api("GET", f"/crm/v3/objects/tasks/{task}", associations="contacts").json()
    assert shown["associations"] == {"contacts": {"results": [{"id": contact, "type": "task_to_contact"}]}}
    back = api("GET", f"/crm/v3/objects/contacts/{contact}", associations="tasks").json()
    assert back["associations"]["tasks"]["results"] == [{"id": task, "type": "contact_to_task"}]
    body["associations"][0]["types"][0]["associationTypeId"] = 203  # type: ignore[index]  # the test's own literal
    assert api("POST", "/crm/v3/objects/tasks", body).status_code == 400


def test_tasks_may_be_doubled_as_there_is_no_natural_key(api: Any) -> None:
    """The same task sent twice is two tasks."""
    same = {"hs_timestamp": "2026-12-01T09:00:00Z", "hs_task_subject": "Call"}
    assert api.create("tasks", **same) != api.create("tasks", **same)


def test_a_unique_property_makes_upsert_of_tasks_safe_to_repeat(api: Any) -> None:
    """batch/upsert by a unique custom property makes the task once; batch/read by it finds it at once."""
    assert api("POST", "/crm/v3/properties/tasks", KEY).status_code == 201
    body = {
        "inputs": [
            {"id": "k1", "idProperty": "our_key", "properties": {"hs_timestamp": "2026-12-01T09:00:00Z"}, "objectWriteTraceId": "t1"},
        ]
    }
    first = api("POST", "/crm/v3/objects/tasks/batch/upsert", body).json()["results"][0]
    again = api("POST", "/crm/v3/objects/tasks/batch/upsert", body).json()["results"][0]
    assert (first["new"], again["new"], first["id"] == again["id"]) == (True, False, True)
    assert first["objectWriteTraceId"] == "t1"
    read = api("POST", "/crm/v3/objects/tasks/batch/read", {"idProperty": "our_key", "inputs": [{"id": "k1"}], "properties": ["our_key"]})
    assert [r["properties"]["our_key"] for r in read.json()["results"]] == ["k1"]
    doubled = api("POST", "/crm/v3/objects/tasks", {"properties": {"hs_timestamp": "2026-12-01T09:00:00Z", "our_key": "k1"}})
    assert (doubled.status_code, doubled.json()["errors"][0]["code"]) == (400, "CONFLICTING_UNIQUE_VALUE")


def test_whether_tasks_may_have_a_unique_property_can_be_switched(start: Any) -> None:
    """It is not verified on a real portal."""
    api = start(task_unique_property=False)
    assert api("POST", "/crm/v3/properties/tasks", KEY).status_code == 400
