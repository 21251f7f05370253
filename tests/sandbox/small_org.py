"""An empty org in the same process, and short ways to write into it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.clock import Clock, to_ms
from sandbox.options import SandboxOptions
from sandbox.salesforce.options import OrgOptions
from sandbox.salesforce.org import Org
from sandbox.salesforce.records import Record

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
NOW_MS = to_ms(NOW)
DAY = 86_400


def make_org(**options: Any) -> Org:
    """An empty org whose clock stands still."""
    return Org(SandboxOptions(org=OrgOptions(**options)), Clock(NOW, frozen=True))


def create(org: Org, object_name: str, **values: Any) -> Record:
    """The integration makes a record."""
    return org.create(org.integration_id, object_name, values)


def update(org: Org, record: Record, **values: Any) -> None:
    """The integration changes a record."""
    org.update(org.integration_id, record, values)


def contact(org: Org, **values: Any) -> Record:
    """A contact with a name."""
    return create(org, "Contact", **{"LastName": "Roe", **values})


def told(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some of the values."""
    return {name: values.get(name) for name in names}


def history(org: Org, record: Record) -> list[tuple[str, str, Any, Any]]:
    """What the contact's history tells."""
    rows = [one.values for one in org.rows("ContactHistory") if one.values["ContactId"] == record.id]
    return [(row["Field"], row["DataType"], row.get("OldValue"), row.get("NewValue")) for row in rows]
