"""Writing fields into an org: one truthful report for every record, whatever becomes of the call or the job."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.salesforce.answers import LOCKED
from connectors.salesforce.bulk_writing import _jobs, write_in_bulk
from connectors.salesforce.writing import BULK_FROM, LOCK_TRIES, write_cells
from transforms.vocabulary.changes import Fate
from transforms.vocabulary.errors import BadInput, QuotaSpent, SetupNeeded

MOOD = "StillThere_Mood__c"
VALUES = {
    "mood": "good",
    "remark": 'Two sentences, "quoted". And a line\nbreak.',
    "seen_at": "2026-11-20T08:15:30Z",
    "seen_on": "2026-11-20",
    "times_seen": "12",
    "is_kind": "true",
    "chance": "35",
}
HELD = {
    "StillThere_Mood__c": "good",
    "StillThere_Remark__c": VALUES["remark"],
    "StillThere_Seen_At__c": 1_795_162_530_000,
    "StillThere_Seen_On__c": "2026-11-20",
    "StillThere_Times_Seen__c": 12,
    "StillThere_Is_Kind__c": "true",
    "StillThere_Chance__c": 35,
}


def records_of(ids: list[str], **values: Any) -> list[dict[str, Any]]:
    return [{"attributes": {"type": "Contact"}, "id": one, **values} for one in ids]


def in_bulk(bench: Any, ids: list[str], **values: Any) -> dict[str, tuple[Fate, str]]:
    outcomes = list(write_in_bulk(bench.client, bench.bulk(), "Contact", records_of(ids, **values)))
    assert Counter(one["id"] for one, _ in outcomes) == Counter(ids)
    return {one["id"]: (outcome.fate, outcome.code) for one, outcome in outcomes}


# In collections


def test_every_kind_of_value_is_written_and_emptied(ready_org: Any) -> None:
    """All kinds arrive in Salesforce's form; a missing value empties the field."""
    one = ready_org.contacts[0]
    assert [report.fate for report in ready_org.write([one], dict(VALUES))] == [Fate.WRITTEN]
    assert {name: ready_org.held(one, name) for name in HELD} == HELD
    ready_org.write([one], dict.fromkeys(VALUES))
    assert {ready_org.held(one, name) for name in HELD} == {None}


def test_contacts_and_leads_are_one_table(ready_org: Any) -> None:
    """The id tells whether it is a contact or a lead; accounts belong to companies."""
    reports = ready_org.write([ready_org.contacts[0], ready_org.lead], {"mood": "bad"})
    assert {report.key: report.fate for report in reports} == dict.fromkeys((ready_org.contacts[0], ready_org.lead), Fate.WRITTEN)
    assert ready_org.held(ready_org.lead, MOOD) == "bad"
    assert [report.fate for report in ready_org.write([ready_org.account], {"standing": "Fine"}, "companies")] == [Fate.WRITTEN]
    assert ready_org.held(ready_org.account, "StillThere_Standing__c") == "Fine"


def test_an_id_of_another_object_is_reported_and_not_sent(ready_org: Any) -> None:
    """An account is no contact, and a word is no id."""
    reports = ready_org.write([ready_org.account, "999", ready_org.contacts[0]], {"mood": "good"})
    assert {report.key: (report.fate, report.code) for report in reports} == {
        ready_org.account: (Fate.FAILED, "MALFORMED_ID"),
        "999": (Fate.FAILED, "MALFORMED_ID"),
        ready_org.contacts[0]: (Fate.WRITTEN, ""),
    }


def test_a_field_that_is_not_ours_is_refused_before_anything_is_sent(ready_org: Any) -> None:
    """Only what the registry knows is written."""
    with pytest.raises(BadInput, match="no fields of ours"):
        ready_org.write(ready_org.contacts[:1], {"title": "CEO"})


def test_two_hundred_records_cost_one_call_and_say_when_they_were_changed(ready_org: Any) -> None:
    """The change and its time come in one call, so that our own writes are not taken for news."""
    ids = ready_org.contacts + ready_org.more_contacts(170)
    before = sum(ready_org.client.calls.values())
    reports = ready_org.write(ids, {"mood": "good"})
    assert sum(ready_org.client.calls.values()) - before == 1
    stamps = {ready_org.held(one, "SystemModstamp") for one in ids}
    assert {round(report.modified_at.timestamp() * 1000) for report in reports} == stamps


