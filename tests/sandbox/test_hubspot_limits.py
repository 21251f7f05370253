"""Who may call, how often, and what the headers say of it."""

from email.utils import parsedate_to_datetime
from typing import Any

import pytest


def test_a_call_without_credentials_says_so(api: Any) -> None:
    """401 INVALID_AUTHENTICATION without a token."""
    answer = api.http.get("/crm/v3/objects/contacts", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert answer.json()["message"].startswith("Authentication credentials not found.")
    assert [name for name in answer.headers if "ratelimit" in name] == []


def test_a_token_that_makes_no_sense_expired_in_1970(api: Any) -> None:
    """401 EXPIRED_AUTHENTICATION, twenty thousand days ago."""
    answer = api.http.get("/crm/v3/objects/contacts", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "20,780 day(s) ago" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("GET", "/crm/v3/objects/companies", None, "crm.objects.companies.read"),
        ("POST", "/crm/v3/objects/contacts", {"properties": {}}, "crm.objects.contacts.write"),
        ("GET", "/crm/v3/owners", None, "crm.objects.owners.read"),
        ("POST", "/crm/v3/properties/contacts", {}, "crm.schemas.contacts.write"),
        ("GET", "/crm/v3/objects/tickets", None, "tickets"),
        ("POST", "/crm/v4/associations/contacts/companies/batch/create", {"inputs": []}, "crm.objects.contacts.write"),
    ],
)
def test_a_missing_scope_is_named(start: Any, method: str, path: str, body: Any, scope: str) -> None:
    """403 MISSING_SCOPES with the scopes of which one is needed."""
    api = start(scopes=("crm.objects.contacts.read",))
    answer = api(method, path, body)
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert scope in answer.json()["errors"][0]["context"]["requiredGranularScopes"]


