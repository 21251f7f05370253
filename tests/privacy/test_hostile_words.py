"""Names, files and answers that were made to do harm do none: in spreadsheets, in terminals, on pages, in Prefect, and to whoever reads them in."""

from __future__ import annotations

import csv
import io
import re
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from typer.testing import CliRunner

from connectors.files import put_file, read_table
from connectors.files.mapping import to_cells
from flows.answer import Answer, Harmless, harmless, print_answer
from flows.cli import app
from flows.settings import load_settings
from sandbox.running import SandboxOptions, Tables, run_sandbox
from transforms.fields import CONTACT_FIELDS
from transforms.vocabulary.changes import CELLS
from transforms.vocabulary.errors import BadInput, BadSettings
from transforms.vocabulary.tables import ACTIVITIES, CONTACTS, to_table

FORMULAS = ['=HYPERLINK("http://evil.example","x")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1:A9)", "\t=1", "\r=1", "＝1", "'=1"]
PLAIN = ["-12.5", "+3", "Ann", "'t Hooft", "'todd'", "", "a=b", "1 - 1"]
SCRIPT = "<script>alert('zq7')</script><img src=x onerror=alert(1)>"
ROOT = Path(__file__).parents[2]


def undone(text: str) -> str:
    """A cell as it was, by the rule that docs/commands.md and SECURITY.md state."""
    return re.sub(r"^'('*[=+\-@\t\r\n＝＋－＠])", r"\1", text) if not re.fullmatch(r"[+-]?\d+([.,]\d+)?", text) else text


@given(st.lists(st.one_of(st.sampled_from([*FORMULAS, *PLAIN]), st.text(alphabet="'=+-@\t\r\n1a.＝", max_size=5)), min_size=1, max_size=9))
def test_no_cell_begins_a_formula_and_each_can_be_had_back(texts: list[str]) -> None:
    """A text that a spreadsheet would calculate has an apostrophe in front, which can be taken away; a number stays one."""
    cells = to_cells(pd.DataFrame({"text": pd.Series(texts, dtype="str"), "number": -1.5}))
    assert [undone(cell) for cell in cells["text"]] == texts
    harmful = [cell for cell in cells["text"] if cell[:1] in set("=+-@\t\r\n＝＋－＠") and not re.fullmatch(r"[+-]?\d+([.,]\d+)?", cell)]
    assert (harmful, cells["number"].tolist()) == ([], [-1.5] * len(texts))


def test_what_needs_no_apostrophe_gets_none() -> None:
    """Numbers, ordinary texts, and names and ids that begin with an apostrophe are written as they are."""
    assert to_cells(pd.DataFrame({"text": pd.Series(PLAIN, dtype="str")}))["text"].tolist() == PLAIN


def test_a_parquet_file_holds_texts_as_they_are(tmp_path: Path) -> None:
    """No spreadsheet opens it, so nothing is put in front."""
    put_file(pd.DataFrame({"text": FORMULAS}), tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["text"].tolist() == FORMULAS


def test_formulas_in_files_are_read_as_text_and_never_written_as_formulas(tmp_path: Path) -> None:
    """`score` on a file whose names, ids and companies begin formulas: they are texts inside, and no cell of its CSV begins one."""
    rows = [
        {"contact_id": f"{formula}#{n}", "first_name": formula, "last_name": formula, "company_domain": formula, "title": formula}
        for n, formula in enumerate(FORMULAS)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "contacts.csv", index=False, lineterminator="\r\n")
    said = [{"activity_id": f"=a{n}", "contact_id": row["contact_id"], "occurred_at": "2026-01-02T00:00:00Z"} for n, row in enumerate(rows)]
    told = pd.DataFrame(said).assign(channel="email", direction="inbound", subject="=1+1", body="@SUM(1)")
    told.to_csv(tmp_path / "activities.csv", index=False, lineterminator="\r\n")
    assert read_table("contacts", tmp_path / "contacts.csv")["first_name"].tolist()[:4] == FORMULAS[:4]
    files = ["--contacts", str(tmp_path / "contacts.csv"), "--activities", str(tmp_path / "activities.csv")]
    for out in ("out.csv", "out.parquet"):
        done = CliRunner().invoke(app, ["score", *files, "--as-of", "2026-02-01T00:00:00Z", "--out", str(tmp_path / out)])
        assert done.exit_code == 0, done.output
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert [undone(row["contact_id"]) for row in written] == pd.read_parquet(tmp_path / "out.parquet")["contact_id"].tolist()
    assert [
        cell for row in written for cell in row.values() if re.match(r"[=+\-@\t\r]", cell) and not re.fullmatch(r"[+-]?\d.*", cell)
    ] == []


HOSTILE_NAMES = {
    "markup": "[red]Ann[/red] [link=http://evil.example]x[/link] [/] [bold",
    "colours": "\x1b[31mAnn\x1b[0m \x1b]8;;http://evil.example\x07x\x1b]8;;\x07",
    "clearing": "Ann\x1b[2J\x1b[H\x9b2J\x08\x08\x7f",
    "turned round": "Ann \u202egpj.exe\u202c \u2066x\u2069",
}


@pytest.mark.parametrize("name", list(HOSTILE_NAMES.values()), ids=list(HOSTILE_NAMES))
def test_a_terminal_obeys_no_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters and turned writing do not reach the terminal, from tables or sentences; markup in a name is shown, not obeyed."""
    table = Table("Name", box=None)
    table.add_row(escape(name))
    print_answer(Answer(text=[table, escape(name)]), as_json=False)
    shown = capsys.readouterr().out
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown) == []
    assert "".join(harmless(name).split()) in "".join(shown.split())


def test_our_own_colours_stay() -> None:
    """What is taken away are characters in texts; a style of ours still colours what it is for."""
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="standard", highlight=False).print(Harmless("[red]7 rows failed[/red] \x1b[2J"))
    assert out.getvalue().strip() == "\x1b[31m7 rows failed\x1b[0m [2J"


def test_pages_show_names_and_run_nothing() -> None:
    """HTML in names, companies, titles and subjects stands on the sandbox's pages as text, and a profile that is no web address is no link."""
    contact = {"contact_id": "1", "email": "ann@x.example", "first_name": SCRIPT, "last_name": f'">{SCRIPT}', "title": SCRIPT}
    contacts = to_table(CONTACTS, [{**contact, "linkedin_url": "javascript:alert(1)"}])
    mail = {"activity_id": "a", "contact_id": "1", "occurred_at": "2026-11-20T09:00:00Z", "channel": "email", "direction": "inbound"}
    activities = to_table(ACTIVITIES, [{**mail, "subject": SCRIPT, "body": SCRIPT, "outcome": "replied"}])
    with run_sandbox(world=Tables(contacts, activities), options=SandboxOptions()) as sandbox:
        for path in ("/contacts", f"/contacts/{next(iter(sandbox.portal.snapshot()['contacts']))}"):
            page = urllib.request.urlopen(f"{sandbox.base_url}{path}", timeout=20).read().decode()  # noqa: S310 - loopback
            assert ("zq7" in page, "<script>alert" in page, "<img src=x" in page, "javascript:alert" in page) == (True, False, False, False)


def test_every_template_escapes_what_it_shows() -> None:
    """Each environment of templates escapes by itself, no template switches that off, and none runs a script of data."""
    python = [file for folder in ("flows", "sandbox") for file in (ROOT / folder).rglob("*.py")]
    made = [(file.name, "autoescape=True" in text) for file in python if re.search(r"= Environment\(", text := file.read_text("utf-8"))]
    assert len(made) > 1
    assert [name for name, is_escaping in made if not is_escaping] == []
    for template in [file for folder in ("flows", "sandbox") for file in (ROOT / folder).rglob("*.html")]:
        text = template.read_text(encoding="utf-8")
        assert re.findall(r"\|\s*safe|autoescape false|innerHTML|<script[^>]*>[^<]*\{\{|\son\w+=", text) == [], template.name


def test_prefect_is_shown_words_alone() -> None:
    """Ids and codes come from the CRM's answers; in a table of Prefect's nothing of them can become a link, a tag or another cell."""
    from flows.artifacts import to_failures, to_sample  # noqa: PLC0415 - imports Prefect, which no other test here needs

    hostile = f"[x](http://evil.example)|{SCRIPT}`"
    cells = to_table(
        CELLS, [{"crm": "hubspot", "table": "contacts", "record_id": hostile, "field": "why", "new": SCRIPT, "reason": SCRIPT}]
    )
    failed = {"crm": "hubspot", "table": "contacts", "key": hostile, "code": hostile, "message": SCRIPT}
    shown = [text for row in (*to_sample(cells), *to_failures({"failed": [failed]})) for text in row.values()]
    assert [text for text in shown if re.search(r"[^\w.:-]", text)] == []
    assert to_failures({"failed": [{**failed, "key": "st0a", "code": "INVALID_OPTION"}]})[0]["code"] == "INVALID_OPTION"


DEEP = "[" * 100_000 + "]" * 100_000
HOSTILE_FILES: dict[str, bytes] = {
    "nothing": b"",
    "zeros": b"\0" * 5_000,
    "noise": bytes(range(256)) * 40,
    "deep": DEEP.encode(),
    "an endless quote": b'contact_id,email\n"' + b"a" * 300_000,
    "a column of commas": b"," * 50_000,
    "a wrong end": b"PAR1" + b"\xff" * 64 + b"PAR1",
    "a huge footer": b"PAR1" + b"\0" * 16 + b"\xff\xff\xff\x7fPAR1",
    "a number as text": b'{"format": 1, "cells": 7, "tasks": {"create": "x", "update": []}, "accounts": [], "as_of": "never"}',
}


@pytest.mark.parametrize("kind", ["contacts.csv", "contacts.parquet"])
@pytest.mark.parametrize("raw", list(HOSTILE_FILES.values()), ids=list(HOSTILE_FILES))
def test_a_hostile_table_is_refused_in_a_sentence(raw: bytes, kind: str, tmp_path: Path) -> None:
    """Whatever the file holds, BadInput names it; nothing else comes out."""
    (tmp_path / kind).write_bytes(raw)
    with pytest.raises(BadInput, match=re.escape(kind)):
        read_table("contacts", tmp_path / kind)


def test_a_table_of_odd_types_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Lists, nested records and bytes where texts belong."""
    for name, values in {"lists": [["1"], ["2"]], "records": [{"a": 1}, {"a": 2}], "bytes": [b"\xff\xfe", b"\x00"]}.items():
        pd.DataFrame({"contact_id": values}).to_parquet(tmp_path / f"{name}.parquet")
        with pytest.raises(BadInput, match=name):
            read_table("contacts", tmp_path / f"{name}.parquet")


@pytest.mark.parametrize("raw", list(HOSTILE_FILES.values()), ids=list(HOSTILE_FILES))
def test_hostile_settings_are_refused_in_a_sentence(raw: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no TOML is named; an empty one says nothing and is good."""
    file = tmp_path / "stillthere.toml"
    file.write_bytes(raw)
    if not raw:
        assert load_settings(file).home.name != ""
        return
    with pytest.raises(BadSettings, match=r"stillthere\.toml"):
        load_settings(file)


@pytest.mark.parametrize("raw", list(HOSTILE_FILES.values()), ids=list(HOSTILE_FILES))
def test_a_hostile_plan_is_refused_in_a_sentence(raw: bytes, tmp_path: Path) -> None:
    """What is no plan is named as such before any CRM is asked; there is no traceback."""
    (tmp_path / "plan.json").write_bytes(raw)
    home = {"STILLTHERE_HOME": str(tmp_path / "home"), "HUBSPOT_ACCESS_TOKEN": "x", "HUBSPOT_BASE_URL": "http://127.0.0.1:9"}
    done = CliRunner().invoke(app, ["sync", "--plan", str(tmp_path / "plan.json")], env=home)
    assert (done.exit_code, type(done.exception)) == (10, SystemExit), done.output


def test_field_names_are_no_formulas() -> None:
    """The header of a table is ours and harmless."""
    assert [field.name for field in CONTACT_FIELDS if not field.name.isidentifier()] == []
