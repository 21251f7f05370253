"""The page of a plan: all of it for people, nothing that a name or text could make happen, and it opens in a browser."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.pages.plan import PAGES, RECORDS, Names, render_plan_pages
from flows.plan_files import KeptPlan, approved, write_plan
from flows.planning import Plan
from transforms.vocabulary.changes import CELLS, TASKS
from transforms.vocabulary.tables import to_table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
EVIL = "<script>document.title = 'taken'</script>\"><img src=x onerror=alert(1)>"
AS_OF = pd.Timestamp("2026-11-22 10:00", tz="UTC").as_unit("us")


class Reader(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag; an attribute that is a handler fails."""
        assert [name for name, _ in attrs if name.startswith("on")] == []
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.texts.append(data)


def a_plan(records: int = 3) -> KeptPlan:
    """So many contacts whose state changes, and one task; reasons, values and texts hold HTML."""
    rows = [
        {"crm": "hubspot", "table": "contacts", "record_id": str(n), "field": name, "old": old, "new": new, "reason": EVIL}
        for n in range(records)
        for name, old, new in (("engagement_state", "quiet", "silent"), ("successor", None, EVIL[:250]))
    ]
    task = {
        "task_key": "st1",
        "crm": "hubspot",
        "contact_id": "1",
        "play": "help_first",
        "reason": EVIL,
        "subject": EVIL,
        "body": f"One.\n{EVIL}",
    }
    create = to_table(TASKS, [{**task, "due_at": "2026-11-25T16:00:00Z", "state": "open"}])
    return KeptPlan(Plan(AS_OF, {"hubspot": EVIL}, to_table(CELLS, rows), create, to_table(TASKS, pd.DataFrame()), alerts=(EVIL,)), 2)


def first_page(of: KeptPlan, names: Names) -> str:
    """The first page of a plan."""
    return next(render_plan_pages(of, names, Path("plan.html")))[1]


def told(page: str) -> str:
    """The words of a page."""
    return " ".join("".join(Reader(page).texts).split())


def test_a_page_tells_the_plan() -> None:
    """Fields with their counts, each record with old → new and reason, each task with its text, and who approved it."""
    names = Names({("hubspot", "1"): "Priya Nair"}, {})
    text = " ".join(" ".join(Reader(first_page(approved(a_plan(), "Dana Reyes"), names)).texts).split())
    for expected in (
        "Approved by Dana Reyes",
        "quiet → silent: 3",
        "Priya Nair HubSpot contacts 1 · 2 cells",
        "2 held back",
        "on 3 records",
        "One.",
    ):
        assert expected in text
    assert "Nobody has approved it." in " ".join(Reader(first_page(a_plan(), names)).texts)


def test_names_and_texts_are_harmless() -> None:
    """Whatever stands in a name, a value, a reason, an account or a task is text on the page."""
    page = first_page(a_plan(), Names({("hubspot", str(n)): EVIL for n in range(3)}, {}))
    read = Reader(page)
    assert {"script", "img"} & set(read.tags) == set()
    assert EVIL in "".join(read.texts)
    assert re.findall(r"(?:src|href)=[\"']", page) == []


def test_a_large_plan_has_several_pages() -> None:
    """Each page says which records it shows and how many it does not, and leads to the others; only the first one has the fields and the tasks."""
    plan = a_plan(RECORDS + 5)
    (first, one), (second, two) = render_plan_pages(plan, Names(), Path("here/my plan.html"))
    assert (first, second) == (Path("here/my plan.html"), Path("here/my plan.records/2.html"))
    assert "Shown here: 1 to 1,000 of 1,005 records. 5 are not on this page: 5 are on the other pages." in told(one)
    assert "Shown here: 1,001 to 1,005 of 1,005 records. 1,000 are not on this page: 1,000 are on the other pages." in told(two)
    assert [f"HubSpot contacts {RECORDS - 1} " in told(page) for page in (one, two)] == [True, False]
    assert [f"HubSpot contacts {RECORDS} " in told(page) for page in (one, two)] == [False, True]
    assert ["Field by field" in told(page) for page in (one, two)] == [True, False]
    assert set(re.findall(r'href="([^"]*)"', one)) == {"my%20plan.records/2.html"}
    assert set(re.findall(r'href="([^"]*)"', two)) == {"../my%20plan.html"}


def test_what_is_on_no_page_is_said() -> None:
    """A plan may have more records than all pages hold; each page says how many are on none, and what to do."""
    plan = a_plan(1)
    ids = [str(n) for n in range(PAGES * RECORDS + 7)]
    cells = to_table(CELLS, pd.DataFrame({"crm": "hubspot", "table": "contacts", "record_id": ids, "field": "why", "new": "x"}))
    pages = [page for _, page in render_plan_pages(KeptPlan(replace(plan.plan, cells=cells)), Names(), Path("plan.html"))]
    assert len(pages) == PAGES
    said = "19,007 are not on this page: 19,000 are on the other pages and 7 are on no page. The plan's file has them: take a part of it with --only"
    assert [said in told(page) for page in pages] == [True] * PAGES


def test_records_can_be_chosen_by_field() -> None:
    """Each field that changes on the page can be chosen, by a style alone: nothing on the page runs."""
    page = first_page(a_plan(), Names())
    assert re.findall(r'<input type="radio" name="of" id="([\w-]+)"', page) == [
        "of-all",
        "of-contacts-engagement_state",
        "of-contacts-successor",
    ]
    assert "body:has(#of-contacts-successor:checked) details.record:not(.contacts-successor) { display: none; }" in page
    assert page.count('<details class="row record contacts-engagement_state contacts-successor">') == 3


def test_a_kept_plan_gets_its_page_without_any_crm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``plan --read --page`` needs no credentials and makes no home; the page is the owner's alone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
    write_plan(a_plan(), tmp_path / "plan.json")
    result = CliRunner().invoke(app, ["plan", "--read", "plan.json", "--page", "plan.html", "--limit", "1"])
    assert (result.exit_code, "The page is plan.html." in result.stdout) == (0, True)
    assert (tmp_path / "plan.html").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "home").exists()
    assert not (tmp_path / "plan.records").exists()


def test_further_pages_are_the_owners_alone_and_those_of_an_earlier_plan_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of an earlier plan would be read as one of this; what else lies in the folder stays."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
    found = []
    for records in (2 * RECORDS + 1, RECORDS + 1):
        write_plan(a_plan(records), tmp_path / "plan.json")
        result = CliRunner().invoke(app, ["plan", "--read", "plan.json", "--page", "plan.html", "--limit", "1"])
        assert (result.exit_code, " in plan.records." in result.stdout) == (0, True)
        found.append(sorted(one.name for one in (tmp_path / "plan.records").iterdir()))
        (tmp_path / "plan.records" / "mine.html").touch()
    assert found == [["2.html", "3.html"], ["2.html", "mine.html"]]
    assert [one.stat().st_mode & 0o077 for one in (tmp_path / "plan.records", tmp_path / "plan.records" / "2.html")] == [0, 0]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_a_browser_shows_it(tmp_path: Path) -> None:
    """It opens from a file, offline; nothing in it runs."""
    (tmp_path / "plan.html").write_text(first_page(a_plan(), Names()))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}", "--dump-dom"]
    shown = subprocess.run(  # noqa: S603 - the browser of this machine, on our own file
        [str(CHROMIUM), *flags, (tmp_path / "plan.html").as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    assert "<title>Still There: a plan</title>" in shown.stdout
    assert "Record by record" in shown.stdout
