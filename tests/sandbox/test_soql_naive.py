"""SOQL's answers agree with a plain evaluator that knows neither the grammar nor the indexes."""

# ruff: noqa: S608 - the statements go to a sandbox, and odd ones are what is tested

import fnmatch
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.clock import Clock, to_ms
from sandbox.options import SandboxOptions
from sandbox.salesforce.org import Org
from sandbox.salesforce.soql import run_query

Row = dict[str, Any]
Rule = tuple[str, Callable[[Row], bool]]
"""A condition as text, and what it means for a row."""

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
TEXTS = [None, "a", "B", "ab", "AB", "b%", "c_d"]
NUMBERS = [None, -1, 0, 2, 2.5]
DAYS = [None, "2026-11-20", "2026-11-21", "2026-11-22"]
ROWS = 60


@pytest.fixture(scope="module")
def told() -> tuple[Org, list[Row]]:
    """Sixty accounts, some with a parent, with few values each so that ties and empty ones abound."""
    org = Org(SandboxOptions(), Clock(NOW, frozen=True))
    rows: list[Row] = []
    for number, (text, amount) in enumerate(itertools.islice(itertools.cycle(itertools.product(TEXTS, NUMBERS)), ROWS)):
        values = {
            "Name": f"n{number % 4}",
            "Site": text,
            "AnnualRevenue": amount,
            "ParentId": rows[number // 3]["Id"] if number % 5 == 1 else None,
            "SystemModstamp": to_ms(NOW - timedelta(hours=number % 7)),
            "LastModifiedDate": to_ms(NOW - timedelta(hours=number % 7)),
        }
        record = org.import_record("Account", values)
        rows.append({**values, "Id": record.id})
    return org, rows


def text_rules(path: str, get: Callable[[Row], Any]) -> st.SearchStrategy[Rule]:
    def make(sign: str, value: str) -> Rule:
        written = f"{path} {sign} '{value}'"

        def holds(row: Row) -> bool:
            found = get(row)
            if sign == "LIKE":
                pattern = value.lower().replace("[", "[[]").replace("*", "[*]").replace("?", "[?]").replace("%", "*").replace("_", "?")
                return found is not None and fnmatch.fnmatchcase(found.lower(), pattern)
            if sign == "!=":
                return found is None or found.lower() != value.lower()
            return found is not None and compared(sign, found.lower(), value.lower())

        return written, holds

    signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "LIKE"])
    return st.builds(make, signs, st.sampled_from(["a", "AB", "b", "n1", "%b", "_b", "a%", "c_d"]))


def compared(sign: str, left: Any, right: Any) -> bool:
    return {"=": left == right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[sign]


def number_rule(sign: str, value: float) -> Rule:
    def holds(row: Row) -> bool:
        found = row["AnnualRevenue"]
        if sign == "!=":
            return found is None or found != value
        return found is not None and compared(sign, found, value)

    return f"AnnualRevenue {sign} {value}", holds


def null_rule(name: str, sign: str) -> Rule:
    return f"{name} {sign} null", lambda row: (row[name] is None) is (sign == "=")


def stamp_rule(sign: str, hours: int) -> Rule:
    moment = NOW - timedelta(hours=hours)
    ms = to_ms(moment)
    if sign == "!=":
        return f"SystemModstamp != {moment:%Y-%m-%dT%H:%M:%SZ}", lambda row: row["SystemModstamp"] != ms
    return f"SystemModstamp {sign} {moment:%Y-%m-%dT%H:%M:%SZ}", lambda row: compared(sign, row["SystemModstamp"], ms)


def list_rule(name: str, values: list[Any], *, is_in: bool) -> Rule:
    written = ", ".join("null" if value is None else f"'{value}'" for value in values)
    low = {value if value is None or len(value) == 18 else value.lower() for value in values}

    def holds(row: Row) -> bool:
        found = row[name]
        return ((found if found is None or len(found) == 18 else found.lower()) in low) is is_in

    return f"{name} {'IN' if is_in else 'NOT IN'} ({written})", holds


def rules(rows: list[Row]) -> st.SearchStrategy[Rule]:
    by_id = {row["Id"]: row for row in rows}
    ids = [row["Id"] for row in rows]

    def parents_site(row: Row) -> Any:
        parent = by_id.get(row["ParentId"])
        return parent["Site"] if parent else None

    signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    simple = st.one_of(
        text_rules("Site", lambda row: row["Site"]),
        text_rules("Name", lambda row: row["Name"]),
        text_rules("Parent.Site", parents_site),
        st.builds(number_rule, signs, st.sampled_from([-1, 0, 2, 2.5, 3])),
        st.builds(null_rule, st.sampled_from(["Site", "AnnualRevenue", "ParentId"]), st.sampled_from(["=", "!="])),
        st.builds(stamp_rule, signs, st.integers(0, 7)),
        st.builds(
            lambda name, values, is_in: list_rule(name, values, is_in=is_in),
            st.just("Site"),
            st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
            st.booleans(),
        ),
        st.builds(
            lambda name, values, is_in: list_rule(name, values, is_in=is_in),
            st.sampled_from(["Id", "ParentId"]),
            st.lists(st.sampled_from(ids), min_size=1, max_size=3),
            st.booleans(),
        ),
    )

    def joined(word: str, parts: list[Rule]) -> Rule:
        combine = all if word == "AND" else any
        return f" {word} ".join(f"({text})" for text, _ in parts), lambda row: combine(holds(row) for _, holds in parts)

    def denied(rule: Rule) -> Rule:
        return f"NOT ({rule[0]})", lambda row: not rule[1](row)

    return st.recursive(
        simple,
        lambda inner: st.one_of(
            st.builds(joined, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3)), inner.map(denied)
        ),
        max_leaves=6,
    )


