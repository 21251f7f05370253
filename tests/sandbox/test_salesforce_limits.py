"""The org's calls of 24 hours: what counts, what the header says, and what happens when they are used up."""

import re
from itertools import pairwise
from typing import Any

import pytest
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceRefusedRequest

USED_UP = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]


def usage(answer: Any) -> int:
    """How many calls the header tells."""
    found = re.fullmatch(r"api-usage=(\d+)/(\d+)", answer.headers["sforce-limit-info"])
    assert found is not None
    return int(found.group(1))


def test_every_answer_tells_the_usage(start_org: Any) -> None:
    """Good answers and bad ones; without jitter the count is exact. Signing in and the list of versions cost nothing."""
    org = start_org(usage_jitter=0, daily_used=100)
    assert [usage(org("GET", path)) for path in ("limits", "sobjects/Foo", "nothing", "query?q=x")] == [101, 102, 103, 104]
    assert usage(org("PUT", "limits")) == 105
    assert "sforce-limit-info" not in org("GET", "/services/data").headers
    org("GET", "/services/oauth2/userinfo")
    assert org.org.limits.used == 105


def test_the_usage_wavers(org: Any) -> None:
    """The header is not monotonic, but stays near the truth."""
    told = [usage(org("GET", "sobjects/Contact/updated")) for _ in range(60)]
    assert any(later < earlier for earlier, later in pairwise(told))
    assert all(abs(one - true) <= 3 for true, one in enumerate(told, 1))


def test_a_used_up_day_refuses_until_calls_grow_old(start_org: Any) -> None:
    """403 REQUEST_LIMIT_EXCEEDED, without a hint when to come back; 24 hours later the calls no longer count."""
    org = start_org(daily=5, usage_jitter=0)
    assert [org("GET", "sobjects/Contact").status_code for _ in range(6)] == [200] * 5 + [403]
    refused = org("GET", "limits")
    assert (refused.json(), "retry-after" in refused.headers, usage(refused)) == (USED_UP, False, 5)
    org.sandbox.clock.advance(23 * 3600)
    org.http.headers["Authorization"] = f"Bearer {org.sandbox.sessions.begin(org.org.integration_id).id}"
    assert org("GET", "limits").status_code == 403
    org.sandbox.clock.advance(3700)
    org.http.headers["Authorization"] = f"Bearer {org.sandbox.sessions.begin(org.org.integration_id).id}"
    daily = org("GET", "limits").json()["DailyApiRequests"]
    assert (daily["Max"], daily["Remaining"]) == (5, 4)


def test_what_others_use_counts_too(start_org: Any) -> None:
    """The day belongs to the whole org; others may come in between."""
    org = start_org(daily=100, usage_jitter=0)
    assert org.http.post("/_sandbox/limits", json={"org_daily_used": 99}).json()["orgDailyUsed"] == 99
    assert [org("GET", "limits").status_code for _ in range(2)] == [200, 403]


def test_the_client_meets_the_limit(start_org: Any, https: Any) -> None:
    """simple-salesforce raises a refusal that holds the code, and reads the usage header of good answers."""
    org = start_org(daily=2, usage_jitter=0)
    client: Any = Salesforce(session=https(org), session_id=org.session.id, instance="stillthere.my.salesforce.com", version="64.0")
    client.limits()
    assert client.api_usage["api-usage"].used == 1
    client.limits()
    with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
        client.limits()
