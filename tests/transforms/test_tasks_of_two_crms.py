"""A task is raised once, in the CRM of the record's owner, whatever CRM holds the person; and the admin learns of mail that passes unseen."""

import pandas as pd
import pytest

from transforms.compute import Computed, Org, Tables, combine, compute_contacts, tally
from transforms.explain import explain
from transforms.highlights import DEAF, ELSEWHERE, highlights, pick
from transforms.plays import Cases, TaskHomes, TaskPlan, find_cases, plan_tasks
from transforms.policy import Policy
from transforms.vocabulary.changes import TASKS
from transforms.vocabulary.tables import COMPANIES, CONTACTS, OWNERS, STORED_ACTIVITIES, empty_table, to_table

NOW = pd.Timestamp("2026-11-22", tz="UTC")
POLICY = Policy()
NO_TASKS = empty_table(TASKS)

Rows = list[dict[str, object]]


def happening(crm: str, contact: str, at: object, direction: str = "inbound", **more: object) -> dict[str, object]:
    """One mail."""
    row = {"crm": crm, "contact_id": contact, "occurred_at": pd.Timestamp(at), "channel": "email", "direction": direction}
    return {**row, "kind": "human" if direction == "inbound" else None, **more}


def mails(crm: str, contact: str, first: str, every: int, times: int) -> Rows:
    """So many inbound mails, one every so many days."""
    return [happening(crm, contact, pd.Timestamp(first, tz="UTC") + pd.Timedelta(days=every * n, hours=9)) for n in range(times)]


LIVELY = [row for n in range(12) for row in mails("hubspot", f"other{n}", "2025-12-01", 7, 51)]
SILENT = [*LIVELY, *mails("hubspot", "h", "2025-12-01", 9, 25)]
OWNERS_OF_BOTH: Rows = [
    {"crm": "hubspot", "owner_id": "1", "name": "Dana", "email": "dana@us.example"},
    {"crm": "salesforce", "owner_id": "005", "name": "Dana", "email": "DANA@us.example"},
]
FIRMS = to_table(
    COMPANIES,
    [
        {"crm": "hubspot", "company_id": "n", "name": "Northwind", "domain": "north.example"},
        {"crm": "salesforce", "company_id": "001", "domain": "north.example", "renewal_on": "2027-01-02", "annual_value": 9},
    ],
)


def made(
    rows: Rows, *, h: object = "1", s: object = "005", owners: Rows = OWNERS_OF_BOTH, homes: TaskHomes | None = None, **sides: object
) -> tuple[Computed, Cases, Org, pd.DataFrame]:
    """Priya in both CRMs, with these owners, and lively colleagues in HubSpot. ``sides``: more of Priya's record in Salesforce."""
    same = {"first_name": "Priya", "last_name": "Nair", "email": "priya@north.example", "created_at": "2025-01-01"}
    people = [
        {"crm": "hubspot", "contact_id": "h", "owner_id": h, "company_id": "n", **same},
        {"crm": "salesforce", "contact_id": "s", "owner_id": s, "company_id": "001", **same, **sides},
        *(
            {"crm": "hubspot", "contact_id": name, "owner_id": "1"}
            for name in sorted({str(row["contact_id"]) for row in rows} - {"h", "s"})
        ),
    ]
    stamped = [
        {"activity_id": str(number), **row, "occurred_at": pd.Timestamp(row["occurred_at"]).isoformat()} for number, row in enumerate(rows)
    ]
    tables = Tables(to_table(CONTACTS, people), to_table(STORED_ACTIVITIES, stamped), FIRMS, to_table(OWNERS, owners))
    org = combine([tally(tables, NOW, POLICY)])
    computed = compute_contacts(tables, org, NOW, POLICY)
    return computed, find_cases(computed, FIRMS, homes), org, tables.owners


def plan(rows: Rows, tasks: pd.DataFrame = NO_TASKS, **more: object) -> TaskPlan:
    """What a run would do to tasks."""
    _, cases, org, owners = made(rows, **more)  # type: ignore[arg-type]  # the words of made, handed on
    return plan_tasks([cases], tasks, org, POLICY, NOW, owners)


