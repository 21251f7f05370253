"""Plays and tasks: who gets one, what it says, and that none is doubled, nagging, or brought back after a person closed it."""

from collections.abc import Sequence

import pandas as pd
import pytest

from transforms.compute import Computed, Org, Tables, combine, compute_contacts, tally
from transforms.explain import explain, find_person
from transforms.highlights import DEAF, HELP, MOVED, SILENT, highlights, pick
from transforms.plays import PLAYS, Cases, TaskPlan, find_cases, plan_tasks, task_key
from transforms.policy import Policy
from transforms.vocabulary.changes import TASKS
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.tables import COMPANIES, CONTACTS, OWNERS, STORED_ACTIVITIES, check_table, empty_table, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()
NO_TASKS = empty_table(TASKS)

Rows = list[dict[str, object]]


def mails(contact: str, first: str, every: int, times: int, **more: object) -> Rows:
    """So many inbound mails of a contact, one every so many days from the first day on."""
    start = pd.Timestamp(first, tz="UTC") + pd.Timedelta(hours=9)
    return [happening(contact, start + pd.Timedelta(days=every * n), "inbound", kind="human", **more) for n in range(times)]


def happening(contact: str, at: object, direction: str = "outbound", channel: str = "email", **more: object) -> dict[str, object]:
    """One activity."""
    return {"contact_id": contact, "occurred_at": pd.Timestamp(at), "channel": channel, "direction": direction, "crm": "hubspot", **more}


def made(rows: Rows, as_of: pd.Timestamp = NOW, **contacts: dict[str, object]) -> tuple[Computed, Cases, Org]:
    """Compute one bucket from activities and what is known of contacts; all are of Northwind, owned by Dana (o1)."""
    names = sorted({str(row["contact_id"]) for row in rows} | set(contacts))
    people = [
        {
            "crm": "hubspot",
            "contact_id": name,
            "first_name": name.capitalize(),
            "last_name": "Nair",
            "email": f"{name}@northwind.example",
            "company_id": "n",
            "owner_id": "o1",
            "created_at": "2025-01-01",
            **contacts.get(name, {}),
        }
        for name in names
    ]
    stamped = [{"activity_id": str(number), **row, "occurred_at": row["occurred_at"].isoformat()} for number, row in enumerate(rows)]
    tables = Tables(
        to_table(CONTACTS, people),
        to_table(STORED_ACTIVITIES, stamped),
        COMPANY,
        to_table(OWNERS, [{"crm": "hubspot", "owner_id": "o1", "name": "Dana"}]),
    )
    org = combine([tally(tables, as_of, POLICY)])
    computed = compute_contacts(tables, org, as_of, POLICY)
    return computed, find_cases(computed, tables.companies), org


def planned(cases: Sequence[Cases], org: Org, tasks: pd.DataFrame = NO_TASKS, as_of: pd.Timestamp = NOW) -> TaskPlan:
    """The plan, with canonical frames."""
    plan = plan_tasks(cases, tasks, org, POLICY, as_of)
    check_table(TASKS, plan.create)
    check_table(TASKS, plan.update)
    return plan


COMPANY = to_table(
    COMPANIES, [{"crm": "hubspot", "company_id": "n", "name": "Northwind Foods", "renewal_on": "2027-01-02", "is_customer": "true"}]
)

LIVELY = [row for n in range(12) for row in mails(f"other{n}", "2025-12-01", 7, 51)]
"""Colleagues who write every week, so that the mailbox is not deaf and a long silence is odd."""

SILENT_PRIYA = [
    *LIVELY,
    *mails("priya", "2025-12-01", 9, 25),
    *[happening("priya", f"2026-{month}-01T10:00Z", outcome="sent") for month in ("08", "09", "10")],
]
GONE_TOM = [
    *LIVELY,
    *mails("tom", "2026-01-05", 9, 20),
    happening(
        "tom",
        "2026-11-03T09:00Z",
        "inbound",
        kind="auto_reply",
        reason="left",
        evidence="nicht mehr im Unternehmen",
        successor="Julia Kern",
    ),
]
TICKET_ANA = [
    *LIVELY,
    *mails("ana", "2025-12-01", 9, 20),
    happening("ana", "2026-11-01T09:00Z", "inbound", "ticket", outcome="opened_ticket", thread_id="t1"),
]


def only(plan: TaskPlan) -> pd.Series:
    """The only task that a plan would create."""
    assert len(plan.create) == 1
    return plan.create.iloc[0]


