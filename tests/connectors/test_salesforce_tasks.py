"""Tasks in an org: none exists twice, whatever becomes of an answer; what people did to them is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from connectors.salesforce.names import TASK_KEY
from connectors.salesforce.tasks import Words, to_values, to_words
from sandbox.salesforce.standard_people import add_user
from transforms.vocabulary.changes import TASKS, Fate
from transforms.vocabulary.errors import OutcomeUnknown, SetupNeeded
from transforms.vocabulary.tables import check_table

WORDS = Words("Not Started", "Completed", frozenset({"High", "Normal", "Low"}), frozenset({"Task", "Call", "Email"}), is_unique=True)
CREATE = r"composite/sobjects(/Task/|$)"


@pytest.fixture(scope="module")
def plain_org(open_org: Any) -> Iterator[Any]:
    """An org after set-up whose key of tasks is no external id."""
    with open_org() as bench:
        bench.set_up()
        for name in ("Task", "Event"):
            key = bench.org.kind(name).field(TASK_KEY)
            key.external_id = key.unique = key.id_lookup = key.case_sensitive = False
        yield bench


@pytest.fixture(params=["external id", "plain key"])
def tasked(request: pytest.FixtureRequest, shared_org: Any, plain_org: Any) -> Iterator[Any]:
    """An org that allows, or does not allow, an external id on tasks; with contacts that no other test has touched."""
    bench = shared_org if request.param == "external id" else plain_org
    bench.contacts = bench.more_contacts(8)
    yield bench
    bench.faults.clear()


def held_keys(bench: Any, tasks: Any) -> Counter[str]:
    """How many tasks there are of each of these keys."""
    wanted = set(tasks["task_key"])
    return Counter(one[TASK_KEY] for one in bench.held_tasks() if one[TASK_KEY] in wanted and not one["IsDeleted"])


def row(**changes: Any) -> dict[str, Any]:
    return {
        "task_key": "k",
        "contact_id": "003000000000001AAA",
        "company_id": "001000000000001AAA",
        "owner_id": "005000000000001AAA",
        "subject": "Call them",
        "body": "Please",
        "way": "call",
        "priority": "high",
        "due_at": "2026-11-24T09:00:00Z",
        "state": "open",
        **changes,
    }


# What goes out


def test_a_task_in_salesforces_words() -> None:
    """Subject, text, day, state, priority, owner, contact, account and subtype, in the org's own words."""
    assert to_values(row(), WORDS, is_new=True) == {
        "Subject": "Call them",
        "Description": "Please",
        "Status": "Not Started",
        "ActivityDate": "2026-11-24",
        "Priority": "High",
        "OwnerId": "005000000000001AAA",
        "WhoId": "003000000000001AAA",
        "WhatId": "001000000000001AAA",
        "TaskSubtype": "Call",
    }


def test_what_can_only_be_said_of_a_new_task_is_left_out_of_a_change() -> None:
    """Subtype, contact and account are not touched again."""
    assert set(to_values(row(), WORDS, is_new=False)) == {"Subject", "Description", "Status", "ActivityDate", "Priority", "OwnerId"}


def test_a_task_of_a_lead_belongs_to_no_account() -> None:
    """Salesforce refuses an account together with a lead."""
    assert "WhatId" not in to_values(row(contact_id="00Q000000000001AAA"), WORDS, is_new=True)


def test_a_word_that_the_org_does_not_have_is_left_to_its_default() -> None:
    """A priority or subtype outside the org's lists would be refused."""
    words = Words("Offen", "Erledigt", frozenset({"Hoch"}), frozenset({"Task"}), is_unique=True)
    values = to_values(row(way="linkedin", state="closed_by_us"), words, is_new=True)
    assert values["Status"] == "Erledigt"
    assert not {"Priority", "TaskSubtype"} & values.keys()


def test_the_orgs_own_states_are_used() -> None:
    """The default open state, and Completed where it is a closed one, else the first closed state."""
    fields = {TASK_KEY: {"externalId": True, "unique": True}}
    states = [
        {"ApiName": "Neu", "IsClosed": False, "IsDefault": False},
        {"ApiName": "Geplant", "IsClosed": False, "IsDefault": True},
        {"ApiName": "Fertig", "IsClosed": True, "IsDefault": False},
    ]
    words = to_words(fields, states)
    assert (words.open_status, words.closed_status) == ("Geplant", "Fertig")
    english = to_words(fields, [*states, {"ApiName": "Completed", "IsClosed": True, "IsDefault": False}])
    assert english.closed_status == "Completed"


