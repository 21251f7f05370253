"""The facts from which the chance to hear back is judged: plain numbers about one person on one day."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pandas as pd

from transforms.vocabulary.tables import Channel

HALF_LIVES = (7.0, 30.0, 90.0, 365.0)
"""Days after which a day heard, or a touch, counts half: four views from a week to years."""

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
    "way",  # by which way of capture they were last heard, as a number; missing: never
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

_CHANNELS = {str(channel): place for place, channel in enumerate(Channel)}


def way_number(crm: str, channel: str) -> int:
    """The number of a way of capture: the same on every machine, small enough to be a fact."""
    return crc32(crm.encode()) % 997 * 16 + _CHANNELS[channel]


def way_numbers(rows: pd.DataFrame) -> np.ndarray:
    """The number of the way of capture of each row of activities."""
    ways = rows["crm"] + "|" + rows["channel"]
    codes, names = pd.factorize(ways)
    numbers = np.array([way_number(*str(name).split("|")) for name in names], dtype="float64")
    found: np.ndarray = numbers[codes] if len(numbers) else np.empty(0)
    return found