def test_silence_gets_another_way_and_a_reason() -> None:
    """The text says who, what is unusual, what was tried, and what to do; it names dates and no numbers that tick."""
    _, cases, org = made(SILENT_PRIYA)
    task = only(planned([cases], org))
    assert (task["play"], task["contact_id"], task["owner_id"], task["state"]) == ("switch_channel", "priya", "o1", "open")
    assert task["subject"].endswith("Priya Nair (Northwind Foods): silent since 5 July 2026")
    for said in ("We usually hear from them every", "nothing since 5 July 2026", "What to do:", "Priya", "renews on 2 January 2027"):
        assert said in task["body"]
    assert task["due_at"] == pd.Timestamp("2026-11-23T16:00Z")


def test_a_departure_asks_for_who_follows() -> None:
    """The successor who was named is in the title; the evidence is in the text."""
    _, cases, org = made(GONE_TOM)
    task = only(planned([cases], org))
    assert (task["play"], task["subject"]) == ("find_successor", "Meet Julia Kern, who follows Tom Nair (Northwind Foods)")
    assert "Auto-reply of 3 November 2026: “nicht mehr im Unternehmen”" in task["body"]


def test_another_desk_asks_for_who_follows_and_calls_nobody_gone() -> None:
    """Somebody with another role in the firm has not left; the task says so, and whom their mailbox named."""
    notice = happening(
        "tom", "2026-11-03T09:00Z", "inbound", outcome="auto_reply", kind="auto_reply", reason="role_change", successor="Julia Kern"
    )
    _, cases, org = made([*LIVELY, *mails("tom", "2025-12-01", 30, 11), notice])
    task = only(planned([cases], org))
    assert (task["play"], task["subject"]) == ("find_successor", "Meet Julia Kern, who follows Tom Nair (Northwind Foods)")
    assert task["body"].startswith("Tom Nair has another role in the firm.")


def test_an_open_ticket_is_helped_first_and_never_nagged() -> None:
    """Whoever waits for help gets help, not a task about silence."""
    _, cases, org = made(TICKET_ANA)
    task = only(planned([cases], org))
    assert (task["play"], task["way"]) == ("help_first", "todo")
    assert "Leave out everything else" in task["body"]


def test_doubt_before_a_renewal_asks_for_a_check() -> None:
    """A disabled mailbox alone is not enough to call them gone, but enough to look."""
    doubts = [happening("kim", "2026-11-18T09:00Z", outcome="bounced", kind="bounce", reason="mailbox_disabled", evidence="5.2.1")]
    _, cases, org = made([*LIVELY, *mails("kim", "2025-12-01", 30, 12), *doubts])
    task = only(planned([cases], org))
    assert (task["play"], task["priority"]) == ("verify_still_there", "low")
    assert "mailbox is disabled" in task["body"]


def test_a_second_plan_creates_and_changes_nothing() -> None:
    """One open task a person and reason; also when the CRM gives the text back with its own markup, and on the next day."""
    _, cases, org = made(SILENT_PRIYA)
    first = planned([cases], org)
    returned = first.create.assign(body="<div>" + first.create["body"].str.replace("\n", "<br/>") + "</div>", task_id="7")
    again = planned([cases], org, returned)
    assert (len(again.create), len(again.update)) == (0, 0)
    later = NOW + pd.Timedelta(days=1)
    _, cases, org = made(SILENT_PRIYA, as_of=later)
    again = planned([cases], org, returned, later)
    assert (len(again.create), len(again.update)) == (0, 0)


@pytest.mark.parametrize("state", ["done", "deleted"])
def test_what_a_person_closed_never_comes_back(state: str) -> None:
    """Neither as a new task nor as an update."""
    _, cases, org = made(SILENT_PRIYA)
    closed = planned([cases], org).create.assign(state=state, changed_by_people=True, task_id="7")
    again = planned([cases], org, closed)
    assert (len(again.create), len(again.update)) == (0, 0)


def test_a_task_is_closed_with_a_reason_when_its_reason_is_gone() -> None:
    """She wrote: our task is closed and says so. A task that somebody touched is theirs, and left alone."""
    _, cases, org = made(SILENT_PRIYA)
    task = planned([cases], org).create.assign(task_id="7")
    _, cases, org = made([*SILENT_PRIYA, happening("priya", "2026-11-21T09:00Z", "inbound", kind="human")])
    (closed,) = planned([cases], org, task).update.itertuples()
    assert (closed.state, closed.reason) == ("closed_by_us", "The silence is over: last heard from on 21 November 2026 by e-mail.")
    assert len(planned([cases], org, task.assign(changed_by_people=True)).update) == 0