def homes_of(tasks: pd.DataFrame) -> list[tuple[object, object, object, object]]:
    """Where each task stands, and for whom."""
    return [(task.crm, task.contact_id, task.company_id, task.owner_id) for task in tasks.itertuples()]


IN_HUBSPOT, IN_SALESFORCE = ("hubspot", "h", "n", "1"), ("salesforce", "s", "001", "005")
LATELY = [*SILENT, happening("salesforce", "s", "2026-09-01T09:00Z", "outbound", actor_id="005")]
LEFT: Rows = [{**OWNERS_OF_BOTH[0], "is_active": "false"}, OWNERS_OF_BOTH[1]]


@pytest.mark.parametrize(
    ("rows", "more", "home"),
    [
        (SILENT, {}, IN_HUBSPOT),
        (SILENT, {"h": None}, IN_SALESFORCE),
        (SILENT, {"s": None}, IN_HUBSPOT),
        (SILENT, {"owners": LEFT}, IN_SALESFORCE),
        (LATELY, {}, IN_SALESFORCE),
        (LATELY, {"homes": TaskHomes("hubspot")}, IN_HUBSPOT),
        (SILENT, {"homes": TaskHomes("salesforce")}, IN_SALESFORCE),
        (SILENT, {"homes": TaskHomes("owner", frozenset({"salesforce"}))}, IN_SALESFORCE),
    ],
    ids=[
        "a tie goes to hubspot",
        "only salesforce has an owner",
        "only hubspot has one",
        "hubspot's owner has left the CRM",
        "both have one and our side dealt with them in salesforce last",
        "the setting says hubspot",
        "the setting says salesforce",
        "hubspot is not connected",
    ],
)
def test_a_task_is_raised_once_in_the_crm_of_the_owner(rows: Rows, more: dict[str, object], home: tuple[str, ...]) -> None:
    """One task for one person, on the record of the CRM whose owner will see it."""
    assert homes_of(plan(rows, **more).create) == [home]


@pytest.mark.parametrize("state", ["open", "done", "deleted"])
def test_a_task_in_the_other_crm_is_recognised(state: str) -> None:
    """Whatever becomes of the setting or of the owner: a task that stands in the other CRM is not raised again, nor one that a person closed there."""
    first = plan(SILENT).create.assign(task_id="7", state=state, changed_by_people=state != "open")
    again = plan(SILENT, first, homes=TaskHomes("salesforce"))
    assert (len(again.create), len(again.update)) == (0, 0)


@pytest.mark.parametrize("alone", ["hubspot", "salesforce"])
def test_what_was_closed_before_the_records_were_known_to_be_one_stays_closed(alone: str) -> None:
    """The person's id changes when a record of the other CRM joins; the task that somebody closed under the former id does not come back."""
    address = "pn@north.example"
    _, cases, _, _ = made(SILENT, email=address)
    former = plan(SILENT, h=None if alone == "salesforce" else "1", email=address).create
    keys = set(cases.rows["also_keys"].iloc[0])
    assert {former["task_key"].iloc[0]} <= keys
    closed = former.assign(task_key=min(keys - set(former["task_key"])), task_id="7", state="done", changed_by_people=True)
    assert len(plan(SILENT, closed, email=address).create) == 0


def test_two_tasks_on_two_records_become_one() -> None:
    """Both were raised while nobody knew that the records are one person's: one is kept, the other closed and says why."""
    first = plan(SILENT).create.assign(task_id="7")
    twin = first.assign(crm="salesforce", contact_id="s", task_key="another", task_id="8")
    both = pd.concat([first, twin], ignore_index=True)
    done = plan(SILENT, both)
    assert len(done.create) == 0
    assert done.update[["state", "reason"]].to_numpy().tolist() == [
        ["closed_by_us", "The same matter has a task on another record of theirs."]
    ]


def test_a_colleague_in_two_crms_has_one_week() -> None:
    """Seven tasks for Dana in HubSpot are enough; as Dana in Salesforce they get no more."""
    busy = to_table(
        TASKS,
        [
            {
                "task_key": f"k{n}",
                "crm": "hubspot",
                "contact_id": f"other{n}",
                "owner_id": "1",
                "play": "help_first",
                "reason": "r",
                "subject": "s",
            }
            | {"body": "b", "due_at": "2026-11-23", "state": "done", "task_id": str(n), "changed_by_people": "true"}
            for n in range(POLICY.tasks_per_owner_week)
        ],
    )
    done = plan(SILENT, busy, homes=TaskHomes("salesforce"))
    assert len(done.create) == 0
    assert done.held_back["why"].tolist() == ["their owner has enough tasks this week"]


