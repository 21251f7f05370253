"""Whatever comes in whatever order, the lake reads as a plain dictionary would."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from store.lake import Lake

CONTACT_IDS, ACTIVITY_IDS, BUCKETS = "12", "xy", 3

ids = st.lists(st.sampled_from(CONTACT_IDS), min_size=1, max_size=2, unique=True)
steps = st.one_of(
    st.tuples(st.just("contact"), st.sampled_from(CONTACT_IDS), st.integers(0, BUCKETS - 1)),
    st.tuples(st.just("add"), st.sampled_from(ACTIVITY_IDS), ids),
    st.tuples(st.just("replace"), st.sampled_from(ACTIVITY_IDS), ids),
    st.tuples(st.just("gone"), st.sampled_from(ACTIVITY_IDS), st.none()),
    st.tuples(st.just("follow"), st.none(), st.none()),
    st.tuples(st.just("compact"), st.sampled_from(["contacts", "activities"]), st.none()),
)


class Plain:
    """What the lake should hold, without versions, buckets or files."""

    def __init__(self) -> None:
        self.homes: dict[str, int] = {}
        self.rows: dict[tuple[str, str], str] = {}

    def take(self, number: int, what: str, name: str, more: Any) -> None:
        """Do one step."""
        if what == "contact":
            self.homes[name] = more
        if what in {"replace", "gone"}:
            self.rows = {key: value for key, value in self.rows.items() if key[0] != name}
        if what in {"add", "replace"}:
            self.rows |= {(name, contact): str(number) for contact in more}

    @property
    def placed(self) -> set[tuple[str, str, str, int]]:
        """Each activity of a known contact, with its last word and its bucket."""
        return {(*key, word, self.homes[key[1]]) for key, word in self.rows.items() if key[1] in self.homes}


def take(lake: Lake, made: Any, number: int, what: str, name: str, more: Any) -> None:
    """Do one step to the lake."""
    if what == "contact":
        made.put(lake, {name: more})
    elif what == "gone":
        lake.append("activities", made.activities([]), crm="hubspot", gone=made.gone("activities", "archived", [name]))
    elif what == "follow":
        lake.follow_moves()
    elif what == "compact":
        lake.compact(name)
    else:
        rows = made.activities([(name, contact) for contact in more], thread_id=str(number))
        lake.append("activities", rows, crm="hubspot", replaces=what == "replace")


@example([("add", "x", ["1", "2"]), ("contact", "2", 1), ("add", "x", ["1", "2"]), ("contact", "2", 0)])
@example([("contact", "1", 0), ("add", "x", ["1"]), ("contact", "1", 1), ("add", "x", ["1"]), ("contact", "1", 0)])
@given(st.lists(steps, max_size=9))
@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_lake_reads_like_a_dictionary(tmp_path_factory: pytest.TempPathFactory, made: Any, order: list[tuple[str, Any, Any]]) -> None:
    """Contacts that move, activities that come, come anew and go, tidying and following in any order: each row is there once, where its contact lives."""
    lake, plain = Lake.open(tmp_path_factory.mktemp("any"), buckets=BUCKETS), Plain()
    for number, step in enumerate(order):
        take(lake, made, number, *step)
        plain.take(number, *step)
    assert set(lake.read("activities")[["activity_id", "contact_id", "thread_id"]].itertuples(index=False, name=None)) == {
        (*key, word) for key, word in plain.rows.items()
    }
    lake.follow_moves()
    found = pd.concat([lake.read("activities", bucket).assign(bucket=bucket) for bucket in range(BUCKETS)])
    assert sorted(found[["activity_id", "contact_id", "thread_id", "bucket"]].itertuples(index=False, name=None)) == sorted(plain.placed)
    contacts = {bucket: lake.read("contacts", bucket)["contact_id"].tolist() for bucket in range(BUCKETS)}
    assert contacts == {bucket: sorted(c for c, home in plain.homes.items() if home == bucket) for bucket in range(BUCKETS)}
