"""How likely it is that somebody is still in the job that the CRM has: a prior that fades with time, and the weight of evidence.

Chance = sigmoid(logit(prior) − Σ weights). The prior is ``SURE · exp(−HAZARD · years since last verified)``; each piece of
evidence against takes off the logarithm of its likelihood ratio (how many times likelier it is if they left).

Verified means: they said something to us (wrote, spoke, attended), somebody verified the record, or its job title was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transforms.book import Book
from transforms.conflicts import conflicts, verified_records
from transforms.mail.bounces import from_diagnostic
from transforms.vocabulary.tables import Channel, Outcome

HAZARD = 0.22
"""Job changes a year. Between 17.8 % (from the median tenure of 3.9 years) and 24.8 % (from 22 % with a year or less), both US Bureau
of Labor Statistics USDL-24-1971; the much-quoted decay of contact lists is 22.5 % a year."""

SURE = 0.98
"""The prior on the day of a verification: a name on a mail can still be the wrong person's."""

UNKNOWN = 0.75
"""The prior where nothing was ever verified and the record has no date: as after somewhat more than a year."""

HALF_LIFE_YEARS = {"firm": 4.0, "slow": 1.5, "soft": 0.5}
"""Evidence weighs half after so many years: a farewell stays true, two records may differ for long, a full mailbox soon says nothing."""

CONTRADICTED = 0.15
"""What remains of a piece of evidence when they were heard from after it: it never cancels silently."""

NOTICE = pd.Timedelta(days=45)
"""People who say goodbye go on writing for a while; so long after a farewell their messages do not contradict it."""

ENOUGH_MAILS = 2
"""So many mails that did not come back show that the address was right once."""

CORRELATED = 0.5
"""Each further kind of evidence counts half of the one before: a bounce after a farewell is no surprise."""


@dataclass(frozen=True)
class Sign:
    """A kind of evidence: how many times likelier it is if they left, how it lasts, and how it is told.

    Of the signs that are ``about`` one thing, the heaviest is told; words of a person or of their mailbox are quoted, codes of servers are not.
    A sign without ``told`` brings its own words (see ``conflicts``).

    Ratios are judgement, ordered by what is known of each (a code alone finds a mailbox that is gone at precision 0.9).
    """

    name: str
    ratio: float
    lasts: str
    told: str
    weight: str
    is_stated: bool = False
    about: str = ""


_STRONG, _FAIR, WEAK = "strong sign", "sign", "weak sign"

SIGNS: tuple[Sign, ...] = (
    Sign("left_reply", 600.0, "firm", "Auto-reply of {day}", _STRONG, is_stated=True, about="word"),
    Sign("farewell", 600.0, "firm", "Their own words on {day}", _STRONG, is_stated=True, about="word"),
    Sign("role_reply", 25.0, "firm", "Auto-reply of {day} about a new role", _STRONG, about="word"),
    Sign(
        "mailbox_gone",
        40.0,
        "firm",
        "Mail came back on {day}: the mail server said that there is no such mailbox",
        _STRONG,
        about="address",
    ),
    Sign(
        "never_reached",
        2.5,
        "firm",
        "Mail came back on {day}, and none ever got through: the address may be mistyped",
        WEAK,
        about="address",
    ),
    Sign(
        "mailbox_disabled",
        12.0,
        "firm",
        "Mail came back on {day}: the mail server said that the mailbox is disabled",
        _FAIR,
        about="address",
    ),
    Sign("domain_gone", 8.0, "firm", "Mail came back on {day}: their mail domain was not found", _FAIR, about="address"),
    Sign("crm_bounce", 25.0, "firm", "The CRM has marked their address as unknown since {day}", _FAIR, about="address"),
    Sign("job_change", 15.0, "firm", "", _FAIR),
    Sign("two_employers", 6.0, "slow", "", _FAIR, about="records"),
    Sign("two_titles", 2.0, "soft", "", WEAK, about="records"),
    Sign("new_address", 5.0, "firm", "Message of {day} names a new address", _FAIR),
    Sign("mailbox_full", 2.5, "soft", "Mail came back on {day}: the mailbox was full", WEAK, about="address"),
    Sign("wrong_number", 2.5, "soft", "The phone number was wrong on {day}", WEAK),
)
_PLACE = {sign.name: place for place, sign in enumerate(SIGNS)}


