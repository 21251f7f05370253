"""From the rows of the CRMs to what happened: in one order, each thing once, also where two CRMs tell it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.persons import PLAIN_FILE
from transforms.rhythm import moments
from transforms.splitting import places_of, places_of_contacts
from transforms.vocabulary.tables import Channel, Direction, Outcome

FIRST = pd.Timestamp("1970-01-01", tz="UTC").as_unit("us")
"""Nothing happened before."""

SAME_WITHIN_S = 120
"""Two CRMs log one mail seconds to two minutes apart. Two rows of one CRM are two happenings, however near."""

_REPEAT = ("channel", "direction", "outcome", "kind", "reason", "thread_id", "is_broadcast", "is_checkin")
_TIES = (
    *_REPEAT,
    "actor_id",
    "company_id",
    "successor",
    "absent_until",
    "participant_count",
    "duration_s",
    "crm",
    "activity_id",
    "contact_id",
)
_APART = (Outcome.OPENED, Outcome.CLICKED, Outcome.OPENED_TICKET, Outcome.CLOSED_TICKET)
"""Outcomes that are happenings of their own: an open is no reply, a closing no opening."""

_TELLING = (
    *(Outcome.BOUNCED, Outcome.AUTO_REPLY, Outcome.REPLIED, Outcome.CONNECTED, Outcome.WRONG_NUMBER, Outcome.NO_SHOW, Outcome.HELD),
    *(Outcome.DECLINED, Outcome.CANCELED, Outcome.VOICEMAIL, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.SCHEDULED, Outcome.DELIVERED),
)
"""Of two outcomes of one happening the one that stands here first counts; the others say less."""

_FLAGS = ("is_automated", "is_broadcast")
_FILLED = (
    *("outcome", "duration_s", "participant_count", "kind", "reason", "status_code", "smtp_code", "absent_from", "absent_until"),
    *("successor", "new_address", "language", "confidence", "evidence", "is_checkin"),
)
"""What one CRM may know of a happening and the other not. Ids are not among them: they mean nothing in the other CRM."""


@dataclass(frozen=True)
class Happened:
    """What happened to persons. ``rows``: each thing once, sorted by person and time, numbered from 0.

    ``told_again``: rows in which another CRM tells the same, with ``told_by``, the number of the row that counts.
    """

    rows: pd.DataFrame
    told_again: pd.DataFrame


def find_happenings(activities: pd.DataFrame, people: pd.DataFrame, persons: pd.Index, as_of: pd.Timestamp) -> Happened:
    """What happened up to ``as_of`` to the known persons, with ``person_id`` (a categorical over ``persons``)."""
    return _told_once(_without_answers_of_machines(_of_persons(activities, people, persons, as_of)))


def _of_persons(activities: pd.DataFrame, people: pd.DataFrame, persons: pd.Index, as_of: pd.Timestamp) -> pd.DataFrame:
    """The activities up to ``as_of`` of known persons, sorted by person and time, exact repeats left out.

    What is dated before 1970 has a date that stands for none, as 1900-01-01 does in some programs: it is left out as well.
    """
    crm = activities["crm"].fillna(PLAIN_FILE)
    # A contact that is not known has the place -1, which is that of the -1 added here.
    codes = np.append(places_of(people["person_id"], persons.to_series()), -1)[places_of_contacts(activities, people)]
    times = moments(activities["occurred_at"])
    known = np.flatnonzero((codes >= 0) & activities["occurred_at"].between(FIRST, as_of).to_numpy())
    order = known[np.lexsort((times[known], codes[known]))]
    order = order[_without_repeats(activities, crm, codes, times, order)]
    # The columns are taken once, at the end: moving texts about is what costs time here.
    rows = activities.take(order).reset_index(drop=True)
    return rows.assign(crm=crm.take(order).array, person_id=pd.Categorical.from_codes(codes[order], categories=persons))


def _without_answers_of_machines(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, where a message that the CRM calls replied is only delivered if nothing but machines wrote back in its thread.

    A CRM counts the bounce and the absence note in the thread as a reply; the note itself is in the rows, and says what it is.
    """
    mail = (rows["channel"] == Channel.EMAIL) & rows["thread_id"].notna()
    inbound = mail & (rows["direction"] == Direction.INBOUND)
    by_machine = rows["kind"].isin(["bounce", "auto_reply", "machine"]) | rows["outcome"].isin([Outcome.AUTO_REPLY, Outcome.BOUNCED])
    replied = mail & (rows["direction"] == Direction.OUTBOUND) & (rows["outcome"] == Outcome.REPLIED)
    threads = rows.loc[inbound & by_machine, "thread_id"].unique()
    asked = rows[replied & rows["thread_id"].isin(threads)]
    if not len(asked):
        return rows
    back = rows[inbound & rows["thread_id"].isin(threads)]
    last = back["occurred_at"].groupby([back["person_id"].astype("str"), back["thread_id"], by_machine[back.index]]).max().unstack()  # noqa: PD010 - two columns: by people, by machines
    found = last.reindex(pd.MultiIndex.from_arrays([asked["person_id"].astype("str"), asked["thread_id"]]), columns=[False, True])
    # Where only people, or only machines, wrote back, the other column has no times yet.
    by_people, by_machines = (moments(found[by].astype("datetime64[us, UTC]")) for by in (False, True))
    sent = moments(asked["occurred_at"])
    only_machines = (by_machines >= sent) & ~(by_people >= sent)
    return rows.assign(outcome=rows["outcome"].mask(rows.index.isin(asked.index[only_machines]), Outcome.DELIVERED))