def test_the_burst_is_rolling_and_the_headers_count_down(start: Any) -> None:
    """So many calls in any ten seconds; the next is 429, does not count, and the window frees itself."""
    api = start(burst=5)
    left = [api("GET", "/crm/v3/objects/contacts").headers["x-hubspot-ratelimit-remaining"] for _ in range(5)]
    refused = api("GET", "/crm/v3/objects/contacts")
    body = refused.json()
    assert left == ["4", "3", "2", "1", "0"]
    assert (refused.status_code, body["policyName"], body["errorType"]) == (429, "TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert "category" not in body
    assert body["groupName"].startswith("publicapi:private_app-api-calls-ten-secondly:")
    assert "retry-after" not in refused.headers
    assert refused.headers["x-hubspot-ratelimit-daily-remaining"] == "624995"
    api.sandbox.clock.advance(10.1)
    assert api("GET", "/crm/v3/objects/contacts").status_code == 200


def test_search_has_five_a_second(api: Any) -> None:
    """SECONDLY, for search alone; searches count into the burst as well."""
    statuses = [api.search("contacts").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    assert api.search("contacts").json()["policyName"] == "SECONDLY"
    listed = api("GET", "/crm/v3/objects/contacts")
    assert (listed.status_code, listed.headers["x-hubspot-ratelimit-remaining"]) == (200, "184")
    api.sandbox.clock.advance(1.1)
    assert api.search("contacts").status_code == 200


def test_association_calls_have_a_window_of_their_own(start: Any) -> None:
    """They are exempt from the app's ten seconds, and their headers tell of their own limit."""
    api = start(burst=2, association_burst=3)
    contact = api.create("contacts", email="a@example.com")
    answers = [api("GET", f"/crm/v4/objects/contacts/{contact}/associations/companies") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (answers[0].headers["x-hubspot-ratelimit-max"], answers[0].headers["x-hubspot-ratelimit-remaining"]) == ("3", "2")
    assert answers[3].json()["groupName"].startswith("publicapi:crm:associations:")
    assert [api("GET", "/crm/v3/objects/contacts").status_code for _ in range(2)] == [200, 429]


def test_the_day_ends_at_the_accounts_midnight(start: Any) -> None:
    """DAILY for the whole account, until midnight in its time zone; the usage endpoint says when."""
    api = start(daily=100, daily_used=98, time_zone="America/New_York")
    usage = api("GET", "/account-info/v3/api-usage/daily/private-apps").json()["results"][0]
    assert (usage["name"], usage["usageLimit"], usage["currentUsage"]) == ("private-apps-api-calls-daily", 100, 99)
    assert usage["resetsAt"] == "2026-11-24T05:00:00Z"
    assert api("GET", "/crm/v3/objects/contacts").status_code == 200
    refused = api("GET", "/crm/v3/objects/contacts")
    assert (refused.status_code, refused.json()["policyName"], "groupName" in refused.json()) == (429, "DAILY", False)
    api("POST", "/_sandbox/clock", {"now": "2026-11-24T04:59:58Z"})
    assert api("GET", "/crm/v3/objects/contacts").status_code == 429
    api("POST", "/_sandbox/clock", {"now": "2026-11-24T05:00:01Z"})
    assert api("GET", "/crm/v3/objects/contacts").headers["x-hubspot-ratelimit-daily-remaining"] == "99"


def test_retry_after_can_be_switched_on(start: Any) -> None:
    """It is not documented for a 429, so it is off by default."""
    api = start(burst=1, retry_after=True)
    api("GET", "/crm/v3/objects/contacts")
    assert 1 <= int(api("GET", "/crm/v3/objects/contacts").headers["retry-after"]) <= 11


@pytest.mark.parametrize(("tier", "burst", "daily"), [("free", 100, 250_000), ("professional", 190, 625_000), ("add_on", 250, 1_625_000)])
def test_tiers(start: Any, tier: str, burst: int, daily: int) -> None:
    """The published limits by subscription."""
    headers = start(tier=tier)("GET", "/account-info/v3/details").headers
    assert (headers["x-hubspot-ratelimit-max"], headers["x-hubspot-ratelimit-daily"]) == (str(burst), str(daily))
    assert headers["x-hubspot-ratelimit-secondly"] == str(burst // 10)


def test_every_answer_carries_the_sandboxes_time(api: Any) -> None:
    """The connector takes the CRM's clock from the Date header, and there is exactly one."""
    for path in ("/crm/v3/objects/contacts", "/crm/v3/nothing", "/_sandbox/state", "/contacts"):
        dates = api("GET", path).headers.get_list("date")
        assert [abs((parsedate_to_datetime(date) - api.sandbox.clock.now()).total_seconds()) < 3 for date in dates] == [True]


def test_latency_delays_each_answer_but_not_the_others(start: Any) -> None:
    """Ten calls at once take about as long as one."""
    import time  # noqa: PLC0415 - only this test looks at the wall clock
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - the same

    api = start(latency_ms=(200, 250))
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: api("GET", "/crm/v3/objects/contacts"), range(10)))
    assert 0.2 <= time.monotonic() - began < 1.5


def test_the_log_can_be_asked(api: Any) -> None:
    """Every call with its number, status and records; by path, method, status and number, in Python and over HTTP."""
    api.create("contacts", email="a@example.com")
    mark = api.sandbox.calls.last_number
    api("GET", "/crm/v3/objects/contacts")
    api("GET", "/crm/v3/objects/contacts/5")
    calls = api.sandbox.calls
    assert (calls.count("objects/contacts"), calls.count(status=404), calls.count(since=mark), calls.count(method="POST")) == (3, 1, 2, 1)
    assert [(call.records_in, call.records_out) for call in calls] == [(1, 1), (0, 1), (0, 0)]
    shown = api("GET", "/_sandbox/calls", status="404").json()
    assert (shown["total"], shown["calls"][0]["path"]) == (1, "/crm/v3/objects/contacts/5")
    api("POST", "/_sandbox/reset-calls")
    assert len(calls) == 0


def test_bodies_are_kept_within_bounds(start: Any) -> None:
    """Only the last ones, so that a long run does not fill the memory."""
    api = start(keep_bodies=2)
    for n in range(4):
        api.create("contacts", email=f"c{n}@example.com")
    assert [bool(call.request) for call in api.sandbox.calls] == [False, False, True, True]


def test_two_sandboxes_with_one_seed_answer_alike(start: Any) -> None:
    """Ids, order of results and correlation ids follow from the seed."""
    answers = []
    for _ in range(2):
        api = start(frozen=True)
        body = {"inputs": [{"properties": {"email": f"c{n}@example.com"}} for n in range(10)]}
        answer = api("POST", "/crm/v3/objects/contacts/batch/create", body)
        answers.append((answer.json(), answer.headers["x-hubspot-correlation-id"]))
    assert answers[0] == answers[1]
