"""Where flows run: on the Prefect server that ``PREFECT_API_URL`` names, or else on a temporary one that starts while other work goes on.

Prefect is imported only where a flow runs: this module itself does not import it, and neither does any command that needs no flow.

The temporary server is this module in a process of its own (``python -m flows.orchestration serve``). It listens on a free port of
the loopback address, keeps its database under the home folder, and ends when whoever started it ends, however that happens:
its standard input is a pipe that nobody else holds, and a pipe closes when its owner dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import http.client
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ParamSpec, Protocol, Self, TypeVar

from store.private import make_private, open_private
from transforms.vocabulary.errors import PersonMustAct

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE_S = 180.0
"""How long the temporary server may take to start. It takes 3 to 10 s on a quiet machine; a busy one has been seen to take 60."""

LOOPBACK = "127.0.0.1"


@contextmanager
def runtime(home: Path, *, patience_s: float = PATIENCE_S) -> Iterator[Runtime]:
    """A place to run flows, for as long as the block lasts. What must be started starts at once, in the background.

    Usage::

        with runtime(settings.home) as place:
            pulling = place.begin(pull, work, crm)   # a plain thread; neither Prefect nor its server is needed for it
            from flows.sync import sync              # imports Prefect, while the server starts and the pull goes on
            place.run(sync)                          # waits for the server; inside, a task joins ``pulling.result()``

    Leaving the block sets ``stopping``, waits for what was begun, hands the last logs to the server and stops the temporary server.

    Args:
        home: ``STILLTHERE_HOME``. Prefect's own files lie in its folder ``prefect``, unless the user has set ``PREFECT_HOME``.
        patience_s: how many seconds the temporary server may take to start.
    """
    folder = (home / "prefect").resolve()
    url = os.environ.get("PREFECT_API_URL", "")
    with _environment(folder, temporary=not url), contextlib.ExitStack() as stack:
        server = None
        if not url:
            server = stack.enter_context(_TemporaryServer(folder, patience_s))
            # Threads of Prefect's own may look here, and must not start yet another server.
            os.environ["PREFECT_API_URL"] = server.address
        yield stack.enter_context(Runtime(url, server))


class Place(Protocol):
    """Where a command runs its flow."""

    stopping: threading.Event
    """Set when the place is left: work that goes on elsewhere ends then."""

    def run(self, flow: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a flow and give its result."""


Places = Callable[[Path], AbstractContextManager[Place]]
"""Given the home folder, opens a place to run flows: :func:`runtime`."""