def test_an_org_without_a_closed_state_is_told_so() -> None:
    """Without it no task could ever be done."""
    with pytest.raises(SetupNeeded, match="in which it is closed"):
        to_words({TASK_KEY: {}}, [{"ApiName": "New", "IsClosed": False, "IsDefault": True}])


# In the org


def test_a_task_is_created_once_and_hangs_on_its_contact_and_account(tasked: Any) -> None:
    """Created twice, by two processes: one task, reported unchanged with its id the second time."""
    tasks = tasked.tasks_for(tasked.contacts, company_id=tasked.account)
    first = {one.key: one for one in tasked.tasks().create(tasks)}
    second = {one.key: one for one in tasked.tasks().create(tasks)}
    assert {one.fate for one in first.values()} == {Fate.WRITTEN}
    assert {one.fate for one in second.values()} == {Fate.UNCHANGED}
    assert {key: one.crm_id for key, one in first.items()} == {key: one.crm_id for key, one in second.items()}
    made = [one for one in tasked.held_tasks() if one[TASK_KEY] in first]
    assert {one[TASK_KEY]: one["WhoId"] for one in made} == {f"key-{one}": one for one in tasked.contacts}
    assert {(one["WhatId"], one["TaskSubtype"], one["Priority"], one["ActivityDate"]) for one in made} == {
        (tasked.account, "Call", "High", "2026-11-24")
    }


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "empty", "truncated", "cut", "bad_gateway", "session_expired"])
def test_a_lost_answer_doubles_no_task(tasked: Any, fault: str) -> None:
    """Whatever becomes of the answer, each task exists exactly once in the end and every task is reported."""
    # A session is renewed once for each call: a second refusal is no chance.
    rule = tasked.faults.add(fault, path=CREATE, nth=[1] if fault == "session_expired" else [1, 2])
    tasks = tasked.tasks_for(tasked.contacts)
    with suppress(OutcomeUnknown):
        reports = list(tasked.tasks().create(tasks))
        assert Counter(one.key for one in reports) == Counter(tasks["task_key"])
        assert Fate.FAILED not in {one.fate for one in reports}
    assert rule.struck > 0
    list(tasked.tasks().create(tasks))
    assert held_keys(tasked, tasks) == Counter(tasks["task_key"])


def test_a_process_that_ends_after_lost_answers_doubles_no_task(tasked: Any) -> None:
    """When no answer ever comes the call raises or finds what is there; the next process makes none twice."""
    rule = tasked.faults.add("drop_after", path=CREATE)
    tasks = tasked.tasks_for(tasked.contacts)
    with suppress(OutcomeUnknown):
        list(tasked.tasks().create(tasks))
    assert rule.struck > 0
    tasked.faults.clear()
    assert {one.fate for one in tasked.tasks().create(tasks)} == {Fate.UNCHANGED}
    assert held_keys(tasked, tasks) == Counter(tasks["task_key"])


def test_a_refused_task_does_not_keep_the_others_from_being_made(tasked: Any) -> None:
    """A task for a contact that is gone is told with Salesforce's code."""
    gone, *others = tasked.contacts
    tasked.org.delete(tasked.org.admin_id, tasked.org.find(gone))
    reports = {one.key: one for one in tasked.tasks().create(tasked.tasks_for(tasked.contacts))}
    assert reports[f"key-{gone}"].fate is Fate.FAILED
    assert reports[f"key-{gone}"].code
    assert {reports[f"key-{one}"].fate for one in others} == {Fate.WRITTEN}


def test_rows_that_are_locked_are_sent_again(tasked: Any) -> None:
    """A locked account keeps a task waiting for a moment only."""
    rule = tasked.faults.add("lock_rows", path=CREATE, rows=2, nth=1)
    tasks = tasked.tasks_for(tasked.contacts)
    assert {one.fate for one in tasked.tasks().create(tasks)} == {Fate.WRITTEN}
    assert rule.struck == 1
    assert held_keys(tasked, tasks) == Counter(tasks["task_key"])


def test_a_task_of_an_owner_who_left_stands_with_us_and_says_so(ready_org: Any) -> None:
    """Salesforce gives nothing to an inactive user: the task is made without its owner, and the report tells."""
    left = add_user(ready_org.org, "Lee Left", "lee@example.com", is_active=False)
    report = next(iter(ready_org.tasks().create(ready_org.tasks_for(ready_org.contacts[:1], owner_id=left))))
    assert report.fate is Fate.WRITTEN
    assert "may have left" in report.message
    made = ready_org.org.find(report.crm_id)
    assert made.values["OwnerId"] == ready_org.org.integration_id


