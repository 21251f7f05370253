"""Each fault that an org is known for, at each place where it can strike: nothing is lost, doubled or guessed, and the ending says what to do."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from requests.adapters import HTTPAdapter

from connectors.salesforce import Credentials, Manner, Salesforce
from connectors.salesforce.answers import LOCKED
from connectors.salesforce.bulk import Pace
from connectors.salesforce.bulk_writing import write_in_bulk
from connectors.salesforce.names import TASK_KEY
from connectors.salesforce.setting_up import apply_changes, pending_setup
from connectors.salesforce.tasks import Tasks
from connectors.sending import Patience
from sandbox.options import SandboxOptions
from sandbox.running import run_sandbox
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.options import OrgOptions
from sandbox.world import WorldOptions, make_world
from transforms.vocabulary.changes import Fate
from transforms.vocabulary.errors import NotAuthorised, QuotaSpent

MOOD = "StillThere_Mood__c"
QUICK = Patience(attempts=5, first_wait_s=0.01, longest_wait_s=0.05, connect_timeout_s=1.0, read_timeout_s=5.0)
JOBS = [("POST", "jobs/ingest"), ("PUT", "batches"), ("PATCH", "jobs/ingest"), ("GET", "jobs/ingest")]
UNREADABLE = ["unavailable", "server_unavailable", "html", "empty", "truncated", "cut", "drop_before", "drop_after"]


def in_bulk(bench: Any) -> set[tuple[Fate, str]]:
    """Write one value on all contacts by a bulk job; what became of them."""
    records = [{"attributes": {"type": "Contact"}, "id": one, MOOD: "good"} for one in bench.contacts]
    return {(outcome.fate, outcome.code) for _, outcome in write_in_bulk(bench.client, bench.bulk(), "Contact", records)}


def held(bench: Any) -> set[str | None]:
    """The values that the org's contacts hold."""
    return {bench.held(one, MOOD) for one in bench.contacts}


def connect(sandbox: Any, **manner: Any) -> Salesforce:
    """A new connector, as a new process would make one."""
    own = sandbox.org.org
    chosen = Manner(**{"patience": QUICK, "pace": Pace(first_s=0.01, longest_s=0.05), "rows_a_page": 50, **manner})
    return Salesforce(Credentials(own.domain, own.consumer_key, own.consumer_secret), sandbox.base_url, manner=chosen)


# Sessions


def test_a_session_that_ends_before_a_collection_is_renewed(ready_org: Any) -> None:
    """All records are written, by one call more."""
    ready_org.write(ready_org.contacts[:1], {"mood": "bad"})
    ready_org.faults.add("session_expired", path="composite", nth=[1])
    assert {one.fate for one in ready_org.write(ready_org.contacts, {"mood": "good"})} == {Fate.WRITTEN}
    assert held(ready_org) == {"good"}
    assert ready_org.client.calls["login"] >= 2


@pytest.mark.parametrize(("method", "path"), JOBS)
@pytest.mark.parametrize("fault", ["session_expired", "sessions_revoked", "session_page"])
def test_a_session_that_ends_in_the_middle_of_a_job_is_renewed(ready_org: Any, method: str, path: str, fault: str) -> None:
    """While it is made, filled, closed, looked at: the library never renews for bulk, we do, and no row is lost."""
    rule = ready_org.faults.add(fault, path=path, method=method, nth=[1])
    assert in_bulk(ready_org) == {(Fate.WRITTEN, "")}
    assert held(ready_org) == {"good"}
    assert rule.struck == 1


