"""The bracket round a run: one at a time, noted when it starts and when it ends, whatever the end is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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
from transforms.vocabulary.errors import QuotaSpent, RefusedToGuess, StillThereError

LEASE_S = 600
"""After so many seconds without a sign of life another run may take over. A killed run on this machine is noticed at once."""

REFUSED = "refused"
"""How a run ended that did not begin, since another one was under way."""

_begun: ContextVar[tuple[Work, Outcome] | None] = ContextVar("begun", default=None)


@contextmanager
def a_run(kind: str, options: Mapping[str, Any] | None = None) -> Iterator[tuple[Work, Outcome]]:
    """The run that the command line has begun, or, in a scheduled run, one that begins here with the settings found and these options."""
    if (begun := _begun.get()) is not None:
        yield begun
        return
    work = open_work(load_settings())
    with begin_run(work, kind, options) as done:
        yield work, done


@contextmanager
def begin_run(work: Work, kind: str, options: Mapping[str, Any] | None = None) -> Iterator[Outcome]:
    """Begin a run of that kind: ask each CRM how it stands, take the lease, note the start; note the end, whatever it is.

    ``options`` are kept with the run, whatever becomes of it. Raises RefusedToGuess where another run is under way. A CRM that does not answer is noted in the work; what needs all of them raises.
    A run that ends so before it began is noted too.
    """
    started = datetime.now(UTC)
    with ExitStack() as stack:
        try:
            stack.enter_context(work.journal.lease("run", holder=kind, ttl_s=LEASE_S, now=started))
            checkups = _greet(work)
        except StillThereError as error:
            _note_try(work, kind, started, error)
            raise
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


def _note_try(work: Work, kind: str, started: datetime, error: StillThereError) -> None:
    """Note a run that was refused, or that no CRM let in: that it was tried, when, and why it ended."""
    summary: dict[str, Any] = {"error": str(error), "calls": {name: crm.calls() for name, crm in work.crms.items()}}
    if isinstance(error, QuotaSpent):
        # Only then: what earlier runs knew of the day's calls is more than a run knows that did not get in.
        summary["quota"] = quota_of(work, {}, (), error)
    status = REFUSED if isinstance(error, RefusedToGuess) else "failed"
    with suppress(StillThereError):  # where even the note cannot be kept, what counts is why the run ended, and that is raised
        work.journal.note_try(
            kind, crms=list(work.crms), began=started, ended=datetime.now(UTC), status=status, exit_code=error.exit_code, summary=summary
        )


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
