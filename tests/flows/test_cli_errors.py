"""What a person sees who does something wrong: one sentence and the promised exit code, never a traceback. And what help each command gives."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from flows.cli import app
from flows.commands.sync import run_sync
from flows.settings import load_settings
from flows.work import open_work
from sandbox.hubspot.object_types import object_type
from sandbox.running import Sandbox
from tests.flows.plainly import plainly

COMMANDS = tuple(sorted(typer.main.get_command(app).commands))  # type: ignore[attr-defined]  # Typer gives it no narrower type
DONE, SOME_ROWS_FAILED, MUST_ACT, UNREACHABLE, REFUSED = 0, 3, 10, 20, 30

Told = tuple[int, str]
"""The exit code, and what was said."""


def told(*arguments: str | Path, **environment: str) -> Told:
    """Run a command in this process. Whatever is raised beside an exit would be a traceback, and fails."""
    result = CliRunner().invoke(app, [str(one) for one in arguments], env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.output


def is_a_sentence(text: str) -> bool:
    """One line that begins with the file, the quoted word or a capital letter, and ends with a full stop."""
    return text.count("\n") == 1 and text.endswith(".\n") and "Traceback" not in text


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two small tables that are right, and many files that are wrong; it is the working folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("STILLTHERE_HOME", "STILLTHERE_LAKE", "HUBSPOT_ACCESS_TOKEN", "HUBSPOT_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    head = "activity_id,contact_id,occurred_at,channel,direction\n"
    texts = {
        "contacts.csv": "contact_id,email\n1,a@b.example\n",
        "activities.csv": f"{head}a,1,2026-01-01T00:00:00Z,email,inbound\n",
        "one_too_many.csv": "contact_id,email,shoe\n1,a@b.example,44\n",
        "ragged.csv": "contact_id,email\n1,a@b.example,44\n",
        "no_time.csv": f"{head}a,1,gestern,email,inbound\n",
        "no_channel.csv": f"{head}a,1,2026-01-01T00:00:00Z,pigeon,inbound\n",
        "empty.csv": "",
        "file": "x",
        "broken.json": "{",
        "list.json": "[]",
        "number.json": "5",
        "no_moment.json": json.dumps({"format": 1, "as_of": "never", "accounts": {}, "cells": [], "tasks": {"create": [], "update": []}}),
        "broken.parquet": "PAR1 and no more",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.csv").write_bytes("contact_id,first_name\n1,José\n".encode("latin-1"))
    (tmp_path / "folder.csv").mkdir()
    return tmp_path


def score(**changed: str) -> Told:
    """Score the tables that are right, with some options changed."""
    given = {"contacts": "contacts.csv", "activities": "activities.csv", "as_of": "2026-06-01T00:00:00Z", "out": "out.csv", **changed}
    return told("score", *(part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)))


@pytest.mark.parametrize(
    "changed",
    [
        *({"contacts": name} for name in ("absent.csv", "folder.csv", "latin.csv", "one_too_many.csv", "ragged.csv", "empty.csv", "file")),
        *({"activities": name} for name in ("no_time.csv", "no_channel.csv", "contacts.csv", "broken.parquet")),
        *({"as_of": text} for text in ("2026-06-01", "2026-06-01T00:00:00", "yesterday", "now", "", "2026-13-01T00:00:00Z")),
        *({"out": name} for name in ("out.txt", "folder.csv", "file/out.csv", "/proc/nowhere/out.csv")),
        {"companies": "absent.csv"},
    ],
    ids=lambda changed: " ".join(f"{name}={value}" for name, value in changed.items()),
)
def test_a_score_of_what_cannot_be_read_or_written(files: Path, changed: dict[str, str]) -> None:
    """A table, a moment or a place that will not do: exit code 10 and a sentence that names it."""
    code, text = score(**changed)
    assert (code, is_a_sentence(text)) == (MUST_ACT, True)
    assert not (files / "out.csv").is_file()


def test_a_score_of_what_is_right(files: Path) -> None:
    """The same tables without a fault are scored."""
    assert score()[0] == DONE
    assert (files / "out.csv").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("read-mail", "absent.eml"),
        ("read-mail", "folder.csv"),
        ("status",),
        ("explain", "nobody@nowhere.example"),
        ("explain", "1", "--field", "shoe_size"),
        ("backfill", "--since", "2023-13-01"),
        ("check",),
        ("setup",),
        ("plan",),
        ("plan", "--out", "folder.csv"),
        ("plan", "--out", "nowhere/plan.json"),
        ("sandbox", "--load", "file"),
        ("sandbox", "--latency", "soon"),
        ("sandbox", "--crm", "zoho"),
        ("sandbox", "--now", "2026-11-22T09:00:00"),
        ("sandbox", "--faults", "broken.json", "--contacts", "2", "--companies", "1", "--months", "2"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_and_settings(files: Path, arguments: tuple[str, ...]) -> None:
    """Wrong files, words and dates, no token, a home that cannot be made: exit code 10 and a sentence."""
    home = files / "file" if arguments == ("status",) else files / "home"
    code, text = told(*arguments, STILLTHERE_HOME=str(home))
    assert (code, is_a_sentence(text.removeprefix("Making 2 customers at 1 companies …\n"))) == (MUST_ACT, True)


@pytest.mark.parametrize("name", ["broken.json", "list.json", "number.json", "no_moment.json", "absent.json", "folder.csv", "latin.csv"])
def test_a_plan_that_is_none(portal: Sandbox, files: Path, name: str) -> None:
    """A file that is no plan is refused with exit code 10 before anything is written."""
    code, text = told("sync", "--plan", name, HUBSPOT_ACCESS_TOKEN=portal.token, HUBSPOT_BASE_URL=portal.base_url)
    assert (code, is_a_sentence(text)) == (MUST_ACT, True)
    assert portal.calls.count("/batch/update") == 0


@pytest.mark.parametrize(
    "text", [b"shoe = 3", b"home = [", b"\xff\xfe", b"[policy]\nquiet = 'long'", b"hubspot_access_token = 'pat-na1-x'", b"buckets = 0"]
)
def test_a_settings_file_that_is_wrong(files: Path, text: bytes) -> None:
    """Unknown names, wrong types, secrets and what is no TOML are told in one sentence."""
    (files / "stillthere.toml").write_bytes(text)
    code, said = told("status")
    assert (code, is_a_sentence(said)) == (MUST_ACT, True)
    assert "pat-na1-x" not in said


@pytest.mark.parametrize("token", ["pat-na1-00000000-0000-4000-8000-000000000000", "two words", "tökén"])
@pytest.mark.parametrize("command", ["setup", "plan"])
def test_a_wrong_token(portal: Sandbox, command: str, token: str) -> None:
    """A token that HubSpot does not know, and one that cannot be one: exit code 10, and the token is not shown."""
    code, text = told(command, HUBSPOT_ACCESS_TOKEN=token)
    assert (code, is_a_sentence(text)) == (MUST_ACT, True)
    assert token not in text


def test_a_token_without_a_scope(portal: Sandbox) -> None:
    """The scope that is missing is named; exit code 10."""
    portal.faults.add("missing_scopes", path="/objects/companies")
    code, text = told("plan")
    assert (code, is_a_sentence(text.splitlines(keepends=True)[-1])) == (MUST_ACT, True)


def test_two_syncs_at_once(portal: Sandbox) -> None:
    """The second one is refused with exit code 30 and says which one runs."""
    from flows.running import begin_run  # noqa: PLC0415 - importing a flow brings Prefect, which few tests need

    with begin_run(open_work(load_settings()), "sync"):
        code, text = told("plan")
    assert (code, is_a_sentence(text)) == (REFUSED, True)
    assert f"process {os.getpid()}" in text


def test_some_rows_failed(portal: Sandbox, tmp_path: Path) -> None:
    """A record that is gone when it is written: exit code 3, and it is listed. The same plan again writes nothing twice."""
    plan = tmp_path / "plan.json"
    assert told("plan", "--out", plan)[0] == DONE
    gone = next(iter(portal.portal.snapshot()["contacts"]))
    portal.portal.archive(object_type("contacts"), int(gone))
    first, again = (run_sync(plan_file=plan, quiet=True, at=plainly) for _ in range(2))
    assert (first.exit_code, {row["key"] for row in first.data["failed"]}) == (SOME_ROWS_FAILED, {gone})
    assert first.data["written"]["cells"] > 0
    assert (again.exit_code, again.data["written"]["cells"], {row["key"] for row in again.data["failed"]}) == (SOME_ROWS_FAILED, 0, {gone})


def spoil_contacts(lake: Path) -> None:
    """Overwrite the contacts' files."""
    for file in (lake / "contacts").rglob("*.parquet"):
        file.write_bytes(b"junk")


