"""The book: one bucket of persons with all that was known of them at one moment.

Fields are pure functions of a book. It offers the rows of history under the names of design: what was *heard* from a
person, how we *touched* them, which of it was *direct*. Each view is made once, when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import orjson
import pandas as pd

from transforms.accounts import accounts_of
from transforms.attempts import find_attempts
from transforms.happenings import find_happenings
from transforms.matching.elsewhere import seen_elsewhere
from transforms.merging import find_records, merge_records
from transforms.org import Org, first_unknown_day
from transforms.persons import resolve
from transforms.policy import Policy
from transforms.rhythm import day_number, group_of, heard_days
from transforms.silence.facts import last_sources
from transforms.vocabulary.changes import STANDING, TASKS
from transforms.vocabulary.errors import BadInput
from transforms.vocabulary.fields import Field
from transforms.vocabulary.tables import COMPANIES, CONTACTS, OWNERS, STORED_ACTIVITIES, Channel, Direction, Outcome, empty_table

MESSAGES = (Channel.EMAIL, Channel.CHAT, Channel.SMS, Channel.WHATSAPP, Channel.LINKEDIN, Channel.MAIL)
"""Channels by which a person sends words."""

WAYS = (*MESSAGES, Channel.CALL, Channel.MEETING)
"""Channels by which we can reach out to a person."""

DAY = pd.Timedelta(days=1)

_HISTORY = frozenset({"heard", "answers", "direct", "touches", "attempts", "heard_days", "sides"})
"""Views that lean on nothing but what happened, not on what was learned from everybody."""


@dataclass(frozen=True)
class Tables:
    """The canonical frames of one bucket (or of everybody): contacts, activities as the lake keeps them, companies, owners.

    A bucket holds all contacts of its persons, also those that were merged away, with all their activities. ``people`` says who is who, as
    ``resolve`` found it over the contacts of **all** buckets, with the index of ``contacts``; without it, these contacts are all there are.
    ``standing`` is what our fields hold in the CRMs now (STANDING), as far as it is known: a state does not change without a reason.
    ``mail_elsewhere`` names the CRMs of which the admin says that their mail is captured outside of what we can read.
    ``elsewhere`` tells who stands under another record at another firm, as ``seen_elsewhere`` found it over all contacts; without it, these are all.
    ``tasks`` are those that we raised, as they were raised, with ``planned_at``: what became of them is counted.
    """

    contacts: pd.DataFrame
    activities: pd.DataFrame
    companies: pd.DataFrame = field(default_factory=lambda: empty_table(COMPANIES))
    owners: pd.DataFrame = field(default_factory=lambda: empty_table(OWNERS))
    people: pd.DataFrame | None = None
    standing: pd.DataFrame = field(default_factory=lambda: empty_table(STANDING))
    mail_elsewhere: frozenset[str] = frozenset()
    tasks: pd.DataFrame = field(default_factory=lambda: empty_table(TASKS))
    elsewhere: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Refuse frames that were not built by to_table."""
        for table, frame in (
            (CONTACTS, self.contacts),
            (STORED_ACTIVITIES, self.activities),
            (COMPANIES, self.companies),
            (OWNERS, self.owners),
        ):
            absent = [name for name in table.names if name not in frame.columns]
            if absent:
                raise BadInput(f"The frame of {table.name} lacks {', '.join(absent)}; build it with to_table.")


