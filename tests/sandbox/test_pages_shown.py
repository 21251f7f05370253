"""What the pages show: labels from the portal's own definitions, dates and percent for people, and nothing that a name could smuggle in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3

from sandbox.clock import Clock
from sandbox.hubspot.object_types import object_type
from sandbox.hubspot.owners import Owner
from sandbox.hubspot.portal import Portal
from sandbox.hubspot.schema import Definition, PropertyGroup
from sandbox.hubspot.values import Value
from sandbox.options import SandboxOptions
from sandbox.pages.timeline import timeline
from sandbox.pages.wording import ago, duration, plain
from sandbox.running import Sandbox, run_sandbox

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = 86_400_000
NOW_MS = int(NOW.timestamp() * 1000)
EVIL = '<script>alert("1")</script>'


def _make(portal: Portal, kind: str, to: dict[str, int], **values: Value) -> int:
    record = portal.create(object_type(kind), values, portal.person_source)
    for other, number in to.items():
        portal.links.add((kind, other), record.id, number)
    return record.id


def _define(portal: Portal, name: str, label: str, kind: str, look: str = "text", description: str = "", **options: str) -> None:
    made = [{"value": value, "label": text, "displayOrder": place, "hidden": False} for place, (value, text) in enumerate(options.items())]
    portal.schemas["contacts"].all[name] = Definition(
        name, label, kind, look, "stillthere_listening", description, options=made, is_built_in=False
    )


@pytest.fixture
def portal() -> Portal:
    """A portal with one company, two contacts, one owner and one of everything."""
    made = Portal(SandboxOptions(frozen=True), Clock(NOW, frozen=True))
    made.owners.all[7] = Owner(7, 70, "dana@ours.example", "Dana", "Reyes", NOW_MS, NOW_MS)
    firm = _make(made, "companies", {}, name="Northwind & Sons", domain="northwind.example")
    priya = _make(
        made,
        "contacts",
        {"companies": firm},
        firstname="Priya",
        lastname="Nair",
        jobtitle="Head of Operations",
        email="priya@northwind.example",
        hubspot_owner_id="7",
    )
    other = _make(made, "contacts", {"companies": firm}, firstname=EVIL, lastname="Tables", email="t@northwind.example")
    both = {"contacts": priya, "companies": firm}
    mail = {"hs_email_subject": "Checking in", "hs_email_text": "Just checking in.", "hubspot_owner_id": "7"}
    _make(made, "emails", both, hs_timestamp=NOW_MS - 40 * DAY, hs_email_direction="EMAIL", hs_email_open_count="2", **mail)
    bounced = {"hs_email_status": "BOUNCED", "hs_email_bounce_error_detail_status_code": "550"}
    _make(made, "emails", both, hs_timestamp=NOW_MS - 3 * DAY, hs_email_direction="EMAIL", **mail, **bounced)
    _make(made, "emails", both, hs_timestamp=NOW_MS - 50 * DAY, hs_email_direction="INCOMING_EMAIL", hs_email_subject=EVIL)
    call = {"hs_call_direction": "OUTBOUND", "hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7", "hs_call_duration": "260000"}
    _make(made, "calls", both, hs_timestamp=NOW_MS - 60 * DAY, hs_call_title="Renewal", hs_call_body="<p>Wants figures.</p>", **call)
    meeting = _make(made, "meetings", both, hs_timestamp=NOW_MS - 70 * DAY, hs_meeting_title="Review", hs_meeting_outcome="NO_SHOW")
    made.links.add(("meetings", "contacts"), meeting, other)
    _make(
        made,
        "communications",
        both,
        hs_timestamp=NOW_MS - 80 * DAY,
        hs_communication_channel_type="WHATS_APP",
        hs_communication_body="From Priya Nair:\nYes, works",
    )
    _make(made, "notes", both, hs_timestamp=NOW_MS - 90 * DAY, hs_note_body="Likes short mails")
    _make(made, "tickets", both, subject="Export fails", content="Stops at row 10", hs_pipeline="0", hs_pipeline_stage="1")
    task = {"hs_task_body": "<p>Call her.</p><p>Not mail.</p>", "hs_task_type": "CALL", "hubspot_owner_id": "7"}
    _make(made, "tasks", both, hs_timestamp=NOW_MS - DAY, hs_task_subject="Call Priya", hs_task_status="NOT_STARTED", **task)
    _make(made, "tasks", both, hs_timestamp=NOW_MS - 9 * DAY, hs_task_subject="Old one", hs_task_status="COMPLETED", **task)
    made.ids["test"] = {"firm": firm, "priya": priya, "other": other}
    return made


@pytest.fixture
def equipped(portal: Portal) -> Portal:
    """The same portal after set-up, with values in our fields."""
    portal.schemas["contacts"].groups["stillthere_listening"] = PropertyGroup(
        "stillthere_listening", "Still There: Are they still listening"
    )
    _define(
        portal, "stillthere_engagement_state", "Engagement", "enumeration", "select", "How they listen.", silent="Silent", engaged="Engaged"
    )
    _define(portal, "stillthere_hear_back_chance", "Chance to hear back", "number", "number", "Within 30 days. Percent, in steps of 5.")
    _define(portal, "stillthere_silent_since", "Silent since", "date", "date")
    _define(portal, "stillthere_why", "Why", "string", "textarea")
    priya = portal.stores["contacts"].live[portal.ids["test"]["priya"]]
    values: dict[str, Value] = {
        "stillthere_engagement_state": "silent",
        "stillthere_hear_back_chance": "15",
        "stillthere_silent_since": "2026-10-06",
        "stillthere_why": "Usually writes every 9 days.\nNothing for 47.",
    }
    portal.update(object_type("contacts"), priya, values, portal.app_source)
    return portal


@pytest.fixture
def sandbox(equipped: Portal) -> Iterator[Sandbox]:
    """The equipped portal, served."""
    with run_sandbox(equipped) as running:
        yield running


def _get(sandbox: Sandbox, path: str) -> tuple[int, str, dict[str, Any]]:
    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", sandbox.base_url + path, redirect=False)
        return answer.status, answer.data.decode(), dict(answer.headers)


def test_a_contact_shows_who_it_is_and_what_we_found(sandbox: Sandbox) -> None:
    """Name, title, company, owner and e-mail; our group with labels, a day with its distance, and a chance in percent."""
    _, page, _ = _get(sandbox, f"/contacts/{sandbox.portal.ids['test']['priya']}")
    for text in ("Priya Nair", "Head of Operations", "Northwind &amp; Sons", "Dana Reyes", "priya@northwind.example"):
        assert text in page
    for text in (
        "Are they still listening",
        "Engagement",
        "Silent",
        "Chance to hear back",
        "15 %",
        "6 Oct 2026",
        "47 days ago",
        "Nothing for 47.",
    ):
        assert text in page
    assert "stillthere_" not in page


def test_a_contact_shows_its_tasks(sandbox: Sandbox) -> None:
    """An open task with its text as lines and its due day; a done one apart from it."""
    _, page, _ = _get(sandbox, f"/contacts/{sandbox.portal.ids['test']['priya']}")
    assert "Call Priya" in page
    assert "Call her.\n\nNot mail." in page
    assert "due 21 Nov 2026 (yesterday)" in page
    assert "1 open" in page
    assert "1 done" in page


def test_the_timeline_is_newest_first_with_direction_and_outcome(portal: Portal) -> None:
    """Everything that happened, newest first, says who did it and what became of it."""
    items = timeline(portal, "contacts", portal.ids["test"]["priya"])
    assert [(item.what, item.direction, [mark.text for mark in item.marks]) for item in items] == [
        ("Ticket opened", "in", ["Open"]),
        ("E-mail sent", "out", ["Bounced 550"]),
        ("E-mail sent", "out", ["Opened"]),
        ("E-mail received", "in", []),
        ("We called", "out", ["Connected", "4 min"]),
        ("Meeting", "none", ["No show"]),
        ("WhatsApp message received", "in", []),
        ("Note", "none", []),
    ]
    assert [item.title for item in items[4:]] == ["Renewal", "Review", "Yes, works", "Likes short mails"]
    assert [item.who for item in items[3:6]] == ["", "", f"{EVIL} Tables"]


def test_names_and_subjects_cannot_do_anything(sandbox: Sandbox) -> None:
    """A name or subject that is HTML is shown as text, and the page allows no script at all."""
    for path in (
        f"/contacts/{sandbox.portal.ids['test']['priya']}",
        f"/contacts/{sandbox.portal.ids['test']['other']}",
        "/contacts",
        "/contacts?q=<script>",
    ):
        _, page, headers = _get(sandbox, path)
        assert "<script" not in page
        assert "default-src 'none'" in headers["content-security-policy"]
    assert "&lt;script&gt;" in page


def test_a_link_is_made_of_web_addresses_only(equipped: Portal) -> None:
    """A LinkedIn address that is no web address is not made into a link."""
    priya = equipped.stores["contacts"].live[equipped.ids["test"]["priya"]]
    equipped.update(object_type("contacts"), priya, {"hs_linkedin_url": "javascript:alert(1)"}, equipped.person_source)
    with run_sandbox(equipped) as running:
        assert "javascript:" not in _get(running, f"/contacts/{priya.id}")[1]


def test_nothing_comes_from_elsewhere(sandbox: Sandbox) -> None:
    """The page names no other host: its style comes from the sandbox itself."""
    for path in (
        "/",
        f"/contacts/{sandbox.portal.ids['test']['priya']}",
        f"/companies/{sandbox.portal.ids['test']['firm']}",
        "/pages/style.css",
    ):
        status, page, _ = _get(sandbox, path)
        assert status == 200
        assert "//" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 2),
        ("?q=nair", 1),
        ("?q=NORTHWIND+priya", 1),
        ("?q=nobody", 0),
        ("?state=silent", 1),
        ("?state=engaged", 0),
        ("?owner=7", 1),
        ("?page=99", 2),
        ("?page=x", 2),
    ],
)
def test_the_list_can_be_searched_and_narrowed(sandbox: Sandbox, query: str, found: int) -> None:
    """The list holds those whose name, company or e-mail has all the words, of the chosen state and owner; a wrong page is the last."""
    _, page, _ = _get(sandbox, f"/contacts{query}")
    assert page.count('<td class="who">') == found


def test_tasks_wait_by_owner(sandbox: Sandbox) -> None:
    """The list names the open tasks under their owner, and says how many a contact has."""
    _, page, _ = _get(sandbox, "/")
    aside = page.split('<aside class="waiting">')[1]
    assert "Dana Reyes" in aside
    assert "Call Priya" in aside
    assert "Old one" not in aside


def test_before_set_up_the_page_says_so(portal: Portal) -> None:
    """Without our fields the page says that they are not set up, and the list has no column for them."""
    with run_sandbox(portal) as running:
        assert "not set up" in _get(running, f"/contacts/{portal.ids['test']['priya']}")[1]
        assert "<th>Engagement</th>" not in _get(running, "/contacts")[1]


def test_a_company_shows_its_people(sandbox: Sandbox) -> None:
    """The company's page names its people and what happened with them."""
    _, page, _ = _get(sandbox, f"/companies/{sandbox.portal.ids['test']['firm']}")
    for text in ("Northwind &amp; Sons", "Priya Nair", "Call Priya", "with Priya Nair"):
        assert text in page


