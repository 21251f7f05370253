"""Faults on purpose: each kind, when it strikes, and whether the write took effect."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.faults import KINDS, Faults, read_rules
from transforms.vocabulary.errors import BadInput

TASK = {"properties": {"hs_timestamp": "2026-12-01T09:00:00Z"}}


@pytest.mark.parametrize(
    ("fault", "status", "policy"),
    [("rate_limit_burst", 429, "TEN_SECONDLY_ROLLING"), ("rate_limit_daily", 429, "DAILY"), ("rate_limit_search", 429, "SECONDLY")],
)
def test_refusals_by_policy(api: Any, fault: str, status: int, policy: str) -> None:
    """Each policy's 429 can be provoked; it does not count."""
    api.sandbox.faults.add(fault, nth=1)
    refused = api("GET", "/crm/v3/objects/contacts")
    assert (refused.status_code, refused.json()["policyName"]) == (status, policy)
    assert api("GET", "/crm/v3/objects/contacts").headers["x-hubspot-ratelimit-remaining"] == "189"


@pytest.mark.parametrize(
    ("fault", "status", "category"),
    [
        ("expired_token", 401, "EXPIRED_AUTHENTICATION"),
        ("missing_scopes", 403, "MISSING_SCOPES"),
        ("locked", 423, "LOCKED"),
        ("migrating", 477, "MIGRATION_IN_PROGRESS"),
        ("server_error", 500, "INTERNAL_ERROR"),
    ],
)
def test_errors_with_a_json_body(api: Any, fault: str, status: int, category: str) -> None:
    """Status and category are the vendor's; nothing is written."""
    api.sandbox.faults.add(fault, times=1, **({"retry_after": 7} if status == 477 else {}))
    answer = api("POST", "/crm/v3/objects/tasks", TASK)
    assert (answer.status_code, answer.json()["category"]) == (status, category)
    assert answer.headers.get("retry-after") == ("7" if status == 477 else None)
    assert api("GET", "/crm/v3/objects/tasks").json()["results"] == []


@pytest.mark.parametrize(
    ("fault", "status"), [("bad_gateway", 502), ("unavailable", 503), ("gateway_timeout", 504), ("no_answer", 524), ("html", 200)]
)
def test_gateways_answer_in_html(api: Any, fault: str, status: int) -> None:
    """A client may not take every answer for JSON."""
    api.sandbox.faults.add(fault)
    answer = api("GET", "/crm/v3/objects/contacts")
    assert (answer.status_code, answer.headers["content-type"], answer.text.startswith("<html>")) == (status, "text/html", True)


@pytest.mark.parametrize(("fault", "is_written"), [("drop_before", False), ("drop_after", True), ("cut", True)])
def test_a_connection_breaks_before_or_after_the_write(api: Any, fault: str, is_written: bool) -> None:  # noqa: FBT001 - a column of the table
    """The dangerous case: the task was made, and nobody was told. The log knows."""
    api.sandbox.faults.add(fault, method="POST", path="objects/tasks", nth=1)
    with pytest.raises(httpx.RemoteProtocolError):
        api("POST", "/crm/v3/objects/tasks", TASK)
    assert len(api("GET", "/crm/v3/objects/tasks").json()["results"]) == int(is_written)
    call = api.sandbox.calls.select(fault=fault)[0]
    assert call.was_applied is is_written
    assert call.status == (201 if fault == "cut" else 0)


@pytest.mark.parametrize(("fault", "body"), [("empty", ""), ("truncated", None)])
def test_bodies_that_cannot_be_read(api: Any, fault: str, body: str | None) -> None:
    """The write was applied, but its answer says nothing."""
    api.sandbox.faults.add(fault, method="POST")
    answer = api("POST", "/crm/v3/objects/tasks", TASK)
    assert answer.status_code == 201
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert body is None or answer.text == body
    assert len(api("GET", "/crm/v3/objects/tasks").json()["results"]) == 1