def spoil_log(lake: Path) -> None:
    """Overwrite the log of the activities."""
    for file in (lake / "activities" / "_delta_log").glob("*.json"):
        file.write_text("{junk", encoding="utf-8")


def spoil_lease(lake: Path) -> None:
    """Leave half a lease."""
    (lake / "leases").mkdir(exist_ok=True)
    (lake / "leases" / "run.json").write_text('{"name": ', encoding="utf-8")


def test_a_spoilt_lake(portal: Sandbox, tmp_path: Path) -> None:
    """Files of the lake that cannot be read are named in a sentence; nothing is guessed and nothing is written."""
    assert told("plan")[0] == DONE
    for spoil in (spoil_contacts, spoil_log, spoil_lease):
        home = tmp_path / spoil.__name__
        shutil.copytree(tmp_path / "home", home)
        spoil(home / "lake")
        code, text = told("plan", STILLTHERE_HOME=str(home))
        assert (code, is_a_sentence(text.splitlines(keepends=True)[-1])) == (MUST_ACT, True)
    assert portal.calls.count("/batch/update") == 0


def run(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The command as a shell runs it."""
    here = {**os.environ, "STILLTHERE_HOME": str(home)}
    command = [sys.executable, "-m", "flows.cli", *arguments]
    return subprocess.run(command, env=here, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603 - our own command


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("sync", "--shoe"), ("backfill",), ("runs", "--limit", "0"), ("explain",)], ids=" ".join
)
def test_wrong_options(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A command or option that there is not, or one that is missing: exit code 10 and one sentence that says where help is."""
    done = run(*arguments, home=tmp_path)
    assert (done.returncode, done.stdout, is_a_sentence(done.stderr)) == (MUST_ACT, "", True)
    assert "--help" in done.stderr


def test_a_crm_that_cannot_serve_us(portal: Sandbox) -> None:
    """The portal is being moved: exit code 20; with ``--json`` the sentence comes as JSON on the standard output, and nothing else does."""
    portal.faults.add("migrating")
    code, text = told("teardown", "--dry-run", "--json")
    assert (code, json.loads(text)["exit_code"]) == (UNREACHABLE, UNREACHABLE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_an_example_and_json(command: str) -> None:
    """``--help`` of each command shows an example that begins as one would type it, and names ``--json``."""
    code, text = told(command, "--help", COLUMNS="200")
    assert code == DONE
    assert f"stillthere {command}" in text.partition("Example:")[2]
    assert "--json" in text


def test_help_imports_neither_pandas_nor_prefect() -> None:
    """``stillthere --help`` must answer at once, so nothing heavy may be imported for it."""
    code = (
        "import sys, flows.cli\n"
        "try: flows.cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'pandas', 'prefect', 'pyarrow', 'numpy', 'hubspot', 'deltalake'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - our own command
    assert done.stdout.splitlines()[-1] == "[]"
