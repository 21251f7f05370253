"""Attempts: what of our touches asked for an answer, and whether one came."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.policy import Policy
from transforms.rhythm import moments
from transforms.vocabulary.tables import Direction


def find_attempts(activities: pd.DataFrame, touches: pd.DataFrame, answers: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The touches that were no answer to the contact's own message, with ``answered_at``, ``answered_by`` (the channel) and ``is_open``.

    The first touch by the same channel within ``our_answer_days`` of a message of theirs is our answer to it.
    A touch is answered by the first thing that they say of their own accord within ``answer_days`` after it, by whatever channel; a call that
    they took answers itself, but not the mail before it. ``is_open``: nothing was said since, of whatever accord and whenever.
    ``activities`` is sorted by person and time and numbered from 0; both views keep its numbers.
    """
    codes, times = activities["person_id"].cat.codes.to_numpy(), moments(activities["occurred_at"])
    channels = pd.factorize(activities["channel"])[0]
    at, said = touches.index.to_numpy(), answers.index.to_numpy()
    wrote = answers.index[answers["direction"] == Direction.INBOUND].to_numpy()
    answers_itself = np.isin(at, said)

    their, has_their = _neighbour(wrote, at, codes, after=False)
    touch_before = np.insert(at[:-1], 0, -1)
    is_soon = times[at] - times[their] <= np.timedelta64(policy.our_answer_days, "D")
    is_our_answer = has_their & (their > touch_before) & is_soon & (channels[their] == channels[at]) & ~answers_itself

    reply, has_reply = _neighbour(wrote, at, codes, after=True)
    reply = np.where(answers_itself, at, reply)
    is_answered = answers_itself | (has_reply & (times[reply] - times[at] <= np.timedelta64(policy.answer_days, "D")))
    replies = activities[["occurred_at", "channel"]].iloc[reply].set_axis(touches.index, axis=0)
    found = touches.assign(
        answered_at=replies["occurred_at"].where(is_answered),
        answered_by=replies["channel"].where(is_answered),
        is_open=~(answers_itself | _neighbour(said, at, codes, after=True)[1]),
    )
    return found[~is_our_answer]


def _neighbour(rows: np.ndarray, at: np.ndarray, codes: np.ndarray, *, after: bool) -> tuple[np.ndarray, np.ndarray]:
    """For each place ``at``, the nearest of ``rows`` after (or before) it, and whether it is of the same person."""
    if not len(rows):
        return at, np.zeros(len(at), dtype=bool)
    place = np.searchsorted(rows, at, side="right") if after else np.searchsorted(rows, at, side="left") - 1
    exists = (place >= 0) & (place < len(rows))
    found = rows[np.clip(place, 0, len(rows) - 1)]
    return found, exists & (codes[found] == codes[at])