def test_a_renewal_that_one_crm_knows_counts_in_the_other() -> None:
    """HubSpot's task names the renewal that stands in Salesforce: the companies are one account."""
    (task,) = plan(SILENT).create.itertuples()
    assert "Northwind renews on 2 January 2027." in task.body


def test_a_task_says_who_looks_after_them_in_the_other_crm() -> None:
    """The colleague in the other CRM may know more; where only one CRM holds the person, nothing is said."""
    other = [OWNERS_OF_BOTH[0], {**OWNERS_OF_BOTH[1], "name": "Pavel", "email": "pavel@us.example"}]
    (task,) = plan(SILENT, owners=other).create.itertuples()
    assert task.body.endswith("They are in Salesforce too, where Pavel looks after them.")
    (task,) = plan(SILENT, owners=other, email="somebody@else.example", first_name="Eve").create.itertuples()
    assert "They are in" not in task.body


def test_no_play_claims_silence_where_mail_passes_unseen_and_the_admin_is_told() -> None:
    """Salesforce counts mail with Priya that nobody has on record: no task, none closed, one alert that names the CRM."""
    _, cases, org, owners = made(SILENT, mail_captured_at="2026-11-18")
    done = plan_tasks([cases], NO_TASKS, org, POLICY, NOW, owners)
    assert len(done.create) == 0
    (alert,) = done.alerts
    assert alert.text.startswith("Mail in Salesforce passes unseen")
    assert "with 1 person, the last on 18 November 2026" in alert.text
    open_task = plan(SILENT).create.assign(task_id="7")
    assert len(plan_tasks([cases], open_task, org, POLICY, NOW, owners).update) == 0


def test_highlights_show_who_is_silent_in_one_crm_and_talks_in_the_other() -> None:
    """With both records, so that both pages can be opened; and no task."""
    computed, cases, org, owners = made([*SILENT, *mails("salesforce", "s", "2026-07-14", 9, 15)])
    done = plan_tasks([cases], NO_TASKS, org, POLICY, NOW, owners)
    sections = {s.title: s for s in highlights([pick(computed, FIRMS)], done, NO_TASKS, owners, org)}
    (item,) = sections[ELSEWHERE].items
    assert item.text == "HubSpot alone has nothing since 5 July 2026; Salesforce heard from them on 17 November 2026. Not silent: no task."
    assert (item.records, item.task) == ((("hubspot", "h"), ("salesforce", "s")), "")


def test_highlights_tell_of_mail_that_passes_unseen() -> None:
    """How many people, and in which CRM."""
    computed, cases, org, owners = made(SILENT, mail_captured_at="2026-11-18")
    sections = {
        s.title: s
        for s in highlights([pick(computed, FIRMS)], plan_tasks([cases], NO_TASKS, org, POLICY, NOW, owners), NO_TASKS, owners, org)
    }
    (item,) = sections[DEAF].items
    assert (item.who, item.text.split(",")[1]) == (
        "1 contact",
        " but Salesforce keeps no record of it that we could read. No tasks; one alert to the admin.",
    )


def test_explain_shows_both_sides() -> None:
    """Each record with its CRM, title, employer, owner, and by what it was matched; a mail that both tell names both."""
    told = [*SILENT, happening("salesforce", "s", "2026-07-05T09:00:40Z")]
    computed, *_ = made(told, title="COO")
    found = explain(computed, "priya@north.example")
    assert [(r.crm, r.contact_id, r.title, r.employer, r.owner, r.matched_by) for r in found.records] == [
        ("hubspot", "h", "", "Northwind", "Dana", "email"),
        ("salesforce", "s", "COO", "north.example", "Dana", "email"),
    ]
    heard = next(value for value in found.values if value.name == "last_heard_at")
    assert (heard.happenings[0].crm, heard.happenings[0].also_in) == ("hubspot", ("salesforce",))
    assert heard.happenings[1].also_in == ()
