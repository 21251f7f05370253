"""Starts of the program, each in a process of its own that can be killed. They are forked from one that has imported everything already."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.cli import main
from flows.running import begin_run
from flows.settings import load_settings
from flows.sync import sync
from flows.work import open_work
from transforms.vocabulary.errors import StillThereError

# What a start imports costs seconds and takes no part in what is tried, so it is imported once.
forking = multiprocessing.get_context("forkserver")
forking.set_forkserver_preload([__name__, "flows.commands.setup", "connectors.hubspot", "connectors.salesforce", "transforms.fields"])

COMMAND = str(Path(sys.executable).with_name("stillthere"))


def run(command: Sequence[str], given: dict[str, str], folder: str) -> None:
    """In the new process: run a command there, with these settings and no others.

    ``sync`` alone is one without Prefect round it, which neither sends nor keeps anything, and whose start costs many seconds.
    With an option it is the whole command line, as a person starts it.
    """
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(given)
    for number, name in ((1, "out"), (2, "err")):
        with Path(name).open("wb") as file:
            os.dup2(file.fileno(), number)
    if command == ["sync"]:
        sys.exit(sync_without_prefect())
    if command[0] == "sync":
        os.execve(COMMAND, [COMMAND, *command], given)  # noqa: S606 - our own command
    sys.argv = ["stillthere", *command]
    main()


def sync_without_prefect() -> int:
    """A sync as the flow's body runs it; its exit code."""
    try:
        with begin_run(open_work(load_settings()), "sync") as done:
            sync.fn()
    except StillThereError as error:
        sys.stderr.write(str(error))
        return error.exit_code
    return 3 if done.applied.failed else 0
