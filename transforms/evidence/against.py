"""Where the signs that somebody left are found: in what mail servers, mailboxes and people said, in the records, on the phone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from transforms import conflicts
from transforms.book import Book
from transforms.crms import crm_name
from transforms.evidence.signs import PLACE
from transforms.fields.wording import day
from transforms.mail.bounces import from_diagnostic
from transforms.mail.signatures import OTHER_COMPANY, OTHER_TITLE
from transforms.matching import names
from transforms.persons import PLAIN_FILE
from transforms.vocabulary.tables import Channel, Outcome

_COLUMNS = ("person_id", "at", "sign", "phrase", "successor", "words")


def found_signs(book: Book) -> pd.DataFrame:
    """Every sign that somebody left, one row a sign.

    Columns: person_id, at (missing where no date is known), sign (its place in SIGNS), phrase (of our lists), successor, words (of signs
    that bring their own).
    """
    parts = [_from_activities(book), _from_the_crm(book), _from_conflicts(book), book.frame(other_employers), _from_other_records(book)]
    return pd.concat([part[list(_COLUMNS)] for part in parts], ignore_index=True).astype({"at": "datetime64[us, UTC]"})


def _from_activities(book: Book) -> pd.DataFrame:
    rows = book.activities
    kind, reason, told = (rows[name].fillna("") for name in ("kind", "reason", "evidence"))
    codes = rows["person_id"].cat.codes.to_numpy()
    bounced = (kind == "bounce") & (reason != "")
    gone, disabled = bounced & (reason == "mailbox_gone"), bounced & (reason == "mailbox_disabled")
    reached, private = _ever_reached(book)[codes], _writes_from_home(book)[codes]
    wrong = (rows["channel"] == Channel.CALL) & (rows["outcome"] == Outcome.WRONG_NUMBER)
    spoke = _ever_on_the_phone(book)[codes]
    where = {
        "left_reply": (kind == "auto_reply") & (reason == "left"),
        "farewell": (kind == "human") & (reason == "left"),
        "role_reply": (kind == "auto_reply") & (reason == "role_change"),
        "own_role": (kind == "human") & (reason == "role_change") & ~told.isin([OTHER_TITLE, OTHER_COMPANY]),
        "signed_elsewhere": rows.index.isin(book.frame(signed_elsewhere).index),
        "signed_otherwise": (kind == "human") & (told == OTHER_TITLE),
        "mailbox_gone": gone & reached & ~private,
        "mailbox_shut_at_home": (gone & reached | disabled) & private,
        "never_reached": gone & ~reached,
        "mailbox_disabled": disabled & ~private,
        "domain_gone": bounced & (reason == "domain_gone"),
        "new_address": rows["new_address"].notna() & ~reason.isin(["left", "role_change"]),
        "mailbox_full": bounced & (reason == "mailbox_full"),
        "number_lost": wrong & spoke,
        "wrong_number": wrong & ~spoke,
    }
    found = [_items(rows.loc[mask, "person_id"].astype("str"), rows.loc[mask, "occurred_at"], name) for name, mask in where.items()]
    named = [rows.loc[mask, ["evidence", "successor"]].set_axis(["phrase", "successor"], axis=1) for mask in where.values()]
    return pd.concat([part.assign(**dict(words.items())) for part, words in zip(found, named, strict=True)])


def _items(people: pd.Series, at: pd.Series, sign: str | Sequence[int], words: pd.Series | None = None) -> pd.DataFrame:
    """Rows of found signs, without a phrase or successor."""
    nothing = pd.Series(pd.NA, index=people.index, dtype="str")
    return pd.DataFrame(
        {
            "person_id": people,
            "at": at,
            "sign": PLACE[sign] if isinstance(sign, str) else sign,
            "phrase": nothing,
            "successor": nothing,
            "words": nothing if words is None else words,
        }
    ).astype({"sign": "int64"})


def _from_conflicts(book: Book) -> pd.DataFrame:
    """Where the CRMs disagree, or one saw them change jobs."""
    told = book.frame(conflicts.conflicts)
    return _items(told["person_id"], told["at"], told["sign"].map(PLACE).to_list(), told["words"])


_ALIKE = {"profile_elsewhere": "the same LinkedIn profile", "name_elsewhere": "the same rare name"}


def _from_other_records(book: Book) -> pd.DataFrame:
    """Where a younger record of the same human stands at another firm."""
    rows = book.elsewhere
    words = [f"Another record with {_ALIKE[row.sign]} is at {row.firm} since {day(row.at)}" for row in rows.itertuples()]
    return _items(rows["person_id"], rows["at"], rows["sign"].map(PLACE).to_list(), pd.Series(words, index=rows.index, dtype="str"))


def _ever_reached(book: Book) -> np.ndarray:
    """For each person, by code: whether we ever heard from them or a mail of ours got through, so that the address was theirs once."""
    rows = book.activities
    through = (
        (rows["direction"] == "outbound") & (rows["channel"] == Channel.EMAIL) & rows["outcome"].isin(["replied", "clicked", "opened"])
    )
    heard = np.bincount(book.answers["person_id"].cat.codes, minlength=len(book.persons)) > 0
    return np.asarray(heard | (np.bincount(rows.loc[through, "person_id"].cat.codes, minlength=len(book.persons)) > 0))


def _ever_on_the_phone(book: Book) -> np.ndarray:
    """For each person, by code: whether we ever spoke with them on the phone, so that the number was theirs once."""
    calls = book.direct[book.direct["channel"] == Channel.CALL]
    return np.asarray(np.bincount(calls["person_id"].cat.codes, minlength=len(book.persons)) > 0)


def _writes_from_home(book: Book) -> np.ndarray:
    """For each person, by code: whether their address is one at which anybody can have one, so that it outlives a job."""
    domain = book.persons["email"].str.replace(r"^.*@", "", regex=True).str.lower()
    return np.asarray(domain.isin(list(names.shared_domains())).fillna(False).astype(bool))


_CRM_WORDS = {"UNKNOWN_USER": "crm_bounce", "MAILBOX_FULL": "mailbox_full"}
_READ_AS = {
    "mailbox_gone": "crm_bounce",
    "mailbox_disabled": "mailbox_disabled",
    "domain_gone": "domain_gone",
    "mailbox_full": "mailbox_full",
}


def signed_elsewhere(book: Book) -> pd.DataFrame:
    """Their messages under another firm's name, of people whose address is at the firm of the record.

    The address of an agency's people, or of a sister firm's, is elsewhere from the start, and so is what they sign.
    """
    rows = book.activities
    signed = rows[(rows["kind"] == "human") & (rows["evidence"] == OTHER_COMPANY)]
    if signed.empty:
        return signed
    sides = book.sides.reset_index()[["person_id", "email", "company_domain"]].dropna()
    homes = sides["email"].map(names.domain_of)
    at_firm = [isinstance(home, str) and names.same_firm(home, domain) for home, domain in zip(homes, sides["company_domain"], strict=True)]
    return signed[signed["person_id"].isin(sides.loc[np.array(at_firm, dtype=bool), "person_id"])]


def _from_the_crm(book: Book) -> pd.DataFrame:
    """What the CRM itself keeps of a bounce on the record: HubSpot's word, or the server's own sentence and code."""
    persons = book.persons
    is_marked = persons["email_bounce_reason"].notna() | persons["email_bounce_code"].notna()
    marked = persons[is_marked]
    told = marked["email_bounce_reason"].fillna("") + "\n" + marked["email_bounce_code"].fillna("")
    by_words = {text: _sign_of(*text.split("\n", 1)) for text in told.unique()}
    sign = told.map(by_words).astype("str")
    sign = sign.mask(sign.isin(["crm_bounce", "mailbox_disabled"]) & _writes_from_home(book)[is_marked.to_numpy()], "mailbox_shut_at_home")
    known = sign.dropna()
    return _items(known.index.to_series().astype("str"), marked.loc[known.index, "email_bounced_at"], known.map(PLACE).to_list())


def _sign_of(reason: str, code: str) -> str | None:
    if reason.isupper():
        return _CRM_WORDS.get(reason)
    return _READ_AS.get(from_diagnostic("", code, reason).reason)


def other_employers(book: Book) -> pd.DataFrame:
    """Records whose title and company domain were changed to another firm's since we last heard from the person.

    The domain must be of another firm than the address and, where it is known, than the company that the record belongs to. A domain that
    differs without a change of title says nothing: groups of firms share mail domains.
    """
    sides = book.sides.reset_index()
    last = book.align(book.answers.groupby("person_id").occurred_at.max()).reindex(sides["person_id"]).set_axis(sides.index)
    is_new = sides["title_changed_at"].notna() & ~(last >= sides["title_changed_at"])
    sides = sides[is_new & sides["email"].notna() & sides["company_domain"].notna()]
    firms = book.companies.set_axis(book.companies["crm"].fillna(PLAIN_FILE) + ":" + book.companies["company_id"], axis=0)["domain"]
    homes = firms[~firms.index.duplicated()].reindex(sides["company_key"]).map(names.domain_of, na_action="ignore")
    written, named = sides["email"].map(names.domain_of), sides["company_domain"].map(names.domain_of)
    is_other = [
        isinstance(mail, str)
        and isinstance(said, str)
        and not names.same_firm(mail, said)
        and not (isinstance(home, str) and names.same_firm(home, said))
        for mail, said, home in zip(written, named, homes, strict=True)
    ]
    found = sides.assign(written=written, named=named)[np.array(is_other, dtype=bool)]
    words = [
        f"{crm_name(row.crm)} names {row.named} as their firm since {day(row.title_changed_at)}, with another title; their address is at {row.written}"
        for row in found.itertuples()
    ]
    return _items(found["person_id"], found["title_changed_at"], "other_employer", pd.Series(words, index=found.index, dtype="str"))
