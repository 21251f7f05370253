"""The facts from which the chance to hear back is judged: plain numbers about one person on one day."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pandas as pd

from transforms.vocabulary.tables import Channel

HALF_LIVES = (7.0, 30.0, 90.0, 365.0)
"""Days after which a day heard, or a touch, counts half: four views from a week to years."""

SURPLUS_LIVES = (60.0, 240.0)
"""Days after which a surplus counts half: one view of the last months, one of the last year or two."""

UNTOLD_DAYS = 365.0
"""How long somebody counts as known of whom no date is known."""

PAUSE = 7
"""Days without a word after which a new conversation begins."""

FACTS = (
    "since_heard",  # days since last heard; missing: never
    "known",  # days since we know them; missing: no date tells
    "since_first",  # days since first heard
    "days_heard",  # on how many days
    *(f"heard_{life:g}" for life in HALF_LIVES),  # the same, old days fading
    "begun_90",  # conversations that they began, old ones fading
    "begun_365",
    "messages_30",  # messages, not days: how lively the conversation is
    "live_90",  # calls and meetings
    *(f"touched_{life:g}" for life in HALF_LIVES),  # days of our touches, old ones fading
    "mailed_90",  # mailings of ours to many
    "mass_90",  # their messages to many
    "unanswered",  # days of our touches since last heard
    "since_touch",  # days since our last touch; missing: none
    "gaps_log",  # sum of log gap
    "gaps_log2",  # sum of squares of log gap
    "longest",  # the longest gap so far
    "longer",  # gaps that were longer than this silence is now
    "longer_ended",  # and ended within the horizon from here
    *(f"surplus_{life:g}" for life in SURPLUS_LIVES),  # heard oftener (less often: negative) than others of whom the same was known
    "way",  # by which way of capture that records by itself they were last heard, as a number; missing: never
    "box",  # and in whose mailbox; missing: never, or it is not told whose
)
"""What is known of a person on a day, in this order."""

FADING_HEARD = {
    **{f"heard_{life:g}": life for life in HALF_LIVES},
    "begun_90": 90.0,
    "begun_365": 365.0,
    "messages_30": 30.0,
    "live_90": 90.0,
    "mass_90": 90.0,
}
"""The facts of what was heard that fade with time, and their half-lives in days."""

PLACE = {name: place for place, name in enumerate(FACTS)}

CHANNELS = {str(channel): place for place, channel in enumerate(Channel)}
"""The number of each channel; fewer than 16."""

BY_HAND = (Channel.CALL, Channel.MEETING)
"""Channels that people log themselves: a lull there says nothing of a source."""


def crm_number(crm: str) -> int:
    """The number of a CRM: the same on every machine."""
    return crc32(crm.encode()) % 997


def way_number(crm: str, channel: str) -> int:
    """The number of a way of capture: the same on every machine, small enough to be a fact."""
    return crm_number(crm) * 16 + CHANNELS[channel]


def box_number(crm: str, owner: str, channel: str) -> int:
    """The number of a mailbox, or another source of one owner; at most 2^24, so that it is exact as a fact."""
    return crc32(f"{crm}|{owner}".encode()) % 2**20 * 16 + CHANNELS[channel]


def last_sources(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """By which way and in whose mailbox each person was last heard up to each row of activities; rows stand by person and time.

    What people log by hand leaves the source as it was before.
    """
    coded = [pd.factorize(rows[name]) for name in ("crm", "actor_id", "channel")]
    combined = np.zeros(len(rows), dtype="int64")
    for codes, known in coded:
        combined = combined * (len(known) + 1) + codes + 1
    _, first, place = np.unique(combined, return_index=True, return_inverse=True)
    named = list(rows[["crm", "actor_id", "channel"]].iloc[first].itertuples(index=False))
    way = np.array([np.nan if channel in BY_HAND else way_number(crm, channel) for crm, _, channel in named])
    box = np.array([np.nan if channel in BY_HAND or pd.isna(owner) else box_number(crm, owner, channel) for crm, owner, channel in named])
    person = rows["person_id"].cat.codes.to_numpy()
    recorded = np.flatnonzero(~rows["channel"].isin(BY_HAND).to_numpy())
    latest = np.zeros(len(rows), dtype="int64")
    latest[recorded] = recorded + 1
    latest = np.maximum.accumulate(latest) - 1
    is_own = (latest >= 0) & (person[latest] == person)
    place = place.reshape(-1)
    if not len(rows):
        return np.empty(0), np.empty(0)
    return np.where(is_own, way[place[latest]], np.nan), np.where(is_own, box[place[latest]], np.nan)