def test_a_bad_row_does_not_keep_its_neighbours_from_being_written(ready_org: Any) -> None:
    """A deleted, a merged and a refused record are told with Salesforce's code; all others are written."""
    deleted, winner, loser, wrong, *others = ready_org.contacts
    ready_org.org.delete(ready_org.org.admin_id, ready_org.org.find(deleted))
    ready_org.org.merge(ready_org.org.admin_id, "Contact", winner, [loser])
    cells = ready_org.cells(ready_org.contacts, {"mood": "good"})
    cells.loc[cells["record_id"] == wrong, "new"] = "no such option"
    reports = {one.key: one for one in write_cells(ready_org.client, ready_org.bulk(), "contacts", cells, ready_org.fields)}
    assert {key: one.code for key, one in reports.items() if one.fate is Fate.FAILED} == {
        deleted: "ENTITY_IS_DELETED",
        loser: "ENTITY_IS_DELETED",
        wrong: "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
    }
    assert {reports[one].fate for one in (winner, *others)} == {Fate.WRITTEN}
    assert {ready_org.held(one, MOOD) for one in others} == {"good"}


def test_a_converted_lead_is_reported(ready_org: Any) -> None:
    """A lead that became a contact takes no more changes."""
    lead = ready_org.org.create(ready_org.org.admin_id, "Lead", {"LastName": "Gone", "Company": "Acme"}).id
    ready_org.org.convert_lead(ready_org.org.admin_id, lead)
    assert [(one.fate, one.code) for one in ready_org.write([lead], {"mood": "good"})] == [(Fate.FAILED, "CANNOT_UPDATE_CONVERTED_LEAD")]


def test_rows_that_others_hold_are_sent_again_by_themselves(ready_org: Any) -> None:
    """UNABLE_TO_LOCK_ROW on some rows: only these go out once more, and all are written in the end."""
    rule = ready_org.faults.add("lock_rows", path="composite", rows=3, nth=[1, 2])
    before = len(ready_org.sandbox.calls)
    reports = ready_org.write(ready_org.contacts, {"mood": "good"})
    assert {one.fate for one in reports} == {Fate.WRITTEN}
    assert len(ready_org.sandbox.calls) - before == 3
    assert rule.struck > 0


def test_rows_that_stay_locked_are_reported_after_a_few_tries(ready_org: Any) -> None:
    """There is an end to trying; the neighbours are written."""
    rule = ready_org.faults.add("lock_rows", path="composite", rows=1)
    reports = ready_org.write(ready_org.contacts, {"mood": "good"})
    assert Counter((one.fate, one.code) for one in reports) == {(Fate.WRITTEN, ""): len(reports) - 1, (Fate.FAILED, LOCKED): 1}
    assert rule.struck == LOCK_TRIES


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "empty", "truncated", "cut", "bad_gateway", "session_expired"])
def test_a_lost_answer_is_asked_for_again(ready_org: Any, fault: str) -> None:
    """Setting a value twice is harmless."""
    rule = ready_org.faults.add(fault, path="composite", nth=1)
    assert {one.fate for one in ready_org.write(ready_org.contacts, {"mood": "bad"})} == {Fate.WRITTEN}
    assert {ready_org.held(one, MOOD) for one in ready_org.contacts} == {"bad"}
    assert rule.struck > 0


def test_a_text_that_looks_like_a_reference_arrives_as_it_is(ready_org: Any) -> None:
    """In a composite call @{…} would be replaced; such a record is sent another way."""
    text = "They wrote @{changed.id} to us."
    assert {one.fate for one in ready_org.write(ready_org.contacts[:2], {"remark": text})} == {Fate.WRITTEN}
    assert ready_org.held(ready_org.contacts[1], "StillThere_Remark__c") == text


def test_a_field_that_is_missing_or_hidden_leads_to_set_up(org_bench: Any) -> None:
    """Salesforce says the same of both; nothing is written record by record, and the message names set-up and the permission set."""
    with pytest.raises(SetupNeeded, match=r"stillthere setup.*StillThere_Integration"):
        org_bench.write(org_bench.contacts[:3], {"mood": "good"})


def test_every_record_is_reported_once_over_several_calls(ready_org: Any) -> None:
    """More than fit into one call: each is reported exactly once."""
    ids = ready_org.contacts + ready_org.more_contacts(420)
    reports = ready_org.write(ids, {"times_seen": "3"})
    assert Counter(one.key for one in reports) == Counter(ids)
    assert {one.fate for one in reports} == {Fate.WRITTEN}


# In bulk


def test_many_records_go_in_one_job(ready_org: Any) -> None:
    """From BULK_FROM records on a job is cheaper: a few calls in place of one for every two hundred."""
    ids = ready_org.more_contacts(BULK_FROM)
    before = sum(ready_org.client.calls.values())
    reports = ready_org.write(ids, {"mood": "good", "chance": None})
    assert Counter(one.key for one in reports) == Counter(ids)
    assert {one.fate for one in reports} == {Fate.WRITTEN}
    assert {ready_org.held(one, MOOD) for one in ids} == {"good"}
    assert sum(ready_org.client.calls.values()) - before < BULK_FROM / 200


