"""How likely it is that somebody is still in the job that the CRM has: a prior that fades with time, and the weight of evidence.

Chance = sigmoid(logit(prior) − Σ weights). The prior is ``SURE · exp(−hazard · years since they were last seen there)``; the hazard goes by the
rank in their title. Each piece of evidence takes off the logarithm of its likelihood ratio (how many times likelier it is if they left), less with
age, and half as much with every day on which they spoke to us from there since. Of one cause, only the heaviest piece counts.

Verified means: they said something to us (wrote, spoke, attended), somebody verified the record, or its job title was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
import pandas as pd

from transforms import conflicts
from transforms.book import Book
from transforms.evidence import against as signs
from transforms.evidence.seniority import hazards
from transforms.evidence.signs import HALF_LIFE_YEARS, PLACE, SIGNS
from transforms.rhythm import moments
from transforms.vocabulary.tables import Channel

SURE = 0.98
"""The prior on the day of a verification: a name on a mail can still be the wrong person's."""

UNKNOWN = 0.75
"""The prior where nothing was ever verified and the record has no date: as after somewhat more than a year."""

HEARD_SINCE = 0.5
"""What remains of a piece of evidence with each day on which they spoke to us since: one message may be an old one, three are not."""

OUTSIDE = 0.25
"""So much of a day counts where they spoke by a way that is theirs wherever they work (LinkedIn, WhatsApp, SMS)."""

NOTICE = pd.Timedelta(days=45)
"""People who say goodbye, or that they change desks, go on writing for a while; so long their messages do not contradict it."""

_OWN_WORDS = ("farewell", "own_role")

TELLING = log(4)
"""Evidence that weighs less than this in all never makes somebody gone: the prior alone would do it, and time is no evidence."""

_OUTSIDE_WAYS = (Channel.LINKEDIN, Channel.WHATSAPP, Channel.SMS)


def evidence(book: Book) -> pd.DataFrame:
    """All evidence against, one row a person and kind of sign (the latest of that kind), the heaviest first.

    Columns: person_id, at (missing where no date is known), sign (place in SIGNS), phrase (of our lists), successor, words (of signs that
    bring their own), is_contradicted (they spoke to us from there since), weight, counts (the heaviest of its cause).
    """
    found = signs.found_signs(book)
    found = found.sort_values(["person_id", "sign", "at", "phrase", "successor"], na_position="first")
    items = _weighed(book, found.drop_duplicates(["person_id", "sign"], keep="last"))
    items = items.sort_values(["person_id", "weight", "sign"], ascending=[True, False, True], ignore_index=True)
    cause = items["sign"].map({place: sign.cause for place, sign in enumerate(SIGNS)})
    return items.assign(counts=~pd.DataFrame({"person": items["person_id"], "cause": cause}).duplicated())


def verified(book: Book) -> pd.DataFrame:
    """When each person was last verified (``at``) and ``by`` what: message, live, record or title; missing where never."""
    spoken = _spoken(book)
    live = spoken["channel"].isin([Channel.CALL, Channel.MEETING])
    records = book.frame(conflicts.verified_records)
    # A title that came with another employer's domain verifies the new job, not this one.
    elsewhere = book.frame(signs.other_employers)["person_id"]
    ways = pd.DataFrame(
        {
            "live": book.align(spoken[live].groupby("person_id").occurred_at.max()),
            "message": book.align(spoken[~live].groupby("person_id").occurred_at.max()),
            "record": records["record"],
            "title": records["title"].mask(records.index.isin(elsewhere)),
        }
    )
    at = ways.max(axis=1)
    by = pd.Series(pd.NA, index=ways.index, dtype="str")
    for name in reversed(ways.columns):
        by = by.mask(ways[name].notna() & (ways[name] == at), name)
    return pd.DataFrame({"at": at, "by": by})


def _spoken(book: Book) -> pd.DataFrame:
    """Their words to us. A farewell, a note of a new address, and what is signed for another firm are such too, but they verify nothing."""
    rows = book.answers
    is_from_there = (rows["reason"].fillna("") != "left") & ~rows.index.isin(book.frame(signs.signed_elsewhere).index)
    return rows[is_from_there & rows["new_address"].isna()]


def last_seen(book: Book) -> pd.Series:
    """When each person was last seen at the firm: verified, away and coming back by their own notice, at another desk, or at work in the product."""
    notices = book.auto_replies[book.auto_replies["reason"].isin(["absent", "role_change"])]
    active = book.heard[~book.heard.index.isin(book.answers.index)]
    found = [book.align(rows.groupby("person_id").occurred_at.max()) for rows in (notices, active, book.mass_mails)]
    return pd.concat([book.frame(verified)["at"], *found], axis=1).max(axis=1)


