"""Mail that the org counts and keeps no record of. Where it is captured outside the standard objects, silence may only be deafness.

ActivityMetric says when mail with somebody last passed. Where no e-mail and no logged mail of about that time is on record, it was captured elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from connectors.salesforce.client import COMPOSITE_QUERIES, Client, parts
from connectors.salesforce.gathering import Gatherer
from connectors.salesforce.shape import Shape
from connectors.salesforce.soql import statement
from connectors.salesforce.streams import METRICS
from connectors.salesforce.values import flatten, to_list, to_times

IDS_A_QUERY = 400
MANY = 4_000
"""From so many contacts on, everybody's mail is read at once instead of theirs by id."""

SLACK = pd.Timedelta(days=1)
"""A logged mail has a day, no hour; a mail on record within a day of the count explains it."""

MOMENTS = ("LastEmailDateTime", "LastEmailSentDateTime", "LastEmailReceivedDateTime")
_RELATION = ("RelationId", "EmailMessage.MessageDate")
_TASK = ("WhoId", "ActivityDate", "CompletedDateTime", "CreatedDate")
_RELATED = "RelationObjectType IN ('Contact','Lead')"
_LOGGED = "TaskSubtype = 'Email'"


class Captured:
    """Who has mail that is only counted, and when it last passed."""

    def __init__(self, client: Client, shape: Shape, gatherer: Gatherer) -> None:
        self._client = client
        self._shape = shape
        self._gatherer = gatherer

    @property
    def is_counted(self) -> bool:
        """Whether the org counts mail at all, and lets us see it."""
        return self._shape.has(METRICS.object, "BaseId") and bool(self._moments)

    def counted(self) -> tuple[list[str], list[str]]:
        """What is asked for: columns, and the condition without which no bulk query may read the counts."""
        return ["BaseId", *self._moments], [f"{self._moments[0]} != null"]

    @property
    def _moments(self) -> list[str]:
        return [name for name in MOMENTS if self._shape.has(METRICS.object, name)]

    def of_all(self) -> dict[str, pd.Timestamp]:
        """Everybody's. Costs a call where nothing is counted."""
        if not self.is_counted:
            return {}
        counted = self._latest(self._gatherer.gather(METRICS.object, *self.counted()))
        if len(counted) < MANY:
            return self._unexplained(counted, self._recorded(counted.index))
        return self._unexplained(counted, self._recorded_of_all())

    def of(self, ids: Sequence[str]) -> dict[str, pd.Timestamp]:
        """That of these contacts; costs calls in proportion to them."""
        if not self.is_counted or not ids:
            return {}
        columns = ["BaseId", *self._moments]
        found = self._by_ids([(METRICS.object, columns, "BaseId", "")], ids)
        counted = self._latest(found[0])
        return self._unexplained(counted, self._recorded(counted.index))

    def _latest(self, frame: pd.DataFrame) -> pd.Series:
        moments = pd.concat([to_times(frame[name]) for name in self._moments], axis=1).max(axis=1)
        return moments.groupby(frame["BaseId"]).max().dropna()

    def _recorded(self, ids: Iterable[str]) -> pd.Series:
        wanted = list(ids)
        if not wanted:
            return pd.Series(dtype="datetime64[us, UTC]")
        asked = self._sources()
        found = self._by_ids([(name, columns, key, where) for name, columns, key, where in asked], wanted)
        return self._moments_of(dict(zip((name for name, *_ in asked), found, strict=True)))

    def _recorded_of_all(self) -> pd.Series:
        asked = self._sources()
        return self._moments_of({name: self._gatherer.gather(name, columns, [where]) for name, columns, _, where in asked})

    def _sources(self) -> list[tuple[str, list[str], str, str]]:
        asked = []
        if self._shape.has("EmailMessageRelation", "RelationId") and self._shape.has("EmailMessage", "MessageDate"):
            asked.append(("EmailMessageRelation", list(_RELATION), "RelationId", _RELATED))
        asked.append(("Task", [name for name in _TASK if self._shape.has("Task", name)], "WhoId", _LOGGED))
        return asked

    def _moments_of(self, found: dict[str, pd.DataFrame]) -> pd.Series:
        """The latest mail on record, by contact. A logged mail may have been sent at any hour of its day."""
        known = []
        for name, frame in found.items():
            key = "WhoId" if name == "Task" else "RelationId"
            for column in frame.columns:
                if column != key:
                    times = to_times(frame[column]) + (pd.Timedelta(days=1) if column == "ActivityDate" else pd.Timedelta(0))
                    known.append(times.groupby(frame[key]).max())
        together = pd.concat([one for one in known if len(one)] or [pd.Series(dtype="datetime64[us, UTC]")])
        return together.groupby(level=0).max()

    @staticmethod
    def _unexplained(counted: pd.Series, recorded: pd.Series) -> dict[str, pd.Timestamp]:
        known = recorded.reindex(counted.index)
        is_unexplained = known.isna() | (counted > known + SLACK)
        return {str(one): moment for one, moment in counted[is_unexplained].items()}

    def _by_ids(self, asked: Sequence[tuple[str, list[str], str, str]], ids: Sequence[str]) -> list[pd.DataFrame]:
        """Each of these objects' rows for these ids: several hundred ids a query, five queries a call."""
        statements = [
            (place, statement(columns, name, [f"{key} IN {to_list(some)}", where], "ORDER BY Id"))
            for some in parts(ids, IDS_A_QUERY)
            for place, (name, columns, key, where) in enumerate(asked)
        ]
        frames: list[list[pd.DataFrame]] = [[] for _ in asked]
        for some in parts(statements, COMPOSITE_QUERIES):
            answers = self._client.find([soql for _, soql in some], is_all=True, purpose="read", what="ask for mail on record")
            for (place, soql), answer in zip(some, answers, strict=True):
                records = list(answer.records)
                if answer.more is not None:
                    rest = self._client.query(soql, is_all=True, purpose="read", what="ask for mail on record")
                    records = [record for page in rest for record in page]
                frames[place].append(flatten(records, asked[place][1]))
        return [pd.concat(found, ignore_index=True) for found in frames]