@pytest.mark.parametrize("call", [1, 3, 5])
def test_a_session_that_ends_in_the_middle_of_set_up_is_renewed(org_bench: Any, call: int) -> None:
    """While definitions are read, deployed, looked for: set-up comes through, and nothing is pending."""
    rule = org_bench.faults.add("session_expired", path="/Soap/m/", nth=[call])
    org_bench.set_up()
    org_bench.faults.clear()
    assert pending_setup(org_bench.client, org_bench.fields) == []
    assert rule.struck == 1


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.97, 0.999])
def test_a_soap_answer_that_is_cut_short_is_asked_for_again(org_bench: Any, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """The library mends broken XML and reads on: part of the definitions would be taken for all of them, or anything be raised."""
    cut = []

    def send(self: HTTPAdapter, request: Any, *args: Any, **options: Any) -> Any:
        response = whole(self, request, *args, **options)
        if "/Soap/m/" in request.url and len(cut) < 30 and not len(cut) % 2:
            response._content = response.content[: int(len(response.content) * share)]
        cut.extend([request.url] if "/Soap/m/" in request.url else [])
        return response

    whole = HTTPAdapter.send
    monkeypatch.setattr(HTTPAdapter, "send", send)
    org_bench.set_up()
    assert len(cut) >= 8
    monkeypatch.undo()
    assert pending_setup(org_bench.new_client(), org_bench.fields) == []


@pytest.mark.parametrize("fault", ["session_expired", "sessions_revoked"])
def test_a_session_that_ends_before_tasks_are_made_is_renewed(ready_org: Any, fault: str) -> None:
    """Each task stands once."""
    tasks = ready_org.tasks_for(ready_org.contacts)
    rule = ready_org.faults.add(fault, path="composite/sobjects/Task", nth=[1])
    assert {one.fate for one in ready_org.tasks().create(tasks)} == {Fate.WRITTEN}
    keys = [task[TASK_KEY] for task in ready_org.held_tasks() if task["WhoId"] in ready_org.contacts]
    assert sorted(keys) == sorted(tasks["task_key"])
    assert rule.struck == 1


@pytest.mark.parametrize("calls", [1, 3])
def test_everything_comes_through_where_a_session_lives_for_a_few_calls(open_org: Any, calls: int) -> None:
    """Set-up, fields by collection and by job, and tasks, with a session that ends after so many calls."""
    with open_org(session_calls=calls) as bench:
        bench.set_up()
        assert {one.fate for one in bench.write(bench.contacts, {"mood": "bad"})} == {Fate.WRITTEN}
        assert in_bulk(bench) == {(Fate.WRITTEN, "")}
        assert held(bench) == {"good"}
        assert {one.fate for one in Tasks(bench.client).create(bench.tasks_for(bench.contacts))} == {Fate.WRITTEN}
        assert len(bench.held_tasks()) == len(bench.contacts)


def test_a_session_that_ends_by_the_clock_in_a_bulk_extract_is_renewed() -> None:
    """Hours pass between two pages: the next answer is asked for with a new session, and every row comes once."""
    world = make_world(WorldOptions(contacts=30, companies=6, activities_per_contact=8))
    with run_sandbox(salesforce=world, options=SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.03)))) as sandbox:
        crm = connect(sandbox, bulk_from=5, rows_a_page=10, rows_an_answer=15)
        pages = []
        for page in crm.pages("contacts", None):
            pages.append(page)
            sandbox.clock.advance(3 * 3_600)
        ids = pd.concat([page.rows for page in pages])["contact_id"]
        wanted = {row.id for name in ("Contact", "Lead") for row in sandbox.org.rows(name, is_all=True) if not row.is_deleted}
        assert wanted <= set(ids)
        assert ids.is_unique
        assert crm.calls()["login"] >= 3


@pytest.mark.parametrize("way", ["query", "collection", "job", "tasks", "set-up"])
def test_sessions_that_are_never_accepted_end_in_one_sentence(ready_org: Any, way: str) -> None:
    """Revoked for good: a person must act, the message says what, nothing was written, and nobody signs in again and again."""
    ready_org.faults.add("sessions_revoked", path="/services/(data|Soap/m)")
    before = ready_org.client.calls["login"]
    ways = {
        "query": lambda: list(ready_org.client.query("SELECT Id FROM Contact", purpose="read", what="read")),
        "collection": lambda: ready_org.write(ready_org.contacts, {"mood": "good"}),
        "job": lambda: in_bulk(ready_org),
        "tasks": lambda: list(Tasks(ready_org.client).create(ready_org.tasks_for(ready_org.contacts))),
        "set-up": lambda: apply_changes(ready_org.client, pending_setup(ready_org.client, ready_org.fields)),
    }
    with pytest.raises(NotAuthorised) as raised:
        ways[way]()
    text = str(raised.value)
    assert raised.value.exit_code == 10
    assert text.count("\n") == 0
    assert "INVALID_SESSION_ID" in text
    assert "check the app's session policies" in text
    assert ready_org.client.calls["login"] - before <= 2
    assert held(ready_org) == {None}