def test_what_we_closed_is_opened_again_under_its_own_key() -> None:
    """The reason is back before anything else happened: the same task, no second one."""
    _, cases, org = made(SILENT_PRIYA)
    closed = planned([cases], org).create.assign(task_id="7", state="closed_by_us")
    again = planned([cases], org, closed)
    assert len(again.create) == 0
    assert again.update["state"].tolist() == ["open"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (happening("priya", "2026-11-21T10:00Z", outcome="sent"), "somebody reached out to them since yesterday"),
        (
            happening(
                "priya", "2026-11-20T10:00Z", "inbound", kind="auto_reply", reason="absent", absent_until="2026-12-01", outcome="auto_reply"
            ),
            "",
        ),
    ],
)
def test_nobody_is_nagged(row: dict[str, object], why: str) -> None:
    """Touched since yesterday: held back. Away: not even a case, as the silence is explained."""
    _, cases, org = made([*SILENT_PRIYA, row])
    plan = planned([cases], org)
    assert len(plan.create) == 0
    assert plan.held_back["why"].tolist() == ([why] if why else [])


def test_an_owner_gets_few_tasks_a_week() -> None:
    """Ten people went silent; the owner gets as many as the policy says, those with the lower chance first, and next week the others."""
    rows = [*LIVELY, *[row for n in range(10) for row in mails(f"quiet{n}", "2025-12-01", 9, 20 + n)]]
    _, cases, org = made(rows)
    plan = planned([cases], org)
    assert (len(plan.create), len(plan.held_back)) == (POLICY.tasks_per_owner_week, 10 - POLICY.tasks_per_owner_week)
    assert set(plan.held_back["why"]) == {"their owner has enough tasks this week"}
    again = planned([cases], org, plan.create)
    assert len(again.create) == 0
    earlier = plan.create.assign(due_at=plan.create["due_at"] - pd.Timedelta(days=14))
    assert len(planned([cases], org, earlier).create) == 10 - POLICY.tasks_per_owner_week


def test_a_person_with_two_records_has_one_task() -> None:
    """Two records with one address are one person; a task on either record is their task."""
    same = {"email": "priya@northwind.example"}
    _, cases, org = made([*SILENT_PRIYA, happening("twin", "2026-01-05T09:00Z", "inbound", kind="human")], twin=same)
    moved = planned([cases], org).create.assign(contact_id="twin", task_key=task_key("switch_channel", "somebody", "2026-01-01"))
    again = planned([cases], org, moved.assign(task_id="7"))
    assert (len(moved), len(again.create)) == (1, 0)


DEAF_SOURCE = [row for n in range(12) for row in mails(f"other{n}", "2025-10-01", 3, 125)]


def test_deaf_is_not_silent() -> None:
    """A mailbox that stopped for everybody raises one alert and no task, and closes none."""
    _, cases, org = made(DEAF_SOURCE)
    plan = planned([cases], org)
    assert len(plan.create) == 0
    (alert,) = plan.alerts
    assert "12 contacts cannot be judged" in alert.text
    open_task = to_table(
        TASKS,
        [
            {
                "task_key": "k",
                "crm": "hubspot",
                "contact_id": "other1",
                "play": "switch_channel",
                "reason": "r",
                "subject": "s",
                "body": "b",
                "due_at": "2026-10-01",
                "state": "open",
                "task_id": "7",
            }
        ],
    )
    assert len(planned([cases], org, open_task).update) == 0


def test_nobody_at_all_gives_an_empty_plan() -> None:
    """No buckets, no cases, no tasks, no alerts."""
    plan = planned([], Org.without_history(NOW, POLICY))
    assert (len(plan.create), len(plan.update), len(plan.held_back), plan.alerts) == (0, 0, 0, ())


def test_every_play_says_what_it_is() -> None:
    """A label, a help text, a closing sentence; names are unique."""
    assert len({rule.name for rule in PLAYS}) == len(PLAYS)
    for rule in PLAYS:
        assert rule.help.endswith(".")
        assert rule.closing.format(heard="x", state="y").endswith(".")


def test_highlights_show_each_kind_of_news_with_its_task() -> None:
    """Silent, moved, in need of help: each in its section, with the sentence and the task; people first who have one."""
    rows = [*SILENT_PRIYA, *GONE_TOM[len(LIVELY) :], *TICKET_ANA[len(LIVELY) :]]
    computed, cases, org = made(rows)
    owners = to_table(OWNERS, [{"crm": "hubspot", "owner_id": "o1", "name": "Dana"}])
    companies = to_table(COMPANIES, [{"crm": "hubspot", "company_id": "n", "name": "Northwind Foods", "renewal_on": "2027-01-02"}])
    sections = {s.title: s for s in highlights([pick(computed, companies)], planned([cases], org), NO_TASKS, owners, org)}
    assert {SILENT, MOVED, HELP} <= set(sections)
    silent = sections[SILENT].items[0]
    assert (silent.who, silent.owner) == ("Priya Nair, Northwind Foods · renewal in 41 days", "Dana")
    assert "nothing since 5 July 2026" in silent.text
    assert sections[MOVED].items[0].headline == "under 5 %"
    assert sections[HELP].items[0].text == "One open ticket, 20 days old. Loud, not leaving: no silence task."


