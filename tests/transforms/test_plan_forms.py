"""Values in plan files: each kind has one form, and what is in another is told."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.fields import FIELDS
from transforms.forms import is_form_of
from transforms.vocabulary.fields import Field, Kind, to_text

BY_KIND: dict[Kind, Field] = {field.kind: field for field in FIELDS}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Kind.DATE, "2026-11-03", "2026-13-03 | 2026-1-3 | 3 Nov 2026 | =TODAY() | 2026-11-03T00:00:00Z"),
        (Kind.DATETIME, "2026-11-03T09:00:00Z", "2026-11-03 | 2026-11-03T09:00:00 | 2026-11-03T09:00:00.000Z | 2026-11-03T25:00:00Z"),
        (Kind.COUNT, "0 | 12 | 400000", "-1 | 1.0 | 012 | 1e3 | =1+1 | twelve | 99999999999"),
        (Kind.SCORE, "0 | 100", "101 | -1 | +5"),
        (Kind.CHANCE, "0 | 35 | 100", "0.35 | 105"),
        (Kind.SHARE, "0 | 100", "=1 | 1000"),
        (Kind.FLAG, "true | false", "True | 1 | yes"),
        (Kind.TEXT, "Tue to Thu", "x" * 256),
        (Kind.LONG_TEXT, "x" * 4000, "x" * 4001),
    ],
)
def test_each_kind_has_one_form(kind: Kind, good: str, bad: str) -> None:
    """What the CRM would hold in that form, and what it would not."""
    for texts, expected in ((good, True), (bad, False)):
        found = is_form_of(BY_KIND[kind], pd.Series(texts.split(" | "), dtype="str"))
        assert found.tolist() == [expected] * len(found)


def test_a_choice_is_one_of_its_options() -> None:
    """And a missing value empties the field, whatever its kind."""
    texts = pd.Series([BY_KIND[Kind.CHOICE].options[0].value, "=cmd()", None], dtype="str")
    assert is_form_of(BY_KIND[Kind.CHOICE], texts).tolist() == [True, False, True]


@given(st.sampled_from(sorted(BY_KIND)), st.floats(0, 1), st.datetimes(pd.Timestamp("2000-01-01"), pd.Timestamp("2100-01-01")))
def test_whatever_a_plan_writes_is_of_that_form(kind: Kind, number: float, moment: pd.Timestamp) -> None:
    """Every value that is computed can be read back from a plan."""
    field = BY_KIND[kind]
    at = pd.Timestamp(moment, tz="UTC")
    raw = {
        Kind.DATE: at,
        Kind.DATETIME: at,
        Kind.FLAG: number > 1 / 2,
        Kind.TEXT: f"=“{number}”",
        Kind.LONG_TEXT: "y" * round(number * 9_000),
    }
    values = {
        Kind.CHOICE: field.options[0].value if field.options else "",
        Kind.COUNT: round(number * 400),
        Kind.SCORE: round(number * 100),
    }
    texts = to_text(field, pd.Series([(raw | values).get(kind, number)]))
    assert is_form_of(field, texts).tolist() == [True]
