"""One run at a time: a second one is told who runs; a dead or silent holder keeps nobody waiting."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from store.leases import _COLUMNS, Held, Leases, _Board, _Files, _Rows
from store.places import Place
from store.sheets import Sheet
from transforms.vocabulary.errors import RefusedToGuess


@pytest.fixture(params=["folder", "table"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> _Board:
    """Where leases hang: files in a folder, or rows of a table as in an object store."""
    return _Files(tmp_path) if request.param == "folder" else _Rows(Sheet(Place.at(tmp_path), "leases", _COLUMNS))


def test_a_second_run_is_told_who_runs(board: _Board, made: Any) -> None:
    """The sentence names the holder and since when, and says what to do; after the end the way is free."""
    held = Held(board, "run", "sync", 600, made.now)
    with pytest.raises(RefusedToGuess, match=r"A sync has been running since 2026-11-22 09:14 UTC .* wait until it ends"):
        Held(board, "run", "backfill", 600, made.now + timedelta(hours=3))
    other = Held(board, "report", "report", 600, made.now)
    held.release()
    Held(board, "run", "backfill", 600, made.now).release()
    other.release()
    assert board.all() == []


def test_from_elsewhere_a_silent_holder_loses_the_lease_in_time(board: _Board, made: Any) -> None:
    """On another machine nobody can look at the process, so the lease lasts until its last sign of life is too old, and no longer."""
    held = Held(board, "run", "sync", 600, made.now)
    board.change("run", lambda lease: replace(lease, host="elsewhere") if lease else None)
    with pytest.raises(RefusedToGuess, match="elsewhere"):
        Held(board, "run", "sync", 600, made.now + timedelta(seconds=590))
    taken = Held(board, "run", "sync", 600, made.now + timedelta(seconds=601))
    with pytest.raises(RefusedToGuess, match="taken over"):
        held.renew()
    held.release()
    assert [lease.lease_id for lease in board.all()] == [taken.lease_id]
    taken.release()


def test_a_holder_gives_signs_of_life(board: _Board, made: Any) -> None:
    """A long run keeps its lease: it is renewed by itself, several times within its length."""
    held = Held(board, "run", "sync", 0.3, made.now)
    first = board.all()[0].until
    deadline = time.monotonic() + 10
    while board.all()[0].until == first and time.monotonic() < deadline:
        time.sleep(0.02)
    assert board.all()[0].until > first
    held.release()


def test_of_many_at_once_one_gets_it(board: _Board, made: Any) -> None:
    """However close together they come, exactly one holds the lease."""
    got: list[Held] = []
    refused: list[RefusedToGuess] = []

    def take() -> None:
        try:
            got.append(Held(board, "run", "sync", 600, made.now))
        except RefusedToGuess as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused)) == (1, 4)
    got[0].release()


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path, made: Any) -> None:
    """On the same machine a dead holder is seen to be dead: the next run starts without waiting for the time to pass."""
    script = """
import sys, time
from datetime import datetime, UTC
from store.leases import Leases
from store.places import Place
with Leases(Place.at(sys.argv[1])).lease("run", "sync", 3600, datetime(2026, 11, 22, 9, 14, tzinfo=UTC)):
    print("held", flush=True)
    time.sleep(60)
"""
    leases = Leases(Place.at(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own script
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(RefusedToGuess, match=str(process.pid)), leases.lease("run", "sync", 600, made.now):
        pass
    assert len(leases.live(made.now)) == 1
    process.kill()
    process.wait()
    process.stdout.close()
    assert leases.live(made.now) == set()
    with leases.lease("run", "sync", 600, made.now) as held:
        assert leases.live(made.now) == {held.lease_id}


def test_a_process_number_given_anew_is_not_the_holder(tmp_path: Path, made: Any) -> None:
    """A process that has the number of the dead holder by chance is told apart by when it began."""
    board = _Files(tmp_path)
    held = Held(board, "run", "sync", 600, made.now)
    file = tmp_path / "run.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "process_began": "12"}))
    Held(board, "run", "backfill", 600, made.now).release()
    held.release()
    assert board.all() == []