SORTS = st.lists(
    st.tuples(st.sampled_from(["Site", "AnnualRevenue", "Name", "SystemModstamp"]), st.booleans(), st.sampled_from([None, True, False])),
    max_size=3,
    unique_by=lambda sort: sort[0],
)


def sorted_plainly(rows: list[Row], sorts: list[tuple[str, bool, bool | None]]) -> list[Row]:
    rows = sorted(rows, key=lambda row: row["Id"])
    for name, descending, nulls_first in reversed(sorts):
        full = [row for row in rows if row[name] is not None]
        full.sort(key=lambda row, of=name: row[of].lower() if isinstance(row[of], str) else row[of], reverse=descending)
        empty = [row for row in rows if row[name] is None]
        rows = full + empty if nulls_first is False else empty + full
    return rows


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_rows_agree_with_a_plain_evaluator(told: tuple[Org, list[Row]], data: st.DataObject) -> None:
    """For any condition, order, offset and limit: the same rows in the same order, whichever index was used."""
    org, rows = told
    text, holds = data.draw(rules(rows))
    sorts = data.draw(SORTS)
    limit, offset = data.draw(st.one_of(st.none(), st.integers(0, 20))), data.draw(st.integers(0, 5))
    nulls = {None: "", True: " NULLS FIRST", False: " NULLS LAST"}
    order = ", ".join([f"{name}{' DESC' if down else ''}{nulls[first]}" for name, down, first in sorts] + ["Id"])
    asked = f"SELECT Id FROM Account WHERE {text} ORDER BY {order}{'' if limit is None else f' LIMIT {limit}'} OFFSET {offset}"
    expected = sorted_plainly([row for row in rows if holds(row)], sorts)[offset:][:limit]
    assert [record["Id"] for record in run_query(org, org.integration_id, asked).records] == [row["Id"] for row in expected]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_groups_agree_with_a_plain_evaluator(told: tuple[Org, list[Row]], data: st.DataObject) -> None:
    """Counts, sums and extremes of each group; text groups without case."""
    org, rows = told
    text, holds = data.draw(rules(rows))
    least = data.draw(st.integers(0, 4))
    asked = (
        "SELECT Site, COUNT(Id) n, COUNT(AnnualRevenue) c, SUM(AnnualRevenue) s, MAX(SystemModstamp) m, COUNT_DISTINCT(Name) d "
        f"FROM Account WHERE {text} GROUP BY Site HAVING COUNT(Id) > {least} AND (Site != 'b' OR COUNT(Id) = 3)"
    )
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        if holds(row):
            groups.setdefault(row["Site"] and row["Site"].lower(), []).append(row)
    expected = set()
    for key, members in groups.items():
        if len(members) > least and (key != "b" or len(members) == 3):
            amounts = [row["AnnualRevenue"] for row in members if row["AnnualRevenue"] is not None]
            latest = datetime.fromtimestamp(max(row["SystemModstamp"] for row in members) / 1000, UTC)
            names = {row["Name"] for row in members}
            expected.add(
                (
                    key,
                    len(members),
                    len(amounts),
                    float(sum(amounts)) if amounts else None,
                    f"{latest:%Y-%m-%dT%H:%M:%S}.000+0000",
                    len(names),
                )
            )
    found = run_query(org, org.integration_id, asked).records
    assert {(one["Site"] and one["Site"].lower(), one["n"], one["c"], one["s"], one["m"], one["d"]) for one in found} == expected
    assert len(found) == len(expected)
