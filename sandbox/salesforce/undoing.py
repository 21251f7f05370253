"""A point to which an org can go back: what all-or-none writes need when one of their rows is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.salesforce.records import Undo

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org


class Savepoint:
    """Notes what changes in an org from here on. The caller holds the org's lock until :meth:`release`.

    Savepoints may stand inside each other; going back to an outer one also undoes what the inner ones let stand.
    """

    def __init__(self, org: Org) -> None:
        self._org = org
        self._deletions = {name: list(entries) for name, entries in org.deletions.items()}
        self._bin = list(org.bin)
        self._outer = next(iter(org.stores.values())).journal
        self._journal: list[Undo] = []
        self._write_to(self._journal)

    def go_back(self) -> None:
        """Undo everything since the savepoint was made."""
        self._write_to(None)
        for undo in reversed(self._journal):
            undo()
        self._journal.clear()
        self._org.deletions = {name: list(entries) for name, entries in self._deletions.items()}
        self._org.bin = list(self._bin)
        self._write_to(self._journal)

    def release(self) -> None:
        """Note no longer; what was done stands, as far as an outer savepoint is concerned."""
        if self._outer is not None:
            self._outer.extend(self._journal)
        self._write_to(self._outer)

    def _write_to(self, journal: list[Undo] | None) -> None:
        for store in self._org.stores.values():
            store.journal = journal