class Runtime:
    """Runs flows, and plain work beside them. Made by :func:`runtime`."""

    def __init__(self, url: str, server: _TemporaryServer | None) -> None:
        self.stopping = threading.Event()
        """Set when the block is left. Work that was begun should look at it between two pages, so that Ctrl-C need not wait long."""
        self._url = url
        self._server = server
        self._threads = ThreadPoolExecutor(thread_name_prefix="begun")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopping.set()
        self._threads.shutdown(cancel_futures=True)
        _hand_over_logs()

    def begin(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Begin plain work in a thread, at once. Its result, or its exception, is the future's."""
        return self._threads.submit(function, *args, **kwargs)

    def url(self) -> str:
        """The address of the server's API; waits until the server is ready. Raises PersonMustAct where it cannot be had."""
        return self._server.url() if self._server else self._url

    def run(self, flow: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a Prefect flow in this thread and give its result; what it raises is raised.

        Raises PersonMustAct where there is no server to run it on, or where the server is lost on the way.
        """
        from httpx import TransportError  # noqa: PLC0415 - comes with Prefect, see below
        from prefect.exceptions import PrefectHTTPStatusError  # noqa: PLC0415 - two seconds, needed only where a flow runs
        from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings  # noqa: PLC0415 - the same

        url = self.url()
        # Nobody watches for heartbeats on a server that ends with us, and ending them costs a second.
        heartbeat = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None} if self._server else {}
        with temporary_settings({PREFECT_API_URL: url, **heartbeat}):
            _check_server(url)
            try:
                return flow(*args, **kwargs)
            except (TransportError, PrefectHTTPStatusError) as error:
                raise PersonMustAct(
                    f"The run could not be recorded: the Prefect server at {url} failed with {type(error).__name__}; "
                    "see to the server and start again, the run goes on where it stopped."
                ) from error
            finally:
                _hand_over_logs()


class _TemporaryServer:
    """A Prefect server for one run, in a process of its own."""

    def __init__(self, folder: Path, patience_s: float) -> None:
        self._folder = folder
        self._log = folder / "server.log"
        self._ready = False
        self._patience_s = patience_s
        self._began = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self.address = ""
        """Of its API; known at once, answers once the server is ready."""

    def __enter__(self) -> Self:
        try:
            make_private(self._folder)
            log = os.fdopen(open_private(self._log), "wb")
        except OSError as error:
            raise PersonMustAct(
                f"The temporary Prefect server needs the folder {self._folder}, which cannot be written ({error.strerror}); set STILLTHERE_HOME to one that can."
            ) from error
        # The parent opens the port, so that nobody can take it before the child is ready; a client that connects early waits.
        with socket.socket() as listener, log:
            listener.bind((LOOPBACK, 0))
            listener.listen(128)
            self._port = listener.getsockname()[1]
            self.address = f"http://{LOOPBACK}:{self._port}/api"
            self._process = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
                [sys.executable, "-m", "flows.orchestration", "serve", str(self._folder), str(listener.fileno())],
                env=_without_secrets(os.environ),
                umask=0o077,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                start_new_session=True,  # Ctrl-C is for us: the server must live until the flow has said how it ended
            )
        return self

    def __exit__(self, *_error: object) -> None:
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def url(self) -> str:
        """The address of its API, once it answers."""
        if not self._ready:
            self._wait()
            self._ready = True
        return self.address

    def _wait(self) -> None:
        while (left := self._began + self._patience_s - time.monotonic()) > 0:
            connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=left)
            try:
                connection.request("GET", "/api/health")
                status = connection.getresponse().status
                if status == http.client.OK:
                    return
                raise PersonMustAct(f"The temporary Prefect server answered its health check with {status}; see {self._log}.")
            except TimeoutError:
                break
            except OSError as error:  # refused or cut off: nobody listens on the port any more
                if self._process is not None and self._process.poll() is None:
                    time.sleep(0.1)
                    continue
                raise PersonMustAct(
                    f"The temporary Prefect server did not start; see the last lines of {self._log}, or set PREFECT_API_URL to a server that runs."
                ) from error
            finally:
                connection.close()
        raise PersonMustAct(
            f"The temporary Prefect server was not ready after {self._patience_s:.0f} seconds; try again when the machine is less busy, "
            "or set PREFECT_API_URL to a server that runs."
        )


_OURS_ALONE = re.compile(r"^(HUBSPOT|SALESFORCE|STILLTHERE|AWS|AZURE|GOOGLE)_|SECRET|TOKEN|PASSWORD|CREDENTIAL|PRIVATE_KEY|ACCESS_KEY")
_PREFECTS = "PREFECT_"


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without credentials: the server needs none of ours, and an environment can be read from outside."""
    return {name: value for name, value in environment.items() if name.startswith(_PREFECTS) or not _OURS_ALONE.search(name.upper())}


def _check_server(url: str) -> None:
    """Raise PersonMustAct unless the server answers, and is one that we are let in to."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - two seconds, needed only where a flow runs

    with get_client(sync_client=True) as client:
        fault = client.api_healthcheck()
    if fault is not None:
        raise PersonMustAct(
            f"The Prefect server at {url} does not answer ({type(fault).__name__}); start it, or unset PREFECT_API_URL so that a temporary one is started."
        ) from fault


def _hand_over_logs() -> None:
    """Send what Prefect still holds back (logs and events go in batches), so that it is not lost when the server stops."""
    if "prefect.events.worker" not in sys.modules:
        return
    from prefect.events.worker import EventsWorker  # noqa: PLC0415 - imported already, or there is nothing to send
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415 - the same

    APILogWorker.drain_all(timeout=5, at_exit=False)
    EventsWorker.drain_all(timeout=5, at_exit=False)


@contextmanager
def _environment(folder: Path, *, temporary: bool) -> Iterator[None]:
    """Set what Prefect reads when it is imported; what the user has set stays. Put everything back at the end."""
    wanted = {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(folder),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "stillthere",  # what we log inside a run is shown with the run
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # the terminal is for our own words; the server still gets every line
        "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    if temporary:
        wanted |= _server_settings(folder)
    before = dict(os.environ)
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    if temporary:
        # A proxy for the outer world must not get what is meant for this machine.
        for name in ("NO_PROXY", "no_proxy"):
            os.environ[name] = ",".join(filter(None, [before.get(name), LOOPBACK]))
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _server_settings(folder: Path) -> Mapping[str, str]:
    """What the temporary server reads. A database of the user's own stays the user's, and is then migrated as Prefect sees fit."""
    common = {
        "PREFECT_SERVER_API_BLOCKS_REGISTER_ON_START": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
    }
    if {"PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL"} & os.environ.keys():
        return common
    return common | {
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{_database(folder)}",
        "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",  # the file is there only once it is complete, see _lay_database
    }


# ---- what runs in the server's own process -------------------------------------------------------------------------------------


def _database(folder: Path) -> Path:
    """The database of this version of Prefect. A new version begins a new one: runs are kept in our journal, not here."""
    return folder / f"prefect-{importlib.metadata.version('prefect')}.db"


def _template() -> Path:
    """The empty database that :func:`prepare` makes once for this installation."""
    return _database(Path(sys.prefix) / "share" / "stillthere")


def prepare() -> Path:
    """Make the empty, migrated database that first starts copy; gives its path. For set-up (``python -m flows.orchestration prepare``).

    Prefect's migrations take 5 s on a quiet machine and many times that on a busy one; the copy takes none.
    """
    template = _template()
    template.parent.mkdir(parents=True, exist_ok=True)
    _lay_database(template)
    return template


def _lay_database(database: Path) -> None:
    """Make the migrated database, unless it is there. It appears under its name only when it is complete, so a kill leaves nothing half done."""
    with database.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if database.exists():
            return
        fresh = database.with_suffix(".new")
        for left_over in database.parent.glob(f"{fresh.name}*"):
            left_over.unlink()
        if _template().exists():
            shutil.copyfile(_template(), fresh)
        else:
            _migrate(fresh)
        fresh.replace(database)


def _migrate(database: Path) -> None:
    """Run all of Prefect's migrations on a new SQLite file, and fold its write-ahead log into it."""
    from prefect.server.database import provide_database_interface  # noqa: PLC0415 - three seconds, needed only in the server's process
    from prefect.server.database.configurations import AioSqliteConfiguration  # noqa: PLC0415 - the same
    from prefect.server.database.dependencies import temporary_database_config  # noqa: PLC0415 - the same

    with temporary_database_config(AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{database}")):
        asyncio.run(provide_database_interface().create_db())
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _serve(folder: Path, listener: int) -> None:
    """Serve Prefect's API on an open socket until told to stop, or until whoever started us has gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn  # noqa: PLC0415 - needed only in the server's process
    from prefect.server.api.server import create_app  # noqa: PLC0415 - the same

    if os.environ.get("PREFECT_SERVER_DATABASE_MIGRATE_ON_START") == "false":
        _lay_database(_database(folder))
    config = uvicorn.Config(create_app(ephemeral=True, final=True), log_level="error", lifespan="on", timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listener)])


def _end_with_parent() -> None:
    """End this process when the pipe on standard input closes: first politely, then for certain."""
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """Run ``serve FOLDER FD`` (by :func:`runtime` alone) or ``prepare`` (by set-up)."""
    match arguments:
        case ["serve", folder, listener]:
            _serve(Path(folder), int(listener))
        case ["prepare"]:
            os.environ.setdefault("DO_NOT_TRACK", "1")
            prepare()
        case _:
            raise SystemExit("usage: python -m flows.orchestration prepare")


if __name__ == "__main__":
    main(sys.argv[1:])
