"""The bracket round a run: one at a time, noted when it starts and when it ends, whatever the end is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from flows.answer import DONE, SOME_ROWS_FAILED
from flows.outcome import Outcome, Run
from flows.quota import quota_of, take_up
from flows.settings import load_settings
from flows.work import Work, open_work
from transforms.vocabulary.changes import Checkup
from transforms.vocabulary.errors import StillThereError

LEASE_S = 600
"""After so many seconds without a sign of life another run may take over. A killed run on this machine is noticed at once."""

_begun: ContextVar[tuple[Work, Outcome] | None] = ContextVar("begun", default=None)


@contextmanager
def a_run(kind: str) -> Iterator[tuple[Work, Outcome]]:
    """The run that the command line has begun, or, in a scheduled run, one that begins here with the settings found."""
    if (begun := _begun.get()) is not None:
        yield begun
        return
    work = open_work(load_settings())
    with begin_run(work, kind) as done:
        yield work, done


@contextmanager
def begin_run(work: Work, kind: str, options: Mapping[str, Any] | None = None) -> Iterator[Outcome]:
    """Begin a run of that kind: ask each CRM how it stands, take the lease, note the start; note the end, whatever it is.

    ``options`` are kept with the run, whatever becomes of it. Raises RefusedToGuess where another run is under way. A CRM that does not answer is noted in the work; what needs all of them raises.
    """
    started = datetime.now(UTC)
    with work.journal.lease("run", holder=kind, ttl_s=LEASE_S, now=started):
        checkups = _greet(work)
        as_of = moment(max(checkup.now for checkup in checkups.values()))
        known = {**(options or {}), "quota": take_up(work, checkups)}
        run_id = work.journal.start_run(kind, as_of=as_of, crms=list(work.crms), now=started, options=known)
        done = Outcome(Run(run_id, kind), as_of, checkups)
        mark = _begun.set((work, done))
        status, exit_code, ended = "stopped", 130, None
        try:
            yield done
            status, exit_code = ("some rows failed", SOME_ROWS_FAILED) if done.applied.failed else ("done", DONE)
        except StillThereError as error:
            status, exit_code, ended = "failed", error.exit_code, error
            done.run.summary["error"] = str(error)
            raise
        finally:
            _begun.reset(mark)
            done.run.summary["calls"] = {name: crm.calls() for name, crm in work.crms.items()}
            done.run.summary["quota"] = quota_of(work, done.accounts, {pulled.crm for pulled in done.pulled}, ended)
            work.journal.finish_run(run_id, status=status, exit_code=exit_code, now=datetime.now(UTC), summary=done.run.summary)
            work.journal.tidy()
            work.journal.keep_for(work.settings.keep_days, datetime.now(UTC))


def _greet(work: Work) -> dict[str, Checkup]:
    """How each CRM stands. One of several that cannot be reached is noted, so that the others are pulled all the same; raises where none can be."""
    checkups: dict[str, Checkup] = {}
    for name, crm in work.crms.items():
        try:
            checkups[name] = crm.greet()
        except StillThereError as error:
            work.failed[name] = error
    if not checkups:
        work.need_all()
    return checkups


def moment(crm_now: datetime) -> pd.Timestamp:
    """The moment as of which a run computes: the end of the CRM's present hour, so that two runs in a row see the same one."""
    return pd.Timestamp(crm_now).tz_convert(UTC).floor("h") + pd.Timedelta(hours=1)
