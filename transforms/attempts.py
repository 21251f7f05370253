"""Attempts: what of our touches asked for an answer, and whether one came."""

from __future__ import annotations

import numpy as np
import pandas as pd

from transforms.policy import Policy


def find_attempts(activities: pd.DataFrame, touches: pd.DataFrame, answers: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The touches that were no answer to the contact's own message, with ``answered_at``, ``answered_by`` (the channel) and ``is_open``.

    The first touch by the same channel within ``our_answer_days`` of a message of theirs is our answer to it.
    A touch is answered by the first thing they say within ``answer_days`` after it, by whatever channel; a call they took answers itself.
    ``is_open``: nothing was said since, whenever that was. ``activities`` is sorted by person and time and numbered from 0; both views keep its numbers.
    """
    codes, times = activities["person_id"].cat.codes.to_numpy(), activities["occurred_at"].to_numpy()
    channels = activities["channel"].to_numpy(dtype=object)
    at, said = touches.index.to_numpy(), answers.index.to_numpy()
    if not len(at):
        return touches.assign(answered_at=touches["occurred_at"], answered_by=touches["channel"], is_open=False)
    answers_itself = np.isin(at, said)

    before = np.searchsorted(said, at, side="left") - 1
    their = said[np.maximum(before, 0)] if len(said) else np.zeros(len(at), dtype="int64")
    has_their = (before >= 0) & (codes[their] == codes[at])
    touch_before = np.insert(at[:-1], 0, -1)
    soon = times[at] - times[their] <= np.timedelta64(policy.our_answer_days, "D")
    is_our_answer = has_their & (their > touch_before) & soon & (channels[their] == channels[at]) & ~answers_itself

    after = np.searchsorted(said, at, side="left")
    reply = said[np.minimum(after, max(len(said) - 1, 0))] if len(said) else at
    has_reply = (after < len(said)) & (codes[reply] == codes[at])
    in_time = has_reply & (times[reply] - times[at] <= np.timedelta64(policy.answer_days, "D"))
    replies = activities.iloc[reply].set_axis(touches.index, axis=0)
    found = touches.assign(
        answered_at=replies["occurred_at"].where(in_time), answered_by=replies["channel"].where(in_time), is_open=~has_reply
    )
    return found[~is_our_answer]
