"""From activities with text to activities with signals: read each text once, conclude, and let go of the text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import pandas as pd

from transforms.mail.checkins import is_checkin
from transforms.mail.message import from_lines
from transforms.mail.reading import AUTO_REPLY, BOUNCE, HUMAN, Reading, read_text
from transforms.mail.signatures import differences, read_signature
from transforms.mail.tickets import read_ticket
from transforms.vocabulary.tables import DTYPES, PRIVATE_COLUMNS, SIGNALS, STORED_ACTIVITIES, Channel, Direction, Outcome, to_table

MACHINE = "machine"

_WRITTEN = (Channel.EMAIL, Channel.MAIL, Channel.CHAT, Channel.SMS, Channel.WHATSAPP, Channel.LINKEDIN)
SIGNED_BY = ("crm", "contact_id", "title", "company_domain")
"""What of a contact's record a signature is held against."""

_SIGNS = {column.name: DTYPES[column.type] for column in SIGNALS.columns if column.name not in SIGNALS.key}


def read_signals(activities: pd.DataFrame, contacts: pd.DataFrame | None = None) -> pd.DataFrame:
    """The activities as the lake keeps them (STORED_ACTIVITIES): subject, body and headers are read, then dropped.

    ``activities`` is an ACTIVITIES frame. Only what came in by e-mail, and mail of ours that came back, is read closely; of tickets what they
    are about; of other messages of ours only whether they are a check-in. Equal texts are read once. The result depends on nothing but the rows, row by row.

    ``kind`` is missing for what we did ourselves; opens, clicks and automated messages on their side are ``machine``.
    An activity without text still gets the kind that its outcome tells.

    With ``contacts`` (crm, contact_id, title, company_domain) the signature of a person's e-mail is held against their record: another
    title or company is a ``role_change`` whose evidence says so.
    """
    rows = activities.reset_index(drop=True)
    outcome = rows["outcome"].fillna("")
    inbound = rows["direction"] == Direction.INBOUND
    mail = rows["channel"] == Channel.EMAIL
    by_machine = inbound & (outcome.isin([Outcome.OPENED, Outcome.CLICKED]) | rows["is_automated"].fillna(False).astype(bool))
    kinds = {
        BOUNCE: outcome == Outcome.BOUNCED,
        AUTO_REPLY: outcome == Outcome.AUTO_REPLY,
        MACHINE: by_machine,
        HUMAN: inbound & rows["channel"].isin(_WRITTEN),
    }
    signs = pd.DataFrame({name: pd.Series(index=rows.index, dtype=dtype) for name, dtype in _SIGNS.items()})
    signs["kind"] = _first_that_holds(kinds)

    _put_readings(signs, rows[mail & (inbound | (outcome == Outcome.BOUNCED)) & ~outcome.isin([Outcome.OPENED, Outcome.CLICKED])])
    if contacts is not None:
        _put_signatures(signs, rows[mail & inbound & rows["body"].notna()], contacts)
    _put_tickets(signs, rows[(outcome == Outcome.OPENED_TICKET) & (rows["subject"].notna() | rows["body"].notna())])
    _put_checkins(signs, rows[(rows["direction"] == Direction.OUTBOUND) & rows["channel"].isin(_WRITTEN) & rows["body"].notna()])

    kept = rows.drop(columns=list(PRIVATE_COLUMNS))
    return to_table(STORED_ACTIVITIES, pd.concat([kept, signs], axis=1), source="activities")


def _first_that_holds(words: Mapping[str, pd.Series]) -> pd.api.extensions.ExtensionArray:
    """For each row the first word whose condition holds; missing where none does."""
    places = np.select([holds.to_numpy(dtype=bool) for holds in words.values()], range(len(words)), -1)
    return pd.array(list(words), dtype="str").take(places, allow_fill=True)


