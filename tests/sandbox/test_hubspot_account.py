"""Account, owners, pipelines, OAuth, and the admin paths."""

from typing import Any

import httpx
import pandas as pd
import pytest

from sandbox.loader import Tables


def test_account_details(api: Any) -> None:
    """Portal, time zone and its offset at this moment, by either path family."""
    found = api("GET", "/account-info/v3/details").json()
    assert (found["portalId"], found["timeZone"], found["utcOffset"], found["utcOffsetMilliseconds"]) == (
        24_117_000,
        "America/New_York",
        "-05:00",
        -18_000_000,
    )
    assert api("GET", "/account-info/2026-09/details").json() == found


@pytest.fixture
def with_owners(start: Any) -> Any:
    """A portal with three owners, one of them gone."""
    contacts = pd.DataFrame({"contact_id": ["1"], "owner_id": ["11"]})
    activities = pd.DataFrame({"activity_id": [], "contact_id": [], "occurred_at": [], "channel": [], "direction": []})
    owners = pd.DataFrame(
        {
            "owner_id": ["11", "12", "13"],
            "name": ["Dana Reyes", "Lee Tan", "Gone Girl"],
            "email": ["d@ours.example", "l@ours.example", "g@ours.example"],
            "is_active": [True, True, False],
        }
    )
    return start(world=Tables(contacts, activities, pd.DataFrame({"company_id": []}), owners))


def test_owners(with_owners: Any) -> None:
    """Active ones by default, archived ones on request and without userId; by id, by user's id, by address, in pages."""
    api = with_owners
    found = api("GET", "/crm/v3/owners/").json()["results"]
    assert [(o["id"], o["firstName"], o["lastName"], o["type"]) for o in found] == [
        ("11", "Dana", "Reyes", "PERSON"),
        ("12", "Lee", "Tan", "PERSON"),
    ]
    gone = api("GET", "/crm/v3/owners", archived="true").json()["results"]
    assert ([o["id"] for o in gone], "userId" in gone[0], "userIdIncludingInactive" in gone[0]) == (["13"], False, True)
    assert api("GET", "/crm/v3/owners", email="L@ours.example").json()["results"][0]["id"] == "12"
    assert api("GET", f"/crm/v3/owners/{found[1]['userId']}", idProperty="userId").json()["id"] == "12"
    assert api("GET", "/crm/v3/owners/13").status_code == 404
    page = api("GET", "/crm/owners/2026-09", limit=1).json()
    assert (page["results"][0]["id"], page["paging"]["next"]["after"]) == ("11", "12")
    assert api("GET", "/crm/v3/owners", limit=501).status_code == 400


def test_ticket_pipeline(api: Any) -> None:
    """Stages 1 to 4, the last of them closed; a ticket that gets there is closed."""
    found = api("GET", "/crm/v3/pipelines/tickets").json()["results"]
    assert [(s["id"], s["metadata"]["ticketState"]) for s in found[0]["stages"]] == [
        ("1", "OPEN"),
        ("2", "OPEN"),
        ("3", "OPEN"),
        ("4", "CLOSED"),
    ]
    assert api("GET", "/crm/v3/pipelines/tickets/0/stages/4").json()["label"] == "Closed"
    assert api("GET", "/crm/v3/pipelines/tickets/0/audit").json()["results"][0]["action"] == "CREATE"
    stage = api("GET", "/crm/v3/pipelines/tickets/0/stages/4/audit").json()["results"][0]
    assert (stage["identifier"], stage["action"], stage["rawObject"]["label"]) == ("4", "CREATE", "Closed")
    for path in ("7", "0/stages/9", "0/stages/9/audit", "0/other"):
        assert api("GET", f"/crm/v3/pipelines/tickets/{path}").status_code == 404
    ticket = api.create("tickets", subject="Help", hs_pipeline_stage="1")
    api.sandbox.clock.advance(3600)
    api("PATCH", f"/crm/v3/objects/tickets/{ticket}", {"properties": {"hs_pipeline_stage": "4"}})
    shown = api("GET", f"/crm/v3/objects/tickets/{ticket}", properties="hs_is_closed,closed_date,time_to_close").json()["properties"]
    assert (shown["hs_is_closed"], 3_600_000 <= int(shown["time_to_close"]) < 3_700_000) == ("true", True)
    assert api("POST", "/crm/v3/objects/tickets", {"properties": {"subject": "x"}}).status_code == 400
    assert api("POST", "/crm/v3/objects/tickets", {"properties": {"hs_pipeline_stage": "9"}}).status_code == 400


def test_call_outcomes(api: Any) -> None:
    """The six that every portal has."""
    labels = {row["label"] for row in api("GET", "/calling/v1/dispositions").json()}
    assert labels == {"Busy", "Connected", "Left live message", "Left voicemail", "No answer", "Wrong number"}


def grant(api: Any, path: str = "/oauth/v1/token", **given: str) -> httpx.Response:
    """Ask for a token; what is given replaces a part of the right form."""
    options = api.sandbox.portal.options
    form = {
        "grant_type": "refresh_token",
        "client_id": options.client_id,
        "client_secret": options.client_secret,
        "refresh_token": options.refresh_token,
    }
    answer: httpx.Response = api.http.post(path, data={**form, **given})
    return answer