def test_a_job_writes_every_kind_of_value_and_empties(ready_org: Any) -> None:
    """Line breaks, quotes, numbers and moments survive the CSV; a missing value empties, an absent one is left alone."""
    sent = {**HELD, "StillThere_Seen_At__c": "2026-11-20T08:15:30.000Z"}
    one, other = ready_org.contacts[:2]
    assert in_bulk(ready_org, [one], **sent) == {one: (Fate.WRITTEN, "")}
    assert {name: ready_org.held(one, name) for name in HELD} == HELD
    records = [*records_of([one], StillThere_Mood__c=None), *records_of([other], StillThere_Chance__c=5)]
    assert [outcome.fate for _, outcome in write_in_bulk(ready_org.client, ready_org.bulk(), "Contact", records)] == [Fate.WRITTEN] * 2
    assert (ready_org.held(one, MOOD), ready_org.held(one, "StillThere_Chance__c")) == (None, 35)


def test_refused_rows_of_a_job_are_told_with_their_code(ready_org: Any) -> None:
    """A job that is complete may have refused rows."""
    gone, *others = ready_org.contacts
    ready_org.org.delete(ready_org.org.admin_id, ready_org.org.find(gone))
    found = in_bulk(ready_org, ready_org.contacts, StillThere_Mood__c="good")
    assert found.pop(gone) == (Fate.FAILED, "ENTITY_IS_DELETED")
    assert found == dict.fromkeys(others, (Fate.WRITTEN, ""))


def test_a_job_that_ends_failed_with_half_its_rows_written_is_told_truthfully(ready_org: Any) -> None:
    """What was written is reported as written, what had no turn as failed."""
    rule = ready_org.faults.add("bulk_job_fails", path="jobs/ingest", method="PATCH")
    found = in_bulk(ready_org, ready_org.contacts, StillThere_Mood__c="good")
    held = {one: ready_org.held(one, MOOD) for one in ready_org.contacts}
    assert {one for one, (fate, _) in found.items() if fate is Fate.WRITTEN} == {one for one, mood in held.items() if mood == "good"}
    assert {code for fate, code in found.values() if fate is Fate.FAILED} == {"NOT_PROCESSED"}
    assert set(held.values()) == {"good", None}
    assert rule.struck > 0


@pytest.mark.parametrize("path", ["failedResults", "successfulResults", "unprocessedrecords"])
def test_where_the_results_cannot_be_had_the_records_are_read(ready_org: Any, path: str) -> None:
    """Half written, and a list of results that never comes: what the org holds decides."""
    rule = ready_org.faults.add("bulk_job_fails", path="jobs/ingest", method="PATCH", times=1)
    rule = ready_org.faults.add("bad_gateway", path=path)
    found = in_bulk(ready_org, ready_org.contacts, StillThere_Mood__c="good")
    assert {one: fate is Fate.WRITTEN for one, (fate, _) in found.items()} == {
        one: ready_org.held(one, MOOD) == "good" for one in ready_org.contacts
    }
    assert rule.struck > 0


def test_a_look_that_fails_does_not_end_the_job(ready_org: Any) -> None:
    """A job is looked at again after a bad answer, and is never aborted for it."""
    rule = ready_org.faults.add("unavailable", path="jobs/ingest", method="GET", nth=[1, 2])
    assert set(in_bulk(ready_org, ready_org.contacts, StillThere_Mood__c="good").values()) == {(Fate.WRITTEN, "")}
    assert rule.struck > 0


def test_a_job_that_can_no_longer_be_looked_at_is_ended_and_the_records_are_read(ready_org: Any) -> None:
    """No look ever succeeds: the job is stopped, so that nothing is written after our report, and the report tells what the org holds."""
    rule = ready_org.faults.add("unavailable", path="jobs/ingest", method="GET")
    found = in_bulk(ready_org, ready_org.contacts, StillThere_Mood__c="bad", StillThere_Seen_At__c="2026-11-20T08:15:30.000Z")
    ready_org.faults.clear()
    ready_org.sandbox.clock.advance(60)
    assert {one: fate is Fate.WRITTEN for one, (fate, _) in found.items()} == {
        one: ready_org.held(one, MOOD) == "bad" for one in ready_org.contacts
    }
    assert rule.struck > 0


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "bad_gateway"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_lost_answer_while_a_job_is_made_loses_nothing(ready_org: Any, fault: str, method: str) -> None:
    """Making, filling and closing a job: whichever answer is lost, every record is written and reported once."""
    rule = ready_org.faults.add(fault, path="jobs/ingest", method=method, nth=1)
    assert set(in_bulk(ready_org, ready_org.contacts, StillThere_Mood__c="good").values()) == {(Fate.WRITTEN, "")}
    assert rule.struck > 0