def _put_readings(signs: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Read the mails and write what they say into ``signs``, at their rows."""
    is_bare = rows[list(PRIVATE_COLUMNS)].isna().all(axis=1)
    read = [*_read_bare(rows[is_bare]), *_read_written(rows[~is_bare])]
    told = [(reading, places) for reading, places in read if reading is not None and (reading.kind != HUMAN or reading.reason)]
    if not told:
        return
    places = np.concatenate([places for _, places in told])
    repeated = np.repeat(np.arange(len(told)), [len(places) for _, places in told])
    found = pd.DataFrame([_to_row(reading) for reading, _ in told]).take(repeated)
    # What the CRM knows to be automated and reads like a person stays a machine's.
    is_machine = (signs["kind"].take(places) == MACHINE).to_numpy() & (found["kind"] == HUMAN).to_numpy()
    found["kind"] = found["kind"].mask(is_machine, MACHINE)
    for name, values in found.items():
        signs.loc[places, name] = values.astype(_SIGNS[str(name)]).array


def _read_bare(rows: pd.DataFrame) -> Iterator[tuple[Reading | None, np.ndarray]]:
    """What mails say of which no text is kept, and their rows: all of one direction and outcome read alike, on whatever day."""
    by_kind = rows.index.to_series().groupby([rows["direction"], rows["outcome"].fillna("")])
    for (direction, outcome), places in by_kind:
        yield read_text("", "", "", direction, outcome), places.to_numpy()


def _read_written(rows: pd.DataFrame) -> Iterator[tuple[Reading | None, np.ndarray]]:
    """What mails with a text say, and their rows; equal ones of one day are read once."""
    # Grouping by the text itself, not by a hash of it: two texts are never taken for one.
    texts = [rows[name].fillna("").to_list() for name in ("subject", "body", "headers", "direction", "outcome")]
    alike: dict[tuple[str, str, str, str, str, date], list[int]] = {}
    for place, *key in zip(rows.index, *texts, rows["occurred_at"].dt.date, strict=True):
        alike.setdefault(tuple(key), []).append(place)
    for (*parts, day), places in alike.items():
        yield read_text(*parts, at=day), np.array(places)


def _to_row(reading: Reading) -> dict[str, object]:
    return {
        "kind": reading.kind,
        "reason": reading.reason or None,
        "status_code": reading.status_code or None,
        "smtp_code": reading.smtp_code or None,
        "absent_from": pd.Timestamp(reading.absent_from, tz="UTC") if reading.absent_from else None,
        "absent_until": pd.Timestamp(reading.absent_until, tz="UTC") if reading.absent_until else None,
        "successor": reading.successor or None,
        "new_address": reading.new_address or None,
        "language": reading.language or None,
        "confidence": reading.confidence,
        "evidence": reading.evidence or None,
    }


_SURE_OF_SIGNATURE = 0.6
"""A signature may be an old one, or the record may word the same job otherwise [judgement]."""


def _put_signatures(signs: pd.DataFrame, rows: pd.DataFrame, contacts: pd.DataFrame) -> None:
    """Mark what people wrote under a title or company that is not the record's, where nothing weightier was read."""
    rows = rows[(signs.loc[rows.index, "kind"] == HUMAN) & signs.loc[rows.index, "reason"].isna()]
    known = contacts[list(SIGNED_BY)].drop_duplicates(["crm", "contact_id"])
    keys = rows[["crm", "contact_id", "body", "headers"]].merge(known, on=["crm", "contact_id"], how="left").set_axis(rows.index)
    keys = keys[keys["title"].notna() | keys["company_domain"].notna()].fillna("")
    found = {
        place: told
        for place, body, headers, title, domain in keys[["body", "headers", "title", "company_domain"]].itertuples(name=None)
        if (told := differences(read_signature(body), title, domain, from_lines("", "", headers).sender))
    }
    if found:
        places = list(found)
        signs.loc[places, "reason"] = "role_change"
        signs.loc[places, "confidence"] = _SURE_OF_SIGNATURE
        signs.loc[places, "evidence"] = pd.array(list(found.values()), dtype="str")


def _put_tickets(signs: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Mark which tickets say that something is broken, and which ask how it is done; equal ones are read once."""
    alike: dict[tuple[str, str], list[int]] = {}
    for place, subject, body in rows[["subject", "body"]].fillna("").itertuples(name=None):
        alike.setdefault((subject, body), []).append(place)
    for texts, places in alike.items():
        if (told := read_ticket(*texts)) is not None:
            reason, hit = told
            signs.loc[places, ["reason", "language", "evidence"]] = [reason, hit.phrase.language, hit.phrase.shown]


def _put_checkins(signs: pd.DataFrame, rows: pd.DataFrame) -> None:
    codes, bodies = pd.factorize(rows["body"])
    found = np.array([is_checkin(body) for body in bodies], dtype=bool)
    signs.loc[rows.index, "is_checkin"] = found[codes]
