"""Lots beside each other: what comes out does not depend on how many lots there are, nor on how many processes compute them."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.compute import make_people
from flows.crew import Crew, Question, lots_for
from transforms.compute import combine
from transforms.matching.elsewhere import seen_elsewhere
from transforms.persons import resolve
from transforms.policy import Policy
from transforms.splitting import places_of, split_persons
from transforms.vocabulary.tables import ACTIVITIES, to_table

AS_OF = pd.Timestamp("2026-11-22", tz="UTC")
CONTACTS, FIRMS = make_people(40, 4)


def made_activities() -> pd.DataFrame:
    """Some months of mail and calls, a few mails with a text, and one row of somebody who is not known."""
    rng = np.random.default_rng(3)
    number = 900
    rows = pd.DataFrame(
        {
            "activity_id": [f"a{place}" for place in range(number)],
            "contact_id": rng.choice([*CONTACTS["contact_id"], "nobody"], number),
            "crm": "hubspot",
            "occurred_at": AS_OF - pd.to_timedelta(rng.integers(60, 400 * 86_400, number), unit="s"),
            "channel": rng.choice(["email", "call"], number),
            "direction": rng.choice(["inbound", "outbound"], number),
            "body": np.where(rng.random(number) < 0.1, "I am on leave until 30 November 2026.", None),
        }
    )
    return to_table(ACTIVITIES, rows)


def computed(lots: int, hands: int) -> pd.DataFrame:
    """The fields of all, in the order of the contacts."""
    people = resolve(CONTACTS, FIRMS)
    with Crew(hands) as crew:
        shares = split_persons(CONTACTS, made_activities(), people, lots)
        org = combine(crew.survey(shares, Question(FIRMS, seen_elsewhere(CONTACTS, FIRMS, people), AS_OF, Policy())))
        return pd.concat(crew.fields(lots, org)).loc[people["person_id"]]


@pytest.fixture(scope="module")
def at_once() -> pd.DataFrame:
    """The fields, computed here and in one lot."""
    return computed(1, 1)


@pytest.mark.parametrize(("lots", "hands"), [(3, 1), (2, 2)])
def test_lots_and_processes_change_nothing(at_once: pd.DataFrame, lots: int, hands: int) -> None:
    """One lot here, three lots here, and two lots in two processes give the same fields."""
    pd.testing.assert_frame_equal(computed(lots, hands), at_once)


def test_every_row_of_a_known_contact_is_in_one_lot() -> None:
    """The lots together hold each contact once and each of their activities once, in the order in which they came."""
    rows = made_activities()
    shares = list(split_persons(CONTACTS, rows, resolve(CONTACTS, FIRMS), 4))
    assert sorted(CONTACTS["contact_id"]) == sorted(name for share in shares for name in share.contacts["contact_id"])
    for share in shares:
        mine = rows[rows["contact_id"].isin(share.contacts["contact_id"])]
        pd.testing.assert_frame_equal(share.activities, mine.reset_index(drop=True))


def test_what_is_missing_has_no_place() -> None:
    """A text that is not known, and a missing one, have the place -1."""
    known, asked = pd.Series(["b", "a"], dtype="str"), pd.Series(["a", None, "c", "b"], dtype="str")
    assert places_of(asked, known).tolist() == [1, -1, -1, 0]


def test_each_process_gets_as_many_lots_as_the_others() -> None:
    """The number of lots is a multiple of the processes, and at least one each."""
    assert [lots_for(1, 2), lots_for(2_000_000, 2), lots_for(2_000_000, 3)] == [2, 8, 9]