def test_an_app_that_was_taken_away_in_mid_run_is_told(ready_org: Any) -> None:
    """The sessions end, and signing in anew is refused: the message names what to check."""
    ready_org.faults.add("login_refused")
    ready_org.faults.add("sessions_revoked", path="/services/data")
    with pytest.raises(NotAuthorised, match=r"sign in to Salesforce.*check SALESFORCE_DOMAIN"):
        ready_org.write(ready_org.contacts, {"mood": "good"})


# Locks


def test_a_task_whose_account_stays_locked_is_told_and_its_neighbours_are_made(ready_org: Any) -> None:
    """There is an end to trying; the next run tries again."""
    ready_org.org.locked_ids.add(ready_org.contacts[3])
    try:
        reports = {one.key: one for one in ready_org.tasks().create(ready_org.tasks_for(ready_org.contacts[:8]))}
    finally:
        ready_org.org.locked_ids.clear()
    wrong = {key: report.code for key, report in reports.items() if report.fate is Fate.FAILED}
    assert wrong == {f"key-{ready_org.contacts[3]}": LOCKED}
    assert {one.fate for one in ready_org.tasks().create(ready_org.tasks_for(ready_org.contacts[:8]))} == {Fate.UNCHANGED, Fate.WRITTEN}


# Limits


def test_too_many_long_calls_at_once_are_waited_for(ready_org: Any) -> None:
    """That limit passes within seconds, though its code is the one of the day's limit: reading, writing and jobs go on."""
    ready_org.faults.add("concurrent_limit", path="composite|jobs", times=3)
    assert {one.fate for one in ready_org.write(ready_org.contacts, {"mood": "bad"})} == {Fate.WRITTEN}
    ready_org.faults.add("concurrent_limit", path="composite|jobs", times=3)
    assert in_bulk(ready_org) == {(Fate.WRITTEN, "")}


@pytest.mark.parametrize("call", [1, 2, 3, 4])
def test_calls_that_run_out_in_the_middle_of_a_job_leave_nothing_half_done(ready_org: Any, call: int) -> None:
    """While it is made, filled, closed, looked at: the run stops at once, and the next one writes what is missing."""
    ready_org.faults.add("daily_limit", path="/services/data", nth=list(range(call, 100)))
    with pytest.raises(QuotaSpent) as raised:
        in_bulk(ready_org)
    assert raised.value.exit_code == 20
    assert held(ready_org) == {None} if call < 4 else {"good", None} >= held(ready_org)
    ready_org.faults.clear()
    assert in_bulk(ready_org) == {(Fate.WRITTEN, "")}
    assert held(ready_org) == {"good"}


def test_the_share_of_others_is_left_alone(open_org: Any) -> None:
    """Of what remained when we came, three tenths stay: we stop before the org does, and say so."""

    def read_on(client: Any) -> None:
        for _ in range(60):
            list(client.query("SELECT Id FROM Contact", purpose="read", what="read"))

    with open_org(daily=1_000, daily_used=950, usage_jitter=0) as bench, pytest.raises(QuotaSpent, match="left to other programs"):
        read_on(bench.client)
    assert 14 <= bench.org.limits.remaining <= 16


# Reading