@pytest.mark.parametrize("path", ["/contacts/999", "/contacts/abc", "/companies/999"])
def test_what_is_not_there_is_said_kindly(sandbox: Sandbox, path: str) -> None:
    """An unknown id gives a page that says so, with status 404."""
    status, page, _ = _get(sandbox, path)
    assert status == 404
    assert "Not found" in page


def test_merged_and_archived_contacts_are_found(equipped: Portal) -> None:
    """The id of a merged contact leads to the one that took its place; an archived one is shown as such."""
    ids, kind = equipped.ids["test"], object_type("contacts")
    live = equipped.stores["contacts"].live
    merged = equipped.merge(kind, live[ids["priya"]], live[ids["other"]])
    with run_sandbox(equipped) as running:
        assert "Priya Nair" in _get(running, f"/contacts/{ids['other']}")[1]
        equipped.archive(kind, merged.id)
        assert "This contact is archived." in _get(running, f"/contacts/{merged.id}")[1]


def test_the_pages_are_not_counted(sandbox: Sandbox) -> None:
    """Looking at a page is no call to the API: it stands neither in the call log nor against the limits."""
    before = len(sandbox.calls)
    _get(sandbox, "/contacts")
    assert len(sandbox.calls) == before


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0, "today"),
        (1, "yesterday"),
        (-1, "tomorrow"),
        (47, "47 days ago"),
        (-12, "in 12 days"),
        (100, "3 months ago"),
        (1000, "2.7 years ago"),
    ],
)
def test_distances_in_time_are_said_in_words(days: int, said: str) -> None:
    """A day is said by its distance: whole days of the calendar, then months, then years."""
    assert ago(NOW_MS - days * DAY, NOW_MS) == said


@pytest.mark.parametrize(("ms", "said"), [(45_000, "45 s"), (260_000, "4 min"), (3_600_000, "1 h"), (4_500_000, "1 h 15 min")])
def test_durations_are_said_in_words(ms: int, said: str) -> None:
    """A duration is said in seconds, minutes or hours."""
    assert duration(ms) == said


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<p>One</p><p>Two<br>Three</p>", "One\n\nTwo\nThree"),
        ("plain <not html", "plain <not html"),
        ("a &amp; b", "a & b"),
        ("<style>x</style><b>bold</b><script>evil()</script>", "bold"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
    ],
)
def test_html_becomes_text(body: str, text: str) -> None:
    """A body in HTML is shown as its text with line breaks; a plain one as it is."""
    assert plain(body) == text