def test_an_error_may_hide_a_write_that_was_applied(api: Any) -> None:
    """A gateway that gave up waiting answers 504 although the service went on: ``applied``."""
    api.sandbox.faults.add("gateway_timeout", method="POST", applied=True)
    assert api("POST", "/crm/v3/objects/tasks", TASK).status_code == 504
    assert len(api("GET", "/crm/v3/objects/tasks").json()["results"]) == 1


def test_a_slow_answer_is_late(api: Any) -> None:
    """Later than a client waits; the write was applied."""
    api.sandbox.faults.add("slow", seconds=0.6, nth=1)
    with pytest.raises(httpx.ReadTimeout):
        api.http.post("/crm/v3/objects/tasks", json=TASK, timeout=0.2)
    assert len(api("GET", "/crm/v3/objects/tasks").json()["results"]) == 1


def test_rules_strike_by_schedule() -> None:
    """nth, every and times count the calls that match method and path."""
    faults = Faults(1)
    faults.add("server_error", method="post", path="tasks", nth=[2, 3])
    faults.add("locked", path="contacts", every=3, times=2)
    calls = [("POST", "/tasks"), ("GET", "/tasks"), ("POST", "/tasks"), ("POST", "/tasks"), ("POST", "/tasks")]
    assert [rule.fault if (rule := faults.strike(*call)) else "" for call in calls] == ["", "", "server_error", "server_error", ""]
    assert [bool(faults.strike("GET", "/contacts")) for _ in range(12)] == [n in {2, 5} for n in range(12)]


def test_rules_strike_by_seed() -> None:
    """The same seed strikes the same calls."""

    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add("server_error", probability=0.3)
        return [bool(faults.strike("GET", "/")) for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 90


@pytest.mark.parametrize("suffix", [".json", ".toml"])
def test_a_fault_file_is_json_or_toml(start: Any, tmp_path: Path, suffix: str) -> None:
    """The same rules in either form; they can be changed while the sandbox runs."""
    path = tmp_path / f"faults{suffix}"
    rules = {"seed": 4, "rules": [{"fault": "bad_gateway", "path": "contacts", "nth": 1}]}
    toml = 'seed = 4\n[[rules]]\nfault = "bad_gateway"\npath = "contacts"\nnth = 1\n'
    path.write_text(json.dumps(rules) if suffix == ".json" else toml)
    api = start(faults=path)
    assert [api("GET", "/crm/v3/objects/contacts").status_code for _ in range(2)] == [502, 200]
    api("POST", "/_sandbox/faults", {"fault": "locked", "path": "contacts"})
    assert api("GET", "/crm/v3/objects/contacts").status_code == 423
    assert api("POST", "/_sandbox/faults", {"fault": "nonsense"}).status_code == 400
    assert [rule["struck"] for rule in api("GET", "/_sandbox/faults").json()["rules"]] == [1, 1]
    api("DELETE", "/_sandbox/faults")
    assert api("GET", "/crm/v3/objects/contacts").status_code == 200


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("{}", "a list called rules"),
        ('{"rules": [{"fault": "fire"}]}', "rule 1 names the fault 'fire'"),
        ('{"rules": [{"fault": "slow", "often": 1}]}', "unknown key 'often'"),
        ('{"rules": [{"fault": "slow", "path": "("}]}', "not a regular expression"),
        ('{"rules": [{"fault": "slow", "nth": "first"}]}', "nth must be"),
        ('{"rules": [{"fault": "slow", "every": "two"}]}', "every must be a number"),
    ],
)
def test_a_wrong_fault_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    """BadInput with the place and what is wrong."""
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=words):
        read_rules(path)
    with pytest.raises(BadInput, match="cannot be opened"):
        read_rules(tmp_path / "none.json")


def test_all_kinds_are_documented() -> None:
    """docs/sandbox.md lists every kind of fault."""
    text = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert [name for name in KINDS if f"`{name}`" not in text] == []
