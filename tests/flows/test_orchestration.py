"""Flows run on the server that the user names, or on a temporary one that leaves nothing behind.

Every flow here runs in a process of its own, as it does for a user: what Prefect does when it is imported is part of what is tested.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from flows.orchestration import runtime
from transforms.vocabulary.errors import PersonMustAct

PATIENCE_S = 180

DATABASE = f"prefect-{version('prefect')}.db"

A_FLOW = """
    from pathlib import Path
    from flows.orchestration import runtime

    with runtime(Path(HOME)) as place:
        begun = place.begin(lambda: 40)
        from prefect import flow, get_run_logger, task

        @task
        def join(more):
            get_run_logger().info("joined")
            return begun.result() + more

        @flow(name="answer")
        def answer():
            return join(2)

        print(place.run(answer))
"""

WATCH = """
    import os, sys

    def watch(event, args):
        if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1"):
            note(args[1][0])
        if event == "socket.getaddrinfo" and args[0] not in (None, "127.0.0.1", "::1", "localhost"):
            note(args[0])

    def note(host):
        with open(os.environ["OUTSIDE"], "a") as file:
            file.write(f"{os.getpid()} {host}\\n")

    sys.addaudithook(watch)
"""


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without any setting of Prefect's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")} | more


@contextmanager
def clean_start() -> Iterator[None]:
    """Take every setting of Prefect's out of this process's environment for a while."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ.keys() - clean_environment().keys():
            patch.delenv(name)
        yield


