"""What the program writes is for its owner alone, whatever the umask is, and what was open before is closed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from flows.orchestration import _without_secrets
from flows.settings import load_settings
from flows.work import open_work
from store.journal import Journal
from store.lake import Lake
from store.private import make_private, open_private
from transforms.vocabulary.errors import BadSettings, PersonMustAct
from transforms.vocabulary.tables import CONTACTS, to_table

COMMAND = Path(sys.executable).with_name("stillthere")


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    """A umask that hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Files and folders, this one included, that anybody but the owner may touch in any way."""
    return [str(one) for one in (folder, *folder.rglob("*")) if stat.S_IMODE(one.stat().st_mode) & 0o077]


def test_lake_and_journal_are_private(tmp_path: Path) -> None:
    """Tables, logs, checkpoints and leases, made under a careless umask: folders 0700, files 0600."""
    lake = Lake.open(tmp_path / "deep" / "lake", buckets=2)
    journal = Journal(lake)
    rows = to_table(CONTACTS, [{"contact_id": "1", "crm": "hubspot"}])
    lake.append("contacts", rows, crm="hubspot", persons=pd.Series(["p"]), buckets=pd.Series([0]), cursor="c")
    now = pd.Timestamp("2026-11-22", tz="UTC").to_pydatetime()
    with journal.lease("run", "sync", 600, now):
        journal.start_run("sync", as_of=now, crms=["hubspot"], now=now)
    lake.compact("contacts")
    assert len(list(tmp_path.rglob("*.parquet"))) > 2
    assert open_to_others(tmp_path / "deep") == []


def test_a_home_that_was_open_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that others could read before, or that somebody made by hand, is mended at the next start."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    monkeypatch.setenv("STILLTHERE_HOME", str(home))
    open_work(load_settings(), offline=True)
    assert open_to_others(home) == []


def test_a_file_that_was_open_is_closed_when_it_is_written(tmp_path: Path) -> None:
    """Also where the name stood there already, for everybody to read; a link to somewhere else is not followed."""
    file = tmp_path / "server.log"
    file.touch(mode=0o666)
    with os.fdopen(open_private(file), "w") as out:
        out.write("x")
    assert (stat.S_IMODE(file.stat().st_mode), file.read_text()) == (0o600, "x")
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(OSError, match="symbolic links"):
        open_private(tmp_path / "link")


def test_a_home_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a file stands in its place, the sentence names the setting."""
    (tmp_path / "home").touch()
    monkeypatch.setenv("STILLTHERE_HOME", str(tmp_path / "home"))
    with pytest.raises(PersonMustAct, match="STILLTHERE_HOME"):
        open_work(load_settings(), offline=True)
    with pytest.raises(BadSettings, match="STILLTHERE_LAKE"):
        Lake.open(tmp_path / "home")


def test_what_a_command_writes_is_private(tmp_path: Path) -> None:
    """`score --out` in a process of its own: the table and the folders made for it."""
    contacts = pd.DataFrame({"contact_id": ["1"], "email": ["ann@x.example"]})
    contacts.to_csv(tmp_path / "contacts.csv", index=False)
    said = {
        "activity_id": ["a"],
        "contact_id": ["1"],
        "occurred_at": ["2026-01-01T00:00:00Z"],
        "channel": ["email"],
        "direction": ["inbound"],
    }
    pd.DataFrame(said).to_csv(tmp_path / "activities.csv", index=False)
    files = ["--contacts", str(tmp_path / "contacts.csv"), "--activities", str(tmp_path / "activities.csv")]
    out = tmp_path / "made" / "fields.csv"
    command = [str(COMMAND), "score", *files, "--as-of", "2026-02-01T00:00:00Z", "--out", str(out)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert done.returncode == 0, done.stderr
    assert open_to_others(tmp_path / "made") == []


def test_a_folder_is_made_private_with_all_that_had_to_be_made_above_it(tmp_path: Path) -> None:
    """None of them is open, not even for the moment between making and closing it."""
    make_private(tmp_path / "a" / "b" / "c")
    assert open_to_others(tmp_path / "a") == []


def test_credentials_are_not_handed_on() -> None:
    """Prefect's server gets its own settings and what any program needs; nothing of ours, of a cloud's, or that looks like a secret."""
    ours = [
        "HUBSPOT_ACCESS_TOKEN",
        "SALESFORCE_CONSUMER_SECRET",
        "SALESFORCE_PRIVATE_KEY_FILE",
        "AWS_SECRET_ACCESS_KEY",
        "AZURE_STORAGE_KEY",
    ]
    ours += ["GOOGLE_APPLICATION_CREDENTIALS", "MY_API_TOKEN", "db_password"]
    theirs = ["PATH", "HOME", "LANG", "TMPDIR", "PREFECT_HOME", "PREFECT_API_AUTH_STRING", "NO_PROXY", "PYTHONPATH"]
    assert list(_without_secrets(dict.fromkeys([*ours, *theirs], "x"))) == theirs