def test_highlights_of_two_buckets_stand_in_one_order() -> None:
    """The nearest renewal and the older acquaintance go first, whatever bucket a person is in, and however the buckets come."""
    computed, cases, org = made([*SILENT_PRIYA, *mails("eva", "2026-01-05", 9, 15)])
    picks = [pick(computed, COMPANY)]
    alone = [rows[rows["contact_id"].isin([name, None])] for name in ("eva", "priya") for rows in picks]
    for parts in (alone, alone[::-1]):
        sections = {s.title: s for s in highlights(parts, planned([cases], org), NO_TASKS, empty_table(OWNERS), org)}
        assert [item.contact_id for item in sections[SILENT].items] == ["priya", "eva"]


def test_highlights_tell_deaf_sources_by_owner() -> None:
    """How many people of whom cannot be judged, and since when."""
    computed, cases, org = made(DEAF_SOURCE)
    owners = to_table(OWNERS, [{"crm": "hubspot", "owner_id": "o1", "name": "Lee"}])
    sections = {s.title: s for s in highlights([pick(computed, empty_table(COMPANIES))], planned([cases], org), NO_TASKS, owners, org)}
    assert sections[DEAF].items[0].who == "12 contacts of Lee"
    assert "No tasks; one alert to the admin." in sections[DEAF].items[0].text


def test_explain_shows_what_is_behind_each_value() -> None:
    """Each field with its value in words, the activities of its views, newest first, and what would change it."""
    computed, _, _ = made(GONE_TOM)
    told = explain(computed, "TOM@northwind.example", written={"job_state": NOW.to_pydatetime()})
    assert (told.who, told.contacts) == ("Tom Nair", (("hubspot", "tom"),))
    values = {value.name: value for value in told.values}
    job = values["job_state"]
    assert (job.value, job.written_at) == ("Left", NOW.to_pydatetime())
    assert job.happenings[0].what == "automatic reply: left (“nicht mehr im Unternehmen”)"
    assert job.happenings[0].at > job.happenings[1].at
    assert job.count == 21
    assert values["last_heard_at"].count == 20
    assert values["successor"].value == "Julia Kern"
    assert all(value.would_change for value in told.values)


def test_explain_finds_a_contact_by_any_of_its_names() -> None:
    """By id, by crm and id, by person; whoever is not there is named in one sentence."""
    computed, _, _ = made(GONE_TOM)
    person = find_person(computed, "tom")
    assert {person} == {find_person(computed, asked) for asked in ("hubspot:tom", "tom@northwind.example", str(person))}
    with pytest.raises(BadInput, match="did not find it"):
        explain(computed, "nobody")


def test_a_task_goes_to_whoever_knows_them() -> None:
    """Without an owner on the record: who of us dealt with them last; a colleague who left the CRM gets none."""
    nobody = {"owner_id": None, "company_id": None}
    _, cases, org = made([{**row, "actor_id": "o2"} if row["contact_id"] == "priya" else row for row in SILENT_PRIYA], priya=nobody)
    assert only(planned([cases], org))["owner_id"] == "o2"
    owners = to_table(OWNERS, [{"crm": "hubspot", "owner_id": "o2", "name": "Lee", "is_active": "false"}])
    task = only(plan_tasks([cases], NO_TASKS, org, POLICY, NOW, owners))
    assert pd.isna(task["owner_id"])
    assert "Whoever takes this: please put your name on the contact." in task["body"]


def test_a_task_without_an_owner_on_record_says_why_it_is_yours() -> None:
    """The reader learns why it came to them; a task for the owner on record does not talk of it."""
    said = "This comes to you because you dealt with them last."
    _, cases, org = made([*SILENT_PRIYA, happening("priya", "2026-10-02T10:00Z", actor_id="o2", outcome="sent")])
    assert said not in only(planned([cases], org))["body"]
    nobody = {"owner_id": None, "company_id": None}
    _, cases, org = made([*SILENT_PRIYA, happening("priya", "2026-10-02T10:00Z", actor_id="o2", outcome="sent")], priya=nobody)
    assert said in only(planned([cases], org))["body"]


def test_a_successor_who_talks_to_us_is_no_stranger() -> None:
    """The task names them, says when we heard from them, and does not ask for an introduction to them."""
    gone = [{**row, "successor": "julia@northwind.example"} if row.get("reason") == "left" else row for row in GONE_TOM]
    _, cases, org = made([*gone, *mails("julia", "2026-11-20", 1, 1)])
    task = only(planned([cases], org))
    assert task["subject"] == "Meet Julia Nair, who follows Tom Nair (Northwind Foods)"
    assert "whom we heard from on 20 November 2026" in task["body"]
    assert "introduce yourself" not in task["body"]
