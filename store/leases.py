"""One run at a time: a lease that says who runs, and that is over when its holder is dead or has been silent for too long."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pandas as pd
import pyarrow.dataset as ds

from store.places import Place
from store.sheets import SEQ, Sheet
from transforms.vocabulary.errors import PersonMustAct, RefusedToGuess
from transforms.vocabulary.tables import Column, Type


@dataclass(frozen=True)
class Lease:
    """Who runs, since when, and until when without a sign of life. Times are ISO texts, UTC."""

    name: str
    lease_id: str
    holder: str
    host: str
    pid: int
    process_began: str
    since: str
    until: str

    def is_over(self, now: datetime) -> bool:
        """On the holder's own machine: whether its process is gone. From elsewhere: whether the time is up."""
        if self.host == socket.gethostname():
            return not _is_alive(self.pid, self.process_began)
        return now >= datetime.fromisoformat(self.until)


_COLUMNS = tuple(Column(name, Type.COUNT if name == "pid" else Type.TEXT, f"the lease's {name}") for name in Lease.__dataclass_fields__)


class _Board(Protocol):
    """Where leases hang. ``change`` puts what ``decide`` makes of the present lease in its place; nobody comes between."""

    def change(self, name: str, decide: Callable[[Lease | None], Lease | None]) -> None: ...
    def all(self) -> list[Lease]: ...


@dataclass(frozen=True)
class _Files:
    """In a local folder: one small file a lease, changed under a lock that the kernel takes back from a dead process."""

    folder: Path

    def change(self, name: str, decide: Callable[[Lease | None], Lease | None]) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        guard = os.open(self.folder / f"{name}.guard", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(guard, fcntl.LOCK_EX)
            decided = decide(self._read(name))
            file = self.folder / f"{name}.json"
            if decided is None:
                file.unlink(missing_ok=True)
                return
            # Written beside and renamed, so that a kill leaves the old lease or the new one, never half of one.
            beside = self.folder / f"{name}.new"
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as out:
                json.dump(asdict(decided), out)
            beside.replace(file)
        finally:
            os.close(guard)

    def all(self) -> list[Lease]:
        names = sorted(file.stem for file in self.folder.glob("*.json"))
        return [lease for name in names if (lease := self._read(name)) is not None]

    def _read(self, name: str) -> Lease | None:
        file = self.folder / f"{name}.json"
        try:
            return Lease(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise PersonMustAct(
                f"{file}, which says whether a run is under way, cannot be read ({type(error).__name__}); make sure that none is, and take the file away."
            ) from error


@dataclass(frozen=True)
class _Rows:
    """In an object store: one row a change; of two who change at once, one is sent back and sees what the other did."""

    sheet: Sheet

    def change(self, name: str, decide: Callable[[Lease | None], Lease | None]) -> None:
        def make(first: int) -> pd.DataFrame:
            present = {lease.name: lease for lease in self.all()}.get(name)
            decided = decide(present)
            row = asdict(decided) if decided is not None else {"name": name}
            return pd.DataFrame([{SEQ: first, **row}])

        self.sheet.commit(make)

    def all(self) -> list[Lease]:
        rows = self.sheet.scan(where=ds.field(SEQ) > 0).sort_values(SEQ).drop_duplicates("name", keep="last")
        rows = rows[rows["lease_id"].notna()].drop(columns=SEQ).astype({"pid": "int64"})
        return [Lease(**{str(name): value for name, value in row.items()}) for row in rows.to_dict("records")]


class Leases:
    """The leases of one lake."""

    def __init__(self, place: Place) -> None:
        self._board: _Board = _Files(Path(place.root) / "leases") if place.is_local else _Rows(Sheet(place, "leases", _COLUMNS))

    @contextmanager
    def lease(self, name: str, holder: str, ttl_s: float, now: datetime) -> Iterator[Held]:
        """Hold the lease ``name`` while the block runs. It is renewed by itself; :meth:`Held.renew` does it at once.

        Raises RefusedToGuess where somebody else holds it. The lease of a killed holder is free at once on the holder's machine,
        elsewhere ``ttl_s`` seconds after its last sign of life.
        """
        held = Held(self._board, name, holder, ttl_s, now)
        try:
            yield held
        finally:
            held.release()

    def live(self, now: datetime) -> set[str]:
        """The ids of the leases that are held."""
        return {lease.lease_id for lease in self._board.all() if not lease.is_over(now)}


class Held:
    """A lease that we hold."""

    def __init__(self, board: _Board, name: str, holder: str, ttl_s: float, now: datetime) -> None:
        self._board, self._name, self._ttl = board, name, timedelta(seconds=ttl_s)
        # The caller's clock counts; the machine's only tells how much time has passed since.
        self._began, self._clock = now.astimezone(UTC), time.monotonic()
        self._lease = Lease(
            name=name,
            lease_id=secrets.token_hex(8),
            holder=holder,
            host=socket.gethostname(),
            pid=os.getpid(),
            process_began=_process_began(os.getpid()),
            since=self._began.isoformat(),
            until=(self._began + self._ttl).isoformat(),
        )
        board.change(name, self._take)
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._keep, args=(ttl_s / 3,), name=f"lease {name}", daemon=True)
        self._thread.start()

    @property
    def lease_id(self) -> str:
        """The id of this lease: no two have the same."""
        return self._lease.lease_id

    def renew(self) -> None:
        """Give a sign of life. Raises RefusedToGuess where the lease ran out and somebody else has it now."""
        until = self._began + timedelta(seconds=time.monotonic() - self._clock) + self._ttl
        self._board.change(self._name, lambda present: replace(self._ours(present), until=until.isoformat()))

    def release(self) -> None:
        """Give the lease back, unless somebody else has it by now."""
        self._released.set()
        self._thread.join()
        self._board.change(self._name, lambda present: None if present is None or present.lease_id == self.lease_id else present)

    def _keep(self, every_s: float) -> None:
        while not self._released.wait(every_s):
            try:
                self.renew()
            except RefusedToGuess:
                return  # somebody else has it
            except PersonMustAct:
                continue  # the store did not answer; there is time for two more signs of life before the lease is over

    def _take(self, present: Lease | None) -> Lease:
        now = self._began + timedelta(seconds=time.monotonic() - self._clock)
        if present is not None and not present.is_over(now):
            raise RefusedToGuess(
                f"A {present.holder} has been running since {present.since[:16].replace('T', ' ')} UTC on {present.host} (process {present.pid}), "
                "and two at once would get in each other's way; wait until it ends, or end that process and start again."
            )
        return self._lease

    def _ours(self, present: Lease | None) -> Lease:
        if present is None or present.lease_id != self.lease_id:
            raise RefusedToGuess(
                f"The lease {self._name} ran out and was taken over by {present.holder if present else 'nobody'}; start this run again."
            )
        return present


def _is_alive(pid: int, began: str) -> bool:
    """Whether that very process still runs: not only its number, which may have been given to another."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs under another user
    return _process_began(pid) == began


def _process_began(pid: int) -> str:
    """When the process began, in the kernel's own count; empty where the system does not tell, and for one that has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state == "Z" else rest[18]
