"""A bulk job goes on without us, so it is seen to its end also where only the share of others is left; and what calls are counted under."""

from typing import Any

import pytest

from connectors.salesforce.bulk_writing import write_in_bulk
from connectors.salesforce.tasks import calls_for_tasks
from connectors.salesforce.writing import calls_to_write
from transforms.vocabulary.changes import Fate
from transforms.vocabulary.errors import QuotaSpent

LEFT = 10
ASKED = 4
"""Queries after which a job's three calls (made, filled, closed) take us to the reserve: three of the nine that were left when first told."""


def test_a_job_that_writes_is_seen_to_its_end(open_org: Any) -> None:
    """The reserve is reached when the job is closed: it is looked at until it is over, every row is told, and nothing else is sent."""
    with open_org(usage_jitter=0) as bench:
        bench.set_up()
        client = bench.new_client()
        client.session.sign_in()
        limits = bench.org.limits
        limits.others += limits.remaining - LEFT
        for _ in range(ASKED):
            list(client.query("SELECT Id FROM Contact LIMIT 1", purpose="read", what="read"))
        assert client.limiter.reserve == 3
        records = [{"attributes": {"type": "Contact"}, "id": one, "StillThere_Mood__c": "good"} for one in bench.contacts]
        outcomes = [outcome for _, outcome in write_in_bulk(client, bench.bulk(client), "Contact", records)]
        assert {outcome.fate for outcome in outcomes} == {Fate.WRITTEN}
        assert {bench.held(one, "StillThere_Mood__c") for one in bench.contacts} == {"good"}
        with pytest.raises(QuotaSpent, match="left to other programs"):
            list(client.query("SELECT Id FROM Contact LIMIT 1", purpose="read", what="read"))


def test_what_writing_takes_is_forecast(ready_org: Any) -> None:
    """Cells and tasks take as many calls as was forecast, each under its purpose."""
    client = ready_org.new_client()
    ids = ready_org.contacts
    cells = ready_org.cells(ids, {"mood": "good", "remark": "Told"})
    ready_org.client, kept = client, ready_org.client
    ready_org.write(ids, {"mood": "good", "remark": "Told"})
    ready_org.client = kept
    assert client.calls["write"] == calls_to_write(cells, 10_000) == 1
    tasks = ready_org.tasks()
    made = ready_org.tasks_for(ids)
    list(tasks.create(made))
    assert tasks._client.calls["tasks"] == calls_for_tasks(made, made.iloc[:0]) == 4
