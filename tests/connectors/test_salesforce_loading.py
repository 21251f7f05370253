"""Reading an org: full loads by id and in bulk, changes, what vanished, and what goes wrong in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from connectors.salesforce import Credentials, Manner, Salesforce
from connectors.salesforce.bulk import Pace
from connectors.salesforce.changes import together
from connectors.sending import Patience
from sandbox.options import SandboxOptions
from sandbox.running import Sandbox, run_sandbox
from sandbox.salesforce.bulk.jobs import Jobs
from sandbox.salesforce.options import OrgOptions
from sandbox.world import World, WorldOptions, make_world
from transforms.vocabulary.changes import Page
from transforms.vocabulary.errors import CrmUnreachable, MissingScopes, NotAuthorised

QUICK = Patience(attempts=5, first_wait_s=0.01, longest_wait_s=0.05, connect_timeout_s=1.0, read_timeout_s=5.0)
SOON = Pace(first_s=0.01, longest_s=0.05)
DAY_S = 86_400
KEY = ["activity_id", "contact_id"]


@pytest.fixture(scope="module")
def world() -> World:
    """A few made customers."""
    return make_world(WorldOptions(contacts=30, companies=6, activities_per_contact=15))


@contextmanager
def opened(world: World, **org: Any) -> Iterator[Sandbox]:
    """An org with these customers."""
    with run_sandbox(salesforce=world, options=SandboxOptions(org=OrgOptions(**{"bulk_job_s": (0.0, 0.03), **org}))) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(world: World) -> Iterator[Sandbox]:
    """An org with a few customers."""
    with opened(world) as made:
        yield made


def connect(sandbox: Sandbox, **manner: Any) -> Salesforce:
    """A new connector, as a new process would make one."""
    own = sandbox.org.org
    chosen = Manner(**{"patience": QUICK, "pace": SOON, "rows_a_page": 50, **manner})
    return Salesforce(Credentials(own.domain, own.consumer_key, own.consumer_secret), sandbox.base_url, manner=chosen)


def rows_of(pages: list[Page]) -> pd.DataFrame:
    """All rows of some pages."""
    return pd.concat([page.rows for page in pages], ignore_index=True)


def gone_of(pages: list[Page]) -> set[tuple[str, str, str]]:
    """What pages tell to be gone: id, how, and into what."""
    frames = [page.gone for page in pages if page.gone is not None]
    found = pd.concat(frames).fillna("") if frames else pd.DataFrame(columns=["record_id", "how", "into"])
    return set(found[["record_id", "how", "into"]].itertuples(index=False, name=None))


def pull(crm: Salesforce, table: str, since: str | None = None, **options: Any) -> tuple[list[Page], str]:
    """All pages and the last cursor."""
    pages = list(crm.pages(table, since, **options))
    return pages, pages[-1].cursor


def first(sandbox: Sandbox, name: str, place: int = 0) -> Any:
    """A live record of an object."""
    return [one for one in sandbox.org.store(name) if not one.is_deleted][place]


def sorted_rows(pages: list[Page], table: str = "activities") -> pd.DataFrame:
    """All rows in one order, whatever way they came."""
    names = KEY if table == "activities" else ["contact_id"]
    return rows_of(pages).sort_values(names).reset_index(drop=True)


# Full loads


@pytest.mark.parametrize("table", ["contacts", "activities"])
def test_both_ways_of_loading_bring_the_same(sandbox: Sandbox, table: str) -> None:
    """By id or in bulk: the same rows with the same values."""
    by_id, _ = pull(connect(sandbox), table)
    in_bulk, _ = pull(connect(sandbox, bulk_from=5), table)
    pd.testing.assert_frame_equal(sorted_rows(in_bulk, table), sorted_rows(by_id, table))


def test_an_activity_is_whole_in_each_page(sandbox: Sandbox) -> None:
    """However small the pages are, all participants of an activity come in one, so that a page can replace what was there before."""
    seen: Counter[str] = Counter()
    for page in connect(sandbox, bulk_from=5, rows_a_page=7).pages("activities", None):
        seen.update(page.rows["activity_id"].unique())
    assert set(seen.values()) == {1}


def test_a_bulk_load_can_be_resumed_after_any_page(sandbox: Sandbox) -> None:
    """By a new process after every single page, though pages and answers end in the middle of e-mails: every row comes, and whole."""
    whole, _ = pull(connect(sandbox), "activities")
    manner = {"bulk_from": 5, "rows_a_page": 40, "rows_an_answer": 95}
    cursor, found = None, []
    for _ in range(200):
        run = connect(sandbox, **manner).pages("activities", cursor)
        page = next(run)
        run.close()
        cursor = page.cursor
        found.append(page)
        if '"is":"Load"' not in cursor:
            break
    last = {str(name): place for place, page in enumerate(found) for name in page.rows["activity_id"].unique()}
    # A page replaces what earlier ones told of its activities.
    kept = [page.rows[[last[str(name)] == place for name in page.rows["activity_id"]]] for place, page in enumerate(found)]
    rows = pd.concat(kept, ignore_index=True).sort_values(KEY).reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, sorted_rows(whole))


def test_pages_that_belong_together_move_the_cursor_together(sandbox: Sandbox) -> None:
    """Only the last one does, so that a run which is broken off in between repeats them."""
    pages = [*connect(sandbox).pages("contacts", None), *connect(sandbox).pages("companies", None)]
    assert [page.cursor for page in together(iter(pages), "before")] == [*["before"] * (len(pages) - 1), pages[-1].cursor]
    assert list(together(iter([]), "before")) == []


def test_what_turns_out_to_be_large_goes_on_in_bulk(world: World) -> None:
    """Behind the first answer by id a bulk job takes over; no record comes twice or is missed."""
    with opened(world, batch_size=200) as sandbox:
        crm = connect(sandbox, bulk_from=20)
        pages, _ = pull(crm, "activities")
        tasks = [page for page in pages if page.stream == "tasks"]
        assert sum(page.records for page in tasks) == len([one for one in sandbox.org.store("Task") if not one.is_deleted])
        assert not rows_of(pages).duplicated(KEY).any()


def test_archived_activities_come_too(world: World) -> None:
    """What Salesforce hides from queries because it is old is read all the same."""
    with opened(world, archive_days=30) as sandbox:
        archived = {one.id for one in sandbox.org.store("Task") if one.is_archived and one.values["TaskSubtype"] == "Call"}
        assert archived
        for bulk_from in (5, 10_000):
            pages, _ = pull(connect(sandbox, bulk_from=bulk_from), "activities")
            assert archived <= set(rows_of(pages)["activity_id"])


def test_a_task_that_stands_for_an_email_is_left_out(sandbox: Sandbox) -> None:
    """An e-mail and the task beside it are one activity, also where the pull is broken off between the two, and among changes."""
    stand_ins = {one.values["ActivityId"] for one in sandbox.org.store("EmailMessage")}
    crm = connect(sandbox, bulk_from=5)
    pages: list[Page] = []
    for page in crm.pages("activities", None):
        pages.append(page)
        if page.stream == "tasks":
            break
    pages += pull(connect(sandbox, bulk_from=5), "activities", pages[-1].cursor)[0]
    assert stand_ins.isdisjoint(rows_of(pages)["activity_id"])
    sandbox.clock.advance(3_600)
    task = sandbox.org.find(min(stand_ins))
    sandbox.org.update(sandbox.org.admin_id, task, {"Priority": "High"})
    assert pull(connect(sandbox), "activities", pages[-1].cursor)[0][0].rows.empty


def test_a_job_that_vanished_is_made_anew(sandbox: Sandbox) -> None:
    """Salesforce forgets a job: the stream is read again from its beginning, and nothing is missed."""
    whole = set(rows_of(pull(connect(sandbox, bulk_from=5), "activities")[0])[KEY].itertuples(index=False, name=None))
    run = connect(sandbox, bulk_from=5).pages("activities", None)
    pages = [next(run), next(run)]
    run.close()
    jobs = Jobs.of(sandbox.org)
    for job in jobs.all(is_query=True):
        if not job.is_over:
            jobs.abort(job)
        jobs.delete(job)
    pages += pull(connect(sandbox, bulk_from=5), "activities", pages[-1].cursor)[0]
    assert set(rows_of(pages)[KEY].itertuples(index=False, name=None)) == whole


@pytest.mark.parametrize("fault", ["unavailable", "drop_before", "cut", "truncated", "html", "session_expired"])
def test_a_failed_look_at_a_job_ends_nothing(sandbox: Sandbox, fault: str) -> None:
    """Looking at a job, or reading its results, may fail now and then: the job goes on and the rows are whole."""
    sandbox.faults.add(fault, path="jobs/query", every=3)
    pages, _ = pull(connect(sandbox, bulk_from=5), "contacts")
    assert len(rows_of(pages)) == len([one for one in sandbox.org.store("Contact") if not one.is_deleted])
    assert {job.state for job in Jobs.of(sandbox.org).all(is_query=True)} == {"JobComplete"}


def test_a_job_that_keeps_failing_ends_the_pull(sandbox: Sandbox) -> None:
    """A job that is aborted again and again is an error, never an empty object."""
    crm = connect(sandbox, bulk_from=5)
    run = crm.pages("contacts", None)
    jobs = Jobs.of(sandbox.org)
    make = jobs.create_query

    def aborted(*given: Any, **more: Any) -> Any:
        job = make(*given, **more)
        jobs.abort(job)
        return job

    jobs.create_query = aborted  # type: ignore[method-assign]  # somebody in the org ends every job at once
    with pytest.raises(CrmUnreachable, match="failed or vanished"):
        list(run)


def test_a_session_that_ends_in_mid_run_is_renewed(world: World) -> None:
    """Every few calls the session ends: the pull goes on, and signs in once each time."""
    with opened(world, session_calls=4) as sandbox:
        crm = connect(sandbox, bulk_from=5)
        pages, _ = pull(crm, "activities")
        assert len(rows_of(pages))
        assert 2 <= crm.calls()["login"] <= 10


def test_a_session_that_is_never_accepted_ends_the_pull(sandbox: Sandbox) -> None:
    """A call is made again once with a new session, and never oftener."""
    sandbox.faults.add("session_page", path="/data/")
    crm = connect(sandbox)
    with pytest.raises(NotAuthorised):
        pull(crm, "contacts")
    assert crm.calls()["read"] == 2


# What is hidden


def test_a_hidden_field_is_left_missing_and_told(sandbox: Sandbox) -> None:
    """Without the right to see who opted out, the column is missing, the rows come, and check says so."""
    org = sandbox.org
    org.remove_field("Contact", "HasOptedOutOfEmail")
    crm = connect(sandbox)
    rows = rows_of(pull(crm, "contacts")[0])
    assert len(rows)
    assert rows["email_opted_out"].isna().all()
    assert any("HasOptedOutOfEmail" in finding.advice for finding in crm.check().findings)


def test_a_hidden_object_is_skipped_and_told(sandbox: Sandbox) -> None:
    """Without the right to read campaign members, everything else comes, and check says so."""
    sandbox.org.remove_field("CampaignMember", "SystemModstamp")
    crm = connect(sandbox)
    pages, _ = pull(crm, "activities")
    assert "responses" not in {page.stream for page in pages}
    assert len(rows_of(pages))


def test_a_field_that_was_hidden_since_the_last_pull_ends_nothing(sandbox: Sandbox) -> None:
    """What a cursor tells of the org serves for a day; where it no longer holds, the org is asked again and the pull goes on."""
    _, cursor = pull(connect(sandbox), "contacts")
    sandbox.clock.advance(3_600)
    sandbox.org.update(sandbox.org.admin_id, first(sandbox, "Contact"), {"Title": "Head of Everything"})
    sandbox.org.remove_field("Contact", "HasOptedOutOfEmail")
    rows = rows_of(pull(connect(sandbox), "contacts", cursor)[0])
    assert rows["title"].tolist() == ["Head of Everything"]
    assert rows["email_opted_out"].isna().all()


def test_an_object_that_bulk_does_not_serve_is_read_by_id(sandbox: Sandbox) -> None:
    """However large it is."""
    sandbox.org.kind("Task").bulkable = False
    pages, _ = pull(connect(sandbox, bulk_from=5), "activities")
    whole, _ = pull(connect(sandbox), "activities")
    pd.testing.assert_frame_equal(sorted_rows(pages), sorted_rows(whole))


def test_without_tasks_nothing_is_guessed(sandbox: Sandbox) -> None:
    """An org that hides its tasks cannot be read: that is said, not taken for silence."""
    del sandbox.org.schema._objects["task"]
    with pytest.raises(MissingScopes, match="Task"):
        pull(connect(sandbox), "activities")


# Changes


def test_a_quiet_second_sync_costs_five_calls(sandbox: Sandbox) -> None:
    """By a new process: no call for users, two for people (their changes; who was deleted), one for companies, two for activities."""
    cursors = {table: pull(connect(sandbox), table)[1] for table in ("owners", "contacts", "companies", "activities")}
    crm = connect(sandbox)
    pages = [page for table, cursor in cursors.items() for page in pull(crm, table, cursor)[0]]
    assert sum(len(page.rows) for page in pages) == 0
    assert sum(number for purpose, number in crm.calls().items() if purpose != "login") == 5


def test_a_late_guest_brings_the_whole_event(sandbox: Sandbox) -> None:
    """Somebody answers an invitation: the event comes again with all its guests, though it was not changed itself."""
    crm = connect(sandbox)
    _, cursor = pull(crm, "activities")
    sandbox.clock.advance(3_600)
    event = max(
        (one for one in sandbox.org.store("Event")), key=lambda one: len(sandbox.org.store("EventRelation").children("EventId", one.id))
    )
    relation = sandbox.org.store("EventRelation").children("EventId", event.id)[0]
    sandbox.org.update(sandbox.org.admin_id, relation, {"Status": "Declined"})
    rows = rows_of(pull(crm, "activities", cursor)[0])
    assert set(rows["activity_id"]) == {event.id}
    assert rows.loc[rows["contact_id"] == relation.values["RelationId"], "outcome"].tolist() == ["declined"]


def test_a_planned_event_is_looked_at_again_when_it_is_over(sandbox: Sandbox) -> None:
    """That a meeting has taken place changes nothing on its record; it comes again all the same."""
    org, now = sandbox.org, sandbox.clock.now_ms()
    values = {"WhoId": first(sandbox, "Contact").id, "Subject": "Review", "StartDateTime": now + 3_600_000, "DurationInMinutes": 60}
    event = org.create(org.admin_id, "Event", values)
    crm = connect(sandbox)
    pages, cursor = pull(crm, "activities")
    before = rows_of(pages)
    assert before.loc[before["activity_id"] == event.id, "outcome"].tolist() == ["scheduled"]
    sandbox.clock.advance(4 * 3_600)
    crm.greet()
    pages, _ = pull(crm, "activities", cursor)
    after = rows_of(pages)
    assert after.loc[after["activity_id"] == event.id, "outcome"].tolist() == ["held"]


def test_a_merge_brings_the_losers_activities_with_the_winner(sandbox: Sandbox) -> None:
    """Salesforce hands them over without a word: they are read again, and then belong to the winner."""
    crm = connect(sandbox)
    cursors = {table: pull(crm, table)[1] for table in ("contacts", "activities")}
    rows = rows_of(pull(connect(sandbox), "activities")[0])
    loser, winner = rows["contact_id"].value_counts().index[:2]
    theirs = set(rows.loc[rows["contact_id"] == loser, "activity_id"])
    sandbox.clock.advance(3_600)
    sandbox.org.merge(sandbox.org.admin_id, "Contact", winner, [loser])
    people, _ = pull(crm, "contacts", cursors["contacts"])
    assert (loser, "merged", winner) in gone_of(people)
    moved = rows_of(pull(connect(sandbox), "activities", cursors["activities"])[0])
    assert theirs <= set(moved.loc[moved["contact_id"] == winner, "activity_id"])
    assert loser not in set(moved["contact_id"])


def test_a_converted_lead_became_a_contact(sandbox: Sandbox) -> None:
    """A converted lead comes with the contact that took its place."""
    org = sandbox.org
    crm = connect(sandbox)
    lead = org.create(org.admin_id, "Lead", {"LastName": "Nair", "Company": "Acme", "Email": "n@acme.example"})
    _, cursor = pull(crm, "contacts")
    sandbox.clock.advance(3_600)
    contact = org.convert_lead(org.admin_id, lead.id)
    pages, _ = pull(crm, "contacts", cursor)
    assert (lead.id, "merged", contact.id) in gone_of(pages)
    assert contact.id in set(rows_of(pages)["contact_id"])


# What vanished


def test_what_is_deleted_for_good_is_erased(sandbox: Sandbox) -> None:
    """A contact in the recycle bin is archived; one that was erased from it is erased here too, with the next pull."""
    crm = connect(sandbox)
    _, cursor = pull(crm, "contacts")
    kept, erased = first(sandbox, "Contact", 1), first(sandbox, "Contact", 2)
    sandbox.clock.advance(3_600)
    for one in (kept, erased):
        sandbox.org.delete(sandbox.org.admin_id, one)
    sandbox.org.erase(erased)
    found = gone_of(pull(crm, "contacts", cursor)[0])
    assert found >= {(kept.id, "archived", ""), (erased.id, "erased", "")}


def test_a_record_that_vanished_long_ago_is_named(sandbox: Sandbox) -> None:
    """After a pause longer than Salesforce remembers deletions, all ids are compared; also where that is broken off in between."""
    crm = connect(sandbox)
    pages, cursor = pull(crm, "contacts")
    known = rows_of(pages)["contact_id"].tolist()
    erased = first(sandbox, "Contact", 2)
    sandbox.clock.advance(3_600)
    sandbox.org.delete(sandbox.org.admin_id, erased)
    sandbox.org.erase(erased)
    sandbox.clock.advance(20 * DAY_S)
    run = connect(sandbox, known=lambda _table: known).pages("contacts", cursor)
    begun: list[Page] = []
    for page in run:
        begun.append(page)
        if page.gone is not None:
            break
    run.close()
    rest, cursor = pull(connect(sandbox, known=lambda _table: known), "contacts", begun[-1].cursor)
    assert gone_of([*begun, *rest]) == {(erased.id, "erased", "")}
    quiet = connect(sandbox, known=lambda _table: known)
    pull(quiet, "contacts", cursor)
    assert quiet.calls()["read"] == 2


def test_an_answer_to_a_campaign_that_was_taken_back_is_gone(sandbox: Sandbox) -> None:
    """Members of campaigns leave no trace but the list of deletions, and after that only their absence."""
    crm = connect(sandbox)
    pages, cursor = pull(crm, "activities")
    known = rows_of(pages)["activity_id"].tolist()
    soon, late = first(sandbox, "CampaignMember", 0), first(sandbox, "CampaignMember", 1)
    sandbox.clock.advance(3_600)
    sandbox.org.delete(sandbox.org.admin_id, soon)
    sandbox.clock.advance(DAY_S)
    pages, cursor = pull(crm, "activities", cursor)
    assert (soon.id, "archived", "") in gone_of(pages)
    sandbox.org.delete(sandbox.org.admin_id, late)
    sandbox.clock.advance(20 * DAY_S)
    assert (late.id, "archived", "") in gone_of(pull(connect(sandbox, known=lambda _table: known), "activities", cursor)[0])


def test_a_record_that_nobody_has_read_comes(sandbox: Sandbox) -> None:
    """What the comparison finds in the org and nobody knows is read."""
    crm = connect(sandbox)
    pages, cursor = pull(crm, "contacts")
    known = rows_of(pages)["contact_id"].tolist()
    sandbox.clock.advance(8 * DAY_S)
    found = rows_of(pull(connect(sandbox, known=lambda _table: known[1:]), "contacts", cursor)[0])
    assert found["contact_id"].tolist() == known[:1]


# Deaf, not silent


def test_mail_that_is_only_counted_is_told(world: World) -> None:
    """Where mail is captured elsewhere, contacts carry when it last passed; where it is on record, they do not."""
    with opened(world, mail_is_captured_elsewhere=True) as sandbox:
        rows = rows_of(pull(connect(sandbox), "contacts")[0])
        assert rows["mail_captured_at"].notna().sum() > 5
    with opened(world) as sandbox:
        assert rows_of(pull(connect(sandbox), "contacts")[0])["mail_captured_at"].isna().all()


def test_new_mail_that_is_only_counted_is_news(world: World) -> None:
    """Only the count of mail changed: the contact comes with the new moment."""
    with opened(world, mail_is_captured_elsewhere=True) as sandbox:
        crm = connect(sandbox)
        _, cursor = pull(crm, "contacts")
        metric = first(sandbox, "ActivityMetric")
        sandbox.clock.advance(3 * DAY_S)
        now = sandbox.clock.now_ms() // 1000 * 1000
        sandbox.org.store("ActivityMetric").change(metric, {"LastEmailDateTime": now, "SystemModstamp": now})
        rows = rows_of(pull(crm, "contacts", cursor)[0])
        assert rows["contact_id"].tolist() == [metric.values["BaseId"]]
        assert abs(rows["mail_captured_at"].iloc[0] - pd.Timestamp(now, unit="ms", tz="UTC")) < timedelta(seconds=1)
