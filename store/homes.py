"""Where each contact lives: the bucket of its person, held in memory and brought up to date from the contacts' sheet."""

from __future__ import annotations

import threading
from collections import defaultdict

import pandas as pd
import pyarrow.dataset as ds

from store.sheets import BUCKET, SEQ, Sheet, mark_of
from store.versions import ERASED, EVENTS, STRANGERS


class Homes:
    """For each CRM: contact id to bucket. About 150 bytes a contact."""

    def __init__(self, contacts: Sheet) -> None:
        self._contacts = contacts
        self._lock = threading.Lock()
        self._read_to = 0
        self._buckets: dict[str, dict[str, int]] = defaultdict(dict)

    def of(self, crms: pd.Series, contact_ids: pd.Series) -> pd.Series:
        """The bucket of each contact, with the index of ``contact_ids``; STRANGERS where the contact is not in the lake."""
        self.refresh()
        return self.known(crms, contact_ids)

    def known(self, crms: pd.Series, contact_ids: pd.Series) -> pd.Series:
        """As :meth:`of`, by what was known at the last refresh."""
        found = [self._buckets[crm].get(contact, STRANGERS) for crm, contact in zip(crms, contact_ids, strict=True)]
        return pd.Series(found, index=contact_ids.index, dtype="int32")

    def refresh(self) -> None:
        """Read what was committed since the last time, by us or by others."""
        with self._lock:
            table = self._contacts.open()
            last = mark_of(table, SEQ)
            if last == self._read_to:
                return
            columns = [SEQ, BUCKET, "crm", "contact_id", "event"]
            rows = self._contacts.scan(columns, ds.field(SEQ) > self._read_to, table=table)
            rows = rows[(rows[BUCKET] != EVENTS) | (rows["event"] == ERASED)].sort_values(SEQ, kind="stable")
            for crm, contact, bucket in zip(rows["crm"], rows["contact_id"], rows[BUCKET], strict=True):
                if bucket == EVENTS:
                    self._buckets[crm].pop(contact, None)
                else:
                    self._buckets[crm][contact] = bucket
            self._read_to = last
