"""At what time of the week a person answers: only where it stands out from chance."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd
from scipy.special import bdtrc

from transforms.book import Book
from transforms.channels.rates import country_key

CHANCE = 0.05
"""So many people in a hundred may be told a time that is chance."""

WORKING_HOURS = 10
"""By chance answers fall evenly on so many hours of the day, and on five days of the week."""

WINDOW = 2
RUN = 3

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def best_hours(rows: pd.DataFrame, book: Book) -> pd.Series:
    """For each person with enough of these rows: ``Tue–Thu 9–11, their time``; missing where no two hours stand out.

    The two hours that hold most of the rows must hold more than chance would give the best of ten such windows (binomial, times ten); three
    days in a row are named where they hold more than chance would give the best of three.
    """
    size = len(book.persons)
    zones = known_zones(book.persons)
    zone = book.spread(zones, rows)
    hours, weekdays = np.zeros((size, 24)), np.zeros((size, 7))
    for name, part in rows.groupby(zone.fillna("UTC")):
        local = part["occurred_at"].dt.tz_convert(name)
        codes = part["person_id"].cat.codes.to_numpy()
        np.add.at(hours, (codes, local.dt.hour.to_numpy()), 1)
        np.add.at(weekdays, (codes, local.dt.day_of_week.to_numpy()), 1)
    number = hours.sum(axis=1)
    pairs = hours + np.roll(hours, -1, axis=1)
    start, most = pairs.argmax(axis=1), pairs.max(axis=1)
    stands_out = (number >= book.policy.best_time_answers) & (_by_chance(most, number, WINDOW / WORKING_HOURS, WORKING_HOURS) < CHANCE)
    runs = np.stack([weekdays[:, first : first + RUN].sum(axis=1) for first in range(5)], axis=1)
    first, held = runs.argmax(axis=1), runs.max(axis=1)
    has_days = _by_chance(held, number, RUN / 5, 5 - RUN + 1) < CHANCE
    where = np.where(zones.notna(), ", their time", " UTC (their time zone is not on record)")
    texts = pd.Series(index=book.persons.index, dtype="str")
    for person in np.flatnonzero(stands_out):
        begin, day = int(start[person]), int(first[person])
        days = f"{_DAYS[day]}–{_DAYS[day + RUN - 1]} " if has_days[person] else ""
        texts.iloc[person] = f"{days}{begin}–{(begin + WINDOW) % 24}{where[person]}"
    return texts


def _by_chance(held: np.ndarray, number: np.ndarray, share: float, windows: int) -> np.ndarray:
    """How likely it is that the best of so many windows holds so many by chance alone; at most 1."""
    # The upper tail of the binomial. Not by scipy.stats, which takes most of a second and 50 MB to import.
    return np.asarray(np.minimum(windows * bdtrc(held - 1, number.astype("int64"), share), 1.0))


def known_zones(persons: pd.DataFrame) -> pd.Series:
    """The time zone of each person: that of the record, else that of a country that has only one; missing otherwise."""
    named = persons["time_zone"].where(persons["time_zone"].isin(list(_real(persons["time_zone"]))))
    return named.fillna(country_key(persons["country"]).map(one_zone()).astype("str"))


def _real(names: pd.Series) -> Iterator[str]:
    for name in names.dropna().unique():
        try:
            yield ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError):
            continue


@cache
def one_zone() -> dict[str, str]:
    """Names and codes of countries that lie in one time zone, in small letters, and that zone: ``one_zone.csv``."""
    lines = resources.files(__package__).joinpath("one_zone.csv").read_text(encoding="utf-8").splitlines()[1:]
    return {name: zone for zone, *names in (line.split(",") for line in lines) for name in names}
