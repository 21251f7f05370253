"""The plan: only what differs, nothing that ticks, and a reason for each cell."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.fields import FIELDS
from transforms.plan import plan_cells
from transforms.vocabulary.changes import CELLS, STANDING
from transforms.vocabulary.fields import Field, Kind, to_text
from transforms.vocabulary.tables import check_table, to_table

BY_NAME = {(field.table, field.name): field for field in FIELDS}
HEARD = pd.Timestamp("2026-11-03 09:00", tz="UTC")


def frame(**columns: object) -> pd.DataFrame:
    """The raw values of one contact, hubspot 1."""
    index = pd.MultiIndex.from_tuples([("hubspot", "1")], names=["crm", "record_id"])
    return pd.DataFrame({name: [value] for name, value in columns.items()}, index=index)


def standing(table: str = "contacts", **texts: str) -> pd.DataFrame:
    """What the CRM holds for it."""
    rows = [{"crm": "hubspot", "table": table, "record_id": "1", "values": json.dumps(texts)}]
    return to_table(STANDING, rows)


def planned(values: pd.DataFrame, held: pd.DataFrame) -> dict[str, tuple[object, object]]:
    """Field → (old, new) of a plan, missing as None."""
    cells = plan_cells({"contacts": values}, held, FIELDS)
    check_table(CELLS, cells)
    return {row.field: (None if pd.isna(row.old) else row.old, None if pd.isna(row.new) else row.new) for row in cells.itertuples()}


def test_only_what_differs_is_planned() -> None:
    """Texts are compared in their one form: the same day, the same band, an empty text and a missing one are the same."""
    values = frame(engagement_state="quiet", last_heard_at=HEARD, usual_gap_days=9, successor=pd.NA, why="Quiet.")
    held = standing(engagement_state="engaged", last_heard_at="2026-11-03T09:00:00Z", usual_gap_days="9", successor="", why="Quiet.")
    assert planned(values, held) == {"engagement_state": ("engaged", "quiet")}


def test_a_value_that_is_gone_becomes_empty() -> None:
    """What no longer holds is taken away, not left standing."""
    assert planned(frame(successor=pd.NA), standing(successor="Julia Kern")) == {"successor": ("Julia Kern", None)}


def test_a_record_that_never_held_anything_gets_all_it_has() -> None:
    """Without a standing row everything that is not missing is new; fields that were not computed are left alone."""
    cells = plan_cells({"contacts": frame(engagement_state="quiet", successor=pd.NA)}, standing("companies"), FIELDS)
    assert cells[["field", "new", "reason"]].to_numpy().tolist() == [["engagement_state", "quiet", "first value for this contact"]]


@pytest.mark.parametrize(
    ("raw", "held", "expected"),
    [
        (0.37, "35", {}),
        (0.40, "35", {}),
        (0.301, "35", {}),
        (0.41, "35", {"still_there_chance": ("35", "40")}),
        (0.01, "35", {"still_there_chance": ("35", "0")}),
    ],
)
def test_a_band_is_kept_until_the_value_leaves_its_neighbourhood(raw: float, held: str, expected: dict[str, tuple[str, str]]) -> None:
    """Within one band of 5 points of what stands, nothing is written."""
    assert planned(frame(still_there_chance=raw), standing(still_there_chance=held)) == expected


@given(st.floats(0, 1), st.floats(-0.024, 0.024))
def test_a_chance_that_trembles_is_never_written_twice(chance: float, tremble: float) -> None:
    """Whatever a first run wrote, a small change of the raw value writes nothing."""
    field = BY_NAME["contacts", "still_there_chance"]
    text = to_text(field, pd.Series([chance]))[0]
    assert planned(frame(still_there_chance=min(1.0, max(0.0, chance + tremble))), standing(still_there_chance=text)) == {}


SAMPLES = {
    Kind.TEXT: "Tue to Thu",
    Kind.LONG_TEXT: "Usually heard from every nine days.",
    Kind.DATE: pd.Timestamp("2026-11-03", tz="UTC"),
    Kind.DATETIME: HEARD,
    Kind.COUNT: 3,
    Kind.SCORE: 45,
    Kind.CHANCE: 0.34,
    Kind.SHARE: 0.5,
    Kind.FLAG: True,
}


@pytest.mark.parametrize("field", [field for field in FIELDS if field.table == "contacts"], ids=lambda f: f.name)
def test_what_a_plan_wrote_is_not_planned_again(field: Field) -> None:
    """A second run straight after the first plans nothing, for every field."""
    value = field.options[0].value if field.kind is Kind.CHOICE else SAMPLES[field.kind]
    (first,) = plan_cells({"contacts": frame(**{field.name: value})}, standing("companies"), FIELDS).itertuples()
    assert planned(frame(**{field.name: value}), standing(**{field.name: first.new})) == {}


def test_the_reason_says_what_happened() -> None:
    """A cell changes because they were heard from, because we reached out, because of the job, or because time passed."""
    values = frame(
        engagement_state="engaged",
        last_heard_at=HEARD,
        last_heard_channel="email",
        last_touch_at=HEARD,
        last_touch_channel="call",
        job_state="left",
        job_evidence="Auto-reply of 3 November 2026: “has left us” (strong sign). Last heard from on 1 May 2026 by e-mail.",
    )
    held = standing(
        last_heard_at="2026-10-01T09:00:00Z", last_touch_at="2026-10-01T09:00:00Z", last_heard_channel="email", last_touch_channel="call"
    )
    reasons = plan_cells({"contacts": values}, held, FIELDS).set_index("field")["reason"]
    assert reasons["engagement_state"] == "heard from on 3 November 2026 by e-mail"
    assert reasons["last_touch_at"] == "we reached out on 3 November 2026 on the phone"
    assert reasons["job_state"] == "Auto-reply of 3 November 2026: “has left us” (strong sign)"


def test_time_alone_is_a_reason_too() -> None:
    """Where nothing happened, the reason names the last day on which something did."""
    values = frame(engagement_state="quiet", last_heard_at=HEARD)
    held = standing(engagement_state="engaged", last_heard_at="2026-11-03T09:00:00Z")
    assert plan_cells({"contacts": values}, held, FIELDS)["reason"].tolist() == ["nothing heard since 3 November 2026"]


def test_an_empty_world_gives_an_empty_plan() -> None:
    """Nobody there: no cells, and a canonical frame all the same."""
    cells = plan_cells({"contacts": frame(why="x").iloc[:0]}, standing().iloc[:0], FIELDS)
    check_table(CELLS, cells)
    assert len(cells) == 0
