"""What an org allows and holds: limits, and the approximate number of records."""

from __future__ import annotations

from sandbox.salesforce.asking import Answer, Asked, Route

STALE_MS = 1_800_000
"""How old a count may be: records younger than this are not in it yet."""


def tell_limits(asked: Asked) -> Answer:
    """``GET limits``."""
    return Answer(200, asked.org.limits.told())


def count_records(asked: Asked) -> Answer:
    """``GET limits/recordCount?sObjects=A,B``: approximate and stale. Objects that never had a record are left out."""
    org = asked.org
    wanted = asked.many("sObjects") or [kind.name for kind in org.schema]
    before = org.now_ms() - STALE_MS
    told = []
    for name in wanted:
        kind = org.schema.object(name)
        if kind is None:
            continue
        store = org.store(kind.name)
        if len(store):
            count = sum(not record.is_deleted and record.values.get("CreatedDate", 0) <= before for record in store)
            told.append({"count": count, "name": kind.name})
    return Answer(200, {"sObjects": told})


ROUTES = [
    Route("GET", "/services/data/v{version}/limits", tell_limits),
    Route("GET", "/services/data/v{version}/limits/recordCount", count_records),
]