def run(script: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh interpreter, with HOME set to the home folder of this test."""
    text = textwrap.dedent(script).replace("HOME", repr(str(home)))
    return subprocess.run(  # noqa: S603 - this interpreter, this test's own script
        [sys.executable, "-c", text], env=clean_environment(**environment), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def ask(url: str, path: str, body: dict[str, Any]) -> Any:
    """Ask a Prefect server's API."""
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
        return json.load(answer)


def is_listening(port: int) -> bool:
    """Whether anybody listens on that port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def gone_within(port: int, seconds: float) -> bool:
    """Whether nobody listens on the port any more before so many seconds have passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_listening(port):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that somebody else keeps."""
    with clean_start(), runtime(tmp_path_factory.mktemp("keeper"), patience_s=PATIENCE_S) as place:
        url = place.url()
        with clean_start():
            yield url


@pytest.fixture
def no_server() -> Iterator[None]:
    """An environment in which no server is named."""
    with clean_start():
        yield


def test_importing_the_command_line_does_not_import_prefect() -> None:
    """`--help` answers at once: Prefect, which takes seconds to import, stays out until a flow runs."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, flows.orchestration; print('prefect' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"


def test_prefects_server_imports_with_the_pinned_fastapi() -> None:
    """The pin of fastapi does its work: with a newer one the import of Prefect's server fails."""
    done = subprocess.run(
        [sys.executable, "-c", "import prefect.server.api.server"], env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_server_a_temporary_one_is_started_and_stopped(tmp_path: Path) -> None:
    """With nothing set up, a flow runs, is recorded under the home folder, talks to this machine alone, and prints nothing of Prefect's."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(WATCH))
    outside = tmp_path / "outside.txt"
    done = run(
        A_FLOW,
        tmp_path / "home",
        PYTHONPATH=str(tmp_path),
        OUTSIDE=str(outside),
        HTTP_PROXY="http://192.0.2.1:9",
        HTTPS_PROXY="http://192.0.2.1:9",
    )
    assert (done.stdout, done.stderr, done.returncode) == ("42\n", "", 0)
    assert not outside.exists()
    assert [file.name for file in (tmp_path / "home" / "prefect").glob("*.db")] == [DATABASE]
    assert (tmp_path / "home" / "prefect" / "server.log").read_text() == ""


def test_a_server_that_the_user_names_is_used(server: str, tmp_path: Path) -> None:
    """With PREFECT_API_URL the run, its task and its logs are found on that server, and no other is started."""
    done = run(A_FLOW, tmp_path, PREFECT_API_URL=server)
    assert (done.stdout, done.stderr) == ("42\n", "")
    assert not (tmp_path / "prefect" / "server.log").exists()
    (flow_run,) = ask(server, "/flow_runs/filter", {"flows": {"name": {"any_": ["answer"]}}})
    assert flow_run["state_name"] == "Completed"
    here = {"flow_run_id": {"any_": [flow_run["id"]]}}
    deadline = time.monotonic() + 30  # the server takes its time to file what it was sent
    states: list[str] = []
    while time.monotonic() < deadline and states != ["Completed"]:
        states = [task_run["state_name"] for task_run in ask(server, "/task_runs/filter", {"flow_runs": {"id": here["flow_run_id"]}})]
        time.sleep(0.2)
    assert states == ["Completed"]
    assert "joined" in [line["message"] for line in ask(server, "/logs/filter", {"logs": here})]


def test_a_named_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    """A wrong PREFECT_API_URL is said in one sentence that names it and says what to do; no other server is started in its stead."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody answers there
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        script = A_FLOW.replace("print(place.run(answer))", "place.run(answer)") + "\n"
        done = run(script, tmp_path, PREFECT_API_URL=url, PREFECT_CLIENT_MAX_RETRIES="0")
    last = done.stderr.strip().splitlines()[-1]
    expected = f"PersonMustAct: The Prefect server at {url} does not answer (ConnectError); start it, or unset PREFECT_API_URL so that a temporary one is started."
    assert last == f"transforms.vocabulary.errors.{expected}"


def test_a_server_that_cannot_start_is_one_sentence(tmp_path: Path, no_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the temporary server dies at its start, the person learns where its last words are."""
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "nonsense://")
    with (
        runtime(tmp_path, patience_s=PATIENCE_S) as place,
        pytest.raises(PersonMustAct, match=r"did not start; see the last lines of .*server\.log"),
    ):
        place.url()
    assert (tmp_path / "prefect" / "server.log").read_text() != ""


def test_a_home_that_cannot_be_written_is_one_sentence(tmp_path: Path, no_server: None) -> None:
    """A home that cannot be a folder is said at once, and names the setting to change."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PersonMustAct, match=r"cannot be written .*; set STILLTHERE_HOME"), runtime(tmp_path / "file"):
        pass


def test_the_environment_is_put_back(tmp_path: Path, no_server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was set for Prefect is taken back at the end; what the user had set was never touched."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "mine"))
    before = dict(os.environ)
    with runtime(tmp_path):
        assert os.environ["PREFECT_HOME"] == str(tmp_path / "mine")
        assert os.environ["PREFECT_API_URL"].startswith("http://127.0.0.1:")
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    "how",
    [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow), pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
    ids=lambda how: how.name,
)
def test_no_server_outlives_its_run(how: signal.Signals, tmp_path: Path) -> None:
    """However a run ends, killed or interrupted, its temporary server is gone within seconds, also while it is still starting."""
    script = """
        import os, signal, time
        from pathlib import Path
        from flows.orchestration import runtime

        signal.signal(signal.SIGINT, signal.default_int_handler)
        with runtime(Path(HOME)):
            print(os.environ["PREFECT_API_URL"], flush=True)
            time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(script).replace("HOME", repr(str(tmp_path)))]
    with subprocess.Popen(command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - this test's own script
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1].split("/")[0])
        assert is_listening(port)
        process.send_signal(how)
        process.wait(timeout=30)
    assert gone_within(port, 15)


def test_a_half_made_database_is_made_anew(tmp_path: Path, no_server: None) -> None:
    """A start that was killed while it laid its database does not spoil the next: the file gets its name only once it is whole."""
    folder = tmp_path / "prefect"
    folder.mkdir()
    (folder / DATABASE).with_suffix(".new").write_text("half a database")
    with runtime(tmp_path, patience_s=PATIENCE_S) as place:
        assert ask(place.url(), "/flow_runs/count", {}) == 0


@pytest.mark.slow
def test_set_up_can_prepare_the_database(tmp_path: Path) -> None:
    """Prefect's migrations run once, at set-up: what they leave is one whole file, which first starts copy."""
    script = """
        import sys
        sys.prefix = HOME
        from flows.orchestration import prepare
        print(prepare())
        print(prepare())
    """
    done = run(script, tmp_path, DO_NOT_TRACK="1")
    template = tmp_path / "share" / "stillthere" / DATABASE
    assert (done.stdout, done.stderr) == (f"{template}\n{template}\n", "")
    assert sorted(file.suffix for file in template.parent.iterdir()) == [".db", ".lock"]
    with closing(sqlite3.connect(template)) as connection:
        assert connection.execute("select count(*) from flow_run").fetchone() == (0,)


def test_a_run_shows_its_progress_and_what_it_did(server: str, tmp_path: Path) -> None:
    """Progress (also from a thread begun before the flow), the summary, counts by field, a sample, failed rows and links are kept with the run; values are not."""
    script = """
        import threading
        from pathlib import Path
        import pandas as pd
        from flows.orchestration import runtime

        shown = threading.Event()
        hands = {}

        def pull():
            shown.wait(60)
            for done in (0, 50, 100):
                hands["progress"]("hubspot contacts", done, 100)

        with runtime(Path(HOME)) as place:
            pulling = place.begin(pull)
            from prefect import flow
            from flows import artifacts

            cells = pd.DataFrame({"crm": "hubspot", "table": "contacts", "record_id": ["2", "1", "1"], "field": ["why", "why", "successor"],
                                  "old": [None, "Asha Rao wrote", None], "new": ["Tom Becker left", None, "Julia Kern"], "reason": "said Julia Kern"})
            summary = {"as_of": "2026-11-22T10:00:00+00:00", "pulled": {"hubspot": {"rows": {"contacts": 1200}}},
                       "failed": [{"crm": "hubspot", "table": "contacts", "key": "9", "code": "INVALID", "message": "Julia Kern is no date"}]}

            @flow(name="shows")
            def shows():
                hands["progress"] = artifacts.RunProgress(every_s=0)
                shown.set()
                pulling.result()
                artifacts.publish("run-7", summary, cells, links={"The portal": "http://127.0.0.1:8700/"})

            place.run(shows)
            artifacts.publish("run-8", summary, cells)
    """
    done = run(script, tmp_path, PREFECT_API_URL=server)
    assert (done.returncode, done.stderr) == (0, "")
    (flow_run,) = ask(server, "/flow_runs/filter", {"flows": {"name": {"any_": ["shows"]}}})
    kept = {item["key"]: item for item in ask(server, "/artifacts/filter", {})}
    assert {item["flow_run_id"] for item in kept.values()} == {flow_run["id"]}
    assert (kept["progress-hubspot-contacts"]["data"], kept["progress-hubspot-contacts"]["description"]) == (
        100,
        "hubspot contacts: 100 of 100",
    )
    assert "| pulled · hubspot · rows · contacts | 1,200 |" in kept["run-summary"]["data"]
    assert json.loads(kept["changed-fields"]["data"]) == [
        {"crm": "hubspot", "table": "contacts", "field": "why", "cells": 2, "filled": 1, "emptied": 1},
        {"crm": "hubspot", "table": "contacts", "field": "successor", "cells": 1, "filled": 1, "emptied": 0},
    ]
    assert json.loads(kept["changed-sample"]["data"]) == [
        {"crm": "hubspot", "table": "contacts", "record": "1", "field": "successor", "change": "filled"},
        {"crm": "hubspot", "table": "contacts", "record": "1", "field": "why", "change": "emptied"},
        {"crm": "hubspot", "table": "contacts", "record": "2", "field": "why", "change": "filled"},
    ]
    assert json.loads(kept["failed-rows"]["data"]) == [{"crm": "hubspot", "table": "contacts", "key": "9", "code": "INVALID"}]
    assert kept["link-the-portal"]["data"] == "[The portal](http://127.0.0.1:8700/)"
    assert [name for name in ("Kern", "Rao", "Becker") if name in json.dumps(list(kept.values()))] == []


def test_what_was_begun_is_told_to_stop(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving the block sets ``stopping`` and waits for the threads, so that nothing works on behind the person's back."""
    monkeypatch.setenv("PREFECT_API_URL", server)
    with runtime(tmp_path) as place:
        begun = place.begin(place.stopping.wait, 60)
    assert begun.result(timeout=0) is True
