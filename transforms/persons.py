"""Who is who: from the contacts of all CRMs to persons, and from persons to buckets."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pandas as pd

PLAIN_FILE = "files"
"""The CRM of a row that names none."""

SHARED_MAILBOXES = frozenset(
    """
    abuse accounting accounts accountspayable admin administration all ap ar backoffice bestellung billing booking bookings buchhaltung bureau
    careers compliance comptabilite contact contacto contactus contato correo customercare customerservice einkauf empfang enquiries facturacion
    faktura feedback finance fragen front-desk frontdesk general hallo hello help helpdesk hola hostmaster hr info information informatique inkoop
    inquiries invoice invoices it jobs kantoor kontakt kundenservice legal mail mailbox marketing media newsletter no-reply noreply office oficina
    operations order orders payments payroll postmaster presse press privacy procurement purchasing reception rechnung recruiting reservations
    root sales secretariat security sekretariat service servicedesk shop soporte spam staff support systems team technik ufficio ventas vendas
    verkauf vertrieb verwaltung webmaster zentrale
    """.split()  # noqa: SIM905 - one word a line would fill a page
)
"""Local parts of addresses that several people read. Two contacts with such an address are two persons."""


def email_key(emails: pd.Series) -> pd.Series:
    """The address by which contacts are matched: lower case, trimmed; missing for shared mailboxes and what is no address."""
    address = emails.str.strip().str.lower().str.replace("mailto:", "", regex=False)
    local = address.str.replace("@.*", "", regex=True)
    usable = address.str.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+").fillna(False).astype(bool) & ~local.isin(SHARED_MAILBOXES)
    return address.where(usable)


def person_of(key: str) -> str:
    """The person_id that belongs to an address, as :func:`email_key` gives it."""
    return "p" + blake2b(key.encode(), digest_size=10).hexdigest()


def resolve(contacts: pd.DataFrame) -> pd.DataFrame:
    """The person behind each contact: a frame crm, contact_id, person_id, is_live, one row a contact, in the order of ``contacts``.

    Contacts with one e-mail address are one person; an address that several people read matches nobody.
    A contact that was merged into another belongs to the person of that one, through any number of merges.
    ``is_live`` is false for contacts that were merged away or deleted: their history counts, but nothing is written to them.

    ``person_id`` is a digest of the address, so that ids may stand in logs, or else crm:contact_id.
    The same contacts give the same ids on every machine.
    """
    crm = contacts["crm"].fillna(PLAIN_FILE)
    own = (crm + ":" + contacts["contact_id"]).to_numpy(dtype=object)
    into = (crm + ":" + contacts["merged_into"]).to_numpy(dtype=object)
    last = _follow(own, into)
    address = pd.Series(email_key(contacts["email"]).to_numpy(), index=own)
    address = address[~address.index.duplicated()].reindex(last)
    digests = {text: person_of(text) for text in address.dropna().unique()}
    person = np.where(address.notna(), address.map(digests).to_numpy(dtype=object), last)
    is_live = contacts["merged_into"].isna() & ~contacts["is_deleted"].fillna(False).astype(bool)
    return pd.DataFrame(
        {
            "crm": crm.astype("str"),
            "contact_id": contacts["contact_id"].astype("str"),
            "person_id": pd.Series(person, index=contacts.index).astype("str"),
            "is_live": is_live.astype(bool),
        },
        index=contacts.index,
    )


def _follow(own: np.ndarray, into: np.ndarray) -> np.ndarray:
    """The record at the end of each chain of merges. A chain that bites its tail ends at its least key."""
    step = {a: b for a, b in zip(own, into, strict=True) if isinstance(b, str)}
    last = own.copy()
    for place, key in enumerate(own):
        if key not in step:
            continue
        seen = [key]
        while seen[-1] in step and step[seen[-1]] not in seen:
            seen.append(step[seen[-1]])
        bites = seen[-1] in step
        last[place] = min(seen[seen.index(step[seen[-1]]) :]) if bites else seen[-1]
    return last


def bucket_of(person_id: pd.Series, buckets: int) -> pd.Series:
    """The bucket of each person, 0 to ``buckets`` - 1; the same on every machine and in every run."""
    codes, ids = pd.factorize(person_id)
    numbers = np.array([int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") % buckets for text in ids], dtype="int64")
    return pd.Series(numbers[codes] if len(ids) else codes, index=person_id.index, name="bucket", dtype="int64")
