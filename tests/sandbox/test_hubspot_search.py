"""Search: what it finds, what it does not know yet, and where it ends."""

from typing import Any

import pytest


def names(answer: Any) -> list[str]:
    """First names in the order of the results."""
    return [record["properties"]["firstname"] for record in answer.json()["results"]]


@pytest.fixture
def people(api: Any) -> Any:
    """Four contacts, made in the order a, b, c, d."""
    for n, name in enumerate("abcd"):
        api.create(
            "contacts", email=f"{name}@example.com", firstname=name, jobtitle="Head of Sales" if n % 2 else "CFO", mobilephone=str(n)
        )
        api.sandbox.clock.advance(1)
    return api


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"propertyName": "firstname", "operator": "EQ", "value": "A"}, "a"),
        ({"propertyName": "firstname", "operator": "NEQ", "value": "a"}, "bcd"),
        ({"propertyName": "firstname", "operator": "IN", "values": ["a", "c"]}, "ac"),
        ({"propertyName": "firstname", "operator": "IN", "values": ["A"]}, ""),
        ({"propertyName": "firstname", "operator": "NOT_IN", "values": ["a", "c"]}, "bd"),
        ({"propertyName": "firstname", "operator": "GT", "value": "b"}, "cd"),
        ({"propertyName": "firstname", "operator": "BETWEEN", "value": "b", "highValue": "c"}, "bc"),
        ({"propertyName": "jobtitle", "operator": "CONTAINS_TOKEN", "value": "sales"}, "bd"),
        ({"propertyName": "jobtitle", "operator": "CONTAINS_TOKEN", "value": "sal*"}, "bd"),
        ({"propertyName": "jobtitle", "operator": "NOT_CONTAINS_TOKEN", "value": "sales"}, "ac"),
        ({"propertyName": "lastname", "operator": "HAS_PROPERTY"}, ""),
        ({"propertyName": "lastname", "operator": "NOT_HAS_PROPERTY"}, "abcd"),
        ({"propertyName": "createdate", "operator": "GTE", "value": "2026-11-23T09:00:02Z"}, "cd"),
        ({"propertyName": "lifecyclestage", "operator": "EQ", "value": "lead"}, "abcd"),
        ({"propertyName": "lifecyclestage", "operator": "EQ", "value": "Lead"}, ""),
    ],
)
def test_operators(people: Any, wanted: dict[str, Any], found: str) -> None:
    """Texts compare without case (but IN does not lower what was sent), options exactly; the default order is by creation."""
    assert "".join(names(people.search("contacts", wanted))) == found


def test_groups_are_any_and_filters_all(people: Any) -> None:
    """Filter groups are alternatives; a bare ``filters`` is accepted too."""
    first = {"filters": [{"propertyName": "firstname", "operator": "EQ", "value": "a"}]}
    second = {
        "filters": [
            {"propertyName": "firstname", "operator": "EQ", "value": "b"},
            {"propertyName": "jobtitle", "operator": "EQ", "value": "cfo"},
        ]
    }
    assert names(people("POST", "/crm/v3/objects/contacts/search", {"filterGroups": [first, second]})) == ["a"]
    assert names(people("POST", "/crm/v3/objects/contacts/search", first)) == ["a"]


@pytest.mark.parametrize("sort", [{"propertyName": "firstname", "direction": "DESCENDING"}, "-firstname"])
def test_sorts_may_be_objects_or_texts(people: Any, sort: Any) -> None:
    """The published schema says texts, everybody sends objects."""
    assert names(people.search("contacts", sorts=[sort])) == ["d", "c", "b", "a"]


