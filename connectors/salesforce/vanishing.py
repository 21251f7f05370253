"""Records that vanish without a trace in what changed: deleted for good, or deleted and purged before anybody looked.

With every pull of the contacts, and once a day for the rest, the org is asked what was deleted, for all objects of a table in one call. It tells of the
last 15 days alone, so once a week, or after a longer pause, all ids that are known are compared with all ids that are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from connectors.salesforce.activities import to_vanished
from connectors.salesforce.client import COMPOSITE_QUERIES, Client, Part, parts
from connectors.salesforce.gathering import Gatherer, Ids
from connectors.salesforce.mapping import gone
from connectors.salesforce.soql import statement
from connectors.salesforce.streams import LEADS, Stream
from connectors.salesforce.values import DAY_MS, from_ms, to_list, to_ms, to_texts
from transforms.vocabulary.tables import Gone

REACH_MS = 14 * DAY_MS
"""How far back deletions are asked for; Salesforce tells of 15 days."""

OVERLAP_MS = 600_000
IDS_A_QUERY = 400


def deleted_since(client: Client, streams: Sequence[Stream], since_ms: int, now_ms: int) -> tuple[dict[str, list[str]], int | None]:
    """The ids that were deleted since then, by object, in one call; and up to when that is whole (None where some object could not tell)."""
    start = from_ms(max(since_ms - OVERLAP_MS, now_ms - REACH_MS)).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    end = from_ms(now_ms + 60_000).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    asked = [Part("GET", f"sobjects/{stream.object}/deleted/", {"start": start, "end": end}) for stream in streams]
    answers = client.composite(asked, purpose="read", what="ask what was deleted")
    found, covered = {}, now_ms
    is_whole = since_ms >= now_ms - REACH_MS
    for stream, answer in zip(streams, answers, strict=True):
        if not answer.is_good:
            # Some objects keep no such list, and a list may have been purged early: comparing all ids does without.
            is_whole = False
            continue
        found[stream.object] = [str(one["id"]) for one in answer.body.get("deletedRecords") or ()]
        covered = min(covered, to_ms(answer.body.get("latestDateCovered")) or covered)
    return {name: ids for name, ids in found.items() if ids}, covered if is_whole else None


def told(client: Client, stream: Stream, ids: Sequence[str]) -> pd.DataFrame:
    """GONE rows of these ids: merged or archived where the record is still in the recycle bin, else erased. An undeleted one gives none."""
    if stream.table == "activities":
        return to_vanished(stream.object, to_texts(ids))
    known: dict[str, tuple[str, str | None]] = dict.fromkeys(ids, (Gone.ERASED.value, None))
    statements = [
        statement(["Id", "IsDeleted", "MasterRecordId"], stream.object, [f"Id IN {to_list(some)}"]) for some in parts(ids, IDS_A_QUERY)
    ]
    for some in parts(statements, COMPOSITE_QUERIES):
        for answer in client.find(some, is_all=True, purpose="read", what="ask what became of deleted records"):
            for record in answer.records:
                into = record.get("MasterRecordId")
                if record.get("IsDeleted"):
                    known[str(record["Id"])] = (Gone.MERGED.value, str(into)) if into else (Gone.ARCHIVED.value, None)
                else:
                    known.pop(str(record["Id"]), None)
    return gone(stream.table, to_texts(known), to_texts(how for how, _ in known.values()), to_texts(into for _, into in known.values()))


def compare(client: Client, gatherer: Gatherer, stream: Stream, known: Sequence[str]) -> tuple[pd.DataFrame | None, list[str]]:
    """All ids of one object against those of it that are known: GONE rows of what is there no more, and the ids that nobody has read."""
    # A converted lead is still there, and what took its place is known.
    conditions = ["IsDeleted = false", *(["IsConverted = false"] if stream.name == LEADS.name else [])]
    there = gatherer.gather(stream.object, ["Id"], conditions)["Id"]
    ours = pd.Series(list(known), dtype="str")
    live, read = Ids(), Ids()
    live.add(there)
    read.add(ours)
    missing = ours[~live.has(ours)].drop_duplicates().tolist()
    return told(client, stream, missing) if missing else None, there[~read.has(there)].tolist()


def record_ids(activity_ids: Iterable[str], prefix: str) -> list[str]:
    """The records of an object, by the beginning of its ids, that these activities came from."""
    plain = (one[5:23] if one.startswith("case-") else one for one in activity_ids)
    return list(dict.fromkeys(one for one in plain if one.startswith(prefix)))