def evidence(book: Book) -> pd.DataFrame:
    """All evidence against, one row a person and kind of sign (the latest of that kind), the heaviest first.

    Columns: person_id, at (missing where no date is known), sign (place in SIGNS), phrase (of our lists), successor, words (of signs that
    bring their own), is_contradicted, weight.
    """
    rows = book.activities
    kind, reason = rows["kind"].fillna(""), rows["reason"].fillna("")
    bounced = (kind == "bounce") & (reason != "")
    reached = _ever_reached(book)[rows["person_id"].cat.codes.to_numpy()]
    where = {
        "left_reply": (kind == "auto_reply") & (reason == "left"),
        "farewell": (kind == "human") & (reason == "left"),
        "role_reply": (kind == "auto_reply") & (reason == "role_change"),
        "mailbox_gone": bounced & (reason == "mailbox_gone") & reached,
        "never_reached": bounced & (reason == "mailbox_gone") & ~reached,
        "mailbox_disabled": bounced & (reason == "mailbox_disabled"),
        "domain_gone": bounced & (reason == "domain_gone"),
        "new_address": rows["new_address"].notna() & ~reason.isin(["left", "role_change"]),
        "mailbox_full": bounced & (reason == "mailbox_full"),
        "wrong_number": (rows["channel"] == Channel.CALL) & (rows["outcome"] == Outcome.WRONG_NUMBER),
    }
    found = [_rows_of(rows[mask], name) for name, mask in where.items() if mask.any()]
    items = pd.concat([*found, _crm_bounces(book), _conflicts(book)], ignore_index=True)
    items = items.sort_values(["person_id", "sign", "at"], na_position="first").drop_duplicates(["person_id", "sign"], keep="last")
    return _weighed(book, items).sort_values(["person_id", "weight", "sign"], ascending=[True, False, True], ignore_index=True)


def _rows_of(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_id": rows["person_id"].astype("str"),
            "at": rows["occurred_at"],
            "sign": _PLACE[name],
            "phrase": rows["evidence"],
            "successor": rows["successor"],
            "words": pd.Series(pd.NA, index=rows.index, dtype="str"),
        }
    )


def _conflicts(book: Book) -> pd.DataFrame:
    """Where the CRMs disagree, or one saw them change jobs."""
    told = book.frame(conflicts)
    nothing = pd.Series(pd.NA, index=told.index, dtype="str")
    return told.assign(sign=told["sign"].map(_PLACE).astype("int64"), phrase=nothing, successor=nothing)


def _ever_reached(book: Book) -> np.ndarray:
    """For each person, by code: whether we ever heard from them or a mail of ours got through, so that the address was theirs once."""
    rows = book.activities
    through = (
        (rows["direction"] == "outbound") & (rows["channel"] == Channel.EMAIL) & rows["outcome"].isin(["replied", "clicked", "opened"])
    )
    heard = np.bincount(book.answers["person_id"].cat.codes, minlength=len(book.persons)) > 0
    return np.asarray(heard | (np.bincount(rows.loc[through, "person_id"].cat.codes, minlength=len(book.persons)) > 0))


_CRM_WORDS = {"UNKNOWN_USER": "crm_bounce", "MAILBOX_FULL": "mailbox_full"}
_READ_AS = {
    "mailbox_gone": "crm_bounce",
    "mailbox_disabled": "mailbox_disabled",
    "domain_gone": "domain_gone",
    "mailbox_full": "mailbox_full",
}