@pytest.mark.parametrize("path", ["/oauth/v1/token", "/oauth/2026-09/token"])
def test_an_oauth_token_lives_for_half_an_hour(api: Any, path: str) -> None:
    """The token opens the portal until it expires by the sandbox's clock; the refresh token does not rotate; no daily headers."""
    found = grant(api, path).json()
    headers = {"Authorization": f"Bearer {found['access_token']}"}
    assert (found["token_type"], found["expires_in"], len(found["access_token"]) <= 512) == ("bearer", 1800, True)
    assert found["refresh_token"] == api.sandbox.portal.options.refresh_token
    first = api.http.get("/crm/v3/objects/contacts", headers=headers)
    assert (first.status_code, "x-hubspot-ratelimit-daily" in first.headers) == (200, False)
    assert api.http.get(f"/oauth/v1/access-tokens/{found['access_token']}").json()["hub_id"] == 24_117_000
    api.sandbox.clock.advance(1800 + 75)
    late = api.http.get("/crm/v3/objects/contacts", headers=headers)
    assert (late.status_code, late.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert late.json()["message"] == "The OAuth token used to make this call expired 75 second(s) ago."
    assert grant(api, path).json()["access_token"] != found["access_token"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"refresh_token": "x"}, "BAD_REFRESH_TOKEN"),
        ({"client_id": "x"}, "BAD_CLIENT_ID"),
        ({"client_secret": "x"}, "BAD_CLIENT_SECRET"),
        ({"grant_type": "x"}, "BAD_GRANT_TYPE"),
        ({"grant_type": "authorization_code"}, "BAD_REDIRECT_URI"),
        ({"grant_type": "authorization_code", "redirect_uri": "http://localhost", "code": "x"}, "BAD_AUTH_CODE"),
    ],
)
def test_oauth_errors(api: Any, given: dict[str, str], status: str) -> None:
    """All are 400 with HubSpot's own word in ``status``."""
    answer = grant(api, **given)
    assert (answer.status_code, answer.json()["status"]) == (400, status)
    if status == "BAD_REFRESH_TOKEN":
        assert answer.json()["error"] == "invalid_grant"


def test_an_uninstalled_app_is_locked_out(api: Any) -> None:
    """DELETE external-install voids the tokens."""
    assert api("DELETE", "/appinstalls/v3/external-install").status_code == 204
    assert api("GET", "/crm/v3/objects/contacts").status_code == 401


def test_a_person_changes_things(api: Any) -> None:
    """The change path does what somebody does in the browser, also where the API may not write."""
    a, b = (api.create("contacts", email=f"{n}@example.com") for n in "ab")
    edit = {"do": "edit", "type": "contacts", "id": a, "properties": {"hs_email_optout": "true"}}
    assert api("POST", "/_sandbox/change", edit).status_code == 200
    assert api.sandbox.portal.properties("contacts", a)["hs_email_optout"] == "true"
    assert api("PATCH", f"/crm/v3/objects/contacts/{a}", {"properties": {"hs_email_optout": "false"}}).status_code == 400
    new = api("POST", "/_sandbox/change", {"do": "merge", "type": "contacts", "id": a, "into": b}).json()["id"]
    assert api("GET", f"/crm/v3/objects/contacts/{a}").json()["id"] == new
    api("POST", "/_sandbox/change", {"do": "archive", "type": "contacts", "id": new})
    assert api("GET", "/crm/v3/objects/contacts").json()["results"] == []
    assert api("POST", "/_sandbox/change", {"do": "dance", "type": "contacts", "id": b}).status_code == 404
    assert api("GET", "/_sandbox/state").json()["archived"] == {"contacts": 1}


def test_the_clock_can_be_set_and_frozen(api: Any) -> None:
    """Over HTTP as in Python."""
    api("POST", "/_sandbox/clock", {"now": "2027-01-01T00:00:00Z", "frozen": True})
    stamps = {api("POST", "/crm/v3/objects/notes", {"properties": {"hs_timestamp": "1"}}).json()["createdAt"] for _ in range(3)}
    assert stamps == {"2027-01-01T00:00:00.000Z"}
    assert api("POST", "/_sandbox/clock", {"now": "soon"}).status_code == 400


def test_a_snapshot_holds_records_tasks_with_links_and_definitions(api: Any) -> None:
    """What tests compare: the end state."""
    contact, task = api.create("contacts", email="a@example.com"), api.create("tasks", hs_timestamp="2026-12-01T09:00:00Z")
    api("PUT", f"/crm/v4/objects/tasks/{task}/associations/default/contacts/{contact}")
    api("POST", "/crm/v3/properties/tasks", {"name": "k", "label": "K", "type": "string", "fieldType": "text", "groupName": "task"})
    state = api.sandbox.portal.snapshot()
    assert state["contacts"][contact]["email"] == "a@example.com"
    assert state["tasks"][task]["associations"]["contacts"] == [contact]
    assert list(state["definitions"]["tasks"]) == ["k"]