def _weighed(book: Book, items: pd.DataFrame) -> pd.DataFrame:
    """The evidence with its weight: less with age, half with every day on which they spoke to us since."""
    grace = items["sign"].map({PLACE[name]: NOTICE for name in _OWN_WORDS}).fillna(pd.Timedelta(0))
    since = _days_spoken_after(book, items["person_id"], items["at"] + grace)
    years = (book.days_since(items["at"]) / 365.25).fillna(1.0).clip(lower=0)
    half = items["sign"].map({place: HALF_LIFE_YEARS[sign.lasts] for place, sign in enumerate(SIGNS)})
    ratio = items["sign"].map({place: log(sign.ratio) for place, sign in enumerate(SIGNS)})
    weight = ratio * np.exp2(-years / half) * HEARD_SINCE**since
    return items.assign(is_contradicted=since >= 1, weight=weight.astype("float64"))


def _days_spoken_after(book: Book, people: pd.Series, at: pd.Series) -> np.ndarray:
    """For each person and moment: on how many days they spoke to us since; a check of the record is one more. Missing moments: at least one, if ever."""
    spoken = _spoken(book)
    days = pd.DataFrame(
        {
            "person": spoken["person_id"].cat.codes.to_numpy().astype("int64"),
            "on": moments(spoken["occurred_at"]).astype("datetime64[D]").astype("int64"),
            "second": moments(spoken["occurred_at"]).astype("datetime64[s]").astype("int64"),
            "weight": np.where(spoken["channel"].isin(_OUTSIDE_WAYS), OUTSIDE, 1.0),
        }
    )
    # A day weighs as its weightiest word, and stands at its last.
    days = days.groupby(["person", "on"]).agg(second=("second", "max"), weight=("weight", "max")).reset_index()
    key = days["person"].to_numpy() * 2**36 + days["second"].to_numpy()
    total = np.append(0.0, np.cumsum(days["weight"].to_numpy()))
    code = book.persons.index.get_indexer(people).astype("int64")
    known = at.notna().to_numpy()
    moment = np.where(known, moments(at.fillna(book.as_of)).astype("datetime64[s]").astype("int64"), 0)
    since = (
        total[np.searchsorted(key, (code + 1) * 2**36)] - total[np.searchsorted(key, code * 2**36 + np.maximum(moment, 0), side="right")]
    )
    checked = book.frame(conflicts.verified_records)["record"].reindex(people).set_axis(at.index)
    since += (checked > at).to_numpy() | (~known & checked.notna().to_numpy())
    return np.asarray(np.where(known, since, np.minimum(since, 1.0)))


def still_there(book: Book) -> pd.Series:
    """The probability, 0.01 to 0.99, for every person."""
    # A record that was never verified says what its maker believed when it was made.
    seen = book.frame(_seen)["at"]
    years = book.days_since(seen.fillna(book.persons["first_known_at"])) / 365.25
    prior = (SURE * np.exp(-hazards(book.persons["title"]) * years.clip(lower=0))).fillna(UNKNOWN)
    odds = np.log(prior / (1 - prior)) - against(book)
    return (1 / (1 + np.exp(-odds))).clip(0.01, 0.99)


def _seen(book: Book) -> pd.DataFrame:
    return pd.DataFrame({"at": last_seen(book)})


def against(book: Book) -> pd.Series:
    """What the evidence against each person weighs in all: the sum of natural logarithms, 0 where there is none."""
    items = book.frame(evidence)
    items = items[items["counts"]]
    return book.align(items.groupby("person_id")["weight"].sum()).fillna(0.0).astype("float64")


def doubted(book: Book) -> pd.Series:
    """For every person whether evidence that nothing has contradicted since weighs enough to call them gone."""
    items = book.frame(evidence)
    open_items = items[items["counts"] & ~items["is_contradicted"]]
    return book.align(open_items.groupby("person_id")["weight"].sum()).fillna(0.0) >= TELLING


def stated(items: pd.DataFrame) -> Sequence[str]:
    """The persons of whom it was said in words that they left, and who were not heard from since."""
    return _with_sign(items, [place for place, sign in enumerate(SIGNS) if sign.is_stated])


def at_another_desk(items: pd.DataFrame) -> Sequence[str]:
    """The persons who have another role in their firm, as they or their mailbox said, and were not heard from since."""
    return _with_sign(items, [PLACE["role_reply"], PLACE["own_role"]])


def _with_sign(items: pd.DataFrame, places: Sequence[int]) -> Sequence[str]:
    return list(items.loc[items["sign"].isin(places) & ~items["is_contradicted"], "person_id"].unique())