def _crm_bounces(book: Book) -> pd.DataFrame:
    """What the CRM itself keeps of a bounce on the record: HubSpot's word, or the server's own sentence and code."""
    persons = book.persons
    marked = persons[persons["email_bounce_reason"].notna() | persons["email_bounce_code"].notna()]
    told = marked["email_bounce_reason"].fillna("") + "\n" + marked["email_bounce_code"].fillna("")
    names = {text: _sign_of(*text.split("\n", 1)) for text in told.unique()}
    sign = told.map(names)
    known = sign.notna()
    return pd.DataFrame(
        {
            "person_id": marked.index[known].astype("str"),
            "at": marked.loc[known, "email_bounced_at"].to_numpy() if known.any() else pd.Series(dtype="datetime64[us, UTC]"),
            "sign": sign[known].map(_PLACE).astype("int64").to_numpy(),
            "phrase": pd.Series(pd.NA, index=range(int(known.sum())), dtype="str"),
            "successor": pd.Series(pd.NA, index=range(int(known.sum())), dtype="str"),
            "words": pd.Series(pd.NA, index=range(int(known.sum())), dtype="str"),
        }
    ).astype({"at": "datetime64[us, UTC]"})


def _sign_of(reason: str, code: str) -> str | None:
    if reason.isupper():
        return _CRM_WORDS.get(reason)
    return _READ_AS.get(from_diagnostic("", code, reason).reason)


def verified(book: Book) -> pd.DataFrame:
    """When each person was last verified (``at``) and ``by`` what: message, live, record or title; missing where never."""
    answers = book.answers
    # A farewell is a word of theirs, but it verifies nothing.
    spoken = answers[answers["reason"].fillna("") != "left"]
    live = spoken["channel"].isin([Channel.CALL, Channel.MEETING])
    ways = pd.DataFrame(
        {
            "live": book.align(spoken[live].groupby("person_id").occurred_at.max()),
            "message": book.align(spoken[~live].groupby("person_id").occurred_at.max()),
            **dict(book.frame(verified_records).items()),
        }
    )
    at = ways.max(axis=1)
    by = pd.Series(pd.NA, index=ways.index, dtype="str")
    for name in reversed(ways.columns):
        by = by.mask(ways[name].notna() & (ways[name] == at), name)
    return pd.DataFrame({"at": at, "by": by})


def _weighed(book: Book, items: pd.DataFrame) -> pd.DataFrame:
    """The evidence with its weight: less with age, much less when they were heard from since."""
    last = book.frame(verified)["at"].reindex(items["person_id"]).set_axis(items.index)
    grace = items["sign"].map(dict.fromkeys([_PLACE["farewell"]], NOTICE)).fillna(pd.Timedelta(0))
    contradicted = (last > items["at"] + grace).astype(bool) | (items["at"].isna() & last.notna())
    years = (book.days_since(items["at"]) / 365.25).fillna(1.0)
    half = items["sign"].map({place: HALF_LIFE_YEARS[sign.lasts] for place, sign in enumerate(SIGNS)})
    ratio = items["sign"].map({place: np.log(sign.ratio) for place, sign in enumerate(SIGNS)})
    weight = ratio * np.exp2(-years / half) * np.where(contradicted, CONTRADICTED, 1.0)
    return items.assign(is_contradicted=contradicted, weight=weight.astype("float64"))


def still_there(book: Book) -> pd.Series:
    """The probability, 0.01 to 0.99, for every person."""
    at = book.frame(verified)["at"]
    # A record that was never verified says what its maker believed when it was made.
    years = book.days_since(at.fillna(book.persons["first_known_at"])) / 365.25
    prior = (SURE * np.exp(-HAZARD * years.clip(lower=0))).fillna(UNKNOWN)
    items = book.frame(evidence)
    rank = items.groupby("person_id").cumcount()
    against = book.align((items["weight"] * CORRELATED**rank).groupby(items["person_id"]).sum()).fillna(0.0)
    odds = np.log(prior / (1 - prior)) - against
    return (1 / (1 + np.exp(-odds))).clip(0.01, 0.99)


def stated(items: pd.DataFrame) -> Sequence[str]:
    """The persons of whom it was said in words that they left, and who were not heard from since."""
    is_stated = items["sign"].map({place: sign.is_stated for place, sign in enumerate(SIGNS)}).astype(bool)
    return list(items.loc[is_stated & ~items["is_contradicted"], "person_id"].unique())
