"""From activities with text to activities with signals: read each text once, conclude, and let go of the text."""

from __future__ import annotations

from datetime import date

import pandas as pd

from transforms.mail.checkins import is_checkin
from transforms.mail.message import from_lines
from transforms.mail.reading import AUTO_REPLY, BOUNCE, HUMAN, Reading, read_text
from transforms.mail.signatures import differences, read_signature
from transforms.vocabulary.tables import PRIVATE_COLUMNS, SIGNALS, STORED_ACTIVITIES, Channel, Direction, Outcome, to_table

MACHINE = "machine"

_WRITTEN = (Channel.EMAIL, Channel.MAIL, Channel.CHAT, Channel.SMS, Channel.WHATSAPP, Channel.LINKEDIN)
SIGNED_BY = ("crm", "contact_id", "title", "company_domain")
"""What of a contact's record a signature is held against."""

_SIGNS = [column.name for column in SIGNALS.columns if column.name not in SIGNALS.key]


def read_signals(activities: pd.DataFrame, contacts: pd.DataFrame | None = None) -> pd.DataFrame:
    """The activities as the lake keeps them (STORED_ACTIVITIES): subject, body and headers are read, then dropped.

    ``activities`` is an ACTIVITIES frame. Only what came in by e-mail, and mail of ours that came back, is read closely; of other messages
    of ours only whether they are a check-in. Equal texts are read once. The result depends on nothing but the rows, row by row.

    ``kind`` is missing for what we did ourselves; opens, clicks and automated messages on their side are ``machine``.
    An activity without text still gets the kind that its outcome tells.

    With ``contacts`` (crm, contact_id, title, company_domain) the signature of a person's e-mail is held against their record: another
    title or company is a ``role_change`` whose evidence says so.
    """
    rows = activities.reset_index(drop=True)
    signs = pd.DataFrame({name: pd.Series(index=rows.index, dtype="object") for name in _SIGNS})
    outcome = rows["outcome"].fillna("")
    inbound = rows["direction"] == Direction.INBOUND
    mail = rows["channel"] == Channel.EMAIL

    signs["kind"] = signs["kind"].mask(inbound & rows["channel"].isin(_WRITTEN), HUMAN)
    by_machine = inbound & (outcome.isin([Outcome.OPENED, Outcome.CLICKED]) | rows["is_automated"].fillna(False).astype(bool))
    signs["kind"] = signs["kind"].mask(by_machine, MACHINE)
    signs["kind"] = signs["kind"].mask(outcome == Outcome.AUTO_REPLY, AUTO_REPLY).mask(outcome == Outcome.BOUNCED, BOUNCE)

    _put_readings(signs, rows[mail & (inbound | (outcome == Outcome.BOUNCED)) & ~outcome.isin([Outcome.OPENED, Outcome.CLICKED])])
    if contacts is not None:
        _put_signatures(signs, rows[mail & inbound & rows["body"].notna()], contacts)
    _put_checkins(signs, rows[(rows["direction"] == Direction.OUTBOUND) & rows["channel"].isin(_WRITTEN) & rows["body"].notna()])

    kept = rows.drop(columns=list(PRIVATE_COLUMNS))
    return to_table(STORED_ACTIVITIES, pd.concat([kept, signs], axis=1), source="activities")


def _put_readings(signs: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Read the mails and write what they say into ``signs``, at their rows."""
    if rows.empty:
        return
    # Grouping by the text itself, not by a hash of it: two texts are never taken for one.
    keys = pd.DataFrame(
        {
            **{name: rows[name].fillna("") for name in ("subject", "body", "headers", "direction", "outcome")},
            "on": rows["occurred_at"].dt.date,
        }
    )
    readings: dict[tuple[str, str, str, str, str, date], Reading | None] = {}
    made: list[dict[str, object]] = []
    places: list[int] = []
    for place, key in zip(keys.index, keys.itertuples(index=False, name=None), strict=True):
        if key not in readings:
            *texts, day = key
            readings[key] = read_text(*texts, at=day)
        reading = readings[key]
        if reading is not None and (reading.kind != HUMAN or reading.reason):
            places.append(place)
            made.append(_to_row(reading))
    if made:
        found = pd.DataFrame(made, index=places).astype("object")
        machine = signs.loc[places, "kind"] == MACHINE
        signs.loc[places, found.columns] = found
        # What the CRM knows to be automated and reads like a person stays a machine's.
        signs.loc[[p for p, is_machine in zip(places, machine, strict=True) if is_machine and signs.loc[p, "kind"] == HUMAN], "kind"] = (
            MACHINE
        )


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
        signs.loc[places, "evidence"] = pd.Series(found, dtype="object")


def _put_checkins(signs: pd.DataFrame, rows: pd.DataFrame) -> None:
    found = {body: is_checkin(body) for body in rows["body"].unique()}
    signs.loc[rows.index, "is_checkin"] = rows["body"].map(found).astype("object")