def _without_repeats(activities: pd.DataFrame, crm: pd.Series, codes: np.ndarray, times: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Places in ``order`` (by person and time) so that ties stand in one order whatever the order they came in, and each thing once.

    The same record of two contacts of one person is one happening; so are two records that agree in all that matters.
    """
    person, time = codes[order], times[order]
    same = (person[1:] == person[:-1]) & (time[1:] == time[:-1])
    every = np.arange(len(order))
    if not same.any():
        return every
    places = np.flatnonzero(np.append(same, False) | np.insert(same, 0, False))
    ties = activities[list(_TIES)].take(order[places])
    keys = pd.DataFrame({"person": person[places], "time": time[places]}, index=places)
    keys = keys.assign(
        **{name: (crm.take(order[places]) if name == "crm" else ties[name]).astype("str").fillna("").to_numpy() for name in _TIES}
    )
    keys = keys.sort_values(["person", "time", *_TIES])
    # Within one CRM: what another tells again is found later, and remembered.
    is_repeat = keys.duplicated(["person", "time", "crm", *_REPEAT]) | keys.duplicated(["person", "time", "crm", "activity_id"])
    is_kept = np.ones(len(every), dtype=bool)
    every[places], is_kept[places] = keys.index.to_numpy(), ~is_repeat.to_numpy()
    return every[is_kept]


def _told_once(rows: pd.DataFrame) -> Happened:
    """One row a happening where several CRMs tell it: the one that tells most, with what only the others know."""
    base = _same_happening(rows)
    if base is None:
        return Happened(rows, rows.iloc[:0].assign(told_by=pd.Series(dtype="int64")))
    is_shared = np.bincount(base, minlength=len(rows))[base] > 1
    told = rows[is_shared].assign(base=base[is_shared])
    ranks = {str(outcome): place for place, outcome in enumerate(_TELLING)}
    is_read = told["kind"].isin(["bounce", "auto_reply", "machine"]) | told["reason"].notna()
    ranked = told.assign(
        unread=~is_read, rank=told["outcome"].map(ranks).fillna(len(ranks)), activity=told["activity_id"], row=told.index
    ).sort_values(["base", "unread", "rank", "crm", "activity"])
    by_happening = ranked.groupby("base", sort=False)
    # Each first known value, in the order of how much a row tells.
    kept = by_happening["row"].first().to_numpy()
    filled = by_happening[list(_FILLED)].first()
    flags = by_happening[list(_FLAGS)].max()
    is_kept = ~is_shared
    is_kept[kept] = True
    for name, values in [*filled.items(), *flags.items()]:
        column = rows[name].copy()
        column.iloc[kept] = values.to_numpy()
        rows = rows.assign(**{name: column})
    number = np.cumsum(is_kept) - 1
    counts_for = pd.Series(kept, index=by_happening["row"].first().index)
    again = rows[~is_kept]
    told_by = number[counts_for.reindex(base[~is_kept]).to_numpy()]
    return Happened(rows[is_kept].reset_index(drop=True), again.assign(told_by=told_by).reset_index(drop=True))


def _same_happening(rows: pd.DataFrame) -> np.ndarray | None:
    """For each row the number of the first row that tells the same happening (its own where it is the only one); None where all are.

    The same: one person, channel and direction, two CRMs, and no more than SAME_WITHIN_S apart. Each row of one CRM goes with at most one of
    another: in the order of time, which pairs as many as can be paired.
    """
    crm, crms = pd.factorize(rows["crm"], sort=True)
    if len(crms) < 2:
        return None
    person = rows["person_id"].cat.codes.to_numpy()
    what = pd.factorize(rows["channel"] + rows["direction"] + rows["outcome"].where(rows["outcome"].isin(_APART), ""))[0]
    seconds = moments(rows["occurred_at"]).astype("datetime64[us]").astype("int64") / 1e6
    order = np.lexsort((crm, seconds, what, person))
    starts = np.ones(len(order), dtype=bool)
    near = np.diff(seconds[order]) <= SAME_WITHIN_S
    starts[1:] = ~((np.diff(person[order]) == 0) & (np.diff(what[order]) == 0) & near)
    cluster = np.cumsum(starts) - 1
    first_crm = crm[order][starts][cluster]
    is_mixed = np.zeros(cluster[-1] + 1 if len(cluster) else 0, dtype=bool)
    np.logical_or.at(is_mixed, cluster, crm[order] != first_crm)
    if not is_mixed.any():
        return None
    size = np.bincount(cluster)
    base = np.arange(len(rows))
    pairs = order[is_mixed[cluster] & (size[cluster] == 2)].reshape(-1, 2)
    base[pairs] = pairs.min(axis=1, keepdims=True)
    longer = order[is_mixed[cluster] & (size[cluster] > 2)]
    bounds = np.flatnonzero(np.diff(cluster[is_mixed[cluster] & (size[cluster] > 2)])) + 1
    for places in np.split(longer, bounds) if len(longer) else ():
        _pair(places.tolist(), crm, seconds, base)
    return base


def _pair(places: list[int], crm: np.ndarray, seconds: np.ndarray, base: np.ndarray) -> None:
    """Pair the rows of one cluster, CRM by CRM, and note in ``base`` which tell the same."""
    known: list[int] = []
    for one in sorted({int(crm[place]) for place in places}):
        mine = [place for place in places if crm[place] == one]
        fresh, at = [], 0
        for place in mine:
            while at < len(known) and seconds[known[at]] < seconds[place] - SAME_WITHIN_S:
                at += 1
            if at < len(known) and seconds[known[at]] <= seconds[place] + SAME_WITHIN_S:
                base[place] = base[known[at]]
                at += 1
            else:
                fresh.append(place)
        known = sorted([*known, *fresh], key=lambda place: (seconds[place], place))
