"""What two CRMs tell counts once, whatever is told: the counts are those of one CRM that tells all of it."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.book import Book, Tables
from transforms.compute import compute_contacts
from transforms.fields import CONTACT_FIELDS
from transforms.happenings import SAME_WITHIN_S, find_happenings
from transforms.org import Org
from transforms.persons import resolve
from transforms.policy import Policy
from transforms.vocabulary.fields import to_text
from transforms.vocabulary.tables import COMPANIES, CONTACTS, STORED_ACTIVITIES, empty_table, to_table

NOW = pd.Timestamp("2026-11-22 09:00", tz="UTC")
POLICY = Policy()
PEOPLE = to_table(
    CONTACTS,
    [
        {"contact_id": f"{crm[0]}{n}", "crm": crm, "email": f"p{n}@x.example", "created_at": "2024-01-01", "owner_id": "o"}
        for crm in ("hubspot", "salesforce")
        for n in range(3)
    ],
)
SOME = settings(max_examples=40, deadline=None)

Row = tuple[int, int, str, str, str | None]

rows_of = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 3_000),
        st.sampled_from(["email", "call", "meeting"]),
        st.sampled_from(["inbound", "outbound"]),
        st.sampled_from([None, "opened", "replied"]),
    ),
    max_size=40,
)


def told(rows: list[Row], crm: str, late: list[int] | None = None) -> pd.DataFrame:
    """These happenings as one CRM tells them, each so many seconds late."""
    return pd.DataFrame(
        [
            {
                "activity_id": f"{crm[0]}{place}",
                "contact_id": f"{crm[0]}{person}",
                "crm": crm,
                "occurred_at": NOW - pd.Timedelta(hours=30) + pd.Timedelta(seconds=second + (late[place] if late else 0)),
                "channel": channel,
                "direction": direction,
                "outcome": outcome,
            }
            for place, (person, second, channel, direction, outcome) in enumerate(rows)
        ]
    )


def happened(*frames: pd.DataFrame) -> pd.DataFrame:
    """What happened, by person, channel and direction, each thing once."""
    activities = to_table(STORED_ACTIVITIES, pd.concat(frames))
    people = resolve(PEOPLE)
    return find_happenings(activities, people, pd.Index(sorted(people["person_id"].unique())), NOW).rows


def counts(rows: pd.DataFrame) -> dict[tuple[str, ...], int]:
    """How many happenings each person has by each way."""
    return rows.groupby([rows["person_id"].astype("str"), "channel", "direction", rows["outcome"].fillna("")]).size().to_dict()


@SOME
@given(rows_of, st.data())
def test_what_both_tell_counts_as_often_as_one_tells_it(rows: list[Row], data: st.DataObject) -> None:
    """Each happening logged in both CRMs, up to two minutes late in the second: as many happenings as the first has, however near they lie."""
    # One CRM's exact repeats are one thing already; here each happening is told once by each.
    rows = list(dict.fromkeys(rows))
    late = data.draw(st.lists(st.integers(0, SAME_WITHIN_S), min_size=len(rows), max_size=len(rows)))
    if rows:
        assert counts(happened(told(rows, "hubspot"), told(rows, "salesforce", late))) == counts(happened(told(rows, "hubspot")))


@SOME
@given(rows_of, rows_of)
def test_no_happening_is_lost_and_rows_of_one_crm_are_never_joined(ours: list[Row], theirs: list[Row]) -> None:
    """Two unlike lists: at least as many happenings as the longer list has, at most as many as both have, and each row counts or is told again."""
    ours, theirs = list(dict.fromkeys(ours)), list(dict.fromkeys(theirs))
    if not (ours or theirs):
        return
    activities = to_table(STORED_ACTIVITIES, pd.concat([told(ours, "hubspot"), told(theirs, "salesforce")]))
    people = resolve(PEOPLE)
    found = find_happenings(activities, people, pd.Index(sorted(people["person_id"].unique())), NOW)
    assert len(found.rows) + len(found.told_again) == len(ours) + len(theirs)
    assert len(found.rows) >= max(len(ours), len(theirs))
    again = found.told_again
    by = found.rows.loc[again["told_by"]].reset_index(drop=True)
    assert (by["crm"].to_numpy() != again["crm"].to_numpy()).all()
    assert (by["person_id"].astype("str").to_numpy() == again["person_id"].astype("str").to_numpy()).all()
    assert ((by["occurred_at"] - again["occurred_at"]).abs() <= pd.Timedelta(seconds=SAME_WITHIN_S)).all()
    assert not again.duplicated(["told_by", "crm"]).any()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_fields_are_those_of_one_crm_that_tells_all(seed: int) -> None:
    """Every contact field has the value that it would have if HubSpot alone told all of it, where Salesforce tells a part again."""
    random = np.random.default_rng(seed)
    rows: list[Row] = [
        (int(person), int(second), str(channel), str(direction), None)
        for person, second, channel, direction in zip(
            random.integers(0, 3, 40),
            random.choice(90_000, 40, replace=False),
            random.choice(["email", "call", "meeting"], 40),
            random.choice(["inbound", "outbound"], 40),
            strict=True,
        )
    ]
    # Far enough apart that no order changes by the delay.
    first = told(rows, "hubspot").assign(occurred_at=lambda frame: NOW - pd.to_timedelta(np.arange(len(frame)) * 37, unit="h"))
    again = first.sample(frac=0.6, random_state=seed).assign(crm="salesforce")
    again = again.assign(
        activity_id="s" + again["activity_id"],
        contact_id=again["contact_id"].str.replace("h", "s"),
        occurred_at=again["occurred_at"] + pd.to_timedelta(random.integers(-SAME_WITHIN_S, 0, len(again)), unit="s"),
    )
    org = Org.without_history(NOW, POLICY)

    def fields(activities: pd.DataFrame) -> pd.DataFrame:
        tables = Tables(PEOPLE, to_table(STORED_ACTIVITIES, activities), empty_table(COMPANIES))
        persons = compute_contacts(tables, org, NOW, POLICY).persons
        return pd.DataFrame({field.name: to_text(field, persons[field.name]) for field in CONTACT_FIELDS})

    pd.testing.assert_frame_equal(fields(pd.concat([first, again])), fields(first))


def test_what_only_one_crm_knows_is_known_of_the_happening() -> None:
    """HubSpot read the note and has no thread; Salesforce marks it as automated: one row knows both, with the ids of the one that tells more."""
    note = {"occurred_at": "2026-11-01T09:00:00Z", "channel": "email", "direction": "inbound"}
    rows = [
        {**note, "crm": "hubspot", "activity_id": "1", "contact_id": "h0", "kind": "auto_reply", "reason": "left", "successor": "Kim"},
        {**note, "crm": "salesforce", "activity_id": "2", "contact_id": "s0", "is_automated": "true", "thread_id": "t", "actor_id": "u"},
    ]
    tables = Tables(PEOPLE, to_table(STORED_ACTIVITIES, rows), empty_table(COMPANIES))
    book = Book(tables, NOW, POLICY, Org.without_history(NOW, POLICY))
    (row,) = book.activities.itertuples()
    assert (row.crm, row.activity_id, row.kind, row.successor, row.is_automated) == ("hubspot", "1", "auto_reply", "Kim", True)
    assert pd.isna(row.thread_id)
    assert pd.isna(row.actor_id)
    assert book.told_again[["crm", "activity_id", "told_by"]].to_numpy().tolist() == [["salesforce", "2", 0]]