class Book:
    """A bucket of persons at the moment ``as_of``. Whatever lies after that moment is not in it.

    ``persons``: one row a person, indexed by person_id: the columns of contacts, merged (the oldest record speaks first; an opt-out in one
    counts for all), and ``company`` (the account) and ``first_known_at``.
    ``records``: all contacts, with person_id, is_live, matched_by, ``company_key`` (crm:company_id) and ``company``.
    ``members``: crm, contact_id, person_id of the contacts that can be written to.
    ``elsewhere``: who stands under another record at another firm (see ``matching.elsewhere``).
    ``activities``: STORED_ACTIVITIES with ``person_id`` (a categorical over the index of ``persons``), sorted by person and time, each
    happening once; ``told_again``: rows in which another CRM tells one of them, with ``told_by``, its number.
    """

    def __init__(self, tables: Tables, as_of: pd.Timestamp, policy: Policy, org: Org) -> None:
        if as_of.tzinfo is None:
            raise BadInput(f"The moment {as_of} has no time zone; write it as 2026-11-22T00:00:00Z.")
        self.as_of = as_of.tz_convert("UTC").as_unit("us")
        self.policy = policy
        self.org = org
        self._values: dict[str, pd.Series] = {}
        self._frames: dict[Callable[[Book], pd.DataFrame], pd.DataFrame] = {}
        self.mail_elsewhere, self.standing = tables.mail_elsewhere, tables.standing
        self.companies, self.owners = tables.companies, tables.owners
        people = resolve(tables.contacts, tables.companies) if tables.people is None else tables.people
        elsewhere = seen_elsewhere(tables.contacts, tables.companies, people) if tables.elsewhere is None else tables.elsewhere
        self.members = people.loc[people["is_live"], ["crm", "contact_id", "person_id"]].sort_values(
            ["person_id", "crm", "contact_id"], ignore_index=True
        )
        self.records = find_records(tables.contacts, people, accounts_of(tables.companies), self.as_of)
        persons = merge_records(self.records[self.records["is_live"]], ["person_id"])
        happened = find_happenings(tables.activities, people, persons.index, self.as_of)
        self.activities, self.told_again = happened.rows, happened.told_again
        self.persons = persons
        self.elsewhere = elsewhere[elsewhere["person_id"].isin(persons.index) & (elsewhere["at"] <= self.as_of)]
        first_seen = self.align(self.activities.groupby("person_id").occurred_at.min())
        self.persons = persons.assign(first_known_at=pd.concat([persons["created_at"], first_seen], axis=1).min(axis=1))

    def knowing(self, org: Org) -> Book:
        """The same bucket with what ``org`` has learned. What happened is not found anew."""
        made = {name for name, part in vars(Book).items() if isinstance(part, cached_property)}
        other = Book.__new__(Book)
        vars(other).update({name: part for name, part in vars(self).items() if name in _HISTORY or name not in made})
        vars(other).update(org=org, _values={}, _frames={})
        return other

    # -- values -------------------------------------------------------------------------------------------------------

    def value(self, field_: Field) -> pd.Series:
        """The value of a field for every person of the book, computed once; missing where the field says nothing."""
        if field_.name not in self._values:
            self._values[field_.name] = self.align(field_.compute(self)).rename(field_.name)
        return self._values[field_.name]

    def frame(self, make: Callable[[Book], pd.DataFrame]) -> pd.DataFrame:
        """What a pure function makes of this book, computed once: for facts that several fields share."""
        if make not in self._frames:
            self._frames[make] = make(self)
        return self._frames[make]

    def align(self, values: pd.Series) -> pd.Series:
        """``values``, indexed by some of the persons, with one row for every person of the book, in its order."""
        index = values.index
        if isinstance(index, pd.CategoricalIndex):
            # What was grouped by person_id knows its persons by number.
            numbers = (
                self.persons.index.get_indexer(index.categories)[index.codes] if index.categories is not self.persons.index else index.codes
            )
            return values.set_axis(numbers).reindex(range(len(self.persons))).set_axis(self.persons.index)
        return values if index is self.persons.index else values.reindex(self.persons.index)

    def spread(self, values: pd.Series, rows: pd.DataFrame) -> pd.Series:
        """For each row of a view, the value of its person; ``values`` has one row a person, as from :meth:`align`."""
        return pd.Series(values.array.take(rows["person_id"].cat.codes.to_numpy()), index=rows.index)

    def days_since(self, times: pd.Series) -> pd.Series:
        """Days from each time to the moment of the book, as a fraction; missing where the time is."""
        return (self.as_of - times) / DAY

    def within(self, rows: pd.DataFrame, days: float) -> pd.DataFrame:
        """The rows of a view that happened in the last ``days`` days."""
        return rows[rows["occurred_at"] > self.as_of - pd.Timedelta(days=days)]

    def last(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The latest row of each person, indexed by person_id, one row for every person of the book."""
        latest = rows.drop_duplicates("person_id", keep="last")
        return latest.set_axis(latest["person_id"].astype("str"), axis=0).drop(columns="person_id").reindex(self.persons.index)

    def count(self, rows: pd.DataFrame) -> pd.Series:
        """How many rows each person has; 0 where none."""
        return pd.Series(np.bincount(rows["person_id"].cat.codes, minlength=len(self.persons)), index=self.persons.index, dtype="int64")

    def held(self, names: Sequence[str]) -> pd.DataFrame:
        """What the CRMs hold now in these fields of ours, as text: one row a person, missing where nothing is held.

        Where two records of a person hold different texts, that of the first by CRM and id is told.
        """
        rows = self.standing[self.standing["table"] == CONTACTS.name]
        kept = [orjson.loads(text) for text in rows["values"]]
        told = pd.DataFrame({name: pd.Series([one.get(name) for one in kept], index=rows.index, dtype="str") for name in names})
        told = rows[["crm", "record_id"]].join(told).rename(columns={"record_id": "contact_id"})
        mine = self.members.merge(told, on=["crm", "contact_id"])
        return mine.drop_duplicates("person_id").set_index("person_id")[list(names)].reindex(self.persons.index)

    @cached_property
    def sides(self) -> pd.DataFrame:
        """What each CRM says of a person: as ``persons``, but one row a person and CRM, indexed by both."""
        return merge_records(self.records[self.records["is_live"]], ["person_id", "crm"])

    # -- what they did ------------------------------------------------------------------------------------------------

    @cached_property
    def heard(self) -> pd.DataFrame:
        """What a human on their side did: wrote, called, picked up, attended, filled a form, posted, used the product, opened a ticket.

        Never an open, a click, a bounce, an automatic reply of any kind, or a message of theirs to many at once.
        An inbound message of which nothing is known but that it came counts as human. An outbound message that the CRM marks as
        replied counts, at the time it was sent, unless only machines wrote back. A meeting that is only planned does not count; one in the past that nobody gave
        an outcome does (Salesforce has none).
        """
        rows = self.activities
        return rows[self._is_human & (self._is_word | self._is_sign)]

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The part of ``heard`` that is a word to us: product use and forms are signs of life, but no answer."""
        return self.activities[self._is_human & self._is_word]

    @cached_property
    def direct(self) -> pd.DataFrame:
        """Live conversations: calls that connected and meetings that were held."""
        return self.activities[self._is_human & self._is_direct]

    @cached_property
    def bounces(self) -> pd.DataFrame:
        """Messages that came back, and our messages that the CRM marks as bounced."""
        return self.activities[self._is_bounce]

    @cached_property
    def auto_replies(self) -> pd.DataFrame:
        """Automatic replies of any kind: away, left, acknowledgement, challenge."""
        return self.activities[self._is_auto_reply]

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """Tickets that were opened and closed."""
        rows = self.activities
        return rows[(rows["channel"] == Channel.TICKET) & rows["outcome"].isin([Outcome.OPENED_TICKET, Outcome.CLOSED_TICKET])]

    @cached_property
    def heard_days(self) -> pd.DataFrame:
        """The days on which each person was heard from, with their gaps (see ``rhythm.heard_days``)."""
        return heard_days(self.heard, self.policy)

    @cached_property
    def tomorrow(self) -> int:
        """The first UTC day of which nothing is known yet, as days since 1970."""
        return first_unknown_day(self.as_of)

    @cached_property
    def rhythm(self) -> pd.DataFrame:
        """For each person: ``number`` of days heard, ``usual`` gap in days, ``gap`` before the last day heard, ``usual_before`` it, ``group``, ``recency``.

        ``recency`` is days since last heard, in whole UTC days from 1; for people never heard from, since we know them. Days in a hole of
        the data, of which nothing is known of them, do not count in it, nor in the usual gap.
        """
        latest = self.heard_days.drop_duplicates("person", keep="last")
        latest = latest.set_axis(self.persons.index[latest["person"]], axis=0).reindex(self.persons.index)
        number = latest["number"].fillna(0).astype("int64")
        known = self.persons["first_known_at"]
        known_on = pd.Series(day_number(known.fillna(self.as_of)), index=known.index).where(known.notna())
        since = latest["on"].fillna(known_on)
        lost = self._lost_days(since.fillna(self.tomorrow).to_numpy() + 1, np.full(len(since), self.tomorrow))
        gaps = np.clip(number - 1, 1, self.policy.rhythm_gaps)
        on = latest["on"].fillna(self.tomorrow).to_numpy()
        inside = self._lost_days(on - np.nan_to_num(latest["usual"] * gaps) + 1, on)
        usual = (latest["usual"] - inside / gaps).clip(lower=1 / self.policy.rhythm_gaps)
        return pd.DataFrame(
            {
                "number": number,
                "usual": usual,
                "gap": latest["gap"],
                "usual_before": latest["usual_before"],
                "group": group_of(number.to_numpy(), usual.to_numpy()),
                "recency": (self.tomorrow - since - lost).clip(lower=1),
            }
        )

    @cached_property
    def _last_sources(self) -> tuple[np.ndarray, np.ndarray]:
        """By which way and in whose mailbox each person was last heard, as numbers."""
        found = pd.DataFrame(np.column_stack(last_sources(self.heard)), index=self.heard.index)
        last = found.set_axis(self.heard["person_id"].cat.codes).groupby(level=0).tail(1)
        whole = last.reindex(range(len(self.persons))).to_numpy()
        return whole[:, 0], whole[:, 1]

    def _lost_days(self, first: np.ndarray, end: np.ndarray) -> np.ndarray:
        """For each person how many of the days from ``first`` to the day before ``end`` lie in a hole of the data."""
        # A mailbox that is deaf now hides a pause that must show: their state is unknown, not engaged.
        holes = self.org.holes.but_open_mailboxes(self.tomorrow)
        return holes.days_of(*self._last_sources, first, end) if holes.found else np.zeros(len(first))

    # -- what we did --------------------------------------------------------------------------------------------------

    @cached_property
    def touches(self) -> pd.DataFrame:
        """What we sent or tried, meant for this person alone. Not broadcasts, not what bounced, not a wrong number.

        A call that nobody took, a voicemail and a meeting to which nobody came are touches. Planned or cancelled meetings are not.
        """
        rows = self.activities
        is_ours = (rows["direction"] == Direction.OUTBOUND) & rows["channel"].isin(WAYS)
        missed = (rows["channel"] == Channel.MEETING) & rows["outcome"].isin([Outcome.SCHEDULED, Outcome.CANCELED, Outcome.DECLINED])
        reached_nobody = self._is_bounce | self._is_auto_reply | (rows["outcome"] == Outcome.WRONG_NUMBER) | missed
        return rows[is_ours & ~reached_nobody & ~self._is_broadcast]

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """The touches that asked for an answer, with ``answered_at``, ``answered_by`` and ``is_open`` (see ``find_attempts``)."""
        return find_attempts(self.activities, self.touches, self.answers, self.policy)

    @cached_property
    def unanswered(self) -> pd.DataFrame:
        """The attempts since they last said something that are old enough to be called unanswered."""
        rows = self.attempts
        patient = self.as_of - pd.Timedelta(days=self.policy.unanswered_after_days)
        return rows[rows["is_open"] & (rows["occurred_at"] <= patient)]

    @cached_property
    def broadcasts(self) -> pd.DataFrame:
        """What we sent to many at once."""
        return self.activities[(self.activities["direction"] == Direction.OUTBOUND) & self._is_broadcast & ~self._is_bounce]

    @cached_property
    def mass_mails(self) -> pd.DataFrame:
        """What they sent to many at once, us among them: no word to us, but a sign that they are busy there."""
        is_mass = (self.activities["direction"] == Direction.INBOUND) & (self.activities["channel"] == Channel.EMAIL)
        return self.activities[is_mass & self._is_broadcast & ~self._is_bounce & ~self._is_auto_reply]

    # -- masks over ``activities`` ------------------------------------------------------------------------------------

    @cached_property
    def _is_bounce(self) -> pd.Series:
        return (self.activities["outcome"] == Outcome.BOUNCED) | (self.activities["kind"] == "bounce")

    @cached_property
    def _is_auto_reply(self) -> pd.Series:
        return (self.activities["outcome"] == Outcome.AUTO_REPLY) | (self.activities["kind"] == "auto_reply")

    @cached_property
    def _is_broadcast(self) -> pd.Series:
        rows = self.activities
        many = (rows["channel"] == Channel.EMAIL) & (rows["participant_count"].fillna(1) >= self.policy.broadcast_from)
        return rows["is_broadcast"].fillna(many).astype(bool)

    @cached_property
    def _is_human(self) -> pd.Series:
        rows = self.activities
        theirs_by_machine = (rows["direction"] == Direction.INBOUND) & rows["is_automated"].fillna(False).astype(bool)
        never = self._is_bounce | self._is_auto_reply | (rows["kind"] == "machine") | theirs_by_machine
        unread = rows["outcome"].isin([Outcome.OPENED, Outcome.CLICKED, Outcome.WRONG_NUMBER])
        to_many = self._is_broadcast & (rows["channel"] == Channel.EMAIL) & (rows["outcome"] != Outcome.REPLIED)
        return ~(never | unread | to_many)

    @cached_property
    def _is_direct(self) -> pd.Series:
        rows = self.activities
        inbound, outcome = rows["direction"] == Direction.INBOUND, rows["outcome"]
        call = (rows["channel"] == Channel.CALL) & ((outcome == Outcome.CONNECTED) | (inbound & outcome.isna()))
        meeting = (
            (rows["channel"] == Channel.MEETING) & ((outcome == Outcome.HELD) | outcome.isna()) & (rows["direction"] != Direction.INTERNAL)
        )
        return call | meeting

    @cached_property
    def _is_word(self) -> pd.Series:
        rows = self.activities
        inbound, outcome, channel = rows["direction"] == Direction.INBOUND, rows["outcome"], rows["channel"]
        message = inbound & channel.isin(MESSAGES)
        call = inbound & (channel == Channel.CALL)
        declined = inbound & (channel == Channel.MEETING) & outcome.isin([Outcome.DECLINED, Outcome.REPLIED])
        posted = inbound & (channel == Channel.COMMUNITY) & (outcome.isna() | (outcome == Outcome.POSTED) | (outcome == Outcome.REPLIED))
        ticket = inbound & (channel == Channel.TICKET) & (outcome != Outcome.CLOSED_TICKET)
        replied = (outcome == Outcome.REPLIED) & channel.isin(WAYS)
        return message | call | declined | posted | ticket | replied | self._is_direct

    @cached_property
    def _is_sign(self) -> pd.Series:
        rows = self.activities
        inbound, outcome = rows["direction"] == Direction.INBOUND, rows["outcome"]
        form = (rows["channel"] == Channel.FORM) & (outcome.isna() | (outcome == Outcome.SUBMITTED))
        web = (rows["channel"] == Channel.WEB) & (outcome == Outcome.SUBMITTED)
        used = (rows["channel"] == Channel.PRODUCT) & (outcome.isna() | (outcome == Outcome.USED))
        return inbound & (form | web | used)
