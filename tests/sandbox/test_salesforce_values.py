"""Values of a Salesforce org on their way in and out: JSON of the REST API, CSV of the Bulk API."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesforce.errors import RowError
from sandbox.salesforce.schema import Field
from sandbox.salesforce.values import csv_time, from_csv, from_json, read_time, rest_time, to_csv, to_rest

TEXT = Field("Title", "Title", "string", length=128)
DATE = Field("ActivityDate", "Due Date Only", "date")
TIME = Field("MessageDate", "Message Date", "datetime")
FLAG = Field("DoNotCall", "Do Not Call", "boolean", nillable=False)
WHOLE = Field("NumberOfEmployees", "Employees", "int", digits=8)
SHARE = Field("Share__c", "Share", "percent", precision=3)
MONEY = Field("AnnualRevenue", "Annual Revenue", "currency", precision=18, scale=2)
PARENT = Field("AccountId", "Account ID", "reference", length=18, reference_to=("Account",))
SECONDS = st.integers(min_value=-8_500_000_000, max_value=64_000_000_000)
"""The years that Salesforce can keep: 1700 to 4000."""


def refusal(act: Any, *args: Any) -> tuple[str, str]:
    with pytest.raises(RowError) as caught:
        act(*args)
    fault = caught.value.faults[0]
    return fault.code, fault.message


@given(SECONDS)
def test_a_moment_told_by_either_api_reads_as_the_same_moment(second: int) -> None:
    """What the REST API and the Bulk API write is read back to the millisecond; both end as recorded."""
    ms = second * 1000
    assert read_time(rest_time(ms)) == ms
    assert read_time(csv_time(ms)) == ms
    assert rest_time(ms)[-9:] == ".000+0000"
    assert csv_time(ms)[-5:] == ".000Z"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-23T09:00:00Z", 1_795_424_400_000),
        ("2026-11-23T09:00:00.999+0000", 1_795_424_400_000),
        ("2026-11-23T10:00:00+01:00", 1_795_424_400_000),
        ("2026-11-23T09:00:00", 1_795_424_400_000),
        ("2026-11-23", 1_795_392_000_000),
    ],
)
def test_moments_are_kept_to_the_second_whatever_their_zone(text: str, ms: int) -> None:
    """Salesforce keeps whole seconds; a zone may be written with or without colon, or left out for UTC."""
    assert from_json(TIME, text) == ms


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (DATE, "23.11.2026", "Cannot deserialize instance of date from VALUE_STRING value 23.11.2026"),
        (DATE, "2026-02-30", "Cannot deserialize instance of date from VALUE_STRING value 2026-02-30"),
        (DATE, 5, "Cannot deserialize instance of date from VALUE_NUMBER_INT value 5"),
        (TIME, "2017-10-17 00:00:00", "Cannot deserialize instance of datetime from VALUE_STRING value 2017-10-17 00:00:00"),
        (TIME, True, "Cannot deserialize instance of datetime from VALUE_TRUE value true"),
        (FLAG, "perhaps", "Cannot deserialize instance of boolean from VALUE_STRING value perhaps"),
        (WHOLE, 1.5, "Cannot deserialize instance of int from VALUE_NUMBER_FLOAT value 1.5"),
        (WHOLE, "many", "Cannot deserialize instance of int from VALUE_STRING value many"),
        (MONEY, False, "Cannot deserialize instance of currency from VALUE_FALSE value false"),
        (TEXT, {"a": 1}, "Cannot deserialize instance of string from START_OBJECT value {"),
        (TEXT, ["a"], "Cannot deserialize instance of string from START_ARRAY value ["),
    ],
)
def test_a_json_value_of_the_wrong_kind_is_the_parsers_error(field: Field, value: Any, message: str) -> None:
    """The message names the type, the token and the place in the body."""
    told = f"{message} or request may be missing a required field at [line:1, column:7]"
    assert refusal(from_json, field, value, "[line:1, column:7]") == ("JSON_PARSER_ERROR", told)


def test_a_parser_error_of_a_single_call_has_no_fields_key() -> None:
    """As recorded: message and errorCode alone."""
    with pytest.raises(RowError) as caught:
        from_json(DATE, "soon")
    assert list(caught.value.as_call()[0]) == ["message", "errorCode"]


@pytest.mark.parametrize("text", ["nope", "001000000000000AAB", "00100000000000"])
def test_a_reference_that_is_no_id_is_malformed(text: str) -> None:
    """Neither 15 nor 18 characters, or a checksum that does not fit."""
    assert refusal(from_json, PARENT, text) == ("MALFORMED_ID", f"Account ID: id value of incorrect type: {text}")


def test_an_id_is_kept_with_18_characters() -> None:
    """Ids may be given with 15."""
    assert from_json(PARENT, "0015e000000001A") == "0015e000000001AAAQ"


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        (TEXT, "  Head of Sales ", "Head of Sales"),
        (TEXT, 7, "7"),
        (TEXT, "", None),
        (TEXT, None, None),
        (FLAG, None, False),
        (FLAG, "TRUE", True),
        (FLAG, "0", False),
        (DATE, "2026-11-23T09:00:00Z", "2026-11-23"),
        (WHOLE, "12", 12),
        (MONEY, 1.005, 1.01),
        (SHARE, 34.5, 35),
        (SHARE, "35", 35),
    ],
)
def test_json_is_read_as_salesforce_keeps_it(field: Field, value: Any, kept: Any) -> None:
    """Blanks around text go, numbers are rounded to the decimals of their field, a checkbox is never empty."""
    assert from_json(field, value) == kept


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        (FLAG, "True", True),
        (MONEY, "9.12260031E8", 912_260_031),
        (DATE, "2026-11-23", "2026-11-23"),
        (TIME, "2026-11-23T09:00:00.000Z", 1_795_424_400_000),
    ],
)
def test_csv_is_read_in_the_forms_that_clients_write(field: Field, text: str, kept: Any) -> None:
    """Python's True, numbers with an exponent, moments with Z."""
    assert from_csv(field, text) == kept


@pytest.mark.parametrize(("field", "text"), [(WHOLE, "250.0"), (DATE, "soon"), (MONEY, "much")])
def test_a_csv_cell_of_the_wrong_kind_is_told_by_the_fields_label(field: Field, text: str) -> None:
    """Bulk refuses the row, not the job; a whole number takes no point, even before a zero."""
    assert refusal(from_csv, field, text) == ("INVALID_TYPE_ON_FIELD_IN_RECORD", f"{field.label}: value not of required type: {text}")


@pytest.mark.parametrize(
    ("field", "value", "rest", "csv"),
    [
        (FLAG, None, False, "false"),
        (FLAG, True, True, "true"),
        (TEXT, None, None, ""),
        (TIME, 1_795_424_400_000, "2026-11-23T09:00:00.000+0000", "2026-11-23T09:00:00.000Z"),
        (SHARE, 35, 35.0, "35.0"),
        (WHOLE, 12, 12, "12"),
        (DATE, "2026-11-23", "2026-11-23", "2026-11-23"),
    ],
)
def test_both_apis_tell_a_value_each_in_its_form(field: Field, value: Any, rest: Any, csv: str) -> None:
    """REST tells null and offsets, Bulk empty cells and Z."""
    assert to_rest(field, value) == rest
    assert to_csv(field, value) == csv