def test_a_job_for_a_field_that_is_missing_leads_to_set_up(org_bench: Any) -> None:
    """The job fails as a whole; describe tells why, and the message says what to do."""
    with pytest.raises(SetupNeeded, match=r"StillThere_Mood__c.*stillthere setup"):
        in_bulk(org_bench, org_bench.contacts, StillThere_Mood__c="good")


def test_rows_that_were_locked_in_a_job_are_written_in_collections(ready_org: Any) -> None:
    """The rest of a large write that others held locked is not left for the next run."""
    ids = ready_org.more_contacts(BULK_FROM)
    rule = ready_org.faults.add("lock_rows", path="jobs/ingest", method="PATCH", rows=7, times=1)
    reports = ready_org.write(ids, {"mood": "bad"})
    assert Counter(one.key for one in reports) == Counter(ids)
    assert {one.fate for one in reports} == {Fate.WRITTEN}
    assert {ready_org.held(one, MOOD) for one in ids} == {"bad"}
    assert rule.struck > 0


def test_modified_at_is_the_orgs_own_time(ready_org: Any) -> None:
    """The clock of the org decides, not ours."""
    ready_org.sandbox.clock.advance(3_600)
    report = ready_org.write(ready_org.contacts[:1], {"mood": "good"})[0]
    assert abs(report.modified_at - ready_org.sandbox.clock.now()) < timedelta(seconds=5)


@pytest.mark.parametrize("code", ["INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_FIELD", "DUPLICATES_DETECTED"])
def test_a_peculiar_record_is_reported_and_does_not_end_the_run(ready_org: Any, code: str) -> None:
    """A person account cannot be changed as a contact: where all our fields may be written, only that record is told as failed."""
    rule = ready_org.faults.add("fail_rows", path="composite", rows=1, code=code)
    reports = ready_org.write(ready_org.contacts, {"mood": "good"})
    assert Counter((one.fate, one.code) for one in reports) == {(Fate.WRITTEN, ""): len(reports) - 1, (Fate.FAILED, code): 1}
    assert rule.struck > 0


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), min_size=1), st.integers(0, 100))
def test_whatever_stands_in_a_text_a_job_carries_it(text: str, chance: int) -> None:
    """Quotes, commas, line breaks and letters of all languages survive the CSV of a bulk job; what a record does not set stays empty."""
    records = [*records_of(["a"], Remark__c=text), *records_of(["b"], Chance__c=chance), *records_of(["c"], Chance__c=None)]
    ((some, rows),) = _jobs(records, ["Chance__c", "Remark__c"])
    assert some == records
    read = list(csv.reader(io.StringIO(rows.decode(), newline="")))
    assert read == [["Id", "Chance__c", "Remark__c"], ["a", "", text], ["b", str(chance), ""], ["c", "#N/A", ""]]


@pytest.mark.parametrize("is_bulk", [True, False], ids=["bulk", "collection"])
@pytest.mark.parametrize("may_read", [True, False], ids=["read only", "hidden"])
def test_a_field_without_field_level_security_leads_to_the_permission_set(open_org: Any, *, is_bulk: bool, may_read: bool) -> None:
    """The field is there, and our user may not write it: the message names it, set-up and the permission set; nothing is reported as written."""
    with open_org() as bench:
        bench.set_up()
        permissions = bench.org.store("FieldPermissions")
        for one in [one for one in permissions.rows.values() if one.values.get("Field") == f"Contact.{MOOD}"]:
            permissions.change(one, {"PermissionsEdit": False, "PermissionsRead": may_read})

        def write() -> object:
            return in_bulk(bench, bench.contacts, StillThere_Mood__c="good") if is_bulk else bench.write(bench.contacts, {"mood": "good"})

        with pytest.raises(SetupNeeded, match=r"StillThere_Mood__c on Contact.*StillThere_Integration"):
            write()
        assert {bench.held(one, MOOD) for one in bench.contacts} == {None}


def test_when_the_calls_are_used_up_what_was_written_is_told(ready_org: Any) -> None:
    """The day's calls end in the middle: the records before were reported, and the run stops."""
    ids = ready_org.contacts + ready_org.more_contacts(1_170)
    rule = ready_org.faults.add("daily_limit", path="composite", nth=list(range(4, 20)))
    found = []
    reports = write_cells(ready_org.client, ready_org.bulk(), "contacts", ready_org.cells(ids, {"mood": "bad"}), ready_org.fields)
    with pytest.raises(QuotaSpent):
        found.extend(reports)
    assert rule.struck > 0
    assert {one.fate for one in found} <= {Fate.WRITTEN}
    assert all(ready_org.held(one.key, MOOD) == "bad" for one in found)
