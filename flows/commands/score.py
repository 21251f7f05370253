"""``stillthere score``: all contact fields from plain files, offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from connectors.files import check_place, put_file, read_files
from flows.answer import Answer
from flows.crew import WORTH_IT, Crew, Question, lots_for, processors
from transforms.backtest.judging import describe_data
from transforms.compute import combine
from transforms.fields import CONTACT_FIELDS
from transforms.matching.elsewhere import seen_elsewhere
from transforms.persons import resolve
from transforms.policy import Policy
from transforms.splitting import places_of_contacts, split_persons
from transforms.vocabulary.errors import BadInput

FIRST, LAST = pd.Timestamp("1970-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
"""Between these a moment must lie."""


def run_score(*, contacts: Path, activities: Path, companies: Path | None, as_of: str, out: Path) -> Answer:
    """Compute and write the file. Probabilities are 0..1 and unbanded; times are UTC."""
    moment = read_moment(as_of)
    check_place(out)
    _check_apart(out, [contacts, activities, companies])
    read = read_files({"contacts": contacts, "activities": activities, "companies": companies})
    rows = len(read["activities"])
    hands = processors() if rows >= WORTH_IT else 1
    with Crew(hands) as crew:
        people = resolve(read["contacts"], read["companies"])
        elsewhere = seen_elsewhere(read["contacts"], read["companies"], people)
        strange = int((places_of_contacts(read["activities"], people) < 0).sum())
        lots = lots_for(rows, hands) if hands > 1 else 1
        shares = split_persons(read["contacts"], read.pop("activities"), people, lots)
        org = combine(crew.survey(shares, Question(read["companies"], elsewhere, moment, Policy())))
        computed = pd.concat(crew.fields(lots, org))
    values = people[["contact_id", "crm", "person_id"]].merge(computed, left_on="person_id", right_index=True, how="left")
    values = values.drop(columns="person_id")
    put_file(values, out)
    names = [field.name for field in CONTACT_FIELDS]
    sentence = f"{len(values):,} contacts × {len(names)} fields as of {moment:%Y-%m-%d %H:%M} UTC are in {out}."
    data = {"out": str(out), "contacts": len(values), "fields": names, "as_of": moment.isoformat(), "activities_left_out": strange}
    holes = [hole.to_json() for hole in org.holes.found]
    return Answer(data | {"holes": holes}, [sentence, *_left_out(strange, rows), *map(_hole, holes)])


def _check_apart(out: Path, read: Sequence[Path | None]) -> None:
    for file in read:
        if file is not None and out.exists() and file.exists() and out.samefile(file):
            raise BadInput(f"{out} was given as the file to write, but it is also one of the files to read; choose another name for --out.")


def _left_out(strange: int, rows: int) -> list[str]:
    """What to say of activities that belong to no contact; that all do is mostly a matter of ids written in two ways."""
    if not strange:
        return []
    every = "; contact_id, and crm where there is one, must be the same in both files" if strange == rows else ""
    return [f"{strange:,} of {rows:,} activities were left out, as their contacts are not among the contacts{every}."]


def _hole(hole: Mapping[str, Any]) -> str:
    return f"A hole in the data: {describe_data(hole)}. Time in it counts as nobody's silence."


def read_moment(text: str) -> pd.Timestamp:
    """A moment in UTC from its ISO form. Raises BadInput, also where it has no time zone: hours of difference would change what counts."""
    try:
        moment = pd.Timestamp(text)
    except ValueError as error:
        raise BadInput(f"{text!r} was given as a moment, but it is none; write it as 2026-11-22T00:00:00Z.") from error
    if moment is pd.NaT:
        raise BadInput("The moment is empty; write it as 2026-11-22T00:00:00Z.")
    if moment.tzinfo is None:
        raise BadInput(f"{text!r} was given as a moment, but it does not say in which time zone; write it as 2026-11-22T00:00:00Z.")
    if not FIRST <= moment < LAST:
        raise BadInput(
            f"{text!r} was given as a moment, but it lies outside of the years {FIRST.year} to {LAST.year - 1}; correct the year."
        )
    return moment.tz_convert("UTC")
