"""``stillthere score``: all contact fields from plain files, offline."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from connectors.files import put_file, read_files
from flows.answer import Answer
from flows.crew import WORTH_IT, Crew, Question, lots_for, processors
from transforms.compute import combine
from transforms.fields import CONTACT_FIELDS
from transforms.persons import resolve
from transforms.policy import Policy
from transforms.splitting import split_persons
from transforms.vocabulary.errors import BadInput


def run_score(*, contacts: Path, activities: Path, companies: Path | None, as_of: str, out: Path) -> Answer:
    """Compute and write the file. Probabilities are 0..1 and unbanded; times are UTC."""
    moment = read_moment(as_of)
    read = read_files({"contacts": contacts, "activities": activities, "companies": companies})
    rows = len(read["activities"])
    hands = processors() if rows >= WORTH_IT else 1
    with Crew(hands) as crew:
        people = resolve(read["contacts"], read["companies"])
        lots = lots_for(rows, hands) if hands > 1 else 1
        shares = split_persons(read["contacts"], read.pop("activities"), people, lots)
        org = combine(crew.survey(shares, Question(read["companies"], moment, Policy())))
        computed = pd.concat(crew.fields(lots, org))
    values = people[["contact_id", "crm", "person_id"]].merge(computed, left_on="person_id", right_index=True, how="left")
    values = values.drop(columns="person_id")
    put_file(values, out)
    names = [field.name for field in CONTACT_FIELDS]
    sentence = f"{len(values):,} contacts × {len(names)} fields as of {moment:%Y-%m-%d %H:%M} UTC are in {out}."
    return Answer({"out": str(out), "contacts": len(values), "fields": names, "as_of": moment.isoformat()}, [sentence])


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
    return moment.tz_convert("UTC")
