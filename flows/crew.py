"""Lots of persons computed beside each other, each lot in one process from its survey to its fields."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import pandas as pd

from flows.memory import keep_freed
from transforms.compute import Book, Org, Tables, Tally, compute_book, tally_book
from transforms.policy import Policy
from transforms.signals import read_signals
from transforms.splitting import Share
from transforms.vocabulary.errors import PersonMustAct

T = TypeVar("T")

LOT_ROWS = 250_000
"""About so many activities make a lot: small enough for the processor's cache, large enough that the fixed cost of a lot does not count."""

WORTH_IT = 400_000
"""From so many activities on, starting further processes costs less than it saves."""


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lots_for(rows: int, hands: int) -> int:
    """Into how many lots so many activities are split for so many processes: each gets as many as the others."""
    return max(-(-rows // (LOT_ROWS * hands)), 1) * hands


@dataclass(frozen=True)
class Question:
    """What is asked of every lot: the fields at a moment, by a policy; companies, and who stands ``elsewhere`` too, are the same for all lots."""

    companies: pd.DataFrame
    elsewhere: pd.DataFrame
    as_of: pd.Timestamp
    policy: Policy


_books: dict[int, Book] = {}
"""The lots of this process between their survey and their fields."""


def survey(number: int, share: Share, question: Question) -> Tally:
    """Read the texts of a lot, keep its history under ``number``, and tell what it adds to the facts about all."""
    tables = Tables(
        share.contacts,
        read_signals(share.activities, share.contacts),
        question.companies,
        people=share.people,
        elsewhere=question.elsewhere,
    )
    book = Book(tables, question.as_of, question.policy, Org.without_history(question.as_of, question.policy))
    _books[number] = book
    return tally_book(book, tables)


def fields(number: int, org: Org) -> pd.DataFrame:
    """The contact fields of the lot that was surveyed under ``number``, indexed by person_id. The lot is let go."""
    return compute_book(_books.pop(number).knowing(org)).persons


class Crew:
    """So many processes, or none: then all is done here. A lot stays with the process that surveyed it, so that its history moves once.

    Use it in a ``with`` block; it starts its processes at once, since they take a second to load what they need.
    """

    def __init__(self, hands: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy locks that other threads hold
        self._stack = ExitStack()
        self._hands = [
            self._stack.enter_context(ProcessPoolExecutor(1, mp_context=context, initializer=_begin))
            for _ in range(hands if hands > 1 else 0)
        ]
        for hand in self._hands:
            hand.submit(_begin)  # a process begins when it is first asked for something

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            for hand in self._hands:
                hand.shutdown(wait=False, cancel_futures=True)
        self._stack.__exit__(kind, error, trace)

    def survey(self, shares: Iterable[Share], question: Question) -> list[Tally]:
        """One tally a lot, in order."""
        if not self._hands:
            return [survey(number, share, question) for number, share in enumerate(shares)]
        waiting = [self._hand(number).submit(survey, number, share, question) for number, share in enumerate(shares)]
        return _gathered(waiting)

    def fields(self, lots: int, org: Org) -> list[pd.DataFrame]:
        """The fields of so many lots, in order."""
        if not self._hands:
            return [fields(number, org) for number in range(lots)]
        return _gathered([self._hand(number).submit(fields, number, org) for number in range(lots)])

    def _hand(self, number: int) -> ProcessPoolExecutor:
        return self._hands[number % len(self._hands)]


def _begin() -> None:
    """Ready a process: an interrupt ends it without a word, as the one who gave it speaks."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    keep_freed()


def _gathered(waiting: list[Future[T]]) -> list[T]:
    try:
        return [one.result() for one in waiting]
    except BrokenProcessPool as error:
        raise PersonMustAct(
            "One of the processes that compute the fields was ended from outside, probably for want of memory; give more memory or fewer activities at once."
        ) from error
