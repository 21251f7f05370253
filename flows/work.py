"""What a run has in hand: settings, thresholds, lake, journal, connectors, and a way to tell how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connectors.protocol import Crm
from flows.memory import share_pools
from flows.quota import QuotaBook
from flows.settings import Settings, need_crm, need_token, salesforce_secret
from store.journal import Journal
from store.lake import Lake
from store.private import make_private
from transforms.crms import crm_name
from transforms.policy import Policy
from transforms.vocabulary.changes import Unread
from transforms.vocabulary.errors import BadSettings, PersonMustAct, SetupNeeded, SomeCrmsFailed, StillThereError

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how far it is, and how far it will be (None: not known)."""


def _silent(_step: str, _done: int, _expected: int | None) -> None:
    """Tell nobody."""


class Stopped(StillThereError):
    """Somebody asked the run to end."""

    exit_code = 130


@dataclass
class Work:
    """Everything that the steps of a run share.

    ``crms`` holds one connector a CRM, by name. ``ahead`` holds, by step, a function that waits for a step that was begun before the flow.
    ``failed`` holds what went wrong in the CRMs that could not be read in this run, ``unread`` the activities that we may not read, ``quota`` what the run knows of calls before it makes them.
    """

    settings: Settings
    policy: Policy
    lake: Lake
    journal: Journal
    crms: dict[str, Crm]
    progress: Progress = field(default=_silent)
    ahead: dict[str, Callable[[Work], Any]] = field(default_factory=dict)
    stopping: threading.Event = field(default_factory=threading.Event)
    failed: dict[str, StillThereError] = field(default_factory=dict)
    unread: dict[str, tuple[Unread, ...]] = field(default_factory=dict)
    quota: QuotaBook = field(default_factory=QuotaBook)

    def go_on(self) -> None:
        """Raise Stopped where somebody has asked the run to end; looked at between two pages."""
        if self.stopping.is_set():
            raise Stopped("The run was stopped; what was committed stays, and the next run goes on from there.")

    def need_all(self) -> None:
        """Raise where a CRM could not be read: with half of what is known of people, nothing is concluded and nothing is written."""
        if not self.failed:
            return
        first = next(iter(self.failed.values()))
        if len(self.crms) == 1:
            raise first
        kept = " and ".join(crm_name(name) for name in self.crms if name not in self.failed)
        told = " ".join(f"{crm_name(name)} failed: {error}" for name, error in self.failed.items())
        ending = f" What came from {kept} is kept, nothing was written, and the next run goes on from there." if kept else ""
        raise SomeCrmsFailed(f"{told}{ending}", first.exit_code)

    def crm(self, name: str) -> Crm:
        """The connector of that CRM. Raises SetupNeeded where no credentials for it were given."""
        if name not in self.crms:
            raise SetupNeeded(f"{name} is not connected: no credentials for it were given; set them in the environment and try again.")
        return self.crms[name]


KEYS = {"companies": "company_id", "activities": "activity_id"}
"""The column that names a record, of the tables whose gone records the lake leaves out by itself."""


def open_work(settings: Settings, *, progress: Progress = _silent, offline: bool = False) -> Work:
    """Open lake and journal, and a connector for each CRM that has credentials; ``offline`` opens none.

    The home folder is made, for its owner alone. Raises PersonMustAct where it cannot be.
    """
    try:
        make_private(settings.home)
    except OSError as error:
        raise PersonMustAct(
            f"The home folder {settings.home} could not be made for its owner alone ({error.strerror}); set STILLTHERE_HOME to one that can."
        ) from error
    share_pools()
    lake = Lake.open(settings.lake_url, buckets=settings.buckets)
    crms = {} if offline else open_crms(settings, lake)
    return Work(settings, settings.thresholds(), lake, Journal(lake), crms, progress)


def open_crms(settings: Settings, lake: Lake | None = None) -> dict[str, Crm]:
    """A connector for each CRM that has credentials. Raises BadSettings with all faults of all of them, or where there are none at all.

    With ``lake`` what vanished from a CRM without a trace is found by comparing with it.
    """
    need_crm(settings)
    makers: dict[str, Callable[[], Crm]] = {"hubspot": lambda: hubspot(settings, lake), "salesforce": lambda: salesforce(settings, lake)}
    crms: dict[str, Crm] = {}
    faults: list[str] = []
    for name in settings.connected:
        try:
            crms[name] = makers[name]()
        except BadSettings as error:
            faults.append(str(error))
    if faults:
        raise BadSettings(" ".join(faults))
    return crms


def kept_ids(lake: Lake, crm: str, table: str) -> list[str]:
    """The ids of the records of a table that the lake holds as live; of a merge only what it ended in.

    ``emails`` are the activities by e-mail, ``archived contacts`` those that lie in the CRM's recycle bin.
    """
    if table == "emails":
        rows = lake.read("activities", columns=["crm", "activity_id", "channel"])
        return [str(one) for one in rows.loc[(rows["crm"] == crm) & (rows["channel"] == "email"), "activity_id"].unique()]
    people = ("contacts", "archived contacts")
    if table in people:
        rows = lake.read("contacts", columns=["crm", "contact_id", "merged_into", "is_deleted"])
        is_archived = rows["is_deleted"].fillna(value=False).astype(bool)
        rows = rows[rows["merged_into"].isna() & (is_archived if table == "archived contacts" else ~is_archived)]
    else:
        rows = lake.read(table, columns=["crm", KEYS[table]])
    return [str(one) for one in rows.loc[rows["crm"] == crm, "contact_id" if table in people else KEYS[table]]]


def salesforce(settings: Settings, lake: Lake | None = None) -> Crm:
    """The Salesforce connector, with our fields."""
    from connectors.salesforce import Credentials, Manner, Salesforce  # noqa: PLC0415 - the client library takes a second to import
    from transforms.fields import FIELDS  # noqa: PLC0415 - the same

    credentials = Credentials(
        domain=settings.salesforce_domain,
        consumer_key=settings.salesforce_consumer_key,
        consumer_secret=salesforce_secret(settings),
        username=settings.salesforce_username,
        private_key_file=str(settings.salesforce_private_key_file or ""),
    )
    manner = Manner() if lake is None else Manner(known=lambda table: kept_ids(lake, "salesforce", table))
    return Salesforce(
        credentials, base_url=settings.salesforce_base_url, fields=FIELDS, reserve_share=settings.reserve_share, manner=manner
    )


def hubspot(settings: Settings, lake: Lake | None = None) -> Crm:
    """The HubSpot connector, with our fields."""
    from connectors.hubspot import HubSpot, Manner  # noqa: PLC0415 - the client library takes a quarter of a second to import
    from transforms.fields import FIELDS  # noqa: PLC0415 - the same

    manner = Manner() if lake is None else Manner(known=lambda stream: kept_ids(lake, "hubspot", stream))
    return HubSpot(
        token=need_token(settings),
        base_url=settings.hubspot_base_url,
        fields=FIELDS,
        reserve_share=settings.reserve_share,
        index_lag_s=settings.index_lag_minutes * 60,
        manner=manner,
    )