def test_tasks_can_be_read_and_brought_up_to_date(tasked: Any) -> None:
    """State, text and due date are set and read back, by id and by key; setting twice is harmless."""
    tasks = tasked.tasks()
    contacts = tasked.contacts[:3]
    ids = {one.key: one.crm_id for one in tasks.create(tasked.tasks_for(contacts))}
    changed = tasked.tasks_for(contacts, state="closed_by_us", subject="Done")
    changed["task_id"] = changed["task_key"].map(ids)
    for _ in range(2):
        assert {one.fate for one in tasks.update(changed)} == {Fate.WRITTEN}
    for asked in (changed, changed.assign(task_id=None)):
        held = tasked.tasks().current(asked)
        check_table(TASKS, held)
        held = held.set_index("task_key")
        assert held["state"].to_dict() == dict.fromkeys(ids, "done")
        assert held["contact_id"].to_dict() == {f"key-{one}": one for one in contacts}
        assert held["body"].iloc[0] == "Line one\n<line two> & more"
        assert held["subject"].tolist() == ["Done"] * 3
        assert held["way"].tolist() == ["call"] * 3
        assert held["changed_by_people"].tolist() == [False] * 3


def test_a_task_that_is_opened_again_is_open(tasked: Any) -> None:
    """What we closed can be opened when its reason is back."""
    tasks = tasked.tasks()
    ids = {one.key: one.crm_id for one in tasks.create(tasked.tasks_for(tasked.contacts[:1], state="done"))}
    again = tasked.tasks_for(tasked.contacts[:1])
    again["task_id"] = again["task_key"].map(ids)
    assert tasks.current(again)["state"].tolist() == ["done"]
    list(tasks.update(again))
    assert tasks.current(again)["state"].tolist() == ["open"]


def test_what_people_did_is_seen(tasked: Any) -> None:
    """A task that somebody else changed says so; one that somebody deleted is told as deleted and is not made again."""
    tasks = tasked.tasks()
    rows = tasked.tasks_for(tasked.contacts[:3])
    ids = {one.key: one.crm_id for one in tasks.create(rows)}
    changed, deleted, _ = (tasked.org.find(ids[key]) for key in rows["task_key"])
    tasked.org.update(tasked.org.admin_id, changed, {"Status": "In Progress"})
    tasked.org.delete(tasked.org.admin_id, deleted)
    held = tasks.current(rows.assign(task_id=None)).set_index("task_key").loc[rows["task_key"]]
    assert held["state"].tolist() == ["open", "deleted", "open"]
    assert held["changed_by_people"].tolist() == [True, True, False]
    assert {one.fate for one in tasked.tasks().create(rows)} == {Fate.UNCHANGED}


def test_archived_tasks_are_read(tasked: Any) -> None:
    """A closed task of last year is hidden from plain queries, and is ours all the same."""
    tasks = tasked.tasks()
    rows = tasked.tasks_for(tasked.contacts[:1], state="done", due_at="2024-01-10T09:00:00Z")
    report = next(iter(tasks.create(rows)))
    tasked.sandbox.clock.advance(86_400)
    assert report.crm_id not in {one.id for one in tasked.org.rows("Task")}
    assert tasks.current(rows)["task_id"].tolist() == [report.crm_id]
    assert {one.fate for one in tasked.tasks().create(rows)} == {Fate.UNCHANGED}


def test_our_tasks_can_be_deleted(tasked: Any) -> None:
    """Deleting twice is harmless: what is gone is as it was to be."""
    tasks = tasked.tasks()
    rows = tasked.tasks_for(tasked.contacts[:2])
    ids = {one.key: one.crm_id for one in tasks.create(rows)}
    gone = tasked.tasks_for(tasked.contacts[:2], state="deleted")
    gone["task_id"] = gone["task_key"].map(ids)
    for _ in range(2):
        assert {one.fate for one in tasks.update(gone)} == {Fate.WRITTEN}
    assert held_keys(tasked, rows) == Counter()


def test_a_task_that_does_not_exist_is_not_read(tasked: Any) -> None:
    """Asked for by key or id, a task that nobody made is simply not there; nothing is asked for no tasks."""
    rows = tasked.tasks_for(tasked.contacts[:2])
    assert tasked.tasks().current(rows).empty
    assert tasked.tasks().current(rows.assign(task_id="00T000000000001EAA")).empty
    assert tasked.tasks().current(rows.iloc[:0]).empty
    assert list(tasked.tasks().create(rows.iloc[:0])) == []


def test_before_set_up_the_message_says_what_to_do(org_bench: Any) -> None:
    """Without the key no task is created: the message names set-up and the permission set."""
    with pytest.raises(SetupNeeded, match=r"stillthere setup.*StillThere_Integration"):
        list(org_bench.tasks().create(org_bench.tasks_for(org_bench.contacts[:1])))
