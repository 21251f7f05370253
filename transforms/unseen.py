"""Mail that passes unseen: the CRM counts it and keeps no record of it. Then no mail on record says nothing of the person.

Salesforce can capture mail outside of its objects and keep only when mail last passed; see ``mail_captured_at`` of contacts.
"""

from __future__ import annotations

import pandas as pd

from transforms.book import DAY, Book
from transforms.vocabulary.tables import Channel, Outcome


def unseen_mail(book: Book) -> pd.DataFrame:
    """The persons with whom mail passes unseen, indexed by person_id: ``crm`` that keeps no record of it, ``at`` when it last passed there.

    Unseen: the CRM counts a mail that is later than the last one on record, in whatever CRM, by more than ``unseen_mail_days``. Where the
    admin says that a CRM's mail is captured elsewhere, also everybody there without a mail on record in the last 90 days; ``at`` is then missing.
    """
    seen = _last_on_record(book)
    sides = book.sides.reset_index()[["person_id", "crm", "mail_captured_at"]]
    known = seen.reindex(sides["person_id"]).set_axis(sides.index)
    is_later = sides["mail_captured_at"] > known + book.policy.unseen_mail_days * DAY
    is_counted = sides["mail_captured_at"].notna() & (is_later | known.isna())
    is_old = known.isna() | (known <= book.as_of - book.policy.short_window_days * DAY)
    found = sides[is_counted | (sides["crm"].isin(list(book.mail_elsewhere)) & is_old)]
    found = found.assign(at=found["mail_captured_at"].where(is_counted)).sort_values(["person_id", "at", "crm"], na_position="first")
    return found.drop_duplicates("person_id", keep="last").set_index("person_id")[["crm", "at"]]


def _last_on_record(book: Book) -> pd.Series:
    """When the last mail between us and each person was, that a CRM has on record. What went to many is no sign that the other mail is kept."""
    rows = pd.concat([book.activities, book.told_again]) if len(book.told_again) else book.activities
    is_mail = (rows["channel"] == Channel.EMAIL) & ~rows["outcome"].isin([Outcome.OPENED, Outcome.CLICKED])
    to_many = (rows["participant_count"].fillna(1) >= book.policy.broadcast_from) | rows["is_automated"].fillna(False).astype(bool)
    mails = rows[is_mail & ~rows["is_broadcast"].fillna(to_many).astype(bool)]
    return book.align(mails.groupby("person_id").occurred_at.max())


def is_unseen(book: Book) -> pd.Series:
    """For every person whether mail with them passes unseen."""
    return pd.Series(book.persons.index.isin(book.frame(unseen_mail).index), index=book.persons.index)