def test_a_bulk_query_that_fails_once_is_asked_anew() -> None:
    """A job that ends as Failed is no empty object: another one is made, and every row comes."""
    world = make_world(WorldOptions(contacts=30, companies=6, activities_per_contact=8))
    with run_sandbox(salesforce=world, options=SandboxOptions(org=OrgOptions(bulk_job_s=(0.0, 0.03)))) as sandbox:
        jobs = Jobs.of(sandbox.org)
        make = jobs.create_query
        failed = []

        def make_one_that_fails(*given: Any, **more: Any) -> Any:
            job = make(*given, **more)
            if not failed:
                failed.append(job.id)
                jobs._end(job, "Failed", "InternalServerError : Retried more than fifteen times")
            return job

        jobs.create_query = make_one_that_fails  # type: ignore[method-assign]  # Salesforce gives a job up
        pages = list(connect(sandbox, bulk_from=5).pages("contacts", None))
        wanted = {row.id for name in ("Contact", "Lead") for row in sandbox.org.rows(name, is_all=True) if not row.is_deleted}
        assert wanted <= set(pd.concat([page.rows for page in pages])["contact_id"])
        assert len(failed) == 1


def test_a_cursor_that_others_have_ended_loses_and_doubles_nothing(ready_org: Any) -> None:
    """A user has ten cursors at once: where others open theirs, ours ends, the query is asked anew, and each record comes once."""
    ready_org.more_contacts(3_000)
    others = ready_org.new_client()
    soql = "SELECT Id, LastName FROM Contact ORDER BY Id"
    found: list[str] = []
    for number, records in enumerate(ready_org.client.query(soql, purpose="read", what="read people")):
        found += [one["Id"] for one in records]
        if not number:
            for _ in range(10):
                others.find([soql], purpose="read", what="read people")
    assert len(found) > 3_000
    assert sorted(found) == sorted(row.id for row in ready_org.org.rows("Contact"))


@pytest.mark.parametrize("fault", [*UNREADABLE, "query_timeout", "concurrent_limit"])
def test_a_query_that_fails_once_is_sent_again(ready_org: Any, fault: str) -> None:
    """Whatever comes in place of an answer, the rows are whole in the end."""
    rule = ready_org.faults.add(fault, path="composite|query", nth=[1])
    found = [one["Id"] for page in ready_org.client.query("SELECT Id FROM Contact", purpose="read", what="read") for one in page]
    assert sorted(found) == sorted(row.id for row in ready_org.org.rows("Contact"))
    assert rule.struck == 1


# Answers in place of answers, while we write


@pytest.mark.parametrize("fault", UNREADABLE)
@pytest.mark.parametrize("applied", [True, False])
def test_whatever_comes_in_place_of_an_answer_fields_and_tasks_stand_once(ready_org: Any, fault: str, *, applied: bool) -> None:
    """Applied or not: fields are written, each task exists once, and all of it is reported."""
    tasks = ready_org.tasks_for(ready_org.contacts)
    rule = ready_org.faults.add(fault, path="composite", nth=[1, 3], applied=applied)
    assert {one.fate for one in ready_org.write(ready_org.contacts, {"mood": "good"})} == {Fate.WRITTEN}
    reports = list(ready_org.tasks().create(tasks))
    assert {one.fate for one in reports} <= {Fate.WRITTEN, Fate.UNCHANGED}
    assert sorted(one.key for one in reports) == sorted(tasks["task_key"])
    assert held(ready_org) == {"good"}
    keys = [task[TASK_KEY] for task in ready_org.held_tasks() if task["WhoId"] in ready_org.contacts]
    assert sorted(keys) == sorted(tasks["task_key"])
    assert rule.struck >= 1


def test_errors_inside_a_good_answer_are_errors(ready_org: Any) -> None:
    """200, and rows that failed inside: these are told by their code, the others are written."""
    ready_org.faults.add("fail_rows", path="composite", nth=[1], rows=3, code="FIELD_CUSTOM_VALIDATION_EXCEPTION")
    reports = ready_org.write(ready_org.contacts, {"mood": "good"})
    assert sorted(one.code for one in reports if one.fate is Fate.FAILED) == ["FIELD_CUSTOM_VALIDATION_EXCEPTION"] * 3
    assert {one.key for one in reports if one.fate is Fate.WRITTEN} == {
        one for one in ready_org.contacts if ready_org.held(one, MOOD) == "good"
    }