def test_the_offset_is_a_text_and_pages_follow_it(people: Any) -> None:
    """The offset is a text; the total counts all matches."""
    first = people.search("contacts", limit=3).json()
    assert (first["total"], first["paging"]["next"]["after"]) == (4, "3")
    last = people.search("contacts", limit=3, after="3")
    assert (names(last), "paging" in last.json()) == (["d"], False)


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 200, "after": "9801"},
        {"after": "x"},
        {"sorts": ["firstname", "lastname"]},
        {"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "firstname", "operator": "LIKE", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "createdate", "operator": "GT", "value": "soon"}]}]},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [{"propertyName": "firstname", "operator": "HAS_PROPERTY"}] * 7}]},
        {"filterGroups": [{"filters": [{"propertyName": "firstname", "operator": "HAS_PROPERTY"}] * 4}] * 5},
        {"query": "x" * 3000},
    ],
)
def test_what_search_refuses(api: Any, body: dict[str, Any]) -> None:
    """Page and reach, sorts, unknown names and operators, too many filters, too long a body: 400 VALIDATION_ERROR."""
    answer = api("POST", "/crm/v3/objects/contacts/search", body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_search_reaches_exactly_ten_thousand(api: Any) -> None:
    """After + limit may be 10,000, not more."""
    assert api.search("contacts", limit=200, after="9800").status_code == 200


def test_a_keyset_within_one_millisecond(start: Any) -> None:
    """Records that share a millisecond are told apart by filtering on the id and sorting by it."""
    api = start(frozen=True)
    ids = [api.create("contacts", email=f"c{n}@example.com") for n in range(7)]
    ms = str(api.sandbox.clock.now_ms())
    seen: list[str] = []
    while True:
        same = {"propertyName": "lastmodifieddate", "operator": "EQ", "value": ms}
        later = {"propertyName": "hs_object_id", "operator": "GT", "value": seen[-1] if seen else "0"}
        page = api.search("contacts", same, later, sorts=[{"propertyName": "hs_object_id", "direction": "ASCENDING"}], limit=3).json()
        api.sandbox.clock.advance(1)
        if not page["results"]:
            break
        seen += [record["id"] for record in page["results"]]
    assert seen == ids


def test_a_change_is_found_only_after_its_lag_and_in_its_own_order(start: Any) -> None:
    """Reading by id is right at once; search still knows the old value, and lets changes in one by one."""
    api = start(index_lag=(100.0, 200.0))
    ids = [api.create("contacts", email=f"c{n}@example.com", firstname="old") for n in range(12)]
    assert api.search("contacts").json()["total"] == 0
    assert api("GET", f"/crm/v3/objects/contacts/{ids[0]}").status_code == 200
    api.sandbox.clock.advance(250)
    assert api.search("contacts").json()["total"] == 12
    for contact in ids:
        api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"firstname": "new"}})
    api("DELETE", f"/crm/v3/objects/contacts/{ids[-1]}")
    new = {"propertyName": "firstname", "operator": "EQ", "value": "new"}
    assert api.search("contacts", new).json()["total"] == 0
    assert api.search("contacts").json()["total"] == 12
    came: list[str] = []
    for _ in range(22):
        api.sandbox.clock.advance(5)
        came += [r["id"] for r in api.search("contacts", new, limit=100).json()["results"] if r["id"] not in came]
        api.sandbox.clock.advance(5)
    assert sorted(came) == ids[:11] or sorted(came) == ids
    assert came != sorted(came)
    assert api.search("contacts").json()["total"] == 11


def test_an_older_version_that_arrives_late_does_not_win(start: Any) -> None:
    """Whatever the order in which versions reach the index, the last one stays."""
    api = start(index_lag=(0.0, 50.0))
    contact = api.create("contacts", email="a@example.com")
    for n in range(15):
        api("PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": {"firstname": f"n{n}"}})
        api.search("contacts")
        api.sandbox.clock.advance(3)
    api.sandbox.clock.advance(60)
    assert names(api.search("contacts")) == ["n14"]


def test_pages_shift_when_records_change_in_between(people: Any) -> None:
    """The offset is no snapshot: a record that moves to the end leaves a gap before it."""
    order = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    first = people.search("contacts", sorts=order, limit=2)
    api_id = first.json()["results"][0]["id"]
    people("PATCH", f"/crm/v3/objects/contacts/{api_id}", {"properties": {"jobtitle": "x"}})
    second = people.search("contacts", sorts=order, limit=2, after="2")
    assert (names(first), names(second)) == (["a", "b"], ["d", "a"])


def test_links_can_be_searched(api: Any) -> None:
    """``associations.contact`` filters by what a record is linked to."""
    contact, other = (api.create("contacts", email=f"{n}@example.com") for n in "ab")
    task = api.create("tasks", hs_timestamp="2026-12-01T09:00:00Z")
    api("PUT", f"/crm/v4/objects/tasks/{task}/associations/default/contacts/{contact}")
    by = [
        api.search("tasks", {"propertyName": "associations.contact", "operator": "EQ", "value": i}).json()["total"]
        for i in (contact, other)
    ]
    assert by == [1, 0]


def test_search_answers_carry_no_rate_headers(api: Any) -> None:
    """Search has a limiter of its own and tells nothing of it."""
    assert [name for name in api.search("contacts").headers if "ratelimit" in name] == []
    assert api("GET", "/crm/v3/objects/contacts").headers["x-hubspot-ratelimit-max"] == "190"


def test_a_query_looks_in_the_default_properties(people: Any) -> None:
    """``query`` searches names, addresses and phones of contacts."""
    assert names(people("POST", "/crm/v3/objects/contacts/search", {"query": "B@example"})) == ["b"]
